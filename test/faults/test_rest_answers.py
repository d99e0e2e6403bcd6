"""What a REST API does wrong (docs/faults.md, F33 to F37 and F41)."""
import random

import pytest

from hummingbot.connector.exchange.standard.errors import RateLimitedError
from hummingbot.connector.exchange.standard.rest.client import LAST_PAUSE, RestClient
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi

FIRST, SECOND = "https://first.test", "https://second.test"


async def asked_within(client: RestClient, api: FakeApi, clock: ManualClock, seconds: int) -> int:
    """How many requests leave when somebody wants an answer five times a second."""
    before = len(api.requested)
    for _ in range(5 * seconds):
        clock.now += 0.2
        try:
            await client.get("/api/exchange")
        except RateLimitedError:
            continue
    return len(api.requested) - before


@pytest.mark.parametrize("status", [427, 429])
async def test_f33_the_api_asks_for_fewer_requests(status: int) -> None:
    api, clock = FakeApi(), ManualClock()
    client = RestClient(api, [FIRST], clock=clock, chance=random.Random(1))
    api.answer("/api/exchange", b"", status=status)
    assert await asked_within(client, api, clock, 60) <= 8, "every pause is twice the one before"
    assert await asked_within(client, api, clock, 600) <= 16
    api.forget("/api/exchange")
    api.answer("/api/exchange", {})
    clock.now += LAST_PAUSE * 1.25
    assert await asked_within(client, api, clock, 10) == 50, "it recovers without being started again"


@pytest.mark.parametrize(("wish", "pause"), [("30", 30.0), ("100000", 600.0), ("soon", 1.25)])
async def test_f33_the_api_says_how_long_it_wants_to_be_left_alone(wish: str, pause: float) -> None:
    api, clock = FakeApi(), ManualClock()
    client = RestClient(api, [FIRST], clock=clock, chance=random.Random(1))
    api.answer("/api/exchange", b"", status=429, retry_after=wish)
    api.answer("/api/exchange", {})
    with pytest.raises(RateLimitedError):
        await client.get("/api/exchange")
    clock.now += pause - 0.6
    with pytest.raises(RateLimitedError, match="not asked again before"):
        await client.get("/api/exchange")
    assert len(api.requested) == 1
    clock.now += 0.7
    assert await client.get("/api/exchange") == b"{}"


async def test_f33_another_api_is_asked_meanwhile_and_pauses_differ_between_bots() -> None:
    api, clock = FakeApi(), ManualClock()
    client = RestClient(api, [FIRST, SECOND], clock=clock)
    api.answer(FIRST, b"", status=429)
    api.answer(SECOND, {})
    for _ in range(50):
        clock.now += 0.2
        assert await client.get("/api/exchange") == b"{}"
    assert len([url for url in api.requested if url.startswith(FIRST)]) == 1
    pauses = set()
    for seed in range(5):
        alone = RestClient(api, [FIRST], clock=clock, chance=random.Random(seed))
        with pytest.raises(RateLimitedError):
            await alone.get("/api/exchange")
        pauses.add(alone._resume_at[0] - clock.now)
    assert len(pauses) == 5 and all(0.75 <= pause <= 1.25 for pause in pauses)
