"""What the connector costs, in ten rows with their floors and bars: `make bench`, or `python -m bench --help`.

Each part runs in a process of its own, one after the other. The exit code is 0 also when a bar is missed, unless --check is
given; a part that cannot be measured ends it with an error.
"""
import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.figures import Figure, table
from bench.parts import PARTS, measured


def run(rows: Sequence[int], scale: float) -> list[Figure]:
    """The figures of these rows."""
    found: list[Figure] = []
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        for part, numbers in PARTS.items():
            if set(rows) & set(numbers):
                began = time.monotonic()
                found += [figure for figure in processes.submit(measured, part, scale).result() if figure.row in rows]
                print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the file; the exit code."""
    numbers = [number for part in PARTS.values() for number in part]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=numbers, choices=numbers, metavar="ROW", help="these only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    parser.add_argument("--scale", type=float, default=1.0, help="shorten the measurements, which makes them less exact")
    options = parser.parse_args(arguments)
    figures = run(options.rows, options.scale)
    if options.json is not None:
        options.json.write_text(json.dumps([figure.document() for figure in figures], indent=1) + "\n", encoding="utf-8")
    print(table(figures))
    missed = sum(figure.is_met is False for figure in figures)
    print(f"{missed} of {sum(figure.bar is not None for figure in figures)} bars are missed.")
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
