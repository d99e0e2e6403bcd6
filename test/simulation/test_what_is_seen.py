"""What the simulation would see: the connector is broken in one way at a time, and the invariant that this hurts must say so.

Each function breaks something in the copy of the process in which a world is run.
"""
import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import order_cancels
from hummingbot.connector.exchange.standard.balances import Balances, Money
from hummingbot.connector.exchange.standard.chain import follower
from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.feeds import failover
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotStreamsDialect
from hummingbot.connector.exchange.standard.order_cancels import OrderCancels
from hummingbot.connector.exchange.standard.orders.settlement import Settlement
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, TradeUpdate
from hummingbot.core.data_type.trade_fee import TokenAmount
from simulation.isolation import in_a_copy
from simulation.run import Outcome, run
from simulation.scenario import Action, Scenario
from simulation.world import RPC_URL
from test.simulation.test_run import order, short, taker

CANCEL = Action(5.0, "cancel", {"which": 0, "count": 1})
SLOW = Action(0.0, "node", {"switches": {"mining_paused": True}, "seconds": 25.0})
STOP = Action(1.0, "stop", {"cancel": False, "patience": 80.0, "down": 1.0, "outage": 120.0})
REFUSED = Action(1.0, "node_stream", {"switches": {"refuse": True, "close_code": 1011}, "seconds": 30.0})
QUIET = Action(40.0, "quiet", {})
FINISH = Action(0.0, "finish", {})


_KEPT: list[Any] = []


def changed_fills(change: Callable[[TradeUpdate, InFlightOrder], TradeUpdate]) -> None:
    """Every fill is told in another way."""
    right = TrackerUpdates._trade_update
    TrackerUpdates._trade_update = lambda self, order, fill: change(right(self, order, fill), order)  # type: ignore[method-assign]


def tell_all_as_available() -> None:
    read = Balances.read

    async def all_of_it(self: Balances, account: Any, is_taken_up: bool) -> Money:
        money = await read(self, account, is_taken_up)
        return Money(dict(money.total), money.total)
    Balances.read = all_of_it  # type: ignore[method-assign]


def read_no_balances_again() -> None:
    async def nothing(self: StandardExchange) -> None:
        if not self._account_balances:
            await read(self)
    read = StandardExchange._update_balances
    StandardExchange._update_balances = nothing  # type: ignore[method-assign]


def tell_a_higher_price() -> None:
    changed_fills(lambda fill, _: fill._replace(fill_price=fill.fill_price * Decimal("1.01")))


def double_the_fees() -> None:
    def doubled(fill: TradeUpdate, _: InFlightOrder) -> TradeUpdate:
        fill.fee.flat_fees[:] = [TokenAmount(fee.token, 2 * fee.amount) for fee in fill.fee.flat_fees]
        return fill
    changed_fills(doubled)


def take_the_fees_in_the_other_token() -> None:
    def other(fill: TradeUpdate, order: InFlightOrder) -> TradeUpdate:
        fill.fee.flat_fees[:] = [TokenAmount(order.quote_asset if fee.token == order.base_asset else order.base_asset, fee.amount)
                                 for fee in fill.fee.flat_fees]
        return fill
    changed_fills(other)


def tell_each_fill_twice() -> None:
    tell = TrackerUpdates._tell_fill

    def twice(self: TrackerUpdates, order: InFlightOrder, fill: TradeUpdate) -> None:
        tell(self, order, fill)
        self._tracker._trigger_filled_event(order, fill.fill_base_amount, fill.fill_price, fill.fee, fill.trade_id,
                                            fill.exchange_order_id)
    TrackerUpdates._tell_fill = twice  # type: ignore[method-assign]


def put_fills_in_without_a_word() -> None:
    TrackerUpdates._tell_fill = lambda self, order, fill: order.update_with_trade_update(fill)  # type: ignore


def miss_cancels() -> None:
    Settlement._canceled = lambda self, order, log, event: []  # type: ignore[method-assign]


def give_up_what_waits() -> None:
    """An order fails that the node has not taken into a block for a while, and it may yet."""
    place = StandardExchange._place_order

    async def impatient(self: StandardExchange, *args: Any, **more: Any) -> tuple[str, float]:
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(place(self, *args, **more))), 5.0)
        except TimeoutError:
            raise OrderRejectedError("it takes too long") from None
    StandardExchange._place_order = impatient  # type: ignore[method-assign]


def fail_by_mistake() -> None:
    async def mistaken(self: StandardExchange, *args: Any, **more: Any) -> tuple[str, float]:
        raise KeyError("nonce")
    StandardExchange._place_order = mistaken  # type: ignore[method-assign]


def place_nothing_any_more() -> None:
    """Every order is refused with a reason that sounds well, from the second on."""
    place = StandardExchange._place_order
    placed: list[Any] = []

    async def refusing(self: StandardExchange, *args: Any, **more: Any) -> tuple[str, float]:
        if placed:
            raise OrderRejectedError("not now")
        placed.append(args)
        return await place(self, *args, **more)
    StandardExchange._place_order = refusing  # type: ignore[method-assign]


def cancel_nothing() -> None:
    async def not_now(self: OrderCancels, order: InFlightOrder) -> bool:
        return False

    async def nor_later(self: OrderCancels, account: object, orders: list[InFlightOrder]) -> None:
        """Wait for nothing."""
    OrderCancels.cancel, OrderCancels.cancel_late = not_now, nor_later  # type: ignore[method-assign]


def call_what_is_cancelled_filled() -> None:
    update = TrackerUpdates._update

    async def filled(self: TrackerUpdates, order: InFlightOrder, exchange_order_id: str | None, state: OrderState,
                     *more: Any) -> None:
        await update(self, order, exchange_order_id, OrderState.FILLED if state is OrderState.CANCELED else state, *more)
        if state is OrderState.CANCELED:
            order.completely_filled_event.set()
    TrackerUpdates._update = filled  # type: ignore[method-assign]


