"""The command `doctor` against a sandbox that is well, and against everything that can be wrong."""
import asyncio
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.cli import doctor
from hummingbot.connector.exchange.standard.cli.checks import endpoints, machine
from hummingbot.connector.exchange.standard.cli.checks.findings import passed, without_secrets
from hummingbot.connector.exchange.standard.cli.exchange import opened
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.compatibility import Hummingbot
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_constants import NETWORKS

from .exchange_at_work import environment, key_of, run, sell

NETWORK = ("--network", "standard_sandbox")
CLOSED = "http://127.0.0.1:9"


async def examined(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> dict[str, tuple[str, str, str]]:
    """The findings of a run that ends with `code`, by check: verdict, detail, advice."""
    assert await run("doctor", *NETWORK, "--json", *arguments) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    told = json.loads(captured.out)
    assert sum(told["counts"].values()) == len(told["checks"])
    assert all(line["advice"] for line in told["checks"] if line["verdict"] in ("warn", "fail"))
    return {line["check"]: (line["verdict"], line["detail"], line["advice"]) for line in told["checks"]}


async def post(sandbox: Sandbox, path: str, **content: Any) -> None:
    async with aiohttp.ClientSession() as session, session.post(sandbox.url + path, json=content) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_healthy_exchange_passes_every_check(sandbox, capsys):
    host = sandbox.url.removeprefix("http://")
    findings = await examined(capsys, "--address", sandbox.accounts[0].address, code=0)
    for check in ("python", "hummingbot", "dependencies", "signing", f"node {host}", f"api {host}", f"node stream {host}",
                  "block age", "clock", "gas price", "engine", "markets", "market SOMI-USDC", "market WBTC-USDC", "wallet",
                  "gas money", "balance USDC", "open orders"):
        assert findings[check][0] == "pass", (check, findings[check])
    assert "chain id 31337" in findings[f"node {host}"][1] and " ms" in findings[f"node {host}"][1]
    assert "August 2025" in findings["engine"][1]
    assert findings["markets"][1] == "2: SOMI-USDC, WBTC-USDC"
    verdict, tokens, advice = findings["tokens"]
    assert verdict == "pass" and tokens.startswith("known by address: SOMI 0x") and "Compare" in advice
    by_api = tokens.partition("; only the API says that they are: ")[2]
    assert [token.split()[0] for token in by_api.split(", ")] == ["USDC", "WBTC"]
    assert {to_checksum(address) for market in sandbox.markets for address in (market.base.address, market.quote.address)} == {
        word for word in tokens.replace(",", "").replace(";", "").split() if word.startswith("0x")}
    assert "fees 0.1 % maker, 0.1 % taker" in findings["market SOMI-USDC"][1] and "+3 %" in findings["market SOMI-USDC"][1]
    assert findings["indexer lag"][0] == "skip"
    assert sandbox.node.nonce(sandbox.accounts[0].address) == 0


async def test_it_needs_no_wallet_and_the_table_says_what_to_do(sandbox, capsys):
    assert await run("doctor", *NETWORK) == 0
    out = capsys.readouterr().out
    assert "SKIP  wallet " in out and "-> --address 0x" in out
    assert out.rstrip().splitlines()[-1].startswith("standard_sandbox: ") and " 0 fail" in out


async def test_the_key_of_a_bots_folder_names_the_wallet_and_appears_nowhere(sandbox, home, capsys):
    assert await run("doctor", *NETWORK, "--key-from-bot-home", str(home)) == 0
    out = capsys.readouterr().out
    assert sandbox.accounts[0].address in out.lower()
    assert key_of(sandbox)[2:] not in out and "secret" not in out


async def test_a_wrong_password_fails_and_the_rest_is_checked_all_the_same(sandbox, home, capsys, monkeypatch):
    monkeypatch.setenv("HBOT_PASSWORD", "wrong")
    findings = await examined(capsys, "--key-from-bot-home", str(home), code=1)
    assert findings["wallet key"][0] == "fail" and findings["engine"][0] == "pass" and findings["wallet"][0] == "skip"


async def test_orders_that_no_bot_knows_are_told_and_those_of_a_bot_are_not(sandbox, home, capsys):
    await sell(sandbox, ["0.7", "0.75"])
    where = ("--key-from-bot-home", str(home))
    verdict, detail, advice = (await examined(capsys, *where, code=0))["open orders"]
    assert verdict == "warn" and "2 of 2" in detail and "SOMI-USDC:ask:1" in detail and "orders cancel" in advice
    name = f"standard_sandbox_{sandbox.accounts[0].address[2:10]}_{sandbox.engine_address[2:10]}.sqlite"
    journal = Journal(home / "data" / name, SystemClock())
    await journal.open()
    book = sandbox.markets[0].book
    await journal.set("account", json.dumps({"orders": [[book, False, number, "", 7, "5"] for number in (1, 2)], "block": 1}))
    now = time.time()
    for age, verdict in ((1, "pass"), (100, "warn")):
        await journal.set("feeds", json.dumps({"at": now - age, "feeds": {"order books": {
            "source": "polling", "since": now - 600, "heard": now - 2, "switches": 3, "reason": "no new block for 1.5 s"}}}))
        findings = await examined(capsys, *where, code=0)
        assert findings["bot's order books"][0] == verdict
        assert "from polling for 10 min" in findings["bot's order books"][1]
        assert "3 changes of source, the last one because no new block for 1.5 s" in findings["bot's order books"][1]
    assert findings["open orders"][0] == "pass" and "trades with this wallet now" in findings["bot"][1]
    await journal.close()
    findings = await examined(capsys, *where, code=0)
    assert findings["open orders"][:2] == ("pass", "2, all of them known to the bot") and "bot" not in findings


async def test_a_wallet_without_gas_money_fails(sandbox, capsys):
    findings = await examined(capsys, "--address", "0x" + "5b" * 20, code=1)
    assert findings["gas money"][0] == "fail" and "SOMI" in findings["gas money"][2]
    assert findings["balances"][0] == "warn"


@pytest.mark.parametrize(("variable", "value", "check", "verdict"), [
    ("STANDARD_SANDBOX_CHAIN_ID", "5031", "node ", "fail"),
    ("STANDARD_SANDBOX_RPC_URL", CLOSED, "node ", "fail"),
    ("STANDARD_SANDBOX_RPC_URL", "ftp://x", "settings", "fail"),
    ("STANDARD_SANDBOX_API_URL", CLOSED, "api ", "fail"),
    ("STANDARD_SANDBOX_ENGINE_ADDRESS", "0x" + "5b" * 20, "engine", "fail"),
    ("STANDARD_SANDBOX_GAS_RESERVE", "0.00001", "gas money", "warn"),
    ("STANDARD_SANDBOX_GAS_RESERVE", "20000000", "gas money", "warn"),
    ("STANDARD_SANDBOX_MAX_FEE_GWEI", "0.5", "gas price", "warn")])
async def test_each_wrong_setting_is_found(sandbox, capsys, monkeypatch, variable, value, check, verdict):
    monkeypatch.setenv(variable, value)
    findings = await examined(capsys, "--address", sandbox.accounts[0].address, code=int(verdict == "fail"))
    found = [finding for name, finding in findings.items() if name.startswith(check) and not name.startswith("node stream")]
    assert found and found[0][0] == verdict


@pytest.mark.parametrize(("bound", "most"), [("", "0.007"), ("0.5", "0.00035"), ("0", "0.007")])
async def test_an_order_costs_no_more_than_the_bound_allows(sandbox, capsys, monkeypatch, bound, most):
    monkeypatch.setenv("STANDARD_SANDBOX_MAX_FEE_GWEI", bound)
    findings = await examined(capsys, "--address", sandbox.accounts[0].address, code=0)
    assert f"10 gwei; an order may cost {most} SOMI at most" in findings["gas price"][1]


async def test_an_api_that_fails_is_blamed_itself_and_not_the_engine(sandbox, capsys):
    sandbox.faults.add("status", status=500, target="rest", path="/api/*")
    findings = await examined(capsys, "--address", sandbox.accounts[0].address, code=1)
    assert findings["engine"][0] == "fail" and "API" in findings["engine"][2] and "node" not in findings["engine"][2]
    assert findings["markets and wallet"][0] == "skip"


async def test_one_of_several_endpoints_that_fails_is_a_warning(sandbox, capsys, monkeypatch):
    for name in ("RPC_URL", "API_URL"):
        monkeypatch.setenv(f"STANDARD_SANDBOX_{name}", f"{CLOSED},{sandbox.url}")
    findings = await examined(capsys, code=0)
    assert findings["node 127.0.0.1:9"][0] == findings["api 127.0.0.1:9"][0] == "warn"
    assert findings["engine"][0] == "pass"


async def test_urls_with_access_keys_are_never_shown(sandbox, capsys, monkeypatch):
    monkeypatch.setenv("STANDARD_SANDBOX_RPC_URL", "http://name:passphrase@127.0.0.1:9/v2/accesskey?token=tokentoken")
    monkeypatch.setenv("STANDARD_SANDBOX_API_URL", "http://127.0.0.1:9/accesskey")
    assert await run("doctor", *NETWORK, "--json") == 1
    captured = capsys.readouterr()
    for secret in ("passphrase", "accesskey", "tokentoken"):
        assert secret not in captured.out + captured.err


def test_every_network_can_be_chosen():
    assert tuple(NETWORKS) == doctor._NETWORKS


def test_a_url_inside_any_text_becomes_its_host():
    finding = without_secrets(passed("x", "404, url='wss://host.example/v1/secretpath' and secretpath?k=secretquery"),
                              ["wss://host.example/v1/secretpath", "https://other.example/?k=secretquery"])
    assert "secretpath" not in finding.detail and "secretquery" not in finding.detail and "host.example" in finding.detail


async def test_a_chain_that_stands_still_fails(sandbox, capsys, monkeypatch):
    monkeypatch.setattr(endpoints, "BLOCK_WAIT", 0.3)
    sandbox.node.faults.mining_paused = True
    findings = await examined(capsys, code=0)
    assert findings["block age"][0] == "warn" and "no new block" in findings["block age"][1]
    monkeypatch.setattr(endpoints, "OLD_BLOCK_SECONDS", -1.0)
    assert (await examined(capsys, code=1))["block age"][0] == "fail"


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "pass"), (-60.0, "warn"), (60.0, "warn")])
async def test_a_clock_that_is_wrong_is_told(sandbox, shift, verdict):
    class Shifted(SystemClock):
        def time(self) -> float:
            return super().time() + shift

    async with opened("standard_sandbox", None, Shifted()) as exchange:
        findings = {finding.check: finding for finding in await endpoints.heartbeat(exchange)}
    assert findings["clock"].verdict == verdict


