"""What still waits when the network is left does not begin anew."""
import asyncio
import logging
import re
import time
from decimal import Decimal
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest

from hummingbot.connector.exchange.standard import order_cancels
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, NotSentError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.placements import PLACE
from hummingbot.connector.exchange.standard.standard_api_user_stream_data_source import StandardAPIUserStreamDataSource
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.cancellation_result import CancellationResult
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.trading import (
    NATIVE_PAIR,
    TOKEN_PAIR,
    connected,
    order,
    quiet_sandbox,
    until,
)


async def placed(exchange: StandardExchange) -> str:
    """An order that is in a block."""
    name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
    await until(lambda: name in exchange.in_flight_orders and order(exchange, name).exchange_order_id)
    return name


async def test_a_cancel_that_waits_for_its_order_does_not_bring_the_account_back() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await placed(exchange)
        sandbox.node.pause()
        late = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("62000"))
        await until(lambda: sandbox.node.pool)
        cancelling = asyncio.ensure_future(exchange._execute_cancel(TOKEN_PAIR, late))
        await asyncio.sleep(0.1)
        await exchange.stop_network()
        sandbox.node.resume()
        await until(lambda: not exchange._account._running)
        assert await cancelling is None
        await asyncio.sleep(0.2)
        assert not exchange._account._running and order(exchange, late).is_open


async def test_an_account_that_was_left_comes_back_with_the_network() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange.stop_network()
        await until(lambda: not exchange._account._running)
        with pytest.raises(NotSentError, match="was left"):
            await exchange._trading_account()
        await exchange.start_network()
        await until(lambda: exchange._account._running)


async def test_an_account_that_is_not_built_when_the_network_is_left_does_not_begin() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange.stop_network()
        await until(lambda: not exchange._account._running)
        exchange._account, listed = None, asyncio.Event()
        exchange._returned.set()

        async def slow_listing() -> object:
            await listed.wait()
            return exchange.venue.known_listing

        with patch.object(exchange.venue, "listing", slow_listing):
            building = asyncio.ensure_future(exchange._trading_account())
            await asyncio.sleep(0)
            await exchange.stop_network()
            listed.set()
            with pytest.raises(NotSentError, match="was left"):
                await building
        assert exchange._account is None


async def test_taking_up_the_last_run_ends_with_the_network_and_goes_on_with_it() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        agreed = asyncio.Event()
        exchange._resume = agreed.wait
        exchange._resuming = asyncio.ensure_future(agreed.wait())
        await exchange.stop_network()
        await until(exchange._resuming.cancelled)
        await exchange.start_network()
        agreed.set()
        await until(exchange._resuming.done)
        assert not exchange._resuming.cancelled()


