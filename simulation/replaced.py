"""Which of an account's orders were in blocks that are no longer on the chain, and when those were replaced."""
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from math import inf

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, OrderPlaced, decode_event
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.blocks import MinedBlock
from hummingbot.core.data_type.in_flight_order import InFlightOrder

# So long it may take until a connector has heard of everything that a reorganisation changed.
UNHEARD_SECONDS = 120.0


class Replaced:
    """Told of every block that is removed. `newest` is when one with a transaction of the account was, `nonces` are those of the
    transactions that placed orders there, by the orders' places: a place may have been that of several."""

    def __init__(self, engine: str, account: str, now: Callable[[], float]) -> None:
        self.newest = -inf
        self.nonces: defaultdict[str, set[int]] = defaultdict(set)
        self._engine = engine
        self._account = account
        self._now = now
        self._ids: dict[str, float] = {}
        self._names: dict[str, float] = {}

    def removed(self, block: MinedBlock, orders: Mapping[str, InFlightOrder]) -> None:
        """A block is not on the chain any more, in which some of the `orders` (by client order id) may have been."""
        now, ids = self._now(), self.own_ids(block)
        if ids:
            self.newest = now
        for place, nonce in self._placed(block):
            self.nonces[place].add(nonce)
        self._ids.update(dict.fromkeys(ids, now))
        names = {name for name, order in orders.items() if place_of(order.exchange_order_id) in ids} if ids else set()
        self._names.update(dict.fromkeys(names, now))

    def when(self, name: str, exchange_order_id: str | None) -> float:
        """When a block with this order in it was last replaced; long ago if it never was."""
        return max(self._names.get(name, -inf), self._ids.get(place_of(exchange_order_id), -inf))

    def _placed(self, block: MinedBlock) -> Iterator[tuple[str, int]]:
        for receipt in block.receipts:
            if receipt.transaction.sender == self._account:
                yield receipt.transaction.hash, receipt.transaction.nonce
                for log in receipt.logs:
                    event = decode_event(log.topics, log.data) if log.address == self._engine else None
                    if isinstance(event, OrderPlaced):
                        yield OrderKey(event.pair, event.is_bid, event.id).exchange_order_id, receipt.transaction.nonce

    def own_ids(self, block: MinedBlock) -> set[str]:
        """The ids of the account's orders in a block, and its transactions."""
        ids: set[str] = set()
        for receipt in block.receipts:
            if receipt.transaction.sender == self._account:
                ids.add(receipt.transaction.hash)
            for log in receipt.logs:
                event = decode_event(log.topics, log.data) if log.address == self._engine else None
                if isinstance(event, (OrderPlaced, OrderCanceled)) and event.owner == self._account:
                    ids.add(OrderKey(event.pair, event.is_bid, event.id).exchange_order_id)
                elif isinstance(event, OrderMatched) and event.owner == self._account:
                    ids.add(OrderKey(event.pair, not event.is_bid, event.id).exchange_order_id)
        return ids


def place_of(exchange_order_id: str | None) -> str:
    """The book's id of an order that rests or rested, or the transaction of one that only took."""
    if exchange_order_id is None or OrderKey.parse(exchange_order_id) is not None:
        return exchange_order_id or ""
    return exchange_order_id.partition(":")[0]
