"""Every known shape of an answer is understood, a bad row costs only itself, and a bad answer is told as such."""
import contextlib
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.errors import BadDataError
from hummingbot.connector.exchange.standard.rest.models import (
    OpenOrderRow,
    Page,
    TickBook,
    TokenRow,
    TradeRow,
    numbered,
    parse_json,
    parse_open_order,
    parse_page,
    parse_pair,
    parse_tick_book,
    parse_token,
    parse_trade,
)
from test.hummingbot.connector.exchange.standard.rest.payloads import payload

BOOK = "0x7a1f9c3b5d2e8046f1a3b5c7d9e0f2a4b6c8d0e1"
SOMI = TokenRow("0x046ede9564a72571df6f5e44d0405360c0f4dcab", "SOMI", 18)
USDC = TokenRow("0x28bec7e30e6faee657a03e19bf1128aad7632a00", "USDC", 6)
PARSERS = {"pairs": parse_pair, "tokens": parse_token, "trades": parse_trade, "orders": parse_open_order}


def row_of(name, key):
    """The first row of a payload, as Python values to be damaged."""
    return json.loads(payload(name))[key][0]


def page_of(parse, *rows):
    return parse_page(json.dumps({"rows": rows}).encode(), ("rows",), parse)


# Shapes

@pytest.mark.parametrize("name", ["pairs_sample", "pairs_documented"])
def test_pair_is_read_from_either_shape_with_lower_case_addresses(name):
    page = parse_page(payload(name), ("pairs",), parse_pair)
    (pair,) = page.rows
    assert (pair.base, pair.quote, pair.book) == (SOMI, USDC, BOOK)
    assert math.isclose(pair.price, 0.6541285, abs_tol=1e-7)
    assert page.rejected == 0 and page.total_pages == 1


@pytest.mark.parametrize("body", [
    b'[{"id": "0x046EDe9564A72571df6F5e44d0405360c0f4dCab", "symbol": "SOMI", "decimals": 18}]',
    b'{"tokens": [{"id": "0x046EDe9564A72571df6F5e44d0405360c0f4dCab", "symbol": "SOMI", "decimals": "18"}], "totalPages": "3"}',
])
def test_token_list_may_be_bare_or_wrapped(body):
    assert parse_page(body, ("tokens",), parse_token).rows == [SOMI]


def test_any_of_the_known_keys_holds_the_rows():
    for key in ("orderHistory", "orderHistories"):
        body = json.dumps({key: [row_of("orders_sample", "orders")]}).encode()
        assert len(parse_page(body, ("orderHistory", "orderHistories"), parse_open_order).rows) == 1


def test_number_of_pages_may_be_text_and_is_one_when_missing():
    assert parse_page(b'{"pairs": [], "totalPages": "7"}', ("pairs",), parse_pair) == Page([], 0, 7, True)
    assert parse_page(b'{"pairs": []}', ("pairs",), parse_pair) == Page([], 0, 1, False)


@pytest.mark.parametrize("name, row", [("orders_sample", OpenOrderRow(BOOK, True, 1234)),
                                       ("orders_documented", OpenOrderRow(BOOK, False, 77))])
def test_open_order_is_read_from_either_shape(name, row):
    assert parse_page(payload(name), ("orders",), parse_open_order).rows == [row]


def test_trades_of_one_transaction_have_keys_of_their_own():
    rows = parse_page(payload("trades"), ("trades",), parse_trade).rows
    assert len({row.key for row in rows}) == 3
    assert [(row.is_buy, row.price, row.base_amount, row.timestamp) for row in rows] == [
        (True, 0.6543, 12.5, 1758000002), (True, 0.6544, 3, 1758000002), (False, 0.6541, 40, 1758000000)]


def test_bids_become_base_and_empty_levels_are_left_out():
    book = parse_tick_book(payload("ticks"))
    assert book.asks == [(0.6543, 764.1), (0.66, 20)]
    assert book.bids == [(0.6541, 500.25 / 0.6541), (0.65, 13 / 0.65)]
    assert book.market_price == 0.65412847


