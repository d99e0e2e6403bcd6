"""The connector on a sandbox in process: whole paths, compared to the unit with what the chain itself holds."""
import asyncio
import logging
import math
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.events import MarketEvent
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.hummingbot_records import Records
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    balances,
    connected,
    deposit,
    fees_paid,
    gas_spent,
    listen,
    order,
    quiet_sandbox,
    until,
)

PRICES = {NATIVE_PAIR: Decimal("0.65"), TOKEN_PAIR: Decimal("60000")}
AMOUNTS = {NATIVE_PAIR: Decimal("12.345678"), TOKEN_PAIR: Decimal("0.012345")}


def market_of(exchange: StandardExchange, trading_pair: str) -> Market:
    return exchange.venue.market(trading_pair)


def key_of(exchange: StandardExchange, client_order_id: str) -> OrderKey:
    key = OrderKey.parse(order(exchange, client_order_id).exchange_order_id)
    assert key is not None
    return key


async def place(exchange: StandardExchange, side: str, trading_pair: str, price: Decimal, amount: Decimal | None = None) -> str:
    """Place a limit order and wait until it is on the exchange (or failed)."""
    create = exchange.buy if side == "buy" else exchange.sell
    client_order_id: str = create(trading_pair, amount or AMOUNTS[trading_pair], OrderType.LIMIT, price)
    await until(lambda: exchange._order_tracker.fetch_order(client_order_id) is not None)
    await until(lambda: not order(exchange, client_order_id).is_pending_create)
    return client_order_id


