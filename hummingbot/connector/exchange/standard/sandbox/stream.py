"""The exchange's own WebSockets: /ws/channels and /ws/spot, fed block by block."""
import asyncio
from collections.abc import Callable
from random import Random

from aiohttp import web

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.stream_channels import Channels
from hummingbot.connector.exchange.standard.sandbox.stream_connection import (
    GOING_AWAY,
    MAX_REQUEST_BYTES,
    Layout,
    Speaker,
    StreamConnection,
    StreamSettings,
)
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults
from hummingbot.connector.exchange.standard.sandbox.stream_spot import SpotStreams

CHANNELS_PATH = "/ws/channels"
SPOT_PATH = "/ws/spot"


class Streams:
    """All stream connections of a sandbox, and the two dialects that are spoken on them."""

    def __init__(self, channels: Channels, spot: SpotStreams, settings: StreamSettings, faults: StreamFaults, clock: Clock,
                 seed: int) -> None:
        self.connections: set[StreamConnection] = set()
        self.channels = channels
        self.spot = spot
        self._settings = settings
        self._faults = faults
        self._clock = clock
        self._random = Random(seed)

    def mount(self, app: web.Application) -> None:
        """Add the routes to an app; its connections end with it."""
        app.router.add_get(CHANNELS_PATH, self._serve_channels)
        app.router.add_get(SPOT_PATH, self._serve_spot)
        app.on_shutdown.append(self._shut_down)

    def close(self, code: int, reason: str = "") -> None:
        """End every connection there is."""
        for connection in self.connections:
            connection.close(code, reason)

    async def _shut_down(self, _: web.Application) -> None:
        self.close(GOING_AWAY, "the sandbox stops")
        await asyncio.sleep(0)

    async def _serve_channels(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self.channels.speaker)

    async def _serve_spot(self, request: web.Request) -> web.StreamResponse:
        try:
            layout = Layout(request.query.get("layout", self._settings.layout))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await self._serve(request, lambda connection: self.spot.speaker(connection, layout))

    async def _serve(self, request: web.Request, speaker: Callable[[StreamConnection], Speaker]) -> web.StreamResponse:
        if self._faults.refuse:
            return web.json_response({"error": "no streams now"}, status=503)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=MAX_REQUEST_BYTES, timeout=1.0)
        await socket.prepare(request)
        connection = StreamConnection(socket, self._faults, self._settings, self._clock, self._random)
        self.connections.add(connection)
        try:
            await connection.run(speaker(connection))
        finally:
            self.connections.discard(connection)
        return socket
