"""What to offer for gas: as the node suggests, within the user's cap, and how much more when a transaction is stuck."""
import logging
from decimal import Decimal
from typing import Any

from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import listing, mapping, quantity
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import RpcError

# Nodes replace a waiting transaction only for at least a tenth more of both fees; an eighth is safe against their rounding.
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
MAX_AGE = 3.0
CAP_REPORT_PAUSE = 600.0
# However often a node calls a fee too low, no more than this multiple of the network's own suggestion is offered.
_MOST_OVER_SUGGESTED = 10
_FEE_HISTORY = ("eth_feeHistory", ["0x1", "latest", [50]])


class FeePolicy:
    """Fees of the account's transactions, in wei per gas.

    Where the node tells a base fee, an EIP-1559 transaction offers `multiplier` times that base fee plus the suggested
    priority fee (only the base fee of the block is really paid); elsewhere a legacy transaction pays the node's gas price.
    `cap` is the most that is ever offered, in wei per gas; None means no cap. Values are used for `max_age` seconds.
    """

    def __init__(self, rpc: RpcClient, clock: Clock, *, multiplier: Decimal = Decimal("1.5"), cap: int | None = None,
                 max_age: float = MAX_AGE) -> None:
        self._rpc = rpc
        self._clock = clock
        self._multiplier = multiplier
        self._cap = cap
        self._max_age = max_age
        self._read_at = 0.0
        self._cap_reported_at = -CAP_REPORT_PAUSE
        self.last: Fees | None = None

    async def current(self) -> Fees:
        """The fees of a new transaction. Raises ApiUnavailableError or RpcError when no node tells them."""
        if self.last is None or self._clock.monotonic() - self._read_at > self._max_age:
            self.last = await self._read()
            self._read_at = self._clock.monotonic()
        return self.last

    def expire(self) -> None:
        """The node finds the present fees too low: read them again before the next transaction."""
        self._read_at = self._clock.monotonic() - self._max_age - 1

    def replacement(self, old: Fees, suggested: Fees) -> Fees | None:
        """Fees that a node accepts instead of `old`: an eighth more of both, or as suggested when that is more.

        None when that is above the cap, or absurdly far above what the network suggests.
        """
        max_fee = max(_bumped(old.max_fee), suggested.max_fee)
        if max_fee > max(1, suggested.max_fee) * _MOST_OVER_SUGGESTED:
            return None
        if self._cap is not None and max_fee > self._cap:
            if _bumped(old.max_fee) > self._cap:
                self._report_cap(max_fee)
                return None
            max_fee = self._cap
        if old.legacy:
            return Fees(max_fee, max_fee, True)
        return Fees(max_fee, min(max_fee, max(_bumped(old.priority_fee), suggested.priority_fee)))

    async def _read(self) -> Fees:
        answers = await self._rpc.batch([_FEE_HISTORY, ("eth_gasPrice", []), ("eth_maxPriorityFeePerGas", [])])
        history, price, tip = (None if isinstance(answer, RpcError) else answer for answer in answers)
        base_fee = None if history is None else _base_fee(history)
        if base_fee is None:
            if isinstance(answers[1], RpcError):
                raise answers[1]
            amount = self._capped(quantity(price, "eth_gasPrice"))
            return Fees(amount, amount, True)
        if tip is not None:
            suggested = quantity(tip, "eth_maxPriorityFeePerGas")
        else:
            suggested = 0 if price is None else max(0, quantity(price, "eth_gasPrice") - base_fee)
        max_fee = self._capped(int(base_fee * self._multiplier) + suggested)
        return Fees(max_fee, min(suggested, max_fee))

    def _capped(self, amount: int) -> int:
        if self._cap is None or amount <= self._cap:
            return amount
        self._report_cap(amount)
        return self._cap

    def _report_cap(self, wanted: int) -> None:
        now = self._clock.monotonic()
        if now - self._cap_reported_at >= CAP_REPORT_PAUSE:
            self._cap_reported_at = now
            logging.getLogger(__name__).warning(
                "Transactions may wait: %s gwei per gas would have to be offered, more than max_fee_gwei allows (%s)",
                in_gwei(wanted), in_gwei(self._cap or 0))


def in_gwei(wei: int) -> str:
    """An amount of wei, in gwei, exactly."""
    return f"{Decimal(wei).scaleb(-9).normalize():f}"


def bumped(fees: Fees) -> Fees:
    """The least that nodes accept instead of `fees`, whatever the bound."""
    return Fees(_bumped(fees.max_fee), _bumped(fees.priority_fee), fees.legacy)


def _bumped(amount: int) -> int:
    return max(amount + 1, -(-amount * BUMP_NUMERATOR // BUMP_DENOMINATOR))  # an eighth of a tip of nothing is nothing


def _base_fee(history: Any) -> int | None:
    """The base fee of the coming block; None when the chain has none (a node without EIP-1559 says nothing or zeros)."""
    fees = mapping(history, "eth_feeHistory").get("baseFeePerGas")
    if not fees:
        return None
    amounts = [quantity(fee, "eth_feeHistory baseFeePerGas") for fee in listing(fees, "eth_feeHistory baseFeePerGas")]
    return amounts[-1] or None
