"""How many HTTP requests a minute the connector makes for one pair: `make bench-requests`.

A JSON-RPC batch is one request. The sandbox runs in a process of its own with nobody trading, so the book is quiet: first
without orders, then with ORDERS of them resting. Counted is what leaves this process, whoever sends it. With --check the
exit code is 1 when there are more than the targets allow.
"""
import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

import conftest  # noqa: F401 (lets Hummingbot list the connector of this working copy)
from bench.connector import connector
from bench.figures import Bar, Figure
from demo.sandbox import Sandbox
from hummingbot.core.data_type.common import OrderType

PAIR = "SOMI-USDC"
ORDERS = 20
IDLE_TARGET, ACTIVE_TARGET = 24, 36


sent: Counter[str] = Counter()


def count_requests() -> None:
    """From now on count what this process sends, by REST path without its arguments or by JSON-RPC methods."""
    request = aiohttp.ClientSession._request

    async def counted(session: aiohttp.ClientSession, method: str, url: Any, **arguments: Any) -> aiohttp.ClientResponse:
        sent[_kind(method, str(url), arguments.get("data"))] += 1
        return await request(session, method, url, **arguments)

    aiohttp.ClientSession._request = counted  # type: ignore[method-assign]


def _kind(method: str, url: str, body: Any) -> str:
    if method == "POST" and body:
        document = json.loads(body)
        calls = Counter(call["method"] for call in (document if isinstance(document, list) else [document]))
        return " + ".join(f"{name} x{count}" if count > 1 else name for name, count in sorted(calls.items()))
    return "GET " + "/".join(urlsplit(url).path.split("/")[:4])


async def count(title: str, seconds: float) -> float:
    """Count for so long, print a table and return the requests per minute."""
    sent.clear()
    await asyncio.sleep(seconds)
    per_minute = {kind: number * 60 / seconds for kind, number in sent.most_common()}
    total = sum(per_minute.values())
    print(f"{title}: {total:.0f} requests a minute")
    for kind, rate in per_minute.items():
        print(f"    {rate:6.1f}  {kind}")
    sys.stdout.flush()
    return total


async def measure(url: str, key: str, seconds: float, settings: dict[str, Any]) -> tuple[float, float]:
    """Requests per minute without and with open orders."""
    async with connector(url, key, [PAIR], **settings) as exchange:
        await asyncio.sleep(15.0)  # until the book counts as quiet
        idle = await count("no open orders", seconds)
        for level in range(ORDERS):
            exchange.buy(PAIR, Decimal(30), OrderType.LIMIT, Decimal("0.64") - Decimal("0.0001") * level)
        await asyncio.sleep(15.0)
        resting = len([order for order in exchange.in_flight_orders.values() if order.exchange_order_id])
        if resting != ORDERS:
            raise SystemExit(f"{resting} of {ORDERS} orders rest")
        active = await count(f"{ORDERS} open orders", seconds)
    return idle, active


def run(seconds: float, settings: dict[str, Any]) -> tuple[float, float]:
    """`measure` against a sandbox of its own."""
    count_requests()
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "sandbox.log", "--no-traders") as sandbox:
        return asyncio.run(measure(sandbox.url, sandbox.published_key(), seconds, settings))


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 6 of `make bench`, polling at 5 s; `scale` shortens the measurement."""
    idle, active = run(60.0 * scale, {"standard_feed": "polling", "standard_poll_interval": "5"})
    return [Figure(6, "HTTP requests a minute, one pair, no open orders", idle, "/min", Bar(IDLE_TARGET)),
            Figure(6, f"HTTP requests a minute, one pair, {ORDERS} open orders", active, "/min", Bar(ACTIVE_TARGET))]


def main() -> int:
    """Measure with the settings of the command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each of the two is counted")
    parser.add_argument("--poll-interval", default="", help="the connector's setting poll_interval, in seconds")
    parser.add_argument("--feed", default="polling", help="the setting feed: polling (if not given), chain, stream, auto")
    parser.add_argument("--check", action="store_true", help=f"fail above {IDLE_TARGET} idle and {ACTIVE_TARGET} active")
    options = parser.parse_args()
    settings = {"standard_feed": options.feed}
    if options.poll_interval:
        settings["standard_poll_interval"] = options.poll_interval
    idle, active = run(options.seconds, settings)
    return 1 if options.check and (idle > IDLE_TARGET or active > ACTIVE_TARGET) else 0


if __name__ == "__main__":
    sys.exit(main())
