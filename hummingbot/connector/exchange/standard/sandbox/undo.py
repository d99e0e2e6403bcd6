"""The indexer's journal: changes to its rows, block by block, so that a removed block can be taken back."""
from collections import OrderedDict, deque
from typing import TypeVar

from hummingbot.connector.exchange.standard.sandbox.state import Journal

Row = TypeVar("Row")


class BlockJournal(Journal):
    """A journal that remembers where each of the last `depth` blocks began. What is older is forgotten, so memory stays
    bounded."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self._depth = depth
        self._begins: OrderedDict[int, int] = OrderedDict()

    def begin(self, block: int) -> None:
        """What follows are the changes of that block."""
        self._begins[block] = self.checkpoint()
        if len(self._begins) > self._depth:
            self._begins.popitem(last=False)
            self.forget(next(iter(self._begins.values())))

    def undo(self, block: int) -> None:
        """Take back the changes of that block, which must be the newest one. Raises ValueError when it is not, or when
        it is too old to be remembered."""
        if not self._begins or next(reversed(self._begins)) != block:
            raise ValueError(f"block {block} cannot be taken back: it is not the newest of the last {self._depth}")
        self.rollback(self._begins.pop(block))

    def append(self, rows: deque[Row], row: Row) -> None:
        """`rows.append(row)`; a full deque loses its oldest row."""
        if len(rows) == rows.maxlen:
            self.note(rows.appendleft, rows[0])
        self.note(rows.pop)
        rows.append(row)
