"""A whole order book, order by order, read from the book contract's views as of one block (docs/protocol.md, "Book views")."""
from collections.abc import Mapping, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, BOOK_FUNCTIONS_2026_07
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError, OrderRejectedError, RpcError
from hummingbot.connector.exchange.standard.feeds.book import BookOrder, BookState
from hummingbot.connector.exchange.standard.markets import Market

FIRST_LEVELS = 128
FIRST_ORDERS = 16
GROWTH = 4
MAX_LEVELS = 8192
MAX_ORDERS = 4096  # in one level
# A node behind the one that told of a block may know it a little later.
UNKNOWN_BLOCK_RETRIES = 3
UNKNOWN_BLOCK_PAUSE = 0.1
_BY_TIME = 1

Question = tuple[str, tuple[Any, ...]]
Level = tuple[bool, int]


async def read_book(rpc: RpcClient, market: Market, block: int, clock: Clock) -> BookState:
    """The book as of `block`, ghost levels left out. Raises ApiUnavailableError when no node answers, or the book is deeper
    than is sensible to follow."""
    reader = _Reader(rpc, market.book, block, clock)
    last_price, next_bid, next_ask, trades, first_bids, first_asks = await reader.ask([
        ("lmp", ()), ("nextMakeId", (True,)), ("nextMakeId", (False,)), ("tradeCount", ()),
        ("getPrices", (True, FIRST_LEVELS)), ("getPrices", (False, FIRST_LEVELS))])
    levels = [(is_bid, price) for is_bid, first in ((True, first_bids), (False, first_asks))
              for price in await reader.prices(is_bid, first)]
    queues = await reader.queues(levels)
    bids, asks = ([order for level in levels if level[0] is is_bid for order in queues[level]] for is_bid in (True, False))
    return BookState(block, bids, asks, last_price, next_bid, next_ask, trades, await reader.by_time())


class _Reader:
    """Views of one book as of one block."""

    def __init__(self, rpc: RpcClient, book: str, block: int, clock: Clock) -> None:
        self._rpc = rpc
        self._book = book
        self._block = block
        self._clock = clock

    async def ask(self, questions: Sequence[Question]) -> list[Any]:
        """The one result of each view."""
        calls = [(self._book, BOOK_FUNCTIONS[name].encode(*arguments)) for name, arguments in questions]
        results = []
        for (name, _), answer in zip(questions, await self._call(calls)):
            if not isinstance(answer, bytes):
                raise ApiUnavailableError(f"{name} of the book {self._book} cannot be read: {answer}") from answer
            try:
                results.append(BOOK_FUNCTIONS[name].decode_result(answer)[0])
            except ValueError as error:
                raise BadDataError(f"{name}: the node's answer is no result of it: {error}") from error
        return results

    async def _call(self, calls: Sequence[tuple[str, bytes]]) -> list[bytes | OrderRejectedError | RpcError]:
        for attempt in range(UNKNOWN_BLOCK_RETRIES):
            answers = await self._rpc.call_many(calls, block=self._block)
            if not any(isinstance(answer, RpcError) for answer in answers):
                return answers
            if attempt + 1 < UNKNOWN_BLOCK_RETRIES:
                await self._clock.sleep(UNKNOWN_BLOCK_PAUSE)
        return answers

    async def by_time(self) -> bool:
        """Whether queues are first come first served; the first generation does not know the question."""
        (answer,) = await self._call([(self._book, BOOK_FUNCTIONS_2026_07["getMatchingMode"].encode())])
        if isinstance(answer, RpcError):
            raise ApiUnavailableError(f"the matching mode of the book {self._book} cannot be read: {answer}") from answer
        return isinstance(answer, bytes) and int.from_bytes(answer, "big") == _BY_TIME

    async def prices(self, is_bid: bool, first: list[int]) -> list[int]:
        """All prices of a side, ghosts included, best first; `first` are the best FIRST_LEVELS, which may be all."""
        prices, count = first, FIRST_LEVELS
        while prices and prices[-1]:
            count *= GROWTH
            if count > MAX_LEVELS:
                raise ApiUnavailableError(f"the book {self._book} has more than {MAX_LEVELS} levels on a side")
            (prices,) = await self.ask([("getPrices", (is_bid, count))])
        return [price for price in prices if price]

    async def queues(self, levels: Sequence[Level]) -> Mapping[Level, list[BookOrder]]:
        """The orders of each level in their queue's order."""
        found: dict[Level, list[BookOrder]] = {}
        missing, count = list(levels), FIRST_ORDERS
        while missing and count <= MAX_ORDERS:
            answers = await self.ask([(name, (*level, count)) for level in missing for name in ("getOrderIds", "getOrders")])
            longer = []
            for index, level in enumerate(missing):
                ids, orders = answers[2 * index:2 * index + 2]
                if len(ids) != len(orders) or any(bool(number) != bool(order[2]) for number, order in zip(ids, orders)):
                    raise BadDataError(f"the book {self._book} tells ids and orders that do not belong together")
                if ids and ids[-1]:
                    longer.append(level)
                found[level] = [BookOrder(number, *order) for number, order in zip(ids, orders) if number]
            missing, count = longer, count * GROWTH
        if missing:
            raise ApiUnavailableError(f"the book {self._book} has more than {MAX_ORDERS} orders at one price")
        return found
