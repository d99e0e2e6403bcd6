"""The exchange as a command of its own uses it: outside of any bot, opened for a moment and closed again."""
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.network import Preferences, resolve_network, resolve_preferences
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.standard_constants import Network
from hummingbot.connector.exchange.standard.transport import HttpTransport
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory


class Exchange(NamedTuple):
    """One network's exchange, with what is needed to ask single endpoints too."""

    domain: str
    network: Network
    preferences: Preferences
    venue: Venue
    factory: WebAssistantsFactory
    node_transport: HttpTransport
    api_transport: HttpTransport
    clock: Clock


@asynccontextmanager
async def opened(domain: str, configuration: Any, clock: Clock | None = None) -> AsyncIterator[Exchange]:
    """The exchange of a domain by the stored settings and the environment. Raises ConfigurationError for bad settings."""
    network = resolve_network(domain, {}, configuration, os.environ)
    preferences = resolve_preferences(domain, {}, configuration, os.environ)
    clock = clock or SystemClock()
    factory = web_utils.build_api_factory()
    node = web_utils.WebAssistantTransport(factory, CONSTANTS.RPC_LIMIT_ID)
    api = web_utils.WebAssistantTransport(factory, CONSTANTS.API_LIMIT_ID)
    venue = Venue(network, RestClient(api, network.api_urls),
                  RpcClient(node, network.rpc_urls, clock, CONSTANTS.REQUEST_TIMEOUT, chain_id=network.chain_id))
    try:
        yield Exchange(domain, network, preferences, venue, factory, node, api, clock)
    finally:
        await ConnectionsFactory().close()
