"""Rows of the REST API, validated once, at the edge (docs/protocol.md, "REST API").

The API rounds like a 32-bit float: its numbers fill order books and candles, never an account. Parsers accept every
known shape of an answer, leave a single bad row out, and raise BadDataError when the answer as a whole is none.
"""
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter, truediv
from typing import Any, NamedTuple

from pydantic_core import from_json

from hummingbot.connector.exchange.standard.chain.addresses import is_address
from hummingbot.connector.exchange.standard.errors import BadDataError

LATEST_TIME = 2 ** 33  # in seconds since the epoch; milliseconds are more

_tick_price, _tick_amount = itemgetter("price"), itemgetter("amount")


class TokenRow(NamedTuple):
    """A listed token; the address is lower case."""

    address: str
    symbol: str
    decimals: int


class PairRow(NamedTuple):
    """A listed pair. `book` is the book contract's address in lower case, `price` the last market price or None."""

    base: TokenRow
    quote: TokenRow
    book: str
    price: float | None


class TickBook(NamedTuple):
    """Price levels, best first, as (price, base amount); the API's quote amounts of bids are already converted."""

    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    market_price: float | None


class TradeRow(NamedTuple):
    """A public trade. `key` identifies it across pages, `is_buy` is the taker's side, `timestamp` is in seconds; `id` is the
    API's own, which other sources do not know."""

    key: str
    is_buy: bool
    price: float
    base_amount: float
    timestamp: float
    id: str = ""


class CandleRow(NamedTuple):
    """A candle as the API has it: `start` in seconds, volumes in human units, `trades` is how many there were.

    Where nothing traded there is none, and prices are those of the market price, which also moves without trades.
    """

    start: int
    open: float
    high: float
    low: float
    close: float
    base_volume: float
    quote_volume: float
    trades: int


class OpenOrderRow(NamedTuple):
    """An order that the indexer believes open: a hint where to look on the chain, nothing more."""

    book: str
    is_bid: bool
    order_id: int


class Page(NamedTuple):
    """Parsed rows, how many rows were left out as malformed, and how many pages the listing has: one where it does not say it,
    and is not counted."""

    rows: list[Any]
    rejected: int
    total_pages: int
    is_counted: bool


def parse_json(body: bytes) -> Any:
    """JSON of an answer; BadDataError when it is none. NaN and Infinity are no JSON."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise BadDataError(f"the answer is not JSON: {body[:60]!r}") from error


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def _not_negative(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError(f"{value!r} is negative")
    return number


def _positive(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError(f"{value!r} is not positive")
    return number


def _address(value: Any) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise ValueError(f"{value!r} is not an address")
    return value.lower()


def _integer(value: Any, limit: int) -> int:
    number = _number(value)
    if number != int(number) or not 0 <= number <= limit:
        raise ValueError(f"{value!r} is not an integer up to {limit}")
    return int(number)


def _hex(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("0x") or int(value, 16) < 0:
        raise ValueError(f"{value!r} is not a hexadecimal text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not a boolean")
    return value


def parse_token(row: Mapping[str, Any]) -> TokenRow:
    """One row of the token list, or the token inside a pair."""
    symbol = row["symbol"]
    if not isinstance(symbol, str) or not symbol:
        raise ValueError("a token without a symbol")
    return TokenRow(_address(row["id"]), symbol[:64], _integer(row["decimals"], 255))


def parse_pair(row: Mapping[str, Any]) -> PairRow:
    """One row of the pair list. The book's address is `orderbook` where present, else the row's id."""
    price = row.get("price")
    return PairRow(parse_token(row["base"]), parse_token(row["quote"]), _address(row.get("orderbook") or row["id"]),
                   _positive(price) if price else None)


def parse_trade(row: Mapping[str, Any]) -> TradeRow:
    """One row of a pair's trades; the maker's order id tells the fills of one transaction apart. Dust may match for no base."""
    price, base_amount = _positive(row["price"]), _not_negative(row["baseAmount"])
    is_buy, row_id = _flag(row["isBid"]), row.get("id") or ""
    if not isinstance(row_id, str):
        raise ValueError(f"{row_id!r} is not the id of a trade")
    timestamp = _positive(row["timestamp"])
    if timestamp > LATEST_TIME:
        raise ValueError(f"{timestamp:.0f} is no time in seconds")
    key = trade_key(_hex(row["txHash"]), _integer(row["orderId"], 2 ** 32 - 1), is_buy)
    return TradeRow(key, is_buy, price, base_amount, timestamp, row_id)


def parse_candle(row: Mapping[str, Any]) -> CandleRow:
    """One bucket of a pair. Volumes and the number of trades may be absent or null, which is none."""
    start = _integer(_positive(row["timestamp"]), LATEST_TIME)
    base_volume, quote_volume = _not_negative(row.get("baseVolume") or 0), _not_negative(row.get("quoteVolume") or 0)
    return CandleRow(start, _positive(row["open"]), _positive(row["high"]), _positive(row["low"]), _positive(row["close"]),
                     base_volume, quote_volume, _integer(row.get("count") or 0, 2 ** 53))


def trade_key(transaction_hash: str, maker_order_id: str | int, is_buy: bool) -> str:
    """What identifies a trade of a pair in every source, but for the later ones that one transaction makes with the same
    order (`numbered`). Amounts do not help: sources round them differently."""
    return f"{transaction_hash.lower()}:{maker_order_id}:{is_buy}"


def numbered(rows: Iterable[TradeRow]) -> Iterator[TradeRow]:
    """Trades, the oldest first; those of one transaction with one order get keys of their own after the first, `#1` and so on,
    by their ids. A row that is there twice stays the same twice."""
    ids: dict[str, list[str]] = {}
    for row in rows:
        known = ids.setdefault(row.key, [])
        if row.id not in known:
            known.append(row.id)
        count = known.index(row.id)
        yield row if count == 0 else row._replace(key=f"{row.key}#{count}")


def parse_open_order(row: Mapping[str, Any]) -> OpenOrderRow:
    """One row of an account's open orders."""
    return OpenOrderRow(_address(row.get("orderbook") or row["pair"]), _flag(row["isBid"]), _integer(row["orderId"], 2 ** 32 - 1))


