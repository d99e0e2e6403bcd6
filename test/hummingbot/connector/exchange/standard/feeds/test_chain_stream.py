"""The node's stream with a node that the test plays: what comes late, twice, malformed, of another branch, or not at all."""
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ORDER_CANCELED, TRADING_TOPICS
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds import chain_stream
from hummingbot.connector.exchange.standard.feeds.chain_stream import WATCH_SECONDS, ChainSource, ChainStream, StreamBounds
from test.hummingbot.connector.exchange.standard.chain.fake_assistant import FakeAssistant
from test.hummingbot.connector.exchange.standard.chain.fake_blocks import Blocks
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle

ENGINE, BOOK, ALICE = "0x" + "e0" * 20, "0x" + "b0" * 20, "0x" + "a1" * 20
CHAIN_ID = 31337
BOUNDS = StreamBounds(silence=1_000.0, behind=1_000.0, audit=2.0, grace=0.5, unverified=3.0)
LOGS, HEADS = "0x1", "0x2"


def word(number: int) -> str:
    return f"0x{number:064x}"


def head(number: int, branch: int = 0, parent: int = 0) -> dict[str, str]:
    return {"number": hex(number), "hash": word(1_000 * branch + number), "parentHash": word(1_000 * parent + number - 1),
            "timestamp": hex(1_760_000_000 + number)}


def log(number: int, index: int = 0, branch: int = 0, **changes: Any) -> dict[str, Any]:
    topics, data = ORDER_CANCELED.encode(BOOK, 10 * number + index, True, ALICE, 1)
    return {"address": ENGINE, "topics": list(topics), "data": "0x" + data.hex(), "blockNumber": hex(number),
            "blockHash": word(1_000 * branch + number), "transactionHash": word(77_000 + number), "logIndex": hex(index),
            "removed": False, **changes}


class Heard:
    """A Listener that notes what it is told. `audits` are the answers to audits, the last one again and again."""

    def __init__(self) -> None:
        self.told_logs: list[tuple[int, bool]] = []
        self.asked: list[tuple[int, int]] = []
        self.replaced = 0
        self.audits: list[int | Exception] = [0]
        self.answers = asyncio.Event()
        self.answers.set()

    def logs(self, logs: Sequence[EngineLog], in_order: bool) -> None:
        self.told_logs += [(log.event.id, in_order) for log in logs]  # type: ignore[union-attr]

    def told(self) -> None:
        return None

    def reorganised(self) -> None:
        self.replaced += 1

    async def audit(self, first: int, last: int) -> int:
        self.asked.append((first, last))
        await self.answers.wait()
        answer = self.audits.pop(0) if len(self.audits) > 1 else self.audits[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Node:
    """The stream, the test's end of its connection, and what was heard."""

    def __init__(self, bounds: StreamBounds) -> None:
        self.clock = ManualClock()
        self.line = FakeAssistant()
        self.heard = Heard()
        self.stream = ChainStream(self.line, "wss://node.test/ws", ENGINE, TRADING_TOPICS, self.clock, CHAIN_ID, bounds)
        self.task = asyncio.ensure_future(self.stream.run(self.heard))

    async def tell(self, *news: dict[str, Any] | None, subscription: str = "") -> None:
        for item in news:
            name = subscription or (LOGS if item is not None and "topics" in item else HEADS)
            self.line.notify(name, item)
        await settle()

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / WATCH_SECONDS)):
            await self.clock.advance(WATCH_SECONDS)


@asynccontextmanager
async def node(bounds: StreamBounds = BOUNDS) -> AsyncIterator[Node]:
    node = Node(bounds)
    for number, answer in enumerate((hex(CHAIN_ID), LOGS, HEADS), 1):
        await settle()
        node.line.answer(number, answer)
    await settle()
    try:
        yield node
    finally:
        node.task.cancel()
        await asyncio.gather(node.task, return_exceptions=True)


async def test_logs_are_told_in_order_once_their_block_is_complete() -> None:
    async with node() as chain:
        await chain.tell(head(5), log(6, 1), log(6, 0), log(6, 0))
        assert chain.heard.told_logs == []
        await chain.tell(head(6))
        assert chain.heard.told_logs == [(60, True), (61, True)]
        await chain.tell(log(6, 1))
        assert len(chain.heard.told_logs) == 2


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_stream_that_is_ended_twice_leaves_nothing_behind(turns: int) -> None:
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async with node() as chain:
        before = asyncio.all_tasks()
        chain.stream.spawn(slow())
        await settle()
        chain.task.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        chain.task.cancel()
        await asyncio.gather(chain.task, return_exceptions=True)
        await settle()
        assert chain.line.closed and asyncio.all_tasks() <= before
        assert chain.stream._client._reader is not None and chain.stream._client._reader.done()


async def test_a_log_that_belongs_before_one_that_was_told_is_told_as_late() -> None:
    async with node() as chain:
        await chain.tell(head(6), log(6, 1))
        await chain.tell(log(6, 0), log(6, 2))
        assert chain.heard.told_logs == [(61, True), (60, False), (62, True)]


async def test_a_block_whose_parent_is_another_than_was_told_replaces_it() -> None:
    async with node() as chain:
        await chain.tell(head(5), log(5), head(6))
        await chain.tell(log(6, branch=1), head(7, branch=1, parent=1))
        assert chain.heard.replaced == 1 and chain.stream.head == 7
        await chain.tell(log(6, branch=1))
        assert chain.heard.told_logs == [(50, True), (60, True)]


