"""The sandbox's WebSockets as a client meets them: answers and errors, logins really verified, limits, and their switches."""
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.stream_auth import AuthenticationRefused, Authenticator, signer
from hummingbot.connector.exchange.standard.sandbox.stream_connection import StreamSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

ENGINE = "0x" + "e1" * 20


class Client:
    """A raw connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.number = 0

    async def next(self) -> Any:
        message = await self.socket.receive(timeout=3)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            return self.socket.close_code
        return json.loads(message.data) if message.data.startswith(("{", "[")) else message.data

    async def ask(self, method: str, **params: Any) -> Any:
        """The answer to a request; news before it are passed over."""
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": params or None})
        while True:
            answer = await self.next()
            if isinstance(answer, int) or (isinstance(answer, dict) and (answer.get("id") == self.number or "code" in answer)):
                return answer

    async def error(self, method: str, **params: Any) -> int:
        return int((await self.ask(method, **params))["error"]["code"])


@asynccontextmanager
async def connected(path: str, **settings: Any) -> AsyncIterator[tuple[Sandbox, Client]]:
    chosen = {"port": 0, "mining": Mining.INSTANT, "traders": TraderSettings(enabled=False)} | settings
    async with Sandbox(SandboxSettings(**chosen)) as sandbox, aiohttp.ClientSession() as session, \
            session.ws_connect(sandbox.url + path, autoping=False) as socket:
        yield sandbox, Client(socket)


# Logins

def login(auth: Authenticator, wallet: Wallet, timestamp: int) -> dict[str, Any]:
    return {"api_key": wallet.address, "timestamp": timestamp,
            "signature": wallet.sign_message(auth.text(wallet.address, timestamp))}


def refused(auth: Authenticator, params: dict[str, Any]) -> int:
    with pytest.raises(AuthenticationRefused) as error:
        auth.verify(params)
    return error.value.code


def test_a_login_is_verified_by_recovery_and_counts_once() -> None:
    clock = ManualClock(1_000.0)
    auth, wallet = Authenticator(5031, ENGINE, clock), Wallet("0x" + "11" * 32)
    good = login(auth, wallet, 1_000_000)
    assert auth.verify({**good, "api_key": good["api_key"].upper().replace("0X", "0x")}) == wallet.address
    assert refused(auth, good) == 2005
    assert auth.verify(login(auth, wallet, 1_000_001)) == wallet.address


def test_what_is_missing_forged_stale_or_early_is_refused() -> None:
    clock = ManualClock(1_000.0)
    auth, wallet, other = Authenticator(5031, ENGINE, clock), Wallet("0x" + "11" * 32), Wallet("0x" + "22" * 32)
    good = login(auth, wallet, 1_000_000)
    assert [refused(auth, {key: value for key, value in good.items() if key != name}) for name in good] == [2001] * 3
    assert refused(auth, {**good, "api_key": other.address}) == 2002
    assert refused(auth, {**good, "timestamp": 1_000_001}) == 2002
    assert refused(auth, login(auth, wallet, 969_999)) == 2003
    assert refused(auth, login(auth, wallet, 1_005_001)) == 2004
    for elsewhere in (Authenticator(1, ENGINE, clock), Authenticator(5031, "0x" + "e2" * 20, clock)):
        assert refused(auth, login(elsewhere, wallet, 1_000_000)) == 2002
    for name, value in (("signature", "0x12"), ("signature", "0x" + "00" * 65), ("signature", 5), ("timestamp", "1000000"),
                        ("timestamp", True), ("api_key", "me"), ("signature", "0x" + "ff" * 65)):
        assert refused(auth, {**good, name: value}) == 2002
    assert signer("text", b"\1" * 64 + b"\x05") is None


# channels

async def test_requests_are_answered_by_id_and_wrong_ones_by_a_code() -> None:
    async with connected("/ws/channels") as (sandbox, client):
        book = sandbox.markets[0].book
        assert (await client.ask("ping"))["result"] == "pong"
        answer = await client.ask("subscribe", channel="orderbook", pairs=[book.upper().replace("0X", "0x"), "wbtc/usdc"])
        assert answer["result"] == {"channel": "orderbook", "pairs": [market.book for market in sandbox.markets]}
        assert [(await client.next())["pair"] for _ in range(2)] == [market.book for market in sandbox.markets]
        assert await client.error("trade") == 1001
        assert await client.error("subscribe") == 1002
        assert await client.error("subscribe", channel="orderbook", pairs=[]) == 1002
        assert await client.error("subscribe", channel="candles") == 1003
        assert await client.error("subscribe", channel="orderbook", pairs=[book, "ABC/DEF"]) == 1004
        assert await client.error("subscribe", channel="fills") == 2001
        for text in ("{", "[]", '{"method": "ping"}', '{"id": [], "method": "ping"}'):
            await client.socket.send_str(text)
            answer = await client.next()
            assert (answer["id"], answer["error"]["code"]) == (None, 1000)


async def test_private_channels_need_a_good_login_and_a_reachable_block() -> None:
    async with connected("/ws/channels") as (sandbox, client):
        wallet = Wallet(sandbox.accounts[0].private_key)
        auth = Authenticator(31337, sandbox.engine_address, sandbox.clock)
        now = int(sandbox.clock.time() * 1e3)
        first = await client.ask("subscribe", channel="orders", **login(auth, wallet, now))
        assert first["result"] == {"channel": "orders", "account": wallet.address}
        assert (await client.next())["open"] == []
        assert await client.error("subscribe", channel="fills", **login(auth, wallet, now)) == 2005
        assert await client.error("subscribe", channel="fills", **{**login(auth, wallet, now + 1), "api_key": ENGINE}) == 2002
        assert await client.error("subscribe", channel="fills", from_block="now", **login(auth, wallet, now + 2)) == 1002
        assert (await client.ask("unsubscribe", channel="orders"))["result"] == {"channel": "orders"}
        sandbox.node.mine(5_010)
        assert await client.error("subscribe", channel="fills", from_block=3, **login(auth, wallet, now + 3)) == 4001


async def test_every_block_is_told_once_its_news_are() -> None:
    async with connected("/ws/channels") as (sandbox, client):
        await client.ask("subscribe", channel="trades", pairs=["SOMI/USDC"])
        assert (await client.next())["type"] == "snapshot"
        sandbox.node.mine(2)
        sandbox.node.reorganise(1)
        told = [await client.next() for _ in range(4)]
        assert [(message["type"], message["number"]) for message in told] == [("block", number) for number in (1, 2, 1, 2)]
        assert told[2]["hash"] == told[0]["hash"] and told[3]["hash"] != told[1]["hash"]


async def test_a_lagging_indexer_makes_a_lagging_stream() -> None:
    async with connected("/ws/channels") as (sandbox, client):
        await client.ask("subscribe", channel="trades", pairs=["SOMI/USDC"])
        await client.next()
        sandbox.indexer.settings.lag_blocks = 2
        sandbox.node.mine(3)
        assert (await client.next())["number"] == 1
        with pytest.raises(TimeoutError):
            await client.socket.receive(timeout=0.1)


async def test_too_many_requests_are_refused_and_far_too_many_end_the_connection() -> None:
    async with connected("/ws/channels", streams=StreamSettings(requests_per_second=5)) as (_, client):
        codes = [(await client.ask("ping")).get("error", {}).get("code") for _ in range(8)]
        assert codes == [None] * 5 + [3001] * 3
        for _ in range(40):
            await client.socket.send_str('{"id": 1, "method": "ping"}')
        while not isinstance(answer := await client.next(), int):
            continue
        assert answer == 4029


async def test_a_client_that_says_nothing_is_sent_away() -> None:
    settings = StreamSettings(heartbeat_seconds=0.1, client_silence_seconds=0.4)
    async with connected("/ws/channels", streams=settings) as (_, client):
        told = [await client.next() for _ in range(3)]
        assert [message["method"] for message in told] == ["ping"] * 3
        while not isinstance(answer := await client.next(), int):
            continue
        assert answer == 4008


async def test_pings_of_the_protocol_are_answered_unless_all_is_stalled() -> None:
    async with connected("/ws/channels") as (sandbox, client):
        for stalled in ("stall_with_pongs", "stall"):
            setattr(sandbox.faults.stream, stalled, True)
            await client.socket.ping(b"there?")
            if stalled == "stall":
                with pytest.raises(TimeoutError):
                    await client.socket.receive(timeout=0.2)
            else:
                assert (await client.socket.receive(timeout=1)).type is aiohttp.WSMsgType.PONG


# spot_streams

@pytest.mark.parametrize(("layout", "beats"), [("docs", ["Hello", {"method": "ping"}]), ("sdk", ["Hello"]),
                                               ("iter", [{"method": "ping"}])])
async def test_each_layout_has_its_heartbeat(layout: str, beats: list[Any]) -> None:
    async with connected(f"/ws/spot?layout={layout}", streams=StreamSettings(heartbeat_seconds=0.1)) as (_, client):
        assert [await client.next() for _ in beats] == beats
        await client.socket.send_str("Hello")
        await client.socket.send_str('{"method": "pong"}')
        assert (await client.ask("spot.trades.subscribe.pairs.all"))["result"] is None


async def test_requests_that_are_none_get_the_documented_error() -> None:
    async with connected("/ws/spot") as (_, client):
        assert (await client.ask("spot.nothing.subscribe.pairs"))["code"] == 1
        assert (await client.ask("spot.trades.subscribe.pairs", pairs=["ABC/DEF"]))["msg"] == "Internal Error: no pair ABC/DEF"
        assert (await client.ask("spot.orderbook.subscribe.pairs", books=[{"pair": "SOMI/USDC", "step": "0"}]))["code"] == 1
        assert (await client.ask("spot.bars.subscribe", ids=["SOMI/USDC-PairYear"]))["code"] == 1
        await client.socket.send_str("[")
        assert (await client.next())["code"] == 1


async def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with connected("/ws/spot?layout=other"):
            pass
    assert error.value.status == 400


# Switches

async def test_stream_faults_are_switched_over_http_and_cleared_with_the_others() -> None:
    async with connected("/ws/channels") as (sandbox, client), aiohttp.ClientSession() as session:
        async def post(**body: Any) -> tuple[int, Any]:
            async with session.post(f"{sandbox.url}/admin/faults", json=body) as answer:
                return answer.status, await answer.json()
        status, state = await post(stream={"drop": 0.5, "close_code": 4321})
        assert status == 200 and state["stream"]["drop"] == 0.5
        assert await client.next() == 4321
        assert (await post(stream={"drop": "much"}))[0] == 400
        assert (await post(stream={"unknown": 1}))[0] == 400
        assert (await post(clear=True))[1]["stream"]["close_code"] == 0
        assert sandbox.faults.stream.drop == 0.0


async def test_stopping_the_sandbox_closes_its_streams() -> None:
    sandbox = Sandbox(SandboxSettings(port=0))
    await sandbox.start()
    async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.channels_url) as socket:
        stopping = asyncio.ensure_future(sandbox.stop())
        message = await socket.receive(timeout=2)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        await stopping
        assert not sandbox.streams.connections
