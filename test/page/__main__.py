"""python -m test.page FILE: a picture of the sandbox's page while a connector trades on it, for the README."""
import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.core.data_type.common import OrderType
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, connected
from test.page.browser import browser

WIDTH, HEIGHT = 1200, 1130
LEVELS = 6
STEP = Decimal("0.0014")
TRADING_SECONDS = 30


async def picture() -> bytes:
    """Let a connector quote for a while among busy traders, and take what the page shows then, as PNG."""
    settings = SandboxSettings(port=0, traders=TraderSettings(takes_per_second=2.0))
    async with Sandbox(settings) as sandbox, connected(sandbox) as exchange, browser() as page:
        middle = exchange.get_mid_price(NATIVE_PAIR)
        for level in range(1, LEVELS + 1):
            amount = Decimal(30 + 10 * level)
            exchange.buy(NATIVE_PAIR, amount, OrderType.LIMIT, middle * (1 - level * STEP))
            exchange.sell(NATIVE_PAIR, amount, OrderType.LIMIT, middle * (1 + level * STEP))
        await asyncio.sleep(TRADING_SECONDS)
        await page.look(WIDTH, HEIGHT)
        await page.open(sandbox.url)
        await page.until("document.querySelectorAll('#fills tr').length > 3", seconds=60)
        return await page.picture(whole=True)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(asyncio.run(picture()))
