"""The contract tables against every recorded transaction, literal selectors and our own description of the exchange."""
import re
from collections import Counter
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain import engine, tokens
from hummingbot.connector.exchange.standard.chain.abi import AbiError, Array, Error, Event, Function, Tuple
from hummingbot.connector.exchange.standard.chain.engine import decode_event, decode_revert
from test.vectors import load, steps

PROTOCOL = Path(__file__).parents[6] / "docs" / "protocol.md"
ADDRESS = "0x28bec7e30e6faee657a03e19bf1128aad7632a00"

TABLES = {
    "engine_2025_08": {"engine": engine.ENGINE_FUNCTIONS, "book": engine.BOOK_FUNCTIONS, "factory": engine.FACTORY_FUNCTIONS},
    "engine_2026_07": {"engine": engine.ENGINE_FUNCTIONS_2026_07, "book": engine.BOOK_FUNCTIONS_2026_07,
                       "factory": engine.FACTORY_FUNCTIONS},
}
EVENTS = {event.topic: event for event in (
    engine.ORDER_PLACED, engine.ORDER_MATCHED, engine.ORDER_CANCELED, engine.NEW_MARKET_PRICE, engine.ORDER_CANCEL_SKIPPED,
    engine.PAIR_ADDED, engine.PAIR_UPDATED, engine.PAIR_CREATE2, engine.LISTING_COST_SET, engine.ROLE_GRANTED,
    engine.ROLE_REVOKED, engine.ROLE_ADMIN_CHANGED, tokens.TRANSFER, tokens.APPROVAL, tokens.DEPOSIT, tokens.WITHDRAWAL)}
generations = pytest.mark.parametrize("generation", sorted(TABLES))


def table_for(generation, step):
    """The table of the contract that a step calls: the engine's, a book's, the factory's or a token's."""
    return TABLES[generation].get(step["to_name"].split(":")[0], tokens.WETH_FUNCTIONS)


def as_ours(kind, recorded):
    """A recorded JSON value the way our codec gives it."""
    if isinstance(kind, Tuple):
        fields = list(recorded.values()) if isinstance(recorded, dict) else recorded
        return tuple(as_ours(member, field) for member, field in zip(kind.members, fields, strict=True))
    if isinstance(kind, Array):
        return [as_ours(kind.element, element) for element in recorded]
    if kind.name == "address":
        return recorded.lower()
    if kind.name.startswith("bytes"):
        return bytes.fromhex(recorded[2:])
    return recorded


def all_as_ours(parameters, recorded):
    """Recorded arguments, by name or in a list; bytes may stand there a second time in words ("reason_decoded")."""
    values = [value for name, value in recorded.items() if not name.endswith("_decoded")] if isinstance(recorded, dict) \
        else recorded
    return tuple(as_ours(parameter.type, value) for parameter, value in zip(parameters, values, strict=True))


def results_as_ours(outputs, returned):
    """Recorded results: the bare value when there is one, its fields when it is a struct or there are many."""
    return (as_ours(outputs[0].type, returned),) if len(outputs) == 1 else all_as_ours(outputs, returned)


@generations
def test_recorded_calldata_decode_to_the_recorded_arguments_and_back_to_the_same_bytes(generation):
    transactions = [step for _, step in steps(generation) if step.get("data")]
    assert len(transactions) >= {"engine_2025_08": 312 + 32, "engine_2026_07": 59}[generation]
    for step in transactions:
        call, calldata = step["decoded_call"], bytes.fromhex(step["data"][2:])
        function = table_for(generation, step)[call["function"].split("(")[0]]
        assert function.signature == call["function"]
        assert "0x" + function.selector.hex() == call["selector"]
        arguments = function.decode(calldata)
        assert arguments == all_as_ours(function.inputs, call["args"]), step["label"]
        assert function.encode(*arguments) == calldata, step["label"]


@generations
def test_recorded_return_data_decode_to_the_recorded_results_and_back_to_the_same_bytes(generation):
    answered = [step for _, step in steps(generation) if step.get("return_data") and step.get("returned") is not None]
    assert len(answered) > {"engine_2025_08": 250, "engine_2026_07": 30}[generation]
    for step in answered:
        function = table_for(generation, step)[step["decoded_call"]["function"].split("(")[0]]
        data = bytes.fromhex(step["return_data"][2:])
        results = function.decode_result(data)
        assert results == results_as_ours(function.outputs, step["returned"]), step["label"]
        assert function.encode_result(*results) == data, step["label"]


def test_the_time_weighted_price_of_a_later_book_is_asked_and_read():
    twap = engine.BOOK_FUNCTIONS_2026_07["twap"]
    assert twap.encode(60).hex() == "e5ec23a3" + f"{60:064x}" and "twap" not in engine.BOOK_FUNCTIONS
    assert twap.decode_result(bytes.fromhex(f"{10**11:064x}{75:064x}")) == (10**11, 75)


