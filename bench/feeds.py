"""How fresh each source of order books is, and what one core sustains: `make bench-feeds`, or `python bench/feeds.py --help`.

Freshness: a sandbox in a process of its own, with its traders at work, places one order at a price of its own in every
block; the time from that block to the moment when Hummingbot's order book, inside its tracker, shows the price. All sources
are measured against the same sandbox, one after the other.
Throughput: notifications of a node, recorded beforehand as the texts that arrive, go through the chain's stream into
Hummingbot's order book on one core: events that change the book, and trades.
"""
import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from bench.figures import Bar, Figure
from bench.silence import silence
from hummingbot.connector.exchange.standard import standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, OrderPlaced, decode_event
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot, MarketEvent, MarketFeed, PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.chain_logs import ChainMarketFeed
from hummingbot.connector.exchange.standard.feeds.chain_stream import ChainSource, StreamBounds
from hummingbot.connector.exchange.standard.feeds.polling import PollingMarketFeed
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.websocket import WebsocketMarketFeed
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.sandbox.deployment import account_key, default_deployment
from hummingbot.connector.exchange.standard.sandbox.node import BlockAdded, Mining, NodeEvent
from hummingbot.connector.exchange.standard.sandbox.rpc import JsonRpc
from hummingbot.connector.exchange.standard.sandbox.rpc_stream import RpcSpeaker
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import StandardAPIOrderBookDataSource
from hummingbot.connector.exchange.standard.standard_constants import API_LIMIT_ID, RPC_LIMIT_ID
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker
from hummingbot.core.web_assistant.connections.data_types import WSRequest, WSResponse

CHAIN_ID = 31337
PAIR = "SOMI-USDC"
MARKED, STEP = 90_000_000, 1_000  # from 0.9, far above the market, on: such offers rest
POLL_INTERVAL = 1.0
MARGIN_MS = 20.0  # how much later than a block, or a poll, the book may be
CLOCK = SystemClock()


class Place(NamedTuple):
    """Where the sandbox is and what it lists."""

    rpc_url: str
    rpc_ws_url: str
    channels_url: str
    api_url: str
    engine: str
    markets: list[Market]


class Sources:
    """How to make a feed of each kind; a further source is one method, named in TABLE."""

    def __init__(self, place: Place) -> None:
        self.factory = web_utils.build_api_factory()
        self.place = place
        self.markets = {market.trading_pair: market for market in place.markets}
        self.rpc = RpcClient(web_utils.WebAssistantTransport(self.factory, RPC_LIMIT_ID), [place.rpc_url], CLOCK)
        self.rest = RestClient(web_utils.WebAssistantTransport(self.factory, API_LIMIT_ID), [place.api_url])

    def polling(self) -> MarketFeed:
        return PollingMarketFeed(self.rest, self.markets.__getitem__, CLOCK, POLL_INTERVAL)

    def chain(self) -> MarketFeed:
        async def engine() -> str:
            return self.place.engine

        source = ChainSource(self.factory.get_ws_assistant, [self.place.rpc_ws_url], self.rpc, engine, CHAIN_ID, CLOCK)
        return ChainMarketFeed(source, self.markets.__getitem__, CLOCK, UpdateIds(CLOCK))

    def stream(self) -> MarketFeed:
        by_book = {market.book: market for market in self.place.markets}
        dialect = ChannelsDialect(self.rest, BlockPace(self.rpc), by_book.get)
        return WebsocketMarketFeed(self.factory, self.place.channels_url, dialect, self.markets.__getitem__,
                                   UpdateIds(CLOCK), CLOCK)

    TABLE: dict[str, Callable[["Sources"], MarketFeed]] = {"polling": polling, "stream": stream, "chain": chain}


# Freshness


