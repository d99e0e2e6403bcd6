"""The dialect that Standard documents: `spot.…` topics of array frames, or of numbered objects that hold such frames
(docs/protocol.md, "WebSocket").

A frame is told by its name and its length, since layouts differ. Books are grouped by a price step and kept as they come.
Numbers are rounded, so an account's frames are taken as hints only.
"""
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import is_address, to_checksum
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError
from hummingbot.connector.exchange.standard.feeds.base import Levels, PublicTrade
from hummingbot.connector.exchange.standard.feeds.protocols.api import ApiBeside
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    Answered,
    Body,
    BookContent,
    Hint,
    Incoming,
    Ping,
    Refused,
    Told,
    TradesContent,
)
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import parse_json, parse_tick_book, trade_key

# How many steps around the market price the API is asked for: with the finest step of a pair at least a tenth of it.
DEPTH = 10_000
# A group passes for a level where it is no wider than this part of the price: what is at its edge is off by no more.
COARSEST = Decimal("0.0001")
_NOTHING = 1e-7
_LEAST = 1e-6  # no order of less is in a group

_TRADE, _BLOCK, _FILLS = "spotTrade", "spotOrderBlock", "spotFillSummary"
# Where the public fields of a trade stand: order id, book, taker's side, price, base amount, timestamp, transaction.
_TRADE_LAYOUTS: Mapping[int, tuple[int, ...]] = {21: (1, 6, 8, 9, 15, 17, 20), 29: (2, 9, 11, 12, 18, 22, 27)}
_BLOCK_LAYOUTS = (7, 8)
# Where the account stands in what is told of one, by name and length.
_ACCOUNT_LAYOUTS: Mapping[str, Mapping[int, int]] = {
    _TRADE: {21: 10, 29: 13},
    "spotOrder": {17: 15, 23: 20, 25: 20},
    "spotOrderMatched": {27: 24, 29: 24},
    "deleteSpotOrder": {6: 3, 9: 3},
    "deleteSpotOrderHistory": {9: 3},
    "spotOrderHistory": {17: 15, 24: 20},
    "spotOrderCloseSummary": {7: 3},
}
# Named by the later product, of a shape that nobody has written down: something happened.
_ACCOUNT_SUMMARIES = (_FILLS, "spotAccountActivity")
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError)


