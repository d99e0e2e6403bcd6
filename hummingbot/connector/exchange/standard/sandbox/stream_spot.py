"""The dialect `spot_streams` as a server speaks it (docs/protocol.md, "WebSocket"): topics of frames, with either heartbeat.

The layouts `docs` and `sdk` push bare frames; `iter` pushes objects with a topic, sequence numbers and, for a book, a
snapshot first.
"""
import json
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.sandbox.api_rows import Rows
from hummingbot.connector.exchange.standard.sandbox.grouping import grouped, side_of_groups
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex, bucket_start
from hummingbot.connector.exchange.standard.sandbox.spot_frames import Frame, SpotFrames
from hummingbot.connector.exchange.standard.sandbox.stream_connection import Layout, StreamConnection
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults
from hummingbot.connector.exchange.standard.sandbox.stream_source import News, StreamSource

Json = dict[str, Any]
Groups = dict[int, tuple[float, float]]

_TRADES, _ALL_TRADES = "spot.trades.{}.pairs", "spot.trades.{}.pairs.all"
_BOOKS = ("spot.orderbook.{}.pairs", "spot.orderbooks.{}.pairs")
_BARS = ("spot.bars.{}", "spot.bars.{}.pairs")
_ORDERS, _HISTORIES, _ACCOUNTS = "spot.orders.{}.accounts", "spot.orderhistories.{}.accounts", "spot.accounts.{}.addresses"
_ORDER_FRAMES = ("spotOrder", "spotOrderMatched", "deleteSpotOrder")
_HISTORY_FRAMES = ("spotOrderHistory", "deleteSpotOrderHistory")
_INTERVALS = {name.title(): name for name in ("min", "hour", "day", "week", "month")}


class SpotStreams:
    """What all connections of the dialect share."""

    def __init__(self, source: StreamSource, rows: Rows, faults: StreamFaults) -> None:
        self.source = source
        self.rows = rows
        self.faults = faults
        self.speakers: dict[SpotSpeaker, None] = {}  # in the order in which they came
        source.listeners.append(self._tell)

    def speaker(self, connection: StreamConnection, layout: Layout) -> "SpotSpeaker":
        """The dialect's side of a new connection."""
        speaker = SpotSpeaker(self, connection, layout)
        self.speakers[speaker] = None
        return speaker

    def _tell(self, news: News) -> None:
        for speaker in tuple(self.speakers):
            speaker.tell(news)


