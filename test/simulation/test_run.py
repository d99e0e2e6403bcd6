"""Simulated worlds: they hold, they replay bit for bit, and what goes wrong in them is seen and made short."""
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.feeds import polling
from hummingbot.connector.exchange.standard.orders.settlement import Settlement
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates
from simulation.isolation import in_a_copy
from simulation.run import Outcome, run
from simulation.scenario import Action, Scenario, Setup, generate
from simulation.shrink import Shrinker
from simulation.trace import Trace

RunWorld = Callable[[Scenario], Outcome]
MINUTES = 1 / 60
QUIET = Action(0.0, "quiet", {})


def short(*actions: Action, **setup: object) -> Scenario:
    """A world in which only this is done."""
    return Scenario(replace(Setup(seed=7, pairs=("SOMI-USDC",)), **setup), (QUIET, *actions, QUIET))  # type: ignore[arg-type]


def order(pause: float, step: int = -1, is_buy: bool = True) -> Action:
    """The connector's user places a limit order."""
    return Action(pause, "place", {"is_buy": is_buy, "pair": "SOMI-USDC", "kind": "LIMIT", "step": step, "lots": 3})


def taker(pause: float, step: int = -2) -> Action:
    """Somebody sells into the bids."""
    return Action(pause, "trade", {"number": 1, "is_buy": False, "pair": "SOMI-USDC", "step": step, "lots": 2, "rests": False})


@pytest.mark.parametrize("seed", range(3))
def test_the_invariants_hold_in_the_worlds_of_some_seeds(run_world: RunWorld, seed: int) -> None:
    outcome = run_world(generate(seed, 3 * MINUTES))
    assert outcome.problem is None, outcome.problem
    assert outcome.simulated_seconds > 100 and outcome.counts["comparisons"] >= 2


@pytest.mark.parametrize(("feed", "stream"), [("polling", ""), ("chain", ""), ("auto", "docs"), ("stream", "channels"),
                                              ("stream", "sdk"), ("stream", "iter")])
def test_a_scenario_replays_bit_for_bit(run_world: RunWorld, feed: str, stream: str) -> None:
    scenario = generate(11, 2 * MINUTES)
    scenario = replace(scenario, setup=replace(scenario.setup, feed=feed, stream=stream))
    first, again = run_world(scenario), run_world(scenario)
    assert first.digest == again.digest and first.counts == again.counts
    other = run_world(replace(scenario, setup=replace(scenario.setup, seed=12)))
    assert other.digest != first.digest


def told_by_the_exchange(scenario: Scenario) -> list[str]:
    """What the exchange's own stream sent in a world."""
    frames: list[str] = []
    note = Trace.note

    def noting(trace: Trace, *what: object) -> None:
        if what[0] == "frame":
            frames.append(str(what[1]))
        note(trace, *what)

    Trace.note = noting  # type: ignore[method-assign]
    outcome = run(scenario)
    assert outcome.problem is None and outcome.counts["fills"] == 1, outcome.problem
    return frames


@pytest.mark.parametrize(("stream", "word"), [("channels", '"channel":"fills"'), ("docs", "spotOrderBlock"),
                                              ("sdk", "spotOrderBlock"), ("iter", "spotOrderBlock")])
def test_the_exchanges_own_stream_tells_of_a_fill(stream: str, word: str) -> None:
    scenario = short(order(0.1), taker(6.0), feed="stream", stream=stream)
    assert any(word in frame for frame in in_a_copy(told_by_the_exchange, scenario))


def test_a_killed_process_writes_nothing_any_more_and_the_next_one_takes_up_its_orders(run_world: RunWorld) -> None:
    outcome = run_world(short(order(0.1), Action(2.0, "kill", {"callbacks": 0, "down": 3.0}), taker(1.0), order(8.0, -3)))
    assert outcome.problem is None, outcome.problem
    assert outcome.counts["lives"] == 2 and outcome.counts["fills"] == 1


@pytest.mark.parametrize("callbacks", range(0, 60, 12))
def test_a_process_may_die_anywhere_on_the_way_of_an_order(run_world: RunWorld, callbacks: int) -> None:
    outcome = run_world(short(order(0.1), Action(0.0, "kill", {"callbacks": callbacks, "down": 1.0}), taker(0.5)))
    assert outcome.problem is None, outcome.problem


def poll_twice_as_often(scenario: Scenario) -> Outcome:
    """Run a scenario with a connector that asks for a book that nobody moves more often than the README says."""
    polling.IDLE_INTERVAL = 2.5
    return run(scenario)


def test_too_many_requests_are_seen() -> None:
    idle = Action(0.0, "idle", {"seconds": 150.0})
    scenario = short(order(1.0)).with_actions([QUIET, idle])
    assert in_a_copy(run, scenario).problem is None
    problem = in_a_copy(poll_twice_as_often, scenario).problem
    assert problem is not None and problem.invariant == "I9"


def keep_what_ended(scenario: Scenario) -> Outcome:
    """Run a scenario with a connector that keeps what it knew of every order."""
    created = TrackerUpdates.__init__

    def keeping(self: TrackerUpdates, *args: Any, **more: Any) -> None:
        created(self, *args, **more)
        self.kept = list(range(60))  # type: ignore[attr-defined]

    TrackerUpdates.__init__ = keeping  # type: ignore[method-assign]
    return run(scenario)


def test_a_collection_that_only_grows_is_seen() -> None:
    scenario = short().with_actions([QUIET, Action(0.0, "idle", {"seconds": 150.0})])
    problem = in_a_copy(keep_what_ended, scenario).problem
    assert problem is not None and problem.invariant == "I11" and "TrackerUpdates.kept" in problem.message


def forget_fills(scenario: Scenario) -> Outcome:
    """Run a scenario with a connector that does not see that others took its orders."""
    Settlement.apply = lambda self, log: []  # type: ignore[method-assign]
    return run(scenario)


def test_a_lost_fill_is_seen_and_the_scenario_made_short(tmp_path: Path) -> None:
    noise = [Action(0.3, "trade", {"number": 2, "is_buy": True, "pair": "SOMI-USDC", "step": -9, "lots": 1, "rests": True})] * 2
    outcome = in_a_copy(forget_fills, short(*noise, order(0.1), *noise, taker(3.0), *noise))
    assert outcome.problem is not None
    shrinker = Shrinker(outcome, runs=25, again=lambda scenario: in_a_copy(forget_fills, scenario))
    smallest = shrinker.shrink().scenario
    assert [action.name for action in smallest.actions] in (["place", "trade", "quiet"], ["quiet", "place", "trade", "quiet"])
    path = tmp_path / "short.jsonl"
    smallest.save(path)
    assert Scenario.load(path) == smallest
    assert in_a_copy(forget_fills, smallest).digest == shrinker.best.digest


def test_blocks_that_are_replaced_while_a_process_stands_still_until_it_leaves_are_not_asked_for(run_world: RunWorld) -> None:
    """Nobody is left to hear that the order, which had ended, rests again."""
    outcome = run_world(short(
        order(1.0), taker(8.0, -5), taker(1.0, -5), Action(1.0, "hold_up", {"seconds": 60.0}),
        Action(0.2, "reorganise", {"depth": 8, "mode": "vanish"}),
        Action(50.0, "stop", {"cancel": False, "patience": 80.0, "down": 3.0}), feed="polling"))
    assert outcome.problem is None, outcome.problem
