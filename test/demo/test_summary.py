"""The demonstration's judgement: it agrees when both views do, and notices a single unit."""
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.chain_view import ORDER_CANCELED, ORDER_MATCHED, ORDER_PLACED, Asset, Ledger, Node, Venue
from demo.event_log import EventLog
from demo.summary import Summary, Views

ACCOUNT, OTHER, ENGINE, BOOK, BASE, QUOTE = ("0x" + f"{index:040x}" for index in range(1, 7))
VENUE = Venue(ENGINE, BOOK, Asset("SOMI", BASE, 18, True), Asset("USDC", QUOTE, 6, False))
SOMI, USDC = 10 ** 18, 10 ** 6
GAS = 21_000 * 7


def log(topic: str, *values: str | int, owner: str | None = None) -> dict[str, Any]:
    """An engine log as a node returns it."""
    words = [int(value, 16) if isinstance(value, str) else value for value in values]
    topics = [topic] + ([f"0x{int(owner, 16):064x}"] if owner else [])
    return {"address": ENGINE, "topics": topics, "data": "0x" + "".join(f"{word:064x}" for word in words)}


# A bid of 13.000001 USDC and an ask of 20 SOMI rest; the bid is taken whole, its odd unit unsaid; the ask is cancelled.
BLOCKS = [
    {"from": ACCOUNT, "logs": [log(ORDER_PLACED, BOOK, 1, 1, ACCOUNT, 1, 65_000_000, 13_000_001, 13_000_001)]},
    {"from": ACCOUNT, "logs": [log(ORDER_PLACED, BOOK, 2, 1, ACCOUNT, 0, 66_000_000, 20 * SOMI, 20 * SOMI)]},
    {"from": OTHER, "logs": [log(ORDER_MATCHED, BOOK, 3, 1, 0, 65_000_000, 20 * SOMI, 1, OTHER, ACCOUNT, 20 * SOMI,
                                 13_000_000, SOMI // 50, 13_000, 7)]},
    {"from": ACCOUNT, "logs": [log(ORDER_CANCELED, BOOK, 1, 0, 20 * SOMI, owner=ACCOUNT)]},
]


class RecordedNode(Node):
    """Answers from BLOCKS, one receipt in each."""

    def __init__(self, left_open: int = 0) -> None:
        super().__init__("")
        self._newest = 0
        self._left_open = left_open

    def ask(self, method: str, *parameters: Any) -> Any:
        """Only the newest block is asked for by itself."""
        newest, self._newest = self._newest, len(BLOCKS)
        return hex(newest)

    def ask_many(self, requests: Sequence[tuple[str, list[Any]]]) -> Iterator[Any]:
        """The receipts of the blocks asked for."""
        for _, (number,) in requests:
            yield [{**BLOCKS[int(number, 16) - 1], "status": "0x1", "gasUsed": hex(21_000), "effectiveGasPrice": "0x7"}]

    def call(self, contract: str, signature: str, *arguments: str | int) -> list[int]:
        """An order as the engine holds it."""
        return [0, 0, self._left_open]


def events(fill: dict[str, Any]) -> str:
    """The bot's log of the same story."""
    fee = {"percent": "0", "percent_token": None, "flat_fees": [{"token": "SOMI", "amount": "0.02"}]}
    told = [
        {"event_name": "BuyOrderCreatedEvent", "order_id": "bid", "amount": "20", "price": "0.65"},
        {"event_name": "SellOrderCreatedEvent", "order_id": "ask", "amount": "20", "price": "0.66"},
        {"event_name": "OrderFilledEvent", "order_id": "bid", "trade_type": "TradeType.BUY", "price": "0.65000005",
         "amount": "20", "trade_fee": fee, "exchange_trade_id": f"{BOOK}:7", **fill},
        {"event_name": "BuyOrderCompletedEvent", "order_id": "bid"},
        {"event_name": "OrderCancelledEvent", "order_id": "ask"},
    ]
    return "".join(f"2026-11-23 05:30:00,000 - 1 - event_reporter - EVENT_LOG - {json.dumps(event)}\n" for event in told)


def summary(tmp_path: Path, fill: dict[str, Any] | None = None, base_after: int = 0, left_open: int = 0,
            gift: int = 0) -> Summary:
    """The summary of the story; `base_after` is a deviation of the last native balance, `gift` what a taker paid for nothing."""
    path = tmp_path / "bot.log"
    path.write_text(events(fill or {}))
    told = EventLog(path)
    told.new_lines()
    ledger = Ledger(RecordedNode(left_open), [VENUE], ACCOUNT)
    ledger.catch_up()
    if gift:
        ledger._read({"from": OTHER, "status": "0x1", "gasUsed": "0x1", "effectiveGasPrice": "0x1", "logs": [
            log(ORDER_MATCHED, BOOK, 1, 1, 1, 66_000_000, 0, 0, OTHER, ACCOUNT, 0, gift, 0, gift // 10, 8)]})
    before = {"SOMI": 100 * SOMI, "USDC": 100 * USDC}
    after = {"SOMI": 120 * SOMI - SOMI // 50 - 3 * GAS + base_after, "USDC": 100 * USDC - 13_000_001 + gift - gift // 10}
    connector = [{symbol: {"total": Decimal(units).scaleb(-ledger.assets[symbol].decimals)}
                  for symbol, units in balances.items()} for balances in (before, after)]
    return Summary(Views(*connector, before, after), told, ledger)


def test_agreeing_views_are_no_problem(tmp_path: Path) -> None:
    agreed = summary(tmp_path)
    assert agreed.problems == []
    assert "13.000001 USDC" in agreed.text()


@pytest.mark.parametrize(("fill", "what"), [
    ({"amount": "20.000000000000000001"}, "units of base"),
    ({"price": "0.65"}, "units of quote"),
    ({"trade_fee": {"flat_fees": [{"token": "SOMI", "amount": "0.020000000000000001"}]}}, "units of fee"),
    ({"trade_fee": {"flat_fees": [{"token": "USDC", "amount": "0.02"}]}}, "reported in USDC"),
    ({"exchange_trade_id": f"{BOOK}:8"}, "was not reported"),
])
def test_one_unit_or_one_wrong_word_is_noticed(tmp_path: Path, fill: dict[str, Any], what: str) -> None:
    assert any(what in problem for problem in summary(tmp_path, fill).problems)


def test_quote_that_a_taker_pays_for_nothing_is_explained_although_nobody_is_told(tmp_path: Path) -> None:
    paid = summary(tmp_path, gift=500)
    assert paid.problems == [] and "Fills of nothing" in paid.text()


def test_money_that_fills_do_not_explain_is_noticed(tmp_path: Path) -> None:
    assert any("(-1 unexplained)" in problem for problem in summary(tmp_path, base_after=-1).problems)


def test_an_order_that_is_left_is_noticed(tmp_path: Path) -> None:
    assert any("was left open" in problem for problem in summary(tmp_path, left_open=5).problems)


def test_trades_of_two_books_with_one_number_are_two_trades() -> None:
    other_book = "0x" + f"{7:040x}"
    other = Venue(ENGINE, other_book, Asset("WBTC", "0x" + f"{8:040x}", 8, False), VENUE.quote)
    match = [3, 1, 0, 65_000_000, 20 * SOMI, 1, OTHER, ACCOUNT, 20 * SOMI, 13_000_000, SOMI // 50, 13_000, 7]
    node = RecordedNode()
    ledger = Ledger(node, [VENUE, other], ACCOUNT)
    ledger._read({"from": OTHER, "status": "0x1", "gasUsed": "0x1", "effectiveGasPrice": "0x1",
                  "logs": [log(ORDER_MATCHED, book, *match) for book in (BOOK, other_book)]})
    assert {(key.book, key.trade_id) for key in ledger.fills()} == {(BOOK, 7), (other_book, 7)}
    assert list(ledger.assets) == ["SOMI", "USDC", "WBTC"]
