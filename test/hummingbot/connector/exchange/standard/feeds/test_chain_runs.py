"""Books, trades and own orders of a chain stream whose node is behind, forgetful or wrong."""
import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds import chain_logs
from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot, PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.book import BookContradictionError, BookState
from hummingbot.connector.exchange.standard.feeds.chain_logs import ChainMarketFeed, _AccountRun, _MarketRun
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.markets import Market
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.feeds.scripted import MARKETS, SOMI, WBTC

ENGINE, MAKER, TAKER = "0x" + "e0" * 20, "0x" + "a1" * 20, "0x" + "b2" * 20
PAIR = SOMI.trading_pair


class Chain:
    """A stream that has told of block `head`, a node that knows it, and what a run makes of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.head, self.node_head, self.branch = 100, 100, 0
        self.suspicions = 0
        self.missing_logs: list[EngineLog] = []
        self.compared: list[int] = []
        self.asked: list[int] = []
        self.failures = 0
        self.reads = 0
        self.clock = ManualClock()
        self.events: list[Any] = []
        self.tasks: list[asyncio.Task[None]] = []
        monkeypatch.setattr(chain_logs, "read_book", self._read_book)
        self.run = _MarketRun(self, self, ENGINE, self.clock, UpdateIds(self.clock), self.events.append,  # type: ignore[arg-type]
                              120.0, 0, ToldTrades(self.clock))

    async def _read_book(self, rpc: Any, market: Market, block: int, clock: Any) -> BookState:
        self.reads += 1
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise ApiUnavailableError("the node does not know the block")
        return BookState(block, (), (), 65_000_000, 1, 1, 0, False)

    # The stream

    def newest(self) -> int:
        return self.head

    def timestamp(self, number: int) -> float:
        return float(number)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    def suspect(self) -> None:
        self.suspicions += 1

    async def wait_for_head(self, number: int) -> None:
        while self.head < number:
            await self.clock.sleep(0.1)

    async def missing(self, found: Any) -> list[EngineLog]:
        self.compared = [int(log["blockNumber"], 16) for log in found]
        return self.missing_logs

    # The node

    async def newest_logs(self, engine: str, topics: Any, begin: int) -> tuple[int, list[Any]]:
        self.asked.append(begin)
        return self.node_head, [{"blockNumber": hex(number)} for number in range(begin, self.node_head + 1)]

    async def block_number(self) -> int:
        return self.node_head

    async def logs(self, *_: Any) -> list[Any]:
        return []

    @property
    def trades(self) -> list[str]:
        return [event.trade_id for event in self.events if isinstance(event, PublicTrade)]

    @property
    def books(self) -> list[str]:
        return [event.trading_pair for event in self.events if isinstance(event, BookSnapshot)]


def matched(order_id: int, trade_id: int, block: int = 101, branch: str = "0xa", transaction: str = "0x1") -> EngineLog:
    event = OrderMatched(SOMI.book, 1, order_id, True, 65_000_000, 1, False, TAKER, MAKER, 10 ** 18, 650_000, 0, 0, trade_id)
    return EngineLog(event, transaction, block, 0, False, branch)


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Chain:
    return Chain(monkeypatch)


async def begun(chain: Chain) -> Chain:
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    return chain


async def test_a_market_is_read_once_however_often_it_is_added(chain: Chain) -> None:
    await begun(chain)
    chain.run.add(SOMI)
    await settle()
    assert chain.reads == 1 and chain.books == [PAIR]


async def test_a_book_is_not_told_when_its_market_was_removed_while_it_was_read(chain: Chain) -> None:
    chain.run.add(SOMI)
    chain.run.told()
    await asyncio.sleep(0)
    chain.run.remove(PAIR)
    await settle()
    assert chain.reads == 1 and chain.books == []


async def test_what_is_replaced_before_anything_was_read_needs_no_reading(chain: Chain) -> None:
    chain.run.add(SOMI)
    chain.run.reorganised()
    await settle()
    assert chain.reads == 0


async def test_a_book_is_read_anew_when_an_event_comes_late(chain: Chain) -> None:
    await begun(chain)
    chain.run.logs([matched(1, 1)], False)
    await settle()
    assert chain.reads == 2 and chain.books == [PAIR, PAIR] and len(chain.trades) == 1


async def test_events_of_other_markets_are_left_out(chain: Chain) -> None:
    chain.run.add(WBTC)
    chain.run.logs([matched(1, 1)], True)
    assert chain.events == []


async def test_a_node_may_forget_a_block_a_few_times_before_it_is_given_up(chain: Chain) -> None:
    chain.failures = chain_logs.READ_ATTEMPTS - 1
    await begun(chain)
    assert chain.books == [PAIR]
    chain.failures = chain_logs.READ_ATTEMPTS
    chain.run.reorganised()
    await settle()
    with pytest.raises(ApiUnavailableError, match="does not know the block"):
        await chain.tasks[-1]


async def test_a_book_that_cannot_be_read_for_too_long_is_left(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_logs, "MAX_BACKLOG", 3)
    chain.run.add(SOMI)
    chain.run.told()
    chain.run.logs([matched(number, number) for number in range(3)], True)
    with pytest.raises(StreamBrokenError, match=f"the book of {PAIR} could not be read for too long"):
        chain.run.logs([matched(4, 4)], True)


async def test_events_that_were_left_out_end_the_stream(chain: Chain) -> None:
    await begun(chain)
    chain.missing_logs = [matched(1, 1, block=99)]
    with pytest.raises(StreamBrokenError, match="1 events were left out, the first in block 99"):
        await chain.run.audit(90, 100)


async def test_the_blocks_that_were_told_are_compared_as_far_as_the_node_has_them(chain: Chain) -> None:
    await begun(chain)
    chain.asked.clear()
    chain.node_head = 95
    assert await chain.run.audit(90, 100) == 95 and chain.compared == [90, 91, 92, 93, 94, 95]
    assert await chain.run.audit(96, 100) == 95 and chain.compared == [], "it has nothing of that yet"
    chain.node_head = 103
    assert await chain.run.audit(96, 100) == 103 and chain.compared == [96, 97, 98, 99, 100]
    assert chain.asked == [90, 95, 95], "a node may refuse to tell from a block on that it does not have"


async def test_a_trade_is_not_told_when_the_book_misses_the_one_before_it(chain: Chain) -> None:
    await begun(chain)
    with pytest.raises(BookContradictionError, match="trade 2 was told, 1 was next"):
        chain.run.logs([matched(1, 2)], True)
    assert chain.trades == [], "whoever takes over tells both in order"


async def test_the_same_amount_taken_twice_from_an_order_in_one_transaction_is_two_trades(chain: Chain) -> None:
    chain.run.add(SOMI)
    chain.run.logs([matched(7, 1), matched(7, 2), matched(7, 3)], True)
    first, second, third = chain.trades
    assert (second, third) == (f"{first}#1", f"{first}#2")
    chain.run.logs([matched(7, 2)], True)
    assert len(chain.trades) == 3, "it was heard before"
    chain.run.reorganised()
    chain.run.logs([matched(7, 8, branch="0xb")], True)
    assert len(chain.trades) == 3, "the transaction is in another block now"


async def test_a_trade_is_not_told_when_the_one_before_it_was_missed_before_the_book_is_known(chain: Chain) -> None:
    chain.run.add(SOMI)
    chain.run.logs([matched(7, 1)], True)
    chain.run.logs([matched(7, 1)], True)
    with pytest.raises(StreamBrokenError, match=f"{PAIR}: trade 3 was told, 2 was next"):
        chain.run.logs([matched(8, 3)], True)
    assert len(chain.trades) == 1
    chain.run.reorganised()
    chain.run.logs([matched(9, 6)], True)
    assert len(chain.trades) == 2, "after blocks were replaced the numbers begin anew"


async def test_a_feed_that_does_not_run_has_no_pairs_to_add_or_remove() -> None:
    clock = ManualClock()
    feed = ChainMarketFeed(None, MARKETS.__getitem__, clock, UpdateIds(clock))  # type: ignore[arg-type]
    feed.add_pair(PAIR)
    feed.remove_pair(PAIR)
    assert feed._run is None


class Reader:
    """A PollingAccountFeed whose node is at some block."""

    block_number = 99

    async def read(self, sink: Any) -> bool:
        return False

    def concerns(self, log: EngineLog) -> bool:
        return True


async def test_own_events_of_a_block_that_the_asked_node_does_not_have_yet_are_looked_for_again(chain: Chain) -> None:
    reader = Reader()
    account = _AccountRun(chain, reader, chain.events.append, chain.clock)  # type: ignore[arg-type]
    account.logs([matched(1, 1, block=100)], True)
    looking = asyncio.ensure_future(account.audit(90, 100))
    await settle()
    assert chain.suspicions == 1 and not looking.done()
    await chain.clock.advance(chain_logs.BEHIND_PAUSE)
    assert await looking == 99 and chain.suspicions == 2
    reader.block_number = 100
    assert await account.audit(90, 100) == 100 and chain.suspicions == 2
