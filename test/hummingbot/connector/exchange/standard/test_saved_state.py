"""What an account leaves for its next run: read as it was written, and nothing else is read at all."""
import json

import pytest

from hummingbot.connector.exchange.standard.orders.settlement import END_OF_BLOCK, OrderKey, Resting
from hummingbot.connector.exchange.standard.saved_state import SavedState
from hummingbot.connector.exchange.standard.witnesses import Witness

BOOK = "0x" + "b2" * 20
WHERE = (1_234, END_OF_BLOCK)
ORDERS = [Resting(OrderKey(BOOK, True, 7), "a", 10 ** 8, 10 ** 30, WHERE), Resting(OrderKey(BOOK, False, 8), "b", 3, 0, WHERE)]
STATE = SavedState(1_234, ORDERS, [("a", f"{BOOK}:12")], [("b", f"{BOOK}:13"), ("b", f"{BOOK}:14")],
                   Witness(1_200, "0x12", 1_750_000_000))


@pytest.mark.parametrize("state", [STATE, SavedState(0, [], [], [])])
def test_it_is_read_as_it_was_written(state: SavedState) -> None:
    assert SavedState.from_json(state.to_json()) == state


def test_what_was_counted_before_it_was_written_does_not_count_again() -> None:
    state = SavedState(1_234, [Resting(OrderKey(BOOK, True, 7), "a", 10 ** 8, 5, (1_000, 3))], [], [])
    assert [order.placed_at for order in SavedState.from_json(state.to_json()).orders] == [WHERE]


def test_an_order_that_was_taken_up_later_counts_from_there_on() -> None:
    """And one that an earlier version wrote counts from the state's own block on."""
    later = (1_300, END_OF_BLOCK)
    text = SavedState(1_234, [Resting(OrderKey(BOOK, True, 7), "a", 10 ** 8, 5, later)], [], []).to_json()
    assert [order.placed_at for order in SavedState.from_json(text).orders] == [later]
    state = json.loads(text)
    del state["since"]
    assert [order.placed_at for order in SavedState.from_json(json.dumps(state)).orders] == [WHERE]


def test_the_state_of_a_first_run_names_its_block_only() -> None:
    assert SavedState.from_json('{"block": 5}') == SavedState(5, [], [], [])


@pytest.mark.parametrize("text", [
    "", "{", "[]", "5", "null", "{}", '{"block": "5"}', '{"block": -1}', '{"block": true}', '{"block": 1, "orders": 3}',
    '{"block": 1, "orders": [[1, 2]]}', '{"block": 1, "fills": [["a"]]}', '{"block": 1, "fills": [["a", "12"]]}',
    '{"block": 1, "fills": [["a", "0x:²"]]}', '{"block": 1, "fills": {"a": 1}}',
    '{"block": 1, "taken_back": [["a", "12"]]}', "[" * 100_000,
    '{"block": 1, "witness": 5}', '{"block": 1, "witness": [1, "0x", 2, 3]}', '{"block": 1, "witness": ["1", "0x", 2]}',
    '{"block": 1, "since": [1]}', '{"block": 1, "witness": [1, 2, 3]}', '{"block": 1, "witness": [1, "0x", -3]}'])
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        SavedState.from_json(text)


@pytest.mark.parametrize(("at", "value"), [(0, 5), (1, 1), (2, "7"), (2, -7), (3, None), (4, 1.5), (5, 10 ** 30), (5, "1e3"),
                                           (5, "-1")])
def test_an_order_with_a_part_that_makes_no_sense_is_a_value_error(at: int, value: object) -> None:
    state = json.loads(STATE.to_json())
    state["orders"][0][at] = value
    with pytest.raises(ValueError):
        SavedState.from_json(json.dumps(state))
