"""What becomes of orders that Hummingbot polls: the chain decides, a failed request decides nothing, a lost order is followed."""
import asyncio
import logging
from decimal import Decimal
from unittest.mock import AsyncMock, patch

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard import account_events, cancels, order_cancels
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError, RateLimitedError, RpcError
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.venue import ChainOrder
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.event_logger import EventLogger
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.utils.async_utils import safe_ensure_future
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from test.hummingbot.connector.exchange.standard.clocks import QuickClock, until
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.fake_node import STRANGER, FakeNode

NETWORK = CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN]
BASE, QUOTE = Token("0x" + "ba" * 20, "AAA", 18), Token("0x" + "9c" * 20, "BBB", 6)
MARKET = Market(BASE, QUOTE, "0x" + "b0" * 20)
KEY = OrderKey(MARKET.book, True, 7)
PRICE, AMOUNT, DEPOSIT = Decimal(10), Decimal(2), 20_000_000


def api_of(market):
    """An API that lists one market."""
    api = FakeApi()
    api.answer("/api/pairs", {"pairs": [{"id": market.book, **{
        side: {"id": token.address, "symbol": token.symbol, "decimals": token.decimals}
        for side, token in (("base", market.base), ("quote", market.quote))}}]})
    return api


class World:
    """A connector on a scripted chain, following one bid that it placed: 2 AAA at 10 BBB."""

    def __init__(self, tmp_path):
        self.node = FakeNode(NETWORK.chain_id, NETWORK.engine, dict(NETWORK.well_known_tokens)["SOMI"], (MARKET,))
        self.exchange = StandardExchange(standard_private_key="0x" + "11" * 32, trading_pairs=["AAA-BBB"], clock=QuickClock(),
                                         data_path=tmp_path)
        self.exchange.venue.rpc._transport, self.exchange.venue.rest._transport = self.node, api_of(MARKET)
        self.exchange._set_current_timestamp(1640780000)
        self.tracker = self.exchange._order_tracker
        self.events = {kind: EventLogger() for kind in (MarketEvent.OrderFilled, MarketEvent.OrderCancelled,
                                                        MarketEvent.BuyOrderCompleted, MarketEvent.OrderFailure)}
        for kind, logger in self.events.items():
            self.exchange.add_listener(kind, logger)
        self.tasks = []

    async def start(self):
        account = await self.exchange._trading_account()
        self.node.rest(KEY, account.address, 10 ** 9, DEPOSIT)
        account.settlement.restore([Resting(KEY, "1", 10 ** 9, DEPOSIT)])
        self.exchange.start_tracking_order("1", KEY.exchange_order_id, "AAA-BBB", TradeType.BUY, PRICE, AMOUNT, OrderType.LIMIT)
        self.order = self.exchange.in_flight_orders["1"]
        self.tasks = [safe_ensure_future(self.exchange._user_stream_tracker.start()),
                      safe_ensure_future(self.exchange._user_stream_event_listener())]
        await until(lambda: self.node.received("eth_getLogs"))

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await self.exchange.stop_network()
        await ConnectionsFactory().close()

    async def lose(self):
        """Hummingbot has failed to find the order too often."""
        for _ in range(self.tracker._lost_order_count_limit + 1):
            await self.tracker.process_order_not_found("1")
        assert "1" in self.tracker.lost_orders

    def fill(self):
        self.node.fill(KEY, BASE.to_units(AMOUNT), DEPOSIT, 10 ** 15, clear=True)

    def told(self, kind):
        return self.events[kind].event_log

    @property
    def misses(self):
        return self.tracker._order_not_found_records.get("1", 0)


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path)
    with patch.object(account_events, "CATCH_UP_TIMEOUT", 0.3):
        await world.start()
        yield world
        await world.stop()


async def test_resting_order_is_open(world):
    await world.exchange._update_order_status()
    await until(lambda: world.order.current_state is OrderState.OPEN)
    assert world.misses == 0


async def test_orders_without_news_do_not_go_through_the_tracker(world):
    with patch.object(world.tracker, "_process_order_update", wraps=world.tracker._process_order_update) as process:
        await world.exchange._update_order_status()  # the state that the order was restored with is none of the chain's
        await world.exchange._update_order_status()
        process.reset_mock()
        await world.exchange._update_order_status()
        assert world.order.current_state is OrderState.OPEN
        process.assert_not_called()


