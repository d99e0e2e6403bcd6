"""Tries small wrong changes of the money paths: `make mutate FILE=markets.py`, or all of them.

Every mutant has to be killed by a test, or listed in mutation/equivalent.toml with the reason why it changes nothing. What was
killed once stays so until its module changes, and a run goes on where the last one stopped. The exit code is 1 when one
survives that is not listed.
"""
import argparse
import hashlib
import json
import sys
import time
import tomllib
from pathlib import Path

import conftest  # noqa: F401 (lets Hummingbot list the connector of this working copy)
from mutation.mutants import Mutant, mutants
from mutation.subjects import SOURCES, SUBJECTS, TESTS
from mutation.trial import BROKEN, KILLED, SURVIVED, TIMED_OUT, Trials, collected

EQUIVALENT = Path(__file__).parent / "equivalent.toml"
RESULTS = Path(".mutation")


def equivalents() -> dict[str, str]:
    """The reasons of the mutants that change nothing, by key."""
    with EQUIVALENT.open("rb") as file:
        listed = tomllib.load(file).get("mutant", [])
    return {f"{entry['file']}: {entry['function'] or 'module'}: {entry['line']}: {change}": entry["reason"]
            for entry in listed for change in entry["changes"]}


class Results:
    """Verdicts by mutant, in a file; those of another version of the module, or survivals of other tests, are forgotten."""

    def __init__(self, file: str, fresh: bool) -> None:
        self._path = RESULTS / (file.replace("/", "-") + ".json")
        self._source = _digest([SOURCES / file])
        self._tests = _digest([TESTS / test for test in SUBJECTS[file]])
        self.verdicts: dict[str, str] = {}
        kept = json.loads(self._path.read_text()) if self._path.exists() and not fresh else {}
        if kept.get("source") == self._source:
            self.verdicts = {key: verdict for key, verdict in kept["verdicts"].items()
                             if verdict in (KILLED, TIMED_OUT) or kept["tests"] == self._tests}

    def add(self, key: str, verdict: str) -> None:
        """Keep a verdict."""
        self.verdicts[key] = verdict
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps({"source": self._source, "tests": self._tests, "verdicts": self.verdicts}, indent=0))


def _digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def examine(trials: Trials, file: str, jobs: int, fresh: bool) -> bool:
    """Try the mutants of a file, tell of those that live without a reason; whether there is none."""
    made, results, listed = mutants(file, trials.source(file)), Results(file, fresh), equivalents()
    todo = [mutant for mutant in made if mutant.key not in results.verdicts]
    started = shown = time.monotonic()

    def told(mutant: Mutant, verdict: str, seconds: float) -> None:
        nonlocal shown
        results.add(mutant.key, verdict)
        if verdict in (SURVIVED, BROKEN) and mutant.key not in listed:
            print(f"{verdict}: {mutant.key}", flush=True)
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            done = sum(key.key in results.verdicts for key in todo)
            print(f"{file}: {done} of {len(todo)} tried in {shown - started:.0f} s", file=sys.stderr, flush=True)

    trials.run(todo, jobs, told)
    keys = {mutant.key for mutant in made}
    counts = {verdict: sum(results.verdicts[key] == verdict for key in keys) for verdict in (KILLED, TIMED_OUT, SURVIVED)}
    living = [key for key in keys if results.verdicts[key] in (SURVIVED, BROKEN) and key not in listed]
    stale = [key for key in listed if key.startswith(f"{file}: ") and (key not in keys or results.verdicts[key] != SURVIVED)]
    for key in stale:
        print(f"listed as equivalent, but killed or not there any more: {key}")
    print(f"{file}: {len(made)} mutants, {counts[KILLED]} killed, {counts[TIMED_OUT]} never ended, "
          f"{len(listed.keys() & keys) - len(stale)} equivalent, {len(living)} live")
    return not living and not stale


def main() -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help=f"of {', '.join(SUBJECTS)}")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget the verdicts of earlier runs")
    options = parser.parse_args()
    wrong = [file for file in options.files if file not in SUBJECTS]
    if wrong:
        parser.error(f"{', '.join(wrong)} is not one of {', '.join(SUBJECTS)}")
    verdicts: list[bool] = []
    collected(lambda trials: verdicts.extend(
        [examine(trials, file, options.jobs, options.fresh) for file in options.files or SUBJECTS]))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
