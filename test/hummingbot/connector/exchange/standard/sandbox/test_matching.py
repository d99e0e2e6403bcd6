"""The rules of matching, resting and settlement, by worked examples (18/6 pair at 1000, limits and fees of 0.1 %)."""
import pytest

from hummingbot.connector.exchange.standard.chain.engine import (
    NewMarketPrice,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
)
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.execution import ZERO_ADDRESS
from test.hummingbot.connector.exchange.standard.sandbox.exchange import (
    ALICE,
    BASE_UNIT,
    BOB,
    CAROL,
    DAVE,
    FEES,
    PRICE_UNIT,
    QUOTE_UNIT,
    Exchange,
    reason,
)

LATER = Generation.JULY_2026


def price(text: str) -> int:
    """A human price x 1e8, exactly."""
    whole, _, places = text.partition(".")
    return int(whole) * PRICE_UNIT + int(places.ljust(8, "0"))


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def last_price(exchange: Exchange) -> int:
    value: int = exchange.book_view("lmp")
    return value


def test_a_passive_sell_rests_where_asked_and_does_not_move_the_market(exchange: Exchange) -> None:
    events = exchange.events(exchange.sell(ALICE, price("1500"), BASE_UNIT))
    assert [type(event) for event in events] == [OrderPlaced]
    assert (events[0].price, events[0].id, events[0].placed) == (price("1500"), 1, BASE_UNIT)
    assert last_price(exchange) == price("1000")


def test_an_aggressive_buy_is_clamped_and_walks_the_market(exchange: Exchange) -> None:
    first = exchange.events(exchange.buy(BOB, price("1100"), 1000 * QUOTE_UNIT))
    assert isinstance(first[0], NewMarketPrice) and first[0].price == price("1001")
    assert isinstance(first[1], OrderPlaced) and first[1].price == price("1001")
    assert exchange.resting(exchange.buy(BOB, price("1100"), 1000 * QUOTE_UNIT)).price == price("1002.001")


def test_a_seller_taking_a_whole_bid_gets_its_dust(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1050"), BASE_UNIT)
    exchange.buy(BOB, price("1100"), 1000 * QUOTE_UNIT)
    before = exchange.balance(exchange.quote, CAROL)
    match, traded, improved, placed = exchange.events(exchange.sell(CAROL, price("1000.5"), BASE_UNIT))
    assert isinstance(match, OrderMatched) and isinstance(placed, OrderPlaced)
    assert [market.price for market in (traded, improved)] == [price("1001"), price("1000.5")]
    assert (match.base_amount, match.quote_amount) == (999 * 10 ** 15, 999_999_000)
    assert (match.base_fee, match.quote_fee) == (999 * 10 ** 12, 1_000_000)
    assert exchange.balance(exchange.quote, CAROL) - before == 999 * QUOTE_UNIT
    assert (placed.price, placed.placed, placed.without_fee) == (price("1000.5"), 10 ** 15, BASE_UNIT)


def test_a_sweep_stops_at_its_limit_and_locks_the_book(exchange: Exchange) -> None:
    for text in ("1000", "1000.9", "1001.8"):
        exchange.sell(ALICE, price(text), BASE_UNIT)
    *matches, market, second, placed = exchange.events(exchange.buy(BOB, price("1002"), 5000 * QUOTE_UNIT))
    assert [match.total for match in matches] == [5000 * QUOTE_UNIT] * 2
    assert market.price == price("1000.9") and second.price == price("1001.8")
    assert (placed.price, placed.placed) == (price("1001.8"), 2_999_100_000)
    assert exchange.book_view("bidHead") == exchange.book_view("askHead") == price("1001.8")


def test_size_goes_before_time(exchange: Exchange) -> None:
    for trader, size in ((ALICE, 1), (BOB, 3), (CAROL, 2)):
        exchange.sell(trader, price("1000"), size * BASE_UNIT)
    first, second, _ = exchange.events(exchange.buy(DAVE, price("1000"), 4500 * QUOTE_UNIT))
    assert (first.owner, first.base_amount, first.clear) == (BOB, 3 * BASE_UNIT, True)
    assert (second.owner, second.base_amount, second.clear) == (CAROL, 15 * 10 ** 17, False)
    assert exchange.order(False, 1) == (ALICE, price("1000"), BASE_UNIT)


def test_equal_sizes_are_not_first_come_first_served(exchange: Exchange) -> None:
    for _ in range(5):
        exchange.sell(ALICE, price("1000"), BASE_UNIT)
    assert exchange.book_view("getOrderIds", False, price("1000"), 6) == [1, 2, 5, 4, 3, 0]


def test_a_reduced_head_keeps_its_place_until_a_larger_order_comes(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), 3 * BASE_UNIT)
    exchange.sell(BOB, price("1000"), 2 * BASE_UNIT)
    exchange.buy(DAVE, price("1000"), 2500 * QUOTE_UNIT)
    assert exchange.book_view("getOrderIds", False, price("1000"), 2) == [1, 2]
    exchange.sell(CAROL, price("1000"), BASE_UNIT)
    assert exchange.book_view("getOrderIds", False, price("1000"), 3) == [3, 1, 2]


