"""JSON-RPC over a WebSocket: requests matched by id, and what a node pushes to subscriptions (docs/protocol.md, "Chain
behaviour and gas"), on top of Hummingbot's WebSocket assistants."""
import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp

from hummingbot.connector.exchange.standard.chain.endpoints import CONNECT_ERRORS, shown_error
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError, RpcError
from hummingbot.core.web_assistant.connections.data_types import WSJSONRequest, WSRequest, WSResponse

PING_SECONDS = 30.0
TIMEOUT = 10.0
CLOSE_TIMEOUT = 0.2
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
MAX_WAITING = 20_000
MALFORMED_LIMIT = 10
MALFORMED_WINDOW = 60.0


class Notification(NamedTuple):
    """What the node told one of the subscriptions."""

    subscription: str
    result: Any


class Assistant(Protocol):
    """What is used of Hummingbot's WSAssistant."""

    async def connect(self, ws_url: str, *, ping_timeout: float, max_msg_size: int | None) -> None:
        """Open the connection; a ping goes out every `ping_timeout` seconds and must be answered."""

    async def send(self, request: WSRequest) -> None:
        """Send one frame."""

    async def receive(self) -> WSResponse | None:
        """The next frame, parsed when it is JSON; None once the connection was given up from here."""

    async def disconnect(self) -> None:
        """Close the connection."""


class WsRpcClient:
    """One connection to one node. Once anything breaks it stays broken: every call raises ApiUnavailableError then.

    Notifications wait in the order of their arrival; one that is not fetched in time breaks the connection, since what is
    so far behind is worth nothing. `malformed` counts messages that made no sense; a burst of them breaks it too.
    """

    def __init__(self, assistant: Assistant, url: str, clock: Clock, timeout: float = TIMEOUT) -> None:
        """`timeout` is the deadline in seconds for connecting and for each request."""
        self._assistant = assistant
        self._url = url
        self._host = urlsplit(url).hostname or url
        self._clock = clock
        self._timeout = timeout
        self._last_id = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._waiting: deque[Notification] = deque()
        self._arrived = asyncio.Event()
        self._malformed_at: deque[float] = deque()
        self._broken: ApiUnavailableError | None = None
        self._reader: asyncio.Task[None] | None = None
        self.malformed = 0

    async def open(self) -> None:
        """Connect. Raises ApiUnavailableError."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._assistant.connect(self._url, ping_timeout=PING_SECONDS, max_msg_size=MAX_MESSAGE_BYTES)
        except TimeoutError:
            raise ApiUnavailableError(f"{self._host} does not answer within {self._timeout:g} s") from None
        except CONNECT_ERRORS as error:
            raise ApiUnavailableError(f"{self._host}: {shown_error(error)}") from None
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def close(self) -> None:
        """End the connection, also when whoever waits for that is cancelled; the node may take a moment, not longer."""
        try:
            if self._reader is not None:
                self._reader.cancel()
                await asyncio.gather(self._reader, return_exceptions=True)
        finally:
            self._break(ApiUnavailableError(f"the connection to {self._host} was closed"))
            with suppress(TimeoutError, aiohttp.ClientError, OSError):  # it is given up anyway
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._assistant.disconnect()

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one request. Raises RpcError when the node answers with an error."""
        if self._broken is not None:
            raise self._broken
        self._last_id += 1
        identity = self._last_id
        answer = self._answers[identity] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout):
                await self._assistant.send(WSJSONRequest(payload={"jsonrpc": "2.0", "id": identity, "method": method,
                                                                  "params": list(params)}))
                return await answer
        except TimeoutError:
            raise ApiUnavailableError(f"{self._host} does not answer {method} within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise ApiUnavailableError(f"{self._host}: {shown_error(error)}") from None
        finally:
            self._answers.pop(identity, None)

    async def subscribe(self, *params: Any) -> str:
        """Ask for notifications; returns the subscription's id once the node has acknowledged it."""
        identity = await self.call("eth_subscribe", *params)
        if not isinstance(identity, str):
            raise BadDataError(f"{self._host} answered eth_subscribe with {str(identity)[:60]}")
        return identity

    async def notification(self) -> Notification:
        """The next notification, in the order of arrival. Raises ApiUnavailableError once the connection is broken."""
        while not self._waiting:
            if self._broken is not None:
                raise self._broken
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    @property
    def waiting(self) -> int:
        """How many notifications have arrived that nobody has fetched."""
        return len(self._waiting)

    def count_malformed(self) -> None:
        """Note a message that made no sense; a burst of them breaks the connection."""
        self.malformed += 1
        now = self._clock.monotonic()
        self._malformed_at.append(now)
        while self._malformed_at[0] < now - MALFORMED_WINDOW:
            self._malformed_at.popleft()
        if len(self._malformed_at) >= MALFORMED_LIMIT:
            self._break(BadDataError(f"{self._host} sent {MALFORMED_LIMIT} malformed messages within a minute"))

    async def _read(self) -> None:
        try:
            while self._broken is None:
                try:
                    response = await self._assistant.receive()
                except (ValueError, RecursionError):
                    # What Hummingbot's JSON parser does not catch itself: absurdly long numbers, for one.
                    self.count_malformed()
                    continue
                if response is None:
                    raise ConnectionError("the connection was given up")
                self._take(response.data)
        except (aiohttp.ClientError, aiohttp.WebSocketError, OSError, RuntimeError, TypeError) as error:
            self._break(ApiUnavailableError(f"the connection to {self._host} broke: {error}"))

    def _take(self, data: Any) -> None:
        if isinstance(data, bytes):
            try:
                data = json.loads(data)
            except (ValueError, RecursionError):
                data = None
        for message in data if isinstance(data, list) else [data]:
            if not self._dispatch(message):
                self.count_malformed()

    def _dispatch(self, message: Any) -> bool:
        """Hand a message to whom it is for; whether it made sense."""
        if not isinstance(message, dict):
            return False
        if message.get("method") == "eth_subscription":
            params = message.get("params")
            if not isinstance(params, dict) or not isinstance(params.get("subscription"), str) or "result" not in params:
                return False
            self._waiting.append(Notification(params["subscription"], params["result"]))
            if len(self._waiting) > MAX_WAITING:
                self._break(ApiUnavailableError(f"more than {MAX_WAITING} notifications wait: the stream is not kept up with"))
            self._arrived.set()
            return True
        identity = message.get("id")
        if not isinstance(identity, int) or ("result" not in message and "error" not in message):
            return False
        answer = self._answers.get(identity)
        if answer is not None and not answer.done():
            error = message.get("error")
            if error is None:
                answer.set_result(message.get("result"))
            else:
                answer.set_exception(_rpc_error(error))
        return True

    def _break(self, error: ApiUnavailableError) -> None:
        if self._broken is None:
            self._broken = error
            self._waiting.clear()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        self._arrived.set()


def _rpc_error(error: Any) -> RpcError:
    if not isinstance(error, dict):
        return RpcError("request", 0, str(error)[:300])
    code = error.get("code")
    words = "".join([character if character.isprintable() else " " for character in str(error.get("message", ""))[:300]])
    return RpcError("request", code if isinstance(code, int) else 0, words, error.get("data"))
