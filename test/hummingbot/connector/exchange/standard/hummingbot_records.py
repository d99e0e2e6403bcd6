"""Hummingbot's own records: its MarketsRecorder on a database file, attached to a connector as Hummingbot attaches it."""
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import event

from hummingbot.client.config.client_config_map import DBSqliteMode, MarketDataCollectionConfigMap
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.markets_recorder import MarketsRecorder
from hummingbot.core.data_type.trade_fee import TradeFeeBase
from hummingbot.model.sql_connection_manager import SQLConnectionManager, SQLConnectionType

CONFIGURATION = "conf_test.yml"
ENDS = ("OrderCancelled", "BuyOrderCompleted", "SellOrderCompleted")


class RecordedFill(NamedTuple):
    """A row of the table of fills: the base amount cut off at six digits, as Hummingbot stores it, and the fee in full."""

    order_id: str
    trade_id: str
    amount: Decimal
    fee: Decimal


class Records:
    """The database of one configuration. A kill leaves it as it is; the next `attach` is the next run's."""

    def __init__(self, path: Path, configuration: str = CONFIGURATION) -> None:
        self.path = path
        self.configuration = configuration
        self._recorder: MarketsRecorder | None = None

    def attach(self, exchange: StandardExchange) -> None:
        """What Hummingbot does between making a connector and starting its network (core/trading_core.py)."""
        database = SQLConnectionManager(SimpleNamespace(db_mode=DBSqliteMode()), SQLConnectionType.TRADE_FILLS, str(self.path))
        # The end of a process is what is tested, not that of the machine.
        event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        database.engine.dispose()
        self._recorder = MarketsRecorder(database, [exchange], self.configuration, "test", MarketDataCollectionConfigMap())
        self._recorder.start()
        self._recorder.restore_market_states(self.configuration, exchange)

    def detach(self) -> None:
        """The process is gone."""
        if self._recorder is not None:
            self._recorder.stop()
            self._recorder.sql_manager.engine.dispose()
            self._recorder = MarketsRecorder._shared_instance = None

    def save(self, exchange: StandardExchange, states: dict[str, Any] | None = None) -> None:
        """Save the tracked orders (or these) now, as Hummingbot does whenever something happens to any order."""
        assert self._recorder is not None
        owner = exchange if states is None else SimpleNamespace(tracking_states=states, display_name=exchange.display_name)
        with self._recorder.sql_manager.get_new_session() as session, session.begin():
            self._recorder.save_market_states(self.configuration, owner, session)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(query).fetchall()

    def saved_states(self) -> dict[str, Any]:
        """The tracked orders as they were saved last."""
        rows = self._rows("SELECT saved_state FROM MarketState")
        return json.loads(rows[0][0]) if rows else {}

    def orders(self) -> dict[str, tuple[str, str]]:
        """The exchange order id with which each order was created, and the last that was heard of it, by client order id."""
        return {name: (place, last) for name, place, last in self._rows("SELECT id, exchange_order_id, last_status FROM 'Order'")}

    def ended(self) -> set[str]:
        """The orders whose end was recorded. It need not be the last that was heard of one: what a better price left of its
        deposit may be taken afterwards."""
        marks = ", ".join(f"'{status}'" for status in ENDS)
        return {name for (name,) in self._rows(f"SELECT order_id FROM OrderStatus WHERE status IN ({marks})")}

    def history(self, client_order_id: str) -> list[tuple[Any, ...]]:
        """Everything that was recorded of one order: the order, what was heard of it, its fills, its saved state."""
        rows = [row for table, column in (("Order", "id"), ("OrderStatus", "order_id"), ("TradeFill", "order_id"))
                for row in self._rows(f"SELECT '{table}', * FROM '{table}' WHERE {column} = '{client_order_id}'")]
        return [*rows, ("saved", self.saved_states().get(client_order_id))]

    def fills(self) -> list[RecordedFill]:
        """All rows."""
        rows = self._rows("SELECT order_id, exchange_trade_id, amount, trade_fee FROM TradeFill")
        return [RecordedFill(name, trade_id, Decimal(amount) / 10 ** 6, sum(
            (token.amount for token in TradeFeeBase.from_json(json.loads(fee)).flat_fees), Decimal(0)))
            for name, trade_id, amount, fee in rows]
