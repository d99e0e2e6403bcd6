"""Every fault as a client sees it."""
import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.sandbox.faults import HttpFault, Kind, Target
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from test.hummingbot.connector.exchange.standard.sandbox.test_server import Client, quiet, sell

EXCHANGE = "/api/exchange"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Sandbox(quiet()) as sandbox, aiohttp.ClientSession() as session:
        yield Client(session, sandbox)


async def raw(client: Client, path: str = EXCHANGE) -> tuple[int, Any, bytes]:
    async with client.session.get(client.sandbox.url + path) as response:
        return response.status, response.headers, await response.read()


@pytest.mark.parametrize(("status", "retry_after"), [(427, None), (427, 2.5), (429, 7), (500, None)])
async def test_http_errors_with_and_without_retry_after(client: Client, status: int, retry_after: float | None) -> None:
    client.sandbox.faults.add("status", status=status, retry_after=retry_after)
    answer, headers, body = await raw(client)
    assert answer == status and "error" in json.loads(body)
    assert headers.get("Retry-After") == (None if retry_after is None else f"{retry_after:g}")


async def test_a_bad_gateway_answers_html(client: Client) -> None:
    client.sandbox.faults.add("status", status=502)
    status, headers, body = await raw(client)
    assert status == 502 and headers["Content-Type"].startswith("text/html") and body.startswith(b"<html>")


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.LOST])
async def test_connections_close_without_an_answer(client: Client, kind: Kind) -> None:
    client.sandbox.faults.add(kind)
    with pytest.raises(aiohttp.ClientConnectionError):
        await raw(client)


async def test_a_refused_request_is_not_handled_and_a_lost_answers_is(client: Client) -> None:
    sandbox, wallet = client.sandbox, client.sandbox.accounts[0]
    for kind, mined in ((Kind.REFUSED, 0), (Kind.LOST, 1)):
        rule = sandbox.faults.add(kind, target=Target.RPC, method="eth_sendRawTransaction")
        transaction = wallet.sign(chain_id=31337, nonce=0, to=wallet.address, gas_limit=21_000,
                                  gas_price=sandbox.node.gas_price)
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.rpc("eth_sendRawTransaction", "0x" + transaction.hex())
        assert int(await client.rpc("eth_getTransactionCount", wallet.address, "latest"), 16) == mined
        assert rule.hits == 1
        sandbox.faults.remove(rule)


