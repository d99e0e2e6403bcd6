"""The command `orders` against a sandbox: what it lists, what it cancels, and when it refuses to."""
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pexpect
import pytest

from hummingbot.connector.exchange.standard.cancels import Cancels
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.cli import main, orders, wallets
from hummingbot.connector.exchange.standard.cli.journals import BotJournal, held, journals
from hummingbot.connector.exchange.standard.cli.wallets import BotHome
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import ConfigurationError, NotSentError, RpcError
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, TOKEN_PAIR, Trader, connected, until

from .exchange_at_work import answering, key_of, run, sell

NETWORK = ("--network", "standard_sandbox")


def names_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [row["id"] for row in json.loads(capsys.readouterr().out)]


def journal_name(sandbox: Sandbox) -> str:
    return f"standard_sandbox_{sandbox.accounts[0].address[2:10]}_{sandbox.engine_address[2:10]}.sqlite"


async def test_the_list_has_exact_amounts_and_only_the_wallets_own_orders(sandbox, capsys):
    await sell(sandbox, ["0.7", "0.75"])
    await sell(sandbox, ["0.8"], account=1)
    assert await run("orders", *NETWORK, "--address", sandbox.accounts[0].address, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["trading_pair"], row["side"], row["price"], row["amount"], row["locked_token"]) for row in rows] == [
        ("SOMI-USDC", "sell", "0.70000000", "10.000000000000000000", "SOMI"),
        ("SOMI-USDC", "sell", "0.75000000", "10.000000000000000000", "SOMI")]
    assert await run("orders", *NETWORK, "--address", sandbox.accounts[0].address) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["ID", "SIDE", "PRICE", "AMOUNT", "LEFT", "LOCKED"] and len(table) == 3
    assert table[1].split() == [rows[0]["id"], "sell", "0.7", "10", "SOMI", "10", "SOMI"]


async def test_chosen_orders_are_cancelled_and_the_rest_stays(sandbox, home, capsys):
    await sell(sandbox, ["0.7", "0.75", "0.8"])
    where = (*NETWORK, "--key-from-bot-home", str(home))
    await run("orders", *where, "--json")
    first, second, third = names_of(capsys)
    assert await run("orders", "cancel", *where, "--yes", first, third, first.upper()) == 0
    out = capsys.readouterr().out
    assert out.count("cancelled in block") == 2 and key_of(sandbox) not in out
    await run("orders", *where, "--json")
    assert names_of(capsys) == [second]
    assert [file.name for file in (home / "data").glob("*.sqlite")] == ["orders_" + journal_name(sandbox)]


async def test_all_orders_are_cancelled_in_few_transactions_with_the_key_of_the_environment(sandbox, home, capsys, monkeypatch):
    monkeypatch.setenv("STANDARD_SANDBOX_PRIVATE_KEY", key_of(sandbox))
    await sell(sandbox, [f"0.7{number}" for number in range(10)] + ["0.81", "0.82"])
    before = sandbox.node.nonce(sandbox.accounts[0].address)
    assert await run("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--all", "--yes") == 0
    assert capsys.readouterr().out.count("cancelled in block") == 12
    assert sandbox.node.nonce(sandbox.accounts[0].address) == before + 2
    assert await run("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--all", "--yes") == 0
    assert "has no open orders" in capsys.readouterr().out


async def test_nothing_is_cancelled_without_a_confirmation(sandbox, home, capsys, monkeypatch):
    await sell(sandbox, ["0.7"])
    cancel = ("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--all")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert await run(*cancel) == 1
    assert "add --yes" in capsys.readouterr().err

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert await run(*cancel) == 1
    assert "Nothing was cancelled." in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", Terminal())  # Ctrl-D
    assert await run(*cancel) == 1
    assert "Nothing was cancelled." in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    assert await run(*cancel) == 0
    assert "cancelled in block" in capsys.readouterr().out


async def test_it_refuses_while_a_bot_of_the_wallet_runs_and_the_list_says_so(sandbox, home, capsys):
    await sell(sandbox, ["0.7"])
    journal = Journal(home / "data" / journal_name(sandbox), SystemClock())
    await journal.open()
    market = sandbox.markets[0]
    try:
        await journal.set("account", json.dumps({"orders": [[market.book, False, 1, "ours", 7, "5"]], "block": 1}))
        where = (*NETWORK, "--key-from-bot-home", str(home))
        assert await run("orders", *where, "--json") == 0
        captured = capsys.readouterr()
        assert [row["of_a_bot"] for row in json.loads(captured.out)] == [True] and "A bot is trading" in captured.err
        assert await run("orders", "cancel", *where, "--all", "--yes") == 1
        assert "hbot stop" in capsys.readouterr().err
        assert sandbox.node.nonce(sandbox.accounts[0].address) == 1
    finally:
        await journal.close()
    assert await run("orders", "cancel", *where, "--all", "--yes") == 0


