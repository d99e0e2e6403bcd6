"""Whether this machine has slept, or the process was held up, for so long that what it knew is of before."""
import math

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import StreamBrokenError

WATCH_INTERVAL = 1.0


class Wakefulness:
    """Looks at the clock again and again: a gap between two looks is time in which nothing was heard."""

    def __init__(self, clock: Clock, longest: float) -> None:
        """`longest` is the gap that does no harm, in seconds."""
        self._clock = clock
        self._longest = longest
        self._looked_at = math.inf  # not at all while nothing is watched
        self._has_slept = False

    def begin(self) -> None:
        """What is known is of now, or learned from now on."""
        self._looked_at, self._has_slept = self._clock.monotonic(), False

    def end(self) -> None:
        """Nothing is known that a sleep could make old."""
        self._looked_at, self._has_slept = math.inf, False

    @property
    def has_slept(self) -> bool:
        """Whether there was a gap since `begin`. Right from the first moment after it on, whichever task runs first then."""
        self._has_slept |= self._clock.monotonic() - self._looked_at > self._longest
        return self._has_slept

    async def watch(self) -> None:
        """Keep looking. Raises StreamBrokenError after a gap."""
        while True:
            await self._clock.sleep(WATCH_INTERVAL)
            if self.has_slept:
                raise StreamBrokenError("this machine slept or was held up, and what is on its way may be from before")
            self._looked_at = self._clock.monotonic()
