"""What the sandbox's chain itself says of an account's orders, read from its blocks: with the tables of the contracts' events,
which the sandbox and the connector share, and without any of the connector's settlement."""
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
    decode_event,
)
from hummingbot.connector.exchange.standard.sandbox.blocks import History, MinedBlock
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction


class Trade(NamedTuple):
    """A trade of an order: price x 1e8, base and quote units before fees, and the fee in units of what was received."""

    trade_id: str
    price: int
    base_units: int
    quote_units: int
    fee: int


@dataclass
class Submission:
    """An order as the engine got it. `nonce` is its transaction's, whoever sent that, `deposit` what rests of it now; `key` is
    None when it never rested."""

    name: str
    nonce: int
    key: tuple[str, bool, int] | None = None
    trades: set[Trade] = field(default_factory=set)
    cancelled: bool = False
    deposit: int = 0

    @property
    def is_partly_filled(self) -> bool:
        """Whether any base was traded; a taker may pay a little quote for none at all."""
        return any(trade.base_units for trade in self.trades)


class Truth(NamedTuple):
    """All orders of an account by the id under which a connector should know them, gas paid, and transactions without events."""

    orders: dict[str, Submission]
    gas: int
    successes: set[str]


def newest_change(history: History) -> str:
    """The hash of the newest block with anything in it: while it stays the same, so does all that the contracts hold."""
    block: MinedBlock | None = history.head
    number = history.head.number
    while block is not None and not block.receipts and number > history.oldest_number:
        number -= 1
        block = history.by_number(number)
    return block.hash if block is not None else ""


def read_truth(sandbox: Sandbox, account: str) -> Truth:
    """Read every block that the sandbox remembers."""
    return TruthReader(sandbox, account).read()


class TruthReader:
    """Reads on from where it was; what blocks said that were replaced since is forgotten first."""

    def __init__(self, sandbox: Sandbox, account: str) -> None:
        self._sandbox = sandbox
        self._account = account
        self._newest: deque[tuple[int, str]] = deque(maxlen=sandbox.node.settings.reorg_depth + 1)  # numbers and hashes
        self._blocks: list[MinedBlock] = []  # those that concern the account
        self._next = sandbox.node.history.oldest_number
        self._change = ""
        self._forget_counts()

    def _forget_counts(self) -> None:
        self._counted = 0
        self._groups: dict[tuple[str, int], Submission] = {}
        self._items: Counter[str] = Counter()
        self._by_key: dict[tuple[str, bool, int], Submission] = {}
        self._open: dict[tuple[str, bool, int], Submission] = {}
        self._gas = 0
        self._successes: set[str] = set()

    def read(self) -> Truth:
        """The truth as of the newest block."""
        history, view = self._sandbox.node.history, self._sandbox.view
        self._unread_replaced(history)
        for block in history.range(self._next, history.head.number):
            self._newest.append((block.number, block.hash))
            if self._concerns(block):
                self._blocks.append(block)
        self._next = history.head.number + 1
        for block in self._blocks[self._counted:]:
            self._count_block(block)
        self._counted = len(self._blocks)
        change, self._change = self._change, newest_change(history)
        for key, order in list(self._open.items()) if change != self._change else ():
            order.deposit = int(view.call(key[0], BOOK_FUNCTIONS["getOrder"], key[1], key[2])[0][2])
            if order.deposit == 0:
                del self._open[key]
        return Truth({order.name: order for order in self._groups.values()}, self._gas, self._successes)

    def _unread_replaced(self, history: History) -> None:
        while self._newest:
            number, block_hash = self._newest[-1]
            block = history.by_number(number)
            if block is not None and block.hash == block_hash:
                return
            self._newest.pop()
            self._next = number
            if self._blocks and self._blocks[-1].number == number:
                self._blocks.pop()
                if self._counted > len(self._blocks):
                    self._forget_counts()

    def _concerns(self, block: MinedBlock) -> bool:
        topic = "0x" + "00" * 12 + self._account[2:]
        return any(receipt.transaction.sender == self._account or any(
            topic in log.topics or self._account[2:] in log.data.hex() for log in receipt.logs) for receipt in block.receipts)

    def _count_block(self, block: MinedBlock) -> None:
        for receipt in block.receipts:
            if receipt.transaction.sender == self._account:
                self._gas += receipt.gas_used * receipt.gas_price
                if receipt.success:
                    self._successes.add(receipt.transaction.hash)
            for log in receipt.logs:
                if log.address == self._sandbox.engine_address:
                    self._count(decode_event(log.topics, log.data), receipt.transaction)

    def _submission(self, transaction: Transaction, order_history_id: int) -> Submission:
        """The order of a transaction's item; one that never rests is known by the item's number."""
        sent = transaction.hash
        known = self._groups.get((sent, order_history_id))
        if known is None:
            known = self._groups[sent, order_history_id] = Submission(f"{sent}:{self._items[sent]}", transaction.nonce)
            self._items[sent] += 1
        return known

    def _count(self, event: object, transaction: Transaction) -> None:
        account = self._account
        if isinstance(event, OrderPlaced) and event.owner == account:
            order = self._submission(transaction, event.order_history_id)
            order.key = (event.pair, event.is_bid, event.id)
            order.name = f"{event.pair}:{'bid' if event.is_bid else 'ask'}:{event.id}"
            self._by_key[order.key] = self._open[order.key] = order
        elif isinstance(event, OrderMatched):
            name = f"{event.pair}:{event.trade_id}"
            if event.sender == account:
                taken = self._submission(transaction, event.order_history_id)
                taken.trades.add(_trade(name, event, event.base_fee if event.is_bid else event.quote_fee))
            if event.owner == account:
                made = self._by_key[event.pair, not event.is_bid, event.id]
                made.trades.add(_trade(name, event, event.quote_fee if event.is_bid else event.base_fee))
        elif isinstance(event, OrderCanceled) and event.owner == account:
            self._by_key[event.pair, event.is_bid, event.id].cancelled = True


def _trade(trade_id: str, event: OrderMatched, fee: int) -> Trade:
    return Trade(trade_id, event.price, event.base_amount, event.quote_amount, fee)
