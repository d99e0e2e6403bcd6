"""What the soak looks at: the bot's process from outside, its files, its log, and the lines that its strategy reports."""
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

OUR_LOGGERS = "hummingbot.connector.exchange.standard"
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


@dataclass
class LogVolume:
    """Lines and bytes of a log, by who wrote them and how urgent it was."""

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
        """Who wrote how much into the log; lines without a head, as in tracebacks, belong to the line before."""
        volume, writer = LogVolume(), "others"
        with (self._home / "logs" / f"logs_{self._strategy}.log").open(encoding="utf-8") as file:
            for line in file:
                found = _LINE.match(line)
                if found is not None:
                    writer = "ours" if found["logger"].startswith(OUR_LOGGERS) else "others"
                    if writer == "ours":
                        volume.levels[found["level"]] += 1
                        if found["level"] in ("ERROR", "CRITICAL"):
                            volume.errors.append(line.rstrip())
                volume.lines[writer] += 1
                volume.bytes[writer] += len(line.encode())
        return volume


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
