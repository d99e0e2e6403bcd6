"""What the exchange class answers to Hummingbot before it runs, and when something is refused."""
import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    OrderRejectedError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    StandardError,
)
from hummingbot.connector.exchange.standard.order_cancels import OrderCancels
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.trade_fee import AddedToCostTradeFee, TradeFeeSchema
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, QuickClock, settle
from test.hummingbot.connector.exchange.standard.feeds.scripted import SOMI

PAIR = SOMI.trading_pair
KEY = OrderKey(SOMI.book, False, 7)
SELL = (PAIR, Decimal(1), TradeType.SELL, OrderType.LIMIT, Decimal("0.7"))


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[StandardExchange]:
    yield StandardExchange("0x" + "11" * 32, trading_pairs=[PAIR], domain="standard_sandbox", data_path=tmp_path,
                           clock=QuickClock())
    await ConnectionsFactory().close()


def answering(value: Any) -> Any:
    async def answer(*_: Any, **__: Any) -> Any:
        return value
    return answer


async def test_trading_without_a_key_says_how_to_get_one(exchange: StandardExchange) -> None:
    exchange._wallet_auth = None
    with pytest.raises(ConfigurationError, match="run `connect`"):
        await exchange._trading_account()


async def test_a_fee_that_the_chain_has_not_told_is_the_usual_one(
        exchange: StandardExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = TradeFeeSchema(maker_percent_fee_decimal=Decimal("0.001"), taker_percent_fee_decimal=Decimal("0.002"))
    monkeypatch.setattr(exchange, "trade_fee_schema", lambda: schema)
    for is_maker, usual in ((True, Decimal("0.001")), (False, Decimal("0.002"))):
        fee = exchange.get_fee("SOMI", "USDC", OrderType.LIMIT, TradeType.SELL, Decimal(1), Decimal("0.7"), is_maker)
        assert fee.percent == usual


async def test_an_order_that_left_nothing_is_refused(exchange: StandardExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    account = SimpleNamespace(place=answering([]))
    monkeypatch.setattr(exchange, "_trading_account", answering(account))
    monkeypatch.setattr(exchange._venue, "market", lambda pair: SOMI)
    monkeypatch.setattr(exchange._offers, "refuse_wrong_market_price", answering(None))
    monkeypatch.setattr(exchange, "_order_calls", SimpleNamespace(
        max_matches=20, build=lambda *_: None, is_moved=lambda *_: False))
    with pytest.raises(OrderRejectedError, match="was mined and left nothing"):
        await exchange._place_order("mine", *SELL)


async def test_the_price_of_an_order_grows_old_from_when_it_was_handed_over(
        exchange: StandardExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the account, the rules, the band or a node that stands still are waited for."""
    clock, given = ManualClock(), []

    async def slow(*_: Any) -> Any:
        clock.now += 10
        return SimpleNamespace(place=place)

    async def place(order_id: str, call: Any, terms: Any, priced_at: float) -> list[Any]:
        given.append(priced_at)
        return []

    monkeypatch.setattr(exchange, "_time_source", clock)
    monkeypatch.setattr(exchange, "_trading_account", slow)
    monkeypatch.setattr(exchange._venue, "market", lambda pair: SOMI)
    monkeypatch.setattr(exchange._venue, "refuse_another_exchange", slow)
    monkeypatch.setattr(exchange._venue, "refuse_standstill", slow)
    monkeypatch.setattr(exchange._rules, "renew", slow)
    monkeypatch.setattr(exchange, "_order_calls", SimpleNamespace(
        max_matches=20, build=lambda *_: None, is_moved=lambda *_: False))
    with pytest.raises(OrderRejectedError, match="was mined and left nothing"):
        await exchange._place_order("mine", *SELL)
    assert given == [1_000.0] and clock.now == 1_040.0


async def test_a_failure_that_nobody_foresaw_is_told_with_all_that_is_known_of_it(
        exchange: StandardExchange, caplog: pytest.LogCaptureFixture) -> None:
    order = InFlightOrder("mine", PAIR, OrderType.LIMIT, TradeType.SELL, Decimal(1), 1.0, Decimal("0.7"))
    exchange._order_tracker.start_tracking_order(order)
    caplog.set_level(1)
    try:
        raise ArithmeticError("no way")
    except ArithmeticError as error:
        exchange._on_order_failure("mine", PAIR, Decimal(1), TradeType.SELL, OrderType.LIMIT, Decimal("0.7"), error)
    await settle()
    assert order.is_failure and any(record.exc_info for record in caplog.records)


async def test_the_state_of_one_order_is_its_update_or_why_there_is_none(exchange: StandardExchange,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    order = InFlightOrder("mine", PAIR, OrderType.LIMIT, TradeType.SELL, Decimal(1), 1.0, Decimal("0.7"))
    update = OrderUpdate(PAIR, 1.0, OrderState.OPEN, "mine", KEY.exchange_order_id)
    monkeypatch.setattr(exchange, "_states", SimpleNamespace(read=answering([update])))
    assert await exchange._request_order_status(order) is update
    monkeypatch.setattr(exchange, "_states", SimpleNamespace(read=answering([ApiUnavailableError("away")])))
    with pytest.raises(ApiUnavailableError):
        await exchange._request_order_status(order)


async def test_no_error_has_to_do_with_a_servers_clock(exchange: StandardExchange) -> None:
    assert not exchange._is_request_exception_related_to_time_synchronizer(ValueError("timestamp"))
    assert exchange.trading_pairs_request_path.startswith("/api/pairs")


async def test_what_a_filled_order_left_is_taken_off_and_waited_for(exchange: StandardExchange) -> None:
    done = asyncio.Event()
    cancelled: list[OrderKey] = []

    async def cancel(key: OrderKey) -> None:
        cancelled.append(key)
        await done.wait()

    account: Any = SimpleNamespace(settlement=SimpleNamespace(resting={KEY: None}), cancel=cancel)
    exchange._take_off(KEY)
    exchange._account = account
    exchange._take_off(KEY)
    exchange._order_cancels.take_off(account, KEY._replace(id=8))
    await settle()
    assert cancelled == [KEY]
    leaving = asyncio.ensure_future(exchange._order_cancels.leftovers_gone(5.0))
    await settle()
    assert not leaving.done()
    done.set()
    await leaving
    assert isinstance(exchange._order_cancels, OrderCancels) and not exchange._order_cancels._leftovers
    exchange._account = None


@pytest.mark.parametrize(("end", "is_left"), [
    (OutcomeUnknownError("the sender was stopped"), True), (OutcomeForgottenError("no receipt"), False)])
async def test_an_order_whose_outcome_is_not_known_does_not_fail(
        exchange: StandardExchange, end: StandardError, is_left: bool, caplog: pytest.LogCaptureFixture) -> None:
    order = InFlightOrder("mine", PAIR, OrderType.LIMIT, TradeType.SELL, Decimal(1), 1.0, Decimal("0.7"))
    exchange._order_tracker.start_tracking_order(order)
    caplog.set_level(1)
    exchange._on_order_failure("mine", PAIR, Decimal(1), TradeType.SELL, OrderType.LIMIT, Decimal("0.7"), end)
    await settle()
    assert order.is_pending_create and ("the next start follows it" in caplog.text) is is_left


async def test_orders_are_taken_up_without_the_fills_of_nothing_that_were_saved(exchange: StandardExchange) -> None:
    """What a reorganisation took back of them since is in no event, so those the chain still has are to be told anew."""
    saved = InFlightOrder("mine", PAIR, OrderType.LIMIT, TradeType.BUY, Decimal(1), 1.0, Decimal("0.7"), "5-0", OrderState.OPEN)
    for trade_id, base, quote in (("1", Decimal(0), Decimal("0.000051")), ("2", Decimal("0.5"), Decimal("0.35"))):
        saved.update_with_trade_update(TradeUpdate(
            trade_id, "mine", "5-0", PAIR, 2.0, Decimal("0.7"), base, quote, AddedToCostTradeFee()))
    exchange.restore_tracking_states({"mine": saved.to_json()})
    restored = exchange.in_flight_orders["mine"]
    assert list(restored.order_fills) == ["2"]
    assert (restored.executed_amount_base, restored.executed_amount_quote) == (Decimal("0.5"), Decimal("0.35"))


async def test_an_api_whose_trades_lack_one_of_the_chain_is_left_for_the_next(
        exchange: StandardExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons: list[str] = []
    monkeypatch.setattr(exchange._venue.rest, "leave", reasons.append)
    exchange._create_order_book_data_source()
    freshness = exchange._freshness
    freshness.begin(PAIR)
    monkeypatch.setattr(freshness, "age", lambda pair: 31.0)
    monkeypatch.setattr(freshness, "awaits", lambda pair: True)
    freshness.report(PAIR)
    assert reasons == [f"its trades of {PAIR} lack one that it told before"]
