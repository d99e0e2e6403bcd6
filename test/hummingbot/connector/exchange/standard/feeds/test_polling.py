"""The polling feeds under a clock that the test moves: what is delivered, how often is asked, and what a failure costs."""
import asyncio
import json
import logging
from itertools import pairwise
from unittest.mock import AsyncMock, PropertyMock, patch

import pytest

from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    RateLimitedError,
    RpcError,
    UnknownMarketError,
)
from hummingbot.connector.exchange.standard.feeds import polling
from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot, PublicTrade
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS, Freshness
from hummingbot.connector.exchange.standard.feeds.polling import (
    IDLE_INTERVAL,
    LIMITED_PAUSE,
    MAX_BLOCK_RANGE,
    NARROW_SECONDS,
    QUIET_POLLS_TO_IDLE,
    LogRange,
    PollingAccountFeed,
    PollingMarketFeed,
)
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.rest import client
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import trade_key
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS, TRADES_PAGE_SIZE
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.fake_node import STRANGER, FakeNode
from test.hummingbot.connector.exchange.standard.feeds.alone import noting

USDC = Token("0x" + "dc" * 20, "USDC", 6)
MARKETS = {name: Market(Token("0x" + digit * 40, name, 18), USDC, "0x" + ("b" + digit) * 20)
           for name, digit in (("AAA", "1"), ("BBB", "2"))}
AAA, BBB = "AAA-USDC", "BBB-USDC"
ENGINE, ACCOUNT = "0x" + "e1" * 20, "0x" + "ac" * 20
BOOK = MARKETS["AAA"].book


def market_of(trading_pair):
    try:
        return MARKETS[trading_pair.split("-")[0]]
    except KeyError:
        raise UnknownMarketError(f"Standard lists no market {trading_pair}.") from None


def book_of(price, amount=1.0):
    bid, ask = {"price": price - 1, "amount": 10 * (price - 1)}, {"price": price, "amount": amount}
    return {"mktPrice": price, "bids": [bid], "asks": [ask]}


def trade_row(number, is_buy=True):
    return {"txHash": f"0x{number:064x}", "orderId": number, "isBid": is_buy, "price": 10 + number, "baseAmount": 2,
            "timestamp": 1_000 + number}


class Books:
    """An API with order books and trades, and a market feed on it that has begun to run."""

    def __init__(self):
        self.api, self.clock, self.events = FakeApi(), ManualClock(), []
        self.task = None
        self._begin(ToldTrades(self.clock))
        for pair in (AAA, BBB):
            self.book(pair, book_of(10))
            self.trades(pair)

    def _begin(self, told):
        self.told = told
        self.feed = PollingMarketFeed(RestClient(self.api, ["https://api.test"]), market_of, self.clock, 1.0, told=told)

    def begin_with_a_clock_wrong_by(self, seconds):
        self.clock.time = lambda: self.clock.now + seconds
        self._begin(ToldTrades(self.clock, lambda: self.clock.now))

    def book(self, pair, answer, **arguments):
        path = f"/api/orderbook/ticks/0x{market_of(pair).base.address[2:]}/"
        self.api.forget(path)
        self.api.answer(path, answer, **arguments)

    def trades(self, pair, *rows, error=None):
        path = f"/api/trades/pair/0x{market_of(pair).base.address[2:]}/"
        self.api.forget(path)
        self.api.answer(path, error or {"trades": list(rows)})

    async def run(self, *pairs):
        self.task = asyncio.ensure_future(self.feed.run(pairs, self.events.append))
        await settle()
        return self

    async def next(self, seconds=1.0):
        """What one more interval brings."""
        before = len(self.events)
        await self.clock.advance(seconds)
        return self.events[before:]

    def requests(self, pair):
        return len([url for url in self.api.requested if f"/ticks/0x{market_of(pair).base.address[2:]}/" in url])


@pytest.fixture
async def books():
    books = Books()
    yield books
    if books.task is not None:
        books.task.cancel()
        await asyncio.gather(books.task, return_exceptions=True)


# Order books

async def test_each_pair_begins_with_a_snapshot_in_base_amounts(books):
    await books.run(AAA, BBB)
    assert sorted(event.trading_pair for event in books.events) == [AAA, BBB]
    snapshot = books.events[0]
    assert (list(snapshot.bids), list(snapshot.asks), snapshot.timestamp) == ([(9, 10)], [(10, 1)], 1000.0)


async def test_unchanged_book_is_not_delivered_again_and_asked_less_often(books):
    await books.run(AAA)
    for _ in range(QUIET_POLLS_TO_IDLE):
        assert await books.next() == []
    asked = books.requests(AAA)
    assert await books.next() == []
    assert books.requests(AAA) == asked
    assert books.clock.pauses[-1] == IDLE_INTERVAL


async def test_a_book_is_asked_for_often_enough_to_trade_by_however_long_the_interval(books):
    freshness = Freshness(lambda book: None, books.clock)
    books.feed = PollingMarketFeed(RestClient(books.api, ["https://api.test"]), market_of, books.clock, 60.0,
                                   freshness=freshness)
    await books.run(AAA)
    ages = []
    for _ in range(120):
        await books.clock.advance(1)
        ages.append(freshness.age(AAA))
    assert max(ages) < STALE_SECONDS / 2, "an answer may be lost"


