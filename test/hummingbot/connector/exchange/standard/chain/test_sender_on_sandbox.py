"""The sender over real HTTP against the sandbox, whose node and connections misbehave."""
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.reverts import OUT_OF_GAS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, NotSentError
from hummingbot.connector.exchange.standard.sandbox.faults import Kind
from hummingbot.connector.exchange.standard.sandbox.node import NodeSettings
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.clocks import until

RECIPIENT = "0x" + "5a" * 20


class Http:
    """HttpTransport over aiohttp."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        try:
            async with asyncio.timeout(timeout), self._session.request(method, url, data=body) as answer:
                return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.headers.items()},
                                  await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiUnavailableError(f"no answer: {error!r}") from error


class Bench:
    """A sender for the newcomer's account of a quiet sandbox."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession, path: Path) -> None:
        clock = SystemClock()
        self.sandbox = sandbox
        self.rpc = RpcClient(Http(session), [sandbox.rpc_url], clock, 0.5, chain_id=31337)
        self.journal = Journal(path / "journal.sqlite", clock)
        self.sender = TransactionSender(self.rpc, Wallet(sandbox.accounts[0].private_key), self.journal, clock,
                                        FeePolicy(self.rpc, clock), 31337)

    def pay(self, count: int) -> list[Tracked]:
        """Transfers of one wei each."""
        return [self.sender.submit(Intent(RECIPIENT, b"", 1, 60_000, "pay", (f"pay-{number}",))) for number in range(count)]

    async def paid(self) -> int:
        return await self.rpc.balance(RECIPIENT)

    async def close(self) -> None:
        await self.sender.stop()
        await self.journal.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    settings = SandboxSettings(port=0, block_interval=0.05, traders=TraderSettings(enabled=False))
    async with running(settings, tmp_path) as bench:
        yield bench


@asynccontextmanager
async def running(settings: SandboxSettings, path: Path) -> AsyncIterator[Bench]:
    async with Sandbox(settings) as sandbox, aiohttp.ClientSession() as session:
        bench = Bench(sandbox, session, path)
        await bench.sender.start()
        yield bench
        sandbox.faults.clear()
        await bench.close()


async def ends(tracked: list[Tracked]) -> list[Receipt | NotSentError]:
    async def end(item: Tracked) -> Receipt | NotSentError:
        try:
            return await item.wait()
        except NotSentError as error:
            return error

    return list(await asyncio.wait_for(asyncio.gather(*[end(item) for item in tracked]), 60.0))


async def test_a_hundred_at_once(bench: Bench) -> None:
    await bench.sender.verify(bench.sandbox.engine_address)
    receipts = await ends(bench.pay(100))
    assert all(isinstance(receipt, Receipt) and receipt.ok for receipt in receipts)
    assert await bench.paid() == 100


HTTP_FAULTS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.LOST, {}), (Kind.REFUSED, {}), (Kind.RESET, {}), (Kind.STATUS, {"status": 502}),
    (Kind.STATUS, {"status": 429, "retry_after": 0.0}), (Kind.TRUNCATED, {}), (Kind.NULL, {}), (Kind.NAN, {}),
    (Kind.WRONG_TYPES, {}), (Kind.EMPTY_LISTS, {}), (Kind.TIMEOUT, {"seconds": 0.7}), (Kind.STALE, {}),
]


@pytest.mark.parametrize("kind, options", [
    pytest.param(kind, options, id=str(kind), marks=[] if kind in (Kind.LOST, Kind.STALE) else pytest.mark.slow)
    for kind, options in HTTP_FAULTS])
async def test_every_payment_is_made_once_whatever_happens_to_connections(bench: Bench, kind: Kind,
                                                                          options: dict[str, Any]) -> None:
    first = bench.pay(3)
    await ends(first)
    bench.sandbox.faults.add(kind, target="rpc", probability=0.5, count=12, **options)
    told = [*first]
    for _ in range(3):
        told += bench.pay(4)
        await asyncio.sleep(0.2)
    receipts = await ends(told)
    bench.sandbox.faults.clear()
    assert all(isinstance(receipt, Receipt) and receipt.ok for receipt in receipts)
    assert await bench.paid() == len(told) == 15


@pytest.mark.slow
async def test_what_the_node_does_wrong_is_survived(bench: Bench) -> None:
    node = bench.sandbox.faults.node
    node.receipt_delay_blocks = 30
    assert all(isinstance(receipt, Receipt) for receipt in await ends(bench.pay(5)))
    node.receipt_delay_blocks, node.lose_send_answers = 0, True
    assert all(isinstance(receipt, Receipt) for receipt in await ends(bench.pay(5)))
    node.lose_send_answers, node.drop_transactions = False, True
    dropped = bench.pay(5)
    await asyncio.sleep(0.5)
    node.drop_transactions = False
    assert all(isinstance(receipt, Receipt) for receipt in await ends(dropped))
    assert await bench.paid() == 15


async def test_the_engine_says_why_it_refuses(bench: Bench) -> None:
    market = bench.sandbox.markets[0]
    sender, engine = bench.sender, bench.sandbox.engine_address
    small = ENGINE_FUNCTIONS["limitSellETH"].encode(market.quote.address, 10**8, True, 20, sender.address)
    reverted, exhausted = await ends([
        sender.submit(Intent(engine, small, 1, 3_000_000, "create")),
        sender.submit(Intent(engine, small, 10**18, 60_000, "create"))])
    assert isinstance(reverted, Receipt) and not reverted.ok and "OrderSizeTooSmall" in reverted.reason
    assert isinstance(exhausted, Receipt) and not exhausted.ok and exhausted.reason == OUT_OF_GAS


async def test_a_payment_beyond_the_means_is_refused_and_the_next_one_works(bench: Bench) -> None:
    too_much = bench.sender.submit(Intent(RECIPIENT, b"", 10**30, 60_000, "pay"))
    (end,) = await ends([too_much])
    assert isinstance(end, NotSentError) and "has not enough native tokens" in str(end)
    assert all(isinstance(receipt, Receipt) for receipt in await ends(bench.pay(2)))


async def test_where_no_tip_is_suggested_a_payment_is_taken_back_by_one_with_a_tip(tmp_path: Path) -> None:
    """The sandbox's pool takes a replacement only for more of both fees, as geth's does."""
    settings = SandboxSettings(port=0, block_interval=0.05, traders=TraderSettings(enabled=False),
                               node=NodeSettings(priority_fee=0))
    async with running(settings, tmp_path) as bench:
        bench.sandbox.faults.node.mining_paused = True
        paid = bench.sender.submit(Intent(RECIPIENT, b"", 1, 60_000, "pay", ("pay",), patience=0.5))
        await until(lambda: [waiting.to for waiting in bench.sandbox.node.pool] == [bench.sender.address])
        bench.sandbox.faults.node.mining_paused = False
        (end,) = await ends([paid])
        assert isinstance(end, NotSentError) and await bench.paid() == 0
