"""A connector that is killed and started again: named cases of what the crash test and the model found or must keep."""
import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import account, order_cancels
from hummingbot.connector.exchange.standard.account import Recalled
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    NotSentError,
    OrderRejectedError,
    RpcError,
)
from hummingbot.connector.exchange.standard.orders.settlement import END_OF_BLOCK, OrderKey, Resting, Settlement
from hummingbot.connector.exchange.standard.placements import PLACE
from hummingbot.connector.exchange.standard.resumption import RETRY_PAUSE, Resumption
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle
from test.hummingbot.connector.exchange.standard.model import Rig, limit_order_data
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, resting, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def sent(rig: Rig) -> None:
    """A sell order leaves for a chain that stands still."""
    await resting_gone(rig)
    rig.sandbox.node.pause()
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR], AMOUNTS[TOKEN_PAIR])
    await until(lambda: len(rig.sandbox.node.pool))


async def resting_gone(rig: Rig) -> None:
    """The approval is made, nothing rests, and nothing is remembered but the last block."""
    order = await resting(rig)
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()


async def test_a_placement_that_hummingbot_saved_as_pending_gets_its_state_and_its_fills(rig: Rig) -> None:
    await sent(rig)
    (order,) = rig.open_orders()
    rig.records.save(rig.exchange)
    await rig.kill()
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    take(rig, order, 3)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert again.current_state is OrderState.PARTIALLY_FILLED and len(again.order_fills) == 1


async def test_fills_between_two_runs_count_although_nothing_rested_when_the_state_was_saved_last(rig: Rig) -> None:
    """The first run saved its state before the order was placed; its logs must be read from that block on."""
    await sent(rig)
    (order,) = rig.open_orders()
    rig.records.save(rig.exchange)
    await rig.kill()
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    take(rig, order)
    rig.sandbox.node.mine(100)
    await rig.connect()
    await rig.quiet()
    assert rig.orders[order.client_order_id].current_state is OrderState.FILLED


