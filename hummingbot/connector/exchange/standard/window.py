"""Things wanted within one short moment, handled together."""
import asyncio
from collections.abc import Awaitable, Callable

from hummingbot.connector.exchange.standard.clock import Clock


class Window[Item, Result]:
    """Collects items for a moment and hands them over at once; each waits for its own result.

    `handle` gets (item, future) pairs and sees to it that each future gets its result or its error.
    """

    def __init__(self, handle: "Callable[[list[tuple[Item, asyncio.Future[Result]]]], Awaitable[None]]", clock: Clock,
                 seconds: float) -> None:
        self._handle = handle
        self._clock = clock
        self._seconds = seconds
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: Item) -> Result:
        """The result for an item, handled together with those that come within the same moment."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._waiting) == 1:
            task = asyncio.get_running_loop().create_task(self._flush())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _flush(self) -> None:
        await self._clock.sleep(self._seconds)
        waiting, self._waiting = self._waiting, []
        try:
            await self._handle(waiting)
        except BaseException as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
