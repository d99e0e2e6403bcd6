"""Frames of the dialect `spot_streams`, in each of its layouts (docs/protocol.md, "WebSocket").

Numbers are rounded floats in human units, as the API's are. A frame is an array whose first element is its name; `docs`
is the shorter layout, `sdk` the longer one, `iter` the longer one with a time in milliseconds at the end and exact texts
after it.
"""
from collections.abc import Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.sandbox.api_rows import Rows
from hummingbot.connector.exchange.standard.sandbox.grouping import written_price
from hummingbot.connector.exchange.standard.sandbox.indexer import Indexer
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex
from hummingbot.connector.exchange.standard.sandbox.rows import Bucket, PairInfo, TokenInfo
from hummingbot.connector.exchange.standard.sandbox.stream_connection import Layout
from hummingbot.connector.exchange.standard.sandbox.stream_source import Happening

Frame = list[Any]


class SpotFrames:
    """Writes frames in one layout."""

    def __init__(self, indexer: Indexer, rows: Rows, layout: Layout) -> None:
        self._indexer = indexer
        self._rows = rows
        self._is_docs = layout is Layout.DOCS
        self._is_iter = layout is Layout.ITER

    def _end(self, key: str, milliseconds: int) -> Any:
        return milliseconds if self._is_iter else key

    def _tokens(self, info: PairInfo) -> tuple[list[Any], list[Any]]:
        """Base and quote as address and symbol, and in the longer layouts a logo."""
        both = [[self._rows.address(token.address), token.symbol] for token in (info.base, info.quote)]
        return (both[0], both[1]) if self._is_docs else ([*both[0], ""], [*both[1], ""])

    def trade(self, happening: Happening, account: str, is_buy: bool) -> Frame:
        """A match as `account` sees it; `is_buy` is its side."""
        event = happening.event
        assert isinstance(event, OrderMatched)
        rows, info = self._rows, self._indexer.pairs[event.pair].info
        asset, spent = (info.quote, event.quote_amount) if is_buy else (info.base, event.base_amount)
        base, quote = self._tokens(info)
        key = f"{rows.address(event.pair)}-{event.trade_id}"
        value = event.quote_amount / 10 ** info.quote.decimals * self._indexer.usd(info.quote.address)
        start = ["spotTrade", event.id] if self._is_docs else ["spotTrade", key, event.id]
        symbols = [info.base.symbol, info.quote.symbol, *([] if self._is_docs else ["", ""])]
        amounts = [rows.amount(spent, asset.decimals), rows.number(value), rows.amount(event.base_amount, info.base.decimals),
                   rows.amount(event.quote_amount, info.quote.decimals)]
        middle = [base[0], quote[0], *symbols, rows.address(event.pair), info.symbol, is_buy, rows.price(event.price),
                  rows.address(account), rows.address(asset.address), asset.symbol, *amounts]
        taker, maker, time = rows.address(event.sender), rows.address(event.owner), happening.block.timestamp
        if self._is_docs:
            return [*start, *middle, time, taker, maker, happening.transaction_hash]
        fees = [rows.amount(event.base_fee, info.base.decimals), rows.amount(event.quote_fee, info.quote.decimals)]
        return [*start, *middle, *fees, time, taker, event.order_history_id, maker, 0, happening.transaction_hash,
                self._end(key, time * 1000)]

    def account(self, happening: Happening, account: str) -> list[Frame]:
        """Everything that an event is to an account, trades included."""
        event = happening.event
        if isinstance(event, OrderPlaced):
            return self._placed(happening, event) if event.owner == account else []
        if isinstance(event, OrderCanceled):
            return self._canceled(happening, event) if event.owner == account else []
        frames = []
        if isinstance(event, OrderMatched):
            if event.owner == account:
                frames += [*self._matched(happening, event), self.trade(happening, account, not event.is_bid)]
            if event.sender == account:
                frames.append(self.trade(happening, account, event.is_bid))
        return frames

    def _order(self, happening: Happening, info: PairInfo, owner: str, is_bid: bool, number: int, price: int,
               amounts: Sequence[int], history: int) -> Frame:
        rows, asset = self._rows, info.quote if is_bid else info.base
        base, quote = self._tokens(info)
        written = [rows.amount(amount, asset.decimals) for amount in amounts]
        tail = [happening.block.timestamp, rows.address(owner), happening.transaction_hash]
        middle = [*base, *quote, info.symbol, rows.address(info.book), rows.price(price), rows.address(asset.address),
                  asset.symbol]
        if self._is_docs:
            return ["spotOrder", is_bid, number, *middle, *written, *tail]
        frame = ["spotOrder", is_bid, history, happening.block.number, number, *middle, asset.decimals, *written, *tail,
                 self._end(f"{info.book}-{is_bid}-{number}", happening.block.timestamp * 1000)]
        return [*frame, *map(str, amounts)] if self._is_iter else frame

    def _placed(self, happening: Happening, event: OrderPlaced) -> list[Frame]:
        info = self._indexer.pairs[event.pair].info
        order = self._order(happening, info, event.owner, event.is_bid, event.id, event.price,
                            (event.without_fee, event.placed), event.order_history_id)
        if self._is_docs:
            return [order, ["spotOrderHistory", *order[1:]]]
        rows, asset = self._rows, info.quote if event.is_bid else info.base
        base, quote = self._tokens(info)
        history = ["spotOrderHistory", event.order_history_id, happening.block.number, event.id, event.is_bid, *base, *quote,
                   rows.address(info.book), info.symbol, rows.price(event.price), rows.address(asset.address), asset.symbol,
                   asset.decimals, rows.amount(event.without_fee - event.placed, asset.decimals),
                   rows.amount(event.without_fee, asset.decimals), happening.block.timestamp, rows.address(event.owner),
                   happening.transaction_hash, "open", self._end(f"{info.book}-{event.id}", happening.block.timestamp * 1000)]
        return [order, history]

    def _matched(self, happening: Happening, event: OrderMatched) -> list[Frame]:
        """What a maker hears of a match of its order."""
        pair, is_bid = self._indexer.pairs[event.pair], not event.is_bid
        info, row = pair.info, pair.orders.get((is_bid, event.id))
        asset, matched = (info.quote, event.quote_amount) if is_bid else (info.base, event.base_amount)
        left = row.placed if row is not None else 0
        if self._is_docs:
            if row is None:
                return [self._delete("deleteSpotOrder", happening, event.pair, event.owner, is_bid, event.id, "filled")]
            return [self._order(happening, info, event.owner, is_bid, event.id, event.price, (row.amount, left), 0)]
        rows, (base, quote) = self._rows, self._tokens(info)
        amount = row.amount if row is not None else matched
        frame = ["spotOrderMatched", f"{rows.address(event.pair)}-{event.trade_id}", is_bid, event.order_history_id,
                 happening.block.number, event.id, *base, *quote, info.symbol, rows.address(info.book), rows.price(event.price),
                 str(event.price), rows.address(asset.address), asset.symbol, asset.decimals,
                 rows.amount(amount, asset.decimals), rows.amount(left, asset.decimals), rows.amount(matched, asset.decimals),
                 rows.amount(event.total, (info.quote if event.is_bid else info.base).decimals), happening.block.timestamp,
                 rows.address(event.owner), happening.transaction_hash,
                 self._end(f"{info.book}-{event.trade_id}", happening.block.timestamp * 1000)]
        frames = [[*frame, str(amount), str(left)] if self._is_iter else frame]
        if row is None:
            frames.append(self._delete("deleteSpotOrderHistory", happening, event.pair, event.owner, is_bid, event.id, "filled"))
        return frames

    def _canceled(self, happening: Happening, event: OrderCanceled) -> list[Frame]:
        names = ["deleteSpotOrder"] if self._is_docs else ["deleteSpotOrder", "deleteSpotOrderHistory"]
        return [self._delete(name, happening, event.pair, event.owner, event.is_bid, event.id, "canceled") for name in names]

    def _delete(self, name: str, happening: Happening, book: str, owner: str, is_bid: bool, number: int, status: str) -> Frame:
        frame = [name, is_bid, self._rows.address(book), self._rows.address(owner), number]
        if self._is_docs:
            return [*frame, happening.block.timestamp]
        return [*frame, happening.transaction_hash, happening.block.timestamp, status,
                self._end(f"{book}-{is_bid}-{number}", happening.block.timestamp * 1000)]

    def order_block(self, is_bid: bool, price: int, liquidity: tuple[float, float], step: str, timestamp: int) -> Frame:
        """A group's liquidity as it is now."""
        frame = ["spotOrderBlock", is_bid, self._rows.number(float(written_price(price))), *liquidity, step, timestamp]
        return frame if self._is_docs else [*frame, self._end(f"{is_bid}-{price}", timestamp * 1000)]

    def bar(self, name: str, pair: PairIndex, bucket: Bucket, price: float, token: TokenInfo | None) -> Frame:
        """A candle's newest price; that of a token is in dollars."""
        info, rows = pair.info, self._rows
        base = rows.amount(bucket.base_volume, info.base.decimals)
        if self._is_docs:
            return ["spotBar", name, str(price), bucket.start, base]
        quote = rows.amount(bucket.quote_volume, info.quote.decimals)
        usd = quote * self._indexer.usd(info.quote.address)
        return ["spotBar", name, price, bucket.start, base, 0.0 if token is not None else quote, rows.number(usd),
                self._end(name, bucket.start * 1000)]
