"""Faults around the numbers of the account's transactions (docs/faults.md, F6 to F8)."""
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import NotSentError
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.chain.fake_node import FakeNode, Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import (
    ENGINE,
    Bench,
    intent,
    mined_between_two_runs,
    successes,
)
from test.hummingbot.connector.exchange.standard.clocks import settle, until
from test.hummingbot.connector.exchange.standard.feeds.test_polling import Account
from test.hummingbot.connector.exchange.standard.test_order_states import DEPOSIT, NETWORK
from test.hummingbot.connector.exchange.standard.test_resumption_from_behind import Restarted, filled_in_part


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = await Bench(tmp_path).start()
    yield bench
    await bench.close()


async def test_f06_another_program_uses_the_key(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.node.mining = False
    bench.submit(*[intent(number) for number in range(3)], intent(3, patience=2.0))
    await bench.clock.settle()
    for _ in range(4):
        bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(20.0, 4)
    assert successes(bench) == 3, "what no block can hold any more is signed anew"
    assert bench.mined_orders() == Counter({intent(number).data: 1 for number in range(3)})
    assert isinstance(bench.ends["order-3"], NotSentError) and "Another program" in str(bench.ends["order-3"]), \
        "and what it is too late for fails with that reason"
    assert any(record.levelname == "WARNING" and "Another program has used nonces of this wallet" in record.message
               for record in caplog.records)
    bench.submit(intent(5))
    await bench.run(3.0, 5)
    assert [sent.nonce for sent in bench.node.executed] == [4, 5, 6, 7], "in step with the chain again"


@pytest.mark.parametrize("behind", [{}, {"eth_getTransactionByHash": "null", "eth_blockNumber": 2}])
async def test_f06_a_receipt_that_is_late_or_a_node_that_is_behind_is_no_other_program(
        tmp_path: Path, behind: dict[str, Any]) -> None:
    bench = await mined_between_two_runs(tmp_path)
    bench.node.block += 1_000  # so many that the transaction's own is not read for it

    def before(method: str, params: list[Any]) -> Any:
        if bench.clock.now > 1_012.0:
            return None
        if "eth_getTransactionByHash" not in bench.node.posts[-1]:
            return "null" if method == "eth_getTransactionReceipt" else None
        answer = behind.get(method)
        return hex(bench.node.block - answer) if isinstance(answer, int) else answer

    await bench.start()
    bench.node.before = before
    bench.watch(bench.sender.resumed)
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})
    await bench.close()


async def test_f06_a_node_that_knows_no_hash_proves_nothing_of_another_program(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if bench.clock.now < 1_010.0 and method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
            return "null"

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_f07_one_transaction_of_a_burst_is_refused(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and intent(1).data.hex() in params[0]:
            raise Fault("exceeds block gas limit")

    bench.node.before = before
    began = bench.node.block
    bench.submit(*[intent(number) for number in range(4)])
    await bench.run(5.0, 4)
    assert bench.node.block - began <= 5 and successes(bench) == 3 and isinstance(bench.ends["order-1"], NotSentError)
    assert [(sent.nonce, sent.to == ENGINE) for sent in bench.node.executed] == [(0, True), (1, False), (2, True), (3, True)]
    mined = {sent.nonce: int(bench.node.receipts[sent.hash]["blockNumber"], 16) for sent in bench.node.executed}
    assert mined[3] - began <= 2, "the gap was filled within two blocks"


async def test_f08_a_node_answers_with_old_numbers(bench: Bench) -> None:
    bench.submit(intent(0), intent(1))
    await bench.run(1.0, 2)
    old: dict[str, str] = {"eth_blockNumber": "0x1", "eth_getTransactionCount": "0x0"}
    bench.node.before = lambda method, params: old.get(method)
    bench.submit(intent(2))
    await bench.run(5.0)
    bench.node.before = None
    bench.submit(intent(3))
    await bench.run(5.0, 4)
    assert successes(bench) == 4 and [sent.nonce for sent in bench.node.executed] == [0, 1, 2, 3], "no nonce was used again"


async def test_f08_the_newest_block_number_never_goes_back(bench: Bench) -> None:
    nodes = {"http://new": FakeNode(), "http://old": FakeNode()}
    nodes["http://old"].block -= 60

    class Balanced:
        async def request(self, method: str, url: str, **arguments: Any) -> Any:
            return await nodes[url].request(method, url, **arguments)

    rpc = RpcClient(Balanced(), ["http://new", "http://old"], bench.clock)
    assert await rpc.block_number() == 100
    nodes["http://new"].batches, nodes["http://new"].block = True, 101
    nodes["http://new"].before = lambda *_: _fail()
    assert await rpc.block_number() == 100, "an older node is asked, and its number is not believed"


def _fail() -> None:
    raise Fault("too many requests", -32005)


async def test_f08_logs_of_an_older_head_change_nothing() -> None:
    account = await Account().run()
    account.node.fill(account.order(), 10, 100, 1)
    assert len(await account.next()) == 1
    newest, account.node.head = account.node.head, account.node.head - 5
    logs, account.node.logs = account.node.logs, []
    assert await account.next() == [] and account.told[-1].block_number == newest, "nothing is taken back, nothing goes back"
    account.node.head, account.node.logs = newest, logs
    assert await account.next() == [], "and nothing is told twice"
    account.task.cancel()
    await settle()


@pytest.mark.parametrize("is_there", [False, True], ids=["before what it filled", "after it"])
async def test_f08_a_start_waits_for_a_node_that_is_behind_the_last_run(
        tmp_path: Path, is_there: bool, caplog: pytest.LogCaptureFixture) -> None:
    before = await filled_in_part(tmp_path, is_placed=False, blocks=2 * NETWORK.late_blocks)
    head, before.node.head = before.node.head, 1_001 if is_there else 1_000
    world = Restarted(tmp_path, before)
    await world.start()
    await until(lambda: f"The node is at block {before.node.head}, behind block {head - NETWORK.late_blocks}" in caplog.text)
    world.node.head = head + 10
    await until(lambda: world.exchange._resuming is not None and world.exchange._resuming.done())
    await until(lambda: world.exchange._events.settled_block >= world.node.head)
    (own,) = world.exchange._account.settlement.resting.values()
    assert own.deposit == world.node.orders[own.key].deposit == DEPOSIT - DEPOSIT // 4
    assert world.order.current_state is OrderState.PARTIALLY_FILLED and len(world.order.order_fills) == 1
    for _ in range(3):
        world.fill()
    await until(lambda: world.order.is_filled)
    await world.stop()
