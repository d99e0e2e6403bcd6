"""A strategy that quotes a hundred orders in one tick, and cancels in both generations of the contracts."""
import asyncio
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.chain.intents import FILLER
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    connected,
    order,
    quiet_sandbox,
    until,
)


async def test_a_hundred_orders_of_one_tick_are_on_the_wire_before_the_first_receipt_is_needed() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        sandbox.node.pause()
        names = [exchange.sell(NATIVE_PAIR, Decimal(1), OrderType.LIMIT, Decimal(1100 + number)) for number in range(100)]
        sender = exchange._account._sender
        await until(lambda: sum(len(tracked.intent.client_order_ids) for tracked in sender.pending) == 100)
        await until(lambda: len(sandbox.node.pool) == len([item for item in sender.pending if item.intent.kind != FILLER]))
        assert all(tracked.receipt is None for tracked in sender.pending)
        sandbox.node.resume()
        await until(lambda: all(order(exchange, name).current_state is OrderState.OPEN for name in names), 30)


@pytest.mark.parametrize("generation", Generation)
async def test_of_orders_that_are_cancelled_together_the_filled_one_is_gone_and_the_others_are_cancelled(
        generation: Generation) -> None:
    """The earlier generation says nothing of the filled one, the later one that it was skipped; alone it reverts there."""
    async with quiet_sandbox(generation=generation) as sandbox, connected(sandbox) as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        names = [exchange.sell(TOKEN_PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal(60000 + number)) for number in range(3)]
        await until(lambda: all(name in exchange.in_flight_orders
                                and order(exchange, name).current_state is OrderState.OPEN for name in names))
        keys = [OrderKey.parse(order(exchange, name).exchange_order_id) for name in names]
        await trader.buy(market, 60000 * 10 ** 8, 6_000_000_000)
        results = await asyncio.gather(*(exchange._account.cancel(key) for key in keys))
        assert [result.cancelled for result in results] == [False, True, True]
        assert not (await exchange._account.cancel(keys[0])).cancelled
        await until(lambda: not exchange.in_flight_orders)
        assert [order(exchange, name).current_state.name for name in names] == ["FILLED", "CANCELED", "CANCELED"]
