"""A pair's price levels as a stream tells them, and how to pass them on so that Hummingbot's order book keeps every one."""
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot, Levels, UpdateIds

# Made for every change: what a named tuple's own constructor does, without a look at names.
_new = tuple.__new__


class LevelMap:
    """The levels of one pair: base amounts by price, in human units.

    Hummingbot's book deletes levels that overlap when it takes a delta, and forgets that a side is empty. Locked and
    crossed books are normal here, so a change is handed out as a snapshot while the book overlaps or a side is empty, and
    once more when that is over.
    """

    def __init__(self, trading_pair: str, update_ids: UpdateIds) -> None:
        self.trading_pair = trading_pair
        self._update_ids = update_ids
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._best_bid = 0.0
        self._best_ask = float("inf")
        self._needs_snapshot = True

    def replace(self, bids: Levels, asks: Levels, timestamp: float, market_price: float | None) -> BookSnapshot:
        """The book is this one now. Empty levels are left out."""
        self._bids = {price: amount for price, amount in bids if amount > 0}
        self._asks = {price: amount for price, amount in asks if amount > 0}
        self._best_bid = max(self._bids, default=0.0)
        self._best_ask = min(self._asks, default=float("inf"))
        return self.snapshot(timestamp, market_price)

    def apply(self, bids: Levels, asks: Levels, timestamp: float, market_price: float | None) -> BookSnapshot | BookDelta:
        """These levels have these amounts now, 0 for one that is gone."""
        for price, amount in bids:
            if amount > 0:
                self._bids[price] = amount
                if price > self._best_bid:
                    self._best_bid = price
            elif self._bids.pop(price, None) is not None and price == self._best_bid:
                self._best_bid = max(self._bids, default=0.0)
        for price, amount in asks:
            if amount > 0:
                self._asks[price] = amount
                if price < self._best_ask:
                    self._best_ask = price
            elif self._asks.pop(price, None) is not None and price == self._best_ask:
                self._best_ask = min(self._asks, default=float("inf"))
        if self._needs_snapshot or self._is_delicate():
            return self.snapshot(timestamp, market_price)
        return _new(BookDelta, (self.trading_pair, self._update_ids.next(), timestamp, bids, asks, market_price))

    def snapshot(self, timestamp: float, market_price: float | None) -> BookSnapshot:
        """The whole book as it is known."""
        self._needs_snapshot = self._is_delicate()
        return BookSnapshot(self.trading_pair, self._update_ids.next(), timestamp, sorted(self._bids.items(), reverse=True),
                            sorted(self._asks.items()), market_price)

    def differs(self, bids: Levels, asks: Levels, tolerance: float) -> bool:
        """Whether, as deep as these levels go, one is missing here or there, or has another amount by more than the tolerance
        (a fraction)."""
        lowest, highest = _reach(bids, asks)
        return (_differ({price: amount for price, amount in self._bids.items() if price >= lowest}, bids, tolerance)
                or _differ({price: amount for price, amount in self._asks.items() if price <= highest}, asks, tolerance))

    def reaches_beyond(self, bids: Levels, asks: Levels) -> bool:
        """Whether there is a level deeper than all of these."""
        lowest, highest = _reach(bids, asks)
        return min(self._bids, default=lowest) < lowest or max(self._asks, default=highest) > highest

    def _is_delicate(self) -> bool:
        return self._best_bid >= self._best_ask or not self._bids or not self._asks


def _reach(bids: Levels, asks: Levels) -> tuple[float, float]:
    """The lowest bid and the highest ask; as deep as can be where there is none."""
    return min([price for price, _ in bids], default=0.0), max([price for price, _ in asks], default=float("inf"))


def _differ(ours: dict[float, float], levels: Levels, tolerance: float) -> bool:
    theirs = {price: amount for price, amount in levels if amount > 0}
    return ours.keys() != theirs.keys() or any(abs(amount - ours[price]) > tolerance * max(amount, ours[price])
                                               for price, amount in theirs.items())
