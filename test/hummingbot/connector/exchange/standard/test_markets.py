"""Units and prices against plain fractions, brute force and every recorded fill."""
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.markets import (
    PRICE_STEP,
    Market,
    Token,
    fee_rate,
    price_from_chain,
    price_to_chain,
)
from test.hummingbot.connector.exchange.standard.orders.recordings import GENERATIONS, markets, receipt_logs
from test.vectors import load, steps

A, B, BOOK = "0x" + "1" * 40, "0x" + "2" * 40, "0x" + "3" * 40
MAX = 2**256 - 1

decimals = st.integers(0, 18)
prices = st.one_of(st.integers(1, 1000), st.integers(1, 10**14), st.integers(1, 2**128))
amounts = st.one_of(st.integers(0, 1000), st.integers(0, 10**24), st.integers(0, 2**128))
generations = pytest.mark.parametrize("generation", GENERATIONS)


def market(base_decimals, quote_decimals):
    return Market(Token(A, "BASE", base_decimals), Token(B, "QUOTE", quote_decimals), BOOK)


def in_quote(base_decimals, quote_decimals, price, amount):
    """"Units and prices", base to quote, in fractions: the first rounding is of the product with the price."""
    return floor(Fraction(floor(Fraction(amount * price, 10**8))) * Fraction(10)**(quote_decimals - base_decimals))


def in_base(base_decimals, quote_decimals, price, amount):
    """"Units and prices", quote to base, in fractions: the first rounding is of the quotient by the price."""
    return floor(Fraction(floor(Fraction(amount * 10**8, price))) * Fraction(10)**(base_decimals - quote_decimals))


@given(decimals, decimals, prices, amounts)
def test_conversions_are_those_of_the_contract(base_decimals, quote_decimals, price, amount):
    subject = market(base_decimals, quote_decimals)
    assert subject.base_to_quote(price, amount) == in_quote(base_decimals, quote_decimals, price, amount)
    assert subject.quote_to_base(price, amount) == in_base(base_decimals, quote_decimals, price, amount)


@given(decimals, decimals, prices, amounts)
def test_a_conversion_there_and_back_never_gains(base_decimals, quote_decimals, price, amount):
    subject = market(base_decimals, quote_decimals)
    assert subject.quote_to_base(price, subject.base_to_quote(price, amount)) <= amount
    assert subject.base_to_quote(price, subject.quote_to_base(price, amount)) <= amount


@given(decimals, decimals, prices, amounts)
def test_a_deposit_is_the_smallest_that_buys_the_amount(base_decimals, quote_decimals, price, amount):
    subject = market(base_decimals, quote_decimals)
    deposit = subject.deposit_for(price, amount)
    assert in_base(base_decimals, quote_decimals, price, deposit) >= amount
    assert deposit == 0 or in_base(base_decimals, quote_decimals, price, deposit - 1) < amount


@given(decimals, decimals, prices, amounts)
def test_a_deposit_for_whole_steps_buys_less_than_one_quote_units_worth_more(base_decimals, quote_decimals, price, amount):
    subject = market(base_decimals, quote_decimals)
    wanted = amount * subject.base_step
    surplus = in_base(base_decimals, quote_decimals, price, subject.deposit_for(price, wanted)) - wanted
    worth = Fraction(10**8, price) * Fraction(10)**(base_decimals - quote_decimals)
    assert 0 <= surplus < worth if worth > subject.base_step else surplus == 0


@given(decimals, decimals, prices)
def test_the_smallest_orders_are_accepted_and_one_unit_less_is_not(base_decimals, quote_decimals, price):
    subject = market(base_decimals, quote_decimals)

    def sell_accepted(amount):
        return in_quote(base_decimals, quote_decimals, price, amount) > in_quote(base_decimals, quote_decimals, price, 1)

    def buy_accepted(amount):
        return in_base(base_decimals, quote_decimals, price, amount) > in_base(base_decimals, quote_decimals, price, 1)

    sell, buy = subject.smallest_sell(price), subject.smallest_buy(price)
    assert sell_accepted(sell) and not sell_accepted(sell - 1)
    assert buy_accepted(buy) and not buy_accepted(buy - 1)
    order = subject.smallest_order(price)
    step = subject.base_step
    assert order % step == 0
    assert sell_accepted(order) and buy_accepted(subject.deposit_for(price, order))
    assert order == step or not (sell_accepted(order - step) and buy_accepted(subject.deposit_for(price, order - step)))


@pytest.mark.parametrize("base_decimals, quote_decimals, price, sell, buy", [
    (18, 6, 1000 * 10**8, 10**9, 1000), (8, 6, 60000 * 10**8, 2, 60000), (18, 6, 65412847, 1528751683901, 2)])
def test_the_smallest_orders_of_the_documented_pairs(base_decimals, quote_decimals, price, sell, buy):
    subject = market(base_decimals, quote_decimals)
    assert (subject.smallest_sell(price), subject.smallest_buy(price)) == (sell, buy)


def test_a_buyer_of_bitcoin_gets_whole_millionths():
    subject = market(8, 6)
    assert subject.quote_to_base(60000 * 10**8, 1_234_567_891) == 2_057_600
    assert subject.base_step == 100


