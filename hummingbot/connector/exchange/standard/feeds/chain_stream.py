"""The engine's logs as a node pushes them, in chain order and each once, with new blocks as the proof of life
(docs/protocol.md, "Chain behaviour and gas", "Events").

Nodes differ in whether a block comes before or after its logs, so logs are told once their block is known and nothing more
waits, or a later block is known. A notification that a node leaves out cannot be noticed here: whoever listens compares,
now and then, what was told with what the node answers when it is asked (`audit`).
"""
import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hummingbot.connector.exchange.standard.chain import rpc_values as values
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs
from hummingbot.connector.exchange.standard.chain.pace import MAX_SILENCE, BlockPace
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Block
from hummingbot.connector.exchange.standard.chain.ws import Assistant, Notification, WsRpcClient
from hummingbot.connector.exchange.standard.clock import Clock, sleep_or_wake
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    ConfigurationError,
    RpcError,
    StreamBrokenError,
)

WATCH_SECONDS = 0.1
REMEMBERED_BLOCKS = 256
MAX_PENDING_LOGS = 50_000
BREATH = 256  # notifications
FIRST_PAUSE = 0.1

Place = tuple[str, int]


@dataclass(frozen=True)
class StreamBounds:
    """When a stream is left, in seconds: no new block for `silence` (or for longer where blocks are slow), a block that the
    node behind the other endpoint has had for `behind`, no chance to compare for `unverified`. What was told is compared
    every `audit`; what is missing has `grace` to arrive."""

    silence: float = MAX_SILENCE
    behind: float = 2.0
    audit: float = 2.0
    grace: float = 0.5
    unverified: float = 15.0


class Listener(Protocol):
    """What uses a stream."""

    def logs(self, logs: Sequence[EngineLog], in_order: bool) -> None:
        """Events in chain order, each once. Not `in_order`: they belong before some that were told already."""

    def told(self) -> None:
        """Everything that has arrived was told."""

    def reorganised(self) -> None:
        """Blocks were replaced: what they held is void, what the new ones hold follows."""

    async def audit(self, first: int, last: int) -> int:
        """Compare the blocks from `first` to `last`, or as far as the node that is asked knows them: its newest block.
        Raises StreamBrokenError."""


