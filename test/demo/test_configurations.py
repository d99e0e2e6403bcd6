"""The ready configurations: Hummingbot accepts each of them, and they name what is there."""
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from demo.bot_home import REPOSITORY
from hummingbot.client.config.config_data_types import BaseClientModel
from hummingbot.client.settings import AllConnectorSettings
from hummingbot.strategy.avellaneda_market_making.avellaneda_market_making_config_map_pydantic import (
    AvellanedaMarketMakingConfigMap,
    IgnoreHangingOrdersModel,
    InfiniteModel,
    SingleOrderLevelModel,
)
from hummingbot.strategy.cross_exchange_market_making.cross_exchange_market_making_config_map_pydantic import (
    ActiveOrderRefreshMode,
    CrossExchangeMarketMakingConfigMap,
    OracleConversionRateMode,
    PassiveOrderRefreshMode,
    TakerToMakerConversionRateMode,
)
from hummingbot.strategy.pure_market_making.pure_market_making_config_map import pure_market_making_config_map
from hummingbot.strategy.strategy_v2_base import StrategyV2ConfigBase
from hummingbot.strategy_v2.controllers.controller_base import ControllerConfigBase

CONF = REPOSITORY / "conf"
MAPS = {"avellaneda_market_making": AvellanedaMarketMakingConfigMap,
        "cross_exchange_market_making": CrossExchangeMarketMakingConfigMap}
EXCHANGES = {"standard", "standard_testnet", "standard_sandbox"}


def configurations(kind: str) -> list[Any]:
    return [pytest.param(path, id=path.name) for path in sorted((CONF / kind).glob("*.yml"))]


def content(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def module_of(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def config_class(path: Path, base: type[BaseClientModel]) -> type[BaseClientModel]:
    (found,) = [member for _, member in inspect.getmembers(module_of(path), inspect.isclass)
                if issubclass(member, base) and member.__module__ == path.stem]
    return found


def made_of(settings: dict[str, Any]) -> Any:
    """Hummingbot's own configuration map with these settings; raises ValueError for one that it refuses."""
    return MAPS[settings["strategy"]](**settings)


@pytest.fixture(autouse=True)
def paper_trading():
    """Paper trading on the sandbox, as `paper` sets it up."""
    AllConnectorSettings.get_connector_settings()
    AllConnectorSettings.initialize_paper_trade_settings(["standard_sandbox"])
    yield
    AllConnectorSettings.all_connector_settings = {}
    AllConnectorSettings.paper_trade_connectors_names = []


@pytest.mark.parametrize("path", configurations("strategies"))
async def test_a_strategy_is_one_of_hummingbots_with_settings_that_it_accepts(path, monkeypatch):
    settings = content(path)
    if settings["strategy"] == "pure_market_making":
        assert set(settings) <= {*pure_market_making_config_map, "template_version"}
        for name, value in settings.items():
            variable = pure_market_making_config_map.get(name)
            if variable is not None:
                monkeypatch.setattr(variable, "value", value)
                assert await variable.validate(str(value)) is None, name
    else:
        assert set(settings) <= set(MAPS[settings["strategy"]].model_fields)
        made_of(settings)
    maker = settings.get("exchange") or settings["maker_market"]
    assert maker.removesuffix("_paper_trade") in EXCHANGES


def test_the_modes_of_the_strategies_are_the_ones_that_are_meant():
    def made(name: str) -> Any:
        return made_of(content(CONF / "strategies" / name))

    assert isinstance(made("xemm_standard.yml").order_refresh_mode, PassiveOrderRefreshMode)
    assert isinstance(made("xemm_standard.yml").conversion_rate_mode, OracleConversionRateMode)
    assert isinstance(made("xemm_sandbox.yml").order_refresh_mode, ActiveOrderRefreshMode)
    assert isinstance(made("xemm_sandbox.yml").conversion_rate_mode, TakerToMakerConversionRateMode)
    for name in ("avellaneda_standard.yml", "avellaneda_sandbox.yml"):
        assert isinstance(made(name).execution_timeframe_mode, InfiniteModel)
        assert isinstance(made(name).order_levels_mode, SingleOrderLevelModel)
        assert isinstance(made(name).hanging_orders_mode, IgnoreHangingOrdersModel)


@pytest.mark.parametrize("path", configurations("controllers"))
def test_a_controller_is_there_and_accepts_its_settings(path):
    settings = content(path)
    source = REPOSITORY / "strategies" / "controllers" / settings["controller_type"] / f"{settings['controller_name']}.py"
    made = config_class(source, ControllerConfigBase)(**settings)
    assert set(settings) <= set(type(made).model_fields)
    assert settings["connector_name"] in EXCHANGES
    assert settings["id"] == path.stem


@pytest.mark.parametrize("path", configurations("scripts"))
def test_a_script_is_there_and_accepts_its_settings(path):
    settings = content(path)
    made = config_class(REPOSITORY / "strategies" / "scripts" / settings["script_file_name"], StrategyV2ConfigBase)(**settings)
    assert set(settings) <= set(type(made).model_fields)
    assert settings["connector_name"] in EXCHANGES
