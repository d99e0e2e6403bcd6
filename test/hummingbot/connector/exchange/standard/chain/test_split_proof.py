"""The proof that a transaction is lost, in answers of several nodes."""
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, successes


async def test_a_node_that_takes_no_batches_and_is_behind_in_single_answers_proves_nothing(bench: Bench) -> None:
    """Each question is a request of its own, so that one node tells head and nonce and another one what it knows of the hash."""
    bench.node.batches = False
    behind_until = 1_012.0

    def before(method: str, params: list[Any]) -> Any:
        if bench.clock.now < behind_until and method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
            return "null"  # from a node that has not the newest blocks
        return None

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(20.0, 1)
    await bench.run(10.0)
    assert bench.mined_orders() == Counter({intent(1).data: 1})


async def test_blocks_that_cannot_be_read_prove_nothing_either(bench: Bench) -> None:
    def before(method: str, params: list[Any]) -> Any:
        is_known = method not in ("eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByNumber")
        return None if is_known or bench.clock.now > 1_012.0 else "null"

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(20.0, 1)
    assert any("eth_getBlockByNumber" in methods and "eth_getTransactionReceipt" not in methods for methods in bench.node.posts)
    assert bench.mined_orders() == Counter({intent(1).data: 1})


@pytest.mark.parametrize("is_head_known", [True, False])
async def test_what_was_mined_between_two_runs_is_not_lost_by_the_word_of_a_node_behind(tmp_path: Path,
                                                                                       is_head_known: bool) -> None:
    """Its nonce is used from the first look on; head and nonce come from one node, receipts and hashes from one behind it."""
    first = await Bench(tmp_path).start()
    node = first.node
    node.mining = False
    first.submit(intent(1))
    await first.run(0.5)
    await first.close()
    node.mining = True
    node.mine()
    second = Bench(tmp_path, node, first.clock)
    started = False

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_blockNumber" and not (started or is_head_known):
            raise Fault("try later")
        behind = method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") and second.clock.now < 1_012.0
        return "null" if behind else None

    node.before = before
    await second.start()
    started = True
    second.watch(second.sender.resumed)
    await second.run(25.0, 1)
    assert successes(second) == 1 and second.mined_orders() == Counter({intent(1).data: 1})
    await second.close()
