"""The dialect `channels` as a server speaks it: docs/stream_protocol.md.

Numbers of the chain are exact integers in strings. Every stream (an order book, a book's trades, an account's orders,
fills or balances) counts its messages; the same stream has the same numbers on every connection.
"""
import json
from collections.abc import Iterator
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex
from hummingbot.connector.exchange.standard.sandbox.rows import OrderRow
from hummingbot.connector.exchange.standard.sandbox.stream_auth import AuthenticationRefused, Authenticator
from hummingbot.connector.exchange.standard.sandbox.stream_connection import StreamConnection
from hummingbot.connector.exchange.standard.sandbox.stream_faults import StreamFaults
from hummingbot.connector.exchange.standard.sandbox.stream_source import Happening, News, StreamSource
from hummingbot.connector.exchange.standard.sandbox.views import ChainView

Json = dict[str, Any]

PUBLIC, PRIVATE = ("orderbook", "trades"), ("orders", "fills", "balances")
MALFORMED, UNKNOWN_METHOD, INVALID_PARAMS, UNKNOWN_CHANNEL, UNKNOWN_PAIR = 1000, 1001, 1002, 1003, 1004
AUTHENTICATION_REFUSED, TOO_MANY_REQUESTS, TOO_MANY_PAIRS, NO_HISTORY = 2002, 3001, 3002, 4001
MAX_PAIRS = 200
RECENT_TRADES = 100
MAX_REPLAYED_BLOCKS = 5000
BLOCKS_PER_ROLL_CALL = 10
NATIVE = "0x" + "00" * 20


