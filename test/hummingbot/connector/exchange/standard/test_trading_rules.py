"""Amounts are rounded down to what can be ordered, however large they are; rules hold until they can be read again."""
import asyncio
import logging
from decimal import Decimal
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.trading_rules import RETRY_SECONDS, amount_step, trading_rule
from hummingbot.connector.exchange.standard.venue import MarketFacts
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.order_candidate import OrderCandidate
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.trading import connected, quiet_sandbox, until

MARKET = Market(Token("0x" + "aa" * 20, "MEME", 18), Token("0x" + "bb" * 20, "WETH", 18), "0x" + "b1" * 20)
PAIR = MARKET.trading_pair
STEP = Decimal("1E-18")


@pytest.fixture
async def exchange() -> StandardExchange:
    exchange = StandardExchange(domain="standard_sandbox", trading_pairs=[PAIR], trading_required=False)
    exchange._trading_rules[PAIR] = trading_rule(MARKET, MarketFacts(100, 0, 0, 0, 0, 0, 0, 0))
    return exchange


@pytest.mark.parametrize(("amount", "rounded"), [
    ("1.2345678901234567899", "1.234567890123456789"), ("9999999999.999999999999999999", None), ("1E10", None), ("2E+10", None),
    ("123456789012.123456789012345678", "123456789012.1234567890123456"), ("4.2E14", None), ("1E27", None), ("1E40", None),
    ("0", None), ("0E+30", None), ("Infinity", None)])
async def test_an_amount_of_any_size_is_rounded_down_to_the_step(exchange: StandardExchange, amount: str,
                                                                 rounded: str | None) -> None:
    assert exchange.quantize_order_amount(PAIR, Decimal(amount)) == Decimal(rounded or amount)


async def test_a_large_order_passes_the_budget(exchange: StandardExchange) -> None:
    exchange._account_balances["MEME"] = exchange._account_available_balances["MEME"] = Decimal("5E10")
    order = OrderCandidate(PAIR, True, OrderType.LIMIT, TradeType.SELL, Decimal("2E10"), Decimal("0.000001"))
    assert exchange.budget_checker.adjust_candidate(order, all_or_none=False).amount == Decimal("2E10")


@given(st.decimals("1E-20", "9999999999", places=20))
def test_the_step_of_other_amounts_is_the_markets(amount: Decimal) -> None:
    assert amount_step(STEP, amount) == STEP


@given(st.integers(1, 10 ** 60), st.integers(0, 40))
def test_no_amount_is_rounded_up_or_by_more_than_the_digits_that_decimals_have(units: int, places: int) -> None:
    amount = Decimal(f"{units}E-{places}")
    step = amount_step(STEP, amount)
    rounded = amount // step * step
    assert rounded <= amount and amount - rounded <= max(STEP, amount.scaleb(-27))


@pytest.mark.parametrize("loop", ["_trading_rules_polling_loop", "_trading_fees_polling_loop"])
async def test_rules_that_cannot_be_read_again_hold_which_is_told_once(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    """Hummingbot would ask twice a second, with a traceback each time."""
    caplog.set_level(logging.INFO)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        rules, clock = exchange._rules, ManualClock()
        known, rules._clock = rules.facts, clock
        away, odd = ApiUnavailableError("away"), RpcError("eth_call", -32000, "odd")
        with patch.object(rules, "refresh", side_effect=[away, odd, away, []]) as read:
            polling = asyncio.ensure_future(getattr(exchange, loop)())
            for asked in (1, 2, 3):
                await until(lambda asked=asked: read.await_count == asked == clock.pauses.count(RETRY_SECONDS))
                assert rules.facts == known
                await clock.advance(RETRY_SECONDS)
            await until(lambda: "Trading rules are read again" in caplog.text)
        polling.cancel()
    told = [record.getMessage() for record in caplog.records if "rading rules" in record.getMessage()]
    assert told == ["Trading rules cannot be read: away", "Trading rules are read again"]
    assert "Unexpected error" not in caplog.text


async def test_rules_that_nobody_knows_yet_or_asks_for_at_once_are_not_waited_for() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        with patch.object(exchange.venue, "facts", side_effect=ApiUnavailableError("away")):
            with pytest.raises(ApiUnavailableError):
                await exchange.read_rules()
            exchange._trading_rules.clear()  # the loop of the fees may have read the same before
            with pytest.raises(ApiUnavailableError):
                await exchange._update_trading_rules()
            exchange._rules.facts = {}
            with pytest.raises(ApiUnavailableError):
                await exchange._update_trading_fees()
