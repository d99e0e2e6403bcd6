"""One attempt at a time, for all who wait meanwhile."""
import asyncio

import pytest

from hummingbot.connector.exchange.standard.shared_work import SharedWork


class Attempts:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.shared = SharedWork()
        self.begun: list[asyncio.Future[None]] = []

    async def attempt(self) -> None:
        self.begun.append(asyncio.get_running_loop().create_future())
        await self.begun[-1]

    def wait(self) -> "asyncio.Future[None]":
        return asyncio.ensure_future(self.shared.done(self.attempt))


async def test_all_who_wait_meanwhile_share_an_attempt_and_the_next_one_begins_another() -> None:
    attempts = Attempts()
    waiting = [attempts.wait() for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    attempts.begun[0].set_exception(ValueError("away"))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert len(attempts.begun) == 1 and all(isinstance(result, ValueError) for result in results)
    again = attempts.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    attempts.begun[1].set_result(None)
    await again


async def test_an_attempt_goes_on_though_who_waits_is_cancelled() -> None:
    attempts = Attempts()
    first, other = attempts.wait(), attempts.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    attempts.begun[0].set_result(None)
    await other
    assert len(attempts.begun) == 1


async def test_an_attempt_that_is_ended_ends_for_all_who_wait_and_the_next_one_begins_another() -> None:
    attempts = Attempts()
    attempts.shared.end()
    waiting = attempts.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    attempts.shared.end()
    again = attempts.wait()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    attempts.begun[1].set_result(None)
    await again
    assert attempts.begun[0].cancelled()
