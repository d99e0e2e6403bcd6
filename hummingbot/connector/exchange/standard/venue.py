"""The exchange as the connector reads it: listing, fees, spreads, balances and orders, each in one batched request."""
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.abi import WORD, Function
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.heads import STALL_SECONDS
from hummingbot.connector.exchange.standard.chain.rpc import BlockTag, RpcClient, call_each, raise_failure
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    ConfigurationError,
    OrderRejectedError,
    RpcError,
)
from hummingbot.connector.exchange.standard.listing import Listing, bare_listing, discover, verified_markets
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.shared_work import SharedWork
from hummingbot.connector.exchange.standard.standard_constants import ZERO_ADDRESS, Network
from hummingbot.connector.exchange.standard.unlisted import recovered_markets

Call = tuple[str, bytes]

# No more often than this, in seconds, is the listing looked at again for a pair that is missing or in doubt.
LOOK_AGAIN_SECONDS = 15.0
# For so long, in seconds, wrong settings are told without asking again: Hummingbot asks twice a second.
WRONG_SETTINGS_SECONDS = 30.0


class MarketFacts(NamedTuple):
    """What the chain says of a market for one account: prices x 1e8, fees and spreads in parts of 1e8."""

    market_price: int
    maker_fee: int
    taker_fee: int
    buy_spread: int
    sell_spread: int
    market_buy_spread: int
    market_sell_spread: int
    listing_date: int


class ChainOrder(NamedTuple):
    """An order as the engine stores it; zeros when there is none (docs/protocol.md, "Following an order")."""

    owner: str
    price: int
    deposit: int


