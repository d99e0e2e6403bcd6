"""What Hummingbot was told of one wallet's orders, event by event, compared with what the chain says in the end."""
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.event.events import (
    BuyOrderCompletedEvent,
    BuyOrderCreatedEvent,
    MarketOrderFailureEvent,
    OrderCancelledEvent,
    OrderFilledEvent,
    SellOrderCompletedEvent,
    SellOrderCreatedEvent,
)
from simulation.chain_truth import Truth
from simulation.replaced import UNHEARD_SECONDS, Replaced

_ENDS: dict[type, OrderState] = {
    BuyOrderCompletedEvent: OrderState.FILLED, SellOrderCompletedEvent: OrderState.FILLED,
    OrderCancelledEvent: OrderState.CANCELED, MarketOrderFailureEvent: OrderState.FAILED}


class Told:
    """Counts the events of all lives. Each order is created once, each of its trades is told once, and it ends once."""

    def __init__(self, market: Callable[[str], Market], replaced: Replaced, now: Callable[[], float]) -> None:
        self._market = market
        self._replaced = replaced
        self._now = now
        self._ids: defaultdict[str, set[str]] = defaultdict(set)  # the exchange order ids that events named
        self._created: Counter[str] = Counter()
        self._ends: defaultdict[str, list[tuple[OrderState, float]]] = defaultdict(list)
        self._fills: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(list)

    def hear(self, event: Any) -> None:
        """An event of an order."""
        if getattr(event, "exchange_order_id", None):
            self._ids[event.order_id].add(event.exchange_order_id)
        if isinstance(event, (BuyOrderCreatedEvent, SellOrderCreatedEvent)):
            self._created[event.order_id] += 1
        elif isinstance(event, OrderFilledEvent):
            self._fills[event.order_id, event.exchange_trade_id].append(event.price * event.amount)
        elif type(event) in _ENDS:
            self._ends[event.order_id].append((_ENDS[type(event)], self._now()))

    def problems(self, orders: Mapping[str, InFlightOrder], truth: Truth) -> Iterator[str]:
        """Where the events differ from the truth. Of an order of which a block was replaced, something may have been told that
        is void now, and nobody takes an event back: there everything true was told at least once."""
        for name, order in orders.items():
            ids = {order.exchange_order_id, *self._ids.get(name, ())}
            least_only = max(self._replaced.when(name, exchange_order_id) for exchange_order_id in ids) >= 0
            if order.is_pending_create:
                continue
            if order.current_state is not OrderState.FAILED:
                yield from _count_problem(f"{name} was created", self._created[name], least_only)
            yield from self._end_problems(name, order, least_only)
            yield from self._fill_problems(name, order, truth, least_only)

    def _end_problems(self, name: str, order: InFlightOrder, least_only: bool) -> Iterator[str]:
        ends = [state for state, _ in self._ends.get(name, ())]
        if order.is_done:
            yield from _count_problem(f"{name} ended {order.current_state.name}", ends.count(order.current_state), least_only)
        for state, told_at in self._ends.get(name, ()):
            # What failed has no id by which it could be found in a block.
            is_void = least_only or (state is OrderState.FAILED and self._replaced.newest > told_at - UNHEARD_SECONDS)
            if state is not order.current_state and not is_void:
                yield f"{name} is {order.current_state.name}, and was told to have ended {state.name}"

    def _fill_problems(self, name: str, order: InFlightOrder, truth: Truth, least_only: bool) -> Iterator[str]:
        submission, market = truth.orders.get(order.exchange_order_id or ""), self._market(order.trading_pair)
        for trade in submission.trades if submission is not None else ():
            if not trade.base_units:
                continue
            events = self._fills.get((name, trade.trade_id), [])
            yield from _count_problem(f"the trade {trade.trade_id} of {name} was told", len(events), least_only)
            fill = order.order_fills.get(trade.trade_id)
            quotes = [market.quote.to_units(amount, ROUND_HALF_EVEN) for amount in events] if not least_only else []
            if fill is not None:
                quotes.append(market.quote.to_units(fill.fill_quote_amount, ROUND_HALF_EVEN))
            # What rounding leaves of a bid's deposit goes with its last trade.
            rounding = _most_dust(market, trade.price)
            if any(not 0 <= quote - trade.quote_units <= rounding for quote in quotes):
                yield f"the trade {trade.trade_id} of {name} is told with {quotes} units of quote, not {trade.quote_units}"


def _most_dust(market: Market, price: int) -> int:
    """The most quote that a bid's last trade may bring beside what the engine names (docs/protocol.md, "Units and prices"): the
    price of the smallest piece of base, rounded up, and where quote has more decimals what is less than `k`. The connector has
    this bound too, which it may not move here."""
    k: int = 10 ** max(0, market.quote.decimals - market.base.decimals)
    return (k * price + 10 ** 8 - 1) // 10 ** 8 + k - 1


def _count_problem(what: str, times: int, least_only: bool) -> Iterator[str]:
    if times == 0 or (times > 1 and not least_only):
        yield f"{what} {times} times"
