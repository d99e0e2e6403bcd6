"""Frames of the dialect `spot_streams` in every layout: dispatched by name and length, rounded, never money."""
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    Answered,
    BookContent,
    Hint,
    Ping,
    Refused,
    Told,
    TradesContent,
)
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import (
    SpotAccountDialect,
    SpotStreamsDialect,
    finest_step,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.rest.client import RestClient
from test.hummingbot.connector.exchange.standard.chain.fake_blocks import Blocks
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.feeds.protocols.mutations import mutated

HERE = Path(__file__).parent
FRAMES: dict[str, dict[str, Any]] = {layout: json.loads((HERE / "frames" / f"spot_{layout}.json").read_text())
                                     for layout in ("docs", "sdk", "iter")}
NAMED = [(layout, name) for layout, frames in FRAMES.items() for name in frames if name.startswith(("spot", "delete"))]
ACCOUNT_FRAMES = [(layout, name) for layout, name in NAMED if not name.startswith(("spotOrderBlock", "spotBar"))]


def frames_of(data: Any) -> list[Any]:
    return data["d"] if isinstance(data, dict) else [data]


def trade_frame(layout: str) -> tuple[Any, list[Any]]:
    name = next(name for name in FRAMES[layout] if name.startswith("spotTrade"))
    return FRAMES[layout][name], frames_of(FRAMES[layout][name])[0]


def book_of(frame: list[Any]) -> str:
    return str(frame[6 if len(frame) == 21 else 9]).lower()


BASE, QUOTE = Token("0x" + "50" * 20, "SOMI", 18), Token("0x" + "dc" * 20, "USDC", 6)


async def dialect(book: str = "0x" + "b0" * 20, price: float | None = 0.65) -> SpotStreamsDialect:
    """A dialect that has asked for the market's price."""
    market = Market(BASE, QUOTE, book)
    api = FakeApi()
    tokens = [{"id": token.address, "symbol": token.symbol, "decimals": token.decimals} for token in (BASE, QUOTE)]
    other = {"id": "0x" + "0b" * 20, "base": tokens[1], "quote": tokens[0]}
    api.answer("/api/pairs", {"pairs": [other, {"id": to_checksum(book), "base": tokens[0], "quote": tokens[1]}]})
    api.answer("/api/orderbook/ticks", {"mktPrice": price, "bids": [], "asks": []})
    api.answer("/api/orderbook/blocks", {"bids": {"buckets": [{"price": "0.65", "baseLiquidity": 2, "quoteLiquidity": 1.3}]},
                                         "asks": [{"price": 0.66, "baseLiquidity": 1.5, "quoteLiquidity": 1},
                                                  {"price": 0.67, "baseLiquidity": 0, "quoteLiquidity": 0}]})
    made = SpotStreamsDialect(RestClient(api, ["https://api.test"]), BlockPace(Blocks(0.1)), market)
    await made.prepare(market)
    return made


@pytest.mark.parametrize("layout", FRAMES)
async def test_a_level_has_its_new_absolute_amount(layout: str) -> None:
    made = await dialect()
    frame = ["spotOrderBlock", True, 0.65, 4.0, 2.6, "0.00001", 1760000000] + ([] if layout == "docs" else ["eid"])
    wrapped = {"t": "x", "ps": 3, "s": 4, "d": [frame, ["spotOrderBlock", False, 0.66, 0.0, 0.0, "0.00001", 1760000000]]}
    if layout == "iter":
        (told,) = made.decode(wrapped)
        assert (told.previous, told.sequence) == (3, 4)
        assert told.content == BookContent(False, [(0.65, 4.0)], [(0.66, 0.0)], None)
    else:
        (told,) = made.decode(frame)
        assert told == Told("orderbook:" + "0x" + "b0" * 20, None, None, BookContent(False, [(0.65, 4.0)], [], None))


@pytest.mark.parametrize("layout", FRAMES)
async def test_a_trade_of_nothing_is_no_trade_and_no_mistake(layout: str) -> None:
    data = deepcopy(trade_frame(layout)[0])
    frame = frames_of(data)[0]
    made = await dialect(book_of(frame))
    frame[{21: 15, 29: 18}[len(frame)]] = 0
    (told,) = made.decode(data)
    assert isinstance(told.content, TradesContent) and told.content.trades == []


@pytest.mark.parametrize("layout", FRAMES)
async def test_a_trade_is_read_from_where_its_layout_has_it(layout: str) -> None:
    data, frame = trade_frame(layout)
    made = await dialect(book_of(frame))
    (told,) = made.decode(data)
    assert isinstance(told.content, TradesContent)
    (trade,) = told.content.trades
    at = {21: (1, 9, 15, 17, 20), 29: (2, 12, 18, 22, 27)}[len(frame)]
    order_id, price, base, timestamp, transaction = (frame[place] for place in at)
    assert (trade.price, trade.amount, trade.timestamp) == (price, base, timestamp)
    assert trade.trade_id == f"{transaction}:{order_id}:{trade.is_buy}"
    assert (await dialect()).decode(data) == []


async def test_a_snapshot_object_is_the_whole_book() -> None:
    (told,) = (await dialect()).decode(FRAMES["iter"]["snapshot"])
    assert told.content.is_whole and len(told.content.bids) == 2 and told.previous is None
    assert told.sequence == FRAMES["iter"]["snapshot"]["s"]


async def test_prices_are_rounded_to_the_step_so_that_a_level_has_one_name() -> None:
    made = await dialect()
    (first,) = made.decode(["spotOrderBlock", True, 0.650000036, 4.0, 2.6, "0.00001", 1])
    (second,) = made.decode(["spotOrderBlock", True, "0.65", 4.0, 2.6, "0.00001", 1])
    assert first == second


async def test_the_step_is_the_finest_that_the_api_offers() -> None:
    assert [finest_step(price) for price in (0.65, 1.2, 151, 60_000, 1e-5)] == [-5, -4, -2, 0, -6]
    for price, step in ((0.65, "0.00001"), (60_000.0, "1"), (151.0, "0.01")):
        made = await dialect(price=price)
        book = made.subscriptions(Market(BASE, QUOTE, "0x" + "b0" * 20))["orderbook:0x" + "b0" * 20]
        assert book == {"method": "spot.orderbook.subscribe.pairs", "params": {"books": [{"pair": "SOMI/USDC", "step": step}]}}


@pytest.mark.parametrize("price", [0.01, 0.65, 1.05, 9.99, 60_000.0])
async def test_groups_of_at_most_a_ten_thousandth_of_the_price_pass_for_levels(price: float) -> None:
    await dialect(price=price)


@pytest.mark.parametrize("price", [0.0099, 5e-5, 1e-8])
async def test_coarser_groups_are_no_book(price: float) -> None:
    with pytest.raises(ApiUnavailableError, match="groups the prices of SOMI-USDC too coarsely"):
        await dialect(price=price)


@pytest.mark.parametrize(("bid", "groups", "is_told"), [
    (0.6499, [], False), (0.6499, [{"price": "0.64", "baseLiquidity": 1, "quoteLiquidity": 0.64}], True),
    (0.1, [], True), (None, [], True)])
async def test_an_api_that_groups_nothing_by_the_step_has_no_book_to_begin_with(bid: float | None, groups: list[Any],
                                                                                is_told: bool) -> None:
    """Of a level that is far from the market price, or none, there are no groups."""
    made, api, market = await dialect(), FakeApi(), Market(BASE, QUOTE, "0x" + "b0" * 20)
    bids = [{"price": bid, "amount": 1.3, "count": 1}] if bid else []
    api.answer("/api/orderbook/ticks", {"mktPrice": 0.65, "bids": bids, "asks": [{"price": 0.7, "amount": 1e-6, "count": 1}]})
    api.answer("/api/orderbook/blocks", {"bids": groups, "asks": []})
    api.answer("/api/pairs", await made._rest.get("/api/pairs"))
    made._rest = RestClient(api, ["https://api.test"])
    if is_told:
        await made.prepare(market)
    else:
        with pytest.raises(ApiUnavailableError, match=r"groups no book of SOMI-USDC by 0\.00001"):
            await made.prepare(market)


async def test_a_market_has_the_exchanges_name_in_requests_whatever_it_is_called_here() -> None:
    market = Market(Token(BASE.address, "SOMI.505050", 18), QUOTE, "0x" + "b0" * 20)
    made = await dialect()
    assert made.subscriptions(market)[f"trades:{market.book}"]["params"] == {"pairs": ["SOMI/USDC"]}
    with pytest.raises(ApiUnavailableError, match="does not list"):
        await SpotStreamsDialect(made._rest, made._pace, Market(BASE, QUOTE, "0x" + "99" * 20)).prepare(
            Market(BASE, QUOTE, "0x" + "99" * 20))


async def test_a_name_that_several_markets_carry_is_none_to_subscribe_by() -> None:
    made, api = await dialect(), FakeApi()
    quote = {"id": QUOTE.address, "symbol": "USDC", "decimals": 6}
    api.answer("/api/pairs", {"pairs": [
        {"id": book, "base": {"id": base, "symbol": symbol, "decimals": 18}, "quote": quote}
        for book, base, symbol in (("0x" + "b0" * 20, BASE.address, "SOMI"), ("0x" + "b7" * 20, "0x" + "77" * 20, "somi"))]})
    api.answer("/api/orderbook/ticks", {"mktPrice": 0.65, "bids": [], "asks": []})
    made._rest = RestClient(api, ["https://api.test"])
    with pytest.raises(ApiUnavailableError, match="calls several markets SOMI/USDC: its stream does not tell them apart"):
        await made.prepare(Market(BASE, QUOTE, "0x" + "b0" * 20))


async def test_the_apis_grouped_book_is_read_in_both_its_shapes() -> None:
    market = Market(BASE, QUOTE, "0x" + "b0" * 20)
    assert await (await dialect()).book(market) == BookContent(True, [(0.65, 2.0)], [(0.66, 1.5)], None)


@pytest.mark.parametrize("answer", [[], {"bids": []}, {"bids": 7, "asks": []}, {"bids": {"buckets": {}}, "asks": []},
                                    {"bids": [{"price": 0, "baseLiquidity": 1, "quoteLiquidity": 1}], "asks": []},
                                    {"bids": [{"price": 1, "baseLiquidity": True, "quoteLiquidity": 1}], "asks": []}])
async def test_a_malformed_grouped_book_is_a_documented_error(answer: Any) -> None:
    made = await dialect()
    api = FakeApi()
    api.answer("/api/orderbook/blocks", answer)
    made._rest = RestClient(api, ["https://api.test"])
    with pytest.raises(BadDataError, match="grouped order book is malformed"):
        await made.book(Market(BASE, QUOTE, "0x" + "b0" * 20))


async def test_without_a_market_price_there_is_no_step() -> None:
    with pytest.raises(BadDataError, match="does not tell the market price"):
        await dialect(price=None)


async def test_a_single_frame_may_stand_where_a_list_of_frames_does() -> None:
    (told,) = (await dialect()).decode({"t": "x", "s": 4, "d": ["spotOrderBlock", True, 0.65, 4.0, 2.6, "0.00001", 1]})
    assert told.content == BookContent(False, [(0.65, 4.0)], [], None) and told.sequence == 4


@pytest.mark.parametrize(("layout", "place", "value"), [("docs", 1, True), ("docs", 1, "7"), ("docs", 20, 7), ("sdk", 27, None)])
async def test_a_trade_without_an_order_or_a_transaction_is_a_documented_error(layout: str, place: int, value: Any) -> None:
    _, frame = trade_frame(layout)
    with pytest.raises(BadDataError, match="a trade without an order or a transaction"):
        (await dialect(book_of(frame))).decode([*frame[:place], value, *frame[place + 1:]])


@pytest.mark.parametrize(("layout", "name"), NAMED)
async def test_every_frame_of_every_layout_is_understood_or_left_out(layout: str, name: str) -> None:
    made = await dialect()
    for message in made.decode(FRAMES[layout][name]):
        assert isinstance(message, Told) and isinstance(message.content, BookContent)


async def test_a_summary_of_fills_asks_for_the_trades_themselves() -> None:
    summary = ["spotFillSummary", "of", "some", "shape"]
    (told,) = (await dialect()).decode({"t": "x", "ps": 1, "s": 2, "d": [summary, summary]})
    assert told == Told("trades:0x" + "b0" * 20, 1, 2, Hint()), "it is numbered as trades are, and once"


async def test_trades_beside_a_summary_carry_the_number_of_both() -> None:
    frame = trade_frame("iter")[1]
    hint, told = (await dialect(book_of(frame))).decode({"t": "x", "ps": 1, "s": 2, "d": [["spotFillSummary"], frame]})
    assert (hint.previous, hint.sequence, hint.content) == (None, None, Hint())
    assert (told.previous, told.sequence) == (1, 2) and isinstance(told.content, TradesContent)


@pytest.mark.parametrize("layout", FRAMES)
async def test_answers_and_heartbeats(layout: str) -> None:
    made = await dialect()
    assert made.decode(FRAMES[layout]["acknowledgement"]) == [Answered(0)]
    assert made.decode(FRAMES[layout]["error"]) == [Refused(4, 1, "Internal Error: unknown method")]
    assert made.decode({"code": 1, "msg": "Internal Error: x"}) == [Refused(None, 1, "Internal Error: x")]
    assert made.decode({"method": "ping"}) == [Ping({"method": "pong"})] and made.decode({"method": "pong"}) == []


@pytest.mark.parametrize(("layout", "name"), ACCOUNT_FRAMES)
def test_every_frame_about_the_account_is_a_hint_and_about_another_none(layout: str, name: str) -> None:
    data = FRAMES[layout][name]
    frame = frames_of(data)[0]
    places = {21: 10, 29: 13, 17: 15, 23: 20, 25: 20, 27: 24, 6: 3, 9: 3, 24: 20}
    account = frame[24 if name == "spotOrderMatched 29" else places[len(frame)]]
    (told,) = SpotAccountDialect(account.lower()).decode({"t": "x", "s": 1, "d": [frame]})
    assert told.content == Hint()
    assert SpotAccountDialect("0x" + "77" * 20).decode(data) == []


def test_a_whole_book_says_nothing_of_the_account() -> None:
    account = SpotAccountDialect("0x" + "77" * 20)
    assert account.decode({"t": "x", "s": 1, "d": {"bids": [], "asks": []}}) == []


def test_a_frame_of_a_length_that_nobody_has_written_down_is_a_hint() -> None:
    account = SpotAccountDialect("0x" + "77" * 20)
    assert account.decode(["spotOrder", *range(30)])[0].content == Hint()  # type: ignore[union-attr]
    assert account.decode(["spotBar", *range(30)]) == []


def test_summaries_about_the_account_are_hints_whatever_their_shape() -> None:
    account = SpotAccountDialect("0x" + "77" * 20)
    assert account.decode({"t": "x", "s": 1, "d": [["spotAccountActivity", 1, 2]]})[0].content == Hint()  # type: ignore[union-attr]
    summary = ["spotOrderCloseSummary", "0x1", "0x2", "0x" + "77" * 20, "filled", 1, [[1, True, 2]]]
    assert account.decode(summary)[0].content == Hint()  # type: ignore[union-attr]
    methods = [body["method"] for body in account.subscriptions()]
    assert methods[-1] == "spot.accounts.subscribe.addresses" and account.subscriptions()[0]["params"] == {
        "addresses": [to_checksum("0x" + "77" * 20)]}


@pytest.mark.parametrize("data", [
    None, 7, "text", [], [1], {}, {"d": 7, "s": 1}, {"d": [], "s": "x"}, {"d": [7], "s": 1}, {"d": {}, "s": 1}, {"id": 1},
    ["spotOrderBlock", True, 0.65, 4.0], ["spotOrderBlock", True, 0.0, 4.0, 2.6, "1", 1],
    ["spotOrderBlock", True, float("nan"), 4.0, 2.6, "1", 1], ["spotOrderBlock", True, 0.65, float("inf"), 2.6, "1", 1],
    ["spotOrderBlock", True, 0.65, -1, 2.6, "1", 1], ["spotOrderBlock", 1, 0.65, 1, 2.6, "1", 1],
    ["spotOrderBlock", True, 1e-9, 1, 2.6, "1", 1], ["spotTrade", 1, 2], {"result": None, "id": "1"}])
async def test_a_malformed_frame_is_a_documented_error(data: Any) -> None:
    with pytest.raises(BadDataError):
        (await dialect()).decode(data)


def test_an_account_that_is_no_address_is_a_documented_error() -> None:
    with pytest.raises(BadDataError, match="is not an address"):
        SpotAccountDialect("0x" + "77" * 20).decode(["deleteSpotOrder", "0x1", "0x2", 7, "x", 1])


MADE = SpotStreamsDialect(RestClient(FakeApi(), ["https://api.test"]), BlockPace(Blocks(0.1)),
                          Market(BASE, QUOTE, book_of(trade_frame("docs")[1])))
ALL_FRAMES = [frame for frames in FRAMES.values() for frame in frames.values()]


@given(st.data())
def test_mutated_frames_raise_nothing_else(data: st.DataObject) -> None:
    frame = data.draw(mutated(ALL_FRAMES))
    for decode in (MADE.decode, SpotAccountDialect("0x" + "77" * 20).decode):
        try:
            messages = decode(frame)
        except BadDataError:
            continue
        for message in messages:
            if isinstance(message, Told) and isinstance(message.content, BookContent):
                levels = [*message.content.bids, *message.content.asks]
                assert all(price > 0 and 0 <= amount < float("inf") for price, amount in levels)
