"""That a trade is told with the quote that moved, or with what rounding may leave of a bid beside it, and with no unit more."""
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.standard_utils import DEFAULT_FEES
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, TradeUpdate
from hummingbot.core.data_type.trade_fee import TradeFeeBase
from hummingbot.core.event.events import BuyOrderCreatedEvent, OrderFilledEvent
from simulation.chain_truth import Submission, Trade, Truth
from simulation.replaced import Replaced
from simulation.told import Told

BOOK = "0x" + "b0" * 20
ORDER_ID, TRADE_ID = f"{BOOK}:bid:1", f"{BOOK}:1"
FEE = TradeFeeBase.new_spot_fee(DEFAULT_FEES, TradeType.BUY)
WORTH = 10 ** 15


def problems(decimals: tuple[int, int], price: int, quote_units: int) -> list[str]:
    """What is wrong with an order whose only trade moved `WORTH`, and is told with so many units of quote."""
    market = Market(Token("0x" + "11" * 20, "AAA", decimals[0]), Token("0x" + "22" * 20, "BBB", decimals[1]), BOOK)
    order = InFlightOrder("mine", "AAA-BBB", OrderType.LIMIT, TradeType.BUY, Decimal(10 ** 10), 1.0, Decimal(1), ORDER_ID,
                          initial_state=OrderState.OPEN)
    amount = market.quote.from_units(quote_units)
    order.update_with_trade_update(TradeUpdate(TRADE_ID, "mine", ORDER_ID, "AAA-BBB", 1.0, amount, Decimal(1), amount, FEE))
    told = Told(lambda pair: market, Replaced("", "", lambda: 0.0), lambda: 0.0)
    told.hear(BuyOrderCreatedEvent(1.0, OrderType.LIMIT, "AAA-BBB", Decimal(1), Decimal(1), "mine", 1.0, ORDER_ID))
    told.hear(OrderFilledEvent(1.0, "mine", "AAA-BBB", TradeType.BUY, OrderType.LIMIT, amount, Decimal(1), FEE, TRADE_ID,
                               exchange_order_id=ORDER_ID))
    submission = Submission(ORDER_ID, 0, trades={Trade(TRADE_ID, price, 1, WORTH, 0)})
    return list(told.problems({"mine": order}, Truth({ORDER_ID: submission}, 0, set())))


@pytest.mark.parametrize(("decimals", "price", "dust"), [
    ((18, 6), 1_001 * 10 ** 8, 1_001), ((18, 6), 65_000_000, 1), ((8, 8), 150_000_000, 2),
    ((6, 18), 100_000, 10 ** 9 + 10 ** 12 - 1)])
def test_a_trade_that_is_told_with_more_than_rounding_can_leave_is_seen(
        decimals: tuple[int, int], price: int, dust: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Market, "most_dust", lambda market, price: 10 ** 30)  # what the connector thinks of it proves nothing
    assert problems(decimals, price, WORTH) == problems(decimals, price, WORTH + dust) == []
    for wrong in (WORTH + dust + 1, WORTH - 1):
        assert problems(decimals, price, wrong) == [
            f"the trade {TRADE_ID} of mine is told with {[wrong, wrong]} units of quote, not {WORTH}"]
