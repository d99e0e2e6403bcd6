"""The REST client: pages, paths that differ between sources, several base URLs, and errors of three kinds only."""
import asyncio
import json
import logging

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.endpoints import host_of
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError, RateLimitedError
from hummingbot.connector.exchange.standard.rest.client import MAX_PAGES, UNTOLD_SECONDS, RestClient
from hummingbot.connector.exchange.standard.rest.models import CandleRow, parse_tick_book
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.rest.payloads import payload
from test.hummingbot.connector.exchange.standard.rest.test_models import BOOK, SOMI, USDC, row_of

FIRST, SECOND = "https://one.test", "https://two.test"
CHECKSUMMED_SOMI = "0x046EDe9564A72571df6F5e44d0405360c0f4dCab"
TRADES, SHORT_TRADES = "/api/trades/pair/", "/api/trades/0x"


@pytest.fixture
def api():
    return FakeApi()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def client(api, clock):
    return RestClient(api, [FIRST], clock=clock)


@pytest.fixture
def client_of_two(api):
    return RestClient(api, [FIRST, SECOND + "/"])


async def test_factory_address_is_lower_case(api, client):
    api.answer("/api/exchange", payload("exchange"))
    assert await client.factory_address() == "0x5cf7a2b9d3e1c0f4a8b6d2e7c9a1f3b5d7e90123"


@pytest.mark.parametrize("body", [[], {}, {"deployer": None}, {"deployer": "0x12"}, {"deployer": "0x" + "zz" * 20}, b"<html>"])
async def test_exchange_without_a_factory_is_bad_data(api, client, body):
    api.answer("/api/exchange", body)
    with pytest.raises(BadDataError):
        await client.factory_address()


async def test_order_book_is_asked_with_checksummed_addresses_and_returned_raw(api, client):
    api.answer("/api/orderbook/ticks/", payload("ticks"))
    body = await client.order_book(SOMI.address, USDC.address, 25)
    assert parse_tick_book(body).market_price == 0.65412847
    (url,) = api.requested
    assert url.startswith(f"{FIRST}/api/orderbook/ticks/{CHECKSUMMED_SOMI}/0x28") and url.endswith("/25")


# Pages

async def test_pairs_are_collected_over_all_pages(api, client):
    for number in (1, 2, 3):
        row = row_of("pairs_sample", "pairs") | {"id": "0x" + f"{number:040x}"}
        api.answer(f"/api/pairs/100/{number}", {"pairs": [row], "totalPages": 3})
    assert [pair.book[-1] for pair in await client.pairs()] == ["1", "2", "3"]
    assert len(api.requested) == 3


async def test_paging_ends_at_an_empty_page_whatever_the_number_of_pages_claims(api, client):
    api.answer("/api/pairs/100/1", {"pairs": [row_of("pairs_sample", "pairs")], "totalPages": 10 ** 6})
    api.answer("/api/pairs/100/2", {"pairs": [], "totalPages": 10 ** 6})
    assert len(await client.pairs()) == 1
    assert len(api.requested) == 2


async def test_paging_is_bounded(api, client):
    api.answer("/api/pairs/100/", {"pairs": [row_of("pairs_sample", "pairs")], "totalPages": 10 ** 6})
    assert len(await client.pairs()) == MAX_PAGES


async def test_malformed_rows_are_left_out_and_told_once(api, client, caplog):
    api.answer("/api/pairs/100/1", {"pairs": [{"id": "?"}, row_of("pairs_sample", "pairs"), None], "totalPages": 1})
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [pair.book for pair in await client.pairs()] == [BOOK]
    assert [record.getMessage() for record in caplog.records] == [
        "The API lists 2 malformed rows at /api/pairs/{size}/{page}; they are left out"]


async def test_trades_of_nothing_are_left_out_without_a_word(api, client, caplog):
    row = json.loads(payload("trades"))["trades"][0]
    api.answer(TRADES, {"trades": [row | {"baseAmount": 0}, row]})
    api.answer(TRADES, {"trades": [row | {"baseAmount": 0}]})
    assert [len(await client.trades(SOMI.address, USDC.address)) for _ in range(2)] == [1, 0] and not caplog.records


async def test_malformed_trades_are_told_once(api, client, caplog):
    row = json.loads(payload("trades"))["trades"][0]
    api.answer(TRADES, {"trades": [row, row | {"orderId": None}]})
    for _ in range(2):
        assert len(await client.trades(SOMI.address, USDC.address)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"The API lists 1 malformed rows at {CONSTANTS.PAIR_TRADES_PATHS[0]}; they are left out"]


