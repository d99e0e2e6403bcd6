"""How far back the nodes tell what happened."""
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.errors import RpcError
from hummingbot.connector.exchange.standard.history import KEPT_BLOCKS, is_told

PRUNED = RpcError("eth_getLogs", -32000, "pruned")


class Node:
    """Answers to questions for logs, each an exception or what the node gives."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    async def logs(self, address: str, topics: Any, first: int, last: int) -> list[Any]:
        self.asked.append(first)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


@pytest.mark.parametrize(("answers", "told", "asked"), [
    ([[]], True, [50]), ([PRUNED, []], False, [50, 900]), ([PRUNED, PRUNED], True, [50, 900])],
    ids=["it tells the old block", "it tells the newest only", "it tells none"])
async def test_a_node_that_tells_the_logs_of_no_block_says_nothing_about_an_old_one(
        answers: list[Any], told: bool, asked: list[int]) -> None:
    node = Node(answers)
    assert await is_told(node, "0xe0", [], 50, 900) is told and node.asked == asked  # type: ignore[arg-type]


async def test_every_node_knows_the_newest_blocks() -> None:
    node = Node([])
    assert await is_told(node, "0xe0", [], 901 - KEPT_BLOCKS, 900) and node.asked == []  # type: ignore[arg-type]
