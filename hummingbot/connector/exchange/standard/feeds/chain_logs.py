"""Order books, public trades and own orders from the chain's own stream: it needs nothing of the exchange's operator."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import (
    ORDER_CANCELED,
    ORDER_MATCHED,
    TRADING_TOPICS,
    EngineEvent,
    OrderMatched,
)
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import quantity
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.base import (
    AccountSink,
    BookDelta,
    BookSnapshot,
    MarketSink,
    PublicTrade,
    UpdateIds,
)
from hummingbot.connector.exchange.standard.feeds.book import Book, difference
from hummingbot.connector.exchange.standard.feeds.book_reader import read_book
from hummingbot.connector.exchange.standard.feeds.chain_stream import ChainSource, ChainStream
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.told_trades import FRESH_TRADE_SECONDS, ToldTrades, TradeKeys, alike
from hummingbot.connector.exchange.standard.markets import DENOMINATOR, Market
from hummingbot.connector.exchange.standard.rest.models import trade_key

CHECK_SECONDS = 120.0
# A book in doubt is right but for orders worth nothing: reading it again has time.
DOUBT_SECONDS = 5.0
# A whole book now and then: while Hummingbot begins it holds snapshots back, and remembers only few of the deltas after them.
WHOLE_BOOK_SECONDS = 10.0
MAX_BACKLOG = 50_000
READ_ATTEMPTS = 5
BEHIND_PAUSE, LAST_BEHIND_PAUSE = 0.05, 2.0
MAX_REMEMBERED_TRADES = 10_000
# How far trades that no source could tell are looked for: a node answers for 1000 blocks at once, and may be ahead of the
# stream by some. It is asked up to its newest, since one that is behind may refuse to be asked for blocks that it lacks.
MAX_TRADE_LOOKBACK = 900
BLOCKS_PER_SECOND = 10  # on Somnia; where blocks come slower it is looked further back than need be


class ChainMarketFeed:
    """Order books kept order by order from the engine's events, and public trades from its matches.

    A book begins with what the book contract tells as of a block that the stream has told of; from then on it changes by
    events, is told as deltas, and is compared with the chain every CHECK_SECONDS. `market_price` of its events is lmp, in
    which limit orders are bounded (docs/protocol.md, "Spread limits").
    """

    name = "chain"

    def __init__(self, source: ChainSource, market: Callable[[str], Market], clock: Clock, update_ids: UpdateIds, *,
                 check_interval: float = CHECK_SECONDS, trade_lookback: int = 0, told: ToldTrades | None = None) -> None:
        """`market` gives the market of a trading pair; trades of so many blocks before the beginning are told as well, and
        of more when the sources that share `told` could not tell them."""
        self._source = source
        self._market = market
        self._clock = clock
        self._update_ids = update_ids
        self._check_interval = check_interval
        self._trade_lookback = trade_lookback
        self._told = told or ToldTrades(clock)
        self._run: _MarketRun | None = None

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        """See MarketFeed.run. Raises StreamBrokenError, BookContradictionError or ApiUnavailableError."""
        stream = await self._source.stream(TRADING_TOPICS)
        run = self._run = _MarketRun(stream, self._source.rpc, await self._source.engine(), self._clock, self._update_ids, sink,
                                     self._check_interval, self._trade_lookback, self._told)
        try:
            for trading_pair in trading_pairs:
                run.add(self._market(trading_pair))
            await stream.run(run)
        finally:
            self._run = None

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        """See MarketFeed.snapshot: the live book, or one read for this once."""
        book = self._run.book(trading_pair) if self._run is not None else None
        if book is not None:
            return book_snapshot(book, self._update_ids.next(), self._clock.time())
        update_id = self._update_ids.next()
        rpc = self._source.rpc
        state = await read_book(rpc, self._market(trading_pair), await rpc.block_number(), self._clock)
        return book_snapshot(Book(self._market(trading_pair), state), update_id, self._clock.time())

    def add_pair(self, trading_pair: str) -> None:
        """See MarketFeed.add_pair."""
        if self._run is not None:
            self._run.add(self._market(trading_pair))

    def remove_pair(self, trading_pair: str) -> None:
        """See MarketFeed.remove_pair."""
        if self._run is not None:
            self._run.remove(trading_pair)


class _PairBook:
    """One pair of a run. `backlog` collects events while the book is read from the chain."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.book: Book | None = None
        self.backlog: list[EngineLog] | None = None
        self.trade_keys = TradeKeys(MAX_REMEMBERED_TRADES)
        self.since = -1  # the block as of which the book was read
        self.touched = False
        self.last_trade_id: int | None = None
        self.takes_deltas = False  # whether what was told last can be followed by one
        self.whole_at = 0.0
        self.read_at = 0.0

    def count_trade(self, trade_id: int) -> None:
        """A trade is about to be told. Raises StreamBrokenError when one before it was missed: whoever takes over tells both
        in order. The book says the same, where it is known."""
        last = self.last_trade_id
        if last is not None and trade_id > last + 1:
            raise StreamBrokenError(f"{self.market.trading_pair}: trade {trade_id} was told, {last + 1} was next")
        self.last_trade_id = trade_id if last is None else max(trade_id, last)