def parse_page(body: bytes, keys: Iterable[str], parse: Callable[[Mapping[str, Any]], NamedTuple]) -> Page:
    """A listing: a bare list, or an object that holds it under one of `keys`."""
    answer = parse_json(body)
    total_pages = 1
    if isinstance(answer, dict):
        rows = next((answer[key] for key in keys if key in answer), None)
        try:
            total_pages = _integer(answer.get("totalPages", 1), 10 ** 6)
        except (ValueError, OverflowError) as error:
            raise BadDataError(f"the number of pages is wrong: {error}") from error
    else:
        rows = answer
    if not isinstance(rows, list):
        raise BadDataError(f"no list under any of {list(keys)}: {body[:60]!r}")
    parsed, rejected = [], 0
    for row in rows:
        try:
            parsed.append(parse(row))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            rejected += 1
    return Page(parsed, rejected, total_pages, isinstance(answer, dict) and "totalPages" in answer)


def parse_tick_book(body: bytes) -> TickBook:
    """The order book at exact price levels: the API gives bids in quote, which become base here; empty levels are left out.

    One bad level rejects the whole answer: half a book is worse than the one before.
    """
    answer = parse_json(body)
    try:
        bid_prices, bid_amounts = _tick_columns(answer["bids"])
        ask_prices, ask_amounts = _tick_columns(answer["asks"])
        bid_amounts = list(map(truediv, bid_amounts, bid_prices))
        if not sum(bid_amounts) < math.inf:
            raise ValueError("an amount is out of range")
        market_price = _not_negative(answer.get("mktPrice") or 0) or None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadDataError(f"the order book is malformed: {error!r}") from error
    return TickBook(_tick_side(bid_prices, bid_amounts, True), _tick_side(ask_prices, ask_amounts, False), market_price)


def _merged(levels: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """One level for those whose prices differ by less than the API's numbers do."""
    sums: dict[float, float] = {}
    for price, amount in levels:
        sums[price] = sums.get(price, 0.0) + amount
    return list(sums.items())


def _tick_columns(rows: list[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """The prices and the amounts of a side, looked at as a whole, which is several times faster than one by one."""
    if not isinstance(rows, list):  # an empty object or text would be an empty side
        raise TypeError(f"a side is no list but {type(rows).__name__}")
    prices, amounts = list(map(float, map(_tick_price, rows))), list(map(float, map(_tick_amount, rows)))
    # A sum is not finite when one of its parts is not, and where all are, min tells the least.
    if prices and not (sum(prices) < math.inf and sum(amounts) < math.inf and min(prices) > 0 and min(amounts) >= 0):
        raise ValueError("a price or an amount is out of range")
    return prices, amounts


def _tick_side(prices: list[float], amounts: list[float], is_bid: bool) -> list[tuple[float, float]]:
    levels = list(zip(prices, amounts))
    levels.sort(reverse=is_bid)
    if len(set(prices)) < len(prices):
        levels = _merged(levels)
    return [level for level in levels if level[1]] if 0.0 in amounts else levels