async def test_a_connection_breaks_in_mid_answer(client: Client) -> None:
    client.sandbox.faults.add("reset")
    async with client.session.get(client.sandbox.url + EXCHANGE) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_nothing_is_answered_until_the_client_gives_up(client: Client) -> None:
    client.sandbox.faults.add("timeout", seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await raw(client)


async def test_latency_delays_and_still_answers(client: Client) -> None:
    client.sandbox.faults.add("latency", seconds=0.2)
    started = asyncio.get_running_loop().time()
    assert (await raw(client))[0] == 200
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_json_is_cut_off(client: Client) -> None:
    whole = (await raw(client))[2]
    client.sandbox.faults.add("truncated")
    status, _, body = await raw(client)
    assert status == 200 and whole.startswith(body) and 0 < len(body) < len(whole)
    with pytest.raises(ValueError):
        json.loads(body)


async def test_values_of_wrong_types_nan_null_and_empty_lists(client: Client) -> None:
    good = await client.get("/api/pairs/10/1")
    altered = {}
    for kind in (Kind.WRONG_TYPES, Kind.NAN, Kind.NULL, Kind.EMPTY_LISTS):
        client.sandbox.faults.http = [HttpFault(kind)]
        altered[kind] = await client.get("/api/pairs/10/1")
    assert altered[Kind.EMPTY_LISTS] == {**good, "pairs": []}
    assert math.isnan(altered[Kind.NAN]["pairs"][0]["price"])
    assert altered[Kind.NULL]["pairs"][0]["price"] is None
    assert altered[Kind.WRONG_TYPES] != good


async def test_rpc_answers_keep_their_envelope_when_their_result_is_altered(client: Client) -> None:
    request = {"jsonrpc": "2.0", "id": 9, "method": "eth_chainId", "params": []}
    for kind, expected in ((Kind.NULL, None), (Kind.NAN, "NaN")):
        client.sandbox.faults.http = [HttpFault(kind)]
        async with client.session.post(client.sandbox.rpc_url, json=request) as response:
            assert await response.json() == {"jsonrpc": "2.0", "id": 9, "result": expected}


async def test_answers_are_those_from_before_the_fault(client: Client) -> None:
    path = f"/api/orders/{client.sandbox.accounts[0].address}/10/1"
    assert (await client.get(path))["orders"] == []
    rule = client.sandbox.faults.add("stale")
    sell(client.sandbox, 66_000_000, 10 ** 18)
    assert (await client.get(path))["orders"] == []
    block = await client.rpc("eth_blockNumber")
    sell(client.sandbox, 66_000_000, 10 ** 18)
    assert await client.rpc("eth_blockNumber") == block
    client.sandbox.faults.remove(rule)
    assert len((await client.get(path))["orders"]) == 2
    assert int(await client.rpc("eth_blockNumber"), 16) == int(block, 16) + 1


async def test_bytes_drip(client: Client) -> None:
    whole = (await raw(client))[2]
    client.sandbox.faults.add("drip", seconds=0.3)
    started = asyncio.get_running_loop().time()
    assert (await raw(client))[2] == whole
    assert asyncio.get_running_loop().time() - started >= 0.25


async def test_a_huge_body_announces_and_sends_its_size(client: Client) -> None:
    client.sandbox.faults.add("huge", size=3_000_000)
    status, headers, body = await raw(client)
    assert status == 200 and len(body) == int(headers["Content-Length"]) > 3_000_000
    assert json.loads(body)["id"] == "standard-exchange"


async def test_rules_choose_their_requests(client: Client) -> None:
    faults = client.sandbox.faults
    rule = faults.add("status", path="/api/pairs/*", target="rest")
    assert [(await raw(client, path))[0] for path in (EXCHANGE, "/api/pairs/10/1")] == [200, 500]
    assert await client.rpc("eth_chainId")
    faults.http = [HttpFault(Kind.STATUS, target=Target.RPC, method="eth_get*")]
    assert (await raw(client))[0] == 200 and await client.rpc("eth_chainId") == "0x7a69"
    with pytest.raises(KeyError):
        await client.rpc("eth_getBalance", client.sandbox.accounts[0].address, "latest")
    assert rule.hits == 1


async def test_rules_skip_stop_and_roll_dice_the_same_way_for_the_same_seed(client: Client) -> None:
    faults = client.sandbox.faults
    faults.add("status", skip=1, count=2)
    assert [(await raw(client))[0] for _ in range(4)] == [200, 500, 500, 200]
    patterns = []
    for _ in range(2):
        async with Sandbox(quiet(seed=7)) as sandbox:
            sandbox.faults.add("status", probability=0.5)
            patterns.append([(await raw(Client(client.session, sandbox)))[0] for _ in range(20)])
    assert patterns[0] == patterns[1] and set(patterns[0]) == {200, 500}


async def test_a_rate_limit_hits_only_fast_clients(client: Client) -> None:
    client.sandbox.faults.add("status", status=427, above_per_second=5)
    assert [(await raw(client))[0] for _ in range(8)] == [200] * 5 + [427] * 3
    await client.sandbox.clock.sleep(1.05)
    assert (await raw(client))[0] == 200


async def test_bad_rules_are_refused(client: Client) -> None:
    for options in ({"kind": "odd"}, {"kind": "latency", "seconds": -1}, {"kind": "latency", "sekonds": 1},
                    {"kind": "status", "status": 200}, {"kind": "drip", "path": 3}):
        with pytest.raises(ValueError):
            client.sandbox.faults.add(**options)
    assert client.sandbox.faults.http == []


async def test_admin_is_spared(client: Client) -> None:
    client.sandbox.faults.add("refused")
    assert (await client.get("/admin/faults"))["http"][0]["kind"] == "refused"


# The node's own switches, through the admin endpoint


async def test_a_dropped_transaction_is_accepted_and_never_mined(client: Client) -> None:
    await client.admin("faults", node={"drop_transactions": True})
    transaction = sell(client.sandbox, 66_000_000, 10 ** 18)
    assert await client.rpc("eth_getTransactionReceipt", transaction) is None
    assert await client.rpc("eth_getTransactionByHash", transaction) is None


async def test_a_held_transaction_is_mined_after_its_release(client: Client) -> None:
    await client.admin("faults", node={"hold_transactions": True})
    transaction = sell(client.sandbox, 66_000_000, 10 ** 18)
    assert await client.rpc("eth_getTransactionReceipt", transaction) is None
    assert await client.admin("release") == {"released": 1}
    assert (await client.rpc("eth_getTransactionReceipt", transaction))["status"] == "0x1"


async def test_the_node_falls_behind_and_receipts_come_late(client: Client) -> None:
    await client.admin("mine", blocks=5)
    head = int(await client.rpc("eth_blockNumber"), 16)
    await client.admin("faults", node={"blocks_behind": 3})
    assert int(await client.rpc("eth_blockNumber"), 16) == head - 3
    await client.admin("faults", node={"blocks_behind": 0, "receipt_delay_blocks": 2})
    transaction = sell(client.sandbox, 66_000_000, 10 ** 18)
    assert await client.rpc("eth_getTransactionReceipt", transaction) is None
    await client.admin("mine", blocks=2)
    assert (await client.rpc("eth_getTransactionReceipt", transaction))["status"] == "0x1"


async def test_the_exchange_itself_knows_the_newest_block_while_its_node_is_behind(client: Client) -> None:
    await client.admin("faults", node={"blocks_behind": 3})
    sell(client.sandbox, 66_000_000, 10 ** 18)
    await client.admin("mine", blocks=1)
    book = client.sandbox.markets[0].book
    assert client.sandbox.view.queue(book, False, 66_000_000) == [1]


async def test_logs_come_twice_and_gas_spikes(client: Client) -> None:
    sell(client.sandbox, 66_000_000, 10 ** 18)
    query = {"fromBlock": "0x1", "toBlock": "latest", "address": client.sandbox.engine_address}
    once = await client.rpc("eth_getLogs", query)
    price = int(await client.rpc("eth_gasPrice"), 16)
    await client.admin("faults", node={"duplicate_logs": True, "base_fee_factor": 20})
    assert len(await client.rpc("eth_getLogs", query)) == 2 * len(once) > 0
    assert int(await client.rpc("eth_gasPrice"), 16) > 10 * price


async def test_blocks_stop_and_go_on(client: Client) -> None:
    await client.admin("faults", node={"mining_paused": True})
    transaction = sell(client.sandbox, 66_000_000, 10 ** 18)
    assert await client.rpc("eth_getTransactionReceipt", transaction) is None
    await client.admin("faults", node={"mining_paused": False})
    assert (await client.rpc("eth_getTransactionReceipt", transaction))["status"] == "0x1"
