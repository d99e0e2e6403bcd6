"""The settlement replayed over every recorded scenario: what it says agrees with the recorded balances to the unit."""
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.engine import NewMarketPrice, OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, TokenOut
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders import settlement as settlement_module
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
from hummingbot.connector.exchange.standard.tracking import without_repeats
from test.hummingbot.connector.exchange.standard.orders.recordings import (
    GENERATIONS,
    markets,
    matches,
    orders_after,
    placements,
    receipt_logs,
    runs,
)
from test.vectors import load

generations = pytest.mark.parametrize("generation", GENERATIONS)


class Ledger:
    """All accounts of a recording, each with a settlement of its own, and what they say about money."""

    def __init__(self, generation, feed_first=False):
        self.generation = generation
        self.feed_first = feed_first
        self.markets = markets(generation)
        meta = load(generation)["meta"]
        self.names = {address.lower(): name for name, address in meta["accounts"].items()}
        self.tokens = {address.lower(): name for name, address in meta["contracts"].items()}
        self.settlements = {account: Settlement(account, self.markets) for account in self.names}
        self.placed = {}

    def run(self, step):
        """Settle one transaction for every account; the changes of balances, deposits and fees that it implies."""
        money, before = Counter(), self.deposits()
        events = self.events(step)
        for placement in placements(self.generation, step):
            money[self.names[step["from"].lower()], self.tokens[placement.token]] -= placement.deposit
        # Value sent with updates that place nothing is lost (docs/protocol.md, "Native token").
        lost = step["balance_delta"].get("engine", {}).get("native", 0)
        money.update({("engine", "WETH"): lost, (self.names[step["from"].lower()], "WETH"): -lost})
        for event in events:
            self._account_for(event, money)
        for key, amount in self.deposits().items():
            money[key] += amount
        money.subtract(before)
        return {key: amount for key, amount in money.items() if amount}

    def fills(self, step):
        """The fills of one transaction, of all accounts."""
        return [event for event in self.events(step) if isinstance(event, Filled)]

    def events(self, step):
        """What every settlement says about one transaction."""
        logs, outflows = receipt_logs(self.generation, step)
        placed = {f"{step['hash']}-{index}": placement for index, placement in enumerate(placements(self.generation, step))}
        self.placed |= placed
        events = []
        for account, settlement in self.settlements.items():
            own = {order: placement.deposit for order, placement in placed.items() if placement.recipient == account}
            events += self._events_of(settlement, own, logs, outflows)
            events += [event for key, order in orders_after(self.generation, step).items() if not order["depositAmount"]
                       for event in settlement.swept(key, step["blockNumber"])]
        return events

    def _events_of(self, settlement, own, logs, outflows):
        """The receipt and the feed both tell; neither may count twice, whichever comes first."""
        fed = [event for log in logs for event in settlement.apply(log)] if self.feed_first else []
        settled = settlement.settle_receipt(list(own), logs, outflows, list(own.values()))
        if own and not settled:  # an order that takes nothing and may not rest leaves no event: all of it came back
            ((order, deposit),) = own.items()
            settled = [Closed(order, "", Ending.CANCELED, deposit, 0)]
        fed_again = [event for log in logs for event in settlement.apply(log)]
        return [*fed, *settled, *fed_again]

    def _account_for(self, event, money):
        placement = self.placed[event.client_order_id]
        name = self.names[placement.recipient]
        if isinstance(event, Filled):
            market = self.markets[event.book]
            token, gross = (market.base, event.base_amount) if event.is_buy else (market.quote, event.quote_amount)
            money[name, token.symbol] += gross - event.fee
            money["feeTo", token.symbol] += event.fee
        elif isinstance(event, Closed):
            money[name, self.tokens[placement.token]] += event.refund

    def deposits(self):
        """What rests in each book according to the settlements."""
        resting = Counter()
        for settlement in self.settlements.values():
            for order in settlement.resting.values():
                market = self.markets[order.key.book]
                resting[f"book:{market.base.symbol}/{market.quote.symbol}",
                        (market.quote if order.key.is_bid else market.base).symbol] += order.deposit
        return resting


def recorded_money(step):
    """The recorded balance changes; a wrapped and a bare native unit are the same money."""
    money = Counter()
    for name, changes in step["balance_delta"].items():
        for token, amount in changes.items():
            money[name, "WETH" if token == "native" else token] += amount
    return {key: amount for key, amount in money.items() if amount}


