"""What is wanted within one moment is handled together, and each gets its own result or error."""
import asyncio

import pytest

from hummingbot.connector.exchange.standard.window import Window
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle


async def test_what_comes_within_a_moment_is_handled_together() -> None:
    clock, handled = ManualClock(), list[list[int]]()

    async def handle(waiting: list[tuple[int, asyncio.Future[int]]]) -> None:
        handled.append([item for item, _ in waiting])
        for item, future in waiting:
            future.set_result(10 * item)

    window = Window(handle, clock, 0.5)
    first, second = asyncio.ensure_future(window.add(1)), asyncio.ensure_future(window.add(2))
    await clock.advance(0.5)
    third = asyncio.ensure_future(window.add(3))
    await clock.advance(0.5)
    assert handled == [[1, 2], [3]] and await asyncio.gather(first, second, third) == [10, 20, 30]


async def test_a_fault_in_handling_reaches_those_that_have_no_result_yet() -> None:
    clock = ManualClock()

    async def handle(waiting: list[tuple[int, asyncio.Future[int]]]) -> None:
        waiting[0][1].set_result(7)
        raise ArithmeticError("no way")

    window = Window(handle, clock, 0.5)
    first, second = asyncio.ensure_future(window.add(1)), asyncio.ensure_future(window.add(2))
    await clock.advance(0.5)
    assert await first == 7
    with pytest.raises(ArithmeticError):
        await second


async def test_whoever_waits_hears_of_it_when_the_handling_is_ended() -> None:
    clock = ManualClock()

    async def handle(waiting: list[tuple[int, asyncio.Future[int]]]) -> None:
        await asyncio.Event().wait()

    window = Window(handle, clock, 0.5)
    waiting = asyncio.ensure_future(window.add(1))
    await clock.advance(0.5)
    for task in list(window._tasks):
        task.cancel()
    await settle()
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
