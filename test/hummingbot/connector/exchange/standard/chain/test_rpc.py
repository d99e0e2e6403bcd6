"""The JSON-RPC client: batches, checks of every answer, several endpoints."""
import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain import rpc_values
from hummingbot.connector.exchange.standard.chain.endpoints import host_of
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    ConfigurationError,
    OrderRejectedError,
    RateLimitedError,
    RpcError,
)
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "cd" * 20
LOG = {"address": ADDRESS, "topics": [HASH], "data": "0x", "blockNumber": "0x5", "blockHash": HASH, "transactionHash": HASH,
       "logIndex": "0x0", "removed": False}
RECEIPT = {"transactionHash": HASH, "blockNumber": "0x5", "blockHash": HASH, "status": "0x1", "gasUsed": "0x5208",
           "effectiveGasPrice": "0x1", "logs": [LOG]}
BLOCK = {"number": "0x5", "hash": HASH, "parentHash": HASH, "timestamp": "0x64", "baseFeePerGas": "0x7"}


class Host:
    """One endpoint: results by method (a value, or a function of the parameters), or a whole HTTP answer."""

    def __init__(self, **results: Any) -> None:
        self.results: dict[str, Any] = {"eth_chainId": "0x7", "eth_blockNumber": "0x64", "eth_getBlockByNumber": BLOCK,
                                        **results}
        self.whole: HttpAnswer | Exception | None = None
        self.most = 1_000
        self.refuses_by_list = False  # as geth does
        self.posts: list[int] = []

    def answer(self, body: bytes) -> HttpAnswer:
        document = json.loads(body)
        questions = document if isinstance(document, list) else [document]
        self.posts.append(len(questions))
        if isinstance(self.whole, Exception):
            raise self.whole
        if self.whole is not None:
            return self.whole
        if len(questions) > self.most:
            refusal = {"jsonrpc": "2.0", "id": questions[0]["id"] if self.refuses_by_list else None,
                       "error": {"code": -32600, "message": "batch too large"}}
            return HttpAnswer(200, {}, json.dumps([refusal] if self.refuses_by_list else refusal).encode())
        answers = [self._one(question) for question in questions]
        return HttpAnswer(200, {}, json.dumps(answers[::-1] if isinstance(document, list) else answers[0]).encode())

    def _one(self, question: dict[str, Any]) -> dict[str, Any]:
        result = self.results[question["method"]]
        result = result(*question["params"]) if callable(result) else result
        key = "error" if isinstance(result, dict) and "code" in result else "result"
        return {"jsonrpc": "2.0", "id": question["id"], key: result}


class Net:
    """HttpTransport over some hosts."""

    def __init__(self, **hosts: Host) -> None:
        self.hosts = hosts

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        return self.hosts[url.split("//")[1].split("@")[-1].split("/")[0]].answer(body or b"")


def client(*hosts: Host, clock: FakeClock | None = None, **options: Any) -> RpcClient:
    net = Net(**{f"host{number}": host for number, host in enumerate(hosts)})
    return RpcClient(net, [f"https://user:secret@host{number}/v1/secret-key" for number in range(len(hosts))],
                     clock or FakeClock(), 5.0, **options)


async def test_answers_are_matched_by_id_and_errors_stay_in_their_place() -> None:
    host = Host(eth_getBalance=lambda address, tag: {"code": -32000, "message": "no"} if address == "0x2" else address)
    answers = await client(host).batch([("eth_getBalance", [f"0x{number}", "latest"]) for number in range(1, 4)])
    assert answers[0] == "0x1" and answers[2] == "0x3"
    assert isinstance(answers[1], RpcError) and (answers[1].code, answers[1].reason) == (-32000, "no")
    assert host.posts == [3]


@pytest.mark.parametrize("refuses_by_list", [False, True])
async def test_a_long_batch_is_cut_and_a_refused_one_is_halved_until_it_passes(refuses_by_list: bool) -> None:
    host = Host(eth_getBalance=lambda address, tag: address)
    host.refuses_by_list = refuses_by_list
    rpc = client(host, batch_limit=10)
    questions = [("eth_getBalance", [hex(number), "latest"]) for number in range(25)]
    expected = [hex(number) for number in range(25)]
    assert await rpc.batch(questions) == expected and host.posts == [10, 10, 5]
    host.most = 3
    assert await rpc.batch(questions) == expected
    host.posts.clear()
    assert await rpc.batch(questions) == expected and max(host.posts) <= 3
    host.most = 1
    assert await rpc.batch(questions) == expected


