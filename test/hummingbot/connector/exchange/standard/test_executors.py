"""Hummingbot's own executors on a sandbox in process."""
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.event.events import MarketEvent
from hummingbot.strategy_v2.executors.position_executor.data_types import PositionExecutorConfig, TripleBarrierConfig
from hummingbot.strategy_v2.executors.position_executor.position_executor import PositionExecutor
from hummingbot.strategy_v2.models.executors import CloseType
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, connected, listen, quiet_sandbox, until

NAME = "standard_sandbox"


class Strategy:
    """What executors ask of a strategy."""

    def __init__(self, exchange: StandardExchange) -> None:
        self.connectors = {NAME: exchange}

    @property
    def current_timestamp(self) -> float:
        return self.connectors[NAME].current_timestamp

    def buy(self, name: str, pair: str, amount: Decimal, kind: OrderType, price: Decimal, position: PositionAction) -> str:
        return str(self.connectors[name].buy(pair, amount, kind, price))

    def sell(self, name: str, pair: str, amount: Decimal, kind: OrderType, price: Decimal, position: PositionAction) -> str:
        return str(self.connectors[name].sell(pair, amount, kind, price))

    def cancel(self, name: str, pair: str, order_id: str) -> None:
        self.connectors[name].cancel(pair, order_id)


@asynccontextmanager
async def running(executor: PositionExecutor, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(executor, "_sleep", lambda delay: asyncio.sleep(delay / 50))
    executor.start()
    try:
        yield
    finally:
        executor.stop()


async def test_a_position_executor_takes_no_more_than_is_offered_and_closes_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of its market orders are filled in part. One told as cancelled would be repeated at whatever is offered next."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        for price, units in ((60_600, 2_000_000), (61_800, 10_000_000)):
            await trader.sell(market, price * 10 ** 8, units)
        for price, units in ((59_400, 1_000_000), (58_700, 10_000_000)):
            await trader.buy(market, price * 10 ** 8, market.deposit_for(price * 10 ** 8, units))
        await until(lambda: all(len(side) == 2 for side in exchange.get_order_book(TOKEN_PAIR).snapshot))
        bought, sold = listen(exchange, MarketEvent.BuyOrderCompleted), listen(exchange, MarketEvent.SellOrderCompleted)
        cancelled = listen(exchange, MarketEvent.OrderCancelled, MarketEvent.OrderFailure)
        barriers: dict[str, Any] = {"open_order_type": OrderType.MARKET, "stop_loss": None, "take_profit": None}
        executor = PositionExecutor(Strategy(exchange), PositionExecutorConfig(  # type: ignore[arg-type]
            timestamp=exchange.current_timestamp, connector_name=NAME, trading_pair=TOKEN_PAIR, side=TradeType.BUY,
            amount=Decimal("0.05"), triple_barrier_config=TripleBarrierConfig(**barriers)), update_interval=0.02)
        async with running(executor, monkeypatch):
            await until(lambda: bought.event_log)
            await asyncio.sleep(0.5)  # many of its ticks
            (opened,) = bought.event_log
            assert opened.base_asset_amount == Decimal("0.02") and executor.is_trading
            executor.early_stop()
            await until(lambda: executor.is_closed)
        (closed,) = sold.event_log
        assert closed.base_asset_amount == Decimal("0.01") and executor.close_type is CloseType.EARLY_STOP
        assert not cancelled.event_log
        assert sandbox.node.nonce(sandbox.accounts[0].address) == 4, "two approvals and two orders"
