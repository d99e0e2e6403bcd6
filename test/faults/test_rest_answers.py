"""What a REST API does wrong, and what is wrong on the way to it (docs/faults.md, F33 to F37 and F41)."""
import asyncio
import contextlib
import json
import random
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp import web

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard import standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RateLimitedError
from hummingbot.connector.exchange.standard.feeds.polling import IDLE_INTERVAL
from hummingbot.connector.exchange.standard.rest.client import LAST_PAUSE, RestClient
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.transport import HttpAnswer, nothing
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from test.faults.orders import end_of, rests
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.feeds.test_polling import AAA, Books, book_of
from test.hummingbot.connector.exchange.standard.trading import (
    TOKEN_PAIR,
    Trader,
    balances,
    connected,
    order,
    quiet_sandbox,
    until,
)

FIRST, SECOND = "https://first.test", "https://second.test"


async def asked_within(client: RestClient, api: FakeApi, clock: ManualClock, seconds: int) -> int:
    """How many requests leave when somebody wants an answer five times a second."""
    before = len(api.requested)
    for _ in range(5 * seconds):
        clock.now += 0.2
        try:
            await client.get("/api/exchange")
        except RateLimitedError:
            continue
    return len(api.requested) - before


@pytest.mark.parametrize("status", [427, 429])
async def test_f33_the_api_asks_for_fewer_requests(status: int) -> None:
    api, clock = FakeApi(), ManualClock()
    client = RestClient(api, [FIRST], clock=clock, chance=random.Random(1))
    api.answer("/api/exchange", b"", status=status)
    assert await asked_within(client, api, clock, 60) <= 8, "every pause is twice the one before"
    assert await asked_within(client, api, clock, 600) <= 16
    api.forget("/api/exchange")
    api.answer("/api/exchange", {})
    clock.now += LAST_PAUSE * 1.25
    assert await asked_within(client, api, clock, 10) == 50, "it recovers without being started again"


@pytest.mark.parametrize(("wish", "pause"), [("30", 30.0), ("100000", 600.0), ("soon", 1.25)])
async def test_f33_the_api_says_how_long_it_wants_to_be_left_alone(wish: str, pause: float) -> None:
    api, clock = FakeApi(), ManualClock()
    client = RestClient(api, [FIRST], clock=clock, chance=random.Random(1))
    api.answer("/api/exchange", b"", status=429, retry_after=wish)
    api.answer("/api/exchange", {})
    with pytest.raises(RateLimitedError):
        await client.get("/api/exchange")
    clock.now += pause - 0.6
    with pytest.raises(RateLimitedError, match="not asked again before"):
        await client.get("/api/exchange")
    assert len(api.requested) == 1
    clock.now += 0.7
    assert await client.get("/api/exchange") == b"{}"


async def test_f33_another_api_is_asked_meanwhile_and_pauses_differ_between_bots() -> None:
    api, clock = FakeApi(), ManualClock()
    client = RestClient(api, [FIRST, SECOND], clock=clock)
    api.answer(FIRST, b"", status=429)
    api.answer(SECOND, {})
    for _ in range(50):
        clock.now += 0.2
        assert await client.get("/api/exchange") == b"{}"
    assert len([url for url in api.requested if url.startswith(FIRST)]) == 1
    pauses = set()
    for seed in range(5):
        alone = RestClient(api, [FIRST], clock=clock, chance=random.Random(seed))
        with pytest.raises(RateLimitedError):
            await alone.get("/api/exchange")
        pauses.add(alone._resume_at[0] - clock.now)
    assert len(pauses) == 5 and all(0.75 <= pause <= 1.25 for pause in pauses)


class SlowApi(FakeApi):
    """Requests wait for their turn, and then for their answer."""

    def __init__(self) -> None:
        super().__init__()
        self.turn, self.arrival = asyncio.Event(), asyncio.Event()

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float,
                      begin: Callable[[], None] = nothing) -> HttpAnswer:
        await self.turn.wait()
        begin()
        await self.arrival.wait()
        return await super().request(method, url, timeout=timeout)


