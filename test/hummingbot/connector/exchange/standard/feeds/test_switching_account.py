"""Own orders over several sources: what one of them told, and blocks replaced before or while another takes over."""
import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds.base import AccountEvent, AccountSink, BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.switching import SwitchingAccountFeed
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.fake_node import FakeNode
from test.hummingbot.connector.exchange.standard.feeds.test_polling import ACCOUNT, BOOK, ENGINE, MARKETS

REPLACED = "0x" + "99" * 32


class CommandedAccountFeed:
    """An account feed that says what the test says."""

    name = "commanded"

    def __init__(self, told: ToldLogs) -> None:
        self.told = told
        self.hurried = 0
        self._sink: AccountSink | None = None
        self._end: asyncio.Future[None] | None = None

    async def run(self, sink: AccountSink) -> None:
        self._sink = sink
        self._end = asyncio.get_running_loop().create_future()
        await self._end

    def tell(self, block_number: int, *logs: EngineLog) -> None:
        self.say(OrderLogs(logs, block_number))

    def say(self, event: AccountEvent) -> None:
        assert self._sink is not None
        self._sink(event)

    def break_down(self) -> None:
        assert self._end is not None
        self._end.set_exception(ConnectionError("closed"))

    def hurry(self) -> None:
        self.hurried += 1


class Stage:
    """A switching account feed over a stream and polling, both commanded by the test."""

    def __init__(self) -> None:
        self.events: list[AccountEvent] = []
        self.made: dict[str, list[CommandedAccountFeed]] = {"chain": [], "polling": []}
        self.feed = SwitchingAccountFeed([("chain", self._maker("chain")), ("polling", self._maker("polling"))], ToldLogs(7),
                                         ManualClock(), random.Random(1))
        self.task = asyncio.ensure_future(self.feed.run(self.events.append))

    def _maker(self, name: str) -> Callable[[ToldLogs], CommandedAccountFeed]:
        def make(told: ToldLogs) -> CommandedAccountFeed:
            self.made[name].append(CommandedAccountFeed(told))
            return self.made[name][-1]
        return make

    @property
    def chain(self) -> CommandedAccountFeed:
        return self.made["chain"][-1]

    @property
    def polling(self) -> CommandedAccountFeed:
        return self.made["polling"][-1]

    @property
    def logs(self) -> list[tuple[int, str, bool]]:
        return [(log.block_number, log.block_hash, log.removed) for event in self.events if isinstance(event, OrderLogs)
                for log in event.logs]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    await settle()
    yield stage
    stage.task.cancel()
    await asyncio.gather(stage.task, return_exceptions=True)


def log(block: int, branch: str = "0xa") -> EngineLog:
    return EngineLog(OrderCanceled(BOOK, 1, True, ACCOUNT, 1), "0x1", block, 0, False, branch)


async def test_each_source_goes_on_where_the_one_before_it_ended(stage: Stage) -> None:
    assert stage.polling.told.first_block(100) == 8
    stage.polling.tell(100)
    stage.chain.tell(95)
    await settle()
    assert stage.feed.state.source == "polling", "chain is behind what was told already"
    stage.chain.tell(101)
    await settle()
    assert stage.feed.state.source == "chain"
    stage.chain.tell(130)
    stage.feed.hurry()
    stage.chain.break_down()
    await settle()
    assert stage.feed.state.source == "polling" and stage.polling.told.first_block(0) == 131 - REORGANISED_BLOCKS
    assert [event.block_number for event in stage.events] == [100, 130]


async def test_what_a_source_said_before_it_is_live_is_not_told_and_it_is_asked_to_say_it_again(stage: Stage) -> None:
    stage.polling.tell(9)
    stage.chain.say(BalanceChange("0x1", 5, 10))
    stage.chain.tell(10, log(10))
    assert stage.chain.told.block_number == 9 and stage.chain.hurried == 0
    await settle()
    assert stage.feed.state.source == "chain" and stage.chain.hurried == 1
    assert stage.events == [OrderLogs([], 9), BalanceChange("0x1", 5, 10)]
    stage.chain.tell(10, log(10))
    assert stage.logs == [(10, "0xa", False)]