async def test_an_api_that_is_late_is_measured_against_the_chain(monkeypatch, capsys):
    settings = SandboxSettings(port=0, block_interval=0.05, traders=TraderSettings().at_rate(80, 2))
    async with Sandbox(settings) as sandbox:
        for name, value in environment(sandbox).items():
            monkeypatch.setenv(name, value)
        await asyncio.sleep(1.5)
        verdict, detail, _ = (await examined(capsys, code=0))["indexer lag"]
        assert verdict == "pass", detail
        sandbox.indexer.settings.lag_seconds = 3600.0
        await asyncio.sleep(2.1)
        verdict, detail, _ = (await examined(capsys, code=0))["indexer lag"]
        assert "it misses the trades since block" in detail
        monkeypatch.setattr("hummingbot.connector.exchange.standard.cli.checks.indexer.LATE_SECONDS", 1.0)
        for _ in range(20):  # until the newest of them is that much later
            verdict, detail, advice = (await examined(capsys, code=0))["indexer lag"]
            if verdict == "warn":
                break
            await asyncio.sleep(0.5)
        assert verdict == "warn" and "late" in advice, detail


async def test_the_later_generation_is_a_warning(monkeypatch, capsys):
    settings = SandboxSettings(port=0, block_interval=0.05, generation=Generation("2026-07"),
                               traders=TraderSettings(enabled=False))
    async with Sandbox(settings) as sandbox:
        for name, value in environment(sandbox).items():
            monkeypatch.setenv(name, value)
        findings = await examined(capsys, code=0)
    assert findings["engine"][0] == "warn" and "July 2026" in findings["engine"][1]


