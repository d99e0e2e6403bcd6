"""The sandbox's JSON-RPC over WebSocket, spoken to by a plain WebSocket client."""
import asyncio
import json

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, ORDER_CANCELED, ORDER_PLACED
from hummingbot.connector.exchange.standard.sandbox.node import Mining, Reorg
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from test.hummingbot.connector.exchange.standard.clocks import until


class Line:
    """A client on one connection."""

    def __init__(self, sandbox, session, socket):
        self.sandbox, self.session, self.socket = sandbox, session, socket
        self.told = []

    async def ask(self, method, *params, identity=1):
        await self.socket.send_json({"jsonrpc": "2.0", "id": identity, "method": method, "params": list(params)})
        while True:
            message = await self.socket.receive_json(timeout=2)
            if "id" in message:
                return message
            self.told.append(message["params"])

    async def next(self, timeout=2):
        if self.told:
            return self.told.pop(0)
        return (await self.socket.receive_json(timeout=timeout))["params"]

    async def nothing(self):
        with pytest.raises(asyncio.TimeoutError):
            await self.socket.receive(timeout=0.1)

    def sell(self, price=66_000_000):
        sandbox, wallet = self.sandbox, self.sandbox.accounts[0]
        data = ENGINE_FUNCTIONS["limitSellETH"].encode(sandbox.markets[0].quote.address, price, True, 20, wallet.address)
        return sandbox.node.submit(wallet.sign(
            chain_id=31337, nonce=sandbox.node.nonce(wallet.address, pending=True), to=sandbox.engine_address,
            gas_limit=3_000_000, gas_price=sandbox.node.gas_price, data=data, value=10 ** 18))


@pytest.fixture
async def line():
    settings = SandboxSettings(port=0, mining=Mining.MANUAL, traders=TraderSettings(enabled=False))
    async with Sandbox(settings) as sandbox, aiohttp.ClientSession() as session, session.ws_connect(sandbox.rpc_ws_url) as socket:
        yield Line(sandbox, session, socket)


async def test_every_method_and_batches_are_answered(line):
    assert (await line.ask("eth_chainId", identity=7)) == {"jsonrpc": "2.0", "id": 7, "result": "0x7a69"}
    assert (await line.ask("eth_nothing"))["error"]["code"] == -32601
    await line.socket.send_json([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"},
                                 {"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber"}])
    assert [answer["id"] for answer in await line.socket.receive_json()] == [1, 2]
    await line.socket.send_str("{")
    assert (await line.socket.receive_json())["error"]["code"] == -32700


async def test_an_upgrade_at_the_root_is_served_and_a_plain_request_is_not(line):
    async with line.session.ws_connect(line.sandbox.url) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
        assert (await socket.receive_json())["result"] == "0x7a69"
    async with line.session.get(line.sandbox.url + "/ws") as answer:
        assert answer.status == 426


@pytest.mark.parametrize("heads_first", [False, True])
async def test_heads_and_wanted_logs_are_told_block_by_block(line, heads_first):
    line.sandbox.rpc_stream.heads_first = heads_first
    heads = (await line.ask("eth_subscribe", "newHeads"))["result"]
    logs = (await line.ask("eth_subscribe", "logs", {"address": line.sandbox.engine_address,
                                                     "topics": [[ORDER_PLACED.topic, ORDER_CANCELED.topic]]}))["result"]
    sent = line.sell()
    line.sandbox.node.mine()
    first, second = await line.next(), await line.next()
    head, log = (first, second) if heads_first else (second, first)
    assert head["subscription"] == heads and log["subscription"] == logs
    block = line.sandbox.node.head
    assert head["result"]["number"] == hex(block.number) and head["result"]["hash"] == block.hash
    assert log["result"]["topics"] == [ORDER_PLACED.topic] and log["result"]["transactionHash"] == sent
    assert log["result"]["removed"] is False and log["result"]["blockHash"] == block.hash
    await line.nothing()


