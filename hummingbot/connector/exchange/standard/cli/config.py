"""`config`: the ready strategy configurations, and the controllers and scripts they use, written into a bot's folder."""
import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.cli.ready import FILES, ready_root

PACKAGE = Path(__file__).resolve().parents[1]


def add_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `config`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "config", help=words,
        description="Write the ready strategy configurations to DIR/conf, and the controllers and scripts that they need to "
                    "DIR/controllers and DIR/scripts. A file that is there already and differs is left alone.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR",
                        help="where Hummingbot keeps conf/ (default: the current directory)")
    parser.add_argument("--force", action="store_true", help="replace files that differ")
    parser.set_defaults(run=run)
    return parser


def ready_files() -> Iterator[tuple[Path, Path]]:
    """Each ready file and where it belongs below a bot's folder; none where they are not all there."""
    root = ready_root(PACKAGE)
    if root is not None:
        for name in FILES:
            yield root / name, Path(name.removeprefix("strategies/"))


def run(arguments: argparse.Namespace) -> int:
    """Write the files; returns the exit code, 1 when there is nothing to write or a file cannot be written."""
    folder = arguments.folder.expanduser().resolve()
    files = list(ready_files())
    if not files:
        print("The ready configurations are not here, or not all: this folder is a copy of the connector alone. They are in the "
              "wheel and in the repository.", file=sys.stderr)
        return 1
    try:
        for source, name in files:
            print(f"{_write(source, folder / name, arguments.force):>9}  {folder / name}")
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"It could not be written: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 1
    print("Read a configuration before you start it: amounts and spreads are yours to choose.")
    return 0


def _write(source: Path, target: Path, force: bool) -> str:
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return "unchanged"
    if target.exists() and not force:
        return "kept"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return "written"
