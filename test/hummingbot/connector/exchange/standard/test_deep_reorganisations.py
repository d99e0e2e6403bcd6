"""Reorganisations deeper than what is followed: noticed, told once, and put right from the chain, running and after a start."""
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
import pytest

from hummingbot.connector.exchange.standard import deep_reorganisations
from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.rpc_values import Block
from hummingbot.connector.exchange.standard.deep_reorganisations import DeepReorganisations, Reading
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, Filled, OrderKey, Resting, Settlement
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_reorganisations import AMOUNTS, PRICES, SLOW_BLOCKS, resting, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, deposit, until

DEPTH = 40
TOLD = "counted as final"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


async def mined_since(rig: Rig, before: int) -> int:
    """How many blocks came after one, as soon as they are more than are followed, and one of them was noted as final."""
    deep = rig.exchange._account._deep
    await until(lambda: rig.sandbox.node.head.number >= before + DEPTH and deep._notes and deep._notes[-1].number > before, 30)
    return rig.sandbox.node.head.number - before


async def own_deposit_is_the_chains(rig: Rig) -> None:
    def same() -> bool:
        resting_now = rig.exchange._account.settlement.resting
        return bool(resting_now) and all(own.deposit == deposit(rig.sandbox, key) for key, own in resting_now.items())
    await until(same, 30)


@pytest.mark.parametrize("restart", [False, True], ids=["running", "at the next start"])
async def test_a_fill_that_vanishes_leaves_its_order(rig: Rig, restart: bool, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await mined_since(rig, before)
    if restart:
        await rig.kill()
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    if restart:
        await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    await until(lambda: not again.order_fills, 30)
    await own_deposit_is_the_chains(rig)
    assert again.executed_amount_base == 0 and again.current_state is OrderState.OPEN
    assert caplog.text.count(TOLD) == 1
    await until(lambda: rig.exchange._account._deep._looks_left == 0, 30)
    take(rig, again)
    await until(lambda: again.current_state is OrderState.FILLED, 20)


async def test_an_order_whose_placement_vanishes_ends_as_cancelled(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    kept = await resting(rig)
    before = rig.sandbox.node.head.number
    rig.place(False, TOKEN_PAIR, OrderType.LIMIT, PRICES[TOKEN_PAIR] + 1, AMOUNTS[TOKEN_PAIR])
    await until(lambda: [order.current_state for order in rig.open_orders()] == 2 * [OrderState.OPEN])
    gone = rig.open_orders()[1]
    await mined_since(rig, before)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.VANISH)
    await until(lambda: gone.current_state is OrderState.CANCELED, 30)
    await own_deposit_is_the_chains(rig)
    assert kept.current_state is OrderState.OPEN and not gone.order_fills
    assert caplog.text.count(TOLD) == 1


async def test_a_reorganisation_that_brings_everything_again_changes_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    before = rig.sandbox.node.head.number
    take(rig, order, 3)
    await until(lambda: order.order_fills)
    await mined_since(rig, before)
    rig.sandbox.node.reorganise(rig.sandbox.node.head.number - before, Reorg.REMINE)
    await until(lambda: TOLD in caplog.text and rig.exchange._account._deep._looks_left == 0, 30)
    await rig.quiet()
    assert len(order.order_fills) == 1 and order.current_state is OrderState.PARTIALLY_FILLED


MARKET = Market(Token("0x" + "bb" * 20, "WBTC", 8), Token("0x" + "cc" * 20, "USDC", 8), "0x" + "b0" * 20)
KEY = OrderKey(MARKET.book, False, 7)
BID = KEY._replace(is_bid=True)


class Chain:
    """A node, a journal, a tracker and what `read` gives, in one. Block 40 was noted as final under another hash."""

    def __init__(self, reading: Reading) -> None:
        self.clock = ManualClock()
        self.reading = reading
        self.fault: Exception | None = None
        self.unknown: int | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self.notes: dict[str, str] = {"final blocks": json.dumps([[30, "0x30"], [40, "0xother"]])}
        self.told: list[Any] = []
        self.fills: dict[str, dict[str, int]] = {}
        self.taken: list[int] = []
        self.settlement = Settlement("0x" + "a1" * 20, {MARKET.book: MARKET})
        self.deep = DeepReorganisations(self, self, self.clock, self.settlement, self, self.read)  # type: ignore[arg-type]

    async def get(self, key: str) -> str | None:
        return self.notes.get(key)

    async def set(self, key: str, value: str) -> None:
        self.notes[key] = value

    async def get_block(self, number: int) -> Block:
        if self.fault is not None:
            raise self.fault
        if number == self.unknown:
            raise ApiUnavailableError(f"no node tells block {number}")
        return Block(number, f"0x{number}", "0x", 1, None)

    async def get_blocks_in_passing(self, numbers: Callable[[], list[int]], patience: float) -> dict[int, Block]:
        return {number: await self.get_block(number) for number in numbers()}

    async def look(self, final: int) -> None:
        """One look, with this block as the final one, INTERVAL after the last."""
        self.deep.final = final
        await self.deep.look()
        await self.clock.advance(deep_reorganisations.INTERVAL)

    async def read(self, block_number: int) -> Reading:
        assert block_number == 30
        self.meanwhile()
        return self.reading

    async def tell(self, settled: list[Any]) -> None:
        self.told += settled

    def fills_of(self, client_order_id: str, book: str) -> dict[str, int]:
        return self.fills.get(client_order_id, {})

    def take_back_fills(self, client_order_id: str, key: OrderKey, units: int, on_chain: Any) -> list[str]:
        self.taken.append(units)
        return [trade_id for trade_id in self.fills.get(client_order_id, {}) if trade_id not in on_chain]


def match(trade_id: int, key: OrderKey, base: int, quote: int) -> EngineLog:
    return EngineLog(OrderMatched(key.book, 1, key.id, not key.is_bid, 10 ** 8, 0, False, "0x" + "b2" * 20, "0x" + "a1" * 20,
                                  base, quote, 0, 0, trade_id), f"0x{trade_id}", 50, 0)


def cancel(key: OrderKey, amount: int) -> EngineLog:
    return EngineLog(OrderCanceled(key.book, key.id, key.is_bid, "0x" + "a1" * 20, amount), "0xcc", 51, 0)


@pytest.mark.parametrize(("fault", "words"), [
    (ApiUnavailableError("the node is away"), "Final blocks could not be compared: the node is away"),
    (sqlite3.ProgrammingError("Cannot operate on a closed database."),
     "Final blocks could not be noted: Cannot operate on a closed database."),
    (sqlite3.OperationalError("disk I/O error"), "Final blocks could not be noted: disk I/O error"),
    (OSError("no space left"), "Final blocks could not be noted: no space left")])
async def test_a_look_that_fails_is_made_again_later(fault: Exception, words: str,
                                                     caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain(Reading([], {}, 60))
    chain.fault = fault
    with caplog.at_level(logging.DEBUG, logger=deep_reorganisations.__name__):
        await chain.look(60)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.DEBUG, words)]
    chain.fault = None
    await chain.look(60)
    assert json.loads(chain.notes["final blocks"]) == [[30, "0x30"], [60, "0x60"]]


