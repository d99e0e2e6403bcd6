"""What Hummingbot's order books offer, in chain units, and the engine's market price, as they are known now."""
from collections.abc import Callable, Mapping
from decimal import Decimal

from hummingbot.connector.exchange.standard.markets import Market, price_from_chain, price_to_chain
from hummingbot.connector.exchange.standard.orders.sizing import Level, edge_price
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import StandardAPIOrderBookDataSource
from hummingbot.connector.exchange.standard.standard_constants import DENOMINATOR
from hummingbot.connector.exchange.standard.trading_rules import MarketRules
from hummingbot.core.data_type.order_book import OrderBook


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

    def tells_market_price(self, trading_pair: str) -> bool:
        """Whether the order book has brought the engine's market price with it."""
        return self._data_source.market_price(trading_pair) is not None

    def market_price(self, trading_pair: str) -> int:
        """The engine's market price x 1e8: the book's, or that of the rules of the pair, which must be known."""
        seen = self._data_source.market_price(trading_pair)
        return self._rules.facts[trading_pair].market_price if seen is None else price_to_chain(Decimal(str(seen)))

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
