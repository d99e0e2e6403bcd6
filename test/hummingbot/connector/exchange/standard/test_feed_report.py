"""What a running connector leaves in its journal about its sources, and that somebody outside can read it."""
from pathlib import Path

from hummingbot.connector.exchange.standard.cli.checks.bot import bots
from hummingbot.connector.exchange.standard.cli.journals import journals
from hummingbot.connector.exchange.standard.feed_report import INTERVAL, FeedReport
from hummingbot.connector.exchange.standard.feeds.failover import FeedState
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.trading import connected, quiet_sandbox, until


class Notes:
    """An account that keeps what is noted."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    async def note_feeds(self, states: str) -> None:
        self.noted.append(states)


async def test_states_are_noted_when_a_source_changes_and_now_and_then() -> None:
    clock, notes, state = ManualClock(), Notes(), FeedState("polling", 900.0, 999.0, 0, "")
    report = FeedReport(lambda: {"order books": state}, clock)
    await report.note(notes)
    await report.note(notes)
    assert len(notes.noted) == 1
    state = state._replace(source="chain", switches=1, reason="it is better")
    await report.note(notes)
    assert len(notes.noted) == 2 and '"switches": 1' in notes.noted[1] and '"since": 900.0' in notes.noted[1]
    await clock.advance(INTERVAL)
    await report.note(notes)
    assert len(notes.noted) == 3


async def test_doctor_reads_where_a_running_connector_has_its_data_from(tmp_path: Path) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, tmp_path, standard_feed="auto") as exchange:
        address = sandbox.accounts[0].address

        def told() -> dict[str, str]:
            (journal,) = journals(tmp_path, "standard_sandbox", address)
            assert journal.in_use
            return {note.what: note.source for note in journal.feeds}

        await until(lambda: told() == {"order books": "chain", "own orders": "chain"}, 20)
        found = list(bots(journals(tmp_path, "standard_sandbox", address), exchange._time_source.time()))
        assert [(finding.check, finding.verdict.value) for finding in found] == [
            ("bot", "pass"), ("bot's order books", "pass"), ("bot's own orders", "pass")]
        assert "because it is better" in found[1].detail
