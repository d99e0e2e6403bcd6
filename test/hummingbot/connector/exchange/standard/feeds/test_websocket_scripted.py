"""The market stream when things happen in an order that a real server seldom brings about."""
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds import websocket
from hummingbot.connector.exchange.standard.feeds.base import BookDelta, BookSnapshot, UpdateIds
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS, Freshness
from hummingbot.connector.exchange.standard.feeds.protocols.messages import Answered, BlockReached, Hint, Refused, Told
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.feeds.websocket import CHECK_INTERVAL, WebsocketMarketFeed
from hummingbot.connector.exchange.standard.rest.models import trade_key
from hummingbot.connector.exchange.standard.standard_constants import WS_SNAPSHOT_RETRY
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.feeds.scripted import (
    MARKETS,
    SOMI,
    WBTC,
    Connection,
    Dialect,
    book,
    changed,
    pass_time,
    trade,
    trades,
    whole,
)
from test.hummingbot.connector.exchange.standard.feeds.streams import Listener
from test.hummingbot.connector.exchange.standard.feeds.test_freshness import trade as on_chain

PAIR, OTHER = SOMI.trading_pair, WBTC.trading_pair
AWAY = ApiUnavailableError("the API is away")


class Scene:
    """A feed, its connection, its API and what it told."""

    def __init__(self, **traits: Any) -> None:
        self.clock = ManualClock()
        self.line = Connection()
        self.dialect = Dialect(**traits)
        self.told = ToldTrades(self.clock)
        self.feed = WebsocketMarketFeed(self.line, "wss://stream.test", self.dialect,  # type: ignore[arg-type]
                                        MARKETS.__getitem__, UpdateIds(self.clock), self.clock, self.told)
        self.listener: Listener

    @property
    def bids(self) -> list[Any]:
        """What each event of the book said of the bids."""
        return [list(event.bids) for event in self.listener.events if isinstance(event, (BookSnapshot, BookDelta))]

    async def pass_time(self, seconds: float) -> None:
        await pass_time(self.clock, seconds)

    async def broken(self) -> str:
        error = await self.listener.broken()
        assert isinstance(error, StreamBrokenError)
        return str(error)


@asynccontextmanager
async def running(*pairs: str, scene: Scene | None = None, **traits: Any) -> AsyncIterator[Scene]:
    scene = scene or Scene(**traits)
    async with Listener(scene.feed, list(pairs or (PAIR,))) as scene.listener:
        await settle()
        yield scene


async def test_a_pair_is_carried_once_however_often_it_is_added_or_removed() -> None:
    scene = Scene()
    scene.feed.add_pair(PAIR)
    assert scene.line.sent == [], "a feed that does not run has nothing to add to"
    async with running(scene=scene):
        scene.feed.add_pair(PAIR)
        scene.feed.remove_pair(OTHER)
        await settle()
        assert scene.line.methods == [f"orderbook {PAIR}", f"trades {PAIR}"]
        scene.feed.remove_pair(PAIR)
        scene.feed.remove_pair(PAIR)
        await settle()
        assert scene.line.methods[2:] == [f"leave {PAIR}"]


async def test_a_pair_that_is_removed_before_the_connection_is_open_is_never_asked_for() -> None:
    scene = Scene()
    scene.line.open.clear()
    async with running(PAIR, OTHER, scene=scene):
        scene.feed.remove_pair(OTHER)
        scene.line.open.set()
        await settle()
        assert scene.line.methods == [f"orderbook {PAIR}", f"trades {PAIR}"]


async def test_a_pair_that_is_removed_while_it_is_asked_for_is_asked_for_no_further() -> None:
    async with running(has_snapshots=True) as scene:
        scene.line.tell(book(whole(), 1), trades(is_whole=True, sequence=1))
        scene.line.answers = False
        scene.feed.add_pair(OTHER)
        await settle()
        scene.line.answers = True
        scene.feed.remove_pair(OTHER)
        scene.line.tell(Answered(scene.line.sent[-1]["id"]))
        await scene.pass_time(WS_SNAPSHOT_RETRY + 1.0)
        assert not scene.listener.task.done() and scene.line.methods[2:] == [f"orderbook {OTHER}", f"leave {OTHER}"]


async def test_a_stream_that_does_not_begin_is_asked_for_again() -> None:
    async with running(has_snapshots=True) as scene:
        scene.line.tell(book(whole(), 1))
        await scene.pass_time(WS_SNAPSHOT_RETRY + 1.0)
        assert not scene.listener.task.done() and scene.line.methods.count(f"trades {PAIR}") > 1


