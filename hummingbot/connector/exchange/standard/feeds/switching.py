"""Market and account feeds that change their source by the failover's policy, without losing or doubling an event."""
import random
from collections.abc import Callable, Sequence
from functools import partial

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
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades


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
            lambda feed, sink: feed.run(list(self._pairs), sink), self._complete, self._taken_over, clock, chance)

    @property
    def state(self) -> FeedState:
        """Which source is live."""
        return self._failover.state

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        """See MarketFeed.run."""
        self._pairs = list(trading_pairs)

        def once(event: MarketEvent) -> None:
            if not isinstance(event, PublicTrade):
                sink(event)
                return
            key = self._told.add(event.trading_pair, event.trade_id, event.amount)
            if key is not None:
                sink(event if key == event.trade_id else event._replace(trade_id=key))

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

    def _taken_over(self, feed: MarketFeed, events: list[MarketEvent]) -> list[MarketEvent]:
        """Books that waited get new ids: Hummingbot would put the newer ones of the source that is left on top of them."""
        return [event if isinstance(event, PublicTrade) else event._replace(update_id=self._update_ids.next())
                for event in events]


class SwitchingAccountFeed:
    """An AccountFeed over several sources, best first, polling last. What was told is remembered for all of them."""

    name = "switching"

    def __init__(self, sources: Sequence[tuple[str, Callable[[ToldLogs], AccountFeed]]], told: ToldLogs, clock: Clock,
                 chance: random.Random) -> None:
        """Each source is a name and what makes a feed that goes on from what was `told`."""
        self._told = told
        self._failover: Failover[AccountFeed, AccountEvent] = Failover(
            "Own orders", [Source(name, partial(create, self._told)) for name, create in sources],
            lambda feed, sink: feed.run(sink), self._caught_up, self._taken_over, clock, chance)

    @property
    def state(self) -> FeedState:
        """Which source is live."""
        return self._failover.state

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run."""
        await self._failover.run(self._told.noting(sink))

    def hurry(self) -> None:
        """See AccountFeed.hurry."""
        for feed in self._failover.feeds:
            feed.hurry()

    def _caught_up(self, events: list[AccountEvent]) -> bool:
        """Ready once it knows the blocks that the live source told of: nothing lies between the two."""
        blocks = [event.block_number for event in events if isinstance(event, OrderLogs)]
        return bool(blocks) and blocks[-1] >= (self._told.block_number or 0)

    def _taken_over(self, feed: AccountFeed, events: list[AccountEvent]) -> list[AccountEvent]:
        """Logs that waited may be of blocks that were replaced meanwhile; they were not told, so the source tells again
        what is true of them now."""
        self._told.taken_over()
        feed.hurry()
        return [event for event in events if not isinstance(event, OrderLogs)]
