"""The soak's one table, and what in it is wrong."""
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from demo.chain_view import Ledger
from demo.event_log import ReportedFailure
from demo.summary import Summary
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    NotSentError,
    RateLimitedError,
    RpcError,
    StreamBrokenError,
)
from soak.faults import Chaos
from soak.watch import LogVolume, Watch, slope

WARM_UP = 1 / 3  # of the time, but not longer than LONGEST_WARM_UP
LONGEST_WARM_UP = 1800.0
MEGABYTE = 1e6
# Hummingbot keeps something of every order and fill of a run in memory: ids and details, and in its event logs each fill's
# whole event, which is about 1 kB a time.
BYTES_PER_ORDER = 2_000
BYTES_PER_FILL = 2_500
FLAT_MEMORY = 10.0  # MB/h beyond that
# Between the quietest moments of the first and of the last quarter after the warm-up: what leaks is there then, too, while the
# busiest moments are as busy as the faults and the machine make them.
MOST_NEW_TASKS = 10
MOST_NEW_DESCRIPTORS = 10
MOST_JOURNAL = 40.0  # MB, whatever was traded
# Between the quietest moments of the first and of the last quarter after the warm-up. What the connector keeps is bounded, so
# nearly nothing is left to it of the orders that Hummingbot keeps; but a chain stream has some 700 objects, and a few that broke
# may still wait for the garbage collector. One object for each order would be seen.
MOST_NEW_OBJECTS = 2_000
NEW_OBJECTS_PER_ORDER = 0.05
# Faults are thrown for half of the time, and some of them let no order through: an hour of them cost 7 % of the orders at most.
MOST_FAILED = 0.10  # of all orders
MOST_FAILED_WITHOUT_FAULT = 0.01
# What a fault of the node, the API or the way to them makes an order fail with.
ERRORS_BY_FAULT = {error.__name__ for error in (
    ApiUnavailableError, StreamBrokenError, RateLimitedError, BadDataError, RpcError, NotSentError)}
MOST_OWN_LOG_LINES = 5_000  # per hour, with faults thrown all the time: a few lines for each order that one meets


class Row(NamedTuple):
    """A line of the table; `problem` says what is wrong with it."""

    what: str
    figure: str
    problem: str = ""


