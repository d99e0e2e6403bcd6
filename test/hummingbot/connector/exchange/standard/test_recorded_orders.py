"""Which orders Hummingbot's database holds, also where it cannot be read."""
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from hummingbot.client.config.client_config_map import DBSqliteMode, MarketDataCollectionConfigMap
from hummingbot.connector.exchange.standard.recorded_orders import (
    RecordedOrder,
    recorded_order,
    recorded_orders,
    save_orders,
)
from hummingbot.connector.markets_recorder import MarketsRecorder
from hummingbot.core.data_type.common import OrderType
from hummingbot.model.order import Order
from hummingbot.model.sql_connection_manager import SQLConnectionManager, SQLConnectionType
from hummingbot.model.trade_fill import TradeFill

CONNECTOR: Any = SimpleNamespace(_exchange_order_ids={"0xb0:bid:7": "told"})


class Broken:
    """A database that cannot be opened."""

    def __init__(self) -> None:
        self.asked = 0

    def get_new_session(self) -> Any:
        self.asked += 1
        raise OperationalError("SELECT", {}, Exception("database is locked"))


async def test_records_that_cannot_be_read_leave_what_the_connector_was_told(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", SimpleNamespace(sql_manager=broken))
    with caplog.at_level(logging.WARNING):
        assert await recorded_orders(CONNECTOR, ["told", "other"]) == {"told"}
    (record,) = caplog.records
    assert "Hummingbot's records cannot be read" in record.getMessage() and "database is locked" in record.getMessage()
    assert await recorded_orders(CONNECTOR, ["told"]) == {"told"} and broken.asked == 1, "there was nothing to look up"


async def test_a_recorded_order_has_its_type_and_its_trades(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
                                                            tmp_path: Path) -> None:
    settings: Any = SimpleNamespace(db_mode=DBSqliteMode())
    database = SQLConnectionManager(settings, SQLConnectionType.TRADE_FILLS, str(tmp_path / "records.sqlite"))
    with database.get_new_session() as session, session.begin():
        common = {"config_file_path": "", "strategy": "", "market": "standard", "symbol": "A-B", "base_asset": "A",
                  "quote_asset": "B", "order_type": "LIMIT_MAKER", "amount": 1, "price": 1}
        session.add(Order(**common, id="known", creation_timestamp=0, last_status="", last_update_timestamp=0))
        for order_id, trade_id in (("known", "0xb0:1"), ("known", "0xb0:2"), ("other", "0xb0:3")):
            session.add(TradeFill(**common, order_id=order_id, exchange_trade_id=trade_id, timestamp=0, trade_type="BUY",
                                  trade_fee={}))
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", SimpleNamespace(sql_manager=database))
    assert await recorded_order("known") == RecordedOrder(OrderType.LIMIT_MAKER, frozenset({"0xb0:1", "0xb0:2"}))
    assert await recorded_order("other") is None
    database.engine.dispose()
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", SimpleNamespace(sql_manager=Broken()))
    assert await recorded_order("known") is None and "a fill of order known is not told" in caplog.text
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", None)
    assert await recorded_order("known") is None


async def test_a_bare_connector_knows_what_it_was_told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", None)
    assert await recorded_orders(CONNECTOR, ["told", "other"]) == {"told"}


async def test_orders_are_saved_as_hummingbot_saves_them(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
                                                         tmp_path: Path) -> None:
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", None)  # as it is again afterwards
    settings: Any = SimpleNamespace(db_mode=DBSqliteMode())
    database = SQLConnectionManager(settings, SQLConnectionType.TRADE_FILLS, str(tmp_path / "records.sqlite"))
    recorder = MarketsRecorder(database, [], "conf.yml", "test", MarketDataCollectionConfigMap())
    connector: Any = SimpleNamespace(display_name="standard", tracking_states={"mine": {"price": "1"}})
    try:
        save_orders(connector)
        connector.tracking_states = {"mine": {"price": "2"}}
        save_orders(connector)
        restored: list[Any] = []
        recorder.restore_market_states("conf.yml", SimpleNamespace(display_name="standard",  # type: ignore[arg-type]
                                                                   restore_tracking_states=restored.append))
        assert restored == [{"mine": {"price": "2"}}] and not caplog.records
        monkeypatch.setattr(recorder, "_sql_manager", Broken())
        save_orders(connector)
        assert "Hummingbot's records cannot be written" in caplog.text
        monkeypatch.setattr(MarketsRecorder, "_shared_instance", None)
        save_orders(connector)
        assert len(caplog.records) == 1
    finally:
        database.engine.dispose()
