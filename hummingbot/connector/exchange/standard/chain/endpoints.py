"""Which of several equal endpoints to ask: the first good one, with the bad ones left alone for a while.

An endpoint is left when it fails, falls behind, stands still or belongs to another chain, and is asked again after a
pause that doubles each time, or before where no other answers. One that asks for fewer requests is left alone even then.
Only host names are logged, since a path or a query may hold somebody's access key.
"""
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import RateLimitedError

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
# However long a node wants to be left alone, no longer are orders without any that tells what became of them.
LONGEST_QUIET = 30.0
LACK_PAUSE, LONGEST_LACK = 60.0, 3600.0
LIMITED_SECONDS = 600.0
# While one question tries an endpoint that had failed, others are not put to it: for as long as an answer may take.
TRIAL_SECONDS = 10.0


@dataclass(slots=True, eq=False)
class Endpoint:
    """One URL and what is known about it. `head` is the last block number that it told, `head_since` since when. A batch of
    more than `batch_limit` requests was refused, which counts until `limited_until`; 0 when none was. Until `retry_at` it is
    left alone, and while one question tries it again, until `trial_until`, by all others. Until `quiet_until` it wants fewer
    requests, and has given no other answer since `limited_since`. So often, one time after the other, it did not tell what it
    `lacks`, and `lags` far behind another one, which was seen last at `lagged_at`."""

    url: str
    host: str
    batch_limit: int = 0
    limited_until: float = 0.0
    chain_checked: bool = False
    failures: int = 0
    retry_at: float = 0.0
    trial_until: float = 0.0
    quiet_until: float = 0.0
    limited_since: float = math.inf
    trouble: str = ""
    head: int = -1
    head_since: float = 0.0
    lacks: int = 0
    lags: int = 0
    lagged_at: float = -math.inf

    @property
    def left_until(self) -> float:
        """Until when it is asked only where no other one answers."""
        return max(self.retry_at, self.trial_until)


