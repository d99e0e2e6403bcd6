"""The connector on `auto` while streams, node and API are broken at random; at each quiet point it knows the truth.

`make test` does it for some seconds, `make chaos MINUTES=10` for minutes; CHAOS_SEED chooses what happens.
"""
import asyncio
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched, decode_event
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.sandbox.node import NodeSettings
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.sandbox.stream_faults import DAMAGES
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import OrderBookEvent
from simulation.chain_truth import read_truth
from simulation.market_view import Traded, chain_levels, first_difference, same_levels, shown_levels, traded
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, connected, quiet_sandbox, until

SEED = int(os.environ.get("CHAOS_SEED") or 1)
MINUTES = float(os.environ.get("CHAOS_MINUTES") or 3)


class Chaos:
    """Breaks and mends the ways to one sandbox."""

    def __init__(self, sandbox: Sandbox, chance: random.Random) -> None:
        self._sandbox = sandbox
        self._chance = chance

    def clear(self) -> None:
        self._sandbox.faults.clear()

    def break_something(self) -> None:
        """Something else each time; what was broken before is mended."""
        self.clear()
        self._chance.choice([self._stall, self._close, self._refuse, self._damage, self._late, self._rpc, self._api,
                             self._everything])()

    def _streams(self) -> Iterator[Any]:
        streams = [self._sandbox.faults.stream, self._sandbox.faults.node_stream]
        yield from self._chance.sample(streams, self._chance.choice([1, 2]))

    def _stall(self) -> None:
        for faults in self._streams():
            setattr(faults, self._chance.choice(["stall", "stall_with_pongs", "ignore_requests"]), True)

    def _close(self) -> None:
        for faults in self._streams():
            faults.close_code = self._chance.choice([1000, 1001, 1011, 4000])

    def _refuse(self) -> None:
        for faults in self._streams():
            faults.close_code, faults.refuse = 1001, True

    def _damage(self) -> None:
        for faults in self._streams():
            setattr(faults, self._chance.choice(DAMAGES), 0.3)

    def _late(self) -> None:
        for faults in self._streams():
            faults.late_seconds = 0.2

    def _rpc(self) -> None:
        self._sandbox.faults.add(self._chance.choice(["status", "reset"]), target="rpc", probability=0.3)

    def _api(self) -> None:
        self._sandbox.faults.add(self._chance.choice(["status", "reset", "truncated"]), target="rest",
                                 probability=self._chance.choice([0.3, 1.0]))

    def _everything(self) -> None:
        """No source has the public trades until it is over."""
        self._refuse()
        self._sandbox.faults.add("refused", target="all")


def chain_trades(sandbox: Sandbox, market: Market, first_block: int) -> list[Traded]:
    """The market's trades after a block, in order."""
    trades = []
    for number in range(first_block + 1, sandbox.node.head.number + 1):
        block = sandbox.node.block(number)
        for log in block.logs() if block is not None else ():
            event = decode_event(log.log.topics, log.log.data) if log.log.address == sandbox.engine_address else None
            trade = traded(market, event) if isinstance(event, OrderMatched) and event.pair == market.book else None
            if trade is not None:
                trades.append(trade)
    return trades


async def quote(exchange: StandardExchange, chance: random.Random) -> None:
    """Replace what is quoted: cancel everything, then an order on each side, near enough to be taken."""
    with suppress(TimeoutError):  # while all is broken it waits for longer, in which more is traded than a source tells later
        async with asyncio.timeout(12):
            await exchange.cancel_all(10)
    middle = Decimal(str(exchange.get_mid_price(TOKEN_PAIR)))
    for send, sign in ((exchange.buy, -1), (exchange.sell, 1)):
        price = middle * (1 + sign * Decimal(chance.randint(2, 12)) / 10_000)
        send(TOKEN_PAIR, Decimal(chance.randint(1, 9)) / 10_000, OrderType.LIMIT, price)
    await asyncio.sleep(0.05)


