"""Hummingbot's WebSocket connection with a faster JSON decoder, for streams of many small messages."""
from typing import Any

import aiohttp
from pydantic_core import from_json

from hummingbot.core.web_assistant.connections.data_types import WSResponse
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory
from hummingbot.core.web_assistant.ws_assistant import WSAssistant


class StreamConnection(WSConnection):
    """Texts are nearly all that comes, and are handed out without a look at them as any other kind of message. NaN and
    Infinity are no JSON; a text that is none is handed out as it is."""

    async def receive(self) -> WSResponse | None:
        self._ensure_connected()
        while self._connected:
            message = await self._read_message()
            if message.type is aiohttp.WSMsgType.TEXT:
                self._update_last_recv_time(message)
                return WSResponse(_decoded(message.data))
            message = await self._process_message(message)
            if message is not None:
                return WSResponse(message.data)
        return None


def _decoded(text: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return text


class StreamingAssistantsFactory(WebAssistantsFactory):
    """Hummingbot's factory of web assistants, whose WebSocket assistants use StreamConnection."""

    async def get_ws_assistant(self) -> WSAssistant:
        connection = await self._connections_factory.get_ws_connection()
        return WSAssistant(StreamConnection(connection._client_session), self._ws_pre_processors, self._ws_post_processors,
                           self._auth)