def show_other_prices() -> None:
    price = SpotStreamsDialect._price
    SpotStreamsDialect._price = lambda self, value: 1.001 * price(self, value)  # type: ignore[method-assign]


def log_the_address_of_the_node() -> None:
    start = StandardExchange.start_network

    async def chatty(self: StandardExchange) -> None:
        await start(self)
        logging.getLogger("hummingbot.start").debug("asked %s", RPC_URL)
    StandardExchange.start_network = chatty  # type: ignore[method-assign]


def ask_the_api_again_and_again() -> None:
    start = StandardExchange.start_network

    async def asking(self: StandardExchange) -> None:
        await start(self)
        while True:
            await self._venue.rest.pairs()
            await asyncio.sleep(0.2)
    StandardExchange.start_network = lambda self: _beside(asking(self))  # type: ignore[method-assign]


async def _beside(work: Any) -> None:
    _KEPT.append(asyncio.ensure_future(work))


def believe_each_cancel() -> None:
    async def done(self: OrderCancels, order: InFlightOrder) -> bool:
        return True
    OrderCancels.cancel = done  # type: ignore[method-assign]


def forget_what_was_ordered() -> None:
    StandardExchange.buy = lambda self, *args, **more: "an order of which nothing comes"  # type: ignore[method-assign]


def log_the_key() -> None:
    start = StandardExchange.start_network

    async def chatty(self: StandardExchange) -> None:
        await start(self)
        try:
            try:
                raise ValueError(self._wallet_auth.wallet._key.to_hex())  # type: ignore[union-attr]
            except ValueError as error:
                raise RuntimeError("it does not start") from error
        except RuntimeError:
            logging.getLogger("hummingbot.start").warning("trouble", exc_info=True)
    StandardExchange.start_network = chatty  # type: ignore[method-assign]


def wait_for_ever() -> None:
    order_cancels.STOP_TIMEOUT = 600.0


def ask_without_a_pause() -> None:
    follower.FIRST_PAUSE = follower.LAST_PAUSE = 0.02


def connect_without_a_pause() -> None:
    failover.FIRST_PAUSE = failover.LAST_PAUSE = 0.2



def leave_tasks_behind() -> None:
    tell = TrackerUpdates.tell

    async def littering(self: TrackerUpdates, settled: Any) -> None:
        self.litter = [asyncio.ensure_future(asyncio.sleep(10_000)) for _ in range(100)]  # type: ignore[attr-defined]
        await tell(self, settled)
    TrackerUpdates.tell = littering  # type: ignore[method-assign]


def broken(break_it: Callable[[], None], scenario: Scenario) -> Outcome:
    """Run a scenario with a connector that is broken in one way."""
    break_it()
    return run(scenario)


FILLED = short(order(0.1), taker(6.0))
RESTING = short(order(0.1))
CASES: list[tuple[Callable[[], None], Scenario, str, str]] = [
    (tell_all_as_available, RESTING, "I6", "9999999"),
    (read_no_balances_again, RESTING, "I6", "USDC"),
    (take_the_fees_in_the_other_token, FILLED, "I6", "that the fills do not tell"),
    (tell_a_higher_price, FILLED, "I1/I4/I5", "units of quote"),
    (double_the_fees, FILLED, "I1/I4/I5", "has fills"),
    (tell_each_fill_twice, FILLED, "I1/I4/I5", "told 2 times"),
    (put_fills_in_without_a_word, FILLED, "I1/I4/I5", "told 0 times"),
    (give_up_what_waits, short(SLOW, order(0.1), QUIET), "I2", "ended"),
    (believe_each_cancel, short(order(0.1), CANCEL), "I2", "the chain holds"),
    (miss_cancels, short(order(0.1), CANCEL), "I2", "on the chain"),
    (forget_what_was_ordered, RESTING, "I2", "nothing was ever heard of it"),
    (fail_by_mistake, RESTING, "I2", "failed by KeyError"),
    (place_nothing_any_more, short(order(0.1), FINISH), "I2", "these orders fail"),
    (cancel_nothing, short(order(0.1), FINISH), "I3", "were cancelled and rest"),
    (call_what_is_cancelled_filled, short(order(0.1), CANCEL), "I2", "is FILLED"),
    (show_other_prices, short(order(0.1), QUIET, feed="stream", stream="iter"), "rest", "of the book"),
    (ask_the_api_again_and_again, short(Action(150.0, "quiet", {})), "I9", "requests within a minute"),
    (log_the_address_of_the_node, RESTING, "I10", "hummingbot.start"),
    (ask_without_a_pause, short(SLOW, order(0.1), QUIET, latency=(0.001, 0.002)), "I9", "requests within a minute"),
    (connect_without_a_pause, short(REFUSED, QUIET, feed="chain"), "I9", "connections of streams"),
    (log_the_key, RESTING, "I10", "hummingbot.start"),
    (leave_tasks_behind, RESTING, "I11", "while nothing happens"),
    (wait_for_ever, short(SLOW, order(0.1), STOP), "I12", "these tasks go on"),
]


@pytest.mark.parametrize(("break_it", "scenario", "invariant", "words"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_broken_is_seen(break_it: Callable[[], None], scenario: Scenario, invariant: str, words: str) -> None:
    problem = in_a_copy(broken, break_it, scenario).problem
    assert problem is not None and problem.invariant == invariant and words in problem.message, problem


def test_none_of_these_worlds_is_wrong_by_itself() -> None:
    for _, scenario, *_ in CASES:
        outcome = in_a_copy(run, scenario)
        assert outcome.problem is None, outcome.problem