class ChainStream:
    """One run of one subscription. `head` is the newest block that it told of, -1 before the first."""

    def __init__(self, assistant: Assistant, url: str, engine: str, topics: Sequence[str], clock: Clock, chain_id: int,
                 bounds: StreamBounds) -> None:
        self.head = -1
        self.branch = 0  # how often blocks were replaced
        self._client = WsRpcClient(assistant, url, clock)
        self._engine = engine
        self._topics = topics
        self._clock = clock
        self._chain_id = chain_id
        self._bounds = bounds
        self._blocks: dict[int, Block] = {}
        self._pending: dict[int, list[EngineLog]] = {}
        self._seen: dict[int, dict[Place, str]] = {}
        self._last_told = (-1, -1)
        # Seconds in which this process was able to listen: what a stall of its own costs is not the stream's silence.
        self._listened = 0.0
        self._head_at = 0.0
        self._expected: deque[tuple[int, float]] = deque()
        self._head_changed = asyncio.Event()
        self._suspicion = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None

    async def run(self, listener: Listener) -> None:
        """Tell `listener` until the stream breaks. Raises StreamBrokenError, ApiUnavailableError, or what the listener does."""
        self._failed = asyncio.get_running_loop().create_future()
        try:
            await self._client.open()
            chain_id = values.quantity(await self._client.call("eth_chainId"), "eth_chainId")
            if chain_id != self._chain_id:
                raise ConfigurationError(f"The WebSocket leads to chain {chain_id} instead of {self._chain_id}: check its URL.")
            # In this order: whatever block comes first, the logs of those after it come too.
            logs = await self._client.subscribe("logs", {"address": self._engine, "topics": [list(self._topics)]})
            heads = await self._client.subscribe("newHeads")
            self.spawn(self._pump(heads, logs, listener))
            self.spawn(self._watch())
            self.spawn(self._audit(listener))
            await self._failed
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:  # who runs this may be cancelled twice
                await self._client.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run something that ends with the stream, and that ends the stream when it fails."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None \
                and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def wait_for_head(self, number: int) -> None:
        """Until the stream has told of a block, or a later one."""
        while self.head < max(number, 0):
            self._head_changed.clear()
            await self._head_changed.wait()

    def newest(self) -> int:
        """The newest block that anything was heard of."""
        return max([self.head, *self._pending])

    def timestamp(self, number: int) -> float:
        """When a block was made, in seconds since the epoch; now for one that is not remembered."""
        block = self._blocks.get(number)
        return float(block.timestamp) if block is not None else self._clock.time()

    def has(self, log: EngineLog) -> bool:
        """Whether the log was heard."""
        return (log.transaction_hash, log.log_index) in self._seen.get(log.block_number, ())

    def suspect(self) -> None:
        """There is reason to compare with the chain now."""
        self._suspicion.set()

    # What the node tells

    async def _pump(self, heads: str, logs: str, listener: Listener) -> None:
        malformed = taken = 0
        while True:
            taken += 1
            if taken % BREATH == 0:
                await self._clock.sleep(0)  # others have work to do, too
            notification = await self._client.notification()
            try:
                self._take(notification, heads, logs, listener)
            except BadDataError:
                self._client.count_malformed()
            if self._client.malformed != malformed:
                malformed = self._client.malformed
                self.suspect()
            if not self._client.waiting:
                self._tell(self.head, listener)
                listener.told()

    def _take(self, notification: Notification, heads: str, logs: str, listener: Listener) -> None:
        if notification.subscription == heads:
            block = values.block(notification.result)
            if block is not None:
                self._take_head(block, listener)
        elif notification.subscription == logs:
            for log in decode_engine_logs([notification.result], self._engine):
                self._take_log(log, listener)

    def _take_head(self, block: Block, listener: Listener) -> None:
        number = block.number
        known, before, after = (self._blocks.get(at) for at in (number, number - 1, number + 1))
        if known is not None and known.hash == block.hash:
            return
        if number <= self.head and known is None and (after is None or after.parent_hash == block.hash):
            self._blocks[number] = block  # it comes late
            return
        if number <= self.head:
            self._replace(number, block.hash, listener)
        elif before is not None and before.hash != block.parent_hash:
            self._replace(number - 1, block.hash, listener)
        if self.head >= 0 and number > self.head + 1:
            self.suspect()
        self._tell(number - 1, listener)
        self._blocks[number] = block
        self.head = number
        self._head_at = self._listened
        self._head_changed.set()
        for remembered in (self._blocks, self._seen):
            for old in [at for at in remembered if at <= number - REMEMBERED_BLOCKS]:
                del remembered[old]

    def _take_log(self, log: EngineLog, listener: Listener) -> None:
        place = log.transaction_hash, log.log_index
        seen = self._seen.setdefault(log.block_number, {})
        if log.removed:
            if log.block_number <= self.head or seen.get(place) == log.block_hash:
                self._replace(log.block_number, "", listener)
            return
        if seen.get(place) == log.block_hash:
            return
        seen[place] = log.block_hash
        self._pending.setdefault(log.block_number, []).append(log)
        if sum(map(len, self._pending.values())) > MAX_PENDING_LOGS:
            raise StreamBrokenError("more logs wait for their block than is sensible")

    def _replace(self, first: int, new_hash: str, listener: Listener) -> None:
        """Forget the blocks from `first` on, but what belongs to the block of this hash."""
        self.branch += 1
        for number in [at for at in self._blocks if at >= first]:
            del self._blocks[number]
        for number in [at for at in self._seen if at >= first]:
            self._seen[number] = {place: found for place, found in self._seen[number].items() if found == new_hash}
        for number in [at for at in self._pending if at >= first]:
            self._pending[number] = [log for log in self._pending[number] if log.block_hash == new_hash]
        self.head = min(self.head, first - 1)
        self._last_told = min(self._last_told, (first, -1))
        listener.reorganised()

    def _tell(self, last: int, listener: Listener) -> None:
        """Tell the logs of the blocks up to `last`."""
        for number in sorted([number for number in self._pending if number <= last]):
            logs = sorted(self._pending.pop(number), key=lambda log: log.log_index)
            late = [log for log in logs if (number, log.log_index) <= self._last_told]
            new = [log for log in logs if (number, log.log_index) > self._last_told]
            if late:
                listener.logs(late, False)
            if new:
                self._last_told = number, new[-1].log_index
                listener.logs(new, True)

    # What is checked

    async def _watch(self) -> None:
        now = self._clock.monotonic()
        while True:
            await self._clock.sleep(WATCH_SECONDS)
            before, now = now, self._clock.monotonic()
            self._listened += min(now - before, 2 * WATCH_SECONDS)
            if self._listened - self._head_at > self._bounds.silence:
                raise StreamBrokenError(f"no new block for {self._bounds.silence:g} s")
            while self._expected and self._expected[0][0] <= self.head:
                self._expected.popleft()
            if self._expected and self._listened - self._expected[0][1] > self._bounds.behind:
                raise StreamBrokenError(f"the stream is {self._expected[-1][0] - self.head} blocks behind the chain")

    async def _audit(self, listener: Listener) -> None:
        await self.wait_for_head(0)
        first, verified_at = self.head + 1, self._clock.monotonic()
        told, pause = -1, 0.0
        while True:
            await self._pause(self._bounds.audit)
            if pause:
                await self._clock.sleep(pause)
            branch, head, before = self.branch, self.head, told
            try:
                told = await listener.audit(first, head)
            except StreamBrokenError:
                raise
            except (ApiUnavailableError, RpcError) as error:
                if self._clock.monotonic() - verified_at > self._bounds.unverified:
                    raise StreamBrokenError(f"the stream could not be compared with the chain: {error}") from error
                continue
            verified_at = self._clock.monotonic()
            # A node that stays behind is asked less and less often, however much is expected of it.
            pause = min(max(2 * pause, FIRST_PAUSE), self._bounds.audit / 2) if told == before and told < head else 0.0
            if told > self.head:
                self._expected.append((told, self._listened))
            last = min(head, told)
            # After a reorganisation the blocks of both branches are compared once more.
            first = last + 1 if branch == self.branch else min(first, self.head + 1)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or less when something is odd."""
        await sleep_or_wake(self._clock, seconds, self._suspicion)
        self._suspicion.clear()

    async def missing(self, found: Sequence[Mapping[str, Any]]) -> list[EngineLog]:
        """Those of these logs that were not heard, not even after a while; none when blocks were replaced meanwhile."""
        branch = self.branch
        missing = [log for log in decode_engine_logs(found, self._engine) if not self.has(log)]
        if missing:
            await self._clock.sleep(self._bounds.grace)
            missing = [log for log in missing if not self.has(log)]
        return missing if branch == self.branch else []


class ChainSource:
    """Where streams come from: a way to get a WebSocket assistant, the node's URLs (taken in turn), and the engine, which
    may have to be asked for."""

    def __init__(self, assistant: Callable[[], Awaitable[Assistant]], urls: Sequence[str], rpc: RpcClient,
                 engine: Callable[[], Awaitable[str]], chain_id: int, clock: Clock,
                 bounds: StreamBounds | None = None) -> None:
        self.rpc = rpc
        self.clock = clock
        self.engine = engine
        self._assistant = assistant
        self._urls = urls
        self._chain_id = chain_id
        self._bounds = bounds or StreamBounds()
        self._pace = BlockPace(rpc, self._bounds.silence)
        self._attempts = 0

    async def stream(self, topics: Sequence[str]) -> ChainStream:
        """A new stream of the engine's logs with one of these topics."""
        url = self._urls[self._attempts % len(self._urls)]
        self._attempts += 1
        await self._pace.learn()
        return ChainStream(await self._assistant(), url, await self.engine(), topics, self.clock, self._chain_id,
                           replace(self._bounds, silence=self._pace.silence))
