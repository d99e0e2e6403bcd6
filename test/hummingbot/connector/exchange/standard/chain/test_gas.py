"""How much gas transactions are given, and how that is learned."""
from collections.abc import Callable
from itertools import pairwise

import pytest

from hummingbot.connector.exchange.standard.chain.gas import ETHEREUM, SOMNIA, STEP_SECONDS, Call, GasLimits, gas_profile
from hummingbot.connector.exchange.standard.chain.reverts import OUT_OF_GAS
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock

EARLIER_RUN = float("-inf")
LATER = float("inf")  # than whatever was learned before


def ended(gas_used: int, reason: str = "") -> Receipt:
    return Receipt("0x01", 5, "0xb", not reason, gas_used, 1, (), reason)


def test_gas_limits_by_network() -> None:
    assert gas_profile(5031) is gas_profile(50312) is SOMNIA and gas_profile(1) is gas_profile(31337) is ETHEREUM
    gas = GasLimits(SOMNIA, FakeClock())
    assert gas.order() == 6_000_000 and gas.order(matches=3) == 7_800_000 and gas.orders(3, matches=1) == 16_600_000
    assert gas.cancels(1) == 4_000_000 and gas.cancels(4) == 13_000_000 and gas.approve() == gas.wrap() == 4_000_000
    gas = GasLimits(ETHEREUM, FakeClock())
    assert gas.order(matches=2) == 1_100_000 and gas.cancels(4) == 1_200_000 and gas.approve() == 120_000


def test_no_transaction_asks_for_more_than_its_limit() -> None:
    gas = GasLimits(SOMNIA, FakeClock())
    assert gas.fit(39, matches=6) and not gas.fit(39, matches=7) and not gas.fit(40)
    assert gas.orders(40) == gas.cancels(1_000) == gas.cancels(20, 2) == SOMNIA.transaction_limit


def test_each_attempt_at_a_cancel_brings_twice_as_much() -> None:
    gas = GasLimits(SOMNIA, FakeClock())
    assert [gas.cancels(2, attempt) for attempt in range(3)] == [7_000_000, 14_000_000, 28_000_000]


def test_limits_grow_when_gas_ran_out_each_kind_for_itself_and_not_for_ever() -> None:
    gas = GasLimits(ETHEREUM, FakeClock())
    order, cancel, approve, wrap = gas.order(), gas.cancels(1), gas.approve(), gas.wrap()
    gas.ended(Call.ORDER, order, ended(order, OUT_OF_GAS), LATER)
    assert (gas.order(), gas.cancels(1), gas.approve(), gas.wrap()) == (order * 3 // 2, cancel, approve, wrap)
    assert gas.fit(11) and not gas.fit(12)
    gas.ended(Call.APPROVE, approve, ended(approve, OUT_OF_GAS), LATER)
    assert gas.approve() == approve * 3 // 2 and gas.wrap() == wrap
    for _ in range(50):
        gas.ended(Call.ORDER, order, ended(order, OUT_OF_GAS), LATER)
    assert gas.order() == order * 243 // 32


def test_what_ran_out_together_is_learned_from_once() -> None:
    clock = FakeClock()
    gas = GasLimits(SOMNIA, clock)
    plain, submitted = gas.order(), clock.monotonic()
    clock.now += 2
    for _ in range(5):
        gas.ended(Call.ORDER, plain, ended(plain, OUT_OF_GAS), submitted)
        clock.now += 1
    assert gas.order() == plain * 3 // 2
    gas.ended(Call.ORDER, plain, ended(plain, OUT_OF_GAS), clock.monotonic())
    assert gas.order() == plain * 9 // 4


@pytest.mark.parametrize(("call", "limit"), [(Call.WRAP, GasLimits.wrap), (Call.APPROVE, GasLimits.approve)])
def test_what_an_earlier_run_had_and_was_too_little_is_exceeded(call: Call, limit: Callable[[GasLimits], int]) -> None:
    gas = GasLimits(SOMNIA, FakeClock())
    plain = limit(gas)
    gas.ended(call, plain * 3 // 2, ended(plain * 3 // 2, OUT_OF_GAS), EARLIER_RUN)
    assert limit(gas) == plain * 9 // 4
    gas.ended(call, plain * 3 // 2, ended(plain * 3 // 2, OUT_OF_GAS), EARLIER_RUN)
    assert limit(gas) == plain * 9 // 4
    gas.ended(call, plain * 100, ended(plain * 100, OUT_OF_GAS), LATER)
    assert limit(gas) == plain * 243 // 32


def test_what_is_not_needed_any_more_shrinks_again_step_by_step() -> None:
    clock = FakeClock()
    gas = GasLimits(SOMNIA, clock)
    plain = gas.order()
    gas.ended(Call.ORDER, plain, ended(plain, OUT_OF_GAS), LATER)
    gas.ended(Call.ORDER, plain, ended(plain, OUT_OF_GAS), LATER)
    limits = []
    for _ in range(4):
        limits.append(gas.order())
        clock.now += STEP_SECONDS
        gas.ended(Call.ORDER, limits[-1], ended(1_450_000), LATER)
        gas.ended(Call.ORDER, limits[-1], ended(limits[-1] // 4, "refused"), LATER)
    assert limits == [plain * 9 // 4, plain * 3 // 2, plain, plain]
    gas.ended(Call.ORDER, plain, ended(plain, OUT_OF_GAS), LATER)
    assert gas.order() == plain * 3 // 2, "and grows from where it is"


@pytest.mark.parametrize(("used", "stays"), [(3_000_000, False), (3_000_001, True), (8_000_000, True)])
def test_what_transactions_use_is_not_taken_from_them(used: int, stays: bool) -> None:
    """More than half of the plain limit of 6 million, so a step less might be too little."""
    clock = FakeClock()
    gas = GasLimits(SOMNIA, clock)
    plain = gas.order()
    gas.ended(Call.ORDER, plain, ended(plain, OUT_OF_GAS), LATER)
    limits = []
    for _ in range(8):
        limits.append(gas.order())
        clock.now += STEP_SECONDS * 3 / 4
        gas.ended(Call.ORDER, limits[0], ended(used), LATER)
    assert limits[0] == plain * 3 // 2 and limits[-1] == (limits[0] if stays else plain)
    assert all(later <= sooner for sooner, later in pairwise(limits))
