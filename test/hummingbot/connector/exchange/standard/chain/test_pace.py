"""How long a stream may be silent follows from how quick the chain's blocks are."""
import pytest

from hummingbot.connector.exchange.standard.chain.pace import MAX_SILENCE, BlockPace
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from test.hummingbot.connector.exchange.standard.chain.fake_blocks import Blocks


@pytest.mark.parametrize(("blocks", "silence"), [
    (Blocks(0.1), 1.5), (Blocks(0.5), 1.5), (Blocks(1.0), 1.9), (Blocks(2.0), 3.9), (Blocks(12.0), 23.9),
    (Blocks(2.0, newest=0), 1.5), (Blocks(2.0, newest=-1), 1.5), (Blocks(2.0, newest=5), 3.6), (Blocks(0.25, newest=4), 1.5)],
    ids=["quick", "half a second", "a second", "slow", "slower", "only its first block", "no block", "young",
         "begun a moment ago"])
async def test_a_block_may_be_late_by_another_block(blocks: Blocks, silence: float) -> None:
    pace = BlockPace(blocks)  # type: ignore[arg-type]
    assert pace.silence == MAX_SILENCE
    await pace.learn()
    assert pace.silence == silence


@pytest.mark.parametrize("fault", [ApiUnavailableError("away"), RpcError("eth_blockNumber", -32000, "no")],
                         ids=["away", "refused"])
async def test_what_was_known_stays_while_no_node_answers(fault: Exception) -> None:
    blocks = Blocks(2.0)
    pace = BlockPace(blocks)  # type: ignore[arg-type]
    await pace.learn()
    blocks.fault = fault
    await pace.learn()
    assert pace.silence == 3.9
