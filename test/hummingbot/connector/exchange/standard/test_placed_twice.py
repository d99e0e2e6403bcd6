"""A batch that was refused, and whose orders were sent one by one since, in blocks that were replaced."""
import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.event.events import MarketEvent
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import PRICES, SLOW_BLOCKS, heard, resting
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


def held(rig: Rig) -> int:
    return rig.sandbox.view.balance(rig.market(TOKEN_PAIR).base.address, rig.address)


async def split(rig: Rig) -> int:
    """Two orders are sent together, of which one alone could be paid, and does rest; the block before they were sent."""
    order = await resting(rig)  # so that nothing is to be approved
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    before, amount = rig.sandbox.node.head.number, rig.market(TOKEN_PAIR).base.from_units(held(rig) * 6 // 10)
    for step in range(2):
        rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] + Decimal(step), amount)
    await until(lambda: len(rig.exchange._account.settlement.resting) == 1)
    await until(lambda: len(rig.open_orders()) == 1)
    return before


async def test_an_order_that_is_placed_twice_when_its_batch_is_let_through_rests_once(
        rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    owned, node = held(rig), rig.sandbox.node
    before = await split(rig)
    cancelled = heard(rig, MarketEvent.OrderCancelled)
    node.pause()
    node.reorganise(node.head.number - before, Reorg.VANISH)
    base = rig.market(TOKEN_PAIR).base.address
    rig.act(1, base, ERC20_FUNCTIONS["transfer"].encode(rig.address, owned))  # it comes first now, so that both can be paid
    node.resume()
    resting_orders = rig.exchange._account.settlement.resting
    await until(lambda: len(resting_orders) == 3 or "was placed twice" in caplog.text)
    await until(lambda: len(resting_orders) == 2 and not len(node.pool))
    await asyncio.sleep(1)  # more than ten seconds of the connector's time
    assert Counter(order.client_order_id for order in resting_orders.values()) == \
        Counter(list(rig.exchange.in_flight_orders))
    assert len(rig.open_orders()) == 2 and caplog.text.count("was placed twice") == 1 and cancelled.event_log == []
    known = {order.exchange_order_id for order in rig.comparison.orders.values()}
    (copy,) = rig.comparison.truth().orders.keys() - known
    rig.comparison.excuse(copy)  # Hummingbot never knew of it
    await rig.quiet()


@pytest.mark.parametrize("mode", Reorg)
async def test_an_order_does_not_fail_with_its_batch_that_is_refused_again(rig: Rig, mode: Reorg) -> None:
    node = rig.sandbox.node
    before = await split(rig)
    failed = heard(rig, MarketEvent.OrderFailure)
    node.pause()
    node.reorganise(node.head.number - before, mode)
    node.resume()
    await rig.quiet()
    assert len(rig.open_orders()) == 1 and failed.event_log == []
