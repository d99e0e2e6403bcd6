"""What rounding leaves of a bid goes to the seller who takes it whole, whatever the decimals: the sandbox pays it, and the
settlement tells it, to the unit."""
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, TokenOut, decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, Filled, OrderKey, Resting, Settlement
from hummingbot.connector.exchange.standard.sandbox.world import Outcome
from test.hummingbot.connector.exchange.standard.sandbox.exchange import ALICE, BOB, FEES, Exchange

DEPOSIT = 123_456_789_012_345_678
LISTING_PRICE = 100_000
BOOK = "0x" + "c" * 40


class Sale:
    """A bid of Alice's on a market of such decimals, and the settlements of both who trade."""

    def __init__(self, decimals: tuple[int, int], price: int, deposit: int) -> None:
        self.exchange = Exchange(decimals=decimals, listing_price=price)
        self.price = price
        book = self.exchange.book()
        base, quote = Token(self.exchange.base, "BASE", decimals[0]), Token(self.exchange.quote, "QUOTE", decimals[1])
        self.market = Market(base, quote, book)
        self.maker, self.taker = Settlement(ALICE, {book: self.market}), Settlement(BOB, {book: self.market})
        self.left = deposit
        self.maker.settle_receipt(["bid"], self._logs(self.exchange.buy(ALICE, price, deposit))[0], [], [deposit])

    def _logs(self, outcome: Outcome) -> tuple[list[EngineLog], list[TokenOut]]:
        block = self.exchange.block.number
        logs = [{"address": log.address, "topics": list(log.topics), "data": "0x" + log.data.hex(), "logIndex": hex(index),
                 "blockNumber": hex(block), "transactionHash": f"0x{block:064x}"} for index, log in enumerate(outcome.logs)]
        return decode_engine_logs(logs, self.exchange.engine), decode_outflows(logs)

    def sell(self, base_units: int) -> tuple[list[Any], list[Any]]:
        """Bob sells so much into the bid: what is told to Alice and to him, after both agree with what he was paid."""
        held = [self.exchange.balance(self.exchange.quote, account) for account in (BOB, FEES)]
        logs, outflows = self._logs(self.exchange.sell(BOB, self.price, base_units, is_maker=False))
        paid = sum(self.exchange.balance(self.exchange.quote, account) for account in (BOB, FEES)) - sum(held)
        made = [event for log in logs for event in self.maker.apply(log)]
        taken = self.taker.settle_receipt(["sale"], logs, outflows, [base_units])
        assert paid == sum(event.quote_amount for event in made if isinstance(event, Filled))
        assert paid == sum(event.quote_amount for event in taken if isinstance(event, Filled))
        self.left -= paid
        return made, taken


def test_a_bid_that_is_taken_whole_where_the_quote_has_more_decimals_is_told_with_all_of_its_deposit() -> None:
    sale = Sale((6, 18), LISTING_PRICE, DEPOSIT)
    fill, closed = sale.sell(123_456_789)[0]
    assert (fill.quote_amount, closed.ending, sale.left) == (DEPOSIT, Ending.FILLED, 0)


def test_a_bid_that_is_taken_in_part_keeps_what_was_truncated() -> None:
    """The figures of docs/protocol.md, "Units and prices"."""
    sale = Sale((6, 18), LISTING_PRICE, DEPOSIT)
    assert [fill.quote_amount for fill in sale.sell(123_456_788)[0]] == [123_456 * 10 ** 12]
    assert sale.left == 789_012_345_678 and sale.market.quote_to_base(LISTING_PRICE, sale.left) == 789
    fill, closed = sale.sell(1000)[0]  # less would be below the minimum
    assert (closed.ending, sale.left, fill.quote_amount) == (Ending.FILLED, 0, 789_012_345_678)


def test_a_fill_after_which_nobody_can_take_the_rest_is_told_as_the_last() -> None:
    """Of 0.001 BTC at 60,000 nobody can take the 50 units that are left: they are less than the step, and no event tells."""
    sale = Sale((8, 6), 60_000 * 10 ** 8, 60_000_000)
    assert [fill.is_last for fill in sale.sell(99_800)[0]] == [False]
    assert [fill.is_last for fill in sale.sell(150)[0]] == [True] and sale.left == 30_000
    assert sale.sell(100)[0] == [], "it is passed over"