async def test_until_the_stream_has_told_a_book_the_snapshot_is_the_apis() -> None:
    async with running(has_snapshots=True) as scene:
        scene.dialect.api_book = whole((7.0, 1.0))
        assert (await scene.feed.snapshot(PAIR)).bids == ((7.0, 1.0),)
        scene.line.tell(book(whole((8.0, 1.0)), 1))
        await settle()
        assert (await scene.feed.snapshot(PAIR)).bids == [(8.0, 1.0)]


async def test_a_hint_makes_the_feed_look_at_the_trades() -> None:
    async with running() as scene:
        scene.dialect.api_trades = [trade("a")]
        scene.line.tell(Told(f"trades:{SOMI.book}", None, None, Hint()), Told(f"trades:{WBTC.book}", None, None, Hint()))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["a"]
        assert scene.dialect.asked == ["book", "trades", "trades"]


async def test_news_of_a_market_that_nobody_wants_any_more_are_left_out() -> None:
    async with running(has_snapshots=True) as scene:
        scene.line.tell(book(whole(), 1))
        scene.line.tell(book(whole(), 1, market=WBTC))
        scene.line.tell(BlockReached(7, {f"orderbook:{WBTC.book}": 3}))
        await settle()
        asked = len(scene.line.sent)
        scene.line.tell(book(changed((9.0, 2.0)), 1_000, 999))
        await settle()
        assert len(scene.line.sent) == asked + 1 and not scene.listener.task.done()
        scene.line.tell(BlockReached(8, {f"orderbook:{SOMI.book}": 1_001}))
        await settle()
        assert len(scene.line.sent) == asked + 1, "it was asked for again already"


async def test_a_change_before_the_book_was_read_is_made_to_it_since_the_api_may_be_behind() -> None:
    scene = Scene()
    scene.line.answers = False
    async with running(scene=scene):
        scene.line.tell(book(changed((9.0, 2.0))))
        scene.line.answers = True
        for number in (1, 2):
            scene.line.tell(Answered(number))
            await settle()
        assert scene.bids == [[(9.0, 1.0)], [(9.0, 2.0)]]


async def test_a_change_that_nobody_has_asked_for_yet_is_left_out_where_a_whole_book_comes_first() -> None:
    scene = Scene(has_snapshots=True)
    scene.line.answers = False
    async with running(PAIR, OTHER, scene=scene):
        scene.line.tell(book(changed((9.0, 2.0)), 5, 4, market=WBTC))
        await settle()
        assert scene.bids == [] and scene.line.methods == [f"orderbook {PAIR}"]


async def test_the_change_that_shows_a_gap_is_made_to_the_book_that_the_api_tells() -> None:
    async with running() as scene:
        scene.line.tell(book(changed((9.0, 2.0)), 2, 1))
        await settle()
        scene.dialect.api_book = whole((9.0, 3.0))  # and it is behind the stream
        scene.line.tell(book(changed((8.0, 5.0)), 5, 4))
        scene.line.tell(book(changed((8.0, 6.0)), 6, 5))
        await settle()
        assert scene.bids[-3:] == [[(9.0, 3.0)], [(8.0, 5.0)], [(8.0, 6.0)]]


async def test_a_change_that_comes_late_undoes_nothing() -> None:
    async with running() as scene:
        scene.dialect.api_book = whole((9.0, 3.0))
        scene.line.tell(book(changed((9.0, 3.0)), 2, 1))
        scene.line.tell(book(changed((9.0, 2.0)), 1, 0))
        await settle()
        assert scene.bids[-2:] == [[(9.0, 3.0)], [(9.0, 3.0)]]


async def test_a_gap_while_the_book_is_read_makes_it_be_read_once_more() -> None:
    async with running() as scene:
        scene.line.tell(book(changed((9.0, 2.0)), 2, 1))
        await settle()
        scene.dialect.answers.clear()
        scene.line.tell(book(changed((9.0, 3.0)), 5, 4), book(changed((9.0, 4.0)), 9, 8), book(changed((9.0, 5.0)), 12, 11))
        await settle()
        assert scene.dialect.asked.count("book") == 2
        scene.dialect.api_book = whole((9.0, 6.0))
        scene.dialect.answers.set()
        await settle()
        assert scene.dialect.asked.count("book") == 3 and scene.bids[-1] == [(9.0, 6.0)]


