"""Which endpoints and which engine a connector uses, and how: the domain's defaults with the user's overrides.

For each setting the first of these counts: what the constructor is given, the field of conf/connectors/<domain>.yml, the
environment variable (STANDARD_SANDBOX_RPC_URL and the like), the domain's default. Several URLs are separated by commas.
"""
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import is_address
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.standard_constants import Network


def resolve_network(domain: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str]) -> Network:
    """The network of a domain. `given` has the constructor's settings, `configuration` the stored map or None.

    Raises ConfigurationError with the setting's name for a URL, an address or a chain id that is none.
    """
    if domain not in CONSTANTS.NETWORKS:
        raise ConfigurationError(f"Unknown domain {domain!r}; known are {', '.join(CONSTANTS.NETWORKS)}.")
    network = CONSTANTS.NETWORKS[domain]
    values = {name: _setting(domain, name, given, configuration, environment) for name in CONSTANTS.ENVIRONMENT_SETTINGS}
    if values["rpc_url"]:
        network = network._replace(rpc_urls=_urls(domain, "rpc_url", values["rpc_url"]))
    if values["api_url"]:
        network = network._replace(api_urls=_urls(domain, "api_url", values["api_url"]))
    if values["engine_address"]:
        network = network._replace(engine=_address(domain, values["engine_address"]))
    if values["chain_id"]:
        network = network._replace(chain_id=_chain_id(domain, values["chain_id"]))
    return network


class Preferences(NamedTuple):
    """How the user wants to trade: how far beyond the best price a market order may go, as a fraction, how much of the
    native token stays in the wallet to pay for transactions, the most to offer for gas in wei (None for no bound), and
    which sources of data to use."""

    market_slippage: Decimal
    gas_reserve: Decimal
    max_fee: int | None
    feed: str


def resolve_preferences(domain: str, given: Mapping[str, Any], configuration: Any, environment: Mapping[str, str]) -> Preferences:
    """The preferences for a domain. Raises ConfigurationError, with the setting's name, for a value that is none."""
    slippage = _decimal(domain, "market_slippage", given, configuration, environment, CONSTANTS.MARKET_SLIPPAGE)
    if not 0 <= slippage < 1:
        raise ConfigurationError(f"{domain}_market_slippage must be a fraction from 0 to below 1: 0.01 is one per cent.")
    reserve = _decimal(domain, "gas_reserve", given, configuration, environment, CONSTANTS.GAS_RESERVE)
    if reserve < 0:
        raise ConfigurationError(f"{domain}_gas_reserve must not be negative.")
    max_fee = _decimal(domain, "max_fee_gwei", given, configuration, environment, Decimal(0))
    if max_fee < 0:
        raise ConfigurationError(f"{domain}_max_fee_gwei must not be negative.")
    feed = _setting(domain, "feed", given, configuration, environment) or CONSTANTS.DEFAULT_FEEDS[domain]
    if feed not in CONSTANTS.FEEDS:
        raise ConfigurationError(f"{domain}_feed must be one of {', '.join(CONSTANTS.FEEDS)}.")
    return Preferences(slippage, reserve, int(max_fee.scaleb(9)) or None, feed)


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
        if isinstance(value, (str, int)) and str(value).strip():
            return str(value).strip()
    return ""


def _urls(domain: str, name: str, text: str) -> tuple[str, ...]:
    urls = tuple(url.strip().rstrip("/") for url in text.split(",") if url.strip())
    if not urls or not all(map(_is_http_url, urls)):
        raise ConfigurationError(f"{domain}_{name} must be an http:// or https:// URL (several separated by commas).")
    return urls


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _address(domain: str, text: str) -> str:
    if not is_address(text):
        raise ConfigurationError(f"{domain}_engine_address must be a contract address: 0x and 40 hexadecimal digits.")
    return text.lower()


def _chain_id(domain: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise ConfigurationError(f"{domain}_chain_id must be a positive whole number.")
    return int(text)
