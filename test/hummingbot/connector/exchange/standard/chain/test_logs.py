"""A node's logs become events, or the node is found out."""
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import TRADING_TOPICS
from hummingbot.connector.exchange.standard.chain.logs import decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.errors import BadDataError

ENGINE = "0x" + "e0" * 20
LOG: dict[str, Any] = {"address": ENGINE, "topics": ["0x" + "ab" * 32], "data": "0x", "blockNumber": "0x5",
                       "transactionHash": "0x" + "cd" * 32, "logIndex": "0x0"}


@pytest.mark.parametrize("damage", [{"address": None}, {"topics": 7}, {"topics": [1]}, {"data": "0xzz"}, {"blockNumber": "five"},
                                    {"logIndex": None}, {"transactionHash": 3}])
def test_a_malformed_log_is_bad_data(damage: dict[str, Any]) -> None:
    for decode in (lambda logs: decode_engine_logs(logs, ENGINE), decode_outflows):
        with pytest.raises(BadDataError, match="malformed log"):
            decode([{**LOG, **damage}])


@pytest.mark.parametrize("field", ["address", "topics", "data", "blockNumber", "transactionHash", "logIndex"])
def test_a_log_without_a_field_is_bad_data(field: str) -> None:
    with pytest.raises(BadDataError, match=field):
        decode_outflows([{key: value for key, value in LOG.items() if key != field}])


def test_data_that_do_not_fit_their_topic_are_bad_data() -> None:
    with pytest.raises(BadDataError, match="not an event of the engine"):
        decode_engine_logs([{**LOG, "topics": [TRADING_TOPICS[0]]}], ENGINE)


def test_logs_of_other_contracts_and_of_unknown_kinds_are_left_out() -> None:
    assert decode_engine_logs([LOG, {**LOG, "address": "0x" + "11" * 20}], ENGINE) == []
    assert decode_outflows([LOG]) == []