async def test_changes_that_come_while_the_book_is_read_are_made_to_it_afterwards() -> None:
    async with running() as scene:
        scene.line.tell(book(changed((9.0, 2.0)), 2, 1))
        await settle()
        scene.dialect.answers.clear()
        scene.line.tell(book(changed((9.0, 3.0)), 5, 4))
        await settle()
        told = len(scene.bids)
        scene.line.tell(book(changed((9.0, 4.0)), 6, 5), book(changed((8.0, 1.0)), 7, 6))
        await settle()
        assert len(scene.bids) == told, "nothing is told of a book that is not known"
        scene.dialect.api_book = whole((9.0, 3.0))
        scene.dialect.answers.set()
        await settle()
        assert scene.bids[told:] == [[(9.0, 3.0)], [(9.0, 3.0)], [(9.0, 4.0)], [(8.0, 1.0)]]


async def test_a_whole_book_that_comes_while_the_api_is_asked_is_not_replaced_by_an_older_one() -> None:
    async with running() as scene:
        scene.dialect.answers.clear()
        scene.line.tell(book(changed((9.0, 3.0)), 5, 4), book(changed((9.0, 4.0)), 7, 6))  # with a gap between them
        await settle()
        scene.line.tell(book(whole((9.0, 5.0)), 8, 7))
        await settle()
        assert scene.bids[-1] == [(9.0, 5.0)]
        scene.line.tell(book(changed((8.0, 1.0)), 9, 8))
        await settle()
        scene.dialect.api_book = whole((9.0, 3.0))
        scene.dialect.answers.set()
        await settle()
        levels = scene.feed._lines[PAIR].snapshot(SOMI)
        assert levels is not None and list(levels.bids) == [(9.0, 5.0), (8.0, 1.0)]


async def test_a_gap_among_trades_makes_them_be_read() -> None:
    async with running() as scene:
        scene.line.tell(trades(trade("a"), sequence=1))
        await settle()
        scene.dialect.api_trades = [trade("a"), trade("b"), trade("c")]
        scene.line.tell(trades(trade("c"), sequence=3, previous=2))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["a", "b", "c"]


def hint(sequence: int, previous: int) -> Told:
    return Told(f"trades:{SOMI.book}", previous, sequence, Hint())


async def test_a_numbered_hint_is_no_gap_among_the_trades() -> None:
    async with running() as scene:
        scene.line.tell(trades(trade("a"), sequence=1))
        scene.line.tell(hint(2, 1))
        await settle()
        asked = scene.dialect.asked.count("trades")
        scene.line.tell(trades(trade("c"), sequence=3, previous=2))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["a", "c"]
        assert scene.dialect.asked.count("trades") == asked and scene.feed._lines[PAIR]._gaps.count == 0


async def test_what_is_missing_before_a_hint_is_read_with_it_and_what_is_missing_after_it_is_noticed() -> None:
    async with running() as scene:
        scene.line.tell(trades(trade("a"), sequence=1))
        await settle()
        for names, told in (("abc", hint(3, 2)), ("abcde", trades(trade("e"), sequence=5, previous=4))):
            scene.dialect.api_trades = [trade(name) for name in names]
            scene.line.tell(told)
            await settle()
            assert [event.trade_id for event in scene.listener.trades] == list(names)


async def test_of_two_first_trades_that_come_the_wrong_way_round_none_is_lost() -> None:
    async with running() as scene:
        scene.dialect.api_trades = [trade("a"), trade("b")]
        scene.line.tell(trades(trade("b"), sequence=2, previous=1))
        scene.line.tell(trades(trade("a"), sequence=1, previous=0))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["b", "a"]


async def test_trades_of_long_ago_are_known_and_not_told() -> None:
    scene = Scene()
    scene.dialect.api_trades = [trade("old", 900.0), trade("new", 990.0)]
    async with running(scene=scene):
        scene.line.tell(trades(trade("old", 900.0), trade("newest")))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["new", "newest"]


async def test_the_first_trades_of_a_pair_since_all_were_told_are_news_however_old() -> None:
    scene = Scene()
    scene.told.complete(PAIR)  # there were none
    scene.clock.now += 60
    scene.dialect.api_trades = [trade("old", 980.0), trade("since", 990.0)]  # it is 1060 now
    async with running(scene=scene):
        assert [event.trade_id for event in scene.listener.trades] == ["since"]


