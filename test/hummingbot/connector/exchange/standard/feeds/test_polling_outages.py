"""Polling beside sources that fail: never answered before a stream took over, or hours ago, and trades that hang."""
import asyncio
from collections.abc import Sequence

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds.base import MarketEvent, MarketSink, PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.failover import Source
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS, Freshness
from hummingbot.connector.exchange.standard.feeds.polling import PollingMarketFeed
from hummingbot.connector.exchange.standard.feeds.switching import SwitchingMarketFeed
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import trade_key
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.feeds.commanded import Never, Stream
from test.hummingbot.connector.exchange.standard.feeds.test_freshness import trade
from test.hummingbot.connector.exchange.standard.feeds.test_polling import AAA, BOOK, Books, book_of, market_of, trade_row


async def gone(trading_pairs: Sequence[str], sink: MarketSink) -> None:
    """The run of a stream that does not come back."""
    raise ConnectionError("gone")


async def test_polling_that_was_never_answered_before_a_stream_took_over_knows_that_its_book_is_old(
        monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    freshness = Freshness(lambda book: None, books.clock)
    polling = PollingMarketFeed(RestClient(books.api, ["https://api.test"]), market_of, books.clock, 1.0, told=books.told,
                                freshness=freshness)
    stream, events = Stream(), []
    books.book(AAA, ApiUnavailableError("slow"))  # the first poll fails (or is cancelled before it is answered)
    feed = SwitchingMarketFeed([Source("stream", lambda: stream)], polling, UpdateIds(books.clock), books.told, books.clock,
                               Never())
    task = asyncio.ensure_future(feed.run([AAA], events.append))
    await settle()
    await books.clock.advance(1.0)
    assert feed.state.source == "stream"
    await books.clock.advance(3_600)
    stream.end.set_exception(ConnectionError("gone"))  # and the API is away as well, for good
    await settle()
    monkeypatch.setattr(stream, "run", gone)
    for _ in range(100):
        await books.clock.advance(5.0)
    source, age = feed.state.source, freshness.age(AAA)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert source == "polling" and age > STALE_SECONDS


async def test_polling_that_takes_over_after_hours_begins_with_a_new_book(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    books, stream = Books(), Stream()
    freshness = Freshness({BOOK: market_of(AAA)}.get, books.clock)
    polling = PollingMarketFeed(RestClient(books.api, ["https://api.test"]), market_of, books.clock, 1.0, told=books.told,
                                freshness=freshness)
    feed = SwitchingMarketFeed([Source("stream", lambda: stream)], polling, UpdateIds(books.clock), books.told, books.clock,
                               Never())
    task = asyncio.ensure_future(feed.run([AAA], books.events.append))
    await settle()
    freshness.on_chain([trade(1, book=BOOK)], 1, 1)
    await books.clock.advance(1.0)
    assert feed.state.source == "stream"
    freshness.on_chain([trade(2, book=BOOK)], 2, 2)  # the stream tells it, and nobody asks the API
    await books.clock.advance(3_600)
    stream.end.set_exception(ConnectionError("gone"))
    monkeypatch.setattr(stream, "run", gone)
    for _ in range(3):
        await settle()
        assert feed.state.source == "polling" and freshness.age(AAA) == 0
    assert "old: no order is placed by it until it is newer" not in caplog.text
    books.book(AAA, ApiUnavailableError("gone as well"))
    for _ in range(8):
        await books.clock.advance(5.0)
    age = freshness.age(AAA)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert age > STALE_SECONDS and caplog.text.count("old: no order is placed by it until it is newer") == 1


async def test_an_empty_answer_is_no_book_when_polling_takes_over_either(monkeypatch: pytest.MonkeyPatch) -> None:
    books, stream = Books(), Stream()
    freshness = Freshness(lambda book: None, books.clock)
    polling = PollingMarketFeed(RestClient(books.api, ["https://api.test"]), market_of, books.clock, 1.0, told=books.told,
                                freshness=freshness)
    feed = SwitchingMarketFeed([Source("stream", lambda: stream)], polling, UpdateIds(books.clock), books.told, books.clock,
                               Never())
    task = asyncio.ensure_future(feed.run([AAA], books.events.append))
    await books.clock.advance(1.0)
    assert feed.state.source == "stream"
    books.book(AAA, b"")  # a proxy's, with status 200
    stream.end.set_exception(ConnectionError("gone"))
    monkeypatch.setattr(stream, "run", gone)
    for _ in range(8):
        await books.clock.advance(5.0)
    age = freshness.age(AAA)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert age > STALE_SECONDS


async def test_a_book_is_as_old_as_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    order_book = books.feed._rest.order_book

    async def slow(base: str, quote: str) -> bytes:
        body = await order_book(base, quote)
        await books.clock.sleep(9.0)
        return body

    monkeypatch.setattr(books.feed._rest, "order_book", slow)
    await books.run(AAA)
    await books.clock.advance(9.0)
    age = books.feed._freshness.age(AAA)
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert len(books.events) == 1 and age == 9


async def test_an_api_that_goes_back_in_time_does_not_make_its_old_book_new() -> None:
    books = Books()
    books.trades(AAA, {**trade_row(2), "timestamp": 1_050}, trade_row(1))
    await books.run(AAA)
    freshness = books.feed._freshness
    for number in range(70):  # lively, so that it is read at the full rate
        books.book(AAA, book_of(20 + number % 2))
        await books.next()
    books.book(AAA, book_of(50))  # as it was long ago
    books.trades(AAA, trade_row(1))
    for _ in range(10):
        await books.next(5.0)
    behind = freshness.age(AAA)
    books.trades(AAA, {**trade_row(2), "timestamp": 1_050}, trade_row(1))  # the book stays as it is
    for _ in range(2):
        await books.next(5.0)
    doubted = freshness.age(AAA)
    for _ in range(6):
        await books.next(5.0)
    caught_up = freshness.age(AAA)
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert behind > STALE_SECONDS and doubted > STALE_SECONDS and caught_up < STALE_SECONDS


async def test_a_poll_that_breaks_each_time_it_is_begun_does_not_make_its_book_new() -> None:
    books = Books()
    books.trades(AAA, trade_row(1))

    def refuse(event: MarketEvent) -> None:
        raise OverflowError("too many events")

    for _ in range(8):
        with pytest.raises(OverflowError):
            await books.feed.run([AAA], refuse)
        books.clock.now += 5.0
    assert books.feed._freshness.age(AAA) > STALE_SECONDS


NO_HASH = [{**trade_row(1), "txHash": None}]


@pytest.mark.parametrize("answer", [None, NO_HASH], ids=["neither path is there", "no row has a transaction"])
async def test_trades_that_the_api_does_not_tell_are_not_held_against_its_book(
        answer: list[dict[str, object]] | None, caplog: pytest.LogCaptureFixture) -> None:
    books = Books()
    if answer is None:
        books.api.forget(f"/api/trades/pair/0x{market_of(AAA).base.address[2:]}/")
    else:
        books.trades(AAA, *answer)
    freshness = books.feed._freshness = Freshness({BOOK: market_of(AAA)}.get, books.clock)
    await books.run(AAA)
    freshness.on_chain([trade(1, book=BOOK)], 1, 1)
    for _ in range(20):
        await books.next(5.0)
    assert freshness.age(AAA) == 0
    (warning,) = caplog.records
    assert warning.levelname == "WARNING" and f"The trades of {AAA} cannot be read: GET /api/trades/" in warning.getMessage()
    books.trades(AAA)  # now they can be read, and the trade is not among them
    for _ in range(24):
        await books.next(5.0)
    age = freshness.age(AAA)
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert age > STALE_SECONDS


async def test_trades_that_were_told_and_cannot_be_read_for_a_while_are_awaited_all_the_same() -> None:
    books = Books()
    freshness = books.feed._freshness = Freshness({BOOK: market_of(AAA)}.get, books.clock)
    await books.run(AAA)
    freshness.on_chain([trade(1, book=BOOK)], 1, 1)
    books.trades(AAA, error=ApiUnavailableError("no answer in time"))
    for _ in range(10):
        await books.next(5.0)
    age = freshness.age(AAA)
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert age > STALE_SECONDS


UNUSABLE = [b"<html>", {"trades": NO_HASH}, None]


@pytest.mark.parametrize("answer", UNUSABLE, ids=["no JSON", "no row has a transaction", "neither path is there"])
async def test_one_unusable_answer_about_trades_makes_no_old_book_new(answer: object) -> None:
    books, path = Books(), f"/api/trades/pair/0x{market_of(AAA).base.address[2:]}/"
    freshness = books.feed._freshness = Freshness({BOOK: market_of(AAA)}.get, books.clock)
    await books.run(AAA)
    freshness.on_chain([trade(1, book=BOOK)], 1, 1)
    for _ in range(10):
        await books.next(5.0)
    books.api.forget(path)
    if answer is not None:
        books.api.answer(path, answer)
    await books.next(5.0)
    unusable = freshness.age(AAA)
    books.trades(AAA, {**trade_row(1), "txHash": trade(1).transaction_hash})
    await books.next(5.0)
    told = freshness.age(AAA)
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert unusable > STALE_SECONDS and told == 0, "and it is asked again before long"


async def test_an_api_that_tells_no_trades_is_asked_for_them_less_and_less() -> None:
    books, path = Books(), f"/api/trades/pair/0x{market_of(AAA).base.address[2:]}/"
    books.api.forget(path)
    await books.run(AAA)
    counts = []
    for seconds in (20, 280, 120):
        before = len(books.api.requested) - books.requests(AAA)
        for second in range(seconds):
            books.book(AAA, book_of(20 + second % 2))  # each poll gives a reason to ask for trades
            await books.next(1.0)
        counts.append(len(books.api.requested) - books.requests(AAA) - before)
    books.trades(AAA, {**trade_row(1), "timestamp": books.clock.now})
    for _ in range(121):
        await books.next(1.0)
    told = [event for event in books.events if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert counts == [4, 8, 2], "both paths each time"
    assert len(told) == 1


async def test_no_pause_is_left_once_trades_could_be_read() -> None:
    books = Books()
    books.trades(AAA, *NO_HASH)
    for _ in range(5):
        await books.feed.snapshot(AAA)
    books.trades(AAA, {**trade_row(1), "timestamp": 101})
    await books.feed.snapshot(AAA)
    books.trades(AAA, {**trade_row(2), "timestamp": books.clock.now}, {**trade_row(1), "timestamp": 101})
    await books.run(AAA)
    told = [event.timestamp for event in books.events if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [books.clock.now], "the poll does not wait"


async def test_trades_that_hang_do_not_hold_up_the_order_book() -> None:
    books = Books()
    books.trades(AAA, trade_row(1))
    await books.run(AAA)
    ask = books.api.request

    async def request(method, url, *, timeout, **arguments):
        if "/trades/" in url:
            await books.clock.sleep(timeout)
            raise ApiUnavailableError("no answer in time")
        return await ask(method, url, timeout=timeout, **arguments)

    books.api.request = request
    before = books.requests(AAA)
    for second in range(40):
        books.book(AAA, book_of(20 + second))
        await books.next(1.0)
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert books.requests(AAA) - before >= 30, "one poll a second, whatever becomes of the trades"


async def test_trades_since_a_first_look_that_found_nothing_out_are_news() -> None:
    books = Books()
    books.trades(AAA, error=ApiUnavailableError("away"))
    await books.feed.snapshot(AAA)
    books.clock.now += 60
    rows = ((4, 1_061.0), (3, 1_030.0), (2, 1_001.0), (1, 980.0))
    books.trades(AAA, *({**trade_row(number), "timestamp": timestamp} for number, timestamp in rows))
    await books.run(AAA)
    told = [event.timestamp for event in books.events if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [1_001.0, 1_030.0, 1_061.0]


async def test_after_what_another_source_told_nothing_comes_that_is_much_older() -> None:
    books = Books()
    books.trades(AAA, error=ApiUnavailableError("away"))
    await books.feed.snapshot(AAA)
    books.clock.now += 400
    rows = [{**trade_row(number), "timestamp": timestamp} for number, timestamp in
            ((5, 1_391.0), (4, 1_390.0), (3, 1_335.0), (2, 1_329.0), (1, 1_012.0))]
    books.told.add(AAA, trade_key(f"0x{4:064x}", 4, True), 2.0)
    books.trades(AAA, *rows)
    await books.run(AAA)
    told = [event.timestamp for event in books.events if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [1_335.0, 1_390.0, 1_391.0], "whoever hears of them knows the one in the middle"


async def test_trades_since_such_a_first_look_are_news_though_a_snapshot_is_the_first_to_read_them() -> None:
    books = Books()
    books.book(AAA, ApiUnavailableError("away"))
    books.trades(AAA, error=ApiUnavailableError("away"))
    await books.run(AAA)
    with pytest.raises(ApiUnavailableError):
        await books.feed.snapshot(AAA)
    books.clock.now += 300
    rows = ((3, 1_300.0), (2, 1_001.0), (1, 980.0))
    books.trades(AAA, *({**trade_row(number), "timestamp": timestamp} for number, timestamp in rows))
    books.book(AAA, book_of(10))
    await books.feed.snapshot(AAA)
    await books.next(5.0)
    told = [event.timestamp for event in books.events if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [1_001.0, 1_300.0]


def aged(*rows: tuple[int, float]) -> list[dict[str, object]]:
    return [{**trade_row(number), "timestamp": timestamp} for number, timestamp in rows]


async def test_what_an_api_finds_again_after_it_told_of_no_trades_is_history() -> None:
    books = Books()
    await books.run(AAA)
    books.book(AAA, book_of(11))
    books.trades(AAA, *aged((3, 1_001.0), (2, 700.0), (1, 400.0)))
    told = [event.timestamp for event in await books.next() if isinstance(event, PublicTrade)]
    books.book(AAA, book_of(12))
    books.trades(AAA, *aged((4, 1_002.0), (3, 1_001.0), (7, 1_000.0), (6, 900.0), (2, 700.0), (5, 500.0), (1, 400.0)))
    later = [event.timestamp for event in await books.next() if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert (told, later) == ([1_001.0], [1_000.0, 1_002.0])


@pytest.mark.parametrize(("ids", "told"), [(("7", "7"), [1.0]), (("7", "8"), [1.0, 3.0]), (("", ""), [1.0, 3.0])])
async def test_a_row_whose_amount_is_corrected_is_the_same_trade(ids: tuple[str, str], told: list[float]) -> None:
    books, amounts = Books(), []
    books.trades(AAA, trade_row(1))
    await books.run(AAA)
    for number, (row_id, amount) in enumerate(zip(ids, (1.0, 3.0)), start=12):
        books.book(AAA, book_of(number))
        books.trades(AAA, {**trade_row(2), "id": row_id, "baseAmount": amount}, trade_row(1))
        amounts += [event.amount for event in await books.next() if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert amounts == told


async def test_what_is_newer_than_all_that_was_told_is_news_whatever_this_machine_takes_for_the_time() -> None:
    books = Books()
    books.clock.now += 3_600  # of the chain's time it is 1,000
    books.trades(AAA, *aged((1, 990.0)))
    await books.run(AAA)
    books.book(AAA, book_of(11))
    books.trades(AAA, *aged((3, 1_001.0), (1, 990.0), (2, 980.0)))
    told = [event.timestamp for event in await books.next() if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [1_001.0]


async def test_an_api_that_stands_still_does_not_make_trades_complete() -> None:
    books = Books()
    freshness = Freshness({BOOK: market_of(AAA)}.get, books.clock)
    books.feed = PollingMarketFeed(RestClient(books.api, ["https://api.test"]), market_of, books.clock, 1.0, told=books.told,
                                   freshness=freshness)
    await books.run(AAA)
    freshness.on_chain([trade(1, book=BOOK)], 1, 1)
    for _ in range(20):
        await books.next()
    missing = books.told.seconds_missing([AAA])
    books.trades(AAA, {**trade_row(1), "txHash": trade(1).transaction_hash, "orderId": trade(1).event.id})
    await books.next(5.0)
    told = books.told.seconds_missing([AAA])
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert (missing, told) == (20, 0)
