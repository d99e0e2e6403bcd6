"""What the connector wants of the chain, the signed attempts at it, and the one end that it comes to."""
import asyncio
import math
from dataclasses import dataclass, field
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.errors import OutcomeUnknownError, StandardError

FILLER = "filler"
FOREVER = math.inf


@dataclass(frozen=True, slots=True)
class Intent:
    """One call that is to be mined at most once.

    `value` in wei. `kind`, `client_order_ids` and `tag` are the caller's and come back after a restart. `patience` is how
    many seconds after `submit` it may still be sent anew; after that a transaction that no block holds is taken back, by a
    transfer of nothing with the same nonce. FOREVER is for what is as welcome late, such as a cancel. What is `repeatable` does
    no harm when it is mined twice, so it is sent even while the journal cannot be written.
    """

    to: str
    data: bytes
    value: int
    gas_limit: int
    kind: str
    client_order_ids: tuple[str, ...] = ()
    tag: str = ""
    patience: float = 60.0
    repeatable: bool = False


class Attempt(NamedTuple):
    """One signed transaction for an intent."""

    nonce: int
    raw: bytes
    hash: str
    fees: Fees


@dataclass(eq=False)
class Tracked:
    """An intent on its way. `id` is its number in the journal, `created` the wall-clock time of its submission, and `submitted`
    the monotonic one: before all others for one of an earlier run."""

    id: int
    intent: Intent
    created: float
    deadline: float
    attempts: list[Attempt] = field(default_factory=list)
    withdrawn: bool = False
    submitted: float = -math.inf
    _outcome: Receipt | StandardError | None = None
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hashes of all attempts that may be mined, the newest last."""
        return tuple([attempt.hash for attempt in self.attempts])

    @property
    def done(self) -> bool:
        """Whether the end is known."""
        return self._outcome is not None

    @property
    def proven(self) -> bool:
        """Whether the end is known, and not merely followed by nobody any more."""
        return self.done and not isinstance(self._outcome, OutcomeUnknownError)

    @property
    def receipt(self) -> Receipt | None:
        """The receipt, once it is mined."""
        return self._outcome if isinstance(self._outcome, Receipt) else None

    async def wait(self) -> Receipt:
        """The receipt, of a success or of a revert (`ok`, `reason`).

        Raises NotSentError when it is certain that the transaction is not and will never be mined, OutcomeUnknownError
        when the sender was stopped before the end (the journal has it for the next start).
        """
        while self._outcome is None:  # a reorganisation may take the end back before it is looked at
            await self._done.wait()
        if isinstance(self._outcome, Receipt):
            return self._outcome
        raise self._outcome

    def reopen(self) -> None:
        """The end is not the end: a reorganisation took the transaction's block back."""
        self._outcome = None
        self._done.clear()

    def end(self, outcome: Receipt | StandardError) -> None:
        """Set the end; the first one stays."""
        if self._outcome is None:
            self._outcome = outcome
            self._done.set()
