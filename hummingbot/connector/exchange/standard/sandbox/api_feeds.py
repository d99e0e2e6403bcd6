"""The REST API's feeds in other services' formats: TradingView's and CoinGecko's (docs/protocol.md, "REST API")."""
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web

from hummingbot.connector.exchange.standard.sandbox.api_base import Problem, Route, Topic
from hummingbot.connector.exchange.standard.sandbox.api_rows import Json
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex

_MINUTES = ("1", "2", "5", "15", "30", "60", "120", "240", "360", "720")
RESOLUTIONS = [*_MINUTES, "D", "1D", "W", "1W", "M", "1M"]


class TradingView(Topic):
    """The feed of TradingView's charts: times in seconds, symbols as BASE/QUOTE."""

    def routes(self) -> Iterable[Route]:
        yield "/api/tradingview/config", lambda request: {
            "supported_resolutions": RESOLUTIONS, "supports_group_request": False, "supports_marks": False,
            "supports_search": True, "supports_timescale_marks": False}
        yield "/api/tradingview/history", self._history
        yield "/api/tradingview/symbols", lambda request: self._symbol(self._pair(request))
        yield "/api/tradingview/search", self._search
        yield "/api/tradingview/groups", lambda request: {"s": "ok", "d": {"groups": [{"id": "stnd_network"}]}}

    def _pair(self, request: web.Request) -> PairIndex:
        symbol = request.query.get("symbol", "")
        base, _, quote = symbol.removeprefix("spot.").partition("/")
        pair = self.indexer.pair_by_symbols(base, quote) if quote else next(
            (pair for pair in self.indexer.listed_pairs() if pair.info.base.symbol.upper() == base.upper()), None)
        if pair is None:
            raise Problem(422, {"s": "error", "errmsg": f"unknown symbol {symbol}"})
        return pair

    def _history(self, request: web.Request) -> Any:
        pair, resolution = self._pair(request), request.query.get("resolution", "")
        times = [request.query.get(name, "") for name in ("from", "to")]
        if resolution not in RESOLUTIONS or not all(text.isdecimal() for text in times):
            raise Problem(422, {"s": "error", "errmsg": "resolution, from and to are needed"})
        since, until = map(int, times)
        bars: dict[int, list[float]] = {}
        interval, width = self._source(resolution)
        for bucket in sorted(pair.candles[interval].values()):
            start = bucket.start - bucket.start % width if width else bucket.start
            if not since <= start <= until:
                continue
            volume = bucket.base_volume / 10 ** pair.info.base.decimals
            bar = bars.setdefault(start, [bucket.open, bucket.high, bucket.low, bucket.close, 0.0])
            bar[1:] = [max(bar[1], bucket.high), min(bar[2], bucket.low), bucket.close, bar[4] + volume]
        columns = {name: [self.rows.number(bar[at] / 1e8) for bar in bars.values()] for at, name in enumerate("ohlc")}
        return {"s": "ok", "t": list(bars), **columns, "v": [self.rows.number(bar[4]) for bar in bars.values()]}

    def _source(self, resolution: str) -> tuple[str, int]:
        """The stored interval that a resolution is made of, and its width in seconds when several candles make one."""
        if resolution in _MINUTES:
            minutes = int(resolution)
            return ("hour" if minutes >= 60 else "min"), minutes * 60
        return {"D": "day", "W": "week", "M": "month"}[resolution[-1]], 0

    def _symbol(self, pair: PairIndex) -> Json:
        info = pair.info
        return {"name": info.symbol, "description": f"{info.base.name} / {info.quote.name}", "session": "24x7",
                "ticker": info.symbol, "has_intraday": True, "has_daily": True, "has_weekly_and_monthly": True,
                "intraday_multipliers": list(_MINUTES), "daily_multipliers": ["1"], "weekly_multipliers": ["1"],
                "monthly_multipliers": ["1"], "timezone": "Etc/UTC", "minmov": 1, "pricescale": 100_000_000,
                "supported_resolutions": RESOLUTIONS, "exchange": "Standard"}

    def _search(self, request: web.Request) -> Any:
        query, limit = request.query.get("query", "").upper(), request.query.get("limit", "30")
        if not limit.isdecimal():
            raise Problem(422, {"s": "error", "errmsg": "limit is not a number"})
        found = [pair.info for pair in self.indexer.listed_pairs() if query in pair.info.symbol.upper()]
        return [{"description": f"{info.base.name} / {info.quote.name}", "exchange": "Standard", "full_name": info.symbol,
                 "symbol": info.symbol, "ticker": info.symbol, "type": "spot"} for info in found[:int(limit)]]


