"""The soak's judgement: it sees memory that grows, tasks that are left, a journal that swells, and errors of ours."""
import json
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from soak.report import Report
from soak.watch import FileSizes, Sample, Watch, slope

HOUR = 3600.0
LINE = "2026-11-23 05:30:00,000 - 1 - {} - {} - words\n"


def watch(tmp_path: Path, grows: float = 0.0, tasks: float = 0.0, journal: float = 3e6, log: str = "") -> Watch:
    """An hour of a bot whose memory grows by so many bytes and whose tasks by so many an hour."""
    for folder in ("data", "logs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "logs" / "logs_soak.log").write_text(LINE.format("hummingbot.strategy", "INFO") + log)
    watch = Watch(tmp_path, "soak.yml", psutil.Process(os.getpid()))
    watch.began -= HOUR
    moments = [60.0 * minute for minute in range(61)]
    watch.samples = [Sample(at, int(300e6 + 50e6 * (at < 600) + grows * at / HOUR), 30, 9, at / 4) for at in moments]
    watch.files = [FileSizes(at, int(journal * at / HOUR), int(at), int(at)) for at in moments]
    watch.reports = lambda: [{"at": at, "tasks": int(40 + tasks * at / HOUR), "objects": 1000, "objects_by_class": {"Block": 3},
                              "feeds": {"order books": ["chain", 4]}} for at in moments]
    return watch


def report(watch: Watch, problems: tuple[str, ...] = ()) -> Report:
    """What is said of it, for a thousand orders."""
    ledger = SimpleNamespace(placed=1000, refunded=900, gas_paid=10 ** 17, transactions=500, failed_transactions=1)
    log = SimpleNamespace(orders=SimpleNamespace(failed={"x"}), fills={1: 2})
    summary: Any = SimpleNamespace(ledger=ledger, log=log, problems=list(problems), text=lambda: "the comparison")
    return Report(watch, Counter({"no blocks": 2}), summary)


def test_an_hour_without_a_fault_is_no_problem(tmp_path: Path) -> None:
    good = report(watch(tmp_path))
    assert good.problems == []
    for words in ("300 MB after warm-up", "+0.0 MB/h (flat: at most 12.0 MB/h)", "1000 placed", "no blocks 2", "the comparison"):
        assert words in good.text()


@pytest.mark.parametrize(("fault", "what"), [
    ({"grows": 30e6}, "it grows by 30.0 MB/h"), ({"tasks": 40.0}, "asyncio tasks: there are more and more"),
    ({"journal": 90e6}, "journal (ours): too large"),
    ({"log": LINE.format("hummingbot.connector.exchange.standard.account", "ERROR")}, "our loggers told errors"),
    ({"log": LINE.format("hummingbot.connector.exchange.standard.account", "INFO") * 6000}, "log of our loggers: too much")])
def test_what_is_wrong_is_seen(tmp_path: Path, fault: dict[str, Any], what: str) -> None:
    (problem,) = report(watch(tmp_path, **fault)).problems
    assert what in problem


def test_errors_of_others_are_none_of_ours(tmp_path: Path) -> None:
    assert report(watch(tmp_path, log=LINE.format("hummingbot.core.rate_oracle", "ERROR"))).problems == []


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
