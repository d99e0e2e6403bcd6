"""Hummingbot's candles feed for Standard: read from the REST API again and again, since there is no stream of candles.

The API's candles are those of the engine's market price, which also moves without a trade (docs/protocol.md, "REST API").
"""
import logging
import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot.client.config.security import Security
from hummingbot.connector.exchange.standard.chain.abi import AbiError
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, StandardError
from hummingbot.connector.exchange.standard.feeds.candle_series import DAY, INTERVALS, Interval, without_gaps
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain
from hummingbot.connector.exchange.standard.network import resolve_network
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.rest.models import CandleRow
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.utils.async_utils import safe_ensure_future
from hummingbot.data_feed.candles_feed.candles_base import CandlesBase

Rows = npt.NDArray[np.float64]

MAX_CANDLES_PER_FETCH = 1000
# A minute's candle is read every five seconds, longer ones less often.
POLLS_PER_INTERVAL = 12
MAX_PAUSE = 60.0
# A late indexer may still change a candle that is over.
OVERLAP = 3
# Candles that could not be brought up to date for so many intervals, or so many seconds, are none to trade by.
STALE_INTERVALS = 2
STALE_SECONDS = 600.0
# The API's numbers are of single precision.
PRICE_TOLERANCE = 1e-6


class StandardCandles(CandlesBase):
    """Candles of one pair. Ready when it holds `max_records`, which a young market takes its time to have, and they are up to
    date. As in Hummingbot's other feeds there are none during an interruption.

    Subclasses name the domain. It shares a connector's access to the exchange where there is one, and has its own otherwise.
    """

    domain: ClassVar[str] = CONSTANTS.DEFAULT_DOMAIN

    def __init__(self, trading_pair: str, interval: str = "1m", max_records: int = 150, clock: Clock | None = None,
                 venue: Venue | None = None) -> None:
        """Raises RuntimeError for an interval that the API does not have. Nothing is asked of the exchange yet."""
        super().__init__(trading_pair, interval, max_records)
        self._clock: Clock = clock or SystemClock()
        self._venue = venue
        self._rows: dict[int, CandleRow] = {}
        self._failing = False
        self._up_to_date_at = -math.inf  # by the monotonic clock

    @classmethod
    def logger(cls) -> logging.Logger:
        return logging.getLogger(__name__)

    # What Hummingbot asks of every candles feed

    @property
    def name(self) -> str:
        return f"{self.domain}_{self._trading_pair}"

    @property
    def ready(self) -> bool:
        return bool(super().ready) and not self._stale()

    @property
    def rest_url(self) -> str:
        return self._exchange().rest.url

    @property
    def health_check_url(self) -> str:
        return self.rest_url + CONSTANTS.EXCHANGE_PATH

    @property
    def candles_url(self) -> str:
        return self.rest_url + self.candles_endpoint

    @property
    def candles_endpoint(self) -> str:
        return CONSTANTS.CANDLES_PATH

    @property
    def candles_max_result_per_rest_request(self) -> int:
        return MAX_CANDLES_PER_FETCH

    @property
    def rate_limits(self) -> list[RateLimit]:
        return CONSTANTS.RATE_LIMITS

    @property
    def intervals(self) -> Mapping[str, str]:
        return {name: interval.api_name for name, interval in INTERVALS.items()}

    def get_exchange_trading_pair(self, trading_pair: str) -> str:
        return trading_pair

    def attach_connector(self, connector: object) -> None:
        """Use the connector's access to the exchange: its throttler, its listing, its choice of servers."""
        venue = getattr(connector, "venue", None)
        if isinstance(venue, Venue):
            self._connector, self._venue = connector, venue

    async def check_network(self) -> NetworkStatus:
        await self._exchange().rest.get(CONSTANTS.EXCHANGE_PATH)
        return NetworkStatus.CONNECTED

    async def start_network(self) -> None:
        await self.stop_network()
        self._listen_candles_task = safe_ensure_future(self.listen_for_subscriptions())

    async def stop_network(self) -> None:
        await super().stop_network()
        self._reset_candles()

    def check_candles_sorted_and_equidistant(self, candles: Rows) -> None:
        """Begin anew when a candle does not follow the one before it; months are not equally long."""
        starts = [int(start) for start in candles[:, 0]] if len(candles) else []
        if any(self._interval.next(start) != later for start, later in pairwise(starts)):
            self.logger().warning(f"The candles of {self._trading_pair} have gaps; they are read again")
            self._rows.clear()
            self._reset_candles()

    async def fetch_candles(self, start_time: int | None = None, end_time: int | None = None, limit: int | None = None) -> Rows:
        """The candles that begin from `start_time` to `end_time` (epoch seconds), oldest first and without gaps.

        One of the times may be left out; then `limit` says how many. Of a longer time the last MAX_CANDLES_PER_FETCH are
        given. Raises StandardError when the API cannot be read.
        """
        count = min(limit or MAX_CANDLES_PER_FETCH, MAX_CANDLES_PER_FETCH)
        if start_time is None and end_time is None:
            raise ValueError("Either the start time or end time must be specified.")
        if end_time is None:
            end_time = int(start_time or 0) + self.interval_in_seconds * count
        end = min(int(end_time), int(self._clock.time()))
        begin = end - self.interval_in_seconds * (count if start_time is None else MAX_CANDLES_PER_FETCH)
        begin = max(begin, int(start_time or 0))
        rows = without_gaps(await self._read_back(begin, end + 1), self._interval, begin, end)
        return as_array([row for row in rows if row.start >= begin])

    # Polling

    async def listen_for_subscriptions(self) -> None:
        """Keep the candles up to date; never ends by itself."""
        while True:
            try:
                await self.refresh()
                if self._failing:
                    self._failing = False
                    self.logger().info(f"The candles of {self._trading_pair} are updated again")
            except StandardError as error:
                if self._stale():
                    self._reset_candles()
                if not self._failing:
                    self._failing = True
                    self.logger().warning(f"The candles of {self._trading_pair} are not updated: {error}")
            await self._clock.sleep(min(self.interval_in_seconds / POLLS_PER_INTERVAL, MAX_PAUSE))

    async def refresh(self) -> None:
        """Read what is new, and what is missing of the history. Raises StandardError when the API cannot be read, or when it
        has stood still for too long."""
        now = int(self._clock.time())
        oldest_wanted = now - self._longest_interval() * self.max_records
        newest = sorted(self._rows)[-OVERLAP:]
        rows = await self._read_back(newest[0] if newest else oldest_wanted, None)
        self._rows |= {row.start: row for row in rows if row.start <= now + self._longest_interval()}
        known = [self._rows[start] for start in sorted(self._rows)]
        await self._check_that_nothing_is_missing(known, now)
        candles = without_gaps(known, self._interval, oldest_wanted, now)[-self.max_records:]
        if candles and not newest and len(candles) < self.max_records:
            self.logger().info(f"{self._trading_pair} has {len(candles)} candles of {self.interval} so far; strategies wait "
                               f"until there are {self.max_records}")
        # Both without a pause in between, so that nobody sees half of them.
        self._candles.clear()
        self._candles.extend(as_array(candles))
        if candles:
            self._forget_before(candles[0].start)
            self._ws_candle_available.set()

    async def _check_that_nothing_is_missing(self, known: Sequence[CandleRow], now: int) -> None:
        """Where the API has no candle of the time since its newest one, either nothing happened or it stands still."""
        if not known or self._interval.next(known[-1].start) > now or await self._knows_the_price(known[-1].close):
            self._up_to_date_at = self._clock.monotonic()
        elif self._stale():
            raise ApiUnavailableError("the API stands still: it has no candle of the last "
                                      f"{now - self._interval.next(known[-1].start)} s, in which the market price moved")

    async def _knows_the_price(self, close: float) -> bool:
        """Whether the chain's market price is the API's, by its newest candle or by its list of pairs."""
        market = await self._market()
        book, lmp = market.book, BOOK_FUNCTIONS["lmp"]
        try:
            (price,) = lmp.decode_result(await self._exchange().rpc.eth_call(book, lmp.encode()))
        except AbiError as error:
            raise ApiUnavailableError(f"the node does not tell the market price: {error}") from error
        now = float(price_from_chain(price))
        if math.isclose(close, now, rel_tol=PRICE_TOLERANCE):
            return True
        # That candles follow the market price without a trade is no promise of the API's.
        return any(row.book == book and row.price is not None and math.isclose(row.price, now, rel_tol=PRICE_TOLERANCE)
                   for row in await self._exchange().rest.pairs())

    def _stale(self) -> bool:
        longest = min(STALE_INTERVALS * self._longest_interval(), STALE_SECONDS)
        return self._clock.monotonic() - self._up_to_date_at > longest

    def _forget_before(self, start: int) -> None:
        """Drop what is older, but for one: the first wanted candle may be a gap that it fills."""
        older = sorted(known for known in self._rows if known <= start)
        for known in older[:-1]:
            del self._rows[known]

    async def _read_back(self, begin: int, before: int | None) -> list[CandleRow]:
        """Rows page by page back in time, to the first that begins at `begin` or before it, or to the oldest there is."""
        market = await self._market()
        size = OVERLAP + 2 if before is None and self._rows else CONSTANTS.PAGE_SIZE
        found: list[CandleRow] = []
        while not found or found[0].start > begin:
            page = await self._exchange().rest.candles(self._interval.api_name, market.base.address, market.quote.address, size,
                                                       before)
            page = [row for row in page if before is None or row.start < before]
            if not page:
                break
            found = page + found
            before, size = page[0].start, CONSTANTS.PAGE_SIZE
        return found

    @property
    def _interval(self) -> Interval:
        return INTERVALS[self.interval]

    def _longest_interval(self) -> int:
        return self._interval.seconds or 31 * DAY

    # Access to the exchange

    async def _market(self) -> Market:
        venue = self._exchange()
        listing = await venue.listing()
        if self._trading_pair not in listing.by_pair:
            listing = await venue.refresh_listing()
        return listing.market(self._trading_pair)

    def _exchange(self) -> Venue:
        """The exchange; its servers are those that a connector of the same domain would use."""
        if self._venue is None:
            network = resolve_network(self.domain, {}, Security.decrypted_value(self.domain), os.environ)
            rest = RestClient(web_utils.WebAssistantTransport(self._api_factory, CONSTANTS.API_LIMIT_ID), network.api_urls)
            rpc = RpcClient(web_utils.WebAssistantTransport(self._api_factory, CONSTANTS.RPC_LIMIT_ID), network.rpc_urls,
                            self._clock, CONSTANTS.REQUEST_TIMEOUT, chain_id=network.chain_id)
            self._venue = Venue(network, rest, rpc)
        return self._venue


class StandardTestnetCandles(StandardCandles):
    """Candles of the testnet."""

    domain = CONSTANTS.TESTNET_DOMAIN


class StandardSandboxCandles(StandardCandles):
    """Candles of the local sandbox."""

    domain = CONSTANTS.SANDBOX_DOMAIN


FEEDS: tuple[type[StandardCandles], ...] = (StandardCandles, StandardTestnetCandles, StandardSandboxCandles)


def as_array(rows: Sequence[CandleRow]) -> Rows:
    """Candles in Hummingbot's columns; what takers bought is not told by the API and is 0."""
    return np.array([(*row, 0.0, 0.0) for row in rows], dtype=float).reshape(-1, len(CandlesBase.columns))
