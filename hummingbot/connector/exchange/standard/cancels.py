"""Cancelling orders: one transaction each, or one for all that are cancelled in the same moment.

A cancel counts only when its event is in the receipt: the engine reports success for a cancel that did nothing too
(docs/protocol.md, "Cancel and update").
"""
import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled
from hummingbot.connector.exchange.standard.chain.gas import GasLimits
from hummingbot.connector.exchange.standard.chain.intents import FOREVER, Intent
from hummingbot.connector.exchange.standard.chain.logs import decode_engine_logs
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    InsufficientFundsError,
    OrderRejectedError,
    PostponedError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.orders.sizing import cancel_call
from hummingbot.connector.exchange.standard.window import Window

CANCEL = "cancel"
# So many cancels of an order are sent at once, one after the other; when they did nothing, one more after each pause.
ATTEMPTS = 3
# In seconds, doubling from the first to the longest: each cancel that does nothing costs gas.
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
WINDOW_SECONDS = 0.005
MAX_BATCH = 10
# In seconds, before each look at what a cancel left: a node behind the one that told of it does not know its block yet.
LOOK_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


class CancelResult(NamedTuple):
    """Whether the order's cancel event is on the chain, and the block where the chain said so."""

    cancelled: bool
    block_number: int


_Waiting = tuple[OrderKey, "asyncio.Future[CancelResult]"]


@dataclass
class _InVain:
    """The cancels of an order that did nothing: how many there were, `why` none is sent until a time on the monotonic clock, and
    how long the last pause after one was, in seconds."""

    count: int = 0
    why: str = ""
    until: float = -math.inf
    pause: float = 0.0


