"""Settlements of replaced blocks: undone exactly, whatever order the logs and the receipts come in."""
from collections import deque

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, TokenOut
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import (
    Closed,
    Ending,
    Filled,
    Opened,
    OrderKey,
    Resting,
    Retracted,
    Settlement,
)
from test.hummingbot.connector.exchange.standard.orders.recordings import GENERATIONS, markets, placements, receipt_logs, runs
from test.vectors import load

A, B = "0x" + "a" * 40, "0x" + "b" * 40
BOOK = "0x" + "c" * 40
MARKET = Market(Token("0x" + "1" * 40, "WBTC", 8), Token("0x" + "2" * 40, "USDC", 6), BOOK)
PRICE = 6_000_000_000_000
KEY = OrderKey(BOOK, False, 7)


def log(event, block, index=0, removed=False):
    return EngineLog(event, f"0x{block:064x}", block, index, removed)


def match(trade_id, base=1000, clear=False, owner=A, sender=B):
    return OrderMatched(BOOK, 5, 7, True, PRICE, 600 * base, clear, sender, owner, base, 600 * base, 1, 600, trade_id)


def placed(deposit=5000):
    return OrderPlaced(BOOK, 9, 7, A, False, PRICE, deposit, deposit)


def resting(deposit=5000):
    settlement = Settlement(A, {BOOK: MARKET})
    settlement.restore([Resting(KEY, "mine", PRICE, deposit)])
    return settlement


def state(settlement):
    return {key: (order.client_order_id, order.price, order.deposit) for key, order in settlement.resting.items()}


def test_a_removed_fill_gives_the_deposit_back_and_counts_once_when_it_comes_again():
    settlement = resting()
    (fill,) = settlement.apply(log(match(1), 10))
    assert settlement.apply(log(match(1), 10, removed=True)) == [Retracted(fill)]
    assert settlement.resting[KEY].deposit == 5000
    (again,) = settlement.apply(log(match(1), 12))
    assert (again.trade_id, again.block_number) == (fill.trade_id, 12) and settlement.resting[KEY].deposit == 4000


def test_a_removed_cancel_lets_the_order_rest_again():
    settlement = resting()
    (closed,) = settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 5000), 10))
    assert settlement.resting == {}
    assert settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 5000), 10, removed=True)) == [Retracted(closed)]
    assert state(settlement) == {KEY: ("mine", PRICE, 5000)}


def test_a_removed_clearing_fill_is_retracted_newest_first():
    settlement = resting(1000)
    fill, closed = settlement.apply(log(match(1, clear=True), 10))
    assert closed.ending is Ending.FILLED
    assert settlement.apply(log(match(1, clear=True), 10, removed=True)) == [Retracted(closed), Retracted(fill)]
    assert settlement.resting[KEY].deposit == 1000


def test_a_placement_that_is_gone_takes_its_fills_along_until_it_is_placed_again():
    """The logs of the new blocks are there before anybody looks at the receipt."""
    settlement = Settlement(A, {BOOK: MARKET})
    receipt = log(placed(), 10)
    settlement.settle_receipt(["mine"], [receipt], [], [5000])
    (fill,) = settlement.apply(log(match(1), 14))
    retracted = settlement.retract_receipt(receipt.transaction_hash)
    assert retracted == [Retracted(fill), Retracted(Opened("mine", KEY.exchange_order_id, KEY, PRICE, 5000))]
    assert settlement.resting == {}
    again = settlement.settle_receipt(["mine"], [log(placed(), 13)], [], [5000])
    assert [type(event) for event in again] == [Opened, Filled] and settlement.resting[KEY].deposit == 4000


def test_a_fill_that_is_removed_while_its_order_is_not_placed_does_not_come_back():
    settlement = Settlement(A, {BOOK: MARKET})
    receipt = log(placed(), 10)
    settlement.settle_receipt(["mine"], [receipt], [], [5000])
    settlement.apply(log(match(1), 11))
    settlement.retract_receipt(receipt.transaction_hash)
    assert settlement.apply(log(match(1), 11, removed=True)) == []
    (opened,) = settlement.settle_receipt(["mine"], [log(placed(), 13)], [], [5000])
    assert isinstance(opened, Opened) and settlement.resting[KEY].deposit == 5000


def test_an_order_that_found_nothing_is_retracted_too():
    settlement = Settlement(A, {BOOK: MARKET})
    (closed,) = settlement.settle_nothing("mine", 70, "0xab", 10)
    assert closed == Closed("mine", "0xab", Ending.CANCELED, 70, 10)
    assert settlement.retract_receipt("0xab") == [Retracted(closed)]


