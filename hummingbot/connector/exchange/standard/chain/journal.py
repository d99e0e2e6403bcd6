"""What was sent, written down before it is sent: an SQLite file that answers, after a crash, what is still on its way.

All statements run in one worker thread, never on the event loop, and those that are asked for in one tick are committed
together. Every method raises sqlite3.Error or OSError when the disk refuses, which is logged once, as is that it works again; so
callers need not say so. No private key is ever in the file; a signed
transaction is, and can do nothing but what was wanted.
"""
import asyncio
import json
import logging
import math
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from hummingbot.connector.exchange.standard.chain.intents import Attempt, Intent
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ConfigurationError

# The keys under which an account keeps its state and where its data come from.
STATE, FEEDS = "account", "feeds"

T = TypeVar("T")
_open_here: set[Path] = set()  # the journals that this process has open
_DAY = 86_400.0
_VERSION = 1
_PRUNE_EVERY = 100  # intents
_SCHEMA = """
CREATE TABLE IF NOT EXISTS intents (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, created REAL NOT NULL, target TEXT NOT NULL, data BLOB NOT NULL,
    value TEXT NOT NULL, gas_limit INTEGER NOT NULL, kind TEXT NOT NULL, client_order_ids TEXT NOT NULL, tag TEXT NOT NULL,
    patience REAL, failure TEXT, settled REAL);
CREATE INDEX IF NOT EXISTS intents_by_account ON intents (account, settled);
CREATE TABLE IF NOT EXISTS attempts (
    hash TEXT PRIMARY KEY, intent INTEGER NOT NULL, nonce INTEGER NOT NULL, raw BLOB NOT NULL, max_fee TEXT NOT NULL,
    priority_fee TEXT NOT NULL, legacy INTEGER NOT NULL, dead INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS attempts_by_intent ON attempts (intent);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS told (client_order_id TEXT PRIMARY KEY);
"""
_INTENT_TYPES = (int, float, str, bytes, str, int, str, str, str, float | None, str | None)
_ATTEMPT_TYPES = (int, bytes, str, str, str, int)


class Entry(NamedTuple):
    """An attempt, with its intent, that is about to leave."""

    id: int
    account: str
    created: float
    intent: Intent
    attempt: Attempt


class Unfinished(NamedTuple):
    """An intent that was sent and not settled. `failure` says why it can never be mined, when that was known already."""

    id: int
    created: float
    intent: Intent
    attempts: tuple[Attempt, ...]
    failure: str | None


