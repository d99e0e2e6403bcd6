"""The chain's stream against a served sandbox: books, trades and own orders, with traders, reorganisations and faults."""
import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from random import Random
from unittest.mock import patch

import pytest

from hummingbot.connector.exchange.standard import standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    RpcError,
    StandardError,
    StreamBrokenError,
)
from hummingbot.connector.exchange.standard.feeds import chain_logs
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot, OrderLogs, PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.chain_logs import ChainAccountFeed, ChainMarketFeed
from hummingbot.connector.exchange.standard.feeds.chain_stream import ChainSource, StreamBounds
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import numbered, trade_key
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation
from hummingbot.connector.exchange.standard.sandbox.faults import HttpFault, Kind, Target
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_constants import API_LIMIT_ID
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, until
from test.hummingbot.connector.exchange.standard.feeds.alone import noting
from test.hummingbot.connector.exchange.standard.feeds.chain_world import (
    BLOCK,
    QUICK,
    STEADY,
    RandomUsers,
    chain_world,
    told_logs,
)
from test.hummingbot.connector.exchange.standard.sandbox.random_calls import deployment

BUSY = TraderSettings().at_rate(150, 2)
SOMI, WBTC = "SOMI-USDC", "WBTC-USDC"
PRICE = 65_000_000


async def same_trades_since_begun(world, begun):
    """What was told is the end of the chain's trades, in order, and holds all of those since the books began."""
    with suppress(TimeoutError):
        await until(lambda: len(world.seen.trades) >= len(world.matches(begun + 1)))
    count = len(world.seen.trades)
    assert count >= len(world.matches(begun + 1))
    first = next(number for number in range(world.sandbox.node.head.number + 2) if len(world.matches(number)) <= count)
    assert len(world.matches(first)) == count
    await world.same_trades(first)


def order(world, is_buy, price, units, *, maker=True, n=20, index=1):
    """Account `index` buys for `units` USDC units, or sells `units` wei of SOMI."""
    market, wallet = world.markets[SOMI], world.sandbox.accounts[index]
    if not is_buy:
        data = ENGINE_FUNCTIONS["limitSellETH"].encode(market.quote.address, price, maker, n, wallet.address)
        return world.send(wallet, world.sandbox.engine_address, data, units)
    data = ENGINE_FUNCTIONS["limitBuy"].encode(market.base.address, market.quote.address, price, units, maker, n, wallet.address)
    return world.send(wallet, world.sandbox.engine_address, data)


def open_deployment():
    """All accounts have approved the engine, so that they can buy."""
    start = deployment(Generation.AUGUST_2025)
    return type(start)(**{**vars(start), "pairs": start.pairs[:2]})


# Books and trades


@pytest.mark.parametrize("heads_first", [False, True])
async def test_books_and_trades_are_the_exchanges_with_traders_at_full_rate(heads_first):
    async with chain_world(traders=BUSY) as world:
        world.sandbox.rpc_stream.heads_first = heads_first
        await asyncio.sleep(0.2)
        world.start()
        await world.begun()
        begun = world.sandbox.node.head.number
        await until(lambda: len(world.seen.trades) > 20 and len(world.seen.of(BookDelta, SOMI)) > 5, 20.0)
        await world.quiet()
        await world.same_books()
        await same_trades_since_begun(world, begun)


@pytest.mark.parametrize(("generation", "seed"), list(zip(Generation, (1, 2))))
async def test_books_and_trades_are_the_exchanges_after_calls_of_all_kinds(generation, seed):
    start = deployment(generation)
    async with chain_world(deployment=start) as world:
        users = RandomUsers(world, start, seed)
        users.act(60)
        await asyncio.sleep(5 * BLOCK)
        world.start()
        await world.begun()
        begun = world.sandbox.node.head.number
        for _ in range(2):
            for _ in range(16):
                users.act(8)
                await asyncio.sleep(BLOCK / 2)
            await world.quiet()
            await world.same_books()
            await same_trades_since_begun(world, begun)
        assert len(world.seen.trades) > 20


