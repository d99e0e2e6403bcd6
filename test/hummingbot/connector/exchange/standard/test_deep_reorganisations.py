"""Reorganisations deeper than what is followed: noticed, told once, and put right from the chain, running and after a start."""
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, resting, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, deposit, until

DEPTH = 40
TOLD = "counted as final"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def mined_since(rig: Rig, before: int) -> int:
    """How many blocks came after one, as soon as they are more than are followed, and one of them was noted as final."""
    deep = rig.exchange._account._deep
    await until(lambda: rig.sandbox.node.head.number >= before + DEPTH and deep._notes and deep._notes[-1].number > before, 30)
    return rig.sandbox.node.head.number - before


async def own_deposit_is_the_chains(rig: Rig) -> None:
    def same() -> bool:
        resting_now = rig.exchange._account.settlement.resting
        return bool(resting_now) and all(own.deposit == deposit(rig.sandbox, key) for key, own in resting_now.items())
    await until(same, 30)


@pytest.mark.parametrize("restart", [False, True], ids=["running", "at the next start"])
async def test_a_fill_that_vanishes_leaves_its_order(rig: Rig, restart: bool, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await mined_since(rig, before)
    if restart:
        await rig.kill()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    if restart:
        await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    await until(lambda: not again.order_fills, 30)
    await own_deposit_is_the_chains(rig)
    assert again.executed_amount_base == 0 and again.current_state is OrderState.OPEN
    assert caplog.text.count(TOLD) == 1
    await until(lambda: rig.exchange._account._deep._looks_left == 0, 30)
    take(rig, again)
    await until(lambda: again.current_state is OrderState.FILLED, 20)


async def test_an_order_whose_placement_vanishes_ends_as_cancelled(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    kept = await resting(rig)
    before = rig.sandbox.node.head.number
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] + 1, AMOUNTS[TOKEN_PAIR])
    await until(lambda: [order.current_state for order in rig.open_orders()] == 2 * [OrderState.OPEN])
    gone = rig.open_orders()[1]
    await mined_since(rig, before)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await until(lambda: gone.current_state is OrderState.CANCELED, 30)
    await own_deposit_is_the_chains(rig)
    assert kept.current_state is OrderState.OPEN and not gone.order_fills
    assert caplog.text.count(TOLD) == 1


async def test_a_reorganisation_that_brings_everything_again_changes_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await mined_since(rig, before)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.REMINE)
    await until(lambda: TOLD in caplog.text and rig.exchange._account._deep._looks_left == 0, 30)
    await rig.quiet()
    assert len(order.order_fills) == 1 and order.current_state is OrderState.PARTIALLY_FILLED
