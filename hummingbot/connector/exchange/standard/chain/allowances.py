"""Token allowances: looked up before an order, approved when they do not suffice (docs/protocol.md, "Allowances and native
value"), as the user's setting `approval` has it."""
import asyncio
import logging
import math
from collections import defaultdict
from dataclasses import dataclass, field

from hummingbot.connector.exchange.standard.chain.gas import Call, GasLimits
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.tokens import APPROVAL, ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import NotSentError, OrderRejectedError, OutcomeForgottenError
from hummingbot.connector.exchange.standard.markets import Token
from hummingbot.connector.exchange.standard.shared_work import SharedWork

UNLIMITED = 2 ** 256 - 1
# How much is approved: all there is, for good; what the orders at hand need; or nothing, since the user approves by hand.
WITHOUT_LIMIT, EXACT, MANUAL = APPROVALS = "unlimited", "exact", "manual"
# For so many seconds a token that refused is not asked again: each refusal costs gas.
REFUSAL_PAUSE = 60.0


@dataclass
class _Allowance:
    """What is known of one token, in its smallest units. `wanted` is what orders wait for, `granted` what orders got since the
    start, `ended` how much of that is of orders that came to their end. `limit` is how much may be granted altogether by what
    the chain said last, -1 while it has to be asked. The token refused an approval at `refused_at`, on the monotonic clock."""

    limit: int = -1
    granted: int = 0
    ended: int = 0
    wanted: int = 0
    refusal: str = ""
    refused_at: float = -math.inf
    look: SharedWork = field(default_factory=SharedWork)

    @property
    def left(self) -> int:
        """What a further order may spend; below 0 while that is not known."""
        return self.limit - self.granted


class Allowances:
    """What the engine may pull from one wallet. One approval per token at a time; orders of the token wait for it.

    `approval` is one of APPROVALS. `finished` collects the approvals that the journal may forget once their blocks are final.
    """

    def __init__(self, rpc: RpcClient, sender: TransactionSender, owner: str, spender: str, gas: GasLimits, clock: Clock,
                 finished: list[Tracked], approval: str = WITHOUT_LIMIT) -> None:
        self._rpc = rpc
        self._sender = sender
        self._owner = owner
        self._spender = spender
        self._gas = gas
        self._clock = clock
        self._finished = finished
        self._approval = approval
        self._tokens: defaultdict[str, _Allowance] = defaultdict(_Allowance)

    async def ensure(self, token: Token, units: int) -> None:
        """Return when the engine may pull `units` of `token` for an order, to be `release`d at the order's end; raises
        OrderRejectedError when the token refuses the approval, did so a moment ago, or is to be approved by hand."""
        known = self._tokens[token.address]
        known.wanted += units
        try:
            while known.left < units:
                await known.look.done(lambda: self._look(token, known, units))
                if known.left < units:  # perhaps by the look of an order for which less sufficed
                    self._raise_if_refused(token, known, units)
        finally:
            known.wanted -= units
        known.granted += units

    def release(self, token: Token, units: int) -> None:
        """The order that this was ensured for has come to its end, and spent it or not."""
        self._tokens[token.address].ended += units

    def forget(self) -> None:
        """Ask the chain again before the next order: a transfer failed, so what was believed may be wrong."""
        for known in self._tokens.values():
            known.limit = -1

    async def _look(self, token: Token, known: _Allowance, units: int) -> None:
        ended = known.ended  # before the answer, so that what ends meanwhile counts twice, and never not at all
        answer = await self._rpc.eth_call(token.address, ERC20_FUNCTIONS["allowance"].encode(self._owner, self._spender))
        allowed = int.from_bytes(answer, "big")
        known.limit = allowed + ended
        if known.left < units and self._approval != MANUAL and self._pause(known) <= 0:
            await self._approve(token, known, allowed > 0)

    async def _approve(self, token: Token, known: _Allowance, is_change: bool) -> None:
        logger = logging.getLogger(__name__)
        # `approve` sets and does not add: orders on their way, which may be mined after it, need theirs in it.
        needed, ended = known.wanted + known.granted - known.ended, known.ended
        known.limit = -1
        amount, words = UNLIMITED, "without limit, now and later (the setting `approval` has other ways)"
        if self._approval == EXACT:
            amount, words = needed, f"up to {token.from_units(needed):f}, for the orders at hand"
        logger.info("Approving the exchange (%s) to spend the wallet's %s %s", self._spender, token.symbol, words)
        # USDT and its like change an allowance only from nothing. What others say to the 0 does not matter.
        steps = [0, amount] if is_change else [amount]
        *earlier, (receipt, nonce) = await asyncio.gather(*(self._mined(token, step) for step in steps))
        if any(before > nonce for _, before in earlier):
            return  # another program took the nonce of the 0, which was sent again behind the amount: look once more
        allowed = self._allowed_by(token, receipt)
        known.limit = allowed + ended
        if allowed < needed:
            known.refusal, known.refused_at = receipt.reason or "it changed nothing", self._clock.monotonic()
            return
        logger.info("The exchange may now spend the wallet's %s (transaction %s)", token.symbol, receipt.transaction_hash)

    async def _mined(self, token: Token, units: int) -> tuple[Receipt, int]:
        """The receipt of an approval, and its nonce."""
        tracked = self._sender.submit(Intent(
            to=token.address, data=ERC20_FUNCTIONS["approve"].encode(self._spender, units), value=0,
            gas_limit=self._gas.approve(), kind="approve"))
        try:
            receipt = await tracked.wait()
        except NotSentError:
            self._finished.append(tracked)
            raise
        except OutcomeForgottenError as error:
            self._finished.append(tracked)
            raise NotSentError("The order is not sent: no node tells any more whether its approval was mined.") from error
        self._gas.ended(Call.APPROVE, tracked.intent.gas_limit, receipt, tracked.submitted)
        self._finished.append(tracked)
        return receipt, tracked.attempts[-1].nonce

    def _allowed_by(self, token: Token, receipt: Receipt) -> int:
        """What the token says that it allows now. A node that is asked for it may be behind the one that has the receipt."""
        topics, _ = APPROVAL.encode(self._owner, self._spender, 0)
        said = [log["data"] for log in receipt.logs
                if log["address"].lower() == token.address and [topic.lower() for topic in log["topics"]] == list(topics)]
        return int.from_bytes(bytes.fromhex(said[-1][2:])) if said else 0

    def _pause(self, known: _Allowance) -> float:
        """For how many seconds more the token is not asked again, since each refusal costs gas; 0 or less for none."""
        return known.refused_at + REFUSAL_PAUSE - self._clock.monotonic()

    def _raise_if_refused(self, token: Token, known: _Allowance, units: int) -> None:
        if self._approval == MANUAL:
            raise OrderRejectedError(
                f"The exchange may spend {token.from_units(max(0, known.left)):f} {token.symbol} of the wallet and the order "
                f"needs {token.from_units(units):f}: approve more for {self._spender} by hand, since the setting `approval` is "
                f"{MANUAL}.")
        if (pause := self._pause(known)) > 0:
            raise OrderRejectedError(f"{token.symbol} refused the approval for the exchange: {known.refusal}. It is asked again "
                                     f"in {pause:.0f} s.", known.refusal)
