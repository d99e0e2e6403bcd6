"""Every fault of the streams at random for a while, reorganisations included: at the next quiet point all is right."""
import asyncio
import random
from collections.abc import Iterable
from contextlib import AsyncExitStack

import pytest

from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.base import OrderLogs
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from test.hummingbot.connector.exchange.standard.feeds.streams import (
    CHANNELS,
    LAYOUTS,
    SOMI,
    WBTC,
    Listener,
    StreamWorld,
    eventually,
    same,
    stream_world,
)

SECONDS = 40
SHARES = ("drop", "duplicate", "reorder", "wrong_sequence", "malformed")
SWITCHES = ("stall", "stall_with_pongs", "refuse", "ignore_requests", "refuse_authentication", "ignore_unsubscribe")
STEPS = {SOMI: 1_000, WBTC: 10 ** 8}


async def mischief(world: StreamWorld, chance: random.Random) -> None:
    """Something goes wrong for a moment."""
    kind = chance.choice(["share", "switch", "close", "oversized", "reorganisation"])
    if kind == "share":
        setattr(world.faults, chance.choice(SHARES), chance.choice([0.02, 0.2]))
    elif kind == "switch":
        setattr(world.faults, chance.choice(SWITCHES), True)
    elif kind == "close":
        world.faults.close_code = 4000
    elif kind == "oversized":
        world.faults.oversized_next, world.faults.oversized_bytes = 1, 5 * 2 ** 20
    else:
        world.sandbox.node.reorganise(chance.randint(1, 8), chance.choice([Reorg.RETURN, Reorg.REMINE, Reorg.VANISH]))
    await asyncio.sleep(chance.choice([0.2, 1.0, 2.5]))
    world.faults.clear()
    await asyncio.sleep(chance.choice([0.0, 0.5, 2.0]))


def standing(logs: Iterable[EngineLog]) -> list[EngineLog]:
    """What is left of events after those that were taken back; none may come twice, none be taken back that did not come."""
    left: dict[tuple[str, int], EngineLog] = {}
    for log in logs:
        place = log.transaction_hash, log.log_index
        assert (place in left) is log.removed
        if log.removed:
            del left[place]
        else:
            left[place] = log
    return sorted(left.values(), key=lambda log: (log.block_number, log.log_index))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_books_and_own_events_are_right_after_any_mischief(seed: int) -> None:
    chance = random.Random(seed)
    async with stream_world(block_interval=0.05, traders=TraderSettings(takes_per_second=8)) as world, AsyncExitStack() as stack:
        markets = {spoken: await stack.enter_async_context(Listener(world.market_feed(spoken), [SOMI, WBTC], again=True))
                   for spoken in (CHANNELS, *LAYOUTS)}
        account = await stack.enter_async_context(Listener(world.account_feed(cursor=0, account=1), again=True))
        end = world.clock.monotonic() + SECONDS
        while world.clock.monotonic() < end:
            await mischief(world, chance)
        world.sandbox.traders.settings.enabled = False
        await asyncio.sleep(1.0)
        for spoken, listener in markets.items():
            for pair in (SOMI, WBTC):
                truth = world.true_book(pair, None if spoken == CHANNELS else STEPS[pair])
                await eventually(lambda: same(listener.book(pair), truth, 1e-5), 10)  # noqa: B023
        async with Listener(world.polling_account_feed(0, 1)) as polled:
            await eventually(lambda: polled.of(OrderLogs))
            await eventually(lambda: standing(account.logs) == polled.logs, 10)
            assert len(polled.logs) > 50
