"""Time as something passed in, so that a test can own it."""
import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the connector takes time from. Nothing that must be correct depends on wall-clock time being right."""

    def time(self) -> float:
        """Seconds since the epoch, for timestamps shown to people."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go back, for ages and deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""


class SystemClock(Clock):
    """The clock of the machine and its event loop."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
