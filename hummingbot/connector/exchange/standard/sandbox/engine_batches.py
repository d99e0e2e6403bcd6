"""The engine's order functions that take structures: create, cancel and update, one or many (docs/protocol.md, "Cancel and
update", "Native token")."""
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import ORDER_CANCEL_SKIPPED, ORDER_CANCELED
from hummingbot.connector.exchange.standard.sandbox.engine_state import ERROR
from hummingbot.connector.exchange.standard.sandbox.engine_trading import EngineTrading
from hummingbot.connector.exchange.standard.sandbox.execution import (
    PANIC_OVERFLOW,
    Execution,
    Revert,
    panic,
    refuse,
    refuse_text,
)
from hummingbot.connector.exchange.standard.sandbox.matching import Result

NOTHING = Result(0, 0, 0)
BATCH_ITEM_GAS, BATCH_RESULT_GAS = 800, 640
UPDATE_GAS = 3_500


class CreateInput(NamedTuple):
    """CreateOrderInput; `order_id` names the order to replace and is ignored elsewhere."""

    base: str
    quote: str
    is_bid: bool
    is_limit: bool
    order_id: int
    price: int
    amount: int
    limit: int
    recipient: str


class EngineBatches(EngineTrading):
    """createOrder(s), cancelOrder(s), updateOrder(s)."""

    def create_order(self, execution: Execution, order: tuple[Any, ...]) -> tuple[Result]:
        """createOrder; value that is left over goes back to the sender."""
        with self.locked(execution):
            result, left = self._create(execution, CreateInput(*order), execution.value)
            self._give_back(execution, left)
        return (result,)

    def create_orders(self, execution: Execution, orders: list[tuple[Any, ...]]) -> tuple[list[Result]]:
        """createOrders: all or nothing."""
        results, left = [], execution.value
        for order in orders:
            result, left = self._create(execution, CreateInput(*order), left)
            results.append(result)
        self._give_back(execution, left)
        return (results,)

    def update_order(self, execution: Execution, order: tuple[Any, ...]) -> tuple[Result]:
        """updateOrder."""
        with self.locked(execution):
            return (self._update(execution, CreateInput(*order), False),)

    def update_orders(self, execution: Execution, orders: list[tuple[Any, ...]]) -> tuple[list[Result]]:
        """updateOrders: every item with an amount starts from the whole value and gives back what it leaves."""
        return ([self._update(execution, CreateInput(*order), True) for order in orders],)

    def cancel_order(self, execution: Execution, base: str, quote: str, is_bid: bool, number: int) -> tuple[int]:
        """cancelOrder: the refund, or 0 when nothing was cancelled (the later generation reverts then)."""
        with self.locked(execution):
            return (self._cancel(execution, base, quote, is_bid, number, False) or 0,)

    def cancel_orders(self, execution: Execution, orders: list[tuple[str, str, bool, int]]) -> tuple[list[int]]:
        """cancelOrders: the refunds, 0 for what could not be cancelled."""
        refunds = [self._cancel(execution, *order, True) or 0 for order in orders]
        execution.meter.spend(BATCH_RESULT_GAS)
        return (refunds,)

    def _create(self, execution: Execution, order: CreateInput, left: int) -> tuple[Result, int]:
        """One order, always with its remainder resting: the result and what is left of the value. A deposit in the
        wrapped native token is wrapped out of the value before anything is checked."""
        if (order.quote if order.is_bid else order.base) == self.wrapped.address:
            self.wrap(execution, order.amount)
            if order.amount > left:
                raise panic(PANIC_OVERFLOW)
            left -= order.amount
        slippage = None if order.is_limit else self.default_spreads[True].of(order.is_bid)
        return self.submit(execution, order.base, order.quote, order.is_bid, order.price, order.amount, True, order.limit,
                           order.recipient, slippage), left

    def _give_back(self, execution: Execution, amount: int) -> None:
        """Return left-over value to the sender; raises Revert "ETF"."""
        if amount:
            try:
                execution.world.pay(execution, self.address, execution.sender, amount)
            except Revert:
                raise refuse_text("ETF") from None

    def _update(self, execution: Execution, order: CreateInput, in_batch: bool) -> Result:
        """Cancel, then create anew; the first generation creates even when there was nothing to cancel."""
        execution.meter.spend(UPDATE_GAS)
        canceled = self._cancel(execution, order.base, order.quote, order.is_bid, order.order_id, in_batch)
        if not order.amount or (canceled is None and self.later):
            return NOTHING
        result, left = self._create(execution, order, execution.value)
        self._give_back(execution, left)
        return result

    def _cancel(self, execution: Execution, base: str, quote: str, is_bid: bool, number: int, in_batch: bool) -> int | None:
        """Cancel one order of the sender: the refund, or None when that failed. Running out of gas inside is a failure
        like any other, as the call is a guarded one."""
        book = self.listed_book(execution, base, quote)
        sender = execution.sender
        if in_batch:
            execution.meter.spend(BATCH_ITEM_GAS)
        refund, reason = execution.guarded(lambda: book.cancel(execution, is_bid, number, sender))
        if refund is not None:
            execution.emit(self.address, ORDER_CANCELED, book.address, number, is_bid, sender, refund)
        elif self.later and in_batch:
            execution.emit(self.address, ORDER_CANCEL_SKIPPED, book.address, number, is_bid, sender, reason)
        elif self.later:
            raise refuse(ERROR["OrderCancelFailed"], book.address, number, is_bid, sender, reason)
        return refund
