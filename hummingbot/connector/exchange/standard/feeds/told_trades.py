"""Which public trades were told already, by whichever source, and since when some may be missing."""
from collections import OrderedDict
from collections.abc import Callable, Iterable

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.base import TradePlace

MAX_REMEMBERED_TRADES = 10_000
# Where no trade is known, one before a stream began is news if it is so many seconds old at most: nobody may have told it.
FRESH_TRADE_SECONDS = 15.0


class TradeKeys:
    """The trades of one pair that one source has told, by their keys (rest.models.trade_key).

    One transaction can take from the same order more than once: the second such trade gets a key of its own, as it does in
    lists of trades (rest.models.numbered).
    """

    def __init__(self, most: int) -> None:
        """`most` is how many are remembered."""
        self._most = most
        self._told: OrderedDict[str, tuple[TradePlace | None, float]] = OrderedDict()

    def new(self, key: str, place: TradePlace | None, amount: float) -> str | None:
        """The key under which a trade is news; None for one that was told. `place` is its block and number, if they are
        known. One of another block, or without a place, is the one that was told if it has its amount: a transaction that is
        mined anew need not trade as before."""
        told = self._told
        base, count = key, 0
        while key in told:
            known, before = told[key]
            same_block = place is not None and known is not None and place[0] == known[0]
            # The API's rows, whose block is "", are known by their ids alone; a block's number may be that of another block.
            is_row = place is not None and not place[0]
            if (place == known and (is_row or alike(amount, before))) if same_block else alike(amount, before):
                told[key] = place or known, before
                return None
            count += 1
            key = f"{base}#{count}"
        told[key] = place, amount
        if len(told) > self._most:
            told.popitem(last=False)
        return key


def alike(amount: float, other: float) -> bool:
    """Whether two amounts may be one that was rounded in different ways."""
    return abs(amount - other) <= 1e-3 * other + 1e-8


class ToldTrades:
    """The memory that all sources of one connector share, so that a trade is told once and none is left out between two.

    Trades are known by their pair and their key (rest.models.trade_key).
    """

    def __init__(self, clock: Clock, chain_time: Callable[[], float | None] = lambda: None) -> None:
        """`chain_time` is the time by the chain's blocks, in seconds since the epoch; None where no node has told it."""
        self._clock = clock
        self._chain_time = chain_time
        self._ahead = clock.time() - clock.monotonic()
        self._keys: dict[str, OrderedDict[str, float]] = {}  # the amounts, by pair
        self._complete_at: dict[str, float] = {}
        self._began: dict[str, float] = {}

    def knows(self, trading_pair: str, key: str) -> bool:
        """Whether a trade was told."""
        return key in self._keys.get(trading_pair, ())

    def amounts(self, trading_pair: str, key: str) -> list[float]:
        """What was told of a transaction's trades with one order, whose first has this key."""
        names, keys = [key], self._keys.get(trading_pair, OrderedDict())
        while names[-1] in keys:
            names.append(f"{key}#{len(names)}")
        return [keys[name] for name in names[:-1]]

    def add(self, trading_pair: str, key: str, amount: float) -> str | None:
        """Remember a trade; the key under which it is news, or None for one that was told.

        A source that misses one of a transaction's trades with an order, and does not count them, gives its key to the next
        one. So a known key with another amount is another trade, unless that amount was told under another number.
        """
        keys = self._keys.setdefault(trading_pair, OrderedDict())
        known = keys.get(key)
        if known is not None and not alike(amount, known):
            base, count = key.partition("#")[0], 0
            key = base
            while (known := keys.get(key)) is not None and not alike(amount, known):
                count += 1
                key = f"{base}#{count}"
        if known is not None:
            return None
        keys[key] = amount
        if len(keys) > MAX_REMEMBERED_TRADES:
            keys.popitem(last=False)
        return key

    def begin(self, trading_pair: str) -> None:
        """The bot looks at the pair, for the first time or once more: what was before the first time is history, whichever
        source shows it and when; what comes after it is news."""
        now = self._clock.monotonic()
        self._began.setdefault(trading_pair, now)
        self._complete_at.setdefault(trading_pair, now)

    def time(self) -> float:
        """Seconds since the epoch, as trades have them: by the chain, or else by the machine's clock as it was at the start. That
        may be wrong, or set since, and trades that are new would be of long ago."""
        chain_time = self._chain_time()
        return self._clock.monotonic() + self._ahead if chain_time is None else chain_time

    def seconds_since_begin(self, trading_pair: str) -> float:
        """For how many seconds trades of the pair have been news; 0 where the bot has not looked yet."""
        now = self._clock.monotonic()
        return now - self._began.get(trading_pair, now)

    def complete(self, trading_pair: str) -> None:
        """Every trade of the pair was told, but perhaps those of the last seconds: a source looks back that far anyway."""
        self.begin(trading_pair)
        self._complete_at[trading_pair] = self._clock.monotonic()

    def seconds_missing(self, trading_pairs: Iterable[str]) -> float:
        """For how many seconds trades of one of these pairs may not have been told; 0 where none ever was, since what
        was before the bot looked for the first time is history."""
        now = self._clock.monotonic()
        return max([now - self._complete_at.get(trading_pair, now) for trading_pair in trading_pairs], default=0.0)
