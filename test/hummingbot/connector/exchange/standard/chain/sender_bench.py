"""A transaction sender on a fake node with a fake clock, and what it told about each of its intents."""
import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.errors import StandardError
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.fake_node import CHAIN_ID, FakeNode, InlineExecutor

KEY = "0x" + "4c" * 32
ENGINE = "0x" + "e0" * 19 + "ee"


def intent(number: int, **changes: Any) -> Intent:
    return Intent(**{"to": ENGINE, "data": number.to_bytes(4, "big"), "value": 0, "gas_limit": 3_000_000, "kind": "create",
                     "client_order_ids": (f"order-{number}",), **changes})


class Bench:
    """A sender on a fake node, and the ends that it told."""

    def __init__(self, path: Path, node: FakeNode | None = None, clock: FakeClock | None = None, cap: int | None = None) -> None:
        self.node = node or FakeNode()
        self.clock = clock or FakeClock()
        self.path = path
        self.cap = cap
        self.ends: dict[str, Receipt | StandardError] = {}
        self._waiters: list[asyncio.Task[None]] = []
        self.build()

    def build(self) -> None:
        self.rpc = RpcClient(self.node, ["http://node"], self.clock, 5.0)
        self.journal = Journal(self.path / "journal.sqlite", self.clock, executor=InlineExecutor())
        self.sender = TransactionSender(self.rpc, Wallet(KEY), self.journal, self.clock,
                                        FeePolicy(self.rpc, self.clock, cap=self.cap), CHAIN_ID)

    async def start(self) -> "Bench":
        await self.sender.start()
        return self

    def submit(self, *intents: Intent) -> list[Tracked]:
        tracked = [self.sender.submit(item) for item in intents]
        self.watch(tracked)
        return tracked

    def watch(self, tracked: list[Tracked]) -> None:
        self._waiters += [asyncio.get_running_loop().create_task(self._end(item)) for item in tracked]

    async def _end(self, tracked: Tracked) -> None:
        name = tracked.intent.client_order_ids[0]
        try:
            end: Receipt | StandardError = await tracked.wait()
        except StandardError as error:
            end = error
        self.ends[name] = end

    async def run(self, seconds: float, until_ended: int | None = None) -> None:
        await self.clock.run(seconds, then=self.node.mine,
                             until=None if until_ended is None else lambda: len(self.ends) >= until_ended)

    async def close(self) -> None:
        await self.sender.stop()
        await asyncio.gather(*self._waiters)
        await self.journal.close()

    def mined_orders(self) -> Counter[bytes]:
        return Counter(sent.data for sent in self.node.executed if sent.to == ENGINE)


def successes(bench: Bench) -> int:
    return sum(isinstance(end, Receipt) and end.ok for end in bench.ends.values())


async def mined_between_two_runs(folder: Path) -> Bench:
    """A bench that takes up a transaction which was mined before it began: its nonce is used from the first look on."""
    first = await Bench(folder).start()
    first.node.mining = False
    first.submit(intent(1))
    await first.run(0.5)
    await first.close()
    first.node.mining = True
    first.node.mine()
    return Bench(folder, first.node, first.clock)
