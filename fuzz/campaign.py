"""A campaign: so many inputs for a target, in pieces, by several processes, and to be continued where it stopped.

What failed is fed again before anything else, until it is borne; and other code has everything to do again.
"""
import hashlib
import json
import logging
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz.judge import Finding, examine, limit_process
from fuzz.targets import Target, targets
from simulation.progress import code_digest as simulated_code_digest

ROOT = Path(__file__).resolve().parent.parent
# What makes the inputs, recorded answers and transactions included.
SOURCES = (ROOT / "fuzz", ROOT / "test" / "vectors")
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


class Piece(NamedTuple):
    """Some inputs of a target, by their numbers."""

    target: str
    seed: int
    numbers: Sequence[int]


def run_piece(piece: Piece) -> tuple[Sequence[int], list[Failure]]:
    """Feed these inputs; which they were, and what failed."""
    name, seed, numbers = piece
    return numbers, [failure for number in numbers if (failure := run_input(name, seed, number)) is not None]


@cache
def code_digest() -> str:
    """A digest of the decoders and of whatever makes and judges their inputs. The package's digest is the simulation's, so a
    change of the simulation also has everything fed once more, which does no harm."""
    digest = hashlib.blake2b(simulated_code_digest().encode(), digest_size=8)
    for folder in SOURCES:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


class Progress:
    """How far a target came with this code, and which inputs failed when they were last fed, in a file.

    Other code begins at the first input again, but what failed before stays known: it is what a mended decoder has to bear.
    """

    def __init__(self, folder: Path, target: str, seed: int, code: str = "") -> None:
        self._of = target, seed
        self._path = folder / f"{target}-{seed}.json"
        self._code = code or code_digest()
        self.done = 0
        self.failed: set[int] = set()
        if self._path.exists():
            state = json.loads(self._path.read_text())
            self.failed = set(state.get("failed", ()))
            if state.get("code") == self._code:
                self.done = int(state["done"])

    def pieces(self, inputs: int) -> Iterator[Piece]:
        """What is left to be fed of so many inputs, what failed first."""
        begin = self.done
        if self.failed:
            yield Piece(*self._of, tuple(sorted(self.failed)))
        for first in range(begin, inputs, PIECE):
            yield Piece(*self._of, range(first, min(first + PIECE, inputs)))

    def fed(self, numbers: Sequence[int], failures: Sequence[Failure]) -> None:
        """These inputs were fed; a range goes on where the one before it ended."""
        self.failed = self.failed.difference(numbers) | {failure.number for failure in failures}
        if isinstance(numbers, range):
            self.done = numbers.stop
        self._path.parent.mkdir(exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"code": self._code, "done": self.done, "failed": sorted(self.failed)}))
        new.replace(self._path)


def _prepare_process() -> None:
    logging.disable()
    limit_process()


def campaign(name: str, inputs: int, seed: int, jobs: int, most_failures: int, progress: Progress) -> list[Failure]:
    """Feed a target what failed before, then up to so many inputs; returns the different failures. It stops once there are
    `most_failures`."""
    known()  # before the processes fork
    failures: dict[str, Failure] = {}
    count, started, begun, shown = 0, time.monotonic(), progress.done, time.monotonic()
    with multiprocessing.get_context("fork").Pool(jobs, _prepare_process) as pool:
        for numbers, found in pool.imap(run_piece, progress.pieces(inputs)):
            count += len(found)
            for failure in found:
                if failure.finding.headline not in failures:
                    failures[failure.finding.headline] = failure
                    print(failure, flush=True)
            progress.fed(numbers, found)
            if time.monotonic() - shown > REPORT_SECONDS:
                shown = time.monotonic()
                print(_line(name, progress.done, inputs, begun, started, count), file=sys.stderr, flush=True)
            if count >= most_failures:
                break
        pool.terminate()
    print(_line(name, progress.done, inputs, begun, started, count), flush=True)
    return list(failures.values())


def _line(name: str, done: int, inputs: int, begun: int, started: float, failures: int) -> str:
    rate = (done - begun) / max(1e-9, time.monotonic() - started)
    return f"{name}: {done:,} of {inputs:,} inputs, {rate:,.0f} a second, {failures} failures"
