"""Whether the connector ever blocks the event loop: `make bench-stalls`.

It quotes LEVELS orders a side on five pairs, renewed every few seconds, in this process. The sandbox runs in another one, with
its traders trading and with faults: slow, lost and broken answers, late receipts, logs twice and shuffled. The garbage
collector's long run over everything that was ever imported is none of the connector's doing, so it is frozen, and what is left
of it counts by itself. The exit code is 1 when a callback that ran the connector's code computed for more than LIMIT, or
that code made a blocking call.
"""
import argparse
import asyncio
import gc
import json
import random
import sys
import tempfile
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 (lets Hummingbot list the connector of this working copy)
from bench.connector import connector
from bench.figures import Bar, Figure
from bench.loop_watch import LoopWatch
from demo.chain_view import DIRECT
from demo.sandbox import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType, PriceType

LIMIT = 0.020
LOOKED_AT = 0.010  # the least that is told as a stall, a little more than the time after which a callback is looked at
PAIRS = {"SOMI-USDC": Decimal("20"), "WBTC-USDC": Decimal("0.0002"), "WETH-USDC": Decimal("0.004"), "SOL-USDC": Decimal("0.08"),
         "LINK-USDC": Decimal("0.9")}
REFRESH_SECONDS = 3.0
FAULTS: dict[str, Any] = {
    "clear": True,
    "http": [
        {"kind": "latency", "seconds": 0.2, "target": "all", "probability": 0.05},
        {"kind": "status", "status": 502, "target": "all", "probability": 0.02},
        {"kind": "status", "status": 429, "retry_after": 1, "target": "rest", "probability": 0.02},
        {"kind": "lost", "target": "rpc", "method": "eth_sendRawTransaction", "probability": 0.05},
        {"kind": "truncated", "target": "all", "probability": 0.01},
        {"kind": "wrong_types", "target": "rest", "probability": 0.01},
        {"kind": "reset", "target": "all", "probability": 0.01},
    ],
    "node": {"receipt_delay_blocks": 3, "duplicate_logs": True, "shuffle_logs": True},
}


def set_faults(url: str, faults: dict[str, Any]) -> None:
    """Switch the sandbox's faults."""
    request = urllib.request.Request(url + "/admin/faults", json.dumps(faults).encode(), {"Content-Type": "application/json"})
    DIRECT.open(request, timeout=10).close()


async def quote(exchange: StandardExchange, levels: int, seconds: float) -> int:
    """Renew all quotes every few seconds for a while; how many orders were created."""
    created, source = 0, random.Random(1)
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        for order in list(exchange.in_flight_orders.values()):
            exchange.cancel(order.trading_pair, order.client_order_id)
        for pair, amount in PAIRS.items():
            middle = exchange.get_price_by_type(pair, PriceType.MidPrice)
            if not middle.is_finite():
                continue
            for level in range(levels):
                away = Decimal(10 + 5 * level + source.randrange(5)) / 10_000
                exchange.buy(pair, amount, OrderType.LIMIT, middle * (1 - away))
                exchange.sell(pair, amount, OrderType.LIMIT, middle * (1 + away))
                created += 2
        await asyncio.sleep(REFRESH_SECONDS)
    return created


async def measure(url: str, key: str, levels: int, seconds: float, limit: float = LIMIT) -> tuple[LoopWatch, int]:
    """Watch the loop while it quotes; the watch and the number of orders created."""
    watch = LoopWatch(limit)
    with watch.tracing_databases():
        async with connector(url, key, list(PAIRS), standard_feed="polling") as exchange:
            await quote(exchange, 1, 1.0)  # approvals, and whatever is imported or compiled when it is first needed
            set_faults(url, FAULTS)
            gc.collect()
            gc.freeze()
            try:
                with watch.watching():
                    created = await quote(exchange, levels, seconds)
            finally:
                gc.unfreeze()
                set_faults(url, {"clear": True})
    return watch, created


def watched(levels: int, seconds: float, limit: float = LIMIT) -> tuple[LoopWatch, int]:
    """What was seen of the loop in so many seconds, and how many orders were created then."""
    with tempfile.TemporaryDirectory() as folder, \
            Sandbox(Path(folder) / "sandbox.log", "--pairs", str(len(PAIRS))) as sandbox:
        return asyncio.run(measure(sandbox.url, sandbox.published_key(), levels, seconds, limit))


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 7 of `make bench`; `scale` shortens the measurement."""
    watch, created = watched(20, 40.0 * scale, LOOKED_AT)
    stalls = [stall.computing for stall in watch.stalls if stall.is_ours]
    longest = max(stalls, default=0.0)
    within = "" if stalls else f", none over {LOOKED_AT * 1e3:.0f} ms"
    return [Figure(7, f"longest stall by the connector, {created:,} orders on {len(PAIRS)} pairs among faults{within}",
                   longest * 1e3, "ms", Bar(LIMIT * 1e3)),
            Figure(7, "longest run of the garbage collector meanwhile", watch.longest_collection * 1e3, "ms"),
            Figure(7, "blocking calls by the connector meanwhile", len(watch.blocking), "calls", Bar(0))]


def main() -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--levels", type=int, default=20, help="orders on each side of each of the five pairs")
    options = parser.parse_args()
    watch, created = watched(options.levels, options.seconds)
    ours = [stall for stall in watch.stalls if stall.is_ours]
    print(f"{created:,} orders on {len(PAIRS)} pairs in {options.seconds:g} s and {watch.callbacks:,} callbacks; the longest "
          f"computed for {watch.longest * 1e3:.1f} ms, the garbage collector at most for {watch.longest_collection * 1e3:.1f} ms")
    print(f"over {LIMIT * 1e3:.0f} ms: {len(ours)} with the connector's code, {len(watch.stalls) - len(ours)} without; "
          f"blocking calls by the connector's code: {len(watch.blocking)}")
    for stall in [*sorted(ours, key=lambda stall: -stall.computing)[:5], *watch.blocking[:5]]:
        print(f"  {stall.what}: {stall.computing * 1e3:.0f} ms computing, {stall.seconds * 1e3:.0f} ms in all")
        for line in stall.stack[-12:]:
            print(f"      {line}")
    return 1 if ours or watch.blocking else 0


if __name__ == "__main__":
    sys.exit(main())
