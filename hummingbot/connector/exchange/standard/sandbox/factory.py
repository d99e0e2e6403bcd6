"""The factory of the books: where a book's address comes from, and the list of pairs (docs/protocol.md, "Book views")."""
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.chain.engine import ERRORS, FACTORY_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.execution import (
    PANIC_OVERFLOW,
    ZERO_ADDRESS,
    Contract,
    Execution,
    Revert,
    panic,
    refuse,
)
from hummingbot.connector.exchange.standard.sandbox.tokens import Token

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.sandbox.engine_state import EngineState

_CLONE_HEAD = bytes.fromhex("3d602d80600a3d3981f3363d3d373d3d3d363d73")
_CLONE_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
MOST_DECIMALS = 18
_ERROR = {error.name: error for error in ERRORS.values()}


def clone_code(implementation: str) -> bytes:
    """The creation code of a minimal clone of `implementation`."""
    return _CLONE_HEAD + bytes.fromhex(implementation[2:]) + _CLONE_TAIL


def book_address(factory: str, implementation: str, base: str, quote: str) -> str:
    """The address at which the factory creates the book of a pair; the order of base and quote matters."""
    salt = keccak(bytes.fromhex(base[2:]) + bytes.fromhex(quote[2:]))
    digest = keccak(b"\xff" + bytes.fromhex(factory[2:]) + salt + keccak(clone_code(implementation)))
    return "0x" + digest[12:].hex()


class Factory(Contract):
    """Creates books and remembers them.

    `known_books` fixes the addresses of some pairs, for a deployment whose implementation address is not known.
    """

    def __init__(self, address: str, implementation: str, known_books: dict[tuple[str, str], str]) -> None:
        super().__init__(address, FACTORY_FUNCTIONS)
        self.implementation = implementation
        self.known_books = known_books
        self.engine_contract: EngineState | None = None
        self.books: dict[tuple[str, str], Book] = {}
        self.pairs: list[Book] = []
        self.listing_costs: dict[tuple[str, str], int] = {}

    def create(self, execution: Execution, base: str, quote: str, by_time: bool) -> Book:
        """Create the book of a pair. Raises Revert SameBaseQuote, PairAlreadyExists or InvalidDecimals; without data
        when one of the two is no token."""
        assert self.engine_contract is not None
        world = execution.world
        if base == quote:
            raise refuse(_ERROR["SameBaseQuote"], base, quote)
        if (base, quote) in self.books:
            raise refuse(_ERROR["PairAlreadyExists"], base, quote, self.books[base, quote].address)
        tokens = world.contract(base), world.contract(quote)
        if not isinstance(tokens[0], Token) or not isinstance(tokens[1], Token):
            raise Revert
        if tokens[0].places > MOST_DECIMALS or tokens[1].places > MOST_DECIMALS:
            raise refuse(_ERROR["InvalidDecimals"], tokens[0].places, tokens[1].places)
        address = self.known_books.get((base, quote)) or book_address(self.address, self.implementation, base, quote)
        meter = execution.meter
        meter.account(self.address)
        for slot in ("base", "quote", "engine", "decimals", "WETH"):
            meter.write((address, slot), 0, 1)
        meter.write((self.address, "pair", address), 0, 1)
        meter.write((self.address, "pairs"), 1, 2)
        book = Book(address, self.engine_contract, tokens[0], tokens[1], by_time)
        world.add_contract(book)
        world.journal.put(self.books, (base, quote), book)
        world.journal.insert(self.pairs, len(self.pairs), book)
        return book

    def all_pairs_length(self, execution: Execution) -> tuple[int]:
        """allPairsLength()."""
        return (len(self.pairs),)

    def all_pairs(self, execution: Execution, index: int) -> tuple[str]:
        """allPairs(uint256)."""
        if index >= len(self.pairs):
            raise Revert
        return (self.pairs[index].address,)

    def get_pair(self, execution: Execution, base: str, quote: str) -> tuple[str]:
        """getPair(address,address): the zero address for an unknown pair."""
        book = self.books.get((base, quote))
        return (book.address if book else ZERO_ADDRESS,)

    def _page(self, start: int, end: int) -> list[Book]:
        if start > min(end, len(self.pairs)):
            raise panic(PANIC_OVERFLOW)
        return self.pairs[start:end]

    def get_pairs(self, execution: Execution, start: int, end: int) -> tuple[list[tuple[str, str]]]:
        """getPairs(uint256,uint256)."""
        return ([(book.base.address, book.quote.address) for book in self._page(start, end)],)

    def get_pair_names(self, execution: Execution, start: int, end: int) -> tuple[list[str]]:
        """getPairNames(uint256,uint256): the ERC-20 symbols."""
        return ([f"{book.base.ticker}/{book.quote.ticker}" for book in self._page(start, end)],)

    def get_base_quote(self, execution: Execution, pair: str) -> tuple[str, str]:
        """getBaseQuote(address)."""
        book = execution.world.contract(pair)
        if not isinstance(book, Book):
            raise Revert
        return book.base.address, book.quote.address

    def engine(self, execution: Execution) -> tuple[str]:
        """engine()."""
        return (self.engine_contract.address if self.engine_contract else ZERO_ADDRESS,)

    def impl(self, execution: Execution) -> tuple[str]:
        """impl()."""
        return (self.implementation,)

    def version(self, execution: Execution) -> tuple[int]:
        """version()."""
        return (0,)

    def is_clone(self, execution: Execution, pair: str) -> tuple[bool]:
        """isClone(address)."""
        return (isinstance(execution.world.contract(pair), Book),)

    def get_byte_code(self, execution: Execution) -> tuple[bytes]:
        """getByteCode()."""
        return (clone_code(self.implementation),)

    def get_listing_cost(self, execution: Execution, terminal: str, payment: str) -> tuple[int]:
        """getListingCost(string,address)."""
        return (self.listing_costs.get((terminal, payment), 0),)
