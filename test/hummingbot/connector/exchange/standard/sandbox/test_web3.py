"""The sandbox's node as an independent client, web3.py, sees it: connect, read, sign, send, wait, decode, query logs."""
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import ContractCustomError, ContractLogicError, TransactionNotFound, Web3RPCError
from web3.logs import DISCARD

from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.sandbox.deployment import Deployment, account_key, build, default_deployment
from hummingbot.connector.exchange.standard.sandbox.node import Mining, Node, NodeSettings
from hummingbot.connector.exchange.standard.sandbox.rpc import BODY_LIMIT, JsonRpc

SOMI_PRICE = 65_000_000
AMOUNT_IS_ZERO = "0x43ad20fc"  # the selector of AmountIsZero()


def inputs(*names: str) -> list[dict[str, Any]]:
    return [{"type": name.split()[0], "name": name.split()[1], "indexed": name.startswith("!")} for name in names]


def function(name: str, arguments: list[dict[str, Any]], outputs: list[dict[str, Any]], mutability: str) -> dict[str, Any]:
    return {"type": "function", "name": name, "inputs": arguments, "outputs": outputs, "stateMutability": mutability}


MATCH = [*inputs("address sender", "address owner", "uint256 baseAmount", "uint256 quoteAmount", "uint256 baseFee",
                 "uint256 quoteFee", "uint64 tradeId")]
RESULT = [{"type": "tuple", "name": "result", "components": inputs("uint256 makePrice", "uint256 placed", "uint32 id")}]
ENGINE_ABI = [
    function("mktPrice", inputs("address base", "address quote"), inputs("uint256 price"), "view"),
    function("getPair", inputs("address base", "address quote"), inputs("address pair"), "view"),
    function("limitBuy", inputs("address base", "address quote", "uint256 price", "uint256 quoteAmount", "bool isMaker",
                                "uint32 n", "address recipient"), RESULT, "nonpayable"),
    function("limitSellETH", inputs("address quote", "uint256 price", "bool isMaker", "uint32 n", "address recipient"),
             RESULT, "payable"),
    {"type": "error", "name": "AmountIsZero", "inputs": []},
    {"type": "event", "name": "OrderPlaced", "anonymous": False,
     "inputs": inputs("address pair", "uint16 orderHistoryId", "uint256 id", "address owner", "bool isBid", "uint256 price",
                      "uint256 withoutFee", "uint256 placed")},
    {"type": "event", "name": "OrderMatched", "anonymous": False,
     "inputs": [*inputs("address pair", "uint16 orderHistoryId", "uint256 id", "bool isBid", "uint256 price", "uint256 total",
                        "bool clear"), {"type": "tuple", "name": "orderMatch", "components": MATCH, "indexed": False}]},
]
TOKEN_ABI = [
    function("approve", inputs("address spender", "uint256 amount"), inputs("bool done"), "nonpayable"),
    function("balanceOf", inputs("address account"), inputs("uint256 balance"), "view"),
    function("decimals", [], inputs("uint8 decimals"), "view"),
    function("symbol", [], inputs("string symbol"), "view"),
    {"type": "event", "name": "Transfer", "anonymous": False, "inputs": [
        {"type": "address", "name": "from", "indexed": True}, {"type": "address", "name": "to", "indexed": True},
        {"type": "uint256", "name": "value", "indexed": False}]},
]


class Client:
    """web3.py on a served sandbox, with two of its accounts."""

    def __init__(self, url: str, node: Node, deployment: Deployment) -> None:
        self.web3 = AsyncWeb3(AsyncHTTPProvider(url))
        self.node = node
        self.weth = AsyncWeb3.to_checksum_address(deployment.wrapped.address)
        self.usdc = AsyncWeb3.to_checksum_address(deployment.tokens[0].address)
        self.engine = self.web3.eth.contract(AsyncWeb3.to_checksum_address(deployment.engine), abi=ENGINE_ABI)
        self.token = self.web3.eth.contract(self.usdc, abi=TOKEN_ABI)
        self.maker: LocalAccount = Account.from_key(account_key(0))
        self.taker: LocalAccount = Account.from_key(account_key(1))

    async def send(self, account: LocalAccount, call: Any, **fields: Any) -> Any:
        """Fill in, sign and send a contract call as web3.py does by itself, and wait for its receipt."""
        transaction = await call.build_transaction({
            "from": account.address, "nonce": await self.web3.eth.get_transaction_count(account.address, "pending"), **fields})
        sent = await self.web3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
        return await self.web3.eth.wait_for_transaction_receipt(sent, timeout=10, poll_latency=0.01)

    def sell(self, amount: int) -> tuple[Any, dict[str, int]]:
        return (self.engine.functions.limitSellETH(self.usdc, SOMI_PRICE, True, 20, self.maker.address), {"value": amount})

    def buy(self, amount: int) -> Any:
        return self.engine.functions.limitBuy(self.weth, self.usdc, SOMI_PRICE, amount, True, 20, self.taker.address)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    deployment = default_deployment()
    clock = SystemClock()
    node = Node(build(deployment), clock, NodeSettings(mining=Mining.INSTANT))
    app = web.Application(client_max_size=BODY_LIMIT)
    JsonRpc(node, clock).add_routes(app)
    async with TestServer(app) as server:
        client = Client(str(server.make_url("/")), node, deployment)
        yield client
        await client.web3.provider.disconnect()


