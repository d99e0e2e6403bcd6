"""The failover's policy with feeds that the test commands, and a clock that the test moves."""
import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds import failover
from hummingbot.connector.exchange.standard.feeds.base import (
    BookDelta,
    BookSnapshot,
    MarketEvent,
    MarketSink,
    PublicTrade,
    UpdateIds,
)
from hummingbot.connector.exchange.standard.feeds.failover import LAST_PAUSE, Source
from hummingbot.connector.exchange.standard.feeds.switching import SwitchingMarketFeed
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle

PAIR = "SOMI-USDC"


class CommandedFeed:
    """A market feed that does what the test says."""

    def __init__(self, name: str, made: list["CommandedFeed"]) -> None:
        self.name = name
        self.pairs: list[str] = []
        self.running = False
        self._sink: MarketSink | None = None
        self._end: asyncio.Future[None] | None = None
        made.append(self)

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        self.pairs, self._sink, self.running = list(trading_pairs), sink, True
        self._end = asyncio.get_running_loop().create_future()
        try:
            await self._end
        finally:
            self.running = False

    def tell(self, *events: MarketEvent) -> None:
        assert self._sink is not None
        for event in events:
            self._sink(event)

    def break_down(self, words: str) -> None:
        assert self._end is not None
        self._end.set_exception(ApiUnavailableError(words))

    def end(self) -> None:
        assert self._end is not None
        self._end.set_result(None)

    def cancel(self) -> None:
        assert self._end is not None
        self._end.cancel()

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        return book(1)

    def add_pair(self, trading_pair: str) -> None:
        self.pairs.append(trading_pair)

    def remove_pair(self, trading_pair: str) -> None:
        if trading_pair in self.pairs:
            self.pairs.remove(trading_pair)


def book(update_id: int, trading_pair: str = PAIR) -> BookSnapshot:
    return BookSnapshot(trading_pair, update_id, 0.0, [], [])


def delta(update_id: int) -> BookDelta:
    return BookDelta(PAIR, update_id, 0.0, [], [])


def trade(trade_id: str) -> PublicTrade:
    return PublicTrade(PAIR, trade_id, True, 1.0, 1.0, 0.0)


class Stage:
    """A switching market feed over some sources and polling, all commanded by the test."""

    def __init__(self, *names: str) -> None:
        self.clock = ManualClock()
        self.made: list[CommandedFeed] = []
        self.told: list[MarketEvent] = []
        self.polling = CommandedFeed("polling", [])
        sources = [Source(name, partial(CommandedFeed, name, self.made)) for name in names or ("stream", "chain")]
        self.feed = SwitchingMarketFeed(sources, self.polling, UpdateIds(self.clock), ToldTrades(self.clock), self.clock,
                                        random.Random(1))
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Stage":
        self.task = asyncio.ensure_future(self.feed.run([PAIR], self.told.append))
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert not self.polling.running and not any(feed.running for feed in self.made), "a feed outlived the failover"

    def newest(self, name: str) -> CommandedFeed:
        return [feed for feed in self.made if feed.name == name][-1]

    async def until(self, condition: Callable[[], bool], step: float = 1.0, limit: int = 200) -> float:
        start = self.clock.now
        for _ in range(limit):
            if condition():
                return self.clock.now - start
            await self.clock.advance(step)
        raise AssertionError("it did not happen")


async def test_polling_serves_at_once_while_the_best_source_is_tried_beside_it() -> None:
    async with Stage() as stage:
        assert stage.polling.running and stage.newest("stream").running
        stage.polling.tell(book(1))
        assert stage.told == [book(1)] and stage.feed.state.source == "polling"


async def test_a_better_source_takes_over_with_a_snapshot_of_every_pair_and_what_came_after_it() -> None:
    async with Stage() as stage:
        stream = stage.newest("stream")
        stream.tell(delta(2))
        await settle()
        assert stage.feed.state.source == "polling", "a delta without a snapshot is no book"
        stream.tell(book(3), delta(4))
        await settle()
        assert stage.feed.state.source == "stream" and not stage.polling.running
        assert [type(event) for event in stage.told] == [BookDelta, BookSnapshot, BookDelta]
        ids = [event.update_id for event in stage.told if not isinstance(event, PublicTrade)]
        assert ids == sorted(ids) and ids[0] > 4, "what waited is told with the ids of now"
        stage.polling.tell(book(99))
        assert book(99) not in stage.told, "the source that was left has no say any more"


