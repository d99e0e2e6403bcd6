"""The sender when two things happen at once: a block and an answer, a replacement and a failure, a kill and a lost nonce."""
import json
import sqlite3
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.errors import NotSentError, OutcomeForgottenError
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.chain.fake_node import FakeNode, Fault, decode
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, successes

SEND = "eth_sendRawTransaction"


async def test_a_refusal_that_comes_after_the_receipt_changes_nothing(bench: Bench) -> None:
    at_once = bench.node.request

    async def late(method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        answer = await at_once(method, url, body=body, timeout=timeout)
        questions = json.loads(body or b"")
        if SEND not in (body or b"").decode():
            return answer
        await bench.clock.sleep(3.0)
        answers = [{"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32000, "message": "insufficient funds"}}
                   for question in questions]
        return HttpAnswer(200, {}, json.dumps(answers).encode())

    bench.node.request = late  # type: ignore[method-assign]
    bench.submit(intent(1), intent(2))
    await bench.run(10.0)
    assert successes(bench) == 2 and bench.sender.pending == []
    assert bench.mined_orders() == Counter({intent(1).data: 1, intent(2).data: 1})


async def test_a_replacement_that_the_node_finds_too_cheap_waits_for_its_next_turn(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == SEND and bench.node.pool:
            raise Fault("replacement transaction underpriced")

    bench.node.mining = False
    bench.node.before = before
    (tracked,) = bench.submit(intent(1))
    await bench.run(30.0)
    offered = [attempt.fees.max_fee for attempt in tracked.attempts]
    assert 2 <= len(offered) <= 4 and offered == sorted(set(offered))
    bench.node.mining = True
    await bench.run(3.0, 1)
    assert successes(bench) == 1


async def test_a_replacement_that_cannot_be_written_down_leaves_the_first_transaction_alone(bench: Bench) -> None:
    async def record(*_: Any) -> None:
        raise sqlite3.OperationalError("disk full")

    bench.node.mining = False
    (tracked,) = bench.submit(intent(1))
    await bench.run(1.0)
    bench.journal.record = record  # type: ignore[method-assign]
    await bench.run(15.0)
    assert [attempt.hash for attempt in tracked.attempts] == [bench.node.accepted[0].hash] and not bench.ends
    bench.node.mining = True
    await bench.run(3.0, 1)
    assert successes(bench) == 1


async def test_a_transaction_that_is_mined_while_its_replacement_waits_for_fees_is_not_replaced(bench: Bench) -> None:
    read = bench.sender._fee_policy.current

    async def slow() -> Fees:
        bench.node.mining = bool(bench.sender._ledger.replacements)
        while bench.node.mining and bench.sender.pending:
            await bench.clock.sleep(0.5)
        return await read()

    bench.sender._fee_policy.current = slow  # type: ignore[method-assign]
    (tracked,) = bench.submit(intent(1))
    await bench.run(20.0)
    assert successes(bench) == 1 and len(tracked.attempts) == 1 and len(bench.node.accepted) == 1


async def test_orders_are_signed_with_the_last_fees_while_no_node_tells_new_ones(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method in ("eth_feeHistory", "eth_gasPrice"):
            raise Fault("try later")

    bench.submit(intent(0))
    await bench.run(5.0, 1)
    bench.node.before = before
    await bench.run(5.0)
    bench.submit(intent(1))
    await bench.run(5.0, 2)
    assert successes(bench) == 2
    assert bench.node.accepted[1].max_fee == bench.node.accepted[0].max_fee


async def test_an_order_at_the_cap_is_taken_back_where_the_node_has_forgotten_it(tmp_path: Path) -> None:
    bench = await Bench(tmp_path, cap=9 * 10**9).start()
    bench.node.mining = False
    bench.submit(intent(1, patience=8.0))
    await bench.run(6.0)
    bench.node.pool.clear()
    bench.node.before = lambda method, params: _taken_by_nobody(method, params, intent(1).data)
    await bench.run(30.0)
    bench.node.mining = True
    await bench.run(30.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and not bench.mined_orders()
    assert [(sent.nonce, sent.data) for sent in bench.node.executed] == [(0, b"")]
    assert bench.node.executed[0].max_fee == 9 * 10**9 * 9 // 8
    await bench.close()


def _taken_by_nobody(method: str, params: list[Any], data: bytes) -> Any:
    if method == SEND and decode(bytes.fromhex(params[0][2:])).data == data:
        raise Fault("txpool is full")


@pytest.mark.parametrize("heads", [False, True], ids=["blocks and receipts", "receipts only"])
async def test_what_may_have_been_mined_in_a_time_that_the_nodes_forgot_is_not_sent_again(tmp_path: Path, heads: bool) -> None:
    first = await Bench(tmp_path).start()
    first.node.mining = False
    first.submit(intent(1, patience=3_600.0))
    await first.run(1.0)
    await first.close()
    first.node.mining = True
    first.node.mine()
    assert first.mined_orders() == Counter({intent(1).data: 1})
    forgotten = first.node.block
    first.node.block += 1_000
    first.node.receipts.clear()
    second = Bench(tmp_path, first.node, first.clock)

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber" and params[0] != "latest" and int(params[0], 16) <= forgotten and not heads:
            return "null"
        if method == "eth_getLogs" and int(params[0]["fromBlock"], 16) <= forgotten:
            raise Fault("pruned history unavailable", 4444)

    def young(number: int, full: bool, told: Any = first.node.eth_getBlockByNumber) -> Any:
        block = told(number, full)  # the forgotten time is the one in which it was sent
        if isinstance(block, dict) and int(block["number"], 16) > forgotten:
            block["timestamp"] = hex(int(second.clock.time()))
        return block

    first.node.before, first.node.eth_getBlockByNumber = before, young  # type: ignore[method-assign]
    await second.start()
    second.watch(second.sender.resumed)
    await second.run(30.0, 1)
    assert isinstance(second.ends["order-1"], OutcomeForgottenError)
    assert second.mined_orders() == Counter({intent(1).data: 1}) and len(first.node.accepted) == 1
    second.submit(intent(2))
    await second.run(5.0, 2)
    assert successes(second) == 1
    await second.close()

@pytest.mark.parametrize("with_another", [False, True], ids=["alone", "beside one of a run whose clock was right"])
async def test_what_a_clock_that_was_ahead_dated_is_not_sent_again_once_the_nodes_have_forgotten_it(
        tmp_path: Path, with_another: bool) -> None:
    """By its time no block since is forgotten, since it has yet to come."""
    first = await Bench(tmp_path).start()
    first.node.mining = False
    first.clock.wall += 3_600
    first.submit(intent(1, patience=7_200.0))
    await first.run(1.0)
    first.clock.wall -= 3_600
    if with_another:
        first.submit(intent(2, patience=7_200.0))
        await first.run(1.0)
    await first.close()
    first.node.mining = True
    first.node.mine()
    mined = first.mined_orders()
    first.node.block += 10_000
    first.node.receipts.clear()
    first.clock.now += 1_800
    second = Bench(tmp_path, first.node, first.clock)

    def dated(tag: str, full: bool, told: Any = first.node.eth_getBlockByNumber) -> Any:
        block = told(tag, full)
        if isinstance(block, dict):
            block["timestamp"] = hex(int(second.clock.time() - (first.node.block - int(block["number"], 16)) * 0.2))
        return block

    first.node.eth_getBlockByNumber = dated  # type: ignore[method-assign]
    await second.start()
    second.watch(second.sender.resumed)
    await second.run(30.0, 1 + with_another)
    assert {type(end) for end in second.ends.values()} == {OutcomeForgottenError}
    assert second.mined_orders() == mined == Counter({intent(number).data: 1 for number in range(1, 2 + with_another)})
    await second.close()


async def test_an_order_whose_nonce_another_program_used_after_a_quiet_time_is_signed_again(bench: Bench) -> None:
    """Whatever the clock says: it was signed a moment ago, at a block that other requests have told."""
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    bench.clock.wall += 3_600
    bench.node.block += 1_000

    def dated(tag: str, full: bool, told: Any = bench.node.eth_getBlockByNumber) -> Any:
        block = told(tag, full)
        if isinstance(block, dict):
            block["timestamp"] = hex(int(bench.clock.time() - 3_600))
        return block

    bench.node.eth_getBlockByNumber = dated  # type: ignore[method-assign]
    await bench.rpc.block_number()
    bench.node.mining = False
    bench.submit(intent(2))
    bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(20.0, 2)
    assert successes(bench) == 2 and bench.mined_orders() == Counter({intent(number).data: 1 for number in (1, 2)})


async def test_a_head_that_was_wrong_when_an_order_was_signed_proves_nothing_of_it(bench: Bench) -> None:
    """A node that is behind may not know for a while what is in a block, though the nonce is used."""
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    real = bench.node.block
    bench.node.block += 5_000
    await bench.rpc.block_number()
    bench.node.block = real
    silent = True

    def unknown(name: str, told: Any) -> Any:
        return None if silent else told(name)

    bench.node.eth_getTransactionReceipt = partial(  # type: ignore[method-assign]
        unknown, told=bench.node.eth_getTransactionReceipt)
    bench.node.eth_getTransactionByHash = partial(  # type: ignore[method-assign]
        unknown, told=bench.node.eth_getTransactionByHash)
    bench.submit(intent(2))
    await bench.run(12.0)
    silent = False
    await bench.run(10.0, 2)
    assert successes(bench) == 2 and bench.mined_orders() == Counter({intent(number).data: 1 for number in (1, 2)})


async def test_an_order_that_a_clock_that_was_ahead_dated_does_not_count_as_new(tmp_path: Path) -> None:
    node = FakeNode()
    first = await Bench(tmp_path, node).start()
    node.mining = False
    first.clock.wall += 3_600
    first.submit(intent(1))
    await first.run(1.0)
    await first.close()
    first.clock.wall -= 3_600
    first.clock.now += 1_800
    node.pool.clear()
    second = await Bench(tmp_path, node, first.clock).start()
    second.watch(second.sender.resumed)
    await second.run(5.0)
    node.mining = True
    await second.run(30.0, 1)
    assert isinstance(second.ends["order-1"], NotSentError) and not second.mined_orders()
    await second.close()


async def test_a_clock_that_is_slow_does_not_make_a_moment_ago_one_that_the_nodes_forgot(bench: Bench) -> None:
    bench.submit(intent(1))
    await bench.run(5.0, 1)

    def pruned(number: int, full: bool, told: Any = bench.node.eth_getBlockByNumber) -> Any:
        block = told(number, full)
        if isinstance(block, dict):
            if int(block["number"], 16) == 0:
                return None
            block["timestamp"] = hex(int(bench.clock.time()) + 3_600)
        return block

    bench.node.eth_getBlockByNumber = pruned  # type: ignore[method-assign]
    bench.node.mining = False
    bench.submit(intent(2))
    await bench.run(1.0)
    bench.node.use_nonce()  # another program is first
    bench.node.mining = True
    await bench.run(20.0, 2)
    assert successes(bench) == 2


async def test_an_order_whose_nonce_was_lost_before_a_kill_is_sent_by_the_next_run(tmp_path: Path) -> None:
    node = FakeNode()
    first = await Bench(tmp_path, node).start()
    await first.clock.settle()
    await first.close()
    await first.journal.open()
    tracked = first.sender._ledger.new(intent(1))
    _, entry = first.sender._ledger.sign(tracked, 0, Fees(node.base_fee, 0))
    await first.journal.record([entry])
    await first.journal.record([], [entry.attempt.hash])  # another program had the nonce, and then the power was gone
    await first.journal.close()
    node.use_nonce()
    second = await Bench(tmp_path, node, first.clock).start()
    second.watch(second.sender.resumed)
    await second.run(5.0, 1)
    assert successes(second) == 1 and [sent.nonce for sent in node.executed] == [1]
    await second.close()


async def test_an_order_that_waits_for_another_nonce_when_the_sender_stops_is_never_sent(tmp_path: Path) -> None:
    """Whoever waited was told that it is not sent, and gave it up."""
    node = FakeNode()
    first = await Bench(tmp_path, node).start()
    await first.clock.settle()
    ledger = first.sender._ledger
    tracked = ledger.new(intent(1))
    slot, entry = ledger.sign(tracked, 0, Fees(node.base_fee, 0))
    await first.journal.record([entry])
    await first.journal.record([], [entry.attempt.hash])  # another program had the nonce
    ledger.take_back(slot, entry)
    ledger.queue.append(tracked)
    first.watch([tracked])
    await first.close()
    assert isinstance(first.ends["order-1"], NotSentError)
    node.use_nonce()
    second = await Bench(tmp_path, node, first.clock).start()
    await second.run(5.0)
    assert [tracked.id for tracked in second.sender.resumed if not tracked.done] == [] and node.executed == []
    await second.close()


async def test_what_is_too_late_at_the_start_is_taken_back_once_fees_can_be_read(tmp_path: Path) -> None:
    first = await Bench(tmp_path).start()
    first.node.mining = False
    first.submit(intent(1))
    await first.run(1.0)
    await first.close()
    await first.clock.run(100.0)
    began = first.clock.now

    def before(method: str, params: list[Any]) -> Any:
        if method in ("eth_feeHistory", "eth_gasPrice") and first.clock.now < began + 3:
            raise Fault("out of order")

    first.node.before = before
    second = await Bench(tmp_path, first.node, first.clock).start()
    second.watch(second.sender.resumed)
    await second.run(20.0)
    assert [sent.data for sent in second.node.pool.values()] == [b""]
    second.node.mining = True
    await second.run(5.0, 1)
    assert isinstance(second.ends["order-1"], NotSentError) and not second.mined_orders()
    await second.close()