async def test_open_orders_of_an_account_are_asked_by_its_checksummed_address(api, client):
    api.answer("/api/orders/", payload("orders_sample"))
    (row,) = await client.open_orders(SOMI.address)
    assert row.order_id == 1234
    assert api.requested == [f"{FIRST}/api/orders/{CHECKSUMMED_SOMI}/100/1"]


# Two paths for the trades of a pair

async def test_trades_fall_back_to_the_other_path_and_stay_there(api, client):
    api.answer(SHORT_TRADES, payload("trades"))
    assert len(await client.trades(SOMI.address, USDC.address)) == 3
    assert len(await client.trades(SOMI.address, USDC.address)) == 3
    assert [TRADES in url for url in api.requested] == [True, False, False]


async def test_trades_fall_back_when_the_first_path_answers_something_else(api, client):
    api.answer(TRADES, {"message": "no such route"})
    api.answer(SHORT_TRADES, payload("trades"))
    assert len(await client.trades(SOMI.address, USDC.address)) == 3


async def test_rate_limit_says_nothing_about_the_path(api, client, clock):
    api.answer(TRADES, b"", status=427)
    api.answer(TRADES, payload("trades"))
    with pytest.raises(RateLimitedError):
        await client.trades(SOMI.address, USDC.address)
    await clock.advance(2.0)
    assert len(await client.trades(SOMI.address, USDC.address)) == 3
    assert all(TRADES in url for url in api.requested)


async def test_trades_that_no_path_offers_cannot_be_read_and_the_path_is_named(client):
    with pytest.raises(BadDataError, match=f"GET {TRADES}.*HTTP 404"):
        await client.trades(SOMI.address, USDC.address)


async def test_a_path_that_fails_may_be_the_right_one_though_the_other_is_not_there(api, client):
    api.answer(TRADES, b"", status=500)
    with pytest.raises(ApiUnavailableError, match="HTTP 500") as caught:
        await client.trades(SOMI.address, USDC.address)
    assert not isinstance(caught.value, BadDataError)


async def test_a_path_that_is_there_no_more_is_looked_for_again(api, client):
    api.answer(TRADES, payload("trades"))
    assert await client.trades(SOMI.address, USDC.address)
    api.forget(TRADES)
    api.answer(SHORT_TRADES, payload("trades"))
    for _ in range(2):
        assert len(await client.trades(SOMI.address, USDC.address)) == 3
    assert [TRADES in url for url in api.requested] == [True, True, False, False]


async def test_a_known_path_that_fails_is_no_reason_to_ask_the_other(api, client):
    api.answer(TRADES, payload("trades"))
    api.answer(SHORT_TRADES, payload("trades"))
    await client.trades(SOMI.address, USDC.address)
    api.forget(TRADES)
    api.answer(TRADES, b"<html>")
    with pytest.raises(BadDataError):
        await client.trades(SOMI.address, USDC.address)
    assert all(TRADES in url for url in api.requested)


async def test_rows_beside_no_number_of_pages_that_can_be_are_read(api, client):
    api.answer(TRADES, json.loads(payload("trades")) | {"totalPages": 0})
    assert len(await client.trades(SOMI.address, USDC.address)) == 3


async def test_rows_of_which_none_is_a_trade_cannot_be_read(api, client):
    api.answer(TRADES, {"trades": [{**row, "txHash": None} for row in json.loads(payload("trades"))["trades"]]})
    with pytest.raises(BadDataError, match=f"GET {TRADES}.*none of 3 rows is a trade"):
        await client.trades(SOMI.address, USDC.address)


# Their order, which no source states

