"""Kills a whole bot at random instants while it quotes, starts it again with `hbot start`, and compares each time.

    python -m test.crash.whole_bot [kills] [seed]

The bot is stock Hummingbot with a V1 strategy, in a home of its own, beside a sandbox with its traders; everything is used
from outside. After each restart the chain, Hummingbot's database, the tracked orders that Hummingbot saved and the connector's
journal must agree: nothing may be lost (an order or a fill), doubled, or left behind. At the end the bot is stopped and every
unit is compared, as the demonstration does.
"""
import json
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import NamedTuple

from demo.__main__ import interrupted, interruptible
from demo.bot import CommandFailed
from demo.bot_home import REPOSITORY
from demo.chain_view import FillKey, OrderKey
from demo.session import CONNECTOR, Plan, Session, only_one, say
from hummingbot.connector.exchange.standard.cli.journals import journals
from soak.faults import Chaos
from test.hummingbot.connector.exchange.standard.hummingbot_records import ENDS

STRATEGY = "pmm_sandbox.yml"
LONGEST_LIFE = 12.0
AGREE_SECONDS = 40.0


class Records(NamedTuple):
    """What Hummingbot has on disk: its orders' places, those whose end it recorded, its fills, and the places it tracks."""

    orders: list[str]
    ended: set[str]
    fills: Counter[FillKey]
    tracked: set[str]


@dataclass
class Report:
    """What the kills showed."""

    kills: int = 0
    slowest: float = 0.0
    problems: list[str] = field(default_factory=list)


class Killer:
    """One sandbox, one home, many lives."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.report = Report()
        self._random = random.Random(seed)
        self._chaos = Chaos(session.sandbox.url, seed)

    def run(self, kills: int) -> Report:
        """Kill so many times, compare after each restart, and stop the last life as a person would."""
        self.session.begin()
        while self.report.kills < kills and not self.report.problems:
            self.session.follow(self._random.uniform(0.0, LONGEST_LIFE))
            process = self.session.bot.process()
            if process is None:
                self.report.problems.append("the bot has ended by itself")
                break
            process.kill()
            process.wait(5)
            self.report.kills += 1
            self.session.start()
            self._compare()
        summary = self.session.finish()
        print("\n" + summary.text(), flush=True)
        self.report.problems += summary.problems
        return self.report

    def _compare(self) -> None:
        """Wait until everybody agrees, while nobody else trades."""
        began, problems = time.monotonic(), ["nothing was compared"]
        self._chaos.trade(False)
        while problems and time.monotonic() - began < AGREE_SECONDS:
            time.sleep(0.3)
            problems = list(self._problems())
        self._chaos.trade(True)
        took = time.monotonic() - began
        self.report.slowest = max(self.report.slowest, took)
        self.report.problems += problems
        say(f"Kill {self.report.kills}: {'; '.join(problems) or f'all agree after {took:.1f} s'}")

    def _problems(self) -> Iterator[str]:
        ledger = self.session.ledger
        ledger.catch_up()
        resting = {_place(key) for key in ledger.open_orders()}
        records = self._records()
        (journal,) = journals(self.session.home / "data", CONNECTOR, ledger.account)
        ledger.catch_up()
        if resting != {_place(key) for key in ledger.open_orders()}:
            yield "orders come and go"
            return
        yield from _differences("Hummingbot's open orders", set(records.orders) - records.ended, resting)
        yield from _differences("the orders that Hummingbot tracks", records.tracked, resting)
        yield from _differences("the journal's orders", {_place(OrderKey(*key)) for key in journal.orders}, resting)
        counts = Counter(records.orders)
        yield from (f"lost: Hummingbot has no record of {_place(key)}" for key in ledger.orders if not counts[_place(key)])
        yield from (f"doubled: Hummingbot has {count} records of {place}" for place, count in counts.items() if count > 1)
        on_chain = Counter(key for key, fill in ledger.fills().items() if fill.base)  # Hummingbot is not told of fills of nothing
        for key in records.fills.keys() | on_chain.keys():
            if records.fills[key] != on_chain[key]:
                yield f"{key} is recorded {records.fills[key]} times and is on the chain {on_chain[key]} times"

    def _records(self) -> Records:
        path = (self.session.home / "data" / STRATEGY).with_suffix(".sqlite")
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            orders = [place for (place,) in database.execute("SELECT exchange_order_id FROM 'Order' WHERE exchange_order_id "
                                                             "LIKE '%:bid:%' OR exchange_order_id LIKE '%:ask:%'")]
            ended = {place for (place,) in database.execute(
                f"SELECT exchange_order_id FROM 'Order' WHERE id IN (SELECT order_id FROM OrderStatus WHERE status IN {ENDS})")}
            fills = database.execute("SELECT exchange_trade_id, trade_type FROM TradeFill").fetchall()
            states = database.execute("SELECT saved_state FROM MarketState").fetchall()
        tracked = {order["exchange_order_id"] for (state,) in states for order in json.loads(state).values()}
        return Records(orders, ended, Counter(FillKey(trade.split(":")[0], int(trade.split(":")[1]), kind == "BUY")
                                       for trade, kind in fills), tracked - {None})


def _place(key: OrderKey) -> str:
    """How Hummingbot names an order."""
    return f"{key.book}:{'bid' if key.is_bid else 'ask'}:{key.order_id}"


def _differences(whose: str, believed: set[str], resting: set[str]) -> Iterator[str]:
    if believed != resting:
        yield f"{whose} lack {sorted(resting - believed)} and have {sorted(believed - resting)}, which do not rest"


def main(kills: int = 5, seed: int = 1) -> int:
    """Print the report; the exit code."""
    interruptible()
    plan = Plan(STRATEGY, 0, REPOSITORY / ".crash-test", quiet=True, sandbox=("--rate", "20", "--seed", str(seed)))
    with ExitStack() as cleanup:
        try:
            only_one(REPOSITORY / "test" / "crash")
            report = Killer(Session(plan, cleanup), seed).run(kills)
        except KeyboardInterrupt:
            return interrupted()
        except (CommandFailed, RuntimeError, OSError) as error:
            say(f"The test failed: {error}")
            return 1
    say(f"{report.kills} kills; the slowest agreement took {report.slowest:.1f} s; {len(report.problems)} problems")
    for problem in report.problems:
        say(f"PROBLEM: {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
