"""What happens to one submission: clamp, match, rest or refund (docs/protocol.md, "Spread limits", "Matching limits",
"Placing an order step by step").

Prices are quote per base x 1e8, amounts in the smallest unit of the token that the submission gives (quote for a buy, base
for a sell).
"""
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import (
    NEW_MARKET_PRICE,
    ORDER_CANCELED,
    ORDER_MATCHED,
    ORDER_PLACED,
)
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.book_core import send_token
from hummingbot.connector.exchange.standard.sandbox.engine_state import ERROR, EngineState, widened
from hummingbot.connector.exchange.standard.sandbox.execution import Execution, refuse
from hummingbot.connector.exchange.standard.sandbox.levels import Order

PROCESS_GAS, LATER_PROCESS_GAS = 3_900, 8_500
NEXT_MATCH_GAS = 350  # each match costs that much more than the one before


class Result(NamedTuple):
    """OrderResult: the price at which the rest stands or would stand, how much rests, its id (0 when nothing rests)."""

    make_price: int
    placed: int
    id: int


class Submission(NamedTuple):
    """One order as it reaches the engine. `slippage` in parts of 1e8 makes it a market order (`price` is ignored)."""

    book: Book
    is_bid: bool
    price: int
    amount: int
    is_maker: bool
    limit: int  # most maker orders to consume
    recipient: str
    history_id: int
    slippage: int | None = None


def process(execution: Execution, engine: EngineState, order: Submission) -> Result:
    """Run a submission whose deposit the engine holds already."""
    book, is_bid = order.book, order.is_bid
    meter = execution.meter
    if engine.later:
        _check_matches(engine, order.limit)
    meter.spend(LATER_PROCESS_GAS if engine.later else PROCESS_GAS)
    for slot in ("lmp", "base", "quote", "engine"):
        meter.read((book.address, slot))
    meter.read((engine.address, "max matches"))
    reference = book.last_price if order.slippage is None else book.ask_market_price(execution)
    spread = _spread(execution, engine, order)
    bid_head, ask_head = _clear_heads(execution, book)
    bound = widened(reference, spread, is_bid)
    if order.slippage is None:
        bound = min(order.price, bound) if is_bid else max(order.price, bound)
    remaining = order.amount
    head = ask_head if is_bid else bid_head
    if head and (head <= bound if is_bid else head >= bound):
        if not engine.later:
            _check_matches(engine, order.limit)
        remaining = _sweep(execution, engine, order, bound)
        bid_head, ask_head = _clear_heads(execution, book)
        if order.slippage is None:
            reference = book.last_price
    make_price = _resting_price(order, spread, bid_head, ask_head)
    worthless = engine.later and make_price and not book.converted(make_price, remaining, not is_bid)
    if remaining and order.is_maker and not worthless:
        return _rest(execution, engine, order, make_price, remaining, reference)
    if remaining:
        send_token(execution, book.quote if is_bid else book.base, engine.address, order.recipient, remaining)
    return Result(make_price, 0, 0)


def _check_matches(engine: EngineState, limit: int) -> None:
    """Raise Revert TooManyMatches: the first generation asks only when there is something to match, the later one always."""
    if limit > engine.max_matches:
        raise refuse(ERROR["TooManyMatches"], limit)


def _clear_heads(execution: Execution, book: Book) -> tuple[int, int]:
    """The best bid and ask that have orders; 0 where there is none."""
    book.called(execution)
    bid_head = book.bids.clear_empty_head(execution)
    book.called(execution)
    return bid_head, book.asks.clear_empty_head(execution)


def _spread(execution: Execution, engine: EngineState, order: Submission) -> int:
    execution.meter.read((engine.address, "spread", order.book.address, order.slippage is not None))
    pair = order.book.address
    if order.slippage is None:
        return engine.spread(pair, order.is_bid, False)
    return min(order.slippage, engine.spread(pair, order.is_bid, True))