class Cancels:
    """The cancels of one account. `deposits` reads what the engine holds of the account's orders after a block, `head` the
    number of the newest block; `resting` are the orders that may still be cancelled."""

    def __init__(self, listing: Listing, sender: TransactionSender, gas: GasLimits, clock: Clock,
                 deposits: Callable[[Sequence[OrderKey], int], Awaitable[list[int]]], head: Callable[[], Awaitable[int]],
                 resting: Collection[OrderKey]) -> None:
        self._listing = listing
        self._sender = sender
        self._gas = gas
        self._clock = clock
        self._deposits = deposits
        self._head = head
        self._window: Window[OrderKey, CancelResult] = Window(self._cancel_all, clock, WINDOW_SECONDS)
        self._under_way: dict[OrderKey, asyncio.Task[CancelResult]] = {}
        self._resting = resting
        self._in_vain: dict[OrderKey, _InVain] = {}
        self._short_of_funds = asyncio.Lock()

    async def cancel(self, key: OrderKey) -> CancelResult:
        """Cancel a resting order. Not cancelled means that it is gone from the exchange already. While a cancel of the order
        is under way a further one waits for the same result: strategies cancel at every tick whatever is still open.

        Raises OrderRejectedError when it is still there after all attempts, or is in a book of no known market,
        InsufficientFundsError when it cannot be paid for by itself, PostponedError for a while after either, or NotSentError,
        OutcomeUnknownError.
        """
        if key.book not in self._listing.by_book:
            raise OrderRejectedError(f"The order {key.exchange_order_id} is in a book that the exchange does not list: it may "
                                     f"have been placed by way of another engine than {self._listing.engine}.")
        if key not in self._under_way:
            self._raise_if_postponed(key)
            self._under_way[key] = asyncio.get_running_loop().create_task(self._window.add(key))
            self._under_way[key].add_done_callback(lambda task: self._ended(key, task))
        return await asyncio.shield(self._under_way[key])

    def end_pauses(self) -> None:
        """Send the next cancel of each order at once, whatever was in vain before: there may be no other chance."""
        for before in self._in_vain.values():
            before.until = -math.inf

    def _ended(self, key: OrderKey, task: "asyncio.Task[CancelResult]") -> None:
        del self._under_way[key]
        if not task.cancelled() and task.exception() is None:  # an error may find nobody who still waits
            self._in_vain.pop(key, None)

    def _raise_if_postponed(self, key: OrderKey) -> None:
        self._in_vain = {other: before for other, before in self._in_vain.items()
                         if other in self._resting or other in self._under_way}
        before = self._in_vain.get(key)
        if before is not None and (pause := before.until - self._clock.monotonic()) > 0:
            raise PostponedError(f"{before.why} It is cancelled again in {pause:.0f} s at the earliest.")

    async def _cancel_all(self, waiting: list[_Waiting]) -> None:
        # What was cancelled in vain asks for more gas than the others, which must not depend on it: it has the last nonces.
        others = [entry for entry in waiting if not self._tried([entry])]
        batches = [others[start:start + MAX_BATCH] for start in range(0, len(others), MAX_BATCH)]
        batches += [[entry] for entry in waiting if self._tried([entry])]
        await asyncio.gather(*(self._cancel_some(batch) for batch in batches))

    async def _cancel_some(self, waiting: Sequence[_Waiting]) -> None:
        try:
            await self._cancel_together(waiting)
        except InsufficientFundsError:
            await self._cancel_in_parts(waiting)
        except StandardError as error:
            _fail(waiting, error)

    async def _cancel_in_parts(self, waiting: Sequence[_Waiting]) -> None:
        """The wallet cannot pay for these cancels besides what is on its way: send them after that, as many at once as it can
        pay for then. What is used is a small part of what a limit binds, so this is soon over."""
        size, less = len(waiting), 0
        async with self._short_of_funds:
            while left := [entry for entry in waiting if not entry[1].done()]:
                await asyncio.gather(*(tracked.wait() for tracked in self._sender.pending), return_exceptions=True)
                part = left[:size]
                try:
                    await self._cancel_together(part, less)
                except InsufficientFundsError as error:
                    if size > 1:
                        size = (size + 1) // 2
                    elif less < self._tried(part):
                        less += 1
                    else:
                        # The next one needs as much, and strategies ask again at once. What is on its way by now gives some back.
                        for key, _ in left if not self._sender.pending else ():
                            self._postpone(self._in_vain.setdefault(key, _InVain()), str(error), FIRST_PAUSE)
                        _fail(left, error)
                except StandardError as error:
                    _fail(part, error)

    async def _cancel_together(self, waiting: Sequence[_Waiting], less: int = 0) -> None:
        """Cancel in one transaction, and again what this left. Each attempt brings twice the gas of the one before, since too
        little of it makes a cancel do nothing; with `less` there is one, with the gas of so many attempts earlier."""
        first = max(0, self._tried(waiting) - less)
        for attempt in range(first, first + 1 if less else max(ATTEMPTS, first + 1)):
            receipt = await self._send([key for key, _ in waiting], attempt)
            waiting = await self._sort_out(waiting, receipt)
            if not waiting:
                return
            for key, _ in waiting:
                self._in_vain.setdefault(key, _InVain()).count += 1
        why = f"The order is still on the exchange after {self._tried(waiting)} cancels. {receipt.reason}".strip()
        for key, _ in waiting:
            before = self._in_vain[key]
            before.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * before.pause))
            self._postpone(before, why, before.pause)
        raise OrderRejectedError(why)

    def _postpone(self, before: _InVain, why: str, pause: float) -> None:
        before.why, before.until = why, self._clock.monotonic() + pause

    def _tried(self, waiting: Sequence[_Waiting]) -> int:
        """How often these were cancelled in vain."""
        return max(self._in_vain[key].count if key in self._in_vain else 0 for key, _ in waiting)

    async def _send(self, keys: Sequence[OrderKey], attempt: int) -> Receipt:
        data = cancel_call([(self._listing.by_book[key.book], key.is_bid, key.id) for key in keys])
        tracked = self._sender.submit(Intent(
            to=self._listing.engine, data=data, value=0, gas_limit=self._gas.cancels(len(keys), attempt), kind=CANCEL,
            patience=FOREVER, repeatable=True))
        try:
            return await tracked.wait()
        finally:
            if tracked.proven:  # mined or refused; else the journal keeps it for the next start
                self._sender.settle(tracked)

    async def _sort_out(self, waiting: Sequence[_Waiting], receipt: Receipt) -> list[_Waiting]:
        """Tell those whose end is known; the rest is still on the exchange."""
        events = [log.event for log in decode_engine_logs(receipt.logs, self._listing.engine)]
        cancelled = {OrderKey(event.pair, event.is_bid, event.id) for event in events if isinstance(event, OrderCanceled)}
        left = []
        for key, future in waiting:
            if key not in cancelled:
                left.append((key, future))
            elif not future.done():
                future.set_result(CancelResult(True, receipt.block_number))
        if not left:
            return []
        held, block_number = await self._held_after(receipt.block_number, [key for key, _ in left])
        for (_, future), deposit in zip(left, held):
            if deposit == 0 and not future.done():
                future.set_result(CancelResult(False, block_number))
        return [entry for entry, deposit in zip(left, held) if deposit > 0]

    async def _held_after(self, block_number: int, keys: Sequence[OrderKey]) -> tuple[list[int], int]:
        """What the engine holds of these orders after the block of a cancel or a later one, and after which. That it held nothing
        of one in an older block, which "latest" is on a node that is behind, would not say that it is gone."""
        for pause in LOOK_PAUSES:
            await self._clock.sleep(pause)
            with suppress(RpcError, BadDataError):
                return await self._deposits(keys, block_number), block_number
        try:  # where the receipt came late, nodes that keep no history know the newest blocks alone
            newest = max(block_number, await self._head())
            return await self._deposits(keys, newest), newest
        except (RpcError, BadDataError) as error:
            raise ApiUnavailableError(f"no node tells what rests after block {block_number}: {error}") from error


def _fail(waiting: Sequence[_Waiting], error: StandardError) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)
