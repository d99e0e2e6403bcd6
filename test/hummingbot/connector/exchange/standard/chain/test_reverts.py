"""Why a transaction failed, as far as a node that simulates it tells."""
from collections.abc import Callable

import pytest

from hummingbot.connector.exchange.standard.chain.intents import Intent
from hummingbot.connector.exchange.standard.chain.reverts import NO_REASON, OUT_OF_GAS, revert_reason
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.fake_node import FakeNode, Fault

ALICE, ENGINE = "0x" + "a1" * 20, "0x" + "e0" * 20
LIMIT = 3_000_000
EMPTY, OUT, TOO_SMALL = (Fault("execution reverted", 3, "0x"), Fault("out of gas", -32000),
                         Fault("execution reverted", 3, "0x400ee546" + f"{5:064x}{7:064x}"))
TOO_MUCH = Fault("gas limit is above what this node simulates", -32602)
SMALL_TEXT = "OrderSizeTooSmall(5, 7)"


async def reason(gas_used: int, simulated: Callable[[int, str], Fault | None]) -> str:
    """The reason of a failure in block 9 that used so much; `simulated` tells how the call fails with so much gas at a block."""
    node = FakeNode()

    def before(method: str, params: list) -> str:  # type: ignore[type-arg]
        fault = simulated(int(params[0]["gas"], 16), params[1])
        if fault is not None:
            raise fault
        return "0x"

    node.before = before
    receipt = Receipt("0x01", 9, "0xb", False, gas_used, 1, ())
    rpc = RpcClient(node, ["http://node"], FakeClock(), 5.0)
    return await revert_reason(rpc, ALICE, Intent(ENGINE, b"\x01", 0, LIMIT, "place"), receipt)


@pytest.mark.parametrize("percent", [30, 94, 97])
@pytest.mark.parametrize("failure", [EMPTY, OUT], ids=["an inner call ran out", "the transaction ran out"])
async def test_what_fails_only_with_its_own_gas_ran_out_of_it(percent: int, failure: Fault) -> None:
    """By the rule of 63/64 a call two to four deep that runs out leaves 3 to 6 per cent, and the contract says nothing."""
    assert await reason(LIMIT * percent // 100, lambda gas, block: failure if gas < 3_550_000 else None) == OUT_OF_GAS


async def test_what_used_up_its_gas_needs_no_simulation() -> None:
    assert await reason(LIMIT, lambda gas, block: TOO_SMALL) == OUT_OF_GAS


@pytest.mark.parametrize("used", [60_000, LIMIT * 95 // 100])
async def test_what_fails_with_much_more_gas_too_was_refused(used: int) -> None:
    assert await reason(used, lambda gas, block: TOO_SMALL) == SMALL_TEXT
    assert await reason(used, lambda gas, block: TOO_SMALL if gas > LIMIT else EMPTY) == SMALL_TEXT
    assert await reason(used, lambda gas, block: EMPTY) == "no reason given"
    assert await reason(used, lambda gas, block: OUT) == OUT_OF_GAS


async def test_where_a_node_simulates_no_more_gas_the_transactions_own_tells() -> None:
    assert await reason(60_000, lambda gas, block: TOO_MUCH if gas > LIMIT else TOO_SMALL) == SMALL_TEXT
    assert await reason(60_000, lambda gas, block: TOO_MUCH if gas > LIMIT else None) == NO_REASON


async def test_the_first_state_in_which_it_fails_tells() -> None:
    """Another transaction of its block may have been in its way."""
    assert await reason(60_000, lambda gas, block: None if block == "0x8" else TOO_SMALL) == SMALL_TEXT
    assert await reason(60_000, lambda gas, block: None if block != "latest" else EMPTY) == "no reason given"
    assert await reason(60_000, lambda gas, block: None) == NO_REASON