@pytest.mark.parametrize("trading_pair", [NATIVE_PAIR, TOKEN_PAIR])
@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_an_order_rests_at_its_price_and_is_cancelled_by_its_event(side: str, trading_pair: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, events = market_of(exchange, trading_pair), listen(exchange, MarketEvent.OrderCancelled)
        price = PRICES[trading_pair] * (Decimal("0.99") if side == "buy" else Decimal("1.01"))
        client_order_id = await place(exchange, side, trading_pair, price)
        tracked, key = order(exchange, client_order_id), key_of(exchange, client_order_id)
        assert tracked.current_state is OrderState.OPEN and tracked.price == price
        expected = market.deposit_for(round(price * 10 ** 8), market.base.to_units(AMOUNTS[trading_pair])) if side == "buy" \
            else market.base.to_units(AMOUNTS[trading_pair])
        assert deposit(sandbox, key) == expected
        results = await exchange.cancel_all(10)
        assert [(result.order_id, result.success) for result in results] == [(client_order_id, True)]
        assert tracked.current_state is OrderState.CANCELED and deposit(sandbox, key) == 0
        assert [event.order_id for event in events.event_log] == [client_order_id]


@pytest.mark.parametrize("trading_pair", [NATIVE_PAIR, TOKEN_PAIR])
@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_maker_fills_are_recorded_to_the_unit(side: str, trading_pair: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = market_of(exchange, trading_pair), Trader(sandbox)
        await trader.approve(market)
        address = sandbox.accounts[0].address
        before, gas_before = balances(sandbox, market, address), gas_spent(sandbox, address)
        price = PRICES[trading_pair]
        client_order_id = await place(exchange, side, trading_pair, price)
        units, chain_price = market.base.to_units(AMOUNTS[trading_pair]), round(price * 10 ** 8)
        for share in (3, 1):
            if side == "buy":
                await trader.sell(market, chain_price, units // share, rests=False)
            else:
                await trader.buy(market, chain_price, market.deposit_for(chain_price, units // share), rests=False)
        await until(lambda: order(exchange, client_order_id).current_state is OrderState.FILLED)
        await check_against_chain(sandbox, exchange, market, client_order_id, before, gas_before)
        assert len(order(exchange, client_order_id).order_fills) == 2


async def test_a_fill_is_recorded_also_after_hummingbots_clock_has_ended(tmp_path: Path) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        records = Records(tmp_path / "records.sqlite")
        records.attach(exchange)
        try:
            market, trader = market_of(exchange, TOKEN_PAIR), Trader(sandbox)
            await trader.approve(market)
            client_order_id = await place(exchange, "sell", TOKEN_PAIR, PRICES[TOKEN_PAIR])
            exchange._set_current_timestamp(math.nan)
            exchange._set_current_timestamp = lambda moment: None
            price, units = round(PRICES[TOKEN_PAIR] * 10 ** 8), market.base.to_units(AMOUNTS[TOKEN_PAIR])
            await trader.buy(market, price, market.deposit_for(price, units), rests=False)
            await until(lambda: order(exchange, client_order_id).current_state is OrderState.FILLED)
            assert [fill.order_id for fill in records.fills()] == [client_order_id]
        finally:
            records.detach()


@pytest.mark.parametrize("trading_pair", [NATIVE_PAIR, TOKEN_PAIR])
@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_taker_fills_and_the_resting_remainder_are_recorded_to_the_unit(side: str, trading_pair: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = market_of(exchange, trading_pair), Trader(sandbox)
        await trader.approve(market)
        address = sandbox.accounts[0].address
        before, gas_before = balances(sandbox, market, address), gas_spent(sandbox, address)
        price, units = PRICES[trading_pair], market.base.to_units(AMOUNTS[trading_pair])
        chain_price = round(price * 10 ** 8)
        if side == "buy":
            await trader.sell(market, chain_price, units // 3)
        else:
            await trader.buy(market, chain_price, market.deposit_for(chain_price, units // 3))
        client_order_id = await place(exchange, side, trading_pair, price)
        tracked = order(exchange, client_order_id)
        await until(lambda: tracked.current_state is OrderState.PARTIALLY_FILLED)
        assert len(tracked.order_fills) == 1 and key_of(exchange, client_order_id) in exchange._account.settlement.resting
        await exchange.cancel_all(10)
        assert tracked.current_state is OrderState.CANCELED
        await check_against_chain(sandbox, exchange, market, client_order_id, before, gas_before)


async def check_against_chain(sandbox: Sandbox, exchange: StandardExchange, market: Market, client_order_id: str,
                              before: tuple[int, int], gas_before: int) -> None:
    """The account's balances changed by exactly the recorded fills, fees and gas."""
    tracked, address = order(exchange, client_order_id), sandbox.accounts[0].address
    sign = 1 if tracked.trade_type.name == "BUY" else -1
    fees = fees_paid(exchange, client_order_id)
    base, quote = balances(sandbox, market, address)
    gas = gas_spent(sandbox, address) - gas_before
    gas_in_base = market.base.from_units(gas) if market.base_is_native else Decimal(0)
    assert market.base.from_units(base - before[0]) == \
        sign * tracked.executed_amount_base - fees.get(market.base.symbol, Decimal(0)) - gas_in_base
    assert market.quote.from_units(quote - before[1]) == \
        -sign * tracked.executed_amount_quote - fees.get(market.quote.symbol, Decimal(0))
    assert fees, "a trade without a fee is not what this sandbox does"


async def test_an_order_that_is_taken_at_once_is_filled_and_leaves_nothing_behind() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = market_of(exchange, TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.sell(market, round(PRICES[TOKEN_PAIR] * 10 ** 8), 2 * market.base.to_units(AMOUNTS[TOKEN_PAIR]))
        events = listen(exchange, MarketEvent.BuyOrderCreated, MarketEvent.OrderFilled, MarketEvent.BuyOrderCompleted)
        client_order_id = await place(exchange, "buy", TOKEN_PAIR, PRICES[TOKEN_PAIR])
        await until(lambda: order(exchange, client_order_id).current_state is OrderState.FILLED)
        assert sorted(type(event).__name__ for event in events.event_log) == \
            ["BuyOrderCompletedEvent", "BuyOrderCreatedEvent", "OrderFilledEvent"]
        assert not exchange._account.settlement.resting and not exchange.in_flight_orders


async def test_the_book_and_the_public_trades_reach_hummingbot() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = market_of(exchange, TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.sell(market, 60_100 * 10 ** 8, 50_000_000)
        await trader.buy(market, 59_900 * 10 ** 8, 599_000_000)
        book = exchange.get_order_book(TOKEN_PAIR)
        await until(lambda: len(book.snapshot[0]) and len(book.snapshot[1]))
        assert book.snapshot[1].iloc[0].tolist()[:2] == [60100.0, 0.5]
        price, amount = book.snapshot[0].iloc[0].tolist()[:2]
        assert price == 59900.0 and amount == pytest.approx(0.01), "the API's bid amount is in quote and must become base"
        trades = listen_to_trades(exchange, TOKEN_PAIR)
        await trader.buy(market, 60_100 * 10 ** 8, 60_100_000, rests=False)
        await until(lambda: trades)
        assert (trades[0].price, trades[0].type.name) == (60100.0, "BUY") and trades[0].amount == pytest.approx(0.001)


def listen_to_trades(exchange: StandardExchange, trading_pair: str) -> list:
    from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
    from hummingbot.core.event.events import OrderBookEvent
    trades: list = []
    forwarder = SourceInfoEventForwarder(lambda tag, caller, event: trades.append(event))
    exchange.get_order_book(trading_pair).add_listener(OrderBookEvent.TradeEvent, forwarder)
    exchange.trade_forwarder = forwarder  # listeners are held weakly
    return trades


async def test_rules_and_fees_are_read_from_the_chain() -> None:
    async with quiet_sandbox(maker_fee=50_000, taker_fee=200_000) as sandbox, connected(sandbox) as exchange:
        rule = exchange.trading_rules[TOKEN_PAIR]
        assert rule.min_price_increment == Decimal("1e-8") and rule.min_base_amount_increment == Decimal("1e-6")
        assert 0 < rule.min_order_size <= Decimal("0.00001")
        await until(lambda: TOKEN_PAIR in exchange._rules.facts)
        from hummingbot.core.data_type.common import TradeType
        fee = exchange.get_fee("WBTC", "USDC", OrderType.LIMIT, TradeType.BUY, Decimal(1), Decimal(1), is_maker=True)
        assert fee.percent == Decimal("0.0005")
        fee = exchange.get_fee("WBTC", "USDC", OrderType.LIMIT, TradeType.BUY, Decimal(1), Decimal(1))
        assert fee.percent == Decimal("0.002")


async def test_balances_are_those_of_the_chain_and_totals_include_resting_deposits() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        client_order_id = await place(exchange, "sell", TOKEN_PAIR, Decimal("61000"))
        await exchange._update_balances()
        held = sandbox.view.balance(market_of(exchange, TOKEN_PAIR).base.address, sandbox.accounts[0].address)
        assert exchange._account_available_balances["WBTC"] == Decimal(held).scaleb(-8)
        assert exchange.get_balance("WBTC") == Decimal(held).scaleb(-8) + order(exchange, client_order_id).amount


async def test_the_approval_is_made_once_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await asyncio.gather(*(place(exchange, "sell", TOKEN_PAIR, Decimal(61000 + step)) for step in range(3)))
        await place(exchange, "sell", TOKEN_PAIR, Decimal("61010"))
        assert len([record for record in caplog.records if "Approving" in record.message]) == 1


@pytest.mark.parametrize("pair_then", [TOKEN_PAIR, "Wbtc-USDC"], ids=["", "spelt as by a version that kept small letters"])
async def test_a_restart_takes_up_the_orders_and_the_fills_that_happened_meanwhile(pair_then: str, tmp_path: Path) -> None:
    async with quiet_sandbox() as sandbox:
        async with connected(sandbox, tmp_path) as exchange:
            market, trader = market_of(exchange, TOKEN_PAIR), Trader(sandbox)
            await trader.approve(market)
            client_order_id = await place(exchange, "sell", TOKEN_PAIR, PRICES[TOKEN_PAIR])
            await asyncio.sleep(1.5)  # the state of the account is written when the next logs are told
            saved = {name: state | {"trading_pair": pair_then} for name, state in exchange.tracking_states.items()}
        chain_price = round(PRICES[TOKEN_PAIR] * 10 ** 8)
        deposit_units = market.deposit_for(chain_price, market.base.to_units(AMOUNTS[TOKEN_PAIR]))
        await trader.buy(market, chain_price, deposit_units, rests=False)
        async with connected(sandbox, tmp_path, ready=False) as exchange:
            exchange.restore_tracking_states(saved)
            await until(lambda: order(exchange, client_order_id).current_state is OrderState.FILLED)
            (fill,) = order(exchange, client_order_id).order_fills.values()
            assert [fee.token for fee in fill.fee.flat_fees] == [market.quote.symbol]
            await until(lambda: not exchange._restored)  # nothing more is to be looked up


async def test_a_size_below_the_minimum_fails_with_the_minimum_in_words(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        exchange.trading_rules[TOKEN_PAIR].min_order_size = Decimal(0)
        exchange.trading_rules[TOKEN_PAIR].min_base_amount_increment = Decimal("1e-8")
        client_order_id = await place(exchange, "sell", TOKEN_PAIR, Decimal("60000"), Decimal("1e-8"))
        assert order(exchange, client_order_id).current_state is OrderState.FAILED
        assert any("below the exchange's minimum" in record.message and record.exc_info is None for record in caplog.records)


async def test_a_refusal_by_the_engine_is_told_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        client_order_id = await place(exchange, "sell", TOKEN_PAIR, Decimal("60000"), Decimal("5000"))
        assert order(exchange, client_order_id).current_state is OrderState.FAILED
        assert any("TFF" in record.message and record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize("key, words", [
    ("0x1234", "64"),
    ("0x" + "00" * 20, "address"),
    ("0x" + "zz" * 32, "hexadecimal"),
])
def test_a_wrong_key_is_refused_in_one_sentence_that_does_not_show_it(key: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StandardExchange(standard_private_key=key, domain="standard_sandbox")
    assert words in str(caught.value) and key not in str(caught.value)


async def test_a_wrong_chain_behind_the_url_is_refused_at_connect() -> None:
    async with quiet_sandbox() as sandbox:
        exchange = StandardExchange(standard_private_key=sandbox.accounts[0].private_key, standard_rpc_url=sandbox.rpc_url,
                                    standard_api_url=sandbox.api_url, trading_required=False)
        with pytest.raises(ConfigurationError, match="chain 31337"):
            await exchange._update_balances()
        await close_connections()


async def test_an_unknown_pair_is_named_with_those_that_exist(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False, trading_pairs=["DOGE-USDC"]) as exchange:
        await until(lambda: any("lists no market DOGE-USDC" in record.message for record in caplog.records))
        assert not exchange.ready
        assert all(record.exc_info is None for record in caplog.records if record.name.startswith("hummingbot.connector"))


async def test_an_unfunded_wallet_is_told_what_it_lacks(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_private_key="0x" + "11" * 32) as exchange:
        await until(lambda: any("has no SOMI" in record.message for record in caplog.records))
        client_order_id = await place(exchange, "sell", TOKEN_PAIR, Decimal("61000"))
        assert order(exchange, client_order_id).current_state is OrderState.FAILED
        assert any("Fund the wallet" in record.message and record.exc_info is None for record in caplog.records)


async def test_an_instance_without_a_key_reads_the_market() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_private_key="", trading_required=False) as exchange:
        assert exchange.ready and set(await exchange.all_trading_pairs()) == {NATIVE_PAIR, TOKEN_PAIR}
        prices = await exchange.get_last_traded_prices([TOKEN_PAIR])
        assert prices[TOKEN_PAIR] == 60000.0


async def test_a_poll_before_there_is_an_account_reads_the_balances_and_takes_nothing_off(
        monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False, trading_required=False) as exchange:
        accounts: list[object] = []
        monkeypatch.setattr(exchange._order_cancels, "take_off_again", accounts.append)
        await exchange._status_polling_loop_fetch_updates()
        assert exchange.get_balance("USDC") > 0 and accounts == []
        account = await exchange._trading_account()
        await exchange._status_polling_loop_fetch_updates()
        assert accounts == [account]


async def test_what_is_left_on_is_taken_off_again_while_polls_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False, trading_required=False) as exchange:
        account = await exchange._trading_account()
        accounts: list[object] = []
        wishes = iter([True, True, False])

        def take_off_again(account: object) -> None:
            accounts.append(account)
            exchange._is_poll_wanted = next(wishes)

        monkeypatch.setattr(exchange._order_cancels, "take_off_again", take_off_again)
        await exchange._status_polling_loop_fetch_updates()
        assert accounts == [account] * 3


async def test_a_cancel_of_an_order_that_was_filled_meanwhile_tells_the_fill() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, trader = market_of(exchange, TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        client_order_id = await place(exchange, "sell", TOKEN_PAIR, PRICES[TOKEN_PAIR])
        chain_price = round(PRICES[TOKEN_PAIR] * 10 ** 8)
        deposit_units = market.deposit_for(chain_price, market.base.to_units(AMOUNTS[TOKEN_PAIR]))
        await trader.buy(market, chain_price, deposit_units, rests=False)
        await exchange.cancel_all(10)
        assert order(exchange, client_order_id).is_filled
        await until(lambda: order(exchange, client_order_id).current_state is OrderState.FILLED)  # which is told in a moment


async def close_connections() -> None:
    from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
    await ConnectionsFactory().close()




async def test_whoever_needs_the_account_while_the_listing_is_read_gets_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another would be heard by nobody, and what rests would be looked for in it."""
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False, trading_required=False) as exchange:
        listing = await exchange.venue.listing()
        may_tell = asyncio.Event()

        async def listed() -> Listing:
            await may_tell.wait()
            return listing

        monkeypatch.setattr(exchange.venue, "listing", listed)
        asking = [asyncio.ensure_future(exchange._trading_account()) for _ in range(2)]
        await settle()
        assert exchange._account is None
        may_tell.set()
        first, second = await asyncio.gather(*asking)
        assert first is second is exchange._account
        key = OrderKey(listing.by_pair[TOKEN_PAIR].book, True, 1)
        first.settlement.restore([Resting(key, "a", 1, 1)])
        assert key in exchange._updates._resting
        first.settlement.forget(key)