@generations
def test_recorded_logs_decode_to_the_recorded_arguments_and_back_to_the_same_topics_and_data(generation):
    logs = [log for _, step in steps(generation, "tx") for log in step["logs"]]
    assert len(logs) >= {"engine_2025_08": 2071, "engine_2026_07": 136}[generation]
    for log in logs:
        topics, data = tuple(log["topics"]), bytes.fromhex(log["data"][2:])
        event = EVENTS[topics[0]]
        assert event.name == log["event"]
        values = event.decode(topics, data)
        assert values == all_as_ours(event.parameters, log["args"])
        assert event.encode(*values) == (topics, data)


@generations
def test_recorded_engine_logs_become_typed_events(generation):
    kinds = {"OrderPlaced": engine.OrderPlaced, "OrderMatched": engine.OrderMatched, "OrderCanceled": engine.OrderCanceled,
             "NewMarketPrice": engine.NewMarketPrice, "OrderCancelSkipped": engine.OrderCancelSkipped}
    seen = set()
    for _, step in steps(generation, "tx"):
        for log in step["logs"]:
            event = decode_event(log["topics"], bytes.fromhex(log["data"][2:]))
            kind = kinds.get(log["event"])
            if kind is None:
                assert event is None
                continue
            values = all_as_ours(EVENTS[log["topics"][0]].parameters, log["args"])
            flat = (*values[:-1], *values[-1]) if kind is engine.OrderMatched else values
            assert type(event) is kind
            assert tuple(event) == flat
            seen.add(kind)
    assert seen >= set(kinds.values()) - {engine.OrderCancelSkipped}


def test_a_field_of_a_match_is_found_by_its_name():
    values = (ADDRESS, 7, 2**32, True, 65412847, 10**9, False, (ADDRESS[:-1] + "1", ADDRESS[:-1] + "2", 10**18, 654128, 10**15,
                                                                654, 2**64 - 1))
    event = decode_event(*engine.ORDER_MATCHED.encode(*values))
    assert event == engine.OrderMatched(
        pair=ADDRESS, order_history_id=7, id=2**32, is_bid=True, price=65412847, total=10**9, clear=False,
        sender=ADDRESS[:-1] + "1", owner=ADDRESS[:-1] + "2", base_amount=10**18, quote_amount=654128, base_fee=10**15,
        quote_fee=654, trade_id=2**64 - 1)


def test_a_skipped_cancel_of_the_later_generation_becomes_an_event_with_its_reason():
    reason = Error("InvalidAccess(address sender,address allowed)").encode(ADDRESS, ADDRESS)
    event = decode_event(*engine.ORDER_CANCEL_SKIPPED.encode(ADDRESS, 5, True, ADDRESS, reason))
    assert event == engine.OrderCancelSkipped(ADDRESS, 5, True, ADDRESS, reason)


def test_a_foreign_log_is_no_event_and_a_broken_one_an_error():
    assert decode_event([], b"") is None
    assert decode_event(["0x" + "0" * 64], b"") is None
    assert decode_event([tokens.TRANSFER.topic, "0x" + "0" * 64, "0x" + "0" * 64], bytes(32)) is None
    for topic in engine.TRADING_TOPICS:
        with pytest.raises(AbiError):
            decode_event([topic], b"")


@generations
def test_every_recorded_refusal_is_decoded_from_its_bytes(generation):
    refusals = [step["revert"] for _, step in steps(generation) if step.get("revert")]
    assert len(refusals) >= {"engine_2025_08": 37, "engine_2026_07": 19}[generation]
    for recorded in refusals:
        if isinstance(recorded, dict):
            error = next(error for error in engine.ERRORS.values() if error.signature == recorded["error"])
            values = all_as_ours(error.inputs, recorded["args"])
            assert decode_revert(error.encode(*values)) == (error.name, values)
        elif recorded.startswith("Error(string)"):
            reason = recorded.split("'")[1]
            assert decode_revert(Error("Error(string)").encode(reason)) == ("Error", (reason,))
        elif recorded.startswith("Panic"):
            code = int(recorded[6:10], 16)
            assert decode_revert(Error("Panic(uint256)").encode(code)) == ("Panic", (code,))
        else:
            assert recorded == "EMPTY REVERT DATA"
            assert decode_revert(b"") == ("", ())


def test_a_refused_cancel_tells_the_reason_inside_the_reason():
    step = next(step for _, step in steps("engine_2026_07", "tx") if "OrderCancelFailed" in str(step["revert"]))
    args = step["revert"]["args"]
    data = engine.ERRORS[bytes.fromhex("0015b2d9")].encode(
        args["orderbook"], args["orderId"], args["isBid"], args["sender"], bytes.fromhex(args["reason"][2:]))
    inner = args["reason_decoded"]["args"]
    assert str(decode_revert(data)).endswith(f"InvalidAccess({inner['sender'].lower()}, {inner['allowed'].lower()}))")


