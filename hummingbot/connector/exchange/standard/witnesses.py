"""Which chain an account was followed on. Chains for development are begun anew under the same chain id, and nodes fall behind:
a block number that is lower than one that was seen before may mean either, so only blocks are proof."""
import logging
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS


class Witness(NamedTuple):
    """A block that was final: its number, its hash and its time in seconds since the epoch."""

    number: int
    hash: str
    timestamp: int


async def witness_of(rpc: RpcClient, head: int) -> Witness | None:
    """A witness of the chain with this head; None where the node does not have the block."""
    block = await rpc.get_block(max(0, head - REORGANISED_BLOCKS))
    return None if block is None else Witness(block.number, block.hash, block.timestamp)


async def is_begun_anew(rpc: RpcClient, head: int, seen: int, witness: Witness | None) -> bool:
    """Whether the chain, with this head, is another one than that on which block `seen` was followed. Raises
    ApiUnavailableError where the node is behind that block, or where it cannot be told."""
    if head >= seen:
        return False
    if witness is None or not await _is_contradicted(rpc, witness):
        raise ApiUnavailableError(f"The node is at block {head}, behind block {seen}, which the last run has followed")
    logging.getLogger(__name__).warning(
        "The chain is at block %d, and the last run followed another one up to block %d: it was begun anew. Open orders are "
        "taken up as it holds them; what became of others is not known", head, seen)
    return True


async def _is_contradicted(rpc: RpcClient, witness: Witness) -> bool:
    newest = await rpc.get_block()
    if newest is None:
        return False
    if newest.number < witness.number:
        return newest.timestamp > witness.timestamp  # on one chain a block is not younger than those after it
    block = await rpc.get_block(witness.number)
    return block is not None and block.hash != witness.hash
