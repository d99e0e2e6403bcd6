"""The listing: only what the chain confirms is listed, and no token can pass for another by its symbol."""
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    OrderRejectedError,
    RpcError,
    StandardError,
    UnknownMarketError,
)
from hummingbot.connector.exchange.standard.listing import (
    Listing,
    discover,
    safe_symbol,
    unambiguous_symbols,
    verified_markets,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.rest.client import UNTOLD_SECONDS, RestClient
from hummingbot.connector.exchange.standard.rest.models import PairRow, TokenRow
from hummingbot.connector.exchange.standard.venue import LOOK_AGAIN_SECONDS, WRONG_SETTINGS_SECONDS, Venue
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.fake_node import FACTORY, FakeNode

NETWORK = CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN]
WELL_KNOWN = dict(NETWORK.well_known_tokens)
SOMI = Token(WELL_KNOWN["SOMI"], "SOMI", 18)
USDC = Token(WELL_KNOWN["USDC"], "USDC", 6)
FOO = Token("0x" + "f0" * 20, "FOO", 18)
OTHER_FOO = Token("0x" + "f1" * 20, "FOO", 8)
SOMI_USDC = Market(SOMI, USDC, "0x" + "b1" * 20, base_is_native=True)
FOO_USDC = Market(FOO, USDC, "0x" + "b2" * 20)
OTHER_FOO_USDC = Market(OTHER_FOO, USDC, "0x" + "b3" * 20)


class World:
    """A chain with some markets and an API that lists some."""

    def __init__(self, *markets, engine=NETWORK.engine):
        self.node = FakeNode(NETWORK.chain_id, engine, SOMI.address, markets)
        self.api = FakeApi()
        self.rest = RestClient(self.api, ["https://api.test"])
        self.rpc = RpcClient(self.node, ["https://node.test"], SystemClock(), chain_id=NETWORK.chain_id)

    def list(self, *markets, **symbols):
        """The API lists these markets, with other symbols where given by address."""
        self.api.forget("/api/pairs")
        self.api.answer("/api/pairs", self.listed(*markets, **symbols))
        return self

    def listed(self, *markets, **symbols):
        """The page of these markets."""
        return {"pairs": [{"id": market.book, "base": self._token(market.base, symbols),
                           "quote": self._token(market.quote, symbols)} for market in markets]}

    @staticmethod
    def _token(token, symbols):
        return {"id": token.address, "symbol": symbols.get(token.address, token.symbol), "decimals": 99}

    async def discover(self, network=NETWORK):
        return await discover(self.rest, self.rpc, network)


def token_row(address, symbol):
    return TokenRow(address, symbol, 18)


# What is listed

async def test_confirmed_pairs_are_listed_with_the_chains_decimals_and_books(caplog):
    world = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC)
    listing = await world.discover()
    assert listing.by_pair == {"SOMI-USDC": SOMI_USDC, "FOO-USDC": FOO_USDC}
    assert listing.by_book == {SOMI_USDC.book: SOMI_USDC, FOO_USDC.book: FOO_USDC}
    assert listing.tokens == {token.address: token for token in (SOMI, USDC, FOO)}
    assert (listing.engine, listing.native_token) == (NETWORK.engine, SOMI.address)
    assert not caplog.records


ELSEWHERE = Market(FOO, USDC, "0x" + "ee" * 20)


async def test_a_pair_whose_book_is_another_one_in_the_api_is_left_out_and_both_are_named(caplog):
    listing = await World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, ELSEWHERE, OTHER_FOO_USDC).discover()
    assert list(listing.by_pair) == ["SOMI-USDC"]
    assert [record.getMessage() for record in caplog.records] == [
        f"For 1 pairs the API names a book that is not the engine's: FOO/USDC ({ELSEWHERE.book} instead of {FOO_USDC.book})",
        "The API lists 1 pairs that the chain does not confirm; they are left out: FOO/USDC"]


async def test_an_api_all_of_whose_books_are_of_another_engine_is_a_wrong_setting():
    world = World(FOO_USDC).list(ELSEWHERE, OTHER_FOO_USDC)
    with pytest.raises(ConfigurationError, match=f"{NETWORK.engine}.*FOO/USDC .{ELSEWHERE.book} instead of {FOO_USDC.book}"):
        await world.discover()


