"""`make soak`: stock Hummingbot quotes on three pairs for HOURS among random faults; exit code 1 when something is wrong.

The sandbox is a process of its own with busy traders (RATE transactions a second) and a short history. Faults come in
rounds: one to three at once for some seconds, then a pause in which the chain is read. SEED chooses them. At the end
everything is mended, the bot is stopped, and its books are compared with the chain to the unit.
"""
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from demo.__main__ import interrupted, interruptible
from demo.bot import CommandFailed
from demo.bot_home import REPOSITORY
from demo.session import Plan, Session, only_one, say
from soak.faults import Chaos
from soak.report import Report
from soak.watch import Watch

STRATEGY = "soak.yml"
PAIRS = ("SOMI-USDC", "WBTC-USDC", "WETH-USDC")
SAMPLE_SECONDS = 5.0
FAULTY_SECONDS = 4.0, 20.0
CALM_SECONDS = 6.0, 15.0
LAST_CALM_SECONDS = 45.0
TELL_SECONDS = 300.0


class Soak:
    """One session under random faults."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        process = session.bot.process()
        if process is None:
            raise RuntimeError("the bot has ended")
        self.watch = Watch(session.home, STRATEGY, process)
        self.chaos = Chaos(session.sandbox.url, seed, session.home / "data" / "faults.jsonl")
        self._told = time.monotonic()

    def run(self, hours: float) -> Report:
        """Break and mend for so long, then compare."""
        end = time.monotonic() + hours * 3600
        while time.monotonic() < end - LAST_CALM_SECONDS - FAULTY_SECONDS[1] - CALM_SECONDS[1]:
            self.chaos.break_something()
            self._live(self.chaos.pause(*FAULTY_SECONDS))
            self.chaos.mend()
            self._live(self.chaos.pause(*CALM_SECONDS))
            self._read_chain()
            self._tell()
        self._live(max(0.0, end - time.monotonic()))
        summary = self.session.finish()
        return Report(self.watch, self.chaos, summary)

    def _live(self, seconds: float) -> None:
        """Let time pass and take samples. Raises RuntimeError when the bot is gone."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self.watch.look()
            except psutil.Error as error:
                raise RuntimeError(f"the bot has ended: {error}") from error
            self.session.tell_news()
            time.sleep(min(SAMPLE_SECONDS, left))

    def _read_chain(self) -> None:
        """Read on in the chain, or the next time when the sandbox is too busy to answer."""
        try:
            self.session.ledger.catch_up()
        except OSError as error:
            say(f"The chain could not be read now: {error}")

    def _tell(self) -> None:
        if time.monotonic() - self._told >= TELL_SECONDS:
            self._told = time.monotonic()
            sample, ledger = self.watch.samples[-1], self.session.ledger
            say(f"{sample.at / 3600:.2f} h, {sample.resident / 1e6:.0f} MB, {sample.descriptors} descriptors, {ledger.placed} "
                f"orders, {len(self.session.log.fills)} fills, {sum(self.chaos.thrown.values())} faults")


def main() -> int:
    """Run the soak; the exit code."""
    hours, rate = float(os.environ.get("HOURS") or 1), os.environ.get("RATE") or "30"
    seed = int(os.environ.get("SEED") or time.time())
    plan = Plan(STRATEGY, hours * 3600, REPOSITORY / ".soak", quiet=True, pairs=PAIRS, additions=Path(__file__).parent / "home",
                sandbox=("--pairs", str(len(PAIRS)), "--rate", rate, "--history-blocks", "3000", "--seed", str(seed % 10_000)))
    interruptible()
    with ExitStack() as cleanup:
        try:
            only_one(Path(__file__).parent)
            session = Session(plan, cleanup)
            session.begin()
            say(f"The strategy quotes on {len(PAIRS)} pairs for {hours:g} h; SEED={seed}.")
            report = Soak(session, seed).run(hours)
        except KeyboardInterrupt:
            return interrupted()
        except (CommandFailed, RuntimeError, OSError) as error:
            say(f"The soak failed: {error}")
            return 1
    print("\nSoak\n" + report.text(), flush=True)
    for problem in report.problems:
        say(f"WRONG: {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
