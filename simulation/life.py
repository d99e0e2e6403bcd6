"""One life of the connector's process: Hummingbot's clock, tracker and records around a StandardExchange."""
import asyncio
import gc
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cachetools import TTLCache

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.recorded_orders import RecordedOrder
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.clock import Clock as HummingbotClock
from hummingbot.core.clock import ClockMode
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import BuyOrderCreatedEvent, MarketEvent, OrderFilledEvent, SellOrderCreatedEvent
from simulation.loop import Process, VirtualLoop
from simulation.network import Network, SimulatedConnections

SAVING_EVENTS = (MarketEvent.BuyOrderCreated, MarketEvent.SellOrderCreated, MarketEvent.OrderFilled, MarketEvent.OrderCancelled,
                 MarketEvent.OrderFailure, MarketEvent.BuyOrderCompleted, MarketEvent.SellOrderCompleted)


@dataclass
class Records:
    """What survives the process: the tracked orders as Hummingbot saved them last, and those that it recorded as created, by
    exchange order id; and by client order id their types and trade ids, and the exchange order ids that they have had. `told`
    hears of every event after that."""

    told: Callable[["Life", Any], None]
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)
    fills: dict[str, tuple[OrderType, set[str]]] = field(default_factory=dict)
    places: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def order(self, client_order_id: str) -> RecordedOrder | None:
        """What the database holds of an order."""
        known = self.fills.get(client_order_id)
        return RecordedOrder(known[0], frozenset(known[1])) if known is not None else None

    def states(self) -> dict[str, int]:
        """The saved states of the orders by client order id."""
        return {name: int(order["last_state"]) for name, order in self.saved.items()}


@dataclass
class Wallet:
    """How the connector is set up: the arguments of StandardExchange, and where its journal is."""

    folder: Path
    seed: int
    arguments: dict[str, Any] = field(default_factory=dict)


class Life:
    """A process with a connector in it, from its start to its end. `left_at` is when it left the network, if it did."""

    def __init__(self, number: int, loop: VirtualLoop, clock: Clock, network: Network, wallet: Wallet, records: Records) -> None:
        self.process = Process(f"life {number}")
        self.left_at: float | None = None
        self._loop = loop
        self._records = records
        self._forwarders: list[SourceInfoEventForwarder] = []
        loop.within(self.process, self._start, clock, network, wallet)

    def _start(self, clock: Clock, network: Network, wallet: Wallet) -> None:
        self.exchange = exchange = StandardExchange(clock=clock, data_path=wallet.folder, **wallet.arguments)
        exchange._web_assistants_factory._connections_factory = SimulatedConnections(network)
        for chance in (exchange._feed_context.chance, exchange._venue.rest._chance):
            chance.seed(wallet.seed)
        exchange._updates._recorded, exchange._updates._save = self._records.order, self._save
        tracker = exchange._order_tracker  # its cache took the machine's clock when it was imported
        tracker._cached_orders = TTLCache(tracker.MAX_CACHE_SIZE, tracker.CACHED_ORDER_TTL, timer=clock.monotonic)
        self._forwarders = [SourceInfoEventForwarder(self._record) for _ in SAVING_EVENTS]
        for kind, forwarder in zip(SAVING_EVENTS, self._forwarders):
            exchange.add_listener(kind, forwarder)
        exchange.add_exchange_order_ids_from_market_recorder(dict(self._records.created))
        exchange.restore_tracking_states(json.loads(json.dumps(self._records.saved)))
        self.ticking = self._loop.create_task(self._tick())

    async def _tick(self) -> None:
        """As Hummingbot's trading core does: one clock, a tick a second, and the network is checked now and then."""
        with HummingbotClock(ClockMode.REALTIME) as clock:
            clock.add_iterator(self.exchange)
            await clock.run()

    def _save(self) -> None:
        self._records.saved = self.exchange.tracking_states

    def _record(self, tag: int, caller: Any, event: Any) -> None:
        if not self.process.dead:
            if isinstance(event, (BuyOrderCreatedEvent, SellOrderCreatedEvent)):
                self._records.created[event.exchange_order_id] = event.order_id
                self._records.fills.setdefault(event.order_id, (event.type, set()))
            elif isinstance(event, OrderFilledEvent):
                self._records.fills.setdefault(event.order_id, (event.order_type, set()))[1].add(event.exchange_trade_id)
            if (exchange_order_id := getattr(event, "exchange_order_id", None)) is not None:
                self._records.places[event.order_id].add(exchange_order_id)
            self._save()
            self._records.told(self, event)

    def do(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call something in the process, as a strategy would."""
        return self._loop.within(self.process, function, *args)

    def spawn(self, work: Any) -> "asyncio.Task[Any]":
        """Begin something in the process."""
        task: asyncio.Task[Any] = self._loop.within(self.process, self._loop.create_task, work)
        return task

    def leave(self) -> None:
        """End the clock, as Hummingbot does when it is stopped: the connector leaves the network and has its time to."""
        self.ticking.cancel()
        self.left_at = self._loop.time()

    @property
    def tasks(self) -> list["asyncio.Task[Any]"]:
        """What the process is busy with."""
        return self._loop.tasks_of(self.process)

    def kill(self) -> None:
        """End the process at once. The journal keeps what was committed."""
        account = self.exchange._account
        self._loop.kill(self.process)
        if account is not None:
            if account._journal._connection is not None:
                account._journal._connection.close()
            else:
                gc.collect()  # an operating system would close the file that was just being opened
