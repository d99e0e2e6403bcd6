"""What a cancel says of its order, by what the chain and the logs tell."""
import asyncio
import gc
from contextlib import suppress
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import order_cancels
from hummingbot.connector.exchange.standard.cancels import CancelResult
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    InsufficientFundsError,
    NotSentError,
    OrderNotFoundError,
    OrderRejectedError,
    OutcomeUnknownError,
    PostponedError,
    StandardError,
)
from hummingbot.connector.exchange.standard.order_cancels import OrderCancels
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from test.hummingbot.connector.exchange.standard.clocks import settle

KEY = OrderKey("0x" + "b0" * 20, True, 7)


def resting_order() -> InFlightOrder:
    return InFlightOrder("id-1", "WBTC-USDC", OrderType.LIMIT, TradeType.BUY, Decimal(1), 1.0, Decimal(60_000),
                         KEY.exchange_order_id, OrderState.OPEN)


def cancels(cancelled: bool, told: bool, left: bool = True, placing: bool = False, asked: list[OrderKey] | None = None,
            placing_before: bool = False) -> OrderCancels:
    """`placing`: after the cancel, the order is being placed again."""
    sent: list[OrderKey] = [] if asked is None else asked

    async def cancel(key: OrderKey) -> CancelResult:
        sent.append(key)
        return CancelResult(cancelled, 5)

    async def give() -> Any:
        return SimpleNamespace(cancel=cancel, settlement=SimpleNamespace(resting={}),
                               is_placing=lambda client_order_id: placing if sent else placing_before)

    async def caught_up(block_number: int) -> bool:
        return told

    async def end_known(key: OrderKey, block_number: int) -> bool:
        return left

    return OrderCancels(give, caught_up, end_known)


async def test_an_order_that_the_chain_dropped_and_no_log_ended_is_not_found() -> None:
    with pytest.raises(OrderNotFoundError):
        await cancels(cancelled=False, told=True).cancel(resting_order())


async def test_an_order_that_is_gone_is_not_missing_before_the_logs_were_read() -> None:
    assert await cancels(cancelled=False, told=False).cancel(resting_order()) is False


@pytest.mark.parametrize("cancelled", [True, False])
async def test_what_a_block_cancelled_is_not_cancelled_again_before_the_logs_of_that_block_were_read(cancelled: bool) -> None:
    asked: list[OrderKey] = []
    asking, is_told = cancels(cancelled=cancelled, told=False, asked=asked), [False, False, True, True]

    async def caught_up(block_number: int) -> bool:
        return is_told.pop(0)
    asking._caught_up = caught_up
    for _ in range(2):
        assert await asking.cancel(resting_order()) is False
    assert asked == [KEY], "a strategy asks again and again, and each cancel costs gas"
    for _ in range(2):  # once they are read the book may hold it all the same, since blocks are replaced
        with suppress(OrderNotFoundError):
            await asking.cancel(resting_order())
    assert asked == [KEY, KEY] and not asking._untold


async def test_only_what_rests_is_remembered_as_cancelled_and_not_told() -> None:
    asking, order = cancels(cancelled=True, told=False), resting_order()
    for number in range(3):
        order.exchange_order_id = KEY._replace(id=number).exchange_order_id
        await asking.cancel(order)
    assert list(asking._untold) == [KEY._replace(id=2)]


async def test_an_order_that_is_gone_is_not_missing_before_its_own_end_is_told() -> None:
    assert await cancels(cancelled=False, told=True, left=False).cancel(resting_order()) is False


async def test_an_order_that_is_being_placed_again_is_not_missing() -> None:
    assert await cancels(cancelled=False, told=True, placing=True).cancel(resting_order()) is False


async def test_an_order_whose_placement_is_looked_for_is_not_cancelled_since_its_id_may_be_another_orders() -> None:
    asked: list[OrderKey] = []
    assert await cancels(cancelled=True, told=True, asked=asked, placing_before=True).cancel(resting_order()) is False
    assert asked == []


async def test_an_order_that_was_placed_anew_under_another_id_is_not_missing() -> None:
    asking, order = cancels(cancelled=False, told=True), resting_order()

    async def moved(key: OrderKey, block_number: int) -> bool:
        order.exchange_order_id = KEY._replace(id=8).exchange_order_id
        return True
    asking._left = moved
    assert await asking.cancel(order) is False


