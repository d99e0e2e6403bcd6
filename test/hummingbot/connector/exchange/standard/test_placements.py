"""Placing when a node, a batch or a caller fails: each order gets its own answer, and nobody else's."""
import asyncio
from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.cancels import LOOK_PAUSES, CancelResult, Cancels
from hummingbot.connector.exchange.standard.chain.engine import NEW_MARKET_PRICE, ORDER_CANCELED, ORDER_PLACED, ROLE_GRANTED
from hummingbot.connector.exchange.standard.chain.gas import SOMNIA, STEP_SECONDS, GasLimits
from hummingbot.connector.exchange.standard.chain.gas_money import Lack
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.reverts import OUT_OF_GAS
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.tokens import TRANSFER
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    NotSentError,
    OrderRejectedError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    RateLimitedError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market, Token, price_to_chain
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.settlement import Ending, Opened, OrderKey, Settled, Settlement
from hummingbot.connector.exchange.standard.orders.sizing import Level, limit_order
from hummingbot.connector.exchange.standard.placements import PATIENCE, Placements
from hummingbot.core.data_type.common import OrderType, TradeType
from test.hummingbot.connector.exchange.standard.clocks import QuickClock, settle, until

ENGINE, ALICE = "0x" + "e0" * 20, "0x" + "a1" * 20
QUOTE = Token("0x" + "cc" * 20, "USDC", 6)
NATIVE = Market(Token("0x" + "aa" * 20, "SOMI", 18), QUOTE, "0x" + "b1" * 20, base_is_native=True)
WBTC = Market(Token("0x" + "bb" * 20, "WBTC", 8), QUOTE, "0x" + "b2" * 20)
End = Receipt | StandardError


class LaterClock(QuickClock):
    """A quick clock that can be put forward by `later` seconds."""

    later = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later


