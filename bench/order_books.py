"""From the raw answer of the REST API to Hummingbot's order book: row 1 of `make bench`.

The floor is what nobody can leave out in Python: `json.loads`, Hummingbot's rows made of the numbers as they stand, and
`apply_snapshot`. The connector also looks at every number, turns the bids' quote amounts into base, and packs the book into
the message that Hummingbot's tracker takes.
"""
import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from unittest.mock import patch

from bench.figures import MICROSECONDS, Bar, Figure, best
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds import polling as polling_feed
from hummingbot.connector.exchange.standard.feeds.polling import PollingMarketFeed
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.rest.models import TradeRow
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import book_message
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow

DEPTHS = (20, 100, 1000)
BAR = Bar(1.15, of_floor=True)
UNCHANGED_BAR = Bar(2.0)
BOOK = "0x" + "3c04f384" * 5
MARKET = Market(Token("0x" + "11" * 20, "SOMI", 18), Token("0x" + "22" * 20, "USDC", 6), BOOK)


def answer(depth: int, seed: int = 1) -> bytes:
    """A book of so many levels a side as the REST API writes it."""
    source = random.Random(seed)
    sides = [[{"orderbook": BOOK, "price": round(price, 8), "amount": round(source.uniform(1.0, 900.0), 6),
               "count": source.randint(1, 4)} for price in (0.65 + sign * 0.00001 * level for level in range(1, depth + 1))]
             for sign in (-1, 1)]
    return json.dumps({"mktPrice": 0.65, "bids": sides[0], "asks": sides[1], "spread": 0.00002}, separators=(",", ":")).encode()


def floor(body: bytes, book: OrderBook) -> Callable[[], None]:
    """The same without the connector."""
    def work() -> None:
        answered = json.loads(body)
        bids, asks = ([OrderBookRow(float(row["price"]), float(row["amount"]), 1) for row in answered[side]]
                      for side in ("bids", "asks"))
        book.apply_snapshot(bids, asks, 1)
    return work


def connector(body: bytes, book: OrderBook) -> Callable[[], None]:
    """By the feed and the message of the connector."""
    feed = PollingMarketFeed(None, lambda _: MARKET, SystemClock(), 1.0)  # type: ignore[arg-type]

    def work() -> None:
        message = book_message(feed._snapshot(MARKET.trading_pair, body, 1))
        book.apply_snapshot(message.bids, message.asks, message.update_id)
    return work


class _Api:
    """Gives the same answer again and again, then ends the poll; a clock that does not wait, too."""

    def __init__(self, body: bytes, polls: int) -> None:
        self._body, self._left = body, polls

    async def order_book(self, base: str, quote: str) -> bytes:
        if not self._left:
            raise asyncio.CancelledError
        self._left -= 1
        return bytes(memoryview(self._body))  # as from the network, it is another object each time

    async def trades(self, base: str, quote: str, is_enough: Callable[[Sequence[TradeRow]], bool]) -> list[TradeRow]:
        return []

    def time(self) -> float:
        return 0.0

    monotonic = time

    async def sleep(self, seconds: float) -> None:
        """At once."""


async def _read_only(api: _Api) -> None:
    while True:
        await api.order_book("", "")
        await api.sleep(1.0)


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        work.send(None)
    except asyncio.CancelledError:
        return
    raise AssertionError("nothing here waits")


def unchanged(body: bytes, seconds: float, polls: int = 500) -> float:
    """Seconds that a poll costs beyond reading an answer that is the one before."""
    def polling() -> None:
        api = _Api(body, polls)
        feed = PollingMarketFeed(api, lambda _: MARKET, api, 1.0)  # type: ignore[arg-type]
        # What costs time is the answer, and not how the pause after it is waited for.
        with patch.object(polling_feed, "QUIET_POLLS_TO_IDLE", polls):
            _run(feed._poll(MARKET.trading_pair, lambda event: None))

    def reading() -> None:
        _run(_read_only(_Api(body, polls)))

    ours, read = best(polling, reading, seconds=seconds)
    return (ours - read) / polls


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 1; `scale` shortens the measurement."""
    found = []
    for depth in DEPTHS:
        body = answer(depth)
        ours, least = best(connector(body, OrderBook()), floor(body, OrderBook()), seconds=4.0 * scale)
        found.append(Figure(1, f"REST answer to applied book, {depth}+{depth} levels", ours * MICROSECONDS, "µs", BAR,
                            least * MICROSECONDS))
    found.append(Figure(1, "the same answer again, 100+100 levels", unchanged(answer(100), 2.0 * scale) * MICROSECONDS, "µs",
                        UNCHANGED_BAR))
    return found
