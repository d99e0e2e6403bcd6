"""Messages of the dialect `channels`: what each says, and that nothing but a documented error comes of a damaged one."""
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.pace import BlockPace
from hummingbot.connector.exchange.standard.errors import BadDataError
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    Answered,
    BalancesContent,
    BlockReached,
    BookContent,
    LogsContent,
    Ping,
    Refused,
    Told,
    TradesContent,
)
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.rest.client import RestClient
from test.hummingbot.connector.exchange.standard.chain.fake_blocks import Blocks
from test.hummingbot.connector.exchange.standard.fake_api import FakeApi
from test.hummingbot.connector.exchange.standard.feeds.protocols.mutations import mutated

FRAMES: dict[str, Any] = json.loads((Path(__file__).parent / "frames" / "channels.json").read_text())
SOMI = Market(Token("0x" + "50" * 20, "SOMI", 18), Token("0x" + "dc" * 20, "USDC", 6), FRAMES["snapshot orderbook"]["pair"])
DIALECT = ChannelsDialect(RestClient(FakeApi(), ["https://api.test"]), BlockPace(Blocks(0.1)),
                          lambda book: SOMI if book == SOMI.book else None)


def decoded(name: str, **changes: Any) -> Any:
    """The one message of a frame."""
    (message,) = DIALECT.decode({**FRAMES[name], **changes})
    return message


def content(name: str, **changes: Any) -> Any:
    return decoded(name, **changes).content


def test_answers_and_heartbeats() -> None:
    assert decoded("acknowledgement") == Answered(1)
    assert decoded("error") == Refused(9, 1001, "the methods are subscribe, unsubscribe and ping")
    assert DIALECT.decode({"id": None, "error": {"code": 1000, "message": "x" * 900}}) == [Refused(None, 1000, "x" * 200)]
    assert decoded("pong") == Answered(10)
    assert decoded("heartbeat") == Ping({"method": "pong"})
    assert DIALECT.decode({"method": "pong"}) == []


def test_bids_are_converted_to_base_and_prices_to_human_units() -> None:
    frame = FRAMES["snapshot orderbook"] | {"bids": [["50000000", "2000000"]], "asks": [["200000000", str(3 * 10 ** 18)]],
                                            "market_price": "100000000"}
    (told,) = DIALECT.decode(frame)
    assert told == Told(f"orderbook:{SOMI.book}", None, frame["sequence"], BookContent(True, [(0.5, 4.0)], [(2.0, 3.0)], 1.0))


def test_a_diff_may_remove_levels_and_follows_on_another() -> None:
    told = decoded("diff", bids=[["50000000", "0"]], asks=[])
    assert told.previous == told.sequence - 1
    assert told.content.bids == [(0.5, 0.0)] and not told.content.is_whole


def test_a_trade_has_the_key_that_other_sources_give_it() -> None:
    frame = FRAMES["trade"] | {"pair": SOMI.book, "base_amount": "1500000000000000000", "price": "65000000", "side": "sell"}
    (told,) = DIALECT.decode(frame)
    assert isinstance(told.content, TradesContent)
    (trade,) = told.content.trades
    assert trade.trade_id == f"{frame['transaction']}:{frame['order_id']}:False"
    assert (trade.is_buy, trade.price, trade.amount) == (False, 0.65, 1.5)
    assert trade.place == (frame["block"], int(frame["trade_id"]))
    assert content("trade", pair=SOMI.book, removed=True).trades == []


def test_a_trade_of_nothing_is_no_trade_and_no_mistake() -> None:
    told = decoded("trade", pair=SOMI.book, base_amount="0")
    assert told.content.trades == [] and told.sequence == FRAMES["trade"]["sequence"]


def test_news_of_an_unknown_book_and_of_an_unknown_kind_are_left_out() -> None:
    assert DIALECT.decode(FRAMES["diff"] | {"pair": "0x" + "99" * 20}) == []
    assert DIALECT.decode({"type": "liquidation", "channel": "orderbook"}) == []


def test_fills_and_orders_are_the_engines_events_exactly() -> None:
    frame = FRAMES["fill"]
    told = decoded("fill", base_amount=str(2 ** 200), trade_id=str(2 ** 64 - 1))
    (log,) = told.content.logs
    assert isinstance(log.event, OrderMatched)
    assert (log.event.base_amount, log.event.trade_id, log.event.quote_fee) == (2 ** 200, 2 ** 64 - 1, int(frame["quote_fee"]))
    assert (log.event.owner, log.event.sender, log.event.is_bid) == (frame["maker"], frame["taker"], frame["side"] == "buy")
    assert (log.transaction_hash, log.block_number, log.log_index) == (frame["transaction"], frame["block"], frame["log_index"])
    assert not log.removed and content("fill removed").logs[0].removed
    placed, canceled = content("order open").logs[0].event, content("order canceled").logs[0].event
    assert isinstance(placed, OrderPlaced) and placed.without_fee == int(FRAMES["order open"]["deposit"])
    assert isinstance(canceled, OrderCanceled) and canceled.amount == int(FRAMES["order canceled"]["amount"])


def test_a_snapshot_of_fills_says_from_which_block_on_it_is_complete() -> None:
    told = content("snapshot fills", fills=[FRAMES["fill"]], from_block=7)
    assert isinstance(told, LogsContent) and told.is_whole
    assert (told.from_block, told.block, len(told.logs)) == (7, FRAMES["snapshot fills"]["block"], 1)


