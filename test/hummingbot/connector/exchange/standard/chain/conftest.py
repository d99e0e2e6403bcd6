"""What the tests of the sender share."""
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = await Bench(tmp_path).start()
    yield bench
    await bench.close()
