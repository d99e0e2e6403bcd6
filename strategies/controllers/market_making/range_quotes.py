"""A V2 controller that needs candles, as Hummingbot's `pmm_dynamic` does: the wider the market swings, the wider it quotes.

The spreads are multiples of the average range of the last candles. On Standard a candle without a trade has no range, so
`least_range` keeps a quiet market from pulling the quotes to the mid price.
"""
from decimal import Decimal

from pydantic import Field

from hummingbot.core.data_type.common import PriceType
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig
from hummingbot.strategy_v2.controllers.market_making_controller_base import (
    MarketMakingControllerBase,
    MarketMakingControllerConfigBase,
)
from hummingbot.strategy_v2.executors.position_executor.data_types import PositionExecutorConfig


class RangeQuotesConfig(MarketMakingControllerConfigBase):
    """`buy_spreads` and `sell_spreads` are multiples of the average range; Standard has candles of 1m, 1h, 1d, 1w and 1M."""

    controller_name: str = "range_quotes"
    interval: str = "1m"
    candles: int = Field(default=20, ge=1)
    least_range: Decimal = Field(default=Decimal("0.0005"), gt=0, json_schema_extra={"is_updatable": True})


class RangeQuotes(MarketMakingControllerBase):
    """Quotes around the mid price as far away as the candles are high."""

    def get_candles_config(self) -> list[CandlesConfig]:
        """Hummingbot asks which candles it must have; the controller begins when they are there."""
        return [CandlesConfig(connector=self.config.connector_name, trading_pair=self.config.trading_pair,
                              interval=self.config.interval, max_records=self.config.candles)]

    async def update_processed_data(self) -> None:
        """The mid price, and the average range of a candle as a fraction of its price."""
        candles = self.market_data_provider.get_candles_df(self.config.connector_name, self.config.trading_pair,
                                                           self.config.interval, self.config.candles)
        if len(candles) < self.config.candles:
            return
        swing = Decimal(str(((candles["high"] - candles["low"]) / candles["close"]).mean()))
        mid = self.market_data_provider.get_price_by_type(self.config.connector_name, self.config.trading_pair,
                                                          PriceType.MidPrice)
        self.processed_data = {"reference_price": Decimal(mid), "spread_multiplier": max(swing, self.config.least_range),
                               "last": candles.iloc[-1]}

    def get_executor_config(self, level_id: str, price: Decimal, amount: Decimal) -> PositionExecutorConfig:
        """A position that opens at the level's price."""
        return PositionExecutorConfig(
            timestamp=self.market_data_provider.time(), level_id=level_id, connector_name=self.config.connector_name,
            trading_pair=self.config.trading_pair, side=self.get_trade_type_from_level_id(level_id), entry_price=price,
            amount=amount, triple_barrier_config=self.config.triple_barrier_config, leverage=self.config.leverage)

    def to_format_status(self) -> list[str]:
        """A line for `hbot status`."""
        if "last" not in self.processed_data:
            return [f"  waiting for {self.config.candles} candles of {self.config.interval}"]
        last = self.processed_data["last"]
        return [f"  average range of {self.config.candles} candles {self.processed_data['spread_multiplier']:.4%}, the last: "
                f"open {last['open']:g}, high {last['high']:g}, low {last['low']:g}, close {last['close']:g}"]
