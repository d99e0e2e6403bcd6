"""Sending transactions that cannot be lost: one sender per account, from the wish to the proven end.

    wallet = Wallet(private_key)
    rpc = RpcClient(transport, urls, clock, chain_id=chain_id)
    journal = Journal(path, clock)
    sender = TransactionSender(rpc, wallet, journal, clock, FeePolicy(rpc, clock), chain_id)
    await sender.start()
    for earlier in sender.resumed: ...       # what a former run sent and did not settle: wait for each as for a new one
    tracked = sender.submit(Intent(engine, calldata, 0, gas_limit, "create", client_order_ids=("…",)))
    receipt = await tracked.wait()           # receipt.ok, receipt.reason, receipt.logs; or NotSentError
    sender.settle(tracked)                   # once the receipt's consequences are saved: the journal may forget it
    await sender.stop()
    await journal.close()

`submit` returns at once. The intents of one tick are signed with consecutive nonces, written to the journal in one commit
and handed to the node in one request, without waiting for earlier ones. Then each comes to exactly one end (see
docs/protocol.md, "Following a transaction"): mined (with success or reverted, with the reason), or proven never to be mined
(NotSentError). Whatever answers are lost, late, contradictory or of a node that is behind, an intent is not mined twice. But
the node's word is the only proof there is: one that calls a nonce used and makes up blocks without the transaction has its intent
signed again with the next nonce, and both may be mined.

Where the journal cannot be written, what would do harm when it is mined twice is not sent; what would not (`Intent.repeatable`)
is. A fault in the sender itself is told once: an intent that it kept from being recorded is proven never to be mined, and all
others are followed on.

Where blocks can be replaced, a mined transaction is watched for some blocks more. One that lost its block has no end any
more: `on_reorganised` is told, the bytes are sent again, and `wait` waits for the new end.
"""
import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.broadcast import Broadcaster
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy, bumped
from hummingbot.connector.exchange.standard.chain.follower import Follower
from hummingbot.connector.exchange.standard.chain.intents import FILLER, Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Entry, Journal, Unfinished
from hummingbot.connector.exchange.standard.chain.ledger import Ledger
from hummingbot.connector.exchange.standard.chain.nonces import Slot
from hummingbot.connector.exchange.standard.chain.reverts import revert_reason
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_errors import is_method_missing
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt, quantity
from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.connector.exchange.standard.chain.supervision import Supervision
from hummingbot.connector.exchange.standard.chain.watch import Mined, Watch
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    RpcError,
)

# Signing takes the event loop's time, so a large tick is signed in portions.
_SIGNED_AT_ONCE = 64


