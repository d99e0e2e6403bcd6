"""Refunds of market orders that stay wrapped: told, tried once more by the next start, and never mistaken for the user's."""
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard import unwraps
from hummingbot.connector.exchange.standard.chain.gas import SOMNIA, GasLimits
from hummingbot.connector.exchange.standard.chain.intents import Attempt, Intent, Tracked
from hummingbot.connector.exchange.standard.chain.reverts import OUT_OF_GAS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS, WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    NotSentError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    StandardError,
)
from hummingbot.connector.exchange.standard.markets import Token
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.exchange.standard.unwraps import UNWRAP, Unwraps
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.clocks import QuickClock
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, Trader, connected, order, quiet_sandbox, until

FAILED = "stay wrapped in the wallet"
OTHERS = "are not traded and not counted here"
NOT_HELD = "the wallet does not hold as many wrapped SOMI"


def wrapped(sandbox: Sandbox) -> int:
    token = next(market.base for market in sandbox.markets if market.base_is_native)
    return sandbox.view.balance(token.address, sandbox.accounts[0].address)


async def sell_more_than_is_wanted(sandbox: Sandbox, exchange: StandardExchange) -> None:
    market, trader = exchange.venue.market(NATIVE_PAIR), Trader(sandbox)
    await trader.approve(market)
    await trader.buy(market, 65_000_000, 650_000)
    await until(lambda: exchange._offers.levels(NATIVE_PAIR, False))
    name = exchange.sell(NATIVE_PAIR, Decimal(3), OrderType.MARKET, Decimal("NaN"))
    await until(lambda: exchange._order_tracker.fetch_order(name) and order(exchange, name).current_state is OrderState.FILLED)


