"""JSON-RPC over a WebSocket that the test plays: answers by id, notifications in order, and everything that breaks it."""
import asyncio
import json
from unittest.mock import AsyncMock

import pytest
from aiohttp import web

import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain import ws
from hummingbot.connector.exchange.standard.chain.ws import MALFORMED_LIMIT, MALFORMED_WINDOW, WsRpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError, RpcError
from test.hummingbot.connector.exchange.standard.chain.fake_assistant import FakeAssistant
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle


@pytest.fixture
async def line():
    assistant = FakeAssistant()
    client = WsRpcClient(assistant, "wss://node.test/ws", ManualClock(), timeout=0.1)
    await client.open()
    yield assistant, client
    await client.close()


@pytest.fixture
async def refusing_server():
    async def refuse(request):
        return web.Response(status=403)

    app = web.Application()
    app.router.add_get("/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_answers_find_their_requests_in_any_order(line):
    assistant, client = line
    calls = [asyncio.ensure_future(client.call("eth_first", 1)), asyncio.ensure_future(client.call("eth_second"))]
    await settle()
    assert assistant.sent == [{"jsonrpc": "2.0", "id": 1, "method": "eth_first", "params": [1]},
                              {"jsonrpc": "2.0", "id": 2, "method": "eth_second", "params": []}]
    assistant.answer(2, "second")
    assistant.answer(1, None)
    assert await asyncio.gather(*calls) == [None, "second"]


async def test_a_connection_that_breaks_just_after_the_handshake_is_none(monkeypatch):
    """aiohttp asserts that it is there."""
    assistant = FakeAssistant()
    client = WsRpcClient(assistant, "wss://node.test/ws", ManualClock(), timeout=0.1)
    monkeypatch.setattr(assistant, "connect", AsyncMock(side_effect=AssertionError))
    with pytest.raises(ApiUnavailableError, match=r"node\.test: the connection broke just after the handshake"):
        await client.open()


async def test_pings_and_sizes_are_asked_of_the_connection(line):
    assistant, _ = line
    assert assistant.options == {"ws_url": "wss://node.test/ws", "ping_timeout": 30.0, "max_msg_size": 8 * 1024 * 1024}


async def test_an_error_of_the_node_is_told_with_its_code_and_harmless_words(line):
    assistant, client = line
    call = asyncio.ensure_future(client.call("eth_subscribe", "nothing"))
    await settle()
    assistant.tell({"id": 1, "error": {"code": -32602, "message": "no such\nsubscription"}})
    with pytest.raises(RpcError, match="no such subscription") as caught:
        await call
    assert caught.value.code == -32602


async def test_an_error_that_is_no_object_is_told(line):
    assistant, client = line
    call = asyncio.ensure_future(client.call("eth_x"))
    await settle()
    assistant.tell({"id": 1, "error": "busy"})
    with pytest.raises(RpcError, match="busy"):
        await call


@pytest.mark.parametrize("error", [ValueError("too many digits"), RecursionError()])
async def test_a_frame_that_cannot_be_parsed_is_malformed_and_the_next_ones_are_read(line, error):
    assistant, client = line
    assistant.tell(error)
    assistant.notify("0xa", 1)
    assert (await asyncio.wait_for(client.notification(), 1.0)).result == 1 and client.malformed == 1


async def test_a_burst_of_frames_that_cannot_be_parsed_breaks_the_connection(line):
    assistant, client = line
    for _ in range(MALFORMED_LIMIT):
        assistant.tell(ValueError("too many digits"))
    with pytest.raises(BadDataError, match="malformed messages"):
        await asyncio.wait_for(client.notification(), 1.0)


async def test_an_answer_that_never_comes_has_a_deadline(line):
    _, client = line
    with pytest.raises(ApiUnavailableError, match="does not answer eth_slow"):
        await client.call("eth_slow")


async def test_notifications_come_in_their_order_also_those_before_the_acknowledgement_was_read(line):
    assistant, client = line
    subscribing = asyncio.ensure_future(client.subscribe("newHeads"))
    await settle()
    assistant.answer(1, "0xa")
    for number in range(3):
        assistant.notify("0xa", number)
    await settle()
    assert await subscribing == "0xa" and client.waiting == 3
    assert [(await client.notification()).result for _ in range(3)] == [0, 1, 2]
    later = asyncio.ensure_future(client.notification())
    await settle()
    assert not later.done()
    assistant.notify("0xb", {"number": "0x1"})
    assert await later == ("0xb", {"number": "0x1"})


async def test_a_subscription_without_an_id_is_none(line):
    assistant, client = line
    subscribing = asyncio.ensure_future(client.subscribe("newHeads"))
    await settle()
    assistant.answer(1, True)
    with pytest.raises(BadDataError):
        await subscribing


async def test_frames_may_be_binary_or_hold_several_messages(line):
    assistant, client = line
    call = asyncio.ensure_future(client.call("eth_x"))
    await settle()
    assistant.tell(json.dumps([{"id": 1, "result": "0x1"}]).encode())
    assert await call == "0x1" and client.malformed == 0


@pytest.mark.parametrize("end", [ConnectionError("closed with 1011"), OSError("reset"), None, TypeError("odd frame")])
async def test_the_end_of_the_connection_ends_every_call_and_every_later_one(line, end):
    assistant, client = line
    call, waiting = asyncio.ensure_future(client.call("eth_x")), asyncio.ensure_future(client.notification())
    await settle()
    assistant.tell(end)
    for future in (call, waiting):
        with pytest.raises(ApiUnavailableError, match=r"node\.test"):
            await future
    with pytest.raises(ApiUnavailableError):
        await client.call("eth_y")


@pytest.mark.parametrize("refusal", [ConnectionError("refused"), True])
async def test_a_connection_that_cannot_be_made_is_told(refusal):
    assistant = FakeAssistant()
    assistant.refusal = refusal
    client = WsRpcClient(assistant, "ws://node.test/ws", ManualClock(), timeout=0.05)
    with pytest.raises(ApiUnavailableError, match=r"node\.test"):
        await client.open()
    await client.close()


async def test_an_answer_that_came_just_before_the_end_counts(line):
    assistant, client = line
    call, waiting = asyncio.ensure_future(client.call("eth_x")), asyncio.ensure_future(client.call("eth_y"))
    await settle()
    assistant.answer(1, "0x1")
    assistant.tell(ConnectionError("closed"))
    assert await call == "0x1"
    with pytest.raises(ApiUnavailableError):
        await waiting


@pytest.mark.parametrize("goodbye", [OSError("reset"), None])
async def test_a_node_that_does_not_say_goodbye_is_left_all_the_same(goodbye, monkeypatch):
    async def disconnect():
        if goodbye is not None:
            raise goodbye
        await asyncio.Event().wait()

    monkeypatch.setattr(ws, "CLOSE_TIMEOUT", 0.01)
    assistant = FakeAssistant()
    assistant.disconnect = disconnect
    client = WsRpcClient(assistant, "wss://node.test/ws", ManualClock())
    await client.open()
    await client.close()
    with pytest.raises(ApiUnavailableError, match="was closed"):
        await client.call("eth_x")


NONSENSE = ["text", b"\xff", 7, None, {"id": "one"}, {"id": 1}, {"method": "eth_subscription", "params": 1},
            {"method": "eth_subscription", "params": {"subscription": 1, "result": 1}}, {"method": "eth_subscription"}, [7]]


async def test_nonsense_is_counted_and_skipped_until_it_is_a_burst(line):
    assistant, client = line
    for frame in NONSENSE[:MALFORMED_LIMIT - 1]:
        assistant.tell(frame if frame is not None else [None])
    assistant.notify("0xa", 1)
    await settle()
    assert client.malformed == MALFORMED_LIMIT - 1
    assert (await client.notification()).result == 1
    assistant.tell(NONSENSE[-1])
    with pytest.raises(BadDataError, match="malformed"):
        await client.notification()


async def test_nonsense_now_and_then_is_bearable():
    assistant, clock = FakeAssistant(), ManualClock()
    client = WsRpcClient(assistant, "ws://node.test/ws", clock)
    await client.open()
    for _ in range(3 * MALFORMED_LIMIT):
        assistant.tell("x")
        await clock.advance(MALFORMED_WINDOW / (MALFORMED_LIMIT - 2))
    assistant.notify("0xa", 1)
    assert (await client.notification()).result == 1
    await client.close()


async def test_what_is_not_fetched_in_time_breaks_the_connection(line, monkeypatch):
    monkeypatch.setattr(ws, "MAX_WAITING", 5)
    assistant, client = line
    for number in range(6):
        assistant.notify("0xa", number)
    await settle()
    with pytest.raises(ApiUnavailableError, match="not kept up with"):
        await client.notification()


async def test_a_late_answer_is_no_harm(line):
    assistant, client = line
    with pytest.raises(ApiUnavailableError):
        await client.call("eth_slow")
    assistant.answer(1, "late")
    await settle()
    assert client.malformed == 0


async def test_sending_into_a_broken_line_is_told(line):
    assistant, client = line
    assistant.closed = True
    with pytest.raises(ApiUnavailableError, match="not connected"):
        await client.call("eth_x")


async def test_a_refused_handshake_names_the_host_only(refusing_server):
    """The path of a node's URL may hold an access key."""
    factory = web_utils.build_api_factory()
    client = WsRpcClient(await factory.get_ws_assistant(), f"{refusing_server}/ws/SECRET", ManualClock(), timeout=3.0)
    with pytest.raises(ApiUnavailableError) as error:
        await client.open()
    assert "403" in str(error.value) and "SECRET" not in str(error.value)
    await client.close()
    await factory.close()