async def check(sandbox: Sandbox, exchange: StandardExchange, market: Market, trades: list[Any], first_block: int) -> None:
    """A quiet point: nobody trades, nothing is broken, and the connector's view is the chain's."""
    async with asyncio.timeout(60):
        while exchange.in_flight_orders:  # one that is not in a block yet cannot be cancelled before it is
            await exchange.cancel_all(20)
            await asyncio.sleep(0.2)
    sandbox.traders.settings.enabled = False
    await until(lambda: not sandbox.node.pool, 20)
    for is_bid in (True, False):
        true = chain_levels(sandbox, market, is_bid)
        await until(lambda: same_levels(shown_levels(exchange.get_order_book(TOKEN_PAIR), is_bid), true), 40)  # noqa: B023
    happened = chain_trades(sandbox, market, first_block)
    with suppress(TimeoutError):  # the comparison says more
        await until(lambda: len([trade for trade in trades if trade.amount]) >= len(happened), 20)
    told = [Traded(trade.price, trade.amount) for trade in trades if trade.amount]
    assert len(told) == len(happened) and all(map(Traded.is_like, told, happened)), \
        f"{len(told)} trades were told, {len(happened)} happened (CHAOS_SEED={SEED}): {first_difference(told, happened)}"
    await until(lambda: not exchange.in_flight_orders, 20)
    truth = read_truth(sandbox, sandbox.accounts[0].address)
    fills = {name: {(trade.trade_id, int(trade.fill_base_amount.scaleb(8))) for trade in own.values()}
             for name, own in exchange.every_fill.items()}
    held = {name: {(trade.trade_id, trade.base_units) for trade in order.trades} for name, order in truth.orders.items()}
    assert {name: own for name, own in fills.items() if own} == {name: own for name, own in held.items() if own}
    assert not [order for order in truth.orders.values() if order.deposit], "an order was left behind"
    sandbox.traders.settings.enabled = True


def remember_fills(exchange: StandardExchange) -> None:
    """Keep every order's fills beyond the half minute for which Hummingbot keeps an order that is done."""
    exchange.every_fill = {}
    process = exchange._order_tracker.process_trade_update

    def remember(update: Any) -> None:
        process(update)
        order = exchange._order_tracker.all_fillable_orders[update.client_order_id]
        exchange.every_fill[update.exchange_order_id] = order.order_fills

    exchange._order_tracker.process_trade_update = remember


async def run_chaos(seconds: float, breaks: int) -> tuple[int, int]:
    """Break and compare for so long, once at least; how often the feeds switched and the views were compared."""
    chance, comparisons = random.Random(SEED), 0
    traders = TraderSettings(quotes_per_second=6, takes_per_second=4)
    # The comparison goes back to the first block.
    async with quiet_sandbox(traders=traders, seed=SEED, node=NodeSettings(history_blocks=1_000_000)) as sandbox, \
            connected(sandbox, standard_feed="auto", trading_pairs=[TOKEN_PAIR]) as exchange:
        remember_fills(exchange)
        market, trades, chaos = exchange.venue.market(TOKEN_PAIR), [], Chaos(sandbox, chance)
        sandbox.traders.settings.enabled = False
        await until(lambda: not sandbox.node.pool, 20)
        await until(lambda: "polling" not in {state.source for state in exchange.feed_states.values()}, 20)
        forwarder = SourceInfoEventForwarder(lambda tag, caller, event: trades.append(event))
        await asyncio.sleep(0.3)
        first_block = sandbox.node.head.number
        exchange.get_order_book(TOKEN_PAIR).add_listener(OrderBookEvent.TradeEvent, forwarder)
        sandbox.traders.settings.enabled = True
        end = time.monotonic() + seconds
        while not comparisons or time.monotonic() < end:
            for _ in range(breaks):
                chaos.break_something()
                for _ in range(chance.randint(1, 4)):
                    await quote(exchange, chance)
                    await asyncio.sleep(chance.random())
            chaos.clear()
            await check(sandbox, exchange, market, trades, first_block)
            comparisons += 1
        return sum(state.switches for state in exchange.feed_states.values()), comparisons


@pytest.mark.timeout(100)
async def test_after_random_faults_the_connector_knows_the_truth() -> None:
    switches, _ = await run_chaos(12, 3)
    assert switches > 0, "nothing was broken in earnest"


@pytest.mark.slow
@pytest.mark.timeout(0)
async def test_minutes_of_random_faults_lose_nothing() -> None:
    switches, comparisons = await run_chaos(MINUTES * 60, 8)
    print(f"{MINUTES:g} minutes of faults (CHAOS_SEED={SEED}): {switches} switches of feeds, {comparisons} comparisons")
    assert switches > 2 * MINUTES