class TransactionSender:
    """The transactions of one account on one chain.

    `transfer_gas` is the gas of a bare transfer (`GasProfile.transfer`), `confirmations` how many blocks must follow a
    transaction's block before it counts (0 where blocks are final). `watched_blocks` is for how many blocks a mined
    transaction is watched, `on_reorganised` gets each that lost its block, with the receipt that is void (None for one that
    was given up and is mined after all).
    """

    def __init__(self, rpc: RpcClient, wallet: Wallet, journal: Journal, clock: Clock, fee_policy: FeePolicy, chain_id: int, *,
                 transfer_gas: int = 21_000, confirmations: int = 0, watched_blocks: int = 0,
                 on_reorganised: Callable[[Tracked, Receipt | None], None] | None = None) -> None:
        self.address = wallet.address
        self.resumed: list[Tracked] = []
        self._rpc = rpc
        self._journal = journal
        self._clock = clock
        self._fee_policy = fee_policy
        self._chain_id = chain_id
        self._ledger = Ledger(wallet, journal, clock, chain_id, transfer_gas)
        self._broadcaster = Broadcaster(rpc, self._ledger, fee_policy, self._spawn)
        self._watch = Watch(watched_blocks, self._replaced)
        self._on_reorganised = on_reorganised
        self._follower = Follower(rpc, self._ledger, self._broadcaster, clock, wallet.address, confirmations, self._mined,
                                  self._watch)
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._ending: dict[Slot, Receipt] = {}  # what is in a block, while its end is being told
        self._supervision = Supervision("sender of transactions", clock)
        self._running = False

    @property
    def is_running(self) -> bool:
        """Whether what is submitted is sent."""
        return self._running

    @property
    def pending(self) -> list[Tracked]:
        """The intents that have not come to their end, in the order of submission."""
        owners = [tracked for slot in self._ledger.book.slots.values() for tracked in slot.owners]
        unique = {tracked.id: tracked for tracked in [*self._ledger.queue, *owners]
                  if not tracked.done and tracked.intent.kind != FILLER}
        return [unique[number] for number in sorted(unique)]

    @property
    def oldest_unsettled(self) -> int | None:
        """The oldest block in which a transaction is whose end is not told yet or whose block may still be replaced, or that was
        the newest when one was signed which is not known to be in a block yet (0 for one of an earlier run); None where there
        is neither."""
        blocks = [slot.born or 0 for slot in self._ledger.book.slots.values()]
        blocks += [receipt.block_number for receipt in self._ending.values()]
        if self._watch.oldest is not None:
            blocks.append(self._watch.oldest)
        return min(blocks, default=None)

    async def verify(self, contract: str | None = None) -> None:
        """Raises ConfigurationError when another chain is behind the RPC URL, or when `contract` has no code there."""
        chain_id = await self._rpc.chain_id()
        if chain_id != self._chain_id:
            raise ConfigurationError(f"The RPC URL leads to chain {chain_id}, but this network is chain {self._chain_id}: "
                                     "check the RPC URL.")
        if contract is not None and not await self._rpc.code(contract):
            raise ConfigurationError(f"There is no contract at {contract} on chain {self._chain_id}: check the address and "
                                     "the RPC URL.")

    async def start(self) -> None:
        """Learn the account's nonce, take up what a former run left (`resumed`), and begin. Works again after `stop`.

        Raises ConfigurationError for a wrong chain or a journal that cannot be used, ApiUnavailableError or RpcError when no
        node answers.
        """
        await self.verify()
        await self._journal.open()
        answers = await self._rpc.batch([*[("eth_getTransactionCount", [self.address, tag]) for tag in ("latest", "pending")],
                                         ("eth_sendRawTransaction", ["0x"]),  # only a node that takes none does not know it
                                         ("eth_blockNumber", [])])
        if isinstance(answers[2], RpcError) and is_method_missing(answers[2]):
            raise ConfigurationError(f"The node behind the RPC URL takes no transactions ({answers[2].reason}): use another one.")
        if isinstance(answers[0], RpcError):
            raise answers[0]
        mined = quantity(answers[0], "eth_getTransactionCount")
        waiting = mined if isinstance(answers[1], RpcError) else quantity(answers[1], "eth_getTransactionCount")
        head = 0 if isinstance(answers[3], RpcError) else quantity(answers[3], "eth_blockNumber")
        self._ledger.restart(mined, max(mined, waiting), await self._journal.last_id(), head)
        self._watch.clear()
        self._ending.clear()
        self.resumed = []
        for item in await self._journal.unfinished(self._ledger.account):
            self._resume(item)
        if self.resumed:
            logging.getLogger(__name__).info("%d transactions of the last run are followed to their end", len(self.resumed))
        self._running = True
        self._ledger.activity.set()
        self._spawn(self._supervision.keep(self._outbox))
        self._spawn(self._supervision.keep(self._follower.run))

    async def stop(self) -> None:
        """Stop sending and following. What is not at its end raises OutcomeUnknownError; the journal has it."""
        self._running = False
        for task in self._tasks - self._settling:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Written down, since the journal may know them from a nonce that they lost and would send them again.
        await self._ledger.fail([(tracked, "Not sent: the sender was stopped.") for tracked in self._ledger.queue
                                 if not tracked.attempts])
        self._abandon("the sender was stopped; the next start follows it")

    def submit(self, intent: Intent) -> Tracked:
        """Send an intent. Never blocks and never raises: `wait` tells what became of it."""
        tracked = self._ledger.new(intent)
        if self._running:
            self._ledger.queue.append(tracked)
            self._ledger.wake.set()
        else:
            tracked.end(NotSentError("The sender is not running."))
        return tracked

    def settle(self, *done: Tracked) -> None:
        """The caller has saved what followed from these ends: a next run need not hear of them again.

        `Journal.set` does both in one commit.
        """
        self._note(self._ledger.settle(done))

    def _note(self, writing: Coroutine[Any, Any, None]) -> None:
        """Write something to the journal that `stop` waits for."""
        task = self._spawn(writing)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def _resume(self, item: Unfinished) -> None:
        age = abs(self._clock.time() - item.created)  # yet to come only by a clock that was ahead then: it counts as old
        tracked = Tracked(item.id, item.intent, item.created, self._clock.monotonic() + item.intent.patience - age)
        if item.intent.kind != FILLER:
            self.resumed.append(tracked)
        if item.failure is not None:
            tracked.end(NotSentError(item.failure))
            return
        for attempt in item.attempts:
            slot = self._ledger.add(tracked, attempt)
            slot.sending = False
            slot.exposed.add(attempt.hash)
        if not item.attempts and item.intent.kind != FILLER:
            self._ledger.queue.append(tracked)

    async def _outbox(self) -> None:
        self._ledger.wake.set()  # a fault may have left something behind
        while True:
            await self._ledger.wake.wait()
            self._ledger.wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        """Sign, record and send all that is waiting."""
        try:
            fees = await self._fee_policy.current()
        except (ApiUnavailableError, ConfigurationError, RpcError) as error:
            if self._fee_policy.last is None:
                waiting, self._ledger.queue = self._ledger.queue, []
                await self._ledger.fail([(tracked, f"No node tells what gas costs: {error}") for tracked in waiting])
                return
            fees = self._fee_policy.last
        now = self._clock.monotonic()
        # The others stay in the queue meanwhile, where `stop` finds them.
        late = [tracked for tracked in self._ledger.queue if now > tracked.deadline]
        self._ledger.queue = [tracked for tracked in self._ledger.queue if tracked not in late]
        await self._ledger.fail([(tracked, "It waited too long to be sent.") for tracked in late])
        portion, self._ledger.queue = self._ledger.queue[:_SIGNED_AT_ONCE], self._ledger.queue[_SIGNED_AT_ONCE:]
        if self._ledger.queue:
            self._ledger.wake.set()
        signed: list[tuple[Slot, Entry]] = []
        try:
            self._sign_all(portion, fees, signed)
            await self._ledger.record([entry for _, entry in signed])
        except (sqlite3.Error, OSError) as error:
            kept = [(slot, entry) for slot, entry in signed if entry.intent.repeatable]
            await self._not_recorded([item for item in signed if item not in kept], (),
                                     f"The journal cannot be written: {error}")
            signed = kept
        except Exception as error:
            await self._not_recorded(signed, portion, f"Not sent because of a fault in the connector: {type(error).__name__}")
            raise
        if signed:
            self._spawn(self._broadcaster.send([slot for slot, _ in signed]))

    async def _not_recorded(self, signed: Sequence[tuple[Slot, Entry]], portion: Sequence[Tracked], why: str) -> None:
        """Undo what was signed and never left; the intents of it, and those of `portion`, that have no other attempt end."""
        over = [self._ledger.take_back(slot, entry) for slot, entry in reversed(signed)]
        await self._ledger.fail([(tracked, why) for tracked in dict.fromkeys([*over, *portion]) if not tracked.attempts])
        if self._ledger.book.gaps():
            self._ledger.wake.set()

    def _sign_all(self, portion: Sequence[Tracked], fees: Fees, signed: list[tuple[Slot, Entry]]) -> None:
        """Add the signed attempts: new intents, then replacements, then fillers of gaps."""
        ledger = self._ledger
        ledger.newest = self._rpc.head
        for tracked in portion:
            nonce = ledger.book.take()
            signed.append(ledger.sign(tracked, nonce, self._fees_at(nonce, fees)))
        replacements, ledger.replacements = ledger.replacements, []
        for slot, tracked in replacements:
            if ledger.book.slots.get(slot.nonce) is not slot or slot.sending or tracked.done:
                continue
            highest = slot.highest
            higher = self._fee_policy.replacement(highest, fees)
            if higher is None and tracked is not slot.newest[1]:
                higher = bumped(highest)  # above the bound, once: what is too late must not be mined when gas is cheap again
            if higher is not None:
                signed.append(ledger.sign(tracked, slot.nonce, higher))
        for nonce in ledger.book.gaps():
            ledger.book.fill(nonce)
            signed.append(ledger.sign(ledger.filler(), nonce, self._fees_at(nonce, fees)))

    def _fees_at(self, nonce: int, fees: Fees) -> Fees:
        """The fees for a nonce: where other bytes with it may still be about, so much that they lose against the new ones."""
        offered = self._ledger.lost_offers.get(nonce)
        return fees if offered is None else self._fee_policy.replacement(offered, fees) or offered

    def _mined(self, slot: Slot, receipt: Receipt) -> None:
        winner = self._ledger.mined(slot, receipt)
        self._ending[slot] = receipt
        try:
            if winner.done:  # given up for another attempt at the nonce, whose block was replaced
                self._note(self._ledger.unsettle([winner]))
                self._reopen(winner, None)
        finally:
            self._spawn(self._finish(slot, winner, receipt))

    def _replaced(self, entry: Mined) -> None:
        logging.getLogger(__name__).warning("Block %d with transaction %s was replaced; it is followed anew",
                                            entry.receipt.block_number, entry.receipt.transaction_hash)
        self._ledger.reopen(entry.slot)
        self._note(self._ledger.unsettle(entry.slot.owners))  # any of them may be mined now
        self._reopen(entry.tracked, entry.receipt)

    def _reopen(self, tracked: Tracked, void: Receipt | None) -> None:
        tracked.reopen()
        if self._on_reorganised is not None and tracked.intent.kind != FILLER:
            self._on_reorganised(tracked, void)

    async def _finish(self, slot: Slot, winner: Tracked, receipt: Receipt) -> None:
        """Tell the ends of all intents of a nonce: one was mined."""
        others = [tracked for tracked in slot.owners if tracked is not winner]
        try:
            # Those of which it was told before that they are not mined.
            await self._ledger.settle([tracked for tracked in others if tracked.done and tracked.receipt is None])
            await self._ledger.fail([(tracked, "It was not in a block in time and was taken back.") for tracked in others])
            if not receipt.ok:
                receipt = receipt._replace(reason=await revert_reason(self._rpc, self.address, winner.intent, receipt))
        finally:
            winner.end(receipt)
            self._watch.add(Mined(slot, winner, receipt))
            self._ending.pop(slot, None)
        if winner.intent.kind == FILLER:
            await self._ledger.settle([winner])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._supervision.tell(error)

    def _abandon(self, why: str) -> None:
        for tracked in self._ledger.queue:
            tracked.end(OutcomeUnknownError(f"The end is not known: {why}.") if tracked.attempts
                        else NotSentError(f"Not sent: {why.split(';')[0]}."))
        self._ledger.queue.clear()
        for slot in (*self._ledger.book.slots.values(), *self._ending):
            for tracked in slot.owners:
                tracked.end(OutcomeUnknownError(f"The end is not known: {why}."))
