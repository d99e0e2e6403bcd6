"""Work that must not be left half done."""
import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from hummingbot.connector.exchange.standard.errors import StandardError


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do what must not be left half done: it goes on though whoever waits is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_tell_failure)
        raise


def _tell_failure(work: "asyncio.Future[None]") -> None:
    """Of work that nobody waits for any more. That the account is not running is no fault then."""
    error = None if work.cancelled() else work.exception()
    if error is not None and not isinstance(error, StandardError):
        logging.getLogger(__name__).error("What happened to own orders could not be told", exc_info=error)
