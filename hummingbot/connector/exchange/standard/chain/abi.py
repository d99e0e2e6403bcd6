"""The contract ABI, as far as the exchange needs it: words, static tuples, arrays, strings.

Every trading call and event of the exchange is made of 32-byte words, so a few lines encode and decode them ten times
faster than a general library does. `eth_abi` is the oracle in the tests.

In Python an `address` is a lower-case "0x…" string, `uintN` an int, `bool` a bool, `bytes`/`bytesN` are bytes, a tuple
is a tuple and an array is a list. Decoding is strict, as the contract's own decoder is: dirty upper bits, a bool that
is neither 0 nor 1 and truncated data raise `AbiError`; trailing bytes are ignored.
"""
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from eth_hash.auto import keccak

WORD = 32
_ZERO_12 = bytes(12)


class AbiError(ValueError):
    """The value does not fit the type, or the bytes are not an encoding of it."""


class Type:
    """An ABI type. `size` is the length in bytes of its part in the head; `dynamic` tells whether it has a tail."""

    name: str
    size = WORD
    dynamic = False

    def encode(self, value: Any) -> bytes:
        """The encoding of `value`; raises AbiError when it does not fit."""
        raise NotImplementedError

    def decode(self, data: bytes, at: int) -> Any:
        """The value whose encoding starts at byte `at` of `data`; raises AbiError when there is none."""
        raise NotImplementedError


def _word(data: bytes, at: int) -> bytes:
    word = data[at:at + WORD]
    if len(word) != WORD:
        raise AbiError(f"data ends inside the word at byte {at}")
    return word


class Uint(Type):
    """`uintN`: a non-negative int below 2**N."""

    def __init__(self, bits: int) -> None:
        self.name = f"uint{bits}"
        self._limit = 1 << bits

    def encode(self, value: int) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < self._limit:
            raise AbiError(f"{value!r} is not a {self.name}")
        return value.to_bytes(WORD, "big")

    def decode(self, data: bytes, at: int) -> int:
        value = int.from_bytes(_word(data, at), "big")
        if value >= self._limit:
            raise AbiError(f"{value} is not a {self.name}")
        return value


class Bool(Type):
    """`bool`."""

    name = "bool"

    def encode(self, value: bool) -> bytes:
        if not isinstance(value, bool):
            raise AbiError(f"{value!r} is not a bool")
        return value.to_bytes(WORD, "big")

    def decode(self, data: bytes, at: int) -> bool:
        value = int.from_bytes(_word(data, at), "big")
        if value > 1:
            raise AbiError(f"{value} is not a bool")
        return value == 1


class Address(Type):
    """`address`: "0x" and 40 hexadecimal digits, any case in, lower case out."""

    name = "address"

    def encode(self, value: str) -> bytes:
        if not isinstance(value, str) or len(value) != 42 or value[:2] != "0x":
            raise AbiError(f"{value!r} is not an address")
        try:
            return _ZERO_12 + bytes.fromhex(value[2:])
        except ValueError:
            raise AbiError(f"{value!r} is not an address") from None

    def decode(self, data: bytes, at: int) -> str:
        word = _word(data, at)
        if word[:12] != _ZERO_12:
            raise AbiError(f"0x{word.hex()} is not an address")
        return "0x" + word[12:].hex()


class FixedBytes(Type):
    """`bytesN`, right-padded with zeros."""

    def __init__(self, length: int) -> None:
        self.name = f"bytes{length}"
        self._length = length

    def encode(self, value: bytes) -> bytes:
        if len(value) != self._length:
            raise AbiError(f"{len(value)} bytes are not a {self.name}")
        return value.ljust(WORD, b"\0")

    def decode(self, data: bytes, at: int) -> bytes:
        word = _word(data, at)
        if any(word[self._length:]):
            raise AbiError(f"0x{word.hex()} is not a {self.name}")
        return word[:self._length]