async def test_when_the_live_source_breaks_polling_is_live_in_the_same_moment(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with Stage() as stage:
        stage.newest("stream").tell(book(1))
        await settle()
        stage.newest("stream").break_down("the socket closed")
        await settle()
        assert stage.feed.state.source == "polling" and stage.polling.running
        assert stage.clock.now == 1000.0
        lines = [record.message for record in caplog.records if "from stream to polling" in record.message]
        assert lines == ["Order books: from stream to polling: the socket closed"]


async def test_the_second_best_is_tried_while_the_best_pauses_and_the_best_comes_back() -> None:
    async with Stage() as stage:
        stage.newest("stream").break_down("refused")
        await settle()
        chain = stage.newest("chain")
        chain.tell(book(1))
        await settle()
        assert stage.feed.state.source == "chain"
        await stage.until(lambda: stage.newest("stream").running)
        stage.newest("stream").tell(book(5))
        await settle()
        assert stage.feed.state.source == "stream" and not chain.running


async def test_retries_are_spread_over_growing_pauses_and_never_storm() -> None:
    async with Stage() as stage:
        tries = []
        for _ in range(300):
            for feed in stage.made:
                if feed.running:
                    tries.append((feed.name, stage.clock.now))
                    feed.break_down("refused")
            await settle()
            await stage.clock.advance(1.0)
        times = [at for name, at in tries if name == "stream"]
        pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert len(times) <= 15, "five minutes of refusals"
        assert pauses[0] <= 2 and LAST_PAUSE / 2 <= max(pauses) <= LAST_PAUSE + 1


async def test_a_source_that_flaps_is_damped_and_one_that_held_is_trusted_again() -> None:
    async with Stage("stream") as stage:
        for _ in range(5):
            await stage.until(lambda: stage.newest("stream").running)
            stage.newest("stream").tell(book(1))
            await settle()
            stage.newest("stream").break_down("flapping")
            await settle()
        damped = await stage.until(lambda: stage.newest("stream").running)
        assert damped >= 8
        stage.newest("stream").tell(book(1))
        await settle()
        await stage.clock.advance(61)
        stage.newest("stream").break_down("once in a while")
        await settle()
        assert await stage.until(lambda: stage.newest("stream").running, step=0.25) <= 1.0


async def test_a_source_that_connects_and_tells_nothing_is_given_up() -> None:
    async with Stage() as stage:
        silent = stage.newest("stream")
        await stage.clock.advance(25)
        assert not silent.running and stage.feed.state.source == "polling"


@pytest.mark.parametrize(("silent", "reason"), [(False, "refused"), (True, "it was not ready within 20 s")])
async def test_a_source_that_never_worked_is_told_of_once(caplog: pytest.LogCaptureFixture, silent: bool, reason: str) -> None:
    async with Stage("stream") as stage:
        for _ in range(300):
            if stage.newest("stream").running and not silent:
                stage.newest("stream").break_down("refused")
            await stage.clock.advance(1.0)
        assert len(stage.made) > 4
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == [f"Order books: stream did not work in try 3, and will be tried again: {reason}"]


async def test_a_source_that_worked_before_is_not_told_of_as_one_that_never_did(caplog: pytest.LogCaptureFixture) -> None:
    async with Stage("stream") as stage:
        stage.newest("stream").tell(book(1))
        await settle()
        for _ in range(120):
            if stage.newest("stream").running:
                stage.newest("stream").break_down("refused")
            await stage.clock.advance(1.0)
        assert len(stage.made) > 4
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_trade_that_two_sources_tell_of_counts_once() -> None:
    async with Stage() as stage:
        stage.polling.tell(trade("a"), trade("b"))
        stage.newest("stream").tell(book(1), trade("b"), trade("c"))
        await settle()
        assert [event.trade_id for event in stage.told if isinstance(event, PublicTrade)] == ["a", "b", "c"]


async def test_pairs_come_and_go_in_every_feed_at_work() -> None:
    async with Stage() as stage:
        stage.feed.add_pair("WBTC-USDC")
        assert stage.polling.pairs == stage.newest("stream").pairs == [PAIR, "WBTC-USDC"]
        stage.newest("stream").tell(book(1))
        await settle()
        assert stage.feed.state.source == "polling", "the new pair has no snapshot yet"
        stage.newest("stream").tell(book(1, "WBTC-USDC"))
        await settle()
        assert stage.feed.state.source == "stream"
        stage.feed.remove_pair(PAIR)
        stage.newest("stream").break_down("closed")
        await settle()
        assert stage.polling.pairs == ["WBTC-USDC"]


async def test_when_polling_itself_breaks_the_caller_hears_of_it() -> None:
    async with Stage() as stage:
        stage.polling.break_down("no network at all")
        await settle()
        assert stage.task is not None and isinstance(stage.task.exception(), ApiUnavailableError)


async def test_polling_that_ends_without_an_error_is_an_error_too() -> None:
    async with Stage() as stage:
        stage.polling.end()
        await settle()
        assert stage.task is not None and str(stage.task.exception()) == "polling ended"


async def test_a_source_that_ends_without_an_error_is_left_like_one_that_broke() -> None:
    for end, reason in (("end", "it ended"), ("cancel", "it was cancelled")):
        async with Stage() as stage:
            stage.newest("stream").tell(book(1))
            await settle()
            getattr(stage.newest("stream"), end)()
            await settle()
            assert stage.feed.state.source == "polling" and stage.feed.state.reason == reason


async def test_a_better_source_that_is_being_tried_goes_on_when_the_live_one_breaks() -> None:
    async with Stage() as stage:
        stage.newest("stream").break_down("refused")
        await settle()
        stage.newest("chain").tell(book(1))
        await stage.until(lambda: stage.newest("stream").running)
        tried = stage.newest("stream")
        stage.newest("chain").break_down("closed")
        await settle()
        assert stage.feed.state.source == "polling" and stage.newest("stream") is tried and tried.running
        tried.tell(book(2))
        await settle()
        assert stage.feed.state.source == "stream"


async def test_a_source_that_talks_without_ever_being_ready_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "MAX_WAITING_EVENTS", 3)
    async with Stage() as stage:
        stage.newest("stream").tell(delta(1), delta(2), delta(3))
        with pytest.raises(OverflowError):
            stage.newest("stream").tell(delta(4))
        assert stage.told == [] and stage.feed.state.source == "polling"


