"""Writes down what the sandbox answers, a few answers of every shape: `python -m fuzz.record` makes fuzz/corpus again."""
import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import aiohttp

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from fuzz import corpus
from fuzz.calls import RPC_CALLS
from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.engine import TRADING_TOPICS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import StandardError
from hummingbot.connector.exchange.standard.sandbox.api_rows import ApiSettings, BlocksShape
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.transport import HttpAnswer

SECONDS = 6.0
PER_SHAPE = 3
ACCOUNT = 1  # one of the traders: it quotes all the time
STEP = "0.0001"

Answers = dict[str, list[tuple[str, str]]]


class Notes:
    """Answers by target, a few of each shape."""

    def __init__(self) -> None:
        self.answers: Answers = defaultdict(list)
        self._seen: dict[tuple[str, str, str], int] = defaultdict(int)

    def add(self, target: str, kind: str, text: str) -> None:
        """Keep an answer, unless there are enough of its shape."""
        shape = target, kind, _shape(text)
        self._seen[shape] += 1
        if self._seen[shape] <= PER_SHAPE:
            self.answers[target].append((kind, text))


def _shape(text: str) -> str:
    try:
        return str(_outline(json.loads(text)))
    except ValueError:
        return text


def _outline(value: Any) -> Any:
    """The keys of objects and the names and lengths of frames: what an answer looks like, whatever it says."""
    if isinstance(value, dict):
        names = [f"{key}={value[key]}" for key in ("type", "channel", "method", "status") if isinstance(value.get(key), str)]
        inner = {key: _outline(item) for key, item in sorted(value.items()) if ":" not in key and isinstance(item, (dict, list))}
        return names, inner, sorted({key.partition(":")[0] for key in value})
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            return value[0][:24] if not value[0].startswith("0x") else "", len(value)
        return [_outline(value[0])] if value else []
    return ""


