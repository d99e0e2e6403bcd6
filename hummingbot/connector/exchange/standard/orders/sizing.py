"""From an order in human terms to a call of the engine: side, deposit, native value (docs/protocol.md, "Calls").

Hummingbot orders base amounts; the engine spends deposits: base for a sell, quote for a buy. A sell spends the amount
rounded down to the token's smallest unit. A buy spends the smallest quote amount that brings at least the base amount
ordered, at the levels it will match and at its own price for the rest; so it ends with the amount ordered, or with less
than one quote unit's worth (or one amount step, whichever is more) above it for each level, if the book stays as it is. By
a book whose prices and amounts are rounded, as the REST API's are, it may end some ten-millionths off.
"""
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import (
    DENOMINATOR,
    Market,
    Token,
    price_from_chain,
    price_to_chain,
)

MAX_MATCHES = 20  # how many orders one may take, unless an administrator of the exchange lets it take fewer
# The REST API rounds prices as 32-bit floats: what it shows may be off by one part in so many.
SINGLE_PRECISION = 2 ** 23


class Level(NamedTuple):
    """A price level of the opposite side: price x 1e8 and base units."""

    price: int
    base_units: int


class OrderCall(NamedTuple):
    """A call of the engine that places one order: what is spent of which token, and the native value sent along.

    `item` is the same order as an item of createOrders, or None for one that createOrders cannot express.
    """

    data: bytes
    value: int
    spends: Token
    deposit: int
    price: int
    expected_matches: int
    item: tuple[Any, ...] | None

    @property
    def needs_allowance(self) -> bool:
        """Whether the engine pulls an ERC-20 token for it."""
        return self.value == 0


def buy_deposit(market: Market, price: int, base_units: int, asks: Iterable[Level]) -> tuple[int, int]:
    """The quote to deposit for a limit buy, and how many levels it is expected to match.

    `asks` are the levels of the current book, best first; those at or below the limit price are paid at their own price.
    """
    deposit, left, matches = 0, base_units, 0
    for ask in asks:
        if ask.price > price or left <= 0:
            break
        whole = market.base_to_quote(ask.price, ask.base_units)
        if whole == 0:
            continue  # dust, which the engine passes over
        # A level taken whole costs its rounded-down price; a unit more would rest as an order of its own.
        deposit += whole if ask.base_units <= left else market.deposit_for(ask.price, left)
        left -= min(left, ask.base_units)
        matches += 1
    if left > 0:
        deposit += market.deposit_for(price, left)
    return deposit, matches


def limit_order(market: Market, is_buy: bool, amount: Decimal, price: Decimal, recipient: str, levels: Sequence[Level] = (),
                matches: int = MAX_MATCHES) -> OrderCall:
    """The call for a limit order of `amount` base at `price`; the part that finds no match rests.

    `levels` are those of the opposite side, best first. `matches` is how many orders it may take at most, 0 for one that
    must not take (docs/protocol.md, "Matching limits"). Buy prices are rounded down and sell prices up to 1e-8, so that
    rounding never costs the user. Raises OrderRejectedError when the engine would refuse the size (docs/protocol.md,
    "Minimum size").
    """
    chain_price = price_to_chain(price, ROUND_FLOOR if is_buy else ROUND_CEILING)
    if chain_price <= 0:
        raise OrderRejectedError(f"The price {price} of {market.trading_pair} is zero at the exchange's eight decimals.")
    return _order(market, is_buy, market.base.to_units(amount), chain_price, recipient, levels, matches, rests=True)


def market_order(market: Market, is_buy: bool, amount: Decimal, recipient: str, levels: Sequence[Level],
                 slippage: Decimal, matches: int = MAX_MATCHES) -> OrderCall:
    """The call for an order that takes at once what is offered, up to `slippage` (a fraction) beyond the best price.

    `levels` are those of the opposite side, best first; `matches` is how many orders it may take at most. What finds no match
    comes back. Raises OrderRejectedError when nothing is offered, or for a size that the engine would refuse.
    """
    if not levels:
        side = "asks" if is_buy else "bids"
        raise OrderRejectedError(f"There are no {side} of {market.trading_pair} to take with a market order.")
    worst = price_from_chain(levels[0].price) * (1 + slippage if is_buy else 1 - slippage)
    chain_price = max(1, price_to_chain(worst, ROUND_FLOOR if is_buy else ROUND_CEILING))
    return _order(market, is_buy, market.base.to_units(amount), chain_price, recipient, levels, matches, rests=False)


def clamped_price(is_buy: bool, price: Decimal, market_price: int, spread: int) -> Decimal:
    """The price at which the engine would let the order rest: at most `spread` (in 1e-8) beyond the last market price.

    The passive side has no bound. Rounded as the engine rounds, down (docs/protocol.md, "Spread limits").
    """
    edge = edge_price(is_buy, market_price, spread)
    return min(price, edge) if is_buy else max(price, edge)


def edge_price(is_buy: bool, market_price: int, spread: int) -> Decimal:
    """The highest price at which the engine lets a buy match, the lowest for a sell: `spread` (in 1e-8) from the market price
    x 1e8, rounded as the engine rounds, down (docs/protocol.md, "Spread limits")."""
    return price_from_chain(market_price * (DENOMINATOR + (spread if is_buy else -spread)) // DENOMINATOR)


def _order(market: Market, is_buy: bool, base_units: int, price: int, recipient: str, levels: Sequence[Level], matches: int,
           rests: bool) -> OrderCall:
    takes = levels if matches else ()
    # A level does not tell how many orders it holds nor, in a rounded book, its very price; too little gas would fail them all.
    expected = matches if not rests or (takes and _may_take(is_buy, price, takes[0].price)) else 0
    if is_buy:
        deposit, _ = buy_deposit(market, price, base_units, takes)
        smallest, spends, native = market.smallest_buy(price), market.quote, market.quote_is_native
    else:
        deposit = base_units
        smallest, spends, native = market.smallest_sell(price), market.base, market.base_is_native
    if deposit < smallest:
        raise OrderRejectedError(
            f"{'Buying' if is_buy else 'Selling'} {market.base.from_units(base_units)} {market.base.symbol} at "
            f"{price_from_chain(price)} is below the exchange's minimum: it spends {spends.from_units(deposit)} "
            f"{spends.symbol}, at least {spends.from_units(smallest)} are needed.")
    base, quote = market.base.address, market.quote.address
    item = (base, quote, is_buy, True, 0, price, deposit, matches, recipient) if rests else None
    if native:
        function = ENGINE_FUNCTIONS["limitBuyETH" if is_buy else "limitSellETH"]
        data = function.encode(base if is_buy else quote, price, rests, matches, recipient)
    else:
        function = ENGINE_FUNCTIONS["limitBuy" if is_buy else "limitSell"]
        data = function.encode(base, quote, price, deposit, rests, matches, recipient)
    return OrderCall(data, deposit if native else 0, spends, deposit, price, expected, item)


def _may_take(is_buy: bool, price: int, shown: int) -> bool:
    unsure = shown // SINGLE_PRECISION + 1
    return shown - unsure <= price if is_buy else shown + unsure >= price


def cancel_call(orders: Sequence[tuple[Market, bool, int]]) -> bytes:
    """The call that cancels one resting order, or several at once, each given as (market, is bid, order id)."""
    items = [(market.base.address, market.quote.address, is_bid, order_id) for market, is_bid, order_id in orders]
    if len(items) == 1:
        return ENGINE_FUNCTIONS["cancelOrder"].encode(*items[0])
    return ENGINE_FUNCTIONS["cancelOrders"].encode(items)