async def test_order_that_was_taken_back_while_its_state_was_read_stays_pending(world):
    read = world.exchange.venue.orders_and_head

    async def reorganised_meanwhile(keys):
        found = await read(keys)
        world.order.exchange_order_id, world.order.current_state = None, OrderState.PENDING_CREATE
        return found

    with patch.object(world.exchange.venue, "orders_and_head", reorganised_meanwhile):
        await world.exchange._update_order_status()
    assert world.order.current_state is OrderState.PENDING_CREATE and world.misses == 0


async def test_order_whose_worthless_rest_was_swept_away_is_cancelled_and_never_missed(world):
    world.exchange._account.settlement.restore([Resting(KEY, "1", 10 ** 9, 9)])
    del world.node.orders[KEY]
    await world.exchange._update_order_status()
    await until(lambda: world.order.is_cancelled)
    assert world.misses == 0 and not world.exchange._account.settlement.resting and world.told(MarketEvent.OrderCancelled)


async def test_order_that_left_without_any_log_stays_until_its_block_is_final_and_is_lost_in_the_end(world):
    await until(lambda: world.exchange._events.settled_block >= world.node.head)
    del world.node.orders[KEY]
    await world.exchange._update_order_status()
    world.node.head += NETWORK.late_blocks - 1
    await world.exchange._update_order_status()
    assert world.misses == 0 and world.order.is_open
    world.node.head += 1
    for misses in (1, 2, 3):
        await world.exchange._update_order_status()
        assert world.misses == misses
    await world.exchange._update_order_status()
    assert "1" in world.tracker.lost_orders


@pytest.mark.parametrize("held", [
    RpcError("eth_call", -32000, "header not found"), BadDataError("null"), [ChainOrder("", 10 ** 9, DEPOSIT)]])
async def test_a_node_that_stands_still_says_nothing_of_the_order_that_it_does_not_have(world, monkeypatch, held):
    """Others tell the head, and it answers for its own newest block, in which the order does not rest yet."""
    async def orders(keys, block="latest"):
        assert block == world.node.head
        if isinstance(held, Exception):
            raise held
        return [order._replace(owner=world.exchange._address) for order in held]

    del world.node.orders[KEY]
    monkeypatch.setattr(world.exchange._venue, "orders", orders)
    for _ in range(3):
        await world.exchange._update_order_status()
        world.node.head += NETWORK.late_blocks
    assert world.misses == 0 and world.order.is_open


async def test_order_of_somebody_else_under_the_id_of_an_own_one_is_none_of_the_own(world):
    """The wallet is another one now, or the chain was begun anew."""
    world.exchange._account.settlement.forget(KEY)
    world.node.rest(KEY, STRANGER, 10 ** 9, DEPOSIT)
    for misses in (1, 2):
        await world.exchange._update_order_status()
        assert world.misses == misses
    assert world.order.current_state is not OrderState.OPEN


async def test_missing_order_that_rests_again_is_final_anew(world):
    order = world.node.orders.pop(KEY)
    await world.exchange._update_order_status()
    world.node.orders[KEY] = order
    world.node.head += NETWORK.late_blocks
    await world.exchange._update_order_status()
    del world.node.orders[KEY]
    await world.exchange._update_order_status()
    assert world.misses == 0 and world.order.is_open


async def test_order_that_is_being_placed_again_after_a_restart_is_not_missed(world):
    """Its block was replaced while nothing ran: Hummingbot knows it by the id that it had there."""
    del world.node.orders[KEY]
    world.exchange._account.settlement.forget(KEY)
    with patch.object(world.exchange._account, "is_placing", {"1"}.__contains__):
        await world.exchange._update_order_status()
        assert world.misses == 0 and world.order.is_open
    await world.exchange._update_order_status()
    assert world.misses == 1


async def test_order_whose_end_the_logs_do_not_tell_yet_is_not_missed_by_its_cancels(world):
    """Blocks were replaced: the order is filled in one of the new ones, and only the old ones have been read."""
    del world.node.orders[KEY]
    results = await asyncio.gather(*(world.exchange._execute_cancel("AAA-BBB", "1") for _ in range(5)))
    assert results == [None] * 5 and world.misses == 0 and world.order.is_open