async def test_changed_book_is_delivered_and_asked_at_the_full_rate_again(books):
    await books.run(AAA)
    for _ in range(QUIET_POLLS_TO_IDLE):
        await books.next()
    books.book(AAA, book_of(11))
    (event,) = await books.next(IDLE_INTERVAL)
    assert event.asks == [(11, 1)]
    assert books.clock.pauses[-1] == 1.0


async def test_a_quiet_book_is_asked_for_at_once_when_a_trade_is_on_the_chain(books):
    """Whoever made it would see what it took for a while, and take it again."""
    await books.run(AAA)
    for _ in range(QUIET_POLLS_TO_IDLE):
        await books.next()
    books.book(AAA, book_of(11))
    books.feed._freshness.awaited(BBB)  # which is not asked for
    assert await books.next(0.1) == []
    books.feed._freshness.awaited(AAA)
    (event,) = await books.next(0.1)
    assert event.asks == [(11, 1)] and books.clock.pauses[-1] == 1.0


async def test_a_book_that_lags_behind_a_trade_on_the_chain_is_asked_for_at_the_full_rate(books):
    await books.run(AAA)
    for _ in range(QUIET_POLLS_TO_IDLE):
        await books.next()
    books.feed._freshness.awaited(AAA)
    asked = books.requests(AAA)
    await books.next(0.1)
    await books.next(1.0)
    assert books.requests(AAA) == asked + 2 and books.clock.pauses[-1] == 1.0


async def test_a_book_that_is_nearly_quiet_is_asked_for_at_the_full_rate_after_a_trade_on_the_chain(books):
    await books.run(AAA)
    for _ in range(QUIET_POLLS_TO_IDLE - 1):
        await books.next()
    books.feed._freshness.awaited(AAA)
    await books.next(1.0)
    assert books.clock.pauses[-1] == 1.0


async def test_an_api_that_fails_is_not_asked_more_often_for_trades_on_the_chain(books):
    await books.run(AAA)
    books.book(AAA, ApiUnavailableError("no answer in time"))
    await books.next()
    asked = books.requests(AAA)
    for _ in range(4):
        books.feed._freshness.awaited(AAA)
        await books.next(1.0)
    assert books.requests(AAA) == asked


async def test_update_ids_only_grow_even_when_the_clock_goes_back(books):
    await books.run(AAA, BBB)
    books.clock.now -= 500
    first = (await books.feed.snapshot(AAA)).update_id
    second = (await books.feed.snapshot(AAA)).update_id
    ids = [event.update_id for event in books.events] + [first, second]
    assert ids == sorted(set(ids))
    assert ids[0] >= 1000_000


async def test_failing_book_is_told_once_and_its_recovery_too(books, caplog):
    caplog.set_level(logging.INFO)
    await books.run(AAA, BBB)
    books.book(AAA, b"", status=502)
    books.book(BBB, book_of(12))
    with caplog.at_level(logging.INFO):
        assert [event.trading_pair for event in await books.next()] == [BBB]
        for _ in range(3):
            await books.next(IDLE_INTERVAL)
        books.book(AAA, book_of(13))
        (event,) = await books.next(IDLE_INTERVAL)
    assert event.asks == [(13, 1)]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert messages[0].startswith(f"The order book of {AAA} is not updated:") and "502" in messages[0]
    assert messages[1] == f"The order book of {AAA} is updated again"


async def test_an_api_that_refuses_now_and_then_does_not_fill_the_log(books, caplog):
    caplog.set_level(logging.INFO)
    await books.run(AAA)
    for number in range(60):
        books.book(AAA, RateLimitedError("too many requests") if number % 2 else book_of(10 + number))
        books.trades(AAA, error=RateLimitedError("too many requests") if number % 4 < 2 else None)
        await books.next(IDLE_INTERVAL)
    assert caplog.messages == []


@pytest.mark.parametrize("answer", [{"bids": []}, b"<html>", b"", {"bids": [], "asks": [{"price": "NaN", "amount": 1}]}])
async def test_answer_that_is_no_book_leaves_the_last_one_standing(books, answer):
    await books.run(AAA)
    books.book(AAA, answer)
    assert await books.next() == []
    books.book(AAA, book_of(10))
    assert await books.next(IDLE_INTERVAL) == []  # the book that was delivered before


async def test_snapshot_now_and_its_errors(books):
    assert (await books.feed.snapshot(BBB)).asks == [(10, 1)]
    with pytest.raises(UnknownMarketError):
        await books.feed.snapshot("CCC-USDC")
    books.book(AAA, b"", status=500)
    with pytest.raises(ApiUnavailableError):
        await books.feed.snapshot(AAA)


# Trades

