"""Kills a quoting connector at random instants, starts it again, and compares what it knows with the chain each time.

    python -m test.crash [kills] [seed]

The sandbox with its traders runs in this process, the connector in one of its own that ends by SIGKILL: while it starts,
while it takes up what the last one left, or while it trades. After each restart nothing may be lost (an order or a fill, or
its record), doubled (an order, or a record) or left behind (an order on the book that Hummingbot does not know).
"""
import asyncio
import multiprocessing
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.sandbox.node import NodeSettings
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from simulation.chain_truth import Truth, TruthReader
from test.crash.bot import LOG, RECORDS, Life, main
from test.hummingbot.connector.exchange.standard.hummingbot_records import Records

CHECK_SECONDS = 20.0
EARLY_KILLS = 0.25  # of the lives end while the connector starts
LONGEST_START, LONGEST_TRADING = 1.0, 1.5


@dataclass
class Report:
    """What the kills showed."""

    kills: int = 0
    early: int = 0
    checks: int = 0
    seconds: float = 0.0
    orders: int = 0
    fills: int = 0
    brought_back: int = 0
    slowest_check: float = 0.0
    problems: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (f"{self.kills} kills ({self.early} of them during a start) in {self.seconds:.0f} s, {self.checks} comparisons, "
                f"the slowest after {self.slowest_check:.2f} s; {self.orders} orders and {self.fills} fills on the chain; "
                f"{self.brought_back} orders that Hummingbot had never saved were recorded after all; {len(self.problems)} "
                "problems")