async def test_an_order_that_hummingbot_never_saved_is_recorded_with_its_fills_and_cancelled(
        rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await sent(rig)
    (order,) = rig.open_orders()
    assert order.client_order_id not in rig.records.saved_states()
    await rig.kill()
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    take(rig, order, 3)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert again.current_state is OrderState.CANCELED and len(again.order_fills) == 1
    assert (again.amount, again.price) == (order.amount, order.price)
    assert again.creation_timestamp == pytest.approx(order.creation_timestamp, abs=1), "a tick may pass until it is sent"
    assert rig.records.orders()[order.client_order_id] == (again.exchange_order_id, "OrderCancelled")
    assert [fill.trade_id for fill in rig.records.fills()] == list(again.order_fills)
    assert "placed before Hummingbot had saved it" in caplog.text and "no strategy knows it" in caplog.text
    assert not rig.exchange.in_flight_orders and not rig.exchange._account.settlement.resting


async def test_an_order_that_was_saved_and_never_sent_fails(rig: Rig) -> None:
    order = InFlightOrder("HBOTnever", TOKEN_PAIR, OrderType.LIMIT, TradeType.SELL, AMOUNTS[TOKEN_PAIR], 1.0, PRICES[TOKEN_PAIR])
    rig.records.save(rig.exchange, {order.client_order_id: order.to_json()})
    await rig.kill()
    await rig.connect()
    await rig.quiet()
    assert rig.orders["HBOTnever"].current_state is OrderState.FAILED and not rig.exchange.in_flight_orders


async def test_a_fill_that_was_processed_before_the_kill_reduces_the_deposit_once(rig: Rig) -> None:
    order = await resting(rig)
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await asyncio.sleep(0.1)
    for _ in range(3):
        await rig.kill()
        await rig.connect()
        await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert len(again.order_fills) == 1 and again.current_state is OrderState.PARTIALLY_FILLED


async def test_a_fill_that_is_taken_back_between_two_runs_leaves_the_order(rig: Rig) -> None:
    order = await resting(rig)
    await rig.quiet()
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await until(lambda: rig.exchange._events.settled_block > before + 2)
    await rig.kill()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await rig.connect()
    await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert again.order_fills == {} and again.executed_amount_base == 0 and again.current_state is OrderState.OPEN


async def test_a_fill_whose_id_another_trade_gets_between_two_runs_makes_room_for_it(rig: Rig) -> None:
    order = await resting(rig)
    await rig.quiet()
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await until(lambda: rig.exchange._events.settled_block > before + 2)
    await rig.kill()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    take(rig, order, 2)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert list(again.order_fills) == list(order.order_fills) and again.executed_amount_base == order.amount / 2


async def with_a_fill_taken_back(rig: Rig) -> InFlightOrder:
    """An order that rests, a part of which was filled in a block that vanished since."""
    order = await resting(rig)
    await rig.quiet()
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await until(lambda: rig.exchange._events.settled_block > before + 2)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await until(lambda: not order.order_fills)
    await rig.quiet()
    return order


async def test_a_fill_that_was_taken_back_after_hummingbot_had_saved_it_leaves_the_order(rig: Rig) -> None:
    order = await with_a_fill_taken_back(rig)
    for _ in range(2):
        await rig.kill()
        await rig.connect()
        await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert again.order_fills == {} and again.executed_amount_base == 0 and again.current_state is OrderState.OPEN


async def test_an_order_that_lost_its_block_between_two_runs_and_is_refused_now_fails_without_fills(rig: Rig) -> None:
    """Hummingbot saved it as resting; the wallet has spent the nonce and the tokens otherwise by the time of the next run."""
    await resting_gone(rig)
    before, token = rig.sandbox.node.head.number, rig.market(TOKEN_PAIR).base.address
    order = await resting(rig)
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await rig.kill()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    data = ERC20_FUNCTIONS["transfer"].encode(rig.sandbox.accounts[1].address, rig.sandbox.view.balance(token, rig.address))
    rig.act(0, token, data)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    assert again.is_open and again.order_fills and again.exchange_order_id == order.exchange_order_id
    await until(lambda: again.is_done)
    assert again.current_state is OrderState.FAILED and again.order_fills == {} and again.executed_amount_base == 0
    assert again.exchange_order_id is None, "it may be another order's id now"


async def test_an_order_whose_end_an_earlier_run_saw_is_cancelled_again_when_it_rests_again(
        rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The cancel vanishes with its block, and neither Hummingbot nor the journal knows of it any more."""
    order = await resting(rig)
    await rig.quiet()
    before = rig.sandbox.node.head.number
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await until(lambda: order.current_state is OrderState.CANCELED)
    await rig.kill()
    await rig.connect()
    await rig.quiet()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await until(lambda: "no strategy knows it any more: cancelling it" in caplog.text)
    await rig.quiet()
    assert not rig.exchange._account.settlement.resting and not rig.exchange.in_flight_orders


async def test_a_fill_that_was_taken_back_and_returns_after_a_restart_is_not_recorded_twice(rig: Rig) -> None:
    order = await with_a_fill_taken_back(rig)
    rig.records.save(rig.exchange)
    await rig.kill()
    take(rig, order, 3)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert len(again.order_fills) == len(rig.records.fills()) == 1
    assert again.current_state is OrderState.PARTIALLY_FILLED and rig.errors.lines == []


async def test_an_order_that_gets_another_id_between_two_runs_is_known_by_it(rig: Rig) -> None:
    """A stranger's order vanishes with the block, so that the own one, sent again by the next run, gets its id."""
    await resting_gone(rig)
    market, before = rig.market(TOKEN_PAIR), rig.sandbox.node.head.number
    data, _ = limit_order_data(market, True, 59_000 * 10 ** 8, 100_000, True, rig.sandbox.accounts[1].address)
    rig.act(1, rig.sandbox.engine_address, data)
    await until(lambda: not len(rig.sandbox.node.pool))
    order = await resting(rig, is_buy=True)
    await rig.kill()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await rig.connect()
    await rig.quiet()
    again = rig.orders[order.client_order_id]
    assert again.current_state is OrderState.OPEN and again.exchange_order_id != order.exchange_order_id


@pytest.mark.parametrize("mode", [Reorg.VANISH, Reorg.RETURN])
async def test_an_order_that_gets_another_id_while_the_network_is_left_is_known_by_it(rig: Rig, mode: Reorg) -> None:
    """A stranger's order vanishes, so that the own one gets its id; or nothing vanishes, and nothing is told again."""
    await resting_gone(rig)
    market, before = rig.market(TOKEN_PAIR), rig.sandbox.node.head.number
    data, _ = limit_order_data(market, True, 59_000 * 10 ** 8, 100_000, True, rig.sandbox.accounts[1].address)
    rig.act(1, rig.sandbox.engine_address, data)
    await until(lambda: not len(rig.sandbox.node.pool))
    order = await resting(rig, is_buy=True)
    known = order.exchange_order_id
    await until(lambda: rig.exchange._account._finished)
    await rig.exchange.stop_network()
    await until(lambda: not rig.exchange._account._running)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, mode)
    rig.sandbox.node.mine(30)
    await rig.exchange.start_network()
    await rig.quiet()
    assert order.current_state is OrderState.OPEN and (order.exchange_order_id == known) is (mode is Reorg.RETURN)
    await until(lambda: not rig.exchange._account._following)
    assert len(rig.exchange._account._finished) <= 1


async def test_an_order_that_was_filled_and_then_cancelled_is_filled(rig: Rig) -> None:
    """What rounding leaves of a buy is cancelled; the fill and the cancel may be told together."""
    rig.place(True, TOKEN_PAIR, OrderType.LIMIT, Decimal("59999.99999999"), Decimal("0.00033333"))
    await until(lambda: rig.open_orders() and not rig.open_orders()[0].is_pending_create)
    (order,) = rig.open_orders()
    rig.exchange._user_stream_tracker.data_source.hurry = lambda: None
    take(rig, order)
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    assert order.current_state is OrderState.FILLED


async def test_what_is_left_of_a_filled_order_and_is_taken_between_two_runs_is_a_fill_of_it(rig: Rig) -> None:
    """A better price, of which nobody knew yet, leaves some of the deposit, which rests until it is taken off the book."""
    first = await resting(rig, is_buy=True)
    rig.exchange.cancel(first.trading_pair, first.client_order_id)
    await rig.quiet()
    rig.exchange._order_cancels.take_off = lambda account, key: None
    rig.sandbox.node.pause()
    market, price, amount = rig.market(TOKEN_PAIR), PRICES[TOKEN_PAIR], AMOUNTS[TOKEN_PAIR]
    data, value = limit_order_data(market, False, round(price * 10 ** 8), market.base.to_units(amount), True,
                                   rig.sandbox.accounts[1].address)
    rig.act(1, rig.sandbox.engine_address, data, value)
    rig.place(True, TOKEN_PAIR, OrderType.LIMIT, price * Decimal("1.02"), amount)
    await until(lambda: len(rig.sandbox.node.pool) == 2)
    (order,) = rig.open_orders()
    rig.sandbox.node.resume()
    await until(lambda: order.is_filled)
    await rig.kill()
    take(rig, order, 100)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    await rig.quiet()
    assert [fill.order_id for fill in rig.records.fills()] == [order.client_order_id] * 2


async def test_money_in_orders_that_are_gone_is_not_counted_as_a_strangers(rig: Rig) -> None:
    """The indexer shows an order before its receipt is read; for a moment it looks like one that somebody else placed."""
    await sent(rig)
    rig.sandbox.faults.add("null", target="rpc", method="eth_getTransactionReceipt")
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    await asyncio.sleep(0.1)
    rig.exchange._balances._foreign_orders._next_refresh = 0.0
    await rig.exchange._update_balances()
    rig.sandbox.faults.clear()
    await until(lambda: rig.open_orders()[0].current_state is OrderState.OPEN)
    take(rig, rig.open_orders()[0])
    await rig.quiet()


async def test_the_orders_that_the_last_run_left_are_no_strangers(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Balances are read before it is known which orders are own ones."""
    caplog.set_level("INFO")
    await resting(rig)
    await rig.kill()
    await rig.connect()
    rig.exchange._balances._foreign_orders._next_refresh = 0.0
    await rig.exchange._update_balances()
    await rig.quiet()
    await rig.exchange._update_balances()
    assert "did not place" not in caplog.text and rig.open_orders()


async def test_balances_are_read_again_once_the_orders_of_the_last_run_are_known(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is read just then may have counted their deposits neither as those of own orders nor as a stranger's."""
    await resting(rig)
    await rig.kill()
    happened: list[str] = []
    recall, run, poll = account.Account.recall, Resumption.run, StandardExchange._poll_soon

    async def recalls(self: Any) -> Recalled:
        recalled = await recall(self)
        happened.append("recalled")
        return recalled

    async def runs(self: Any, *arguments: Any) -> None:
        happened.append("resumes")
        await run(self, *arguments)

    def polls(self: Any) -> None:
        happened.append("polls")
        poll(self)

    monkeypatch.setattr(account.Account, "recall", recalls)
    monkeypatch.setattr(Resumption, "run", runs)
    monkeypatch.setattr(StandardExchange, "_poll_soon", polls)
    await rig.connect()
    await until(lambda: "resumes" in happened)
    assert "polls" in happened[happened.index("recalled"):happened.index("resumes")]
    await rig.quiet()


async def test_a_trade_that_pays_for_no_base_at_all_is_a_fill(rig: Rig) -> None:
    """A taker's last units of quote may be worth less than a step of base, and go to the maker for nothing."""
    market, taker = rig.market(TOKEN_PAIR), rig.sandbox.accounts[1].address
    price, units = 59_900 * 10 ** 8, 100_000
    data, value = limit_order_data(market, False, price, units, True, rig.sandbox.accounts[2].address)
    rig.act(2, rig.sandbox.engine_address, data, value)
    await until(lambda: not len(rig.sandbox.node.pool))
    order = await resting(rig)
    tokens = (market.base.address, market.quote.address)
    rig.act(1, rig.sandbox.engine_address, ENGINE_FUNCTIONS["limitBuy"].encode(
        *tokens, 60_000 * 10 ** 8, market.base_to_quote(price, units) + 17_408, False, 20, taker))
    await until(lambda: order.order_fills)
    await rig.quiet()
    (fill,) = order.order_fills.values()
    assert (fill.fill_base_amount, fill.fill_quote_amount) == (0, Decimal("0.017408"))
    assert order.current_state is OrderState.OPEN


async def test_an_api_that_lists_nothing_at_a_start_is_asked_again(rig: Rig) -> None:
    await rig.kill()
    rig.sandbox.faults.add("empty_lists", target="rest", path="/api/pairs/*", count=2)
    await rig.connect()
    await until(lambda: rig.exchange.ready, 30)
    await rig.quiet()


BOOK = "0x" + "b0" * 20
LOST, KEPT = OrderKey(BOOK, False, 1), OrderKey(BOOK, False, 2)
AWAY = ApiUnavailableError("the node is away")


class Remains:
    """An account, its tracker and what they are told, in one; logs are caught up and questions answered as the test says."""

    def __init__(self, *orders: InFlightOrder) -> None:
        self.active_orders = {order.client_order_id: order for order in orders}
        self.settlement = Settlement("0x" + "a1" * 20, {})
        self.brought_back: set[str] = set()
        self.behind: list[int] = []
        self.answers: list[Any] = []
        self.cancelled: list[OrderKey] = []
        self.told: list[Any] = []
        self.questioned: tuple[list[str], bool] = ([], False)
        self.questions = 0
        self.may_follow = asyncio.Event()
        self.may_follow.set()
        self.clock = ManualClock()
        self.resumption = Resumption(self, self, self, self.caught_up, self.clock, self.recorded,  # type: ignore[arg-type]
                                     self.cancelled.append)

    @property
    def all_fillable_orders(self) -> dict[str, InFlightOrder]:
        return self.active_orders

    async def note_unknown(self, expected: Collection[str], saved: Collection[str]) -> set[str]:
        return set()

    async def caught_up(self, block_number: int) -> bool:
        """False as often as the block is in `behind`."""
        if block_number not in self.behind:
            return True
        self.behind.remove(block_number)
        return False

    async def recorded(self, client_order_ids: Any) -> set[str]:
        return set()

    def expect(self, orders: Any, brought_back: Any) -> None:
        assert not orders and not brought_back

    def question(self, client_order_ids: Any, is_read_again: bool) -> None:
        self.questioned = (list(client_order_ids), is_read_again)
        self.questions += 1

    def take_back_doubtful(self) -> None:
        return None

    async def finish_all(self, unfinished: Any) -> None:
        await self.may_follow.wait()

    def take_off_unknown(self) -> None:
        return None

    def is_on_its_way(self, client_order_id: str) -> bool:
        return False

    def lists(self, key: OrderKey) -> bool:
        return key.book == BOOK

    async def head(self) -> int:
        return 99

    async def held(self, keys: Any, block: int) -> Any:
        return self._answer()

    def _answer(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    async def tell(self, settled: Any) -> None:
        self.told += settled

    async def fail_unsent(self, client_order_id: str, why: str) -> None:
        return None

    async def resume(self, *orders: Resting) -> None:
        """The last run left these orders; those that the tracker has are the restored ones."""
        self.settlement.restore(orders)
        await self.resumption.run(Recalled(90, 95, [], [], ()), list(self.active_orders))


def saved(key: OrderKey, name: str = "saved") -> InFlightOrder:
    return InFlightOrder(name, TOKEN_PAIR, OrderType.LIMIT, TradeType.SELL, AMOUNTS[TOKEN_PAIR], 1.0, PRICES[TOKEN_PAIR],
                         key.exchange_order_id, OrderState.OPEN)


async def test_an_order_that_the_journal_lost_is_taken_up_as_the_chain_holds_it(caplog: pytest.LogCaptureFixture) -> None:
    remains = Remains(saved(LOST))
    remains.behind = [95, 99, 99]
    remains.answers = [[(60_000, 7)]]
    await remains.resume()
    assert remains.behind == [], "the logs were waited for before"
    assert remains.settlement.resting == {LOST: Resting(LOST, "saved", 60_000, 7, (99, END_OF_BLOCK))}
    assert "it is taken up as the chain holds it" in caplog.text and remains.cancelled == []


async def test_a_resumption_that_was_cancelled_goes_on_without_following_the_last_run_twice() -> None:
    remains = Remains(saved(LOST))
    remains.answers = [AWAY, [(60_000, 7)]]
    recalled = Recalled(90, 95, [Resting(KEPT, "saved", 60_000, 5)], [], ())
    first = asyncio.ensure_future(remains.resumption.run(recalled, ["saved"]))
    await settle()
    first.cancel()
    await settle()
    assert [type(event).__name__ for event in remains.told] == ["Opened"]
    await remains.resumption.run(recalled, ["saved"])
    assert first.cancelled() and len(remains.told) == 1 and LOST in remains.settlement.resting


async def test_what_the_first_receipts_proved_is_not_in_question_again_after_a_break() -> None:
    """The network is left while another placement has no end yet."""
    remains = Remains()
    remains.may_follow.clear()
    recalled = Recalled(90, 95, [], [Tracked(1, Intent("0x" + "e0" * 20, b"", 0, 100_000, PLACE, ("saved",)), 0.0, 0.0)], ())
    first = asyncio.ensure_future(remains.resumption.run(recalled, []))
    await settle()
    first.cancel()
    await settle()
    remains.may_follow.set()
    await remains.resumption.run(recalled, [])
    assert first.cancelled() and remains.questions == 1


@pytest.mark.parametrize("fills_stand", [False, True])
async def test_orders_whose_placement_is_followed_are_questioned_unless_another_one_placed_them(fills_stand: bool) -> None:
    """A batch was refused, and one of its orders placed by itself since; the fills are told again unless they stand."""
    remains = Remains(saved(LOST), saved(KEPT, "single"))
    remains.answers = [[(60_000, 7)]]
    batch = Tracked(1, Intent("0x" + "e0" * 20, b"", 0, 100_000, PLACE, ("saved", "single", "gone")), 0.0, 0.0)
    recalled = Recalled(90, 95, [Resting(KEPT, "single", 60_000, 5)], [batch], ("gone",), fills_stand)
    await remains.resumption.run(recalled, ["saved", "single"])
    assert remains.questioned == (["saved"], not fills_stand)


async def test_a_node_that_is_away_is_asked_again_for_what_the_journal_lost() -> None:
    remains = Remains(saved(LOST))
    remains.answers = [AWAY, RpcError("eth_call", -32000, "not yet"), [(60_000, 7)]]
    resuming = asyncio.ensure_future(remains.resume())
    for _ in range(2):
        await remains.clock.advance(RETRY_PAUSE)
    await resuming
    assert remains.clock.pauses == [RETRY_PAUSE, RETRY_PAUSE] and LOST in remains.settlement.resting


async def test_an_order_that_rests_again_while_the_chain_is_asked_for_it_keeps_what_its_logs_told() -> None:
    remains = Remains(saved(LOST))

    def answer() -> list[tuple[int, int]]:
        remains.settlement.restore([Resting(LOST, "saved", 60_000, 3)])  # its block was replaced, and more of it filled
        return [(60_000, 7)]

    remains.answers = [answer]
    await remains.resume()
    assert remains.settlement.resting == {LOST: Resting(LOST, "saved", 60_000, 3)}


@pytest.mark.parametrize("ends_meanwhile", [True, False])
async def test_of_an_order_that_is_on_neither_its_end_is_not_known_unless_it_is_told_meanwhile(
        ends_meanwhile: bool, caplog: pytest.LogCaptureFixture) -> None:
    order = saved(LOST)

    def answer() -> list[tuple[int, int]]:
        if ends_meanwhile:
            order.current_state = OrderState.CANCELED
        return [(0, 0)]

    remains = Remains(order)
    remains.answers = [answer]
    await remains.resume()
    assert ("whether it was filled or cancelled is not known" in caplog.text) is not ends_meanwhile
    assert not remains.settlement.resting


async def test_what_was_not_read_because_of_a_fault_is_read_when_it_is_run_again() -> None:
    remains = Remains()
    remains.answers = [OrderRejectedError("the contract refuses the call"), [(1, 5)]]
    with pytest.raises(OrderRejectedError):
        await remains.resume(Resting(KEPT, "unknown", 1, 5))
    assert remains.cancelled == []
    await remains.resumption.run(Recalled(90, 95, [], [], ()), [])
    assert remains.cancelled == [KEPT] and remains.questions == 1


async def test_what_rests_and_nobody_knows_is_cancelled_and_what_is_gone_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    remains = Remains()
    remains.answers = [[(0, 0), (1, 5)]]
    await remains.resume(Resting(LOST, "gone", 1, 5), Resting(KEPT, "unknown", 1, 5))
    assert remains.cancelled == [KEPT] and list(remains.settlement.resting) == [KEPT]
    assert "The order unknown of the last run rests" in caplog.text and "gone" not in caplog.text


async def test_an_order_that_was_brought_back_and_is_gone_is_ended_by_its_own_logs() -> None:
    remains = Remains()
    remains.brought_back = {"back"}
    remains.answers = [[(0, 0)]]
    await remains.resume(Resting(LOST, "back", 1, 5))
    assert remains.cancelled == [] and list(remains.settlement.resting) == [LOST]


@pytest.mark.parametrize("is_saved", [True, False], ids=["saved", "never saved"])
@pytest.mark.parametrize("share", [3, 1], ids=["it rests", "it was taken whole"])
async def test_a_placement_whose_note_is_damaged_is_followed_to_its_end(
        rig: Rig, is_saved: bool, share: int, caplog: pytest.LogCaptureFixture) -> None:
    await sent(rig)
    (order,) = rig.open_orders()
    if is_saved:
        rig.records.save(rig.exchange)
    else:
        rig.records.save(rig.exchange, {})
        rig.comparison.forgotten.add(order.client_order_id)
    path = rig.exchange._account._journal._path
    await rig.kill()
    with closing(sqlite3.connect(path)) as journal, journal:
        damaged = journal.execute("UPDATE intents SET tag = '[{' WHERE settled IS NULL AND kind = ? AND client_order_ids LIKE ?",
                                  (PLACE, f"%{order.client_order_id}%"))
        assert damaged.rowcount == 1
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    take(rig, order, share)
    await until(lambda: not len(rig.sandbox.node.pool))
    await rig.connect()
    await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done())
    if is_saved:
        await rig.quiet()
        again = rig.orders[order.client_order_id]
        assert len(again.order_fills) == 1
        assert again.current_state is (OrderState.PARTIALLY_FILLED if share > 1 else OrderState.FILLED)
    else:
        await until(lambda: not rig.exchange._account.settlement.resting)
        assert order.client_order_id not in rig.exchange.in_flight_orders
        assert ("no strategy knows it" in caplog.text) is (share > 1)
    assert caplog.text.count("is damaged") == 1 and rig.errors.lines == []


async def test_a_placement_is_followed_though_the_journal_could_not_be_read_at_first(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told_orders, failures = Journal.told_orders, iter([sqlite3.OperationalError("disk I/O error")])

    async def at_the_second_time(journal: Journal) -> frozenset[str]:
        for failure in failures:
            raise failure
        return await told_orders(journal)

    await sent(rig)
    (order,) = rig.open_orders()
    rig.records.save(rig.exchange)
    await rig.kill()
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    monkeypatch.setattr(Journal, "told_orders", at_the_second_time)
    await rig.connect()
    await until(lambda: rig.exchange._resuming and rig.exchange._resuming.done())
    assert rig.orders[order.client_order_id].current_state is OrderState.OPEN


async def test_an_order_that_is_still_on_its_way_when_the_network_is_left_does_not_fail(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_cancels, "STOP_TIMEOUT", 0.1)
    await sent(rig)
    (order,) = rig.open_orders()
    rig.records.save(rig.exchange)
    await rig.kill()
    await rig.connect()
    await until(lambda: rig.exchange._account and rig.exchange._account._sender.pending and rig.exchange._resuming)
    await rig.exchange.stop_network()
    await until(lambda: not rig.exchange._account._running)
    await rig.exchange.start_network()
    await until(lambda: rig.exchange._resuming.done() and not rig.exchange._resuming.cancelled())
    assert rig.orders[order.client_order_id].current_state is OrderState.PENDING_CREATE
    rig.sandbox.node.resume()
    await rig.quiet()
    assert rig.orders[order.client_order_id].current_state is OrderState.OPEN


async def test_an_order_that_nobody_knows_is_cancelled_as_soon_as_it_can_be(
        rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    await resting(rig)
    rig.records.save(rig.exchange, {})
    await rig.kill()
    cancel, poor = account.Account.cancel, [True]

    async def refused_at_first(self: account.Account, key: OrderKey) -> Any:
        if poor:
            raise NotSentError("There is no gas money.")
        return await cancel(self, key)

    monkeypatch.setattr(account.Account, "cancel", refused_at_first)
    await rig.connect()
    await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done())
    def has_told() -> bool:
        rig.exchange._poll_soon()
        return "could not be cancelled (There is no gas money.)" in caplog.text

    await until(has_told)
    assert rig.exchange._account.settlement.resting
    poor.clear()
    rig.exchange._poll_soon()
    await until(lambda: not rig.exchange._account.settlement.resting)
    await rig.quiet()


@pytest.mark.parametrize("answer", [OrderRejectedError("the contract refuses the call"), b"\0" * 31],
                         ids=["a refusal", "a short answer"])
async def test_a_start_goes_on_after_an_answer_that_is_none(
        rig: Rig, answer: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    await resting(rig)
    rig.records.save(rig.exchange, {})
    await rig.kill()
    real, wrong = RpcClient.call_many, [True]

    async def call_many(self: RpcClient, calls: Any, *arguments: Any, **named: Any) -> Any:
        is_order = all(data.startswith(BOOK_FUNCTIONS["getOrder"].selector) for _, data in calls)
        if is_order and wrong and isinstance(named.get("block"), int):
            wrong.clear()
            return [answer] * len(calls)
        return await real(self, calls, *arguments, **named)

    monkeypatch.setattr(RpcClient, "call_many", call_many)
    await rig.connect()
    await until(lambda: not wrong)
    await until(lambda: rig.exchange._account.settlement.resting == {} and rig.exchange._resuming.done())
    assert rig.exchange._resuming.exception() is None
