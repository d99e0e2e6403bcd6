"""Levels that a stream tells: what is handed to Hummingbot's order book leaves it with the same levels, always."""
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot, UpdateIds
from hummingbot.connector.exchange.standard.feeds.levels import LevelMap
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

LEVELS = st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.8]), st.sampled_from([0.0, 1.0, 2.0])), max_size=3)


def levels() -> LevelMap:
    return LevelMap("SOMI-USDC", UpdateIds(ManualClock()))


def test_changes_of_an_orderly_book_are_handed_out_as_they_are() -> None:
    book = levels()
    first = book.replace([(0.5, 1.0), (0.4, 0.0)], [(0.6, 2.0)], 1.0, 0.55)
    assert (list(first.bids), list(first.asks), first.market_price) == ([(0.5, 1.0)], [(0.6, 2.0)], 0.55)
    second = book.apply([(0.45, 3.0)], [(0.6, 1.0)], 2.0, 0.56)
    assert isinstance(second, BookDelta) and second.update_id > first.update_id
    assert (second.bids, second.asks, second.market_price) == ([(0.45, 3.0)], [(0.6, 1.0)], 0.56)


def test_a_book_that_becomes_locked_is_handed_out_whole_until_it_is_no_more_and_once_then() -> None:
    book = levels()
    book.replace([(0.5, 1.0)], [(0.6, 2.0)], 1.0, None)
    locked = book.apply([(0.6, 1.0)], [], 2.0, None)
    assert isinstance(locked, BookSnapshot) and list(locked.bids) == [(0.6, 1.0), (0.5, 1.0)]
    assert isinstance(book.apply([(0.4, 1.0)], [], 3.0, None), BookSnapshot)
    assert isinstance(book.apply([(0.6, 0.0)], [], 4.0, None), BookSnapshot)
    assert isinstance(book.apply([(0.4, 0.0)], [], 5.0, None), BookDelta)


def test_differences_beyond_the_tolerance_are_seen() -> None:
    book = levels()
    book.replace([(0.5, 1.0)], [(0.6, 2.0)], 1.0, None)
    assert not book.differs([(0.5, 1.0 + 1e-9), (0.4, 0.0)], [(0.6, 2.0)], 1e-6)
    assert book.differs([(0.5, 1.1)], [(0.6, 2.0)], 1e-6)
    assert book.differs([], [(0.6, 2.0)], 1e-6)
    book.apply([(0.1, 5.0)], [(9.0, 5.0)], 2.0, None)
    assert not book.differs([(0.5, 1.0)], [(0.6, 2.0)], 1e-6), "what lies deeper than the other book goes is not compared"
    assert book.differs([(0.5, 1.0), (0.4, 1.0)], [(0.6, 2.0)], 1e-6)


def test_what_is_deeper_than_another_book_is_known() -> None:
    book = levels()
    assert not book.reaches_beyond([], [])
    book.replace([(0.5, 1.0), (0.4, 1.0)], [(0.6, 2.0), (0.7, 1.0)], 1.0, None)
    assert not book.reaches_beyond([(0.4, 3.0)], [(0.7, 3.0)]) and not book.reaches_beyond([], [])
    assert book.reaches_beyond([(0.5, 1.0)], [(0.7, 1.0)]) and book.reaches_beyond([(0.4, 1.0)], [(0.6, 1.0)])


@given(st.lists(st.tuples(LEVELS, LEVELS, st.booleans()), max_size=12))
def test_hummingbots_book_has_the_same_levels_after_any_changes(changes: list[tuple[list[tuple[float, float]],
                                                                                    list[tuple[float, float]], bool]]) -> None:
    ours, theirs = levels(), OrderBook()
    truth: tuple[dict[float, float], dict[float, float]] = ({}, {})
    for bids, asks, is_whole in changes:
        for side, told in zip(truth, (bids, asks)):
            if is_whole:
                side.clear()
            side.update(told)
        event = (ours.replace if is_whole else ours.apply)(list(dict(bids).items()), list(dict(asks).items()), 1.0, None)
        rows = [[OrderBookRow(price, amount, event.update_id) for price, amount in side] for side in (event.bids, event.asks)]
        (theirs.apply_snapshot if isinstance(event, BookSnapshot) else theirs.apply_diffs)(*rows, event.update_id)
        held = ({row.price: row.amount for row in theirs.bid_entries()}, {row.price: row.amount for row in theirs.ask_entries()})
        assert held == tuple({price: amount for price, amount in side.items() if amount > 0} for side in truth)
