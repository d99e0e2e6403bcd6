"""Placements whose receipts are forgotten: which own order of a book is which of theirs."""
import pytest

from hummingbot.connector.exchange.standard import forgotten_placements
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.intents import Intent
from hummingbot.connector.exchange.standard.feeds.book import BookOrder, BookState
from hummingbot.connector.exchange.standard.forgotten_placements import found_in_books
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import END_OF_BLOCK, OrderKey, Resting
from hummingbot.connector.exchange.standard.placements import PLACE
from test.hummingbot.connector.exchange.standard.clocks import QuickClock

OWN, OTHER = "0x" + "a1" * 20, "0x" + "a2" * 20
WBTC = Market(Token("0x" + "bb" * 20, "WBTC", 8), Token("0x" + "cc" * 20, "USDC", 6), "0x" + "b2" * 20)
LEVEL = 60_000 * 10 ** 8


def placement(**deposits: int) -> Intent:
    """The sale of so many units for each name, all at one price."""
    items = [(WBTC.base.address, WBTC.quote.address, False, True, 0, LEVEL, deposit, 0, OWN) for deposit in deposits.values()]
    return Intent("0x" + "e0" * 20, ENGINE_FUNCTIONS["createOrders"].encode(items), 0, 100_000, PLACE, tuple(deposits))


class Books:
    """What the book holds, and how often it was read."""

    def __init__(self, *asks: BookOrder) -> None:
        self.asks = asks
        self.reads = 0
        self.reads_before = -1  # when it was asked which orders are known

    async def read(self, rpc: object, market: Market, block: int, clock: object) -> BookState:
        self.reads += 1
        return BookState(block, [BookOrder(9, OWN, LEVEL, 100)], self.asks, LEVEL, 10, 10, 1, False)

    async def found(self, intent: Intent, markets: list[Market], *known: OrderKey) -> list[Resting]:
        async def others() -> tuple[OrderKey, ...]:
            self.reads_before = self.reads
            return known

        return await found_in_books(intent, OWN, markets, others, 50, self, QuickClock())  # type: ignore[arg-type]


def ask(number: int) -> OrderKey:
    return OrderKey(WBTC.book, False, number)


async def test_orders_of_one_book_share_one_reading_and_each_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books(BookOrder(1, OTHER, LEVEL, 100), BookOrder(2, OWN, LEVEL, 100), BookOrder(3, OWN, LEVEL, 70),
                  BookOrder(4, OWN, LEVEL, 100), BookOrder(5, OWN, LEVEL + 1, 40))
    monkeypatch.setattr(forgotten_placements, "read_book", books.read)
    found = await books.found(placement(a=100, b=70, c=100), [WBTC], ask(4))
    counted = (50, END_OF_BLOCK)  # a fill of before that is told later is out of these deposits already
    assert found == [Resting(ask(2), "a", LEVEL, 100, counted), Resting(ask(3), "b", LEVEL, 70, counted)]
    assert books.reads == books.reads_before == 1, "what was placed before the reading is known by then"


async def test_of_a_market_that_is_not_listed_any_more_nothing_is_read_and_nothing_found(
        monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books(BookOrder(2, OWN, LEVEL, 100))
    monkeypatch.setattr(forgotten_placements, "read_book", books.read)
    assert await books.found(placement(a=100), []) == [] and books.reads == 0
