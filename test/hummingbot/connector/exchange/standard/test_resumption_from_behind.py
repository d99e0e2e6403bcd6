"""Answers from nodes that are behind."""
import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import RpcError
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.model import Rig
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
