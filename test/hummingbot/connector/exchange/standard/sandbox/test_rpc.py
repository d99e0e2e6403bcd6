"""JSON-RPC over HTTP: requests and batches, error objects, every method's answer, logs and filters."""
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hummingbot.connector.exchange.standard.chain.engine import ERRORS
from hummingbot.connector.exchange.standard.sandbox.filters import LIFETIME
from hummingbot.connector.exchange.standard.sandbox.node import Mining, Node, NodeSettings, Reorg
from hummingbot.connector.exchange.standard.sandbox.rpc import BODY_LIMIT, JsonRpc
from test.hummingbot.connector.exchange.standard.sandbox.small_world import (
    ALICE,
    BOB,
    ETHER,
    GWEI,
    LOGGER,
    OTHER_TOPIC,
    REFUSER,
    TOPIC,
    WATCH,
    ManualClock,
    SmallWorld,
    sign,
    text_revert,
    topic_of,
)

UNKNOWN = "0x" + "ee" * 32


class Served:
    """A node behind HTTP, and a client of it."""

    def __init__(self, node: Node, clock: ManualClock, rpc: JsonRpc) -> None:
        self.node, self.clock, self.rpc = node, clock, rpc
        self.url = ""
        self.session: Any = None

    async def post(self, body: Any) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(self.url, data=data) as response:
            text = await response.text()
            return json.loads(text) if text else None

    async def ask(self, method: str, *parameters: Any) -> Any:
        answer = await self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)})
        return answer.get("error", answer.get("result"))

    async def send(self, *args: Any, **fields: Any) -> str:
        return str(await self.ask("eth_sendRawTransaction", "0x" + sign(*args, **fields).hex()))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    world: Any = SmallWorld()
    clock = ManualClock()
    node = Node(world, clock, NodeSettings(mining=Mining.INSTANT, reorg_depth=10, history_blocks=2000))
    rpc = JsonRpc(node, clock)
    answers = Served(node, clock, rpc)
    app = web.Application(client_max_size=BODY_LIMIT)
    rpc.add_routes(app)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        answers.url, answers.session = str(server.make_url("/")), session
        yield answers


def error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


# The envelope


async def test_a_batch_is_answered_in_order_without_its_notifications(served: Served) -> None:
    answers = await served.post([{"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"},
                                 {"jsonrpc": "2.0", "method": "eth_chainId"},
                                 {"jsonrpc": "2.0", "id": "x", "method": "no_such", "params": []}, 5])
    assert answers == [{"jsonrpc": "2.0", "id": 7, "result": "0x7a69"},
                       {"jsonrpc": "2.0", "id": "x",
                        "error": error(-32601, "the method no_such does not exist/is not available")},
                       {"jsonrpc": "2.0", "id": None, "error": error(-32600, "invalid request")}]


@pytest.mark.parametrize(("body", "expected"), [
    (b"{not json", error(-32700, "parse error")), (b"\xff", error(-32700, "parse error")), (b"", error(-32700, "parse error")),
    (b"[" * 100_000, error(-32700, "parse error")),
    ([], error(-32600, "empty batch")), ([{}] * 1001, error(-32600, "batch too large")), (3, error(-32600, "invalid request")),
    ({"id": 1, "method": 5}, error(-32600, "invalid request")),
    ({"id": {}, "method": "eth_chainId"}, error(-32600, "invalid request"))])
async def test_what_is_no_request_is_refused(served: Served, body: Any, expected: Any) -> None:
    assert (await served.post(body))["error"] == expected


async def test_only_notifications_have_no_answer(served: Served) -> None:
    assert await served.post({"method": "eth_chainId"}) is None
    assert await served.post([{"method": "no_such"}]) is None


