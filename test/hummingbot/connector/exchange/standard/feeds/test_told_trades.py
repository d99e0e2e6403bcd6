"""What the sources of public trades share: which were told, and since when some may be missing."""
import pytest

from hummingbot.connector.exchange.standard.feeds import told_trades
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from test.hummingbot.connector.exchange.standard.clocks import ManualClock


def test_a_trade_is_new_once() -> None:
    told = ToldTrades(ManualClock())
    assert "a" not in told and told.add("a")
    assert "a" in told and not told.add("a")


def test_only_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_trades, "MAX_REMEMBERED_TRADES", 2)
    told = ToldTrades(ManualClock())
    assert [told.add(key) for key in "abc"] == [True] * 3
    assert "a" not in told and "b" in told and "c" in told


def test_what_is_missing_counts_from_when_a_pair_was_complete_last() -> None:
    clock = ManualClock()
    told = ToldTrades(clock)
    assert told.seconds_missing([]) == 0
    told.complete("A-B")
    clock.now += 7
    told.complete("C-D")
    clock.now += 2
    assert told.seconds_missing(["C-D"]) == 2
    assert told.seconds_missing(["A-B", "C-D", "never-seen"]) == 9
