"""The process that is killed: a connector that quotes, with Hummingbot's own recorder and database."""
import asyncio
import logging
import random
import time
from contextlib import suppress
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from test.hummingbot.connector.exchange.standard.hummingbot_records import Records

RECORDS, LOG = "records.sqlite", "bot.log"
PAIRS = {"SOMI-USDC": (Decimal("0.65"), Decimal("3.21")), "WBTC-USDC": (Decimal(60000), Decimal("0.0001234"))}


class Life(NamedTuple):
    """What one run of the process is told: where everything is, its seed, and which orders it has to account for."""

    folder: str
    url: str
    private_key: str
    seed: int


class Bot:
    """One life of the connector."""

    def __init__(self, life: Life) -> None:
        folder = Path(life.folder)
        self.random = random.Random(life.seed)
        self.records = Records(folder / RECORDS)
        self.exchange = StandardExchange(
            standard_private_key=life.private_key, standard_rpc_url=life.url, standard_api_url=life.url,
            trading_pairs=list(PAIRS), domain="standard_sandbox", data_path=folder)
        self.exchange.order_book_tracker._sleep = lambda delay: asyncio.sleep(0)
        # Hummingbot converts fees whenever it saves an order; the rates do not matter here.
        RateOracle.get_instance().get_pair_rate = lambda pair: Decimal(1)

    async def start(self) -> None:
        """As Hummingbot starts: its records and the saved orders first, then the network."""
        self.records.attach(self.exchange)
        self.exchange._set_current_timestamp(time.time())
        await self.exchange.start_network()
        self._ticking = asyncio.ensure_future(self._tick())

    async def _tick(self) -> None:
        while True:
            self.exchange._set_current_timestamp(time.time())
            self.exchange.tick(time.time())
            await asyncio.sleep(0.1)

    async def beliefs(self) -> dict[str, Any] | None:
        """What the connector holds for true, once it has come to rest; None before."""
        exchange = self.exchange
        account, resuming = exchange._account, exchange._resuming
        if not exchange.ready or account is None or account._sender.pending or resuming is None or not resuming.done():
            return None
        await exchange._update_balances()
        return {
            "orders": {name: [order.exchange_order_id, order.current_state.name, sorted(order.order_fills)]
                       for name, order in exchange.in_flight_orders.items()},
            "deposits": [[*key, order.deposit] for key, order in account.settlement.resting.items()],
            "balances": {symbol: str(amount) for symbol, amount in exchange.get_all_balances().items()},
            "settled_block": exchange._events.settled_block}

    async def trade(self) -> None:
        """Quote, take and cancel at random, until the end of the process."""
        while True:
            for _ in range(self.random.randint(1, 4)):
                self._place()
            await asyncio.sleep(self.random.choice([0.0, 0.02, 0.1]))
            orders = list(self.exchange.in_flight_orders.values())
            if len(orders) > 12 and self.random.random() < 0.2:
                await self.exchange.cancel_all(2.0)
            for order in self.random.sample(orders, min(len(orders), self.random.randint(0, 3))):
                self.exchange.cancel(order.trading_pair, order.client_order_id)

    def _place(self) -> None:
        pair, (middle, lot) = self.random.choice(list(PAIRS.items()))
        is_buy = self.random.random() < 0.5
        kind = self.random.choice([OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT_MAKER])
        price = middle * (1000 + self.random.randint(-4, 1) * (1 if is_buy else -1)) / 1000
        place = self.exchange.buy if is_buy else self.exchange.sell
        place(pair, lot * self.random.randint(1, 5), kind, price)


async def live(life: Life, pipe: Connection) -> None:
    """Start, tell what is believed each time that it is asked for, trade from the first word "trade" on."""
    bot = Bot(life)
    await bot.start()
    trading: asyncio.Future[None] | None = None
    while True:
        while pipe.poll():
            if pipe.recv() == "trade":
                trading = trading or asyncio.ensure_future(bot.trade())
            else:
                beliefs = None
                with suppress(OSError):
                    beliefs = await bot.beliefs()
                pipe.send(beliefs)
        if trading is not None and trading.done():
            trading.result()
        await asyncio.sleep(0.01)


def main(life: Life, pipe: Connection) -> None:
    """The process."""
    log = logging.FileHandler(Path(life.folder) / LOG)
    log.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"))
    logging.getLogger().handlers[:] = [log]
    logging.getLogger("hummingbot").setLevel(logging.DEBUG + 6)  # where Hummingbot tells what exceptions were
    asyncio.run(live(life, pipe))
