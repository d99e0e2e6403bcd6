"""The command line of the connector: one file per command.

Only the command that is asked for is imported, so that `doctor` and `link` work where packages are missing, to say which.
"""
import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.compatibility import find_hummingbot, missing_dependencies

PROGRAM = "python -m hummingbot.connector.exchange.standard"
COMMANDS = {
    "doctor": "check everything that trading on Standard needs, and say what to do",
    "orders": "list the open orders of a wallet, and cancel them without a bot",
    "link": "put the connector into a Hummingbot source checkout",
    "unlink": "take it out again",
    "config": "write the ready strategy configurations into a folder",
    "paper": "let Hummingbot trade on paper on Standard",
    "sandbox": "run a local exchange with funded test accounts and other traders",
}
_MODULES = {"unlink": "link"}


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of one command, or of all; each sets `run`, which takes the parsed arguments and returns the exit code."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Tools of the Standard connector for Hummingbot.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, words in COMMANDS.items():
        if command in (None, name):
            module = importlib.import_module(f"{__name__}.{_MODULES.get(name, name)}")
            getattr(module, f"add_{name}_parser" if name in _MODULES else "add_parser")(commands, words)
        else:
            commands.add_parser(name, help=words, add_help=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal has all characters; Python sees to it for stderr
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[0] if given and given[0] in COMMANDS else ""
    try:
        parsed = build_parser(command).parse_args(given)
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except ImportError as error:
        print(_what_is_missing(error), file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain about the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _what_is_missing(error: ImportError) -> str:
    missing = missing_dependencies()
    if find_hummingbot() is None:
        return f"Hummingbot is not installed for {sys.executable}. `{PROGRAM} doctor` says more."
    if missing:
        return f"Python packages are missing: pip install {' '.join(map(repr, missing))}"
    return f"This command cannot be loaded: {error}"
