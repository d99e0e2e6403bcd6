"""Whether a wallet can pay for the gas of its orders, and afterwards for cancelling what rests."""
from collections.abc import Sequence
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient


class Lack(NamedTuple):
    """What an order and the cancels after it may need, and what is left for them besides the orders before it, in wei."""

    needed: int
    left: int


class GasMoney:
    """The native tokens of one wallet, in wei, as far as transactions may use them up.

    What was seen last, less the most that was promised since, is enough to know as long as it suffices; only then the chain
    is asked. A node has the last word: it refuses what the wallet cannot pay for.
    """

    def __init__(self, rpc: RpcClient, address: str, fee_policy: FeePolicy) -> None:
        self._rpc = rpc
        self._address = address
        self._fee_policy = fee_policy
        self._left: int | None = None

    def seen(self, wei: int) -> None:
        """The wallet holds so much now."""
        self._left = wei

    async def lacking(self, orders: Sequence[tuple[int, int]], cancel_gas: int) -> list[Lack | None]:
        """For each order, given as (gas limit, value in wei), what is needed for it and to cancel afterwards; None where the
        wallet has that. The orders count one after the other. Raises ApiUnavailableError or RpcError."""
        price = (await self._fee_policy.current()).max_fee
        costs = [price * gas + value for gas, value in orders]
        kept = price * cancel_gas
        if self._left is None or self._left < kept + sum(costs):
            self._left = await self._rpc.balance(self._address)
        lacking: list[Lack | None] = []
        for cost in costs:
            enough = self._left >= kept + cost
            lacking.append(None if enough else Lack(kept + cost, self._left))
            self._left -= cost if enough else 0
        return lacking
