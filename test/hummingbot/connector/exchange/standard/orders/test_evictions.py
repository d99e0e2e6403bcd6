"""Ids begin anew after the largest: who still rests under one is evicted by the order that gets it (docs, "Order ids")."""
import pytest

from hummingbot.connector.exchange.standard.chain.engine import NewMarketPrice, OrderCanceled, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, Opened, OrderKey, Retracted, Settlement

A, B = "0x" + "a" * 40, "0x" + "b" * 40
BOOK = "0x" + "c" * 40
MARKET = Market(Token("0x" + "1" * 40, "WBTC", 8), Token("0x" + "2" * 40, "USDC", 6), BOOK)
PRICE = 6_000_000_000_000
KEY = OrderKey(BOOK, False, 1)


def log(event, block, index=0):
    return EngineLog(event, f"0x{block:064x}", block, index)


def placed(deposit, price=PRICE, owner=A, history=5):
    return OrderPlaced(BOOK, history, KEY.id, owner, KEY.is_bid, price, deposit, deposit)


def eviction(owner=A):
    """The logs of the transaction whose order, of 2000, gets the id under which the account's order of 1000 rests."""
    return [log(OrderCanceled(BOOK, KEY.id, KEY.is_bid, A, 1000), 11, 3), log(NewMarketPrice(BOOK, PRICE - 1, False), 11, 4),
            log(placed(2000, PRICE - 1, owner, 6), 11, 5)]


def account_with_an_order(forgotten=False):
    settlement = Settlement(A, {BOOK: MARKET})
    settlement.settle_receipt(["old"], [log(placed(1000), 10)], [], [1000])
    if forgotten:
        settlement.forget_steps(10)
    return settlement


@pytest.mark.parametrize("forgotten", [False, True], ids=["it was placed lately", "it was placed long ago"])
@pytest.mark.parametrize("feed_first", [False, True], ids=["receipt first", "feed first"])
def test_an_order_that_evicts_an_own_one_ends_it_and_rests_in_its_place(feed_first, forgotten):
    settlement, logs = account_with_an_order(forgotten), eviction()
    told = [event for item in logs for event in settlement.apply(item)] if feed_first else []
    told += settlement.settle_receipt(["new"], logs, [], [2000])
    told += [event for item in logs for event in settlement.apply(item)]
    assert told == [Closed("old", KEY.exchange_order_id, Ending.CANCELED, 1000, 11),
                    Opened("new", KEY.exchange_order_id, KEY, PRICE - 1, 2000)]
    assert [(order.client_order_id, order.deposit) for order in settlement.resting.values()] == [("new", 2000)]


def test_an_order_that_a_stranger_evicts_ends_and_was_placed_all_the_same():
    settlement = account_with_an_order()
    assert settlement.settle_receipt([], eviction(owner=B), [], []) == [
        Closed("old", KEY.exchange_order_id, Ending.CANCELED, 1000, 11)]
    assert settlement.resting == {}


def test_an_id_that_is_cancelled_after_its_placement_is_still_that_of_a_replaced_block():
    settlement = account_with_an_order()
    logs = [log(placed(2000, history=6), 11, 3), log(OrderCanceled(BOOK, KEY.id, KEY.is_bid, A, 2000), 11, 4)]
    told = settlement.settle_receipt(["new"], logs, [], [2000]) + [event for item in logs for event in settlement.apply(item)]
    assert told == [Retracted(Opened("old", KEY.exchange_order_id, KEY, PRICE, 1000)),
                    Opened("new", KEY.exchange_order_id, KEY, PRICE, 2000),
                    Closed("new", KEY.exchange_order_id, Ending.CANCELED, 2000, 11)]


@pytest.mark.parametrize("receipt_first", [False, True], ids=["logs first", "receipt first"])
def test_an_eviction_that_is_taken_back_leaves_the_order_that_it_evicted(receipt_first):
    settlement, logs = account_with_an_order(), eviction()
    settlement.settle_receipt(["new"], logs, [], [2000])
    told = settlement.retract_receipt(logs[0].transaction_hash) if receipt_first else []
    told += [event for item in reversed(logs) for event in settlement.apply(item._replace(removed=True))]
    told += settlement.retract_receipt(logs[0].transaction_hash)
    opened = Opened("new", KEY.exchange_order_id, KEY, PRICE - 1, 2000)
    closed = Closed("old", KEY.exchange_order_id, Ending.CANCELED, 1000, 11)
    assert told == [Retracted(event) for event in ((opened, closed) if receipt_first else (closed, opened))]
    assert [(order.client_order_id, order.deposit) for order in settlement.resting.values()] == [("old", 1000)]