@pytest.mark.parametrize(("failure", "errors"), [(NotSentError("the network was left"), 0), (RuntimeError("a fault"), 1)])
async def test_that_the_network_is_left_while_an_event_is_processed_is_no_fault(
        failure: Exception, errors: int, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        with patch.object(exchange._events, "process", AsyncMock(side_effect=failure)) as process:
            await placed(exchange)
            await until(lambda: process.await_count)
            await settle()
        assert len([record for record in caplog.records if record.levelname == "ERROR"]) == errors * process.await_count
        before = exchange._events.settled_block
        await placed(exchange)
        await until(lambda: exchange._events.settled_block > before)


@pytest.mark.parametrize(("has_left", "is_cancelled"), [(True, True), (False, False)], ids=["left", "begun again meanwhile"])
async def test_only_a_network_that_stays_left_ends_what_takes_up_the_last_run(has_left: bool, is_cancelled: bool) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        exchange._resuming = asyncio.ensure_future(asyncio.Event().wait())
        returned = asyncio.Event()
        with patch.object(exchange._account, "stop", AsyncMock(side_effect=None if has_left else returned.set)):
            await exchange._leave(exchange._account, returned)
        await settle()
        assert exchange._resuming.cancelled() is is_cancelled
        exchange._resuming.cancel()
        exchange._resuming = None
        await exchange._leave(exchange._account, asyncio.Event())


async def test_an_order_that_is_over_does_not_come_back_with_the_network() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        account = exchange._account
        name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        await until(lambda: name in exchange.in_flight_orders and order(exchange, name).exchange_order_id)
        await until(lambda: any(tracked.intent.kind == PLACE for tracked in account._finished))  # told, and noted as told
        placed, block = list(account._finished), sandbox.node.head.number
        await exchange._execute_cancel(TOKEN_PAIR, name)
        assert order(exchange, name).is_cancelled and not account.settlement.resting
        await exchange.stop_network()
        await until(lambda: not account._running)
        account._finished[:] = placed  # as if its block were too young to be forgotten yet
        await account.start()
        account._sender._watch.clear()
        await account.remember(block + 100)
        await until(lambda: not account._following)
        assert not account.settlement.resting


async def test_a_start_that_breaks_off_leaves_no_sender_behind() -> None:
    """Each further start would have come with one more."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange.stop_network()
        account = exchange._account
        await until(lambda: not account._running)
        block_number = account._rpc.block_number

        async def no_answer() -> int:
            raise ApiUnavailableError("no node answers")

        account._rpc.block_number = no_answer
        with pytest.raises(ApiUnavailableError):
            await account.start()
        assert not account._sender._tasks
        account._rpc.block_number = block_number
        await account.start()
        assert len(account._sender._tasks - account._sender._settling) == 2


async def test_a_network_that_comes_back_in_the_moment_in_which_it_is_left_goes_on_taking_up_the_last_run() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        agreed = asyncio.Event()

        async def takes_a_while_to_end() -> None:
            try:
                await agreed.wait()
            finally:
                await asyncio.sleep(0.1)

        exchange._resume = agreed.wait
        exchange._resuming = left = asyncio.ensure_future(takes_a_while_to_end())
        await settle()
        left.cancel()  # as leaving does
        await exchange.start_network()
        agreed.set()
        await until(left.done)
        await until(exchange._resuming.done)
        assert left.cancelled() and not exchange._resuming.cancelled()


async def test_a_wish_for_balances_while_they_are_read_has_them_read_once_more() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        exchange._status_polling_task.cancel()
        reads, may_end = [], asyncio.Event()

        async def read() -> None:
            reads.append(len(reads))
            await may_end.wait()

        with patch.object(exchange, "_update_all_balances", read):
            polling = asyncio.ensure_future(exchange._status_polling_loop_fetch_updates())
            await settle()
            assert reads == [0]
            await exchange._money_moved(None)
            may_end.set()
            await polling
        assert reads == [0, 1]


async def test_what_is_told_of_a_book_before_hummingbot_has_begun_it_anew_is_not_lost() -> None:
    """A stream is live again at once, and Hummingbot takes a second for each pair."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        tracker = exchange.order_book_tracker
        await exchange.stop_network()
        await exchange.start_network()
        newest = time.time() * 1e6 + 1e9
        tracker._order_book_diff_stream.put_nowait(OrderBookMessage(OrderBookMessageType.DIFF, {
            "trading_pair": TOKEN_PAIR, "update_id": newest, "bids": [(12345.0, 1.0)], "asks": []}, newest))
        await until(lambda: any(row.price == 12345.0 for row in tracker.order_books[TOKEN_PAIR].bid_entries()))


async def test_a_network_that_is_back_at_once_does_not_wait_for_what_was_on_its_way_when_it_was_left() -> None:
    """Hummingbot leaves and begins again also when a single check of the network took too long."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        first = await placed(exchange)
        sandbox.node.pause()
        stuck = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("62000"))
        await until(lambda: sandbox.node.pool)
        await exchange.stop_network()
        await settle()
        await exchange.start_network()
        await until(lambda: not any("_leave" in repr(task.get_coro()) for task in asyncio.all_tasks()), 2)
        assert exchange._account._running and exchange._account.is_recorded
        sandbox.node.resume()
        await until(lambda: order(exchange, stuck).exchange_order_id)
        await exchange._execute_cancel(TOKEN_PAIR, first)
        assert order(exchange, first).is_cancelled


async def test_what_is_told_after_the_network_was_left_is_not_noted_as_recorded() -> None:
    """Hummingbot has taken its recorder off before it leaves the network for good: the next start is to bring the order back."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        account = exchange._account
        with patch.object(account._journal, "told", AsyncMock()) as noted:
            for is_left in (False, True):
                sandbox.node.pause()
                name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
                await until(lambda: sandbox.node.pool)
                if is_left:
                    await exchange.stop_network()
                sandbox.node.resume()
                await until(lambda name=name: order(exchange, name).exchange_order_id)
                await settle()
        assert noted.await_count == 1


async def test_what_is_told_while_the_network_is_being_left_is_not_noted_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        sandbox.node.pause()
        name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        await until(lambda: sandbox.node.pool)
        stop = exchange._user_stream_tracker.stop

        async def slow() -> None:
            sandbox.node.resume()
            await until(lambda: order(exchange, name).exchange_order_id)
            await settle()
            await stop()

        monkeypatch.setattr(exchange._user_stream_tracker, "stop", slow)
        with patch.object(exchange._account._journal, "told", AsyncMock()) as noted:
            await exchange.stop_network()
        assert noted.await_count == 0
        monkeypatch.undo()


async def given_up(exchange: StandardExchange) -> list[CancellationResult]:
    """Cancel all while no block comes, until nobody waits any more."""
    with patch.object(exchange._order_cancels, "cancel_late", AsyncMock()):
        return await exchange.cancel_all(5)


@pytest.mark.parametrize("sides", [(False, True), (True,)], ids=["several", "one that waits for its approval"])
async def test_a_stop_waits_for_orders_that_come_into_a_block_late(
        sides: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """`hbot` ends the program in the moment in which the network is left. A strategy need not ask again whether the connector is
    ready after the network was left and came back."""
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.1)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange._execute_cancel(TOKEN_PAIR, await placed(exchange))
        exchange._has_begun = False
        sandbox.node.pause()
        names = [exchange.buy(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("59000")) if is_buy
                 else exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000")) for is_buy in sides]
        await until(lambda: len(sandbox.node.pool) == len(sides))
        asyncio.get_running_loop().call_later(1.0, sandbox.node.resume)
        results = await exchange.cancel_all(5)
        assert {result.order_id: result.success for result in results} == dict.fromkeys(names, True)
        keys = [OrderKey.parse(order(exchange, name).exchange_order_id) for name in names]
        assert all(keys)
        assert not any(await exchange._account.deposits(keys, sandbox.node.head.number))  # type: ignore[arg-type]
        assert "not seen cancelled" not in caplog.text


async def test_a_stop_tells_of_a_cancel_that_comes_into_a_block_late(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = await placed(exchange)
        process = exchange._events.process

        async def slowly(event: object) -> None:
            await asyncio.sleep(0.3)
            await process(event)  # type: ignore[arg-type]

        monkeypatch.setattr(exchange._events, "process", slowly)
        sandbox.node.pause()
        asyncio.get_running_loop().call_later(1.5, sandbox.node.resume)
        assert [(result.order_id, result.success) for result in await exchange.cancel_all(0.5)] == [(name, True)]
        assert "not seen cancelled" not in caplog.text


async def test_at_a_start_no_order_is_waited_for_that_is_not_in_a_block_yet(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.1)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        sandbox.node.pause()
        name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        await until(lambda: sandbox.node.pool)
        with patch.object(StandardExchange, "status_dict", {"order_books_initialized": False}):
            async with asyncio.timeout(5):
                assert [result.success for result in await exchange.cancel_all(1)] == [False]
        assert f"1 order was not seen cancelled and may stay on the exchange when the bot stops: {name}" in caplog.text
        sandbox.node.resume()


async def test_an_order_that_comes_into_a_block_after_the_stop_is_cancelled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.1)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange._execute_cancel(TOKEN_PAIR, await placed(exchange))  # with the approval
        sandbox.node.pause()
        name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        await until(lambda: sandbox.node.pool)
        results = await given_up(exchange)
        assert [(result.order_id, result.success) for result in results] == [(name, False)]
        await exchange.stop_network()
        sandbox.node.resume()
        await until(lambda: not exchange._account._running)
        key = OrderKey.parse(order(exchange, name).exchange_order_id)
        assert key is not None and await exchange._account.deposits([key], sandbox.node.head.number) == [0]


async def test_all_orders_of_a_batch_that_is_mined_after_the_stop_are_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.1)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange._execute_cancel(TOKEN_PAIR, await placed(exchange))
        sandbox.node.pause()
        names = [exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal(61000 + number)) for number in range(8)]
        await until(lambda: sandbox.node.pool)
        assert len(await given_up(exchange)) == 8
        await exchange.stop_network()
        sandbox.node.resume()
        await until(lambda: not exchange._account._running)
        keys = [OrderKey.parse(order(exchange, name).exchange_order_id) for name in names]
        assert all(keys)
        assert await exchange._account.deposits(keys, sandbox.node.head.number) == [0] * 8  # type: ignore[arg-type]