@pytest.mark.parametrize("told", [True, False])
async def test_a_cancel_counts_once_what_came_before_it_is_told(told: bool) -> None:
    assert await cancels(cancelled=True, told=told).cancel(resting_order()) is told


async def test_what_never_rested_or_is_done_is_not_cancelled_and_the_account_is_not_asked() -> None:
    async def give() -> Any:
        raise AssertionError("nothing is sent")

    async def settled(*_: Any) -> Any:
        raise AssertionError("nothing is waited for")

    never_rested, done = resting_order(), resting_order()
    never_rested.exchange_order_id = "0xaa:0"
    done.current_state = OrderState.FILLED
    for order in (never_rested, done):
        assert await OrderCancels(give, settled, settled).cancel(order) is False


async def test_of_orders_on_their_way_only_so_many_are_remembered_as_told(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(order_cancels, "MAX_REMEMBERED_ORDERS", 1)
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0)
    asking = cancels(cancelled=True, told=True)
    for name in ("a", "a", "b", "a"):
        order = InFlightOrder(name, "WBTC-USDC", OrderType.LIMIT, TradeType.BUY, Decimal(1), 1.0, Decimal(60_000))
        assert await asking.cancel(order) is False
    assert [name for name in "aba" if f"The order {name} is not in a block yet" in caplog.text] == ["a", "b", "a"]
    assert len(caplog.records) == 3


class Slow:
    """An account whose cancels last until the test has them end."""

    def __init__(self, *ends: CancelResult | Exception) -> None:
        self.ends = list(ends)
        self.may_end = asyncio.Event()
        self.asked = 0
        self.settlement = SimpleNamespace(resting={})

    def is_placing(self, client_order_id: str) -> bool:
        return False

    async def cancel(self, key: OrderKey) -> CancelResult:
        self.asked += 1
        await self.may_end.wait()
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def asking(self) -> OrderCancels:
        async def give() -> Any:
            return self

        async def yes(*_: Any) -> bool:
            return True

        return OrderCancels(give, yes, yes)