class Venue:
    """One network's exchange, read-only. The listing is discovered when it is first needed."""

    def __init__(self, network: Network, rest: RestClient, rpc: RpcClient, clock: Clock | None = None) -> None:
        self.network = network
        self.rest = rest
        self.rpc = rpc
        self._listing: Listing | None = None
        # The pairs that are known, and that the API did not list when it was asked last.
        self.unlisted: set[str] = set()
        # The book that the API named last for pairs where it is not the engine's any more: the API is about another exchange.
        self.elsewhere: Mapping[str, str] = {}
        self._discovery = SharedWork()
        self._clock = clock or SystemClock()
        self._looked_at = -math.inf  # at the API's pairs
        self._wrong_settings, self._wrong_until = "", -math.inf

    @property
    def known_listing(self) -> Listing | None:
        """The listing, if it has been discovered."""
        return self._listing

    async def refuse_standstill(self) -> None:
        """Raise OrderRejectedError where the nodes tell no new block: what became of an order could not be told. Cancels are
        sent all the same, since a node whose answers stand still may pass on what it is sent."""
        if self.rpc.standstill > STALL_SECONDS:
            await self.rpc.block_number()  # which nobody may have asked for since
        if self.rpc.standstill > STALL_SECONDS:
            raise OrderRejectedError(f"The node has told no new block for {self.rpc.standstill:.0f} s: no order is placed until "
                                     "it does.")

    async def refuse_another_exchange(self, trading_pair: str) -> None:
        """Raise OrderRejectedError where the API names another book of the pair, also when it is asked again."""
        if trading_pair in self.elsewhere:
            await self.look_again()
        if trading_pair in self.elsewhere:
            raise OrderRejectedError(f"The API is about another exchange now, and so is its book of {trading_pair}: no order is "
                                     "placed by it.")

    async def listing(self) -> Listing:
        """The verified markets; raises ConfigurationError for wrong settings and ApiUnavailableError without an answer."""
        if self._listing is None:
            if self._clock.monotonic() < self._wrong_until:
                raise ConfigurationError(self._wrong_settings)
            await self._discovery.done(self._discover)
            assert self._listing is not None
        return self._listing

    async def _discover(self) -> None:
        self._looked_at = self._clock.monotonic()
        try:
            listing = await discover(self.rest, self.rpc, self.network)
        except ConfigurationError as error:
            self._wrong_settings, self._wrong_until = str(error), self._clock.monotonic() + WRONG_SETTINGS_SECONDS
            raise
        if not listing.by_pair:
            # Kept, this would hold until the next look at the trading rules, half an hour later.
            raise ApiUnavailableError("The API lists no market at all, or none that the chain confirms.")
        self._listing = listing

    def market(self, trading_pair: str) -> Market:
        """The market of a pair; raises ApiUnavailableError before the listing is known, UnknownMarketError for no market."""
        if self._listing is None:
            raise ApiUnavailableError("the markets are not known yet")
        return self._listing.market(trading_pair)

    def market_of(self, book: str) -> Market | None:
        """The market of a book's address, as far as is known."""
        return self._listing.by_book.get(book) if self._listing is not None else None

    async def refresh_listing(self) -> Listing:
        """The listing, with the markets that were added since; those that the API does not list any more stay known."""
        listing = await self.listing()
        self._looked_at = self._clock.monotonic()
        known = {(market.base.address, market.quote.address): pair for pair, market in listing.by_pair.items()}
        rows = await self.rest.pairs()
        listed: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            listed.setdefault((row.base.address, row.quote.address), []).append(row.book)
        self.unlisted = {pair for tokens, pair in known.items() if tokens not in listed}
        self.elsewhere = {pair: listed[tokens][0] for tokens, pair in known.items()
                          if tokens in listed and listing.by_pair[pair].book not in listed[tokens]}
        if self.elsewhere:
            self.rest.doubt()
        if not listed.keys() <= known.keys():
            listing.add(await verified_markets(self.rpc, self.network, listing, rows))
        return listing

    async def look_again(self) -> None:
        """Refresh the listing, unless somebody has done so a moment ago: where one call fails, a pair is left out."""
        if self._clock.monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS:
            await self.refresh_listing()

    async def recover(self, books: Iterable[str]) -> None:
        """Learn of the markets of these books from the chain, where the API does not list them, and say so."""
        listing = await self.listing()
        missing = set(books) - listing.by_book.keys()
        if not missing:
            return
        found = await recovered_markets(self.rpc, self.network, listing, missing)
        listing.add(found)
        for market in found:
            logging.getLogger(__name__).warning(
                "The API does not list %s (%s), where orders of this wallet rest: they are followed and counted by what the "
                "chain says, and can be cancelled", market.trading_pair, market.book)

    async def listing_with(self, books: Collection[str]) -> Listing:
        """The listing with the markets of these books, as far as they are the engine's. While the API is away it has no others,
        and is not kept.

        Raises ApiUnavailableError without a node, or where only the API knows the engine.
        """
        try:
            await self.recover(books)
            return await self.listing()
        except ApiUnavailableError:
            if not self.network.engine:
                raise
        listing = await bare_listing(self.rest, self.rpc, self.network)
        listing.add(await recovered_markets(self.rpc, self.network, listing, books))
        return listing

    async def facts(self, markets: Sequence[Market], account: str) -> Mapping[str, MarketFacts]:
        """Facts of markets by trading pair, for the fees of `account` ("" for anybody), in one batch.

        A market whose contracts do not answer is left out. Raises RpcError when the node can tell of none.
        """
        engine = (await self.listing()).engine
        who = account or ZERO_ADDRESS
        calls: list[Call] = []
        for market in markets:
            pair = (market.base.address, market.quote.address)
            calls += [
                (market.book, BOOK_FUNCTIONS["lmp"].encode()),
                (engine, ENGINE_FUNCTIONS["feeOf"].encode(*pair, who, True)),
                (engine, ENGINE_FUNCTIONS["feeOf"].encode(*pair, who, False)),
                (engine, ENGINE_FUNCTIONS["getSpread"].encode(market.book, True, False)),
                (engine, ENGINE_FUNCTIONS["getSpread"].encode(market.book, False, False)),
                (engine, ENGINE_FUNCTIONS["getSpread"].encode(market.book, True, True)),
                (engine, ENGINE_FUNCTIONS["getSpread"].encode(market.book, False, True)),
                (engine, ENGINE_FUNCTIONS["listingDates"].encode(market.book)),
            ]
        width = len(MarketFacts._fields)
        words = await self._words(calls)
        facts = {}
        for index, market in enumerate(markets):
            told = [word for word in words[index * width:(index + 1) * width] if word is not None]
            if len(told) == width:
                facts[market.trading_pair] = MarketFacts(*told)
        return facts

    async def last_price(self, trading_pair: str) -> float:
        """The price of the last trade by the API or, where that tells none, the market price.

        Raises ApiUnavailableError, RpcError or UnknownMarketError.
        """
        await self.listing()
        market = self.market(trading_pair)
        try:
            trades = await self.rest.trades(market.base.address, market.quote.address)
        except BadDataError:
            trades = []
        if trades:
            return trades[0].price
        facts = (await self.facts([market], "")).get(trading_pair)
        if facts is None:
            raise ApiUnavailableError(f"the market price of {trading_pair} cannot be read")
        return float(price_from_chain(facts.market_price))

    async def balances(self, account: str) -> tuple[int, Mapping[str, int], int]:
        """The native balance, the ERC-20 balances by token address, of all listed tokens, and a block that is not newer.

        Anybody can have a token listed, so one that does not answer, or at which the node fails, is left out. Raises RpcError
        when it fails at all of them.
        """
        listing = await self.listing()
        tokens = [address for address in listing.tokens if address != listing.native_token]
        head, native, answers = await self.rpc.head_and_wallet(account, [(token, ERC20_FUNCTIONS["balanceOf"].encode(account))
                                                                         for token in tokens])
        raise_failure(answers)
        return native, {token: held for token, held in zip(tokens, map(_word, answers)) if held is not None}, head

    async def orders(self, keys: Sequence[OrderKey], block: BlockTag = "latest") -> list[ChainOrder]:
        """The engine's orders of these keys after a block, in one batch."""
        return chain_orders(keys, await self.rpc.call_many(order_calls(keys), block=block), self._listing)

    async def orders_and_head(self, keys: Sequence[OrderKey]) -> tuple[list[ChainOrder], int]:
        """The same, and the number of a block that is not older than what they say."""
        answers, head = await self.rpc.calls_and_head(order_calls(keys))
        return chain_orders(keys, answers, self._listing), head

    async def _words(self, calls: Sequence[Call]) -> list[int | None]:
        """The one word that each call returns; None where the contract refuses the call, the node fails, or it is something
        else. Raises RpcError when the node fails at all of them."""
        answers = await call_each(self.rpc, calls)
        raise_failure(answers)
        return [_word(answer) for answer in answers]