@generations
@pytest.mark.parametrize("feed_first", [False, True], ids=["receipt first", "feed first"])
def test_every_balance_change_is_explained_to_the_unit(generation, feed_first):
    mismatches = []
    for scenario, steps in runs(generation):
        ledger = Ledger(generation, feed_first)
        for step in steps:
            said, recorded = ledger.run(step), recorded_money(step)
            if said != recorded:
                mismatches.append((scenario, step["label"], {"said": said, "recorded": recorded}))
    assert mismatches == []
    assert sum(len(steps) for _, steps in runs(generation)) >= {"engine_2025_08": 312, "engine_2026_07": 50}[generation]


@generations
def test_what_rests_is_what_the_engine_says(generation):
    for scenario, steps in runs(generation):
        ledger = Ledger(generation)
        for step in steps:
            ledger.run(step)
            recorded = {key: (order["owner"].lower(), order["price"], order["depositAmount"])
                        for key, order in orders_after(generation, step).items() if order["depositAmount"]}
            said = {key: (account, order.price, order.deposit) for account, settlement in ledger.settlements.items()
                    for key, order in settlement.resting.items()}
            assert said == recorded, (scenario, step["label"])


@generations
def test_every_fee_is_the_floor_of_the_rate_on_what_was_received(generation):
    fills = 0
    for _, steps in runs(generation):
        ledger = Ledger(generation)
        rates = dict(load(generation)["meta"]["fees"])
        for step in steps:
            if step["decoded_call"]["function"].startswith("setDefaultFee"):
                arguments = step["decoded_call"]["args"]
                maker, rate = arguments.values()
                rates["maker" if maker else "taker"] = rate
            for fill in ledger.fills(step):
                received = fill.base_amount if fill.is_buy else fill.quote_amount
                assert fill.fee == received * rates["maker" if fill.is_maker else "taker"] // 10**8, step["label"]
                fills += 1
    assert fills == 2 * matches(generation) >= 2 * {"engine_2025_08": 113, "engine_2026_07": 7}[generation]


@generations
def test_events_come_in_the_order_of_an_orders_life(generation):
    """Opened before maker fills, Closed last and once; taker fills may come before Opened."""
    for _, steps in runs(generation):
        ledger, lives = Ledger(generation), {}
        for step in steps:
            for event in ledger.events(step):
                lives.setdefault(event.client_order_id, []).append(event)
        for life in lives.values():
            kinds = [type(event) for event in life]
            assert kinds.count(Opened) <= 1 and kinds.count(Closed) <= 1
            assert Closed not in kinds[:-1]
            makers = [index for index, event in enumerate(life) if isinstance(event, Filled) and event.is_maker]
            assert not makers or kinds.index(Opened) < makers[0]
            takers = [index for index, event in enumerate(life) if isinstance(event, Filled) and not event.is_maker]
            assert not takers or Opened not in kinds or takers[-1] < kinds.index(Opened)


A, B = "0x" + "a" * 40, "0x" + "b" * 40
BOOK = "0x" + "c" * 40
MARKET = Market(Token("0x" + "1" * 40, "WBTC", 8), Token("0x" + "2" * 40, "USDC", 6), BOOK)
PRICE = 6_000_000_000_000


def log(event, index=0, block=1):
    return EngineLog(event, "0x" + "d" * 64, block, index)


def match(trade_id=1, order_id=7, is_bid=True, sender=B, owner=A, base=1000, quote=600_000, clear=False, history=5):
    return OrderMatched(BOOK, history, order_id, is_bid, PRICE, quote if is_bid else base, clear, sender, owner, base, quote,
                        1, 600, trade_id)


def settlement_with(deposit, is_bid=False, order_id=7):
    settlement = Settlement(A, {BOOK: MARKET})
    settlement.restore([Resting(OrderKey(BOOK, is_bid, order_id), "mine", PRICE, deposit)])
    return settlement


def test_a_seller_who_clears_a_bid_is_paid_its_whole_deposit():
    """Recorded: 0.999 base sold into a bid whose deposit is 1000 at 1001; the event says 999.999."""
    (steps,) = [steps for name, steps in runs("engine_2025_08") if name == "clamp_buy_ask_beyond_limit"]
    ledger = Ledger("engine_2025_08")
    taken = [fill for step in steps for fill in ledger.fills(step) if not fill.is_maker]
    assert [(fill.base_amount, fill.quote_amount, fill.fee) for fill in taken] == [(999 * 10**15, 1_000_000_000, 1_000_000)]


