"""A simulated world: an exchange, a network, and one wallet's connectors, one after the other."""
import asyncio
import gc
import inspect
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched, OrderPlaced, decode_event
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation, default_deployment
from hummingbot.connector.exchange.standard.sandbox.engine_state import Spread
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.indexer import IndexerSettings
from hummingbot.connector.exchange.standard.sandbox.node import BlockAdded, BlockRemoved, NodeEvent
from hummingbot.connector.exchange.standard.sandbox.rpc_stream import RPC_STREAM_PATH
from hummingbot.connector.exchange.standard.sandbox.server import SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.stream import CHANNELS_PATH, SPOT_PATH
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_constants import CHANNELS, SPOT_STREAMS
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.event.events import OrderFilledEvent
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from simulation.actions import ACTIONS, act
from simulation.clock import VirtualClock
from simulation.comparison import Comparison
from simulation.invariants import REQUESTS_OF_AN_ORDER, Invariants, Violation
from simulation.life import Life, Records, Wallet
from simulation.loop import Process, VirtualLoop
from simulation.market_view import MarketView
from simulation.network import Network, Weather
from simulation.replaced import UNHEARD_SECONDS, Replaced
from simulation.scenario import Scenario, Setup
from simulation.server import Endpoints
from simulation.told import Told
from simulation.trace import Trace

URL = "http://127.0.0.1:8745"
WS_URL = "ws://127.0.0.1:8745"
API_KEY = "simulated-key-of-a-node"
RPC_URL, RPC_WS_URL = f"{URL}/v2/{API_KEY}", f"{WS_URL}{RPC_STREAM_PATH}?key={API_KEY}"
UNLIMITED = 2 ** 256 - 1
CHAIN_IDS = {"ETHEREUM": 31337, "SOMNIA": 50312}
COLLECT_SECONDS = 600.0