async def test_trades_before_the_first_look_are_history_later_ones_are_told_once_in_order(books):
    books.trades(AAA, trade_row(2), trade_row(1))
    await books.run(AAA)
    assert not [event for event in books.events if isinstance(event, PublicTrade)]
    books.trades(AAA, trade_row(4, is_buy=False), trade_row(3), trade_row(2), trade_row(1))
    books.book(AAA, book_of(11))
    snapshot, *trades = await books.next()
    assert isinstance(snapshot, BookSnapshot)
    told = [(trade.price, trade.is_buy, trade.amount, trade.timestamp) for trade in trades]
    assert told == [(13, True, 2, 1_003), (14, False, 2, 1_004)]
    books.book(AAA, book_of(12))
    assert [type(event) for event in await books.next()] == [BookSnapshot]


async def test_every_trade_of_a_transaction_with_one_order_is_told(books):
    await books.run(AAA)
    rows = [{**trade_row(7), "id": number} for number in ("0xb-9", "0xb-8", "0xb-7")]
    books.trades(AAA, *rows[1:])
    books.book(AAA, book_of(11))
    _, *trades = await books.next()
    assert len({trade.trade_id for trade in trades}) == 2
    books.trades(AAA, *rows, rows[2])
    books.book(AAA, book_of(12))
    _, *later = await books.next()
    assert len(later) == 1 and later[0].trade_id not in {trade.trade_id for trade in trades}


async def test_a_trade_between_the_first_book_and_the_first_poll_is_news(books):
    books.trades(AAA, trade_row(1))
    await books.feed.snapshot(AAA)
    books.trades(AAA, trade_row(2), trade_row(1))
    await books.run(AAA)
    assert [event.timestamp for event in books.events if isinstance(event, PublicTrade)] == [1_002]
    books.trades(AAA, trade_row(3), trade_row(2), trade_row(1))
    await books.feed.snapshot(AAA)
    books.book(AAA, book_of(11))
    _, *trades = await books.next()
    assert [trade.timestamp for trade in trades] == [1_003], "a further snapshot makes nothing history"


async def test_of_two_first_looks_at_once_the_second_makes_no_news_history(books):
    answers, read = asyncio.Event(), books.feed._rest.trades

    async def slow(*arguments, **options):
        books.feed._rest.trades = read
        await answers.wait()
        return await read(*arguments, **options)

    books.feed._rest.trades = slow
    second = asyncio.ensure_future(books.feed.snapshot(AAA))
    await settle()
    books.trades(AAA, trade_row(1))
    await books.feed.snapshot(AAA)
    books.trades(AAA, trade_row(2), trade_row(1))
    answers.set()
    await second
    await books.run(AAA)
    assert [event.timestamp for event in books.events if isinstance(event, PublicTrade)] == [1_002]


async def test_the_first_trade_of_a_market_is_news_though_the_clock_was_set_ahead(books):
    await books.run(AAA)
    books.clock.time = lambda: books.clock.now + 3_600
    books.trades(AAA, trade_row(1))
    books.book(AAA, book_of(11))
    _, *trades = await books.next()
    assert [trade.timestamp for trade in trades] == [1_001]


@pytest.mark.parametrize("wrong", [3_600, -3_600])
async def test_the_chains_time_says_what_is_news_where_the_clock_was_wrong_from_the_start(books, wrong):
    books.begin_with_a_clock_wrong_by(wrong)
    books.trades(AAA, error=ApiUnavailableError("connection refused"))
    await books.feed.snapshot(AAA)
    books.trades(AAA, trade_row(1), trade_row(-100))
    await books.run(AAA)
    assert [event.timestamp for event in books.events if isinstance(event, PublicTrade)] == [1_001]


async def test_history_is_history_for_every_source(books):
    books.trades(AAA, trade_row(1))
    await books.feed.snapshot(AAA)
    assert books.told.knows(AAA, trade_key(f"0x{1:064x}", 1, True))


async def test_trades_out_of_reach_cost_no_book(books, caplog):
    await books.run(AAA)
    books.trades(AAA, error=ApiUnavailableError("connection refused"))
    with caplog.at_level(logging.INFO):
        for price in range(11, 23):
            books.book(AAA, book_of(price))
            assert [event.asks for event in await books.next()] == [[(price, 1)]]
        books.trades(AAA, trade_row(1))
        assert [type(event) for event in await books.next()] == [PublicTrade], "though the book stays as it is"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"The trades of {AAA} cannot be read: connection refused"), ("INFO", f"The trades of {AAA} are read again")]


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_trades_are_told_once_and_in_order_whichever_of_them_the_api_has_first(books, oldest_first):
    def now(*numbers):
        books.trades(AAA, *[trade_row(number) for number in (numbers if oldest_first else numbers[::-1])])

    now(1, 2)
    await books.run(AAA)
    told = []
    for price, last in ((11, 4), (12, 5), (13, 7)):
        now(*range(1, last + 1))
        books.book(AAA, book_of(price))
        told += [event.timestamp for event in await books.next() if isinstance(event, PublicTrade)]
    assert told == [1_003, 1_004, 1_005, 1_006, 1_007]


