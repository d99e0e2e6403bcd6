"""The questions that a replay asks the contracts after each step, and how the answers compare to what was recorded."""
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.abi import AbiError, Function
from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS,
    BOOK_FUNCTIONS_2026_07,
    ENGINE_FUNCTIONS,
    ENGINE_FUNCTIONS_2026_07,
)
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.book_core import UNMODELLED
from hummingbot.connector.exchange.standard.sandbox.recording import Json, Recording

Call = tuple[str, list[Any]]

_RECORDED_ENTRIES = 30  # the recorder asked for this many prices and orders per level


class Answer(NamedTuple):
    """The answer to a JSON-RPC request: a result or an error object."""

    result: Any
    error: Json | None

    def integer(self) -> Any:
        """The number in the answer, or the error's text."""
        return self.error["message"] if self.error is not None else int(self.result, 16)

    def decode(self, function: Function) -> Any:
        """The results of a call, one alone or as a tuple, or the reason why there are none."""
        if self.error is not None:
            return self.error["message"]
        try:
            results = function.decode_result(bytes.fromhex(self.result[2:]))
        except AbiError as error:
            return f"{self.result} ({error})"
        return results[0] if len(results) == 1 else results


class Query(NamedTuple):
    """Calls, what they are about, the recorded value, and how that value is read from the answers."""

    what: str
    expected: Any
    calls: Sequence[Call]
    read: Callable[[Sequence[Answer]], Any]


def _unasked(what: str, expected: Any, error: Exception) -> Query:
    return Query(what, expected, (), lambda _: f"nothing, since it cannot be asked: {type(error).__name__} {error}")


def _order(value: Any) -> Any:
    return dict(zip(("owner", "price", "depositAmount"), value)) if isinstance(value, tuple) else value


def _without_padding(entries: Any, empty: Any) -> Any:
    """The entries before the zeros with which the views fill up."""
    if not isinstance(entries, list):
        return entries
    while entries and entries[-1] == empty:
        entries = entries[:-1]
    return entries


_NO_ORDER = ("0x" + "00" * 20, 0, 0)


class Views:
    """Asks for balances and book states by the names that the recording uses."""

    def __init__(self, recording: Recording, balance_names: dict[str, set[str]]) -> None:
        self._recording = recording
        self._balance_names = balance_names
        self._engine_functions = ENGINE_FUNCTIONS_2026_07 if recording.is_later else ENGINE_FUNCTIONS
        self._book_functions = BOOK_FUNCTIONS_2026_07 if recording.is_later else BOOK_FUNCTIONS
        self._unmodelled = {function.selector for name, function in self._book_functions.items() if name in UNMODELLED}

    def _call(self, to: str, function: Function, *arguments: Any) -> Call:
        return "eth_call", [{"to": to, "data": "0x" + function.encode(*arguments).hex()}, "latest"]

    def balance_calls(self) -> tuple[list[tuple[str, str]], list[Call]]:
        """The keys (name, token) of all recorded balances, and the calls that read them in the same order. Those of a name
        that the recording gives no address are left out."""
        addresses = self._recording.addresses
        keys = [(name, token) for name, tokens in self._balance_names.items() for token in sorted(tokens)
                if name in addresses and (token == "native" or token.removeprefix("allowance:") in addresses)]
        return keys, [self._balance_call(addresses[name], token) for name, token in keys]

    def _balance_call(self, owner: str, token: str) -> Call:
        addresses = self._recording.addresses
        if token == "native":
            return "eth_getBalance", [owner, "latest"]
        if token.startswith("allowance:"):
            return self._call(addresses[token.partition(":")[2]], ERC20_FUNCTIONS["allowance"], owner, addresses["engine"])
        return self._call(addresses[token], ERC20_FUNCTIONS["balanceOf"], owner)

    def is_modelled(self, data: str) -> bool:
        """Whether the sandbox imitates the function that this calldata is for."""
        return bytes.fromhex(data[2:10]) not in self._unmodelled

    def state_queries(self, pair: str, state: Json) -> list[Query]:
        """What to ask about a pair, one query per recorded value. One that cannot be asked has no calls, and reads as the
        reason why."""
        queries = []
        for what, expected in state.items():
            try:
                queries += self._queries(pair, what, expected)
            except (AbiError, AttributeError, LookupError, TypeError, ValueError) as error:
                queries.append(_unasked(what, expected, error))
        return queries

    def _queries(self, pair: str, what: str, expected: Any) -> list[Query]:
        contract, _, call = what.rpartition(".")
        name, _, argument = call.rstrip(")").partition("(")
        side: tuple[bool, ...] = (argument == "bid",) if argument else ()
        if name == "getOrder":
            return [self._order_query(pair, side[0], order_id, order) for order_id, order in expected.items()]
        if name == "depth":
            return [query for level in expected for query in self._level_queries(pair, side[0], level)]
        if contract == "engine":
            return [self._engine_query(what, name, pair, expected)]
        return [self._book_query(what, name, pair, side, expected)]

    def _tokens(self, pair: str) -> tuple[str, str]:
        names = self._recording.pairs[pair]
        return names["base_address"].lower(), names["quote_address"].lower()

    def _engine_query(self, what: str, name: str, pair: str, expected: Any) -> Query:
        function = self._engine_functions[name]
        call = self._call(self._recording.addresses["engine"], function, *self._tokens(pair))
        return Query(what, list(expected.values()) if isinstance(expected, dict) else expected, [call],
                     lambda answers: answers[0].decode(function))

    def _book_query(self, what: str, name: str, pair: str, side: tuple[bool, ...], expected: Any) -> Query:
        function = self._book_functions[name]
        count = (max(_RECORDED_ENTRIES, len(expected)),) if isinstance(expected, list) else ()
        call = self._call(self._recording.addresses[f"book:{pair}"], function, *side, *count)
        return Query(what, expected, [call], lambda answers: _without_padding(answers[0].decode(function), 0))

    def _order_query(self, pair: str, is_bid: bool, order_id: str, expected: Json) -> Query:
        function = self._engine_functions["getOrder"]
        call = self._call(self._recording.addresses["engine"], function, *self._tokens(pair), is_bid, int(order_id))
        return Query(f"engine.getOrder({'bid' if is_bid else 'ask'} {order_id})", expected, [call],
                     lambda answers: _order(answers[0].decode(function)))

    def _level_queries(self, pair: str, is_bid: bool, level: Json) -> list[Query]:
        book, price = self._recording.addresses[f"book:{pair}"], level["price"]
        where = f"({'bid' if is_bid else 'ask'} {price})"
        count = max(_RECORDED_ENTRIES, len(level["getOrderIds"]))
        ids, orders = self._book_functions["getOrderIds"], self._book_functions["getOrders"]

        def read_orders(answers: Sequence[Answer]) -> Any:
            found = _without_padding(answers[0].decode(orders), _NO_ORDER)
            return [_order(item) for item in found] if isinstance(found, list) else found

        return [Query(f"book.getOrderIds{where}", level["getOrderIds"], [self._call(book, ids, is_bid, price, count)],
                      lambda answers: _without_padding(answers[0].decode(ids), 0)),
                Query(f"book.getOrders{where}", level["getOrders"], [self._call(book, orders, is_bid, price, count)],
                      read_orders)]
