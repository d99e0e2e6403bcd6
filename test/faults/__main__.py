"""Takes away each guard of `guards.py` in a copy of the package, and demands that a test of its row fails there.

    python -m test.faults [ROW …]        exits with 1 when a guard is missed by no test, or is not where the table has it

Hummingbot is imported once, here; each guard has a process of its own, forked from this one, that imports the copy.
"""
import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hummingbot.client.settings
import hummingbot.connector.exchange_py_base  # noqa: F401 (for the processes that are forked)
from test.faults.guards import GUARDS, Guard

ROOT = Path(__file__).parents[2]
PACKAGE = Path("hummingbot/connector/exchange/standard")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "build", "dist")
AT_ONCE = 2
TEST_SECONDS = 45
# How pytest ends when tests failed, and not when it could not run them.
FAILED = 1


class Place:
    """A copy of the package in which one guard at a time is taken away."""

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

    def test(self, guard: Guard) -> int:
        """Run the guard's tests in this process, which is of no use afterwards; pytest's exit code."""
        names = f"test_f{guard.row:02}_"
        files = [str(path) for path in sorted((self.copy / "test/faults").glob("test_*.py"))
                 if f"def {names}" in path.read_text(encoding="utf-8")]
        # A parameter in brackets cannot be part of an expression, but its words can.
        wanted = " and ".join([names, *guard.tests.replace("[", " ").replace("]", " ").split()])
        for module in [name for name in sys.modules if name.split(".")[0] in ("test", "conftest", "simulation")]:
            del sys.modules[module]
        sys.path[:] = [str(self.copy), *[entry for entry in sys.path if Path(entry).resolve() != ROOT]]
        os.chdir(self.copy)
        output = os.open(self.copy / "output", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--timeout", str(TEST_SECONDS), *files, "-k", wanted]))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    # The cache knows a file by its size and the second of its change.
    for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        cached.unlink()


class Trial:
    """One guard, taken away in one place."""

    def __init__(self, guard: Guard, place: Place) -> None:
        self.guard, self.place, self.began = guard, place, time.monotonic()
        self.is_there = place.take_away(guard)
        self.process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(place.test(guard)))
        if self.is_there:
            self.process.start()

    @property
    def is_running(self) -> bool:
        return self.is_there and self.process.exitcode is None

    def end(self) -> bool:
        """Tell how it went; whether the guard is missed."""
        self.place.restore()
        good, words = False, "the guard is not where the table has it"
        if self.is_there:
            good, code = self.process.exitcode == FAILED, self.process.exitcode
            words = "a test fails without it" if good else "NO TEST FAILS without it" if code == 0 else \
                "its tests cannot be run:\n" + (self.place.copy / "output").read_text(encoding="utf-8")
        print(f"F{self.guard.row:<3} {self.guard.what:<68} {words} ({time.monotonic() - self.began:.0f} s)", flush=True)
        return good


@contextlib.contextmanager
def places() -> Iterator[list[Place]]:
    """As many copies as trials may run at once."""
    with tempfile.TemporaryDirectory() as folder:
        yield [Place(Path(folder, str(number))) for number in range(AT_ONCE)]


def main(rows: list[int]) -> int:
    """The number of guards that no test misses."""
    chosen = [guard for guard in GUARDS if not rows or guard.row in rows]
    waiting, missed, trials = list(chosen), 0, list[Trial]()
    with places() as free:
        while waiting or trials:
            while waiting and free:
                trials.append(Trial(waiting.pop(0), free.pop()))
            time.sleep(0.1)
            for trial in [trial for trial in trials if not trial.is_running]:
                trials.remove(trial)
                missed += trial.end()
                free.append(trial.place)
    print(f"{missed} of {len(chosen)} guards of {len({guard.row for guard in chosen})} faults are missed by a test when they "
          "are taken away")
    return len(chosen) - missed


if __name__ == "__main__":
    sys.exit(min(1, main([int(argument.lstrip("Ff")) for argument in sys.argv[1:]])))