async def test_a_locked_book_comes_whole_until_it_is_over():
    async with chain_world(deployment=open_deployment()) as world:
        order(world, False, PRICE, 10 ** 18)
        order(world, True, PRICE - 10_000, 10 ** 6, index=2)
        await asyncio.sleep(3 * BLOCK)
        world.start(SOMI)
        await world.begun(SOMI)
        order(world, True, PRICE, 10 ** 6, n=0, index=3)
        await world.quiet()
        order(world, True, PRICE - 5_000, 10 ** 6, index=2)
        await world.quiet()
        await world.same_books()
        bids, asks = world.seen.levels(SOMI)
        assert bids[0][0] == asks[0][0] and len(bids) == 3
        assert len(world.seen.of(BookSnapshot, SOMI)) == 3
        # Whoever sells now takes the bid that locked the book.
        order(world, False, PRICE, 2 * 10 ** 18, index=4)
        await world.quiet()
        order(world, True, PRICE - 15_000, 10 ** 6, index=2)
        await world.quiet()
        await world.same_books()
        assert isinstance(world.seen.of(BookDelta, SOMI)[-1], BookDelta)


async def test_a_side_that_becomes_empty_is_told_with_the_whole_book():
    async with chain_world(deployment=open_deployment()) as world:
        order(world, False, PRICE, 10 ** 18)
        order(world, True, PRICE - 10_000, 10 ** 6, index=2)
        await asyncio.sleep(3 * BLOCK)
        world.start(SOMI)
        await world.begun(SOMI)
        order(world, True, PRICE, 650_000, index=3)
        await world.quiet()
        assert world.seen.levels(SOMI)[1] == [] and world.seen.of(BookSnapshot, SOMI)[-1].asks == []
        with pytest.raises(OSError, match="empty"):
            world.seen.books[SOMI].get_price(True)
        await world.same_books()


async def test_pairs_come_and_go_while_it_runs():
    async with chain_world(traders=BUSY) as world:
        world.start(SOMI)
        await world.begun(SOMI)
        assert WBTC not in world.seen.books
        world.feed.add_pair(WBTC)
        await world.begun(SOMI, WBTC)
        assert isinstance(next(event for event in world.seen.events if event.trading_pair == WBTC
                               and not isinstance(event, PublicTrade)), BookSnapshot)
        await asyncio.sleep(0.2)
        world.feed.remove_pair(SOMI)
        count = len([event for event in world.seen.events if event.trading_pair == SOMI])
        await asyncio.sleep(0.2)
        await world.quiet()
        assert len([event for event in world.seen.events if event.trading_pair == SOMI]) == count
        assert world.seen.levels(WBTC) == world.book_levels(world.markets[WBTC])


async def test_a_snapshot_is_that_of_the_live_book_or_read_for_once():
    async with chain_world(deployment=open_deployment()) as world:
        order(world, False, PRICE, 10 ** 18)
        await asyncio.sleep(3 * BLOCK)
        before = await world.feed.snapshot(SOMI)
        assert before.asks == [(0.65, 1.0)] and before.bids == [] and before.market_price == 0.65
        world.start(SOMI)
        await world.begun(SOMI)
        live = await world.feed.snapshot(SOMI)
        assert live.asks == before.asks
        assert live.update_id > max(event.update_id for event in world.seen.events) > before.update_id


async def test_recent_trades_are_told_first_when_that_is_wanted():
    async with chain_world(traders=BUSY) as world:
        await until(lambda: len(world.matches()) > 10, 30.0)
        world.start(feed=ChainMarketFeed(world.source, world.markets.__getitem__, world.clock, UpdateIds(world.clock),
                                         trade_lookback=900))
        await world.begun()
        await asyncio.sleep(0.3)
        await world.quiet()
        await world.same_trades(0)
        assert world.seen.trades[0].timestamp > 1_600_000_000