async def test_after_an_outage_the_trades_of_all_its_time_are_told_where_the_oldest_come_first(books):
    path = f"/api/trades/pair/{MARKETS['AAA'].base.address}/{to_checksum(USDC.address)}/{TRADES_PAGE_SIZE}/"
    books.trades(AAA, trade_row(1), trade_row(2))
    await books.run(AAA)
    for number, rows in enumerate([(1, 2, 3), (4, 5, 6), (7,)], start=1):
        books.api.answer(path + str(number), {"trades": [trade_row(row) for row in rows], "totalPages": 3})
    books.book(AAA, book_of(12))
    _, *trades = await books.next()
    assert [trade.timestamp for trade in trades] == [1_003, 1_004, 1_005, 1_006, 1_007]


async def test_after_an_outage_the_trades_of_all_its_time_are_told_in_order(books):
    await books.run(AAA)
    books.trades(AAA, trade_row(1))
    books.book(AAA, book_of(11))
    await books.next()
    path = f"/api/trades/pair/{MARKETS['AAA'].base.address}/{to_checksum(USDC.address)}/{TRADES_PAGE_SIZE}/"
    for number, rows in enumerate([(7, 6, 5), (4, 3, 2), (1,)], start=1):
        books.api.answer(path + str(number), {"trades": [trade_row(row) for row in rows], "totalPages": 3})
    books.book(AAA, book_of(12))
    _, *trades = await books.next()
    assert [trade.timestamp for trade in trades] == [1_002, 1_003, 1_004, 1_005, 1_006, 1_007]
    books.book(AAA, book_of(13))
    asked = len(books.api.requested)
    assert [type(event) for event in await books.next()] == [BookSnapshot]
    assert len(books.api.requested) == asked + 2, "one page is enough while one of its trades is known"


async def test_trades_that_another_source_told_end_the_search(books):
    books.told.add(AAA, trade_key(f"0x{4:064x}", "4", True), 2.0)
    await books.run(AAA)
    path = f"/api/trades/pair/{MARKETS['AAA'].base.address}/{to_checksum(USDC.address)}/{TRADES_PAGE_SIZE}/"
    for number, rows in enumerate([(6, 5), (4, 3), (2, 1)], start=1):
        books.api.answer(path + str(number), {"trades": [trade_row(row) for row in rows], "totalPages": 3})
    books.book(AAA, book_of(11))
    await books.next()
    assert [url.rsplit("/", 1)[1] for url in books.api.requested if "/trades/" in url][-2:] == ["1", "2"]


async def test_the_search_for_trades_ends_after_so_many_pages(books, monkeypatch):
    monkeypatch.setattr(client, "MAX_TRADE_PAGES", 2)
    await books.run(AAA)
    books.trades(AAA, trade_row(1))
    books.book(AAA, book_of(11))
    await books.next()
    path = f"/api/trades/pair/{MARKETS['AAA'].base.address}/{to_checksum(USDC.address)}/{TRADES_PAGE_SIZE}/"
    for number, rows in enumerate([(9, 8), (7, 6), (5, 4)], start=1):
        books.api.answer(path + str(number), {"trades": [trade_row(row) for row in rows], "totalPages": 5})
    books.book(AAA, book_of(12))
    _, *trades = await books.next()
    assert [trade.timestamp for trade in trades] == [1_006, 1_007, 1_008, 1_009]


async def test_only_so_many_trades_are_remembered(books, monkeypatch):
    monkeypatch.setattr(polling, "MAX_REMEMBERED_TRADES", 2)
    await books.run(AAA)
    for number in range(1, 5):
        books.trades(AAA, trade_row(number))
        books.book(AAA, book_of(10 + number))
        await books.next()
    assert [event.timestamp for event in books.events if isinstance(event, PublicTrade)] == [1_001, 1_002, 1_003, 1_004]
    assert len(books.feed._seen_trades[AAA]) == 2


# Pairs that come and go, and the end

async def test_pair_is_added_and_removed_while_the_feed_runs(books):
    await books.run(AAA)
    books.feed.add_pair(BBB)
    books.feed.add_pair(BBB)
    assert [event.trading_pair for event in await books.next(0)] == [BBB]
    books.feed.remove_pair(AAA)
    books.book(AAA, book_of(11))
    books.book(BBB, book_of(11))
    assert [event.trading_pair for event in await books.next()] == [BBB]
    assert not books.task.done()
    books.feed.remove_pair("CCC-USDC")


async def test_adding_a_pair_before_the_feed_runs_does_nothing(books):
    books.feed.add_pair(AAA)
    await settle()
    assert books.api.requested == []


async def test_unexpected_failure_breaks_the_feed_instead_of_silencing_a_pair(books):
    await books.run(AAA)
    books.feed.add_pair("CCC-USDC")
    await settle()
    with pytest.raises(UnknownMarketError):
        await books.task
    books.book(AAA, book_of(11))
    assert await books.next() == []


async def test_feed_runs_again_after_it_broke(books):
    await books.run(AAA)
    books.feed.add_pair("CCC-USDC")
    await settle()
    await asyncio.gather(books.task, return_exceptions=True)
    before = len(books.events)
    await books.run(AAA, BBB)
    assert sorted(event.trading_pair for event in books.events[before:]) == [AAA, BBB]


# Own orders

