"""Cancels that the wallet cannot pay for together, and cancels that do nothing."""
import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.cancels import FIRST_PAUSE, LONGEST_PAUSE, CancelResult, Cancels
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, ORDER_CANCELED
from hummingbot.connector.exchange.standard.chain.gas import SOMNIA, GasLimits
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.errors import (
    InsufficientFundsError,
    NotSentError,
    OrderRejectedError,
    OutcomeUnknownError,
    PostponedError,
    StandardError,
)
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from test.hummingbot.connector.exchange.standard.clocks import settle, until
from test.hummingbot.connector.exchange.standard.test_placements import ALICE, ENGINE, NATIVE, WBTC, LaterClock, receipt

MILLION = 10 ** 6
SINGLE = 4 * MILLION  # what one cancel asks for at first


def gas_of(count: int) -> int:
    return GasLimits(SOMNIA, LaterClock()).cancels(count)


def key(number: int) -> OrderKey:
    return OrderKey(WBTC.book, False, number)


class Engine:
    """The sender and the engine behind it. The wallet can pay for `money` gas at once. A cancel of an order needs as much gas as
    `needs` has for it; less than that does nothing."""

    def __init__(self, money: int = 10 ** 12) -> None:
        self.money = money
        self.needs: dict[int, int] = {}
        self.error: StandardError | None = None
        self.mining = True
        self.pending: list[Tracked] = []
        self.sent: list[Tracked] = []
        self.settled: list[Tracked] = []
        self.cancelled: set[int] = set()
        self.clock = LaterClock()
        listing = Listing(ENGINE, NATIVE.base.address)
        listing.add([WBTC])
        self.resting = {key(number) for number in range(50)}
        self.cancels = Cancels(listing, self, GasLimits(SOMNIA, self.clock), self.clock, self._deposits,  # type: ignore[arg-type]
                               self._head, self.resting)

    async def _deposits(self, keys: Sequence[OrderKey], block: int) -> list[int]:
        return [0 if each.id in self.cancelled else 7 for each in keys]

    async def _head(self) -> int:
        return 5

    def submit(self, intent: Intent) -> Tracked:
        tracked = Tracked(len(self.sent) + 1, intent, 0.0, 0.0)
        self.sent.append(tracked)
        if self.error is not None:
            tracked.end(self.error)
        elif sum(other.intent.gas_limit for other in self.pending) + intent.gas_limit > self.money:
            tracked.end(InsufficientFundsError("Fund the wallet."))
        else:
            self.pending.append(tracked)
            asyncio.get_running_loop().call_soon(self.mine)
        return tracked

    def mine(self) -> None:
        while self.mining and self.pending:
            tracked = self.pending.pop(0)
            done = [number for number in numbers(tracked) if self.needs.get(number, 0) <= tracked.intent.gas_limit]
            self.cancelled.update(done)
            tracked.end(receipt(*[ORDER_CANCELED.encode(WBTC.book, number, False, ALICE, 1) for number in done]))

    def settle(self, *done: Tracked) -> None:
        self.settled += done

    @property
    def gas(self) -> list[int]:
        """What was asked for, in order, taken or not."""
        return [tracked.intent.gas_limit for tracked in self.sent]

    async def cancel(self, *which: int) -> list[Any]:
        return await asyncio.gather(*(self.cancels.cancel(key(number)) for number in which), return_exceptions=True)


def numbers(tracked: Tracked) -> list[int]:
    data = tracked.intent.data
    if data[:4] == ENGINE_FUNCTIONS["cancelOrder"].selector:
        return [ENGINE_FUNCTIONS["cancelOrder"].decode(data)[3]]
    return [item[3] for item in ENGINE_FUNCTIONS["cancelOrders"].decode(data)[0]]


async def test_batches_that_cannot_be_paid_for_at_once_follow_one_after_the_other() -> None:
    engine = Engine(money=3 * gas_of(10))
    results = await engine.cancel(*range(50))
    assert results == [CancelResult(True, 5)] * 50
    assert engine.gas == [gas_of(10)] * 7, "two of five were refused, and sent again once the wallet could pay"


