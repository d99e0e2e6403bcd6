"""What cannot be read, said once, and once that it can be read again: Hummingbot would log a traceback at every poll."""
import logging

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import StandardError

# For so many seconds a failure of what is read all the time is not worth a word: a server that refuses now and then what is too
# much for it would fill the log.
BEARABLE_SECONDS = 10.0


class Outages:
    """What could not be read when it was tried last."""

    def __init__(self, clock: Clock, bearable: float, passing: type[StandardError] = StandardError) -> None:
        """What fails for less than `bearable` seconds, with errors that may be `passing`, is not worth a word."""
        self._clock = clock
        self._bearable = bearable
        self._passing = passing
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def tell(self, what: str, error: StandardError | None, fails: str = "cannot be read", works: str = "are read again") -> None:
        """`what` (a plural, unless the words say otherwise) was tried to be read, with this error or none."""
        if error is not None:
            now = self._clock.monotonic()
            bearable = self._bearable if isinstance(error, self._passing) else 0.0
            if now - self._since.setdefault(what, now) >= bearable and what not in self._told:
                self._told.add(what)
                logging.getLogger(__name__).warning("%s %s: %s", what, fails, error)
            return
        self._since.pop(what, None)
        if what in self._told:
            self._told.remove(what)
            logging.getLogger(__name__).info("%s %s", what, works)
