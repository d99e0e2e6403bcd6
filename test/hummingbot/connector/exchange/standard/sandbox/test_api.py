"""The REST API over an indexer filled by hand: every endpoint, and each shape that differs between accounts of it."""
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hummingbot.connector.exchange.standard.sandbox.api import Api, ExchangeInfo
from hummingbot.connector.exchange.standard.sandbox.api_rows import ApiSettings, BlocksShape, checksummed, rounded, scales
from hummingbot.connector.exchange.standard.sandbox.indexer import Indexer
from test.hummingbot.connector.exchange.standard.sandbox.hand_made_logs import (
    ALICE,
    BASE,
    BOB,
    BOOK,
    QUOTE,
    SOMI,
    USDC,
    block,
    canceled,
    matched,
    new_indexer,
    placed,
    price_moved,
)

PAIR = f"{BASE.address}/{QUOTE.address}"
START = 1_750_000_020
FACTORY = "0x" + "fa" * 20


class Service:
    """A served API; `get` gives the status and the parsed body."""

    def __init__(self, client: Any, indexer: Indexer, settings: ApiSettings) -> None:
        self._client = client
        self.indexer = indexer
        self.settings = settings

    async def answer(self, path: str) -> tuple[int, Any]:
        async with self._client.get(path) as response:
            assert response.content_type == "application/json"
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        status, body = await self.answer(path)
        assert status == 200, (path, body)
        return body


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Two bids of Alice, three asks of which one is partly and one wholly taken by Bob, one cancelled."""
    indexer, settings = new_indexer(), ApiSettings()
    indexer.add(block(1, placed(1, True, 64_900_000, 100 * USDC, rests=40_500_000), placed(2, True, 64_000_000, 10 * USDC),
                      placed(1, False, 65_412_847, 10 * SOMI), placed(2, False, 65_412_847, 5 * SOMI),
                      placed(3, False, 66_000_000, SOMI), price_moved(65_412_847), timestamp=START))
    indexer.add(block(2, matched(1, True, 65_412_847, 4 * SOMI, 2_616_513, clear=False, trade_id=1),
                      price_moved(65_412_847), timestamp=START + 60))
    indexer.add(block(3, matched(2, True, 65_412_847, 5 * SOMI, 3_270_642, clear=True, trade_id=2),
                      price_moved(65_412_847), canceled(3, False, SOMI), timestamp=START + 120))
    app = web.Application()
    Api(indexer, settings, ExchangeInfo(FACTORY), lambda: 3).mount(app)
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield Service(client, indexer, settings)


@pytest.mark.parametrize(("value", "shown"), [(127142635 / 1e8, 1.2714263), (65412847 / 1e8, 0.6541285), (0.0, 0.0),
                                              (1e22, 1e22), (100.0, 100.0), (1e300, 1e300), (-0.00055, -0.00055)])
def test_numbers_are_rounded_as_32_bit_floats(value: float, shown: float) -> None:
    assert rounded(value) == shown


def test_addresses_carry_their_checksum() -> None:
    assert checksummed("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed") == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize(("price", "steps"), [
    (151 * 10 ** 8, ["0.01", "0.1", "1", "10", "100", "1000"]), (120_000_000, ["0.0001", "0.001", "0.01", "0.1", "1", "10"]),
    (0, [])])
def test_scales_are_the_grouping_steps_of_a_price(price: int, steps: list[str]) -> None:
    assert scales(price) == steps


async def test_bid_ticks_are_in_quote_and_ask_ticks_in_base(service: Service) -> None:
    book = await service.get(f"/api/orderbook/ticks/{PAIR}/10")
    assert [(tick["price"], tick["amount"], tick["count"]) for tick in book["bids"]] == [(0.649, 40.5, 1), (0.64, 10.0, 1)]
    assert [(tick["price"], tick["amount"], tick["count"]) for tick in book["asks"]] == [(0.6541285, 6.0, 1)]
    assert book["mktPrice"] == 0.6541285 and book["spread"] == rounded(0.00512847)
    assert len((await service.get(f"/api/orderbook/ticks/{PAIR}/1"))["bids"]) == 1


async def test_blocks_group_orders_by_step_in_three_shapes(service: Service) -> None:
    path = f"/api/orderbook/blocks/{PAIR}/0.01/10/true"
    book = await service.get(path)
    assert [(bucket["price"], bucket["quoteLiquidity"]) for bucket in book["bids"]["buckets"]] == [("0.64", 50.5)]
    assert [(bucket["price"], bucket["baseLiquidity"]) for bucket in book["asks"]["buckets"]] == [("0.66", 6.0)]
    assert book["bids"]["side"] == "bid" and book["buyPercent"] + book["sellPercent"] == 100
    near = await service.get(f"/api/orderbook/blocks/{PAIR}/0.00000001/10/true")
    assert near["bids"]["buckets"] == []
    service.settings.blocks_shape = BlocksShape.FLAT
    assert (await service.get(path))["asks"][0]["price"] == "0.66"
    service.settings.blocks_shape = BlocksShape.TICKS
    assert (await service.get(path))["asks"][0]["price"] == 0.6541285


async def test_open_orders_show_deposit_and_rest_in_the_deposited_token(service: Service) -> None:
    body = await service.get(f"/api/orders/{checksummed(ALICE)}/10/1")
    rows = {(row["isBid"], row["orderId"]): row for row in body["orders"]}
    assert set(rows) == {(True, 1), (True, 2), (False, 1)}
    bid, ask = rows[True, 1], rows[False, 1]
    assert (bid["amount"], bid["placed"], bid["assetSymbol"], bid["asset"]["decimals"]) == (100.0, 40.5, "USDC", 6)
    assert (ask["amount"], ask["placed"], ask["assetSymbol"]) == (10.0, 6.0, "SOMI")
    assert bid["pair"] == checksummed(BOOK) and bid["pairSymbol"] == "SOMI/USDC" and bid["account"] == checksummed(ALICE)
    assert "id" not in bid and "orderbook" not in bid and "placedBN" not in bid
    service.settings.exact_amounts = True
    assert (await service.get(f"/api/orders/{ALICE}/1/1"))["orders"][0].keys() >= {"amountBN", "placedBN"}
    service.settings.documented_rows = True
    row = (await service.get(f"/api/orders/{ALICE}/1/1"))["orders"][0]
    assert row["orderbook"] == checksummed(BOOK) and row["pair"] == "SOMI/USDC" and "asset" not in row


async def test_histories_keep_closed_submissions_under_either_key(service: Service) -> None:
    histories = (await service.get(f"/api/orderhistory/{ALICE}/10/1"))["orderHistories"]
    rows = {(row["isBid"], row["orderId"]): row for row in histories}
    assert {key: row["closed"] for key, row in rows.items()} == {
        (True, 1): False, (True, 2): False, (False, 1): False, (False, 2): True, (False, 3): True}
    assert rows[False, 1]["priceBN"] == "65412847" and rows[False, 1]["price"] == 0.6541285
    service.settings.plural_history_keys = False
    assert len((await service.get(f"/api/orderhistory/{ALICE}/10/1"))["orderHistory"]) == 5
    assert len((await service.get(f"/api/tradehistory/{ALICE}/10/1"))["tradeHistory"]) == 2


async def test_trade_histories_show_each_account_its_own_side_and_the_makers_order(service: Service) -> None:
    newest, oldest = (await service.get(f"/api/tradehistory/{ALICE}/10/1"))["tradeHistories"]
    assert (newest["isBid"], newest["orderId"], newest["amount"], newest["assetSymbol"]) == (False, 2, 5.0, "SOMI")
    assert (oldest["baseAmount"], oldest["quoteAmount"], oldest["valueUSD"]) == (4.0, 2.616513, 2.616513)
    taker = (await service.get(f"/api/tradehistory/{BOB}/10/1"))["tradeHistories"][1]
    assert (taker["isBid"], taker["orderId"], taker["amount"], taker["assetSymbol"]) == (True, 1, 2.616513, "USDC")
    assert (taker["maker"], taker["taker"]) == (checksummed(ALICE), checksummed(BOB))


async def test_matches_of_one_submission_are_found_by_its_history_id(service: Service) -> None:
    body = await service.get(f"/api/matchhistory/{PAIR}/{BOB}/9/10/1")
    assert [row["orderId"] for row in body["matchHistories"]] == [2, 1]
    assert (await service.get(f"/api/matchhistory/{PAIR}/{ALICE}/9/10/1"))["totalCount"] == 0


async def test_trades_of_a_pair_are_served_under_both_paths_unless_one_is_switched_off(service: Service) -> None:
    paths = [f"/api/trades/pair/{PAIR}/1/1", f"/api/trades/{PAIR}/1/1"]
    for path in paths:
        body = await service.get(path)
        assert (body["totalCount"], body["totalPages"], body["pageSize"]) == (2, 2, 1)
        assert body["trades"][0]["orderId"] == 2 and body["trades"][0]["isBid"] is True
    service.settings.trades_pair_path, service.settings.trades_plain_path = False, True
    assert [(await service.answer(path))[0] for path in paths] == [404, 200]
    service.settings.trades_pair_path, service.settings.trades_plain_path = True, False
    assert [(await service.answer(path))[0] for path in paths] == [200, 404]
    assert (await service.get("/api/trades/latest"))["orderId"] == 2
    assert [row["orderId"] for row in (await service.get("/api/trades/5/1"))["trades"]] == [2, 1]


async def test_token_lists_are_wrapped_or_bare(service: Service) -> None:
    body = await service.get("/api/tokens/10/1")
    assert [row["symbol"] for row in body["tokens"]] == ["SOMI", "USDC"] and body["totalCount"] == 2
    assert body["tokens"][0]["id"] == checksummed(BASE.address) and body["tokens"][0]["priceUSD"] == 0.6541285
    service.settings.wrapped_tokens = False
    assert [row["symbol"] for row in await service.get("/api/tokens/10/1")] == ["SOMI", "USDC"]
    for kind in ("new", "top-gainer", "top-loser", "top-volume"):
        assert len(await service.get(f"/api/tokens/{kind}/10/1")) == 2
    one = await service.get(f"/api/token/{BASE.address}")
    assert one["token"]["symbol"] == "SOMI" and one["basePairs"][0]["base"] == checksummed(BASE.address)
    assert one["latestMinBucket"]["close"] == 0.6541285
    service.settings.wrapped_token = False
    assert (await service.get("/api/token/symbol/usdc"))["decimals"] == 6
    assert (await service.answer(f"/api/token/{BOB}")) == (404, {"error": "Token not found"})


async def test_pairs_carry_their_tokens_and_book(service: Service) -> None:
    (row,) = (await service.get("/api/pairs/10/1"))["pairs"]
    assert (row["id"], row["symbol"], row["bDecimal"], row["qDecimal"]) == (checksummed(BOOK), "SOMI/USDC", 18, 6)
    assert row["base"]["symbol"] == "SOMI" and row["tradesCount"] is None and "orderbook" not in row
    assert (row["dayBaseVolume"], row["dayQuoteTvl"]) == (9.0, 50.5)
    for path in (f"/api/pair/{PAIR}", "/api/pair/symbol/somi/usdc", "/api/pair/default"):
        assert (await service.get(path))["id"] == row["id"]
    sorted_lists = (f"/api/pairs/{kind}/10/1" for kind in ("new", "top-gainer", "top-loser", "top-volume"))
    for path in ("/api/basePairs/SOMI", *sorted_lists):
        assert len((await service.get(path))["pairs"]) == 1
    service.settings.documented_rows = True
    assert (await service.get(f"/api/pair/{PAIR}"))["orderbook"] == row["id"]


async def test_an_unknown_or_hidden_pair_is_not_found(service: Service) -> None:
    assert await service.answer(f"/api/pair/{QUOTE.address}/{BASE.address}") == (404, {"error": "Pair not found"})
    service.settings.not_found_status = 200
    service.indexer.hidden.add(BOOK)
    assert await service.answer(f"/api/orderbook/ticks/{PAIR}/10") == (200, {"error": "Pair not found"})
    assert (await service.get("/api/pairs/10/1"))["pairs"] == []
    assert (await service.get(f"/api/orders/{ALICE}/10/1"))["totalCount"] == 3


@pytest.mark.parametrize("path", [
    f"/api/orders/{ALICE}/0/1", f"/api/orders/{ALICE}/10/0", f"/api/orders/{ALICE}/ten/1", f"/api/orders/{ALICE}/1001/1",
    "/api/orders/0x12/10/1", f"/api/orderbook/ticks/{PAIR}/-1", f"/api/orderbook/blocks/{PAIR}/zero/10/true",
    f"/api/orderbook/blocks/{PAIR}/NaN/10/true", f"/api/orderbook/blocks/{PAIR}/0.01/10/maybe", f"/api/ohlcv/year/{PAIR}/10/1",
    f"/api/ohlcv/min/{PAIR}/before/soon/10/1", "/api/historical_trades?ticker_id=SOMI_USDC&type=both"])
async def test_bad_parameters_are_refused(service: Service, path: str) -> None:
    status, body = await service.answer(path)
    assert status == 400 and body["error"].startswith("Invalid")


async def test_pages_end_with_an_empty_one_and_their_size_may_be_a_text(service: Service) -> None:
    pages = [await service.get(f"/api/orders/{ALICE}/2/{number}") for number in (1, 2, 3)]
    assert [len(page["orders"]) for page in pages] == [2, 1, 0]
    assert all((page["totalCount"], page["totalPages"], page["pageSize"]) == (3, 2, 2) for page in pages)
    service.settings.page_size_as_string = True
    assert (await service.get(f"/api/orders/{ALICE}/2/1"))["pageSize"] == "2"


async def test_addresses_may_be_lower_case(service: Service) -> None:
    service.settings.checksummed_addresses = False
    assert (await service.get(f"/api/pair/{PAIR}"))["id"] == BOOK
    assert (await service.get("/api/exchange"))["deployer"] == FACTORY


async def test_candles_come_newest_first_before_and_after_a_time_and_all_at_once(service: Service) -> None:
    path = f"/api/ohlcv/min/{PAIR}"
    newest, middle, oldest = (await service.get(f"{path}/10/1"))["buckets"]
    assert [newest["timestamp"], middle["timestamp"], oldest["timestamp"]] == [START + 120, START + 60, START]
    assert (oldest["open"], oldest["close"], oldest["count"]) == (0.65, 0.6541285, 0)
    assert (middle["baseVolume"], middle["quoteVolume"], middle["count"], middle["baseVolumeUSD"]) == (
        4.0, 2.616513, 1, rounded(4 * 0.65412847))
    before = await service.get(f"{path}/before/{START + 60}/10/1")
    after = await service.get(f"{path}/after/{START + 60}/10/1")
    assert [row["timestamp"] for row in before["buckets"]] == [START]
    assert [row["timestamp"] for row in after["buckets"]] == [START + 120]
    total = await service.get(f"/api/ohlcv/total/{PAIR}/10/1")
    assert [total[f"pair{name}Buckets"]["totalCount"] for name in ("Min", "Hour", "Day", "Week", "Month")] == [3, 1, 1, 1, 1]
    token = await service.get(f"/api/token/hour/{BASE.address}/10/1")
    assert token["buckets"][0]["close"] == 0.6541285
    assert (await service.get(f"/api/token/hour/{QUOTE.address}/10/1"))["buckets"] == []


async def test_account_statistics_and_ranking(service: Service) -> None:
    account = await service.get(f"/api/account/{ALICE}")
    assert (account["totalOrders"], account["totalOrderHistory"], account["totalTradeHistory"]) == (3, 5, 2)
    assert account["tradedPairs"] == ["SOMI/USDC"] and account["totalVolumeUSD"] == rounded(5.887155)
    assert (await service.get(f"/api/account/{FACTORY}"))["totalOrders"] == 0
    assert (await service.get(f"/api/account/trader-status/{BOB}"))["volumeRatio"] == 50.0
    assert len((await service.get("/api/account/active-traders/10/1"))["accounts"]) == 2


async def test_tradingview_feed(service: Service) -> None:
    assert "60" in (await service.get("/api/tradingview/config"))["supported_resolutions"]
    query = f"/api/tradingview/history?symbol=SOMI/USDC&from={START - 600}&to={START + 600}"
    bars = await service.get(f"{query}&resolution=1")
    assert bars["s"] == "ok" and len(bars["t"]) == 3 and sum(bars["v"]) == 9.0
    wide = await service.get(f"{query}&resolution=5")
    assert len(wide["t"]) in (1, 2) and all(start % 300 == 0 for start in wide["t"]) and sum(wide["v"]) == 9.0
    assert (await service.answer("/api/tradingview/history?symbol=X/Y&resolution=1&from=1&to=2"))[0] == 422
    assert (await service.answer(f"{query}&resolution=7"))[0] == 422
    assert (await service.get("/api/tradingview/symbols?symbol=SOMI"))["pricescale"] == 100_000_000
    assert [row["symbol"] for row in await service.get("/api/tradingview/search?query=som")] == ["SOMI/USDC"]


async def test_coingecko_feed(service: Service) -> None:
    (ticker,) = await service.get("/api/tickers")
    assert (ticker["last_price"], ticker["bid"], ticker["ask"]) == ("0.65412847", "0.649", "0.65412847")
    for ticker_id in (ticker["ticker_id"], "SOMI_USDC"):
        book = await service.get(f"/api/orderbook?ticker_id={ticker_id}&depth=1")
        assert book["asks"] == [["0.65412847", "6.000000000000000000"]]
        assert book["bids"] == [["0.649", "62.403697000000000000"]] and book["timestamp"] == (START + 120) * 1000
    trades = await service.get("/api/historical_trades?ticker_id=SOMI_USDC&type=buy&limit=1")
    assert [(row["trade_id"], row["target_volume"]) for row in trades] == [(2, "3.270642")]
    assert await service.get("/api/historical_trades?ticker_id=SOMI_USDC&type=sell") == []


async def test_exchange_totals_and_socket_load(service: Service) -> None:
    exchange = await service.get("/api/exchange")
    assert (exchange["id"], exchange["totalDayBuckets"]) == ("standard-exchange", 1)
    (bucket,) = (await service.get("/api/exchange/status/day/10/1"))["buckets"]
    assert (bucket["totalGlobalTrades"], bucket["totalVolume"]) == (2, rounded(5.887155))
    assert await service.get("/api/websocket/saturated") == {"saturated": False, "totalConnectedClients": 3}
