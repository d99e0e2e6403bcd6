"""A connector that was away for so long that no node tells what happened meanwhile: it goes on with what the chain holds."""
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.follower import MAX_SCANNED_BLOCKS
from hummingbot.connector.exchange.standard.sandbox.node import NodeSettings
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.model import SPEED, Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, resting, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, deposit, until

WARNING = "is not told any more"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS, node=NodeSettings(history_blocks=300))
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def settled(rig: Rig) -> None:
    """What the connector did is final, and in its journal."""
    rig.sandbox.node.mine(2 * REORGANISED_BLOCKS)
    head = rig.sandbox.node.head.number
    await until(lambda: rig.exchange._events.settled_block >= head and not rig.exchange._account._finished)
    await rig.quiet()


async def stay_away(rig: Rig) -> None:
    """The connector ends; by the time it comes back the nodes have forgotten the blocks in which it ran."""
    await rig.kill()
    await until(lambda: not len(rig.sandbox.node.pool))
    rig.sandbox.node.mine(rig.sandbox.node.settings.history_blocks + 10)


async def same_deposit_after_two_starts(rig: Rig) -> None:
    """The order that rests has the deposit that the chain holds after a start, and after one more that follows a kill."""
    for _ in range(2):
        await rig.connect()
        await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done())
        await until(lambda: rig.exchange._events.settled_block >= rig.sandbox.node.head.number)
        ((key, own),) = rig.exchange._account.settlement.resting.items()
        assert own.deposit == deposit(rig.sandbox, key)
        rig.records.save(rig.exchange)
        await rig.kill()
    await rig.connect()


async def test_orders_are_taken_up_as_the_chain_holds_them(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    take(rig, order, 4)
    await until(lambda: order.order_fills)
    await settled(rig)
    rig.records.save(rig.exchange)
    take(rig, order, 4)  # in the deposit, and told by nobody
    await stay_away(rig)
    await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done())
    ((key, own),) = rig.exchange._account.settlement.resting.items()
    assert key.exchange_order_id == order.exchange_order_id and own.deposit == deposit(rig.sandbox, key)
    assert again.current_state is OrderState.PARTIALLY_FILLED and len(again.order_fills) == 1
    assert caplog.text.count(WARNING) == 1
    take(rig, order, 4)
    await until(lambda: len(again.order_fills) == 2)
    rig.exchange.cancel(again.trading_pair, again.client_order_id)
    await until(lambda: again.current_state is OrderState.CANCELED)


async def test_what_was_taken_meanwhile_is_taken_off_once_though_the_bot_is_started_twice(rig: Rig) -> None:
    """Its logs are known of the last blocks only, in which the orders were not known yet."""
    order = await resting(rig)
    await settled(rig)
    rig.records.save(rig.exchange)
    await stay_away(rig)
    take(rig, order, 2)  # in the deposit when the next run begins
    await until(lambda: not len(rig.sandbox.node.pool))
    await same_deposit_after_two_starts(rig)


async def test_what_no_strategy_knows_is_cancelled_all_the_same(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await resting(rig)
    await settled(rig)
    ((key, _),) = rig.exchange._account.settlement.resting.items()
    rig.records.save(rig.exchange, {})
    await stay_away(rig)
    assert deposit(rig.sandbox, key)
    await rig.connect()
    await until(lambda: not deposit(rig.sandbox, key))
    assert WARNING in caplog.text


async def go_away(rig: Rig) -> None:
    """No node answers any more, and no stream tells anything."""
    faults = rig.sandbox.faults
    faults.node_stream.close_code = faults.stream.close_code = 1001
    faults.node_stream.refuse = faults.stream.refuse = True
    faults.add("refused", target="rpc")
    await asyncio.sleep(0.3)


async def come_back(rig: Rig) -> None:
    """They answer again, and have forgotten what was when they answered last."""
    await until(lambda: not len(rig.sandbox.node.pool))
    rig.sandbox.node.mine(rig.sandbox.node.settings.history_blocks + 10)
    rig.sandbox.faults.clear()
    await until(lambda: rig.exchange._events.settled_block >= rig.sandbox.node.head.number - 5, 20)


async def test_a_feed_that_could_not_ask_for_too_long_goes_on_by_itself(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] - 1, AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.open_orders()) == 2 and rig.open_orders()[1].current_state is OrderState.OPEN)
    taken = rig.open_orders()[1]
    await settled(rig)
    await go_away(rig)
    take(rig, taken)
    take(rig, order, 4)  # both told by nobody
    await come_back(rig)
    ((key, own),) = rig.exchange._account.settlement.resting.items()
    assert key.exchange_order_id == order.exchange_order_id and own.deposit == deposit(rig.sandbox, key)
    assert caplog.text.count(WARNING) == 1
    take(rig, order, 4)
    await until(lambda: len(order.order_fills) == 1)
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await until(lambda: order.current_state is OrderState.CANCELED)
    await until(lambda: taken.client_order_id not in rig.exchange.in_flight_orders, 20)
    assert rig.errors.lines == []


