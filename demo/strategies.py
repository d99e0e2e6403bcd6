"""`make run-strategies`: a V1 strategy and two V2 controllers trade one after the other, and nothing may be wrong.

Each runs through `hbot` on a sandbox of its own for MINUTES. Both views must agree to the unit, nothing may be left open,
and nobody may have logged a warning or an error. Exit code 0 when all is well, 1 otherwise, 130 after Ctrl-C.
"""
import os
import sys
from contextlib import ExitStack

from demo.__main__ import interrupted, interruptible
from demo.bot import CommandFailed
from demo.bot_home import REPOSITORY
from demo.session import Plan, only_one, say, trade

STRATEGIES = ("pmm_sandbox.yml", "layered_quotes_sandbox.yml", "inventory_quotes_sandbox.yml")
FOLDER = REPOSITORY / ".demo-strategies"


def run(plan: Plan) -> list[str]:
    """Let one strategy trade; what was wrong with it."""
    with ExitStack() as cleanup:
        summary = trade(plan, cleanup)
    print(f"\n{plan.strategy}\n{summary.text()}\n", flush=True)
    complaints = summary.log.complaints
    for line in complaints:
        print(f"    {line}", flush=True)
    return summary.problems + ([f"{len(complaints)} warnings or errors in the log"] if complaints else [])


def main() -> int:
    """Run all strategies, or those named on the command line; the exit code."""
    seconds = 60 * float(os.environ.get("MINUTES") or 10)
    rate = os.environ.get("RATE")
    chosen = sys.argv[1:] or STRATEGIES
    interruptible()
    try:
        only_one(REPOSITORY / "strategies")
        problems = {strategy: run(Plan(strategy, seconds, FOLDER, ("--rate", rate) if rate else (), quiet=True))
                    for strategy in chosen}
    except KeyboardInterrupt:
        return interrupted()
    except (CommandFailed, RuntimeError, OSError) as error:
        say(f"The run failed: {error}")
        return 1
    for strategy, found in problems.items():
        say(f"{strategy}: {'; '.join(found) or 'nothing wrong'}")
    return 1 if any(problems.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