class Refusal(Exception):
    """A request that is answered by an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Channels:
    """What all connections of the dialect share: the streams, their numbers and who listens to them."""

    def __init__(self, source: StreamSource, view: ChainView, authenticator: Authenticator, faults: StreamFaults,
                 clock: Clock) -> None:
        self.source = source
        self.authenticator = authenticator
        self.faults = faults
        self.clock = clock
        self.speakers: dict[ChannelsSpeaker, None] = {}  # in the order in which they came
        self._view = view
        self._sequences: dict[str, int] = {}
        self._books: dict[str, Json] = {}
        self._balances: dict[str, dict[str, int]] = {}
        source.listeners.append(self._tell)

    def speaker(self, connection: StreamConnection) -> "ChannelsSpeaker":
        """The dialect's side of a new connection."""
        speaker = ChannelsSpeaker(self, connection)
        self.speakers[speaker] = None
        return speaker

    def sequence(self, stream: str) -> int:
        """The number of the last message of a stream."""
        return self._sequences.get(stream, 0)

    # Snapshots

    def book(self, book: str) -> Json:
        """The order book of a pair that is listened to, as it was last told."""
        levels = self._books.setdefault(book, _levels(self.source.indexer.pairs[book]))
        return {"bids": [[str(price), str(amount)] for price, amount in sorted(levels["bids"].items(), reverse=True)],
                "asks": [[str(price), str(amount)] for price, amount in sorted(levels["asks"].items())],
                "market_price": str(levels["price"])}

    def trades(self, book: str) -> list[Json]:
        """The newest trades of a pair, the oldest of them first."""
        rows = list(self.source.indexer.pairs[book].trades)[-RECENT_TRADES:]
        return [{"block": row.block, "timestamp": row.timestamp, "transaction": row.tx_hash, "trade_id": str(row.trade_id),
                 "order_id": row.order_id, "side": _side(row.is_bid), "price": str(row.price),
                 "base_amount": str(row.base_amount), "quote_amount": str(row.quote_amount)} for row in rows]

    def balances(self, account: str) -> list[Json]:
        """What an account holds of every listed token, and of the native one."""
        held = self._balances[account] = self._held(account)
        return [{"token": token, "amount": str(amount)} for token, amount in held.items()]

    def open_orders(self, account: str) -> list[Json]:
        """What an account has in the books."""
        return [_open_order(row) for row in self.source.indexer.account(account).orders.values()]

    def history(self, channel: str, account: str, first: int) -> list[Json]:
        """The orders or fills of an account since a block."""
        return [told for happening in self.source.since(first) for told in _account_messages(happening, account)
                if told["channel"] == channel]

    def _held(self, account: str) -> dict[str, int]:
        wrapped = {market.base.address for market in (pair.info.market for pair in self.source.indexer.pairs.values())}
        quotes = {pair.info.market.quote.address for pair in self.source.indexer.pairs.values()}
        held = {token: self._view.balance(token, account) for token in sorted(wrapped | quotes)}
        return {NATIVE: self.source.node.balance(account), **held}

    # News

    def _tell(self, news: News) -> None:
        wanted = {stream for speaker in self.speakers for stream in speaker.streams}
        messages = list(self._messages(news, wanted))
        for speaker in tuple(self.speakers):  # one of them may be closed by what it is told
            speaker.tell(news, messages)

    def _messages(self, news: News, wanted: set[str]) -> Iterator[tuple[str, Json]]:
        """What is told of a block to those who want these streams, in the order of telling."""
        yield from self._book_messages(news, wanted)
        accounts = {stream.partition(":")[2] for stream in wanted if stream.partition(":")[0] in PRIVATE}
        for happening in news.happenings:
            trade = _trade_message(happening)
            if trade is not None and f"trades:{trade['pair']}" in wanted:
                yield self._numbered(f"trades:{trade['pair']}", trade)
            for account in accounts:
                for told in _account_messages(happening, account):
                    if f"{told['channel']}:{account}" in wanted:
                        yield self._numbered(f"{told['channel']}:{account}", told)
        yield from self._balance_messages(news, wanted)

    def _book_messages(self, news: News, wanted: set[str]) -> Iterator[tuple[str, Json]]:
        for book in list(self._books):
            if f"orderbook:{book}" not in wanted:
                del self._books[book]
                continue
            diff = self._diff(book)
            if diff:
                yield self._numbered(f"orderbook:{book}", {"type": "diff", "channel": "orderbook", "pair": book,
                                                           "block": news.block.number, "timestamp": news.block.timestamp, **diff})

    def _balance_messages(self, news: News, wanted: set[str]) -> Iterator[tuple[str, Json]]:
        for account, before in list(self._balances.items()):
            if f"balances:{account}" not in wanted:
                del self._balances[account]
            elif news.removed or _touches(news, account):
                held = self._balances[account] = self._held(account)
                for token in [token for token, amount in held.items() if amount != before.get(token)]:
                    yield self._numbered(f"balances:{account}", {
                        "type": "balance", "channel": "balances", "token": token, "amount": str(held[token]),
                        "block": news.block.number})

    def _numbered(self, stream: str, message: Json) -> tuple[str, Json]:
        previous = self.sequence(stream)
        self._sequences[stream] = previous + 1
        return stream, {**message, "previous": previous, "sequence": previous + 1}

    def _diff(self, book: str) -> Json:
        """The levels of a book that are others than was told; empty when none is."""
        before, now = self._books[book], _levels(self.source.indexer.pairs[book])
        if before == now:
            return {}
        self._books[book] = now
        diff: Json = {}
        for side in ("bids", "asks"):
            old, new = before[side], now[side]
            diff[side] = [[str(price), str(new.get(price, 0))] for price in sorted(old.keys() | new.keys())
                          if old.get(price) != new.get(price)]
        return {**diff, "market_price": str(now["price"])}


