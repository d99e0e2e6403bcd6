"""A V2 controller that behaves as Hummingbot's `pmm_simple`: fixed spreads around the mid price, one position executor a level.

On a spot market it first buys, at the market, the base tokens that its sell levels need; `skip_rebalance: true` leaves that
out. Each level is a limit order that is renewed after `executor_refresh_time`; one that was filled is closed by the triple
barrier: a take profit order, a stop loss or a time limit.
"""
from decimal import Decimal

from hummingbot.strategy_v2.controllers.market_making_controller_base import (
    MarketMakingControllerBase,
    MarketMakingControllerConfigBase,
)
from hummingbot.strategy_v2.executors.position_executor.data_types import PositionExecutorConfig


class LayeredQuotesConfig(MarketMakingControllerConfigBase):
    """Everything that Hummingbot's market making base offers, and nothing else."""

    controller_name: str = "layered_quotes"


class LayeredQuotes(MarketMakingControllerBase):
    """Quotes all levels that have no executor."""

    def get_executor_config(self, level_id: str, price: Decimal, amount: Decimal) -> PositionExecutorConfig:
        """A position that opens at the level's price."""
        return PositionExecutorConfig(
            timestamp=self.market_data_provider.time(), level_id=level_id, connector_name=self.config.connector_name,
            trading_pair=self.config.trading_pair, side=self.get_trade_type_from_level_id(level_id), entry_price=price,
            amount=amount, triple_barrier_config=self.config.triple_barrier_config, leverage=self.config.leverage)
