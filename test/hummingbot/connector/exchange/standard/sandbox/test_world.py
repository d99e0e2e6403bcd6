"""The undo journal, the accounts of the simulated chain and the deployments."""
import copy
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS, WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.deployment import (
    ACCOUNTS,
    account_key,
    address_of,
    build,
    default_deployment,
)
from hummingbot.connector.exchange.standard.sandbox.matching_engine import MatchingEngine
from hummingbot.connector.exchange.standard.sandbox.presets import set_presets
from hummingbot.connector.exchange.standard.sandbox.state import Journal
from hummingbot.connector.exchange.standard.sandbox.world import Block, Message, World
from test.hummingbot.connector.exchange.standard.sandbox.recorded import Recorded
from test.vectors import load

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
BLOCK = Block(1, 1_760_000_000)


def test_journal_undoes_every_kind_of_mutation_in_reverse() -> None:
    journal, mapping, items = Journal(), {"kept": 1, "dropped": 2}, [1, 2, 3]
    holder = World()
    start = journal.checkpoint()
    journal.put(mapping, "kept", 5)
    journal.put(mapping, "new", 6)
    assert journal.remove(mapping, "dropped") == 2
    journal.insert(items, 1, 9)
    assert journal.pop(items, 0) == 1
    journal.assign(holder, "schedule", None)
    items.append(7)
    journal.note(items.pop)
    assert (mapping, items) == ({"kept": 5, "new": 6}, [9, 2, 3, 7])
    journal.rollback(start)
    assert (mapping, items) == ({"kept": 1, "dropped": 2}, [1, 2, 3])
    assert holder.schedule is not None and len(journal) == 0


def test_what_was_forgotten_cannot_be_undone() -> None:
    journal, mapping = Journal(), dict[str, int]()
    start = journal.checkpoint()
    journal.put(mapping, "a", 1)
    middle = journal.checkpoint()
    journal.put(mapping, "b", 2)
    journal.forget(middle)
    assert len(journal) == 1
    with pytest.raises(ValueError, match="older"):
        journal.rollback(start)
    journal.rollback(middle)
    assert mapping == {"a": 1}


def test_accounts_are_journaled_and_never_negative() -> None:
    world = World()
    start = world.checkpoint()
    world.add_balance(ALICE, 10)
    world.set_nonce(ALICE, 3)
    with pytest.raises(ValueError, match="less than"):
        world.add_balance(ALICE, -11)
    outcome = world.execute(Message(ALICE, BOB, 4, b"", 21_000), BLOCK)
    assert outcome.success and outcome.gas_used == 21_000
    assert (world.balance(ALICE), world.balance(BOB), world.nonce(ALICE)) == (6, 4, 3)
    world.rollback(start)
    assert (world.balance(ALICE), world.balance(BOB), world.nonce(ALICE)) == (0, 0, 0)


def test_value_that_is_not_there_and_contract_creation_fail() -> None:
    world = World()
    assert not world.execute(Message(ALICE, BOB, 1, b"", 50_000), BLOCK).success
    assert not world.execute(Message(ALICE, None, 0, b"\1", 100_000), BLOCK).success


def test_intrinsic_gas_counts_zero_and_other_bytes() -> None:
    assert World().intrinsic_gas(Message(ALICE, BOB, 0, b"\0\0\1", 0)) == 21_000 + 2 * 4 + 16


