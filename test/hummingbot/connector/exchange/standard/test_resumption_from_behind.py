"""Answers from nodes that are behind."""
import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import OrderNotFoundError, RpcError
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState, OrderUpdate
from test.hummingbot.connector.exchange.standard.fake_node import FakeNode
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_order_states import (
    AMOUNT,
    BASE,
    DEPOSIT,
    MARKET,
    NETWORK,
    PRICE,
    QUOTE,
    World,
    api_of,
)
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, resting
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


@pytest.mark.parametrize("lag", [0, 2])
async def test_an_order_that_no_strategy_knows_is_cancelled_though_a_node_that_is_behind_does_not_hold_it_yet(
        rig: Rig, lag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await resting(rig)
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    rig.sandbox.node.pause()
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR], AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.sandbox.node.pool))
    (order,) = rig.open_orders()
    await rig.kill()  # Hummingbot has not saved the order

    real, behind = RpcClient.call_many, []

    async def call_many(self: RpcClient, calls: Sequence[tuple[str, bytes]], *arguments: Any, **named: Any) -> Any:
        block, newest = named.get("block", "latest"), rig.sandbox.node.head.number - lag
        if not behind and all(data.startswith(BOOK_FUNCTIONS["getOrder"].selector) for _, data in calls):
            behind.append(block)
            if block == "latest":
                named["block"] = newest  # the answer of a node that is so many blocks behind
            elif block > newest:
                return [RpcError("eth_call", -32000, "header not found")] * len(calls)
        return await real(self, calls, *arguments, **named)

    monkeypatch.setattr(RpcClient, "call_many", call_many)
    await rig.connect()
    await until(lambda: rig.exchange._resuming is not None)
    rig.sandbox.node.resume()  # the transaction is mined now
    await until(lambda: rig.exchange._resuming.done())
    assert behind
    await asyncio.sleep(3.0)  # a minute of the connector's time
    assert rig.orders[order.client_order_id].current_state is OrderState.CANCELED
    assert not rig.exchange._account.settlement.resting


class Restarted(World):
    """The next run on the chain of another, with what that left."""

    def __init__(self, tmp_path: Path, before: World) -> None:
        super().__init__(tmp_path)
        self.exchange.restore_tracking_states(before.exchange.tracking_states)
        self.node = self.exchange.venue.rpc._transport = before.node
        self.order = self.exchange.in_flight_orders[before.order.client_order_id]

    async def start(self) -> None:
        self.tasks = [asyncio.ensure_future(self.exchange._user_stream_tracker.start()),
                      asyncio.ensure_future(self.exchange._user_stream_event_listener())]

    def fill(self) -> None:
        """A quarter of the order is taken."""
        quarter(self)


