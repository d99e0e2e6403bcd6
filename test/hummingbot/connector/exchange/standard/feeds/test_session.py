"""One connection against a server that a test scripts: what is skipped, what is answered, and what ends it."""
import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.messages import BlockReached, BookContent, Told
from hummingbot.connector.exchange.standard.feeds.session import FRAMES_PER_TURN, Burst, Sequences, StreamSession
from hummingbot.connector.exchange.standard.rest.client import RestClient
from test.hummingbot.connector.exchange.standard.chain.fake_blocks import Blocks
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle, until
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.feeds.scripted import Connection, pass_time

BLOCK = {"type": "block", "number": 7, "hash": "0x", "timestamp": 1, "sequences": {}}
Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class Peer:
    """A session, and the scripted server at its other end."""

    def __init__(self, url: str) -> None:
        self.news: list[Any] = []
        self.heard: list[str] = []
        self.factory = web_utils.build_api_factory()
        dialect = ChannelsDialect(RestClient(FakeApi(), ["https://api.test"]), BlockPace(Blocks(0.1)), lambda book: None)
        self.session = StreamSession(self.factory, url, dialect.decode, self.news.append, lambda quiet: None, SystemClock(),
                                     dialect.ping)
        self.task: asyncio.Task[None] | None = None

    def start(self, opened: Callable[[], Any] | None = None) -> None:
        async def nothing() -> None:
            return None
        self.task = asyncio.ensure_future(self.session.run(opened or nothing))

    async def ended(self) -> str:
        assert self.task is not None
        with pytest.raises(StreamBrokenError) as error:
            await asyncio.wait_for(self.task, 3)
        return str(error.value)


@asynccontextmanager
async def served(script: Script, opened: Callable[[Peer], Any] | None = None) -> AsyncIterator[Peer]:
    heard: list[str] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await script(socket)
        async for message in socket:
            heard.append(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer = Peer(f"ws://127.0.0.1:{runner.addresses[0][1]}/")
    peer.heard = heard
    peer.start(None if opened is None else lambda: opened(peer))
    try:
        yield peer
    finally:
        assert peer.task is not None
        peer.task.cancel()
        await asyncio.gather(peer.task, return_exceptions=True)
        await peer.factory.close()
        await runner.cleanup()


async def test_what_cannot_be_read_is_counted_and_skipped() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        for text in ("not json", "[" * 100_000, "1" + "0" * 5_000, '{"type": NaN}', json.dumps({"type": "diff"})):
            await socket.send_str(text)
        await socket.send_bytes(b"\x00\xff")
        await socket.send_json(BLOCK)

    async with served(script) as peer:
        await until(lambda: peer.news)
        assert peer.news == [BlockReached(7, {})] and peer.session.malformed == 6
        assert peer.task is not None and not peer.task.done()


async def test_text_that_is_not_utf8_ends_the_connection() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket._writer.send_frame(b"\xff\xfe", 1)  # type: ignore[union-attr]

    async with served(script) as peer:
        assert "broke" in await peer.ended()


async def test_both_heartbeats_are_answered() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_str("Hello")
        await socket.send_json({"method": "ping", "timestamp": 1})

    async with served(script) as peer:
        await until(lambda: len(peer.heard) == 2)
        assert peer.heard[0] == "Hello" and json.loads(peer.heard[1]) == {"method": "pong"}


async def test_the_own_heartbeat_must_be_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CONSTANTS, "WS_HEARTBEAT_TIME_INTERVAL", 0.2)
    monkeypatch.setattr(CONSTANTS, "WS_REQUEST_TIMEOUT", 0.2)

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_json(BLOCK)

    async with served(script) as peer:
        assert "did not answer ping" in await peer.ended()
        assert json.loads(peer.heard[0]) == {"id": 1, "method": "ping"}


async def test_an_answer_finds_its_request_in_whatever_order() -> None:
    done: list[str] = []

    async def opened(peer: Peer) -> None:
        async def ask(name: str) -> None:
            await peer.session.request({"method": name})
            done.append(name)
        peer.session.spawn(ask("first"))
        peer.session.spawn(ask("second"))

    async def script(socket: web.WebSocketResponse) -> None:
        for _ in range(2):
            await socket.receive()
        for number in (2, 77, 1, 1):
            await socket.send_json({"id": number, "result": {}})

    async with served(script, opened) as peer:
        await until(lambda: len(done) == 2)
        assert done == ["second", "first"] and not peer.task.done()  # type: ignore[union-attr]


