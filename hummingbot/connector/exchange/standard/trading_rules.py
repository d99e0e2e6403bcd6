"""What the chain says of markets, as Hummingbot's trading rules and fees (docs/protocol.md, "Minimum size", "Fees")."""
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal, getcontext

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError, RpcError
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import PRICE_STEP, Market, fee_rate
from hummingbot.connector.exchange.standard.outages import Outages
from hummingbot.connector.exchange.standard.shared_work import SharedWork
from hummingbot.connector.exchange.standard.venue import MarketFacts, Venue
from hummingbot.connector.trading_rule import TradingRule

# For so many seconds the market price that was read with the rules bounds orders where the books tell none.
FRESH_SECONDS = 5.0
RETRY_SECONDS = 10.0


class MarketRules:
    """The rules of the markets that are traded, as they were read last."""

    def __init__(self, venue: Venue, account: str, clock: Clock, outages: Outages) -> None:
        """`account` is the address whose fees are of interest, "" for anybody's. `outages` is told what cannot be read."""
        self._venue = venue
        self._account = account
        self._clock = clock
        self._outages = outages
        self._read_at = -math.inf
        self._reading = SharedWork()
        self._read = False
        self._told_unlisted: set[str] = set()
        self._told_elsewhere: set[str] = set()
        self._told_missing: set[str] = set()
        self.facts: Mapping[str, MarketFacts] = {}

    async def listing(self, trading_pairs: Sequence[str]) -> Listing:
        """The listing, with what was listed since the last call; the first time it was discovered a moment ago. Those of the
        pairs that the API does not list any more are told once. While the API is away, the last one: rules and fees are the
        chain's. Raises ApiUnavailableError or ConfigurationError where there is none."""
        try:
            listing = await (self._venue.refresh_listing() if self._read else self._venue.listing())
        except (ApiUnavailableError, ConfigurationError) as error:
            if self._venue.known_listing is None:
                raise
            self._outages.tell("Markets", error)
            return self._venue.known_listing
        self._outages.tell("Markets", None)
        self._read = True
        unlisted = self._venue.unlisted.intersection(trading_pairs)
        if unlisted - self._told_unlisted:
            logging.getLogger(__name__).warning(
                "The API does not list %s any more: its book is not updated. Own orders there are followed and counted by what "
                "the chain says, and can be cancelled", ", ".join(sorted(unlisted)))
        self._told_unlisted = unlisted
        elsewhere = self._venue.elsewhere.keys() & set(trading_pairs)
        for pair in sorted(elsewhere - self._told_elsewhere):
            logging.getLogger(__name__).error(
                "The API is about another exchange now: it names the book %s of %s, which is %s on the engine %s. No order is "
                "placed there; check the API URL and the engine address, and start again", self._venue.elsewhere[pair], pair,
                listing.by_pair[pair].book, listing.engine)
        self._told_elsewhere = elsewhere
        return listing

    async def until_told(self, read: Callable[[], Awaitable[object]], known: Collection[str]) -> None:
        """Read what Hummingbot asks for from time to time. What is `known` holds until the node tells it again: Hummingbot would
        ask twice a second, and log each failure at length. Raises ApiUnavailableError or RpcError where nothing is."""
        while True:
            try:
                await read()
            except (ApiUnavailableError, RpcError) as error:
                if not known:
                    raise
                self._outages.tell("Trading rules", error)
                await self._clock.sleep(RETRY_SECONDS)
            else:
                self._outages.tell("Trading rules", None)
                return

    async def refresh(self, trading_pairs: Sequence[str]) -> list[TradingRule]:
        """Read the rules and fees of these pairs, or of all when none is given."""
        listing = await self._venue.listing()
        # Without pairs of its own (connect, balance) a connector still answers for all markets.
        markets = [listing.by_pair[pair] for pair in trading_pairs or listing.by_pair if pair in listing.by_pair]
        asked = self._clock.monotonic()
        told = await self._venue.facts(markets, self._account)
        self.facts = {**self.facts, **told}  # a market of which a node cannot tell for once keeps what was known of it
        self._read_at = asked
        missing = {market.trading_pair for market in markets} - told.keys()
        for pair in sorted(missing - self._told_missing):
            logging.getLogger(__name__).error("The chain does not tell the rules of %s; %s until it does.", pair,
                                              "the last ones hold" if pair in self.facts else "it cannot be traded")
        self._told_missing = missing
        return [trading_rule(market, self.facts[market.trading_pair]) for market in markets
                if market.trading_pair in self.facts]

    async def renew(self, trading_pairs: Sequence[str], anew: bool = False) -> None:
        """Read them again unless they are fresh, or in any case. Raises ApiUnavailableError or RpcError."""
        async def read() -> None:
            await self.refresh(trading_pairs)

        if anew or self._clock.monotonic() - self._read_at > FRESH_SECONDS:
            await self._reading.done(read)

    async def read_again(self, trading_pair: str) -> None:
        """Read those of one pair again, however fresh they are. Raises ApiUnavailableError or RpcError."""
        told = await self._venue.facts([self._venue.market(trading_pair)], self._account)
        self.facts = {**self.facts, **told}

    def fee(self, trading_pair: str, is_maker: bool) -> Decimal | None:
        """The account's fee as a fraction, None while it is not known."""
        facts = self.facts.get(trading_pair)
        return None if facts is None else fee_rate(facts.maker_fee if is_maker else facts.taker_fee)

    def spread(self, trading_pair: str, is_buy: bool) -> int | None:
        """How far from the market price an order may rest, in parts of 1e8, None while it is not known."""
        facts = self.facts.get(trading_pair)
        return None if facts is None else facts.buy_spread if is_buy else facts.sell_spread

    def opens(self, trading_pair: str) -> int:
        """From when on (seconds since the epoch) the engine takes orders for the pair, 0 while it is not known."""
        facts = self.facts.get(trading_pair)
        return 0 if facts is None else facts.listing_date


def trading_rule(market: Market, facts: MarketFacts) -> TradingRule:
    """Steps by the tokens' decimals; the minimum at the current market price. There is no economic minimum."""
    step = market.base.from_units(market.base_step)
    smallest = market.base.from_units(market.smallest_order(facts.market_price)) if facts.market_price else step
    return TradingRule(trading_pair=market.trading_pair, min_order_size=smallest, min_price_increment=PRICE_STEP,
                       min_base_amount_increment=step, min_notional_size=Decimal(0))


def amount_step(step: Decimal, amount: Decimal) -> Decimal:
    """The step by which Hummingbot is to round an amount down: the market's, or a coarser one for an amount of which Decimal has
    too few digits to count the market's steps (28: 1e10 and more by 1e-18), and would raise instead."""
    return max(step, Decimal(1).scaleb(Decimal(amount).adjusted() + 1 - getcontext().prec))
