"""What is made of a node's URL, and which of several nodes is asked."""
import logging

import pytest

from hummingbot.connector.exchange.standard.chain.endpoints import TRIAL_SECONDS, Endpoint, EndpointPool, websocket_url
from test.hummingbot.connector.exchange.standard.clocks import ManualClock


@pytest.mark.parametrize(("rpc", "stream"), [
    ("https://api.infra.mainnet.somnia.network", "wss://api.infra.mainnet.somnia.network/ws"),
    ("https://node.test/", "wss://node.test/ws"),
    ("http://127.0.0.1:8745", "ws://127.0.0.1:8745/ws"),
    ("https://node.test/v2/key?x=1", "wss://node.test/v2/key/ws?x=1"),
    ("https://node.test/ws", "wss://node.test/ws"),
    ("wss://node.test/ws", "wss://node.test/ws"),
])
def test_the_websocket_of_a_node_is_beside_its_http_endpoint(rpc: str, stream: str) -> None:
    assert websocket_url(rpc) == stream


def two_nodes() -> tuple[ManualClock, EndpointPool, Endpoint, Endpoint]:
    clock = ManualClock()
    pool = EndpointPool(["https://first.test", "https://second.test"], clock, 100)
    return clock, pool, *pool.endpoints


def test_one_question_at_a_time_tries_a_node_that_had_failed() -> None:
    """It may be silent still, which every question that is put to it learns after seconds only."""
    clock, pool, first, second = two_nodes()
    pool.failed(first, "it was silent")
    pool.worked(second)
    clock.now += 61
    assert [pool.choices() for _ in range(3)] == [[first, second], [second, first], [second, first]]
    clock.now += TRIAL_SECONDS
    assert pool.choices() == [first, second], "nothing was heard of that question"
    pool.worked(first)
    assert [pool.choices() for _ in range(2)] == [[first, second]] * 2


def test_the_only_node_that_is_not_paused_is_asked_each_question() -> None:
    clock, pool, first, second = two_nodes()
    pool.failed(first, "it was silent")
    clock.now += 61
    pool.failed(second, "it was silent", 60.0)
    assert [pool.choices() for _ in range(2)] == [[first, second]] * 2


def test_a_node_that_still_lacks_what_it_lacked_is_left_for_twice_as_long() -> None:
    clock, pool, first, second = two_nodes()
    pauses = []
    for _ in range(3):
        assert pool.choices()[0] is first
        pool.left(first, "", "it has no logs")
        pool.worked(second, tells_history=True)
        pauses.append(first.left_until - clock.now)
        clock.now = first.left_until
    assert pauses == [60, 120, 240]


def test_a_late_answer_of_another_node_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """One question tries the first again while another one is on its way to the second."""
    caplog.set_level(logging.INFO)
    clock, pool, first, second = two_nodes()
    pool.failed(first, "it was silent")
    pool.worked(second)
    clock.now += 61
    pool.choices()
    for endpoint in (first, second, first):
        pool.worked(endpoint)
    assert pool.others == [second]
    assert [record.getMessage() for record in caplog.records] == [
        "The node first.test is left for second.test: it was silent", "The node first.test is asked again instead of second.test"]
