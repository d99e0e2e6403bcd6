"""From human orders to calls: what a deposit brings when the book's own rules are applied to it."""
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import Market, Token, price_from_chain
from hummingbot.connector.exchange.standard.orders.sizing import (
    Level,
    buy_deposit,
    cancel_call,
    clamped_price,
    limit_order,
    market_order,
)
from hummingbot.connector.exchange.standard.sandbox.api_rows import rounded
from test.hummingbot.connector.exchange.standard.orders.recordings import GENERATIONS, markets
from test.vectors import steps

ME = "0x" + "a" * 40
WBTC, USDC, SOMI = Token("0x" + "1" * 40, "WBTC", 8), Token("0x" + "2" * 40, "USDC", 6), Token("0x" + "3" * 40, "SOMI", 18)
BOOK = "0x" + "c" * 40
BTC_USDC = Market(WBTC, USDC, BOOK)
SOMI_USDC = Market(SOMI, USDC, BOOK, base_is_native=True)
WBTC_SOMI = Market(WBTC, SOMI, BOOK, quote_is_native=True)

def taken(market, deposit, price, asks):
    """docs/protocol.md, "Placing an order step by step": the base that a buy takes, and the quote that is left to rest."""
    base = 0
    for ask in asks:
        required = market.base_to_quote(ask.price, ask.base_units)
        if ask.price > price or deposit == 0:
            break
        if required == 0:
            continue
        if required > deposit:
            return base + market.quote_to_base(ask.price, deposit), 0
        base, deposit = base + ask.base_units, deposit - required
    return base, deposit


@st.composite
def crossings(draw):
    """A market, a limit price, a book of asks with one order per level, and an ordered amount."""
    base_decimals, quote_decimals = draw(st.sampled_from([(18, 6), (8, 6), (18, 18), (6, 18), (9, 6), (8, 18)]))
    market = Market(Token(WBTC.address, "B", base_decimals), Token(USDC.address, "Q", quote_decimals), BOOK)
    fair = draw(st.integers(10**7, 10**13))
    levels = [Level(fair + offset, draw(st.integers(1, 10**4)) * market.base_step + draw(st.integers(0, market.base_step - 1)))
              for offset in sorted(draw(st.sets(st.integers(0, 1000), max_size=6)))]
    return market, fair + draw(st.integers(-10, 1100)), levels, draw(st.integers(1, 10**5)) * market.base_step


@given(crossings())
def test_a_buy_brings_what_was_ordered_and_hardly_more(case):
    """At most one quote unit's worth or one step above, for each level and the rest (where quote has more decimals: the
    quote that the engine's rounding forgives, which is less than one unit of a quote with the base's decimals)."""
    market, price, asks, ordered = case
    deposit, matches = buy_deposit(market, price, ordered, asks)
    base, left = taken(market, deposit, price, asks)
    surplus = base + market.quote_to_base(price, left) - ordered
    cheapest = min([price, *(ask.price for ask in asks)])
    forgiven = market.scale if market.base.decimals < market.quote.decimals else 1
    assert 0 <= surplus <= (matches + 1) * (market.quote_to_base(cheapest, forgiven) + market.base_step)


@given(crossings())
def test_a_buy_of_whole_levels_leaves_nothing_to_rest(case):
    market, _, asks, _ = case
    asks = [ask for ask in asks if market.base_to_quote(ask.price, ask.base_units)]
    for count in range(1, len(asks) + 1):
        ordered = sum(ask.base_units for ask in asks[:count])
        deposit, matches = buy_deposit(market, asks[-1].price, ordered, asks)
        assert taken(market, deposit, asks[-1].price, asks) == (ordered, 0)
        assert matches == count


@given(crossings())
def test_a_buy_that_crosses_costs_no_more_than_one_that_rests_but_for_rounding(case):
    market, price, asks, ordered = case
    deposit, matches = buy_deposit(market, price, ordered, asks)
    assert deposit <= market.deposit_for(price, ordered) + matches * market.deposit_for(price, market.base_step)
    if not matches:
        assert deposit == market.deposit_for(price, ordered)


