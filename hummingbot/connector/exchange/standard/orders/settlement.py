"""From logs to what happened to one's own orders: opened, filled, cancelled, fees (docs/protocol.md, "Following an order").

No I/O and no Hummingbot here. Two inputs: the receipt of a transaction that placed orders, and the engine's logs in chain
order. An order that rests is known by (book, side, id); what is left of its deposit is tracked to the unit, since the
engine gives the last unit of a cleared or dusty maker order to the taker without saying so in the event.
A trade counts once, by (book, trade id, role), however often and from wherever it is seen.

What the newest blocks did is kept as steps, each with the order as it was before, so that a reorganisation of the chain
can be undone exactly and the state as of an older block can be told.
"""
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum
from itertools import takewhile
from typing import NamedTuple, Union

from hummingbot.connector.exchange.standard.chain.engine import EngineEvent, OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, TokenOut
from hummingbot.connector.exchange.standard.markets import Market

MAX_REMEMBERED_TRADES = 100_000
MAX_EARLY_LOGS = 10_000
END_OF_BLOCK = 2 ** 63  # a place behind all logs of a block


class OrderKey(NamedTuple):
    """The identity of a resting order on one engine: book address, side and the engine's id."""

    book: str
    is_bid: bool
    id: int

    @property
    def exchange_order_id(self) -> str:
        """How Hummingbot stores it."""
        return f"{self.book}:{'bid' if self.is_bid else 'ask'}:{self.id}"

    @classmethod
    def parse(cls, exchange_order_id: str | None) -> "OrderKey | None":
        """The key in an exchange order id, or None for the id of an order that never rested."""
        parts = (exchange_order_id or "").split(":")
        if len(parts) != 3 or parts[1] not in ("bid", "ask") or not parts[2].isdigit():
            return None
        return cls(parts[0], parts[1] == "bid", int(parts[2]))


@dataclass(slots=True)
class Resting:
    """An own order in the book: price x 1e8 and what is left of its deposit (quote for a bid, base for an ask).

    `placed_at` is where on the chain it was placed, as (block number, log index), or a later place up to which all is counted;
    the beginning of the chain where nobody knows.
    """

    key: OrderKey
    client_order_id: str
    price: int
    deposit: int
    placed_at: tuple[int, int] = (0, 0)


def resting_key(event: EngineEvent) -> OrderKey | None:
    """Which resting order a fill or a cancel is of; None for any other event."""
    if isinstance(event, OrderMatched):
        return OrderKey(event.pair, not event.is_bid, event.id)
    return OrderKey(event.pair, event.is_bid, event.id) if isinstance(event, OrderCanceled) else None


class Opened(NamedTuple):
    """An order rests at `price` with `deposit`."""

    client_order_id: str
    exchange_order_id: str
    key: OrderKey
    price: int
    deposit: int


class Filled(NamedTuple):
    """A trade of an own order. Amounts are gross and exact; the fee is in base for a buy, in quote for a sell. `is_last`
    says that the order rests on with less than anybody can take."""

    client_order_id: str
    exchange_order_id: str
    book: str
    trade_id: str
    is_buy: bool
    is_maker: bool
    price: int
    base_amount: int
    quote_amount: int
    fee: int
    transaction_hash: str
    block_number: int
    is_last: bool = False


class Ending(Enum):
    """How an order left the exchange."""

    FILLED = "filled"
    CANCELED = "canceled"


class Closed(NamedTuple):
    """An order is gone from the exchange; `refund` is what came back of its deposit."""

    client_order_id: str
    exchange_order_id: str
    ending: Ending
    refund: int
    block_number: int


class Retracted(NamedTuple):
    """A reorganisation of the chain took back what was told before."""

    event: Union[Opened, Filled, Closed]

    @property
    def client_order_id(self) -> str:
        """The order that it was told of."""
        return self.event.client_order_id

    @property
    def exchange_order_id(self) -> str:
        """The id under which the order was on the exchange then."""
        return self.event.exchange_order_id


Settled = Union[Opened, Filled, Closed, Retracted]
_Trade = tuple[str, int, bool]


@dataclass(slots=True, eq=False)
class _Step:
    """What one log, or one item of a receipt (`log` None), did: the order before it, the trades it counted, what was told.
    `is_late` says that its log came after those of what stands behind it."""

    block_number: int
    transaction_hash: str
    log: EngineLog | None
    key: OrderKey | None
    before: Resting | None
    trades: tuple[_Trade, ...]
    told: tuple[Union[Opened, Filled, Closed], ...]
    is_late: bool = False


