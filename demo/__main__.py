"""`make demo`: stock Hummingbot makes a market on a local sandbox for a while, then every unit is checked.

DEMO_SECONDS says how long it trades. Exit code 0 when both views agree, something was filled and no order was left;
1 otherwise; 130 after Ctrl-C, which cancels the orders and ends what was started.
"""
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from demo.bot import CommandFailed
from demo.bot_home import REPOSITORY
from demo.session import Plan, only_one, say, trade

STRATEGY = "pmm_sandbox.yml"
FOLDER = REPOSITORY / ".demo"
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def interruptible() -> None:
    """Let every signal that ends the process be an interruption, so that what was started is ended too."""
    for number in ENDING_SIGNALS[1:]:
        signal.signal(number, _interrupt)


def interrupted() -> int:
    """Say so, let nothing disturb the cleaning up, and return the exit code."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    say("Interrupted: the bot cancels its orders and ends, then the sandbox.")
    return 130


def main() -> int:
    """Run the demonstration; the exit code."""
    seconds = float(os.environ.get("DEMO_SECONDS") or 60)
    interruptible()
    with ExitStack() as cleanup:
        try:
            only_one(Path(__file__).parent)
            summary = trade(Plan(STRATEGY, seconds, FOLDER), cleanup)
        except KeyboardInterrupt:
            return interrupted()
        except (CommandFailed, RuntimeError, OSError) as error:
            say(f"The demonstration failed: {error}")
            return 1
    print("\nSummary\n" + summary.text(), flush=True)
    return 1 if summary.problems else 0


if __name__ == "__main__":
    sys.exit(main())