class Marker:
    """Offers one native token at a new price in every block, cancels the one before, and notes when each block came."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.seen: dict[int, float] = {}
        self._sandbox = sandbox
        self._wallet = sandbox.accounts[0]
        self._market = next(market for market in sandbox.markets if market.trading_pair == PAIR)
        self._next = MARKED
        sandbox.node.subscribe(self._heard)
        self.offer()

    def offer(self, cancel: int | None = None) -> None:
        base, quote = self._market.base.address, self._market.quote.address
        self._send(ENGINE_FUNCTIONS["limitSellETH"].encode(quote, self._next, True, 0, self._wallet.address), 10 ** 15)
        if cancel is not None:
            self._send(ENGINE_FUNCTIONS["cancelOrder"].encode(base, quote, False, cancel), 0)
        self._next += STEP

    def _send(self, data: bytes, value: int) -> None:
        node = self._sandbox.node
        node.submit(self._wallet.sign(chain_id=CHAIN_ID, nonce=node.nonce(self._wallet.address, pending=True),
                                      to=self._sandbox.engine_address, gas_limit=8_000_000, gas_price=node.gas_price, data=data,
                                      value=value))

    def _heard(self, event: NodeEvent) -> None:
        if not isinstance(event, BlockAdded):
            return
        placed = None
        for _, _, log in event.block.logs():
            found = decode_event(log.topics, log.data) if log.address == self._sandbox.engine_address else None
            if isinstance(found, OrderPlaced) and found.owner == self._wallet.address:
                self.seen[found.price], placed = event.block.mined_at, found.id
        if placed is not None:
            self.offer(placed)


def serve(line: Connection, core: int, block_interval: float, rate: float) -> None:
    """The sandbox's process: tells where it is, and when asked the monotonic time of each marked price's block."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})

    async def run() -> None:
        settings = SandboxSettings(port=0, block_interval=block_interval, traders=TraderSettings().at_rate(rate, 2))
        async with Sandbox(settings) as sandbox:
            marker = Marker(sandbox)
            line.send(Place(sandbox.rpc_url, sandbox.rpc_ws_url, sandbox.channels_url, sandbox.api_url, sandbox.engine_address,
                            sandbox.markets))
            while await asyncio.get_running_loop().run_in_executor(None, line.recv) == "seen":
                line.send(dict(marker.seen))

    asyncio.run(run())


class TimedOrderBook(OrderBook):
    """Hummingbot's order book, noting when it first showed each marked price."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[int, float] = {}
        self.updates = 0

    def apply_diffs(self, bids: list[OrderBookRow], asks: list[OrderBookRow], update_id: int) -> None:
        super().apply_diffs(bids, asks, update_id)
        self._note(asks)

    def restore_from_snapshot_and_diffs(self, snapshot: Any, diffs: list[Any]) -> None:
        super().restore_from_snapshot_and_diffs(snapshot, diffs)
        self._note(snapshot.asks)

    def _note(self, asks: list[OrderBookRow]) -> None:
        now = CLOCK.monotonic()
        self.updates += 1
        for row in asks:
            price = round(row.price * 1e8)
            if price >= MARKED and row.amount > 0:
                self.shown.setdefault(price, now)


class Venue:
    """As much of the connector as an order book data source asks for."""

    def __init__(self) -> None:
        self.venue = self

    async def listing(self) -> None:
        """The markets are known."""

    async def trading_pair_symbol_map(self) -> None:
        """So are their names."""

    def lists(self, trading_pair: str) -> bool:
        return True

    async def get_last_traded_prices(self, trading_pairs: list[str]) -> dict[str, float]:
        return dict.fromkeys(trading_pairs, 0.65)


async def shown_by(sources: Sources, name: str, seconds: float) -> TimedOrderBook:
    """The order book of Hummingbot's tracker after it was fed by a source for a while."""
    feed = Sources.TABLE[name](sources)
    data_source = StandardAPIOrderBookDataSource([PAIR], Venue(), feed, CLOCK)  # type: ignore[arg-type]
    data_source.order_book_create_function = TimedOrderBook
    tracker = OrderBookTracker(data_source, [PAIR])
    tracker.start()
    try:
        while not tracker.ready:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
        book: TimedOrderBook = tracker.order_books[PAIR]
        book.shown.clear()
        book.updates = 0
        await asyncio.sleep(seconds)
        return book
    finally:
        tracker.stop()