@pytest.mark.parametrize(("answer", "words"), [
    ({"id": 1, "error": {"code": 1004, "message": "no pair"}}, "refused subscribe: no pair (code 1004)"),
    ({"id": None, "error": {"code": 1000, "message": "what?"}}, "refused subscribe: what?")])
async def test_a_refusal_ends_the_connection_and_says_why(answer: Any, words: str) -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_json(answer)

    async with served(script, lambda peer: peer.session.request({"method": "subscribe"})) as peer:
        assert words in await peer.ended()


async def test_a_refusal_that_may_be_of_either_of_two_requests_ends_the_connection() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        for _ in range(2):
            await socket.receive()
        await socket.send_json({"id": None, "error": {"code": 1000, "message": "what?"}})

    async def opened(peer: Peer) -> None:
        await asyncio.gather(*(peer.session.request({"method": "subscribe"}) for _ in range(2)))

    async with served(script, opened) as peer:
        assert "refused a request: what?" in await peer.ended()


async def test_a_session_that_does_not_run_takes_no_request() -> None:
    session = Peer("ws://127.0.0.1:1/").session
    with pytest.raises(StreamBrokenError, match="the connection is closed"):
        await session.request({"method": "subscribe"})


async def test_a_close_and_a_lost_connection_end_the_session() -> None:
    async def close(socket: web.WebSocketResponse) -> None:
        await socket.close(code=4999)

    async def abort(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None and socket._req.transport is not None
        socket._req.transport.abort()  # type: ignore[attr-defined]

    async with served(close) as peer:
        assert "4999" in await peer.ended()
    async with served(abort) as peer:
        assert "the connection broke" in await peer.ended()


async def test_a_connection_that_breaks_just_after_the_handshake_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp asserts that it is there when the answer is looked at."""
    async def abort(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None and socket._req.transport is not None
        socket._req.transport.abort()  # type: ignore[attr-defined]

    request = aiohttp.ClientSession._request

    async def slow(*arguments: Any, **options: Any) -> Any:
        answer = await request(*arguments, **options)
        await asyncio.sleep(0.1)
        return answer

    monkeypatch.setattr(aiohttp.ClientSession, "_request", slow)
    async with served(abort) as peer:
        assert "no connection to 127.0.0.1" in (why := await peer.ended()) and "broke just after the handshake" in why


async def test_a_session_that_is_ended_twice_closes_its_connection() -> None:
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_json({"type": "hello"})

    async with served(script) as peer:
        assert peer.task is not None
        peer.session.spawn(slow())
        await until(lambda: peer.session._assistant is not None)
        assistant = peer.session._assistant
        peer.task.cancel()
        await asyncio.sleep(0)
        peer.task.cancel()
        await asyncio.gather(peer.task, return_exceptions=True)
        assert assistant is not None and not assistant._connection.connected


async def test_a_silent_server_does_not_hold_up_the_end() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_json({"id": None, "error": {"code": 1000, "message": "what?"}})
        await asyncio.sleep(5)

    async with served(script) as peer:
        started = asyncio.get_running_loop().time()
        await peer.ended()
        assert asyncio.get_running_loop().time() - started < 1.0


async def test_a_process_that_was_held_up_does_not_blame_the_stream() -> None:
    quiet: list[float] = []

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_json(BLOCK)

    async with served(script) as peer:
        peer.session._watch_news = quiet.append
        await until(lambda: peer.news)
        time.sleep(1.3)  # noqa: ASYNC251
        await until(lambda: quiet)
        assert max(quiet) < 1.0


def told(previous: int | None, sequence: int) -> Told:
    return Told("s", previous, sequence, BookContent(previous is None, [], [], None))


def test_a_stream_begins_with_a_whole_and_goes_on_without_gaps() -> None:
    sequences = Sequences(ManualClock())
    sequences.await_all("s")
    assert sequences.follows(told(4, 5), False) is False, "changes of what is unknown are of no use"
    assert sequences.follows(told(None, 6), True) is True
    assert sequences.follows(told(6, 7), False) is True
    assert sequences.follows(told(6, 7), False) is False and sequences.duplicates == 1
    assert sequences.follows(told(8, 9), False) is None
    assert sequences.missing(BlockReached(1, {"s": 7, "other": 3})) == []
    assert sequences.missing(BlockReached(1, {"s": 8})) == ["s"] and sequences.missing(BlockReached(1, {"s": 6})) == ["s"]


def test_a_whole_that_is_not_numbered_is_taken_and_numbers_begin_after_it() -> None:
    sequences = Sequences(ManualClock())
    sequences.begin("s")
    assert sequences.follows(Told("s", None, None, BookContent(True, [], [], None)), True) is True
    assert not sequences.awaits("s")
    assert sequences.follows(told(4, 5), False) is True
    assert sequences.follows(told(6, 7), False) is None


def test_what_comes_after_the_message_with_which_a_stream_began_is_missing_if_it_belongs_before_it() -> None:
    sequences = Sequences(ManualClock())
    assert [sequences.follows(told(number - 1, number), False) for number in (2, 3, 2, 1)] == [True, True, False, None]
    sequences.forget("s")
    assert [sequences.follows(told(number - 1, number), False) for number in (4, 3)] == [True, None]
    assert [sequences.follows(message, message.previous is None) for message in (told(None, 5), told(1, 2))] == [True, False], (
        "a whole holds what came before it")


def test_a_stream_that_does_not_begin_is_asked_for_again_and_then_given_up() -> None:
    clock = ManualClock()
    sequences = Sequences(clock)
    sequences.await_all("s")
    assert sequences.late() == []
    clock.now += 0.6
    assert sequences.late() == ["s"]
    sequences.await_all("s")
    assert sequences.late() == []
    clock.now += 1.5
    with pytest.raises(StreamBrokenError, match="did not begin in time"):
        sequences.late()


def test_mishaps_are_bearable_when_they_are_rare() -> None:
    clock = ManualClock()
    burst = Burst("mishaps", clock, 3)
    for _ in range(10):
        burst.add()
        clock.now += 31
    burst.add()
    with pytest.raises(StreamBrokenError, match="3 mishaps within a minute"):
        burst.add()
    assert burst.count == 12


@pytest.mark.parametrize("fault", [RecursionError("nested too deeply"), ValueError("a number of 5,000 digits")])
async def test_a_frame_that_hummingbots_parser_fails_at_is_counted_and_skipped(fault: Exception) -> None:
    async def nothing() -> None:
        return None

    line, news = Connection(), list[Any]()
    session = StreamSession(line, "wss://stream.test", list, news.append, lambda quiet: None, ManualClock())  # type: ignore[arg-type]
    running = asyncio.ensure_future(session.run(nothing))
    line.end(fault)
    line.tell(BlockReached(7, {}))
    await settle()
    assert news == [BlockReached(7, {})] and session.malformed == 1 and not running.done()
    line.end(None)
    with pytest.raises(StreamBrokenError, match="was closed"):
        await running


@pytest.mark.parametrize("answer", [403, None])
async def test_why_there_is_no_connection_names_the_host_only(answer: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path or the query of a stream's URL may hold an access key."""
    async def refuse(request: web.Request) -> web.Response:
        if answer is None:
            await asyncio.sleep(1)
        return web.Response(status=answer or 200)

    monkeypatch.setattr(CONSTANTS, "WS_CONNECT_TIMEOUT", 0.3)
    app = web.Application()
    app.router.add_get("/", refuse)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer = Peer(f"ws://127.0.0.1:{runner.addresses[0][1]}/?key=SECRET")
    peer.start()
    why = await peer.ended()
    await peer.factory.close()
    await runner.cleanup()
    assert "127.0.0.1" in why and "SECRET" not in why


async def test_frames_that_wait_already_do_not_keep_the_rest_of_the_bot_from_its_turn() -> None:
    heard_at_turns: list[int] = []

    async def others() -> None:
        while True:
            heard_at_turns.append(len(news))
            await asyncio.sleep(0)

    line, news = Connection(), list[Any]()
    for number in range(3 * FRAMES_PER_TURN):
        line.tell(BlockReached(number, {}))
    session = StreamSession(line, "wss://stream.test", list, news.append, lambda quiet: None, ManualClock())  # type: ignore[arg-type]
    running = asyncio.ensure_future(session.run(others))
    await until(lambda: len(news) == 3 * FRAMES_PER_TURN)
    assert {FRAMES_PER_TURN - 1, 2 * FRAMES_PER_TURN - 1} <= set(heard_at_turns)
    line.end(None)
    with pytest.raises(StreamBrokenError):
        await running


async def test_a_request_may_wait_for_its_answer_for_a_while_only() -> None:
    clock, line = ManualClock(), Connection()
    line.answers = False
    session = StreamSession(line, "wss://stream.test", list, lambda news: None, lambda quiet: None, clock)  # type: ignore[arg-type]
    running = asyncio.ensure_future(session.run(lambda: session.request({"method": "subscribe"})))
    await pass_time(clock, CONSTANTS.WS_REQUEST_TIMEOUT - 0.25)
    assert not running.done()
    await pass_time(clock, 0.75)
    with pytest.raises(StreamBrokenError, match="did not answer subscribe in time"):
        await running
