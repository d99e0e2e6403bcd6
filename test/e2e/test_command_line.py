"""Hummingbot's own command line, unmodified, from the stored key to the stopped bot."""
import re
import time
from collections.abc import Callable

import pytest

from demo.bot import Bot, CommandFailed, wait_until_trading
from demo.chain_view import Ledger, Node, Venue, address_of
from demo.event_log import EventLog
from demo.sandbox import Sandbox
from demo.summary import Summary, Views

CONNECTOR = "standard_sandbox"
STRATEGY = "pmm_sandbox.yml"
FILL_SECONDS = 60.0


@pytest.fixture(scope="module")
def bot(new_bot: Callable[[], Bot], sandbox: Sandbox) -> Bot:
    """A bot whose home has the sandbox's key stored."""
    bot = new_bot()
    bot.connect(CONNECTOR, sandbox.published_key())
    return bot


def test_every_network_is_listed(bot: Bot) -> None:
    listed = re.findall(r"^\| (standard\w*) ", bot.hbot("connect", "--all"), re.MULTILINE)
    assert listed == ["standard", "standard_sandbox", "standard_testnet"]


def test_the_private_key_is_all_that_is_asked_for(bot: Bot) -> None:
    fields = re.findall(r"^\| (standard_\w+) +\| (\w+)", bot.hbot("connect", "standard", "--fields"), re.MULTILINE)
    assert fields == [("standard_private_key", "yes")]


def test_the_key_is_stored_encrypted(bot: Bot, sandbox: Sandbox) -> None:
    stored = (bot.home / "conf" / "connectors" / f"{CONNECTOR}.yml").read_text()
    assert f"{CONNECTOR}_private_key" in stored
    assert sandbox.published_key()[2:] not in stored


def test_a_stored_key_is_confirmed(bot: Bot) -> None:
    assert re.search(rf"\| {CONNECTOR} +\| yes +\| yes +\|", bot.hbot("connect"))


def test_a_strategy_trades_and_stop_leaves_nothing(bot: Bot, sandbox: Sandbox) -> None:
    node = Node(sandbox.url)
    venue = Venue.find(node, sandbox.url, "SOMI-USDC")
    ledger = Ledger(node, [venue], address_of(sandbox.published_key()))
    chain_before, connector_before = ledger.balances(), bot.connector_balances(CONNECTOR)
    balance = bot.hbot("balance", "--units-only")
    assert "SOMI" in balance and "USDC" in balance

    assert "running" in bot.start(STRATEGY)
    wait_until_trading(bot, STRATEGY, 30)
    log = EventLog(bot.log_path(STRATEGY))
    deadline = time.monotonic() + FILL_SECONDS
    while time.monotonic() < deadline and (len(log.fills) < 3 or len(log.orders.cancelled) < 3):
        time.sleep(0.5)
        log.new_lines()
    shows_an_order = any(re.search(r"\d (buy|sell) 0\.\d", bot.hbot("status")) for _ in range(10))
    bot.hbot("stop")
    log.new_lines()
    history = bot.hbot("history")
    ledger.catch_up()

    assert shows_an_order  # one moment in ten may lie between a fill and the next order
    assert CONNECTOR in history
    views = Views(connector_before, bot.connector_balances(CONNECTOR), chain_before, ledger.balances())
    assert Summary(views, log, ledger).problems == []
    assert bot.process() is None


def test_stopping_a_bot_that_does_not_run_is_an_error_that_says_so(bot: Bot) -> None:
    with pytest.raises(CommandFailed, match=r"not running|no bot has been started"):
        bot.hbot("stop")
