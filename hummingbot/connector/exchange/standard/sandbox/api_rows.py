"""How the REST API writes rows: the shapes of docs/protocol.md, "REST API", with every contested one selectable."""
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from math import floor, log10
from typing import Any

from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.sandbox.indexer import Indexer
from hummingbot.connector.exchange.standard.sandbox.pair_index import DAY, INTERVALS, PairIndex, bucket_start
from hummingbot.connector.exchange.standard.sandbox.rows import Bucket, HistoryRow, OrderRow, TokenInfo, TradeRow

Json = dict[str, Any]


class BlocksShape(StrEnum):
    """What /api/orderbook/blocks answers: sides with totals and buckets, exact price levels, or flat arrays of buckets."""

    GROUPED = "grouped"
    TICKS = "ticks"
    FLAT = "flat"


@dataclass
class ApiSettings:
    """Which of the shapes seen in the wild the API speaks. The defaults are what the real service answered."""

    plural_history_keys: bool = True  # orderHistories and tradeHistories, or orderHistory and tradeHistory
    wrapped_tokens: bool = True  # {"tokens": […], "totalCount": …}, or a bare list
    wrapped_token: bool = True  # one token as {"token": …, "basePairs": …}, or the bare row
    checksummed_addresses: bool = True
    trades_pair_path: bool = True  # /api/trades/pair/{base}/{quote}/{size}/{page}
    trades_plain_path: bool = True  # /api/trades/{base}/{quote}/{size}/{page}
    page_size_as_string: bool = False
    blocks_shape: BlocksShape = BlocksShape.GROUPED
    documented_rows: bool = False  # rows as the published schema has them, instead of those really served
    exact_amounts: bool = False  # adds the exact amountBN and placedBN strings to account rows
    float32: bool = True  # numbers rounded as 32-bit floats are
    max_page_size: int = 1000
    not_found_status: int = 404


@lru_cache(maxsize=65_536)
def rounded(value: float) -> float:
    """The shortest decimal that a 32-bit float holding `value` prints as."""
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        return value
    single = float(struct.unpack("<f", packed)[0])
    for digits in range(6, 9):
        short = float(f"{single:.{digits}g}")
        if struct.pack("<f", short) == packed:
            return short
    return float(f"{single:.9g}")


@lru_cache(maxsize=4096)
def checksummed(address: str) -> str:
    """A lower-case address with the mixed case that carries its checksum."""
    digits = address[2:]
    digest = keccak(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if int(check, 16) >= 8 else digit for digit, check in zip(digits, digest))


def scales(price: int) -> list[str]:
    """The grouping steps offered for a price x 1e8: four from four digits below it, then four up to ten times the price."""
    if price <= 0:
        return []
    human = price / 1e8
    magnitude = floor(log10(human))
    exponents = [max(magnitude - 4, -6) + step for step in range(4)]
    exponents += [magnitude + step for step in range(4) if Fraction(10) ** (magnitude + step) <= 10 * Fraction(price, 10 ** 8)]
    return [f"{Fraction(10) ** exponent:.8f}".rstrip("0").rstrip(".") if exponent < 0 else str(10 ** exponent)
            for exponent in exponents]