places = st.integers(0, 18)


@settings(max_examples=60, deadline=None)
@given(places, places, st.one_of(st.integers(1, 10 ** 6), st.integers(1, 10 ** 13)), st.integers(1, 10 ** 24), st.data())
def test_the_fills_of_a_bid_add_up_to_its_deposit_whatever_the_decimals(base_decimals: int, quote_decimals: int, price: int,
                                                                        deposit: int, data: st.DataObject) -> None:
    market = Market(Token("0x" + "1" * 40, "BASE", base_decimals), Token("0x" + "2" * 40, "QUOTE", quote_decimals), BOOK)
    assume(market.smallest_buy(price) <= deposit)
    smallest = market.smallest_sell(price)
    assume(smallest <= market.quote_to_base(price, deposit) < 10 ** 23)
    sale = Sale((base_decimals, quote_decimals), price, deposit)
    while whole := market.quote_to_base(price, sale.left):
        made, _ = sale.sell(max(smallest, data.draw(st.integers(whole // 2, whole))))
    key = OrderKey(sale.market.book, True, 1)
    if key in sale.maker.resting:
        assert sale.maker.resting[key].deposit == sale.left, "it converts to nothing, so that nobody can take it"
    else:
        assert isinstance(made[-1], Closed) and made[-1].ending is Ending.FILLED and sale.left == 0


MARKET = Market(Token("0x" + "1" * 40, "BASE", 6), Token("0x" + "2" * 40, "QUOTE", 18), BOOK)
CONVERTED = 123_456 * 10 ** 12


def taken(*outflows: int) -> int:
    """The quote that a seller is told when this left the book before the match of the bid above."""
    match = OrderMatched(BOOK, 5, 7, False, LISTING_PRICE, 123_456_789, True, ALICE, BOB, 123_456_789, CONVERTED, 1, 600, 1)
    logs = [EngineLog(match, "0x" + "d" * 64, 1, len(outflows))]
    moved = [TokenOut(MARKET.quote.address, BOOK, amount, index) for index, amount in enumerate(outflows)]
    fill, _ = Settlement(ALICE, {BOOK: MARKET}).settle_receipt(["sale"], logs, moved, [123_456_789])
    return fill.quote_amount


@pytest.mark.parametrize("payout", [DEPOSIT, CONVERTED + MARKET.most_dust(LISTING_PRICE)])
def test_a_seller_is_told_all_that_was_paid_to_him(payout: int) -> None:
    assert taken(10 ** 9, payout - 10 ** 9) == payout


@pytest.mark.parametrize("outflows", [(DEPOSIT, DEPOSIT), (CONVERTED + MARKET.most_dust(LISTING_PRICE) + 1,)],
                         ids=["a wrapper that logs a withdrawal twice", "more than rounding leaves"])
def test_what_cannot_all_be_the_payout_is_not_told_as_such(outflows: tuple[int, ...]) -> None:
    """A wrapper of the native token may log what it burns and that it was withdrawn."""
    assert taken(*outflows) == CONVERTED


@pytest.mark.parametrize("missing", [0, 1])
def test_more_than_rounding_can_leave_of_a_bid_is_an_earlier_fill_that_is_still_to_come(missing: int) -> None:
    settlement = Settlement(BOB, {BOOK: MARKET})
    left = MARKET.most_dust(LISTING_PRICE) + missing
    settlement.restore([Resting(OrderKey(BOOK, True, 7), "bid", LISTING_PRICE, CONVERTED + left)])
    match = OrderMatched(BOOK, 5, 7, False, LISTING_PRICE, 1, True, ALICE, BOB, 123_456_789, CONVERTED, 1, 600, 1)
    fill, _ = settlement.apply(EngineLog(match, "0x" + "d" * 64, 1, 0))
    assert fill.quote_amount == CONVERTED + (0 if missing else left)
