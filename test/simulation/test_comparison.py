"""What the simulation takes for forgotten when a connector is killed."""
from decimal import Decimal

from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from simulation.comparison import Comparison
from simulation.replaced import Replaced

TRANSACTION = "0x" + "ab" * 32


def test_a_recorded_order_that_was_taken_back_is_forgotten_with_the_nonces_of_all_its_places() -> None:
    sandbox = Sandbox()
    address = sandbox.accounts[0].address
    replaced = Replaced(sandbox.engine_address, address, lambda: 0.0)
    comparison = Comparison(sandbox, address, replaced)
    book = sandbox.markets[0].book
    comparison.recorded = {"mine": {f"{book}:ask:1", f"{TRANSACTION}:0"}}
    # The id of its first place is that of another order since.
    replaced.nonces[f"{book}:ask:1"] |= {9}
    replaced.nonces[TRANSACTION] |= {7}
    for name in ("mine", "never recorded"):
        comparison.orders[name] = InFlightOrder(name, "SOMI-USDC", OrderType.LIMIT, TradeType.SELL, Decimal(1), 0.0, Decimal(1),
                                                initial_state=OrderState.PENDING_CREATE)

    comparison.forget_unsaved({})

    assert comparison.forgotten == {"mine"} and not comparison.orders
    assert comparison._forgotten_nonces == {7, 9}