async def test_an_unwrap_that_fails_is_told_and_done_by_the_next_start(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox:
        with monkeypatch.context() as patched:
            patched.setattr(GasLimits, "wrap", lambda self: 22_000)  # too little
            async with connected(sandbox, tmp_path) as exchange:
                await sell_more_than_is_wanted(sandbox, exchange)
                await until(lambda: FAILED in caplog.text)
        left = exchange.venue.market(NATIVE_PAIR).base.from_units(wrapped(sandbox))
        assert left > 0 and f"{left.normalize():f} SOMI that came back" in caplog.text
        async with connected(sandbox, tmp_path):
            await until(lambda: wrapped(sandbox) == 0)
        assert caplog.text.count(FAILED) == 1 and OTHERS not in caplog.text


async def test_wrapped_tokens_of_the_user_are_told_once_and_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox:
        market = next(market for market in sandbox.markets if market.base_is_native)
        await Trader(sandbox, 0).send(market.base.address, WETH_FUNCTIONS["deposit"], value=5 * 10 ** 18)
        async with connected(sandbox, tmp_path) as exchange:
            await until(lambda: OTHERS in caplog.text)
            assert "The wallet holds 5 wrapped SOMI" in caplog.text
            await exchange.stop_network()
            await until(lambda: not exchange._account._running)
            await exchange.start_network()
            await until(lambda: exchange._account._running)
        assert caplog.text.count(OTHERS) == 1 and wrapped(sandbox) == 5 * 10 ** 18


async def test_a_refund_is_unwrapped_though_a_node_that_is_behind_does_not_know_it_yet(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, behind = RpcClient.eth_call, []
    async with quiet_sandbox(block_interval=0.1) as sandbox, connected(sandbox, tmp_path) as exchange:
        native = next(market.base.address for market in sandbox.markets if market.base_is_native)

        async def eth_call(self: RpcClient, to: str, data: bytes, *arguments: Any, **named: Any) -> bytes:
            if to == native and data.startswith(ERC20_FUNCTIONS["balanceOf"].selector) and not behind:
                behind.append(sandbox.node.head.number)
                named["block"] = sandbox.node.head.number - 5  # half a second behind
            return await real(self, to, data, *arguments, **named)

        monkeypatch.setattr(RpcClient, "eth_call", eth_call)
        await sell_more_than_is_wanted(sandbox, exchange)
        await until(lambda: behind)
        await until(lambda: wrapped(sandbox) == 0, 5.0)


ALICE = "0x" + "a1" * 20
SOMI = Token("0x" + "aa" * 20, "SOMI", 18)
STOPPED = OutcomeUnknownError("the sender was stopped")
AWAY = ApiUnavailableError("the node is away")
ONE = 10 ** 18


class Wallet:
    """A sender and a node: what is wrapped, and how each unwrap ends that is sent, in order (None: not yet)."""

    def __init__(self, held: int | StandardError = 0, *ends: Receipt | StandardError | None) -> None:
        self.held, self.ends, self.is_running = held, list(ends), True
        self.held_at_first: list[int | StandardError] = []
        self.sent: list[Tracked] = []
        self.pending: list[Tracked] = []
        self.settled: list[Tracked] = []
        self.finished: list[Tracked] = []
        self.work: list[Coroutine[Any, Any, None]] = []
        self.unwraps = Unwraps(ALICE, SOMI, self, self, GasLimits(SOMNIA, QuickClock()), QuickClock(),  # type: ignore[arg-type]
                               self.work.append, self.finished)

    def submit(self, intent: Intent) -> Tracked:
        tracked = Tracked(100 + len(self.sent), intent, 0.0, 0.0)
        self.sent.append(tracked)
        end = self.ends.pop(0)
        if not isinstance(end, NotSentError):
            tracked.attempts.append(Attempt(0, b"", "0x01", Fees(1, 1)))
        if end is not None:
            tracked.end(end)
        return tracked

    def settle(self, *done: Tracked) -> None:
        self.settled += done

    async def eth_call(self, to: str, data: bytes) -> bytes:
        held = self.held_at_first.pop(0) if self.held_at_first else self.held
        if isinstance(held, StandardError):
            raise held
        return held.to_bytes(32, "big")

    async def done(self) -> None:
        """Do what was left to the background."""
        while self.work:
            await self.work.pop(0)


def mined(ok: bool = True, reason: str = "") -> Receipt:
    return Receipt("0x01", 5, "0xb", ok, 1, 1, (), reason)


def earlier(end: Receipt | StandardError, tag: str = "7") -> Tracked:
    """An unwrap of one SOMI by an earlier run."""
    tracked = Tracked(8, Intent(SOMI.address, WETH_FUNCTIONS["withdraw"].encode(ONE), 0, 50_000, UNWRAP, (), tag), 0.0, 0.0)
    tracked.end(end)
    return tracked


def market_order(number: int = 7) -> Tracked:
    return Tracked(number, Intent("0x" + "e0" * 20, b"", ONE, 100_000, "take", ("a",)), 0.0, 0.0)


async def test_a_refund_is_unwrapped_once_though_its_placement_is_settled_twice() -> None:
    wallet = Wallet(ONE, mined())
    for _ in range(2):
        wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    assert [tracked.intent.data for tracked in wallet.sent] == [WETH_FUNCTIONS["withdraw"].encode(ONE)]
    assert wallet.sent[0].intent.tag == "7"


@pytest.mark.parametrize(("end", "is_finished"), [
    (mined(), True), (mined(False, "OutOfGas"), False), (OutcomeForgottenError("no receipt"), False)],
    ids=["done", "refused", "forgotten"])
async def test_an_unwrap_that_is_done_is_settled_together_with_the_placements_of_its_time(
        end: Receipt | StandardError, is_finished: bool) -> None:
    """Not before its own one, which would be settled after a crash once more and its refund unwrapped twice."""
    wallet = Wallet(ONE, end)
    wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    assert wallet.settled == [] and wallet.finished == (wallet.sent if is_finished else [])


async def test_an_unwrap_that_the_nodes_have_forgotten_is_settled_and_those_after_it_are_seen_to() -> None:
    wallet, forgotten, after = Wallet(0), earlier(OutcomeForgottenError("no receipt")), earlier(mined(), "9")
    wallet.unwraps.resume([forgotten, after], [])
    await wallet.done()
    assert wallet.settled == [forgotten, after] and wallet.sent == []


async def test_a_refund_is_looked_for_until_a_node_knows_of_it(caplog: pytest.LogCaptureFixture) -> None:
    wallet = Wallet(ONE, mined())
    wallet.held_at_first = [0, AWAY, ONE - 1]
    wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    assert len(wallet.sent) == 1 and not caplog.records


async def test_a_refund_that_was_found_when_the_network_was_left_is_unwrapped_when_it_is_back() -> None:
    wallet = Wallet(ONE, NotSentError("The sender is not running."), mined())
    wallet.is_running = False
    wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    wallet.is_running = True
    wallet.unwraps.resume([], [])
    await wallet.done()
    assert len(wallet.sent) == 2 and wallet.finished == wallet.sent[1:]


async def test_a_refund_that_is_never_in_the_wallet_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    wallet = Wallet(ONE - 1)
    wallet.held_at_first = [AWAY]
    for _ in range(2):
        wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    assert wallet.sent == [] and FAILED not in caplog.text and caplog.text.count(NOT_HELD) == 1


async def test_a_refund_is_not_looked_for_any_more_once_the_network_is_left(caplog: pytest.LogCaptureFixture) -> None:
    wallet = Wallet(AWAY)
    wallet.is_running = False
    wallet.unwraps.unwrap(market_order(), ONE)
    asked = wallet.held_at_first = [AWAY] * len(unwraps.LOOK_PAUSES)
    await wallet.done()
    assert len(asked) == len(unwraps.LOOK_PAUSES) - 1 and caplog.text.count(FAILED) == 1
    wallet.held = 0
    wallet.unwraps.unwrap(market_order(8), ONE)
    wallet.held_at_first = []
    await wallet.done()
    assert wallet.sent == [] and "the network was left before the wallet was seen to hold them." in caplog.text


async def test_a_refund_that_was_looked_for_when_the_network_was_left_is_looked_for_when_it_is_back() -> None:
    wallet = Wallet(AWAY, mined())
    wallet.is_running = False
    wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    wallet.is_running, wallet.held = True, ONE
    wallet.unwraps.resume([], [])
    await wallet.done()
    assert len(wallet.sent) == 1
    wallet.unwraps.resume([], [])
    await wallet.done()
    assert len(wallet.sent) == 1


@pytest.mark.parametrize(("end", "why"), [
    (mined(False, "OutOfGas"), "OutOfGas. The next start"), (mined(False), "it was refused. The next start"),
    (NotSentError("The sender is not running."), "The sender is not running. `withdraw` of the contract")])
async def test_why_a_refund_stays_wrapped_is_told(end: Receipt | StandardError, why: str,
                                                  caplog: pytest.LogCaptureFixture) -> None:
    wallet = Wallet(ONE, end)
    wallet.unwraps.unwrap(market_order(), ONE)
    await wallet.done()
    assert f"1 SOMI that came back of an order stay wrapped in the wallet ({SOMI.address}) and are not counted: {why}" \
        in caplog.text


async def test_an_unwrap_of_which_the_end_is_not_known_is_left_to_the_next_start(caplog: pytest.LogCaptureFixture) -> None:
    wallet, old = Wallet(ONE, STOPPED), earlier(STOPPED)
    wallet.unwraps.unwrap(market_order(9), ONE)
    wallet.unwraps.resume([old], [])
    await wallet.done()
    assert wallet.settled == [] and len(wallet.sent) == 1
    assert FAILED not in caplog.text and OTHERS not in caplog.text and "could not be looked up" not in caplog.text


@pytest.mark.parametrize(("held", "sent"), [(ONE, 1), (ONE - 1, 0)])
async def test_one_that_failed_is_tried_once_more_if_the_wallet_still_holds_as_much(held: int, sent: int) -> None:
    wallet, old = Wallet(held, mined()), earlier(mined(False, "OutOfGas"))
    wallet.unwraps.resume([old], [])
    await wallet.done()
    assert len(wallet.sent) == sent and wallet.settled == [old]
    assert all(tracked.intent.tag == "7" for tracked in wallet.sent)


@pytest.mark.parametrize(("placements", "settled"), [([], 1), ([market_order(7)], 0)])
async def test_one_that_is_done_is_kept_as_long_as_its_placement_may_be_settled_once_more(placements: list[Tracked],
                                                                                          settled: int) -> None:
    wallet = Wallet(0)
    wallet.unwraps.resume([earlier(mined())], placements)
    await wallet.done()
    wallet.unwraps.unwrap(market_order(7), ONE)
    assert not wallet.work
    assert len(wallet.settled) == settled and wallet.sent == []


async def test_while_refunds_are_being_unwrapped_they_are_not_called_the_users(caplog: pytest.LogCaptureFixture) -> None:
    wallet = Wallet(ONE)
    wallet.pending = [earlier(mined())]
    for told in (0, 1, 1):
        wallet.unwraps.resume([], [])
        await wallet.done()
        assert caplog.text.count(OTHERS) == told
        wallet.pending = []


async def test_a_node_that_is_away_at_the_start_is_told(caplog: pytest.LogCaptureFixture) -> None:
    wallet = Wallet(AWAY)
    wallet.unwraps.resume([earlier(mined(False, "OutOfGas"))], [])
    await wallet.done()
    assert "Wrapped SOMI in the wallet could not be looked up: the node is away" in caplog.text and wallet.settled == []


async def test_the_refunds_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unwraps, "MAX_REMEMBERED_REFUNDS", 2)
    wallet = Wallet(ONE, *[mined()] * 3)
    for number in (7, 8, 9, 9, 8):
        wallet.unwraps.unwrap(market_order(number), ONE)
    await wallet.done()
    assert [tracked.intent.tag for tracked in wallet.sent] == ["7", "8", "9"] and len(wallet.unwraps._seen) == 2


async def test_another_try_is_promised_only_where_the_journal_knows_of_one(caplog: pytest.LogCaptureFixture) -> None:
    away = Wallet(AWAY)
    away.unwraps.unwrap(market_order(), ONE)
    await away.done()
    assert FAILED in caplog.text and "The next start" not in caplog.text and "the node is away. `withdraw` of the" in caplog.text
    refused = Wallet(ONE, mined(False, "no gas"))
    refused.unwraps.unwrap(market_order(), ONE)
    await refused.done()
    assert "The next start tries once more" in caplog.text


async def test_an_unwrap_that_ran_out_of_gas_makes_the_next_one_bring_more() -> None:
    wallet = Wallet(ONE, mined(False, OUT_OF_GAS), mined())
    for number in (7, 8):
        wallet.unwraps.unwrap(market_order(number), ONE)
        await wallet.done()
    assert [tracked.intent.gas_limit for tracked in wallet.sent] == [4_000_000, 6_000_000]
