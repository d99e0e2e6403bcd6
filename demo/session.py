"""One session: a sandbox, a bot in a home of its own that trades one strategy for a while, and the comparison afterwards."""
import fcntl
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from demo.bot import Bot, wait_until_trading
from demo.bot_home import REPOSITORY, make_bot_home
from demo.chain_view import Balances, Ledger, Node, Venue, address_of
from demo.event_log import EventLog
from demo.sandbox import Sandbox
from demo.summary import Summary, Views

CONNECTOR = "standard_sandbox"
BASE, QUOTE = "SOMI", "USDC"
REPORT_SECONDS = 15.0
SETTLE_SECONDS = 2.0

_started = time.monotonic()


@dataclass(frozen=True)
class Plan:
    """A strategy file of conf/, for how many seconds it trades, the folder for everything that is made, and what the sandbox
    is started with. A quiet session does not print each order and fill."""

    strategy: str
    seconds: float
    folder: Path
    sandbox: tuple[str, ...] = ()
    quiet: bool = False


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


def trade(plan: Plan, cleanup: ExitStack) -> Summary:
    """The whole session. What it starts is ended by `cleanup`."""
    home = make_bot_home(plan.folder)
    sandbox = cleanup.enter_context(Sandbox(home / "sandbox.log", *plan.sandbox))
    bot = Bot(home, secrets.token_hex(8), sandbox.environment)
    cleanup.callback(bot.end)
    say(f"A sandbox exchange serves {sandbox.url}; Hummingbot works in {home.relative_to(REPOSITORY)}.")
    show(f"hbot connect {CONNECTOR}", bot.connect(CONNECTOR, sandbox.published_key()))

    node = Node(sandbox.url)
    venue = Venue.find(node, sandbox.url, BASE, QUOTE)
    ledger = Ledger(node, venue, address_of(sandbox.published_key()))
    chain_before = ledger.balances()
    cleanup.callback(_report_rest, bot, ledger)
    with ThreadPoolExecutor() as pool:
        connector_before = pool.submit(bot.connector_balances, CONNECTOR)
        show("hbot balance", bot.hbot("balance", "--units-only"))
        before = connector_before.result()

    show(f"hbot start {plan.strategy}", bot.start(plan.strategy))
    wait_until_trading(bot, plan.strategy, 30)
    say(f"The strategy trades, for {plan.seconds:g} s.")
    log = EventLog(bot.log_path(plan.strategy))
    tell: Callable[[str], None] = (lambda line: None) if plan.quiet else say
    follow(log, ledger, venue, plan.seconds / 2, tell)
    show("hbot status", bot.hbot("status"))
    follow(log, ledger, venue, plan.seconds / 2, tell)
    show("hbot stop", bot.hbot("stop"))
    time.sleep(SETTLE_SECONDS)
    for line in log.new_lines():
        tell(line)
    show("hbot history", bot.hbot("history"))
    ledger.catch_up()
    views = Views(BASE, QUOTE, before, bot.connector_balances(CONNECTOR), chain_before, ledger.balances())
    if log.errors:
        show(f"Errors in the bot's log: {len(log.errors)}. The first:", log.errors[0])
    return Summary(venue, views, log, ledger)


def follow(log: EventLog, ledger: Ledger, venue: Venue, seconds: float, tell: Callable[[str], None]) -> None:
    """Tell what happens while the bot trades, and now and then what the account holds on the chain."""
    end = time.monotonic() + seconds
    next_report = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < end:
        time.sleep(0.5)
        for line in log.new_lines():
            tell(line)
        ledger.catch_up()
        if time.monotonic() >= next_report:
            next_report += REPORT_SECONDS
            tell(f"on chain {_amounts(ledger.balances(), venue)} outside the book, {len(log.fills)} fills so far")


def _amounts(balances: Balances, venue: Venue) -> str:
    base = Decimal(balances.base).scaleb(-venue.base_decimals)
    quote = Decimal(balances.quote).scaleb(-venue.quote_decimals)
    return f"{base:.6f} {BASE} and {quote:.6f} {QUOTE}"


def _report_rest(bot: Bot, ledger: Ledger) -> None:
    """After an interruption: end the bot, and look for orders that it left."""
    if bot.process() is not None:
        bot.end()
        ledger.catch_up()
        say(f"The bot has ended; orders left open: {len(ledger.open_orders())}.")