def trades_of(api, count, oldest_first, size=4, is_counted=True, times=None):
    """Trades at the seconds 1 to `count`, or at other `times`, so many on a page; whether it is said how many pages there are."""
    row = json.loads(payload("trades"))["trades"][0]
    rows = [row | {"txHash": f"0x{second:064x}", "timestamp": (times or {}).get(second, second)}
            for second in range(1, count + 1)]
    rows = rows if oldest_first else rows[::-1]
    pages = [rows[first:first + size] for first in range(0, count, size)]
    for number, page in enumerate(pages, start=1):
        path = f"{TRADES}{CHECKSUMMED_SOMI}/{to_checksum(USDC.address)}/{size}/{number}"
        api.answer(path, {"trades": page} | ({"totalPages": len(pages)} if is_counted else {}))


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("count, newest", [(1, [1]), (4, [4, 3, 2, 1]), (8, [8, 7, 6, 5]), (10, None)])
async def test_trades_are_the_newest_first_in_whichever_order_the_api_has_them(api, client, oldest_first, count, newest):
    trades_of(api, count, oldest_first)
    rows = await client.trades(SOMI.address, USDC.address, 4)
    told = [row.timestamp for row in rows]
    assert told == (newest or ([10, 9, 8, 7, 6, 5] if oldest_first else [10, 9, 8, 7])), "a last page may hold few"


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("wrong", [1, 2 ** 33])
async def test_one_trade_with_a_wrong_time_does_not_turn_the_list_round(api, client, oldest_first, at, wrong):
    second = 1 + at if oldest_first else 14 - at  # on the first page
    trades_of(api, 14, oldest_first, times={second: wrong})
    rows = await client.trades(SOMI.address, USDC.address, 4)
    assert rows[0].key.startswith(f"0x{14:064x}") and len(api.requested) <= 3


async def test_one_page_of_the_newest_trades_is_enough_though_some_of_its_rows_are_none(api, client):
    row = json.loads(payload("trades"))["trades"][0]
    rows = [row | {"timestamp": 8}, row | {"timestamp": 7, "txHash": f"0x{7:064x}"}, row | {"txHash": None}]
    for number in (1, 2):
        api.answer(f"{TRADES}{CHECKSUMMED_SOMI}/{to_checksum(USDC.address)}/4/{number}", {"trades": rows, "totalPages": 2})
    assert len(await client.trades(SOMI.address, USDC.address, 4)) == 2 and len(api.requested) == 1


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_trades_are_read_back_until_there_are_enough(api, client, oldest_first):
    trades_of(api, 22, oldest_first)
    rows = await client.trades(SOMI.address, USDC.address, 4, lambda rows: any(row.timestamp <= 16 for row in rows))
    assert [row.timestamp for row in rows][:7] == [22, 21, 20, 19, 18, 17, 16]
    assert rows[-1].timestamp > 10, "and no further"


async def test_the_oldest_trades_without_a_number_of_pages_are_no_way_to_the_newest(api, client):
    trades_of(api, 3, oldest_first=True, is_counted=False)
    assert len(await client.trades(SOMI.address, USDC.address, 4)) == 3, "these are all"
    trades_of(api, 4, oldest_first=True, is_counted=False)
    await client.trades(SOMI.address, USDC.address, 4)
    with pytest.raises(BadDataError, match=f"GET {TRADES}.*the oldest trades come first"):
        await client.trades(SOMI.address, USDC.address, 4)
    row = json.loads(payload("trades"))["trades"][0]
    api.answer(f"{TRADES}{CHECKSUMMED_SOMI}/{to_checksum(USDC.address)}/2/1",
               {"trades": [row | {"timestamp": 1}, row | {"timestamp": 2, "baseAmount": 0}]})
    with pytest.raises(BadDataError, match="the oldest trades come first"):
        await client.trades(SOMI.address, USDC.address, 2)


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_where_a_page_of_trades_is_of_one_second_the_last_page_tells_their_order(api, client, oldest_first):
    row = json.loads(payload("trades"))["trades"][0]
    pages = [[row | {"txHash": f"0x{number:064x}", "timestamp": second} for number in (second, second + 1)]
             for second in ((10, 20) if oldest_first else (20, 10))]
    for number, page in enumerate(pages, start=1):
        api.answer(f"{TRADES}{CHECKSUMMED_SOMI}/{to_checksum(USDC.address)}/2/{number}", {"trades": page, "totalPages": 2})
    assert [row.timestamp for row in await client.trades(SOMI.address, USDC.address, 2)] == [20, 20]


# Errors

@pytest.mark.parametrize("status", [427, 429])
@pytest.mark.parametrize("header, pause", [("7", 7.0), ("soon", None), ("", None), ("\u00b2", None),
                                           ("9" * 400, 3600.0)])
async def test_too_many_requests_are_told_with_the_pause_that_was_asked_for(api, client, status, header, pause):
    api.answer("/api/exchange", b"", status=status, retry_after=header)
    with pytest.raises(RateLimitedError) as caught:
        await client.factory_address()
    assert caught.value.retry_after == pause


