"""How old the API's order books are: it may answer, and its stream go on, without knowing of what happened on the chain since."""
import logging
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from heapq import nlargest
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.markets import Market

# In an answer with so many trades the newest one's time is not believed alone: it may be wrong, and there are others to go by.
MANY_TRADES = 10
# A book that is older than this, in seconds, is none to trade by.
STALE_SECONDS = 30.0
# The newest trades of a market that the API has yet to tell; as many as it tells at once.
MAX_AWAITED_TRADES = 50
# A trade that the API has told for so long, in seconds, is taken back by no reorganisation: an API without it is behind.
SETTLED_SECONDS = 60.0
# Between two sources of the same books nobody asks the API for less than this, in seconds: what was awaited is awaited on.
UNASKED_SECONDS = 10.0
# An API that has been behind for so long, in seconds, does not have that trade any more: whose orders are all refused trades no
# more, and in a market of one maker no later trade would ever come.
BEHIND_SECONDS = 600.0


class _Awaited(NamedTuple):
    """A trade of the chain that the API has not told: since when it is known here, or an earlier one that is remembered no
    longer, and its block."""

    since: float
    block_number: int


class _Reached:
    """How far the API's trades of a pair have reached, by the timestamps of their newest ones."""

    def __init__(self) -> None:
        self._since = math.inf  # when it was noticed that they are behind
        self._behind_at = -math.inf  # when that was seen last
        self._settled = 0.0
        self._recent: deque[tuple[float, float]] = deque()  # not settled yet, growing: a timestamp, and when it was told

    def tell(self, newest: float, sure: float, now: float) -> None:
        """The newest trade of an answer is of this time, and one that shows how far the API came is `sure` to be."""
        since = self.behind_since(now)
        while self._recent and now - self._recent[0][1] > SETTLED_SECONDS:
            self._settled = max(self._settled, self._recent.popleft()[0])
        while self._recent and self._recent[-1][0] > sure:
            self._recent.pop()
        if not self._recent or self._recent[-1][0] < sure:
            self._recent.append((sure, now))
        if newest < self._settled:
            self._since, self._behind_at = min(since, now), now
        elif now - self._behind_at > STALE_SECONDS:  # of several APIs behind one URL, the one that is behind may answer again
            self._since = math.inf

    def behind_since(self, now: float) -> float:
        """When it was noticed that they are behind; infinity where they are not, or have been for too long."""
        if now - self._since > BEHIND_SECONDS:
            self._since, self._settled = math.inf, 0.0
        return self._since

    def left(self) -> None:
        """Nobody asked for a while: what was not settled yet may have been reorganised unseen."""
        self._since = math.inf
        self._recent.clear()


