"""Hummingbot's candles feed on a sandbox whose time the test owns."""
import logging
from unittest.mock import AsyncMock

import numpy as np
import pytest

from hummingbot.connector.exchange.standard import candles
from hummingbot.connector.exchange.standard.candles import FEEDS, StandardSandboxCandles
from hummingbot.connector.exchange.standard.candles_registration import register_candles
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, UnknownMarketError
from hummingbot.connector.exchange.standard.rest.models import parse_candle
from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig, HistoricalCandlesConfig
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, until

START = 1_758_000_000  # a full minute
MINUTE, DAY = 60, 86_400


class Exchange:
    """A sandbox in which the test decides when somebody trades, and a feed that shares its clock."""

    def __init__(self, sandbox: Sandbox, clock: ManualClock) -> None:
        self.sandbox, self.clock = sandbox, clock
        self.maker, self.taker = Trader(sandbox, 1), Trader(sandbox, 2)
        self.feeds: list[StandardSandboxCandles] = []

    def feed(self, interval: str = "1m", max_records: int = 5) -> StandardSandboxCandles:
        self.feeds.append(StandardSandboxCandles(TOKEN_PAIR, interval, max_records, clock=self.clock))
        return self.feeds[-1]

    async def ready(self) -> "Exchange":
        self.market = await self.feed()._market()
        await self.maker.approve(self.market)
        await self.taker.approve(self.market)
        return self

    async def trade(self, price: int, at: float) -> None:
        """One trade of 0.01 WBTC at a price in whole USDC and a time in seconds from the start, known to the API."""
        self.clock.now = START + at
        await self.trade_untold(price)
        head = self.sandbox.node.head.number
        await until(lambda: self.sandbox.indexer.head["number"] >= head)

    async def trade_untold(self, price: int) -> None:
        """One trade now that the API need not know of."""
        await self.maker.sell(self.market, price * 10 ** 8, 10 ** 6)
        await self.taker.buy(self.market, price * 10 ** 8, price * 10 ** 4, rests=False)

    async def polls(self, feed: StandardSandboxCandles, seconds: float) -> None:
        """Let a feed that is started look again and again for so long."""
        end, pause = self.clock.now + seconds, float(min(feed.interval_in_seconds / 12, 60))
        while self.clock.now < end:
            looks = self.clock.pauses.count(pause)
            await self.clock.advance(pause)
            await until(lambda looks=looks: self.clock.pauses.count(pause) > looks)


@pytest.fixture
async def exchange(monkeypatch):
    clock = ManualClock(START - 1)
    settings = SandboxSettings(port=0, mining=Mining.INSTANT, traders=TraderSettings(enabled=False))
    async with Sandbox(settings, clock) as sandbox:
        monkeypatch.setenv("STANDARD_SANDBOX_RPC_URL", sandbox.rpc_url)
        monkeypatch.setenv("STANDARD_SANDBOX_API_URL", sandbox.api_url)
        made = await Exchange(sandbox, clock).ready()
        yield made
        for feed in made.feeds:
            await feed.stop_network()
        await ConnectionsFactory().close()


def closes(feed):
    frame = feed.candles_df
    return list(zip((frame["timestamp"] - START).astype(int), frame["close"]))


async def test_minutes_without_a_trade_are_filled_and_the_feed_is_ready_when_it_is_full(exchange):
    feed = exchange.feed(max_records=5)
    await exchange.trade(60_010, at=5)
    await exchange.trade(60_020, at=50)
    await exchange.trade(60_030, at=3 * MINUTE)
    await feed.refresh()
    assert closes(feed) == [(0, 60_020), (60, 60_020), (120, 60_020), (180, 60_030)]
    assert not feed.ready
    exchange.clock.now = START + 4 * MINUTE
    await feed.refresh()
    assert feed.ready
    assert closes(feed)[-1] == (240, 60_030)
    assert list(feed.candles_df["volume"]) == pytest.approx([0.02, 0, 0, 0.01, 0], rel=1e-4)
    assert list(feed.candles_df["n_trades"]) == [2, 0, 0, 1, 0]
    assert feed.candles_df["high"][0] >= 60_020 and feed.candles_df["low"][0] <= 60_010


async def test_a_candle_goes_on_changing_and_the_oldest_gives_way(exchange):
    feed = exchange.feed(max_records=2)
    await exchange.trade(60_010, at=0)
    await exchange.trade(60_020, at=60)
    await feed.refresh()
    await exchange.trade(60_030, at=70)
    await feed.refresh()
    assert closes(feed) == [(0, 60_010), (60, 60_030)]
    await exchange.trade(60_040, at=125)
    await feed.refresh()
    assert closes(feed) == [(60, 60_030), (120, 60_040)]


