"""What happened to orders, as Hummingbot's tracker is told: once, in order, at once, and taken back when it did not happen."""
import asyncio
import time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.exchange.standard import tracking
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.settlement import (
    Closed,
    Ending,
    Filled,
    Opened,
    OrderKey,
    Resting,
    Retracted,
)
from hummingbot.connector.exchange.standard.recorded_orders import RecordedOrder
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates, forget_fills_of_nothing, without_repeats
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.event.events import OrderFilledEvent, SellOrderCompletedEvent

MARKET = Market(Token("0x" + "1" * 40, "AAA", 18), Token("0x" + "2" * 40, "BBB", 6), "0x" + "c" * 40)
KEY = OrderKey(MARKET.book, False, 7)
PRICE = 2 * 10 ** 8
OPENED = Opened("mine", KEY.exchange_order_id, KEY, PRICE, 100 * 10 ** 18)


def fill(trade_id: int, base: Decimal, block: int = 10) -> Filled:
    units = MARKET.base.to_units(base)
    return Filled("mine", KEY.exchange_order_id, MARKET.book, f"{MARKET.book}:{trade_id}", False, True, PRICE, units,
                  MARKET.base_to_quote(PRICE, units), 5, "0xaa", block)


def closed(ending: Ending = Ending.CANCELED, block: int = 10) -> Closed:
    return Closed("mine", KEY.exchange_order_id, ending, 0, block)


def rests(*keys: OrderKey, name: str = "mine") -> dict[OrderKey, Resting]:
    return {key: Resting(key, name, PRICE, 100) for key in keys}


class Told:
    """A tracker with one order, of 100 AAA unless another is wanted, and the events that it triggered."""

    def __init__(self, kind: OrderType = OrderType.LIMIT, side: TradeType = TradeType.SELL, market: Market = MARKET,
                 amount: Decimal = Decimal(100)) -> None:
        self.events: list[str] = []
        self.completed: list[tuple[Decimal, Decimal]] = []
        self.tracker = ClientOrderTracker(SimpleNamespace(current_timestamp=1.0, trigger_event=self._hear))
        self.taken_off: list[OrderKey] = []
        self.updates = TrackerUpdates(self.tracker, lambda pair: market, SystemClock(), self.taken_off.append,
                                      self._recorded, self._save)
        self.records: dict[str, RecordedOrder] = {}
        self.saved: list[list[str]] = []  # the trade ids of the order's fills, at each save
        self.order = InFlightOrder("mine", "AAA-BBB", kind, side, amount, 1.0, Decimal(2))
        self.tracker.start_tracking_order(self.order)

    def _hear(self, tag: Any, event: Any) -> None:
        self.events.append(type(event).__name__)
        if isinstance(event, SellOrderCompletedEvent):
            self.completed.append((event.base_asset_amount, event.quote_asset_amount))

    def _save(self) -> None:
        self.saved.append(list(self.order.order_fills))

    async def _recorded(self, client_order_id: str) -> RecordedOrder | None:
        return self.records.get(client_order_id)


@pytest.fixture
async def told() -> Told:
    told = Told()
    await told.updates.tell([OPENED])
    return told


async def test_an_order_that_is_filled_but_for_a_trifle_is_done_without_a_pause(told: Told) -> None:
    """Hummingbot calls an order done within a part in a billion, and waits five seconds for a part in a hundred million."""
    began = time.monotonic()
    await told.updates.tell([fill(1, Decimal("99.99999998"))])
    assert told.order.current_state is OrderState.FILLED and time.monotonic() - began < 1
    assert told.taken_off == [KEY] and told.events == ["SellOrderCreatedEvent", "OrderFilledEvent", "SellOrderCompletedEvent"]


BTC = Market(Token("0x" + "3" * 40, "AAA", 8), Token("0x" + "2" * 40, "BBB", 6), "0x" + "d" * 40)
BID = OrderKey(BTC.book, True, 7)
SIXTY_THOUSAND = 60_000 * 10 ** 8


class ToldOfABid(Told):
    """A tracker with a bid for 0.001 BTC at 60,000, in a book in which a step is 100 units."""

    def __init__(self) -> None:
        super().__init__(side=TradeType.BUY, market=BTC, amount=Decimal("0.001"))

    @staticmethod
    def filled(sats: int, is_last: bool = False, is_maker: bool = True) -> Filled:
        return Filled("mine", BID.exchange_order_id, BTC.book, f"{BTC.book}:{sats}", True, is_maker, SIXTY_THOUSAND, sats,
                      BTC.base_to_quote(SIXTY_THOUSAND, sats), 5, "0xaa", 10, is_last)

    @staticmethod
    def opened(deposit: int) -> Opened:
        return Opened("mine", BID.exchange_order_id, BID, SIXTY_THOUSAND, deposit)


async def test_an_order_of_which_nobody_can_take_what_rests_is_filled_and_off_the_book() -> None:
    """No event would end it: what rests converts to nothing (docs/protocol.md, "Placing an order step by step")."""
    told = ToldOfABid()
    await told.updates.tell([told.opened(60_000_000)])
    await told.updates.tell([told.filled(99_800)])
    assert told.order.current_state is OrderState.PARTIALLY_FILLED and told.taken_off == [], "somebody can take 200 more"
    await told.updates.tell([told.filled(150, is_last=True)])
    assert told.order.current_state is OrderState.FILLED and told.taken_off == [BID]
    assert told.order.executed_amount_base == Decimal("0.0009995")
    assert told.events[-2:] == ["OrderFilledEvent", "BuyOrderCompletedEvent"]
    await told.updates.tell([Retracted(told.filled(150, is_last=True))])
    assert told.order.current_state is OrderState.PARTIALLY_FILLED, "a reorganisation took it back"


