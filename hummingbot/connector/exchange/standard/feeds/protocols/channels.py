"""The dialect `channels`: exact integers, numbered messages, and logins for an account's own (docs/stream_protocol.md)."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import is_address
from hummingbot.connector.exchange.standard.chain.engine import EngineEvent, OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import BadDataError
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, Levels
from hummingbot.connector.exchange.standard.feeds.protocols.api import ApiBeside
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    Answered,
    BalancesContent,
    BlockReached,
    Body,
    BookContent,
    Content,
    Incoming,
    LogsContent,
    Ping,
    Refused,
    Told,
    TradesContent,
)
from hummingbot.connector.exchange.standard.markets import DENOMINATOR, Market
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import TradeRow, trade_key

_PUBLIC = (CONSTANTS.ORDERBOOK_CHANNEL, CONSTANTS.TRADES_CHANNEL)
_PRIVATE = (CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILLS_CHANNEL, CONSTANTS.BALANCES_CHANNEL)
_CHANNEL_OF_TYPE = {
    CONSTANTS.DIFF_EVENT_TYPE: CONSTANTS.ORDERBOOK_CHANNEL, CONSTANTS.TRADE_EVENT_TYPE: CONSTANTS.TRADES_CHANNEL,
    CONSTANTS.ORDER_EVENT_TYPE: CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILL_EVENT_TYPE: CONSTANTS.FILLS_CHANNEL,
    CONSTANTS.BALANCE_EVENT_TYPE: CONSTANTS.BALANCES_CHANNEL}
_SIDES = {"buy": True, "sell": False}
_MOST_DIGITS = 78
_HASH_LENGTH = 66


class ChannelsDialect(ApiBeside):
    """Encodes requests and decodes messages; `market` gives the market of a book address, or None for an unknown one."""

    is_shared = True
    has_snapshots = True
    tells_blocks = True
    max_silence = 2.0
    ping: Body | None = {"method": CONSTANTS.WS_PING_METHOD}

    def __init__(self, rest: RestClient, market: Callable[[str], Market | None]) -> None:
        super().__init__(rest)
        self._market = market

    # Requests

    def subscriptions(self, market: Market) -> Mapping[str, Body]:
        """See MarketDialect.subscriptions."""
        return {f"{channel}:{market.book}": _request(CONSTANTS.WS_SUBSCRIBE_METHOD, channel, {"pairs": [market.book]})
                for channel in _PUBLIC}

    def unsubscriptions(self, market: Market) -> Sequence[Body]:
        """See MarketDialect.unsubscriptions."""
        return [_request(CONSTANTS.WS_UNSUBSCRIBE_METHOD, channel, {"pairs": [market.book]}) for channel in _PUBLIC]

    def account_subscription(self, channel: str, login: Mapping[str, Any], from_block: int | None) -> Body:
        """The request for one of an account's streams; what happened since `from_block` is told first."""
        replay = {} if from_block is None or channel == CONSTANTS.BALANCES_CHANNEL else {"from_block": from_block}
        return _request(CONSTANTS.WS_SUBSCRIBE_METHOD, channel, {**login, **replay})

    # Messages

    def decode(self, data: Any) -> Sequence[Incoming]:
        """See MarketDialect.decode. News of an unknown book are left out."""
        try:
            return self._decode(data)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadDataError(f"a malformed message of the stream ({error!r}): {str(data)[:80]}") from error

    def _decode(self, data: Any) -> Sequence[Incoming]:
        if not isinstance(data, dict):
            raise ValueError("not an object")
        kind = data.get("type")
        if kind == CONSTANTS.BLOCK_EVENT_TYPE:
            sequences = data["sequences"].items()
            return [BlockReached(_count(data["number"]), {_stream_name(name): _count(number) for name, number in sequences})]
        if kind is not None:
            return self._told(kind, data)
        if "method" in data:
            return [Ping({"method": CONSTANTS.WS_PONG_METHOD})] if data["method"] == CONSTANTS.WS_PING_METHOD else []
        if "error" in data:
            number = None if data["id"] is None else _count(data["id"])
            return [Refused(number, _count(data["error"]["code"]), str(data["error"]["message"])[:200])]
        if "result" in data:
            return [Answered(_count(data["id"]))]
        raise ValueError("neither news nor an answer")

    def _told(self, kind: str, data: Mapping[str, Any]) -> Sequence[Incoming]:
        is_whole = kind == CONSTANTS.SNAPSHOT_EVENT_TYPE
        channel = data["channel"]
        if not is_whole and _CHANNEL_OF_TYPE.get(kind) != channel:
            if kind not in _CHANNEL_OF_TYPE:
                return []  # a kind of news that came up later
            raise ValueError(f"{kind} is not told on {channel}")
        sequence, previous = _count(data["sequence"]), None if is_whole else _count(data["previous"])
        if channel in _PUBLIC:
            market = self._market(_address(data["pair"]))
            if market is None:
                return []
            content = _book(market, data, is_whole) if channel == CONSTANTS.ORDERBOOK_CHANNEL else _trades(market, data, is_whole)
            return [Told(f"{channel}:{market.book}", previous, sequence, content)]
        if channel not in _PRIVATE:
            raise ValueError(f"no channel {channel}")
        content = _balances(data, is_whole) if channel == CONSTANTS.BALANCES_CHANNEL else _logs(channel, data, is_whole)
        return [Told(channel, previous, sequence, content)]