async def test_orders_of_a_bot_that_is_gone_are_found_though_the_api_misses_them(sandbox, home, capsys):
    sandbox.indexer.settings.missing_orders = 1.0
    await sell(sandbox, ["0.7", "0.75"])
    await remember(sandbox, home, [sandbox.markets[0].book])
    await run("orders", *NETWORK, "--key-from-bot-home", str(home), "--json")
    assert names_of(capsys) == ["SOMI-USDC:ask:1"]


async def place(exchange: StandardExchange, prices: Iterable[str], is_reached: Callable[[InFlightOrder], Any]) -> None:
    """Sell 10 SOMI at each price, and wait until this holds for all orders."""
    names = [exchange.sell(NATIVE_PAIR, Decimal(10), OrderType.LIMIT, Decimal(price)) for price in prices]
    await until(lambda: exchange.in_flight_orders.keys() >= set(names)
                and all(is_reached(order) for order in exchange.in_flight_orders.values()))


def rests(order: InFlightOrder) -> bool:
    return order.current_state is OrderState.OPEN


def leave_journal(sandbox: Sandbox, folder: Path, home: Path) -> BotJournal:
    """The journal as a bot leaves it that is killed now."""
    for file in folder.glob(journal_name(sandbox) + "*"):
        shutil.copyfile(file, home / "data" / file.name)
    (journal,) = journals(home / "data", "standard_sandbox", sandbox.accounts[0].address)
    return journal


@pytest.mark.parametrize("prices", [["0.7"], ["0.7", "0.75"]])
async def test_the_youngest_orders_of_a_killed_bot_are_found_though_the_api_is_behind(sandbox, home, capsys, prices):
    sandbox.indexer.settings.missing_orders = 1.0
    async with connected(sandbox, home / "killed") as exchange:
        await place(exchange, prices, rests)
        journal = leave_journal(sandbox, home / "killed", home)
    assert not journal.orders and not journal.in_use  # they are younger than what is final
    where = (*NETWORK, "--key-from-bot-home", str(home))
    assert await run("orders", *where, "--json") == 0
    assert [(row["price"], row["of_a_bot"]) for row in json.loads(capsys.readouterr().out)] == [
        (f"{Decimal(price):.8f}", True) for price in prices]
    assert await run("orders", "cancel", *where, "--all", "--yes") == 0
    assert capsys.readouterr().out.count("cancelled in block") == len(prices)
    assert await run("orders", *where) == 0
    assert "has no open orders" in capsys.readouterr().out


async def test_a_placement_of_a_killed_bot_that_may_yet_be_mined_is_told(sandbox, home, monkeypatch):
    sandbox.indexer.settings.missing_orders = 1.0
    async with connected(sandbox, home / "killed") as exchange:
        sandbox.node.faults.hold_transactions = True
        await place(exchange, ["0.7"], lambda _: sandbox.node.held)
        known = [leave_journal(sandbox, home / "killed", home)]
        found, gaps = await orders.open_orders(exchange.venue, sandbox.accounts[0].address, known)
        assert not found and len(gaps) == 1 and "no node tells a block" in gaps[0]
        sandbox.node.faults.hold_transactions = False
        sandbox.node.release_held()
        await place(exchange, [], rests)
        found, gaps = await orders.open_orders(exchange.venue, sandbox.accounts[0].address, known)
        assert [order.name for order in found] == ["SOMI-USDC:ask:1"] and not gaps
        monkeypatch.setattr(exchange.venue.rpc, "receipts", answering(RpcError("eth_getTransactionReceipt", -32000, "busy")))
        found, gaps = await orders.open_orders(exchange.venue, sandbox.accounts[0].address, known)
        assert not found and len(gaps) == 1 and "cannot be read: eth_getTransactionReceipt: busy" in gaps[0]


async def remember(sandbox: Sandbox, home: Path, books: Iterable[str]) -> None:
    """A journal of a bot that is gone: it knows the first ask of each of these books."""
    journal = Journal(home / "data" / journal_name(sandbox), SystemClock())
    await journal.open()
    await journal.set("account", json.dumps({"orders": [[book, False, 1, "ours", 7, "5"] for book in books], "block": 1}))
    await journal.close()