@pytest.mark.parametrize("data, text", [
    (b"", "no reason given"),
    (b"\x01\x02", "no reason given"),
    (bytes.fromhex("400ee546"), "no reason given"),
    (Error("Error(string)").encode("TFF"), '"TFF": the transfer failed, so the wallet\'s balance or allowance is too small'),
    (Error("OrderSizeTooSmall(uint256,uint256)").encode(600, 600), "OrderSizeTooSmall(600, 600)"),
    (Error("OrderCancelFailed(address,uint32,bool,address,bytes)").encode(ADDRESS, 1, True, ADDRESS, b"\xab"),
     f"OrderCancelFailed({ADDRESS}, 1, True, {ADDRESS}, 0xab)"),
])
def test_a_refusal_in_words(data, text):
    assert str(decode_revert(data)) == text


@pytest.mark.parametrize("data", [b"\x01\x02", b"\x12\x34\x56\x78" + bytes(32), bytes.fromhex("400ee546")],
                         ids=["too short for a selector", "an unknown error", "a known one without its arguments"])
def test_a_refusal_of_an_unknown_kind_keeps_its_bytes(data):
    assert decode_revert(data) == ("", (data,))


@pytest.mark.parametrize("name, selector", [
    ("limitBuy", "89556190"), ("limitSell", "349d1b5f"), ("limitSellETH", "e794b1c1"), ("marketSellETH", "34c26010")])
def test_the_selectors_seen_in_public_transactions(name, selector):
    assert engine.ENGINE_FUNCTIONS[name].selector.hex() == selector
    assert engine.ENGINE_FUNCTIONS_2026_07[name].selector.hex() == selector


def test_the_topics_of_the_trading_events():
    assert engine.TRADING_TOPICS == (
        "0x579ef2dcdb20647310a89c9742686ee404d204ae118aaa9f5664cd19dc3d59f9",
        "0x19891f054fa6c971a1a536295c932775770b302c2afb68e918360557903a907c",
        "0x6455b26713a0e0ba431d88c86da77ddfca232ffe0a76eeb89cc7ff18d338e009",
        "0x9c95e9950399979a0061c4a2ca0418e8255af6568b7a7a707a69562d55cf13a9",
        "0xe89fbaa8c2d4040d9398c9e271e46342b4f20b48a1876fe1d5816da1a64bae58",
    )


def test_no_two_functions_of_a_contract_share_a_selector():
    for table in (*TABLES["engine_2025_08"].values(), *TABLES["engine_2026_07"].values(), tokens.WETH_FUNCTIONS):
        assert len({function.selector for function in table.values()}) == len(table)


ROW = re.compile(r"^\| `0x([0-9a-f]{8}|[0-9a-f]{64})` \| `(\w+\(.*?\))`", re.MULTILINE)
DOCUMENTED = ROW.findall(PROTOCOL.read_text(encoding="utf-8"))


def test_every_selector_in_our_description_is_that_of_its_signature():
    assert len(DOCUMENTED) > 120
    for digest, declaration in DOCUMENTED:
        found = Event(declaration).topic[2:] if len(digest) == 64 else Function(declaration).selector.hex()
        assert found == digest, declaration


def test_the_known_topics_are_those_of_our_descriptions_events():
    described = re.search(r"^## Events$(.*?)^## ", PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL).group(1)
    assert {"0x" + digest for digest, _ in ROW.findall(described)} == engine.KNOWN_TOPICS


def selectors(*tables):
    """The selectors of a contract; a function that several of its generations have counts once."""
    return {function.selector.hex() for table in tables for function in table.values()}


def test_our_description_and_the_tables_list_the_same_things_for_each_contract():
    in_tables = Counter([
        *selectors(engine.ENGINE_FUNCTIONS, engine.ENGINE_FUNCTIONS_2026_07), *selectors(engine.FACTORY_FUNCTIONS),
        *selectors(engine.BOOK_FUNCTIONS, engine.BOOK_FUNCTIONS_2026_07), *selectors(tokens.WETH_FUNCTIONS),
        *(selector.hex() for selector in engine.ERRORS), *(topic[2:] for topic in EVENTS)])
    assert Counter(digest for digest, _ in DOCUMENTED) == in_tables, "getPair, for one, stands in the rows of two contracts"


def test_a_documented_parameter_has_the_name_it_has_in_the_tables():
    names = {function.selector.hex(): [parameter.name for parameter in function.inputs]
             for table in (engine.ENGINE_FUNCTIONS, engine.ENGINE_FUNCTIONS_2026_07, engine.BOOK_FUNCTIONS)
             for function in table.values()}
    documented = {digest: [parameter.name for parameter in Function(declaration).inputs]
                  for digest, declaration in DOCUMENTED if digest in names}
    assert documented == {digest: names[digest] for digest in documented}


def test_the_vector_files_are_those_of_the_two_generations():
    assert [load(name)["meta"]["version"] for name in sorted(TABLES)] == ["A", "B"]
