"""What the exchange lists: engine, wrapped native token, markets. Discovered by REST, verified on the chain.

A token's symbol is only a claim, so two tokens must never be confused by it: the native token and the network's
well-known addresses keep theirs, any other token with a symbol that somebody else carries gets a part of its address. All is
in capitals, as Hummingbot writes the pairs and tokens that users name: balance limits and configurations match no others.
"""
import logging
import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.abi import AbiError, Function
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, FACTORY_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient, call_each, raise_failure
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    OrderRejectedError,
    RpcError,
    UnknownMarketError,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import PairRow, TokenRow
from hummingbot.connector.exchange.standard.standard_constants import ZERO_ADDRESS, Network

MAX_DECIMALS = 18
MAX_SYMBOL_LENGTH = 16


@dataclass
class Listing:
    """The verified markets of one engine. `by_pair` and `by_book` grow when a market is listed later."""

    engine: str
    native_token: str
    by_pair: dict[str, Market] = field(default_factory=dict)
    by_book: dict[str, Market] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def warn_once(self, message: str) -> None:
        """Log what is wrong with the API's rows, once: they are looked at again and again."""
        if message not in self._told:
            self._told.add(message)
            logging.getLogger(__name__).warning(message)

    def market(self, trading_pair: str) -> Market:
        """The market of a trading pair; UnknownMarketError names some that exist."""
        market = self.by_pair.get(trading_pair)
        if market is None:
            raise self.unknown(trading_pair)
        return market

    def unknown(self, trading_pair: str) -> UnknownMarketError:
        """The error for a pair that is not listed: it names some that are, or how it is written."""
        if trading_pair.upper() in self.by_pair:
            return UnknownMarketError(f"Standard lists no market {trading_pair}: write it in capitals, {trading_pair.upper()}.")
        known = ", ".join(sorted(self.by_pair)[:10]) or "none"
        return UnknownMarketError(f"Standard lists no market {trading_pair}. Listed: {known}.")

    @property
    def tokens(self) -> dict[str, Token]:
        """All tokens of the markets, by address."""
        return {token.address: token for market in self.by_book.values() for token in (market.base, market.quote)}

    def add(self, markets: Iterable[Market]) -> None:
        """List further markets; ones known already stay as they are, by book and by name."""
        for market in markets:
            if market.book not in self.by_book and market.trading_pair not in self.by_pair:
                self.by_pair[market.trading_pair] = market
            self.by_book.setdefault(market.book, market)


async def engine_address(rest: RestClient, rpc: RpcClient, network: Network) -> str:
    """The matching engine: the network's, or, where none is fixed, that of the factory which the API names. From then on the
    API client knows the factory.

    Raises ConfigurationError when nothing there answers as the engine does.
    """
    engine = network.engine
    try:
        if not engine:
            factory = await rest.factory_address()
            (engine,) = FACTORY_FUNCTIONS["engine"].decode_result(
                await rpc.eth_call(factory, FACTORY_FUNCTIONS["engine"].encode()))
        (rest.factory,) = ENGINE_FUNCTIONS["orderbookFactory"].decode_result(
            await rpc.eth_call(engine, ENGINE_FUNCTIONS["orderbookFactory"].encode()))
    except (AbiError, OrderRejectedError):
        raise ConfigurationError(f"There is no Standard matching engine at {engine or 'the address that the API names'} on this "
                                 "chain: check the engine address, the RPC URL and the API URL.") from None
    return engine


async def bare_listing(rest: RestClient, rpc: RpcClient, network: Network) -> Listing:
    """The engine and its wrapped native token, without any market. Where the network fixes the engine, no API is asked."""
    engine = await engine_address(rest, rpc, network)
    try:
        (native_token,) = ENGINE_FUNCTIONS["WETH"].decode_result(await rpc.eth_call(engine, ENGINE_FUNCTIONS["WETH"].encode()))
    except AbiError as error:  # it was told a moment ago that there is an engine
        raise ApiUnavailableError(f"the node does not tell the wrapped native token: {error}") from error
    return Listing(engine, native_token)


async def discover(rest: RestClient, rpc: RpcClient, network: Network) -> Listing:
    """The listing of a network; call again and `add` to learn of new markets."""
    listing = await bare_listing(rest, rpc, network)
    listing.add(await verified_markets(rpc, network, listing, await rest.pairs()))
    return listing


async def verified_markets(rpc: RpcClient, network: Network, listing: Listing, rows: Iterable[PairRow]) -> list[Market]:
    """The markets among the API's rows that the chain confirms: the book of the pair and the decimals of its tokens.

    Tokens of the listing keep their names. A pair of which a node cannot tell is left out, too. Raises RpcError where it tells
    of none, and ConfigurationError where all the API's books are of another engine.
    """
    rows = list(rows)
    facts = await chain_facts(rpc, listing.engine, rows)
    _refuse_books_of_another_engine(listing, rows, facts.books)
    markets = confirmed_markets(network, listing, rows, facts)
    left_out = {row.book for row in rows} - {market.book for market in markets}
    untold = [row for row in rows if row.book in left_out & facts.untold]
    refused = [row for row, book in zip(rows, facts.books)
               if book in (None, ZERO_ADDRESS, row.book) and row.book in left_out - facts.untold]
    for there, why in ((refused, "that the chain does not confirm; they are left out"),
                       (untold, "of which no node can tell now; they are left out until one can")):
        if there:
            listing.warn_once(f"The API lists {len(there)} pairs {why}: {', '.join(map(pair_name, there[:10]))}")
    return markets


