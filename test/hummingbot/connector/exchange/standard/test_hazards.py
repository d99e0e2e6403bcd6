"""Rare situations in which money could be lost, doubled, mis-stated or left behind."""
import asyncio
import logging
from decimal import Decimal
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import order_cancels
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    connected,
    deposit,
    order,
    quiet_sandbox,
    until,
)


async def rests(exchange: StandardExchange, name: str) -> OrderKey:
    """Wait until an order rests, and tell where."""
    await until(lambda: exchange._order_tracker.fetch_order(name))
    await until(lambda: OrderKey.parse(order(exchange, name).exchange_order_id))
    key = OrderKey.parse(order(exchange, name).exchange_order_id)
    assert key is not None
    return key


async def ends(exchange: StandardExchange, name: str) -> OrderState:
    """Wait until an order is over, and tell how."""
    await until(lambda: exchange._order_tracker.fetch_order(name))
    # An order counts as done with its last fill, a moment before the tracker has its final state.
    await until(lambda: not order(exchange, name).is_open)
    return order(exchange, name).current_state


async def test_a_match_that_moves_no_base_is_counted_and_those_after_it_too() -> None:
    """What a taker has left may buy less than the smallest unit: he pays the maker's quote and gets nothing."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market = exchange.venue.market(TOKEN_PAIR)
        trader = Trader(sandbox)
        await trader.approve(market)
        name = exchange.sell(TOKEN_PAIR, Decimal("0.00002000"), OrderType.LIMIT, Decimal("60000.1"))
        await rests(exchange, name)
        await trader.sell(market, 60000 * 10**8, 1000)
        await trader.buy(market, 60001 * 10**8, 600001)
        await trader.buy(market, 60001 * 10**8, 1_000_000)
        await until(lambda: order(exchange, name).executed_amount_base > 0)
        fills = list(order(exchange, name).order_fills.values())
        assert fills[0].fill_quote_amount == Decimal("0.000001")
        assert len(fills) == 2


async def test_an_order_under_way_while_the_network_is_down_is_followed_when_it_is_back(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "STOP_TIMEOUT", 0.2)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await rests(exchange, exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100")))
        sandbox.node.pause()
        name = exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100"))
        await until(lambda: len(sandbox.node.pool))
        await exchange.stop_network()
        await until(lambda: not exchange._account._running)
        sandbox.node.resume()
        await exchange.start_network()
        assert deposit(sandbox, await rests(exchange, name)) == 10**18
        await until(lambda: order(exchange, name).current_state is OrderState.OPEN)  # a moment after it has its id


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_an_order_that_crosses_a_level_of_many_orders_has_gas_for_all_of_them(side: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market = exchange.venue.market(TOKEN_PAIR)
        trader = Trader(sandbox)
        await trader.approve(market)
        price = Decimal(60000)
        for _ in range(15):
            if side == "buy":
                await trader.sell(market, 60000 * 10**8, 100_000)
            else:
                await trader.buy(market, 60000 * 10**8, 60_000_000)
        await until(lambda: exchange._offers.levels(TOKEN_PAIR, side == "buy"))
        await until(lambda: exchange._offers.levels(TOKEN_PAIR, side == "buy")[0].base_units == 1_500_000)
        create = exchange.buy if side == "buy" else exchange.sell
        name = create(TOKEN_PAIR, Decimal("0.015"), OrderType.LIMIT, price)
        assert await ends(exchange, name) is OrderState.FILLED


async def test_a_cancel_of_an_older_engines_order_does_not_keep_others_from_being_cancelled() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        key = await rests(exchange, exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100")))
        stranger = OrderKey("0x" + "ab" * 20, False, 1)
        results = await asyncio.gather(exchange._account.cancel(stranger), exchange._account.cancel(key),
                                       return_exceptions=True)
        assert results[1].cancelled
        assert isinstance(results[0], Exception)


async def test_the_gas_reserve_is_not_sold_to_an_order_that_asks_for_it() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_gas_reserve="5") as exchange:
        held = Decimal(sandbox.node.balance(sandbox.accounts[0].address)).scaleb(-18)
        name = exchange.sell(NATIVE_PAIR, held - 2, OrderType.LIMIT, Decimal("1100"))
        assert await ends(exchange, name) is OrderState.FAILED
        assert sandbox.node.balance(sandbox.accounts[0].address) > 5 * 10**18


async def test_an_order_that_waited_for_an_approval_when_the_network_was_left_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "STOP_TIMEOUT", 0.2)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        sandbox.node.pause()
        name = exchange.sell(TOKEN_PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("60000"))
        await until(lambda: len(sandbox.node.pool))
        await exchange.stop_network()
        await until(lambda: not exchange._account._running)
        sandbox.node.resume()
        await exchange.start_network()
        assert await ends(exchange, name) is OrderState.FAILED


async def test_an_order_that_was_settled_before_the_network_was_left_is_not_settled_again() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        name = exchange.sell(TOKEN_PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("60000"))
        await rests(exchange, name)
        await trader.buy(market, 60000 * 10**8, 6_000_000_000)
        assert await ends(exchange, name) is OrderState.FILLED
        sandbox.node.pause()
        await exchange.stop_network()
        await until(lambda: not exchange._account._running)
        sandbox.node.resume()
        await exchange.start_network()
        await until(lambda: exchange._account._running)
        await asyncio.sleep(0.3)
        assert not exchange._account.settlement.resting
        assert order(exchange, name).current_state is OrderState.FILLED


async def finished(exchange: StandardExchange, name: str) -> Tracked:
    """The transaction of an order, once all that it did was told; it is kept until its block is final."""
    account = exchange._account
    await until(lambda: any(name in tracked.intent.client_order_ids for tracked in account._finished))
    return next(tracked for tracked in account._finished if name in tracked.intent.client_order_ids)


async def test_a_receipt_that_was_settled_before_changes_nothing() -> None:
    """A kill may come between the saving of an order that rests and that of its transaction's end."""
    async with quiet_sandbox(block_interval=0.2) as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100"))
        key = await rests(exchange, name)
        tracked = await finished(exchange, name)
        assert await exchange._account._placements.finish(tracked) == []
        assert order(exchange, name).current_state is OrderState.OPEN
        assert key in exchange._account.settlement.resting


