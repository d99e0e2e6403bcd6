"""The simulated network between a connector and its servers: Hummingbot's connections end here instead of in a socket.

Every request and every frame takes a random while, so they overtake each other where they may; and by the weather they are
refused, lost on the way there or back, handled twice, cut short, or answered by something in between that is no exchange.
What was sent is on its way even if the sender is killed.
"""
import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_reqrep import ConnectionKey

from hummingbot.core.web_assistant.connections.rest_connection import RESTConnection
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection
from simulation.loop import Process, VirtualLoop, current_process
from simulation.server import Answer, AnswerLost, Client, Endpoints, ServedStream
from simulation.trace import Trace

FOR_EVER = 1e6
BROKEN = {
    "http_500": Answer(500, b'{"error": "Internal Server Error"}'),
    "http_502": Answer(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    "http_429": Answer(429, b'{"error": "Too Many Requests"}'),
    "http_427": Answer(427, b'{"error": "rate limit exceeded"}'),
    "portal": Answer(200, b"<html><body>Please log in to this network.</body></html>"),
    "empty": Answer(200, b""),
}
# What may happen to a request, beside the answers in BROKEN.
ACCIDENTS = ("refused", "lost", "answer_lost", "broken_off", "cut", "twice", "unsure", "mistyped", "nulls", *BROKEN)


@dataclass
class Weather:
    """How the way to one kind of server is: a range of seconds for each direction, and accidents with their probabilities."""

    fastest: float = 0.01
    slowest: float = 0.05
    accidents: dict[str, float] = field(default_factory=dict)

    def delay(self, random: Random) -> float:
        """How long the next thing is on its way. Mostly near the fastest, now and then near the slowest."""
        return self.fastest + (self.slowest - self.fastest) * random.random() ** 3

    def accident(self, random: Random) -> str | None:
        """What happens to the next request."""
        if self.accidents:
            chance = random.random()
            for kind, share in self.accidents.items():
                chance -= share
                if chance < 0:
                    return kind
        return None


class Network:
    """All connections. `weather` is by kind of server: rpc, rest, stream. `requests` are the times of HTTP requests, `connects`
    those of attempts to open a stream. Behind the node's URL a `share` of the requests is answered by another node, which is
    `behind` by some blocks."""

    def __init__(self, loop: VirtualLoop, endpoints: Endpoints, random: Random, trace: Trace) -> None:
        self.weather = {"rpc": Weather(), "rest": Weather(), "stream": Weather()}
        self.requests: deque[float] = deque()
        self.connects: deque[float] = deque()
        self.behind, self.share = 0, 0.0
        self.sent: Callable[[bytes], None] = lambda body: None
        self.answered: Callable[[bytes, bytes], None] = lambda body, answer: None
        self.took: Callable[[bytes], None] = lambda body: None
        self._loop = loop
        self._endpoints = endpoints
        self._random = random
        self._trace = trace

    async def request(self, method: str, url: str, data: Any = None, **_: Any) -> "ServedResponse":
        """As aiohttp's session has it."""
        answer = self._loop.create_future()
        self._loop.outside(self._send, method, url, data, answer)
        response: ServedResponse = await answer
        return response

    async def ws_connect(self, url: str, **_: Any) -> "ClientStream":
        """As aiohttp's session has it."""
        opened = self._loop.create_future()
        self._loop.outside(self._connect, url, current_process(), opened)
        stream: ClientStream = await opened
        return stream

    # Requests

    def _send(self, method: str, url: str, data: bytes | None, answer: "asyncio.Future[Any]") -> None:
        kind = "rpc" if method == "POST" else "rest"
        weather = self.weather[kind]
        accident = weather.accident(self._random)
        path = urlsplit(url).path
        self._trace.note("asks", kind, path if data is None else data, accident)
        self.requests.append(self._loop.time())
        if data is not None:
            self.sent(data)
        handle = partial(self._asked, data) if data is not None else partial(self._endpoints.rest, path)
        there, back = weather.delay(self._random), weather.delay(self._random)
        if accident == "refused":
            self._loop.call_later(there, _fail, answer, _refused(url))
        elif accident in BROKEN:
            self._loop.call_later(there + back, _settle, answer, ServedResponse(method, url, BROKEN[accident]))
        elif accident != "lost":
            self._loop.call_later(there, self._arrive, method, url, data, handle, accident, back, answer)
        if accident == "twice" or (accident in BROKEN and data is not None and self._random.random() < 0.5):
            self._loop.call_later(there + back, self._arrive, method, url, data, handle, None, FOR_EVER,
                                  self._loop.create_future())

    def _asked(self, body: bytes) -> Answer:
        behind = self.behind if self.behind and self._random.random() < self.share else 0
        try:
            told = self._endpoints.rpc(body, behind)
        except AnswerLost:
            self.took(body)
            raise
        self.answered(body, told.body)
        return told

    def _arrive(self, method: str, url: str, data: bytes | None, handle: Callable[[], Answer], accident: str | None, back: float,
                answer: "asyncio.Future[Any]") -> None:
        try:
            told = handle()
        except AnswerLost:
            accident, told = "answer_lost", Answer(200, b"")
        self._trace.note("told", told.status, told.body)
        if back >= FOR_EVER:
            return
        if accident == "answer_lost":
            if self._random.random() < 0.5:  # the connection is closed, or nothing is ever heard of it
                self._loop.call_later(back, _fail, answer, aiohttp.ServerDisconnectedError())
            return
        faults = self._endpoints.sandbox.faults
        if accident == "unsure" and b"eth_sendRawTransaction" in (data or b""):
            told = Answer(200, _unsure(told.body))
        if accident in ("mistyped", "nulls"):
            told = Answer(told.status, faults.altered("wrong_types" if accident == "mistyped" else "null", told.body,
                                                      method == "POST"))
        response = ServedResponse(method, url, told)
        if accident == "cut":
            response.cut(len(told.body) // 2, None)
        elif accident == "broken_off":
            response.cut(len(told.body) // 2, aiohttp.ClientPayloadError("the connection broke"))
        self._loop.call_later(back, _settle, answer, response)

    # Streams

    def _connect(self, url: str, process: Process | None, opened: "asyncio.Future[Any]") -> None:
        weather = self.weather["stream"]
        accident = weather.accident(self._random)
        self._trace.note("connects", url, accident)
        self.connects.append(self._loop.time())
        if accident in ("lost", "answer_lost"):
            return
        if accident is not None or self._endpoints.refuses(url):
            self._loop.call_later(weather.delay(self._random), _fail, opened, _refused(url))
            return

        def open_it() -> None:
            stream = ClientStream(self._loop, weather, self._random, self._trace, process)
            stream.served = self._endpoints.stream(url, Client(stream.told, stream.ended, self._loop.call_later))
            self._loop.call_later(weather.delay(self._random), _settle, opened, stream)

        self._loop.call_later(weather.delay(self._random), open_it)


class ClientStream:
    """A client's end of a WebSocket, as aiohttp has it. Frames arrive in their order, each after a while."""

    served: ServedStream

    def __init__(self, loop: VirtualLoop, weather: Weather, random: Random, trace: Trace, process: Process | None) -> None:
        self.closed = False
        self.close_code: int | None = None
        self._loop = loop
        self._weather = weather
        self._random = random
        self._trace = trace
        self._process = process
        self._messages: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()
        self._last_there = self._last_back = 0.0

    # The server's side

    def told(self, text: str) -> None:
        """The server sent a frame."""
        if self._process is not None and self._process.dead:
            self.served.close(1006)
            return
        self._trace.note("frame", text)
        self._last_back = max(self._last_back, self._loop.time() + self._weather.delay(self._random))
        message = aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None)
        self._loop.call_at(self._last_back, self._messages.put_nowait, message)

    def ended(self, code: int) -> None:
        """The server closed the connection."""
        self._trace.note("closed", code)
        self.close_code = code
        message = aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None)
        self._loop.call_at(max(self._last_back, self._loop.time()), self._messages.put_nowait, message)

    # The client's side

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:
        """The next frame."""
        return await asyncio.wait_for(self._messages.get(), timeout)

    async def send_str(self, text: str) -> None:
        """Send a frame."""
        if self.closed:
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
        self._loop.outside(self._send, text)

    async def send_json(self, value: Any) -> None:
        """Send a JSON value."""
        await self.send_str(aiohttp.typedefs.DEFAULT_JSON_ENCODER(value))

    async def ping(self, message: bytes = b"") -> None:
        """Nothing is heard back that anybody looks at."""

    async def pong(self, message: bytes = b"") -> None:
        """Nobody waits for it."""

    async def close(self, **_: Any) -> bool:
        """End the connection."""
        if not self.closed:
            self.closed = True
            self._loop.outside(self.served.close, 1000)
        return True

    def _send(self, text: str) -> None:
        self._trace.note("says", text)
        self._last_there = max(self._last_there, self._loop.time() + self._weather.delay(self._random))
        self._loop.call_at(self._last_there, self.served.receive, text)


class ServedResponse:
    """An answer as aiohttp has it."""

    def __init__(self, method: str, url: str, answer: Answer) -> None:
        self.method = method
        self.url = url
        self.status = answer.status
        self.headers: Mapping[str, str] = {"Content-Type": "application/json"}
        self.content = SimpleNamespace(iter_any=self._iter)
        self._body = answer.body
        self._error: Exception | None = None

    def cut(self, size: int, error: Exception | None) -> None:
        """Only so much of the body arrives, and then an error or the end."""
        self._body, self._error = self._body[:size], error

    async def _iter(self) -> AsyncIterator[bytes]:
        if self._body:
            yield self._body
        if self._error is not None:
            raise self._error

    def release(self) -> None:
        """See aiohttp.ClientResponse."""

    def close(self) -> None:
        """See aiohttp.ClientResponse."""


class SimulatedConnections:
    """Hummingbot's connections factory, over the simulated network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def get_rest_connection(self) -> RESTConnection:
        """See ConnectionsFactory."""
        return RESTConnection(self._network)  # type: ignore[arg-type]

    async def get_ws_connection(self) -> WSConnection:
        """See ConnectionsFactory."""
        return WSConnection(self._network)  # type: ignore[arg-type]

    async def close(self) -> None:
        """There is nothing to close."""


def _settle(future: "asyncio.Future[Any]", value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _unsure(body: bytes) -> bytes:
    """The answer to transactions of something between that handed them on, and gave up waiting."""
    answers = json.loads(body)
    for told in answers if isinstance(answers, list) else [answers]:
        if told.pop("result", None) is not None:
            told["error"] = {"code": -32603, "message": "upstream request timeout"}
    return json.dumps(answers).encode()


def _refused(url: str) -> aiohttp.ClientConnectorError:
    host = urlsplit(url).hostname or ""
    return aiohttp.ClientConnectorError(ConnectionKey(host, 80, False, True, None, None, None),
                                        ConnectionRefusedError(111, "Connection refused"))