def test_a_maker_order_left_with_dust_only_is_filled_although_the_event_says_it_is_not_cleared():
    """A bid of 60 USDC for 0.001 WBTC: one satoshi is worth 600 units, so a rest of 600 goes to the taker."""
    settlement = settlement_with(60_000_000, is_bid=True)
    fill, closed = settlement.apply(log(match(is_bid=False, base=99_999, quote=59_999_400)))
    assert (fill.base_amount, fill.quote_amount) == (99_999, 60_000_000)
    assert closed.ending is Ending.FILLED
    assert settlement.resting == {}


def test_a_maker_order_left_with_more_than_dust_lives_on():
    settlement = settlement_with(60_000_000, is_bid=True)
    (fill,) = settlement.apply(log(match(is_bid=False, base=99_998, quote=59_998_800)))
    assert fill.quote_amount == 59_998_800
    assert settlement.resting[OrderKey(BOOK, True, 7)].deposit == 1200


def test_a_rest_that_converts_to_nothing_is_given_back_without_an_event():
    settlement, key = settlement_with(59_999, is_bid=True), OrderKey(BOOK, True, 7)
    (closed,) = settlement.swept(key, 9)
    assert (closed.ending, closed.refund, closed.block_number) == (Ending.CANCELED, 59_999, 9)
    assert settlement.resting == {} and settlement.swept(key, 9) == []


def test_a_node_that_is_behind_the_newest_fill_of_an_order_says_nothing_of_its_rest():
    settlement, key = settlement_with(60_059_999, is_bid=True), OrderKey(BOOK, True, 7)
    fill = log(match(is_bid=False, base=100_000, quote=60_000_000))
    settlement.apply(fill)
    assert settlement.resting[key].deposit == 59_999
    assert settlement.swept(key, fill.block_number - 1) == [] and key in settlement.resting
    assert len(settlement.swept(key, fill.block_number)) == 1


def test_an_end_without_an_event_is_undone_with_the_fill_before_it_and_seen_again():
    settlement, key = settlement_with(60_059_999, is_bid=True), OrderKey(BOOK, True, 7)
    fill = log(match(is_bid=False, base=100_000, quote=60_000_000))
    told = settlement.apply(fill) + settlement.swept(key, fill.block_number)
    assert [type(event) for event in told] == [Filled, Closed]
    assert settlement.apply(fill._replace(removed=True)) == [Retracted(event) for event in reversed(told)]
    assert settlement.resting[key].deposit == 60_059_999
    assert settlement.apply(fill) + settlement.swept(key, fill.block_number) == told and settlement.resting == {}


def test_a_rest_that_is_worth_something_does_not_end_without_an_event():
    settlement = settlement_with(60_000, is_bid=True)
    assert settlement.swept(OrderKey(BOOK, True, 7), 9) == [] and settlement.resting


def test_a_trade_seen_again_counts_once():
    settlement = settlement_with(5000)
    assert len(settlement.apply(log(match()))) == 1
    assert settlement.apply(log(match())) == []
    assert len(settlement.apply(log(match(trade_id=2)))) == 1
    assert settlement.resting[OrderKey(BOOK, False, 7)].deposit == 3000


def test_a_trade_of_an_account_with_itself_counts_for_both_of_its_orders():
    settlement = settlement_with(5000)
    own = log(match(sender=A, owner=A))
    taker, closed = settlement.settle_receipt(["other"], [own], [], [600_000])
    (maker,) = settlement.apply(own)
    assert (taker.client_order_id, taker.is_buy, taker.is_maker, taker.fee) == ("other", True, False, 1)
    assert (maker.client_order_id, maker.is_buy, maker.is_maker, maker.fee) == ("mine", False, True, 600)
    assert closed.ending is Ending.FILLED


def test_the_items_of_a_batch_are_told_apart_by_their_history_ids():
    placed = [OrderPlaced(BOOK, history, order_id, A, False, PRICE, 1000, 1000) for history, order_id in ((65535, 8), (1, 9))]
    settlement = Settlement(A, {BOOK: MARKET})
    settled = settlement.settle_receipt(["first", "second"], [log(placed[0]), log(placed[1], 1)], [], [1000, 1000])
    assert [(event.client_order_id, event.key.id) for event in settled] == [("first", 8), ("second", 9)]


