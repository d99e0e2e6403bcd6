"""Typed calls of the REST API: discovery, books and public trades. Read-only, lagging, rounded; the chain is the truth."""
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.addresses import is_address, to_checksum
from hummingbot.connector.exchange.standard.chain.endpoints import host_of
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError, RateLimitedError
from hummingbot.connector.exchange.standard.rest.models import (
    CandleRow,
    OpenOrderRow,
    Page,
    PairRow,
    TradeRow,
    parse_candle,
    parse_json,
    parse_open_order,
    parse_page,
    parse_pair,
    parse_trade,
)
from hummingbot.connector.exchange.standard.transport import HttpTransport

MAX_PAGES = 50
# After an outage so many pages of trades are read at most.
MAX_TRADE_PAGES = 20
# After a "too many requests" an API is left alone, at first so long and twice as long each further time, in seconds; longer
# when it says so, within reason.
FIRST_PAUSE = 1.0
LAST_PAUSE = 60.0
LONGEST_WISH = 600.0
# After so many seconds an API that did not tell of which exchange it is, or told another one, is asked once more.
UNTOLD_SECONDS = 60.0
# An API whose trades are old is left for another one at most so often, in seconds: all of them may be behind.
LEAVE_SECONDS = 120.0


class _NotThereError(ApiUnavailableError):
    """HTTP 404: the API does not know what it is asked for."""


class _NoFactoryError(BadDataError):
    """The API does not name its factory."""


