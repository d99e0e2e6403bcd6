"""Mined blocks, their receipts and logs, and the bounded history in which they are found again."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction
from hummingbot.connector.exchange.standard.sandbox.world import Log

ZERO_HASH = "0x" + "00" * 32


@dataclass(slots=True, eq=False)
class Receipt:
    """What became of a transaction. `gas_price` is what it paid for one gas, in wei; `return_data` (the revert data of
    a failed one) is not part of a node's answers, it is kept for tests and the replay."""

    transaction: Transaction
    block_number: int
    block_hash: str
    timestamp: int
    index: int
    first_log_index: int
    success: bool
    gas_used: int
    cumulative_gas_used: int
    gas_price: int
    logs: tuple[Log, ...]
    return_data: bytes


class BlockLog(NamedTuple):
    """A log in its place in a block."""

    receipt: Receipt
    position: int
    log: Log


@dataclass(slots=True, eq=False)
class MinedBlock:
    """A block. `mined_at` is the monotonic time when this node had it, `undo` and `done` are the world's checkpoints before
    and after it (None when it can no longer be undone, and for the first block)."""

    number: int
    timestamp: int
    hash: str
    parent_hash: str
    base_fee: int
    gas_limit: int
    gas_used: int
    receipts: tuple[Receipt, ...]
    mined_at: float
    undo: int | None
    addresses: frozenset[str] = field(default_factory=frozenset)
    done: int | None = None
    _logs: tuple[BlockLog, ...] | None = None

    def logs(self) -> tuple[BlockLog, ...]:
        """All logs in order."""
        if self._logs is None:
            self._logs = tuple([BlockLog(receipt, receipt.first_log_index + offset, log)
                                for receipt in self.receipts for offset, log in enumerate(receipt.logs)])
        return self._logs


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs somebody wants: any of `addresses` (all when empty) and, per topic position, any of the given topics
    (all when the position is empty)."""

    addresses: frozenset[str] = frozenset()
    topics: tuple[frozenset[str], ...] = ()

    def matches(self, log: Log) -> bool:
        """Whether the log is wanted."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, log.topics))

    def select(self, block: MinedBlock) -> Iterator[BlockLog]:
        """The wanted logs of a block, in order."""
        if not self.addresses or not self.addresses.isdisjoint(block.addresses):
            for entry in block.logs():
                if self.matches(entry.log):
                    yield entry


class Executed(NamedTuple):
    """A transaction that ran, before its block is sealed."""

    transaction: Transaction
    success: bool
    gas_used: int
    gas_price: int
    logs: tuple[Log, ...]
    return_data: bytes


class Header(NamedTuple):
    """What is decided about a block before its transactions run."""

    number: int
    timestamp: int
    base_fee: int
    gas_limit: int


def seal(header: Header, parent_hash: str, executed: Sequence[Executed], *, mined_at: float, undo: int | None,
         salt: int) -> MinedBlock:
    """The block made of these transactions. `salt` tells blocks of different branches with equal contents apart."""
    preimage = [parent_hash.encode(), b"%d %d %d %d" % (header.number, header.timestamp, header.base_fee, salt)]
    preimage.extend(item.transaction.hash.encode() for item in executed)
    block_hash = "0x" + keccak(b" ".join(preimage)).hex()
    receipts = []
    gas, first_log = 0, 0
    addresses = set()
    for index, item in enumerate(executed):
        gas += item.gas_used
        receipts.append(Receipt(item.transaction, header.number, block_hash, header.timestamp, index, first_log, item.success,
                                item.gas_used, gas, item.gas_price, item.logs, item.return_data))
        first_log += len(item.logs)
        addresses.update([log.address for log in item.logs])
    return MinedBlock(header.number, header.timestamp, block_hash, parent_hash, header.base_fee, header.gas_limit, gas,
                      tuple(receipts), mined_at, undo, frozenset(addresses))


class History:
    """The newest blocks, at most `limit` of them, by number and hash, and their receipts by transaction hash."""

    def __init__(self, genesis: MinedBlock, limit: int) -> None:
        self._limit = max(limit, 1)
        self._blocks: dict[int, MinedBlock] = {genesis.number: genesis}
        self._by_hash: dict[str, MinedBlock] = {genesis.hash: genesis}
        self._receipts: dict[str, Receipt] = {}
        self.head = genesis
        self.oldest_number = self.genesis_number = genesis.number

    def append(self, block: MinedBlock) -> None:
        """Add the block after the head; the oldest one goes when there are too many."""
        self.head = self._blocks[block.number] = self._by_hash[block.hash] = block
        for receipt in block.receipts:
            self._receipts[receipt.transaction.hash] = receipt
        if len(self._blocks) > self._limit:
            self._forget(self._blocks[self.oldest_number])
            self.oldest_number += 1

    def pop(self) -> MinedBlock:
        """Take the head away and return it; ValueError when no older block is known."""
        block = self.head
        if block.number == self.oldest_number:
            raise ValueError("no older block is left")
        self._forget(block)
        self.head = self._blocks[block.number - 1]
        return block

    def _forget(self, block: MinedBlock) -> None:
        del self._blocks[block.number], self._by_hash[block.hash]
        for receipt in block.receipts:
            if self._receipts.get(receipt.transaction.hash) is receipt:
                del self._receipts[receipt.transaction.hash]

    def by_number(self, number: int) -> MinedBlock | None:
        """The block with this number, when it is known."""
        return self._blocks.get(number)

    def by_hash(self, block_hash: str) -> MinedBlock | None:
        """The block with this hash, when it is known and on the present branch."""
        return self._by_hash.get(block_hash)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The receipt of a mined transaction."""
        return self._receipts.get(transaction_hash)

    def range(self, first: int, last: int) -> Iterator[MinedBlock]:
        """The known blocks from `first` to `last`, both included."""
        for number in range(max(first, self.oldest_number), min(last, self.head.number) + 1):
            yield self._blocks[number]

    def used_nonces(self, sender: str, blocks: int) -> int:
        """How many transactions of the sender the newest `blocks` blocks hold."""
        newest = self.range(self.head.number - blocks + 1, self.head.number)
        return sum(receipt.transaction.sender == sender for block in newest for receipt in block.receipts)
