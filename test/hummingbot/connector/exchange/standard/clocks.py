"""Time in tests: a clock whose pauses are short, one that only moves when it is told to, and waiting for a condition."""
import asyncio
from collections.abc import Callable
from typing import Any

from hummingbot.connector.exchange.standard.clock import SystemClock


class QuickClock(SystemClock):
    """Every pause of the connector passes fifty times faster."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 50)


class ManualClock:
    """Time stands still until `advance`; `pauses` are the sleeps that were asked for."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.pauses: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        waking = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, waking))
        await waking

    async def advance(self, seconds: float) -> None:
        """Let time pass, wake those whose pause is over, and let them run until they wait again."""
        await settle()
        self.now += seconds
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self.now]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self.now]
        for _, waking in due:
            if not waking.done():
                waking.set_result(None)
        await settle()


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(100):
        await asyncio.sleep(0)


async def until(condition: Callable[[], Any], timeout: float = 30.0) -> None:
    """Wait for a condition on objects that tell nobody when they change."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
