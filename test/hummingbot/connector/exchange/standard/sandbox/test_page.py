"""The sandbox's page as it is served: its files, its socket, and the view that it gets. `make test-page` looks at it."""
import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.sandbox.page_server import FILES
from hummingbot.connector.exchange.standard.sandbox.page_view import Choice, PageView, digits_of_amount, digits_of_price
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.sandbox.traffic import Interface, Traffic
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, TOKEN_PAIR, Trader, quiet_sandbox


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[tuple[Sandbox, aiohttp.ClientSession]]:
    async with quiet_sandbox(**settings) as sandbox, aiohttp.ClientSession() as session:
        yield sandbox, session


async def view(socket: aiohttp.ClientWebSocketResponse, **choice: Any) -> Any:
    """The next view that shows what was chosen."""
    await socket.send_json(choice)
    async with asyncio.timeout(5):
        while True:
            shown = await socket.receive_json()
            if (shown["market"]["pair"], shown["account"]["number"]) == (
                    choice.get("market", NATIVE_PAIR), choice.get("account", 0)):
                return shown


# Files

async def test_the_page_and_all_that_it_asks_for_come_from_the_sandbox_under_a_strict_policy() -> None:
    async with served() as (sandbox, session):
        asked = {path.name for path in FILES.iterdir()} - {"index.html"}
        async with session.get(sandbox.url) as answer:
            text = await answer.text()
            assert answer.content_type == "text/html" and answer.headers["Content-Security-Policy"].startswith(
                "default-src 'none'; script-src 'self'; style-src 'self';")
        named = set(re.findall(r'(?:href|src)="page/([^"]+)"', text))
        for name in asked:
            async with session.get(f"{sandbox.url}/page/{name}") as answer:
                assert answer.status == 200 and answer.headers["X-Content-Type-Options"] == "nosniff"
                named |= set(re.findall(r'from "\./([^"]+)"', await answer.text()))
        assert named == asked
        assert not re.search(r"https?://|\bstyle=|\bon\w+=", text)


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fserver.py", "%2e%2e%2fserver.py", "socket/x"])
async def test_nothing_else_is_served(name: str) -> None:
    async with served() as (sandbox, session), session.get(f"{sandbox.url}/page/{name}") as answer:
        assert answer.status == 404


def test_scripts_set_texts_and_never_markup() -> None:
    for path in FILES.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|setAttribute\(\"style",
                             path.read_text(encoding="utf-8")), path.name


async def test_a_websocket_at_the_root_is_still_the_nodes() -> None:
    async with served() as (sandbox, session), session.ws_connect(sandbox.url) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
        assert (await socket.receive_json())["result"] == "0x7a69"


async def test_faults_spare_the_page_and_it_does_not_count_as_traffic() -> None:
    async with served() as (sandbox, session):
        sandbox.faults.add("status", status=500)
        sandbox.faults.stream.refuse = sandbox.faults.node_stream.refuse = True
        async with session.get(sandbox.url) as answer:
            assert answer.status == 200
        async with session.post(sandbox.url, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}) as answer:
            assert answer.status == 500
        async with session.ws_connect(sandbox.url + "/page/socket") as socket:
            shown = await view(socket)
        assert shown["faults"] == ["HTTP: status 500, applied 1 times", "streams: refuse", "node's stream: refuse"]
        assert [(row["interface"], row["perSecond"]) for row in shown["requests"]] == [("JSON-RPC", 0.1), ("REST API", 0.0)]


async def test_pages_of_other_origins_may_not_look_in() -> None:
    async with served() as (sandbox, session):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(sandbox.url + "/page/socket", origin="http://example.org")
        assert refused.value.status == 403
        async with session.ws_connect(sandbox.url + "/page/socket", origin=sandbox.url) as socket:
            assert (await view(socket))["chain"]["id"] == 31337


async def test_viewers_are_told_when_the_sandbox_stops_and_do_not_keep_it() -> None:
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        async with quiet_sandbox() as sandbox:
            socket = await session.ws_connect(sandbox.url + "/page/socket")
            await view(socket)
            closed = asyncio.ensure_future(_until_closed(socket))
        assert await closed == 1001


async def _until_closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    async for _ in socket:
        continue
    return socket.close_code


# What is shown

async def test_orders_fills_and_balances_are_exact_and_the_accounts_own() -> None:
    async with served() as (sandbox, session), session.ws_connect(sandbox.url + "/page/socket") as socket:
        market, maker, taker = sandbox.markets[0], Trader(sandbox, account=0), Trader(sandbox, account=1)
        await maker.approve(market)
        await taker.approve(market)
        await maker.sell(market, 66_000_000, 10 * 10 ** 18)
        await maker.buy(market, 64_000_000, 6_400_000)
        await taker.sell(market, 66_000_000, 3 * 10 ** 18)
        await taker.buy(market, 66_000_000, 1_320_000, rests=False)
        mine, theirs = await view(socket), await view(socket, account=1)
    assert [(row["side"], row["price"], Decimal(row["left"])) for row in mine["account"]["orders"]] == [
        ("buy", "0.64000000", 10), ("sell", "0.66000000", 8)]
    (ask,) = mine["depth"]["asks"]
    assert (Decimal(ask["amount"]), Decimal(ask["own"])) == (11, 8)
    assert [(Decimal(level["amount"]), level["own"]) for level in theirs["depth"]["bids"]] == [(10, None)]
    (fill,), (other,) = mine["account"]["fills"], theirs["account"]["fills"]
    assert (fill["side"], fill["role"], Decimal(fill["amount"]), fill["fee"], fill["feeToken"]) == (
        "sell", "maker", 2, "0.001320", "USDC")
    assert (other["side"], other["role"], Decimal(other["fee"]), other["feeToken"]) == ("buy", "taker", Decimal("0.002"), "SOMI")
    assert [(trade["side"], trade["price"], Decimal(trade["amount"])) for trade in mine["trades"]] == [("buy", "0.66000000", 2)]
    balances = {row["symbol"]: row for row in mine["account"]["balances"]}
    for symbol, units, decimals in (("SOMI", sandbox.node.balance(maker.wallet.address), 18),
                                    ("USDC", sandbox.view.balance(market.quote.address, maker.wallet.address), 6)):
        assert Decimal(balances[symbol]["free"]).scaleb(decimals) == units
    assert [Decimal(balances[symbol]["inOrders"]) for symbol in ("SOMI", "USDC", "WBTC")] == [8, Decimal("6.4"), 0]


