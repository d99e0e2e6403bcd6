"""When the nodes of a chain are held to stand still."""
import logging

import pytest

from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS, STALL_SECONDS, HeadWatch
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.test_rpc import Host, client


async def ask(rpc: RpcClient, host: Host, clock: FakeClock, seconds: float, *numbers: int) -> float:
    """Ask for the newest block once in some seconds, while it is each of the numbers; how long it has stood still then."""
    for number in numbers:
        clock.now += seconds
        host.results["eth_blockNumber"] = hex(number)
        await rpc.block_number()
    return rpc.standstill


async def test_an_endpoint_that_stands_still_is_told_once_and_once_that_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    host, clock = Host(), FakeClock()
    rpc = client(host, clock=clock, steady_blocks=True)
    assert await ask(rpc, host, clock, 1.0, *range(100, 140)) == 0 and not caplog.records
    assert await ask(rpc, host, clock, 20.0, *[139] * 60) == 20 * 60
    assert await ask(rpc, host, clock, 1.0, 140, 141) == 0
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "The node host0 has told no new block for 40 s: until it does, no order is placed and no fill is told"),
        ("INFO", "The node host0 tells new blocks again")]


async def test_several_endpoints_that_stand_still_are_told_as_well(caplog: pytest.LogCaptureFixture) -> None:
    hosts, clock = (Host(), Host()), FakeClock()
    rpc = client(*hosts, clock=clock, steady_blocks=True)
    assert await ask(rpc, hosts[0], clock, 1.0, *[100] * 100) > STALL_SECONDS
    assert caplog.text.count("has told no new block for") == 1


async def test_a_chain_that_makes_blocks_for_transactions_only_never_stands_still(caplog: pytest.LogCaptureFixture) -> None:
    host, clock = Host(), FakeClock()
    rpc = client(host, clock=clock)
    assert await ask(rpc, host, clock, 10.0, *[100] * 100) == 0 and not caplog.records


async def test_nodes_behind_one_url_that_stand_still_at_different_blocks_are_one_that_does() -> None:
    host, clock = Host(), FakeClock()
    rpc = client(host, clock=clock, steady_blocks=True)
    assert await ask(rpc, host, clock, 1.0, *[100 + MAX_LAG_BLOCKS, 100] * 20) == 39


async def test_a_node_that_stands_still_far_below_the_others_does_not_hide_that_they_do(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    watch = HeadWatch(clock, is_steady=True)
    for number in (5_000, *[5_001] * 40):
        for host, told in (("a", number), ("b", 100), ("c", 5_000)):
            watch.told(told, host)
        clock.now += 1
    assert watch.standstill == 39 and len(caplog.records) == 1
    watch.told(101, "b")
    assert watch.standstill == 0, "one that comes back goes on, though another one had told too high a number"


async def test_one_number_that_is_too_high_makes_no_standstill() -> None:
    host, clock = Host(), FakeClock()
    rpc = client(host, clock=clock, steady_blocks=True)
    assert await ask(rpc, host, clock, 1.0, 9_000, *range(100, 200)) == 0


async def test_a_chain_that_is_begun_anew_goes_on() -> None:
    host, clock = Host(), FakeClock()
    rpc = client(host, clock=clock, steady_blocks=True)
    assert await ask(rpc, host, clock, 1.0, 9_000, 9_001, 0, 1, 2) == 0


async def test_a_time_in_which_nobody_asked_is_no_standstill() -> None:
    host, clock = Host(), FakeClock()
    rpc = client(host, clock=clock, steady_blocks=True)
    assert await ask(rpc, host, clock, 600.0, 100, 101, 102) == 0
    clock.now += 600.0
    assert rpc.standstill == 0
