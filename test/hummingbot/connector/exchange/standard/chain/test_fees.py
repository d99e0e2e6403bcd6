"""What is offered for gas."""
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.errors import BadDataError, RpcError
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.fake_node import FakeNode, Fault


def policy(node: FakeNode, clock: FakeClock | None = None, cap: int | None = None) -> FeePolicy:
    clock = clock or FakeClock()
    return FeePolicy(RpcClient(node, ["http://node"], clock, 5.0), clock, multiplier=Decimal("1.5"), cap=cap)


async def test_a_base_fee_means_eip_1559() -> None:
    node = FakeNode()
    node.base_fee = 7
    node.before = lambda method, params: "0x3" if method == "eth_maxPriorityFeePerGas" else None
    assert await policy(node).current() == Fees(13, 3)


async def test_without_a_suggested_tip_the_gas_price_tells_it() -> None:
    node = FakeNode()
    node.base_fee = 10

    def before(method: str, params: list) -> str | None:
        if method == "eth_maxPriorityFeePerGas":
            raise Fault("method not found", -32601)
        return "0xc" if method == "eth_gasPrice" else None

    node.before = before
    assert await policy(node).current() == Fees(17, 2)


@pytest.mark.parametrize("history", [{"oldestBlock": "0x1"}, {"baseFeePerGas": ["0x0", "0x0"]}, {"baseFeePerGas": []}])
async def test_without_a_base_fee_the_transaction_is_legacy(history: dict) -> None:
    node = FakeNode()
    node.base_fee = 9
    node.before = lambda method, params: history if method == "eth_feeHistory" else None
    assert await policy(node).current() == Fees(9, 9, True)


@pytest.mark.parametrize(("method", "fees"), [("eth_feeHistory", Fees(12, 12, True)),
                                               ("eth_maxPriorityFeePerGas", Fees(17, 2))])
async def test_what_is_null_is_not_told(method: str, fees: Fees) -> None:
    async def answers(requests: Any) -> list[Any]:
        told = {"eth_feeHistory": {"baseFeePerGas": ["0x9", "0xa"]}, "eth_gasPrice": "0xc", "eth_maxPriorityFeePerGas": "0x2"}
        return [None if asked == method else told[asked] for asked, _ in requests]

    assert await FeePolicy(SimpleNamespace(batch=answers), FakeClock()).current() == fees  # type: ignore[arg-type]


async def test_values_are_kept_for_some_seconds() -> None:
    node, clock = FakeNode(), FakeClock()
    fees = policy(node, clock)
    await fees.current()
    await fees.current()
    assert len(node.posts) == 1
    clock.now += 3.1
    node.base_fee *= 2
    assert (await fees.current()).max_fee == 18_000_000_000 and len(node.posts) == 2
    fees.expire()
    await fees.current()
    assert len(node.posts) == 3


async def test_the_cap_limits_both_fees() -> None:
    node = FakeNode()
    node.before = lambda method, params: hex(10**12) if method == "eth_maxPriorityFeePerGas" else None
    assert await policy(node, cap=5).current() == Fees(5, 5)


async def test_a_node_that_tells_nothing_is_an_error() -> None:
    node = FakeNode()

    def nothing(method: str, params: list) -> None:
        raise Fault("not today", -32000)

    node.before = nothing
    with pytest.raises(RpcError):
        await policy(node).current()
    node.before = lambda method, params: "soon"
    with pytest.raises(BadDataError):
        await policy(node).current()


fee = st.integers(1, 10**15)


@given(fee, fee, fee, st.booleans(), st.none() | fee)
def test_a_replacement_offers_an_eighth_more_within_the_cap(old_fee: int, tip: int, suggested: int, legacy: bool,
                                                            cap: int | None) -> None:
    old = Fees(max(old_fee, tip), max(old_fee, tip) if legacy else tip, legacy)
    new = policy(FakeNode(), cap=cap).replacement(old, Fees(suggested, 1, legacy))
    if new is None:
        assert (cap is not None and old.max_fee * 9 > cap * 8) or old.max_fee * 9 > suggested * 80 - 8
        return
    assert new.max_fee * 8 >= old.max_fee * 9
    assert new.priority_fee <= new.max_fee and (cap is None or new.max_fee <= cap)
    assert new.priority_fee * 8 >= old.priority_fee * 9 or new.priority_fee == new.max_fee
    assert new.legacy == legacy and (not legacy or new.priority_fee == new.max_fee)


def test_a_replacement_that_is_suggested_above_the_cap_offers_the_cap() -> None:
    assert policy(FakeNode(), cap=500).replacement(Fees(100, 8), Fees(1_000, 5)) == Fees(500, 9)


def test_no_replacement_offers_much_more_than_the_network_suggests() -> None:
    assert policy(FakeNode()).replacement(Fees(89, 1), Fees(10, 1)) is None
    assert policy(FakeNode()).replacement(Fees(88, 1), Fees(10, 1)) == Fees(99, 2)


def test_a_replacement_offers_a_higher_tip_where_none_is_suggested() -> None:
    """Nodes want more of both fees."""
    assert policy(FakeNode()).replacement(Fees(800, 0), Fees(800, 0)) == Fees(900, 1)
    assert policy(FakeNode(), cap=850).replacement(Fees(720, 0), Fees(900, 0)) == Fees(850, 1)


def test_what_costs_nothing_is_replaced_by_what_costs_little() -> None:
    free = Fees(0, 0, True)
    assert policy(FakeNode()).replacement(free, free) == Fees(1, 1, True)
    assert policy(FakeNode()).replacement(Fees(9, 9, True), free) is None
