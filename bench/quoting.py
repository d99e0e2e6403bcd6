"""What quoting costs of one core, and on what it is spent: row 10 of `make bench`.

Five pairs, LEVELS orders on each side of each, all cancelled and placed anew every second, by Hummingbot's own `buy`, `sell` and
`cancel`. The sandbox runs in a process of its own. The figure is the time that this process computed, in all its threads, over
the time that passed. What it is spent on is sampled: every few milliseconds of computing the part of the program that is running
is noted; what it calls of the standard library counts as its own.
"""
import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import conftest  # noqa: F401 (lets Hummingbot list the connector of this working copy)
from bench.connector import connector
from bench.figures import Figure
from bench.silence import silence
from bench.stalls import PAIRS
from demo.sandbox import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType, PriceType

LEVELS = 10
SECONDS = 30.0
_SAMPLE_SECONDS = 0.005
_GROUPS = (("hummingbot/connector/exchange/standard/", "connector"), ("/hummingbot/", "Hummingbot"), ("/aiohttp/", "HTTP"),
           ("/asyncio/", "event loop"), ("/json/", "JSON"), ("/logging/", "logging"), ("/sqlite3/", "journal"))


class Cost(NamedTuple):
    """Of one core, how much was used; how many orders were placed; and shares of the samples by group and by module."""

    share: float
    created: int
    groups: dict[str, float]
    modules: dict[str, float]


class Samples:
    """Notes what the process computes, every few milliseconds of it."""

    def __init__(self) -> None:
        self.groups: Counter[str] = Counter()
        self.modules: Counter[str] = Counter()

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._note)
        signal.setitimer(signal.ITIMER_PROF, _SAMPLE_SECONDS, _SAMPLE_SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        name, group = "", None
        while frame is not None and group is None:
            name = frame.f_code.co_filename
            group = next((group for part, group in _GROUPS if part in name), None)
            frame = frame.f_back
        self.groups[group or "other"] += 1
        if group == "connector":
            self.modules[name.rpartition(_GROUPS[0][0])[2]] += 1


def _shares(counts: Counter[str], total: int, most: int) -> dict[str, float]:
    return {name: count / max(total, 1) for name, count in counts.most_common(most)}


def _renew(exchange: StandardExchange, levels: int) -> int:
    """Cancel whatever rests and quote anew; how many orders that were."""
    created = 0
    for order in list(exchange.in_flight_orders.values()):
        exchange.cancel(order.trading_pair, order.client_order_id)
    for pair, amount in PAIRS.items():
        middle = exchange.get_price_by_type(pair, PriceType.MidPrice)
        if not middle.is_finite():
            continue
        for level in range(levels):
            away = Decimal(30 + 5 * level) / 10_000
            exchange.buy(pair, amount, OrderType.LIMIT, middle * (1 - away))
            exchange.sell(pair, amount, OrderType.LIMIT, middle * (1 + away))
            created += 2
    return created


async def measure(url: str, key: str, levels: int, seconds: float) -> Cost:
    """Quote for so long and tell what it cost."""
    async with connector(url, key, list(PAIRS)) as exchange:
        _renew(exchange, 1)  # approvals, and whatever is imported or compiled when it is first needed
        await asyncio.sleep(2.0)
        samples, created = Samples(), 0
        began, computed = time.perf_counter(), time.process_time()
        samples.start()
        try:
            while time.perf_counter() - began < seconds:
                created += _renew(exchange, levels)
                await asyncio.sleep(1.0 - (time.perf_counter() - began) % 1.0)
        finally:
            samples.stop()
        share = (time.process_time() - computed) / (time.perf_counter() - began)
    total = samples.groups.total()
    return Cost(share, created, _shares(samples.groups, total, 6), _shares(samples.modules, total, 8))


def cost(levels: int, seconds: float) -> Cost:
    """`measure` against a sandbox of its own."""
    with silence(logging.WARNING), tempfile.TemporaryDirectory() as folder, \
            Sandbox(Path(folder) / "sandbox.log", "--pairs", str(len(PAIRS))) as sandbox:
        return asyncio.run(measure(sandbox.url, sandbox.published_key(), levels, seconds))


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 10; `scale` shortens the measurement."""
    used = cost(LEVELS, SECONDS * scale)
    spent: dict[str, Any] = {f"  of it, {group}": share for group, share in used.groups.items()}
    return [Figure(10, f"one core while quoting {len(PAIRS)} pairs, {LEVELS} levels a side, renewed every second",
                   100 * used.share, "%"),
            *(Figure(10, name, 100 * share, "%") for name, share in spent.items())]


def main() -> int:
    """Measure and print, by module too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--levels", type=int, default=LEVELS, help="orders on each side of each pair")
    options = parser.parse_args()
    used = cost(options.levels, options.seconds)
    print(f"{100 * used.share:.0f} % of one core, {used.created:,} orders")
    for name, share in [*used.groups.items(), *used.modules.items()]:
        print(f"  {100 * share:5.1f} %  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
