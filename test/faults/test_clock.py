"""Clocks that jump and machines that sleep (docs/faults.md, F42 and F43)."""
import asyncio
import time
from decimal import Decimal
from unittest.mock import patch

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard import clock as clocks
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds import polling
from hummingbot.connector.exchange.standard.sandbox.node import NodeSettings
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
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


async def more_than_a_second_allows(exchange: StandardExchange) -> None:
    """Ask the API until its limit holds the requests up."""
    for _ in range(next(limit.limit for limit in CONSTANTS.RATE_LIMITS if limit.limit_id == CONSTANTS.API_LIMIT_ID) + 2):
        await exchange._venue.rest.factory_address()


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
            await asyncio.wait_for(more_than_a_second_allows(exchange), 30)
            assert all(result.success for result in await exchange.cancel_all(10))
            assert await end_of(exchange, name) is OrderState.CANCELED
            assert exchange.ready
            await exchange._update_all_balances()
            assert exchange.get_available_balance("WBTC") == exchange.get_balance("WBTC"), "no fill counts twice"


class SleepyClock(SystemClock):
    """Ten times faster, and stands still while the machine sleeps; `slept` are the seconds that it slept."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.awake = asyncio.Event()
        self.awake.set()

    def monotonic(self) -> float:
        return super().monotonic() + self.slept

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
        clock.slept += 1800
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


@pytest.mark.parametrize("feed", ["polling", "chain"])
async def test_f43_no_order_leaves_before_the_book_is_read_again(feed: str, caplog: pytest.LogCaptureFixture,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "BEARABLE_SECONDS", 0.0)
    clock = SleepyClock()
    async with quiet_sandbox() as sandbox, connected(sandbox, clock=clock, standard_feed=feed) as exchange:
        await Trader(sandbox).approve(exchange._venue.market(TOKEN_PAIR))
        await until(lambda: exchange.feed_states["order books"].source == feed)
        await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_000)))
        sandbox.faults.add("status", target="rest", status=500, path="/api/orderbook/*")
        before = sandbox.node.nonce(sandbox.accounts[0].address)
        clock.slept += 3600
        name = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_001))
        assert await end_of(exchange, name) is OrderState.FAILED
        await until(lambda: "this machine slept or was held up" in caplog.text)
        if feed == "polling":  # the chain tells the book soon, the API does not
            await until(lambda: "HTTP 500" in caplog.text)
            name = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_002))
            assert await end_of(exchange, name) is OrderState.FAILED
        assert sandbox.node.nonce(sandbox.accounts[0].address) == before
        sandbox.faults.clear()
        await until(lambda: exchange.book_ages[TOKEN_PAIR] < 30)
        await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_003)))


async def test_f43_an_order_that_waits_while_the_machine_sleeps_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    clock = SleepyClock()
    async with quiet_sandbox() as sandbox, connected(sandbox, clock=clock, standard_feed="polling") as exchange:
        account = await exchange._trading_account()

        async def approved(*arguments: object) -> None:
            clock.slept += 3600

        with patch.object(account._allowances, "ensure", approved):
            name = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_000))
            assert await end_of(exchange, name) is OrderState.FAILED
        assert "its price is more than 60 seconds old" in caplog.text
        assert sandbox.node.nonce(sandbox.accounts[0].address) == 0


@pytest.mark.parametrize("known", [True, False])
def test_f43_seconds_of_sleep_count_where_a_clock_tells_them(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "_UNSLEEPING", 7 if known else None)
    monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: 3600.0 + clock)
    assert SystemClock().monotonic() == (3607.0 if known else 1.0)


def test_f43_the_clock_of_this_machine_counts_them() -> None:
    assert getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC_RAW", None)) == clocks._UNSLEEPING
