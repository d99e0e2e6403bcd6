"""A loop that is kept at work."""
import asyncio
import logging

import pytest

from hummingbot.connector.exchange.standard.chain.supervision import LAST_PAUSE, TOLD_SECONDS, Supervision
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock


async def test_a_loop_that_fails_begins_again_after_pauses_that_grow() -> None:
    clock, begun = FakeClock(0.0), []

    async def work() -> None:
        begun.append(clock.now)
        raise ZeroDivisionError("a fault")

    task = asyncio.ensure_future(Supervision("test", clock).keep(work))
    await clock.run(100.0)
    task.cancel()
    assert begun == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 61.0, 91.0]


async def test_a_loop_that_held_is_begun_again_soon_and_one_that_ends_is_left() -> None:
    clock, begun = FakeClock(0.0), []

    async def work() -> None:
        begun.append(clock.now)
        if len(begun) == 4:
            return
        if len(begun) == 3:
            await clock.sleep(LAST_PAUSE + 1)
        raise ZeroDivisionError("a fault")

    task = asyncio.ensure_future(Supervision("test", clock).keep(work))
    await clock.run(50.0)
    assert begun == [0.0, 1.0, 3.0, 35.0] and task.done()


def test_each_fault_is_told_once_until_it_was_not_seen_for_long(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    supervision = Supervision("test", clock)
    for error in (ZeroDivisionError("one"), ZeroDivisionError("one"), KeyError("another")):
        supervision.tell(error)
    clock.now += TOLD_SECONDS
    supervision.tell(ZeroDivisionError("one"))
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ["ZeroDivisionError" in record.getMessage() for record in told] == [True, False, True]
    assert all(record.exc_info for record in told)