class RestClient:
    """The REST API of one network. Several base URLs may be given: one that fails, or is behind, is left for the next.

    Every call raises ApiUnavailableError, RateLimitedError or BadDataError (errors.py) and nothing else. An API that asks for
    fewer requests gets none for a while: calls raise RateLimitedError without asking it.
    """

    def __init__(self, transport: HttpTransport, urls: Sequence[str], timeout: float = CONSTANTS.REQUEST_TIMEOUT,
                 clock: Clock | None = None, chance: random.Random | None = None) -> None:
        """`timeout` is each request's deadline in seconds; `chance` spreads the pauses of many bots."""
        self._transport = transport
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()
        self._refusals = [0] * len(urls)  # in a row, by URL
        self._resume_at = [0.0] * len(urls)
        self._urls = [url.rstrip("/") for url in urls]
        self._current = 0
        self._timeout = timeout
        self._trades_path: str | None = None
        self.factory: str | None = None  # of the exchange, lower case, once it is known; each of several URLs must be about it
        self._factories: dict[int, str] = {}  # by URL, "" where it tells none
        self._ask_again: dict[int, float] = {}  # when, at the earliest
        self._leave_at = 0.0  # the earliest
        self.answers = 0  # how many requests were answered with what was asked for
        self._reported_rejections: set[str] = set()

    @property
    def url(self) -> str:
        """The base URL in use."""
        return self._urls[self._current]

    async def get(self, path: str) -> bytes:
        """The body of a successful answer, from the first of the base URLs that gives one. That there is no such thing is an
        answer, too: another API is asked for it no more than this one is left for it, unless it is an API of which nothing
        is known."""
        failure: ApiUnavailableError | None = None
        first = self._current
        for attempt in range(len(self._urls)):
            asked = (first + attempt) % len(self._urls)
            try:
                await self._refuse_another_exchange(asked)
                body = await self._get_once(path, asked)
            except ApiUnavailableError as error:
                if isinstance(error, _NotThereError) and path != CONSTANTS.EXCHANGE_PATH and await self._is_an_api(asked):
                    raise
                failure = failure or error
                continue
            if failure is not None and self._current == first:
                self._current = asked
                logging.getLogger(__name__).warning("Leaving the API at %s for %s: %s", host_of(self._urls[first]),
                                                    host_of(self.url), failure)
            return body
        assert failure is not None
        raise failure

    async def _refuse_another_exchange(self, url: int) -> None:
        """Raise ApiUnavailableError for one of several URLs that is about another exchange, or does not answer. One that does not
        tell is used, and a single one is not asked: their books are compared with the engine's (listing.py)."""
        if len(self._urls) == 1 or self.factory is None:
            return
        if self._factories.get(url) != self.factory and self._clock.monotonic() >= self._ask_again.get(url, 0.0):
            try:
                factory = _factory(await self._get_once(CONSTANTS.EXCHANGE_PATH, url))
            except (_NotThereError, _NoFactoryError):
                factory = self._factories.get(url, "")
            if factory not in ("", self.factory, self._factories.get(url)):
                logging.getLogger(__name__).warning("The API at %s is about another exchange, that of the factory %s: it is not "
                                                    "used", host_of(self._urls[url]), factory)
            self._factories[url] = factory
            self._ask_again[url] = self._clock.monotonic() + UNTOLD_SECONDS
        if self._factories[url] not in ("", self.factory):
            raise ApiUnavailableError(f"the API at {host_of(self._urls[url])} is about another exchange")

    async def _is_an_api(self, url: int) -> bool:
        """Whether one that does not know a thing is an API all the same. A host that lost it answers so to everything, also to
        what it is asked first; it is asked that again at most once a minute."""
        if self._factories.get(url) and self._clock.monotonic() >= self._ask_again.get(url, 0.0):
            self._ask_again[url] = self._clock.monotonic() + UNTOLD_SECONDS
            try:
                await self._get_once(CONSTANTS.EXCHANGE_PATH, url)
            except _NotThereError:
                self._factories[url] = ""
            except ApiUnavailableError as error:
                logging.getLogger(__name__).debug("It is not known now whether %s is an API: %s", host_of(self._urls[url]), error)
        return self._factories.get(url) != ""

    def leave(self, why: str) -> None:
        """What the API in use tells is old: another one is asked from now on, if there is one."""
        now = self._clock.monotonic()
        if len(self._urls) > 1 and now >= self._leave_at:
            self._leave_at = now + LEAVE_SECONDS
            left, self._current = self._current, (self._current + 1) % len(self._urls)
            logging.getLogger(__name__).warning("Leaving the API at %s for %s: %s", host_of(self._urls[left]), host_of(self.url),
                                                why)

    def doubt(self) -> None:
        """The API in use names books that are not the engine's: it may have moved on to another exchange, and is asked once
        more."""
        self._factories[self._current] = ""

    async def _get_once(self, path: str, asked: int) -> bytes:
        def begin() -> None:
            left = self._resume_at[asked] - self._clock.monotonic()
            if left > 0:
                raise RateLimitedError(f"GET {path}: rate limit exceeded; not asked again before {left:.0f} s", left)

        begin()
        answer = await self._transport.request("GET", self._urls[asked] + path, timeout=self._timeout, begin=begin)
        if answer.status == 200 and answer.body[:64].lstrip()[:1] not in (b"{", b"["):  # a page of a proxy, perhaps
            raise BadDataError(f"GET {path}: the answer of {host_of(self._urls[asked])} is no JSON, check the API URL: "
                               f"{answer.body[:80]!r}")
        if answer.status == 200:
            self.answers += 1
            self._refusals[asked] = 0
            return answer.body
        if answer.status in CONSTANTS.RATE_LIMIT_STATUSES:
            wish = answer.retry_after
            self._leave_alone(asked, wish)
            raise RateLimitedError(f"GET {path}: rate limit exceeded (HTTP {answer.status})", wish)
        failed = f"GET {path}: HTTP {answer.status} {answer.body[:80]!r}"
        if answer.status == 404 and path == CONSTANTS.EXCHANGE_PATH:
            failed += ": check the API URL"
        raise (_NotThereError if answer.status == 404 else ApiUnavailableError)(failed)

    def _leave_alone(self, url: int, wish: float | None) -> None:
        now, pause = self._clock.monotonic(), 0.0
        if now >= self._resume_at[url]:  # else it was under way already when another one was refused
            pause = min(LAST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._refusals[url], 10)) * (0.75 + self._chance.random() / 2)
            self._refusals[url] += 1
        self._resume_at[url] = max(self._resume_at[url], now + max(pause, min(wish or 0.0, LONGEST_WISH)))

    async def factory_address(self) -> str:
        """The order book factory that the API indexes, lower case; its engine is the exchange."""
        return _factory(await self.get(CONSTANTS.EXCHANGE_PATH))

    async def pairs(self) -> list[PairRow]:
        """All listed pairs, page by page."""
        return await self._all_pages(CONSTANTS.PAIRS_PATH, {}, ("pairs",), parse_pair)

    async def order_book(self, base: str, quote: str, limit: int = CONSTANTS.ORDER_BOOK_DEPTH) -> bytes:
        """The raw tick book of a pair (rest.models.parse_tick_book); raw, so that an unchanged one costs no parsing."""
        return await self.get(CONSTANTS.ORDER_BOOK_TICKS_PATH.format(
            base=to_checksum(base), quote=to_checksum(quote), limit=limit))

    async def trades(self, base: str, quote: str, size: int = CONSTANTS.TRADES_PAGE_SIZE,
                     is_enough: Callable[[Sequence[TradeRow]], bool] | None = None) -> list[TradeRow]:
        """The latest public trades of a pair, newest first, by pages of `size`: until `is_enough` of those read so far; without
        it one page, or two where the last page is short.

        Raises BadDataError, with the path, where the API does not tell them at all, or not the newest.
        """
        first = await self._trades_page(base, quote, size, 1)
        numbers, step = range(1, max(1, first.total_pages) + 1), 1
        pages = {1: first}
        # No source says in which order they come, so most rows of the first page tell where the newest are, since the time of one
        # may be wrong; where they are all of one second, those of the last page.
        is_rising = _is_rising([row.timestamp for row in first.rows])
        if first.rows and first.total_pages > 1 and is_rising is None:
            pages[first.total_pages] = last = await self._trades_page(base, quote, size, first.total_pages)
            is_rising = bool(last.rows) and first.rows[0].timestamp < last.rows[-1].timestamp
        if is_rising:
            numbers, step = numbers[::-1], -1
            if not first.is_counted and len(first.rows) + first.rejected >= size:
                raise BadDataError(f"GET {self._trades_path}: the oldest trades come first, and not how many pages there are")
        rows: list[TradeRow] = []
        for number in numbers[:MAX_TRADE_PAGES]:
            page = pages.get(number) or await self._trades_page(base, quote, size, number)
            rows += [row for row in page.rows[::step] if row.base_amount]  # dust may match for no base at all
            # Of the last page of a list whose oldest come first there may be a few rows only.
            if is_enough(rows) if is_enough is not None else step == 1 or len(rows) >= size:
                break
        return rows

    async def _trades_page(self, base: str, quote: str, size: int, number: int) -> Page:
        """A page of a pair's trades. Which of the two known paths works is found out once, and anew when it is not there any
        more: the other one is asked then, too."""
        failures: list[ApiUnavailableError] = []
        known = self._trades_path
        for path in sorted(CONSTANTS.PAIR_TRADES_PATHS, key=lambda path: path != known):
            asked = path.format(base=to_checksum(base), quote=to_checksum(quote), size=size, page=number)
            try:
                page = _trades(asked, await self.get(asked))
                self._report_rejected(path, page)
            except RateLimitedError:
                raise
            except ApiUnavailableError as error:
                failures.append(error)
                if path == known and not isinstance(error, _NotThereError):
                    break
            else:
                self._trades_path = path
                return page
        unclear = [failure for failure in failures if not isinstance(failure, _NotThereError)]
        if unclear:
            raise unclear[0]
        self._trades_path = None
        raise BadDataError(str(failures[0])) from failures[0]

    async def candles(self, interval: str, base: str, quote: str, size: int, before: int | None = None) -> list[CandleRow]:
        """The newest candles of a pair, oldest first: those that begin before a time (epoch seconds), or all.

        `interval` is min, hour, day, week or month, `size` at least 2. There is no candle for a time in which nothing
        happened.
        """
        path = CONSTANTS.CANDLES_PATH if before is None else CONSTANTS.CANDLES_BEFORE_PATH
        values = {"interval": interval, "base": to_checksum(base), "quote": to_checksum(quote), "before": before, "size": size}

        async def read(number: int) -> Page:
            return parse_page(await self.get(path.format(page=number, **values)), ("buckets",), parse_candle)

        page = await read(1)
        rows = page.rows
        # No source says in which order they come, so the rows tell on which page the newest are.
        if page.total_pages > 1 and _is_rising([row.start for row in rows]):
            rows = [*(await read(page.total_pages - 1)).rows, *(await read(page.total_pages)).rows]
        return sorted(rows)

    async def open_orders(self, account: str) -> list[OpenOrderRow]:
        """The orders of an account that the indexer believes open, page by page."""
        values = {"address": to_checksum(account)}
        return await self._all_pages(CONSTANTS.ACCOUNT_ORDERS_PATH, values, ("orders",), parse_open_order)

    def _report_rejected(self, path: str, page: Page) -> None:
        if page.rejected and path not in self._reported_rejections:
            self._reported_rejections.add(path)
            logging.getLogger(__name__).warning("The API lists %d malformed rows at %s; they are left out", page.rejected, path)

    async def _all_pages(self, path: str, values: dict[str, str], keys: Iterable[str], parse: Callable[[Any], Any]) -> list[Any]:
        rows: list[Any] = []
        for number in range(1, MAX_PAGES + 1):
            body = await self.get(path.format(size=CONSTANTS.PAGE_SIZE, page=number, **values))
            page = parse_page(body, keys, parse)
            rows += page.rows
            self._report_rejected(path, page)
            if number >= page.total_pages or not page.rows:
                break
        return rows


def _trades(path: str, body: bytes) -> Page:
    try:
        page = parse_page(body, ("trades",), parse_trade)
    except BadDataError as error:
        raise BadDataError(f"GET {path}: {error}") from error
    if page.rejected and not page.rows:
        raise BadDataError(f"GET {path}: none of {page.rejected} rows is a trade")
    return page


def _is_rising(times: Sequence[float]) -> bool | None:
    """Whether most of these times are later than those before them; None where all are the same."""
    steps = Counter(earlier < later for earlier, later in pairwise(times) if earlier != later)
    return steps[True] > steps[False] if steps else None


def _factory(body: bytes) -> str:
    answer = parse_json(body)
    deployer = answer.get("deployer") if isinstance(answer, dict) else None
    if not isinstance(deployer, str) or not is_address(deployer):
        raise _NoFactoryError("the API does not name its factory")
    return deployer.lower()
