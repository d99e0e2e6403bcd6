"""What the account feed tells, brought to the settlement and from there to Hummingbot, and how far that has come."""
import asyncio
import logging
from collections.abc import Awaitable, Callable

from hummingbot.connector.exchange.standard.account import Account
from hummingbot.connector.exchange.standard.feed_report import FeedReport
from hummingbot.connector.exchange.standard.feeds.base import AccountEvent, BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates
from hummingbot.connector.exchange.standard.unbroken_work import to_its_end

# How long a cancel waits for the fills that came before it.
CATCH_UP_TIMEOUT = 5.0
# Between two looks of which neither brings anything new, as with a node that stays behind: ever longer, in seconds.
FIRST_PAUSE, LAST_PAUSE = 0.05, 1.0


class AccountEvents:
    """Processes the events of one account in their order."""

    def __init__(self, account: Callable[[], Awaitable[Account]], updates: TrackerUpdates, hurry: Callable[[], None],
                 changed: Callable[[BalanceChange | None], Awaitable[None]], report: FeedReport) -> None:
        """`account` gives the account, running; `hurry` makes the feed look now; `changed` is told that money has moved,
        with the balance where the event names one; `report` is noted in the journal as well."""
        self._give_account = account
        self._updates = updates
        self._hurry = hurry
        self._changed = changed
        self._report = report
        self._moved = asyncio.Event()
        self._turn = asyncio.Lock()
        self.account: Account | None = None  # from before its first event on
        self.settled_block = -1

    async def process(self, event: AccountEvent) -> None:
        """Settle an event, tell what it did, and remember for the next run how far the logs were read.

        The feed tells each log once, so whoever is cancelled here (the network is left) leaves the work to go on, before
        that of later events. Raises ApiUnavailableError, RpcError or ConfigurationError when the account cannot be started
        again after a break.
        """
        await to_its_end(self._in_turn(event))

    async def _in_turn(self, event: AccountEvent) -> None:
        async with self._turn:
            await self._process(event)

    async def _process(self, event: AccountEvent) -> None:
        if isinstance(event, OrderLogs):
            await self._settle(event)
        elif isinstance(event, BalanceChange):
            await self._changed(event)
        else:
            raise TypeError(f"{event!r} is no event of the account")

    async def _settle(self, event: OrderLogs) -> None:
        # The feed tells each log once, so it counts even if the account cannot be started again yet after a break.
        account = self.account = self.account or await self._give_account()
        await self._updates.tell([settled for log in event.logs for settled in account.settlement.apply(log)])
        if event.logs:
            await self._changed(None)
        account = await self._give_account()
        await account.remember(event.block_number)
        await self._report.note(account)
        self.settled_block = event.block_number
        self._moved.set()

    async def left(self, key: OrderKey, block_number: int) -> bool:
        """The book does not hold the order, and all logs up to a block are processed: tell its end if it left without an
        event; whether nothing is to come any more. The logs of a block that replaces one of these may still tell its end."""
        account = self.account
        if account is None:
            return True
        await self._updates.tell(account.settlement.swept(key, block_number))
        return key not in account.settlement.resting

    def is_placing(self, client_order_id: str) -> bool:
        """Whether a transaction that places the order is on its way, as far as is known."""
        return self.account is not None and self.account.is_placing(client_order_id)

    async def caught_up(self, block_number: int) -> bool:
        """Wait until the logs up to a block are processed, or a few seconds; whether they are."""
        pause = FIRST_PAUSE
        try:
            async with asyncio.timeout(CATCH_UP_TIMEOUT):
                while self.settled_block < block_number:
                    before = self.settled_block
                    self._moved.clear()
                    self._hurry()
                    await self._moved.wait()
                    if self.settled_block == before:
                        await asyncio.sleep(pause)
                        pause = min(2 * pause, LAST_PAUSE)
        except TimeoutError:
            logging.getLogger(__name__).debug("The logs up to block %d are not there yet", block_number)
        return self.settled_block >= block_number