async def test_an_order_that_took_all_but_what_nobody_can_take_is_filled_and_off_the_book() -> None:
    told = ToldOfABid()
    await told.updates.tell([told.filled(99_950, is_maker=False), told.opened(30_000)])
    assert told.order.current_state is OrderState.FILLED and told.taken_off == [BID]


@pytest.mark.parametrize(("refund", "state"), [
    (6_000, OrderState.FILLED), (60_000, OrderState.CANCELED), (0, OrderState.CANCELED)],
    ids=["nobody could take it", "somebody could", "it is not known"])
async def test_an_order_that_took_all_but_what_came_back_at_once_is_filled(refund: int, state: OrderState) -> None:
    """As by the later generation. Told as cancelled, an executor would forget what it traded and order it again."""
    told = ToldOfABid()
    told.order.price = Decimal(60_000)
    fill = told.filled(99_900, is_maker=False)._replace(exchange_order_id="0xaa:0")
    await told.updates.tell([fill, Closed("mine", "0xaa:0", Ending.CANCELED, refund, 10)])
    assert told.order.current_state is state


async def test_an_order_that_nobody_could_take_stays_filled_when_only_its_cancel_is_mined_anew() -> None:
    told = ToldOfABid()
    await told.updates.tell([told.opened(60_000_000)])
    await told.updates.tell([told.filled(99_950, is_last=True)])
    gone = Closed("mine", BID.exchange_order_id, Ending.CANCELED, 30_000, 11)
    await told.updates.tell([gone])
    await told.updates.tell([Retracted(gone)])
    await told.updates.tell([gone._replace(block_number=12)])
    assert told.order.current_state is OrderState.FILLED and "OrderCancelledEvent" not in told.events


async def test_an_order_of_which_no_fill_is_known_is_not_filled_whatever_rests_of_it() -> None:
    """As one that the nodes forgot, and that is taken up as the chain holds it."""
    told = ToldOfABid()
    await told.updates.tell([told.opened(30_000)])
    assert told.order.current_state is OrderState.OPEN and told.taken_off == []


async def test_what_rests_under_another_id_ends_no_order() -> None:
    told, other = ToldOfABid(), OrderKey(BTC.book, True, 8)
    told.updates.follow({BID: Resting(BID, "mine", SIXTY_THOUSAND, 60_000_000)})
    await told.updates.tell([told.opened(60_000_000)])
    await told.updates.tell([told.filled(99_950, is_last=True)._replace(exchange_order_id=other.exchange_order_id)])
    assert told.order.current_state is OrderState.PARTIALLY_FILLED and told.taken_off == []


async def test_a_fill_under_another_id_leaves_an_order_that_still_rests_its_own(told: Told) -> None:
    """A batch that was refused was let through after all, and what was placed twice was taken: the first one still rests."""
    told.updates.follow(rests(KEY))
    other = OrderKey(MARKET.book, False, 8)
    await told.updates.tell([fill(1, Decimal(10))._replace(exchange_order_id=other.exchange_order_id)])
    assert told.order.exchange_order_id == KEY.exchange_order_id and told.order.executed_amount_base == 10
    assert told.taken_off == []


COPY = OrderKey(MARKET.book, False, 8)
COPY_OPENED = OPENED._replace(exchange_order_id=COPY.exchange_order_id, key=COPY)


async def test_an_order_that_was_placed_twice_is_the_first_one_whatever_becomes_of_the_other(
        told: Told, caplog: pytest.LogCaptureFixture) -> None:
    told.updates.follow(rests(KEY, COPY))
    await told.updates.tell([COPY_OPENED])
    assert told.taken_off == [COPY] and "mine was placed twice" in caplog.text
    end = closed()._replace(exchange_order_id=COPY.exchange_order_id)
    await told.updates.tell([end])
    await told.updates.tell([Retracted(end)])  # so it rests again
    await told.updates.tell([Retracted(COPY_OPENED)])
    assert told.order.current_state is OrderState.OPEN and told.order.exchange_order_id == KEY.exchange_order_id
    assert told.taken_off == [COPY, COPY] and told.events == ["SellOrderCreatedEvent"]
    await told.updates.tell([closed()])
    assert told.order.is_cancelled


