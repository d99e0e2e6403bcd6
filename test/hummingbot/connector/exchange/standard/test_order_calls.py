"""Orders as calls of the engine: bounded where the bounds are known, and a maker order that would take is refused."""
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.errors import OrderRejectedError
from hummingbot.connector.exchange.standard.markets import Market, Token, price_from_chain
from hummingbot.connector.exchange.standard.order_calls import TOLD_INTERVAL, OrderCalls
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, Filled, Opened, OrderKey
from hummingbot.connector.exchange.standard.orders.sizing import Level
from hummingbot.core.data_type.common import OrderType
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

WBTC = Market(Token("0x" + "bb" * 20, "WBTC", 8), Token("0x" + "cc" * 20, "USDC", 6), "0x" + "b2" * 20)
KEY = OrderKey(WBTC.book, True, 7)
PRICE = 60_000 * 10 ** 8


class Offered:
    """What is offered on the other side, how far (x 1e8, None: not known) an order may rest from the market price, and when
    trading begins. `edges` are those that are known and those that the chain tells then."""

    def __init__(self, opposite: Sequence[Level] = (), spread: int | None = None, listing_date: int = 0,
                 edges: Sequence[int | None] = ()) -> None:
        self.opposite, self.bound, self.listing_date = opposite, spread, listing_date
        self.edges = [None if edge is None else Decimal(edge) for edge in edges]

    def edge(self, trading_pair: str, is_buy: bool) -> Decimal | None:
        return self.edges.pop(0)

    async def edge_on_chain(self, trading_pair: str, is_buy: bool) -> Decimal | None:
        return self.edges.pop(0)

    def best_price(self, trading_pair: str, is_buy: bool) -> Decimal:
        return price_from_chain(self.opposite[0].price)

    def levels(self, trading_pair: str, is_buy: bool) -> Sequence[Level]:
        return self.opposite

    def spread(self, trading_pair: str, is_buy: bool) -> int | None:
        return self.bound

    def market_price(self, trading_pair: str) -> int:
        return PRICE

    def opens(self, trading_pair: str) -> int:
        return self.listing_date


def calls(offered: Offered, clock: ManualClock | None = None) -> OrderCalls:
    return OrderCalls("0x" + "a1" * 20, Decimal("0.01"), clock or ManualClock(), offered)  # type: ignore[arg-type]


def build(offered: Offered, order_type: OrderType, price: int, is_buy: bool = True) -> Any:
    return calls(offered).build(WBTC, is_buy, order_type, Decimal("0.01"), Decimal(price))


@pytest.mark.parametrize(("is_buy", "price"), [(True, 60_000), (True, 60_001), (False, 60_000), (False, 59_999)])
def test_a_maker_order_that_would_take_is_refused(is_buy: bool, price: int) -> None:
    with pytest.raises(OrderRejectedError, match=f"A maker order at {price} would take"):
        build(Offered([Level(PRICE, 10 ** 6)]), OrderType.LIMIT_MAKER, price, is_buy)


@pytest.mark.parametrize("opposite", [(), (Level(PRICE + 10 ** 8, 10 ** 6),)], ids=["nothing is offered", "it is offered higher"])
def test_a_maker_order_that_takes_nothing_is_built(opposite: Sequence[Level]) -> None:
    call = build(Offered(opposite), OrderType.LIMIT_MAKER, 60_000)
    assert call.price == PRICE and call.expected_matches == 0


@pytest.mark.parametrize("order_type", [OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET])
def test_an_order_for_a_market_that_opens_later_is_refused(order_type: OrderType) -> None:
    clock = ManualClock()
    later = int(clock.time()) + 60
    building = calls(Offered([Level(PRICE, 10 ** 6)], listing_date=later), clock)
    day = datetime.fromtimestamp(later, UTC)
    with pytest.raises(OrderRejectedError, match=f"WBTC-USDC opens for trading at {day:%Y-%m-%d %H:%M:%S} UTC"):
        building.build(WBTC, True, order_type, Decimal("0.01"), Decimal(59_000))
    clock.now += 61
    assert building.build(WBTC, True, order_type, Decimal("0.01"), Decimal(59_000)).deposit > 0


