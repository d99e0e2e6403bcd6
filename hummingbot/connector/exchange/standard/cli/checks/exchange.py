"""Checks of the exchange: the engine and its generation, its markets with fees and spreads, and the price of gas."""
import asyncio
from decimal import Decimal
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.abi import AbiError, Function
from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, ENGINE_FUNCTIONS_2026_07, FACTORY_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy, in_gwei
from hummingbot.connector.exchange.standard.chain.gas import GasLimits, gas_profile
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, Verdict, failed, passed, warned
from hummingbot.connector.exchange.standard.cli.exchange import Exchange
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError
from hummingbot.connector.exchange.standard.listing import Listing, engine_address
from hummingbot.connector.exchange.standard.markets import DENOMINATOR, Market, fee_rate, price_from_chain
from hummingbot.connector.exchange.standard.orders.sizing import edge_price
from hummingbot.connector.exchange.standard.rest.models import parse_tick_book
from hummingbot.connector.exchange.standard.standard_constants import Network
from hummingbot.connector.exchange.standard.venue import MarketFacts

# A getter that only an engine after the two known generations has (docs/protocol.md, "Later generation").
_MAX_MATCHES = Function("maxMatches()(uint32)")
_PER_CENT = Decimal(100)


class BestOffers(NamedTuple):
    """The best prices of a book, None where nothing is offered or it is not known."""

    bid: Decimal | None
    ask: Decimal | None


class Gas(NamedTuple):
    """The price of gas and the most that placing one order may cost, in wei."""

    price: int
    order: int


async def engine(exchange: Exchange) -> tuple[list[Finding], Listing | None]:
    """Whether the engine is there and of a known generation, and what it lists."""
    venue, network = exchange.venue, exchange.network
    try:
        address = await engine_address(venue.rest, venue.rpc, network)
    except ApiUnavailableError as error:
        return [failed("engine", f"its address is not known: {error}", "It is looked up in the API: check the API URL, or set "
                                                                       f"{exchange.domain}_engine_address.")], None
    except ConfigurationError as error:
        return [failed("engine", str(error), f"Check {exchange.domain}_engine_address and the URLs; on a test network the "
                                             "exchange may have moved to a new address.")], None
    code = await venue.rpc.code(address)
    findings = [await _generation(exchange, address, len(code))]
    try:
        indexed = await venue.rest.factory_address()
        listing = await venue.listing()
    except ApiUnavailableError as error:
        return [*findings, failed("markets", str(error), "Without the API no market is known: check the API URL.")], None
    except ConfigurationError as error:
        return [*findings, failed("markets", str(error), f"{exchange.domain}_api_url and {exchange.domain}_engine_address do not "
                                                         "belong together.")], None
    (factory,) = FACTORY_FUNCTIONS["engine"].decode_result(
        await venue.rpc.eth_call(indexed, FACTORY_FUNCTIONS["engine"].encode()))
    if factory != address:
        findings.append(failed("api's engine", f"the API is about the engine {to_checksum(factory)}, not about this one",
                               f"{exchange.domain}_api_url and {exchange.domain}_engine_address do not belong together."))
    if listing.by_pair:
        findings += [passed("markets", f"{len(listing.by_pair)}: {', '.join(sorted(listing.by_pair)[:20])}"),
                     _tokens(exchange.network, listing)]
    else:
        findings.append(failed("markets", "the engine lists none that the chain confirms", "Check the engine address."))
    return findings, listing


def _tokens(network: Network, listing: Listing) -> Finding:
    """The address of each token. Which one carries a symbol is known of a few; of the others the API says so."""
    known = {listing.native_token, *(address for _, address in network.well_known_tokens)}
    ours: list[str] = []
    others: list[str] = []
    for token in sorted(listing.tokens.values(), key=lambda token: token.symbol):
        (ours if token.address in known else others).append(f"{token.symbol} {to_checksum(token.address)}")
    told = [f"{how}: {', '.join(tokens)}"
            for how, tokens in (("known by address", ours), ("only the API says that they are", others)) if tokens]
    return Finding("tokens", Verdict.PASS, "; ".join(told), "Compare the addresses of those that you trade with what their "
                   "issuers publish: anybody can give a token any symbol." if others else "")


