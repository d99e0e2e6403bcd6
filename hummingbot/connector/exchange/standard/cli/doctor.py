"""`doctor`: everything that trading on Standard needs, checked without changing anything, and what to do about the rest."""
import argparse
import json
import os
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.cli.checks.machine import Line, machine, signing

_NETWORKS = ("standard", "standard_testnet", "standard_sandbox")
_WIDTH = 110


def add_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `doctor`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor", help=words,
        description="Check this machine, the network's nodes and APIs, the exchange and the wallet. Changes nothing and sends no "
                    "transaction. Without a wallet (--address, a bot's stored key, or the key in the environment) the wallet's "
                    "checks are left out. Exits with 1 when a check fails.")
    parser.add_argument("--network", choices=_NETWORKS, default=_NETWORKS[0], help=f"which network (default: {_NETWORKS[0]})")
    wallet = parser.add_mutually_exclusive_group()
    wallet.add_argument("--address", metavar="0x…", help="the wallet to look at; no key is needed")
    wallet.add_argument("--key-from-bot-home", type=Path, metavar="DIR", dest="bot_home",
                        help="take the settings and the encrypted key of the Hummingbot whose conf/ is in DIR; the password "
                             "comes from HBOT_PASSWORD or is asked for")
    parser.add_argument("--json", action="store_true", help="for other programs")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Check and print; returns the exit code: 1 when a check failed, 130 when it was interrupted."""
    try:
        return _report(arguments, _lines(arguments))
    except KeyboardInterrupt:
        return 130


def _lines(arguments: argparse.Namespace) -> list[Line]:
    lines = machine(arguments.bot_home)
    broken = any(check in ("hummingbot", "dependencies") and verdict == "fail" for check, verdict, _, _ in lines)
    if broken:
        lines.append(("network", "skip", "not looked at, since packages are missing", ""))
    else:
        lines.append(signing())
        lines += _network(arguments)
    return lines


def _report(arguments: argparse.Namespace, lines: list[Line]) -> int:
    counts = {word: sum(verdict == word for _, verdict, _, _ in lines) for word in ("pass", "warn", "fail", "skip")}
    if arguments.json:
        print(json.dumps({"network": arguments.network, "counts": counts, "checks": [
            dict(zip(("check", "verdict", "detail", "advice"), line)) for line in lines]}, indent=2))
    else:
        print(_table(lines))
        print(f"\n{arguments.network}: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    return 1 if counts["fail"] else 0


def _network(arguments: argparse.Namespace) -> Iterable[Line]:
    # Imported here, where it is known that nothing is missing.
    from hummingbot.connector.exchange.standard.cli.checks.examination import examine
    return [(finding.check, finding.verdict.value, finding.detail, finding.advice)
            for finding in examine(arguments, os.environ)]


def _table(lines: Iterable[Line]) -> str:
    lines = list(lines)
    indent = " " * (8 + max(len(check) for check, *_ in lines))
    shown = []
    for check, verdict, detail, advice in lines:
        shown.append(_wrapped(f"{verdict.upper():4}  {check}".ljust(len(indent)), indent, detail))
        if advice:
            shown.append(_wrapped(f"{indent}-> ", f"{indent}   ", advice))
    return "\n".join(shown)


def _wrapped(first: str, later: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH + len(later), initial_indent=first, subsequent_indent=later, break_long_words=False,
                         break_on_hyphens=False)