async def test_nobody_waits_for_hours_until_a_cancel_is_mined(monkeypatch: pytest.MonkeyPatch,
                                                             caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(order_cancels, "PATIENCE", 0.01)
    account = Slow(CancelResult(True, 5), NotSentError("no money"))
    asking, order, tasks = account.asking(), resting_order(), len(asyncio.all_tasks())
    for _ in range(3):
        assert await asyncio.gather(*(asking.cancel(order) for _ in range(5))) == [False] * 5
    assert len(asyncio.all_tasks()) == tasks + 1 and account.asked == 1
    assert caplog.text.count("The cancel of the order id-1 is on its way and not in a block yet.") == len(caplog.records) == 1
    account.may_end.set()
    assert await asyncio.gather(asking.cancel(order), asking.cancel(order)) == [True, True]
    assert not asking._under_way and account.asked == 1


@pytest.mark.parametrize(("end", "told"), [
    (NotSentError("no money"), "The order id-1 is not cancelled: no money"),
    (OrderRejectedError("It is still there."), "The order id-1 is not cancelled: It is still there."),
    (RuntimeError("a fault"), "The order id-1 is not cancelled: a fault"),
    (ApiUnavailableError("away"), "Whether the order id-1 is cancelled cannot be told now: away")])
async def test_how_a_cancel_ended_for_which_nobody_waits_any_more_is_told_once(
        end: Exception, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(order_cancels, "PATIENCE", 0.01)
    account = Slow(end)
    asking = account.asking()
    await asyncio.gather(*(asking.cancel(resting_order()) for _ in range(3)))
    account.may_end.set()
    await settle()
    assert [record.message for record in caplog.records][1:] == [told]


async def test_that_an_order_is_gone_troubles_nobody_who_does_not_wait_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "PATIENCE", 0.01)
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    account = Slow(CancelResult(False, 5), CancelResult(True, 6))
    asking, order = account.asking(), resting_order()
    assert await asking.cancel(order) is False
    account.may_end.set()
    await settle()
    gc.collect()
    assert not asking._under_way and not problems
    assert await asking.cancel(order) is True, "a new one is sent"


async def test_a_caller_who_goes_takes_no_cancel_with_him() -> None:
    account = Slow(CancelResult(True, 5))
    asking, order = account.asking(), resting_order()
    leaving, staying = asyncio.ensure_future(asking.cancel(order)), asyncio.ensure_future(asking.cancel(order))
    await settle()
    leaving.cancel()
    await settle()
    account.may_end.set()
    assert leaving.cancelled() and await staying is True


async def test_a_cancel_that_was_ended_from_outside_is_no_fault_of_anybody() -> None:
    account = Slow()
    asking = account.asking()
    waiting = asyncio.ensure_future(asking.cancel(resting_order()))
    await settle()
    next(iter(asking._under_way.values())).cancel()
    await settle()
    assert waiting.cancelled() and not asking._under_way


async def test_why_a_cancel_is_not_sent_is_told_once_of_an_order_and_again_when_it_is_something_else(
        caplog: pytest.LogCaptureFixture) -> None:
    account = Slow(PostponedError("It is cancelled again later."),
                   *[InsufficientFundsError(f"{need} for gas. Fund the wallet.") for need in (0.3, 0.2, 0.1)],
                   PostponedError("Fund the wallet. It is cancelled again in 9 s at the earliest."),
                   *[NotSentError(reason) for reason in ("It was left.", "It was left.", "The node refuses it.")])
    account.may_end.set()
    asking = account.asking()
    for _ in range(8):
        assert await asking.cancel(resting_order()) is False
    assert [record.message for record in caplog.records] == [f"The order id-1 is not cancelled{reason}" for reason in (
        " now: It is cancelled again later.", " for want of funds: 0.3 for gas. Fund the wallet.", ": It was left.",
        ": The node refuses it.")]


async def test_that_a_cancel_is_postponed_is_told_once_of_an_order(caplog: pytest.LogCaptureFixture) -> None:
    account = Slow(*[PostponedError("It is cancelled again later.")] * 4)
    account.may_end.set()
    asking, other = account.asking(), resting_order()
    other.client_order_id = "id-2"
    for order in (resting_order(), resting_order(), other, other):
        assert await asking.cancel(order) is False
    assert [record.message for record in caplog.records] == [
        f"The order {name} is not cancelled now: It is cancelled again later." for name in ("id-1", "id-2")]


class Leftovers:
    """An account in which one order rests, and whose cancel of it lasts until it may end."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.cancelled: list[OrderKey] = []
        self.settlement = SimpleNamespace(resting={KEY: SimpleNamespace(client_order_id="id-1")})
        self.fault: StandardError | None = None
        self.is_there = True
        self.pauses_ended = 0

    def end_cancel_pauses(self) -> None:
        self.pauses_ended += 1

    async def cancel(self, key: OrderKey) -> CancelResult:
        self.cancelled.append(key)
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        return CancelResult(self.is_there, 5)


async def test_what_rests_of_a_filled_order_is_taken_off_and_waited_for() -> None:
    asking, account = cancels(cancelled=True, told=True), Leftovers()
    await asking.leftovers_gone(60)
    for key in (KEY, KEY._replace(id=8)):
        asking.take_off(account, key)  # type: ignore[arg-type]
    await asking.leftovers_gone(0)
    assert account.cancelled == [KEY] and len(asking._leftovers) == 1, "the other does not rest"
    account.may_end.set()
    await asking.leftovers_gone(60)
    await settle()
    assert not asking._leftovers


async def test_what_was_not_cancelled_before_the_stop_is_cancelled_once_a_block_has_it(caplog: pytest.LogCaptureFixture) -> None:
    asking, account = cancels(cancelled=True, told=True), Leftovers()
    account.may_end.set()
    asking.remain([])
    assert not caplog.records
    order, other = resting_order(), resting_order()
    order.exchange_order_id = None  # it is settled, and not told yet
    other.client_order_id = "id-2"
    asking.remain([other])
    assert "1 order was not seen cancelled and may stay on the exchange when the bot stops: id-2." in caplog.text
    asking.cancel_remaining(account)  # type: ignore[arg-type]
    assert not asking._leftovers, "it is in no block"
    asking.remain([order, other])
    assert "2 orders were not seen cancelled and may stay on the exchange when the bot stops: id-1, id-2." in caplog.text
    asking.cancel_remaining(account)  # type: ignore[arg-type]
    await asking.leftovers_gone(60)
    assert account.cancelled == [KEY] and account.pauses_ended, "a pause may have begun since the stop did"


async def test_what_is_being_cancelled_at_the_stop_is_not_cancelled_once_more() -> None:
    account = Slow(CancelResult(True, 5))
    asking, leftovers = account.asking(), Leftovers()
    leftovers.may_end.set()
    cancelling = asyncio.ensure_future(asking.cancel(resting_order()))
    await settle()
    asking.remain([resting_order()])
    asking.cancel_remaining(leftovers)  # type: ignore[arg-type]
    assert not asking._leftovers
    account.may_end.set()
    await cancelling
    asking.remain([resting_order()])
    asking.cancel_remaining(leftovers)  # type: ignore[arg-type]
    await asking.leftovers_gone(60)
    assert leftovers.cancelled == [KEY]


@pytest.mark.parametrize("told", [True, False])
async def test_what_left_without_an_event_before_it_was_taken_off_is_looked_at_once_the_logs_are_read(told: bool) -> None:
    """What is too little to match is given back by whoever sweeps over it, and would count as locked for ever."""
    asking, account, looked = cancels(cancelled=False, told=told), Leftovers(), []

    async def left(key: OrderKey, block_number: int) -> bool:
        looked.append((key, block_number))
        return True

    asking._left = left
    account.is_there = False
    account.may_end.set()
    asking.take_off(account, KEY)  # type: ignore[arg-type]
    await settle()
    assert looked == ([(KEY, 5)] if told else []) and set(asking._left_on) == (set() if told else {KEY})


@pytest.mark.parametrize("fault", [NotSentError("the sender is not running"), OutcomeUnknownError("it was stopped"),
                                   ApiUnavailableError("away"), OrderRejectedError("still there")])
async def test_what_could_not_be_taken_off_is_tried_again_until_it_is_gone(fault: StandardError,
                                                                           caplog: pytest.LogCaptureFixture) -> None:
    asking, account = cancels(cancelled=True, told=True), Leftovers()
    account.may_end.set()
    account.fault = fault
    asking.take_off(account, KEY)  # type: ignore[arg-type]
    await settle()
    assert not asking._leftovers and not caplog.records
    for _ in range(2):
        asking.take_off_again(account)  # type: ignore[arg-type]
        await settle()
    assert account.cancelled == [KEY, KEY, KEY]
    assert caplog.text.count(f"What rests under {KEY.exchange_order_id} could not be cancelled ({fault})") == 1
    account.fault = None
    for _ in range(2):
        asking.take_off_again(account)  # type: ignore[arg-type]
        await settle()
    assert len(account.cancelled) == 4 and not asking._failures
    account.fault = fault
    asking.take_off(account, KEY)  # type: ignore[arg-type]
    await settle()
    account.settlement.resting.clear()
    asking.take_off_again(account)  # type: ignore[arg-type]
    await settle()
    assert len(account.cancelled) == 5 and not asking._failures


async def test_what_a_node_that_is_behind_does_not_hold_is_taken_off_again_while_it_rests_as_far_as_is_known() -> None:
    asked: list[OrderKey] = []
    blocks = [5, 4 + REORGANISED_BLOCKS, 5 + REORGANISED_BLOCKS]

    async def cancel(key: OrderKey) -> CancelResult:
        asked.append(key)
        return CancelResult(False, blocks[len(asked) - 1])  # it did nothing, and the node that was asked had not the order

    account = SimpleNamespace(cancel=cancel, settlement=SimpleNamespace(resting={KEY: None}))
    asking = cancels(cancelled=False, told=True, left=False)
    asking.take_off(account, KEY)  # type: ignore[arg-type]
    await settle()
    for _ in range(3):
        asking.take_off_again(account)  # type: ignore[arg-type]
        await settle()
    assert asked == [KEY, KEY, KEY], "what a block that is final does not hold is gone"