async def test_cancels_that_cannot_be_paid_for_together_are_sent_in_parts() -> None:
    engine = Engine(money=gas_of(4))
    assert await engine.cancel(*range(10)) == [CancelResult(True, 5)] * 10
    assert [len(numbers(tracked)) for tracked in engine.sent] == [10, 10, 5, 3, 3, 3, 1]
    assert engine.settled == engine.sent


async def test_what_one_cancel_is_refused_for_is_not_tried_for_each_of_the_others() -> None:
    engine = Engine(money=SINGLE - 1)
    results = await engine.cancel(*range(10))
    assert {type(result) for result in results} == {InsufficientFundsError}
    assert [len(numbers(tracked)) for tracked in engine.sent] == [10, 10, 5, 3, 2, 1] and engine.settled == engine.sent


@pytest.mark.parametrize("ended", [False, True])
async def test_cancels_that_cannot_be_paid_for_at_all_are_tried_together_after_each_pause(ended: bool) -> None:
    engine = Engine(money=SINGLE - 1)
    for _ in range(2):
        assert {type(result) for result in await engine.cancel(*range(10))} == {InsufficientFundsError}
        before = len(engine.sent)
        engine.clock.later += FIRST_PAUSE - 1
        for result in await engine.cancel(*range(10)):
            assert isinstance(result, PostponedError) and str(result).startswith("Fund the wallet. It is cancelled again in 1 s")
        assert len(engine.sent) == before
        engine.clock.later += 1
    await engine.cancel(*range(10))
    engine.money = gas_of(10)
    if ended:
        engine.cancels.end_pauses()
    else:
        engine.clock.later += FIRST_PAUSE
    before = len(engine.sent)
    assert await engine.cancel(*range(10)) == [CancelResult(True, 5)] * 10
    assert len(engine.sent) == before + 1 and not engine.cancels._in_vain


async def one_sent_and_one_refused(engine: Engine) -> tuple[asyncio.Future[list[Any]], asyncio.Future[list[Any]]]:
    """The cancels of orders 1 and 2, where the wallet can pay for one, and no block is mined."""
    engine.mining = False
    first = asyncio.ensure_future(engine.cancel(1))
    await until(lambda: engine.sent)
    second = asyncio.ensure_future(engine.cancel(2))
    await until(lambda: len(engine.sent) == 2)
    await settle()
    return first, second


async def test_a_cancel_waits_for_what_is_on_its_way_before_it_is_given_up() -> None:
    engine = Engine(money=SINGLE)
    first, second = await one_sent_and_one_refused(engine)
    assert len(engine.sent) == 2 and not second.done()
    engine.mining = True
    engine.mine()
    assert await first == await second == [CancelResult(True, 5)]


async def test_a_cancel_that_another_one_left_no_money_for_is_not_postponed() -> None:
    engine = Engine(money=SINGLE)
    first, second = await one_sent_and_one_refused(engine)
    (mined,) = engine.pending
    engine.pending.clear()  # a block has it, and the poll does not say so yet
    third = asyncio.ensure_future(engine.cancel(3))
    await until(lambda: engine.pending)
    engine.pending.insert(0, mined)
    engine.mining = True
    (late,) = engine.pending[1:]
    del engine.pending[1:]
    engine.mine()
    engine.pending.append(late)
    engine.mining = False
    assert [type(result) for result in await second] == [InsufficientFundsError]
    engine.mining = True
    engine.mine()
    assert await first == await third == [CancelResult(True, 5)]
    assert await engine.cancel(2) == [CancelResult(True, 5)]


async def test_a_cancel_of_what_is_being_cancelled_waits_for_the_same_end() -> None:
    engine = Engine()
    assert await engine.cancel(1, 1, 2, 1) == [CancelResult(True, 5)] * 4
    assert [numbers(tracked) for tracked in engine.sent] == [[1, 2]]


async def test_a_part_that_fails_is_not_the_other_parts() -> None:
    engine = Engine(money=gas_of(5))
    engine.needs = {1: 10 ** 12}
    results = await engine.cancel(*range(10))
    assert isinstance(results[1], OrderRejectedError)
    assert [result for number, result in enumerate(results) if number != 1] == [CancelResult(True, 5)] * 9


