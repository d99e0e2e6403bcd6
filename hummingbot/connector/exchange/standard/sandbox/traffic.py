"""What clients ask of the sandbox over HTTP, counted for people to see."""
from collections import deque
from enum import StrEnum

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hummingbot.connector.exchange.standard.clock import Clock

WINDOW_SECONDS = 10.0


class Interface(StrEnum):
    """Where requests go. A JSON-RPC batch is one request, as it is to a provider's rate limit."""

    RPC = "JSON-RPC"
    REST = "REST API"


def is_looking(request: web.Request) -> bool:
    """Whether a request comes from somebody who looks at the sandbox or throws its switches, and not from a client of the
    exchange: such requests are never broken by a fault and never counted."""
    is_page = request.path == "/" and request.method == "GET" and "Upgrade" not in request.headers
    return is_page or request.path.startswith(("/admin/", "/page/"))


class Traffic:
    """Counts requests by their interface over the last ten seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: dict[Interface, deque[float]] = {interface: deque() for interface in Interface}
        self._last: dict[Interface, float] = {}

    def middleware(self) -> Middleware:
        """What counts the requests to an aiohttp app."""
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith("/api/"):
                self._count(Interface.REST)
            elif request.path == "/" and request.method == "POST":
                self._count(Interface.RPC)
            return await handler(request)
        return count

    def _count(self, interface: Interface) -> None:
        now = self._last[interface] = self._clock.monotonic()
        self._recent(interface, now).append(now)

    def _recent(self, interface: Interface, now: float) -> deque[float]:
        times = self._times[interface]
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        return times

    def per_second(self, interface: Interface) -> float:
        """Requests per second, over the last ten seconds."""
        return len(self._recent(interface, self._clock.monotonic())) / WINDOW_SECONDS

    def age(self, interface: Interface) -> float | None:
        """Seconds since the last request; None before the first."""
        last = self._last.get(interface)
        return None if last is None else self._clock.monotonic() - last
