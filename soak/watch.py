"""What the soak looks at: the bot's process from outside, its files, its log, and the lines that its strategy reports."""
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

from demo.event_log import rotated

OUR_LOGGERS = "hummingbot.connector.exchange.standard"
# Tells what tasks ended with that Hummingbot started and nobody waits for.
BACKGROUND_TASKS = "hummingbot.core.utils.async_utils"
ERROR_LEVELS = ("ERROR", "CRITICAL", "NETWORK")  # the last is Hummingbot's, for what goes wrong between it and an exchange
_OUR_FRAME = re.compile(r'File "[^"]*/exchange/standard/(?!sandbox/)')
_LINE = re.compile(r"^\d{4}-\S+ \S+ - \d+ - (?P<logger>\S+) - (?P<level>[A-Z_]+) - ")


class Sample(NamedTuple):
    """The process at one moment: seconds since the start, resident bytes, descriptors, threads, CPU seconds."""

    at: float
    resident: int
    descriptors: int
    threads: int
    cpu: float


class FileSizes(NamedTuple):
    """Bytes on disk at one moment: the connector's journal, Hummingbot's database, all logs."""

    at: float
    journal: int
    database: int
    logs: int


class Record(NamedTuple):
    """What was logged at once: a line, and the lines without a head that follow it, as in tracebacks."""

    logger: str
    level: str
    lines: list[str]

    @property
    def is_ours(self) -> bool:
        """Whether one of our loggers wrote it."""
        return self.logger.startswith(OUR_LOGGERS)

    @property
    def is_our_error(self) -> bool:
        """Whether it tells of an error that is ours: one of our loggers or the end of a task does, or, at whatever level, a
        traceback leads through our code."""
        if any(_OUR_FRAME.search(line) for line in self.lines[1:]):
            return True
        return self.level in ERROR_LEVELS and (self.is_ours or self.logger == BACKGROUND_TASKS)


@dataclass
class LogVolume:
    """Lines and bytes of a log, by who wrote them and how urgent it was; `errors` are those that our code has to do with."""

    lines: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Watch:
    """Samples of one bot, taken whenever `look` is called."""

    def __init__(self, home: Path, strategy: str, process: psutil.Process) -> None:
        self.began = time.monotonic()
        self.samples: list[Sample] = []
        self.files: list[FileSizes] = []
        self._home = home
        self._strategy = Path(strategy).stem
        self._process = process

    def look(self) -> None:
        """Take a sample. Raises psutil.NoSuchProcess when the bot has ended."""
        at = time.monotonic() - self.began
        with self._process.oneshot():
            times = self._process.cpu_times()
            self.samples.append(Sample(at, self._process.memory_info().rss, self._process.num_fds(),
                                       self._process.num_threads(), times.user + times.system))
        data = self._home / "data"
        self.files.append(FileSizes(at, _size(data.glob("standard*.sqlite*")), _size(data.glob(f"{self._strategy}.sqlite*")),
                                    _size((self._home / "logs").glob("*"))))

    def reports(self) -> list[dict[str, Any]]:
        """What the strategy wrote, with `at` in seconds since the start."""
        path = self._home / "data" / "soak.jsonl"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        offset = time.time() - (time.monotonic() - self.began)
        return [{**line, "at": line["time"] - offset} for line in lines]

    def log_volume(self) -> LogVolume:
        """Who wrote how much into the log, and what errors of ours are in it."""
        volume = LogVolume()
        for record in self._records():
            writer = "ours" if record.is_ours else "others"
            volume.lines[writer] += len(record.lines)
            volume.bytes[writer] += sum(len(line.encode()) for line in record.lines)
            if record.is_ours:
                volume.levels[record.level] += 1
            if record.is_our_error:
                volume.errors.append(" … ".join(dict.fromkeys((record.lines[0].rstrip(), record.lines[-1].rstrip()))))
        return volume

    def _records(self) -> Iterator[Record]:
        record: Record | None = None
        for line in self._log_lines():
            found = _LINE.match(line)
            if found is None and record is not None:
                record.lines.append(line)
                continue
            if record is not None:
                yield record
            record = Record(found["logger"] if found else "", found["level"] if found else "", [line])
        if record is not None:
            yield record

    def _log_lines(self) -> Iterator[str]:
        path = self._home / "logs" / f"logs_{self._strategy}.log"
        for part in (*rotated(path), path):
            with part.open(encoding="utf-8") as file:
                yield from file


def _size(paths: Any) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # SQLite removes its journal between listing and looking
            continue
    return total


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The change per hour by linear regression over (seconds, value); 0 for fewer than two moments."""
    count = len(points)
    middle = sum(at for at, _ in points) / count if count else 0.0
    spread = sum((at - middle) ** 2 for at, _ in points)
    return 3600 * sum((at - middle) * value for at, value in points) / spread if spread else 0.0
