"""A node: accounts and fees, the pool, mining, reorganisations, and the faults of a node, around a simulated world.

Everything is synchronous and belongs to one event loop; only `run`, which mines at intervals, waits. What it knows of the
chain's rules is in docs/protocol.md, "Chain behaviour and gas" and "Following a transaction".
"""
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import NamedTuple, Union

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.admission import check_account, check_form
from hummingbot.connector.exchange.standard.sandbox.blocks import (
    ZERO_HASH,
    BlockLog,
    Header,
    History,
    LogFilter,
    MinedBlock,
    Receipt,
    seal,
)
from hummingbot.connector.exchange.standard.sandbox.chain_state import ChainState
from hummingbot.connector.exchange.standard.sandbox.pool import Pool
from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction, TransactionRejected, decode_transaction
from hummingbot.connector.exchange.standard.sandbox.world import Block, Message, Outcome, World

GWEI = 10 ** 9


class Mining(Enum):
    """When blocks come: one per transaction at once, one per interval, or only when asked for."""

    INSTANT = "instant"
    INTERVAL = "interval"
    MANUAL = "manual"


class Reorg(Enum):
    """What becomes of the transactions of removed blocks: they go back to the pool (and the new blocks are empty), they
    are in the new blocks at once, or they are lost."""

    RETURN = "return"
    REMINE = "remine"
    VANISH = "vanish"


@dataclass(frozen=True)
class NodeSettings:
    """How a node is set up. Fees are wei per gas; `interval` is seconds.

    `timestamp` gives the time of a block by its number; without it the time is the clock's and never decreases.
    `history_blocks` is how many blocks stay known, `reorg_depth` how many of them can be taken back, `call_gas_limit` the
    most gas that a call or an estimate may use.
    """

    chain_id: int = 31337
    mining: Mining = Mining.INTERVAL
    interval: float = 0.1
    first_block: int = 1
    base_fee: int = 6 * GWEI
    priority_fee: int = GWEI
    block_gas_limit: int = 15 * 10 ** 9
    call_gas_limit: int = 500 * 10 ** 6
    history_blocks: int = 10_000
    reorg_depth: int = 64
    pool_limit: int = 100_000
    fee_receiver: str = "0x" + "00" * 20
    timestamp: Callable[[int], int] | None = None
    seed: int = 0


@dataclass
class NodeFaults:
    """What is wrong with the node at the moment; every field may change while it runs.

    A dropped transaction is accepted, answered with its hash and lost; a held one waits until `release_held`. A receipt is
    hidden until its block is so many blocks and seconds old. With `blocks_behind` the node answers block numbers, blocks,
    receipts, logs, nonces and the state as of an older head; the state is the newest one when the older is not known any more.
    `base_fee_factor` multiplies the base fee. Logs are duplicated or shuffled in answers to log queries only.
    """

    drop_transactions: bool = False
    hold_transactions: bool = False
    lose_send_answers: bool = False
    receipt_delay_blocks: int = 0
    receipt_delay_seconds: float = 0.0
    blocks_behind: int = 0
    duplicate_logs: bool = False
    shuffle_logs: bool = False
    base_fee_factor: int = 1
    mining_paused: bool = False


class BlockAdded(NamedTuple):
    """A block was mined on top of the chain."""

    block: MinedBlock


class BlockRemoved(NamedTuple):
    """The newest block is no longer part of the chain; its logs are told again, as removed ones."""

    block: MinedBlock


class TransactionPending(NamedTuple):
    """A transaction joined the pool."""

    transaction: Transaction


NodeEvent = Union[BlockAdded, BlockRemoved, TransactionPending]
Listener = Callable[[NodeEvent], None]


