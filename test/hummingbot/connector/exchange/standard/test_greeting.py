"""What is told at start: once, and never a traceback."""
import logging
from types import SimpleNamespace
from typing import Any

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError
from hummingbot.connector.exchange.standard.greeting import greet
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market, Token

WALLET = "0x" + "a1" * 20
WBTC = Market(Token("0x" + "bb" * 20, "WBTC", 8), Token("0x" + "cc" * 20, "USDC", 6), "0x" + "b2" * 20)


def venue(failure: Exception | None = None, wei: int = 1) -> Any:
    listing = Listing("0x" + "e0" * 20, "0x" + "aa" * 20)
    listing.add([WBTC])

    async def listed() -> Listing:
        if failure is not None:
            raise failure
        return listing

    async def balance(address: str) -> int:
        return wei

    return SimpleNamespace(listing=listed, rpc=SimpleNamespace(balance=balance),
                           network=CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN])


async def told(caplog: pytest.LogCaptureFixture, venue: Any, pairs: tuple[str, ...] = ("WBTC-USDC",),
               address: str = WALLET) -> list[tuple[int, str]]:
    with caplog.at_level(logging.INFO):
        await greet(venue, pairs, address)
    return [(record.levelno, record.getMessage()) for record in caplog.records]


async def test_nothing_is_told_of_a_wallet_that_can_pay_or_of_none(caplog: pytest.LogCaptureFixture) -> None:
    assert await told(caplog, venue()) == [] and await told(caplog, venue(wei=0), address="") == []


async def test_a_pair_that_is_not_listed_and_a_wallet_without_gas_money_are_told(caplog: pytest.LogCaptureFixture) -> None:
    (pair_level, pair), (wallet_level, wallet) = await told(caplog, venue(wei=0), ("WBTC-USDC", "FOO-USDC"))
    assert pair_level == logging.ERROR and "FOO-USDC" in pair
    assert wallet_level == logging.WARNING and wallet.startswith(f"The wallet {WALLET} has no SOMI")


@pytest.mark.parametrize(("failure", "level", "words"), [
    (ConfigurationError("another chain"), logging.ERROR, "The exchange cannot be used: another chain"),
    (ApiUnavailableError("it is away"), logging.WARNING, "The exchange cannot be used yet: it is away")])
async def test_settings_that_cannot_work_are_an_error_and_an_exchange_that_is_away_is_a_warning(
        caplog: pytest.LogCaptureFixture, failure: Exception, level: int, words: str) -> None:
    assert await told(caplog, venue(failure)) == [(level, words)]
