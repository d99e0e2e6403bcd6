"""Tokens and markets as anybody can make them (docs/faults.md, F15, F46 and F47)."""
import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, OrderRejectedError
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.orders.sizing import limit_order
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.faults.orders import end_of, rests, transactions
from test.hummingbot.connector.exchange.standard.test_balances import Venue, balances
from test.hummingbot.connector.exchange.standard.test_listing import FOO, SOMI, SOMI_USDC, USDC, World
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    connected,
    deposit,
    order,
    quiet_sandbox,
    until,
)

DECIMALS = st.sampled_from([0, 6, 8, 18])
ACCOUNT = "0x" + "ac" * 20


def bought(base_decimals: int, quote_decimals: int, price: int, quote_units: int) -> int:
    """What the contract gives for a deposit: it floors at the price, and again at the difference of the decimals."""
    units = quote_units * 10 ** 8 // price
    if base_decimals > quote_decimals:
        return units * 10 ** (base_decimals - quote_decimals)
    return units // 10 ** (quote_decimals - base_decimals)


@settings(max_examples=300, deadline=None)
@given(DECIMALS, DECIMALS, st.integers(1, 10 ** 14), st.integers(1, 10 ** 24), st.booleans())
def test_f15_tokens_of_any_decimals(base_decimals: int, quote_decimals: int, price: int, base_units: int, is_buy: bool) -> None:
    base, quote = Token("0x" + "ba" * 20, "BASE", base_decimals), Token("0x" + "90" * 20, "QUOTE", quote_decimals)
    market = Market(base, quote, "0x" + "b0" * 20)
    amount = base.from_units(base_units)
    assert base.to_units(amount) == base_units, "exact there and back"
    try:
        call = limit_order(market, is_buy, amount, Decimal(price).scaleb(-8), ACCOUNT)
    except OrderRejectedError as error:
        assert "below the exchange's minimum" in str(error)
        return
    assert call.price == price
    if not is_buy:
        assert call.deposit == base_units, "a sell spends what was ordered"
        return
    assert bought(base_decimals, quote_decimals, price, call.deposit) >= base_units
    assert bought(base_decimals, quote_decimals, price, call.deposit - 1) < base_units, "a buy spends no unit too much"


@given(st.sampled_from([0, 6, 8, 18]), st.decimals(0, 10 ** 12, allow_nan=False, places=24))
def test_f15_rounding_never_spends_more(decimals: int, amount: Decimal) -> None:
    token = Token("0x" + "ba" * 20, "BASE", decimals)
    assert token.from_units(token.to_units(amount)) <= amount < token.from_units(token.to_units(amount) + 1)


async def test_f46_a_pair_is_delisted(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        names = [exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(60_000 + at)) for at in range(2)]
        for name in names:
            await rests(exchange, name)
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.buy(market, 60_000 * 10 ** 8, 300 * 10 ** 6)
        sandbox.set_listed(market.book, False)
        await exchange._update_trading_rules()
        name = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000))
        assert await end_of(exchange, name) is OrderState.FAILED, "the engine takes no more orders"
        results = await exchange.cancel_all(10)
        assert [result.success for result in results] == [True, True], "and those that rest can be taken off"
        assert {order(exchange, name).current_state for name in names} == {OrderState.CANCELED}
        assert order(exchange, names[0]).executed_amount_base == Decimal("0.005")
        await exchange._update_balances()
        assert exchange.get_balance("WBTC") == market.base.from_units(
            sandbox.view.balance(market.base.address, sandbox.accounts[0].address))


@pytest.mark.parametrize("is_hidden", [True, False], ids=["the API does not list it", "its book cannot be read"])
async def test_f46_a_pair_without_a_book_does_not_keep_others_from_trading_after_a_break(
        is_hidden: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        market = exchange._venue.market(NATIVE_PAIR)
        if is_hidden:
            sandbox.indexer.hidden.add(market.book)
        else:
            sandbox.faults.add("status", target="rest", status=500, path=f"/api/orderbook/*/{to_checksum(market.base.address)}/*")
        await exchange.stop_network()
        await exchange.start_network()
        await until(lambda: exchange.book_ages[TOKEN_PAIR] < STALE_SECONDS)
        await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000)))
        refused = exchange.buy(NATIVE_PAIR, Decimal(1), OrderType.LIMIT, Decimal("0.5"))
        assert await end_of(exchange, refused) is OrderState.FAILED
        assert "The order book of SOMI-USDC is from before the network was left or this machine slept: no order" in caplog.text
        if is_hidden:
            await until(lambda: exchange.ready)
            sandbox.indexer.hidden.clear()
        else:
            assert not exchange.ready, "it may be told yet"
            sandbox.faults.clear()
        await until(lambda: exchange.ready and exchange.book_ages[NATIVE_PAIR] < STALE_SECONDS)
        await rests(exchange, exchange.buy(NATIVE_PAIR, Decimal(1), OrderType.LIMIT, Decimal("0.5")))