@pytest.mark.parametrize("is_remembered", [True, False], ids=["within half a minute", "later"])
@pytest.mark.parametrize("ending", Ending)
async def test_an_order_that_ended_stays_so_when_it_is_placed_once_more(told: Told, ending: Ending, is_remembered: bool) -> None:
    told.updates.follow(rests(COPY))
    await told.updates.tell([fill(1, Decimal("99.9")), closed(ending)])
    state = told.order.current_state
    if not is_remembered:
        told.tracker._cached_orders.clear()
    await told.updates.tell([COPY_OPENED])
    await told.updates.tell([fill(2, Decimal(5))._replace(exchange_order_id=COPY.exchange_order_id),
                             closed()._replace(exchange_order_id=COPY.exchange_order_id)])
    assert told.taken_off == [COPY] and told.events.count("OrderFilledEvent") == 2
    assert told.order.current_state is state and told.order.exchange_order_id == KEY.exchange_order_id


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.LIMIT])
async def test_a_market_order_that_took_a_part_is_done_for_that_part_and_no_cancelled_one(
        kind: OrderType, caplog: pytest.LogCaptureFixture) -> None:
    """Of a cancelled one executors forget what it took. A limit order is cancelled with what somebody could have taken."""
    told = Told(kind)
    began = time.monotonic()
    parts = [fill(1, Decimal(10)), fill(2, Decimal("2.5"))]
    await told.updates.tell([*(part._replace(exchange_order_id="0xaa:0") for part in parts),
                             closed()._replace(exchange_order_id="0xaa:0", refund=5 * 10 ** 18)])
    assert told.order.executed_amount_base == Decimal("12.5") and time.monotonic() - began < 1
    end = "SellOrderCompletedEvent" if kind is OrderType.MARKET else "OrderCancelledEvent"
    assert told.events == ["SellOrderCreatedEvent", "OrderFilledEvent", "OrderFilledEvent", end]
    assert ("mine took 12.5 of 100 AAA and counts as filled" in caplog.text) is (kind is OrderType.MARKET)
    if kind is OrderType.MARKET:
        assert told.completed == [(Decimal("12.5"), Decimal(25))]
        await told.updates.tell([fill(3, Decimal(1))._replace(exchange_order_id="0xaa:0")])  # after a reorganisation
        assert told.order.executed_amount_base == Decimal("13.5") and told.events[4:] == ["OrderFilledEvent"]


