"""Time that a test owns: it stands still until every task waits, then jumps to the next sleeper."""
import asyncio
import heapq
from collections.abc import Callable
from itertools import count


class FakeClock:
    """A Clock. `run` lets time pass."""

    def __init__(self, start: float = 1_000.0) -> None:
        self.now = start
        self.wall = 1_700_000_000.0 - start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.wall + self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), future))
        await future

    async def settle(self) -> None:
        """Let all tasks run until they wait for time."""
        for _ in range(60):
            await asyncio.sleep(0)

    async def run(self, seconds: float, every: float = 0.1, then: Callable[[], None] | None = None,
                  until: Callable[[], bool] | None = None) -> None:
        """Pass `seconds`, calling `then` every so often, no longer than `until` says."""
        end, tick = self.now + seconds, self.now + every
        await self.settle()
        while self.now < end and not (until is not None and until()):
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            self.now = min(end, tick, self._sleepers[0][0] if self._sleepers else end)
            if self.now >= tick:
                tick += every
                if then is not None:
                    then()
            while self._sleepers and self._sleepers[0][0] <= self.now:
                _, _, future = heapq.heappop(self._sleepers)
                if not future.done():
                    future.set_result(None)
            await self.settle()
