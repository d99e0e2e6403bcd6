"""Waiting for what becomes of orders."""
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import order, until


async def rests(exchange: StandardExchange, name: str) -> OrderKey:
    """Wait until an order rests, and tell where."""
    await until(lambda: exchange._order_tracker.fetch_order(name))
    await until(lambda: OrderKey.parse(order(exchange, name).exchange_order_id))
    key = OrderKey.parse(order(exchange, name).exchange_order_id)
    assert key is not None
    return key


async def end_of(exchange: StandardExchange, name: str) -> OrderState:
    """Wait until an order is over, and tell how."""
    await until(lambda: exchange._order_tracker.fetch_order(name))
    await until(lambda: order(exchange, name).is_done)
    return order(exchange, name).current_state
