"""Cancels, updates, batches, native value, refusals and operator calls of the sandbox's engine."""
from typing import Any

import pytest
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import (
    ENGINE_FUNCTIONS,
    ENGINE_FUNCTIONS_2026_07,
    FACTORY_FUNCTIONS,
    PAIR_ADDED,
    ROLE_GRANTED,
    OrderCanceled,
    OrderCancelSkipped,
    OrderPlaced,
)
from hummingbot.connector.exchange.standard.chain.tokens import DEPOSIT, ERC20_FUNCTIONS, TRANSFER, WITHDRAWAL
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.execution import MAX_UINT256, ZERO_ADDRESS
from hummingbot.connector.exchange.standard.sandbox.factory import book_address
from hummingbot.connector.exchange.standard.sandbox.world import Message, Outcome
from test.hummingbot.connector.exchange.standard.sandbox.exchange import (
    ALICE,
    BASE_UNIT,
    BOB,
    CAROL,
    GAS,
    OPERATOR,
    PRICE_UNIT,
    QUOTE_UNIT,
    Exchange,
    reason,
)

LATER = Generation.JULY_2026
MARKET_MAKER = keccak(b"MARKET_MAKER_ROLE")
NO_TRANSFER = '"TFF": the transfer failed, so the wallet\'s balance or allowance is too small'


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def later() -> Exchange:
    return Exchange(generation=LATER)


def item(exchange: Exchange, side: str, price: int, amount: int, order_id: int = 0, is_limit: bool = True,
         base: str | None = None, recipient: str = ALICE) -> tuple[Any, ...]:
    return (base or exchange.base, exchange.quote, side == "buy", is_limit, order_id, price * PRICE_UNIT, amount, 20, recipient)


def cancel(exchange: Exchange, sender: str, number: int, is_bid: bool = False, **options: Any) -> Outcome:
    return exchange.call(sender, "cancelOrder", exchange.base, exchange.quote, is_bid, number, **options)


def returned(outcome: Outcome) -> list[int]:
    data = outcome.return_data
    return [int.from_bytes(data[at:at + 32], "big") for at in range(0, len(data), 32)]


# --- cancel and update ---

def test_cancel_refunds_once_and_then_succeeds_without_doing_anything(exchange: Exchange) -> None:
    exchange.sell(ALICE, 1500 * PRICE_UNIT, BASE_UNIT)
    first, second = cancel(exchange, ALICE, 1), cancel(exchange, ALICE, 1)
    assert exchange.events(first) == [OrderCanceled(exchange.book(), 1, False, ALICE, BASE_UNIT)]
    assert returned(first) == [BASE_UNIT]
    assert second.success and not second.logs and returned(second) == [0]


def test_only_the_owner_cancels_not_the_payer(exchange: Exchange) -> None:
    exchange.sell(ALICE, 1500 * PRICE_UNIT, BASE_UNIT, recipient=BOB)
    assert not exchange.events(cancel(exchange, ALICE, 1))
    assert exchange.events(cancel(exchange, BOB, 1))


def test_the_later_generation_tells_why_a_cancel_failed(later: Exchange) -> None:
    later.sell(ALICE, 1500 * PRICE_UNIT, BASE_UNIT)
    why = reason(cancel(later, BOB, 1))
    assert why.name == "OrderCancelFailed" and why.arguments[:4] == (later.book(), 1, False, BOB)
    outcome = later.call(BOB, "cancelOrders", [(later.base, later.quote, False, 1)])
    (skipped,) = later.events(outcome)
    assert isinstance(skipped, OrderCancelSkipped) and skipped.reason == why.arguments[4]


def test_update_of_an_unknown_order_places_a_phantom(exchange: Exchange, later: Exchange) -> None:
    outcome = exchange.call(ALICE, "updateOrder", item(exchange, "sell", 1500, BASE_UNIT, order_id=7))
    assert [type(event) for event in exchange.events(outcome)] == [OrderPlaced]
    assert reason(later.call(ALICE, "updateOrder", item(later, "sell", 1500, BASE_UNIT, order_id=7))).name == "OrderCancelFailed"


