"""The world together with the blocks that made it: transactions run, blocks added, taken away, and looked at in the past."""
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hummingbot.connector.exchange.standard.sandbox.admission import message_of
from hummingbot.connector.exchange.standard.sandbox.blocks import Executed, Header, History, MinedBlock, seal
from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction
from hummingbot.connector.exchange.standard.sandbox.world import Block, World

MAX_REPEATED = 1_000  # transactions that are run again after a look at the past


class StateUnavailable(ValueError):
    """The state after that block is no longer known."""


class ChainState:
    """A world and its history. The last `depth` blocks can be taken away, `fee_receiver` gets the tips."""

    def __init__(self, world: World, history: History, *, depth: int, fee_receiver: str) -> None:
        self.world = world
        self.history = history
        self._depth = depth
        self._fee_receiver = fee_receiver

    # Forward

    def run(self, transactions: Iterable[Transaction], header: Header, limit: int) -> tuple[list[Executed], list[Transaction]]:
        """Run up to `limit` of the transactions, as far as the block's gas goes and each sender's nonces allow.

        Also returns those whose sender can no longer pay for them.
        """
        executed: list[Executed] = []
        unpayable: list[Transaction] = []
        gas_left = header.gas_limit
        block = Block(header.number, header.timestamp)
        for transaction in transactions:
            if len(executed) == limit:
                break
            if transaction.nonce != self.world.nonce(transaction.sender) or transaction.gas_limit > gas_left:
                continue
            if self.world.balance(transaction.sender) < transaction.cost:
                unpayable.append(transaction)
                continue
            executed.append(self._execute(transaction, header.base_fee, block))
            gas_left -= executed[-1].gas_used
        return executed, unpayable

    def _execute(self, transaction: Transaction, base_fee: int, block: Block) -> Executed:
        """Buy the gas, run the message, give the unused gas back and the tip to the fee receiver; the base fee is burnt."""
        world, price = self.world, transaction.gas_price(base_fee)
        if price:
            world.add_balance(transaction.sender, -transaction.gas_limit * price)
        world.set_nonce(transaction.sender, transaction.nonce + 1)
        outcome = world.execute(message_of(transaction), block)
        if price:
            world.add_balance(transaction.sender, (transaction.gas_limit - outcome.gas_used) * price)
        if price > base_fee:
            world.add_balance(self._fee_receiver, outcome.gas_used * (price - base_fee))
        return Executed(transaction, outcome.success, outcome.gas_used, price, outcome.logs, outcome.return_data)

    def append(self, header: Header, executed: list[Executed], *, mined_at: float, undo: int, salt: int) -> MinedBlock:
        """Seal the block of what ran since the checkpoint `undo`; blocks too deep to be taken away become final."""
        block = seal(header, self.history.head.hash, executed, mined_at=mined_at, undo=undo, salt=salt)
        block.done = self.world.checkpoint()
        self.history.append(block)
        final = self.history.by_number(block.number - self._depth)
        if final is not None and final.undo is not None:
            self.world.forget(final.undo)
            final.undo = None
        return block

    # Backward

    def unwind(self, depth: int) -> list[MinedBlock]:
        """Take away the newest `depth` blocks with all that they did; returns them, the newest first. Raises ValueError."""
        first = self.history.by_number(self.history.head.number - depth + 1)
        if depth < 1 or first is None or first.undo is None:
            raise ValueError(f"{depth} blocks cannot be replaced: 1 to {self._depth} of the mined ones can")
        self.world.rollback(first.undo)
        return [self.history.pop() for _ in range(depth)]

    def remembers(self, number: int) -> bool:
        """Whether the state after that block, an older one than the head, can be looked at.

        Not when the block is too old, when too many transactions followed, or when the world was changed since other than
        by transactions.
        """
        later = list(self.history.range(number + 1, self.history.head.number))
        before = self.history.by_number(number)
        if before is None or sum(len(block.receipts) for block in later) > MAX_REPEATED:
            return False
        ends = [before.done, *(block.done for block in later)]
        starts = [*(block.undo for block in later), self.world.checkpoint()]
        return None not in starts and all(end in (start, None) for start, end in zip(starts, ends))

    @contextmanager
    def past(self, number: int) -> Iterator[Block]:
        """The state after an older block, for as long as the context lasts; the later transactions then run again.

        Raises StateUnavailable.
        """
        before = self.history.by_number(number)
        if before is None or not self.remembers(number):
            raise StateUnavailable(f"historical state of block {number} is not available, "
                                   f"the head is block {self.history.head.number}")
        later = list(self.history.range(number + 1, self.history.head.number))
        if later and later[0].undo is not None:
            self.world.rollback(later[0].undo)
        try:
            yield Block(before.number, before.timestamp)
        finally:
            for block in later:
                seen = Block(block.number, block.timestamp)
                for receipt in block.receipts:
                    self._execute(receipt.transaction, block.base_fee, seen)
