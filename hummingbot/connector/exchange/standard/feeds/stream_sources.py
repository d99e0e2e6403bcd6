"""Feeds over the exchange's own WebSocket, made from what a network says of it: which dialect is spoken where."""
import random
from collections.abc import Callable, Sequence

from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError
from hummingbot.connector.exchange.standard.feeds.base import AccountFeed, UpdateIds
from hummingbot.connector.exchange.standard.feeds.freshness import Freshness
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.messages import MarketDialect
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotAccountDialect, SpotStreamsDialect
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.feeds.websocket import WebsocketMarketFeed
from hummingbot.connector.exchange.standard.feeds.websocket_account import HintedAccountFeed, WebsocketAccountFeed
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.standard_constants import CHANNELS
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory


def choose_url(urls: Sequence[tuple[str, str]], chance: random.Random) -> tuple[str, str]:
    """(dialect, URL): any of those that speak the first one's dialect. Raises ConfigurationError when there is none."""
    if not urls:
        raise ConfigurationError("This network names no stream of the exchange: set one, or use another source.")
    return chance.choice([(dialect, url) for dialect, url in urls if dialect == urls[0][0]])


def stream_market_feed(venue: Venue, factory: WebAssistantsFactory, market: Callable[[str], Market], update_ids: UpdateIds,
                       told: ToldTrades, freshness: Freshness, clock: Clock, chance: random.Random) -> WebsocketMarketFeed:
    """Order books and public trades. Raises ConfigurationError when the network names no stream."""
    spoken, url = choose_url(venue.network.ws_urls, chance)

    def spot(of: Market) -> MarketDialect:
        return SpotStreamsDialect(venue.rest, BlockPace(venue.rpc), of)

    if spoken == CHANNELS:  # it tells each block
        return WebsocketMarketFeed(factory, url, _channels(venue), market, update_ids, clock, told)
    return WebsocketMarketFeed(factory, url, spot, market, update_ids, clock, told, freshness)


def stream_account_feed(venue: Venue, factory: WebAssistantsFactory, auth: StandardAuth, told: ToldLogs, clock: Clock,
                        chance: random.Random, looking: Callable[[ToldLogs], AccountFeed]) -> AccountFeed:
    """Own orders and fills, beyond what was `told`. `looking` makes the feed that looks where the stream only hints.

    Raises ConfigurationError when the network names no stream, ApiUnavailableError before the listing is known.
    """
    spoken, url = choose_url(venue.network.ws_urls, chance)
    if spoken != CHANNELS:
        return HintedAccountFeed(factory, url, SpotAccountDialect(auth.wallet.address), looking(told), clock)
    auth.bind(venue.network.chain_id, _listing(venue).engine)

    def tokens() -> set[str]:
        # The native token is also what pays for gas: what of it is available takes more than its balance to know.
        listing = _listing(venue)
        return set(listing.tokens) - {listing.native_token}

    return WebsocketAccountFeed(factory, url, _channels(venue), auth, told, tokens, clock)


def _channels(venue: Venue) -> ChannelsDialect:
    return ChannelsDialect(venue.rest, BlockPace(venue.rpc), lambda book: _listing(venue).by_book.get(book))


def _listing(venue: Venue) -> Listing:
    listing = venue.known_listing
    if listing is None:
        raise ApiUnavailableError("the markets are not known yet")
    return listing