async def test_a_market_order_that_took_nothing_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does a little quote count that it paid for no base at all."""
    told = Told(OrderType.MARKET)
    await told.updates.tell([fill(1, Decimal(0))._replace(exchange_order_id="0xaa:0", quote_amount=1),
                             closed()._replace(exchange_order_id="0xaa:0")])
    assert told.events == ["SellOrderCreatedEvent", "MarketOrderFailureEvent"]
    assert "counts as filled" not in caplog.text and "took nothing and counts as failed" in caplog.text


@pytest.mark.parametrize("base", [10, 100], ids=["a part", "all"])
async def test_a_market_order_whose_fills_its_receipt_does_not_have_any_more_has_failed(base: int) -> None:
    """An earlier run told them, and the block was replaced: they must not be taken back when the order is over."""
    told = Told(OrderType.MARKET)
    told.tracker.process_trade_update(told.updates._trade_update(told.order, fill(1, Decimal(base))))
    told.updates.question(["mine"], is_read_again=True)
    await told.updates.tell([closed()._replace(exchange_order_id="0xaa:0")])
    assert told.order.current_state is OrderState.FAILED and told.order.executed_amount_base == 0
    assert told.updates.doubtful == set()


async def test_a_market_order_that_took_nothing_ends_once_and_is_followed_anew_when_its_block_is_replaced(
        caplog: pytest.LogCaptureFixture) -> None:
    told = Told(OrderType.MARKET)
    end = closed()._replace(exchange_order_id="0xaa:0")
    await told.updates.tell([end])
    await told.updates.tell([end])
    await told.updates.tell([fill(1, Decimal(10))._replace(exchange_order_id="0xbb:0")])
    assert told.order.exchange_order_id == "0xaa:0" and told.events.count("MarketOrderFailureEvent") == 1
    assert caplog.text.count("took nothing and counts as failed") == 1
    told.updates.take_back_fill("mine", fill(1, Decimal(10)).trade_id)
    told.tracker._lost_orders["mine"] = told.order  # as Hummingbot restores an order that has failed
    await told.updates.tell([Retracted(end)])
    assert told.order.is_pending_create and "mine" in told.tracker.active_orders and not told.tracker.lost_orders
    end = end._replace(exchange_order_id="0xbb:0")
    await told.updates.tell([fill(2, Decimal(20))._replace(exchange_order_id="0xbb:0"), end])
    assert told.order.current_state is OrderState.FILLED and told.order.executed_amount_base == 20


async def test_a_market_order_that_took_a_part_is_followed_anew_when_its_block_is_replaced() -> None:
    told = Told(OrderType.MARKET)
    part, end = fill(1, Decimal(10))._replace(exchange_order_id="0xaa:0"), closed()._replace(exchange_order_id="0xaa:0")
    await told.updates.tell([part, end])
    await told.updates.tell([Retracted(end), Retracted(part)])
    assert told.order.is_pending_create and told.order.executed_amount_base == 0
    assert not told.order.completely_filled_event.is_set()
    await told.updates.tell([fill(2, Decimal(20))._replace(exchange_order_id="0xaa:0"), end])
    assert told.order.current_state is OrderState.FILLED and told.order.executed_amount_base == 20
    assert told.completed == [(Decimal(10), Decimal(20)), (Decimal(20), Decimal(40))]


async def test_events_are_told_in_the_order_in_which_they_were_settled(told: Told) -> None:
    await asyncio.gather(*(told.updates.tell([fill(number, Decimal(10))]) for number in range(5)), told.updates.tell([closed()]))
    assert told.events[1:] == ["OrderFilledEvent"] * 5 + ["OrderCancelledEvent"]


async def test_what_is_settled_is_told_to_its_end_though_who_tells_is_cancelled(told: Told) -> None:
    """The network is left, or a cancel_all gives up, and what is settled is settled once."""
    telling = asyncio.ensure_future(told.updates.tell([fill(1, Decimal(10)), fill(2, Decimal(10)), closed()]))
    later = asyncio.ensure_future(told.updates.tell([fill(3, Decimal(10))]))
    await asyncio.sleep(0)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    await later
    assert told.events[1:] == ["OrderFilledEvent", "OrderFilledEvent", "OrderCancelledEvent", "OrderFilledEvent"]


async def test_a_fill_that_returns_unchanged_in_another_block_is_not_told_again(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10))])
    await told.updates.tell([Retracted(fill(1, Decimal(10))), fill(1, Decimal(10), block=12)])
    assert told.events.count("OrderFilledEvent") == 1 and told.order.executed_amount_base == 10


async def test_a_fill_that_returns_with_another_fee_has_that_one_and_is_not_told_again(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10))])
    await told.updates.tell([Retracted(fill(1, Decimal(10))), fill(1, Decimal(10), block=12)._replace(fee=9)])
    await told.updates.tell([fill(1, Decimal(10), block=12)._replace(fee=11)])
    (fee,) = told.order.order_fills[f"{MARKET.book}:1"].fee.flat_fees
    assert fee.amount == MARKET.quote.from_units(11) and told.events.count("OrderFilledEvent") == 1
    assert told.order.executed_amount_base == 10


def test_only_what_returns_unchanged_is_left_out() -> None:
    first, second = fill(1, Decimal(10)), fill(2, Decimal(20))
    changed = first._replace(base_amount=1)
    assert without_repeats([Retracted(second), Retracted(first), first._replace(block_number=99), changed]) == \
        [Retracted(second), changed]
    assert without_repeats([first, Retracted(first)]) == [first, Retracted(first)]


async def test_an_order_that_is_filled_by_other_trades_after_a_reorganisation_ends_again(told: Told) -> None:
    first, end = fill(1, Decimal("99.9")), closed(Ending.FILLED)
    await told.updates.tell([first, end])
    await told.updates.tell([Retracted(end), Retracted(first), fill(2, Decimal("99.9"), block=12),
                             closed(Ending.FILLED, block=12)])
    assert told.order.current_state is OrderState.FILLED and not told.tracker.active_orders
    assert list(told.order.order_fills) == [f"{MARKET.book}:2"]


async def test_a_done_order_is_tracked_again_when_its_end_is_taken_back(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10)), closed()])
    assert told.order.current_state is OrderState.CANCELED and not told.tracker.active_orders
    await told.updates.tell([Retracted(closed())])
    assert told.order.current_state is OrderState.PARTIALLY_FILLED and "mine" in told.tracker.active_orders
    assert "mine" not in told.tracker.cached_orders
    await told.updates.tell([Retracted(fill(1, Decimal(10)))])
    assert told.order.current_state is OrderState.OPEN and told.order.executed_amount_base == 0


async def test_an_end_is_taken_back_that_hummingbot_has_forgotten(told: Told) -> None:
    first = fill(1, Decimal(10))
    await told.updates.tell([first, closed()])
    told.tracker._cached_orders.clear()
    await told.updates.tell([Retracted(closed()), Retracted(first), fill(2, Decimal(100)), closed(Ending.FILLED)])
    assert told.order.current_state is OrderState.FILLED and list(told.order.order_fills) == [f"{MARKET.book}:2"]


async def test_a_fill_of_what_is_left_of_a_filled_order_counts_though_hummingbot_has_forgotten_the_order(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(100))])
    told.tracker._cached_orders.clear()
    told.events.clear()
    await told.updates.tell([fill(1, Decimal(100)), fill(2, Decimal(1)), fill(2, Decimal(1)), closed(Ending.FILLED)])
    assert told.events == ["OrderFilledEvent"] and told.order.executed_amount_base == 101
    told.tracker._cached_orders.clear()
    await told.updates.tell([fill(3, Decimal(0))])
    assert told.events == ["OrderFilledEvent"], "a fill of nothing is none to tell"


async def test_whoever_hears_of_a_late_fill_finds_its_order_though_hummingbot_has_forgotten_it(
        told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executors ask for the order at each of its fills, and put what they get in the place of what they have."""
    found: list[InFlightOrder | None] = []
    monkeypatch.setattr(told.tracker._connector, "trigger_event", lambda tag, event: found.append(
        told.tracker.fetch_order(event.order_id)) if isinstance(event, OrderFilledEvent) else None)
    await told.updates.tell([fill(1, Decimal(100))])
    told.tracker._cached_orders.clear()
    await told.updates.tell([fill(2, Decimal(1))])
    assert len(found) == 2 and found[0] is found[1] is told.order and len(told.order.order_fills) == 2


async def test_a_fill_of_an_order_that_an_earlier_process_ended_is_told_unless_it_is_recorded(told: Told) -> None:
    told.records["old"] = RecordedOrder(OrderType.LIMIT_MAKER, frozenset({f"{MARKET.book}:1"}))
    told.events.clear()
    await told.updates.tell([event._replace(client_order_id=name) for name in ("old", "another's") for event in (
        OPENED, fill(1, Decimal(100)), fill(2, Decimal(1)), closed(Ending.FILLED))])
    assert told.events == ["OrderFilledEvent"] and list(told.tracker.all_fillable_orders) == ["mine"]