def test_book_is_sorted_best_first_whatever_order_the_answer_has():
    levels = [{"price": price, "amount": 1} for price in (2, 3, 1)]
    book = parse_tick_book(json.dumps({"bids": levels, "asks": levels}).encode())
    assert [price for price, _ in book.bids] == [3, 2, 1]
    assert [price for price, _ in book.asks] == [1, 2, 3]


def test_empty_book_is_a_book():
    assert parse_tick_book(b'{"mktPrice": null, "bids": [], "asks": []}') == TickBook([], [], None)


def test_levels_whose_prices_are_the_same_number_to_the_api_are_one() -> None:
    levels = [{"price": 2.0, "amount": 4.0}, {"price": 3.0, "amount": 6.0}, {"price": 2.0, "amount": 2.0}]
    book = parse_tick_book(json.dumps({"bids": levels, "asks": levels}).encode())
    assert (book.bids, book.asks) == ([(3.0, 2.0), (2.0, 3.0)], [(2.0, 6.0), (3.0, 6.0)])


def test_several_trades_of_a_transaction_with_one_order_get_keys_of_their_own() -> None:
    names = (("a", "1"), ("b", "2"), ("a", "3"), ("a", "1"), ("a", "4"))
    rows = [TradeRow(key, True, 1.0, 1.0, 1.0, name) for key, name in names]
    assert [row.key for row in numbered(rows)] == ["a", "b", "a#1", "a", "a#2"]
    assert [row.key for row in numbered([rows[0]._replace(id="")] * 2)] == ["a", "a"], "nothing tells them apart"


# Damaged rows

@pytest.mark.parametrize("key, value", [
    ("base", None), ("base", "0x046ede9564a72571df6f5e44d0405360c0f4dcab"), ("quote", {}), ("id", "0xBook…"), ("id", None),
    ("id", 7), ("id", "0x" + "7_" * 20), ("id", "0x" + "٣" * 40), ("price", -1), ("price", "much"), ("price", "NaN"),
    ("price", 10 ** 400), ("price", True),
    ("base", {"id": "0x046ede9564a72571df6f5e44d0405360c0f4dcab", "symbol": "", "decimals": 18}),
    ("base", {"id": "0x046ede9564a72571df6f5e44d0405360c0f4dcab", "symbol": 5, "decimals": 18}),
    ("base", {"id": "0x046ede9564a72571df6f5e44d0405360c0f4dcab", "symbol": "SOMI", "decimals": 256}),
    ("base", {"id": "0x046ede9564a72571df6f5e44d0405360c0f4dcab", "symbol": "SOMI", "decimals": 1.5}),
    ("base", {"id": "0x046ede9564a72571df6f5e44d0405360c0f4dcab", "symbol": "SOMI", "decimals": None}),
])
def test_malformed_pair_costs_only_itself(key, value):
    good = row_of("pairs_sample", "pairs")
    page = page_of(parse_pair, good | {key: value}, good)
    assert [row.book for row in page.rows] == [BOOK] and page.rejected == 1


@pytest.mark.parametrize("parse, name, key", [
    (parse_trade, "trades", "price"), (parse_trade, "trades", "baseAmount"), (parse_trade, "trades", "timestamp"),
    (parse_trade, "trades", "isBid"), (parse_trade, "trades", "txHash"), (parse_trade, "trades", "orderId"),
    (parse_open_order, "orders", "pair"), (parse_open_order, "orders", "isBid"), (parse_open_order, "orders", "orderId")])
def test_row_without_a_needed_field_is_left_out(parse, name, key):
    good = row_of("orders_sample" if name == "orders" else name, name)
    bad = {field: value for field, value in good.items() if field != key}
    page = page_of(parse, bad, good)
    assert len(page.rows) == 1 and page.rejected == 1


@pytest.mark.parametrize("key, value", [("isBid", "true"), ("isBid", 1), ("price", 0), ("price", -0.5), ("baseAmount", "-1"),
                                        ("baseAmount", "Infinity"), ("timestamp", []), ("timestamp", -1), ("timestamp", 0),
                                        ("timestamp", 1_800_000_000_000)])
