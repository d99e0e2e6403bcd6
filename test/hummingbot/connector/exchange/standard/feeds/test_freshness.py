"""How old a polled book is held to be."""
from collections.abc import Iterator

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.freshness import (
    BEHIND_SECONDS,
    MANY_TRADES,
    MAX_AWAITED_TRADES,
    SETTLED_SECONDS,
    STALE_SECONDS,
    UNASKED_SECONDS,
    Freshness,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.rest.models import trade_key
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

MARKET = Market(Token("0x" + "aa" * 20, "AAA", 18), Token("0x" + "dc" * 20, "USDC", 6), "0x" + "b0" * 20)
PAIR, SOMEBODY = MARKET.trading_pair, "0x" + "51" * 20


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def freshness(clock: ManualClock) -> Iterator[Freshness]:
    freshness = Freshness({MARKET.book: MARKET}.get, clock)
    freshness.read(PAIR, clock.now)
    freshness.told(PAIR, [])
    yield freshness


def trade(number: int, base: int = 10 ** 18, book: str = MARKET.book) -> EngineLog:
    event = OrderMatched(book, 1, number, True, 10 ** 8, base, False, SOMEBODY, SOMEBODY, base, 10 ** 6, 0, 0, number)
    return EngineLog(event, f"0x{number:064x}", number, 0)


def row(number: int, timestamp: float = 0.0) -> tuple[str, float]:
    return trade_key(f"0x{number:064x}", number, True), timestamp


def test_a_book_is_as_old_as_the_last_answer(freshness: Freshness, clock: ManualClock) -> None:
    clock.now += 7
    assert freshness.age(PAIR) == 7 and freshness.age("BBB-USDC") == 0
    freshness.read(PAIR, clock.now)
    assert freshness.age(PAIR) == 0
    freshness.read(PAIR, clock.now - 3)
    assert freshness.age(PAIR) == 3, "it may be from when it was asked for, however late it comes"


def test_whoever_asks_for_books_is_told_of_each_trade_that_is_awaited_once(freshness: Freshness) -> None:
    moved: list[str] = []
    freshness.awaited = moved.append
    freshness.on_chain([trade(1), trade(2)], 1, 2)
    freshness.on_chain([trade(1), trade(2), trade(3)], 1, 3)
    assert moved == [MARKET.trading_pair] * 3


def test_a_trade_that_was_told_is_not_awaited_again_when_its_logs_are_read_again(freshness: Freshness) -> None:
    moved: list[str] = []
    freshness.awaited = moved.append
    freshness.on_chain([trade(1), trade(2)], 1, 2)
    freshness.told(PAIR, [row(2)])
    freshness.on_chain([trade(1), trade(2)], 1, 3)
    freshness.on_chain([trade(2)], 2, 4)
    assert not freshness.awaits(PAIR) and len(moved) == 2
    freshness.on_chain([], 2, 5)  # its block was replaced
    freshness.on_chain([trade(2)], 2, 6)
    assert freshness.awaits(PAIR) and len(moved) == 3


def test_a_trade_that_was_told_is_awaited_anew_in_another_block(freshness: Freshness) -> None:
    freshness.on_chain([trade(2)], 1, 2)
    freshness.told(PAIR, [row(2)])
    freshness.on_chain([trade(2)._replace(block_number=3)], 1, 3)
    assert freshness.awaits(PAIR)


def test_a_trade_that_the_api_does_not_tell_makes_the_book_older(freshness: Freshness, clock: ManualClock) -> None:
    freshness.on_chain([trade(1), trade(2)], 1, 2)
    clock.now += 5
    freshness.on_chain([trade(1), trade(2), trade(3)], 1, 3)
    clock.now += 5
    freshness.read(PAIR, clock.now)
    assert freshness.age(PAIR) == 10 and freshness.awaits(PAIR)
    freshness.told(PAIR, [row(2)])
    assert freshness.age(PAIR) == 5, "what was known with it before is known to the API"
    freshness.told(PAIR, [row(9)])
    assert freshness.age(PAIR) == 5
    freshness.told(PAIR, [row(3)])
    assert freshness.age(PAIR) == 0 and not freshness.awaits(PAIR)
    freshness.told(PAIR, [row(3)])


def test_a_trade_that_was_read_at_once_with_an_earlier_one_is_awaited_after_that_was_told(freshness: Freshness,
                                                                                          clock: ManualClock) -> None:
    freshness.on_chain([trade(1), trade(30)], 1, 60)
    freshness.told(PAIR, [row(1)])
    clock.now += STALE_SECONDS + 1
    freshness.read(PAIR, clock.now)
    assert freshness.age(PAIR) > STALE_SECONDS, "the API may stand still at the first one"
    freshness.told(PAIR, [row(30), row(1)])
    assert freshness.age(PAIR) == 0


def test_what_happens_while_nobody_polls_says_nothing_of_polling(freshness: Freshness, clock: ManualClock) -> None:
    freshness.on_chain([trade(1)], 1, 1)
    freshness.forget(PAIR)
    freshness.on_chain([trade(2)], 2, 2)
    clock.now += 3_600
    assert freshness.age(PAIR) == 0 and not freshness.awaits(PAIR)
    freshness.begin(PAIR)
    freshness.on_chain([trade(3)], 3, 3)
    assert freshness.age(PAIR) == 0 and freshness.awaits(PAIR)
    clock.now += 5
    assert freshness.age(PAIR) == 5, "the API has not answered since"
    freshness.begin(PAIR)
    assert freshness.age(PAIR) == 5, "a poll that broke and is begun again is no answer"


def test_what_was_awaited_when_a_stream_broke_is_awaited_by_the_polls_that_follow(freshness: Freshness,
                                                                                  clock: ManualClock) -> None:
    freshness.forget(PAIR)
    freshness.follow(PAIR)
    freshness.on_chain([trade(1)], 1, 1)
    for pause in (1.0, UNASKED_SECONDS + 1):
        clock.now += 10
        freshness.unfollow(PAIR)
        assert freshness.age(PAIR) == 0 and not freshness.awaits(PAIR), "of what nobody asks for nothing is known"
        clock.now += pause
        freshness.begin(PAIR)
        assert freshness.awaits(PAIR) is (pause < UNASKED_SECONDS) and freshness.age(PAIR) == (11 if pause == 1.0 else 0)
        freshness.forget(PAIR)
        freshness.follow(PAIR)


def test_an_api_that_tells_no_trade_any_more_has_gone_back_in_time(freshness: Freshness, clock: ManualClock) -> None:
    freshness.told(PAIR, [row(1, 4_000.0)])
    freshness.told(PAIR, [])
    assert not freshness.awaits(PAIR), "that one may have been reorganised"
    freshness.told(PAIR, [row(1, 4_000.0)])
    clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [])
    clock.now += 31
    freshness.read(PAIR, clock.now)
    assert freshness.awaits(PAIR) and freshness.age(PAIR) == SETTLED_SECONDS + 31


