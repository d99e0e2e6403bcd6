"""What transactions cost by Somnia's prices, as docs/trading.md tells it, and whether the connector gives them enough gas."""
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, ENGINE_FUNCTIONS_2026_07
from hummingbot.connector.exchange.standard.chain.gas import SOMNIA, GasLimits
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS, WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.world import Message
from test.hummingbot.connector.exchange.standard.sandbox.exchange import (
    ALICE,
    BASE_UNIT,
    BOB,
    OPERATOR,
    PRICE_UNIT,
    Exchange,
)

DOCUMENT = Path(__file__).parents[6] / "docs" / "trading.md"
GWEI = Decimal("6.5")
PRICE = 1000 * PRICE_UNIT
MATCHES = (1, 2, 5, 20)


class Case:
    """An exchange on Somnia's prices, and the gas of transactions to it, which are undone."""

    def __init__(self, generation: Generation) -> None:
        self.exchange = Exchange(schedule=GasSchedule.SOMNIA, generation=generation)
        self.functions = ENGINE_FUNCTIONS_2026_07 if self.exchange.later else ENGINE_FUNCTIONS

    def gas(self, to: str, data: bytes, value: int = 0) -> tuple[int, int]:
        """What a transaction of Alice uses, and the smallest limit with which it does the same."""
        message = Message(ALICE, to, value, data, SOMNIA.transaction_limit)
        whole = self.exchange.world.call(message, self.exchange.block)
        assert whole.success
        low, high = 21_000, message.gas_limit
        while high - low > 1_000:
            middle = (low + high) // 2
            outcome = self.exchange.world.call(message._replace(gas_limit=middle), self.exchange.block)
            low, high = (low, middle) if outcome.logs == whole.logs else (middle, high)
        return whole.gas_used, high

    def call(self, name: str, *arguments: object, value: int = 0) -> tuple[int, int]:
        """A call of the engine."""
        return self.gas(self.exchange.engine, self.functions[name].encode(*arguments), value)

    def sell(self, price: int, *, native: bool = False) -> tuple[int, int]:
        """A limit sell that rests."""
        if native:
            return self.call("limitSellETH", self.exchange.quote, price, True, 20, ALICE, value=BASE_UNIT)
        return self.call("limitSell", self.exchange.base, self.exchange.quote, price, BASE_UNIT, True, 20, ALICE)

    def sells(self, count: int, *, native: bool = False) -> tuple[int, int]:
        """createOrders with sells that rest at prices of their own."""
        base = self.exchange.wrapped if native else self.exchange.base
        items = [(base, self.exchange.quote, False, True, 0, PRICE + (number + 2) * PRICE_UNIT, BASE_UNIT, 20, ALICE)
                 for number in range(count)]
        return self.call("createOrders", items, value=native * count * BASE_UNIT)

    def take(self, matches: int, *, native: bool = False, apart: bool = True) -> tuple[int, int]:
        """A buy that takes so many orders of Bob, each at a price of its own or all at one, and rests with what is left."""
        base = self.exchange.wrapped if native else self.exchange.base
        for number in range(matches):
            self.rest(BOB, PRICE + apart * number * PRICE_UNIT // 25, native)
        return self.call("limitBuy", base, self.exchange.quote, PRICE + PRICE_UNIT * 9 // 10, (matches + 1) * 1001 * 10 ** 6,
                         True, 20, ALICE)

    def rest(self, owner: str, price: int, native: bool = False) -> None:
        """Let a sell of `owner` rest."""
        if native:
            assert self.exchange.call(owner, "limitSellETH", self.exchange.quote, price, True, 20, owner, value=BASE_UNIT).success
        else:
            self.exchange.sell(owner, price, BASE_UNIT)

    def cancel(self, count: int, *, native: bool = False) -> tuple[int, int]:
        """A cancel of so many of twenty orders."""
        base = self.exchange.wrapped if native else self.exchange.base
        for number in range(20):
            self.rest(ALICE, PRICE + (number + 2) * PRICE_UNIT, native)
        if count == 1:
            return self.call("cancelOrder", base, self.exchange.quote, False, 20)
        return self.call("cancelOrders", [(base, self.exchange.quote, False, number + 1) for number in range(count)])


def resting(generation: Generation) -> list[tuple[int, int]]:
    """The first order of an account in a book, tokens or native, and further ones: at a new best level, at the same, behind."""
    found = [Case(generation).sell(PRICE), Case(generation).sell(PRICE, native=True)]
    case = Case(generation)
    case.rest(ALICE, PRICE + 2 * PRICE_UNIT)
    return found + [case.sell(PRICE + number * PRICE_UNIT) for number in (1, 2, 3)]


def taking(generation: Generation, matches: int) -> list[tuple[int, int]]:
    return [Case(generation).take(matches, native=native, apart=apart) for native in (False, True) for apart in (False, True)]


def cancelling(generation: Generation, count: int) -> list[tuple[int, int]]:
    return [Case(generation).cancel(count, native=native) for native in (False, True)]


def batches(generation: Generation, count: int) -> list[tuple[int, int]]:
    return [Case(generation).sells(count, native=native) for native in (False, True)]


ROWS: Sequence[tuple[str, Callable[[Generation], list[tuple[int, int]]]]] = (
    ("an order that rests", resting),
    ("an order that takes another one, and what is left of it rests", lambda generation: taking(generation, 1)),
    ("an order that takes 20, and what is left of it rests", lambda generation: taking(generation, 20)),
    ("10 orders of one moment that rest", lambda generation: batches(generation, 10)),
    ("a cancel", lambda generation: cancelling(generation, 1)),
    ("10 cancels of one moment", lambda generation: cancelling(generation, 10)),
)


@pytest.mark.parametrize(("what", "measure"), ROWS, ids=[what for what, _ in ROWS])
def test_somnia_costs_are_as_documented(what: str, measure: Callable[[Generation], list[tuple[int, int]]]) -> None:
    """From the least to the most, in both generations of contracts, to two places of a million and of a per mille of SOMI."""
    used = [used for generation in Generation for used, _ in measure(generation)]
    millions = " to ".join(f"{Decimal(gas).scaleb(-6):.2f}" for gas in (min(used), max(used)))
    paid = " to ".join(f"{gas * GWEI.scaleb(-9):.4f}" for gas in (min(used), max(used)))
    assert f"| {what} | {millions} million | {paid} |" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("generation", Generation)
def test_somnia_limits_leave_a_quarter_and_more(generation: Generation) -> None:
    """State that the chain has to fetch costs a million a piece, which the sandbox does not know of."""
    gas = GasLimits(SOMNIA, SystemClock())
    given = [(gas.order(), resting(generation)), (gas.cancels(1), cancelling(generation, 1)),
             (gas.cancels(10), cancelling(generation, 10)), (gas.orders(20), batches(generation, 20))]
    given += [(gas.order(matches=matches), taking(generation, matches)) for matches in MATCHES]
    case = Case(generation)
    case.exchange.send(ALICE, case.exchange.wrapped, WETH_FUNCTIONS["deposit"].encode(), BASE_UNIT)
    given += [(gas.approve(), [case.gas(case.exchange.base, ERC20_FUNCTIONS["approve"].encode(OPERATOR, 1))]),
              (gas.wrap(), [case.gas(case.exchange.wrapped, WETH_FUNCTIONS["withdraw"].encode(BASE_UNIT))])]
    for limit, needs in given:
        assert all(need * 5 <= limit * 4 for _, need in needs), (limit, needs)
