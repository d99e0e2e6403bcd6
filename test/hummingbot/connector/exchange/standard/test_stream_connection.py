"""The connection hands out what Hummingbot's own would, with JSON that a standard decoder would accept."""
import asyncio
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard import standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.stream_connection import StreamConnection

TEXT, BINARY, PING, PONG, CLOSED = (aiohttp.WSMsgType[name] for name in ("TEXT", "BINARY", "PING", "PONG", "CLOSED"))


class Socket:
    """A session and its one socket, which has these messages."""

    closed = False
    close_code = 1001

    def __init__(self, *messages: tuple[aiohttp.WSMsgType, Any]) -> None:
        self._messages = [aiohttp.WSMessage(kind, data, None) for kind, data in messages]
        self.pongs: list[Any] = []
        self.gone = asyncio.Event()

    async def ws_connect(self, *_: Any, **__: Any) -> "Socket":
        return self

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:
        return self._messages.pop(0)

    async def pong(self, data: Any) -> None:
        self.pongs.append(data)

    async def close(self) -> None:
        self.closed = True


async def received(*messages: tuple[aiohttp.WSMsgType, Any]) -> tuple[Any, Socket]:
    socket = Socket(*messages)
    connection = StreamConnection(socket)  # type: ignore[arg-type]
    await connection.connect("ws://stream.test")
    response = await connection.receive()
    assert response is not None and connection.last_recv_time > 0
    return response.data, socket


@pytest.mark.parametrize("text, data", [
    ('{"a": [1, 0.5, "x", null, true]}', {"a": [1, 0.5, "x", None, True]}), ("7", 7), ("Hello", "Hello"), ("", ""),
    ("NaN", "NaN"), ('{"a": Infinity}', '{"a": Infinity}'), ("[" * 5_000, "[" * 5_000), ("9" * 5_000, "9" * 5_000)])
async def test_a_text_is_json_or_handed_out_as_it_is(text: str, data: Any) -> None:
    assert (await received((TEXT, text)))[0] == data


async def test_bytes_are_handed_out_as_they_are_and_pings_are_answered() -> None:
    data, socket = await received((PING, b"1"), (PONG, b"2"), (BINARY, b"{}"))
    assert data == b"{}" and socket.pongs == [b"1"]


async def test_the_end_is_an_error() -> None:
    with pytest.raises(ConnectionError):
        await received((CLOSED, None))


async def test_a_connection_that_was_given_up_hands_out_nothing_more() -> None:
    socket = Socket((CLOSED, None))
    connection = StreamConnection(socket)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        await connection.receive()
    await connection.connect("ws://stream.test")
    receive = socket.receive

    async def given_up(timeout: float | None = None) -> aiohttp.WSMessage:
        await connection.disconnect()
        return await receive(timeout)

    socket.receive = given_up  # type: ignore[method-assign]
    assert await connection.receive() is None


async def test_the_connectors_assistants_use_it() -> None:
    async with web_utils.build_api_factory() as factory:
        assert isinstance((await factory.get_ws_assistant())._connection, StreamConnection)
