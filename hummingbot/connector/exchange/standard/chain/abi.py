"""The contract ABI, as far as the exchange needs it: words, tuples, arrays, bytes and strings.

Every trading call and event of the exchange is made of 32-byte words, so a few lines encode and decode them ten times
faster than a general library does. `eth_abi` is the oracle in the tests.

In Python an `address` is a lower-case "0x…" string, `uintN` an int, `bool` a bool, `bytes`/`bytesN` are bytes, a tuple
is a tuple and an array is a list. Decoding is strict, as the contract's own decoder is: dirty upper bits, a bool that
is neither 0 nor 1 and truncated data raise `AbiError`; trailing bytes are ignored. In one thing it is stricter: the
dynamic elements of an array may not overlap, so that a small answer of a bad node cannot unfold into gigabytes.
"""
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from struct import Struct
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.hashing import keccak

WORD = 32
_ALL_BITS = (1 << 256) - 1
_STRUCT_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class AbiError(ValueError):
    """The value does not fit the type, or the bytes are not an encoding of it."""


class Type(ABC):
    """An ABI type. `size` is the length in bytes of its part in the head; `dynamic` tells whether it has a tail."""

    name: str
    size = WORD
    dynamic = False

    @abstractmethod
    def encode(self, value: Any) -> bytes:
        """The encoding of `value`; raises AbiError when it does not fit."""

    @abstractmethod
    def decode(self, data: bytes, at: int) -> Any:
        """The value whose encoding starts at byte `at` of `data`; raises AbiError when there is none."""


class Static(Type):
    """A type without a tail.

    `layout` is how `struct` reads it, `unused` the bits that every encoding leaves zero, and `convert` makes the Python
    value of what was read (None: it is the value already).
    """

    layout: str
    unused: int
    convert: Callable[[Any], Any] | None = None

    @cached_property
    def _words(self) -> "Words":
        return Words((self,))

    def decode(self, data: bytes, at: int) -> Any:
        return self._words.decode(data, at)[0]


class Words:
    """A run of static values, decoded together: one mask proves that all of them are clean, one `struct` cuts them."""

    def __init__(self, members: Sequence[Static]) -> None:
        self.size = sum(member.size for member in members)
        self._struct = Struct(">" + "".join(member.layout for member in members))
        self._unused = 0
        for member in members:
            self._unused = self._unused << 8 * member.size | member.unused
        self._conversions = [(index, member.convert) for index, member in enumerate(members) if member.convert is not None]

    def decode(self, data: bytes, at: int) -> list[Any]:
        """The values that start at byte `at`; raises AbiError when the data end too soon or hold dirty bits."""
        words = data[at:at + self.size]
        if len(words) != self.size:
            raise AbiError(f"the data end inside the {self.size} bytes at byte {at}")
        dirty = int.from_bytes(words) & self._unused
        if dirty:
            word = (8 * self.size - dirty.bit_length()) // 256 * WORD
            raise AbiError(f"0x{words[word:word + WORD].hex()} at byte {at + word} does not fit its type")
        values = list(self._struct.unpack(words))
        for index, convert in self._conversions:
            values[index] = convert(values[index])
        return values


class Uint(Static):
    """`uintN`: a non-negative int below 2**N."""

    def __init__(self, bits: int) -> None:
        length = bits // 8
        self.name = f"uint{bits}"
        self._limit = 1 << bits
        self.layout = f"{WORD - length}x" + _STRUCT_CODES.get(length, f"{length}s")
        self.unused = _ALL_BITS ^ (self._limit - 1)
        self.convert = None if length in _STRUCT_CODES else int.from_bytes

    def encode(self, value: int) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < self._limit:
            raise AbiError(f"{value!r} is not a {self.name}")
        return value.to_bytes(WORD, "big")


class Bool(Static):
    """`bool`."""

    name = "bool"
    layout = "31x?"
    unused = _ALL_BITS ^ 1

    def encode(self, value: bool) -> bytes:
        if not isinstance(value, bool):
            raise AbiError(f"{value!r} is not a bool")
        return value.to_bytes(WORD, "big")