def test_more_of_the_same_trades_are_no_step_back_in_time(freshness: Freshness, clock: ManualClock) -> None:
    rows = [row(number, 4_000.0 + number) for number in range(5 * MANY_TRADES)]
    for _ in range(3):
        freshness.told(PAIR, rows[-5:])
        clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, rows)
    assert not freshness.awaits(PAIR)


def test_one_trade_with_a_time_of_the_future_says_nothing_of_the_others(freshness: Freshness, clock: ManualClock) -> None:
    rows = [row(number, 4_000.0 + number) for number in range(MANY_TRADES)]
    freshness.told(PAIR, [*rows, row(99, 4e9)])
    clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [*rows, row(99, 4e9)])
    freshness.told(PAIR, rows[:-1])
    assert freshness.awaits(PAIR), "the newest of the others is missing"
    clock.now += STALE_SECONDS + 1
    freshness.told(PAIR, [*rows, row(99, 4_020.0)])
    assert not freshness.awaits(PAIR)


@pytest.mark.parametrize("how", ["tells none", "tells nothing", "does not answer"])
def test_an_api_that_was_behind_once_does_not_stop_trading_for_ever_when_it_tells_no_trades(
        how: str, freshness: Freshness, clock: ManualClock) -> None:
    freshness.told(PAIR, [row(1, 4_000.0)])
    clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [row(0, 3_000.0)])
    assert freshness.awaits(PAIR)
    for _ in range(12):
        clock.now += BEHIND_SECONDS / 10
        freshness.read(PAIR, clock.now)
        if how == "tells none":
            freshness.told(PAIR, [])
        elif how == "tells nothing":
            freshness.untold(PAIR)
    assert not freshness.awaits(PAIR) and freshness.age(PAIR) == 0


