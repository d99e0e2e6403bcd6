"""A journal of changes to plain containers, so that the indexer can take back a removed block."""
from collections import OrderedDict, deque
from collections.abc import MutableMapping
from typing import Any

_MISSING = object()


class UndoJournal:
    """Writes into mappings and bounded deques and remembers, block by block, how to take the writes back.

    Only the last `depth` blocks can be taken back; what is older is forgotten, so memory stays bounded.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._blocks: OrderedDict[int, list[tuple[Any, Any, Any]]] = OrderedDict()
        self._entries: list[tuple[Any, Any, Any]] = []

    def begin(self, block: int) -> None:
        """Record what follows as the changes of that block."""
        self._entries = self._blocks[block] = []
        while len(self._blocks) > self._depth:
            self._blocks.popitem(last=False)

    def put(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """mapping[key] = value."""
        self._entries.append((mapping, key, mapping.get(key, _MISSING)))
        mapping[key] = value

    def drop(self, mapping: MutableMapping[Any, Any], key: Any) -> None:
        """Delete mapping[key], which must exist."""
        self._entries.append((mapping, key, mapping.pop(key)))

    def append(self, rows: deque[Any], row: Any) -> None:
        """rows.append(row); a full deque loses its oldest row."""
        evicted = rows[0] if rows.maxlen is not None and len(rows) == rows.maxlen else _MISSING
        self._entries.append((rows, None, evicted))
        rows.append(row)

    def undo(self, block: int) -> None:
        """Take back the changes of that block, which must be the newest one. Raises ValueError when it is not, or when
        it is too old to be remembered."""
        if not self._blocks or next(reversed(self._blocks)) != block:
            raise ValueError(f"block {block} cannot be taken back: it is not the newest of the last {self._depth}")
        for container, key, old in reversed(self._blocks.pop(block)):
            if isinstance(container, deque):
                container.pop()
                if old is not _MISSING:
                    container.appendleft(old)
            elif old is _MISSING:
                container.pop(key, None)
            else:
                container[key] = old
        self._entries = self._blocks[next(reversed(self._blocks))] if self._blocks else []
