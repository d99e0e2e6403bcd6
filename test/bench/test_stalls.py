"""The event loop is never blocked: a short run of `make bench-stalls`, tolerant of a busy machine, and a check of its eyes."""
import asyncio
import gc
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.loop_watch import LoopWatch
from bench.stalls import watched
from fuzz.journal import Inline
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.clock import SystemClock

TOLERANT_LIMIT = 0.060


@pytest.fixture(autouse=True)
def frozen_as_it_was() -> Iterator[None]:
    """What the benchmark gives back to the garbage collector is there for good in tests."""
    yield
    gc.collect()
    gc.freeze()


async def test_a_callback_that_computes_for_long_is_noticed_and_one_that_sleeps_is_none() -> None:
    with LoopWatch(0.02).watching() as watch:
        await asyncio.sleep(0)
        end = time.thread_time() + 0.3  # long enough to be looked at even on a busy machine
        while time.thread_time() < end:
            pass
        await asyncio.sleep(0.05)
    stall = max(watch.stalls, key=lambda stall: stall.computing)
    assert stall.computing >= 0.3 and "test_stalls.py" in stall.stack[-1] and not stall.is_ours
    assert watch.blocking == []


async def test_a_blocking_call_of_the_connector_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "hummingbot" / "connector" / "exchange" / "standard" / "culprit.py"
    path.parent.mkdir(parents=True)
    path.write_text("import time\ndef wait():\n    time.sleep(0.001)\n")
    names: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    wait = names["wait"]
    assert callable(wait)
    with LoopWatch(0.02).watching() as watch:
        await asyncio.sleep(0)
        wait()
        time.sleep(0.001)  # noqa: ASYNC251 (somebody else's)
        await asyncio.sleep(0)
    assert [call.what.split()[0] for call in watch.blocking] == ["time.sleep"]


@pytest.mark.parametrize("executor", [None, Inline()], ids=["a thread of its own", "the loop's thread"])
async def test_a_journal_that_writes_in_the_loops_thread_is_noticed(tmp_path: Path, executor: Inline | None) -> None:
    watch = LoopWatch(0.02)
    with watch.tracing_databases():
        journal = Journal(tmp_path / "journal.sqlite", SystemClock(), executor=executor)
        await journal.open()
        with watch.watching():
            await asyncio.sleep(0)
            await journal.set("key", "value", over=["order"])
            assert await journal.get("key") == "value"
    await journal.close()
    statements = [re.sub(r"\W+", " ", call.what).split()[1] for call in watch.blocking]
    assert statements == ([] if executor is None else ["BEGIN", "INSERT", "DELETE", "COMMIT", "BEGIN", "SELECT", "COMMIT"])


def test_nothing_blocks_the_loop_while_the_connector_quotes_among_faults() -> None:
    watch, created = watched(10, 7.0, TOLERANT_LIMIT)
    assert created >= 80
    assert [(stall.what, stall.stack) for stall in watch.stalls if stall.is_ours] == []
    assert [(call.what, call.stack) for call in watch.blocking] == []
