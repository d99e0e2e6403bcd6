"""Markets that the API does not list any more, or not yet, and in whose books own orders rest: recovered from the chain.

A book names its tokens, the engine confirms the book, and the tokens name themselves (docs/protocol.md, "Book views" and
"Tokens"). The native token's wrapper keeps the native token's name.
"""
from collections.abc import Collection, Sequence

from hummingbot.connector.exchange.standard.chain.abi import AbiError
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import RpcError
from hummingbot.connector.exchange.standard.listing import Listing, chain_facts, confirmed_markets
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.rest.models import PairRow, TokenRow
from hummingbot.connector.exchange.standard.standard_constants import Network


async def recovered_markets(rpc: RpcClient, network: Network, listing: Listing, books: Collection[str]) -> list[Market]:
    """The markets of those books (addresses) that belong to the listing's engine; books of other engines are left out.

    Raises ApiUnavailableError or RpcError.
    """
    wanted = sorted(books)
    pairs: dict[str, tuple[str, str]] = {}
    for book, answer in zip(wanted, await rpc.call_many([(book, BOOK_FUNCTIONS["getBaseQuote"].encode()) for book in wanted])):
        if isinstance(answer, RpcError):
            raise answer
        try:
            if isinstance(answer, bytes):
                pairs[book] = BOOK_FUNCTIONS["getBaseQuote"].decode_result(answer)
        except AbiError:
            continue  # no book of this kind
    names = await _symbols(rpc, sorted({token for pair in pairs.values() for token in pair}), listing, network)
    rows = [PairRow(TokenRow(base, names[base], 0), TokenRow(quote, names[quote], 0), book, None)
            for book, (base, quote) in pairs.items()]
    # One of which a node cannot tell is not left out: own orders rest there.
    return confirmed_markets(network, listing, rows, await chain_facts(rpc, listing.engine, rows, is_strict=True))


async def _symbols(rpc: RpcClient, tokens: Sequence[str], listing: Listing, network: Network) -> dict[str, str]:
    """What tokens call themselves; "" for one that does not say."""
    symbols = {}
    for token, answer in zip(tokens, await rpc.call_many([(token, ERC20_FUNCTIONS["symbol"].encode()) for token in tokens])):
        if isinstance(answer, RpcError):
            raise answer
        try:
            symbols[token] = ERC20_FUNCTIONS["symbol"].decode_result(answer)[0] if isinstance(answer, bytes) else ""
        except AbiError:
            symbols[token] = ""
    return symbols | {listing.native_token: network.native_symbol}
