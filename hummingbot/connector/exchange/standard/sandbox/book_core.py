"""The book of one pair: orders, market price, settlement of a match (docs/protocol.md, "Market price", "Placing an order
step by step", "Order ids").

Prices are quote per base x 1e8; bids are deposited in quote units, asks in base units; every division floors.
"""
from typing import TYPE_CHECKING, NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, BOOK_FUNCTIONS_2026_07, ERRORS
from hummingbot.connector.exchange.standard.sandbox.execution import (
    PANIC_ASSERT,
    PANIC_DIVISION,
    Contract,
    Execution,
    Revert,
    checked,
    panic,
    refuse,
    refuse_text,
)
from hummingbot.connector.exchange.standard.sandbox.levels import NO_ORDER, Order, Side
from hummingbot.connector.exchange.standard.sandbox.tokens import Token

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.sandbox.engine_state import EngineState

DENOMINATOR = 10 ** 8
CALL_GAS = 1_300
PULL_GAS = 1_900
PLACE_GAS, LATER_PLACE_GAS = 4_000, 5_500
SETTLE_GAS, LATER_SETTLE_GAS = 27_800, 29_600
CANCEL_GAS, LATER_CANCEL_GAS = 500, 1_500
OBSERVE_GAS = 5_400
POP_DUST_GAS = 13_500
REMOVE_GAS = 4_500
LAST_TRADE_ID = (1 << 64) - 1
# What a time-weighted price is made of is not known well enough to imitate it (docs/protocol.md, "Later generation").
UNMODELLED = frozenset({"twap"})

_ERROR = {error.name: error for error in ERRORS.values()}
INVALID_ACCESS, PRICE_IS_ZERO, NO_MATCH_PRICE = (
    _ERROR[name] for name in ("InvalidAccess", "PriceIsZero", "NoMatchPrice"))


class Fill(NamedTuple):
    """One match as the event tells it; gross amounts, in the smallest unit of each token."""

    owner: str
    base_amount: int
    quote_amount: int
    base_fee: int
    quote_fee: int
    trade_id: int


