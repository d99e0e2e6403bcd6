"""The market price that bounds orders is the newest one that anybody tells, as long as the chain's is not another."""
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from hummingbot.connector.exchange.standard import trading_rules
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, OrderRejectedError
from hummingbot.connector.exchange.standard.offers import Offers
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.venue import MarketFacts
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


# A market price that is not the chain's

async def test_in_a_quiet_market_nothing_is_asked_for_the_market_price() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        with patch.object(exchange._rules, "renew") as read:
            await bought(exchange, 59_000)
            assert not read.called


async def test_an_api_that_is_behind_a_fast_market_neither_stops_nor_bounds_an_order() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        sandbox.indexer.settings.paused = True
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        for price in range(61_000, 71_000, 1_000):
            await trader.buy(market, price * 10 ** 8, 100 * 10 ** 6)
        assert exchange._orderbook_ds.market_price(TOKEN_PAIR) == 60_000
        await exchange._update_trading_rules()
        assert await bought(exchange, 70_500) == 70_500


FACTS = MarketFacts(10 ** 10, 0, 0, 4 * 10 ** 6, 2 * 10 ** 6, 0, 0, 0)  # a market price of 100, bands of 4 and 2 %


class Told:
    """A book that tells a market price, and a chain that had one of 100 when it was read last, and has another one now."""

    def __init__(self, told: float | None, now: int, facts: MarketFacts | None = FACTS) -> None:
        self.facts = {TOKEN_PAIR: facts} if facts is not None else {}
        self.read: list[bool] = []
        self._now = now
        self.offers = Offers(dict, SimpleNamespace(market_price=lambda pair: told), None, self)  # type: ignore[arg-type]

    async def renew(self, trading_pairs: list[str], anew: bool = False) -> None:
        self.read.append(anew)
        self.facts = {TOKEN_PAIR: FACTS._replace(market_price=self._now * 10 ** 8)}


@pytest.mark.parametrize(("told", "now", "read", "bounds"), [
    (None, 120, [False], 120), (101, 120, [], 101), (99, 120, [], 99), (101.1, 101, [True], 101.1), (98.9, 99, [True], 98.9),
    (110, 100, [True], 100), (90, 100, [True], 100), (200, 100, [True], 100), (50, 100, [True], 100), (190, 185, [True], 185)])
async def test_the_chains_market_price_bounds_orders_where_the_books_is_not_near_it(told: float | None, now: int,
                                                                                   read: list[bool], bounds: float) -> None:
    market = Told(told, now)
    await market.offers.refuse_wrong_market_price(TOKEN_PAIR, [TOKEN_PAIR])
    assert (market.read, market.offers.market_price(TOKEN_PAIR)) == (read, bounds * 10 ** 8)


@pytest.mark.parametrize(("told", "text"), [(200.00000001, "200.00000001"), (49.99999999, "49.99999999"), (1e-9, "0")])
async def test_a_market_price_that_is_plainly_not_the_chains_refuses_orders(told: float, text: str) -> None:
    market = Told(told, 100)
    with pytest.raises(OrderRejectedError, match=f"The API's market price of {TOKEN_PAIR} is {text}, the chain's is 100: "):
        await market.offers.refuse_wrong_market_price(TOKEN_PAIR, [TOKEN_PAIR])


@pytest.mark.parametrize("facts", [None, FACTS._replace(market_price=0)], ids=["no rules", "no market price"])
async def test_where_the_chain_has_told_no_market_price_the_books_is_believed(facts: MarketFacts | None) -> None:
    market = Told(101, 100, facts)
    await market.offers.refuse_wrong_market_price(TOKEN_PAIR, [TOKEN_PAIR])
    assert (market.read, market.offers.market_price(TOKEN_PAIR)) == ([], 101 * 10 ** 8)
