"""What Hummingbot's order books offer, in chain units, and the engine's market price, as they are known now."""
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain, price_to_chain
from hummingbot.connector.exchange.standard.orders.sizing import Level, edge_price
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import StandardAPIOrderBookDataSource
from hummingbot.connector.exchange.standard.standard_constants import DENOMINATOR
from hummingbot.connector.exchange.standard.trading_rules import MarketRules
from hummingbot.core.data_type.order_book import OrderBook

# A market price that is told with a book is plainly wrong where it is more than so many times the chain's of now, or less than
# that part of it. It may be some seconds older, in which a single order moves the chain's by the band at most (3 % unless the
# operator sets it otherwise) and a fast market by several of them: no strategy is stopped by that, nor by a ghost or a single
# offer towards which `mktPrice` is bent. A wrong scale or another market's price are further off. What is nearer than this does
# no harm: the chain's own price bounds the order then.
WRONG_FACTOR = 2


class Offers:
    """What an order could take, and what bounds its price."""

    def __init__(self, order_books: Callable[[], Mapping[str, OrderBook]], data_source: StandardAPIOrderBookDataSource,
                 market: Callable[[str], Market], rules: MarketRules) -> None:
        self._order_books = order_books
        self._data_source = data_source
        self._market = market
        self._rules = rules

    def levels(self, trading_pair: str, is_buy: bool) -> list[Level]:
        """The levels that an order could take, best first."""
        book = self._order_books().get(trading_pair)
        if book is None:
            return []
        base = self._market(trading_pair).base
        return [Level(round(row.price * DENOMINATOR), base.to_units(Decimal(str(row.amount))))
                for row in (book.ask_entries() if is_buy else book.bid_entries())]

    def best_price(self, trading_pair: str, is_buy: bool) -> Decimal:
        """What the first of these levels costs; 1e-8 where nothing is offered."""
        levels = self.levels(trading_pair, is_buy)
        return price_from_chain(levels[0].price if levels else 1)

    async def refuse_wrong_market_price(self, trading_pair: str, trading_pairs: Sequence[str]) -> None:
        """Raise OrderRejectedError where the market price that is told with the book is plainly not the chain's: what is derived
        from such a book is wrong, too, and the deposit of a buy would be.

        The chain is asked, once for orders of one moment and for all `trading_pairs`, where the book tells no market price or
        none to be believed. Raises ApiUnavailableError or RpcError where it cannot be.
        """
        told = self._told(trading_pair)
        if told is None:
            await self._rules.renew(trading_pairs)
        elif self._believed(trading_pair) is None:
            await self._rules.renew(trading_pairs, anew=True)
            chain = self._rules.facts[trading_pair].market_price
            if not chain <= WRONG_FACTOR * told <= WRONG_FACTOR ** 2 * chain:
                raise OrderRejectedError(f"The API's market price of {trading_pair} is {_text(told)}, the chain's is "
                                         f"{_text(chain)}: no order is placed by a book that is so far off.")

    def market_price(self, trading_pair: str) -> int:
        """The engine's market price x 1e8: the book's, or the chain's as it was read last where the book tells none or none to
        be believed. The rules of the pair must be known."""
        believed = self._believed(trading_pair)
        return self._rules.facts[trading_pair].market_price if believed is None else believed

    def _told(self, trading_pair: str) -> int | None:
        told = self._data_source.market_price(trading_pair)
        return None if told is None else price_to_chain(Decimal(str(told)))

    def _believed(self, trading_pair: str) -> int | None:
        """The book's market price, if it is within half the band of the chain's as it was read last: so far the market may have
        moved since, and an order is still bounded within a band and a half of that."""
        told, facts = self._told(trading_pair), self._rules.facts.get(trading_pair)
        if told is None or facts is None or not facts.market_price:
            return told
        band = min(facts.buy_spread, facts.sell_spread)
        return told if 2 * DENOMINATOR * abs(told - facts.market_price) <= band * facts.market_price else None

    def edge(self, trading_pair: str, is_buy: bool) -> Decimal | None:
        """The price beyond which the engine matches nothing, by what is known now; None while it is not known."""
        spread = self.spread(trading_pair, is_buy)
        return None if spread is None else _edge(is_buy, self.market_price(trading_pair), spread)

    async def edge_on_chain(self, trading_pair: str, is_buy: bool) -> Decimal | None:
        """The same as the chain has it now. Raises ApiUnavailableError or RpcError."""
        await self._rules.read_again(trading_pair)
        spread = self.spread(trading_pair, is_buy)
        return None if spread is None else _edge(is_buy, self._rules.facts[trading_pair].market_price, spread)

    def spread(self, trading_pair: str, is_buy: bool) -> int | None:
        """See MarketRules.spread."""
        return self._rules.spread(trading_pair, is_buy)

    def opens(self, trading_pair: str) -> int:
        """See MarketRules.opens."""
        return self._rules.opens(trading_pair)


def _edge(is_buy: bool, market_price: int, spread: int) -> Decimal | None:
    # Without a market price the engine goes by the best offer itself.
    return edge_price(is_buy, market_price, spread) if market_price else None


def _text(price: int) -> str:
    return f"{price_from_chain(price).normalize():f}"