def test_logs_of_strangers_mean_nothing():
    settlement = settlement_with(5000)
    strangers = [match(owner=B), OrderCanceled(BOOK, 7, False, B, 5000), NewMarketPrice(BOOK, PRICE, True),
                 OrderPlaced(BOOK, 1, 8, B, False, PRICE, 1, 1)]
    assert [settlement.apply(log(event)) for event in strangers] == [[], [], [], []]
    assert settlement.settle_receipt(["mine"], [log(strangers[3])], [], [1]) == []
    assert settlement.resting[OrderKey(BOOK, False, 7)].deposit == 5000


def test_an_order_that_never_rested_is_named_by_its_transaction():
    settlement = Settlement(A, {BOOK: MARKET})
    *_, closed = settlement.settle_receipt(["mine"], [log(match(sender=A, owner=B), index=3)], [], [700_000])
    assert closed == Closed("mine", "0x" + "d" * 64 + ":0", Ending.CANCELED, 100_000, 1)
    assert OrderKey.parse(closed.exchange_order_id) is None


def test_a_forgotten_order_gets_no_fills():
    settlement = settlement_with(5000)
    settlement.forget(OrderKey(BOOK, False, 7))
    settlement.forget(OrderKey(BOOK, False, 7))
    assert settlement.apply(log(match())) == []


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(settlement_module, "MAX_REMEMBERED_TRADES", 10)
    monkeypatch.setattr(settlement_module, "MAX_EARLY_LOGS", 10)
    settlement = settlement_with(10**9)
    for trade_id in range(100):
        settlement.apply(log(match(trade_id=trade_id)))
        settlement.apply(log(match(trade_id=1000 + trade_id, order_id=1000 + trade_id)))
    assert len(settlement._seen_trades) == 10
    assert len(settlement._early) == 10
    assert settlement.apply(log(match(trade_id=99))) == [], "the newest trades are remembered"
    newest = Resting(OrderKey(BOOK, False, 1099), "newest", PRICE, 5000)
    assert [fill.trade_id for fill in settlement.adopt(newest, 0)] == [f"{BOOK}:1099"], "and the newest early logs"


@given(st.integers(0, 2**160 - 1), st.booleans(), st.integers(0, 2**32 - 1))
def test_an_order_key_survives_its_text(book, is_bid, order_id):
    key = OrderKey(f"0x{book:040x}", is_bid, order_id)
    assert OrderKey.parse(key.exchange_order_id) == key


@pytest.mark.parametrize("text", [None, "", "0xabc", "a:b", "a:bid:x", "a:side:1", "a:bid:1:2", "a:bid:-1", "a:ask:"])
def test_other_texts_are_no_order_key(text):
    assert OrderKey.parse(text) is None


def test_a_fill_that_is_told_after_the_orders_end_still_counts_once():
    settlement = settlement_with(5000)
    (closed,) = settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 4000), index=5))
    (late,) = settlement.apply(log(match(), index=2))
    assert (closed.ending, late.client_order_id, late.base_amount) == (Ending.CANCELED, "mine", match().base_amount)
    assert settlement.apply(log(match(), index=2)) == []
    retracted = settlement.apply(log(match(), index=2)._replace(removed=True))
    assert retracted == [Retracted(closed), Retracted(late), closed] and not settlement.resting


def test_a_retraction_is_of_the_order_that_it_takes_back():
    retracted = Retracted(Opened("mine", "its id", OrderKey(BOOK, True, 7), PRICE, 5))
    assert (retracted.client_order_id, retracted.exchange_order_id) == ("mine", "its id")


def test_an_adopted_order_gets_what_happened_to_it_after_that_block():
    settlement = Settlement(A, {BOOK: MARKET})
    assert [settlement.apply(log(match(trade_id), block=block)) for trade_id, block in ((1, 4), (2, 5), (3, 6))] == [[], [], []]
    (fill,) = settlement.adopt(Resting(OrderKey(BOOK, False, 7), "mine", PRICE, 5000), 5)
    assert (fill.client_order_id, fill.trade_id) == ("mine", f"{BOOK}:3")
    assert settlement.resting[OrderKey(BOOK, False, 7)].deposit == 4000
    assert len(settlement.apply(log(match(4), block=7))) == 1


