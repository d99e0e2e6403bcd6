"""An order as Hummingbot wanted it: what the journal keeps, so that it can be told of an order that it never saved."""
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder


class OrderTerms(NamedTuple):
    """`amount` in base, `price` in quote, `created` in seconds since the epoch, as Hummingbot's tracked order has them."""

    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    amount: Decimal
    price: Decimal
    created: float

    def to_json(self) -> dict[str, Any]:
        """As it is written to the journal."""
        return {"trading_pair": self.trading_pair, "trade_type": self.trade_type.name, "order_type": self.order_type.name,
                "amount": str(self.amount), "price": str(self.price), "created": self.created}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "OrderTerms":
        """As it was written; raises LookupError or ValueError for anything else."""
        return cls(data["trading_pair"], TradeType[data["trade_type"]], OrderType[data["order_type"]], Decimal(data["amount"]),
                   Decimal(data["price"]), float(data["created"]))

    def in_flight_order(self, client_order_id: str) -> InFlightOrder:
        """The order as Hummingbot tracked it when it was placed."""
        return InFlightOrder(client_order_id=client_order_id, trading_pair=self.trading_pair, order_type=self.order_type,
                             trade_type=self.trade_type, amount=self.amount, price=self.price, creation_timestamp=self.created)
