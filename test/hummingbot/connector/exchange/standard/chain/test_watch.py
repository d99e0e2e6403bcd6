"""A mined transaction whose block is replaced is followed anew, to exactly one end."""
import logging
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.rpc_values import Block, Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.chain.watch import Mined, Watch
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from test.hummingbot.connector.exchange.standard.chain.fake_node import CHAIN_ID, Sent, decode
from test.hummingbot.connector.exchange.standard.chain.sender_bench import KEY, Bench, intent, successes

WATCHED = 20


class WatchingBench(Bench):
    """A sender that watches, and what it told of reorganisations."""

    def build(self) -> None:
        super().build()
        self.reorganised: list[tuple[Tracked, Receipt | None]] = []
        fees = FeePolicy(self.rpc, self.clock)
        self.sender = TransactionSender(self.rpc, Wallet(KEY), self.journal, self.clock, fees, CHAIN_ID,
                                        watched_blocks=WATCHED, on_reorganised=self._told)

    def _told(self, tracked: Tracked, void: Receipt | None) -> None:
        self.reorganised.append((tracked, void))
        self.ends.pop(tracked.intent.client_order_ids[0], None)
        self.watch([tracked])


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    bench = await WatchingBench(tmp_path).start()
    yield bench
    await bench.close()


@pytest.mark.parametrize("keep", [True, False], ids=["back in the pool", "forgotten by the node"])
async def test_a_transaction_whose_block_was_replaced_is_mined_again(bench: WatchingBench, keep: bool) -> None:
    bench.submit(intent(1), intent(2))
    await bench.run(5.0, 2)
    first = {end.transaction_hash: end.block_number for end in bench.ends.values() if isinstance(end, Receipt)}
    bench.node.reorganise(3, keep)
    await bench.run(5.0)
    assert len(bench.reorganised) == 2 and all(void is not None for _, void in bench.reorganised)
    assert successes(bench) == 2 and set(bench.mined_orders().values()) == {1}
    again = {end.transaction_hash: end.block_number for end in bench.ends.values() if isinstance(end, Receipt)}
    assert again.keys() == first.keys() and all(again[name] > first[name] for name in first)


