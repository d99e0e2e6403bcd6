"""Let the tests see this working copy inside the installed Hummingbot: nothing is installed, edits are live.

Hummingbot lists connectors by scanning one directory of its own package; this is the only thing that is replaced, and
only in tests. With STANDARD_TEST_INSTALLED=1 nothing is replaced and the tests run against the installed wheel.
"""
import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

EXCHANGES = Path(__file__).resolve().parent / "hummingbot" / "connector" / "exchange"
TESTS = Path(__file__).resolve().parent / "test"


def _show_working_copy() -> None:
    import hummingbot
    if getattr(hummingbot, "__file__", None) is None:
        raise RuntimeError("Hummingbot is not installed in this environment: run the tests with `make test`.")
    import hummingbot.client.settings as settings
    import hummingbot.connector.exchange as exchange

    exchange.__path__.insert(0, str(EXCHANGES))
    installed_scandir = settings.scandir
    scanned = os.path.realpath(Path(settings.root_path()) / "hummingbot" / "connector" / "exchange")

    def scandir(path: Any = ".") -> list[os.DirEntry[str]]:
        entries = list(installed_scandir(path))
        if os.path.realpath(str(path)) != scanned:
            return entries
        ours = [entry for entry in os.scandir(EXCHANGES) if entry.is_dir() and not entry.name.startswith("_")]
        names = {entry.name for entry in ours}
        return [entry for entry in entries if entry.name not in names] + ours

    settings.scandir = scandir
    settings.AllConnectorSettings.all_connector_settings = {}


if os.environ.get("STANDARD_TEST_INSTALLED") != "1":
    _show_working_copy()

# How long one example takes says more about what else the machine does than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


# Tests that run whole programs, read the sources, or say by very many examples what smaller ones say: what they execute is not
# measured, since they take up to four times as long when it is.
UNMEASURED = {"bench", "crash", "demo", "docker", "e2e", "fuzz", "mutation", "simulation", "soak", "test_architecture.py",
              "test_crashes.py", "test_feed_chaos.py", "test_model.py", "test_past_state.py", "test_shape.py"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Leave some tests out of the measure of coverage. (pytest-cov's `no_cover` does nothing in the processes of xdist.)"""
    measured, measured_threads = sys.gettrace(), threading.gettrace()
    if item.path.is_relative_to(TESTS) and UNMEASURED.intersection(item.path.relative_to(TESTS).parts):
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
    try:
        return (yield)
    finally:
        sys.settrace(measured)
        threading.settrace(measured_threads)  # type: ignore[arg-type]


def pytest_collection_finish() -> None:
    """All of Hummingbot and all tests are there for good: the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def little_to_look_through() -> Iterator[None]:
    """What tests leave (pytest keeps much of it) would make the garbage collector halt a later test for a second."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """What a test turns off it turns on again: the next ones may look at the log."""
    before = logging.root.manager.disable
    yield
    left = logging.root.manager.disable
    logging.disable(before)
    assert left == before, "log lines were left out after the test too"
