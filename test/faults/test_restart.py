"""Kills and lost files (docs/faults.md, F44 and F45)."""
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from hummingbot.connector.exchange.standard import account as account_module
from hummingbot.connector.exchange.standard.chain.engine import ORDER_MATCHED
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.event_forwarder import EventForwarder
from simulation.life import SAVING_EVENTS
from test.hummingbot.connector.exchange.standard.chain.test_crashes import Killed, Killer
from test.hummingbot.connector.exchange.standard.fake_node import FakeNode
from test.hummingbot.connector.exchange.standard.model import Rig
from test.hummingbot.connector.exchange.standard.test_order_states import BASE, MARKET, NETWORK, World
from test.hummingbot.connector.exchange.standard.test_reorganisations import SLOW_BLOCKS, resting, take
from test.hummingbot.connector.exchange.standard.trading import deposit, until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, SLOW_BLOCKS)
    await rig.open()
    await rig.quiet()
    yield rig
    await rig.close()


def journals(rig: Rig) -> list[Path]:
    return sorted(rig.folder.glob("standard*.sqlite*"))


@pytest.mark.parametrize("damage", ["missing", "damaged"])
async def test_f45_the_journal_is_lost(rig: Rig, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    order = await resting(rig)
    take(rig, order, 4)
    await until(lambda: order.order_fills)
    await rig.quiet()
    rig.records.save(rig.exchange)
    await rig.kill()
    for path in journals(rig):
        path.unlink() if damage == "missing" or path.suffix != ".sqlite" else path.write_bytes(b"\x00damaged" * 1000)
    take(rig, order, 4)  # what happens now nobody will tell, and it can be seen in the deposit alone
    await until(lambda: not len(rig.sandbox.node.pool))
    rig.sandbox.node.mine(100)
    await rig.connect()
    again = rig.exchange.in_flight_orders[order.client_order_id]
    await until(lambda: rig.exchange._account is not None and rig.exchange._account.settlement.resting)
    ((key, own),) = rig.exchange._account.settlement.resting.items()
    assert key.exchange_order_id == order.exchange_order_id and own.deposit == deposit(rig.sandbox, key)
    assert again.current_state is OrderState.PARTIALLY_FILLED and len(again.order_fills) == 1
    assert caplog.text.count("taken up as the chain holds it") == 1 and "are not known" in caplog.text
    assert (damage == "damaged") == ("was set aside as" in caplog.text)
    take(rig, order, 4)
    await until(lambda: len(again.order_fills) == 2)
    rig.exchange.cancel(again.trading_pair, again.client_order_id)
    await until(lambda: again.current_state is OrderState.CANCELED)
    await asyncio.sleep(0.2)
    assert not rig.exchange._account.settlement.resting and len(again.order_fills) == 2


PLACED = {"first": Decimal(9), "second": Decimal(8)}
SIZE = Decimal(2)
MEMORY = Path("/dev/shm")


class Life(World):
    """One run of the connector on a scripted chain; its process may end at any point at which it touches disk or network.

    Nothing outside of the process changes between two such points, so to be killed at any line is to be killed at one of them.
    """

    def __init__(self, folder: Path, node: FakeNode, saved: str, killer: Killer) -> None:
        super().__init__(folder)
        self.node, self.killer, self.saved = node, killer, saved
        self.exchange.venue.rpc._transport = self
        for kind in SAVING_EVENTS:
            self.exchange.add_listener(kind, EventForwarder(lambda _: self._save()))
        self._forwarders = [listener for kind in SAVING_EVENTS for listener in self.exchange.get_listeners(kind)]
        self.exchange.restore_tracking_states(json.loads(saved))

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        self.killer.point()
        answer = await self.node.request(method, url, body=body, timeout=timeout)
        self.killer.point()
        return answer

    def _save(self) -> None:
        if not self.killer.dead:
            self.saved = json.dumps(self.exchange.tracking_states)

    async def follow(self) -> None:
        await self.exchange._update_trading_rules()
        self.tasks = [asyncio.ensure_future(self.exchange._user_stream_tracker.start()),
                      asyncio.ensure_future(self.exchange._user_stream_event_listener())]

    async def wait(self, condition: Any) -> None:
        await until(lambda: self.killer.dead or condition(), 5)
        if self.killer.dead:
            raise Killed

    def key(self, name: str) -> OrderKey | None:
        found = self.exchange._order_tracker.fetch_order(name)
        return None if found is None else OrderKey.parse(found.exchange_order_id)

    async def place(self, name: str) -> None:
        self.exchange.start_tracking_order(name, None, "AAA-BBB", TradeType.BUY, PLACED[name], SIZE, OrderType.LIMIT)
        self._save()
        self.tasks.append(asyncio.ensure_future(
            self.exchange._place_order(name, "AAA-BBB", SIZE, TradeType.BUY, OrderType.LIMIT, PLACED[name])))
        await self.wait(lambda: self.key(name))

    async def trade(self) -> None:
        """Place, be filled in part, place another, cancel the first."""
        await self.follow()
        await self.place("first")
        key = self.key("first")
        assert key is not None
        self.node.fill(key, BASE.to_units(SIZE / 2), 9_000_000, 10 ** 15)
        await self.place("second")
        self.tasks.append(asyncio.ensure_future(self.exchange._execute_cancel("AAA-BBB", "first")))
        await self.wait(lambda: self.exchange._order_tracker.fetch_order("first").current_state is OrderState.CANCELED)
        await self.wait(lambda: not self.exchange._account._sender.pending)

    async def take_up(self) -> None:
        """Follow the last run to its end."""
        await self.follow()
        await self.wait(lambda: self.exchange._resuming is not None and self.exchange._resuming.done()
                        and not self.exchange._account._sender.pending)
        await self.wait(lambda: self.exchange._events.settled_block >= self.node.head)

    async def die(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.gather(*self.tasks, *asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
        account = self.exchange._account
        connection = account._journal._connection if account is not None else None
        if connection is not None:
            connection.close()


def check(node: FakeNode, second: Life) -> None:
    """The chain and the second run agree: nothing was sent twice, lost or left."""
    owner = second.exchange.authenticator.wallet.address
    sent = Counter(asked.arguments[2] for asked in node.received("limitBuy") if asked.sender)
    assert all(count == 1 for count in sent.values()), "an order was placed twice"
    held = {key: order.deposit for key, order in node.orders.items() if order.owner == owner}
    resting = {key: order.deposit for key, order in second.exchange._account.settlement.resting.items()}
    assert held == resting
    traded = sum(int(log["topics"][0] == ORDER_MATCHED.topic) for log in node.logs)
    for name in PLACED:
        order = second.exchange._order_tracker.fetch_order(name)
        if order is None:
            assert not [key for key in held if node.orders[key].price == int(PLACED[name] * 10 ** 8)], f"{name} is left"
            continue
        placed = sent[int(PLACED[name] * 10 ** 8)]
        if not placed:
            assert order.current_state is OrderState.FAILED, f"{name} was never sent and is {order.current_state}"
            continue
        fills = len(order.order_fills)
        assert fills == (traded if name == "first" else 0), f"{name} has {fills} fills"
        rests = second.key(name) in held
        open_state = OrderState.PARTIALLY_FILLED if fills else OrderState.OPEN
        assert order.current_state is (open_state if rests else OrderState.CANCELED), f"{name} is {order.current_state}"


async def lives(folder: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """One run that is killed at a point, and the next one; whether the first one came to its end."""
    node = FakeNode(NETWORK.chain_id, NETWORK.engine, dict(NETWORK.well_known_tokens)["SOMI"], (MARKET,))
    node.market_prices[MARKET.book] = 10 ** 9
    finished, saved = False, "{}"
    for killer in (Killer(at), Killer(None)):
        monkeypatch.setattr(account_module, "Journal", partial(Journal, executor=killer))
        life = Life(folder, node, saved, killer)
        try:
            if killer.at is None:
                await life.take_up()
                check(node, life)
            else:
                await life.trade()
                finished = True
        except Killed:
            assert killer.dead
        finally:
            saved = life.saved
            await life.die()
    return finished


async def test_f44_the_process_is_killed_at_any_point(monkeypatch: pytest.MonkeyPatch) -> None:
    at, finished = 0, False
    # The end of a process leaves the disk's cache alone, so the files may be in memory, which saves their journals' time.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:  # noqa: ASYNC240
        while not finished:
            at += 1
            try:
                finished = await lives(Path(folder, str(at)), at, monkeypatch)
            except AssertionError as error:
                raise AssertionError(f"killed at point {at}: {error}") from error
    assert at > 30


async def test_f45_an_order_ended_while_there_was_no_journal_and_the_node_stammers(
        rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await resting(rig)
    await rig.quiet()
    rig.saved = json.dumps(rig.exchange.tracking_states)
    await rig.kill()
    for path in journals(rig):
        path.unlink()
    take(rig, order)
    await until(lambda: not len(rig.sandbox.node.pool))
    rig.sandbox.node.mine(100)
    held, troubles = account_module.Account.held, [ApiUnavailableError("away"), RpcError("eth_call", -32000, "header not found")]

    async def stammers(self: Any, *arguments: Any) -> Any:
        if troubles:
            raise troubles.pop()
        return await held(self, *arguments)

    monkeypatch.setattr(account_module.Account, "held", stammers)
    # Hummingbot takes an order for lost that is not found a few times, which on a slow machine may come first.
    monkeypatch.setattr(StandardExchange, "_update_orders_with_error_handler", AsyncMock())
    await rig.connect()
    await until(lambda: "whether it was filled or cancelled is not known" in caplog.text)
    assert rig.exchange._account.settlement.resting == {} and not troubles
