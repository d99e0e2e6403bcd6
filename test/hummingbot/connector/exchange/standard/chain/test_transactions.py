"""Every transaction comes to exactly one end, whatever the node does in between."""
import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.follower import STUCK
from hummingbot.connector.exchange.standard.chain.intents import FILLER, FOREVER, Tracked
from hummingbot.connector.exchange.standard.chain.reverts import OUT_OF_GAS
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    InsufficientFundsError,
    NotSentError,
    OutcomeUnknownError,
    RpcError,
    StandardError,
)
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.fake_node import CHAIN_ID, FakeNode, Fault, decode
from test.hummingbot.connector.exchange.standard.chain.sender_bench import ENGINE, KEY, Bench, intent, successes


async def test_a_hundred_orders_of_one_tick_are_on_the_wire_before_any_receipt(bench: Bench) -> None:
    bench.node.mining = False
    sent_before = len(bench.node.posts)
    bench.submit(*[intent(number) for number in range(100)])
    await bench.clock.settle()
    assert sorted(sent.nonce for sent in bench.node.accepted) == list(range(100))
    assert [sent.data for sent in sorted(bench.node.accepted, key=lambda sent: sent.nonce)] == [
        number.to_bytes(4, "big") for number in range(100)]
    assert bench.clock.now == 1_000.0
    assert sum("eth_sendRawTransaction" in post for post in bench.node.posts[sent_before:]) == 2
    bench.node.mining = True
    await bench.run(5.0, 100)
    assert successes(bench) == 100


