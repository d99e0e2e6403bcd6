"""The indexer against the recorded transactions: its rows equal the recorded books, and every block can be taken back."""
from copy import deepcopy
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import PAIR_ADDED
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.sandbox.indexer import EngineLog, IndexedBlock, Indexer, IndexerSettings
from hummingbot.connector.exchange.standard.sandbox.pair_index import bucket_start
from hummingbot.connector.exchange.standard.sandbox.rows import PairInfo, TokenInfo
from test import vectors
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.sandbox.hand_made_logs import (
    ALICE,
    BASE,
    BOB,
    BOOK,
    PRICE,
    QUOTE,
    SOMI,
    USDC,
    block,
    canceled,
    matched,
    new_indexer,
    placed,
    price_moved,
)


class RecordedBooks:
    """The recorded state after a step, as the chain that an exact indexer asks."""

    def __init__(self) -> None:
        self.after: dict[str, Any] = {}

    def show(self, after: dict[str, Any], books: dict[str, str]) -> None:
        self.after.update({books[name]: state for name, state in after.items()})

    def levels(self, book: str, is_bid: bool) -> dict[int, list[tuple[int, int]]]:
        depth = self.after.get(book, {}).get("depth(bid)" if is_bid else "depth(ask)", ())
        found = {level["price"]: [(order_id, order["depositAmount"])
                                  for order_id, order in zip(level["getOrderIds"], level["getOrders"])] for level in depth}
        return {price: orders for price, orders in found.items() if orders}

    def reachable(self, book: str, is_bid: bool, limit: int) -> dict[int, list[int]]:
        return {price: [order_id for order_id, _ in orders] for price, orders in self.levels(book, is_bid).items()
                if (price >= limit if is_bid else price <= limit)}

    def deposit(self, book: str, is_bid: bool, order_id: int) -> int:
        orders = self.after[book]["engine.getOrder(bid)" if is_bid else "engine.getOrder(ask)"]
        return int(orders.get(str(order_id), {}).get("depositAmount", 0))

    def deposits(self, book: str) -> dict[tuple[bool, int], int]:
        return {(is_bid, int(number)): order["depositAmount"]
                for is_bid, name in ((True, "engine.getOrder(bid)"), (False, "engine.getOrder(ask)"))
                for number, order in self.after[book][name].items() if order["depositAmount"]}


def listed(meta: dict[str, Any], name: str) -> PairInfo:
    pair = meta["pairs"][name]
    tokens = [TokenInfo(pair[f"{side}_address"].lower(), pair[side], pair[side], pair[f"{side}_decimals"])
              for side in ("base", "quote")]
    market = Market(*[Token(token.address, token.symbol, token.decimals) for token in tokens], pair["orderbook"].lower())
    return PairInfo(market, *tokens, pair["listing_price"], 0)


def recorded_block(number: int, step: dict[str, Any], engine: str) -> IndexedBlock:
    return IndexedBlock(number, 1_750_000_000 + number, tuple(
        EngineLog(step["hash"], tuple(log["topics"]), bytes.fromhex(log["data"][2:]))
        for log in step["logs"] if log["address"].lower() == engine))


def cut_off(step: dict[str, Any]) -> bool:
    """Whether a level holds more orders than were recorded of it."""
    return any(len(level["getOrderIds"]) >= 30 for state in step.get("after", {}).values()
               for side in ("bid", "ask") for level in state[f"depth({side})"])


def contents(indexer: Indexer) -> Any:
    """Everything that an undo must bring back."""
    return deepcopy({
        "head": indexer.head,
        "pairs": {book: (pair.orders, list(pair.levels(True)), list(pair.levels(False)), list(pair.trades), pair.candles,
                         pair.price, pair.highest, pair.lowest, pair.trade_count, pair.base_liquidity, pair.quote_liquidity)
                  for book, pair in indexer.pairs.items()},
        "accounts": {address: (account.orders, account.histories, list(account.trades), account.stats)
                     for address, account in indexer.accounts.items()}})


