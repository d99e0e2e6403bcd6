"""Runs one seed, and when it fails writes down how to see it again."""
from functools import partial

from simulation.isolation import in_a_copy
from simulation.progress import FOLDER
from simulation.run import Outcome, run
from simulation.scenario import generate
from simulation.shrink import Shrinker


def run_seed(work: tuple[int, float, bool]) -> tuple[int, str | None, str, dict[str, float]]:
    """Run (seed, hours, whether to shrink a failure). Returns the seed, what is wrong, a report of it, and counts."""
    seed, hours, shrinks = work
    outcome = in_a_copy(run, generate(seed, hours))
    counts = outcome.counts | {"cpu": outcome.cpu_seconds, "simulated seconds": outcome.simulated_seconds}
    if outcome.problem is None:
        return seed, None, "", counts
    return seed, str(outcome.problem), _report(seed, outcome, shrinks), counts


def _report(seed: int, outcome: Outcome, shrinks: bool) -> str:
    short = Shrinker(outcome, again=partial(in_a_copy, run)).shrink() if shrinks else outcome
    path = FOLDER / f"seed-{seed}.jsonl"
    short.scenario.save(path)
    (FOLDER / f"seed-{seed}.log").write_text("\n".join(short.tail))
    actions = "\n".join(f"  {action.pause:.4f} {action.name} {action.arguments}" for action in short.scenario.actions[:60])
    return (f"seed {seed}: {outcome.problem}\n{short.scenario.setup}\n{actions}\n"
            f"in short: {short.problem}\nto see it again: make simulate ARGS=\"--scenario {path}\"\n")