class Address(Static):
    """`address`: "0x" and 40 hexadecimal digits, any case in, lower case out."""

    name = "address"
    layout = "12x20s"
    unused = _ALL_BITS ^ ((1 << 160) - 1)

    @staticmethod
    def convert(raw: bytes) -> str:
        return "0x" + raw.hex()

    def encode(self, value: str) -> bytes:
        if isinstance(value, str) and len(value) == 42 and value[:2] == "0x":
            try:
                raw = bytes.fromhex(value[2:])
            except ValueError:
                raw = b""
            if len(raw) == 20:  # fromhex() skips blanks
                return raw.rjust(WORD, b"\0")
        raise AbiError(f"{value!r} is not an address")


class FixedBytes(Static):
    """`bytesN`, right-padded with zeros."""

    def __init__(self, length: int) -> None:
        self.name = f"bytes{length}"
        self._length = length
        self.layout = f"{length}s{WORD - length}x"
        self.unused = (1 << 8 * (WORD - length)) - 1

    def encode(self, value: bytes) -> bytes:
        if not isinstance(value, bytes) or len(value) != self._length:
            raise AbiError(f"{value!r} is not a {self.name}")
        return value.ljust(WORD, b"\0")


_LENGTH = Words((Uint(256),))


def _length(data: bytes, at: int) -> int:
    length: int = _LENGTH.decode(data, at)[0]
    return length