class Bytes(Type):
    """`bytes`: a length word and the bytes, padded to whole words."""

    name = "bytes"
    dynamic = True

    def encode(self, value: bytes) -> bytes:
        return len(value).to_bytes(WORD, "big") + value.ljust(-(-len(value) // WORD) * WORD, b"\0")

    def decode(self, data: bytes, at: int) -> bytes:
        length = int.from_bytes(_word(data, at), "big")
        value = data[at + WORD:at + WORD + length]
        if len(value) != length:
            raise AbiError(f"data ends inside the {length} bytes at byte {at}")
        return value


class String(Bytes):
    """`string`: UTF-8 text; bytes that are not UTF-8 are replaced when decoding, as a foreign token may hold any."""

    name = "string"

    def encode(self, value: str) -> bytes:  # type: ignore[override]
        return super().encode(value.encode())

    def decode(self, data: bytes, at: int) -> str:  # type: ignore[override]
        return super().decode(data, at).decode(errors="replace")


class Tuple(Type):
    """`(type,…)`: heads, then tails; offsets count from the tuple's own start."""

    def __init__(self, members: Sequence[Type]) -> None:
        self.members = tuple(members)
        self.name = "(" + ",".join(member.name for member in members) + ")"
        self.dynamic = any(member.dynamic for member in members)
        self._head_size = sum(member.size for member in members)
        self.size = WORD if self.dynamic else self._head_size

    def encode(self, value: Sequence[Any]) -> bytes:
        if len(value) != len(self.members):
            raise AbiError(f"{len(value)} values for the {len(self.members)} of {self.name}")
        if not self.dynamic:
            return b"".join([member.encode(item) for member, item in zip(self.members, value)])
        return _encode_sequence(self.members, value)

    def decode(self, data: bytes, at: int) -> tuple[Any, ...]:
        return tuple(_decode_sequence(self.members, data, at))


class Array(Type):
    """`type[]`: a length word and the elements."""

    dynamic = True

    def __init__(self, element: Type) -> None:
        self.element = element
        self.name = element.name + "[]"

    def encode(self, value: Sequence[Any]) -> bytes:
        return len(value).to_bytes(WORD, "big") + _encode_sequence([self.element] * len(value), value)

    def decode(self, data: bytes, at: int) -> list[Any]:
        length = int.from_bytes(_word(data, at), "big")
        if length * self.element.size > len(data) - at:
            raise AbiError(f"an array of {length} {self.element.name} does not fit its data")
        return list(_decode_sequence([self.element] * length, data, at + WORD))


def _encode_sequence(types: Sequence[Type], values: Iterable[Any]) -> bytes:
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


def _decode_sequence(types: Sequence[Type], data: bytes, start: int) -> Iterable[Any]:
    at = start
    for member in types:
        if member.dynamic:
            offset = int.from_bytes(_word(data, at), "big")
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


_TOKEN = re.compile(r"\s*([(),]|\[\]|[A-Za-z_]\w*)")


@lru_cache(maxsize=None)
def _elementary(name: str) -> Type:
    if name.startswith("uint"):
        return Uint(int(name[4:] or 256))
    if name.startswith("bytes") and name != "bytes":
        return FixedBytes(int(name[5:]))
    types = {"bool": Bool, "address": Address, "bytes": Bytes, "string": String}
    if name not in types:
        raise AbiError(f"unknown type {name!r}")
    return types[name]()


def parse_parameters(text: str) -> tuple[Parameter, ...]:
    """The parameters written as Solidity writes them: "(address pair,(uint256 a,bool b)[] items,address indexed owner)"."""
    tokens = _TOKEN.findall(text)
    parameters, end = _parse_list(tokens, 0)
    if end != len(tokens):
        raise AbiError(f"cannot parse {text!r}")
    return parameters


def _parse_list(tokens: Sequence[str], at: int) -> tuple[tuple[Parameter, ...], int]:
    parameters: list[Parameter] = []
    at += 1  # the opening parenthesis
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
        parameters.append(Parameter(kind, words[-1] if words else "", "indexed" in words))
        if tokens[at] == ",":
            at += 1
    return tuple(parameters), at + 1


class Function:
    """One function of a contract, from its signature: "name(inputs)" or "name(inputs)(outputs)"."""

    def __init__(self, declaration: str) -> None:
        self.name, rest = declaration.split("(", 1)
        depth = 1
        for end, character in enumerate(rest):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0:
                break
        self.inputs = parse_parameters("(" + rest[:end + 1])
        self.outputs = parse_parameters(rest[end + 1:]) if rest[end + 1:] else ()
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
        self.parameters = parse_parameters("(" + rest)
        self.signature = self.name + Tuple([parameter.type for parameter in self.parameters]).name
        self.topic = "0x" + keccak(self.signature.encode()).hex()
        self._indexed = [parameter.type for parameter in self.parameters if parameter.indexed]
        self._data = Tuple([parameter.type for parameter in self.parameters if not parameter.indexed])

    def __repr__(self) -> str:
        return f"<Event {self.signature}>"

    def encode(self, *values: Any) -> tuple[tuple[str, ...], bytes]:
        """Topics (lower-case hex) and data of a log with these values, given in the order of the declaration."""
        indexed = [value for parameter, value in zip(self.parameters, values) if parameter.indexed]
        others = [value for parameter, value in zip(self.parameters, values) if not parameter.indexed]
        topics = ["0x" + member.encode(value).hex() for member, value in zip(self._indexed, indexed)]
        return (self.topic, *topics), self._data.encode(others)

    def decode(self, topics: Sequence[str], data: bytes) -> tuple[Any, ...]:
        """The values in the order of the declaration; raises AbiError when the log is not one of this event."""
        if len(topics) != len(self._indexed) + 1 or topics[0] != self.topic:
            raise AbiError(f"the topics {list(topics)} are not those of {self.signature}")
        indexed = iter([member.decode(bytes.fromhex(topic[2:]), 0) for member, topic in zip(self._indexed, topics[1:])])
        others = iter(self._data.decode(data, 0))
        return tuple([next(indexed if parameter.indexed else others) for parameter in self.parameters])


class Error(Function):
    """One custom error of a contract: encoded and decoded like a call, the selector first."""

    def __repr__(self) -> str:
        return f"<Error {self.signature}>"
