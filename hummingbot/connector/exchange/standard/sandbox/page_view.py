"""What the sandbox's page shows, as one JSON object: a market, an account, who is connected, and what is switched wrong.

Books, trades, orders and fills are the indexer's, as the REST API and the streams tell them; balances are the chain's.
Amounts and prices are exact decimals in strings, beside the number of digits to show.
"""
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from hummingbot.connector.exchange.standard.markets import Market, Token, fee_rate, price_from_chain
from hummingbot.connector.exchange.standard.sandbox.deployment import FEE_RECEIVER, NEWCOMER, OPERATOR
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex
from hummingbot.connector.exchange.standard.sandbox.rows import OrderRow, TradeRow
from hummingbot.connector.exchange.standard.sandbox.stream_connection import StreamConnection
from hummingbot.connector.exchange.standard.sandbox.traffic import Interface

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.sandbox.server import Sandbox

Json = dict[str, Any]

LEVELS = 40
ROWS = 50
BALANCE_DIGITS = 6
_SIGNIFICANT_DIGITS = 6


class Choice(NamedTuple):
    """What somebody wants to see: a market by its trading pair, an account by its number."""

    market: str = ""
    account: int = NEWCOMER

    @classmethod
    def read(cls, wanted: Any) -> "Choice":
        """The choice in a message of the page; what cannot be meant is the default."""
        if not isinstance(wanted, dict):
            return cls()
        market, account = wanted.get("market"), wanted.get("account")
        return cls(market if isinstance(market, str) else "",
                   account if isinstance(account, int) and not isinstance(account, bool) else NEWCOMER)


def digits_of_price(price: Decimal) -> int:
    """How many decimals show six significant digits of prices like this one: two at least, and no more than there are."""
    return max(2, min(8, _SIGNIFICANT_DIGITS - 1 - price.adjusted())) if price else 8


def digits_of_amount(price: Decimal, decimals: int) -> int:
    """How many decimals of a base amount are worth a cent or so: two at least, and no more than the token has."""
    return min(decimals, max(2, price.adjusted() + 2)) if price else decimals


def name_of_account(number: int) -> str:
    """Whose account it is (docs/sandbox.md)."""
    return {NEWCOMER: "yours", OPERATOR: "operator", FEE_RECEIVER: "fee receiver"}.get(number, "trader")


