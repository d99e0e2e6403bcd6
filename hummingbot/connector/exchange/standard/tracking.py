"""What happened to orders, told to Hummingbot's order tracker.

Hummingbot has no event that takes another one back. After a reorganisation the tracked order is put right: its fills, its
amounts, its state, and an order that was done is tracked again. What stays is what was told before: the trades in
Hummingbot's records, and what strategies were told of fills, completions and cancels. One warning says so for each order.
"""
import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from decimal import ROUND_HALF_EVEN

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain, price_to_chain
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.settlement import (
    Closed,
    Ending,
    Filled,
    Opened,
    OrderKey,
    Resting,
    Retracted,
    Settled,
)
from hummingbot.connector.exchange.standard.recorded_orders import RecordedOrder
from hummingbot.connector.exchange.standard.standard_utils import DEFAULT_FEES
from hummingbot.connector.exchange.standard.unbroken_work import to_its_end
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.trade_fee import TokenAmount, TradeFeeBase

MAX_ENDED = 1000
MAX_TAKEN_BACK = 1000
ENDED = (OrderState.FILLED, OrderState.CANCELED)


def forget_fills_of_nothing(orders: Iterable[InFlightOrder]) -> None:
    """Take the fills of a little quote for no base at all out of orders as Hummingbot saved them. It saves an order on events,
    of which these have none, so what a reorganisation took back of them would stay for good. Those whose blocks are read again
    come back; of others a few units of quote are missing in their order's sum."""
    for order in orders:
        for trade_id in [trade_id for trade_id, fill in order.order_fills.items() if not fill.fill_base_amount]:
            order.executed_amount_quote -= order.order_fills.pop(trade_id).fill_quote_amount


