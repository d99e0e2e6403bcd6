"""Work that all who ask for it while it lasts wait for together."""
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class SharedWork:
    """One attempt at a time at something that may fail. In an outage whoever waited for a turn of its own would wait for the
    failures of all before it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def done(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the attempt that is under way, or begin one; raises what it raises. It goes on though who waits is
        cancelled."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(work())
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may wait any more
        await asyncio.shield(self._task)

    def end(self) -> None:
        """Break off the attempt that is under way, and cancel who waits for it; who comes later begins another."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
