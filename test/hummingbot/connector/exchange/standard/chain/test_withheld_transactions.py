"""A node that takes transactions and does not pass them on: the other nodes get the same bytes, and the log says what waits."""
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.follower import STUCK
from hummingbot.connector.exchange.standard.chain.intents import FOREVER
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, NotSentError
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.chain.fake_node import CHAIN_ID, FakeNode, Fault, decode
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, successes

WITHHOLDING, OTHER = "http://withholding", "http://other"
WAITS = "while blocks go by"


class TwoNodes(FakeNode):
    """Two nodes of one chain. What the first one is sent stays with it: the bytes are in `kept`, those that the second one got in
    `passed_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []
        self.passed_on: list[str] = []
        self.away: set[str] = set()
        self.refusal: Fault | None = None
        self._url = ""

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        self._url = url
        if url in self.away:
            raise ApiUnavailableError(f"{url} is away")
        return await super().request(method, url, body=body, timeout=timeout)

    def eth_sendRawTransaction(self, text: str) -> str:
        if text == "0x":
            return super().eth_sendRawTransaction(text)
        if self._url == WITHHOLDING:
            if self.refusal is not None:
                raise self.refusal
            self.kept.append(text)
            return decode(bytes.fromhex(text[2:])).hash
        self.passed_on.append(text)
        return super().eth_sendRawTransaction(text)


class WithheldBench(Bench):
    node: TwoNodes
    urls = [WITHHOLDING, OTHER]

    def build(self) -> None:
        super().build()
        rpc = RpcClient(self.node, self.urls, self.clock, 5.0, chain_id=CHAIN_ID)
        for user in (self.sender, self.sender._broadcaster, self.sender._follower, self.sender._fee_policy):
            user._rpc = rpc  # type: ignore[attr-defined]


class LonelyBench(WithheldBench):
    urls = [WITHHOLDING]


async def withheld(path: Path, kind: type[WithheldBench] = WithheldBench, **settings: Any) -> WithheldBench:
    bench = kind(path, TwoNodes(), **settings)
    await bench.start()
    return bench


@pytest.mark.parametrize("cap", [None, 9 * 10**9], ids=["with more to offer", "at the bound of the fees"])
async def test_what_one_node_keeps_for_itself_gets_into_a_block_by_another_one(tmp_path: Path, cap: int | None) -> None:
    bench = await withheld(tmp_path, cap=cap)
    bench.submit(*[intent(number, patience=FOREVER) for number in range(3)])
    await bench.run(STUCK - 1)
    assert len(bench.node.kept) > 3 and not bench.node.passed_on, "until then one node is asked"
    await bench.run(15.0, 3)
    assert successes(bench) == 3
    assert bench.mined_orders() == Counter({intent(number).data: 1 for number in range(3)})
    assert set(bench.node.passed_on) <= set(bench.node.kept), "the bytes are the same"
    await bench.close()


async def test_one_nonce_that_waits_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = await withheld(tmp_path, LonelyBench)
    bench.submit(intent(1, patience=FOREVER), intent(2, patience=FOREVER))
    await bench.run(28.0)
    assert WAITS not in caplog.text
    await bench.run(200.0)
    [told] = [record for record in caplog.records if WAITS in record.message]
    assert told.levelno == logging.WARNING and "rpc_url" in told.message and "max_fee_gwei" in told.message
    assert "nonce 0" in told.message and "create order-1" in told.message and bench.node.accepted == []
    await bench.close()


async def test_nothing_is_told_while_no_block_is_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = await withheld(tmp_path)
    bench.submit(intent(1, patience=FOREVER))
    await bench.clock.settle()
    await bench.clock.run(60.0)
    assert WAITS not in caplog.text and not bench.node.passed_on
    await bench.close()


async def test_what_another_node_was_handed_counts_as_taken(tmp_path: Path) -> None:
    """The first one refuses it for now; the other one may have it, so it ends only by what takes it back."""
    bench = await withheld(tmp_path)
    bench.node.refusal, bench.node.mining = Fault("txpool is full"), False
    bench.submit(intent(1, patience=30.0))
    await bench.run(40.0)
    assert not bench.ends and {sent.nonce for sent in bench.node.accepted} == {0}
    assert bench.node.accepted[0].data == intent(1).data and bench.node.accepted[-1].data == b""
    bench.node.mining = True
    await bench.run(5.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and not bench.mined_orders()
    await bench.close()


async def test_the_single_node_that_takes_nothing_is_nobody_elses(tmp_path: Path) -> None:
    bench = await withheld(tmp_path, LonelyBench)
    bench.node.refusal = Fault("txpool is full")
    bench.submit(intent(1, patience=30.0))
    await bench.run(40.0, 1)
    assert isinstance(bench.ends["order-1"], NotSentError) and "txpool is full" in str(bench.ends["order-1"])
    await bench.close()


async def test_a_node_that_is_away_meanwhile_holds_nothing_up(tmp_path: Path) -> None:
    bench = await withheld(tmp_path)
    bench.node.away = {OTHER}
    bench.submit(intent(1, patience=FOREVER))
    await bench.run(30.0)
    assert not bench.ends
    bench.node.away = set()
    await bench.run(25.0, 1)
    assert successes(bench) == 1
    await bench.close()


async def test_what_is_at_the_bound_of_the_fees_is_sent_again_when_nodes_forget_it(tmp_path: Path) -> None:
    bench = await Bench(tmp_path, cap=9 * 10**9).start()
    bench.node.mining = False
    bench.submit(intent(1, patience=FOREVER))
    await bench.run(60.0)
    bench.node.pool.clear()
    bench.node.mining = True
    await bench.run(25.0, 1)
    assert successes(bench) == 1
    await bench.close()
