"""Orders that rest: whose a log is, from which place on the chain on they get logs, and when nothing is left of them."""
import pytest

from hummingbot.connector.exchange.standard.chain.engine import NewMarketPrice, OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import (
    END_OF_BLOCK,
    Closed,
    Ending,
    OrderKey,
    Resting,
    Settlement,
    resting_key,
)

A, B = "0x" + "a" * 40, "0x" + "b" * 40
BOOK = "0x" + "c" * 40
MARKET = Market(Token("0x" + "1" * 40, "WBTC", 8), Token("0x" + "2" * 40, "USDC", 6), BOOK)
PRICE = 6_000_000_000_000
KEY = OrderKey(BOOK, False, 7)


def match(trade_id=1, base=1000, taker_is_bid=True):
    return OrderMatched(BOOK, 5, 7, taker_is_bid, PRICE, 600 * base, False, B, A, base, 600 * base, 1, 600, trade_id)


def log(event, block=10, index=0):
    return EngineLog(event, f"0x{block:064x}", block, index)


def resting(order):
    settlement = Settlement(A, {BOOK: MARKET})
    settlement.restore([order])
    return settlement


@pytest.mark.parametrize("is_bid", [False, True], ids=["ask", "bid"])
def test_a_fill_is_of_the_order_on_the_other_side_than_the_taker_and_a_cancel_of_that_on_its_own(is_bid):
    key = OrderKey(BOOK, is_bid, 7)
    assert resting_key(match(taker_is_bid=not is_bid)) == key
    assert resting_key(OrderCanceled(BOOK, 7, is_bid, A, 5000)) == key


@pytest.mark.parametrize("event", [OrderPlaced(BOOK, 5, 7, A, False, PRICE, 5000, 5000), NewMarketPrice(BOOK, PRICE, True)],
                         ids=["a placement", "a market price"])
def test_other_events_are_of_no_order_that_rests(event):
    assert resting_key(event) is None


def test_an_order_of_which_all_up_to_the_end_of_a_block_is_counted_gets_what_later_blocks_hold():
    settlement = resting(Resting(KEY, "mine", PRICE, 5000, (10, END_OF_BLOCK)))
    assert [settlement.apply(log(match(index), 10, index)) for index in (0, 126, 127, 100_000)] == [[], [], [], []]
    (fill,) = settlement.apply(log(match(2), 11))
    assert fill.block_number == 11 and settlement.resting[KEY].deposit == 4000


def test_an_order_may_have_been_placed_at_the_beginning_of_the_chain_where_nobody_knows():
    assert Resting(KEY, "mine", PRICE, 5000).placed_at == (0, 0)


def test_an_ask_of_which_nothing_is_left_is_filled_although_the_event_says_it_is_not_cleared():
    settlement = resting(Resting(KEY, "mine", PRICE, 1000))
    fill, closed = settlement.apply(log(match()))
    assert fill.base_amount == 1000
    assert closed == Closed("mine", KEY.exchange_order_id, Ending.FILLED, 0, 10)
    assert settlement.resting == {}
