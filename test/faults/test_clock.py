"""Clocks that jump and machines that sleep (docs/faults.md, F42 and F43)."""
import asyncio
import time
from decimal import Decimal
from unittest.mock import patch

import pytest

from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.sandbox.node import NodeSettings
from hummingbot.connector.exchange.standard.throttling import SteadyThrottler
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.faults.orders import end_of, rests
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.trading import (
    TOKEN_PAIR,
    Trader,
    connected,
    deposit,
    order,
    quiet_sandbox,
    until,
)

AMOUNT = Decimal("0.01")
WALL = time.time


async def test_f42_the_throttler_does_not_care_for_the_wall_clock() -> None:
    clock = ManualClock()
    throttler = SteadyThrottler(clock, [RateLimit("few", limit=2, time_interval=1)])
    throttler._retry_interval = 0.001

    async def passes(seconds: float = 0.05) -> bool:
        try:
            async with asyncio.timeout(seconds), throttler.execute_task("few"):
                return True
        except TimeoutError:
            return False

    assert [await passes() for _ in range(3)] == [True, True, False]
    clock.now += 1.1
    for hours in (-1, 1):
        with patch("time.time", return_value=1_700_000_000 + 3600 * hours):
            assert [await passes() for _ in range(3)] == [True, True, False]
            clock.now += 1.1


@pytest.mark.parametrize("feed", ["polling", "chain"])
async def test_f42_the_wall_clock_jumps_by_an_hour(feed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed=feed) as exchange:
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        for hours in (1, -1, -2):
            name = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_000))
            key = await rests(exchange, name)
            monkeypatch.setattr(time, "time", lambda hours=hours: WALL() + 3600 * hours)
            answers = exchange._venue.rest.answers, exchange._venue.rpc.answers
            await trader.buy(market, 60_000 * 10 ** 8, 300 * 10 ** 6)
            await until(lambda name=name: len(order(exchange, name).order_fills) == 1)  # type: ignore[misc]
            assert deposit(sandbox, key) == 500_000
            await until(lambda answers=answers: exchange._venue.rpc.answers > answers[1] + 3)  # type: ignore[misc]
            if feed == "polling":
                await until(lambda answers=answers: exchange._venue.rest.answers > answers[0] + 1)  # type: ignore[misc]
            assert all(result.success for result in await exchange.cancel_all(10))
            assert await end_of(exchange, name) is OrderState.CANCELED
            assert exchange.ready
            await exchange._update_all_balances()
            assert exchange.get_available_balance("WBTC") == exchange.get_balance("WBTC"), "no fill counts twice"


class SleepyClock(SystemClock):
    """Ten times faster, and stands still while the machine sleeps."""

    def __init__(self) -> None:
        self.awake = asyncio.Event()
        self.awake.set()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)
        await self.awake.wait()


async def test_f43_the_machine_sleeps_for_half_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SleepyClock()
    async with quiet_sandbox(node=NodeSettings(history_blocks=30_000)) as sandbox, \
            connected(sandbox, clock=clock, standard_feed="chain") as exchange:
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await until(lambda: exchange.feed_states["own orders"].source == "chain")
        names = [exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_000 + at)) for at in range(3)]
        for name in names:
            await rests(exchange, name)
        clock.awake.clear()
        await sandbox.refuse_connections()
        monkeypatch.setattr(time, "time", lambda: WALL() + 1800)
        await trader.buy(market, 60_000 * 10 ** 8, 600 * 10 ** 6)
        sandbox.node.mine(9_000)
        await trader.buy(market, 60_001 * 10 ** 8, 300 * 10 ** 6)
        sandbox.node.mine(9_000)
        await sandbox.accept_connections()
        assert order(exchange, names[0]).current_state is OrderState.OPEN, "it sleeps"
        clock.awake.set()
        assert await end_of(exchange, names[0]) is OrderState.FILLED
        await until(lambda: order(exchange, names[1]).order_fills)
        await until(lambda: exchange._events.settled_block >= sandbox.node.head.number - 5)
        await exchange._update_order_status()
        states = [order(exchange, name).current_state for name in names]
        assert states == [OrderState.FILLED, OrderState.PARTIALLY_FILLED, OrderState.OPEN]
        assert not exchange._order_tracker.lost_orders and not exchange._order_tracker._order_not_found_records
        assert len(exchange._account.settlement.resting) == 2
        await until(lambda: exchange.feed_states["own orders"].source == "chain")
        assert all(result.success for result in await exchange.cancel_all(10))
