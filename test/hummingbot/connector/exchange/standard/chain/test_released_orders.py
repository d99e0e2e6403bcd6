"""Orders that are told as never sent while they are released one after the other."""
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.errors import NotSentError
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent


async def test_an_order_whose_refusal_is_being_written_down_is_not_sent_meanwhile(bench: Bench) -> None:
    """Two refusals with different words are released one after the other, with a journal write in between."""
    real = Journal.failed
    poor = True

    async def slow_failed(self: Journal, failures: Any) -> None:
        nonlocal poor
        await real(self, failures)
        if poor:
            poor = False  # the wallet is funded now, or another node answers that knows it is
            await bench.clock.sleep(0.3)  # a slow disk

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and params[0] != "0x" and poor:
            raise Fault("insufficient funds for gas * price + value")
        return None

    bench.node.before = before
    Journal.failed = slow_failed  # type: ignore[method-assign]
    try:
        bench.submit(intent(1), intent(2, gas_limit=4_000_000))
        await bench.run(90.0)
    finally:
        Journal.failed = real  # type: ignore[method-assign]
    mined = bench.mined_orders()
    for number in (1, 2):
        if isinstance(bench.ends.get(f"order-{number}"), NotSentError):
            assert mined[intent(number).data] == 0, f"order {number} was told as never sent, and is mined"


@pytest.mark.parametrize("latency", [0.07, 0.1, 0.2])
async def test_what_is_given_up_is_not_replaced_meanwhile(bench: Bench, latency: float) -> None:
    """Two orders that no node took in time are released one after the other, with a journal write in between."""
    real = Journal.failed
    dear = True

    async def slow_failed(self: Journal, failures: Any) -> None:
        nonlocal dear
        await real(self, failures)
        if dear:
            dear = False  # gas has become cheaper
            await bench.clock.sleep(1.0)  # a slow disk

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and params[0] != "0x" and dear:
            bench.node.base_fee = bench.node.base_fee * 9 // 8
            raise Fault("max fee per gas less than block base fee")
        return None

    bench.node.before = before
    bench.node.on_request = lambda: bench.clock.sleep(latency)
    Journal.failed = slow_failed  # type: ignore[method-assign]
    try:
        bench.submit(intent(1), intent(2))
        await bench.run(120.0)
    finally:
        Journal.failed = real  # type: ignore[method-assign]
    mined = bench.mined_orders()
    for number in (1, 2):
        if isinstance(bench.ends.get(f"order-{number}"), NotSentError):
            assert mined[intent(number).data] == 0, f"order {number} was told as never sent, and is mined"