class CoinGecko(Topic):
    """The feed of CoinGecko: all numbers are strings, times in milliseconds, book sizes in base."""

    def routes(self) -> Iterable[Route]:
        yield "/api/tickers", lambda request: [self._ticker(pair) for pair in self.indexer.listed_pairs()]
        yield "/api/orderbook", self._book
        yield "/api/historical_trades", self._trades

    def _id(self, pair: PairIndex) -> str:
        return f"{self.rows.address(pair.info.base.address)}_{self.rows.address(pair.info.quote.address)}"

    def _pair(self, request: web.Request) -> PairIndex:
        base, _, quote = request.query.get("ticker_id", "").partition("_")
        if base.startswith("0x"):
            return self.found(self.indexer.pair_of(base.lower(), quote.lower()))
        return self.found(self.indexer.pair_by_symbols(base, quote))

    def _number(self, request: web.Request, name: str, default: int) -> int:
        text = request.query.get(name, str(default))
        if not text.isdecimal():
            raise Problem(400, {"error": f"Invalid {name}"})
        return int(text)

    def _price(self, price: int) -> str:
        return f"{Decimal(price) / 10 ** 8:f}"

    def _ticker(self, pair: PairIndex) -> Json:
        info, day = pair.info, pair.statistics(self.indexer.head["timestamp"])
        liquidity = (pair.base_liquidity / 10 ** info.base.decimals * self.indexer.usd(info.base.address)
                     + pair.quote_liquidity / 10 ** info.quote.decimals * self.indexer.usd(info.quote.address))
        bid, ask = (next((price for price, _ in pair.levels(is_bid)), 0) for is_bid in (True, False))
        return {"ticker_id": self._id(pair), "base_currency": self.rows.address(info.base.address),
                "target_currency": self.rows.address(info.quote.address), "pool_id": self.rows.address(info.book),
                "last_price": self._price(pair.price), "base_volume": str(info.market.base.from_units(day["base"])),
                "target_volume": str(info.market.quote.from_units(day["quote"])), "liquidity_in_usd": f"{liquidity:.2f}",
                "bid": self._price(bid), "ask": self._price(ask), "high": self._price(day["high"]),
                "low": self._price(day["low"])}

    def _book(self, request: web.Request) -> Any:
        pair, depth = self._pair(request), self._number(request, "depth", 100)
        market = pair.info.market
        sides: dict[bool, list[list[str]]] = {True: [], False: []}
        for is_bid, levels in sides.items():
            for price, level in pair.levels(is_bid):
                if len(levels) == depth:
                    break
                units = market.quote_to_base(price, level.amount) if is_bid else level.amount
                levels.append([self._price(price), f"{market.base.from_units(units):f}"])
        return {"ticker_id": self._id(pair), "timestamp": self.indexer.head["timestamp"] * 1000, "bids": sides[True],
                "asks": sides[False]}

    def _trades(self, request: web.Request) -> Any:
        pair, kind = self._pair(request), request.query.get("type")
        since, until = self._number(request, "start_time", 0), self._number(request, "end_time", 10 ** 15)
        if kind not in (None, "buy", "sell"):
            raise Problem(400, {"error": "Invalid type"})
        market = pair.info.market
        found = [row for row in reversed(pair.trades) if since <= row.timestamp * 1000 <= until
                 and kind in (None, "buy" if row.is_bid else "sell")]
        return [{"trade_id": row.trade_id, "price": self._price(row.price),
                 "base_volume": f"{market.base.from_units(row.base_amount):f}",
                 "target_volume": f"{market.quote.from_units(row.quote_amount):f}",
                 "trade_timestamp": row.timestamp * 1000, "type": "buy" if row.is_bid else "sell"}
                for row in found[:self._number(request, "limit", 100) or None]]
