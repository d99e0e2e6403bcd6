"""A V2 controller that behaves as Hummingbot's `pmm_mister`: maker orders only, and an inventory that is steered.

Orders are LIMIT_MAKER at a distance from the mid price. One that is filled is kept as a position of the controller; how
much is held, compared with a target, decides how large the two sides quote and whether a side quotes at all. After a fill
its side waits. Orders that stand too near or too old are renewed.
"""
from decimal import Decimal

from pydantic import Field

from hummingbot.core.data_type.common import MarketDict, OrderType, PriceType, TradeType
from hummingbot.strategy_v2.controllers.controller_base import ControllerBase, ControllerConfigBase
from hummingbot.strategy_v2.executors.data_types import ConnectorPair
from hummingbot.strategy_v2.executors.position_executor.data_types import PositionExecutorConfig, TripleBarrierConfig
from hummingbot.strategy_v2.models.executor_actions import CreateExecutorAction, ExecutorAction, StopExecutorAction
from hummingbot.strategy_v2.models.executors_info import ExecutorInfo

_LIVE = {"is_updatable": True}


class InventoryQuotesConfig(ControllerConfigBase):
    """Spreads are fractions of the mid price, shares are fractions of `total_amount_quote`, times are seconds."""

    controller_type: str = "generic"
    controller_name: str = "inventory_quotes"
    connector_name: str
    trading_pair: str
    buy_spreads: list[Decimal] = Field(default=[Decimal("0.001"), Decimal("0.002")], json_schema_extra=_LIVE)
    sell_spreads: list[Decimal] = Field(default=[Decimal("0.001"), Decimal("0.002")], json_schema_extra=_LIVE)
    order_share: Decimal = Field(default=Decimal("0.1"), gt=0, json_schema_extra=_LIVE)
    target_share: Decimal = Field(default=Decimal("0.5"), json_schema_extra=_LIVE)
    least_share: Decimal = Field(default=Decimal("0.1"), json_schema_extra=_LIVE)
    most_share: Decimal = Field(default=Decimal("0.9"), json_schema_extra=_LIVE)
    refresh_time: float = Field(default=15, json_schema_extra=_LIVE)
    hold_after: float = Field(default=10, json_schema_extra=_LIVE)
    cooldown_time: float = Field(default=5, json_schema_extra=_LIVE)
    least_distance: Decimal = Field(default=Decimal("0.0003"), json_schema_extra=_LIVE)
    take_profit: Decimal = Field(default=Decimal("0.002"), gt=0, json_schema_extra=_LIVE)

    def update_markets(self, markets: MarketDict) -> MarketDict:
        """Hummingbot asks which markets it must connect to."""
        return markets.add_or_update(self.connector_name, self.trading_pair)


class InventoryQuotes(ControllerBase):
    """Keeps the share of the base token near its target while it quotes."""

    def __init__(self, config: InventoryQuotesConfig, *args, **kwargs):
        super().__init__(config, *args, **kwargs)
        self.config = config
        self._last_fill = {TradeType.BUY: 0.0, TradeType.SELL: 0.0}
        self.market_data_provider.initialize_rate_sources([ConnectorPair(
            connector_name=config.connector_name, trading_pair=config.trading_pair)])

    async def update_processed_data(self) -> None:
        """The mid price, and the share of the money that is in the base token: half of it is counted as held at the start."""
        mid = Decimal(self.market_data_provider.get_price_by_type(self.config.connector_name, self.config.trading_pair,
                                                                  PriceType.MidPrice))
        held = sum((position.amount if position.side is TradeType.BUY else -position.amount for position in self.positions_held),
                   Decimal(0))
        self.processed_data = {"mid": mid, "share": self.config.target_share + held * mid / self.config.total_amount_quote}

    def determine_executor_actions(self) -> list[ExecutorAction]:
        """What to renew, what to keep as a position, and what to quote."""
        now = self.market_data_provider.time()
        for executor in self.executors_info:
            if executor.is_trading:
                self._last_fill[executor.side] = now
        return [*self._stops(now), *self._quotes(now)]

    def to_format_status(self) -> list[str]:
        """A line for `hbot status`."""
        if not self.processed_data:
            return ["  waiting for prices"]
        return [f"  mid price {self.processed_data['mid']:.6f}, share of the base token {self.processed_data['share']:.1%} "
                f"(target {self.config.target_share:.0%})"]

    def _stops(self, now: float) -> list[StopExecutorAction]:
        stops = []
        for executor in self.executors_info:
            if not executor.is_active:
                continue
            age = now - executor.timestamp
            if executor.is_trading:
                if age > self.config.hold_after:
                    stops.append(self._stop(executor, keep_position=True))
            elif age > self.config.refresh_time or self._too_near(executor):
                stops.append(self._stop(executor, keep_position=False))
        return stops

    def _stop(self, executor: ExecutorInfo, keep_position: bool) -> StopExecutorAction:
        return StopExecutorAction(controller_id=self.config.id, executor_id=executor.id, keep_position=keep_position)

    def _too_near(self, executor: ExecutorInfo) -> bool:
        mid = self.processed_data["mid"]
        return abs(executor.config.entry_price - mid) < self.config.least_distance * mid

    def _quotes(self, now: float) -> list[CreateExecutorAction]:
        working = {executor.custom_info["level_id"] for executor in self.executors_info if executor.is_active}
        return [self._quote(side, level, spread, now)
                for side, spreads in ((TradeType.BUY, self.config.buy_spreads), (TradeType.SELL, self.config.sell_spreads))
                if self._may_quote(side, now)
                for level, spread in enumerate(spreads) if _level_id(side, level) not in working]

    def _may_quote(self, side: TradeType, now: float) -> bool:
        share = self.processed_data["share"]
        allowed = share < self.config.most_share if side is TradeType.BUY else share > self.config.least_share
        return allowed and now - self._last_fill[side] >= self.config.cooldown_time

    def _quote(self, side: TradeType, level: int, spread: Decimal, now: float) -> CreateExecutorAction:
        mid, share, target = (self.processed_data["mid"], self.processed_data["share"], self.config.target_share)
        # The side that leads back to the target quotes up to half as much again, the other one down to half as much.
        lean = max(Decimal("-0.5"), min(Decimal("0.5"), target - share))
        factor = 1 + lean if side is TradeType.BUY else 1 - lean
        price = mid * (1 - spread if side is TradeType.BUY else 1 + spread)
        return CreateExecutorAction(controller_id=self.config.id, executor_config=PositionExecutorConfig(
            timestamp=now, level_id=_level_id(side, level), connector_name=self.config.connector_name,
            trading_pair=self.config.trading_pair, side=side, entry_price=price,
            amount=self.config.total_amount_quote * self.config.order_share * factor / price,
            triple_barrier_config=TripleBarrierConfig(
                take_profit=self.config.take_profit, open_order_type=OrderType.LIMIT_MAKER,
                take_profit_order_type=OrderType.LIMIT_MAKER)))


def _level_id(side: TradeType, level: int) -> str:
    return f"{side.name.lower()}_{level}"