class Killer:
    """One sandbox, one data folder, many lives."""

    def __init__(self, sandbox: Sandbox, folder: Path, seed: int) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.random = random.Random(seed)
        self.report = Report()
        self._truth = TruthReader(sandbox, sandbox.accounts[0].address)
        self._rates = (sandbox.traders.settings.takes_per_second, sandbox.traders.settings.quotes_per_second)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["test.crash.bot"])

    async def run(self, kills: int) -> Report:
        """Kill so many times, and compare once more after the last one."""
        began = time.monotonic()
        while self.report.kills < kills and not self.report.problems:
            await self._live(last=False)
        if not self.report.problems:
            await self._live(last=True)
        truth = self._truth.read()
        self.report.seconds = time.monotonic() - began
        self.report.orders = len(truth.orders)
        self.report.fills = sum(len(order.trades) for order in truth.orders.values())
        return self.report

    async def _live(self, last: bool) -> None:
        pipe, end = self._processes.Pipe()
        life = Life(str(self.folder), self.sandbox.url, self.sandbox.accounts[0].private_key, self.random.randrange(2 ** 32))
        process = self._processes.Process(target=main, args=(life, end), daemon=True)
        process.start()
        try:
            if not last and self.random.random() < EARLY_KILLS:
                await asyncio.sleep(self.random.uniform(0, LONGEST_START))
                self.report.early += 1
            else:
                self._trade(False)
                await self._compare(pipe)
                self._trade(True)
                if last or self.report.problems:
                    return
                pipe.send("trade")
                await asyncio.sleep(self.random.uniform(0, LONGEST_TRADING))
            if process.exitcode is not None:
                self.report.problems.append(f"the process ended by itself ({process.exitcode})")
            self.report.kills += 1
        finally:
            process.kill()
            await asyncio.to_thread(process.join)
            pipe.close()
            end.close()

    def _trade(self, on: bool) -> None:
        """The other traders go on or pause."""
        settings = self.sandbox.traders.settings
        settings.takes_per_second, settings.quotes_per_second = self._rates if on else (0.0, 0.0)

    # Comparing

    async def _compare(self, pipe: Connection) -> None:
        """Ask until the connector agrees with the chain."""
        began = time.monotonic()
        problems = ["no answer"]
        while problems and time.monotonic() - began < CHECK_SECONDS:
            pipe.send("tell")
            beliefs = pipe.recv() if await asyncio.to_thread(pipe.poll, CHECK_SECONDS) else None
            problems = list(self._problems(beliefs)) if beliefs is not None else ["the connector has not come to rest"]
            if problems:
                await asyncio.sleep(0.05)
        self.report.checks += 1
        self.report.slowest_check = max(self.report.slowest_check, time.monotonic() - began)
        self.report.problems += problems
        if problems:
            self.report.history = self._history(problems)

    def _history(self, problems: list[str]) -> list[str]:
        """What the bots' log and the records say of the orders in question."""
        names = set(re.findall(r"HBOT\w+", " ".join(problems)))
        lines = (self.folder / LOG).read_text().splitlines()
        records = Records(self.folder / RECORDS)
        return [line for line in lines if any(name in line for name in names)][-40:] + [
            f"recorded: {row}" for name in names for row in records.history(name)]

    def _problems(self, beliefs: dict[str, Any]) -> Iterator[str]:
        truth = self._truth.read()
        tracked = {exchange_order_id: (name, state) for name, (exchange_order_id, state, _) in beliefs["orders"].items()}
        for place, order in truth.orders.items():
            if order.deposit and place not in tracked:
                yield f"left behind: {place} rests with {order.deposit}, and Hummingbot does not know it"
            state = "PARTIALLY_FILLED" if order.is_partly_filled else "OPEN"
            if order.deposit and place in tracked and tracked[place][1] != state:
                yield f"{tracked[place]} rests with {order.trades}"
        for place, (name, state) in tracked.items():
            if place not in truth.orders or not truth.orders[place].deposit:
                yield f"{name} is {state} as {place}, which does not rest"
        held = sorted([*order.key, order.deposit] for order in truth.orders.values() if order.key is not None and order.deposit)
        if held != sorted(beliefs["deposits"]):
            yield f"deposits {sorted(beliefs['deposits'])}, on the chain {held}"
        yield from self._record_problems(truth, beliefs)
        yield from self._money_problems(truth, beliefs)

    def _record_problems(self, truth: Truth, beliefs: dict[str, Any]) -> Iterator[str]:
        """Hummingbot's records hold every fill of every order that it knows, once and right."""
        records = Records(self.folder / RECORDS)
        recorded_orders, fills, ended = records.orders(), records.fills(), records.ended()
        names = {place: name for name, (place, _) in recorded_orders.items()}
        if len(names) < len(recorded_orders):
            yield "doubled: two orders are one on the exchange"
        log = (self.folder / LOG).read_text()
        self.report.brought_back = log.count("it is recorded now")
        if "IntegrityError" in log:  # Hummingbot's database refuses what is told twice
            yield f"told twice: {log[log.index('IntegrityError'):][:500]}"
        for place, order in truth.orders.items():
            name = names.get(place)
            if name is None:
                yield f"lost: there is no record of {place} ({order})"
                continue
            market = next(market for market in self.sandbox.markets if place.startswith(market.book)
                          or any(trade.trade_id.startswith(market.book) for trade in order.trades))
            received = market.base if name.startswith("HBOTB") else market.quote
            recorded = sorted((fill.trade_id, fill.amount, received.to_units(fill.fee)) for fill in fills
                              if fill.order_id == name)
            # Hummingbot has no event for a trade that brings quote for no base at all.
            if recorded != sorted((trade.trade_id, _as_recorded(market.base.from_units(trade.base_units)), trade.fee)
                                  for trade in order.trades if trade.base_units):
                yield f"lost or wrong fills of {name} ({place}): recorded {recorded}, on the chain {order.trades}"
            if not order.deposit and name not in ended:
                yield f"lost: {name} left the exchange, and the last that Hummingbot heard is {recorded_orders[name][1]}"

    def _money_problems(self, truth: Truth, beliefs: dict[str, Any]) -> Iterator[str]:
        view, address = self.sandbox.view, self.sandbox.accounts[0].address
        for token, native in {(token, native) for market in self.sandbox.markets for token, native in
                              ((market.base, market.base_is_native), (market.quote, market.quote_is_native))}:
            held = self.sandbox.node.balance(address) if native else view.balance(token.address, address)
            for order in truth.orders.values():
                if order.key is not None:
                    market = next(market for market in self.sandbox.markets if market.book == order.key[0])
                    held += order.deposit if (market.quote if order.key[1] else market.base) == token else 0
            if token.from_units(held) != Decimal(beliefs["balances"][token.symbol]):
                yield f"{token.symbol}: {beliefs['balances'][token.symbol]}, on the chain {token.from_units(held)}"


def _as_recorded(amount: Decimal) -> Decimal:
    """Hummingbot's database keeps six digits."""
    return amount.quantize(Decimal("0.000001"), ROUND_DOWN)


async def kill_often(kills: int, seed: int, folder: Path) -> Report:
    """The whole test: a sandbox with lively traders, and so many kills."""
    settings = SandboxSettings(port=0, block_interval=0.05, seed=seed, node=NodeSettings(history_blocks=1_000_000),
                               traders=TraderSettings(takes_per_second=8.0, quotes_per_second=4.0))
    async with Sandbox(settings) as sandbox:
        return await Killer(sandbox, folder, seed).run(kills)


def run() -> int:
    """The command line."""
    kills, seed = (int(argument) for argument in (sys.argv[1:] + ["200", "1"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(kill_often(kills, seed, Path(folder)))
    print(report)
    for line in [*report.problems, *report.history]:
        print(line)
    return 1 if report.problems else 0
