"""Damaged copies of JSON texts: the structure is changed and written again, or the bytes are. All by one seeded chance."""
import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

# Values that `json` cannot write are written as markers first.
_MARK = "\u2603"

_NUMBERS: tuple[Any, ...] = (
    0, -0.0, -1, 1, 2, -1.5, 0.1, 1e-9, 1e-320, -1e-320, 1e22, 1.7e308, -1.7e308, float("nan"), float("inf"), float("-inf"),
    2 ** 31, -2 ** 31, 2 ** 32, 2 ** 53 + 1, 2 ** 63, 2 ** 64, 10 ** 30, 2 ** 256 - 1, 2 ** 256, 10 ** 78, 10 ** 400, -10 ** 400,
    f"{_MARK}1e400", f"{_MARK}-1e400", f"{_MARK}1e-400", f"{_MARK}00", f"{_MARK}1.", f"{_MARK}+1", f"{_MARK}0x10",
    f"{_MARK}" + "9" * 5000, f"{_MARK}1E+2", f"{_MARK}-")
_TEXTS: tuple[str, ...] = (
    "", " ", "0", "-0", "-1", "1", "00", "1.5", "-1.5", "NaN", "nan", "-nan", "inf", "Infinity", "-Infinity", "1e400", "1e-400",
    "1e5", "1_000", " 1 ", "+1", "1\n", "\u0661", "\u00b2", "\uff11", "0x", "0x0", "0x1", "-0x1", "0x-1", "0x_1", "0X1", "0xg",
    "0x1.8", "0x" + "f" * 64, "0x" + "f" * 65, "0x" + "0" * 64, "0x" + "0" * 40, "0x" + "F" * 40, "0x" + "\uff11" * 40, "9" * 78,
    "9" * 79, "9" * 5000, "\0", "\ud800", "\udcff", "\u202e", "\U0001f600", "\r\n", "a" * 10_000, "null", "true", "false",
    "latest", "None", "buy", "sell", "open", "canceled", "snapshot", "ping", "Hello", "%s%n{0}", "__class__")
_OTHERS: tuple[Any, ...] = (
    None, True, False, [], {}, [[]], [None], {"": None}, [0], ["0x"], {"id": 1}, f"{_MARK}" + "[" * 900 + "]" * 900,
    f"{_MARK}" + '{"a":' * 900 + "1" + "}" * 900, f"{_MARK}" + "[" * 20_000, f"{_MARK}" + "[" * 3_000 + "]" * 3_000,
    f"{_MARK}" + '{"data":' * 4_000 + "1" + "}" * 4_000, f"{_MARK}undefined", f"{_MARK}")
_INSERTED = ("\u0661", "\u00b2", "_", " ", "\0", "-", "g", "f", "0", "9", "\ud800")
_KEYS = ("", "\ud800", "id", "result", "error", "d", "type", "method")
_BYTES = (
    b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"{", b"}", b"[", b"]", b",", b":", b"-", b"e", b"E9",
    b".", b"\\", b"\\u", b"\\ud800", b"0", b"9", b"NaN", b"null", b"//", b"\n", b"\x1f")


