"""What is made of a node's URL."""
import pytest

from hummingbot.connector.exchange.standard.chain.endpoints import websocket_url


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