def quarter(world: World) -> None:
    key = OrderKey.parse(world.order.exchange_order_id)
    assert key is not None
    world.node.fill(key, BASE.to_units(AMOUNT / 4), DEPOSIT // 4, 10 ** 15)


async def filled_in_part(tmp_path: Path, is_placed: bool, blocks: int = 0) -> World:
    """A run in which a quarter of an order was filled, and that has ended so many blocks later; with `is_placed` the order is
    this run's own."""
    world = World(tmp_path)
    world.node.head = 1_000
    world.node.market_prices[MARKET.book] = 10 ** 9
    await world.start()
    if is_placed:
        await world.exchange._update_trading_rules()
        world.exchange.start_tracking_order("2", None, "AAA-BBB", TradeType.BUY, PRICE, AMOUNT, OrderType.LIMIT)
        await world.exchange._place_order("2", "AAA-BBB", AMOUNT, TradeType.BUY, OrderType.LIMIT, PRICE)
        world.order = world.exchange.in_flight_orders["2"]
    quarter(world)
    await until(lambda: world.order.executed_amount_base == AMOUNT / 4)
    world.node.head += blocks
    await until(lambda: world.exchange._events.settled_block >= world.node.head)
    await world.stop()
    await until(lambda: not world.exchange._account._running)
    return world


@pytest.mark.parametrize("is_placed", [False, True], ids=["of long ago", "placed just before"])
async def test_a_fill_of_the_last_run_stands_though_the_logs_come_from_a_node_that_is_behind(
        tmp_path: Path, is_placed: bool, caplog: pytest.LogCaptureFixture) -> None:
    """On a chain whose blocks are final at once."""
    before = await filled_in_part(tmp_path, is_placed)
    logs, before.node.logs = before.node.logs, []
    world = Restarted(tmp_path, before)
    await world.start()
    await until(lambda: world.exchange._resuming is not None and world.exchange._resuming.done())
    assert world.order.executed_amount_base == AMOUNT / 4 and "took back" not in caplog.text
    world.node.logs = logs
    world.fill()
    await until(lambda: world.order.executed_amount_base == AMOUNT / 2)
    await world.stop()


async def test_on_a_chain_that_was_begun_anew_orders_are_those_that_it_holds(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    before = await filled_in_part(tmp_path, is_placed=False, blocks=2 * NETWORK.late_blocks)
    before.node.head = 50
    before.node.orders.clear()
    block = FakeNode.eth_getBlockByNumber
    monkeypatch.setattr(FakeNode, "eth_getBlockByNumber", lambda *asked: {**(block(*asked) or {}), "timestamp": "0xfffff"})
    world = Restarted(tmp_path, before)
    await world.start()
    await until(lambda: world.exchange._resuming is not None and world.exchange._resuming.done())
    await until(lambda: world.exchange._events.settled_block == 50)
    assert "it was begun anew" in caplog.text and not world.exchange._account.settlement.resting
    key = OrderKey(MARKET.book, True, 8)
    world.exchange.start_tracking_order("2", key.exchange_order_id, "AAA-BBB", TradeType.BUY, PRICE, AMOUNT, OrderType.LIMIT)
    world.order = world.exchange.in_flight_orders["2"]
    account = world.exchange._account
    world.node.rest(key, account.address, 10 ** 9, DEPOSIT)
    account.settlement.restore([Resting(key, "2", 10 ** 9, DEPOSIT)])
    world.fill()
    await until(lambda: world.order.executed_amount_base == AMOUNT / 4)
    await world.stop()


async def test_orders_in_a_book_that_the_chain_which_was_begun_anew_does_not_have_are_gone(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await filled_in_part(tmp_path, is_placed=False, blocks=2 * NETWORK.late_blocks)
    node = before.node
    node.head = 50
    node.orders.clear()
    there = Market(Token("0x" + "bc" * 20, "CCC", 18), QUOTE, "0x" + "b3" * 20)
    node.markets, node.market_prices = {there.book: there}, {there.book: 10 ** 9}
    node.decimals[there.base.address] = 18
    block = FakeNode.eth_getBlockByNumber
    monkeypatch.setattr(FakeNode, "eth_getBlockByNumber", lambda *asked: {**(block(*asked) or {}), "timestamp": "0xfffff"})
    world = Restarted(tmp_path, before)
    world.exchange.venue.rest._transport = api_of(there)
    await world.start()
    await until(lambda: world.exchange._resuming is not None and world.exchange._resuming.done())
    assert not world.exchange._account.settlement.resting
    await until(lambda: world.exchange._events.settled_block == 50)
    key = OrderKey(there.book, True, 8)
    world.exchange.start_tracking_order("2", key.exchange_order_id, "CCC-BBB", TradeType.BUY, PRICE, AMOUNT, OrderType.LIMIT)
    node.rest(key, world.exchange._account.address, 10 ** 9, DEPOSIT)
    gone, rests = await world.exchange._states.read([world.order, world.exchange.in_flight_orders["2"]])
    assert isinstance(gone, OrderNotFoundError)
    assert isinstance(rests, OrderUpdate) and rests.new_state is OrderState.OPEN
    await world.stop()
