"""An answer about one transaction that cannot be read holds up no other one, and proves nothing about its own."""
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, successes
from test.hummingbot.connector.exchange.standard.chain.test_watch import WatchingBench
from test.hummingbot.connector.exchange.standard.chain.test_watch import bench as watching

__all__ = ["watching"]
NO_RECEIPT = {"blockNumber": "0x65", "status": "mined"}


def answers_badly(asked: Callable[[str, list[Any]], bool], how: Any) -> Callable[[str, list[Any]], Any]:
    """A node that answers what is `asked` for with an error, or with something that it is not."""
    def before(method: str, params: list[Any]) -> Any:
        if not asked(method, params):
            return None
        if isinstance(how, Fault):
            raise how
        return how

    return before


def receipt_of(*names: str) -> Callable[[str, list[Any]], bool]:
    return lambda method, params: method == "eth_getTransactionReceipt" and (not names or params[0] in names)


@pytest.mark.parametrize("how", [Fault("internal error", -32603), NO_RECEIPT], ids=["an error", "no receipt"])
@pytest.mark.parametrize("winner", [0, -1], ids=["the first wins", "the last wins"])
async def test_the_receipt_of_one_attempt_counts_though_that_of_another_cannot_be_read(
        bench: Bench, winner: int, how: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(16.0)
    attempts = [bench.node.accepted[0], bench.node.accepted[-1]]
    mined = attempts[winner]
    assert attempts[0].hash != attempts[1].hash
    bench.node.before = answers_badly(receipt_of(*[sent.hash for sent in attempts if sent is not mined]), how)
    bench.node.pool, bench.node.mining = {0: mined}, True
    await bench.run(5.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and end.transaction_hash == mined.hash
    bench.submit(intent(2))
    await bench.run(5.0, 2)
    assert successes(bench) == 2 and caplog.text.count("Receipts cannot be read") == 1


@pytest.mark.parametrize("how", [Fault("internal error", -32603), NO_RECEIPT], ids=["an error", "no receipt"])
async def test_a_receipt_that_cannot_be_read_is_not_taken_for_another_programs_transaction(bench: Bench, how: Any) -> None:
    bench.node.before = answers_badly(receipt_of(), how)
    bench.submit(intent(1))
    await bench.run(30.0)
    assert not bench.ends and bench.mined_orders() == Counter({intent(1).data: 1})
    bench.node.before = None
    await bench.run(5.0, 1)
    await bench.run(30.0)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_what_the_node_forgot_is_sent_again_and_replaced_though_no_receipt_can_be_read(bench: Bench) -> None:
    bench.node.before = answers_badly(receipt_of(), Fault("internal error", -32603))
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(1.0)
    bench.node.pool.clear()
    await bench.run(20.0)
    first, *later = bench.node.accepted
    assert later[0].hash == first.hash and later[-1].max_fee > first.max_fee


@pytest.mark.parametrize("how", [Fault("internal error", -32603), {"number": "soon"}], ids=["an error", "no block"])
async def test_a_block_that_cannot_be_read_takes_nothing_back_and_holds_nothing_up(watching: WatchingBench, how: Any) -> None:
    watching.submit(intent(1))
    await watching.run(5.0, 1)
    watching.node.before = answers_badly(lambda method, params: method == "eth_getBlockByNumber", how)
    watching.node.mining = False
    watching.submit(intent(2))
    await watching.run(1.0)
    watching.node.pool.clear()  # the node forgets it, so that it has to be sent again
    watching.node.mining = True
    await watching.run(10.0, 2)
    assert successes(watching) == 2 and watching.reorganised == [] and watching.sender.oldest_unsettled is not None


@pytest.mark.parametrize("method", ["eth_blockNumber", "eth_getTransactionCount"])
async def test_without_the_newest_block_or_the_nonce_nothing_is_concluded(bench: Bench, method: str,
                                                                         caplog: pytest.LogCaptureFixture) -> None:
    bench.submit(intent(1))
    await bench.clock.settle()
    bench.node.before = answers_badly(lambda asked, params: asked == method, Fault("internal error", -32603))
    await bench.run(10.0)
    assert not bench.ends and caplog.text.count("Receipts cannot be read") == 1
    bench.node.before = None
    await bench.run(5.0, 1)
    assert successes(bench) == 1