async def test_f33_requests_of_one_moment_that_are_all_refused_are_one_refusal() -> None:
    api, clock = SlowApi(), ManualClock()
    client = RestClient(api, [FIRST], clock=clock)
    api.answer("/api/exchange", b"", status=429)
    api.answer("/api/exchange", b"", status=429, retry_after="20")
    api.answer("/api/exchange", b"", status=429)
    api.turn.set()
    asking = [asyncio.ensure_future(client.get("/api/exchange")) for _ in range(10)]
    await settle()
    api.arrival.set()
    await asyncio.wait(asking)
    assert len(api.requested) == 10 and client._refusals == [1]
    assert client._resume_at[0] == clock.now + 20, "what one of them was told counts"


async def test_f33_a_request_that_waits_for_its_turn_while_the_api_asks_for_fewer_is_not_sent() -> None:
    api, clock = SlowApi(), ManualClock()
    client = RestClient(api, [FIRST], clock=clock)
    api.answer("/api/exchange", b"", status=429)
    api.turn.set()
    first = asyncio.ensure_future(client.get("/api/exchange"))
    await settle()
    api.turn.clear()
    second = asyncio.ensure_future(client.get("/api/exchange"))
    await settle()
    api.arrival.set()
    await settle()
    api.turn.set()
    await asyncio.wait((first, second))
    assert len(api.requested) == 1 and "not asked again before" in str(second.exception())


# Outages and nonsense

@pytest.fixture
async def books() -> AsyncIterator[Books]:
    books = Books()
    yield books
    if books.task is not None:
        books.task.cancel()
        await asyncio.gather(books.task, return_exceptions=True)


@pytest.mark.parametrize(("status", "seconds"), [(500, 60), (502, 60), (503, 3600), (504, 60)])
async def test_f34_the_api_is_down_for_an_hour(books: Books, status: int, seconds: int,
                                               caplog: pytest.LogCaptureFixture) -> None:
    await books.run(AAA)
    before = books.requests(AAA)
    books.book(AAA, b"<html>", status=status)
    for _ in range(seconds // 4):
        assert await books.next(4.0) == []
    assert books.requests(AAA) - before <= seconds / IDLE_INTERVAL, "requests are bounded"
    assert books.feed._freshness.age(AAA) >= seconds, "and everybody can see how old the book is"
    assert caplog.text.count("is not updated") == 1
    books.book(AAA, book_of(20))
    assert [event.asks for event in await books.next(IDLE_INTERVAL)] == [[(20, 1)]], "one poll is enough"
    assert books.feed._freshness.age(AAA) == 0


async def test_f34_orders_go_on_without_the_api() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        names = [exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(60_000 + at)) for at in range(2)]
        for name in names:
            await rests(exchange, name)
        sandbox.faults.add("status", target="rest", status=503)
        for _ in range(2):
            assert await exchange.check_network() is NetworkStatus.CONNECTED, "or Hummingbot stops everything"
            exchange._network_check._count()
        await trader.buy(market, 60_000 * 10 ** 8, 600 * 10 ** 6)
        assert await end_of(exchange, names[0]) is OrderState.FILLED
        for _ in range(5):
            await exchange._update_order_status()
        assert order(exchange, names[1]).current_state is OrderState.OPEN
        await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000)))
        assert all(result.success for result in await exchange.cancel_all(10))


NO_BOOK: dict[str, Any] = {
    "html": b"<html><body>Welcome</body></html>", "cut": b'{"bids": [{"price": 1, "amou', "empty": b"", "a list": [],
    "null": None, "no sides": {"mktPrice": 10}, "sides of another shape": {"bids": {}, "asks": 7},
    "a price of null": book_of(10) | {"asks": [{"price": None, "amount": 1}]},
    **{f"an amount of {text}": b'{"mktPrice": 10, "bids": [], "asks": [{"price": 10, "amount": %s}]}' % text.encode()
       for text in ("NaN", "Infinity", "-Infinity", "-1", "1e400", '"many"', '"NaN"', "null", "true7")},
    **{f"a price of {text}": b'{"mktPrice": 10, "bids": [], "asks": [{"price": %s, "amount": 1}]}' % text.encode()
       for text in ("NaN", "Infinity", "-1", "0", "1e400", '"dear"', "[1]")},
}