def test_a_crossing_buy_pays_each_level_at_its_own_price():
    asks = [Level(59_000 * 10**8, 10**7), Level(59_500 * 10**8, 10**7), Level(61_000 * 10**8, 10**9)]
    deposit, matches = buy_deposit(BTC_USDC, 60_000 * 10**8, 3 * 10**7, asks)
    assert deposit == 5_900_000_000 + 5_950_000_000 + 6_000_000_000
    assert matches == 2


def decoded(name, call):
    function = ENGINE_FUNCTIONS[name]
    return dict(zip([parameter.name for parameter in function.inputs], function.decode(call.data)))


def test_a_buy_spends_quote():
    call = limit_order(BTC_USDC, True, Decimal("0.001"), Decimal(60000), ME)
    assert decoded("limitBuy", call) == {"base": WBTC.address, "quote": USDC.address, "price": 60000 * 10**8,
                                         "quoteAmount": 60_000_000, "isMaker": True, "n": 20, "recipient": ME}
    assert (call.value, call.spends, call.deposit, call.needs_allowance) == (0, USDC, 60_000_000, True)


def test_a_sell_spends_base():
    call = limit_order(BTC_USDC, False, Decimal("0.001"), Decimal(60000), ME, matches=3)
    assert decoded("limitSell", call) == {"base": WBTC.address, "quote": USDC.address, "price": 60000 * 10**8,
                                          "baseAmount": 100_000, "isMaker": True, "n": 3, "recipient": ME}
    assert (call.value, call.spends, call.deposit, call.needs_allowance) == (0, WBTC, 100_000, True)


def test_selling_the_native_token_sends_it_as_value():
    call = limit_order(SOMI_USDC, False, Decimal("1.5"), Decimal("0.65"), ME)
    assert decoded("limitSellETH", call) == {"quote": USDC.address, "price": 65_000_000, "isMaker": True, "n": 20,
                                             "recipient": ME}
    assert (call.value, call.spends, call.needs_allowance) == (15 * 10**17, SOMI, False)
    bought = limit_order(SOMI_USDC, True, Decimal("1.5"), Decimal("0.65"), ME)
    assert decoded("limitBuy", bought)["quoteAmount"] == 975_000
    assert bought.value == 0


def test_buying_with_the_native_token_sends_it_as_value():
    call = limit_order(WBTC_SOMI, True, Decimal("0.001"), Decimal(90000), ME)
    assert decoded("limitBuyETH", call) == {"base": WBTC.address, "price": 90000 * 10**8, "isMaker": True, "n": 20,
                                            "recipient": ME}
    assert call.value == 90 * 10**18


@pytest.mark.parametrize("is_buy, chain_price", [(True, 123456789), (False, 123456790)])
def test_a_price_is_rounded_in_the_users_favour(is_buy, chain_price):
    assert limit_order(SOMI_USDC, is_buy, Decimal(10), Decimal("1.2345678951"), ME).price == chain_price


@pytest.mark.parametrize("price", ["0", "0.000000001", "-1"])
def test_a_buy_at_no_price_is_refused(price):
    with pytest.raises(OrderRejectedError, match="zero at the exchange's eight decimals"):
        limit_order(SOMI_USDC, True, Decimal(1), Decimal(price), ME)


