"""Token allowances: checked once, approved when they do not suffice (docs/protocol.md, "Allowances and native value")."""
import logging
from collections import defaultdict

from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import Token
from hummingbot.connector.exchange.standard.shared_work import SharedWork

UNLIMITED = 2 ** 256 - 1
# Two: the first may be another order's, for which less sufficed. A token that allows nothing is not approved for ever.
LOOKS = 2


class Allowances:
    """What the engine may pull from one wallet. One approval per token at a time; orders of the token wait for it.

    `finished` collects the approvals that the journal may forget once their blocks are final.
    """

    def __init__(self, rpc: RpcClient, sender: TransactionSender, owner: str, spender: str, gas_limit: int,
                 finished: list[Tracked]) -> None:
        self._rpc = rpc
        self._sender = sender
        self._owner = owner
        self._spender = spender
        self._gas_limit = gas_limit
        self._finished = finished
        self._left: dict[str, int] = {}
        self._looks: defaultdict[str, SharedWork] = defaultdict(SharedWork)

    async def ensure(self, token: Token, units: int) -> None:
        """Return when the engine may pull `units` of `token`; raises OrderRejectedError when the token refuses the approval."""
        for _ in range(LOOKS):
            if self._left.get(token.address, -1) < units:
                await self._looks[token.address].done(lambda: self._look(token, units))
        self._left[token.address] = self._left.get(token.address, 0) - units

    async def _look(self, token: Token, units: int) -> None:
        self._left[token.address] = await self._current(token)
        if self._left[token.address] < units:
            await self._approve(token)

    def forget(self) -> None:
        """Ask the chain again before the next order: a transfer failed, so what was believed may be wrong."""
        self._left.clear()

    async def _current(self, token: Token) -> int:
        answer = await self._rpc.eth_call(token.address, ERC20_FUNCTIONS["allowance"].encode(self._owner, self._spender))
        return int.from_bytes(answer, "big")

    async def _approve(self, token: Token) -> None:
        logger = logging.getLogger(__name__)
        logger.info("Approving the exchange (%s) to spend the wallet's %s", self._spender, token.symbol)
        tracked = self._sender.submit(Intent(
            to=token.address, data=ERC20_FUNCTIONS["approve"].encode(self._spender, UNLIMITED), value=0,
            gas_limit=self._gas_limit, kind="approve"))
        receipt = await tracked.wait()
        self._finished.append(tracked)
        if not receipt.ok:
            raise OrderRejectedError(f"{token.symbol} refused the approval for the exchange: {receipt.reason}", receipt.reason)
        self._left[token.address] = await self._current(token)
        logger.info("The exchange may now spend the wallet's %s (transaction %s)", token.symbol, receipt.transaction_hash)