async def test_what_is_on_its_way_is_not_available() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await rests(exchange, exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100")))
        await exchange._update_all_balances()
        before = exchange.get_available_balance("SOMI")
        sandbox.node.pause()
        name = exchange.sell(NATIVE_PAIR, Decimal("1000"), OrderType.LIMIT, Decimal("1100"))
        await until(lambda: len(sandbox.node.pool))
        assert exchange.get_available_balance("SOMI") == before - 1000
        await exchange._update_all_balances()
        assert exchange.get_available_balance("SOMI") == before - 1000
        sandbox.node.resume()
        await rests(exchange, name)
        await until(lambda: not exchange._balances.deducted)
        await until(lambda: before - Decimal("1001") < exchange.get_available_balance("SOMI") <= before - 1000)


async def test_an_order_that_is_mined_while_the_balances_are_read_is_soon_in_them() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        exchange.SHORT_POLL_INTERVAL = exchange.LONG_POLL_INTERVAL = 1000.0
        read, before = exchange.venue.balances, exchange.get_balance("WBTC")
        asked, may_answer = asyncio.Event(), asyncio.Event()

        async def slow(address: str) -> Any:
            answer = await read(address)
            asked.set()
            await may_answer.wait()
            return answer

        exchange.venue.balances = slow
        reading = asyncio.ensure_future(exchange._update_all_balances())
        await asked.wait()
        await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal("70000")))
        exchange.venue.balances = read
        may_answer.set()
        await reading
        await until(lambda: exchange.get_available_balance("WBTC") == before - Decimal("0.01"))
        assert exchange.get_balance("WBTC") == before


async def test_a_node_that_lacks_the_block_of_a_cancel_does_not_hide_what_came_back() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        exchange.SHORT_POLL_INTERVAL = exchange.LONG_POLL_INTERVAL = 1000.0
        read, before = exchange.venue.balances, exchange.get_available_balance("WBTC")
        name = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal("70000"))
        await rests(exchange, name)
        old, asked = await read(exchange._balances._address), 0

        async def lagging(address: str) -> Any:
            nonlocal asked
            asked += 1
            return old if asked <= 3 else await read(address)

        exchange.venue.balances = lagging
        exchange.cancel(TOKEN_PAIR, name)
        await until(lambda: asked > 3, 8)
        await until(lambda: not exchange._balances.is_reading)
        assert exchange.get_available_balance("WBTC") == exchange.get_balance("WBTC") == before