async def test_a_lost_answer_is_not_a_failure(bench: Bench) -> None:
    lost = iter([True, True])
    bench.node.lose = lambda methods: "eth_sendRawTransaction" in methods and next(lost, False)
    bench.submit(intent(1))
    await bench.run(10.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_bytes_that_never_arrived_are_sent_again(bench: Bench) -> None:
    down = iter([True, True, True])

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and next(down, False):
            raise ApiUnavailableError("connection refused")

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(10.0, 1)
    assert successes(bench) == 1
    assert len({sent.hash for sent in bench.node.accepted}) == 1


async def test_already_known_is_success(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and not bench.node.accepted:
            bench.node.eth_sendRawTransaction(params[0])
            raise Fault("already known")

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(2.0, 1)
    assert successes(bench) == 1


async def test_a_dropped_transaction_is_sent_again_with_the_same_bytes(bench: Bench) -> None:
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(1.0)
    bench.node.pool.clear()
    await bench.run(8.0)
    assert [sent.hash for sent in bench.node.accepted] == [bench.node.accepted[0].hash] * 2
    bench.node.mining = True
    await bench.run(3.0, 1)
    assert successes(bench) == 1


async def test_a_stuck_transaction_is_replaced_at_the_same_nonce_with_a_higher_fee(bench: Bench) -> None:
    bench.submit(intent(1))
    await bench.clock.settle()
    bench.node.base_fee *= 3
    await bench.run(30.0, 1)
    assert successes(bench) == 1
    first, *_, last = bench.node.accepted
    assert first.nonce == last.nonce and first.data == last.data and last.max_fee >= bench.node.base_fee > first.max_fee


async def test_whichever_of_two_replacements_is_mined_decides(bench: Bench) -> None:
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(16.0)
    first, second = bench.node.accepted[0], bench.node.accepted[-1]
    assert first.hash != second.hash and first.nonce == second.nonce
    bench.node.pool[0] = first
    bench.node.mining = True
    await bench.run(5.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and end.transaction_hash == first.hash


async def test_the_cap_on_fees_is_never_passed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = await Bench(tmp_path, cap=10**10).start()
    bench.node.mining = False
    bench.submit(intent(1, patience=FOREVER))
    await bench.run(200.0)
    assert max(sent.max_fee for sent in bench.node.accepted) <= 10**10
    assert caplog.text.count("more than max_fee_gwei allows (10)") == 1
    bench.node.mining = True
    await bench.run(5.0, 1)
    assert successes(bench) == 1
    await bench.close()


async def test_what_offers_too_little_until_it_is_too_late_fails_with_the_nodes_words(tmp_path: Path) -> None:
    bench = await Bench(tmp_path, cap=10**10).start()
    bench.node.base_fee = 2 * 10**10
    bench.submit(intent(1, patience=30.0))
    await bench.run(60.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError)
    assert "in time (max fee per gas less than block base fee: address 0x00)" in str(bench.ends["order-1"])
    await bench.close()


async def test_what_is_too_late_is_taken_back_although_it_offered_all_that_is_allowed(tmp_path: Path) -> None:
    """A node that waits for cheaper gas would mine it much later, at a price of long ago."""
    bench = await Bench(tmp_path, cap=10**10).start()
    bench.node.base_fee = 9 * 10**9
    bench.node.mining = False
    bench.submit(intent(1, patience=30.0))
    await bench.run(200.0)
    fees = {(sent.max_fee, sent.to == ENGINE) for sent in bench.node.accepted}
    assert fees == {(10**10, True), (10**10 * 9 // 8, False)}
    bench.node.base_fee, bench.node.mining = 10**9, True
    await bench.run(20.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and bench.mined_orders() == Counter()
    await bench.close()


async def test_a_nonce_that_another_program_used_is_noticed_and_the_order_signed_again(bench: Bench, caplog) -> None:
    bench.node.mining = False
    bench.submit(*[intent(number) for number in range(5)])
    await bench.clock.settle()
    bench.node.use_nonce()
    bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(20.0, 5)
    assert successes(bench) == 5
    assert bench.mined_orders() == Counter({intent(number).data: 1 for number in range(5)})
    assert [sent.data for sent in bench.node.executed[-2:]] == [intent(0).data, intent(1).data]
    assert "Another program" in caplog.text


async def test_a_receipt_that_comes_late_is_not_taken_for_a_foreign_transaction(bench: Bench) -> None:
    hidden = {"until": 1_006.0}

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionReceipt" and bench.clock.now < hidden["until"]:
            return "null"

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(15.0, 1)
    assert bench.mined_orders() == Counter({intent(1).data: 1})
    assert successes(bench) == 1


NO_PROOFS: dict[str, Callable[[FakeNode, str, list[Any]], Any]] = {
    "it waits": lambda node, method, params: (
        {"hash": params[0], "blockNumber": None} if method == "eth_getTransactionByHash" else None),
    "the node is behind": lambda node, method, _: {
        "eth_getTransactionByHash": "null", "eth_blockNumber": hex(node.block - 2)}.get(method),
    "its nonce is not used": lambda node, method, _: {
        "eth_getTransactionByHash": "null", "eth_getTransactionCount": hex(0)}.get(method),
    "the node refuses": lambda node, method, _: {"eth_getTransactionByHash": REFUSAL}.get(method),
    "the node refuses all": lambda *_: REFUSAL}
REFUSAL = Fault("transaction indexing is in progress", -32000)


@pytest.mark.parametrize("what", NO_PROOFS)
async def test_a_mined_transaction_without_receipt_is_not_signed_again_while_no_node_proves_it_lost(
        bench: Bench, what: str) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if bench.clock.now > 1_012.0:
            return None
        if "eth_getTransactionByHash" not in bench.node.posts[-1]:
            return "null" if method == "eth_getTransactionReceipt" else None
        answer = NO_PROOFS[what](bench.node, method, params)
        if isinstance(answer, Fault):
            raise answer
        return answer

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(20.0, 1)
    assert any("eth_getTransactionByHash" in methods for methods in bench.node.posts)
    assert bench.mined_orders() == Counter({intent(1).data: 1})
    assert successes(bench) == 1


async def test_a_late_receipt_is_waited_for_where_transactions_cannot_be_asked_for(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionByHash":
            raise Fault("the method eth_getTransactionByHash does not exist", -32601)
        if method == "eth_getTransactionReceipt" and bench.clock.now < 1_003.5:
            return "null"

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(15.0, 1)
    assert bench.mined_orders() == Counter({intent(1).data: 1})
    assert successes(bench) == 1


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_refusal_of_bytes_that_a_node_may_have_proves_nothing(bench: Bench, accepted: bool) -> None:
    bench.node.mining = False
    bench.node.lose = lambda methods: "eth_sendRawTransaction" in methods and not accepted
    bench.submit(intent(1))
    await bench.clock.settle()
    bench.node.lose = None
    elsewhere = dict(bench.node.pool)
    bench.node.pool.clear()
    bench.node.funds = False
    await bench.run(8.0)
    assert not bench.ends
    bench.node.pool, bench.node.mining = elsewhere, True
    await bench.run(3.0, 1)
    assert successes(bench) == 1


async def test_a_resumed_transaction_is_taken_for_one_that_a_node_may_have(tmp_path: Path) -> None:
    first = await Bench(tmp_path).start()
    first.node.mining = False
    first.submit(intent(1))
    await first.run(0.5)
    await first.close()
    elsewhere = dict(first.node.pool)
    first.node.pool.clear()
    first.node.funds = False
    second = await Bench(tmp_path, first.node, first.clock).start()
    second.watch(second.sender.resumed)
    await second.run(3.0)
    assert not second.ends
    second.node.pool, second.node.mining = elsewhere, True
    await second.run(3.0, 1)
    assert successes(second) == 1
    await second.close()


async def test_an_order_moved_to_another_nonce_is_not_sent_with_the_old_one_after_a_restart(tmp_path: Path) -> None:
    node, clock = FakeNode(), FakeClock()
    node.mining = False
    other = Bench(tmp_path / "other", node, clock)
    await other.start()
    first = await Bench(tmp_path, node, clock).start()
    other.submit(intent(7))
    await clock.settle()
    first.submit(intent(1))
    await clock.settle()
    await first.close()
    await other.close()
    del node.pool[0]  # the other program's transaction never comes: the chain waits for nonce 0, ours has nonce 1
    second = await Bench(tmp_path, node, clock).start()
    second.watch(second.sender.resumed)
    node.mining = True
    await second.run(30.0, 1)
    assert successes(second) == 1 and second.mined_orders() == Counter({intent(1).data: 1})
    assert [sent.nonce for sent in node.executed] == [0, 1]
    await second.close()


async def test_the_sender_starts_again_after_it_was_stopped(tmp_path: Path) -> None:
    bench = await Bench(tmp_path).start()
    bench.submit(intent(1))
    await bench.run(1.0, 1)
    bench.sender.settle(*bench.sender.pending)
    await bench.close()
    await bench.start()
    bench.submit(intent(2))
    await bench.run(1.0, 2)
    assert successes(bench) == 2
    await bench.close()


async def test_what_is_settled_is_not_resumed(tmp_path: Path) -> None:
    first = await Bench(tmp_path).start()
    kept, settled = first.submit(intent(1), intent(2))
    await first.run(1.0, 2)
    first.sender.settle(settled)
    await first.close()
    second = await Bench(tmp_path, first.node, first.clock).start()
    assert [item.id for item in second.sender.resumed] == [kept.id]
    second.watch(second.sender.resumed)
    await second.run(1.0, 1)
    assert successes(second) == 1
    await second.close()


async def test_without_any_node_nothing_is_signed(bench: Bench) -> None:
    async def unreachable() -> None:
        raise ApiUnavailableError("http://node is not reachable")

    await bench.clock.settle()
    bench.sender._fee_policy.last = None
    bench.node.on_request = unreachable
    bench.submit(intent(1))
    await bench.run(1.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and "not reachable" in str(bench.ends["order-1"])
    assert not bench.sender.pending


async def test_orders_wait_while_the_node_is_away(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def unreachable() -> None:
        raise ApiUnavailableError("http://node is not reachable")

    bench.submit(intent(0))
    await bench.run(1.0, 1)
    bench.node.on_request = unreachable
    bench.submit(intent(1))
    await bench.run(30.0)
    assert [tracked.intent for tracked in bench.sender.pending] == [intent(1)]
    assert len(caplog.records) <= 2
    bench.node.on_request = None
    await bench.run(21.0, 2)
    assert successes(bench) == 2


async def test_a_node_that_keeps_no_later_nonces_gets_them_again(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and decode(bytes.fromhex(params[0][2:])).nonce > bench.node.nonce:
            raise Fault("nonce too high")

    bench.node.before = before
    bench.submit(*[intent(number) for number in range(4)])
    await bench.run(20.0, 4)
    assert successes(bench) == 4


async def test_an_answer_that_is_not_understood_is_followed(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and not bench.node.accepted:
            bench.node.eth_sendRawTransaction(params[0])
            raise Fault("internal error: the moon is full")

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    assert successes(bench) == 1


async def test_confirmations_are_waited_for_and_a_reorganised_transaction_is_sent_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.sender = TransactionSender(bench.rpc, Wallet(KEY), bench.journal, bench.clock, FeePolicy(bench.rpc, bench.clock),
                                     CHAIN_ID, confirmations=10)
    await bench.start()
    bench.submit(intent(1))
    await bench.run(0.6)
    assert bench.node.executed and not bench.ends
    bench.node.receipts.clear()
    bench.node.nonce = 0
    await bench.run(20.0, 1)
    assert successes(bench) == 1 and len(bench.node.executed) == 2
    assert len({sent.hash for sent in bench.node.executed}) == 1
    await bench.close()


async def test_a_legacy_chain_gets_legacy_transactions(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.node.legacy = True
    await bench.start()
    tracked = bench.submit(intent(1))
    await bench.run(2.0, 1)
    assert successes(bench) == 1 and tracked[0].attempts[0].raw[0] >= 0xC0
    await bench.close()


async def test_what_no_node_takes_in_time_is_not_sent_and_leaves_no_gap(bench: Bench) -> None:
    bench.node.before = lambda method, params: _busy(method, params, intent(1).data)
    bench.node.mining = False
    bench.submit(intent(0), intent(1, patience=8.0), intent(2))
    await bench.run(15.0)
    assert isinstance(bench.ends["order-1"], NotSentError) and "txpool is full" in str(bench.ends["order-1"])
    bench.node.mining = True
    await bench.run(5.0, 3)
    assert successes(bench) == 2 and [sent.nonce for sent in bench.node.executed] == [0, 1, 2]


def _busy(method: str, params: list[Any], data: bytes) -> Any:
    if method == "eth_sendRawTransaction" and data.hex() in params[0]:
        raise Fault("txpool is full")


async def test_a_refused_filler_of_a_gap_is_tried_again(bench: Bench) -> None:
    bench.node.mining = False
    refused = iter([True, True])

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            sent = decode(bytes.fromhex(params[0][2:]))
            if sent.data == intent(0).data or (sent.to != ENGINE and next(refused, False)):
                raise Fault("insufficient funds for transfer")

    bench.node.before = before
    bench.submit(intent(0), intent(1))
    await bench.run(1.0)
    bench.node.mining = True
    await bench.run(20.0, 2)
    assert successes(bench) == 1 and [sent.nonce for sent in bench.node.executed] == [0, 1]


async def test_a_url_that_changes_its_chain_gets_no_transaction(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path)
    bench.rpc._chain_id = CHAIN_ID
    await bench.start()
    await bench.clock.settle()
    bench.rpc._pool.endpoints[0].chain_checked = False
    bench.node.chain_id = 1
    tracked = bench.submit(intent(1))
    await bench.run(2.0)
    assert not bench.node.accepted and not bench.ends and tracked[0].hashes and "leads to chain 1" in caplog.text
    bench.node.chain_id = CHAIN_ID
    await bench.run(20.0, 1)
    assert successes(bench) == 1
    await bench.close()


async def test_a_strange_hash_in_the_answer_is_logged_and_the_own_one_followed(bench: Bench, caplog) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            bench.node.eth_sendRawTransaction(params[0])
            return "0x" + "77" * 32

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(2.0, 1)
    assert successes(bench) == 1 and "by another hash" in caplog.text


@pytest.mark.parametrize("answers, reason", [
    (["0x"], "no reason found"),
    ([Fault("header not found"), Fault("execution reverted", 3, "0x43ad20fc")], "AmountIsZero()"),
    ([Fault("header not found"), "0x", Fault("out of gas")], OUT_OF_GAS),
    ([ApiUnavailableError("away")], "no reason found (away)"),
])
async def test_the_reason_is_looked_for_around_the_block(bench: Bench, answers: list[Any], reason: str) -> None:
    bench.node.failing = lambda sent: (0, 60_000)
    script = iter([answer for answer in [*answers, "0x", "0x", "0x"] for _ in range(2)])  # with its own gas and with more

    def call(fields: dict[str, str]) -> str:
        answer = next(script)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    bench.node.call = call
    bench.submit(intent(1))
    await bench.run(2.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and not end.ok and end.reason == reason


async def test_errors_of_the_node_while_following_are_logged_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionReceipt" and bench.clock.now < 1_010.0:
            raise Fault("internal error", -32603)

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(20.0, 1)
    assert successes(bench) == 1 and caplog.text.count("Receipts cannot be read") == 1


async def test_a_start_without_an_answer_can_be_repeated(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionCount":
            raise Fault("internal error", -32603)

    bench.node.before = before
    with pytest.raises(RpcError):
        await bench.start()
    assert isinstance(await _end(bench.sender.submit(intent(0))), NotSentError)
    bench.node.before = lambda method, params: _no_pending(method, params)
    await bench.start()
    bench.submit(intent(1))
    await bench.run(2.0, 1)
    assert successes(bench) == 1
    await bench.close()


def _no_pending(method: str, params: list[Any]) -> Any:
    if method == "eth_getTransactionCount" and params[1] == "pending":
        raise Fault("pending is not supported")


async def _end(tracked: Tracked) -> Receipt | StandardError:
    try:
        return await tracked.wait()
    except StandardError as error:
        return error


async def test_an_impatient_order_whose_nonce_was_used_is_not_sent_late(bench: Bench) -> None:
    bench.node.mining = False
    bench.submit(intent(1, patience=3.0))
    await bench.clock.settle()
    bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(10.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and "too late" in str(bench.ends["order-1"])
    assert not bench.mined_orders()


async def test_a_filler_whose_nonce_was_used_is_forgotten(bench: Bench) -> None:
    bench.node.before = lambda method, params: _refuse(method, params, intent(0).data)
    bench.node.mining = False
    bench.submit(intent(0), intent(1))
    await bench.clock.settle()
    assert bench.node.pool.keys() == {0, 1}
    bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(10.0, 2)
    assert successes(bench) == 1
    await bench.run(5.0)
    assert not bench.sender._ledger.book.slots


async def test_orders_that_waited_too_long_in_the_queue_are_not_sent(bench: Bench) -> None:
    async def slow() -> None:
        await bench.clock.sleep(5.0)

    await bench.clock.settle()
    bench.sender._fee_policy.expire()
    bench.node.on_request = slow
    bench.submit(intent(1, patience=2.0))
    await bench.run(10.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and not bench.node.accepted


async def test_a_nonce_that_waits_elsewhere_is_left_to_its_owner(bench: Bench) -> None:
    other = Bench(bench.path / "other", bench.node, bench.clock)
    bench.node.mining = False
    await other.start()
    other.submit(intent(7))
    await bench.clock.settle()
    bench.submit(intent(1), intent(2))
    await bench.clock.settle()
    bench.node.mining = True
    await bench.run(10.0, 2)
    assert successes(bench) == 2
    assert bench.mined_orders() == Counter({intent(number).data: 1 for number in (1, 2, 7)})
    await other.close()


async def test_a_refused_transaction_ends_and_its_nonce_is_filled(bench: Bench) -> None:
    bench.node.mining = False

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and intent(1).data.hex() in params[0]:
            raise Fault("exceeds block gas limit")

    bench.node.before = before
    bench.submit(intent(0), intent(1), intent(2))
    await bench.clock.settle()
    assert isinstance(bench.ends["order-1"], NotSentError) and "exceeds block gas limit" in str(bench.ends["order-1"])
    bench.node.mining = True
    await bench.run(1.0, 3)
    assert successes(bench) == 2
    assert [sent.to == ENGINE for sent in bench.node.executed] == [True, False, True]
    assert [sent.nonce for sent in bench.node.executed] == [0, 1, 2]


async def test_a_gap_is_given_to_an_order_that_waits(bench: Bench) -> None:
    bench.node.before = lambda method, params: _refuse(method, params, intent(1).data)
    bench.node.mining = False
    bench.submit(intent(0), intent(1))
    await bench.clock.settle()
    bench.submit(intent(2))
    await bench.clock.settle()
    assert [(sent.nonce, sent.data) for sent in bench.node.accepted] == [(0, intent(0).data), (1, intent(2).data)]


async def test_no_order_takes_a_nonce_that_only_a_node_that_is_behind_calls_unused(bench: Bench, tmp_path: Path) -> None:
    [mined] = bench.submit(intent(0))
    await bench.run(1.0, 1)
    bench.sender.settle(mined)
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.clock.settle()
    await bench.close()

    behind = {"eth_blockNumber": "0x64", "eth_getTransactionCount": "0x0"}
    bench.node.before = lambda method, params: None if "pending" in params else behind.get(method)
    bench.node.accepted.clear()
    later = await Bench(tmp_path, bench.node, bench.clock).start()
    await later.run(1.0)
    later.sender._follower._fill_gaps(later.clock.monotonic() + STUCK)
    later.submit(intent(2))  # waits already when the gap is filled
    await later.run(1.0)
    assert [(sent.nonce, sent.to == ENGINE) for sent in later.node.accepted] == [(2, True)]
    assert later.sender._ledger.book.slots[0].owners[0].intent.kind == FILLER
    await later.close()


async def test_nonces_that_are_missing_in_a_row_are_waited_for_once(bench: Bench, tmp_path: Path) -> None:
    """Another program's transactions were in the node's pool when the sender began, and are gone."""
    await bench.close()
    bench.node.before = lambda method, params: "0xa" if method == "eth_getTransactionCount" and "pending" in params else None
    later = await Bench(tmp_path, bench.node, bench.clock).start()
    began = later.clock.now
    later.submit(intent(0))
    await later.run(150.0, 1)
    assert successes(later) == 1 and [sent.nonce for sent in later.node.executed] == list(range(11))
    assert STUCK < later.clock.now - began < STUCK + 10 * 4.0
    await later.close()


def _refuse(method: str, params: list[Any], data: bytes) -> Any:
    if method == "eth_sendRawTransaction" and data.hex() in params[0]:
        raise Fault("exceeds block gas limit")


async def test_without_funds_an_order_is_not_sent_and_says_so_once(bench: Bench) -> None:
    bench.node.funds = False
    bench.submit(*[intent(number) for number in range(3)])
    await bench.run(2.0, 3)
    assert all(isinstance(end, InsufficientFundsError) for end in bench.ends.values())
    assert [item.failure for item in await bench.journal.unfinished(bench.sender._ledger.account)] == [
        str(end) for end in bench.ends.values()]
    assert "has not enough native tokens" in str(bench.ends["order-0"])
    bench.node.funds = True
    bench.submit(intent(3))
    await bench.run(2.0, 4)
    assert [(sent.nonce, sent.data) for sent in bench.node.executed] == [(0, intent(3).data)]


async def test_a_fee_below_the_base_fee_is_refreshed(bench: Bench) -> None:
    bench.submit(intent(0))
    await bench.run(1.0, 1)
    bench.node.base_fee *= 4
    bench.submit(intent(1))
    await bench.run(5.0, 2)
    assert successes(bench) == 2


async def test_a_revert_has_its_reason(bench: Bench) -> None:
    bench.node.failing = lambda sent: (0, 60_000)

    def call(fields: dict[str, str]) -> str:
        raise Fault("execution reverted", 3, "0x400ee546" + f"{5:064x}{7:064x}")

    bench.node.call = call
    bench.submit(intent(1))
    await bench.run(2.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and not end.ok and end.reason == "OrderSizeTooSmall(5, 7)"


async def test_out_of_gas_is_recognised(bench: Bench) -> None:
    bench.node.failing = lambda sent: (0, sent.gas)
    bench.submit(intent(1))
    await bench.run(2.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and not end.ok and end.reason == OUT_OF_GAS


async def test_what_waits_too_long_is_taken_back(bench: Bench) -> None:
    bench.node.mining = False
    bench.submit(intent(1, patience=8.0))
    await bench.run(20.0)
    assert not bench.ends
    bench.node.mining = True
    await bench.run(5.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError)
    assert not bench.mined_orders() and [sent.nonce for sent in bench.node.executed] == [0]


async def test_the_block_of_a_transaction_is_unsettled_until_its_end_is_told(bench: Bench) -> None:
    write, may_write = bench.journal.failed, asyncio.Event()

    async def slow(failures: Any) -> None:
        await may_write.wait()
        await write(failures)

    bench.journal.failed = slow  # type: ignore[method-assign]
    bench.node.mining = False
    bench.submit(intent(1, patience=5.0))
    await bench.run(10.0)
    order, bench.node.mining = bench.node.accepted[0], True
    bench.node.pool = {order.nonce: order}
    bench.node.mine()  # the order itself, and not what is to take it back
    await bench.run(5.0)
    assert not bench.ends and bench.sender.oldest_unsettled == int(bench.node.receipts[order.hash]["blockNumber"], 16)
    may_write.set()
    await bench.run(1.0, 1)
    assert successes(bench) == 1 and bench.sender.oldest_unsettled is None


async def test_what_is_being_taken_back_is_followed_by_the_next_run_and_is_no_order_of_it(tmp_path: Path) -> None:
    node, clock = FakeNode(), FakeClock()
    node.mining = False
    first = await Bench(tmp_path, node, clock).start()
    first.submit(intent(1, patience=8.0))
    await first.run(20.0)
    await first.close()
    second = await Bench(tmp_path, node, clock).start()
    assert [tracked.intent.client_order_ids for tracked in second.sender.resumed] == [("order-1",)]
    second.watch(second.sender.resumed)
    node.mining = True
    await second.run(30.0, 1)
    assert isinstance(second.ends["order-1"], NotSentError) and not second.mined_orders()
    await second.close()


async def test_an_old_answer_of_a_node_changes_nothing(bench: Bench) -> None:
    bench.submit(intent(0), intent(1))
    await bench.run(1.0, 2)
    old = {"eth_blockNumber": "0x1", "eth_getTransactionCount": "0x0"}
    bench.node.before = lambda method, params: old.get(method)
    bench.submit(intent(2))
    await bench.run(5.0, 3)
    assert [sent.nonce for sent in bench.node.executed] == [0, 1, 2]


async def test_the_end_is_unknown_only_when_the_sender_stops(tmp_path: Path) -> None:
    bench = await Bench(tmp_path).start()
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(1.0)
    await bench.close()
    assert isinstance(bench.ends["order-1"], OutcomeUnknownError)


async def test_wrong_chain_and_missing_contract_are_one_sentence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.sender.verify(ENGINE)
    with pytest.raises(ConfigurationError, match="no contract at 0x1111"):
        await bench.sender.verify("0x" + "11" * 20)
    bench.node.chain_id = 1
    with pytest.raises(ConfigurationError, match="leads to chain 1"):
        await bench.start()


async def test_a_node_that_takes_no_transactions_is_refused_at_the_start(tmp_path: Path) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            raise Fault("the method eth_sendRawTransaction does not exist", -32601)

    bench = Bench(tmp_path)
    bench.node.before = before
    with pytest.raises(ConfigurationError, match="takes no transactions"):
        await bench.start()
    await bench.close()


async def test_a_quiet_sender_asks_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await bench.run(1.0)
    before = len(bench.node.posts)
    await bench.run(600.0)
    assert len(bench.node.posts) == before and not caplog.records
