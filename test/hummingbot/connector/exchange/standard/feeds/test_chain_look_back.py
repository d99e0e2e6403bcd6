"""Trades of the last blocks before a chain stream began, when the node that is asked is a little behind the stream, or ahead
of it."""
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import RpcError
from hummingbot.connector.exchange.standard.feeds import chain_logs
from hummingbot.connector.exchange.standard.feeds.base import PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.book import BookOrder, BookState
from hummingbot.connector.exchange.standard.feeds.chain_logs import _MarketRun
from hummingbot.connector.exchange.standard.feeds.polling import MAX_BLOCK_RANGE
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.feeds.scripted import SOMI
from test.hummingbot.connector.exchange.standard.feeds.test_chain_runs import ENGINE, MAKER, Chain, matched


class Lagging(Chain):
    """The node is two blocks behind the stream; a trade stands in the block before the stream's first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.on_chain: list[EngineLog] = []
        monkeypatch.setattr(chain_logs, "decode_engine_logs", lambda found, engine: list(found))
        self.told = ToldTrades(self.clock)
        self.run = _MarketRun(self, self, ENGINE, self.clock, UpdateIds(self.clock), self.events.append,  # type: ignore[arg-type]
                              120.0, 100, self.told)

    async def _read_book(self, rpc: Any, market: Any, block: int, clock: Any) -> BookState:
        while self.node_head < block:
            await self.clock.sleep(0.1)
        bids = (BookOrder(8, MAKER, 65_000_000, 10 ** 6),)
        count = len([log for log in self.on_chain if log.block_number <= block])
        return BookState(block, bids, (), 65_000_000, 9, 1, count, False)

    async def logs(self, engine: str, topics: Any, first: int, last: int) -> list[Any]:
        return [log for log in self.on_chain if first <= log.block_number <= min(last, self.node_head)]

    async def newest_logs(self, engine: str, topics: Any, begin: int) -> tuple[int, list[Any]]:
        return self.node_head, await self.logs(engine, topics, begin, self.node_head)

    async def get_blocks(self, numbers: Any) -> dict[int, Any]:
        return {}


@pytest.mark.parametrize("lag", [0, 2])
async def test_a_trade_of_the_block_before_the_stream_is_told_though_the_node_is_behind(monkeypatch, lag: int) -> None:
    chain = Lagging(monkeypatch)
    chain.node_head = chain.head - lag
    before, after = matched(7, 1, block=99, transaction="0x1"), matched(8, 2, block=101, transaction="0x2")
    before, after = [log._replace(event=log.event._replace(is_bid=False)) for log in (before, after)]
    chain.on_chain = [before]
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    chain.node_head = 101  # a moment later
    await chain.clock.advance(0.2)
    chain.head = 101
    chain.on_chain.append(after)
    chain.run.logs([after], True)
    chain.run.told()
    await settle()
    assert [task.exception() for task in chain.tasks if task.done()] == [None] * 2, "nothing is noticed"
    assert chain.trades == ["0x1:7:False", "0x2:8:False"]


async def test_a_node_that_is_ahead_of_the_stream_is_not_asked_for_more_blocks_than_it_tells_at_once(monkeypatch) -> None:
    chain = Lagging(monkeypatch)
    chain.head, chain.node_head = 5_000, 5_020
    answer = chain.newest_logs

    async def newest_logs(engine: str, topics: Any, begin: int) -> tuple[int, list[Any]]:
        if chain.node_head + 1 - begin > MAX_BLOCK_RANGE:
            raise RpcError("eth_getLogs", -32000, "block range exceeds 1000")
        return await answer(engine, topics, begin)

    monkeypatch.setattr(chain, "newest_logs", newest_logs)
    trade = matched(7, 1, block=4_200)
    chain.on_chain = [trade._replace(event=trade.event._replace(is_bid=False))]
    chain.told.complete(SOMI.trading_pair)
    chain.clock.now += 3_600  # in which no source could tell trades
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert [task.exception() for task in chain.tasks if task.done()] == [None] * 2
    assert chain.trades == ["0x1:7:False"]


async def test_what_was_traded_before_the_bot_began_is_history_for_every_source(monkeypatch) -> None:
    """The API may tell of it later: its indexer stood still when the bot began."""
    chain = Lagging(monkeypatch)

    async def get_blocks(numbers: Any) -> dict[int, Any]:
        return {number: SimpleNamespace(timestamp=number) for number in numbers}

    monkeypatch.setattr(chain, "get_blocks", get_blocks)
    trades = [matched(7, number, block, transaction=f"0x{number}") for number, block in ((1, 50), (2, 75), (3, 90))]
    chain.on_chain = [log._replace(event=log.event._replace(is_bid=False)) for log in trades]
    chain.told.begin(SOMI.trading_pair)
    chain.clock.now += 30  # the bot began with block 70
    chain.told.complete(SOMI.trading_pair)
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert chain.trades == ["0x3:7:False"]
    known = [chain.told.knows(SOMI.trading_pair, f"0x{number}:7:False") for number in (1, 2)]
    assert known == [True, False], "what came since, another source may have yet to tell"


async def test_history_makes_no_news_of_what_follows_it(monkeypatch) -> None:
    """Not when a transaction took twice from an order either."""
    chain = Lagging(monkeypatch)

    async def get_blocks(numbers: Any) -> dict[int, Any]:
        return {number: SimpleNamespace(timestamp=number) for number in numbers}

    monkeypatch.setattr(chain, "get_blocks", get_blocks)
    trades = [matched(order, number, block, transaction=f"0x{block}")
              for number, (block, order) in enumerate(((40, 7), (40, 7), (50, 8), (60, 9)), 1)]
    chain.on_chain = [log._replace(event=log.event._replace(is_bid=False)) for log in trades]
    chain.told.begin(SOMI.trading_pair)
    chain.clock.now += 5
    chain.told.complete(SOMI.trading_pair)
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert chain.trades == []


def of_order(order: int, number: int, amount: float, transaction: str = "0x1", block: int = 99) -> EngineLog:
    """A trade of a transaction with one order, in units of the base token."""
    log = matched(order, number, block, transaction=transaction)
    return log._replace(event=log.event._replace(is_bid=False, base_amount=round(amount * 10 ** SOMI.base.decimals)))


@pytest.mark.parametrize("second, third", [(3.0, 4.0), (2.0, 2.0)])
async def test_the_rest_of_a_transaction_whose_first_trade_was_told_is_news(monkeypatch, second: float, third: float) -> None:
    """A node may have left it out, and the stream have broken; it may have been with the same order, and as much. In their own
    order: another source tells them later than what came after them, or never."""
    chain = Lagging(monkeypatch)
    chain.on_chain = [of_order(6, 1, 1.0), of_order(7, 2, 2.0), of_order(7, 3, second), of_order(7, 4, third),
                      of_order(8, 5, 1.0), of_order(9, 6, 1.0, "0x2")]
    chain.told.add(SOMI.trading_pair, "0x1:7:False", 2.0)
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert chain.trades == ["0x1:7:False#1", "0x1:7:False#2", "0x1:8:False", "0x2:9:False"]
    assert [event.amount for event in chain.events if isinstance(event, PublicTrade)] == [second, third, 1.0, 1.0]


@pytest.mark.parametrize("shown", [(3.0,), (4.0,), (3.0, 4.0)])
async def test_what_the_first_page_of_the_api_showed_of_a_transaction_is_told_by_no_stream(monkeypatch, shown) -> None:
    """Where it begins in the middle of one it counts other numbers, and may lack the first of it, which is history too."""
    chain = Lagging(monkeypatch)

    async def get_blocks(numbers: Any) -> dict[int, Any]:
        return {number: SimpleNamespace(timestamp=number) for number in numbers}

    monkeypatch.setattr(chain, "get_blocks", get_blocks)
    chain.on_chain = [of_order(7, 1, 2.0, block=80), of_order(7, 2, 3.0, block=80), of_order(7, 3, 4.0, block=80),
                      of_order(9, 4, 1.0, "0x2", block=97)]
    chain.told.begin(SOMI.trading_pair)
    for count, amount in enumerate(shown):
        chain.told.add(SOMI.trading_pair, f"0x1:7:False#{count}" if count else "0x1:7:False", amount)
    chain.clock.now += 5
    chain.told.complete(SOMI.trading_pair)
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert chain.trades == ["0x2:9:False"]


async def test_dust_that_paid_for_nothing_is_no_trade_and_none_that_was_told(monkeypatch) -> None:
    chain = Lagging(monkeypatch)
    chain.on_chain = [of_order(7, 1, 0.0), of_order(7, 2, 2.0), of_order(7, 3, 3.0)]
    chain.told.add(SOMI.trading_pair, "0x1:7:False", 2.0)
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert chain.trades == ["0x1:7:False#1"]


async def test_what_is_history_does_not_depend_on_how_long_a_node_takes(monkeypatch) -> None:
    chain = Lagging(monkeypatch)

    async def get_blocks(numbers: Any) -> dict[int, Any]:
        await chain.clock.sleep(10)
        return {number: SimpleNamespace(timestamp=number) for number in numbers}

    monkeypatch.setattr(chain, "get_blocks", get_blocks)
    chain.on_chain = [of_order(7, number, 2.0, block=90) for number in (1, 2, 3)]
    chain.told.begin(SOMI.trading_pair)
    for key in ("0x1:7:False", "0x1:7:False#1"):  # the API's first page began with the second
        chain.told.add(SOMI.trading_pair, key, 2.0)
    chain.clock.now += 5
    chain.told.complete(SOMI.trading_pair)
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    await chain.clock.advance(10)
    assert chain.trades == [] and chain.told.amounts(SOMI.trading_pair, "0x1:7:False") == [2.0, 2.0]


async def test_a_fresh_trade_is_news_though_a_node_lacks_its_block_and_the_clock_of_the_machine_is_slow(monkeypatch) -> None:
    chain = Lagging(monkeypatch)
    chain.told.begin(SOMI.trading_pair)
    chain.clock.now += 5
    chain.told.complete(SOMI.trading_pair)
    monkeypatch.setattr(chain.clock, "time", lambda: chain.timestamp(chain.head) - 60)
    chain.on_chain = [of_order(7, 1, 1.0, block=100)]
    chain.run.add(SOMI)
    chain.run.told()
    await settle()
    assert [event.timestamp for event in chain.events if isinstance(event, PublicTrade)] == [chain.timestamp(chain.head)]