class SpotSpeaker:
    """One connection: its subscriptions, by topic."""

    def __init__(self, streams: SpotStreams, connection: StreamConnection, layout: Layout) -> None:
        self._streams = streams
        self._connection = connection
        self._is_iter = layout is Layout.ITER
        self._layout = layout
        self._frames = SpotFrames(streams.source.indexer, streams.rows, layout)
        self._sequences: dict[str, int] = {}
        self._trades: set[str] = set()
        self._all_trades = False
        self._books: dict[tuple[str, str], dict[bool, Groups]] = {}
        self._bars: set[str] = set()
        self._accounts: dict[str, set[str]] = {_ORDERS: set(), _HISTORIES: set(), _ACCOUNTS: set()}

    @property
    def subscriptions(self) -> list[str]:
        """See Speaker.subscriptions."""
        accounts = [pattern.format(address) for pattern, addresses in self._accounts.items() for address in addresses]
        return [*(["trades"] if self._all_trades else []), *(f"trades:{book}" for book in self._trades),
                *(f"orderbook:{book}:{step}" for book, step in self._books), *(f"bars:{name}" for name in self._bars), *accounts]

    def closed(self) -> None:
        """See Speaker.closed."""
        self._streams.speakers.pop(self, None)

    def heartbeat(self) -> None:
        """See Speaker.heartbeat: a text in the layout of the SDK, a request in the later one, both in the documented one."""
        if self._layout in (Layout.DOCS, Layout.SDK):
            self._connection.answer("Hello")
        if self._layout in (Layout.DOCS, Layout.ITER):
            self._connection.answer({"method": "ping"})

    def receive(self, text: str) -> None:
        """See Speaker.receive."""
        if text == "Hello":
            return
        number: Any = None
        try:
            request = json.loads(text)
            number = request.get("id")
            method = str(request.get("method"))
            if method == "pong":
                return
            starts = ".subscribe" in method
            pattern = method.replace(".unsubscribe", ".{}").replace(".subscribe", ".{}")
            self._change(pattern, starts, request.get("params") or {}, number)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._connection.answer({"code": 1, "msg": f"Internal Error: {error}"})

    def _change(self, pattern: str, starts: bool, params: Json, number: Any) -> None:
        after: list[Callable[[], None]] = []
        ignored = not starts and self._streams.faults.ignore_unsubscribe
        if pattern == _ALL_TRADES:
            self._all_trades = starts or ignored
        elif pattern == _TRADES:
            self._set(self._trades, [self._pair(name).info.book for name in params["pairs"]], starts or ignored)
        elif pattern in _BOOKS:
            keys = [(self._pair(book["pair"]).info.book, str(book["step"])) for book in params["books"]]
            for key in keys:
                step = _step(key[1])
                if starts:
                    self._books[key] = self._groups(key[0], step)
                    after.append(lambda key=key: self._snapshot(key))  # type: ignore[misc]
                elif not ignored:
                    self._books.pop(key, None)
        elif pattern in _BARS:
            self._set(self._bars, [self._bar_id(name) for name in params["ids"]], starts or ignored)
        elif pattern in self._accounts:
            self._set(self._accounts[pattern], [str(address).lower() for address in params["addresses"]], starts or ignored)
        else:
            raise ValueError("unknown method")
        self._connection.answer({"result": None, "id": number})
        for act in after:
            act()

    @staticmethod
    def _set(names: set[str], changed: list[str], starts: bool) -> None:
        names.update(changed) if starts else names.difference_update(changed)

    def _pair(self, symbol: str) -> PairIndex:
        base, _, quote = symbol.partition("/")
        pair = self._streams.source.indexer.pair_by_symbols(base, quote)
        if pair is None:
            raise ValueError(f"no pair {symbol}")
        return pair

    def _bar_id(self, name: str) -> str:
        asset, _, kind = name.rpartition("-")
        interval = kind.removeprefix("Pair").removeprefix("Token")
        if interval not in _INTERVALS or not kind.startswith(("Pair", "Token")):
            raise ValueError(f"no bar {name}")
        if kind.startswith("Pair"):
            self._pair(asset)
        return name

    def _groups(self, book: str, step: int) -> dict[bool, Groups]:
        pair = self._streams.source.indexer.pairs[book]
        return {is_bid: grouped(pair, is_bid, step) for is_bid in (True, False)}

    def _snapshot(self, key: tuple[str, str]) -> None:
        if not self._is_iter:
            return
        pair, groups = self._streams.source.indexer.pairs[key[0]], self._books[key]
        topic = f"spot.orderbooks.{pair.info.symbol}.{key[1]}"
        self._connection.data({"t": topic, "s": self._sequences.get(topic, 0), "d": {
            "symbol": pair.info.symbol, "step": key[1], "bids": side_of_groups(groups[True], True),
            "asks": side_of_groups(groups[False], False)}})

    # Data

    def tell(self, news: News) -> None:
        """Push what a block changed of what this connection listens to."""
        for topic, frames in self._topics(news):
            if not self._is_iter:
                for frame in frames:
                    self._connection.data(frame)
            elif frames:
                before = self._sequences.get(topic, 0)
                self._sequences[topic] = before + 1
                self._connection.data({"t": topic, "ps": before, "s": before + 1, "d": frames})

    def _topics(self, news: News) -> Iterator[tuple[str, list[Frame]]]:
        pairs = self._streams.source.indexer.pairs
        for (book, step), before in self._books.items():
            now = self._books[book, step] = self._groups(book, _step(step))
            yield f"spot.orderbooks.{pairs[book].info.symbol}.{step}", [
                self._frames.order_block(is_bid, price, now[is_bid].get(price, (0.0, 0.0)), step, news.block.timestamp)
                for is_bid in (True, False) for price in sorted(before[is_bid].keys() | now[is_bid].keys())
                if before[is_bid].get(price) != now[is_bid].get(price)]
        if news.removed:
            return
        for happening in news.happenings:
            event = happening.event
            if isinstance(event, OrderMatched) and (self._all_trades or event.pair in self._trades):
                yield f"spot.trades.{pairs[event.pair].info.symbol}", [self._frames.trade(happening, event.sender, event.is_bid)]
            for pattern, addresses in self._accounts.items():
                for address in addresses:
                    frames = [frame for frame in self._frames.account(happening, address) if _belongs(pattern, frame[0])]
                    yield f"{pattern.partition('.{}')[0]}.{address}", frames
        if any(isinstance(happening.event, OrderMatched) for happening in news.happenings):
            yield "spot.bars", list(self._bar_frames(news))

    def _bar_frames(self, news: News) -> Iterator[Frame]:
        indexer = self._streams.source.indexer
        traded = {happening.event.pair for happening in news.happenings if isinstance(happening.event, OrderMatched)}
        for name in self._bars:
            asset, _, kind = name.rpartition("-")
            interval = _INTERVALS[kind.removeprefix("Pair").removeprefix("Token")]
            for book in traded:
                pair = indexer.pairs[book]
                is_token = kind.startswith("Token")
                if asset != (pair.info.base.symbol if is_token else pair.info.symbol):
                    continue
                bucket = pair.candles[interval].get(bucket_start(interval, news.block.timestamp))
                if bucket is not None:
                    factor = indexer.usd(pair.info.quote.address) if is_token else 1.0
                    price = self._streams.rows.number(bucket.close / 1e8 * factor)
                    yield self._frames.bar(name, pair, bucket, price, pair.info.base if is_token else None)


def _belongs(pattern: str, name: str) -> bool:
    """Whether a topic of an account carries such frames."""
    return pattern == _ACCOUNTS or name in (_ORDER_FRAMES if pattern == _ORDERS else _HISTORY_FRAMES)


def _step(text: str) -> int:
    try:
        step = int(Decimal(text) * 10 ** 8)
    except (InvalidOperation, OverflowError, ValueError):
        step = 0
    if step < 1:
        raise ValueError(f"no step {text}")
    return step
