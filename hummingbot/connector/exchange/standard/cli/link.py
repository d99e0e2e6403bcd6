"""`link` and `unlink`: the connector's folder in a Hummingbot source checkout, or in the working directory of a bot.

Hummingbot lists the connectors in one directory of its own package, so the folder must be there: as a symbolic link, which
follows every change of the original, or as a copy. Only the standard library is needed. Whatever could destroy somebody's
files is refused: nothing is replaced or removed that was not put there by `link`.
"""
import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.cli.ready import FILES, ready_root
from hummingbot.connector.exchange.standard.compatibility import (
    TESTED_RELEASE,
    Hummingbot,
    untested_version,
    version_of,
)

SOURCE = Path(__file__).resolve().parents[1]
PLACE = Path("hummingbot", "connector", "exchange", "standard")
# Marks a copy that `link --copy` made, and so may replace or remove.
MARK = ".copied_by_link"
_EXCLUDED = f"/{PLACE.as_posix()}"
_INSTALLED = ("site-packages", "dist-packages")


class Refusal(Exception):
    """Why nothing was done, and what to do instead."""


def add_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `link`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "link", help=words,
        description="Put this connector into a Hummingbot source checkout (or the working directory of a bot), where Hummingbot "
                    "finds it at its next start, and keep it out of `git status` there. For a Hummingbot from PyPI install "
                    "the wheel with pip instead.")
    parser.add_argument("path", type=Path, metavar="PATH", help="the checkout: the folder that contains hummingbot/")
    parser.add_argument("--copy", action="store_true", help="copy the files instead of a symbolic link; again to renew them")
    parser.set_defaults(run=lambda arguments: _told(lambda: link(arguments.path, arguments.copy)))
    return parser


def add_unlink_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `unlink`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "unlink", help=words, description="Remove what `link` put into a Hummingbot source checkout, and nothing else.")
    parser.add_argument("path", type=Path, metavar="PATH", help="the checkout: the folder that contains hummingbot/")
    parser.set_defaults(run=lambda arguments: _told(lambda: unlink(arguments.path)))
    return parser


