"""The exchange as it is read: one batch each, and one contract that does not answer costs only itself."""
import asyncio

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.heads import STALL_SECONDS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    OrderRejectedError,
    RpcError,
    UnknownMarketError,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.venue import ChainOrder, MarketFacts, Venue
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.fake_node import ETHER, STRANGER, ZERO_ADDRESS, FakeNode, Refused

NETWORK = CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN]
ACCOUNT = "0x" + "ac" * 20
NATIVE = Token(dict(NETWORK.well_known_tokens)["SOMI"], "SOMI", 18)
USDC = Token(dict(NETWORK.well_known_tokens)["USDC"], "USDC", 6)
FOO = Token("0x" + "f0" * 20, "FOO", 8)
SOMI_USDC = Market(NATIVE, USDC, "0x" + "b1" * 20, base_is_native=True)
FOO_USDC = Market(FOO, USDC, "0x" + "b2" * 20)


@pytest.fixture
def node():
    node = FakeNode(NETWORK.chain_id, NETWORK.engine, NATIVE.address, (SOMI_USDC, FOO_USDC))
    node.market_prices = {SOMI_USDC.book: 65_412_847, FOO_USDC.book: 10 ** 9}
    node.balances.update({(USDC.address, ACCOUNT): 2_500_000, (FOO.address, ACCOUNT): 7, (NATIVE.address, ACCOUNT): 99})
    return node


@pytest.fixture
def venue(node):
    api = FakeApi()
    api.answer("/api/pairs", {"pairs": [
        {"id": market.book, **{side: {"id": token.address, "symbol": token.symbol, "decimals": token.decimals}
                               for side, token in (("base", market.base), ("quote", market.quote))}}
        for market in (SOMI_USDC, FOO_USDC)]})
    return Venue(NETWORK, RestClient(api, ["https://api.test"]), RpcClient(node, ["https://node.test"], SystemClock()))


async def test_facts_of_all_markets_are_read_in_one_batch_for_the_account(venue, node):
    await venue.listing()
    before = len(node.asked)
    facts = await venue.facts([SOMI_USDC, FOO_USDC], ACCOUNT)
    assert facts["SOMI-USDC"] == MarketFacts(
        market_price=65_412_847, maker_fee=50_000, taker_fee=100_000, buy_spread=3_000_000, sell_spread=2_000_000,
        market_buy_spread=100_000, market_sell_spread=200_000, listing_date=1_700_000_000)
    assert facts["FOO-USDC"].market_price == 10 ** 9
    assert {asked.arguments[2] for asked in node.received("feeOf")} == {ACCOUNT}
    assert len(node.asked) - before == 2 * 2 * len(MarketFacts._fields)


async def test_where_the_api_tells_no_trades_the_market_price_is_the_last_price(venue):
    assert await venue.last_price("SOMI-USDC") == 0.65412847
    with pytest.raises(UnknownMarketError):
        await venue.last_price("MOON-USDC")


async def test_fees_of_nobody_in_particular_are_those_of_the_zero_address(venue, node):
    await venue.facts([FOO_USDC], "")
    assert {asked.arguments[2] for asked in node.received("feeOf")} == {ZERO_ADDRESS}


async def test_market_whose_contract_refuses_is_left_out_of_the_facts(venue, node):
    node.refuse("getSpread", "Error", "paused", when=lambda book, *_: book == FOO_USDC.book)
    assert list(await venue.facts([SOMI_USDC, FOO_USDC], ACCOUNT)) == ["SOMI-USDC"]


async def test_balances_are_native_for_the_wrapped_token_and_of_the_contract_for_others(venue, node):
    node.native[ACCOUNT] = 3 * ETHER
    assert await venue.balances(ACCOUNT) == (3 * ETHER, {USDC.address: 2_500_000, FOO.address: 7}, node.head)
    assert {asked.to for asked in node.received("balanceOf")} == {USDC.address, FOO.address}


async def test_token_whose_contract_refuses_costs_only_its_own_balance(venue, node, monkeypatch):
    def balance(to, account):
        if to == FOO.address:
            raise Refused(b"")
        return (5,)

    monkeypatch.setattr(node, "_view_balanceOf", balance)
    assert await venue.balances(ACCOUNT) == (10 * ETHER, {USDC.address: 5}, node.head)


async def test_error_of_the_node_is_no_empty_balance(venue, node, monkeypatch):
    await venue.listing()
    answer = node._answer
    monkeypatch.setattr(node, "_answer", lambda method, params: answer(method, params) if method != "eth_call" else {
        "error": {"code": -32603, "message": "internal error"}})
    with pytest.raises(RpcError):
        await venue.balances(ACCOUNT)
    with pytest.raises(RpcError):
        await venue.facts([FOO_USDC], ACCOUNT)


async def test_token_at_which_the_node_fails_costs_only_its_own_balance(venue, node, monkeypatch):
    await venue.listing()
    answer = node._answer
    monkeypatch.setattr(node, "_answer", lambda method, params: answer(method, params) if method != "eth_call" or params[0][
        "to"] != FOO.address else {"error": {"code": -32000, "message": "execution aborted (timeout = 5s)"}})
    assert await venue.balances(ACCOUNT) == (10 * ETHER, {USDC.address: 2_500_000}, node.head)


