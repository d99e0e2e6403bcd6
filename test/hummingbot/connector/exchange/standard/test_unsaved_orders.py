"""Orders that Hummingbot had not saved when it was killed: recorded at the next start, with all their fills, exactly once."""
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest

from hummingbot.connector.exchange.standard.chain.intents import Intent
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.placements import PLACE, terms_of
from hummingbot.connector.markets_recorder import MarketsRecorder
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from test.hummingbot.connector.exchange.standard.hummingbot_records import Records
from test.hummingbot.connector.exchange.standard.model import Rig, limit_order_data
from test.hummingbot.connector.exchange.standard.test_pruned_history import same_deposit_after_two_starts
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, resting, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, until

TERMS = OrderTerms("WBTC-USDC", TradeType.BUY, OrderType.LIMIT, Decimal(1), Decimal(2), 1.5).to_json()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    order = await resting(rig)  # the approvals are made
    rig.exchange.cancel(order.trading_pair, order.client_order_id)
    await rig.quiet()
    yield rig
    await rig.close()


async def killed_with_orders_on_their_way(rig: Rig, *orders: tuple[bool, OrderType, Decimal, Decimal]) -> list[InFlightOrder]:
    """Orders leave for a chain that stands still, and the process ends; then the chain goes on."""
    rig.sandbox.node.pause()
    for is_buy, kind, price, amount in orders:
        rig.place(is_buy, TOKEN_PAIR, kind, price, amount)
    await until(lambda: len(rig.sandbox.node.pool))
    placed = rig.open_orders()
    assert len(placed) == len(orders)
    await rig.kill()
    rig.sandbox.node.resume()
    await until(lambda: not len(rig.sandbox.node.pool))
    return placed


async def restarted(rig: Rig) -> None:
    await rig.connect()
    await rig.quiet()


def quote(share: int = 0) -> tuple[bool, OrderType, Decimal, Decimal]:
    """A sell order some way from the others."""
    return False, OrderType.LIMIT, PRICES[TOKEN_PAIR] + share, AMOUNTS[TOKEN_PAIR]


async def test_one_that_was_filled_meanwhile_is_recorded_as_filled(rig: Rig) -> None:
    (order,) = await killed_with_orders_on_their_way(rig, quote())
    take(rig, order)
    await until(lambda: not len(rig.sandbox.node.pool))
    await restarted(rig)
    assert rig.orders[order.client_order_id].current_state is OrderState.FILLED
    assert rig.records.orders()[order.client_order_id][1] == "SellOrderCompleted"
    (fill,) = rig.records.fills()
    assert (fill.order_id, fill.amount) == (order.client_order_id, order.amount)


async def test_all_of_a_batch_are_recorded(rig: Rig) -> None:
    orders = await killed_with_orders_on_their_way(rig, *(quote(number) for number in range(4)))
    assert rig.sandbox.node.nonce(rig.address) == 4  # approval, order, cancel; and the batch
    take(rig, orders[0])
    await until(lambda: not len(rig.sandbox.node.pool))
    await restarted(rig)
    lasts = [rig.records.orders()[order.client_order_id][1] for order in orders]
    assert lasts == ["SellOrderCompleted"] + 3 * ["OrderCancelled"]


@pytest.mark.parametrize("lots", [1, 1000], ids=["all", "a part"])
async def test_a_market_order_is_recorded_with_what_it_took(rig: Rig, lots: int) -> None:
    market, maker = rig.market(TOKEN_PAIR), rig.sandbox.accounts[1].address
    data, _ = limit_order_data(market, True, 59_000 * 10 ** 8, 10 ** 8, True, maker)
    rig.act(1, rig.sandbox.engine_address, data)
    await until(lambda: rig.exchange._offers.levels(TOKEN_PAIR, False))
    (order,) = await killed_with_orders_on_their_way(rig, (False, OrderType.MARKET, Decimal("NaN"), lots * AMOUNTS[TOKEN_PAIR]))
    await restarted(rig)
    again = rig.orders[order.client_order_id]
    assert again.order_type is OrderType.MARKET and again.current_state is OrderState.FILLED
    assert (again.executed_amount_base == order.amount) is (lots == 1)
    assert rig.records.orders()[order.client_order_id][1] == "SellOrderCompleted"
    assert [(fill.order_id, fill.amount) for fill in rig.records.fills()] == [(order.client_order_id, again.executed_amount_base)]