def test_update_with_amount_zero_only_cancels(exchange: Exchange) -> None:
    exchange.sell(ALICE, 1500 * PRICE_UNIT, BASE_UNIT)
    outcome = exchange.call(ALICE, "updateOrder", item(exchange, "sell", 1400, 0, order_id=1))
    assert [type(event) for event in exchange.events(outcome)] == [OrderCanceled]
    assert returned(outcome) == [0, 0, 0]


def test_update_never_takes_value(exchange: Exchange) -> None:
    outcome = exchange.call(ALICE, "updateOrder", item(exchange, "sell", 1500, BASE_UNIT), value=1)
    assert not outcome.success and outcome.return_data == b""


# --- batches and native value ---

def test_one_bad_item_undoes_the_whole_batch(exchange: Exchange) -> None:
    outcome = exchange.call(ALICE, "createOrders", [item(exchange, "sell", 1500, BASE_UNIT), item(exchange, "sell", 1500, 0)])
    assert reason(outcome).name == "AmountIsZero"
    assert exchange.order(False, 1)[2] == 0


def test_empty_batches_succeed(exchange: Exchange) -> None:
    assert exchange.call(ALICE, "createOrders", []).success and exchange.call(ALICE, "cancelOrders", []).success


def test_native_sell_rests_and_pays_out_native(exchange: Exchange) -> None:
    before = exchange.world.balance(ALICE)
    arguments = (exchange.quote, 1500 * PRICE_UNIT, True, 20, ALICE)
    outcome = exchange.call(ALICE, "limitSellETH", *arguments, value=BASE_UNIT)
    assert [log.topics[0] for log in outcome.logs[:2]] == [DEPOSIT.topic, TRANSFER.topic]
    canceled = exchange.call(ALICE, "cancelOrder", exchange.wrapped, exchange.quote, False, 1)
    assert canceled.logs[0].topics[0] == WITHDRAWAL.topic
    assert exchange.world.balance(ALICE) == before


def test_selling_the_wrapped_token_without_value_pulls_the_wrong_token(exchange: Exchange) -> None:
    assert str(reason(exchange.limit("sell", ALICE, 1000 * PRICE_UNIT, 10 ** 10, base=exchange.wrapped))) == '"TF"'
    assert str(reason(exchange.limit("sell", ALICE, 1000 * PRICE_UNIT, BASE_UNIT, base=exchange.wrapped))) == NO_TRANSFER


def test_value_left_over_from_a_batch_comes_back(exchange: Exchange) -> None:
    before = exchange.world.balance(ALICE)
    orders = [item(exchange, "sell", 1500, BASE_UNIT, base=exchange.wrapped), item(exchange, "sell", 1500, BASE_UNIT)]
    assert exchange.call(ALICE, "createOrders", orders, value=3 * BASE_UNIT).success
    assert before - exchange.world.balance(ALICE) == BASE_UNIT
    short = exchange.call(ALICE, "createOrders", orders, value=BASE_UNIT - 1)
    assert not short.success and short.return_data == b""


def test_a_batch_update_takes_one_native_item_only(exchange: Exchange) -> None:
    native = item(exchange, "sell", 1500, BASE_UNIT, base=exchange.wrapped)
    assert exchange.call(ALICE, "updateOrders", [native], value=BASE_UNIT).success
    assert exchange.call(ALICE, "updateOrders", [native, native], value=2 * BASE_UNIT).return_data == b""
    mixed = exchange.call(ALICE, "updateOrders", [native, item(exchange, "sell", 1500, BASE_UNIT)], value=BASE_UNIT)
    assert str(reason(mixed)) == '"ETF"'


