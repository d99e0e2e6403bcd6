"""What the exchange makes of orders (docs/faults.md, F16 and F19 to F23)."""
import asyncio
import logging
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent
from test.faults.orders import end_of, rests, transactions
from test.hummingbot.connector.exchange.standard.model import limit_order_data
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

AMOUNT = Decimal("0.01")
UNITS = 10 ** 6


async def asks(exchange: StandardExchange, count: int) -> list[str]:
    """Sell orders of the connector that rest, from 60,000 upwards."""
    names = [exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_000 + step)) for step in range(count)]
    for name in names:
        await rests(exchange, name)
    return names


async def buyer(sandbox: Sandbox, exchange: StandardExchange) -> Trader:
    trader = Trader(sandbox)
    await trader.approve(exchange._venue.market(TOKEN_PAIR))
    return trader


def take_first(sandbox: Sandbox, exchange: StandardExchange, units: int, gas_price: int) -> None:
    """Another trader's order for the cheapest asks, which waits for the next block."""
    node, wallet = sandbox.node, sandbox.accounts[1]
    data, value = limit_order_data(exchange._venue.market(TOKEN_PAIR), True, 60_000 * 10 ** 8, units, False, wallet.address)
    node.submit(wallet.sign(chain_id=31337, nonce=node.nonce(wallet.address, pending=True), to=sandbox.engine_address,
                            gas_limit=8_000_000, gas_price=gas_price, data=data, value=value))


async def cancelling(sandbox: Sandbox, exchange: StandardExchange) -> "asyncio.Task[list[object]]":
    """Cancel everything, while no block comes."""
    before = len(sandbox.node.pool)
    task = asyncio.ensure_future(exchange.cancel_all(10))
    await until(lambda: len(sandbox.node.pool) > before)
    return task


async def test_f16_the_exchange_lets_an_order_rest_at_another_price(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await asks(exchange, 1)
        market, operator = exchange._venue.market(TOKEN_PAIR), Trader(sandbox, 8)
        await operator.send(sandbox.engine_address, ENGINE_FUNCTIONS["setSpread"], market.base.address, market.quote.address,
                            10 ** 6, 10 ** 6, False)  # one per cent from now on, and nobody tells
        names = [exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(price)) for price in (59_000, 59_001)]
        for name in names:
            key = await rests(exchange, name)
            chain_price = sandbox.view.call(key.book, _get_order(), key.is_bid, key.id)[0][1]
            assert order(exchange, name).price == Decimal(chain_price) / 10 ** 8
        assert order(exchange, names[0]).price == Decimal(59_400)
        await until(lambda: "rest at 59400.00000000 instead" in caplog.text)
        assert caplog.text.count("instead") == 1, "told once"
        await until(lambda: exchange._rules.spread(TOKEN_PAIR, False) == 10 ** 6)


def _get_order():  # type: ignore[no-untyped-def]
    from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
    return BOOK_FUNCTIONS["getOrder"]


async def test_f19_a_taker_matches_as_many_orders_as_it_may_and_the_book_crosses() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange._venue.market(TOKEN_PAIR), await buyer(sandbox, exchange)
        for _ in range(23):
            await trader.sell(market, 60_000 * 10 ** 8, 10_000)
        await until(lambda: exchange._offers.levels(TOKEN_PAIR, True))
        await until(lambda: exchange._offers.levels(TOKEN_PAIR, True)[0].base_units == 230_000)
        name = exchange.buy(TOKEN_PAIR, Decimal("0.0023"), OrderType.LIMIT, Decimal(60_100))
        key = await rests(exchange, name)
        await until(lambda: len(order(exchange, name).order_fills) == 20)
        assert deposit(sandbox, key) > 0 and order(exchange, name).current_state is OrderState.PARTIALLY_FILLED
        book = exchange.get_order_book(TOKEN_PAIR)
        await until(lambda: book.snapshot[0].size and book.snapshot[1].size)
        assert exchange.get_price(TOKEN_PAIR, False) >= exchange.get_price(TOKEN_PAIR, True) == Decimal(60_000)
        assert exchange.get_mid_price(TOKEN_PAIR) > 0
        await rests(exchange, exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(61_000)))
        results = await exchange.cancel_all(10)
        assert [result.success for result in results] == [True, True]