async def test_an_order_that_waits_for_its_approval_at_the_stop_is_not_placed_after_it(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.1)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange._execute_cancel(TOKEN_PAIR, await placed(exchange))
        sandbox.node.pause()
        exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        late = exchange.buy(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("59000"))
        await until(lambda: len(sandbox.node.pool) == 2)  # the order and the approval
        await given_up(exchange)
        await exchange.stop_network()
        sandbox.node.resume()
        await until(lambda: not exchange._account._running)
        await until(lambda: order(exchange, late).is_failure)
        assert order(exchange, late).exchange_order_id is None
        assert "The order is not sent: the network was left." in caplog.text
        await exchange.start_network()
        await until(lambda: exchange._account._running)
        await placed(exchange)


async def test_what_never_ends_keeps_a_stop_no_longer_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "STOP_TIMEOUT", 0.5)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await placed(exchange)
        sandbox.node.pause()
        exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        await until(lambda: sandbox.node.pool)
        exchange._order_cancels._leftovers.add(asyncio.ensure_future(asyncio.sleep(5)))
        began = time.monotonic()
        await exchange.stop_network()
        await until(lambda: not exchange._account._running)
        assert time.monotonic() - began < 1.0
        sandbox.node.resume()


async def test_a_network_that_is_back_before_the_last_cancel_is_mined_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.1)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange._execute_cancel(TOKEN_PAIR, await placed(exchange))
        sandbox.node.pause()
        name = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("61000"))
        await until(lambda: sandbox.node.pool)
        await given_up(exchange)
        await exchange.stop_network()
        submit, left = exchange._account._sender.submit, []

        def submitted(intent: Intent) -> Tracked:
            sandbox.node.pause()
            left.append(submit(intent))
            return left[-1]

        monkeypatch.setattr(exchange._account._sender, "submit", submitted)
        sandbox.node.resume()
        await until(lambda: left and sandbox.node.pool)
        await exchange.start_network()
        sandbox.node.resume()
        await until(lambda: left[0].done and not exchange._order_cancels._leftovers)
        await settle()
        assert exchange._account._running
        await until(lambda: order(exchange, name).is_cancelled)


