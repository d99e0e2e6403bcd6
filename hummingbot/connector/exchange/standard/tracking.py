"""What happened to orders, told to Hummingbot's order tracker."""
import logging
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, Filled, Opened, OrderKey, Retracted, Settled
from hummingbot.connector.exchange.standard.standard_utils import DEFAULT_FEES
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.trade_fee import TokenAmount, TradeFeeBase


class TrackerUpdates:
    """Turns settled events into the tracker's updates, in the order in which Hummingbot's events make sense."""

    def __init__(self, tracker: ClientOrderTracker, market: Callable[[str], Market], clock: Clock,
                 take_off: Callable[[OrderKey], None]) -> None:
        """`take_off` is told of an order that is filled as far as Hummingbot is concerned and may still rest."""
        self._tracker = tracker
        self._market = market
        self._clock = clock
        self._take_off = take_off

    async def tell(self, settled: Iterable[Settled]) -> None:
        """Tell the tracker what happened, in this order; events of orders that it does not know are left out."""
        events = list(settled)
        touched: dict[str, InFlightOrder] = {}
        for event in events:
            order = self._tracker.all_fillable_orders.get(event.client_order_id)
            if order is None:
                continue
            if order.is_pending_create:
                await self._create(order, event, events)
            if isinstance(event, Filled):
                self._tracker.process_trade_update(self._trade_update(order, event))
                if order.is_open and not order.is_done:
                    await self._update(order, event.exchange_order_id, OrderState.PARTIALLY_FILLED)
            elif isinstance(event, Closed):
                await self._close(order, event)
            elif isinstance(event, Retracted):
                self._retract(order, event)
            touched[order.client_order_id] = order
        for order in touched.values():
            if order.is_done and order.is_open:
                await self._finish(order)

    async def _create(self, order: InFlightOrder, event: Settled, events: list[Settled]) -> None:
        """The creation comes first, with the price at which the order really rests."""
        for other in events:
            if isinstance(other, Opened) and other.client_order_id == order.client_order_id:
                order.price = price_from_chain(other.price)
        await self._update(order, event.exchange_order_id, OrderState.OPEN)

    async def _close(self, order: InFlightOrder, event: Closed) -> None:
        if event.ending is Ending.FILLED:
            # Rounding may leave the sum of the fills a step below the amount ordered; the engine says that it is done.
            order.completely_filled_event.set()
            await self._update(order, event.exchange_order_id, OrderState.FILLED)
        else:
            await self._update(order, event.exchange_order_id, OrderState.CANCELED)

    async def _finish(self, order: InFlightOrder) -> None:
        """The amount ordered is filled; what a better price or rounding left of the deposit is taken out of the book."""
        await self._update(order, order.exchange_order_id, OrderState.FILLED)
        key = OrderKey.parse(order.exchange_order_id)
        if key is not None:
            self._take_off(key)

    def _retract(self, order: InFlightOrder, retracted: Retracted) -> None:
        """Take a fill back from the order. What Hummingbot has told its strategies and records cannot be taken back."""
        event = retracted.event
        if not isinstance(event, Filled):
            return
        fill = order.order_fills.pop(event.trade_id, None)
        if fill is not None:
            order.executed_amount_base -= fill.fill_base_amount
            order.executed_amount_quote -= fill.fill_quote_amount
            logging.getLogger(__name__).warning(
                "The chain took back a fill of order %s (%s at %s); Hummingbot's records still show it",
                order.client_order_id, fill.fill_base_amount, fill.fill_price)

    async def _update(self, order: InFlightOrder, exchange_order_id: str | None, state: OrderState) -> None:
        if order.current_state is not state or order.exchange_order_id is None:
            await self._tracker.process_order_update(OrderUpdate(
                trading_pair=order.trading_pair, update_timestamp=self._clock.time(), new_state=state,
                client_order_id=order.client_order_id, exchange_order_id=exchange_order_id))

    def _trade_update(self, order: InFlightOrder, fill: Filled) -> TradeUpdate:
        market = self._market(order.trading_pair)
        base_amount, quote_amount = market.base.from_units(fill.base_amount), market.quote.from_units(fill.quote_amount)
        fee_token = market.base if fill.is_buy else market.quote
        fee = TradeFeeBase.new_spot_fee(
            fee_schema=DEFAULT_FEES, trade_type=order.trade_type,
            flat_fees=[TokenAmount(fee_token.symbol, fee_token.from_units(fill.fee))])
        # The level's price, unless rounding to whole units makes price x amount miss the quote that really moved.
        price = price_from_chain(fill.price)
        if market.quote.to_units(price * base_amount, ROUND_HALF_EVEN) != fill.quote_amount:
            price = quote_amount / base_amount
        return TradeUpdate(
            trade_id=fill.trade_id, client_order_id=order.client_order_id, exchange_order_id=fill.exchange_order_id,
            trading_pair=order.trading_pair, fill_timestamp=self._clock.time(), fill_price=price,
            fill_base_amount=base_amount, fill_quote_amount=quote_amount, fee=fee, is_taker=not fill.is_maker)