async def test_f20_one_order_of_a_batch_would_revert(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await asks(exchange, 1)
        before = transactions(sandbox)
        amounts = [AMOUNT, AMOUNT, Decimal(5_000), AMOUNT, AMOUNT]  # the wallet has 1000
        names = [exchange.sell(TOKEN_PAIR, amount, OrderType.LIMIT, Decimal(61_000)) for amount in amounts]
        keys = [await rests(exchange, name) for at, name in enumerate(names) if at != 2]
        assert await end_of(exchange, names[2]) is OrderState.FAILED
        assert len(set(keys)) == 4 and all(deposit(sandbox, key) == UNITS for key in keys)
        sent = transactions(sandbox) - before
        assert sent[ENGINE_FUNCTIONS["createOrders"].selector] == 1
        assert sent[ENGINE_FUNCTIONS["limitSell"].selector] == 4, "the one that the simulation named is not sent again"
        # Hummingbot tells of it too, at a level that a test before this one may have switched on.
        warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
        assert len([message for message in warnings if "failed" in message and "TFF" in message]) == 1


async def test_f21_some_orders_of_a_batch_of_cancels_are_filled_already() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        names = await asks(exchange, 3)
        await buyer(sandbox, exchange)
        sandbox.node.pause()
        take_first(sandbox, exchange, UNITS, 50 * sandbox.node.gas_price)
        cancels = await cancelling(sandbox, exchange)
        sandbox.node.resume()
        await cancels
        assert [await end_of(exchange, name) for name in names] == [OrderState.FILLED, OrderState.CANCELED, OrderState.CANCELED]
        assert order(exchange, names[0]).executed_amount_base == AMOUNT
        assert not exchange._account.settlement.resting
        mined = sandbox.node.head.number
        await until(lambda: sandbox.node.head.number > mined + 1)
        sent = transactions(sandbox)
        assert sent[ENGINE_FUNCTIONS["cancelOrders"].selector] == 1
        assert not sent[ENGINE_FUNCTIONS["cancelOrder"].selector], "what is filled is not cancelled again"


@pytest.mark.parametrize("fill_first", [True, False])
async def test_f22_a_cancel_and_a_fill_are_in_the_same_block(fill_first: bool) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        (name,) = await asks(exchange, 1)
        await buyer(sandbox, exchange)
        kinds: list[str] = []
        note = EventForwarder(lambda event: kinds.append(type(event).__name__))
        for kind in (MarketEvent.OrderFilled, MarketEvent.OrderCancelled):
            exchange.add_listener(kind, note)
        sandbox.node.pause()
        if fill_first:
            take_first(sandbox, exchange, UNITS // 4, 50 * sandbox.node.gas_price)
        cancels = await cancelling(sandbox, exchange)
        if not fill_first:
            take_first(sandbox, exchange, UNITS // 4, sandbox.node.base_fee + 1)
        sandbox.node.resume()
        await cancels
        assert await end_of(exchange, name) is OrderState.CANCELED
        await asyncio.sleep(0.2)
        filled = AMOUNT / 4 if fill_first else Decimal(0)
        assert order(exchange, name).executed_amount_base == filled
        assert kinds == (["OrderFilledEvent"] if fill_first else []) + ["OrderCancelledEvent"]


async def test_f23_an_order_is_replaced_and_its_cancel_finds_nothing() -> None:
    """The connector replaces by a cancel and a new order; updateOrders, which does both at once, it never calls."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        (name,) = await asks(exchange, 1)
        await buyer(sandbox, exchange)
        completed = listen(exchange, MarketEvent.SellOrderCompleted, MarketEvent.OrderCancelled, MarketEvent.OrderFailure)
        sandbox.node.pause()
        take_first(sandbox, exchange, UNITS, 50 * sandbox.node.gas_price)
        cancels = await cancelling(sandbox, exchange)
        replacement = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(60_050))
        await until(lambda: len(sandbox.node.pool) == 3)
        sandbox.node.resume()
        results = await cancels
        assert await end_of(exchange, name) is OrderState.FILLED
        assert [result.success for result in results] == [False], "the strategy hears that nothing was cancelled"
        assert [type(event).__name__ for event in completed.event_log] == ["SellOrderCompletedEvent"], "but filled"
        key = await rests(exchange, replacement)
        assert deposit(sandbox, key) == UNITS and exchange._account.settlement.resting.keys() == {key}
        assert ENGINE_FUNCTIONS["updateOrders"].selector not in transactions(sandbox)


