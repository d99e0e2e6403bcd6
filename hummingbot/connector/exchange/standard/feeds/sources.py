"""Which sources of data there are, by name, and the feeds that switch between them.

To add a source, write one class for market data and one for the account (feeds/base.py), name them here, and name the
source in the settings; nothing else changes.
"""
import random
from collections.abc import Callable
from typing import NamedTuple

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.base import AccountFeed, MarketFeed, UpdateIds
from hummingbot.connector.exchange.standard.feeds.failover import Source
from hummingbot.connector.exchange.standard.feeds.switching import SwitchingAccountFeed, SwitchingMarketFeed
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory


class FeedContext(NamedTuple):
    """What feeds are made from."""

    venue: Venue
    factory: WebAssistantsFactory
    auth: StandardAuth | None
    market: Callable[[str], Market]
    update_ids: UpdateIds
    clock: Clock
    chance: random.Random


MarketSource = Callable[[FeedContext], MarketFeed]
AccountSource = Callable[[FeedContext, int | None], AccountFeed]

MARKET_SOURCES: dict[str, MarketSource] = {}
ACCOUNT_SOURCES: dict[str, AccountSource] = {}


def market_feed(mode: str, context: FeedContext, polling: MarketFeed) -> SwitchingMarketFeed:
    """Order books and public trades by the sources of a setting (`polling`, `stream`, `chain`, `auto`), then polling."""
    def maker(create: MarketSource) -> Callable[[], MarketFeed]:
        return lambda: create(context)

    sources = [Source(name, maker(MARKET_SOURCES[name])) for name in CONSTANTS.FEEDS[mode]]
    return SwitchingMarketFeed(sources, polling, context.clock, context.chance)


def account_feed(mode: str, context: FeedContext, polling: Callable[[int | None], AccountFeed],
                 cursor: int | None) -> SwitchingAccountFeed:
    """Own orders by the sources of a setting, then polling, from a block on."""
    def maker(create: AccountSource) -> Callable[[int | None], AccountFeed]:
        return lambda start: create(context, start)

    sources = [(name, maker(ACCOUNT_SOURCES[name])) for name in CONSTANTS.FEEDS[mode]]
    return SwitchingAccountFeed([*sources, ("polling", polling)], cursor, context.clock, context.chance)