async def test_an_api_that_moves_on_to_another_exchange_later_is_noticed():
    world = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC)
    venue = Venue(NETWORK, world.rest, world.rpc)
    await venue.listing()
    world.list(SOMI_USDC, ELSEWHERE)
    assert (await venue.refresh_listing()).by_pair["FOO-USDC"] == FOO_USDC
    assert venue.elsewhere == {"FOO-USDC": ELSEWHERE.book} and not venue.unlisted
    world.list(SOMI_USDC, ELSEWHERE, FOO_USDC)
    await venue.refresh_listing()
    assert not venue.elsewhere, "it names the engine's, too"


async def test_an_api_that_moves_on_to_another_exchange_is_left_for_one_that_did_not():
    first, second, clock = "https://one.test", "https://two.test", ManualClock()
    world = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC)
    world.rest = RestClient(world.api, [first, second], clock=clock)
    world.api.answer("/api/exchange", {"deployer": FACTORY})
    venue = Venue(NETWORK, world.rest, world.rpc, clock)
    await venue.listing()
    world.api.answer(f"{first}/api/exchange", {"deployer": "0x" + "ee" * 20})
    world.api.answer(f"{second}/api/pairs", world.listed(SOMI_USDC, FOO_USDC))
    world.list(SOMI_USDC, ELSEWHERE)
    await clock.advance(UNTOLD_SECONDS)
    await venue.refresh_listing()
    assert venue.elsewhere and world.rest.url == first
    await venue.refresh_listing()
    assert not venue.elsewhere and world.rest.url == second


async def test_one_odd_answer_of_the_api_keeps_orders_back_for_some_seconds_only():
    world, clock = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, ELSEWHERE, FOO_USDC), ManualClock()
    venue = Venue(NETWORK, world.rest, world.rpc, clock)
    await venue.listing()
    world.list(SOMI_USDC, ELSEWHERE)
    await venue.refresh_listing()
    world.list(SOMI_USDC, FOO_USDC)
    with pytest.raises(OrderRejectedError, match="its book of FOO-USDC"):
        await venue.refuse_another_exchange("FOO-USDC")
    asked = len(world.api.requested)
    await venue.refuse_another_exchange("SOMI-USDC")
    await clock.advance(LOOK_AGAIN_SECONDS)
    await venue.refuse_another_exchange("SOMI-USDC")
    assert len(world.api.requested) == asked
    await venue.refuse_another_exchange("FOO-USDC")
    assert len(world.api.requested) == asked + 1


async def test_a_pair_of_which_no_node_could_tell_is_looked_at_again(monkeypatch, caplog):
    world, clock = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC), ManualClock()
    venue, down = Venue(NETWORK, world.rest, world.rpc, clock), [FOO.address]
    failing(world, monkeypatch, lambda to, number: to in down)
    assert list((await venue.listing()).by_pair) == ["SOMI-USDC"]
    await clock.advance(LOOK_AGAIN_SECONDS)
    await venue.look_again()
    assert [record.getMessage() for record in caplog.records] == [
        "The API lists 1 pairs of which no node can tell now; they are left out until one can: FOO/USDC"], "once"
    down.clear()
    await venue.look_again()
    assert list((await venue.listing()).by_pair) == ["SOMI-USDC"], "it has just been looked at"
    await clock.advance(LOOK_AGAIN_SECONDS)
    await venue.look_again()
    assert list((await venue.listing()).by_pair) == ["SOMI-USDC", "FOO-USDC"]


async def test_no_token_takes_the_name_of_one_of_which_no_node_can_tell(monkeypatch):
    world = World(SOMI_USDC, FOO_USDC, OTHER_FOO_USDC).list(SOMI_USDC, FOO_USDC, OTHER_FOO_USDC)
    failing(world, monkeypatch, lambda to, number: to == FOO.address)
    assert list((await world.discover()).by_pair) == ["SOMI-USDC", "FOO.F1F1F1-USDC"]