def test_trades_of_nothing_and_of_unknown_or_unread_books_are_not_awaited(clock: ManualClock) -> None:
    unread = Freshness({MARKET.book: MARKET}.get, clock)
    unread.on_chain([trade(1)], 1, 1)
    assert not unread.awaits(PAIR)
    unread.read(PAIR, clock.now)
    unread.on_chain([trade(1, base=0), trade(2, book="0x" + "ee" * 20)], 1, 2)
    assert not unread.awaits(PAIR)


def test_a_trade_whose_block_was_replaced_is_not_awaited(freshness: Freshness) -> None:
    freshness.on_chain([trade(1), trade(2)], 1, 2)
    freshness.on_chain([trade(1)], 2, 3)
    freshness.told(PAIR, [row(1)])
    assert not freshness.awaits(PAIR)


def test_no_more_trades_are_awaited_than_the_api_tells_at_once(freshness: Freshness) -> None:
    count = MAX_AWAITED_TRADES + 10
    freshness.on_chain([trade(number) for number in range(count)], 0, count)
    assert len(freshness._awaited[PAIR]) == MAX_AWAITED_TRADES


def test_it_is_said_once_when_a_book_is_too_old_and_once_when_it_is_not_any_more(
        freshness: Freshness, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for seconds in (0, STALE_SECONDS + 1, 1):
        clock.now += seconds
        freshness.report(PAIR)
    freshness.read(PAIR, clock.now)
    for _ in range(2):
        freshness.report(PAIR)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "The order book of AAA-USDC is 31 s old", "The order book of AAA-USDC is up to date again"]