class RecordingTransport:
    """HTTP to the sandbox; the last answer stays in `last`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.last = ""

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float, **_: Any) -> HttpAnswer:
        """See HttpTransport.request."""
        async with self._session.request(method, url, data=body, headers={"Content-Type": "application/json"}) as response:
            content = await response.read()
            self.last = content.decode()
            return HttpAnswer(response.status, {}, content)


def rest_paths(base: str, quote: str, account: str) -> Mapping[str, str]:
    """A small request for each target of the REST API."""
    pair = {"base": to_checksum(base), "quote": to_checksum(quote)}
    return {
        "rest-exchange": CONSTANTS.EXCHANGE_PATH,
        "rest-pairs": CONSTANTS.PAIRS_PATH.format(size=3, page=1),
        "rest-book": CONSTANTS.ORDER_BOOK_TICKS_PATH.format(limit=5, **pair),
        "rest-groups": CONSTANTS.ORDER_BOOK_BLOCKS_PATH.format(step=STEP, depth=100, is_single="false", **pair),
        "rest-trades": CONSTANTS.PAIR_TRADES_PATHS[0].format(size=4, page=1, **pair),
        "rest-candles": CONSTANTS.CANDLES_PATH.format(interval="min", size=4, page=1, **pair),
        "rest-orders": CONSTANTS.ACCOUNT_ORDERS_PATH.format(address=to_checksum(account), size=4, page=1),
    }


async def _record_rest(sandbox: Sandbox, transport: RecordingTransport, notes: Notes) -> None:
    for market in sandbox.markets:
        paths = rest_paths(market.base.address, market.quote.address, sandbox.accounts[ACCOUNT].address)
        for target, path in paths.items():
            answer = await transport.request("GET", sandbox.api_url + path, timeout=5.0)
            if answer.status == 200:
                notes.add(target, "", transport.last)


async def _record_rpc(sandbox: Sandbox, transport: RecordingTransport, notes: Notes) -> None:
    clock, market = SystemClock(), sandbox.markets[0]
    finder = RpcClient(transport, [sandbox.rpc_url], clock)
    head = await finder.block_number()
    logs = await finder.logs(sandbox.engine_address, [list(TRADING_TOPICS)], max(0, head - 100), head)
    hashes = list(dict.fromkeys(str(log["transactionHash"]) for log in logs))
    for name, call in RPC_CALLS.items():
        for transaction in hashes[:40:10] if "receipt" in name else hashes[:1]:
            client = RpcClient(transport, [sandbox.rpc_url], clock)
            with contextlib.suppress(StandardError):  # a refusal is an answer too
                await call(client, sandbox.engine_address, market, sandbox.accounts[ACCOUNT].address, transaction, head)
            notes.add("rpc", name, transport.last)


async def _listen(url: str, target: str, requests: list[dict[str, Any]], notes: Notes, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(url) as socket:
        for number, body in enumerate(requests, 1):
            await socket.send_json({"jsonrpc": "2.0", "id": number, **body})
        async for message in socket:
            notes.add(target, "", str(message.data))


async def _record_streams(sandbox: Sandbox, notes: Notes, session: aiohttp.ClientSession) -> None:
    wallet = sandbox.accounts[ACCOUNT]
    auth = StandardAuth("", wallet.private_key)
    auth.bind(sandbox.node.settings.chain_id, sandbox.engine_address)
    books = [market.book for market in sandbox.markets]
    channels: list[dict[str, Any]] = [{"method": "ping"}, {"method": "nonsense"}]
    channels += [{"method": "subscribe", "params": {"channel": channel, "pairs": books}} for channel in ("orderbook", "trades")]
    channels += [{"method": "subscribe", "params": {"channel": channel, **await auth.get_ws_auth_params()}}
                 for channel in ("orders", "fills", "balances")]
    listeners = [_listen(sandbox.channels_url, "channels", channels, notes, session)]
    market = sandbox.markets[0]
    symbol, address = f"{market.base.symbol}/{market.quote.symbol}", {"addresses": [to_checksum(wallet.address)]}
    for layout in ("docs", "sdk", "iter"):
        url = f"{sandbox.spot_streams_url}?layout={layout}"
        listeners.append(_listen(url, "spot-market", [
            {"method": "spot.orderbook.subscribe.pairs", "params": {"books": [{"pair": symbol, "step": STEP}]}},
            {"method": "spot.trades.subscribe.pairs", "params": {"pairs": [symbol]}}, {"method": "nonsense"}], notes, session))
        listeners.append(_listen(url, "spot-account", [
            {"method": method, "params": address} for method in (
                "spot.orders.subscribe.accounts", "spot.orderhistories.subscribe.accounts",
                "spot.accounts.subscribe.addresses")], notes, session))
    listeners.append(_listen(sandbox.rpc_ws_url, "node", [
        {"method": "eth_subscribe", "params": ["logs", {"address": sandbox.engine_address, "topics": [list(TRADING_TOPICS)]}]},
        {"method": "eth_subscribe", "params": ["newHeads"]}], notes, session))
    tasks = [asyncio.ensure_future(listener) for listener in listeners]
    await asyncio.sleep(SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def record() -> None:
    """Run a sandbox in each of its API's shapes and write what it said."""
    notes = Notes()
    traders = TraderSettings(quotes_per_second=6.0, takes_per_second=4.0, levels=3)
    for api in (ApiSettings(), ApiSettings(documented_rows=True, blocks_shape=BlocksShape.FLAT, checksummed_addresses=False)):
        settings = SandboxSettings(port=0, block_interval=0.1, traders=traders, api=api)
        async with Sandbox(settings) as sandbox, aiohttp.ClientSession() as session:
            await asyncio.sleep(2.0)
            await _record_streams(sandbox, notes, session)
            transport = RecordingTransport(session)
            await _record_rest(sandbox, transport, notes)
            await _record_rpc(sandbox, transport, notes)
            corpus.write(sandbox.engine_address, sandbox.accounts[ACCOUNT].address, sandbox.markets, notes.answers)
    for target, answers in notes.answers.items():
        print(f"{target}: {len(answers)} answers, {sum(len(text) for _, text in answers)} bytes")


if __name__ == "__main__":
    asyncio.run(record())