class ChannelsSpeaker:
    """One connection: its requests and what it listens to."""

    def __init__(self, channels: Channels, connection: StreamConnection) -> None:
        self.streams: dict[str, None] = {}
        self._channels = channels
        self._connection = connection

    @property
    def subscriptions(self) -> list[str]:
        """See Speaker.subscriptions."""
        return list(self.streams)

    def closed(self) -> None:
        """See Speaker.closed."""
        self._channels.speakers.pop(self, None)

    def heartbeat(self) -> None:
        """See Speaker.heartbeat."""
        self._connection.answer({"method": "ping", "timestamp": int(self._channels.clock.time() * 1e3)})

    def receive(self, text: str) -> None:
        """See Speaker.receive."""
        number: Any = None
        try:
            try:
                request = json.loads(text)
            except (ValueError, RecursionError):
                raise Refusal(MALFORMED, "the request is not JSON") from None
            if not isinstance(request, dict):
                raise Refusal(MALFORMED, "the request is not an object")
            if request.get("method") == "pong":
                return
            number = request.get("id")
            if isinstance(number, bool) or not isinstance(number, (int, str)):
                number = None
                raise Refusal(MALFORMED, "the request has no id that is a number or a text")
            if self._connection.is_over_limit:
                raise Refusal(TOO_MANY_REQUESTS, "too many requests")
            self._serve(number, request.get("method"), request.get("params"))
        except Refusal as refusal:
            self._connection.answer({"id": number, "error": {"code": refusal.code, "message": str(refusal)}})

    def _serve(self, number: Any, method: Any, params: Any) -> None:
        if method == "ping":
            self._connection.answer({"id": number, "result": "pong"})
            return
        if method not in ("subscribe", "unsubscribe"):
            raise Refusal(UNKNOWN_METHOD, "the methods are subscribe, unsubscribe and ping")
        if not isinstance(params, dict):
            raise Refusal(INVALID_PARAMS, "params must be an object")
        channel = params.get("channel")
        if channel in PUBLIC:
            self._public(number, method, channel, self._pairs(params))
        elif channel in PRIVATE and method == "subscribe":
            self._private(number, channel, params)
        elif channel in PRIVATE:
            self._stop([stream for stream in self.streams if stream.startswith(f"{channel}:")])
            self._connection.answer({"id": number, "result": {"channel": channel}})
        else:
            raise Refusal(UNKNOWN_CHANNEL, f"the channels are {', '.join(PUBLIC + PRIVATE)}")

    def _pairs(self, params: Json) -> list[PairIndex]:
        names = params.get("pairs")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise Refusal(INVALID_PARAMS, "pairs must be a list of book addresses or symbols like SOMI/USDC")
        listed = self._channels.source.indexer.listed_pairs()
        by_name = {pair.info.book: pair for pair in listed} | {pair.info.symbol.upper(): pair for pair in listed}
        found = [by_name.get(name.lower()) or by_name.get(name.upper()) for name in names]
        if None in found:
            raise Refusal(UNKNOWN_PAIR, f"no pair {names[found.index(None)]}")
        return [pair for pair in found if pair is not None]

    def _public(self, number: Any, method: str, channel: str, pairs: list[PairIndex]) -> None:
        streams = [f"{channel}:{pair.info.book}" for pair in pairs]
        if method == "unsubscribe":
            self._stop(streams)
        elif len({*self.streams, *streams}) > MAX_PAIRS:
            raise Refusal(TOO_MANY_PAIRS, f"at most {MAX_PAIRS} subscriptions are possible on one connection")
        self._connection.answer({"id": number, "result": {"channel": channel, "pairs": [pair.info.book for pair in pairs]}})
        if method == "unsubscribe":
            return
        for pair, stream in zip(pairs, streams):
            self.streams[stream] = None
            content = (self._channels.book(pair.info.book) if channel == "orderbook"
                       else {"trades": self._channels.trades(pair.info.book)})
            self._snapshot(channel, stream, {"pair": pair.info.book, "symbol": pair.info.symbol, **content})

    def _private(self, number: Any, channel: str, params: Json) -> None:
        if self._channels.faults.refuse_authentication:
            raise Refusal(AUTHENTICATION_REFUSED, "the signature is not api_key's")
        try:
            account = self._channels.authenticator.verify(params)
        except AuthenticationRefused as refused:
            raise Refusal(refused.code, str(refused)) from None
        source = self._channels.source
        first = params.get("from_block", source.indexed + 1)
        if isinstance(first, bool) or not isinstance(first, int) or first < 0:
            raise Refusal(INVALID_PARAMS, "from_block must be a block number")
        if first < max(source.indexed - MAX_REPLAYED_BLOCKS, source.node.history.oldest_number):
            raise Refusal(NO_HISTORY, f"at most {MAX_REPLAYED_BLOCKS} blocks can be told again")
        stream = f"{channel}:{account}"
        self._stop([other for other in self.streams if other.startswith(f"{channel}:")])
        self.streams[stream] = None
        self._connection.answer({"id": number, "result": {"channel": channel, "account": account}})
        content: Json = {"balances": self._channels.balances(account)} if channel == "balances" else {
            "from_block": first, channel: self._channels.history(channel, account, first)}
        if channel == "orders":
            content["open"] = self._channels.open_orders(account)
        self._snapshot(channel, stream, {"account": account, **content})

    def _snapshot(self, channel: str, stream: str, content: Json) -> None:
        head = self._channels.source.node.history.by_number(self._channels.source.indexed)
        self._connection.data({"type": "snapshot", "channel": channel, "sequence": self._channels.sequence(stream),
                               "block": head.number if head else 0, "timestamp": head.timestamp if head else 0, **content})

    def _stop(self, streams: list[str]) -> None:
        if not self._channels.faults.ignore_unsubscribe:
            for stream in streams:
                self.streams.pop(stream, None)

    def tell(self, news: News, messages: list[tuple[str, Json]]) -> None:
        """Send what this connection listens to, and that the block is complete."""
        if not self.streams:
            return
        told: dict[str, int] = {}
        for stream, message in messages:
            if stream in self.streams:
                self._connection.data(message)
                told[_stream_name(stream)] = message["sequence"]
        number, block_hash = news.block.number, news.block.hash
        if number % BLOCKS_PER_ROLL_CALL == 0:
            told = {_stream_name(stream): self._channels.sequence(stream) for stream in self.streams}
        if news.removed:
            number, block_hash = number - 1, news.block.parent_hash
        self._connection.data({"type": "block", "number": number, "hash": block_hash, "timestamp": news.block.timestamp,
                               "sequences": told})


