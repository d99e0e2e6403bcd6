"""What the sources of public trades share: which were told, and since when some may be missing."""
import pytest

from hummingbot.connector.exchange.standard.feeds import told_trades
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades, TradeKeys
from test.hummingbot.connector.exchange.standard.clocks import ManualClock


def test_a_trade_is_new_once() -> None:
    told = ToldTrades(ManualClock())
    assert not told.knows("A-B", "a") and told.add("A-B", "a", 1.0) == "a"
    assert told.knows("A-B", "a") and told.add("A-B", "a", 1.0) is None
    assert not told.knows("C-D", "a") and told.add("C-D", "a", 1.0), "one transaction may trade in two markets"


def test_a_trade_that_a_source_missed_is_told_though_the_next_one_has_its_key() -> None:
    told = ToldTrades(ManualClock())
    assert told.add("A-B", "a", 9.63) == "a", "the stream missed one of 16.05 before it"
    assert [told.add("A-B", key, amount) for key, amount in (("a", 16.05), ("a#1", 9.63))] == ["a#1", None]
    assert [told.add("A-B", key, amount) for key, amount in (("a", 16.05), ("a#1", 9.6300004), ("a#2", 9.63))] == [
        None, None, "a#2"]


def test_small_amounts_are_told_apart() -> None:
    told = ToldTrades(ManualClock())
    assert [told.add("A-B", key, amount) for key, amount in (("a", 0.0001224), ("a", 0.000123))] == ["a", "a#1"]
    assert told.add("A-B", "a#1", 0.0001224) is None


def test_only_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_trades, "MAX_REMEMBERED_TRADES", 2)
    told = ToldTrades(ManualClock())
    assert [told.add("A-B", key, 1.0) for key in "abc"] == ["a", "b", "c"]
    assert [told.knows("A-B", key) for key in "abc"] == [False, True, True]


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


def test_what_is_news_counts_from_when_the_bot_looked_first() -> None:
    clock = ManualClock()
    told = ToldTrades(clock)
    assert told.seconds_since_begin("A-B") == 0
    told.begin("A-B")
    clock.now += 7
    for again in (told.begin, told.complete):
        again("A-B")
        assert told.seconds_since_begin("A-B") == 7
    clock.now += 2
    told.begin("A-B")
    assert told.seconds_missing(["A-B"]) == 2


def test_the_trades_of_one_transaction_with_one_order_are_told_apart_by_their_places() -> None:
    keys = TradeKeys(10)
    assert [keys.new("tx:7", ("0xa", number), 1.0) for number in (1, 2, 3)] == ["tx:7", "tx:7#1", "tx:7#2"]
    assert [keys.new("tx:7", ("0xa", number), 1.0) for number in (3, 1, 2)] == [None] * 3


def test_a_trade_whose_block_was_replaced_is_the_one_that_was_told() -> None:
    keys = TradeKeys(10)
    for number in (1, 2):
        keys.new("tx:7", ("0xa", number), 1.0)
    assert [keys.new("tx:7", ("0xb", number), 1.0) for number in (8, 9)] == [None, None]
    assert keys.new("tx:7", ("0xb", 10), 1.0) == "tx:7#2"


def test_another_trade_of_a_transaction_that_was_mined_anew_is_news() -> None:
    keys = TradeKeys(10)
    assert keys.new("tx:7", ("0xa", 1), 2.0) == "tx:7"
    assert [keys.new("tx:7", ("0xb", number), amount) for number, amount in ((4, 108.4), (5, 2.0))] == ["tx:7#1", None]
    assert keys.new("tx:7", ("0xb", 4), 108.4) is None


def test_trades_without_a_place_are_told_apart_by_their_amounts() -> None:
    keys = TradeKeys(10)
    assert [keys.new("tx:7", None, amount) for amount in (16.049999, 16.05, 3.0, 3.0, 16.05)] == [
        "tx:7", None, "tx:7#1", None, None]
    assert [keys.new("tx:7", ("", number), amount) for number, amount in ((1, 3.0), (2, 16.05), (3, 3.0))] == [
        None, None, "tx:7#2"], "now their places are known"
    assert keys.new("tx:7", ("", 2), 3.0) is None


def test_only_so_many_keys_are_remembered() -> None:
    keys = TradeKeys(2)
    assert [keys.new(key, None, 1.0) for key in "abcca"] == ["a", "b", "c", None, "a"]
