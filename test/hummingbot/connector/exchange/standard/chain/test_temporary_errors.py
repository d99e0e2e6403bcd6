"""Errors that say nothing about the bytes."""
from contextlib import suppress
from typing import Any

from hummingbot.connector.exchange.standard.errors import NotSentError
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent


async def test_a_temporary_error_of_a_gateway_does_not_prove_that_no_node_has_the_bytes(bench: Bench) -> None:
    """The node takes the transaction; the gateway before it says that something went wrong, and goes on saying it."""
    node = bench.node
    node.mining = False

    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and params[0] != "0x":
            with suppress(Fault):
                node.eth_sendRawTransaction(params[0])
            raise Fault("temporary internal error, please try again", -32603)
        return None

    node.before = before
    bench.submit(intent(1))
    await bench.run(70.0)
    told = bench.ends.get("order-1")
    node.mining = True
    await bench.run(20.0)
    assert not (isinstance(told, NotSentError) and bench.mined_orders()), told