class Node:
    """One node of a chain whose only one it is. Amounts and fees are in wei.

    Hashes and addresses are lower-case hex strings. `settings` is fixed, `faults` and `mining` may change at any time.
    """

    def __init__(self, world: World, clock: Clock, settings: NodeSettings | None = None) -> None:
        self.world = world
        self.settings = settings or NodeSettings()
        self.faults = NodeFaults()
        self.mining = self.settings.mining
        self.interval = self.settings.interval
        self.held: list[Transaction] = []
        self.pool = Pool(self.settings.pool_limit)
        self._clock = clock
        self._listeners: list[Listener] = []
        self._events: deque[NodeEvent] = deque()
        self._random = Random(self.settings.seed)
        self._branch = 0
        self._looked_at: Block | None = None
        number = self.settings.first_block - 1
        genesis = Header(number, self._timestamp(number, 0), self.base_fee, self.settings.block_gas_limit)
        self.history = History(seal(genesis, ZERO_HASH, (), mined_at=clock.monotonic(), undo=None, salt=0),
                               self.settings.history_blocks)
        self._chain = ChainState(world, self.history, depth=self.settings.reorg_depth,
                                 fee_receiver=self.settings.fee_receiver)

    # Reading

    @property
    def head(self) -> MinedBlock:
        """The newest block."""
        return self.history.head

    @property
    def visible_head(self) -> MinedBlock:
        """The newest block that this node admits to know: the head, or an older one when it is behind."""
        number = max(self.head.number - self.faults.blocks_behind, self.history.oldest_number)
        return self.history.by_number(number) or self.head

    @property
    def base_fee(self) -> int:
        """The base fee of the next block, in wei per gas."""
        return self.settings.base_fee * self.faults.base_fee_factor

    @property
    def gas_price(self) -> int:
        """What a node suggests for a legacy transaction, in wei per gas."""
        return self.base_fee + self.settings.priority_fee

    def block(self, number: int) -> MinedBlock | None:
        """The block with this number, when it is known and visible."""
        return self.history.by_number(number) if number <= self.visible_head.number else None

    def block_by_hash(self, block_hash: str) -> MinedBlock | None:
        """The block with this hash, when it is known and visible."""
        block = self.history.by_hash(block_hash)
        return block if block is not None and block.number <= self.visible_head.number else None

    def mined(self, transaction_hash: str) -> Receipt | None:
        """The receipt of a transaction in a visible block, whether or not receipts are delayed."""
        receipt = self.history.receipt(transaction_hash)
        return receipt if receipt is not None and receipt.block_number <= self.visible_head.number else None

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The receipt, or None while there is none to be seen."""
        receipt = self.mined(transaction_hash)
        if receipt is None or not (self.faults.receipt_delay_blocks or self.faults.receipt_delay_seconds):
            return receipt
        block = self.history.by_number(receipt.block_number)
        if block is None or self.visible_head.number - block.number < self.faults.receipt_delay_blocks:
            return None
        return receipt if self._clock.monotonic() - block.mined_at >= self.faults.receipt_delay_seconds else None

    def transaction(self, transaction_hash: str) -> Transaction | None:
        """A transaction that waits or was mined (docs/protocol.md, "Following a transaction")."""
        receipt = self.history.receipt(transaction_hash)
        return receipt.transaction if receipt is not None else self.pool.get(transaction_hash)

    def logs(self, wanted: LogFilter, first: int, last: int) -> list[BlockLog]:
        """The wanted logs of the visible blocks from `first` to `last`, in order (unless a fault says otherwise)."""
        found = [entry for block in self.history.range(first, min(last, self.visible_head.number))
                 for entry in wanted.select(block)]
        if self.faults.duplicate_logs:
            found = [entry for entry in found for _ in range(2)]
        if self.faults.shuffle_logs:
            self._random.shuffle(found)
        return found

    # State

    def nonce(self, address: str, *, pending: bool = False, number: int | None = None) -> int:
        """The number of the account's mined transactions; with `pending` also those that wait without a gap.

        Here and below: without `number` as of the visible head, else as of that block; raises StateUnavailable when the
        state after it is no longer known.
        """
        if pending:
            return self.pool.next_nonce(address, self.world.nonce(address))
        if number is None:
            return self.world.nonce(address) - self.history.used_nonces(address, self.head.number - self.visible_head.number)
        with self._state(False, number):
            return self.world.nonce(address)

    def balance(self, address: str, *, pending: bool = False, number: int | None = None) -> int:
        """The native balance in wei."""
        with self._state(pending, number):
            return self.world.balance(address)

    def call(self, message: Message, *, pending: bool = False, number: int | None = None) -> Outcome:
        """Run a message and undo it, with `pending` in the next block after everything that waits."""
        with self._state(pending, number) as block:
            return self.world.call(message, block)

    def estimate_gas(self, message: Message, *, pending: bool = False, number: int | None = None) -> int | Outcome:
        """The smallest gas limit that succeeds, or the failing outcome (docs/protocol.md, "Chain behaviour and gas")."""
        with self._state(pending, number) as block:
            return self.world.estimate_gas(message, block)

    @contextmanager
    def looking_back(self, number: int) -> Iterator[None]:
        """Answer questions about the state of one block without going there anew for each. Nothing may be submitted, mined
        or asked of another block meanwhile. Raises StateUnavailable."""
        with self._state(False, number) as block:
            self._looked_at = block
            try:
                yield
            finally:
                self._looked_at = None

    @contextmanager
    def _state(self, pending: bool, number: int | None) -> Iterator[Block]:
        wanted = self.visible_head.number if number is None else number
        if self._looked_at is not None and self._looked_at.number == wanted and not pending:
            yield self._looked_at
        elif pending:
            header = self._next_header()
            checkpoint = self.world.checkpoint()
            try:
                self._chain.run(self.pool.executable(self.world.nonce, header.base_fee), header, len(self.pool))
                yield Block(header.number, header.timestamp)
            finally:
                self.world.rollback(checkpoint)
        elif wanted == self.head.number or (number is None and not self._chain.remembers(wanted)):
            yield Block(self.head.number, self.head.timestamp)
        else:
            with self._chain.past(wanted) as block:
                yield block

    # Transactions in

    def submit(self, raw: bytes) -> str:
        """Accept a signed transaction and return its hash. Raises TransactionRejected in a node's words."""
        transaction = decode_transaction(raw, self.settings.chain_id)
        if transaction.hash in self.pool or any(held.hash == transaction.hash for held in self.held):
            raise TransactionRejected("already known")
        check_form(transaction, self.world, base_fee=self.base_fee, block_gas_limit=self.settings.block_gas_limit)
        check_account(transaction, self.world, self.pool)
        if self.faults.hold_transactions:
            self.held.append(transaction)
        elif not self.faults.drop_transactions:
            self._pool(transaction)
            self._mine_waiting()
        return transaction.hash

    def release_held(self) -> None:
        """Put the held transactions into the pool; those whose nonce was used up meanwhile are lost."""
        held, self.held = self.held, []
        for transaction in held:
            if transaction.nonce >= self.world.nonce(transaction.sender) and self.pool.replaced_by(transaction) is None:
                self._pool(transaction)
        self._mine_waiting()

    def _pool(self, transaction: Transaction) -> None:
        self.pool.add(transaction)
        self._tell(TransactionPending(transaction))

    # Mining

    async def run(self) -> None:
        """Mine a block every `interval` seconds while the mode is INTERVAL, and let go what a fault that was switched off
        had stopped. Ends by being cancelled."""
        due = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            due = max(due + self.interval, now)
            await self._clock.sleep(due - now)
            if self.held and not self.faults.hold_transactions:
                self.release_held()
            if self.mining is Mining.INTERVAL and not self.faults.mining_paused:
                self.mine()
            self._mine_waiting()

    def mine(self, blocks: int = 1) -> None:
        """Mine that many blocks now, each with all waiting transactions that fit, whatever the mode and a pause say."""
        for _ in range(blocks):
            self._mine_block(len(self.pool))

    def pause(self) -> None:
        """No more blocks until `resume`, except by `mine`."""
        self.faults.mining_paused = True

    def resume(self) -> None:
        """Let blocks come again."""
        self.faults.mining_paused = False
        self._mine_waiting()

    def set_mining(self, mining: Mining, interval: float | None = None) -> None:
        """Change the mode; what waits is mined at once when the new mode is INSTANT. `interval` is in seconds."""
        self.mining = mining
        self.interval = self.interval if interval is None else interval
        self._mine_waiting()

    def _mine_waiting(self) -> None:
        """In instant mode: one block for each transaction that can be mined."""
        while (self.mining is Mining.INSTANT and not self.faults.mining_paused and len(self.pool)
               and self.pool.executable(self.world.nonce, self.base_fee)):
            self._mine_block(1, empty=False)

    def _mine_block(self, transactions: int, *, empty: bool = True) -> None:
        """Mine a block of at most so many transactions; without `empty` only when there is one."""
        header = self._next_header()
        undo = self.world.checkpoint()
        waiting = self.pool.executable(self.world.nonce, header.base_fee) if transactions else ()
        executed, unpayable = self._chain.run(waiting, header, transactions)
        for transaction in [item.transaction for item in executed] + unpayable:
            self.pool.remove(transaction)
        if executed or empty:
            self._tell(BlockAdded(self._chain.append(header, executed, mined_at=self._clock.monotonic(), undo=undo,
                                                     salt=self._branch)))

    def _next_header(self) -> Header:
        number = self.head.number + 1
        return Header(number, self._timestamp(number, self.head.timestamp), self.base_fee, self.settings.block_gas_limit)

    def _timestamp(self, number: int, parent: int) -> int:
        if self.settings.timestamp is not None:
            return self.settings.timestamp(number)
        return max(parent, int(self._clock.time()))

    # Reorganisation

    def reorganise(self, depth: int, mode: Reorg = Reorg.RETURN) -> list[MinedBlock]:
        """Replace the newest `depth` blocks by as many others and return the removed ones, the oldest first.

        Raises ValueError when they are too many to be taken back. In instant mode transactions that went back to the pool
        are mined again at once, in blocks after the replaced ones.
        """
        removed = self._chain.unwind(depth)
        self._branch += 1
        for block in removed:
            self._tell(BlockRemoved(block))
        removed.reverse()
        if mode is not Reorg.VANISH:
            for receipt in (receipt for block in removed for receipt in block.receipts):
                self.pool.add(receipt.transaction)
        self._mine_block(len(self.pool) if mode is Reorg.REMINE else 0)
        for _ in range(depth - 1):
            self._mine_block(0)
        self._mine_waiting()
        return removed

    # Listeners

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` every NodeEvent, in order, as it happens; returns the call that ends it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            self._listeners.remove(listener)

        return unsubscribe

    def _tell(self, event: NodeEvent) -> None:
        """Tell every listener; what happens because of a listener is told after it, so that all hear the same order."""
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            try:
                for listener in tuple(self._listeners):
                    listener(self._events[0])
            finally:
                self._events.popleft()
