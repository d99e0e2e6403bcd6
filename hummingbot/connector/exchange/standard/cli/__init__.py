"""The command line of the connector: one file per command."""
import argparse
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.cli import sandbox

PROGRAM = "python -m hummingbot.connector.exchange.standard"


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`, which takes the parsed arguments and returns the exit code."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Tools of the Standard connector for Hummingbot.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    sandbox.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parsed = build_parser().parse_args(arguments)
    code: int = parsed.run(parsed)
    return code