@pytest.mark.parametrize(("whole", "error"), [
    (HttpAnswer(503, {}, b'{"error":"Internal Server Error"}'), ApiUnavailableError),
    (HttpAnswer(500, {}, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"internal error"}}'), ApiUnavailableError),
    (HttpAnswer(200, {}, b'[{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"Too Many Requests"}}]'), RateLimitedError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"Too Many Requests"}}'), RateLimitedError)])
async def test_a_node_in_trouble_does_not_refuse_batches(whole: HttpAnswer, error: type[Exception]) -> None:
    clock, host = FakeClock(), Host(eth_getBalance=lambda address, tag: address)
    rpc = client(host, clock=clock, batch_limit=10)
    questions = [("eth_getBalance", [hex(number), "latest"]) for number in range(10)]
    host.whole = whole
    for _ in range(5):
        with pytest.raises(error):
            await rpc.batch(questions)
        clock.now += 1.0
    assert host.posts == [10] * 5
    host.whole = None
    assert await rpc.batch(questions) == [hex(number) for number in range(10)] and host.posts[5:] == [10]


async def test_a_refused_batch_is_tried_again_after_a_while_and_its_parts_do_not_leave_all_at_once() -> None:
    clock, host = FakeClock(), Host(eth_getBalance=lambda address, tag: address)
    rpc = client(host, clock=clock)
    waiting = longest = 0
    transport = rpc._transport

    class Counted:
        async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
            nonlocal waiting, longest
            waiting += 1
            longest = max(longest, waiting)
            await asyncio.sleep(0)
            waiting -= 1
            return await transport.request(method, url, body=body, timeout=timeout)

    rpc._transport = Counted()
    questions = [("eth_getBalance", [hex(number), "latest"]) for number in range(100)]
    host.most = 1
    assert await rpc.batch(questions) == [hex(number) for number in range(100)]
    host.posts.clear()
    assert await rpc.batch(questions) == [hex(number) for number in range(100)]
    assert host.posts == [1] * 100 and longest <= 10
    host.most = 1_000
    clock.now += 700.0
    host.posts.clear()
    assert await rpc.batch(questions) == [hex(number) for number in range(100)] and host.posts == [100]


async def test_an_endpoint_that_does_not_answer_one_part_is_not_asked_for_the_others() -> None:
    host = Host(eth_getBalance=lambda address, tag: address)
    rpc = client(host, batch_limit=1)
    host.whole = ApiUnavailableError("no answer")
    with pytest.raises(ApiUnavailableError):
        await rpc.batch([("eth_getBalance", [hex(number), "latest"]) for number in range(100)])
    assert len(host.posts) == 8


async def test_typed_answers() -> None:
    host = Host(eth_getBalance="0x10", eth_getTransactionCount=lambda address, tag: hex(len(tag)), eth_gasPrice="0x9",
                eth_getCode="0x6000", eth_getBlockByNumber=lambda tag, full: BLOCK if tag != "0x6" else None,
                eth_getTransactionReceipt=lambda name: RECEIPT if name == HASH else None, eth_getLogs=[LOG],
                eth_sendRawTransaction=HASH, eth_estimateGas="0x5208")
    rpc = client(host)
    assert await rpc.chain_id() == 7 and await rpc.block_number() == 100 and await rpc.balance(ADDRESS) == 16
    assert await rpc.nonce(ADDRESS) == 6 and await rpc.nonce(ADDRESS, "pending") == 7 and await rpc.gas_price() == 9
    assert await rpc.code(ADDRESS) == b"\x60\x00" and await rpc.estimate_gas(ADDRESS, b"", ADDRESS) == 21_000
    block = await rpc.get_block(5)
    assert block is not None and (block.number, block.base_fee) == (5, 7) and await rpc.get_block(6) is None
    assert await rpc.base_fee() == 7
    receipts = await rpc.receipts([HASH, "0x00"])
    assert receipts[0] is not None and receipts[0].ok and receipts[0].logs == (LOG,) and receipts[1] is None
    assert await rpc.receipt(HASH) == receipts[0]
    assert await rpc.logs(ADDRESS, [[HASH]], 1, 9) == [LOG] and await rpc.send_raw_transaction(b"\x02") == HASH


async def test_calls_return_bytes_or_the_decoded_revert() -> None:
    def call(fields: dict[str, str], tag: str) -> Any:
        assert fields["from"] == ADDRESS
        return {"code": 3, "message": "execution reverted", "data": "0x43ad20fc"} if fields["data"] == "0x01" else "0x2a"

    rpc = client(Host(eth_call=call, eth_estimateGas={"code": 3, "message": "execution reverted", "data": "0x43ad20fc"}))
    good, bad = await rpc.call_many([(ADDRESS, b"\x00"), (ADDRESS, b"\x01")], ADDRESS)
    assert good == b"\x2a" and isinstance(bad, OrderRejectedError) and bad.reason == "AmountIsZero()"
    with pytest.raises(OrderRejectedError, match="AmountIsZero"):
        await rpc.eth_call(ADDRESS, b"\x01", ADDRESS)
    with pytest.raises(OrderRejectedError, match="AmountIsZero"):
        await rpc.estimate_gas(ADDRESS, b"\x01", ADDRESS)


@pytest.mark.parametrize("answer, error", [
    (HttpAnswer(200, {}, b"<html>gateway</html>"), BadDataError),
    (HttpAnswer(200, {}, b""), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1,"res'), BadDataError),
    (HttpAnswer(200, {}, b"null"), BadDataError),
    (HttpAnswer(200, {}, b"[]"), BadDataError),
    (HttpAnswer(200, {}, b"[" * 100_000), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1}'), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":99,"result":"0x1"}'), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1,"result":"abc"}'), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1,"result":null}'), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1,"result":-1}'), BadDataError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1,"error":"no"}'), RpcError),
    (HttpAnswer(400, {}, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}}'), RpcError),
    (HttpAnswer(503, {}, b"busy"), ApiUnavailableError),
    (HttpAnswer(503, {}, b'{"error":"Service Unavailable"}'), ApiUnavailableError),
    (HttpAnswer(500, {}, b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted"}}'), RpcError),
    (HttpAnswer(404, {}, b'{"message": "not here"}'), ApiUnavailableError),
    (HttpAnswer(429, {"retry-after": "7"}, b""), RateLimitedError),
    (HttpAnswer(427, {}, b""), RateLimitedError),
    (HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"Too Many Requests"}}'), RateLimitedError),
])
async def test_bad_answers_are_typed_errors_that_show_no_key(answer: HttpAnswer, error: type[Exception]) -> None:
    host = Host()
    host.whole = answer
    with pytest.raises(error) as raised:
        await client(host).balance(ADDRESS)
    assert "secret" not in str(raised.value) and "user" not in str(raised.value)
    if answer.headers:
        assert isinstance(raised.value, RateLimitedError) and raised.value.retry_after == 7.0