class BookCore(Contract):
    """The order book contract of one pair, without its views."""

    def __init__(self, address: str, engine: "EngineState", base: Token, quote: Token, by_time: bool) -> None:
        later = engine.later
        functions = BOOK_FUNCTIONS_2026_07 if later else BOOK_FUNCTIONS
        super().__init__(address, {name: function for name, function in functions.items() if name not in UNMODELLED})
        self.engine = engine
        self.implementation = engine.factory_contract.implementation
        self.base = base
        self.quote = quote
        self.by_time = by_time
        self.last_price = 0
        self.trades = 0
        self.observed = 0  # the last block of an observation
        self.bids = Side(address, True, not later, by_time)
        self.asks = Side(address, False, not later, by_time)
        self._scale = 10 ** abs(base.places - quote.places)
        self._scale_down_to_quote = base.places > quote.places

    def called(self, execution: Execution) -> None:
        """What a call of the engine costs by itself: the book is a clone that delegates to its implementation."""
        meter = execution.meter
        meter.account(self.address)
        meter.account(self.implementation)
        meter.read((self.address, "pair"))
        meter.spend(CALL_GAS)

    def side(self, is_bid: bool) -> Side:
        """The bids or the asks."""
        return self.bids if is_bid else self.asks

    # --- amounts and prices ---

    def to_quote(self, price: int, amount: int) -> int:
        """What `amount` base units are worth in quote units, floored."""
        value = checked(amount * price) // DENOMINATOR
        return value // self._scale if self._scale_down_to_quote else checked(value * self._scale)

    def to_base(self, price: int, amount: int) -> int:
        """How many base units `amount` quote units buy, floored (before the decimals are aligned)."""
        if not price:
            raise panic(PANIC_DIVISION)
        value = checked(amount * DENOMINATOR) // price
        return checked(value * self._scale) if self._scale_down_to_quote else value // self._scale

    def converted(self, price: int, amount: int, is_bid: bool) -> int:
        """base -> quote when `is_bid`, quote -> base otherwise."""
        return self.to_quote(price, amount) if is_bid else self.to_base(price, amount)

    def ask_market_price(self, execution: Execution) -> int:
        """The market price as the engine gets it, by a call."""
        self.called(execution)
        for slot in ((self.bids.name, "head"), (self.asks.name, "head"), (self.address, "lmp")):
            execution.meter.read(slot)
        return self.market_price()

    def market_price(self) -> int:
        """mktPrice(): the last market price, bent towards the only head there is; ghosts count as heads."""
        bid, ask, last = self.bids.head(), self.asks.head(), self.last_price
        if not last and not bid and not ask:
            raise refuse(NO_MATCH_PRICE, bid, ask, last)
        if bid and ask:
            return last
        if bid:
            return max(last, bid)
        if ask:
            return min(last, ask) if last else ask
        return last

    def set_last_price(self, execution: Execution, price: int) -> None:
        """Set lmp; raises Revert PriceIsZero."""
        if not price:
            raise refuse(PRICE_IS_ZERO, price)
        execution.meter.write((self.address, "lmp"), self.last_price, price)
        execution.world.journal.assign(self, "last_price", price)
        if self.engine.later:
            self._observe(execution)

    def _observe(self, execution: Execution) -> None:
        """The later generation records its price once per block, for averages."""
        meter, block = execution.meter, execution.block.number
        if block == self.observed:
            return
        meter.spend(OBSERVE_GAS)
        meter.write((self.address, "observations"), self.observed, block)
        for slot in ("price", "time"):
            meter.write((self.address, "observation", block, slot), 0, 1)
        execution.world.journal.assign(self, "observed", block)

    # --- what the engine does with the book ---

    def place(self, execution: Execution, is_bid: bool, order: Order) -> tuple[int, Order | None]:
        """Queue an order: its id, and the old holder of that id when the counter came round to one still stored. The
        deposit has arrived already; an evicted order is refunded."""
        if not order.price:
            raise refuse(PRICE_IS_ZERO, order.price)
        self.called(execution)
        execution.meter.spend(LATER_PLACE_GAS if self.engine.later else PLACE_GAS)
        side = self.side(is_bid)
        evicted = None
        if side.next_id in side.orders:
            evicted = self.remove(execution, is_bid, side.next_id)
        return side.add(execution, order), evicted

    def remove(self, execution: Execution, is_bid: bool, number: int) -> Order:
        """Delete a stored order and refund its owner."""
        execution.meter.spend(REMOVE_GAS)
        execution.meter.read((self.address, "base"))
        side = self.side(is_bid)
        order = side.delete(execution, number)
        if not side.keeps_ghosts:
            side.drop_level_if_empty(execution, order.price)
        self.pay(execution, self.quote if is_bid else self.base, order.owner, order.deposit)
        return order

    def cancel(self, execution: Execution, is_bid: bool, number: int, account: str) -> int:
        """Refund an order to its owner: the amount. Raises Revert InvalidAccess for anybody else and unknown ids."""
        orders = self.side(is_bid).orders
        order = orders.get(number, NO_ORDER)
        self.called(execution)
        execution.meter.spend(LATER_CANCEL_GAS if self.engine.later else CANCEL_GAS)
        for slot in ("engine", "WETH", "quote"):
            execution.meter.read((self.address, slot))
        execution.meter.read((self.side(is_bid).name, "order", number, "owner"))
        if order.owner != account or number not in orders:
            raise refuse(INVALID_ACCESS, account, order.owner)
        return self.remove(execution, is_bid, number).deposit

    def pop_dust(self, execution: Execution, is_bid: bool, price: int, number: int) -> None:
        """Skip a maker order that is worth nothing: it leaves its queue but stays stored; in the later generation it is
        deleted and its owner refunded."""
        execution.meter.spend(POP_DUST_GAS)
        side = self.side(is_bid)
        if side.keeps_ghosts:
            side.unlink(execution, price, 0)
        else:
            order = side.delete(execution, number)
            self.pay(execution, self.quote if is_bid else self.base, order.owner, order.deposit)

    def settle(self, execution: Execution, maker_is_bid: bool, number: int, taker: str, amount: int, clear: bool) -> Fill:
        """Exchange `amount` of the taker's token, which the book holds already, against the order.

        The order is deleted and its whole deposit paid out when `clear`, or when no more than the worth of one unit of
        the taker's token would be left. Each side pays the fee out of what it receives.
        """
        self.called(execution)
        execution.meter.spend(LATER_SETTLE_GAS if self.engine.later else SETTLE_GAS)
        for slot in ("fee receiver", "incentive", "WETH"):
            execution.meter.read((self.engine.address, slot))
        execution.meter.read((self.address, "WETH"))
        side = self.side(maker_is_bid)
        order = side.orders[number]
        converted = self.converted(order.price, amount, maker_is_bid)
        dust = self.converted(order.price, 1, maker_is_bid)
        if clear or order.deposit - converted <= dust:
            side.delete(execution, number)
            payout = order.deposit
        else:
            side.reduce(execution, number, order.deposit - converted)
            payout = converted
        trade = self.trades + 1 if self.trades < LAST_TRADE_ID else 1
        execution.meter.write((self.address, "trades"), self.trades, trade)
        execution.world.journal.assign(self, "trades", trade)
        to_maker, to_taker = (self.base, self.quote) if maker_is_bid else (self.quote, self.base)
        maker_fee = self._pay_net(execution, to_maker, order.owner, amount, True)
        taker_fee = self._pay_net(execution, to_taker, taker, payout, False)
        if maker_is_bid:
            return Fill(order.owner, amount, converted, maker_fee, taker_fee, trade)
        return Fill(order.owner, payout, amount, taker_fee, maker_fee, trade)

    def _pay_net(self, execution: Execution, token: Token, account: str, amount: int, is_maker: bool) -> int:
        """Pay `amount` less the fee, and the fee (floored) to the fee receiver: the fee."""
        fee = checked(amount * self.engine.fee_rate(execution, is_maker)) // DENOMINATOR
        net = checked(amount - fee)
        receiver = self.engine.fee_receiver
        native = token is self.engine.wrapped
        if native:
            self.unwrap(execution, amount)
        if fee or not self.engine.later:
            self._send(execution, token, receiver, fee, native)
        self._send(execution, token, account, net, native)
        return fee

    def pay(self, execution: Execution, token: Token, account: str, amount: int) -> None:
        """Pay out of the book: native value for the wrapped native token, the token itself otherwise."""
        native = token is self.engine.wrapped
        if native:
            self.unwrap(execution, amount)
        self._send(execution, token, account, amount, native)

    def unwrap(self, execution: Execution, amount: int) -> None:
        """Turn wrapped native tokens of the book into native value."""
        execution.meter.account(self.engine.wrapped.address)
        self.engine.wrapped.unwrap(execution, self.address, amount)

    def _send(self, execution: Execution, token: Token, account: str, amount: int, native: bool) -> None:
        if native:
            execution.world.pay(execution, self.address, account, amount)
        else:
            send_token(execution, token, self.address, account, amount)

    receives_by_stipend = True

    def receive(self, execution: Execution, sender: str, value: int) -> None:
        """Only unwrapped native value is taken."""
        if sender != self.engine.wrapped.address:
            raise panic(PANIC_ASSERT)


def send_token(execution: Execution, token: Token, sender: str, receiver: str, amount: int) -> None:
    """Transfer as the contracts do: any failure becomes "TF"."""
    meter = execution.meter
    meter.account(token.address)
    meter.enter()
    try:
        token.move(execution, sender, receiver, amount)
    except Revert:
        raise refuse_text("TF") from None
    meter.leave()


def pull_token(execution: Execution, token: Token, owner: str, receiver: str, amount: int) -> None:
    """Transfer out of the receiver's allowance as the contracts do: any failure becomes "TFF"."""
    meter = execution.meter
    meter.spend(PULL_GAS)
    meter.account(token.address)
    meter.enter()
    try:
        token.move_from(execution, receiver, owner, receiver, amount)
    except Revert:
        raise refuse_text("TFF") from None
    meter.leave()
