"""The figures of `make bench`: what they say is what was measured, and every benchmark runs, here with tiny sizes."""
import asyncio
import json
from pathlib import Path

import pytest

import bench.__main__ as command
from bench import feeds, imports, order_books, placing, quoting, request_budget, stalls, streams, transactions
from bench.figures import Bar, Figure, best, table
from bench.loop_watch import LoopWatch, Stall
from demo.sandbox import Sandbox
from hummingbot.core.data_type.order_book import OrderBook


@pytest.mark.parametrize("figure, met", [
    (Figure(1, "a", 10.0, "µs", Bar(10.0)), True), (Figure(1, "a", 10.1, "µs", Bar(10.0)), False),
    (Figure(1, "a", 11.0, "µs", Bar(1.15, of_floor=True), 10.0), True),
    (Figure(1, "a", 12.0, "µs", Bar(1.15, of_floor=True), 10.0), False),
    (Figure(2, "a", 96.0, "/s", Bar(0.95, of_floor=True, is_least=True), 100.0), True),
    (Figure(2, "a", 94.0, "/s", Bar(0.95, of_floor=True, is_least=True), 100.0), False),
    (Figure(1, "a", 1.0, "µs", Bar(1.15, of_floor=True)), False), (Figure(10, "a", 20.0, "%"), None)])
def test_a_bar_is_met_or_missed_by_what_it_is_of(figure: Figure, met: bool | None) -> None:
    assert figure.is_met is met
    assert json.loads(json.dumps(figure.document()))["met"] is met


def test_the_table_has_a_line_for_each_figure_with_its_floor_ratio_and_bar() -> None:
    lines = table([Figure(1, "books", 29.61, "µs", Bar(1.15, of_floor=True), 32.31),
                   Figure(2, "deltas", 80_000.0, "/s", Bar(0.95, of_floor=True, is_least=True), 90_000.0),
                   Figure(10, "quoting", 20.0, "%")]).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["1", "books", "29.6", "µs", "32.3", "0.92", "<=", "1.15", "x", "met"],
        ["2", "deltas", "80,000", "/s", "90,000", "0.89", ">=", "0.95", "x", "MISSED"], ["10", "quoting", "20", "%"]]


def test_what_takes_longer_is_told_as_longer() -> None:
    short, long = best(lambda: sum(range(100)), lambda: sum(range(10_000)), seconds=0.05)
    assert 0 < 5 * short < long


def test_both_ways_to_a_book_end_with_the_same_book() -> None:
    ours, least = OrderBook(), OrderBook()
    body = order_books.answer(20)
    order_books.connector(body, ours)()
    order_books.floor(body, least)()
    books = [[[(row.price, row.amount) for row in rows] for rows in (book.bid_entries(), book.ask_entries())]
             for book in (ours, least)]
    assert books[0][1] == books[1][1] and len(books[0][0]) == 20
    # Only the connector turns quote into base.
    assert books[0][0] == [(price, quote / price) for price, quote in books[1][0]]


def test_an_answer_that_did_not_change_costs_next_to_nothing() -> None:
    assert abs(order_books.unchanged(order_books.answer(20), 0.05, 50)) < 50e-6


@pytest.mark.parametrize("stream", [streams.deltas(300, 1), streams.deltas(300, 5), streams.trades(300)],
                         ids=["1+1", "5+5", "trades"])
def test_both_chains_apply_every_message(stream: streams.Stream) -> None:
    async def book_of(chain: streams.Chain) -> OrderBook:
        seconds, book = await streams.run(chain, stream)
        assert seconds > 0
        return book

    ours, least = asyncio.run(book_of(streams.connector)), asyncio.run(book_of(streams.lean))
    unit, scale = 10 ** streams.MARKET.base.decimals, 1e8
    if stream.trades:
        assert ours.last_trade_price * scale == pytest.approx(least.last_trade_price)
    else:
        assert [number for row in ours.ask_entries() for number in row[:2]] == pytest.approx(
            [number for row in least.ask_entries() for number in (row.price / scale, row.amount / unit)])


def test_orders_are_signed_and_receipts_settled() -> None:
    found = transactions.figures(0.01)
    assert [figure.row for figure in found] == [3, 4, 4, 4, 4] and all(figure.value > 0 for figure in found)
    assert found[4].value == pytest.approx(found[2].value + found[3].value), "settling, and the check before it"


def test_orders_of_one_tick_reach_the_node(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox.log", "--no-traders") as sandbox:
        best_of = asyncio.run(placing.measure(sandbox.url, sandbox.published_key(), {4: 1}, 0.02))
    assert 20.0 <= best_of[4] < 5_000.0


def test_a_source_is_as_fresh_as_its_blocks() -> None:
    fresh = feeds.measure_freshness(["chain"], 2.0, 0.1, 5.0)["chain"]
    assert fresh.blocks > 5 and 0 < fresh.p50 <= fresh.p99


def test_quoting_has_a_cost_and_a_profile() -> None:
    used = quoting.cost(1, 3.0)
    assert used.created >= 10 and 0 < used.share < 2
    assert sum(used.groups.values()) == pytest.approx(1.0, abs=0.05) and used.modules


def test_an_import_takes_time_and_memory() -> None:
    seconds, memory = imports.measure(1)
    assert 0 < seconds < 5 and memory > 0


def test_stalls_are_told_without_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = LoopWatch(0.01)
    watch.stalls = [Stall("ours", 0.1, 0.015, ["hummingbot/connector/exchange/standard/a.py:1 b"]), Stall("theirs", 0.1, 0.09)]
    watch.longest_collection = 0.05
    monkeypatch.setattr(stalls, "watched", lambda *_: (watch, 7))
    assert [(figure.value, figure.is_met) for figure in stalls.figures()] == [(15.0, True), (50.0, None), (0, True)]


def test_requests_are_held_against_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_budget, "run", lambda *_: (24.0, 37.0))
    assert [figure.is_met for figure in request_budget.figures()] == [True, False]


@pytest.mark.parametrize("check, code", [(False, 0), (True, 1)])
def test_the_command_prints_writes_and_fails_only_when_it_is_to_check(
        check: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "run", lambda rows, scale: [Figure(row, "a", 2.0, "µs", Bar(1.0)) for row in rows])
    file = tmp_path / "figures.json"
    assert command.main(["--rows", "1", "3", "--json", str(file), *(["--check"] if check else [])]) == code
    assert "2 of 2 bars are missed." in capsys.readouterr().out
    assert [figure["row"] for figure in json.loads(file.read_text())] == [1, 3]


def test_every_part_runs_in_a_process_of_its_own() -> None:
    figures = command.run([1], 0.01)
    assert len(figures) == 4 and all(figure.row == 1 and figure.is_met is not None for figure in figures)
