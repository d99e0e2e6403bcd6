"""How often the connector asks: what is quiet costs little, and twenty open orders no more than one."""
import asyncio
from decimal import Decimal
from unittest.mock import AsyncMock, patch

from hummingbot.connector.exchange.standard.standard_exchange import IDLE_ACCOUNT_INTERVAL, StandardExchange
from hummingbot.core.data_type.common import OrderType
from test.hummingbot.connector.exchange.standard.trading import (
    TOKEN_PAIR,
    BriskClock,
    Trader,
    connected,
    order,
    quiet_sandbox,
    until,
)


async def asked_for(exchange: StandardExchange, what: object) -> int:
    """How many HTTP requests an activity costs, REST and JSON-RPC together."""
    venue = exchange.venue
    before = venue.rest.answers + venue.rpc.answers
    await what  # type: ignore[misc]
    return venue.rest.answers + venue.rpc.answers - before


async def test_the_network_is_checked_by_the_answers_that_came_anyway() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, trading_pairs=[TOKEN_PAIR], standard_feed="polling") as exchange:
        assert await exchange.check_network()
        venue = exchange.venue
        rest, rpc = venue.rest.answers, venue.rpc.answers
        await until(lambda: venue.rest.answers > rest and venue.rpc.answers > rpc)
        paths: list[str] = []
        venue.rest.get, get = _noting(paths, venue.rest.get), venue.rest.get  # type: ignore[method-assign]
        await exchange._make_network_check_request()
        assert exchange.check_network_request_path not in paths
        exchange._network_check._count()
        with patch.object(venue.rpc, "block_number", AsyncMock()) as asked:
            await exchange._make_network_check_request()
        assert asked.await_count == 1 and exchange.check_network_request_path not in paths, "it trades by the chain alone"
        exchange._network_check._count()
        with patch.object(exchange, "_account", None):
            await exchange._make_network_check_request()
        assert exchange.check_network_request_path in paths, "and needs both before"
        venue.rest.get = get  # type: ignore[method-assign]


def _noting(paths, get):  # type: ignore[no-untyped-def]
    async def noted(path: str) -> bytes:
        paths.append(path)
        return await get(path)
    return noted


class Asleep(BriskClock):
    """The long pauses never end."""

    async def sleep(self, seconds: float) -> None:
        await (asyncio.Event().wait() if seconds == IDLE_ACCOUNT_INTERVAL else super().sleep(seconds))


async def test_an_order_ends_the_long_pause_so_that_its_fill_is_told_soon() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, trading_pairs=[TOKEN_PAIR], standard_feed="polling",
                                                         clock=Asleep()) as exchange:
        trader, market = Trader(sandbox), exchange.venue.market(TOKEN_PAIR)
        await trader.approve(market)
        placed = exchange.buy(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(59_900))
        await until(lambda: placed in exchange.in_flight_orders and exchange.in_flight_orders[placed].is_open
                    and exchange.in_flight_orders[placed].exchange_order_id)
        await trader.sell(market, 59_900 * 10 ** 8, 10 ** 6, rests=False)
        await until(lambda: order(exchange, placed).is_filled)


async def test_balances_and_the_states_of_twenty_orders_are_one_request_each() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, trading_pairs=[TOKEN_PAIR], standard_feed="polling") as exchange:
        for level in range(20):
            exchange.buy(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal(59_900 - level))
        await until(lambda: len([order for order in exchange.in_flight_orders.values() if order.exchange_order_id]) == 20)
        exchange._balances._foreign_orders._next_refresh = exchange._time_source.monotonic() + 300
        # The feeds go on asking meanwhile, so the cheapest of some tries is what it costs.
        balances = [await asked_for(exchange, exchange._update_balances()) for _ in range(5)]
        states = [await asked_for(exchange, exchange._states.read(list(exchange.in_flight_orders.values()))) for _ in range(5)]
        assert (min(balances), min(states)) == (1, 1)
        await exchange.cancel_all(10)
        await asyncio.sleep(0)


async def test_the_start_asks_the_api_for_the_list_of_pairs_once_and_the_next_look_at_the_rules_again() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, trading_pairs=[TOKEN_PAIR], standard_feed="polling") as exchange:
        paths: list[str] = []
        exchange.venue.rest.get = _noting(paths, exchange.venue.rest.get)  # type: ignore[method-assign]
        await exchange._update_trading_rules()
        assert exchange.trading_rules_request_path in paths
    async with quiet_sandbox() as sandbox:
        paths = []
        async with connected(sandbox, trading_pairs=[TOKEN_PAIR], standard_feed="polling", ready=False) as exchange:
            exchange.venue.rest.get = _noting(paths, exchange.venue.rest.get)  # type: ignore[method-assign]
            await until(lambda: exchange.ready)
        assert paths.count(exchange.trading_rules_request_path) == 1