def test_the_state_of_an_older_block_is_told_as_it_was():
    settlement = resting()
    for block in (10, 11, 12):
        settlement.apply(log(match(block), block))
    settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 2000), 13))
    assert [[order.deposit for order in settlement.resting_at(block)] for block in (9, 10, 11, 12, 13)] == \
        [[5000], [4000], [3000], [2000], []]
    assert settlement.recent_fills(10) == {("mine", f"{BOOK}:11"), ("mine", f"{BOOK}:12")}
    settlement.forget_steps(11)
    assert [[order.deposit for order in settlement.resting_at(block)] for block in (11, 12)] == [[3000], [2000]]
    assert settlement.apply(log(match(11), 11)) == [], "it counts still"


LATE = pytest.mark.parametrize(("deposit", "ends"), [(5000, False), (3000, True)], ids=["it rests", "it has ended"])


@LATE
def test_the_state_of_an_older_block_holds_what_a_log_of_that_time_did_that_came_late(deposit, ends):
    settlement = resting(deposit)
    settlement.apply(log(match(2, base=2000, clear=ends), 12))
    settlement.apply(log(match(1), 10))
    assert [[order.deposit for order in settlement.resting_at(block)] for block in (9, 10, 11)] == \
        [[deposit], [deposit - 1000], [deposit - 1000]]
    settlement.forget_steps(10)
    assert [order.deposit for order in settlement.resting_at(10)] == [deposit - 1000]


@LATE
@pytest.mark.parametrize("removed", [1, 2])
def test_a_log_that_came_late_and_the_one_before_it_are_taken_back_each_by_itself(deposit, ends, removed):
    settlement = resting(deposit)
    matches = {1: log(match(1), 10), 2: log(match(2, base=2000, clear=ends), 12)}
    settlement.apply(matches[2])
    settlement.apply(matches[1])
    before = state(settlement)
    settlement.apply(matches[removed]._replace(removed=True))
    assert [order.deposit for order in settlement.resting.values()] == \
        ([] if ends and removed == 1 else [deposit - (2000 if removed == 1 else 1000)])
    assert settlement.recent_fills(0) == {("mine", f"{BOOK}:{3 - removed}")}
    settlement.apply(matches[removed])
    assert state(settlement) == before and len(settlement.recent_fills(0)) == 2
    assert [[order.deposit for order in settlement.resting_at(block)] for block in (9, 10)] == [[deposit], [deposit - 1000]]


def test_a_log_that_came_later_than_several_behind_it_stands_before_all_of_them():
    settlement = resting()
    for number, block in ((2, 12), (3, 13), (1, 10)):
        settlement.apply(log(match(number), block))
    assert [[order.deposit for order in settlement.resting_at(block)] for block in (9, 10, 11, 12, 13)] == \
        [[5000], [4000], [4000], [3000], [2000]]


def test_a_fill_of_a_bid_that_came_after_its_end_took_quote():
    settlement, key = Settlement(A, {BOOK: MARKET}), KEY._replace(is_bid=True)
    settlement.restore([Resting(key, "mine", PRICE, 1_800_000)])
    settlement.apply(log(OrderCanceled(BOOK, 7, True, A, 1_200_000), 12))
    settlement.apply(log(match(1)._replace(is_bid=False), 10))
    assert [[order.deposit for order in settlement.resting_at(block)] for block in (9, 10, 12)] == [[1_800_000], [1_200_000], []]


def test_of_two_versions_of_a_block_what_was_told_last_is_taken_back_first():
    """Both have a fill of the order at one place, and the second is told before the removal of the first."""
    settlement, first = resting(), log(match(1), 10)
    (old,) = settlement.apply(first)
    (new,) = settlement.apply(first._replace(event=match(2, base=2000), transaction_hash="0xab"))
    assert settlement.apply(first._replace(removed=True)) == [Retracted(new), Retracted(old), new]
    assert settlement.resting[KEY].deposit == 3000


def test_an_order_whose_cancel_is_void_is_gone_when_logs_that_came_late_left_nothing():
    settlement, cancel = resting(3000), log(OrderCanceled(BOOK, 7, False, A, 3000), 13)
    settlement.apply(cancel)
    for late in (log(match(1), 10), log(match(2, base=2000, clear=True), 12)):
        settlement.apply(late)
    told = settlement.apply(cancel._replace(removed=True))
    assert not settlement.resting and told[-1].ending is Ending.FILLED
    assert settlement.recent_fills(0) == {("mine", f"{BOOK}:{number}") for number in (1, 2)}