async def test_wrong_settings_are_told_for_a_while_without_asking_again():
    world, clock = World(FOO_USDC).list(ELSEWHERE), ManualClock()
    venue = Venue(NETWORK, world.rest, world.rpc, clock)
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="about another exchange than the engine"):
            await venue.listing()
    assert len(world.api.requested) == 1
    world.list(FOO_USDC)
    await clock.advance(WRONG_SETTINGS_SECONDS)
    assert list((await venue.listing()).by_pair) == ["FOO-USDC"]


def failing(world, monkeypatch, fails):
    """The node fails at the calls of which `fails` says so: (contract, number of the question)."""
    answer, asked = world.node._answer, []

    def told(method, params):
        asked.append(method)
        if method == "eth_call" and fails(params[0]["to"], len(asked)):
            return {"error": {"code": -32000, "message": "execution aborted (timeout = 5s)"}}
        return answer(method, params)

    monkeypatch.setattr(world.node, "_answer", told)


async def test_a_token_at_which_every_node_fails_costs_only_its_own_pairs(monkeypatch, caplog):
    world = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC)
    failing(world, monkeypatch, lambda to, number: to == FOO.address)
    assert list((await world.discover()).by_pair) == ["SOMI-USDC"]
    assert "1 pairs of which no node can tell now; they are left out until one can: FOO/USDC" in caplog.text


async def test_what_a_node_fails_at_is_asked_again_while_that_helps(monkeypatch, caplog):
    world = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC)
    failing(world, monkeypatch, lambda to, number: number in (4, 5, 6, 8, 9, 10))
    assert list((await world.discover()).by_pair) == ["SOMI-USDC", "FOO-USDC"] and not caplog.records


async def test_pair_that_the_engine_does_not_know_is_left_out_and_told_in_one_line(caplog):
    hostile = Market(Token(FOO.address, "F\n\x1b[31mOO", 18), USDC, FOO_USDC.book)
    with caplog.at_level(logging.WARNING):
        listing = await World(SOMI_USDC).list(SOMI_USDC, hostile, OTHER_FOO_USDC).discover()
    assert list(listing.by_pair) == ["SOMI-USDC"]
    assert [record.getMessage() for record in caplog.records] == [
        "The API lists 2 pairs that the chain does not confirm; they are left out: F31MOO/USDC, FOO/USDC"]


async def test_a_node_that_forgets_for_once_that_there_is_an_engine_is_asked_again(monkeypatch):
    world = World(SOMI_USDC).list(SOMI_USDC)
    monkeypatch.setattr(world.node, "_view_WETH", None)
    with pytest.raises(ApiUnavailableError, match="does not tell the wrapped native token"):
        await world.discover()
    monkeypatch.undo()
    assert (await world.discover()).native_token == SOMI.address


@pytest.mark.parametrize("decimals", [None, 19, 77])
async def test_pair_of_a_token_with_unusable_decimals_is_left_out(decimals):
    world = World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC)
    if decimals is None:
        world.node.refuse("decimals", "Error", "no such function")
        assert not (await world.discover()).by_pair
    else:
        world.node.decimals[FOO.address] = decimals
        assert list((await world.discover()).by_pair) == ["SOMI-USDC"]


async def test_node_that_gives_no_answer_does_not_make_markets_disappear():
    world = World(SOMI_USDC).list(SOMI_USDC)
    world.node.eth_call = None  # answers with an error object
    with pytest.raises(StandardError):
        await world.discover()


async def test_error_of_the_node_for_one_call_is_no_refusal_of_the_pair():
    world = World(SOMI_USDC)

    class Failing:
        async def call_many(self, calls):
            return [RpcError("eth_call", -32603, "internal error")] * len(calls)

    row = PairRow(token_row(SOMI.address, "SOMI"), token_row(USDC.address, "USDC"), SOMI_USDC.book, None)
    with pytest.raises(RpcError):
        await verified_markets(Failing(), NETWORK, Listing(world.node.engine, SOMI.address), [row])


async def test_api_without_pairs_gives_an_empty_listing():
    listing = await World().list().discover()
    with pytest.raises(UnknownMarketError, match="Listed: none"):
        listing.market("SOMI-USDC")