def test_value_sent_with_cancels_only_is_lost_and_can_fund_another_order(exchange: Exchange) -> None:
    exchange.sell(ALICE, 1500 * PRICE_UNIT, BASE_UNIT)
    assert exchange.call(ALICE, "updateOrders", [item(exchange, "sell", 1500, 0, order_id=1)], value=BASE_UNIT).success
    assert exchange.world.balance(exchange.engine) == BASE_UNIT
    outcome = exchange.call(BOB, "createOrder", item(exchange, "sell", 1500, BASE_UNIT, base=exchange.wrapped), value=5)
    assert reason(outcome).arguments == (0x11,)


def test_a_market_order_in_a_batch_rests_with_the_default_slippage(exchange: Exchange) -> None:
    outcome = exchange.call(ALICE, "createOrder", item(exchange, "buy", 1, 1000 * QUOTE_UNIT, is_limit=False))
    assert exchange.resting(outcome).price == 1001 * PRICE_UNIT


# --- refusals ---

@pytest.mark.parametrize(("amount", "pair", "name"), [
    (0, ("base", "quote"), "AmountIsZero"), (10 ** 9 - 1, ("base", "quote"), "OrderSizeTooSmall"),
    (BASE_UNIT, ("quote", "base"), "InvalidPair")])
def test_orders_that_can_never_rest_are_refused(exchange: Exchange, amount: int, pair: tuple[str, str], name: str) -> None:
    base, quote = (getattr(exchange, token) for token in pair)
    outcome = exchange.call(ALICE, "limitSell", base, quote, 1000 * PRICE_UNIT, amount, True, 20, ALICE)
    assert reason(outcome).name == name


def test_a_pair_trades_from_its_listing_date_on(exchange: Exchange) -> None:
    date = exchange.block.timestamp + 100
    assert exchange.call(OPERATOR, "addPair", exchange.btc, exchange.base, PRICE_UNIT, date, exchange.quote).success
    outcome = exchange.call(ALICE, "limitSell", exchange.btc, exchange.base, PRICE_UNIT, 10 ** 8, True, 20, ALICE)
    assert reason(outcome).name == "PairNotListedYet"
    assert reason(outcome).arguments == (exchange.btc, exchange.base, date, exchange.block.timestamp)


def test_too_many_matches_matter_only_when_something_is_matched(exchange: Exchange, later: Exchange) -> None:
    assert exchange.limit("sell", ALICE, 1000 * PRICE_UNIT, BASE_UNIT, n=21).success
    assert reason(exchange.limit("buy", BOB, 1000 * PRICE_UNIT, QUOTE_UNIT, n=21)).name == "TooManyMatches"
    assert reason(later.limit("sell", ALICE, 1000 * PRICE_UNIT, BASE_UNIT, n=21)).name == "TooManyMatches"


def test_an_overflow_is_a_panic(exchange: Exchange) -> None:
    assert reason(exchange.limit("sell", ALICE, MAX_UINT256, BASE_UNIT)).arguments == (0x11,)


@pytest.mark.parametrize("data", [b"\1", b"\1\2\3\4", ENGINE_FUNCTIONS["cancelOrder"].selector,
                                  ENGINE_FUNCTIONS["getPair"].selector + b"\1" * 64])
def test_what_is_no_call_reverts_without_data(exchange: Exchange, data: bytes) -> None:
    outcome = exchange.send(ALICE, exchange.engine, data)
    assert not outcome.success and outcome.return_data == b""


def test_value_to_a_function_that_takes_none_reverts_without_data(exchange: Exchange) -> None:
    outcome = exchange.call(ALICE, "limitSell", exchange.base, exchange.quote, 1000 * PRICE_UNIT, BASE_UNIT, True, 20, ALICE,
                            value=1)
    assert not outcome.success and outcome.return_data == b""


def test_an_account_without_code_takes_anything(exchange: Exchange) -> None:
    outcome = exchange.send(ALICE, "0x" + "99" * 20, b"\1\2\3", value=5)
    assert outcome.success and outcome.return_data == b"" and exchange.world.balance("0x" + "99" * 20) == 5


