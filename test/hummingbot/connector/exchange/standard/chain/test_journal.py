"""The journal keeps what was sent, survives damage, and never blocks the loop."""
import asyncio
import logging
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain import journal as journal_module
from hummingbot.connector.exchange.standard.chain.intents import FOREVER, Attempt, Intent
from hummingbot.connector.exchange.standard.chain.journal import Entry, Journal
from hummingbot.connector.exchange.standard.chain.signing import Fees
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock

ACCOUNT = "5031:0x" + "11" * 20
INTENT = Intent("0x" + "22" * 20, b"\x01\x02", 2**200, 3_000_000, "create", ("HBOT-1", "HBOT-2"), "tag", 60.0)


def entry(number: int, nonce: int = 0, name: str = "a", intent: Intent = INTENT) -> Entry:
    return Entry(number, ACCOUNT, 1_000.0, intent, Attempt(nonce, b"raw", "0x" + name * 64, Fees(2**70, 5)))


@pytest.fixture
async def journal(tmp_path: Path):
    journal = Journal(tmp_path / "folder" / "journal.sqlite", FakeClock())
    await journal.open()
    yield journal
    await journal.close()


async def reopened(journal: Journal) -> Journal:
    await journal.close()
    await journal.open()
    return journal


async def test_what_is_recorded_is_read_back_exactly(journal: Journal) -> None:
    other = entry(2, 1, "b", Intent("0x" + "22" * 20, b"", 0, 1, "cancel", patience=FOREVER))
    await journal.record([entry(1), other])
    await reopened(journal)
    first, second = await journal.unfinished(ACCOUNT)
    assert first.intent == INTENT and first.attempts == (entry(1).attempt,) and first.created == 1_000.0 and first.failure is None
    assert second.intent == other.intent
    assert await journal.unfinished("1:0x" + "11" * 20) == [] and await journal.last_id() == 2


async def test_replacements_join_and_dead_attempts_leave(journal: Journal) -> None:
    await journal.record([entry(1)])
    await journal.record([entry(1, 0, "b")])
    (item,) = await journal.unfinished(ACCOUNT)
    assert [attempt.hash[2] for attempt in item.attempts] == ["a", "b"]
    await journal.record([entry(1, 5, "c")], [attempt.hash for attempt in item.attempts])
    (item,) = await journal.unfinished(ACCOUNT)
    assert [attempt.nonce for attempt in item.attempts] == [5]


async def test_failures_are_kept_until_they_are_settled(journal: Journal) -> None:
    await journal.record([entry(1), entry(2, 1, "b")])
    await journal.failed([(1, "no funds")])
    await reopened(journal)
    assert [item.failure for item in await journal.unfinished(ACCOUNT)] == ["no funds", None]
    await journal.settled([1])
    assert [item.id for item in await journal.unfinished(ACCOUNT)] == [2]
    assert await journal.last_id() == 2


async def test_a_value_and_what_it_settles_are_one_commit(journal: Journal) -> None:
    await journal.record([entry(1)])
    assert await journal.get("cursor") is None
    await journal.set("cursor", "77", settled=[1])
    await reopened(journal)
    assert await journal.get("cursor") == "77" and await journal.unfinished(ACCOUNT) == []


async def test_a_flush_that_is_cancelled_before_it_begins_leaves_nothing_undone(journal: Journal) -> None:
    first = asyncio.ensure_future(journal.set("cursor", "1"))
    await asyncio.sleep(0)
    journal._flusher.cancel()
    await asyncio.wait_for(journal.set("cursor", "2"), 5)
    await asyncio.wait_for(first, 5)
    assert await journal.get("cursor") == "2"
    last = asyncio.ensure_future(journal.set("cursor", "3"))
    await asyncio.sleep(0)
    journal._flusher.cancel()
    await asyncio.wait_for(journal.close(), 5)
    await asyncio.wait_for(last, 5)


async def test_what_is_being_written_is_written_though_nobody_waits_for_it_any_more(journal: Journal) -> None:
    leaving = asyncio.ensure_future(journal.set("cursor", "1"))
    for _ in range(2):
        await asyncio.sleep(0)
    leaving.cancel()
    assert await asyncio.wait_for(journal.get("cursor"), 5) == "1" and leaving.cancelled()