class _MarketRun:
    """What one run of the stream becomes: books and trades."""

    def __init__(self, stream: ChainStream, rpc: RpcClient, engine: str, clock: Clock, update_ids: UpdateIds, sink: MarketSink,
                 check_interval: float, trade_lookback: int, told: ToldTrades) -> None:
        self._stream = stream
        self._rpc = rpc
        self._engine = engine
        self._clock = clock
        self._update_ids = update_ids
        self._sink = sink
        self._check_interval = check_interval
        self._trade_lookback = trade_lookback
        self._told = told
        self._checked_at = clock.monotonic()
        self._node_head: int | None = None  # of the node that is asked, when it was asked last
        self._pairs: dict[str, _PairBook] = {}
        self._held_trades: list[tuple[_PairBook, EngineLog, float]] | None = [] if trade_lookback else None
        self._began = False

    def add(self, market: Market) -> None:
        """Follow a market from now on."""
        if market.book not in self._pairs:
            self._pairs[market.book] = _PairBook(market)
            if self._began:
                self._read(self._pairs[market.book])

    def remove(self, trading_pair: str) -> None:
        """Follow it no longer."""
        self._pairs = {book: pair for book, pair in self._pairs.items() if pair.market.trading_pair != trading_pair}

    def book(self, trading_pair: str) -> Book | None:
        """A pair's book while it is followed."""
        return next((pair.book for pair in self._pairs.values() if pair.market.trading_pair == trading_pair), None)

    # The stream's listener

    def logs(self, logs: Sequence[EngineLog], in_order: bool) -> None:
        """See Listener.logs."""
        for log in logs:
            pair = self._pairs.get(log.event.pair)
            if pair is None:
                continue
            if in_order:
                self._apply(pair, log)
            else:
                self._forget(pair)
            # Not before the book has shown that no trade is missing: another source tells them all in order then.
            self._tell_trade(pair, log, self._stream.timestamp(log.block_number), self._sink)

    def _apply(self, pair: _PairBook, log: EngineLog) -> None:
        if pair.backlog is not None:
            pair.backlog.append(log)
            if len(pair.backlog) > MAX_BACKLOG:
                raise StreamBrokenError(f"the book of {pair.market.trading_pair} could not be read for too long")
        if pair.book is not None and log.block_number > pair.since:
            pair.book.apply(log.event)
            pair.touched = True

    def told(self) -> None:
        """See Listener.told."""
        if not self._began and self._stream.head >= 0:
            self._began = True
            for pair in self._pairs.values():
                self._read(pair)
            if self._trade_lookback:
                self._stream.spawn(self._look_back(self._stream.head))
        if self._held_trades is None:
            for pair in self._pairs.values():
                self._told.complete(pair.market.trading_pair)
        for pair in self._pairs.values():
            if pair.touched and pair.book is not None:
                pair.touched = False
                self._publish(pair, pair.book)

    def reorganised(self) -> None:
        """See Listener.reorganised: the books begin anew."""
        for pair in self._pairs.values():
            self._forget(pair)

    async def audit(self, first: int, last: int) -> int:
        """See Listener.audit: every event was heard, and now and then whole books are compared."""
        head, found = await self._newest(first, last)
        missing = await self._stream.missing(found)
        if missing:
            raise StreamBrokenError(f"{len(missing)} events were left out, the first in block {missing[0].block_number}")
        now = self._clock.monotonic()
        due = now - self._checked_at >= self._check_interval
        if due:
            self._checked_at = now
        for pair in list(self._pairs.values()):
            if pair.book is None or pair.backlog is not None:
                continue
            if now - pair.read_at >= DOUBT_SECONDS if pair.book.doubtful else due:
                self._read(pair)
        return head

    async def _newest(self, first: int, last: int) -> tuple[int, list[Mapping[str, Any]]]:
        """The node's newest block, and the logs from `first` to `last` as far as it has them; in one request where it can."""
        topics = [list(TRADING_TOPICS)]
        # Not from a block on that the node may not have.
        begin = first if self._node_head is None else min(first, self._node_head)
        try:
            head, found = await self._rpc.newest_logs(self._engine, topics, begin)
        except RpcError:  # too much at once for this node, perhaps
            head = await self._rpc.block_number()
            found = await self._rpc.logs(self._engine, topics, first, min(last, head)) if first <= min(last, head) else []
        self._node_head = head
        return head, [log for log in found if first <= quantity(log["blockNumber"], "eth_getLogs") <= last]

    # Books

    def _forget(self, pair: _PairBook) -> None:
        pair.book = pair.last_trade_id = None
        if self._began:
            self._read(pair)

    def _read(self, pair: _PairBook) -> None:
        reading = pair.backlog is not None
        pair.backlog = []
        if not reading:
            self._stream.spawn(self._begin(pair))

    def _follows(self, pair: _PairBook) -> bool:
        return self._pairs.get(pair.market.book) is pair

    async def _begin(self, pair: _PairBook) -> None:
        """Read a pair's book as of a block that the stream has told of, and apply what came after it.

        Where there is a book already, the two must be the same. Raises StreamBrokenError when they are not.
        """
        failures = 0
        while pair.backlog is not None and self._follows(pair):
            backlog, known = pair.backlog, pair.book
            await self._stream.wait_for_head(self._stream.newest())
            try:
                state = await read_book(self._rpc, pair.market, self._stream.head, self._clock)
            except ApiUnavailableError:
                failures += 1
                if failures == READ_ATTEMPTS:
                    raise
                continue  # nodes forget the state of older blocks, and may know the newest only a little later
            if known is not None:
                # Only then everything that the block held is in the known book too.
                await self._stream.wait_for_head(state.block_number + 1)
            if pair.backlog is not backlog or not self._follows(pair):
                continue  # blocks were replaced, or it was to be read once more, or not at all
            book = Book(pair.market, state)
            for log in backlog:
                if log.block_number > state.block_number:
                    book.apply(log.event)
            pair.backlog, pair.read_at = None, self._clock.monotonic()
            if known is not None and known is pair.book and not (known.doubtful or book.doubtful):
                found = difference(known.state(self._stream.head), book.state(self._stream.head))
                if found:
                    raise StreamBrokenError(f"the book of {pair.market.trading_pair} is wrong: {found}")
                return
            pair.book, pair.since, pair.touched, pair.takes_deltas = book, state.block_number, False, False
            self._publish(pair, book)

    def _publish(self, pair: _PairBook, book: Book) -> None:
        """Tell what changed: a delta, or the whole book when a delta would not be understood."""
        update_id, now = self._update_ids.next(), self._clock.time()
        bids, asks = ([_level(book.market, *level) for level in book.take_changes(is_bid)] for is_bid in (True, False))
        takes_deltas = bool(book.bids.best() and book.asks.best()) and not book.is_overlapping()
        monotonic = self._clock.monotonic()
        if takes_deltas and pair.takes_deltas and monotonic - pair.whole_at < WHOLE_BOOK_SECONDS:
            self._sink(BookDelta(book.market.trading_pair, update_id, now, bids, asks, book.last_price / DENOMINATOR))
        else:
            pair.takes_deltas, pair.whole_at = takes_deltas, monotonic
            self._sink(book_snapshot(book, update_id, now))

    # Trades

    def _tell_trade(self, pair: _PairBook, log: EngineLog, timestamp: float, sink: Callable[[PublicTrade], None] | None) -> None:
        """Count a trade, and tell it to `sink` where there is one."""
        event: EngineEvent = log.event
        if not isinstance(event, OrderMatched):
            return
        if self._held_trades is not None:
            self._held_trades.append((pair, log, timestamp))
            return
        pair.count_trade(event.trade_id)
        if not event.base_amount:  # dust may pay for nothing, which is no trade
            return
        amount = _amount(pair, event)
        # One that is not told has its number among its transaction's trades with its order all the same.
        new = pair.trade_keys.new(_key(log, event), (log.block_hash, event.trade_id), amount)
        if new is not None and sink is not None:
            sink(PublicTrade(pair.market.trading_pair, new, event.is_bid, event.price / DENOMINATOR, amount, timestamp))

    def _remember(self, trade: PublicTrade) -> None:
        """A trade is history for every source: one that comes to know of it later must not take it for news."""
        self._told.add(trade.trading_pair, trade.trade_id, trade.amount)

    def _are_known(self, logs: Sequence[tuple[EngineLog, _PairBook]], are_history: Sequence[bool]) -> list[bool]:
        """Which of these trades were told. Another source may have told one of a transaction's trades with an order, and then
        missed the next: they are known by their amounts. Of history all are known where one is: a page of the API may begin in
        the middle of a transaction, and shows only the rest."""
        told: dict[tuple[str, str], list[float]] = {}
        known = []
        for (log, pair), is_history in zip(logs, are_history):
            event: EngineEvent = log.event
            if not isinstance(event, OrderMatched) or not event.base_amount:
                known.append(False)
                continue
            name, key = pair.market.trading_pair, _key(log, event)
            if (name, key) not in told:
                told[name, key] = self._told.amounts(name, key)
            amounts, amount = told[name, key], _amount(pair, event)
            which = next((at for at, one in enumerate(amounts) if alike(amount, one)), None)
            if which is not None and not is_history:
                del amounts[which]
            known.append(bool(amounts) if is_history else which is not None)
        return known

    async def _look_back(self, head: int) -> None:
        """Tell the trades before the beginning, and then those that came since."""
        now = self._stream.timestamp(head)
        missing = self._told.seconds_missing([pair.market.trading_pair for pair in self._pairs.values()])
        # As of the head, since a node may take its time. Blocks tell time in whole seconds.
        begins = {pair: now - self._told.seconds_since_begin(pair.market.trading_pair) - 1 for pair in self._pairs.values()}
        blocks_back = max(self._trade_lookback, min(MAX_TRADE_LOOKBACK, self._trade_lookback + int(missing * BLOCKS_PER_SECOND)))
        reached, pause = -1, BEHIND_PAUSE
        found: Sequence[Mapping[str, Any]] = ()
        while reached < head:
            if reached >= 0:  # a node that is a little behind the stream
                await self._clock.sleep(pause)
                pause = min(2 * pause, LAST_BEHIND_PAUSE)
            reached, found = await self._rpc.newest_logs(self._engine, [ORDER_MATCHED.topic], max(0, head + 1 - blocks_back))
        logs = [(log, pair) for log in decode_engine_logs(found, self._engine) if log.block_number <= head
                and (pair := self._pairs.get(log.event.pair)) is not None]
        blocks = await self._rpc.get_blocks(sorted({log.block_number for log, _ in logs}))
        held, self._held_trades = self._held_trades or [], None
        # News begin after a trade that is known, or else with the first fresh one.
        begun: set[_PairBook] = set()
        timestamps = [float(blocks[log.block_number].timestamp) if log.block_number in blocks else now for log, _ in logs]
        # What came after the bot began and is passed over, another source may yet tell.
        are_history = [timestamp < begins.get(pair, now) for (_, pair), timestamp in zip(logs, timestamps)]
        # Before any of them is told, since what is told is known.
        are_known = self._are_known(logs, are_history)
        known = {pair for (_, pair), is_known in zip(logs, are_known) if is_known}
        passed: set[_PairBook] = set()
        fresh = now - missing - FRESH_TRADE_SECONDS
        for (log, pair), timestamp, is_history, is_known in zip(logs, timestamps, are_history, are_known):
            if is_known:
                passed.add(pair)
            elif pair in passed or (pair not in known and timestamp >= fresh):
                begun.add(pair)
            sink = None if is_known else self._sink if pair in begun else self._remember if is_history else None
            self._tell_trade(pair, log, timestamp, sink)
        for pair, log, timestamp in held:
            self._tell_trade(pair, log, timestamp, self._sink)


