"""The virtual loop: time without waiting, one order of events for a seed, and processes that can be held up and killed."""
import asyncio
import gc
import time
from random import Random

import pytest

from simulation.loop import Deadlock, Process, VirtualLoop, current_process
from simulation.progress import Progress, ranges


def test_an_hour_passes_at_once() -> None:
    loop = VirtualLoop(Random(1))
    began, before = time.monotonic(), loop.time()
    loop.run_until_complete(asyncio.sleep(3600))
    assert 3600 <= loop.time() - before < 3601 and time.monotonic() - began < 1
    loop.close()


def test_a_loop_without_anything_to_do_says_so() -> None:
    loop = VirtualLoop(Random(1))
    with pytest.raises(Deadlock):
        loop.run_until_complete(loop.create_future())
    loop.close()


def test_a_killed_process_does_nothing_more_not_even_its_clean_up() -> None:
    loop, process, done = VirtualLoop(Random(1)), Process("one"), list[str]()

    async def work() -> None:
        try:
            await asyncio.sleep(5)
        finally:
            await loop.run_in_executor(None, done.append, "written")
            done.append("cleaned up")

    task = loop.within(process, loop.create_task, work())
    loop.within(process, loop.call_later, 4.0, done.append, "too late")
    loop.call_later(3.0, loop.kill, process)
    loop.run_until_complete(asyncio.sleep(20))
    assert done == [] and loop.tasks_of(process) == [task]
    loop.close()


def test_a_process_dies_at_the_callback_that_was_chosen() -> None:
    loop, process, seen = VirtualLoop(Random(1)), Process("one"), list[int]()

    async def work() -> None:
        for number in range(100):
            seen.append(number)
            await asyncio.sleep(0)

    process.lives_for = 10
    loop.within(process, loop.create_task, work())
    loop.run_until_complete(asyncio.sleep(1))
    assert seen == list(range(10))
    loop.close()


def test_nothing_is_complained_about_that_a_killed_process_waited_for_several_things() -> None:
    for callbacks in range(4, 10):
        loop, process = VirtualLoop(Random(1)), Process("one")

        async def work() -> None:
            await asyncio.gather(asyncio.sleep(5), asyncio.sleep(6))

        task = loop.within(process, loop.create_task, work())
        process.lives_for = callbacks
        loop.within(process, loop.call_later, 1.0, task.cancel)
        loop.run_until_complete(asyncio.sleep(20))
        del task
        gc.collect()
        loop.run_until_complete(asyncio.sleep(1))
        assert loop.complaints == [], f"killed before callback {callbacks}"
        loop.close()


def test_a_process_that_is_held_up_goes_on_in_the_same_order() -> None:
    loop, process, seen = VirtualLoop(Random(1)), Process("one"), list[tuple[int, float]]()
    for number in range(5):
        loop.within(process, loop.call_later, number, lambda number=number: seen.append((number, loop.time())))
    loop.hold(process, 10)
    start = loop.time()
    loop.run_until_complete(asyncio.sleep(20))
    assert [number for number, _ in seen] == list(range(5))
    assert all(10 <= at - start < 10.1 for _, at in seen)
    loop.close()


def test_a_process_that_gets_time_again_early_does_first_what_waited_first() -> None:
    loop, process, seen = VirtualLoop(Random(1)), Process("one"), list[tuple[str, float]]()
    start = loop.time()
    note = lambda what: seen.append((what, loop.time() - start))  # noqa: E731
    loop.hold(process, 60)
    loop.hold(process, 1)
    loop.within(process, loop.call_later, 2, note, "first")
    loop.call_later(5, loop.release, process)
    loop.within(process, loop.call_later, 5.00001, note, "second")
    loop.run_until_complete(asyncio.sleep(20))
    assert [what for what, _ in seen] == ["first", "second"] and all(5 <= at < 5.1 for _, at in seen)
    loop.close()


def test_what_the_world_does_for_a_process_is_not_of_the_process() -> None:
    loop, process, found = VirtualLoop(Random(1)), Process("one"), list[object]()

    def inside() -> None:
        found.append(current_process())
        loop.outside(lambda: found.append(current_process()))

    loop.within(process, inside)
    assert found == [process, None]
    loop.close()


def test_progress_is_kept_for_the_same_code_only(tmp_path) -> None:
    progress = Progress(1, tmp_path, "a")
    for seed in (0, 1, 2, 7):
        progress.note(seed, clean=seed != 1)
    progress.save()
    again = Progress(1, tmp_path, "a")
    assert again.clean == {0, 2, 7} and again.failed == {1}
    assert Progress(1, tmp_path, "b").clean == set() and Progress(2, tmp_path, "a").clean == set()
    assert ranges({1, 2, 3, 7}) == [(1, 3), (7, 7)]
