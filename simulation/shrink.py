"""Makes a failing scenario short: leaves out whatever is not needed for the failure."""
from collections.abc import Callable, Sequence
from dataclasses import replace

from simulation.run import Outcome, run
from simulation.scenario import Action, Scenario

MAX_RUNS = 250
# The plainest of each choice; tried one after the other.
PLAIN = {"feed": "polling", "stream": "", "generation": "2025-08", "gas": "ETHEREUM", "indexer_lag": 0.0, "heads_first": False,
         "block_interval": 1.0, "poll_interval": 1.0, "latency": (0.02, 0.03), "maker_fee": 100_000, "taker_fee": 100_000,
         "limit_spread": 3_000_000, "market_spread": 1_000_000, "pairs": ("SOMI-USDC",)}


class Shrinker:
    """Looks for a shorter scenario that breaks the same invariant."""

    def __init__(self, outcome: Outcome, runs: int = MAX_RUNS, again: Callable[[Scenario], Outcome] = run) -> None:
        """`outcome` is the failure to be shrunk, `runs` the most scenarios to try with `again`."""
        assert outcome.problem is not None
        self.best = outcome
        self.runs_left = runs
        self._invariant = outcome.problem.invariant
        self._again = again

    def shrink(self) -> Outcome:
        """The shortest failure found."""
        self._try(self.best.scenario.with_actions(self.best.scenario.actions[:self.best.actions_done]))
        self._leave_out_actions()
        for name, value in PLAIN.items():
            setup = self.best.scenario.setup
            if getattr(setup, name) != value:
                self._try(replace(self.best.scenario, setup=replace(setup, **{name: value})))
        self._leave_out_actions()
        return self.best

    def _leave_out_actions(self) -> None:
        size = max(len(self.best.scenario.actions) // 2, 1)
        while size:
            at = 0
            while at < len(self.best.scenario.actions):
                if not self._try(self.best.scenario.with_actions(without(self.best.scenario.actions, at, at + size))):
                    at += size
            size //= 2

    def _try(self, scenario: Scenario) -> bool:
        if self.runs_left <= 0:
            return False
        self.runs_left -= 1
        outcome = self._again(scenario)
        if outcome.problem is None or outcome.problem.invariant != self._invariant:
            return False
        self.best = outcome
        return True


def without(actions: Sequence[Action], first: int, end: int) -> list[Action]:
    """The actions without those from `first` to before `end`; the others happen when they did."""
    pause = sum(action.pause for action in actions[first:end])
    rest = list(actions[end:])
    if rest:
        rest[0] = replace(rest[0], pause=rest[0].pause + pause)
    return [*actions[:first], *rest]