class ChainAccountFeed:
    """Own fills and cancels, read from the chain as soon as its stream tells of one.

    What is pushed is only the reason to look: a node that leaves something out would otherwise bring later events before
    earlier ones. Without a push the chain is looked at now and then.
    """

    name = "chain"

    def __init__(self, source: ChainSource, reader: PollingAccountFeed) -> None:
        """`reader` knows what was told and how to undo it; nothing else may run it meanwhile."""
        self._source = source
        self._reader = reader
        self._stream: ChainStream | None = None

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run. Raises StreamBrokenError or ApiUnavailableError."""
        stream = self._stream = await self._source.stream((ORDER_MATCHED.topic, ORDER_CANCELED.topic))
        try:
            await stream.run(_AccountRun(stream, self._reader, sink, self._source.clock))
        finally:
            self._stream = None

    def hurry(self) -> None:
        """See AccountFeed.hurry."""
        if self._stream is not None:
            self._stream.suspect()


class _AccountRun:
    """What one run of the stream becomes: own logs."""

    def __init__(self, stream: ChainStream, reader: PollingAccountFeed, sink: AccountSink, clock: Clock) -> None:
        self._stream = stream
        self._reader = reader
        self._sink = sink
        self._clock = clock
        self._wanted = -1  # the newest block with something of interest
        self._began = False

    def logs(self, logs: Sequence[EngineLog], in_order: bool) -> None:
        """See Listener.logs."""
        own = [log.block_number for log in logs if self._reader.concerns(log)]
        if own:
            self._wanted = max(self._wanted, *own)
            self._stream.suspect()

    def told(self) -> None:
        """See Listener.told."""
        if not self._began and self._stream.head >= 0:
            self._began = True
            self._stream.suspect()

    def reorganised(self) -> None:
        """See Listener.reorganised: the reader finds out what is void."""
        self._wanted = min(self._wanted, self._stream.head)
        self._stream.suspect()

    async def audit(self, first: int, last: int) -> int:
        """See Listener.audit: everything up to the node's head is told now."""
        await self._reader.read(self._sink)
        if self._reader.block_number < self._wanted:
            # The node that is asked does not have the block yet.
            await self._clock.sleep(BEHIND_PAUSE)
            self._stream.suspect()
        return self._reader.block_number


def book_snapshot(book: Book, update_id: int, timestamp: float) -> BookSnapshot:
    """A whole book as Hummingbot takes it: levels in human units."""
    bids, asks = ([_level(book.market, *level) for level in book.levels(is_bid)] for is_bid in (True, False))
    return BookSnapshot(book.market.trading_pair, update_id, timestamp, bids, asks, book.last_price / DENOMINATOR)


def _level(market: Market, price: int, units: int) -> tuple[float, float]:
    return price / DENOMINATOR, units / 10 ** market.base.decimals


def _key(log: EngineLog, event: OrderMatched) -> str:
    return trade_key(log.transaction_hash, event.id, event.is_bid)


def _amount(pair: _PairBook, event: OrderMatched) -> float:
    return float(event.base_amount / 10 ** pair.market.base.decimals)
