"""A served sandbox, chain feeds on it through Hummingbot's own WebSocket, and what it must look like from there."""
import asyncio
from collections.abc import Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

from hummingbot.connector.exchange.standard import standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, decode_event
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds.base import (
    AccountEvent,
    BookSnapshot,
    MarketEvent,
    OrderLogs,
    PublicTrade,
    UpdateIds,
)
from hummingbot.connector.exchange.standard.feeds.chain_logs import ChainAccountFeed, ChainMarketFeed
from hummingbot.connector.exchange.standard.feeds.chain_stream import ChainSource, StreamBounds
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.sandbox.deployment import Deployment
from hummingbot.connector.exchange.standard.sandbox.matching_engine import MatchingEngine
from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet
from hummingbot.connector.exchange.standard.standard_constants import RPC_LIMIT_ID
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from test.hummingbot.connector.exchange.standard.clocks import until
from test.hummingbot.connector.exchange.standard.feeds.alone import noting
from test.hummingbot.connector.exchange.standard.sandbox.random_calls import Caller

BLOCK = 0.02
# For what is to be noticed, and for what is to be borne on a busy machine too.
QUICK = StreamBounds(silence=0.8, behind=0.8, audit=0.2, grace=0.1, unverified=1.0)
STEADY = StreamBounds(silence=5.0, behind=5.0, audit=0.2, grace=0.3)
NO_TRADERS = TraderSettings(enabled=False)


class SeenBooks:
    """What reaches Hummingbot: its own order books, and the trades."""

    def __init__(self) -> None:
        self.books: dict[str, OrderBook] = {}
        self.trades: list[PublicTrade] = []
        self.events: list[MarketEvent] = []
        self._last_update_id = 0

    def take(self, event: MarketEvent) -> None:
        """A sink for a market feed."""
        self.events.append(event)
        if isinstance(event, PublicTrade):
            self.trades.append(event)
            return
        assert event.update_id > self._last_update_id, "an update id went back"
        self._last_update_id = event.update_id
        bids, asks = ([OrderBookRow(*level, event.update_id) for level in side] for side in (event.bids, event.asks))
        if isinstance(event, BookSnapshot):
            self.books.setdefault(event.trading_pair, OrderBook()).apply_snapshot(bids, asks, event.update_id)
        else:
            self.books[event.trading_pair].apply_diffs(bids, asks, event.update_id)

    def levels(self, trading_pair: str) -> tuple[list[tuple[float, float]], ...]:
        """Hummingbot's bids and asks, best first."""
        book = self.books[trading_pair]
        return tuple([(row.price, row.amount) for row in rows] for rows in (book.bid_entries(), book.ask_entries()))

    def of(self, kind: type, trading_pair: str) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind) and event.trading_pair == trading_pair]


