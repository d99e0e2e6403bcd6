"""Whether a chain goes on, by the newest block that its nodes tell."""
import logging

from hummingbot.connector.exchange.standard.clock import Clock

# A node that is so many blocks behind another one is none to ask.
MAX_LAG_BLOCKS = 50
# A node that has told no new block for so many seconds stands still, or what stands in front of it does.
STALL_SECONDS = 30.0


class HeadWatch:
    """How long the nodes have told no new block, where a chain makes blocks whether or not anybody sends transactions.

    Several nodes may answer behind one URL, some a little behind the others, so only a number above the highest there is a new
    block; or one far below, as of a chain that was begun anew.
    """

    def __init__(self, clock: Clock, is_steady: bool) -> None:
        """`is_steady` is whether the chain makes blocks all the time; where not, no standstill is ever told."""
        self._clock = clock
        self._is_steady = is_steady
        self._highest: dict[str, int] = {}  # by host: one that stands still far below the others is no chain begun anew
        self._since = self._told_at = clock.monotonic()
        self._stands_still = False

    @property
    def standstill(self) -> float:
        """For how many seconds the newest block had been the same when it was told last."""
        return self._told_at - self._since

    def told(self, number: int, host: str) -> None:
        """A node tells its newest block. Says once when that has stood still for too long, and once when it goes on."""
        if not self._is_steady:
            return
        self._told_at = self._clock.monotonic()
        before = self._highest.get(host)
        highest = max(self._highest.values(), default=-1) if before is None else before
        is_anew = before is not None and number < before - MAX_LAG_BLOCKS
        if number > highest or is_anew:
            self._since = self._told_at
        if before is None or number > before or is_anew:
            self._highest[host] = number
        stood_still, self._stands_still = self._stands_still, self.standstill > STALL_SECONDS
        if self._stands_still and not stood_still:
            logging.getLogger(__name__).warning("The node %s has told no new block for %.0f s: until it does, no order is placed "
                                                "and no fill is told", host, self.standstill)
        elif stood_still and not self._stands_still:
            logging.getLogger(__name__).info("The node %s tells new blocks again", host)
