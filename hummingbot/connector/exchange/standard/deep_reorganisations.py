"""Reorganisations deeper than what is followed block by block: noticed, told in one warning, put right from the chain.

Where a network's blocks can be replaced, the hash of a block that counted as final is noted now and then, in the journal too;
the questions for it travel with what is asked of the node anyhow. Another block in the place of a noted one is the proof, in
this run or at the start of the next. The engine's logs are then read again from the newest noted block that still stands, and
every own order is compared with what the engine holds: fills that the chain does not have leave their orders, new ones are
told, and an order that is gone ends as its logs say, or as cancelled if there are none.
"""
import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.supervision import Supervision
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import StandardError
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, OrderKey, Settled, Settlement, resting_key
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates

# Between two notes that are kept; and between two times that orders are compared after a reorganisation.
INTERVAL = 10.0
PAUSE = 4.0
# How long a look waits for a batch to travel with: without own orders it has more time.
PATIENCE = 6.0
IDLE_PATIENCE = 15.0
MAX_NOTES = 30
# An order may be on its way into a new block, so it is gone only when it is missing more than once; so many looks in all.
LOOKS = 3
_NOTES = "final blocks"


class Note(NamedTuple):
    """A block that counted as final."""

    number: int
    hash: str


class Reading(NamedTuple):
    """The account's logs since a block, up to another one, and what the engine holds of some orders after them."""

    logs: Sequence[EngineLog]
    deposits: dict[OrderKey, int]
    block_number: int