async def test_history_is_read_page_by_page_and_only_what_is_new_later(exchange, monkeypatch):
    monkeypatch.setattr("hummingbot.connector.exchange.standard.standard_constants.PAGE_SIZE", 3)
    for minute in range(8):
        await exchange.trade(60_000 + minute, at=minute * MINUTE)
    feed = exchange.feed(max_records=7)
    asked = []
    get = feed._exchange().rest.get

    async def counted(path):
        asked.append(path)
        return await get(path)

    monkeypatch.setattr(feed._exchange().rest, "get", counted)
    await feed.refresh()
    assert closes(feed) == [(minute * MINUTE, 60_000 + minute) for minute in range(1, 8)]
    assert len([path for path in asked if "/ohlcv/" in path]) == 3
    asked.clear()
    await feed.refresh()
    assert len(asked) == 1


async def test_after_an_outage_nothing_is_missing(exchange, monkeypatch):
    monkeypatch.setattr("hummingbot.connector.exchange.standard.standard_constants.PAGE_SIZE", 3)
    feed = exchange.feed(max_records=20)
    await exchange.trade(60_000, at=0)
    await feed.refresh()
    for minute in range(1, 12):
        await exchange.trade(60_000 + minute, at=minute * MINUTE)
    await feed.refresh()
    assert closes(feed) == [(minute * MINUTE, 60_000 + minute) for minute in range(12)]


@pytest.mark.parametrize("interval", ["1h", "1d", "1w", "1M"])
async def test_the_longer_intervals_are_served_too(exchange, interval):
    feed = exchange.feed(interval, max_records=3)
    await exchange.trade(60_010, at=0)
    await exchange.trade(60_020, at=70 * DAY)
    await feed.refresh()
    assert feed.ready
    assert list(feed.candles_df["close"])[-1] == 60_020
    feed.check_candles_sorted_and_equidistant(np.array(feed._candles))
    assert feed.ready


async def test_historical_candles_are_those_of_the_wanted_time(exchange):
    for minute in (0, 2, 5):
        await exchange.trade(60_000 + minute, at=minute * MINUTE)
    exchange.clock.now = START + 10 * MINUTE
    frame = await exchange.feed().get_historical_candles(HistoricalCandlesConfig(
        connector_name="standard_sandbox", trading_pair=TOKEN_PAIR, interval="1m", start_time=START + MINUTE,
        end_time=START + 6 * MINUTE))
    assert list(frame["timestamp"] - START) == [60, 120, 180, 240, 300, 360]
    assert list(frame["close"]) == [60_000, 60_002, 60_002, 60_002, 60_005, 60_005]


async def test_a_long_history_is_fetched_piece_by_piece(exchange, monkeypatch):
    monkeypatch.setattr("hummingbot.connector.exchange.standard.candles.MAX_CANDLES_PER_FETCH", 3)
    for minute in (0, 1, 2, 7, 8, 9):
        await exchange.trade(60_000 + minute, at=minute * MINUTE)
    frame = await exchange.feed().get_historical_candles(HistoricalCandlesConfig(
        connector_name="standard_sandbox", trading_pair=TOKEN_PAIR, interval="1m", start_time=START - DAY,
        end_time=START + 9 * MINUTE))
    assert list(frame["timestamp"] - START) == [minute * MINUTE for minute in range(10)]
    assert list(frame["close"])[3:8] == [60_002] * 4 + [60_007]


async def test_fetching_by_a_limit_gives_so_many_up_to_the_end(exchange):
    for minute in range(6):
        await exchange.trade(60_000 + minute, at=minute * MINUTE)
    candles = await exchange.feed().fetch_candles(end_time=START + 4 * MINUTE, limit=2)
    assert list(candles[:, 0] - START) == [120, 180, 240]
    assert (await exchange.feed().fetch_candles(end_time=START - DAY, limit=2)).shape == (0, 10)
    with pytest.raises(ValueError):
        await exchange.feed().fetch_candles()


