"""What cannot be read, said once, and once that it can be read again: Hummingbot would log a traceback at every poll."""
import logging

from hummingbot.connector.exchange.standard.errors import StandardError


class Outages:
    """What could not be read when it was tried last."""

    def __init__(self) -> None:
        self._unreadable: set[str] = set()

    def tell(self, what: str, error: StandardError | None) -> None:
        """`what` (a plural) was tried to be read, with this error or none."""
        if error is not None and what not in self._unreadable:
            self._unreadable.add(what)
            logging.getLogger(__name__).warning("%s cannot be read: %s", what, error)
        elif error is None and what in self._unreadable:
            self._unreadable.remove(what)
            logging.getLogger(__name__).info("%s are read again", what)
