"""Candles without gaps: which intervals there are, and what stands where nothing traded."""
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.feeds.candle_series import DAY, INTERVALS, WEEK, without_gaps
from hummingbot.connector.exchange.standard.rest.models import CandleRow

MINUTES, WEEKS, MONTHS = INTERVALS["1m"], INTERVALS["1w"], INTERVALS["1M"]
T = 1_758_000_000  # a full minute


def row(start: int, close: float = 2.0, volume: float = 5.0) -> CandleRow:
    return CandleRow(start, 1.0, 3.0, 0.5, close, volume, volume * close, 4)


def moment(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())


def test_a_gap_is_filled_at_the_close_before_it_without_volume():
    candles = without_gaps([row(T, close=1.5), row(T + 180, close=2.5)], MINUTES, T, T + 240)
    assert candles == [row(T, close=1.5), CandleRow(T + 60, 1.5, 1.5, 1.5, 1.5, 0.0, 0.0, 0),
                       CandleRow(T + 120, 1.5, 1.5, 1.5, 1.5, 0.0, 0.0, 0), row(T + 180, close=2.5),
                       CandleRow(T + 240, 2.5, 2.5, 2.5, 2.5, 0.0, 0.0, 0)]


def test_a_gap_at_the_beginning_takes_the_price_from_before_the_beginning():
    candles = without_gaps([row(T - 600, close=1.5)], MINUTES, T + 7, T + 60)
    assert [(candle.start, candle.open, candle.base_volume) for candle in candles] == [(T, 1.5, 0.0), (T + 60, 1.5, 0.0)]


def test_before_the_first_trade_there_is_nothing():
    assert [candle.start for candle in without_gaps([row(T)], MINUTES, T - 3600, T)] == [T]
    assert without_gaps([], MINUTES, T, T + 600) == []


def test_a_candle_that_begins_after_this_moment_is_kept():
    assert [candle.start for candle in without_gaps([row(T), row(T + 60)], MINUTES, T, T + 59)] == [T, T + 60]


def test_months_follow_the_calendar():
    candles = without_gaps([row(moment(2024, 1, 1))], MONTHS, 0, moment(2024, 4, 30, 23))
    assert [candle.start for candle in candles] == [moment(2024, month, 1) for month in (1, 2, 3, 4)]


@pytest.mark.parametrize("weekday", range(7))
def test_weeks_begin_on_the_day_on_which_the_api_begins_them(weekday):
    first = moment(2025, 9, 1 + weekday)
    candles = without_gaps([row(first), row(first + 2 * WEEK)], WEEKS, first - 3, first + 3 * WEEK - 1)
    assert [candle.start for candle in candles] == [first, first + WEEK, first + 2 * WEEK]


@given(st.sampled_from(sorted(INTERVALS)), st.sets(st.integers(0, 400), min_size=1), st.integers(0, 400),
       st.integers(0, 60 * DAY))
def test_every_candle_follows_the_one_before_it_and_none_that_is_known_is_lost(name, places, begin, until):
    interval = INTERVALS[name]
    start, starts = interval.start(T), []
    for _ in range(401):
        starts.append(start)
        start = interval.next(start)
    rows = [row(starts[place], close=1.0 + place) for place in sorted(places)]
    candles = without_gaps(rows, interval, starts[begin], starts[begin] + until)
    told = [candle.start for candle in candles]
    assert all(interval.next(start) == later for start, later in pairwise(told))
    assert {known.start for known in rows if known.start >= starts[begin]} <= set(told)
    for candle, later in pairwise(candles):
        assert later.trades or later.open == candle.close
