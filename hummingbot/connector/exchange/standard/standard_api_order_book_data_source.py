"""Hummingbot's order book data source, fed by a market feed: polling today, a stream whenever there is one."""
import asyncio
from typing import TYPE_CHECKING, Any

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ConfigurationError, StandardError
from hummingbot.connector.exchange.standard.feeds.base import (
    BookDelta,
    BookSnapshot,
    Levels,
    MarketEvent,
    MarketFeed,
    PublicTrade,
)
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS
from hummingbot.connector.exchange.standard.wakefulness import Wakefulness
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.data_type.order_book_tracker_data_source import OrderBookTrackerDataSource

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange

FIRST_RETRY = 1.0
LAST_RETRY = 30.0
_BUY, _SELL = float(TradeType.BUY.value), float(TradeType.SELL.value)
_SNAPSHOT, _DIFF, _TRADE = OrderBookMessageType.SNAPSHOT, OrderBookMessageType.DIFF, OrderBookMessageType.TRADE
# Hummingbot's rows and messages are named tuples with constructors in Python: this is what they come to in the end.
_new = tuple.__new__


class StandardAPIOrderBookDataSource(OrderBookTrackerDataSource):
    """Puts what the feed yields into the queues that Hummingbot's order book tracker reads."""

    def __init__(self, trading_pairs: list[str], connector: "StandardExchange", feed: MarketFeed, clock: Clock) -> None:
        super().__init__(trading_pairs)
        self._connector = connector
        self._feed = feed
        self._clock = clock
        self._market_prices: dict[str, float | None] = {}
        self._last_prices: dict[str, float] = {}
        self._unsure: set[str] = set()  # the pairs whose market price has moved since their last price was known
        self._followed: set[str] | None = None  # the pairs of the feed, once it has begun
        self._told: set[str] = set()  # the pairs whose books are of now
        self._wakefulness = Wakefulness(clock, STALE_SECONDS)

    @property
    def feed(self) -> MarketFeed:
        """Where the data come from."""
        return self._feed

    async def get_last_traded_prices(self, trading_pairs: list[str], domain: str | None = None) -> dict[str, float]:
        """The last traded price of each pair, as far as they can be read; raises when none can, so that the tracker pauses.

        The tracker asks every five seconds for pairs without trades. Trades are delivered, so the API is asked only once, and
        again when the market price moves without one: there may be trades that the API does not tell.
        """
        unknown = [pair for pair in trading_pairs if pair not in self._last_prices or pair in self._unsure]
        failures = [failure for failure in await asyncio.gather(*map(self._ask_last_price, unknown)) if failure is not None]
        known = {pair: self._last_prices[pair] for pair in trading_pairs if pair in self._last_prices}
        if failures and not known:
            raise failures[0]
        return known

    async def _ask_last_price(self, trading_pair: str) -> StandardError | None:
        before = self._last_prices.get(trading_pair)
        self._unsure.discard(trading_pair)
        try:
            prices = await self._connector.get_last_traded_prices(trading_pairs=[trading_pair])
        except StandardError as error:
            self._unsure.add(trading_pair)
            return error
        if self._last_prices.get(trading_pair) == before:  # else a trade was told meanwhile, which is newer
            self._last_prices |= prices
        return None

    async def listen_for_subscriptions(self) -> None:
        """Run the feed for ever; when it breaks, say so once and run it again after a growing pause."""
        pause = FIRST_RETRY
        while True:
            started = self._clock.monotonic()
            try:
                await self._connector.venue.listing()
                # Hummingbot calls the connector ready only once the symbols are mapped, and nobody else asks for them.
                await self._connector.trading_pair_symbol_map()
                known = [pair for pair in self._trading_pairs if self._connector.lists(pair)]
                self._followed = set(known)
                await self._run_feed(known)
            except Exception as error:
                self.logger().warning(f"Order books are not updated ({error}). Trying again in {pause:.0f} s.",
                                      exc_info=not isinstance(error, StandardError))
            if self._clock.monotonic() - started > LAST_RETRY:
                pause = FIRST_RETRY
            await self._clock.sleep(pause)
            pause = min(2 * pause, LAST_RETRY)

    async def _run_feed(self, trading_pairs: list[str]) -> None:
        """Run the feed until it breaks. Raises StreamBrokenError once this machine has slept: connections, and answers that are
        on their way, may be from before."""
        self._forget_after_sleep()
        self._wakefulness.begin()
        work = [asyncio.ensure_future(self._feed.run(trading_pairs, self._deliver)),
                asyncio.ensure_future(self._wakefulness.watch())]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    def _forget_after_sleep(self) -> bool:
        """Whether this machine has slept since the feed began: then no book is of now, whatever the feed still says."""
        if self._wakefulness.has_slept:
            self._told.clear()
        return self._wakefulness.has_slept

    def market_price(self, trading_pair: str) -> float | None:
        """The engine's market price as the book had it last; None where it tells none."""
        return self._market_prices.get(trading_pair)

    def has_told(self, trading_pair: str) -> bool:
        """Whether the book was told since the network was left, or the machine slept, last."""
        return not self._forget_after_sleep() and trading_pair in self._told

    def leave(self) -> None:
        """The network is left: no book is of now any more."""
        self._told.clear()
        self._wakefulness.end()

    async def listen_for_order_book_diffs(self, ev_loop: asyncio.AbstractEventLoop, output: "asyncio.Queue[Any]") -> None:
        """From now on the tracker's queue gets what the feed tells of books, without another queue before it."""
        await self._pass_on(self._diff_messages_queue_key, output)

    async def listen_for_trades(self, ev_loop: asyncio.AbstractEventLoop, output: "asyncio.Queue[Any]") -> None:
        """From now on the tracker's queue gets the public trades, without another queue before it."""
        await self._pass_on(self._trade_messages_queue_key, output)

    async def _pass_on(self, key: str, output: "asyncio.Queue[Any]") -> None:
        early = self._message_queue[key]
        self._message_queue[key] = output
        try:
            while not early.empty():
                output.put_nowait(early.get_nowait())
            await asyncio.Event().wait()
        finally:
            self._message_queue[key] = early

    def _deliver(self, event: MarketEvent) -> None:
        if isinstance(event, PublicTrade):
            self._last_prices[event.trading_pair] = event.price
            self._unsure.discard(event.trading_pair)
            self._message_queue[self._trade_messages_queue_key].put_nowait(_trade_message(event))
            return
        if self._forget_after_sleep():
            return
        self._told.add(event.trading_pair)
        if event.market_price not in (None, self._market_prices.get(event.trading_pair),
                                      self._last_prices.get(event.trading_pair)):
            self._unsure.add(event.trading_pair)
        # One that the book does not tell must not stay that of another source: it would bound orders for ever.
        self._market_prices[event.trading_pair] = event.market_price
        # Snapshots and deltas share one queue, in which they keep their order: on the way through two the tracker may swap
        # them, and while it begins it holds the snapshots of its own queue back.
        self._message_queue[self._diff_messages_queue_key].put_nowait(book_message(event))

    async def get_new_order_book(self, trading_pair: str) -> OrderBook:
        """The book now, or the one from before the network was left where it cannot be read yet: the tracker begins one pair
        after the other, and the feed goes on trying."""
        try:
            book: OrderBook = await super().get_new_order_book(trading_pair)
        except StandardError:  # told already
            book = self._connector.order_books[trading_pair]
            # Of what the feed told while the tracker waited, it may have dropped the beginning.
            self._told.discard(trading_pair)
            self._feed.remove_pair(trading_pair)
            self._follow(trading_pair)
        return book

    async def _order_book_snapshot(self, trading_pair: str) -> OrderBookMessage:
        """The book now. Keeps trying where none is known from before, since the tracker would give up for good at the first
        error; else raises a StandardError."""
        pause, reported = FIRST_RETRY, False
        while True:
            try:
                await self._connector.venue.listing()
                if not self._connector.lists(trading_pair):
                    await self._connector.venue.look_again()
                snapshot = await self._feed.snapshot(trading_pair)
                if self._followed is not None and trading_pair not in self._followed:  # it was listed after the feed began
                    await self._connector.read_rules()
                    self._follow(trading_pair)
                self._told.add(trading_pair)
                return book_message(snapshot)
            except StandardError as error:
                if not reported:
                    reported = True
                    tell = self.logger().error if isinstance(error, ConfigurationError) else self.logger().warning
                    tell(f"No order book of {trading_pair} yet: {error}")
                if trading_pair in self._connector.order_books:
                    raise
            await self._clock.sleep(pause)
            pause = min(2 * pause, LAST_RETRY)

    async def _request_order_book_snapshots(self, output: "asyncio.Queue[Any]") -> None:
        """Nothing: the tracker asks when no snapshot came for an hour, but the feed tells whatever there is to tell."""

    async def subscribe_to_trading_pair(self, trading_pair: str) -> bool:
        """Deliver a further pair from now on; False when the exchange does not list it."""
        await self._connector.venue.refresh_listing()
        if not self._connector.lists(trading_pair):
            self.logger().error(f"Standard lists no market {trading_pair}.")
            return False
        self.add_trading_pair(trading_pair)
        try:
            # Before the book is there: Hummingbot looks for the rules of every pair that has one.
            await self._connector.read_rules()
        except BaseException:
            self.remove_trading_pair(trading_pair)
            raise
        self._follow(trading_pair)
        return True

    def _follow(self, trading_pair: str) -> None:
        if self._followed is not None:
            self._followed.add(trading_pair)
        self._feed.add_pair(trading_pair)

    async def unsubscribe_from_trading_pair(self, trading_pair: str) -> bool:
        """Deliver this pair no longer."""
        self.remove_trading_pair(trading_pair)
        if self._followed is not None:
            self._followed.discard(trading_pair)
        self._feed.remove_pair(trading_pair)
        for prices in (self._last_prices, self._market_prices):
            prices.pop(trading_pair, None)  # they are not followed any more
        return True