class ChainFacts(NamedTuple):
    """The engine's book of each row (the zero address for none), the decimals of their tokens by address, both None where the
    contract refuses or the node cannot tell, and the books (as the rows have them) of which it cannot."""

    books: Sequence[str | None]
    decimals: Mapping[str, int | None]
    untold: Set[str]


async def chain_facts(rpc: RpcClient, engine: str, rows: Sequence[PairRow],
                      is_strict: bool = False) -> ChainFacts:
    """What the chain says of the rows. Raises RpcError when it tells nothing, or, if this `is_strict`, not all."""
    tokens = list({token.address for row in rows for token in (row.base, row.quote)})
    answers = await call_each(rpc, [
        *((engine, ENGINE_FUNCTIONS["getPair"].encode(row.base.address, row.quote.address)) for row in rows),
        *((address, ERC20_FUNCTIONS["decimals"].encode()) for address in tokens)])
    for part in (answers[:len(rows)], answers[len(rows):]):
        raise_failure(part, is_strict)
    books = [_result(ENGINE_FUNCTIONS["getPair"], answer) for answer in answers[:len(rows)]]
    told = dict(zip(tokens, answers[len(rows):]))
    untold = {row.book for row, *parts in zip(rows, answers, [told[row.base.address] for row in rows],
                                              [told[row.quote.address] for row in rows])
              if any(isinstance(part, RpcError) for part in parts)}
    return ChainFacts(books, {address: _result(ERC20_FUNCTIONS["decimals"], answer) for address, answer in told.items()}, untold)


def confirmed_markets(network: Network, listing: Listing, rows: Sequence[PairRow], facts: ChainFacts) -> list[Market]:
    """The markets of the rows whose book is the engine's and whose tokens have decimals that the engine takes."""
    usable = {address: digits for address, digits in facts.decimals.items() if digits is not None and digits <= MAX_DECIMALS}
    confirmed = [row for row, book in zip(rows, facts.books)
                 if book == row.book and {row.base.address, row.quote.address} <= usable.keys()]
    # Also those of which no node can tell now have a say in the names: else another token could take that of one of them.
    named = confirmed + [row for row in rows if row.book in facts.untold]
    native_token = listing.native_token
    names = unambiguous_symbols([token for row in named for token in (row.base, row.quote)], native_token, network,
                                {address: token.symbol for address, token in listing.tokens.items()})
    made = {address: Token(address, name, usable[address]) for address, name in names.items() if address in usable}
    return [Market(made[row.base.address], made[row.quote.address], row.book, row.base.address == native_token,
                   row.quote.address == native_token) for row in confirmed]


def _refuse_books_of_another_engine(listing: Listing, rows: Sequence[PairRow], books: Sequence[str | None]) -> None:
    """Say which pairs have another book in the API; raise ConfigurationError when all have: orders would go to one exchange by
    the prices of another."""
    there = [(row, book) for row, book in zip(rows, books) if book not in (None, ZERO_ADDRESS)]
    elsewhere = [f"{pair_name(row)} ({row.book} instead of {book})" for row, book in there if row.book != book]
    if not elsewhere:
        return
    if len(elsewhere) == len(there):
        raise ConfigurationError(f"The API is about another exchange than the engine {listing.engine}: it names other books, for "
                                 f"example of {elsewhere[0]}. Check the API URL and the engine address; where the exchange has "
                                 "moved, both have to be the new ones.")
    listing.warn_once(f"For {len(elsewhere)} pairs the API names a book that is not the engine's: {', '.join(elsewhere[:10])}")


def _result(function: Function, answer: object) -> Any:
    """What a view returned; None where the contract refused, the node failed, or it returned something else."""
    if not isinstance(answer, bytes):
        return None
    try:
        return function.decode_result(answer)[0]
    except AbiError:
        return None


def unambiguous_symbols(tokens: Iterable[TokenRow], native_token: str, network: Network,
                        known: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """A name for each token address: the symbol made safe for a trading pair, unique whatever tokens call themselves.

    `known` are names by address that were given before and stay.
    """
    owners = {name: address for address, name in known.items()}
    owners.update({symbol: address for symbol, address in network.well_known_tokens})
    owners[network.native_symbol] = native_token
    safe = {token.address: safe_symbol(token) for token in tokens}
    claimed: dict[str, set[str]] = {}
    for address, symbol in safe.items():
        claimed.setdefault(symbol, set()).add(address)
    names = {}
    for address, symbol in safe.items():
        if address in known:
            names[address] = known[address]
            continue
        owner = owners.get(symbol)
        contested = owner != address if owner is not None else len(claimed[symbol]) > 1
        names[address] = f"{symbol}.{_telling_digits(address, claimed[symbol])}" if contested else symbol
        if contested:
            logging.getLogger(__name__).info("The symbol %s is carried by several tokens; %s is called %s",
                                             symbol, address, names[address])
    return names


def _telling_digits(address: str, others: Iterable[str]) -> str:
    """The first digits of an address, as many as tell it from the others: an address with a wanted start is cheap to make."""
    length = 6
    while any(other != address and other[2:2 + length] == address[2:2 + length] for other in others):
        length += 1
    return address[2:2 + length].upper()


def pair_name(row: PairRow) -> str:
    """What to call a pair in a message."""
    return f"{safe_symbol(row.base)}/{safe_symbol(row.quote)}"


def safe_symbol(token: TokenRow) -> str:
    """The symbol without the characters that a trading pair, a log or a terminal could stumble over, in capitals."""
    folded = unicodedata.normalize("NFKC", token.symbol)
    kept = "".join(character for character in folded if character.isascii() and (character.isalnum() or character in "_$"))
    return (kept[:MAX_SYMBOL_LENGTH] or f"TOKEN{token.address[2:8]}").upper()