async def _generation(exchange: Exchange, address: str, code_size: int) -> Finding:
    probes = [ENGINE_FUNCTIONS["orderbookFactory"], ENGINE_FUNCTIONS["WETH"], ENGINE_FUNCTIONS["DENOM"],
              ENGINE_FUNCTIONS_2026_07["poolFeeShare"], _MAX_MATCHES]
    answers = await exchange.venue.rpc.call_many([(address, probe.encode()) for probe in probes])
    answered = [isinstance(answer, bytes) and _decodes(probe, answer) for probe, answer in zip(probes, answers)]
    where = f"{to_checksum(address)}, code of {code_size} B"
    denominator = answers[2]
    if not all(answered[:3]) or not isinstance(denominator, bytes) or int.from_bytes(denominator, "big") != DENOMINATOR:
        return failed("engine", f"{where}: it does not answer as a Standard matching engine", "Check the engine address.")
    if answered[4]:
        return failed("engine", f"{where}: of a later generation than this connector knows",
                      "Its calls are different. Update the connector.")
    if answered[3]:
        return warned("engine", f"{where}: of the generation of July 2026",
                      "The connector was tried with it on the sandbox only: begin with small amounts.")
    return passed("engine", f"{where}, of the generation of August 2025")


def _decodes(function: Function, answer: bytes) -> bool:
    try:
        function.decode_result(answer)
    except AbiError:
        return False
    return True


async def gas(exchange: Exchange) -> tuple[Finding, Gas]:
    """What gas costs now, against the user's bound."""
    fees = await FeePolicy(exchange.venue.rpc, exchange.clock).current()
    symbol, cap = exchange.network.native_symbol, exchange.preferences.max_fee
    offered = fees.max_fee if cap is None else min(fees.max_fee, cap)
    most = offered * GasLimits(gas_profile(exchange.network.chain_id), exchange.clock).order()
    detail = (f"{in_gwei(fees.max_fee)} gwei{' (legacy)' if fees.legacy else ''}; an order may cost "
              f"{Decimal(most).scaleb(-18).normalize():f} {symbol} at most")
    if cap is not None and cap < fees.max_fee:
        finding = warned("gas price", f"{detail}; the bound is {in_gwei(cap)} gwei",
                         f"Transactions may wait. Raise {exchange.domain}_max_fee_gwei or wait until gas is cheaper.")
    else:
        finding = passed("gas price", detail)
    return finding, Gas(fees.max_fee, most)


async def markets(exchange: Exchange, listing: Listing, address: str) -> list[Finding]:
    """Fees and the spread band of each market, for the wallet, and whether market orders find something within it."""
    listed = [market for _, market in sorted(listing.by_pair.items())]
    facts = await exchange.venue.facts(listed, address)
    offers = await asyncio.gather(*(_best_offers(exchange, market) for market in listed))
    return [_market(exchange, market, facts.get(market.trading_pair), best) for market, best in zip(listed, offers)]


async def _best_offers(exchange: Exchange, market: Market) -> BestOffers:
    try:
        book = parse_tick_book(await exchange.venue.rest.order_book(market.base.address, market.quote.address, limit=1))
    except ApiUnavailableError:
        return BestOffers(None, None)  # the checks of the API say what is wrong with it
    bid, ask = (Decimal(str(levels[0][0])) if levels else None for levels in (book.bids, book.asks))
    return BestOffers(bid, ask)


def _market(exchange: Exchange, market: Market, facts: MarketFacts | None, best: BestOffers) -> Finding:
    check = f"market {market.trading_pair}"
    if facts is None:
        return warned(check, "its contracts do not answer", "It cannot be traded until they do.")
    if facts.market_price == 0:
        return warned(check, "it has no market price yet", "Market orders are refused until it has one.")
    lowest = edge_price(False, facts.market_price, facts.sell_spread)
    highest = edge_price(True, facts.market_price, facts.buy_spread)
    detail = (f"fees {_percent(facts.maker_fee)} maker, {_percent(facts.taker_fee)} taker; market price "
              f"{price_from_chain(facts.market_price).normalize():f}: sells from {lowest.normalize():f}, buys up to "
              f"{highest.normalize():f} (-{_percent(facts.sell_spread)}, +{_percent(facts.buy_spread)}; the exchange's "
              f"market orders, which are not used here, -{_percent(facts.market_sell_spread)}, "
              f"+{_percent(facts.market_buy_spread)})")
    if facts.listing_date > exchange.clock.time():
        return warned(check, f"{detail}; not open yet", "The engine refuses its orders until its listing date.")
    beyond = [text for text, is_beyond in ((f"best bid {best.bid}", best.bid is not None and best.bid < lowest),
                                           (f"best ask {best.ask}", best.ask is not None and best.ask > highest)) if is_beyond]
    if beyond:
        return warned(check, f"{detail}; beyond that: {', '.join(beyond)}",
                      "The exchange matches nothing there: market orders of that side, a stop-loss too, are refused until the "
                      "book is narrower.")
    return passed(check, detail)


def _percent(parts: int) -> str:
    return f"{(fee_rate(parts) * _PER_CENT).normalize():f} %"
