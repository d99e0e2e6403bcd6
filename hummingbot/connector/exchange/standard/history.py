"""How far back the nodes tell what happened: most of them forget old blocks."""
from collections.abc import Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.rpc import KEPT_BLOCKS, RpcClient
from hummingbot.connector.exchange.standard.errors import RpcError


async def is_told(rpc: RpcClient, contract: str, topics: Sequence[Any], block: int, newest: int) -> bool:
    """Whether a node still tells a contract's logs of a block. One that tells those of the newest one neither says nothing
    about this one, and what it refuses once it may only refuse for a moment. Raises ApiUnavailableError when no node answers."""
    async def tells(number: int) -> bool:
        try:
            await rpc.logs(contract, topics, number, number)
        except RpcError:
            return False
        return True

    return newest - block < KEPT_BLOCKS or await tells(block) or not await tells(newest) or await tells(block)
