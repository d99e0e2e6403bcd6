"""What Hummingbot shows of a market, compared with the chain: its order book, and each public trade once and in order."""
import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.markets import DENOMINATOR, Market
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import OrderBookEvent, OrderBookTradeEvent
from simulation.chain_truth import newest_change

Levels = dict[float, float]
ANY_PRICE = 2 ** 256
PRICE_PRECISION = 1e-6
# Trades from so long before a connector began may be news to it, since nobody may have told them; of so many at most.
FRESH_SECONDS, NEWEST = 20.0, 100


class TrueLevel(NamedTuple):
    """Base amount of a price level, and how much of it depends on how deposits are converted."""

    amount: float
    slack: float


TrueLevels = dict[float, TrueLevel]


class Traded(NamedTuple):
    """A public trade: price, and base amount."""

    price: float
    amount: float

    def is_like(self, other: "Traded") -> bool:
        """Whether they are the same, as exactly as the API's numbers are."""
        return abs(self.price - other.price) <= 1e-6 * other.price \
            and abs(self.amount - other.amount) <= 1e-6 * other.amount + 1e-8


def chain_levels(sandbox: Sandbox, market: Market, is_bid: bool) -> TrueLevels:
    """A side of the book as the contract has it, by price."""
    levels: TrueLevels = {}
    view = sandbox.view
    for price, queue in view.reachable(market.book, is_bid, 0 if is_bid else ANY_PRICE).items():
        deposits = [view.deposit(market.book, is_bid, order_id) for order_id in queue]
        if deposits:
            units = sum(market.quote_to_base(price, deposit) if is_bid else deposit for deposit in deposits)
            # The contract converts a bid to base in whole units of quote's precision, others by a division.
            levels[price / DENOMINATOR] = TrueLevel(float(market.base.from_units(units)),
                                                    (len(deposits) + 1) * 10.0 ** -market.quote.decimals)
    return levels


def shown_levels(book: OrderBook, is_bid: bool) -> Levels:
    """A side of Hummingbot's book."""
    return {row.price: row.amount for row in (book.bid_entries() if is_bid else book.ask_entries())}


def same_levels(shown: Levels, true: TrueLevels) -> bool:
    """Level by level, as exactly as the API's 32-bit numbers allow: prices that are one to it are one level, and one that is
    worth nothing may be shown or not."""
    waiting = deque(sorted(shown.items()))
    for lowest, highest, level in _told_apart(true):
        amount = 0.0
        while waiting and waiting[0][0] <= highest * (1 + PRICE_PRECISION):
            price, more = waiting.popleft()
            if price < lowest * (1 - PRICE_PRECISION):
                return False
            amount += more
        if abs(amount - level.amount) > 1e-4 * level.amount + level.slack:
            return False
    return not waiting


def _told_apart(true: TrueLevels) -> Iterator[tuple[float, float, TrueLevel]]:
    """(lowest price, highest price, sum) of the levels that are too near to each other to be told apart."""
    near: list[float] = []
    for price in [*sorted(true), float("inf")]:
        if near and price > near[-1] * (1 + PRICE_PRECISION):
            yield near[0], near[-1], TrueLevel(sum(true[one].amount for one in near), sum(true[one].slack for one in near))
            near = []
        near.append(price)