@pytest.mark.parametrize(("request_", "expected"), [
    ({"method": "eth_getBalance", "params": []}, error(-32602, "missing value for required argument 0")),
    ({"method": "eth_chainId", "params": [1]}, error(-32602, "too many arguments, want at most 0")),
    ({"method": "eth_getBalance", "params": {"a": 1}}, error(-32602, "non-array args")),
    ({"method": "eth_getBalance", "params": ["0x12"]},
     error(-32602, "invalid argument 0: hex string has length 2, want 40")),
    ({"method": "eth_getBalance", "params": [5]},
     error(-32602, "invalid argument 0: json: cannot unmarshal non-string into Go value of type hexutil.Bytes")),
    ({"method": "eth_getBalance", "params": [ALICE[2:]]},
     error(-32602, "invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type "
                   "hexutil.Bytes")),
    ({"method": "eth_sendRawTransaction", "params": ["0xzz"]},
     error(-32602, "invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type hexutil.Bytes")),
    ({"method": "eth_sendRawTransaction", "params": ["0x123"]},
     error(-32602, "invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes")),
    ({"method": "eth_getBlockByNumber", "params": ["0x01", False]},
     error(-32602, "invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type hexutil.Big")),
    ({"method": "eth_getBlockByNumber", "params": ["tomorrow"]},
     error(-32602, "invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type hexutil.Big")),
    ({"method": "eth_call", "params": ["0x"]},
     error(-32602, "invalid argument 0: json: cannot unmarshal non-object into Go value of type map[string]interface {}")),
    ({"method": "eth_getLogs", "params": [{"topics": [[], [], [], [], []]}]},
     error(-32602, "invalid argument 0: invalid topics")),
])
async def test_bad_parameters_are_refused(served: Served, request_: dict[str, Any], expected: Any) -> None:
    assert (await served.post({"id": 1, **request_}))["error"] == expected


async def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    async with served.session.post(served.url, data=b" " * (BODY_LIMIT + 1)) as response:
        assert response.status == 413


async def test_an_answer_may_be_lost_although_the_transaction_was_accepted(served: Served) -> None:
    served.node.faults.lose_send_answers = True
    with pytest.raises(aiohttp.ClientError):
        await served.send(ALICE, 0)
    served.node.faults.lose_send_answers = False
    assert served.node.nonce(ALICE) == 1
    assert (await served.send(BOB, 0)).startswith("0x")


# Plain values


async def test_what_the_node_says_about_itself(served: Served) -> None:
    asked = {name: await served.ask(name) for name in ("eth_chainId", "net_version", "eth_syncing", "eth_accounts",
                                                        "eth_blockNumber", "eth_gasPrice", "eth_maxPriorityFeePerGas")}
    assert asked == {"eth_chainId": "0x7a69", "net_version": "31337", "eth_syncing": False, "eth_accounts": [],
                     "eth_blockNumber": "0x0", "eth_gasPrice": hex(7 * GWEI), "eth_maxPriorityFeePerGas": hex(GWEI)}
    assert "/" in await served.ask("web3_clientVersion")
    hexadecimal = JsonRpc(served.node, served.clock, hex_net_version=True)
    assert hexadecimal.answer({"id": 1, "method": "net_version"})["result"] == "0x7a69"  # type: ignore[index, call-overload]


async def test_fee_history_covers_the_blocks_and_the_next_one(served: Served) -> None:
    for nonce, tip in enumerate((GWEI, 2 * GWEI)):
        await served.send(ALICE, nonce, fee=20 * GWEI, tip=tip)
    history = await served.ask("eth_feeHistory", "0x2", "latest", [0, 100])
    assert history["oldestBlock"] == "0x1" and history["baseFeePerGas"] == [hex(6 * GWEI)] * 3
    assert history["reward"] == [[hex(GWEI)] * 2, [hex(2 * GWEI)] * 2] and len(history["gasUsedRatio"]) == 2
    assert "reward" not in await served.ask("eth_feeHistory", 5, "0x1")
    assert (await served.ask("eth_feeHistory", "0x1", "0x9"))["message"] == "request beyond head block"


