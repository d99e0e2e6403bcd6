"""Nodes that ask for fewer requests get them; transactions are handed to them all the same."""
from collections import Counter
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.intents import FOREVER
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RateLimitedError
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, successes
from test.hummingbot.connector.exchange.standard.chain.test_rpc import HASH, Host, client

SEND = "eth_sendRawTransaction"


def limited(pause: float | None = None) -> HttpAnswer:
    return HttpAnswer(429, {} if pause is None else {"retry-after": f"{pause:.0f}"}, b"")


@pytest.mark.parametrize(("wish", "pause"), [(None, 1.0), (7, 7.0), (60, 30.0)])
async def test_a_node_is_asked_nothing_for_as_long_as_it_wants_within_bounds(wish: float | None, pause: float) -> None:
    clock, host = FakeClock(), Host(eth_gasPrice="0x1")
    rpc = client(host, clock=clock)
    host.whole = limited(wish)
    assert rpc.rate_limit is None
    with pytest.raises(RateLimitedError):
        await rpc.gas_price()
    host.whole = None
    clock.now += pause - 0.5
    with pytest.raises(RateLimitedError, match=r"host0 asks for fewer requests; it is asked again in 0\.5 s") as raised:
        await rpc.gas_price()
    assert raised.value.retry_after == 0.5 and str(raised.value) == str(rpc.rate_limit) and len(host.posts) == 1
    clock.now += 0.5
    assert rpc.rate_limit is None and await rpc.gas_price() == 1 and len(host.posts) == 2


async def test_a_transaction_is_handed_to_a_node_that_asks_for_fewer_requests() -> None:
    host = Host(eth_gasPrice="0x1", eth_sendRawTransaction=HASH)
    rpc = client(host)
    host.whole = limited(60)
    with pytest.raises(RateLimitedError):
        await rpc.gas_price()
    with pytest.raises(RateLimitedError):
        await rpc.send_raw_transactions([b"\x02"])
    host.whole = None
    assert await rpc.send_raw_transactions([b"\x02"]) == [HASH] and len(host.posts) == 3
    with pytest.raises(RateLimitedError, match="asked again in"):
        await rpc.gas_price()


@pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber"])
async def test_a_node_may_ask_for_fewer_requests_when_it_is_asked_what_it_is(method: str) -> None:
    too_many = {"code": 429, "message": "Too Many Requests"}
    host = Host(**{"eth_chainId": "0x7", "eth_blockNumber": "0x9", method: too_many})
    with pytest.raises(RateLimitedError, match="host0 asks for fewer requests"):
        await client(host, chain_id=7).block_number()


async def test_a_node_that_asks_for_fewer_requests_is_not_asked_for_its_chain_again() -> None:
    clock, host = FakeClock(), Host(eth_gasPrice="0x1")
    rpc = client(host, clock=clock, chain_id=7)
    await rpc.gas_price()
    host.whole = limited()
    with pytest.raises(RateLimitedError):
        await rpc.gas_price()
    host.whole = None
    clock.now += 1.0
    await rpc.gas_price()
    assert len(host.posts) == 4, "its chain once, and three times the price"


async def test_of_two_nodes_the_one_that_asks_for_fewer_requests_is_left_alone_though_the_other_is_away() -> None:
    clock, first, second = FakeClock(), Host(eth_gasPrice="0x1"), Host(eth_gasPrice="0x2")
    rpc = client(first, second, clock=clock)
    first.whole = limited(60)
    assert await rpc.gas_price() == 2 and rpc.rate_limit is None
    first.whole, second.whole = None, ApiUnavailableError("host1 is away")
    with pytest.raises(ApiUnavailableError, match="host1 is away"):
        await rpc.gas_price()
    assert len(first.posts) == 1
    clock.now += 30.0
    assert await rpc.gas_price() == 1


async def test_while_a_node_asks_for_fewer_requests_a_cancel_is_tried_and_hardly_anything_asked(bench: Bench) -> None:
    bench.submit(intent(1))
    await bench.run(5.0, 1)
    asked = bench.node.request
    posts: list[bytes] = []

    async def refuse(method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        posts.append(body or b"")
        return limited(60)

    bench.node.request = refuse  # type: ignore[method-assign]
    cancel: dict[str, Any] = {"kind": "cancel", "patience": FOREVER, "repeatable": True}
    bench.submit(intent(2, **cancel))
    await bench.run(58.0)
    bench.submit(intent(3, **cancel))
    await bench.run(1.0)
    sent = [post for post in posts if SEND.encode() in post]
    assert len(sent) == 2 and len(posts) - len(sent) <= 4
    bench.node.request = asked  # type: ignore[method-assign]
    await bench.run(40.0, 3)
    assert successes(bench) == 3 and bench.mined_orders() == Counter({intent(number).data: 1 for number in (1, 2, 3)})


async def test_a_node_that_refuses_says_more_than_one_that_is_away() -> None:
    """It may mean what it was asked for: a shorter range of logs would do."""
    clock, first, second = FakeClock(), Host(eth_gasPrice="0x1"), Host(eth_gasPrice="0x1")
    rpc = client(first, second, clock=clock)
    second.whole = ApiUnavailableError("away")
    for _ in range(2):
        first.whole = limited()
        with pytest.raises(RateLimitedError):
            await rpc.gas_price()
        clock.now += 2
        first.whole = None
        assert await rpc.gas_price() == 1
    first.whole = second.whole
    with pytest.raises(ApiUnavailableError, match="away"):
        await rpc.gas_price()
