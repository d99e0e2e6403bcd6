"""From an order in human terms to a call of the engine: side, deposit, native value (docs/protocol.md, "Calls").

Hummingbot orders base amounts; the engine spends deposits: base for a sell, quote for a buy. A sell spends the amount
rounded down to the token's smallest unit. A buy spends the smallest quote amount that brings at least the base amount
ordered, at the levels it will match and at its own price for the rest; so it ends with the amount ordered, or with less
than one quote unit's worth (or one amount step, whichever is more) above it for each level, if the book stays as it is.
"""
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import Market, Token, price_to_chain

MAX_MATCHES = 20


class Level(NamedTuple):
    """A price level of the opposite side: price x 1e8 and base units."""

    price: int
    base_units: int


class OrderCall(NamedTuple):
    """A call of the engine that places one order: what is spent of which token, and the native value sent along."""

    data: bytes
    value: int
    spends: Token
    deposit: int
    price: int
    expected_matches: int

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


def limit_order(market: Market, is_buy: bool, amount: Decimal, price: Decimal, recipient: str, asks: Iterable[Level] = (),
                matches: int = MAX_MATCHES, is_maker: bool = True) -> OrderCall:
    """The call for a limit order of `amount` base at `price`.

    Buy prices are rounded down and sell prices up to 1e-8, so that rounding never costs the user. Raises
    OrderRejectedError when the engine would refuse the size (docs/protocol.md, "Minimum size").
    """
    chain_price = price_to_chain(price, ROUND_FLOOR if is_buy else ROUND_CEILING)
    if chain_price <= 0:
        raise OrderRejectedError(f"The price {price} of {market.trading_pair} is zero at the exchange's eight decimals.")
    base_units = market.base.to_units(amount)
    if is_buy:
        deposit, expected = buy_deposit(market, chain_price, base_units, asks)
        smallest = market.smallest_buy(chain_price)
        spends = market.quote
    else:
        deposit, expected = base_units, 0
        smallest = market.smallest_sell(chain_price)
        spends = market.base
    if deposit < smallest:
        raise OrderRejectedError(
            f"{'Buying' if is_buy else 'Selling'} {amount} {market.base.symbol} at {price} is below the exchange's minimum: "
            f"it spends {spends.from_units(deposit)} {spends.symbol}, at least {spends.from_units(smallest)} are needed.")
    native = market.quote_is_native if is_buy else market.base_is_native
    return OrderCall(_encode(market, is_buy, native, chain_price, deposit, is_maker, matches, recipient),
                     deposit if native else 0, spends, deposit, chain_price, expected)


def _encode(market: Market, is_buy: bool, native: bool, price: int, deposit: int, is_maker: bool, matches: int,
            recipient: str) -> bytes:
    if native:
        token = market.base if is_buy else market.quote
        name = "limitBuyETH" if is_buy else "limitSellETH"
        return ENGINE_FUNCTIONS[name].encode(token.address, price, is_maker, matches, recipient)
    name = "limitBuy" if is_buy else "limitSell"
    return ENGINE_FUNCTIONS[name].encode(market.base.address, market.quote.address, price, deposit, is_maker, matches, recipient)


def cancel_order(market: Market, is_bid: bool, order_id: int) -> bytes:
    """The call that cancels one resting order."""
    return ENGINE_FUNCTIONS["cancelOrder"].encode(market.base.address, market.quote.address, is_bid, order_id)