async def test_a_market_buy_on_its_way_leaves_balances_that_are_numbers() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.sell(market, 60000 * 10**8, 10**7)
        await until(lambda: exchange._offers.levels(TOKEN_PAIR, True))
        before = exchange.get_available_balance("USDC")
        sandbox.node.pause()
        name = exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.MARKET, Decimal("NaN"))
        await until(lambda: len(sandbox.node.pool))
        assert before - 610 < exchange.get_available_balance("USDC") <= before - 600
        await exchange._update_all_balances()
        assert before - 610 < exchange.get_available_balance("USDC") <= before - 600
        sandbox.node.resume()
        assert await ends(exchange, name) is OrderState.FILLED


async def test_a_fill_counts_although_the_account_cannot_be_started_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        name = exchange.sell(TOKEN_PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("60000"))
        await rests(exchange, name)
        await exchange.stop_network()
        account = exchange._account
        await until(lambda: not account._running)
        await trader.buy(market, 60000 * 10**8, 6_000_000_000)
        start, failures = account.start, [ApiUnavailableError("no node answers")] * 5

        async def fails_at_first() -> None:
            if failures:
                raise failures.pop()
            await start()

        monkeypatch.setattr(account, "start", fails_at_first)
        await exchange.start_network()
        assert await ends(exchange, name) is OrderState.FILLED
        await until(lambda: account._running)


async def test_what_came_back_wrapped_is_unwrapped_once_however_often_the_order_is_settled() -> None:
    """A reorganisation, or a restart before the end was final, settles the placement once more."""
    async with quiet_sandbox(block_interval=0.2) as sandbox, connected(sandbox) as exchange:
        wallet, market, trader = sandbox.accounts[0].address, exchange.venue.market(NATIVE_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.buy(market, 65_000_000, 650_000)
        await until(lambda: exchange._offers.levels(NATIVE_PAIR, False))
        name = exchange.sell(NATIVE_PAIR, Decimal("3"), OrderType.MARKET, Decimal("NaN"))
        assert await ends(exchange, name) is OrderState.FILLED
        taken = await finished(exchange, name)
        await exchange._account._placements.finish(taken)
        assert len([tracked for tracked in exchange._account._sender.pending if tracked.intent.kind == "unwrap"]) <= 1
        await until(lambda: sandbox.node.nonce(wallet, pending=True) == 2 and not exchange._account._sender.pending)
        await asyncio.sleep(0.3)
        assert sandbox.node.nonce(wallet, pending=True) == 2
        assert sandbox.view.balance(market.base.address, wallet) == 0


async def test_an_order_that_is_cancelled_again_and_again_gets_one_cancel(caplog: pytest.LogCaptureFixture) -> None:
    """As strategies do that cancel at every tick whatever is still open."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100"))
        await rests(exchange, name)
        sandbox.node.pause()
        for _ in range(5):
            exchange.cancel(NATIVE_PAIR, name)
            await asyncio.sleep(0.05)
        await until(lambda: len(sandbox.node.pool))
        assert len(sandbox.node.pool) == 1
        sandbox.node.resume()
        assert await ends(exchange, name) is OrderState.CANCELED
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_cancel_under_way_when_the_network_is_left_is_no_error(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(order_cancels, "STOP_TIMEOUT", 0.2)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100"))
        await rests(exchange, name)
        sandbox.node.pause()
        exchange.cancel(NATIVE_PAIR, name)
        await until(lambda: len(sandbox.node.pool))
        await exchange.stop_network()
        await until(lambda: "cancel of the order" in caplog.text)
        sandbox.node.resume()
        await exchange.start_network()
        assert await ends(exchange, name) is OrderState.CANCELED
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_order_that_waits_for_a_block_is_told_of_once_however_often_it_is_cancelled(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.3)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        sandbox.node.pause()
        name = exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100"))
        await until(lambda: len(sandbox.node.pool))
        for _ in range(5):
            exchange.cancel(NATIVE_PAIR, name)
        await asyncio.sleep(0.6)
        assert caplog.text.count("is not in a block yet") == 1
        sandbox.node.resume()
        await rests(exchange, name)


async def test_a_cancel_of_which_nobody_can_tell_leaves_the_order_open(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(NATIVE_PAIR, Decimal("1"), OrderType.LIMIT, Decimal("1100"))
        await rests(exchange, name)

        async def unanswered(keys: object) -> list[int]:
            raise ApiUnavailableError("nobody answers")

        with monkeypatch.context() as patch:
            patch.setattr(exchange._account._cancels, "_sort_out", lambda waiting, receipt: unanswered(waiting))
            exchange.cancel(NATIVE_PAIR, name)
            await until(lambda: "cannot be told now: nobody answers" in caplog.text)
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert await ends(exchange, name) is OrderState.CANCELED