async def test_what_follows_a_trade_that_another_source_told_is_news_however_old() -> None:
    scene = Scene()
    scene.told.add(PAIR, "known", 1.0)
    scene.dialect.api_trades = [trade("history", 990.0), trade("known", 900.0), trade("late", 901.0)]
    async with running(scene=scene):
        assert [event.trade_id for event in scene.listener.trades] == ["late"]


async def test_all_trades_of_a_transaction_with_an_order_are_known_when_one_is() -> None:
    """A page of trades may begin in the middle of a transaction: its first row there is not its first trade. Those with other
    orders are news: the source before this one may have missed them."""
    scene = Scene()
    scene.told.add(PAIR, "0x1:7:True", 1.0)
    scene.dialect.api_trades = [trade(name, 999.0)._replace(place=("", name)) for name in
                                ("0x0:1:True", "0x1:7:True", "0x1:7:True", "0x1:8:True", "0x2:8:True")]
    scene.dialect.api_trades[2] = scene.dialect.api_trades[2]._replace(place=("", "another"))
    async with running(scene=scene):
        assert [event.trade_id for event in scene.listener.trades] == ["0x1:8:True", "0x2:8:True"]


async def test_a_second_trade_with_the_same_order_is_found_by_the_api() -> None:
    async with running() as scene:
        scene.dialect.api_trades = [trade("a"), trade("a#1")]
        scene.line.tell(trades(trade("a")), trades(trade("a")))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["a", "a#1"]


async def test_trades_that_look_the_same_in_places_of_their_own_are_told_apart() -> None:
    async with running() as scene:
        scene.line.tell(trades(*(trade("a")._replace(place=(7, number)) for number in (1, 2, 2))))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["a", "a#1"]
        assert scene.dialect.asked.count("trades") == 1, "the API was not needed"


async def test_a_trade_that_a_stream_without_numbers_left_out_is_found_with_the_next_check() -> None:
    async with running(max_silence=5.0) as scene:
        scene.line.tell(trades(trade("a")))
        scene.dialect.api_trades = [trade("a", 1_001.0), trade("b", 1_002.0)]
        for _ in range(int(CHECK_INTERVAL) + 2):
            scene.line.tell(book(changed((9.0, 1.0))))
            await scene.pass_time(1.0)
        assert [event.trade_id for event in scene.listener.trades] == ["a", "b"]
        assert scene.dialect.asked.count("trades") == 2


async def test_what_a_later_look_finds_behind_the_first_one_is_history() -> None:
    scene = Scene()
    scene.dialect.api_trades = [trade("first", 990.0), trade("second", 991.0)]
    async with running(scene=scene):
        scene.dialect.api_trades = [trade("before", 980.0), *scene.dialect.api_trades, trade("third", 1_001.0)]
        scene.line.tell(Told(f"trades:{SOMI.book}", None, None, Hint()))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["first", "second", "third"]


@pytest.mark.parametrize("shown", [(), (500.0, 900.0)])
async def test_what_the_first_look_lacked_from_before_the_bot_began_is_history(shown: tuple[float, ...]) -> None:
    scene = Scene()
    scene.told.begin(PAIR)
    scene.dialect.api_trades = [trade(str(time), time) for time in shown]
    async with running(scene=scene):
        scene.dialect.api_trades = [trade(str(time), time) for time in (500.0, 600.0, 700.0, 900.0, 990.0, 1_001.0)]
        scene.line.tell(Told(f"trades:{SOMI.book}", None, None, Hint()))
        await settle()
        assert [event.timestamp for event in scene.listener.trades] == [990.0, 1_001.0]


async def test_a_first_list_whose_oldest_trade_has_a_wrong_time_does_not_make_all_later_ones_history() -> None:
    scene = Scene()
    scene.dialect.api_trades = [trade("wrong", 4e9), trade("old", 900.0)]
    async with running(scene=scene):
        scene.dialect.api_trades = [*scene.dialect.api_trades, trade("new", 1_001.0)]
        scene.line.tell(Told(f"trades:{SOMI.book}", None, None, Hint()))
        await settle()
        assert "new" in [event.trade_id for event in scene.listener.trades]


