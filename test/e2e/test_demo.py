"""`make demo` as a person runs it: to its end, and interrupted."""
import os
import re
import sys
from collections.abc import Iterator

import pexpect
import psutil
import pytest

from demo.bot_home import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def demo() -> Iterator["pexpect.spawn[str]"]:
    """A short demonstration in a terminal."""
    process = pexpect.spawn(sys.executable, ["-m", "demo"], cwd=str(REPOSITORY), encoding="utf-8", timeout=120,
                            env={**os.environ, "DEMO_SECONDS": "20"}, dimensions=(50, 200))
    yield process
    process.close(force=True)


def works_in_the_home(process: psutil.Process) -> bool:
    """Whether a process is the bot, which belongs to nobody once `hbot start` has ended."""
    try:
        return bool(process.cwd().startswith(str(REPOSITORY / ".demo")))
    except psutil.Error:
        return False


def started_by(demo: "pexpect.spawn[str]") -> list[psutil.Process]:
    """The sandbox and the bot of a demonstration that runs."""
    return psutil.Process(demo.pid).children(recursive=True) + list(filter(works_in_the_home, psutil.process_iter()))


def test_both_views_agree_and_nothing_is_left(demo: "pexpect.spawn[str]") -> None:
    demo.expect("The strategy trades")
    started = started_by(demo)
    assert len(started) == 2
    assert float(re.findall(r"\[ *([\d.]+) s\]", demo.before)[-1]) < 30
    demo.expect("Both views agree to the last unit")
    demo.expect(pexpect.EOF)
    demo.close()
    assert demo.exitstatus == 0
    assert not any(process.is_running() for process in started)


def test_an_interrupted_demonstration_cleans_up(demo: "pexpect.spawn[str]") -> None:
    demo.expect(r"order +(buy|sell)")
    started = started_by(demo)
    demo.sendintr()
    demo.expect("orders left open: 0")
    demo.expect(pexpect.EOF)
    demo.close()
    assert demo.exitstatus == 130
    assert not any(process.is_running() for process in started)
