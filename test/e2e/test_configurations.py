"""Every ready configuration for the sandbox starts in an unmodified Hummingbot and has its orders accepted."""
import re
import time
from collections.abc import Callable

import pytest

from demo.bot import Bot, wait_until_trading
from demo.bot_home import REPOSITORY
from demo.event_log import ERROR_MARK, HARMLESS
from demo.sandbox import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONFIGURATIONS = sorted(path.name for path in (REPOSITORY / "conf").glob("*/*_sandbox*.yml"))
CONNECTOR = "standard_sandbox"
# A strategy that wants candles or trades first waits for them.
ORDER_SECONDS = 150.0
# cross_exchange_market_making reports on its markets in its first tick, before any network is connected.
EARLY_REPORT = "Error formatting market stats."


@pytest.fixture(scope="module")
def bot(new_bot: Callable[[], Bot], sandbox: Sandbox) -> Bot:
    """A bot that knows the sandbox's key, and how to trade on paper: by the command that xemm_sandbox.yml tells its user."""
    bot = new_bot()
    bot.connect(CONNECTOR, sandbox.published_key())
    told = re.search(r"exchange\.standard (paper .+)", (REPOSITORY / "conf/strategies/xemm_sandbox.yml").read_text())
    assert told is not None
    bot.standard(*told[1].split(), "--only")
    return bot


def orders_created(log: str) -> int:
    """How many orders the exchange accepted, by the bot's log; on paper they have no events of the chain."""
    return log.count('"event_name": "BuyOrderCreatedEvent"') + log.count('"event_name": "SellOrderCreatedEvent"')


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_it_starts_and_places_orders(bot: Bot, configuration: str) -> None:
    path = bot.log_path(configuration)
    try:
        bot.start(configuration)
        wait_until_trading(bot, configuration, 40)
        deadline = time.monotonic() + ORDER_SECONDS
        while orders_created(path.read_text()) < 4 and time.monotonic() < deadline:
            time.sleep(0.5)
        assert orders_created(path.read_text()) >= 4
        assert bot.hbot("status")
        bot.hbot("stop")
    finally:
        bot.end()
    errors = [line for line in path.read_text().splitlines() if ERROR_MARK in line]
    assert [line for line in errors if not any(text in line for text in (*HARMLESS, EARLY_REPORT))] == []
