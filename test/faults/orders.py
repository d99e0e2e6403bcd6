"""Waiting for what becomes of orders."""
from collections import Counter

from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import order, until

# A test that waits so long in vain fails; a busy machine may need most of it.
PATIENCE = 20.0
ENDS = (OrderState.FILLED, OrderState.CANCELED, OrderState.FAILED)


async def rests(exchange: StandardExchange, name: str) -> OrderKey:
    """Wait until an order rests, and tell where."""
    await until(lambda: exchange._order_tracker.fetch_order(name))
    await until(lambda: OrderKey.parse(order(exchange, name).exchange_order_id), PATIENCE)
    key = OrderKey.parse(order(exchange, name).exchange_order_id)
    assert key is not None
    return key


async def end_of(exchange: StandardExchange, name: str) -> OrderState:
    """Wait until an order is over, and tell how."""
    await until(lambda: exchange._order_tracker.fetch_order(name))
    await until(lambda: order(exchange, name).current_state in ENDS, PATIENCE)
    return order(exchange, name).current_state


def transactions(sandbox: Sandbox, account: int = 0) -> Counter[bytes]:
    """How many transactions of an account are in blocks, by the selector of what they call."""
    address = sandbox.accounts[account].address
    blocks = [sandbox.node.block(number) for number in range(sandbox.node.head.number + 1)]
    return Counter(receipt.transaction.data[:4] for block in blocks if block is not None for receipt in block.receipts
                   if receipt.transaction.sender == address)