def test_plain_native_value_is_taken_by_the_wrapper_only(exchange: Exchange) -> None:
    assert reason(exchange.send(ALICE, exchange.engine, b"", value=5)).arguments == (0x01,)
    assert not exchange.send(ALICE, exchange.quote, b"", value=5).success
    assert exchange.send(ALICE, exchange.wrapped, b"", value=5).success
    assert exchange.balance(exchange.wrapped, ALICE) == 5


# --- tokens ---

def test_token_refusals_carry_their_own_errors(exchange: Exchange) -> None:
    transfer = exchange.send(ALICE, exchange.quote, ERC20_FUNCTIONS["transfer"].encode(BOB, MAX_UINT256))
    assert transfer.return_data[:4] == bytes.fromhex("e450d38c")
    pull = exchange.send(ALICE, exchange.quote, ERC20_FUNCTIONS["transferFrom"].encode(BOB, CAROL, 1))
    assert pull.return_data[:4] == bytes.fromhex("fb8f41b2")
    nobody = exchange.send(ALICE, exchange.quote, ERC20_FUNCTIONS["transfer"].encode(ZERO_ADDRESS, 1))
    assert nobody.return_data[:4] == bytes.fromhex("ec442f05")


def test_a_finite_allowance_is_used_up(exchange: Exchange) -> None:
    exchange.send(ALICE, exchange.quote, ERC20_FUNCTIONS["approve"].encode(exchange.engine, 10 * QUOTE_UNIT))
    exchange.buy(ALICE, 900 * PRICE_UNIT, 6 * QUOTE_UNIT)
    left = exchange.view(ERC20_FUNCTIONS["allowance"], exchange.quote, ALICE, exchange.engine)
    assert left == (4 * QUOTE_UNIT,)
    assert str(reason(exchange.limit("buy", ALICE, 900 * PRICE_UNIT, 6 * QUOTE_UNIT))) == NO_TRANSFER


def test_the_other_wrapper_logs_transfers_from_and_to_nobody() -> None:
    exchange = Exchange(canonical_logs=False)
    outcome = exchange.call(ALICE, "limitSellETH", exchange.quote, 1500 * PRICE_UNIT, True, 20, ALICE, value=BASE_UNIT)
    assert TRANSFER.decode(outcome.logs[0].topics, outcome.logs[0].data) == (ZERO_ADDRESS, exchange.engine, BASE_UNIT)


# --- operator ---

def test_operator_calls_need_their_role(exchange: Exchange) -> None:
    assert reason(exchange.call(ALICE, "setDefaultFee", True, 0)).name == "AccessControlUnauthorizedAccount"
    spread = (exchange.base, exchange.quote, 1, 2, True)
    assert reason(exchange.call(ALICE, "setSpread", *spread)).name == "InvalidRole"
    assert reason(exchange.call(OPERATOR, "setSpread", exchange.quote, *spread[:1], *spread[2:])).name == "PairDoesNotExist"
    assert not exchange.call(ALICE, "addPair", exchange.btc, exchange.base, 1, 0, exchange.quote).success


def test_the_role_of_one_pair_sets_its_spread(exchange: Exchange) -> None:
    role = bytes.fromhex(exchange.book()[2:]).ljust(32, b"\0")
    granted = exchange.call(OPERATOR, "grantRole", role, ALICE)
    assert ROLE_GRANTED.decode(granted.logs[0].topics, granted.logs[0].data) == (role, ALICE, OPERATOR)
    assert exchange.call(ALICE, "setSpread", exchange.base, exchange.quote, 1, 2, True).success
    assert exchange.view(ENGINE_FUNCTIONS["mktSpreadLimits"], exchange.engine, exchange.book()) == (1, 2)
    assert exchange.call(ALICE, "renounceRole", role, ALICE).success
    assert exchange.view(ENGINE_FUNCTIONS["hasRole"], exchange.engine, role, ALICE) == (False,)
    assert reason(exchange.call(ALICE, "renounceRole", role, BOB)).name == "AccessControlBadConfirmation"