async def test_nothing_is_said_when_nothing_rested(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await stay_away(rig)
    await rig.connect()
    await until(lambda: rig.exchange.ready)
    await go_away(rig)
    await come_back(rig)
    assert WARNING not in caplog.text


@pytest.mark.parametrize("rests", [True, False], ids=["it rests", "it was taken whole"])
async def test_a_placement_whose_receipt_is_forgotten_is_looked_for_in_its_book(
        rig: Rig, rests: bool, caplog: pytest.LogCaptureFixture) -> None:
    first = await resting(rig)  # so that the next one needs no approval
    rig.exchange.cancel(first.trading_pair, first.client_order_id)
    await until(lambda: first.current_state is OrderState.CANCELED)
    await settled(rig)
    rig.sandbox.node.pause()
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR], AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.sandbox.node.pool))
    (order,) = rig.open_orders()
    rig.records.save(rig.exchange)
    await rig.kill()
    rig.sandbox.node.mine(1)
    take(rig, order, 4 if rests else 1)
    rig.sandbox.node.mine(rig.sandbox.node.settings.history_blocks + 10)
    await asyncio.sleep(80 / SPEED)  # so that the node's oldest block is younger than the order
    rig.sandbox.node.mine(rig.sandbox.node.settings.history_blocks + 10)
    rig.sandbox.node.resume()
    sent = len(rig.sandbox.node.pool)
    await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    await until(lambda: again.current_state is (OrderState.OPEN if rests else OrderState.FAILED), 30)
    resting_now = rig.exchange._account.settlement.resting
    assert [own.deposit for own in resting_now.values()] == [deposit(rig.sandbox, key) for key in resting_now]
    assert len(resting_now) == int(rests) and sent == 0
    assert "compare the balances" in caplog.text or rests
    if rests:
        take(rig, again, 4)
        await until(lambda: len(again.order_fills) == 1)
    await until(lambda: not rig.exchange._account._finished, 30)
    assert rig.errors.lines == []


@pytest.mark.parametrize("rests", [True, False], ids=["it rests", "it was taken whole"])
async def test_so_is_one_of_a_connector_that_slept_before_the_receipt_came(
        rig: Rig, rests: bool, caplog: pytest.LogCaptureFixture) -> None:
    await resting(rig)
    await settled(rig)
    rig.sandbox.node.pause()
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] - 1, AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.sandbox.node.pool))
    order = rig.open_orders()[1]
    await go_away(rig)
    rig.sandbox.node.mine(1)
    take(rig, order, 4 if rests else 1)
    rig.sandbox.node.mine(MAX_SCANNED_BLOCKS)
    await asyncio.sleep(80 / SPEED)  # so that the node's oldest block is younger than the order
    rig.sandbox.node.mine(rig.sandbox.node.settings.history_blocks + 10)
    rig.sandbox.node.resume()
    rig.sandbox.faults.clear()
    head = rig.sandbox.node.head.number
    await until(lambda: order.current_state is (OrderState.OPEN if rests else OrderState.FAILED), 30)
    await until(lambda: rig.exchange._events.settled_block >= head)  # what is taken before that is not known
    resting_now = rig.exchange._account.settlement.resting
    assert [own.deposit for own in resting_now.values()] == [deposit(rig.sandbox, key) for key in resting_now]
    assert len(resting_now) == 1 + int(rests) and ("compare the balances" in caplog.text or rests)
    if rests:
        take(rig, order, 4)
        await until(lambda: len(order.order_fills) == 1)
        rig.exchange.cancel(order.trading_pair, order.client_order_id)
        await until(lambda: order.current_state is OrderState.CANCELED)
    await until(lambda: not rig.exchange._account._finished, 30)
    assert rig.errors.lines == []
