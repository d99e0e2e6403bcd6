"""Clocks that jump and machines that sleep (docs/faults.md, F42 and F43)."""
import asyncio
from unittest.mock import patch

from hummingbot.connector.exchange.standard.throttling import SteadyThrottler
from hummingbot.core.api_throttler.data_types import RateLimit
from test.hummingbot.connector.exchange.standard.clocks import ManualClock


async def test_f42_the_throttler_does_not_care_for_the_wall_clock() -> None:
    clock = ManualClock()
    throttler = SteadyThrottler(clock, [RateLimit("few", limit=2, time_interval=1)])
    throttler._retry_interval = 0.001

    async def passes(seconds: float = 0.05) -> bool:
        try:
            async with asyncio.timeout(seconds), throttler.execute_task("few"):
                return True
        except TimeoutError:
            return False

    assert [await passes() for _ in range(3)] == [True, True, False]
    clock.now += 1.1
    for hours in (-1, 1):
        with patch("time.time", return_value=1_700_000_000 + 3600 * hours):
            assert [await passes() for _ in range(3)] == [True, True, False]
            clock.now += 1.1
