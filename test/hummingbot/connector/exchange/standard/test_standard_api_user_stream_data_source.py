"""The user stream data source: it feeds the queue for ever, says when it last heard something, and loses nothing."""
import asyncio

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.standard_api_user_stream_data_source import (
    LAST_RETRY,
    StandardAPIUserStreamDataSource,
)
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle


class FakeFeed:
    """A feed that a test makes deliver and break."""

    name = "fake"

    def __init__(self):
        self.runs = self.hurried = 0
        self.sink = self._broken = None

    async def run(self, sink):
        self.runs += 1
        self.sink, self._broken = sink, asyncio.get_running_loop().create_future()
        await self._broken

    def break_with(self, error):
        self._broken.set_exception(error)

    def hurry(self):
        self.hurried += 1


class World:
    def __init__(self):
        self.feed, self.clock, self.output = FakeFeed(), ManualClock(), asyncio.Queue()
        self.created, self.creation = 0, []
        self.source = StandardAPIUserStreamDataSource(self._create, self.clock)
        self.task = None

    async def _create(self):
        self.created += 1
        if self.creation:
            raise self.creation.pop(0)
        return self.feed

    async def listen(self):
        self.task = asyncio.ensure_future(self.source.listen_for_user_stream(self.output))
        await settle()


@pytest.fixture
async def world():
    world = World()
    yield world
    if world.task is not None:
        world.task.cancel()
        await asyncio.gather(world.task, return_exceptions=True)


async def test_events_reach_the_queue_as_they_are_and_in_order(world):
    await world.listen()
    events = [OrderLogs([], 7), OrderLogs([], 8), BalanceChange("0x" + "ba" * 20, 5, 7)]
    assert world.source.read_block == -1
    for event in events:
        world.feed.sink(event)
    assert world.source.read_block == 8
    assert [world.output.get_nowait() for _ in events] == events


async def test_the_backlog_is_as_old_as_the_oldest_event_that_is_not_processed(world):
    await world.listen()
    assert world.source.backlog_seconds == 0
    for number in range(3):
        world.feed.sink(OrderLogs([], number))
        await world.clock.advance(10)
    assert world.source.backlog_seconds == 30
    world.source.processed()
    assert world.source.backlog_seconds == 20
    for _ in range(4):
        world.source.processed()
    assert world.source.backlog_seconds == 0


async def test_last_received_time_is_zero_until_the_feed_told_something(world):
    await world.listen()
    assert world.source.last_recv_time == 0
    await world.clock.advance(5)
    world.feed.sink(OrderLogs([], 7))
    assert world.source.last_recv_time == 1005.0
    await world.clock.advance(60)
    assert world.source.last_recv_time == 1005.0


async def test_broken_feed_is_the_same_one_that_runs_again(world, caplog):
    await world.listen()
    for attempt, pause in enumerate((1, 2, 4, 8, 16, 30, 30)):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(pause)
        assert world.feed.runs == attempt + 2
    assert world.clock.pauses[-1] == LAST_RETRY
    assert world.created == 1
    assert "Own orders are not followed (gone). Trying again in 30 s." in caplog.text


async def test_pause_is_short_again_once_the_feed_delivered(world):
    await world.listen()
    for pause in (1, 2, 4):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(pause)
    world.feed.sink(OrderLogs([], 7))
    world.feed.break_with(ApiUnavailableError("gone"))
    await world.clock.advance(1)
    assert world.feed.runs == 5


async def test_what_follows_a_break_is_unknown_until_the_feed_tells_something(world):
    await world.listen()
    world.feed.break_with(ApiUnavailableError("gone"))
    await world.clock.advance(1)
    world.feed.break_with(ApiUnavailableError("gone"))
    await world.clock.advance(2)
    assert world.feed.runs == 3 and world.source.backlog_seconds == 3
    world.feed.sink(OrderLogs([], 7))
    assert world.source.backlog_seconds == 0


async def test_looks_in_a_hurry_fill_no_log_and_make_no_pause_longer(world, caplog):
    await world.listen()
    for pause in (1, 2, 4):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(pause)
    told = len(caplog.records)
    for _ in range(10):
        runs = world.feed.runs
        world.feed.break_with(ApiUnavailableError("gone"))
        await settle()
        world.source.hurry()
        await settle()
        assert world.feed.runs == runs, "a node in trouble is not asked in a row"
        await world.clock.advance(1)
        world.source.hurry()
        await settle()
        assert world.feed.runs == runs + 1
    assert len(caplog.records) == told + 1
    world.feed.break_with(ApiUnavailableError("gone"))
    await world.clock.advance(8)
    assert world.feed.runs == runs + 2


async def test_an_outage_in_which_somebody_always_hurries_is_told_once(world, caplog):
    await world.listen()
    world.feed.sink(OrderLogs([], 7))
    for _ in range(12):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(5.5)
        world.source.hurry()
        await settle()
    assert world.feed.runs >= 12
    assert 1 <= caplog.text.count("Own orders are not followed (gone)") <= 3


async def test_whoever_waits_for_something_ends_a_long_pause(world):
    await world.listen()
    for pause in (1, 2, 4, 8, 16):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(pause)
    runs = world.feed.runs
    world.feed.break_with(ApiUnavailableError("gone"))
    await settle()
    await world.clock.advance(10)
    assert world.feed.runs == runs
    world.source.hurry()
    await settle()
    assert world.feed.runs == runs + 1


async def test_a_feed_that_breaks_now_and_then_does_not_fill_the_log(world, caplog):
    await world.listen()
    for _ in range(20):
        world.feed.sink(OrderLogs([], 7))
        world.feed.break_with(ApiUnavailableError("too many requests"))
        await world.clock.advance(1)
    assert world.feed.runs == 21 and caplog.messages == []
    for pause in (2, 4, 8):
        world.feed.break_with(ApiUnavailableError("gone"))
        await world.clock.advance(pause)
    world.feed.break_with(ApiUnavailableError("gone"))
    await settle()
    assert caplog.messages == ["Own orders are not followed (gone). Trying again in 16 s."]


async def test_feed_is_created_as_soon_as_it_can_be(world, caplog):
    world.creation = [ConfigurationError("Trading needs a private key"), OSError("disk full"), ApiUnavailableError("gone")]
    await world.listen()
    assert world.source.feed is None
    for pause in (1, 2, 4):
        await world.clock.advance(pause)
    assert world.feed.runs == 1 and world.source.feed is world.feed
    assert [type(record.exc_info) for record in caplog.records if record.exc_info] == [tuple]
    assert "disk full" in caplog.text


async def test_unexpected_failure_is_logged_with_its_traceback_and_ends_nothing(world, caplog):
    await world.listen()
    world.feed.break_with(KeyError("bug"))
    await world.clock.advance(1)
    assert world.feed.runs == 2
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


async def test_hurry_reaches_the_feed_and_does_nothing_before_there_is_one(world):
    world.source.hurry()
    await world.listen()
    world.source.hurry()
    assert world.feed.hurried == 1


async def test_cancelling_ends_it(world):
    await world.listen()
    world.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await world.task