async def test_a_reorganisation_is_found_again_when_the_search_for_its_beginning_fails(
        caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain(Reading([], {KEY: 50}, 60))
    chain.settlement.restore([Resting(KEY, "mine", 10 ** 8, 20)])
    chain.unknown = 30
    await chain.look(60)
    assert chain.settlement.resting[KEY].deposit == 20 and "The chain replaced block 40" not in caplog.text
    chain.unknown = None
    await chain.look(60)
    assert chain.settlement.resting[KEY].deposit == 50 and "The chain replaced block 40" in caplog.text


@pytest.mark.parametrize("text", ["{", "5", "[5]", "[[1]]", '[["x", "0x1"]]', "[" * 100_000])
async def test_notes_that_cannot_be_read_are_begun_anew(text: str, caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain(Reading([], {}, 60))
    chain.notes["final blocks"] = text
    await chain.look(60)
    assert json.loads(chain.notes["final blocks"]) == [[60, "0x60"]] and caplog.text.count("cannot be read") == 1


@pytest.mark.parametrize(("key", "moved"), [(KEY, 30), (BID, 60)], ids=["ask", "bid"])
async def test_what_the_new_blocks_did_is_told_from_what_the_order_had_before_them(key: OrderKey, moved: int) -> None:
    other = key._replace(id=99)
    chain = Chain(Reading([match(1, key, 10, 20), match(2, key, 30, 60), match(3, other, 5, 5), cancel(other, 1),
                           cancel(key, 70)], {key: 0}, 60))
    chain.settlement.restore([Resting(key, "a", 10 ** 8, moved + 70 - 1, (55, 0))])  # in an older block now
    chain.fills = {"a": {f"{MARKET.book}:1": 10}}  # it was told before
    await chain.look(60)
    filled, closed = chain.told
    assert isinstance(filled, Filled) and filled.trade_id == f"{MARKET.book}:2"
    assert isinstance(closed, Closed) and closed.ending is Ending.CANCELED and closed.refund == 70
    assert not chain.settlement.resting and chain.taken == [1]


async def test_an_order_that_ended_while_the_chain_was_read_is_left_alone() -> None:
    chain = Chain(Reading([], {KEY: 0}, 60))
    for _ in range(2):
        await chain.look(60)
    assert chain.told == []


async def test_an_order_of_which_the_chain_holds_more_gets_its_fills_taken_back() -> None:
    chain = Chain(Reading([], {KEY: 80}, 60))
    chain.settlement.restore([Resting(KEY, "a", 10 ** 8, 50)])
    await chain.look(60)
    assert chain.taken == [30] and chain.settlement.resting[KEY].deposit == 80 and chain.told == []


@pytest.mark.parametrize("read_at", [49, 50], ids=["from a node that lags", "while it is read"])
async def test_a_fill_that_comes_after_what_is_read_stays_and_the_order_is_compared_again(read_at: int) -> None:
    chain = Chain(Reading([], {KEY: 100}, read_at))
    chain.settlement.restore([Resting(KEY, "a", 10 ** 8, 100)])

    def fill() -> None:
        assert len(chain.settlement.apply(match(1, KEY, 30, 30))) == 1
        chain.fills = {"a": {f"{MARKET.book}:1": 30}}
    if read_at < 50:
        fill()
    else:
        chain.meanwhile = fill
    await chain.look(60)
    assert chain.taken == [] and chain.settlement.resting[KEY].deposit == 70
    assert chain.deep._looks_left == deep_reorganisations.LOOKS
    chain.meanwhile, chain.reading = lambda: None, Reading([match(1, KEY, 30, 30)], {KEY: 70}, 60)
    await chain.look(60)
    assert chain.taken == [] and chain.settlement.resting[KEY].deposit == 70 and chain.told == []
    assert chain.deep._looks_left == deep_reorganisations.LOOKS - 1


@pytest.mark.parametrize("names", ["ab", "ba"])
async def test_a_trade_that_has_the_id_of_one_that_vanished_is_another(names: str) -> None:
    """The first of two trades vanished, and the second one has its id now; the orders are compared in either order."""
    keys = {"a": KEY, "b": KEY._replace(id=8)}
    chain = Chain(Reading([match(1, keys["b"], 50, 50)], {keys[name]: {"a": 100, "b": 50}[name] for name in names}, 60))
    chain.settlement.restore([Resting(key, name, 10 ** 8, 100) for name, key in keys.items()])
    for log in (match(1, keys["a"], 30, 30), match(2, keys["b"], 50, 50)):
        assert len(chain.settlement.apply(log)) == 1
    chain.fills = {"a": {f"{MARKET.book}:1": 30}, "b": {f"{MARKET.book}:2": 50}}
    await chain.look(60)
    assert sorted(chain.taken) == [30, 50]
    assert [(event.client_order_id, event.trade_id) for event in chain.told] == [("b", f"{MARKET.book}:1")]
    assert {order.client_order_id: order.deposit for order in chain.settlement.resting.values()} == {"a": 100, "b": 50}
    assert chain.settlement.apply(match(1, keys["b"], 50, 50)) == [], "it counts once"


async def test_a_known_order_that_hummingbot_does_not_has_the_deposit_that_the_chain_holds() -> None:
    chain = Chain(Reading([match(1, KEY, 30, 30)], {KEY: 70}, 60))
    chain.settlement.restore([Resting(KEY, "a", 10 ** 8, 100)])
    chain.settlement.apply(match(1, KEY, 30, 30))
    await chain.look(60)
    assert chain.settlement.resting[KEY].deposit == 70


async def test_each_look_notes_the_newest_final_block_and_some_are_kept() -> None:
    chain = Chain(Reading([], {}, 60))
    chain.notes["final blocks"] = "[]"
    for number in range(100, 400, 20):
        chain.deep.final = number
        await chain.deep.look()
        await chain.clock.advance(deep_reorganisations.INTERVAL / 2)
    kept = [number for number, _ in json.loads(chain.notes["final blocks"])]
    assert chain.deep._notes is not None and chain.deep._notes[-1].number == 380
    assert kept == [120, 160, 200, 240, 280, 320, 360, 380]


async def test_it_looks_from_the_first_final_block_on_until_it_is_stopped() -> None:
    chain = Chain(Reading([], {}, 60))
    chain.notes["final blocks"] = "[]"
    chain.deep.follow(0)
    await chain.clock.advance(1.0)
    assert chain.notes["final blocks"] == "[]"
    for number in (60, 61):
        chain.deep.follow(number)
        await chain.clock.advance(deep_reorganisations.INTERVAL)
    assert json.loads(chain.notes["final blocks"])[-1] == [61, "0x61"]
    await chain.deep.stop()
    await chain.deep.stop()
    chain.deep.final = 70
    await chain.clock.advance(deep_reorganisations.INTERVAL)
    assert json.loads(chain.notes["final blocks"])[-1] == [61, "0x61"]
    chain.deep.follow(80)
    await chain.clock.advance(deep_reorganisations.INTERVAL)
    assert json.loads(chain.notes["final blocks"])[-1] == [80, "0x80"]
    await chain.deep.stop()


async def test_while_polling_the_looks_cost_no_request_of_their_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of the node for them travels with what is asked anyhow."""
    posts: list[str] = []
    request = aiohttp.ClientSession._request

    async def counted(session: aiohttp.ClientSession, method: str, url: Any, **arguments: Any) -> Any:
        if method == "POST":
            document = json.loads(arguments["data"])
            methods = {call["method"] for call in (document if isinstance(document, list) else [document])}
            posts.append("alone" if methods == {"eth_getBlockByNumber"} else "with others" if "eth_getBlockByNumber" in methods
                         else "")
        return await request(session, method, url, **arguments)

    await rig.kill()
    monkeypatch.setenv("STANDARD_SANDBOX_FEED", "polling")
    await rig.connect()
    await rig.quiet()
    await resting(rig)
    with patch.object(aiohttp.ClientSession, "_request", counted):
        await until(lambda: posts.count("with others") >= 5, 20)
    assert posts.count("alone") == 0
