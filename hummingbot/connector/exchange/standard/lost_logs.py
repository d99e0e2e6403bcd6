"""Fills and cancels whose logs no source told, as when every node that was asked for them was behind: the engine holds less of
the order than is known here. Its logs are then read again from the last block on at which both were the same."""
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

from hummingbot.connector.exchange.standard.account import Account
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting, resting_key
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates

# For so many seconds logs are on their way as a rule.
LASTING_SECONDS = 8.0


class _Doubt(NamedTuple):
    """The engine holds less of an order than this deposit, which is known: the chain's head and the time (monotonic seconds)
    when that was first seen."""

    deposit: int
    head: int
    since: float


class LostLogs:
    """Compares the deposits of one account's orders, whenever they are asked for anyhow."""

    def __init__(self, account: Callable[[], Account | None], updates: TrackerUpdates,
                 caught_up: Callable[[int], Awaitable[bool]], clock: Clock) -> None:
        """`account` gives the account, once there is one; `caught_up` waits a while for the logs up to a block to be
        processed, and tells whether they are."""
        self._account = account
        self._updates = updates
        self._caught_up = caught_up
        self._clock = clock
        self._sure: dict[OrderKey, int] = {}  # up to which block no log of an order is missing, if no node was further behind
        self._doubts: dict[OrderKey, _Doubt] = {}

    async def compare(self, held: Mapping[OrderKey, int], head: int) -> None:
        """The engine holds these deposits, after a block that is not newer than `head`: tell what is missing of orders of which
        it has held less than is known for some time, though the logs of that time are processed. Looks may overlap."""
        account = self._account()
        if account is None:
            return
        resting = account.settlement.resting
        self._sure = {key: block for key, block in self._sure.items() if key in resting}
        self._doubts = {key: doubt for key, doubt in self._doubts.items() if key in resting}
        lasting = [key for key, deposit in held.items() if key in resting and self._is_lasting(resting[key], deposit, head)]
        if lasting and await self._caught_up(max(self._doubts[key].head for key in lasting)):
            unexplained = [key for key in lasting if key in resting and key in self._sure]  # others have looked meanwhile
            if unexplained:
                await self._read_again(account, unexplained)

    def _is_lasting(self, order: Resting, held: int, head: int) -> bool:
        key, now = order.key, self._clock.monotonic()
        self._sure.setdefault(key, order.placed_at[0] or head)
        if held >= order.deposit:  # more, as long as the node that was asked is behind
            self._doubts.pop(key, None)
            if held == order.deposit:
                self._sure[key] = head
            return False
        doubt = self._doubts.get(key)
        if doubt is None or doubt.deposit != order.deposit:  # something was told meanwhile
            doubt = self._doubts[key] = _Doubt(order.deposit, head, now)
        return now - doubt.since >= LASTING_SECONDS

    async def _read_again(self, account: Account, keys: Collection[OrderKey]) -> None:
        try:
            logs, read = await account.logs_since(max(0, min(self._sure[key] for key in keys) - account.late_blocks))
        except (ApiUnavailableError, RpcError) as error:
            logging.getLogger(__name__).debug("The logs of orders that hold less than is known cannot be read: %s", error)
            return
        # The newest blocks are the feed's, which can undo what they did.
        await self._updates.tell([event for log in logs if log.block_number <= read - REORGANISED_BLOCKS
                                  and resting_key(log.event) in keys for event in account.settlement.apply(log)])
        for key in keys:
            self._sure[key] = read
            self._doubts.pop(key, None)
