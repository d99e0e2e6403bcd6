"""The REST API's market data: tokens, pairs, order books, trades of a pair and candles (docs/protocol.md, "REST API")."""
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from aiohttp import web

from hummingbot.connector.exchange.standard.sandbox.api_base import Problem, Route, Topic
from hummingbot.connector.exchange.standard.sandbox.api_rows import BlocksShape, Json
from hummingbot.connector.exchange.standard.sandbox.grouping import grouped, side_of_groups
from hummingbot.connector.exchange.standard.sandbox.pair_index import INTERVALS, PairIndex
from hummingbot.connector.exchange.standard.sandbox.rows import Bucket, TokenInfo

_SORTED = ("new", "top-gainer", "top-loser", "top-volume")


def _sort_key(kind: str, change: str, volume: str) -> Callable[[Json], float]:
    """What a sorted list is sorted by, the largest first."""
    if kind == "new":
        return lambda row: row["listingDate"]
    if kind == "top-volume":
        return lambda row: row[volume]
    sign = 1 if kind == "top-gainer" else -1
    return lambda row: sign * row[change]


class Tokens(Topic):
    """Token lists and single tokens."""

    def routes(self) -> Iterable[Route]:
        yield "/api/tokens/{pageSize}/{page}", self._list
        for kind in _SORTED:
            yield f"/api/tokens/{kind}/{{pageSize}}/{{page}}", partial(self._sorted, kind)
        yield "/api/token/{address}", lambda request: self._answer(self.indexer.tokens.get(self.address(request)))
        yield "/api/token/sparklines/{address}", lambda request: self._answer(self.indexer.tokens.get(self.address(request)))
        yield "/api/token/symbol/{symbol}", self._by_symbol
        yield "/api/token/{interval}/{address}/{pageSize}/{page}", self._buckets
        yield "/api/token/{interval}/{address}/{direction:before|after}/{timestamp}/{pageSize}/{page}", self._buckets

    def _known(self) -> list[TokenInfo]:
        listed = {info for pair in self.indexer.listed_pairs() for info in (pair.info.base, pair.info.quote)}
        return [info for info in self.indexer.tokens.values() if info in listed]

    def _list(self, request: web.Request) -> Any:
        return self._wrapped(self.paged("tokens", self._known(), self.page(request), self.rows.token))

    def _sorted(self, kind: str, request: web.Request) -> Any:
        rows = sorted(map(self.rows.token, self._known()),
                      key=_sort_key(kind, "dayPriceDifferencePercentage", "dayVolumeUSD"), reverse=True)
        return self._wrapped(self.paged("tokens", rows, self.page(request), lambda row: row))

    def _wrapped(self, page: Json) -> Any:
        return page if self.settings.wrapped_tokens else page["tokens"]

    def _by_symbol(self, request: web.Request) -> Any:
        symbol = request.match_info["symbol"].upper()
        return self._answer(next((info for info in self.indexer.tokens.values() if info.symbol.upper() == symbol), None))

    def _answer(self, info: TokenInfo | None) -> Any:
        if info is None:
            raise Problem(self.settings.not_found_status, {"error": "Token not found"})
        if not self.settings.wrapped_token:
            return self.rows.token(info)
        pairs = [pair for pair in self.indexer.listed_pairs() if pair.info.base == info]
        latest = {}
        for interval in INTERVALS:
            buckets = _newest_first(pairs[0], interval) if pairs else []
            latest[f"latest{interval.title()}Bucket"] = (
                self.rows.token_bucket(pairs[0], interval, buckets[0]) if buckets else None)
        return {"token": self.rows.token(info), "basePairs": [self.rows.pair(pair, True) for pair in pairs], **latest}

    def _buckets(self, request: web.Request) -> Any:
        interval, address = self.interval(request), self.address(request)
        if address not in self.indexer.tokens:
            raise Problem(self.settings.not_found_status, {"error": "Token not found"})
        pair = next((pair for pair in self.indexer.listed_pairs() if pair.info.base.address == address), None)
        buckets = _within(_newest_first(pair, interval), request, self) if pair is not None else []
        return self.paged("buckets", buckets, self.page(request),
                          lambda bucket: self.rows.token_bucket(self.found(pair), interval, bucket))


