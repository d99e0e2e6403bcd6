"""What work costs: two price lists and the meter that a running message carries (docs/protocol.md, "Chain behaviour and gas").

The contracts report what they do in the terms of the machine below them (storage slots read and written, accounts
called, logs written, computation); the meter prices it. Computation is a fixed figure per piece of work, since no
bytecode runs here; it was fitted to recorded transactions.
"""
from collections.abc import Hashable
from enum import Enum
from typing import NamedTuple

STORE_RESERVE = 2301  # a storage write is refused when less gas than this is left
REFUND_SHARE = 5  # at most one fifth of the gas used is refunded


class Prices(NamedTuple):
    """Gas prices of one kind of chain, in gas units."""

    base: int
    zero_byte: int
    data_byte: int
    slot_warm: int  # with the hash that finds the slot, where hashing is dear
    slot_cold: int  # surcharge of the first access in a transaction
    slot_new: int  # zero to non-zero
    slot_change: int
    refund_clear: int
    refund_new: int  # a slot written and brought back to zero in the same transaction
    refund_change: int  # a slot changed and brought back to what it was
    account_cold: int
    account_warm: int
    account_new: int
    transfer: int  # surcharge of a call with value, its stipend taken off
    log: int
    log_topic: int
    log_byte: int
    reserve: int  # gas that must remain, uncharged, whenever a slot or an account is new


class GasSchedule(Enum):
    """The selectable price lists: Ethereum's, and Somnia's where log, calldata and new state cost many times more.

    What is cold on Somnia, at a million, is what the chain's cache of 128 million slots has dropped. It is a matter of the whole
    chain's traffic and not of the transaction; here nothing is ever dropped.
    """

    ETHEREUM = Prices(base=21_000, zero_byte=4, data_byte=16, slot_warm=100, slot_cold=2_000, slot_new=20_000,
                      slot_change=2_900, refund_clear=4_800, refund_new=19_900, refund_change=2_800, account_cold=2_500,
                      account_warm=100, account_new=25_000, transfer=6_700, log=375, log_topic=375, log_byte=8, reserve=0)
    SOMNIA = Prices(base=21_000, zero_byte=160, data_byte=160, slot_warm=1_950, slot_cold=0, slot_new=200_000,
                    slot_change=2_900, refund_clear=0, refund_new=0, refund_change=0, account_cold=0,
                    account_warm=100, account_new=400_000, transfer=6_700, log=3_200, log_topic=5_120, log_byte=160,
                    reserve=1_000_000)


class OutOfGas(Exception):
    """The message needs more gas than its limit."""


class GasMeter:
    """Counts the gas of one message: `used` before refunds, `refund`, and `needed`, the smallest limit that suffices.

    `needed` is larger than `used` because a call passes on at most 63/64 of what is left, because a storage write wants
    a reserve, and because the refund is only given back at the end.
    """

    __slots__ = ("_frames", "_original", "_warm", "guards", "limit", "needed", "prices", "refund", "used")

    def __init__(self, prices: Prices, limit: int) -> None:
        self.prices = prices
        self.limit = limit
        self.used = 0
        self.needed = 0
        self.refund = 0
        self.guards = 0  # guarded calls: the only ones that behave differently with less gas instead of failing
        self._warm: set[Hashable] = set()
        self._original: dict[Hashable, int] = {}
        self._frames: list[tuple[int, int, int]] = []  # at the start of each call: used, needed, refund

    def spend(self, amount: int) -> None:
        """Computation of `amount` gas."""
        self.used += amount

    def read(self, slot: Hashable) -> None:
        """One storage slot is read."""
        self.used += self.prices.slot_warm
        if slot not in self._warm:
            self._warm.add(slot)
            self.used += self.prices.slot_cold

    def write(self, slot: Hashable, old: int, new: int) -> None:
        """One storage slot that holds `old` is set to `new`; only zero, non-zero and equality matter."""
        prices = self.prices
        if self.used + STORE_RESERVE > self.needed:
            self.needed = self.used + STORE_RESERVE
        self.used += prices.slot_warm
        if slot not in self._warm:
            self._warm.add(slot)
            self.used += prices.slot_cold
        original = self._original.setdefault(slot, old)
        if old == new:
            return
        if original == old:
            if original:
                self.used += prices.slot_change - prices.slot_warm
                if not new:
                    self.refund += prices.refund_clear
            else:
                self.used += prices.slot_new - prices.slot_warm
                self._want_reserve()
            return
        if original:
            if not old:
                self.refund -= prices.refund_clear
            elif not new:
                self.refund += prices.refund_clear
        if original == new:
            self.refund += prices.refund_change if original else prices.refund_new

    def account(self, address: str) -> None:
        """An account is called or looked at."""
        self.used += self.prices.account_warm
        if address not in self._warm:
            self._warm.add(address)
            self.used += self.prices.account_cold

    def warm(self, *keys: Hashable) -> None:
        """Accounts or slots that are accessed already when the message starts."""
        self._warm.update(keys)

    def new_account(self) -> None:
        """A payment brings an account to life."""
        self.used += self.prices.account_new
        self._want_reserve()

    def log(self, topics: int, size: int) -> None:
        """A log with `topics` topics and `size` bytes of data is written."""
        prices = self.prices
        self.used += prices.log + prices.log_topic * topics + prices.log_byte * size

    def enter(self) -> int:
        """A call into another contract begins; the depth to give to `overdrawn` and `fail`."""
        self._frames.append((self.used, self.needed, self.refund))
        self.needed = self.used
        return len(self._frames) - 1

    def leave(self) -> None:
        """The innermost call ends: the caller had to hold 1/64 more than it needed."""
        start, outer, _ = self._frames.pop()
        inner = self.required() - start
        self.needed = max(outer, start + inner + (inner + 62) // 63)

    def overdrawn(self, depth: int) -> bool:
        """Whether the call at `depth` needs more than it got of what was left."""
        start = self._frames[depth][0]
        return self.required() - start > self._passed_on(start)

    def fail(self, depth: int, out_of_gas: bool) -> None:
        """The call at `depth` failed: its refunds are void, and what it got is gone when it ran out of gas."""
        start, outer, self.refund = self._frames[depth]
        del self._frames[depth:]
        if out_of_gas:
            self.used = start + self._passed_on(start)
        self.needed = outer

    def required(self) -> int:
        """The smallest gas limit with which the message does what it did."""
        return max(self.used, self.needed)

    def charged(self) -> int:
        """The gas used after the refund."""
        return self.used - min(max(self.refund, 0), self.used // REFUND_SHARE)

    def _passed_on(self, start: int) -> int:
        """What reaches the code behind a guarded call: a clone takes its own 1/64 on the way, and gives it back."""
        left = max(self.limit - start, 0)
        left -= left // 64
        return left - left // 64

    def _want_reserve(self) -> None:
        self.needed = max(self.needed, self.used + self.prices.reserve)


def intrinsic_gas(prices: Prices, data: bytes) -> int:
    """The gas of a transaction before anything runs: the base and its calldata."""
    zeros = data.count(0)
    return prices.base + zeros * prices.zero_byte + (len(data) - zeros) * prices.data_byte
