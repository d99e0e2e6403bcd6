"""The market price that bounds orders is the newest one that anybody tells."""
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from unittest.mock import patch

import pytest

from hummingbot.connector.exchange.standard import trading_rules
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    connected,
    order,
    quiet_sandbox,
    until,
)


@asynccontextmanager
async def streaming() -> AsyncIterator[tuple[Sandbox, StandardExchange]]:
    """A connector with a stream whose books tell no market price."""
    async with quiet_sandbox() as sandbox, connected(
            sandbox, standard_feed="stream", trading_pairs=[TOKEN_PAIR],
            standard_stream_url=f"spot_streams+{sandbox.spot_streams_url}?layout=docs") as exchange:
        await until(lambda: exchange.feed_states["order books"].source == "stream")
        yield sandbox, exchange


async def bought(exchange: StandardExchange, price: int) -> Decimal:
    """At which price a buy order rests."""
    name = exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(price))
    await until(lambda: name in exchange.in_flight_orders and order(exchange, name).exchange_order_id)
    return order(exchange, name).price


async def test_an_order_is_bounded_by_the_market_price_of_now_where_the_books_tell_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trading_rules, "FRESH_SECONDS", 0.0)
    async with streaming() as (sandbox, exchange):
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        for price in range(61_000, 71_000, 1_000):  # each within the band of the one before it, which it moves
            await trader.buy(market, price * 10 ** 8, 100 * 10 ** 6)
        assert await bought(exchange, 70_500) == 70_500


async def test_the_market_price_is_read_once_for_orders_of_one_moment_and_not_while_it_is_fresh(
        monkeypatch: pytest.MonkeyPatch) -> None:
    async with streaming() as (_, exchange):
        with patch.object(exchange.venue, "facts", wraps=exchange.venue.facts) as read:
            monkeypatch.setattr(trading_rules, "FRESH_SECONDS", 0.0)
            await asyncio.gather(*(bought(exchange, price) for price in (59_000, 59_001, 59_002)))
            assert read.await_count == 1
            monkeypatch.setattr(trading_rules, "FRESH_SECONDS", 60.0)
            await bought(exchange, 59_003)
            assert read.await_count == 1


async def test_without_a_market_price_no_edge_is_known() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        offers, facts = exchange._offers, exchange._rules.facts[TOKEN_PAIR]
        assert offers.edge(TOKEN_PAIR, True) == await offers.edge_on_chain(TOKEN_PAIR, True) == 61_800
        assert offers.edge(TOKEN_PAIR, False) == await offers.edge_on_chain(TOKEN_PAIR, False) == 58_200
        for told in ({TOKEN_PAIR: facts._replace(market_price=0)}, {}):
            with patch.object(exchange.venue, "facts", return_value=told):
                exchange._rules.facts = {}
                assert offers.edge(TOKEN_PAIR, True) is None
                assert await offers.edge_on_chain(TOKEN_PAIR, True) is None


async def test_a_market_of_which_a_node_cannot_tell_for_once_keeps_its_rules(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        known = exchange._rules.facts
        with patch.object(exchange.venue, "facts", return_value={NATIVE_PAIR: known[NATIVE_PAIR]}):
            for _ in range(2):
                await exchange._update_trading_rules()
            assert exchange._rules.facts == known and caplog.text.count("the last ones hold until it does") == 1
            with pytest.raises(ApiUnavailableError, match="the market price of WBTC-USDC cannot be read"):
                await exchange._get_last_traded_price(TOKEN_PAIR)
        await exchange._update_trading_rules()
        with patch.object(exchange.venue, "facts", return_value={NATIVE_PAIR: known[NATIVE_PAIR]}):
            exchange._rules.facts = {}
            await exchange._update_trading_rules()
            assert "does not tell the rules of WBTC-USDC; it cannot be traded" in caplog.text
