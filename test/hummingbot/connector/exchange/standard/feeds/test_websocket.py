"""Order books and trades by the exchange's WebSocket, in every dialect: exact, whatever goes wrong, or broken aloud."""
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import StreamBrokenError
from hummingbot.connector.exchange.standard.feeds import websocket
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot, PublicTrade
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotStreamsDialect
from hummingbot.connector.exchange.standard.sandbox.stream_connection import StreamSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from test.hummingbot.connector.exchange.standard.feeds.streams import (
    CHANNELS,
    LAYOUTS,
    SOMI,
    WBTC,
    Listener,
    StreamWorld,
    eventually,
    keys,
    same,
    stream_world,
    traded,
)

UNIT = 10 ** 18
STEPS = {SOMI: 1_000, WBTC: 10 ** 8}  # the finest groups at 0.65 and at 60,000
SHARES = ("drop", "duplicate", "reorder", "wrong_sequence", "malformed")


@pytest.fixture
async def world() -> AsyncIterator[StreamWorld]:
    async with stream_world() as world:
        yield world


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds that find a stream silent sooner, so that a test need not wait as long as a user would."""
    monkeypatch.setattr(ChannelsDialect, "max_silence", 0.6)
    monkeypatch.setattr(SpotStreamsDialect, "max_silence", 0.4)
    monkeypatch.setattr(websocket, "SECOND_LOOK_SECONDS", 0.1)


@pytest.fixture
async def busy() -> AsyncIterator[StreamWorld]:
    """A sandbox with a lively crowd that a test may stop."""
    async with stream_world(block_interval=0.05, traders=TraderSettings(takes_per_second=20)) as world:
        await eventually(lambda: world.true_trades(SOMI))
        yield world


def listen(world: StreamWorld, spoken: str = CHANNELS, *pairs: str, again: bool = False) -> Listener:
    return Listener(world.market_feed(spoken), list(pairs) or [SOMI, WBTC], again=again)


def true(world: StreamWorld, pair: str, spoken: str) -> Any:
    return world.true_book(pair, None if spoken == CHANNELS else STEPS[pair])


async def quiet(world: StreamWorld) -> None:
    """Stop the crowd, and let what is on its way arrive."""
    world.sandbox.traders.settings.enabled = False
    await eventually(lambda: not len(world.sandbox.node.pool))
    await asyncio.sleep(0.2)


@pytest.mark.parametrize("spoken", [CHANNELS, *LAYOUTS])
async def test_books_and_trades_of_a_lively_exchange_arrive_complete(busy: StreamWorld, spoken: str) -> None:
    async with listen(busy, spoken) as listener:
        await eventually(lambda: len(listener.books) == 2)
        before = {pair: len(busy.true_trades(pair)) for pair in (SOMI, WBTC)}
        await eventually(lambda: len(listener.of(BookDelta)) > 10 and len(busy.true_trades(SOMI)) > before[SOMI] + 2)
        await quiet(busy)
        for pair in (SOMI, WBTC):
            await eventually(lambda pair=pair: same(listener.book(pair), true(busy, pair, spoken), 1e-5))  # type: ignore[misc]
            last = busy.true_trades(pair)[before[pair]:]
            await eventually(lambda pair=pair, last=last:  # type: ignore[misc]
                             [trade for trade in told_of(listener, pair) if trade in last] == last)
            told = told_of(listener, pair)
            # Where a stream counts nothing, those of before may be read later than it begins.
            assert spoken != CHANNELS or not last or told[-len(last):] == last
            assert len(told) == len(set(told))
            assert listener.update_ids[pair] == sorted(set(listener.update_ids[pair]))
        assert not listener.task.done()


def told_of(listener: Listener, pair: str) -> list[tuple[str, int]]:
    return keys(trade for trade in listener.trades if trade.trading_pair == pair)


async def test_a_trade_is_the_same_one_in_every_dialect_and_in_the_api(busy: StreamWorld) -> None:
    async with listen(busy, CHANNELS, SOMI) as exact, listen(busy, "sdk", SOMI) as rounded:
        await eventually(lambda: exact.books and rounded.books)
        start = len(busy.true_trades(SOMI))
        await eventually(lambda: len(busy.true_trades(SOMI)) > start + 20)
        await quiet(busy)
        market = busy.markets[SOMI]
        rows = [row.key for row in reversed(await busy.rest.trades(market.base.address, market.quote.address))][-20:]
        for listener in (exact, rounded):
            assert [trade.trade_id for trade in listener.trades][-20:] == rows


@pytest.mark.parametrize("spoken", [CHANNELS, "docs"])
async def test_locked_and_crossed_books_come_through_unharmed(world: StreamWorld, spoken: str) -> None:
    market, engine = world.markets[WBTC], world.sandbox.engine_address
    trader = await traded(world, market)
    price = 60_000 * 10 ** 8
    for level in range(3):
        await trader.sell(market, price + level * 10 ** 10, 10 ** 6)
    async with listen(world, spoken, WBTC) as listener:
        await eventually(lambda: listener.books)
        # A taker that may match one order only rests above what it left.
        await trader.send(engine, ENGINE_FUNCTIONS["limitBuy"], market.base.address, market.quote.address, price + 10 ** 11,
                          5_000 * 10 ** 6, True, 1, trader.wallet.address)
        await eventually(lambda: same(listener.book(WBTC), true(world, WBTC, spoken), 1e-5))
        book = listener.book(WBTC)
        assert max(book[True]) >= min(book[False]), "the book should overlap"
        await trader.sell(market, price + 3 * 10 ** 10, 10 ** 6)
        await trader.buy(market, price - 10 ** 10, 100 * 10 ** 6)
        await eventually(lambda: same(listener.book(WBTC), true(world, WBTC, spoken), 1e-5))


async def test_a_side_that_becomes_empty_is_told_by_a_snapshot(world: StreamWorld) -> None:
    market = world.markets[SOMI]
    trader = await traded(world, market)
    await trader.sell(market, 66_000_000, UNIT)
    async with listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: listener.books)
        await trader.buy(market, 66_000_000, 10 ** 6, rests=False)
        await eventually(lambda: not listener.book(SOMI)[False])
        last = listener.of(BookSnapshot)[-1]
        assert not last.asks and last is [event for event in listener.events if not isinstance(event, PublicTrade)][-1]


async def test_pairs_are_added_and_removed_while_running(world: StreamWorld) -> None:
    trader = await traded(world, world.markets[WBTC])
    async with listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: SOMI in listener.books)
        listener.feed.add_pair(WBTC)
        await eventually(lambda: WBTC in listener.books)
        await trader.sell(world.markets[WBTC], 60_000 * 10 ** 8, 10 ** 6)
        await eventually(lambda: listener.book(WBTC)[False])
        world.faults.ignore_unsubscribe = True
        listener.feed.remove_pair(WBTC)
        told = len(listener.update_ids[WBTC])
        await trader.sell(world.markets[WBTC], 60_001 * 10 ** 8, 10 ** 6)
        await trader.sell(world.markets[SOMI], 66_000_000, UNIT)
        await eventually(lambda: listener.book(SOMI)[False])
        assert len(listener.update_ids[WBTC]) == told and not listener.task.done()


async def test_a_pair_removed_from_a_dialect_with_a_connection_each_ends_its_connection(world: StreamWorld) -> None:
    async with listen(world, "docs") as listener:
        await eventually(lambda: len(listener.books) == 2 and len(world.sandbox.streams.connections) == 2)
        listener.feed.remove_pair(WBTC)
        await eventually(lambda: len(world.sandbox.streams.connections) == 1)
        listener.feed.add_pair(WBTC)
        await eventually(lambda: len(world.sandbox.streams.connections) == 2)
        assert not listener.task.done()


async def test_the_snapshot_on_demand_is_the_streams_book_or_the_apis(world: StreamWorld) -> None:
    trader = await traded(world, world.markets[SOMI])
    await trader.sell(world.markets[SOMI], 66_000_000, UNIT)
    for spoken in (CHANNELS, "docs"):
        feed = world.market_feed(spoken)
        first = await feed.snapshot(SOMI)
        assert list(first.asks) == [(0.66, 1.0)]
        async with Listener(feed, [SOMI]) as listener:
            await eventually(lambda listener=listener: listener.books)  # type: ignore[misc]
            second = await feed.snapshot(SOMI)
            assert (list(second.bids), list(second.asks)) == ([], [(0.66, 1.0)]) and second.update_id > first.update_id


# What goes wrong, and is made good

@pytest.mark.parametrize("damage", ["drop", "duplicate", "reorder", "wrong_sequence", "malformed"])
async def test_a_damaged_message_costs_nothing(world: StreamWorld, damage: str) -> None:
    market = world.markets[SOMI]
    trader = await traded(world, market)
    async with listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: listener.books)
        for number in range(3):
            setattr(world.faults, f"{damage}_next", 1)
            await trader.sell(market, 66_000_000 + number, UNIT)
        await trader.buy(market, 66_000_000, 10 ** 6, rests=False)
        await eventually(lambda: same(listener.book(SOMI), world.true_book(SOMI)))
        await eventually(lambda: keys(listener.trades) == world.true_trades(SOMI))
        assert not listener.task.done()


async def test_a_wrong_snapshot_number_does_not_freeze_the_book(world: StreamWorld) -> None:
    market = world.markets[SOMI]
    trader = await traded(world, market)
    world.faults.wrong_sequence_next = 1
    async with listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: listener.books)
        await trader.sell(market, 66_000_000, UNIT)
        await eventually(lambda: same(listener.book(SOMI), world.true_book(SOMI)))


@pytest.mark.parametrize("spoken", [CHANNELS, "iter"])
async def test_after_a_storm_of_damages_books_and_trades_are_right(busy: StreamWorld, spoken: str) -> None:
    for share in SHARES:
        setattr(busy.faults, share, 0.02)
    async with listen(busy, spoken, again=True) as listener:
        await eventually(lambda: len(listener.books) == 2)
        before = {pair: len(busy.true_trades(pair)) for pair in (SOMI, WBTC)}
        await asyncio.sleep(1.5)
        busy.faults.clear()
        # The API's check is what finds a loss in a dialect whose last message had no successor.
        await quiet(busy)
        for pair in (SOMI, WBTC):
            await eventually(lambda pair=pair: same(listener.book(pair), true(busy, pair, spoken), 1e-5), 8)  # type: ignore[misc]
        if spoken == CHANNELS:
            def told(pair: str) -> list[tuple[str, int]]:
                wanted = set(busy.true_trades(pair)[before[pair]:])
                seen = dict.fromkeys(keys(trade for trade in listener.trades if trade.trading_pair == pair))
                return [trade for trade in seen if trade in wanted]
            for pair in (SOMI, WBTC):
                await eventually(lambda pair=pair: told(pair) == busy.true_trades(pair)[before[pair]:], 5)  # type: ignore[misc]


# What goes wrong, and ends the feed

async def test_a_burst_of_malformed_messages_ends_the_feed(world: StreamWorld) -> None:
    async with listen(world) as listener:
        await eventually(lambda: len(listener.books) == 2)
        world.faults.malformed = 1.0
        error = await listener.broken()
        assert isinstance(error, StreamBrokenError) and "10 malformed messages within a minute" in str(error)


async def test_endless_gaps_end_the_feed(world: StreamWorld) -> None:
    async with listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: listener.books)
        trader = await traded(world, world.markets[SOMI])
        world.faults.wrong_sequence = 1.0
        for number in range(40):
            if listener.task.done():
                break
            await trader.sell(world.markets[SOMI], 66_000_000 + number, UNIT)
        error = await listener.broken()
        assert isinstance(error, StreamBrokenError) and ("gaps" in str(error) or "did not begin" in str(error))


@pytest.mark.parametrize(("switch", "value", "words"), [
    ("stall", True, "silent"), ("stall_with_pongs", True, "silent"), ("close_code", 4000, "Close code = 4000"),
    ("oversized_next", 1, "too big")])
@pytest.mark.usefixtures("impatient")
async def test_a_broken_connection_ends_the_feed_within_seconds(world: StreamWorld, switch: str, value: Any, words: str) -> None:
    async with listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: listener.books)
        started = world.clock.monotonic()
        setattr(world.faults, switch, value)
        with pytest.raises(StreamBrokenError, match=words):
            raise await listener.broken()
        assert world.clock.monotonic() - started < 2.5


@pytest.mark.usefixtures("impatient")
async def test_a_stream_that_stalls_while_the_book_changes_is_found_out_by_the_api(world: StreamWorld) -> None:
    market = world.markets[SOMI]
    trader = await traded(world, market)
    async with listen(world, "docs", SOMI) as listener:
        await eventually(lambda: listener.books)
        world.faults.stall_with_pongs = True
        await trader.sell(market, 66_000_000, UNIT)
        await eventually(lambda: same(listener.book(SOMI), true(world, SOMI, "docs"), 1e-5))
        await trader.sell(market, 67_000_000, UNIT)
        error = await listener.broken()
        assert "contradictions to the exchange's API" in str(error)


@pytest.mark.usefixtures("impatient")
async def test_a_quiet_market_is_not_taken_for_a_stalled_one(world: StreamWorld) -> None:
    async with listen(world, "sdk", SOMI) as listener, listen(world, CHANNELS, SOMI) as other:
        await asyncio.sleep(1.3)
        assert not listener.task.done() and not other.task.done()


async def test_a_refused_connection_and_a_closed_port_end_the_feed_at_once(world: StreamWorld) -> None:
    world.faults.refuse = True
    for spoken in (CHANNELS, "docs"):
        async with listen(world, spoken, SOMI) as listener:
            assert "503" in str(await listener.broken(2))
    await world.sandbox.refuse_connections()
    async with listen(world, CHANNELS, SOMI) as listener:
        assert isinstance(await listener.broken(2), StreamBrokenError)


async def test_a_request_without_an_answer_ends_the_feed(world: StreamWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CONSTANTS, "WS_REQUEST_TIMEOUT", 0.3)
    world.faults.ignore_requests = True
    async with listen(world, CHANNELS, SOMI) as listener:
        assert "did not" in str(await listener.broken())


async def test_a_refused_subscription_names_the_reason(world: StreamWorld) -> None:
    world.sandbox.set_listed(world.markets[SOMI].book, False)
    async with listen(world, CHANNELS, SOMI) as listener:
        assert "no pair" in str(await listener.broken())
    async with listen(world, "docs", SOMI) as other:
        assert "does not list" in str(await other.broken())


async def test_both_heartbeats_of_the_server_are_answered() -> None:
    settings = StreamSettings(heartbeat_seconds=0.1, client_silence_seconds=0.5)
    async with stream_world(streams=settings) as world, listen(world, CHANNELS, SOMI) as first, \
            listen(world, "sdk", SOMI) as second, listen(world, "iter", SOMI) as third:
        await asyncio.sleep(1.0)
        assert not any(listener.task.done() for listener in (first, second, third))


async def test_a_client_that_falls_behind_is_sent_away_and_notices() -> None:
    async with stream_world(streams=StreamSettings(queued_messages=20), block_interval=0.01) as world, \
            listen(world, CHANNELS, SOMI) as listener:
        await eventually(lambda: listener.books)
        world.faults.late_seconds = 0.1
        assert "4009" in str(await listener.broken())


async def test_stopping_a_feed_leaves_no_connection_and_no_task(world: StreamWorld) -> None:
    async with listen(world) as listener, listen(world, "docs") as other:
        await eventually(lambda: len(listener.books) == 2 and len(other.books) == 2)
    await eventually(lambda: not world.sandbox.streams.connections)
    running = [task for task in asyncio.all_tasks() if "feeds" in repr(task.get_coro())]
    assert running == []
