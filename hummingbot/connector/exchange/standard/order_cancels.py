"""Hummingbot's cancels: what became of an order by the time that its cancel is mined.

`cancels.py` sends the transactions; here their outcome meets the tracked order, which fills may have reached before.
"""
import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from hummingbot.connector.exchange.standard.account import Account
from hummingbot.connector.exchange.standard.cancels import CancelResult
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    InsufficientFundsError,
    NotSentError,
    OrderNotFoundError,
    OutcomeUnknownError,
    PostponedError,
    StandardError,
)
from hummingbot.connector.exchange.standard.order_states import not_found
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS, REQUEST_TIMEOUT
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.utils.async_utils import safe_ensure_future

MAX_REMEMBERED_ORDERS = 1000
# In seconds. Strategies cancel once a second what is still open, also while nothing is mined for hours; and Hummingbot itself,
# when it stops, waits 20 for its cancels.
PATIENCE = 30.0
# How long a stop waits in all, in seconds, for what is on its way.
STOP_TIMEOUT = 60.0
LATE_PAUSE = 0.2


class OrderCancels:
    """Cancels tracked orders, and takes off the book what is left of filled ones."""

    def __init__(self, account: Callable[[], Awaitable[Account]], caught_up: Callable[[int], Awaitable[bool]],
                 left: Callable[[OrderKey, int], Awaitable[bool]]) -> None:
        """`account` gives the account, running; `caught_up` waits a while for the logs up to a block to be processed, and
        tells whether they are; `left` is told of orders that the book does not hold after that block, and tells whether
        their end is known."""
        self._give_account = account
        self._left = left
        self._caught_up = caught_up
        self._leftovers: set[asyncio.Future[Any]] = set()
        self._left_on: dict[OrderKey, int | None] = {}  # since which block one seems to be gone
        self._untold: dict[OrderKey, CancelResult] = {}  # what was mined, and is not in the logs that were read
        self._taken_off_at = 0  # the newest block in which something was
        self._failures: Counter[OrderKey] = Counter()
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()  # what was said, of which order
        self._remaining: list[InFlightOrder] = []
        self._under_way: dict[tuple[str, OrderKey], asyncio.Task[bool]] = {}
        self._unattended: set[tuple[str, OrderKey]] = set()  # those of them that took too long for somebody

    async def cancel(self, order: InFlightOrder) -> bool:
        """True once the order's cancel event is on the chain and every fill before it was told; False when it is not cancelled,
        or not yet: a cancel that takes long goes on when nobody waits for it any more, and its outcome is told by the log and
        by the order's own logs. Further ones wait for the same outcome.

        Raises OrderNotFoundError when the order is gone, and OrderRejectedError when it is still there after all attempts, or is
        in a book of no known market.
        """
        if order.exchange_order_id is None and not await self._placed(order):
            return False
        key = OrderKey.parse(order.exchange_order_id)
        # A lost order counts as done in Hummingbot, and is cancelled all the same as long as it rests.
        if key is None or (order.is_done and not order.is_failure):
            return False
        name = (order.client_order_id, key)
        if name not in self._under_way:
            self._under_way[name] = asyncio.get_running_loop().create_task(self._cancel(order, key))
            self._under_way[name].add_done_callback(lambda task: self._ended(name, task))
        work = self._under_way[name]
        try:
            await asyncio.wait((work,), timeout=PATIENCE)
        finally:  # also where Hummingbot, when it stops, waits no longer
            if not work.done():
                self._unattended.add(name)
        if not work.done():
            self._tell_once(order, "The cancel of the order %s is on its way and not in a block yet.")
            return False
        return work.result()

    def _ended(self, name: tuple[str, OrderKey], work: "asyncio.Task[bool]") -> None:
        del self._under_way[name]
        error = None if work.cancelled() else work.exception()
        if name in self._unattended and error is not None and not isinstance(error, OrderNotFoundError):  # a poll finds that, too
            logging.getLogger(__name__).warning("The order %s is not cancelled: %s", name[0], error,
                                                exc_info=None if isinstance(error, StandardError) else error)
        self._unattended.discard(name)

    async def _cancel(self, order: InFlightOrder, key: OrderKey) -> bool:
        """Where the outcome is not known, because the network is left, the next start follows the cancel to its end; when nobody
        answers, the strategy cancels again or the next poll tells."""
        try:
            account = await self._give_account()
            if account.is_placing(order.client_order_id):
                # Its block was replaced, or may have been since the last run: another order may have its id by now.
                logging.getLogger(__name__).debug("The order %s is looked for and cannot be cancelled before it is found",
                                                  order.client_order_id)
                return False
            cancelled, block_number = self._untold.get(key) or await account.cancel(key)
        except InsufficientFundsError as error:  # its numbers change each time
            self._tell_once(order, "The order %s is not cancelled for want of funds: %s", error)
            return False
        except PostponedError as error:
            self._tell_once(order, "The order %s is not cancelled now: %s", error)
            return False
        except NotSentError as error:
            self._tell_once(order, "The order %s is not cancelled: %s", error, reason=str(error))
            return False
        except OutcomeUnknownError:
            logging.getLogger(__name__).info("The cancel of the order %s is on its way; the next start follows it to its end.",
                                             order.client_order_id)
            return False
        except ApiUnavailableError as error:
            logging.getLogger(__name__).warning("Whether the order %s is cancelled cannot be told now: %s", order.client_order_id,
                                                error)
            return False
        told = await self._caught_up(block_number)
        self._note_untold(account, key, None if told else CancelResult(cancelled, block_number))
        known = told and not cancelled and await self._left(key, block_number) and not account.is_placing(order.client_order_id)
        if order.is_cancelled:
            return True
        if order.is_filled:
            return False
        if cancelled:
            # Without the logs there may be fills that are not told yet, and the cancel's block may have been replaced: the
            # order ends when its own logs say so.
            return told and order.exchange_order_id == key.exchange_order_id and key not in account.settlement.resting
        if not known or order.exchange_order_id != key.exchange_order_id:
            return False  # its end is still to come, with the logs or the next poll; or it was placed anew in another block
        raise not_found(order)

    def _note_untold(self, account: Account, key: OrderKey, result: CancelResult | None) -> None:
        """A strategy asks again every few seconds, and each cancel costs gas: what a block has is not sent once more while the
        logs are not read up to there. Afterwards it is, should the book hold the order all the same."""
        self._untold.pop(key, None)
        if result is not None:
            self._untold = {other: before for other, before in self._untold.items() if other in account.settlement.resting}
            self._untold[key] = result

    async def _placed(self, order: InFlightOrder) -> bool:
        """Wait a while until a block holds the order; whether one does."""
        try:
            await asyncio.wait_for(order.wait_until_processed_by_exchange(), REQUEST_TIMEOUT)
        except TimeoutError:
            # Hummingbot would count a timeout as "not found", and give up an order that may rest in a moment.
            self._tell_once(order, "The order %s is not in a block yet and can be cancelled once it is.")
            return False
        return True

    def _tell_once(self, order: InFlightOrder, words: str, *more: object, reason: str = "") -> None:
        """Strategies cancel again and again: each thing is said once of an order, and once more for each other `reason`."""
        name = (order.client_order_id, words + reason)
        if name not in self._told:
            self._told[name] = None
            if len(self._told) > MAX_REMEMBERED_ORDERS:
                self._told.popitem(last=False)
            logging.getLogger(__name__).warning(words, order.client_order_id, *more)

    def take_off(self, account: Account, key: OrderKey, gone_since: int | None = None) -> None:
        """Cancel what still rests of an order that is filled as far as Hummingbot is concerned, or that no strategy knows.
        `gone_since` is the block after which a cancel of it first found nothing."""
        if key not in account.settlement.resting:
            self._failures.pop(key, None)
            return
        leftover = safe_ensure_future(self._take_off(account, key, gone_since))
        self._leftovers.add(leftover)
        leftover.add_done_callback(self._leftovers.discard)

    async def _take_off(self, account: Account, key: OrderKey, gone_since: int | None) -> None:
        try:
            cancelled, block_number = await account.cancel(key)
            self._failures.pop(key, None)
            if cancelled:
                self._taken_off_at = max(self._taken_off_at, block_number)
                return
            if not await self._caught_up(block_number):
                self._left_on[key] = gone_since
            elif not await self._left(key, block_number):  # what was too little to match may have left without an event
                # It rests as far as is known: what found nothing may be of a block that was replaced, but not for ever.
                since = block_number if gone_since is None else gone_since
                if block_number - since < REORGANISED_BLOCKS:
                    self._left_on[key] = since
        except StandardError as error:
            self._left_on[key] = gone_since
            self._failures[key] += 1
            # At first the network may just have been left.
            logging.getLogger(__name__).log(
                logging.WARNING if self._failures[key] == 2 else logging.DEBUG,
                "What rests under %s could not be cancelled (%s) and is tried again at every poll", key.exchange_order_id, error)

    def take_off_again(self, account: Account) -> None:
        """Try anew what could not be cancelled."""
        left_on, self._left_on = self._left_on, {}
        for key in sorted(left_on):
            self.take_off(account, key, left_on[key])

    async def cancel_late(self, account: Account, orders: list[InFlightOrder]) -> None:
        """Wait for orders that were not cancelled in time, because they or their cancels are not in a block yet, and cancel them
        once they are. What is in a block and cannot be cancelled is tried twice."""
        now = asyncio.get_running_loop().time
        deadline, rounds = now() + STOP_TIMEOUT, 0
        while now() < deadline and (left := [order for order in orders if not order.is_done]):
            self._remaining = left
            await self.settle_down(account, asyncio.Event(), deadline=deadline)
            if self._under_way:
                await asyncio.wait(set(self._under_way.values()), timeout=max(0.0, deadline - now()))
            await self._caught_up(self._taken_off_at)  # so that it is told
            rounds += 1
            if rounds >= 2 and all(order.is_done or order.exchange_order_id is not None for order in left):
                break
            await asyncio.sleep(LATE_PAUSE)  # one that waits for its approval is sent only when that is in a block

    async def settle_down(self, account: Account, returned: asyncio.Event, is_left: bool = False,
                          deadline: float | None = None) -> None:
        """Wait for all that is on its way, and cancel what `remain`s and came into a block meanwhile; until the network is back
        (`returned`), or for STOP_TIMEOUT. Once the network `is_left`, no more orders are sent."""
        now = asyncio.get_running_loop().time
        deadline = now() + STOP_TIMEOUT if deadline is None else deadline
        await account.settle_down(returned, deadline - now())
        if returned.is_set():
            return
        if is_left:
            account.take_orders(False)  # one that waited until now would rest when nobody cancels any more
        self.cancel_remaining(account)
        await self.leftovers_gone(max(0.0, deadline - now()))

    def remain(self, orders: list[InFlightOrder]) -> None:
        """These were to be cancelled before the bot stops, and were not seen cancelled in time."""
        self._remaining = orders
        if orders:
            logging.getLogger(__name__).warning(
                "%s not seen cancelled and may stay on the exchange when the bot stops: %s. See what is left with `orders`",
                "1 order was" if len(orders) == 1 else f"{len(orders)} orders were",
                ", ".join(order.client_order_id for order in orders))

    def cancel_remaining(self, account: Account) -> None:
        """Cancel those of them that came into a block since: nobody would until the next start."""
        account.end_cancel_pauses()
        # As they are settled: of many in one block, some are not told yet.
        names = {order.client_order_id for order in self._remaining}
        found = {key for key, order in account.settlement.resting.items() if order.client_order_id in names}
        found -= self._untold.keys() | {key for _, key in self._under_way}
        self._remaining = []
        for key in sorted(found):
            self.take_off(account, key)

    async def leftovers_gone(self, timeout_seconds: float) -> None:
        """Wait until what is being taken off is off the book, or for a while."""
        if self._leftovers:
            await asyncio.wait(self._leftovers, timeout=timeout_seconds)