async def test_polling_survives_an_api_that_does_not_answer_and_says_so_once(exchange, caplog):
    await exchange.trade(60_000, at=0)
    feed = exchange.feed(max_records=1)
    rule = {"kind": "status", "status": 503, "target": "rest"}
    exchange.sandbox.faults.add(**rule)
    with caplog.at_level(logging.INFO):
        await feed.start_network()
        for polls in range(1, 4):
            await until(lambda polls=polls: exchange.clock.pauses.count(5.0) >= polls)
            if polls == 2:
                exchange.sandbox.faults.clear()
            await exchange.clock.advance(5)
        await until(lambda: feed.ready)
    told = [record.getMessage() for record in caplog.records if "candles" in record.name]
    assert len(told) == 2 and "not updated" in told[0] and "updated again" in told[1]
    assert exchange.clock.pauses.count(5.0) >= 3


@pytest.mark.parametrize(("interval", "longest"), [("1m", 120), ("1h", 600), ("1d", 600)])
async def test_candles_that_were_not_read_for_two_intervals_or_ten_minutes_are_none(exchange, interval, longest):
    feed = exchange.feed(interval, max_records=1)
    await exchange.trade(60_000, at=0)
    await feed.start_network()
    await until(lambda: feed.ready)
    exchange.sandbox.faults.add("status", target="rest", status=503)
    await exchange.polls(feed, longest)
    assert feed.ready and closes(feed)[-1][1] == 60_000
    await exchange.polls(feed, 1)
    assert not feed.ready and feed.candles_df.empty and not feed._ws_candle_available.is_set()
    exchange.sandbox.faults.clear()
    await exchange.polls(feed, 1)
    assert feed.ready and closes(feed)[-1][1] == 60_000


async def test_a_feed_that_nothing_drives_any_more_is_not_ready_for_long(exchange):
    feed = exchange.feed(max_records=1)
    await exchange.trade(60_000, at=0)
    await feed.refresh()
    exchange.clock.now += 2 * MINUTE + 1
    assert not feed.ready


async def test_there_are_no_candles_after_the_network_was_stopped(exchange):
    feed = exchange.feed(max_records=1)
    await exchange.trade(60_000, at=0)
    await feed.start_network()
    await until(lambda: feed.ready)
    await feed.stop_network()
    assert not feed.ready and feed.candles_df.empty and not feed._ws_candle_available.is_set()
    await feed.start_network()
    await until(lambda: feed.ready)


async def test_an_api_that_stands_still_while_the_price_moves_gives_no_invented_candles_for_long(exchange):
    feed = exchange.feed(max_records=1)
    await exchange.trade(60_000, at=0)
    await feed.refresh()
    exchange.sandbox.indexer.settings.paused = True
    await exchange.trade_untold(60_500)
    exchange.clock.now += 2 * MINUTE
    await feed.refresh()
    assert feed.ready  # any API is a little late
    exchange.clock.now += 1
    with pytest.raises(ApiUnavailableError, match="stands still: it has no candle of the last 61 s"):
        await feed.refresh()
    assert not feed.ready
    exchange.sandbox.indexer.settings.paused = False
    await exchange.trade(60_600, at=122)
    await feed.refresh()
    assert feed.ready and closes(feed) == [(120, 60_600)]


@pytest.mark.parametrize("told_by", ["candle", "pairs"])
async def test_a_market_in_which_nothing_happens_keeps_its_candles(exchange, told_by):
    feed = exchange.feed(max_records=1)
    await exchange.trade(60_000, at=0)
    await feed.refresh()
    if told_by == "pairs":  # a price that moves without a trade, of which an API has no candle
        candles = exchange.sandbox.indexer.pair_of(exchange.market.base.address, exchange.market.quote.address).candles["min"]
        candles.update({start: bucket._replace(close=59_000 * 10 ** 8) for start, bucket in candles.items()})
    for _ in range(4):
        exchange.clock.now += MINUTE
        await feed.refresh()
        assert feed.ready


async def test_a_feed_shares_the_connectors_access_to_the_exchange(exchange):
    connector = StandardExchange(domain="standard_sandbox", trading_required=False)
    feed = CandlesFactory.get_candle(CandlesConfig(connector="standard_sandbox", trading_pair=TOKEN_PAIR), connector)
    assert feed._exchange() is connector.venue
    assert await feed.check_network() is NetworkStatus.CONNECTED


async def test_what_is_no_connector_of_ours_gives_no_access(exchange):
    feed = exchange.feed()
    feed.attach_connector(object())
    assert feed.rest_url == exchange.sandbox.api_url and feed.health_check_url == f"{exchange.sandbox.api_url}/api/exchange"
    assert feed.candles_url == feed.rest_url + feed.candles_endpoint and feed.candles_max_result_per_rest_request > 100


