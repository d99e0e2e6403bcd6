"""A sandbox whose WebSockets a feed listens to, and what becomes of the feed's events in Hummingbot's own order book."""
import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds.base import (
    BalanceChange,
    BookDelta,
    BookSnapshot,
    OrderLogs,
    PublicTrade,
    UpdateIds,
)
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotAccountDialect, SpotStreamsDialect
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.websocket import WebsocketMarketFeed
from hummingbot.connector.exchange.standard.feeds.websocket_account import HintedAccountFeed, WebsocketAccountFeed
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.sandbox.grouping import grouped
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from test.hummingbot.connector.exchange.standard.feeds.alone import noting
from test.hummingbot.connector.exchange.standard.trading import Trader, quiet_sandbox, until

CHANNELS = "channels"
LAYOUTS = ("docs", "sdk", "iter")
SOMI, WBTC = "SOMI-USDC", "WBTC-USDC"
Book = dict[bool, dict[float, float]]


class StreamWorld:
    """A running sandbox and everything that feeds are made of."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.clock = SystemClock()
        self.factory = web_utils.build_api_factory()
        self.rest = RestClient(web_utils.WebAssistantTransport(self.factory, CONSTANTS.API_LIMIT_ID), [sandbox.api_url])
        self.markets = {market.trading_pair: market for market in sandbox.markets}
        self.rpc = RpcClient(web_utils.WebAssistantTransport(self.factory, CONSTANTS.RPC_LIMIT_ID), [sandbox.rpc_url], self.clock,
                             10.0, chain_id=31337)
        self.pace = BlockPace(self.rpc)
        self.update_ids = UpdateIds(self.clock)

    @property
    def faults(self) -> Any:
        return self.sandbox.faults.stream

    def channels(self) -> ChannelsDialect:
        return ChannelsDialect(self.rest, self.pace, {market.book: market for market in self.markets.values()}.get)

    def market_feed(self, spoken: str = CHANNELS) -> WebsocketMarketFeed:
        """A feed by `channels`, or by a layout of `spot_streams`."""
        if spoken == CHANNELS:
            return WebsocketMarketFeed(self.factory, self.sandbox.channels_url, self.channels(), self.markets.__getitem__,
                                       self.update_ids, self.clock)
        return WebsocketMarketFeed(self.factory, f"{self.sandbox.spot_streams_url}?layout={spoken}",
                                   lambda market: SpotStreamsDialect(self.rest, self.pace, market), self.markets.__getitem__,
                                   self.update_ids, self.clock)

    def auth(self, account: int = 0) -> StandardAuth:
        auth = StandardAuth("", self.sandbox.accounts[account].private_key)
        auth.bind(31337, self.sandbox.engine_address)
        return auth

    def account_feed(self, cursor: int | None = None, account: int = 0) -> WebsocketAccountFeed:
        tokens = {market.quote.address for market in self.markets.values()}
        return WebsocketAccountFeed(self.factory, self.sandbox.channels_url, self.channels(), self.auth(account),
                                    ToldLogs(cursor), lambda: tokens, self.clock)

    def polling_account_feed(self, cursor: int | None, account: int = 0, interval: float = 0.05) -> PollingAccountFeed:
        return PollingAccountFeed(self.rpc, self.sandbox.engine_address, self.sandbox.accounts[account].address, ToldLogs(cursor),
                                  self.clock, lambda: interval)

    def hinted_feed(self, cursor: int, layout: str, interval: float, account: int = 0) -> HintedAccountFeed:
        dialect = SpotAccountDialect(self.sandbox.accounts[account].address)
        return HintedAccountFeed(self.factory, f"{self.sandbox.spot_streams_url}?layout={layout}", dialect,
                                 self.polling_account_feed(cursor, account, interval), self.clock)

    def true_book(self, pair: str, step: int | None = None) -> Book:
        """The sandbox's own book in base amounts: exact prices, or groups of a step x 1e8."""
        market = self.markets[pair]
        index = self.sandbox.indexer.pairs[market.book]
        if step is not None:
            return {is_bid: {round(price / 1e8, 8): base for price, (base, _) in grouped(index, is_bid, step).items()}
                    for is_bid in (True, False)}
        return {is_bid: {price / 1e8: (level.amount / 10 ** market.quote.decimals / (price / 1e8) if is_bid
                                       else level.amount / 10 ** market.base.decimals)
                         for price, level in index.levels(is_bid)} for is_bid in (True, False)}

    def true_trades(self, pair: str) -> list[tuple[str, int]]:
        """The pair's trades so far as (transaction, maker's order id), in order."""
        rows = self.sandbox.indexer.pairs[self.markets[pair].book].trades
        return [(row.tx_hash, row.order_id) for row in rows]


