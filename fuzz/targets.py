"""The decoders that are fuzzed: what each is fed with, and what it may raise."""
import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, get_args

import aiohttp

from fuzz import corpus
from fuzz.calls import RPC_CALLS
from fuzz.corpus import Sample
from fuzz.judge import check
from fuzz.mutate import byte_damage, json_damage
from hummingbot.connector.exchange.standard.chain.engine import OrderMatched, Revert, decode_revert
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    OrderRejectedError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.feeds.base import UpdateIds
from hummingbot.connector.exchange.standard.feeds.levels import LevelMap
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.messages import Answered, BookContent, Incoming, Refused, Told
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotAccountDialect, SpotStreamsDialect
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import parse_tick_book
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection

STEP_DIGITS = 4
URL = "http://127.0.0.1"


@dataclass(frozen=True)
class Target:
    """A decoder. `decode(kind, payload, chance)` raises one of `allowed`, or BadValue for what it must not let through.

    `damage(payload, chance, others)` makes a damaged copy; `others` are the bodies of all samples.
    """

    samples: list[Sample]
    decode: Callable[[str, bytes, Random], Any]
    allowed: tuple[type[Exception], ...]
    damage: Callable[[bytes, Random, list[bytes]], bytes] = json_damage

    @cached_property
    def bodies(self) -> list[bytes]:
        """The bodies of all samples."""
        return [sample.body for sample in self.samples]


class OneAnswer:
    """An HTTP transport that gives the same answer to everything."""

    def __init__(self, body: bytes, chance: Random) -> None:
        unusual = chance.random() < 0.1
        status = chance.choice((200, 200, 204, 301, 400, 404, 413, 427, 429, 500, 503)) if unusual else 200
        pause = chance.choice(("1", "0", "-1", "", "\u00b2", "\u0661", "9" * 400, "nan", "soon")) if unusual else None
        self._answer = HttpAnswer(status, {} if pause is None else {"retry-after": pause}, body)

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float, **_: Any) -> HttpAnswer:
        """See HttpTransport.request."""
        return self._answer


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def _checked_retry(error: ApiUnavailableError) -> None:
    check(getattr(error, "retry_after", None), "pause")


# REST

RestCall = Callable[[RestClient], Coroutine[Any, Any, Any]]


def _market() -> Any:
    return corpus.markets()[0]


async def _book(client: RestClient) -> Any:
    market = _market()
    book = parse_tick_book(await client.order_book(market.base.address, market.quote.address))
    return _levels(BookContent(True, book.bids, book.asks, book.market_price))


class _Blocks:
    """A node that is not asked for anything."""

    async def get_block(self, block: int | str = "latest") -> None:
        return None


_PACE = BlockPace(_Blocks())  # type: ignore[arg-type]


async def _groups(client: RestClient) -> Any:
    return _levels(await _spot_dialect(client).book(_market()))


async def _prepared(client: RestClient) -> Any:
    """The rows of the pairs as the dialect `spot_streams` uses them."""
    dialect = SpotStreamsDialect(client, _PACE, _market())
    await dialect.prepare(_market())
    return dialect.subscriptions(_market())


def _spot_dialect(client: RestClient) -> SpotStreamsDialect:
    dialect = SpotStreamsDialect(client, _PACE, _market())
    dialect._digits = STEP_DIGITS
    return dialect


REST_CALLS: Mapping[str, RestCall] = {
    "rest-exchange": lambda client: client.factory_address(),
    "rest-pairs": lambda client: client.pairs(),
    "rest-book": _book,
    "rest-groups": _groups,
    "rest-trades": lambda client: client.trades(_market().base.address, _market().quote.address),
    "rest-candles": lambda client: client.candles("min", _market().base.address, _market().quote.address, 4),
    "rest-orders": lambda client: client.open_orders(corpus.account()),
}


def _rest(call: RestCall) -> Callable[[str, bytes, Random], Any]:
    def decode(kind: str, payload: bytes, chance: Random) -> None:
        try:
            check(_result(call(RestClient(OneAnswer(payload, chance), [URL]))))
        except ApiUnavailableError as error:
            _checked_retry(error)
            raise
    return decode


async def _prepare_from(book: bytes, chance: Random) -> Any:
    sound = {f"/{path}/": corpus.samples(name)[0].body for path, name in (("pairs", "rest-pairs"), ("blocks", "rest-groups"))}

    class SeveralAnswers(OneAnswer):
        async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float, **_: Any) -> HttpAnswer:
            return HttpAnswer(200, {}, next((answer for path, answer in sound.items() if path in url), book))
    return await _prepared(RestClient(SeveralAnswers(b"", chance), [URL]))


def _prepare(kind: str, payload: bytes, chance: Random) -> None:
    """What a subscription to `spot_streams` needs, from a damaged book, and a sound list of pairs and sound groups."""
    check(_result(_prepare_from(payload, chance)))


# JSON-RPC

_PATIENCE = 60.0
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def on_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that needs an event loop: this process's own. TimeoutError for one that waits for ever."""
    loop = _loops.get(os.getpid()) or _loops.setdefault(os.getpid(), asyncio.new_event_loop())
    return loop.run_until_complete(asyncio.wait_for(coroutine, _PATIENCE))