async def test_a_head_that_the_node_does_not_have_and_news_that_nobody_asked_for_mean_nothing() -> None:
    async with node() as chain:
        await chain.tell(head(5), None)
        await chain.tell(log(5), subscription="0x77")
        assert chain.stream.head == 5 and chain.heard.told_logs == [] and not chain.task.done()


async def test_a_malformed_message_is_a_reason_to_compare_at_once() -> None:
    async with node() as chain:
        await chain.tell(head(5))
        chain.heard.audits = [5]
        await chain.tell(log(6, data="0xzz"), {"number": "five"})
        assert chain.heard.asked == [(6, 5)] and not chain.task.done()


async def test_more_logs_than_any_block_holds_are_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_stream, "MAX_PENDING_LOGS", 3)
    async with node() as chain:
        await chain.tell(head(5), *[log(9, index) for index in range(4)])
        with pytest.raises(StreamBrokenError, match="more logs wait"):
            await chain.task


async def test_only_the_newest_blocks_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_stream, "REMEMBERED_BLOCKS", 2)
    async with node() as chain:
        for number in range(5, 9):
            await chain.tell(head(number), log(number))
        assert chain.stream.timestamp(8) == 1_760_000_008.0 and chain.stream.timestamp(6) == chain.clock.now
        assert set(chain.stream._blocks) == set(chain.stream._seen) == {7, 8}


async def test_a_comparison_that_finds_a_fault_ends_the_stream() -> None:
    async with node() as chain:
        chain.heard.audits = [StreamBrokenError("2 events were left out")]
        await chain.tell(head(5))
        await chain.pass_time(2.5)
        with pytest.raises(StreamBrokenError, match="2 events were left out"):
            await chain.task


async def test_a_comparison_that_fails_is_made_again_and_not_for_ever() -> None:
    async with node() as chain:
        chain.heard.audits = [ApiUnavailableError("the node is away")]
        await chain.tell(head(5))
        await chain.pass_time(2.5)
        assert len(chain.heard.asked) == 1 and not chain.task.done()
        await chain.pass_time(2.5)
        with pytest.raises(StreamBrokenError, match="could not be compared with the chain: the node is away"):
            await chain.task


async def test_a_node_that_stays_behind_is_asked_less_and_less_often_until_it_has_a_newer_block() -> None:
    async with node() as chain:
        chain.heard.audits = [3]
        await chain.tell(head(6))
        asked = []
        for _ in range(8):
            for _ in range(10):  # something is expected of it all the time
                chain.stream.suspect()
                await chain.clock.advance(0.1)
            asked.append(len(chain.heard.asked))
        assert [after - before for before, after in zip([0, *asked], asked)] == [5, 1, 1, 1, 1, 1, 1, 1]
        chain.heard.audits = [4]
        while len(chain.heard.asked) == asked[-1]:
            await chain.pass_time(0.1)
        chain.stream.suspect()
        await settle()
        assert len(chain.heard.asked) == asked[-1] + 2


async def test_blocks_that_are_replaced_while_they_are_compared_are_compared_once_more() -> None:
    async with node() as chain:
        chain.heard.audits = [7]
        chain.heard.answers.clear()
        await chain.tell(head(5))
        await chain.tell(head(6), head(7))
        await chain.pass_time(2.5)
        await chain.tell(head(7, branch=1))
        chain.heard.answers.set()
        await chain.pass_time(4.5)
        assert chain.heard.asked == [(6, 7), (6, 7), (8, 7)]


async def test_what_was_not_heard_has_a_moment_to_arrive() -> None:
    async with node() as chain:
        await chain.tell(head(5), head(6), log(6))
        looking = asyncio.ensure_future(chain.stream.missing([log(6), log(7), log(8)]))
        await settle()
        await chain.tell(log(7))
        await chain.pass_time(0.6)
        assert [found.block_number for found in await looking] == [8]
        assert await chain.stream.missing([log(6), log(7)]) == []


async def test_nothing_is_missing_from_blocks_that_were_replaced_meanwhile() -> None:
    async with node() as chain:
        await chain.tell(head(5), head(6))
        looking = asyncio.ensure_future(chain.stream.missing([log(6)]))
        await settle()
        await chain.tell(head(6, branch=1))
        await chain.pass_time(0.6)
        assert await looking == []


@pytest.mark.parametrize(("seconds", "silence"), [(0.1, 1.5), (2.0, 3.9)])
async def test_a_stream_is_silent_only_when_blocks_should_have_come(seconds: float, silence: float) -> None:
    async def assistant() -> FakeAssistant:
        return FakeAssistant()

    async def engine() -> str:
        return ENGINE

    clock = ManualClock()
    source = ChainSource(assistant, ["wss://node.test/ws"], Blocks(seconds), engine, CHAIN_ID, clock)  # type: ignore[arg-type]
    stream = await source.stream(TRADING_TOPICS)
    stream._listened = silence - 2 * WATCH_SECONDS
    watch = asyncio.ensure_future(stream._watch())
    await settle()
    await clock.advance(WATCH_SECONDS)
    assert not watch.done()
    for _ in range(3):
        await clock.advance(WATCH_SECONDS)
    with pytest.raises(StreamBrokenError, match=f"^no new block for {silence:g} s$"):
        await watch
