"""How much gas each kind of transaction is given (docs/protocol.md, "Chain behaviour and gas").

Only the gas that is used is paid, but too small a limit is costly: an order fails, and a cancel silently does nothing. So
limits are generous and fixed; a node's estimate is never asked for, since for a cancel it is wrong by design.
"""
from typing import NamedTuple

# What one transaction may ask for at most, wherever the block's limit is higher.
MAX_TRANSACTION_GAS = 200_000_000
_GROWTH_PERCENT = 150
_MAX_GROWTH_PERCENT = 800


class GasProfile(NamedTuple):
    """Gas for one network: an order that rests, each match, an order paid in native tokens, a cancel, an approval of
    a token, wrapping native tokens, and a bare transfer of native tokens to oneself."""

    order: int
    per_match: int
    native_order: int
    cancel: int
    approve: int
    wrap: int
    transfer: int
    transaction_limit: int


# Reads of cold storage cost a million there, and a million must remain at each of them.
SOMNIA = GasProfile(order=3_000_000, per_match=400_000, native_order=5_000_000, cancel=3_000_000, approve=3_000_000,
                    wrap=3_000_000, transfer=1_200_000, transaction_limit=MAX_TRANSACTION_GAS)
# Two to three times what the transactions were seen to use.
ETHEREUM = GasProfile(order=600_000, per_match=200_000, native_order=700_000, cancel=300_000, approve=120_000,
                      wrap=120_000, transfer=21_000, transaction_limit=12_000_000)
_SOMNIA_CHAINS = frozenset((5031, 50312))


def gas_profile(chain_id: int) -> GasProfile:
    """The profile of a chain: Somnia's for its two networks, that of Ethereum-like rules for any other."""
    return SOMNIA if chain_id in _SOMNIA_CHAINS else ETHEREUM


class GasLimits:
    """The gas limits of one account's transactions; they grow when a transaction ran out of gas."""

    def __init__(self, profile: GasProfile) -> None:
        self.profile = profile
        self._percent = 100

    def order(self, *, matches: int = 0, native: bool = False) -> int:
        """One order that is expected to match `matches` others; `native` when it is paid in native tokens."""
        return self._limit(self._order(matches, native))

    def orders(self, items: int, *, matches: int = 0, native: bool = False) -> int:
        """createOrders or updateOrders with `items` orders and `matches` expected matches together."""
        return self._limit(items * self._order(0, native) + matches * self.profile.per_match)

    def cancel(self) -> int:
        """One cancelOrder."""
        return self._limit(self.profile.cancel)

    def cancels(self, items: int) -> int:
        """cancelOrders with `items` orders."""
        return self._limit(items * self.profile.cancel)

    def approve(self) -> int:
        """An ERC-20 approval."""
        return self._limit(self.profile.approve)

    def wrap(self) -> int:
        """A deposit to or a withdrawal from the wrapped native token."""
        return self._limit(self.profile.wrap)

    def items_per_batch(self, *, cancel: bool = False) -> int:
        """How many orders, or cancels, fit one transaction."""
        each = self.profile.cancel if cancel else self.profile.native_order
        return max(1, self.profile.transaction_limit * 100 // (each * self._percent))

    def ran_out(self) -> None:
        """A transaction used up its gas: later ones get half as much again, at most eight times the profile's."""
        self._percent = min(_MAX_GROWTH_PERCENT, self._percent * _GROWTH_PERCENT // 100)

    def _order(self, matches: int, native: bool) -> int:
        return (self.profile.native_order if native else self.profile.order) + matches * self.profile.per_match

    def _limit(self, gas: int) -> int:
        return min(self.profile.transaction_limit, gas * self._percent // 100)
