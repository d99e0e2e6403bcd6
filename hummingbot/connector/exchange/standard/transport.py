"""HTTP as something passed in: bytes out, bytes in, a deadline for the whole exchange, a cap on the answer's size."""
from collections.abc import Mapping
from typing import NamedTuple, Protocol


class HttpAnswer(NamedTuple):
    """Status, headers (names in lower case) and the whole body of an HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport(Protocol):
    """What the REST and JSON-RPC clients need of HTTP."""

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        """Send and read the whole answer within `timeout` seconds; any HTTP status is an answer.

        A body is JSON. Raises ApiUnavailableError when there is no whole answer: not reachable, connection lost,
        deadline passed, or more bytes than the connector accepts.
        """