async def test_trades_that_no_source_could_tell_are_told_when_the_stream_begins():
    async with chain_world(traders=BUSY) as world:
        now = ManualClock()
        told = ToldTrades(now)
        for pair in world.markets:
            told.complete(pair)
        now.now += 60  # an outage of everything
        await until(lambda: len(world.matches()) > 10, 30.0)
        await asyncio.sleep(20 * BLOCK)
        world.start(feed=ChainMarketFeed(world.source, world.markets.__getitem__, world.clock, UpdateIds(world.clock),
                                         trade_lookback=1, told=told))
        await world.begun()
        await until(lambda: told.seconds_missing(world.markets) == 0)
        await world.quiet()
        await world.same_trades(0)


@pytest.mark.parametrize("told_before", [4, None])
async def test_of_the_trades_before_the_stream_those_after_a_known_one_are_news_or_else_the_fresh_ones(told_before):
    async with chain_world(traders=BUSY) as world:
        told = ToldTrades(world.clock)
        await until(lambda: len(world.own_matches(SOMI)) > 8, 30.0)
        await world.quiet()
        await asyncio.sleep(1.2)  # blocks' times are whole seconds
        matches = world.own_matches(SOMI)
        keys = [trade_key(transaction, match.id, match.is_bid) for transaction, match in matches]
        if told_before is not None:
            told.add(SOMI, keys[told_before], matches[told_before][1].base_amount / 1e18)
        source = ChainMarketFeed(world.source, world.markets.__getitem__, world.clock, UpdateIds(world.clock),
                                 trade_lookback=900, told=told)
        with patch.object(chain_logs, "FRESH_TRADE_SECONDS", 0.0):
            world.start(SOMI, feed=source)
            await world.begun(SOMI)
            await asyncio.sleep(0.3)
        first = next(at for at, key in enumerate(keys) if at > told_before and key != keys[told_before]) \
            if told_before is not None else len(keys)
        news = matches[first:]
        assert [trade.price for trade in world.seen.trades] == [match.price / 1e8 for _, match in news]


async def test_a_trade_is_called_the_same_by_the_chain_and_by_the_api():
    async with chain_world(traders=BUSY) as world, web_utils.build_api_factory() as factory:
        rest = RestClient(web_utils.WebAssistantTransport(factory, API_LIMIT_ID), [world.sandbox.api_url])
        world.start()
        await world.begun()
        await until(lambda: len(world.seen.trades) > 30, 30.0)
        await world.quiet()
        for market in world.markets.values():
            newest = await rest.trades(market.base.address, market.quote.address)
            rows = {row.key for row in numbered(reversed(newest))}
            told = [trade.trade_id for trade in world.seen.trades if trade.trading_pair == market.trading_pair]
            assert told and set(told[-20:]) <= rows


# Reorganisations


@pytest.mark.parametrize(("heads_first", "mode"), [(False, Reorg.RETURN), (True, Reorg.REMINE), (False, Reorg.VANISH)])
async def test_books_are_right_again_after_blocks_were_replaced(heads_first, mode):
    start = deployment(Generation.AUGUST_2025)
    # What the stream has yet to bring of the new blocks is waited for, also on a machine that is busy.
    async with chain_world(replace(STEADY, grace=2.0), deployment=start) as world:
        world.sandbox.rpc_stream.heads_first = heads_first
        users = RandomUsers(world, start, 5)
        world.start()
        await world.begun()
        for depth in (2, 6):
            for _ in range(8):
                users.act(6)
                await asyncio.sleep(BLOCK / 2)
            world.sandbox.node.reorganise(depth, mode)
            await world.quiet()
            await asyncio.sleep(0.1)
            await world.quiet()
            await world.same_books()
        told = [trade.trade_id for trade in world.seen.trades]
        assert len(told) == len(set(told)), "a trade was told twice"
        assert len(told) >= len(world.matches())


