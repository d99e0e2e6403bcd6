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
        self.newest: Any = ...
        self.stands_at: int | None = None
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
        head = int(self.clock.now * BLOCKS_A_SECOND) - node.behind if node.stands_at is None else node.stands_at
        if question["method"] == "eth_chainId":
            return hex(node.chain_id)
        if question["method"] == "eth_blockNumber":
            return hex(head)
        if question["method"] == "eth_getBlockByNumber":
            if node.newest is not ...:
                return node.newest
            number = question["params"][0]
            number = head + node.has if number == "latest" else int(number, 16)
            block = {"number": hex(number), "hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32, "timestamp": "0x1"}
            return block if number <= head + node.has else None
        return hex(self.nodes.index(node))

    async def answers(self, seconds: float = 1.0) -> int:
        """The number of the node that answers after so long."""
        self.clock.now += seconds
        _, number = await self.rpc.batch([("eth_blockNumber", []), ("eth_gasPrice", [])])
        return int(number, 16)

    async def compared(self, times: int = 2) -> None:
        """Whatever the nodes take for it."""
        for _ in range(times):
            comparing = asyncio.ensure_future(self.rpc.compare_heads())
            for _ in range(24):
                await self.clock.advance(0.5)
            await settle()
            comparing.result()


async def test_a_node_that_is_always_behind_is_left_for_longer_and_longer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    chain = Chain(Node(behind=100), Node())
    assert [await chain.answers() for _ in range(3)] == [0, 0, 0], "nobody knows it"
    await chain.compared(1)
    assert await chain.answers() == 0, "it may be of another chain of that id, which stands still"
    answered = []
    for _ in range(40):  # minutes
        await chain.compared(1)
        answered += [await chain.answers(5.0) for _ in range(10)]
    assert answered[:8] == [1] * 8 and answered.count(0) < len(answered) / 10
    assert len(caplog.records) <= 14 and "it is 100 blocks behind" in caplog.text


@pytest.mark.parametrize("delay", [0.6, 2.0])
async def test_a_node_that_is_behind_and_slow_is_left_also_while_it_answers(delay: float) -> None:
    chain = Chain(Node(behind=100, delay=delay), Node())
    answers: list[int] = []

    async def ask() -> None:
        while True:
            answers.append(await chain.answers(0.0))

    asking = asyncio.ensure_future(ask())
    for _ in range(10):
        await chain.clock.advance(0.5)
    await chain.compared()
    asking.cancel()
    assert answers[0] == 0 and answers[-1] == 1


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
        assert await chain.answers() == 1 and chain.nodes[0].behind
        assert await chain.answers(pause - 30) == 1
        chain.nodes[0].behind = 0
        assert await chain.answers(30) == 0
        chain.nodes[0].behind = 100
    chain.nodes[0].behind = 0
    await chain.compared(1)
    chain.nodes[0].behind = 100
    assert await chain.answers(20.0) == 0
    await chain.compared(1)
    assert await chain.answers() == 1
    chain.nodes[0].behind = 0
    assert await chain.answers(LACK_PAUSE) == 0


async def test_a_node_that_was_left_is_better_than_none() -> None:
    chain = Chain(Node(behind=100), Node())
    assert await chain.answers() == 0
    await chain.compared()
    assert await chain.answers() == 1
    chain.nodes[1].trouble = ApiUnavailableError("away")
    assert await chain.answers() == 0


async def test_a_node_that_names_a_block_which_it_does_not_show_is_not_believed() -> None:
    chain = Chain(Node(), Node(behind=-1_000))
    chain.nodes[1].has = -1_000
    assert await chain.answers() == 0
    await chain.compared()
    assert await chain.answers() == 0 and chain.rpc.head == int(chain.clock.now * BLOCKS_A_SECOND)


async def test_a_node_that_stands_still_far_above_is_of_another_chain() -> None:
    chain = Chain(Node(), Node())
    chain.nodes[1].stands_at = 5_000_000
    for _ in range(4):
        assert await chain.answers() == 0
        await chain.compared()


async def test_a_slow_answer_of_another_node_shows_nothing() -> None:
    """It tells a higher number because it comes later."""
    chain = Chain(Node(), Node(delay=6.5))
    assert await chain.answers() == 0
    await chain.compared()
    assert chain.rpc._pool.endpoints[0].lags == 0
    assert await chain.answers() == 0


@pytest.mark.parametrize("trouble", [ApiUnavailableError("away"), RateLimitedError("slower", 20.0), "odd", "null", "chain"])
async def test_what_is_wrong_with_another_node_changes_nothing(trouble: Exception | str) -> None:
    chain = Chain(Node(behind=100), Node())
    assert await chain.answers() == 0
    chain.nodes[1].trouble = trouble if isinstance(trouble, Exception) else None
    chain.nodes[1].newest = {"odd": "many", "null": None}.get(str(trouble), ...)
    chain.nodes[1].chain_id = 8 if trouble == "chain" else 7
    await chain.compared()
    assert chain.rpc._pool.endpoints[0].lags == 0
    assert await chain.answers() == 0


async def test_a_node_that_does_not_tell_how_far_it_is_is_not_judged() -> None:
    chain = Chain(Node(behind=100), Node())
    assert await chain.answers() == 0
    await chain.compared(1)
    chain.nodes[0].newest = None
    await chain.compared(1)
    assert await chain.answers() == 0


@pytest.mark.parametrize("count", [1, 2])
async def test_nodes_that_are_left_alone_are_not_asked(count: int) -> None:
    chain = Chain(*[Node() for _ in range(count)])
    assert await chain.answers() == 0
    for node in chain.nodes:
        node.trouble = RateLimitedError("slower", 20.0)
    with pytest.raises(RateLimitedError):
        await chain.answers()
    asked = [len(node.asked) for node in chain.nodes]
    await chain.compared(1)
    assert [len(node.asked) for node in chain.nodes] == asked


async def test_one_node_is_compared_with_nothing() -> None:
    chain = Chain(Node())
    assert await chain.answers() == 0
    asked = len(chain.nodes[0].asked)
    await chain.compared()
    assert len(chain.nodes[0].asked) == asked


async def test_another_node_that_answers_meanwhile_is_not_judged_by_it() -> None:
    chain = Chain(Node(behind=100), Node(), Node())
    assert await chain.answers() == 0
    await chain.compared(1)
    chain.nodes[1].delay, chain.nodes[2].delay = 0.3, 0.9
    comparing = asyncio.ensure_future(chain.rpc.compare_heads())
    await settle()
    chain.nodes[0].trouble = ApiUnavailableError("away")
    answering = asyncio.ensure_future(chain.answers(0.0))
    for _ in range(6):
        await chain.clock.advance(0.2)
    await comparing
    assert await answering == 1
    assert chain.rpc._pool.endpoints[0].lags == 0