def test_where_the_book_is_answered_and_a_trade_is_not_told_the_warning_says_so(
        freshness: Freshness, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    freshness.on_chain([trade(1)], 1, 1)
    clock.now += STALE_SECONDS + 1
    freshness.read(PAIR, clock.now)
    freshness.report(PAIR)
    assert caplog.messages == ["The order book of AAA-USDC is 31 s old: no order is placed by it until it is newer. The API's "
                               "trades lack one that is on the chain"]


def test_while_the_api_tells_no_trades_they_say_nothing_of_its_books(clock: ManualClock) -> None:
    freshness = Freshness({MARKET.book: MARKET}.get, clock)
    freshness.read(PAIR, clock.now)
    freshness.on_chain([trade(1)], 1, 1)
    clock.now += 60
    freshness.read(PAIR, clock.now)
    assert freshness.age(PAIR) == 0, "it has not told any yet"
    freshness.told(PAIR, [])
    assert freshness.age(PAIR) == 60
    freshness.untold(PAIR)
    assert freshness.age(PAIR) == 60, "that it stops to tell does not prove that it knows of the trade"
    freshness.told(PAIR, [row(1)])
    assert not freshness.awaits(PAIR)
    for _ in range(2):
        freshness.untold(PAIR)
    freshness.on_chain([trade(2)], 2, 2)
    clock.now += 60
    freshness.read(PAIR, clock.now)
    assert freshness.age(PAIR) == 0 and freshness.awaits(PAIR)


def test_one_trade_of_a_transaction_stands_for_all_of_them(freshness: Freshness) -> None:
    one = trade(1)
    freshness.on_chain([one, one._replace(event=one.event._replace(id=8))], 1, 1)
    freshness.told(PAIR, [(trade_key(one.transaction_hash.upper(), 8, True), 0.0)])
    assert not freshness.awaits(PAIR)


def test_a_trade_that_the_api_has_left_out_is_awaited_until_it_tells_of_a_later_one_in_any_market(clock: ManualClock) -> None:
    other = Market(Token("0x" + "bb" * 20, "BBB", 18), MARKET.quote, "0x" + "b1" * 20)
    freshness = Freshness({MARKET.book: MARKET, other.book: other}.get, clock)
    for pair in (PAIR, other.trading_pair):
        freshness.read(pair, clock.now)
    freshness.on_chain([trade(1)], 1, 1)
    clock.now += 5
    freshness.on_chain([trade(2, book=other.book)], 2, 2)
    assert freshness.awaits(PAIR), "it may be told yet"
    freshness.told(other.trading_pair, [row(2)])
    assert not freshness.awaits(PAIR) and freshness.age(PAIR) == 5


def test_a_trade_of_another_market_ends_no_wait_for_later_ones_of_a_busy_market(clock: ManualClock) -> None:
    other = Market(Token("0x" + "bb" * 20, "BBB", 18), MARKET.quote, "0x" + "b1" * 20)
    freshness = Freshness({MARKET.book: MARKET, other.book: other}.get, clock)
    for pair in (PAIR, other.trading_pair):
        freshness.read(pair, clock.now)
    freshness.on_chain([trade(1)], 1, 1)
    clock.now += 5
    freshness.on_chain([trade(2, book=other.book)], 2, 2)
    clock.now += 5
    freshness.on_chain([trade(number) for number in range(3, 3 + MAX_AWAITED_TRADES)], 3, 3 + MAX_AWAITED_TRADES)
    freshness.told(other.trading_pair, [row(2)])
    assert len(freshness._awaited[PAIR]) == MAX_AWAITED_TRADES, "the first of them has only taken over an earlier one's wait"


def test_a_trade_of_a_chain_that_was_begun_anew_since_is_not_awaited(freshness: Freshness) -> None:
    freshness.on_chain([trade(5_000)], 5_000, 5_000)
    freshness.on_chain([], 4_950, 4_990)
    assert freshness.awaits(PAIR), "a node may lag"
    freshness.on_chain([], 1, 20)
    assert not freshness.awaits(PAIR)


def test_an_api_that_stands_still_is_noticed_on_a_busy_market_too() -> None:
    clock = ManualClock()
    freshness = Freshness({MARKET.book: MARKET}.get, clock)
    number = 0
    for _ in range(600):  # ten minutes, three trades a second, of none of which the API tells
        clock.now += 1
        freshness.read(PAIR, clock.now)  # it answers all the while, with what it knew ten minutes ago
        freshness.told(PAIR, [])
        logs = [trade(number + index) for index in range(1, 4)]
        freshness.on_chain(logs, number + 1, number + 3)
        number += 3
    assert number > MAX_AWAITED_TRADES
    assert freshness.age(PAIR) > STALE_SECONDS


def test_an_api_that_goes_back_in_time_gives_old_books(
        freshness: Freshness, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    freshness.told(PAIR, [row(1, 400.0)])
    for second in range(100):  # a lively market, and then another API, an hour behind
        freshness.told(PAIR, [row(2 + second, 4_000.0 + second), row(1, 400.0)])
        clock.now += 1
    for second in range(5):
        freshness.told(PAIR, [row(1, 400.0)])
        freshness.read(PAIR, clock.now)
        freshness.report(PAIR)
        assert freshness.awaits(PAIR) and freshness.age(PAIR) == SETTLED_SECONDS + second
        clock.now += 1
    assert caplog.messages == ["The order book of AAA-USDC is 60 s old: no order is placed by it until it is newer. The API's "
                               "trades lack one that it told before"]
    for _ in range(int(STALE_SECONDS)):
        freshness.told(PAIR, [row(200, 4_090.0), row(1, 400.0)])
        assert freshness.awaits(PAIR) and freshness.age(PAIR) > STALE_SECONDS
        clock.now += 1
        freshness.read(PAIR, clock.now)
    freshness.told(PAIR, [row(200, 4_090.0), row(1, 400.0)])
    assert not freshness.awaits(PAIR) and freshness.age(PAIR) == 0, "about as far as it was"


def test_where_one_of_several_apis_behind_a_url_is_behind_no_order_is_placed(
        freshness: Freshness, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    for second in range(120):
        freshness.told(PAIR, [row(second, 4_000.0 + second)])
        clock.now += 1
    for second in range(120, 420):
        is_behind = second % 10 == 0
        freshness.told(PAIR, [row(1, 400.0) if is_behind else row(second, 4_000.0 + second)])
        freshness.read(PAIR, clock.now)
        freshness.report(PAIR)
        assert freshness.age(PAIR) > STALE_SECONDS
        clock.now += 1
    assert len(caplog.messages) == 1


def test_an_api_is_left_as_long_as_its_trades_are_behind_and_not_where_it_does_not_answer(clock: ManualClock) -> None:
    reasons: list[str] = []
    freshness = Freshness({MARKET.book: MARKET}.get, clock, reasons.append)
    freshness.begin(PAIR)
    clock.now += STALE_SECONDS + 1
    freshness.report(PAIR)
    assert reasons == [], "the next request that fails finds another one"
    freshness.read(PAIR, clock.now)
    freshness.told(PAIR, [])
    freshness.on_chain([trade(1)], 1, 1)
    for _ in range(2):
        clock.now += STALE_SECONDS + 1
        freshness.read(PAIR, clock.now)
        freshness.report(PAIR)
    assert reasons == ["its trades of AAA-USDC lack one that is on the chain"] * 2
    freshness.told(PAIR, [row(1, 4_000.0)])
    freshness.report(PAIR)
    clock.now += SETTLED_SECONDS + 1
    freshness.read(PAIR, clock.now)
    freshness.told(PAIR, [row(1, 4_000.0)])
    freshness.told(PAIR, [row(0, 400.0)])
    freshness.report(PAIR)
    assert reasons[2:] == ["its trades of AAA-USDC lack one that it told before"]


def test_an_api_that_goes_back_after_a_quiet_hour_gives_old_books_too(freshness: Freshness, clock: ManualClock) -> None:
    freshness.told(PAIR, [row(1, 400.0)])
    clock.now += 1
    freshness.told(PAIR, [row(2, 401.0), row(1, 400.0)])
    clock.now += 3_600
    freshness.told(PAIR, [row(1, 400.0)])
    assert freshness.awaits(PAIR)


def test_a_trade_that_a_reorganisation_takes_back_is_not_awaited_though_the_one_before_it_is_old(
        freshness: Freshness, clock: ManualClock) -> None:
    freshness.told(PAIR, [row(1, 400.0)])
    clock.now += 3_600
    freshness.told(PAIR, [row(2, 4_000.0), row(1, 400.0)])
    clock.now += 10
    freshness.told(PAIR, [row(1, 400.0)])
    clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [row(1, 400.0)])
    assert not freshness.awaits(PAIR)


def test_what_was_told_just_before_polling_ended_may_be_reorganised_unseen(freshness: Freshness, clock: ManualClock) -> None:
    freshness.told(PAIR, [row(1, 4_000.0)])
    freshness.forget(PAIR)
    clock.now += 3_600
    freshness.begin(PAIR)
    freshness.told(PAIR, [row(2, 3_999.0)])
    assert not freshness.awaits(PAIR)


def test_an_api_of_a_chain_that_was_begun_anew_has_not_gone_back_in_time(freshness: Freshness, clock: ManualClock) -> None:
    freshness.on_chain([], 4_990, 5_000)
    for timestamp in (4_000.0, 4_100.0):
        freshness.told(PAIR, [row(1, timestamp)])
        clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [row(1, 400.0)])
    assert freshness.awaits(PAIR)
    freshness.on_chain([], 1, 20)
    assert not freshness.awaits(PAIR)
    freshness.told(PAIR, [row(1, 400.0)])
    freshness.on_chain([], 15, 30)
    clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [row(2, 500.0)])
    freshness.told(PAIR, [row(0, 300.0)])
    freshness.on_chain([], 21, 40)
    assert freshness.awaits(PAIR), "once only"


def test_an_api_that_has_lost_a_trade_for_good_is_believed_again_after_a_while(freshness: Freshness, clock: ManualClock) -> None:
    for timestamp in (4_000.0, 4_100.0):
        freshness.told(PAIR, [row(1, timestamp)])
        clock.now += SETTLED_SECONDS + 1
    for _ in range(2):
        freshness.told(PAIR, [row(0, 400.0)])
        assert freshness.awaits(PAIR)
        clock.now += BEHIND_SECONDS
    clock.now += 1
    freshness.told(PAIR, [row(0, 400.0)])
    assert not freshness.awaits(PAIR)
    clock.now += SETTLED_SECONDS + 1
    freshness.told(PAIR, [row(0, 400.0)])
    assert not freshness.awaits(PAIR)


def test_what_is_awaited_when_a_stream_of_the_api_takes_over_from_polling_is_awaited_on(
        freshness: Freshness, clock: ManualClock) -> None:
    freshness.on_chain([trade(1)], 1, 1)
    freshness.follow(PAIR)
    freshness.forget(PAIR)
    clock.now += 31
    assert freshness.age(PAIR) == 31
    freshness.unfollow(PAIR)
    assert freshness.age(PAIR) == 0 and not freshness.awaits(PAIR)
