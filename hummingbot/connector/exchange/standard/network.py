"""Which endpoints and which engine a connector uses, and how: the domain's defaults with the user's overrides.

For each setting the first of these counts: what the constructor is given, the field of conf/connectors/<domain>.yml, the
environment variable (STANDARD_SANDBOX_RPC_URL and the like), the domain's default. Several URLs are separated by commas.
"""
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import is_address
from hummingbot.connector.exchange.standard.chain.allowances import APPROVALS, WITHOUT_LIMIT
from hummingbot.connector.exchange.standard.chain.endpoints import websocket_url
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.standard_constants import Network

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
# In gwei. With less nothing is ever mined, and more is no bound: what was meant may be in wei.
LEAST_MAX_FEE = Decimal("0.001")
MOST_MAX_FEE = Decimal(100_000)


def resolve_network(domain: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str]) -> Network:
    """The network of a domain. `given` has the constructor's settings, `configuration` the stored map or None.

    Raises ConfigurationError with the setting's name for a URL, an address or a chain id that is none.
    """
    if domain not in CONSTANTS.NETWORKS:
        raise ConfigurationError(f"Unknown domain {domain!r}; known are {', '.join(CONSTANTS.NETWORKS)}.")
    network = CONSTANTS.NETWORKS[domain]
    values = {name: _setting(domain, name, given, configuration, environment) for name in CONSTANTS.ENVIRONMENT_SETTINGS}
    if values["rpc_url"]:
        urls = _urls(domain, "rpc_url", values["rpc_url"])
        # The node's WebSocket is taken to stand beside its JSON-RPC, as on Somnia, unless it is named.
        # A fork of the network on this machine may make a block for each transaction and no other.
        steady = network.steady_blocks and not any(urlsplit(url).hostname in LOOPBACK for url in urls)
        network = network._replace(rpc_urls=urls, rpc_ws_urls=tuple(websocket_url(url) for url in urls), steady_blocks=steady)
    if values["rpc_ws_url"]:
        network = network._replace(rpc_ws_urls=_urls(domain, "rpc_ws_url", values["rpc_ws_url"], ("ws", "wss")))
    if values["api_url"]:
        urls = _urls(domain, "api_url", values["api_url"])
        network = network._replace(api_urls=urls, ws_urls=tuple(
            (dialect, _moved(url, network.api_urls[0], urls[0])) for dialect, url in network.ws_urls))
    if values["stream_url"]:
        network = network._replace(ws_urls=_streams(domain, values["stream_url"]))
    if values["engine_address"]:
        network = network._replace(engine=_address(domain, values["engine_address"]))
    if values["chain_id"]:
        chain_id = _chain_id(domain, values["chain_id"])
        network = network._replace(chain_id=chain_id, steady_blocks=network.steady_blocks and chain_id == network.chain_id)
    return network


def _websocket(url: str) -> str:
    """The same place by WebSocket."""
    return url.replace("http", "ws", 1)


def _moved(stream_url: str, old_api_url: str, api_url: str) -> str:
    """A stream that the API's own server offers moves with the API; any other stays."""
    old = _websocket(old_api_url)
    return _websocket(api_url) + stream_url.removeprefix(old) if stream_url.startswith(old + "/") else stream_url


class Preferences(NamedTuple):
    """How the user wants to trade: how far beyond the best price a market order may go, as a fraction, how much of the
    native token stays in the wallet to pay for transactions, the most to offer for gas in wei (None for no bound),
    how tokens are approved (see Allowances), which sources of data to use, and the seconds between two polls while orders
    are open or a book moves (a book is polled more often where that would be too seldom to trade by it)."""

    market_slippage: Decimal
    gas_reserve: Decimal
    max_fee: int | None
    approval: str
    feed: str
    poll_interval: float


