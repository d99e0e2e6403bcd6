"""The account's stream when a transaction moves between blocks, and when news come that nobody asked for."""
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.base import OrderLogs
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    BalancesContent,
    BlockReached,
    LogsContent,
    Told,
)
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.websocket_account import WebsocketAccountFeed
from hummingbot.connector.exchange.standard.standard_constants import (
    BALANCES_CHANNEL,
    FILLS_CHANNEL,
    ORDERS_CHANNEL,
    REORGANISED_BLOCKS,
)
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.feeds.alone import noting
from test.hummingbot.connector.exchange.standard.feeds.scripted import SOMI, Connection, book, pass_time, whole

ALICE = "0x" + "a1" * 20


class Dialect:
    """An account dialect whose frames are what the test says."""

    ping = None
    max_silence = 2.0

    async def learn_pace(self) -> None:
        self.max_silence = 4.0

    def decode(self, data: Any) -> Any:
        return data

    def account_subscription(self, channel: str, login: Any, first: int | None) -> dict[str, Any]:
        return {"method": channel, "first": first}


class Login:
    """What proves who asks."""

    async def get_ws_auth_params(self) -> dict[str, Any]:
        return {}


class Scene:
    """The feed, its connection and what it told."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.line = Connection()
        self.told: list[Any] = []
        self.feed = WebsocketAccountFeed(self.line, "wss://stream.test", Dialect(), Login(),  # type: ignore[arg-type]
                                         ToldLogs(None), lambda: set(), self.clock)
        self.task = asyncio.ensure_future(self.feed.run(noting(self.feed, self.told.append)))

    async def tell(self, *messages: Any) -> None:
        for message in messages:
            self.line.tell(message)
        await settle()

    @property
    def logs(self) -> list[tuple[int, str, bool]]:
        return [(log.event.id, log.block_hash, log.removed) for event in self.told if isinstance(event, OrderLogs)
                for log in event.logs]


def cancelled(number: int, block: int, branch: str, removed: bool = False) -> EngineLog:
    return EngineLog(OrderCanceled(SOMI.book, number, True, ALICE, 1), f"0x{number}", block, 0, removed, branch)


def orders(sequence: int, *logs: EngineLog, is_whole: bool = False) -> Told:
    return Told(ORDERS_CHANNEL, None if is_whole else sequence - 1, sequence, LogsContent(is_whole, logs, 1, 10))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await settle()
    await scene.tell(orders(1, is_whole=True))
    await scene.tell(Told(FILLS_CHANNEL, None, 1, LogsContent(True, (), 1, 10)))
    await scene.tell(Told(BALANCES_CHANNEL, None, 1, BalancesContent(True, ())), BlockReached(10, {}))
    yield scene
    scene.task.cancel()
    await asyncio.gather(scene.task, return_exceptions=True)


async def test_every_channel_is_asked_for_once_and_the_first_says_where_the_others_begin(scene: Scene) -> None:
    assert [(payload["method"], payload["first"]) for payload in scene.line.sent] == [
        (ORDERS_CHANNEL, None), (FILLS_CHANNEL, 11), (BALANCES_CHANNEL, 11)]
    assert scene.told == [OrderLogs([], 10)]


async def test_silence_ends_the_stream_once_a_block_of_its_chain_should_have_come(scene: Scene) -> None:
    await pass_time(scene.clock, 3.5)
    assert not scene.task.done()
    await pass_time(scene.clock, 1.0)
    with pytest.raises(StreamBrokenError, match=r"silent for 4\."):
        await scene.task


async def test_an_event_that_is_in_another_block_now_is_taken_back_and_told_anew(scene: Scene) -> None:
    await scene.tell(orders(2, cancelled(7, 11, "0xa")), BlockReached(11, {}))
    await scene.tell(orders(3, cancelled(7, 12, "0xb")), BlockReached(12, {}))
    assert scene.logs == [(7, "0xa", False), (7, "0xa", True), (7, "0xb", False)]


async def test_an_event_that_moved_before_anybody_heard_of_it_is_told_once(scene: Scene) -> None:
    await scene.tell(orders(2, cancelled(7, 11, "0xa"), cancelled(7, 11, "0xb")), BlockReached(11, {}))
    assert scene.logs == [(7, "0xb", False)]


async def test_what_nobody_knew_of_need_not_be_taken_back(scene: Scene) -> None:
    await scene.tell(orders(2, cancelled(7, 11, "0xa", removed=True)), BlockReached(11, {}))
    assert scene.logs == []


async def test_news_of_a_market_are_left_out(scene: Scene) -> None:
    told = list(scene.told)
    await scene.tell(book(whole()))
    assert scene.told == told and not scene.task.done()


async def test_a_channel_with_a_gap_is_asked_for_again_with_the_newest_of_the_complete_blocks(scene: Scene) -> None:
    scene.feed.hurry()
    await scene.tell(BlockReached(30, {}))
    asked = len(scene.line.sent)
    await scene.tell(BlockReached(31, {ORDERS_CHANNEL: 2}))
    assert [(payload["method"], payload["first"]) for payload in scene.line.sent[asked:]] == [
        (ORDERS_CHANNEL, 31 - REORGANISED_BLOCKS)]
    await scene.tell(orders(2, cancelled(7, 31, "0xa"), is_whole=True), BlockReached(31, {ORDERS_CHANNEL: 2}))
    assert scene.logs == [(7, "0xa", False)]


async def test_what_another_source_told_and_the_stream_does_not_hold_is_taken_back() -> None:
    scene, told = Scene(), []
    another = noting(scene.feed, told.append)
    another(OrderLogs([cancelled(6, 9, "0xa"), cancelled(7, 10, "0xa")], 10))
    await settle()
    await scene.tell(orders(1, cancelled(6, 9, "0xa"), is_whole=True))
    await scene.tell(Told(FILLS_CHANNEL, None, 1, LogsContent(True, (), 1, 10)), BlockReached(10, {}))
    assert scene.logs == [(7, "0xa", True)]
    scene.task.cancel()
    await asyncio.gather(scene.task, return_exceptions=True)


async def test_what_was_told_of_blocks_before_those_that_the_stream_tells_of_stays() -> None:
    scene = Scene()
    noting(scene.feed, lambda event: None)(OrderLogs([cancelled(7, 9, "0xa")], 10))
    await settle()
    await scene.tell(Told(ORDERS_CHANNEL, None, 1, LogsContent(True, (), 10, 10)))
    await scene.tell(Told(FILLS_CHANNEL, None, 1, LogsContent(True, (), 1, 10)), BlockReached(10, {}))
    assert scene.logs == [] and scene.told == [OrderLogs([], 10)]
    scene.task.cancel()
    await asyncio.gather(scene.task, return_exceptions=True)


@pytest.mark.parametrize("missed", [True, False])
async def test_of_blocks_before_its_new_beginning_a_channel_with_a_gap_knows_nothing(missed: bool) -> None:
    scene, heard = Scene(), []
    another = noting(scene.feed, heard.append)
    await settle()
    await scene.tell(Told(ORDERS_CHANNEL, None, 1, LogsContent(True, (), 1, 10)))
    await scene.tell(Told(FILLS_CHANNEL, None, 1, LogsContent(True, (), 1, 10)), BlockReached(10, {}))
    if not missed:  # its block is replaced while the stream misses what comes
        await scene.tell(orders(2, cancelled(7, 12, "0xa")))
    another(OrderLogs([cancelled(7, 12, "0xa")] if missed else [], 40))
    await scene.tell(Told(ORDERS_CHANNEL, None, 5, LogsContent(True, (), 41 - REORGANISED_BLOCKS, 40)), BlockReached(40, {}))
    assert scene.logs == []
    scene.task.cancel()
    await asyncio.gather(scene.task, return_exceptions=True)


async def test_what_was_said_long_before_the_source_is_live_is_said_again_then(scene: Scene) -> None:
    live, waiting = scene.feed._sink, []
    scene.feed._sink = waiting.append  # another source is live, and stands still at block 10
    await scene.tell(orders(2, cancelled(7, 11, "0xa")), BlockReached(11, {}))
    for number in range(12, 12 + 3 * REORGANISED_BLOCKS):
        scene.feed.hurry()
        await scene.tell(BlockReached(number, {}))
    assert waiting and scene.logs == []
    scene.feed._sink = live
    scene.feed.hurry()
    await scene.tell(BlockReached(100, {}))
    assert scene.logs == [(7, "0xa", False)]


async def test_what_a_source_that_is_ahead_told_is_not_taken_back_before_the_stream_reaches_its_block(scene: Scene) -> None:
    noting(scene.feed, scene.told.append)(OrderLogs([cancelled(7, 12, "0xa")], 12))
    scene.feed.hurry()
    await scene.tell(BlockReached(11, {}))
    assert scene.logs == [(7, "0xa", False)]
    await scene.tell(orders(2, cancelled(7, 12, "0xa")), BlockReached(12, {}))
    assert scene.logs == [(7, "0xa", False)]
    await scene.tell(orders(3, cancelled(7, 12, "0xa", removed=True)), BlockReached(11, {}))
    assert scene.logs == [(7, "0xa", False), (7, "0xa", True)], "the stream has reached its block, which is gone"
