"""Conversion rates of Standard's tokens, which Hummingbot takes from the connector itself: inside a bot and in V2."""
import asyncio
from decimal import Decimal

import pytest

from hummingbot.core.data_type.common import PriceType
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from hummingbot.core.rate_oracle.sources.rate_source_base import RateSourceBase
from hummingbot.data_feed.market_data_provider import MarketDataProvider
from hummingbot.strategy_v2.executors.data_types import ConnectorPair
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, Trader, connected, quiet_sandbox, until


class NoSource(RateSourceBase):
    """A source that knows no token, as every one of Hummingbot's knows none that trades on Standard alone."""

    @property
    def name(self) -> str:
        return "none"

    async def get_prices(self, quote_token: str | None = None) -> dict[str, Decimal]:
        return {}


@pytest.fixture
def oracle(monkeypatch):
    oracle = RateOracle(NoSource(), "USDC")
    monkeypatch.setattr(RateOracle, "_shared_instance", oracle)
    return oracle


async def test_a_bot_converts_by_the_order_books_of_the_connector(oracle):
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        market, maker = exchange.venue.market(NATIVE_PAIR), Trader(sandbox)
        await maker.approve(market)
        await maker.sell(market, 66_000_000, 10 ** 18)
        await maker.buy(market, 64_000_000, 10 ** 7)
        oracle.register_connector(exchange)
        await until(lambda: not exchange.get_price_by_type(NATIVE_PAIR, PriceType.MidPrice).is_nan())
        assert oracle.get_pair_rate(NATIVE_PAIR) == Decimal("0.65")
        assert oracle.get_pair_rate("USDC-SOMI") == 1 / Decimal("0.65")
        assert oracle.get_pair_rate("WBTC-SOMI") is None


async def test_a_controller_gets_the_rates_that_it_asks_for(oracle):
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        provider = MarketDataProvider({exchange.name: exchange}, rates_update_interval=1)
        provider._non_trading_connectors[exchange.name] = exchange
        provider._non_trading_connectors_started[exchange.name] = True
        provider.initialize_rate_sources([ConnectorPair(connector_name=exchange.name, trading_pair=NATIVE_PAIR)])
        await until(lambda: oracle.prices.get(NATIVE_PAIR))
        assert float(provider.get_rate(NATIVE_PAIR)) == 0.65  # it comes as a float from the last trade
        assert provider._rates_update_task is not None
        provider._rates_update_task.cancel()
        await asyncio.gather(provider._rates_update_task, return_exceptions=True)
