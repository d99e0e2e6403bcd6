"""`make simulate`: run seeds of the simulation, or one scenario again that was written down (docs/simulation.md)."""
import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

HASH_SEED = "0"


def main() -> int:
    """Returns 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (%(default)s)")
    parser.add_argument("--hours", type=float, default=1 / 6, help="simulated hours of each (ten minutes)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (%(default)s)")
    parser.add_argument("--anew", action="store_true", help="also run the seeds that ran before with this code")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the tenth failure")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for shorter scenarios")
    parser.add_argument("--scenario", type=Path, help="run this file instead, and show the end of what happened")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        # The order of a set of texts must not change from run to run.
        os.execve(sys.executable, [sys.executable, "-m", "simulation", *sys.argv[1:]],
                  {**os.environ, "PYTHONHASHSEED": HASH_SEED})
    if options.scenario is not None:
        return _replay(options.scenario)
    return _run_seeds(options)


def _replay(path: Path) -> int:
    from simulation.run import run
    from simulation.scenario import Scenario
    outcome = run(Scenario.load(path))
    print("\n".join(outcome.tail))
    print(f"\n{path}: {outcome.problem or 'nothing is wrong'} (digest {outcome.digest})")
    return 1 if outcome.problem else 0


def _run_seeds(options: argparse.Namespace) -> int:
    from simulation.progress import Progress
    began, progress = time.monotonic(), Progress(options.hours)
    wanted = range(options.first, options.first + options.seeds)
    before = set() if options.anew else progress.clean & set(wanted)
    totals: Counter[str] = Counter()
    failures = 0
    with closing(_outcomes([seed for seed in wanted if seed not in before], options)) as outcomes:
        for seed, problem, report, counts in outcomes:
            progress.note(seed, problem is None)
            progress.save()
            for name, count in counts.items():
                totals[name] = max(totals[name], count) if "most" in name or "longest" in name else totals[name] + count
            totals["seeds"] += 1
            if problem is not None:
                failures += 1
                print(report, flush=True)
                if failures == 10 and not options.keep_going:
                    print("Ten seeds have failed; the rest is left out.")
                    break
            elif totals["seeds"] % 50 == 0:
                print(f"{totals['seeds']} seeds, {time.monotonic() - began:.0f} s", flush=True)
    _summary(totals, failures, len(before), time.monotonic() - began)
    return 1 if failures else 0


def _outcomes(seeds: list[int], options: argparse.Namespace) -> Iterator[tuple[int, str | None, str, dict[str, float]]]:
    from simulation.seeds import run_seed
    work = [(seed, options.hours, not options.no_shrink) for seed in seeds]
    if options.jobs == 1:
        yield from map(run_seed, work)
        return
    # A process is left after a while, so that nothing that Hummingbot keeps for ever adds up.
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=200) as pool:
        yield from pool.imap_unordered(run_seed, work)


def _summary(totals: "Counter[str]", failures: int, before: int, seconds: float) -> None:
    cpu, hours = totals.pop("cpu", 0), totals.pop("simulated seconds", 0) / 3600
    if totals["seeds"]:
        print(", ".join(f"{name} {count:g}" for name, count in totals.items()))
        print(f"{hours:.1f} simulated hours in {seconds:.0f} s; ten simulated minutes took {cpu / hours / 6:.2f} s of one core")
    print(f"{totals['seeds'] - failures:g} clean, {failures} failed, {before} clean before with this code")


if __name__ == "__main__":
    sys.exit(main())
