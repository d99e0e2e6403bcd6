"""The order book data source: whatever the feed does, Hummingbot's tracker gets messages it can use and is never left alone."""
import asyncio
from types import SimpleNamespace

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError, UnknownMarketError
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot, PublicTrade
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import (
    FIRST_RETRY,
    LAST_RETRY,
    StandardAPIOrderBookDataSource,
    book_message,
)
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessageType
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle

PAIR, OTHER, UNLISTED = "SOMI-USDC", "WBTC-USDC", "NONE-USDC"
SNAPSHOT = BookSnapshot(PAIR, 7, 1700.5, [(9.0, 1.0), (8.0, 2.0)], [(10.0, 3.0)])


class FakeFeed:
    """A feed that a test makes deliver and break."""

    name = "fake"

    def __init__(self):
        self.runs, self.pairs, self.snapshots = [], [], []
        self.sink = self._broken = None

    async def run(self, trading_pairs, sink):
        self.runs.append(list(trading_pairs))
        self.sink, self._broken = sink, asyncio.get_running_loop().create_future()
        await self._broken

    def break_with(self, error):
        self._broken.set_exception(error)

    async def snapshot(self, trading_pair):
        answer = self.snapshots.pop(0) if self.snapshots else SNAPSHOT
        if isinstance(answer, Exception):
            raise answer
        return answer

    def add_pair(self, trading_pair):
        self.pairs.append(trading_pair)

    def remove_pair(self, trading_pair):
        self.pairs.remove(trading_pair)


class FakeConnector:
    """What the data source needs of the exchange; `discovery` are errors of the next attempts to know the markets."""

    def __init__(self):
        self.venue = SimpleNamespace(listing=self._listing, refresh_listing=self._listing, look_again=self._look_again)
        self.listed, self.discovery, self.prices = {PAIR, OTHER}, [], {}
        self.rules = None
        self.looks = 0
        self.order_books = {}

    async def _listing(self):
        if self.discovery:
            raise self.discovery.pop(0)

    async def _look_again(self):
        self.looks += 1

    def lists(self, trading_pair):
        return trading_pair in self.listed

    async def trading_pair_symbol_map(self):
        return {}

    async def read_rules(self):
        if self.rules is not None:
            raise self.rules

    async def get_last_traded_prices(self, trading_pairs):
        for pair in trading_pairs:
            if isinstance(self.prices[pair], Exception):
                raise self.prices[pair]
        return {pair: self.prices[pair] for pair in trading_pairs}


class World:
    def __init__(self, *pairs):
        self.feed, self.connector, self.clock = FakeFeed(), FakeConnector(), ManualClock()
        self.source = StandardAPIOrderBookDataSource(list(pairs), self.connector, self.feed, self.clock)
        self.tasks, self.messages = [], asyncio.Queue()

    async def listen(self):
        """What the tracker starts."""
        self.tasks += [asyncio.ensure_future(work) for work in (
            self.source.listen_for_subscriptions(),
            self.source.listen_for_order_book_snapshots(asyncio.get_running_loop(), self.messages),
            self.source.listen_for_order_book_diffs(asyncio.get_running_loop(), self.messages),
            self.source.listen_for_trades(asyncio.get_running_loop(), self.messages))]
        await settle()

    async def message(self):
        return await asyncio.wait_for(self.messages.get(), 1)


@pytest.fixture
async def world():
    world = World(PAIR, UNLISTED)
    yield world
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)


# Messages

async def test_snapshot_of_the_feed_fills_an_order_book(world):
    await world.listen()
    world.feed.sink(SNAPSHOT)
    message = await world.message()
    assert (message.type, message.trading_pair, message.update_id) == (OrderBookMessageType.SNAPSHOT, PAIR, 7)
    assert message.timestamp == 1700.5
    book = OrderBook()
    book.apply_snapshot(message.bids, message.asks, message.update_id)
    assert (book.get_price(True), book.get_price(False), book.snapshot_uid) == (10.0, 9.0, 7)
    assert [(row.price, row.amount) for row in book.bid_entries()] == [(9.0, 1.0), (8.0, 2.0)]


async def test_delta_of_the_feed_changes_an_order_book(world):
    await world.listen()
    world.feed.sink(BookDelta(PAIR, 8, 1701.0, [(9.0, 0.0)], [(9.5, 4.0)]))
    message = await world.message()
    assert message.type is OrderBookMessageType.DIFF
    book = OrderBook()
    book.apply_snapshot([], [], 1)
    book.apply_diffs(message.bids, message.asks, message.update_id)
    assert book.get_price(True) == 9.5


