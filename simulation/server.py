"""The sandbox without sockets: request bodies become answers by a call, and the streams of the node and of the exchange by
frames that are handed over."""
import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.api import Api, ExchangeInfo
from hummingbot.connector.exchange.standard.sandbox.api_base import Handler, Problem
from hummingbot.connector.exchange.standard.sandbox.rpc_methods import AnswerLost
from hummingbot.connector.exchange.standard.sandbox.rpc_stream import RPC_STREAM_PATH, RpcSpeaker
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.stream import CHANNELS_PATH, SPOT_PATH
from hummingbot.connector.exchange.standard.sandbox.stream_connection import (
    TOO_MANY_REQUESTS,
    Layout,
    Speaker,
    StreamConnection,
    StreamSettings,
)
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults

__all__ = ["Answer", "AnswerLost", "Endpoints", "ServedStream"]


class Answer(NamedTuple):
    """What a server says to a request."""

    status: int
    body: bytes


class _ApiRequest(NamedTuple):
    """As much of a web request as the API's handlers look at."""

    match_info: Mapping[str, str]
    query: Mapping[str, str]


class Client(NamedTuple):
    """The other end of a WebSocket: what takes a frame, what hears that it was closed, and what calls something later."""

    deliver: Callable[[str], None]
    closed: Callable[[int], None]
    later: Callable[[float, Callable[[], None]], object]


class ServedStream(StreamConnection):
    """The server's end of a WebSocket: texts go to the client at once, delays are the network's business."""

    def __init__(self, faults: StreamFaults, clock: Clock, random: Random, client: Client) -> None:
        super().__init__(None, faults, StreamSettings(), clock, random)  # type: ignore[arg-type]
        self._client = client
        self._speaker: Speaker | None = None

    def open(self, speaker: Speaker) -> None:
        """From now on requests are answered, news told and heartbeats sent."""
        self._speaker = speaker
        self._client.later(self._settings.heartbeat_seconds, self._beat)

    def receive(self, text: str) -> None:
        """A frame of the client has arrived."""
        if self._speaker is None:
            return
        if self._is_too_fast():
            self.close(TOO_MANY_REQUESTS)
        elif not (self._faults.silent or self._faults.ignore_requests):
            self._speaker.receive(text)

    def _beat(self) -> None:
        if self._speaker is not None:
            self._speaker.heartbeat()
            self._client.later(self._settings.heartbeat_seconds, self._beat)

    def close(self, code: int, reason: str = "") -> None:
        """See StreamConnection.close."""
        if self._speaker is not None:
            speaker, self._speaker = self._speaker, None
            speaker.closed()
            self._client.closed(code)

    def _put(self, text: str | bytes) -> None:
        if self._faults.close_code:
            self.close(self._faults.close_code)
        elif self._speaker is not None:
            self._client.deliver(text if isinstance(text, str) else text.decode())


class Endpoints:
    """A sandbox's JSON-RPC, REST API and streams, answered in process; those of the exchange only if they are `offered`."""

    def __init__(self, settings: SandboxSettings, clock: Clock, offered: bool) -> None:
        self.sandbox = Sandbox(settings, clock)
        self._clock = clock
        self._random = Random(settings.seed)
        faults = self.sandbox.faults
        self._streams: dict[str, StreamFaults] = {RPC_STREAM_PATH: faults.node_stream}
        if offered:
            self._streams |= {CHANNELS_PATH: faults.stream, SPOT_PATH: faults.stream}
        api = Api(self.sandbox.indexer, settings.api, ExchangeInfo(self.sandbox.view.factory()))
        self._routes = [(_pattern(path), handler) for path, handler in api.routes()]
        self._found: dict[str, tuple[Handler, _ApiRequest] | None] = {}

    def rpc(self, body: bytes, behind: int = 0) -> Answer:
        """Answer a JSON-RPC request, from so many blocks behind. Raises AnswerLost when the node has it and says nothing."""
        faults = self.sandbox.node.faults
        usual, faults.blocks_behind = faults.blocks_behind, max(faults.blocks_behind, behind)
        try:
            return Answer(200, self.sandbox.json_rpc.answer_bytes(body))
        finally:
            faults.blocks_behind = usual

    def rest(self, path: str) -> Answer:
        """Answer a GET request of the API."""
        if path not in self._found:
            self._found[path] = self._find(path)
        found = self._found[path]
        if found is None:
            return Answer(404, b'{"error": "Not found"}')
        self.sandbox.indexer.advance()
        try:
            status, body = 200, found[0](found[1])  # type: ignore[arg-type]
        except Problem as problem:
            status, body = problem.status, problem.body
        return Answer(status, json.dumps(body).encode())

    def refuses(self, url: str) -> bool:
        """Whether no WebSocket is opened there now."""
        path = urlsplit(url).path
        return path not in self._streams or self._streams[path].refuse

    def stream(self, url: str, client: Client) -> ServedStream:
        """Open a WebSocket to the node or to the exchange."""
        parts, sandbox = urlsplit(url), self.sandbox
        stream = ServedStream(self._streams[parts.path], self._clock, self._random, client)
        if parts.path == RPC_STREAM_PATH:
            stream.open(RpcSpeaker(stream, sandbox.json_rpc, self._random, lambda: sandbox.rpc_stream.heads_first))
        elif parts.path == CHANNELS_PATH:
            stream.open(sandbox.streams.channels.speaker(stream))
        else:
            stream.open(sandbox.streams.spot.speaker(stream, Layout(dict(parse_qsl(parts.query))["layout"])))
        return stream

    def _find(self, path: str) -> tuple[Handler, _ApiRequest] | None:
        parts = urlsplit(path)
        for pattern, handler in self._routes:
            match = pattern.fullmatch(parts.path)
            if match:
                return handler, _ApiRequest(match.groupdict(), dict(parse_qsl(parts.query)))
        return None


def _pattern(path: str) -> "re.Pattern[str]":
    """A route's pattern as aiohttp understands it: {name}, or {name:expression}."""
    return re.compile(re.sub(r"\{(\w+)(?::([^}]+))?\}", lambda found: f"(?P<{found[1]}>{found[2] or '[^/]+'})", path))