async def test_a_level_deeper_than_the_api_tells_is_dropped_without_blame() -> None:
    async with running(max_silence=1.0) as scene:
        scene.line.tell(book(changed((8.0, 1.0))))
        for _ in range(8):
            await scene.pass_time(0.5)
        assert scene.bids[-1] == [(9.0, 1.0)] and not scene.listener.task.done()
        scene.dialect.api_book = whole((9.0, 1.0), (8.0, 2.0))
        for _ in range(8):
            await scene.pass_time(0.5)
        assert scene.bids[-1] == [(9.0, 1.0), (8.0, 2.0)] and not scene.listener.task.done(), "this is the first contradiction"


async def test_a_contradiction_makes_the_trades_be_read_too() -> None:
    async with running(max_silence=1.0) as scene:
        scene.dialect.api_trades = [trade("a")]
        scene.dialect.api_book = whole((9.0, 7.0))
        await scene.pass_time(2.5)
        assert [event.trade_id for event in scene.listener.trades] == ["a"]


async def test_only_so_many_trades_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MAX_REMEMBERED_TRADES", 2)
    async with running() as scene:
        for name in ("a", "b", "b", "c", "a", "c"):
            scene.line.tell(trades(trade(name)))
        await settle()
        assert [event.trade_id for event in scene.listener.trades] == ["a", "b", "c", "a"]


@pytest.mark.parametrize(("what", "words"), [("api_book", "the book that the stream changes could not be read"),
                                             ("api_trades", "the trades that the stream continues could not be read")])
async def test_a_stream_without_the_api_that_it_builds_on_is_broken(what: str, words: str) -> None:
    scene = Scene()
    setattr(scene.dialect, what, AWAY)
    async with running(scene=scene):
        assert await scene.broken() == f"{words}: the API is away"


async def test_a_quiet_book_is_compared_with_a_slow_api_once_at_a_time() -> None:
    async with running(max_silence=1.5) as scene:
        scene.dialect.answers.clear()
        before = scene.dialect.asked.count("book")
        await scene.pass_time(15.0)
        assert scene.dialect.asked.count("book") == before + 1
        scene.dialect.api_book = whole((9.0, 2.0))
        scene.dialect.answers.set()
        await scene.pass_time(1.0)
        assert scene.bids[-1] == [(9.0, 2.0)] and not scene.listener.task.done(), "it is one contradiction"
        await scene.pass_time(2.5)
        assert scene.dialect.asked.count("book") == before + 4, "and is compared again"


async def test_a_connection_that_carries_nothing_may_be_silent() -> None:
    async with running(tells_blocks=True, has_snapshots=True, max_silence=1.0) as scene:
        scene.feed.remove_pair(PAIR)
        await scene.pass_time(5.0)
        assert not scene.listener.task.done()


async def test_a_stream_is_not_silent_before_a_block_of_its_chain_should_have_come() -> None:
    async with running(tells_blocks=True, max_silence=1.0, learned_silence=4.0) as scene:
        await scene.pass_time(3.5)
        assert not scene.listener.task.done()
        await scene.pass_time(1.0)
        assert "the stream was silent for 4." in await scene.broken()


async def test_a_silent_stream_that_the_api_cannot_speak_for_is_broken() -> None:
    async with running(max_silence=1.0) as scene:
        scene.dialect.api_book = AWAY
        await scene.pass_time(2.0)
        assert "silent, and the API does not say whether rightly: the API is away" in await scene.broken()


async def test_a_stream_that_speaks_is_not_blamed_for_an_api_that_is_away() -> None:
    async with running(max_silence=5.0) as scene:
        scene.dialect.api_book = AWAY
        for _ in range(int(CHECK_INTERVAL) + 2):
            scene.line.tell(book(changed((9.0, 2.0))))
            await scene.pass_time(1.0)
        assert scene.dialect.asked.count("book") == 2 and not scene.listener.task.done()


async def test_a_contradiction_is_not_read_twice_when_the_book_is_being_read_already() -> None:
    async with running(max_silence=1.0) as scene:
        scene.line.tell(book(changed((9.0, 2.0)), 2, 1))
        await settle()
        scene.dialect.api_book = whole((9.0, 7.0))
        await scene.pass_time(1.75)
        assert scene.dialect.asked.count("book") == 3, "it was looked at twice"
        scene.dialect.answers.clear()
        scene.line.tell(book(changed((9.0, 3.0)), 5, 4))
        await scene.pass_time(0.75)
        assert scene.dialect.asked.count("book") == 4
        scene.dialect.answers.set()
        await settle()
        assert scene.dialect.asked.count("book") == 4 and scene.bids[-2:] == [[(9.0, 7.0)], [(9.0, 3.0)]]