@pytest.mark.parametrize("kind", NO_BOOK)
async def test_f35_an_answer_is_no_book(books: Books, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    await books.run(AAA)
    books.book(AAA, NO_BOOK[kind])
    for _ in range(4):
        assert await books.next(IDLE_INTERVAL) == [], "the last good one stands"
    assert caplog.text.count("is not updated") == 1, "told once"
    books.book(AAA, book_of(20))
    (event,) = await books.next(IDLE_INTERVAL)
    assert event.asks == [(20, 1)]


async def test_f35_a_row_is_none(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi()
    token = {"id": "0x" + "11" * 20, "symbol": "AAA", "decimals": 18}
    good = {"id": "0x" + "bb" * 20, "base": token, "quote": token | {"id": "0x" + "22" * 20}}
    api.answer("/api/pairs", {"pairs": [good, good | {"id": "0x12"}, good | {"base": None}, good | {"price": "NaN"}, 7]})
    client = RestClient(api, [FIRST])
    for _ in range(2):
        assert len(await client.pairs()) == 1
    assert caplog.text.count("lists 4 malformed rows") == 1, "counted, and told once"


@contextlib.contextmanager
def scaled(exchange: StandardExchange, factor: float, market_price_too: bool) -> Iterator[None]:
    """The API shows the prices of a book as so many times what they are."""
    read = exchange.venue.rest.order_book

    async def order_book(*arguments: Any) -> bytes:
        book = json.loads(await read(*arguments))
        for row in book["bids"] + book["asks"]:
            row["price"] *= factor
        if market_price_too:
            book["mktPrice"] *= factor
        return json.dumps(book).encode()

    with patch.object(exchange.venue.rest, "order_book", order_book):
        yield


@contextlib.asynccontextmanager
async def offered_at(factor: float,
                     market_price_too: bool = True) -> AsyncIterator[tuple[StandardExchange, Callable[[], Decimal]]]:
    """A connector that is told of an ask of 60,010 as so many times that, and what it has spent on it."""
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)

        def held() -> Decimal:
            return market.quote.from_units(balances(sandbox, market, sandbox.accounts[0].address)[1])

        await trader.approve(market)
        await trader.sell(market, 60_010 * 10 ** 8, 10 ** 8)
        before = held()
        with scaled(exchange, factor, market_price_too):
            await until(lambda: exchange._offers.best_price(TOKEN_PAIR, True) == 60_010 * Decimal(factor))
            yield exchange, lambda: before - held()


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
async def test_f35_prices_of_another_scale(order_type: OrderType, caplog: pytest.LogCaptureFixture) -> None:
    async with offered_at(100) as (exchange, spent):
        with patch.object(exchange.venue, "facts", wraps=exchange.venue.facts) as read:
            names = [exchange.buy(TOKEN_PAIR, Decimal("0.01"), order_type, Decimal(6_001_000)) for _ in range(5)]
            assert {await end_of(exchange, name) for name in names} == {OrderState.FAILED}
        assert caplog.text.count("The API's market price of WBTC-USDC is 6000000, the chain's is 60000: no order is placed") == 5
        assert spent() == 0
        assert 1 <= read.await_count <= 3, "not for each order; on a slow machine their moment is longer, and the rules are read"


@pytest.mark.parametrize(("factor", "market_price_too"), [(1.5, True), (100, False)], ids=["and its market price", "or others"])
async def test_f35_wrong_prices_near_the_markets(factor: float, market_price_too: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with offered_at(factor, market_price_too) as (exchange, spent):
        ask = 60_010 * Decimal(factor)
        name = exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.MARKET, ask)
        assert await end_of(exchange, name) is OrderState.FAILED and spent() == 0
        assert "The exchange matches buys up to 61800 now, and the best ask of WBTC-USDC is" in caplog.text
        name = exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, ask)
        assert await end_of(exchange, name) is OrderState.FILLED
        assert spent() <= 618, "the edge of the band of what the chain says"


