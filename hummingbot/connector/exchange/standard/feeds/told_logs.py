"""Which own logs the account was told of: one memory for all of its sources, whichever of them told it."""
from collections.abc import Mapping
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.base import AccountEvent, AccountSink, OrderLogs
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS


class Place(NamedTuple):
    """Which log it is, whichever block its transaction is in."""

    transaction_hash: str
    log_index: int

    @classmethod
    def of(cls, log: EngineLog) -> "Place":
        """The place of a log."""
        return cls(log.transaction_hash, log.log_index)


class ToldLogs:
    """The own logs of the newest blocks that were told, and the block up to which all were.

    A source finds out what the newest blocks hold; what is to be told is the `difference` to this. So a log that a
    reorganisation took back is taken back by whichever source notices, whoever told it and however long ago that was, and
    nothing has to be handed over when sources change. Told is what has passed the sink (`noting`): what a source says
    before it is live counts for nothing.
    """

    def __init__(self, cursor: int | None, late_blocks: int = REORGANISED_BLOCKS) -> None:
        """`cursor` is the last block whose logs are not wanted, or None to begin at the head; `late_blocks` is how many blocks
        late logs may come."""
        self.late_blocks = late_blocks
        self._first = 0 if cursor is None else max(0, cursor + 1)
        self._block_number = cursor
        self._logs: dict[Place, EngineLog] = {}
        self.turns = 0  # how often another source took over
        self._is_look_partial = False

    @property
    def block_number(self) -> int | None:
        """The block up to which everything was told; None before the first event where there was no cursor."""
        return self._block_number

    def first_block(self, head: int, again: int = REORGANISED_BLOCKS) -> int:
        """From where on blocks are to be read: so many of the newest that were told are read `again`, as others may have
        replaced them, or logs may have come late. `head` is the chain's, for when nothing was told yet."""
        known = head if self._block_number is None else self._block_number
        return max(self._first, known + 1 - again)

    def logs(self, begin: int, end: int | None = None) -> list[EngineLog]:
        """What was told of the blocks from `begin` to `end`, or of all from `begin` on."""
        return [log for log in self._logs.values() if begin <= log.block_number and (end is None or log.block_number <= end)]

    def difference(self, held: Mapping[Place, EngineLog], gone: list[EngineLog], block_number: int,
                   from_block: int = 0) -> OrderLogs:
        """What is to be told when the blocks from `from_block` (0: all that are to be told) to `block_number` hold these logs and
        those that are `gone` no more."""
        removed = {Place.of(log) for log in gone}
        return OrderLogs([*(log._replace(removed=True) for log in sorted(gone, key=_order, reverse=True)),
                          *(log for log in sorted(held.values(), key=_order)
                            if Place.of(log) in removed or self._logs.get(Place.of(log)) != log)],
                         max(block_number, self._block_number or 0), from_block)

    def noting(self, sink: AccountSink) -> AccountSink:
        """A sink for sources, before `sink`: what passes is told from then on, and each log passes once."""
        def note(event: AccountEvent) -> None:
            sink(self._noted(event) if isinstance(event, OrderLogs) else event)

        return note

    def taken_over(self) -> None:
        """Another source is told of from now on, which may be amid a look in several parts: of one whose first part was not told
        nothing is, as the blocks of that part may be others by now, and would not be read again."""
        self.turns += 1
        self._is_look_partial = True

    def begin_anew(self, cursor: int) -> None:
        """Only what comes after block `cursor` is wanted."""
        self._first = cursor + 1
        self._block_number = cursor
        self._logs.clear()

    def _noted(self, event: OrderLogs) -> OrderLogs:
        last = self._block_number
        if last is not None and event.from_block > (self.first_block(last) if self._is_look_partial
                                                    else max(self._first, last + 1)):
            # What lies between was said before the source was live; it reads on from what was told.
            return OrderLogs([], last)
        self._is_look_partial = False
        removed: list[EngineLog] = []
        new: list[EngineLog] = []
        blocks = {log.transaction_hash: log for log in self._logs.values()} if event.logs else {}
        trades = {_trade(log): log for log in self._logs.values()} if event.logs else {}
        for log in event.logs:
            place = Place.of(log)
            if log.removed:
                if self._logs.get(place) == log._replace(removed=False):
                    removed.append(log)
                    del self._logs[place]
            elif self._logs.get(place) != log:
                # A transaction is in one block, and of a book's trades one has a number. What was told of another is void, though
                # a node that is behind does not say so, or only later.
                if (other := blocks.get(log.transaction_hash, log)).block_number != log.block_number:
                    removed += self._take_out(other)
                if _trade(log) is not None and (other := trades.get(_trade(log), log)).block_hash != log.block_hash:
                    removed += self._take_out(other)
                if (known := self._logs.get(place)) is not None:
                    removed.append(known._replace(removed=True))
                new.append(log)
                self._logs[place] = blocks[log.transaction_hash] = log
        self._block_number = max(event.block_number, self._block_number or 0)
        oldest = self._block_number - 2 * self.late_blocks
        self._logs = {place: log for place, log in self._logs.items() if log.block_number > oldest}
        return OrderLogs([*sorted(removed, key=_order, reverse=True), *new], self._block_number)

    def _take_out(self, void: EngineLog) -> list[EngineLog]:
        """The logs that were told of this one's transaction in its block, marked as removed; they are told no longer."""
        taken = {place: log for place, log in self._logs.items()
                 if (log.transaction_hash, log.block_hash) == (void.transaction_hash, void.block_hash)}
        self._logs = {place: log for place, log in self._logs.items() if place not in taken}
        return [log._replace(removed=True) for log in taken.values()]


def _trade(log: EngineLog) -> tuple[str, int] | None:
    """The book and the number of a trade; None for what is none."""
    return (log.event.pair, log.event.trade_id) if isinstance(log.event, OrderMatched) else None


def _order(log: EngineLog) -> tuple[int, int]:
    return log.block_number, log.log_index