def in_groups(true: TrueLevels, is_bid: bool) -> TrueLevels:
    """The levels as the exchange's stream groups them: bids down and asks up to the finest step for such prices, which is the
    fifth digit of a price, and no finer than a millionth (docs/protocol.md, "REST API")."""
    groups: TrueLevels = {}
    for price, level in true.items():
        step = round(max(10.0 ** (math.floor(math.log10(price)) - 4), 1e-6) * DENOMINATOR)
        units = round(price * DENOMINATOR)
        at = (units // step if is_bid else -(-units // step)) * step / DENOMINATOR
        amount, slack = groups.get(at, TrueLevel(0.0, 0.0))
        groups[at] = TrueLevel(amount + level.amount, slack + level.slack)
    return groups


def traded(market: Market, match: OrderMatched) -> Traded | None:
    """What the public is told of a match; None for dust that pays for no base at all, which the API's list leaves out."""
    if not match.base_amount:
        return None
    return Traded(match.price / DENOMINATOR, float(market.base.from_units(match.base_amount)))


def first_difference(told: Sequence[Traded], happened: Sequence[Traded]) -> str:
    """Where two lists of trades part, with a few of each."""
    at = next((number for number, (ours, theirs) in enumerate(zip(told, happened)) if not ours.is_like(theirs)),
              min(len(told), len(happened)))
    shown = [[tuple(trade) for trade in trades[at:at + 4]] for trades in (told, happened)]
    return f"from trade {at} on {shown[0]} instead of {shown[1]}"


def _as_told(told: Sequence[Traded], happened: Sequence[Traded]) -> list[Traded]:
    """What happened in the order in which it was told, and then the rest: prices that differ by less than the API's numbers can
    tell are in no order."""
    left, ordered = sorted(happened), []
    for trade in told:
        found = next((other for other in left if trade.is_like(other)), None)
        if found is not None:
            left.remove(found)
            ordered.append(found)
    return ordered + left


def _without(trades: Sequence[Traded], others: Sequence[Traded]) -> list[Traded]:
    """What is left of trades when for each of the others one that is like it is taken out, the first one."""
    left = list(trades)
    for other in others:
        found = next((trade for trade in left if trade.is_like(other)), None)
        if found is not None:
            left.remove(found)
    return left


class _Watched:
    """A book of Hummingbot's: the trades that it was told, and those that must be among them. `older` happened just before, and
    may be told once each, since nobody may have."""

    def __init__(self, book: OrderBook, older: list[Traded]) -> None:
        self.book = book
        self._older = older
        self.told: list[Traded] = []
        self.happened: list[Traded] = []
        self.twice: list[str] = []
        self._late: list[Traded] = []  # may be told yet: happened when nothing was asked for, and was not told
        self._ids: set[str] = set()
        self._forwarder = SourceInfoEventForwarder(self._take)
        book.add_listener(OrderBookEvent.TradeEvent, self._forwarder)

    def _take(self, tag: int, caller: Any, event: OrderBookTradeEvent) -> None:
        trade_id = str(event.trade_id)
        if trade_id in self._ids:
            self.twice.append(trade_id)
        self._ids.add(trade_id)
        if event.amount:
            self.told.append(Traded(event.price, event.amount))

    def begin(self, may_be_late: bool) -> None:
        """Compare what comes from now on; what happened and was not told `may_be_late`."""
        _, self._late = self._told_late()
        if may_be_late:
            self._late += _without(self.happened, self.told)
        self.told, self.happened, self._older = [], [], []

    def _told_late(self) -> tuple[list[Traded], list[Traded]]:
        """What was told but for late trades, and those that are late still."""
        if not self._late:
            return self.told, []
        late = _without(self._late, _without(self.told, self.happened))
        return _without(self.told, _without(self._late, late)), late

    def forget_ids(self) -> None:
        """Other trades may have the ids of those that were in blocks which are replaced."""
        self.twice.clear()
        self._ids.clear()

    def problem(self, in_order: bool) -> str | None:
        """What happened since this began was told last, each trade once; older ones, of which nobody had told this book, may have
        been told before."""
        if self.twice:
            return f"public trades were told twice: {self.twice[:5]}"
        (told, _), happened = self._told_late(), self.happened
        if not in_order:
            left = _without(self._older, _without(told, happened))
            told = _without(told, _without(self._older, left))
        told = told[max(0, len(told) - len(happened)):]
        if not in_order:
            told, happened = sorted(told), _as_told(sorted(told), happened)
        if len(told) == len(happened) and all(map(Traded.is_like, told, happened)):
            return None
        return f"{len(told)} public trades were told, {len(happened)} happened: {first_difference(told, happened)}"


class MarketView:
    """Watches the order books of one connector after the other."""

    def __init__(self, sandbox: Sandbox, is_grouped: bool) -> None:
        """`is_grouped`: the exchange's own stream groups prices and counts nothing."""
        self._sandbox = sandbox
        self._is_grouped = is_grouped
        self._watched: dict[str, _Watched] = {}
        self._markets = {market.trading_pair: market for market in sandbox.markets}
        self._newest = {pair: deque[tuple[float, Traded]](maxlen=NEWEST) for pair in self._markets}  # with their blocks' times
        self._is_void = False
        self._change = ""
        self._levels: dict[tuple[str, bool], TrueLevels] = {}

    def watch(self, exchange: StandardExchange) -> None:
        """Watch the books that it has now."""
        for pair, book in exchange.order_books.items():
            if pair not in self._watched or self._watched[pair].book is not book:
                since = self._sandbox.node.head.timestamp - FRESH_SECONDS
                self._watched[pair] = _Watched(book, [trade for time, trade in self._newest[pair] if time >= since])

    def matched(self, match: OrderMatched) -> None:
        """A trade is in a block."""
        for pair, market in self._markets.items():
            trade = traded(market, match) if market.book == match.pair else None
            if trade is not None:
                self._newest[pair].append((self._sandbox.node.head.timestamp, trade))
                if pair in self._watched:
                    self._watched[pair].happened.append(trade)

    def reorganised(self) -> None:
        """Blocks are replaced: trades were told that never happened, and nobody takes them back. A connector that began just
        before takes what is mined anew for what was before its time."""
        self._is_void = True
        self._forget_ids()

    def _forget_ids(self) -> None:
        for watched in self._watched.values():
            watched.forget_ids()

    def begin(self) -> None:
        """All that happened so far is known to have been told."""
        was_void, self._is_void = self._is_void, False
        if was_void:
            self._forget_ids()
        for watched in self._watched.values():
            watched.begin(was_void and self._is_grouped)

    def problems(self, exchange: StandardExchange) -> Iterator[str]:
        """Where Hummingbot's view differs from the chain."""
        state = exchange.feed_states.get("order books")
        are_grouped = self._is_grouped and state is not None and state.source == "stream"
        for pair, watched in self._watched.items():
            # Without sequence numbers a trade that a stream leaves out is noticed when others have been told.
            problem = None if self._is_void else watched.problem(in_order=not self._is_grouped)
            if problem is not None:
                yield f"{pair}: {problem}"
            for is_bid in (True, False):
                shown, true = shown_levels(watched.book, is_bid), self._chain_levels(pair, is_bid)
                if are_grouped:
                    true = in_groups(true, is_bid)
                if not same_levels(shown, true):
                    yield f"{pair}: {'bids' if is_bid else 'asks'} of the book: {shown} here, {_amounts(true)} there"

    def _chain_levels(self, pair: str, is_bid: bool) -> TrueLevels:
        change = newest_change(self._sandbox.node.history)
        if change != self._change:
            self._change, self._levels = change, {}
        if (pair, is_bid) not in self._levels:
            self._levels[pair, is_bid] = chain_levels(self._sandbox, self._markets[pair], is_bid)
        return self._levels[pair, is_bid]


def _amounts(levels: TrueLevels) -> Levels:
    return {price: level.amount for price, level in levels.items()}
