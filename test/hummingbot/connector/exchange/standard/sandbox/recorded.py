"""Runs recorded scenarios directly against a World and says what differs."""
from collections.abc import Iterator, Mapping
from typing import Any

from hummingbot.connector.exchange.standard.chain.abi import Error
from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS_2026_07,
    ENGINE_FUNCTIONS,
    ERRORS,
)
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.book_core import UNMODELLED
from hummingbot.connector.exchange.standard.sandbox.deployment import build, from_vectors
from hummingbot.connector.exchange.standard.sandbox.presets import set_presets
from hummingbot.connector.exchange.standard.sandbox.recording import Recording
from hummingbot.connector.exchange.standard.sandbox.world import Block, Message, Outcome, World

READER = "0x" + "12" * 20
DEPTH = 30  # levels, and orders of a level, that were recorded
VIEW_GAS = 50_000_000
_BY_SIGNATURE = {error.signature: error for error in ERRORS.values()}
_TEXT, _PANIC = Error("Error(string reason)"), Error("Panic(uint256 code)")


def scenario_names(vectors: Mapping[str, Any]) -> list[str]:
    """The names of all scenarios of a file."""
    return [scenario["name"] for scenario in vectors["scenarios"]]


def revert_data(recorded: Any) -> bytes:
    """The revert data behind the recorded, decoded reason."""
    if recorded == "EMPTY REVERT DATA":
        return b""
    if isinstance(recorded, str) and recorded.startswith("Error(string): "):
        return _TEXT.encode(recorded[len("Error(string): '"):-1])
    if isinstance(recorded, str) and recorded.startswith("Panic("):
        return _PANIC.encode(int(recorded[len("Panic("):recorded.index(")")], 16))
    error = _BY_SIGNATURE[recorded["error"]]
    return error.encode(*[_argument(error, value) for value in list(recorded["args"].values())[:len(error.inputs)]])


def _argument(error: Error, value: Any) -> Any:
    if isinstance(value, dict):
        return revert_data(value)
    if isinstance(value, str) and value.startswith("0x") and len(value) != 42:
        return bytes.fromhex(value[2:])
    return value.lower() if isinstance(value, str) and value.startswith("0x") else value


def lowered(value: Any) -> Any:
    """The same with every address in lower case."""
    if isinstance(value, dict):
        return {key: lowered(item) for key, item in value.items()}
    if isinstance(value, list):
        return [lowered(item) for item in value]
    return value.lower() if isinstance(value, str) else value