@pytest.mark.parametrize("generation", ["engine_2025_08", "engine_2026_07"])
def test_rows_equal_the_recorded_books_after_every_transaction_and_go_back_to_them_after_an_undo(generation: str) -> None:
    recording = vectors.load(generation)
    meta = recording["meta"]
    engine = meta["contracts"]["engine"].lower()
    compared = 0
    for scenario in recording["scenarios"]:
        if any(step.get("reset_before") or cut_off(step) for step in scenario["steps"]) or "preset" in scenario:
            continue
        books = {name: meta["pairs"][name]["orderbook"].lower() for name in scenario["pairs"] if name in meta["pairs"]}
        view = RecordedBooks()
        indexer = Indexer(IndexerSettings(undo_blocks=10_000), ManualClock(), view=view)
        for name in books:
            indexer.add_pair(listed(meta, name))
        before = []
        for number, step in enumerate((step for step in scenario["steps"] if step["kind"] == "tx"), 1):
            before.append(contents(indexer))
            view.show({name: state for name, state in step.get("after", {}).items() if name in books}, books)
            indexer.add(recorded_block(number, step, engine))
            for name, book in books.items():
                if book not in view.after:
                    continue
                pair, where = indexer.pairs[book], (scenario["name"], step["label"], name)
                compared += 1
                for is_bid in (True, False):
                    expected = {price: (sum(amount for _, amount in orders), len(orders))
                                for price, orders in view.levels(book, is_bid).items()}
                    assert {price: tuple(level) for price, level in pair.levels(is_bid)} == expected, where
                assert {key: row.placed for key, row in pair.orders.items()} == view.deposits(book), where
                assert (pair.price, pair.trade_count) == (view.after[book]["book.lmp"], view.after[book]["book.tradeCount"])
        for number in range(len(before), 0, -1):
            indexer.remove(number)
            assert contents(indexer) == before[number - 1], (scenario["name"], number)
    assert compared > (250 if generation == "engine_2025_08" else 20)


def test_a_match_reduces_the_maker_row_and_makes_a_row_for_each_side() -> None:
    indexer = new_indexer()
    indexer.add(block(1, placed(3, False, PRICE, 10 * SOMI)))
    indexer.add(block(2, matched(3, True, PRICE, 4 * SOMI, 2_600_000, clear=False), price_moved(PRICE)))
    row = indexer.pairs[BOOK].orders[False, 3]
    assert (row.amount, row.placed) == (10 * SOMI, 6 * SOMI)
    assert [(bought, trade.order_id) for bought, trade in indexer.account(ALICE).trades] == [(False, 3)]
    assert [(bought, trade.order_id) for bought, trade in indexer.account(BOB).trades] == [(True, 3)]
    history = indexer.account(ALICE).histories[BOOK, False, 3]
    assert (history.status, history.executed) == ("open", 4 * SOMI)
    indexer.add(block(3, matched(3, True, PRICE, 6 * SOMI, 3_900_000, clear=True, trade_id=2)))
    assert not indexer.pairs[BOOK].orders and not indexer.account(ALICE).orders
    assert indexer.account(ALICE).histories[BOOK, False, 3].status == "filled"
    assert indexer.account(ALICE).stats["all"].trades == 2


def test_a_cancel_closes_the_history() -> None:
    indexer = new_indexer()
    indexer.add(block(1, placed(1, True, PRICE, 5 * USDC)))
    indexer.add(block(2, canceled(1, True, 5 * USDC)))
    assert not list(indexer.pairs[BOOK].levels(True))
    assert indexer.account(ALICE).histories[BOOK, True, 1].status == "canceled"


def test_an_order_deleted_as_dust_stays_as_a_stale_row_unless_the_indexer_is_exact() -> None:
    rests = 10 * SOMI
    leaves_dust = matched(3, True, PRICE, rests - 10 ** 12, 6_499_999, clear=False)
    stale, exact = new_indexer(exact=False), new_indexer(exact=True)
    for indexer in (stale, exact):
        indexer.add(block(1, placed(3, False, PRICE, rests)))
        indexer.add(block(2, leaves_dust))
    assert stale.pairs[BOOK].orders[False, 3].placed == 10 ** 12
    assert [price for price, _ in stale.pairs[BOOK].levels(False)] == [PRICE]
    assert not exact.pairs[BOOK].orders and not list(exact.pairs[BOOK].levels(False))


def test_levels_can_have_the_flaw_of_counting_the_whole_submission() -> None:
    indexer = new_indexer(level_counts_whole_submission=True)
    indexer.add(block(1, placed(3, True, PRICE, 10 * USDC, rests=4 * USDC)))
    assert indexer.pairs[BOOK].level(True, PRICE) == (10 * USDC, 1)


