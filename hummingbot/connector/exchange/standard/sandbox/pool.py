"""Transactions that a node accepted and has not mined: one queue per sender, in nonce order."""
import heapq
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction, TransactionRejected

_PRICE_BUMP = 110  # a replacement pays at least this many hundredths of both fees of the one it replaces


class _Pooled(NamedTuple):
    transaction: Transaction
    arrival: int


class Pool:
    """The waiting transactions of all senders. A gap in a sender's nonces makes the later ones wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._senders: dict[str, dict[int, _Pooled]] = {}
        self._by_hash: dict[str, Transaction] = {}
        self._costs: dict[str, int] = {}
        self._arrivals = count()

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, transaction_hash: str) -> bool:
        return transaction_hash in self._by_hash

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._by_hash.values())

    def get(self, transaction_hash: str) -> Transaction | None:
        """The waiting transaction with this hash."""
        return self._by_hash.get(transaction_hash)

    def replaced_by(self, transaction: Transaction) -> Transaction | None:
        """The waiting transaction with the same sender and nonce."""
        pooled = self._senders.get(transaction.sender, {}).get(transaction.nonce)
        return pooled.transaction if pooled else None

    def check(self, transaction: Transaction) -> None:
        """Raise TransactionRejected when it cannot join: no fee bump over the one it would replace, or the pool is full."""
        old = self.replaced_by(transaction)
        if old is None:
            if len(self._by_hash) >= self._limit:
                raise TransactionRejected("txpool is full")
        elif not (_bumped(old.max_fee, transaction.max_fee) and _bumped(old.max_priority_fee, transaction.max_priority_fee)):
            raise TransactionRejected("replacement transaction underpriced")

    def cost(self, sender: str) -> int:
        """What all waiting transactions of the sender may cost at most, in wei."""
        return self._costs.get(sender, 0)

    def add(self, transaction: Transaction) -> None:
        """Queue it, in the place of the one with the same nonce when there is one."""
        self.remove(transaction)
        self._costs[transaction.sender] = self.cost(transaction.sender) + transaction.cost
        self._senders.setdefault(transaction.sender, {})[transaction.nonce] = _Pooled(transaction, next(self._arrivals))
        self._by_hash[transaction.hash] = transaction

    def remove(self, transaction: Transaction) -> None:
        """Forget it, or whatever waits with its sender and nonce, since the nonce is used up."""
        queue = self._senders.get(transaction.sender)
        pooled = queue.pop(transaction.nonce, None) if queue else None
        if pooled is not None:
            del self._by_hash[pooled.transaction.hash]
            self._costs[transaction.sender] -= pooled.transaction.cost
            if not queue:
                del self._senders[transaction.sender], self._costs[transaction.sender]

    def next_nonce(self, sender: str, nonce: int) -> int:
        """The sender's first unused nonce after the transactions that can follow `nonce` without a gap."""
        queue = self._senders.get(sender)
        while queue and nonce in queue:
            nonce += 1
        return nonce

    def executable(self, nonce_of: Callable[[str], int], base_fee: int) -> list[Transaction]:
        """What can be mined now, the best tip first and the earlier arrival among equals, each sender's in nonce order.

        A transaction that does not pay the base fee waits, and the later ones of its sender with it.
        """
        heap: list[tuple[int, int, Transaction]] = []

        def push(sender: str, nonce: int) -> None:
            pooled = self._senders[sender].get(nonce)
            if pooled is not None and pooled.transaction.max_fee >= base_fee:
                tip = pooled.transaction.gas_price(base_fee) - base_fee
                heapq.heappush(heap, (-tip, pooled.arrival, pooled.transaction))

        for sender in self._senders:
            push(sender, nonce_of(sender))
        ordered = []
        while heap:
            transaction = heapq.heappop(heap)[2]
            ordered.append(transaction)
            push(transaction.sender, transaction.nonce + 1)
        return ordered


def _bumped(old: int, new: int) -> bool:
    return new > old and new * 100 >= old * _PRICE_BUMP
