"""What an account leaves in its journal for the next run, as JSON."""
import json
from dataclasses import replace
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.orders.settlement import END_OF_BLOCK, OrderKey, Resting
from hummingbot.connector.exchange.standard.witnesses import Witness


class SavedState(NamedTuple):
    """The orders that rested after block `block`; the fills that were told since, as (client order id, trade id); those that
    were told at any time, and taken back by a reorganisation; and a witness of the chain, where there is one."""

    block: int
    orders: list[Resting]
    fills: list[tuple[str, str]]
    taken_back: list[tuple[str, str]]
    witness: Witness | None = None

    def to_json(self) -> str:
        """As it is written."""
        orders = [[*order.key, order.client_order_id, order.price, str(order.deposit)] for order in self.orders]
        return json.dumps({"block": self.block, "orders": orders, "since": [order.placed_at[0] for order in self.orders],
                           "fills": self.fills,
                           "taken_back": self.taken_back, "witness": self.witness})

    @classmethod
    def from_json(cls, text: str) -> "SavedState":
        """As it was written; raises ValueError for anything else."""
        try:
            state = json.loads(text)
            block, witness = _natural(state["block"]), state.get("witness")
            # Whatever happened up to the block is in the deposits, whoever tells of it once more; of an order that was taken up
            # as the chain held it later, up to that block.
            orders = [_order(*order) for order in state.get("orders", ())]
            since = [_natural(number) for number in state.get("since", [block] * len(orders))]
            orders = [replace(order, placed_at=(max(block, number), END_OF_BLOCK))
                      for order, number in zip(orders, since, strict=True)]
            fills, taken_back = ([(_text(name), _trade(trade)) for name, trade in state.get(key, ())]
                                 for key in ("fills", "taken_back"))
            return cls(block, orders, fills, taken_back, None if witness is None else _witness(*witness))
        except (AttributeError, LookupError, RecursionError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _order(book: Any, is_bid: Any, number: Any, client_order_id: Any, price: Any, deposit: Any) -> Resting:
    if not isinstance(is_bid, bool):
        raise ValueError(f"{is_bid!r} is no side")
    return Resting(OrderKey(_text(book), is_bid, _natural(number)), _text(client_order_id), _natural(price),
                   _natural(int(_text(deposit))))


def _witness(number: Any, name: Any, timestamp: Any) -> Witness:
    return Witness(_natural(number), _text(name), _natural(timestamp))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _natural(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no number of something")
    return value


def _trade(value: Any) -> str:
    book, _, number = _text(value).rpartition(":")
    if not book or not (number.isascii() and number.isdigit()):
        raise ValueError(f"{value!r} names no trade")
    return _text(value)