def test_an_order_moved_last_where_the_newest_thing_that_is_not_final_happened_to_it():
    settlement = Settlement(A, {BOOK: MARKET})
    assert settlement.moved_at(KEY) == -1, "nothing is known of it"
    settlement.settle_receipt(["mine"], [log(placed(), 10)], [], [5000])
    settlement.settle_receipt(["other"], [log(placed()._replace(id=8, order_history_id=10), 14)], [], [5000])
    assert settlement.moved_at(KEY) == 10
    for block in (11, 12):
        settlement.apply(log(match(block), block))
    assert settlement.moved_at(KEY) == 12 and settlement.moved_at(KEY._replace(id=8)) == 14
    settlement.apply(log(match(12), 12, removed=True))
    assert settlement.moved_at(KEY) == 11, "what was taken back moved nothing"
    settlement.forget_steps(11)
    assert settlement.moved_at(KEY) == -1 and settlement.moved_at(KEY._replace(id=8)) == 14


def test_a_receipt_that_is_settled_twice_tells_nothing_the_second_time():
    settlement = Settlement(A, {BOOK: MARKET})
    logs = [log(match(1, owner=B, sender=A)._replace(order_history_id=9), 10, 0), log(placed(4000), 10, 1)]
    assert [type(event) for event in settlement.settle_receipt(["mine"], logs, [], [600_000 + 4000])] == [Filled, Opened]
    assert settlement.settle_receipt(["mine"], logs, [], [600_000 + 4000]) == []
    assert state(settlement) == {KEY: ("mine", PRICE, 4000)}


def test_a_receipt_with_the_order_id_of_another_takes_that_one_back():
    """The block of the other placement was replaced, which its own receipt may tell later."""
    settlement = Settlement(A, {BOOK: MARKET})
    old, new = log(placed(), 10), log(placed(4000), 11)
    settlement.settle_receipt(["old"], [old], [], [5000])
    assert settlement.settle_receipt(["new"], [new], [], [4000]) == [
        Retracted(Opened("old", KEY.exchange_order_id, KEY, PRICE, 5000)), Opened("new", KEY.exchange_order_id, KEY, PRICE, 4000)]
    assert settlement.retract_receipt(old.transaction_hash) == [] and state(settlement) == {KEY: ("new", PRICE, 4000)}


def test_a_receipt_with_the_order_id_of_another_takes_back_what_that_one_filled_too():
    settlement = Settlement(A, {BOOK: MARKET})
    old = [log(match(1, owner=B, sender=A)._replace(order_history_id=9), 10, 0), log(placed(4000), 10, 1)]
    first = settlement.settle_receipt(["old"], old, [], [600_000 + 4000])
    assert [type(event) for event in first] == [Filled, Opened]
    again = settlement.settle_receipt(["new"], [log(placed(), 11)], [], [5000])
    assert again == [*(Retracted(event) for event in reversed(first)), Opened("new", KEY.exchange_order_id, KEY, PRICE, 5000)]
    assert state(settlement) == {KEY: ("new", PRICE, 5000)} and settlement.recent_fills(0) == set()


def test_a_receipt_with_the_trade_of_another_takes_that_one_back():
    settlement = Settlement(A, {BOOK: MARKET})
    old, new = log(match(1, owner=B, sender=A), 10), log(match(1, base=500, owner=B, sender=A), 11)
    first = settlement.settle_receipt(["old"], [old], [], [600_000])
    again = settlement.settle_receipt(["new"], [new], [], [300_000])
    assert again[:2] == [Retracted(event) for event in reversed(first)]
    assert [(type(event), event.client_order_id) for event in again[2:]] == [(Filled, "new"), (Closed, "new")]


def test_an_order_gets_no_log_that_stands_before_its_placement():
    """Another order had its id in a block that was replaced, which the logs tell only later."""
    settlement = Settlement(A, {BOOK: MARKET})
    old = log(placed(), 10)
    settlement.settle_receipt(["old"], [old], [], [5000])
    settlement.apply(log(match(1), 11))
    settlement.retract_receipt(old.transaction_hash)
    assert [type(event) for event in settlement.settle_receipt(["new"], [log(placed(4000), 12)], [], [4000])] == [Opened]
    assert settlement.apply(log(match(1), 11, removed=True)) == [] and state(settlement) == {KEY: ("new", PRICE, 4000)}
    assert len(settlement.apply(log(match(1), 13))) == 1


@pytest.mark.parametrize("index, counts", [(3, False), (4, False), (5, False), (6, True)], ids=[
    "with the first fill", "between fill and placement", "with the placement", "after it"])