async def test_logs_of_replaced_blocks_come_again_as_removed_before_the_new_ones(line):
    await line.ask("eth_subscribe", "logs", {"address": line.sandbox.engine_address, "topics": [ORDER_PLACED.topic]})
    sent = []
    for _ in range(2):
        sent.append(line.sell())
        line.sandbox.node.mine()
    before = [(await line.next())["result"] for _ in range(2)]
    line.sandbox.node.reorganise(2, Reorg.REMINE)
    after = [(await line.next())["result"] for _ in range(4)]
    assert after[:2] == [{**log, "removed": True} for log in reversed(before)]
    assert [log["transactionHash"] for log in after[2:]] == sent and not any(log["removed"] for log in after[2:])


async def test_a_subscription_can_be_ended_once(line):
    heads = (await line.ask("eth_subscribe", "newHeads"))["result"]
    assert (await line.ask("eth_unsubscribe", heads))["result"] is True
    assert "not found" in (await line.ask("eth_unsubscribe", heads))["error"]["message"]
    line.sandbox.node.mine()
    await line.nothing()


@pytest.mark.parametrize("params", [[], ["gossip"], ["logs", 7], ["logs", {"address": "0x12"}]])
async def test_what_cannot_be_subscribed_to_is_an_error(line, params):
    assert (await line.ask("eth_subscribe", *params))["error"]["code"] == -32602


async def test_a_connection_that_is_gone_is_forgotten(line):
    await line.ask("eth_subscribe", "newHeads")
    await line.socket.close()
    await until(lambda: not line.sandbox.rpc_stream.connections)
    line.sandbox.node.mine()


# Faults


async def admin(line, **faults):
    async with line.session.post(f"{line.sandbox.url}/admin/faults", json={"node_stream": faults}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_silence_with_and_without_pongs(line):
    await line.ask("eth_subscribe", "newHeads")
    assert (await admin(line, stall_with_pongs=True))["node_stream"]["stall_with_pongs"] is True
    line.sandbox.node.mine()
    await line.nothing()
    await admin(line, stall_with_pongs=False)
    line.sandbox.node.mine()
    assert (await line.next())["result"]["number"] == hex(line.sandbox.node.head.number)


async def test_a_close_and_a_refusal(line):
    await admin(line, close_code=4001)
    message = await line.socket.receive(timeout=1)
    assert message.type is aiohttp.WSMsgType.CLOSE and message.data == 4001
    await admin(line, close_code=0, refuse=True)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        await line.session.ws_connect(line.sandbox.rpc_ws_url)


async def test_single_notifications_are_dropped_doubled_and_swapped(line):
    await line.ask("eth_subscribe", "newHeads")
    await admin(line, drop_next=1, duplicate_next=1, reorder_next=1)
    line.sandbox.node.mine(4)
    numbers = [int((await line.next())["result"]["number"], 16) for _ in range(4)]
    head = line.sandbox.node.head.number
    assert numbers == [head - 2, head - 2, head, head - 1]
    assert line.sandbox.faults.state()["node_stream"]["drop_next"] == 0


async def test_a_late_client_and_nonsense(line):
    await line.ask("eth_subscribe", "newHeads")
    await admin(line, malformed_next=1)
    line.sandbox.node.mine()
    text = (await line.socket.receive(timeout=1)).data
    try:
        assert "params" not in json.loads(text)
    except ValueError:
        assert text
    await admin(line, late_seconds=0.05)
    line.sandbox.node.mine(3)
    started = asyncio.get_running_loop().time()
    for _ in range(3):
        await line.next()
    assert asyncio.get_running_loop().time() - started > 0.14


async def test_clear_switches_the_streams_faults_off(line):
    line.sandbox.faults.node_stream.stall = True
    line.sandbox.faults.clear()
    assert line.sandbox.faults.node_stream.stall is False
