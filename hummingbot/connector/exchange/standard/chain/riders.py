"""Questions that have time: they leave with the next batch that is sent anyhow, and cost no HTTP request of their own."""
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, StandardError

Request = tuple[str, Sequence[Any]]
Send = Callable[[Sequence[Request]], Awaitable[list[Any]]]


@dataclass(eq=False)
class _Rider:
    requests: Callable[[], Sequence[Request]]
    answers: "asyncio.Future[list[Any]]"


class Riders:
    """Those who wait for the next batch. `send` hands a batch to a node and gives the answers in the order of the questions."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._waiting: list[_Rider] = []

    async def ride(self, requests: Callable[[], Sequence[Request]], patience: float) -> list[Any]:
        """The answers to a few questions, which are named when they leave: with the next batch, or by themselves after so many
        seconds. Raises what sending the batch raised."""
        rider = _Rider(requests, asyncio.get_running_loop().create_future())
        self._waiting.append(rider)
        sleeping = asyncio.ensure_future(self._clock.sleep(patience))
        waits: set[asyncio.Future[Any]] = {sleeping, rider.answers}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if rider in self._waiting:
                self._waiting.remove(rider)
                return await self._send(list(requests()))
            return await rider.answers
        finally:
            sleeping.cancel()
            rider.answers.cancel()
            if rider in self._waiting:
                self._waiting.remove(rider)

    async def send(self, requests: Sequence[Request]) -> list[Any]:
        """Send a batch, with whoever waits."""
        riders, self._waiting = self._waiting, []
        questions = list(requests)
        seats = []
        for rider in riders:
            begin = len(questions)
            questions += rider.requests()
            seats.append(slice(begin, len(questions)))
        try:
            answers = await self._send(questions)
        except BaseException as error:
            why = error if isinstance(error, StandardError) else ApiUnavailableError("the batch was given up")
            for rider in riders:
                if not rider.answers.done():
                    rider.answers.set_exception(why)
            raise
        for rider, seat in zip(riders, seats):
            if not rider.answers.done():
                rider.answers.set_result(answers[seat])
        return answers[:len(requests)]