class TrackerUpdates:
    """Turns settled events into the tracker's updates, in the order in which Hummingbot's events make sense."""

    def __init__(self, tracker: ClientOrderTracker, market: Callable[[str], Market | None], clock: Clock,
                 take_off: Callable[[OrderKey], None], recorded: Callable[[str], Awaitable[RecordedOrder | None]],
                 save: Callable[[], None]) -> None:
        """`market` gives the market of a book's address; `take_off` is told of an order that is filled as far as Hummingbot is
        concerned, or that no strategy knows, and that may still rest; `recorded` gives what Hummingbot's database holds of an
        order (client order id); `save` has Hummingbot save the tracked orders."""
        self._tracker = tracker
        self._market = market
        self._clock = clock
        self._take_off = take_off
        self._recorded = recorded
        self._save = save
        self._is_unsaved = False
        self._turn = asyncio.Lock()
        self._created: set[str] = set()
        # Fills that Hummingbot was told of and that the chain does not have; None for one that an earlier run told.
        self._taken_back: OrderedDict[tuple[str, str], TradeUpdate | None] = OrderedDict()
        self._doubtful: set[tuple[str, str]] = set()
        self._expected: dict[str, OrderTerms] = {}
        self._brought_back: set[str] = set()
        self._unproven: dict[str, bool] = {}  # by client order id, whether all its fills are told again
        self._is_taking_off = False
        self._resting: Mapping[OrderKey, Resting] = {}
        self._ended: OrderedDict[str, InFlightOrder] = OrderedDict()

    def follow(self, resting: Mapping[OrderKey, Resting]) -> None:
        """`resting` always holds what rests of the account's orders."""
        self._resting = resting

    def expect(self, orders: Mapping[str, OrderTerms], brought_back: Collection[str] = ()) -> None:
        """Orders of an earlier run (by client order id) that Hummingbot never saved: as soon as there is something to tell of
        one, it is tracked again, and told from its creation on. Those that an earlier run has `brought_back` are tracked."""
        self._expected.update(orders)
        self._brought_back.update(brought_back)

    def question(self, client_order_ids: Iterable[str], is_read_again: bool) -> None:
        """Orders whose placement is followed anew: what an earlier run told of them was in blocks that may have been replaced
        since. It stands until something is told of them, or until they are known not to be placed. `is_read_again` says that
        all that happened since their placement is told again, so that fills that are not are none."""
        self._unproven.update(dict.fromkeys(client_order_ids, is_read_again))

    def let_stand(self, client_order_ids: Collection[str]) -> None:
        """No node tells any more what became of these orders: what an earlier run told of them stands."""
        for client_order_id in client_order_ids:
            self._unproven.pop(client_order_id, None)
        self._doubtful -= {fill for fill in self._doubtful if fill[0] in client_order_ids}

    def take_off_unknown(self) -> None:
        """From now on, take off what a reorganisation lets rest and no strategy knows. Before, an order that seems to rest may
        have ended since."""
        self._is_taking_off = True

    @property
    def brought_back(self) -> Collection[str]:
        """Those of the expected orders that were tracked again: no strategy knows them."""
        return self._brought_back

    async def tell(self, settled: Iterable[Settled]) -> None:
        """Tell the tracker what happened, in this order; events of orders that it does not know are left out.

        Whoever settles tells at once, so that events of several sources are told in the order in which they were settled. What
        is settled is settled once, so whoever is cancelled here (the network is left) leaves the rest to be told.
        """
        await to_its_end(self._tell_in_turn(settled))

    async def _tell_in_turn(self, settled: Iterable[Settled]) -> None:
        async with self._turn:
            events = without_repeats(settled)
            await self._tell(events)
            if self._is_unsaved:
                self._is_unsaved = False
                self._save()
            self._take_off_superfluous(events)

    async def _tell(self, events: list[Settled]) -> None:
        touched: dict[str, InFlightOrder] = {}
        for event in events:
            order = self._find(event.client_order_id) if isinstance(event, Retracted) else \
                self._tracker.all_fillable_orders.get(event.client_order_id) or self._bring_back(event)
            if order is None:
                await self._tell_forgotten(event)
                continue
            if isinstance(event, Retracted):
                self._retract(order, event.event)
                continue
            self._prove(order)
            if order.is_failure and not _has_ended(order) and order.client_order_id not in self._tracker.lost_orders:
                self._track_again(order)  # what failed in a block that was replaced succeeded after all
            if isinstance(event, Opened) or OrderKey.parse(event.exchange_order_id) is None:
                self._rename(order, event)
            if order.is_pending_create:
                await self._create(order, event, events)
            if isinstance(event, Filled):
                self._fill(order, self._trade_update(order, event))
                if order.is_open and not order.is_done and order.executed_amount_base > 0:
                    await self._update(order, event.exchange_order_id, OrderState.PARTIALLY_FILLED)
            elif isinstance(event, Closed) and order.exchange_order_id == event.exchange_order_id:
                await self._close(order, event)
            await self._finish_exhausted(order, event)
            touched[order.client_order_id] = order
        for order in touched.values():
            if order.is_done and order.is_open:
                await self._finish(order)

    def _prove(self, order: InFlightOrder) -> None:
        """Its placement is on the chain. The fills that Hummingbot saved of it are in doubt until they are told again: the
        journal knows only of those that the last run noted before it ended."""
        if self._unproven.pop(order.client_order_id, False):
            self._doubtful.update((order.client_order_id, trade_id) for trade_id in order.order_fills)

    def _take_off_superfluous(self, events: Iterable[Settled]) -> None:
        """Take off the orders that rest since these events, and of which no strategy knows: their end, or an earlier run's
        cancel, is void with the block that held it, or they stand on the chain besides the order that Hummingbot knows."""
        revived = [(event.client_order_id, OrderKey.parse(event.exchange_order_id)) for event in events
                   if isinstance(event, Opened) or (isinstance(event, Retracted) and isinstance(event.event, Closed))]
        for client_order_id, key in dict.fromkeys(revived):
            rests = self._resting.get(key) if key is not None else None
            if rests is None or rests.client_order_id != client_order_id:
                continue
            order = self._find(client_order_id)
            if order is not None and order.exchange_order_id != rests.key.exchange_order_id:
                # A batch that was refused, and placed one by one since, was let through after all.
                logging.getLogger(__name__).warning(
                    "The order %s was placed twice after a reorganisation of the chain: cancelling the one that Hummingbot does "
                    "not know, %s", client_order_id, rests.key.exchange_order_id)
                self._take_off(rests.key)
            elif self._is_taking_off and (order is None or client_order_id in self._brought_back):
                logging.getLogger(__name__).warning("The order %s of an earlier run rests again after a reorganisation of the "
                                                    "chain, and no strategy knows it any more: cancelling it", client_order_id)
                self._take_off(rests.key)

    def _find(self, client_order_id: str) -> InFlightOrder | None:
        """An order, also one that ended longer ago than Hummingbot remembers, which is half a minute."""
        return self._tracker.all_fillable_orders.get(client_order_id) or self._ended.get(client_order_id)

    def _bring_back(self, event: Settled) -> InFlightOrder | None:
        terms = self._expected.pop(event.client_order_id, None) if not isinstance(event, Retracted) else None
        if terms is None:
            return None
        logging.getLogger(__name__).warning("The order %s of the last run was placed before Hummingbot had saved it; it is "
                                            "recorded now", event.client_order_id)
        order = terms.in_flight_order(event.client_order_id)
        self._brought_back.add(order.client_order_id)
        self._tracker.start_tracking_order(order)
        return order

    def _rename(self, order: InFlightOrder, event: Opened | Filled | Closed) -> None:
        """An order that Hummingbot knows by another id came back under this one after a reorganisation. One that has ended, or
        that still rests under the other id, keeps that: what this event tells of stands on the chain besides."""
        known = OrderKey.parse(order.exchange_order_id)
        rests = self._resting.get(known) if known is not None else None  # another order may have its id now
        if not _has_ended(order) and (rests is None or rests.client_order_id != order.client_order_id):
            self._is_unsaved |= order.exchange_order_id not in (None, event.exchange_order_id)
            order.update_exchange_order_id(event.exchange_order_id)

    async def _create(self, order: InFlightOrder, event: Settled, events: list[Settled]) -> None:
        """The creation comes first, with the price at which the order really rests."""
        for other in events:
            if isinstance(other, Opened) and other.client_order_id == order.client_order_id:
                order.price = price_from_chain(other.price)
        if order.client_order_id in self._created:
            # Hummingbot records an order's creation once: this one was created, and taken back by a reorganisation.
            self._created.discard(order.client_order_id)
            self._is_unsaved = True
            order.update_with_order_update(self._order_update(order, event.exchange_order_id, OrderState.OPEN))
        else:
            await self._update(order, event.exchange_order_id, OrderState.OPEN)

    def _fill(self, order: InFlightOrder, fill: TradeUpdate) -> None:
        """A fill that was told, taken back by a reorganisation, and is there again is put right, and not told once more: of an
        order and a trade id Hummingbot records one fill."""
        name = order.client_order_id, fill.trade_id
        if _is_same(order.order_fills.get(fill.trade_id), fill):
            order.order_fills[fill.trade_id] = fill  # its fee may be another in another block
            self._doubtful.discard(name)
            self._taken_back.pop(name, None)
            return
        # An order's fills come as they happened: those of the last run that should have come before this one are gone. One of
        # nothing says nothing of them: it may have been forgotten at the start.
        if fill.fill_base_amount or fill.trade_id in order.order_fills:
            self.take_back_doubtful(order.client_order_id)
        if name not in self._taken_back:
            self._tell_fill(order, fill)
            return
        known = self._taken_back.pop(name)
        # Hummingbot saves its orders on events only, and may have saved this one while it was without the fill; the next run
        # reads no log again that this one has seen in a final block.
        self._is_unsaved = True
        order.update_with_trade_update(fill)
        if known is not None and not _is_same(known, fill):
            logging.getLogger(__name__).warning(
                "Another trade of order %s (%s at %s) has the id of the one that was taken back; Hummingbot's records show that "
                "one", order.client_order_id, fill.fill_base_amount, fill.fill_price)

    def _tell_fill(self, order: InFlightOrder, fill: TradeUpdate) -> None:
        other = order.order_fills.get(fill.trade_id)
        if other is not None:  # nobody has said which of the two is void
            logging.getLogger(__name__).warning(
                "Two trades of order %s have the id %s, as happens in a reorganisation of the chain: %s at %s, which stands, and "
                "%s at %s, which is left out", order.client_order_id, fill.trade_id, other.fill_base_amount, other.fill_price,
                fill.fill_base_amount, fill.fill_price)
        elif order.client_order_id in self._tracker.all_fillable_orders:
            self._tracker.process_trade_update(fill)
        elif order.update_with_trade_update(fill) and fill.fill_base_amount:
            logging.getLogger(__name__).warning(
                "The order %s, which is done for Hummingbot, was filled by %s more at %s: what was left of its deposit was taken,"
                " or a reorganisation of the chain replaced an earlier fill by this one",
                order.client_order_id, fill.fill_base_amount, fill.fill_price)
            if order.client_order_id in self._ended:
                # Executors ask the tracker for the order when they hear of a fill, and forget it when they get none. Of one that
                # an earlier process ended there is none who knows it.
                self._tracker._cached_orders[order.client_order_id] = order
            self._tracker._trigger_filled_event(order, fill.fill_base_amount, fill.fill_price, fill.fee, fill.trade_id,
                                                fill.exchange_order_id)

    async def _tell_forgotten(self, event: Settled) -> None:
        """Tell a fill of an order that is done and that the tracker has forgotten, after half a minute or with its process: what
        a better price left of a filled order's deposit may be taken until it is off the book. Nothing else is told of one."""
        if not isinstance(event, Filled):
            return
        order = self._ended.get(event.client_order_id)
        if order is None:
            self._doubtful.discard((event.client_order_id, event.trade_id))
            record, market = await self._recorded(event.client_order_id), self._market(event.book)
            if record is None or event.trade_id in record.trade_ids or market is None:
                return
            order = InFlightOrder(event.client_order_id, market.trading_pair, record.order_type,
                                  TradeType.BUY if event.is_buy else TradeType.SELL, market.base.from_units(event.base_amount),
                                  self._clock.time(), price_from_chain(event.price), event.exchange_order_id,
                                  initial_state=OrderState.FILLED)
        self._fill(order, self._trade_update(order, event))

    def _remember_end(self, order: InFlightOrder) -> None:
        self._ended[order.client_order_id] = order
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    async def _close(self, order: InFlightOrder, event: Closed) -> None:
        self._remember_end(order)
        is_market = order.order_type is OrderType.MARKET
        if is_market:
            self.take_back_doubtful(order.client_order_id)  # the receipt that ends it told all its fills
        is_filled = event.ending is Ending.FILLED or order.is_filled or self._is_exhausted(order, event.refund)
        if is_market and not is_filled and order.executed_amount_base > 0:
            # It is done, and traded. Of a cancelled order Hummingbot's executors forget that, and order the whole amount again.
            is_filled = True
            logging.getLogger(__name__).warning(
                "The market order %s took %s of %s %s and counts as filled: no more was offered within `market_slippage`, the "
                "exchange's band and the number of orders that one may meet", order.client_order_id,
                f"{order.executed_amount_base.normalize():f}", f"{order.amount.normalize():f}", order.base_asset)
        if is_filled:
            # Rounding may leave the sum of the fills a step below the amount ordered; the engine says that it is done.
            order.completely_filled_event.set()
        # Strategies that take wait for the end of both legs, and place one again that failed: none expects that it is cancelled.
        nothing = OrderState.FAILED if is_market else OrderState.CANCELED
        if is_market and not is_filled and not order.is_failure:
            logging.getLogger(__name__).warning(
                "The market order %s took nothing and counts as failed: nothing was offered within `market_slippage` and the "
                "exchange's band", order.client_order_id)
        await self._update(order, event.exchange_order_id, OrderState.FILLED if is_filled else nothing)

    def _is_exhausted(self, order: InFlightOrder, refund: int) -> bool:
        """Whether an order that may rest has traded, and nobody could have taken what came back of its deposit: the engine gave
        it back at once, or it was taken off the book and a reorganisation brought the order back for a while."""
        if order.order_type is OrderType.MARKET:
            return False
        books = {trade_id.partition(":")[0] for trade_id, fill in order.order_fills.items() if fill.fill_base_amount}
        market = self._market(books.pop()) if books and refund else None
        return market is not None and market.is_dust(order.trade_type is TradeType.BUY, price_to_chain(order.price), refund)

    async def _finish_exhausted(self, order: InFlightOrder, event: Opened | Filled | Closed) -> None:
        """Finish an order that traded and of which an event leaves what nobody can take: no other event would end it."""
        if not order.is_open or order.exchange_order_id != event.exchange_order_id or order.executed_amount_base <= 0:
            return
        is_exhausted = isinstance(event, Filled) and event.is_last
        if isinstance(event, Opened) and (market := self._market(event.key.book)) is not None:
            is_exhausted = market.is_dust(event.key.is_bid, event.price, event.deposit)
        if is_exhausted:
            await self._finish(order)

    async def _finish(self, order: InFlightOrder) -> None:
        """The amount ordered is filled, but for what nobody can take; what a better price or rounding left of the deposit is
        taken out of the book."""
        self._remember_end(order)
        order.completely_filled_event.set()  # Hummingbot's own measure is finer than its "is done", and would wait for more
        await self._update(order, order.exchange_order_id, OrderState.FILLED)
        key = OrderKey.parse(order.exchange_order_id)
        if key is not None:
            self._take_off(key)

    # Taking back

    def _retract(self, order: InFlightOrder, event: Opened | Filled | Closed) -> None:
        """Put the order back to where it was before an event."""
        if isinstance(event, Filled):
            # While both were told, another trade may have had its id first, and the tracker took that one.
            if _is_same(order.order_fills.get(event.trade_id), self._trade_update(order, event)):
                self.take_back_fill(order.client_order_id, event.trade_id)
            return
        if order.exchange_order_id != event.exchange_order_id:
            return  # it was placed twice, and this is not the one that Hummingbot knows
        if _has_ended(order):
            self._track_again(order)
        if isinstance(event, Opened) or OrderKey.parse(event.exchange_order_id) is None:
            self._retract_placement(order)
        else:
            order.current_state = OrderState.PARTIALLY_FILLED if order.executed_amount_base > 0 else OrderState.OPEN
        logging.getLogger(__name__).warning(
            "A reorganisation of the chain took back the state of order %s, which is followed anew; what Hummingbot recorded "
            "and told of it before stays as it is", order.client_order_id)

    def _retract_placement(self, order: InFlightOrder) -> None:
        self._created.add(order.client_order_id)
        order.exchange_order_id = None
        order.exchange_order_id_update_event.clear()
        order.processed_by_exchange_event.clear()
        order.current_state = OrderState.PENDING_CREATE

    def take_back_fill(self, client_order_id: str, trade_id: str) -> None:
        """A fill that was told is not on the chain any more."""
        order = self._find(client_order_id)
        if order is None and (client_order_id, trade_id) not in self._taken_back:
            logging.getLogger(__name__).warning(
                "A reorganisation of the chain took back a fill of order %s, which an earlier run told and which is done for "
                "Hummingbot; its records may still show the trade %s", client_order_id, trade_id)
        fill = order.order_fills.pop(trade_id, None) if order is not None else None
        if order is None or fill is None:
            return
        if fill.fill_base_amount:  # else it was none to tell
            self._taken_back[client_order_id, trade_id] = fill
        if len(self._taken_back) > MAX_TAKEN_BACK:
            self._taken_back.popitem(last=False)
        order.executed_amount_base -= fill.fill_base_amount
        order.executed_amount_quote -= fill.fill_quote_amount
        order.completely_filled_event.clear()
        if order.current_state is OrderState.FILLED:
            self._track_again(order)
        if order.current_state is OrderState.PARTIALLY_FILLED and order.executed_amount_base <= 0:
            order.current_state = OrderState.OPEN
        logging.getLogger(__name__).warning(
            "A reorganisation of the chain took back a fill of order %s (%s at %s); Hummingbot's records still show it",
            client_order_id, fill.fill_base_amount, fill.fill_price)

    def doubt(self, fills: Iterable[tuple[str, str]], taken_back: Collection[tuple[str, str]] = ()) -> None:
        """Fills that the last run told, as (client order id, trade id), whose blocks are read again: each is told again if the
        chain still has it. Of those that it had `taken_back` Hummingbot may have saved the order with or without them."""
        self._taken_back.update({fill: None for fill in taken_back})
        self._doubtful.update(fills, taken_back)

    def take_back_doubtful(self, client_order_id: str | None = None) -> None:
        """Take back the doubtful fills of an order, or of all, that were not told again: the chain does not have them."""
        for fill in sorted(self._doubtful):
            if client_order_id in (None, fill[0]):
                self._doubtful.discard(fill)
                self.take_back_fill(*fill)

    @property
    def doubtful(self) -> set[tuple[str, str]]:
        """Fills, as (client order id, trade id), that Hummingbot may have saved and that the chain may not have."""
        return self._doubtful

    @property
    def taken_back(self) -> set[tuple[str, str]]:
        """Fills of open orders that Hummingbot was told of and may have saved with them, and that the chain does not have."""
        tracked = self._tracker.active_orders if self._taken_back else {}
        return {fill for fill in self._taken_back if fill[0] in tracked}

    def fills_of(self, client_order_id: str, book: str) -> dict[str, int]:
        """The fills that an order in a book has now: base units by trade id."""
        order, market = self._tracker.all_fillable_orders.get(client_order_id), self._market(book)
        if order is None or market is None:
            return {}
        return {trade_id: market.base.to_units(fill.fill_base_amount) for trade_id, fill in order.order_fills.items()}

    def take_back_fills(self, client_order_id: str, key: OrderKey, units: int, on_chain: Collection[str]) -> list[str]:
        """Take the newest fills back that are not on the chain, until they sum up to so many units of what the order spends;
        their trade ids. `on_chain` are the trade ids of those that are."""
        order, market = self._tracker.all_fillable_orders.get(client_order_id), self._market(key.book)
        taken: list[str] = []
        if order is None or market is None:
            return taken
        for fill in reversed(list(order.order_fills.values())):
            moved = market.quote.to_units(fill.fill_quote_amount) if key.is_bid else market.base.to_units(fill.fill_base_amount)
            if fill.trade_id not in on_chain and moved <= units:
                units -= moved
                taken.append(fill.trade_id)
        for trade_id in taken:
            self.take_back_fill(client_order_id, trade_id)
        return taken

    def _track_again(self, order: InFlightOrder) -> None:
        """A done order is not done: Hummingbot takes it among the active ones again."""
        if order.is_failure:
            order.current_state = OrderState.PENDING_CREATE
        else:
            order.current_state = OrderState.PARTIALLY_FILLED if order.executed_amount_base > 0 else OrderState.OPEN
        order.completely_filled_event.clear()
        # Hummingbot offers no way back from its cache of done orders, nor from the lost ones.
        self._tracker._cached_orders.pop(order.client_order_id, None)
        self._tracker._lost_orders.pop(order.client_order_id, None)
        self._tracker.start_tracking_order(order)

    async def fail_unsent(self, client_order_id: str, why: str) -> None:
        """An order that Hummingbot holds for on its way is not, and never will be."""
        self._unproven.pop(client_order_id, None)
        order = self._tracker.fetch_tracked_order(client_order_id)
        if order is not None and order.is_pending_create:
            logging.getLogger(__name__).warning("The order %s failed: %s", client_order_id, why)
            await self._update(order, None, OrderState.FAILED)

    async def fail_unplaced(self, client_order_id: str, why: str) -> None:
        """No transaction placed an order, and none will: what an earlier run told of it is void with the blocks that held it."""
        order = self._tracker.fetch_tracked_order(client_order_id)
        if order is not None and client_order_id in self._unproven:
            for trade_id in list(order.order_fills):
                self._doubtful.discard((client_order_id, trade_id))
                self.take_back_fill(client_order_id, trade_id)
            self._retract_placement(order)  # its id may be another order's by now
        await self.fail_unsent(client_order_id, why)

    # Updates

    async def _update(self, order: InFlightOrder, exchange_order_id: str | None, state: OrderState) -> None:
        if order.current_state is not state or order.exchange_order_id is None:
            await self._tracker.process_order_update(self._order_update(order, exchange_order_id, state))

    def _order_update(self, order: InFlightOrder, exchange_order_id: str | None, state: OrderState) -> OrderUpdate:
        return OrderUpdate(trading_pair=order.trading_pair, update_timestamp=self._clock.time(), new_state=state,
                           client_order_id=order.client_order_id, exchange_order_id=exchange_order_id)

    def _trade_update(self, order: InFlightOrder, fill: Filled) -> TradeUpdate:
        market = self._market(fill.book)
        assert market is not None, "what is settled is in a known book"
        base_amount, quote_amount = market.base.from_units(fill.base_amount), market.quote.from_units(fill.quote_amount)
        fee_token = market.base if fill.is_buy else market.quote
        fee = TradeFeeBase.new_spot_fee(
            fee_schema=DEFAULT_FEES, trade_type=order.trade_type,
            flat_fees=[TokenAmount(fee_token.symbol, fee_token.from_units(fill.fee))])
        # The level's price, unless rounding to whole units makes price x amount miss the quote that really moved. A taker may
        # pay a little quote for no base at all.
        price = price_from_chain(fill.price)
        if base_amount and market.quote.to_units(price * base_amount, ROUND_HALF_EVEN) != fill.quote_amount:
            price = quote_amount / base_amount
        return TradeUpdate(
            trade_id=fill.trade_id, client_order_id=order.client_order_id, exchange_order_id=fill.exchange_order_id,
            trading_pair=order.trading_pair, fill_timestamp=self._clock.time(), fill_price=price,
            fill_base_amount=base_amount, fill_quote_amount=quote_amount, fee=fee, is_taker=not fill.is_maker)