# What a server does with a connection

class Server:
    """An HTTP server that answers everything by one handler."""

    def __init__(self, handler: Any) -> None:
        self.app = web.Application()
        self.app.router.add_route("*", "/{tail:.*}", handler)

    async def __aenter__(self) -> "Server":
        self.runner = web.AppRunner(self.app, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self.runner.addresses[0][1]}"
        self.factory = web_utils.build_api_factory()
        self.transport = web_utils.WebAssistantTransport(self.factory, CONSTANTS.API_LIMIT_ID)
        return self

    async def __aexit__(self, *_: Any) -> None:
        await ConnectionsFactory().close()
        await self.runner.cleanup()

    async def get(self, url: str = "", timeout: float = 5.0) -> Any:
        return await self.transport.request("GET", url or f"http://{self.address}/", timeout=timeout)


@pytest.mark.parametrize("drips", [True, False])
async def test_f36_an_answer_is_slower_than_the_deadline(drips: bool) -> None:
    ended = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        try:
            if drips:
                await response.prepare(request)
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.02)
                if drips:
                    await response.write(b" ")
        finally:
            ended.set()
        return response

    async with Server(slow) as server:
        before, began = asyncio.all_tasks(), asyncio.get_running_loop().time()
        with pytest.raises(ApiUnavailableError, match=r"gave no answer within 0\.3 s"):
            async with asyncio.timeout(10.0):
                await server.get(timeout=0.3)
        assert asyncio.get_running_loop().time() - began < 2.0
        await asyncio.wait_for(ended.wait(), 5)  # the connection was closed, so nobody drips into nothing
        await asyncio.sleep(0.05)
        left = [task for task in asyncio.all_tasks() - before if "web_protocol" not in repr(task.get_coro())]
        assert not left, "a task is left"


@pytest.mark.parametrize("compressed", [True, False])
async def test_f37_an_answer_is_a_hundred_megabytes(compressed: bool) -> None:
    chunk, written = b" " * 2 ** 20, [0]
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(chunk) for _ in range(100)) + packer.flush() if compressed else b""

    async def huge(request: web.Request) -> web.StreamResponse:
        if compressed:
            return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await response.write(chunk)
                written[0] += 1
        return response

    async with Server(huge) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ApiUnavailableError):
                await server.get()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # aiohttp unpacks 32 MiB at most at a time, which is its own bound.
        assert peak < (5 if compressed else 3) * CONSTANTS.MAX_ANSWER_BYTES, f"{peak >> 20} MB"
        assert compressed or written[0] < 60, "the rest is not even sent"


async def portal(request: web.Request) -> web.Response:
    if request.path != "/welcome":
        raise web.HTTPFound("/welcome")
    return web.Response(text="<html>Please accept our terms</html>", content_type="text/html")


@pytest.mark.parametrize("trouble", ["name", "certificate", "portal", "closed"])
async def test_f41_the_way_to_the_api_is_broken(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(portal) as server:
        url = {"certificate": f"https://{server.address}", "portal": f"http://{server.address}", "name": "http://api.invalid",
               "closed": "http://127.0.0.1:1"}[trouble]
        if trouble == "name":
            async def unknown(*_: Any, **__: Any) -> None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
        rest = RestClient(server.transport, [url + "/secret-key"])
        rpc = RpcClient(server.transport, [url + "/secret-key"], ManualClock())
        for question in (rest.pairs, rest.factory_address, rpc.block_number, rpc.gas_price):
            with pytest.raises(ApiUnavailableError) as failed:
                await question()
            assert "\n" not in str(failed.value) and "secret-key" not in str(failed.value)