class Pairs(Topic):
    """Pair lists, single pairs, and the candles of a pair."""

    def routes(self) -> Iterable[Route]:
        yield "/api/pairs/{pageSize}/{page}", lambda request: self.paged(
            "pairs", self.indexer.listed_pairs(), self.page(request), self.rows.pair)
        for kind in _SORTED:
            yield f"/api/pairs/{kind}/{{pageSize}}/{{page}}", partial(self._sorted, kind)
        yield "/api/basePairs/{baseSymbol}", self._of_base
        yield "/api/pair/default", lambda request: self.rows.pair(self.found(next(iter(self.indexer.listed_pairs()), None)))
        yield "/api/pair/{base}/{quote}", lambda request: self.rows.pair(self.pair(request))
        yield "/api/pair/symbol/{baseSymbol}/{quoteSymbol}", self._by_symbols
        yield "/api/ohlcv/total/{base}/{quote}/{pageSize}/{page}", self._all_candles
        yield "/api/ohlcv/{interval}/{base}/{quote}/{pageSize}/{page}", self._candles
        yield "/api/ohlcv/{interval}/{base}/{quote}/{direction:before|after}/{timestamp}/{pageSize}/{page}", self._candles

    def _sorted(self, kind: str, request: web.Request) -> Any:
        pairs = self.indexer.listed_pairs()
        usd = {pair.info.book: self.indexer.usd(pair.info.quote.address) / 10 ** pair.info.quote.decimals for pair in pairs}
        now = self.indexer.head["timestamp"]

        def change(pair: PairIndex) -> float:
            before = pair.statistics(now)["open"]
            return (pair.price - before) / before if before else 0.0

        keys: dict[str, Callable[[PairIndex], float]] = {
            "new": lambda pair: pair.listed_sequence, "top-gainer": change, "top-loser": lambda pair: -change(pair),
            "top-volume": lambda pair: pair.statistics(now)["quote"] * usd[pair.info.book]}
        return self.paged("pairs", sorted(pairs, key=keys[kind], reverse=True), self.page(request), self.rows.pair)

    def _of_base(self, request: web.Request) -> Any:
        symbol = request.match_info["baseSymbol"].upper()
        pairs = [self.rows.pair(pair) for pair in self.indexer.listed_pairs() if pair.info.base.symbol.upper() == symbol]
        return {"pairs": pairs, "totalCount": len(pairs), "totalPages": 1 if pairs else 0, "pageSize": len(pairs)}

    def _by_symbols(self, request: web.Request) -> Any:
        base, quote = request.match_info["baseSymbol"], request.match_info["quoteSymbol"]
        return self.rows.pair(self.found(self.indexer.pair_by_symbols(base, quote)))

    def _candles(self, request: web.Request) -> Any:
        interval, pair = self.interval(request), self.pair(request)
        buckets = _within(_newest_first(pair, interval), request, self)
        return self.paged("buckets", buckets, self.page(request), lambda bucket: self.rows.bucket(pair, interval, bucket))

    def _all_candles(self, request: web.Request) -> Any:
        pair, page = self.pair(request), self.page(request)

        def of(interval: str) -> Json:
            return self.paged("buckets", _newest_first(pair, interval), page,
                              lambda bucket: self.rows.bucket(pair, interval, bucket))
        return {f"pair{interval.title()}Buckets": of(interval) for interval in INTERVALS}


def _newest_first(pair: PairIndex, interval: str) -> list[Bucket]:
    return sorted(pair.candles[interval].values(), key=lambda bucket: -bucket.start)


def _within(buckets: Sequence[Bucket], request: web.Request, topic: Topic) -> list[Bucket]:
    """The candles before or after the time in the path, when there is one; the candle at that time is in neither."""
    direction = request.match_info.get("direction")
    if direction is None:
        return list(buckets)
    moment = topic.integer(request, "timestamp")
    return [bucket for bucket in buckets if (bucket.start < moment if direction == "before" else bucket.start > moment)]