async def test_streams_that_are_missing_only_warn(sandbox, capsys, monkeypatch):
    monkeypatch.setenv("STANDARD_SANDBOX_STREAM_URL", "channels+ws://127.0.0.1:9/x")
    monkeypatch.setenv("STANDARD_SANDBOX_RPC_WS_URL", f"{sandbox.url.replace('http', 'ws')}/api/exchange")
    findings = await examined(capsys, code=0)
    told = [finding for name, finding in findings.items() if name.startswith(("channels", "node stream"))]
    assert [finding[0] for finding in told] == ["warn", "warn"] and all("polls" in finding[2] for finding in told)


def test_missing_packages_and_a_missing_hummingbot_are_told_before_anything_is_imported(monkeypatch, capsys):
    monkeypatch.setattr(machine, "missing_dependencies", lambda: ["eth-hash[pycryptodome]"])
    from hummingbot.connector.exchange.standard.cli import main
    assert main(["doctor", "--json"]) == 1
    told = {line["check"]: line for line in json.loads(capsys.readouterr().out)["checks"]}
    assert told["dependencies"]["advice"] == "pip install 'eth-hash[pycryptodome]'" and told["network"]["verdict"] == "skip"
    monkeypatch.setattr(machine, "find_hummingbot", lambda: None)
    assert main(["doctor"]) == 1
    assert "pip install hummingbot==20260922" in capsys.readouterr().out


