"""What the exchange may pull from the wallet: approved once, counted down, asked for again after a doubt."""
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.allowances import UNLIMITED, Allowances
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, OrderRejectedError, OutcomeUnknownError
from hummingbot.connector.exchange.standard.markets import Token
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import ENGINE, Bench

TOKEN = Token("0x" + "70" * 20, "USDC", 6)
ALLOWANCE = "0x" + ERC20_FUNCTIONS["allowance"].selector.hex()


class Wallet:
    """A wallet whose token knows one allowance, which an approval that is mined sets."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.asked = 0
        self.finished: list[Tracked] = []
        bench.node.call = self._call
        self.allowances = Allowances(bench.rpc, bench.sender, bench.sender.address, ENGINE, 60_000, self.finished)

    @property
    def approvals(self) -> list[bytes]:
        return [sent.data for sent in self.bench.node.executed]

    def _call(self, fields: dict[str, str]) -> str:
        if not fields["data"].startswith(ALLOWANCE):
            raise Fault("execution reverted: frozen", 3)
        self.asked += 1
        return "0x" + (UNLIMITED if self.approvals else 5).to_bytes(32, "big").hex()

    async def ensure(self, *amounts: int) -> list[BaseException | None]:
        tasks = [asyncio.ensure_future(self.allowances.ensure(TOKEN, units)) for units in amounts]
        await self.bench.clock.run(2.0, then=self.bench.node.mine, until=lambda: all(task.done() for task in tasks))
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def wallet(tmp_path: Path) -> AsyncIterator[Wallet]:
    bench = await Bench(tmp_path).start()
    yield Wallet(bench)
    await bench.close()


async def test_what_is_allowed_already_needs_no_transaction(wallet: Wallet) -> None:
    assert await wallet.ensure(2, 3) == [None, None]
    assert wallet.approvals == [] and wallet.asked == 1


async def test_orders_of_one_moment_share_an_approval(wallet: Wallet) -> None:
    assert await wallet.ensure(6, 7, 8) == [None, None, None]
    assert wallet.approvals == [ERC20_FUNCTIONS["approve"].encode(ENGINE, UNLIMITED)]


@pytest.mark.parametrize("ok", [True, False])
async def test_an_approval_may_be_forgotten_once_its_block_is_final_and_not_at_once(wallet: Wallet, ok: bool) -> None:
    """The next run sends it again, should its block be replaced meanwhile."""
    wallet.bench.node.failing = lambda sent: (int(ok), 30_000)
    await wallet.ensure(6)
    await wallet.bench.run(1.0)
    (left,) = await wallet.bench.journal.unfinished(wallet.bench.sender._ledger.account)
    assert wallet.approvals and [tracked.id for tracked in wallet.finished] == [left.id]


async def test_an_approval_is_left_to_the_next_start_when_the_sender_stops_before_its_end(wallet: Wallet) -> None:
    wallet.bench.node.mining = False
    approving = asyncio.ensure_future(wallet.allowances.ensure(TOKEN, 6))
    await wallet.bench.run(1.0)
    await wallet.bench.sender.stop()
    with pytest.raises(OutcomeUnknownError):
        await approving
    assert wallet.finished == []


async def test_an_order_for_which_more_is_needed_than_another_looked_for_is_approved(wallet: Wallet) -> None:
    assert await wallet.ensure(2, 8) == [None, None]
    assert wallet.approvals == [ERC20_FUNCTIONS["approve"].encode(ENGINE, UNLIMITED)]


async def test_orders_that_wait_in_an_outage_share_its_failure(wallet: Wallet) -> None:
    wallet.bench.node.lose = lambda methods: "eth_call" in methods
    failures = await wallet.ensure(1, 2, 3)
    assert len({id(failure) for failure in failures}) == 1 and isinstance(failures[0], ApiUnavailableError)


async def test_before_anything_is_approved_the_chain_is_asked_what_is_left(wallet: Wallet) -> None:
    await wallet.ensure(4)
    await wallet.ensure(2)
    assert wallet.approvals == [] and wallet.asked == 2


async def test_after_a_doubt_the_chain_is_asked_again(wallet: Wallet) -> None:
    await wallet.ensure(1)
    wallet.allowances.forget()
    await wallet.ensure(1)
    assert wallet.asked == 2


async def test_a_token_that_refuses_the_approval_refuses_the_order_and_is_asked_again_by_the_next(wallet: Wallet) -> None:
    wallet.bench.node.failing = lambda sent: (0, 30_000)
    for _ in range(2):
        (refusal,) = await wallet.ensure(6)
        assert isinstance(refusal, OrderRejectedError) and str(refusal) == 'USDC refused the approval for the exchange: "frozen"'
        wallet.bench.node.executed.clear()
