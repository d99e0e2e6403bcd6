"""What all topics of the REST API share: parameters with their checks, pages, and errors that become answers."""
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from hummingbot.connector.exchange.standard.sandbox.api_rows import ApiSettings, Rows
from hummingbot.connector.exchange.standard.sandbox.indexer import Indexer
from hummingbot.connector.exchange.standard.sandbox.pair_index import INTERVALS, PairIndex

Handler = Callable[[web.Request], Any]
Route = tuple[str, Handler]

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Problem(Exception):
    """An answer that is an error; `body` is the whole JSON body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class Page(NamedTuple):
    """The page parameters of a list."""

    size: int
    number: int


class Topic:
    """One part of the API: its routes, and the helpers that they need."""

    def __init__(self, indexer: Indexer, rows: Rows, settings: ApiSettings) -> None:
        self.indexer = indexer
        self.rows = rows
        self.settings = settings

    def routes(self) -> Iterable[Route]:
        """Path patterns and what answers them. A handler returns the JSON body or raises Problem."""
        raise NotImplementedError

    def integer(self, request: web.Request, name: str, text: str | None = None) -> int:
        """A positive whole number among the path's parameters, or the given text."""
        text = request.match_info[name] if text is None else text
        if not text.isdecimal() or int(text) < 1:
            raise Problem(400, {"error": f"Invalid {name}"})
        return int(text)

    def page(self, request: web.Request, size_name: str = "pageSize") -> Page:
        """The page parameters, each at least 1, the size at most the service's maximum."""
        size = self.integer(request, size_name)
        if size > self.settings.max_page_size:
            raise Problem(400, {"error": f"Invalid {size_name}"})
        return Page(size, self.integer(request, "page"))

    def paged(self, key: str, rows: Sequence[Any], page: Page, write: Callable[[Any], Any]) -> dict[str, Any]:
        """One page of a list and the list's totals; an empty page after the last."""
        start = (page.number - 1) * page.size
        return {key: [write(row) for row in rows[start:start + page.size]], "totalCount": len(rows),
                "totalPages": -(-len(rows) // page.size),
                "pageSize": str(page.size) if self.settings.page_size_as_string else page.size}

    def address(self, request: web.Request, name: str = "address") -> str:
        """An address parameter in lower case; any case is accepted."""
        text = request.match_info[name]
        if not _ADDRESS.fullmatch(text):
            raise Problem(400, {"error": f"Invalid {name}"})
        return text.lower()

    def pair(self, request: web.Request) -> PairIndex:
        """The pair that the base and quote address parameters name."""
        pair = self.indexer.pair_of(self.address(request, "base"), self.address(request, "quote"))
        return self.found(pair)

    def found(self, pair: PairIndex | None) -> PairIndex:
        """The pair, or the answer for a pair that is not listed."""
        if pair is None:
            raise Problem(self.settings.not_found_status, {"error": "Pair not found"})
        return pair

    def interval(self, request: web.Request) -> str:
        """The candle interval parameter."""
        name = request.match_info["interval"]
        if name not in INTERVALS:
            raise Problem(400, {"error": "Invalid interval"})
        return name