class DeepReorganisations:
    """Looks after one account's orders. `read` gives the logs after a block and the deposits of orders after these logs."""

    def __init__(self, rpc: RpcClient, journal: Journal, clock: Clock, settlement: Settlement, updates: TrackerUpdates,
                 read: Callable[[int], Awaitable[Reading]]) -> None:
        self._rpc = rpc
        self._journal = journal
        self._clock = clock
        self._settlement = settlement
        self._updates = updates
        self._read = read
        self._notes: list[Note] | None = None
        self._kept_at = self._read_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._supervision = Supervision("look for deep reorganisations", clock)
        self.final = 0
        self._since = 0
        self._looks_left = 0
        self._missing: set[OrderKey] = set()

    def follow(self, final: int) -> None:
        """Block `final` counts as final now; from the first one on it is looked again and again, until `stop`."""
        self.final = max(self.final, final)
        if self._looking is None and self.final > 0:
            self._looking = asyncio.get_running_loop().create_task(self._supervision.keep(self._look_on))

    async def stop(self) -> None:
        """Look no more, until `follow` is called again."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(PAUSE)

    async def look(self) -> None:
        """Compare what was noted with the chain, and note the block that is `final`, with the next batch of requests."""
        try:
            await self._look()
        except StandardError as error:
            logging.getLogger(__name__).debug("Final blocks could not be compared: %s", error)
        except (sqlite3.Error, OSError) as error:  # the journal said so, or was closed meanwhile: the next start looks
            logging.getLogger(__name__).debug("Final blocks could not be noted: %s", error)

    async def _look(self) -> None:
        if self._notes is None:
            self._notes = _parsed(await self._journal.get(_NOTES) or "[]")
        newest = self._notes[-1] if self._notes else None
        blocks = await self._rpc.get_blocks_in_passing(
            lambda: [self.final] if newest is None else [newest.number, self.final],
            PATIENCE if self._settlement.resting else IDLE_PATIENCE)
        if newest is not None and newest.number in blocks and blocks[newest.number].hash != newest.hash:
            await self._go_back(newest)
        now = self._clock.monotonic()
        if self._looks_left and now - self._read_at >= INTERVAL:
            self._read_at = now
            self._looks_left -= await self._compare()
        final = blocks.get(max(blocks, default=0))
        if final is not None and final.number > (self._notes[-1].number if self._notes else 0):
            await self._note(Note(final.number, final.hash), now)

    async def _note(self, note: Note, now: float) -> None:
        """Note a block in the place of the newest one; now and then that one is kept, and the journal gets all of them."""
        assert self._notes is not None
        if self._notes and now - self._kept_at < INTERVAL:
            self._notes[-1] = note
            return
        self._kept_at = now
        self._notes = [*self._notes[1 - MAX_NOTES:], note]
        await self._journal.set(_NOTES, json.dumps(self._notes))

    async def _is_replaced(self, note: Note) -> bool:
        block = await self._rpc.get_block(note.number)
        return block is not None and block.hash != note.hash

    async def _go_back(self, newest: Note) -> None:
        """Forget what was replaced, and say so."""
        assert self._notes is not None
        notes = list(self._notes)  # they are kept until all questions are answered, or the next look would find nothing amiss
        while notes and await self._is_replaced(notes[-1]):
            oldest = notes.pop()
        self._notes = notes
        self._since = notes[-1].number if notes else max(0, oldest.number - 1)
        self._looks_left, self._missing, self._read_at = LOOKS, set(), float("-inf")
        logging.getLogger(__name__).warning(
            "The chain replaced block %d, which counted as final: own orders and fills since block %d are compared with it once "
            "more. What Hummingbot recorded and told of them stays as it is", newest.number, self._since)

    async def _compare(self) -> bool:
        """Compare the orders with the chain. Whether all that rested before could be: of an order that moved after what was
        read, or meanwhile, the reading says nothing."""
        before = {key: order.deposit for key, order in self._settlement.resting.items()}
        reading = await self._read(self._since)
        after = {key: order.deposit for key, order in self._settlement.resting.items()}
        still = {key for key, deposit in before.items()
                 if after.get(key) == deposit and self._settlement.moved_at(key) <= reading.block_number}
        await self._put_right(reading._replace(deposits={key: held for key, held in reading.deposits.items() if key in still}))
        return before.keys() & after.keys() <= still

    async def _put_right(self, reading: Reading) -> None:
        """Bring orders and deposits, all of which still rest, into agreement with the chain. No pause is made before all of it
        is settled."""
        settled: list[Settled] = []
        new: list[EngineLog] = []
        for key, held in reading.deposits.items():
            order = self._settlement.resting[key]
            known = self._updates.fills_of(order.client_order_id, key.book)
            logs = [log for log in reading.logs if resting_key(log.event) == key]
            # On another chain a trade id may be another trade's.
            same = {_trade_id(log.event) for log in logs if isinstance(log.event, OrderMatched)
                    and known.get(_trade_id(log.event)) == log.event.base_amount}
            news = [log for log in logs if not isinstance(log.event, OrderMatched) or _trade_id(log.event) not in same]
            # What the order had before these logs, so that they lead to what it has now.
            before = held + sum(_moved(log, key) for log in news)
            if before == 0:
                settled += self._gone(key, order.client_order_id)
                continue
            self._missing.discard(key)
            if before > order.deposit:
                for trade_id in self._updates.take_back_fills(order.client_order_id, key, before - order.deposit, same):
                    self._settlement.forget_trade(trade_id)
            order.deposit, order.placed_at = before, (0, 0)  # where it stands on the new chain is not known
            new += news
        for log in new:
            if isinstance(log.event, OrderMatched):
                self._settlement.forget_trade(_trade_id(log.event))
        settled += [event for log in new for event in self._settlement.apply(log)]
        await self._updates.tell(settled)

    def _gone(self, key: OrderKey, client_order_id: str) -> list[Settled]:
        if key not in self._missing:
            self._missing.add(key)
            return []
        self._settlement.forget(key)
        return [Closed(client_order_id, key.exchange_order_id, Ending.CANCELED, 0, self._since)]


def _parsed(text: str) -> list[Note]:
    """The notes of the last run; none, with a warning, where they cannot be read."""
    try:
        notes = [Note(int(number), str(name)) for number, name in json.loads(text)]
    except (RecursionError, TypeError, ValueError) as error:
        logging.getLogger(__name__).warning("The final blocks that the last run noted cannot be read (%s): whether the chain "
                                            "replaced one of them meanwhile is not known", error)
        return []
    return notes


def _trade_id(match: OrderMatched) -> str:
    return f"{match.pair}:{match.trade_id}"


def _moved(log: EngineLog, key: OrderKey) -> int:
    """What a fill or a cancel took out of an order's deposit."""
    event = log.event
    if isinstance(event, OrderMatched):
        return event.quote_amount if key.is_bid else event.base_amount
    return event.amount if isinstance(event, OrderCanceled) else 0