def test_trade_with_an_impossible_value_is_left_out(key, value):
    assert page_of(parse_trade, row_of("trades", "trades") | {key: value}).rejected == 1


@pytest.mark.parametrize("value", [-1, 2 ** 32, 1.5, True, None, "x"])
def test_order_id_that_the_engine_cannot_have_is_left_out(value):
    assert page_of(parse_open_order, row_of("orders_sample", "orders") | {"orderId": value}).rejected == 1


def test_largest_order_id_and_zero_are_ids():
    for number in (0, 2 ** 32 - 1, str(2 ** 32 - 1)):
        assert page_of(parse_open_order, row_of("orders_sample", "orders") | {"orderId": number}).rows[0].order_id == int(number)


@pytest.mark.parametrize("change", [{"orderId": "seven"}, {"orderId": None}, {"orderId": 1.5}, {"orderId": -1},
                                    {"txHash": "seven"}, {"txHash": 7}, {"txHash": "0x"}, {"txHash": "0xgg"}, {"id": 7},
                                    {"id": True}])
def test_a_trade_whose_name_is_mistyped_is_none(change):
    assert page_of(parse_trade, row_of("trades", "trades") | change).rejected == 1


def test_a_trade_of_dust_for_nothing_is_no_damaged_row():
    assert page_of(parse_trade, row_of("trades", "trades") | {"baseAmount": 0}).rows[0].base_amount == 0


@pytest.mark.parametrize("change", [{"id": None}, {"id": ""}])
def test_a_trade_needs_no_id_of_the_api(change):
    assert page_of(parse_trade, row_of("trades", "trades") | change).rows[0].id == ""


def test_trade_is_the_same_one_however_its_transaction_hash_is_written():
    row = row_of("trades", "trades")
    (first, second) = page_of(parse_trade, row | {"txHash": "0xAB"}, row | {"txHash": "0xab"}).rows
    assert first.key == second.key


def test_rows_that_are_no_objects_are_left_out():
    assert page_of(parse_pair, None, 5, "row", [], {}) == Page([], 5, 1, False)


def test_long_symbol_is_cut():
    token = parse_token({"id": SOMI.address, "symbol": "A" * 100_000, "decimals": 18})
    assert len(token.symbol) == 64


# Damaged answers

@pytest.mark.parametrize("body", [
    b"", b"<html>502 Bad Gateway</html>", b"{", b"null", b'"text"', b"7", b'{"error": "Pair not found"}', b'{"pairs": {}}',
    b'{"pairs": null}', b"\xff\xfe", b'{"pairs": [], "totalPages": -1}', b'{"pairs": [], "totalPages": "many"}',
    b'{"pairs": [], "totalPages": null}', b'{"pairs": [], "totalPages": ' + b"9" * 400 + b"}", b'{"pairs": [NaN]}',
    b"[" * 100_000, payload("hosting_error"), payload("pair_not_found")])
def test_answer_that_is_no_listing_is_refused_as_a_whole(body):
    with pytest.raises(BadDataError):
        parse_page(body, ("pairs",), parse_pair)


@pytest.mark.parametrize("level", [
    {"price": 0, "amount": 1}, {"price": -1, "amount": 1}, {"price": 1, "amount": -1}, {"price": "NaN", "amount": 1},
    {"price": 1, "amount": "inf"}, {"price": 1}, {"amount": 1}, {"price": None, "amount": 1}, {"price": [], "amount": 1}, None, 5,
    {"price": 1, "amount": 10 ** 400}])
@pytest.mark.parametrize("side", ["bids", "asks"])
def test_one_bad_level_refuses_the_whole_book(level, side):
    answer = json.loads(payload("ticks"))
    answer[side].append(level)
    with pytest.raises(BadDataError):
        parse_tick_book(json.dumps(answer).encode())


@pytest.mark.parametrize("rows", [{}, "", {"price": 1, "amount": 1}, None, 0])
@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_side_that_is_no_list_refuses_the_whole_book(rows, side):
    with pytest.raises(BadDataError):
        parse_tick_book(json.dumps(json.loads(payload("ticks")) | {side: rows}).encode())