async def test_an_api_that_wants_to_be_left_alone_is_not_asked_before_its_time(api, client):
    api.answer("/api/exchange", b"", status=429, retry_after="7")
    for _ in range(3):
        with pytest.raises(RateLimitedError):
            await client.factory_address()
    assert len(api.requested) == 1


@pytest.mark.parametrize("status, name", [(404, "pair_not_found"), (502, "hosting_error"), (500, "pair_not_found")])
async def test_other_statuses_are_unavailable_and_shown_shortened(api, client, status, name):
    api.answer("/api/orderbook", payload(name), status=status)
    with pytest.raises(ApiUnavailableError) as caught:
        await client.order_book(SOMI.address, USDC.address)
    assert f"HTTP {status}" in str(caught.value) and not isinstance(caught.value, RateLimitedError)
    assert len(str(caught.value)) < 300


# Several base URLs

async def test_failing_url_is_left_for_the_next_one_and_this_is_told(api, client_of_two, caplog):
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    api.answer(SECOND, payload("exchange"))
    assert await client_of_two.factory_address()
    assert await client_of_two.factory_address()
    assert [url.split("/api")[0] for url in api.requested] == [FIRST, SECOND, SECOND]
    assert client_of_two.url == SECOND
    assert [record.getMessage() for record in caplog.records] == [
        f"Leaving the API at {host_of(FIRST)} for {host_of(SECOND)}: connection refused"]


async def test_second_url_is_left_again_when_it_fails(api, client_of_two):
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    api.answer(FIRST, payload("exchange"))
    api.answer(SECOND, payload("exchange"))
    api.answer(SECOND, b"", status=503)
    for _ in range(2):
        await client_of_two.factory_address()
    assert client_of_two.url == FIRST


async def test_first_failure_is_raised_when_all_urls_fail(api, client_of_two):
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    api.answer(SECOND, b"", status=429)
    with pytest.raises(ApiUnavailableError, match="connection refused"):
        await client_of_two.factory_address()
    assert len(api.requested) == 2


async def test_rate_limited_url_is_left_for_the_next_one(api, client_of_two):
    api.answer(FIRST, b"", status=429)
    api.answer(SECOND, payload("exchange"))
    assert await client_of_two.factory_address()


async def test_that_a_thing_is_not_there_is_an_answer_and_no_reason_to_ask_another_api(api, client_of_two, caplog):
    api.answer(SECOND, payload("ticks"))
    for _ in range(2):
        with pytest.raises(ApiUnavailableError, match="HTTP 404"):
            await client_of_two.order_book(SOMI.address, USDC.address)
    assert len(api.requested) == 2 and client_of_two.url == FIRST and not caplog.records


async def test_an_address_at_which_there_is_no_api_is_left_for_the_next_one(api, client_of_two):
    api.answer(SECOND, payload("exchange"))
    assert await client_of_two.factory_address() and client_of_two.url == SECOND


async def test_nothing_is_told_of_urls_while_none_answers(api, client_of_two, caplog):
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    api.answer(SECOND, b"", status=503)
    for _ in range(3):
        with pytest.raises(ApiUnavailableError, match="connection refused"):
            await client_of_two.factory_address()
    assert client_of_two.url == FIRST and not caplog.records


OURS, THEIRS = {"deployer": "0x" + "fa" * 20}, {"deployer": "0x" + "ee" * 20}


async def test_an_api_of_another_exchange_is_never_used_and_told_once(api, client_of_two, caplog):
    client_of_two.factory = OURS["deployer"]
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    api.answer(f"{SECOND}/api/exchange", THEIRS)
    api.answer(SECOND, payload("ticks"))
    for _ in range(3):
        with pytest.raises(ApiUnavailableError, match="connection refused"):
            await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == FIRST and len([url for url in api.requested if url.startswith(SECOND)]) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"The API at two.test is about another exchange, that of the factory {THEIRS['deployer']}: it is not used"]


async def test_an_api_of_another_exchange_is_used_once_it_moved_to_this_one(api, clock, caplog):
    client = RestClient(api, [FIRST, SECOND], clock=clock)
    client.factory = OURS["deployer"]
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    for answer in (THEIRS, b"<html>", OURS):
        api.answer(f"{SECOND}/api/exchange", answer)
    api.answer(SECOND, payload("ticks"))
    for asked in (1, 1, 2):  # what it told counts while it tells nothing
        with pytest.raises(ApiUnavailableError, match="connection refused"):
            await client.order_book(SOMI.address, USDC.address)
        assert api.requested.count(f"{SECOND}/api/exchange") == asked and client.url == FIRST
        await clock.advance(UNTOLD_SECONDS / 2)
    assert len(caplog.records) == 1
    await clock.advance(UNTOLD_SECONDS / 2)
    await client.order_book(SOMI.address, USDC.address)
    assert client.url == SECOND


