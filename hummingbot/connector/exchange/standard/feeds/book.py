"""One market's order book, order by order, kept exact from the engine's events (docs/protocol.md, "Priority", "Order ids",
"Placing an order step by step", "Events").

Prices are integers x 1e8; a bid's deposit is in quote units, an ask's in base units; levels are in base units.
"""
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import (
    EngineEvent,
    NewMarketPrice,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
)
from hummingbot.connector.exchange.standard.errors import StreamBrokenError
from hummingbot.connector.exchange.standard.markets import Market

LAST_ORDER_ID = (1 << 32) - 1
LAST_TRADE_ID = (1 << 64) - 1


class BookContradictionError(StreamBrokenError):
    """The chain did something that the book, as it was known, does not allow: what was heard is not everything."""


class BookOrder(NamedTuple):
    """A queued order; `deposit` is what is left of it. The owner may be the zero address (docs/protocol.md, "Recipient
    zero")."""

    id: int
    owner: str
    price: int
    deposit: int


class BookState(NamedTuple):
    """A whole book as of a block: orders by level (best first) and queue, the last market price, the next order ids and the
    last trade id. With `by_time` queues are first come first served (docs/protocol.md, "Later generation")."""

    block_number: int
    bids: Sequence[BookOrder]
    asks: Sequence[BookOrder]
    last_price: int
    next_bid_id: int
    next_ask_id: int
    trade_id: int
    by_time: bool


class BookSide:
    """The bids or the asks: orders by id, queues by price, and which levels changed since somebody asked."""

    def __init__(self, market: Market, is_bid: bool, orders: Sequence[BookOrder], next_id: int, by_time: bool) -> None:
        self.is_bid = is_bid
        self.orders: dict[int, BookOrder] = {}
        self.queues: dict[int, list[int]] = {}
        self.next_id = next_id
        self.changed: set[int] = set()
        self._market = market
        self._by_time = by_time
        self._keys: list[int] = []  # prices, negated for bids: the best is first
        for order in orders:
            self._queue(order.price).append(order.id)
            self.orders[order.id] = order

    def __iter__(self) -> Iterator[BookOrder]:
        """All orders, level by level from the best, in the order in which a taker meets them."""
        for key in self._keys:
            for number in self.queues[abs(key)]:
                yield self.orders[number]

    def prices(self) -> Iterator[int]:
        """All prices that have orders, best first."""
        return map(abs, self._keys)

    def units(self, price: int) -> int:
        """What a level holds, in base units; each bid's quote floors on its own, as it does when it is taken."""
        deposits = [self.orders[number].deposit for number in self.queues.get(price, ())]
        if not self.is_bid:
            return sum(deposits)
        return sum([self._market.quote_to_base(price, deposit) for deposit in deposits])

    def best(self) -> int:
        """The best price at which there is something to take; 0 without any."""
        return next((price for price in self.prices() if self.units(price)), 0)

    def begins_with_dust(self) -> bool:
        """Whether a taker would meet an order first that is worth nothing and drop it without an event."""
        return bool(self._keys) and self.is_dust(self.orders[self.queues[abs(self._keys[0])][0]])

    def is_dust(self, order: BookOrder) -> bool:
        """Whether the order is worth less than a unit of the taker's token."""
        convert = self._market.quote_to_base if self.is_bid else self._market.base_to_quote
        return not convert(order.price, order.deposit)

    def ahead(self, order: BookOrder) -> list[BookOrder]:
        """What a taker meets before this order."""
        return list(takewhile(lambda other: other.id != order.id, self))

    def add(self, order: BookOrder) -> None:
        """Queue a new order behind those that go before it."""
        queue = self._queue(order.price)
        queue.insert(self._place(queue, order.deposit), order.id)
        self.orders[order.id] = order
        self.changed.add(order.price)
        self.next_id = order.id + 1 if order.id < LAST_ORDER_ID else 1

    def reduce(self, order: BookOrder, spent: int) -> None:
        """Take `spent` out of an order's deposit, or the whole order when no more than a unit of the taker's token is left."""
        left = order.deposit - spent
        convert = self._market.base_to_quote if self.is_bid else self._market.quote_to_base
        if left <= convert(order.price, 1):
            self.remove(order)
        else:
            self.orders[order.id] = order._replace(deposit=left)
            self.changed.add(order.price)

    def remove(self, order: BookOrder) -> None:
        """Forget an order, and its level with the last one."""
        queue = self.queues[order.price]
        queue.remove(order.id)
        del self.orders[order.id]
        self.changed.add(order.price)
        if not queue:
            del self.queues[order.price]
            del self._keys[bisect_left(self._keys, self._key(order.price))]

    def _key(self, price: int) -> int:
        return -price if self.is_bid else price

    def _queue(self, price: int) -> list[int]:
        queue = self.queues.get(price)
        if queue is None:
            queue = self.queues[price] = []
            insort(self._keys, self._key(price))
        return queue

    def _place(self, queue: list[int], deposit: int) -> int:
        """Where a new order goes: behind all (by time), or in front of the first smaller one, except that the head is never
        compared for equality and that it goes right behind the first other one of its own size."""
        if self._by_time or not queue:
            return len(queue)
        if deposit > self.orders[queue[0]].deposit:
            return 0
        for place in range(1, len(queue)):
            other = self.orders[queue[place]].deposit
            if other <= deposit:
                return place + (other == deposit)
        return len(queue)


