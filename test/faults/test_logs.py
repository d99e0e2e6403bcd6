"""Logs that come twice, late, in disorder or not at all (docs/faults.md, F26 to F29)."""
from decimal import Decimal
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import account_events, lost_logs
from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds import polling
from hummingbot.connector.exchange.standard.feeds.base import OrderLogs
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Filled, OrderKey, Resting, Settlement
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.events import MarketEvent
from test.faults.orders import end_of, rests
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.feeds.test_polling import ACCOUNT, BOOK, MARKETS, Account
from test.hummingbot.connector.exchange.standard.test_order_states import AMOUNT, BASE, DEPOSIT, KEY, NETWORK, World
from test.hummingbot.connector.exchange.standard.trading import (
    TOKEN_PAIR,
    Trader,
    connected,
    listen,
    order,
    quiet_sandbox,
    until,
)

STRANGER = "0x" + "51" * 20


@pytest.mark.parametrize("feed", ["chain", "stream"])
async def test_f26_every_source_tells_of_the_same_fill(feed: str) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed=feed) as exchange:
        sandbox.faults.node.duplicate_logs = True
        market, trader = exchange._venue.market(TOKEN_PAIR), Trader(sandbox)
        filled = listen(exchange, MarketEvent.OrderFilled)
        await trader.approve(market)
        await trader.buy(market, 60_000 * 10 ** 8, 300 * 10 ** 6)
        await until(lambda: exchange.get_order_book(TOKEN_PAIR).snapshot[0].size)
        await until(lambda: exchange.feed_states["own orders"].source == feed)
        name = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(60_000))
        await rests(exchange, name)
        await trader.buy(market, 60_000 * 10 ** 8, 150 * 10 ** 6)
        await until(lambda: len(order(exchange, name).order_fills) == 2)
        told: list[OrderLogs] = []
        for _ in range(2):  # all logs of the chain, and all of them again
            await exchange._account.polling_feed(ToldLogs(0), lambda: 1.0).read(told.append)
        for event in told:
            await exchange._events.process(event)
        assert await exchange._venue.rest.trades(market.base.address, market.quote.address)
        assert len(order(exchange, name).order_fills) == 2 == len(filled.event_log)
        assert order(exchange, name).executed_amount_base == Decimal("0.0075")
        await trader.buy(market, 60_000 * 10 ** 8, 150 * 10 ** 6)
        assert await end_of(exchange, name) is OrderState.FILLED and len(filled.event_log) == 3


def match(number: int, base: int, quote: int, clear: bool = False) -> EngineLog:
    """A fill of the account's bid 7."""
    event = OrderMatched(BOOK, number, 7, False, 10 ** 9, base, clear, STRANGER, ACCOUNT, base, quote, 0, 0, number)
    return EngineLog(event, f"0x{number:064x}", number, 0)


CANCEL = EngineLog(OrderCanceled(BOOK, 7, True, ACCOUNT, 400), f"0x{9:064x}", 9, 0)
FILLS = [match(1, 10 ** 14, 1_000), match(2, 2 * 10 ** 14, 2_000), match(3, 4 * 10 ** 14, 4_000)]


@pytest.mark.parametrize("logs", [[*FILLS, CANCEL], [*FILLS, match(4, 4 * 10 ** 13, 400, clear=True)]],
                         ids=["cancelled", "filled"])
def test_f27_logs_come_in_another_order(logs: list[EngineLog]) -> None:
    def ends(arrival: tuple[EngineLog, ...]) -> tuple[Any, ...]:
        settlement = Settlement(ACCOUNT, {market.book: market for market in MARKETS.values()})
        settlement.restore([Resting(OrderKey(BOOK, True, 7), "order", 10 ** 9, 7_400)])
        told = [event for log in arrival for event in settlement.apply(log)]
        fills = sorted((fill.trade_id, fill.base_amount, fill.quote_amount) for fill in told if isinstance(fill, Filled))
        return fills, [closed.ending for closed in told if isinstance(closed, Closed)], dict(settlement.resting)

    in_order = ends(tuple(logs))
    assert len(in_order[0]) in (3, 4) and len(in_order[1]) == 1 and not in_order[2]
    for arrival in permutations(logs):
        assert ends(arrival) == in_order, [log.block_number for log in arrival]


async def test_f27_a_log_of_an_older_block_comes_after_newer_ones() -> None:
    account = await Account().run()
    keys = [account.order() for _ in range(3)]
    for key in keys:
        account.node.fill(key, 10, 100, 1)
    late = account.node.logs[:2]
    del account.node.logs[:2]
    assert [log.block_number for log in await account.next()] == [103]
    account.node.logs[:0] = late
    assert [log.block_number for log in await account.next()] == [101, 102], "told although newer blocks were read"
    assert await account.next() == []
    account.task.cancel()
    await settle()