class SpotStreamsDialect(ApiBeside):
    """Books and trades of one market, on a connection of their own: the frames of a book do not say whose they are."""

    is_shared = False
    has_snapshots = False
    tells_blocks = False
    ping: Body | None = None

    def __init__(self, rest: RestClient, pace: BlockPace, market: Market) -> None:
        super().__init__(rest, pace)
        self._book_address = market.book
        self._trading_pair = market.trading_pair
        self._symbol = ""
        self._step = ""
        self._digits = 0

    async def prepare(self, market: Market) -> None:
        """See MarketDialect.prepare: the exchange's own name of the market, which need not be ours, and the finest step that
        it groups books by at the market price. Raises ApiUnavailableError where that is too coarse for a book to trade by, or
        the API does not group the book by it, or another market has the same name."""
        names = {row.book: f"{row.base.symbol}/{row.quote.symbol}" for row in await self._rest.pairs()}
        self._symbol = names.pop(market.book, "")
        if not self._symbol:
            raise ApiUnavailableError(f"the API does not list {market.trading_pair}")
        if self._symbol.upper() in map(str.upper, names.values()):
            raise ApiUnavailableError(f"the exchange calls several markets {self._symbol}: its stream does not tell them apart")
        best = parse_tick_book(await self._rest.order_book(market.base.address, market.quote.address, 1))
        price = best.market_price
        if price is None:
            raise BadDataError("the API does not tell the market price, from which the step of its books follows")
        exponent = finest_step(price)
        if Decimal(10) ** exponent > Decimal(str(price)) * COARSEST:
            raise ApiUnavailableError(f"the stream groups the prices of {market.trading_pair} too coarsely: by 1e{exponent} at "
                                      f"{price:g}")
        self._step = f"{10.0 ** exponent:.{max(-exponent, 0)}f}"
        self._digits = -exponent
        if any(abs(level - price) < float(self._step) * DEPTH and min(amount, level * amount) > _LEAST
               for level, amount in (*best.bids, *best.asks)):
            groups = await self.book(market)
            if not groups.bids and not groups.asks:  # which is what the API answers to a step that it does not have
                raise ApiUnavailableError(f"the API groups no book of {market.trading_pair} by {self._step}")

    def subscriptions(self, market: Market) -> Mapping[str, Body]:
        """See MarketDialect.subscriptions."""
        return {f"orderbook:{market.book}": {"method": "spot.orderbook.subscribe.pairs", "params": self._books()},
                f"trades:{market.book}": {"method": "spot.trades.subscribe.pairs", "params": {"pairs": [self._symbol]}}}

    def unsubscriptions(self, market: Market) -> Sequence[Body]:
        """See MarketDialect.unsubscriptions."""
        return [{"method": "spot.orderbook.unsubscribe.pairs", "params": self._books()},
                {"method": "spot.trades.unsubscribe.pairs", "params": {"pairs": [self._symbol]}}]

    def _books(self) -> Body:
        return {"books": [{"pair": self._symbol, "step": self._step}]}

    async def book(self, market: Market) -> BookContent:
        """See MarketDialect.book."""
        path = CONSTANTS.ORDER_BOOK_BLOCKS_PATH.format(
            base=to_checksum(market.base.address), quote=to_checksum(market.quote.address), step=self._step, depth=DEPTH,
            is_single="false")
        answer = parse_json(await self._rest.get(path))
        try:
            return self._whole(answer)
        except _MALFORMED as error:
            raise BadDataError(f"the grouped order book is malformed: {error!r}") from error

    def decode(self, data: Any) -> Sequence[Incoming]:
        """See MarketDialect.decode."""
        return _decoded(data, self._news)

    def _news(self, data: Any) -> Sequence[Incoming]:
        previous, sequence, content = _opened(data)
        if isinstance(content, dict):
            return [Told(f"orderbook:{self._book_address}", None, sequence, self._whole(content))]
        bids: list[tuple[float, float]] = []
        asks: list[tuple[float, float]] = []
        trades: list[PublicTrade] = []
        news: list[Incoming] = []
        is_hint = False
        for frame in content:
            name = _name(frame)
            if name == _BLOCK:
                is_bid, level = self._level(frame)
                (bids if is_bid else asks).append(level)
            elif name == _TRADE:
                trade = self._trade(frame)
                if trade is not None:
                    trades.append(trade)
            elif name == _FILLS:
                is_hint = True
        if is_hint:  # trades beside it carry the numbers, which are told once
            numbers = (None, None) if trades else (previous, sequence)
            news.append(Told(f"trades:{self._book_address}", *numbers, Hint()))
        if bids or asks:
            news.append(Told(f"orderbook:{self._book_address}", previous, sequence, BookContent(False, bids, asks, None)))
        if trades:
            # Dust may pay for nothing, which is no trade.
            news.append(Told(f"trades:{self._book_address}", previous, sequence,
                             TradesContent(False, [trade for trade in trades if trade.amount], trades[-1].timestamp)))
        return news

    def _level(self, frame: Sequence[Any]) -> tuple[bool, tuple[float, float]]:
        if len(frame) not in _BLOCK_LAYOUTS:
            raise ValueError(f"{_BLOCK} of length {len(frame)}")
        base, quote = _amount(frame[3]), _amount(frame[4])
        is_gone = base < _NOTHING and quote < _NOTHING
        return _flag(frame[1]), (self._price(frame[2]), 0.0 if is_gone else base)

    def _trade(self, frame: Sequence[Any]) -> PublicTrade | None:
        """A trade, perhaps of nothing; None for one of another book."""
        order_id, book, is_buy, price, base, timestamp, transaction = (frame[at] for at in _TRADE_LAYOUTS[len(frame)])
        if _address(book) != self._book_address:
            return None
        amount, side = _amount(base), _flag(is_buy)
        if isinstance(order_id, bool) or not isinstance(order_id, int) or not isinstance(transaction, str):
            raise ValueError("a trade without an order or a transaction")
        return PublicTrade(self._trading_pair, trade_key(transaction, order_id, side), side, _positive(price), amount,
                           _amount(timestamp))

    def _whole(self, answer: Any) -> BookContent:
        return BookContent(True, self._side(answer["bids"]), self._side(answer["asks"]), None)

    def _side(self, side: Any) -> Levels:
        """The groups of one side, which come with or without totals around them; empty ones are left out."""
        rows = side["buckets"] if isinstance(side, dict) else side
        if not isinstance(rows, list):
            raise TypeError("no list of price groups")
        return [(self._price(row["price"]), _amount(row["baseLiquidity"])) for row in rows
                if _amount(row["baseLiquidity"]) >= _NOTHING or _amount(row["quoteLiquidity"]) >= _NOTHING]

    def _price(self, value: Any) -> float:
        """A group's price; rounded as it may come, there is one number for each step."""
        price = round(_positive(value), self._digits)
        if price <= 0:
            raise ValueError(f"{value!r} is less than a step")
        return price


