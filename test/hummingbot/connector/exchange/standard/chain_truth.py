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


class Truth(NamedTuple):
    """All orders of an account by the id under which a connector should know them, gas paid, and transactions without events."""

    orders: dict[str, Submission]
    gas: int
    successes: set[str]


def read_truth(sandbox: Sandbox, account: str) -> Truth:
    """Read every block of the sandbox."""
    groups: dict[tuple[str, int], Submission] = {}
    by_key: dict[tuple[str, bool, int], Submission] = {}
    gas, successes = 0, set()
    for number in range(sandbox.node.head.number + 1):
        block = sandbox.node.block(number)
        for receipt in block.receipts if block is not None else ():
            if receipt.transaction.sender == account:
                gas += receipt.gas_used * receipt.gas_price
                if receipt.success:
                    successes.add(receipt.transaction.hash)
            for offset, log in enumerate(receipt.logs):
                event = decode_event(log.topics, log.data) if log.address == sandbox.engine_address else None
                _count(event, (receipt.transaction.hash, receipt.first_log_index + offset), account, groups, by_key)
    for key, order in by_key.items():
        order.deposit = int(sandbox.view.call(key[0], BOOK_FUNCTIONS["getOrder"], key[1], key[2])[0][2])
    return Truth({order.name: order for order in groups.values()}, gas, successes)


def _count(event: object, place: tuple[str, int], account: str, groups: dict[tuple[str, int], Submission],
           by_key: dict[tuple[str, bool, int], Submission]) -> None:
    transaction, position = place
    if isinstance(event, OrderPlaced) and event.owner == account:
        order = groups.setdefault((transaction, event.order_history_id), Submission(""))
        order.key = (event.pair, event.is_bid, event.id)
        order.name = f"{event.pair}:{'bid' if event.is_bid else 'ask'}:{event.id}"
        by_key[order.key] = order
    elif isinstance(event, OrderMatched):
        name = f"{event.pair}:{event.trade_id}"
        if event.sender == account:
            taken = groups.setdefault((transaction, event.order_history_id), Submission(f"{transaction}:{position}"))
            taken.trades.add(Trade(name, event.base_amount, event.base_fee if event.is_bid else event.quote_fee))
        if event.owner == account:
            made = by_key[event.pair, not event.is_bid, event.id]
            made.trades.add(Trade(name, event.base_amount, event.quote_fee if event.is_bid else event.base_fee))
    elif isinstance(event, OrderCanceled) and event.owner == account:
        by_key[event.pair, event.is_bid, event.id].cancelled = True
