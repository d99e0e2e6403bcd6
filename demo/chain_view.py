"""What the chain itself says of one account: balances, orders, fills, fees and gas, in whole units.

This is the second opinion of the demonstration. So it shares no code with the connector: it asks the node in plain
JSON-RPC, cuts the event logs into 32-byte words by hand and follows only the account's own deposits.
"""
import json
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from coincurve import PublicKey
from eth_hash.auto import keccak

WORD_DIGITS = 64
BLOCKS_PER_REQUEST = 200
# What is asked runs on this machine, where a proxy would not find it.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _hash(signature: str) -> str:
    return "0x" + keccak(signature.encode()).hex()


ORDER_PLACED = _hash("OrderPlaced(address,uint16,uint256,address,bool,uint256,uint256,uint256)")
ORDER_MATCHED = _hash("OrderMatched(address,uint16,uint256,bool,uint256,uint256,bool,"
                      "(address,address,uint256,uint256,uint256,uint256,uint64))")
ORDER_CANCELED = _hash("OrderCanceled(address,uint256,bool,address,uint256)")
TRANSFER = _hash("Transfer(address,address,uint256)")


def _words(data: str) -> list[int]:
    return [int(data[at:at + WORD_DIGITS], 16) for at in range(2, len(data), WORD_DIGITS)]


def _address(word: int) -> str:
    return f"0x{word:040x}"


def address_of(private_key: str) -> str:
    """The account that a private key controls."""
    point = PublicKey.from_secret(bytes.fromhex(private_key.removeprefix("0x"))).format(compressed=False)
    return "0x" + keccak(point[1:])[12:].hex()


class Node:
    """A JSON-RPC endpoint. Every method raises OSError when it does not answer and RuntimeError when it refuses."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, *parameters: Any) -> Any:
        """The result of one request."""
        return next(self.ask_many([(method, list(parameters))]))

    def ask_many(self, requests: Sequence[tuple[str, list[Any]]]) -> Iterator[Any]:
        """The results of several requests, sent at once, in their order."""
        body = [{"jsonrpc": "2.0", "id": index, "method": method, "params": parameters}
                for index, (method, parameters) in enumerate(requests)]
        request = urllib.request.Request(self._url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with DIRECT.open(request, timeout=20) as response:
            answers = {answer["id"]: answer for answer in json.load(response)}
        for index, (method, _) in enumerate(requests):
            if "error" in answers[index]:
                raise RuntimeError(f"{method}: {answers[index]['error']}")
            yield answers[index]["result"]

    def call(self, contract: str, signature: str, *arguments: str | int) -> list[int]:
        """The words that a contract's function returns; arguments are addresses and integers."""
        words = [int(argument, 16) if isinstance(argument, str) else argument for argument in arguments]
        data = _hash(signature)[:10] + "".join(f"{word:064x}" for word in words)
        return _words(self.ask("eth_call", {"to": contract, "data": data}, "latest"))

    def block_number(self) -> int:
        """The number of the newest block."""
        return int(self.ask("eth_blockNumber"), 16)


class Asset(NamedTuple):
    """A token as the demonstration names it; a native one is held as such, and in the book as its wrapped token."""

    symbol: str
    token: str
    decimals: int
    is_native: bool


@dataclass(frozen=True)
class Venue:
    """Where one market of the exchange lives on the chain."""

    engine: str
    book: str
    base: Asset
    quote: Asset

    @classmethod
    def find(cls, node: Node, api_url: str, trading_pair: str) -> "Venue":
        """Ask the indexer for the tokens and the factory, and the chain for all the rest; a pair is written BASE-QUOTE."""
        tokens = {token["symbol"]: token["id"].lower() for token in _get(api_url + "/api/tokens/100/1")["tokens"]}
        factory = _get(api_url + "/api/exchange")["deployer"]
        engine = _address(node.call(factory, "engine()")[0])
        wrapped = _address(node.call(engine, "WETH()")[0])
        base, quote = (Asset(symbol, tokens[symbol], node.call(tokens[symbol], "decimals()")[0], tokens[symbol] == wrapped)
                       for symbol in trading_pair.split("-"))
        book = _address(node.call(engine, "getPair(address,address)", base.token, quote.token)[0])
        return cls(engine, book, base, quote)


def _get(url: str) -> Any:
    with DIRECT.open(url, timeout=20) as response:
        return json.load(response)


class Fill(NamedTuple):
    """One trade of an own order: gross amounts, and the fee in the token received (base for a buy, quote for a sell)."""

    base: int
    quote: int
    fee: int


class FillKey(NamedTuple):
    """A trade of a book as seen from one of its two sides."""

    book: str
    trade_id: int
    is_buy: bool


class OrderKey(NamedTuple):
    """An order that rests or rested: its book, its side and its number there."""

    book: str
    is_bid: bool
    order_id: int


@dataclass
class _Order:
    """An order that rested: its deposit, what came back of it, and the matches that consumed it."""

    deposit: int
    refund: int | None = None
    matches: list[FillKey] = field(default_factory=list)