class SpotAccountDialect:
    """What is told of one account. All of it is a hint: look at the chain now."""

    def __init__(self, account: str) -> None:
        """`account` is lower case."""
        self._account = account

    def subscriptions(self) -> Sequence[Body]:
        """The requests, by the documented topics and by the later one that holds them all; a server knows some of them."""
        params = {"addresses": [to_checksum(self._account)]}
        return [{"method": method, "params": params} for method in (
            "spot.orders.subscribe.accounts", "spot.orderhistories.subscribe.accounts", "spot.accounts.subscribe.addresses")]

    def decode(self, data: Any) -> Sequence[Incoming]:
        """What a frame says; raises BadDataError, and nothing else, for what is malformed."""
        return _decoded(data, self._news)

    def _news(self, data: Any) -> Sequence[Incoming]:
        _, _, content = _opened(data)
        if not isinstance(content, list):
            return []
        return [Told("account", None, None, Hint()) for frame in content if self._concerns(frame)]

    def _concerns(self, frame: Any) -> bool:
        name = _name(frame)
        if name in _ACCOUNT_SUMMARIES:
            return True
        layouts = _ACCOUNT_LAYOUTS.get(name)
        if layouts is None:
            return False
        at = layouts.get(len(frame))  # one of a new length may be about this account
        return at is None or _address(frame[at]) == self._account


def finest_step(price: float) -> int:
    """The exponent of the finest power of ten by which the API groups a book (docs/protocol.md, "REST API")."""
    return max(math.floor(math.log10(price)) - 4, -6)


def _decoded(data: Any, news: Callable[[Any], Sequence[Incoming]]) -> Sequence[Incoming]:
    """What a frame says; `news` reads those that are no answers. Raises BadDataError for what is malformed."""
    try:
        return _answer(data) if isinstance(data, dict) and "d" not in data else news(data)
    except _MALFORMED as error:
        raise BadDataError(f"a malformed message of the stream ({error!r}): {str(data)[:80]}") from error


def _answer(data: Mapping[str, Any]) -> Sequence[Incoming]:
    """What is no news: heartbeats and answers to requests."""
    if "method" in data:
        return [Ping({"method": CONSTANTS.WS_PONG_METHOD})] if data["method"] == CONSTANTS.WS_PING_METHOD else []
    number = data.get("id")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
        raise ValueError("an answer without a number")
    if "code" in data:
        return [Refused(number, int(_amount(data["code"])), str(data.get("msg"))[:200])]
    if "result" in data and number is not None:
        return [Answered(number)]
    raise ValueError("neither news nor an answer")


def _opened(data: Any) -> tuple[int | None, int | None, Any]:
    """The numbers of a message, where it has any, and what it holds: frames, or a whole book."""
    if isinstance(data, list):
        return None, None, [data]
    previous, sequence, content = data.get("ps"), data["s"], data["d"]
    if not isinstance(content, (list, dict)):
        raise TypeError("neither frames nor a book")
    if isinstance(content, list) and content and isinstance(content[0], str):
        content = [content]
    return _optional_count(previous), _optional_count(sequence), content


def _optional_count(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"{str(value)[:80]!r} is not a sequence number")
    return value


def _name(frame: Any) -> str:
    if not isinstance(frame, list) or not frame or not isinstance(frame[0], str):
        raise TypeError("no frame")
    return frame[0]


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{str(value)[:80]!r} is not a number")
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{number!r} is not an amount")
    return number


def _positive(value: Any) -> float:
    number = _amount(value)
    if not number:
        raise ValueError("zero")
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{str(value)[:80]!r} is not true or false")
    return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise ValueError(f"{str(value)[:80]!r} is not an address")
    return value.lower()