def _resting_price(order: Submission, spread: int, bid_head: int, ask_head: int) -> int:
    """Where the remainder stands: the price clamped around the market as it is now, then held off the other head. A buy
    may lock the book and a sell may cross it."""
    last, is_bid = order.book.last_price, order.is_bid
    if order.slippage is None:
        bound = widened(last, spread, is_bid)
        if is_bid:
            price = min(order.price, bound)
            return min(price, ask_head) if ask_head else price
        price = max(order.price, bound)
        return max(price, bid_head) if bid_head and not ask_head else price
    if is_bid:
        price = widened(max(last, bid_head), spread, True)
        return min(price, ask_head) if ask_head else price
    price = widened(min(last, ask_head) if ask_head else last, spread, False)
    return max(price, bid_head, 1)


def _sweep(execution: Execution, engine: EngineState, order: Submission, bound: int) -> int:
    """Consume maker orders level by level: what remains of the submission."""
    book, is_bid = order.book, order.is_bid
    side = book.side(not is_bid)
    remaining, left = order.amount, order.limit
    last = book.last_price
    head = side.head()
    while remaining and left > 0 and head and (head <= bound if is_bid else head >= bound):
        last = head
        remaining, left = _match_level(execution, engine, order, head, remaining, left)
        head = side.clear_empty_head(execution)
    book.set_last_price(execution, last)
    execution.emit(engine.address, NEW_MARKET_PRICE, book.address, last, is_bid)
    return remaining


def _match_level(execution: Execution, engine: EngineState, order: Submission, price: int, remaining: int,
                 left: int) -> tuple[int, int]:
    """Match against the queue of one level: what remains of the submission and of its matches."""
    book, maker_is_bid = order.book, not order.is_bid
    side = book.side(maker_is_bid)
    queue = side.queues[price]
    while remaining and left > 0 and queue:
        number = queue[0]
        required = book.converted(price, side.orders[number].deposit, not maker_is_bid)
        left -= 1
        execution.meter.spend(NEXT_MATCH_GAS * (order.limit - left))
        if not required:
            book.pop_dust(execution, maker_is_bid, price, number)
            continue
        _match(execution, engine, order, number, min(required, remaining), required <= remaining)
        remaining -= min(required, remaining)
    return remaining, left


def _match(execution: Execution, engine: EngineState, order: Submission, number: int, amount: int, clear: bool) -> None:
    """Give `amount` for (a part of) one maker order."""
    book, is_bid = order.book, order.is_bid
    price = book.side(not is_bid).orders[number].price
    send_token(execution, book.quote if is_bid else book.base, engine.address, book.address, amount)
    execution.meter.enter()
    fill = book.settle(execution, not is_bid, number, order.recipient, amount, clear)
    execution.meter.leave()
    execution.emit(engine.address, ORDER_MATCHED, book.address, order.history_id, number, is_bid, price, order.amount, clear,
                   (order.recipient, *fill))


def _rest(execution: Execution, engine: EngineState, order: Submission, price: int, remaining: int,
          reference: int) -> Result:
    """Put the remainder into the book. A price that improves on `reference` becomes the market price."""
    book, is_bid = order.book, order.is_bid
    send_token(execution, book.quote if is_bid else book.base, engine.address, book.address, remaining)
    execution.meter.enter()
    number, evicted = book.place(execution, is_bid, Order(order.recipient, price, remaining))
    execution.meter.leave()
    if evicted is not None:
        execution.emit(engine.address, ORDER_CANCELED, book.address, number, is_bid, evicted.owner, evicted.deposit)
    if price > reference if is_bid else price < reference:
        book.set_last_price(execution, price)
        execution.emit(engine.address, NEW_MARKET_PRICE, book.address, price, is_bid)
    execution.emit(engine.address, ORDER_PLACED, book.address, order.history_id, number, order.recipient, is_bid, price,
                   order.amount, remaining)
    return Result(price, remaining, number)
