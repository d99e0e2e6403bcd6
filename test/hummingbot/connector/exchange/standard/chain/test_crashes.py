"""The process is killed at every point where it touches the disk or the network; the next run gets everything right."""
import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.errors import NotSentError, OutcomeUnknownError
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.fake_node import CHAIN_ID, FakeNode, Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import ENGINE, KEY, intent


class Killed(BaseException):
    """The process is gone."""


class Killer(Executor):
    """Counts the points at which the process touches the world, and kills it at one of them.

    It runs the journal's statements: each commit has a point before and one after it, and so has each request.
    """

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.points = 0

    @property
    def dead(self) -> bool:
        return self.at is not None and self.points >= self.at

    def point(self) -> None:
        if not self.dead:
            self.points += 1
        if self.dead:
            raise Killed

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            self.point()
            result = function(*arguments, **named)
            self.point()
            future.set_result(result)
        except BaseException as error:
            future.set_exception(error)
        return future


class Life:
    """One run of the process on a shared node and journal file."""

    def __init__(self, path: Path, node: FakeNode, clock: FakeClock, killer: Killer) -> None:
        self.node = node
        self.clock = clock
        self.killer = killer
        self.ends: dict[str, Receipt | NotSentError] = {}
        self.waiters: list[asyncio.Task[None]] = []
        rpc = RpcClient(self, ["http://node"], clock, 5.0)
        self.journal = Journal(path / "journal.sqlite", clock, executor=killer)
        self.sender = TransactionSender(rpc, Wallet(KEY), self.journal, clock, FeePolicy(rpc, clock), CHAIN_ID)

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> Any:
        self.killer.point()
        answer = await self.node.request(method, url, body=body, timeout=timeout)
        self.killer.point()
        return answer

    def watch(self, tracked: Tracked) -> None:
        self.waiters.append(asyncio.get_running_loop().create_task(self._end(tracked)))

    async def _end(self, tracked: Tracked) -> None:
        try:
            end: Receipt | NotSentError = await tracked.wait()
        except NotSentError as error:
            end = error
        except OutcomeUnknownError:
            assert self.killer.dead
            return
        if not self.killer.dead:
            self.ends[tracked.intent.client_order_ids[0]] = end

    async def live(self, wishes: list[Intent]) -> None:
        """Start, take up what is left, wish for these, three in the first tick; until all has ended or the process died."""
        start = asyncio.get_running_loop().create_task(self.sender.start())
        await self.clock.run(5.0, until=lambda: self.killer.dead or start.done())
        if self.killer.dead:
            return
        await start
        for tracked in self.sender.resumed:
            self.watch(tracked)
        for portion in (wishes[:3], wishes[3:]):
            for item in portion:
                self.watch(self.sender.submit(item))
            await self.clock.run(0.25, then=self.node.mine, until=lambda: self.killer.dead)
        expected = len(self.waiters)
        await self.clock.run(60.0, then=self.node.mine, until=lambda: self.killer.dead or len(self.ends) == expected)

    async def die(self) -> None:
        """Leave nothing running, and let go of the file as the end of a process does."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self.clock.settle()
        if self.journal._connection is not None:
            self.journal._connection.close()


WISHES = [intent(number, patience=20.0) for number in range(5)]


def difficult_node() -> FakeNode:
    """Loses an answer, refuses an order once, and has another program use a nonce."""
    node = FakeNode()
    refusals = iter([True])
    lost = iter([False, True])
    used = iter([True])

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and WISHES[1].data.hex() + "c0" in params[0] and next(refusals, False):
            raise Fault("intrinsic gas too low")
        if method == "eth_getTransactionReceipt" and node.block > 101 and next(used, False):
            node.use_nonce()
        return None

    node.before = before
    node.lose = lambda methods: set(methods) == {"eth_sendRawTransaction"} and next(lost, False)
    return node


async def story(path: Path, at: int | None) -> tuple[int, FakeNode, dict[str, Receipt | NotSentError]]:
    """Two lives, the first one killed at point `at`: its number of points, the node, and the ends that were told."""
    node, clock = difficult_node(), FakeClock()
    first = Life(path, node, clock, Killer(at))
    await first.live(WISHES)
    await first.die()
    second = Life(path, node, clock, Killer(None))
    await second.live([])
    assert all(waiter.done() for waiter in second.waiters)
    for name in first.ends.keys() & second.ends.keys():
        assert type(first.ends[name]) is type(second.ends[name]), f"{name} had two different ends"
    await second.sender.stop()
    await second.die()
    return first.killer.points, node, {**first.ends, **second.ends}


def check(node: FakeNode, ends: dict[str, Receipt | NotSentError]) -> None:
    mined = Counter(sent.data for sent in node.executed if sent.to == ENGINE)
    for wish in WISHES:
        end = ends.get(wish.client_order_ids[0])
        assert mined[wish.data] == (1 if isinstance(end, Receipt) else 0), f"{wish.client_order_ids[0]}: {end!r}"


async def test_without_a_crash_every_order_has_its_end(tmp_path: Path) -> None:
    _, node, ends = await story(tmp_path / "none", None)
    check(node, ends)
    assert len(ends) == 5
    assert isinstance(ends["order-1"], NotSentError)
    assert sum(isinstance(end, Receipt) for end in ends.values()) == 4


async def test_killed_at_any_point_nothing_is_lost_and_nothing_sent_twice(tmp_path: Path) -> None:
    points, _, _ = await story(tmp_path / "none", None)
    assert points > 40
    for at in range(1, points + 1):
        _, node, ends = await story(tmp_path / str(at), at)
        try:
            check(node, ends)
        except AssertionError as error:
            raise AssertionError(f"killed at point {at} of {points}: {error}") from error