class Bytes(Type):
    """`bytes`: a length word and the bytes, padded to whole words."""

    name = "bytes"
    dynamic = True

    def encode(self, value: bytes) -> bytes:
        if not isinstance(value, bytes):
            raise AbiError(f"{value!r} is not {self.name}")
        return len(value).to_bytes(WORD, "big") + value.ljust(-(-len(value) // WORD) * WORD, b"\0")

    def decode(self, data: bytes, at: int) -> bytes:
        length = _length(data, at)
        value = data[at + WORD:at + WORD + length]
        if len(value) != length:
            raise AbiError(f"the data end inside the {length} bytes at byte {at}")
        return value


class String(Bytes):
    """`string`: UTF-8 text; bytes that are not UTF-8 are replaced when decoding, as a foreign token may hold any."""

    name = "string"

    def encode(self, value: str) -> bytes:  # type: ignore[override]
        try:
            return super().encode(value.encode())
        except (AttributeError, UnicodeEncodeError):
            raise AbiError(f"{value!r} is not a string") from None

    def decode(self, data: bytes, at: int) -> str:  # type: ignore[override]
        return super().decode(data, at).decode(errors="replace")


class Tuple(Static):
    """`(type,…)`: heads, then tails; offsets count from the tuple's own start. Without tails it is read at one go."""

    def __init__(self, members: Sequence[Type]) -> None:
        self.members = tuple(members)
        self.name = "(" + ",".join(member.name for member in members) + ")"
        self.dynamic = any(member.dynamic for member in members)
        if not self.dynamic:
            self.size = sum(member.size for member in members)
            self.layout, self.unused, self.convert = f"{self.size}s", 0, lambda raw: self.decode(raw, 0)

    @cached_property
    def _words(self) -> Words:
        return Words([member for member in self.members if isinstance(member, Static)])

    def encode(self, value: Sequence[Any]) -> bytes:
        if not isinstance(value, (tuple, list)) or len(value) != len(self.members):
            raise AbiError(f"{value!r} is not a {self.name}")
        if not self.dynamic:
            return b"".join([member.encode(item) for member, item in zip(self.members, value)])
        return _encode_sequence(self.members, value)

    def decode(self, data: bytes, at: int) -> tuple[Any, ...]:
        return tuple(_decode_members(self.members, data, at) if self.dynamic else self._words.decode(data, at))


class Array(Type):
    """`type[]`: a length word and the elements."""

    dynamic = True

    def __init__(self, element: Type) -> None:
        if element.size == 0:
            raise AbiError("an array of nothing has no length")
        self.element = element
        self.name = element.name + "[]"

    def encode(self, value: Sequence[Any]) -> bytes:
        if not isinstance(value, (tuple, list)):
            raise AbiError(f"{value!r} is not a {self.name}")
        return len(value).to_bytes(WORD, "big") + _encode_sequence([self.element] * len(value), value)

    def decode(self, data: bytes, at: int) -> list[Any]:
        length, start = _length(data, at), at + WORD
        if length * self.element.size > len(data) - start:
            raise AbiError(f"an array of {length} {self.element.name} does not fit its data")
        if self.element.dynamic:
            return list(self._decode_tails(data[start:], length))
        return [self.element.decode(data, start + index * self.element.size) for index in range(length)]

    def _decode_tails(self, data: bytes, length: int) -> Iterator[Any]:
        """Each element sees only the bytes up to the next one's offset."""
        offsets = [_length(data, index * WORD) for index in range(length)]
        for offset, end in zip(offsets, [*offsets[1:], len(data)]):
            if offset > end:
                raise AbiError(f"the elements of {self.name} are out of order")
            yield self.element.decode(data[offset:end], 0)


def _encode_sequence(types: Sequence[Type], values: Sequence[Any]) -> bytes:
    heads, tails = [], []
    tail_at = sum(member.size for member in types)
    for member, value in zip(types, values):
        encoded = member.encode(value)
        if member.dynamic:
            heads.append(tail_at.to_bytes(WORD, "big"))
            tails.append(encoded)
            tail_at += len(encoded)
        else:
            heads.append(encoded)
    return b"".join(heads + tails)


def _decode_members(members: Sequence[Type], data: bytes, start: int) -> Iterator[Any]:
    at = start
    for member in members:
        if member.dynamic:
            offset = _length(data, at)
            if offset > len(data):
                raise AbiError(f"the offset {offset} points behind the data")
            yield member.decode(data, start + offset)
        else:
            yield member.decode(data, at)
        at += member.size


class Parameter(NamedTuple):
    """A named argument or result."""

    type: Type
    name: str
    indexed: bool = False


_TOKEN = re.compile(r"\s*([(),]|\[\]|[A-Za-z_]\w*|\S)")
_WIDTH = re.compile(r"(uint|bytes)([1-9]\d{0,2})")


@cache
def _elementary(name: str) -> Type:
    width = _WIDTH.fullmatch(name)
    if width is not None and width[1] == "uint" and int(width[2]) in range(8, 257, 8):
        return Uint(int(width[2]))
    if width is not None and width[1] == "bytes" and int(width[2]) <= WORD:
        return FixedBytes(int(width[2]))
    types: dict[str, type[Type]] = {"bool": Bool, "address": Address, "bytes": Bytes, "string": String}
    if name not in types:
        raise AbiError(f"unknown type {name!r}")
    return types[name]()


def parse_lists(text: str) -> list[tuple[Parameter, ...]]:
    """The parameter lists written as Solidity writes them: "(address pair,(uint256 a,bool b)[] items)(uint256 sum)".

    Raises AbiError when the text is anything else.
    """
    tokens, lists, at = _TOKEN.findall(text), [], 0
    try:
        while at < len(tokens):
            parameters, at = _parse_list(tokens, at)
            lists.append(parameters)
    except IndexError:
        raise AbiError(f"{text!r} ends too soon") from None
    return lists


def _parse_list(tokens: Sequence[str], at: int) -> tuple[tuple[Parameter, ...], int]:
    parameters: list[Parameter] = []
    if tokens[at] != "(":
        raise AbiError(f"{tokens[at]!r} where a list should open")
    at += 1
    while tokens[at] != ")":
        kind: Type
        if tokens[at] == "(":
            members, at = _parse_list(tokens, at)
            kind = Tuple([member.type for member in members])
        else:
            kind, at = _elementary(tokens[at]), at + 1
        while tokens[at] == "[]":
            kind, at = Array(kind), at + 1
        words = []
        while tokens[at] not in (",", ")"):
            words.append(tokens[at])
            at += 1
        if not all(word.isidentifier() for word in words):
            raise AbiError(f"{' '.join(words)!r} is not the name of a parameter")
        parameters.append(Parameter(kind, words[-1] if words else "", "indexed" in words))
        if tokens[at] == ",":
            at += 1
    return tuple(parameters), at + 1


class Function:
    """One function of a contract, from its signature: "name(inputs)" or "name(inputs)(outputs)"."""

    def __init__(self, declaration: str) -> None:
        self.name, rest = declaration.split("(", 1)
        self.inputs, self.outputs = [*parse_lists("(" + rest), ()][:2]
        self._arguments = Tuple([parameter.type for parameter in self.inputs])
        self._results = Tuple([parameter.type for parameter in self.outputs])
        self.signature = self.name + self._arguments.name
        self.selector = keccak(self.signature.encode())[:4]

    def __repr__(self) -> str:
        return f"<Function {self.signature}>"

    def encode(self, *arguments: Any) -> bytes:
        """Calldata: the selector and the arguments."""
        return self.selector + self._arguments.encode(arguments)

    def decode(self, calldata: bytes) -> tuple[Any, ...]:
        """The arguments of calldata that begins with this function's selector."""
        if calldata[:4] != self.selector:
            raise AbiError(f"0x{calldata[:4].hex()} is not the selector of {self.signature}")
        return self._arguments.decode(calldata[4:], 0)

    def encode_result(self, *results: Any) -> bytes:
        """Return data."""
        return self._results.encode(results)

    def decode_result(self, data: bytes) -> tuple[Any, ...]:
        """The results in return data; raises AbiError for the empty answer of an address without code."""
        return self._results.decode(data, 0)


class Event:
    """One event of a contract, from its signature: "Name(address pair,address indexed owner)"."""

    def __init__(self, declaration: str) -> None:
        self.name, rest = declaration.split("(", 1)
        self.parameters, = parse_lists("(" + rest)
        self.signature = self.name + Tuple([parameter.type for parameter in self.parameters]).name
        self.topic = "0x" + keccak(self.signature.encode()).hex()
        self._indexed = [parameter.type for parameter in self.parameters if parameter.indexed]
        self._data = Tuple([parameter.type for parameter in self.parameters if not parameter.indexed])
        self._flat = None if self._indexed or self._data.dynamic else Words(list(_flat(self._data)))
        if any(member.dynamic for member in self._indexed):
            raise AbiError(f"{self.signature}: only the hash of an indexed dynamic value is in a log")

    def __repr__(self) -> str:
        return f"<Event {self.signature}>"

    def encode(self, *values: Any) -> tuple[tuple[str, ...], bytes]:
        """Topics (lower-case hex) and data of a log with these values, given in the order of the declaration."""
        if len(values) != len(self.parameters):
            raise AbiError(f"{len(values)} values for the {len(self.parameters)} of {self.signature}")
        indexed = [value for parameter, value in zip(self.parameters, values) if parameter.indexed]
        others = [value for parameter, value in zip(self.parameters, values) if not parameter.indexed]
        topics = ["0x" + member.encode(value).hex() for member, value in zip(self._indexed, indexed)]
        return (self.topic, *topics), self._data.encode(others)

    def decode(self, topics: Sequence[str], data: bytes) -> tuple[Any, ...]:
        """The values in the order of the declaration; raises AbiError when the log is not one of this event."""
        if len(topics) != len(self._indexed) + 1 or topics[0] != self.topic:
            raise AbiError(f"the topics {list(topics)} are not those of {self.signature}")
        if not self._indexed:
            return self._data.decode(data, 0)
        indexed = iter([member.decode(_topic_word(topic), 0) for member, topic in zip(self._indexed, topics[1:])])
        others = iter(self._data.decode(data, 0))
        return tuple([next(indexed if parameter.indexed else others) for parameter in self.parameters])

    def values(self, topics: Sequence[str], data: bytes) -> Sequence[Any]:
        """As `decode`, but where all values are static data, the members of a tuple stand in its place."""
        if self._flat is None:
            return self.decode(topics, data)
        if len(topics) != 1 or topics[0] != self.topic:
            raise AbiError(f"the topics {list(topics)} are not those of {self.signature}")
        return self._flat.decode(data, 0)


def _flat(kind: Static) -> Iterator[Static]:
    if isinstance(kind, Tuple):
        for member in kind.members:
            assert isinstance(member, Static)
            yield from _flat(member)
    else:
        yield kind


def _topic_word(topic: str) -> bytes:
    try:
        word = bytes.fromhex(topic[2:])
    except ValueError:
        word = b""
    if len(word) != WORD or topic[:2] != "0x":
        raise AbiError(f"{topic!r} is not a topic")
    return word


class Error(Function):
    """One custom error of a contract: encoded and decoded like a call, the selector first."""

    def __repr__(self) -> str:
        return f"<Error {self.signature}>"
