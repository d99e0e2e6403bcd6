"""The interchangeable interface of market and account data, and the events that feeds yield.

A feed runs until it breaks: it raises, it never goes silent. The data sources run whichever feed they are given;
replacing polling by a stream means adding one class.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, Union

from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.clock import Clock

Levels = Sequence[tuple[float, float]]


class UpdateIds:
    """The update ids of all books: milliseconds since the epoch, or one more than the last where that is not more.

    One object is shared by all sources, so that ids never decrease when one takes over from another. A source takes the id
    of a delta, and of a snapshot of what it follows, when it hands it out; that of a book which it has to ask for before
    it asks, so that no delta of the time between is taken for an old one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """An id above all those before."""
        now = int(self._clock.time() * 1e3)
        self._last = now if now > self._last else self._last + 1
        return self._last


class BookSnapshot(NamedTuple):
    """A whole order book: (price, base amount) levels, best first. `update_id` never decreases within a pair.

    `market_price` is the engine's own (docs/protocol.md, "Market price"), which bounds where orders may rest; None where the
    source does not know it.
    """

    trading_pair: str
    update_id: int
    timestamp: float
    bids: Levels
    asks: Levels
    market_price: float | None = None


class BookDelta(NamedTuple):
    """Changed levels with their new absolute base amounts; amount 0 removes the level. `market_price` as in BookSnapshot.

    Hummingbot's order book drops levels that overlap when it takes a delta: a source hands out a snapshot instead while
    the book is locked or crossed, and when a side has become empty.
    """

    trading_pair: str
    update_id: int
    timestamp: float
    bids: Levels
    asks: Levels
    market_price: float | None = None


TradePlace = tuple[str | int, str | int]


class PublicTrade(NamedTuple):
    """A trade of anybody. `is_buy` is the taker's side. `place` is its block and number, where the source says both."""

    trading_pair: str
    trade_id: str
    is_buy: bool
    price: float
    amount: float
    timestamp: float
    place: TradePlace | None = None


MarketEvent = Union[BookSnapshot, BookDelta, PublicTrade]
MarketSink = Callable[[MarketEvent], None]


class OrderLogs(NamedTuple):
    """Trading events of the engine, and the block up to which the account has now been told everything.

    Logs that a reorganisation took back come first, marked as removed and the newest first; then new ones in chain order.
    `from_block` is the first block of which they tell, 0 where they tell of all that was not told before.
    """

    logs: Sequence[EngineLog]
    block_number: int
    from_block: int = 0


class BalanceChange(NamedTuple):
    """The wallet holds `units` of `token` (address) as of `block_number`."""

    token: str
    units: int
    block_number: int


AccountEvent = Union[OrderLogs, BalanceChange]
AccountSink = Callable[[AccountEvent], None]


class MarketFeed(Protocol):
    """A source of order books and public trades."""

    name: str

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        """Deliver events of the pairs until the feed breaks; raises then. Each pair begins with a snapshot."""

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        """The order book now; raises ApiUnavailableError or UnknownMarketError."""

    def add_pair(self, trading_pair: str) -> None:
        """Deliver this pair too from now on."""

    def remove_pair(self, trading_pair: str) -> None:
        """Deliver this pair no longer."""


class AccountFeed(Protocol):
    """A source of what happens to the account."""

    name: str

    async def run(self, sink: AccountSink) -> None:
        """Deliver events until the feed breaks; raises then. Nothing between two runs is lost: a cursor remembers."""

    def hurry(self) -> None:
        """Something was just mined that the caller waits for: look now instead of at the next interval."""