async def test_f46_fees_change_and_nobody_tells() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        operator = Trader(sandbox, 8)
        await operator.send(sandbox.engine_address, ENGINE_FUNCTIONS["setDefaultFee"], True, 123_000)
        await exchange._update_trading_fees()
        fee = exchange.get_fee("WBTC", "USDC", OrderType.LIMIT_MAKER, TradeType.BUY, Decimal(1), Decimal(1), True)
        assert fee.percent == Decimal("0.00123")


async def test_f46_ids_of_another_engine_are_never_mixed_with_those_of_this_one(tmp_path: Path) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, data_path=tmp_path) as exchange:
        key = await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000)))
        other = OrderKey("0x" + "ab" * 20, key.is_bid, key.id)
        before, held = transactions(sandbox), deposit(sandbox, key)
        with pytest.raises(OrderRejectedError, match="does not list"):
            await exchange._account.cancel(other)
        assert transactions(sandbox) == before and deposit(sandbox, key) == held and key != other
        assert exchange._account.locked() == {exchange._venue.market(TOKEN_PAIR).base.address: held}
        (journal,) = tmp_path.glob("*.sqlite")  # noqa: ASYNC240
        assert sandbox.engine_address[2:10] in journal.name, "what is remembered belongs to one engine"


HOSTILE = {"a known name": "USDC", "a known name in other letters": "usdc", "a hyphen": "US-DC", "right to left": "\u202eCDSU",
           "control characters": "U\x1b[31mS\x00DC\n", "ten thousand letters": "A" * 10_000, "wide letters": "ＵＳＤＣ",
           "nothing to show": "\u200b\u202e"}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_f47_a_hostile_symbol(kind: str) -> None:
    token = Token("0x" + "f7" * 20, "?", 18)
    market = Market(token, USDC, "0x" + "b7" * 20)
    listing = await World(SOMI_USDC, market).list(SOMI_USDC, market, **{token.address: HOSTILE[kind]}).discover()
    name = listing.tokens[token.address].symbol
    assert re.fullmatch(r"[A-Z0-9_$.]{1,40}", name) and name not in ("USDC", "SOMI")
    if "USDC" in name or name.startswith("TOKEN"):
        assert "F7F7F7" in name, "its address tells it from the known one"
    assert listing.by_pair["SOMI-USDC"] == SOMI_USDC and len(listing.by_pair) == len(listing.by_book) == 2
    assert listing.tokens[USDC.address].symbol == "USDC" and listing.tokens[SOMI.address].symbol == "SOMI"


@pytest.mark.parametrize("decimals", [19, 255, None])
async def test_f47_impossible_decimals(decimals: int | None) -> None:
    market = Market(FOO, USDC, "0x" + "b7" * 20)
    world = World(SOMI_USDC, market).list(SOMI_USDC, market)
    if decimals is None:
        del world.node.decimals[FOO.address]  # there is no such function, or it reverts
    else:
        world.node.decimals[FOO.address] = decimals
    assert list((await world.discover()).by_pair) == ["SOMI-USDC"], "left out, and the others stay"


@pytest.mark.parametrize(("pairs", "shown"), [(["SOMI-USDC"], 7), (["SOMI-USDC", "FOO-USDC"], None)])
async def test_f47_a_balance_that_cannot_be_read_is_shown_as_it_was_read_last_but_of_a_traded_token_as_none(
        pairs: list[str], shown: int | None) -> None:
    venue = Venue()
    reading = balances(venue, pairs)
    assert (await reading.read(None, False)).total["FOO"] == 7
    venue.held.popitem()
    with suppress(ApiUnavailableError):  # once, of a token that is traded
        await reading.read(None, False)
    assert (await reading.read(None, False)).total.get("FOO") == shown


async def test_f46_an_api_that_moves_on_to_another_exchange_is_traded_by_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        venue, rows = exchange._venue, await exchange._venue.rest.pairs()
        await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000)))
        before = sandbox.node.nonce(sandbox.accounts[0].address)
        other, new = "0x" + "ee" * 20, rows[0]._replace(base=rows[0].base._replace(address="0x" + "ef" * 20))
        moved = [row._replace(book=other) for row in rows]
        with patch.object(venue.rest, "pairs", return_value=moved):
            for _ in range(2):
                await exchange._update_trading_rules()
        told = [record.getMessage() for record in caplog.records if "is about another exchange now" in record.getMessage()]
        assert len(told) == 2 and all(other in line and venue.known_listing.engine in line for line in told)
        refused = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_001))
        assert await end_of(exchange, refused) is OrderState.FAILED
        assert sandbox.node.nonce(sandbox.accounts[0].address) == before
        with patch.object(venue.rest, "pairs", return_value=[*moved, new]):
            await exchange._update_trading_rules()
        assert "Markets cannot be read: The API is about another exchange than the engine" in caplog.text
        await exchange._update_trading_rules()
        await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_002)))
