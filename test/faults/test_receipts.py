"""What a receipt says, and what it does not (docs/faults.md, F11 to F14, F17 and F18)."""
import asyncio
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.events import MarketEvent
from test.faults.orders import end_of, rests, transactions
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.test_order_states import AMOUNT, KEY, World
from test.hummingbot.connector.exchange.standard.trading import (
    TOKEN_PAIR,
    Trader,
    connected,
    deposit,
    listen,
    order,
    quiet_sandbox,
    until,
)

AMOUNT_SOLD = Decimal("0.01")


def approvals(sandbox: Sandbox) -> int:
    return transactions(sandbox)[ERC20_FUNCTIONS["approve"].selector]


async def test_f11_the_engine_refuses_an_order(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(TOKEN_PAIR, Decimal(5000), OrderType.LIMIT, Decimal(61000))  # the wallet has 1000
        assert await end_of(exchange, name) is OrderState.FAILED
        assert any("TFF" in record.message and "balance or allowance is too small" in record.message
                   for record in caplog.records)
        await asyncio.sleep(0.5)
        assert transactions(sandbox)[ENGINE_FUNCTIONS["limitSell"].selector] == 1, "it is not tried again"


async def test_f11_a_refusal_by_an_error_of_the_contracts_is_told_in_its_words(world: World,
                                                                             caplog: pytest.LogCaptureFixture) -> None:
    world.node.refuse("limitBuy", "OrderSizeTooSmall", 5, 7)
    name = world.exchange.buy("AAA-BBB", AMOUNT, OrderType.LIMIT, Decimal(1))
    assert await end_of(world.exchange, name) is OrderState.FAILED
    assert "OrderSizeTooSmall(5, 7)" in caplog.text
    assert len([asked for asked in world.node.received("limitBuy") if asked.sender]) == 1


async def test_f12_an_order_runs_out_of_gas(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61000)))
        used = max(receipt.gas_used for number in range(sandbox.node.head.number + 1)
                   for receipt in sandbox.node.block(number).receipts if receipt.transaction.to == sandbox.engine_address)
        gas = exchange._account._gas
        gas.profile = gas.profile._replace(order=used * 3 // 4, per_match=0)
        name = exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61001))
        assert await end_of(exchange, name) is OrderState.FAILED and "out of gas" in caplog.text
        key = await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61002)))
        assert deposit(sandbox, key) == 10 ** 6, "the next one brings enough"


@pytest.fixture
async def world(tmp_path):  # type: ignore[no-untyped-def]
    world = World(tmp_path)
    await world.start()
    await world.exchange._update_trading_rules()
    yield world
    await world.stop()


async def test_f13_a_cancel_succeeds_and_does_nothing(world: World) -> None:
    left = [1]
    world.node.ignore("cancelOrder", lambda *_: bool(left and left.pop()))
    assert await world.exchange._execute_cancel("AAA-BBB", "1") == "1"
    first, second = [asked for asked in world.node.received("cancelOrder") if asked.sender]
    assert second.gas_limit == 2 * first.gas_limit and KEY not in world.node.orders
    await until(lambda: world.order.is_cancelled)


async def test_f13_a_cancel_never_does_anything(world: World) -> None:
    world.node.ignore("cancelOrder")
    assert await world.exchange._execute_cancel("AAA-BBB", "1") is None
    assert world.order.is_open and not world.order.is_cancelled and world.told(MarketEvent.OrderCancelled) == []
    for _ in range(3):
        assert await world.exchange._execute_cancel("AAA-BBB", "1") is None
    assert len([asked for asked in world.node.received("cancelOrder") if asked.sender]) == 3, "and is not sent for ever"


async def test_f13_a_placement_succeeds_and_leaves_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.node.ignore("limitBuy")
    world.node.allowances.update({(token, world.exchange.authenticator.wallet.address, world.node.engine): 10 ** 30
                                  for token in world.node.decimals})
    name = world.exchange.buy("AAA-BBB", AMOUNT, OrderType.LIMIT, Decimal(1))
    assert await end_of(world.exchange, name) is OrderState.FAILED
    assert "was mined and left nothing on the exchange" in caplog.text
    assert len([asked for asked in world.node.received("limitBuy") if asked.sender]) == 1


