"""Whether node and API answer, for Hummingbot's check of the network."""
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import StandardError
from hummingbot.connector.exchange.standard.outages import Outages
from hummingbot.connector.exchange.standard.shared_work import SharedWork
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.utils.async_utils import safe_ensure_future

HEADS_INTERVAL = 30.0


class NetworkCheck:
    """One look after the other. Hummingbot gives a check 5 s, and a URL that accepts and stays silent is left after 10 s: so the
    asking goes on when a check was given up, and what the next URL answers counts at the next check."""

    def __init__(self, venue: Venue, clock: Clock, needs_api: Callable[[], bool], outages: Outages) -> None:
        """The API is needed until there is an account. So long `outages` is told why nothing begins: Hummingbot keeps the
        reason to itself."""
        self._venue = venue
        self._clock = clock
        self._needs_api = needs_api
        self._outages = outages
        self._asking = SharedWork()
        self._compared_at = clock.monotonic()  # with the other nodes
        self._comparing: asyncio.Task[None] | None = None
        self._counted = (0, 0)  # the answers of API and node that count no more

    async def passed(self) -> None:
        """Return when both have answered since the last check, or the node alone where the API is not needed; where the polls
        have had answers meanwhile, nothing is asked. Raises why they do not answer."""
        await self._asking.done(self._ask)
        self._count()
        is_idle = self._comparing is None or self._comparing.done()
        if is_idle and self._clock.monotonic() - self._compared_at >= HEADS_INTERVAL:
            self._compared_at = self._clock.monotonic()
            self._comparing = safe_ensure_future(self._venue.rpc.compare_heads())  # a silent node must not keep the check waiting

    def end(self) -> None:
        """Ask no more; who waits for an answer is cancelled."""
        self._asking.end()
        if self._comparing is not None:
            self._comparing.cancel()

    async def _ask(self) -> None:
        rest, rpc = self._venue.rest, self._venue.rpc
        asked: list[Coroutine[Any, Any, object]] = []
        if rpc.answers == self._counted[1]:
            asked.append(rpc.block_number())
        if self._needs_api() and (asked or rest.answers == self._counted[0]):
            asked.append(rest.get(CONSTANTS.EXCHANGE_PATH))
        # Not broken off by the first failure: what the other one answers must not come later, unnoticed.
        answers = await asyncio.gather(*asked, return_exceptions=True)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        why = next((failure for failure in failures if isinstance(failure, StandardError)), None)
        if self._needs_api() or why is None:
            self._outages.tell("The exchange", why, "cannot be used now", "can be used")
        if failures:
            self._count()  # or a wrong chain's answer to what it is would pass the next check
            raise failures[0]

    def _count(self) -> None:
        self._counted = self._venue.rest.answers, self._venue.rpc.answers
