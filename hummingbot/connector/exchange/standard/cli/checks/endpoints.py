"""Checks of nodes, REST APIs and streams: reachable, how fast, the right chain, alive, and the clock of this machine."""
import asyncio
from collections.abc import Awaitable, Sequence

import aiohttp

from hummingbot.connector.exchange.standard.chain.endpoints import host_of, shown_error
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Block
from hummingbot.connector.exchange.standard.chain.ws import WsRpcClient
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, Verdict, failed, passed, warned
from hummingbot.connector.exchange.standard.cli.exchange import Exchange
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.rest.client import RestClient

TIMEOUT = 8.0
SLOW_SECONDS = 1.0
BLOCK_WAIT = 5.0
OLD_BLOCK_SECONDS = 30.0
# A block's time is a whole second, and it takes a moment to arrive.
SKEW_SECONDS = 5.0


async def nodes(exchange: Exchange) -> tuple[list[Finding], bool]:
    """What each node says, and whether one of them can be used."""
    answers = await asyncio.gather(*(_node(exchange, url) for url in exchange.network.rpc_urls))
    heads = [block.number for _, block in answers if block is not None]
    findings = []
    for url, (finding, block) in zip(exchange.network.rpc_urls, answers):
        if block is not None and max(heads) - block.number > MAX_LAG_BLOCKS:
            finding = warned(finding.check, f"{finding.detail}, {max(heads) - block.number} blocks behind the others",
                             f"It is left for the others; take {host_of(url)} out of the RPC URLs if that lasts.")
        findings.append(_softer(finding, bool(heads)))
    return findings, bool(heads)


async def _node(exchange: Exchange, url: str) -> tuple[Finding, Block | None]:
    check = f"node {host_of(url)}"
    rpc = RpcClient(exchange.node_transport, [url], exchange.clock, TIMEOUT)
    try:
        chain_id = await rpc.chain_id()
        latency, block = await _timed(exchange, rpc.get_block())
    except (ApiUnavailableError, RpcError) as error:
        return failed(check, str(error), "Check the RPC URL and that this machine reaches it."), None
    wanted = exchange.network.chain_id
    if chain_id != wanted:
        return failed(check, f"chain id {chain_id}, and {exchange.domain} is chain {wanted}",
                      f"Correct {exchange.domain}_rpc_url, or choose the connector of that chain."), None
    if block is None:
        return failed(check, "it has no newest block", "Choose another node."), None
    return _by_latency(check, f"chain id {chain_id}, block {block.number}", latency), block


async def heartbeat(exchange: Exchange) -> list[Finding]:
    """Whether blocks come, how old the newest is, and this machine's clock against its time."""
    clock, rpc = exchange.clock, exchange.venue.rpc
    first = newest = await rpc.get_block()
    began = clock.monotonic()
    while newest is not None and first is not None and newest.number <= first.number and clock.monotonic() - began < BLOCK_WAIT:
        await clock.sleep(0.1)
        newest = await rpc.get_block()
    if first is None or newest is None:
        return [failed("block age", "the node has no newest block", "Choose another node.")]
    age = clock.time() - newest.timestamp
    if newest.number <= first.number:
        old = age > OLD_BLOCK_SECONDS
        return [(failed if old else warned)(
            "block age", f"no new block within {BLOCK_WAIT:.0f} s, the newest is {age:.0f} s old",
            "The chain or this node stands still, or this machine's clock is wrong: try another node.")]
    findings = [passed("block age", f"block {newest.number} is {max(0.0, age):.1f} s old, and new ones come")]
    if -SKEW_SECONDS <= age <= SKEW_SECONDS:
        findings.append(passed("clock", f"{age:+.1f} s against a block that just came"))
    else:
        findings.append(warned("clock", f"{age:+.1f} s against a block that just came",
                               "Set this machine's clock (NTP). If it is right, the node is behind the chain."))
    return findings


