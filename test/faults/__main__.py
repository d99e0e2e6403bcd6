"""Takes away each guard of `guards.py` in a copy of the package, and demands that a test of its row fails there.

    python -m test.faults [ROW …]        exits with 1 when a guard is not where the table has it, or nothing proves it

A failure proves a guard only if the same tests pass while it is there, so they run in the untouched copy first. A test that
waited in vain may have met a busy machine instead, so it has to fail once more; and one that pytest stopped says nothing.

Hummingbot is imported once, here; all tests run in processes of their own, forked from this one, that import the copy.
"""
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hummingbot.client.settings
import hummingbot.connector.exchange_py_base  # noqa: F401 (for the processes that are forked)
from test.faults.guards import GUARDS, Guard, Selection

ROOT = Path(__file__).parents[2]
PACKAGE = Path("hummingbot/connector/exchange/standard")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "build", "dist")
AT_ONCE = 2
TEST_SECONDS = 45.0
_FORK = multiprocessing.get_context("fork")


class Outcome(IntEnum):
    """How tests ended, as the exit code of their process; any other code is pytest's for tests that it could not run."""

    PASSED = pytest.ExitCode.OK
    FAILED = pytest.ExitCode.TESTS_FAILED
    LATE = 101
    STOPPED = 102
    NOT_RUN = 103


class _Failures:
    """A plugin of pytest that tells failures apart: a wait in vain, and a test that pytest-timeout stopped."""

    def __init__(self) -> None:
        self.outcome = Outcome.FAILED

    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """See pytest's hook of this name."""
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, TimeoutError):
            self.outcome = Outcome.LATE
        elif isinstance(error, pytest.fail.Exception) and "pytest-timeout" in str(error):
            self.outcome = Outcome.STOPPED


class Place:
    """A copy of the repository in which one guard at a time is taken away."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        self._originals: dict[Path, str] = {}

    def take_away(self, guard: Guard) -> bool:
        """Whether the guard is where the table has it, so that it is gone now."""
        for edit in guard.edits:
            path = self.copy / PACKAGE / edit.file
            text = path.read_text(encoding="utf-8")
            self._originals.setdefault(path, text)
            if text.count(edit.find) != 1:
                return False
            _write(path, text.replace(edit.find, edit.replace))
        return True

    def restore(self) -> None:
        """Everything is there again."""
        for path, text in self._originals.items():
            _write(path, text)
        self._originals.clear()

    def run(self, selection: Selection) -> Outcome:
        """Run tests in the copy as it is now."""
        process = _FORK.Process(target=lambda: os._exit(self._test(selection)))
        process.start()
        process.join()
        return next((outcome for outcome in Outcome if outcome == process.exitcode), Outcome.NOT_RUN)

    def output(self) -> str:
        """What pytest wrote the last time."""
        return (self.copy / "output").read_text(encoding="utf-8")

    def _test(self, selection: Selection) -> int:
        """Run tests in this process, which is of no use afterwards; its exit code."""
        names = f"test_f{selection.row:02}_"
        files = [str(path) for path in sorted((self.copy / "test/faults").glob("test_*.py"))
                 if f"def {names}" in path.read_text(encoding="utf-8")]
        # A parameter in brackets cannot be part of an expression, but its words can.
        wanted = " and ".join([names, *selection.tests.replace("[", " ").replace("]", " ").split()])
        for module in [name for name in sys.modules if name.split(".")[0] in ("test", "conftest", "simulation")]:
            del sys.modules[module]
        sys.path[:] = [str(self.copy), *[entry for entry in sys.path if Path(entry).resolve() != ROOT]]
        os.chdir(self.copy)
        failures = _Failures()
        with (self.copy / "output").open("w", encoding="utf-8") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            sys.stdout = sys.stderr = output
            code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--timeout", str(TEST_SECONDS), *files, "-k", wanted],
                               plugins=[failures])
        return failures.outcome if code == pytest.ExitCode.TESTS_FAILED else code


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    # The cache knows a file by its size and the second of its change.
    for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        cached.unlink()


class Verdict(NamedTuple):
    """Whether a guard is proven, or tests are fit to prove one, and why."""

    good: bool
    words: str


def is_fit(place: Place, selection: Selection) -> Verdict:
    """Whether tests pass while all guards are there."""
    outcome = place.run(selection)
    return Verdict(outcome is Outcome.PASSED, "" if outcome is Outcome.PASSED else place.output())


def is_missed(place: Place, guard: Guard) -> Verdict:
    """Whether a test fails when the guard is taken away."""
    began = time.monotonic()
    try:
        if not place.take_away(guard):
            return Verdict(False, "the guard is not where the table has it")
        outcome = place.run(guard.selection)
        if outcome is Outcome.LATE and place.run(guard.selection) not in (Outcome.FAILED, Outcome.LATE):
            return Verdict(False, "CANNOT BE JUDGED: a test waited in vain without it, and did not do so again")
    finally:
        place.restore()
    words = {Outcome.PASSED: "NO TEST FAILS without it", Outcome.FAILED: "a test fails without it",
             Outcome.LATE: "a test fails without it, twice waiting in vain",
             Outcome.STOPPED: f"CANNOT BE JUDGED: a test was stopped after {TEST_SECONDS:g} s",
             Outcome.NOT_RUN: f"CANNOT BE JUDGED: its tests cannot be run:\n{place.output()}"}[outcome]
    return Verdict(outcome in (Outcome.FAILED, Outcome.LATE), f"{words} ({time.monotonic() - began:.0f} s)")


class _Worker:
    """A process with a place of its own."""

    place: Place

    @classmethod
    def begin(cls, folder: str) -> None:
        """Make the place, somewhere in a folder."""
        cls.place = Place(Path(tempfile.mkdtemp(dir=folder), "copy"))

    @classmethod
    def judge(cls, judge: Callable[[Place, Any], Verdict], subject: Selection | Guard) -> Verdict:
        """What a judge finds there."""
        return judge(cls.place, subject)


def verdicts(chosen: list[Guard]) -> Iterator[tuple[Guard, Verdict]]:
    """The guards and what became of them, as soon as it is known."""
    selections = list(dict.fromkeys(guard.selection for guard in chosen))
    with tempfile.TemporaryDirectory() as folder, \
            ProcessPoolExecutor(AT_ONCE, _FORK, initializer=_Worker.begin, initargs=(folder,)) as pool:
        fitness = dict(zip(selections, pool.map(partial(_Worker.judge, is_fit), selections)))
        trials = {pool.submit(_Worker.judge, is_missed, guard): guard for guard in chosen if fitness[guard.selection].good}
        for guard in chosen:
            if not fitness[guard.selection].good:
                yield guard, Verdict(False, f"CANNOT BE JUDGED: its tests do not pass with it:\n{fitness[guard.selection].words}")
        for trial in as_completed(trials):
            yield trials[trial], trial.result()


def main(rows: list[int]) -> int:
    """The number of guards that are not proven."""
    chosen = [guard for guard in GUARDS if not rows or guard.row in rows]
    missed = 0
    for guard, verdict in verdicts(chosen):
        missed += verdict.good
        print(f"F{guard.row:<3} {guard.what:<68} {verdict.words}", flush=True)
    print(f"{missed} of {len(chosen)} guards of {len({guard.row for guard in chosen})} faults are missed by a test when they "
          "are taken away")
    return len(chosen) - missed


if __name__ == "__main__":
    sys.exit(min(1, main([int(argument.lstrip("Ff")) for argument in sys.argv[1:]])))