async def test_an_api_whose_books_are_in_doubt_is_judged_anew_and_once_a_minute_at_most(api, clock):
    client = RestClient(api, [FIRST, SECOND], clock=clock)
    client.factory = OURS["deployer"]
    for answer in (OURS, OURS, THEIRS):
        api.answer(f"{FIRST}/api/exchange", answer)
    api.answer(f"{SECOND}/api/exchange", OURS)
    api.answer("/api/orderbook", payload("ticks"))
    for asked, used in ((1, FIRST), (1, FIRST), (2, FIRST), (2, FIRST), (3, SECOND)):
        await client.order_book(SOMI.address, USDC.address)
        assert api.requested.count(f"{FIRST}/api/exchange") == asked and client.url == used
        client.doubt()
        await clock.advance(UNTOLD_SECONDS / 2)


async def test_an_api_is_asked_once_whether_it_is_of_this_exchange(api, client_of_two):
    client_of_two.factory = OURS["deployer"]
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    api.answer(f"{SECOND}/api/exchange", b"", status=503)
    api.answer(f"{SECOND}/api/exchange", OURS)
    api.answer(SECOND, payload("ticks"))
    with pytest.raises(ApiUnavailableError, match="connection refused"):
        await client_of_two.order_book(SOMI.address, USDC.address)
    for _ in range(2):
        await client_of_two.order_book(SOMI.address, USDC.address)
    assert [url for url in api.requested if url.startswith(SECOND) and url.endswith("exchange")] == 2 * [f"{SECOND}/api/exchange"]
    assert client_of_two.url == SECOND


@pytest.mark.parametrize("told", [None, {}, {"deployer": None}])
async def test_an_api_that_does_not_tell_its_exchange_is_used_and_asked_once_a_minute(api, clock, told):
    client = RestClient(api, [FIRST, SECOND], clock=clock)
    client.factory = OURS["deployer"]
    if told is not None:
        api.answer(f"{FIRST}/api/exchange", told)
    api.answer(f"{FIRST}/api/orderbook", payload("ticks"))
    for asked in (1, 1, 2):
        await client.order_book(SOMI.address, USDC.address)
        assert api.requested.count(f"{FIRST}/api/exchange") == asked and client.url == FIRST
        await clock.advance(40)
    api.forget(f"{FIRST}/api/exchange")
    api.answer(f"{FIRST}/api/exchange", THEIRS)
    await clock.advance(60)
    with pytest.raises(ApiUnavailableError, match=r"one\.test is about another exchange"):
        await client.order_book(SOMI.address, USDC.address)


async def test_an_address_of_which_nothing_is_known_is_left_where_it_has_not_what_is_asked_for(api, client_of_two):
    client_of_two.factory = OURS["deployer"]
    api.answer(f"{SECOND}/api/exchange", OURS)
    api.answer(f"{SECOND}/api/orderbook", payload("ticks"))
    await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == SECOND


async def test_an_api_that_begins_to_answer_with_a_page_is_left(api, client_of_two):
    client_of_two.factory = OURS["deployer"]
    for url in (FIRST, SECOND):
        api.answer(f"{url}/api/exchange", OURS)
    api.answer(f"{FIRST}/api/orderbook", payload("ticks"))
    api.answer(f"{SECOND}/api/orderbook", payload("ticks"))
    await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == FIRST
    api.forget(f"{FIRST}/api/orderbook")
    api.answer(f"{FIRST}/api/orderbook", b"\r\n <html>maintenance</html>")
    answered = client_of_two.answers
    await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == SECOND and client_of_two.answers > answered


async def test_an_api_that_answers_with_a_page_instead_of_its_exchange_is_left(api, client_of_two):
    client_of_two.factory = OURS["deployer"]
    api.answer(FIRST, b"<html>")
    api.answer(f"{SECOND}/api/exchange", OURS)
    api.answer(f"{SECOND}/api/orderbook", payload("ticks"))
    await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == SECOND