async def test_orders_are_noted_as_told_until_they_are_over(journal: Journal) -> None:
    await journal.told(["HBOT-1", "HBOT-2", "HBOT-3"])
    await journal.told(["HBOT-1"])
    await journal.set("state", "{}", over=["HBOT-1", "HBOT-2"])
    await reopened(journal)
    assert await journal.told_orders() == {"HBOT-3"}


async def test_what_was_settled_long_ago_is_deleted(tmp_path: Path) -> None:
    clock = FakeClock()
    journal = Journal(tmp_path / "journal.sqlite", clock, keep_days=2.0)
    await journal.open()
    await journal.record([entry(1), entry(2, 1, "b")])
    await journal.settled([1])
    clock.now += 3 * 86_400.0
    await reopened(journal)
    await journal.close()
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    counts = [connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("intents", "attempts")]
    connection.close()
    assert counts == [1, 1]


async def test_a_bot_that_runs_for_months_does_not_fill_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, FakeClock(), keep_settled=100)
    await journal.open()
    await journal.record([entry(1)])  # is never settled
    sizes = []
    for first in range(2, 3_002, 50):
        numbers = range(first, first + 50)
        await journal.record([Entry(number, ACCOUNT, 1.0, INTENT, Attempt(number, b"raw" * 500, str(number), Fees(1, 1)))
                              for number in numbers])
        await journal.settled(numbers)
        sizes.append(path.stat().st_size)
    assert sizes[-1] <= max(sizes[:20])
    assert [item.id for item in await journal.unfinished(ACCOUNT)] == [1] and await journal.last_id() == 3_001
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        for table in ("intents", "attempts"):
            assert 100 <= connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] <= 300


@pytest.mark.parametrize("damage", [b"a text of some length, and no database" * 20, b"SQLite format 3\0" + b"\xff" * 5_000])
async def test_a_damaged_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(damage)
    journal = Journal(path, FakeClock())
    await journal.open()
    await journal.record([entry(1)])
    assert len(await journal.unfinished(ACCOUNT)) == 1
    await journal.close()
    aside = path.with_name(f"journal.sqlite.damaged-{int(FakeClock().time())}")
    assert aside.read_bytes() == damage and "damaged" in caplog.text


async def test_damage_in_the_middle_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, FakeClock())
    await journal.open()
    await journal.record([entry(number, number, f"{number:x}"[-1]) for number in range(1, 200)])
    await journal.close()
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(b ^ 0x5A for b in content[4096:])
    path.write_bytes(bytes(content))
    await journal.open()
    assert await journal.unfinished(ACCOUNT) == [] and "damaged" in caplog.text
    await journal.close()


@pytest.mark.parametrize("place, damage", [
    (b'["HBOT-1"', b'["HBOT-1!'),  # no JSON any more
    (b'["HBOT-1"', b'["HBOT\xff1"'),  # no text
    (str(2 ** 200).encode(), b"x" * 61),  # no amount
    (str(2 ** 70).encode(), b"-" * 22),  # no fee
    (b"patience REAL", b"patiencX REAL"),  # another column
])
async def test_damage_inside_a_row_or_the_description_of_a_table_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture,
                                                                             place: bytes, damage: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, FakeClock())
    await journal.open()
    await journal.record([entry(1)])
    await journal.close()
    content = path.read_bytes()
    assert place in content and len(place) == len(damage)
    path.write_bytes(content.replace(place, damage))
    await journal.open()
    assert await journal.unfinished(ACCOUNT) == [] and "was set aside" in caplog.text
    await journal.close()


async def test_a_file_that_calls_itself_read_only_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, FakeClock())
    await journal.open()
    await journal.close()
    content = bytearray(path.read_bytes())
    content[18] = 99  # which version may write it
    path.write_bytes(bytes(content))
    await journal.open()
    await journal.record([entry(1)])
    assert "was set aside" in caplog.text
    await journal.close()


