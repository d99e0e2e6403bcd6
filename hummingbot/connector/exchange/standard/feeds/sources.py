"""Which sources of data there are, by name, and the feeds that switch between them.

To add a source, write one class for market data and one for the account (feeds/base.py), name them here, and name the
source in the settings; nothing else changes.
"""
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.base import AccountFeed, MarketFeed, UpdateIds
from hummingbot.connector.exchange.standard.feeds.chain_logs import ChainAccountFeed, ChainMarketFeed
from hummingbot.connector.exchange.standard.feeds.chain_stream import ChainSource
from hummingbot.connector.exchange.standard.feeds.failover import Source
from hummingbot.connector.exchange.standard.feeds.freshness import Freshness
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.stream_sources import stream_account_feed, stream_market_feed
from hummingbot.connector.exchange.standard.feeds.switching import SwitchingAccountFeed, SwitchingMarketFeed
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

# Trades of so many blocks before a chain stream begins are told too: what took place between the sources is in them.
TRADE_LOOKBACK = 100


class FeedContext(NamedTuple):
    """What feeds are made from."""

    venue: Venue
    factory: WebAssistantsFactory
    auth: StandardAuth | None
    market: Callable[[str], Market]
    update_ids: UpdateIds
    told: ToldTrades
    freshness: Freshness
    clock: Clock
    chance: random.Random


Looking = Callable[[ToldLogs], PollingAccountFeed]
MarketSource = Callable[[FeedContext], MarketFeed]
AccountSource = Callable[[FeedContext, Looking, ToldLogs], AccountFeed]


def _chain(context: FeedContext) -> ChainSource:
    async def engine() -> str:
        return (await context.venue.listing()).engine

    network = context.venue.network
    urls = context.chance.sample(network.rpc_ws_urls, len(network.rpc_ws_urls))
    return ChainSource(context.factory.get_ws_assistant, urls, context.venue.rpc, engine, network.chain_id,
                       context.clock)


def _stream_account(context: FeedContext, looking: Looking, told: ToldLogs) -> AccountFeed:
    assert context.auth is not None  # own orders are followed for a wallet that trades
    return stream_account_feed(context.venue, context.factory, context.auth, told, context.clock, context.chance, looking)


def _chain_account(context: FeedContext, looking: Looking, told: ToldLogs) -> AccountFeed:
    return ChainAccountFeed(_chain(context), looking(told))


MARKET_SOURCES: dict[str, MarketSource] = {
    "chain": lambda context: ChainMarketFeed(_chain(context), context.market, context.clock, context.update_ids,
                                             trade_lookback=TRADE_LOOKBACK, told=context.told),
    "stream": lambda context: stream_market_feed(context.venue, context.factory, context.market, context.update_ids,
                                                 context.told, context.freshness, context.clock, context.chance),
}
ACCOUNT_SOURCES: dict[str, AccountSource] = {"chain": _chain_account, "stream": _stream_account}


def market_feed(mode: str, context: FeedContext, polling: MarketFeed) -> SwitchingMarketFeed:
    """Order books and public trades by the sources of a setting (`polling`, `stream`, `chain`, `auto`), then polling."""
    sources = [Source(name, partial(MARKET_SOURCES[name], context)) for name in CONSTANTS.FEEDS[mode]]
    return SwitchingMarketFeed(sources, polling, context.update_ids, context.told, context.clock, context.chance)


def account_feed(mode: str, context: FeedContext, looking: Looking, cursor: int | None) -> SwitchingAccountFeed:
    """Own orders by the sources of a setting, then by `looking` (polling), from a block on."""
    sources = [(name, partial(ACCOUNT_SOURCES[name], context, looking)) for name in CONSTANTS.FEEDS[mode]]
    told = ToldLogs(cursor, context.venue.network.late_blocks)
    return SwitchingAccountFeed([*sources, ("polling", looking)], told, context.clock, context.chance)