async def test_market_at_which_the_node_fails_is_left_out_of_the_facts(venue, node, monkeypatch):
    await venue.listing()
    answer = node._answer
    monkeypatch.setattr(node, "_answer", lambda method, params: answer(method, params) if params[0].get("to") != FOO_USDC.book
                        else {"error": {"code": -32000, "message": "execution aborted (timeout = 5s)"}})
    assert list(await venue.facts([SOMI_USDC, FOO_USDC], ACCOUNT)) == ["SOMI-USDC"]


async def test_orders_are_read_in_the_order_of_their_keys_and_missing_ones_are_zeros(venue, node):
    there, gone = OrderKey(FOO_USDC.book, True, 7), OrderKey(FOO_USDC.book, False, 7)
    node.rest(there, STRANGER, 10 ** 9, 500)
    assert await venue.orders([gone, there]) == [ChainOrder(ZERO_ADDRESS, 0, 0), ChainOrder(STRANGER, 10 ** 9, 500)]
    assert await venue.orders([]) == []


async def test_answer_that_is_no_order_says_nothing_about_it(venue, node, monkeypatch):
    await venue.listing()
    monkeypatch.setattr(node, "_view_getOrder", None)
    with pytest.raises(ApiUnavailableError, match="getOrder"):
        await venue.orders([OrderKey(FOO_USDC.book, True, 7)])


NO_CODE, REVERTED = {"result": "0x"}, {"error": {"code": 3, "message": "execution reverted", "data": "0x"}}
PRUNED = {"error": {"code": -32000, "message": "the state is pruned"}}


@pytest.mark.parametrize("told", [NO_CODE, REVERTED, PRUNED], ids=["no code", "another contract", "a node that fails"])
async def test_where_no_book_is_there_is_no_order_and_those_elsewhere_are_read(venue, node, monkeypatch, told):
    await venue.listing()
    there, nowhere = OrderKey(FOO_USDC.book, True, 7), OrderKey("0x" + "b9" * 20, True, 7)
    node.rest(there, STRANGER, 10 ** 9, 500)
    answer = node._answer
    monkeypatch.setattr(node, "_answer", lambda method, params: answer(method, params)
                        if method != "eth_call" or params[0].get("to") != nowhere.book else told)
    if told is PRUNED:
        with pytest.raises(RpcError, match="pruned"):
            await venue.orders([nowhere, there])
        return
    orders = [ChainOrder(ZERO_ADDRESS, 0, 0), ChainOrder(STRANGER, 10 ** 9, 500)]
    assert await venue.orders([nowhere, there]) == orders
    assert await venue.orders_and_head([nowhere, there]) == (orders, node.head)


async def test_listing_is_discovered_once_however_many_ask(venue, node):
    listings = await asyncio.gather(*(venue.listing() for _ in range(5)))
    assert len({id(listing) for listing in listings}) == 1
    assert venue.known_listing is listings[0]
    assert len(node.received("WETH")) == 1


async def test_in_an_outage_all_who_ask_share_one_failure(venue, node):
    node.down.add("eth_call")
    failures = await asyncio.gather(*(venue.listing() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(failure, ApiUnavailableError) for failure in failures)
    assert len({id(failure) for failure in failures}) == 1, "none waits until those before it have failed"


async def test_whoever_waits_no_longer_leaves_the_discovery_to_the_others(venue):
    first, other = asyncio.ensure_future(venue.listing()), asyncio.ensure_future(venue.listing())
    await asyncio.sleep(0)
    first.cancel()
    assert "FOO-USDC" in (await other).by_pair


async def test_failed_discovery_is_tried_again(venue, node):
    node.down.add("eth_call")
    with pytest.raises(ApiUnavailableError):
        await venue.listing()
    assert venue.known_listing is None
    node.down.clear()
    assert "FOO-USDC" in (await venue.listing()).by_pair


async def test_a_node_that_fails_for_one_of_the_words_is_an_error_and_a_contract_that_refuses_is_not(venue, node, monkeypatch):
    await venue.listing()
    answer = node._answer

    def failing(method, params):
        told = answer(method, params)
        return {"error": {"code": -32000, "message": "the state is pruned"}} if method == "eth_call" else told

    node.refuse("balanceOf", "Error", "Pausable: paused")
    _, held, _ = await venue.balances(ACCOUNT)
    assert held == {}
    monkeypatch.setattr(node, "_answer", failing)
    for asking in (venue.balances(ACCOUNT), venue.orders([OrderKey(FOO_USDC.book, True, 1)])):
        with pytest.raises(RpcError, match="pruned"):
            await asking


async def test_before_the_markets_are_known_none_can_be_named(venue):
    with pytest.raises(ApiUnavailableError, match="not known yet"):
        venue.market("FOO-USDC")
    assert venue.market_of(FOO_USDC.book) is None
    await venue.listing()
    assert venue.market("FOO-USDC") == venue.market_of(FOO_USDC.book) == FOO_USDC


async def test_orders_are_refused_while_no_block_comes_and_the_node_is_asked_once_more_before(node):
    clock = ManualClock()
    venue = Venue(NETWORK, RestClient(FakeApi(), ["https://api.test"]),
                  RpcClient(node, ["https://node.test"], clock, steady_blocks=NETWORK.steady_blocks))
    await venue.rpc.block_number()
    clock.now += STALL_SECONDS + 1
    await venue.refuse_standstill()
    assert len(node.received("eth_blockNumber")) == 1, "nothing was told since, so nothing stands still"
    await venue.rpc.block_number()
    with pytest.raises(OrderRejectedError, match="has told no new block for 31 s: no order is placed until it does"):
        await venue.refuse_standstill()
    node.head += 1
    await venue.refuse_standstill()