# What is checked against the chain


async def test_a_book_that_is_wrong_is_found_out():
    async with chain_world(STEADY, deployment=open_deployment()) as world:
        order(world, False, PRICE, 10 ** 18)
        await asyncio.sleep(3 * BLOCK)
        feed = ChainMarketFeed(world.source, world.markets.__getitem__, world.clock, UpdateIds(world.clock), check_interval=0.1)
        task = world.start(SOMI, feed=feed)
        await world.begun(SOMI)
        await asyncio.sleep(0.6)
        assert not task.done(), "a right book is left alone"
        # Something that no event tells of.
        asks = world.sandbox.world.contract(world.markets[SOMI].book).asks
        asks.orders[1] = asks.orders[1]._replace(deposit=5)
        with pytest.raises(StreamBrokenError, match="is wrong"):
            await asyncio.wait_for(task, 10)


async def test_a_book_in_doubt_is_read_again(monkeypatch):
    monkeypatch.setattr("hummingbot.connector.exchange.standard.feeds.chain_logs.DOUBT_SECONDS", 0.0)
    async with chain_world(STEADY, deployment=open_deployment()) as world:
        order(world, False, PRICE, 10 ** 18)
        order(world, True, PRICE - 1_000, 10 ** 6, index=3)
        await asyncio.sleep(3 * BLOCK)
        world.start(SOMI)
        await world.begun(SOMI)
        book, theirs = world.feed._run.book(SOMI), world.sandbox.world.contract(world.markets[SOMI].book)
        # A seller's remainder of five units, which are worth nothing, and a better offer.
        bid = theirs.bids.orders[1]
        order(world, False, PRICE - 1_000, theirs.to_base(bid.price, bid.deposit) + 5, index=4)
        await world.quiet()
        order(world, False, PRICE - 2_000, 10 ** 18, index=1)
        await world.quiet()
        assert [ask.deposit for ask in book.asks] == [10 ** 18, 5, 10 ** 18] and not book.doubtful
        # A buyer takes the better one, drops the five units without an event, and stops short of the last.
        order(world, True, PRICE - 1_000, 2_000_000, maker=False, index=5)
        await until(lambda: world.feed._run.book(SOMI) is not book)
        await world.quiet()
        assert book.doubtful and [ask.id for ask in book.asks] == [2, 1]
        assert [ask.id for ask in world.feed._run.book(SOMI).asks] == [1]
        await world.same_books()


# Faults


async def running(world, *pairs):
    task = world.start(*pairs)
    await world.begun(*pairs)
    return task


@pytest.mark.parametrize("switch", ["stall", "stall_with_pongs"])
async def test_silence_is_noticed_also_when_pings_are_answered(switch):
    bounds = replace(QUICK, behind=60.0, audit=60.0)  # so that nothing else is noticed before
    async with chain_world(bounds, traders=BUSY) as world:
        task = await running(world)
        setattr(world.faults, switch, True)
        started = world.clock.monotonic()
        with pytest.raises(StreamBrokenError, match=f"^no new block for {QUICK.silence:g} s$"):
            await asyncio.wait_for(task, 10)
        assert world.clock.monotonic() - started < QUICK.silence + 5.0


@pytest.mark.parametrize("code", [1000, 1011])
async def test_a_close_is_noticed_at_once(code):
    async with chain_world(QUICK) as world:
        task = await running(world)
        world.faults.close_code = code
        with pytest.raises(ApiUnavailableError):
            await asyncio.wait_for(task, 5)


async def test_a_refusal_and_an_unanswered_request_are_told():
    async with chain_world(QUICK) as world:
        world.faults.refuse = True
        with pytest.raises(ApiUnavailableError):
            await asyncio.wait_for(world.start(), 10)