async def test_connections_are_told_with_what_they_listen_to_and_when_they_last_heard_something() -> None:
    async with served(block_interval=0.05) as (sandbox, session), session.ws_connect(sandbox.channels_url) as client, \
            session.ws_connect(sandbox.rpc_ws_url) as node:
        await client.send_json({"id": 1, "method": "subscribe", "params": {"channel": "trades", "pairs": ["SOMI/USDC"]}})
        await node.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
        await asyncio.sleep(0.3)
        streams = {row["kind"]: row for row in PageView(sandbox).show(Choice())["streams"]}
        assert {kind: row["subscriptions"] for kind, row in streams.items()} == {
            "exchange": [f"trades:{NATIVE_PAIR}"], "node": ["newHeads"]}
        assert all(row["sent"] > 1 and 0 <= row["age"] < 0.5 <= row["open"] + 0.5 for row in streams.values())
        sandbox.faults.stream.stall = True
        await asyncio.sleep(0.6)
        streams = {row["kind"]: row for row in PageView(sandbox).show(Choice())["streams"]}
        assert streams["exchange"]["age"] > 0.5 > streams["node"]["age"]


async def test_the_subscriptions_of_the_documented_dialect_are_told_too() -> None:
    async with served() as (sandbox, session), session.ws_connect(sandbox.spot_streams_url) as client:
        account = sandbox.accounts[2].address
        for number, (method, params) in enumerate((
                ("spot.trades.subscribe.pairs", {"pairs": ["SOMI/USDC"]}),
                ("spot.orderbook.subscribe.pairs", {"books": [{"pair": "SOMI/USDC", "step": "0.01"}]}),
                ("spot.bars.subscribe", {"ids": ["SOMI/USDC-PairMin"]}),
                ("spot.orders.subscribe.accounts", {"addresses": [account]}))):
            await client.send_json({"id": number, "method": method, "params": params})
            while (await client.receive_json()).__class__ is list:
                continue
        (stream,) = PageView(sandbox).show(Choice())["streams"]
        assert stream["subscriptions"] == [f"trades:{NATIVE_PAIR}", f"orderbook:{NATIVE_PAIR}:0.01", "bars:SOMI/USDC-PairMin",
                                           "spot.orders.account 2.accounts"]


@pytest.mark.parametrize("wanted", [None, [], {}, {"market": 7, "account": "0"}, {"market": "ABC-DEF", "account": 99},
                                    {"account": -1}, {"account": True, "market": None}])
async def test_a_choice_that_does_not_exist_shows_the_first_market_and_ones_own_account(wanted: Any) -> None:
    async with quiet_sandbox() as sandbox:
        shown = PageView(sandbox).show(Choice.read(wanted))
        assert (shown["market"]["pair"], shown["account"]["number"]) == (NATIVE_PAIR, 0)


async def test_a_market_that_is_delisted_or_all_of_them_can_be_looked_at_without_failing() -> None:
    async with quiet_sandbox() as sandbox:
        sandbox.set_listed(sandbox.markets[0].book, False)
        shown = PageView(sandbox).show(Choice(NATIVE_PAIR))
        assert (shown["market"]["pair"], shown["markets"]) == (TOKEN_PAIR, [TOKEN_PAIR])
        sandbox.set_listed(sandbox.markets[1].book, False)
        empty = PageView(sandbox).show(Choice())
        assert (empty["market"], empty["depth"], empty["trades"], empty["markets"]) == (None, None, [], [])
        json.dumps(empty)


@pytest.mark.parametrize(("price", "price_digits", "amount_digits"), [
    ("60000", 2, 6), ("0.65", 6, 2), ("1", 5, 2), ("0.00001234", 8, 2), ("123456789", 2, 8), ("0", 8, 8)])
def test_six_digits_of_a_price_and_about_a_cent_of_an_amount_are_shown(price: str, price_digits: int, amount_digits: int) -> None:
    assert digits_of_price(Decimal(price)) == price_digits
    assert digits_of_amount(Decimal(price), 8) == amount_digits


async def test_traffic_is_counted_over_ten_seconds() -> None:
    clock = ManualClock(1_000.0)
    traffic = Traffic(clock)
    assert traffic.age(Interface.REST) is None
    for _ in range(5):
        traffic._count(Interface.REST)
        await clock.advance(1.0)
    assert (traffic.per_second(Interface.REST), traffic.per_second(Interface.RPC)) == (0.5, 0.0)
    assert traffic.age(Interface.REST) == 1.0
    await clock.advance(6.5)
    assert traffic.per_second(Interface.REST) == 0.3