class Mutator:
    """Damage by one source of chance; `others` are further texts of the same kind, to borrow from."""

    def __init__(self, chance: Random, others: list[bytes]) -> None:
        self._chance = chance
        self._others = others

    def mutated(self, text: bytes) -> bytes:
        """A damaged copy; now and then the text as it is."""
        kind = self._chance.random()
        if kind < 0.02:
            return text
        if kind < 0.12:
            return self.bytes_mutated(text)
        text = self._structure_mutated(text)
        return self.bytes_mutated(text) if kind > 0.93 else text

    # Structure

    def _structure_mutated(self, text: bytes) -> bytes:
        try:
            document = json.loads(text)
        except ValueError:
            return self.bytes_mutated(text)
        box = [document]
        for _ in range(self._times()):
            container, key = self._place(box)
            self._chance.choice(_OPERATIONS)(self, container, key)
        if not box:
            return b""
        written = json.dumps(box[0], separators=(",", ":"), ensure_ascii=self._chance.random() < 0.7)
        return _unmarked(written).encode("utf-8", "surrogatepass")

    def _times(self) -> int:
        times = 1
        while times < 6 and self._chance.random() < 0.3:
            times += 1
        return times

    def _place(self, box: list[Any]) -> tuple[Any, Any]:
        """Somewhere in the document: what holds it, and its key there."""
        container: Any = box
        key: Any = 0
        while container:
            inner = container[key]
            if not isinstance(inner, (dict, list)) or not inner or self._chance.random() < 0.08:
                break
            container = inner
            key = self._chance.choice(list(inner)) if isinstance(inner, dict) else self._chance.randrange(len(inner))
        return container, key

    def value(self) -> Any:
        """Any value at all."""
        kind = self._chance.random()
        if kind < 0.4:
            return self._chance.choice(_NUMBERS)
        if kind < 0.75:
            return self._chance.choice(_TEXTS)
        if kind < 0.97 or not self._others:
            return copy.deepcopy(self._chance.choice(_OTHERS))
        try:
            return json.loads(self._chance.choice(self._others))
        except ValueError:
            return None

    def replace(self, container: Any, key: Any) -> None:
        """Another value in its place."""
        if container:
            container[key] = self.value()

    def nudge(self, container: Any, key: Any) -> None:
        """The same value in another form, or a little off."""
        if not container:
            return
        value = container[key]
        if isinstance(value, bool) or value is None:
            container[key] = self._chance.choice((not value, str(value), int(bool(value))))
        elif isinstance(value, (int, float)):
            container[key] = self._chance.choice(_near(value))
        elif isinstance(value, str):
            container[key] = self._text_nudged(value)
        else:
            container[key] = self._chance.choice((str(value)[:200], len(value), list(value), None, {"0": value}, [value]))

    def _text_nudged(self, text: str) -> Any:
        at = self._chance.randrange(len(text) + 1)
        choice = self._chance.randrange(9)
        if choice == 0:
            return text[:at]
        if choice == 1:
            return text[:at] + self._chance.choice(_INSERTED) + text[at:]
        if choice == 2:
            return text[:at] + self._chance.choice("0123456789abcdefABCDEFxg-._ ") + text[at + 1:]
        if choice == 3:
            return self._chance.choice("-+ _0\n") + text
        if choice == 4:
            return text.swapcase()
        if choice == 5:
            return int(text) if text.isdecimal() and len(text) < 300 else [text]
        if choice == 6:
            return text + text[at:]
        return text[:2] + "-" + text[2:] if choice == 7 else {text: text}

    def drop(self, container: Any, key: Any) -> None:
        """Without it."""
        if container:
            del container[key]

    def repeat(self, container: Any, key: Any) -> None:
        """It comes twice, or very often."""
        if isinstance(container, list) and container:
            times = self._chance.choice((1, 1, 1, 2, 30))
            container[key:key] = [container[key]] * times
        elif isinstance(container, dict) and container:
            container[f"{_MARK}{key}"] = self.value()

    def rename(self, container: Any, key: Any) -> None:
        """The key is another one; in a list, the place."""
        if isinstance(container, dict) and container:
            name = self._chance.choice((key.upper(), key + "s", key[:-1], *_KEYS))
            container[name] = container.pop(key)
        elif container:
            other = self._chance.randrange(len(container))
            container[key], container[other] = container[other], container[key]

    def swap(self, container: Any, key: Any) -> None:
        """Two values change their places."""
        if container:
            keys = list(container) if isinstance(container, dict) else range(len(container))
            other = self._chance.choice(keys)
            container[key], container[other] = container[other], container[key]

    def wrap(self, container: Any, key: Any) -> None:
        """It is inside something."""
        if container:
            value = container[key]
            container[key] = self._chance.choice(([value], {"result": value}, {"d": value}, [[value]]))

    def cut(self, container: Any, key: Any) -> None:
        """What follows is missing, or something foreign follows."""
        if isinstance(container, list) and container:
            if self._chance.random() < 0.5:
                del container[key:]
            else:
                container.append(self.value())

    # Bytes

    def bytes_mutated(self, text: bytes) -> bytes:
        """Damage that knows nothing of JSON."""
        data = bytearray(text)
        for _ in range(self._times()):
            at = self._chance.randrange(len(data) + 1)
            choice = self._chance.randrange(7)
            if choice == 0:
                del data[at:]
            elif choice == 1:
                data[at:at] = self._chance.choice(_BYTES)
            elif choice == 2 and at < len(data):
                data[at] ^= 1 << self._chance.randrange(8)
            elif choice == 3:
                del data[at:at + self._chance.choice((1, 1, 2, 8, 50))]
            elif choice == 4:
                length = self._chance.choice((1, 4, 40, 200))
                data[at:at] = data[at:at + length]
            elif choice == 5 and at < len(data):
                data[at] = self._chance.randrange(256)
            elif self._others:
                other = self._chance.choice(self._others)
                start = self._chance.randrange(len(other) + 1)
                data[at:] = other[start:]
        return bytes(data)


def json_damage(text: bytes, chance: Random, others: list[bytes]) -> bytes:
    """A damaged copy of a JSON text."""
    return Mutator(chance, others).mutated(text)


def byte_damage(data: bytes, chance: Random, others: list[bytes]) -> bytes:
    """A damaged copy of any bytes."""
    return Mutator(chance, others).bytes_mutated(data)


def _near(value: Any) -> tuple[Any, ...]:
    """Numbers, and what is none, that are like a number."""
    if isinstance(value, int):
        return -value, value + 1, value - 1, str(value), value * 10 ** 18, [value], hex(value)
    return -value, value + 1, value - 1, str(value), value * 1e200, value * 1e-200, [value], 0


def _unmarked(text: str) -> str:
    """Markers become what they stand for: raw text for a value, a key that is there twice for a key."""
    for mark in ('"' + _MARK, '"\\u2603'):
        while (at := text.find(mark)) >= 0:
            end = at + len(mark)
            while text[end] != '"' or _is_escaped(text, end):
                end += 1
            inner = text[at + len(mark):end]
            is_key = text[end + 1:end + 2] == ":"
            text = text[:at] + (f'"{inner}"' if is_key else inner.replace('\\"', '"')) + text[end + 1:]
    return text


def _is_escaped(text: str, at: int) -> bool:
    backslashes = 0
    while text[at - backslashes - 1] == "\\":
        backslashes += 1
    return backslashes % 2 == 1


_OPERATIONS: tuple[Callable[[Mutator, Any, Any], None], ...] = (
    Mutator.replace, Mutator.replace, Mutator.replace, Mutator.replace, Mutator.nudge, Mutator.nudge, Mutator.nudge, Mutator.drop,
    Mutator.repeat, Mutator.rename, Mutator.swap, Mutator.wrap, Mutator.cut)
