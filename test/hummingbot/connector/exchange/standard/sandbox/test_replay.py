"""The replay of recorded transactions: none differs, and whatever is doctored is noticed."""
import argparse
import copy
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS_2026_07
from hummingbot.connector.exchange.standard.cli import replay as command
from hummingbot.connector.exchange.standard.sandbox.replay import run_replay
from test.vectors import FILES, load

Json = dict[str, Any]


def replay(*paths: Path) -> tuple[int, list[str]]:
    out = io.StringIO()
    code = run_replay(paths, out)
    return code, out.getvalue().splitlines()


def test_every_recorded_step_of_both_generations_is_reproduced() -> None:
    code, lines = replay(*FILES.values())
    scenarios = [scenario for name in FILES for scenario in load(name)["scenarios"]]
    steps = sum(len(scenario["steps"]) for scenario in scenarios)
    assert (code, lines[-1]) == (0, f"{len(scenarios)} scenarios, {steps} steps, 0 mismatches")
    assert not [line for line in lines if ": expected " in line]
    assert len(scenarios) >= 71


def picked(*names: str) -> Json:
    contents = load("engine_2025_08")
    return {"meta": contents["meta"], "scenarios": [scenario for scenario in contents["scenarios"] if scenario["name"] in names]}


def written(path: Path, contents: Any) -> Path:
    path.write_text(json.dumps(contents))
    return path


def first(contents: Json, **wanted: Any) -> Json:
    """The first step with these values."""
    return next(step for scenario in contents["scenarios"] for step in scenario["steps"]
                if all(step.get(name) == value for name, value in wanted.items()))


def change(key: str, value: Any, **wanted: Any) -> Callable[[Json], None]:
    def doctor(contents: Json) -> None:
        step = first(contents, **wanted)
        step[key] = value(copy.deepcopy(step[key])) if callable(value) else value
    return doctor


def last_word_changed(data: str) -> str:
    return data[:-1] + ("1" if data[-1] != "1" else "2")


def log_changed(key: str, value: Callable[[Any], Any]) -> Callable[[list[Json]], list[Json]]:
    return lambda logs: [*logs[:-1], {**logs[-1], key: value(logs[-1][key])}]


def state_changed(name: str, value: Callable[[Any], Any]) -> Callable[[Json], Json]:
    return lambda after: {pair: {**state, name: value(state[name])} for pair, state in after.items()}


OK = {"kind": "tx", "status": 1}
DOCTORED = {
    "hash": change("hash", "0x" + "00" * 32, **OK),
    "status": change("status", 0, **OK),
    "revert": change("revert", {"error": "AmountIsZero()", "args": {}}, **OK),
    "return data": change("return_data", last_word_changed, **OK),
    "number of logs": change("logs", lambda logs: logs[:-1], **OK),
    "address of log": change("logs", log_changed("address", lambda _: "0x" + "11" * 20), **OK),
    "topics of log": change("logs", log_changed("topics", lambda topics: [*topics[:-1], "0x" + "11" * 32]), **OK),
    "data of log": change("logs", log_changed("data", last_word_changed), **OK),
    "balance change of alice in BASE": change("balance_delta", {"alice": {"BASE": 1}}, **OK),
    "balance change of bob in native": change("balance_delta", lambda delta: {**delta, "bob": {"native": -1}}, **OK),
    "balance change of bob in allowance:QUOTE": change("balance_delta",
                                                       lambda delta: {**delta, "bob": {"allowance:QUOTE": 5}}, **OK),
    "engine.heads": change("after", state_changed("engine.heads", lambda heads: {**heads, "bidHead": 7}), **OK),
    "engine.mktPrice": change("after", state_changed("engine.mktPrice", lambda price: price + 1), **OK),
    "book.lmp": change("after", state_changed("book.lmp", lambda price: price + 1), **OK),
    "book.tradeCount": change("after", state_changed("book.tradeCount", lambda count: count + 1), **OK),
    "book.nextMakeId(bid)": change("after", state_changed("book.nextMakeId(bid)", lambda number: number + 1), **OK),
    "book.getPrices(ask)": change("after", state_changed("book.getPrices(ask)", lambda prices: [*prices, 5]), **OK),
    "book.getOrderIds": change("after", state_changed(
        "depth(ask)", lambda levels: [{**level, "getOrderIds": [99]} for level in levels]), **OK),
    "book.getOrders": change("after", state_changed(
        "depth(ask)", lambda levels: [{**level, "getOrders": []} for level in levels]), **OK),
    "engine.getOrder(ask 1)": change("after", state_changed(
        "engine.getOrder(ask)", lambda orders: {name: {**order, "depositAmount": 1} for name, order in orders.items()}), **OK),
}