async def test_unknown_market_names_those_that_exist():
    listing = await World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC).discover()
    assert listing.market("FOO-USDC") is listing.by_pair["FOO-USDC"]
    with pytest.raises(UnknownMarketError, match=r"BTC-USDC\. Listed: FOO-USDC, SOMI-USDC"):
        listing.market("BTC-USDC")


async def test_a_pair_in_small_letters_is_told_how_it_is_written():
    listing = await World(SOMI_USDC, FOO_USDC).list(SOMI_USDC, FOO_USDC, **{FOO.address: "Foo"}).discover()
    with pytest.raises(UnknownMarketError, match=r"^Standard lists no market Foo-USDC: write it in capitals, FOO-USDC\.$"):
        listing.market("Foo-USDC")


# Which engine

async def test_engine_is_that_of_the_factory_that_the_api_names_when_none_is_fixed():
    engine = "0x" + "e1" * 20
    world = World(SOMI_USDC, engine=engine).list(SOMI_USDC)
    world.api.answer("/api/exchange", {"deployer": FACTORY})
    assert (await world.discover(NETWORK._replace(engine=""))).engine == engine


async def test_an_api_that_takes_over_must_be_of_the_factory_that_the_engine_names():
    world = World(SOMI_USDC).list(SOMI_USDC)
    await world.discover()
    assert world.rest.factory == FACTORY


@pytest.mark.parametrize("deployer", ["0x" + "00" * 20, USDC.address])
async def test_factory_that_is_none_is_a_configuration_error(deployer):
    world = World(SOMI_USDC).list(SOMI_USDC)
    world.api.answer("/api/exchange", {"deployer": deployer})
    with pytest.raises(ConfigurationError, match="the address that the API names"):
        await world.discover(NETWORK._replace(engine=""))


async def test_engine_address_without_an_engine_is_a_configuration_error():
    wrong = "0x" + "99" * 20
    with pytest.raises(ConfigurationError, match=f"no Standard matching engine at {wrong}"):
        await World(SOMI_USDC).list(SOMI_USDC).discover(NETWORK._replace(engine=wrong))


async def test_contract_that_refuses_the_call_is_no_engine():
    world = World(SOMI_USDC).list(SOMI_USDC)
    world.node.refuse("orderbookFactory", "Error", "unknown function")
    with pytest.raises(ConfigurationError, match="no Standard matching engine"):
        await world.discover()


async def test_api_or_node_out_of_reach_is_told_as_such():
    with pytest.raises(ApiUnavailableError):
        await World(SOMI_USDC).discover()
    world = World(SOMI_USDC).list(SOMI_USDC)
    world.node.down.add("eth_call")
    with pytest.raises(ApiUnavailableError):
        await world.discover()


# Markets that are listed later

async def test_later_market_is_added_and_known_tokens_keep_their_names():
    world = World(SOMI_USDC, FOO_USDC, OTHER_FOO_USDC).list(SOMI_USDC, FOO_USDC)
    venue = Venue(NETWORK, world.rest, world.rpc)
    await venue.listing()
    foo_somi = Market(FOO, SOMI, "0x" + "b4" * 20, quote_is_native=True)
    world.node.markets[foo_somi.book] = foo_somi
    world.list(SOMI_USDC, FOO_USDC, OTHER_FOO_USDC, foo_somi)

    listing = await venue.refresh_listing()
    assert list(listing.by_pair) == ["SOMI-USDC", "FOO-USDC", "FOO.F1F1F1-USDC", "FOO-SOMI"]
    assert listing.by_pair["FOO-USDC"].base == FOO
    assert listing.tokens[FOO.address].symbol == "FOO"
    assert listing.tokens[OTHER_FOO.address].symbol == "FOO.F1F1F1"


async def test_token_cannot_take_the_name_of_one_whose_pair_left_the_api():
    world = World(SOMI_USDC, FOO_USDC, OTHER_FOO_USDC).list(SOMI_USDC, FOO_USDC)
    venue = Venue(NETWORK, world.rest, world.rpc)
    await venue.listing()
    world.list(SOMI_USDC, OTHER_FOO_USDC)
    assert (await venue.refresh_listing()).by_pair["FOO-USDC"].base == FOO


