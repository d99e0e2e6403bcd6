"""Work that goes on after a fault in it: the fault is told once, and what it broke off is begun again."""
import logging
from collections.abc import Awaitable, Callable

from hummingbot.connector.exchange.standard.clock import Clock

FIRST_PAUSE = 1.0
LAST_PAUSE = 30.0
# The same fault is told again when it was not seen for so long.
TOLD_SECONDS = 600.0


class Supervision:
    """Tells the faults of one part of the program, which `what` names in the log, and keeps its loops at work."""

    def __init__(self, what: str, clock: Clock) -> None:
        self._what = what
        self._clock = clock
        self._told: dict[str, float] = {}

    async def keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until it is cancelled; after a fault it begins again, after a pause that doubles while it fails at once."""
        pause = FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            try:
                await work()
                return
            except Exception as error:
                self.tell(error)
            if self._clock.monotonic() - began > LAST_PAUSE:
                pause = FIRST_PAUSE
            await self._clock.sleep(pause)
            pause = min(LAST_PAUSE, 2 * pause)

    def tell(self, error: BaseException) -> None:
        """Log a fault with its traceback, and one that comes again and again only once."""
        name, now = f"{type(error).__name__}: {error}", self._clock.monotonic()
        again = now - self._told.get(name, -TOLD_SECONDS) < TOLD_SECONDS
        self._told = {known: at for known, at in self._told.items() if now - at < TOLD_SECONDS} | {name: now}
        logging.getLogger(__name__).log(logging.DEBUG if again else logging.ERROR, "A fault in the %s, which goes on: %s",
                                        self._what, name, exc_info=None if again else error)
