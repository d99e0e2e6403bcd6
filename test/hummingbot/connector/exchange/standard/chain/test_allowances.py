"""What the exchange may pull from the wallet: approved once, counted down, asked for again after a doubt."""
import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain.allowances import (
    APPROVALS,
    EXACT,
    MANUAL,
    REFUSAL_PAUSE,
    UNLIMITED,
    WITHOUT_LIMIT,
    Allowances,
)
from hummingbot.connector.exchange.standard.chain.gas import ETHEREUM, GasLimits
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.tokens import APPROVAL, ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    InsufficientFundsError,
    NotSentError,
    OrderRejectedError,
    OutcomeForgottenError,
    OutcomeUnknownError,
)
from hummingbot.connector.exchange.standard.markets import Token
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault, Sent
from test.hummingbot.connector.exchange.standard.chain.sender_bench import ENGINE, Bench

TOKEN = Token("0x" + "70" * 20, "USDC", 6)
ALLOWANCE = "0x" + ERC20_FUNCTIONS["allowance"].selector.hex()


class Wallet:
    """A wallet whose token allows `allowed`, which an approval that is mined sets unless the token `refuses` it; `is_silent` is
    a token that takes approvals, and does nothing."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.allowed = 5
        self.asked = 0
        self.is_silent = False
        self.gas = GasLimits(ETHEREUM, bench.clock)
        self.finished: list[Tracked] = []
        bench.node.call, bench.node.failing, bench.node.emitting = self._call, self._approve, self._emit
        self.refuses = lambda units: False
        self.set(WITHOUT_LIMIT)

    def set(self, approval: str) -> "Wallet":
        self.allowances = Allowances(self.bench.rpc, self.bench.sender, self.bench.sender.address, ENGINE, self.gas,
                                     self.bench.clock, self.finished, approval)
        return self

    @property
    def approved(self) -> list[int]:
        """What was approved, in order, refused or not."""
        return [self._units(sent) for sent in self.bench.node.executed]

    def _units(self, sent: Sent) -> int:
        spender, units = ERC20_FUNCTIONS["approve"].decode(sent.data)
        assert spender == ENGINE and sent.to == TOKEN.address
        return int(units)

    def _call(self, fields: dict[str, str]) -> str:
        if not fields["data"].startswith(ALLOWANCE):
            raise Fault("execution reverted: frozen", 3)
        self.asked += 1
        return "0x" + self.allowed.to_bytes(32, "big").hex()

    def _approve(self, sent: Sent) -> tuple[int, int]:
        units = self._units(sent)
        if self.refuses(units):
            return 0, 30_000
        if not self.is_silent:
            self.allowed = units
        return 1, 50_000

    def _emit(self, sent: Sent) -> tuple[str, tuple[tuple[str, ...], bytes]] | None:
        owner = self.bench.sender.address
        return None if self.is_silent else (TOKEN.address, APPROVAL.encode(owner, ENGINE, self._units(sent)))

    def spend(self, units: int) -> None:
        """An order is mined, and its end told."""
        self.allowed -= units
        self.allowances.release(TOKEN, units)

    async def ensure(self, *amounts: int) -> list[BaseException | None]:
        tasks = [asyncio.ensure_future(self.allowances.ensure(TOKEN, units)) for units in amounts]
        await self.bench.clock.run(2.0, then=self.bench.node.mine, until=lambda: all(task.done() for task in tasks))
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def wallet(tmp_path: Path) -> AsyncIterator[Wallet]:
    bench = await Bench(tmp_path).start()
    yield Wallet(bench)
    await bench.close()


@pytest.mark.parametrize("approval", APPROVALS)
async def test_what_is_allowed_already_needs_no_transaction(wallet: Wallet, approval: str) -> None:
    assert await wallet.set(approval).ensure(2, 3) == [None, None]
    assert wallet.approved == [] and wallet.asked == 1


async def test_orders_of_one_moment_share_an_approval(wallet: Wallet) -> None:
    wallet.allowed = 0
    assert await wallet.ensure(6, 7, 8) == [None, None, None]
    assert wallet.approved == [UNLIMITED]


@pytest.mark.parametrize("ok", [True, False])
async def test_an_approval_may_be_forgotten_once_its_block_is_final_and_not_at_once(wallet: Wallet, ok: bool) -> None:
    """The next run sends it again, should its block be replaced meanwhile."""
    wallet.allowed = 0
    wallet.refuses = lambda units: not ok
    await wallet.ensure(6)
    await wallet.bench.run(1.0)
    (left,) = await wallet.bench.journal.unfinished(wallet.bench.sender._ledger.account)
    assert wallet.approved and [tracked.id for tracked in wallet.finished] == [left.id]


async def test_an_approval_that_was_not_sent_may_be_forgotten(wallet: Wallet) -> None:
    """Each is in the journal, and the next start would follow them all."""
    wallet.allowed, wallet.bench.node.funds = 0, False
    assert [type(end) for end in await wallet.ensure(6)] == [InsufficientFundsError]
    (left,) = await wallet.bench.journal.unfinished(wallet.bench.sender._ledger.account)
    assert left.failure and [tracked.id for tracked in wallet.finished] == [left.id]


async def test_an_approval_is_left_to_the_next_start_when_the_sender_stops_before_its_end(wallet: Wallet) -> None:
    wallet.bench.node.mining = False
    approving = asyncio.ensure_future(wallet.allowances.ensure(TOKEN, 6))
    await wallet.bench.run(1.0)
    await wallet.bench.sender.stop()
    with pytest.raises(OutcomeUnknownError):
        await approving
    assert wallet.finished == []


async def test_an_order_whose_approval_is_forgotten_is_not_sent_and_the_next_one_looks_again(wallet: Wallet) -> None:
    wallet.allowed, wallet.bench.node.mining = 0, False
    approving = asyncio.ensure_future(wallet.allowances.ensure(TOKEN, 6))
    await wallet.bench.run(1.0)
    (tracked,) = wallet.bench.sender.pending
    tracked.end(OutcomeForgottenError("no receipt"))
    with pytest.raises(NotSentError, match="no node tells any more whether its approval was mined"):
        await approving
    assert wallet.finished == [tracked]
    asked, wallet.allowed = wallet.asked, 6
    assert await wallet.ensure(6) == [None] and wallet.asked == asked + 1


async def test_an_order_for_which_more_is_needed_than_another_looked_for_is_approved(wallet: Wallet) -> None:
    assert await wallet.ensure(2, 8) == [None, None]
    assert wallet.approved == [0, UNLIMITED]


async def test_orders_that_wait_in_an_outage_share_its_failure(wallet: Wallet) -> None:
    wallet.bench.node.lose = lambda methods: "eth_call" in methods
    failures = await wallet.ensure(1, 2, 3)
    assert len({id(failure) for failure in failures}) == 1 and isinstance(failures[0], ApiUnavailableError)


async def test_before_anything_is_approved_the_chain_is_asked_what_is_left(wallet: Wallet) -> None:
    await wallet.ensure(4)
    wallet.spend(4)
    wallet.allowed = 2  # approved by hand meanwhile
    assert await wallet.ensure(2) == [None]
    assert wallet.approved == [] and wallet.asked == 2


async def test_after_a_doubt_the_chain_is_asked_again(wallet: Wallet) -> None:
    await wallet.ensure(1)
    wallet.allowances.forget()
    await wallet.ensure(1)
    assert wallet.asked == 2


# Orders on their way

async def test_what_orders_on_their_way_will_take_is_not_given_to_another(wallet: Wallet) -> None:
    wallet.set(MANUAL)
    assert await wallet.ensure(4) == [None]
    (refusal,) = await wallet.ensure(2)
    assert isinstance(refusal, OrderRejectedError) and "may spend 0.000001 USDC" in str(refusal)
    wallet.spend(4)
    wallet.allowed = 5
    assert await wallet.ensure(5) == [None]


async def test_what_ends_while_the_chain_is_asked_may_be_in_its_answer(wallet: Wallet) -> None:
    """The node answered before the order was mined, and its receipt was there before the answer."""
    wallet.set(MANUAL)
    await wallet.ensure(4)

    async def end() -> None:
        wallet.allowances.release(TOKEN, 4)

    wallet.bench.node.on_request = end
    (refusal,) = await wallet.ensure(2)
    assert isinstance(refusal, OrderRejectedError)


# As the user wants it

async def test_an_approval_without_limit_says_so(wallet: Wallet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await wallet.ensure(6)
    assert "USDC without limit, now and later (the setting `approval` has other ways)" in caplog.text


async def test_exactly_what_the_orders_of_a_moment_need_is_approved(wallet: Wallet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    wallet.allowed = 0
    assert await wallet.set(EXACT).ensure(6, 7) == [None, None]
    assert wallet.approved == [13] and "USDC up to 0.000013, for the orders at hand" in caplog.text
    wallet.spend(6)
    wallet.spend(7)
    assert await wallet.ensure(9) == [None]
    assert wallet.approved == [13, 9]


async def test_an_exact_approval_has_what_orders_on_their_way_may_take_after_it(wallet: Wallet) -> None:
    wallet.allowed = 0
    wallet.set(EXACT)
    await wallet.ensure(6)
    assert await wallet.ensure(3) == [None]
    assert wallet.approved == [6, 0, 9]
    wallet.spend(6)
    wallet.spend(3)
    assert wallet.allowed == 0


async def test_an_order_that_comes_while_the_approval_of_another_is_on_its_way_gets_its_own(wallet: Wallet) -> None:
    """It fits into what was allowed before, which is over as soon as the approval is mined."""
    wallet.set(EXACT)
    wallet.bench.node.mining = False
    first = asyncio.ensure_future(wallet.allowances.ensure(TOKEN, 6))
    await wallet.bench.run(0.3)
    second = asyncio.ensure_future(wallet.allowances.ensure(TOKEN, 3))
    await wallet.bench.run(0.3)
    wallet.bench.node.mining = True
    await wallet.bench.run(2.0)
    assert first.done() and second.done() and wallet.approved == [0, 6, 0, 9]


async def test_nothing_is_approved_where_the_user_does_so_by_hand(wallet: Wallet) -> None:
    first, second = await wallet.set(MANUAL).ensure(100, 3)
    assert isinstance(first, OrderRejectedError) and second is None, "what fits does not fail with what does not"
    assert str(first) == (f"The exchange may spend 0.000005 USDC of the wallet and the order needs 0.000100: approve more for "
                          f"{ENGINE} by hand, since the setting `approval` is manual.")
    wallet.allowed = 200
    assert await wallet.ensure(100) == [None] and wallet.approved == []


async def test_an_allowance_that_another_program_made_end_at_nothing_is_looked_at_again(wallet: Wallet) -> None:
    """The 0 lost its nonce to a transaction of that program, and was sent again behind the amount."""
    wallet.bench.node.mining = False
    ensuring = asyncio.ensure_future(wallet.allowances.ensure(TOKEN, 6))
    await wallet.bench.run(0.3)
    wallet.bench.node.use_nonce()
    wallet.bench.node.mining = True
    await wallet.bench.run(20.0)
    assert ensuring.done() and wallet.approved == [UNLIMITED, 0, UNLIMITED] and wallet.allowed == UNLIMITED


# Tokens that refuse

async def test_a_token_that_changes_an_allowance_only_from_nothing_is_set_to_nothing_first(wallet: Wallet) -> None:
    wallet.refuses = lambda units: bool(units and wallet.allowed)
    assert await wallet.ensure(6) == [None]
    assert wallet.approved == [0, UNLIMITED] and len(wallet.finished) == 2


async def test_a_token_that_knows_no_approval_of_nothing_is_approved_all_the_same(wallet: Wallet) -> None:
    wallet.refuses = lambda units: units == 0
    assert await wallet.ensure(6) == [None]


async def test_a_token_that_refuses_is_left_alone_for_a_while(wallet: Wallet) -> None:
    wallet.allowed = 0
    wallet.refuses = lambda units: True
    (refusal,) = await wallet.ensure(6)
    assert isinstance(refusal, OrderRejectedError) and refusal.reason == '"frozen"'
    assert str(refusal) == 'USDC refused the approval for the exchange: "frozen". It is asked again in 60 s.'
    await wallet.bench.run(REFUSAL_PAUSE / 2)
    (refusal,) = await wallet.ensure(6)
    assert isinstance(refusal, OrderRejectedError) and "It is asked again in 30 s." in str(refusal)
    assert wallet.approved == [UNLIMITED], "no gas for what was refused a moment ago"
    wallet.allowed = 1
    assert await wallet.ensure(1) == [None], "what is allowed is used"
    wallet.refuses = lambda units: False
    await wallet.bench.run(REFUSAL_PAUSE / 2)
    assert await wallet.ensure(6) == [None]


async def test_a_token_that_takes_an_approval_and_does_nothing_has_refused_it(wallet: Wallet) -> None:
    wallet.is_silent = True
    for _ in range(2):
        (refusal,) = await wallet.ensure(6)
        assert isinstance(refusal, OrderRejectedError) and refusal.reason == "it changed nothing"
    assert wallet.approved == [0, UNLIMITED]


async def test_an_approval_that_ran_out_of_gas_gets_more_the_next_time(wallet: Wallet) -> None:
    wallet.allowed, first = 0, wallet.gas.approve()
    wallet.bench.node.failing = lambda sent: (0, sent.gas)
    (refusal,) = await wallet.ensure(6)
    assert "out of gas" in str(refusal) and wallet.gas.approve() == first * 3 // 2


async def test_gas_that_runs_out_is_learned_from_though_the_clock_was_set_back(wallet: Wallet) -> None:
    wallet.allowed, first = 0, wallet.gas.approve()
    wallet.bench.node.failing = lambda sent: (0, sent.gas)
    await wallet.ensure(6)
    wallet.bench.clock.wall -= 3_600
    await wallet.bench.run(REFUSAL_PAUSE)
    await wallet.ensure(6)
    assert wallet.gas.approve() == first * 9 // 4
