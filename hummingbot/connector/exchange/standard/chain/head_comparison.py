"""Whether the node that answers is always behind the others: while it answers, nobody else is asked."""
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain import rpc_values as values
from hummingbot.connector.exchange.standard.chain.endpoints import Endpoint, EndpointPool
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.chain.riders import Request
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError

# Of answers that come further apart the later one tells a higher number anyhow.
FAIR_SECONDS = 1.0


class _Head(NamedTuple):
    number: int
    at: float


class HeadComparison:
    """Asks the nodes side by side how far they are. What the others tell counts for nothing else: what is wrong with them
    shows when they are needed."""

    def __init__(self, pool: EndpointPool, ask: Callable[[Endpoint, Sequence[Request]], Awaitable[list[Any]]], clock: Clock,
                 chain_id: int | None) -> None:
        """`ask` puts questions to one endpoint, and raises ApiUnavailableError."""
        self._pool = pool
        self._ask = ask
        self._clock = clock
        self._chain_id = chain_id

    async def compare(self) -> None:
        """Leave the node that answers, for a minute or longer each time, if another one has a block far above its newest."""
        current, *others = self._pool.comparable
        if not others or current is not self._pool.current:
            return
        own, *heads = await asyncio.gather(*[self._head(endpoint) for endpoint in (current, *others)])
        if own is None:
            return
        behind = [await self._confirmed(endpoint, head.number) - own.number for endpoint, head in zip(others, heads)
                  if head is not None and head.number - own.number > MAX_LAG_BLOCKS and abs(head.at - own.at) <= FAIR_SECONDS]
        if current is self._pool.current:
            self._pool.compared(current, max([0, *behind]))

    async def _head(self, endpoint: Endpoint) -> _Head | None:
        """None where it does not tell, or is of another chain."""
        with suppress(ApiUnavailableError):
            chain_id, number = [values.quantity(answer, "how far it is") for answer in await self._ask(
                endpoint, [("eth_chainId", []), ("eth_blockNumber", [])])]
            return _Head(number, self._clock.monotonic()) if self._chain_id in (None, chain_id) else None
        return None

    async def _confirmed(self, endpoint: Endpoint, number: int) -> int:
        """The number if the endpoint has a block just below: several nodes may answer for it, some a little behind; else 0."""
        with suppress(ApiUnavailableError):
            (block,) = await self._ask(endpoint, [("eth_getBlockByNumber", [hex(number - MAX_LAG_BLOCKS), False])])
            return number if isinstance(block, dict) else 0
        return 0