def _has_ended(order: InFlightOrder) -> bool:
    """Whether it was on the chain and is done. A market order that took nothing has failed for Hummingbot, and has the id of its
    transaction, as no other has that failed."""
    return order.current_state in ENDED or (
        order.order_type is OrderType.MARKET and order.is_failure and order.exchange_order_id is not None)


def _is_same(known: TradeUpdate | None, fill: TradeUpdate) -> bool:
    """Whether it is this trade. After a reorganisation another one may have its id."""
    return known is not None and (known.fill_base_amount, known.fill_quote_amount) == (fill.fill_base_amount,
                                                                                       fill.fill_quote_amount)


def without_repeats(settled: Iterable[Settled]) -> list[Settled]:
    """Leaves out what a reorganisation took back and brought again unchanged, in another block.

    An order that loses a fill is tracked again, so its end is told again, too.
    """
    events = _without_pairs(list(settled), lambda event: isinstance(event, Filled))
    changed = {event.client_order_id for event in events if isinstance(event, Retracted) and isinstance(event.event, Filled)}
    return _without_pairs(events, lambda event: event.client_order_id not in changed)


def _without_pairs(events: list[Settled], concerned: Callable[[Settled], bool]) -> list[Settled]:
    kept: list[Settled | None] = list(events)
    for at, event in enumerate(events):
        if isinstance(event, Retracted) and concerned(event.event):
            again = next((later for later in range(at + 1, len(events)) if kept[later] is not None
                          and _content(events[later]) == _content(event.event)), None)
            if again is not None:
                kept[at] = kept[again] = None
    return [event for event in kept if event is not None]


def _content(event: Settled) -> Settled:
    """The event, wherever it stands."""
    if isinstance(event, Filled):
        return event._replace(transaction_hash="", block_number=0)
    return event._replace(block_number=0) if isinstance(event, Closed) else event
