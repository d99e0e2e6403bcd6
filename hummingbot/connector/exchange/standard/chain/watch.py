"""Mined transactions that a reorganisation of the chain may still take back (docs/protocol.md, "Following a transaction")."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.nonces import Slot
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Block, Receipt, receipt


@dataclass(eq=False)
class Mined:
    """A transaction in a block, with the slot that it was mined from."""

    slot: Slot
    tracked: Tracked
    receipt: Receipt


class Watch:
    """The mined transactions of the newest `blocks` blocks; 0 watches none. `on_replaced` gets each that lost its block.

    Only another block in the place of the receipt's block is a proof: a node that does not show a receipt, since it lags
    or has not indexed it, says nothing.
    """

    def __init__(self, rpc: RpcClient, blocks: int, on_replaced: Callable[[Mined], None]) -> None:
        self._rpc = rpc
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

    async def look(self, entries: Sequence[Mined], answers: Sequence[Any], head: int) -> None:
        """Compare the receipts that a node with this head gives now. Raises ApiUnavailableError or RpcError."""
        blocks: dict[int, Block | None] = {}
        for entry, answer in zip(entries, answers):
            known = entry.receipt
            if not _is_in(answer, known.block_hash):
                if known.block_number not in blocks:
                    blocks[known.block_number] = await self._rpc.get_block(known.block_number)
                block = blocks[known.block_number]
                if block is not None and block.hash != known.block_hash and entry in self.entries:
                    self.entries.remove(entry)
                    self._on_replaced(entry)
            elif head - known.block_number >= self._blocks and entry in self.entries:  # another look may have been faster
                self.entries.remove(entry)


def _is_in(answer: Any, block_hash: str) -> bool:
    """Whether a receipt says that it is in this block. Nothing else of it is of interest, and most of them say so."""
    if isinstance(answer, dict) and answer.get("blockHash") == block_hash:
        return True
    found = receipt(answer)
    return found is not None and found.block_hash == block_hash