@pytest.mark.parametrize("at_once", [True, False], ids=["head and logs at once", "one after the other"])
async def test_a_dropped_event_is_noticed(at_once, monkeypatch):
    async def refused(*_):
        raise RpcError("eth_getLogs", -32005, "query returned more than 10000 results")

    async with chain_world(QUICK, traders=BUSY) as world:
        if not at_once:
            monkeypatch.setattr(world.rpc, "newest_logs", refused)
        task = await running(world)
        await asyncio.sleep(1.0)  # several times nothing is missing
        assert not task.done()
        world.faults.drop_next = 10
        with pytest.raises(StreamBrokenError):
            await asyncio.wait_for(task, 10)


async def test_duplicated_and_reordered_notifications_do_no_harm():
    start = deployment(Generation.AUGUST_2025)
    async with chain_world(deployment=start) as world:
        users = RandomUsers(world, start, 8)
        task = await running(world)
        begun = world.sandbox.node.head.number
        world.faults.duplicate = world.faults.reorder = 0.2
        for _ in range(30):
            users.act(5)
            await asyncio.sleep(BLOCK)
        world.faults.clear()
        await world.quiet()
        await asyncio.sleep(0.2)
        await world.quiet()
        assert not task.done()
        await world.same_books()
        told = {trade.trade_id for trade in world.seen.trades}
        assert len(told) == len(world.seen.trades) >= len(world.matches(begun + 1))


async def test_a_burst_of_nonsense_is_a_reason_to_go():
    async with chain_world(QUICK, traders=BUSY) as world:
        task = await running(world)
        world.faults.malformed_next = 30
        with pytest.raises(StandardError):
            await asyncio.wait_for(task, 10)


async def test_a_message_beyond_all_measure_breaks_the_connection():
    async with chain_world(QUICK, traders=BUSY) as world:
        task = await running(world)
        world.faults.oversized_next = 1
        with pytest.raises(ApiUnavailableError):
            await asyncio.wait_for(task, 10)


async def test_falling_behind_is_noticed():
    async with chain_world(QUICK) as world:
        task = await running(world)
        world.faults.late_seconds = 0.05
        with pytest.raises(StreamBrokenError, match="behind"):
            await asyncio.wait_for(task, 10)


async def test_a_stream_that_cannot_be_compared_is_left():
    async with chain_world(QUICK) as world:
        task = await running(world)
        world.sandbox.faults.http.append(HttpFault(Kind.STATUS, Target.RPC))
        with pytest.raises(StreamBrokenError, match="could not be compared"):
            await asyncio.wait_for(task, 10)


async def test_another_chain_is_refused():
    async with chain_world() as world:
        source = ChainSource(world.source._assistant, [world.sandbox.rpc_ws_url], world.rpc, world.source.engine, 1, world.clock)
        with pytest.raises(ConfigurationError, match="chain 31337 instead of 1"):
            await world.start(feed=ChainMarketFeed(source, world.markets.__getitem__, world.clock, UpdateIds(world.clock)))


async def test_urls_are_taken_in_turn():
    async with chain_world() as world:
        source = ChainSource(world.source._assistant, ["ws://127.0.0.1:1/ws", world.sandbox.rpc_ws_url], world.rpc,
                             world.source.engine, 31337, world.clock)
        feed = ChainMarketFeed(source, world.markets.__getitem__, world.clock, UpdateIds(world.clock))
        with pytest.raises(ApiUnavailableError):
            await world.start(feed=feed)
        world._tasks.clear()
        world.start(feed=feed)
        await world.begun()


async def test_after_a_break_it_begins_anew_and_is_right():
    async with chain_world(traders=BUSY) as world:
        task = await running(world)
        world.sandbox.rpc_stream.close(1011)
        with pytest.raises(ApiUnavailableError):
            await task
        world._tasks.clear()
        world.seen.books.clear()
        world.start()
        await world.begun()
        await asyncio.sleep(0.3)
        await world.quiet()
        await world.same_books()


