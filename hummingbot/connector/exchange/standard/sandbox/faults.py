"""Faults on demand: what an HTTP server does wrong, as rules that may change while it runs, and the node's own switches."""
import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.indexer import IndexerSettings
from hummingbot.connector.exchange.standard.sandbox.node import NodeFaults
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults
from hummingbot.connector.exchange.standard.sandbox.traffic import is_looking

_BAD_GATEWAY = ("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center>"
                "</body></html>")
_REMEMBERED_ANSWERS = 512
_INDEXER_SWITCHES = ["lag_seconds", "lag_blocks", "paused", "missing_orders", "missing_trades"]
_CHUNK = 64 * 1024


class Kind(StrEnum):
    """What goes wrong with an HTTP exchange."""

    LATENCY = "latency"  # the request is handled `seconds` late
    REFUSED = "refused"  # the connection is closed without an answer and without handling the request
    LOST = "lost"  # the request is handled, its answer never sent
    RESET = "reset"  # the connection breaks in the middle of the answer
    TIMEOUT = "timeout"  # nothing is answered for `seconds`, then the connection is closed
    STATUS = "status"  # an HTTP error: `status`, with Retry-After when `retry_after` is set; 502 has an HTML body
    TRUNCATED = "truncated"  # the JSON ends in the middle
    WRONG_TYPES = "wrong_types"  # numbers become texts, texts become numbers, lists become objects, here and there
    NAN = "nan"  # numbers become NaN, texts of RPC results become "NaN"
    NULL = "null"  # values become null
    EMPTY_LISTS = "empty_lists"
    STALE = "stale"  # what the same request was answered before the rule was there
    DRIP = "drip"  # the answer comes a few bytes at a time, over `seconds`
    HUGE = "huge"  # the answer is preceded by `size` bytes of white space


class Target(StrEnum):
    """Which interface a rule applies to."""

    REST = "rest"
    RPC = "rpc"
    ALL = "all"


