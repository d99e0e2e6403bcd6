"""The dialect `channels`: exact integers, numbered messages, and logins for an account's own (docs/stream_protocol.md)."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import is_address
from hummingbot.connector.exchange.standard.chain.engine import EngineEvent, OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.errors import BadDataError
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, Levels, PublicTrade
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
from hummingbot.connector.exchange.standard.rest.models import trade_key

_PUBLIC = (CONSTANTS.ORDERBOOK_CHANNEL, CONSTANTS.TRADES_CHANNEL)
_PRIVATE = (CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILLS_CHANNEL, CONSTANTS.BALANCES_CHANNEL)
_CHANNEL_OF_TYPE = {
    CONSTANTS.DIFF_EVENT_TYPE: CONSTANTS.ORDERBOOK_CHANNEL, CONSTANTS.TRADE_EVENT_TYPE: CONSTANTS.TRADES_CHANNEL,
    CONSTANTS.ORDER_EVENT_TYPE: CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILL_EVENT_TYPE: CONSTANTS.FILLS_CHANNEL,
    CONSTANTS.BALANCE_EVENT_TYPE: CONSTANTS.BALANCES_CHANNEL}
_SIDES = {"buy": True, "sell": False}
_MOST_DIGITS = 78
_POWERS_OF_TEN = tuple([10 ** decimals for decimals in range(256)])  # as many as a token may have
# What a named tuple's own constructor does, without a look at names: these are made for every message.
_new = tuple.__new__


class ChannelsDialect(ApiBeside):
    """Encodes requests and decodes messages; `market` gives the market of a book address, or None for an unknown one."""

    is_shared = True
    has_snapshots = True
    tells_blocks = True
    ping: Body | None = {"method": CONSTANTS.WS_PING_METHOD}

    def __init__(self, rest: RestClient, pace: BlockPace, market: Callable[[str], Market | None]) -> None:
        super().__init__(rest, pace)
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
        if kind is None:
            return _answer(data)
        channel = _CHANNEL_OF_TYPE.get(kind)
        if channel is not None:
            if data["channel"] != channel:
                raise ValueError(f"{kind} is not told on {channel}")
            return self._told(channel, data, _count(data["previous"]))
        if kind == CONSTANTS.SNAPSHOT_EVENT_TYPE:
            return self._told(data["channel"], data, None)
        if kind == CONSTANTS.BLOCK_EVENT_TYPE:
            sequences = data["sequences"].items()
            return [BlockReached(_count(data["number"]), {_stream_name(name): _count(number) for name, number in sequences})]
        return []  # a kind of news that came up later

    def _told(self, channel: str, data: Mapping[str, Any], previous: int | None) -> Sequence[Incoming]:
        content: Content
        if channel in _PUBLIC:
            pair = data["pair"]
            market = self._market(pair) or self._market(_address(pair))
            if market is None:
                return []
            stream = f"{channel}:{market.book}"
            content = (_book if channel == CONSTANTS.ORDERBOOK_CHANNEL else _trades)(market, data, previous is None)
        elif channel in _PRIVATE:
            stream = channel
            content = _balances(data, previous is None) if channel == CONSTANTS.BALANCES_CHANNEL \
                else _logs(channel, data, previous is None)
        else:
            raise ValueError(f"no channel {channel}")
        return [_new(Told, (stream, previous, _count(data["sequence"]), content))]


def _answer(data: Mapping[str, Any]) -> Sequence[Incoming]:
    """What is no news: heartbeats and answers to requests."""
    if "method" in data:
        return [Ping({"method": CONSTANTS.WS_PONG_METHOD})] if data["method"] == CONSTANTS.WS_PING_METHOD else []
    if "error" in data:
        number = None if data["id"] is None else _count(data["id"])
        return [Refused(number, _count(data["error"]["code"]), str(data["error"]["message"])[:200])]
    if "result" in data:
        return [Answered(_count(data["id"]))]
    raise ValueError("neither news nor an answer")


def _request(method: str, channel: str, params: Mapping[str, Any]) -> Body:
    return {"method": method, "params": {"channel": channel, **params}}


def _stream_name(name: str) -> str:
    return name.lower()


def _book(market: Market, data: Mapping[str, Any], is_whole: bool) -> Content:
    price = data.get("market_price")
    return _new(BookContent, (is_whole, _levels(data["bids"], _POWERS_OF_TEN[market.quote.decimals], True),
                              _levels(data["asks"], _POWERS_OF_TEN[market.base.decimals], False),
                              None if price is None else _units(price) / DENOMINATOR))


def _levels(rows: Any, unit: int, is_bid: bool) -> Levels:
    """Human prices and base amounts. Bids come in quote units and leave in base."""
    levels = []
    for price_text, amount_text in rows:  # as _level does, without a call for each row
        digits = price_text + amount_text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
            price, amount = _level(price_text, amount_text, unit)
        else:
            price, amount = int(price_text) / DENOMINATOR, int(amount_text) / unit
            if not price:
                raise ValueError("a price of zero")
        levels.append((price, amount / price if is_bid else amount))
    return levels


def _level(price_text: Any, amount_text: Any, unit: int) -> tuple[float, float]:
    """The human price, which is not zero, and the amount in wholes of `unit`."""
    digits = price_text + amount_text
    if not (digits.isascii() and digits.isdigit() and len(price_text) <= _MOST_DIGITS >= len(amount_text)):
        raise ValueError(f"{str([price_text, amount_text])[:80]} are no price and amount")
    price = int(price_text) / DENOMINATOR
    if not price:
        raise ValueError("a price of zero")
    return price, int(amount_text) / unit


def _trades(market: Market, data: Mapping[str, Any], is_whole: bool) -> Content:
    trades = []
    for row in data["trades"] if is_whole else (data,):
        trade = _trade(market, row)
        if trade.amount and not row.get("removed"):  # dust may pay for nothing, which is no trade
            trades.append(trade)
    return _new(TradesContent, (is_whole, trades, _count(data["timestamp"])))


def _trade(market: Market, row: Mapping[str, Any]) -> PublicTrade:
    is_buy = _SIDES[row["side"]]
    price, amount = _level(row["price"], row["base_amount"], _POWERS_OF_TEN[market.base.decimals])
    key = trade_key(row["transaction"], _count(row["order_id"]), is_buy)
    return _new(PublicTrade, (market.trading_pair, key, is_buy, price, amount, float(_count(row["timestamp"])),
                              (_count(row["block"]), _units(row["trade_id"]))))


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
    if not (isinstance(value, str) and value.isdigit() and value.isascii() and len(value) <= _MOST_DIGITS):
        raise ValueError(f"{str(value)[:80]!r} is not a whole number in a text")
    return int(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
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
    if not isinstance(value, str) or value[:2] != "0x" or len(value) != 66 or len(bytes.fromhex(value[2:])) != 32:
        raise ValueError(f"{str(value)[:80]!r} is not a hash")
    return value.lower()