async def sell_tokens(sandbox: Sandbox) -> Market:
    """Rest an ask of the newcomer's in another market, the first of its book."""
    market = next(market for market in sandbox.markets if market.trading_pair == TOKEN_PAIR)
    trader = Trader(sandbox, 0)
    await trader.approve(market)
    await trader.sell(market, 61_000 * 10 ** 8, 10 ** 7)
    return market


@pytest.mark.parametrize("found_in", ["API", "journal"])
async def test_orders_in_a_market_that_the_api_does_not_list_any_more_are_cancelled_too(sandbox, home, capsys, found_in):
    await sell(sandbox, ["0.7"])
    market = await sell_tokens(sandbox)
    if found_in == "journal":
        await remember(sandbox, home, [market.book])
        sandbox.indexer.settings.missing_orders = 1.0
    sandbox.set_listed(market.book, False)
    where = (*NETWORK, "--key-from-bot-home", str(home))
    assert await run("orders", *where, "--json") == 0
    assert "WBTC-USDC:ask:1" in names_of(capsys)
    assert await run("orders", "cancel", *where, "--all", "--yes") == 0
    assert "WBTC-USDC:ask:1  cancelled in block" in capsys.readouterr().out


async def test_without_the_api_the_orders_of_bots_are_cancelled_and_nothing_is_promised(sandbox, home, capsys, monkeypatch):
    await sell(sandbox, ["0.7"])
    market = await sell_tokens(sandbox)
    await remember(sandbox, home, [market.book])
    where = (*NETWORK, "--key-from-bot-home", str(home))
    sandbox.faults.add("status", target="rest", status=503)
    assert await run("orders", *where) == 1  # where the engine is, only the API could tell
    monkeypatch.setenv("STANDARD_SANDBOX_ENGINE_ADDRESS", sandbox.engine_address)
    assert await run("orders", "cancel", *where, "--yes", "WBTC-USDC:ask:77") == 1
    assert "No open order of this wallet is called WBTC-USDC:ask:77. Open: WBTC-USDC:ask:1" in capsys.readouterr().err
    assert await run("orders", "cancel", *where, "--all", "--yes") == 1
    captured = capsys.readouterr()
    assert "WBTC-USDC:ask:1  cancelled in block" in captured.out and "only orders of known bots are listed" in captured.err
    for command in (("orders", "cancel", *where, "--all", "--yes"), ("orders", *where)):
        assert await run(*command) == 1
        out = capsys.readouterr().out
        assert "was found on standard_sandbox, and there may be some" in out and "has no open orders" not in out
    sandbox.faults.clear()
    assert await run("orders", *where, "--json") == 0 and names_of(capsys) == ["SOMI-USDC:ask:1"]


async def test_a_chosen_order_is_cancelled_without_the_api_and_that_is_all_that_was_asked(sandbox, home, capsys, monkeypatch):
    monkeypatch.setenv("STANDARD_SANDBOX_ENGINE_ADDRESS", sandbox.engine_address)
    await remember(sandbox, home, [(await sell_tokens(sandbox)).book])
    sandbox.faults.add("status", target="rest", status=503)
    assert await run("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--yes", "WBTC-USDC:ask:1") == 0
    assert "cancelled in block" in capsys.readouterr().out


async def test_nothing_is_cancelled_when_the_key_is_that_of_another_wallet_than_is_named(sandbox, home, capsys):
    await sell_tokens(sandbox)
    where = (*NETWORK, "--key-from-bot-home", str(home))
    named = ("orders", *NETWORK, "--address", "0x" + "11" * 20, "cancel", "--key-from-bot-home", str(home), "--all", "--yes")
    assert await run(*named) == 1
    captured = capsys.readouterr()
    assert f"The key is that of {sandbox.accounts[0].address}, not of --address" in captured.err
    assert "cancelled in" not in captured.out
    assert await run("orders", *where, "--json") == 0 and names_of(capsys) == ["WBTC-USDC:ask:1"]
    mixed = sandbox.accounts[0].address.upper().replace("X", "x")
    assert await run("orders", *NETWORK, "--address", mixed, "cancel", "--key-from-bot-home", str(home), "--all", "--yes") == 0


