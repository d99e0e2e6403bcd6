"""An indexer that knows less than the chain, or other things (docs/faults.md, F30 to F32)."""
import asyncio
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS
from hummingbot.connector.exchange.standard.standard_constants import SPOT_STREAMS
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.faults.orders import end_of, rests
from test.hummingbot.connector.exchange.standard.model import SPEED, FastClock
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, connected, order, quiet_sandbox, until

PRICE = 60_000 * 10 ** 8
AMOUNT = Decimal("0.01")


async def test_f30_the_indexer_is_minutes_behind(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, clock=FastClock(), standard_feed="polling") as exchange:
        for limit in exchange._throttler._rate_limits:
            limit.limit *= 10 * SPEED
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        name = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_000))
        await rests(exchange, name)
        resting = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(61_000))
        await rests(exchange, resting)
        await asyncio.sleep(5 / SPEED)
        assert exchange.ready and exchange.book_ages[TOKEN_PAIR] < STALE_SECONDS
        sandbox.indexer.settings.paused = True
        await trader.buy(market, PRICE, 600 * 10 ** 6)
        assert await end_of(exchange, name) is OrderState.FILLED, "the own order is the chain's business"
        await until(lambda: exchange.book_ages[TOKEN_PAIR] > STALE_SECONDS)
        await until(lambda: "old: no order is placed by it until it is newer" in caplog.text)
        assert caplog.text.count("old: no order is placed by it until it is newer") == 1
        late = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(62_000))
        assert await end_of(exchange, late) is OrderState.FAILED and "s old: no order is placed by it." in caplog.text
        assert exchange.ready, "else no strategy would cancel, nor refresh what it has on other pairs"
        assert [result.success for result in await exchange.cancel_all(10)] == [True]
        assert order(exchange, resting).is_cancelled
        sandbox.indexer.settings.paused = False
        await until(lambda: exchange.book_ages[TOKEN_PAIR] < STALE_SECONDS)


async def test_f30_the_stream_of_an_indexer_that_is_minutes_behind() -> None:
    async with quiet_sandbox() as sandbox, connected(
            sandbox, clock=FastClock(), standard_feed="stream",
            standard_stream_url=f"{SPOT_STREAMS}+{sandbox.spot_streams_url}") as exchange:
        for limit in exchange._throttler._rate_limits:
            limit.limit *= 10 * SPEED
        await until(lambda: exchange.feed_states["order books"].source == "stream")
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.sell(market, PRICE, 10 ** 6)
        await asyncio.sleep(5 / SPEED)
        assert exchange.book_ages[TOKEN_PAIR] == 0
        sandbox.indexer.settings.paused = True
        await trader.buy(market, PRICE, 300 * 10 ** 6)
        await until(lambda: exchange.book_ages[TOKEN_PAIR] > STALE_SECONDS)
        late = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(62_000))
        assert await end_of(exchange, late) is OrderState.FAILED
        sandbox.indexer.settings.paused = False
        await until(lambda: exchange.book_ages[TOKEN_PAIR] == 0)


async def test_f30_a_quiet_market_is_no_late_one() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, clock=FastClock(), standard_feed="polling") as exchange:
        for limit in exchange._throttler._rate_limits:
            limit.limit *= 10 * SPEED
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.sell(market, PRICE, 10 ** 6)
        await trader.buy(market, PRICE, 300 * 10 ** 6)
        await asyncio.sleep(2 * STALE_SECONDS / SPEED)
        assert exchange.ready and max(exchange.book_ages.values()) < STALE_SECONDS


async def test_f31_one_endpoint_of_the_indexer_does_not_show_an_order() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(61_000))
        await rests(exchange, name)
        await exchange._update_all_balances()
        held = sandbox.view.balance(exchange._venue.market(TOKEN_PAIR).base.address, sandbox.accounts[0].address)
        total = exchange._venue.market(TOKEN_PAIR).base.from_units(held) + AMOUNT
        for rule in ({"path": "/api/orders/*"}, {"path": "/api/orderhistory/*"}, {"path": "/api/trade*"}):
            sandbox.faults.add("empty_lists", target="rest", **rule)
        exchange._balances._foreign_orders._next_refresh = 0.0
        for _ in range(4):
            await exchange._update_order_status()
            await exchange._update_all_balances()
        assert order(exchange, name).current_state is OrderState.OPEN
        assert not exchange._order_tracker._order_not_found_records and exchange.get_balance("WBTC") == total


async def test_f32_the_indexer_shows_an_order_that_the_chain_does_not_have(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False, trading_required=False) as reader:
        await reader._venue.listing()
        market, owner, taker = reader._venue.market(TOKEN_PAIR), Trader(sandbox, 0), Trader(sandbox, 1)
        for trader in (owner, taker):
            await trader.approve(market)
        await owner.sell(market, PRICE, 10 ** 6)
        async with asyncio.timeout(10):
            while not await reader._venue.rest.open_orders(owner.wallet.address):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        sandbox.indexer.settings.paused = True
        await taker.buy(market, PRICE, 600 * 10 ** 6)
        rows = await reader._venue.rest.open_orders(owner.wallet.address)
        assert len(rows) == 1, "the indexer still shows it"
        await reader._update_balances()
        reader._balances._foreign_orders._next_refresh = 0.0
        await reader._balances.read(None, True)  # as a bot does that knows all of its own orders
        held = sandbox.view.balance(market.base.address, owner.wallet.address)
        assert reader.get_balance("WBTC") == market.base.from_units(held), "and its deposit is not counted"
        assert "did not place" not in caplog.text
