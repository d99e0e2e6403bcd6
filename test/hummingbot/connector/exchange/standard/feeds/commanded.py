"""A source of order books that a test commands."""
import asyncio
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot, MarketSink


class Never:
    """A chance without chance."""

    def random(self) -> float:
        return 0.0


class Stream:
    """A market source that a test commands."""

    name = "stream"

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        self.sink, self.end = sink, asyncio.get_running_loop().create_future()
        for pair in trading_pairs:
            sink(BookSnapshot(pair, 0, 0.0, [(1.0, 1.0)], [(2.0, 1.0)]))
        await self.end

    def add_pair(self, pair: str) -> None:
        """One more."""

    def remove_pair(self, pair: str) -> None:
        """One less."""
