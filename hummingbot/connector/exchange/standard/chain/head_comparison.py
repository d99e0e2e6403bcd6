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

# A newest block that is told later than so many seconds after the question may well be above those of that moment.
FAIR_SECONDS = 1.0


class _Newest(NamedTuple):
    number: int
    at: float


class HeadComparison:
    """Asks the nodes side by side for their newest blocks. What the others show counts for nothing else: what is wrong with them
    is found out when they are needed."""

    def __init__(self, pool: EndpointPool, ask: Callable[[Endpoint, Sequence[Request]], Awaitable[list[Any]]], clock: Clock,
                 chain_id: int | None) -> None:
        """`ask` puts questions to one endpoint, and raises ApiUnavailableError."""
        self._pool = pool
        self._ask = ask
        self._clock = clock
        self._chain_id = chain_id
        self._before: dict[str, int] = {}  # the numbers of the last comparison, by URL

    async def compare(self) -> None:
        """Leave the node that answers, for a minute or longer each time, if another one is far ahead of it and goes on."""
        asked, began = self._pool.comparable, self._clock.monotonic()
        if len(asked) < 2 or asked[0] is not self._pool.current:
            return
        told = dict(zip([endpoint.url for endpoint in asked],
                        await asyncio.gather(*[self._newest(endpoint) for endpoint in asked])))
        before, self._before = self._before, {url: block.number for url, block in told.items() if block is not None}
        own = told.pop(asked[0].url)
        # One that stands still may be of a chain that was begun anew since.
        fair = [block.number for url, block in told.items()
                if block is not None and block.at - began <= FAIR_SECONDS and block.number > before.get(url, block.number)]
        if own is not None and fair and asked[0] is self._pool.current:
            behind = max(fair) - own.number
            self._pool.compared(asked[0], behind if behind > MAX_LAG_BLOCKS else 0)

    async def _newest(self, endpoint: Endpoint) -> _Newest | None:
        """None where it shows none, or is of another chain."""
        with suppress(ApiUnavailableError):
            chain_id, newest = await self._ask(endpoint, [("eth_chainId", []), ("eth_getBlockByNumber", ["latest", False])])
            block, is_right = values.block(newest), self._chain_id in (None, values.quantity(chain_id, "eth_chainId"))
            return _Newest(block.number, self._clock.monotonic()) if block is not None and is_right else None
        return None
