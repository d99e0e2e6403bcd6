"""What the sandbox's chain itself says of an account's orders, read from its blocks without any code of the connector's."""
from dataclasses import dataclass, field
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
    decode_event,
)
from hummingbot.connector.exchange.standard.sandbox.blocks import MinedBlock
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox


class Trade(NamedTuple):
    """A trade of an order: base units before fees, and the fee in units of what was received."""

    trade_id: str
    base_units: int
    fee: int


@dataclass
class Submission:
    """An order as the engine got it. `deposit` is what rests of it now; `key` is None when it never rested."""

    name: str
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


def read_truth(sandbox: Sandbox, account: str) -> Truth:
    """Read every block of the sandbox."""
    return TruthReader(sandbox, account).read()


class TruthReader:
    """Reads on from where it was, on a chain that is not reorganised."""

    def __init__(self, sandbox: Sandbox, account: str) -> None:
        self._sandbox = sandbox
        self._account = account
        self._next = 0
        self._groups: dict[tuple[str, int], Submission] = {}
        self._by_key: dict[tuple[str, bool, int], Submission] = {}
        self._open: dict[tuple[str, bool, int], Submission] = {}
        self._gas = 0
        self._successes: set[str] = set()

    def read(self) -> Truth:
        """The truth as of the newest block."""
        sandbox = self._sandbox
        for number in range(self._next, sandbox.node.head.number + 1):
            block = sandbox.node.block(number)
            if block is not None:
                self._read_block(block)
        self._next = sandbox.node.head.number + 1
        for key, order in list(self._open.items()):
            order.deposit = int(sandbox.view.call(key[0], BOOK_FUNCTIONS["getOrder"], key[1], key[2])[0][2])
            if order.deposit == 0:
                del self._open[key]
        return Truth({order.name: order for order in self._groups.values()}, self._gas, self._successes)

    def _read_block(self, block: MinedBlock) -> None:
        for receipt in block.receipts:
            if receipt.transaction.sender == self._account:
                self._gas += receipt.gas_used * receipt.gas_price
                if receipt.success:
                    self._successes.add(receipt.transaction.hash)
            for offset, log in enumerate(receipt.logs):
                if log.address == self._sandbox.engine_address:
                    self._count(decode_event(log.topics, log.data), receipt.transaction.hash, receipt.first_log_index + offset)

    def _count(self, event: object, transaction: str, position: int) -> None:
        account = self._account
        if isinstance(event, OrderPlaced) and event.owner == account:
            order = self._groups.setdefault((transaction, event.order_history_id), Submission(""))
            order.key = (event.pair, event.is_bid, event.id)
            order.name = f"{event.pair}:{'bid' if event.is_bid else 'ask'}:{event.id}"
            self._by_key[order.key] = self._open[order.key] = order
        elif isinstance(event, OrderMatched):
            name = f"{event.pair}:{event.trade_id}"
            if event.sender == account:
                taken = self._groups.setdefault((transaction, event.order_history_id), Submission(f"{transaction}:{position}"))
                taken.trades.add(Trade(name, event.base_amount, event.base_fee if event.is_bid else event.quote_fee))
            if event.owner == account:
                made = self._by_key[event.pair, not event.is_bid, event.id]
                made.trades.add(Trade(name, event.base_amount, event.quote_fee if event.is_bid else event.base_fee))
        elif isinstance(event, OrderCanceled) and event.owner == account:
            self._by_key[event.pair, event.is_bid, event.id].cancelled = True
