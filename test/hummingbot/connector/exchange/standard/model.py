"""A connector whose every belief is compared with the chain: for tests that do many things to it in a random order."""
import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import StandardError
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import MarketEvent, OrderFilledEvent
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from simulation.comparison import Comparison
from simulation.replaced import Replaced
from test.hummingbot.connector.exchange.standard.hummingbot_records import Records
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, TOKEN_PAIR, UNLIMITED

SPEED = 20
BLOCK_SECONDS = 0.2  # of the fast clock
QUIET_SECONDS = 25.0
DONE = (OrderState.FILLED, OrderState.CANCELED, OrderState.FAILED)


class FastClock(SystemClock):
    """Time that passes faster, for the connector and the sandbox alike."""

    def __init__(self) -> None:
        self._wall, self._began = time.time(), time.monotonic()

    def time(self) -> float:
        return self._wall + self.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


class Errors(logging.Handler):
    """Exceptions that were logged as errors, except those that tell what the exchange, the node or the wallet lacks."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not isinstance(record.exc_info[1], StandardError):
            self.lines.append(f"{record.name}: {record.getMessage()} {record.exc_info[1]!r}")


class Rig:
    """One sandbox, and a connector that may be killed and started again on the same data path."""

    def __init__(self, folder: Path, block_seconds: float = BLOCK_SECONDS, **settings: Any) -> None:
        self.folder = folder
        self.clock = FastClock()
        self.sandbox = Sandbox(SandboxSettings(port=0, block_interval=block_seconds, traders=TraderSettings(enabled=False),
                                               **settings), self.clock)
        self.address = self.sandbox.accounts[0].address
        self.records = Records(folder / "hummingbot.sqlite")
        self.errors = Errors()
        self.comparisons = 0
        self.kills = 0
        self.tasks: set[asyncio.Future[Any]] = set()
        self._filled = SourceInfoEventForwarder(lambda tag, caller, event: self._notice_fill(event))
        self._before: set[asyncio.Task[Any]] = set()

    # Life

    async def open(self) -> None:
        logging.getLogger("hummingbot").addHandler(self.errors)
        # Hummingbot converts fees whenever it saves an order; the rates do not matter here.
        RateOracle.get_instance()._prices = {"SOMI-USDC": Decimal(1), "WBTC-USDC": Decimal(60000)}
        await self.sandbox.start()
        for number in (1, 2):
            for market in self.sandbox.markets:
                for token in (market.base, market.quote):
                    self.act(number, token.address, ERC20_FUNCTIONS["approve"].encode(self.sandbox.engine_address, UNLIMITED))
        replaced = Replaced(self.sandbox.engine_address, self.address, time.monotonic)
        self.comparison = Comparison(self.sandbox, self.address, replaced)
        self.orders = self.comparison.orders
        await self.connect()

    async def close(self) -> None:
        logging.getLogger("hummingbot").removeHandler(self.errors)
        await self.kill()
        await self.sandbox.stop()

    async def connect(self) -> None:
        """Start the connector, with what Hummingbot had saved of the last one."""
        self._before = asyncio.all_tasks()
        self.exchange = exchange = StandardExchange(
            standard_private_key=self.sandbox.accounts[0].private_key, standard_rpc_url=self.sandbox.rpc_url,
            standard_api_url=self.sandbox.api_url, trading_pairs=[NATIVE_PAIR, TOKEN_PAIR], domain="standard_sandbox",
            data_path=self.folder, clock=self.clock)
        exchange.order_book_tracker._sleep = lambda delay: asyncio.sleep(0)
        for limit in exchange._throttler._rate_limits:
            limit.limit *= SPEED * 5
        self.records.attach(exchange)
        exchange.add_listener(MarketEvent.OrderFilled, self._filled)
        self.orders.update(exchange.in_flight_orders)
        exchange._set_current_timestamp(time.time())
        await exchange.start_network()
        self.tasks.add(asyncio.ensure_future(self._tick(exchange)))

    async def kill(self) -> None:
        """End the connector without a word, as the end of its process would."""
        self._notice()
        self.kills += 1
        account = self.exchange._account
        ending = [task for task in asyncio.all_tasks() - self._before if task is not asyncio.current_task()
                  and not (task.get_name().startswith("sandbox") or "aiohttp.web" in repr(task.get_coro()))]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self.tasks.clear()
        if account is not None:
            await account._journal.close()
        await ConnectionsFactory().close()
        self.records.detach()
        saved = {name: int(order["last_state"]) for name, order in self.records.saved_states().items()}
        self.comparison.recorded = {name: {place} for name, (place, _) in self.records.orders().items()}
        self.comparison.forget_unsaved(saved)

    async def _tick(self, exchange: StandardExchange) -> None:
        while True:
            exchange._set_current_timestamp(time.time())
            exchange.tick(time.time())
            self._notice()
            await asyncio.sleep(0.02)

    def _notice(self) -> None:
        self.orders.update(self.exchange._order_tracker.all_fillable_orders)

    def _notice_fill(self, event: OrderFilledEvent) -> None:
        if event.order_id not in self.exchange._order_tracker.all_fillable_orders:
            self.comparison.filled(event)

    # Acting

    def market(self, trading_pair: str) -> Market:
        return next(market for market in self.sandbox.markets if market.trading_pair == trading_pair)

    def place(self, is_buy: bool, trading_pair: str, order_type: OrderType, price: Decimal, amount: Decimal) -> None:
        """What a strategy does, which waits until its connector is ready."""
        if not self.exchange.ready:
            return
        create = self.exchange.buy if is_buy else self.exchange.sell
        create(trading_pair, amount, order_type, Decimal("NaN") if order_type is OrderType.MARKET else price)

    def open_orders(self) -> list[InFlightOrder]:
        return list(self.exchange.in_flight_orders.values())

    def spawn(self, work: Any) -> None:
        """Do something beside everything else."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def act(self, number: int, to: str, data: bytes, value: int = 0, gas_price: int | None = None,
            nonce: int | None = None) -> None:
        """Another program's transaction; one that the node refuses is left out."""
        node, wallet = self.sandbox.node, self.sandbox.accounts[number]
        with suppress(TransactionRejected):
            self.sandbox.submit_past_faults(wallet.sign(
                chain_id=31337, nonce=node.nonce(wallet.address, pending=True) if nonce is None else nonce, to=to,
                gas_limit=8_000_000, gas_price=gas_price or 2 * node.gas_price, data=data, value=value))

    # Comparing

    async def quiet(self) -> None:
        """Take all faults away and wait until the connector's beliefs are the chain's truth; fails when they never are."""
        self.sandbox.faults.clear()
        self.sandbox.node.release_held()
        self.sandbox.node.resume()
        end, head = time.monotonic() + QUIET_SECONDS, self.sandbox.node.head.number
        agreed = 0
        while agreed < 3:
            self._notice()
            problems = [*self.comparison.problems(self.exchange), *self.record_problems()]
            if not problems:
                await self.exchange._update_all_balances()
                problems = await self.comparison.money_problems(self.exchange)
            agreed = 0 if problems or self.sandbox.node.head.number < head + 3 else agreed + 1
            if agreed == 0 and time.monotonic() > end:
                raise AssertionError("\n".join(problems) or "no blocks come")
            await asyncio.sleep(0.05)
        assert not self.errors.lines, self.errors.lines
        self.comparison.settle()
        self.comparisons += 1

    def totals(self) -> dict[str, int]:
        """How much there was to compare."""
        truth = self.comparison.truth()
        states = [order.current_state.name.lower() for order in self.orders.values()]
        return {"rounds": 1, "comparisons": self.comparisons, "orders": len(truth.orders),
                "fills": sum(len(order.trades) for order in truth.orders.values()), "kills": self.kills,
                "forgotten": len(self.comparison.forgotten)} | {state: states.count(state) for state in sorted(set(states))}

    def record_problems(self) -> Iterator[str]:
        """Hummingbot's records hold every order that the chain has, with every fill; what was taken back stays in them."""
        recorded, fills = self.records.orders(), {(fill.order_id, fill.trade_id) for fill in self.records.fills()}
        for name, order in self.orders.items():
            if order.current_state is not OrderState.FAILED and not order.is_pending_create and name not in recorded:
                yield f"{name} is {order.current_state.name}, and there is no record of it"
            for trade_id, fill in order.order_fills.items():
                if fill.fill_base_amount and (name, trade_id) not in fills:
                    yield f"there is no record of the fill {trade_id} of {name}"


def limit_order_data(market: Market, is_buy: bool, price: int, units: int, rests: bool, recipient: str) -> tuple[bytes, int]:
    """The calldata and the native value of a limit order of so many base units."""
    tokens = (market.base.address, market.quote.address)
    if is_buy:
        return ENGINE_FUNCTIONS["limitBuy"].encode(*tokens, price, market.deposit_for(price, units), rests, 20, recipient), 0
    if market.base_is_native:
        return ENGINE_FUNCTIONS["limitSellETH"].encode(tokens[1], price, rests, 20, recipient), units
    return ENGINE_FUNCTIONS["limitSell"].encode(*tokens, price, units, rests, 20, recipient), 0
