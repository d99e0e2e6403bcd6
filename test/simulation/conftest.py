"""The simulation takes over the time of its Python process, so each world of a test runs in a copy of it."""
from collections.abc import Callable
from functools import partial

import pytest

from simulation.isolation import in_a_copy
from simulation.run import Outcome, run
from simulation.scenario import Scenario


@pytest.fixture
def run_world() -> Callable[[Scenario], Outcome]:
    """Runs a scenario."""
    return partial(in_a_copy, run)
