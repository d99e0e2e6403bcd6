"""Hummingbot's user stream data source, fed by an account feed: polling today, a stream whenever there is one."""
import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from hummingbot.connector.exchange.standard.clock import Clock, sleep_or_wake
from hummingbot.connector.exchange.standard.errors import StandardError
from hummingbot.connector.exchange.standard.feeds.base import AccountEvent, AccountFeed, OrderLogs
from hummingbot.connector.exchange.standard.outages import BEARABLE_SECONDS
from hummingbot.core.data_type.user_stream_tracker_data_source import UserStreamTrackerDataSource

FIRST_RETRY = 1.0
LAST_RETRY = 30.0


class StandardAPIUserStreamDataSource(UserStreamTrackerDataSource):
    """Puts what the feed yields into the queue that the exchange's event listener reads."""

    def __init__(self, feed: Callable[[], Awaitable[AccountFeed]], clock: Clock) -> None:
        """`feed` gives the feed once the exchange knows its engine and where the last run ended."""
        super().__init__()
        self._create_feed = feed
        self._feed: AccountFeed | None = None
        self._clock = clock
        self._last_recv_time = 0.0
        self._read_block = -1
        self._waiting: deque[float] = deque()  # when each event that waits to be processed was read
        self._broken_at: float | None = None  # when the feed broke that has told nothing since
        self._tried_at = -math.inf  # when it broke last
        self._hurry = asyncio.Event()

    @property
    def feed(self) -> AccountFeed | None:
        """Where the data come from, once it runs."""
        return self._feed

    @property
    def last_recv_time(self) -> float:
        """When the feed last told how far it has read, in seconds since the epoch."""
        return self._last_recv_time

    @property
    def read_block(self) -> int:
        """The block up to which the feed has told the engine's logs; -1 before it has."""
        return self._read_block

    @property
    def backlog_seconds(self) -> float:
        """How long ago the oldest event was read that is not processed yet, or the feed broke that has told nothing since; 0 when
        neither is so."""
        now = self._clock.monotonic()
        return now - min(self._waiting[0] if self._waiting else now, now if self._broken_at is None else self._broken_at)

    def processed(self) -> None:
        """The oldest event that waited is dealt with."""
        if self._waiting:
            self._waiting.popleft()

    async def listen_for_user_stream(self, output: "asyncio.Queue[Any]") -> None:
        """Run the feed for ever; when it breaks, run it again after a growing pause, from where it was, and say so, unless it has
        told something just now."""
        pause, heard = FIRST_RETRY, -math.inf
        is_hurried = is_said = False

        def deliver(event: AccountEvent) -> None:
            nonlocal pause, heard, is_said
            pause, heard, is_said = FIRST_RETRY, self._clock.monotonic(), False
            self._broken_at = None
            self._last_recv_time = self._clock.time()
            if isinstance(event, OrderLogs):
                self._read_block = event.block_number
            self._waiting.append(heard)
            output.put_nowait(event)

        while True:
            try:
                if self._feed is None:
                    self._feed = await self._create_feed()
                await self._feed.run(deliver)
            except Exception as error:
                is_known = isinstance(error, StandardError)
                self._tried_at = self._clock.monotonic()
                if self._broken_at is None:
                    self._broken_at = self._tried_at
                if not is_known or (self._tried_at - heard >= BEARABLE_SECONDS and not (is_hurried and is_said)):
                    is_said = True
                    self.logger().warning(f"Own orders are not followed ({error}). Trying again in {pause:.0f} s.",
                                          exc_info=not is_known)
            self._hurry.clear()
            await sleep_or_wake(self._clock, pause, self._hurry)
            is_hurried = self._hurry.is_set()
            if not is_hurried:
                pause = min(2 * pause, LAST_RETRY)

    def hurry(self) -> None:
        """Somebody waits for something that was just mined: look now, also where the feed broke more than a moment ago."""
        if self._clock.monotonic() - self._tried_at >= FIRST_RETRY:
            self._hurry.set()
        if self._feed is not None:
            self._feed.hurry()
