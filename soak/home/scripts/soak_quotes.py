"""The strategy of `make soak`: ladders of orders on several pairs, renewed all the time, and a report on the process.

Each pair's ladder is laid in one tick and taken away in one tick, as in the script quote_ladder; every second ladder crosses
the other traders' best price, so that the bot takes as well as makes. Now and then it writes a line of JSON to `report`: how
many asyncio tasks run and what they do, how many orders are tracked, how often the feeds changed, and how many objects of
the connector's classes the garbage collector knows.
"""
import asyncio
import gc
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field

from hummingbot import data_path
from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import MarketDict, OrderType, PriceType
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase

CONNECTOR_MODULES = "hummingbot.connector.exchange.standard."


class SoakQuotesConfig(StrategyV2ConfigBase):
    """Spreads and steps are fractions of the mid price, the value of an order is in the quote token, times are seconds."""

    script_file_name: str = "soak_quotes.py"
    connector_name: str = "standard_sandbox"
    trading_pairs: list[str] = Field(default=["SOMI-USDC", "WBTC-USDC", "WETH-USDC"], min_length=1)
    levels: int = Field(default=3, ge=1)
    first_spread: Decimal = Field(default=Decimal("0.001"), gt=0)
    step: Decimal = Field(default=Decimal("0.0005"), ge=0)
    order_value: Decimal = Field(default=Decimal("12"), gt=0)
    refresh_time: float = Field(default=3, gt=0)
    report: str = "soak.jsonl"
    report_interval: float = Field(default=10, gt=0)
    objects_interval: float = Field(default=60, gt=0)

    def update_markets(self, markets: MarketDict) -> MarketDict:
        """Hummingbot asks which markets it must connect to."""
        for pair in self.trading_pairs:
            markets = markets.add_or_update(self.connector_name, pair)
        return markets


class SoakQuotes(StrategyV2Base):
    """Quotes, and reports on its process."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: SoakQuotesConfig):
        super().__init__(connectors, config)
        self.config = config
        self._renew_at = dict.fromkeys(config.trading_pairs, 0.0)
        self._ladders = 0
        self._report_at = self._count_objects_at = 0.0
        self._objects: Counter[str] = Counter()

    @property
    def _exchange(self) -> ConnectorBase:
        return self.connectors[self.config.connector_name]

    def on_tick(self) -> None:
        """Every second: what is due."""
        now = self.current_timestamp
        if now >= self._report_at:
            self._report_at = now + self.config.report_interval
            self._report(now)
        if self._is_stop_triggered:
            return
        orders = self.get_active_orders(self.config.connector_name)
        for pair in self.config.trading_pairs:
            if now >= self._renew_at[pair]:
                self._renew(pair, [order for order in orders if order.trading_pair == pair])

    def _renew(self, pair: str, orders: list[Any]) -> None:
        """Take a ladder away, or lay the next one when it is gone."""
        name = self.config.connector_name
        if orders:
            for order in orders:
                self.cancel(name, pair, order.client_order_id)
            return
        mid = Decimal(self._exchange.get_price_by_type(pair, PriceType.MidPrice))
        if not mid.is_finite():  # one side of the book is empty
            return
        self._ladders += 1
        self._renew_at[pair] = self.current_timestamp + self.config.refresh_time
        crossing = {1: -1, 3: 1}.get(self._ladders % 4)  # the side whose first order crosses, if any
        for place, sign in ((self.buy, -1), (self.sell, 1)):
            for level in range(self.config.levels):
                spread = self.config.first_spread + level * self.config.step
                kind = OrderType.LIMIT_MAKER
                if level == 0 and sign == crossing:
                    spread, kind = -3 * self.config.first_spread, OrderType.LIMIT
                price = mid * (1 + sign * spread)
                place(name, pair, self.config.order_value / price, kind, price)

    def _report(self, now: float) -> None:
        if now >= self._count_objects_at:
            self._count_objects_at = now + self.config.objects_interval
            self._objects = Counter(type(item).__qualname__ for item in gc.get_objects()
                                    if str(getattr(type(item), "__module__", "")).startswith(CONNECTOR_MODULES))
        tasks = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
        line = {"time": now, "tasks": sum(tasks.values()), "tasks_by_kind": dict(tasks.most_common()),
                "orders": len(self._exchange.in_flight_orders), "objects": sum(self._objects.values()),
                "objects_by_class": dict(self._objects.most_common(20)),
                "feeds": {what: [state.source, state.switches] for what, state in self._exchange.feed_states.items()}}
        with Path(data_path(), self.config.report).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def format_status(self) -> str:
        """For `hbot status`."""
        return f"  {self._ladders} ladders on {len(self.config.trading_pairs)} pairs so far."