class Settlement:
    """The own orders of one account on one engine."""

    def __init__(self, account: str, markets: Mapping[str, Market]) -> None:
        """`markets` by book address, lower case; it may grow while this lives."""
        self._account = account
        self._markets = markets
        self._resting: dict[OrderKey, Resting] = {}
        self._seen_trades: OrderedDict[tuple[str, int, bool], None] = OrderedDict()
        self._early: OrderedDict[OrderKey, list[EngineLog]] = OrderedDict()
        self._steps: list[_Step] = []

    @property
    def resting(self) -> Mapping[OrderKey, Resting]:
        """The orders that rest, by key."""
        return self._resting

    def restore(self, orders: Iterable[Resting]) -> None:
        """Orders known from before a restart, with the deposit they had at the log cursor."""
        for order in orders:
            self._resting[order.key] = order

    def adopt(self, order: Resting, block_number: int) -> list[Settled]:
        """An order that rested like this after a block, of which nothing was known here; what became of it since."""
        self._resting[order.key] = order
        return [event for log in self._early.pop(order.key, ()) if log.block_number > block_number for event in self.apply(log)]

    def forget(self, key: OrderKey) -> None:
        """Drop an order that the chain no longer holds."""
        self._resting.pop(key, None)

    def resting_at(self, block_number: int) -> list[Resting]:
        """The orders as they rested after a block, which must not be older than what `forget_steps` forgot."""
        before: dict[OrderKey, Resting | None] = {}
        for step in self._steps:
            if step.block_number > block_number and step.key is not None:
                before.setdefault(step.key, step.before)
        return [order for order in (dict(self._resting) | before).values() if order is not None]

    def moved_at(self, key: OrderKey) -> int:
        """The block of the last thing that happened to an order, -1 where `forget_steps` forgot it."""
        return max((step.block_number for step in self._steps if step.key == key), default=-1)

    def newest_block(self) -> int:
        """The block of the last thing that happened to any order, -1 where `forget_steps` forgot it."""
        return max((step.block_number for step in self._steps), default=-1)

    def recent_fills(self, block_number: int) -> set[tuple[str, str]]:
        """The fills after a block, as (client order id, trade id)."""
        return {(event.client_order_id, event.trade_id) for step in self._steps if step.block_number > block_number
                for event in step.told if isinstance(event, Filled)}

    def forget_trade(self, trade_id: str) -> None:
        """A trade is not on the chain any more, and would count anew."""
        book, _, number = trade_id.rpartition(":")
        self._seen_trades.pop((book, int(number), True), None)

    def forget_steps(self, block_number: int) -> None:
        """Nothing up to this block will be taken back any more."""
        self._steps = [step for step in self._steps if step.block_number > block_number]

    def settle_receipt(self, client_order_ids: Sequence[str], logs: Sequence[EngineLog], outflows: Sequence[TokenOut],
                       deposits: Sequence[int]) -> list[Settled]:
        """What a mined transaction did to the orders it placed, given in the order of its items with their deposits.

        `logs` and `outflows` are those of the receipt. Fills come before the opening of the rest, as they happened, and before
        all what receipts of replaced blocks did, as far as this one proves them void. An order of the account that another
        evicts (docs/protocol.md, "Order ids") ends first: its id is the other's from then on.
        """
        placed = {OrderKey(log.event.pair, log.event.is_bid, log.event.id): log for log in logs
                  if isinstance(log.event, OrderPlaced)}
        evictions = {key: log for log in logs if isinstance(log.event, OrderCanceled)
                     and (key := resting_key(log.event)) in placed and log.log_index < placed[key].log_index}
        settled = [event for log in evictions.values() for event in self.apply(log)]
        settled += self._retract_contradicted(logs, placed.keys() - evictions.keys())
        for number, (client_order_id, deposit, group) in enumerate(zip(client_order_ids, deposits, self._items(logs))):
            settled += self._settle_item(number, client_order_id, deposit, group, outflows)
        return settled

    def settle_nothing(self, client_order_id: str, deposit: int, transaction_hash: str, block_number: int) -> list[Settled]:
        """A mined transaction neither took nor left anything: the whole deposit came back, without an event."""
        closed = Closed(client_order_id, transaction_hash, Ending.CANCELED, deposit, block_number)
        self._steps.append(_Step(block_number, transaction_hash, None, None, None, (), (closed,)))
        return [closed]

    def _items(self, logs: Sequence[EngineLog]) -> list[list[EngineLog]]:
        """The receipt's placements and own taker fills, one list for each item that the transaction carried."""
        groups: dict[int, list[EngineLog]] = {}
        for log in logs:
            event = log.event
            if (isinstance(event, OrderPlaced) and event.owner == self._account) \
                    or (isinstance(event, OrderMatched) and event.sender == self._account):
                groups.setdefault(event.order_history_id, []).append(log)
        return list(groups.values())

    def _settle_item(self, number: int, client_order_id: str, deposit: int, logs: Sequence[EngineLog],
                     outflows: Sequence[TokenOut]) -> list[Settled]:
        told: list[Union[Opened, Filled, Closed]] = []
        # What never rests has no id of the exchange's. The item's number stays the same should the block be replaced.
        exchange_order_id, spent, opened = f"{logs[0].transaction_hash}:{number}", 0, None
        for log in logs:
            if isinstance(log.event, OrderPlaced):
                opened = Resting(OrderKey(log.event.pair, log.event.is_bid, log.event.id), client_order_id, log.event.price,
                                 log.event.placed, max(map(_place, logs)))
                exchange_order_id = opened.key.exchange_order_id
        for log in logs:
            match = log.event
            if isinstance(match, OrderMatched):
                spent += match.quote_amount if match.is_bid else match.base_amount
                told += self._taker_fill(client_order_id, exchange_order_id, log, match, outflows)
        if opened is None:
            ending = Ending.FILLED if spent >= deposit else Ending.CANCELED
            told.append(Closed(client_order_id, exchange_order_id, ending, deposit - spent, logs[0].block_number))
        elif self._rests(opened.key, client_order_id):
            self._resting[opened.key].placed_at = opened.placed_at
        else:
            self._resting[opened.key] = opened
            told.append(Opened(client_order_id, exchange_order_id, opened.key, opened.price, opened.deposit))
        trades = tuple([(log.event.pair, log.event.trade_id, False) for log in logs if isinstance(log.event, OrderMatched)])
        if told:
            self._steps.append(_Step(logs[0].block_number, logs[0].transaction_hash, None, opened.key if opened else None, None,
                                     trades, tuple(told)))
        return [*told, *(self._apply_early(opened.key) if opened else ())]

    def _apply_early(self, key: OrderKey) -> list[Settled]:
        """The logs of an order that came before it rested, in the order in which they stand on the chain."""
        return [event for log in sorted(self._early.pop(key, ()), key=_place) for event in self.apply(log)]

    def _taker_fill(self, client_order_id: str, exchange_order_id: str, log: EngineLog, match: OrderMatched,
                    outflows: Sequence[TokenOut]) -> list[Filled]:
        if not self._is_new(match, is_maker=False):
            return []
        quote_amount = match.quote_amount
        if not match.is_bid:
            quote_amount = max(quote_amount, self._payout(match, log, outflows))
        return [Filled(client_order_id, exchange_order_id, match.pair, f"{match.pair}:{match.trade_id}", match.is_bid, False,
                       match.price, match.base_amount, quote_amount, match.base_fee if match.is_bid else match.quote_fee,
                       log.transaction_hash, log.block_number)]

    def _payout(self, match: OrderMatched, log: EngineLog, outflows: Sequence[TokenOut]) -> int:
        """The quote that really left the book for a selling taker: the event leaves a cleared bid's dust out."""
        market = self._markets[match.pair]
        total = 0
        for outflow in reversed([outflow for outflow in outflows if outflow.log_index < log.log_index]):
            if outflow.token != market.quote.address or outflow.source != match.pair:
                break
            total += outflow.amount
        # More than rounding can leave was not all paid: a wrapper of the native token may log what it gives out twice.
        return total if total <= match.quote_amount + market.most_dust(match.price) else match.quote_amount

    def apply(self, log: EngineLog) -> list[Settled]:
        """What one log of the engine did to own resting orders; logs must come in chain order.

        A log with `removed` undoes what it did. Those of one reorganisation come newest first, before any new ones.
        """
        if log.removed:
            return self._take_back_log(log)
        event = log.event
        if isinstance(event, OrderMatched) and event.owner == self._account:
            key, trade = OrderKey(event.pair, not event.is_bid, event.id), (event.pair, event.trade_id, True)
        elif isinstance(event, OrderCanceled) and event.owner == self._account:
            key, trade = OrderKey(event.pair, event.is_bid, event.id), None
        else:
            return []
        if trade in self._seen_trades:
            return []
        order = self._resting.get(key)
        if order is None or key.book not in self._markets:
            return self._out_of_turn(key, log, event)
        if _place(log) <= order.placed_at:  # of a replaced block, in which the id was another order's
            self._remember_early(key, log)
            return []
        before = replace(order)
        told = self._maker_fill(order, log, event) if isinstance(event, OrderMatched) else self._canceled(order, log, event)
        self._keep(_Step(log.block_number, log.transaction_hash, log, key, before, (trade,) if trade else (), tuple(told)),
                   log, before.deposit - order.deposit)
        return list(told)

    def _keep(self, step: _Step, log: EngineLog, taken: int) -> None:
        """Keep what a log did to an order, in its place on the chain: where it came late, the order had so much less of its
        deposit by the time of what stands behind it."""
        later = [(other, other.before) for other in self._steps if other.key == step.key and other.before is not None
                 and other.log is not None and _place(other.log) > _place(log)]
        if not later:
            self._steps.append(step)
            return
        next_step, step.before, step.is_late = later[0][0], replace(later[0][1]), True
        self._steps.insert(self._steps.index(next_step), step)
        for _, before in later:
            before.deposit -= taken

    def swept(self, key: OrderKey, block_number: int) -> list[Settled]:
        """The book does not hold the order any more, and all logs up to the block are known.

        A rest that converts to nothing is given back without an event by whoever sweeps over it (docs/protocol.md, "Placing
        an order step by step"); of an order that would be worth something this says nothing, and neither does a block before
        that of anything that is known of it: the node that did not have it was behind.
        """
        order, market = self._resting.get(key), self._markets.get(key.book)
        if order is None or market is None or any(step.key == key and step.block_number > block_number for step in self._steps):
            return []
        if not market.is_dust(key.is_bid, order.price, order.deposit):
            return []
        closed = Closed(order.client_order_id, key.exchange_order_id, Ending.CANCELED, order.deposit, block_number)
        self._steps.append(_Step(block_number, "", None, key, replace(order), (), (closed,)))
        del self._resting[key]
        return [closed]

    def _out_of_turn(self, key: OrderKey, log: EngineLog, event: Union[OrderMatched, OrderCanceled]) -> list[Settled]:
        """A log of an order that does not rest: not yet, or a fill that a source told of only after the order's end. What stands
        behind its end contradicts that: one of the two is of a replaced block, and it counts when the end is taken back."""
        ended = next((end for step in reversed(self._steps) if step.key == key
                      for end in step.told if isinstance(end, Closed)), None)
        if ended is None or not isinstance(event, OrderMatched) or log.block_number > ended.block_number:
            self._remember_early(key, log)
            return []
        self._is_new(event, is_maker=True)
        late = self._filled(ended.client_order_id, key, log, event, event.base_amount, event.quote_amount)
        self._keep(_Step(log.block_number, log.transaction_hash, log, key, None, ((event.pair, event.trade_id, True),), (late,)),
                   log, event.quote_amount if key.is_bid else event.base_amount)
        return [late]

    def _canceled(self, order: Resting, log: EngineLog, event: OrderCanceled) -> list[Closed]:
        del self._resting[order.key]
        return [Closed(order.client_order_id, order.key.exchange_order_id, Ending.CANCELED, event.amount, log.block_number)]

    def _maker_fill(self, order: Resting, log: EngineLog, match: OrderMatched) -> list[Union[Filled, Closed]]:
        self._is_new(match, is_maker=True)
        key = order.key
        base_amount, quote_amount, gone = self._consume(order, match)
        fill = self._filled(order.client_order_id, key, log, match, base_amount, quote_amount)
        is_last = not gone and self._markets[key.book].is_dust(key.is_bid, order.price, order.deposit)
        told: list[Union[Filled, Closed]] = [fill._replace(is_last=is_last)]
        if gone:
            del self._resting[key]
            told.append(Closed(order.client_order_id, key.exchange_order_id, Ending.FILLED, 0, log.block_number))
        return told

    @staticmethod
    def _filled(client_order_id: str, key: OrderKey, log: EngineLog, match: OrderMatched, base_amount: int,
                quote_amount: int) -> Filled:
        return Filled(client_order_id, key.exchange_order_id, match.pair, f"{match.pair}:{match.trade_id}", key.is_bid, True,
                      match.price, base_amount, quote_amount, match.base_fee if key.is_bid else match.quote_fee,
                      log.transaction_hash, log.block_number)

    def _consume(self, order: Resting, match: OrderMatched) -> tuple[int, int, bool]:
        """The base and quote that a match moved, and whether the order is gone; its deposit is reduced."""
        market = self._markets[match.pair]
        if order.key.is_bid:
            dust = market.base_to_quote(match.price, 1)
            gone = match.clear or order.deposit - match.quote_amount <= dust
            quote_amount = match.quote_amount
            # More than the rounding can leave means that the log of an earlier fill is still to come.
            if gone and order.deposit - match.quote_amount <= market.most_dust(match.price):
                quote_amount = order.deposit
            order.deposit -= quote_amount
            return match.base_amount, quote_amount, gone
        # baseAmount already holds the dust, so nothing is left of an order that is gone.
        order.deposit -= match.base_amount
        return match.base_amount, match.quote_amount, match.clear or order.deposit <= 0

    def _is_new(self, match: OrderMatched, is_maker: bool) -> bool:
        # An account may trade with itself: the same trade then counts once for each of its two orders.
        trade = (match.pair, match.trade_id, is_maker)
        if trade in self._seen_trades:
            return False
        self._seen_trades[trade] = None
        if len(self._seen_trades) > MAX_REMEMBERED_TRADES:
            self._seen_trades.popitem(last=False)
        return True

    def _remember_early(self, key: OrderKey, log: EngineLog) -> None:
        """Keep a log of an order whose own receipt is not settled yet (or that is not this bot's)."""
        logs = self._early.setdefault(key, [])
        if log not in logs:
            logs.append(log)
        if len(self._early) > MAX_EARLY_LOGS:
            self._early.popitem(last=False)

    # Reorganisations

    def retract_receipt(self, transaction_hash: str) -> list[Settled]:
        """The transaction is not where its receipt said: undo what was settled from it."""
        steps = [step for step in self._steps if step.log is None and step.transaction_hash == transaction_hash]
        return [event for step in reversed(steps) for event in self._take_back(step)]

    def _retract_contradicted(self, logs: Sequence[EngineLog], keys: Set[OrderKey]) -> list[Settled]:
        """Undo the receipts of other transactions that claim one of these orders' ids, or a trade's id that this one has. Their
        blocks were replaced, of which nobody may have heard yet."""
        trades = {(log.event.pair, log.event.trade_id, False) for log in logs if isinstance(log.event, OrderMatched)}
        own = {log.transaction_hash for log in logs} | {""}  # what was swept is of no transaction
        void = [step.transaction_hash for step in self._steps if step.log is None and step.transaction_hash not in own
                and (not trades.isdisjoint(step.trades)
                     or any(isinstance(event, Opened) and event.key in keys for event in step.told))]
        return [event for transaction_hash in dict.fromkeys(void) for event in self.retract_receipt(transaction_hash)]

    def _rests(self, key: OrderKey, client_order_id: str) -> bool:
        order = self._resting.get(key)
        return order is not None and order.client_order_id == client_order_id

    def _take_back_log(self, log: EngineLog) -> list[Settled]:
        place = (log.transaction_hash, log.log_index)
        for key, logs in list(self._early.items()):
            logs[:] = [other for other in logs if (other.transaction_hash, other.log_index) != place]
            if not logs:
                del self._early[key]
        step = next((step for step in self._steps if step.log is not None
                     and (step.log.transaction_hash, step.log.log_index) == place), None)
        return self._take_back(step) if step is not None else []

    def _take_back(self, step: _Step) -> list[Settled]:
        """Undo a step, and the logs that came after it for the same order; they count again as soon as the order rests. That it
        left without an event is undone, too, and is seen again.

        A receipt that was settled later stays: it was mined before any of them.
        """
        at = self._steps.index(step)
        # What came late did not look at what it left, and may have left nothing.
        before = [other for other in self._steps[:at] if step.key is not None and other.key == step.key]
        late = list(reversed([*takewhile(lambda other: other.is_late, reversed(before))]))
        undone = [*late, step] + [other for other in self._steps[at + 1:] if step.key is not None and other.key == step.key
                           and (other.log is not None or not other.transaction_hash)]  # what was swept is of no transaction
        self._steps = [other for other in self._steps if other not in undone]
        retracted: list[Settled] = []
        for other in reversed(undone):
            retracted += [Retracted(event) for event in reversed(other.told)]
            for trade in other.trades:
                self._seen_trades.pop(trade, None)
        placed = next((event for event in step.told if isinstance(event, Opened)), None)
        # Where the log of an eviction was taken back before the receipt, the evicted order rests under the key again.
        if step.key is not None and (placed is None or self._rests(step.key, placed.client_order_id)):
            self._resting.pop(step.key, None)
            if undone[0].before is not None:
                self._resting[step.key] = replace(undone[0].before)
        for log in [other.log for other in undone if other is not step and other.log is not None]:
            retracted += self.apply(log)
        return retracted + (self._apply_early(step.key) if step.key in self._resting else [])


def _place(log: EngineLog) -> tuple[int, int]:
    """Where on the chain a log stands."""
    return log.block_number, log.log_index