@pytest.mark.parametrize("what", DOCTORED)
def test_a_doctored_value_is_noticed(tmp_path: Path, what: str) -> None:
    contents = copy.deepcopy(picked("first_limit_sell"))
    DOCTORED[what](contents)
    code, lines = replay(written(tmp_path / "doctored.json", contents))
    assert code == 1
    mismatches = [line for line in lines if ": expected " in line]
    assert any(f": {what}" in line or f" {what}" in line for line in mismatches), mismatches
    assert lines[-1] == f"1 scenarios, {len(contents['scenarios'][0]['steps'])} steps, {len(mismatches)} mismatches"


def test_a_doctored_block_number_is_noticed(tmp_path: Path) -> None:
    contents = copy.deepcopy(picked("clamp_sell_empty_book"))
    contents["scenarios"][0]["steps"][1]["blockNumber"] += 1
    code, lines = replay(written(tmp_path / "doctored.json", contents))
    assert code == 1 and ": block number: expected 94, got 93" in lines[0] and lines[-1].endswith(" 1 mismatches")


def test_a_doctored_reason_of_a_failure_is_noticed(tmp_path: Path) -> None:
    generation = load("engine_2026_07")
    for scenario in generation["scenarios"]:
        for index, step in enumerate(scenario["steps"]):
            if step.get("revert") is None:
                continue
            contents = copy.deepcopy({"meta": generation["meta"], "scenarios": [scenario]})
            doctored = contents["scenarios"][0]["steps"][index]
            doctored["revert"] = "Error(string): 'no'" if isinstance(step["revert"], dict) else {
                "error": "AmountIsZero()", "args": {}}
            code, lines = replay(written(tmp_path / "doctored.json", contents))
            assert code == 1 and lines[0].startswith(f"{scenario['name']}, step {index} ("), lines
            assert ": revert: expected " in lines[0] and lines[-1].endswith(" 1 mismatches")


def test_a_doctored_argument_of_an_error_is_noticed(tmp_path: Path) -> None:
    contents = copy.deepcopy(picked("n_above_max"))
    step = next(step for step in contents["scenarios"][0]["steps"] if step.get("revert"))
    step["revert"]["args"]["n"] += 1
    assert replay(written(tmp_path / "doctored.json", contents))[0] == 1


def test_a_doctored_view_is_noticed(tmp_path: Path) -> None:
    contents = copy.deepcopy(picked("pagination"))
    views = [step for step in contents["scenarios"][0]["steps"] if step["kind"] == "view"]
    for step in views:
        if "revert" in step:
            step["revert"] = "Panic(0x11): overflow"
        else:
            step["return_data"] = last_word_changed(step["return_data"])
    code, lines = replay(written(tmp_path / "doctored.json", contents))
    assert code == 1 and lines[-1].endswith(f" {len(views)} mismatches")


def test_a_doctored_initial_state_is_noticed(tmp_path: Path) -> None:
    contents = copy.deepcopy(picked("first_limit_sell"))
    contents["scenarios"][0]["initial_pairs"]["BASE/QUOTE"]["engine.mktPrice"] = 5
    code, lines = replay(written(tmp_path / "doctored.json", contents))
    assert code == 1 and "step initial state: BASE/QUOTE engine.mktPrice: expected 5, got 100000000000" in lines[0]


def test_a_transaction_that_the_node_refuses_is_a_mismatch(tmp_path: Path) -> None:
    contents = copy.deepcopy(picked("first_limit_sell"))
    first(contents, kind="tx")["raw_tx"] = "0x00"
    code, lines = replay(written(tmp_path / "doctored.json", contents))
    assert code == 1 and "answer to eth_sendRawTransaction: expected 0x" in lines[0]
    assert "got transaction type not supported" in lines[0]


