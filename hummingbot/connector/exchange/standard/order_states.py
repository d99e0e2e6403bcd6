"""The state of Hummingbot's orders by the chain: one request for all of them."""
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from hummingbot.connector.exchange.standard.account_events import AccountEvents
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, OrderNotFoundError, RpcError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate


class OrderStates:
    """Reads what the engine holds of orders."""

    def __init__(self, venue: Venue, account: str, clock: Clock, events: AccountEvents,
                 compare: Callable[[Mapping[OrderKey, int], int], Awaitable[None]]) -> None:
        """`account` is the address that placed the orders, and `events` are its own; `compare` is told of the deposits that the
        engine holds, and of a block that is not older."""
        self._venue = venue
        self._account = account
        self._clock = clock
        self._events = events
        self._compare = compare
        self._missing: dict[OrderKey, int] = {}  # since which block

    async def read(self, orders: Sequence[InFlightOrder]) -> list[OrderUpdate | OrderNotFoundError]:
        """The state of each order; one whose transaction is not mined yet stays as it is.

        Raises ApiUnavailableError or RpcError, which say nothing about any order.
        """
        keys = {order.client_order_id: key for order in orders if (key := OrderKey.parse(order.exchange_order_id)) is not None
                and not self._events.is_placing(order.client_order_id)}  # its id is that of a block that was replaced
        orders_now, head = await self._venue.orders_and_head(list(keys.values())) if keys else ([], 0)
        # Somebody else's order has an own one's id where the wallet is another one now, or the chain was begun anew.
        deposits = {key: order.deposit if order.owner == self._account else 0 for key, order in zip(keys.values(), orders_now)}
        await self._compare(deposits, head)
        self._forget_ended()
        gone = [key for key, deposit in deposits.items() if deposit == 0]
        told = not gone or await self._events.caught_up(head)
        ended = {key for key in gone if told and await self._is_over(key, head)}
        for key in deposits.keys() - set(gone):
            self._missing.pop(key, None)
            self._vanished().discard(key)
        return [self._state(order, keys.get(order.client_order_id), deposits, ended) for order in orders]

    def _forget_ended(self) -> None:
        """Not by what is asked for: orders that are lost are asked for apart from the others."""
        account = self._events.account
        resting = account.settlement.resting if account is not None else {}
        self._missing = {key: block for key, block in self._missing.items() if key in resting}
        self._vanished().intersection_update(resting)

    def _vanished(self) -> set[OrderKey]:
        return self._events.account.vanished if self._events.account is not None else set()

    async def _is_over(self, key: OrderKey, head: int) -> bool:
        """Whether all is known of how a missing order left. Where blocks were replaced, the new ones may not have been read
        yet, and logs may come late; but what is final was read. That it is missing must be said of a block by its number then: a
        node that stands still behind one that tells the head gives an old answer for the latest."""
        if await self._events.left(key, head):
            self._missing.pop(key, None)
            return True
        if head - self._missing.setdefault(key, head) < self._venue.network.late_blocks:
            return False
        try:
            (order,) = await self._venue.orders([key], head)
        except (ApiUnavailableError, RpcError):
            return False  # another node answers at the next look
        if order.owner == self._account and order.deposit:
            return False
        self._vanished().add(key)
        return True

    def _state(self, order: InFlightOrder, key: OrderKey | None, deposits: Mapping[OrderKey, int],
               ended: Collection[OrderKey]) -> OrderUpdate | OrderNotFoundError:
        """`ended` are the missing orders of which all logs are known; another one stays as it is."""
        state = order.current_state
        if key is not None and order.exchange_order_id != key.exchange_order_id:
            key = None  # the block that held it was replaced meanwhile: what was read is of nobody now
        # A lost order counts as done in Hummingbot and may well rest: any open state keeps it among the lost ones.
        if key is not None and (order.is_failure or not order.is_done):
            if deposits[key] > 0 or (order.is_failure and key not in ended):
                state = OrderState.PARTIALLY_FILLED if order.executed_amount_base > 0 else OrderState.OPEN
            elif key in ended:
                return not_found(order)
        return OrderUpdate(trading_pair=order.trading_pair, update_timestamp=self._clock.time(), new_state=state,
                           client_order_id=order.client_order_id, exchange_order_id=order.exchange_order_id)


def is_news(order: InFlightOrder, update: OrderUpdate | OrderNotFoundError) -> bool:
    """Whether the update tells of another state. What ended meanwhile stays ended; a lost order hears everything."""
    return isinstance(update, OrderUpdate) and (
        order.is_failure or not (order.is_done or update.new_state is order.current_state))


def not_found(order: InFlightOrder) -> OrderNotFoundError:
    """The error for an order that is gone from the exchange."""
    return OrderNotFoundError(f"The order {order.client_order_id} ({order.exchange_order_id}) is not on the exchange any more")