async def test_no_node_may_ask_for_a_pause_without_an_end() -> None:
    host = Host()
    host.whole = HttpAnswer(429, {"retry-after": "9" * 400}, b"")
    with pytest.raises(RateLimitedError) as raised:
        await client(host).balance(ADDRESS)
    assert raised.value.retry_after == 3600.0


async def test_a_batch_with_a_missing_answer_is_bad_data() -> None:
    host = Host()
    host.whole = HttpAnswer(200, {}, b'[{"jsonrpc":"2.0","id":1,"result":"0x1"}]')
    with pytest.raises(BadDataError):
        await client(host).batch([("eth_chainId", []), ("eth_chainId", [])])


@pytest.mark.parametrize("parse, good, field, bad", [
    *[(rpc_values.receipt, RECEIPT, field, bad) for field, bad in (
        ("status", "0x2"), ("status", None), ("gasUsed", "12"), ("blockHash", "0x12"), ("logs", None), ("logs", ["x"]),
        ("blockNumber", 5), ("transactionHash", None))],
    *[(rpc_values.log, LOG, field, bad) for field, bad in (
        ("address", "0x12"), ("topics", "x"), ("topics", ["0x1"]), ("data", "0x1"), ("data", None), ("blockNumber", None),
        ("logIndex", "x"), ("transactionHash", "0x"))],
    *[(rpc_values.block, BLOCK, field, bad) for field, bad in (("number", None), ("timestamp", "soon"), ("baseFeePerGas", -1))],
])
def test_wrong_shapes_are_refused(parse: Callable[[Any], Any], good: dict[str, Any], field: str, bad: Any) -> None:
    assert parse(good) is not None
    with pytest.raises(BadDataError):
        parse({**good, field: bad})


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(RECEIPT)), inner),
                           max_leaves=8)


