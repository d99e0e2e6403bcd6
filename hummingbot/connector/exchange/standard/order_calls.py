"""Hummingbot's order types as calls of the engine, by the book and the bounds as they are known now."""
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain
from hummingbot.connector.exchange.standard.offers import Offers
from hummingbot.connector.exchange.standard.orders.settlement import Filled, Opened, Settled
from hummingbot.connector.exchange.standard.orders.sizing import (
    MAX_MATCHES,
    Level,
    OrderCall,
    clamped_price,
    limit_order,
    market_order,
)
from hummingbot.core.data_type.common import OrderType

TOLD_INTERVAL = 60.0
_TOO_MANY = "TooManyMatches("


class OrderCalls:
    """Builds the calls for one account. `slippage` is how far a market order may go beyond the best price."""

    def __init__(self, recipient: str, slippage: Decimal, clock: Clock, offers: Offers) -> None:
        self._recipient = recipient
        self._slippage = slippage
        self._clock = clock
        self._offers = offers
        self._told: dict[str, float] = {}
        self.max_matches = MAX_MATCHES  # how many orders each may take, as far as is known: nobody tells, but by refusing more

    def build(self, market: Market, is_buy: bool, order_type: OrderType, amount: Decimal,
              price: Decimal) -> OrderCall:
        """The call for an order. While the market's rules are not known its price is not bounded.

        Raises OrderRejectedError for a market that opens later, a maker order that would take, a market order that finds no
        offer, or a size that the engine would refuse.
        """
        self._refuse_before_opening(market)
        opposite = self._offers.levels(market.trading_pair, is_buy)
        if order_type is OrderType.MARKET:
            return market_order(market, is_buy, amount, self._recipient, opposite, self._slippage, self.max_matches)
        spread = self._offers.spread(market.trading_pair, is_buy)
        if spread is not None:
            price = self._within(market, is_buy, price, spread)
        if order_type is OrderType.LIMIT_MAKER:
            _refuse_to_take(market, is_buy, price, opposite)
            return limit_order(market, is_buy, amount, price, self._recipient, matches=0)
        return limit_order(market, is_buy, amount, price, self._recipient, opposite, self.max_matches)

    async def refuse_beyond_band(self, market: Market, is_buy: bool) -> None:
        """Raise OrderRejectedError where a market order would take nothing, since even the best offer lies beyond the prices at
        which the engine matches: it says neither yes nor no to such an order, and gas is spent (docs/protocol.md, "Spread
        limits"). Raises ApiUnavailableError or RpcError where the chain is to be asked and cannot be."""
        pair = market.trading_pair
        if not self._is_beyond(pair, is_buy, self._offers.edge(pair, is_buy)):
            return
        # The market price moves and spreads change without an event: what is known may refuse what would be taken now.
        edge = await self._offers.edge_on_chain(pair, is_buy)
        if edge is not None and self._is_beyond(pair, is_buy, edge):
            side, offer = ("buys up to", "ask") if is_buy else ("sells down to", "bid")
            best = self._offers.best_price(pair, is_buy)
            raise OrderRejectedError(f"The exchange matches {side} {edge.normalize():f} now, and the best {offer} of {pair} is "
                                     f"{best.normalize():f}: a market order would take nothing.")

    def _is_beyond(self, trading_pair: str, is_buy: bool, edge: Decimal | None) -> bool:
        if edge is None or not self._offers.levels(trading_pair, is_buy):
            return False
        best = self._offers.best_price(trading_pair, is_buy)
        return best > edge if is_buy else best < edge

    def _refuse_before_opening(self, market: Market) -> None:
        opens = self._offers.opens(market.trading_pair)
        if opens > self._clock.time():
            date = datetime.fromtimestamp(opens, UTC)
            raise OrderRejectedError(f"{market.trading_pair} opens for trading at {date:%Y-%m-%d %H:%M:%S} UTC.")

    def _within(self, market: Market, is_buy: bool, price: Decimal, spread: int) -> Decimal:
        """The price, or the bound at which the engine would let the order rest instead (told once a pair and minute)."""
        bounded = clamped_price(is_buy, price, self._offers.market_price(market.trading_pair), spread)
        if bounded != price and self._is_to_be_told(market):
            logging.getLogger(__name__).warning(
                "A %s price of %s for %s is beyond what the exchange allows now: the order goes to %s",
                "buy" if is_buy else "sell", price, market.trading_pair, bounded)
        return bounded

    def is_moved(self, market: Market, call: OrderCall, settled: Sequence[Settled]) -> bool:
        """Whether the bounds seem to be others than they are believed to be: a market order took nothing, or the engine let an
        order rest at another price than it was sent with (told once a pair and minute)."""
        if call.item is None:
            return not any(isinstance(event, Filled) for event in settled)
        moved = next((event.price for event in settled if isinstance(event, Opened) and event.price != call.price), None)
        if moved is None or not self._is_to_be_told(market):
            return False
        logging.getLogger(__name__).warning(
            "The exchange let an order for %s at %s rest at %s instead", market.trading_pair, price_from_chain(call.price),
            price_from_chain(moved))
        return True

    def is_to_meet_fewer(self, reason: str, tried: int) -> bool:
        """Whether an order that might take `tried` others and was refused for `reason` is to be built once more, since it may
        take fewer: half as many from now on, unless another order was refused before (told once for each number)."""
        if not reason.startswith(_TOO_MANY) or tried == 1:
            return False
        if tried == self.max_matches:
            self.max_matches //= 2
            logging.getLogger(__name__).warning(
                "The exchange lets an order meet fewer others than %d: until the next start each may meet %d", tried,
                self.max_matches)
        return True

    def _is_to_be_told(self, market: Market) -> bool:
        now = self._clock.monotonic()
        if now - self._told.get(market.trading_pair, -TOLD_INTERVAL) < TOLD_INTERVAL:
            return False
        self._told[market.trading_pair] = now
        return True


def _refuse_to_take(market: Market, is_buy: bool, price: Decimal, opposite: Sequence[Level]) -> None:
    if not opposite:
        return
    best = price_from_chain(opposite[0].price)
    if (price >= best) if is_buy else (price <= best):
        raise OrderRejectedError(f"A maker order at {price} would take: the best {'ask' if is_buy else 'bid'} of "
                                 f"{market.trading_pair} is {best}.")