class Account:
    """A chain with orders of an account and of others, and a feed that follows the account."""

    def __init__(self, cursor=None, late_blocks=REORGANISED_BLOCKS, noticed=None):
        self.node, self.clock, self.told = FakeNode(1, ENGINE, "0x" + "00" * 20, tuple(MARKETS.values())), ManualClock(), []
        self.rpc = RpcClient(self.node, ["https://node.test"], self.clock)
        self.feed = PollingAccountFeed(self.rpc, ENGINE, ACCOUNT, ToldLogs(cursor, late_blocks), self.clock, lambda: 1.0, noticed)
        self.task = None
        self._orders = 0

    async def run(self):
        self.task = asyncio.ensure_future(self.feed.run(noting(self.feed, self.told.append)))
        await settle()
        return self

    async def next(self, seconds=1.0):
        before = len(self.told)
        await self.clock.advance(seconds)
        return [log for event in self.told[before:] for log in event.logs]

    def order(self, owner=ACCOUNT, is_bid=True):
        self._orders += 1
        key = OrderKey(BOOK, is_bid, self._orders)
        self.node.rest(key, owner, 10 ** 9, 10 ** 9)
        return key

    def ranges(self):
        queries = [asked.arguments[0] for asked in self.node.received("eth_getLogs")]
        return [(int(query["fromBlock"], 16), int(query["toBlock"], 16)) for query in queries]


@pytest.fixture
async def account():
    account = Account()
    yield account
    if account.task is not None:
        account.task.cancel()
        await asyncio.gather(account.task, return_exceptions=True)


async def test_first_look_tells_the_head_at_once(account):
    await account.run()
    assert [(list(event.logs), event.block_number) for event in account.told] == [([], 100)]


async def test_own_fills_and_cancels_are_told_once_in_chain_order(account):
    await account.run()
    first, second = account.order(), account.order(is_bid=False)
    account.node.fill(first, 10, 100, 1)
    account.node.cancel(second)
    account.node.fill(first, 20, 200, 1, clear=True)
    logs = await account.next()
    assert [type(log.event) for log in logs] == [OrderMatched, OrderCanceled, OrderMatched]
    assert [log.block_number for log in logs] == [101, 102, 103]
    assert account.told[-1].block_number == 103
    assert await account.next() == []


async def test_what_happens_to_others_is_not_told(account):
    await account.run()
    account.node.fill(account.order(STRANGER), 10, 100, 1)
    account.node.cancel(account.order(STRANGER))
    assert await account.next() == []
    assert account.told[-1].block_number == 102


async def test_log_that_the_node_indexes_late_is_told_all_the_same(account):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    late = account.node.logs.pop()
    account.node.fill(account.order(), 20, 200, 1)
    assert [log.block_number for log in await account.next()] == [102]
    account.node.logs.insert(0, late)
    assert [log.block_number for log in await account.next()] == [101]
    assert await account.next() == []


async def test_run_goes_on_behind_the_block_that_the_last_one_had_read():
    account = Account(cursor=101)
    account.node.fill(account.order(), 10, 100, 1)  # block 101
    account.node.fill(account.order(), 20, 200, 1)  # block 102
    await account.run()
    assert [log.block_number for event in account.told for log in event.logs] == [102]
    account.task.cancel()


async def test_long_absence_is_read_in_ranges_one_after_the_other():
    account = Account(cursor=100)
    account.node.fill(account.order(), 10, 100, 1)
    account.node.head += 3 * MAX_BLOCK_RANGE
    account.node.fill(account.order(), 20, 200, 1)
    await account.run()
    ranges = account.ranges()
    assert all(last - first < MAX_BLOCK_RANGE for first, last in ranges)
    assert ranges[-1][1] == account.node.head
    assert all(after[0] == before[1] + 1 for before, after in pairwise(ranges))
    assert [log.block_number for event in account.told for log in event.logs] == [101, account.node.head]
    account.task.cancel()


async def test_range_shrinks_to_what_the_node_allows(monkeypatch):
    account = Account(cursor=100)
    account.node.head += 2000
    account.node.fill(account.order(), 10, 100, 1)
    answer = account.node._answer

    def limited(method, params):
        if method == "eth_getLogs" and int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 300:
            return {"error": {"code": -32000, "message": "block range is too wide, maximum 300"}}
        return answer(method, params)

    monkeypatch.setattr(account.node, "_answer", limited)
    await account.run()
    assert [log.block_number for event in account.told for log in event.logs] == [account.node.head]
    assert account.told[-1].block_number == account.node.head
    assert not account.task.done()
    account.task.cancel()


async def test_a_range_is_shorter_after_each_limit_that_may_be_one_of_ranges_though_the_feed_is_begun_anew(monkeypatch):
    account = Account(cursor=100)
    account.node.head += 2000
    account.node.fill(account.order(), 10, 100, 1)
    answer, asked, log_range, told = account.node._answer, [], LogRange(account.clock), ToldLogs(100)

    def limited(method, params):
        if method == "eth_getLogs":
            asked.append(int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1)
            if asked[-1] > 300:
                return {"error": {"code": -32005, "message": "limit exceeded"}}
        return answer(method, params)

    monkeypatch.setattr(account.node, "_answer", limited)
    for _ in range(4):
        account.feed = PollingAccountFeed(account.rpc, ENGINE, ACCOUNT, told, account.clock, lambda: 1.0, log_range=log_range)
        await account.run()
        for _ in range(10):
            await account.clock.advance(LIMITED_PAUSE)
        if account.task.done():
            assert isinstance(account.task.exception(), RateLimitedError)
        account.clock.now += 20
    assert [log.block_number for event in account.told for log in event.logs] == [account.node.head]
    assert asked[:4] == [1000, 1000, 500, 250]