@pytest.mark.parametrize("refusal", ["block range is too wide, maximum 300", "query returned more than 10000 results"])
async def test_f28_the_node_gives_logs_of_few_blocks_only(refusal: str) -> None:
    account = Account(cursor=100)
    blocks = []
    for _ in range(4):
        account.node.head += 700
        account.node.fill(account.order(), 10, 100, 1)
        blocks.append(account.node.head)
    answer, failing = account.node._answer, [False]

    def limited(method: str, params: list[Any]) -> dict[str, Any]:
        if method == "eth_getLogs":
            if failing[0] and len(account.told) >= 3:
                raise ApiUnavailableError("the connection was lost")
            last = account.node.head if params[0]["toBlock"] == "latest" else int(params[0]["toBlock"], 16)
            if last - int(params[0]["fromBlock"], 16) >= 300:
                return {"error": {"code": -32000, "message": refusal}}
        return answer(method, params)

    account.node._answer = limited  # type: ignore[method-assign]
    failing[0] = True
    await account.run()
    with pytest.raises(ApiUnavailableError):
        await account.task
    read = account.feed.block_number
    assert 100 < read < account.node.head, "a part was read"
    failing[0] = False
    await account.run()
    ranges = [entry for entry in account.ranges() if entry[1] - entry[0] < 300]
    assert all(after[0] <= before[1] + 1 for before, after in pairwise(ranges)), "without a hole"
    assert [log.block_number for event in account.told for log in event.logs] == blocks
    assert account.feed.block_number == account.node.head
    account.task.cancel()
    await settle()


async def test_f29_the_node_has_not_indexed_the_newest_blocks_yet() -> None:
    account = await Account().run()
    account.node.fill(account.order(), 10, 100, 1)
    logs, account.node.logs = account.node.logs, []
    for _ in range(15):
        account.node.head += 1
        assert await account.next() == []
    account.node.logs = logs
    assert [log.block_number for log in await account.next()] == [101], "an empty answer proves nothing"
    assert account.told[-1].block_number == account.node.head
    account.node.fill(account.order(), 20, 200, 1)
    ahead, account.node.head = account.node.head, account.node.head - 1
    assert await account.next() == [] and account.feed.block_number <= ahead, "and the node's own head is the bound"
    account.node.head = ahead
    assert [log.block_number for log in await account.next()] == [ahead]
    account.task.cancel()
    await settle()


async def test_f29_the_node_that_gives_the_logs_is_far_behind_the_one_that_names_the_head(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LATE_INTERVAL", 0.0, raising=False)
    world = World(tmp_path)
    await world.start()
    world.node.fill(KEY, BASE.to_units(Decimal(1)), DEPOSIT // 2, 10 ** 15)
    late, world.node.logs = world.node.logs, []
    world.node.head += 200  # twenty seconds
    await until(lambda: world.exchange._events.settled_block >= world.node.head)
    assert not world.order.order_fills
    world.node.logs = late
    world.exchange._user_stream_tracker.data_source.hurry()
    await until(lambda: world.order.executed_amount_base == 1)
    await world.stop()


@pytest.mark.parametrize("share", [4, 1], ids=["it rests", "it was taken whole"])
async def test_f29_a_log_is_given_only_when_its_block_is_not_looked_at_any_more(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int) -> None:
    monkeypatch.setattr(account_events, "CATCH_UP_TIMEOUT", 0.3)
    monkeypatch.setattr(lost_logs, "LASTING_SECONDS", 0.0)
    world = World(tmp_path)
    await world.start()
    await world.exchange._update_order_status()
    world.node.fill(KEY, BASE.to_units(AMOUNT / share), DEPOSIT // share, 10 ** 15, clear=share == 1)
    late, world.node.logs = world.node.logs, []
    for _ in range(2):
        world.node.head += NETWORK.late_blocks
        world.exchange._user_stream_tracker.data_source.hurry()
        await until(lambda: world.exchange._events.settled_block >= world.node.head)
    world.node.logs = late
    for _ in range(3):
        await world.exchange._update_order_status()
    await until(lambda: world.order.executed_amount_base == AMOUNT / share)
    assert world.misses == 0 and len(world.order.order_fills) == 1
    assert world.order.current_state is (OrderState.FILLED if share == 1 else OrderState.PARTIALLY_FILLED)
    await world.stop()
