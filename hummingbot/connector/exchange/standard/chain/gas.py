"""How much gas each kind of transaction is given (docs/protocol.md, "Chain behaviour and gas").

Only the gas that is used is paid, but too small a limit is costly: an order fails, and a cancel silently does nothing. So
limits are generous and fixed; a node's estimate is never asked for, since for a cancel it is wrong by design.
"""
import math
from enum import Enum
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.reverts import OUT_OF_GAS
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.clock import Clock

# What one transaction may ask for at most, wherever the block's limit is higher.
MAX_TRANSACTION_GAS = 200_000_000
_MOST_STEPS = 5
# For so many seconds a step of growth lasts. One that is not needed any more must go, since the wallet has to hold what a limit
# may cost, and one that is needed shows in what transactions use.
STEP_SECONDS = 600.0


class GasProfile(NamedTuple):
    """Gas for one network: an order with whatever it pays, each match of it, a cancel, an approval of a token, wrapping native
    tokens, what must be left over in each of those transactions, and a bare transfer of native tokens to oneself."""

    order: int
    per_match: int
    cancel: int
    approve: int
    wrap: int
    headroom: int
    transfer: int
    transaction_limit: int


# About twice what the sandbox uses with Somnia's prices; the rest is for state that the chain has to fetch, a million each.
SOMNIA = GasProfile(order=5_000_000, per_match=600_000, cancel=3_000_000, approve=3_000_000, wrap=3_000_000,
                    headroom=1_000_000, transfer=1_200_000, transaction_limit=MAX_TRANSACTION_GAS)
# Two to three times what the transactions were seen to use.
ETHEREUM = GasProfile(order=700_000, per_match=200_000, cancel=300_000, approve=120_000, wrap=120_000, headroom=0,
                      transfer=21_000, transaction_limit=12_000_000)
_SOMNIA_CHAINS = frozenset((5031, 50312))


def gas_profile(chain_id: int) -> GasProfile:
    """The profile of a chain: Somnia's for its two networks, that of Ethereum-like rules for any other."""
    return SOMNIA if chain_id in _SOMNIA_CHAINS else ETHEREUM


class Call(Enum):
    """The kinds of calls that learn how much gas they need, each for itself. A cancel is none: too little gas fails none of
    them, and each attempt at one brings twice as much."""

    ORDER = "order"
    APPROVE = "approve"
    WRAP = "wrap"


class _Growth(NamedTuple):
    """By how many steps, of half as much again, limits had grown at a monotonic time; and when the last step was made, which is
    monotonic as well."""

    steps: int
    since: float
    made_at: float = -math.inf


class GasLimits:
    """The gas limits of one account's transactions. They grow when transactions run out of gas, and shrink again as time passes
    in which none needs as much."""

    def __init__(self, profile: GasProfile, clock: Clock) -> None:
        self.profile = profile
        self._clock = clock
        self._growth = dict.fromkeys(Call, _Growth(0, 0.0))

    def order(self, *, matches: int = 0) -> int:
        """One order that is expected to match `matches` others."""
        return self.orders(1, matches=matches)

    def orders(self, items: int, *, matches: int = 0) -> int:
        """createOrders with `items` orders and `matches` expected matches together."""
        return min(self.profile.transaction_limit, self._orders(items, matches))

    def fit(self, items: int, *, matches: int = 0) -> bool:
        """Whether one transaction may ask for the gas of so many orders."""
        return self._orders(items, matches) <= self.profile.transaction_limit

    def cancels(self, items: int, attempt: int = 0) -> int:
        """A cancel of `items` orders, when it was tried `attempt` times before in vain."""
        return min(self.profile.transaction_limit, (items * self.profile.cancel + self.profile.headroom) << attempt)

    def approve(self) -> int:
        """An ERC-20 approval."""
        return self._grown(Call.APPROVE, self.profile.approve)

    def wrap(self) -> int:
        """A deposit to or a withdrawal from the wrapped native token."""
        return self._grown(Call.WRAP, self.profile.wrap)

    def ended(self, call: Call, gas_limit: int, receipt: Receipt, submitted: float) -> None:
        """Learn from a transaction of that kind which had that limit and was `submitted` at that monotonic time.

        Later ones get half as much again when it ran out of gas (once for all that were on their way together), and more than
        it had where all of the kind need the same; and no less than now for a while when it used more than half of what a step
        less would have given it.
        """
        growth, steps = self._growth[call], self._steps(call)
        if receipt.reason == OUT_OF_GAS:
            if submitted >= growth.made_at:
                steps += 1
                alike = {Call.APPROVE: self.profile.approve, Call.WRAP: self.profile.wrap}.get(call)
                while alike is not None and steps < _MOST_STEPS and self._after(alike, steps) <= gas_limit:
                    steps += 1
                now = self._clock.monotonic()
                self._growth[call] = _Growth(min(_MOST_STEPS, steps), now, now)
        elif receipt.gas_used * 3 > gas_limit:
            self._growth[call] = growth._replace(steps=steps, since=self._clock.monotonic())

    def _orders(self, items: int, matches: int) -> int:
        return self._grown(Call.ORDER, items * self.profile.order + matches * self.profile.per_match)

    def _grown(self, call: Call, gas: int) -> int:
        return self._after(gas, self._steps(call))

    def _after(self, gas: int, steps: int) -> int:
        return (gas + self.profile.headroom) * int(3 ** steps) // (1 << steps)

    def _steps(self, call: Call) -> int:
        growth = self._growth[call]
        return max(0, growth.steps - int((self._clock.monotonic() - growth.since) / STEP_SECONDS))
