"""Polling over HTTP: order books and public trades by REST, own orders by the engine's logs. Always available."""
import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import ORDER_CANCELED, ORDER_MATCHED, OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs
from hummingbot.connector.exchange.standard.chain.rpc import KEPT_BLOCKS, RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_errors import is_log_range
from hummingbot.connector.exchange.standard.clock import Clock, sleep_or_wake
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    RateLimitedError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.feeds.base import (
    AccountSink,
    BookSnapshot,
    MarketSink,
    PublicTrade,
    UpdateIds,
)
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS, Freshness
from hummingbot.connector.exchange.standard.feeds.told_logs import Place, ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import FRESH_TRADE_SECONDS, ToldTrades, alike
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.outages import BEARABLE_SECONDS, Outages
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import TradeRow, numbered, parse_tick_book
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS

# A quiet book is asked only so often, in seconds.
IDLE_INTERVAL = 5.0
QUIET_POLLS_TO_IDLE = 5
# And a book at least so often, whatever the interval: two answers may be lost before it is too old to trade by.
LONGEST_INTERVAL = STALE_SECONDS / 3
# Trades that an API does not tell, or not in a form that can be used, are asked for after so long, and after twice as long
# each further time, in seconds.
FIRST_TRADES_PAUSE = 5.0
LAST_TRADES_PAUSE = 120.0
# So many seconds before the newest trade that another source told, one may be that this source left out.
MISSED_SECONDS = 60.0
MAX_REMEMBERED_TRADES = 1000
MAX_BLOCK_RANGE = 1000
FEW_BLOCKS = 100  # no rate limit is a limit of these
ONE_BURST = 0.5  # refusals within so many seconds are one: several feeds ask the same nodes
# Seconds between two ranges once a node was asked too often: orders want to be heard, too.
LIMITED_PAUSE = 0.25
# So many seconds after a node did not give as many blocks as it was asked for, more are tried again. A node that has a limit
# refuses one request as often; one that was in trouble is asked for all it gives once that is over.
NARROW_SECONDS = 120.0
# How often, in seconds, all blocks are read again whose logs may come late, and not only the newest.
LATE_INTERVAL = 5.0
Noticed = Callable[[Sequence[EngineLog], int, int], None]
GoPast = Callable[[int], Awaitable[int | None]]
TOPICS = [[ORDER_MATCHED.topic, ORDER_CANCELED.topic]]