async def test_f14_two_orders_need_the_same_approval() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        names = [exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61000 + step)) for step in range(2)]
        keys = [await rests(exchange, name) for name in names]
        assert len(set(keys)) == 2 and [deposit(sandbox, key) for key in keys] == [10 ** 6] * 2
        assert approvals(sandbox) == 1


async def test_f14_an_allowance_is_exhausted_or_revoked() -> None:
    async with quiet_sandbox() as sandbox:
        market = next(market for market in sandbox.markets if market.trading_pair == TOKEN_PAIR)
        wallet, approve = Trader(sandbox, 0), ERC20_FUNCTIONS["approve"]
        await wallet.send(market.base.address, approve, sandbox.engine_address, 10 ** 6)  # as much as one order spends
        async with connected(sandbox) as exchange:
            await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61000)))
            assert approvals(sandbox) == 1, "no approval that is not needed"
            await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61001)))
            assert approvals(sandbox) == 2
            await wallet.send(market.base.address, approve, sandbox.engine_address, 0)
            name = exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61002))
            assert await end_of(exchange, name) is OrderState.FAILED, "nobody tells of a revocation"
            await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61003)))
            assert approvals(sandbox) == 4


async def test_f14_no_more_is_approved_than_the_orders_need() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_approval="exact") as exchange:
        market, owner = exchange._venue.market(TOKEN_PAIR), sandbox.accounts[0].address
        for step in range(2):
            prices = [Decimal(61000 + 2 * step), Decimal(61001 + 2 * step)]
            for name in [exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, price) for price in prices]:
                await rests(exchange, name)
            # What an order was approved counts until its placement has ended, after the journal noted that it is told.
            await until(lambda: not exchange._account._placements.unsettled)
            await settle()
            assert sandbox.view.allowance(market.base.address, owner, sandbox.engine_address) == 0
        assert approvals(sandbox) == 2


async def test_f14_what_the_user_revoked_is_not_approved_again(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_approval="manual") as exchange:
        name = exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(61000))
        assert await end_of(exchange, name) is OrderState.FAILED
        assert "may spend 0.00000000 WBTC of the wallet and the order needs 0.01000000" in caplog.text
        assert not transactions(sandbox), "no gas is spent"


async def test_f17_an_order_is_taken_whole_at_once() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.buy(market, 60_000 * 10 ** 8, 6_000 * 10 ** 6)
        maker = OrderKey(market.book, True, 1)
        held = deposit(sandbox, maker)
        filled = listen(exchange, MarketEvent.OrderFilled)
        await until(lambda: exchange.get_order_book(TOKEN_PAIR).snapshot[0].size)
        name = exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(59_900))
        assert await end_of(exchange, name) is OrderState.FILLED
        assert order(exchange, name).client_order_id == name and len(filled.event_log) == 1
        assert OrderKey.parse(order(exchange, name).exchange_order_id) is None, "it never had an id of the engine"
        await exchange._execute_cancel(TOKEN_PAIR, name)
        assert not [selector for selector in transactions(sandbox) if selector in (
            ENGINE_FUNCTIONS["cancelOrder"].selector, ENGINE_FUNCTIONS["cancelOrders"].selector)]
        assert deposit(sandbox, maker) == held - 600 * 10 ** 6, "the maker's order is left alone"


async def test_f18_an_order_is_taken_in_part_and_the_rest_rests() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.buy(market, 60_000 * 10 ** 8, 300 * 10 ** 6)  # half of what will be sold
        await until(lambda: exchange.get_order_book(TOKEN_PAIR).snapshot[0].size)
        name = exchange.sell(TOKEN_PAIR, AMOUNT_SOLD, OrderType.LIMIT, Decimal(60_000))
        key = await rests(exchange, name)
        tracked = order(exchange, name)
        await until(lambda: tracked.current_state is OrderState.PARTIALLY_FILLED)
        assert tracked.executed_amount_base == Decimal("0.005")
        assert deposit(sandbox, key) == 500_000 and exchange._account.settlement.resting[key].deposit == 500_000
        assert [(fill.is_taker, fill.fill_quote_amount) for fill in tracked.order_fills.values()] == [(True, Decimal(300))]
        await trader.buy(market, 60_000 * 10 ** 8, 300 * 10 ** 6)
        assert await end_of(exchange, name) is OrderState.FILLED and len(tracked.order_fills) == 2