def test_time_goes_first_in_a_pair_listed_so() -> None:
    exchange = Exchange(generation=LATER)
    book = exchange.world.contract(exchange.book())
    assert isinstance(book, Book)
    book.asks.by_time = True
    for size in (1, 3, 2):
        exchange.sell(ALICE, price("1000"), size * BASE_UNIT)
    assert exchange.book_view("getOrderIds", False, price("1000"), 3) == [1, 2, 3]


def test_a_buyer_gets_whole_steps_and_both_sides_pay_in_what_they_receive(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), BASE_UNIT)
    before = exchange.balance(exchange.base, BOB), exchange.balance(exchange.quote, ALICE)
    match, _ = exchange.events(exchange.buy(BOB, price("1000"), 333_333_333))
    assert (match.base_amount, match.quote_amount) == (333_333 * 10 ** 12, 333_333_333)
    assert exchange.balance(exchange.base, BOB) - before[0] == 332_999_667 * 10 ** 9
    assert exchange.balance(exchange.quote, ALICE) - before[1] == 333_000_000
    assert (match.base_fee, match.quote_fee) == (333_333 * 10 ** 9, 333_333)


@pytest.mark.parametrize("later", [False, True])
def test_worthless_remainder_rests_or_is_refunded(later: bool) -> None:
    exchange = Exchange(generation=LATER) if later else Exchange()
    exchange.sell(ALICE, price("1000"), BASE_UNIT)
    exchange.buy(BOB, price("1000"), 1_000_000_500)
    assert exchange.order(True, 1)[2] == (0 if later else 500)


def test_worthless_order_is_skipped_but_can_still_be_cancelled(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), BASE_UNIT)
    exchange.buy(BOB, price("1000"), 1_000_000_500)
    (market,) = exchange.events(exchange.sell(CAROL, price("1000"), BASE_UNIT, is_maker=False, n=1))
    assert market == NewMarketPrice(exchange.book(), price("1000"), False)
    assert exchange.book_view("getOrderIds", True, price("1000"), 1) == [0]
    assert exchange.order(True, 1) == (BOB, price("1000"), 500)
    (event,) = exchange.events(exchange.call(BOB, "cancelOrder", exchange.base, exchange.quote, True, 1))
    assert event == OrderCanceled(exchange.book(), 1, True, BOB, 500)


def test_no_matches_allowed_locks_a_buy_and_crosses_a_sell(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), BASE_UNIT)
    market, placed = exchange.events(exchange.buy(BOB, price("1000"), 500 * QUOTE_UNIT, n=0))
    assert market.price == placed.price == price("1000")
    crossed = exchange.resting(exchange.sell(CAROL, price("999.5"), BASE_UNIT, n=0))
    assert crossed.price == price("999.5")


def test_remainder_of_a_taker_goes_to_the_recipient(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), BASE_UNIT)
    before = exchange.balance(exchange.quote, CAROL)
    outcome = exchange.buy(BOB, price("1000"), 1500 * QUOTE_UNIT, is_maker=False, recipient=CAROL)
    assert exchange.balance(exchange.quote, CAROL) - before == 500 * QUOTE_UNIT
    assert [int.from_bytes(outcome.return_data[at:at + 32], "big") for at in (0, 32, 64)] == [price("1000"), 0, 0]


def test_quote_to_base_floors_before_the_decimals_are_aligned(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("60000"), 12_345_678, base=exchange.btc)
    match, _ = exchange.events(exchange.buy(BOB, price("60000"), 1_234_567_891, base=exchange.btc))
    assert (match.base_amount, match.base_fee, match.quote_fee) == (2_057_600, 2_057, 1_234_567)