def test_in_the_block_of_its_placement_an_order_gets_only_what_stands_behind_that(index, counts):
    """What stands there before the end of the placement is of another version of the block, where the id was another order's."""
    settlement = Settlement(A, {BOOK: MARKET})
    assert settlement.apply(log(match(1), 10, index)) == []
    placing = [log(match(2, owner=B, sender=A)._replace(order_history_id=9), 10, 3), log(placed(4000), 10, 5)]
    taken, opened, *fills = settlement.settle_receipt(["mine"], placing, [], [600_000 + 4000])
    assert (type(taken), type(opened), len(fills)) == (Filled, Opened, counts)
    assert settlement.resting[KEY].deposit == (3000 if counts else 4000)


def test_a_cancel_that_came_while_a_replaced_fill_seemed_to_have_ended_its_order_counts_when_that_is_removed():
    settlement = resting(1000)
    fill, filled = settlement.apply(log(match(1, clear=True), 19))
    assert settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 1000), 10)) == []
    retracted = settlement.apply(log(match(1, clear=True), 19, removed=True))
    assert retracted == [Retracted(filled), Retracted(fill),
                         Closed("mine", KEY.exchange_order_id, Ending.CANCELED, 1000, 10)]
    assert settlement.resting == {}


def test_what_came_early_counts_in_the_order_of_the_chain_and_nothing_behind_the_end():
    """The fill is of a block that was replaced, of which nobody has heard yet."""
    settlement = Settlement(A, {BOOK: MARKET})
    assert settlement.apply(log(match(1, clear=True), 19)) == []
    assert settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 5000), 10)) == []
    _, closed = settlement.settle_receipt(["mine"], [log(placed(), 9)], [], [5000])
    assert closed == Closed("mine", KEY.exchange_order_id, Ending.CANCELED, 5000, 10)
    retracted = settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 5000), 10, removed=True))
    assert [type(event) for event in retracted] == [Retracted, Filled, Closed], "or it is the cancel that was replaced"


def test_a_resting_order_gets_no_log_that_stands_before_its_placement():
    settlement = Settlement(A, {BOOK: MARKET})
    receipt = log(placed(), 19, 3)
    settlement.settle_receipt(["mine"], [receipt], [], [5000])
    assert settlement.apply(log(match(1), 10)) == [] and settlement.resting[KEY].deposit == 5000
    (fill,) = settlement.settle_receipt(["mine"], [receipt._replace(block_number=9)], [], [5000])
    assert isinstance(fill, Filled) and settlement.resting[KEY].deposit == 4000, "it was placed in an older block after all"


def test_an_ended_order_gets_no_log_that_stands_before_its_placement_when_one_behind_that_is_taken_back():
    settlement, fill = Settlement(A, {BOOK: MARKET}), log(match(2), 14)
    assert settlement.apply(log(match(1), 12)) == []
    settlement.settle_receipt(["mine"], [log(placed(), 13)], [], [5000])
    told = settlement.apply(fill) + settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 4000), 15))
    assert settlement.apply(fill._replace(removed=True)) == [*(Retracted(event) for event in reversed(told)), told[-1]]
    assert settlement.recent_fills(0) == set()


def test_an_order_of_long_ago_whose_id_another_one_gets_is_forgotten():
    settlement = resting()
    assert [type(event) for event in settlement.settle_receipt(["new"], [log(placed(4000), 11)], [], [4000])] == [Opened]
    assert state(settlement) == {KEY: ("new", PRICE, 4000)}


def test_a_fill_that_is_taken_back_leaves_what_the_placement_itself_took():
    settlement = resting(4000)
    (fill,) = settlement.apply(log(match(2), 11))
    logs = [log(match(1, owner=B, sender=A)._replace(order_history_id=9), 10, 0), log(placed(4000), 10, 1)]
    (taken,) = settlement.settle_receipt(["mine"], logs, [], [600_000 + 4000])
    assert settlement.apply(log(match(2), 11, removed=True)) == [Retracted(fill)]
    assert settlement.recent_fills(0) == {("mine", taken.trade_id)}
    assert Retracted(fill).exchange_order_id == KEY.exchange_order_id


def test_early_logs_wait_for_their_placement_each_once_and_can_be_taken_back():
    settlement = Settlement(A, {BOOK: MARKET})
    for entry in (log(match(1), 11), log(match(1), 11), log(match(2), 12), log(match(3), 13)):
        assert settlement.apply(entry) == []
    assert settlement.apply(log(match(2), 12, removed=True)) == []
    told = settlement.settle_receipt(["mine"], [log(placed(), 10)], [], [5000])
    assert [event.trade_id for event in told[1:]] == [f"{BOOK}:1", f"{BOOK}:3"] and settlement.resting[KEY].deposit == 3000