async def test_order_that_was_filled_while_logs_cannot_be_read_is_not_missed(world):
    world.node.down.add("eth_getLogs")
    world.fill()
    for _ in range(5):
        await world.exchange._update_order_status()
    assert world.order.is_open and world.misses == 0
    world.node.down.clear()
    await world.exchange._update_order_status()
    await until(lambda: world.told(MarketEvent.BuyOrderCompleted))
    assert world.order.executed_amount_base == AMOUNT


@pytest.mark.parametrize("method", ["eth_call", "eth_blockNumber"])
async def test_failed_request_is_told_and_says_nothing_about_orders(world, method, caplog):
    world.node.down.add(method)
    await world.exchange._update_orders_with_error_handler([world.order], world.exchange._handle_update_error_for_active_order)
    assert world.misses == 0 and world.order.is_open
    assert "Open orders cannot be read: the node is down" in caplog.text


async def test_nothing_is_remembered_of_orders_that_have_ended_once_none_is_open(world):
    await world.exchange._update_order_status()
    lost_logs = world.exchange._states._compare.__self__
    assert list(lost_logs._sure) == [KEY]
    await world.exchange._place_cancel("1", world.order)
    await until(lambda: world.told(MarketEvent.OrderCancelled))
    await world.exchange._update_order_status()
    assert not lost_logs._sure


