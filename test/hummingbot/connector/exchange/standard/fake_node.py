"""A scripted chain behind the connector: one engine, its books and tokens, answering JSON-RPC in the place of HTTP.

Orders rest where they are placed and nothing trades by itself: a test says what is filled (`fill`, `cross_next`), what the
contract refuses (`refuse`), what it silently ignores (`ignore`) and when the node gives no answer (`down`). Every
transaction is mined at once, in a block of its own. Everything that was asked is kept, decoded, for assertions; the items
of a batch are kept as the single calls that they stand for.
"""
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS,
    ENGINE_FUNCTIONS,
    ERRORS,
    FACTORY_FUNCTIONS,
    NEW_MARKET_PRICE,
    ORDER_CANCELED,
    ORDER_MATCHED,
    ORDER_PLACED,
)
from hummingbot.connector.exchange.standard.chain.tokens import APPROVAL, ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected, decode_transaction
from hummingbot.connector.exchange.standard.transport import HttpAnswer

FACTORY = "0x" + "fa" * 20
STRANGER = "0x" + "51" * 20
GWEI = 10 ** 9
ETHER = 10 ** 18
ZERO_ADDRESS = "0x" + "00" * 20
ERRORS_BY_NAME = {error.name: error for error in ERRORS.values()}
FUNCTIONS_BY_NAME = {**FACTORY_FUNCTIONS, **ERC20_FUNCTIONS, **BOOK_FUNCTIONS, **ENGINE_FUNCTIONS}


class Asked(NamedTuple):
    """A JSON-RPC method, a view or a transaction that arrived; `sender` is "" for what nobody signed."""

    name: str
    to: str
    arguments: tuple[Any, ...]
    sender: str = ""
    value: int = 0
    gas_limit: int = 0


@dataclass
class Order:
    """A resting order: its owner, price x 1e8 and what is left of its deposit."""

    owner: str
    price: int
    deposit: int


LogEntry = tuple[tuple[str, ...], bytes]


class Crossing(NamedTuple):
    """What the next order trades at its placement."""

    price: int
    base_amount: int
    quote_amount: int
    fee: int