def test_an_order_is_bounded_where_the_bounds_are_known() -> None:
    assert build(Offered(), OrderType.LIMIT, 90_000).price == 90_000 * 10 ** 8
    assert build(Offered(spread=10 ** 6), OrderType.LIMIT, 90_000).price < 90_000 * 10 ** 8


def test_that_an_order_rests_elsewhere_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    building = calls(Offered(), clock)
    call = building.build(WBTC, True, OrderType.LIMIT, Decimal("0.01"), Decimal(60_000))
    there, elsewhere = (Opened("a", KEY.exchange_order_id, KEY, price, 1) for price in (PRICE, PRICE - 1))
    assert [building.is_moved(WBTC, call, [event]) for event in (there, elsewhere, elsewhere)] == [False, True, False]
    clock.now += TOLD_INTERVAL
    assert building.is_moved(WBTC, call, [elsewhere]) and len(caplog.records) == 2


# Market orders and the band

@pytest.mark.parametrize(("is_buy", "edge", "told"), [
    (False, 60_001, "The exchange matches sells down to 60001 now, and the best bid of WBTC-USDC is 60000"),
    (True, 59_999, "The exchange matches buys up to 59999 now, and the best ask of WBTC-USDC is 60000")])
async def test_a_market_order_that_would_take_nothing_is_refused_with_band_and_offer(is_buy: bool, edge: int, told: str) -> None:
    with pytest.raises(OrderRejectedError, match=told):
        await calls(Offered([Level(PRICE, 10 ** 6)], edges=[edge, edge])).refuse_beyond_band(WBTC, is_buy)


@pytest.mark.parametrize("edges", [[59_999, 60_000], [59_999, None]], ids=["it has moved", "it is unknown"])
async def test_an_edge_that_is_known_refuses_nothing_that_the_chain_would_let_match(edges: Sequence[int | None]) -> None:
    offered = Offered([Level(PRICE, 10 ** 6)], edges=edges)
    await calls(offered).refuse_beyond_band(WBTC, True)
    assert not offered.edges, "the chain was asked"


@pytest.mark.parametrize(("opposite", "edge"), [([Level(PRICE, 10 ** 6)], 60_000), ([Level(PRICE, 10 ** 6)], None), ([], 1)],
                         ids=["within the band", "no band is known", "nothing is offered"])
@pytest.mark.parametrize("is_buy", [True, False])
async def test_the_chain_is_not_asked_without_a_doubt(opposite: Sequence[Level], edge: int | None, is_buy: bool) -> None:
    await calls(Offered(opposite, edges=[edge])).refuse_beyond_band(WBTC, is_buy)


@pytest.mark.parametrize("filled", [True, False])
def test_a_market_order_that_took_nothing_casts_doubt_on_the_band(filled: bool) -> None:
    building = calls(Offered([Level(PRICE, 10 ** 6)]))
    call = building.build(WBTC, True, OrderType.MARKET, Decimal("0.01"), Decimal("NaN"))
    closed = Closed("a", "", Ending.CANCELED, 1, 1)
    fill = Filled("a", "", WBTC.book, "t", True, False, PRICE, 1, 1, 0, "0x01", 1)
    assert building.is_moved(WBTC, call, [fill, closed] if filled else [closed]) is not filled


def test_an_order_that_may_meet_one_other_cannot_meet_fewer() -> None:
    made = calls(Offered([Level(PRICE, 10 ** 6)]))
    tried = [made.max_matches]
    while made.is_to_meet_fewer(f"TooManyMatches({tried[-1]})", tried[-1]):
        tried.append(made.max_matches)
    assert tried == [20, 10, 5, 2, 1]
    call = made.build(WBTC, True, OrderType.MARKET, Decimal("0.01"), Decimal(60_000))
    assert call.expected_matches == 1


def test_orders_that_were_refused_together_halve_what_each_may_meet_once() -> None:
    made = calls(Offered())
    assert made.is_to_meet_fewer("TooManyMatches(20)", 20) and made.is_to_meet_fewer("TooManyMatches(20)", 20)
    assert made.max_matches == 10
    assert not made.is_to_meet_fewer("OrderSizeTooSmall(1, 2)", 10) and made.max_matches == 10