def resolve_preferences(domain: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str]) -> Preferences:
    """The preferences for a domain. Raises ConfigurationError, with the setting's name, for a value that is none."""
    slippage = _decimal(domain, "market_slippage", given, configuration, environment, CONSTANTS.MARKET_SLIPPAGE)
    if not 0 <= slippage < 1:
        raise ConfigurationError(f"{domain}_market_slippage must be a fraction from 0 to below 1: 0.01 is one per cent.")
    reserve = _decimal(domain, "gas_reserve", given, configuration, environment, CONSTANTS.GAS_RESERVE)
    if reserve < 0:
        raise ConfigurationError(f"{domain}_gas_reserve must not be negative.")
    max_fee = _decimal(domain, "max_fee_gwei", given, configuration, environment, CONSTANTS.MAX_FEE_GWEI)
    if max_fee and not LEAST_MAX_FEE <= max_fee <= MOST_MAX_FEE:
        raise ConfigurationError(f"{domain}_max_fee_gwei must be in gwei, from {LEAST_MAX_FEE} to {MOST_MAX_FEE}, or 0 for no "
                                 "bound.")
    approval = _choice(domain, "approval", given, configuration, environment, APPROVALS, WITHOUT_LIMIT)
    feed = _choice(domain, "feed", given, configuration, environment, CONSTANTS.FEEDS, CONSTANTS.DEFAULT_FEEDS[domain])
    interval = _decimal(domain, "poll_interval", given, configuration, environment, CONSTANTS.POLL_INTERVAL)
    if not Decimal("0.1") <= interval <= 60:
        raise ConfigurationError(f"{domain}_poll_interval must be a number of seconds from 0.1 to 60.")
    return Preferences(slippage, reserve, int(max_fee.scaleb(9)) if max_fee else None, approval, feed, float(interval))


def _choice(domain: str, name: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str],
            choices: Collection[str], default: str) -> str:
    value = _setting(domain, name, given, configuration, environment) or default
    if value not in choices:
        raise ConfigurationError(f"{domain}_{name} must be one of {', '.join(choices)}.")
    return value


def _decimal(domain: str, name: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str],
             default: Decimal) -> Decimal:
    text = _setting(domain, name, given, configuration, environment)
    try:
        value = Decimal(text) if text else default
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ConfigurationError(f"{domain}_{name} must be a number.")
    return value


def _setting(domain: str, name: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str]) -> str:
    for value in (given.get(name), getattr(configuration, f"{domain}_{name}", None), environment.get(f"{domain}_{name}".upper())):
        text = "" if value is None else str(value).strip()
        if text:
            return text
    return ""


def _streams(domain: str, text: str) -> tuple[tuple[str, str], ...]:
    """Streams as (dialect, URL), written as dialect+URL: channels+wss://host/path."""
    streams = []
    for part in text.split(","):
        dialect, _, url = part.strip().partition("+")
        if dialect not in (CONSTANTS.CHANNELS, CONSTANTS.SPOT_STREAMS):
            raise ConfigurationError(f"{domain}_stream_url must be a dialect and a URL, {CONSTANTS.CHANNELS}+wss://… or "
                                     f"{CONSTANTS.SPOT_STREAMS}+wss://… (several separated by commas).")
        streams += [(dialect, each) for each in _urls(domain, "stream_url", url, ("ws", "wss"))]
    return tuple(streams)


def _urls(domain: str, name: str, text: str, schemes: Sequence[str] = ("http", "https")) -> tuple[str, ...]:
    urls = tuple(url.strip().rstrip("/") for url in text.split(",") if url.strip())
    if not urls or not all(_is_url(url, schemes) for url in urls):
        raise ConfigurationError(f"{domain}_{name} must be a URL with {schemes[0]}:// or {schemes[1]}:// (several separated by "
                                 "commas).")
    return urls


def _is_url(text: str, schemes: Sequence[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none shows when it is read
        return False


def _address(domain: str, text: str) -> str:
    if not is_address(text):
        raise ConfigurationError(f"{domain}_engine_address must be a contract address: 0x and 40 hexadecimal digits, in quotes "
                                 "in a file.")
    return text.lower()


def _chain_id(domain: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise ConfigurationError(f"{domain}_chain_id must be a positive whole number.")
    return int(text)