class Refused(Exception):
    """A call reverts with these data."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class FakeNode:
    """The chain of one engine; an HttpTransport for the connector's JSON-RPC client."""

    def __init__(self, chain_id: int, engine: str, wrapped_native: str, markets: tuple[Market, ...] = ()) -> None:
        self.chain_id = chain_id
        self.engine = engine
        self.wrapped_native = wrapped_native
        self.head = 100
        self.markets = {market.book: market for market in markets}
        self.market_prices = {market.book: 10 ** 8 for market in markets}
        self.decimals = {token.address: token.decimals for market in markets for token in (market.base, market.quote)}
        self.maker_fee, self.taker_fee = 50_000, 100_000
        # By whether it is for buying and whether for market orders.
        self.spreads = {(True, False): 3_000_000, (False, False): 2_000_000, (True, True): 100_000, (False, True): 200_000}
        self.native: defaultdict[str, int] = defaultdict(lambda: 10 * ETHER)
        self.balances: Counter[tuple[str, str]] = Counter()
        self.allowances: Counter[tuple[str, str, str]] = Counter()
        self.orders: dict[OrderKey, Order] = {}
        self.logs: list[dict[str, Any]] = []
        self.receipts: dict[str, dict[str, Any]] = {}
        self.nonces: Counter[str] = Counter()
        self.asked: list[Asked] = []
        self.down: set[str] = set()
        self._ignored: dict[str, Callable[..., bool]] = {}
        self._refusals: dict[str, tuple[bytes, Callable[..., bool]]] = {}
        self._crossing: Crossing | None = None
        self._listeners: defaultdict[str, list[Callable[..., Any]]] = defaultdict(list)
        self._ids: Counter[tuple[str, bool]] = Counter()
        self._trades = 0

    # What a test says

    def on(self, name: str, callback: Callable[..., Any]) -> None:
        """Call back whenever this JSON-RPC method, view or transaction arrives."""
        self._listeners[name].append(callback)

    def refuse(self, name: str, error: str, *arguments: Any, when: Callable[..., bool] = lambda *_: True) -> None:
        """From now on this function of a contract reverts with the error, if `when` holds for its arguments."""
        self._refusals[name] = (ERRORS_BY_NAME[error].encode(*arguments), when)

    def ignore(self, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
        """From now on this function succeeds and does nothing, as a cancel does with too little gas."""
        self._ignored[name] = when

    def cross_next(self, price: int, base_amount: int, quote_amount: int, fee: int) -> None:
        """The next order trades this much at its placement."""
        self._crossing = Crossing(price, base_amount, quote_amount, fee)

    def received(self, name: str) -> list[Asked]:
        """What was asked under this name, in order."""
        return [asked for asked in self.asked if asked.name == name]

    def rest(self, key: OrderKey, owner: str, price: int, deposit: int) -> None:
        """An order rests already."""
        self.orders[key] = Order(owner, price, deposit)

    def fill(self, key: OrderKey, base_amount: int, quote_amount: int, fee: int, clear: bool = False) -> None:
        """Somebody takes (a part of) a resting order; `fee` is what its owner pays, in the token received."""
        order = self.orders[key]
        self._trades += 1
        base_fee, quote_fee = (fee, 0) if key.is_bid else (0, fee)
        order.deposit -= quote_amount if key.is_bid else base_amount
        if clear:
            del self.orders[key]
        self._mine("0x" + f"{self.head:064x}", True, [ORDER_MATCHED.encode(
            key.book, 1, key.id, not key.is_bid, order.price, base_amount, clear,
            (STRANGER, order.owner, base_amount, quote_amount, base_fee, quote_fee, self._trades))])

    def cancel(self, key: OrderKey) -> None:
        """The order is cancelled by a transaction of another program with the same wallet."""
        self._mine("0x" + f"{self.head:064x}", True, [self._canceled(key)])

    # JSON-RPC

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        """See HttpTransport.request."""
        document = json.loads(body or b"null")
        questions = document if isinstance(document, list) else [document]
        if self.down & {question["method"] for question in questions}:
            raise ApiUnavailableError("the node is down")
        answers = [{"jsonrpc": "2.0", "id": question["id"], **self._answer(question["method"], question["params"])}
                   for question in questions]
        return HttpAnswer(200, {}, json.dumps(answers if isinstance(document, list) else answers[0]).encode())

    def _answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        self._note(Asked(method, "", tuple(params)))
        handler = getattr(self, method, None)
        if handler is None:
            return {"error": {"code": -32601, "message": f"the method {method} does not exist"}}
        try:
            return {"result": handler(*params)}
        except TransactionRejected as error:
            return {"error": {"code": -32000, "message": str(error)}}
        except Refused as error:
            return {"error": {"code": 3, "message": "execution reverted", "data": "0x" + error.data.hex()}}

    def _note(self, asked: Asked) -> None:
        self.asked.append(asked)
        for callback in self._listeners[asked.name]:
            callback()

    def eth_chainId(self) -> str:
        return hex(self.chain_id)

    def eth_blockNumber(self) -> str:
        return hex(self.head)

    def eth_getBalance(self, account: str, block: str) -> str:
        return hex(self.native[account])

    def eth_getCode(self, address: str, block: str) -> str:
        return "0x60" if address in (self.engine, FACTORY, *self.markets, *self.decimals) else "0x"

    def eth_getTransactionCount(self, account: str, block: str) -> str:
        return hex(self.nonces[account])

    def eth_gasPrice(self) -> str:
        return hex(6 * GWEI)

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(0)

    def eth_feeHistory(self, count: str, newest: str, percentiles: list[float]) -> dict[str, Any]:
        return {"oldestBlock": hex(self.head), "baseFeePerGas": [hex(6 * GWEI), hex(6 * GWEI)], "gasUsedRatio": [0.1]}

    def eth_getBlockByNumber(self, block: str, full: bool) -> dict[str, Any] | None:
        number = self.head if block == "latest" else int(block, 16)
        return None if number > self.head else {
            "number": hex(number), "hash": f"0x{number:064x}", "parentHash": f"0x{number - 1:064x}", "timestamp": hex(number),
            "baseFeePerGas": hex(6 * GWEI)}

    def eth_getTransactionReceipt(self, transaction_hash: str) -> dict[str, Any] | None:
        return self.receipts.get(transaction_hash)

    def eth_getTransactionByHash(self, transaction_hash: str) -> dict[str, Any] | None:
        receipt = self.receipts.get(transaction_hash)
        return receipt and {"hash": transaction_hash, "blockNumber": receipt["blockNumber"]}

    def eth_getLogs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        first = int(query["fromBlock"], 16)
        last = self.head if query["toBlock"] == "latest" else int(query["toBlock"], 16)
        kinds = query["topics"][0] if query["topics"] else None
        addresses = [query["address"]] if isinstance(query["address"], str) else query["address"]
        return [log for log in self.logs if first <= int(log["blockNumber"], 16) <= last and log["address"] in addresses
                and (kinds is None or log["topics"][0] in kinds)]

    def eth_call(self, call: dict[str, Any], block: str) -> str:
        to, data = call["to"], bytes.fromhex(call["data"][2:])
        name, arguments = self._decode(to, data)
        if not name:
            return "0x"
        self._note(Asked(name, to, arguments))
        self._check_refusal(name, arguments)
        handler = getattr(self, "_view_" + name, None)
        if handler is None:
            return "0x"
        return "0x" + FUNCTIONS_BY_NAME[name].encode_result(*handler(to, *arguments)).hex()

    def eth_sendRawTransaction(self, raw: str) -> str:
        transaction = decode_transaction(bytes.fromhex(raw[2:]), self.chain_id)
        assert transaction.nonce == self.nonces[transaction.sender], "the connector skipped or repeated a nonce"
        self.nonces[transaction.sender] += 1
        name, arguments = self._decode(transaction.to or "", transaction.data)
        asked = Asked(name, transaction.to or "", arguments, transaction.sender, transaction.value, transaction.gas_limit)
        calls = [asked._replace(name=single, arguments=item) for single, item in _items(name, arguments)]
        logs: list[LogEntry] = []
        success = True
        try:
            for call in calls:
                self._check_refusal(call.name, call.arguments)
            for call in calls:
                if not self._ignored.get(call.name, lambda *_: False)(*call.arguments):
                    logs += getattr(self, "_do_" + call.name)(call, *call.arguments)
                elif not call.name.startswith("cancel"):  # its deposit goes there and back at least
                    logs.append(NEW_MARKET_PRICE.encode(ZERO_ADDRESS, 1, True))
        except Refused:
            success, logs = False, []
        self._mine(transaction.hash, success, logs, asked)
        for noted in calls if len(calls) > 1 else [asked]:
            self._note(noted)
        return transaction.hash

    # Views

    def _view_orderbookFactory(self, to: str) -> tuple[Any, ...]:
        return (FACTORY,)

    def _view_engine(self, to: str) -> tuple[Any, ...]:
        return (self.engine,)

    def _view_WETH(self, to: str) -> tuple[Any, ...]:
        return (self.wrapped_native,)

    def _view_getPair(self, to: str, base: str, quote: str) -> tuple[Any, ...]:
        return (next((book for book, market in self.markets.items()
                      if (market.base.address, market.quote.address) == (base, quote)), ZERO_ADDRESS),)

    def _view_feeOf(self, to: str, base: str, quote: str, account: str, is_maker: bool) -> tuple[Any, ...]:
        return (self.maker_fee if is_maker else self.taker_fee,)

    def _view_getSpread(self, to: str, book: str, is_buy: bool, is_market: bool) -> tuple[Any, ...]:
        return (self.spreads[is_buy, is_market],)

    def _view_listingDates(self, to: str, book: str) -> tuple[Any, ...]:
        return (1_700_000_000,)

    def _view_lmp(self, to: str) -> tuple[Any, ...]:
        return (self.market_prices[to],)

    def _view_getOrder(self, to: str, is_bid: bool, number: int) -> tuple[Any, ...]:
        order = self.orders.get(OrderKey(to, is_bid, number), Order(ZERO_ADDRESS, 0, 0))
        return ((order.owner, order.price, order.deposit),)

    def _view_decimals(self, to: str) -> tuple[Any, ...]:
        return (self.decimals[to],)

    def _view_balanceOf(self, to: str, account: str) -> tuple[Any, ...]:
        return (self.balances[to, account],)

    def _view_allowance(self, to: str, owner: str, spender: str) -> tuple[Any, ...]:
        return (self.allowances[to, owner, spender],)

    # Transactions

    def _do_approve(self, asked: Asked, spender: str, amount: int) -> list[LogEntry]:
        self.allowances[asked.to, asked.sender, spender] = amount
        return [APPROVAL.encode(asked.sender, spender, amount)]

    def _do_limitBuy(self, asked: Asked, base: str, quote: str, price: int, amount: int, is_maker: bool, n: int,
                     recipient: str) -> list[LogEntry]:
        return self._place(base, quote, True, price, amount, recipient)

    def _do_limitSell(self, asked: Asked, base: str, quote: str, price: int, amount: int, is_maker: bool, n: int,
                      recipient: str) -> list[LogEntry]:
        return self._place(base, quote, False, price, amount, recipient)

    def _do_limitSellETH(self, asked: Asked, quote: str, price: int, is_maker: bool, n: int,
                         recipient: str) -> list[LogEntry]:
        return self._place(self.wrapped_native, quote, False, price, asked.value, recipient)

    def _do_cancelOrder(self, asked: Asked, base: str, quote: str, is_bid: bool,
                        number: int) -> list[LogEntry]:
        (book,) = self._view_getPair(self.engine, base, quote)
        key = OrderKey(book, is_bid, number)
        order = self.orders.get(key)
        return [self._canceled(key)] if order is not None and order.owner == asked.sender else []

    def _do_createOrder(self, asked: Asked, base: str, quote: str, is_bid: bool, is_limit: bool, number: int, price: int,
                        amount: int, n: int, recipient: str) -> list[LogEntry]:
        return self._place(base, quote, is_bid, price, amount, recipient)

    def _place(self, base: str, quote: str, is_bid: bool, price: int, amount: int,
               owner: str) -> list[LogEntry]:
        (book,) = self._view_getPair(self.engine, base, quote)
        logs, left = [], amount
        if self._crossing is not None:
            crossing, self._crossing = self._crossing, None
            self._trades += 1
            left -= crossing.quote_amount if is_bid else crossing.base_amount
            fees = (crossing.fee, 0) if is_bid else (0, crossing.fee)
            logs.append(ORDER_MATCHED.encode(book, 1, 1, is_bid, crossing.price, crossing.base_amount, False, (
                owner, STRANGER, crossing.base_amount, crossing.quote_amount, *fees, self._trades)))
        if left > 0:
            self._ids[book, is_bid] += 1
            key = OrderKey(book, is_bid, self._ids[book, is_bid])
            self.orders[key] = Order(owner, price, left)
            logs.append(ORDER_PLACED.encode(book, 1, key.id, owner, is_bid, price, amount, left))
        return logs

    # The chain

    def _decode(self, to: str, data: bytes) -> tuple[str, tuple[Any, ...]]:
        if to == self.engine:
            table = ENGINE_FUNCTIONS
        elif to == FACTORY:
            table = FACTORY_FUNCTIONS
        elif to in self.markets:
            table = BOOK_FUNCTIONS
        elif to in self.decimals:
            table = ERC20_FUNCTIONS
        else:
            return "", ()
        for function in table.values():
            if function.selector == data[:4]:
                return function.name, function.decode(data)
        return "", ()

    def _check_refusal(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in self._refusals and self._refusals[name][1](*arguments):
            raise Refused(self._refusals[name][0])

    def _canceled(self, key: OrderKey) -> LogEntry:
        order = self.orders.pop(key)
        return ORDER_CANCELED.encode(key.book, key.id, key.is_bid, order.owner, order.deposit)

    def _mine(self, transaction_hash: str, success: bool, logs: list[LogEntry],
              asked: Asked | None = None) -> None:
        self.head += 1
        block = {"blockNumber": hex(self.head), "blockHash": f"0x{self.head:064x}"}
        emitter = asked.to if asked is not None and asked.name == "approve" else self.engine
        entries = [{"address": emitter, "topics": list(topics), "data": "0x" + data.hex(), "logIndex": hex(index),
                    "transactionHash": transaction_hash, "removed": False, **block} for index, (topics, data) in enumerate(logs)]
        self.logs += [entry for entry in entries if emitter == self.engine]
        self.receipts[transaction_hash] = {
            "transactionHash": transaction_hash, "status": hex(int(success)), "gasUsed": hex(21_000),
            "effectiveGasPrice": hex(6 * GWEI), "logs": entries, "from": asked.sender if asked else STRANGER, **block}


def _items(name: str, arguments: tuple[Any, ...]) -> list[tuple[str, tuple[Any, ...]]]:
    """The single calls that a transaction stands for."""
    if name in ("createOrders", "cancelOrders"):
        return [(name[:-1], tuple(item)) for item in arguments[0]]
    return [(name, tuple(arguments[0]) if name == "createOrder" else arguments)]