@given(st.integers(10**6, 10**13), st.booleans())
def test_the_smallest_order_is_sized_and_less_is_refused_with_the_minimum(chain_price, is_buy):
    price = price_from_chain(chain_price)
    smallest = SOMI_USDC.smallest_order(chain_price)
    assert limit_order(SOMI_USDC, is_buy, SOMI.from_units(smallest), price, ME).deposit > 0
    too_small = SOMI_USDC.quote_to_base(chain_price, 1) if is_buy else SOMI_USDC.smallest_sell(chain_price) - 1
    with pytest.raises(OrderRejectedError, match="below the exchange's minimum"):
        limit_order(SOMI_USDC, is_buy, SOMI.from_units(too_small), price, ME)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_recorded_limit_orders_are_encoded_to_the_recorded_bytes(generation):
    """Every plain limit order of the recordings whose deposit a human amount can express."""
    seen = 0
    for _, step in steps(generation, "tx"):
        name, arguments = step["decoded_call"]["function"].split("(")[0], step["decoded_call"]["args"]
        if name not in ("limitBuy", "limitSell") or step["status"] == 0 or not arguments["price"]:
            continue
        market = next(found for found in markets(generation).values()
                      if (found.base.address, found.quote.address) == (arguments["base"].lower(), arguments["quote"].lower()))
        is_buy, price = name == "limitBuy", arguments["price"]
        units = market.quote_to_base(price, arguments["quoteAmount"]) if is_buy else arguments["baseAmount"]
        if not arguments["isMaker"] or (is_buy and market.deposit_for(price, units) != arguments["quoteAmount"]):
            continue
        call = limit_order(market, is_buy, market.base.from_units(units), price_from_chain(price), arguments["recipient"].lower(),
                           matches=arguments["n"])
        if call.value == 0:
            assert call.data == bytes.fromhex(step["data"][2:]), step["label"]
            seen += 1
    assert seen > {"engine_2025_08": 140, "engine_2026_07": 15}[generation]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_recorded_cancels_are_encoded_to_the_recorded_bytes(generation):
    seen = 0
    for _, step in steps(generation, "tx"):
        arguments = step["decoded_call"]["args"]
        if not step["decoded_call"]["function"].startswith("cancelOrder("):
            continue
        market = next((found for found in markets(generation).values() if (found.base.address, found.quote.address)
                       == (arguments["base"].lower(), arguments["quote"].lower())), None)
        if market is not None:
            data = cancel_call([(market, arguments["isBid"], arguments["orderId"])])
            assert data == bytes.fromhex(step["data"][2:])
            seen += 1
    assert seen > {"engine_2025_08": 20, "engine_2026_07": 10}[generation]


def test_a_market_buy_takes_up_to_its_slippage_and_gives_the_rest_back():
    asks = [Level(60000 * 10**8, 50_000), Level(60100 * 10**8, 100_000)]
    call = market_order(BTC_USDC, True, Decimal("0.001"), ME, asks, Decimal("0.01"))
    assert decoded("limitBuy", call) == {"base": WBTC.address, "quote": USDC.address, "price": 60600 * 10**8,
                                         "quoteAmount": 30_000_000 + 30_050_000, "isMaker": False, "n": 20, "recipient": ME}
    assert call.item is None


def test_a_market_sell_of_the_native_token_is_paid_with_value():
    call = market_order(SOMI_USDC, False, Decimal("1.5"), ME, [Level(65_000_000, 10**18)], Decimal("0.01"))
    assert decoded("limitSellETH", call) == {"quote": USDC.address, "price": 64_350_000, "isMaker": False, "n": 20,
                                             "recipient": ME}
    assert call.value == 15 * 10**17


@pytest.mark.parametrize("is_buy, side", [(True, "asks"), (False, "bids")])
def test_a_market_order_without_an_offer_is_refused(is_buy, side):
    with pytest.raises(OrderRejectedError, match=f"no {side}"):
        market_order(BTC_USDC, is_buy, Decimal("0.001"), ME, [], Decimal("0.01"))


@pytest.mark.parametrize("is_buy, chain_price", [(True, 124691356), (False, 122222222)])
def test_the_bound_of_a_market_order_is_rounded_in_the_users_favour(is_buy, chain_price):
    offers = [Level(123456789, 10**18)]
    assert market_order(SOMI_USDC, is_buy, Decimal(10), ME, offers, Decimal("0.01")).price == chain_price


def test_a_market_sell_at_any_price_is_bounded_by_the_smallest_one():
    assert market_order(SOMI_USDC, False, Decimal(1000), ME, [Level(100, 10**18)], Decimal(1)).price == 1


def test_the_smallest_price_is_a_price():
    assert limit_order(SOMI_USDC, True, Decimal(1000), Decimal("1E-8"), ME).price == 1


