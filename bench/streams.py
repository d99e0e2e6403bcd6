"""From the text of a stream's message to Hummingbot's order book, through Hummingbot's tracker: row 2 of `make bench`.

Both chains read the same texts from the same socket through Hummingbot's WebSocket assistant. The lean chain is Hummingbot's
connection, data source and tracker with no connector code between them: `json.loads`, Hummingbot's message made of the texts
as they stand, Hummingbot's queues. The connector also knows whose message it is and that none is missing, looks at
every number and converts it, and keeps the book itself.
"""
import asyncio
import gc
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import aiohttp

from bench.figures import Bar, Figure
from bench.order_books import MARKET, answer
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds.base import UpdateIds
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.websocket import WebsocketMarketFeed
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import StandardAPIOrderBookDataSource
from hummingbot.connector.exchange.standard.stream_connection import StreamConnection
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker
from hummingbot.core.data_type.order_book_tracker_data_source import OrderBookTrackerDataSource
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection
from hummingbot.core.web_assistant.ws_assistant import WSAssistant

PAIR = MARKET.trading_pair
BAR = Bar(0.95, of_floor=True, is_least=True)
MESSAGES = 6_000
ROUNDS = 7
LEVELS = 40
_PER_TURN = 200  # of such messages the 64 KiB that are read at once hold about as many
_TIMESTAMP = 1_760_000_120


class Recording:
    """In place of a socket: acknowledges requests, then hands out recorded texts as if all of them had arrived at once."""

    def __init__(self, first: Sequence[str], frames: Sequence[str]) -> None:
        self.go = asyncio.Event()
        self.closed = False
        self._first = list(first)
        self._frames = iter(frames)
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._read = 0

    async def send_json(self, request: dict[str, Any]) -> None:
        self._answers.put_nowait(json.dumps({"id": request["id"], "result": True}))
        if self._first:
            self._answers.put_nowait(self._first.pop(0))

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:
        if not self.go.is_set():
            answer, go = asyncio.ensure_future(self._answers.get()), asyncio.ensure_future(self.go.wait())
            await asyncio.wait({answer, go}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                go.cancel()
                return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, answer.result(), None)
            answer.cancel()
        self._read += 1
        if self._read % _PER_TURN == 0:
            await asyncio.sleep(0)  # a socket is read now and then
        frame = next(self._frames, None)
        if frame is None:
            await asyncio.Event().wait()
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, frame, None)

    async def close(self) -> None:
        """Gone."""

    async def ws_connect(self, *_: Any, **__: Any) -> "Recording":
        """It is a session, too."""
        return self


class _Factory:
    """Makes the connector's WebSocket assistant."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    async def get_ws_assistant(self) -> WSAssistant:
        return WSAssistant(StreamConnection(self._recording))  # type: ignore[arg-type]


class _Venue:
    """As much of the connector as its order book data source asks for."""

    def __init__(self) -> None:
        self.venue = self

    async def listing(self) -> None:
        """The markets are known."""

    async def trading_pair_symbol_map(self) -> None:
        """So are their names."""

    def lists(self, trading_pair: str) -> bool:
        return True

    async def get_last_traded_prices(self, trading_pairs: Sequence[str]) -> dict[str, float]:
        return dict.fromkeys(trading_pairs, 0.65)


class _Api:
    """The book before the stream has begun."""

    async def order_book(self, base: str, quote: str) -> bytes:
        return answer(LEVELS)


class _Blocks:
    """A node that is not asked for anything while a recording is played."""

    async def get_block(self, block: int | str = "latest") -> None:
        return None


class LeanDataSource(OrderBookTrackerDataSource):
    """Hummingbot's data source with the least that makes it work for one pair."""

    def __init__(self, assistant: WSAssistant, whole: str) -> None:
        super().__init__([PAIR])
        self._assistant = assistant
        self._whole = json.loads(whole)
        self._queues = {"diff": self._diff_messages_queue_key, "trade": self._trade_messages_queue_key}

    async def get_last_traded_prices(self, trading_pairs: list[str], domain: str | None = None) -> dict[str, float]:
        return dict.fromkeys(trading_pairs, 0.65)

    async def _connected_websocket_assistant(self) -> WSAssistant:
        await self._assistant.connect("")
        return self._assistant

    async def _subscribe_channels(self, ws: WSAssistant) -> None:
        """Done already."""

    def _channel_originating_message(self, event_message: dict[str, Any]) -> str:
        return self._queues[event_message["type"]]

    async def _order_book_snapshot(self, trading_pair: str) -> OrderBookMessage:
        return self._message(OrderBookMessageType.SNAPSHOT, self._whole)

    async def _parse_order_book_diff_message(self, raw_message: dict[str, Any], message_queue: "asyncio.Queue[Any]") -> None:
        message_queue.put_nowait(self._message(OrderBookMessageType.DIFF, raw_message))

    async def _parse_trade_message(self, raw_message: dict[str, Any], message_queue: "asyncio.Queue[Any]") -> None:
        message_queue.put_nowait(OrderBookMessage(OrderBookMessageType.TRADE, {
            "trading_pair": PAIR, "trade_type": 1.0 if raw_message["side"] == "buy" else 2.0,
            "trade_id": raw_message["trade_id"], "price": raw_message["price"], "amount": raw_message["base_amount"],
        }, raw_message["timestamp"]))

    @staticmethod
    def _message(kind: OrderBookMessageType, raw: dict[str, Any]) -> OrderBookMessage:
        return OrderBookMessage(kind, {"trading_pair": PAIR, "update_id": raw["sequence"], "bids": raw["bids"],
                                       "asks": raw["asks"]}, raw["timestamp"])

    async def subscribe_to_trading_pair(self, trading_pair: str) -> bool:
        return True

    async def unsubscribe_from_trading_pair(self, trading_pair: str) -> bool:
        return True