async def test_one_that_the_exchange_refused_leaves_no_record(rig: Rig) -> None:
    (order,) = await killed_with_orders_on_their_way(rig, (False, OrderType.LIMIT, PRICES[TOKEN_PAIR], Decimal(5_000)))
    await restarted(rig)
    assert order.client_order_id not in rig.records.orders() and not rig.exchange.in_flight_orders


@pytest.mark.parametrize("hummingbot_tells", [True, False], ids=["ids told at start", "too many orders for that"])
async def test_one_that_is_recorded_to_its_end_is_not_recorded_again_though_the_journal_does_not_know(
        rig: Rig, hummingbot_tells: bool) -> None:
    """Killed between Hummingbot's commit and the journal's."""
    with patch.object(Journal, "told", AsyncMock()):
        order = await resting(rig)
        take(rig, order)
        await until(lambda: order.current_state is OrderState.FILLED)
        before = rig.records.orders(), rig.records.fills()
        await rig.kill()
    ids = MarketsRecorder.get_orders_for_config_and_market
    with patch.object(MarketsRecorder, "get_orders_for_config_and_market", ids if hummingbot_tells else lambda *_: []):
        await restarted(rig)
    assert (rig.records.orders(), rig.records.fills()) == before
    assert rig.exchange._updates.brought_back == set()


async def test_one_of_another_configuration_is_cancelled_and_not_recorded_in_this(
        rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    await rig.quiet()
    await rig.kill()
    rig.records = Records(rig.folder / "other.sqlite", "other.yml")
    await rig.connect()
    await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done())
    assert rig.records.orders() == {} and "no strategy knows it" in caplog.text
    await until(lambda: not rig.exchange._account.settlement.resting)
    rig.comparison.forgotten.add(order.client_order_id)


def test_terms_are_what_they_were_after_a_way_through_the_journal() -> None:
    terms = OrderTerms("WBTC-USDC", TradeType.BUY, OrderType.LIMIT_MAKER, Decimal("0.00033333"), Decimal("59999.99999999"), 1.5)
    assert OrderTerms.from_json(json.loads(json.dumps(terms.to_json()))) == terms
    order = terms.in_flight_order("HBOT1")
    assert (order.client_order_id, order.trading_pair, order.price, order.creation_timestamp, order.is_pending_create) == \
        ("HBOT1", "WBTC-USDC", terms.price, 1.5, True)


@pytest.mark.parametrize("tag", ["", "{", "5", "[5]", "[]", "[{}, {}]", "[" * 100_000, '[{"terms": 5}]', '[{"terms": {}}]',
                                 json.dumps([{"terms": TERMS | {"amount": "1,5"}}]),
                                 json.dumps([{"terms": TERMS | {"trade_type": "BYU"}}]),
                                 json.dumps([{"terms": TERMS | {"created": "now"}}])])
def test_a_damaged_note_has_no_terms_and_says_so(tag: str) -> None:
    with pytest.raises(ValueError):
        terms_of(Intent("0x" + "0" * 40, b"", 0, 1, PLACE, ("HBOT1",), tag))


def test_what_an_earlier_version_noted_has_no_terms() -> None:
    assert terms_of(Intent("0x" + "0" * 40, b"", 0, 1, PLACE, ("HBOT1", "HBOT2"), json.dumps(["12", "13"]))) == {}


async def test_an_order_that_was_brought_back_is_cancelled_though_the_bot_is_killed_before(rig: Rig) -> None:
    """Hummingbot has it in its records by then, and no strategy knows it all the same."""
    (order,) = await killed_with_orders_on_their_way(
        rig, (False, OrderType.LIMIT, PRICES[TOKEN_PAIR], AMOUNTS[TOKEN_PAIR]))
    await rig.connect()
    await until(lambda: order.client_order_id in rig.records.orders())
    await rig.kill()
    await rig.connect()
    await until(lambda: rig.exchange._resuming is not None and rig.exchange._resuming.done())
    await until(lambda: not rig.exchange._account.settlement.resting)


async def test_what_is_adopted_is_adopted_once_though_the_bot_is_started_twice(rig: Rig) -> None:
    """The journal is lost. A fill just before the start is in the deposit that the chain holds, and the next start reads it."""
    order = await resting(rig)
    rig.records.save(rig.exchange)
    await rig.quiet()
    await rig.kill()
    for path in rig.folder.glob("standard_sandbox*"):
        path.unlink()
    take(rig, order, 2)
    await until(lambda: not len(rig.sandbox.node.pool))
    await same_deposit_after_two_starts(rig)