def test_a_skipped_transaction_shows_in_all_that_depends_on_it(tmp_path: Path) -> None:
    contents = copy.deepcopy(picked("clamp_sell_empty_book"))
    del contents["scenarios"][0]["steps"][0]
    code, lines = replay(written(tmp_path / "doctored.json", contents))
    assert code == 1 and len(lines) > 3


def only(generation: str, name: str) -> Json:
    """A copy of one scenario, in a file without the others."""
    contents = load(generation)
    scenario = next(scenario for scenario in contents["scenarios"] if scenario["name"] == name)
    return copy.deepcopy({"meta": contents["meta"], "scenarios": [scenario]})


def initial_mismatches(lines: list[str]) -> list[str]:
    return [line for line in lines if "step initial state" in line]


@pytest.mark.parametrize("key", ["book._askOrders.count", "book:BASE/QUOTE.askOrders.count"])
@pytest.mark.parametrize("next_id", [1, 2 ** 32 - 1], ids=["before the preset", "after the preset"])
def test_an_initial_state_may_be_told_as_before_the_preset_or_after(tmp_path: Path, key: str, next_id: int) -> None:
    contents = only("engine_2025_08", "first_limit_sell")
    (scenario,) = contents["scenarios"]
    scenario["preset"] = {key: 2 ** 32 - 2}
    scenario["initial_pairs"]["BASE/QUOTE"]["book.nextMakeId(ask)"] = next_id
    _, lines = replay(written(tmp_path / "preset.json", contents))
    assert not initial_mismatches(lines)
    assert any("book.getOrderIds(ask 100000000000): expected [1], got [4294967295]" in line for line in lines), "it was set"


def test_a_preset_may_stand_at_a_step(tmp_path: Path) -> None:
    contents = only("engine_2025_08", "history_id_wrap")
    (scenario,) = contents["scenarios"]
    scenario["steps"][0]["preset"] = scenario.pop("preset")
    code, lines = replay(written(tmp_path / "preset.json", contents))
    assert code == 0 and lines[-1].endswith(" 0 mismatches")


def test_an_unknown_preset_is_told(tmp_path: Path) -> None:
    contents = only("engine_2025_08", "first_limit_sell")
    contents["scenarios"][0]["preset"] = {"book.weather": 1}
    code, lines = replay(written(tmp_path / "preset.json", contents))
    assert code == 0 and lines[0] == "first_limit_sell: the sandbox does not know the preset book.weather, which was left out"


def test_a_view_that_the_sandbox_does_not_imitate_is_counted_and_not_compared(tmp_path: Path) -> None:
    contents = only("engine_2026_07", "b_fifo_pair")
    book = contents["meta"]["pairs"]["BASEF/QUOTE"]["orderbook"]
    contents["scenarios"][0]["steps"].append({
        "kind": "view", "label": "twap(60)", "to": book, "return_data": "0x" + f"{10 ** 11:064x}{60:064x}",
        "data": "0x" + BOOK_FUNCTIONS_2026_07["twap"].encode(60).hex()})
    code, lines = replay(written(tmp_path / "views.json", contents))
    assert code == 0 and "1 calls of what the sandbox does not imitate were not compared: twap(60)" in lines


def unknown_balance(scenario: Json) -> None:
    scenario["steps"][0]["balance_delta"]["book:BTC/BASEW"] = {"BTC": 5}


def unknown_token(scenario: Json) -> None:
    scenario["initial_balances"]["alice"]["allowance:DOGE"] = 5


def unknown_pair(scenario: Json) -> None:
    scenario["steps"][0]["after"]["DOGE/QUOTE"] = {"book.lmp": 5}


def view_of_the_other_generation(scenario: Json) -> None:
    scenario["steps"][0]["after"]["BASE/QUOTE"]["book.getMatchingMode"] = 0


def log_without_topics(scenario: Json) -> None:
    del scenario["steps"][0]["logs"][0]["topics"]


