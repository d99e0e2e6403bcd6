"""The connector on a chain that takes blocks back: its orders, fills and money are always those of the chain that is left."""
import asyncio
import json
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest

from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.event.event_logger import EventLogger
from hummingbot.core.event.events import MarketEvent
from test.hummingbot.connector.exchange.standard.model import Rig, limit_order_data
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, TOKEN_PAIR, until

PRICES = {NATIVE_PAIR: Decimal("0.65"), TOKEN_PAIR: Decimal("60000")}
AMOUNTS = {NATIVE_PAIR: Decimal("12.34"), TOKEN_PAIR: Decimal("0.001234")}
# So that what happens within a test happens within the blocks that a reorganisation can reach.
SLOW_BLOCKS = 1.6
modes = pytest.mark.parametrize("mode", Reorg)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def resting(rig: Rig, is_buy: bool = False, pair: str = TOKEN_PAIR) -> InFlightOrder:
    """An order of the connector that rests."""
    rig.place(is_buy, pair, OrderType.LIMIT, PRICES[pair], AMOUNTS[pair])
    await until(lambda: rig.open_orders() and rig.open_orders()[-1].current_state is OrderState.OPEN)
    return rig.open_orders()[-1]


def take(rig: Rig, order: InFlightOrder, share: int = 1) -> None:
    """Another trader takes a part of the order."""
    market = rig.market(order.trading_pair)
    units = market.base.to_units(order.amount) // share
    data, value = limit_order_data(market, order.trade_type.name == "SELL", round(order.price * 10 ** 8), units, False,
                                   rig.sandbox.accounts[1].address)
    rig.act(1, rig.sandbox.engine_address, data, value)


def heard(rig: Rig, kind: MarketEvent) -> EventLogger:
    logger = EventLogger()
    rig.exchange.add_listener(kind, logger)
    return logger


@modes
async def test_a_placement_whose_block_was_replaced_is_pending_until_it_rests_again(rig: Rig, mode: Reorg) -> None:
    created = heard(rig, MarketEvent.SellOrderCreated)
    order = await resting(rig)
    states = []
    rig.sandbox.node.pause()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - 3, mode)
    if mode is not Reorg.REMINE:
        await until(lambda: order.is_pending_create)
        states.append(order.exchange_order_id)
    await rig.quiet()
    assert order.current_state is OrderState.OPEN and order.client_order_id in rig.exchange.in_flight_orders
    assert states == ([] if mode is Reorg.REMINE else [None])
    assert len(created.event_log) == 1, "Hummingbot's records take an order's creation once only"


async def test_a_placement_is_taken_back_by_the_receipt_although_the_logs_are_far_ahead(rig: Rig) -> None:
    """After a pause many blocks have come at once, and the placement was in one of those that were replaced."""
    order = await resting(rig)
    rig.sandbox.node.pause()
    await rig.exchange._account.remember(rig.sandbox.node.head.number + 100)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - 3, Reorg.VANISH)
    await until(lambda: order.is_pending_create)
    await rig.quiet()
    assert order.current_state is OrderState.OPEN and len(rig.exchange._account.settlement.resting) == 1


async def test_a_cancel_in_an_older_block_than_before_counts_when_its_placement_is_seen_there_too(rig: Rig) -> None:
    """The logs tell of the new blocks first, and are far ahead before the receipts are looked at."""
    before = rig.sandbox.node.head.number
    await until(lambda: rig.sandbox.node.head.number > before + 3)
    order = await resting(rig)
    account = rig.exchange._account
    with patch.object(account._sender._follower, "poll", AsyncMock(return_value=False)):
        rig.exchange.cancel(order.trading_pair, order.client_order_id)
        await until(lambda: order.is_cancelled)
        rig.sandbox.node.pause()
        rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.REMINE)
        await until(lambda: [log.block_number for logs in account.settlement._early.values() for log in logs] == [before + 1])
        await account.remember(rig.sandbox.node.head.number + 100)
    await rig.quiet()
    assert order.is_cancelled and not account.settlement.resting


async def test_a_fill_that_is_known_before_the_receipt_counts_after_a_crash(rig: Rig) -> None:
    """The node shows no receipt for so long that the logs are far ahead."""
    first = await resting(rig)
    await rig.quiet()
    rig.sandbox.node.faults.receipt_delay_blocks = 10_000
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] + 600, AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.comparison.truth().orders) == 2)
    (order,) = [order for order in rig.open_orders() if order is not first]
    take(rig, first)
    take(rig, order, 3)
    account, head = rig.exchange._account, rig.sandbox.node.head.number
    await until(lambda: first.is_filled and account.settlement._early)
    await until(lambda: rig.sandbox.node.head.number > head + REORGANISED_BLOCKS + 10)
    await rig.kill()
    await rig.connect()
    await rig.quiet()
    (order,) = rig.open_orders()
    assert len(order.order_fills) == 1 and order.current_state is OrderState.PARTIALLY_FILLED