@pytest.mark.parametrize("error", [NotSentError("The sender is not running."), OutcomeUnknownError("stopped")])
async def test_what_is_not_refused_for_want_of_funds_is_not_tried_in_parts(error: StandardError) -> None:
    engine = Engine()
    engine.error = error
    assert await engine.cancel(1, 2, 3) == [error] * 3 and len(engine.sent) == 1
    assert engine.settled == (engine.sent if isinstance(error, NotSentError) else []), "what may be mined is followed"


async def test_what_cannot_be_cancelled_is_tried_with_more_gas_after_longer_and_longer_pauses() -> None:
    engine = Engine()
    engine.needs = {1: 10 ** 12}
    (failure,) = await engine.cancel(1)
    assert isinstance(failure, OrderRejectedError) and "still on the exchange after 3 cancels" in str(failure)
    pauses = [FIRST_PAUSE * 2 ** step for step in range(6)] + [LONGEST_PAUSE] * 2
    for pause in pauses:
        before = len(engine.sent)
        engine.clock.later += pause - 1
        (postponed,) = await engine.cancel(1)
        assert isinstance(postponed, PostponedError) and "It is cancelled again in 1 s" in str(postponed)
        assert str(failure) in str(postponed) and len(engine.sent) == before
        engine.clock.later += 1
        (failure,) = await engine.cancel(1)
        assert isinstance(failure, OrderRejectedError) and len(engine.sent) == before + 1
    assert engine.gas == [SINGLE << step for step in range(6)] + [SOMNIA.transaction_limit] * 5
    engine.needs, engine.clock.later = {}, engine.clock.later + LONGEST_PAUSE
    assert await engine.cancel(1) == [CancelResult(True, 5)]
    assert not engine.cancels._in_vain


async def test_a_pause_can_be_ended() -> None:
    engine = Engine()
    engine.needs = {1: 10 ** 12}
    await engine.cancel(1)
    engine.needs = {}
    assert isinstance((await engine.cancel(1))[0], PostponedError)
    engine.cancels.end_pauses()
    assert await engine.cancel(1) == [CancelResult(True, 5)]


async def test_what_needs_much_gas_is_cancelled_in_the_end_and_holds_up_no_other() -> None:
    engine = Engine()
    engine.needs = {1: 20 * MILLION}
    first, *others = await engine.cancel(1, 2, 3)
    assert isinstance(first, OrderRejectedError) and others == [CancelResult(True, 5)] * 2
    engine.clock.later += FIRST_PAUSE
    assert await engine.cancel(1, 4, 5) == [CancelResult(True, 5)] * 3
    assert engine.gas[-2:] == [gas_of(2), 8 * SINGLE], "each in a transaction of its own, and none waits for the greater one"


async def test_where_more_gas_cannot_be_paid_for_as_much_is_tried_as_can() -> None:
    """More gas did not help, and the reason may be gone: a token that was paused."""
    engine = Engine()
    engine.needs = {1: 10 ** 12}
    await engine.cancel(1)
    engine.clock.later += FIRST_PAUSE
    engine.money = 2 * SINGLE
    (failure,) = await engine.cancel(1)
    assert isinstance(failure, OrderRejectedError)
    assert engine.gas[3:] == [8 * SINGLE, 8 * SINGLE, 4 * SINGLE, 2 * SINGLE]
    engine.clock.later += 2 * FIRST_PAUSE
    engine.needs = {}
    assert await engine.cancel(1) == [CancelResult(True, 5)]


async def test_a_cancel_that_did_nothing_and_whose_next_try_cannot_be_paid_for_ends() -> None:
    engine = Engine(money=SINGLE)
    engine.needs = {1: 10 ** 12}
    (failure,) = await engine.cancel(1)
    assert isinstance(failure, OrderRejectedError)
    assert engine.gas == [SINGLE, 2 * SINGLE, 2 * SINGLE, SINGLE], "and costs gas twice"


async def test_nothing_is_remembered_of_what_does_not_rest_any_more() -> None:
    engine = Engine()
    engine.needs = {1: 10 ** 12}
    await engine.cancel(1)
    engine.resting.discard(key(1))
    assert await engine.cancel(2) == [CancelResult(True, 5)] and not engine.cancels._in_vain
    engine.needs = {}
    assert await engine.cancel(1) == [CancelResult(True, 5)], "it is there again, and is another one"
