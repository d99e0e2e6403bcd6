"""Handing signed bytes to a node, and what its answer proves."""
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.intents import Attempt
from hummingbot.connector.exchange.standard.chain.ledger import Ledger
from hummingbot.connector.exchange.standard.chain.nonces import Slot
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_errors import SendError, classify_send
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    InsufficientFundsError,
    NotSentError,
    RpcError,
)

RESEND_LOST = 0.5
RESEND_LOST_LAST = 5.0
RESEND_REFUSED = 0.3
RESEND_ACCEPTED = 2.0
RESEND_LAST = 20.0
_ETHER = 10**18


class Broadcaster:
    """Sends the newest attempt of slots and draws the conclusions.

    A lost answer proves nothing: the same bytes are sent again until a receipt decides. A refusal ends an intent only
    when no node may have any of the slot's bytes. What is stuck goes to all nodes, since the one that is asked may keep it for
    itself; the same bytes cannot be mined twice.
    """

    def __init__(self, rpc: RpcClient, ledger: Ledger, fee_policy: FeePolicy,
                 spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """`spawn` runs what nobody waits for."""
        self._rpc = rpc
        self._ledger = ledger
        self._fee_policy = fee_policy
        self._spawn = spawn
        self._unreachable = False

    async def send(self, slots: Sequence[Slot]) -> None:
        """One attempt to hand the newest bytes of each slot to a node, all in one request, the lowest nonce first."""
        slots = sorted(slots, key=lambda slot: slot.nonce)
        attempts = [slot.newest[0] for slot in slots]
        for slot in slots:
            slot.sending = True
        try:
            await self._send(slots, attempts)
        except BaseException:  # whether they left, and what was answered, is not known
            for slot, attempt in zip(slots, attempts):
                slot.exposed.add(attempt.hash)
                self._ledger.schedule(slot, RESEND_LOST, RESEND_LOST_LAST)
            self._ledger.activity.set()  # who looks after them may be asleep
            raise

    async def _send(self, slots: Sequence[Slot], attempts: Sequence[Attempt]) -> None:
        answers: Sequence[Any]
        try:
            answers = await self._rpc.send_raw_transactions([attempt.raw for attempt in attempts])
        except (ApiUnavailableError, ConfigurationError) as error:
            self._report(error, len(slots))
            answers = [error] * len(slots)
        else:
            self._unreachable = False
        finally:
            for slot in slots:
                slot.sending = False
        foreign: list[Slot] = []
        refused: list[tuple[Slot, NotSentError]] = []
        for slot, attempt, answer in zip(slots, attempts, answers):
            if self._ledger.book.slots.get(slot.nonce) is slot:
                self._answered(slot, attempt, answer, foreign, refused)
        for slot in foreign:  # nobody sends them while the refusals are written down
            slot.sending = True
        if refused:
            await self._ledger.release(refused)
        if foreign:
            await self._ledger.lost(foreign, "Another program's transaction waits with a nonce of this wallet")
        self._spread([(slot, attempt) for slot, attempt in zip(slots, attempts)
                      if slot.stuck_since is not None and self._ledger.book.slots.get(slot.nonce) is slot])
        self._ledger.activity.set()

    def _spread(self, stuck: Sequence[tuple[Slot, Attempt]]) -> None:
        """Hand the same bytes to all other nodes as well. From here on any of them may have these."""
        if stuck and self._rpc.has_others:
            for slot, attempt in stuck:
                slot.exposed.add(attempt.hash)
            self._spawn(self._rpc.spread_raw_transactions([attempt.raw for _, attempt in stuck]))

    def _answered(self, slot: Slot, attempt: Attempt, answer: Any, foreign: list[Slot],
                  refused: list[tuple[Slot, NotSentError]]) -> None:
        kind = classify_send(answer) if isinstance(answer, RpcError) else None
        slot.lacks_funds = kind is SendError.INSUFFICIENT_FUNDS
        if isinstance(answer, ConfigurationError):  # no node was asked to take the bytes
            self._ledger.schedule(slot, RESEND_REFUSED, RESEND_LAST)
            return
        if isinstance(answer, ApiUnavailableError):
            slot.exposed.add(attempt.hash)
            self._ledger.schedule(slot, RESEND_LOST, RESEND_LOST_LAST)
            return
        if not isinstance(answer, RpcError):
            self._accepted(slot, attempt, answer)
            return
        if kind is SendError.ALREADY_KNOWN:
            self._accepted(slot, attempt, attempt.hash)
        elif kind is SendError.UNKNOWN:
            slot.exposed.add(attempt.hash)
            if slot.refusal != answer.reason:
                logging.getLogger(__name__).warning("The answer to a transaction is not understood; it is followed: %s", answer)
            slot.refusal = answer.reason
            self._ledger.schedule(slot, RESEND_LOST, RESEND_LOST_LAST)
        elif kind in (SendError.FEE_TOO_LOW, SendError.REPLACEMENT_UNDERPRICED):
            slot.refusal = answer.reason
            self._underpriced(slot, kind, foreign)
        elif kind in (SendError.INSUFFICIENT_FUNDS, SendError.REFUSED) and not slot.exposed:
            refused.append((slot, self._refusal(slot, attempt, kind, answer)))
        else:  # nonce too low or high, busy, or refused although a node may have the bytes: the receipts decide
            if kind in (SendError.INSUFFICIENT_FUNDS, SendError.REFUSED) and slot.refusal != answer.reason:
                logging.getLogger(__name__).warning("Transaction %s is on its way but cannot be sent again: %s", attempt.hash,
                                                    answer.reason)
            slot.refusal = answer.reason
            self._ledger.schedule(slot, RESEND_REFUSED, RESEND_LAST)

    def _accepted(self, slot: Slot, attempt: Attempt, answer: Any) -> None:
        slot.exposed.add(attempt.hash)
        slot.refusal = ""
        if not isinstance(answer, str) or answer.lower() != attempt.hash:
            logging.getLogger(__name__).warning("The node calls transaction %s by another hash: %.80r", attempt.hash, answer)
        self._ledger.schedule(slot, RESEND_ACCEPTED, RESEND_LAST)

    def _underpriced(self, slot: Slot, kind: SendError, foreign: list[Slot]) -> None:
        self._fee_policy.expire()
        if kind is SendError.REPLACEMENT_UNDERPRICED and not slot.exposed and len(slot.attempts) == 1:
            foreign.append(slot)
            return
        immediately = slot.pause == 0.0
        self._ledger.schedule(slot, RESEND_REFUSED, RESEND_LAST)
        if immediately or kind is SendError.FEE_TOO_LOW:
            self._ledger.replace(slot, slot.newest[1])

    def _refusal(self, slot: Slot, attempt: Attempt, kind: SendError, answer: RpcError) -> NotSentError:
        if kind is not SendError.INSUFFICIENT_FUNDS:
            return NotSentError(f"The node refuses the transaction: {answer.reason}")
        intent = slot.newest[1].intent
        cost = intent.gas_limit * attempt.fees.max_fee
        paid = f" and {intent.value / _ETHER:.6g} to pay" if intent.value else ""
        return InsufficientFundsError(
            f"The wallet {self._ledger.account.split(':')[1]} has not enough native tokens: this transaction needs up to "
            f"{cost / _ETHER:.6g} for gas{paid}, besides those that are on their way. Fund the wallet.")

    def _report(self, error: Exception, count: int) -> None:
        if not self._unreachable:
            logging.getLogger(__name__).warning("%d transactions got no answer and are sent again until one comes: %s",
                                                count, error)
        self._unreachable = True