class Ledger:
    """The life of one account's orders from a block on, read from the receipts of every block.

    The engine gives the last unit of a consumed bid to the seller without saying so in the event, so what the last match
    of a bid really cost is what is missing of its deposit.
    """

    def __init__(self, node: Node, venues: Sequence[Venue], account: str) -> None:
        self.account = account
        self.venues = venues
        self.gas_paid = 0
        self.transactions = 0
        self.failed_transactions = 0
        self._node = node
        self._by_book = {venue.book: venue for venue in venues}
        self._engine = venues[0].engine
        self._block = node.block_number()
        self._orders: dict[OrderKey, _Order] = {}
        self._fills: dict[FillKey, Fill] = {}
        self._fully_taken = 0

    @property
    def assets(self) -> dict[str, Asset]:
        """The tokens of all markets, by symbol."""
        return {asset.symbol: asset for venue in self.venues for asset in (venue.base, venue.quote)}

    def balances(self) -> dict[str, int]:
        """What the account holds now outside the books, in smallest units by symbol."""
        return {asset.symbol: int(self._node.ask("eth_getBalance", self.account, "latest"), 16) if asset.is_native
                else self._node.call(asset.token, "balanceOf(address)", self.account)[0] for asset in self.assets.values()}

    def catch_up(self) -> None:
        """Read all blocks up to the newest."""
        newest = self._node.block_number()
        while self._block < newest:
            numbers = range(self._block + 1, min(self._block + BLOCKS_PER_REQUEST, newest) + 1)
            for receipts in self._node.ask_many([("eth_getBlockReceipts", [hex(number)]) for number in numbers]):
                for receipt in receipts:
                    self._read(receipt)
            self._block = numbers[-1]

    @property
    def placed(self) -> int:
        """Orders that rested, and orders that were wholly filled at once."""
        return len(self._orders) + self._fully_taken

    @property
    def refunded(self) -> int:
        """Orders that were taken from the book with something left of their deposit."""
        return sum(order.refund is not None for order in self._orders.values())

    @property
    def orders(self) -> list[OrderKey]:
        """Every order that rested."""
        return list(self._orders)

    def open_orders(self) -> list[OrderKey]:
        """Own orders that the exchange still holds a deposit of."""
        keys = [key for key, order in self._orders.items() if order.refund is None]
        signature = "getOrder(address,address,bool,uint32)"
        return [key for key in keys if self._node.call(
            self._engine, signature, *self._pair(key.book), int(key.is_bid), key.order_id)[2] > 0]

    def _pair(self, book: str) -> tuple[str, str]:
        return self._by_book[book].base.token, self._by_book[book].quote.token

    def fills(self) -> dict[FillKey, Fill]:
        """All trades of the account's orders, once none of them is open."""
        fills = dict(self._fills)
        for key, order in self._orders.items():
            if key.is_bid and order.refund is None and order.matches:
                *earlier, last = order.matches
                spent = order.deposit - sum(fills[match].quote for match in earlier)
                fills[last] = fills[last]._replace(quote=spent)
        return fills

    def _read(self, receipt: dict[str, Any]) -> None:
        if receipt["from"].lower() == self.account:
            self.transactions += 1
            self.failed_transactions += int(receipt["status"], 16) == 0
            self.gas_paid += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        paid_out: dict[str, int] = {}
        resting: set[tuple[str, int]] = set()
        taking: set[tuple[str, int]] = set()
        for log in receipt["logs"]:
            topic, words, place = log["topics"][0], _words(log["data"]), log["address"].lower()
            if topic == TRANSFER:
                book = self._by_book.get(_address(int(log["topics"][1], 16)))
                if book is not None and place == book.quote.token:
                    paid_out[book.book] = paid_out.get(book.book, 0) + words[0]
                continue
            venue = self._by_book.get(_address(words[0])) if place == self._engine else None
            if venue is None:
                continue
            if topic == ORDER_PLACED and _address(words[3]) == self.account:
                self._orders[OrderKey(venue.book, bool(words[4]), words[2])] = _Order(words[7])
                resting.add((venue.book, words[1]))
            elif topic == ORDER_CANCELED and _address(int(log["topics"][1], 16)) == self.account:
                canceled = self._orders.get(OrderKey(venue.book, bool(words[2]), words[1]))
                if canceled is not None:
                    canceled.refund = words[3]
            elif topic == ORDER_MATCHED and self._match(venue.book, words, paid_out.pop(venue.book, 0)):
                taking.add((venue.book, words[1]))
        self._fully_taken += len(taking - resting)

    def _match(self, book: str, words: Iterable[int], paid_out: int) -> bool:
        """Take in a match; `paid_out` is the quote that left the book for it. True when the account was the taker."""
        (_, _, maker_id, taker_buys, _, _, _, taker, maker, base, quote, base_fee, quote_fee, trade_id) = words
        if _address(maker) == self.account:
            key = FillKey(book, trade_id, not taker_buys)
            self._fills[key] = Fill(base, quote, quote_fee if taker_buys else base_fee)
            order = self._orders.get(OrderKey(book, not taker_buys, maker_id))
            if order is not None:
                order.matches.append(key)
        if _address(taker) != self.account:
            return False
        key = FillKey(book, trade_id, bool(taker_buys))
        self._fills[key] = Fill(base, quote if taker_buys else paid_out, base_fee if taker_buys else quote_fee)
        return True
