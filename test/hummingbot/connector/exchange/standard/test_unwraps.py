"""Refunds of market orders that stay wrapped: told, tried once more by the next start, and never mistaken for the user's."""
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.gas import GasLimits
from hummingbot.connector.exchange.standard.chain.tokens import WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, Trader, connected, order, quiet_sandbox, until

FAILED = "stay wrapped in the wallet"
OTHERS = "are not traded and not counted here"


def wrapped(sandbox: Sandbox) -> int:
    token = next(market.base for market in sandbox.markets if market.base_is_native)
    return sandbox.view.balance(token.address, sandbox.accounts[0].address)


async def sell_more_than_is_wanted(sandbox: Sandbox, exchange: StandardExchange) -> None:
    market, trader = exchange.venue.market(NATIVE_PAIR), Trader(sandbox)
    await trader.approve(market)
    await trader.buy(market, 65_000_000, 650_000)
    await until(lambda: exchange._offers.levels(NATIVE_PAIR, False))
    name = exchange.sell(NATIVE_PAIR, Decimal(3), OrderType.MARKET, Decimal("NaN"))
    await until(lambda: exchange._order_tracker.fetch_order(name) and order(exchange, name).current_state is OrderState.CANCELED)


async def test_an_unwrap_that_fails_is_told_and_done_by_the_next_start(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox:
        with monkeypatch.context() as patched:
            patched.setattr(GasLimits, "wrap", lambda self: 22_000)  # too little
            async with connected(sandbox, tmp_path) as exchange:
                await sell_more_than_is_wanted(sandbox, exchange)
                await until(lambda: FAILED in caplog.text)
        left = exchange.venue.market(NATIVE_PAIR).base.from_units(wrapped(sandbox))
        assert left > 0 and f"{left.normalize():f} SOMI that came back" in caplog.text
        async with connected(sandbox, tmp_path):
            await until(lambda: wrapped(sandbox) == 0)
        assert caplog.text.count(FAILED) == 1 and OTHERS not in caplog.text


async def test_wrapped_tokens_of_the_user_are_told_once_and_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox:
        market = next(market for market in sandbox.markets if market.base_is_native)
        await Trader(sandbox, 0).send(market.base.address, WETH_FUNCTIONS["deposit"], value=5 * 10 ** 18)
        async with connected(sandbox, tmp_path) as exchange:
            await until(lambda: OTHERS in caplog.text)
            assert "The wallet holds 5 wrapped SOMI" in caplog.text
            await exchange.stop_network()
            await until(lambda: not exchange._account._running)
            await exchange.start_network()
            await until(lambda: exchange._account._running)
        assert caplog.text.count(OTHERS) == 1 and wrapped(sandbox) == 5 * 10 ** 18