def lines_of(home: Path | None) -> dict[str, tuple[str, str, str]]:
    return {check: (verdict, detail, advice) for check, verdict, detail, advice in machine.machine(home)}


def test_another_hummingbot_is_a_warning_and_a_bots_folder_without_the_connector_fails(monkeypatch, tmp_path):
    package = tmp_path / "site-packages" / "hummingbot"
    exchanges = package / "connector" / "exchange"
    exchanges.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(machine, "find_hummingbot", lambda: Hummingbot(package, "20300101"))
    lines = lines_of(None)
    assert lines["hummingbot"][0] == "warn" and "20260922" in lines["hummingbot"][2] and lines["connector listed"][0] == "warn"
    assert lines_of(package.parent)["connector listed"][0] == "fail"
    (exchanges / "standard").symlink_to(machine.CONNECTOR)
    assert "pip deletes such a link" in lines_of(None)["connector listed"][2]
    (exchanges / "standard").unlink()
    (exchanges / "standard").mkdir()
    for name in ("__init__.py", "standard_utils.py"):
        (exchanges / "standard" / name).touch()
    assert lines_of(None)["connector listed"][0] == "pass"


async def test_no_terminal_and_no_password_is_a_sentence(home, capsys, monkeypatch):
    monkeypatch.delenv("HBOT_PASSWORD")
    monkeypatch.delenv("CONFIG_PASSWORD", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setenv("STANDARD_SANDBOX_RPC_URL", CLOSED)
    assert await run("doctor", *NETWORK, "--key-from-bot-home", str(home)) == 1
    assert "set HBOT_PASSWORD" in capsys.readouterr().out