async def test_an_order_in_a_book_of_another_engine_is_named_and_counts_as_left(sandbox, home, capsys):
    book = "0x" + "b0" * 20
    await remember(sandbox, home, [book])
    where = (*NETWORK, "--key-from-bot-home", str(home))
    for command in (("orders", *where), ("orders", "cancel", *where, "--all", "--yes")):
        assert await run(*command) == 1
        captured = capsys.readouterr()
        assert "has no open orders" not in captured.out
        assert f"The order {book}:ask:1 was not looked up: the engine {sandbox.engine_address} does not know" in captured.err


async def test_a_cancel_that_no_block_takes_is_told_as_open_and_the_next_run_finds_its_end(sandbox, home, capsys, monkeypatch):
    await sell(sandbox, ["0.7"])
    cancel = ("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--all", "--yes")
    monkeypatch.setattr("hummingbot.connector.exchange.standard.cli.orders.CANCEL_TIMEOUT", 0.7)
    sandbox.node.faults.hold_transactions = True
    assert await run(*cancel) == 1
    assert "not confirmed within" in capsys.readouterr().out
    sandbox.node.faults.hold_transactions = False
    sandbox.node.release_held()
    monkeypatch.setattr("hummingbot.connector.exchange.standard.cli.orders.CANCEL_TIMEOUT", 20.0)
    assert await run(*cancel) == 0
    assert await run("orders", *NETWORK, "--key-from-bot-home", str(home)) == 0
    assert "has no open orders" in capsys.readouterr().out


async def test_a_damaged_journal_of_a_bot_does_not_stand_in_the_way(sandbox, home, capsys):
    await sell(sandbox, ["0.7"])
    (home / "data" / journal_name(sandbox)).write_bytes(b"this is no database, and never was one" * 100)
    assert await run("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--all", "--yes") == 0
    assert "cancelled in block" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "is_writable", "words"), [
    (sqlite3.SQLITE_READONLY, False, "cannot be opened (refused): run this as the user of the bot"),
    (sqlite3.SQLITE_CANTOPEN, False, "cannot be opened (refused): run this as the user of the bot"),
    (sqlite3.SQLITE_FULL, True, "that the disk is not full"),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, True, "A bot is trading with this wallet now"),
    (sqlite3.SQLITE_LOCKED, True, "A bot is trading with this wallet now"),
    (sqlite3.SQLITE_READONLY, True, ""),
    (sqlite3.SQLITE_ERROR, True, "")])