async def test_only_so_many_ended_orders_are_remembered(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "MAX_ENDED", 1)
    other = InFlightOrder("other", "AAA-BBB", OrderType.LIMIT, TradeType.SELL, Decimal(100), 1.0, Decimal(2))
    told.tracker.start_tracking_order(other)
    await told.updates.tell([OPENED._replace(client_order_id="other"), closed(), closed()._replace(client_order_id="other")])
    told.tracker._cached_orders.clear()
    await told.updates.tell([Retracted(closed()), Retracted(closed()._replace(client_order_id="other"))])
    assert told.order.is_cancelled and other.current_state is OrderState.OPEN


async def test_a_trade_with_the_id_of_one_of_nothing_that_was_taken_back_is_told(told: Told) -> None:
    """A taker may pay a little quote for no base at all, of which there was nothing to tell."""
    nothing = fill(1, Decimal(0))
    await told.updates.tell([nothing])
    await told.updates.tell([Retracted(nothing), fill(1, Decimal(10), block=12)])
    assert told.events == ["SellOrderCreatedEvent", "OrderFilledEvent"] and told.order.executed_amount_base == 10


async def test_a_fill_of_nothing_that_hummingbot_saved_is_told_anew_if_the_chain_still_has_it(told: Told) -> None:
    """One that a reorganisation took back since would stay in Hummingbot's records otherwise: no event saves the order again."""
    nothing, something = fill(1, Decimal(0))._replace(quote_amount=5), fill(2, Decimal(10))
    await told.updates.tell([nothing, something])
    saved = InFlightOrder.from_json(told.order.to_json())
    forget_fills_of_nothing([saved])
    assert list(saved.order_fills) == [f"{MARKET.book}:2"] and saved.executed_amount_base == 10
    assert saved.executed_amount_quote == sum(trade.fill_quote_amount for trade in saved.order_fills.values())
    told.tracker.start_tracking_order(saved)
    await told.updates.tell([nothing])
    assert told.order.order_fills.keys() == saved.order_fills.keys()
    assert saved.executed_amount_quote == told.order.executed_amount_quote


async def test_only_so_many_fills_that_were_taken_back_are_remembered(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "MAX_TAKEN_BACK", 1)
    fills = [fill(number, Decimal(10)) for number in (1, 2)]
    await told.updates.tell(fills)
    await told.updates.tell([Retracted(event) for event in fills])
    assert told.updates.taken_back == {("mine", fills[1].trade_id)}


async def test_an_order_whose_placement_was_taken_back_is_pending_and_created_once(told: Told) -> None:
    await told.updates.tell([Retracted(OPENED)])
    assert told.order.is_pending_create and told.order.exchange_order_id is None
    again = OrderKey(MARKET.book, False, 8)
    await told.updates.tell([Opened("mine", again.exchange_order_id, again, PRICE, 100)])
    assert told.order.current_state is OrderState.OPEN and told.order.exchange_order_id == again.exchange_order_id
    assert told.events == ["SellOrderCreatedEvent"]


async def test_what_is_put_right_without_an_event_is_saved(told: Told) -> None:
    one = fill(1, Decimal(10))
    await told.updates.tell([one])
    await told.updates.tell([Retracted(one), Retracted(OPENED)])
    assert told.saved == [], "what an event tells Hummingbot saves by itself"
    await told.updates.tell([one, OPENED])
    assert told.events == ["SellOrderCreatedEvent", "OrderFilledEvent"] and told.saved == [[one.trade_id]]
    await told.updates.tell([fill(2, Decimal(10))])
    assert len(told.saved) == 1


async def test_an_order_that_rests_under_another_id_without_an_event_is_saved(told: Told) -> None:
    again = OrderKey(MARKET.book, False, 8)
    await told.updates.tell([Opened("mine", again.exchange_order_id, again, PRICE, 100)])
    assert told.order.exchange_order_id == again.exchange_order_id and told.saved == [[]]


async def test_an_expected_order_is_tracked_as_soon_as_there_is_something_to_tell_of_it(told: Told) -> None:
    terms = OrderTerms("AAA-BBB", TradeType.SELL, OrderType.LIMIT, Decimal(100), Decimal(2), 1.0)
    told.updates.expect({"theirs": terms, "never": terms})
    key = KEY._replace(id=8)
    opened = Opened("theirs", key.exchange_order_id, key, PRICE, 100 * 10 ** 18)
    told.events.clear()
    await told.updates.tell([Retracted(opened)])
    assert not told.events and not told.updates.brought_back
    await told.updates.tell([fill(3, Decimal(1))._replace(client_order_id="theirs"), opened])
    assert told.events == ["SellOrderCreatedEvent", "OrderFilledEvent"] and told.updates.brought_back == {"theirs"}
    assert told.tracker.fetch_tracked_order("theirs").current_state is OrderState.PARTIALLY_FILLED
    assert told.tracker.fetch_order("never") is None


@pytest.mark.parametrize("event", [OPENED._replace(client_order_id="old"), Retracted(closed()._replace(client_order_id="old"))])
async def test_an_order_that_no_strategy_knows_is_taken_off_when_it_rests_again(
        told: Told, event: Opened | Retracted, caplog: pytest.LogCaptureFixture) -> None:
    told.updates.follow(rests(KEY, name="old"))
    await told.updates.tell([event])
    assert told.taken_off == [], "what the last run left is still being looked up"
    told.updates.take_off_unknown()
    await told.updates.tell([event, Retracted(fill(1, Decimal(10))._replace(client_order_id="old"))])
    assert told.taken_off == [KEY] and "The order old of an earlier run rests again" in caplog.text


