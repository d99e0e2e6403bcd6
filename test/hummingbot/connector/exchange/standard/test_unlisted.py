"""A pair that the API stops listing while own orders rest in its book: they count, can be cancelled, and come to their end."""
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import OrderRejectedError, RpcError
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.unlisted import _symbols, recovered_markets
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, connected, quiet_sandbox, until

RUNNING, RECOVERED = "does not list WBTC-USDC any more", "does not list WBTC-USDC ("


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def two_orders(rig: Rig) -> list[InFlightOrder]:
    for number in range(2):
        rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] + number, AMOUNTS[TOKEN_PAIR])
    await until(lambda: [order.current_state for order in rig.open_orders()] == 2 * [OrderState.OPEN])
    return rig.open_orders()


async def test_while_the_bot_runs_its_orders_are_kept_and_it_is_told_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order, other = await two_orders(rig)
    rig.sandbox.set_listed(rig.market(TOKEN_PAIR).book, False)
    for _ in range(2):
        await rig.exchange._update_trading_rules()
    assert caplog.text.count(RUNNING) == 1
    await rig.quiet()  # also compares the money
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await until(lambda: order.current_state is OrderState.CANCELED)
    rig.sandbox.set_listed(rig.market(TOKEN_PAIR).book, True)
    await rig.exchange._update_trading_rules()
    take(rig, other)
    await until(lambda: other.current_state is OrderState.FILLED)
    await rig.quiet()
    assert caplog.text.count(RUNNING) == 1


async def test_at_a_start_its_market_is_read_from_the_chain(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    market = rig.market(TOKEN_PAIR)
    order, _ = await two_orders(rig)
    take(rig, order, 3)  # the best of them
    await until(lambda: order.order_fills)
    await rig.quiet()
    await rig.kill()
    take(rig, order, 3)
    await until(lambda: not len(rig.sandbox.node.pool))
    rig.sandbox.set_listed(market.book, False)
    await rig.connect()
    exchange = rig.exchange
    await until(lambda: exchange._resuming is not None and exchange._resuming.done())
    assert exchange.venue.market(TOKEN_PAIR) == market and caplog.text.count(RECOVERED) == 1
    await exchange._update_balances()
    held = sum(own.deposit for own in exchange._account.settlement.resting.values())
    wallet = rig.sandbox.view.balance(market.base.address, rig.address)
    assert held > 0 and exchange.get_balance("WBTC") == market.base.from_units(wallet + held)
    assert len(rig.exchange.in_flight_orders[order.client_order_id].order_fills) == 2
    exchange.cancel(TOKEN_PAIR, order.client_order_id)
    await until(lambda: order.client_order_id not in exchange.in_flight_orders)
    rig.sandbox.set_listed(market.book, True)
    await rig.quiet()


async def test_orders_that_the_bot_did_not_place_count_there_too(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox:
        market = next(market for market in sandbox.markets if market.trading_pair == TOKEN_PAIR)
        stranger = Trader(sandbox, 0)
        await stranger.approve(market)
        await stranger.sell(market, 61_000 * 10 ** 8, 10 ** 7)
        async with connected(sandbox, ready=False, trading_required=False) as reader:
            await reader.venue.listing()
            before = sandbox.view.balance(market.base.address, sandbox.accounts[0].address)
            sandbox.set_listed(market.book, False)
            del reader.venue.known_listing.by_pair[TOKEN_PAIR], reader.venue.known_listing.by_book[market.book]
            await reader._update_balances()
            assert reader.get_balance("WBTC") == market.base.from_units(before + 10 ** 7)
            assert caplog.text.count(RECOVERED) == 1


async def test_a_book_of_another_engine_is_not_taken_for_a_market(rig: Rig) -> None:
    await rig.exchange.venue.recover(["0x" + "ab" * 20, rig.market(TOKEN_PAIR).base.address])
    assert set(rig.exchange.venue.known_listing.by_book) == {market.book for market in rig.sandbox.markets}


class Contracts:
    """A node on which books and tokens answer what the test says, in the order of their addresses."""

    def __init__(self, *batches: list[Any]) -> None:
        self.batches = list(batches)

    async def call_many(self, calls: list[tuple[str, bytes]]) -> list[Any]:
        return self.batches.pop(0) if self.batches else [FAULT] * len(calls)


FAULT = RpcError("eth_call", -32000, "the state is pruned")
REVERTED = OrderRejectedError("reverted")
BASE, QUOTE, NATIVE = ("0x" + digits * 20 for digits in ("aa", "bb", "cc"))
SOMNIA = CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN]
NO_LISTING = Listing("0x" + "e0" * 20, NATIVE)


BASE_AND_QUOTE = BOOK_FUNCTIONS["getBaseQuote"].encode_result(BASE, QUOTE)
ABC = ERC20_FUNCTIONS["symbol"].encode_result("ABC")
BOOK, DECIMALS = ENGINE_FUNCTIONS["getPair"].encode_result("0x" + "b1" * 20), ERC20_FUNCTIONS["decimals"].encode_result(6)


@pytest.mark.parametrize("batches", [
    [[FAULT]], [[BASE_AND_QUOTE], [FAULT, REVERTED]], [[BASE_AND_QUOTE], [ABC, ABC], [BOOK, DECIMALS, FAULT]]],
    ids=["of a book", "of a token", "of its decimals"])
async def test_a_node_that_fails_is_no_answer(batches: list[list[Any]]) -> None:
    with pytest.raises(RpcError, match="pruned"):
        await recovered_markets(Contracts(*batches), SOMNIA, NO_LISTING, ["0x" + "b1" * 20])  # type: ignore[arg-type]


async def test_contracts_that_do_not_answer_as_books_are_none() -> None:
    node = Contracts([b"", REVERTED], [], [])
    assert await recovered_markets(node, SOMNIA, NO_LISTING, ["0x" + "b1" * 20, "0x" + "b2" * 20]) == []  # type: ignore[arg-type]


async def test_tokens_that_do_not_say_a_name_have_none_and_the_native_one_keeps_its_own() -> None:
    node = Contracts([REVERTED, b"\x01", ABC])
    names = await _symbols(node, [BASE, NATIVE, QUOTE], NO_LISTING, SOMNIA)  # type: ignore[arg-type]
    assert names == {BASE: "", NATIVE: "SOMI", QUOTE: "ABC"}