async def test_an_api_that_was_used_before_the_exchange_was_known_is_left_when_it_is_of_another(api, client_of_two):
    api.answer(f"{FIRST}/api/exchange", ApiUnavailableError("connection refused"))
    api.answer(f"{FIRST}/api/exchange", OURS)
    api.answer(f"{FIRST}/api/orderbook", payload("ticks"))
    api.answer(SECOND, THEIRS)
    await client_of_two.factory_address()
    assert client_of_two.url == SECOND
    client_of_two.factory = OURS["deployer"]
    await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == FIRST


async def test_the_first_of_several_apis_is_left_too_when_it_is_of_another_exchange(api, client_of_two):
    client_of_two.factory = OURS["deployer"]
    api.answer(FIRST, THEIRS)
    api.answer(f"{SECOND}/api/exchange", OURS)
    api.answer(f"{SECOND}/api/orderbook", payload("ticks"))
    for _ in range(2):
        await client_of_two.order_book(SOMI.address, USDC.address)
    assert client_of_two.url == SECOND
    assert [url for url in api.requested if url.startswith(FIRST)] == [f"{FIRST}/api/exchange"]


async def test_a_single_api_is_not_asked_of_which_exchange_it_is(api, client):
    client.factory = OURS["deployer"]
    api.answer(f"{FIRST}/api/orderbook", payload("ticks"))
    await client.order_book(SOMI.address, USDC.address)
    assert len(api.requested) == 1


async def test_single_url_is_asked_once_and_nothing_is_told(api, client, caplog):
    api.answer(FIRST, ApiUnavailableError("connection refused"))
    with pytest.raises(ApiUnavailableError):
        await client.factory_address()
    assert len(api.requested) == 1 and not caplog.records


# Candles

def bucket(start, **changes):
    return {"timestamp": start, "open": 1.5, "high": 2, "low": "1.25", "close": 1.75, "baseVolume": 10, "quoteVolume": 16,
            "count": 3} | changes


CANDLES = f"/api/ohlcv/hour/{CHECKSUMMED_SOMI}/0x"


@pytest.mark.parametrize("newest_first", [True, False])
async def test_the_newest_candles_are_found_in_either_order(api, client, newest_first):
    pages = {1: (50, 40), 2: (30, 20), 3: (10,)} if newest_first else {1: (10, 20), 2: (30, 40), 3: (50,)}
    for number, starts in pages.items():
        api.answer(f"/2/{number}", {"buckets": [bucket(start) for start in starts], "totalPages": 3})
    rows = await client.candles("hour", SOMI.address, USDC.address, 2)
    assert [row.start for row in rows] == ([40, 50] if newest_first else [30, 40, 50])
    assert api.requested[0].startswith(f"{FIRST}{CANDLES}") and api.requested[0].endswith("/2/1")


@pytest.mark.parametrize(("starts", "pages"), [((50, 1, 40, 30), 1), ((2 ** 33, 20, 30, 40), 3), ((10, 20, 30, 1), 3)])
async def test_one_candle_with_a_wrong_time_does_not_turn_the_list_round(api, client, starts, pages):
    for number in (1, 2, 3):
        api.answer(f"/4/{number}", {"buckets": [bucket(start) for start in starts], "totalPages": 3})
    await client.candles("hour", SOMI.address, USDC.address, 4)
    assert len(api.requested) == pages


async def test_candles_before_a_time_and_malformed_ones_among_them(api, client):
    rows = [bucket(30), bucket(20, close=0), bucket(20, high=None), bucket(20, baseVolume=-1), bucket("?"), bucket(0),
            bucket(10, baseVolume=None, quoteVolume=None, count=None), None]
    api.answer(CANDLES, {"buckets": rows, "totalPages": 1})
    assert await client.candles("hour", SOMI.address, USDC.address, 100, before=40) == [
        CandleRow(10, 1.5, 2.0, 1.25, 1.75, 0.0, 0.0, 0), CandleRow(30, 1.5, 2.0, 1.25, 1.75, 10.0, 16.0, 3)]
    assert api.requested[0].endswith("/before/40/100/1")


class HalfDead:
    """The first URL fails after a while, the second one answers."""

    async def request(self, method, url, *, body=None, timeout, begin):
        await asyncio.sleep(0.01)
        if url.startswith(FIRST):
            raise ApiUnavailableError("no answer")
        return HttpAnswer(200, {}, b"{}")


async def test_two_requests_at_once_both_reach_the_url_that_works() -> None:
    client = RestClient(HalfDead(), [FIRST, SECOND])
    outcomes = []
    for _ in range(5):  # five polls of two markets
        outcomes += await asyncio.gather(*[client.get("/api/x") for _ in range(2)], return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