async def test_accounts_can_be_read_at_recent_blocks(served: Served) -> None:
    await served.send(ALICE, 0, value=ETHER)
    await served.send(ALICE, 1)
    assert await served.ask("eth_getBalance", BOB) == hex(1001 * ETHER)
    assert await served.ask("eth_getBalance", BOB, "0x2") == hex(1001 * ETHER)
    assert await served.ask("eth_getBalance", BOB, {"blockHash": served.node.head.hash}) == hex(1001 * ETHER)
    assert await served.ask("eth_getCode", LOGGER, "latest") != "0x" == await served.ask("eth_getCode", BOB, "latest")
    assert await served.ask("eth_getStorageAt", LOGGER, "0x0", "latest") == "0x" + "00" * 32
    assert await served.ask("eth_getBalance", BOB, "0x0") == hex(1000 * ETHER)
    assert await served.ask("eth_getTransactionCount", ALICE, "0x1") == "0x1"
    assert await served.ask("eth_call", {"to": WATCH}, "0x1") == (
        "0x" + (1).to_bytes(32, "big").hex() + int(served.clock.now).to_bytes(32, "big").hex())
    served.node.mine(9)
    assert await served.ask("eth_getBalance", BOB, "0x0") == error(
        -32000, "historical state of block 0 is not available, the head is block 11")
    assert await served.ask("eth_getBalance", BOB, "0xff") == error(-32000, "header not found")


async def test_the_pending_nonce_counts_what_waits(served: Served) -> None:
    served.node.set_mining(Mining.MANUAL)
    waiting = [await served.send(ALICE, nonce) for nonce in (0, 1, 3)]
    assert await served.ask("eth_getTransactionCount", ALICE, "latest") == "0x0"
    assert await served.ask("eth_getTransactionCount", ALICE, "pending") == "0x2"
    block = await served.ask("eth_getBlockByNumber", "pending", False)
    assert (block["number"], block["hash"], block["transactions"]) == ("0x1", None, waiting[:2])
    assert (await served.ask("eth_getBlockByNumber", "pending", True))["transactions"][0]["hash"] == waiting[0]
    assert await served.ask("eth_getBlockTransactionCountByNumber", "pending") == "0x3"


# Calls


def call(to: str, data: bytes = b"", **fields: Any) -> dict[str, Any]:
    return {"from": ALICE, "to": to, "data": "0x" + data.hex(), **fields}


async def test_a_call_returns_data_and_changes_nothing(served: Served) -> None:
    assert await served.ask("eth_call", call(LOGGER, b"abc", value="0x1"), "latest") == "0x616263"
    assert served.node.balance(LOGGER) == 0
    assert await served.ask("eth_call", {"to": WATCH, "input": "0x"}, "pending") == (
        "0x" + (1).to_bytes(32, "big").hex() + int(served.clock.now).to_bytes(32, "big").hex())


@pytest.mark.parametrize(("data", "message"), [
    (b"", "execution reverted"), (text_revert("TFF"), "execution reverted: TFF"), (b"\x08\xc3\x79\xa0", "execution reverted"),
    (bytes.fromhex("4e487b71") + (0x32).to_bytes(32, "big"),
     "execution reverted: out-of-bounds access of an array or bytesN"),
    (bytes.fromhex("4e487b71") + (0x99).to_bytes(32, "big"), "execution reverted: unknown panic code: 0x99"),
    (next(selector for selector, item in ERRORS.items() if item.name == "AmountIsZero"), "execution reverted")])
@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
async def test_a_reverting_call_gives_code_3_the_reason_and_the_data(served: Served, data: bytes, message: str,
                                                                      method: str) -> None:
    assert await served.ask(method, call(REFUSER, data)) == {"code": 3, "message": message, "data": "0x" + data.hex()}


async def test_a_call_without_enough_gas_or_money_says_so(served: Served) -> None:
    assert await served.ask("eth_call", call(REFUSER, gas=hex(21_000))) == error(-32000, "out of gas")
    assert await served.ask("eth_estimateGas", call(REFUSER, gas=hex(21_000))) == error(
        -32000, "gas required exceeds allowance (21000)")
    assert await served.ask("eth_call", call(LOGGER, value=hex(1001 * ETHER))) == error(
        -32000, f"insufficient funds for gas * price + value: address {ALICE} have {1000 * ETHER} want {1001 * ETHER}")
    assert await served.ask("eth_estimateGas", call(LOGGER, b"ab")) == hex(21_032)