async def test_a_limit_of_requests_makes_no_range_shorter(monkeypatch):
    account = Account(cursor=100)
    account.node.head += 20 * MAX_BLOCK_RANGE
    account.node.fill(account.order(), 10, 100, 1)
    answer, asked, log_range, told = account.node._answer, [], LogRange(account.clock), ToldLogs(100)

    def limited(method, params):
        if method == "eth_getLogs":
            asked.append(method)
            if len(asked) % 3 == 0:
                return {"error": {"code": -32005, "message": "limit exceeded"}}
        return answer(method, params)

    monkeypatch.setattr(account.node, "_answer", limited)
    for _ in range(20):
        account.feed = PollingAccountFeed(account.rpc, ENGINE, ACCOUNT, told, account.clock, lambda: 1.0, log_range=log_range)
        await account.run()
        for _ in range(4):
            await account.clock.advance(LIMITED_PAUSE)
        account.clock.now += 20
        if any(event.logs for event in account.told):
            break
    assert any(event.logs for event in account.told) and log_range.blocks == MAX_BLOCK_RANGE


async def test_no_limit_makes_a_range_shorter_than_any_that_a_node_may_mean():
    account = Account(cursor=100)
    log_range = LogRange(account.clock)
    with patch.object(account.rpc, "logs_and_head", AsyncMock(side_effect=RateLimitedError("limit exceeded"))) as asked:
        for _ in range(3):
            account.feed = PollingAccountFeed(account.rpc, ENGINE, ACCOUNT, ToldLogs(60), account.clock, lambda: 1.0,
                                              log_range=log_range)
            await account.run()
            assert isinstance(account.task.exception(), RateLimitedError)
            account.clock.now += 20
    assert asked.await_count == 3 and log_range.blocks == MAX_BLOCK_RANGE


def test_an_answer_for_fewer_blocks_says_nothing_of_a_range_that_was_refused():
    """The live feed's short looks go on beside a long one for lost logs."""
    clock = ManualClock()
    log_range = LogRange(clock)
    log_range.limited(600)
    log_range.told(30)
    clock.now += 1
    log_range.limited(600)
    assert log_range.blocks == 300
    log_range.told(300)
    clock.now += NARROW_SECONDS
    log_range.told(300)
    assert log_range.blocks == 600
    log_range.limited(600)
    assert log_range.blocks == 300, "it has refused so many before"


def test_a_range_that_was_answered_is_none_that_is_too_long():
    """Rare limits of requests in a long catching up would halve it to nothing, one after the other."""
    clock = ManualClock()
    log_range = LogRange(clock)
    for _ in range(2):
        log_range.limited(1000)
        clock.now += 1
    for _ in range(3):
        log_range.told(500)
        clock.now += 1
        log_range.limited(500)
        clock.now += 1
    assert log_range.blocks == 500
    log_range.limited(500)
    assert log_range.blocks == 250, "twice in a row"


def test_refusals_of_one_moment_are_one():
    clock = ManualClock()
    log_range = LogRange(clock)
    log_range.limited(1000)
    clock.now += 0.1
    log_range.limited(1000)  # to another feed of the same nodes
    assert log_range.blocks == MAX_BLOCK_RANGE
    clock.now += 1
    log_range.limited(1000)
    assert log_range.blocks == MAX_BLOCK_RANGE // 2


async def test_between_ranges_a_node_that_was_asked_too_often_is_left_alone_for_a_moment(monkeypatch):
    account = Account(cursor=100)
    account.node.head += 5 * MAX_BLOCK_RANGE
    await account.run()
    assert not account.clock.pauses or account.clock.pauses == [1.0], "nothing but the feed's own interval"
    account.task.cancel()
    account.feed._range.limited(10)
    account.node.head += 3 * MAX_BLOCK_RANGE
    account.feed._recent = False
    account.clock.pauses.clear()
    await account.run()
    for _ in range(5):
        await account.clock.advance(LIMITED_PAUSE)
    assert account.clock.pauses[:3] == [LIMITED_PAUSE] * 3 and account.told[-1].block_number == account.node.head
    account.task.cancel()


async def test_of_what_is_caught_up_with_only_the_newest_is_of_interest_to_others():
    """The API tells the newest trades alone: those of hours ago would be awaited from it in vain."""
    noticed = []
    account = Account(cursor=100)
    head = account.node.head = account.node.head + 5 * MAX_BLOCK_RANGE
    account.feed._noticed = lambda logs, begin, end: noticed.append((begin, end))
    await account.run()
    account.task.cancel()
    assert [end for _, end in noticed] == [head] and noticed[0][0] > head - MAX_BLOCK_RANGE