def test_balances_and_blocks() -> None:
    token = FRAMES["balance"]["token"]
    assert content("balance", amount="12") == BalancesContent(False, [BalanceChange(token, 12, FRAMES["balance"]["block"])])
    assert len(content("snapshot balances").balances) > 2
    block = decoded("block", sequences={"fills": 3, "orderbook:0xAB": 4})
    assert block == BlockReached(FRAMES["block"]["number"], {"fills": 3, "orderbook:0xab": 4})


@pytest.mark.parametrize(("name", "changes"), [
    ("diff", {"sequence": -1}), ("diff", {"sequence": True}), ("diff", {"previous": None}), ("diff", {"pair": "0x12"}),
    ("diff", {"bids": [["0", "1"]]}), ("diff", {"bids": [["1"]]}), ("diff", {"bids": None}), ("diff", {"asks": [[1, 2]]}),
    ("diff", {"asks": [["1", "-1"]]}), ("diff", {"asks": [["1", "1e3"]]}), ("diff", {"asks": [["1", "9" * 79]]}),
    ("diff", {"asks": [["1", "１"]]}), ("diff", {"channel": "trades"}), ("diff", {"channel": ["orderbook"]}),
    ("fill", {"side": "both"}), ("fill", {"clear": 1}), ("fill", {"transaction": "0x12"}), ("fill", {"taker": None}),
    ("fill", {"transaction": "0x" + "zz" * 32}), ("fill", {"base_amount": 5}), ("fill", {"removed": "yes"}),
    ("order open", {"status": "lost"}), ("order open", {"deposit": ""}), ("trade", {"price": "0"}),
    ("trade", {"block": "7"}), ("trade", {"trade_id": 9}), ("balance", {"amount": 1.5}),
    ("balance", {"token": "native"}), ("block", {"number": "7"}), ("block", {"sequences": [1]}),
    ("error", {"error": "no"}), ("acknowledgement", {"id": 1.5}), ("snapshot fills", {"channel": "other"})])
def test_a_malformed_message_is_a_documented_error(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadDataError):
        DIALECT.decode({**FRAMES[name], "pair": FRAMES[name].get("pair") and SOMI.book, **changes})


@pytest.mark.parametrize("data", [None, 7, "text", b"\x00", [], [1], {}, {"type": None}, {"id": 1}, {"type": []}, {"type": {}}])
def test_what_is_no_message_is_a_documented_error(data: Any) -> None:
    with pytest.raises(BadDataError):
        DIALECT.decode(data)


@given(st.data())
def test_mutated_messages_raise_nothing_else(data: st.DataObject) -> None:
    frame = data.draw(mutated(list(FRAMES.values())))
    try:
        messages = DIALECT.decode(frame)
    except BadDataError:
        return
    for message in messages:
        if isinstance(message, Told) and isinstance(message.content, BookContent):
            levels = [*message.content.bids, *message.content.asks]
            assert all(price > 0 and 0 <= amount < float("inf") for price, amount in levels)


def test_requests_name_channel_book_login_and_first_block() -> None:
    assert DIALECT.subscriptions(SOMI)[f"trades:{SOMI.book}"] == {
        "method": "subscribe", "params": {"channel": "trades", "pairs": [SOMI.book]}}
    assert [body["params"]["channel"] for body in DIALECT.unsubscriptions(SOMI)] == ["orderbook", "trades"]
    assert DIALECT.account_subscription("fills", {"api_key": "a"}, 5)["params"] == {
        "channel": "fills", "api_key": "a", "from_block": 5}
    assert DIALECT.account_subscription("balances", {"api_key": "a"}, 5)["params"] == {"channel": "balances", "api_key": "a"}


texts = st.integers(0, 10 ** 24).map(str) | st.sampled_from(
    ["", "-1", "1.5", "1_0", " 1", "+1", "٣", "²", "1e3", "0x1", "nan", "9" * 78, "9" * 79])
rows = st.lists(st.tuples(texts, texts).map(list) | st.sampled_from(
    [["1"], ["1", "2", "3"], [1, 2], ["1", 2], [None, "1"], "row", 7]), max_size=5)


@given(rows, rows)
def test_levels_are_those_that_a_look_at_each_number_would_give(bids: list[Any], asks: list[Any]) -> None:
    def level(row: Any, unit: int, is_bid: bool) -> tuple[float, float]:
        if not isinstance(row, list) or len(row) != 2:
            raise ValueError("no level")
        for text in row:
            if not isinstance(text, str) or not text or set(text) - set("0123456789") or len(text) > 78:
                raise ValueError("no number")
        price, amount = int(row[0]) / 10 ** 8, int(row[1]) / unit
        if not price:
            raise ValueError("no price")
        return price, amount / price if is_bid else amount

    try:
        expected = [[level(row, 10 ** token.decimals, token is SOMI.quote) for row in side]
                    for side, token in ((bids, SOMI.quote), (asks, SOMI.base))]
    except (ValueError, OverflowError):
        with pytest.raises(BadDataError):
            content("diff", bids=bids, asks=asks)
        return
    told = content("diff", bids=bids, asks=asks)
    assert [list(told.bids), list(told.asks)] == expected