def _rpc(kind: str, payload: bytes, chance: Random) -> None:
    client = RpcClient(OneAnswer(payload, chance), [URL], SystemClock())
    call = RPC_CALLS[kind](client, corpus.engine(), _market(), corpus.account(), "0x" + 64 * "1", 5)
    try:
        result = on_loop(call)  # type: ignore[arg-type]
    except ApiUnavailableError as error:
        _checked_retry(error)
        raise
    if kind == "send_raw_transactions":
        return  # what is no hash is told and followed
    found, logs = _without_logs(kind, result)
    check(found)
    check(decode_engine_logs(logs, corpus.engine()))
    check(decode_outflows(logs))


def _without_logs(kind: str, result: Any) -> tuple[Any, Sequence[Any]]:
    """An answer without its logs, and these: objects as they came, of which nobody reads more than the decoders do."""
    if kind == "logs":
        return None, result
    if kind == "newest_logs":
        return result
    receipts = [item for item in (result if isinstance(result, list) else [result]) if isinstance(item, Receipt)]
    if not receipts:
        return result, ()
    return [item._replace(logs=()) for item in receipts], [log for item in receipts for log in item.logs]


# Logs

def _logs(kind: str, payload: bytes, chance: Random) -> None:
    """Logs as a node gives them, without the checks of the JSON-RPC client before: those of a stream have none."""
    try:
        logs = json.loads(payload)
    except (ValueError, RecursionError):
        return
    rows = logs if isinstance(logs, list) else [logs]
    decoded = decode_engine_logs(rows, kind)
    for log in decoded:
        _check_log(log)
    check(decode_outflows(rows))


def _check_log(log: EngineLog) -> None:
    check(log)
    if not isinstance(log.event.pair, str) or not isinstance(log.transaction_hash, str):
        raise AssertionError("a log that is not where it should be")
    if isinstance(log.event, OrderMatched) and not isinstance(log.event.clear, bool):
        raise AssertionError("a flag that is none")


def _revert(kind: str, payload: bytes, chance: Random) -> None:
    """Revert data, which may be anything and never raise."""
    revert = decode_revert(payload)
    if not isinstance(revert, Revert) or not isinstance(str(revert), str):
        raise AssertionError("no reason")


# Streams

def frame(payload: bytes) -> Any:
    """What Hummingbot makes of a frame: a JSON value, or a text or bytes that are none. None: the session has skipped it."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return WSConnection._build_resp(aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, payload, None)).data
    try:
        return WSConnection._build_resp(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None)).data
    except (ValueError, RecursionError):
        return None


def _levels(content: BookContent) -> Any:
    """A book with these levels, as it is told to Hummingbot."""
    levels = LevelMap("BASE-QUOTE", UpdateIds(SystemClock()))
    levels.replace([(1.0, 1.0)], [(2.0, 1.0)], 0.0, None)
    apply = levels.replace if content.is_whole else levels.apply
    return apply(content.bids, content.asks, 0.0, content.market_price)


def _check_messages(messages: Any) -> None:
    for message in messages:
        if not isinstance(message, get_args(Incoming)):
            raise AssertionError(f"{message!r} is no message")
        if isinstance(message, (Answered, Refused)):
            continue  # ids and codes may be negative
        check(message)
        if isinstance(message, Told) and isinstance(message.content, BookContent):
            check(_levels(message.content))


def _rest_of_nothing() -> RestClient:
    return RestClient(OneAnswer(b"", Random(0)), [URL])


def _channels(kind: str, payload: bytes, chance: Random) -> None:
    dialect = ChannelsDialect(_rest_of_nothing(), _PACE, {market.book: market for market in corpus.markets()}.get)
    _check_messages(dialect.decode(frame(payload)))


def _spot_market(kind: str, payload: bytes, chance: Random) -> None:
    _check_messages(_spot_dialect(_rest_of_nothing()).decode(frame(payload)))


def _spot_account(kind: str, payload: bytes, chance: Random) -> None:
    _check_messages(SpotAccountDialect(corpus.account()).decode(frame(payload)))


def _revert_samples() -> list[Sample]:
    bodies = []
    for sample in corpus.samples("rpc"):
        if "reverted" in sample.kind or sample.kind == "call_many":
            document = json.loads(sample.body)
            for item in document if isinstance(document, list) else [document]:
                data = item.get("error", {}).get("data")
                if isinstance(data, str):
                    bodies.append(Sample("", bytes.fromhex(data[2:])))
    return bodies


def targets() -> dict[str, Target]:
    """Every decoder by name."""
    from fuzz import journal, node  # they use what is above
    rest = {name: Target(corpus.samples(name), _rest(call), (ApiUnavailableError,)) for name, call in REST_CALLS.items()}
    return {
        **rest,
        "rest-prepare": Target(corpus.samples("rest-book"), _prepare, (ApiUnavailableError,)),
        "rpc": Target(corpus.samples("rpc"), _rpc, (ApiUnavailableError, RpcError, OrderRejectedError)),
        "logs": Target(corpus.recorded_logs(), _logs, (BadDataError,)),
        "revert": Target(_revert_samples(), _revert, (), byte_damage),
        "channels": Target(corpus.samples("channels"), _channels, (BadDataError,)),
        "spot-market": Target(corpus.samples("spot-market"), _spot_market, (BadDataError,)),
        "spot-account": Target(corpus.samples("spot-account"), _spot_account, (BadDataError,)),
        "node": Target(corpus.samples("node"), node.decode, (StandardError,)),
        "journal": Target(journal.samples(), journal.decode, (), journal.damaged),
    }
