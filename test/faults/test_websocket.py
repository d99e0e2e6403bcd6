"""Streams that stall, close and leave something out (docs/faults.md, F38 to F40)."""
import asyncio
import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from test.faults.orders import rests
from test.hummingbot.connector.exchange.standard.feeds.streams import (
    CHANNELS,
    SOMI,
    Listener,
    eventually,
    same,
    stream_world,
    traded,
)
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, connected, order, quiet_sandbox, until


class GearedClock(SystemClock):
    """Time that passes as fast as a test wants it to."""

    def __init__(self, speed: float) -> None:
        self._passed, self._since, self._speed = 0.0, time.monotonic(), speed

    def shift(self, speed: float) -> None:
        self._passed, self._since, self._speed = self.monotonic(), time.monotonic(), speed

    def monotonic(self) -> float:
        return self._passed + (time.monotonic() - self._since) * self._speed

    async def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while (left := end - self.monotonic()) > 0:  # noqa: ASYNC110 (the speed may change meanwhile)
            await asyncio.sleep(min(left / self._speed, 0.05))


def sources(exchange: StandardExchange) -> set[str]:
    return {state.source for state in exchange.feed_states.values()}


@pytest.mark.parametrize("feed", ["chain", "stream"])
async def test_f38_a_stream_falls_silent_while_its_socket_stays_open(feed: str) -> None:
    clock = GearedClock(5)
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed=feed, clock=clock) as exchange:
        faults = sandbox.faults.node_stream if feed == "chain" else sandbox.faults.stream
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await until(lambda: sources(exchange) == {feed})
        name = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(60_000))
        await rests(exchange, name)
        faults.stall_with_pongs = True
        await trader.buy(market, 60_000 * 10 ** 8, 300 * 10 ** 6)
        await until(lambda: sources(exchange) == {"polling"}, 15)
        await until(lambda: order(exchange, name).order_fills)
        faults.clear()
        await trader.buy(market, 60_000 * 10 ** 8, 150 * 10 ** 6)
        await until(lambda: len(order(exchange, name).order_fills) == 2)
        await until(lambda: sources(exchange) == {feed}, 20)
        assert order(exchange, name).executed_amount_base == Decimal("0.0075")


async def test_f39_a_server_accepts_and_closes_for_ten_minutes() -> None:
    clock = GearedClock(10)
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="chain", clock=clock) as exchange:
        await until(lambda: sources(exchange) == {"chain"})
        connects: list[float] = []
        assistant = exchange._web_assistants_factory.get_ws_assistant

        async def counted() -> Any:
            connects.append(clock.monotonic())
            return await assistant()

        exchange._web_assistants_factory.get_ws_assistant = counted
        sandbox.faults.node_stream.close_code = 1011
        began = clock.monotonic()
        await until(lambda: sources(exchange) == {"polling"})
        clock.shift(250)
        await until(lambda: clock.monotonic() - began > 600)
        clock.shift(10)
        # Two streams, each tried after 1, 2, 4 … 60 seconds, or half of that where chance will have it.
        assert 10 <= len(connects) <= 56, len(connects)
        gaps = [later - earlier for earlier, later in pairwise(connects)]
        assert len({round(gap, 2) for gap in gaps}) > len(gaps) // 2, "spread by chance"
        sandbox.faults.clear()
        clock.shift(60)
        await until(lambda: sources(exchange) == {"chain"}, 20)
        clock.shift(10)
        await asyncio.sleep(0.1)
        asked = exchange._venue.rest.answers
        await asyncio.sleep(0.5)
        assert exchange._venue.rest.answers <= asked + 1, "polling has stopped"


async def test_f40_a_difference_is_left_out() -> None:
    async with stream_world() as world:
        market = world.markets[SOMI]
        trader = await traded(world, market)
        async with Listener(world.market_feed(CHANNELS), [SOMI]) as listener:
            await eventually(lambda: listener.books)
            for number in range(3):
                world.faults.drop_next = 1  # the order that comes now is not told
                await trader.sell(market, 66_000_000 + number, 10 ** 18)
                # and what goes is a level that nobody knows
                await trader.send(world.sandbox.engine_address, ENGINE_FUNCTIONS["cancelOrder"], market.base.address,
                                  market.quote.address, False, number + 1)
                await trader.sell(market, 67_000_000 + number, 10 ** 18)
                await eventually(lambda: same(listener.book(SOMI), world.true_book(SOMI)))
            assert len(listener.of(BookSnapshot)) >= 4, "a whole book was asked for each time"
            amounts = [amount for event in listener.events if isinstance(event, (BookSnapshot, BookDelta))
                       for side in (event.bids, event.asks) for _, amount in side]
            assert min(amounts) >= 0 and not listener.task.done()
