"""Orders that are told as never sent while they are released one after the other."""
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.errors import NotSentError
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent


class SlowDisk:
    """The trouble lasts until the first end is written down, which takes so many seconds."""

    def __init__(self, bench: Bench, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trouble = True
        real = Journal.failed

        async def failed(journal: Journal, failures: Any) -> None:
            await real(journal, failures)
            if self.trouble:
                self.trouble = False
                await bench.clock.sleep(seconds)

        monkeypatch.setattr(Journal, "failed", failed)

    def hits(self, method: str, params: list[Any]) -> bool:
        return self.trouble and method == "eth_sendRawTransaction" and params[0] != "0x"


def _what_was_never_sent_is_not_mined(bench: Bench) -> None:
    mined = bench.mined_orders()
    for number in (1, 2):
        if isinstance(bench.ends.get(f"order-{number}"), NotSentError):
            assert mined[intent(number).data] == 0, f"order {number} was told as never sent, and is mined"


async def test_an_order_whose_refusal_is_being_written_down_is_not_sent_meanwhile(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two refusals with different words; while the first is written the wallet is funded."""
    disk = SlowDisk(bench, 0.3, monkeypatch)

    def before(method: str, params: list[Any]) -> Any:
        if disk.hits(method, params):
            raise Fault("insufficient funds for gas * price + value")
        return None

    bench.node.before = before
    bench.submit(intent(1), intent(2, gas_limit=4_000_000))
    await bench.run(90.0)
    assert not disk.trouble
    _what_was_never_sent_is_not_mined(bench)


@pytest.mark.parametrize("latency", [0.07, 0.1, 0.2])
async def test_what_is_given_up_is_not_replaced_meanwhile(
        bench: Bench, latency: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two orders that no node took in time; while the first end is written gas becomes cheaper."""
    disk = SlowDisk(bench, 1.0, monkeypatch)

    def before(method: str, params: list[Any]) -> Any:
        if disk.hits(method, params):
            bench.node.base_fee = bench.node.base_fee * 9 // 8
            raise Fault("max fee per gas less than block base fee")
        return None

    bench.node.before = before
    bench.node.on_request = lambda: bench.clock.sleep(latency)
    bench.submit(intent(1), intent(2))
    await bench.run(120.0)
    assert not disk.trouble
    _what_was_never_sent_is_not_mined(bench)