async def test_a_pair_that_is_added_or_removed_twice_counts_once() -> None:
    async with Stage() as stage:
        stage.feed.add_pair("WBTC-USDC")
        stage.feed.add_pair("WBTC-USDC")
        stage.newest("stream").tell(book(1), book(1, "WBTC-USDC"))
        await settle()
        stage.newest("stream").pairs.append("ETH-USDC")  # a feed may know what the failover does not
        stage.feed.remove_pair("ETH-USDC")
        stage.newest("stream").break_down("closed")
        await settle()
        assert stage.polling.pairs == [PAIR, "WBTC-USDC"]


async def test_a_run_that_is_cancelled_again_while_it_ends_leaves_no_feed_behind() -> None:
    stage = Stage("stream")

    async def slow_to_end(trading_pairs: Sequence[str], sink: MarketSink) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    stage.polling.run = slow_to_end  # type: ignore[method-assign]
    async with stage:
        assert stage.task is not None and stage.newest("stream").running
        for _ in range(2):
            stage.task.cancel()
            await settle()
        assert stage.task.cancelled() and not stage.newest("stream").running


async def test_a_run_that_begins_before_the_last_one_has_ended_goes_on() -> None:
    """Hummingbot cancels the task that runs the feed, does not wait for it, and starts another."""
    async with Stage() as stage:
        assert stage.task is not None
        stage.task.cancel()
        last, stage.task = stage.task, asyncio.ensure_future(stage.feed.run([PAIR], stage.told.append))
        await settle()
        assert last.cancelled() and not stage.task.done()
        stage.polling.tell(trade("1"))
        assert stage.told == [trade("1")] and stage.feed.state.source == "polling"