class Book:
    """The book of one market after every event so far.

    Everything that the engine does shows in its events but one thing: orders that are worth nothing leave the queue
    silently when a taker reaches them. Where the events do not tell whether one did, the book is `doubtful`: its levels are
    right but for such orders, until it is read from the chain again.
    """

    def __init__(self, market: Market, state: BookState) -> None:
        self.market = market
        self.bids = BookSide(market, True, state.bids, state.next_bid_id, state.by_time)
        self.asks = BookSide(market, False, state.asks, state.next_ask_id, state.by_time)
        self.by_time = state.by_time
        self.last_price = state.last_price
        self.trade_id = state.trade_id
        self.doubtful = False
        self._unspent: int | None = None  # of the submission whose matches are being told

    def apply(self, event: EngineEvent) -> None:
        """Take the market's next event in chain order. Raises BookContradictionError when one before it was missed."""
        if isinstance(event, OrderMatched):
            self._match(event)
            return
        if isinstance(event, OrderPlaced):
            self._place(event)
        elif isinstance(event, OrderCanceled):
            self._cancel(event)
        elif isinstance(event, NewMarketPrice):
            self.last_price = event.price
            # Whoever caused it may have met an order that is worth nothing, unless it had nothing left to spend.
            if self._unspent != 0 and self._side(not event.is_bid).begins_with_dust():
                self.doubtful = True
        self._unspent = None

    def is_overlapping(self) -> bool:
        """Whether the best bid is not below the best ask: locked or crossed (docs/protocol.md, "Spread limits")."""
        bid, ask = self.bids.best(), self.asks.best()
        return bool(bid and ask and bid >= ask)

    def levels(self, is_bid: bool) -> list[tuple[int, int]]:
        """(price, base units) of every level with something to take, best first."""
        side = self._side(is_bid)
        return [(price, units) for price in side.prices() if (units := side.units(price))]

    def take_changes(self, is_bid: bool) -> list[tuple[int, int]]:
        """(price, base units) of the levels that changed since the last call; 0 units for one that is gone."""
        side = self._side(is_bid)
        changes = [(price, side.units(price)) for price in sorted(side.changed, reverse=is_bid)]
        side.changed.clear()
        return changes

    def state(self, block_number: int) -> BookState:
        """The book as it is now, which is that after `block_number`."""
        return BookState(block_number, list(self.bids), list(self.asks), self.last_price, self.bids.next_id, self.asks.next_id,
                         self.trade_id, self.by_time)

    def _side(self, is_bid: bool) -> BookSide:
        return self.bids if is_bid else self.asks

    def _place(self, event: OrderPlaced) -> None:
        side = self._side(event.is_bid)
        if event.id != side.next_id or event.id in side.orders:
            raise BookContradictionError(f"{self.market.trading_pair}: order {event.id} was placed, {side.next_id} was next")
        side.add(BookOrder(event.id, event.owner, event.price, event.placed))

    def _cancel(self, event: OrderCanceled) -> None:
        side = self._side(event.is_bid)
        order = side.orders.get(event.id)
        if order is None:
            return  # one that was worth nothing, left its queue, and could still be cancelled
        if order.deposit != event.amount:
            raise BookContradictionError(f"{self.market.trading_pair}: order {order} was cancelled with {event.amount} left")
        side.remove(order)

    def _match(self, event: OrderMatched) -> None:
        side, pair = self._side(not event.is_bid), self.market.trading_pair
        following = self.trade_id + 1 if self.trade_id < LAST_TRADE_ID else 1
        if event.trade_id != following:
            raise BookContradictionError(f"{pair}: trade {event.trade_id} was told, {following} was next")
        self.trade_id = following
        order = side.orders.get(event.id)
        if order is None or order.price != event.price:
            raise BookContradictionError(f"{pair}: order {event.id} was taken at {event.price}, but {order} was known")
        for passed in side.ahead(order):
            if side.is_dust(passed):
                side.remove(passed)
            elif not self.doubtful:
                raise BookContradictionError(f"{pair}: order {order} was taken before {passed}")
        spent = event.quote_amount if side.is_bid else event.base_amount
        if spent > order.deposit:
            raise BookContradictionError(f"{pair}: {spent} was taken from {order}")
        if event.clear:
            side.remove(order)
        else:
            side.reduce(order, spent)
        given = event.quote_amount if event.is_bid else event.base_amount
        self._unspent = (event.total if self._unspent is None else self._unspent) - given


def difference(known: BookState, told: BookState) -> str:
    """In words, where the book that the chain told of is not the one that was known; empty when it is the same."""
    for ours, theirs in ((known.bids, told.bids), (known.asks, told.asks)):
        our_orders, their_orders = ({order.id: order for order in orders} for orders in (ours, theirs))
        for number in sorted(our_orders.keys() | their_orders.keys()):
            if our_orders.get(number) != their_orders.get(number):
                return f"the chain has {their_orders.get(number)} where {our_orders.get(number)} was known"
        if [order.id for order in ours] != [order.id for order in theirs]:
            return "orders stand in another order"
    facts = [(state.last_price, state.next_bid_id, state.next_ask_id, state.trade_id) for state in (known, told)]
    return "" if facts[0] == facts[1] else f"the chain has market price and counters {facts[1]} where {facts[0]} were known"
