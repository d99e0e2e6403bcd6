"""One side of a book: its price levels (ghosts included), the queue of each level, and its orders by id
(docs/protocol.md, "Priority" and "Order ids")."""
from bisect import bisect_left
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.sandbox.execution import ZERO_ADDRESS, Execution

LAST_ID = (1 << 32) - 1
LEVEL_STEP_GAS = 348
LEVELS_WALKED_SINGLY = 48
UNLINK_STEP_GAS = 250
PLACE_STEP_GAS = 450


class Order(NamedTuple):
    """A resting order. `deposit` is what is left of it: quote units for a bid, base units for an ask."""

    owner: str
    price: int
    deposit: int


NO_ORDER = Order(ZERO_ADDRESS, 0, 0)


class Side:
    """The bids or the asks of one book.

    A level whose orders were all cancelled stays as a ghost until it is the best one and somebody clears it, unless
    `keeps_ghosts` is False. With `by_time` the queue of a level is first come first served, otherwise an order is put in
    front of smaller ones once, when it is placed. An order that left its queue as dust is still stored: `orders` may
    hold more than the queues do.
    """

    __slots__ = ("_keys", "by_time", "is_bid", "keeps_ghosts", "name", "next_id", "orders", "queues")

    def __init__(self, book: str, is_bid: bool, keeps_ghosts: bool, by_time: bool) -> None:
        self.is_bid = is_bid
        self.name = (book, is_bid)
        self.keeps_ghosts = keeps_ghosts
        self.by_time = by_time
        self.orders: dict[int, Order] = {}
        self.queues: dict[int, list[int]] = {}
        self.next_id = 1
        self._keys: list[int] = []  # prices, negated for asks: ascending, so that the best is last

    def head(self) -> int:
        """The best price, perhaps of a ghost; 0 without any level."""
        return abs(self._keys[-1]) if self._keys else 0

    def prices(self, count: int) -> list[int]:
        """The best `count` prices, ghosts included, best first."""
        return [abs(key) for key in self._keys[:-count - 1:-1]]

    def price_after(self, price: int) -> int:
        """The next worse price, or 0."""
        index = self._index(price)
        return abs(self._keys[index - 1]) if price in self.queues and index else 0

    def clear_empty_head(self, execution: Execution) -> int:
        """Drop empty levels from the best on; the best price that has orders, or 0."""
        meter, journal = execution.meter, execution.world.journal
        meter.read((self.name, "head"))
        keys, queues = self._keys, self.queues
        while keys:
            price = abs(keys[-1])
            meter.read((self.name, "queue", price))
            if queues[price]:
                return price
            following = abs(keys[-2]) if len(keys) > 1 else 0
            meter.read((self.name, "price", price))
            meter.write((self.name, "head"), price, following)
            journal.pop(keys, len(keys) - 1)
            journal.remove(queues, price)
        return 0

    def add(self, execution: Execution, order: Order) -> int:
        """Store an order under the next id and queue it; the id."""
        meter, journal = execution.meter, execution.world.journal
        number = self.next_id
        following = number + 1 if number < LAST_ID else 1
        meter.write((self.name, "next id"), number - 1, number)
        journal.assign(self, "next_id", following)
        for field in ("owner", "price", "deposit"):
            meter.write((self.name, "order", number, field), 0, 1)
        journal.put(self.orders, number, order)
        self._add_level(execution, order.price)
        self._enqueue(execution, number, order)
        return number

    def reduce(self, execution: Execution, number: int, deposit: int) -> None:
        """Leave `deposit` in an order, at its place in the queue."""
        order = self.orders[number]
        execution.meter.write((self.name, "order", number, "deposit"), order.deposit, deposit)
        execution.world.journal.put(self.orders, number, order._replace(deposit=deposit))

    def delete(self, execution: Execution, number: int) -> Order:
        """Forget a stored order and take it out of its queue, if it is in one."""
        meter = execution.meter
        order = self.orders[number]
        for field in ("owner", "price", "deposit"):
            meter.write((self.name, "order", number, field), 1, 0)
        execution.world.journal.remove(self.orders, number)
        queue = self.queues.get(order.price)
        if queue is not None and number in queue:
            self.unlink(execution, order.price, queue.index(number))
        return order

    def unlink(self, execution: Execution, price: int, index: int) -> None:
        """Take the order at `index` of a queue out of it; the order stays stored."""
        meter = execution.meter
        queue = self.queues[price]
        number = queue[index]
        for ahead in queue[:index]:
            meter.read((self.name, "after", ahead))
            meter.spend(UNLINK_STEP_GAS)
        following = queue[index + 1] if index + 1 < len(queue) else 0
        meter.read((self.name, "after", number))
        meter.write((self.name, "queue", price) if index == 0 else (self.name, "after", queue[index - 1]), number, following)
        meter.write((self.name, "after", number), following, 0)
        execution.world.journal.pop(queue, index)

    def drop_level_if_empty(self, execution: Execution, price: int) -> None:
        """Remove a level without orders, wherever it is in the list."""
        if self.queues.get(price) != []:
            return
        index = self._index(price)
        self._walk_levels(execution, index + 1)
        self._unlink_level(execution, index)

    def _unlink_level(self, execution: Execution, index: int) -> None:
        meter, keys = execution.meter, self._keys
        price = abs(keys[index])
        following = abs(keys[index - 1]) if index else 0
        meter.read((self.name, "price", price))
        before = (self.name, "head") if index == len(keys) - 1 else (self.name, "price", abs(keys[index + 1]))
        meter.write(before, price, following)
        meter.write((self.name, "price", price), following, 0)
        execution.world.journal.pop(keys, index)
        execution.world.journal.remove(self.queues, price)

    def _key(self, price: int) -> int:
        return price if self.is_bid else -price

    def _index(self, price: int) -> int:
        return bisect_left(self._keys, self._key(price))

    def _walk_levels(self, execution: Execution, down_to: int) -> None:
        """The contract walks its list from the best price on: levels far from it are charged as never seen before in the
        transaction, without a look at each."""
        meter, keys = execution.meter, self._keys
        walked = len(keys) - down_to
        for better in keys[max(down_to, len(keys) - LEVELS_WALKED_SINGLY):]:
            meter.read((self.name, "price", abs(better)))
        far = max(walked - LEVELS_WALKED_SINGLY, 0)
        if far:
            meter.warm((self.name, "price", abs(keys[down_to])))
        meter.spend(walked * LEVEL_STEP_GAS + far * (meter.prices.slot_cold + meter.prices.slot_warm))

    def _add_level(self, execution: Execution, price: int) -> None:
        meter, keys = execution.meter, self._keys
        meter.read((self.name, "queue", price))
        if price in self.queues:
            return
        index = self._index(price)
        self._walk_levels(execution, index)
        following = abs(keys[index - 1]) if index else 0
        before = (self.name, "head") if index == len(keys) else (self.name, "price", abs(keys[index]))
        meter.write(before, following, price)
        meter.write((self.name, "price", price), 0, following)
        execution.world.journal.insert(keys, index, self._key(price))
        execution.world.journal.put(self.queues, price, [])

    def _enqueue(self, execution: Execution, number: int, order: Order) -> None:
        meter = execution.meter
        queue = self.queues[order.price]
        place = self._place(execution, queue, order.deposit)
        following = queue[place] if place < len(queue) else 0
        before: Any = (self.name, "queue", order.price) if place == 0 else (self.name, "after", queue[place - 1])
        meter.write(before, following, number)
        meter.write((self.name, "after", number), 0, following)
        if self.by_time:
            meter.write((self.name, "tail", order.price), queue[-1] if queue else 0, number)
        execution.world.journal.insert(queue, place, number)

    def _place(self, execution: Execution, queue: list[int], deposit: int) -> int:
        """Where in its queue an order goes: behind all (by time), or in front of the first smaller one, except that the
        head is never compared for equality and that it goes right behind the first other one of its own size."""
        if self.by_time or not queue:
            return len(queue)
        meter, orders = execution.meter, self.orders
        for place, number in enumerate(queue):
            meter.read((self.name, "order", number, "deposit"))
            meter.read((self.name, "after", number))
            meter.spend(PLACE_STEP_GAS)
            other = orders[number].deposit
            if place == 0:
                if deposit > other:
                    return 0
            elif other < deposit:
                return place
            elif other == deposit:
                return place + 1
        return len(queue)