class ChainWorld:
    """A sandbox with everything that a chain feed needs."""

    def __init__(self, sandbox: Sandbox, factory: Any, bounds: StreamBounds) -> None:
        self.sandbox = sandbox
        self.clock = SystemClock()
        self.rpc = RpcClient(web_utils.WebAssistantTransport(factory, RPC_LIMIT_ID), [sandbox.rpc_url], self.clock)
        self.markets = {market.trading_pair: market for market in sandbox.markets}
        self.faults = sandbox.faults.node_stream
        self.source = ChainSource(factory.get_ws_assistant, [sandbox.rpc_ws_url], self.rpc, self._engine, 31337, self.clock,
                                  bounds)
        self.seen = SeenBooks()
        self.feed = ChainMarketFeed(self.source, self.markets.__getitem__, self.clock, UpdateIds(self.clock))
        self.engine = sandbox.world.contract(sandbox.engine_address)
        assert isinstance(self.engine, MatchingEngine)
        self._tasks: list[asyncio.Task[None]] = []
        self._nonces: dict[str, int] = {}

    async def _engine(self) -> str:
        return self.sandbox.engine_address

    def start(self, *pairs: str, feed: ChainMarketFeed | None = None) -> "asyncio.Task[None]":
        """Run the market feed."""
        return self._keep((feed or self.feed).run(pairs or list(self.markets), self.seen.take))

    def account(self, account: str, told: list[AccountEvent], cursor: int | None = -1) -> tuple[ChainAccountFeed, Any]:
        """Run an account feed; what it tells is appended to `told`."""
        reader = PollingAccountFeed(self.rpc, self.sandbox.engine_address, account, ToldLogs(cursor), self.clock, lambda: 1.0)
        feed = ChainAccountFeed(self.source, reader)
        return feed, self._keep(feed.run(noting(feed, told.append)))

    def _keep(self, work: Any) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self._tasks.append(task)
        return task

    async def begun(self, *pairs: str) -> None:
        """Until every book has been told."""
        await until(lambda: all(pair in self.seen.books for pair in pairs or self.markets) or self.failed(), 30.0)

    def failed(self) -> bool:
        return any(task.done() and not task.cancelled() and task.exception() for task in self._tasks)

    async def quiet(self) -> None:
        """Stop the traders, and wait until the feed has told everything that is on the chain."""
        settings = self.sandbox.traders.settings
        settings.quotes_per_second = settings.takes_per_second = 0.0
        node = self.sandbox.node
        await until(lambda: not node.pool.executable(node.world.nonce, node.base_fee))
        await asyncio.sleep(5 * node.interval + 0.05)
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # The truth

    def book_levels(self, market: Market) -> tuple[list[tuple[float, float]], ...]:
        """The levels of the exchange's own book."""
        book = self.sandbox.world.contract(market.book)
        sides = []
        for side in (book.bids, book.asks):
            levels = {}
            for price in side.prices(len(side.queues) + 1):
                orders = [side.orders[number] for number in side.queues[price]]
                units = sum(book.to_base(price, order.deposit) if side.is_bid else order.deposit for order in orders)
                if units:
                    levels[price / 1e8] = units / 10 ** market.base.decimals
            sides.append(list(levels.items()))
        return tuple(sides)

    async def same_books(self) -> None:
        """Every book is the exchange's, level by level, or is so soon."""
        with suppress(TimeoutError):
            await until(lambda: all(self.seen.levels(pair) == self.book_levels(self.markets[pair]) for pair in self.seen.books))
        for pair in self.seen.books:
            assert self.seen.levels(pair) == self.book_levels(self.markets[pair]), pair

    def matches(self, first: int = 0) -> list[OrderMatched]:
        """All trades of the chain from a block on; what dust pays for nothing is none."""
        return [event for _, event in self._events(first) if isinstance(event, OrderMatched) and event.base_amount]

    def own_matches(self, pair: str) -> list[tuple[str, OrderMatched]]:
        """(transaction, event) of a pair's trades."""
        book = self.markets[pair].book
        return [(transaction, event) for transaction, event in self._events(0)
                if isinstance(event, OrderMatched) and event.pair == book and event.base_amount]

    def own(self, account: str, first: int = 0) -> list[Any]:
        """(transaction, event) of the account's trades and cancels from a block on."""
        return [(transaction, event) for transaction, event in self._events(first)
                if (isinstance(event, OrderMatched) and account in (event.owner, event.sender))
                or (isinstance(event, OrderCanceled) and event.owner == account)]

    def _events(self, first: int) -> Iterable[tuple[str, Any]]:
        history = self.sandbox.node.history
        for block in history.range(first, history.head.number):
            for receipt, _, log in block.logs():
                if log.address == self.sandbox.engine_address:
                    yield receipt.transaction.hash, decode_event(log.topics, log.data)

    async def same_trades(self, first: int) -> None:
        """The trades from a block on were told in order, each once, or are soon."""
        with suppress(TimeoutError):
            await until(lambda: len(self.seen.trades) >= len(self._true_trades(first)))
        expected, told = self._true_trades(first), [
            (trade.trading_pair, trade.is_buy, trade.price, trade.amount) for trade in self.seen.trades]
        assert told == expected
        assert len({(trade.trading_pair, trade.trade_id) for trade in self.seen.trades}) == len(told)

    def _true_trades(self, first: int) -> list[tuple[str, bool, float, float]]:
        by_book = {market.book: market for market in self.markets.values()}
        return [(by_book[match.pair].trading_pair, match.is_bid, match.price / 1e8,
                 match.base_amount / 10 ** by_book[match.pair].base.decimals) for match in self.matches(first)
                if by_book[match.pair].trading_pair in self.seen.books]

    # Acts

    def send(self, wallet: Wallet, to: str, data: bytes, value: int = 0, gas: int = 30_000_000) -> str:
        """A signed transaction."""
        node = self.sandbox.node
        return node.submit(wallet.sign(chain_id=31337, nonce=node.nonce(wallet.address, pending=True), to=to, gas_limit=gas,
                                       gas_price=node.gas_price, data=data, value=value))


class RandomUsers:
    """Calls of all kinds, valid and invalid, by the sandbox's accounts."""

    def __init__(self, world: ChainWorld, start: Deployment, seed: int) -> None:
        self._world = world
        self._caller = Caller(start, Random(seed))
        self._caller.world = world.sandbox.world
        self._caller.contract = world.engine
        self._caller.books = list(world.engine.factory_contract.pairs)
        self._wallets = {wallet.address: wallet for wallet in world.sandbox.accounts}
        self.sent = 0

    def act(self, count: int) -> None:
        """That many transactions."""
        for _ in range(count):
            message = self._caller.message()
            try:
                self._world.send(self._wallets[message.sender], message.to, message.data, message.value, message.gas_limit)
                self.sent += 1
            except TransactionRejected:
                continue  # more value than the account has, or too little gas to begin with


@asynccontextmanager
async def chain_world(bounds: StreamBounds = STEADY, **settings: Any):
    """A running sandbox that mines a block every BLOCK seconds, without traders unless `traders` says otherwise."""
    defaults: dict[str, Any] = {"port": 0, "mining": Mining.INTERVAL, "block_interval": BLOCK, "traders": NO_TRADERS}
    factory = web_utils.build_api_factory()
    async with Sandbox(SandboxSettings(**{**defaults, **settings})) as sandbox:
        world = ChainWorld(sandbox, factory, bounds)
        try:
            yield world
        finally:
            await world.stop()
            await factory.close()


def told_logs(events: Sequence[AccountEvent]) -> list[tuple[str, Any]]:
    """What an account feed told and did not take back, in order."""
    told: list[Any] = []
    for event in events:
        assert isinstance(event, OrderLogs)
        for log in event.logs:
            if log.removed:
                told.remove(log._replace(removed=False))
            else:
                told.append(log)
    return [(log.transaction_hash, log.event) for log in told]
