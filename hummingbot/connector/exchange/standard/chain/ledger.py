"""The account's transactions between wish and end: the queue, the nonces in use, and what each turn of events means.

This is the one place where an intent is given a nonce, gives it up, is queued again or comes to its end. The rule that
everything here keeps: an intent is queued again only when it is proven that none of its attempts was or will be mined.
"""
import asyncio
import logging
import sqlite3
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.chain.intents import FILLER, FOREVER, Attempt, Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Entry, Journal
from hummingbot.connector.exchange.standard.chain.nonces import NonceBook, Slot
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import NotSentError, OutcomeForgottenError

MAX_LOST_OFFERS = 100


class Ledger:
    """The state of one account's sender. `account` names it in the journal: "<chain id>:<address>"."""

    def __init__(self, wallet: Wallet, journal: Journal, clock: Clock, chain_id: int, transfer_gas: int) -> None:
        self.account = f"{chain_id}:{wallet.address}"
        self.book = NonceBook(0)
        self.queue: list[Tracked] = []
        self.replacements: list[tuple[Slot, Tracked]] = []
        self.wake = asyncio.Event()  # something is to be signed
        self.activity = asyncio.Event()  # something is to be followed
        self.head = 0
        self.newest = 0  # the newest block that is known, also where nothing was followed for a while
        self.last_id = 0
        # What was offered for nonces that another program's transactions have. A reorganisation may set those free again, and a
        # node may still have the old bytes.
        self.lost_offers: dict[int, Fees] = {}
        self._dead: list[str] = []
        self._wallet = wallet
        self._journal = journal
        self._clock = clock
        self._chain_id = chain_id
        self._transfer_gas = transfer_gas

    def restart(self, mined: int, first: int, last_id: int, head: int) -> None:
        """Begin anew: `mined` nonces are used, `first` is the next that nobody uses, `last_id` the journal's last number and
        `head` the newest block, 0 if it is not known."""
        self.head = max(self.head, head)
        self.book = NonceBook(first)
        self.book.chain_is_at(mined)
        self.queue.clear()
        self.replacements.clear()
        self._dead.clear()
        self.last_id = max(self.last_id, last_id)  # one that was never recorded may still be settled by whoever got it

    def new(self, intent: Intent) -> Tracked:
        """Give an intent its number."""
        self.last_id += 1
        now = self._clock.monotonic()
        return Tracked(self.last_id, intent, self._clock.time(), now + intent.patience, submitted=now)

    def filler(self) -> Tracked:
        """A transfer of nothing to oneself, to use up a nonce."""
        return self.new(Intent(self._wallet.address, b"", 0, self._transfer_gas, FILLER, patience=FOREVER, repeatable=True))

    def sign(self, tracked: Tracked, nonce: int, fees: Fees) -> tuple[Slot, Entry]:
        """Sign an intent with a nonce that was taken for it, or as the replacement of what has the nonce now."""
        intent = tracked.intent
        try:
            signed = self._wallet.sign_transaction(chain_id=self._chain_id, nonce=nonce, to=intent.to, value=intent.value,
                                                   data=intent.data, gas_limit=intent.gas_limit, fees=fees)
        except BaseException:
            if nonce not in self.book.slots:
                self.book.release(nonce)
            raise
        attempt = Attempt(nonce, signed.raw, signed.hash, fees)
        slot = self.add(tracked, attempt)
        if len(slot.attempts) == 1 and (newest := max(self.head, self.newest)) > 0:
            slot.born = newest
        slot.sending = True
        slot.since, slot.head = self._clock.monotonic(), self.head
        return slot, Entry(tracked.id, self.account, tracked.created, intent, attempt)

    def add(self, tracked: Tracked, attempt: Attempt) -> Slot:
        """An attempt joins those with its nonce."""
        tracked.attempts.append(attempt)
        slot = self.book.slots.get(attempt.nonce)
        if slot is None:
            slot = Slot(attempt.nonce, [], self._clock.monotonic())
            self.book.open(slot)
        slot.attempts.append((attempt, tracked))
        return slot

    async def record(self, entries: Sequence[Entry]) -> None:
        """Write attempts to the journal, before their bytes leave. Raises sqlite3.Error or OSError."""
        dead, self._dead = self._dead, []
        try:
            await self._journal.record(entries, dead)
        except BaseException:
            self._dead = dead + self._dead
            raise

    def take_back(self, slot: Slot, entry: Entry) -> Tracked:
        """The attempt was signed but never left, since it could not be recorded: undo `sign`."""
        tracked = next(owner for attempt, owner in slot.attempts if attempt is entry.attempt)
        slot.attempts.remove((entry.attempt, tracked))
        tracked.attempts.remove(entry.attempt)
        slot.sending = False
        if not slot.attempts:
            self.book.release(slot.nonce)
        return tracked

    def schedule(self, slot: Slot, first: float, last: float) -> None:
        """Send the same bytes again after a pause that doubles from `first` to `last` seconds."""
        slot.pause = min(last, max(first, 2 * slot.pause))
        slot.next_send = self._clock.monotonic() + slot.pause

    def replace(self, slot: Slot, tracked: Tracked) -> None:
        """Sign for `tracked` with the slot's nonce and a higher fee, with the next flush."""
        if all(waiting is not slot for waiting, _ in self.replacements):
            self.replacements.append((slot, tracked))
        self.wake.set()  # also for one that could not be signed yet

    def mined(self, slot: Slot, receipt: Receipt) -> Tracked:
        """One of the slot's attempts is in a block. Returns its intent; the slot's other intents can never be mined."""
        slot.exposed.add(receipt.transaction_hash)  # although no node may have answered yet that it took it
        self.book.used(slot)
        return next(tracked for attempt, tracked in slot.attempts if attempt.hash == receipt.transaction_hash)

    def reopen(self, slot: Slot) -> None:
        """The block of the slot's transaction was replaced: the nonce is in use again, the bytes are sent again."""
        slot.sending, slot.pause, slot.next_send, slot.unseen = False, 0.0, 0.0, 0
        slot.since, slot.head, slot.stuck_since = self._clock.monotonic(), self.head, None
        self.book.open(slot)
        self.activity.set()

    async def lost(self, slots: Sequence[Slot], why: str) -> None:
        """Another program's transaction has these nonces: what was meant to use them is signed again, in order."""
        again: list[Tracked] = []
        over: list[tuple[Tracked, str]] = []
        for slot in slots:
            self.book.used(slot)
            self.lost_offers[slot.nonce] = slot.highest
            if len(self.lost_offers) > MAX_LOST_OFFERS:
                del self.lost_offers[min(self.lost_offers)]
            self._dead += [attempt.hash for attempt, _ in slot.attempts]
            for tracked in slot.owners:
                tracked.attempts = [attempt for attempt in tracked.attempts if attempt.nonce != slot.nonce]
                if tracked.done or tracked.attempts or tracked in again:
                    continue
                if tracked.intent.kind == FILLER:
                    over.append((tracked, why))
                elif tracked.withdrawn or self._clock.monotonic() > tracked.deadline:
                    over.append((tracked, f"{why}, and it is too late to send it anew"))
                else:
                    again.append(tracked)
        logging.getLogger(__name__).warning("%s: %d transactions are signed again, %d are given up", why, len(again), len(over))
        self.queue[:0] = sorted(again, key=lambda tracked: tracked.id)
        self.wake.set()
        await self.fail(over)

    async def forgotten(self, slots: Sequence[Slot]) -> None:
        """These nonces are used, and no node tells any more by what: their intents end, and none of them is sent anew."""
        over = [tracked for slot in slots for tracked in slot.owners if not tracked.done]
        for slot in slots:
            self.book.used(slot)
        logging.getLogger(__name__).warning(
            "The nodes have forgotten the time in which %d transactions of this wallet may have been mined; they are not sent "
            "again", len(over))
        for tracked in over:
            tracked.end(OutcomeForgottenError("No node tells any more whether the transaction was mined."))
        await self.settle([tracked for tracked in over if tracked.intent.kind == FILLER])

    async def release(self, slots: Sequence[tuple[Slot, str | NotSentError]]) -> None:
        """No node has or will take any attempt of these slots: their intents end, their nonces are free again."""
        over: list[tuple[Tracked, str | NotSentError]] = []
        for slot, why in slots:
            self.book.release(slot.nonce)
            self._dead += [attempt.hash for attempt, _ in slot.attempts]
            over += [(tracked, why) for tracked in slot.owners]
        await self.fail(over)
        if any(tracked.intent.kind != FILLER for tracked, _ in over) and self.book.gaps():
            self.wake.set()

    async def fail(self, over: Sequence[tuple[Tracked, str | NotSentError]]) -> None:
        """These intents can never be mined. Written down first, so that no later run sends them."""
        over = [(tracked, why) for tracked, why in over if not tracked.done]
        if not over:
            return
        try:
            await self._journal.failed([(tracked.id, str(why)) for tracked, why in over])
        except (sqlite3.Error, OSError) as error:  # the journal said so
            logging.getLogger(__name__).debug("The end of %d transactions could not be written down: %s", len(over), error)
        finally:
            for tracked, why in over:
                tracked.end(why if isinstance(why, NotSentError) else NotSentError(why))
        await self.settle([tracked for tracked, _ in over if tracked.intent.kind == FILLER])

    async def settle(self, done: Sequence[Tracked]) -> None:
        """Nobody will ask for the ends of these intents again."""
        if not done:
            return
        try:
            await self._journal.settled([tracked.id for tracked in done])
        except (sqlite3.Error, OSError) as error:  # the journal said so; the next run settles them once more
            logging.getLogger(__name__).debug("%d settled transactions could not be marked: %s", len(done), error)

    async def unsettle(self, void: Sequence[Tracked]) -> None:
        """The ends that may have been settled are void, and a next run must know that the nonce is in use."""
        try:
            await self._journal.reopened([tracked.id for tracked in void])
        except (sqlite3.Error, OSError) as error:  # the journal said so
            logging.getLogger(__name__).debug("The void ends of %d transactions could not be marked: %s", len(void), error)