class PollingMarketFeed:
    """Order book snapshots by REST, and a pair's public trades whenever its book has changed."""

    name = "polling"

    def __init__(self, rest: RestClient, market: Callable[[str], Market], clock: Clock, interval: float,
                 update_ids: UpdateIds | None = None, told: ToldTrades | None = None,
                 freshness: Freshness | None = None) -> None:
        """`market` gives the market of a trading pair; `interval` is in seconds between polls of a lively book, and
        counts as LONGEST_INTERVAL where it is more; `update_ids` and `told` are those that it shares with other sources of the
        same books and trades; `freshness` learns how old the books are."""
        self._rest = rest
        self._market = market
        self._clock = clock
        self._interval = min(interval, LONGEST_INTERVAL)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sink: MarketSink | None = None
        self._broken: asyncio.Future[None] | None = None
        self._update_ids = update_ids or UpdateIds(clock)
        self._told = told or ToldTrades(clock)
        self._freshness = freshness or Freshness(lambda book: None, clock)
        self._seen_trades: dict[str, OrderedDict[str, tuple[str, float]]] = {}  # ids and amounts, by key
        self._oldest_trade: dict[str, str] = {}  # of the first look
        self._unread: set[str] = set()  # pairs whose trades could not be read at the first look
        self._trade_pauses: dict[str, float] = {}  # in seconds, of pairs whose trades could not be used when last read
        self._trades_at: dict[str, float] = {}  # when those are asked for again
        self._moved: dict[str, asyncio.Event] = {}  # set when a book is known to be another one than was told
        self._freshness.awaited = self._hurry
        self._outages = Outages(clock, BEARABLE_SECONDS)

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        """See MarketFeed.run. One pair's failure is retried on its own; the feed never ends by itself."""
        self._sink = sink
        self._broken = asyncio.get_running_loop().create_future()
        try:
            for trading_pair in trading_pairs:
                self.add_pair(trading_pair)
            await self._broken
        finally:
            for trading_pair in list(self._tasks):
                self.remove_pair(trading_pair)
            self._sink = None

    def add_pair(self, trading_pair: str) -> None:
        """See MarketFeed.add_pair."""
        if self._sink is not None and trading_pair not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._poll(trading_pair, self._sink))
            task.add_done_callback(self._ended)
            self._tasks[trading_pair] = task

    def remove_pair(self, trading_pair: str) -> None:
        """See MarketFeed.remove_pair."""
        task = self._tasks.pop(trading_pair, None)
        if task is not None and task.cancel():  # one that broke by itself has made its book no newer
            self._freshness.forget(trading_pair)

    def _hurry(self, trading_pair: str) -> None:
        """A trade is on the chain that the API has not told: its book is of before that, which matters to whoever made it."""
        if trading_pair in self._moved:
            self._moved[trading_pair].set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and self._broken is not None and not self._broken.done():
            self._broken.set_exception(task.exception() or StandardError("a poll ended"))

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        """The order book now; the trades before the first one are history, those after it are news."""
        market = self._market(trading_pair)
        if trading_pair not in self._seen_trades:
            await self._deliver_trades(trading_pair, market, None)
        update_id = self._update_ids.next()
        body = await self._rest.order_book(market.base.address, market.quote.address)
        return self._snapshot(trading_pair, body, update_id)

    def _snapshot(self, trading_pair: str, body: bytes, update_id: int) -> BookSnapshot:
        book = parse_tick_book(body)
        return BookSnapshot(trading_pair, update_id, self._clock.time(), book.bids, book.asks, book.market_price)

    async def _poll(self, trading_pair: str, sink: MarketSink) -> None:
        market = self._market(trading_pair)
        last_body: bytes | None = None
        quiet, trades_due = 0, False
        reading: asyncio.Future[bool] | None = None  # trades, beside the book: if they hang, it must not
        moved = self._moved[trading_pair] = asyncio.Event()
        self._freshness.begin(trading_pair)
        try:
            while True:
                asked = self._clock.monotonic()
                try:
                    body = await self._rest.order_book(market.base.address, market.quote.address)
                    if body != last_body:
                        sink(self._snapshot(trading_pair, body, self._update_ids.next()))
                        last_body, quiet, trades_due = body, 0, True
                    else:
                        quiet += 1
                    self._freshness.read(trading_pair, asked)
                    if reading is not None and reading.done():
                        trades_due, reading = trades_due or not reading.result(), None
                    wanted = trades_due or self._freshness.awaits(trading_pair)
                    if reading is None and not wanted:
                        self._told.complete(trading_pair)
                    elif reading is None and self._clock.monotonic() >= self._trades_at.get(trading_pair, 0.0):
                        trades_due, reading = False, asyncio.ensure_future(self._read_trades(trading_pair, market, sink))
                    self._tell_outage(trading_pair, None)
                    is_answered = True
                except ApiUnavailableError as error:
                    quiet, is_answered = QUIET_POLLS_TO_IDLE, False
                    self._tell_outage(trading_pair, error)
                self._freshness.report(trading_pair)
                pause = max(self._interval, IDLE_INTERVAL) if quiet >= QUIET_POLLS_TO_IDLE else self._interval
                if is_answered and quiet >= QUIET_POLLS_TO_IDLE:
                    await sleep_or_wake(self._clock, pause, moved)
                else:
                    await self._clock.sleep(pause)
                if is_answered and moved.is_set():
                    quiet = 0
                moved.clear()
        finally:
            if reading is not None:
                reading.cancel()

    def _tell_outage(self, trading_pair: str, error: ApiUnavailableError | None) -> None:
        self._outages.tell(f"The order book of {trading_pair}", error, "is not updated", "is updated again")

    async def _read_trades(self, trading_pair: str, market: Market, sink: MarketSink) -> bool:
        is_read = await self._deliver_trades(trading_pair, market, sink)
        if is_read and not self._freshness.awaits(trading_pair):  # the API may tell less than has happened
            self._told.complete(trading_pair)
        return is_read

    async def _deliver_trades(self, trading_pair: str, market: Market, sink: MarketSink | None) -> bool:
        """Whether the trades could be read; if not, they are asked for with the next poll, or after a pause where the API
        does not tell them. Without a sink this is only to know which are history."""
        self._told.begin(trading_pair)
        try:
            rows = await self._new_trades(trading_pair, market)
        except ApiUnavailableError as error:
            self._outages.tell(f"The trades of {trading_pair}", error)
            self._unread.add(trading_pair)
            if isinstance(error, BadDataError):
                self._freshness.untold(trading_pair)
                pause = min(LAST_TRADES_PAUSE, 2 * self._trade_pauses.get(trading_pair, FIRST_TRADES_PAUSE / 2))
                self._trade_pauses[trading_pair], self._trades_at[trading_pair] = pause, self._clock.monotonic() + pause
            return False
        self._trade_pauses.pop(trading_pair, None)
        self._trades_at.pop(trading_pair, None)
        self._outages.tell(f"The trades of {trading_pair}", None)
        self._freshness.told(trading_pair, [(row.key, row.timestamp) for row in rows])
        first = trading_pair not in self._seen_trades
        if sink is None and (not first or trading_pair in self._unread):
            return True  # after a first look that failed there may be news among them, which the poll tells
        seen = self._seen_trades.setdefault(trading_pair, OrderedDict())
        ordered = list(numbered(reversed(rows)))
        if first and ordered:
            self._oldest_trade[trading_pair] = ordered[0].key
        history = self._history(trading_pair, ordered, first)
        for at, row in enumerate(ordered):
            known_id, known = seen.get(row.key, ("", math.nan))
            if alike(row.base_amount, known) or (row.id and row.id == known_id):
                continue
            seen[row.key] = row.id, row.base_amount
            # What was traded before the bot's first look is history, not news, whoever reads it.
            if sink is None or at < history:
                self._told.add(trading_pair, row.key, row.base_amount)
            else:
                sink(PublicTrade(trading_pair, row.key, row.is_buy, row.price, row.base_amount, row.timestamp))
        while len(seen) > MAX_REMEMBERED_TRADES:
            seen.popitem(last=False)
        return True

    def _history(self, trading_pair: str, ordered: Sequence[TradeRow], first: bool) -> int:
        """How many of these trades, the oldest first, are from before the bot's first look."""
        if first and trading_pair not in self._unread:
            return len(ordered)
        # What the first look did not show may be older all the same, since nothing could be read then, or not all: its time says.
        fresh = self._told.time() - self._told.seconds_since_begin(trading_pair) - FRESH_TRADE_SECONDS
        told = [row.timestamp for row in ordered if self._knows(trading_pair, row)]
        if first:
            # What another source has told meanwhile is not followed by what is much older.
            fresh = max(fresh, max(told, default=0.0) - MISSED_SECONDS)
        else:
            # Whatever this machine takes for the time: what is newer than all that was told is news.
            fresh = min(fresh, max(told, default=math.inf))
        history = next((at for at, row in enumerate(ordered) if row.timestamp >= fresh), len(ordered))
        # Where a page could not be used, the next one reaches back beyond the first look.
        oldest = self._oldest_trade.get(trading_pair)
        return max(history, next((at for at, row in enumerate(ordered) if row.key == oldest), 0))

    def _knows(self, trading_pair: str, row: TradeRow) -> bool:
        return row.key in self._seen_trades.get(trading_pair, ()) or self._told.knows(trading_pair, row.key)

    async def _new_trades(self, trading_pair: str, market: Market) -> list[TradeRow]:
        """The newest trades, back to one that is known: on one page as a rule, on more after an outage."""
        first = trading_pair not in self._seen_trades

        def is_known(rows: Sequence[TradeRow]) -> bool:
            return first or any(self._knows(trading_pair, row) for row in rows)

        return await self._rest.trades(market.base.address, market.quote.address, is_enough=is_known)