@asynccontextmanager
async def stream_world(**settings: Any) -> AsyncIterator[StreamWorld]:
    async with quiet_sandbox(**settings) as sandbox:
        world = StreamWorld(sandbox)
        try:
            yield world
        finally:
            await world.factory.close()


class Listener:
    """Takes a feed's events, in Hummingbot's own order books too; optionally runs the feed again whenever it breaks."""

    def __init__(self, feed: Any, *arguments: Any, again: bool = False) -> None:
        self.feed = feed
        self.events: list[Any] = []
        self.books: dict[str, OrderBook] = {}
        self.update_ids: dict[str, list[int]] = {}
        self.breaks: list[BaseException] = []
        self._arguments = arguments
        self._again = again
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await self.feed.run(*self._arguments, noting(self.feed, self._take))
            except Exception as error:
                self.breaks.append(error)
                if not self._again:
                    raise
            await asyncio.sleep(0.05)

    def _take(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, (BookSnapshot, BookDelta)):
            self.update_ids.setdefault(event.trading_pair, []).append(event.update_id)
            book = self.books.setdefault(event.trading_pair, OrderBook())
            rows = [[OrderBookRow(price, amount, event.update_id) for price, amount in side] for side in (event.bids, event.asks)]
            (book.apply_snapshot if isinstance(event, BookSnapshot) else book.apply_diffs)(*rows, event.update_id)

    async def __aenter__(self) -> "Listener":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def trades(self) -> list[PublicTrade]:
        return self.of(PublicTrade)

    @property
    def logs(self) -> list[Any]:
        return [log for event in self.of(OrderLogs) for log in event.logs]

    @property
    def balances(self) -> dict[str, int]:
        return {event.token: event.units for event in self.of(BalanceChange)}

    def book(self, pair: str) -> Book:
        """The pair's book as Hummingbot holds it."""
        book = self.books.get(pair)
        if book is None:
            return {}
        return {True: {row.price: row.amount for row in book.bid_entries()},
                False: {row.price: row.amount for row in book.ask_entries()}}

    async def broken(self, seconds: float = 6.0) -> BaseException:
        """How the feed ended."""
        await asyncio.wait({self.task}, timeout=seconds)
        assert self.task.done(), "the feed goes on"
        error = self.task.exception()
        assert error is not None
        return error


def same(ours: Book, truth: Book, tolerance: float = 1e-9) -> bool:
    """Whether two books have the same levels."""
    return ours.keys() == truth.keys() and all(
        ours[side].keys() == truth[side].keys() and all(
            abs(ours[side][price] - amount) <= tolerance * max(amount, 1e-12) for price, amount in truth[side].items())
        for side in truth)


async def traded(world: StreamWorld, market: Market, account: int = 1) -> Trader:
    """A trader who may trade in a market."""
    trader = Trader(world.sandbox, account)
    await trader.approve(market)
    return trader


async def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    await until(condition, seconds)


def keys(trades: Iterable[PublicTrade]) -> list[tuple[str, int]]:
    """Trades as (transaction, maker's order id)."""
    return [(trade.trade_id.split(":")[0], int(trade.trade_id.split(":")[1])) for trade in trades]