async def test_what_waits_to_be_taken_off_is_taken_off_before_the_stop() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        key = OrderKey.parse(order(exchange, await placed(exchange)).exchange_order_id)
        assert key is not None
        exchange._order_tracker.stop_tracking_order(next(iter(exchange.in_flight_orders)))
        exchange._order_cancels._left_on[key] = None
        assert await exchange.cancel_all(5) == []
        assert await exchange._account.deposits([key], sandbox.node.head.number) == [0]


async def test_no_order_is_placed_by_a_book_that_is_too_old(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        first = await placed(exchange)
        with patch.object(StandardExchange, "book_ages", {TOKEN_PAIR: 31.0}):
            late = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("62000"))
            await until(lambda: late in exchange._order_tracker.all_fillable_orders and order(exchange, late).is_failure)
            assert "The order book of WBTC-USDC is 31 s old: no order is placed by it." in caplog.text
            await exchange._execute_cancel(TOKEN_PAIR, first)
        assert order(exchange, first).is_cancelled


async def test_a_start_after_a_long_time_says_how_much_is_read(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO)
    async with quiet_sandbox() as sandbox:
        async with connected(sandbox, tmp_path) as exchange:
            await placed(exchange)
        assert "since the last run" not in caplog.text
        sandbox.node.mine(1_100)
        async with connected(sandbox, tmp_path) as exchange:
            assert re.search("What happened in the 1[1-9][0-9]{2} blocks since the last run is read now", caplog.text)
            await placed(exchange)


