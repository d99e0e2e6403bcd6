"""Following sent transactions to their end: receipts, and what to do about those that get none.

One task asks for all of an account in one request. Only the transactions with the lowest nonces are asked for, since the
others cannot be mined before them.
"""
import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.broadcast import Broadcaster
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.chain.intents import FILLER
from hummingbot.connector.exchange.standard.chain.ledger import Ledger
from hummingbot.connector.exchange.standard.chain.nonces import Slot
from hummingbot.connector.exchange.standard.chain.rpc import KEPT_BLOCKS, RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Block, Receipt, block, quantity, receipt, transaction_hashes
from hummingbot.connector.exchange.standard.chain.watch import Watch
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    ConfigurationError,
    RpcError,
    StandardError,
)

FIRST_PAUSE = 0.15
LAST_PAUSE = 2.0
STUCK = 12.0
# For how many seconds more the next nonce waits, with all nodes asked to take its transaction, before it is told.
STUCK_TOLD = 18.0
GAP_PAUSE = 5.0
# Behind a nonce that nobody knew of and that was filled: had a transaction with the next one been waiting, it would be in one
# of so many blocks and so many seconds.
SOON_BLOCKS, SOON = 3, 2.0
REPLACEMENT_PAUSE = 5.0
# The chain has used the nonce and no receipt is ours: so many looks over so many seconds before it is called foreign.
FOREIGN_LOOKS = 4
FOREIGN_SECONDS = 4.0
# By how much the chain's clock and this machine's may differ, in seconds.
CLOCK_DIFFERENCE = 60.0
MAX_SCANNED_BLOCKS = 1000
_WINDOW = 25