def host_of(url: str) -> str:
    """The part of a URL that may be shown to anybody."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.hostname or 'an URL without a host'}{port}"


def websocket_url(rpc_url: str) -> str:
    """Where a node whose HTTP endpoint is known serves its WebSocket: the path /ws beside it."""
    parts = urlsplit(rpc_url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith("/ws") else path + "/ws", parts.query, ""))


# What keeps a stream from being opened. aiohttp asserts that there still is a connection which breaks just after the handshake.
CONNECT_ERRORS = aiohttp.ClientError, OSError, ValueError, AssertionError


def shown_error(error: Exception) -> str:
    """What an error of aiohttp says, without the URL that some of them quote. Such an error is the cause of no other one, either:
    Hummingbot logs causes."""
    if isinstance(error, AssertionError):
        return "the connection broke just after the handshake"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}: {error.status} {error.message}".strip()
    return type(error).__name__ if isinstance(error, aiohttp.InvalidURL) else f"{type(error).__name__}: {error}"


def _doubled(pause: float, times: int, longest: float) -> float:
    return float(min(longest, pause * 2.0 ** min(times - 1, 10)))


class EndpointPool:
    """The endpoints in the user's order of preference."""

    def __init__(self, urls: Sequence[str], clock: Clock, batch_limit: int) -> None:
        self._clock = clock
        self._batch_limit = batch_limit
        self.endpoints = [Endpoint(url, host_of(url)) for url in urls]
        self._current = self.endpoints[0]

    def choices(self, urgent: bool = False) -> list[Endpoint]:
        """The endpoints, the best to ask first: those that are not paused, then those whose pause ends first. Those that want
        fewer requests are among them for what is urgent alone."""
        now = self._clock.monotonic()
        there = [endpoint for endpoint in self.endpoints if urgent or endpoint.quiet_until <= now]
        good = [endpoint for endpoint in there if endpoint.left_until <= now]
        paused = sorted([endpoint for endpoint in there if endpoint.left_until > now], key=lambda item: item.left_until)
        if len(good) > 1 and good[0].failures:
            good[0].trial_until = now + TRIAL_SECONDS
        return good + paused

    @property
    def current(self) -> Endpoint:
        """The one that gave the last usable answer."""
        return self._current

    @property
    def comparable(self) -> list[Endpoint]:
        """The current one and, behind it, the others; without those that are left alone now."""
        now = self._clock.monotonic()
        return [endpoint for endpoint in (self._current, *self.others) if max(endpoint.left_until, endpoint.quiet_until) <= now]

    @property
    def others(self) -> list[Endpoint]:
        """All endpoints but the one that gave the last usable answer."""
        return [endpoint for endpoint in self.endpoints if endpoint is not self._current]

    @property
    def rate_limit(self) -> RateLimitedError | None:
        """Why no endpoint may be asked now; None where one may."""
        return self._limit(min(self.endpoints, key=lambda item: item.quiet_until))

    @property
    def passing_limit(self) -> RateLimitedError | None:
        """Why one of the endpoints may not be asked now that answered not long ago; None where there is none."""
        since = self._clock.monotonic() - LIMITED_SECONDS
        limited = [endpoint for endpoint in self.endpoints if endpoint.limited_since >= since]
        return self._limit(max(limited, key=lambda item: item.quiet_until)) if limited else None

    def _limit(self, endpoint: Endpoint) -> RateLimitedError | None:
        left = endpoint.quiet_until - self._clock.monotonic()
        if left <= 0:
            return None
        return RateLimitedError(f"{endpoint.host} asks for fewer requests; it is asked again in {left:.1f} s", left)

    def batch_limit(self, endpoint: Endpoint) -> int:
        """How many requests to ask at once."""
        if endpoint.batch_limit and self._clock.monotonic() < endpoint.limited_until:
            return endpoint.batch_limit
        return self._batch_limit

    def batch_refused(self, endpoint: Endpoint, size: int) -> None:
        """The endpoint does not take so many requests at once: half of them from now on, for a while."""
        endpoint.batch_limit = max(1, min(self.batch_limit(endpoint), size // 2))
        endpoint.limited_until = self._clock.monotonic() + LIMITED_SECONDS

    def failed(self, endpoint: Endpoint, trouble: str, pause: float | None = None) -> None:
        """Leave the endpoint alone for `pause` seconds, or for twice as long as the last time."""
        endpoint.chain_checked = False
        self._pause(endpoint, trouble, pause)

    def left(self, endpoint: Endpoint, trouble: str, lack: str | None) -> None:
        """The endpoint is in some trouble, or it lacks what every node should tell and may tell everything else: then it is left
        alone for a minute, or for twice as long as the last time."""
        if not lack:
            self.failed(endpoint, trouble)
            return
        if endpoint.retry_at <= self._clock.monotonic() or not endpoint.lacks:  # else it was asked within its pause
            endpoint.lacks += 1
        self.failed(endpoint, lack, _doubled(LACK_PAUSE, endpoint.lacks, LONGEST_LACK))

    def compared(self, endpoint: Endpoint, behind: int) -> None:
        """The endpoint is so many blocks `behind` another one; 0 where that is no trouble."""
        endpoint.lags = endpoint.lags + 1 if behind else 0
        if behind:
            endpoint.lagged_at = self._clock.monotonic()
            self.failed(endpoint, f"it is {behind} blocks behind", _doubled(LACK_PAUSE, endpoint.lags, LONGEST_LACK))

    def wants_fewer(self, endpoint: Endpoint, error: RateLimitedError) -> None:
        """Ask the endpoint nothing that is not urgent for as long as it wants, or a moment. Its chain is the same as before."""
        now = self._clock.monotonic()
        pause = FIRST_PAUSE if error.retry_after is None else min(error.retry_after, LONGEST_QUIET)
        endpoint.quiet_until, endpoint.limited_since = now + pause, min(now, endpoint.limited_since)
        self._pause(endpoint, str(error), error.retry_after)

    def _pause(self, endpoint: Endpoint, trouble: str, pause: float | None) -> None:
        endpoint.failures += 1
        endpoint.trouble = trouble
        doubled = _doubled(FIRST_PAUSE, endpoint.failures, LONGEST_PAUSE)
        endpoint.retry_at, endpoint.trial_until = self._clock.monotonic() + max(doubled, pause or 0.0), 0.0

    def worked(self, endpoint: Endpoint, tells_history: bool = False, asked_at: float = math.inf) -> None:
        """The endpoint gave a usable answer; `tells_history`: to a question for logs or receipts, put to it at `asked_at`."""
        if asked_at <= endpoint.lagged_at:
            return  # it is no sign that it has caught up
        logger = logging.getLogger(__name__)
        if self._current.trouble and endpoint is not self._current:
            logger.warning("The node %s is left for %s: %s", self._current.host, endpoint.host, self._current.trouble)
            self._current = endpoint
        elif self.endpoints.index(endpoint) < self.endpoints.index(self._current):  # else it answers late what was asked before
            logger.warning("The node %s is asked again instead of %s", endpoint.host, self._current.host)
            self._current = endpoint
        endpoint.failures, endpoint.retry_at, endpoint.trial_until, endpoint.trouble = 0, 0.0, 0.0, ""
        endpoint.limited_since = math.inf
        if tells_history:
            endpoint.lacks = 0