class Report:
    """Everything that was seen in one soak; `problems` is empty when nothing is wrong."""

    def __init__(self, watch: Watch, chaos: Chaos, summary: Summary) -> None:
        self._watch = watch
        self._chaos = chaos
        self._summary = summary
        self._hours = (watch.samples[-1].at - watch.samples[0].at) / 3600
        self._steady_from = min(WARM_UP * watch.samples[-1].at, LONGEST_WARM_UP)
        self._reports = watch.reports()
        self.rows = [*self._process(), *self._files(), *self._log(watch.log_volume()),
                     *self._trading(summary.log, summary.ledger), *self._around()]
        self.problems = [f"{row.what}: {row.problem}" for row in self.rows if row.problem] + summary.problems

    def text(self) -> str:
        """The table, then the comparison's, then the problems."""
        width = max(len(row.what) for row in self.rows)
        lines = [f"{row.what:{width}}  {row.figure}{'  <-- ' + row.problem if row.problem else ''}" for row in self.rows]
        return "\n".join([*lines, "", self._summary.text()])

    # The process

    def _process(self) -> Iterator[Row]:
        samples = self._watch.samples
        steady = [sample for sample in samples if sample.at >= self._steady_from]
        hours = (steady[-1].at - steady[0].at) / 3600 or 1e-9
        yield Row("time", f"{self._hours:.2f} h, of them {self._hours - hours:.2f} h warm-up; CPU "
                          f"{100 * samples[-1].cpu / samples[-1].at:.0f} % of a core")
        yield self._memory(steady, hours)
        yield self._counts("asyncio tasks", [(line["at"], line["tasks"]) for line in self._reports], MOST_NEW_TASKS)
        yield self._counts("file descriptors", [(sample.at, sample.descriptors) for sample in samples], MOST_NEW_DESCRIPTORS)
        yield self._counts("threads", [(sample.at, sample.threads) for sample in samples], MOST_NEW_DESCRIPTORS)
        yield self._objects()

    def _memory(self, steady: Sequence[Any], hours: float) -> Row:
        resident = [(sample.at, sample.resident / MEGABYTE) for sample in steady]
        per_hour = slope(resident)
        kept = BYTES_PER_ORDER * self._summary.ledger.placed + BYTES_PER_FILL * len(self._summary.log.fills)
        allowed = FLAT_MEMORY + kept / self._hours / MEGABYTE
        flat = per_hour <= allowed
        return Row("memory (RSS)", f"{resident[0][1]:.0f} MB after warm-up, {resident[-1][1]:.0f} MB at the end, at most "
                                   f"{max(value for _, value in resident):.0f} MB; {per_hour:+.1f} MB/h "
                                   f"({'flat' if flat else 'not flat'}: at most {allowed:.1f} MB/h)",
                   "" if flat else f"it grows by {per_hour:.1f} MB/h")

    def _counts(self, what: str, points: Sequence[tuple[float, float]], most_new: int) -> Row:
        steady = [(at, value) for at, value in points if at >= self._steady_from]
        if not steady:
            return Row(what, "not counted", "nothing was counted")
        values = [value for _, value in steady]
        first, last = (min(quarter) for quarter in _first_and_last_quarter(values))
        return Row(what, f"{min(values):.0f} to {max(values):.0f}, {slope(steady):+.1f} per hour; at least {first:.0f} in the "
                         f"first quarter after warm-up, {last:.0f} in the last",
                   "there are more and more of them" if last > first + most_new else "")

    def _objects(self) -> Row:
        what = "objects of the connector's classes"
        counts = [(line["at"], line["objects"]) for line in self._reports if line["at"] >= self._steady_from]
        if not counts:
            return Row(what, "not counted", "nothing was counted")
        first, last = (min(quarter) for quarter in _first_and_last_quarter([count for _, count in counts]))
        allowed = MOST_NEW_OBJECTS + NEW_OBJECTS_PER_ORDER * self._summary.ledger.placed
        classes = ", ".join(f"{count} {name}" for name, count in list(self._reports[-1]["objects_by_class"].items())[:4])
        return Row(what, f"{counts[0][1]} after warm-up, {counts[-1][1]} at the end, {slope(counts):+.0f} per hour; at least "
                         f"{first} in the first quarter after warm-up, {last} in the last (at most {allowed:.0f} more); "
                         f"most: {classes}",
                   "there are more and more of them" if last > first + allowed else "")

    # Files and logs

    def _files(self) -> Iterator[Row]:
        sizes = self._watch.files
        steady = [size for size in sizes if size.at >= self._steady_from]
        for what, name, most in (("journal (ours)", "journal", MOST_JOURNAL), ("Hummingbot's database", "database", None),
                                 ("logs of the bot", "logs", None)):
            points = [(size.at, getattr(size, name) / MEGABYTE) for size in steady]
            too_large = most is not None and points[-1][1] > most
            yield Row(what, f"{points[-1][1]:.1f} MB at the end, {slope(points):+.1f} MB/h"
                            + (f" (bounded: at most {most:.0f} MB)" if most else ""), "too large" if too_large else "")

    def _log(self, volume: LogVolume) -> Iterator[Row]:
        ours, everybody = (volume.lines["ours"] / self._hours, sum(volume.lines.values()) / self._hours)
        levels = ", ".join(f"{count} {level}" for level, count in sorted(volume.levels.items())) or "none"
        kilobytes = volume.bytes["ours"] / self._hours / 1e3
        yield Row("log of our loggers", f"{ours:.0f} lines and {kilobytes:.0f} kB an hour ({levels})",
                  "too much" if ours > MOST_OWN_LOG_LINES else "")
        yield Row("log of all", f"{everybody:.0f} lines and {sum(volume.bytes.values()) / self._hours / 1e3:.0f} kB an hour")
        yield Row("errors of ours", f"{len(volume.errors)}" + "".join(f"\n    {line}" for line in volume.errors[:3]),
                  "our code told errors, or is in their tracebacks" if volume.errors else "")

    # What was done

    def _trading(self, log: Any, ledger: Ledger) -> Iterator[Row]:
        yield Row("orders", f"{ledger.placed} placed, {ledger.refunded} cancelled; {ledger.placed / self._hours:.0f} an hour")
        yield self._failures(list(log.orders.failed.values()), ledger.placed)
        yield Row("fills", f"{len(log.fills)}, {len(log.fills) / self._hours:.0f} an hour")
        yield Row("gas", f"{ledger.gas_paid / 10 ** 18:.6f} SOMI in {ledger.transactions} transactions, "
                         f"{ledger.failed_transactions} of them failed")

    def _failures(self, failures: Sequence[ReportedFailure], placed: int) -> Row:
        """Which orders failed, and for how many of them no fault was to blame."""
        others = [failure.error or "unknown" for failure in failures
                  if failure.error not in ERRORS_BY_FAULT or not self._chaos.explains(failure.at)]
        share, share_of_others = (count / max(placed + len(failures), 1) for count in (len(failures), len(others)))
        kinds = "".join(f", {count} {kind}" for kind, count in Counter(others).most_common(4))
        problem = "too many" if share > MOST_FAILED else "too many by no fault" if share_of_others > MOST_FAILED_WITHOUT_FAULT \
            else ""
        return Row("failed orders", f"{len(failures)}, {share:.1%} of all (at most {MOST_FAILED:.0%}); {len(others)} by no "
                                    f"fault, {share_of_others:.1%} (at most {MOST_FAILED_WITHOUT_FAULT:.0%}){kinds}", problem)

    def _around(self) -> Iterator[Row]:
        feeds = self._reports[-1]["feeds"] if self._reports else {}
        switches = ", ".join(f"{what} {count} (now {source})" for what, (source, count) in feeds.items())
        yield Row("switches of feeds", switches, "" if feeds else "the strategy reported nothing")
        yield Row("faults thrown", f"{sum(self._chaos.thrown.values())}: " + ", ".join(
            f"{kind} {count}" for kind, count in sorted(self._chaos.thrown.items())))


def _first_and_last_quarter(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Of what was counted after the warm-up, at least one value each."""
    quarter = max(len(values) // 4, 1)
    return values[:quarter], values[-quarter:]
