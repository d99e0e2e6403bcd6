"""HTTP as something passed in: bytes out, bytes in, a deadline for the whole exchange, a cap on the answer's size."""
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

LONGEST_RETRY_AFTER = 3600.0


class HttpAnswer(NamedTuple):
    """Status, headers (names in lower case) and the whole body of an HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """The pause in seconds that the answer asks for, if it does: an hour at most."""
        text = self.headers.get("retry-after", "")
        return min(float(text), LONGEST_RETRY_AFTER) if text.isascii() and text.isdigit() else None


def nothing() -> None:
    """A request may leave whenever its turn comes."""


class HttpTransport(Protocol):
    """What the REST and JSON-RPC clients need of HTTP."""

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float,
                      begin: Callable[[], None] = nothing) -> HttpAnswer:
        """Send and read the whole answer within `timeout` seconds; any HTTP status is an answer. `begin` is called when the
        request's turn has come; what it raises ends it.

        A body is JSON. Raises ApiUnavailableError when there is no whole answer: not reachable, connection lost,
        deadline passed, or more bytes than the connector accepts.
        """
