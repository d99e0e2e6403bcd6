"""Random things done to a connector, its exchange and its node: at every quiet point the connector believes what is true.

`make test` runs a few rounds, `make model STEPS=5000` as many as make so many steps.
"""
import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from hummingbot.connector.exchange.standard.sandbox.faults import Kind
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.core.data_type.common import OrderType
from test.hummingbot.connector.exchange.standard.model import SPEED, Rig, limit_order_data
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, TOKEN_PAIR, until

STEPS_OF_ONE = 60
AT_LENGTH = int(os.environ.get("MODEL_STEPS") or 12_000)
MIDDLE = {NATIVE_PAIR: Decimal("0.65"), TOKEN_PAIR: Decimal("60000")}
LOT = {NATIVE_PAIR: Decimal("3.21"), TOKEN_PAIR: Decimal("0.0001234")}
PAIRS = st.sampled_from(sorted(MIDDLE))
# In thousandths of the middle price: through the book, near it, and far from it.
STEPS = st.integers(-20, 20)
LOTS = st.integers(1, 9)
PAUSES = st.sampled_from([0.0, 0.0, 0.01, 0.03, 0.1])
HTTP_FAULTS = st.sampled_from([
    (Kind.LOST, {"target": "rpc", "method": "eth_sendRawTransaction"}),
    (Kind.REFUSED, {"target": "rpc", "method": "eth_sendRawTransaction"}),
    (Kind.STATUS, {"target": "rpc", "status": 500, "probability": 0.5}),
    (Kind.STATUS, {"target": "rpc", "status": 502}),
    (Kind.TIMEOUT, {"target": "rpc", "probability": 0.3, "seconds": 2.0}),
    (Kind.TRUNCATED, {"target": "rpc", "probability": 0.5}),
    (Kind.NULL, {"target": "rpc", "method": "eth_getTransactionReceipt"}),
    (Kind.LATENCY, {"target": "all", "seconds": 1.0}),
    (Kind.STATUS, {"target": "rest", "status": 500}),
    (Kind.EMPTY_LISTS, {"target": "rest"}),
])
NODE_FAULTS = st.sampled_from([
    {"drop_transactions": True}, {"hold_transactions": True}, {"lose_send_answers": True}, {"receipt_delay_blocks": 5},
    {"receipt_delay_seconds": 4.0}, {"blocks_behind": 2}, {"duplicate_logs": True}, {"shuffle_logs": True},
    {"mining_paused": True}, {"base_fee_factor": 3}])


TOTALS: Counter[str] = Counter()


