"""What a call places, read back from it: the same as went into it."""
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.called_orders import CalledOrder, called_orders
from hummingbot.connector.exchange.standard.orders.sizing import OrderCall, cancel_call, limit_order

USER = "0x" + "a1" * 20
USDC = Token("0x" + "cc" * 20, "USDC", 6)
SOMI = Token("0x" + "aa" * 20, "SOMI", 18)
WBTC = Token("0x" + "bb" * 20, "WBTC", 8)
PLAIN = Market(WBTC, USDC, "0x" + "b1" * 20)
NATIVE_BASE = Market(SOMI, USDC, "0x" + "b2" * 20, base_is_native=True)
NATIVE_QUOTE = Market(WBTC, SOMI, "0x" + "b3" * 20, quote_is_native=True)
MARKETS = (PLAIN, NATIVE_BASE, NATIVE_QUOTE)


def call(market: Market, is_buy: bool) -> OrderCall:
    return limit_order(market, is_buy, Decimal(3), Decimal("0.7"), USER)


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.trading_pair)
@pytest.mark.parametrize("is_buy", [True, False], ids=["buy", "sell"])
def test_one_order_is_what_it_was(market: Market, is_buy: bool) -> None:
    sent = call(market, is_buy)
    (order,) = called_orders(sent.data, sent.value)
    assert (order.is_bid, order.price, order.deposit) == (is_buy, 70_000_000, sent.deposit) and sent.deposit > 0
    assert order.market(MARKETS) is market


def test_the_orders_of_a_batch_are_what_they_were_in_their_order() -> None:
    calls = [call(market, is_buy) for market in MARKETS for is_buy in (True, False)]
    data = ENGINE_FUNCTIONS["createOrders"].encode([each.item for each in calls])
    orders = called_orders(data, sum(each.value for each in calls))
    assert [order.deposit for order in orders] == [each.deposit for each in calls]
    assert [order.market(MARKETS) for order in orders] == [market for market in MARKETS for _ in range(2)]
    assert [order.is_bid for order in orders] == 3 * [True, False] and {order.price for order in orders} == {70_000_000}


def test_an_order_of_a_market_that_is_not_listed_has_none() -> None:
    assert CalledOrder(None, WBTC.address, False, 1, 1).market(MARKETS) is None
    assert CalledOrder(USDC.address, WBTC.address, False, 1, 1).market(MARKETS) is None


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03\x04", cancel_call([(PLAIN, True, 1)]), call(PLAIN, True).data[:-40]],
                         ids=["empty", "unknown", "a cancel", "cut"])
def test_a_call_that_places_nothing_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        called_orders(data, 0)


def test_the_error_names_the_selector_of_a_call_that_places_nothing() -> None:
    cancel = cancel_call([(PLAIN, True, 1)])
    with pytest.raises(ValueError, match=f"^0x{ENGINE_FUNCTIONS['cancelOrder'].selector.hex()} is no call that places orders$"):
        called_orders(cancel, 0)
