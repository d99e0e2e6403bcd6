"""The rows that the indexer keeps: what the REST API knows, in chain units, addresses lower case, times in seconds.

Rows are immutable; a change replaces the row, so that a removed block can be undone by putting the old one back.
"""
from typing import NamedTuple

from hummingbot.connector.exchange.standard.markets import Market


class TokenInfo(NamedTuple):
    """A token as the exchange lists it. `symbol` is the API's, which for the wrapped native token is the native symbol;
    `total_supply` is in the token's smallest unit."""

    address: str
    symbol: str
    name: str
    decimals: int
    total_supply: int = 0
    listing_date: int = 0


class PairInfo(NamedTuple):
    """A listed pair: its exact conversions, its two tokens, the price (x 1e8) and time of its listing."""

    market: Market
    base: TokenInfo
    quote: TokenInfo
    listing_price: int
    listing_date: int

    @property
    def book(self) -> str:
        """The address of its order book."""
        return self.market.book

    @property
    def symbol(self) -> str:
        """As the API writes it: BASE/QUOTE."""
        return f"{self.base.symbol}/{self.quote.symbol}"


class OrderRow(NamedTuple):
    """A resting order. `amount` is the deposit of the whole submission and `placed` what is left of what rests, both in
    quote units for a bid and base units for an ask. `queued` is False when takers no longer reach it."""

    account: str
    book: str
    is_bid: bool
    order_id: int
    price: int
    amount: int
    placed: int
    history_id: int
    timestamp: int
    block: int
    tx_hash: str
    sequence: int
    queued: bool = True


class HistoryRow(NamedTuple):
    """What became of a submission; units as in OrderRow. `order_id` is None when nothing of it ever rested."""

    account: str
    book: str
    is_bid: bool
    order_id: int | None
    price: int
    amount: int
    executed: int
    status: str  # open, filled or canceled
    history_id: int
    timestamp: int
    block: int
    tx_hash: str
    sequence: int


class TradeRow(NamedTuple):
    """One match. `is_bid` is the taker's side, `order_id` the maker's; amounts and fees are gross and in smallest units."""

    book: str
    trade_id: int
    order_id: int
    is_bid: bool
    price: int
    base_amount: int
    quote_amount: int
    base_fee: int
    quote_fee: int
    taker: str
    maker: str
    history_id: int
    timestamp: int
    block: int
    tx_hash: str
    sequence: int


class Bucket(NamedTuple):
    """One candle. Prices x 1e8, volumes and resting liquidity in smallest units; `number` counts a pair's candles."""

    start: int
    number: int
    open: int
    high: int
    low: int
    close: int
    base_volume: int
    quote_volume: int
    trades: int
    base_liquidity: int
    quote_liquidity: int


class AccountStats(NamedTuple):
    """What an account has done since the first block, rows dropped since then included."""

    last_traded: int = 0
    histories: int = 0
    trades: int = 0
    quote_volume: tuple[tuple[str, int], ...] = ()  # (book, quote units)

    def traded(self, book: str, quote_amount: int, timestamp: int) -> "AccountStats":
        """The statistics after one more trade."""
        volume = dict(self.quote_volume)
        volume[book] = volume.get(book, 0) + quote_amount
        return AccountStats(timestamp, self.histories, self.trades + 1, tuple(volume.items()))