class Books(Topic):
    """Order books by exact price and by groups of prices. Bid amounts are in quote, ask amounts in base."""

    def routes(self) -> Iterable[Route]:
        yield "/api/orderbook/ticks/{base}/{quote}/{limit}", self._ticks
        yield "/api/orderbook/blocks/{base}/{quote}/{step}/{depth}/{isSingle}", self._blocks

    def _ticks(self, request: web.Request) -> Any:
        return self._tick_book(self.pair(request), self.integer(request, "limit"))

    def _tick_book(self, pair: PairIndex, limit: int) -> Json:
        sides: dict[bool, list[Json]] = {True: [], False: []}
        for is_bid, ticks in sides.items():
            decimals = (pair.info.quote if is_bid else pair.info.base).decimals
            for price, level in pair.levels(is_bid):
                if len(ticks) == limit:
                    break
                ticks.append({"orderbook": self.rows.address(pair.info.book), "price": self.rows.price(price),
                              "amount": self.rows.amount(level.amount, decimals), "count": level.orders})
        return {"mktPrice": self.rows.price(pair.price), "bids": sides[True], "asks": sides[False], **self._spread(pair)}

    def _spread(self, pair: PairIndex) -> Json:
        bid, ask = (next((price for price, _ in pair.levels(is_bid)), 0) for is_bid in (True, False))
        spread = ask - bid if bid and ask else 0
        return {"spread": self.rows.price(spread),
                "spreadPercentage": self.rows.number(100 * spread / pair.price if pair.price else 0.0)}

    def _blocks(self, request: web.Request) -> Any:
        pair, depth = self.pair(request), self.integer(request, "depth")
        if request.match_info["isSingle"] not in ("true", "false"):
            raise Problem(400, {"error": "Invalid isSingle"})
        try:
            step = int(Decimal(request.match_info["step"]) * 10 ** 8)
        except (InvalidOperation, ValueError, OverflowError):
            step = 0
        if step < 1:
            raise Problem(400, {"error": "Invalid step"})
        if self.settings.blocks_shape == BlocksShape.TICKS:
            return self._tick_book(pair, depth)
        bids, asks = self._side(pair, True, step, depth), self._side(pair, False, step, depth)
        book: Json = {"symbol": pair.info.symbol, "step": request.match_info["step"]}
        if self.settings.blocks_shape == BlocksShape.FLAT:
            return {**book, "mktPrice": self.rows.price(pair.price), "bids": bids["buckets"], "asks": asks["buckets"]}
        total = bids["totalQuoteLiquidity"] + asks["totalQuoteLiquidity"]
        buy = round(100 * bids["totalQuoteLiquidity"] / total, 2) if total else 0.0
        return {**book, "bids": bids, "asks": asks, "buyPercent": buy, "sellPercent": round(100 - buy, 2) if total else 0.0,
                "totalLiquidityInQuote": round(total, 6), **self._spread(pair)}

    def _side(self, pair: PairIndex, is_bid: bool, step: int, depth: int) -> Json:
        """One side in groups of prices, as far from the market price as `depth` steps."""
        return dict(side_of_groups(grouped(pair, is_bid, step, step * depth), is_bid))


class Trades(Topic):
    """Matches of a pair and of all pairs, the newest first."""

    def routes(self) -> Iterable[Route]:
        yield "/api/trades/latest", self._latest
        yield "/api/trades/all/{limit}/{page}", self._overall
        yield "/api/trades/{limit}/{page}", self._overall
        yield "/api/trades/pair/{base}/{quote}/{pageSize}/{page}", lambda request: self._of_pair(
            request, "pageSize", self.settings.trades_pair_path)
        yield "/api/trades/{base}/{quote}/{limit}/{page}", lambda request: self._of_pair(
            request, "limit", self.settings.trades_plain_path)

    def _of_pair(self, request: web.Request, size_name: str, served: bool) -> Any:
        if not served:
            raise Problem(404, {"error": "Not Found"})
        rows = list(reversed(self.pair(request).trades))
        return self.paged("trades", rows, self.page(request, size_name), self.rows.trade)

    def _overall(self, request: web.Request) -> Any:
        trades = [row for pair in self.indexer.listed_pairs() for row in pair.trades]
        trades.sort(key=lambda row: -row.sequence)
        return self.paged("trades", trades, self.page(request, "limit"), self.rows.trade)

    def _latest(self, request: web.Request) -> Any:
        newest = max((pair.trades[-1] for pair in self.indexer.listed_pairs() if pair.trades),
                     key=lambda row: row.sequence, default=None)
        if newest is None:
            raise Problem(self.settings.not_found_status, {"error": "Trade not found"})
        return self.rows.trade(newest)
