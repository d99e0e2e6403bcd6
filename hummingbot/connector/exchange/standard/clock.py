"""Time as something passed in, so that a test can own it."""
import asyncio
import time
from typing import Protocol

# On Linux and macOS time.monotonic() stands still while the machine sleeps. These go on: the first on Linux, the second on
# macOS. On other systems there is neither, and time.monotonic() has to do.
_UNSLEEPING: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC_RAW", None))


class Clock(Protocol):
    """Where the connector takes time from. Nothing that must be correct depends on wall-clock time being right."""

    def time(self) -> float:
        """Seconds since the epoch, for timestamps shown to people."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go back, for ages and deadlines; those that the machine sleeps count. Not
        to be compared with the event loop's own time, which leaves them out."""

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""


class SystemClock(Clock):
    """The clock of the machine and its event loop."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() if _UNSLEEPING is None else time.clock_gettime(_UNSLEEPING)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def sleep_or_wake(clock: Clock, seconds: float, wake: asyncio.Event) -> None:
    """Sleep for that long, or until the event is set."""
    waits = {asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(wake.wait())}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