def delays(book: TimedOrderBook, mined: dict[int, float]) -> list[float]:
    """Sorted milliseconds from each block until the order book showed it or a later one."""
    late, shown_at = [], float("inf")
    for price in sorted(mined, reverse=True):
        shown_at = min(shown_at, book.shown.get(price, float("inf")))
        if min(book.shown) < price <= max(book.shown):
            late.append((shown_at - mined[price]) * 1e3)
    return sorted(late)


class Freshness(NamedTuple):
    """Milliseconds from a block to the order book, over so many blocks, and how often the book changed a second."""

    p50: float
    p99: float
    blocks: int
    updates: float


def measure_freshness(names: list[str], seconds: float, block_interval: float, rate: float) -> dict[str, Freshness]:
    """What each source delivers."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, cores[0], block_interval, rate),
                                                          daemon=True)
    server.start()
    place = ours.recv()
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))
    found: dict[str, Freshness] = {}

    async def run() -> None:
        sources = Sources(place)
        for name in names:
            book = await shown_by(sources, name, seconds)
            ours.send("seen")
            mined = ours.recv()
            late = delays(book, mined)
            found[name] = Freshness(late[len(late) // 2], late[len(late) * 99 // 100], len(late), book.updates / seconds)
        await sources.factory.close()

    asyncio.run(run())
    ours.send("end")
    server.join()
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores))
    return found


def print_freshness(names: list[str], seconds: float, block_interval: float, rate: float) -> None:
    """Measure and print p50 and p99 of block to order book for each source."""
    print(f"freshness: a block every {block_interval * 1e3:.0f} ms, {rate:.0f} transactions a second by traders, "
          f"{seconds:.0f} s per source")
    for name, fresh in measure_freshness(names, seconds, block_interval, rate).items():
        print(f"  {name:<8} p50 {fresh.p50:7.1f} ms   p99 {fresh.p99:7.1f} ms   ({fresh.blocks} blocks, "
              f"{fresh.updates:.1f} updates/s)", flush=True)


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 9 of `make bench`; `scale` shortens the measurement. On this machine a round trip takes less than a millisecond."""
    interval = 0.1
    found = []
    with silence(logging.INFO):
        measured = measure_freshness(list(Sources.TABLE), 20.0 * scale, interval, 50.0)
    for name, fresh in measured.items():
        longest = POLL_INTERVAL if name == "polling" else interval
        found += [Figure(9, f"block to order book, {name}, p50", fresh.p50, "ms"),
                  Figure(9, f"block to order book, {name}, p99 of {fresh.blocks} blocks", fresh.p99, "ms",
                         Bar(longest * 1e3 + MARGIN_MS))]
    return found


# Throughput


