"""Which feed is made from what a network says of its streams."""
import random
from typing import Any

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError
from hummingbot.connector.exchange.standard.feeds.base import PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.freshness import Freshness
from hummingbot.connector.exchange.standard.feeds.stream_sources import choose_url, stream_account_feed, stream_market_feed
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.feeds.websocket_account import HintedAccountFeed, WebsocketAccountFeed
from hummingbot.connector.exchange.standard.standard_constants import CHANNELS, SPOT_STREAMS
from hummingbot.connector.exchange.standard.standard_web_utils import WebAssistantTransport
from hummingbot.connector.exchange.standard.venue import Venue
from test.hummingbot.connector.exchange.standard.feeds.streams import (
    SOMI,
    Listener,
    StreamWorld,
    eventually,
    stream_world,
    traded,
)

CHANCE = random.Random(1)


def venue(world: StreamWorld, spoken: str | None) -> Venue:
    urls = {CHANNELS: world.sandbox.channels_url, SPOT_STREAMS: world.sandbox.spot_streams_url}
    network = CONSTANTS.NETWORKS["standard_sandbox"]._replace(
        rpc_urls=(world.sandbox.rpc_url,), api_urls=(world.sandbox.api_url,), ws_urls=((spoken, urls[spoken]),) if spoken else ())
    rpc = RpcClient(WebAssistantTransport(world.factory, CONSTANTS.RPC_LIMIT_ID), network.rpc_urls, world.clock, 10.0,
                    chain_id=31337)
    return Venue(network, world.rest, rpc)


def test_any_url_of_the_first_dialect_is_taken() -> None:
    urls = ((CHANNELS, "a"), (SPOT_STREAMS, "b"), (CHANNELS, "c"))
    assert {choose_url(urls, CHANCE) for _ in range(50)} == {(CHANNELS, "a"), (CHANNELS, "c")}
    with pytest.raises(ConfigurationError, match="no stream"):
        choose_url((), CHANCE)


@pytest.mark.parametrize(("spoken", "kind"), [(CHANNELS, WebsocketAccountFeed), (SPOT_STREAMS, HintedAccountFeed)])
async def test_feeds_speak_the_networks_dialect(spoken: str, kind: type) -> None:
    async with stream_world() as world:
        exchange = venue(world, spoken)
        listing = await exchange.listing()
        freshness = Freshness(lambda book: None, world.clock)
        market = stream_market_feed(exchange, world.factory, listing.market, UpdateIds(world.clock),
                                    ToldTrades(world.clock), freshness, world.clock, CHANCE)
        account: Any = stream_account_feed(exchange, world.factory, world.auth(), ToldLogs(0), world.clock, CHANCE,
                                           lambda told: world.polling_account_feed(0))
        assert isinstance(account, kind)
        trader = await traded(world, world.markets[SOMI])
        async with Listener(market, [SOMI]) as books, Listener(account) as own:
            await eventually(lambda: books.books and own.events)
            await trader.sell(world.markets[SOMI], 66_000_000, 10 ** 18)
            await trader.buy(world.markets[SOMI], 66_000_000, 10 ** 5, rests=False)
            await eventually(lambda: books.of(PublicTrade))


async def test_without_a_stream_or_a_listing_there_is_no_feed() -> None:
    async with stream_world() as world:
        with pytest.raises(ConfigurationError):
            stream_market_feed(venue(world, None), world.factory, world.markets.__getitem__, world.update_ids,
                               ToldTrades(world.clock), Freshness(lambda book: None, world.clock), world.clock, CHANCE)
        with pytest.raises(ApiUnavailableError):
            stream_account_feed(venue(world, CHANNELS), world.factory, world.auth(), ToldLogs(0), world.clock, CHANCE,
                                lambda told: world.polling_account_feed(0))
