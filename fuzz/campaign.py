"""A campaign: so many inputs for a target, in pieces, by several processes, and to be continued where it stopped."""
import json
import logging
import multiprocessing
import sys
import time
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz.judge import Finding, examine, limit_process
from fuzz.targets import Target, targets

PIECE = 2_000
REPORT_SECONDS = 10.0


class Failure(NamedTuple):
    """An input that a decoder did not bear."""

    target: str
    seed: int
    number: int
    finding: Finding

    def __str__(self) -> str:
        again = f"make fuzz TARGET={self.target} SEED={self.seed} AT={self.number}"
        details = self.finding.details.rstrip().replace("\n", "\n    ")
        return f"{self.target}: {self.finding.headline}\n    {again}\n    {details}"


@cache
def known() -> dict[str, Target]:
    """The targets, made once in a process."""
    return targets()


def payload_of(name: str, seed: int, number: int) -> tuple[str, bytes, Random]:
    """The kind and the bytes of an input, and the chance that goes on from there: the same for the same three."""
    target, chance = known()[name], Random(f"{seed} {name} {number}")
    sample = chance.choice(target.samples)
    return sample.kind, target.damage(sample.body, chance, target.bodies), chance


def run_input(name: str, seed: int, number: int) -> Failure | None:
    """Feed one input to its decoder."""
    target = known()[name]
    kind, payload, chance = payload_of(name, seed, number)
    finding = examine(lambda body: target.decode(kind, body, chance), payload, target.allowed)
    return Failure(name, seed, number, finding) if finding is not None else None


def run_piece(piece: tuple[str, int, int, int]) -> tuple[int, list[Failure]]:
    """Feed the inputs from one number to another."""
    name, seed, first, last = piece
    failures = [failure for number in range(first, last) if (failure := run_input(name, seed, number)) is not None]
    return last, failures


class Progress:
    """How far a target came, in a file."""

    def __init__(self, folder: Path, target: str, seed: int) -> None:
        self._path = folder / f"{target}-{seed}.json"
        self.done = 0
        if self._path.exists():
            self.done = int(json.loads(self._path.read_text())["done"])

    def reached(self, done: int) -> None:
        """Everything before this number has been fed."""
        self.done = done
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps({"done": done}))


def _prepare_process() -> None:
    logging.disable()
    limit_process()


def campaign(name: str, inputs: int, seed: int, jobs: int, most_failures: int, progress: Progress) -> list[Failure]:
    """Feed a target up to so many inputs; returns the different failures. It stops once there are `most_failures`."""
    known()  # before the processes fork
    failures: dict[str, Failure] = {}
    count, started, begun, shown = 0, time.monotonic(), progress.done, time.monotonic()
    pieces = ((name, seed, first, min(first + PIECE, inputs)) for first in range(progress.done, inputs, PIECE))
    with multiprocessing.get_context("fork").Pool(jobs, _prepare_process) as pool:
        for done, found in pool.imap(run_piece, pieces):
            count += len(found)
            for failure in found:
                if failure.finding.headline not in failures:
                    failures[failure.finding.headline] = failure
                    print(failure, flush=True)
            progress.reached(done)
            if time.monotonic() - shown > REPORT_SECONDS:
                shown = time.monotonic()
                print(_line(name, done, inputs, begun, started, count), file=sys.stderr, flush=True)
            if count >= most_failures:
                break
        pool.terminate()
    print(_line(name, progress.done, inputs, begun, started, count), flush=True)
    return list(failures.values())


def _line(name: str, done: int, inputs: int, begun: int, started: float, failures: int) -> str:
    rate = (done - begun) / max(1e-9, time.monotonic() - started)
    return f"{name}: {done:,} of {inputs:,} inputs, {rate:,.0f} a second, {failures} failures"
