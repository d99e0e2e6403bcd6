"""Snapshots and deltas through Hummingbot's real order book tracker: what it shows is what the feed told last."""
import asyncio
from random import Random

import pytest

from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import StandardAPIOrderBookDataSource
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker
from test.hummingbot.connector.exchange.standard.clocks import until
from test.hummingbot.connector.exchange.standard.feeds.chain_world import RandomUsers, chain_world
from test.hummingbot.connector.exchange.standard.sandbox.random_calls import Generation, deployment

PAIR = "SOMI-USDC"


class Connector:
    """As much of the connector as the data source asks for."""

    def __init__(self):
        self.venue = self

    async def listing(self):
        return None

    async def trading_pair_symbol_map(self):
        return None

    def lists(self, trading_pair):
        return True

    async def get_last_traded_prices(self, trading_pairs):
        return dict.fromkeys(trading_pairs, 1.0)


class ScriptedFeed:
    """A feed whose events the test tells."""

    name = "scripted"

    def __init__(self):
        self.sink = None
        self.last_id = 1

    async def run(self, trading_pairs, sink):
        self.sink = sink
        await asyncio.Event().wait()

    async def snapshot(self, trading_pair):
        return BookSnapshot(trading_pair, 1, 1.0, [(9.0, 1.0)], [(10.0, 1.0)])

    def tell(self, kind, bids, asks):
        self.last_id += 1
        self.sink(kind(PAIR, self.last_id, float(self.last_id), bids, asks))


class Tracked:
    """A tracker on a feed."""

    def __init__(self, feed, pairs):
        self.source = StandardAPIOrderBookDataSource(pairs, Connector(), feed, SystemClock())
        self.tracker = OrderBookTracker(self.source, pairs)
        self.tracker.start()

    def levels(self, pair):
        book = self.tracker.order_books[pair]
        return tuple([(row.price, row.amount) for row in rows] for rows in (book.bid_entries(), book.ask_entries()))


@pytest.fixture
async def scripted():
    feed = ScriptedFeed()
    tracked = Tracked(feed, [PAIR])
    await until(lambda: feed.sink)
    yield feed, tracked
    tracked.tracker.stop()


async def shows(tracked, bids, asks):
    async with asyncio.timeout(2):
        while PAIR not in tracked.tracker.order_books or tracked.levels(PAIR) != (bids, asks):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_snapshot_is_not_spoiled_by_the_deltas_before_it(scripted):
    feed, tracked = scripted
    feed.tell(BookDelta, [(8.0, 2.0)], [(11.0, 2.0)])
    await shows(tracked, [(9.0, 1.0), (8.0, 2.0)], [(10.0, 1.0), (11.0, 2.0)])
    feed.tell(BookSnapshot, [(7.0, 1.0)], [(12.0, 1.0)])
    await shows(tracked, [(7.0, 1.0)], [(12.0, 1.0)])


async def test_a_snapshot_and_the_delta_after_it_keep_their_order_also_while_the_tracker_begins(scripted):
    feed, tracked = scripted
    assert not tracked.tracker.ready
    for number in range(50):
        feed.tell(BookSnapshot, [(7.0, 1.0 + number)], [(12.0, 1.0)])
        feed.tell(BookDelta, [(7.0, 0.0), (6.0, 1.0 + number)], [(13.0, 1.0)])
    await shows(tracked, [(6.0, 50.0)], [(12.0, 1.0), (13.0, 1.0)])
    feed.tell(BookSnapshot, [(12.0, 1.0)], [(12.0, 1.0)])
    await shows(tracked, [(12.0, 1.0)], [(12.0, 1.0)])


async def test_any_sequence_ends_in_what_was_told_last(scripted):
    feed, tracked = scripted
    random, bids, asks = Random(4), {9.0: 1.0}, {10.0: 1.0}
    for step in range(400):
        changed_bids, changed_asks = ({float(random.randrange(*prices)): float(random.randrange(3)) for _ in range(2)}
                                      for prices in ((1, 9), (10, 18)))
        bids, asks = ({price: amount for price, amount in {**side, **changed}.items() if amount}
                      for side, changed in ((bids, changed_bids), (asks, changed_asks)))
        if random.random() < 0.3 or not bids or not asks:
            feed.tell(BookSnapshot, list(bids.items()), list(asks.items()))
        else:
            feed.tell(BookDelta, list(changed_bids.items()), list(changed_asks.items()))
        if step % 20 == 19:
            await shows(tracked, sorted(bids.items(), reverse=True), sorted(asks.items()))


async def test_the_chains_stream_through_the_tracker_is_the_exchanges_book():
    start = deployment(Generation.AUGUST_2025)
    async with chain_world(deployment=start) as world:
        users = RandomUsers(world, start, 12)
        users.act(40)
        await asyncio.sleep(0.1)
        tracked = Tracked(world.feed, [PAIR])
        try:
            await until(lambda: PAIR in tracked.tracker.order_books)
            for _ in range(4):
                for _ in range(10):
                    users.act(8)
                    await asyncio.sleep(0.01)
                await world.quiet()
                assert tracked.levels(PAIR) == world.book_levels(world.markets[PAIR])
        finally:
            tracked.tracker.stop()