def _word(answer: bytes | OrderRejectedError | RpcError) -> int | None:
    return int.from_bytes(answer, "big") if isinstance(answer, bytes) and len(answer) == WORD else None


def order_calls(keys: Sequence[OrderKey]) -> list[Call]:
    """What to call for orders of these keys."""
    function = BOOK_FUNCTIONS["getOrder"]
    return [(key.book, function.encode(key.is_bid, key.id)) for key in keys]


def chain_orders(keys: Sequence[OrderKey], answers: Sequence[bytes | OrderRejectedError | RpcError],
                 listing: Listing | None) -> list[ChainOrder]:
    """What such calls returned. Raises the error that an answer is, and ApiUnavailableError where it is no order; but what is no
    book of the `listing` and does not answer as one, as on a chain that was begun anew, holds none."""
    return [_order(answer, listing is None or key.book in listing.by_book) for key, answer in zip(keys, answers)]


def _order(answer: bytes | OrderRejectedError | RpcError, is_listed: bool) -> ChainOrder:
    try:
        if not isinstance(answer, bytes):
            raise answer
        return ChainOrder(*_decoded(BOOK_FUNCTIONS["getOrder"], answer)[0])
    except (ApiUnavailableError, OrderRejectedError):
        if is_listed:
            raise
        return ChainOrder(ZERO_ADDRESS, 0, 0)


def _decoded(function: Function, answer: bytes) -> tuple[Any, ...]:
    try:
        return function.decode_result(answer)
    except ValueError as error:
        raise ApiUnavailableError(f"{function.name}: the node's answer is no result of it: {error}") from error
