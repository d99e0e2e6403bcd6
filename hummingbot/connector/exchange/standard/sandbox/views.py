"""Typed questions to the simulated contracts, asked through the node as any client would ask them by eth_call."""
from typing import Any

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS, FACTORY_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.node import Node
from hummingbot.connector.exchange.standard.sandbox.world import Message

_NOBODY = "0x" + "00" * 20
_CALL_GAS = 1_000_000_000


class ChainView:
    """Reads of the newest state, whatever the node shows to others. Amounts are in smallest units, prices x 1e8, fees and spreads
    in parts of 1e8."""

    def __init__(self, node: Node, engine: str) -> None:
        self.engine = engine
        self._node = node

    def call(self, to: str, function: Function, *arguments: Any) -> tuple[Any, ...]:
        """The results of a view. Raises ValueError when the contract refuses."""
        message = Message(_NOBODY, to, 0, function.encode(*arguments), _CALL_GAS)
        outcome = self._node.call(message, number=self._node.head.number)
        if not outcome.success:
            raise ValueError(f"{function.signature} of {to} reverted: 0x{outcome.return_data.hex()}")
        return function.decode_result(outcome.return_data)

    def queue(self, book: str, is_bid: bool, price: int) -> list[int]:
        """The ids of the orders that a taker would meet at a price, in order."""
        asked = 8
        while True:
            ids: list[int] = self.call(book, BOOK_FUNCTIONS["getOrderIds"], is_bid, price, asked)[0]
            if ids[-1] == 0:
                return [order_id for order_id in ids if order_id]
            asked *= 4

    def reachable(self, book: str, is_bid: bool, limit: int) -> dict[int, list[int]]:
        """The ids of the orders that a taker with that limit price would meet on one side, by price."""
        asked = 4
        while True:
            prices = self.call(book, BOOK_FUNCTIONS["getPrices"], is_bid, asked)[0]
            reached = [price for price in prices if price and (price >= limit if is_bid else price <= limit)]
            if len(reached) < asked:
                return {price: self.queue(book, is_bid, price) for price in reached}
            asked *= 4

    def order(self, book: str, is_bid: bool, order_id: int) -> tuple[str, int, int]:
        """An order's owner, price and what is left of its deposit; zeros when it is gone."""
        owner, price, deposit = self.call(book, BOOK_FUNCTIONS["getOrder"], is_bid, order_id)[0]
        return owner, price, deposit

    def deposit(self, book: str, is_bid: bool, order_id: int) -> int:
        """What is left of an order's deposit; 0 when it is gone."""
        return self.order(book, is_bid, order_id)[2]

    def market_price(self, book: str) -> int:
        """The book's last market price (lmp)."""
        return int(self.call(book, BOOK_FUNCTIONS["lmp"])[0])

    def limit_spread(self, book: str) -> tuple[int, int]:
        """How far above and below lmp a buy and a sell limit order may reach."""
        buy, sell = self.call(self.engine, ENGINE_FUNCTIONS["lmtSpreadLimits"], book)
        return buy, sell

    def wrapped_native(self) -> str:
        """The wrapped native token that the engine handles."""
        return str(self.call(self.engine, ENGINE_FUNCTIONS["WETH"])[0])

    def factory(self) -> str:
        """The factory of the engine's books."""
        return str(self.call(self.engine, ENGINE_FUNCTIONS["orderbookFactory"])[0])

    def books(self) -> list[tuple[str, str, str]]:
        """(book, base, quote) of every pair, in the order of creation."""
        factory = self.factory()
        length = self.call(factory, FACTORY_FUNCTIONS["allPairsLength"])[0]
        books = [self.call(factory, FACTORY_FUNCTIONS["allPairs"], index)[0] for index in range(length)]
        return [(book, *self.call(book, BOOK_FUNCTIONS["getBaseQuote"])) for book in books]

    def balance(self, token: str, account: str) -> int:
        """An account's balance of an ERC-20 token."""
        return int(self.call(token, ERC20_FUNCTIONS["balanceOf"], account)[0])

    def allowance(self, token: str, owner: str, spender: str) -> int:
        """What `spender` may take of the owner's tokens."""
        return int(self.call(token, ERC20_FUNCTIONS["allowance"], owner, spender)[0])