async def test_a_refusal_of_a_moment_is_not_worth_a_word(world, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    for _ in range(3):
        with monkeypatch.context() as limited:
            for name in ("balances", "orders_and_head"):
                limited.setattr(world.exchange._venue, name, AsyncMock(side_effect=RateLimitedError("ask less")))
            await world.exchange._update_all_balances()
            await world.exchange._update_order_status()
        await world.exchange._update_all_balances()
        await world.exchange._update_order_status()
    assert [record.getMessage() for record in caplog.records if " read" in record.getMessage()] == []


async def test_outage_is_told_once_and_its_end_too(world, caplog):
    caplog.set_level(logging.INFO)
    world.node.down |= {"eth_getBalance", "eth_call"}
    for _ in range(3):
        await world.exchange._update_all_balances()
        await world.exchange._update_order_status()
        await world.exchange._update_lost_orders_status()  # there are none
    world.node.down.clear()
    for _ in range(2):
        await world.exchange._update_all_balances()
        await world.exchange._update_order_status()
    told = [record.getMessage() for record in caplog.records if " read" in record.getMessage()]
    assert sorted(told) == ["Balances are read again", "Balances cannot be read: the node is down",
                            "Open orders are read again", "Open orders cannot be read: the node is down"]


async def test_an_outage_ends_also_when_the_last_order_ends_in_it(world, caplog):
    caplog.set_level(logging.INFO)
    world.node.down.add("eth_call")
    await world.exchange._update_order_status()
    world.fill()
    await until(lambda: world.told(MarketEvent.BuyOrderCompleted))
    world.node.down.clear()
    await world.exchange._update_all_balances()
    assert [record.getMessage() for record in caplog.records if "Open orders" in record.getMessage()] == [
        "Open orders cannot be read: the node is down", "Open orders are read again"]


async def test_lost_order_that_still_rests_is_cancelled(world):
    await world.lose()
    await world.exchange._update_lost_orders_status()
    assert "1" in world.tracker.lost_orders
    await world.exchange._cancel_lost_orders()
    await until(lambda: "1" not in world.tracker.lost_orders)
    assert KEY not in world.node.orders
    assert [asked.arguments[-1] for asked in world.node.received("cancelOrder")] == [KEY.id]


async def test_lost_order_whose_cancel_does_nothing_stays_lost_and_is_tried_again(world, monkeypatch):
    monkeypatch.setattr(cancels, "FIRST_PAUSE", 0.0)
    await world.lose()
    world.node.ignore("cancelOrder")
    await world.exchange._cancel_lost_orders()
    assert "1" in world.tracker.lost_orders and KEY in world.node.orders
    world.node._ignored.clear()
    await world.exchange._cancel_lost_orders()
    await until(lambda: "1" not in world.tracker.lost_orders)


async def test_lost_order_that_is_gone_stays_lost_until_the_logs_can_be_read(world):
    await world.lose()
    world.node.down.add("eth_getLogs")
    world.fill()
    await world.exchange._update_lost_orders_status()
    assert "1" in world.tracker.lost_orders
    world.node.down.clear()
    await world.exchange._update_lost_orders_status()
    await until(lambda: "1" not in world.tracker.lost_orders)
    assert [event.amount for event in world.told(MarketEvent.OrderFilled)] == [AMOUNT]


async def test_lost_order_that_left_without_any_log_is_given_up(world):
    await world.lose()
    order = world.node.orders.pop(KEY)
    await world.exchange._update_lost_orders_status()
    assert "1" in world.tracker.lost_orders
    world.node.head += NETWORK.late_blocks
    await world.exchange._update_lost_orders_status()
    await until(lambda: "1" not in world.tracker.lost_orders)
    assert world.told(MarketEvent.OrderFilled) == []
    await world.exchange._update_balances()
    assert world.exchange.get_balance("BBB") == 0, "no deposit counts that nobody holds"
    world.node.orders[KEY] = order
    world.fill()  # what no node told is told after all
    await until(lambda: not world.exchange._account.settlement.resting)
    await world.exchange._update_order_status()
    await world.exchange._update_lost_orders_status()
    assert not world.exchange._account.vanished


async def test_an_order_whose_log_comes_late_is_not_remembered_as_missing(world):
    await until(lambda: world.exchange._events.settled_block >= world.node.head)
    order = world.node.orders.pop(KEY)
    await world.exchange._update_order_status()
    assert list(world.exchange._states._missing) == [KEY]
    world.node.orders[KEY] = order
    world.fill()
    world.exchange._user_stream_tracker.data_source.hurry()
    await until(lambda: world.told(MarketEvent.BuyOrderCompleted))
    await world.exchange._update_order_status()
    assert not world.exchange._states._missing


async def test_cancel_of_an_order_that_was_filled_tells_the_fill_and_no_cancel(world):
    world.fill()
    assert await world.exchange._execute_cancel("AAA-BBB", "1") is None
    await until(lambda: world.told(MarketEvent.BuyOrderCompleted))
    assert world.told(MarketEvent.OrderCancelled) == [] and world.misses == 0


async def test_order_cancelled_by_another_program_is_told_once(world):
    world.node.cancel(KEY)
    await world.exchange._update_order_status()
    await until(lambda: world.told(MarketEvent.OrderCancelled))
    await world.exchange._update_order_status()
    assert len(world.told(MarketEvent.OrderCancelled)) == 1 and world.order.is_cancelled


async def test_market_whose_rules_the_chain_does_not_tell_is_named_and_others_stay(world, caplog):
    await world.exchange._update_trading_rules()
    assert list(world.exchange.trading_rules) == ["AAA-BBB"]
    world.node.refuse("lmp", "Error", "broken")
    await world.exchange._update_trading_rules()
    assert list(world.exchange.trading_rules) == ["AAA-BBB"]
    assert "The chain does not tell the rules of AAA-BBB" in caplog.text


async def test_no_balance_is_told_where_no_token_of_the_pair_answers(world):
    world.node.balances[QUOTE.address, world.exchange.authenticator.wallet.address] = 5_000_000
    world.node.refuse("balanceOf", "Error", "broken")
    with pytest.raises(ApiUnavailableError, match="does not tell the balance"):
        await world.exchange._update_balances()
    assert world.exchange.get_all_balances() == {}
    world.node._refusals.clear()
    await world.exchange._update_balances()
    assert world.exchange.available_balances == {"AAA": Decimal(0), "BBB": Decimal(5)}
    assert world.exchange.get_all_balances()["BBB"] == Decimal(25)


async def test_cancel_of_an_order_that_is_not_in_a_block_yet_does_not_count_as_not_found(world, monkeypatch):
    monkeypatch.setattr(order_cancels, "REQUEST_TIMEOUT", 0.05)
    world.exchange.start_tracking_order("2", None, "AAA-BBB", TradeType.BUY, PRICE, AMOUNT, OrderType.LIMIT)
    for _ in range(world.tracker._lost_order_count_limit + 2):
        assert await world.exchange._execute_cancel("AAA-BBB", "2") is None
    assert "2" in world.exchange.in_flight_orders and "2" not in world.tracker._order_not_found_records
    assert world.node.received("cancelOrder") == []