@pytest.mark.parametrize(("doctor", "told"), [
    (unknown_balance, "step 0 (alice limitSell 1000000000000000000 base-units @ 100000000000): balance change of book:BTC/BASEW "
                      "in BTC: expected 5, got nothing, since the recording does not tell the address of that name"),
    (unknown_token, "step initial state: balance of alice allowance:DOGE: expected 5, got nothing, since the recording does not "
                    "tell the address of that name"),
    (unknown_pair, ": DOGE/QUOTE book.lmp: expected 5, got nothing, since it cannot be asked: KeyError 'book:DOGE/QUOTE'"),
    (view_of_the_other_generation, ": BASE/QUOTE book.getMatchingMode: expected 0, got nothing, since it cannot be asked: "
                                   "KeyError 'getMatchingMode'"),
    (log_without_topics, ": step: expected one that can be replayed, got KeyError 'topics'")])
def test_what_cannot_be_compared_is_a_mismatch_and_the_replay_goes_on(
        tmp_path: Path, doctor: Callable[[Json], None], told: str) -> None:
    contents = only("engine_2025_08", "first_limit_sell")
    doctor(contents["scenarios"][0])
    code, lines = replay(written(tmp_path / "unknown.json", contents))
    assert code == 1 and told in lines[0] and lines[-1] == "1 scenarios, 3 steps, 1 mismatches"


def test_a_pair_that_a_scenario_lists_is_found_by_its_event(tmp_path: Path) -> None:
    contents = only("engine_2025_08", "bad_pair")
    step = next(step for step in contents["scenarios"][0]["steps"] if step["decoded_call"]["function"].startswith("addPair"))
    step["after"]["BTC/BASEW"] = {"book.lmp": 10 ** 8, "engine.mktPrice": 10 ** 8, "book.nextMakeId(bid)": 1, "depth(ask)": []}
    step["balance_delta"]["book:BTC/BASEW"] = {"BTC": 0, "native": 0}
    code, lines = replay(written(tmp_path / "listed.json", contents))
    assert code == 0 and lines[-1].endswith(" 0 mismatches")


def test_a_book_of_the_later_generation_is_asked_for_what_it_has(tmp_path: Path) -> None:
    contents = only("engine_2026_07", "b_fifo_pair")
    step = next(step for step in contents["scenarios"][0]["steps"] if step["kind"] == "tx")
    step["after"]["BASEF/QUOTE"] |= {"book.getMatchingMode": 1, "book.getPool": "0x" + "00" * 20}
    code, lines = replay(written(tmp_path / "later.json", contents))
    assert code == 0 and lines[-1].endswith(" 0 mismatches")


def test_what_the_wrapper_holds_may_be_told(tmp_path: Path) -> None:
    contents = only("engine_2025_08", "eth_limit_sell")
    balances = contents["scenarios"][0]["initial_balances"]
    balances["WETH"] = {"native": sum(amounts.get("WETH", 0) for amounts in balances.values())}
    for step in contents["scenarios"][0]["steps"]:
        if step["kind"] == "tx":
            changes = step["balance_delta"]
            changes["WETH"] = {"native": -sum(amounts.get("native", 0) for amounts in changes.values())}
    code, lines = replay(written(tmp_path / "wrapper.json", contents))
    assert code == 0 and lines[-1].endswith(" 0 mismatches")


@pytest.mark.parametrize("contents", [
    b"", b"{", b"\x1f\x8b broken", b"[]", b"{}", b'{"meta": {}, "scenarios": []}',
    b'{"meta": {"accounts": {}, "contracts": {}, "pairs": {}}, "scenarios": [{"name": "x", "steps": [{"kind": "tx"}]}]}',
    b'{"meta": {"accounts": {}, "contracts": {}, "pairs": {}}, "scenarios": [{"name": "x", "initial_balances": {}, '
    b'"initial_pairs": {}, "pairs": [], "steps": [{"kind": "tx"}]}]}'])
def test_a_file_that_is_no_recording_gets_one_sentence(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "some.json"
    path.write_bytes(contents)
    code, lines = replay(path)
    assert code == 2 and len(lines) == 1 and str(path) in lines[0]


def test_a_missing_file_gets_one_sentence(tmp_path: Path) -> None:
    code, lines = replay(tmp_path / "nothing.json")
    assert code == 2 and len(lines) == 1 and "nothing.json cannot be read" in lines[0]


def test_the_command_takes_plain_and_gzipped_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = written(tmp_path / "plain.json", picked("first_limit_sell"))
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["replay", str(plain), str(packed)])
    assert arguments.run(arguments) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 scenarios, 6 steps, 0 mismatches"