def test_price_zero_has_no_base():
    with pytest.raises(ZeroDivisionError):
        market(18, 6).quote_to_base(0, 1)


@given(st.integers(0, MAX), decimals)
def test_chain_numbers_survive_the_way_to_decimals_and_back(units, places):
    token = Token(A, "T", places)
    assert token.to_units(token.from_units(units)) == units
    assert token.to_units(token.from_units(units), ROUND_CEILING) == units
    assert price_to_chain(price_from_chain(units)) == units
    assert Fraction(token.from_units(units)) == Fraction(units, 10**places)
    assert Fraction(price_from_chain(units)) == Fraction(units, 10**8)
    assert Fraction(fee_rate(units)) == Fraction(units, 10**8)


human = st.decimals(min_value=0, max_value=10**30, allow_nan=False, allow_infinity=False, places=25)


@given(human, decimals)
def test_human_numbers_are_rounded_as_told(value, places):
    token = Token(A, "T", places)
    exact = Fraction(value) * 10**places
    assert token.to_units(value) == floor(exact)
    assert token.to_units(value, ROUND_CEILING) == -floor(-exact)
    assert price_to_chain(value) == floor(Fraction(value) * 10**8)
    assert price_to_chain(value, ROUND_CEILING) == -floor(-Fraction(value) * 10**8)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_has_no_units(value):
    with pytest.raises(ValueError):
        price_to_chain(Decimal(value))
    with pytest.raises(ValueError):
        Token(A, "T", 6).to_units(Decimal(value))


def test_names_and_steps():
    assert market(18, 6).trading_pair == "BASE-QUOTE"
    assert market(6, 18).base_step == 1
    assert Decimal("1E-8") == PRICE_STEP


@generations
def test_recorded_fills_obey_the_conversions(generation):
    """A buying taker pays the converted price of what the maker gave; a selling one is credited it. Dust: see the rules."""
    books, fills = markets(generation), 0
    for _, step in steps(generation, "tx"):
        for log in receipt_logs(generation, step)[0]:
            event = log.event
            if not isinstance(event, OrderMatched):
                continue
            subject, fills = books[event.pair], fills + 1
            if not event.is_bid or event.clear:
                assert event.quote_amount == subject.base_to_quote(event.price, event.base_amount)
            else:
                dust = event.base_amount - subject.quote_to_base(event.price, event.quote_amount)
                assert 0 <= dust <= subject.quote_to_base(event.price, 1)
    assert fills >= {"engine_2025_08": 113, "engine_2026_07": 7}[generation]


@generations
def test_recorded_deposits_are_converted_as_the_book_says(generation):
    """The book's own `convert` for what rests: every view of it in the recordings."""
    pairs, seen = {pair["orderbook"].lower(): name for name, pair in load(generation)["meta"]["pairs"].items()}, 0
    for scenario in load(generation)["scenarios"]:
        state = scenario["initial_pairs"]
        for step in scenario["steps"]:
            state = step.get("after", scenario["initial_pairs"] if step.get("reset_before") else state)
            call = step.get("decoded_call", {"function": ""})
            if not call["function"].startswith("assetValue") or step.get("revert"):
                continue
            book = step["to"].lower()
            subject, price = markets(generation)[book], state[pairs[book]]["engine.mktPrice"]
            amount, base_in = call["args"].values()
            assert step["returned"] == (subject.base_to_quote if base_in else subject.quote_to_base)(price, amount)
            seen += 1
    assert seen >= {"engine_2025_08": 2, "engine_2026_07": 0}[generation]


@generations
def test_recorded_refusals_for_size_name_the_amounts_that_we_compute(generation):
    books, seen = markets(generation), 0
    for _, step in steps(generation, "tx"):
        if not isinstance(step["revert"], dict) or not step["revert"]["error"].startswith("OrderSizeTooSmall"):
            continue
        arguments, name = step["decoded_call"]["args"], step["decoded_call"]["function"].split("(")[0]
        if name not in ("limitBuy", "limitSell") or not arguments["price"]:  # price 0 stands for the market price
            continue
        subject = next(found for found in books.values() if found.base.address == arguments["base"].lower()
                       and found.quote.address == arguments["quote"].lower())
        convert, smallest, amount = (subject.quote_to_base, subject.smallest_buy, arguments["quoteAmount"]) \
            if name == "limitBuy" else (subject.base_to_quote, subject.smallest_sell, arguments["baseAmount"])
        refused = step["revert"]["args"]
        price = arguments["price"]
        assert (refused["amount"], refused["minRequired"]) == (convert(price, amount), convert(price, 1))
        assert amount < smallest(price)
        seen += 1
    assert seen >= {"engine_2025_08": 6, "engine_2026_07": 1}[generation]


def test_tokens_and_markets_are_values():
    for one, same, name in ((Token(A, "T", 6), Token(A, "T", 6), "decimals"), (market(18, 6), market(18, 6), "book")):
        assert {one, same} == {one}
        with pytest.raises(AttributeError):
            setattr(one, name, getattr(one, name))
