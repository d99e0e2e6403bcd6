"""What a dialect of the exchange's WebSocket says, once decoded: the same few things in every dialect."""
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Union

from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, Levels, PublicTrade
from hummingbot.connector.exchange.standard.markets import Market

Body = dict[str, Any]


class Answered(NamedTuple):
    """The request with this id was accepted."""

    id: int


class Refused(NamedTuple):
    """The request with this id was refused; None when the server could not tell which."""

    id: int | None
    code: int
    message: str


class Ping(NamedTuple):
    """The server wants to hear `answer`: a text, or an object."""

    answer: str | Body


class BlockReached(NamedTuple):
    """Everything up to this block was told. `sequences` are the last numbers of the streams that it had news for."""

    number: int
    sequences: Mapping[str, int]


class BookContent(NamedTuple):
    """Levels (human price, base amount): the whole book, or changed levels with their new amounts."""

    is_whole: bool
    bids: Levels
    asks: Levels
    market_price: float | None


class TradesContent(NamedTuple):
    """Trades, the oldest first; the newest ones of a book, or those that just happened. `timestamp` is that of the block
    they are told with."""

    is_whole: bool
    trades: Sequence[PublicTrade]
    timestamp: float


class LogsContent(NamedTuple):
    """Events that concern the account, in chain order; `is_whole`: all of their kind since `from_block`, up to `block`."""

    is_whole: bool
    logs: Sequence[EngineLog]
    from_block: int
    block: int


class BalancesContent(NamedTuple):
    """What the wallet holds of some tokens; the zero address is the native one. `is_whole`: of all tokens."""

    is_whole: bool
    balances: Sequence[BalanceChange]


class Hint(NamedTuple):
    """Something happened that this dialect does not tell exactly enough to rely on."""


Content = Union[BookContent, TradesContent, LogsContent, BalancesContent, Hint]


class Told(NamedTuple):
    """News of a stream. `sequence` is its number, None where the dialect counts nothing; `previous` that of the message
    before it, None for one that needs none before it."""

    stream: str
    previous: int | None
    sequence: int | None
    content: Content


Incoming = Union[Answered, Refused, Ping, BlockReached, Told]


class MarketDialect(Protocol):
    """How a dialect subscribes to books and trades and what it says of them.

    A market's streams are called `orderbook:<book>` and `trades:<book>`. With `is_shared` one connection carries all
    markets; otherwise each gets its own, since the frames do not say whose they are. With `has_snapshots` a subscription to
    a stream begins with all of it, and again when it is repeated. `max_silence` is how many seconds without news
    are suspicious; with `tells_blocks` they prove that the stream is broken.
    """

    is_shared: bool
    has_snapshots: bool
    tells_blocks: bool
    ping: Body | None

    @property
    def max_silence(self) -> float:
        """Seconds."""

    async def learn_pace(self) -> None:
        """Find out how quick the chain's blocks are, on which `max_silence` depends."""

    async def prepare(self, market: Market) -> None:
        """Find out what a subscription needs. Raises ApiUnavailableError."""

    async def book(self, market: Market) -> BookContent:
        """The book by the REST API, grouped as the stream's is. Raises ApiUnavailableError."""

    async def trades(self, market: Market) -> Sequence[PublicTrade]:
        """The latest trades by the REST API, the oldest first. Raises ApiUnavailableError."""

    def subscriptions(self, market: Market) -> Mapping[str, Body]:
        """The request, still without an id, for each stream of a market."""

    def unsubscriptions(self, market: Market) -> Sequence[Body]:
        """What ends them."""

    def decode(self, data: Any) -> Sequence[Incoming]:
        """What a frame says: a JSON value, or a text or bytes that are none. Raises BadDataError, and nothing else, for what
        is malformed."""
