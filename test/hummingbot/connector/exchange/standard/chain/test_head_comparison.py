"""Which node answers where they are not equally far, with nodes that make ten blocks a second."""
import asyncio
import json
import logging
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.endpoints import LACK_PAUSE
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RateLimitedError
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle

BLOCKS_A_SECOND = 10


class Node:
    """One that is so many blocks behind the chain's head, and has the blocks up to `has` above that."""

    def __init__(self, behind: int = 0, delay: float = 0.0) -> None:
        self.behind, self.delay, self.has, self.chain_id = behind, delay, 0, 7
        self.trouble: Exception | None = None
        self.odd: Any = None
        self.asked: list[str] = []


class Chain:
    """Some nodes and a client that prefers the first of them."""

    def __init__(self, *nodes: Node, chain_id: int | None = 7) -> None:
        self.nodes, self.clock = nodes, ManualClock()
        self.rpc = RpcClient(self, [f"https://node{number}.test" for number in range(len(nodes))], self.clock,
                             chain_id=chain_id)

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        node = self.nodes[int(url.removeprefix("https://node").removesuffix(".test"))]
        questions = json.loads(body or b"")
        questions = questions if isinstance(questions, list) else [questions]
        node.asked += [question["method"] for question in questions]
        if node.delay:
            await self.clock.sleep(node.delay)
        if node.trouble is not None:
            raise node.trouble
        answers = [{"jsonrpc": "2.0", "id": question["id"], "result": self._result(node, question)} for question in questions]
        return HttpAnswer(200, {}, json.dumps(answers if len(answers) > 1 else answers[0]).encode())

    def _result(self, node: Node, question: dict[str, Any]) -> Any:
        head = int(self.clock.now * BLOCKS_A_SECOND) - node.behind
        if question["method"] == "eth_chainId":
            return hex(node.chain_id)
        if question["method"] == "eth_blockNumber":
            return hex(head) if node.odd is None else node.odd
        if question["method"] == "eth_getBlockByNumber":
            number = question["params"][0]
            there = number == "latest" or int(number, 16) <= head + node.has
            return {"number": hex(head), "hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32, "timestamp": "0x1",
                    "logsBloom": "0x0", "transactions": [], "gasLimit": "0x1", "gasUsed": "0x0"} if there else None
        return hex(self.nodes.index(node))

    async def answers(self, seconds: float = 1.0) -> int:
        """The number of the node that answers after so long."""
        self.clock.now += seconds
        _, number = await self.rpc.batch([("eth_blockNumber", []), ("eth_gasPrice", [])])
        return int(number, 16)

    async def compared(self) -> None:
        """Whatever the nodes take for it."""
        comparing = asyncio.ensure_future(self.rpc.compare_heads())
        for _ in range(20):
            await self.clock.advance(0.5)
        await settle()
        comparing.result()


async def test_a_node_that_is_always_behind_is_left_for_longer_and_longer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    chain = Chain(Node(behind=100), Node())
    assert [await chain.answers() for _ in range(3)] == [0, 0, 0], "nobody knows it"
    answered = []
    for _ in range(40):  # minutes
        await chain.compared()
        answered += [await chain.answers(5.0) for _ in range(10)]
    assert answered[:8] == [1] * 8 and answered.count(0) < len(answered) / 10
    assert len(caplog.records) <= 14 and "it is 100 blocks behind" in caplog.text


@pytest.mark.parametrize("behind", [0, MAX_LAG_BLOCKS])
async def test_a_node_that_is_hardly_behind_stays(behind: int) -> None:
    chain = Chain(Node(behind=behind), Node())
    for _ in range(3):
        assert await chain.answers() == 0
        await chain.compared()
    assert await chain.answers() == 0


