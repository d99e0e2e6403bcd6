"""The demonstration's second opinion reaches its own sandbox, whatever the machine's network looks like."""
import asyncio

import pytest

from demo.chain_view import Node
from test.hummingbot.connector.exchange.standard.trading import quiet_sandbox


async def test_a_node_on_this_machine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with quiet_sandbox() as sandbox:
        assert await asyncio.to_thread(Node(sandbox.url).block_number) >= 0
