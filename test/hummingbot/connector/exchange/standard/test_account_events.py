"""Events of the account are processed to their end and in their order, also when the network is left meanwhile."""
import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import account_events
from hummingbot.connector.exchange.standard.account_events import AccountEvents
from hummingbot.connector.exchange.standard.errors import NotSentError
from hummingbot.connector.exchange.standard.feed_report import FeedReport
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle


class SlowBooks:
    """An account with its settlement and what is told of it, in one: telling waits until it may."""

    def __init__(self) -> None:
        self.may_tell = asyncio.Event()
        self.told: list[Any] = []
        self.remembered: list[int] = []
        self.failure: Exception | None = None
        self.settlement = self

    def apply(self, log: Any) -> list[Any]:
        return [log]

    @property
    def resting(self) -> list[OrderKey]:
        return []

    def swept(self, key: OrderKey, block_number: int) -> list[Any]:
        return [(key, block_number)]

    async def tell(self, settled: list[Any]) -> None:
        await self.may_tell.wait()
        self.told += settled

    async def remember(self, block_number: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.remembered.append(block_number)

    async def note_feeds(self, states: str) -> None:
        return None


def events_of(books: SlowBooks, give: Callable[[], Awaitable[Any]] | None = None) -> AccountEvents:
    async def give_books() -> Any:
        return books

    async def changed(change: BalanceChange | None) -> None:
        return None

    ignore: Callable[[], None] = lambda: None  # noqa: E731
    return AccountEvents(give or give_books, books, ignore, changed, FeedReport(dict, ManualClock()))


async def leave(processing: "asyncio.Future[None]") -> None:
    await settle()
    processing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await processing


async def test_what_was_begun_when_the_network_is_left_is_told_before_later_events() -> None:
    books = SlowBooks()
    events = events_of(books)
    await leave(asyncio.ensure_future(events.process(OrderLogs(["cancelled"], 7))))
    later = asyncio.ensure_future(events.process(OrderLogs(["filled"], 8)))
    await settle()
    assert books.told == []
    books.may_tell.set()
    await later
    assert books.told == ["cancelled", "filled"] and books.remembered == [7, 8] and events.settled_block == 8


@pytest.mark.parametrize(("failure", "lines"), [(NotSentError("the network was left"), 0), (RuntimeError("a fault"), 1)])
async def test_a_fault_in_what_nobody_waits_for_any_more_is_logged(failure: Exception, lines: int,
                                                                   caplog: pytest.LogCaptureFixture) -> None:
    books = SlowBooks()
    books.failure = failure
    events = events_of(books)
    with caplog.at_level(logging.ERROR):
        await leave(asyncio.ensure_future(events.process(OrderLogs(["cancelled"], 7))))
        books.may_tell.set()
        await settle()
    assert books.told == ["cancelled"] and len(caplog.records) == lines


async def test_whoever_waits_hears_of_a_fault() -> None:
    books = SlowBooks()
    books.failure = NotSentError("the network was left")
    books.may_tell.set()
    with pytest.raises(NotSentError):
        await events_of(books).process(OrderLogs([], 7))


async def test_before_the_account_is_known_no_order_of_it_can_have_been_swept() -> None:
    books = SlowBooks()
    books.may_tell.set()
    assert await events_of(books).left(OrderKey("0x" + "b0" * 20, True, 7), 7)
    assert books.told == []


async def test_what_is_no_event_of_the_account_is_a_fault() -> None:
    with pytest.raises(TypeError, match="no event of the account"):
        await events_of(SlowBooks()).process("something else")  # type: ignore[arg-type]



async def test_an_event_that_the_last_connection_left_is_settled_though_the_account_cannot_be_started() -> None:
    books = SlowBooks()
    books.may_tell.set()

    async def give() -> Any:
        raise NotSentError("the network was left")

    events = events_of(books, give)
    events.account = books
    with pytest.raises(NotSentError):
        await events.process(OrderLogs(["filled"], 7))
    assert books.told == ["filled"]


async def test_on_a_chain_that_was_begun_anew_its_own_blocks_are_waited_for() -> None:
    books = SlowBooks()
    books.may_tell.set()
    events = events_of(books)
    await events.process(OrderLogs([], 5_000))
    await events.process(OrderLogs([], 10))
    waiting = asyncio.ensure_future(events.caught_up(11))
    await settle()
    assert not waiting.done()
    await events.process(OrderLogs(["filled"], 11))
    assert await waiting and books.told == ["filled"]


async def test_a_node_that_stays_behind_is_asked_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_events, "CATCH_UP_TIMEOUT", 0.5)
    books = SlowBooks()
    books.may_tell.set()
    events, looks = events_of(books), list[asyncio.Future[None]]()
    events._hurry = lambda: looks.append(asyncio.ensure_future(events.process(OrderLogs([], 7))))
    await events.process(OrderLogs([], 7))
    assert not await events.caught_up(8)
    assert 2 <= len(looks) <= 5
