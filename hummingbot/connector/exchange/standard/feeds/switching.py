"""Market and account feeds that change their source by the failover's policy, without losing or doubling an event."""
import random
from collections.abc import Callable, Sequence

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.base import (
    AccountEvent,
    AccountFeed,
    AccountSink,
    BookSnapshot,
    MarketEvent,
    MarketFeed,
    MarketSink,
    OrderLogs,
    PublicTrade,
    UpdateIds,
)
from hummingbot.connector.exchange.standard.feeds.failover import Failover, FeedState, Source
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS


class SwitchingMarketFeed:
    """A MarketFeed over several sources, best first, polling last. A public trade is told once, whoever sees it."""

    name = "switching"

    def __init__(self, sources: Sequence[Source[MarketFeed]], polling: MarketFeed, update_ids: UpdateIds, told: ToldTrades,
                 clock: Clock, chance: random.Random) -> None:
        """`polling` is the one polling feed; it remembers what it has told across its turns. `update_ids` and `told` are all
        feeds'."""
        self._update_ids = update_ids
        self._polling = polling
        self._pairs: list[str] = []
        self._told = told
        self._failover: Failover[MarketFeed, MarketEvent] = Failover(
            "Order books", [*sources, Source(polling.name, lambda: polling)],
            lambda feed, sink: feed.run(list(self._pairs), sink), self._complete, self._renewed, clock, chance)

    @property
    def state(self) -> FeedState:
        """Which source is live."""
        return self._failover.state

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        """See MarketFeed.run."""
        self._pairs = list(trading_pairs)

        def once(event: MarketEvent) -> None:
            if not isinstance(event, PublicTrade) or self._told.add(event.trade_id):
                sink(event)

        await self._failover.run(once)

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        """See MarketFeed.snapshot."""
        return await self._polling.snapshot(trading_pair)

    def add_pair(self, trading_pair: str) -> None:
        """See MarketFeed.add_pair."""
        if trading_pair not in self._pairs:
            self._pairs.append(trading_pair)
        for feed in self._failover.feeds:
            feed.add_pair(trading_pair)

    def remove_pair(self, trading_pair: str) -> None:
        """See MarketFeed.remove_pair."""
        if trading_pair in self._pairs:
            self._pairs.remove(trading_pair)
        for feed in self._failover.feeds:
            feed.remove_pair(trading_pair)

    def _complete(self, events: list[MarketEvent]) -> bool:
        return set(self._pairs) <= {event.trading_pair for event in events if isinstance(event, BookSnapshot)}

    def _renewed(self, event: MarketEvent) -> MarketEvent:
        """Books that waited get new ids: Hummingbot would put the newer ones of the source that is left on top of them."""
        return event if isinstance(event, PublicTrade) else event._replace(update_id=self._update_ids.next())


class SwitchingAccountFeed:
    """An AccountFeed over several sources, best first, polling last. Each begins where the one before it ended."""

    name = "switching"

    def __init__(self, sources: Sequence[tuple[str, Callable[[int | None], AccountFeed]]], cursor: int | None, clock: Clock,
                 chance: random.Random) -> None:
        """Each source is a name and what makes a feed from a cursor: the last block whose logs are not wanted any more."""
        self._cursor = None if cursor is None else cursor + REORGANISED_BLOCKS
        self._failover: Failover[AccountFeed, AccountEvent] = Failover(
            "Own orders", [Source(name, self._from_cursor(create)) for name, create in sources],
            lambda feed, sink: feed.run(sink), self._caught_up, lambda event: event, clock, chance)

    def _from_cursor(self, create: Callable[[int | None], AccountFeed]) -> Callable[[], AccountFeed]:
        # The newest blocks are told again by the next source, which may know them otherwise than the last one did.
        return lambda: create(None if self._cursor is None else self._cursor - REORGANISED_BLOCKS)

    @property
    def state(self) -> FeedState:
        """Which source is live."""
        return self._failover.state

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run."""
        def follow(event: AccountEvent) -> None:
            if isinstance(event, OrderLogs):
                self._cursor = event.block_number if self._cursor is None else max(self._cursor, event.block_number)
            sink(event)

        await self._failover.run(follow)

    def hurry(self) -> None:
        """See AccountFeed.hurry."""
        for feed in self._failover.feeds:
            feed.hurry()

    def _caught_up(self, events: list[AccountEvent]) -> bool:
        """Ready once it tells of blocks that the live source has not told of yet: nothing lies between the two."""
        blocks = [event.block_number for event in events if isinstance(event, OrderLogs)]
        return bool(blocks) and blocks[-1] >= (self._cursor or 0)