class Chain:
    """A sender, a node and an allowance that do what the test says; each transaction ends as `ends` has it, in order."""

    def __init__(self, *ends: End | None) -> None:
        self.ends = list(ends)
        self.sent: list[Tracked] = []
        self.told: list[Settled] = []
        self.forgotten = self.spendable = 0
        self.newest = 9
        self.money: int | StandardError = 10 ** 20
        self.rate_limit: RateLimitedError | None = None
        self.refusals: list[OrderRejectedError | None] = []
        self.faults: list[Exception] = []
        self.finished: list[Tracked] = []
        self.looked_for: list[Tracked] = []
        self.listing = Listing(ENGINE, NATIVE.base.address)
        self.listing.add([NATIVE, WBTC])
        self.settlement = Settlement(ALICE, self.listing.by_book)
        self.clock = LaterClock()
        self.gas = GasLimits(SOMNIA, self.clock)
        self.placements = Placements(ALICE, self.listing, self, self, self, self.gas, self, self.settlement,  # type: ignore[arg-type]
                                     self.clock, self.finished, self._tell, self, NATIVE.base,  # type: ignore[arg-type]
                                     self.looked_for.append)

    async def _tell(self, settled: list[Settled]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.told += settled

    def submit(self, intent: Intent) -> Tracked:
        tracked = Tracked(len(self.sent) + 1, intent, 0.0, 0.0)
        self.sent.append(tracked)
        end = self.ends.pop(0) if self.ends else None
        if end is not None:
            tracked.end(end)
        return tracked

    def settle(self, *done: Tracked) -> None:
        return None

    async def lacking(self, orders: Sequence[Any], cancels: int) -> list[Lack | None]:
        return [None] * len(orders)

    async def ensure(self, token: Token, units: int) -> None:
        self.spendable += units

    def release(self, token: Token, units: int) -> None:
        self.spendable -= units

    def forget(self) -> None:
        self.forgotten += 1

    async def head(self) -> int:
        return self.newest

    async def balance(self, address: str) -> int:
        if isinstance(self.money, StandardError):
            raise self.money
        return self.money

    async def eth_call(self, *_: Any) -> bytes:
        refusal = self.refusals.pop(0)
        if refusal is not None:
            raise refusal
        return b""

    def place(self, name: str, market: Market = WBTC, *, rests: bool = True,
              takes: bool = False) -> "asyncio.Task[list[Settled]]":
        amount, price = (Decimal(3), Decimal("0.7")) if market is NATIVE else (Decimal("0.01"), Decimal(60_000))
        call = limit_order(market, False, amount, price, ALICE, [Level(price_to_chain(price, ROUND_FLOOR), 1)] if takes else ())
        terms = OrderTerms(market.trading_pair, TradeType.SELL, OrderType.LIMIT, amount, price, 0.0)
        return asyncio.ensure_future(self.placements.place(
            name, call if rests else call._replace(item=None), terms, self.clock.monotonic()))


def receipt(*logs: tuple[Sequence[str], bytes], ok: bool = True, reason: str = "") -> Receipt:
    entries = tuple([{"address": ENGINE, "topics": list(topics), "data": "0x" + data.hex(), "logIndex": hex(index),
                      "transactionHash": "0x01", "blockNumber": "0x5"} for index, (topics, data) in enumerate(logs)])
    return Receipt("0x01", 5, "0xb", ok, 1, 1, entries, reason)


def placed(number: int, market: Market = WBTC) -> tuple[Sequence[str], bytes]:
    return ORDER_PLACED.encode(market.book, number, number, ALICE, False, 60_000 * 10 ** 8, 10 ** 6, 10 ** 6)


async def ends_of(*tasks: "asyncio.Task[Any]") -> list[Any]:
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_a_fault_with_one_transaction_is_not_the_others_and_fails_no_order(caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain(receipt(placed(1)), receipt(placed(2)))
    chain.faults = [ArithmeticError("no way")]
    first, second = await ends_of(chain.place("a", rests=False), chain.place("b", rests=False))
    assert isinstance(first, OutcomeUnknownError) and isinstance(first.__cause__, ArithmeticError)
    assert chain.finished == chain.sent[1:], "the journal keeps the first for the next start"
    assert caplog.text.count("A fault kept the receipt of orders a from being read") == 1
    assert [type(event) for event in second] == [Opened] and second[0].client_order_id == "b"


@pytest.mark.parametrize("is_batch", [False, True])
async def test_a_receipt_with_a_log_that_cannot_be_read_fails_no_order(is_batch: bool) -> None:
    """It was mined, so the orders may rest; the journal keeps it for the next start."""
    chain = Chain(receipt(placed(1), ((TRANSFER.topic, "0x" + "00" * 32, "0x" + "00" * 32), b"no word")))
    ends = await ends_of(*[chain.place(name) for name in ("a", "b")[:1 + is_batch]])
    assert all(isinstance(end, OutcomeUnknownError) and isinstance(end.__cause__, BadDataError) for end in ends)
    assert len(chain.sent) == 1 and chain.finished == chain.told == []


# The match event of an engine that somebody compiled in between (docs/protocol.md, "Events").
FLAT_MATCH = (("0x10b8f9ad9bb55e43a5c22d04b093e636221eab0615a6443fa56e61c243964e55",), b"\x01" * 64)
NEWS = NEW_MARKET_PRICE.encode(WBTC.book, 60_000 * 10 ** 8, True)


@pytest.mark.parametrize("rests", [True, False], ids=["may rest", "market order"])
async def test_an_order_of_which_an_unknown_event_may_tell_is_neither_cancelled_nor_failed(
        rests: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It may have been filled: told as cancelled, a closing order of an executor would be sent again and again."""
    chain = Chain(receipt(FLAT_MATCH, NEWS))
    (end,) = await ends_of(chain.place("a", rests=rests))
    assert isinstance(end, OutcomeUnknownError) and isinstance(end.__cause__, BadDataError)
    assert len(chain.sent) == 1 and chain.finished == chain.told == [], "the journal keeps it for the next start"
    (line,) = caplog.records
    assert f"orders a from being read: the engine logs an event that is not known here: {FLAT_MATCH[0][0]}" in line.getMessage()
    assert not line.exc_info


async def test_of_a_batch_of_which_an_unknown_event_may_tell_none_gets_the_place_of_another() -> None:
    chain = Chain(receipt(FLAT_MATCH, placed(2)))
    ends = await ends_of(chain.place("a"), chain.place("b"))
    assert all(isinstance(end, OutcomeUnknownError) and isinstance(end.__cause__, BadDataError) for end in ends)
    assert len(chain.sent) == 1 and chain.finished == chain.told == []


async def test_an_unknown_event_beside_known_ones_is_told_once_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain(receipt(placed(1), FLAT_MATCH), receipt(placed(2), FLAT_MATCH))
    for name in ("a", "b"):
        ((opened,),) = await ends_of(chain.place(name))
        assert opened.client_order_id == name
    assert caplog.text.count(f"not known here: {FLAT_MATCH[0][0]}") == 1


@pytest.mark.parametrize("logs", [(NEWS,), (ROLE_GRANTED.encode(bytes(32), ALICE, ALICE),), (((), b""),)],
                         ids=["the market price", "what operators do", "without a topic"])
async def test_a_market_order_of_which_nothing_is_logged_that_counts_took_nothing(logs: tuple[Any, ...]) -> None:
    chain = Chain(receipt(*logs))
    ((closed,),) = await ends_of(chain.place("a", rests=False))
    assert (closed.ending, closed.refund) == (Ending.CANCELED, 10 ** 6)


@pytest.mark.parametrize("rests", [True, False], ids=["may rest", "market order"])
async def test_a_receipt_without_logs_says_nothing_of_an_order(rests: bool) -> None:
    """The node lacks them: at least its deposit moved."""
    chain = Chain(receipt())
    (error,) = await ends_of(chain.place("a", rests=rests))
    assert isinstance(error, OutcomeUnknownError) and not chain.finished


async def test_a_transaction_that_cannot_even_be_made_fails_its_orders_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, fault = Chain(receipt(placed(1)), receipt(placed(2))), OverflowError("out of bounds")
    submit = chain.submit

    def fails_for_batches(intent: Intent) -> Tracked:
        if len(intent.client_order_ids) > 1:
            raise fault
        return submit(intent)

    monkeypatch.setattr(chain, "submit", fails_for_batches)
    first, second, alone = await ends_of(chain.place("a"), chain.place("b"), chain.place("c", rests=False))
    assert first is second is fault and alone[0].client_order_id == "c" and len(chain.sent) == 1


async def test_without_a_balance_only_orders_that_spend_native_tokens_fail() -> None:
    chain = Chain(receipt(placed(1)))
    chain.money = ApiUnavailableError("the node is away")
    first, second = await ends_of(chain.place("a", NATIVE), chain.place("b"))
    assert first is chain.money and second[0].client_order_id == "b" and len(chain.sent) == 1


async def test_orders_of_a_batch_that_was_never_sent_fail_together() -> None:
    chain = Chain(NotSentError("It waited too long to be sent."))
    first, second = await ends_of(chain.place("a"), chain.place("b"))
    assert first is second and isinstance(first, NotSentError) and len(chain.sent) == 1
    assert chain.finished == chain.sent


@pytest.mark.parametrize("end", [OutcomeForgottenError("no receipt"), OutcomeUnknownError("the sender was stopped")])
@pytest.mark.parametrize("names", [["a"], ["a", "b"]], ids=["one", "a batch"])
async def test_what_the_nodes_have_forgotten_is_looked_for_at_once_and_once(names: list[str], end: StandardError) -> None:
    chain = Chain(end)
    assert await ends_of(*[chain.place(name) for name in names]) == [end] * len(names)
    assert chain.looked_for == (chain.sent if isinstance(end, OutcomeForgottenError) else [])
    assert chain.finished == [] and not chain.placements.unsettled and len(chain.sent) == 1


async def test_a_batch_that_is_refused_is_taken_apart_and_only_what_the_engine_refuses_fails() -> None:
    refusal = OrderRejectedError("OrderSizeTooSmall", "OrderSizeTooSmall")
    chain = Chain(receipt(ok=False, reason="OrderSizeTooSmall"), receipt(placed(1)))
    chain.refusals = [refusal, None]
    first, second = await ends_of(chain.place("a"), chain.place("b"))
    assert first is refusal and second[0].client_order_id == "b" and len(chain.sent) == 2


REVERT = "ERC20: transfer amount exceeds balance"


@pytest.mark.parametrize("rests", [True, False], ids=["may rest", "market order"])
async def test_after_a_revert_what_spends_the_token_costs_no_gas_for_a_minute_while_it_would_revert(rests: bool) -> None:
    """As when fees were taken from what was bought, and an executor sells all that it bought, once and again."""
    refusal = OrderRejectedError(f"the contract refuses the call: {REVERT}", REVERT)
    chain = Chain(receipt(ok=False, reason=REVERT), receipt(ok=False, reason=REVERT), receipt(placed(1)), receipt(placed(2)))
    first, = await ends_of(chain.place("a", rests=rests))
    assert isinstance(first, OrderRejectedError) and first.reason == REVERT and len(chain.sent) == 1
    for later in (1.0, 30.0, 59.0):
        chain.clock.later, chain.refusals = later, [refusal]
        assert await ends_of(chain.place("b", rests=rests)) == [refusal] and len(chain.sent) == 1
    chain.clock.later = 61.0  # what was refused since does not count: a cancel on its way may free what it spends
    await ends_of(chain.place("c", rests=rests))
    assert len(chain.sent) == 2, "not simulated any more"
    chain.refusals = [None]
    (events,) = await ends_of(chain.place("d", rests=rests))
    assert events[0].client_order_id == "d" and chain.refusals == [], "what goes through is sent"
    chain.clock.later = 122.0
    (events,) = await ends_of(chain.place("e", rests=rests))
    assert events[0].client_order_id == "e"


async def test_after_a_revert_other_tokens_are_neither_simulated_nor_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = asyncio.Event()

    async def waits(*_: Any) -> bytes:
        await answer.wait()
        return b""

    chain = Chain(receipt(ok=False, reason=REVERT), receipt(placed(1, NATIVE), placed(2, NATIVE)), receipt(placed(3)),
                  receipt(placed(4)))
    await ends_of(chain.place("a"))
    monkeypatch.setattr(chain, "eth_call", waits)
    others, simulated = [chain.place("b", NATIVE), chain.place("c", NATIVE)], [chain.place("d"), chain.place("e")]
    assert [events[0].client_order_id for events in await ends_of(*others)] == ["b", "c"] and len(chain.sent) == 2
    answer.set()
    assert [events[0].client_order_id for events in await ends_of(*simulated)] == ["d", "e"] and len(chain.sent) == 4


async def test_a_node_that_cannot_simulate_keeps_no_order_from_being_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> bytes:
        raise ApiUnavailableError("the node is away")

    chain = Chain(receipt(ok=False, reason=REVERT), receipt(placed(1)))
    await ends_of(chain.place("a"))
    monkeypatch.setattr(chain, "eth_call", away)
    (events,) = await ends_of(chain.place("b"))
    assert events[0].client_order_id == "b"


async def test_what_a_refused_batch_was_refused_for_is_simulated_from_then_on() -> None:
    refusal = OrderRejectedError(REVERT, REVERT)
    chain = Chain(receipt(ok=False, reason=REVERT), receipt(placed(1, NATIVE)), receipt(placed(2, NATIVE), placed(3, NATIVE)))
    chain.refusals = [refusal, None]
    await ends_of(chain.place("a"), chain.place("b", NATIVE))
    chain.refusals = [refusal]
    ends = await ends_of(chain.place("c"), chain.place("d", NATIVE), chain.place("e", NATIVE))
    assert ends[0] is refusal and len(chain.sent) == 3
    assert [events[0].client_order_id for events in ends[1:]] == ["d", "e"]


@pytest.mark.parametrize("waited", [50.0, 61.0])
async def test_orders_of_a_batch_that_is_refused_late_are_sent_only_while_their_prices_are_new(waited: float) -> None:
    """As after minutes in which fees were too high for it to be mined."""
    chain = Chain(None, receipt(placed(1)), receipt(placed(2)))
    chain.refusals = [None, None]
    orders = [chain.place("a"), chain.place("b")]
    await until(lambda: chain.sent)
    chain.clock.later = waited
    chain.sent[0].end(receipt(ok=False, reason="OrderSizeTooSmall"))
    ends = await ends_of(*orders)
    if waited < PATIENCE:
        assert [events[0].client_order_id for events in ends] == ["a", "b"]
        assert all(5.0 < tracked.intent.patience <= PATIENCE - waited for tracked in chain.sent[1:]) and len(chain.sent) == 3
    else:
        assert all(isinstance(end, NotSentError) and "its price is more than 60 seconds old" in str(end) for end in ends)
        assert len(chain.sent) == 1


async def test_an_order_that_waited_long_for_an_approval_is_not_sent_with_its_old_price(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(receipt(placed(1)))
    approved = asyncio.Event()

    async def ensure(token: Token, units: int) -> None:
        await approved.wait()

    monkeypatch.setattr(chain, "ensure", ensure)
    old = chain.place("a")
    await settle()
    chain.clock.later = 61.0
    new = chain.place("b")
    await settle()
    approved.set()
    first, second = await ends_of(old, new)
    assert isinstance(first, NotSentError) and second[0].client_order_id == "b"
    assert [tracked.intent.client_order_ids for tracked in chain.sent] == [("b",)]


@pytest.mark.parametrize("is_refused", [False, True], ids=["at once", "after a batch was refused"])
async def test_no_order_is_sent_while_no_node_may_be_asked_what_becomes_of_it(is_refused: bool) -> None:
    chain = Chain(receipt(ok=False, reason="OrderSizeTooSmall"), receipt(placed(1)))
    chain.refusals = [None, None]
    limit = RateLimitedError("node asks for fewer requests; it is asked again in 12.0 s", 12.0)
    if is_refused:
        chain.forget = lambda: setattr(chain, "rate_limit", limit)  # type: ignore[method-assign]
    else:
        chain.rate_limit = limit
    for end in await ends_of(chain.place("a"), chain.place("b")):
        assert isinstance(end, NotSentError) and str(end) == f"The order is not sent: {limit}"
    assert len(chain.sent) == is_refused


async def test_gas_that_ran_out_makes_the_next_order_bring_more_and_the_allowance_be_asked_for() -> None:
    chain = Chain(receipt(ok=False, reason=OUT_OF_GAS))
    before = chain.gas.order()
    (error,) = await ends_of(chain.place("a"))
    assert isinstance(error, OrderRejectedError) and chain.gas.order() > before and chain.forgotten == 1
    chain.clock.later = STEP_SECONDS
    assert chain.gas.order() == before


async def test_orders_that_need_more_gas_than_one_transaction_may_have_leave_in_several() -> None:
    """Twelve that may each match twenty need 204 million, more than is asked for at once."""
    chain = Chain(receipt(*[placed(number) for number in range(1, 12)]), receipt(placed(12)))
    await ends_of(*[chain.place(str(number), takes=True) for number in range(12)])
    assert [len(tracked.intent.client_order_ids) for tracked in chain.sent] == [11, 1]
    assert [tracked.intent.gas_limit for tracked in chain.sent] == [188_000_000, 18_000_000]


async def test_no_more_than_twenty_orders_leave_together() -> None:
    chain = Chain(receipt(*[placed(number) for number in range(1, 21)]), receipt(placed(21), placed(22)))
    await ends_of(*[chain.place(str(number)) for number in range(22)])
    assert [len(tracked.intent.client_order_ids) for tracked in chain.sent] == [20, 2]
    assert [tracked.intent.gas_limit for tracked in chain.sent] == [101_000_000, 11_000_000]


@pytest.mark.parametrize("end", [receipt(placed(1)), NotSentError("not sent")])
@pytest.mark.parametrize("count", [1, 2])
async def test_an_order_that_nobody_waits_for_any_more_is_settled_all_the_same(end: End, count: int) -> None:
    chain = Chain(None)
    orders = [chain.place(str(number)) for number in range(count)]
    await until(lambda: chain.sent)
    for order in orders:
        order.cancel()
    await settle()
    chain.sent[0].end(end if count == 1 or isinstance(end, StandardError) else receipt(placed(1), placed(2)))
    await settle()
    assert chain.finished == chain.sent
    assert len(chain.told) == (count if isinstance(end, Receipt) else 0)


async def test_a_placement_of_which_nothing_is_proven_stays_for_the_next_start() -> None:
    chain = Chain(OutcomeUnknownError("the sender was stopped"))
    (error,) = await ends_of(chain.place("a"))
    assert isinstance(error, OutcomeUnknownError) and chain.finished == []


@pytest.mark.parametrize(("end", "is_kept"), [
    (receipt(placed(1)), False), (NotSentError("not sent"), False), (receipt(ok=False), False),
    (OutcomeUnknownError("the sender was stopped"), False), (receipt(((ORDER_PLACED.topic,), b"")), True)],
    ids=["placed", "not sent", "refused", "not followed", "not read"])
async def test_a_placement_is_unsettled_until_it_is_told_and_as_long_as_its_receipt_cannot_be_read(
        end: End, is_kept: bool) -> None:
    chain = Chain(None)
    order = chain.place("a")
    await until(lambda: chain.sent)
    assert chain.placements.unsettled == set(chain.sent)
    chain.sent[0].end(end)
    await ends_of(order)
    assert bool(chain.placements.unsettled) == is_kept


@pytest.mark.parametrize("end", [receipt(*[ORDER_CANCELED.encode(WBTC.book, number, False, ALICE, 1) for number in (1, 2)]),
                                 NotSentError("not sent")])
async def test_a_cancel_that_was_given_up_is_told_to_the_others(end: End) -> None:
    chain = Chain(None)

    async def deposits(keys: Sequence[OrderKey], block: int) -> list[int]:
        return [0] * len(keys)

    cancels = Cancels(chain.listing, chain, chain.gas, QuickClock(), deposits, chain.head, ())  # type: ignore[arg-type]
    keys = [OrderKey(WBTC.book, False, number) for number in (1, 2, 3)]
    tasks = [asyncio.ensure_future(cancels.cancel(key)) for key in keys]
    await until(lambda: chain.sent)
    cancels._under_way[keys[0]].cancel()
    await settle()
    chain.sent[0].end(end)
    given_up, second, third = await ends_of(*tasks)
    assert isinstance(given_up, asyncio.CancelledError)
    if isinstance(end, Receipt):
        assert second.cancelled and not third.cancelled
    else:
        assert second is third is end


@pytest.mark.parametrize("fault", [RpcError("eth_call", -32000, "header not found"), BadDataError("eth_call: None is not data")])
@pytest.mark.parametrize(("looks", "newest", "last"), [
    (1, 9, 5), (len(LOOK_PAUSES), 9, 9), (len(LOOK_PAUSES), 4, 5), (len(LOOK_PAUSES) + 1, 9, None)],
    ids=["soon", "when the block is forgotten", "when all are behind for long", "never"])
async def test_whether_an_order_is_gone_is_told_by_a_node_that_knows_the_block_of_the_cancel_or_a_later_one(
        looks: int, newest: int, last: int | None, fault: StandardError) -> None:
    chain, asked = Chain(receipt()), []
    chain.newest = newest

    async def deposits(keys: Sequence[OrderKey], block: int) -> list[int]:
        asked.append(block)
        if len(asked) <= looks:
            raise fault
        return [0] * len(keys)

    cancels = Cancels(chain.listing, chain, chain.gas, QuickClock(), deposits, chain.head, ())  # type: ignore[arg-type]
    (end,) = await ends_of(asyncio.ensure_future(cancels.cancel(OrderKey(WBTC.book, False, 1))))
    assert set(asked[:len(LOOK_PAUSES)]) == {5} and len(chain.sent) == 1
    if last is None:
        assert type(end) is ApiUnavailableError and str(end) == f"no node tells what rests after block 5: {fault}"
    else:
        assert end == CancelResult(False, last) and asked[-1] == last


@pytest.mark.parametrize("fault", [ApiUnavailableError("the node is away"), RpcError("eth_gasPrice", -32000, "not now")])
async def test_where_the_price_of_gas_is_not_known_orders_are_sent_all_the_same(fault: StandardError,
                                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    async def lacking(orders: Sequence[Any], cancels: int) -> list[Lack | None]:
        raise fault

    chain = Chain(receipt(placed(1)))
    monkeypatch.setattr(chain, "lacking", lacking)
    ((event,),) = await ends_of(chain.place("a"))
    assert event.client_order_id == "a" and len(chain.sent) == 1


async def test_a_placement_whose_block_is_replaced_while_it_is_told_is_not_finished_yet() -> None:
    chain = Chain(receipt(placed(1)))

    async def replaced(settled: list[Settled]) -> None:
        chain.sent[0].reopen()

    chain.placements._tell = replaced
    ((event,),) = await ends_of(chain.place("a"))
    assert event.client_order_id == "a" and chain.finished == []


async def test_an_order_that_leaves_nothing_to_pay_for_cancels_is_refused_and_the_others_are_sent(
        monkeypatch: pytest.MonkeyPatch) -> None:
    async def lacking(orders: Sequence[Any], cancels: int) -> list[Lack | None]:
        return [Lack(5 * 10 ** 17, 2 * 10 ** 17), None]

    chain = Chain(receipt(placed(1)))
    monkeypatch.setattr(chain, "lacking", lacking)
    first, second = await ends_of(chain.place("a"), chain.place("b"))
    assert isinstance(first, OrderRejectedError) and "has not enough SOMI for this order" in str(first)
    assert "up to 0.500000 are needed, and 0.200000 are left besides the orders before it. Fund the wallet." in str(first)
    assert second[0].client_order_id == "b" and [tracked.intent.client_order_ids for tracked in chain.sent] == [("b",)]


@pytest.mark.parametrize("end", [receipt(placed(1)), receipt(ok=False, reason="TFF"), NotSentError("not sent")])
async def test_what_an_order_may_spend_is_reserved_until_its_end(end: End) -> None:
    chain = Chain(None)
    order = chain.place("a")
    await until(lambda: chain.sent)
    assert chain.spendable > 0
    chain.sent[0].end(end)
    await ends_of(order)
    assert chain.spendable == 0