class Follower:
    """Polls receipts, faster when something has just been sent; sends again, replaces and takes back what lags.

    `confirmations` blocks must be on top of a transaction before it counts as mined; 0 where blocks are final.
    `on_mined` gets each slot with its receipt; `watch` holds what was mined and may be taken back.
    """

    def __init__(self, rpc: RpcClient, ledger: Ledger, broadcaster: Broadcaster, clock: Clock, address: str, confirmations: int,
                 on_mined: Callable[[Slot, Receipt], None], watch: Watch) -> None:
        self._rpc = rpc
        self._ledger = ledger
        self._broadcaster = broadcaster
        self._clock = clock
        self._address = address
        self._confirmations = confirmations
        self._on_mined = on_mined
        self._watch = watch
        self._gap_at = 0.0
        self._missing_since: tuple[int, float, int] | None = None  # the nonce, since when, and the head then
        self._doubted = -1  # the last nonce that nobody knew of
        self._troubled = False

    async def run(self) -> None:
        """Follow until cancelled."""
        pause = FIRST_PAUSE
        while True:
            if not self._ledger.book.slots and not self._watch.entries:
                await self._ledger.activity.wait()
            fresh = self._ledger.activity.is_set()
            self._ledger.activity.clear()
            moved = await self._try_poll()
            if moved and self._ledger.book.slots and min(self._ledger.book.slots) < self._ledger.book.chain:
                continue  # more of them are in blocks already than one look asks for
            pause = FIRST_PAUSE if moved or fresh else min(LAST_PAUSE, pause * 1.5)
            await self._clock.sleep(FIRST_PAUSE)
            if pause > FIRST_PAUSE:
                await self._sleep_until_activity(pause - FIRST_PAUSE)

    async def _sleep_until_activity(self, seconds: float) -> None:
        tasks = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._ledger.activity.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _try_poll(self) -> bool:
        try:
            moved = await self.poll()
        except (ApiUnavailableError, ConfigurationError, RpcError) as error:
            self._tell(error)
            return False
        return moved

    def _tell(self, trouble: StandardError | None) -> None:
        """Say once that receipts cannot be read, until all can be."""
        if trouble is not None and not self._troubled:
            logging.getLogger(__name__).warning("Receipts cannot be read; they are asked for again: %s", trouble)
        self._troubled = trouble is not None

    async def poll(self) -> bool:
        """One look at the chain and what follows from it. Returns whether anything was mined."""
        book = self._ledger.book
        window = [book.slots[nonce] for nonce in sorted(book.slots)[:_WINDOW]]
        asked = [(slot, attempt.hash) for slot in window for attempt, _ in slot.attempts]
        watched = list(self._watch.entries)
        places = sorted({entry.receipt.block_number for entry in watched})
        answers = await self._rpc.batch([
            ("eth_blockNumber", []), ("eth_getTransactionCount", [self._address, "latest"]),
            *[("eth_getTransactionReceipt", [name]) for _, name in asked],
            *[("eth_getBlockByNumber", [hex(number), False]) for number in places]])
        for answer in answers[:2]:
            if isinstance(answer, RpcError):
                raise answer
        head, count = quantity(answers[0], "eth_blockNumber"), quantity(answers[1], "eth_getTransactionCount")
        old = head < self._ledger.head
        if not old:
            self._ledger.head = head
            book.chain_is_at(count)
            for slot in book.slots.values():  # the head that was known when it was signed may have been a wrong word
                slot.born = None if slot.born is None else min(slot.born, head)
        # What is answered badly for one hash says nothing of it, and nothing at all of the others.
        receipts, blocks = _each(receipt, answers[2:2 + len(asked)]), _each(block, answers[2 + len(asked):])
        seen, moved = self._receipts(asked, receipts, head)
        if not old:
            unread = {slot for (slot, _), found in zip(asked, receipts) if isinstance(found, StandardError)}
            await self._look_for_foreign([slot for slot in window if slot not in seen], unread)
            self._watch.look(watched, {number: found if isinstance(found, Block) else None
                                       for number, found in zip(places, blocks)}, head)
        await self._care()
        self._tell(next((found for found in (*receipts, *blocks) if isinstance(found, StandardError)), None))
        return moved

    def _receipts(self, asked: Sequence[tuple[Slot, str]], receipts: Sequence[Receipt | StandardError | None],
                  head: int) -> tuple[set[Slot], bool]:
        """The slots that are in a block, and whether any of them is there for good."""
        seen: set[Slot] = set()
        moved = False
        for (slot, name), found in zip(asked, receipts):
            if not isinstance(found, Receipt) or found.transaction_hash != name or slot in seen:
                continue
            seen.add(slot)
            if head - found.block_number >= self._confirmations and self._ledger.book.slots.get(slot.nonce) is slot:
                self._on_mined(slot, found)
                moved = True
        return seen, moved

    async def _look_for_foreign(self, unseen: Sequence[Slot], unread: Collection[Slot]) -> None:
        """Among slots without a receipt, find those whose nonce was used by somebody else; not among those of which a receipt
        may be there and cannot be read."""
        now = self._clock.monotonic()
        suspects = []
        for slot in unseen:
            if slot.nonce >= self._ledger.book.chain:
                slot.free_at = self._ledger.head
            if slot.nonce >= self._ledger.book.chain or slot.sending or slot in unread:
                slot.unseen = 0
                continue
            slot.unseen += 1
            if slot.unseen == 1:
                slot.unseen_since, slot.unseen_at = now, self._ledger.head
            if slot.unseen >= FOREIGN_LOOKS and now - slot.unseen_since >= FOREIGN_SECONDS:
                suspects.append(slot)
        if not suspects:
            return
        try:
            lost = await self._unknown_to_the_node(suspects)
            is_told = not lost or self._are_recent(lost) or await self._tells_since(
                [tracked.created for slot in lost for tracked in slot.owners])
        except (ApiUnavailableError, RpcError) as error:  # the other transactions are looked after all the same
            logging.getLogger(__name__).debug("Who used %d nonces cannot be told now: %s", len(suspects), error)
            return
        if not is_told:
            await self._ledger.forgotten(lost)
        elif lost:
            await self._ledger.lost(lost, "Another program has used nonces of this wallet")

    async def _unknown_to_the_node(self, suspects: Sequence[Slot]) -> list[Slot]:
        """Those that a node knows in no block, though it says that their nonces are used, and is not behind.

        An answer from behind proves nothing: what is signed again by mistake is placed twice. That a transaction waits, or an
        error, counts for nothing against all blocks in which it could be, and for the transaction where not all were read.
        """
        names = [(slot, attempt.hash) for slot in suspects for attempt, _ in slot.attempts]
        head, count, *answers = await self._rpc.batch([
            ("eth_blockNumber", []), ("eth_getTransactionCount", [self._address, "latest"]),
            *[("eth_getTransactionByHash", [name]) for _, name in names]])
        if isinstance(head, RpcError) or isinstance(count, RpcError) or quantity(head, "eth_blockNumber") < self._ledger.head:
            return []
        used = quantity(count, "eth_getTransactionCount")
        in_a_block = {slot for (slot, _), answer in zip(names, answers)
                      if isinstance(answer, dict) and answer.get("blockNumber") is not None}
        known = {slot for (slot, _), answer in zip(names, answers) if answer is not None}
        missing = [slot for slot in suspects if slot.nonce < used and slot not in in_a_block]
        in_doubt, in_none = await self._look_into_blocks(missing)
        return [slot for slot in missing if (slot in in_none or slot not in known) and slot not in in_doubt
                and self._ledger.book.slots.get(slot.nonce) is slot]

    async def _look_into_blocks(self, slots: Sequence[Slot]) -> tuple[set[Slot], set[Slot]]:
        """Those that may be in one of the blocks in which their nonces were used, whichever nodes answered until now, and those
        that are in none.

        Head, nonce and hashes can come from several nodes behind one URL; that a block does not have a transaction needs no
        trust in any. Blocks of long ago are not read again: what is in one, every node knows. So some are neither.
        """
        head = self._ledger.head
        begins = {slot: begin for slot in slots if head - (begin := self._first_unsure(slot, head)) < MAX_SCANNED_BLOCKS}
        if not begins:
            return set(), set()
        first = min(begins.values())
        free_at = max(0, first - 1, min(first if slot.free_at is None else slot.free_at for slot in begins))
        count, earlier, *blocks = await self._rpc.batch([
            *[("eth_getTransactionCount", [self._address, hex(number)]) for number in (head, free_at)],
            *[("eth_getBlockByNumber", [hex(number), False]) for number in range(first, head + 1)]])
        if isinstance(count, RpcError) or not all(isinstance(block, dict) for block in blocks):
            return set(begins), set()
        there = {name for block in blocks for name in transaction_hashes(block)}
        used = quantity(count, "eth_getTransactionCount")
        # That it was free then was one node's word, which may have been far behind; of an older block many tell no count.
        free_from = used if isinstance(earlier, RpcError) else quantity(earlier, "eth_getTransactionCount")
        in_doubt = {slot for slot in begins if slot.nonce >= used or any(attempt.hash in there for attempt, _ in slot.attempts)}
        return in_doubt, {slot for slot in begins if slot not in in_doubt
                          and (slot.nonce >= free_from or (slot.born is not None and first <= self._after_birth(slot.born)))}

    @staticmethod
    def _after_birth(born: int) -> int:
        """The first block in which a nonce may have been used whose first attempt was signed at a block. What the newest block
        was then is one node's word, while another one may have told an older head since."""
        return max(0, born - MAX_LAG_BLOCKS)

    def _first_unsure(self, slot: Slot, head: int) -> int:
        """The first block in which the slot's nonce may have been used; where that is not known or those are too many, the first
        one that some node may not have had yet when the nonce was first seen used, and that every node keeps."""
        recent = max(0, slot.unseen_at - KEPT_BLOCKS)
        known = [] if slot.born is None else [self._after_birth(slot.born)]
        if slot.free_at is not None:
            known.append(min(recent, max(0, slot.free_at - MAX_LAG_BLOCKS)))
        return next((first for first in known if head - first < MAX_SCANNED_BLOCKS), recent)

    def _are_recent(self, slots: Sequence[Slot]) -> bool:
        """Whether every node still knows all blocks since these were signed, whatever this machine's clock says."""
        return all(slot.born is not None and self._ledger.head - slot.born < KEPT_BLOCKS for slot in slots)

    async def _tells_since(self, created: Sequence[float]) -> bool:
        """Whether the node still knows the blocks since the first of these times (seconds since the epoch): one that does not
        shows no receipt of what was mined then."""
        head = self._ledger.head
        numbers = sorted({0, *[head - 2**power for power in range(head.bit_length()) if 2**power <= head], head})
        blocks = (await self._rpc.get_blocks(numbers)).values()
        before = [block.number for block in blocks
                  if block.number == 0 or block.timestamp <= min(created) - CLOCK_DIFFERENCE]
        # A time that is yet to come is that of a clock which was ahead: when it was in truth, nobody knows.
        if not before or max(created) > max(block.timestamp for block in blocks) + CLOCK_DIFFERENCE:
            return False
        try:
            await self._rpc.logs(self._address, [], max(before), max(before))
        except RpcError:
            return False  # of old blocks many nodes keep the heads alone
        return True

    async def _care(self) -> None:
        """Send again, replace or take back what the chain does not have yet; fill gaps."""
        now = self._clock.monotonic()
        book = self._ledger.book
        again: list[Slot] = []
        given_up: list[Slot] = []
        for slot in list(book.slots.values()):
            if slot.sending or slot.nonce < book.chain:
                continue
            tracked = slot.newest[1]
            late = now > tracked.deadline
            stuck = slot.nonce == book.chain and now - slot.since > STUCK and self._ledger.head > slot.head
            if stuck:
                self._note_stuck(slot, now)
            if late and not slot.exposed:
                given_up.append(slot)
            elif (late or stuck) and slot.exposed and now >= slot.next_replacement:
                slot.next_replacement = now + REPLACEMENT_PAUSE
                # At a higher fee it would cost still more than the wallet has; a filler costs little and frees those behind it.
                ends = late or (slot.lacks_funds and tracked.intent.kind != FILLER)
                tracked.withdrawn = tracked.withdrawn or ends
                self._ledger.replace(slot, self._ledger.filler() if ends else tracked)
            elif now >= slot.next_send and not tracked.withdrawn:
                again.append(slot)
        if given_up:
            await self._ledger.release([(slot, f"No node took the transaction in time ({slot.refusal or 'none answered'})")
                                        for slot in given_up])
        again = [slot for slot in again if book.slots.get(slot.nonce) is slot and not slot.sending]
        self._fill_gaps(now)
        if again:
            await self._broadcaster.send(again)

    def _note_stuck(self, slot: Slot, now: float) -> None:
        """Have the slot's bytes sent to all nodes from now on; when that does not help either, say so."""
        if slot.stuck_since is None:
            slot.stuck_since = slot.next_send = now
            slot.lacks_funds = False  # that was said before its turn had come
        elif now - slot.stuck_since > STUCK_TOLD and not slot.is_told:
            slot.is_told = True
            attempt, tracked = slot.newest
            logging.getLogger(__name__).warning(
                "Transaction %s (nonce %d: %s) waits for %.0f s while blocks go by, and all later orders and cancels with it: %s",
                attempt.hash, slot.nonce, " ".join([tracked.intent.kind, *tracked.intent.client_order_ids]),
                now - slot.stuck_since + STUCK, f"the node says {slot.refusal!r}" if slot.refusal else
                "it offers too little for gas (raise max_fee_gwei), or the node does not pass it on (name further nodes in "
                "rpc_url, each of them gets it)")

    def _fill_gaps(self, now: float) -> None:
        book = self._ledger.book
        missing = book.missing()
        if missing is None:
            self._missing_since = None
        elif self._missing_since is None or self._missing_since[0] != missing:
            self._missing_since = (missing, now, self._ledger.head)
        elif self._nobody_knows(*self._missing_since, now):
            self._missing_since = None
            self._doubted = missing
            self._gap_at = now
            book.doubt(missing)
        if book.gaps() and now >= self._gap_at:
            self._gap_at = now + GAP_PAUSE
            self._ledger.wake.set()

    def _nobody_knows(self, missing: int, since: float, head: int, now: float) -> bool:
        """Whether the chain has waited long enough for a nonce. Several in a row are missing when a reorganisation took back
        what another program had sent: only the first of them is waited for at length."""
        is_next = missing == self._doubted + 1 and self._ledger.head >= head + SOON_BLOCKS
        return now - since > (SOON if is_next else STUCK)


def _each[Value](read: Callable[[Any], Value], answers: Sequence[Any]) -> list[Value | StandardError]:
    """The answers, each read by itself; in the place of one that cannot be read stands why."""
    values: list[Value | StandardError] = []
    for answer in answers:
        try:
            values.append(answer if isinstance(answer, RpcError) else read(answer))
        except BadDataError as error:
            values.append(error)
    return values