@pytest.mark.parametrize("is_buy, kind", [(True, TradeType.BUY), (False, TradeType.SELL)])
async def test_trade_of_the_feed_names_the_takers_side(world, is_buy, kind):
    await world.listen()
    world.feed.sink(PublicTrade(PAIR, "0x01:7", is_buy, 9.25, 3.5, 1702.0))
    message = await world.message()
    assert (message.type, message.trading_pair, message.timestamp) == (OrderBookMessageType.TRADE, PAIR, 1702.0)
    assert message.content == {"trading_pair": PAIR, "trade_type": float(kind.value), "trade_id": "0x01:7", "price": 9.25,
                               "amount": 3.5}


async def test_market_price_is_that_of_the_last_book_or_of_none(world):
    await world.listen()
    assert world.source.market_price(PAIR) is None
    world.feed.sink(SNAPSHOT._replace(market_price=9.5))
    assert world.source.market_price(PAIR) == 9.5
    assert world.source.market_price(OTHER) is None
    world.feed.sink(SNAPSHOT._replace(update_id=8))
    assert world.source.market_price(PAIR) is None, "another source tells the book, and knows no market price"


async def test_what_is_told_while_nobody_listens_waits_in_its_order(world):
    world.source._deliver(SNAPSHOT)
    world.source._deliver(BookDelta(PAIR, 8, 1701.0, [(9.0, 0.0)], []))
    await world.listen()
    world.feed.sink(BookDelta(PAIR, 9, 1702.0, [(9.5, 1.0)], []))
    assert [(await world.message()).update_id for _ in range(3)] == [7, 8, 9]
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)
    world.source._deliver(BookDelta(PAIR, 10, 1703.0, [], []))
    assert world.messages.empty()
    await world.listen()
    assert (await world.message()).update_id == 10


async def test_messages_are_ordered_by_their_update_ids():
    older, newer = book_message(SNAPSHOT), book_message(BookDelta(PAIR, 8, 1700.5, [], []))
    assert older < newer and not newer < older


# Running the feed

async def test_feed_runs_the_listed_pairs_only(world):
    await world.listen()
    assert world.feed.runs == [[PAIR]]
    assert world.source.feed is world.feed


async def test_broken_feed_runs_again_after_pauses_that_grow_to_a_limit(world, caplog):
    await world.listen()
    pauses = []
    for attempt in range(8):
        world.feed.break_with(ApiUnavailableError("gone"))
        await settle()
        pauses.append(world.clock.pauses[-1])
        await world.clock.advance(min(FIRST_RETRY * 2 ** attempt, LAST_RETRY))
        assert len(world.feed.runs) == attempt + 2
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert all(record.exc_info is None or record.exc_info is False for record in caplog.records)


async def test_pause_is_short_again_after_the_feed_has_run_for_a_while(world):
    await world.listen()
    for attempt in range(4):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(2 ** attempt)
    world.clock.now += 2 * LAST_RETRY
    world.feed.break_with(ApiUnavailableError("gone"))
    await settle()
    assert world.clock.pauses[-1] == FIRST_RETRY


async def test_unexpected_failure_is_logged_with_its_traceback_and_ends_nothing(world, caplog):
    await world.listen()
    world.feed.break_with(KeyError("bug"))
    await world.clock.advance(FIRST_RETRY)
    assert len(world.feed.runs) == 2
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


async def test_feed_waits_until_the_markets_are_known(world, caplog):
    world.connector.discovery = [ConfigurationError("There is no engine there."), ApiUnavailableError("gone")]
    await world.listen()
    assert world.feed.runs == [] and "There is no engine there." in caplog.text
    await world.clock.advance(1)
    await world.clock.advance(2)
    assert world.feed.runs == [[PAIR]]


async def test_cancelling_ends_it(world):
    await world.listen()
    world.tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await world.tasks[0]


# The first snapshot

async def test_first_order_book_has_the_snapshot(world):
    book = await world.source.get_new_order_book(PAIR)
    assert (book.get_price(True), book.snapshot_uid) == (10.0, 7)


@pytest.mark.parametrize("error", [ApiUnavailableError("gone"), UnknownMarketError("not listed"),
                                   ConfigurationError("no engine")])