class PageView:
    """Reads a sandbox for the page. A choice that does not exist shows the first market, or the newcomer's account."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._indexer = sandbox.indexer

    def show(self, choice: Choice) -> Json:
        """Everything that the page shows."""
        pairs = self._indexer.listed_pairs()
        pair = next((pair for pair in pairs if pair.info.market.trading_pair == choice.market), pairs[0] if pairs else None)
        accounts = self._sandbox.accounts
        number = choice.account if 0 <= choice.account < len(accounts) else NEWCOMER
        address = accounts[number].address
        return {
            "chain": self._chain(), "markets": [pair.info.market.trading_pair for pair in pairs],
            "accounts": [{"address": wallet.address, "name": name_of_account(at)} for at, wallet in enumerate(accounts)],
            "market": None if pair is None else self._market(pair),
            "depth": None if pair is None else {side: self._side(pair, side == "bids", address) for side in ("bids", "asks")},
            "trades": [] if pair is None else [self._trade(trade) for trade in islice(reversed(pair.trades), ROWS)],
            "account": {"number": number, "address": address, "balances": self._balances(address),
                        "orders": self._orders(address), "fills": self._fills(address)},
            "requests": self._requests(), "streams": self._streams(), "faults": self._sandbox.faults.switched_on()}

    def _chain(self) -> Json:
        node = self._sandbox.node
        return {"id": node.settings.chain_id, "block": node.head.number, "indexed": self._indexer.head["number"],
                "timestamp": node.head.timestamp, "waiting": len(node.pool) + len(node.held), "mining": node.mining.value}

    # A market

    def _market(self, pair: PairIndex) -> Json:
        market, price = pair.info.market, price_from_chain(pair.price)
        today = pair.statistics(self._indexer.head["timestamp"])
        above, below = (fee_rate(limit) for limit in self._sandbox.view.limit_spread(market.book))
        return {"pair": market.trading_pair, "base": market.base.symbol, "quote": market.quote.symbol, "price": _text(price),
                "open": _text(price_from_chain(today["open"])), "high": _text(price_from_chain(today["high"])),
                "low": _text(price_from_chain(today["low"])), "volume": _text(market.quote.from_units(today["quote"])),
                "trades": today["count"], "lowest": _text(price * (1 - below)), "highest": _text(price * (1 + above)),
                **self._digits(market)}

    def _digits(self, market: Market) -> Json:
        price = price_from_chain(self._indexer.pairs[market.book].price)
        return {"priceDigits": digits_of_price(price), "amountDigits": digits_of_amount(price, market.base.decimals)}

    def _side(self, pair: PairIndex, is_bid: bool, account: str) -> list[Json]:
        """The best levels of one side, in base, and what of each is the account's."""
        own: dict[int, int] = defaultdict(int)
        for row in self._indexer.account(account).orders.values():
            if row.book == pair.info.book and row.is_bid == is_bid:
                own[row.price] += row.placed
        return [{"price": _text(price_from_chain(price)), "amount": _base(pair.info.market, is_bid, price, level.amount),
                 "own": _base(pair.info.market, is_bid, price, own[price]) if price in own else None}
                for price, level in islice(pair.levels(is_bid), LEVELS)]

    def _trade(self, trade: TradeRow) -> Json:
        market = self._indexer.pairs[trade.book].info.market
        return {"id": trade.trade_id, "time": trade.timestamp, "side": "buy" if trade.is_bid else "sell",
                "price": _text(price_from_chain(trade.price)), "amount": _text(market.base.from_units(trade.base_amount))}

    # An account

    def _balances(self, account: str) -> list[Json]:
        resting: dict[str, int] = defaultdict(int)
        for row in self._indexer.account(account).orders.values():
            market = self._indexer.pairs[row.book].info.market
            resting[(market.quote if row.is_bid else market.base).address] += row.placed
        return [_balance(token.symbol, token, free, resting[token.address]) for token, free in self._held(account)]

    def _held(self, account: str) -> Iterable[tuple[Token, int]]:
        """The tokens of the listed markets with what the wallet has of each; the native one counts with its wrapped form."""
        markets = [pair.info.market for pair in self._indexer.pairs.values()]
        tokens = {token.address: token for market in markets for token in (market.base, market.quote)}
        wrapped = self._sandbox.view.wrapped_native()
        for token in tokens.values():
            native = self._sandbox.node.balance(account) if token.address == wrapped else 0
            yield token, native + self._sandbox.view.balance(token.address, account)

    def _orders(self, account: str) -> list[Json]:
        rows = sorted(self._indexer.account(account).orders.values(), key=lambda row: row.sequence, reverse=True)
        return [self._order(row) for row in rows[:ROWS]]

    def _order(self, row: OrderRow) -> Json:
        market = self._indexer.pairs[row.book].info.market
        return {"id": f"{market.trading_pair}:{'bid' if row.is_bid else 'ask'}:{row.order_id}", "pair": market.trading_pair,
                "time": row.timestamp, "side": "buy" if row.is_bid else "sell", "price": _text(price_from_chain(row.price)),
                "left": _base(market, row.is_bid, row.price, row.placed),
                "filled": _text(Decimal(100 * (row.amount - row.placed)) / row.amount if row.amount else Decimal(0)),
                **self._digits(market)}

    def _fills(self, account: str) -> list[Json]:
        return [self._fill(bought, trade, account)
                for bought, trade in islice(reversed(self._indexer.account(account).trades), ROWS)]

    def _fill(self, bought: bool, trade: TradeRow, account: str) -> Json:
        market = self._indexer.pairs[trade.book].info.market
        token, units = (market.base, trade.base_fee) if bought else (market.quote, trade.quote_fee)
        return {**self._trade(trade), "id": f"{market.trading_pair}:{trade.trade_id}:{'buy' if bought else 'sell'}",
                "pair": market.trading_pair, "side": "buy" if bought else "sell",
                "role": "maker" if bought != trade.is_bid else "taker",
                "fee": _text(token.from_units(units)), "feeToken": token.symbol,
                "feeDigits": min(token.decimals, BALANCE_DIGITS + 2), **self._digits(market)}

    # Who is connected

    def _requests(self) -> list[Json]:
        traffic = self._sandbox.traffic
        return [{"interface": str(interface), "perSecond": round(traffic.per_second(interface), 1),
                 "age": traffic.age(interface)} for interface in Interface]

    def _streams(self) -> list[Json]:
        return [self._stream(kind, connection) for kind, connections in (
            ("node", self._sandbox.rpc_stream.connections), ("exchange", self._sandbox.streams.connections))
            for connection in sorted(connections, key=lambda connection: connection.opened)]

    def _stream(self, kind: str, connection: StreamConnection) -> Json:
        now = self._sandbox.clock.monotonic()
        names = connection.speaker.subscriptions if connection.speaker is not None else []
        return {"kind": kind, "subscriptions": [self._readable(name) for name in names], "sent": connection.sent,
                "open": now - connection.opened, "age": None if connection.last_data is None else now - connection.last_data}

    def _readable(self, name: str) -> str:
        """A subscription with a market's name in the place of its book's address, and an account's number in that of its."""
        for book, pair in self._indexer.pairs.items():
            name = name.replace(book, pair.info.market.trading_pair)
        for number, wallet in enumerate(self._sandbox.accounts):
            name = name.replace(wallet.address, f"account {number}")
        return name


def _base(market: Market, is_bid: bool, price: int, units: int) -> str:
    """What rests on one side, in base: a bid's deposit as the engine converts it, rounded down."""
    return _text(market.base.from_units(market.quote_to_base(price, units) if is_bid else units))


def _balance(symbol: str, token: Token, free: int, resting: int) -> Json:
    return {"symbol": symbol, "free": _text(token.from_units(free)), "inOrders": _text(token.from_units(resting)),
            "digits": min(token.decimals, BALANCE_DIGITS)}


def _text(number: Decimal) -> str:
    return f"{number:f}"