def _stream_name(stream: str) -> str:
    """A stream's name to its listener, who knows whose account it is."""
    channel = stream.partition(":")[0]
    return channel if channel in PRIVATE else stream


def _levels(pair: PairIndex) -> Json:
    return {"bids": {price: level.amount for price, level in pair.levels(True) if level.amount > 0},
            "asks": {price: level.amount for price, level in pair.levels(False) if level.amount > 0}, "price": pair.price}


def _side(is_buy: bool) -> str:
    return "buy" if is_buy else "sell"


def _place(happening: Happening) -> Json:
    return {"block": happening.block.number, "block_hash": happening.block.hash, "log_index": happening.log_index,
            "transaction": happening.transaction_hash, "timestamp": happening.block.timestamp,
            **({"removed": True} if happening.removed else {})}


def _trade_message(happening: Happening) -> Json | None:
    event = happening.event
    if not isinstance(event, OrderMatched):
        return None
    return {"type": "trade", "channel": "trades", "pair": event.pair, **_place(happening), "trade_id": str(event.trade_id),
            "order_id": event.id, "side": _side(event.is_bid), "price": str(event.price),
            "base_amount": str(event.base_amount), "quote_amount": str(event.quote_amount)}


def _account_messages(happening: Happening, account: str) -> Iterator[Json]:
    """What an event means to an account."""
    event = happening.event
    if isinstance(event, OrderMatched) and account in (event.owner, event.sender):
        yield {"type": "fill", "channel": "fills", "pair": event.pair, **_place(happening), "trade_id": str(event.trade_id),
               "order_id": event.id, "order_history_id": event.order_history_id, "side": _side(event.is_bid),
               "price": str(event.price), "total": str(event.total), "clear": event.clear, "taker": event.sender,
               "maker": event.owner, "base_amount": str(event.base_amount), "quote_amount": str(event.quote_amount),
               "base_fee": str(event.base_fee), "quote_fee": str(event.quote_fee)}
    elif isinstance(event, OrderPlaced) and event.owner == account:
        yield {"type": "order", "channel": "orders", "status": "open", "account": account, "pair": event.pair,
               **_place(happening), "order_id": event.id, "order_history_id": event.order_history_id, "side": _side(event.is_bid),
               "price": str(event.price), "deposit": str(event.without_fee), "amount": str(event.placed)}
    elif isinstance(event, OrderCanceled) and event.owner == account:
        yield {"type": "order", "channel": "orders", "status": "canceled", "account": account, "pair": event.pair,
               **_place(happening), "order_id": event.id, "side": _side(event.is_bid), "amount": str(event.amount)}


def _open_order(row: OrderRow) -> Json:
    return {"pair": row.book, "order_id": row.order_id, "side": _side(row.is_bid), "price": str(row.price),
            "deposit": str(row.amount), "amount": str(row.placed), "block": row.block, "transaction": row.tx_hash}


def _touches(news: News, account: str) -> bool:
    """Whether the block may have changed what the account holds."""
    digits, raw = account[2:], bytes.fromhex(account[2:])
    return any(receipt.transaction.sender == account or receipt.transaction.to == account
               or any(raw in log.data or any(digits in topic for topic in log.topics) for log in receipt.logs)
               for receipt in news.block.receipts)