async def test_an_index_that_leaves_rows_out_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, FakeClock())
    await journal.open()
    await journal.record([entry(1), entry(2, 1, "b")])
    await journal.close()
    connection = sqlite3.connect(path)
    connection.executescript("""
        DROP INDEX intents_by_account; CREATE INDEX intents_by_account ON intents (account, settled) WHERE id > 1;
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = 'CREATE INDEX intents_by_account ON intents (account, settled)'
        WHERE name = 'intents_by_account'""")
    connection.close()
    await journal.open()
    assert "was set aside" in caplog.text
    await journal.close()


async def test_a_file_of_another_version_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    journal = Journal(tmp_path / "journal.sqlite", FakeClock())
    await journal.open()
    await journal.close()
    assert "another version" in caplog.text


async def test_a_second_process_is_told_to_use_another_wallet(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    second = Journal(journal._path, FakeClock())
    monkeypatch.setattr(journal_module, "_open_here", set())
    with pytest.raises(ConfigurationError, match="in use by another process"):
        await second.open()
    await second.close()
    assert await journal.last_id() == 0


async def test_who_begins_while_his_predecessor_ends_is_told_so(journal: Journal) -> None:
    second = Journal(journal._path, FakeClock())
    with pytest.raises(ConfigurationError, match="in use by another connector of this process: one that was stopped"):
        await second.open()
    await journal.close()
    assert journal._path not in journal_module._open_here
    await second.open()
    await second.close()


async def test_the_writes_of_one_tick_are_one_commit_off_the_loop(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[tuple[int, int]] = []
    commit = Journal._commit

    def counted(self: Journal, statements: list) -> tuple[list, bool]:
        commits.append((len(statements), threading.get_ident()))
        return commit(self, statements)

    monkeypatch.setattr(Journal, "_commit", counted)
    await asyncio.gather(*[journal.set(f"key-{number}", "x") for number in range(50)])
    assert [count for count, _ in commits] == [50]
    assert commits[0][1] != threading.get_ident()


async def test_an_error_of_the_disk_reaches_the_caller_and_the_journal_goes_on(journal: Journal) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk full")

    with pytest.raises(sqlite3.OperationalError, match="disk full"):
        await journal._run(fail)
    await journal.set("key", "value")
    assert await journal.get("key") == "value"


async def test_a_full_disk_is_told_once_until_something_is_written(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """What writes nothing succeeds on a full disk, too: an answer, or the end of an intent that could not be recorded."""
    caplog.set_level(logging.INFO)
    connection = journal._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    large = replace(INTENT, data=bytes(100_000))
    for number in range(1, 4):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await journal.record([entry(number, intent=large)])
        await journal.failed([(number, "The journal cannot be written")])
        assert await journal.unfinished(ACCOUNT) == []
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    await journal.record([entry(4, intent=large)])
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"] and "written again" in caplog.text
    assert [item.id for item in await journal.unfinished(ACCOUNT)] == [4]


async def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await Journal(tmp_path / "file" / "journal.sqlite", FakeClock()).open()
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await Journal(tmp_path / "folder.sqlite", FakeClock()).open()


async def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.ProgrammingError, match="not open"):
        await Journal(tmp_path / "journal.sqlite", FakeClock()).get("key")


async def test_an_opening_that_nobody_waited_for_does_not_lock_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", FakeClock())
    task = asyncio.get_running_loop().create_task(journal.open())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.open()
    assert await journal.last_id() == 0
    await journal.close()


@pytest.mark.parametrize("damage", ["gas_limit = -5", "created = 'yesterday'", "client_order_ids = 7"])
async def test_a_row_that_makes_no_sense_is_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, FakeClock())
    await journal.open()
    await journal.record([entry(1)])
    await journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE intents SET {damage}")
    connection.close()
    await journal.open()
    assert await journal.unfinished(ACCOUNT) == [] and "damaged" in caplog.text
    await journal.close()


async def test_a_complaint_that_python_cannot_read_is_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(connection: sqlite3.Connection) -> None:
        if not checks:
            checks.append(connection)
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    checks: list[sqlite3.Connection] = []
    path = tmp_path / "journal.sqlite"
    path.touch()
    monkeypatch.setattr(journal_module, "_check_rows", unreadable)
    journal = Journal(path, FakeClock())
    await journal.open()
    assert "holds a text that is none" in caplog.text and await journal.last_id() == 0
    await journal.close()
