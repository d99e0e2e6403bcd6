"""HTTP over Hummingbot's web assistants: whole answers within a deadline and a size, one kind of error for everything else."""
import asyncio
import json

import pytest
from aiohttp import web

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory


async def echo(request):
    seen = {"method": request.method, "body": await request.text(), "type": request.headers.get("Content-Type")}
    return web.json_response(seen, headers={"Retry-After": "3"})


async def failing(request):
    return web.Response(status=int(request.match_info["status"]), text="sorry")


async def silent(request):
    await asyncio.sleep(30)


async def dripping(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"x")
        await asyncio.sleep(0.05)
    return response


async def endless(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(1000):
        await response.write(b"x" * 1000)
    return response


async def breaking(request):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"half")
    request.transport.abort()
    return response


async def elsewhere(request):
    raise web.HTTPFound(request.path_qs)


@pytest.fixture
async def url():
    app = web.Application()
    app.add_routes([web.get("/echo", echo), web.post("/echo", echo), web.get("/status/{status}", failing),
                    web.get("/silent", silent), web.get("/dripping", dripping), web.get("/endless", endless),
                    web.get("/breaking", breaking), web.get("/elsewhere", elsewhere)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await ConnectionsFactory().close()
    await runner.cleanup()


@pytest.fixture
def transport():
    return web_utils.WebAssistantTransport(web_utils.build_api_factory(), CONSTANTS.RPC_LIMIT_ID)


def test_urls_are_those_of_the_domain():
    for domain, network in CONSTANTS.NETWORKS.items():
        assert web_utils.public_rest_url("/api/exchange", domain) == network.api_urls[0] + "/api/exchange"
        assert web_utils.private_rest_url("/api/exchange", domain) == network.api_urls[0] + "/api/exchange"


def test_throttler_knows_the_limits_of_api_and_node():
    throttler = web_utils.create_throttler()
    for limit in CONSTANTS.RATE_LIMITS:
        assert throttler.get_related_limits(limit.limit_id)[0].limit == limit.limit


def test_factory_keeps_the_throttler_it_is_given():
    throttler = web_utils.create_throttler()
    assert web_utils.build_api_factory(throttler).throttler is throttler


async def test_server_time_is_a_time_in_milliseconds():
    assert await web_utils.get_current_server_time(web_utils.create_throttler(), "standard_testnet") > 1.7e12


async def test_get_has_no_body_and_post_carries_json_as_it_is(transport, url):
    answer = await transport.request("GET", url + "/echo", timeout=5)
    assert answer.status == 200 and json.loads(answer.body)["method"] == "GET"
    answer = await transport.request("POST", url + "/echo", body=b'[{"id": 1}]', timeout=5)
    assert json.loads(answer.body) == {"method": "POST", "body": '[{"id": 1}]', "type": "application/json"}
    assert answer.headers["retry-after"] == "3"


async def test_a_request_whose_turn_has_come_may_still_be_given_up(url):
    throttler = web_utils.create_throttler()
    transport = web_utils.WebAssistantTransport(web_utils.build_api_factory(throttler), CONSTANTS.RPC_LIMIT_ID)
    passed = []

    def refuse():
        passed.append(len(throttler._task_logs))
        raise ApiUnavailableError("not any more")

    with pytest.raises(ApiUnavailableError, match="not any more"):
        await transport.request("GET", url + "/echo", timeout=5, begin=refuse)
    assert passed == [1], "the throttler had let it pass"


@pytest.mark.parametrize("status", [400, 404, 427, 429, 500, 502])
async def test_any_status_is_an_answer(transport, url, status):
    answer = await transport.request("GET", f"{url}/status/{status}", timeout=5)
    assert (answer.status, answer.body) == (status, b"sorry")


@pytest.mark.parametrize("path", ["/silent", "/dripping"])
async def test_deadline_is_for_the_whole_answer(transport, url, path):
    with pytest.raises(ApiUnavailableError, match=r"no answer within 0\.2 s"):
        await transport.request("GET", url + path, timeout=0.2)


async def test_answer_that_is_too_long_is_cut_off(transport, url, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "MAX_ANSWER_BYTES", 10_000)
    with pytest.raises(ApiUnavailableError, match="longer than 10000 bytes"):
        await transport.request("GET", url + "/endless", timeout=5)
    assert (await transport.request("GET", url + "/echo", timeout=5)).status == 200


@pytest.mark.parametrize("path", ["/breaking"])
async def test_lost_connection_is_unavailable(transport, url, path):
    with pytest.raises(ApiUnavailableError):
        await transport.request("GET", url + path, timeout=5)


async def test_server_that_is_not_there_is_unavailable(transport, url, unused_tcp_port_factory):
    with pytest.raises(ApiUnavailableError):
        await transport.request("GET", f"http://127.0.0.1:{unused_tcp_port_factory()}/", timeout=5)


async def test_cancelling_the_caller_cancels_the_request(transport, url):
    task = asyncio.create_task(transport.request("GET", url + "/silent", timeout=5))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_error_names_more_of_a_url_than_its_server(transport, url):
    with pytest.raises(ApiUnavailableError) as error:
        await transport.request("GET", url + "/elsewhere?key=SECRET", timeout=5)
    assert url in str(error.value) and "SECRET" not in str(error.value)
