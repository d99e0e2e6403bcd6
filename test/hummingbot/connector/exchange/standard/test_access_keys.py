"""An access key in a URL reaches no log: Hummingbot logs errors with their causes."""
import ast
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.chain.ws import WsRpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.feeds.session import StreamSession
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from .source_tree import Source, sources

KEY = "c0ffeec0ffee"


async def request(factory: WebAssistantsFactory, url: str) -> None:
    await web_utils.WebAssistantTransport(factory, CONSTANTS.RPC_LIMIT_ID).request("GET", url, timeout=3)


async def open_node_stream(factory: WebAssistantsFactory, url: str) -> None:
    client = WsRpcClient(await factory.get_ws_assistant(), url, SystemClock(), 3.0)
    try:
        await client.open()
    finally:
        await client.close()


async def open_stream(factory: WebAssistantsFactory, url: str) -> None:
    async def nothing() -> None:
        return None

    await StreamSession(factory, url, lambda data: [], lambda news: None, lambda quiet: None, SystemClock()).run(nothing)


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async def elsewhere(incoming: web.Request) -> web.Response:
        raise web.HTTPFound(incoming.path_qs)

    async def nowhere(incoming: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://127.0.0.1:1{incoming.path_qs}")

    async def astray(incoming: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:99999{incoming.path_qs}"})

    app = web.Application()
    app.add_routes([web.get(f"/{name}/{KEY}", handle)
                    for name, handle in (("elsewhere", elsewhere), ("nowhere", nowhere), ("astray", astray))])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


PLACES = ["host.test:99999", "host.test:84x", "127.0.0.1:1", "SERVER/elsewhere", "SERVER/nowhere", "SERVER/astray"]


@pytest.mark.parametrize(("scheme", "connect", "place"), [
    *[(*way, place) for place in PLACES for way in (("http", request), ("ws", open_node_stream), ("ws", open_stream))],
    # To a request any status is an answer.
    ("ws", open_node_stream, "SERVER/refused"), ("ws", open_stream, "SERVER/refused")])
async def test_nothing_that_is_logged_of_a_failed_connection_has_the_key(
        server: str, scheme: str, connect: Callable[[WebAssistantsFactory, str], Awaitable[None]], place: str) -> None:
    factory = web_utils.build_api_factory()
    try:
        with pytest.raises(ApiUnavailableError) as caught:
            await connect(factory, f"{scheme}://{place.replace('SERVER', server)}/{KEY}?key={KEY}")
    finally:
        await factory.close()
    told = "".join(traceback.format_exception(caught.value))
    assert "host.test" in told or "127.0.0.1" in told
    assert KEY not in told


def showing_causes(source: Source) -> list[str]:
    """Where an error of aiohttp is turned into another one that has it as its cause."""
    return [f"{source.name}:{node.lineno}" for handler in ast.walk(source.tree)
            if isinstance(handler, ast.ExceptHandler) and handler.type is not None and "aiohttp" in ast.unparse(handler.type)
            for node in ast.walk(handler) if isinstance(node, ast.Raise) and node.exc is not None
            and not (isinstance(node.cause, ast.Constant) and node.cause.value is None)]


def test_no_error_has_one_of_aiohttp_as_its_cause() -> None:
    assert [place for source in sources() if not source.name.startswith("sandbox/") for place in showing_causes(source)] == []
    example = "try:\n    connect()\nexcept (aiohttp.ClientError, OSError) as error:\n    raise OurError('away') from {}\n"
    assert [showing_causes(Source("example.py", example.format(cause))) for cause in ("error", None)] == [["example.py:4"], []]