# Transactions and blocks


async def test_a_refused_transaction_is_a_server_error_in_a_nodes_words(served: Served) -> None:
    await served.send(ALICE, 0)
    answer = await served.ask("eth_sendRawTransaction", "0x" + sign(ALICE, 0, value=1).hex())
    assert answer == error(-32000, "nonce too low: next nonce 1, tx nonce 0")


async def test_a_transaction_waits_without_a_receipt_and_is_then_mined(served: Served) -> None:
    served.node.pause()
    sent = await served.send(ALICE, 0, to=LOGGER, data=b"hi", fee=10 * GWEI, tip=2 * GWEI)
    waiting = await served.ask("eth_getTransactionByHash", sent)
    assert (waiting["blockNumber"], waiting["blockHash"], waiting["maxFeePerGas"]) == (None, None, hex(10 * GWEI))
    assert await served.ask("eth_getTransactionReceipt", sent) is None
    served.node.resume()
    mined = await served.ask("eth_getTransactionByHash", sent)
    assert (mined["blockNumber"], mined["gasPrice"], mined["type"], mined["yParity"]) == (
        "0x1", hex(8 * GWEI), "0x2", mined["v"])
    receipt = await served.ask("eth_getTransactionReceipt", sent)
    head = served.node.head
    assert {key: receipt[key] for key in receipt if key not in ("logs", "logsBloom")} == {
        "type": "0x2", "status": "0x1", "transactionHash": sent, "transactionIndex": "0x0", "blockHash": head.hash,
        "blockNumber": "0x1", "from": ALICE, "to": LOGGER, "contractAddress": None, "gasUsed": hex(21_032),
        "cumulativeGasUsed": hex(21_032), "effectiveGasPrice": hex(8 * GWEI)}
    assert receipt["logs"] == [{"address": LOGGER, "topics": [TOPIC, topic_of(ALICE)], "data": "0x6869", "blockNumber": "0x1",
                                "transactionHash": sent, "transactionIndex": "0x0", "blockHash": head.hash, "logIndex": "0x0",
                                "removed": False}]
    assert len(receipt["logsBloom"]) == 514 and int(receipt["logsBloom"], 16) > 0
    assert await served.ask("eth_getTransactionByHash", UNKNOWN) is None
    assert await served.ask("eth_getTransactionReceipt", UNKNOWN) is None


async def test_blocks_are_found_by_number_tag_and_hash(served: Served) -> None:
    sent = [await served.send(ALICE, nonce) for nonce in range(2)]
    head = await served.ask("eth_getBlockByNumber", "latest", False)
    assert (head["number"], head["transactions"], head["baseFeePerGas"]) == ("0x2", [sent[1]], hex(6 * GWEI))
    assert await served.ask("eth_getBlockByHash", head["hash"], False) == head
    full = await served.ask("eth_getBlockByNumber", "0x2", True)
    assert full["transactions"] == [await served.ask("eth_getTransactionByHash", sent[1])]
    assert (await served.ask("eth_getBlockByNumber", "0x1", False))["hash"] == head["parentHash"]
    assert (await served.ask("eth_getBlockByNumber", "earliest", False))["number"] == "0x0"
    assert await served.ask("eth_getBlockByNumber", "0x3", False) is None
    assert await served.ask("eth_getBlockByHash", UNKNOWN, False) is None
    assert await served.ask("eth_getBlockTransactionCountByNumber", "0x1") == "0x1"
    assert await served.ask("eth_getBlockReceipts", "0x2") == [await served.ask("eth_getTransactionReceipt", sent[1])]
    assert await served.ask("eth_getBlockReceipts", head["hash"]) == await served.ask("eth_getBlockReceipts", "latest")
    assert await served.ask("eth_getBlockReceipts", "0x9") is None


# Logs