def test_lag_in_seconds_and_in_blocks_holds_rows_back() -> None:
    clock = ManualClock()
    indexer = new_indexer(clock, lag_seconds=2.0, lag_blocks=1)
    indexer.add(block(1, placed(1, True, PRICE, USDC)))
    clock.now += 5
    indexer.advance()
    assert not indexer.pairs[BOOK].orders, "one block must follow"
    indexer.add(block(2))
    assert list(indexer.pairs[BOOK].orders) == [(True, 1)]
    indexer.add(block(3, placed(2, True, PRICE, USDC)))
    indexer.add(block(4))
    assert len(indexer.pairs[BOOK].orders) == 1
    clock.now += 2
    indexer.advance()
    assert len(indexer.pairs[BOOK].orders) == 2


class OneBook:
    """A chain whose queues and deposits a test says."""

    def __init__(self, queues: dict[int, list[int]], deposits: dict[int, int]) -> None:
        self.queues = queues
        self.deposits = deposits

    def reachable(self, book: str, is_bid: bool, limit: int) -> dict[int, list[int]]:
        return dict(self.queues)

    def deposit(self, book: str, is_bid: bool, order_id: int) -> int:
        return self.deposits.get(order_id, 0)


def test_an_exact_indexer_drops_what_takers_unlinked_and_keeps_it_as_an_order_while_it_can_be_cancelled() -> None:
    chain = OneBook({PRICE: [3]}, {1: 600, 3: SOMI})
    indexer = Indexer(IndexerSettings(lag_blocks=1), ManualClock(), view=chain)
    indexer.add_pair(new_indexer().pairs[BOOK].info)
    indexer.add(block(1, placed(1, False, PRICE, 600), placed(2, False, PRICE, 600), placed(3, False, PRICE, 2 * SOMI)))
    indexer.add(block(2, matched(3, True, PRICE, SOMI, 650_000, clear=False), price_moved(PRICE)))
    chain.queues, chain.deposits = {}, {1: 600}
    indexer.add(block(3, canceled(3, False, SOMI)))
    pair = indexer.pairs[BOOK]
    assert pair.level(False, PRICE) == (SOMI, 1), "as the chain was at block 2, not as it is at block 3"
    assert {key: row.queued for key, row in pair.orders.items()} == {(False, 1): False, (False, 3): True}
    indexer.add(block(4, canceled(1, False, 600)))
    indexer.add(block(5))
    assert not pair.orders and indexer.account(ALICE).histories[BOOK, False, 3].status == "canceled"
    assert indexer.account(ALICE).histories[BOOK, False, 1].status == "canceled"


def test_a_block_removed_before_it_was_indexed_leaves_no_trace() -> None:
    clock = ManualClock()
    indexer = new_indexer(clock, lag_seconds=2.0)
    indexer.add(block(1, placed(1, True, PRICE, USDC)))
    indexer.remove(1)
    indexer.add(block(1, placed(1, True, PRICE + 1, USDC)))
    clock.now += 2
    indexer.advance()
    assert [row.price for row in indexer.pairs[BOOK].orders.values()] == [PRICE + 1]


def test_a_paused_indexer_catches_up_when_it_is_resumed() -> None:
    indexer = new_indexer(paused=True)
    indexer.add(block(1, placed(1, True, PRICE, USDC)))
    assert not indexer.pairs[BOOK].orders
    indexer.settings.paused = False
    indexer.advance()
    assert indexer.pairs[BOOK].orders


def test_missing_rows_are_always_the_same_ones() -> None:
    logs = [placed(number, True, PRICE, USDC) for number in range(1, 201)]
    kept = []
    for _ in range(2):
        indexer = new_indexer(missing_orders=0.3, seed=5)
        indexer.add(block(1, *logs))
        indexer.remove(1)
        indexer.add(block(1, *logs))
        kept.append(set(indexer.pairs[BOOK].orders))
    assert kept[0] == kept[1] and 100 < len(kept[0]) < 180