class World:
    """One run of a scenario. `settled_block` is the newest block that a process may have seen that has ended."""

    def __init__(self, scenario: Scenario, loop: VirtualLoop, clock: VirtualClock, folder: Path) -> None:
        setup = scenario.setup
        self.scenario = scenario
        self.loop = loop
        self.clock = clock
        self.trace = Trace(loop.time)
        # The exchange's clock is its own: what is set wrong is that of the connector's machine.
        self.endpoints = Endpoints(_sandbox_settings(setup), VirtualClock(loop), bool(setup.stream))
        self.sandbox = self.endpoints.sandbox
        self.sandbox.rpc_stream.heads_first = setup.heads_first
        self.network = Network(loop, self.endpoints, Random(setup.seed), self.trace)
        self.good_weather()
        user = self.sandbox.accounts[0]
        self.address = user.address
        self.replaced = Replaced(self.sandbox.engine_address, self.address, loop.time)
        self.comparison = Comparison(self.sandbox, self.address, self.replaced)
        self.told = Told(self.comparison.market, self.replaced, loop.time)
        self.invariants = Invariants(self, user.private_key, API_KEY)
        self.market_view = MarketView(self.sandbox, setup.stream not in ("", CHANNELS))
        self.life: Life | None = None
        self.settled_block = 0
        self.lives = self.actions_done = 0
        self._wallet = Wallet(folder, setup.seed, {
            "standard_private_key": user.private_key, "standard_rpc_url": RPC_URL, "standard_rpc_ws_url": RPC_WS_URL,
            "standard_api_url": URL,
            "standard_chain_id": str(CHAIN_IDS[setup.gas]), "standard_feed": setup.feed,
            "standard_stream_url": _stream_url(setup),
            "standard_poll_interval": str(setup.poll_interval), "trading_pairs": list(setup.pairs), "domain": "standard_sandbox"})
        self._records = Records(self._told)
        self.comparison.recorded = self._records.places
        self._others: dict[str, list[tuple[str, bool, int]]] = {}
        self._placed: dict[str, int] = {}  # what the strategy was given for an order, and the life that gave it
        self._next_start: asyncio.TimerHandle | None = None
        self.troubles: dict[str, Callable[[], None]] = {}  # what is wrong, and how each ends
        self._collected = loop.time()
        loop.killed = self._died
        self.sandbox.node.subscribe(self._heard)
        # Hummingbot converts fees whenever it saves an order; the rates do not matter here.
        RateOracle.get_instance()._prices = {"SOMI-USDC": Decimal(1), "WBTC-USDC": Decimal(60000)}

    # Running

    async def run(self) -> None:
        """Do everything that the scenario says. Raises Violation."""
        mining = self.loop.create_task(self.sandbox.node.run())
        try:
            for number in (1, 2):
                for market in self.sandbox.markets:
                    for token in (market.base, market.quote):
                        act(self, number, token.address,
                            ERC20_FUNCTIONS["approve"].encode(self.sandbox.engine_address, UNLIMITED))
            self.begin()
            for action in self.scenario.actions:
                if action.pause:
                    await asyncio.sleep(action.pause)
                self.actions_done += 1
                self.trace.note("does", action.name, action.arguments)
                doing = ACTIONS[action.name](self, **action.arguments)
                if inspect.isawaitable(doing):
                    await doing
                self.invariants.after_step()
                if self.life is not None:
                    self.market_view.watch(self.exchange)
                self._collect()
            if mining.done():
                mining.result()
        finally:
            mining.cancel()
            if self.life is not None:
                self.end(self.life)

    def _collect(self) -> None:
        """The garbage collector comes at times that the scenario decides."""
        if self.loop.time() - self._collected > COLLECT_SECONDS:
            self._collected = self.loop.time()
            gc.collect()

    def later(self, seconds: float, function: Callable[..., Any], *args: Any) -> None:
        """Call something after a while."""
        self.loop.call_later(seconds, function, *args)

    # The connector

    @property
    def exchange(self) -> StandardExchange:
        """The connector at work."""
        assert self.life is not None
        return self.life.exchange

    def begin(self) -> None:
        """Start the connector's process, unless it runs."""
        if self._next_start is not None:
            self._next_start.cancel()
            self._next_start = None
        if self.life is None:
            self.lives += 1
            self.invariants.begun()
            self.trace.note("begins", self.lives)
            wallet = replace(self._wallet, seed=self._wallet.seed * 1000 + self.lives)
            self.life = Life(self.lives, self.loop, self.clock, self.network, wallet, self._records)
            self.comparison.orders.update(self.exchange.in_flight_orders)

    def begin_again_after(self, seconds: float) -> None:
        """Start the process again after a while, if it has ended by then."""
        if self._next_start is not None:
            self._next_start.cancel()
        self._next_start = self.loop.call_later(seconds, self.begin)

    def end(self, life: Life) -> None:
        """End a process without a word to it."""
        if life is self.life:
            self.notice()
            self.trace.note("ends", life.process.name)
            life.kill()
            self.life = None
            self.settled_block = self.sandbox.node.head.number
            self.comparison.forget_unsaved(self._records.states())
            # It may not have heard yet that blocks were replaced (and hears nothing after it left the network), and nobody tells
            # the next one of orders that are done.
            heard_until = self.loop.time() if life.left_at is None else life.left_at
            self.comparison.forget([name for name, order in self.comparison.orders.items() if order.is_done
                                    and heard_until - self.replaced.when(name, order.exchange_order_id) < UNHEARD_SECONDS])

    def _died(self, process: Process) -> None:
        """The process came to the callback that it was not to live to see."""
        if self.life is not None and self.life.process is process:
            self.end(self.life)
            if self._next_start is None:
                self.begin_again_after(0.0)

    def notice(self) -> None:
        """Take note of every order that the connector tracks."""
        if self.life is not None:
            self.market_view.watch(self.exchange)
            for order in self.exchange._order_tracker.all_fillable_orders.values():
                # Hummingbot saves an order as it fails, and restores it as a lost one.
                if not (order.is_failure and order.client_order_id in self.comparison.forgotten):
                    self.comparison.orders[order.client_order_id] = order

    def _told(self, life: Life, event: Any) -> None:
        tracker = life.exchange._order_tracker
        order = tracker.active_orders.get(event.order_id) or tracker.fetch_order(event.order_id)
        if order is not None:
            self.comparison.orders[event.order_id] = order
        elif isinstance(event, OrderFilledEvent):
            self.comparison.filled(event)
        self.told.hear(event)
        self.trace.note("event", type(event).__name__, event)
        self.invariants.after_event(event)

    # The strategy

    def order(self, is_buy: bool, pair: str, kind: OrderType, price: Decimal, amount: Decimal) -> str | None:
        """What a strategy does, which waits until its connector is ready. Returns the client order id if it was."""
        if self.life is None or pair not in self.scenario.setup.pairs or not self.exchange.ready:
            return None
        self.invariants.asked_for(REQUESTS_OF_AN_ORDER)
        name: str = self.life.do(self.exchange.buy if is_buy else self.exchange.sell, pair, amount, kind, price)
        self._placed[name] = self.lives
        return name

    def unheard_of(self) -> list[str]:
        """Orders of this life of which the tracker has never had anything, and no event told."""
        self._placed = {name: life for name, life in self._placed.items()
                        if life == self.lives and name not in self.comparison.orders and name not in self.comparison.forgotten}
        return list(self._placed)

    def open_orders(self) -> list[InFlightOrder]:
        """The orders that a strategy could cancel."""
        return list(self.exchange.in_flight_orders.values()) if self.life is not None else []

    def cancel(self, order: InFlightOrder) -> None:
        """Cancel an order, as a strategy does."""
        assert self.life is not None
        self.invariants.asked_for(REQUESTS_OF_AN_ORDER)
        self.life.do(self.exchange.cancel, order.trading_pair, order.client_order_id)

    # Others

    def others_orders(self, number: int) -> list[tuple[str, bool, int]]:
        """The orders that another account has ever placed: book, side and id. Not all of them rest."""
        return self._others.get(self.sandbox.accounts[number].address, [])

    def _heard(self, event: NodeEvent) -> None:
        if not isinstance(event, (BlockAdded, BlockRemoved)):
            return
        self.trace.note("block", type(event).__name__, event.block.hash)
        if isinstance(event, BlockRemoved):
            self.replaced.removed(event.block, self.comparison.orders)
        for entry in event.block.logs():
            if entry.log.address == self.sandbox.engine_address:
                told = decode_event(entry.log.topics, entry.log.data)
                if isinstance(event, BlockRemoved):
                    if isinstance(told, OrderMatched):
                        self.invariants.trade_removed(f"{told.pair}:{told.trade_id}")
                elif isinstance(told, OrderMatched):
                    self.market_view.matched(told)
                elif isinstance(told, OrderPlaced) and told.owner != self.address:
                    orders = self._others.setdefault(told.owner, [])
                    orders.append((told.pair, told.is_bid, told.id))
                    del orders[:-50]

    def deposit(self, key: OrderKey) -> int:
        """What the chain holds of an order."""
        return self.sandbox.view.deposit(key.book, key.is_bid, key.id)

    # Weather

    def good_weather(self, *kinds: str) -> None:
        """No more accidents on the way to some kinds of servers, or to all."""
        for kind in kinds or self.network.weather:
            self.network.weather[kind] = Weather(*self.scenario.setup.latency)

    def replaceable(self, depth: int) -> int:
        """How many of the newest blocks can be replaced, `depth` at most: none of those that a process may have seen that is dead
        in which an order is that has ended, since no connector knows of that any more."""
        node, done = self.sandbox.node, self.comparison.done_places()
        for number in range(node.head.number, node.head.number - depth, -1):
            block = node.block(number) if number > 0 else None
            if block is None or (number <= self.settled_block and self.replaced.own_ids(block) & done):
                return node.head.number - number
        return depth

    async def quiet(self) -> None:
        """All trouble ends, and soon the connector believes what is true. Raises Violation if it never does."""
        self.sandbox.faults.clear()
        for end in self.troubles.values():
            end()
        self.troubles.clear()
        self.good_weather()
        self.clock.shift = 0.0
        self.begin()
        assert self.life is not None
        self.loop.release(self.life.process)
        self.life.process.lives_for = None
        self.sandbox.node.release_held()
        await self.invariants.at_quiet_point()


def _stream_url(setup: Setup) -> str:
    if setup.stream in ("", CHANNELS):
        return f"{CHANNELS}+{WS_URL}{CHANNELS_PATH}?key={API_KEY}"
    return f"{SPOT_STREAMS}+{WS_URL}{SPOT_PATH}?layout={setup.stream}&key={API_KEY}"


def _sandbox_settings(setup: Setup) -> SandboxSettings:
    deployment = default_deployment()
    limit, market = Spread(setup.limit_spread, setup.limit_spread), Spread(setup.market_spread, setup.market_spread)
    pairs = tuple(replace(pair, limit_spread=limit, market_spread=market) for pair in deployment.pairs)
    deployment = replace(deployment, generation=Generation(setup.generation), schedule=GasSchedule[setup.gas], pairs=pairs,
                         chain_id=CHAIN_IDS[setup.gas], maker_fee=setup.maker_fee, taker_fee=setup.taker_fee)
    return SandboxSettings(port=8745, seed=setup.seed, block_interval=setup.block_interval, deployment=deployment,
                           traders=TraderSettings(enabled=False), indexer=IndexerSettings(lag_seconds=setup.indexer_lag))


__all__ = ["Violation", "World"]
