"""The sandbox's REST API: every endpoint of the real service that a trading client can use, mounted into an aiohttp app."""
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from hummingbot.connector.exchange.standard.sandbox.api_base import Handler, Problem, Route, Topic
from hummingbot.connector.exchange.standard.sandbox.api_feeds import CoinGecko, TradingView
from hummingbot.connector.exchange.standard.sandbox.api_market import Books, Pairs, Tokens, Trades
from hummingbot.connector.exchange.standard.sandbox.api_rows import ApiSettings, Json, Rows
from hummingbot.connector.exchange.standard.sandbox.indexer import Indexer
from hummingbot.connector.exchange.standard.sandbox.pair_index import bucket_start


class ExchangeInfo(NamedTuple):
    """What /api/exchange tells beside the candles: the book factory's address (the "deployer") and the network's name."""

    factory: str
    network_name: str = "Sandbox"
    bytecode: str = "0x"


class Accounts(Topic):
    """An account's open orders, histories, trades and statistics; the newest rows first."""

    def routes(self) -> Iterable[Route]:
        yield "/api/orders/{address}/{pageSize}/{page}", self._orders
        yield "/api/orderhistory/{address}/{pageSize}/{page}", self._histories
        yield "/api/tradehistory/{address}/{pageSize}/{page}", self._trades
        yield "/api/matchhistory/{base}/{quote}/{address}/{orderHistoryId}/{pageSize}/{page}", self._matches
        yield "/api/account/{address}", self._account
        yield "/api/account/trader-status/{address}", self._status
        yield "/api/account/active-traders/{pageSize}/{page}", self._active

    def _orders(self, request: web.Request) -> Any:
        rows = sorted(self.indexer.account(self.address(request)).orders.values(), key=lambda row: -row.sequence)
        return self.paged("orders", rows, self.page(request), self.rows.order)

    def _histories(self, request: web.Request) -> Any:
        rows = sorted(self.indexer.account(self.address(request)).histories.values(), key=lambda row: -row.sequence)
        key = "orderHistories" if self.settings.plural_history_keys else "orderHistory"
        return self.paged(key, rows, self.page(request), self.rows.history)

    def _trades(self, request: web.Request) -> Any:
        address = self.address(request)
        rows = list(reversed(self.indexer.account(address).trades))
        key = "tradeHistories" if self.settings.plural_history_keys else "tradeHistory"
        return self.paged(key, rows, self.page(request), lambda row: self.rows.account_trade(row[0], row[1], address))

    def _matches(self, request: web.Request) -> Any:
        pair, address, history = self.pair(request), self.address(request), self.integer(request, "orderHistoryId")
        rows = [row for _, row in reversed(self.indexer.account(address).trades)
                if row.taker == address and row.book == pair.info.book and row.history_id == history]
        return self.paged("matchHistories", list(dict.fromkeys(rows)), self.page(request), self.rows.trade)

    def _volume(self, address: str) -> float:
        """What an account has traded, in dollars of now."""
        volumes = self.indexer.account(address).stats["all"].quote_volume
        quotes = ((self.indexer.pairs[book].info.quote, units) for book, units in volumes)
        return sum((units / float(10 ** quote.decimals) * self.indexer.usd(quote.address) for quote, units in quotes), 0.0)

    def _ranking(self) -> list[tuple[str, float]]:
        volumes = [(address, self._volume(address)) for address in self.indexer.accounts]
        return sorted([item for item in volumes if item[1] > 0], key=lambda item: -item[1])

    def _symbols(self, address: str) -> list[str]:
        return [self.indexer.pairs[book].info.symbol for book, _ in self.indexer.account(address).stats["all"].quote_volume]

    def _account(self, request: web.Request) -> Any:
        address = self.address(request)
        account = self.indexer.account(address)
        stats = account.stats["all"]
        locked = 0.0
        for row in account.orders.values():
            info = self.indexer.pairs[row.book].info
            asset = info.quote if row.is_bid else info.base
            locked += row.placed / 10 ** asset.decimals * self.indexer.usd(asset.address)
        return {"id": self.rows.address(address), "tvlUSD": self.rows.number(locked), "lastTraded": stats.last_traded,
                "totalOrders": len(account.orders), "totalOrderHistory": stats.histories, "totalTradeHistory": stats.trades,
                "totalVolumeUSD": self.rows.number(self._volume(address)), "totalCreatedTokens": 0,
                "tradedPairs": self._symbols(address)}

    def _status(self, request: web.Request) -> Any:
        address, ranking = self.address(request), self._ranking()
        rank = next((at for at, (account, _) in enumerate(ranking, 1) if account == address), 0)
        volume, total = self._volume(address), sum(volume for _, volume in ranking)
        return {"totalVolumeUSD": self.rows.number(volume), "rank": rank,
                "percentile": self.rows.number(100 * rank / len(ranking)) if ranking else 0.0,
                "volumeRatio": self.rows.number(100 * volume / total) if total else 0.0}

    def _active(self, request: web.Request) -> Any:
        ranking = self._ranking()
        total = sum(volume for _, volume in ranking)
        rows = [{"address": self.rows.address(address), "tradedPairs": self._symbols(address), "rank": rank,
                 "totalVolumeUSD": self.rows.number(volume), "volumeRatio": self.rows.number(100 * volume / total)}
                for rank, (address, volume) in enumerate(ranking, 1)]
        return self.paged("accounts", rows, self.page(request), lambda row: row)