async def test_a_source_that_takes_over_between_two_parts_of_a_long_read_tells_the_first_part_too(stage: Stage) -> None:
    stage.chain.say(OrderLogs([log(10)], 50, from_block=8))  # goes live here, which asks it to begin again
    await settle()
    assert stage.feed.state.source == "chain" and stage.chain.hurried == 1
    stage.chain.say(OrderLogs([], 60, from_block=51))
    assert stage.logs == [] and stage.chain.told.block_number == 7
    stage.chain.say(OrderLogs([log(10)], 60, from_block=8))
    assert stage.logs == [(10, "0xa", False)] and stage.chain.told.block_number == 60


async def test_of_blocks_that_are_read_again_the_first_part_is_told_though_another_source_takes_over_then(stage: Stage) -> None:
    """The node gives few blocks at once, and twenty were replaced: what the first part holds would not be read again."""
    stage.polling.tell(100, log(85))
    again = stage.polling.told.first_block(0)
    stage.chain.say(OrderLogs([log(85)._replace(removed=True), log(86, "0xb")], 100, from_block=again))  # it is ready by this
    await settle()
    assert stage.feed.state.source == "chain" and stage.chain.hurried == 1
    stage.chain.say(OrderLogs([log(99)._replace(transaction_hash="0x2")], 110, from_block=again + 14))
    assert stage.logs == [(85, "0xa", False)] and stage.chain.told.first_block(0) == again
    stage.chain.say(OrderLogs([log(85)._replace(removed=True), log(86, "0xb")], 100, from_block=again))
    stage.chain.say(OrderLogs([], 110, from_block=again + 14))
    assert stage.logs[1:] == [(85, "0xa", True), (86, "0xb", False)] and stage.chain.told.block_number == 110
    stage.chain.say(OrderLogs([], 120, from_block=111))
    assert stage.chain.told.block_number == 120, "from then on each part follows the one before it"


async def test_a_log_passes_once_whoever_says_it(stage: Stage) -> None:
    stage.polling.tell(10, log(10))
    stage.chain.tell(10)
    await settle()
    stage.chain.tell(10, log(10))
    stage.chain.tell(11, log(10)._replace(removed=True))
    stage.chain.tell(12, log(10)._replace(removed=True))
    assert stage.logs == [(10, "0xa", False), (10, "0xa", True)]


async def test_a_removal_of_another_branch_is_none_of_what_was_told(stage: Stage) -> None:
    stage.polling.tell(10, log(10, "0xb"))
    stage.polling.tell(11, log(10, "0xa")._replace(removed=True))
    assert stage.logs == [(10, "0xb", False)]


async def test_a_log_that_stands_in_another_block_is_taken_back_first_though_nobody_says_so(stage: Stage) -> None:
    stage.polling.tell(10, log(10))
    stage.polling.tell(11, log(11, "0xb"))
    assert stage.logs == [(10, "0xa", False), (10, "0xa", True), (11, "0xb", False)]


# Polling over a node whose blocks are replaced while nobody looks

