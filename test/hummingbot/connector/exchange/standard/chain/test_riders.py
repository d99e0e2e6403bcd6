"""Questions that wait for the next batch."""
import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.riders import Riders
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock


class Node:
    """Answers each question with its own name, once it may."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.fault: BaseException | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def send(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        self.batches.append([name for name, _ in requests])
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return [f"{name}!" for name, _ in requests]


class Scene:
    def __init__(self) -> None:
        self.node, self.clock = Node(), FakeClock(0.0)
        self.riders = Riders(self.node.send, self.clock)

    async def wait(self, *names: str) -> "asyncio.Task[list[Any]]":
        task = asyncio.ensure_future(self.riders.ride(lambda: [(name, []) for name in names], 10.0))
        await self.clock.settle()
        return task


async def test_they_leave_with_the_next_batch_and_each_gets_its_own_answers() -> None:
    scene = Scene()
    one, two = await scene.wait("a", "b"), await scene.wait("c")
    assert await scene.riders.send([("x", []), ("y", [])]) == ["x!", "y!"]
    assert (await one, await two) == (["a!", "b!"], ["c!"]) and scene.node.batches == [["x", "y", "a", "b", "c"]]
    assert await scene.riders.send([("z", [])]) == ["z!"] and scene.node.batches[1:] == [["z"]]


async def test_they_are_named_when_they_leave() -> None:
    scene, names = Scene(), ["a"]
    task = asyncio.ensure_future(scene.riders.ride(lambda: [(name, []) for name in names], 10.0))
    await scene.clock.settle()
    names[:] = ["b"]
    await scene.riders.send([("x", [])])
    assert await task == ["b!"]


async def test_they_leave_by_themselves_when_nothing_else_does() -> None:
    scene = Scene()
    task = await scene.wait("a")
    await scene.clock.run(9.0)
    assert not task.done()
    await scene.clock.run(2.0)
    assert await task == ["a!"] and scene.node.batches == [["a"]]
    await scene.riders.send([("x", [])])
    assert scene.node.batches[1:] == [["x"]]


async def test_one_that_is_on_its_way_does_not_leave_a_second_time() -> None:
    scene = Scene()
    scene.node.may_answer.clear()
    task = await scene.wait("a")
    batch = asyncio.ensure_future(scene.riders.send([("x", [])]))
    await scene.clock.run(20.0)
    scene.node.may_answer.set()
    assert (await batch, await task) == (["x!"], ["a!"]) and scene.node.batches == [["x", "a"]]


async def test_what_fails_the_batch_fails_them() -> None:
    scene = Scene()
    scene.node.fault = ApiUnavailableError("it is away")
    task = await scene.wait("a")
    for work in (scene.riders.send([("x", [])]), task):
        with pytest.raises(ApiUnavailableError, match="it is away"):
            await work


async def test_a_batch_that_is_given_up_says_nothing_about_their_answers() -> None:
    scene = Scene()
    scene.node.may_answer.clear()
    task = await scene.wait("a")
    batch = asyncio.ensure_future(scene.riders.send([("x", [])]))
    await scene.clock.settle()
    batch.cancel()
    with pytest.raises(ApiUnavailableError, match="given up"):
        await task


@pytest.mark.parametrize("on_its_way", [False, True])
@pytest.mark.parametrize("fault", [None, ApiUnavailableError("it is away")])
async def test_one_that_gives_up_is_left_out_and_disturbs_nobody(on_its_way: bool, fault: Exception | None) -> None:
    scene = Scene()
    scene.node.may_answer.clear()
    task = await scene.wait("a")
    if not on_its_way:
        task.cancel()
        await scene.clock.settle()
    batch = asyncio.ensure_future(scene.riders.send([("x", [])]))
    await scene.clock.settle()
    task.cancel()
    scene.node.fault = fault
    scene.node.may_answer.set()
    await asyncio.gather(batch, task, return_exceptions=True)
    assert scene.node.batches == [["x", "a"] if on_its_way else ["x"]]
    assert batch.exception() is fault and task.cancelled()
