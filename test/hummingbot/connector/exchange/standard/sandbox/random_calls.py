"""Random calls of all kinds, valid and invalid, and what must hold after any sequence of them."""
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS,
    ENGINE_FUNCTIONS,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
    decode_event,
)
from hummingbot.connector.exchange.standard.chain.tokens import WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.deployment import (
    OPERATOR,
    Deployment,
    Generation,
    PairSpec,
    account_key,
    address_of,
    build,
    default_deployment,
)
from hummingbot.connector.exchange.standard.sandbox.execution import MAX_UINT256, ZERO_ADDRESS
from hummingbot.connector.exchange.standard.sandbox.levels import Side
from hummingbot.connector.exchange.standard.sandbox.matching_engine import MatchingEngine
from hummingbot.connector.exchange.standard.sandbox.tokens import Token
from hummingbot.connector.exchange.standard.sandbox.world import Block, Message, Outcome, World

GAS = 30_000_000
DENOMINATOR = 10 ** 8


def deployment(generation: Generation, canonical_logs: bool = True) -> Deployment:
    """Three pairs: wrapped native as base, as quote, and not at all; one of them by time in the later generation."""
    start = default_deployment()
    accounts = list(start.balances)
    usdc, wbtc = (token.address for token in start.tokens)
    later = generation is Generation.JULY_2026
    return replace(
        start, generation=generation, canonical_logs=canonical_logs,
        pairs=(start.pairs[0], replace(start.pairs[1], by_time=later),
               PairSpec(wbtc, start.wrapped.address, 92_000 * DENOMINATOR)),
        allowances={(token, account): MAX_UINT256 for token in (usdc, wbtc, start.wrapped.address) for account in accounts[:6]})


