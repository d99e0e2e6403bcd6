"""What the matching engine stores, and the small steps that all its parts share (docs/protocol.md, "Fees", "Spread limits",
"Errors")."""
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, ENGINE_FUNCTIONS_2026_07, ERRORS
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.book_core import DENOMINATOR
from hummingbot.connector.exchange.standard.sandbox.execution import (
    PANIC_ASSERT,
    PANIC_OVERFLOW,
    ZERO_ADDRESS,
    Contract,
    Execution,
    Revert,
    checked,
    panic,
    refuse,
)
from hummingbot.connector.exchange.standard.sandbox.factory import Factory
from hummingbot.connector.exchange.standard.sandbox.tokens import WrappedNative

ERROR = {error.name: error for error in ERRORS.values()}
FIND_BOOK_GAS = 2_300
LAST_HISTORY_ID = (1 << 16) - 1
UINT32 = 1 << 32
ADMIN_ROLE = bytes(32)
MARKET_MAKER_ROLE = keccak(b"MARKET_MAKER_ROLE")

PAYABLE = ("limitBuyETH", "limitSellETH", "marketBuyETH", "marketSellETH", "createOrder", "createOrders", "updateOrders",
           "addPairETH")


class Spread(NamedTuple):
    """How far a price may lie from the market on each side, in parts of 1e8."""

    buy: int
    sell: int

    def of(self, is_buy: bool) -> int:
        """One of the two."""
        return self.buy if is_buy else self.sell


class EngineState(Contract):
    """The engine's storage. `later` selects the generation of July 2026 instead of the one of August 2025."""

    def __init__(self, address: str, factory: Factory, wrapped: WrappedNative, fee_receiver: str, later: bool) -> None:
        functions: Mapping[str, Function] = ENGINE_FUNCTIONS_2026_07 if later else ENGINE_FUNCTIONS
        self.later = later
        super().__init__(address, functions, PAYABLE)
        self.factory_contract = factory
        self.wrapped = wrapped
        self.fee_receiver = fee_receiver
        self.incentive_address = ZERO_ADDRESS
        self.pool_share = 0
        self.pool_factory_address = ZERO_ADDRESS
        self.count = 0
        self.max_matches = 20
        self.fees = {True: 100_000, False: 100_000}
        self.default_spreads = {True: Spread(100_000, 100_000), False: Spread(3_000_000, 3_000_000)}
        self.spreads: dict[tuple[str, bool], Spread] = {}
        self.listing: dict[str, int] = {}
        self.roles: set[tuple[bytes, str]] = set()

    def book(self, base: str, quote: str) -> Book:
        """The book of a pair; raises Revert without data when there is none, as a call to nothing does."""
        book = self.factory_contract.books.get((base, quote))
        if book is None:
            raise Revert
        return book

    def listed_book(self, execution: Execution, base: str, quote: str) -> Book:
        """The book of a pair; raises Revert InvalidPair when there is none."""
        book = self.find_book(execution, base, quote)
        if book is None:
            raise refuse(ERROR["InvalidPair"], base, quote, ZERO_ADDRESS)
        return book

    def find_book(self, execution: Execution, base: str, quote: str) -> Book | None:
        """The book of a pair, asked of the factory."""
        meter, factory = execution.meter, self.factory_contract
        book = factory.books.get((base, quote))
        meter.read((self.address, "factory"))
        meter.account(factory.address)
        meter.read((factory.address, "implementation"))
        meter.account(book.address if book is not None else ZERO_ADDRESS)
        meter.spend(FIND_BOOK_GAS)
        return book

    @contextmanager
    def locked(self, execution: Execution) -> Iterator[None]:
        """The guard against reentrant calls: none can happen here, but it costs gas."""
        guard = (self.address, "guard")
        execution.meter.read(guard)
        execution.meter.write(guard, 1, 2)
        yield
        execution.meter.write(guard, 2, 1)

    def next_history_id(self, execution: Execution) -> int:
        """Count a submission: 1 to 65535, then 1 again."""
        following = self.count + 1 if self.count < LAST_HISTORY_ID else 1
        execution.meter.write((self.address, "count"), 1, 2)  # shares a slot that is never zero
        execution.world.journal.assign(self, "count", following)
        return following

    def fee_rate(self, execution: Execution, is_maker: bool) -> int:
        """The fee in parts of 1e8. An incentive that is no contract makes every match fail; one without an opinion is
        ignored (no contract of this sandbox has one)."""
        execution.meter.read((self.address, "fees"))
        if self.incentive_address != ZERO_ADDRESS and not execution.world.code(self.incentive_address):
            raise Revert
        return self.fees[is_maker]

    def spread(self, pair: str, is_buy: bool, is_market: bool) -> int:
        """The spread limit of a pair in parts of 1e8; 0 for an unknown one."""
        return self.spreads.get((pair, is_market), Spread(0, 0)).of(is_buy)

    receives_by_stipend = True

    def receive(self, execution: Execution, sender: str, value: int) -> None:
        """Only unwrapped native value is taken."""
        if sender != self.wrapped.address:
            raise panic(PANIC_ASSERT)


def widened(price: int, spread: int, is_buy: bool) -> int:
    """`price` moved by `spread` parts of 1e8 to the side on which a taker pays more (up for a buyer, down for a seller),
    floored; raises Revert (overflow) where the contract's 32-bit factor would overflow."""
    factor = DENOMINATOR + spread if is_buy else DENOMINATOR - spread
    if not 0 <= factor < UINT32:
        raise panic(PANIC_OVERFLOW)
    return checked(price * factor) // DENOMINATOR
