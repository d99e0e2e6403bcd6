"""A stream whose server, dialect and API are what a test says, without a socket and with time that stands still."""
import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.feeds.base import PublicTrade
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    Answered,
    Body,
    BookContent,
    Incoming,
    Told,
    TradesContent,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.core.web_assistant.connections.data_types import WSResponse
from test.hummingbot.connector.exchange.standard.clocks import settle

QUOTE = Token("0x" + "cc" * 20, "USDC", 6)
SOMI = Market(Token("0x" + "aa" * 20, "SOMI", 18), QUOTE, "0x" + "b1" * 20)
WBTC = Market(Token("0x" + "bb" * 20, "WBTC", 8), QUOTE, "0x" + "b2" * 20)
MARKETS = {market.trading_pair: market for market in (SOMI, WBTC)}


class Connection:
    """Hummingbot's WSAssistant and the factory that makes it. Requests are acknowledged at once unless `answers` is off."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answers = True
        self.open = asyncio.Event()
        self.open.set()
        self.refusal: Exception | None = None
        self.broken: Exception | None = None
        self._frames: asyncio.Queue[Any] = asyncio.Queue()

    async def get_ws_assistant(self) -> "Connection":
        return self

    async def connect(self, ws_url: str, **_: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        await self.open.wait()

    async def send(self, request: Any) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(request.payload)
        if self.answers and isinstance(request.payload, dict) and "id" in request.payload:
            self.tell(Answered(request.payload["id"]))

    async def receive(self) -> WSResponse | None:
        frame = await self._frames.get()
        if isinstance(frame, Exception):
            raise frame
        return None if frame is None else WSResponse(frame)

    async def disconnect(self) -> None:
        return None

    def tell(self, *messages: Incoming) -> None:
        """The next frame; `Dialect` takes it for what it is."""
        self._frames.put_nowait(list(messages))

    def end(self, how: Exception | None) -> None:
        """What the next attempt to receive finds instead of a frame."""
        self._frames.put_nowait(how)

    @property
    def methods(self) -> list[str]:
        return [payload["method"] for payload in self.sent]


class Dialect:
    """A MarketDialect that is told what the frames are, and an API that answers what a test put there."""

    ping: Body | None = None

    def __init__(self, is_shared: bool = True, has_snapshots: bool = False, tells_blocks: bool = False,
                 max_silence: float = 5.0, learned_silence: float | None = None) -> None:
        self.is_shared, self.has_snapshots = is_shared, has_snapshots
        self.tells_blocks, self.max_silence, self.learned_silence = tells_blocks, max_silence, learned_silence
        self.api_book: BookContent | Exception = whole()
        self.api_trades: list[PublicTrade] | Exception = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked: list[str] = []

    async def learn_pace(self) -> None:
        self.max_silence = self.learned_silence or self.max_silence

    async def prepare(self, market: Market) -> None:
        return None

    async def book(self, market: Market) -> BookContent:
        self.asked.append("book")
        await self.answers.wait()
        if isinstance(self.api_book, Exception):
            raise self.api_book
        return self.api_book

    async def trades(self, market: Market) -> Sequence[PublicTrade]:
        self.asked.append("trades")
        if isinstance(self.api_trades, Exception):
            raise self.api_trades
        return self.api_trades

    def subscriptions(self, market: Market) -> Mapping[str, Body]:
        return {f"{channel}:{market.book}": {"method": f"{channel} {market.trading_pair}"} for channel in ("orderbook", "trades")}

    def unsubscriptions(self, market: Market) -> Sequence[Body]:
        return [{"method": f"leave {market.trading_pair}"}]

    def decode(self, data: Any) -> Sequence[Incoming]:
        return list(data)


def whole(*bids: tuple[float, float], asks: Sequence[tuple[float, float]] = ((10.0, 1.0),)) -> BookContent:
    return BookContent(True, bids or ((9.0, 1.0),), asks, None)


def changed(*bids: tuple[float, float]) -> BookContent:
    return BookContent(False, bids, (), None)


def book(content: BookContent, sequence: int | None = None, previous: int | None = None, market: Market = SOMI) -> Told:
    return Told(f"orderbook:{market.book}", previous, sequence, content)


def trades(*rows: PublicTrade, is_whole: bool = False, sequence: int | None = None, previous: int | None = None) -> Told:
    return Told(f"trades:{SOMI.book}", previous, sequence, TradesContent(is_whole, rows, 1_000.0))


def trade(key: str, timestamp: float = 1_000.0) -> PublicTrade:
    return PublicTrade(SOMI.trading_pair, key, True, 9.5, 1.0, timestamp)


async def pass_time(clock: Any, seconds: float, step: float = 0.25) -> None:
    """Let a ManualClock run as a real one does, without a jump."""
    for _ in range(round(seconds / step)):
        await clock.advance(step)
    await settle()
