"""APIs that answer and are no use: one that is behind, and one whose host does not know it any more."""
import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.rest.client import LEAVE_SECONDS, UNTOLD_SECONDS, RestClient
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.rest.payloads import payload
from test.hummingbot.connector.exchange.standard.rest.test_models import SOMI, USDC

FIRST, SECOND = "https://one.test", "https://two.test"
FACTORY = "0x" + "fa" * 20
EXCHANGE, BOOKS = "/api/exchange", "/api/orderbook/ticks/"


@pytest.fixture
def api() -> FakeApi:
    """Two APIs of one exchange."""
    scripted = FakeApi()
    for url in (FIRST, SECOND):
        scripted.answer(url + EXCHANGE, {"deployer": FACTORY})
    scripted.answer(BOOKS, payload("ticks"))
    return scripted


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def client(api: FakeApi, clock: ManualClock) -> RestClient:
    """It has used the first of two."""
    made = RestClient(api, [FIRST, SECOND], clock=clock)
    made.factory = FACTORY
    await book(made)
    assert made.url == FIRST
    api.requested.clear()
    return made


async def book(client: RestClient) -> bytes:
    return await client.order_book(SOMI.address, USDC.address)


async def test_an_api_that_is_behind_is_left_for_the_next_and_back_again_but_not_all_the_time(
        api: FakeApi, client: RestClient, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    for url in (SECOND, FIRST):
        for _ in range(3):
            client.leave("its trades are old")
            await book(client)
        assert client.url == url
        clock.now += LEAVE_SECONDS
    assert caplog.messages == ["Leaving the API at one.test for two.test: its trades are old",
                               "Leaving the API at two.test for one.test: its trades are old"]
    assert [url.removesuffix(EXCHANGE) for url in api.requested if url.endswith(EXCHANGE)] == [SECOND]


async def test_an_api_is_not_left_where_there_is_no_other(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    alone = RestClient(api, [FIRST])
    alone.leave("its trades are old")
    assert alone.url == FIRST and not caplog.records


async def test_where_the_next_one_does_not_answer_the_one_that_was_left_is_used_on(
        api: FakeApi, client: RestClient, clock: ManualClock) -> None:
    api.answer(SECOND, ApiUnavailableError("connection refused"))
    api.forget(SECOND + EXCHANGE)
    api.answer(SECOND + BOOKS, ApiUnavailableError("connection refused"))
    client.leave("its trades are old")
    await book(client)
    assert client.url == FIRST


async def test_an_api_whose_host_knows_nothing_of_it_any_more_is_left(
        api: FakeApi, client: RestClient, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    clock.now += UNTOLD_SECONDS
    for path in (EXCHANGE, BOOKS):
        api.forget(FIRST + path)
        api.answer(FIRST + path, b"no such app", status=404)
    await book(client)
    assert client.url == SECOND and "Leaving the API at one.test for two.test: GET" in caplog.text


async def test_what_an_api_does_not_have_is_no_reason_to_leave_it_and_it_is_asked_for_itself_once_a_minute(
        api: FakeApi, client: RestClient, clock: ManualClock) -> None:
    for times in (0, 1, 2):
        for _ in range(3):
            with pytest.raises(ApiUnavailableError, match="HTTP 404"):
                await client.get("/api/nothing")
        assert [url for url in api.requested if url.endswith(EXCHANGE)] == [FIRST + EXCHANGE] * times
        clock.now += UNTOLD_SECONDS
    assert client.url == FIRST


async def test_an_api_that_cannot_be_asked_now_whether_it_is_one_counts_as_one(
        api: FakeApi, client: RestClient, clock: ManualClock) -> None:
    clock.now += UNTOLD_SECONDS
    api.forget(FIRST + EXCHANGE)
    api.answer(FIRST + EXCHANGE, b"", status=503)
    with pytest.raises(ApiUnavailableError, match="HTTP 404"):
        await client.get("/api/nothing")
    assert client.url == FIRST
