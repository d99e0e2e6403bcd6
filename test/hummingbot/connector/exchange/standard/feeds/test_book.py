"""The book model against the exchange's own book: any calls, order by order after each of them."""
from dataclasses import replace
from random import Random

import pytest

from hummingbot.connector.exchange.standard.chain.engine import (
    NewMarketPrice,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
    decode_event,
)
from hummingbot.connector.exchange.standard.feeds.book import (
    Book,
    BookContradictionError,
    BookOrder,
    BookSide,
    BookState,
    difference,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.sandbox import book as sandbox_book
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.levels import Side
from test.hummingbot.connector.exchange.standard.sandbox.random_calls import Caller, deployment

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
NOBODY = "0x" + "00" * 20
PRICE = 65 * 10 ** 6  # 0.65
MARKET = Market(Token("0x" + "01" * 20, "SOMI", 18), Token("0x" + "02" * 20, "USDC", 6), "0x" + "03" * 20)
STEP = 10 ** 12


def market_of(book: sandbox_book.Book) -> Market:
    return Market(Token(book.base.address, "B", book.base.places), Token(book.quote.address, "Q", book.quote.places),
                  book.address)


def queued(side: Side) -> list[BookOrder]:
    return [BookOrder(number, *side.orders[number]) for price in side.prices(len(side.queues) + 1)
            for number in side.queues[price]]


def state_of(book: sandbox_book.Book) -> BookState:
    return BookState(0, queued(book.bids), queued(book.asks), book.last_price, book.bids.next_id, book.asks.next_id,
                     book.trades, book.by_time)


def levels_of(book: sandbox_book.Book, is_bid: bool) -> list[tuple[int, int]]:
    totals: dict[int, int] = {}
    for order in queued(book.side(is_bid)):
        units = book.to_base(order.price, order.deposit) if is_bid else order.deposit
        totals[order.price] = totals.get(order.price, 0) + units
    return [level for level in totals.items() if level[1]]


class Follower:
    """The models of all books of a world under random calls."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.books = {book.address: Book(market_of(book), state_of(book)) for book in caller.books}
        self.mirrors = {address: ({}, {}) for address in self.books}
        self.doubts = 0

    def step(self) -> None:
        for log in self.caller.step().logs:
            event = decode_event(log.topics, log.data) if log.address == self.caller.engine else None
            if event is not None:
                self.books[event.pair].apply(event)
        for book in self.caller.books:
            self._compare(book)

    def _compare(self, book: sandbox_book.Book) -> None:
        model, state = self.books[book.address], state_of(book)
        if model.doubtful:
            self.doubts += 1
            assert {order for side in (model.bids, model.asks) for order in side if not side.is_dust(order)} == {
                order for side, orders in ((model.bids, state.bids), (model.asks, state.asks))
                for order in orders if not side.is_dust(order)}
            self.books[book.address] = Book(model.market, state)
            self.mirrors[book.address] = ({}, {})
            for is_bid, mirror in zip((True, False), self.mirrors[book.address]):
                mirror.update(levels_of(book, is_bid))
            return
        assert difference(model.state(0), state) == ""
        for is_bid, mirror in zip((True, False), self.mirrors[book.address]):
            mirror.update(model.take_changes(is_bid))
            for price in [price for price, units in mirror.items() if not units]:
                del mirror[price]
            assert model.levels(is_bid) == levels_of(book, is_bid)
            assert sorted(mirror.items(), reverse=is_bid) == levels_of(book, is_bid)


@pytest.mark.parametrize("generation", list(Generation))
@pytest.mark.parametrize("seed", range(3))
def test_the_model_is_the_contracts_book_after_any_calls(generation: Generation, seed: int) -> None:
    caller = Caller(deployment(generation), Random(seed))
    follower = Follower(caller)
    for _ in range(1_200):
        follower.step()
    assert caller.succeeded > 400
    assert follower.doubts < 60, "doubt is meant to be rare"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("generation", list(Generation))
def test_the_model_is_the_contracts_book_after_thousands_of_calls(generation: Generation) -> None:
    caller = Caller(deployment(generation), Random(11))
    follower = Follower(caller)
    for step in range(8_000):
        follower.step()
        if step % 100 == 0:
            caller.world.forget(caller.world.checkpoint())


# Single rules


def empty() -> Book:
    return Book(MARKET, BookState(1, [], [], PRICE, 1, 1, 0, False))


def placed(number: int, is_bid: bool, amount: int, price: int = PRICE, owner: str = ALICE) -> OrderPlaced:
    return OrderPlaced(MARKET.book, 1, number, owner, is_bid, price, amount, amount)


def matched(number: int, base: int, quote: int, trade: int, *, is_buy: bool = True, price: int = PRICE, total: int | None = None,
            clear: bool = False) -> OrderMatched:
    total = (quote if is_buy else base) if total is None else total
    return OrderMatched(MARKET.book, 2, number, is_buy, price, total, clear, BOB, ALICE, base, quote, 0, 0, trade)


def test_orders_queue_by_size_with_the_engines_treatment_of_equal_ones() -> None:
    book = empty()
    for number in range(1, 6):
        book.apply(placed(number, False, 10 * STEP))
    assert [order.id for order in book.asks] == [1, 2, 5, 4, 3]
    book.apply(placed(6, False, 11 * STEP))
    assert next(iter(book.asks)).id == 6


def test_orders_queue_by_time_where_the_book_says_so() -> None:
    side = BookSide(MARKET, False, [], 1, True)
    for number in (1, 2, 3):
        side.add(BookOrder(number, ALICE, PRICE, number * STEP))
    assert [order.id for order in side] == [1, 2, 3]


def test_an_order_of_nobody_is_an_order() -> None:
    book = empty()
    book.apply(placed(1, False, 10 * STEP, owner=NOBODY))
    assert book.levels(False) == [(PRICE, 10 * STEP)]


def test_what_is_left_of_an_ask_as_dust_goes_with_the_match_although_the_event_says_otherwise() -> None:
    book = empty()
    book.apply(placed(1, False, 3 * STEP))
    # 2 of 3 steps are taken; the last one is worth no more than a unit of quote buys.
    book.apply(matched(1, 2 * STEP, 1, 1, clear=False))
    assert book.levels(False) == []


def test_a_bid_counts_what_it_can_buy_and_dust_counts_nothing() -> None:
    book = empty()
    book.apply(placed(1, True, 650_001))
    assert book.levels(True) == [(PRICE, 1_000_001 * STEP)]
    book = Book(replace(MARKET, base=Token("0x" + "01" * 20, "S", 2)), BookState(1, [], [], PRICE, 1, 1, 0, False))
    book.apply(placed(1, True, 1))
    assert book.levels(True) == []
    assert book.take_changes(True) == [(PRICE, 0)]


def test_dust_that_a_taker_passed_is_gone() -> None:
    book = empty()
    book.apply(placed(1, False, 1, price=PRICE))
    book.apply(placed(2, False, 10 * STEP, price=PRICE + 1))
    book.apply(matched(2, 4 * STEP, 3, 1, price=PRICE + 1))
    book.apply(NewMarketPrice(MARKET.book, PRICE + 1, True))
    assert [order.id for order in book.asks] == [2]
    assert not book.doubtful


def test_dust_that_a_taker_may_have_passed_makes_the_book_doubtful() -> None:
    book = empty()
    book.apply(placed(1, False, 10 * STEP))
    book.apply(placed(2, False, 1))
    book.apply(matched(1, 10 * STEP, 7, 1, total=9, clear=True))
    book.apply(NewMarketPrice(MARKET.book, PRICE, True))
    assert book.doubtful


def test_a_book_in_doubt_believes_a_match_that_it_cannot_explain() -> None:
    book = empty()
    for number in (1, 2, 3):
        book.apply(placed(number, False, number * 10 * STEP, price=PRICE + number))
    later = matched(2, 20 * STEP, 13, 1, price=PRICE + 2, clear=True)
    with pytest.raises(BookContradictionError, match="was taken before"):
        book.apply(later)
    book = empty()
    for number in (1, 2, 3):
        book.apply(placed(number, False, number * 10 * STEP, price=PRICE + number))
    book.doubtful = True
    book.apply(later)
    assert [order.id for order in book.asks] == [1, 3]


def test_a_taker_who_spent_everything_passed_no_more_dust() -> None:
    book = empty()
    book.apply(placed(1, False, 10 * STEP))
    book.apply(placed(2, False, 1))
    book.apply(matched(1, 10 * STEP, 7, 1, total=7, clear=True))
    book.apply(NewMarketPrice(MARKET.book, PRICE, True))
    assert not book.doubtful
    assert [order.id for order in book.asks] == [2]


def test_an_order_that_left_its_queue_as_dust_can_still_be_cancelled() -> None:
    book = empty()
    book.apply(OrderCanceled(MARKET.book, 7, False, ALICE, 1))
    assert book.levels(False) == []


def test_ids_go_round() -> None:
    book = Book(MARKET, BookState(1, [], [], PRICE, 2 ** 32 - 1, 1, 2 ** 64 - 1, False))
    book.apply(placed(2 ** 32 - 1, True, 10 ** 6))
    book.apply(placed(1, True, 10 ** 6))
    book.apply(matched(2 ** 32 - 1, 10 * STEP, 6, 1, is_buy=False))
    assert book.trade_id == 1


def test_locked_and_crossed_books_are_known_as_such() -> None:
    book = empty()
    book.apply(placed(1, True, 10 ** 6, price=PRICE))
    assert not book.is_overlapping()
    book.apply(placed(1, False, 10 * STEP, price=PRICE))
    assert book.is_overlapping()


@pytest.mark.parametrize("event", [
    placed(3, True, 10 ** 6),
    matched(9, STEP, 1, 1),
    matched(1, STEP, 1, 2),
    matched(1, 11 * STEP, 8, 1),
    matched(1, 2 * STEP, 1, 1, price=PRICE + 1),
    matched(2, 2 * STEP, 1, 1, price=PRICE + 5),
    OrderCanceled(MARKET.book, 1, False, ALICE, 9 * STEP),
])
def test_what_cannot_follow_from_the_events_before_is_a_contradiction(event: object) -> None:
    book = empty()
    book.apply(placed(1, False, 10 * STEP))
    book.apply(placed(2, False, 10 * STEP, price=PRICE + 5))
    with pytest.raises(BookContradictionError):
        book.apply(event)  # type: ignore[arg-type]


def test_a_difference_is_told_in_words() -> None:
    book = empty()
    book.apply(placed(1, False, 10 * STEP))
    book.apply(placed(2, False, 9 * STEP))
    known = book.state(5)
    assert difference(known, known) == ""
    assert "order" in difference(known, known._replace(asks=known.asks[::-1]))
    assert "None was known" in difference(known, known._replace(bids=[BookOrder(1, ALICE, PRICE, 5)]))
    assert "counters" in difference(known, known._replace(last_price=1))
