"""The gas schedules against the recorded figures."""
from itertools import pairwise

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.world import Message, Outcome
from test.hummingbot.connector.exchange.standard.sandbox.exchange import ALICE, BASE_UNIT, BOB, PRICE_UNIT, Exchange
from test.hummingbot.connector.exchange.standard.sandbox.recorded import Recorded, scenario_names
from test.vectors import FILES, load

USUAL_TOLERANCE, TOLERANCE = 0.05, 0.1
FAILED_TOLERANCE = 0.25
SOMNIA_ORDER, SOMNIA_CANCEL = 3_000_000, 144_253


@pytest.mark.parametrize("file", FILES)
def test_gas_used_is_within_a_few_per_cent_of_the_recorded(file: str) -> None:
    far, deviations, unusual = [], [], 0
    for name in scenario_names(load(file)):
        run = Recorded(load(file), name)
        assert not list(run.differences())
        transactions = [step for step in run.scenario["steps"] if step["kind"] == "tx"]
        for step, (label, recorded, used) in zip(transactions, run.gas):
            deviation = used / recorded - 1
            deviations.append(abs(deviation))
            unusual += bool(step["status"]) and abs(deviation) > USUAL_TOLERANCE
            if abs(deviation) > (TOLERANCE if step["status"] else FAILED_TOLERANCE):
                far.append(f"{name}, {label}: {used} instead of {recorded}")
    assert not far, "\n".join(far)
    assert sum(deviations) / len(deviations) < 0.015
    assert unusual < 0.02 * len(deviations)


def somnia() -> Exchange:
    return Exchange(schedule=GasSchedule.SOMNIA)


def test_an_order_on_somnia_fits_into_the_usual_limit_but_not_into_ethereums() -> None:
    exchange = somnia()
    data = ENGINE_FUNCTIONS["limitSell"].encode(exchange.base, exchange.quote, 1000 * PRICE_UNIT, BASE_UNIT, True, 20, ALICE)
    message = Message(ALICE, exchange.engine, 0, data, 50_000_000)
    estimate = exchange.world.estimate_gas(message, exchange.block)
    assert not isinstance(estimate, Outcome) and 1_500_000 < estimate < SOMNIA_ORDER
    assert not exchange.world.call(message._replace(gas_limit=300_000), exchange.block).success
    assert exchange.world.call(message, exchange.block).gas_used < estimate - 900_000, "new state wants a reserve on top"


def test_a_cancel_on_somnia_runs_out_of_a_small_limit_silently() -> None:
    exchange = somnia()
    exchange.sell(ALICE, 1000 * PRICE_UNIT, BASE_UNIT)
    arguments = (exchange.base, exchange.quote, False, 1)
    small = exchange.call(ALICE, "cancelOrder", *arguments, gas=SOMNIA_CANCEL)
    assert not small.logs
    assert exchange.call(ALICE, "cancelOrder", *arguments, gas=SOMNIA_ORDER).logs


def test_walking_the_book_costs_gas_per_level() -> None:
    exchange = Exchange()
    used = []
    for level in range(120):
        used.append(exchange.sell(ALICE, (1001 + level) * PRICE_UNIT, BASE_UNIT).gas_used)
    steps = [later - sooner for sooner, later in pairwise(used[2:])]
    assert all(2_400 <= step <= 2_500 for step in steps), steps
    assert exchange.buy(BOB, 999 * PRICE_UNIT, 10 ** 9).gas_used < used[-1]


def test_the_estimate_of_a_failing_message_is_its_failure() -> None:
    exchange = Exchange()
    data = ENGINE_FUNCTIONS["limitSell"].encode(exchange.base, exchange.quote, 1000 * PRICE_UNIT, 0, True, 20, ALICE)
    outcome = exchange.world.estimate_gas(Message(ALICE, exchange.engine, 0, data, 10_000_000), exchange.block)
    assert isinstance(outcome, Outcome) and not outcome.success and len(outcome.return_data) == 4
