"""Candles without gaps: the API has none for a time in which nothing traded, Hummingbot wants one for every interval."""
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from hummingbot.connector.exchange.standard.rest.models import CandleRow

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800


class Interval(NamedTuple):
    """An interval of candles: the API's name for it, and its length in seconds; a month's is 0, for they differ."""

    api_name: str
    seconds: int

    def start(self, timestamp: int, anchor: int = 0) -> int:
        """The start of the interval that contains a time: UTC, months from the first.

        `anchor` is the start of any interval: only the API knows on which day its weeks begin.
        """
        if self.seconds:
            return timestamp - (timestamp - anchor) % self.seconds
        return int(datetime.fromtimestamp(timestamp, UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())

    def next(self, start: int) -> int:
        """The start of the interval after one."""
        return start + self.seconds if self.seconds else self.start(start + 32 * DAY)


# What the API has, by Hummingbot's names (docs/protocol.md, "REST API").
INTERVALS = {"1m": Interval("min", MINUTE), "1h": Interval("hour", HOUR), "1d": Interval("day", DAY),
             "1w": Interval("week", WEEK), "1M": Interval("month", 0)}


def without_gaps(rows: Sequence[CandleRow], interval: Interval, begin: int, until: int) -> list[CandleRow]:
    """One candle for every interval from the one that contains `begin` to the one that contains `until`, oldest first.

    `rows` are sorted. Where the API has none, nothing traded: a candle without volume at the close before it. There is
    nothing before the first row, since no price was known then.
    """
    anchor = rows[-1].start if rows and interval.seconds == WEEK else 0
    known = {interval.start(row.start, anchor): row for row in rows}
    return list(_filled(known, interval, interval.start(begin, anchor), until)) if known else []


def _filled(known: dict[int, CandleRow], interval: Interval, begin: int, until: int) -> Iterator[CandleRow]:
    end = max(until, max(known))
    earlier = [row for start, row in known.items() if start < begin]
    start, close = (begin, earlier[-1].close) if earlier else (min(known), 0.0)
    while start <= end:
        row = known.get(start)
        close = row.close if row is not None else close
        yield row._replace(start=start) if row is not None else CandleRow(start, close, close, close, close, 0.0, 0.0, 0)
        start = interval.next(start)
