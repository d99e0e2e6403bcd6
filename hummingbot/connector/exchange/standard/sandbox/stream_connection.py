"""One client of a stream: its bounded outgoing queue, its heartbeats, and everything that can go wrong on the way."""
import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults

SLOW_CONSUMER, NO_HEARTBEAT, TOO_MANY_REQUESTS, GOING_AWAY = 4009, 4008, 4029, 1001
MAX_REQUEST_BYTES = 64 * 1024
_TICK = 0.05
_SEQUENCE_FIELDS = ("sequence", "previous", "s", "ps")


class Layout(StrEnum):
    """How `spot_streams` writes its frames: as documented, as the SDK reads them, or as the later product sends them."""

    DOCS = "docs"
    SDK = "sdk"
    ITER = "iter"


@dataclass
class StreamSettings:
    """How the streams are served. Times are in seconds; any of it may change while the sandbox runs, for new connections.

    A client may choose another `layout` for itself with ?layout=sdk.
    """

    layout: Layout = Layout.DOCS
    heartbeat_seconds: float = 30.0
    client_silence_seconds: float = 60.0
    requests_per_second: int = 20
    queued_messages: int = 1000


class Speaker(Protocol):
    """What a dialect does with one connection."""

    def receive(self, text: str) -> None:
        """A text frame of the client."""

    def heartbeat(self) -> None:
        """It is time to show life."""

    @property
    def subscriptions(self) -> list[str]:
        """What the client listens to, for people to read."""

    def closed(self) -> None:
        """The connection is gone."""


class StreamConnection:
    """The sending side of a connection. Messages are JSON values, or texts that are sent as they are.

    `sent` counts the data messages; `opened` and `last_data`, when the last of them left, are the clock's monotonic time.
    """

    def __init__(self, socket: web.WebSocketResponse, faults: StreamFaults, settings: StreamSettings, clock: Clock,
                 random: Random) -> None:
        self._socket = socket
        self._faults = faults
        self._settings = settings
        self._clock = clock
        self._random = random
        self.speaker: Speaker | None = None
        self.opened = clock.monotonic()
        self.sent = 0
        self.last_data: float | None = None
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._held: str | None = None
        self._closing: tuple[int, str] | None = None
        self._ends = asyncio.Event()
        self._last_heard = clock.monotonic()
        self._requests = 0
        self._second = 0.0

    def answer(self, message: Any) -> None:
        """Send an answer or a heartbeat, which suffers from no damage to data."""
        if not self._faults.stall:
            self._put(message if isinstance(message, str) else json.dumps(message, separators=(",", ":")))

    def data(self, message: Any) -> None:
        """Send data, unless a fault has something else in mind."""
        if self._faults.silent:
            return
        damage = self._faults.damage(self._random)
        text = json.dumps(_shifted(message) if damage == "wrong_sequence" else message, separators=(",", ":"))
        if damage == "drop":
            return
        if damage == "reorder" and self._held is None:
            self._held = text
            return
        if damage == "malformed":
            text = _malformed(text, self._random)
        elif damage == "oversized":
            text += " " * self._faults.oversized_bytes
        self.sent += 1
        self.last_data = self._clock.monotonic()
        for _ in range(2 if damage == "duplicate" else 1):
            self._put(text)
        if self._held is not None:
            self._put(self._held)
            self._held = None

    def close(self, code: int, reason: str) -> None:
        """End the connection."""
        if self._closing is None:
            self._closing = code, reason
            self._ends.set()

    def _put(self, text: str) -> None:
        if self._queue.qsize() >= self._settings.queued_messages:
            self.close(SLOW_CONSUMER, "slow consumer")
        elif self._closing is None:
            self._queue.put_nowait(text)

    async def run(self, speaker: Speaker) -> None:
        """Serve the client until it goes or is sent away."""
        self.speaker = speaker
        tasks = [asyncio.ensure_future(work) for work in (self._read(speaker), self._write(), self._watch(speaker),
                                                            self._ends.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            speaker.closed()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._closing is not None and not self._socket.closed:
            code, reason = self._closing
            await self._socket.close(code=code, message=reason.encode())

    async def _read(self, speaker: Speaker) -> None:
        async for message in self._socket:
            self._last_heard = self._clock.monotonic()
            if message.type is WSMsgType.PING:
                if not self._faults.stall:
                    await self._socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                if self._is_too_fast():
                    self.close(TOO_MANY_REQUESTS, "too many requests")
                elif not (self._faults.silent or self._faults.ignore_requests):
                    speaker.receive(message.data)

    def _is_too_fast(self) -> bool:
        now = self._clock.monotonic()
        if now - self._second >= 1.0:
            self._second, self._requests = now, 0
        self._requests += 1
        return self._requests > 5 * self._settings.requests_per_second

    @property
    def is_over_limit(self) -> bool:
        """Whether the request at hand is one too many within a second; a client that goes on is sent away."""
        return self._requests > self._settings.requests_per_second

    async def _write(self) -> None:
        try:
            while True:
                text = await self._queue.get()
                if self._faults.late_seconds:
                    await self._clock.sleep(self._faults.late_seconds)
                await (self._socket.send_bytes(text) if isinstance(text, bytes) else self._socket.send_str(text))
        except ConnectionError:
            # The client is gone, which ends the connection as it should.
            return

    async def _watch(self, speaker: Speaker) -> None:
        due = self._clock.monotonic() + self._settings.heartbeat_seconds
        while True:
            if self._faults.close_code:
                self.close(self._faults.close_code, "closed by a fault")
            await self._clock.sleep(_TICK)
            now = self._clock.monotonic()
            if now >= due:
                due = now + self._settings.heartbeat_seconds
                speaker.heartbeat()
            if now - self._last_heard > self._settings.client_silence_seconds:
                self.close(NO_HEARTBEAT, "nothing heard from the client")


def _shifted(message: Any) -> Any:
    """The message with sequence numbers that do not follow on anything."""
    if not isinstance(message, dict):
        return message
    return {name: value + 1000 if name in _SEQUENCE_FIELDS and isinstance(value, int) else value
            for name, value in message.items()}


def _malformed(text: str, random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        return text[:len(text) // 2]
    if kind == 1:
        return json.dumps({"type": "diff", "t": 7, "channel": ["orderbook"]})
    if kind == 2:
        return '["spotOrderBlock",true]'
    return text.replace('"', "")
