"""A connector on a sandbox in process, and another account that trades against it."""
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.event.event_logger import EventLogger
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

NATIVE_PAIR = "SOMI-USDC"
TOKEN_PAIR = "WBTC-USDC"
UNLIMITED = 2 ** 256 - 1


class BriskClock(SystemClock):
    """Every pause of the connector passes ten times faster, so that a test need not wait for the next poll."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


@asynccontextmanager
async def quiet_sandbox(**settings: Any) -> AsyncIterator[Sandbox]:
    """A sandbox in which nobody else trades, with blocks every 20 ms."""
    chosen = {"port": 0, "block_interval": 0.02, "traders": TraderSettings(enabled=False)} | settings
    async with Sandbox(SandboxSettings(**chosen)) as sandbox:
        yield sandbox


@asynccontextmanager
async def connected(sandbox: Sandbox, data_path: Path | None = None, account: int = 0, ready: bool = True,
                    **arguments: Any) -> AsyncIterator[StandardExchange]:
    """A started connector for one of the sandbox's accounts; ticks as Hummingbot's clock does."""
    with tempfile.TemporaryDirectory() as folder:
        chosen: dict[str, Any] = {
            "standard_private_key": sandbox.accounts[account].private_key, "standard_rpc_url": sandbox.rpc_url,
            "standard_api_url": sandbox.api_url, "trading_pairs": [NATIVE_PAIR, TOKEN_PAIR], "domain": "standard_sandbox",
            "data_path": data_path or Path(folder), "clock": BriskClock()} | arguments
        exchange = StandardExchange(**chosen)
        # Hummingbot's tracker rests a second after each book that it starts with.
        exchange.order_book_tracker._sleep = lambda delay: asyncio.sleep(0)
        exchange._set_current_timestamp(time.time())
        ticking = asyncio.ensure_future(_tick(exchange))
        await exchange.start_network()
        try:
            if ready:
                await until(lambda: exchange.ready)
            yield exchange
        finally:
            ticking.cancel()
            await exchange.stop_network()
            if exchange._account is not None:
                await exchange._account.stop()
            await ConnectionsFactory().close()


async def _tick(exchange: StandardExchange) -> None:
    while True:
        exchange._set_current_timestamp(time.time())
        exchange.tick(time.time())
        await asyncio.sleep(0.1)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until something holds; fails after some seconds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (any condition, so there is no event)
            await asyncio.sleep(0.01)


class Trader:
    """Another account of the sandbox that calls the engine directly."""

    def __init__(self, sandbox: Sandbox, account: int = 1) -> None:
        self.sandbox = sandbox
        self.wallet = sandbox.accounts[account]

    async def send(self, to: str, function: Function, *arguments: Any, value: int = 0) -> None:
        """Send a call and wait until it is mined; fails when it reverts."""
        node = self.sandbox.node
        transaction_hash = node.submit(self.wallet.sign(
            chain_id=31337, nonce=node.nonce(self.wallet.address, pending=True), to=to, gas_limit=8_000_000,
            gas_price=2 * node.gas_price, data=function.encode(*arguments), value=value))
        await until(lambda: node.mined(transaction_hash))
        receipt = node.mined(transaction_hash)
        assert receipt is not None and receipt.success, f"{function.name} reverted"

    async def approve(self, market: Market) -> None:
        """Let the engine pull the market's tokens."""
        for token in (market.base, market.quote):
            await self.send(token.address, ERC20_FUNCTIONS["approve"], self.sandbox.engine_address, UNLIMITED)

    async def buy(self, market: Market, price: int, quote_units: int, rests: bool = True) -> None:
        """A limit buy; `rests` False gives the remainder back."""
        await self.send(self.sandbox.engine_address, ENGINE_FUNCTIONS["limitBuy"], market.base.address, market.quote.address,
                        price, quote_units, rests, 20, self.wallet.address)

    async def sell(self, market: Market, price: int, base_units: int, rests: bool = True) -> None:
        """A limit sell; `rests` False gives the remainder back."""
        if market.base_is_native:
            await self.send(self.sandbox.engine_address, ENGINE_FUNCTIONS["limitSellETH"], market.quote.address, price, rests, 20,
                            self.wallet.address, value=base_units)
        else:
            await self.send(self.sandbox.engine_address, ENGINE_FUNCTIONS["limitSell"], market.base.address, market.quote.address,
                            price, base_units, rests, 20, self.wallet.address)


def order(exchange: StandardExchange, client_order_id: str) -> InFlightOrder:
    """The tracked order, wherever the tracker keeps it."""
    found = exchange._order_tracker.fetch_order(client_order_id)
    assert found is not None, f"{client_order_id} is not tracked"
    return found


def deposit(sandbox: Sandbox, key: OrderKey) -> int:
    """What the book itself holds of an order."""
    return int(sandbox.view.call(key.book, BOOK_FUNCTIONS["getOrder"], key.is_bid, key.id)[0][2])


def balances(sandbox: Sandbox, market: Market, address: str) -> tuple[int, int]:
    """Base and quote of an account by the node itself, in smallest units."""
    view = sandbox.view
    base = sandbox.node.balance(address) if market.base_is_native else view.balance(market.base.address, address)
    quote = sandbox.node.balance(address) if market.quote_is_native else view.balance(market.quote.address, address)
    return base, quote


def gas_spent(sandbox: Sandbox, address: str) -> int:
    """What an account paid for gas so far, in wei, by the receipts of all its transactions."""
    blocks = [sandbox.node.block(number) for number in range(sandbox.node.head.number + 1)]
    return sum(receipt.gas_used * receipt.gas_price for block in blocks if block is not None for receipt in block.receipts
               if receipt.transaction.sender == address)


def listen(exchange: StandardExchange, *kinds: MarketEvent) -> EventLogger:
    """The events of these kinds from now on."""
    logger = EventLogger()
    for kind in kinds:
        exchange.add_listener(kind, logger)
    return logger


def fees_paid(exchange: StandardExchange, client_order_id: str) -> dict[str, Decimal]:
    """The fees of an order's fills by token."""
    paid: dict[str, Decimal] = {}
    for fill in order(exchange, client_order_id).order_fills.values():
        for token, amount in fill.fee.flat_fees:
            paid[token] = paid.get(token, Decimal(0)) + amount
    return paid
