"""Which public trades were told already, by whichever source, and since when some may be missing."""
from collections import OrderedDict
from collections.abc import Iterable

from hummingbot.connector.exchange.standard.clock import Clock

MAX_REMEMBERED_TRADES = 10_000


class ToldTrades:
    """The memory that all sources of one connector share, so that a trade is told once and none is left out between two.

    Trades are known by their keys (rest.models.trade_key).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._complete_at: dict[str, float] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str) -> bool:
        """Remember a trade; whether it was not known before."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > MAX_REMEMBERED_TRADES:
            self._keys.popitem(last=False)
        return True

    def complete(self, trading_pair: str) -> None:
        """Every trade of the pair up to now was told."""
        self._complete_at[trading_pair] = self._clock.monotonic()

    def seconds_missing(self, trading_pairs: Iterable[str]) -> float:
        """For how many seconds trades of one of these pairs may not have been told; 0 where none ever was, since what
        was before the bot looked for the first time is history."""
        now = self._clock.monotonic()
        return max([now - self._complete_at.get(trading_pair, now) for trading_pair in trading_pairs], default=0.0)