class Exchange(Topic):
    """The exchange as a whole."""

    def __init__(self, indexer: Indexer, rows: Rows, settings: ApiSettings, info: ExchangeInfo,
                 connected_clients: Callable[[], int]) -> None:
        super().__init__(indexer, rows, settings)
        self._info = info
        self._connected_clients = connected_clients

    def routes(self) -> Iterable[Route]:
        yield "/api/exchange", self._exchange
        yield "/api/exchange/status/{interval}/{pageSize}/{page}", self._buckets
        yield "/api/exchange/status/{interval}/{direction:before|after}/{timestamp}/{pageSize}/{page}", self._buckets
        yield "/api/websocket/saturated", lambda request: {"saturated": False,
                                                           "totalConnectedClients": self._connected_clients()}

    def _starts(self, interval: str) -> list[int]:
        return sorted({start for pair in self.indexer.pairs.values() for start in pair.candles[interval]}, reverse=True)

    def _exchange(self, request: web.Request) -> Any:
        totals = {f"total{interval.title()}Buckets": len(self._starts(interval)) for interval in ("day", "week", "month")}
        return {"id": "standard-exchange", "bytecode": self._info.bytecode, "deployer": self.rows.address(self._info.factory),
                "networkName": self._info.network_name, **totals}

    def _buckets(self, request: web.Request) -> Any:
        interval = request.match_info["interval"]
        if interval not in ("day", "week", "month"):
            raise Problem(400, {"error": "Invalid interval"})
        starts = self._starts(interval)
        direction = request.match_info.get("direction")
        if direction is not None:
            moment = self.integer(request, "timestamp")
            starts = [start for start in starts if (start < moment if direction == "before" else start > moment)]
        order = {start: index for index, start in enumerate(reversed(self._starts(interval)), 1)}
        return self.paged("buckets", starts, self.page(request), lambda start: self._bucket(interval, start, order[start]))

    def _bucket(self, interval: str, start: int, index: int) -> Json:
        volume = locked = 0.0
        trades = 0
        for pair in self.indexer.pairs.values():
            trades += sum(bucket.trades for bucket in pair.candles[interval].values() if bucket.start <= start)
            bucket = pair.candles[interval].get(start)
            if bucket is not None:
                row = self.rows.bucket(pair, interval, bucket)
                volume += row["quoteVolumeUSD"]
                locked += row["baseTvlUSD"] + row["quoteTvlUSD"]
        return {"id": f"standard-exchange-{interval}", "index": index, "protocolId": "standard-exchange",
                "networkName": self._info.network_name, "totalVolume": self.rows.number(volume),
                "tvl": self.rows.number(locked), "totalGlobalTrades": trades, "totalGlobalPairs": len(self.indexer.pairs),
                "totalGlobalTraders": len(self.indexer.accounts), "timestamp": bucket_start(interval, start)}


class Api:
    """All topics together. Settings may be changed while it runs."""

    def __init__(self, indexer: Indexer, settings: ApiSettings, info: ExchangeInfo,
                 connected_clients: Callable[[], int] = lambda: 0) -> None:
        rows = Rows(indexer, settings)
        self._indexer = indexer
        self._topics: Sequence[Topic] = (
            Tokens(indexer, rows, settings), Pairs(indexer, rows, settings), Books(indexer, rows, settings),
            Trades(indexer, rows, settings), Accounts(indexer, rows, settings), TradingView(indexer, rows, settings),
            CoinGecko(indexer, rows, settings), Exchange(indexer, rows, settings, info, connected_clients))

    def routes(self) -> Iterable[Route]:
        """All path patterns and what answers them."""
        for topic in self._topics:
            yield from topic.routes()

    def mount(self, app: web.Application) -> None:
        """Add the API's routes to an app."""
        for path, handler in self.routes():
            app.router.add_get(path, self._answering(handler))

    def _answering(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            self._indexer.advance()
            try:
                status, body = 200, handler(request)
            except Problem as problem:
                status, body = problem.status, problem.body
            return web.Response(text=json.dumps(body), status=status, content_type="application/json")
        return answer
