"""What a node pushes over its WebSocket: damaged notifications between sound ones, through a whole run of the chain's stream."""
import asyncio
import json
from collections import deque
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

import aiohttp

from fuzz import corpus
from fuzz.judge import check
from fuzz.targets import on_loop
from hummingbot.connector.exchange.standard.chain.engine import TRADING_TOPICS
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.chain_stream import ChainStream, StreamBounds
from hummingbot.core.web_assistant.connections.data_types import WSJSONRequest, WSRequest, WSResponse
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection

CHAIN = 31337


class StillClock:
    """Time stands still: no deadline of the stream passes while it is fed."""

    def time(self) -> float:
        return 1_000.0

    def monotonic(self) -> float:
        return 1_000.0

    async def sleep(self, seconds: float) -> None:
        await (asyncio.sleep(0) if not seconds else asyncio.get_running_loop().create_future())


class ScriptedNode:
    """Answers the stream's requests, and then pushes frames; `told` is set once all were taken."""

    def __init__(self, frames: Sequence[bytes], subscriptions: Sequence[str]) -> None:
        self.told = asyncio.Event()
        self._frames = deque(frames)
        self._subscriptions = iter(subscriptions)
        self._answers: asyncio.Queue[WSResponse] = asyncio.Queue()
        self._subscribed = 0

    async def connect(self, ws_url: str, *, ping_timeout: float, max_msg_size: int | None) -> None:
        """See Assistant.connect."""

    async def send(self, request: WSRequest) -> None:
        """See Assistant.send."""
        assert isinstance(request, WSJSONRequest)
        subscribes = request.payload["method"] == "eth_subscribe"
        result = next(self._subscriptions) if subscribes else hex(CHAIN)
        self._subscribed += subscribes
        self._answers.put_nowait(WSResponse({"jsonrpc": "2.0", "id": request.payload["id"], "result": result}))

    async def receive(self) -> WSResponse | None:
        """See Assistant.receive; what Hummingbot itself cannot parse ends as it does there."""
        if self._subscribed < 2 or not self._answers.empty():
            return await self._answers.get()
        if not self._frames:
            self.told.set()
            return await self._answers.get()
        payload = self._frames.popleft()
        try:
            message = aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, payload.decode(), None)
        except UnicodeDecodeError:
            message = aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, payload, None)
        return WSConnection._build_resp(message)

    async def disconnect(self) -> None:
        """See Assistant.disconnect."""


class CheckingListener:
    """A listener that looks at the numbers of what it is told."""

    def logs(self, logs: Sequence[EngineLog], in_order: bool) -> None:
        """See Listener.logs."""
        for log in logs:
            check(log)
            if not isinstance(log.removed, bool) or not log.block_hash.startswith("0x"):
                raise AssertionError("a log that is not where it should be")

    def told(self) -> None:
        """See Listener.told."""

    def reorganised(self) -> None:
        """See Listener.reorganised."""

    async def audit(self, first: int, last: int) -> int:
        """See Listener.audit: everything is as it should be."""
        return last


@cache
def _pushed() -> tuple[list[bytes], list[str]]:
    """The recorded notifications in their order, and the ids of the subscriptions: of logs, and of blocks."""
    pushed = [sample.body for sample in corpus.samples("node") if b"eth_subscription" in sample.body]
    ids: dict[bool, str] = {}
    for body in pushed:
        params = json.loads(body)["params"]
        ids["topics" in params["result"]] = params["subscription"]
    return pushed, [ids[True], ids[False]]


def decode(kind: str, payload: bytes, chance: Random) -> None:
    """The payload among sound notifications."""
    sound, subscriptions = _pushed()
    frames = chance.sample(sound, 2)
    frames.insert(chance.randrange(3), payload)
    on_loop(_play(frames, subscriptions))


async def _play(frames: Sequence[bytes], subscriptions: Sequence[str]) -> None:
    node = ScriptedNode(frames, subscriptions)
    stream = ChainStream(node, "ws://127.0.0.1", corpus.engine(), TRADING_TOPICS, StillClock(), CHAIN, StreamBounds())
    running = asyncio.ensure_future(stream.run(CheckingListener()))
    told = asyncio.ensure_future(node.told.wait())
    try:
        await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(3):
            await asyncio.sleep(0)
        check(stream.newest() + 1)
    finally:
        told.cancel()
        running.cancel()
        results: Sequence[Any] = await asyncio.gather(running, told, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]
