"""URLs, throttling and HTTP by Hummingbot's web assistants."""
import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.endpoints import shown_error
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.stream_connection import StreamingAssistantsFactory
from hummingbot.connector.exchange.standard.transport import HttpAnswer, nothing
from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.web_assistant.auth import AuthBase
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTRequest
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory


def public_rest_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """The URL of a REST path at the domain's first default endpoint."""
    return CONSTANTS.NETWORKS[domain].api_urls[0] + path_url


def private_rest_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """The same as the public one: the API has no private part, the chain has."""
    return public_rest_url(path_url, domain)


def create_throttler() -> AsyncThrottler:
    """A throttler with the connector's limits."""
    return AsyncThrottler(CONSTANTS.RATE_LIMITS)


def build_api_factory(throttler: AsyncThrottler | None = None, auth: AuthBase | None = None,
                      **_: Any) -> WebAssistantsFactory:
    """Hummingbot's factory of web assistants; nothing here needs a time synchroniser."""
    return StreamingAssistantsFactory(throttler=throttler or create_throttler(), auth=auth)


async def get_current_server_time(throttler: AsyncThrottler | None = None, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> float:
    """Local time in milliseconds: the exchange has no clock to synchronise with and signs nothing by time."""
    return time.time() * 1e3


class _Request(RESTRequest):
    """A request that is nobody else's. Hummingbot copies each in depth, in case that it is changed on its way."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Request":
        return self


class WebAssistantTransport:
    """HttpTransport over Hummingbot's REST assistants, so that connections and rate limits are shared with them."""

    def __init__(self, factory: WebAssistantsFactory, limit_id: str) -> None:
        self._factory = factory
        self._limit_id = limit_id

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float,
                      begin: Callable[[], None] = nothing) -> HttpAnswer:
        """See HttpTransport.request. Waiting for the throttler does not count against the deadline."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = _Request(method=RESTMethod[method], url=url, data=body, headers=headers)
        assistant = await self._factory.get_rest_assistant()
        try:
            async with self._factory.throttler.execute_task(limit_id=self._limit_id):
                begin()
                async with asyncio.timeout(timeout):
                    response = await assistant.call(request)
                    return HttpAnswer(response.status, {name.lower(): value for name, value in response.headers.items()},
                                      await _read(response._aiohttp_response))
        except TimeoutError:
            raise ApiUnavailableError(f"{_server(url)} gave no answer within {timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise ApiUnavailableError(f"{_server(url)} cannot be reached: check this URL in the connector's settings, and that "
                                      f"its server runs ({error.strerror or type(error).__name__}).") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ApiUnavailableError(f"{_server(url)} did not answer: {shown_error(error)}") from None


def _server(url: str) -> str:
    """Scheme, host and port: a path or a query may hold an access key, which belongs in no message."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, or an error once it is longer than the connector accepts."""
    complete = False
    try:
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > CONSTANTS.MAX_ANSWER_BYTES:
                raise ApiUnavailableError(f"the answer is longer than {CONSTANTS.MAX_ANSWER_BYTES} bytes")
        complete = True
        return b"".join(chunks)
    finally:
        if complete:
            response.release()
        else:
            response.close()