async def test_it_connects_and_reads(client: Client) -> None:
    eth = client.web3.eth
    assert await client.web3.is_connected()
    assert (await eth.chain_id, await eth.block_number, await eth.syncing) == (31337, 0, False)
    assert (await eth.gas_price, await eth.max_priority_fee) == (7 * 10 ** 9, 10 ** 9)
    assert await eth.get_balance(client.maker.address) == 10_000_000 * 10 ** 18
    assert len(await eth.get_code(client.engine.address)) > 0
    assert await client.token.functions.symbol().call() == "USDC"
    assert await client.token.functions.decimals().call() == 6
    assert await client.engine.functions.mktPrice(client.weth, client.usdc).call() == SOMI_PRICE
    history = await eth.fee_history(4, "latest", [50])
    assert history["baseFeePerGas"] == [6 * 10 ** 9] * 2


async def test_it_trades_and_decodes_what_happened(client: Client) -> None:
    web3, engine, token = client.web3, client.engine, client.token
    call, value = client.sell(10 * 10 ** 18)
    placed = await client.send(client.maker, call, **value)
    (order,) = engine.events.OrderPlaced().process_receipt(placed, errors=DISCARD)
    assert (placed["status"], placed["type"], order["args"]["price"], order["args"]["placed"]) == (
        1, 2, SOMI_PRICE, 10 * 10 ** 18)
    assert order["args"]["owner"] == client.maker.address
    await client.send(client.taker, token.functions.approve(engine.address, 2 ** 256 - 1))
    before = await token.functions.balanceOf(client.maker.address).call()
    matched = await client.send(client.taker, client.buy(1_300_000))
    (match,) = [log["args"] for log in engine.events.OrderMatched().process_receipt(matched, errors=DISCARD)]
    assert (match["id"], match["isBid"], match["orderMatch"]["baseAmount"]) == (order["args"]["id"], True, 2 * 10 ** 18)
    transfers = [log["args"] for log in token.events.Transfer().process_receipt(matched, errors=DISCARD)]
    assert sum(transfer["value"] for transfer in transfers if transfer["to"] == client.maker.address) == (
        await token.functions.balanceOf(client.maker.address).call() - before) == 1_300_000 - 1_300
    block = await web3.eth.get_block(matched["blockNumber"], full_transactions=True)
    assert block["hash"] == matched["blockHash"] and block["transactions"][0]["from"] == client.taker.address
    assert (await web3.eth.get_block_receipts(matched["blockNumber"]))[0] == matched
    assert (await web3.eth.get_transaction(matched["transactionHash"]))["blockHash"] == matched["blockHash"]


async def test_it_finds_logs_by_range_and_topic(client: Client) -> None:
    for _ in range(3):
        call, value = client.sell(10 ** 18)
        await client.send(client.maker, call, **value)
    placed = client.engine.events.OrderPlaced()
    found = await placed.get_logs(from_block=2, to_block=3)
    assert [(log["blockNumber"], log["args"]["id"]) for log in found] == [(2, 2), (3, 3)]
    by_topic = await client.web3.eth.get_logs({"fromBlock": 1, "toBlock": 3, "topics": [placed.topic]})
    assert [log["logIndex"] for log in by_topic] == [log["logIndex"] for log in await placed.get_logs(from_block=1)]
    assert await client.engine.events.OrderMatched().get_logs(from_block=0) == []
    client.node.mine(1001)
    with pytest.raises(Web3RPCError, match="block range exceeds 1000"):
        await placed.get_logs(from_block=1)


async def test_its_filters_tell_what_is_new(client: Client) -> None:
    installed = await client.engine.events.OrderPlaced().create_filter(from_block="latest")
    call, value = client.sell(10 ** 18)
    receipt = await client.send(client.maker, call, **value)
    (log,) = await installed.get_new_entries()
    assert log["transactionHash"] == receipt["transactionHash"]
    assert await installed.get_new_entries() == []


async def test_it_understands_the_errors(client: Client) -> None:
    eth = client.web3.eth
    with pytest.raises(ContractLogicError, match="TFF"):
        await client.buy(1_300_000).call({"from": client.taker.address})
    with pytest.raises(ContractCustomError, match=AMOUNT_IS_ZERO):
        await client.buy(0).call({"from": client.taker.address})
    with pytest.raises(TransactionNotFound):
        await eth.get_transaction_receipt("0x" + "11" * 32)
    transaction = {"to": client.taker.address, "value": 1, "gas": 21_000, "gasPrice": 7 * 10 ** 9, "nonce": 0, "chainId": 31337}
    raw = client.maker.sign_transaction(transaction).raw_transaction
    await eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="nonce too low: next nonce 1, tx nonce 0"):
        await eth.send_raw_transaction(raw)


async def test_it_waits_for_a_receipt_until_the_block_is_mined(client: Client) -> None:
    client.node.set_mining(Mining.MANUAL)
    call, value = client.sell(10 ** 18)
    transaction = await call.build_transaction({"from": client.maker.address, "nonce": 0, **value})
    sent = await client.web3.eth.send_raw_transaction(client.maker.sign_transaction(transaction).raw_transaction)
    with pytest.raises(TransactionNotFound):
        await client.web3.eth.get_transaction_receipt(sent)
    assert (await client.web3.eth.get_transaction(sent))["nonce"] == 0
    assert await client.web3.eth.get_transaction_count(client.maker.address) == 0
    assert await client.web3.eth.get_transaction_count(client.maker.address, "pending") == 1
    client.node.mine()
    assert (await client.web3.eth.wait_for_transaction_receipt(sent, timeout=5))["status"] == 1
