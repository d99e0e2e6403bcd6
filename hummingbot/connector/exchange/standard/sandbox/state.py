"""The undo journal of the simulated chain: every mutation leaves its exact inverse, so that anything can be undone."""
from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Journal:
    """A log of inverse operations, newest last.

    A checkpoint is a position in it, counted from the beginning of the chain; positions stay valid when the oldest part
    of the log is dropped by `forget`.
    """

    __slots__ = ("_dropped", "_undo")

    def __init__(self) -> None:
        self._undo: list[tuple[Any, ...]] = []
        self._dropped = 0

    def __len__(self) -> int:
        """How many inverse operations are kept."""
        return len(self._undo)

    def checkpoint(self) -> int:
        """The present position."""
        return self._dropped + len(self._undo)

    def rollback(self, checkpoint: int) -> None:
        """Undo everything after `checkpoint`, newest first; raises ValueError when that part was forgotten."""
        if checkpoint < self._dropped:
            raise ValueError(f"checkpoint {checkpoint} is older than what is kept (from {self._dropped} on)")
        undo = self._undo
        keep = checkpoint - self._dropped
        while len(undo) > keep:
            inverse, *arguments = undo.pop()
            inverse(*arguments)

    def forget(self, checkpoint: int) -> None:
        """Drop the log before `checkpoint`: nothing older can be undone any more."""
        count = min(checkpoint - self._dropped, len(self._undo))
        if count > 0:
            del self._undo[:count]
            self._dropped += count

    def put(self, mapping: MutableMapping[Key, Value], key: Key, value: Value) -> None:
        """`mapping[key] = value`."""
        if key in mapping:
            self._undo.append((mapping.__setitem__, key, mapping[key]))
        else:
            self._undo.append((mapping.pop, key))
        mapping[key] = value

    def remove(self, mapping: MutableMapping[Key, Value], key: Key) -> Value:
        """`mapping.pop(key)`."""
        value = mapping.pop(key)
        self._undo.append((mapping.__setitem__, key, value))
        return value

    def insert(self, items: list[Value], index: int, value: Value) -> None:
        """`items.insert(index, value)`, `index` counted from the front."""
        items.insert(index, value)
        self._undo.append((items.pop, index))

    def pop(self, items: list[Value], index: int) -> Value:
        """`items.pop(index)`, `index` counted from the front."""
        value = items.pop(index)
        self._undo.append((items.insert, index, value))
        return value

    def assign(self, holder: object, name: str, value: object) -> None:
        """`holder.name = value`."""
        self._undo.append((setattr, holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    def note(self, inverse: Callable[..., Any], *arguments: Any) -> None:
        """Record the inverse of a mutation that the caller makes himself."""
        self._undo.append((inverse, *arguments))