@dataclass
class HttpFault:
    """One rule. It applies to matching requests with `probability`, after the first `skip` of them, `count` times at most,
    and, with `above_per_second`, only to those beyond so many within a second.

    `path` is a pattern for REST paths (like /api/orders/*), `method` one for JSON-RPC methods (like eth_send*); a batch
    matches when one of its requests does. Times are in seconds, sizes in bytes.
    """

    kind: Kind
    target: Target = Target.ALL
    path: str = "*"
    method: str = "*"
    above_per_second: float | None = None
    probability: float = 1.0
    count: int | None = None
    skip: int = 0
    seconds: float = 1.0
    status: int = 500
    retry_after: float | None = None
    size: int = 64 * 1024 * 1024
    hits: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for values that make no sense."""
        self.kind, self.target = Kind(self.kind), Target(self.target)
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in ("kind", "target", "path", "method"):
                if not isinstance(value, str):
                    raise ValueError(f"{entry.name} must be a text")
            elif value is None and entry.name in ("count", "retry_after", "above_per_second"):
                continue
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != value:
                raise ValueError(f"{entry.name} must be a number, at least 0")
        if self.probability > 1:
            raise ValueError("probability must be between 0 and 1")
        if not 400 <= self.status <= 599:
            raise ValueError("status must be between 400 and 599")

    def __str__(self) -> str:
        """The rule in words."""
        details = [f"{self.status:g}"] if self.kind is Kind.STATUS else []
        details += [pattern for pattern in (self.path, self.method) if pattern != "*"]
        if self.probability < 1:
            details.append(f"{self.probability:.0%} of requests")
        if self.above_per_second is not None:
            details.append(f"above {self.above_per_second:g} per second")
        if self.count is not None:
            details.append(f"{self.count} more")
        target = "HTTP" if self.target is Target.ALL else str(self.target)
        return " ".join([f"{target}: {self.kind.replace('_', ' ')}", *details]) + f", applied {self.hits} times"

    def matches(self, path: str, methods: Iterable[str] | None) -> bool:
        """Whether the request is one that the rule is about; `methods` is None for a REST request."""
        if methods is None:
            return self.target is not Target.RPC and (self.method == "*" or self.target is Target.REST) \
                and fnmatchcase(path, self.path)
        if self.target is Target.REST or (self.path != "*" and self.target is not Target.RPC):
            return False
        return any(fnmatchcase(method, self.method) for method in methods)


@dataclass
class Faults:
    """All switches: rules for HTTP, and those of the node, of the indexer, of the exchange's streams (`stream`) and of the
    node's own (`node_stream`), which are their own objects."""

    clock: Clock
    node: NodeFaults
    indexer: IndexerSettings
    seed: int = 0
    http: list[HttpFault] = field(default_factory=list)
    stream: StreamFaults = field(default_factory=StreamFaults)
    node_stream: StreamFaults = field(default_factory=StreamFaults)
    _random: Random = field(init=False)
    _answers: OrderedDict[str, bytes] = field(init=False, default_factory=OrderedDict)
    _recent: dict[int, deque[float]] = field(init=False, default_factory=dict)
    _frozen: dict[str, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def add(self, kind: Kind | str, **options: Any) -> HttpFault:
        """Switch on a rule for HTTP; remove it from `http` to switch it off. Raises ValueError for bad options."""
        try:
            rule = HttpFault(Kind(kind), **options)
        except TypeError as error:
            raise ValueError(str(error).replace("HttpFault.__init__() got an", "")) from None
        self.http.append(rule)
        return rule

    def remove(self, rule: HttpFault) -> None:
        """Switch a rule off."""
        self.http.remove(rule)

    def clear(self) -> None:
        """Switch everything off: HTTP rules, node and stream faults, and the indexer's lag and losses."""
        self.http.clear()
        self.stream.clear()
        self.node_stream.clear()
        for holder, names in ((self.node, [entry.name for entry in fields(self.node)]),
                              (self.indexer, _INDEXER_SWITCHES)):
            defaults = type(holder)()
            for name in names:
                setattr(holder, name, getattr(defaults, name))

    def switched_on(self) -> list[str]:
        """What is wrong at the moment, for people to read: a line for each rule that is not used up and for
        each switch that is not at rest."""
        lines = [str(rule) for rule in self.http if rule.count != 0]
        for title, holder, names in (("node", self.node, None), ("indexer", self.indexer, _INDEXER_SWITCHES),
                                     ("streams", self.stream, None), ("node's stream", self.node_stream, None)):
            at_rest = type(holder)()
            for name in names or [entry.name for entry in fields(holder)]:
                value = getattr(holder, name)
                if value != getattr(at_rest, name):
                    words = name.replace("_", " ")
                    lines.append(f"{title}: {words}" if value is True else f"{title}: {words} {value:g}")
        return lines

    def state(self) -> dict[str, Any]:
        """All switches as JSON."""
        return {"http": [asdict(rule) for rule in self.http], "node": asdict(self.node), "indexer": asdict(self.indexer),
                "stream": asdict(self.stream), "node_stream": asdict(self.node_stream)}

    # The middleware

    def middleware(self) -> Middleware:
        """What applies the HTTP rules to an aiohttp app; /admin and the page are spared."""
        @web.middleware
        async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
            if is_looking(request):
                return await handler(request)
            if not self.http:
                self._frozen.clear()
                self._recent.clear()
                return await self._remembered(request, handler)
            methods = await _rpc_methods(request)
            chosen = None
            for rule in list(self.http):
                if not rule.matches(request.path, methods) or (chosen is not None and rule.kind is not Kind.LATENCY):
                    continue
                if self._applies(rule):
                    if rule.kind is Kind.LATENCY:
                        await self.clock.sleep(rule.seconds)
                    else:
                        chosen = rule
            if chosen is None:
                return await self._remembered(request, handler)
            return await self._broken(chosen, request, handler, methods is not None)
        return apply

    def _applies(self, rule: HttpFault) -> bool:
        if rule.above_per_second is not None and not self._is_above(rule, rule.above_per_second):
            return False
        if rule.skip > 0:
            rule.skip -= 1
            return False
        if rule.count == 0 or (rule.probability < 1 and self._random.random() >= rule.probability):
            return False
        if rule.count is not None:
            rule.count -= 1
        rule.hits += 1
        return True

    def _is_above(self, rule: HttpFault, limit: float) -> bool:
        """Whether this request is one too many for a rule about fast clients."""
        now = self.clock.monotonic()
        recent = self._recent.setdefault(id(rule), deque())
        while recent and recent[0] <= now - 1.0:
            recent.popleft()
        if len(recent) >= limit:
            return True
        recent.append(now)
        return False

    async def _remembered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The handler's answer; that of a REST request is kept, should a rule want it stale later."""
        answer = await handler(request)
        if request.method == "GET" and isinstance(answer, web.Response) and answer.status == 200:
            self._answers[request.path_qs] = _body(answer)
            self._answers.move_to_end(request.path_qs)
            if len(self._answers) > _REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    async def _stale(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to the same request before the rule was there; the first one since for a JSON-RPC request."""
        if request.method == "GET":
            body = self._answers.get(request.path_qs)
            return _json(body) if body is not None else await self._remembered(request, handler)
        key, identity = await _identity(request)
        if key not in self._frozen:
            answer = await handler(request)
            if not isinstance(answer, web.Response):
                return answer
            self._frozen[key] = _body(answer)
        return _json(_with_identity(self._frozen[key], identity))

    async def _broken(self, rule: HttpFault, request: web.Request, handler: Handler, is_rpc: bool) -> web.StreamResponse:
        if rule.kind is Kind.REFUSED:
            return _closed(request)
        if rule.kind is Kind.TIMEOUT:
            await self.clock.sleep(rule.seconds)
            return _closed(request)
        if rule.kind is Kind.STATUS:
            return _error(rule)
        if rule.kind is Kind.STALE:
            return await self._stale(request, handler)
        answer = await handler(request)
        if rule.kind is Kind.LOST:
            return _closed(request)
        if not isinstance(answer, web.Response):
            return answer
        body = _body(answer)
        if rule.kind is Kind.TRUNCATED:
            return _json(body[:len(body) // 2], answer.status)
        if rule.kind in (Kind.RESET, Kind.DRIP, Kind.HUGE):
            return await self._streamed(rule, request, body)
        return _json(self.altered(rule.kind, body, is_rpc), answer.status)

    async def _streamed(self, rule: HttpFault, request: web.Request, body: bytes) -> web.StreamResponse:
        """Answers that are sent piece by piece."""
        padding = rule.size if rule.kind is Kind.HUGE else 0
        response = web.StreamResponse(headers={"Content-Type": "application/json",
                                               "Content-Length": str(len(body) + padding)})
        await response.prepare(request)
        if rule.kind is Kind.RESET:
            await response.write(body[:max(len(body) // 2, 1)])
            return _closed(request)
        try:
            for start in range(0, padding, _CHUNK):
                await response.write(b" " * min(_CHUNK, padding - start))
            pieces = min(len(body), 100) if rule.kind is Kind.DRIP else 1
            for at in range(pieces):
                await response.write(body[at * len(body) // pieces:(at + 1) * len(body) // pieces])
                if rule.kind is Kind.DRIP:
                    await self.clock.sleep(rule.seconds / pieces)
            await response.write_eof()
        except ConnectionError:
            # The client has had enough, which is what a test of this fault wants to see.
            return response
        return response

    def altered(self, kind: Kind | str, body: bytes, is_rpc: bool) -> bytes:
        """An answer with its values damaged as `kind` says; a JSON-RPC answer keeps its envelope."""
        kind = Kind(kind)
        value = json.loads(body)
        if not is_rpc:
            return json.dumps(self._alter(kind, value)).encode()
        answers = value if isinstance(value, list) else [value]
        for answer in answers:
            if "result" in answer:
                answer["result"] = self._alter(kind, answer["result"])
        return json.dumps(value).encode()

    def _alter(self, kind: Kind, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._alter(kind, item) for key, item in value.items()}
        if isinstance(value, list):
            if kind is Kind.EMPTY_LISTS:
                return []
            if kind is Kind.WRONG_TYPES and self._random.random() < 0.3:
                return {str(at): item for at, item in enumerate(value)}
            return [self._alter(kind, item) for item in value]
        if kind is Kind.NULL:
            return None
        if kind is Kind.NAN:
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
            return float("nan") if numeric else "NaN" if isinstance(value, str) and value.startswith("0x") else value
        if kind is Kind.WRONG_TYPES and self._random.random() < 0.5:
            return 7 if isinstance(value, str) else "seven"
        return value


async def _rpc_methods(request: web.Request) -> list[str] | None:
    """The methods of a JSON-RPC request, or None for another request."""
    if request.method != "POST" or request.path != "/":
        return None
    try:
        parsed = json.loads(await request.read())
    except ValueError:
        return []
    calls = parsed if isinstance(parsed, list) else [parsed]
    return [str(call.get("method")) for call in calls if isinstance(call, dict)]


async def _identity(request: web.Request) -> tuple[str, list[Any]]:
    """What makes two JSON-RPC requests the same, and their ids, which do not."""
    try:
        parsed = json.loads(await request.read())
    except ValueError:
        return request.path_qs, []
    calls = [call for call in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(call, dict)]
    return json.dumps([{**call, "id": None} for call in calls], sort_keys=True), [call.get("id") for call in calls]


def _with_identity(body: bytes, identity: list[Any]) -> bytes:
    value = json.loads(body)
    for answer, number in zip(value if isinstance(value, list) else [value], identity):
        answer["id"] = number
    return json.dumps(value).encode()


def _body(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _closed(request: web.Request) -> web.Response:
    """Break the connection; what is returned goes nowhere."""
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.abort()
    return web.Response()


def _error(rule: HttpFault) -> web.Response:
    headers = {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after:g}"}
    if rule.status == 502:
        return web.Response(text=_BAD_GATEWAY, status=502, content_type="text/html", headers=headers)
    words = {427: "rate limit exceeded", 429: "Too Many Requests"}.get(rule.status, "Internal Server Error")
    return web.Response(text=json.dumps({"error": words}), status=rule.status, content_type="application/json",
                        headers=headers)
