"""The connector with two APIs of one exchange, of which the first comes to be of no use."""
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web

from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.faults.orders import end_of, rests
from test.hummingbot.connector.exchange.standard.model import SPEED, FastClock
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, connected, quiet_sandbox, until

PRICE = 60_000 * 10 ** 8
AMOUNT = Decimal("0.01")


class FirstApi:
    """Answers what the sandbox's API does; while it `stands_still` what it answered last; when it is `gone` nothing."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str) -> None:
        self.stands_still = False
        self.gone = False
        self.asked = 0
        self._session = session
        self._upstream = upstream
        self._answers: dict[str, bytes] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Give on, or remember."""
        self.asked += 1
        if self.gone:
            return web.Response(status=404, text="no such application")
        if not self.stands_still or request.path_qs not in self._answers:
            async with self._session.get(self._upstream + request.path_qs) as answer:
                self._answers[request.path_qs] = await answer.read()
        return web.Response(body=self._answers[request.path_qs], content_type="application/json")


@asynccontextmanager
async def with_two_apis(sandbox: Sandbox) -> AsyncIterator[tuple[FirstApi, StandardExchange]]:
    """A polling connector whose second API is the sandbox's own, and the first, that it uses."""
    async with aiohttp.ClientSession() as session:
        first, app = FirstApi(session, sandbox.api_url), web.Application()
        app.router.add_get("/{path:.*}", first.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with connected(sandbox, clock=FastClock(), standard_feed="polling",
                                 standard_api_url=f"http://127.0.0.1:{port},{sandbox.api_url}") as exchange:
                for limit in exchange._throttler._rate_limits:
                    limit.limit *= 10 * SPEED
                assert first.asked
                yield first, exchange
        finally:
            await runner.cleanup()


async def test_orders_go_on_by_the_next_api_when_the_first_knows_of_no_trade_any_more(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, with_two_apis(sandbox) as (first, exchange):
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        await trader.sell(market, PRICE, 10 ** 6)
        await until(lambda: Decimal(str(exchange.get_price(TOKEN_PAIR, True))) == 60_000)
        first.stands_still = True
        await trader.buy(market, PRICE, 600 * 10 ** 6)
        await until(lambda: exchange.book_ages[TOKEN_PAIR] > STALE_SECONDS)
        refused = exchange.buy(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(59_000))
        assert await end_of(exchange, refused) is OrderState.FAILED
        await until(lambda: exchange.book_ages[TOKEN_PAIR] < STALE_SECONDS)
        assert "Leaving the API at 127.0.0.1" in caplog.text and "lack one that is on the chain" in caplog.text
        asked = first.asked
        await rests(exchange, exchange.buy(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, Decimal(59_000)))
        await until(lambda: Decimal(str(exchange.get_price(TOKEN_PAIR, False))) == 59_000)
        assert first.asked == asked, "it was left"


async def test_books_go_on_by_the_next_api_when_the_host_of_the_first_does_not_know_it_any_more(
        caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, with_two_apis(sandbox) as (first, exchange):
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        first.gone = True
        await until(lambda: "Leaving the API at 127.0.0.1" in caplog.text)
        await trader.sell(market, PRICE, 10 ** 6)
        await until(lambda: Decimal(str(exchange.get_price(TOKEN_PAIR, True))) == 60_000)
