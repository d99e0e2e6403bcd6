"""All checks that need the network, in the order in which they depend on each other."""
import argparse
import asyncio
import logging
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.cli.checks import endpoints
from hummingbot.connector.exchange.standard.cli.checks.exchange import Gas, engine, gas, markets
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, failed, passed, skipped, warned, without_secrets
from hummingbot.connector.exchange.standard.cli.checks.indexer import indexer_lag
from hummingbot.connector.exchange.standard.cli.checks.wallet import wallet
from hummingbot.connector.exchange.standard.cli.exchange import Exchange, opened
from hummingbot.connector.exchange.standard.cli.wallets import bot_home, find_address
from hummingbot.connector.exchange.standard.errors import ConfigurationError, StandardError

_PACKAGE = "hummingbot.connector.exchange.standard"


def examine(arguments: argparse.Namespace, environment: Mapping[str, str]) -> list[Finding]:
    """The findings of a network and, where one is named, of a wallet, after asking for a password where one is needed."""
    findings = []
    address = ""
    try:
        home = bot_home(arguments)
        settings = home.settings(arguments.network)
    except ConfigurationError as error:
        return [failed("settings", str(error), "Name the folder that contains conf/.")]
    try:
        address = find_address(arguments, environment)
    except ConfigurationError as error:
        findings.append(failed("wallet key", str(error), "Without it the wallet is not looked at; --address needs no key."))
    else:
        findings += [passed("wallet key", "it can be read")] if address and arguments.address is None else []
    return [*findings, *asyncio.run(_network(arguments.network, settings, address, home.data))]


async def _network(domain: str, settings: Any, address: str, data: Path) -> list[Finding]:
    # What the library would log is what the findings say.
    logger = logging.getLogger(_PACKAGE)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        async with opened(domain, settings) as exchange:
            findings = await _exchange(exchange, address, data)
            return [without_secrets(finding, endpoints.urls_of(exchange)) for finding in findings]
    except ConfigurationError as error:
        return [failed("settings", str(error), f"Correct it in conf/connectors/{domain}.yml or in the environment.")]
    finally:
        logger.setLevel(level)


async def _exchange(exchange: Exchange, address: str, data: Path) -> list[Finding]:
    findings, node = await endpoints.nodes(exchange)
    of_apis, api = await endpoints.apis(exchange)
    findings += of_apis + await endpoints.streams(exchange)
    if not node:
        return [*findings, skipped("exchange and wallet", "not looked at: no node can be used")]
    findings += await _guarded("block age", endpoints.heartbeat(exchange))
    price: Gas | None = None
    try:
        finding, price = await gas(exchange)
        findings.append(finding)
    except StandardError as error:
        findings.append(failed("gas price", str(error), "No transaction can be priced: try another node."))
    listing = None
    try:
        of_engine, listing = await engine(exchange)
        findings += of_engine
    except StandardError as error:
        findings.append(failed("engine", str(error), "Try another node, or check the engine address."))
    if listing is None:
        return [*findings, skipped("markets and wallet", "not looked at: what is listed is not known")]
    if api:
        findings += await _guarded("indexer lag", _listed(indexer_lag(exchange, listing)))
    findings += await _guarded("markets", markets(exchange, listing, address))
    if not address:
        findings.append(skipped("wallet", "none is named", "--address 0x… or --key-from-bot-home DIR looks at one."))
    elif price is not None:
        findings += await _guarded("wallet", wallet(exchange, listing, address, price, data))
    return findings


async def _listed(finding: Awaitable[Finding]) -> list[Finding]:
    return [await finding]


async def _guarded(check: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    """The findings of a check, or that it could not be made."""
    try:
        return await work
    except StandardError as error:
        return [warned(check, f"could not be looked at: {error}", "Try again; if it stays, try another endpoint.")]
