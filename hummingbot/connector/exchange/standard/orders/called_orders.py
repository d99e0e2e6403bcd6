"""The orders that a call of the engine places, read back from the call itself (docs/protocol.md, "Calls")."""
from collections.abc import Iterable
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.markets import Market

_BY_SELECTOR = {function.selector: function for name in ("createOrders", "limitBuy", "limitSell", "limitBuyETH", "limitSellETH")
                for function in (ENGINE_FUNCTIONS[name],)}


class CalledOrder(NamedTuple):
    """`price` x 1e8, and `deposit` in units of what the order spends; `base` and `quote` are addresses, None for the native
    token that comes with the call."""

    base: str | None
    quote: str | None
    is_bid: bool
    price: int
    deposit: int

    def market(self, markets: Iterable[Market]) -> Market | None:
        """That of its two tokens, None where it is not among them."""
        return next((market for market in markets if self._is_side(self.base, market.base.address, market.base_is_native)
                     and self._is_side(self.quote, market.quote.address, market.quote_is_native)), None)

    @staticmethod
    def _is_side(called: str | None, address: str, is_native: bool) -> bool:
        return is_native if called is None else called == address


def called_orders(data: bytes, value: int) -> list[CalledOrder]:
    """The orders of a call that `OrderCall` or a batch of them made, in its order; `value` is the native token sent with it,
    in wei. Raises ValueError for any other call."""
    function = _BY_SELECTOR.get(data[:4])
    if function is None:
        raise ValueError(f"0x{data[:4].hex()} is no call that places orders")
    arguments = function.decode(data)
    if function.name == "createOrders":
        return [CalledOrder(base, quote, is_bid, price, deposit)
                for base, quote, is_bid, _, _, price, deposit, _, _ in arguments[0]]
    is_bid = function.name.startswith("limitBuy")
    if function.name.endswith("ETH"):
        token, price = arguments[:2]
        return [CalledOrder(token, None, True, price, value) if is_bid else CalledOrder(None, token, False, price, value)]
    base, quote, price, deposit = arguments[:4]
    return [CalledOrder(base, quote, is_bid, price, deposit)]
