"""What a dialect asks of the REST API beside its stream: a book before there is a snapshot, and trades that were missed."""
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.feeds.base import PublicTrade
from hummingbot.connector.exchange.standard.feeds.protocols.messages import BookContent
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import parse_tick_book


class ApiBeside:
    """Books at exact prices and recent trades. All of it raises ApiUnavailableError (errors.py)."""

    def __init__(self, rest: RestClient, pace: BlockPace) -> None:
        self._rest = rest
        self._pace = pace

    @property
    def max_silence(self) -> float:
        """See MarketDialect: nothing can be told more often than there are blocks."""
        return self._pace.silence

    async def learn_pace(self) -> None:
        """See MarketDialect."""
        await self._pace.learn()

    async def prepare(self, market: Market) -> None:
        """Whatever must be known before a market can be subscribed to."""

    async def book(self, market: Market) -> BookContent:
        """The order book now."""
        book = parse_tick_book(await self._rest.order_book(market.base.address, market.quote.address))
        return BookContent(True, book.bids, book.asks, book.market_price)

    async def trades(self, market: Market) -> Sequence[PublicTrade]:
        """The latest trades, the oldest first."""
        rows = await self._rest.trades(market.base.address, market.quote.address)
        return [PublicTrade(market.trading_pair, row.key, row.is_buy, row.price, row.base_amount, row.timestamp,
                            ("", row.id) if row.id else None) for row in reversed(rows)]