async def say(served: Served, count: int) -> None:
    for nonce in range(count):
        await served.send(ALICE, nonce, to=LOGGER, data=bytes([nonce]) * (nonce % 2))


async def test_logs_are_found_by_range_address_topic_and_block(served: Served) -> None:
    await say(served, 4)

    async def blocks(**query: Any) -> list[int]:
        return [int(log["blockNumber"], 16) for log in await served.ask("eth_getLogs", query)]

    assert await blocks(fromBlock="0x0", toBlock="latest") == [1, 2, 3, 4]
    assert await blocks() == [4]
    assert await blocks(fromBlock="0x2", toBlock="0x3") == [2, 3]
    assert await blocks(fromBlock="0x5") == []
    assert await blocks(fromBlock="earliest", address=BOB) == []
    assert await blocks(fromBlock="earliest", address=[BOB, LOGGER.upper().replace("X", "x")]) == [1, 2, 3, 4]
    assert await blocks(fromBlock="earliest", topics=[TOPIC]) == [2, 4]
    assert await blocks(fromBlock="earliest", topics=[[TOPIC, OTHER_TOPIC], None]) == [2, 4]
    assert await blocks(fromBlock="earliest", topics=[None, topic_of(BOB)]) == []
    assert await blocks(fromBlock="earliest", topics=[OTHER_TOPIC]) == [1, 3]
    assert await blocks(blockHash=served.node.head.hash) == [4]


async def test_log_queries_that_a_node_refuses(served: Served) -> None:
    served.node.mine(1001)
    assert await served.ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "latest"}) == error(
        -32000, "block range exceeds 1000: from 1 to 1001")
    assert await served.ask("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0xffffff"}) == []
    assert (await served.ask("eth_getLogs", {"fromBlock": "0x3", "toBlock": "0x2"}))["message"] == "invalid block range params"
    assert (await served.ask("eth_getLogs", {"blockHash": UNKNOWN}))["message"] == "unknown block"
    assert (await served.ask("eth_getLogs", {"blockHash": UNKNOWN, "fromBlock": "0x1"}))["code"] == -32602
    served.node.mine(1500)
    assert await served.ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x2"}) == error(
        4444, "pruned history unavailable")


# Filters


async def test_a_log_filter_tells_what_is_new_and_what_was_removed(served: Served) -> None:
    name = await served.ask("eth_newFilter", {"fromBlock": "0x1", "address": LOGGER, "topics": [TOPIC]})
    await say(served, 4)
    changes = await served.ask("eth_getFilterChanges", name)
    assert [(log["data"], log["removed"]) for log in changes] == [("0x01", False), ("0x03", False)]
    assert await served.ask("eth_getFilterChanges", name) == []
    assert [log["data"] for log in await served.ask("eth_getFilterLogs", name)] == ["0x01", "0x03"]
    served.node.reorganise(3, Reorg.VANISH)
    removed = await served.ask("eth_getFilterChanges", name)
    assert removed == [{**log, "removed": True} for log in reversed(changes)]
    assert await served.ask("eth_getFilterLogs", name) == []
    assert await served.ask("eth_uninstallFilter", name) is True
    assert await served.ask("eth_uninstallFilter", name) is False
    assert await served.ask("eth_getFilterChanges", name) == error(-32000, "filter not found")
    assert await served.ask("eth_getFilterLogs", name) == error(-32000, "filter not found")


async def test_block_and_pending_filters_tell_hashes(served: Served) -> None:
    blocks = await served.ask("eth_newBlockFilter")
    pending = await served.ask("eth_newPendingTransactionFilter")
    sent = await served.send(ALICE, 0)
    assert await served.ask("eth_getFilterChanges", blocks) == [served.node.head.hash]
    assert await served.ask("eth_getFilterChanges", pending) == [sent]


async def test_a_filter_that_nobody_polls_expires(served: Served) -> None:
    name = await served.ask("eth_newBlockFilter")
    served.clock.now += LIFETIME + 1
    served.node.mine()
    assert await served.ask("eth_getFilterChanges", name) == error(-32000, "filter not found")