async def test_no_order_is_placed_before_what_happened_since_the_last_run_is_read(caplog: pytest.LogCaptureFixture) -> None:
    """After days away that takes minutes, in which no fill of it would be told."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        first = await placed(exchange)
        known, head = exchange._recalled, exchange._recalled.head
        with patch.object(exchange, "_recalled", known._replace(cursor=head, head=head + 5_000_000)):
            late = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("62000"))
            await until(lambda: late in exchange._order_tracker.all_fillable_orders and order(exchange, late).is_failure)
            assert re.search(f"is read up to block [0-9]+ of {head + 5_000_000}: no order is placed before all is", caplog.text)
            await exchange._execute_cancel(TOKEN_PAIR, first)
        assert order(exchange, first).is_cancelled
        await placed(exchange)


async def test_no_order_is_placed_before_what_became_of_the_others_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A machine that does not keep up."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        source = exchange._user_stream_tracker.data_source
        assert isinstance(source, StandardAPIUserStreamDataSource)
        first = await placed(exchange)
        with patch.object(StandardAPIUserStreamDataSource, "backlog_seconds", 31.0):
            late = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("62000"))
            await until(lambda: late in exchange._order_tracker.all_fillable_orders and order(exchange, late).is_failure)
            assert "What became of orders 31 s ago is not told yet: no order is placed before it is." in caplog.text
            await exchange._execute_cancel(TOKEN_PAIR, first)
        assert order(exchange, first).is_cancelled
        read_at = source.last_recv_time
        await until(lambda: source.last_recv_time > read_at and not source._waiting)
        await placed(exchange)


async def test_no_order_is_placed_by_a_book_from_before_the_network_was_left(caplog: pytest.LogCaptureFixture) -> None:
    """The node is back, and the API is not yet."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        await exchange.stop_network()
        rule = sandbox.faults.add("status", target="rest", status=503)
        await exchange.start_network()
        late = exchange.sell(TOKEN_PAIR, Decimal("0.001"), OrderType.LIMIT, Decimal("62000"))
        await until(lambda: late in exchange._order_tracker.all_fillable_orders and order(exchange, late).is_failure)
        assert "The order book of WBTC-USDC is from before the network was left or this machine slept: no order" in caplog.text
        assert not exchange.ready
        sandbox.faults.remove(rule)
        await until(lambda: exchange.ready)
        await placed(exchange)


async def test_an_old_book_keeps_the_connector_from_being_ready_only_before_it_has_been() -> None:
    old = patch.object(StandardExchange, "book_ages", {NATIVE_PAIR: 1.0, TOKEN_PAIR: 31.0})
    async with quiet_sandbox() as sandbox, connected(sandbox, ready=False) as exchange:
        for _ in range(2):
            with old:
                await until(lambda: exchange.order_book_tracker.ready and all(
                    is_there for what, is_there in exchange.status_dict.items() if what != "order_books_initialized"))
                assert not exchange.ready
            await until(lambda: exchange.ready)
            with old:
                assert exchange.ready
            await exchange.stop_network()
            assert not exchange.ready
            await exchange.start_network()
            await settle()  # or tasks would be ended before they begin


async def test_rules_and_fees_are_read_from_the_chain_while_the_api_is_away(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        sandbox.faults.add("status", target="rest", status=503)
        exchange._trading_rules.clear()
        for _ in range(2):
            await exchange._update_trading_rules()
        assert set(exchange.trading_rules) == {NATIVE_PAIR, TOKEN_PAIR} and caplog.text.count("Markets cannot be read") == 1
        with patch.object(type(exchange.venue), "known_listing", None), pytest.raises(ApiUnavailableError):
            await exchange.read_rules()


async def test_a_pair_that_is_added_has_its_rules_before_its_book() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, trading_pairs=[NATIVE_PAIR]) as exchange:
        assert await exchange.add_trading_pair(TOKEN_PAIR)
        assert exchange.quantize_order_amount(TOKEN_PAIR, Decimal("0.001")) == Decimal("0.001")
        await placed(exchange)


async def test_a_connector_that_does_not_trade_reads_no_rules_of_a_pair_that_is_added() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, trading_pairs=[NATIVE_PAIR], trading_required=False) as exchange:
        assert await exchange.add_trading_pair(TOKEN_PAIR)
        assert exchange.get_order_book(TOKEN_PAIR) is not None and not exchange.trading_rules
        await asyncio.sleep(0)  # or the book's task would be ended before it begins


async def test_on_a_chain_whose_blocks_are_final_at_once_the_account_stops_without_a_look_back() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        account = exchange._account
        await account._deep.stop()
        account._deep = None
        await account.stop()
        assert not account._running
        await account.stop()
        await account.start()


async def test_a_connector_that_has_not_begun_to_trade_has_nothing_to_cancel_at_the_stop() -> None:
    assert await StandardExchange(domain="standard_sandbox", trading_required=False).cancel_all(1) == []
