"""How soon a node has the orders of one tick: row 5 of `make bench`.

The sandbox runs in a process of its own and answers every JSON-RPC request 50 ms late, as a node so far away would. The orders
are created by one call after the other of Hummingbot's own `buy` and `sell`, half on each side of an ERC-20 pair. The time ends
when the node's answer to the last of them is back, which includes the 50 ms.
"""
import asyncio
import gc
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 (lets Hummingbot list the connector of this working copy)
from bench.connector import connector
from bench.figures import Bar, Figure
from bench.stalls import set_faults
from demo.sandbox import Sandbox
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType

PAIR, AMOUNT, MIDDLE, STEP = "WBTC-USDC", Decimal("0.001"), Decimal(60_000), Decimal(10)
DELAY = 0.050
BARS = {20: Bar(100.0), 100: Bar(150.0)}
ROUNDS = 3
_REST_SECONDS = 30.0


class Handed:
    """Notes when a node has answered each batch of transactions, and how many it took."""

    def __init__(self, rpc: RpcClient) -> None:
        self.answered = 0
        self.at = 0.0
        self._send = rpc.send_raw_transactions
        rpc.send_raw_transactions = self._noted  # type: ignore[method-assign]

    async def _noted(self, raws: Any) -> list[Any]:
        answers = await self._send(raws)
        self.at = time.perf_counter()
        self.answered += len(answers)
        return answers


async def _create(exchange: StandardExchange, handed: Handed, count: int) -> float:
    """Milliseconds until the node has the last of so many orders; they are cancelled afterwards."""
    gc.collect()
    began = time.perf_counter()
    for number in range(count // 2):
        away = STEP * (number + 5)
        exchange.buy(PAIR, AMOUNT, OrderType.LIMIT, MIDDLE - away)
        exchange.sell(PAIR, AMOUNT, OrderType.LIMIT, MIDDLE + away)
    async with asyncio.timeout(_REST_SECONDS):
        while sum(order.exchange_order_id is not None for order in exchange.in_flight_orders.values()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    took = (handed.at - began) * 1e3
    await exchange.cancel_all(_REST_SECONDS)
    async with asyncio.timeout(_REST_SECONDS):
        while exchange.in_flight_orders:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return took


async def measure(url: str, key: str, counts: dict[int, int], delay: float = DELAY) -> dict[int, float]:
    """The best of so many rounds for each number of orders, in milliseconds."""
    async with connector(url, key, [PAIR], standard_feed="polling") as exchange:
        handed = Handed(exchange.venue.rpc)
        await _create(exchange, handed, 2)  # approvals, and whatever is imported or compiled when it is first needed
        set_faults(url, {"http": [{"kind": "latency", "seconds": delay, "target": "rpc"}]})
        try:
            return {count: min([await _create(exchange, handed, count) for _ in range(rounds)])
                    for count, rounds in counts.items()}
        finally:
            set_faults(url, {"clear": True})


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 5; `scale` shortens the measurement."""
    rounds = max(1, round(ROUNDS * scale))
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "sandbox.log", "--no-traders") as sandbox:
        best = asyncio.run(measure(sandbox.url, sandbox.published_key(), dict.fromkeys(BARS, rounds)))
    return [Figure(5, f"{count} orders of one tick: the node, {DELAY * 1e3:.0f} ms away, has the last", milliseconds, "ms",
                   BARS[count], DELAY * 1e3) for count, milliseconds in best.items()]