async def test_a_node_that_has_caught_up_is_asked_again_and_begins_anew() -> None:
    chain = Chain(Node(behind=100), Node())
    for pause in (LACK_PAUSE, 2 * LACK_PAUSE):
        assert await chain.answers(20.0) == 0
        await chain.compared()
        assert [await chain.answers(), await chain.answers(pause / 2)] == [1, 1]
        chain.nodes[0].behind = 0
        assert await chain.answers(pause) == 0
        chain.nodes[0].behind = 100
    chain.nodes[0].behind = 0
    await chain.compared()
    chain.nodes[0].behind = 100
    assert await chain.answers(20.0) == 0
    await chain.compared()
    assert await chain.answers() == 1
    chain.nodes[0].behind = 0
    assert await chain.answers(LACK_PAUSE + 1) == 0


@pytest.mark.parametrize("lie", [1_000, 5_000])
async def test_a_node_that_names_a_block_which_it_does_not_have_is_not_believed(lie: int) -> None:
    chain = Chain(Node(), Node(behind=-lie))
    chain.nodes[1].has = -lie
    assert await chain.answers() == 0
    await chain.compared()
    assert await chain.answers() == 0 and chain.rpc.head == int(chain.clock.now * BLOCKS_A_SECOND)


async def test_a_slow_answer_shows_nothing() -> None:
    """It tells a higher number because it comes later."""
    chain = Chain(Node(), Node(delay=6.5))
    assert await chain.answers() == 0
    await chain.compared()
    assert await chain.answers() == 0


@pytest.mark.parametrize("trouble", [ApiUnavailableError("away"), RateLimitedError("slower", 20.0), "odd", "chain"])
async def test_what_is_wrong_with_another_node_changes_nothing(trouble: Exception | str) -> None:
    chain = Chain(Node(behind=100), Node())
    assert await chain.answers() == 0
    chain.nodes[1].trouble = trouble if isinstance(trouble, Exception) else None
    chain.nodes[1].odd = "many" if trouble == "odd" else None
    chain.nodes[1].chain_id = 8 if trouble == "chain" else 7
    await chain.compared()
    assert await chain.answers() == 0


async def test_a_node_that_does_not_tell_how_far_it_is_or_breaks_before_it_shows_its_block_changes_nothing() -> None:
    chain = Chain(Node(behind=100), Node())
    assert await chain.answers() == 0
    chain.nodes[0].trouble = ApiUnavailableError("away")
    await chain.compared()
    chain.nodes[0].trouble = None
    assert await chain.answers() == 0
    asked, whole = chain.nodes[1].asked, chain._result

    def breaking(node: Node, question: dict[str, Any]) -> Any:
        if question["method"] == "eth_getBlockByNumber":
            raise ApiUnavailableError("away")
        return whole(node, question)

    chain._result = breaking  # type: ignore[method-assign]
    await chain.compared()
    assert await chain.answers() == 0 and asked[-1] == "eth_getBlockByNumber"


async def test_nodes_that_are_left_alone_are_not_asked() -> None:
    chain = Chain(Node(), Node())
    chain.nodes[0].trouble = RateLimitedError("slower", 20.0)
    assert await chain.answers() == 1
    chain.nodes[0].trouble = None
    asked = len(chain.nodes[0].asked)
    await chain.compared()
    assert len(chain.nodes[0].asked) == asked
    await chain.clock.advance(20.0)
    await chain.compared()
    assert len(chain.nodes[0].asked) == asked + 2


async def test_one_node_is_compared_with_nothing() -> None:
    chain = Chain(Node())
    assert await chain.answers() == 0
    asked = len(chain.nodes[0].asked)
    await chain.compared()
    assert len(chain.nodes[0].asked) == asked


async def test_the_node_that_answers_meanwhile_is_not_judged_by_what_another_told() -> None:
    chain = Chain(Node(behind=100), Node(), Node())
    assert await chain.answers() == 0
    comparing = asyncio.ensure_future(chain.rpc.compare_heads())
    chain.nodes[1].delay = 0.3
    await settle()
    chain.nodes[0].trouble = ApiUnavailableError("away")
    answering = asyncio.ensure_future(chain.answers(0.0))
    for _ in range(4):
        await chain.clock.advance(0.4)
    await comparing
    assert await answering in (1, 2)
    assert chain.rpc._pool.endpoints[0].lags == 0
