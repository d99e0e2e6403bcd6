"""A connector whose journal cannot be written for a while, or holds what cannot be read: nothing is lost and nothing doubled."""
import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.journal import STATE
from hummingbot.connector.exchange.standard.saved_state import SavedState
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.events import MarketEvent
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, heard, resting, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, deposit, until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def disk_refuses(rig: Rig, refuses: bool = True) -> None:
    journal = rig.exchange._account._journal
    await asyncio.get_running_loop().run_in_executor(journal._executor, journal._connection.execute,
                                                     f"PRAGMA query_only = {int(refuses)}")


async def saved(rig: Rig) -> SavedState:
    return SavedState.from_json(await rig.exchange._account._journal.get(STATE))


@pytest.mark.parametrize("killed", [False, True], ids=["the disk is back", "killed meanwhile"])
async def test_while_the_disk_refuses_fills_and_cancels_go_on_and_orders_are_refused(
        rig: Rig, killed: bool, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] + 1, AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.open_orders()) == 2 and rig.open_orders()[1].current_state is OrderState.OPEN)
    other = rig.open_orders()[1]
    rig.sandbox.node.mine(40)
    await rig.quiet()
    rig.records.save(rig.exchange)
    failures = heard(rig, MarketEvent.OrderFailure)
    await disk_refuses(rig)
    take(rig, order, 3)
    await until(lambda: len(order.order_fills) == 1)
    head = rig.sandbox.node.head.number
    await until(lambda: rig.exchange._events.settled_block >= head)
    rig.exchange.cancel(other.trading_pair, other.client_order_id)
    await until(lambda: other.current_state is OrderState.CANCELED)
    refused = [rig.exchange.sell(TOKEN_PAIR, AMOUNTS[TOKEN_PAIR], OrderType.LIMIT, PRICES[TOKEN_PAIR] + 2) for _ in range(2)]
    await until(lambda: [event.order_id for event in failures.event_log] == refused)
    assert [record.getMessage().count("cannot be written") for record in caplog.records
            if record.levelno >= logging.ERROR] == [1]
    if killed:
        await rig.kill()
        take(rig, order, 3)
        await rig.connect()
        order = rig.exchange.in_flight_orders[order.client_order_id]
    else:
        await disk_refuses(rig, False)
        take(rig, order, 3)
    await until(lambda: len(order.order_fills) == 2, 20)
    rig.sandbox.node.mine(40)
    await rig.quiet()
    await until(lambda: rig.exchange._account.settlement.resting)
    ((key, own),) = rig.exchange._account.settlement.resting.items()
    assert own.deposit == deposit(rig.sandbox, key) and order.current_state is OrderState.PARTIALLY_FILLED
    await until(lambda: not rig.exchange._account._finished)
    state = await saved(rig)
    assert [resting.key for resting in state.orders] == [key] and rig.errors.lines == []


async def test_a_state_that_cannot_be_read_is_begun_anew_from_the_chain(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    rig.sandbox.node.mine(40)
    await rig.quiet()
    rig.records.save(rig.exchange)
    await rig.kill()
    (path,) = rig.folder.glob("standard_sandbox_*.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE state SET value = substr(value, 1, length(value) - 9)")
    connection.close()
    caplog.clear()
    await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done(), 20)
    ((key, own),) = rig.exchange._account.settlement.resting.items()
    assert own.deposit == deposit(rig.sandbox, key) and len(again.order_fills) == 1
    assert caplog.text.count("What the last run noted of its orders cannot be read") == 1
    take(rig, again, 3)
    await until(lambda: len(again.order_fills) == 2)
    rig.exchange.cancel(again.trading_pair, again.client_order_id)
    await until(lambda: again.current_state is OrderState.CANCELED)
    assert rig.errors.lines == []