@pytest.mark.parametrize("is_buy, price, expected", [
    (True, "66000", "61800"), (True, "61000", "61000"), (True, "1", "1"),
    (False, "50000", "58200"), (False, "59000", "59000"), (False, "99999", "99999"),
])
def test_a_price_beyond_the_spread_is_where_the_engine_would_put_it(is_buy, price, expected):
    assert clamped_price(is_buy, Decimal(price), 60000 * 10**8, 3_000_000) == Decimal(expected)


def test_a_maker_order_may_take_nothing():
    call = limit_order(BTC_USDC, True, Decimal("0.001"), Decimal(60000), ME, [Level(59000 * 10**8, 10**8)], matches=0)
    assert decoded("limitBuy", call)["n"] == 0
    assert (call.deposit, call.expected_matches) == (60_000_000, 0), "what it cannot take must not shrink its deposit"


def test_an_order_is_the_same_as_an_item_of_a_batch():
    call = limit_order(SOMI_USDC, False, Decimal("1.5"), Decimal("0.65"), ME)
    assert call.item == (SOMI.address, USDC.address, False, True, 0, 65_000_000, 15 * 10**17, 20, ME)


@pytest.mark.parametrize("is_buy, best, crosses", [
    (True, 59_999, True), (True, 60_000, True), (True, 60_001, False),
    (False, 60_001, True), (False, 60_000, True), (False, 59_999, False)])
def test_only_an_order_that_crosses_expects_to_match(is_buy, best, crosses):
    levels = [Level(price * 10**8, 10**8) for price in (best, best + 5_000 if is_buy else best - 5_000)]
    call = limit_order(BTC_USDC, is_buy, Decimal("0.001"), Decimal(60_000), ME, levels, matches=7)
    assert call.expected_matches == (7 if crosses else 0)
    assert market_order(BTC_USDC, is_buy, Decimal("0.001"), ME, levels, Decimal("0.01")).expected_matches == 20
    assert limit_order(BTC_USDC, is_buy, Decimal("0.001"), Decimal(60_000), ME).expected_matches == 0


@pytest.mark.parametrize("is_buy, off, expected", [(True, -1_001, 7), (True, -1_002, 0), (False, 1_001, 7), (False, 1_002, 0)])
def test_a_price_that_is_shown_may_be_off_by_one_part_in_eight_million_and_a_step(is_buy, off, expected):
    shown = 1_000 * 2**23
    call = limit_order(BTC_USDC, is_buy, Decimal(1), price_from_chain(shown + off), ME, [Level(shown, 10**8)], matches=7)
    assert call.expected_matches == expected


@given(st.integers(1, 10**15), st.booleans())
def test_an_order_at_the_price_of_a_level_that_the_api_rounds_brings_the_gas_to_take_it(price, is_buy):
    shown = round(rounded(price / 10**8) * 10**8)
    levels = [Level(shown, 10**30)]
    call = limit_order(BTC_USDC, is_buy, Decimal(10**10), price_from_chain(price), ME, levels, matches=7)
    assert call.expected_matches == 7 and call.price == price, "and goes no further than the user said"


@pytest.mark.parametrize("is_buy, amount, words", [
    (True, "0", "^Buying .* WBTC at .* is below the exchange's minimum: it spends .* USDC, at least 0.060000 are needed"),
    (False, "1E-8", "^Selling 1E-8 WBTC at .* is below the exchange's minimum: it spends 1E-8 WBTC, at least 2E-8 are needed")])
def test_an_order_that_is_too_small_is_refused_in_words(is_buy, amount, words):
    with pytest.raises(OrderRejectedError, match=words):
        limit_order(BTC_USDC, is_buy, Decimal(amount), Decimal(60_000), ME)


def test_several_cancels_are_one_call():
    data = cancel_call([(BTC_USDC, True, 7), (SOMI_USDC, False, 8)])
    assert ENGINE_FUNCTIONS["cancelOrders"].decode(data) == (
        [(WBTC.address, USDC.address, True, 7), (SOMI.address, USDC.address, False, 8)],)
