"""The exchange's own WebSocket as a source of order books and public trades, in whichever dialect it speaks.

The feed raises when its connection breaks, is silent for too long or contradicts itself; what runs it decides what next.
"""
import asyncio
import logging
from collections.abc import Callable, Sequence

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot, MarketSink, PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.freshness import Freshness
from hummingbot.connector.exchange.standard.feeds.levels import LevelMap
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    BlockReached,
    BookContent,
    MarketDialect,
    Told,
    TradesContent,
)
from hummingbot.connector.exchange.standard.feeds.session import Burst, Sequences, StreamSession
from hummingbot.connector.exchange.standard.feeds.told_trades import FRESH_TRADE_SECONDS, ToldTrades, TradeKeys
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

MAX_REMEMBERED_TRADES = 1000
# Without proof of life a book is compared with the API's when it was quiet for the dialect's bound, and this often anyway.
CHECK_INTERVAL = 30.0
# While the API has yet to tell of a trade that is on the chain it is asked more often.
AWAITED_INTERVAL = 5.0
SECOND_LOOK_SECONDS = 0.5
MAX_CONTRADICTIONS = 2
TOLERANCE = 1e-5


class WebsocketMarketFeed:
    """A MarketFeed over one dialect."""

    name = "stream"

    def __init__(self, factory: WebAssistantsFactory, url: str, dialect: Callable[[Market], MarketDialect] | MarketDialect,
                 market: Callable[[str], Market], update_ids: UpdateIds, clock: Clock,
                 told: ToldTrades | None = None, freshness: Freshness | None = None) -> None:
        """`dialect` is one for all markets, or makes one for each; `market` gives the market of a trading pair; `update_ids`
        and `told` are those that it shares with other sources of the same books and trades; `freshness` learns what the API
        tells, where the stream may be no newer than that."""
        self._factory = factory
        self._url = url
        self._dialect = dialect
        self._market = market
        self._update_ids = update_ids
        self._clock = clock
        self._told = told or ToldTrades(clock)
        self._freshness = freshness or Freshness(lambda book: None, clock)
        self._sink: MarketSink | None = None
        self._lines: dict[str, _Line] = {}
        self._shared: _Line | None = None
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._broken: asyncio.Future[None] | None = None

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        """See MarketFeed.run. Raises StreamBrokenError, and never reconnects by itself."""
        self._sink = sink
        self._broken = asyncio.get_running_loop().create_future()
        try:
            for trading_pair in trading_pairs:
                self.add_pair(trading_pair)
            await self._broken
        finally:
            self._sink = None
            for trading_pair in self._lines:
                self._freshness.unfollow(trading_pair)
            tasks, self._tasks = list(self._tasks), {}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._lines.clear()
            self._shared = None

    def add_pair(self, trading_pair: str) -> None:
        """See MarketFeed.add_pair."""
        if self._sink is None or trading_pair in self._lines:
            return
        market = self._market(trading_pair)
        self._freshness.follow(trading_pair)
        if self._shared is not None:
            self._shared.add(market)
            self._lines[trading_pair] = self._shared
            return
        dialect = self._dialect_for(market)
        line = _Line(self._factory, self._url, dialect, self._update_ids, self._clock, self._sink, self._told,
                     self._freshness)
        self._lines[trading_pair] = line
        if dialect.is_shared:
            self._shared = line
        line.add(market)
        task = asyncio.get_running_loop().create_task(line.run())
        self._tasks[task] = trading_pair
        task.add_done_callback(self._ended)

    def remove_pair(self, trading_pair: str) -> None:
        """See MarketFeed.remove_pair."""
        line = self._lines.pop(trading_pair, None)
        if line is None:
            return
        self._freshness.unfollow(trading_pair)
        line.remove(self._market(trading_pair))
        if line is not self._shared:
            for task in [task for task, pair in self._tasks.items() if pair == trading_pair]:
                del self._tasks[task]
                task.cancel()

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        """See MarketFeed.snapshot: the book as the stream has it, or as the API has it before the stream does."""
        market = self._market(trading_pair)
        line = self._lines.get(trading_pair)
        known = line.snapshot(market) if line is not None else None
        if known is not None:
            return known
        update_id = self._update_ids.next()
        dialect = self._dialect_for(market)
        await dialect.prepare(market)
        book = await dialect.book(market)
        return BookSnapshot(trading_pair, update_id, self._clock.time(), book.bids, book.asks, book.market_price)

    def _dialect_for(self, market: Market) -> MarketDialect:
        return self._dialect(market) if callable(self._dialect) else self._dialect

    def _ended(self, task: "asyncio.Task[None]") -> None:
        # Asked for whether or not anybody waits for it: several connections may break at once.
        error = None if task.cancelled() else task.exception()
        if self._tasks.pop(task, None) is not None and not task.cancelled() and self._broken is not None \
                and not self._broken.done():
            self._broken.set_exception(error or StreamBrokenError("the connection ended"))


