"""How long a chain's blocks take, and so after how much silence a stream that tells of each block must be broken
(docs/protocol.md, "Chain behaviour and gas")."""
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError

# Seconds without news that are too many wherever blocks are quick.
MAX_SILENCE = 1.5
# Elsewhere a block may be late by as much as another block takes.
SILENT_BLOCKS = 2
PACE_BLOCKS = 32


class BlockPace:
    """What is known of a chain's pace: `silence` is how many seconds without a block are too many, `least` at least."""

    def __init__(self, rpc: RpcClient, least: float = MAX_SILENCE) -> None:
        self.silence = least
        self._rpc = rpc
        self._least = least

    async def learn(self) -> None:
        """Ask the node for the newest blocks' times. What was known before stays where no node answers: whether the chain
        can be read is for others to find out."""
        try:
            seconds = await self._block_seconds()
        except (ApiUnavailableError, RpcError):
            return
        self.silence = max(self._least, round(SILENT_BLOCKS * seconds, 1))

    async def _block_seconds(self) -> float:
        """At least so long takes a block, since blocks' times are whole seconds; 0 where there are no two blocks."""
        newest = await self._rpc.get_block()
        older = None if newest is None else await self._rpc.get_block(max(0, newest.number - PACE_BLOCKS))
        if newest is None or older is None or newest.number == older.number:
            return 0.0
        return max(0, newest.timestamp - older.timestamp - 1) / (newest.number - older.number)