def test_forgotten_steps_are_not_taken_back_any_more():
    settlement = settlement_with(5000)
    for block in (4, 5, 6):
        settlement.apply(log(match(block), block=block, index=block))
    settlement.forget_steps(5)
    assert settlement.recent_fills(0) == {("mine", f"{BOOK}:6")}
    assert settlement.apply(log(match(5), block=5, index=5)._replace(removed=True)) == []
    assert len(settlement.apply(log(match(6), block=6, index=6)._replace(removed=True))) == 1
    assert settlement.resting[OrderKey(BOOK, False, 7)].deposit == 3000


@pytest.mark.parametrize("first", [3, 30], ids=["in a block", "in the one that replaced it"])
def test_an_order_that_was_filled_at_once_is_named_by_its_place_in_the_transaction(first):
    settlement = Settlement(A, {BOOK: MARKET})
    logs = [log(match(trade_id, sender=A, owner=B), index=first + trade_id) for trade_id in (3, 4)]
    settled = settlement.settle_receipt(["mine"], logs, [], [1_200_000])
    assert [event.exchange_order_id for event in settled] == 3 * ["0x" + "d" * 64 + ":0"]
    assert settled[2].ending is Ending.FILLED


def test_a_receipt_that_is_settled_twice_opens_its_order_once():
    settlement = Settlement(A, {BOOK: MARKET})
    receipt = [log(match(1, sender=A, owner=B)), log(OrderPlaced(BOOK, 5, 9, A, True, PRICE, 5000, 4000), 1)]
    assert [type(event) for event in settlement.settle_receipt(["mine"], receipt, [], [5000])] == [Filled, Opened]
    assert settlement.settle_receipt(["mine"], receipt, [], [5000]) == []


def test_a_retracted_taker_fill_counts_again_when_its_transaction_does():
    settlement = Settlement(A, {BOOK: MARKET})
    receipt = [log(match(1, sender=A, owner=B))]
    first = settlement.settle_receipt(["mine"], receipt, [], [600_000])
    assert settlement.retract_receipt(receipt[0].transaction_hash) == [Retracted(event) for event in reversed(first)]
    assert settlement.settle_receipt(["mine"], receipt, [], [600_000]) == first


def test_a_fill_tells_all_of_a_trade():
    settlement = settlement_with(5000)
    (maker,) = settlement.apply(log(match(1), block=3))
    taker, _ = settlement.settle_receipt(["other"], [log(match(2, sender=A, owner=B), block=4)], [], [600_000])
    place = f"{BOOK}:ask:7", f"{'0x' + 'd' * 64}:0"
    assert maker == Filled("mine", place[0], BOOK, f"{BOOK}:1", False, True, PRICE, 1000, 600_000, 600, "0x" + "d" * 64, 3)
    assert taker == Filled("other", place[1], BOOK, f"{BOOK}:2", True, False, PRICE, 1000, 600_000, 1, "0x" + "d" * 64, 4)


def test_only_a_seller_is_paid_what_left_the_book():
    for is_bid, paid in ((True, 600_000), (False, 600_007)):
        settlement = Settlement(A, {BOOK: MARKET})
        taken = log(match(sender=A, owner=B, is_bid=is_bid), index=1)
        fill, _ = settlement.settle_receipt(["mine"], [taken], [TokenOut(MARKET.quote.address, BOOK, 600_007, 0)], [600_000])
        assert fill.quote_amount == paid


def test_a_fill_of_an_unknown_order_is_not_that_of_one_that_ended():
    settlement = settlement_with(5000)
    settlement.apply(log(OrderCanceled(BOOK, 7, False, A, 5000)))
    assert settlement.apply(log(match(order_id=8), index=1)) == []


def test_an_order_that_was_forgotten_after_a_fill_gets_no_more():
    settlement = settlement_with(5000)
    assert len(settlement.apply(log(match(1)))) == 1
    settlement.forget(OrderKey(BOOK, False, 7))
    assert settlement.apply(log(match(2))) == []


def test_a_late_fill_is_undone_and_done_again_like_any_other():
    settlement = settlement_with(5000)
    cancel, fill = log(OrderCanceled(BOOK, 7, False, A, 4000), index=5, block=3), log(match(), index=2, block=2)
    (closed,) = settlement.apply(cancel)
    (late,) = settlement.apply(fill)
    assert settlement.recent_fills(1) == {("mine", f"{BOOK}:1")} and settlement.recent_fills(2) == set()
    retracted = settlement.apply(cancel._replace(removed=True))
    assert without_repeats(retracted) == [Retracted(closed)], "the fill stands before it"
    assert settlement.resting[OrderKey(BOOK, False, 7)].deposit == 4000
    settlement.apply(cancel)
    assert settlement.apply(fill._replace(removed=True))[-1] == closed, "what came after it is done again"
    assert settlement.apply(fill) == [late]