async def test_what_is_newest_ends_with_the_node_that_tells_it():
    """Another one behind the same URL has told the head, and is a block ahead."""
    noticed = []
    account = Account(cursor=100)
    account.node.head += 50
    account.feed._noticed = lambda logs, begin, end: noticed.append(end)
    with patch.object(account.rpc, "block_number", AsyncMock(return_value=account.node.head + 1)):
        await account.run()
    account.task.cancel()
    assert noticed == [account.node.head]


async def test_a_node_that_is_not_asked_refuses_nothing():
    account = Account(cursor=100)
    account.node.head += 20 * MAX_BLOCK_RANGE
    limit = RateLimitedError("asked for less")
    limits = iter([None, limit, None, limit])
    with patch.object(type(account.rpc), "rate_limit", PropertyMock(side_effect=lambda: next(limits))):
        for _ in range(2):
            log_range = account.feed._range
            await account.run()
            assert account.task.exception() is limit
            account.feed = PollingAccountFeed(account.rpc, ENGINE, ACCOUNT, ToldLogs(100), account.clock, lambda: 1.0,
                                              log_range=log_range)
            account.clock.now += 20
    assert log_range.blocks == MAX_BLOCK_RANGE and not log_range._refused


@pytest.mark.parametrize("error", [ApiUnavailableError("no answer in time"), BadDataError("the answer is too big")])
async def test_a_range_that_the_node_does_not_manage_is_asked_in_parts_and_a_later_one_whole(monkeypatch, error):
    account = Account(cursor=100)
    account.node.head += 3 * MAX_BLOCK_RANGE
    account.node.fill(account.order(), 10, 100, 1)
    request = account.node.request

    async def slow(method, url, *, body=None, timeout):
        for question in json.loads(body) if body.startswith(b"[") else []:
            query = question["params"][0] if question["method"] == "eth_getLogs" else {"fromBlock": "0x0", "toBlock": "0x0"}
            if int(query["fromBlock"], 16) <= 1_500 <= int(query["toBlock"], 16) - 200:
                raise error
        return await request(method, url, body=body, timeout=timeout)

    monkeypatch.setattr(account.node, "request", slow)
    await account.run()
    assert [log.block_number for event in account.told for log in event.logs] == [account.node.head]
    assert account.told[-1].block_number == account.node.head and not account.task.done()
    account.task.cancel()


async def test_a_node_that_goes_away_while_a_range_is_read_breaks_the_feed_at_once(monkeypatch):
    account = Account(cursor=100)
    account.node.head += 3 * MAX_BLOCK_RANGE
    account.node.on("eth_blockNumber", lambda: account.node.down.add("eth_blockNumber"))
    await account.run()
    assert isinstance(account.task.exception(), ApiUnavailableError)
    assert not account.ranges()


@pytest.mark.parametrize("error", [RateLimitedError("too many requests"), ApiUnavailableError("no answer in time")])
async def test_a_range_is_not_asked_in_parts_for_ever(monkeypatch, error):
    account = Account(cursor=100)
    account.node.head += MAX_BLOCK_RANGE
    asked, request = [], account.node.request

    async def refusing(method, url, *, body=None, timeout):
        if b"eth_getLogs" in body:
            asked.append(body)
            raise error
        return await request(method, url, body=body, timeout=timeout)

    monkeypatch.setattr(account.node, "request", refusing)
    await account.run()
    assert isinstance(account.task.exception(), type(error))
    assert len(asked) == (1 if isinstance(error, RateLimitedError) else 10)


async def test_hurry_looks_at_once(account):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    account.feed.hurry()
    await settle()
    assert account.told[-1].block_number == 101 and len(account.told[-1].logs) == 1
    assert account.clock.now == 1000.0


@pytest.mark.parametrize("method", ["eth_blockNumber", "eth_getLogs"])
async def test_node_out_of_reach_breaks_the_feed_and_nothing_is_lost_between_two_runs(account, method):
    await account.run()
    account.node.down.add(method)
    account.node.fill(account.order(), 10, 100, 1)
    await account.next()
    with pytest.raises(ApiUnavailableError):
        await account.task
    account.node.fill(account.order(), 20, 200, 1)
    account.node.down.clear()
    await account.run()
    assert [log.block_number for log in account.told[-1].logs] == [101, 102]


async def test_log_that_is_no_event_of_the_engine_breaks_the_feed(account):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    account.node.logs[-1]["data"] = "0x" + "00" * 31
    await account.next()
    with pytest.raises(BadDataError):
        await account.task


async def test_what_was_told_before_is_not_told_again_by_a_node_that_is_far_behind():
    account = Account(cursor=5_000)
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    for head in (101, 5_000):
        account.node.head = head
        assert await account.next() == [] and account.told[-1].block_number == 5_000
    account.node.fill(account.order(), 10, 100, 1)
    assert [log.block_number for log in await account.next()] == [5_001]
    account.task.cancel()


async def test_node_that_lags_a_little_is_waited_for():
    account = Account(cursor=110)
    await account.run()
    account.node.head = 110
    account.node.fill(account.order(), 10, 100, 1)
    assert [log.block_number for log in await account.next()] == [111]
    account.task.cancel()


