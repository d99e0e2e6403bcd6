"""One connection to a WebSocket of the exchange, whatever its dialect: requests with their answers, heartbeats, and an end
that is always an error. A session never reconnects."""
import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import aiohttp

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.endpoints import CONNECT_ERRORS, host_of, shown_error
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import BadDataError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    Answered,
    BlockReached,
    Body,
    Incoming,
    Ping,
    Refused,
    Told,
)
from hummingbot.core.web_assistant.connections.data_types import WSJSONRequest, WSPlainTextRequest
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory
from hummingbot.core.web_assistant.ws_assistant import WSAssistant

BURST = 10
BURST_SECONDS = 60.0
WATCH_INTERVAL = 0.25
HELD_UP = 1.0
CLOSING_SECONDS = 0.2
# Frames that wait already are read without a pause; after so many the rest of the bot has its turn.
FRAMES_PER_TURN = 200
HELLO = "Hello"


class Burst:
    """Counts mishaps; more than a few within a minute are too many."""

    def __init__(self, what: str, clock: Clock, limit: int = BURST) -> None:
        self.count = 0
        self._what = what
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=limit)

    def add(self) -> None:
        """One more. Raises StreamBrokenError at the last one that is bearable."""
        now = self._clock.monotonic()
        self.count += 1
        self._recent.append(now)
        if len(self._recent) == self._recent.maxlen and now - self._recent[0] <= BURST_SECONDS:
            raise StreamBrokenError(f"the stream sent {len(self._recent)} {self._what} within a minute")