async def test_only_what_rests_and_is_not_known_is_taken_off(told: Told) -> None:
    told.updates.take_off_unknown()
    await told.updates.tell([closed(), Retracted(closed()), OPENED])
    told.updates.follow(rests(KEY))
    await told.updates.tell([closed()])
    await told.updates.tell([Retracted(closed())])
    await told.updates.tell([OPENED._replace(client_order_id="old"), fill(1, Decimal(10))._replace(client_order_id="old")])
    assert told.taken_off == []


async def test_an_order_that_was_brought_back_is_taken_off_when_its_end_is_void(told: Told) -> None:
    terms = OrderTerms("AAA-BBB", OrderType.LIMIT, TradeType.SELL, Decimal(100), Decimal(2), 1.0)
    told.updates.expect({"old": terms})
    told.updates.take_off_unknown()
    end = closed()._replace(client_order_id="old")
    await told.updates.tell([OPENED._replace(client_order_id="old"), end])
    assert told.updates.brought_back == {"old"} and told.taken_off == []
    told.updates.follow(rests(KEY, name="old"))
    await told.updates.tell([Retracted(end)])
    assert told.taken_off == [KEY]


async def test_only_an_order_that_is_on_its_way_fails_unsent(told: Told) -> None:
    await told.updates.fail_unsent("mine", "why")
    await told.updates.fail_unsent("unknown", "why")
    assert told.order.current_state is OrderState.OPEN and "MarketOrderFailureEvent" not in told.events


async def test_what_an_earlier_run_told_of_an_order_that_was_not_placed_is_void(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10))])
    told.updates.doubt(doubtful(1))
    told.updates.question(["mine", "unknown"], True)
    for name in ("mine", "unknown"):
        await told.updates.fail_unplaced(name, "why")
    assert told.order.is_failure and told.order.exchange_order_id is None and not told.updates.doubtful
    assert told.order.order_fills == {} and told.order.executed_amount_base == 0
    assert told.events[-1] == "MarketOrderFailureEvent"


async def test_an_order_that_was_told_of_since_stays_though_one_of_its_transactions_did_not_place_it(told: Told) -> None:
    """A batch was refused and its orders were placed one by one; then the batch lost its block, and is refused again."""
    told.updates.question(["mine"], True)
    await told.updates.tell([OPENED])
    await told.updates.fail_unplaced("mine", "why")
    assert told.order.current_state is OrderState.OPEN and told.order.exchange_order_id == KEY.exchange_order_id


@pytest.mark.parametrize("size", [10, 15], ids=["the same", "another trade"])
async def test_a_fill_that_only_hummingbot_saved_makes_room_for_the_trade_that_has_its_id_now(
        told: Told, size: int, caplog: pytest.LogCaptureFixture) -> None:
    """The last run ended before it noted the fill, and the order was placed anew in another block."""
    await told.updates.tell([fill(1, Decimal(10)), fill(2, Decimal(20))])
    told.updates.question(["mine"], True)
    await told.updates.tell([OPENED, fill(1, Decimal(size))])
    told.updates.take_back_doubtful()
    assert {name: each.fill_base_amount for name, each in told.order.order_fills.items()} == {f"{MARKET.book}:1": size}
    assert told.order.executed_amount_base == size and told.events.count("OrderFilledEvent") == 2
    assert caplog.text.count("took back a fill of order mine") == (1 if size == 10 else 2)
    assert ("Another trade of order mine" in caplog.text) is (size != 10)


async def test_a_trade_that_has_the_id_of_one_that_stands_is_not_left_out_in_silence(
        told: Told, caplog: pytest.LogCaptureFixture) -> None:
    await told.updates.tell([fill(1, Decimal(10)), fill(1, Decimal(15))])
    assert told.order.executed_amount_base == 10 and told.events.count("OrderFilledEvent") == 1
    assert f"Two trades of order mine have the id {MARKET.book}:1" in caplog.text and "15" in caplog.text


async def test_fills_that_are_not_read_again_stand(told: Told) -> None:
    """The nodes have forgotten what happened, or what became of the placement."""
    await told.updates.tell([fill(1, Decimal(10)), fill(2, Decimal(10))])
    told.updates.question(["mine"], False)
    await told.updates.tell([OPENED])
    told.updates.question(["mine"], True)
    told.updates.doubt(doubtful(1) | {("other", f"{MARKET.book}:1")})
    told.updates.let_stand({"mine"})
    assert told.updates.doubtful == {("other", f"{MARKET.book}:1")}
    await told.updates.tell([OPENED])
    told.updates.take_back_doubtful()
    assert len(told.order.order_fills) == 2


