"""A connector as Hummingbot would run it, for measurements: ticked every second, its network checked every ten."""
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

NETWORK_CHECK_SECONDS = 10.0


@contextlib.asynccontextmanager
async def connector(url: str, key: str, pairs: Sequence[str], **settings: Any) -> AsyncIterator[StandardExchange]:
    """A connector that is ticked and whose network is checked as Hummingbot does it."""
    with tempfile.TemporaryDirectory() as folder:
        exchange = StandardExchange(standard_private_key=key, standard_rpc_url=url, standard_api_url=url,
                                    trading_pairs=list(pairs), domain="standard_sandbox", data_path=Path(folder), **settings)
        exchange._set_current_timestamp(time.time())
        await exchange.start_network()
        beating = asyncio.create_task(_beat(exchange))
        try:
            async with asyncio.timeout(30):
                while not exchange.ready:  # noqa: ASYNC110 (Hummingbot offers no event)
                    await asyncio.sleep(0.1)
            yield exchange
            await exchange.cancel_all(20.0)
        finally:
            beating.cancel()
            await exchange.stop_network()
            await asyncio.sleep(1.0)
            await ConnectionsFactory().close()


async def _beat(exchange: StandardExchange) -> None:
    checked = time.monotonic()
    while True:
        exchange._set_current_timestamp(time.time())
        exchange.tick(time.time())
        if time.monotonic() - checked >= NETWORK_CHECK_SECONDS:
            checked = time.monotonic()
            await exchange.check_network()
        await asyncio.sleep(1.0)
