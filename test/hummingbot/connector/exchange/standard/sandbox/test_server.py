"""A served sandbox: what it offers, its switches over HTTP, how it starts, refuses and stops."""
import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, decode_revert
from hummingbot.connector.exchange.standard.sandbox.engine_state import Spread
from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from test.hummingbot.connector.exchange.standard.clocks import ManualClock


def quiet(**settings: Any) -> SandboxSettings:
    """Settings without traders, on a free port, that mine at once."""
    defaults: dict[str, Any] = {"port": 0, "mining": Mining.INSTANT, "traders": TraderSettings(enabled=False)}
    return SandboxSettings(**{**defaults, **settings})


class Client:
    """A person at the sandbox's door."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.session = session
        self.sandbox = sandbox

    async def get(self, path: str) -> Any:
        async with self.session.get(self.sandbox.url + path) as response:
            return await response.json()

    async def admin(self, name: str, status: int = 200, /, **body: Any) -> Any:
        async with self.session.post(f"{self.sandbox.url}/admin/{name}", json=body) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer

    async def rpc(self, method: str, *parameters: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        async with self.session.post(self.sandbox.rpc_url, json=request) as response:
            return (await response.json())["result"]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Sandbox(quiet()) as sandbox, aiohttp.ClientSession() as session:
        yield Client(session, sandbox)


def sell(sandbox: Sandbox, price: int, units: int) -> str:
    """Account 0 offers native tokens; returns the transaction's hash."""
    market, wallet = sandbox.markets[0], sandbox.accounts[0]
    data = ENGINE_FUNCTIONS["limitSellETH"].encode(market.quote.address, price, True, 20, wallet.address)
    return sandbox.node.submit(wallet.sign(
        chain_id=31337, nonce=sandbox.node.nonce(wallet.address, pending=True), to=sandbox.engine_address, gas_limit=3_000_000,
        gas_price=sandbox.node.gas_price, data=data, value=units))


async def test_an_order_sent_to_the_node_appears_in_the_api(client: Client) -> None:
    sandbox = client.sandbox
    assert int(await client.rpc("eth_chainId"), 16) == 31337
    (row, _) = (await client.get("/api/pairs/10/1"))["pairs"]
    assert row["symbol"] == "SOMI/USDC" and row["id"].lower() == sandbox.markets[0].book
    transaction = sell(sandbox, 66_000_000, 10 ** 18)
    assert (await client.rpc("eth_getTransactionReceipt", transaction))["status"] == "0x1"
    orders = (await client.get(f"/api/orders/{sandbox.accounts[0].address}/10/1"))["orders"]
    assert [(order["price"], order["placed"], order["txHash"]) for order in orders] == [(0.66, 1.0, transaction)]


async def test_running_traders_fill_books_trades_and_candles() -> None:
    async with Sandbox(SandboxSettings(port=0, block_interval=0.02, traders=TraderSettings(takes_per_second=20))) as sandbox, \
            aiohttp.ClientSession() as session:
        client = Client(session, sandbox)
        base, quote = sandbox.markets[1].base.address, sandbox.markets[1].quote.address
        async with asyncio.timeout(10):
            while not (await client.get(f"/api/trades/pair/{base}/{quote}/10/1"))["trades"]:
                await sandbox.clock.sleep(0.05)
        book = await client.get(f"/api/orderbook/ticks/{base}/{quote}/10")
        assert len(book["bids"]) == len(book["asks"]) == 10 and book["bids"][0]["price"] < book["asks"][0]["price"]
        assert (await client.get(f"/api/ohlcv/min/{base}/{quote}/10/1"))["buckets"][0]["count"] > 0
        assert (await client.get("/admin/state"))["traders"]["sent"] > 90


async def test_a_served_sandbox_lives_on_the_clock_that_it_is_given() -> None:
    heads = []
    for _ in range(2):
        clock = ManualClock(1_750_000_000)
        async with Sandbox(SandboxSettings(port=0), clock) as sandbox:
            for _ in range(100):
                await clock.advance(0.1)
            heads.append((sandbox.node.head.number, sandbox.node.head.hash, sandbox.node.head.timestamp))
            assert sandbox.traders.sent > 100
    assert heads[0] == heads[1] and 98 <= heads[0][0] <= 101 and 1_750_000_009 <= heads[0][2] <= 1_750_000_010