def test_a_sell_without_a_price_is_clamped(exchange: Exchange) -> None:
    assert exchange.resting(exchange.sell(ALICE, 0, BASE_UNIT)).price == price("999")
    refused = reason(exchange.limit("buy", BOB, 0, 2000 * QUOTE_UNIT, n=0))
    assert (refused.name, refused.arguments) == ("PriceIsZero", (0,))


def test_nearly_used_up_order_is_deleted_without_clear(exchange: Exchange) -> None:
    exchange.buy(BOB, price("60000"), 60 * QUOTE_UNIT, base=exchange.btc)
    match, _ = exchange.events(exchange.sell(ALICE, price("60000"), 99_999, base=exchange.btc))
    assert not match.clear and match.quote_amount == 59_999_400 and match.quote_fee == 60_000
    assert exchange.book_view("getOrder", True, 1, base=exchange.btc)[2] == 0


def test_an_order_of_nobody_jams_its_level_until_a_larger_one_comes(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), BASE_UNIT, recipient=ZERO_ADDRESS)
    assert exchange.order(False, 1) == (ZERO_ADDRESS, price("1000"), BASE_UNIT)
    assert str(reason(exchange.limit("buy", BOB, price("1000"), 100 * QUOTE_UNIT))) == '"TF"'
    exchange.sell(CAROL, price("1000"), 2 * BASE_UNIT)
    match, _ = exchange.events(exchange.buy(BOB, price("1000"), 100 * QUOTE_UNIT))
    assert match.owner == CAROL
    assert str(reason(exchange.limit("buy", BOB, price("1000"), 2000 * QUOTE_UNIT))) == '"TF"'


def test_ghost_levels_stay_until_an_order_clears_the_head(exchange: Exchange) -> None:
    for text in ("1001", "1002", "1003"):
        exchange.sell(ALICE, price(text), BASE_UNIT)
    for number in (2, 1):
        exchange.call(ALICE, "cancelOrder", exchange.base, exchange.quote, False, number)
    assert exchange.book_view("getPrices", False, 4) == [price("1001"), price("1002"), price("1003"), 0]
    exchange.buy(BOB, price("1000"), 10 * QUOTE_UNIT, is_maker=False)
    assert exchange.book_view("getPrices", False, 2) == [price("1003"), 0]


def test_the_later_generation_leaves_no_ghosts() -> None:
    exchange = Exchange(generation=LATER)
    for text in ("1001", "1002", "1003"):
        exchange.sell(ALICE, price(text), BASE_UNIT)
    exchange.call(ALICE, "cancelOrder", exchange.base, exchange.quote, False, 2)
    assert exchange.book_view("getPrices", False, 3) == [price("1001"), price("1003"), 0]


def test_ids_wrap_and_evict_an_order_that_still_holds_one(exchange: Exchange) -> None:
    book = exchange.world.contract(exchange.book())
    assert isinstance(book, Book)
    exchange.sell(ALICE, price("1500"), BASE_UNIT)
    book.asks.next_id = 2 ** 32 - 1
    assert exchange.resting(exchange.sell(BOB, price("1501"), BASE_UNIT)).id == 2 ** 32 - 1
    before = exchange.balance(exchange.base, ALICE)
    canceled, placed = exchange.events(exchange.sell(BOB, price("1502"), 2 * BASE_UNIT))
    assert canceled == OrderCanceled(exchange.book(), 1, False, ALICE, BASE_UNIT)
    assert (placed.id, placed.owner) == (1, BOB)
    assert exchange.balance(exchange.base, ALICE) - before == BASE_UNIT


def test_history_ids_wrap_and_a_direct_sell_reports_one() -> None:
    exchange = Exchange(history_count=65_534)
    numbers = [exchange.resting(exchange.buy(ALICE, price("900"), 10 * QUOTE_UNIT)).order_history_id for _ in range(2)]
    sold = exchange.resting(exchange.sell(BOB, price("1500"), BASE_UNIT)).order_history_id
    assert numbers == [65_535, 1] and sold == 1
    assert exchange.resting(exchange.buy(ALICE, price("900"), 10 * QUOTE_UNIT)).order_history_id == 3


def test_self_trade_pays_both_fees(exchange: Exchange) -> None:
    exchange.sell(ALICE, price("1000"), BASE_UNIT)
    before = [exchange.balance(token, FEES) for token in (exchange.base, exchange.quote)]
    exchange.buy(ALICE, price("1000"), 1000 * QUOTE_UNIT)
    after = [exchange.balance(token, FEES) for token in (exchange.base, exchange.quote)]
    assert [now - then for now, then in zip(after, before)] == [10 ** 15, QUOTE_UNIT]
