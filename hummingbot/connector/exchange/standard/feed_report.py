"""Where a running connector has its data from, left in its journal so that `doctor` can tell."""
import json
from collections.abc import Callable, Mapping

from hummingbot.connector.exchange.standard.account import Account
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.failover import FeedState

INTERVAL = 10.0


class FeedReport:
    """Writes the states down when one has changed, and now and then."""

    def __init__(self, states: Callable[[], Mapping[str, FeedState]], clock: Clock) -> None:
        """`states` are those of the feeds at work, by what they are about."""
        self._states = states
        self._clock = clock
        self._noted: dict[str, tuple[str, int]] = {}
        self._noted_at = -INTERVAL

    async def note(self, account: Account) -> None:
        """Note the states in the account's journal if it is time. Times are seconds since the epoch there."""
        states, now = self._states(), self._clock.monotonic()
        changes = {what: (state.source, state.switches) for what, state in states.items()}
        if changes == self._noted and now - self._noted_at < INTERVAL:
            return
        self._noted, self._noted_at = changes, now
        wall = self._clock.time()
        await account.note_feeds(json.dumps({"at": wall, "feeds": {what: {
            "source": state.source, "since": wall - (now - state.since), "heard": wall - (now - state.heard),
            "switches": state.switches, "reason": state.reason} for what, state in states.items()}}))
