"""A node's logs become events, or the node is found out."""
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import NEW_MARKET_PRICE, TRADING_TOPICS, NewMarketPrice
from hummingbot.connector.exchange.standard.chain.logs import TokenOut, decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.chain.tokens import TRANSFER, WITHDRAWAL
from hummingbot.connector.exchange.standard.errors import BadDataError

ENGINE = "0x" + "e0" * 20
LOG: dict[str, Any] = {"address": ENGINE, "topics": ["0x" + "ab" * 32], "data": "0x", "blockNumber": "0x5",
                       "transactionHash": "0x" + "cd" * 32, "logIndex": "0x0"}


@pytest.mark.parametrize("damage", [{"address": None}, {"topics": 7}, {"topics": [1]}, {"data": "0xzz"}, {"blockNumber": "five"},
                                    {"logIndex": None}])
def test_a_malformed_log_is_bad_data(damage: dict[str, Any]) -> None:
    with pytest.raises(BadDataError, match="log"):
        decode_engine_logs([log(**damage)], ENGINE)
    with pytest.raises(BadDataError, match="log"):
        decode_outflows([{**transfer(5, 1), **damage}])


@pytest.mark.parametrize("field", ["address", "topics", "data", "blockNumber", "logIndex"])
def test_a_log_without_a_field_is_bad_data(field: str) -> None:
    with pytest.raises(BadDataError, match=field):
        decode_engine_logs([{key: value for key, value in log().items() if key != field}], ENGINE)
    with pytest.raises(BadDataError, match=field):
        decode_outflows([{key: value for key, value in transfer(5, 1).items() if key != field}])


def test_an_event_without_its_transaction_is_bad_data() -> None:
    with pytest.raises(BadDataError, match="transactionHash"):
        decode_engine_logs([{key: value for key, value in log().items() if key != "transactionHash"}], ENGINE)
    with pytest.raises(BadDataError, match="log"):
        decode_engine_logs([log(transactionHash=3)], ENGINE)


def test_data_that_do_not_fit_their_topic_are_bad_data() -> None:
    with pytest.raises(BadDataError, match="not an event of the engine"):
        decode_engine_logs([{**LOG, "topics": [TRADING_TOPICS[0]]}], ENGINE)


def test_logs_of_other_contracts_and_of_unknown_kinds_are_left_out() -> None:
    assert decode_engine_logs([LOG, {**LOG, "address": "0x" + "11" * 20}], ENGINE) == []
    assert decode_outflows([LOG]) == []


BOOK, TOKEN = ("0x" + byte * 20 for byte in ("b0", "70"))
OWNER, OTHER = ("0x" + byte * 20 for byte in ("0a", "0b"))


def log(**changes: Any) -> dict[str, Any]:
    topics, data = NEW_MARKET_PRICE.encode(BOOK, 7, True)
    return {"address": ENGINE.upper().replace("X", "x"), "topics": list(topics), "data": "0x" + data.hex(), "blockNumber": "0x10",
            "blockHash": "0x" + "AB" * 32, "transactionHash": "0x" + "CD" * 32, "logIndex": "0x2", "removed": False, **changes}


def transfer(amount: int, index: int, **changes: Any) -> dict[str, Any]:
    topics, data = TRANSFER.encode(OWNER, OTHER, amount)
    return log(address=TOKEN, topics=list(topics), data="0x" + data.hex(), logIndex=hex(index), **changes)


def test_events_have_their_place_and_come_in_chain_order() -> None:
    late, early = decode_engine_logs([log(logIndex="0x3", removed=True), log(removed=None)], ENGINE)[::-1]
    assert early.event == NewMarketPrice(BOOK, 7, True)
    assert (early.block_number, early.log_index, early.removed) == (16, 2, False)
    assert (early.block_hash, early.transaction_hash) == ("0x" + "ab" * 32, "0x" + "cd" * 32)
    assert (late.log_index, late.removed) == (3, True)


def test_logs_of_other_contracts_and_other_kinds_are_left_out() -> None:
    assert decode_engine_logs([log(address=TOKEN), log(topics=["0x" + "11" * 32]), log(topics=[])], ENGINE) == []


@pytest.mark.parametrize("changes", [
    {"blockNumber": "-0x1"}, {"logIndex": "-0x1"}, {"blockNumber": None}, {"logIndex": 2}, {"topics": None}, {"topics": [5]},
    {"data": "0x1"}, {"data": "0x"}, {"address": None}, {"transactionHash": 5}, {"removed": "false"}, {"removed": 1}])
def test_a_log_that_says_impossible_things_is_bad_data(changes: dict[str, Any]) -> None:
    with pytest.raises(BadDataError):
        decode_engine_logs([log(**changes)], ENGINE)


@pytest.mark.parametrize("value", [None, 5, "0x", []])
def test_what_is_no_log_is_bad_data(value: Any) -> None:
    with pytest.raises(BadDataError):
        decode_engine_logs([value], ENGINE)


def test_outflows_are_transfers_and_withdrawals_in_their_order() -> None:
    topics, data = WITHDRAWAL.encode(OWNER, 9)
    withdrawal = log(address=TOKEN, topics=list(topics), data="0x" + data.hex(), logIndex="0x4")
    assert decode_outflows([withdrawal, log(), transfer(5, 1)]) == [TokenOut(TOKEN, OWNER, 5, 1), TokenOut(TOKEN, OWNER, 9, 4)]


@pytest.mark.parametrize("data", ["-0x" + "01" * 32, "01" * 33, "0x", "0x01", "0x" + "zz" * 32])
def test_an_outflow_of_no_amount_is_bad_data(data: str) -> None:
    with pytest.raises(BadDataError):
        decode_outflows([transfer(5, 1) | {"data": data}])


def test_an_outflow_with_a_negative_place_is_bad_data() -> None:
    with pytest.raises(BadDataError):
        decode_outflows([transfer(5, 1, blockNumber="-0x1")])