class Polled:
    """The switching feed over polling alone, and a node."""

    def __init__(self) -> None:
        self.node = FakeNode(1, ENGINE, "0x" + "00" * 20, tuple(MARKETS.values()))
        self.clock = ManualClock()
        rpc = RpcClient(self.node, ["https://node.test"], self.clock)
        self.events: list[Any] = []
        self.feed = SwitchingAccountFeed(
            [("polling", lambda told: PollingAccountFeed(rpc, ENGINE, ACCOUNT, told, self.clock, lambda: 1.0))], ToldLogs(None),
            self.clock, random.Random(1))
        self.node.rest(OrderKey(BOOK, True, 1), ACCOUNT, 10 ** 9, 10 ** 9)

    async def run(self) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(self.feed.run(self.events.append))
        await settle()
        return task

    @property
    def logs(self) -> list[tuple[int, bool]]:
        return [(log.block_number, log.removed) for event in self.events for log in event.logs]

    def vanish(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace the newest block by one without its logs."""
        answer, replaced = self.node.eth_getBlockByNumber, self.node.head
        self.node.logs.clear()

        def other(block: str, full: bool) -> dict[str, Any] | None:
            given = answer(block, full)
            return {**given, "hash": REPLACED} if given and int(given["number"], 16) >= replaced else given

        monkeypatch.setattr(self.node, "eth_getBlockByNumber", other)


@pytest.mark.parametrize("left_by", ["an outage", "a stop"])
async def test_a_fill_that_vanished_while_nobody_looked_is_taken_back(left_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    polled = Polled()
    task = await polled.run()
    polled.node.fill(OrderKey(BOOK, True, 1), 10, 100, 1)
    await polled.clock.advance(1.0)
    assert polled.logs == [(101, False)]
    if left_by == "an outage":
        polled.node.down.update({"eth_blockNumber", "eth_getLogs"})
        await polled.clock.advance(1.0)
        with pytest.raises(ApiUnavailableError):
            await task
        polled.node.down.clear()
    else:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    polled.vanish(monkeypatch)
    task = await polled.run()
    assert polled.logs == [(101, False), (101, True)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_fill_that_vanished_stays_only_until_the_node_tells_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is asked may be behind; what is not read now is too old for the look after the next one."""
    polled = Polled()
    task = await polled.run()
    polled.node.fill(OrderKey(BOOK, True, 1), 10, 100, 1)
    await polled.clock.advance(1.0)
    polled.vanish(monkeypatch)
    told, polled.node.head = polled.node.head, polled.node.head + REORGANISED_BLOCKS - 2
    other = polled.node.eth_getBlockByNumber
    monkeypatch.setattr(polled.node, "eth_getBlockByNumber",
                        lambda block, full: None if int(block, 16) == told else other(block, full))
    await polled.clock.advance(1.0)
    with pytest.raises(ApiUnavailableError, match=f"does not tell block {told}"):
        await task
    assert polled.logs == [(told, False)]
    polled.node.head += REORGANISED_BLOCKS
    monkeypatch.setattr(polled.node, "eth_getBlockByNumber", other)
    task = await polled.run()
    assert polled.logs == [(told, False), (told, True)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_fill_stands_whose_block_and_logs_a_node_keeps_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    polled = Polled()
    task = await polled.run()
    polled.node.fill(OrderKey(BOOK, True, 1), 10, 100, 1)
    await polled.clock.advance(1.0)
    filled = polled.node.head
    polled.node.head += 1200  # while the machine was offline
    polled.node.logs.clear()
    tell = polled.node.eth_getBlockByNumber
    monkeypatch.setattr(polled.node, "eth_getBlockByNumber", lambda block, full:
                        None if block.startswith("0x") and int(block, 16) <= filled else tell(block, full))
    for _ in range(3):
        await polled.clock.advance(1.0)
    assert polled.logs == [(filled, False)] and polled.events[-1].block_number == polled.node.head
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_missed_for_hours_is_read_once_though_another_source_takes_over_amid_it(
        monkeypatch: pytest.MonkeyPatch) -> None:
    polled, asked = Polled(), list[bytes]()
    node, clock, parts = polled.node, polled.clock, 20
    node.head = 100 + 1000 * parts
    request, answer = node.request, node._answer

    def limited(method: str, params: Any) -> dict[str, Any]:
        if method == "eth_getLogs":
            last = node.head if params[0]["toBlock"] == "latest" else int(params[0]["toBlock"], 16)
            if last - int(params[0]["fromBlock"], 16) >= 1000:
                return {"error": {"code": -32000, "message": "block range exceeds 1000"}}
        return answer(method, params)

    async def slow(method: str, url: str, *, body: bytes | None = None, timeout: float) -> Any:
        if b"eth_getLogs" in (body or b""):
            asked.append(body or b"")
            await clock.sleep(0.2)
        return await request(method, url, body=body, timeout=timeout)

    monkeypatch.setattr(node, "request", slow)
    monkeypatch.setattr(node, "_answer", limited)
    rpc = RpcClient(node, ["https://node.test"], clock)
    feed = SwitchingAccountFeed(
        [(name, lambda told: PollingAccountFeed(rpc, ENGINE, ACCOUNT, told, clock, lambda: 60.0))
         for name in ("chain", "polling")], ToldLogs(100), clock, random.Random(1))
    task = asyncio.ensure_future(feed.run(polled.events.append))
    await settle()
    while polled.events == [] or polled.events[-1].block_number < node.head:
        await clock.advance(0.1)
    assert feed.state.source == "chain" and len(asked) <= parts + 5
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