async def test_a_fill_of_an_order_that_an_earlier_run_ended_is_told_to_be_taken_back_unless_the_chain_still_has_it(
        told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Hummingbot does not bring the order, so all that can be done is to say it."""
    told.records["old"] = RecordedOrder(OrderType.LIMIT, frozenset(f"{MARKET.book}:{number}" for number in (1, 2, 3)))
    told.updates.doubt({("old", f"{MARKET.book}:{number}") for number in (1, 2)}, {("old", f"{MARKET.book}:3")})
    await told.updates.tell([fill(1, Decimal(100))._replace(client_order_id="old")])
    assert caplog.text == ""
    told.updates.take_back_doubtful()
    assert told.updates.doubtful == set()
    (message,) = [record.getMessage() for record in caplog.records]  # the earlier run told of the third itself
    assert "took back a fill of order old" in message and f"{MARKET.book}:2" in message


async def test_an_order_that_came_back_under_another_id_is_known_by_it(told: Told) -> None:
    again = OrderKey(MARKET.book, False, 8)
    told.updates.follow(rests(again))
    await told.updates.tell([Opened("mine", again.exchange_order_id, again, PRICE, 100)])
    assert told.order.exchange_order_id == again.exchange_order_id and told.taken_off == []


async def test_an_order_that_was_taken_whole_when_it_came_back_is_known_by_its_transaction(told: Told) -> None:
    taken = fill(1, Decimal(100))._replace(exchange_order_id="0xaa:5", is_maker=False)
    await told.updates.tell([taken, closed(Ending.FILLED)._replace(exchange_order_id="0xaa:5")])
    assert told.order.current_state is OrderState.FILLED and told.order.exchange_order_id == "0xaa:5"


async def test_an_order_whose_id_belongs_to_another_one_now_is_known_by_its_transaction(told: Told) -> None:
    """All of a batch was placed anew by the next run: the first was taken whole this time, and the second got its id."""
    told.updates.follow(rests(KEY, name="second"))
    await told.updates.tell([fill(1, Decimal(100))._replace(exchange_order_id="0xaa:5"),
                             closed(Ending.FILLED)._replace(exchange_order_id="0xaa:5")])
    assert told.order.current_state is OrderState.FILLED and told.order.exchange_order_id == "0xaa:5"


async def test_an_order_that_was_placed_a_second_time_is_taken_off(told: Told) -> None:
    double = OrderKey(MARKET.book, False, 8)
    told.updates.follow(rests(KEY, double))
    await told.updates.tell([Opened("mine", double.exchange_order_id, double, PRICE, 100)])
    assert told.order.exchange_order_id == KEY.exchange_order_id and told.taken_off == [double]


async def test_what_a_second_placement_took_at_once_counts_and_leaves_the_order_that_rests_its_id(told: Told) -> None:
    told.updates.follow(rests(KEY))
    await told.updates.tell([fill(1, Decimal(10))._replace(exchange_order_id="0xaa:5")])
    assert told.order.exchange_order_id == KEY.exchange_order_id and told.order.executed_amount_base == 10
    assert told.taken_off == []


async def test_an_order_that_failed_in_a_block_that_was_replaced_can_succeed_after_all() -> None:
    told = Told()
    await told.updates.fail_unsent("mine", "the exchange refused it")
    assert told.order.is_failure and not told.tracker.active_orders
    await told.updates.tell([OPENED])
    assert told.order.current_state is OrderState.OPEN and "mine" in told.tracker.active_orders


async def test_of_an_order_that_never_rested_nothing_is_taken_off() -> None:
    told = Told()
    await told.updates.tell([fill(1, Decimal(100))._replace(exchange_order_id="0xaa:0")])
    assert told.order.current_state is OrderState.FILLED and told.taken_off == []


async def test_a_fill_that_is_taken_back_opens_a_filled_order_again_with_what_is_left(told: Told) -> None:
    first, second = fill(1, Decimal(40)), fill(2, Decimal(60))
    await told.updates.tell([first, second])
    assert told.order.current_state is OrderState.FILLED and not told.tracker.active_orders
    await told.updates.tell([Retracted(second)])
    assert "mine" in told.tracker.active_orders and told.order.executed_amount_base == 40
    assert told.order.current_state is OrderState.PARTIALLY_FILLED


async def test_a_fill_that_had_the_id_of_another_one_leaves_that_one_when_it_is_taken_back(told: Told) -> None:
    true, void = fill(1, Decimal(10)), fill(1, Decimal(30))
    await told.updates.tell([true, void])
    await told.updates.tell([Retracted(void)])
    assert [known.fill_base_amount for known in told.order.order_fills.values()] == [10]
    await told.updates.tell([Retracted(true)])
    assert not told.order.order_fills and told.order.executed_amount_base == 0


async def test_a_fill_that_nobody_told_of_cannot_be_taken_back(told: Told) -> None:
    told.updates.take_back_fill("mine", "nothing")
    told.updates.take_back_fill("unknown", "nothing")
    assert told.order.current_state is OrderState.OPEN


async def test_only_fills_that_the_chain_does_not_have_are_taken_back_and_the_newest_first(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10)), fill(2, Decimal(20)), fill(3, Decimal(10))])
    on_chain = {f"{MARKET.book}:3"}
    taken = told.updates.take_back_fills("mine", KEY, MARKET.base.to_units(Decimal(20)), on_chain)
    assert taken == [f"{MARKET.book}:2"] and told.order.executed_amount_base == 20
    assert told.updates.fills_of("mine", MARKET.book) == {f"{MARKET.book}:{number}": 10 * 10 ** 18 for number in (1, 3)}


async def test_nothing_is_taken_back_of_an_order_or_a_market_that_is_not_known(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10))])
    assert told.updates.take_back_fills("unknown", KEY, 10 ** 30, set()) == []
    told.updates._market = lambda book: None
    assert told.updates.take_back_fills("mine", KEY, 10 ** 30, set()) == [] and len(told.order.order_fills) == 1
    assert told.updates.fills_of("mine", MARKET.book) == told.updates.fills_of("unknown", MARKET.book) == {}


def doubtful(*trade_ids: int) -> set[tuple[str, str]]:
    return {("mine", f"{MARKET.book}:{trade_id}") for trade_id in trade_ids}


async def test_a_doubtful_fill_that_the_chain_still_has_stays_and_any_other_is_taken_back(told: Told) -> None:
    fills = [fill(trade_id, Decimal(10)) for trade_id in (1, 2, 3)]
    await told.updates.tell(fills)
    told.updates.doubt(doubtful(2, 3) | {("unknown", f"{MARKET.book}:4")})
    await told.updates.tell(fills[1:2])
    told.updates.take_back_doubtful()
    assert list(told.order.order_fills) == [f"{MARKET.book}:1", f"{MARKET.book}:2"] and told.order.executed_amount_base == 20
    assert told.events.count("OrderFilledEvent") == 3


async def test_a_new_fill_of_one_order_says_nothing_of_doubtful_fills_of_another(told: Told) -> None:
    other = ("other", f"{MARKET.book}:1")
    told.updates.doubt({other} | doubtful(2))
    await told.updates.tell([fill(3, Decimal(10))])
    assert told.updates.doubtful == {other}


async def test_a_fill_of_nothing_that_was_forgotten_at_the_start_says_nothing_of_the_doubtful_ones(told: Told) -> None:
    nothing = fill(2, Decimal(0))._replace(quote_amount=5)
    await told.updates.tell([fill(1, Decimal(10)), fill(3, Decimal(10))])
    told.updates.doubt(doubtful(1, 3))
    await told.updates.tell([fill(1, Decimal(10)), nothing])
    assert told.updates.doubtful == doubtful(3) and told.order.executed_amount_base == 20
    await told.updates.tell([fill(3, Decimal(10))])
    assert told.updates.doubtful == set() and told.order.executed_amount_base == 20
    assert len(told.order.order_fills) == 3 and told.events.count("OrderFilledEvent") == 2


async def test_a_fill_of_nothing_takes_the_place_of_a_doubtful_one_with_its_id(told: Told) -> None:
    await told.updates.tell([fill(1, Decimal(10))])
    told.updates.doubt(doubtful(1))
    await told.updates.tell([fill(1, Decimal(0))._replace(quote_amount=5)])
    assert told.updates.doubtful == set() and told.order.executed_amount_base == 0


async def test_doubtful_fills_whose_ids_other_trades_have_now_make_room_for_them(told: Told) -> None:
    """The first trade vanished, so each later one has the id of the one before; the order is never filled in between."""
    await told.updates.tell([fill(1, Decimal(5)), fill(2, Decimal(30)), fill(3, Decimal(40))])
    told.updates.doubt(doubtful(1, 2, 3))
    await told.updates.tell([fill(1, Decimal(30)), fill(2, Decimal(40))])
    told.updates.take_back_doubtful()
    assert {name: each.fill_base_amount for name, each in told.order.order_fills.items()} == {
        f"{MARKET.book}:1": 30, f"{MARKET.book}:2": 40}
    assert told.order.executed_amount_base == 70 and told.order.current_state is OrderState.PARTIALLY_FILLED
    assert told.events.count("OrderFilledEvent") == 3 and "SellOrderCompletedEvent" not in told.events


async def test_a_fill_is_doubtful_until_it_is_told_again_and_taken_back_while_an_open_order_has_lost_it(told: Told) -> None:
    updates = told.updates
    await updates.tell([fill(1, Decimal(10)), fill(2, Decimal(10))])
    assert updates.doubtful == updates.taken_back == set()
    updates.doubt(doubtful(2))
    await updates.tell([Retracted(fill(1, Decimal(10)))])
    assert updates.doubtful == doubtful(2) and updates.taken_back == doubtful(1)
    await updates.tell([fill(1, Decimal(10)), fill(2, Decimal(10))])
    assert updates.doubtful == updates.taken_back == set()
    await updates.tell([Retracted(fill(2, Decimal(10))), closed()])
    assert updates.doubtful == updates.taken_back == set()


@pytest.mark.parametrize("is_saved", [True, False], ids=["saved before it was taken back", "saved since"])
@pytest.mark.parametrize("size", [10, 15], ids=["the same", "another trade"])
async def test_a_fill_that_the_last_run_told_and_took_back_counts_and_is_not_told_again(
        told: Told, is_saved: bool, size: int) -> None:
    if is_saved:
        await told.updates.tell([fill(1, Decimal(10))])
    told.events.clear()
    told.updates.doubt((), doubtful(1))
    assert told.updates.taken_back == told.updates.doubtful == doubtful(1)
    await told.updates.tell([fill(1, Decimal(size))])
    assert told.events == [] and told.order.executed_amount_base == size
    assert told.updates.taken_back == told.updates.doubtful == set()
    await told.updates.tell([fill(2, Decimal(5))])
    assert told.events == ["OrderFilledEvent"]


async def test_a_fill_that_the_last_run_took_back_and_that_stays_away_is_known_to_the_next_run_too(told: Told) -> None:
    told.updates.doubt((), doubtful(1))
    told.updates.take_back_doubtful()
    assert told.updates.doubtful == set() and told.updates.taken_back == doubtful(1)