@pytest.mark.parametrize("quote_decimals", [6, 8])
@pytest.mark.parametrize("left, paid", [(60_000, 660_000), (60_001, 600_000)])
def test_a_cleared_bid_pays_what_is_left_of_it_up_to_what_rounding_leaves(quote_decimals, left, paid):
    market = Market(MARKET.base, Token("0x" + "2" * 40, "USDC", quote_decimals), BOOK)
    settlement = Settlement(A, {BOOK: market})
    settlement.restore([Resting(OrderKey(BOOK, True, 7), "mine", PRICE, 600_000 + left)])
    fill, closed = settlement.apply(log(match(is_bid=False, quote=600_000, clear=True)))
    assert (fill.quote_amount, closed.ending) == (paid, Ending.FILLED)


def test_an_ask_of_which_one_unit_is_left_lives_on():
    settlement = settlement_with(1001)
    assert len(settlement.apply(log(match()))) == 1
    assert settlement.resting[OrderKey(BOOK, False, 7)].deposit == 1


def test_an_early_log_that_is_told_again_is_kept_once():
    settlement = Settlement(A, {BOOK: MARKET})
    assert [settlement.apply(log(match())) for _ in range(3)] == [[], [], []]
    assert [len(logs) for logs in settlement._early.values()] == [1]


def test_an_early_log_that_is_taken_back_leaves_the_others_and_nothing_of_its_own():
    settlement = Settlement(A, {BOOK: MARKET})
    early = [log(match(1), index=1), log(match(2), index=2), log(match(3, order_id=8), index=3)]
    for taken_back in (early[0], early[2]):
        for one in early:
            settlement.apply(one)
        assert settlement.apply(taken_back._replace(removed=True)) == []
    assert list(settlement._early) == [OrderKey(BOOK, False, 7)]
    settlement.apply(early[0]._replace(removed=True))
    (fill,) = settlement.adopt(Resting(OrderKey(BOOK, False, 7), "mine", PRICE, 5000), 0)
    assert fill.trade_id == f"{BOOK}:2"


@pytest.mark.parametrize("is_bid, price, worthless, worthwhile", [(True, PRICE, 59_999, 60_000), (False, 10**6, 9_999, 10_000)])
def test_a_rest_that_is_worth_nothing_ends_when_the_book_does_not_hold_it(is_bid, price, worthless, worthwhile):
    settlement, key = Settlement(A, {BOOK: MARKET}), OrderKey(BOOK, is_bid, 7)
    assert settlement.swept(key, 9) == [], "an order that is not known"
    settlement.restore([Resting(key, "mine", price, worthwhile)])
    assert settlement.swept(key, 9) == [] and key in settlement.resting
    rest = Resting(key, "mine", price, worthless)
    settlement.restore([rest])
    assert settlement.swept(key, 9) == [Closed("mine", key.exchange_order_id, Ending.CANCELED, worthless, 9)]
    assert settlement.resting == {} and settlement.resting_at(8) == [rest] and settlement.resting_at(9) == []
    assert settlement.apply(log(match(1, is_bid=not is_bid), index=1)._replace(removed=True)) == []
    (late,) = settlement.apply(log(match(2, is_bid=not is_bid), index=2))
    assert late.client_order_id == "mine", "a fill that was not known yet still counts"
    stranger = OrderKey("0x" + "f" * 40, is_bid, 7)
    settlement.restore([Resting(stranger, "theirs", price, 0)])
    assert settlement.swept(stranger, 9) == [], "a market that is not known"


def test_a_forgotten_trade_counts_anew():
    settlement = settlement_with(5000)
    settlement.apply(log(match()))
    taken = [log(match(2, sender=A, owner=B))]
    settlement.settle_receipt(["other"], taken, [], [600_000])
    for trade_id in (1, 1, 2):
        settlement.forget_trade(f"{BOOK}:{trade_id}")
    assert len(settlement.apply(log(match()))) == 1
    assert [type(event) for event in settlement.settle_receipt(["other"], taken, [], [600_000])] == [Closed], "not as a taker"