@pytest.mark.parametrize("price", [-1, "-0.5", "nan", "inf", True, [1]])
def test_impossible_market_price_refuses_the_whole_book(price):
    body = json.dumps({"bids": [], "asks": [], "mktPrice": price}).encode()
    with pytest.raises(BadDataError):
        parse_tick_book(body)


@pytest.mark.parametrize("price", [None, 0, "0", ""])
def test_market_price_of_nothing_is_unknown(price):
    assert parse_tick_book(json.dumps({"bids": [], "asks": [], "mktPrice": price}).encode()).market_price is None


def test_bid_whose_base_amount_is_beyond_all_bounds_refuses_the_book():
    with pytest.raises(BadDataError):
        parse_tick_book(b'{"bids": [{"price": 5e-324, "amount": 1e300}], "asks": []}')


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b'{"bids": []}', b'{"bids": {}, "asks": 5}',
                                  b'{"bids": [], "asks": [], "mktPrice": "x"}', b'{"bids": [], "asks": [], "mktPrice": NaN}',
                                  payload("pair_not_found"), payload("hosting_error")])
def test_answer_that_is_no_book_is_refused(body):
    with pytest.raises(BadDataError):
        parse_tick_book(body)


def test_refusal_shows_the_beginning_of_the_answer_only():
    with pytest.raises(BadDataError) as caught:
        parse_json(b"<html>" + b"x" * 10_000)
    assert "<html>" in str(caught.value) and len(str(caught.value)) < 200


# Anything at all

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=50)
    | st.sampled_from([10 ** 400, "0x" + "ab" * 20, "NaN", "Infinity", "1e999"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "base", "quote", "symbol", "decimals", "price", "orderbook", "isBid", "orderId", "pair", "txHash",
                         "baseAmount", "timestamp", "amount", "bids", "asks", "rows", "totalPages", "mktPrice"]),
        inner, max_size=6),
    max_leaves=25)


GOOD_ROWS = {parse_pair: row_of("pairs_sample", "pairs"), parse_token: row_of("pairs_sample", "pairs")["base"],
             parse_trade: row_of("trades", "trades"), parse_open_order: row_of("orders_sample", "orders")}


def damaged_pages(parse):
    """Pages of a row that is good but for a field or two, with what reads them."""
    good = GOOD_ROWS[parse]
    return st.dictionaries(st.sampled_from(sorted(good)), VALUES, max_size=2).map(
        lambda damage: ({"rows": [good | damage]}, parse))


def numbers_in(row):
    for value in row:
        if isinstance(value, tuple):
            yield from numbers_in(value)
        elif isinstance(value, (int, float)):
            yield value


@given(st.tuples(VALUES, st.sampled_from(list(GOOD_ROWS))) | st.sampled_from(list(GOOD_ROWS)).flatmap(damaged_pages))
@example(({"rows": [{"price": 1e308, "amount": 1e308}], "totalPages": 10 ** 400}, parse_pair))
@example(({"rows": [GOOD_ROWS[parse_trade] | {"baseAmount": -1}]}, parse_trade))
@example(({"rows": [GOOD_ROWS[parse_trade] | {"price": "NaN"}]}, parse_trade))
@example(({"rows": [GOOD_ROWS[parse_pair] | {"price": "Infinity"}]}, parse_pair))
def test_any_json_is_a_page_of_sane_rows_or_bad_data(page_and_parser):
    value, parse = page_and_parser
    try:
        page = parse_page(json.dumps(value).encode(), ("rows",), parse)
    except BadDataError:
        return
    assert page.total_pages >= 0
    assert all(0 <= number < math.inf for row in page.rows for number in numbers_in(row))


@given(value=VALUES | st.fixed_dictionaries({"bids": VALUES, "asks": VALUES}))
def test_any_json_is_a_sane_book_or_bad_data(value):
    try:
        book = parse_tick_book(json.dumps(value).encode())
    except BadDataError:
        return
    for price, amount in book.bids + book.asks:
        assert 0 < price < math.inf and 0 < amount < math.inf


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_bad_data(body):
    with contextlib.suppress(BadDataError):
        parse_json(body)