async def test_unchanged_listing_asks_the_chain_nothing():
    world = World(SOMI_USDC).list(SOMI_USDC)
    venue = Venue(NETWORK, world.rest, world.rpc)
    await venue.listing()
    asked = len(world.node.asked)
    await venue.refresh_listing()
    assert len(world.node.asked) == asked


# Names

async def test_impostor_of_a_well_known_token_gets_a_part_of_its_address():
    impostor = Market(FOO, SOMI, "0x" + "b5" * 20, quote_is_native=True)
    listing = await World(SOMI_USDC, impostor).list(SOMI_USDC, impostor, **{FOO.address: "usdc"}).discover()
    assert list(listing.by_pair) == ["SOMI-USDC", "USDC.F0F0F0-SOMI"]


async def test_native_token_carries_the_native_symbol_whatever_wrapper_it_is():
    wrapper = Token("0x" + "aa" * 20, "SOMI", 18)
    market = Market(wrapper, USDC, "0x" + "b6" * 20, base_is_native=True)
    world = World(SOMI_USDC, market).list(SOMI_USDC, market)
    world.node.wrapped_native = wrapper.address
    listing = await world.discover()
    assert listing.by_pair["SOMI-USDC"].book == market.book
    assert listing.by_pair["SOMI-USDC"].base_is_native
    assert not listing.by_pair["SOMI.046EDE-USDC"].base_is_native


def test_two_tokens_with_one_symbol_are_both_told_apart_in_any_case_of_letters():
    names = unambiguous_symbols([token_row(FOO.address, "Foo"), token_row(OTHER_FOO.address, "FOO")], SOMI.address, NETWORK)
    assert names == {FOO.address: "FOO.F0F0F0", OTHER_FOO.address: "FOO.F1F1F1"}


def test_addresses_that_begin_alike_are_told_apart_by_as_many_digits_as_it_takes():
    first, second = "0x" + "ab" * 6 + "00" * 14, "0x" + "ab" * 6 + "11" * 14
    names = unambiguous_symbols([token_row(first, "X"), token_row(second, "X")], SOMI.address, NETWORK)
    assert names == {first: "X.ABABABABABAB0", second: "X.ABABABABABAB1"}


@pytest.mark.parametrize("symbol, safe", [
    ("USDC", "USDC"), ("USD-C", "USDC"), ("US\u200bDC", "USDC"), ("ＵＳＤＣ", "USDC"), ("a b\tc\n", "ABC"), ("\x1b[2J", "2J"),
    ("../../etc", "ETC"), ("%s%n", "SN"), ("$WIF", "$WIF"), ("under_score", "UNDER_SCORE"), ("FOO.f0f0f0", "FOOF0F0F0"),
    ("A" * 64, "A" * 16), ("ƬƬ", "TOKENF0F0F0"), ("💎", "TOKENF0F0F0"), ("---", "TOKENF0F0F0"),
    # Hummingbot writes in capitals what users tell it of pairs and tokens.
    ("USDC.e", "USDCE"), ("stSOMI", "STSOMI")])
def test_hostile_symbol_becomes_a_safe_one(symbol, safe):
    assert safe_symbol(token_row(FOO.address, symbol)) == safe


@given(st.lists(st.tuples(st.integers(0, 2 ** 160 - 1), st.sampled_from(["A", "a", "SOMI", "USDC", "A-B", "💎", "TOKEN0", ""])
                          | st.text(max_size=5)), max_size=8, unique_by=lambda pair: pair[0]))
def test_names_are_unique_and_well_known_tokens_keep_theirs(tokens):
    rows = [token_row(f"0x{number:040x}", symbol) for number, symbol in tokens] + [token_row(USDC.address, "USDC")]
    names = unambiguous_symbols(rows, SOMI.address, NETWORK)
    assert len({name.upper() for name in names.values()}) == len({row.address for row in rows})
    assert names[USDC.address] == "USDC"
    assert all("-" not in name and name.isprintable() and name == name.upper() for name in names.values())
