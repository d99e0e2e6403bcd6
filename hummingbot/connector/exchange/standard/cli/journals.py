"""The journals that bots keep of a wallet: whether a bot is running, and which orders are its own.

A running bot has its journal locked, so it is read as a copy; nothing is ever written to it.
"""
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.journal import FEEDS, STATE, is_damage
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.placements import PLACE


class FeedNote(NamedTuple):
    """Where a bot had some of its data from when it wrote this down (`at`). Times are seconds since the epoch."""

    what: str
    at: float
    source: str
    since: float
    heard: float
    switches: int
    reason: str


class Placement(NamedTuple):
    """A transaction that places orders which may rest: the engine that it calls, and the hashes of all attempts at it, of which
    one at most is mined."""

    engine: str
    hashes: tuple[str, ...]


class BotJournal(NamedTuple):
    """A bot's journal: whether a bot has it open now, the orders that it will take up again at its next start, where it had its
    data from last, the block up to which it is known what became of the orders (None when it says nothing), and the placements
    that were sent and of which nothing was final: the orders have none of theirs."""

    path: Path
    in_use: bool
    orders: frozenset[OrderKey]
    feeds: tuple[FeedNote, ...]
    block: int | None = None
    placements: tuple[Placement, ...] = ()


def journals(data: Path, domain: str, address: str) -> list[BotJournal]:
    """The journals of a wallet in a bot's data folder; damaged ones count as empty. Raises ConfigurationError where one cannot be
    read."""
    found = []
    for path in sorted(data.glob(f"{domain}_{address[2:10]}_*.sqlite")):
        with _copied(path) as copy:
            state, placements = _state(copy), _placements(copy)
        found.append(BotJournal(path, _in_use(path), _orders(state), _feeds(state), _block(state), placements))
    return found


@contextmanager
def held(paths: Sequence[Path]) -> Iterator[None]:
    """Keep bots from starting with these journals meanwhile. Raises ConfigurationError when one runs already, or where it cannot
    be told whether one does."""
    with ExitStack() as stack:
        for path in paths:
            try:
                connection = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None, timeout=0)))
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.DatabaseError as error:
                if _is_locked(error):
                    raise ConfigurationError(
                        f"A bot is trading with this wallet now (its journal {path} is in use), and two programs must not send "
                        "with one key: stop it with `hbot stop`, which cancels its orders, or cancel there.") from None
                if not is_damage(error, path):
                    raise ConfigurationError(
                        f"The journal {path} cannot be opened ({error}): run this as the user of the bot, and check that its "
                        "folder can be written and that the disk is not full.") from None
                # No bot has it open; the next one sets it aside.
        yield


def _is_locked(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _in_use(path: Path) -> bool:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
        try:
            connection.execute("SELECT COUNT(*) FROM state").fetchone()
        except sqlite3.DatabaseError as error:
            return _is_locked(error)
    return False


@contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                try:
                    shutil.copyfile(part, Path(folder, "journal" + suffix))
                except OSError as error:
                    raise ConfigurationError(f"The journal {part} cannot be read ({error.strerror}): run this as the user of the "
                                             "bot, and check that the disk is not full.") from None
        with closing(sqlite3.connect(Path(folder, "journal"))) as connection:
            yield connection


def _state(journal: sqlite3.Connection) -> dict[str, Any]:
    """What the bot wrote down for its next start."""
    try:
        return {key: json.loads(value) for key, value in journal.execute("SELECT key, value FROM state")}
    except (sqlite3.DatabaseError, ValueError, TypeError):
        return {}


def _placements(journal: sqlite3.Connection) -> tuple[Placement, ...]:
    """Those that are not settled: that is noted in one commit with the state that has their orders."""
    try:
        rows = journal.execute("SELECT id, target, hash FROM intents JOIN attempts ON intent = id WHERE kind = ? "
                               "AND settled IS NULL AND failure IS NULL AND dead = 0 ORDER BY id", (PLACE,)).fetchall()
    except sqlite3.DatabaseError:
        return ()
    hashes: dict[tuple[int, str], list[str]] = {}
    for number, engine, name in rows:
        hashes.setdefault((number, str(engine)), []).append(str(name))
    return tuple([Placement(engine, tuple(names)) for (_, engine), names in hashes.items()])


def _orders(state: dict[str, Any]) -> frozenset[OrderKey]:
    try:
        return frozenset(OrderKey(str(item[0]), bool(item[1]), int(item[2])) for item in state[STATE].get("orders", ()))
    except (ValueError, LookupError, TypeError, AttributeError):
        return frozenset()


def _block(state: dict[str, Any]) -> int | None:
    try:
        return int(state[STATE]["block"])
    except (ValueError, LookupError, TypeError):
        return None


def _feeds(state: dict[str, Any]) -> tuple[FeedNote, ...]:
    try:
        at = float(state[FEEDS]["at"])
        return tuple([FeedNote(what, at, str(feed["source"]), float(feed["since"]), float(feed["heard"]), int(feed["switches"]),
                               str(feed["reason"])) for what, feed in state[FEEDS]["feeds"].items()])
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()
