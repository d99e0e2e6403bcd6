"""The fast parser of an order book is one that looks at every level by itself, only faster."""
import json
import math
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.errors import BadDataError
from hummingbot.connector.exchange.standard.rest.models import TickBook, parse_tick_book


def plain_level(row: dict[str, Any], is_bid: bool) -> tuple[float, float]:
    """A level, or an error for one that no order book may have."""
    price, amount = float(row["price"]), float(row["amount"])
    if not 0 < price < math.inf or not 0 <= amount < math.inf:
        raise ValueError("out of range")
    base = amount / price if is_bid else amount
    if not base < math.inf:
        raise ValueError("out of range")
    return price, base


def plain_book(body: bytes) -> TickBook | None:
    """The book, or None where the answer is to be rejected."""
    try:
        answer = json.loads(body)
        sides = [[plain_level(row, is_bid) for row in answer[side]] for side, is_bid in (("bids", True), ("asks", False))]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    bids, asks = merged(sorted(sides[0], reverse=True)), merged(sorted(sides[1]))
    return TickBook([level for level in bids if level[1] > 0], [level for level in asks if level[1] > 0], 0.5)


def merged(levels: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Levels of the same price are one."""
    return [(price, sum(amount for other, amount in levels if other == price)) for price in dict(levels)]


def fast_book(body: bytes) -> TickBook | None:
    try:
        return parse_tick_book(body)
    except BadDataError:
        return None


good = st.floats(1e-8, 1e9) | st.integers(1, 10 ** 6)
bad = st.sampled_from([0, -1, -0.0, 5e-324, 1e308, math.nan, math.inf, -math.inf, None, True, "0.5", "nan", "-1", "x", [], {},
                       "1e400"])
number = st.one_of(good, good, good, bad)
row = st.fixed_dictionaries({"price": number, "amount": number}, optional={"count": st.integers(1, 9)})
damaged = st.one_of(row, row, row, st.sampled_from([{}, {"price": 1}, {"amount": 1}, None, 7, "row", []]))
side = st.lists(row, max_size=8) | st.lists(damaged, max_size=8)


@given(side, side)
@example([{"price": math.nan, "amount": 1}, {"price": 1, "amount": 1}], [])
@example([{"price": 1, "amount": 1}], [{"price": 1, "amount": math.nan}, {"price": 2, "amount": -1}])
@example([{"price": 5e-324, "amount": 1e308}], [])
@example([{"price": 1, "amount": math.inf}, {"price": 1, "amount": -math.inf}], [])
@example([{"price": "0.5", "amount": 0}, {"price": 0.75, "amount": "3"}], [{"price": 1, "amount": 0}])
def test_both_parsers_make_the_same_book_or_reject_it(bids: list[Any], asks: list[Any]) -> None:
    body = json.dumps({"bids": bids, "asks": asks, "mktPrice": 0.5}).encode()
    plain, fast = plain_book(body), fast_book(body)
    if plain is not None and fast is None:  # what no market has, the fast one may take for out of range: sums that are infinite
        assert any(sum(float(level[name]) for level in levels) == math.inf
                   for levels in (bids, asks) for name in ("price", "amount")) or sum(base for _, base in plain.bids) == math.inf
    else:
        assert fast == plain


@given(st.lists(st.floats(1e-8, 1e12, allow_subnormal=False), min_size=1, max_size=20, unique=True))
def test_numbers_are_read_to_the_last_bit(values: list[float]) -> None:
    body = json.dumps({"bids": [], "asks": [{"price": value, "amount": value} for value in values]}).encode()
    assert parse_tick_book(body).asks == sorted((value, value) for value in values)
