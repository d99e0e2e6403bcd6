"""Which orders and fills Hummingbot's own database holds, and how to have it save the orders that are tracked.

A connector is told the exchange order ids of a configuration at start, but only of its 2,000 oldest orders, so the
database is asked for those in question. Each of its records has a key of its own (an order's id; market, order and trade id
of a fill), so that telling one twice would double nothing, but log a traceback.
"""
import asyncio
import logging
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.connector.markets_recorder import MarketsRecorder
from hummingbot.core.data_type.common import OrderType
from hummingbot.model.order import Order
from hummingbot.model.sql_connection_manager import SQLConnectionManager
from hummingbot.model.trade_fill import TradeFill


class RecordedOrder(NamedTuple):
    """What the database holds of an order."""

    order_type: OrderType
    trade_ids: frozenset[str]


async def recorded_order(client_order_id: str) -> RecordedOrder | None:
    """An order (by client order id) as the running configuration's database holds it, None where it does not or cannot be
    read, with a warning."""
    recorder = MarketsRecorder._shared_instance  # a bare connector has none
    if recorder is None:
        return None
    try:
        return await asyncio.to_thread(_look_up_order, recorder.sql_manager, client_order_id)
    except SQLAlchemyError as error:
        logging.getLogger(__name__).warning("Hummingbot's records cannot be read, and a fill of order %s is not told: %s",
                                            client_order_id, error)
        return None


async def recorded_orders(connector: ConnectorBase, client_order_ids: Collection[str]) -> set[str]:
    """Those of the orders (by client order id) that the running configuration's database holds, with or without an end."""
    wanted = set(client_order_ids)
    recorded = wanted & set(connector._exchange_order_ids.values())
    recorder = MarketsRecorder._shared_instance  # a bare connector has none
    if recorder is not None and wanted - recorded:
        try:
            recorded |= await asyncio.to_thread(_look_up, recorder.sql_manager, wanted)
        except SQLAlchemyError as error:
            logging.getLogger(__name__).warning("Hummingbot's records cannot be read: %s", error)
    return recorded


def save_orders(connector: ConnectorBase) -> None:
    """Have Hummingbot save the connector's tracked orders, as it does by itself on each event that it is told. For what changes
    without one; a database that cannot be written is a warning."""
    recorder = MarketsRecorder._shared_instance  # a bare connector has none
    if recorder is None:
        return
    try:
        with recorder.sql_manager.get_new_session() as session, session.begin():
            recorder.save_market_states(recorder._config_file_path, connector, session=session)
    except SQLAlchemyError as error:
        logging.getLogger(__name__).warning("Hummingbot's records cannot be written: %s", error)


def _look_up(database: SQLConnectionManager, client_order_ids: Collection[str]) -> set[str]:
    with database.get_new_session() as session:
        return {name for (name,) in session.query(Order.id).filter(Order.id.in_(client_order_ids))}


def _look_up_order(database: SQLConnectionManager, client_order_id: str) -> RecordedOrder | None:
    with database.get_new_session() as session:
        order = session.get(Order, client_order_id)
        if order is None:
            return None
        trade_ids = session.query(TradeFill.exchange_trade_id).filter(TradeFill.order_id == client_order_id)
        return RecordedOrder(OrderType[order.order_type], frozenset(trade_id for (trade_id,) in trade_ids))
