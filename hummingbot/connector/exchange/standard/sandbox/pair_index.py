"""One pair as the indexer sees it: open orders, price levels, trades and candles, kept from the engine's events."""
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.sandbox.rows import Bucket, OrderRow, PairInfo, TradeRow
from hummingbot.connector.exchange.standard.sandbox.undo import BlockJournal

INTERVALS = ("min", "hour", "day", "week", "month")
DAY = 86_400


class Level(NamedTuple):
    """All queued orders at one price: amount in quote units for bids and base units for asks."""

    amount: int
    orders: int


def bucket_start(interval: str, timestamp: int) -> int:
    """The start of the candle that contains `timestamp`: UTC, weeks from Monday, months from the first."""
    if interval == "week":
        day = timestamp - timestamp % DAY
        return day - datetime.fromtimestamp(day, UTC).weekday() * DAY
    if interval == "month":
        moment = datetime.fromtimestamp(timestamp, UTC)
        return int(moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())
    return timestamp - timestamp % {"min": 60, "hour": 3600, "day": DAY}[interval]


class PairIndex:
    """The rows of one pair. Every write goes through the journal."""

    def __init__(self, info: PairInfo, journal: BlockJournal, trades: int, candles: int, listed_sequence: int) -> None:
        self.info = info
        self.listed_sequence = listed_sequence
        self.orders: dict[tuple[bool, int], OrderRow] = {}
        self.trades: deque[TradeRow] = deque(maxlen=trades)
        self.candles: dict[str, dict[int, Bucket]] = {interval: {} for interval in INTERVALS}
        self._levels: dict[bool, dict[int, Level]] = {True: {}, False: {}}
        self._sorted: dict[bool, list[int] | None] = {True: None, False: None}
        self._journal = journal
        self._candles_kept = candles
        self.price = self.highest = self.lowest = info.listing_price  # market prices x 1e8
        self.trade_count = 0  # since the first block, dropped rows included
        self.base_liquidity = self.quote_liquidity = 0  # what rests on the ask and on the bid side

    def levels(self, is_bid: bool) -> Iterator[tuple[int, Level]]:
        """Price levels, best first."""
        levels = self._levels[is_bid]
        prices = self._prices(is_bid)
        for price in reversed(prices) if is_bid else prices:
            yield price, levels[price]

    def level(self, is_bid: bool, price: int) -> Level:
        """The level at a price."""
        return self._levels[is_bid].get(price, Level(0, 0))

    def reached(self, is_bid: bool, price: int) -> list[int]:
        """The prices of one side that a taker with that limit price walks over."""
        prices = self._prices(is_bid)
        return prices[bisect_left(prices, price):] if is_bid else prices[:bisect_left(prices, price + 1)]

    def _prices(self, is_bid: bool) -> list[int]:
        prices = self._sorted[is_bid]
        if prices is None:
            prices = self._sorted[is_bid] = sorted(self._levels[is_bid])
        return prices

    def forget_order_of_levels(self) -> None:
        """After an undo the levels may be others than the sorted prices say."""
        self._sorted = {True: None, False: None}

    def _change_level(self, is_bid: bool, price: int, amount: int, count: int) -> None:
        levels = self._levels[is_bid]
        old = levels.get(price)
        new = Level((old.amount if old else 0) + amount, (old.orders if old else 0) + count)
        prices = self._sorted[is_bid]
        if new.orders <= 0:
            if old is not None:
                self._journal.remove(levels, price)
                if prices is not None:
                    del prices[bisect_left(prices, price)]
        else:
            if old is None and prices is not None:
                insort(prices, price)
            self._journal.put(levels, price, new)
        side = "quote_liquidity" if is_bid else "base_liquidity"
        self._journal.assign(self, side, getattr(self, side) + amount)

    def add_order(self, row: OrderRow, level_amount: int) -> None:
        """A new resting order; `level_amount` is what it adds to its price level."""
        self._journal.put(self.orders, (row.is_bid, row.order_id), row)
        self._change_level(row.is_bid, row.price, level_amount, 1)

    def change_order(self, row: OrderRow, changed: OrderRow | None) -> None:
        """Replace a resting order by what is left of it, or remove it."""
        key = (row.is_bid, row.order_id)
        if changed is None:
            self._journal.remove(self.orders, key)
        else:
            self._journal.put(self.orders, key, changed)
        before = row.placed if row.queued else 0
        after = changed.placed if changed is not None and changed.queued else 0
        leaves = row.queued and (changed is None or not changed.queued)
        if row.queued:
            self._change_level(row.is_bid, row.price, after - before, -1 if leaves else 0)

    def set_price(self, price: int, timestamp: int) -> None:
        """A new market price; it moves the candles whether or not it is a trade's."""
        self._update_candles(timestamp, price)
        self._journal.assign(self, "price", price)
        self._journal.assign(self, "highest", max(price, self.highest))
        self._journal.assign(self, "lowest", min(price, self.lowest))

    def add_trade(self, row: TradeRow, kept: bool) -> None:
        """Count a match, and keep its row unless it is one that the indexer loses."""
        self._update_candles(row.timestamp, self.price, row)
        self._journal.assign(self, "trade_count", self.trade_count + 1)
        if kept:
            self._journal.append(self.trades, row)

    def _update_candles(self, timestamp: int, price: int, trade: TradeRow | None = None) -> None:
        base, quote = (trade.base_amount, trade.quote_amount) if trade is not None else (0, 0)
        for interval, buckets in self.candles.items():
            start = bucket_start(interval, timestamp)
            old = buckets.get(start)
            if old is None:
                number = buckets[max(buckets)].number + 1 if buckets else 1
                old = Bucket(start, number, self.price, self.price, self.price, self.price, 0, 0, 0, 0, 0)
            self._journal.put(buckets, start, Bucket(
                start, old.number, old.open, max(old.high, price), min(old.low, price), price,
                old.base_volume + base, old.quote_volume + quote, old.trades + (trade is not None),
                self.base_liquidity, self.quote_liquidity))
            if len(buckets) > self._candles_kept:
                self._journal.remove(buckets, min(buckets))

    def statistics(self, now: int) -> dict[str, Any]:
        """Open, high, low, base and quote volume and trade count of the day that contains `now`."""
        bucket = self.candles["day"].get(bucket_start("day", now))
        if bucket is None:
            return {"open": self.price, "high": self.price, "low": self.price, "base": 0, "quote": 0, "count": 0}
        return {"open": bucket.open, "high": bucket.high, "low": bucket.low, "base": bucket.base_volume,
                "quote": bucket.quote_volume, "count": bucket.trades}
