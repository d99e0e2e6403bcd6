"""/admin: the sandbox's switches over HTTP, for loopback clients only. All bodies and answers are JSON."""
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from enum import Enum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.markets import DENOMINATOR
from hummingbot.connector.exchange.standard.sandbox.faults import HttpFault
from hummingbot.connector.exchange.standard.sandbox.node import Mining, Reorg
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.sandbox.server import Sandbox

_OPERATOR_GAS = 20_000_000
_FIXED = frozenset({"seed", "quoters", "takers", "levels", "step_seconds", "trades_per_pair", "rows_per_account",
                    "candles_per_interval", "undo_blocks"})

Json = dict[str, Any]


class Admin:
    """The endpoints. A bad request gets status 400 and {"error": why}, and changes nothing."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def mount(self, app: web.Application) -> None:
        """Add the routes to an app."""
        app.router.add_get("/admin/state", self._guarded(self._state))
        app.router.add_get("/admin/faults", self._guarded(self._faults))
        for name, act in (("faults", self._set_faults), ("mine", self._mine), ("mining", self._mining),
                          ("reorg", self._reorg), ("release", self._release), ("spread", self._spread), ("fee", self._fee),
                          ("delist", self._delist), ("refuse", self._refuse), ("traders", self._traders),
                          ("api", self._api), ("streams", self._streams)):
            app.router.add_post(f"/admin/{name}", self._guarded(act))

    def _guarded(self, act: Callable[[Json], Json | Awaitable[Json]]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            if request.remote is None or not ip_address(request.remote).is_loopback:
                return web.json_response({"error": "only for clients on this machine"}, status=403)
            # A page of another origin cannot send this content type without the browser asking first.
            if request.method == "POST" and request.content_type != "application/json":
                return web.json_response({"error": "the body must be application/json"}, status=415)
            try:
                result = act(await _body(request))
                return web.json_response(await result if isinstance(result, Awaitable) else result)
            except (ValueError, KeyError, TypeError) as error:
                return web.json_response({"error": str(error)}, status=400)
        return answer

    def _state(self, _: Json) -> Json:
        sandbox = self._sandbox
        return {
            "engine": sandbox.engine_address, "chainId": sandbox.node.settings.chain_id,
            "head": {"number": sandbox.node.head.number, "hash": sandbox.node.head.hash,
                     "timestamp": sandbox.node.head.timestamp},
            "indexed": sandbox.indexer.head["number"], "waiting": len(sandbox.node.pool), "held": len(sandbox.node.held),
            "mining": sandbox.node.mining.value, "interval": sandbox.node.interval,
            "accounts": [{"address": wallet.address, "privateKey": wallet.private_key} for wallet in sandbox.accounts],
            "markets": [self._market(pair) for pair in sandbox.indexer.pairs.values()],
            "traders": {**vars(sandbox.traders.settings), "sent": sandbox.traders.sent, "refused": sandbox.traders.refused},
            "api": {name: value.value if isinstance(value, Enum) else value
                    for name, value in vars(sandbox.settings.api).items()}}

    def _market(self, pair: PairIndex) -> Json:
        info = pair.info
        buy, sell = self._sandbox.view.limit_spread(info.book)
        return {"symbol": info.symbol, "book": info.book, "base": info.base.address, "quote": info.quote.address,
                "listed": info.book not in self._sandbox.indexer.hidden, "marketPrice": pair.price / DENOMINATOR,
                "trades": pair.trade_count, "orders": len(pair.orders), "limitSpread": [buy, sell]}

    # Faults

    def _faults(self, _: Json) -> Json:
        return self._sandbox.faults.state()

    def _set_faults(self, body: Json) -> Json:
        """{"http": [rules], "node": {switches}, "indexer": …, "stream": …, "node_stream": …, "clear": true}: rules replace."""
        _only(body, "http", "node", "indexer", "stream", "node_stream", "clear")
        faults = self._sandbox.faults
        rules = [HttpFault(**_rule(rule)) for rule in body["http"]] if "http" in body else None
        node = _checked(faults.node, body.get("node", {}))
        indexer = _checked(faults.indexer, body.get("indexer", {}))
        stream = _checked(faults.stream, body.get("stream", {}))
        node_stream = _checked(faults.node_stream, body.get("node_stream", {}))
        if body.get("clear"):
            faults.clear()
        if rules is not None:
            faults.http[:] = rules
        _set(faults.node, node)
        _set(faults.indexer, indexer)
        _set(faults.stream, stream)
        _set(faults.node_stream, node_stream)
        if node.get("mining_paused") is False:
            self._sandbox.node.resume()
        return faults.state()

    async def _refuse(self, body: Json) -> Json:
        """{"seconds": s}: new connections are refused for so long; begins when this is answered."""
        _only(body, "seconds")
        seconds = _number(body, "seconds", 5.0)

        async def refuse() -> None:
            await self._sandbox.refuse_connections(seconds)
        task = asyncio.get_running_loop().create_task(refuse())
        self._sandbox.keep(task)
        return {"seconds": seconds}

    # The chain

    def _mine(self, body: Json) -> Json:
        """{"blocks": n}"""
        _only(body, "blocks")
        self._sandbox.node.mine(_whole(body, "blocks", 1, most=10_000))
        return {"head": self._sandbox.node.head.number}

    def _mining(self, body: Json) -> Json:
        """{"mode": "instant|interval|manual", "interval": s}"""
        _only(body, "mode", "interval")
        node = self._sandbox.node
        interval = _number(body, "interval", node.interval)
        if interval <= 0:
            raise ValueError("interval must be above 0")
        node.set_mining(Mining(body.get("mode", node.mining.value)), interval)
        return {"mode": node.mining.value, "interval": node.interval}

    def _reorg(self, body: Json) -> Json:
        """{"depth": k, "mode": "return|remine|vanish"}"""
        _only(body, "depth", "mode")
        removed = self._sandbox.node.reorganise(_whole(body, "depth", 1), Reorg(body.get("mode", "return")))
        return {"removed": [block.hash for block in removed], "head": self._sandbox.node.head.number}

    def _release(self, body: Json) -> Json:
        """{}: held transactions go into the pool."""
        _only(body)
        held = len(self._sandbox.node.held)
        self._sandbox.node.release_held()
        return {"released": held}

    # The operator

    def _spread(self, body: Json) -> Json:
        """{"pair": "SOMI/USDC", "buy": n, "sell": n, "market": false}: in parts of 1e8, set by a transaction."""
        _only(body, "pair", "buy", "sell", "market")
        pair = self._pair(body)
        buy, sell = (_whole(body, side, most=DENOMINATOR) for side in ("buy", "sell"))
        return self._operate(ENGINE_FUNCTIONS["setSpread"], pair.info.base.address, pair.info.quote.address, buy, sell,
                             _flag(body, "market", False))

    def _fee(self, body: Json) -> Json:
        """{"maker": true, "fee": n}: the default fee in parts of 1e8, set by a transaction."""
        _only(body, "maker", "fee")
        return self._operate(ENGINE_FUNCTIONS["setDefaultFee"], _flag(body, "maker", None),
                             _whole(body, "fee", most=DENOMINATOR))

    def _delist(self, body: Json) -> Json:
        """{"pair": "SOMI/USDC", "listed": false}: the API no longer lists it and the engine refuses its orders (or both do
        again)."""
        _only(body, "pair", "listed")
        pair, listed = self._pair(body), _flag(body, "listed", False)
        self._sandbox.set_listed(pair.info.book, listed)
        return {"pair": pair.info.symbol, "listed": listed}

    def _operate(self, function: Function, *arguments: Any) -> Json:
        sandbox = self._sandbox
        raw = sandbox.operator.sign(chain_id=sandbox.node.settings.chain_id, to=sandbox.engine_address,
                                    nonce=sandbox.node.nonce(sandbox.operator.address, pending=True),
                                    gas_limit=_OPERATOR_GAS, gas_price=sandbox.node.gas_price,
                                    data=function.encode(*arguments))
        return {"transaction": sandbox.submit_past_faults(raw)}

    def _pair(self, body: Json) -> PairIndex:
        name = body.get("pair")
        for pair in self._sandbox.indexer.pairs.values():
            if name in (pair.info.symbol, pair.info.book, pair.info.market.trading_pair):
                return pair
        raise ValueError(f"no pair {name!r}: there are "
                         + ", ".join(pair.info.symbol for pair in self._sandbox.indexer.pairs.values()))

    # Settings

    def _traders(self, body: Json) -> Json:
        """Any of the traders' settings that may change while they run."""
        settings = self._sandbox.traders.settings
        _set(settings, _checked(settings, body))
        return dict(vars(settings))

    def _api(self, body: Json) -> Json:
        """Any of the API's shapes."""
        return _changed(self._sandbox.settings.api, body)

    def _streams(self, body: Json) -> Json:
        """Any of the streams' settings, for new connections."""
        return _changed(self._sandbox.settings.streams, body)