async def test_the_account_with_the_printed_key_is_funded(client: Client) -> None:
    wallet = client.sandbox.accounts[0]
    assert wallet.private_key not in repr(wallet)
    assert int(await client.rpc("eth_getBalance", wallet.address, "latest"), 16) > 10 ** 20
    assert client.sandbox.view.balance(client.sandbox.markets[0].quote.address, wallet.address) > 10 ** 9


async def test_fees_and_spreads_come_from_the_settings() -> None:
    sandbox = Sandbox(quiet(limit_spread=Spread(7, 8), maker_fee=0, taker_fee=123))
    market = sandbox.markets[0]
    assert sandbox.view.limit_spread(market.book) == (7, 8)
    fees = [sandbox.view.call(sandbox.engine_address, ENGINE_FUNCTIONS["feeOf"], market.base.address, market.quote.address,
                              sandbox.accounts[0].address, is_maker)[0] for is_maker in (True, False)]
    assert fees == [0, 123]


@pytest.mark.parametrize(("settings", "words"), [
    ({"host": "0.0.0.0"}, "not a loopback address"), ({"host": "example.org"}, "not a loopback address"),
    ({"port": 70000}, "not a port"), ({"block_interval": 0}, "choose one above 0")])
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Sandbox(SandboxSettings(**settings))


async def test_a_taken_port_is_an_error_and_leaves_nothing_running() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        sandbox = Sandbox(quiet(port=taken.getsockname()[1]))
        with pytest.raises(OSError):
            await sandbox.start()
        await sandbox.stop()


async def test_a_stopped_sandbox_frees_its_port_and_ends_its_tasks() -> None:
    async with Sandbox(quiet(mining=Mining.INTERVAL)) as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[1])
    with socket.socket() as again:
        again.bind(("127.0.0.1", port))
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("sandbox")]
    assert sandbox.failure is None


async def test_a_task_that_fails_stops_the_sandbox_and_is_told(client: Client) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")
    client.sandbox.keep(asyncio.create_task(fail()))
    async with asyncio.timeout(2):
        await client.sandbox.stopped.wait()
    assert str(client.sandbox.failure) == "broken"


async def test_connections_are_refused_for_a_while_and_then_accepted_on_the_same_port(client: Client) -> None:
    url = client.sandbox.url
    await client.admin("refuse", seconds=0.3)
    with pytest.raises(aiohttp.ClientConnectionError):
        async with asyncio.timeout(2):
            while True:
                await client.get("/api/exchange")
                await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        while True:
            try:
                assert (await client.get("/api/exchange"))["id"] == "standard-exchange"
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
    assert client.sandbox.url == url


# Switches over HTTP


async def test_blocks_are_mined_and_replaced_on_request(client: Client) -> None:
    await client.admin("mining", mode="manual")
    transaction = sell(client.sandbox, 66_000_000, 10 ** 18)
    head = client.sandbox.node.head.number
    assert (await client.admin("mine", blocks=3))["head"] == head + 3
    assert (await client.rpc("eth_getTransactionReceipt", transaction))["status"] == "0x1"
    removed = (await client.admin("reorg", depth=3, mode="vanish"))["removed"]
    assert len(removed) == 3 and await client.rpc("eth_getTransactionReceipt", transaction) is None
    assert (await client.get(f"/api/orders/{client.sandbox.accounts[0].address}/10/1"))["orders"] == []
    assert "cannot be replaced" in (await client.admin("reorg", 400, depth=1000))["error"]


async def test_the_operator_changes_spread_and_fee_by_transaction(client: Client) -> None:
    sandbox, market = client.sandbox, client.sandbox.markets[0]
    answer = await client.admin("spread", pair="SOMI-USDC", buy=200_000, sell=300_000)
    assert (await client.rpc("eth_getTransactionReceipt", answer["transaction"]))["status"] == "0x1"
    assert sandbox.view.limit_spread(market.book) == (200_000, 300_000)
    await client.admin("fee", maker=False, fee=250_000)
    arguments = (market.base.address, market.quote.address, sandbox.accounts[0].address, False)
    assert sandbox.view.call(sandbox.engine_address, ENGINE_FUNCTIONS["feeOf"], *arguments) == (250_000,)