def test_a_new_pair_gets_a_book_at_a_predictable_address(exchange: Exchange) -> None:
    outcome = exchange.call(OPERATOR, "addPair", exchange.btc, exchange.base, 5 * PRICE_UNIT, 0, exchange.quote)
    start = exchange.deployment
    address = book_address(start.factory, start.implementation, exchange.btc, exchange.base)
    pair, base, _, price, _, terminal = PAIR_ADDED.decode(outcome.logs[0].topics, outcome.logs[0].data)
    assert (pair, base[0], price, terminal) == (address, exchange.btc, 5 * PRICE_UNIT, "standard")
    assert exchange.view(FACTORY_FUNCTIONS["allPairs"], start.factory, 3) == (address,)
    assert exchange.view(FACTORY_FUNCTIONS["getPairNames"], start.factory, 3, 9) == (["WBTC/BASE"],)
    assert exchange.view(FACTORY_FUNCTIONS["getBaseQuote"], start.factory, address) == (exchange.btc, exchange.base)
    again = exchange.call(OPERATOR, "addPair", exchange.btc, exchange.base, 5 * PRICE_UNIT, 0, exchange.quote)
    assert reason(again).name == "PairAlreadyExists"
    same = exchange.call(OPERATOR, "addPair", exchange.btc, exchange.btc, 5 * PRICE_UNIT, 0, exchange.quote)
    assert reason(same).name == "SameBaseQuote"


def test_operator_moves_the_market_price_and_fees(exchange: Exchange) -> None:
    outcome = exchange.call(OPERATOR, "updatePair", exchange.base, exchange.quote, 1200 * PRICE_UNIT, 0)
    assert exchange.events(outcome)[1].price == 1200 * PRICE_UNIT and exchange.book_view("lmp") == 1200 * PRICE_UNIT
    assert returned(exchange.call(OPERATOR, "setDefaultFee", False, 250_000)) == [1]
    fee = exchange.view(ENGINE_FUNCTIONS["feeOf"], exchange.engine, exchange.base, exchange.quote, ALICE, False)
    assert fee == (250_000,)


# --- gas ---

def test_a_cancel_with_too_little_gas_succeeds_without_cancelling(exchange: Exchange) -> None:
    for size in range(40, 0, -1):
        exchange.sell(ALICE, 1001 * PRICE_UNIT, size * BASE_UNIT)
    data = ENGINE_FUNCTIONS["cancelOrder"].encode(exchange.base, exchange.quote, False, 40)
    message = Message(ALICE, exchange.engine, 0, data, GAS)
    estimate = exchange.world.estimate_gas(message, exchange.block)
    assert isinstance(estimate, int) and 100_000 < estimate < 130_000
    outcome = cancel(exchange, ALICE, 40, gas=estimate)
    assert outcome.success and not outcome.logs and returned(outcome) == [0]
    assert exchange.events(cancel(exchange, ALICE, 40, gas=200_000))


def test_an_order_with_too_little_gas_uses_all_of_it(exchange: Exchange) -> None:
    function: Function = ENGINE_FUNCTIONS_2026_07["limitSell"]
    data = function.encode(exchange.base, exchange.quote, 1000 * PRICE_UNIT, BASE_UNIT, True, 20, ALICE)
    message = Message(ALICE, exchange.engine, 0, data, GAS)
    estimate = exchange.world.estimate_gas(message, exchange.block)
    assert isinstance(estimate, int)
    short = exchange.send(ALICE, exchange.engine, data, gas=estimate - 1)
    assert (short.success, short.gas_used, short.return_data) == (False, estimate - 1, b"")
    assert exchange.send(ALICE, exchange.engine, data, gas=estimate).success
