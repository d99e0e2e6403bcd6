"""Hummingbot's check of the network when a URL accepts and stays silent, with its times and ours a twentieth of what they are."""
import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from unittest.mock import AsyncMock, patch

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError, StandardError
from hummingbot.connector.exchange.standard.network_check import NetworkCheck
from hummingbot.connector.exchange.standard.outages import Outages
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.trading import connected, quiet_sandbox, until

SCALE = 20


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """The URL of a server that reads and never answers."""
    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(read, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await ConnectionsFactory().close()


@asynccontextmanager
async def checked(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, **urls: str) -> AsyncIterator[StandardExchange]:
    """A connector that Hummingbot's own loop checks, and starts when a check passes."""
    monkeypatch.setattr(CONSTANTS, "REQUEST_TIMEOUT", CONSTANTS.REQUEST_TIMEOUT / SCALE)
    chosen = {"standard_rpc_url": sandbox.rpc_url, "standard_api_url": sandbox.api_url} | urls
    exchange = StandardExchange(domain="standard_sandbox", trading_required=False, **chosen)
    monkeypatch.setattr(exchange.venue.rest, "_timeout", CONSTANTS.REQUEST_TIMEOUT)
    exchange.check_network_timeout /= SCALE
    exchange.check_network_interval /= SCALE
    checking = asyncio.ensure_future(exchange._check_network_loop())
    try:
        yield exchange
    finally:
        checking.cancel()
        await exchange.stop_network()
        await ConnectionsFactory().close()


@pytest.mark.parametrize("silent", ["standard_rpc_url", "standard_api_url"])
async def test_a_first_url_that_stays_silent_is_left_for_the_second(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (quiet_sandbox() as sandbox, silent_server() as url,
                checked(sandbox, monkeypatch, **{silent: f"{url},{sandbox.rpc_url}"}) as exchange):
        assert exchange.check_network_timeout < CONSTANTS.REQUEST_TIMEOUT, "else nothing is shown"
        await until(lambda: exchange.network_status is NetworkStatus.CONNECTED)
        await exchange.venue.listing()


@pytest.mark.parametrize("silent", ["standard_rpc_url", "standard_api_url"])
async def test_nothing_asks_any_more_once_the_network_is_left(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = asyncio.all_tasks()
    async with quiet_sandbox() as sandbox, silent_server() as url:
        running = asyncio.all_tasks()
        async with checked(sandbox, monkeypatch, **{silent: url}) as exchange:
            await until(lambda: exchange._network_check._asking._task is not None)
            await asyncio.sleep(exchange.check_network_timeout / 2)
        await settle()
        assert {task.get_coro().__qualname__ for task in asyncio.all_tasks() - running} <= {"silent_server.<locals>.read"}
    assert asyncio.all_tasks() <= before


async def test_what_a_node_of_another_chain_answers_passes_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, checked(sandbox, monkeypatch, standard_chain_id="5") as exchange:
        await until(lambda: exchange.network_status is NetworkStatus.NOT_CONNECTED)
        for _ in range(3):
            with pytest.raises(ConfigurationError, match="leads to chain"):  # as a poll may ask meanwhile
                await exchange.venue.rpc.block_number()
            assert await exchange.check_network() is NetworkStatus.NOT_CONNECTED
        assert exchange.venue.rpc.answers == 0


@pytest.mark.parametrize(("wrong", "why"), [
    ({"standard_rpc_url": "http://127.0.0.1:9"}, "http://127.0.0.1:9 cannot be reached: check this URL"),
    ({"standard_api_url": "http://127.0.0.1:9"}, "http://127.0.0.1:9 cannot be reached: check this URL"),
    ({"standard_chain_id": "5"}, "leads to chain 31337, but this network is chain 5")])
async def test_why_nothing_begins_is_told_once(wrong: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch,
                                               caplog: pytest.LogCaptureFixture) -> None:
    """Hummingbot keeps the reason to itself, and a bot that was started in the background would only never be ready."""
    async with quiet_sandbox() as sandbox, checked(sandbox, monkeypatch, **wrong) as exchange:
        await until(lambda: "cannot be used now" in caplog.text)
        for _ in range(2):
            with suppress(StandardError):
                await exchange._network_check.passed()
    told = [record.getMessage() for record in caplog.records if "cannot be used now" in record.getMessage()]
    assert len(told) == 1 and told[0].startswith("The exchange cannot be used now: ") and why in told[0]


async def test_it_is_told_when_the_exchange_can_be_used_after_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False) as exchange:
        with patch.object(exchange.venue.rpc, "block_number", AsyncMock(side_effect=ApiUnavailableError("away"))), \
                patch.object(exchange, "_account", None):
            exchange._network_check._count()
            with pytest.raises(ApiUnavailableError):
                await exchange._network_check.passed()
        await exchange._network_check.passed()
    assert [record.getMessage() for record in caplog.records if record.getMessage().startswith("The exchange ")] == [
        "The exchange cannot be used now: away", "The exchange can be used"]


async def test_twice_a_minute_the_other_nodes_are_asked_how_far_they_are_and_nobody_waits_for_them() -> None:
    clock, asked, silent = ManualClock(), [], asyncio.Event()

    async def compare_heads() -> None:
        asked.append(clock.now)
        await silent.wait()

    rpc = SimpleNamespace(answers=0, block_number=AsyncMock(), compare_heads=compare_heads)
    check = NetworkCheck(SimpleNamespace(rest=SimpleNamespace(answers=0), rpc=rpc), clock,  # type: ignore[arg-type]
                         lambda: False, Outages(clock, 10.0))
    began = clock.now
    for at in range(0, 140, 10):
        clock.now = began + at
        await check.passed()
        await settle()
        silent.set() if at in (80, 90) else silent.clear()
        await settle()
    assert [at - began for at in asked] == [30, 90, 120], "not before the last question is answered"
    running = check._comparing
    check.end()
    await settle()
    assert running is not None and running.cancelled()


async def test_an_account_that_is_there_tells_its_own_outages(caplog: pytest.LogCaptureFixture) -> None:
    rpc = SimpleNamespace(answers=0, block_number=AsyncMock(side_effect=ApiUnavailableError("away")))
    clock = ManualClock()
    check = NetworkCheck(SimpleNamespace(rest=SimpleNamespace(answers=0), rpc=rpc), clock,  # type: ignore[arg-type]
                         lambda: False, Outages(clock, 0.0))
    with pytest.raises(ApiUnavailableError):
        await check.passed()
    check.end()
    assert not caplog.records