async def test_first_snapshot_is_asked_for_until_it_comes_and_the_trouble_is_told_once(world, caplog, error):
    world.feed.snapshots = [error] * 4
    asking = asyncio.ensure_future(world.source.get_new_order_book(PAIR))
    for pause in (1, 2, 4, 8):
        await settle()
        assert not asking.done()
        await world.clock.advance(pause)
    assert (await asking).snapshot_uid == 7
    assert [record.getMessage() for record in caplog.records] == [f"No order book of {PAIR} yet: {error}"]


async def test_first_snapshot_waits_for_the_markets_too(world):
    world.connector.discovery = [ConfigurationError("no engine")]
    asking = asyncio.ensure_future(world.source.get_new_order_book(PAIR))
    await world.clock.advance(1)
    assert (await asking).snapshot_uid == 7


@pytest.mark.parametrize("error", [ApiUnavailableError("gone"), UnknownMarketError("not listed")])
async def test_a_book_from_before_the_network_was_left_stands_where_it_cannot_be_read_and_is_told_anew(world, caplog, error):
    await world.listen()
    world.source.leave()
    world.feed.pairs.append(PAIR)  # it runs
    world.feed.sink(SNAPSHOT)
    known = world.connector.order_books[PAIR] = OrderBook()
    world.feed.snapshots = [error]
    assert await world.source.get_new_order_book(PAIR) is known
    assert [record.getMessage() for record in caplog.records] == [f"No order book of {PAIR} yet: {error}"]
    assert not world.source.has_told(PAIR) and world.feed.pairs == [PAIR], "the tracker may have dropped what came before"
    world.feed.sink(SNAPSHOT)
    assert world.source.has_told(PAIR)


async def test_no_book_is_one_of_now_after_the_network_was_left(world):
    assert not world.source.has_told(PAIR)
    await world.source.get_new_order_book(PAIR)
    assert world.source.has_told(PAIR)
    world.source.leave()
    assert not world.source.has_told(PAIR)


# Pairs that come and go

async def test_further_pair_is_subscribed_when_it_is_listed(world):
    assert await world.source.subscribe_to_trading_pair(OTHER) is True
    assert world.feed.pairs == [OTHER] and OTHER in world.source._trading_pairs
    assert await world.source.unsubscribe_from_trading_pair(OTHER) is True
    assert world.feed.pairs == [] and OTHER not in world.source._trading_pairs


async def test_pair_whose_rules_cannot_be_read_is_not_subscribed(world):
    world.connector.rules = ApiUnavailableError("gone")
    with pytest.raises(ApiUnavailableError):
        await world.source.subscribe_to_trading_pair(OTHER)
    assert world.feed.pairs == [] and OTHER not in world.source._trading_pairs


async def test_pair_that_is_not_listed_is_not_subscribed(world, caplog):
    assert await world.source.subscribe_to_trading_pair("MOON-USDC") is False
    assert world.feed.pairs == [] and "Standard lists no market MOON-USDC." in caplog.text


async def test_last_traded_prices_come_from_the_connector_and_errors_pass(world):
    world.connector.prices = {PAIR: 9.5}
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.5}
    with pytest.raises(KeyError):
        await world.source.get_last_traded_prices([OTHER])


async def test_last_traded_price_is_asked_for_once_and_then_follows_the_trades(world):
    world.connector.prices = {PAIR: 9.5}
    await world.source.get_last_traded_prices([PAIR])
    world.connector.prices = {}
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.5}
    await world.listen()
    world.feed.sink(PublicTrade(PAIR, "1", True, 9.75, 1.0, 1700.0))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.75}


async def test_last_traded_price_is_asked_for_again_when_the_market_price_moves_without_a_trade(world):
    world.connector.prices = {PAIR: 9.5}
    await world.listen()
    world.feed.sink(SNAPSHOT._replace(market_price=9.5))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.5}
    world.connector.prices = {PAIR: 9.75}
    world.feed.sink(SNAPSHOT._replace(update_id=8, market_price=9.5))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.5}
    world.feed.sink(SNAPSHOT._replace(update_id=9, market_price=9.75))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.75}, "the API tells no trades, but the chain a price"
    world.connector.prices = {PAIR: ApiUnavailableError("gone")}
    world.feed.sink(SNAPSHOT._replace(update_id=10, market_price=10.0))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 9.75}, "there is no newer one"
    world.connector.prices = {}
    world.feed.sink(PublicTrade(PAIR, "1", True, 10.0, 1.0, 1700.0))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 10.0}, "which needs no API"


