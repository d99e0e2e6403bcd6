"""That the comparison of Hummingbot's market view with the chain sees what is wrong, and lets pass what is not."""
from types import SimpleNamespace

import pytest

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.event.events import OrderBookTradeEvent
from simulation.market_view import FRESH_SECONDS, MarketView, Traded, TrueLevel, _as_told

BOOK = "0x" + "b0" * 20
MARKET = Market(Token("0x" + "11" * 20, "SOMI", 18), Token("0x" + "22" * 20, "USDC", 6), BOOK)
PAIR = MARKET.trading_pair


class View:
    """One market's view, where trades happen and are told by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_grouped: bool = False) -> None:
        self.levels = {0.65: TrueLevel(7.0, 1e-6)}
        monkeypatch.setattr(MarketView, "_chain_levels", lambda view, pair, is_bid: self.levels if is_bid else {})
        self.head = SimpleNamespace(timestamp=1000)
        self.view = MarketView(SimpleNamespace(markets=[MARKET], node=SimpleNamespace(head=self.head)),  # type: ignore[arg-type]
                               is_grouped)
        self.book = OrderBook()
        self.show(7.0)
        self.exchange = SimpleNamespace(order_books={PAIR: self.book}, feed_states={})

    def watch(self) -> "View":
        self.view.watch(self.exchange)  # type: ignore[arg-type]
        return self

    def show(self, amount: float) -> None:
        self.book.apply_snapshot([OrderBookRow(0.65, amount, 1)], [], 1)

    def happen(self, *amounts: float) -> None:
        for amount in amounts:
            self.view.matched(OrderMatched(BOOK, 1, 1, True, 65_000_000, 0, False, "0x1", "0x2", round(amount * 10**18), 0, 0, 0,
                                           1))

    def tell(self, *amounts: float) -> None:
        for amount in amounts:
            self.book.apply_trade(OrderBookTradeEvent(PAIR, 1.0, TradeType.BUY, 0.65, amount, str(amount)))

    @property
    def problems(self) -> list[str]:
        return list(self.view.problems(self.exchange))  # type: ignore[arg-type]


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> View:
    return View(monkeypatch).watch()


def test_trades_that_are_told_once_and_in_order_are_right(view: View) -> None:
    view.happen(1, 2, 3)
    view.tell(1, 2, 3)
    assert view.problems == []


@pytest.mark.parametrize("told", [(1, 3), (1, 2, 3, 3), (1, 3, 2), (1, 2, 4), ()])
def test_a_trade_that_is_missing_or_twice_there_or_elsewhere_or_another_is_a_problem(view: View, told: tuple[int, ...]) -> None:
    view.happen(1, 2, 3)
    view.tell(*told)
    assert len(view.problems) == 1 and any(
        words in view.problems[0] for words in ("public trades were told, 3 happened", "told twice: ['3']"))


def test_older_trades_may_be_told_before_but_none_twice(view: View) -> None:
    view.happen(2, 3)
    view.tell(1, 2, 3)
    assert view.problems == []
    view.view.begin()
    view.happen(4)
    view.tell(2, 3, 4)
    assert len(view.problems) == 1 and "told twice: ['2', '3']" in view.problems[0]
    view.view.reorganised()
    view.view.begin()
    assert view.problems == []


def test_a_source_without_numbers_may_tell_late_but_not_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(monkeypatch, is_grouped=True).watch()
    view.happen(1, 2, 3)
    view.tell(1, 3)
    assert view.problems
    view.tell(2)
    assert view.problems == []


def test_such_a_source_may_tell_later_what_nobody_asked_for_when_blocks_were_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(monkeypatch, is_grouped=True).watch()
    view.view.reorganised()
    view.happen(1, 2, 5)
    view.tell(2)
    view.view.begin()
    view.happen(3)
    view.tell(3, 1)
    assert view.problems == []
    view.view.begin()
    view.happen(4)
    view.tell(4, 5)
    assert view.problems == [], "it may take more than one quiet point"
    view.view.begin()
    view.happen(6)
    view.tell(6, 1.0000001)
    assert view.problems, "once"


@pytest.mark.parametrize("told", [(3, 2), (3, 9), (1,), (3, 1, 1.0005)])
def test_such_a_source_may_tell_nothing_else_late_and_nothing_twice(monkeypatch: pytest.MonkeyPatch,
                                                                     told: tuple[float, ...]) -> None:
    view = View(monkeypatch, is_grouped=True).watch()
    view.view.reorganised()
    view.happen(1, 2)
    view.tell(2)
    view.view.begin()
    view.happen(3)
    view.tell(*told)
    assert view.problems
    view.view.begin()
    view.tell(1)
    assert (view.problems == []) == (1 not in told)


def test_one_that_counts_its_trades_tells_none_late(view: View) -> None:
    view.view.reorganised()
    view.happen(1, 2)
    view.tell(2)
    view.view.begin()
    view.happen(3)
    view.tell(3, 1)
    assert view.problems


def test_trades_whose_prices_are_told_as_one_are_in_no_order() -> None:
    told = [Traded(0.6493338, 1.0), Traded(0.6493338, 6.0)]
    happened = [Traded(0.64933377, 1.0), Traded(0.64933376, 6.0)]
    assert _as_told(told, happened[::-1]) == happened
    assert _as_told(told, [Traded(0.65, 9.0), *happened]) == [*happened, Traded(0.65, 9.0)]


def test_what_was_told_of_replaced_blocks_counts_for_nothing_until_all_is_quiet_again(view: View) -> None:
    view.happen(1, 2)
    view.tell(5)
    view.view.reorganised()
    assert view.problems == []
    view.view.begin()
    view.happen(1)
    assert view.problems


def test_a_connector_that_begins_after_blocks_were_replaced_takes_what_is_mined_anew_for_history(
        monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(monkeypatch)
    view.view.reorganised()
    view.watch()
    view.happen(1)
    assert view.problems == []


def test_a_level_that_differs_is_a_problem(view: View) -> None:
    view.show(7.1)
    assert "bids of the book" in view.problems[0]
    view.show(7.0)
    assert view.problems == []
    view.levels = {}
    assert "bids of the book" in view.problems[0]


@pytest.mark.parametrize(("is_grouped", "passed", "told", "are_right"), [
    (True, FRESH_SECONDS, (2, 1, 3), True), (True, FRESH_SECONDS, (2, 3), True),
    (True, FRESH_SECONDS, (2, 1, 1.0000001, 3), False), (True, FRESH_SECONDS, (1, 3), False),
    (True, FRESH_SECONDS + 1, (2, 1, 3), False), (False, FRESH_SECONDS, (2, 1, 3), False),
    (False, FRESH_SECONDS, (1, 2, 3), True)])
def test_trades_from_just_before_may_be_told_late_by_a_stream_that_keeps_no_order(
        monkeypatch: pytest.MonkeyPatch, is_grouped: bool, passed: float, told: tuple[float, ...], are_right: bool) -> None:
    view = View(monkeypatch, is_grouped)
    view.happen(1)
    view.head.timestamp += passed
    view.watch()
    view.happen(2, 3)
    view.tell(*told)
    assert (view.problems == []) is are_right


def test_what_may_be_told_late_may_no_more_once_all_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(monkeypatch, is_grouped=True)
    view.happen(1)
    view.watch()
    view.view.begin()
    view.happen(2)
    view.tell(2, 1)
    assert len(view.problems) == 1
