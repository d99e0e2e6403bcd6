"""Runs the best feed that works, falls back to polling at once, and climbs back with backoff. The policy and nothing else.

Sources are ordered best first; the last one is polling, which is always there. A better source is tried beside the live
one, which goes on: its events wait until it is ready (a fresh snapshot of every pair, or the account's logs up to a
block), then it is live and the old one ends. When a live source breaks, polling is live in the same moment. A source that
broke is tried again after a pause that doubles each time, with jitter, and shrinks only after it held for a while.
"""
import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.clock import Clock

FIRST_PAUSE = 1.0
LAST_PAUSE = 60.0
# A source that holds this long is trusted again from the first pause on.
TRUSTED_AFTER = 60.0
READY_WITHIN = 20.0
# A source that never worked in so many tries is told of: its setting may be wrong.
TRIES_UNTIL_TOLD = 3
MAX_WAITING_EVENTS = 100_000


class Source[Feed](NamedTuple):
    """A kind of feed and how to make one; a new feed is made for each try."""

    name: str
    create: Callable[[], Feed]


class FeedState(NamedTuple):
    """Which source is live since when (monotonic seconds), when it told something last, how often the source changed, and why
    the last one was left."""

    source: str
    since: float
    heard: float
    switches: int
    reason: str


class _Running[Feed, Event]:
    """A feed at work: its events wait until it is live."""

    def __init__(self, rank: int, feed: Feed, run: Callable[[Feed, Callable[[Event], None]], Coroutine[Any, Any, None]],
                 ready: Callable[[list[Event]], bool], started: float) -> None:
        self.rank = rank
        self.feed = feed
        self.started = started
        self.ready = asyncio.Event()
        self._is_ready = ready
        self._waiting: list[Event] = []
        self._sink: Callable[[Event], None] | None = None
        self.task = asyncio.get_running_loop().create_task(run(feed, self._deliver))

    def _deliver(self, event: Event) -> None:
        if self._sink is not None:
            self._sink(event)
            return
        if len(self._waiting) >= MAX_WAITING_EVENTS:
            raise OverflowError("too many events before the feed was ready")
        self._waiting.append(event)
        if not self.ready.is_set() and self._is_ready(self._waiting):
            self.ready.set()

    def go_live(self, sink: Callable[[Event], None], taken_over: Callable[[Feed, list[Event]], list[Event]]) -> None:
        """Hand out what is to be told of the events that waited, and everything from now on."""
        waiting, self._waiting = self._waiting, []
        for event in taken_over(self.feed, waiting):
            sink(event)
        self._sink = sink

    def leave(self) -> None:
        """Hear no more of the feed, which is to end."""
        self._sink = _ignore
        self.task.cancel()


async def _end(*feeds: _Running[Any, Any]) -> None:
    """Leave feeds, all at once and before any pause, in which whoever waits here may be cancelled; and see them end."""
    for running in feeds:
        running.leave()
    await asyncio.gather(*(running.task for running in feeds), return_exceptions=True)


def _ignore(event: Any) -> None:
    """What a feed still says after it was left."""


