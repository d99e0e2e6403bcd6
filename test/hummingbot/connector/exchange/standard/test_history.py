"""Whether the nodes have forgotten a block, which is more than that one refuses to tell of it."""
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.rpc import KEPT_BLOCKS, RpcClient
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.history import is_told

OLD, NEWEST = 100, 100 + KEPT_BLOCKS


class Node(RpcClient):
    """A node that refuses what is asked for as often as `refusals` says, by block."""

    def __init__(self, **refusals: int) -> None:
        self.refusals = {OLD: refusals.get("old", 0), NEWEST: refusals.get("newest", 0)}
        self.asked: list[int] = []

    async def logs(self, address: Any, topics: Any, from_block: int, to_block: int) -> list[Any]:
        self.asked.append(from_block)
        if self.refusals[from_block]:
            self.refusals[from_block] -= 1
            raise RpcError("eth_getLogs", -32000, "history is not available")
        return []


@pytest.mark.parametrize(("node", "told"), [
    (Node(), True), (Node(old=9), False), (Node(old=9, newest=9), True), (Node(old=1), True)],
    ids=["it tells", "it has forgotten", "it tells nothing at all", "it refused for a moment"])
async def test_a_block_is_forgotten_when_it_is_refused_again_and_the_newest_is_not(node: Node, told: bool) -> None:
    assert await is_told(node, "0xe0", [], OLD, NEWEST) is told


async def test_what_every_node_keeps_is_not_asked_for() -> None:
    node = Node(old=9)
    assert await is_told(node, "0xe0", [], OLD, NEWEST - 1) and node.asked == []


async def test_without_an_answer_nothing_is_known() -> None:
    class Away(Node):
        async def logs(self, *_: Any) -> list[Any]:
            raise ApiUnavailableError("away")
    with pytest.raises(ApiUnavailableError):
        await is_told(Away(), "0xe0", [], OLD, NEWEST)
