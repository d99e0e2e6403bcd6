"""From logs to what happened to one's own orders: opened, filled, cancelled, fees (docs/protocol.md, "Following an order").

No I/O and no Hummingbot here. Two inputs: the receipt of a transaction that placed orders, and the engine's logs in chain
order. An order that rests is known by (book, side, id); what is left of its deposit is tracked to the unit, since the
engine gives the last unit of a cleared or dusty maker order to the taker without saying so in the event.
A trade counts once, by (book, trade id, role), however often and from wherever it is seen.
"""
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Union

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, TokenOut
from hummingbot.connector.exchange.standard.markets import Market

MAX_REMEMBERED_TRADES = 100_000
MAX_EARLY_LOGS = 10_000


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
    """An own order in the book: price x 1e8 and what is left of its deposit (quote for a bid, base for an ask)."""

    key: OrderKey
    client_order_id: str
    price: int
    deposit: int


class Opened(NamedTuple):
    """An order rests at `price` with `deposit`."""

    client_order_id: str
    exchange_order_id: str
    key: OrderKey
    price: int
    deposit: int


class Filled(NamedTuple):
    """A trade of an own order. Amounts are gross and exact; the fee is in base for a buy, in quote for a sell."""

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


Settled = Union[Opened, Filled, Closed]


class Settlement:
    """The own orders of one account on one engine."""

    def __init__(self, account: str, markets: Mapping[str, Market]) -> None:
        """`markets` by book address, lower case; it may grow while this lives."""
        self._account = account
        self._markets = markets
        self._resting: dict[OrderKey, Resting] = {}
        self._seen_trades: OrderedDict[tuple[str, int, bool], None] = OrderedDict()
        self._early: OrderedDict[OrderKey, list[EngineLog]] = OrderedDict()

    @property
    def resting(self) -> Mapping[OrderKey, Resting]:
        """The orders that rest, by key."""
        return self._resting

    def restore(self, orders: Iterable[Resting]) -> None:
        """Orders known from before a restart, with the deposit they had at the log cursor."""
        for order in orders:
            self._resting[order.key] = order

    def forget(self, key: OrderKey) -> None:
        """Drop an order that the chain no longer holds."""
        self._resting.pop(key, None)

    def settle_receipt(self, client_order_ids: Sequence[str], logs: Sequence[EngineLog], outflows: Sequence[TokenOut],
                       deposits: Sequence[int]) -> list[Settled]:
        """What a mined transaction did to the orders it placed, given in the order of its items with their deposits.

        `logs` and `outflows` are those of the receipt. Fills come before the opening of the rest, as they happened.
        """
        settled: list[Settled] = []
        for client_order_id, deposit, group in zip(client_order_ids, deposits, self._items(logs)):
            settled += self._settle_item(client_order_id, deposit, group, outflows)
        return settled

    def _items(self, logs: Sequence[EngineLog]) -> list[list[EngineLog]]:
        """The receipt's placements and own taker fills, one list for each item that the transaction carried."""
        groups: dict[int, list[EngineLog]] = {}
        for log in logs:
            event = log.event
            if (isinstance(event, OrderPlaced) and event.owner == self._account) \
                    or (isinstance(event, OrderMatched) and event.sender == self._account):
                groups.setdefault(event.order_history_id, []).append(log)
        return list(groups.values())

    def _settle_item(self, client_order_id: str, deposit: int, logs: Sequence[EngineLog],
                     outflows: Sequence[TokenOut]) -> list[Settled]:
        settled: list[Settled] = []
        exchange_order_id, spent, opened = f"{logs[0].transaction_hash}:{logs[0].log_index}", 0, None
        for log in logs:
            if isinstance(log.event, OrderPlaced):
                opened = log.event
                exchange_order_id = OrderKey(opened.pair, opened.is_bid, opened.id).exchange_order_id
        for log in logs:
            match = log.event
            if isinstance(match, OrderMatched):
                spent += match.quote_amount if match.is_bid else match.base_amount
                settled += self._taker_fill(client_order_id, exchange_order_id, log, match, outflows)
        if opened is not None:
            settled += self._open(client_order_id, opened)
        else:
            ending = Ending.FILLED if spent >= deposit else Ending.CANCELED
            settled.append(Closed(client_order_id, exchange_order_id, ending, deposit - spent, logs[0].block_number))
        return settled

    def _open(self, client_order_id: str, event: OrderPlaced) -> list[Settled]:
        key = OrderKey(event.pair, event.is_bid, event.id)
        if key in self._resting:
            return []
        self._resting[key] = Resting(key, client_order_id, event.price, event.placed)
        settled: list[Settled] = [Opened(client_order_id, key.exchange_order_id, key, event.price, event.placed)]
        for log in self._early.pop(key, ()):
            settled += self.apply(log)
        return settled

    def _taker_fill(self, client_order_id: str, exchange_order_id: str, log: EngineLog, match: OrderMatched,
                    outflows: Sequence[TokenOut]) -> list[Settled]:
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
        quote = self._markets[match.pair].quote.address
        total = 0
        for outflow in reversed([outflow for outflow in outflows if outflow.log_index < log.log_index]):
            if outflow.token != quote or outflow.source != match.pair:
                break
            total += outflow.amount
        return total

    def apply(self, log: EngineLog) -> list[Settled]:
        """What one log of the engine did to own resting orders; logs must come in chain order."""
        event = log.event
        if isinstance(event, OrderMatched) and event.owner == self._account:
            return self._maker_fill(log, event)
        if isinstance(event, OrderCanceled) and event.owner == self._account:
            key = OrderKey(event.pair, event.is_bid, event.id)
            order = self._resting.pop(key, None)
            if order is None:
                self._remember_early(key, log)
                return []
            return [Closed(order.client_order_id, key.exchange_order_id, Ending.CANCELED, event.amount, log.block_number)]
        return []

    def _maker_fill(self, log: EngineLog, match: OrderMatched) -> list[Settled]:
        key = OrderKey(match.pair, not match.is_bid, match.id)
        order = self._resting.get(key)
        if order is None:
            if (match.pair, match.trade_id, True) not in self._seen_trades:
                self._remember_early(key, log)
            return []
        if not self._is_new(match, is_maker=True):
            return []
        base_amount, quote_amount, gone = self._consume(order, match)
        settled: list[Settled] = [Filled(
            order.client_order_id, key.exchange_order_id, match.pair, f"{match.pair}:{match.trade_id}", key.is_bid, True,
            match.price, base_amount, quote_amount, match.base_fee if key.is_bid else match.quote_fee,
            log.transaction_hash, log.block_number)]
        if gone:
            del self._resting[key]
            settled.append(Closed(order.client_order_id, key.exchange_order_id, Ending.FILLED, 0, log.block_number))
        return settled

    def _consume(self, order: Resting, match: OrderMatched) -> tuple[int, int, bool]:
        """The base and quote that a match moved, and whether the order is gone; its deposit is reduced."""
        market = self._markets[match.pair]
        if order.key.is_bid:
            dust = market.base_to_quote(match.price, 1)
            gone = match.clear or order.deposit - match.quote_amount <= dust
            quote_amount = order.deposit if gone else match.quote_amount
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