class Recorder:
    """In place of a connection: keeps what the sandbox's node would send."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.answers: list[Any] = []

    def answer(self, message: Any) -> None:
        self.answers.append(message)

    def data(self, message: Any) -> None:
        self.frames.append(json.dumps(message, separators=(",", ":")))


class Replay:
    """A WebSocket assistant whose node has acknowledged two subscriptions and sends the recorded frames as fast as it can."""

    def __init__(self, frames: list[str]) -> None:
        self._frames = iter(frames)
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._results = {"eth_chainId": [hex(CHAIN_ID)], "eth_subscribe": ["heads", "logs"]}
        self._acknowledged = 0
        self.go = asyncio.Event()
        self.first = asyncio.Event()
        self.ended = asyncio.Event()

    async def connect(self, ws_url: str, **_: Any) -> None:
        """Connected."""

    async def send(self, request: WSRequest) -> None:
        payload = request.payload  # type: ignore[attr-defined]
        self._answers.put_nowait({"id": payload["id"], "result": self._results[payload["method"]].pop()})

    async def receive(self) -> WSResponse:
        if self._acknowledged < 3:
            self._acknowledged += 1
            return WSResponse(await self._answers.get())
        if self.first.is_set():
            await self.go.wait()
            await asyncio.sleep(0)
        self.first.set()
        frame = next(self._frames, None)
        if frame is None:
            self.ended.set()
            await asyncio.Event().wait()
        return WSResponse(json.loads(frame or ""))

    async def disconnect(self) -> None:
        """Gone."""


class Remembering:
    """HTTP to a node in process, which answers calls as of the time when it was first asked."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc
        self._known: dict[str, Any] = {}

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        asked = json.loads(body or b"")
        answers = [self._answer(item) for item in (asked if isinstance(asked, list) else [asked])]
        return HttpAnswer(200, {}, json.dumps(answers if isinstance(asked, list) else answers[0]).encode())

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        key = json.dumps([request["method"], request["params"]])
        if key not in self._known:
            answer = self._rpc.answer(request)
            assert isinstance(answer, dict)
            self._known[key] = answer
        return {**self._known[key], "id": request["id"]}


