"""Checks of a bot that trades with the wallet now: that there is one, and where it has its data from."""
from collections.abc import Iterator, Sequence

from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, passed, warned
from hummingbot.connector.exchange.standard.cli.journals import BotJournal, FeedNote

# A bot notes its feeds every ten seconds while its node answers.
STALE_SECONDS = 60.0


def bots(known: Sequence[BotJournal], now: float) -> Iterator[Finding]:
    """What the journals tell of running bots; `now` is in seconds since the epoch."""
    for journal in known:
        if journal.in_use:
            yield passed("bot", f"one trades with this wallet now ({journal.path})")
            yield from (_feed(note, now) for note in journal.feeds)


def _feed(note: FeedNote, now: float) -> Finding:
    check = f"bot's {note.what}"
    detail = f"from {note.source} for {_span(now - note.since)}, last news {_span(now - note.heard)} ago"
    if note.switches:
        detail += f", {note.switches} changes of source, the last one because {note.reason}"
    if now - note.at > STALE_SECONDS:
        return warned(check, f"{detail}; noted {_span(now - note.at)} ago",
                      "The bot does not follow its own orders now: see its log, and the checks of the nodes above.")
    return passed(check, detail)


def _span(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