def test_the_newcomers_exchange_is_complete() -> None:
    deployment = default_deployment()
    world = build(deployment)
    accounts = [address_of(account_key(index)) for index in range(ACCOUNTS)]
    assert all(world.balance(account) > 10 ** 24 for account in accounts)
    assert world.code(deployment.engine) and world.code(deployment.factory) and not world.code(accounts[0])

    def read(to: str, function: Any, *arguments: Any) -> Any:
        outcome = world.call(Message(ALICE, to, 0, function.encode(*arguments), 10 ** 7), BLOCK)
        return function.decode_result(outcome.return_data)

    somi, usdc, wbtc = deployment.wrapped.address, deployment.tokens[0].address, deployment.tokens[1].address
    assert read(deployment.engine, ENGINE_FUNCTIONS["WETH"]) == (somi,)
    assert read(somi, ERC20_FUNCTIONS["symbol"]) == ("WSOMI",)
    for base, price in ((somi, 65_000_000), (wbtc, 6_000_000_000_000)):
        (book,) = read(deployment.engine, ENGINE_FUNCTIONS["getPair"], base, usdc)
        assert read(book, BOOK_FUNCTIONS["lmp"]) == (price,)
        assert read(deployment.engine, ENGINE_FUNCTIONS["getSpread"], book, True, False) == (3_000_000,)
        assert read(deployment.engine, ENGINE_FUNCTIONS["getSpread"], book, True, True) == (1_000_000,)
    assert read(usdc, ERC20_FUNCTIONS["balanceOf"], accounts[0])[0] > 0


def test_wrapping_is_backed_by_native_value() -> None:
    deployment = default_deployment()
    world, trader = build(deployment), address_of(account_key(0))
    before = world.balance(trader)
    deposit = WETH_FUNCTIONS["deposit"].encode()
    assert world.execute(Message(trader, deployment.wrapped.address, 7, deposit, 10 ** 6), BLOCK).success
    assert world.balance(deployment.wrapped.address) == 7
    withdraw = WETH_FUNCTIONS["withdraw"].encode(7)
    assert world.execute(Message(trader, deployment.wrapped.address, 0, withdraw, 10 ** 6), BLOCK).success
    assert not world.execute(Message(trader, deployment.wrapped.address, 0, withdraw, 10 ** 6), BLOCK).success
    assert world.balance(trader) == before


@pytest.mark.parametrize(("preset", "count", "ids"), [
    ({"engine.count": 65_534}, 65_534, (1, 1)), ({"book.nextMakeId(ask)": 4_294_967_295}, 0, (1, 4_294_967_295)),
    ({"book:BASE/QUOTE.bidOrders.count": 4_294_967_294}, 0, (4_294_967_295, 1)),
    ({"book._askOrders.count": 4_294_967_294}, 0, (1, 4_294_967_295)), ({"book.bidOrders.count": 2 ** 32 - 1}, 0, (1, 1))])
def test_presets_of_a_recorded_scenario_are_set(preset: dict[str, int], count: int, ids: tuple[int, int]) -> None:
    vectors = load("engine_2025_08")
    scenario = copy.deepcopy(vectors["scenarios"][0])
    scenario["preset"] = preset
    for key in ("book.nextMakeId(bid)", "book.nextMakeId(ask)"):
        assert scenario["initial_pairs"]["BASE/QUOTE"][key] == 1
    recorded = Recorded(vectors, scenario)
    engine, book = (recorded.world.contract(recorded.addresses[name]) for name in ("engine", "book:BASE/QUOTE"))
    assert isinstance(engine, MatchingEngine) and isinstance(book, Book)
    assert engine.count == count
    assert (book.bids.next_id, book.asks.next_id) == ids


def test_a_preset_of_another_pair_and_of_a_price_is_set_and_an_unknown_one_told() -> None:
    recorded = Recorded(load("engine_2025_08"), "first_limit_sell")
    presets = {"book:BTC/QUOTE.lmp": 7, "book:BTC/QUOTE.tradeCount": 8, "book.spread": 1, "book:NO/PAIR.lmp": 1, "engine.fee": 1}
    assert set_presets(recorded.world, recorded.addresses, ["BASE/QUOTE"], presets) == [
        "book.spread", "book:NO/PAIR.lmp", "engine.fee"]
    book = recorded.world.contract(recorded.addresses["book:BTC/QUOTE"])
    assert isinstance(book, Book) and (book.last_price, book.trades) == (7, 8)