async def test_what_is_forgotten_step_by_step_is_not_told_as_of_a_block_before(rig: Rig) -> None:
    """A placement of an earlier run is found in an old block only after its order was filled: the state must not go back."""
    order = await resting(rig)
    account, head = rig.exchange._account, rig.sandbox.node.head.number
    await until(lambda: not account._placements.unsettled)
    rig.sandbox.node.pause()
    with patch.object(TransactionSender, "oldest_unsettled", None):
        await account.remember(head + 100)
    with patch.object(TransactionSender, "oldest_unsettled", 1), patch.object(account._journal, "set") as written:
        account.settlement.resting[OrderKey.parse(order.exchange_order_id)].deposit -= 1  # so that there is something to write
        await account.remember(head + 101)
    assert head + 100 - REORGANISED_BLOCKS in [json.loads(call.args[1])["block"] for call in written.call_args_list]


@modes
@pytest.mark.parametrize("share", [1, 3])
async def test_a_fill_whose_block_was_replaced_is_taken_back_and_counts_once_when_it_returns(
        rig: Rig, mode: Reorg, share: int, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    await rig.quiet()
    before = rig.sandbox.node.head.number
    take(rig, order, share)
    await until(lambda: order.order_fills)
    rig.sandbox.node.pause()
    await asyncio.sleep(0.05)
    executed = order.executed_amount_base
    caplog.set_level(logging.WARNING)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, mode)
    await rig.quiet()
    if mode is Reorg.VANISH:
        assert order.order_fills == {} and order.executed_amount_base == 0 and order.current_state is OrderState.OPEN
        assert order.client_order_id in rig.exchange.in_flight_orders
        assert any("took back a fill" in record.message for record in caplog.records)
        take(rig, order, share)
        await rig.quiet()
    assert len(order.order_fills) == 1 and order.executed_amount_base == executed
    assert order.current_state is (OrderState.FILLED if share == 1 else OrderState.PARTIALLY_FILLED)


@modes
async def test_a_cancel_whose_block_was_replaced_is_sent_again(rig: Rig, mode: Reorg) -> None:
    order = await resting(rig)
    await rig.quiet()
    before = rig.sandbox.node.head.number
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await until(lambda: order.current_state is OrderState.CANCELED)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, mode)
    await rig.quiet()
    assert order.current_state is OrderState.CANCELED and not rig.exchange.in_flight_orders


async def test_a_cancel_of_an_order_that_came_back_under_another_id_cancels_nothing(rig: Rig) -> None:
    """Ids are given out in the order of placing: when a stranger's order vanishes, the own one gets the stranger's id."""
    order = await resting(rig)
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    market, before = rig.market(TOKEN_PAIR), rig.sandbox.node.head.number
    data, _ = limit_order_data(market, True, 59_000 * 10 ** 8, 100_000, True, rig.sandbox.accounts[1].address)
    rig.act(1, rig.sandbox.engine_address, data)
    await until(lambda: not len(rig.sandbox.node.pool))
    order = await resting(rig, is_buy=True)
    first = order.exchange_order_id
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await until(lambda: order.current_state is OrderState.CANCELED)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await rig.quiet()
    assert order.current_state is OrderState.OPEN and order.exchange_order_id != first
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    assert order.current_state is OrderState.CANCELED


async def test_a_refused_order_that_a_reorganisation_lets_through_is_an_order(rig: Rig) -> None:
    """Money comes in after the order that needs it; in the replaced block, where it pays more for its gas, it comes first."""
    order = await resting(rig)
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    market, node = rig.market(TOKEN_PAIR), rig.sandbox.node
    before = node.head.number
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR], Decimal(1100))
    await until(lambda: rig.open_orders())
    (refused,) = rig.open_orders()
    await until(lambda: refused.current_state is OrderState.FAILED)
    rig.act(1, market.base.address, ERC20_FUNCTIONS["transfer"].encode(rig.address, 200 * 10 ** 8), gas_price=50 * node.gas_price)
    rig.comparison.funds["WBTC"] += 200 * 10 ** 8
    await until(lambda: not len(node.pool))
    node.reorganise(node.head.number - before)
    await rig.quiet()
    assert refused.current_state is OrderState.OPEN


async def test_a_node_that_shows_less_than_it_knows_takes_nothing_back(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    rig.sandbox.faults.add("empty_lists", target="rpc", method="eth_getLogs")
    rig.sandbox.faults.add("null", target="rpc", method="eth_getTransactionReceipt")
    await asyncio.sleep(0.5)
    assert len(order.order_fills) == 1 and order.current_state is OrderState.PARTIALLY_FILLED
    await rig.quiet()
    assert not any("reorganisation" in record.message for record in caplog.records)
