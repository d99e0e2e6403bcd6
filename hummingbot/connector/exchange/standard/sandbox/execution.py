"""One running message: who calls with what value, what is logged, and how a contract of the sandbox answers calldata."""
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hummingbot.connector.exchange.standard.chain.abi import AbiError, Error, Event, Function
from hummingbot.connector.exchange.standard.sandbox.gas import GasMeter, OutOfGas

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.sandbox.world import World

Result = TypeVar("Result")

ZERO_ADDRESS = "0x" + "0" * 40
UINT256 = 1 << 256
MAX_UINT256 = UINT256 - 1
LARGEST_VIEW = 100_000  # entries; a node runs out of gas on more
DISPATCH_GAS = 250
CODE_MARKER = b"\xfe"

_ERROR = Error("Error(string reason)")
_PANIC = Error("Panic(uint256 code)")
PANIC_ASSERT, PANIC_OVERFLOW, PANIC_DIVISION, PANIC_INDEX = 0x01, 0x11, 0x12, 0x32


class Block(NamedTuple):
    """What contracts see of the block that they run in; `timestamp` in seconds."""

    number: int
    timestamp: int


class Log(NamedTuple):
    """One event as it is written: lower-case address and topics, raw data."""

    address: str
    topics: tuple[str, ...]
    data: bytes


class Revert(Exception):
    """The call is undone; `data` is what the caller gets back."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(data)
        self.data = data


def refuse(error: Error, *arguments: Any) -> Revert:
    """The revert with a custom error."""
    return Revert(error.encode(*arguments))


def refuse_text(reason: str) -> Revert:
    """The revert with a text, "Error(string)"."""
    return Revert(_ERROR.encode(reason))


def panic(code: int) -> Revert:
    """The revert of a failed check of the language itself: 0x01 assertion, 0x11 overflow, 0x12 division, 0x32 index."""
    return Revert(_PANIC.encode(code))


def checked(value: int) -> int:
    """`value` when it is a uint256; raises Revert (overflow) otherwise."""
    if not 0 <= value < UINT256:
        raise panic(PANIC_OVERFLOW)
    return value


def zero_padded(items: list[Any], count: int, empty: Any) -> list[Any]:
    """The first `count` of `items`, filled up with `empty`: how the book's depth views answer."""
    if count > LARGEST_VIEW:
        raise OutOfGas
    taken = items[:count]
    return taken + [empty] * (count - len(taken))


class Execution:
    """The state of one running message, shared by all contracts that it reaches.

    `sender` and `value` are those of the message (all of them come from accounts without code, so the contract called
    first sees them as its own).
    """

    __slots__ = ("block", "logs", "meter", "sender", "value", "world")

    def __init__(self, world: "World", block: Block, meter: GasMeter, sender: str, value: int) -> None:
        self.world = world
        self.block = block
        self.meter = meter
        self.sender = sender
        self.value = value
        self.logs: list[Log] = []

    def guarded(self, action: Callable[[], Result]) -> tuple[Result | None, bytes]:
        """A call whose failure is caught: its result, or None and the revert data. Whatever it did is undone then; running
        out of the gas that is passed on (a part of what is left stays behind) is a failure without data."""
        journal, meter = self.world.journal, self.meter
        checkpoint, logs = journal.checkpoint(), len(self.logs)
        meter.guards += 1
        depth = meter.enter()
        result, reason, failed = None, b"", False
        try:
            result = action()
        except Revert as revert:
            reason, failed = revert.data, True
        starved = meter.overdrawn(depth)
        if not (failed or starved):
            meter.leave()
            return result, reason
        meter.fail(depth, starved)
        journal.rollback(checkpoint)
        del self.logs[logs:]
        return None, b"" if starved else reason

    def emit(self, address: str, event: Event, *values: Any) -> None:
        """Write a log of `event`."""
        topics, data = event.encode(*values)
        self.write_log(address, topics, data)

    def write_log(self, address: str, topics: tuple[str, ...], data: bytes) -> None:
        """Write a log that is encoded already."""
        self.meter.log(len(topics), len(data))
        self.logs.append(Log(address, topics, data))


class Entry(NamedTuple):
    """One function that a contract answers: `handler(execution, *arguments)` returns the results."""

    function: Function
    handler: Callable[..., tuple[Any, ...] | None]
    payable: bool


def method_name(function_name: str) -> str:
    """The Python method behind a contract function: limitBuyETH -> limit_buy_eth."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", function_name).lower()


class Contract:
    """Something at an address that answers calldata by its table of functions."""

    def __init__(self, address: str, functions: Mapping[str, Function], payable: tuple[str, ...] = ()) -> None:
        self.address = address
        self._entries = {function.selector: Entry(function, getattr(self, method_name(name)), name in payable)
                         for name, function in functions.items()}

    def code(self) -> bytes:
        """What `eth_getCode` shows; not the real bytecode, only not empty."""
        return CODE_MARKER

    def run(self, execution: Execution, data: bytes) -> bytes:
        """Answer a message: the return data. Raises Revert; an unknown selector or a malformed argument has no data."""
        execution.meter.spend(DISPATCH_GAS)
        if not data:
            self.receive(execution, execution.sender, execution.value)
            return b""
        entry = self._entries.get(data[:4])
        if entry is None or (execution.value and not entry.payable):
            raise Revert
        try:
            arguments = entry.function.decode(data)
        except AbiError:
            raise Revert from None
        results = entry.handler(execution, *arguments)
        return entry.function.encode_result(*(results or ()))

    receives_by_stipend = False  # whether a plain payment by another contract leaves enough gas to accept it

    def receive(self, execution: Execution, sender: str, value: int) -> None:
        """Native value sent without calldata (the balances are moved already); refused unless a contract takes it."""
        raise Revert
