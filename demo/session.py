"""One session: a sandbox, a bot in a home of its own that trades one strategy for a while, and the comparison afterwards."""
import fcntl
import os
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from demo.bot import Bot, wait_until_trading
from demo.bot_home import REPOSITORY, make_bot_home
from demo.chain_view import Ledger, Node, Venue, address_of
from demo.event_log import EventLog
from demo.sandbox import Sandbox
from demo.summary import Summary, Views

CONNECTOR = "standard_sandbox"
REPORT_SECONDS = 15.0
SETTLE_SECONDS = 2.0

_started = time.monotonic()


@dataclass(frozen=True)
class Plan:
    """A strategy file of conf/, for how many seconds it trades, the folder for everything that is made, what the sandbox is
    started with, and the markets in which it trades. A quiet session does not print each order and fill. `additions` is a
    folder whose files are put into the bot's home."""

    strategy: str
    seconds: float
    folder: Path
    sandbox: tuple[str, ...] = ()
    quiet: bool = False
    pairs: tuple[str, ...] = ("SOMI-USDC",)
    additions: Path | None = None


def say(text: str) -> None:
    """A line with the seconds since the start."""
    print(f"[{time.monotonic() - _started:5.1f} s] {text}", flush=True)


def show(title: str, text: str) -> None:
    """What a command printed, below a title."""
    say(title)
    print("\n".join("    " + line for line in text.rstrip().splitlines()), flush=True)


def only_one(folder: Path) -> None:
    """Make sure that no other process uses what `folder` stands for, until this one ends. Raises RuntimeError when one does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RuntimeError("another demonstration is running in this working copy; wait until it has ended.") from None


class Session:
    """A sandbox and a bot beside it that has its key stored; what is started is ended by `cleanup`.

    `begin`, then `follow` any number of times, then `finish`, which compares.
    """

    def __init__(self, plan: Plan, cleanup: ExitStack) -> None:
        self.plan = plan
        self.home = make_bot_home(plan.folder)
        if plan.additions is not None:
            shutil.copytree(plan.additions, self.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        self.sandbox = cleanup.enter_context(Sandbox(self.home / "sandbox.log", *plan.sandbox))
        self.bot = Bot(self.home, secrets.token_hex(8), self.sandbox.environment)
        cleanup.callback(self.bot.end)
        say(f"A sandbox exchange serves {self.sandbox.url}; Hummingbot works in {self.home.relative_to(REPOSITORY)}.")
        show(f"hbot connect {CONNECTOR}", self.bot.connect(CONNECTOR, self.sandbox.published_key()))
        node = Node(self.sandbox.url)
        venues = [Venue.find(node, self.sandbox.url, pair) for pair in plan.pairs]
        self.ledger = Ledger(node, venues, address_of(self.sandbox.published_key()))
        self.log = EventLog(self.bot.log_path(plan.strategy))
        self._chain_before: dict[str, int] = self.ledger.balances()
        self._connector_before: dict[str, dict[str, Decimal]] = {}
        cleanup.callback(self._report_rest)

    def begin(self) -> None:
        """Note the balances and start the strategy. Raises CommandFailed when it does not trade."""
        with ThreadPoolExecutor() as pool:
            before = pool.submit(self.bot.connector_balances, CONNECTOR)
            show("hbot balance", self.bot.hbot("balance", "--units-only"))
            self._connector_before = before.result()
        self.start()

    def start(self) -> None:
        """Start the strategy, also again after its bot has ended. Raises CommandFailed when it does not trade."""
        log = self.bot.log_path(self.plan.strategy)
        told_before = log.stat().st_size if log.exists() else 0
        show(f"hbot start {self.plan.strategy}", self.bot.start(self.plan.strategy))
        wait_until_trading(self.bot, self.plan.strategy, 30, told_before)

    def follow(self, seconds: float) -> None:
        """Tell what happens while the bot trades, and now and then what the account holds on the chain."""
        end = time.monotonic() + seconds
        next_report = time.monotonic() + REPORT_SECONDS
        while time.monotonic() < end:
            time.sleep(0.5)
            self.tell_news()
            self.ledger.catch_up()
            if time.monotonic() >= next_report:
                next_report += REPORT_SECONDS
                self._tell(f"on chain {self._holdings()} outside the book, {len(self.log.fills)} fills so far")

    def tell_news(self) -> None:
        """Read on in the bot's log."""
        for line in self.log.new_lines():
            self._tell(line)

    def finish(self) -> Summary:
        """Stop the bot as a person would, and compare."""
        show("hbot stop", self.bot.hbot("stop"))
        time.sleep(SETTLE_SECONDS)
        self.tell_news()
        show("hbot history", self.bot.hbot("history"))
        self.ledger.catch_up()
        views = Views(self._connector_before, self.bot.connector_balances(CONNECTOR), self._chain_before,
                      self.ledger.balances())
        if self.log.errors:
            show(f"Errors in the bot's log: {len(self.log.errors)}. The first:", self.log.errors[0])
        return Summary(views, self.log, self.ledger)

    def _tell(self, line: str) -> None:
        if not self.plan.quiet:
            say(line)

    def _holdings(self) -> str:
        assets = self.ledger.assets
        return " and ".join(f"{Decimal(units).scaleb(-assets[symbol].decimals):.6f} {symbol}"
                            for symbol, units in self.ledger.balances().items())

    def _report_rest(self) -> None:
        """After an interruption: end the bot, and look for orders that it left."""
        if self.bot.process() is not None:
            self.bot.end()
            self.ledger.catch_up()
            say(f"The bot has ended; orders left open: {len(self.ledger.open_orders())}.")


def trade(plan: Plan, cleanup: ExitStack) -> Summary:
    """The whole session. What it starts is ended by `cleanup`."""
    session = Session(plan, cleanup)
    session.begin()
    say(f"The strategy trades, for {plan.seconds:g} s.")
    session.follow(plan.seconds / 2)
    show("hbot status", session.bot.hbot("status"))
    session.follow(plan.seconds / 2)
    return session.finish()
