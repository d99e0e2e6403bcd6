"""`sandbox replay`: run recorded transactions through a fresh sandbox and tell every difference."""
import argparse
import sys
from typing import Any

from hummingbot.connector.exchange.standard.sandbox.replay import run_replay


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command `replay` to the commands of `sandbox`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "replay", help="replay recorded transactions and compare",
        description="Run every scenario of the files through JSON-RPC against a fresh sandbox, print one line per mismatch "
                    "and a summary. Exits with 0 when there is no mismatch, 1 when there is, 2 when a file is unusable.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="recorded scenarios, JSON or gzipped JSON")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Replay `arguments.files`; returns the exit code."""
    return run_replay(arguments.files, sys.stdout, sys.stderr)
