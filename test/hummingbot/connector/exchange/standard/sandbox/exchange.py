"""A small exchange for tests: named traders, one 18/6 pair at 1000 with limits of 0.1 %, one 8/6 pair at 60000."""
from dataclasses import replace
from typing import Any

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS_2026_07,
    ENGINE_FUNCTIONS,
    ENGINE_FUNCTIONS_2026_07,
    FACTORY_FUNCTIONS,
    OrderPlaced,
    Revert,
    decode_event,
    decode_revert,
)
from hummingbot.connector.exchange.standard.chain.tokens import WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.deployment import (
    Deployment,
    Generation,
    PairSpec,
    TokenSpec,
    account_key,
    address_of,
    build,
    default_deployment,
)
from hummingbot.connector.exchange.standard.sandbox.engine_state import Spread
from hummingbot.connector.exchange.standard.sandbox.execution import MAX_UINT256
from hummingbot.connector.exchange.standard.sandbox.world import Block, Message, Outcome, World

GAS = 20_000_000
BASE_UNIT, QUOTE_UNIT, PRICE_UNIT = 10 ** 18, 10 ** 6, 10 ** 8
TENTH_PERCENT = Spread(100_000, 100_000)
ALICE, BOB, CAROL, DAVE = (address_of(account_key(index)) for index in range(4))
OPERATOR = address_of(account_key(8))
FEES = address_of(account_key(9))


def small_deployment(decimals: tuple[int, int] | None = None, listing_price: int = 1000 * PRICE_UNIT,
                     **changes: Any) -> Deployment:
    """The deployment of the test exchange: BASE/QUOTE (18/6, or of other `decimals`), BTC/QUOTE (8/6), wrapped native/QUOTE."""
    start = default_deployment()
    accounts = list(start.balances)
    base = TokenSpec("0x" + "ba" * 20, "BASE", "Base", decimals[0] if decimals else 18,
                     dict.fromkeys(accounts, 1_000_000 * BASE_UNIT))
    quote, btc = start.tokens
    if decimals:
        quote = replace(quote, decimals=decimals[1], holders=dict.fromkeys(accounts, 1_000_000 * BASE_UNIT))
    pairs = tuple(PairSpec(token, quote.address, price, TENTH_PERCENT, TENTH_PERCENT)
                  for token, price in ((base.address, listing_price), (btc.address, 60_000 * PRICE_UNIT),
                                       (start.wrapped.address, 1000 * PRICE_UNIT)))
    allowances = {(token, account): MAX_UINT256 for token in (base.address, quote.address, btc.address, start.wrapped.address)
                  for account in accounts}
    return replace(start, tokens=(base, quote, btc), pairs=pairs, allowances=allowances,
                   default_limit_spread=TENTH_PERCENT, **changes)


class Exchange:
    """Calls on the test exchange; amounts and prices are integers as on the chain."""

    def __init__(self, **changes: Any) -> None:
        self.deployment = small_deployment(**changes)
        self.world: World = build(self.deployment)
        self.later = self.deployment.generation is Generation.JULY_2026
        self.engine = self.deployment.engine
        self.base, self.quote, self.btc = (token.address for token in self.deployment.tokens)
        self.wrapped = self.deployment.wrapped.address
        self.block = Block(1, 1_760_000_001)

    def book(self, base: str | None = None) -> str:
        """The address of the book of BASE (or another token) against QUOTE."""
        address: str = self.view(FACTORY_FUNCTIONS["getPair"], self.deployment.factory, base or self.base, self.quote)[0]
        return address

    def send(self, sender: str, to: str, data: bytes, value: int = 0, gas: int = GAS) -> Outcome:
        """A transaction."""
        self.block = Block(self.block.number + 1, self.block.timestamp + 1)
        return self.world.execute(Message(sender, to, value, data, gas), self.block)

    def call(self, sender: str, name: str, *arguments: Any, value: int = 0, gas: int = GAS) -> Outcome:
        """A transaction to the engine."""
        table = ENGINE_FUNCTIONS_2026_07 if self.later else ENGINE_FUNCTIONS
        return self.send(sender, self.engine, table[name].encode(*arguments), value, gas)

    def view(self, function: Function, to: str, *arguments: Any) -> tuple[Any, ...]:
        """The results of a view."""
        outcome = self.world.call(Message(ALICE, to, 0, function.encode(*arguments), GAS), self.block)
        assert outcome.success, decode_revert(outcome.return_data)
        return function.decode_result(outcome.return_data)

    def book_view(self, name: str, *arguments: Any, base: str | None = None) -> Any:
        """The first result of a view of a book."""
        return self.view(BOOK_FUNCTIONS_2026_07[name], self.book(base), *arguments)[0]

    def limit(self, side: str, sender: str, price: int, amount: int, is_maker: bool = True, n: int = 20,
              recipient: str | None = None, base: str | None = None) -> Outcome:
        """limitBuy ("buy") or limitSell ("sell")."""
        name = {"buy": "limitBuy", "sell": "limitSell"}[side]
        return self.call(sender, name, base or self.base, self.quote, price, amount, is_maker, n, recipient or sender)

    def buy(self, sender: str, price: int, amount: int, **options: Any) -> Outcome:
        """limitBuy that must succeed."""
        outcome = self.limit("buy", sender, price, amount, **options)
        assert outcome.success, decode_revert(outcome.return_data)
        return outcome

    def sell(self, sender: str, price: int, amount: int, **options: Any) -> Outcome:
        """limitSell that must succeed."""
        outcome = self.limit("sell", sender, price, amount, **options)
        assert outcome.success, decode_revert(outcome.return_data)
        return outcome

    def order(self, is_bid: bool, number: int) -> tuple[str, int, int]:
        """Owner, price and deposit of an order of BASE/QUOTE."""
        order: tuple[str, int, int] = self.book_view("getOrder", is_bid, number)
        return order

    def balance(self, token: str, account: str) -> int:
        """A token balance."""
        amount: int = self.view(WETH_FUNCTIONS["balanceOf"], token, account)[0]
        return amount

    def events(self, outcome: Outcome) -> list[Any]:
        """The engine's events of a transaction."""
        return [decode_event(log.topics, log.data) for log in outcome.logs if log.address == self.engine]

    def resting(self, outcome: Outcome) -> OrderPlaced:
        """The order that a transaction left in the book."""
        (placed,) = [event for event in self.events(outcome) if isinstance(event, OrderPlaced)]
        return placed


def reason(outcome: Outcome) -> Revert:
    """Why a transaction failed."""
    assert not outcome.success
    return decode_revert(outcome.return_data)