@given(st.sampled_from([rpc_values.receipt, rpc_values.log, rpc_values.block]), json_values)
def test_whatever_a_node_sends_is_a_value_or_bad_data(parse: Callable[[Any], Any], answer: Any) -> None:
    try:
        parse(answer)
    except BadDataError as error:
        assert len(str(error)) < 200


async def test_a_failing_endpoint_is_left_for_the_next_and_taken_up_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bad, good, clock = Host(eth_gasPrice="0x1"), Host(eth_gasPrice="0x2"), FakeClock()
    rpc = client(bad, good, clock=clock)
    assert await rpc.gas_price() == 1
    bad.whole = ApiUnavailableError("host0 is not reachable")
    for _ in range(5):
        assert await rpc.gas_price() == 2
    assert len(bad.posts) == 2 and len(caplog.records) == 1
    assert "host0 is left for host1: host0 is not reachable" in caplog.text
    clock.now += 1.1
    assert await rpc.gas_price() == 2
    clock.now += 1.1  # the second pause is twice as long
    assert await rpc.gas_price() == 2 and len(bad.posts) == 3
    bad.whole = None
    clock.now += 60.0
    assert await rpc.gas_price() == 1
    assert len(caplog.records) == 2 and "secret" not in caplog.text and "user" not in caplog.text