class Freshness:
    """The age of each order book in seconds.

    A book is as old as the last answer of the API (before the first, as the first question), or as the oldest trade on the
    chain that the API has not told of since its logs were read here, whichever is older. A trade that the API never tells of
    is awaited until it tells of a later one: without that there is no proof that it knows what happened since. While the API
    tells no trades at all, or none that can be used, they say nothing of its books, but those that it stopped to tell while
    they were awaited still do.

    An API that goes back in time, since it reads the chain once more or another one answers in its place, lacks a trade of a
    minute ago: its book is as old at least, and grows older until its trades have reached as far as they did for a while.

    A book by the API's stream is no older than its trades say: whoever follows the stream knows whether it goes on.
    """

    def __init__(self, market_of: Callable[[str], Market | None], clock: Clock,
                 leave_api: Callable[[str], None] = lambda why: None) -> None:
        """`market_of` gives the listed market of a book's address; `leave_api` is told, as long as it is so, why what the API
        tells is too old."""
        self._market_of = market_of
        self._clock = clock
        self._leave_api = leave_api
        self.awaited: Callable[[str], None] = _ignore  # is called with the pair of each trade that the API has to tell now
        self._read_at: dict[str, float] = {}
        self._awaited: dict[str, OrderedDict[str, _Awaited]] = {}  # by the transactions' hashes
        self._told_of: dict[str, int] = {}  # the blocks of those that are awaited no longer, while their logs are read again
        self._tells_trades: set[str] = set()
        self._streamed: set[str] = set()
        self._reached: dict[str, _Reached] = {}
        self._left_at: dict[str, float] = {}  # when the API was asked no longer
        self._head = 0
        self._stale: set[str] = set()

    def age(self, trading_pair: str) -> float:
        """How old the book is; 0 for one that the API is not asked for."""
        now = self._clock.monotonic()
        awaited = self._lacking(trading_pair)
        since = next(iter(awaited.values())).since if awaited else now
        return now - min(since, self._behind_since(trading_pair) - SETTLED_SECONDS, self._read_at.get(trading_pair, now))

    def _behind_since(self, trading_pair: str) -> float:
        if trading_pair not in self._reached or not self._is_of_api(trading_pair):
            return math.inf
        return self._reached[trading_pair].behind_since(self._clock.monotonic())

    def _lacking(self, trading_pair: str) -> OrderedDict[str, _Awaited] | None:
        """The trades that the API should tell, where it is asked and tells trades."""
        is_due = trading_pair in self._tells_trades and self._is_of_api(trading_pair)
        return self._awaited.get(trading_pair) if is_due else None

    def on_chain(self, logs: Iterable[EngineLog], begin: int, end: int) -> None:
        """These are the logs of the blocks from `begin` to `end`; trades among them are awaited from the API."""
        if end + MAX_LAG_BLOCKS < self._head:
            self._reached.clear()  # the chain was begun anew, and so were its trades
            self._head = end
        self._head = max(self._head, end)
        there = set()
        for log in logs:
            event, market = log.event, self._market_of(log.event.pair)
            # Trades of nothing are told by no feed, and those before the first look may be too old to be among the newest.
            if isinstance(event, OrderMatched) and event.base_amount and market and self._is_of_api(market.trading_pair):
                name = log.transaction_hash.lower()
                there.add(name)
                awaited = self._awaited.setdefault(market.trading_pair, OrderedDict())
                if name not in awaited and self._told_of.get(name) != log.block_number:
                    awaited[name] = _Awaited(self._clock.monotonic(), log.block_number)
                    self.awaited(market.trading_pair)
                if len(awaited) > MAX_AWAITED_TRADES:
                    _, oldest = awaited.popitem(last=False)
                    following = next(iter(awaited))
                    awaited[following] = awaited[following]._replace(since=oldest.since)
        self._told_of = {name: block for name, block in self._told_of.items()
                         if block > end or (block >= begin and name in there)}
        for awaited in self._awaited.values():
            for key in [key for key, trade in awaited.items() if (begin <= trade.block_number <= end and key not in there)
                        or trade.block_number > end + MAX_LAG_BLOCKS]:
                del awaited[key]  # its block was replaced, or is of a chain that was begun anew since

    def awaits(self, trading_pair: str) -> bool:
        """Whether the API has yet to tell of a trade."""
        is_lacking = self._is_of_api(trading_pair) and bool(self._awaited.get(trading_pair))
        return is_lacking or self._behind_since(trading_pair) < math.inf

    def told(self, trading_pair: str, trades: Collection[tuple[str, float]]) -> None:
        """The API tells of these trades (key and timestamp) now, and so knows of everything that was on the chain before them, in
        all markets: a trade that it has left out is none to wait for. One of a transaction's trades stands for all of them."""
        self._tells_trades.add(trading_pair)
        if trades or trading_pair in self._reached:  # one that tells none any more tells less than it did
            times = nlargest(2, [timestamp for _, timestamp in trades])
            newest_at = max(times, default=0.0)
            sure = newest_at if len(trades) < MANY_TRADES else times[1]
            self._reached.setdefault(trading_pair, _Reached()).tell(newest_at, sure, self._clock.monotonic())
        names = {key.partition(":")[0] for key, _ in trades}
        told = [trade for name, trade in self._awaited.get(trading_pair, {}).items() if name in names]
        newest = max([trade.block_number for trade in told], default=-1)
        for awaited in self._awaited.values():
            for key in [key for key, trade in awaited.items() if trade.block_number <= newest]:
                self._told_of[key] = awaited.pop(key).block_number

    def untold(self, trading_pair: str) -> None:
        """The API does not tell the trades of this pair, or not so that they can be used. That is no proof that it knows of those
        that are awaited: they are awaited on."""
        if not self.awaits(trading_pair):
            self._tells_trades.discard(trading_pair)

    def begin(self, trading_pair: str) -> None:
        """The API is asked for the book from now on, or once more after a poll that broke."""
        self._return(trading_pair)
        self._read_at.setdefault(trading_pair, self._clock.monotonic())

    def forget(self, trading_pair: str) -> None:
        """The API is asked for the book no longer: what happens until it is asked again says nothing of its answers then."""
        self._read_at.pop(trading_pair, None)
        self._leave(trading_pair)

    def follow(self, trading_pair: str) -> None:
        """The API's stream tells the book from now on."""
        self._return(trading_pair)
        self._streamed.add(trading_pair)

    def unfollow(self, trading_pair: str) -> None:
        """The stream is left."""
        self._streamed.discard(trading_pair)
        self._leave(trading_pair)

    def _is_of_api(self, trading_pair: str) -> bool:
        return trading_pair in self._read_at or trading_pair in self._streamed

    def _leave(self, trading_pair: str) -> None:
        if not self._is_of_api(trading_pair):
            self._left_at[trading_pair] = self._clock.monotonic()
            self._stale.discard(trading_pair)

    def _return(self, trading_pair: str) -> None:
        left_at = self._left_at.pop(trading_pair, math.inf)
        if self._clock.monotonic() - left_at > UNASKED_SECONDS:
            self._awaited.pop(trading_pair, None)
            if trading_pair in self._reached:
                self._reached[trading_pair].left()

    def read(self, trading_pair: str, asked: float) -> None:
        """The API answered with the book. It was `asked` then, on the monotonic clock: the book may be as old as the question."""
        self._read_at[trading_pair] = asked

    def report(self, trading_pair: str) -> None:
        """Say once when a book is too old to trade by, and once when it is not any more."""
        age = self.age(trading_pair)
        if age <= STALE_SECONDS:
            if trading_pair in self._stale:
                self._stale.remove(trading_pair)
                logging.getLogger(__name__).info("The order book of %s is up to date again", trading_pair)
            return
        why = "lack one that is on the chain" if self._lacking(trading_pair) else \
            "lack one that it told before" if self.awaits(trading_pair) else ""
        if trading_pair not in self._stale:
            self._stale.add(trading_pair)
            logging.getLogger(__name__).warning("The order book of %s is %.0f s old: no order is placed by it until it is "
                                                "newer%s", trading_pair, age, f". The API's trades {why}" if why else "")
        if why:
            self._leave_api(f"its trades of {trading_pair} {why}")


def _ignore(trading_pair: str) -> None:
    """Nobody asks the API yet."""