def _told(action: Any) -> int:
    try:
        print("\n".join(action()))
    except Refusal as refusal:
        print(f"Nothing was done: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"It could not be done: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 1
    return 0


def link(path: Path, copy: bool, source: Path = SOURCE) -> list[str]:
    """Link or copy the connector into the checkout at `path`; returns what was done, in sentences. Raises Refusal."""
    root = _checkout(path)
    target = root / PLACE
    _refuse_hazards(root, source, copy)
    done = []
    if target.is_symlink() and not copy and target.resolve() == source:
        done.append(f"{target} is a link to {source} already.")
    else:
        _clear(target)
        if copy:
            _copy(source, target)
            done.append(f"Copied {source} to {target}. Run this again after each update of the connector.")
        else:
            target.symlink_to(source, target_is_directory=True)
            done.append(f"Linked {target} to {source}: Hummingbot runs these files, edits included.")
    done += _exclude(root)
    hummingbot = Hummingbot(root / "hummingbot", version_of(root / "hummingbot"))
    done.append(f"Restart Hummingbot: it lists standard, standard_testnet and standard_sandbox (tested with {TESTED_RELEASE}).")
    if not hummingbot.tested:
        done.append(f"Warning: {untested_version(hummingbot.version)}")
    done.append("`git clean` and `make build` in the checkout remove it; then run this command again.")
    return done


def unlink(path: Path) -> list[str]:
    """Remove the link or the copy that `link` made; returns what was done, in sentences. Raises Refusal."""
    root = _checkout(path)
    target = root / PLACE
    if target.is_symlink():
        leads = target.readlink()
        if not _is_connector(target) and target.exists():
            raise Refusal(f"{target} leads to {leads}, which is not this connector.")
        target.unlink()
        done = [f"Removed the link {target}; the files at {leads} are as they were."]
    elif (target / MARK).is_file():
        shutil.rmtree(target)
        done = [f"Removed the copy {target}."]
    elif target.exists():
        raise Refusal(f"{target} was not made by `link`: remove it the way it was installed.")
    else:
        raise Refusal(f"there is no connector at {target}.")
    done += _include(root)
    keys = sorted((root / "conf" / "connectors").glob("standard*.yml"))
    if keys:
        done.append("Hummingbot does not start with keys of a connector that it does not have. Delete: "
                    + ", ".join(map(str, keys)))
    return done


def _checkout(path: Path) -> Path:
    """The root of a checkout or a bot's working directory, resolved; Refusal when it is neither."""
    root = path.expanduser().resolve()
    if not root.is_dir():
        raise Refusal(f"there is no folder {root}.")
    exchanges = root / PLACE.parent
    if not ((root / "hummingbot" / "__init__.py").is_file() and (exchanges / "__init__.py").is_file()):
        above = next((folder for folder in root.parents if (folder / PLACE.parent / "__init__.py").is_file()), None)
        hint = f" Did you mean {above}?" if above is not None else ""
        raise Refusal(f"{root} is no Hummingbot checkout: it has no {PLACE.parent.as_posix()} of Hummingbot.{hint}")
    if any(part in _INSTALLED for part in root.parts):
        raise Refusal(f"{root} is an installed Hummingbot, which loses a link without a word when pip upgrades it. "
                      "Install the connector's wheel with pip there.")
    if exchanges.resolve() != exchanges:
        raise Refusal(f"{exchanges} is itself a link to {exchanges.resolve()}, so the connector would land there.")
    return root


def _refuse_hazards(root: Path, source: Path, copy: bool) -> None:
    if not _is_connector(source):
        raise Refusal(f"{source} is not a complete connector folder.")
    if source == (root / PLACE):
        raise Refusal(f"this command runs from the connector inside {root}: it is there already.")
    if source.is_relative_to(root / PLACE) or (root / PLACE).is_relative_to(source):
        raise Refusal(f"{root} and {source} lie inside each other.")
    if not copy and any(part in _INSTALLED for part in source.parts):
        raise Refusal(f"these files belong to an installed wheel ({source}): uninstalling it would leave a link to nothing, and "
                      "reinstalling it would change the checkout. Use --copy, or run `link` from a clone of the connector.")
    for wheel in sorted(root.glob("hummingbot_standard-*.dist-info")):
        raise Refusal(f"the connector's wheel was unpacked into the checkout ({wheel.name}): uninstalling it later would delete "
                      "the files behind a link. Uninstall it first.")


def _clear(target: Path) -> None:
    """Remove an earlier copy of ours; Refusal for anything else that stands at the target."""
    if target.is_symlink():
        raise Refusal(f"{target} is a link to {target.readlink()}: run `unlink` first.")
    if target.exists() and not (target / MARK).is_file():
        raise Refusal(f"{target} exists and was not made by `link`: move it away first.")
    if target.exists():
        shutil.rmtree(target)


def _is_connector(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("standard_exchange.py", "standard_utils.py", "standard_constants.py"))


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    # In a clone the ready configurations stand outside of the folder; a copy takes them along for the command `config`.
    root = ready_root(source)
    if root is not None and root != source / "ready":
        for name in FILES:
            (target / "ready" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target / "ready" / name)
    (target / MARK).write_text(f"Copied from {source}. `link --copy` renews it, `unlink` removes it.\n", encoding="utf-8")


def _exclude_file(root: Path) -> Path | None:
    """The file of names that git does not show, also of a worktree; None where there is no repository."""
    git = root / ".git"
    if git.is_file():
        words = git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        git = (root / words).resolve()
        common = git / "commondir"
        if common.is_file():
            git = (git / common.read_text(encoding="utf-8").strip()).resolve()
    return git / "info" / "exclude" if git.is_dir() else None


def _exclude(root: Path) -> list[str]:
    file = _exclude_file(root)
    if file is None:
        return []
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if _EXCLUDED in text.splitlines():
        return []
    file.parent.mkdir(exist_ok=True)
    file.write_text(text + ("" if not text or text.endswith("\n") else "\n") + _EXCLUDED + "\n", encoding="utf-8")
    return [f"Added {_EXCLUDED} to {file}, so `git status` stays clean."]


def _include(root: Path) -> list[str]:
    file = _exclude_file(root)
    if file is None or not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.strip() != _EXCLUDED]
    if len(kept) == len(lines):
        return []
    file.write_text("".join(kept), encoding="utf-8")
    return [f"Removed {_EXCLUDED} from {file}."]