class Caller:
    """A world under random calls. Every choice comes from `random`, so a run can be repeated."""

    def __init__(self, start: Deployment, random: Random) -> None:
        self.random = random
        self.world: World = build(start)
        self.start = start
        self.engine = start.engine
        contract = self.world.contract(start.engine)
        assert isinstance(contract, MatchingEngine)
        self.contract = contract
        self.traders = [address_of(account_key(index)) for index in range(5)]
        self.operator = address_of(account_key(OPERATOR))
        self.books: list[Book] = list(contract.factory_contract.pairs)
        self.number = 1
        self.last_ids: dict[tuple[str, bool], int] = {}
        self.gone: set[tuple[str, bool, int]] = set()
        self.succeeded = 0
        self.native = self._native()
        self.supplies = {token.address: token.supply for token in self._tokens()}

    def step(self) -> Outcome:
        """One random message, and what must hold after each."""
        message = self.message()
        before = self.world.checkpoint()
        self.number += 1
        outcome = self.world.execute(message, Block(self.number, 1_760_000_000 + self.number))
        if not outcome.success:
            assert self.world.checkpoint() == before, "a failed message left a trace"
            assert not outcome.logs
        assert outcome.gas_used <= message.gas_limit
        self.succeeded += outcome.success
        self._follow(outcome)
        return outcome

    def message(self) -> Message:
        """A random message."""
        random = self.random
        kinds: tuple[tuple[int, Callable[[], tuple[str, int, bytes]]], ...] = (
            (40, self._limit), (12, self._market), (10, self._native_order), (14, self._cancel), (8, self._create),
            (8, self._update), (4, self._token_call), (2, self._operator_call), (2, self._nonsense))
        (kind,) = random.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])
        to, value, data = kind()
        sender = self.operator if kind == self._operator_call and random.random() < 0.8 else random.choice(self.traders)
        gas = random.randrange(21_000, 400_000) if random.random() < 0.02 else GAS
        return Message(sender, to, value, data, gas)

    # --- the calls ---

    def _book(self) -> Book:
        return self.random.choice(self.books)

    def _price(self, book: Book) -> int:
        price = book.last_price * self.random.choice((970, 990, 995, 998, 999, 1000, 1001, 1002, 1005, 1010, 1030)) // 1000
        return self.random.choice((price, price + self.random.randrange(3), 0)) if self.random.random() < 0.1 else price

    def _amount(self, book: Book, is_bid: bool) -> int:
        token = book.quote if is_bid else book.base
        worth = self.random.choice((1, 3, 10, 30)) * 10 ** 6 * 10 ** (book.quote.places - 6)
        if book.quote is self.contract.wrapped:
            worth = self.random.choice((1, 2, 5)) * 10 ** 17
        amount = worth if is_bid else book.to_base(book.last_price, worth)
        noise = self.random.random()
        if noise < 0.25:
            amount += self.random.randrange(1000)
        elif noise < 0.32:
            amount = self.random.choice((0, 1, 2, 3, 1000, token.supply))
        return amount

    def _recipient(self) -> str:
        return ZERO_ADDRESS if self.random.random() < 0.003 else self.random.choice(self.traders)

    def _n(self) -> int:
        return self.random.choice((0, 1, 2, 5, 20, 20, 20, 20, 21))

    def _limit(self) -> tuple[str, int, bytes]:
        book, is_bid = self._book(), self.random.random() < 0.5
        function = ENGINE_FUNCTIONS["limitBuy" if is_bid else "limitSell"]
        return self.engine, 0, function.encode(book.base.address, book.quote.address, self._price(book),
                                               self._amount(book, is_bid), self.random.random() < 0.7, self._n(),
                                               self._recipient())

    def _market(self) -> tuple[str, int, bytes]:
        book, is_bid = self._book(), self.random.random() < 0.5
        function = ENGINE_FUNCTIONS["marketBuy" if is_bid else "marketSell"]
        return self.engine, 0, function.encode(book.base.address, book.quote.address, self._amount(book, is_bid),
                                               self.random.random() < 0.5, self._n(), self._recipient(),
                                               self.random.choice((0, 100_000, 500_000, 10_000_000)))

    def _native_order(self) -> tuple[str, int, bytes]:
        book = self.random.choice([book for book in self.books if self.contract.wrapped in (book.base, book.quote)])
        is_bid = book.quote is self.contract.wrapped
        other = (book.base if is_bid else book.quote).address
        maker, limit, recipient = self.random.random() < 0.7, self._n(), self._recipient()
        if self.random.random() < 0.7:
            data = ENGINE_FUNCTIONS["limitBuyETH" if is_bid else "limitSellETH"].encode(
                other, self._price(book), maker, limit, recipient)
        else:
            data = ENGINE_FUNCTIONS["marketBuyETH" if is_bid else "marketSellETH"].encode(
                other, maker, limit, recipient, 300_000)
        return self.engine, self._amount(book, is_bid), data

    def _id(self, book: Book, is_bid: bool) -> int:
        side = book.side(is_bid)
        known = list(side.orders)
        return self.random.choice(known) if known and self.random.random() < 0.8 else self.random.randrange(side.next_id + 3)

    def _cancel(self) -> tuple[str, int, bytes]:
        items = [(book.base.address, book.quote.address, is_bid, self._id(book, is_bid))
                 for book, is_bid in ((self._book(), self.random.random() < 0.5) for _ in range(self.random.randrange(1, 5)))]
        if self.random.random() < 0.5:
            return self.engine, 0, ENGINE_FUNCTIONS["cancelOrder"].encode(*items[0])
        return self.engine, 0, ENGINE_FUNCTIONS["cancelOrders"].encode(items)

    def _item(self) -> tuple[Any, ...]:
        book, is_bid = self._book(), self.random.random() < 0.5
        amount = 0 if self.random.random() < 0.05 else self._amount(book, is_bid)
        return (book.base.address, book.quote.address, is_bid, self.random.random() < 0.8, self._id(book, is_bid),
                self._price(book), amount, self._n(), self._recipient())

    def _value(self, items: list[tuple[Any, ...]]) -> int:
        spent: int = sum(item[6] for item in items if item[1 if item[2] else 0] == self.contract.wrapped.address)
        return spent + self.random.choice((0, 0, 0, 1000, -1 if spent else 0))

    def _create(self) -> tuple[str, int, bytes]:
        items = [self._item() for _ in range(self.random.randrange(1, 5))]
        if self.random.random() < 0.5:
            return self.engine, self._value(items[:1]), ENGINE_FUNCTIONS["createOrder"].encode(items[0])
        return self.engine, self._value(items), ENGINE_FUNCTIONS["createOrders"].encode(items)

    def _update(self) -> tuple[str, int, bytes]:
        items = [self._item() for _ in range(self.random.randrange(1, 4))]
        if self.random.random() < 0.6:
            return self.engine, 0, ENGINE_FUNCTIONS["updateOrder"].encode(items[0])
        return self.engine, self._value(items), ENGINE_FUNCTIONS["updateOrders"].encode(items)

    def _token_call(self) -> tuple[str, int, bytes]:
        token = self.random.choice(self._tokens())
        trader, amount = self.random.choice(self.traders), self.random.choice((0, 1, 10 ** 6, MAX_UINT256))
        calls = [("transfer", (trader, amount)), ("transferFrom", (trader, self.random.choice(self.traders), amount)),
                 ("approve", (self.engine, MAX_UINT256)), ("deposit", ()), ("withdraw", (amount,))]
        name, arguments = self.random.choice(calls)
        return token.address, 10 ** 18 if name == "deposit" else 0, WETH_FUNCTIONS[name].encode(*arguments)

    def _operator_call(self) -> tuple[str, int, bytes]:
        book = self._book()
        pair = book.base.address, book.quote.address
        spread = self.random.choice((0, 100_000, 1_000_000, 3_000_000))
        name, arguments = self.random.choice((
            ("setDefaultFee", (self.random.random() < 0.5, self.random.choice((0, 50_000, 100_000, 1_000_000)))),
            ("setSpread", (*pair, spread, spread, self.random.random() < 0.5)),
            ("setMaxMatches", (self.random.choice((3, 20)),)),
            ("setFeeTo", (self.random.choice(self.traders),)),
            ("updatePair", (*pair, self.random.choice((book.last_price, book.last_price + 1, 0)), 0))))
        return self.engine, 0, ENGINE_FUNCTIONS[name].encode(*arguments)

    def _nonsense(self) -> tuple[str, int, bytes]:
        book = self._book()
        data = self.random.choice((b"", b"\1\2", b"\1\2\3\4", ENGINE_FUNCTIONS["limitBuy"].selector,
                                   ENGINE_FUNCTIONS["heads"].encode(book.base.address, book.quote.address),
                                   BOOK_FUNCTIONS["clearEmptyHead"].encode(True)))
        return self.random.choice((self.engine, book.address, self.start.factory)), self.random.choice((0, 0, 5)), data

    # --- what must hold ---

    def _tokens(self) -> list[Token]:
        books = self.contract.factory_contract.pairs
        return list({token.address: token for book in books for token in (book.base, book.quote)}.values())

    def _native(self) -> int:
        return sum(self.world._balances.values())

    def _follow(self, outcome: Outcome) -> None:
        """Ids grow one by one and a cancelled or cleared order never comes back."""
        for log in outcome.logs:
            event = decode_event(log.topics, log.data) if log.address == self.engine else None
            if isinstance(event, OrderPlaced):
                side = event.pair, event.is_bid
                assert event.id == self.last_ids.get(side, 0) + 1, "an id was repeated or left out"
                self.last_ids[side] = event.id
                assert event.placed <= event.without_fee
            elif isinstance(event, OrderCanceled):
                assert (event.pair, event.is_bid, event.id) not in self.gone, "an order was cancelled twice"
                self.gone.add((event.pair, event.is_bid, event.id))
            elif isinstance(event, OrderMatched):
                assert (event.pair, not event.is_bid, event.id) not in self.gone, "an order that was gone was matched"
                if event.clear:
                    self.gone.add((event.pair, not event.is_bid, event.id))

    def check(self) -> None:
        """Value is conserved to the unit; levels, queues and orders of every book agree."""
        wrapped = self.contract.wrapped
        assert self._native() == self.native
        assert self.world.balance(wrapped.address) == wrapped.supply
        for token in self._tokens():
            assert sum(token.balances.values()) == token.supply
            assert token is wrapped or token.supply == self.supplies[token.address]
            assert all(amount >= 0 for amount in token.balances.values())
            assert token.balances.get(self.engine, 0) == 0, "the engine kept tokens"
        for book in self.books:
            for is_bid in (True, False):
                self._check_side(book, book.side(is_bid))
            for token, side in ((book.quote, book.bids), (book.base, book.asks)):
                assert token.balances.get(book.address, 0) == sum(order.deposit for order in side.orders.values())

    def _check_side(self, book: Book, side: Side) -> None:
        prices = side.prices(len(side.queues) + 1)
        assert prices == sorted(side.queues, reverse=side.is_bid)
        queued = [number for queue in side.queues.values() for number in queue]
        assert len(queued) == len(set(queued)) and set(queued) <= set(side.orders)
        for price, queue in side.queues.items():
            assert all(side.orders[number].price == price for number in queue)
            assert queue or side.keeps_ghosts
        for number in set(side.orders) - set(queued):
            order = side.orders[number]
            assert side.keeps_ghosts and not book.converted(order.price, order.deposit, side.is_bid is False)
        for number, order in side.orders.items():
            assert (book.address, side.is_bid, number) not in self.gone and order.deposit > 0 and number < side.next_id


def state_of(world: World) -> Any:
    """Everything that a world holds, comparable."""
    return _plain((world._balances, world._nonces, world._contracts), set())


def _plain(value: Any, seen: set[int]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, seen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, seen) for item in value]
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, Side):
        return [_plain(getattr(value, name), seen) for name in Side.__slots__]
    if hasattr(value, "__dict__") and type(value).__module__.startswith("hummingbot"):
        if id(value) in seen:
            return getattr(value, "address", None)
        seen.add(id(value))
        return {name: _plain(item, seen) for name, item in vars(value).items() if name != "_entries"}
    return value
