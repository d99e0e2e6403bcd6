"""Blocks that are replaced (docs/faults.md, F24 and F25)."""
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.events import MarketEvent
from test.faults.orders import transactions
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import SLOW_BLOCKS, heard, resting, take
from test.hummingbot.connector.exchange.standard.trading import until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


@pytest.mark.parametrize("mode", [Reorg.RETURN, Reorg.VANISH])
async def test_f24_the_block_of_a_fill_is_replaced(rig: Rig, mode: Reorg, caplog: pytest.LogCaptureFixture) -> None:
    order, node = await resting(rig), rig.sandbox.node
    fills = heard(rig, MarketEvent.OrderFilled)
    trade_ids: set[str] = set()
    for depth in (1, 2, 5, 12):
        before = node.head.number
        known, executed = set(order.order_fills), order.executed_amount_base
        take(rig, order, 8)
        await until(lambda known=known: set(order.order_fills) - known)  # type: ignore[misc]
        trade_ids |= set(order.order_fills)
        told = len(fills.event_log)
        node.pause()
        node.mine(depth - 1)
        node.reorganise(node.head.number - before, mode)
        if mode is Reorg.VANISH:
            await until(lambda known=known: set(order.order_fills) == known)  # type: ignore[misc]
            assert order.executed_amount_base == executed and "took back a fill" in caplog.text
        await rig.quiet()
        assert len(order.order_fills) == len(known) + (mode is Reorg.RETURN), "once, or not at all"
        assert len(fills.event_log) == told, "and nothing was told twice"
        assert order.current_state is (OrderState.PARTIALLY_FILLED if order.order_fills else OrderState.OPEN)
    assert len(trade_ids) == (4 if mode is Reorg.RETURN else 1), "the engine numbers its trades anew after a reorganisation"


async def test_f25_the_block_of_a_placement_is_replaced_and_its_transaction_lost(rig: Rig) -> None:
    created = heard(rig, MarketEvent.SellOrderCreated)
    order, node = await resting(rig), rig.sandbox.node
    placed = transactions(rig.sandbox)
    (slot,) = [entry.slot for entry in rig.exchange._account._sender._watch.entries if order.client_order_id in
               entry.tracked.intent.client_order_ids]
    name = slot.newest[0].hash
    node.pause()
    node.reorganise(node.head.number - 3, Reorg.VANISH)
    await until(lambda: order.is_pending_create and order.exchange_order_id is None)
    node.resume()
    await rig.quiet()
    assert order.current_state is OrderState.OPEN and len(created.event_log) == 1
    assert node.mined(name) is not None, "the same bytes were sent again"
    assert transactions(rig.sandbox) == placed