class Recorded:
    """One scenario on its own world."""

    def __init__(self, vectors: dict[str, Any], scenario: Mapping[str, Any] | str) -> None:
        self.scenario = scenario if not isinstance(scenario, str) else next(
            item for item in vectors["scenarios"] if item["name"] == scenario)
        self.vectors = vectors
        self.recording = Recording(vectors)
        self.addresses = self.recording.addresses
        self.gas: list[tuple[str, int, int]] = []
        self._reset()

    def _reset(self) -> None:
        self.world: World = build(from_vectors(self.vectors, self.scenario))
        self._preset(self.scenario)
        self.block = Block(92, 1_750_000_092)

    def _preset(self, raw: Mapping[str, Any]) -> None:
        set_presets(self.world, self.addresses, self.scenario["pairs"], raw.get("preset") or {})

    def differences(self) -> Iterator[str]:
        """Everything that differs, one line each."""
        for index, step in enumerate(self.scenario["steps"]):
            if step.get("reset_before"):
                self._reset()
            self._preset(step)
            label = f"step {index} ({step['label']})"
            if step["kind"] == "tx":
                for difference in self._transaction(step):
                    yield f"{label}: {difference}"
            elif "data" in step and step["decoded_call"]["function"].partition("(")[0] not in UNMODELLED:
                outcome = self.read(step["to"].lower(), bytes.fromhex(step["data"][2:]))
                yield from (f"{label}: {difference}" for difference in _compare_outcome(step, outcome, "revert" not in step))

    def read(self, to: str, data: bytes) -> Outcome:
        """A view at the present block."""
        return self.world.call(Message(READER, to, 0, data, VIEW_GAS), self.block)

    def _transaction(self, step: Mapping[str, Any]) -> Iterator[str]:
        self.block = Block(step["blockNumber"], 1_750_000_000 + step["blockNumber"])
        message = Message(step["from"].lower(), step["to"].lower(), step["value"], bytes.fromhex(step["data"][2:]),
                          step["gasLimit"])
        before = self.balances()
        outcome = self.world.execute(message, self.block)
        if outcome.success != (step["status"] == 1):
            yield f"status {step['status']}, got {outcome.success} {outcome.return_data.hex()}"
        self.gas.append((step["label"], step["gasUsed"], outcome.gas_used))
        yield from _compare_outcome(step, outcome, step["status"] == 1)
        yield from _compare_logs(step["logs"], outcome)
        after = self.balances()
        for (name, token), amount in after.items():
            expected = step["balance_delta"].get(name, {}).get(token, 0)
            if amount - before[name, token] != expected and not token.startswith("allowance"):
                yield f"{name} {token} changes by {amount - before[name, token]} instead of {expected}"
        for pair, state in step["after"].items():
            for what, value in state.items():
                got = self._state(pair, what, value)
                if got != lowered(value):
                    yield f"{pair} {what}: {got} instead of {value}"

    def balances(self) -> dict[tuple[str, str], int]:
        """Every balance and allowance that the scenario follows."""
        result = {}
        for name, amounts in self.scenario["initial_balances"].items():
            account = self.addresses[name]
            for key in amounts:
                if key == "native":
                    result[name, key] = self.world.balance(account)
                    continue
                prefix, _, token = key.rpartition(":")
                call = ERC20_FUNCTIONS["allowance"].encode(account, self.addresses["engine"]) if prefix else \
                    ERC20_FUNCTIONS["balanceOf"].encode(account)
                result[name, key] = int.from_bytes(self.read(self.addresses[token], call).return_data, "big")
        return result

    def _state(self, pair: str, what: str, expected: Any) -> Any:
        """What the world says of one recorded item of a pair's state, in the recorded form."""
        book = self.addresses[f"book:{pair}"]
        tokens = [self.recording.pairs[pair][f"{side}_address"] for side in ("base", "quote")]
        is_bid = what.endswith("(bid)")
        name = what.removesuffix("(bid)").removesuffix("(ask)").rpartition(".")[2]
        if name == "heads":
            return dict(zip(("bidHead", "askHead"), self._view(ENGINE_FUNCTIONS["heads"], self.addresses["engine"], *tokens)))
        if what == "engine.mktPrice":
            return self._view(ENGINE_FUNCTIONS["mktPrice"], self.addresses["engine"], *tokens)[0]
        if name == "getPrices":
            return [price for price in self._view(BOOK_FUNCTIONS_2026_07["getPrices"], book, is_bid, DEPTH)[0] if price]
        if name == "nextMakeId":
            return self._view(BOOK_FUNCTIONS_2026_07[name], book, is_bid)[0]
        if name == "getOrder":
            return {number: _order(self._view(ENGINE_FUNCTIONS[name], self.addresses["engine"], *tokens, is_bid,
                                              int(number))[0]) for number in expected}
        if name == "depth":
            return [self._level(book, is_bid, level["price"]) for level in expected]
        return self._view(BOOK_FUNCTIONS_2026_07[name], book)[0]

    def _level(self, book: str, is_bid: bool, price: int) -> Any:
        numbers = self._view(BOOK_FUNCTIONS_2026_07["getOrderIds"], book, is_bid, price, DEPTH)[0]
        orders = self._view(BOOK_FUNCTIONS_2026_07["getOrders"], book, is_bid, price, DEPTH)[0]
        return {"price": price, "getOrderIds": [number for number in numbers if number],
                "getOrders": [_order(order) for order in orders if order[2]]}

    def _view(self, function: Any, to: str, *arguments: Any) -> Any:
        return function.decode_result(self.read(to, function.encode(*arguments)).return_data)


def _order(order: tuple[str, int, int]) -> dict[str, Any]:
    return {"owner": order[0], "price": order[1], "depositAmount": order[2]}


def _compare_outcome(step: Mapping[str, Any], outcome: Outcome, expect_success: bool) -> Iterator[str]:
    expected = bytes.fromhex((step["return_data"] or "0x")[2:]) if expect_success else revert_data(step["revert"])
    if outcome.return_data != expected:
        yield f"data 0x{outcome.return_data.hex()} instead of 0x{expected.hex()}"


def _compare_logs(recorded: list[dict[str, Any]], outcome: Outcome) -> Iterator[str]:
    expected = [(log["address"].lower(), tuple(log["topics"]), bytes.fromhex(log["data"][2:])) for log in recorded]
    got = [tuple(log) for log in outcome.logs]
    if len(got) != len(expected):
        yield f"{len(got)} logs instead of {len(expected)}"
    for index, (log, wanted) in enumerate(zip(got, expected)):
        if log != wanted:
            yield f"log {index}: {log} instead of {wanted}"