class Stream(NamedTuple):
    """Texts to be read, what is told before them, and how many of them each of the tracker's routers takes."""

    first: Sequence[str]
    frames: Sequence[str]
    deltas: int
    trades: int


def _text(kind: str, channel: str, sequence: int, **content: Any) -> str:
    head: dict[str, Any] = {"type": kind, "channel": channel, "pair": MARKET.book}
    if kind != "snapshot":
        head["previous"] = sequence - 1
    return json.dumps({**head, "sequence": sequence, "block": sequence, "timestamp": _TIMESTAMP, **content},
                      separators=(",", ":"))


def _first() -> list[str]:
    bids, asks = ([[str(65_000_000 + sign * 1000 * level), str(10 ** places)] for level in range(1, LEVELS + 1)]
                  for sign, places in ((-1, 9), (1, 19)))
    return [_text("snapshot", "orderbook", 1, symbol="SOMI/USDC", bids=bids, asks=asks, market_price="65000000"),
            _text("snapshot", "trades", 1, trades=[])]


def deltas(count: int, rows: int) -> Stream:
    """Changes of so many levels on each side."""
    source = random.Random(rows)
    frames = []
    for number in range(count):
        levels = source.sample(range(1, LEVELS + 1), rows)
        bids = [[str(65_000_000 - 1000 * level), str(source.randrange(10 ** 8, 10 ** 9))] for level in levels]
        asks = [[str(65_000_000 + 1000 * level), str(source.randrange(10 ** 18, 10 ** 20))] for level in levels]
        frames.append(_text("diff", "orderbook", number + 2, bids=bids, asks=asks, market_price="65000000"))
    return Stream(_first(), frames, count, 0)


def trades(count: int) -> Stream:
    """Trades, each of a transaction of its own."""
    source = random.Random(0)
    frames = [_text("trade", "trades", number + 2, block_hash=f"0x{source.randbytes(32).hex()}", log_index=4,
                    transaction=f"0x{source.randbytes(32).hex()}", trade_id=str(number + 1), order_id=number % 500,
                    side=("buy", "sell")[number % 2], price=str(65_000_000 + source.randrange(1000)),
                    base_amount=str(source.randrange(10 ** 18, 10 ** 20)), quote_amount=str(source.randrange(10 ** 6)))
              for number in range(count)]
    return Stream(_first(), frames, 0, count)


def lean(recording: Recording, stream: Stream) -> OrderBookTrackerDataSource:
    """The lean chain's data source."""
    return LeanDataSource(WSAssistant(WSConnection(recording)), stream.first[0])  # type: ignore[arg-type]


def connector(recording: Recording, stream: Stream) -> OrderBookTrackerDataSource:
    """The connector's data source over its own stream."""
    clock = SystemClock()
    dialect = ChannelsDialect(_Api(), BlockPace(_Blocks(), 600.0), {MARKET.book: MARKET}.get)  # type: ignore[arg-type]
    feed = WebsocketMarketFeed(_Factory(recording), "ws://node", dialect,  # type: ignore[arg-type]
                               {PAIR: MARKET}.__getitem__, UpdateIds(clock), clock)
    return StandardAPIOrderBookDataSource([PAIR], _Venue(), feed, clock)  # type: ignore[arg-type]


Chain = Callable[[Recording, Stream], OrderBookTrackerDataSource]


async def run(chain: Chain, stream: Stream) -> tuple[float, OrderBook]:
    """Seconds of computing until everything was applied, and the book then."""
    recording = Recording(stream.first, stream.frames)
    data_source = chain(recording, stream)
    tracker = OrderBookTracker(data_source, [PAIR])
    tracker.start()
    try:
        while not tracker.ready:  # noqa: ASYNC110 (Hummingbot offers no event)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        book = tracker.order_books[PAIR]
        known = _counts(tracker)
        gc.collect()
        gc.disable()
        started = time.process_time()
        recording.go.set()
        while _counts(tracker) != (known[0] + stream.deltas, known[1] + stream.trades) or _waiting(tracker):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return time.process_time() - started, book
    finally:
        gc.enable()
        tracker.stop()
        await asyncio.sleep(0)


def _counts(tracker: OrderBookTracker) -> tuple[int, int]:
    return tracker.metrics.total_diffs_processed, tracker.metrics.total_trades_processed


def _waiting(tracker: OrderBookTracker) -> bool:
    return not tracker._tracking_message_queues[PAIR].empty()


def rates(stream: Stream, rounds: int) -> tuple[float, float]:
    """Messages per second of the connector and of the lean chain, each in its best round."""
    count = len(stream.frames)
    seconds = [min(column) for column in zip(*(
        [asyncio.run(run(chain, stream))[0] for chain in (connector, lean)] for _ in range(rounds)))]
    return count / seconds[0], count / seconds[1]


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 2; `scale` shortens the measurement."""
    count, rounds = max(100, int(MESSAGES * scale)), max(2, round(ROUNDS * scale))
    found = []
    for what, stream in (("delta of 1+1 rows", deltas(count, 1)), ("delta of 5+5 rows", deltas(count, 5)),
                         ("trade", trades(count))):
        ours, least = rates(stream, rounds)
        found.append(Figure(2, f"stream: {what}, text to applied book", ours, "/s", BAR, least))
    return found
