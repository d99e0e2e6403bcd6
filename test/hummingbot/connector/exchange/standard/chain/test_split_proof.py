"""The proof that a transaction is lost, in answers of several nodes."""
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, mined_between_two_runs, successes


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
    second = await mined_between_two_runs(tmp_path)
    started = False

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_blockNumber" and not (started or is_head_known):
            raise Fault("try later")
        behind = method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") and second.clock.now < 1_012.0
        return "null" if behind else None

    second.node.before = before
    await second.start()
    started = True
    second.watch(second.sender.resumed)
    await second.run(25.0, 1)
    assert successes(second) == 1 and second.mined_orders() == Counter({intent(1).data: 1})
    await second.close()


async def test_what_was_mined_at_the_end_of_a_long_outage_is_not_lost_by_the_word_of_a_node_behind(bench: Bench) -> None:
    """More blocks have passed than are read, so that the newest of them are."""
    bench.node.mining = False
    bench.submit(intent(1, patience=3_600.0))
    await bench.run(0.5)
    bench.node.block += 1_000
    bench.node.mining = True
    bench.node.mine()

    def before(method: str, params: list[Any]) -> Any:
        behind = method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") and bench.clock.now < 1_012.0
        return "null" if behind else None

    bench.node.before = before
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


def _unsure(method: str, params: list[Any], waits: bool) -> Any:
    """A node that says of every transaction that it waits, or nothing at all."""
    if method != "eth_getTransactionByHash":
        return None
    if waits:
        return {"hash": params[0], "blockNumber": None}
    raise Fault("transaction indexing is in progress")


@pytest.mark.parametrize("waits", [True, False])
async def test_what_no_block_holds_is_lost_though_a_node_goes_on_saying_that_it_waits(bench: Bench, waits: bool) -> None:
    bench.node.before = lambda method, params: _unsure(method, params, waits)
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(1.0)
    bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(20.0, 1)
    assert successes(bench) == 1 and [sent.nonce for sent in bench.node.executed] == [1]


@pytest.mark.parametrize("waits", [True, False])
async def test_what_may_be_in_an_older_block_than_those_that_are_read_is_not_lost_while_a_node_is_unsure(
        tmp_path: Path, waits: bool) -> None:
    bench = await mined_between_two_runs(tmp_path)
    bench.node.block += 1_000

    def before(method: str, params: list[Any]) -> Any:
        if bench.clock.now > 1_012.0:
            return None
        return "null" if method == "eth_getTransactionReceipt" else _unsure(method, params, waits)

    bench.node.before = before
    await bench.start()
    bench.watch(bench.sender.resumed)
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})
    await bench.close()


async def test_a_transaction_of_which_a_node_names_the_block_is_not_lost_though_no_block_shows_it(bench: Bench) -> None:
    told = bench.node.eth_getBlockByNumber

    def before(method: str, params: list[Any]) -> Any:
        if bench.clock.now > 1_012.0:
            return None
        if method == "eth_getBlockByNumber":
            return {**told(*params), "transactions": []}
        return "null" if method == "eth_getTransactionReceipt" else None

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def _with_a_count_from_far_behind(bench: Bench) -> None:
    """A count of one node far behind, and then receipts and hashes of another one, while the transaction is in a block."""
    bench.node.block += 100
    started = bench.clock.now

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionCount" and params[1] == "latest" and bench.clock.now < started + 2.0:
            return hex(0)
        behind = method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") and bench.clock.now < started + 12.0
        return "null" if behind else None

    bench.node.before = before
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_that_a_nonce_is_free_by_the_word_of_a_node_far_behind_hides_no_block(bench: Bench) -> None:
    bench.submit(intent(1))
    await bench.clock.settle()
    bench.node.mine()
    await _with_a_count_from_far_behind(bench)


async def test_nor_does_it_for_a_transaction_of_an_earlier_run(tmp_path: Path) -> None:
    bench = await mined_between_two_runs(tmp_path)
    bench.node.block += 1
    bench.node.before = lambda method, params: hex(0) if method == "eth_getTransactionCount" else None
    await bench.start()
    bench.watch(bench.sender.resumed)
    await _with_a_count_from_far_behind(bench)
    await bench.close()


@pytest.mark.parametrize("is_count_kept", [True, False])
async def test_a_transaction_of_an_earlier_run_that_no_block_holds_is_lost_where_the_nonce_was_free_before_them(
        tmp_path: Path, is_count_kept: bool) -> None:
    """Though a node goes on saying that it waits, and knows the counts of 128 blocks at most."""
    first = await Bench(tmp_path).start()
    first.node.block += 500
    first.node.mining = False
    first.submit(intent(1, patience=3_600.0))
    await first.run(0.5)
    await first.close()
    bench = await Bench(tmp_path, first.node, first.clock).start()
    bench.watch(bench.sender.resumed)
    await bench.run(1.0)
    asked_of: list[int] = []

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionCount" and params[1].startswith("0x") and int(params[1], 16) < bench.node.block:
            asked_of.append(int(params[1], 16))
            if not is_count_kept or asked_of[-1] <= bench.node.block - 128:
                raise Fault("missing trie node")
        return _unsure(method, params, True)

    bench.node.before = before
    bench.node.use_nonce()
    bench.node.mining = True
    await bench.run(20.0, 1)
    assert asked_of and successes(bench) == is_count_kept
    assert [sent.nonce for sent in bench.node.executed] == [1] * is_count_kept
    await bench.close()


def _limited(method: str) -> Any:
    raise Fault("too many requests", -32005)


@pytest.mark.parametrize("read", [_limited, lambda method: {"transactions": ["0x12"]}], ids=["too many requests", "bad data"])
async def test_the_others_are_looked_after_while_the_blocks_cannot_be_read_for_one(
        bench: Bench, read: Callable[[str], Any]) -> None:
    bench.node.mining = False
    (first,) = bench.submit(intent(1, patience=3_600.0))
    await bench.clock.settle()
    bench.node.use_nonce()
    bench.node.before = lambda method, params: read(method) if method == "eth_getBlockByNumber" else None
    (second,) = bench.submit(intent(2))
    await bench.run(15.0)
    bench.node.pool.clear()
    await bench.run(20.0)
    assert first in bench.sender.pending and len(bench.node.pool) == 1, "the other one was sent again"
    assert second.attempts[-1].fees.max_fee > second.attempts[0].fees.max_fee
    bench.node.before, bench.node.mining = None, True
    await bench.run(60.0, 2)
    assert successes(bench) == 2 and bench.mined_orders() == Counter({intent(1).data: 1, intent(2).data: 1})
