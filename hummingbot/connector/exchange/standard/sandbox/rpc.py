"""JSON-RPC over HTTP: single requests and batches, with a node's error objects."""
import json
import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from aiohttp import web

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.chain_state import StateUnavailable
from hummingbot.connector.exchange.standard.sandbox.node import Node
from hummingbot.connector.exchange.standard.sandbox.rpc_methods import AnswerLost, Methods
from hummingbot.connector.exchange.standard.sandbox.rpc_values import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    SERVER_ERROR,
    Json,
    Lasting,
    RpcFailure,
    encode,
)

BODY_LIMIT = 5 * 1024 * 1024
BATCH_LIMIT = 1000
_NUMBER = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,15})")


class JsonRpc:
    """The JSON-RPC face of a node.

    A web server mounts it by `add_routes`; without one, `answer` takes and returns parsed JSON. `hex_net_version` makes
    net_version hexadecimal, `max_log_blocks` bounds the blocks of one log query.
    """

    def __init__(self, node: Node, clock: Clock, *, hex_net_version: bool = False, max_log_blocks: int = 1000) -> None:
        self.node = node
        self._methods = Methods(node, clock, hex_net_version=hex_net_version, max_log_blocks=max_log_blocks).table

    def add_routes(self, app: web.Application, path: str = "/") -> None:
        """Answer POST requests to `path`. The application's `client_max_size` should be BODY_LIMIT."""
        app.router.add_post(path, self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one HTTP request; a body that is too long is refused with status 413."""
        if request.content_length is not None and request.content_length > BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, request.content_length)
        body = await request.read()
        try:
            answer = self.answer_bytes(body)
        except AnswerLost:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(body=answer, content_type="application/json")

    def answer_bytes(self, body: bytes) -> bytes:
        """The answer to a request body; empty when there is nothing to answer. Raises AnswerLost."""
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return json.dumps(_error(None, RpcFailure(PARSE_ERROR, "parse error"))).encode()
        answer = self.answer(parsed)
        if answer is None:
            return b""
        text = "[" + ",".join(map(_text, answer)) + "]" if isinstance(answer, list) else _text(answer)
        return text.encode()

    def answer(self, request: Any) -> Json | list[Json] | None:
        """The answer to a parsed request or batch; None when it holds only notifications. Raises AnswerLost."""
        if not isinstance(request, list):
            return self._answer_one(request)
        if not request:
            return _error(None, RpcFailure(INVALID_REQUEST, "empty batch"))
        if len(request) > BATCH_LIMIT:
            return _error(None, RpcFailure(INVALID_REQUEST, "batch too large"))
        block = _common_block(request)
        known = None if block is None else self.node.block(block)
        try:
            with self.node.looking_back(known.number) if known is not None else nullcontext():
                answers = [answer for answer in map(self._answer_one, request) if answer is not None]
        except StateUnavailable:
            answers = [answer for answer in map(self._answer_one, request) if answer is not None]
        return answers or None

    def _answer_one(self, request: Any) -> Json | None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str) \
                or isinstance(request.get("id"), (dict, list)):
            return _error(None, RpcFailure(INVALID_REQUEST, "invalid request"))
        try:
            result = self._run(request["method"], request.get("params"))
        except StateUnavailable as gone:
            failure = RpcFailure(SERVER_ERROR, str(gone))
            return _error(request["id"], failure) if "id" in request else None
        except RpcFailure as failure:
            return _error(request["id"], failure) if "id" in request else None
        return {"jsonrpc": "2.0", "id": request["id"], "result": result} if "id" in request else None

    def _run(self, name: str, parameters: Any) -> Any:
        entry = self._methods.get(name)
        if entry is None:
            raise RpcFailure(METHOD_NOT_FOUND, f"the method {name} does not exist/is not available")
        fewest, most, method = entry
        if parameters is None:
            parameters = ()
        if not isinstance(parameters, Sequence) or isinstance(parameters, str):
            raise RpcFailure(INVALID_PARAMS, "non-array args")
        if len(parameters) < fewest:
            raise RpcFailure(INVALID_PARAMS, f"missing value for required argument {len(parameters)}")
        if len(parameters) > most:
            raise RpcFailure(INVALID_PARAMS, f"too many arguments, want at most {most}")
        return method(parameters)


def _common_block(requests: Sequence[Any]) -> int | None:
    """The number of the block that all of these are calls as of; None when they are something else."""
    numbers = set()
    for request in requests:
        parameters = request.get("params") if isinstance(request, dict) and request.get("method") == "eth_call" else None
        if not isinstance(parameters, list) or len(parameters) != 2 or not _NUMBER.fullmatch(str(parameters[1])):
            return None
        numbers.add(str(parameters[1]))
    return int(numbers.pop(), 16) if len(numbers) == 1 else None


def _text(answer: Json) -> str:
    """An answer as JSON; what was told before is not encoded anew, and numbers and hex text need no escaping."""
    result, identity = answer.get("result"), answer["id"]
    if isinstance(result, Lasting):
        text = result.text
    elif isinstance(result, list) and result and isinstance(result[0], Lasting):
        text = "[" + ",".join([item.text for item in result]) + "]"
    elif isinstance(result, str) and result.isascii() and result.isalnum():
        text = f'"{result}"'
    else:
        return encode(answer)
    return f'{{"jsonrpc":"2.0","id":{identity if type(identity) is int else encode(identity)},"result":{text}}}'


def _error(identity: Any, failure: RpcFailure) -> Json:
    return {"jsonrpc": "2.0", "id": identity, "error": failure.as_json()}