async def test_a_lagging_endpoint_is_left_and_the_block_number_never_goes_back(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Host(), Host(eth_blockNumber="0x100")
    rpc = client(first, second)
    assert await rpc.block_number() == 100
    first.whole = ApiUnavailableError("away")
    assert await rpc.block_number() == 256
    first.whole = None
    clock = rpc._clock
    clock.now += 60.0  # type: ignore[attr-defined]
    assert await rpc.block_number() == 256
    assert len(second.posts) == 2
    second.results["eth_blockNumber"] = "0xf0"
    assert await rpc.block_number() == 256


@pytest.mark.parametrize("wrong", [hex(5_000_000), "many"])
async def test_an_endpoint_that_names_a_block_of_another_chain_is_left_for_the_next(wrong: str) -> None:
    clock, moved, good = FakeClock(), Host(), Host()
    rpc = client(moved, good, clock=clock, chain_id=7)
    assert await rpc.block_number() == 100
    moved.results.update(eth_blockNumber=wrong, eth_chainId="0x8")
    good.results["eth_blockNumber"] = "0x65"
    assert await rpc.block_number() == 101
    clock.now += 5.0
    assert await rpc.block_number() == 101, "its chain is asked for again before it is believed"


async def test_the_only_endpoint_is_believed_when_it_names_a_far_block_twice_and_its_chain_is_the_same() -> None:
    host = Host()
    rpc = client(host, chain_id=7)
    assert await rpc.block_number() == 100
    host.results["eth_blockNumber"] = hex(5_000_000)
    with pytest.raises(BadDataError, match="names block 5000000, far above 100"):
        await rpc.block_number()
    asked = len(host.posts)
    assert await rpc.block_number() == 5_000_000 and len(host.posts) == asked + 3, "with its chain and the block"


@pytest.mark.parametrize("none", [None, {"code": -32000, "message": "header not found"}], ids=["none", "an error"])
async def test_a_first_block_number_counts_only_where_the_endpoint_has_the_blocks_before_it(none: Any) -> None:
    host = Host(eth_blockNumber=hex(5_000), eth_getBlockByNumber=none)
    rpc = client(host, chain_id=7)
    with pytest.raises(BadDataError, match="says that it is at block 5000, and does not have that block"):
        await rpc.block_number()
    # Of several nodes behind its URL another one is a little behind.
    host.results.update(eth_blockNumber=hex(101), eth_getBlockByNumber=lambda number, _: (
        BLOCK if number != "latest" and int(number, 16) < 99 else none))
    assert await rpc.block_number() == 101
    asked = len(host.posts)
    host.results["eth_blockNumber"] = hex(102)
    assert await rpc.block_number() == 102 and len(host.posts) == asked + 1, "of the later ones none is asked for"


async def test_the_chains_time_is_that_of_its_newest_block_when_the_first_number_was_told() -> None:
    clock, host = FakeClock(), Host(eth_getBlockByNumber=lambda number, _: BLOCK | {
        "timestamp": "0x64" if number == "latest" else "0x32"})
    rpc = client(host, clock=clock)
    assert rpc.chain_time is None
    await rpc.block_number()
    assert rpc.chain_time == 100
    clock.now += 7
    host.results.update(eth_blockNumber=hex(107), eth_getBlockByNumber=BLOCK | {"timestamp": "0x1"})
    await rpc.block_number()
    assert rpc.chain_time == 107, "a later block says nothing better"


async def test_the_chains_time_is_not_known_where_the_node_does_not_show_its_newest_block() -> None:
    rpc = client(Host(eth_getBlockByNumber=lambda number, _: None if number == "latest" else BLOCK))
    assert await rpc.block_number() == 100 and rpc.chain_time is None


async def test_a_first_block_number_that_the_endpoint_cannot_show_is_asked_of_the_next() -> None:
    assert await client(Host(eth_blockNumber=hex(5_000), eth_getBlockByNumber=None), Host()).block_number() == 100


async def test_a_block_number_far_above_all_others_does_not_count_however_often_it_is_said_without_its_blocks() -> None:
    host = Host()
    rpc = client(host, chain_id=7)
    assert await rpc.block_number() == 100
    host.results.update(eth_blockNumber=hex(5_000_000), eth_getBlockByNumber=None)
    for _ in range(3):
        with pytest.raises(BadDataError, match="does not have that block"):
            await rpc.block_number()
    host.results["eth_blockNumber"] = hex(101)
    assert await rpc.block_number() == 101


async def test_an_endpoint_that_stands_still_is_left(caplog: pytest.LogCaptureFixture) -> None:
    first, second, clock = Host(), Host(eth_blockNumber="0x65"), FakeClock()
    rpc = client(first, second, clock=clock)
    for _ in range(40):
        await rpc.block_number()
        clock.now += 1.0
    assert "has had no new block" in caplog.text and second.posts


@pytest.mark.parametrize(("method", "ask"), [
    ("eth_blockNumber", lambda rpc: rpc.block_number()), ("eth_getBalance", lambda rpc: rpc.balance(ADDRESS)),
    ("eth_getTransactionCount", lambda rpc: rpc.nonce(ADDRESS))])
async def test_an_endpoint_that_does_not_tell_its_newest_state_is_left(method: str, ask: Callable[[RpcClient], Any]) -> None:
    first = Host(**{method: {"code": -32000, "message": "missing trie node"}})
    assert await ask(client(first, Host(**{method: "0x5"}))) == 5


async def test_logs_that_are_null_are_asked_of_the_next_endpoint() -> None:
    assert await client(Host(eth_getLogs=None), Host(eth_getLogs=[LOG])).logs(ADDRESS, [], 1, 9)


@pytest.mark.parametrize(("method", "answer"), [("eth_getLogs", [LOG]), ("eth_getTransactionReceipt", RECEIPT)])
async def test_an_endpoint_that_does_not_tell_logs_or_receipts_is_left_for_a_while(method: str, answer: Any) -> None:
    first = Host(**{method: {"code": -32603, "message": "internal error"}}, eth_gasPrice="0x1")
    second = Host(**{method: answer}, eth_gasPrice="0x2")
    clock = FakeClock()
    rpc = client(first, second, clock=clock)

    async def ask() -> Any:
        return await (rpc.logs(ADDRESS, [], 1, 9) if method == "eth_getLogs" else rpc.receipt(HASH))

    assert await ask() and await rpc.gas_price() == 2
    clock.now += 61
    assert await rpc.gas_price() == 1, "what it answers it is asked for again"
    second.results[method] = first.results[method]
    with pytest.raises(RpcError, match="internal error"):
        await ask()


async def test_what_one_endpoint_has_forgotten_is_not_lost_while_the_other_one_wants_a_pause() -> None:
    pruned = Host(eth_getLogs={"code": -32000, "message": "history has been pruned"})
    archive = Host(eth_getLogs=[LOG])
    clock = FakeClock()
    rpc = client(pruned, archive, clock=clock)
    archive.whole = HttpAnswer(429, {}, b"")
    for _ in range(2):
        with pytest.raises(RateLimitedError):
            await rpc.logs(ADDRESS, [], 1, 9)
    archive.whole = None
    clock.now += 2.0
    assert await rpc.logs(ADDRESS, [], 1, 9) == [LOG]
    archive.whole = HttpAnswer(429, {}, b"")
    with pytest.raises(RateLimitedError):
        await rpc.logs(ADDRESS, [], 1, 9)
    clock.now += 601
    with pytest.raises(RpcError, match="pruned"):  # its quota may be used up for the month
        await rpc.logs(ADDRESS, [], 1, 9)


async def test_a_receipt_that_one_endpoint_cannot_tell_hides_no_other_while_another_endpoint_wants_a_pause() -> None:
    busy = {"code": -32000, "message": "transaction indexing is in progress"}
    indexing = Host(eth_getTransactionReceipt=lambda name: RECEIPT if name == HASH else busy)
    limited = Host()
    limited.whole = HttpAnswer(429, {}, b"")
    answers = await client(indexing, limited).batch([("eth_getTransactionReceipt", [name]) for name in (HASH, "0x00")])
    assert answers[0] == RECEIPT and isinstance(answers[1], RpcError)


async def test_a_short_trouble_of_all_endpoints_leaves_none_alone_for_long() -> None:
    lacking = {"code": -32603, "message": "internal error"}
    first, second = Host(eth_getLogs=lacking, eth_gasPrice="0x1"), Host(eth_getLogs=lacking, eth_gasPrice="0x2")
    clock = FakeClock()
    rpc = client(first, second, clock=clock)
    for _ in range(6):
        with pytest.raises(RpcError):
            await rpc.logs(ADDRESS, [], 1, 9)
        clock.now += 1.0
    first.results["eth_getLogs"] = second.results["eth_getLogs"] = [LOG]
    clock.now += 61
    assert await rpc.logs(ADDRESS, [], 1, 9) == [LOG] and await rpc.gas_price() == 1


@pytest.mark.parametrize("behind_first", [True, False])
async def test_of_one_that_is_behind_and_one_that_lacks_what_was_asked_for_the_first_answers(behind_first: bool) -> None:
    lacking = Host(eth_getLogs={"code": -32603, "message": "internal error"}, eth_blockNumber=hex(1_000))
    behind, clock = Host(eth_getLogs=[LOG], eth_blockNumber=hex(100)), FakeClock()
    rpc = client(*([behind, lacking] if behind_first else [lacking, behind]), clock=clock)
    behind.whole = ApiUnavailableError("away")
    assert await rpc.block_number() == 1_000
    behind.whole = None
    clock.now += 61
    for _ in range(2):
        _, logs = await rpc.batch([("eth_blockNumber", []), ("eth_getLogs", [{}])])
        assert logs == [LOG]


async def test_an_endpoint_that_goes_on_lacking_logs_is_asked_for_more_and_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Host(eth_getLogs={"code": -32603, "message": "internal error"}, eth_gasPrice="0x1"), \
        Host(eth_getLogs=[LOG], eth_gasPrice="0x2")
    clock = FakeClock()
    rpc = client(first, second, clock=clock)
    for _ in range(720):
        assert await rpc.logs(ADDRESS, [], 1, 9) == [LOG]
        clock.now += 5.0
        await rpc.gas_price()
    assert 6 <= len(caplog.records) <= 14
    first.results["eth_getLogs"] = [LOG]
    clock.now += 3_600
    assert await rpc.logs(ADDRESS, [], 1, 9) == [LOG]
    first.results["eth_getLogs"] = {"code": -32603, "message": "internal error"}
    assert await rpc.logs(ADDRESS, [], 1, 9) == [LOG] and await rpc.gas_price() == 2
    clock.now += 61
    assert await rpc.gas_price() == 1, "the pause is the first one again"


async def test_an_endpoint_is_not_left_for_a_call_that_reverts_or_too_many_logs() -> None:
    first = Host(eth_call={"code": 3, "message": "execution reverted"}, eth_gasPrice="0x1",
                 eth_getLogs={"code": -32005, "message": "query returned more than 10000 results"})
    rpc = client(first, Host(eth_gasPrice="0x2"))
    with pytest.raises(OrderRejectedError):
        await rpc.eth_call(ADDRESS, b"")
    with pytest.raises(RpcError):
        await rpc.logs(ADDRESS, [], 1, 9)
    assert await rpc.gas_price() == 1


async def test_of_several_that_lag_the_one_that_is_least_behind_answers() -> None:
    first, second, third = Host(eth_blockNumber="0x1000"), Host(eth_blockNumber="0x100"), Host(eth_blockNumber="0xf00")
    for number, host in enumerate((first, second, third)):
        host.results["eth_gasPrice"] = hex(number)
    clock = FakeClock()
    rpc = client(first, second, third, clock=clock)
    assert await rpc.block_number() == 0x1000
    first.whole = ApiUnavailableError("away")
    assert await rpc.batch([("eth_blockNumber", []), ("eth_gasPrice", [])]) == ["0xf00", "0x2"]


async def test_a_node_that_comes_back_is_left_while_it_has_to_catch_up() -> None:
    """Nobody else is asked once it answers: what it tells would be all that is known of the chain."""
    first, second, clock = Host(eth_gasPrice="0x1"), Host(eth_gasPrice="0x2", eth_blockNumber="0x1000"), FakeClock()
    rpc = client(first, second, clock=clock, chain_id=7)
    first.whole = ApiUnavailableError("away")
    assert await rpc.batch([("eth_blockNumber", []), ("eth_gasPrice", [])]) == ["0x1000", "0x2"]
    first.whole = None
    clock.now += 61
    assert await rpc.gas_price() == 2
    second.whole = ApiUnavailableError("away")
    assert await rpc.gas_price() == 1, "it is better than none"
    second.whole = None
    first.results["eth_blockNumber"] = "0xfff"
    clock.now += 200
    assert await rpc.gas_price() == 1


async def test_what_a_node_that_has_to_catch_up_was_given_is_given_to_no_other() -> None:
    """Its answer would be lost: where the other one refuses, the order would count as failed and be in a pool all the same."""
    first, second, clock = Host(eth_sendRawTransaction="0x" + "ab" * 32), Host(eth_blockNumber="0x1000"), FakeClock()
    rpc = client(first, second, clock=clock, chain_id=7)
    first.whole = ApiUnavailableError("away")
    assert await rpc.block_number() == 0x1000
    first.whole = None
    clock.now += 61
    posts = len(second.posts)
    assert await rpc.send_raw_transactions([b"transaction"]) == ["0x" + "ab" * 32]
    assert len(second.posts) == posts
    assert await rpc.block_number() == 0x1000, "and it is left afterwards"


async def test_a_node_that_has_to_catch_up_is_found_out_at_the_next_question_too() -> None:
    first, second, clock = Host(eth_gasPrice="0x1"), Host(eth_gasPrice="0x2", eth_blockNumber="0x1000"), FakeClock()
    rpc = client(first, second, clock=clock, chain_id=7)
    first.results["eth_sendRawTransaction"] = second.results["eth_sendRawTransaction"] = "0x" + "ab" * 32
    first.whole = ApiUnavailableError("away")
    assert await rpc.block_number() == 0x1000
    first.whole = None
    clock.now += 61
    await rpc.spread_raw_transactions([b"transaction"])  # to all others, however far they are
    assert await rpc.gas_price() == 2


async def test_of_several_that_lag_an_earlier_answer_is_not_replaced_by_an_older_one() -> None:
    first, second, third = Host(eth_blockNumber="0x1000"), Host(eth_blockNumber="0xf00"), Host(eth_blockNumber="0x100")
    rpc = client(first, second, third)
    assert await rpc.block_number() == 0x1000
    first.whole = ApiUnavailableError("away")
    assert await rpc.batch([("eth_blockNumber", []), ("eth_chainId", [])]) == ["0xf00", "0x7"]


async def test_blocks_that_the_node_does_not_have_are_left_out_and_an_error_is_told() -> None:
    host = Host(eth_getBlockByNumber=lambda number, full: BLOCK if number == "0x5" else None)
    assert list(await client(host).get_blocks([4, 5, 6])) == [5]
    host.results["eth_getBlockByNumber"] = {"code": -32000, "message": "the state is pruned"}
    with pytest.raises(RpcError, match="pruned"):
        await client(host).get_blocks([5])


async def test_a_batch_that_a_node_refuses_for_no_known_reason_is_told_for_each_of_its_parts() -> None:
    host = Host()
    host.whole = HttpAnswer(200, {}, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}')
    answers = await client(host).batch([("eth_blockNumber", []), ("eth_chainId", [])])
    assert [str(answer.reason) for answer in answers] == ["parse error"] * 2


async def test_calls_that_go_with_a_request_are_worth_nothing_when_it_fails() -> None:
    host = Host(eth_call="0x01", eth_blockNumber="0x5", eth_getBalance={"code": -32000, "message": "no such block"})
    with pytest.raises(RpcError, match="no such block"):
        await client(host).head_and_wallet(ADDRESS, [(ADDRESS, b"")])
    host = Host(eth_call="0x01", eth_blockNumber={"code": -32000, "message": "not synchronised"})
    with pytest.raises(RpcError, match="not synchronised"):
        await client(host).calls_and_head([(ADDRESS, b"")])


async def test_a_nodes_words_cannot_break_a_log_or_show_a_transaction() -> None:
    quoted = "0x02f8" + "ab" * 200
    error = {"code": -32000, "message": f"cannot\ndecode \x1b[31m{quoted} at all"}
    with pytest.raises(RpcError) as raised:
        await client(Host(eth_gasPrice=error)).gas_price()
    assert raised.value.reason == "cannot decode  [31m0x02f8abab… at all"


async def test_when_all_lag_the_best_answer_is_used() -> None:
    only = Host(eth_blockNumber="0x100")
    rpc = client(only)
    assert await rpc.block_number() == 256
    only.results["eth_blockNumber"] = "0x1"
    assert await rpc.block_number() == 256


async def test_a_url_of_another_chain_is_left_and_alone_it_is_a_configuration_error(caplog: pytest.LogCaptureFixture) -> None:
    wrong, right = Host(eth_chainId="0x1", eth_gasPrice="0x1"), Host(eth_gasPrice="0x2")
    assert await client(wrong, right, chain_id=7).gas_price() == 2
    assert "host0 is left for host1: The RPC URL at host0 leads to chain 1" in caplog.text
    with pytest.raises(ConfigurationError, match="leads to chain 1, but this network is chain 7"):
        await client(wrong, chain_id=7).gas_price()
    with pytest.raises(ConfigurationError, match="No RPC URL"):
        client()


async def test_a_transaction_is_tried_at_one_endpoint_only() -> None:
    first, second = Host(), Host(eth_sendRawTransaction=HASH)
    first.whole = ApiUnavailableError("the connection was lost")
    rpc = client(first, second)
    with pytest.raises(ApiUnavailableError):
        await rpc.send_raw_transactions([b"\x02"])
    assert not second.posts
    assert await rpc.send_raw_transactions([b"\x02"]) == [HASH]


async def test_an_error_answer_to_one_transaction_is_raised() -> None:
    with pytest.raises(RpcError, match="nonce too low"):
        await client(Host(eth_sendRawTransaction={"code": -32000, "message": "nonce too low"})).send_raw_transaction(b"\x02")


async def test_errors_among_receipts_and_estimates_are_raised() -> None:
    host = Host(eth_getTransactionReceipt={"code": -32603, "message": "internal"}, eth_estimateGas={"code": -1, "message": "no"},
                eth_chainId={"code": -1, "message": "no"}, eth_call={"code": -32000, "message": "header not found"})
    with pytest.raises(RpcError):
        await client(host).receipts([HASH])
    with pytest.raises(RpcError):
        await client(host).estimate_gas(ADDRESS, b"", ADDRESS, 5)
    with pytest.raises(RpcError):
        await client(host).eth_call(ADDRESS, b"", value=5, gas=7)
    with pytest.raises(ApiUnavailableError, match="does not tell its chain"):
        await client(host, chain_id=7).gas_price()


async def test_a_body_that_is_too_large_for_the_gateway_is_cut() -> None:
    host = Host(eth_gasPrice="0x1")
    whole, host.answer = host.answer, None  # type: ignore[assignment, method-assign]

    def answer(body: bytes) -> HttpAnswer:
        return HttpAnswer(413, {}, b"") if isinstance(json.loads(body), list) else whole(body)

    host.answer = answer  # type: ignore[method-assign]
    assert await client(host).batch([("eth_gasPrice", [])] * 4) == ["0x1"] * 4


async def test_an_empty_batch_asks_nothing() -> None:
    assert await client(Host()).batch([]) == []


def test_hosts_are_shown_without_anything_else() -> None:
    assert host_of("https://user:secret@example.org:8545/v1/key?token=x") == "example.org:8545"
    assert host_of("http://example.org:port/") == "example.org" and host_of("nothing") == "an URL without a host"


async def test_all_endpoints_away_is_one_error() -> None:
    first, second = Host(), Host()
    first.whole, second.whole = ApiUnavailableError("first away"), ApiUnavailableError("second away")
    with pytest.raises(ApiUnavailableError, match="second away"):
        await client(first, second).gas_price()


def test_a_client_without_a_url_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="No RPC URL"):
        client()
