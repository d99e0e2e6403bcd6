"""What `make run-strategies` runs: the configurations fit their controllers, and the log's complaints are noticed."""
import importlib.util
import inspect
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from demo.bot_home import REPOSITORY, make_bot_home
from demo.event_log import EventLog
from demo.strategies import STRATEGIES
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.strategy_v2.controllers.controller_base import ControllerBase, ControllerConfigBase

CONFIGURATIONS = sorted((REPOSITORY / "conf" / "controllers").glob("*.yml"))


def module_of(configuration: dict[str, Any]) -> ModuleType:
    """The controller's module, found as Hummingbot finds it: by type and name."""
    path = REPOSITORY / "strategies" / "controllers" / configuration["controller_type"] / f"{configuration['controller_name']}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def only(module: ModuleType, base: type) -> Any:
    """The one class of this kind that a module defines."""
    (found,) = [member for _, member in inspect.getmembers(module, inspect.isclass)
                if issubclass(member, base) and member.__module__ == module.__name__]
    return found


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_configuration_is_one_of_its_controller(path: Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    module = module_of(values)
    config = only(module, ControllerConfigBase)(**values)
    assert config.id == path.stem
    assert only(module, ControllerBase).determine_executor_actions is not ControllerBase.determine_executor_actions


def test_every_strategy_of_the_run_is_in_the_home(tmp_path: Path) -> None:
    home = make_bot_home(tmp_path / "home")
    for name in STRATEGIES:
        assert (home / "conf" / "strategies" / name).exists() or (home / "conf" / "controllers" / name).exists()
    assert (home / "scripts" / "v2_with_controllers.py").exists()
    assert (home / "controllers" / "generic" / "inventory_quotes.py").exists()


class Prices:
    """A market data provider for one controller."""

    def __init__(self, mid: str) -> None:
        self.mid = Decimal(mid)

    def time(self) -> float:
        return 1_000.0

    def initialize_rate_sources(self, pairs: Any) -> None:
        """No rates are needed."""

    def get_price_by_type(self, *_: Any) -> Decimal:
        return self.mid


async def test_the_inventory_controller_quotes_maker_orders_and_stops_buying_when_it_holds_enough() -> None:
    values = yaml.safe_load((REPOSITORY / "conf" / "controllers" / "inventory_quotes_sandbox.yml").read_text(encoding="utf-8"))
    module = module_of(values)
    controller = module.InventoryQuotes(module.InventoryQuotesConfig(**values), Prices("0.65"), None)
    await controller.update_processed_data()
    quotes = [action.executor_config for action in controller.determine_executor_actions()]
    assert [quote.side for quote in quotes] == [TradeType.BUY, TradeType.BUY, TradeType.SELL, TradeType.SELL]
    assert {quote.triple_barrier_config.open_order_type for quote in quotes} == {OrderType.LIMIT_MAKER}
    assert quotes[0].entry_price == Decimal("0.65") * Decimal("0.999")

    controller.processed_data["share"] = Decimal("0.95")
    sides = {action.executor_config.side for action in controller.determine_executor_actions()}
    assert sides == {TradeType.SELL}


def test_a_warning_of_the_bot_is_a_complaint_and_the_missing_internet_is_none(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(
        "2026-01-01 00:00:00,000 - 1 - hummingbot.strategy_v2.executors.position_executor - WARNING - something\n"
        "2026-01-01 00:00:00,001 - 1 - hummingbot.strategy.strategy_v2_base - WARNING - x is not ready. Please wait...\n"
        "2026-01-01 00:00:00,002 - 1 - hummingbot.core.rate_oracle.sources.rate_source_base - ERROR - Gate.IO\n"
        "2026-01-01 00:00:00,003 - 1 - hummingbot.connector.exchange.standard.standard_exchange - INFO - quiet\n",
        encoding="utf-8")
    log = EventLog(path)
    assert log.new_lines() == []
    assert [line.rsplit(" - ", 1)[1] for line in log.complaints] == ["something"]