# Own orders


@pytest.mark.parametrize("heads_first", [False, True])
async def test_own_fills_and_cancels_are_told_in_order_once(heads_first):
    start = deployment(Generation.AUGUST_2025)
    async with chain_world(deployment=start) as world:
        world.sandbox.rpc_stream.heads_first = heads_first
        users, account, told = RandomUsers(world, start, 3), world.sandbox.accounts[2].address, []
        users.act(40)
        await asyncio.sleep(3 * BLOCK)
        feed, task = world.account(account, told)
        for _ in range(25):
            users.act(6)
            await asyncio.sleep(BLOCK / 2)
        feed.hurry()
        await world.quiet()
        assert not task.done()
        assert told_logs(told) == world.own(account)
        assert len(told_logs(told)) > 5
        blocks = [event.block_number for event in told]
        assert all(before <= after for before, after in pairwise(blocks))


async def test_hurry_proves_what_has_happened_at_once():
    async with chain_world(StreamBounds(silence=5.0, behind=5.0, audit=30.0), deployment=open_deployment()) as world:
        told = []
        feed, _ = world.account(world.sandbox.accounts[1].address, told)
        await until(lambda: told)
        order(world, False, PRICE, 10 ** 18)
        await asyncio.sleep(3 * BLOCK)
        wanted = world.sandbox.node.head.number
        feed.hurry()
        await until(lambda: told[-1].block_number >= wanted, 0.5)


async def test_hurry_before_there_is_a_stream_has_nothing_to_do():
    async with chain_world(deployment=open_deployment()) as world:
        reader = PollingAccountFeed(world.rpc, world.sandbox.engine_address, "0x" + "a1" * 20, ToldLogs(-1), world.clock,
                                    lambda: 1.0)
        told, feed = [], ChainAccountFeed(world.source, reader)
        feed.hurry()
        await asyncio.sleep(3 * BLOCK)
        assert told == [] and reader.block_number == -1
        running = asyncio.ensure_future(feed.run(told.append))
        await until(lambda: told)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        feed.hurry()


async def test_a_fill_comes_with_its_block_not_with_the_next_comparison():
    async with chain_world(StreamBounds(silence=5.0, behind=5.0, audit=30.0), deployment=open_deployment()) as world:
        told, account = [], world.sandbox.accounts[1].address
        order(world, False, PRICE, 10 ** 18)
        world.account(account, told)
        await until(lambda: told)
        order(world, True, PRICE, 300_000, index=2)
        await until(lambda: any(event.logs for event in told), 0.5)
        assert told_logs(told) == world.own(account)


async def test_what_was_missed_while_it_was_broken_is_told_by_the_next_run():
    start = deployment(Generation.AUGUST_2025)
    async with chain_world(deployment=start) as world:
        users, account, told = RandomUsers(world, start, 6), world.sandbox.accounts[3].address, []
        feed, task = world.account(account, told)
        for _ in range(3):
            for _ in range(10):
                users.act(6)
                await asyncio.sleep(BLOCK / 2)
            await until(lambda: world.sandbox.rpc_stream.connections)
            world.sandbox.rpc_stream.close(1011)
            with pytest.raises(ApiUnavailableError):
                await task
            world._tasks.clear()
            users.act(20)
            await asyncio.sleep(2 * BLOCK)
            task = world._keep(feed.run(noting(feed, told.append)))
        await world.quiet()
        feed.hurry()
        await world.quiet()
        assert told_logs(told) == world.own(account)


async def test_own_events_that_the_node_leaves_out_are_read():
    start = deployment(Generation.AUGUST_2025)
    async with chain_world(STEADY, deployment=start) as world:
        users, account, told = RandomUsers(world, start, 7), world.sandbox.accounts[1].address, []
        world.account(account, told)
        await until(lambda: told)
        world.faults.drop = 0.3
        for _ in range(20):
            users.act(6)
            await asyncio.sleep(BLOCK / 2)
        world.faults.clear()
        await world.quiet()
        await asyncio.sleep(2 * STEADY.audit)
        assert sorted(told_logs(told), key=repr) == sorted(world.own(account), key=repr)