async def test_the_stream_of_an_api_that_is_behind_the_chain_tells_an_old_book(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(max_silence=5.0)
    freshness = scene.feed._freshness = Freshness({SOMI.book: SOMI}.get, scene.clock)
    told = on_chain(1, book=SOMI.book)
    async with running(scene=scene):
        freshness.begin(PAIR)
        freshness.forget(PAIR)  # as polling does when the stream takes over
        freshness.on_chain([told], 1, 1)
        for _ in range(int(STALE_SECONDS) + 1):
            scene.line.tell(book(changed((9.0, 1.0))))
            await scene.pass_time(1.0)
        assert freshness.age(PAIR) > STALE_SECONDS and caplog.text.count("old: no order is placed by it") == 1
        assert 6 <= scene.dialect.asked.count("trades") <= 8
        scene.dialect.api_trades = [trade(trade_key(told.transaction_hash, told.event.id, True))]
        for _ in range(7):
            scene.line.tell(book(changed((9.0, 1.0))))
            await scene.pass_time(1.0)
        assert freshness.age(PAIR) == 0 and not scene.listener.task.done()
        freshness.on_chain([on_chain(2, book=SOMI.book)], 2, 2)
        scene.feed.remove_pair(PAIR)
        await scene.pass_time(10.0)
        assert freshness.age(PAIR) == 0, "nobody knows of a book that nobody tells"
        scene.feed.add_pair(PAIR)
    freshness.on_chain([on_chain(3, book=SOMI.book)], 3, 3)
    assert not freshness.awaits(PAIR), "the stream has ended"


async def test_a_lively_stream_is_not_left_for_an_api_that_does_not_tell_the_trade_that_is_awaited() -> None:
    scene = Scene(max_silence=5.0)
    freshness = scene.feed._freshness = Freshness({SOMI.book: SOMI}.get, scene.clock)
    async with running(scene=scene):
        freshness.told(PAIR, [])  # the API tells trades
        freshness.on_chain([on_chain(1, book=SOMI.book)], 1, 1)
        asked = scene.dialect.asked.count("book")
        scene.dialect.api_trades = AWAY
        for number in range(12):
            scene.line.tell(book(changed((9.0, 2.0 + number))))
            await scene.pass_time(1.0)
        assert freshness.awaits(PAIR) and not scene.listener.task.done()
        assert scene.dialect.asked.count("trades") == 3 and scene.dialect.asked.count("book") == asked


async def test_of_two_answers_to_a_request_the_first_counts() -> None:
    scene = Scene()
    scene.line.answers = False
    async with running(scene=scene):
        scene.line.tell(Answered(1), Refused(1, 1004, "no pair"))
        await settle()
        assert scene.line.methods == [f"orderbook {PAIR}", f"trades {PAIR}"] and not scene.listener.task.done()


async def test_what_ends_a_connection_ends_the_feed() -> None:
    for how, words in ((None, "the connection was closed"), (OSError("reset"), "the connection broke: reset")):
        async with running() as scene:
            scene.line.end(how)
            assert await scene.broken() == words
    scene = Scene()
    scene.line.refusal = TimeoutError()
    async with running(scene=scene):
        assert await scene.broken() == "stream.test does not answer"
    scene = Scene()
    scene.line.broken = RuntimeError("WS is not connected.")
    async with running(scene=scene):
        assert await scene.broken() == "the connection broke: WS is not connected."


async def test_several_connections_that_break_at_once_are_one_end() -> None:
    async with running(PAIR, OTHER, is_shared=False) as scene:
        scene.line.end(None)
        scene.line.end(None)
        assert await scene.broken() == "the connection was closed"
        assert await asyncio.gather(scene.listener.task, return_exceptions=True) == [scene.listener.breaks[0]]


async def test_many_hints_do_not_ask_for_the_trades_once_each_while_the_api_is_slow() -> None:
    async with running() as scene:
        asked, answer = [], asyncio.Event()

        async def trades(market):
            asked.append(market)
            await answer.wait()
            return []

        scene.dialect.trades = trades
        for _ in range(500):
            scene.line.tell(Told(f"trades:{SOMI.book}", None, None, Hint()))
        await settle()
        for _ in range(10):
            await settle()
        at_once = len(asked)
        answer.set()
        await settle()
        assert at_once == 1 and len(asked) == 2
