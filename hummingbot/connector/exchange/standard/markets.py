"""Tokens and markets: the one border between chain integers and Decimals (docs/protocol.md, "Units and prices").

On the chain an amount is an integer count of a token's smallest unit and a price is an integer x 1e8, quote per base in
human units. Every conversion here is exact or says which way it rounds.
"""
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Context, Decimal

DENOMINATOR = 10 ** 8
PRICE_STEP = Decimal("1E-8")
# 2**256 has 78 digits; products of two such numbers are never formed in Decimal.
_CONTEXT = Context(prec=160)


def _scaled(value: Decimal, digits: int, rounding: str) -> int:
    if not value.is_finite():
        raise ValueError(f"{value} is not an amount or a price")
    return int(_CONTEXT.scaleb(value, digits).to_integral_value(rounding, _CONTEXT))


def price_to_chain(price: Decimal, rounding: str = ROUND_FLOOR) -> int:
    """A human price as the engine's integer, rounded down to 1e-8 unless told otherwise."""
    return _scaled(price, 8, rounding)


def price_from_chain(price: int) -> Decimal:
    """The engine's integer price as a human price, exactly."""
    return _CONTEXT.scaleb(Decimal(price), -8)


def fee_rate(numerator: int) -> Decimal:
    """A fee or spread in parts of 1e8 as a fraction, exactly: 100000 is 0.001."""
    return _CONTEXT.scaleb(Decimal(numerator), -8)


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 token. `symbol` is what Hummingbot calls it, `address` is lower case."""

    address: str
    symbol: str
    decimals: int

    def to_units(self, amount: Decimal, rounding: str = ROUND_FLOOR) -> int:
        """A human amount in smallest units, rounded down unless told otherwise."""
        return _scaled(amount, self.decimals, rounding)

    def from_units(self, units: int) -> Decimal:
        """Smallest units as a human amount, exactly."""
        return _CONTEXT.scaleb(Decimal(units), -self.decimals)


@dataclass(frozen=True, slots=True)
class Market:
    """One order book: a base and a quote token, the book contract's address (lower case) and which side is native."""

    base: Token
    quote: Token
    book: str
    base_is_native: bool = False
    quote_is_native: bool = False
    trading_pair: str = field(init=False, repr=False, compare=False)  # Hummingbot's name for the market

    def __post_init__(self) -> None:
        object.__setattr__(self, "trading_pair", f"{self.base.symbol}-{self.quote.symbol}")

    @property
    def scale(self) -> int:
        """10 to the difference of the two tokens' decimals."""
        difference = self.base.decimals - self.quote.decimals
        return int(10 ** abs(difference))

    def base_to_quote(self, price: int, base_units: int) -> int:
        """What the engine pays in quote for base at a price; floors twice, as the contract does."""
        value = base_units * price // DENOMINATOR
        return value // self.scale if self.base.decimals > self.quote.decimals else value * self.scale

    def quote_to_base(self, price: int, quote_units: int) -> int:
        """What the engine gives in base for quote at a price; floors twice, so with more base than quote decimals the
        result is a multiple of `scale`. Raises ZeroDivisionError at price 0."""
        value = quote_units * DENOMINATOR // price
        return value * self.scale if self.base.decimals > self.quote.decimals else value // self.scale

    def is_dust(self, is_bid: bool, price: int, deposit: int) -> bool:
        """Whether a resting deposit, quote of a bid and base of an ask, converts to nothing, so that nobody can take it."""
        return not (self.quote_to_base(price, deposit) if is_bid else self.base_to_quote(price, deposit))

    def deposit_for(self, price: int, base_units: int) -> int:
        """The smallest quote deposit that converts to at least `base_units` at `price`.

        With `base_units` a multiple of `base_step` it converts to exactly that amount, or, where one quote unit buys
        more than one step, to less than one quote unit's worth more.
        """
        if self.base.decimals > self.quote.decimals:
            steps = -(-base_units // self.scale)
        else:
            steps = base_units * self.scale
        return -(-steps * price // DENOMINATOR)

    def most_dust(self, price: int) -> int:
        """The most quote that rounding can leave of a bid whose whole deposit a seller gets, beside what the engine says that his
        base is worth: less than a base unit's worth, and where the quote has more decimals less than `scale`, by which what
        that base is worth is multiplied after it was rounded."""
        return self.deposit_for(price, 1) + (self.scale - 1 if self.base.decimals < self.quote.decimals else 0)

    @property
    def base_step(self) -> int:
        """The base units that a quote amount can resolve: the step of order amounts."""
        return self.scale if self.base.decimals > self.quote.decimals else 1

    def smallest_sell(self, price: int) -> int:
        """The smallest base amount that the engine accepts to sell at `price` (docs/protocol.md, "Minimum size")."""
        # More quote than one base unit brings, in the engine's double floor.
        target = self.base_to_quote(price, 1) + 1
        value = target * self.scale if self.base.decimals > self.quote.decimals else -(-target // self.scale)
        return -(-value * DENOMINATOR // price)

    def smallest_buy(self, price: int) -> int:
        """The smallest quote amount that the engine accepts to buy for at `price` (docs/protocol.md, "Minimum size")."""
        # More base than one quote unit brings.
        return self.deposit_for(price, self.quote_to_base(price, 1) + 1)

    def smallest_order(self, price: int) -> int:
        """The smallest base amount, a multiple of `base_step`, that can be bought and sold at `price`."""
        needed = max(self.smallest_sell(price), self.quote_to_base(price, 1) + 1)
        return -(-needed // self.base_step) * self.base_step