async def _body(request: web.Request) -> Json:
    if request.method == "GET":
        return {}
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("the body must be an object")
    return body


def _only(body: Mapping[str, Any], *names: str) -> None:
    unknown = set(body) - set(names)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names) or 'nothing'}")


def _rule(rule: Any) -> Json:
    if not isinstance(rule, dict):
        raise ValueError("a rule must be an object")
    _only(rule, *(entry.name for entry in fields(HttpFault) if entry.name != "hits"))
    if "kind" not in rule:
        raise ValueError("a rule needs a kind")
    return rule


def _whole(body: Json, name: str, default: int | None = None, most: int | None = None) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0 or (most is not None and value > most):
        raise ValueError(f"{name} must be a whole number, at least 0" + (f" and at most {most}" if most is not None else ""))
    return value


def _number(body: Json, name: str, default: float) -> float:
    value = body.get(name, default)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise ValueError(f"{name} must be a number, at least 0")
    return float(value)


def _flag(body: Json, name: str, default: bool | None) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _checked(holder: Any, changes: Any) -> Json:
    """The changes with the types of the holder's fields; ValueError for an unknown field or a value that does not fit."""
    if not isinstance(changes, dict):
        raise ValueError("switches must be an object")
    changeable = [entry.name for entry in fields(holder) if entry.name not in _FIXED]
    _only(changes, *changeable)
    checked: Json = {}
    for name, value in changes.items():
        old = getattr(holder, name)
        if isinstance(old, Enum):
            checked[name] = type(old)(value)
        elif isinstance(old, bool):
            checked[name] = _flag(changes, name, None)
        elif isinstance(old, tuple):
            if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, int) for item in value) \
                    or not 0 < value[0] <= value[1]:
                raise ValueError(f"{name} must be two whole numbers, the smaller first")
            checked[name] = tuple(value)
        else:
            checked[name] = _whole(changes, name) if isinstance(old, int) else _number(changes, name, 0.0)
    return checked


def _changed(settings: Any, body: Json) -> Json:
    """Set what the body says, and tell all of it."""
    _set(settings, _checked(settings, body))
    return {name: value.value if isinstance(value, Enum) else value for name, value in vars(settings).items()}


def _set(holder: Any, changes: Json) -> None:
    for name, value in changes.items():
        setattr(holder, name, value)