class Journal:
    """The journal in the file `path`, one for any number of accounts. `await open()` comes first, `await close()` last.

    What was settled is kept for the curious only: what was settled more than `keep_days` days ago is deleted at opening, and
    at any time all but about the last `keep_settled` intents. `executor` runs the statements; by default it is a thread of
    the journal's own.
    """

    def __init__(self, path: Path | str, clock: Clock, *, keep_days: float = 30.0, keep_settled: int = 1_000,
                 executor: Executor | None = None) -> None:
        self._path = Path(path)
        self._clock = clock
        self._keep_settled = keep_settled
        self._keep = keep_days * _DAY
        self._given_executor = executor
        self._executor: Executor | None = None
        self._connection: sqlite3.Connection | None = None
        self._queue: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._is_refused = False

    async def open(self) -> None:
        """Open or create the file; a damaged one is set aside, with a line in the log, and a new one begun.

        Raises ConfigurationError when somebody else has it open, or when it cannot be written.
        """
        async with self._opening:
            if self._connection is None:
                now = self._clock.time()
                self._executor = self._executor or self._given_executor or ThreadPoolExecutor(1, "standard-journal")
                await asyncio.get_running_loop().run_in_executor(self._executor, self._connect, now)

    async def close(self) -> None:
        """Write what is still queued and close the file."""
        while self._flusher is not None:
            await asyncio.gather(self._flusher, return_exceptions=True)
            await asyncio.sleep(0)  # `_flush_ended` is called in the next turn
        connection, self._connection = self._connection, None
        if connection is not None:
            _open_here.discard(self._path)  # before another one can have it
            await asyncio.get_running_loop().run_in_executor(self._executor, connection.close)
        if self._executor is not None and self._executor is not self._given_executor:
            self._executor.shutdown(wait=False)
            self._executor = None

    async def record(self, entries: Sequence[Entry], dead: Sequence[str] = ()) -> None:
        """Write attempts down; when it returns they are on disk. `dead` are hashes that can never be mined any more."""
        await self._run(lambda connection: _record(connection, entries, dead))

    async def failed(self, failures: Sequence[tuple[int, str]]) -> None:
        """These intents can never be mined, for the reason given; they are kept until they are settled."""
        await self._run(lambda connection: connection.executemany(
            "UPDATE intents SET failure = ? WHERE id = ?", [(reason, number) for number, reason in failures]))

    async def settled(self, ids: Sequence[int]) -> None:
        """The caller has drawn all conclusions from the ends of these intents; `unfinished` leaves them out from now on."""
        now = self._clock.time()
        await self._run(lambda connection: self._settle(connection, ids, now))

    async def reopened(self, ids: Sequence[int]) -> None:
        """The blocks that decided on these intents were replaced: `unfinished` has them again until they are settled anew."""
        await self._run(lambda connection: connection.executemany(
            "UPDATE intents SET settled = NULL, failure = NULL WHERE id = ?", [(number,) for number in ids]))

    async def unfinished(self, account: str) -> list[Unfinished]:
        """What was sent for the account and is not settled, in the order of submission."""
        return await self._run(lambda connection: _unfinished(connection, account))

    async def last_id(self) -> int:
        """The highest number of an intent so far, 0 for none."""
        rows = await self._run(lambda connection: connection.execute("SELECT COALESCE(MAX(id), 0) FROM intents").fetchall())
        return int(rows[0][0])

    async def get(self, key: str) -> str | None:
        """A value that was `set` before, in this or an earlier run."""
        rows = await self._run(lambda connection: connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchall())
        return rows[0][0] if rows else None

    async def set(self, key: str, value: str, settled: Sequence[int] = (), over: Sequence[str] = ()) -> None:
        """Keep a value for the next run and, in the same commit, call the intents settled whose ends are part of it, and
        forget the orders that were noted as `told` and are over."""
        now = self._clock.time()

        def statement(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))
            self._settle(connection, settled, now)
            connection.executemany("DELETE FROM told WHERE client_order_id = ?", [(item,) for item in over])

        await self._run(statement)

    async def told(self, client_order_ids: Sequence[str]) -> None:
        """Note orders that somebody else's records have by now; until they are `set` to be over."""
        await self._run(lambda connection: connection.executemany(
            "INSERT OR IGNORE INTO told VALUES (?)", [(item,) for item in client_order_ids]))

    async def told_orders(self) -> frozenset[str]:
        """The orders that were noted as told and are not over."""
        rows = await self._run(lambda connection: connection.execute("SELECT client_order_id FROM told").fetchall())
        return frozenset(str(row[0]) for row in rows)

    async def _run(self, statement: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the journal is not open")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((statement, future))
        if self._flusher is None:
            self._start_flush()
        return await future

    def _start_flush(self) -> None:
        self._flusher = asyncio.get_running_loop().create_task(self._flush())
        self._flusher.add_done_callback(self._flush_ended)

    def _flush_ended(self, flusher: asyncio.Task[None]) -> None:
        self._flusher = None
        if self._queue:  # it was cancelled, perhaps before it began
            self._start_flush()

    async def _flush(self) -> None:
        """One transaction for everything that is queued, again until nothing is."""
        loop = asyncio.get_running_loop()
        while self._queue:
            work, self._queue = self._queue, []
            try:
                results, is_written = await loop.run_in_executor(self._executor, self._commit,
                                                                 [statement for statement, _ in work])
            except BaseException as error:
                for _, future in work:
                    if not future.done():
                        future.set_exception(error)
                if not isinstance(error, (sqlite3.Error, OSError)):
                    raise
                self._tell(error)
            else:
                if is_written:  # what writes nothing succeeds on a full disk, too
                    self._tell(None)
                for (_, future), result in zip(work, results):
                    if not future.done():
                        future.set_result(result)

    def _tell(self, error: Exception | None) -> None:
        """Say that the file cannot be used, and that it can be again, each once."""
        if error is not None and not self._is_refused:
            logging.getLogger(__name__).error(
                "The journal %s cannot be written (%s): orders are refused until it can be. Cancels are sent, and what happens "
                "to orders is followed and told", self._path, error)
        elif error is None and self._is_refused:
            logging.getLogger(__name__).info("The journal %s can be written again", self._path)
        self._is_refused = error is not None

    def _settle(self, connection: sqlite3.Connection, ids: Sequence[int], now: float) -> None:
        connection.executemany("UPDATE intents SET settled = ? WHERE id = ?", [(now, number) for number in ids])
        if any(number % _PRUNE_EVERY == 0 for number in ids):
            _prune_to(connection, self._keep_settled)

    def _commit(self, statements: Sequence[Callable[[sqlite3.Connection], Any]]) -> tuple[list[Any], bool]:
        """The statements' results, and whether anything was written."""
        connection = self._connection
        assert connection is not None
        before = connection.total_changes
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            results = [statement(connection) for statement in statements]
        return results, connection.total_changes > before

    def _connect(self, now: float) -> None:
        if self._connection is not None:  # the caller of an earlier opening did not wait for it
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._open_sound(now)
        except (sqlite3.OperationalError, OSError) as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                if self._path in _open_here:
                    raise ConfigurationError(f"The journal {self._path} is in use by another connector of this process: one that "
                                             "was stopped a moment ago follows what it sent for up to a minute; this one begins "
                                             "after that.") from error
                raise ConfigurationError(f"The journal {self._path} is in use by another process: stop the other bot that trades "
                                         "with this wallet, or give each its own wallet.") from error
            raise ConfigurationError(f"The journal {self._path} cannot be opened ({error}): check that its folder can be "
                                     "written and that the disk is not full.") from error
        self._connection = connection
        _open_here.add(self._path)

    def _open_sound(self, now: float) -> sqlite3.Connection:
        """Open the file, after setting a damaged one aside."""
        try:
            return _open(self._path, now - self._keep)
        except sqlite3.DatabaseError as error:
            if not is_damage(error, self._path):
                raise
            aside = self._path.with_name(f"{self._path.name}.damaged-{int(now)}")
            logging.getLogger(__name__).warning(
                "The journal %s is damaged (%s) and was set aside as %s: transactions that were sent before and are not in a "
                "block yet cannot be followed", self._path, error, aside.name)
            self._path.rename(aside)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            return _open(self._path, now - self._keep)


def is_damage(error: sqlite3.DatabaseError, path: Path) -> bool:
    """Whether the file is to blame for an error, and not that it is locked or cannot be read, or that the disk is full."""
    code = getattr(error, "sqlite_errorcode", None)  # without one it is Python that cannot read a text
    if not isinstance(error, sqlite3.OperationalError) or code in (None, sqlite3.SQLITE_ERROR):
        return True
    # A file whose header is damaged may call itself read-only.
    return code == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _open(path: Path, keep_from: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()  # the quick one leaves indices out
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if verdict != "ok" or version not in (0, _VERSION):
            raise sqlite3.DatabaseError(verdict if verdict != "ok" else f"written by another version, {version}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        _prune(connection, keep_from)
        _check_rows(connection)
    except UnicodeDecodeError as error:  # Python cannot even read what SQLite complains of
        connection.close()
        raise sqlite3.DatabaseError(f"it holds a text that is none: {error}") from error
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _check_rows(connection: sqlite3.Connection) -> None:
    """SQLite proves the structure of a file only. Raises DatabaseError when what is not settled makes no sense."""
    try:
        for (account,) in connection.execute("SELECT DISTINCT account FROM intents WHERE settled IS NULL").fetchall():
            _unfinished(connection, account)
    except (TypeError, ValueError) as error:
        raise sqlite3.DatabaseError(f"a row makes no sense: {error}") from error


def _prune(connection: sqlite3.Connection, before: float) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM attempts WHERE intent IN (SELECT id FROM intents WHERE settled < ?)", (before,))
        connection.execute("DELETE FROM intents WHERE settled < ?", (before,))


def _prune_to(connection: sqlite3.Connection, keep: int) -> None:
    """Delete what is settled, but for the newest: this is what keeps the file small while a bot runs."""
    old = "SELECT id FROM intents WHERE settled IS NOT NULL AND id < (SELECT MAX(id) - ? FROM intents)"
    connection.execute(f"DELETE FROM attempts WHERE intent IN ({old})", (keep,))
    connection.execute(f"DELETE FROM intents WHERE id IN ({old})", (keep,))


def _record(connection: sqlite3.Connection, entries: Sequence[Entry], dead: Sequence[str]) -> None:
    connection.executemany("UPDATE attempts SET dead = 1 WHERE hash = ?", [(item,) for item in dead])
    connection.executemany(
        "INSERT OR IGNORE INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
        [(entry.id, entry.account, entry.created, entry.intent.to, entry.intent.data, str(entry.intent.value),
          entry.intent.gas_limit, entry.intent.kind, json.dumps(entry.intent.client_order_ids), entry.intent.tag,
          entry.intent.patience if math.isfinite(entry.intent.patience) else None) for entry in entries])
    connection.executemany(
        "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        [(entry.attempt.hash, entry.id, entry.attempt.nonce, entry.attempt.raw, str(entry.attempt.fees.max_fee),
          str(entry.attempt.fees.priority_fee), entry.attempt.fees.legacy) for entry in entries])


def _unfinished(connection: sqlite3.Connection, account: str) -> list[Unfinished]:
    rows = connection.execute(
        "SELECT id, created, target, data, value, gas_limit, kind, client_order_ids, tag, patience, failure FROM intents "
        "WHERE account = ? AND settled IS NULL ORDER BY id", (account,)).fetchall()
    unfinished = []
    for row in rows:
        _expect(row, _INTENT_TYPES)
        number, created, target, data, value, gas_limit, kind, client_order_ids, tag, patience, failure = row
        attempts = connection.execute(
            "SELECT nonce, raw, hash, max_fee, priority_fee, legacy FROM attempts WHERE intent = ? AND dead = 0 ORDER BY rowid",
            (number,)).fetchall()
        for attempt in attempts:
            _expect(attempt, _ATTEMPT_TYPES)
        intent = Intent(target, data, int(value), gas_limit, kind, tuple(json.loads(client_order_ids)), tag,
                        math.inf if patience is None else patience)
        unfinished.append(Unfinished(number, created, intent, tuple(
            [Attempt(nonce, raw, name, Fees(int(max_fee), int(priority_fee), bool(legacy)))
             for nonce, raw, name, max_fee, priority_fee, legacy in attempts]), failure))
    return unfinished


def _expect(row: Sequence[Any], types: Sequence[Any]) -> None:
    for value, kind in zip(row, types):
        if not isinstance(value, kind) or (isinstance(value, int) and value < 0):
            raise TypeError(f"{str(value)[:60]!r} is not what belongs there")