async def apis(exchange: Exchange) -> tuple[list[Finding], bool]:
    """What each REST API says, and whether one of them can be used."""
    findings = await asyncio.gather(*(_api(exchange, url) for url in exchange.network.api_urls))
    usable = any(finding.verdict is not Verdict.FAIL for finding in findings)
    return [_softer(finding, usable) for finding in findings], usable


async def _api(exchange: Exchange, url: str) -> Finding:
    check = f"api {host_of(url)}"
    rest = RestClient(exchange.api_transport, [url], TIMEOUT)
    try:
        factory = await rest.factory_address()
        latency, pairs = await _timed(exchange, rest.pairs())
    except ApiUnavailableError as error:
        return failed(check, str(error), "Check the API URL and that this machine reaches it.")
    return _by_latency(check, f"{len(pairs)} pairs of factory {factory}", latency)


async def streams(exchange: Exchange) -> list[Finding]:
    """The WebSockets of the nodes and of the exchange. Without any of them the connector polls."""
    network = exchange.network
    return list(await asyncio.gather(
        *(_stream(exchange, f"node stream {host_of(url)}", _node_stream(exchange, url)) for url in network.rpc_ws_urls),
        *(_stream(exchange, f"{dialect.replace('_', ' ')} {host_of(url)}", _exchange_stream(exchange, url))
          for dialect, url in network.ws_urls)))


async def _stream(exchange: Exchange, check: str, attempt: Awaitable[str]) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT):
            latency, detail = await _timed(exchange, attempt)
    except aiohttp.WSServerHandshakeError as error:
        detail = f"HTTP {error.status} instead of a WebSocket"
    except TimeoutError:
        detail = f"no answer within {TIMEOUT:g} s"
    except aiohttp.ClientConnectorError as error:
        detail = f"cannot be reached ({error.strerror or type(error).__name__})"
    except AssertionError as error:
        detail = shown_error(error)
    except (ApiUnavailableError, RpcError, aiohttp.ClientError, OSError, ValueError) as error:
        detail = str(error) or type(error).__name__
    else:
        return _by_latency(check, detail, latency)
    return warned(check, detail, "Nothing is lost: the connector polls, which is slower.")


async def _node_stream(exchange: Exchange, url: str) -> str:
    client = WsRpcClient(await exchange.factory.get_ws_assistant(), url, exchange.clock, TIMEOUT)
    try:
        await client.open()
        told = str(await client.call("eth_chainId"))
    finally:
        await client.close()
    if told != hex(exchange.network.chain_id):
        raise ApiUnavailableError(f"it belongs to another chain, {told[:20]}")
    return "connected, the right chain"


async def _exchange_stream(exchange: Exchange, url: str) -> str:
    assistant = await exchange.factory.get_ws_assistant()
    try:
        await assistant.connect(url, ping_timeout=TIMEOUT)
    finally:
        await assistant.disconnect()
    return "connected"


async def _timed[T](exchange: Exchange, work: Awaitable[T]) -> tuple[float, T]:
    began = exchange.clock.monotonic()
    result = await work
    return exchange.clock.monotonic() - began, result


def _by_latency(check: str, detail: str, latency: float) -> Finding:
    detail = f"{latency * 1e3:.0f} ms, {detail}"
    if latency <= SLOW_SECONDS:
        return passed(check, detail)
    return warned(check, detail, "It is slow: orders and prices are late by that much. Choose one that is nearer.")


def _softer(finding: Finding, others_work: bool) -> Finding:
    """One endpoint of several that fails does not prevent trading."""
    soft = finding.verdict is Verdict.FAIL and others_work
    return finding._replace(verdict=Verdict.WARN, advice=f"{finding.advice} The others are used meanwhile.") if soft else finding


def urls_of(exchange: Exchange) -> Sequence[str]:
    """All configured URLs."""
    network = exchange.network
    return [*network.rpc_urls, *network.api_urls, *network.rpc_ws_urls, *(url for _, url in network.ws_urls)]
