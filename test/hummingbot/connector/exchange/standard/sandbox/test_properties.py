"""What must hold for any sequence of calls: value is conserved, the views of a book agree, ids never repeat."""
import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.world import Block
from test.hummingbot.connector.exchange.standard.sandbox.random_calls import Caller, deployment, state_of

GENERATIONS = list(Generation)
LONG_STEPS = int(os.environ.get("SANDBOX_STEPS", "100000"))
SEED = int(os.environ.get("SANDBOX_SEED", "1"))
MOST_JOURNAL = 50_000


@given(random=st.randoms(use_true_random=False), generation=st.sampled_from(GENERATIONS), canonical=st.booleans(),
       steps=st.integers(1, 60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_calls_conserve_value_and_keep_the_books_consistent(random: Random, generation: Generation, canonical: bool,
                                                                steps: int) -> None:
    caller = Caller(deployment(generation, canonical), random)
    for _ in range(steps):
        caller.step()
        caller.check()


@pytest.mark.parametrize("generation", GENERATIONS)
def test_thousands_of_calls(generation: Generation) -> None:
    caller = Caller(deployment(generation), Random(7))
    for step in range(3_000):
        caller.step()
        if step % 50 == 0:
            caller.check()
    caller.check()
    assert caller.succeeded > 1_000, "the calls are too invalid to prove anything"


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_hundred_thousand_calls(generation: Generation) -> None:
    caller = Caller(deployment(generation), Random(SEED))
    for step in range(LONG_STEPS):
        caller.step()
        if step % 100 == 0:
            caller.check()
            caller.world.forget(caller.world.checkpoint())
        assert len(caller.world.journal) < MOST_JOURNAL
    caller.check()


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_rollback_restores_the_state_exactly(generation: Generation, seed: int) -> None:
    caller = Caller(deployment(generation), Random(seed))
    for _ in range(150):
        caller.step()
    states = []
    for _ in range(6):
        states.append((caller.world.checkpoint(), state_of(caller.world)))
        for _ in range(25):
            caller.step()
    for checkpoint, state in reversed(states):
        caller.world.rollback(checkpoint)
        assert state_of(caller.world) == state


def test_a_call_and_an_estimate_change_nothing() -> None:
    caller = Caller(deployment(Generation.AUGUST_2025), Random(3))
    for _ in range(200):
        caller.step()
    checkpoint, state = caller.world.checkpoint(), state_of(caller.world)
    for _ in range(100):
        message = caller.message()
        caller.world.call(message, Block(1_000, 1_760_001_000))
        caller.world.estimate_gas(message, Block(1_000, 1_760_001_000))
    assert caller.world.checkpoint() == checkpoint
    assert state_of(caller.world) == state
