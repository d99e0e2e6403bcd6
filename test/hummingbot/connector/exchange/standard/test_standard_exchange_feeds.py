"""The connector on each source of data and across switches between them, on a sandbox in process."""
import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds import sources
from hummingbot.connector.exchange.standard.feeds.base import BookSnapshot, MarketSink
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.sandbox.deployment import default_deployment
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    Trader,
    connected,
    order,
    quiet_sandbox,
    until,
)

PRICE = Decimal("60000")
AMOUNT = Decimal("0.012345")
EXPECTED = {"polling": "polling", "stream": "stream", "chain": "chain", "auto": "chain"}


async def rest_a_sell(exchange: StandardExchange) -> str:
    client_order_id: str = exchange.sell(TOKEN_PAIR, AMOUNT, OrderType.LIMIT, PRICE)
    await until(lambda: exchange._order_tracker.fetch_order(client_order_id) is not None)
    await until(lambda: order(exchange, client_order_id).current_state is OrderState.OPEN)
    return client_order_id


async def take(trader: Trader, market: Market, share: int) -> None:
    units, price = market.base.to_units(AMOUNT) // share, int(PRICE) * 10 ** 8
    await trader.buy(market, price, market.deposit_for(price, units), rests=False)


def live(exchange: StandardExchange) -> set[str]:
    return {state.source for state in exchange.feed_states.values()}


@pytest.mark.parametrize("mode", ["polling", "stream", "chain", "auto"])
async def test_books_fills_and_cancels_come_through_each_source(mode: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed=mode, trading_pairs=[TOKEN_PAIR]) as exchange:
        await until(lambda: live(exchange) == {EXPECTED[mode]})
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        book = exchange.get_order_book(TOKEN_PAIR)
        client_order_id = await rest_a_sell(exchange)
        await until(lambda: [(row.price, row.amount) for row in book.ask_entries()] == [(60000.0, pytest.approx(0.012345))])
        await take(trader, market, 3)
        await until(lambda: len(order(exchange, client_order_id).order_fills) == 1)
        await until(lambda: [row.amount for row in book.ask_entries()] == [pytest.approx(0.00823)])
        results = await exchange.cancel_all(10)
        assert [result.success for result in results] == [True]
        await until(lambda: not list(book.ask_entries()))


async def test_when_the_streams_break_polling_takes_over_within_a_second_and_no_fill_is_lost() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="auto", trading_pairs=[TOKEN_PAIR]) as exchange:
        await until(lambda: live(exchange) == {"chain"})
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        client_order_id = await rest_a_sell(exchange)
        await take(trader, market, 4)
        began = asyncio.get_running_loop().time()
        refuse_streams(sandbox, True)
        await take(trader, market, 4)
        await until(lambda: live(exchange) == {"polling"})
        assert asyncio.get_running_loop().time() - began < 1.0
        await take(trader, market, 4)
        await until(lambda: len(order(exchange, client_order_id).order_fills) == 3)
        refuse_streams(sandbox, False)
        await until(lambda: "polling" not in live(exchange), 20)
        await take(trader, market, 1)
        await until(lambda: order(exchange, client_order_id).current_state is OrderState.FILLED)
        fills = order(exchange, client_order_id).order_fills
        assert len(fills) == 4 and sum(fill.fill_base_amount for fill in fills.values()) == AMOUNT