async def test_a_market_that_never_traded_has_no_candles_and_the_feed_waits(exchange):
    feed = exchange.feed()
    await feed.refresh()
    assert len(feed._candles) == 0 and not feed._ws_candle_available.is_set()


async def test_candles_with_a_gap_are_dropped_and_read_again(exchange, caplog):
    feed = exchange.feed()
    for minute in range(3):
        await exchange.trade(60_000 + minute, MINUTE * minute)
    await feed.refresh()
    whole = np.array(feed._candles)
    feed.check_candles_sorted_and_equidistant(whole)
    feed.check_candles_sorted_and_equidistant(np.array([]))
    assert len(feed._candles) == len(whole) == 3 and "gaps" not in caplog.text
    feed.check_candles_sorted_and_equidistant(whole[[0, 2]])
    assert len(feed._candles) == 0 and "have gaps; they are read again" in caplog.text
    await feed.refresh()
    assert np.array_equal(np.array(feed._candles), whole)


async def test_fetching_from_a_time_by_a_limit_gives_so_many_from_there(exchange):
    for minute in range(4):
        await exchange.trade(60_000 + minute, MINUTE * minute)
    rows = await exchange.feed().fetch_candles(start_time=START + MINUTE, limit=1)
    assert [int(row[0]) for row in rows] == [START + MINUTE, START + 2 * MINUTE]
    with pytest.raises(ValueError, match="must be specified"):
        await exchange.feed().fetch_candles()


async def test_a_pair_that_is_not_listed_is_named_with_those_that_are(exchange):
    exchange.feeds.append(StandardSandboxCandles("NONE-USDC", "1m", 5, clock=exchange.clock))
    with pytest.raises(UnknownMarketError, match="lists no market NONE-USDC"):
        await exchange.feeds[-1].refresh()


def test_hummingbots_factory_knows_every_network():
    for name in ("standard", "standard_testnet", "standard_sandbox"):
        for connector in (name, f"{name}_paper_trade"):
            feed = CandlesFactory.get_candle(CandlesConfig(connector=connector, trading_pair="SOMI-USDC", interval="1h",
                                                           max_records=7))
            assert (feed.domain, feed.name, feed.max_records) == (name, f"{name}_SOMI-USDC", 7)


def test_an_interval_that_the_api_does_not_have_is_refused():
    with pytest.raises(RuntimeError):
        StandardSandboxCandles("SOMI-USDC", "3m")


def test_a_factory_of_another_shape_costs_the_candles_and_nothing_else(monkeypatch, caplog):
    monkeypatch.delattr(CandlesFactory, "_candles_map")
    register_candles()
    assert "gets no candles" in caplog.text
    monkeypatch.setattr(CandlesFactory, "_candles_map", {}, raising=False)
    register_candles()
    assert {feed.domain for feed in FEEDS} < set(CandlesFactory._candles_map)


async def test_a_node_that_tells_no_market_price_for_once_does_not_end_the_candles(exchange, monkeypatch):
    feed = exchange.feed(max_records=1)
    await exchange.trade(60_000, at=0)
    await feed.refresh()
    exchange.clock.now += MINUTE
    monkeypatch.setattr(feed._exchange().rpc, "eth_call", AsyncMock(return_value=b""))
    with pytest.raises(ApiUnavailableError, match="does not tell the market price"):
        await feed.refresh()
    monkeypatch.undo()
    await feed.refresh()
    assert feed.ready


async def test_one_row_of_the_far_future_does_not_cost_the_candles(monkeypatch) -> None:
    feed = StandardSandboxCandles(TOKEN_PAIR, "1m", 5, clock=ManualClock(START + 10 * MINUTE))
    row = {"open": 1, "high": 1, "low": 1, "close": 1}
    # parse_candle lets pass up to 2 ** 33, which is 114 million minutes from now; two years are enough to see.
    rows = [parse_candle(row | {"timestamp": start}) for start in (START, START + MINUTE, START + 2 * 365 * DAY)]
    made = []

    async def read_back(begin, before):
        return rows

    async def knows_the_price(close):
        return True

    monkeypatch.setattr(feed, "_read_back", read_back)
    monkeypatch.setattr(feed, "_knows_the_price", knows_the_price)
    without_gaps = candles.without_gaps
    monkeypatch.setattr(candles, "without_gaps", lambda *given: made.append(without_gaps(*given)) or made[-1])
    await feed.refresh()
    newest = feed.candles_df["timestamp"].max()
    assert len(made[0]) < 1_000 and newest <= START + 10 * MINUTE, (len(made[0]), newest - START)