class Failover[Feed, Event]:
    """The policy for one kind of data. `run` runs a feed into a sink, `ready` tells whether its events suffice to go live,
    `taken_over` gives what is to be told now of the events that had waited when a feed goes live."""

    def __init__(self, what: str, sources: Sequence[Source[Feed]],
                 run: Callable[[Feed, Callable[[Event], None]], Coroutine[Any, Any, None]],
                 ready: Callable[[list[Event]], bool], taken_over: Callable[[Feed, list[Event]], list[Event]], clock: Clock,
                 chance: random.Random) -> None:
        """`what` names the data in log lines; `chance` spreads the retries of many bots."""
        self._what = what
        self._sources = sources
        self._run_feed = run
        self._ready = ready
        self._taken_over = taken_over
        self._clock = clock
        self._chance = chance
        self._failures = [0] * len(sources)
        self._next_try = [0.0] * len(sources)
        self._worked = [False] * len(sources)
        self._live: _Running[Feed, Event] | None = None
        self._candidate: _Running[Feed, Event] | None = None
        self._heard = clock.monotonic()
        self._state = FeedState("", self._heard, self._heard, 0, "")

    @property
    def state(self) -> FeedState:
        """What is live."""
        return self._state._replace(heard=self._heard)

    @property
    def feeds(self) -> list[Feed]:
        """The feeds at work, the live one first."""
        return [running.feed for running in (self._live, self._candidate) if running is not None]

    async def run(self, sink: Callable[[Event], None]) -> None:
        """Deliver events of the best source that works; raises only when polling itself breaks."""
        def hear(event: Event) -> None:
            self._heard = self._clock.monotonic()
            sink(event)

        try:
            self._go_live(self._start(len(self._sources) - 1), hear, "it is begun anew")
            while True:
                await self._step(hear)
        finally:
            # At once: the next run may begin before this one's feeds have ended.
            ending, self._live, self._candidate = (self._live, self._candidate), None, None
            await _end(*[running for running in ending if running is not None])

    async def _step(self, sink: Callable[[Event], None]) -> None:
        live = self._live
        assert live is not None
        if self._candidate is None:
            self._candidate = self._next_candidate(live.rank)
        waits = {asyncio.ensure_future(self._clock.sleep(self._pause(live.rank)))}
        if self._candidate is not None:
            waits.add(asyncio.ensure_future(self._candidate.ready.wait()))  # type: ignore[arg-type]
        tasks = {running.task for running in (live, self._candidate) if running is not None}
        try:
            await asyncio.wait(waits | tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if live.task.done():
            await self._left(live, sink)
        elif self._candidate is not None:
            await self._judge(self._candidate, live, sink)

    def _pause(self, live_rank: int) -> float:
        """Until the next source may be tried, or the candidate must be ready."""
        if self._candidate is not None:
            return max(0.0, self._candidate.started + READY_WITHIN - self._clock.monotonic())
        pauses = [at - self._clock.monotonic() for at in self._next_try[:live_rank]]
        return max(0.0, min(pauses)) if pauses else LAST_PAUSE

    def _next_candidate(self, live_rank: int) -> "_Running[Feed, Event] | None":
        now = self._clock.monotonic()
        for rank in range(live_rank):
            if self._next_try[rank] <= now:
                return self._start(rank)
        return None

    def _start(self, rank: int) -> "_Running[Feed, Event]":
        return _Running(rank, self._sources[rank].create(), self._run_feed, self._ready, self._clock.monotonic())

    async def _judge(self, candidate: "_Running[Feed, Event]", live: "_Running[Feed, Event]",
                     sink: Callable[[Event], None]) -> None:
        """Take over with a candidate that is ready; give up one that broke or takes too long."""
        if candidate.task.done():
            self._given_up(candidate, _reason(candidate.task))
        elif candidate.ready.is_set():
            self._candidate = None
            self._go_live(candidate, sink, "it is better")
            await _end(live)
        else:
            self._given_up(candidate, f"it was not ready within {READY_WITHIN:g} s")
            await _end(candidate)

    def _given_up(self, candidate: "_Running[Feed, Event]", reason: str) -> None:
        self._failed(candidate)
        self._candidate = None
        rank = candidate.rank
        level = logging.WARNING if not self._worked[rank] and self._failures[rank] == TRIES_UNTIL_TOLD else logging.DEBUG
        logging.getLogger(__name__).log(level, "%s: %s did not work in try %d, and will be tried again: %s", self._what,
                                        self._sources[rank].name, self._failures[rank], reason)

    async def _left(self, broken: "_Running[Feed, Event]", sink: Callable[[Event], None]) -> None:
        """The live source broke: polling is live at once. When polling itself broke, so does the failover."""
        last = len(self._sources) - 1
        if broken.rank == last:
            broken.task.result()
            raise ConnectionError(f"{self._sources[last].name} ended")
        self._failed(broken)
        self._go_live(self._start(last), sink, _reason(broken.task))

    def _failed(self, running: "_Running[Feed, Event]") -> None:
        rank, now = running.rank, self._clock.monotonic()
        if running is self._live and now - self._state.since >= TRUSTED_AFTER:
            self._failures[rank] = 0
        pause = min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures[rank], 10))
        self._failures[rank] += 1
        self._next_try[rank] = now + pause * (0.5 + self._chance.random() / 2)

    def _go_live(self, running: "_Running[Feed, Event]", sink: Callable[[Event], None], reason: str) -> None:
        before, now = self._state.source, self._sources[running.rank].name
        self._live = running
        self._worked[running.rank] = True
        changed = before not in ("", now)  # polling may begin again where it broke
        if changed:
            logging.getLogger(__name__).info("%s: from %s to %s: %s", self._what, before, now, reason)
        if changed or not before:
            self._state = FeedState(now, self._clock.monotonic(), self._heard, self._state.switches + changed, reason)
        running.go_live(sink, self._taken_over)


def _reason(task: "asyncio.Task[None]") -> str:
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return str(error) or type(error).__name__ if error is not None else "it ended"