class Rows:
    """Writes the indexer's rows as JSON."""

    def __init__(self, indexer: Indexer, settings: ApiSettings) -> None:
        self._indexer = indexer
        self._settings = settings

    def number(self, value: float) -> float:
        """A number as the API prints it."""
        return rounded(value) if self._settings.float32 else value

    def amount(self, units: int, decimals: int) -> float:
        """Smallest units as the API prints them."""
        return self.number(units / 10 ** decimals)

    def price(self, price: int) -> float:
        """A price x 1e8 as the API prints it."""
        return self.number(price / 1e8)

    def address(self, address: str) -> str:
        """An address in the case that the API uses."""
        return checksummed(address) if self._settings.checksummed_addresses else address

    def token(self, info: TokenInfo) -> Json:
        """A token with its statistics."""
        usd = self._indexer.usd(info.address)
        pairs = [pair for pair in self._indexer.listed_pairs() if info in (pair.info.base, pair.info.quote)]
        main = next((pair for pair in pairs if pair.info.base == info), None)
        now = self._indexer.head["timestamp"]
        volume = liquidity = trades = 0
        for pair in pairs:
            day = pair.statistics(now)
            is_base = pair.info.base == info
            volume += day["base"] if is_base else day["quote"]
            liquidity += pair.base_liquidity if is_base else pair.quote_liquidity
            trades += day["count"]
        row: Json = {
            "id": self.address(info.address), "name": info.name, "symbol": info.symbol,
            "totalSupply": self.number(float(info.total_supply)), "logoURI": "", "decimals": info.decimals,
            "priceUSD": self.number(usd), "sparkline7D": self.sparkline(main), "cpPrice": self.number(usd), "cgId": "",
            "cmcId": "", "ath": self.price(main.highest) if main else self.number(usd),
            "atl": self.price(main.lowest) if main else self.number(usd), "listingDate": info.listing_date,
            **self._difference("day", main), "dayTvl": self.amount(liquidity, info.decimals),
            "dayVolume": self.amount(volume, info.decimals), "dayTvlUSD": self.number(liquidity / 10 ** info.decimals * usd),
            "dayVolumeUSD": self.number(volume / 10 ** info.decimals * usd), "creator": "", **self._bucket_totals(main)}
        if self._settings.documented_rows:
            return {**row, "tag": []}
        day = main.statistics(now) if main else {"high": round(usd * 1e8), "low": round(usd * 1e8)}
        return {**row, "ticker": info.symbol, "tradesCount": sum(pair.trade_count for pair in pairs),
                "dayHigh": self.price(day["high"]), "dayLow": self.price(day["low"]), "dayTradesCount": trades,
                **{f"priceUSD1{name.title()}BF": self.price(self._open(name, main)) if main else self.number(usd)
                   for name in ("hour", "day", "week", "month")},
                **self._difference("hour", main), **self._difference("week", main), **self._difference("month", main),
                "tags": []}

    def pair(self, pair: PairIndex, tokens_as_addresses: bool = False) -> Json:
        """A pair with its statistics; its tokens whole, or as addresses where the API nests pairs in a token."""
        info = pair.info
        base_usd, quote_usd = self._indexer.usd(info.base.address), self._indexer.usd(info.quote.address)
        base_tvl, quote_tvl = pair.base_liquidity / 10 ** info.base.decimals, pair.quote_liquidity / 10 ** info.quote.decimals
        base: Any = self.address(info.base.address) if tokens_as_addresses else self.token(info.base)
        quote: Any = self.address(info.quote.address) if tokens_as_addresses else self.token(info.quote)
        row: Json = {"id": self.address(info.book), "base": base, "quote": quote, "price": self.price(pair.price),
                     "listingDate": info.listing_date, "bDecimal": info.base.decimals, "qDecimal": info.quote.decimals,
                     **self._bucket_totals(pair)}
        if self._settings.documented_rows:
            return {**row, "orderbook": self.address(info.book), "baseTvl": self.number(base_tvl),
                    "quoteTvl": self.number(quote_tvl), "baseTvlUSD": self.number(base_tvl * base_usd),
                    "quoteTvlUSD": self.number(quote_tvl * quote_usd)}
        day = pair.statistics(self._indexer.head["timestamp"])
        base_volume, quote_volume = day["base"] / 10 ** info.base.decimals, day["quote"] / 10 ** info.quote.decimals
        return {**row, "symbol": info.symbol, "ticker": info.symbol, "description": f"{info.base.name} / {info.quote.name}",
                "type": "spot", "exchange": "Standard", **self._symbols(pair), "ath": self.price(pair.highest),
                "atl": self.price(pair.lowest), "scales": scales(pair.price), "dayOpen": self.price(day["open"]),
                "dayHigh": self.price(day["high"]), "dayLow": self.price(day["low"]), **self._difference("day", pair),
                "dayBaseVolume": self.number(base_volume), "dayQuoteVolume": self.number(quote_volume),
                "dayBaseVolumeUSD": self.number(base_volume * base_usd),
                "dayQuoteVolumeUSD": self.number(quote_volume * quote_usd), "dayBaseTvl": self.number(base_tvl),
                "dayQuoteTvl": self.number(quote_tvl), "dayBaseTvlUSD": self.number(base_tvl * base_usd),
                "dayQuoteTvlUSD": self.number(quote_tvl * quote_usd), "sparkline7D": self.sparkline(pair),
                "tradesCount": None}

    def sparkline(self, pair: PairIndex | None) -> list[float]:
        """The closes of the last seven days' hours."""
        if pair is None:
            return []
        since = self._indexer.head["timestamp"] - 7 * DAY
        return [self.price(bucket.close) for bucket in pair.candles["hour"].values() if bucket.start >= since]

    def _open(self, interval: str, pair: PairIndex) -> int:
        bucket = pair.candles[interval].get(bucket_start(interval, self._indexer.head["timestamp"]))
        return bucket.open if bucket is not None else pair.price

    def _difference(self, interval: str, pair: PairIndex | None) -> Json:
        before = self._open(interval, pair) if pair is not None else 0
        change = pair.price - before if pair is not None else 0
        return {f"{interval}PriceDifference": self.price(change),
                f"{interval}PriceDifferencePercentage": self.number(100 * change / before if before else 0.0)}

    def _bucket_totals(self, pair: PairIndex | None) -> Json:
        return {f"total{interval.title()}Buckets": len(pair.candles[interval]) if pair else 0 for interval in INTERVALS}

    def _symbols(self, pair: PairIndex) -> Json:
        return {"baseSymbol": pair.info.base.symbol, "quoteSymbol": pair.info.quote.symbol, "baseLogoURI": "",
                "quoteLogoURI": ""}

    def small_token(self, info: TokenInfo) -> Json:
        """A token as account rows carry it."""
        if self._settings.documented_rows:
            return self.token(info)
        return {"id": self.address(info.address), "name": info.name, "symbol": info.symbol, "decimals": info.decimals,
                "logoURI": ""}

    def _account_row(self, row: OrderRow | HistoryRow) -> Json:
        pair = self._indexer.pairs[row.book]
        base, quote = pair.info.base, pair.info.quote
        asset = quote if row.is_bid else base
        common: Json = {"account": self.address(row.account), "amount": self.amount(row.amount, asset.decimals),
                        "base": self.small_token(base), "isBid": row.is_bid, "orderId": row.order_id,
                        "price": self.price(row.price), "quote": self.small_token(quote), "timestamp": row.timestamp,
                        "txHash": row.tx_hash}
        if self._settings.documented_rows:
            key = f"{row.account}-{row.book}-{str(row.is_bid).lower()}-{row.order_id}"
            common = {**common, "id": key, "pair": pair.info.symbol, "orderbook": self.address(row.book)}
        else:
            common = {**common, "asset": self.small_token(asset), "assetSymbol": asset.symbol, **self._symbols(pair),
                      "pair": self.address(row.book), "pairSymbol": pair.info.symbol}
        return {**common, "amountBN": str(row.amount)} if self._settings.exact_amounts else common

    def order(self, row: OrderRow) -> Json:
        """An open order; `amount` and `placed` in human units of the deposited token, so quote for a bid."""
        info = self._indexer.pairs[row.book].info
        asset = info.quote if row.is_bid else info.base
        written = {**self._account_row(row), "placed": self.amount(row.placed, asset.decimals)}
        return {**written, "placedBN": str(row.placed)} if self._settings.exact_amounts else written

    def history(self, row: HistoryRow) -> Json:
        """A submission that rested at least in part, open or closed."""
        written = self._account_row(row)
        if self._settings.documented_rows:
            return written
        written = {**written, "closed": row.status != "open", "priceBN": str(row.price)}
        if not self._settings.exact_amounts:
            return written
        info = self._indexer.pairs[row.book].info
        asset = info.quote if row.is_bid else info.base
        return {**written, "status": row.status, "orderHistoryId": row.history_id, "blockNumber": row.block,
                "rested": row.order_id is not None, "executed": self.amount(row.executed, asset.decimals)}

    def trade(self, row: TradeRow) -> Json:
        """One match, seen from the pair: `isBid` is the taker's side."""
        pair = self._indexer.pairs[row.book]
        info = pair.info
        return {"id": f"{self.address(row.book)}-{row.trade_id}", "orderbook": self.address(row.book),
                "orderId": row.order_id, "base": self.small_token(info.base), "quote": self.small_token(info.quote),
                "pair": info.symbol, "isBid": row.is_bid, "price": self.price(row.price),
                "baseAmount": self.amount(row.base_amount, info.base.decimals),
                "quoteAmount": self.amount(row.quote_amount, info.quote.decimals), "timestamp": row.timestamp,
                "taker": self.address(row.taker), "maker": self.address(row.maker), "txHash": row.tx_hash}

    def account_trade(self, bought: bool, row: TradeRow, account: str) -> Json:
        """One match, seen from one of its two accounts: `isBid` is its own side, `amount` what it spent."""
        trade = self.trade(row)
        info = self._indexer.pairs[row.book].info
        asset, spent = (info.quote, row.quote_amount) if bought else (info.base, row.base_amount)
        amount = self.amount(spent, asset.decimals)
        if self._settings.documented_rows:
            kept = ("orderId", "base", "quote", "pair", "orderbook", "price", "timestamp", "maker", "taker", "txHash")
            return {"id": f"{account}-{trade['id']}", "isBid": bought, "amount": amount, "account": self.address(account),
                    **{key: trade[key] for key in kept}}
        value = row.quote_amount / 10 ** info.quote.decimals * self._indexer.usd(info.quote.address)
        kept = ("base", "quote", "baseAmount", "quoteAmount", "maker", "taker", "orderId", "price", "timestamp", "txHash")
        return {"account": self.address(account), "amount": amount, "asset": self.small_token(asset),
                "assetSymbol": asset.symbol, "isBid": bought, "pair": self.address(row.book), "pairSymbol": info.symbol,
                "baseSymbol": info.base.symbol, "quoteSymbol": info.quote.symbol, "valueUSD": self.number(value),
                **{key: trade[key] for key in kept}}

    def bucket(self, pair: PairIndex, interval: str, bucket: Bucket) -> Json:
        """A candle of a pair."""
        info = pair.info
        base, quote = self.address(info.base.address), self.address(info.quote.address)
        usd = {"base": self._indexer.usd(info.base.address), "quote": self._indexer.usd(info.quote.address)}
        values = {"baseVolume": bucket.base_volume / 10 ** info.base.decimals,
                  "quoteVolume": bucket.quote_volume / 10 ** info.quote.decimals,
                  "baseTvl": bucket.base_liquidity / 10 ** info.base.decimals,
                  "quoteTvl": bucket.quote_liquidity / 10 ** info.quote.decimals}
        values |= {f"{name}USD": value * usd[name[:-6] if name.endswith("Volume") else name[:-3]]
                   for name, value in values.items()}
        average = values["quoteVolume"] / values["baseVolume"] if values["baseVolume"] else bucket.close / 1e8
        return {"id": f"{base}-{quote}-{interval}", "index": bucket.number, "base": base, "quote": quote,
                "orderbook": self.address(info.book), "open": self.price(bucket.open), "high": self.price(bucket.high),
                "low": self.price(bucket.low), "close": self.price(bucket.close), "average": self.number(average),
                **{name: self.number(value) for name, value in values.items()}, "count": bucket.trades,
                "timestamp": bucket.start}

    def token_bucket(self, pair: PairIndex, interval: str, bucket: Bucket) -> Json:
        """A candle of a token in dollars, taken from its main pair."""
        written: Mapping[str, Any] = self.bucket(pair, interval, bucket)
        usd = self._indexer.usd(pair.info.quote.address)
        token = self.address(pair.info.base.address)
        change = bucket.close - bucket.open
        return {"id": f"{token}-{interval}", "index": bucket.number, "token": token, "symbol": pair.info.base.symbol,
                **{name: self.number(written[name] * usd) for name in ("open", "high", "low", "close", "average")},
                "tvl": written["baseTvl"], "tvlUSD": written["baseTvlUSD"], "volume": written["baseVolume"],
                "volumeUSD": written["baseVolumeUSD"], "count": bucket.trades, "timestamp": bucket.start,
                "difference": self.number(change / 1e8 * usd),
                "differencePercentage": self.number(100 * change / bucket.open if bucket.open else 0.0)}
