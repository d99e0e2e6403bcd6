"""What a benchmark tells: figures with their floors and bars, how short work is timed, and the table at the end."""
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

MICROSECONDS = 1e6
_BATCHES = 9
_COLUMNS = ("#", "what", "figure", "floor", "ratio", "bar", "")


class Bar(NamedTuple):
    """What a figure should be: at most, or at least, so much; or so many times its floor."""

    limit: float
    of_floor: bool = False
    is_least: bool = False


class Figure(NamedTuple):
    """One measured figure. `floor` is what the same work takes without the connector, measured in the same run."""

    row: int
    what: str
    value: float
    unit: str
    bar: Bar | None = None
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is."""
        return self.value / self.floor if self.floor else None

    @property
    def is_met(self) -> bool | None:
        """Whether it is what it should be; None without a bar."""
        if self.bar is None:
            return None
        value = self.ratio if self.bar.of_floor else self.value
        return value is not None and (value >= self.bar.limit if self.bar.is_least else value <= self.bar.limit)

    def document(self) -> dict[str, Any]:
        """For a file."""
        return {**self._asdict(), "bar": self.bar._asdict() if self.bar else None, "ratio": self.ratio, "met": self.is_met}


def table(figures: Sequence[Figure]) -> str:
    """The figures as text, one line each."""
    lines = [_COLUMNS, *(_line(figure) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    left = (1, 6)
    return "\n".join("  ".join(cell.ljust(width) if column in left else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def _line(figure: Figure) -> tuple[str, ...]:
    bar, verdict = "", {True: "met", False: "MISSED", None: ""}[figure.is_met]
    if figure.bar is not None:
        sign = ">=" if figure.bar.is_least else "<="
        bar = f"{sign} {figure.bar.limit:g} x" if figure.bar.of_floor else f"{sign} {figure.bar.limit:g} {figure.unit}"
    return (str(figure.row), figure.what, f"{_shown(figure.value)} {figure.unit}",
            "" if figure.floor is None else _shown(figure.floor), "" if figure.ratio is None else f"{figure.ratio:.2f}", bar,
            verdict)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def best(*works: Callable[[], object], seconds: float, batches: int = _BATCHES) -> list[float]:
    """Seconds of computing that one call of each piece of work takes, in its best batch.

    The batches take turns, so that a machine that is slow for a while is slow for all of them; they take about so many
    seconds altogether, and the garbage collector is off meanwhile.
    """
    counts = [max(1, round(seconds / batches / len(works) / max(_batch(work, 3), 1e-7))) for work in works]
    results = [float("inf")] * len(works)
    for _ in range(batches):
        for index, (work, count) in enumerate(zip(works, counts)):
            results[index] = min(results[index], _batch(work, count))
    return results


def _batch(work: Callable[[], object], count: int) -> float:
    gc.collect()
    gc.disable()
    try:
        started = time.thread_time()
        for _ in range(count):
            work()
        return (time.thread_time() - started) / count
    finally:
        gc.enable()
