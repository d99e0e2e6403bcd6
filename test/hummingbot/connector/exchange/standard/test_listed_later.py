"""A pair that the API lists only after the feed has begun to run."""
import asyncio

import pytest

from hummingbot.connector.exchange.standard import venue
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.test_standard_api_order_book_data_source import (
    LAST_RETRY,
    PAIR,
    UNLISTED,
    UnknownMarketError,
    World,
)
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    connected,
    quiet_sandbox,
    until,
)


async def test_a_pair_that_is_listed_later_is_followed_once_it_has_a_book() -> None:
    world = World(PAIR, UNLISTED)
    await world.listen()
    assert world.feed.runs == [[PAIR]]
    world.feed.snapshots = [UnknownMarketError("Standard lists no market NONE-USDC.")]
    first = asyncio.ensure_future(world.source.get_new_order_book(UNLISTED))
    await settle()
    assert not first.done()
    assert world.connector.looks == 1, "at the listing"
    world.connector.listed.add(UNLISTED)
    world.connector.rules = ApiUnavailableError("no answer")
    await world.clock.advance(LAST_RETRY)
    assert not first.done(), "without rules it cannot be traded"
    world.connector.rules = None
    await world.clock.advance(LAST_RETRY)
    assert world.connector.looks == 1
    assert first.done(), "the tracker has its book and calls the connector ready"
    for _ in range(10):
        await world.clock.advance(3_600)
    followed = {pair for run in world.feed.runs for pair in run} | set(world.feed.pairs)
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)
    assert UNLISTED in followed, "no feed ever tells of it: the first book stands for ever"


async def test_the_book_of_a_pair_that_is_listed_later_changes_as_the_exchanges_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue, "LOOK_AGAIN_SECONDS", 0.5)
    async with quiet_sandbox() as sandbox:
        async with connected(sandbox, trading_pairs=[TOKEN_PAIR]) as other:
            market = other.venue.market(TOKEN_PAIR)
        sandbox.indexer.hidden.add(market.book)
        async with connected(sandbox, ready=False, standard_feed="polling",
                             trading_pairs=[NATIVE_PAIR, TOKEN_PAIR]) as exchange:
            await asyncio.sleep(1.0)
            assert not exchange.ready and not exchange.lists(TOKEN_PAIR)
            sandbox.indexer.hidden.clear()
            await until(lambda: exchange.ready)  # long before Hummingbot reads the rules again
            assert exchange.trading_rules.keys() == {NATIVE_PAIR, TOKEN_PAIR}
            trader = Trader(sandbox)
            await trader.approve(market)
            await trader.sell(market, 60_000 * 10 ** 8, 10 ** 6)
            await asyncio.sleep(3.0)  # thirty polls
            assert exchange.ready and exchange.status_dict["order_books_initialized"]
            assert [row.price for row in exchange.get_order_book(TOKEN_PAIR).ask_entries()] == [60_000.0], \
                (exchange.book_ages, exchange.ready)


async def test_a_pair_that_nobody_wants_any_more_can_be_followed_again() -> None:
    world = World(PAIR)
    await world.listen()
    world.feed.pairs.append(PAIR)  # it runs
    assert await world.source.unsubscribe_from_trading_pair(PAIR) and world.feed.pairs == []
    assert await world.source.subscribe_to_trading_pair(PAIR)
    world.feed.snapshots = [BookSnapshot(PAIR, 1, 0.0, [(1.0, 1.0)], [(2.0, 1.0)])]
    await world.source.get_new_order_book(PAIR)
    assert world.feed.pairs == [PAIR], "once"
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)