class _Book:
    """A market on a line: its levels, and the changes that wait until the API has told what they change."""

    def __init__(self, market: Market, update_ids: UpdateIds) -> None:
        self.market = market
        self.levels = LevelMap(market.trading_pair, update_ids)
        self.is_known = False
        self.market_price: float | None = None
        self.waiting: list[BookContent] | None = None
        self.reads_book = self.asks_twice = False
        self.trade_keys = TradeKeys(MAX_REMEMBERED_TRADES)
        self.knows_trades = self.reads_trades = self.wants_trades = False
        self.oldest_trade = 0.0  # of the first whole list, in seconds since the epoch
        self.checked = self.trades_checked = 0.0
        self.is_checking = False


class _Line:
    """One connection and what it carries."""

    def __init__(self, factory: WebAssistantsFactory, url: str, dialect: MarketDialect, update_ids: UpdateIds, clock: Clock,
                 sink: MarketSink, told: ToldTrades, freshness: Freshness) -> None:
        self.session = StreamSession(factory, url, dialect.decode, self._handle, self._watch, clock, dialect.ping)
        self._dialect = dialect
        self._update_ids = update_ids
        self._clock = clock
        self._sink = sink
        self._told = told
        self._freshness = freshness
        self._is_open = False
        self._books: dict[str, _Book] = {}
        self._by_stream: dict[str, _Book] = {}
        self._sequences = Sequences(clock)
        self._gaps = Burst("gaps", clock)
        self._contradictions = Burst("contradictions to the exchange's API", clock, MAX_CONTRADICTIONS)

    async def run(self) -> None:
        """Serve the markets until the connection breaks."""
        try:
            await self.session.run(self._opened)
        finally:
            self._is_open = False

    def add(self, market: Market) -> None:
        """Carry this market too."""
        book = self._books[market.book] = _Book(market, self._update_ids)
        for stream in self._dialect.subscriptions(market):
            self._by_stream[stream] = book
        if self._is_open:
            self.session.spawn(self._subscribe(book))

    def remove(self, market: Market) -> None:
        """Carry this market no longer."""
        known = self._books.pop(market.book, None) is not None
        for stream in self._dialect.subscriptions(market):
            self._by_stream.pop(stream, None)
            self._sequences.forget(stream)
        if known and self._is_open:
            for body in self._dialect.unsubscriptions(market):
                self.session.spawn(self.session.request(body))

    def snapshot(self, market: Market) -> BookSnapshot | None:
        """The book as it was told; None before that."""
        book = self._books.get(market.book)
        if book is None or not book.is_known:
            return None
        return book.levels.snapshot(self._clock.time(), book.market_price)

    async def _opened(self) -> None:
        self._is_open = True
        self.session.spawn(self._dialect.learn_pace())
        for book in list(self._books.values()):
            await self._subscribe(book)

    async def _subscribe(self, book: _Book) -> None:
        await self._dialect.prepare(book.market)
        if not self._dialect.has_snapshots:
            book.waiting = []
        for stream, body in self._dialect.subscriptions(book.market).items():
            if self._books.get(book.market.book) is not book:
                return  # it was removed meanwhile
            if self._dialect.has_snapshots:
                self._sequences.await_all(stream)
            await self.session.request(body)
        if not self._dialect.has_snapshots:
            await self._fetch(book)
            await self._fetch_trades(book)

    # News

    def _handle(self, message: BlockReached | Told) -> None:
        if isinstance(message, BlockReached):
            for stream in self._sequences.missing(message):
                self._recover(stream)
            return
        book = self._by_stream.get(message.stream)
        if book is None:
            return
        content = message.content
        if isinstance(content, (BookContent, TradesContent)):
            follows = self._sequences.follows(message, content.is_whole)
            if follows is None:
                # A change that shows the gap is known; one that comes late would undo what was told after it.
                is_late = self._sequences.is_late(message)
                self._recover(message.stream, content if isinstance(content, BookContent) and not is_late else None)
            elif not follows:
                return
            elif isinstance(content, BookContent):
                self._take_book(book, content)
            else:
                self._take_trades(book, content)
        else:  # a hint: all trades are read, those that are missing before it, too
            if self._sequences.follows(message, False) is None:
                self._sequences.forget(message.stream)
                self._sequences.follows(message, False)  # so that what is missing after it is noticed
            self.session.spawn(self._fetch_trades(book))

    def _recover(self, stream: str, change: BookContent | None = None) -> None:
        """Something is missing: ask for the whole again, and then make this `change` to it."""
        self._gaps.add()
        if self._dialect.has_snapshots:
            self._ask_again(stream)
            return
        self._sequences.forget(stream)
        channel, _, address = stream.partition(":")
        book = self._books[address]
        if channel != "orderbook":
            self.session.spawn(self._fetch_trades(book))
            return
        book.waiting = [*(book.waiting or ()), *([change] if change is not None else ())]
        self.session.spawn(self._fetch(book))

    def _ask_again(self, stream: str) -> None:
        self._sequences.await_all(stream)
        body = self._dialect.subscriptions(self._books[stream.partition(":")[2]].market)[stream]
        self.session.spawn(self.session.request(body))

    def _take_book(self, book: _Book, content: BookContent) -> None:
        if content.market_price is not None:
            book.market_price = content.market_price
        if content.is_whole:
            book.is_known = True
            if book.waiting is not None:  # the API's book, which comes yet, may be older than this one
                book.waiting = [content]
            self._sink(book.levels.replace(content.bids, content.asks, self._clock.time(), content.market_price))
            return
        if book.waiting is not None:
            book.waiting.append(content)
        elif book.is_known:
            self._sink(book.levels.apply(content.bids, content.asks, self._clock.time(), content.market_price))

    def _take_trades(self, book: _Book, content: TradesContent) -> None:
        is_whole, trades, _ = content
        history = 0
        if is_whole and not book.knows_trades:
            book.knows_trades, history = True, self._first_news(content)
            book.oldest_trade = self._oldest_news(book.market.trading_pair, trades)
        elif is_whole:  # it may reach back further than the first one did
            history = next((at for at, trade in enumerate(trades) if trade.timestamp >= book.oldest_trade), len(trades))
        for trade in trades:
            _, name, _, _, amount, _, place = trade
            key = book.trade_keys.new(name, place, amount)
            if history:
                history -= 1
            elif key is not None:
                self._sink(trade if key == name else trade._replace(trade_id=key))
            elif place is None and not is_whole:
                # The same once more, or the next one with this order: the API tells which.
                self.session.spawn(self._fetch_trades(book))

    def _first_news(self, content: TradesContent) -> int:
        """Where among the trades before the stream began those that are news begin: after one that is known and the others of its
        transaction with its order, or else with the first fresh one, or the first since all trades were told: there may have been
        none until then."""
        trades = content.trades
        missing = self._told.seconds_missing({trade.trading_pair for trade in trades})
        fresh = content.timestamp - missing - FRESH_TRADE_SECONDS
        are_known = [self._told.knows(trade.trading_pair, trade.trade_id) for trade in trades]
        if True not in are_known:
            return next((at for at, trade in enumerate(trades) if trade.timestamp >= fresh), len(trades))
        first = are_known.index(True)
        return next((at for at in range(first, len(trades)) if not are_known[at]), len(trades))

    def _oldest_news(self, trading_pair: str, trades: Sequence[PublicTrade]) -> float:
        """What a later list holds from before this time is history, although the first one, `trades`, lacked it: it is older than
        that one, or it is from before the bot's first look and not newer than all that was shown then."""
        fresh = self._told.time() - self._told.seconds_since_begin(trading_pair) - FRESH_TRADE_SECONDS
        return max(min(trade.timestamp for trade in trades), min(fresh, trades[-1].timestamp)) if trades else fresh

    # The API beside it

    async def _fetch(self, book: _Book) -> None:
        """The book by the API, and then what came meanwhile, or waited already, since the API may be behind the stream: absolute
        amounts, of which the later ones hold."""
        if book.reads_book:  # what is missing may be newer than the book that is being read already
            book.asks_twice = True
            return
        book.reads_book = True
        book.waiting = book.waiting or []
        try:
            content = await self._dialect.book(book.market)
        except ApiUnavailableError as error:
            raise StreamBrokenError(f"the book that the stream changes could not be read: {error}") from error
        finally:
            book.reads_book = False
        waiting, book.waiting = book.waiting, None
        book.checked = self._clock.monotonic()
        self._take_book(book, content)
        for change in waiting:
            self._take_book(book, change)
        if book.asks_twice:
            book.asks_twice = False
            await self._fetch(book)

    async def _fetch_trades(self, book: _Book) -> None:
        book.wants_trades = True
        if book.reads_trades:  # once more when it is done, however often it is wanted
            return
        book.reads_trades = True
        try:
            while book.wants_trades:
                book.wants_trades = False
                await self._read_trades(book)
        except ApiUnavailableError as error:
            raise StreamBrokenError(f"the trades that the stream continues could not be read: {error}") from error
        finally:
            book.reads_trades = False

    async def _read_trades(self, book: _Book) -> None:
        book.trades_checked = self._clock.monotonic()
        trades = await self._dialect.trades(book.market)
        self._freshness.told(book.market.trading_pair, [(trade.trade_id, trade.timestamp) for trade in trades])
        self._take_trades(book, TradesContent(True, trades, self._told.time()))

    def _watch(self, quiet: float) -> None:
        for stream in self._sequences.late():
            self._ask_again(stream)
        if not self._books or not self._is_open:
            return
        if self._dialect.tells_blocks:
            if quiet > self._dialect.max_silence:
                raise StreamBrokenError(f"the stream was silent for {quiet:.1f} s")
            return
        for book in self._books.values():
            self._freshness.report(book.market.trading_pair)
            unchecked = self._clock.monotonic() - book.checked
            due = min(quiet, unchecked) > self._dialect.max_silence or unchecked > CHECK_INTERVAL
            if not book.is_known or book.waiting is not None or book.is_checking:
                continue
            if due:
                book.is_checking = True
                self.session.spawn(self._check(book, quiet > self._dialect.max_silence))
            elif self._freshness.awaits(book.market.trading_pair) and \
                    self._clock.monotonic() - book.trades_checked > AWAITED_INTERVAL:
                book.is_checking = True
                self.session.spawn(self._look_for_trades(book))

    async def _look_for_trades(self, book: _Book) -> None:
        """Read the trades alone: the book of a lively market differs from the API's in any moment."""
        try:
            await self._read_trades(book)
        except ApiUnavailableError as error:
            logging.getLogger(__name__).debug("The trades of %s cannot be read now: %s", book.market.trading_pair, error)
        finally:
            book.is_checking = False

    async def _check(self, book: _Book, is_quiet: bool) -> None:
        try:
            await self._compare(book, is_quiet)
        finally:
            book.checked, book.is_checking = self._clock.monotonic(), False

    async def _compare(self, book: _Book, is_quiet: bool) -> None:
        """Compare the book with the API's: a quiet stream may be a stalled one. What differs twice is a contradiction. A trade
        that was not told leaves no trace in the book, so trades are read now and then, and with every contradiction."""
        for _ in range(2):
            try:
                content = await self._dialect.book(book.market)
                differs = book.levels.differs(content.bids, content.asks, TOLERANCE)
                # What is deeper than the API tells contradicts nothing, but may be gone.
                is_same = not differs and not book.levels.reaches_beyond(content.bids, content.asks)
                unchecked = self._clock.monotonic() - book.trades_checked
                if unchecked > CHECK_INTERVAL or self._freshness.awaits(book.market.trading_pair):
                    await self._read_trades(book)
            except ApiUnavailableError as error:
                if is_quiet:
                    raise StreamBrokenError(f"the stream is silent, and the API does not say whether rightly: {error}") from error
                return
            if is_same:
                return
            await self._clock.sleep(SECOND_LOOK_SECONDS)
        if differs:
            self._contradictions.add()
        if book.waiting is None:
            await self._fetch(book)
        await self._fetch_trades(book)