class StreamSession:
    """A connection by Hummingbot's WSAssistant.

    `decode` turns frames into messages and raises BadDataError for a malformed one, which is counted and skipped. News go
    to `handle`; `watch` is called several times a second with the seconds since the last news. Both may raise, and that
    ends the session.
    """

    def __init__(self, factory: WebAssistantsFactory, url: str, decode: Callable[[Any], Sequence[Incoming]],
                 handle: Callable[[BlockReached | Told], None], watch: Callable[[float], None], clock: Clock,
                 ping: Body | None = None) -> None:
        self._factory = factory
        self._url = url
        self._decode = decode
        self._handle = handle
        self._watch_news = watch
        self._clock = clock
        self._ping = ping
        self._assistant: WSAssistant | None = None
        self._number = 0
        self._pending: dict[int, tuple[asyncio.Future[None], float, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None] | None = None
        self._last_news = clock.monotonic()
        self._malformed = Burst("malformed messages", clock)

    @property
    def malformed(self) -> int:
        """How many frames were skipped since they could not be understood."""
        return self._malformed.count

    async def run(self, opened: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Connect, call `opened`, and deliver news until the connection breaks. Raises StreamBrokenError then, or what a
        callback raised."""
        assistant = await self._factory.get_ws_assistant()
        try:
            async with asyncio.timeout(CONSTANTS.WS_CONNECT_TIMEOUT):
                await assistant.connect(ws_url=self._url, ping_timeout=CONSTANTS.WS_HEARTBEAT_TIME_INTERVAL,
                                        max_msg_size=CONSTANTS.WS_MAX_MESSAGE_BYTES)
        except TimeoutError:
            raise StreamBrokenError(f"{host_of(self._url)} does not answer") from None
        except CONNECT_ERRORS as error:
            raise StreamBrokenError(f"no connection to {host_of(self._url)}: {shown_error(error)}") from None
        self._assistant = assistant
        self._broken = asyncio.get_running_loop().create_future()
        self._last_news = self._clock.monotonic()
        try:
            for work in (self._read(assistant), self._watch(), opened()):
                self.spawn(work)
            await self._broken
        finally:
            self._assistant = None
            for task in self._tasks:
                task.cancel()
            try:
                await asyncio.gather(*self._tasks, return_exceptions=True)
            finally:  # who runs this may be cancelled twice
                await _disconnect(assistant)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that belongs to the connection: it ends with it, and when it fails, so does the connection."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and self._broken is not None and not self._broken.done():
            self._broken.set_exception(task.exception())  # type: ignore[arg-type]

    async def request(self, body: Body) -> None:
        """Send a request and wait for its acknowledgement. Raises StreamBrokenError when it is refused."""
        self._number = number = self._number + 1
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        deadline = self._clock.monotonic() + CONSTANTS.WS_REQUEST_TIMEOUT
        self._pending[number] = answer, deadline, str(body.get("method"))
        try:
            await self._send({"id": number, **body})
            await answer
        finally:
            del self._pending[number]

    async def _send(self, message: str | Body) -> None:
        if self._assistant is None:
            raise StreamBrokenError("the connection is closed")
        try:
            await self._assistant.send(WSPlainTextRequest(message) if isinstance(message, str) else WSJSONRequest(message))
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise StreamBrokenError(f"the connection broke: {error}") from None

    async def _read(self, assistant: WSAssistant) -> None:
        frames = 0
        while True:
            frames += 1
            if frames % FRAMES_PER_TURN == 0:
                await _turn_of_others()
            try:
                response = await assistant.receive()
            except (aiohttp.ClientError, aiohttp.WebSocketError, OSError, RuntimeError) as error:
                if isinstance(error, RecursionError):
                    self._malformed.add()
                    continue
                raise StreamBrokenError(f"the connection broke: {error}") from None
            except ValueError:
                # What Hummingbot's JSON parser does not catch itself: absurdly long numbers, for one.
                self._malformed.add()
                continue
            if response is None:
                raise StreamBrokenError("the connection was closed")
            self._take(response.data)

    def _take(self, data: Any) -> None:
        try:
            messages = [Ping(HELLO)] if data == HELLO else self._decode(data)
        except BadDataError:
            self._malformed.add()
            return
        for message in messages:
            if isinstance(message, (Told, BlockReached)):
                self._last_news = self._clock.monotonic()
                self._handle(message)
            elif isinstance(message, Ping):
                self.spawn(self._send(message.answer))
            else:
                self._settle(message)

    def _settle(self, message: Answered | Refused) -> None:
        pending = self._pending.get(message.id) if message.id is not None else None
        if message.id is None and len(self._pending) == 1:  # a dialect may name no request: there is only one that it can be
            pending = next(iter(self._pending.values()))
        if isinstance(message, Refused):
            error = StreamBrokenError(f"the stream refused {pending[2] if pending else 'a request'}: {message.message} "
                                      f"(code {message.code})")
            if pending is None:
                raise error
            if not pending[0].done():
                pending[0].set_exception(error)
        elif pending is not None and not pending[0].done():
            pending[0].set_result(None)

    async def _watch(self) -> None:
        beat = self._clock.monotonic() + CONSTANTS.WS_HEARTBEAT_TIME_INTERVAL
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(WATCH_INTERVAL)
            now = self._clock.monotonic()
            if now - before > HELD_UP:
                # This process was held up, or the machine slept: what came meanwhile has not been read yet.
                self._last_news += now - before
                continue
            self._watch_news(now - self._last_news)
            for _, deadline, method in self._pending.values():
                if now > deadline:
                    raise StreamBrokenError(f"the stream did not answer {method} in time")
            if self._ping is not None and now >= beat:
                beat = now + CONSTANTS.WS_HEARTBEAT_TIME_INTERVAL
                self.spawn(self.request(self._ping))


async def _turn_of_others() -> None:
    """Return once every task that can run now has run."""
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[None] = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


async def _disconnect(assistant: WSAssistant) -> None:
    """Close the connection without waiting long for a server that may be silent."""
    closing = asyncio.ensure_future(assistant.disconnect())
    await asyncio.wait({closing}, timeout=CLOSING_SECONDS)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)


class Sequences:
    """The numbers of a connection's streams: what follows, what was told before, and where something is missing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, int] = {}
        self._first: dict[str, int] = {}  # where a stream began without a whole
        self._awaited: dict[str, tuple[float, float]] = {}  # when to ask again, and when to give up
        self.duplicates = 0

    def await_all(self, stream: str, seconds: float = CONSTANTS.WS_SNAPSHOT_TIMEOUT) -> None:
        """What comes next for this stream, and within so many seconds, must be all of it; until then changes are of no use."""
        now = self._clock.monotonic()
        self._last.pop(stream, None)
        # Asking again does not give it more time.
        deadline = self._awaited[stream][1] if stream in self._awaited else now + seconds
        self._awaited[stream] = now + CONSTANTS.WS_SNAPSHOT_RETRY, deadline

    def begin(self, stream: str) -> None:
        """As `await_all`, with the time from now on."""
        self._awaited.pop(stream, None)
        self.await_all(stream)

    def forget(self, stream: str) -> None:
        """Nothing of this stream is wanted any more."""
        self._last.pop(stream, None)
        self._first.pop(stream, None)
        self._awaited.pop(stream, None)

    def awaits(self, *streams: str) -> bool:
        """Whether one of these has not begun yet."""
        return any(stream in self._awaited for stream in streams)

    def follows(self, told: Told, is_whole: bool) -> bool | None:
        """Whether to take a message; None when one before it is missing."""
        stream, sequence = told.stream, told.sequence
        if is_whole:
            self._awaited.pop(stream, None)
            self._first.pop(stream, None)
            if sequence is not None:
                self._last[stream] = sequence
            return True
        if stream in self._awaited:
            return False
        last = self._last.get(stream)
        if sequence is None or last is None:
            if sequence is not None:
                self._last[stream] = self._first[stream] = sequence
            return True
        if self.is_late(told):
            return None  # and no duplicate: it was never taken
        if sequence <= last:
            self.duplicates += 1
            return False
        if told.previous != last:
            return None
        self._last[stream] = sequence
        return True

    def is_late(self, told: Told) -> bool:
        """Whether a message is from before the one with which its stream began."""
        return told.sequence is not None and told.sequence < self._first.get(told.stream, 0)

    def missing(self, block: BlockReached) -> list[str]:
        """The streams that are not where the block says they are: something of it did not arrive, or arrived wrong."""
        return [stream for stream, number in block.sequences.items() if self._last.get(stream, number) != number]

    def late(self) -> list[str]:
        """The streams to be asked for again. Raises StreamBrokenError when one does not begin in time whatever is done."""
        now, late = self._clock.monotonic(), []
        for stream, (again, deadline) in self._awaited.items():
            if now > deadline:
                raise StreamBrokenError(f"the stream {stream} did not begin in time")
            if now > again and deadline < float("inf"):
                late.append(stream)
        return late