async def test_a_chosen_source_that_never_works_is_told_of_once_for_each_kind_of_data_and_without_a_key_of_its_url(
        caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hummingbot.connector.exchange.standard")
    async with quiet_sandbox() as sandbox:
        refuse_streams(sandbox, True)
        url = sandbox.rpc_url.replace("http", "ws")
        async with connected(sandbox, standard_feed="auto", trading_pairs=[TOKEN_PAIR],
                             standard_rpc_ws_url=f"{url}/ws/SECRET?key=SECRET",
                             standard_stream_url=f"channels+{url}/ws/SECRET?key=SECRET"):
            await until(lambda: caplog.text.count("did not work in try 3") == 4, 30)
    assert not_working(caplog) == {("Order books", "chain"), ("Order books", "stream"), ("Own orders", "chain"),
                                    ("Own orders", "stream")}
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("mode", ["stream", "auto"])
async def test_a_stream_that_groups_prices_too_coarsely_is_told_of_once_and_books_are_polled(
        mode: str, caplog: pytest.LogCaptureFixture) -> None:
    deployment = default_deployment()
    cheap = replace(deployment.pairs[0], listing_price=5_000)
    async with quiet_sandbox(deployment=replace(deployment, pairs=(cheap, *deployment.pairs[1:]))) as sandbox:
        sandbox.faults.node_stream.refuse = True
        async with connected(sandbox, standard_feed=mode, trading_pairs=[NATIVE_PAIR],
                             standard_stream_url=f"spot_streams+{sandbox.spot_streams_url}") as exchange:
            await until(lambda: ("Order books", "stream") in not_working(caplog), 30)
            assert exchange.feed_states["order books"].source == "polling"
            await until(lambda: exchange.feed_states["own orders"].source == "stream")
    assert caplog.text.count("the stream groups the prices of SOMI-USDC too coarsely") == 1


def not_working(caplog: pytest.LogCaptureFixture) -> set[tuple[str, ...]]:
    """Which source did not work for which data, by the log."""
    return {tuple(record.getMessage().partition(" did not work in try 3")[0].split(": ")) for record in caplog.records
            if "did not work in try 3" in record.getMessage()}


def refuse_streams(sandbox: Sandbox, refused: bool) -> None:
    """Close every WebSocket, the node's and the exchange's, and refuse new ones; or accept them again."""
    for faults in (sandbox.faults.node_stream, sandbox.faults.stream):
        faults.clear()
        faults.close_code, faults.refuse = (1001, True) if refused else (0, False)


class ForeignFeed:
    """A market feed that nobody in the connector knows."""

    name = "foreign"

    async def run(self, trading_pairs: Sequence[str], sink: MarketSink) -> None:
        for trading_pair in trading_pairs:
            sink(BookSnapshot(trading_pair, 2 ** 50, 0.0, [(1.0, 2.0)], [(3.0, 4.0)]))
        await asyncio.Event().wait()

    async def snapshot(self, trading_pair: str) -> BookSnapshot:
        raise ApiUnavailableError("a foreign feed has no snapshots of its own")

    def add_pair(self, trading_pair: str) -> None:
        raise NotImplementedError

    def remove_pair(self, trading_pair: str) -> None:
        raise NotImplementedError


async def test_how_many_blocks_a_node_tells_at_once_is_known_to_each_feed_of_the_account(
        monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling") as exchange:
        account, asked = exchange._account, []
        assert account is not None
        sandbox.node.mine(10)
        logs_and_head = account._rpc.logs_and_head

        async def noted(engine: str, topics: Sequence[object], begin: int, end: int) -> object:
            asked.append(end - begin + 1)
            return await logs_and_head(engine, topics, begin, end)

        monkeypatch.setattr(account._rpc, "logs_and_head", noted)
        account._log_range.narrow(3)
        await account.polling_feed(ToldLogs(0), lambda: 1.0).read(lambda event: None)
        first = asked.copy()
        await account.logs_since(0)
        assert max(asked) == 3 and len(asked) > len(first) > 1


async def test_a_foreign_source_is_plugged_in_by_naming_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.MARKET_SOURCES, "foreign", lambda context: ForeignFeed())
    monkeypatch.setitem(sources.ACCOUNT_SOURCES, "foreign", lambda context, looking, cursor: looking(cursor))
    monkeypatch.setitem(CONSTANTS.FEEDS, "foreign", ("foreign",))
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="foreign", trading_pairs=[TOKEN_PAIR]) as exchange:
        book = exchange.get_order_book(TOKEN_PAIR)
        await until(lambda: [(row.price, row.amount) for row in book.bid_entries()] == [(1.0, 2.0)])
        assert exchange.feed_states["order books"].source == "foreign"