async def test_what_was_mined_before_any_node_answered_is_taken_back_for_more_than_it_offers(
        bench: WatchingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    send, is_silent, sent = bench.rpc.send_raw_transactions, [True], list[Sent]()

    async def sending(raw: Any) -> Any:
        sent.extend(map(decode, raw))
        answer = await send(raw)
        if is_silent:
            await bench.clock.sleep(1.0)
            raise ApiUnavailableError("It gave no answer.")
        return answer
    monkeypatch.setattr(bench.rpc, "send_raw_transactions", sending)
    first, _ = bench.submit(intent(1, patience=1.0), intent(2))
    await bench.run(5.0, 2)
    is_silent.clear()
    await bench.run(1.5)
    bench.node.reorganise(18)
    await bench.run(5.0)
    original, *others = dict.fromkeys(transaction for transaction in sent if transaction.nonce == first.attempts[0].nonce)
    assert others and all(other.max_fee > original.max_fee for other in others), "the pool has it again"


async def test_a_settled_transaction_whose_block_was_replaced_is_known_to_the_next_run(bench: WatchingBench) -> None:
    """Else its nonce would be taken for free, while a node may still mine it."""
    (tracked,) = bench.submit(intent(1))
    await bench.run(5.0, 1)
    bench.sender.settle(tracked)
    await bench.run(1.0)
    assert await bench.journal.unfinished(bench.sender._ledger.account) == []
    bench.node.reorganise(10, keep=False)
    await bench.run(1.0)
    assert [item.id for item in await bench.journal.unfinished(bench.sender._ledger.account)] == [tracked.id]


async def test_an_end_that_cannot_be_marked_as_void_is_followed_all_the_same(
        bench: WatchingBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def refuses(ids: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(bench.journal, "reopened", refuses)
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    with caplog.at_level(logging.DEBUG, "hummingbot"):
        bench.node.reorganise(2)
        await bench.run(5.0)
    assert successes(bench) == 1 and "could not be marked: disk I/O error" in caplog.text


async def test_a_reverted_transaction_may_succeed_after_a_reorganisation(bench: WatchingBench) -> None:
    bench.node.failing = lambda sent: (0, 50_000)
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    assert successes(bench) == 0
    bench.node.failing = lambda sent: (1, 50_000)
    bench.node.reorganise(2)
    await bench.run(5.0)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_a_nonce_that_a_reorganisation_takes_from_another_program_is_filled_for_more_than_was_offered_before(
        bench: WatchingBench) -> None:
    """A node may still have the bytes that lost the nonce, and their order is placed under another one by now."""
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(1.0)
    (lost,) = bench.node.pool.values()
    bench.node.use_nonce()
    await bench.run(10.0)
    (again,) = bench.node.pool.values()
    assert again.nonce == lost.nonce + 1
    bench.node.nonce = lost.nonce
    while lost.nonce not in bench.node.pool:
        await bench.run(1.0)
    filler = bench.node.pool[lost.nonce]
    assert filler.data == b"" and filler.max_fee > lost.max_fee
    bench.node.mining = True
    await bench.run(10.0, 1)
    assert bench.mined_orders() == Counter({intent(1).data: 1})


async def test_the_block_of_the_oldest_unsettled_transaction_is_known_until_it_is_final(bench: WatchingBench) -> None:
    assert bench.sender.oldest_unsettled is None
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    bench.submit(intent(2))
    await bench.run(5.0, 2)
    blocks = [end.block_number for end in bench.ends.values() if isinstance(end, Receipt)]
    assert bench.sender.oldest_unsettled == min(blocks) < max(blocks)
    for _ in range(WATCHED):
        bench.node.mine()
    await bench.run(5.0)
    assert bench.sender.oldest_unsettled is None


async def test_a_receipt_that_a_node_hides_proves_nothing(bench: WatchingBench) -> None:
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    hidden, bench.node.receipts = bench.node.receipts, {}
    await bench.run(5.0)
    bench.node.receipts = hidden
    assert bench.reorganised == []


async def test_what_is_deep_enough_is_not_watched_any_more(bench: WatchingBench) -> None:
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    for _ in range(WATCHED):
        bench.node.mine()
    await bench.run(5.0)
    posts = len(bench.node.posts)
    await bench.run(10.0)
    assert len(bench.node.posts) == posts, "nothing is followed, so nothing is asked"


async def test_an_intent_that_was_given_up_and_is_mined_after_all_is_told(bench: WatchingBench) -> None:
    """The taking back was mined first; the reorganisation lets the order itself win."""
    bench.node.mining = False
    bench.submit(intent(1, patience=5.0))
    await bench.run(10.0)
    order, bench.node.mining = bench.node.accepted[0], True
    await bench.run(5.0, 1)
    assert successes(bench) == 0 and bench.mined_orders() == Counter()
    bench.node.reorganise(10, keep=False)
    bench.node.pool = {order.nonce: order}
    await bench.run(5.0)
    assert bench.reorganised[-1][1] is None and successes(bench) == 1
    assert bench.mined_orders() == Counter({intent(1, patience=5.0).data: 1})


async def given_up(bench: WatchingBench) -> Tracked:
    """An order in whose place a transfer of nothing was mined, and that was settled."""
    bench.node.mining = False
    (order,) = bench.submit(intent(1, patience=5.0))
    await bench.run(10.0)
    bench.node.mining = True
    await bench.run(5.0, 1)
    bench.sender.settle(order)
    await bench.run(1.0)
    assert await bench.journal.unfinished(bench.sender._ledger.account) == []
    return order


@pytest.mark.parametrize("seconds", [0.0, 5.0], ids=["before it is mined", "after it is mined"])
async def test_an_intent_that_was_given_up_and_is_mined_after_all_is_followed_by_the_next_run(
        bench: WatchingBench, seconds: float) -> None:
    order = await given_up(bench)
    bench.node.mining = False
    bench.node.reorganise(30, keep=False)
    await bench.run(1.0)
    first = next(sent for sent in bench.node.accepted if sent.data)
    bench.node.pool, bench.node.mining = {first.nonce: first}, True
    if seconds:
        bench.node.mine()
    await bench.run(seconds)
    unfinished = await bench.journal.unfinished(bench.sender._ledger.account)
    assert [(item.id, item.failure) for item in unfinished if item.id == order.id] == [(order.id, None)]
    await bench.close()
    bench.node.pool = {} if seconds else {first.nonce: first}
    bench.node.mine()
    bench.build()
    await bench.start()
    bench.ends.clear()
    bench.watch(bench.sender.resumed)
    await bench.run(20.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({order.intent.data: 1})


async def test_an_intent_that_was_given_up_stays_settled_when_what_took_its_place_is_mined_again(bench: WatchingBench) -> None:
    await given_up(bench)
    bench.node.reorganise(30)
    await bench.run(5.0)
    assert await bench.journal.unfinished(bench.sender._ledger.account) == [] and bench.mined_orders() == Counter()


async def test_a_node_that_does_not_have_the_block_proves_nothing(bench: WatchingBench) -> None:
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    asked: list[Any] = []

    def lag(method: str, params: list[Any]) -> Any:
        if method != "eth_getBlockByNumber":
            return None
        asked.append(params)
        return "null"

    bench.node.before = lag
    await bench.run(5.0)
    assert asked and bench.reorganised == [] and bench.sender.oldest_unsettled is not None


def test_what_was_taken_off_since_the_question_is_not_looked_at() -> None:
    replaced: list[Mined] = []
    watch = Watch(WATCHED, replaced.append)
    entries = [Mined(None, None, Receipt(f"0x{number:064x}", number, "0xa", True, 21_000, 1, ()))  # type: ignore[arg-type]
               for number in (50, 60)]
    for entry in entries:
        watch.add(entry)
    blocks = {number: Block(number, "0xb", "0x", 0, None) for number in (50, 60)}
    watch.entries.remove(entries[0])
    watch.look(entries, blocks, head=61)
    assert replaced == entries[1:] and watch.entries == []
