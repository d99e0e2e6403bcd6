"""Whether a chain is the one of the last run: a lower block number alone says nothing."""
import pytest

from hummingbot.connector.exchange.standard.chain.rpc_values import Block
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.connector.exchange.standard.witnesses import Witness, is_begun_anew, witness_of

WITNESS = Witness(500, "0x500", 2_000)


class Node:
    """Blocks by number; the last one is the newest."""

    def __init__(self, *blocks: tuple[int, str, int]) -> None:
        self.blocks = {number: Block(number, name, "0x", timestamp, None) for number, name, timestamp in blocks}

    async def get_block(self, block: int | str = "latest") -> Block | None:
        return next(reversed(self.blocks.values()), None) if block == "latest" else self.blocks.get(block)  # type: ignore[arg-type]


async def begun_anew(node: Node, head: int, witness: Witness | None = WITNESS) -> bool:
    return await is_begun_anew(node, head, 900, witness)  # type: ignore[arg-type]


@pytest.mark.parametrize("head", [900, 901])
async def test_a_chain_that_has_come_as_far_is_taken_for_the_same(head: int) -> None:
    assert not await begun_anew(Node(), head)


@pytest.mark.parametrize("node", [Node((40, "0x40", 2_001)), Node((500, "0xother", 2_000), (700, "0x700", 2_100))],
                         ids=["it is shorter, and younger", "another block stands in the place"])
async def test_a_block_that_contradicts_the_witness_is_proof(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    assert await begun_anew(node, 700)
    assert "The chain is at block 700, and the last run followed another one up to block 900" in caplog.text


@pytest.mark.parametrize("node", [
    Node((40, "0x40", 2_000)), Node((500, "0x500", 2_000), (700, "0x700", 2_100)), Node((700, "0x700", 2_100)), Node()],
    ids=["it is as old", "the block stands there", "it is not told", "nothing is told"])
async def test_without_proof_the_node_is_behind(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ApiUnavailableError, match="The node is at block 700, behind block 900"):
        await begun_anew(node, 700)
    assert not caplog.records


async def test_and_without_a_witness() -> None:
    with pytest.raises(ApiUnavailableError):
        await begun_anew(Node((500, "0xother", 2_000)), 700, None)


async def test_a_witness_is_final_and_the_first_block_where_none_is() -> None:
    node = Node((0, "0x0", 1_000), (500, "0x500", 2_000))
    assert await witness_of(node, 500 + REORGANISED_BLOCKS) == WITNESS  # type: ignore[arg-type]
    assert await witness_of(node, 3) == Witness(0, "0x0", 1_000)  # type: ignore[arg-type]
    assert await witness_of(node, 300) is None  # type: ignore[arg-type]
