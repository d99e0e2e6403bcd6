"""Order types, bounds and batches on a sandbox in process."""
import asyncio
import logging
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    balances,
    connected,
    deposit,
    fees_paid,
    gas_spent,
    order,
    quiet_sandbox,
    until,
)

NAN = Decimal("NaN")


async def create(exchange: StandardExchange, side: str, trading_pair: str, kind: OrderType, price: Decimal,
                 amount: Decimal) -> str:
    send = exchange.buy if side == "buy" else exchange.sell
    client_order_id: str = send(trading_pair, amount, kind, price)
    await until(lambda: exchange._order_tracker.fetch_order(client_order_id) is not None)
    await until(lambda: not order(exchange, client_order_id).is_pending_create)
    return client_order_id


async def a_book(sandbox: Sandbox, exchange: StandardExchange, trading_pair: str) -> Trader:
    """Another trader's bid one per cent below and ask one per cent above the market price, known to the connector."""
    market, trader = exchange.venue.market(trading_pair), Trader(sandbox)
    await trader.approve(market)
    middle = sandbox.view.market_price(market.book)
    units = market.base.to_units(Decimal(100 if trading_pair == NATIVE_PAIR else 1))
    await trader.buy(market, middle * 99 // 100, market.deposit_for(middle * 99 // 100, units))
    await trader.sell(market, middle * 101 // 100, units)
    book = exchange.get_order_book(trading_pair)
    await until(lambda: len(book.snapshot[0]) and len(book.snapshot[1]))
    return trader


async def spread(sandbox: Sandbox, exchange: StandardExchange, parts: int) -> None:
    """The operator sets how far limit orders may go, in parts of 1e8."""
    market, operator = exchange.venue.market(TOKEN_PAIR), Trader(sandbox, 8)
    await operator.send(sandbox.engine_address, ENGINE_FUNCTIONS["setSpread"], market.base.address, market.quote.address, parts,
                        parts, False)


@pytest.mark.parametrize("side, price", [("buy", "60700"), ("sell", "59300")])
async def test_a_maker_order_that_would_take_is_refused_with_the_price_it_would_take(
        side: str, price: str, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await a_book(sandbox, exchange, TOKEN_PAIR)
        client_order_id = await create(exchange, side, TOKEN_PAIR, OrderType.LIMIT_MAKER, Decimal(price), Decimal("0.01"))
        assert order(exchange, client_order_id).current_state is OrderState.FAILED
        best = "60600" if side == "buy" else "59400"
        assert any("would take" in record.message and best in record.message for record in caplog.records)


async def test_a_maker_order_takes_nothing_even_when_the_book_moved_meanwhile() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await a_book(sandbox, exchange, TOKEN_PAIR)
        exchange._orderbook_ds.feed.remove_pair(TOKEN_PAIR)  # the connector does not see what comes now
        trader = Trader(sandbox)
        await trader.sell(exchange.venue.market(TOKEN_PAIR), 60_000 * 10 ** 8, 10_000_000)
        client_order_id = await create(exchange, "buy", TOKEN_PAIR, OrderType.LIMIT_MAKER, Decimal("60300"), Decimal("0.01"))
        tracked = order(exchange, client_order_id)
        assert tracked.current_state is OrderState.OPEN and not tracked.order_fills
        assert tracked.price == Decimal("60000"), "it rests at the ask, and Hummingbot is told so"


@pytest.mark.parametrize("trading_pair", [NATIVE_PAIR, TOKEN_PAIR])
@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_a_market_order_takes_what_is_offered_exactly(side: str, trading_pair: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await a_book(sandbox, exchange, trading_pair)
        market, address = exchange.venue.market(trading_pair), sandbox.accounts[0].address
        amount = Decimal("12.345678") if trading_pair == NATIVE_PAIR else Decimal("0.012345")
        before, gas_before = balances(sandbox, market, address), gas_spent(sandbox, address)
        client_order_id = await create(exchange, side, trading_pair, OrderType.MARKET, NAN, amount)
        tracked = order(exchange, client_order_id)
        await until(lambda: tracked.current_state is OrderState.FILLED)
        assert amount <= tracked.executed_amount_base <= amount + market.base.from_units(2 * market.base_step)
        after, gas = balances(sandbox, market, address), gas_spent(sandbox, address) - gas_before
        sign, fees = 1 if side == "buy" else -1, fees_paid(exchange, client_order_id)
        gas_in_base = market.base.from_units(gas) if market.base_is_native else Decimal(0)
        assert market.base.from_units(after[0] - before[0]) == \
            sign * tracked.executed_amount_base - fees.get(market.base.symbol, Decimal(0)) - gas_in_base
        assert market.quote.from_units(after[1] - before[1]) == \
            -sign * tracked.executed_amount_quote - fees.get(market.quote.symbol, Decimal(0))


async def test_a_market_sell_of_more_native_tokens_than_are_wanted_gets_the_rest_back_unwrapped() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await a_book(sandbox, exchange, NATIVE_PAIR)
        market, address = exchange.venue.market(NATIVE_PAIR), sandbox.accounts[0].address
        client_order_id = await create(exchange, "sell", NATIVE_PAIR, OrderType.MARKET, NAN, Decimal(150))
        tracked = order(exchange, client_order_id)
        await until(lambda: tracked.current_state is OrderState.FILLED)
        assert 99 < tracked.executed_amount_base <= 100
        await until(lambda: sandbox.view.balance(market.base.address, address) == 0 and not exchange._account._sender.pending)


async def an_old_book(sandbox: Sandbox, exchange: StandardExchange) -> None:
    """The connector sees an ask that is gone."""
    trader = await a_book(sandbox, exchange, TOKEN_PAIR)
    exchange._orderbook_ds.feed.remove_pair(TOKEN_PAIR)
    market = exchange.venue.market(TOKEN_PAIR)
    ask = OrderKey(market.book, False, 1)
    await trader.send(sandbox.engine_address, ENGINE_FUNCTIONS["cancelOrder"], market.base.address, market.quote.address, False,
                      ask.id)


async def test_a_market_order_that_finds_nothing_has_failed() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await an_old_book(sandbox, exchange)
        client_order_id = await create(exchange, "buy", TOKEN_PAIR, OrderType.MARKET, NAN, Decimal("0.01"))
        tracked = order(exchange, client_order_id)
        await until(lambda: tracked.current_state is OrderState.FAILED)
        assert not tracked.order_fills


async def test_a_market_order_that_finds_nothing_while_the_bot_stops_is_over(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await an_old_book(sandbox, exchange)
        sandbox.node.pause()
        name = exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.MARKET, NAN)
        await until(lambda: sandbox.node.pool)
        asyncio.get_running_loop().call_later(1.5, sandbox.node.resume)
        assert [(result.order_id, result.success) for result in await exchange.cancel_all(0.5)] == [(name, True)]
        assert order(exchange, name).is_failure and "not seen cancelled" not in caplog.text


@pytest.mark.parametrize(("kind", "together"), [(OrderType.MARKET, 1), (OrderType.LIMIT, 3)])
async def test_orders_that_take_go_on_where_the_exchange_lets_one_meet_fewer_others(
        kind: OrderType, together: int, caplog: pytest.LogCaptureFixture) -> None:
    """A stop-loss would be refused for ever. An order costs gas for one refusal at most: the next are those of a simulation."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await Trader(sandbox, 8).send(sandbox.engine_address, ENGINE_FUNCTIONS["setMaxMatches"], 5)
        await a_book(sandbox, exchange, TOKEN_PAIR)
        await exchange._update_trading_fees()
        await create(exchange, "buy", TOKEN_PAIR, OrderType.LIMIT, Decimal(59000), Decimal("0.01"))  # makes the approval
        first = sandbox.node.nonce(sandbox.accounts[0].address)
        ids = [exchange.buy(TOKEN_PAIR, Decimal("0.01"), kind, Decimal(60600)) for _ in range(together)]
        await until(lambda: all(exchange._order_tracker.fetch_order(each) is not None for each in ids))
        await until(lambda: not any(order(exchange, each).is_pending_create for each in ids))
        # One is done for Hummingbot as soon as its fills are, a moment before its state says so.
        await until(lambda: all(order(exchange, each).current_state in (OrderState.FILLED, OrderState.FAILED) for each in ids))
        assert [order(exchange, each).current_state for each in ids] == [OrderState.FILLED] * together
        assert sandbox.node.nonce(sandbox.accounts[0].address) <= first + 2 * together
    told = [record.getMessage() for record in caplog.records if "lets an order meet fewer" in record.getMessage()]
    assert [message.rpartition(" ")[2] for message in told] == ["10", "5"]


@pytest.mark.parametrize(("side", "told"), [
    ("buy", "matches buys up to 60060 now, and the best ask of WBTC-USDC is 60600"),
    ("sell", "matches sells down to 59940 now, and the best bid of WBTC-USDC is 59400")])
async def test_a_market_order_in_a_wide_book_is_refused_without_a_transaction(side: str, told: str,
                                                                              caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await a_book(sandbox, exchange, TOKEN_PAIR)
        await spread(sandbox, exchange, 100_000)
        before = sandbox.node.nonce(sandbox.accounts[0].address)
        # The narrower band is not known yet: one order is sent and takes nothing, and the next is refused.
        names = [await create(exchange, side, TOKEN_PAIR, OrderType.MARKET, NAN, Decimal("0.01"))]
        await until(lambda: exchange._rules.spread(TOKEN_PAIR, True) == 100_000)
        sent = sandbox.node.nonce(sandbox.accounts[0].address)
        names.append(await create(exchange, side, TOKEN_PAIR, OrderType.MARKET, NAN, Decimal("0.01")))
        assert all(order(exchange, name).current_state is OrderState.FAILED for name in names)
        assert sandbox.node.nonce(sandbox.accounts[0].address) == sent > before
        assert any(told in record.getMessage() for record in caplog.records)
        # A wider band is not known either, and refuses nothing.
        await spread(sandbox, exchange, 3_000_000)
        name = await create(exchange, side, TOKEN_PAIR, OrderType.MARKET, NAN, Decimal("0.01"))
        await until(lambda: order(exchange, name).current_state is OrderState.FILLED)


async def test_a_price_beyond_the_spread_is_told_and_the_order_carries_where_it_rests(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        ids = [await create(exchange, "buy", TOKEN_PAIR, OrderType.LIMIT, Decimal(price), Decimal("0.01"))
               for price in (70000, 70001)]
        assert order(exchange, ids[0]).price == Decimal("61800")
        key = OrderKey.parse(order(exchange, ids[0]).exchange_order_id)
        assert key is not None and deposit(sandbox, key) == 618_000_000, "the deposit is that of the price at which it rests"
        assert len([record for record in caplog.records if "beyond what the exchange allows" in record.message]) == 1


async def test_orders_of_one_moment_go_out_in_one_transaction_each_with_its_own_id() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await create(exchange, "buy", TOKEN_PAIR, OrderType.LIMIT, Decimal(59000), Decimal("0.01"))  # makes the approval
        first = sandbox.node.nonce(sandbox.accounts[0].address)
        ids = [exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(59000 - step)) for step in range(5)]
        ids += [exchange.sell(NATIVE_PAIR, Decimal(10), OrderType.LIMIT, Decimal("0.66") + Decimal(step) / 1000)
                for step in range(5)]
        await until(lambda: all(exchange._order_tracker.fetch_order(each) is not None for each in ids))
        await until(lambda: all(order(exchange, each).current_state is OrderState.OPEN for each in ids))
        assert sandbox.node.nonce(sandbox.accounts[0].address) == first + 1
        keys = [OrderKey.parse(order(exchange, each).exchange_order_id) for each in ids]
        assert len(set(keys)) == 10
        for each, key in zip(ids, keys):
            assert key is not None and sandbox.view.call(key.book, _get_order(), key.is_bid, key.id)[0][1] == \
                round(order(exchange, each).price * 10 ** 8)
        results = await exchange.cancel_all(10)
        assert all(result.success for result in results) and len(results) == 11
        assert sandbox.node.nonce(sandbox.accounts[0].address) == first + 1 + 2, "eleven cancels are two transactions"


def _get_order():  # type: ignore[no-untyped-def]
    from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
    return BOOK_FUNCTIONS["getOrder"]


async def test_one_bad_order_of_a_batch_fails_alone() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await create(exchange, "sell", TOKEN_PAIR, OrderType.LIMIT, Decimal(61000), Decimal("0.01"))
        amounts = [Decimal("0.01"), Decimal(5000), Decimal("0.02")]  # the wallet has 1000
        ids = [exchange.sell(TOKEN_PAIR, amount, OrderType.LIMIT, Decimal(61000)) for amount in amounts]
        await until(lambda: all(exchange._order_tracker.fetch_order(each) is not None for each in ids))
        await until(lambda: not any(order(exchange, each).is_pending_create for each in ids))
        assert [order(exchange, each).current_state for each in ids] == [OrderState.OPEN, OrderState.FAILED, OrderState.OPEN]


async def test_an_order_for_more_than_the_wallet_has_costs_gas_once_a_minute_at_most(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        address, node = sandbox.accounts[0].address, sandbox.node
        amounts, sent = (Decimal(5000), Decimal(5000), Decimal("0.01")), []  # the wallet has 1000
        for amount in amounts:
            name = await create(exchange, "sell", TOKEN_PAIR, OrderType.LIMIT, Decimal(61000), amount)
            sent.append((order(exchange, name).current_state, node.nonce(address, pending=True)))
        # The first one makes the approval, too.
        assert sent == [(OrderState.FAILED, 2), (OrderState.FAILED, 2), (OrderState.OPEN, 3)]
        assert "of 5000 WBTC-USDC at 61000 failed: the contract refuses the call: " in caplog.text.replace(".00000000", "")


async def test_a_cancel_with_too_little_gas_is_sent_again_with_more(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        client_order_id = await create(exchange, "sell", TOKEN_PAIR, OrderType.LIMIT, Decimal(61000), Decimal("0.01"))
        account = exchange._account
        account._cancels._gas.profile = account._gas.profile._replace(cancel=60_000)
        results = await exchange.cancel_all(10)
        assert [result.success for result in results] == [True]
        assert order(exchange, client_order_id).current_state is OrderState.CANCELED


async def test_a_hundred_orders_of_one_tick_are_placed() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await create(exchange, "sell", TOKEN_PAIR, OrderType.LIMIT, Decimal(61000), Decimal("0.01"))
        ids = [exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61000 + step)) for step in range(100)]
        await asyncio.sleep(0)
        await until(lambda: all(exchange._order_tracker.fetch_order(each) is not None for each in ids))
        await until(lambda: all(order(exchange, each).current_state is OrderState.OPEN for each in ids))
        results = await exchange.cancel_all(20)
        assert len(results) == 101 and all(result.success for result in results)


async def test_the_gas_reserve_is_not_for_sale() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_gas_reserve="7.5") as exchange:
        await exchange._update_balances()
        held = Decimal(sandbox.node.balance(sandbox.accounts[0].address)).scaleb(-18)
        assert exchange.get_balance("SOMI") == held
        assert exchange._account_available_balances["SOMI"] == held - Decimal("7.5")


async def test_orders_that_the_bot_did_not_place_are_told_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with quiet_sandbox() as sandbox, connected(sandbox) as reader:
        market, stranger = reader.venue.market(TOKEN_PAIR), Trader(sandbox, 0)
        await stranger.approve(market)
        before = sandbox.view.balance(market.base.address, sandbox.accounts[0].address)
        await stranger.sell(market, 61_000 * 10 ** 8, 25_000_000)
        await asyncio.sleep(0.5)  # the indexer follows
        reader._balances._foreign_orders._next_refresh = 0.0
        for _ in range(2):
            await reader._update_balances()
        assert reader._account_balances["WBTC"] == market.base.from_units(before)
        assert reader._account_available_balances["WBTC"] == market.base.from_units(before - 25_000_000)
        assert len([record for record in caplog.records if "did not place" in record.message]) == 1
