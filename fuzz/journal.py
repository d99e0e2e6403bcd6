"""Journal files that are damaged where SQLite is most sensitive: headers, cells, pointers, whole pages, and the log of writes.

A payload is the file and its write-ahead log, one after the other behind the length of the first.
"""
import asyncio
import shutil
import sqlite3
import tempfile
from concurrent.futures import Executor, Future
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz.corpus import Sample
from fuzz.judge import check
from fuzz.targets import on_loop
from hummingbot.connector.exchange.standard.chain.hashing import keccak
from hummingbot.connector.exchange.standard.chain.intents import FOREVER, Attempt, Intent
from hummingbot.connector.exchange.standard.chain.journal import Entry, Journal, Unfinished
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.clock import SystemClock

ACCOUNT = "31337:0x" + "11" * 20
PAGE = 4096
FRAME = PAGE + 24
_MEMORY = Path("/dev/shm")


class Inline(Executor):
    """Runs what it is given at once, in the caller's thread."""

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        """See Executor.submit."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


def _entry(number: int) -> Entry:
    kind, patience = ("create", 60.0) if number % 3 else ("cancel", FOREVER)
    intent = Intent("0x" + "22" * 20, bytes(range(40 * (number % 4))), number * 10 ** 18, 3_000_000, kind,
                    (f"HBOT-{number}", f"HBOT-x{number}"), f"tag {number}", patience)
    raw = bytes([number]) * (100 + 300 * (number % 5))
    return Entry(number, ACCOUNT, 1_700_000_000.0 + number, intent,
                 Attempt(number, raw, "0x" + keccak(raw).hex(), Fees(2 ** 70, 10 ** 9, number % 2 == 0)))


@cache
def samples() -> list[Sample]:
    """A journal that was closed, one whose bot was killed, and one of many pages."""
    return [Sample("", on_loop(_made(count, killed))) for count, killed in ((7, False), (7, True), (60, False))]


async def _made(count: int, killed: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        journal = Journal(path, SystemClock(), executor=Inline())
        await journal.open()
        for number in range(1, count + 1):
            await journal.record([_entry(number)])
        await journal.failed([(2, "the node refuses it")])
        await journal.settled([1])
        await journal.set("cursor", '{"block": 77}', settled=[3])
        if not killed:
            await journal.close()
        payload = _packed(path)
        await journal.close()
    return payload


def _packed(path: Path) -> bytes:
    log = path.with_name(path.name + "-wal")
    main = path.read_bytes()
    return len(main).to_bytes(8, "big") + main + (log.read_bytes() if log.exists() else b"")


def damaged(payload: bytes, chance: Random, others: list[bytes]) -> bytes:
    """A copy with some damage in the file or in its log."""
    size = int.from_bytes(payload[:8], "big")
    main, log = bytearray(payload[8:8 + size]), bytearray(payload[8 + size:])
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        _damage(log if log and chance.random() < 0.5 else main, chance)
    return len(main).to_bytes(8, "big") + bytes(main) + bytes(log)


def _damage(data: bytearray, chance: Random) -> None:
    if not data:
        return
    pages = max(1, len(data) // PAGE)
    start = chance.randrange(pages) * PAGE
    kind = chance.randrange(10)
    if kind == 0:  # the header of the file
        data[chance.randrange(min(100, len(data)))] = chance.randrange(256)
    elif kind == 1:  # the header of a page: its type, free blocks, number of cells, where they begin
        _set(data, (start or 100) + chance.randrange(12), chance)
    elif kind == 2:  # where the cells of a page are
        _set(data, (start + (100 if not start else 0)) + 8 + chance.randrange(40), chance)
    elif kind in (3, 4, 5):  # what is in the cells, which are at the end of a page
        _set(data, start + PAGE - 1 - int(chance.expovariate(1 / 500)) % PAGE, chance)
    elif kind == 6:  # one bit anywhere
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 7:  # a lost end
        del data[chance.choice((chance.randrange(len(data)), start, start + 512)):]
    elif kind == 8:  # a page is another one, or empty
        other = chance.randrange(pages) * PAGE
        data[start:start + PAGE] = data[other:other + PAGE] if chance.random() < 0.6 else bytes(min(PAGE, len(data) - start))
    else:  # a sector of anything
        at = chance.randrange(max(1, len(data) // 512)) * 512
        data[at:at + 512] = chance.randbytes(len(data[at:at + 512]))


def _set(data: bytearray, at: int, chance: Random) -> None:
    if at < len(data):
        data[at] = chance.choice((0, 1, 2, 5, 10, 13, 0x7f, 0x80, 0xff, data[at] ^ 1, data[at] + 1 & 0xff, chance.randrange(256)))


def decode(kind: str, payload: bytes, chance: Random) -> None:
    """Open the journal, read everything, and go on with it."""
    size = int.from_bytes(payload[:8], "big")
    folder = tempfile.mkdtemp(dir=_MEMORY if _MEMORY.is_dir() else None)
    try:
        path = Path(folder, "journal")
        path.write_bytes(payload[8:8 + size])
        if len(payload) > 8 + size:
            path.with_name("journal-wal").write_bytes(payload[8 + size:])
        on_loop(_use(path))
    finally:
        shutil.rmtree(folder)


async def _use(path: Path) -> None:
    journal = Journal(path, SystemClock(), executor=Inline())
    await journal.open()
    try:
        # From here on a file may turn out to be damaged, and says so with an error of SQLite's.
        for item in await journal.unfinished(ACCOUNT):
            _check(item)
        await journal.get("cursor")
        number = await journal.last_id() + 1
        check(number)
        new = _entry(number % 200)._replace(id=number)
        await journal.record([new])
        await journal.close()
        await journal.open()
        if new.attempt not in [attempt for item in await journal.unfinished(ACCOUNT) for attempt in item.attempts]:
            raise AssertionError("what was recorded is not there")
    except sqlite3.Error:
        pass
    finally:
        await asyncio.gather(journal.close(), return_exceptions=True)


def _check(item: Unfinished) -> None:
    """Everything has the type that its users count on."""
    intent = item.intent
    typed = [(item.id, int), (item.created, float), (intent.to, str), (intent.data, bytes), (intent.value, int),
             (intent.gas_limit, int), (intent.kind, str), (intent.tag, str), (intent.patience, float)]
    typed += [(name, str) for name in intent.client_order_ids]
    for attempt in item.attempts:
        typed += [(attempt.nonce, int), (attempt.raw, bytes), (attempt.hash, str), (attempt.fees.max_fee, int),
                  (attempt.fees.priority_fee, int)]
        check((attempt.nonce, attempt.fees.max_fee, attempt.fees.priority_fee))
    for value, kind in typed:
        if not isinstance(value, kind):
            raise AssertionError(f"{value!r} is no {kind.__name__}")
    check((item.id, intent.value, intent.gas_limit))