def _request(method: str, channel: str, params: Mapping[str, Any]) -> Body:
    return {"method": method, "params": {"channel": channel, **params}}


def _stream_name(name: str) -> str:
    return name.lower()


def _book(market: Market, data: Mapping[str, Any], is_whole: bool) -> Content:
    base, quote = 10 ** market.base.decimals, 10 ** market.quote.decimals
    price = data.get("market_price")
    return BookContent(is_whole, _bids(data["bids"], quote), _asks(data["asks"], base),
                       None if price is None else _units(price) / DENOMINATOR)


def _bids(rows: Any, unit: int) -> Levels:
    """Bid levels come in quote units and leave in base."""
    levels = []
    for price_text, amount in rows:
        price = _price(price_text)
        levels.append((price, _units(amount) / unit / price))
    return levels


def _asks(rows: Any, unit: int) -> Levels:
    return [(_price(price), _units(amount) / unit) for price, amount in rows]


def _trades(market: Market, data: Mapping[str, Any], is_whole: bool) -> Content:
    rows = data["trades"] if is_whole else [data]
    trades = [_trade(market, row) for row in rows if not row.get("removed")]
    return TradesContent(is_whole, trades, float(_count(data["timestamp"])))


def _trade(market: Market, row: Mapping[str, Any]) -> TradeRow:
    base_amount, is_buy = _units(row["base_amount"]) / 10 ** market.base.decimals, _SIDES[row["side"]]
    if not base_amount:
        raise ValueError("a trade of nothing")
    return TradeRow(trade_key(_hash(row["transaction"]), str(_count(row["order_id"])), is_buy, base_amount), is_buy,
                    _price(row["price"]), base_amount, float(_count(row["timestamp"])))


def _logs(channel: str, data: Mapping[str, Any], is_whole: bool) -> Content:
    rows = data[channel] if is_whole else [data]
    decode = _fill if channel == CONSTANTS.FILLS_CHANNEL else _order
    logs = [EngineLog(decode(row), _hash(row["transaction"]), _count(row["block"]), _count(row["log_index"]),
                      _flag(row.get("removed", False)), _hash(row["block_hash"])) for row in rows]
    block = _count(data["block"])
    return LogsContent(is_whole, logs, _count(data["from_block"]) if is_whole else block, block)


def _fill(row: Mapping[str, Any]) -> EngineEvent:
    return OrderMatched(_address(row["pair"]), _count(row["order_history_id"]), _count(row["order_id"]), _SIDES[row["side"]],
                        _units(row["price"]), _units(row["total"]), _flag(row["clear"]), _address(row["taker"]),
                        _address(row["maker"]), *(_units(row[name]) for name in (
                            "base_amount", "quote_amount", "base_fee", "quote_fee", "trade_id")))


def _order(row: Mapping[str, Any]) -> EngineEvent:
    pair, number, is_bid, account = _address(row["pair"]), _count(row["order_id"]), _SIDES[row["side"]], _address(row["account"])
    if row["status"] == "canceled":
        return OrderCanceled(pair, number, is_bid, account, _units(row["amount"]))
    if row["status"] != "open":
        raise ValueError(f"no status {row['status']!r}")
    return OrderPlaced(pair, _count(row["order_history_id"]), number, account, is_bid, _units(row["price"]),
                       _units(row["deposit"]), _units(row["amount"]))


def _balances(data: Mapping[str, Any], is_whole: bool) -> Content:
    rows = data["balances"] if is_whole else [data]
    block = _count(data["block"])
    return BalancesContent(is_whole, [BalanceChange(_address(row["token"]), _units(row["amount"]), block) for row in rows])


def _units(value: Any) -> int:
    """An exact integer of the chain, which is a text of digits."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > _MOST_DIGITS:
        raise ValueError(f"{str(value)[:80]!r} is not a whole number in a text")
    return int(value)


def _price(value: Any) -> float:
    price = _units(value) / DENOMINATOR
    if price <= 0:
        raise ValueError("a price of zero")
    return price


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{str(value)[:80]!r} is not a whole number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise ValueError(f"{str(value)[:80]!r} is not an address")
    return value.lower()


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != _HASH_LENGTH or not value.startswith("0x"):
        raise ValueError(f"{str(value)[:80]!r} is not a hash")
    int(value, 16)
    return value.lower()