class Traffic:
    """A node without a server, and notifications of the kind that is to be measured."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(SandboxSettings(mining=Mining.MANUAL, traders=TraderSettings(enabled=False)))
        self.market = next(market for market in self.sandbox.markets if market.trading_pair == PAIR)
        self.rpc = JsonRpc(self.sandbox.node, CLOCK)
        self._wallets = [Wallet(account_key(index)) for index in range(8)]
        for wallet in self._wallets:
            self._send(wallet, ERC20_FUNCTIONS["approve"].encode(self.sandbox.engine_address, 2 ** 256 - 1),
                       to=self.market.quote.address)
        for level in range(1, 51):
            self.buy(self._wallets[0], 65_000_000 - level * 1000, True)
            self.sell(self._wallets[1], 65_000_000 + level * 1000)
        self.sandbox.node.mine(2)

    def _send(self, wallet: Wallet, data: bytes, value: int = 0, to: str | None = None) -> None:
        node = self.sandbox.node
        node.submit(wallet.sign(chain_id=CHAIN_ID, nonce=node.nonce(wallet.address, pending=True), gas_limit=8_000_000,
                                to=to or self.sandbox.engine_address, gas_price=node.gas_price, data=data, value=value))

    def buy(self, wallet: Wallet, price: int, rests: bool, units: int = 1_000_000) -> None:
        self._send(wallet, ENGINE_FUNCTIONS["limitBuy"].encode(self.market.base.address, self.market.quote.address, price, units,
                                                               rests, 20, wallet.address))

    def sell(self, wallet: Wallet, price: int) -> None:
        self._send(wallet, ENGINE_FUNCTIONS["limitSellETH"].encode(self.market.quote.address, price, True, 20, wallet.address),
                   10 ** 19)

    def changes(self, number: int) -> None:
        """One order that rests."""
        wallet = self._wallets[2 + number % 6]
        if number % 2:
            self.buy(wallet, 64_000_000 - number % 97 * 1000, True)
        else:
            self.sell(wallet, 66_000_000 + number % 97 * 1000)

    def trades(self, number: int) -> None:
        """One small trade against an old order."""
        self.buy(self._wallets[2 + number % 6], 65_000_000 + 60_000, False, 20_000 + number % 1000)

    async def record(self, act: Callable[[int], None], count: int, per_block: int) -> tuple[list[str], RpcClient]:
        """Frames with `count` acts, and HTTP to a node that remembers the time before them."""
        recorder = Recorder()
        speaker = RpcSpeaker(recorder, self.rpc, self.sandbox.faults._random, lambda: False)  # type: ignore[arg-type]
        for parameters in (["logs", {"address": self.sandbox.engine_address}], ["newHeads"]):
            speaker.receive(json.dumps({"id": 1, "method": "eth_subscribe", "params": parameters}))
        names = {answer["result"]: name for answer, name in zip(recorder.answers, ("logs", "heads"))}
        rpc = RpcClient(Remembering(self.rpc), ["http://node"], CLOCK)
        self.sandbox.node.mine()
        await ChainMarketFeed(self._source(rpc, None), lambda _: self.market, CLOCK, UpdateIds(CLOCK)).snapshot(PAIR)
        for number in range(count):
            act(number)
            if number % per_block == per_block - 1:
                self.sandbox.node.mine()
        self.sandbox.node.mine(2)
        speaker.closed()
        frames = recorder.frames
        for identity, name in names.items():
            frames = [frame.replace(identity, name) for frame in frames]
        return frames, rpc

    def _source(self, rpc: RpcClient, replay: Replay | None) -> ChainSource:
        async def assistant() -> Any:
            return replay

        async def engine() -> str:
            return self.sandbox.engine_address

        return ChainSource(assistant, ["ws://node"], rpc, engine, CHAIN_ID, CLOCK,
                           StreamBounds(silence=600.0, behind=600.0, audit=600.0))

    async def replay(self, frames: list[str], rpc: RpcClient) -> tuple[float, int, int]:
        """CPU seconds, book events and trades that the feed made of the frames."""
        replay, book, told = Replay(frames), OrderBook(), [0, 0]

        def sink(event: MarketEvent) -> None:
            if isinstance(event, PublicTrade):
                told[1] += 1
                return
            told[0] += 1
            bids, asks = ([OrderBookRow(*level, event.update_id) for level in side] for side in (event.bids, event.asks))
            apply = book.apply_snapshot if isinstance(event, BookSnapshot) else book.apply_diffs
            apply(bids, asks, event.update_id)

        feed = ChainMarketFeed(self._source(rpc, replay), lambda _: self.market, CLOCK, UpdateIds(CLOCK))
        task = asyncio.ensure_future(feed.run([PAIR], sink))
        while not told[0]:
            await asyncio.sleep(0.01)
            if task.done():
                task.result()
        started = time.process_time()
        replay.go.set()
        await replay.ended.wait()
        await asyncio.sleep(0)
        used = time.process_time() - started
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return used, *told


def measure_throughput(count: int) -> None:
    """Print notifications and events per second of CPU."""
    async def run() -> None:
        print(f"throughput of the chain's stream on one core, from text frames to Hummingbot's order book, {count:,} acts:")
        for name, per_block in (("changes", 1), ("changes", 20), ("trades", 1), ("trades", 20)):
            traffic = Traffic()
            frames, rpc = await traffic.record(getattr(traffic, name), count, per_block)
            used, books, trades = await traffic.replay(frames, rpc)
            made = f"{books:,} deltas" if name == "changes" else f"{trades:,} trades and {books:,} deltas"
            print(f"  {name:<8} {per_block:>2} a block: {len(frames) / used:9,.0f} notifications/s, "
                  f"{count / used:8,.0f} {name}/s ({made})", flush=True)

    asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the sources of order books and trades.")
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds per source (20)")
    parser.add_argument("--block-interval", type=float, default=0.1, help="seconds between blocks (0.1)")
    parser.add_argument("--rate", type=float, default=50.0, help="transactions per second of the sandbox's traders (50)")
    parser.add_argument("--acts", type=int, default=4_000, help="orders or trades of the throughput run (4,000)")
    parser.add_argument("--sources", nargs="+", default=list(Sources.TABLE), choices=list(Sources.TABLE))
    parser.add_argument("--only", choices=("freshness", "throughput"), help="leave the other one out")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    assert default_deployment().chain_id == CHAIN_ID
    if arguments.only != "throughput":
        print_freshness(arguments.sources, arguments.seconds, arguments.block_interval, arguments.rate)
    if arguments.only != "freshness":
        measure_throughput(arguments.acts)


if __name__ == "__main__":
    main()