def test_why_a_journal_cannot_be_held_is_told_apart(monkeypatch, code, is_writable, words):
    error = sqlite3.OperationalError("refused")
    error.sqlite_errorcode = code

    def refusing(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(sqlite3, "connect", refusing)
    monkeypatch.setattr(os, "access", lambda *_: is_writable)
    expected = pytest.raises(ConfigurationError, match=re.escape(words)) if words else nullcontext()
    with expected, held([Path("journal.sqlite")]):
        pass


def test_a_journal_of_another_user_is_named(tmp_path, monkeypatch, capsys):
    journal = tmp_path / "data" / "standard_sandbox_abababab_00000000.sqlite"
    journal.parent.mkdir()
    journal.touch()
    monkeypatch.setattr(shutil, "copyfile", Mock(side_effect=PermissionError(13, "Permission denied")))
    assert main(["orders", *NETWORK, "--key-from-bot-home", str(tmp_path), "--address", "0x" + "ab" * 20]) == 1
    assert capsys.readouterr().err == (f"The journal {journal} cannot be read (Permission denied): run this as the user of the "
                                       "bot, and check that the disk is not full.\n")


async def test_an_order_that_is_gone_before_its_cancel_counts_as_gone(sandbox, home, capsys, monkeypatch):
    await sell(sandbox, ["0.7", "0.75"])
    found = await orders._find("standard_sandbox", BotHome(home), sandbox.accounts[0].address, [])
    where = ("--key-from-bot-home", str(home))
    assert await run("orders", "cancel", *NETWORK, *where, "--yes", "SOMI-USDC:ask:1") == 0
    monkeypatch.setattr(orders, "open_orders", answering(found))
    capsys.readouterr()
    assert await run("orders", "cancel", *NETWORK, *where, "--all", "--yes") == 0
    out = capsys.readouterr().out
    assert "SOMI-USDC:ask:1  was gone already, filled or cancelled" in out and "SOMI-USDC:ask:2  cancelled in block" in out


async def test_a_cancel_that_fails_says_why_and_the_command_fails(sandbox, home, capsys, monkeypatch):
    await sell(sandbox, ["0.7"])
    monkeypatch.setattr(Cancels, "cancel", answering(NotSentError("The node refuses the transaction: denied")))
    assert await run("orders", "cancel", *NETWORK, "--key-from-bot-home", str(home), "--all", "--yes") == 1
    assert "NOT cancelled: The node refuses the transaction: denied" in capsys.readouterr().out


async def test_orders_that_a_bot_remembers_and_that_are_gone_are_not_listed(sandbox, home, capsys):
    await sell(sandbox, ["0.7"])
    journal = Journal(home / "data" / journal_name(sandbox), SystemClock())
    await journal.open()
    known = [[sandbox.markets[0].book, False, number, "ours", 7, "5"] for number in (1, 77)]
    await journal.set("account", json.dumps({"orders": known, "block": 1}))
    await journal.close()
    await run("orders", *NETWORK, "--key-from-bot-home", str(home), "--json")
    assert names_of(capsys) == ["SOMI-USDC:ask:1"]


def test_ctrl_c_while_cancelling_says_what_may_still_happen(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(orders, "_cancel", interrupted)
    assert main(["orders", "cancel", *NETWORK, "--all"]) == 130
    assert "A cancel that was sent may still be carried out" in capsys.readouterr().err


def test_a_key_is_asked_for_where_there_is_a_terminal(monkeypatch):
    asked = []
    monkeypatch.setattr(wallets.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(wallets.getpass, "getpass", lambda prompt: asked.append(prompt) or "0x" + "4c" * 32)
    arguments = SimpleNamespace(network="standard_sandbox", bot_home=None)
    assert wallets.find_wallet(arguments, {}).address == Wallet("0x" + "4c" * 32).address
    assert asked == ["Private key of the standard_sandbox wallet: "]

    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(wallets.getpass, "getpass", ended)
    with pytest.raises(ConfigurationError, match="Nothing was entered"):
        wallets.find_wallet(arguments, {})


@pytest.mark.parametrize(("arguments", "words", "code"), [
    (("orders", *NETWORK), "Whose orders?", 1),
    (("orders", *NETWORK, "--address", "0x" + "11" * 32), "must be an address", 1),
    (("orders", "cancel", *NETWORK), "--all of them", 2),
    (("orders", "cancel", *NETWORK, "--all", "SOMI-USDC:ask:1"), "--all of them", 2),
    (("orders", "cancel", *NETWORK, "--all", "--yes"), "set STANDARD_SANDBOX_PRIVATE_KEY", 1),
    (("orders", *NETWORK, "--key-from-bot-home", "/nowhere/at/all"), "There is no folder", 1)])
async def test_what_is_missing_is_said_in_one_sentence(sandbox, capsys, monkeypatch, arguments, words, code):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert await run(*arguments) == code
    captured = capsys.readouterr()
    assert words in captured.err and "Traceback" not in captured.err and "11111111" not in captured.err


async def test_a_wrong_password_an_unknown_order_and_a_home_without_a_key_are_told(sandbox, home, capsys, monkeypatch):
    where = (*NETWORK, "--key-from-bot-home", str(home))
    assert await run("orders", "cancel", *where, "--yes", "SOMI-USDC:ask:99") == 1
    assert "No open order of this wallet is called SOMI-USDC:ask:99" in capsys.readouterr().err
    monkeypatch.setenv("HBOT_PASSWORD", "wrong")
    assert await run("orders", *where) == 1
    assert "password does not open" in capsys.readouterr().err
    assert await run("orders", "--network", "standard", "--key-from-bot-home", str(home)) == 1
    assert "run `connect standard`" in capsys.readouterr().err


def test_the_key_is_asked_for_without_an_echo_and_ctrl_c_ends_at_once():
    command = ["-m", "hummingbot.connector.exchange.standard", "orders", "cancel", *NETWORK, "--all"]
    environment = {name: value for name, value in os.environ.items() if name != "STANDARD_SANDBOX_PRIVATE_KEY"}
    terminal = pexpect.spawn(sys.executable, command, env=environment, encoding="utf-8", timeout=30)
    terminal.expect("Private key of the standard_sandbox wallet: ")
    terminal.sendline("0xabcdef")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "abcdef" not in terminal.before and "64 hexadecimal digits" in terminal.before and terminal.exitstatus == 1
    # A run in the background ignores Ctrl-C, and so would what it starts.
    terminal = pexpect.spawn(sys.executable, command, env=environment, encoding="utf-8", timeout=30,
                             preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL))
    terminal.expect("wallet: ")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "Traceback" not in terminal.before and terminal.exitstatus == 130
