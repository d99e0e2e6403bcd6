"""Mined transactions that a reorganisation of the chain may still take back (docs/protocol.md, "Following a transaction")."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.nonces import Slot
from hummingbot.connector.exchange.standard.chain.rpc_values import Block, Receipt


@dataclass(eq=False)
class Mined:
    """A transaction in a block, with the slot that it was mined from."""

    slot: Slot
    tracked: Tracked
    receipt: Receipt


class Watch:
    """The mined transactions of the newest `blocks` blocks; 0 watches none. `on_replaced` gets each that lost its block.

    Only another block in the place of the receipt's block is a proof: a node that lags and has none there says nothing.
    """

    def __init__(self, blocks: int, on_replaced: Callable[[Mined], None]) -> None:
        self._blocks = blocks
        self._on_replaced = on_replaced
        self.entries: list[Mined] = []

    def add(self, entry: Mined) -> None:
        """Watch a transaction from now on."""
        if self._blocks > 0:
            self.entries.append(entry)

    @property
    def oldest(self) -> int | None:
        """The block of the oldest one."""
        return min((entry.receipt.block_number for entry in self.entries), default=None)

    def clear(self) -> None:
        """Watch nothing any more."""
        self.entries.clear()

    def look(self, entries: Sequence[Mined], blocks: Mapping[int, Block | None], head: int) -> None:
        """Compare entries with the blocks that a node with this head has in their places, asked for since they were added."""
        for entry in entries:
            known, block = entry.receipt, blocks[entry.receipt.block_number]
            if block is None or entry not in self.entries:  # another look may have been faster
                continue
            if block.hash != known.block_hash:
                self.entries.remove(entry)
                self._on_replaced(entry)
            elif head - known.block_number >= self._blocks:
                self.entries.remove(entry)
