"""Which nonces of the account are given out, live or free again. No I/O: the rules alone.

A nonce is live while a transaction with it may be mined. It is free again when the node refused every transaction with it.
A free nonce below a live one is a gap: nothing behind it can be mined until something is sent with it.
"""
from collections.abc import Sequence
from dataclasses import dataclass, field

from hummingbot.connector.exchange.standard.chain.intents import Attempt, Tracked
from hummingbot.connector.exchange.standard.chain.signing import Fees


@dataclass(eq=False)
class Slot:
    """One nonce in use, and the attempts at it: the first one, replacements, a taking back. At most one is ever mined.

    `exposed` holds the hashes that some node may have; `sending` is set from signing until the node's answer. `born` is the
    newest block that was known when its first attempt was signed, None for one of an earlier run; `free_at` the newest one at
    which a node called the nonce not used, None if none did from the first look on. `unseen` counts the looks in a row at which
    it was used and no attempt seen in a block; the first of them was at `unseen_since`, in seconds, and at block `unseen_at`.
    `lacks_funds`: a node said last that the wallet cannot pay. From `stuck_since` on, in seconds, blocks went by without it
    although its turn had come; `is_told` is whether the user was told of that.
    """

    nonce: int
    attempts: list[tuple[Attempt, Tracked]]
    since: float
    exposed: set[str] = field(default_factory=set)
    sending: bool = True
    next_send: float = 0.0
    pause: float = 0.0
    next_replacement: float = 0.0
    head: int = 0
    unseen: int = 0
    unseen_since: float = 0.0
    unseen_at: int = 0
    refusal: str = ""
    lacks_funds: bool = False
    born: int | None = None
    free_at: int | None = None
    stuck_since: float | None = None
    is_told: bool = False

    @property
    def newest(self) -> tuple[Attempt, Tracked]:
        """The last attempt and the intent that it is for."""
        return self.attempts[-1]

    @property
    def highest(self) -> Fees:
        """The highest fees that were offered for the nonce."""
        offered = [attempt.fees for attempt, _ in self.attempts]
        return Fees(max(fees.max_fee for fees in offered), max(fees.priority_fee for fees in offered), offered[-1].legacy)

    @property
    def owners(self) -> list[Tracked]:
        """The intents of all attempts, each once, in order."""
        return list(dict.fromkeys(tracked for _, tracked in self.attempts))


class NonceBook:
    """The nonces of one account from `first` on, the first one that the chain and its pool have not seen."""

    def __init__(self, first: int) -> None:
        self.next = first
        self.chain = 0
        self.slots: dict[int, Slot] = {}
        self._free: set[int] = set()
        self._doubted: set[int] = set()

    def take(self) -> int:
        """A nonce for a new transaction: the lowest free one, else the next."""
        if self._free:
            nonce = min(self._free)
            self._free.discard(nonce)
            return nonce
        self.next += 1
        return self.next - 1

    def open(self, slot: Slot) -> None:
        """The nonce, taken before, is in use."""
        self.slots[slot.nonce] = slot
        self.next = max(self.next, slot.nonce + 1)
        self._free.discard(slot.nonce)

    def used(self, slot: Slot) -> None:
        """A transaction with this nonce is in a block, or waits elsewhere and is not ours: never give the nonce out again."""
        self.slots.pop(slot.nonce, None)
        self._doubted.discard(slot.nonce)

    def release(self, nonce: int) -> None:
        """No transaction with this nonce is live: it may be given out again, if it is not doubtful."""
        self.slots.pop(nonce, None)
        if nonce >= self.chain and nonce not in self._doubted:
            self._free.add(nonce)
        while self.next - 1 in self._free:
            self.next -= 1
            self._free.discard(self.next)

    def chain_is_at(self, nonce: int) -> None:
        """The chain has mined all nonces below `nonce`. It is lower than before only after a reorganisation, after which what was
        doubtful is so again."""
        self.chain = nonce
        self.next = max(self.next, nonce)
        self._free = {free for free in self._free if free >= nonce}

    def doubt(self, nonce: int) -> None:
        """Nodes wait for this nonce, and nobody knows of a transaction with it. It is a gap, and nothing that matters may take
        it: they may only be behind what was mined in an earlier run."""
        self._doubted.add(nonce)

    def gaps(self) -> Sequence[int]:
        """Nonces below a live one that are free, or in doubt and not live, the lowest first."""
        highest = max(self.slots, default=-1)
        return sorted(nonce for nonce in self._free | (self._doubted - self.slots.keys()) if self.chain <= nonce < highest)

    def missing(self) -> int | None:
        """The nonce that the chain waits for when it is neither live nor a gap, although later ones are live."""
        waits = self.chain
        if self.slots and waits not in self.slots and waits not in self._free | self._doubted and max(self.slots) > waits:
            return waits
        return None

    def fill(self, nonce: int) -> None:
        """Take this particular nonce out of the free ones."""
        self._free.discard(nonce)