async def test_the_market_price_of_a_trade_that_was_told_asks_for_none(world):
    await world.listen()
    world.connector.prices = {PAIR: 9.5}  # the API is behind
    world.feed.sink(SNAPSHOT._replace(market_price=9.5))
    world.feed.sink(PublicTrade(PAIR, "1", True, 10.0, 1.0, 1700.0))
    world.feed.sink(SNAPSHOT._replace(update_id=8, market_price=10.0))
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 10.0}


async def test_an_answer_that_was_on_its_way_does_not_replace_the_price_of_a_trade_that_was_told_meanwhile(world):
    await world.listen()
    answers, ask = asyncio.Event(), world.connector.get_last_traded_prices

    async def slow(trading_pairs):
        prices = await ask(trading_pairs)
        await answers.wait()
        return prices

    world.connector.get_last_traded_prices = slow
    world.connector.prices = {PAIR: 9.5}
    asking = asyncio.ensure_future(world.source.get_last_traded_prices([PAIR]))
    await settle()
    world.feed.sink(PublicTrade(PAIR, "1", True, 10.0, 1.0, 1700.0))
    world.feed.sink(SNAPSHOT._replace(market_price=10.5))
    answers.set()
    assert await asking == {PAIR: 10.0}
    world.connector.prices = {PAIR: 10.5}
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 10.5}, "what came meanwhile is asked for again"


async def test_a_pair_whose_trades_cannot_be_read_costs_no_other_pair_its_price(world):
    world.connector.prices = {PAIR: 9.5, OTHER: ApiUnavailableError("gone")}
    assert await world.source.get_last_traded_prices([PAIR, OTHER]) == {PAIR: 9.5}
    with pytest.raises(ApiUnavailableError):
        await world.source.get_last_traded_prices([OTHER])


async def test_a_pair_that_was_followed_once_has_no_price_any_more(world):
    world.connector.prices = {PAIR: 9.5}
    world.feed.pairs = [PAIR]
    await world.listen()
    world.feed.sink(SNAPSHOT._replace(market_price=9.5))
    await world.source.get_last_traded_prices([PAIR])
    await world.source.unsubscribe_from_trading_pair(PAIR)
    world.connector.prices = {PAIR: 11.0}
    assert world.source.market_price(PAIR) is None
    assert await world.source.get_last_traded_prices([PAIR]) == {PAIR: 11.0}


# A machine that sleeps

async def test_after_a_sleep_no_book_is_of_now_until_the_feed_that_was_begun_anew_tells_it(world, caplog):
    await world.listen()
    world.feed.sink(SNAPSHOT)
    before = world.feed.sink
    assert world.source.has_told(PAIR)
    world.clock.now += 3600  # the first task that runs then may be a strategy's
    assert not world.source.has_told(PAIR)
    before(SNAPSHOT)
    before(BookDelta(PAIR, 8, 1701.0, [(9.0, 0.0)], []))
    before(PublicTrade(PAIR, "0x01:7", True, 9.25, 3.5, 1702.0))
    assert not world.source.has_told(PAIR), "what a connection still says may be from before"
    assert [(await world.message()).type for _ in range(2)] == [OrderBookMessageType.SNAPSHOT, OrderBookMessageType.TRADE]
    await world.clock.advance(1)
    assert len(world.feed.runs) == 1 and "this machine slept or was held up" in caplog.text
    await world.clock.advance(FIRST_RETRY)
    assert len(world.feed.runs) == 2 and not world.source.has_told(PAIR)
    world.feed.sink(SNAPSHOT)
    assert world.source.has_told(PAIR)


async def test_a_sleep_while_the_feed_is_broken_is_one_too(world):
    await world.listen()
    world.feed.sink(SNAPSHOT)
    world.feed.break_with(ApiUnavailableError("away"))
    await settle()
    assert world.source.has_told(PAIR), "it broke in this moment"
    world.clock.now += 3600
    await world.clock.advance(0)
    assert len(world.feed.runs) == 2 and not world.source.has_told(PAIR)


async def test_short_pauses_and_the_time_for_which_the_network_is_left_are_no_sleep(world):
    await world.listen()
    world.feed.sink(SNAPSHOT)
    for _ in range(10):
        await world.clock.advance(STALE_SECONDS)
        assert world.source.has_told(PAIR)
    assert len(world.feed.runs) == 1
    world.source.leave()
    assert not world.source.has_told(PAIR)
    world.clock.now += 3600
    world.feed.sink(SNAPSHOT)
    assert world.source.has_told(PAIR)
