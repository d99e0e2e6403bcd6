"""JSON-RPC over WebSocket: every method of the HTTP face, and subscriptions to new heads and logs."""
import json
from collections.abc import Callable
from random import Random
from typing import Any

from aiohttp import web

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.blocks import LogFilter
from hummingbot.connector.exchange.standard.sandbox.node import BlockAdded, BlockRemoved, NodeEvent
from hummingbot.connector.exchange.standard.sandbox.rpc import JsonRpc
from hummingbot.connector.exchange.standard.sandbox.rpc_methods import AnswerLost
from hummingbot.connector.exchange.standard.sandbox.rpc_values import (
    INVALID_PARAMS,
    Json,
    RpcFailure,
    block_json,
    log_filter,
    log_json,
)
from hummingbot.connector.exchange.standard.sandbox.stream_connection import (
    GOING_AWAY,
    MAX_REQUEST_BYTES,
    StreamConnection,
    StreamSettings,
)
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults

RPC_STREAM_PATH = "/ws"

Collect = Callable[[NodeEvent], list[Json]]


class RpcStream:
    """All WebSocket connections to a node. `faults` apply to them alone; `heads_first` tells a block before its logs, as
    some nodes do, instead of after them."""

    def __init__(self, rpc: JsonRpc, faults: StreamFaults, clock: Clock, seed: int = 0) -> None:
        self.connections: set[StreamConnection] = set()
        self.heads_first = False
        self._rpc = rpc
        self._faults = faults
        self._clock = clock
        self._random = Random(seed)
        # A node asks nothing of its clients, and a batch of questions is one request.
        self._settings = StreamSettings(heartbeat_seconds=3600.0, client_silence_seconds=3600.0, requests_per_second=1_000,
                                        queued_messages=10_000)

    def mount(self, app: web.Application) -> None:
        """Serve /ws; whoever asks for an upgrade at the root is served by `serve`, too."""
        app.router.add_get(RPC_STREAM_PATH, self.serve)
        app.on_shutdown.append(self._shut_down)

    def close(self, code: int = GOING_AWAY, reason: str = "") -> None:
        """End every connection there is."""
        for connection in self.connections:
            connection.close(code, reason)

    async def _shut_down(self, _: web.Application) -> None:
        self.close(reason="the sandbox stops")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its handshake to its end."""
        if self._faults.refuse:
            return web.json_response({"error": "no streams now"}, status=503)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=MAX_REQUEST_BYTES, timeout=1.0)
        if not socket.can_prepare(request):
            return web.json_response({"error": "JSON-RPC takes POST, or a WebSocket"}, status=426)
        await socket.prepare(request)
        connection = StreamConnection(socket, self._faults, self._settings, self._clock, self._random)
        self.connections.add(connection)
        try:
            await connection.run(RpcSpeaker(connection, self._rpc, self._random, lambda: self.heads_first))
        finally:
            self.connections.discard(connection)
        return socket


class RpcSpeaker:
    """One client: answers its requests and tells it what it subscribed to."""

    def __init__(self, connection: StreamConnection, rpc: JsonRpc, random: Random, heads_first: Callable[[], bool]) -> None:
        self._connection = connection
        self._rpc = rpc
        self._random = random
        self._heads_first = heads_first
        self._heads: dict[str, Collect] = {}
        self._logs: dict[str, Collect] = {}
        self._unsubscribe = rpc.node.subscribe(self._heard)

    def receive(self, text: str) -> None:
        """See Speaker.receive. Subscriptions begin with the block after their acknowledgement."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        if isinstance(request, dict) and request.get("method") in ("eth_subscribe", "eth_unsubscribe"):
            self._connection.answer(self._manage(request))
            return
        try:
            answer = self._rpc.answer_bytes(text.encode())
        except AnswerLost:
            return
        if answer:
            self._connection.answer(answer.decode())

    def heartbeat(self) -> None:
        """See Speaker.heartbeat: a node shows life by its blocks."""

    @property
    def subscriptions(self) -> list[str]:
        """See Speaker.subscriptions."""
        return ["newHeads"] * len(self._heads) + ["logs"] * len(self._logs)

    def closed(self) -> None:
        """See Speaker.closed."""
        self._unsubscribe()

    def _manage(self, request: Json) -> Json:
        answer: Json = {"jsonrpc": "2.0", "id": request.get("id")}
        parameters = request.get("params")
        try:
            if not isinstance(parameters, list) or not parameters:
                raise RpcFailure(INVALID_PARAMS, "missing value for required argument 0")
            answer["result"] = (self._subscribe(parameters) if request["method"] == "eth_subscribe"
                                else self._end(str(parameters[0])))
        except RpcFailure as failure:
            answer["error"] = failure.as_json()
        return answer

    def _subscribe(self, parameters: list[Any]) -> str:
        identity = hex(self._random.getrandbits(128) | 1 << 127)
        if parameters[0] == "newHeads":
            self._heads[identity] = _heads
        elif parameters[0] == "logs":
            criteria = parameters[1] if len(parameters) > 1 else {}
            if not isinstance(criteria, dict):
                raise RpcFailure(INVALID_PARAMS, "invalid argument 1: not an object")
            self._logs[identity] = _logs(log_filter(criteria))
        else:
            raise RpcFailure(INVALID_PARAMS, f"no \"{parameters[0]}\" subscription in eth namespace")
        return identity

    def _end(self, identity: str) -> bool:
        if self._heads.pop(identity, None) is None and self._logs.pop(identity, None) is None:
            raise RpcFailure(INVALID_PARAMS, "subscription not found")
        return True

    def _heard(self, event: NodeEvent) -> None:
        groups = (self._heads, self._logs) if self._heads_first() else (self._logs, self._heads)
        for group in groups:
            for identity, collect in group.items():
                for result in collect(event):
                    self._connection.data({"jsonrpc": "2.0", "method": "eth_subscription",
                                           "params": {"subscription": identity, "result": result}})


def _heads(event: NodeEvent) -> list[Json]:
    if not isinstance(event, BlockAdded):
        return []
    head = block_json(event.block, full=False)
    for name in ("transactions", "uncles", "totalDifficulty", "size"):
        del head[name]
    return [head]


def _logs(wanted: LogFilter) -> Collect:
    """Logs of new blocks in order; those of removed ones the last first, marked as removed."""
    def collect(event: NodeEvent) -> list[Json]:
        if isinstance(event, BlockAdded):
            return [log_json(entry) for entry in wanted.select(event.block)]
        if isinstance(event, BlockRemoved):
            return [log_json(entry, removed=True) for entry in reversed(list(wanted.select(event.block)))]
        return []
    return collect
