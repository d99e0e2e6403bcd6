"""Trying mutants: everything is loaded once, then each mutant gets a process of its own, forked, in which its tests run.

A change inside a function replaces that function's code; one of a module's own statements has the package imported anew.
"""
import gc
import importlib
import importlib.abc
import importlib.machinery
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

import hypothesis
import pytest

from mutation.mutants import Mutant, compiled
from mutation.subjects import PACKAGE, SOURCES, SUBJECTS, TESTS, module_of

SURVIVED, KILLED, TIMED_OUT, BROKEN = "survived", "killed", "timed out", "could not be tried"
_VERDICTS: dict[int, str] = {
    pytest.ExitCode.OK: SURVIVED, pytest.ExitCode.TESTS_FAILED: KILLED, pytest.ExitCode.INTERRUPTED: KILLED}
CPU_SECONDS = 40
WALL_SECONDS = 400.0
_UNWANTED = ("terminal", "cacheprovider", "xdist", "cov", "timeout")
_OPTIONS = ("-x", "-o", "addopts=", "-m", "not slow", *(part for plugin in _UNWANTED for part in ("-p", f"no:{plugin}")))


def collected(work: Callable[["Trials"], None]) -> None:
    """Collect the tests of all subjects, once for all mutants, and do the work with them."""
    hypothesis.settings.register_profile("mutation", database=None, derandomize=True, deadline=None, phases=[
        hypothesis.Phase.explicit, hypothesis.Phase.generate])
    hypothesis.settings.load_profile("mutation")
    paths = dict.fromkeys(str(TESTS / test) for tests in SUBJECTS.values() for test in tests)
    ended = pytest.main([*_OPTIONS, *paths], plugins=[_Loop(work)])
    if ended != pytest.ExitCode.OK:
        raise SystemExit(f"the tests cannot be collected: {ended!r}")


class _Loop:
    """Takes the place of pytest's running of what it collected."""

    def __init__(self, work: Callable[["Trials"], None]) -> None:
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """See pytest's hook of this name."""
        gc.collect()
        gc.freeze()
        self._work(Trials(session))
        return True


class Trials:
    """The collected tests, to be run with mutants."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._sources = {file: (SOURCES / file).read_text() for file in SUBJECTS}
        # Those that replay whole recordings take longest, so they come last.
        self._items = {file: sorted([item for test in tests for item in session.items if item.path == (TESTS / test).absolute()],
                                    key=_replays) for file, tests in SUBJECTS.items()}

    def source(self, file: str) -> str:
        """The text of a subject as it was loaded; whoever edits it meanwhile changes nothing."""
        return self._sources[file]

    def run(self, mutants: Sequence[Mutant], jobs: int, told: Callable[[Mutant, str, float], None]) -> None:
        """Try mutants, so many at a time; `told` hears of each verdict and how many seconds it took."""
        waiting, running = list(reversed(mutants)), dict[int, tuple[Mutant, float]]()
        while waiting or running:
            while waiting and len(running) < jobs:
                mutant = waiting.pop()
                running[self._forked(mutant)] = mutant, time.monotonic()
            for pid, (mutant, started) in list(running.items()):
                seconds = time.monotonic() - started
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    del running[pid]
                    told(mutant, _verdict(status), seconds)
                elif seconds > WALL_SECONDS:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _forked(self, mutant: Mutant) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            code = self._tried(mutant)
        finally:
            os._exit(code)

    def _tried(self, mutant: Mutant) -> int:
        """0 when all tests pass with the mutant."""
        name = module_of(mutant.file)
        code = compiled(mutant, self._sources[mutant.file])
        if mutant.function and _replaced(sys.modules[name], mutant.function, code) and not self._all_pass(mutant.file):
            return pytest.ExitCode.TESTS_FAILED
        # What runs while the module is imported has had no part in that.
        _import_anew(name, code)
        try:
            importlib.import_module(name)
        except Exception:
            return pytest.ExitCode.TESTS_FAILED
        return int(pytest.main([*_OPTIONS, *(str(TESTS / test) for test in SUBJECTS[mutant.file])]))

    def _all_pass(self, file: str) -> bool:
        items = self._items[file]
        for item, following in zip(items, [*items[1:], None]):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._session.testsfailed:
                return False
        return True


def _replays(item: pytest.Item) -> bool:
    return "generation" in getattr(getattr(item, "callspec", None), "params", ())


def _verdict(status: int) -> str:
    if os.WIFSIGNALED(status):
        return TIMED_OUT
    return _VERDICTS.get(os.WEXITSTATUS(status), BROKEN)


def _replaced(module: ModuleType, name: str, code: CodeType) -> bool:
    found = [inner for inner in _codes(code) if inner.co_qualname == name]
    target: Any = module
    for part in name.split("."):
        target = vars(target).get(part)
    for wrapper in ("fget", "__func__", "func"):
        target = getattr(target, wrapper, target)
    if len(found) != 1 or not isinstance(target, FunctionType) or target.__code__.co_freevars != found[0].co_freevars:
        return False
    target.__code__ = found[0]
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module other code than its file has."""

    def __init__(self, name: str, code: CodeType, origin: str) -> None:
        self._name, self._code, self._origin = name, code, origin

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """See MetaPathFinder.find_spec."""
        return importlib.machinery.ModuleSpec(name, self, origin=self._origin) if name == self._name else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """See Loader.create_module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """See Loader.exec_module."""
        exec(self._code, vars(module))


def _import_anew(name: str, code: CodeType) -> None:
    origin = str(sys.modules[name].__file__)
    for known in [known for known in sys.modules if known.startswith((PACKAGE + ".", "test."))]:
        del sys.modules[known]
    sys.meta_path.insert(0, _Changed(name, code, origin))