def test_an_order_that_is_found_resting_gets_what_came_after_that_block():
    settlement = Settlement(A, {BOOK: MARKET})
    for block in (10, 11, 12):
        settlement.apply(log(match(block), block))
    told = settlement.adopt(Resting(KEY, "mine", PRICE, 4000), 11)
    assert [event.trade_id for event in told] == [f"{BOOK}:12"] and settlement.resting[KEY].deposit == 3000


def test_a_seller_gets_all_that_left_the_book_for_a_match():
    settlement = Settlement(A, {BOOK: MARKET})
    sale = match(1, owner=B, sender=A)._replace(is_bid=False, order_history_id=9)
    outflows = [TokenOut(MARKET.quote.address, BOOK, amount, index) for index, amount in enumerate((1, 600_000))]
    fill, closed = settlement.settle_receipt(["mine"], [log(sale, 10, 2)], outflows, [1000])
    assert fill.quote_amount == 600_001 and closed.ending is Ending.FILLED


def test_a_fill_from_before_the_order_was_placed_anew_waits_for_its_removal():
    settlement = Settlement(A, {BOOK: MARKET})
    settlement.settle_receipt(["mine"], [log(placed(), 10)], [], [5000])
    settlement.apply(log(match(1), 10, 1))
    settlement.retract_receipt(f"0x{10:064x}")
    (opened,) = settlement.settle_receipt(["mine"], [log(placed(), 11)], [], [5000])
    assert isinstance(opened, Opened) and settlement.resting[KEY].deposit == 5000
    assert settlement.apply(log(match(1), 10, 1, removed=True)) == []
    (fill,) = settlement.apply(log(match(1, base=2000), 11, 1))
    assert fill.base_amount == 2000 and settlement.resting[KEY].deposit == 3000


def test_a_fill_that_waits_counts_when_the_order_turns_out_to_be_placed_before_it():
    settlement = Settlement(A, {BOOK: MARKET})
    settlement.settle_receipt(["mine"], [log(placed(), 11)], [], [5000])
    settlement.retract_receipt(f"0x{11:064x}")
    settlement.apply(log(match(1), 10, 1))
    settlement.settle_receipt(["mine"], [log(placed(), 12)], [], [5000])
    settlement.retract_receipt(f"0x{12:064x}")
    _, fill = settlement.settle_receipt(["mine"], [log(placed(), 10)], [], [5000])
    assert isinstance(fill, Filled) and settlement.resting[KEY].deposit == 4000


class Replay:
    """One account of a recorded scenario, transaction after transaction, forwards and backwards."""

    def __init__(self, generation, account):
        self.generation = generation
        self.account = account
        self.settlement = Settlement(account, markets(generation))

    def forward(self, number, step):
        logs, outflows = receipt_logs(self.generation, step)
        own = {f"{step['hash']}-{index}": placement.deposit for index, placement in enumerate(placements(self.generation, step))
               if placement.recipient == self.account}
        self.settlement.settle_receipt(list(own), [entry._replace(block_number=number) for entry in logs], outflows,
                                       list(own.values()))
        for entry in logs:
            self.settlement.apply(entry._replace(block_number=number))

    def backward(self, number, step, receipt_first):
        logs, _ = receipt_logs(self.generation, step)
        if receipt_first:
            self.settlement.retract_receipt(step["hash"])
        for entry in reversed(logs):
            self.settlement.apply(entry._replace(block_number=number, removed=True))
        self.settlement.retract_receipt(step["hash"])


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("receipt_first", [False, True], ids=["logs first", "receipt first"])
def test_every_recorded_transaction_is_undone_and_done_again(generation, depth, receipt_first):
    accounts = [address.lower() for address in load(generation)["meta"]["accounts"].values()]
    for _, steps in runs(generation):
        for account in accounts:
            replay, states = Replay(generation, account), deque([{}], depth + 1)
            for number, step in enumerate(steps, 1):
                replay.forward(number, step)
                states.append(state(replay.settlement))
                back = min(depth, number)
                assert {order.key: order.deposit for order in replay.settlement.resting_at(number - back)} == \
                    {key: deposit for key, (_, _, deposit) in states[-1 - back].items()}
                if number % (2 * depth) == 0:
                    for undone in range(number, number - back, -1):
                        replay.backward(undone, steps[undone - 1], receipt_first)
                    assert state(replay.settlement) == states[-1 - back]
                    for redone in range(number - back + 1, number + 1):
                        replay.forward(redone, steps[redone - 1])
                    assert state(replay.settlement) == states[-1]
