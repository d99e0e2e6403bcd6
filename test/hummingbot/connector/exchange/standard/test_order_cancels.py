"""What a cancel says of its order, by what the chain and the logs tell."""
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.cancels import CancelResult
from hummingbot.connector.exchange.standard.errors import OrderNotFoundError
from hummingbot.connector.exchange.standard.order_cancels import OrderCancels
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState

KEY = OrderKey("0x" + "b0" * 20, True, 7)


def resting_order() -> InFlightOrder:
    return InFlightOrder("id-1", "WBTC-USDC", OrderType.LIMIT, TradeType.BUY, Decimal(1), 1.0, Decimal(60_000),
                         KEY.exchange_order_id, OrderState.OPEN)


def cancels(cancelled: bool, told: bool) -> OrderCancels:
    async def cancel(key: OrderKey) -> CancelResult:
        return CancelResult(cancelled, 5)

    async def give() -> Any:
        return SimpleNamespace(cancel=cancel, settlement=SimpleNamespace(resting={}))

    async def caught_up(block_number: int) -> bool:
        return told

    async def swept(key: OrderKey, block_number: int) -> None:
        return None

    return OrderCancels(give, caught_up, swept)


async def test_an_order_that_the_chain_dropped_and_no_log_ended_is_not_found() -> None:
    with pytest.raises(OrderNotFoundError):
        await cancels(cancelled=False, told=True).cancel(resting_order())


async def test_an_order_that_is_gone_is_not_missing_before_the_logs_were_read() -> None:
    assert await cancels(cancelled=False, told=False).cancel(resting_order()) is False


@pytest.mark.parametrize("told", [True, False])
async def test_a_cancel_counts_once_what_came_before_it_is_told(told: bool) -> None:
    assert await cancels(cancelled=True, told=told).cancel(resting_order()) is told
