"""Runs scenarios, each in a world of its own, and says what came of them."""
import asyncio
import gc
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from simulation.clock import VirtualClock, owning_the_machine
from simulation.invariants import Violation
from simulation.loop import Deadlock, VirtualLoop
from simulation.scenario import Scenario
from simulation.world import World

# More than that is a loop that never rests.
TURNS_PER_SECOND = 1000
MEMORY = Path("/dev/shm")


@dataclass
class Outcome:
    """What came of a scenario. `problem` is None when all went well; `digest` is the same for the same scenario."""

    scenario: Scenario
    problem: Violation | None
    digest: str
    simulated_seconds: float
    cpu_seconds: float
    actions_done: int
    counts: dict[str, float] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)


def run(scenario: Scenario) -> Outcome:
    """Run a scenario in a new world."""
    began = time.process_time()
    loop = VirtualLoop(Random(scenario.setup.seed))
    loop.turns_left = int(TURNS_PER_SECOND * (600 + 2 * sum(action.pause for action in scenario.actions)))
    clock = VirtualClock(loop)
    start = loop.time()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, _alone(), \
            owning_the_machine(clock, scenario.setup.seed):
        world = World(scenario, loop, clock, Path(folder))
        logger = logging.getLogger("hummingbot")
        logger.addHandler(world.invariants.log)
        problem: Violation | None = None
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(world.run())
        except Violation as violation:
            problem = violation
        except Deadlock as deadlock:
            problem = Violation("rest", str(deadlock))
        finally:
            logger.removeHandler(world.invariants.log)
            asyncio.set_event_loop(None)
            loop.close()
    return Outcome(scenario, problem, world.trace.digest(), loop.time() - start, time.process_time() - began, world.actions_done,
                   _counts(world), world.trace.tail())


def _counts(world: World) -> dict[str, float]:
    truth = world.comparison.truth()
    return {"lives": world.lives, "orders": len(truth.orders), "fills": sum(len(order.trades) for order in truth.orders.values()),
            "blocks": world.sandbox.node.head.number, "comparisons": world.invariants.compared,
            "most requests a minute": world.invariants.most_requests, "most connects a minute": world.invariants.most_connects,
            "most tasks": world.invariants.most_tasks,
            "longest way to rest": round(world.invariants.longest_quiet, 1), "log lines": world.invariants.log.lines,
            "forgotten": len(world.comparison.forgotten), "turns": world.loop.turns}


@contextmanager
def _alone() -> Iterator[None]:
    """Nothing else of this Python process interferes, and what a killed process leaves behind is not complained about."""
    hook = sys.unraisablehook
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()  # what is there already is not looked through again and again
    sys.unraisablehook = lambda problem: None if _is_of_the_dead(problem.exc_value) else hook(problem)
    propagate, level = logging.getLogger("hummingbot").propagate, logging.getLogger("hummingbot").level
    logging.getLogger("hummingbot").propagate = False
    logging.getLogger("hummingbot").setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
            if enabled:
                gc.collect()
    finally:
        logging.getLogger("hummingbot").propagate = propagate
        logging.getLogger("hummingbot").setLevel(level)
        sys.unraisablehook = hook
        if enabled:
            gc.enable()


def _is_of_the_dead(error: BaseException | None) -> bool:
    """A frame of a killed process that waits in its clean-up cannot be closed, and cannot wait there without a task or a loop."""
    return isinstance(error, RuntimeError) and any(reason in str(error) for reason in (
        "ignored GeneratorExit", "should be used inside a task", "no running event loop"))