def test_a_missing_order_is_neither_reduced_nor_cancelled() -> None:
    indexer = new_indexer(missing_orders=1.0, missing_trades=1.0)
    indexer.add(block(1, placed(1, False, PRICE, SOMI), matched(1, True, PRICE, SOMI // 2, 325_000, clear=False),
                      canceled(1, False, SOMI // 2)))
    assert not indexer.account(ALICE).trades and not indexer.account(ALICE).histories
    assert indexer.pairs[BOOK].trade_count == 1


def test_rows_kept_are_bounded_and_totals_are_not() -> None:
    indexer = new_indexer(trades_per_pair=10, rows_per_account=5, candles_per_interval=3, undo_blocks=4)
    for number in range(1, 31):
        indexer.add(block(number, placed(number, False, PRICE, SOMI),
                          matched(number, True, PRICE, SOMI, 650_000, clear=True, trade_id=number), price_moved(PRICE),
                          timestamp=1_750_000_000 + 60 * number))
    pair, account = indexer.pairs[BOOK], indexer.account(ALICE)
    assert (len(pair.trades), len(account.trades), len(account.histories)) == (10, 5, 5)
    assert (pair.trade_count, account.stats["all"].trades, account.stats["all"].histories) == (30, 30, 30)
    assert [bucket.number for bucket in pair.candles["min"].values()] == [28, 29, 30]
    with pytest.raises(ValueError, match="cannot be taken back"):
        for number in range(30, 20, -1):
            indexer.remove(number)


def test_candles_follow_the_market_price_and_count_trades_only() -> None:
    indexer = new_indexer()
    start = 1_750_000_020
    indexer.add(block(1, price_moved(PRICE + 300), timestamp=start))
    indexer.add(block(2, placed(1, False, PRICE - 200, SOMI), matched(1, True, PRICE - 200, SOMI, 649_998, clear=True),
                      price_moved(PRICE - 200), timestamp=start + 10))
    indexer.add(block(3, price_moved(PRICE), timestamp=start + 60))
    first, second = indexer.pairs[BOOK].candles["min"].values()
    assert first[:6] == (start, 1, PRICE, PRICE + 300, PRICE - 200, PRICE - 200)
    assert (first.base_volume, first.quote_volume, first.trades) == (SOMI, 649_998, 1)
    assert second[:6] == (start + 60, 2, PRICE - 200, PRICE, PRICE - 200, PRICE)
    assert (indexer.pairs[BOOK].highest, indexer.pairs[BOOK].lowest) == (PRICE + 300, PRICE - 200)


def test_candles_start_at_utc_boundaries() -> None:
    moment = 1_763_900_000  # Sunday 2025-11-23 12:13:20
    assert [bucket_start(name, moment) for name in ("min", "hour", "day", "week", "month")] == [
        1_763_899_980, 1_763_899_200, 1_763_856_000, 1_763_337_600, 1_761_955_200]


def test_submissions_that_never_rest_get_a_history_only_on_request() -> None:
    logs = (placed(1, False, PRICE, SOMI), matched(1, True, PRICE, SOMI, 650_000, clear=True, total=650_000))
    plain, full = new_indexer(), new_indexer(history_of_taken_orders=True)
    for indexer in (plain, full):
        indexer.add(block(1, *logs))
    assert not plain.account(BOB).histories
    (row,) = full.account(BOB).histories.values()
    assert (row.order_id, row.is_bid, row.amount, row.executed, row.status) == (None, True, 650_000, 650_000, "filled")


def test_a_pair_added_by_the_operator_is_listed_under_the_native_symbol() -> None:
    indexer = Indexer(IndexerSettings(), ManualClock(), native_symbols={BASE.address: "SOMI"})
    log = EngineLog("0x" + "aa" * 32, *PAIR_ADDED.encode(
        BOOK, (BASE.address, 18, "Wrapped Somi", "WSOMI", 10 ** 24), (QUOTE.address, 6, "USD Coin", "USDC", 10 ** 15), PRICE,
        1_700_000_000, ""))
    indexer.add(block(1, log, price_moved(PRICE)))
    pair = indexer.pair_by_symbols("somi", "usdc")
    assert pair is not None and pair.info.symbol == "SOMI/USDC" and pair.price == PRICE
    assert indexer.pair_of(BASE.address, QUOTE.address) is pair and indexer.usd(BASE.address) == 0.65
    indexer.hidden.add(BOOK)
    assert indexer.pair_of(BASE.address, QUOTE.address) is None
    indexer.hidden.clear()
    indexer.remove(1)
    assert not indexer.pairs and not indexer.tokens
