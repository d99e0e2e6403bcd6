"""A V2 script that shows what the connector does with many orders: a ladder of quotes, laid and taken away in one go.

All orders that a strategy places in one tick leave in one transaction, as do all cancels. So the ladder is taken away in
one tick and laid anew when all of it is gone. What was filled, and what it cost in fees, is counted as Hummingbot is told.
"""
from collections import defaultdict
from decimal import Decimal

from pydantic import Field

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import MarketDict, OrderType, PriceType, TradeType
from hummingbot.core.data_type.order_candidate import OrderCandidate
from hummingbot.core.event.events import OrderFilledEvent
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase


class QuoteLadderConfig(StrategyV2ConfigBase):
    """Spreads and steps are fractions of the mid price, the amount is in the base token, times are seconds."""

    script_file_name: str = "quote_ladder.py"
    connector_name: str = "standard_sandbox"
    trading_pair: str = "SOMI-USDC"
    levels: int = Field(default=5, ge=1)
    first_spread: Decimal = Field(default=Decimal("0.001"), gt=0)
    step: Decimal = Field(default=Decimal("0.0005"), ge=0)
    order_amount: Decimal = Field(default=Decimal("20"), gt=0)
    refresh_time: float = Field(default=10, gt=0)

    def update_markets(self, markets: MarketDict) -> MarketDict:
        """Hummingbot asks which markets it must connect to."""
        return markets.add_or_update(self.connector_name, self.trading_pair)


class QuoteLadder(StrategyV2Base):
    """Lays a ladder, leaves it for a while, takes it away, lays the next."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: QuoteLadderConfig):
        super().__init__(connectors, config)
        self.config = config
        self._renew_at = 0.0
        self._ladders = 0
        self._filled = {TradeType.BUY: Decimal(0), TradeType.SELL: Decimal(0)}
        self._turnover = Decimal(0)
        self._fees: defaultdict[str, Decimal] = defaultdict(Decimal)

    @property
    def _exchange(self) -> ConnectorBase:
        return self.connectors[self.config.connector_name]

    def on_tick(self) -> None:
        """Every second: take the ladder away when its time is over, lay one when there is none."""
        if self._is_stop_triggered:
            return
        orders = self.get_active_orders(self.config.connector_name)
        if self.current_timestamp < self._renew_at:
            return
        if orders:
            for order in orders:
                self.cancel(self.config.connector_name, self.config.trading_pair, order.client_order_id)
            return
        for quote in self._exchange.budget_checker.adjust_candidates(self._ladder(), all_or_none=True):
            if quote.amount > 0:
                place = self.buy if quote.order_side is TradeType.BUY else self.sell
                place(self.config.connector_name, quote.trading_pair, quote.amount, quote.order_type, quote.price)
        self._ladders += 1
        self._renew_at = self.current_timestamp + self.config.refresh_time

    def _ladder(self) -> list[OrderCandidate]:
        mid = Decimal(self._exchange.get_price_by_type(self.config.trading_pair, PriceType.MidPrice))
        spreads = [self.config.first_spread + level * self.config.step for level in range(self.config.levels)]
        return [OrderCandidate(
            trading_pair=self.config.trading_pair, is_maker=True, order_type=OrderType.LIMIT_MAKER, order_side=side,
            amount=self.config.order_amount, price=mid * (1 + sign * spread))
            for spread in spreads for side, sign in ((TradeType.BUY, -1), (TradeType.SELL, 1))]

    def did_fill_order(self, event: OrderFilledEvent) -> None:
        """Count a fill; the fee is what the chain says was taken from the proceeds."""
        self._filled[event.trade_type] += event.amount
        self._turnover += event.amount * event.price
        for fee in event.trade_fee.flat_fees:
            self._fees[fee.token] += fee.amount

    def format_status(self) -> str:
        """For `hbot status`: the ladder, what was filled, what it cost."""
        if not self.ready_to_trade:
            return "  The exchange is not ready yet."
        orders = sorted(self.get_active_orders(self.config.connector_name), key=lambda order: -order.price)
        lines = [f"  {'buy ' if order.is_buy else 'sell'} {_plain(order.quantity)} at {_plain(order.price)}" for order in orders]
        fees = ", ".join(f"{_plain(amount)} {token}" for token, amount in sorted(self._fees.items()))
        sources = ", ".join(f"{what} from {state.source}" for what, state in getattr(self._exchange, "feed_states", {}).items())
        return "\n".join([
            f"  Ladder {self._ladders} of {self.config.trading_pair}, {len(orders)} orders:", *lines,
            f"  Bought {_plain(self._filled[TradeType.BUY])}, sold {_plain(self._filled[TradeType.SELL])}, "
            f"turnover {_plain(self._turnover)}, fees {fees or 'none'}",
            f"  Data: {sources or 'none yet'}"])


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
