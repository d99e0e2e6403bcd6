"""Checks of a bot that trades with the wallet: whether one runs, where it has its data from, and what a stopped one will find."""
from collections.abc import Iterator, Sequence

from hummingbot.connector.exchange.standard.chain.engine import TRADING_TOPICS
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, passed, warned
from hummingbot.connector.exchange.standard.cli.exchange import Exchange
from hummingbot.connector.exchange.standard.cli.journals import BotJournal, FeedNote
from hummingbot.connector.exchange.standard.history import is_told

# A bot notes its feeds every few seconds while its node answers.
STALE_SECONDS = 60.0


def bots(known: Sequence[BotJournal], now: float) -> Iterator[Finding]:
    """What the journals tell of running bots; `now` is in seconds since the epoch."""
    for journal in known:
        if journal.in_use:
            yield passed("bot", f"one trades with this wallet now ({journal.path})")
            yield from (_feed(note, now) for note in journal.feeds)


async def forgotten(exchange: Exchange, known: Sequence[BotJournal], engine: str) -> list[Finding]:
    """The bots that are stopped and have orders, of which the nodes will not tell everything any more."""
    findings = []
    newest = await exchange.venue.rpc.block_number()
    for journal in known:
        if journal.in_use or not (journal.orders or journal.placements) or journal.block is None:
            continue
        detail = f"it ends at block {journal.block}, {max(0, newest - journal.block)} blocks ago ({journal.path})"
        if await is_told(exchange.venue.rpc, engine, [list(TRADING_TOPICS)], journal.block + 1, newest):
            findings.append(passed("bot's journal", detail))
        else:
            findings.append(warned("bot's journal", f"{detail}, which is older than what the nodes tell",
                                   "The bot's next start takes its open orders up as the chain holds them; fills since then will "
                                   "not be in Hummingbot's records. A node that keeps more history (rpc_url) tells them."))
    return findings


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