@pytest.mark.parametrize("mode", [Reorg.RETURN, Reorg.REMINE])
async def test_own_events_of_replaced_blocks_are_taken_back_before_new_ones(mode):
    start = deployment(Generation.AUGUST_2025)
    async with chain_world(STEADY, deployment=start) as world:
        users, account, told = RandomUsers(world, start, 9), world.sandbox.accounts[2].address, []
        feed, _ = world.account(account, told)
        await until(lambda: told)
        for depth in (2, 6):
            for _ in range(12):
                users.act(6)
                await asyncio.sleep(BLOCK / 2)
            world.sandbox.node.reorganise(depth, mode)
            await world.quiet()
            feed.hurry()
            await asyncio.sleep(2 * STEADY.audit)
            await world.quiet()
            assert told_logs(told) == world.own(account)
        assert all(isinstance(event, OrderLogs) for event in told)


# The long proof

FAULTS = ("", "", "", "drop", "duplicate", "reorder", "malformed", "stall", "close", "reorg", "refuse")


async def supervised(world, feed, account_feed, told):
    """Run both feeds, each anew whenever it breaks; how often that was."""
    breaks = [0, 0]

    async def keep_running(index, run):
        while True:
            try:
                await run()
            except StandardError:
                breaks[index] += 1
                await asyncio.sleep(0.05)

    async def market():
        world.seen.books.clear()
        await feed.run(list(world.markets), world.seen.take)

    for index, run in enumerate((market, lambda: account_feed.run(noting(account_feed, told.append)))):
        world._keep(keep_running(index, run))
    return breaks


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_whatever_goes_wrong_books_and_own_orders_are_right_at_every_quiet_point():
    seed = int(os.environ.get("CHAIN_SOAK_SEED", "31"))
    random, start = Random(seed), deployment(Generation.AUGUST_2025)
    async with chain_world(QUICK, deployment=start) as world:
        account, told, users = world.sandbox.accounts[2].address, [], RandomUsers(world, start, seed)
        reader = PollingAccountFeed(world.rpc, world.sandbox.engine_address, account, ToldLogs(-1), world.clock, lambda: 1.0)
        account_feed = ChainAccountFeed(world.source, reader)
        breaks = await supervised(world, world.feed, account_feed, told)
        until_then = world.clock.monotonic() + float(os.environ.get("CHAIN_SOAK_SECONDS", "60"))
        rounds = 0
        while world.clock.monotonic() < until_then:
            for _ in range(random.randrange(5, 40)):
                users.act(random.randrange(8))
                kind = random.choice(FAULTS)
                if kind in ("drop", "duplicate", "reorder", "malformed"):
                    setattr(world.faults, f"{kind}_next", random.randrange(1, 4))
                elif kind == "stall":
                    world.faults.stall = random.random() < 0.2
                elif kind == "refuse":
                    world.faults.refuse = random.random() < 0.5
                elif kind == "close":
                    world.sandbox.rpc_stream.close(1011)
                elif kind == "reorg" and world.sandbox.node.head.number > 20:
                    world.sandbox.node.reorganise(random.randrange(1, 6), random.choice((Reorg.RETURN, Reorg.REMINE)))
                await asyncio.sleep(random.random() * 2 * BLOCK)
            world.faults.clear()
            world.sandbox.rpc_stream.close(1012)
            await asyncio.sleep(0.3)
            await world.begun()
            await world.quiet()
            account_feed.hurry()
            await world.quiet()
            await world.same_books()
            assert told_logs(told) == world.own(account)
            rounds += 1
        assert rounds > 5 and min(breaks) > 10
