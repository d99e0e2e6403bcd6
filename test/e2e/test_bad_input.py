"""What a person reads who enters something that cannot work: one sentence, no traceback, never the key.

`connect`, `balance` and the text client all show the text of what the connector raises when it is built or when it reads
the balances, so most cases go that way in this process; one goes through the command line.
"""
import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from demo.bot import Bot
from demo.sandbox import Sandbox
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.user.user_balances import UserBalances

CONNECTOR = "standard_sandbox"
UNFUNDED_KEY = "0x" + "7b" * 32


@pytest.fixture(autouse=True)
async def fresh_connections() -> AsyncIterator[None]:
    """Hummingbot keeps one client session for a process, which must not outlive the test's loop."""
    yield
    await ConnectionsFactory().close()


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The sandbox's URLs, for a test to change."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def connect(key: str) -> str:
    """The error that Hummingbot shows for this key, "" when it is accepted."""
    client_config = ClientConfigAdapter(ClientConfigMap())
    error = await UserBalances.instance().add_exchange(CONNECTOR, client_config, standard_private_key=key)
    return error or ""


def is_one_sentence_without(text: str, secret: str) -> bool:
    """Whether a person can be shown the text: short, one line, no traceback, no secret."""
    return bool(text) and len(text) < 400 and "\n" not in text and "Traceback" not in text and secret not in text


async def test_a_funded_key_is_accepted(environment: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    assert await connect(sandbox.published_key()) == ""


@pytest.mark.parametrize(("key", "words"), [
    ("0x" + "ab" * 20, "address"),
    ("0x" + "zz" * 32, "hexadecimal"),
    ("0x" + "ab" * 31, "64"),
    ("0x" + "00" * 32, "private key"),
    ("correct horse battery staple", "private key"),
], ids=["an address", "not hexadecimal", "too short", "zero", "words"])
async def test_what_is_no_key_is_refused(environment: pytest.MonkeyPatch, key: str, words: str) -> None:
    error = await connect(key)
    assert words in error
    assert is_one_sentence_without(error, key.removeprefix("0x"))


@pytest.mark.parametrize("setting", ["RPC_URL", "API_URL"])
async def test_an_unreachable_server_is_named(environment: pytest.MonkeyPatch, sandbox: Sandbox, setting: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    environment.setenv(f"STANDARD_SANDBOX_{setting}", url)
    error = await connect(sandbox.published_key())
    assert error.startswith(f"{url} cannot be reached: check this URL")
    assert is_one_sentence_without(error, sandbox.published_key()[2:])


async def test_a_server_that_is_no_node_is_told(environment: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    environment.setenv("STANDARD_SANDBOX_RPC_URL", sandbox.url + "/api/exchange")
    assert (await connect(sandbox.published_key())).endswith("check the RPC URL")


async def test_another_chain_behind_the_url_is_told_with_both_ids(environment: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    environment.setenv("STANDARD_SANDBOX_CHAIN_ID", "5031")
    error = await connect(sandbox.published_key())
    assert "5031" in error and "31337" in error
    assert is_one_sentence_without(error, sandbox.published_key()[2:])


async def test_a_url_that_is_none_is_refused(environment: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    environment.setenv("STANDARD_SANDBOX_RPC_URL", "localhost:8745")
    error = await connect(sandbox.published_key())
    assert "rpc_url" in error
    assert is_one_sentence_without(error, sandbox.published_key()[2:])


async def told_at_start(trading_pair: str, key: str, folder: Path) -> str:
    """What the connector logs as a warning or an error when a bot starts it."""
    connector = StandardExchange(standard_private_key=key, trading_pairs=[trading_pair], domain=CONNECTOR, data_path=folder)
    warned, logger = asyncio.Event(), logging.getLogger("hummingbot.connector.exchange.standard")

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())
            warned.set()

    messages: list[str] = []
    gc.collect()  # what another test left without an end says so when it is collected
    listener = Listener(logging.WARNING)
    logger.addHandler(listener)
    await connector.start_network()
    try:
        await asyncio.wait_for(warned.wait(), 10)
    finally:
        await connector.stop_network()
        logger.removeHandler(listener)
    return messages[0]


async def test_an_unfunded_wallet_is_told_what_it_lacks_at_start(
        environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert await connect(UNFUNDED_KEY) == ""
    told = await told_at_start("SOMI-USDC", UNFUNDED_KEY, tmp_path)
    assert "has no SOMI" in told
    assert is_one_sentence_without(told, UNFUNDED_KEY[2:])


async def test_an_unknown_pair_is_answered_with_the_known_ones(
        environment: pytest.MonkeyPatch, sandbox: Sandbox, tmp_path: Path) -> None:
    told = await told_at_start("FOO-USDC", sandbox.published_key(), tmp_path)
    assert "FOO-USDC" in told and "SOMI-USDC" in told and "WBTC-USDC" in told
    assert is_one_sentence_without(told, sandbox.published_key()[2:])


def test_the_command_line_shows_the_sentence_and_no_traceback(new_bot: Callable[[], Bot]) -> None:
    bot, address = new_bot(), "0x" + "ab" * 20
    bot.connect(CONNECTOR, address)
    shown = bot.hbot("connect")
    assert "This is an address, not a private key" in shown
    assert "Traceback" not in shown and address not in shown