class ConnectorMachine(RuleBasedStateMachine):
    """The rules; all of them run on one event loop, which stands still between two rules."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.rig: Rig | None = None
        self.old_head = 0

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        TOTALS["steps"] += 1
        self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        async def begin() -> None:
            self.rig = Rig(Path(self.folder.name))
            await self.rig.open()
            await self.rig.quiet()
        self.run(begin())

    def teardown(self) -> None:
        async def end() -> None:
            if self.rig is not None:
                try:
                    await self.rig.quiet()
                    TOTALS.update(self.rig.totals())
                finally:
                    await self.rig.close()
        try:
            self.run(end())
        finally:
            self.folder.cleanup()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    # The user

    @rule(is_buy=st.booleans(), pair=PAIRS, kind=st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT_MAKER]),
          step=STEPS, lots=LOTS, pause=PAUSES)
    def place(self, is_buy: bool, pair: str, kind: OrderType, step: int, lots: int, pause: float) -> None:
        async def place() -> None:
            self.rig.place(is_buy, pair, kind, MIDDLE[pair] * (1000 + step) / 1000, LOT[pair] * lots)
            await asyncio.sleep(pause)
        self.run(place())

    @rule(is_buy=st.booleans(), pair=PAIRS, lots=LOTS, pause=PAUSES)
    def take(self, is_buy: bool, pair: str, lots: int, pause: float) -> None:
        """A market order, where Hummingbot sees a price to convert it with."""
        async def take() -> None:
            book = self.rig.exchange.order_books.get(pair)
            if book is not None and len(book.snapshot[0]) and len(book.snapshot[1]):
                self.rig.place(is_buy, pair, OrderType.MARKET, Decimal("NaN"), LOT[pair] * lots)
            await asyncio.sleep(pause)
        self.run(take())

    @rule(levels=st.integers(2, 6), pair=PAIRS, step=STEPS, pause=PAUSES)
    def quote(self, levels: int, pair: str, step: int, pause: float) -> None:
        """Several orders in one moment, as a strategy does."""
        async def quote() -> None:
            for level in range(levels):
                is_buy = level % 2 == 0
                price = MIDDLE[pair] * (1000 + step + (-1 - level if is_buy else 1 + level)) / 1000
                self.rig.place(is_buy, pair, OrderType.LIMIT, price, LOT[pair] * (level + 1))
            await asyncio.sleep(pause)
        self.run(quote())

    @rule(which=st.integers(0, 100), pause=PAUSES)
    def cancel(self, which: int, pause: float) -> None:
        async def cancel() -> None:
            orders = self.rig.open_orders()
            if orders:
                order = orders[which % len(orders)]
                self.rig.exchange.cancel(order.trading_pair, order.client_order_id)
            await asyncio.sleep(pause)
        self.run(cancel())

    @rule()
    def cancel_all(self) -> None:
        async def cancel_all() -> None:
            self.rig.spawn(self.rig.exchange.cancel_all(5.0))
            await asyncio.sleep(0.01)
        self.run(cancel_all())

    @rule()
    def restart(self) -> None:
        """The process is killed. What it knew last is not reorganised afterwards: Hummingbot has no done orders any more."""
        async def restart() -> None:
            await self.rig.kill()
            self.rig.sandbox.node.mine(4)
            self.old_head = self.rig.sandbox.node.head.number
            await self.rig.connect()
            with suppress(TimeoutError):
                await until(lambda: self.rig.exchange.ready, 0.5)
        self.run(restart())

    # The others

    @rule(is_buy=st.booleans(), pair=PAIRS, step=STEPS, lots=LOTS, rests=st.booleans(), number=st.sampled_from([1, 2]),
          pause=PAUSES)
    def trade(self, is_buy: bool, pair: str, step: int, lots: int, rests: bool, number: int, pause: float) -> None:
        async def trade() -> None:
            market, wallet = self.rig.market(pair), self.rig.sandbox.accounts[number]
            price = round(MIDDLE[pair] * (1000 + step) * 10 ** 5)
            units = market.base.to_units(LOT[pair] * lots)
            data, value = limit_order_data(market, is_buy, price, units, rests, wallet.address)
            self.rig.act(number, self.rig.sandbox.engine_address, data, value)
            await asyncio.sleep(pause)
        self.run(trade())

    @rule(factor=st.sampled_from([2, 20]), waiting=st.booleans())
    def use_the_wallet_elsewhere(self, factor: int, waiting: bool) -> None:
        """Another program sends with the same key, after or instead of what waits."""
        async def use() -> None:
            node = self.rig.sandbox.node
            self.rig.act(0, self.rig.address, b"", 0, factor * node.gas_price, node.nonce(self.rig.address, pending=waiting))
            await asyncio.sleep(0.02)
        self.run(use())

    # The world

    @rule(seconds=st.sampled_from([0.02, 0.1, 0.4]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.rig is not None and self.rig.sandbox.node.head.number > self.old_head)
    @rule(depth=st.integers(1, 3), mode=st.sampled_from(Reorg))
    def reorganise(self, depth: int, mode: Reorg) -> None:
        async def reorganise() -> None:
            node = self.rig.sandbox.node
            node.reorganise(min(depth, node.head.number - self.old_head), mode)
            await asyncio.sleep(0.01)
        self.run(reorganise())

    @rule(fault=HTTP_FAULTS, count=st.integers(1, 6), pause=PAUSES)
    def break_connections(self, fault: tuple[Kind, dict[str, Any]], count: int, pause: float) -> None:
        async def break_connections() -> None:
            self.rig.sandbox.faults.add(fault[0], count=count, **fault[1])
            await asyncio.sleep(pause)
        self.run(break_connections())

    @rule(switches=NODE_FAULTS, seconds=st.sampled_from([1.0, 4.0, 15.0]))
    def break_node(self, switches: dict[str, Any], seconds: float) -> None:
        """Something is wrong with the node for a while of the fast clock."""
        async def break_node() -> None:
            for name, value in switches.items():
                setattr(self.rig.sandbox.node.faults, name, value)
            await asyncio.sleep(seconds / SPEED)
            self.rig.sandbox.faults.clear()
            self.rig.sandbox.node.release_held()
        self.run(break_node())

    @rule()
    def settle(self) -> None:
        self.run(self.rig.quiet())


def _run(examples: int, steps: int) -> None:
    # No shrinking: an example that fails once may pass when it is timed differently; its steps are printed.
    run_state_machine_as_test(ConnectorMachine, settings=settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, phases=[Phase.generate], print_blob=False,
        database=None, suppress_health_check=list(HealthCheck)))


def test_model_of_the_connector_in_short() -> None:
    for _ in range(3):  # in so few steps it is a matter of chance whether any order is filled
        _run(examples=7, steps=40)
        if TOTALS["fills"]:
            break
    assert TOTALS["orders"] > 0 and TOTALS["fills"] > 0, "nothing happened"
    print(dict(TOTALS))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_model_of_the_connector_at_length() -> None:
    TOTALS.clear()
    while TOTALS["steps"] < AT_LENGTH:  # a machine may end before it has made all of its steps
        _run(max(1, (AT_LENGTH - TOTALS["steps"]) // STEPS_OF_ONE), STEPS_OF_ONE)
    print(dict(TOTALS))
