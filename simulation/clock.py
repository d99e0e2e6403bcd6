"""Virtual time for everything that asks the machine: the connector, the sandbox, Hummingbot and the standard library."""
import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import hummingbot.connector.utils as connector_utils
from hummingbot.client.config.trade_fee_schema_loader import TradeFeeSchemaLoader
from hummingbot.connector.exchange.standard.standard_utils import DEFAULT_FEES
from hummingbot.core.api_throttler.async_request_context_base import AsyncRequestContextBase
from hummingbot.core.utils import tracking_nonce
from hummingbot.logger import HummingbotLogger
from simulation.loop import VirtualLoop

EPOCH = 1_800_000_000.0


class VirtualClock:
    """The clock of a virtual loop. `shift` is by how much somebody set the wall clock wrong, in seconds."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.shift = 0.0
        self._loop = loop

    def time(self) -> float:
        return EPOCH + self.shift + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@contextmanager
def owning_the_machine(clock: VirtualClock, seed: int) -> Iterator[None]:
    """While this lasts the process's time, its random numbers and its identity come from the simulation."""
    real = time.time, time.monotonic, time.perf_counter
    identity, testing = connector_utils._bot_instance_id, HummingbotLogger.is_testing_mode
    fees, state = TradeFeeSchemaLoader.configured_schema_for_exchange, random.getstate()
    random.seed(seed)
    time.time, time.monotonic, time.perf_counter = clock.time, clock.monotonic, clock.monotonic
    connector_utils._bot_instance_id = lambda: "simulated"
    HummingbotLogger.is_testing_mode = staticmethod(lambda: True)  # else warnings open Hummingbot's whole application
    # Hummingbot lists the connectors of its own folder only, and asks for the fees of this one to estimate what orders lock.
    TradeFeeSchemaLoader.configured_schema_for_exchange = staticmethod(lambda exchange_name: DEFAULT_FEES)
    tracking_nonce._microseconds_nonce_provider._last_tracking_nonce = 0
    AsyncRequestContextBase._last_max_cap_warning_ts = 0.0
    try:
        yield
    finally:
        time.time, time.monotonic, time.perf_counter = real
        connector_utils._bot_instance_id = identity
        TradeFeeSchemaLoader.configured_schema_for_exchange = fees
        HummingbotLogger.is_testing_mode = staticmethod(testing)
        random.setstate(state)