async def test_quiet_poll_is_one_request(account):
    await account.run()
    before = account.rpc.answers
    await account.next()
    await account.next()
    assert account.rpc.answers - before == 2


async def test_log_of_a_block_after_the_head_that_was_told_comes_with_the_next_look(account, monkeypatch):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    answer = account.node._answer

    def behind(method, params):
        told = answer(method, params)
        return {"result": hex(int(told["result"], 16) - 1)} if method == "eth_blockNumber" else told

    with monkeypatch.context() as patch:
        patch.setattr(account.node, "_answer", behind)
        assert await account.next() == []
        assert account.told[-1].block_number == 100
    assert [log.block_number for log in await account.next()] == [101]


async def test_long_sleep_is_caught_up_in_ranges(account, monkeypatch):
    await account.run()
    account.node.head += 2000
    account.node.fill(account.order(), 10, 100, 1)
    answer = account.node._answer

    def limited(method, params):
        last = params[0]["toBlock"] if method == "eth_getLogs" else "0x0"
        last = account.node.head if last == "latest" else int(last, 16)
        if method == "eth_getLogs" and last - int(params[0]["fromBlock"], 16) >= 1000:
            return {"error": {"code": -32000, "message": "block range is too wide, maximum 1000"}}
        return answer(method, params)

    monkeypatch.setattr(account.node, "_answer", limited)
    assert [log.block_number for log in await account.next()] == [account.node.head]
    assert account.told[-1].block_number == account.node.head


@pytest.mark.parametrize("looks", [0, 1])
async def test_logs_that_the_node_cannot_give_at_all_break_the_feed(account, monkeypatch, looks):
    await account.run()
    for _ in range(looks):
        await account.next()
    answer = account.node._answer

    def failing(method, params):
        return {"error": {"code": -32000, "message": "internal error"}} if method == "eth_getLogs" else answer(method, params)

    monkeypatch.setattr(account.node, "_answer", failing)
    await account.next()
    assert isinstance(account.task.exception(), RpcError)


async def test_a_node_that_refuses_a_single_block_breaks_the_feed(account, monkeypatch):
    answer = account.node._answer

    def refusing(method, params):
        return {"error": {"code": -32000, "message": "block range too large"}} if method == "eth_getLogs" else answer(
            method, params)

    monkeypatch.setattr(account.node, "_answer", refusing)
    await account.run()
    assert isinstance(account.task.exception(), RpcError)


async def test_a_node_that_falls_behind_between_two_looks_is_read_as_at_first(account):
    await account.run()
    account.node.head += 200
    await account.next()
    account.node.head -= 150
    assert await account.next() == [] and account.told[-1].block_number == 300 and not account.task.done()


async def test_an_event_that_stands_elsewhere_now_is_taken_back_and_told_again(account, monkeypatch):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    (told,) = await account.next()
    answer, moved = account.node._answer, {"blockNumber": hex(102), "blockHash": "0x" + "99" * 32}

    def reorganised(method, params):
        given = answer(method, params)
        if method == "eth_getLogs":
            given = {"result": [{**log, **moved} for log in given["result"]]}
        return given

    monkeypatch.setattr(account.node, "_answer", reorganised)
    account.node.head += 1
    assert [(log.block_number, log.removed) for log in await account.next()] == [(101, True), (102, False)]
    assert told.block_number == 101


async def test_events_of_replaced_blocks_are_taken_back_the_newest_first(account, monkeypatch):
    await account.run()
    for _ in range(2):
        account.node.fill(account.order(), 10, 100, 1)
    assert len(await account.next()) == 2
    answer, asked = account.node._answer, []

    def reorganised(method, params):
        if method == "eth_getBlockByNumber":
            asked.append(int(params[0], 16))
            return {"result": {**answer(method, params)["result"], "hash": "0x" + "99" * 32}}
        return {"result": []} if method == "eth_getLogs" else answer(method, params)

    monkeypatch.setattr(account.node, "_answer", reorganised)
    requests = account.rpc.answers
    assert [(log.block_number, log.removed) for log in await account.next()] == [(102, True), (101, True)]
    assert asked == [101, 102] and account.rpc.answers == requests + 2, "all blocks are asked for at once"


async def test_events_that_are_older_than_what_is_read_again_stay(account):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    await account.next()
    for _ in range(3):
        account.node.head += REORGANISED_BLOCKS - 1
        assert await account.next() == []
    assert [log.removed for event in account.told for log in event.logs] == [False]


async def test_a_log_that_the_node_leaves_out_of_an_unchanged_block_is_not_taken_back(account, monkeypatch):
    await account.run()
    account.node.fill(account.order(), 10, 100, 1)
    assert len(await account.next()) == 1
    answer = account.node._answer
    monkeypatch.setattr(account.node, "_answer", lambda method, params: {"result": []} if method == "eth_getLogs" else answer(
        method, params))
    assert await account.next() == [] and not account.task.done()


async def test_query_names_the_engine_and_the_two_events(account):
    await account.run()
    (query,) = account.node.received("eth_getLogs")[0].arguments
    assert query["address"] == ENGINE and len(query["topics"][0]) == 2
    assert json.dumps(query)
