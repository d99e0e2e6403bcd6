"""Which orders Hummingbot's database holds, also where it cannot be read."""
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from hummingbot.connector.exchange.standard.recorded_orders import recorded_orders
from hummingbot.connector.markets_recorder import MarketsRecorder

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


async def test_a_bare_connector_knows_what_it_was_told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarketsRecorder, "_shared_instance", None)
    assert await recorded_orders(CONNECTOR, ["told", "other"]) == {"told"}