class LogRange:
    """How many blocks' logs a node is asked for at once: fewer for a while after it refused. It outlives the feeds, which are
    begun anew after each failure."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.blocks = MAX_BLOCK_RANGE
        self._widens_at = -math.inf
        self._limited_at = -math.inf
        self._given = 0  # the most blocks that were told at once since more were refused
        self._refused, self._refused_at = 0, -math.inf  # the blocks for which the node was asked too often, or for too many

    def narrow(self, blocks: int) -> None:
        """Ask for so many at most from now on."""
        self.blocks, self._widens_at = blocks, self._clock.monotonic() + NARROW_SECONDS

    def limited(self, blocks: int) -> None:
        """The node calls a request for so many too much. Some say so of a range that is too long for them, and do each time; one
        that was asked too often answers as many after a pause."""
        self._limited_at = now = self._clock.monotonic()
        if blocks <= FEW_BLOCKS:
            return
        if self._refused and blocks > self._given and now - self._refused_at >= ONE_BURST:
            self.narrow(blocks // 2)
        self._refused, self._refused_at, self._given = blocks, now, min(self._given, blocks - 1)

    @property
    def pause(self) -> float:
        """Seconds to wait before the next range."""
        return LIMITED_PAUSE if self._clock.monotonic() - self._limited_at < NARROW_SECONDS else 0.0

    def told(self, blocks: int) -> None:
        """So many were told: after a while, more are tried."""
        self._given = max(self._given, blocks)
        if blocks >= self._refused:
            self._refused = 0
        if self._clock.monotonic() >= self._widens_at:
            self.blocks = min(MAX_BLOCK_RANGE, 2 * self.blocks)


class PollingAccountFeed:
    """Own maker fills and cancels from the engine's logs, by block ranges from a cursor that outlives the process.

    The newest blocks are read again each time, and now and then all whose logs may come late. A log that was told and stands
    there no longer is told once more, as removed, when its block was proven to be replaced: a node that answers less than it
    knows proves nothing.
    """

    name = "polling"

    def __init__(self, rpc: RpcClient, engine: str, account: str, told: ToldLogs, clock: Clock,
                 interval: Callable[[], float], noticed: Noticed | None = None, go_past: GoPast | None = None,
                 log_range: LogRange | None = None) -> None:
        """`told` is what was told and up to where, by this source or another: its sinks must be noting what passes.
        `interval` gives the next pause; `noticed` is told of everything that is read, anybody's logs from a first to a last
        block. `go_past` is asked when the logs after a block cannot be read: where the nodes have forgotten them, it gives the
        block after which to go on, else None. `log_range` is shared with other feeds of the same nodes."""
        self._rpc = rpc
        self._engine = engine
        self._account = account
        self._told = told
        self._clock = clock
        self._interval = interval
        self._noticed = noticed
        self._go_past = go_past
        self._range = log_range or LogRange(clock)
        self._hurry = asyncio.Event()
        self._read_up_to = -1
        self._recent = False
        self._late_at = clock.monotonic()  # when logs that came late are looked for next

    @property
    def block_number(self) -> int:
        """The block up to which everything was read; -1 before the first `read` that delivered something."""
        return self._read_up_to

    def hurry(self) -> None:
        """See AccountFeed.hurry."""
        self._hurry.set()

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run. Raises ApiUnavailableError when the node does not answer; run again to go on."""
        while True:
            self._hurry.clear()
            await self.read(sink)
            await sleep_or_wake(self._clock, self._interval(), self._hurry)

    async def read(self, sink: AccountSink) -> None:
        """Deliver what is new up to the node's head, nothing when the node is behind what was told. Raises ApiUnavailableError
        when the node does not answer. One call at a time."""
        try:
            await self._read(sink)
        except RpcError:
            known = self._told.block_number
            block = await self._go_past(known) if self._go_past is not None and known is not None else None
            if block is None:
                raise
            self._told.begin_anew(block)
            self._deliver({}, [], block, sink)

    async def _read(self, sink: AccountSink) -> None:
        now = self._clock.monotonic()
        is_late = now >= self._late_at
        # With the blocks that are new it is to be no more than the node gives at once.
        again = max(REORGANISED_BLOCKS, min(self._told.late_blocks, self._range.blocks // 2)) if is_late else REORGANISED_BLOCKS
        # After a look that failed it may be long ago that all was read, and too much for one request.
        is_recent, self._recent = self._recent, False
        if not (is_recent and await self._read_newest(sink, again)) and not await self._read_ranges(sink, again):
            return
        self._recent = True
        if is_late:
            self._late_at = now + LATE_INTERVAL

    async def _read_ranges(self, sink: AccountSink, again: int) -> bool:
        """In as many requests as it takes; False when another source took over meanwhile: what was read before is to be read by
        whoever is told of now, be it this one."""
        turns, head = self._told.turns, await self._rpc.block_number()
        begin = self._told.first_block(head, again)
        if begin > head:
            self._deliver({}, [], head, sink)
        while begin <= head:
            end = min(begin + self._range.blocks - 1, head)
            if (limit := self._rpc.rate_limit) is not None:
                raise limit  # no node would be asked, and so none refuses
            try:
                node_head, found = await self._rpc.logs_and_head(self._engine, TOPICS, begin, end)
            except RpcError as error:
                if not is_log_range(error) or end == begin:
                    raise
                self._range.narrow((end - begin + 1) // 2)
                continue
            except RateLimitedError:
                self._range.limited(end - begin + 1)
                raise
            except ApiUnavailableError:
                # The node may take too long for so many blocks, or answer too much. If it is away, this raises as well.
                if end == begin:
                    self._range.blocks = MAX_BLOCK_RANGE  # how many they are is not the reason
                    raise
                await self._rpc.block_number()
                self._range.narrow((end - begin + 1) // 2)
                continue
            end = min(end, node_head)
            if end < begin:
                break  # this node is behind: the next look reads on
            await self._take_in(found, begin, end, sink, is_newest=end >= min(head, node_head))
            if self._told.turns != turns:
                return False
            begin = end + 1
            if begin <= head and self._range.pause:
                await self._clock.sleep(self._range.pause)
        return True

    async def _read_newest(self, sink: AccountSink, again: int) -> bool:
        """All that is new in one request, as there is not much of it; False when the node does not say it like that."""
        begin = self._told.first_block(self._read_up_to, again)
        try:
            head, found = await self._rpc.newest_logs(self._engine, TOPICS, begin)
        except RpcError as error:
            if not is_log_range(error):
                raise
            return False
        if begin > head:
            return False
        await self._take_in(found, begin, head, sink)
        return True

    async def _take_in(self, found: Sequence[Mapping[str, Any]], begin: int, end: int, sink: AccountSink,
                       is_newest: bool = True) -> None:
        """Deliver what is new in the blocks from `begin` to `end`, which hold these logs and, or not, the newest."""
        self._range.told(end - begin + 1)
        decoded = decode_engine_logs(found, self._engine)
        newest = max(begin, self._told.first_block(end))
        if self._noticed is not None and is_newest and newest <= end:
            # What happened to others is of interest while it is new.
            self._noticed([log for log in decoded if log.block_number >= newest], newest, end)
        held = {Place.of(log): log for log in decoded if self.concerns(log)}
        self._deliver(held, await self._gone(held, begin, end), end, sink, begin)

    def _deliver(self, held: Mapping[Place, EngineLog], gone: list[EngineLog], end: int, sink: AccountSink,
                 begin: int = 0) -> None:
        event = self._told.difference(held, gone, end, begin)
        self._read_up_to = max(self._read_up_to, event.block_number)
        sink(event)

    async def _gone(self, held: Mapping[Place, EngineLog], begin: int, end: int) -> list[EngineLog]:
        """The told logs from the first block on that was replaced."""
        replaced: set[int] = set()
        doubtful: dict[int, str] = {}
        for log in self._told.logs(begin, end):
            now = held.get(Place.of(log))
            if now is None:
                doubtful[log.block_number] = log.block_hash
            elif now != log:
                replaced.add(log.block_number)
        first = min(replaced, default=end + 1)
        asked = sorted(number for number in doubtful if number < first)
        blocks = await self._rpc.get_blocks(asked)
        # A node that is behind lacks new blocks. One that keeps no old ones will never tell them, and not their logs either.
        lacking = [number for number in asked if number not in blocks and number > self._rpc.head - KEPT_BLOCKS]
        if lacking:
            raise ApiUnavailableError(f"the node does not tell block {lacking[0]}, which lacks a log now")
        replaced |= {number for number, block in blocks.items() if block.hash != doubtful[number]}
        return self._told.logs(min(replaced)) if replaced else []

    def concerns(self, log: EngineLog) -> bool:
        """Whether this is a fill or a cancel of the account."""
        event = log.event
        if isinstance(event, OrderMatched):
            return self._account in (event.owner, event.sender)
        return isinstance(event, OrderCanceled) and event.owner == self._account
