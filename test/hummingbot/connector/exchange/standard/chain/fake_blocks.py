"""A node that knows nothing but the times of its blocks."""
from hummingbot.connector.exchange.standard.chain.rpc_values import Block


class Blocks:
    """An RpcClient as far as blocks go: they take so many seconds, and there may be none."""

    def __init__(self, seconds: float, newest: int = 1_000, fault: Exception | None = None) -> None:
        self.seconds, self.newest, self.fault = seconds, newest, fault

    async def get_block(self, block: int | str = "latest") -> Block | None:
        if self.fault is not None:
            raise self.fault
        number = self.newest if isinstance(block, str) else block
        if number < 0:
            return None
        return Block(number, f"0x{number:064x}", f"0x{number - 1:064x}", 1_760_000_000 + int(number * self.seconds), None)
