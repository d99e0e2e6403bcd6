"""`make demo`: stock Hummingbot makes a market on a local sandbox for a while, then every unit is checked.

DEMO_SECONDS says how long it trades. Exit code 0 when both views agree, something was filled and no order was left;
1 otherwise; 130 after Ctrl-C, which cancels the orders and ends what was started.
"""
import fcntl
import os
import secrets
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from types import FrameType

from demo.bot import Bot, CommandFailed, wait_until_trading
from demo.bot_home import REPOSITORY, make_bot_home
from demo.chain_view import Balances, Ledger, Node, Venue, address_of
from demo.event_log import EventLog
from demo.sandbox import Sandbox
from demo.summary import Summary, Views

CONNECTOR = "standard_sandbox"
STRATEGY = "pmm_sandbox.yml"
BASE, QUOTE = "SOMI", "USDC"
FOLDER = REPOSITORY / ".demo"
REPORT_SECONDS = 15.0
SETTLE_SECONDS = 2.0

_started = time.monotonic()


def say(text: str) -> None:
    """A line with the seconds since the start."""
    print(f"[{time.monotonic() - _started:5.1f} s] {text}", flush=True)


def show(title: str, text: str) -> None:
    """What a command printed, below a title."""
    say(title)
    print("\n".join("    " + line for line in text.rstrip().splitlines()), flush=True)


def follow(log: EventLog, ledger: Ledger, venue: Venue, seconds: float) -> None:
    """Print what happens while the bot trades, and now and then what the account holds on the chain."""
    end = time.monotonic() + seconds
    next_report = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < end:
        time.sleep(0.5)
        for line in log.new_lines():
            say(line)
        ledger.catch_up()
        if time.monotonic() >= next_report:
            next_report += REPORT_SECONDS
            say(f"on chain {_amounts(ledger.balances(), venue)} outside the book, {len(log.fills)} fills so far")


def _amounts(balances: Balances, venue: Venue) -> str:
    base = Decimal(balances.base).scaleb(-venue.base_decimals)
    quote = Decimal(balances.quote).scaleb(-venue.quote_decimals)
    return f"{base:.6f} {BASE} and {quote:.6f} {QUOTE}"


def only_one() -> None:
    """Make sure that no other demonstration uses the same folder, until this process ends.

    Raises RuntimeError when one does.
    """
    folder = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RuntimeError("another demonstration is running in this working copy; wait until it has ended.") from None


def trade(seconds: float, cleanup: ExitStack) -> Summary:
    """The whole demonstration. What it starts is ended by `cleanup`."""
    only_one()
    home = make_bot_home(FOLDER)
    sandbox = cleanup.enter_context(Sandbox(home / "sandbox.log"))
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

    show(f"hbot start {STRATEGY}", bot.start(STRATEGY))
    wait_until_trading(bot, STRATEGY, 30)
    say(f"The strategy trades, for {seconds:g} s.")
    log = EventLog(bot.log_path(STRATEGY))
    follow(log, ledger, venue, seconds / 2)
    show("hbot status", bot.hbot("status"))
    follow(log, ledger, venue, seconds / 2)
    show("hbot stop", bot.hbot("stop"))
    time.sleep(SETTLE_SECONDS)
    for line in log.new_lines():
        say(line)
    show("hbot history", bot.hbot("history"))
    ledger.catch_up()
    views = Views(BASE, QUOTE, before, bot.connector_balances(CONNECTOR), chain_before, ledger.balances())
    if log.errors:
        show(f"Errors in the bot's log: {len(log.errors)}. The first:", log.errors[0])
    return Summary(venue, views, log, ledger)


def _report_rest(bot: Bot, ledger: Ledger) -> None:
    """After an interruption: end the bot, and look for orders that it left."""
    if bot.process() is not None:
        bot.end()
        ledger.catch_up()
        say(f"The bot has ended; orders left open: {len(ledger.open_orders())}.")


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demonstration; the exit code."""
    seconds = float(os.environ.get("DEMO_SECONDS") or 60)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with ExitStack() as cleanup:
        try:
            summary = trade(seconds, cleanup)
        except KeyboardInterrupt:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            say("Interrupted: the bot cancels its orders and ends, then the sandbox.")
            return 130
        except (CommandFailed, RuntimeError, OSError) as error:
            say(f"The demonstration failed: {error}")
            return 1
    print("\nSummary\n" + summary.text(), flush=True)
    return 1 if summary.problems else 0


if __name__ == "__main__":
    sys.exit(main())