async def test_a_delisted_pair_is_neither_shown_nor_traded_until_it_is_listed_again(client: Client) -> None:
    sandbox = client.sandbox
    await client.admin("delist", pair="SOMI/USDC")
    assert [row["symbol"] for row in (await client.get("/api/pairs/10/1"))["pairs"]] == ["WBTC/USDC"]
    receipt = sandbox.node.receipt(sell(sandbox, 66_000_000, 10 ** 18))
    assert receipt is not None and not receipt.success
    assert decode_revert(receipt.return_data).name == "PairNotListedYet"
    await client.admin("delist", pair="SOMI/USDC", listed=True)
    receipt = sandbox.node.receipt(sell(sandbox, 66_000_000, 10 ** 18))
    assert receipt is not None and receipt.success and len((await client.get("/api/pairs/10/1"))["pairs"]) == 2


async def test_traders_and_shapes_change_while_it_runs(client: Client) -> None:
    await client.admin("api", wrapped_tokens=False, blocks_shape="flat")
    assert isinstance(await client.get("/api/tokens/10/1"), list)
    changed = await client.admin("traders", enabled=True, takes_per_second=4, take_value=[1, 2])
    assert (changed["takes_per_second"], changed["take_value"]) == (4.0, [1, 2])
    assert client.sandbox.traders.settings.enabled


@pytest.mark.parametrize(("name", "body", "words"), [
    ("mine", {"blocks": -1}, "blocks must be"), ("mine", {"block": 1}, "unknown: block"), ("mining", {"mode": "odd"}, "odd"),
    ("spread", {"pair": "A/B", "buy": 1, "sell": 1}, "there are SOMI/USDC"), ("fee", {"maker": 1, "fee": 1}, "true or false"),
    ("fee", {"maker": True, "fee": 10 ** 9}, "at most"), ("traders", {"seed": 4}, "unknown: seed"),
    ("traders", {"take_value": [2, 1]}, "the smaller first"), ("api", {"blocks_shape": "round"}, "round"),
    ("delist", {"pair": "SOMI/USDC", "listed": "no"}, "true or false"), ("refuse", {"seconds": "long"}, "must be a number"),
    ("faults", {"http": [{"kind": "odd"}]}, "odd"), ("faults", {"http": [{}]}, "needs a kind"),
    ("faults", {"http": [{"kind": "latency", "probability": 2}]}, "between 0 and 1"),
    ("faults", {"http": [{"kind": "latency", "hits": 2}]}, "unknown: hits"),
    ("faults", {"http": [{"kind": "status", "status": 200}]}, "between 400 and 599"),
    ("faults", {"node": {"blocks_behind": True}}, "whole number"), ("faults", {"node": {"odd": 1}}, "unknown: odd"),
    ("faults", {"indexer": {"lag_seconds": -1}}, "at least 0"), ("faults", {"indexer": {"undo_blocks": 1}}, "unknown")])
async def test_bad_admin_requests_say_why_and_change_nothing(client: Client, name: str, body: dict[str, Any], words: str) -> None:
    before = client.sandbox.faults.state(), await client.get("/admin/state")
    assert words in (await client.admin(name, 400, **body))["error"]
    assert (client.sandbox.faults.state(), await client.get("/admin/state")) == before


async def test_admin_wants_json(client: Client) -> None:
    async with client.session.post(f"{client.sandbox.url}/admin/mine", data=b"{}") as response:
        assert response.status == 415
    async with client.session.post(f"{client.sandbox.url}/admin/mine", data=b"[]",
                                   headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400


async def test_faults_are_listed_replaced_and_cleared(client: Client) -> None:
    set_to = await client.admin("faults", http=[{"kind": "latency", "seconds": 0.01, "path": "/api/orders/*"}],
                                node={"blocks_behind": 2}, indexer={"lag_seconds": 3})
    assert set_to == await client.get("/admin/faults")
    assert (set_to["http"][0]["path"], set_to["node"]["blocks_behind"], set_to["indexer"]["lag_seconds"]) == (
        "/api/orders/*", 2, 3.0)
    cleared = await client.admin("faults", clear=True)
    assert (cleared["http"], cleared["node"]["blocks_behind"], cleared["indexer"]["lag_seconds"]) == ([], 0, 0.0)
