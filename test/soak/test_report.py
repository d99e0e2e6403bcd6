"""The soak's judgement: it sees memory that grows, tasks and objects that are left, a journal that swells, orders that fail
without a fault, and errors of ours."""
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from demo.event_log import EventLog, ReportedFailure
from soak.faults import AFTERMATH, Chaos
from soak.report import Report
from soak.watch import FileSizes, Sample, Watch, slope

HOUR = 3600.0
LINE = "2026-11-23 05:30:00,000 - 1 - {} - {} - words\n"
TRACEBACK = 'Traceback (most recent call last):\n  File "/bot/hummingbot/connector/exchange/{}", line 1, in a\nValueError: 1\n'
OURS = "hummingbot.connector.exchange.standard.account"
BROKEN, MENDED = 1_000.0, 1_010.0


def watch(tmp_path: Path, grows: float = 0.0, tasks: float = 0.0, journal: float = 3e6, log: str = "",
          objects: float = 0.0) -> Watch:
    """An hour of a bot whose memory grows by so many bytes, and whose tasks and objects by so many, an hour. Every other minute
    it has a thousand objects that soon go."""
    for folder in ("data", "logs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "logs" / "logs_soak.log").write_text(LINE.format("hummingbot.strategy", "INFO") + log)
    watch = Watch(tmp_path, "soak.yml", psutil.Process(os.getpid()))
    watch.began -= HOUR
    moments = [60.0 * minute for minute in range(61)]
    watch.samples = [Sample(at, int(300e6 + 50e6 * (at < 600) + grows * at / HOUR), 30, 9, at / 4) for at in moments]
    watch.files = [FileSizes(at, int(journal * at / HOUR), int(at), int(at)) for at in moments]
    watch.reports = lambda: [{
        "at": at, "tasks": int(40 + tasks * at / HOUR + 90 * (at % 120 < 60) * at / HOUR),
        "objects": int(1000 + 1000 * (at % 120 < 60) + objects * at / HOUR),
        "objects_by_class": {"Block": 3}, "feeds": {"order books": ["chain", 4]}} for at in moments]
    return watch


def report(watch: Watch, problems: tuple[str, ...] = (), failures: Sequence[ReportedFailure] = ()) -> Report:
    """What is said of it, for a thousand orders and one fault."""
    chaos = Chaos("http://nowhere", 1)
    chaos.thrown["no blocks"] = 2
    chaos.rounds.append((BROKEN, MENDED))
    ledger = SimpleNamespace(placed=1000, refunded=900, gas_paid=10 ** 17, transactions=500, failed_transactions=1)
    log = SimpleNamespace(orders=SimpleNamespace(failed=dict(enumerate(failures))), fills={1: 2})
    summary: Any = SimpleNamespace(ledger=ledger, log=log, problems=list(problems), text=lambda: "the comparison")
    return Report(watch, chaos, summary)


def test_an_hour_without_a_fault_is_no_problem(tmp_path: Path) -> None:
    good = report(watch(tmp_path))
    assert good.problems == []
    for words in ("1000 in the last (at most 2050 more)",
                  "300 MB after warm-up", "+0.0 MB/h (flat: at most 12.0 MB/h)", "1000 placed", "no blocks 2", "the comparison"):
        assert words in good.text()


@pytest.mark.parametrize(("fault", "what"), [
    ({"grows": 30e6}, "it grows by 30.0 MB/h"), ({"objects": 5000.0}, "classes: there are more and more"),
    ({"tasks": 40.0}, "asyncio tasks: there are more and more"),
    ({"journal": 90e6}, "journal (ours): too large"),
    ({"log": LINE.format(OURS, "ERROR")}, "errors of ours"), ({"log": LINE.format(OURS, "NETWORK")}, "errors of ours"),
    ({"log": LINE.format("hummingbot.core.utils.async_utils", "ERROR")}, "errors of ours"),
    *[({"log": LINE.format("hummingbot.strategy", level) + TRACEBACK.format("standard/account.py")}, "errors of ours")
      for level in ("ERROR", "NETWORK", "WARNING")],
    ({"log": LINE.format(OURS, "INFO") * 6000}, "log of our loggers: too much")])
def test_what_is_wrong_is_seen(tmp_path: Path, fault: dict[str, Any], what: str) -> None:
    (problem,) = report(watch(tmp_path, **fault)).problems
    assert what in problem


def test_errors_of_others_are_none_of_ours(tmp_path: Path) -> None:
    others = LINE.format("hummingbot.core.rate_oracle", "ERROR") + LINE.format("hummingbot.connector.others", "NETWORK")
    elsewhere = TRACEBACK.format("binance/binance_exchange.py") + LINE.format("sandbox", "ERROR")
    log = others + elsewhere + TRACEBACK.format("standard/sandbox/server.py")
    assert report(watch(tmp_path, log=log + LINE.format(OURS, "WARNING"))).problems == []


@pytest.mark.parametrize(("count", "error", "at", "problem"), [
    (50, "RateLimitedError", BROKEN, ""), (50, "ApiUnavailableError", MENDED + AFTERMATH, ""),
    (200, "ApiUnavailableError", MENDED, "failed orders: too many"), (10, "OrderRejectedError", BROKEN, ""),
    (50, "OrderRejectedError", MENDED, "failed orders: too many by no fault"),
    (50, "ApiUnavailableError", BROKEN - 1, "failed orders: too many by no fault"),
    (50, "ApiUnavailableError", MENDED + AFTERMATH + 1, "failed orders: too many by no fault")])
def test_orders_may_fail_while_something_is_broken_and_hardly_otherwise(
        tmp_path: Path, count: int, error: str, at: float, problem: str) -> None:
    assert report(watch(tmp_path), failures=[ReportedFailure(at, error)] * count).problems == [problem] * bool(problem)


def test_the_log_of_events_tells_when_and_how_an_order_failed(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    event = {"event_name": "MarketOrderFailureEvent", "order_id": "a", "timestamp": 5.0, "error_type": "RpcError"}
    path.write_text("".join(f"time - EVENT_LOG - {json.dumps(event | change)}\n" for change in (
        {}, {"order_id": "b", "error_type": None})))
    log = EventLog(path)
    log.new_lines()
    assert log.orders.failed == {"a": ReportedFailure(5.0, "RpcError"), "b": ReportedFailure(5.0, "")}


def test_nothing_is_missed_when_hummingbot_begins_a_new_log_as_it_does_every_day(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "logs_soak.log"
    log, line = EventLog(path), LINE.format(OURS, "ERROR")
    path.write_text(2 * line)
    log.new_lines()
    with path.open("a") as file:
        file.write(line)
    path.rename(path.with_name("logs_soak.log.2026-11-23"))
    log.new_lines()
    path.write_text(2 * line)
    log.new_lines()
    log.new_lines()
    assert len(log.errors) == 5
    volume = Watch(tmp_path, "soak.yml", psutil.Process(os.getpid())).log_volume()
    assert volume.lines["ours"] == len(volume.errors) == 5


def test_what_the_comparison_found_is_a_problem(tmp_path: Path) -> None:
    assert report(watch(tmp_path), ("a unit is missing",)).problems == ["a unit is missing"]


def test_the_slope_is_that_of_the_regression_per_hour() -> None:
    assert slope([(0.0, 1.0), (1800.0, 3.0), (3600.0, 5.0)]) == pytest.approx(4.0)
    assert slope([]) == slope([(5.0, 7.0)]) == 0.0


def test_a_process_and_its_files_are_sampled(tmp_path: Path) -> None:
    for folder in ("data", "logs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "standard_sandbox_1_2.sqlite").write_bytes(b"x" * 100)
    (tmp_path / "data" / "standard_sandbox_1_2.sqlite-wal").write_bytes(b"x" * 20)
    (tmp_path / "data" / "soak.sqlite").write_bytes(b"x" * 3)
    (tmp_path / "data" / "soak.jsonl").write_text(json.dumps({"time": 1e9, "tasks": 1}) + "\n")
    seen = Watch(tmp_path, "soak.yml", psutil.Process(os.getpid()))
    seen.look()
    assert seen.samples[0].resident > 1e6 and seen.samples[0].descriptors > 0
    assert (seen.files[0].journal, seen.files[0].database, seen.files[0].logs) == (120, 3, 0)
    assert seen.reports()[0]["tasks"] == 1