class BookMessage(OrderBookMessage):
    """A book message that is ordered by its update id, and whose levels are those of a feed: looked at, and numbers already.

    Hummingbot's own comparison calls every message smaller than every other, so that its tracker would apply all recent
    deltas to a snapshot once more, also those from before it.
    """

    @property
    def bids(self) -> list[OrderBookRow]:
        return _rows(self.content["bids"], self.content["update_id"])

    @property
    def asks(self) -> list[OrderBookRow]:
        return _rows(self.content["asks"], self.content["update_id"])

    @property
    def update_id(self) -> int:
        update_id: int = self.content["update_id"]
        return update_id

    def __lt__(self, other: OrderBookMessage) -> bool:
        return bool(self.update_id < other.update_id)


def _rows(levels: Levels, update_id: int) -> list[OrderBookRow]:
    return [_new(OrderBookRow, (price, amount, update_id)) for price, amount in levels]


def book_message(event: BookSnapshot | BookDelta) -> BookMessage:
    """What a feed tells of a book, as Hummingbot's tracker takes it."""
    kind = _SNAPSHOT if isinstance(event, BookSnapshot) else _DIFF
    return _new(BookMessage, (kind, {"trading_pair": event.trading_pair, "update_id": event.update_id,
                                     "bids": event.bids, "asks": event.asks}, event.timestamp))


def _trade_message(trade: PublicTrade) -> OrderBookMessage:
    return _new(OrderBookMessage, (_TRADE, {
        "trading_pair": trade.trading_pair, "trade_type": _BUY if trade.is_buy else _SELL, "trade_id": trade.trade_id,
        "price": trade.price, "amount": trade.amount}, trade.timestamp))
