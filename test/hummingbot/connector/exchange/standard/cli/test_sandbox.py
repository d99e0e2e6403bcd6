"""The command `sandbox`, as a person runs it."""
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.chain_view import DIRECT
from hummingbot.connector.exchange.standard.cli import build_parser, main
from hummingbot.connector.exchange.standard.cli import sandbox as sandbox_command
from hummingbot.connector.exchange.standard.cli.sandbox import settings_of
from hummingbot.connector.exchange.standard.sandbox.api_rows import BlocksShape
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.engine_state import Spread
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.server import SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings

COMMAND = [sys.executable, "-m", "hummingbot.connector.exchange.standard", "sandbox"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox as a process, and all that it prints before it serves."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        yield process, "".join(lines)
    finally:
        guard.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_what_a_person_needs_serves_and_stops_cleanly(number: signal.Signals) -> None:
    with running("--port", "0") as (process, text):
        found = re.search(r"http://127\.0\.0\.1:\d+", text)
        assert found is not None, text
        assert len(re.findall(r"\b0x[0-9a-f]{64}\b", text)) == 1
        for words in ("SOMI-USDC at 0.65", "WBTC-USDC at 60000", "standard_sandbox", "STANDARD_SANDBOX_RPC_URL"):
            assert words in text
        with DIRECT.open(found[0] + "/api/pairs/10/1", timeout=10) as response:
            assert len(json.load(response)["pairs"]) == 2
        process.send_signal(number)
        rest, _ = process.communicate(timeout=10)
        assert (process.returncode, rest.strip().splitlines()[-1]) == (0, "The sandbox has stopped.")
        assert "Traceback" not in rest


async def test_it_tells_everything_and_ends_when_it_is_told_to(capsys: pytest.CaptureFixture[str],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    for default, hint in ((sandbox_command.DEFAULT_PORT, True), (0, False)):
        monkeypatch.setattr(sandbox_command, "DEFAULT_PORT", default)
        serving = asyncio.ensure_future(sandbox_command._serve(SandboxSettings(port=0, traders=TraderSettings(enabled=False))))
        text = ""
        while "Ctrl-C" not in text and not serving.done():
            await asyncio.sleep(0.02)
            text += capsys.readouterr().out
        os.kill(os.getpid(), signal.SIGTERM)
        assert await serving == 0
        assert ("STANDARD_SANDBOX_RPC_URL" in text) is hint
        assert capsys.readouterr().out == "The sandbox has stopped.\n"
        for words in ("JSON-RPC", "SOMI-USDC at 0.65", "WBTC-USDC at 60000", "private key    0x", " SOMI, ", " USDC"):
            assert words in text


@pytest.mark.parametrize(("end", "code", "words"), [
    (KeyboardInterrupt(), 0, ""), (OSError(13, "Permission denied"), 2, "The sandbox cannot start: Permission denied.\n"),
    (OSError("odd"), 2, "The sandbox cannot start: odd.\n")])
def test_an_interrupted_or_refused_start_is_no_traceback(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: BaseException, code: int, words: str) -> None:
    async def serve(settings: SandboxSettings) -> int:
        raise end

    monkeypatch.setattr(sandbox_command, "_serve", serve)
    assert main(["sandbox", "--port", "0"]) == code
    assert capsys.readouterr().err == words


def test_a_taken_port_is_one_clear_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["sandbox", "--port", str(port)]) == 2
    assert capfd.readouterr().err == (f"The sandbox cannot start: port {port} is in use; stop what uses it or choose another "
                                      "with --port.\n")


def test_a_host_that_others_reach_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "not a loopback address" in capfd.readouterr().err


@pytest.mark.parametrize(("arguments", "words"), [
    (["--port", "x"], "'x' is not a whole number from 0 to 65535"), (["--interval", "0"], "not a number from 0.001"),
    (["--maker-fee", "0.0000001"], "at most 6 decimals"), (["--limit-spread", "NaN"], "not a percentage"),
    (["--rate", "many"], "not a number"), (["--taker-fee", "much"], "not a percentage"),
    (["--mining", "never"], "invalid choice"), (["--rate", "inf"], "not a number"), (["--pairs", "9"], "from 1 to 8"),
     (["--blocks", "x"], "invalid choice")])
def test_bad_values_are_refused_in_words(arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["sandbox", *arguments])
    assert stop.value.code == 2 and words in capfd.readouterr().err


def test_options_become_settings() -> None:
    parsed = build_parser().parse_args([
        "sandbox", "--port", "0", "--seed", "9", "--mining", "manual", "--interval", "0.5", "--generation", "2026-07", "--gas",
        "somnia", "--limit-spread", "0.1", "--market-spread", "0.25", "--maker-fee", "0", "--taker-fee", "0.2", "--rate", "90",
        "--lag", "2", "--missing", "5", "--stale-dust", "--singular-history-keys", "--bare-tokens", "--lower-case",
        "--page-size-text", "--trades-path", "plain", "--blocks", "flat", "--documented-rows", "--history-blocks", "200",
        "--pairs", "5"])
    settings = settings_of(parsed)
    assert (settings.seed, settings.mining, settings.block_interval) == (9, Mining.MANUAL, 0.5)
    assert (settings.generation, settings.gas) == (Generation.JULY_2026, GasSchedule.SOMNIA)
    assert (settings.limit_spread, settings.market_spread) == (Spread(100_000, 100_000), Spread(250_000, 250_000))
    assert (settings.maker_fee, settings.taker_fee, settings.node.history_blocks) == (0, 200_000, 200)
    rates = settings.traders.quotes_per_second, settings.traders.takes_per_second
    assert settings.pairs == 5 and 5 * (2 * rates[0] + rates[1]) == pytest.approx(90)
    assert (settings.indexer.lag_seconds, settings.indexer.missing_orders, settings.indexer.exact) == (2.0, 0.05, False)
    shapes = settings.api
    assert not (shapes.plural_history_keys or shapes.wrapped_tokens or shapes.checksummed_addresses or shapes.trades_pair_path)
    assert shapes.page_size_as_string and shapes.documented_rows and shapes.blocks_shape is BlocksShape.FLAT


def test_replay_is_a_command_of_the_sandbox(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "replay", "/no/such/file.json"]) == 2
    captured = capfd.readouterr()
    assert "no/such/file" in captured.out + captured.err


def test_help_tells_of_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments, words in ((["--help"], "sandbox"), (["sandbox", "--help"], "play money"),
                             (["sandbox", "replay", "--help"], "FILE")):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0 and words in capfd.readouterr().out
