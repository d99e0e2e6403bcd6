"""The wallet that trades: sends its orders and cancels, and knows what became of them."""
import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.cancels import CancelResult, Cancels
from hummingbot.connector.exchange.standard.chain.allowances import WITHOUT_LIMIT, Allowances
from hummingbot.connector.exchange.standard.chain.engine import TRADING_TOPICS
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.gas import GasLimits, gas_profile
from hummingbot.connector.exchange.standard.chain.gas_money import GasMoney
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.journal import FEEDS, STATE, Journal
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.deep_reorganisations import DeepReorganisations, Reading
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.feeds.base import OrderLogs
from hummingbot.connector.exchange.standard.feeds.polling import LogRange, Noticed, PollingAccountFeed
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs
from hummingbot.connector.exchange.standard.forgotten_placements import found_in_books
from hummingbot.connector.exchange.standard.history import is_told
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Token
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.settlement import (
    END_OF_BLOCK,
    Opened,
    OrderKey,
    Resting,
    Settled,
    Settlement,
)
from hummingbot.connector.exchange.standard.orders.sizing import OrderCall
from hummingbot.connector.exchange.standard.placements import PLACE, TAKE, Placements
from hummingbot.connector.exchange.standard.saved_state import SavedState
from hummingbot.connector.exchange.standard.shared_work import SharedWork
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS, Network
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates
from hummingbot.connector.exchange.standard.unwraps import UNWRAP, Unwraps
from hummingbot.connector.exchange.standard.venue import chain_orders, order_calls
from hummingbot.connector.exchange.standard.witnesses import Witness, is_begun_anew, witness_of

UNKNOWN = "unknown orders"  # a key of the journal
REMEMBER_INTERVAL = 10.0
LOOK_PAUSE = 2.0
_FORGOTTEN = ("What happened since block %d is not told any more: open orders are taken up as the chain holds them; fills of "
              "that time that Hummingbot did not save are not known")


class Recalled(NamedTuple):
    """What the last run left: orders that rested after block `cursor`, placements to be `finish`ed, those of their orders
    that Hummingbot was `told` of (by client order id). `head` is the newest block at this start. With `fills_stand` what
    Hummingbot recorded of the placements' fills is not in doubt: no block is ever replaced, or no node tells any more what
    happened between the last run and the cursor."""

    cursor: int
    head: int
    orders: list[Resting]
    unfinished: list[Tracked]
    told: Collection[str]
    fills_stand: bool = False


class Account:
    """One wallet on one engine: placing, cancelling, and what is known of its resting orders."""

    def __init__(self, wallet: Wallet, rpc: RpcClient, listing: Listing, network: Network, folder: Path, domain: str,
                 clock: Clock, updates: TrackerUpdates, max_fee: int | None = None, gas_reserve: int = 0,
                 approval: str = WITHOUT_LIMIT) -> None:
        """`folder` is where the journal of this wallet and engine is kept; `updates` is told what placements did.
        `max_fee` is the most to offer for gas, in wei (None for no bound), and `gas_reserve` what no order may spend of the
        native token, in wei; `approval` is how tokens are approved (see Allowances)."""
        self._rpc = rpc
        self._listing = listing
        self._clock = clock
        self._gas = GasLimits(gas_profile(network.chain_id), clock)
        self._journal = Journal(folder / f"{domain}_{wallet.address[2:10]}_{listing.engine[2:10]}.sqlite", clock)
        fee_policy = FeePolicy(rpc, clock, cap=max_fee)
        self.gas_money = GasMoney(rpc, wallet.address, fee_policy)
        self._sender = TransactionSender(rpc, wallet, self._journal, clock, fee_policy, network.chain_id,
                                         transfer_gas=self._gas.profile.transfer, watched_blocks=network.watched_blocks,
                                         on_reorganised=self._reorganised)
        self._updates = updates
        self.is_recorded = True  # whether Hummingbot is there to record what is told
        self._following: set[asyncio.Task[None]] = set()
        self._finished: list[Tracked] = []
        self._allowances = Allowances(rpc, self._sender, wallet.address, listing.engine, self._gas, clock, self._finished,
                                      approval)
        self._remembered: SavedState | None = None
        self._remembered_at = 0.0
        self._changing = asyncio.Lock()
        self._log_range = LogRange(clock)
        self._starting = SharedWork()
        self._looking = asyncio.Lock()
        self._unconfirmed: list[Tracked] = []  # those of them that were mined before a break and are to be seen again
        self._running = False
        self._recalled = False
        self._given: set[Tracked] = set()  # placements of the last run that were given to be finished, and are not yet
        self._in_doubt: set[str] = set()
        self._began = 0
        self._witness: Witness | None = None
        self.late_blocks = network.late_blocks
        self._final = 0  # what happened up to this block is not known step by step any more
        self.address = wallet.address
        self.settlement = Settlement(wallet.address, listing.by_book)
        self.vanished: set[OrderKey] = set()  # resting by all logs, but the engine does not hold them any more
        updates.follow(self.settlement.resting)
        native = Token(listing.native_token, network.native_symbol, 18)
        self._unwraps = Unwraps(wallet.address, native, rpc, self._sender, self._gas, clock, self._follow, self._finished)
        self._placements = Placements(wallet.address, listing, rpc, self._sender, self._allowances, self._gas, self.gas_money,
                                      self.settlement, clock, self._finished, self._tell, self._unwraps, native,
                                      lambda tracked: self._follow(self._look_for(tracked, ())), gas_reserve)
        # Blocks that are final at once need no look back.
        self._deep = DeepReorganisations(rpc, self._journal, clock, self.settlement, updates, self._read_again) \
            if network.watched_blocks else None
        self._cancels = Cancels(listing, self._sender, self._gas, clock, self.deposits, self.head, self.settlement.resting.keys())

    async def start(self) -> None:
        """Be ready to send, and follow what an earlier run left unfinished. Calling it again does nothing."""
        await self._starting.done(self._start)

    async def _start(self) -> None:
        async with self._changing:
            if not self._running:
                await self._sender.start()
                try:
                    await self._note_beginning()
                except BaseException:
                    await self._sender.stop()  # the next start would begin another one beside it
                    raise
                self._running = True
                if self._recalled:
                    self._follow_again()

    async def _note_beginning(self) -> None:
        self._began = await self._rpc.block_number()
        if await self._journal.get(STATE) is None:
            await self._journal.set(STATE, (await self._beginning()).to_json())

    async def _beginning(self) -> SavedState:
        """What a new journal begins with. All later starts wait for a node that has come as far, so a block that is named and
        that no node can show is not written: raises ApiUnavailableError."""
        witness = await witness_of(self._rpc, self._began)
        if witness is None:
            raise ApiUnavailableError(f"The node says that it is at block {self._began}, and does not have that block")
        return SavedState(self._began, [], [], [], witness)

    def take_orders(self, are_sent: bool) -> None:
        """From now on what is placed is sent, or else fails."""
        self._placements.are_sent = are_sent

    async def settle_down(self, returned: asyncio.Event, timeout_seconds: float) -> None:
        """Wait until everything on its way has come to its end, until the network is back, or for so long."""
        ends = asyncio.gather(*(tracked.wait() for tracked in self._sender.pending), return_exceptions=True)
        back = asyncio.ensure_future(returned.wait())
        await asyncio.wait((ends, back), timeout=max(0.0, timeout_seconds), return_when=asyncio.FIRST_COMPLETED)
        ends.cancel()
        back.cancel()
        await asyncio.gather(ends, back, return_exceptions=True)

    async def stop(self) -> None:
        """Stop sending: the journal has what is still on its way."""
        async with self._changing:
            if self._running:
                self._running = False
                if self._deep is not None:
                    await self._deep.stop()
                await self._sender.stop()
            await self._journal.close()  # a start that failed has opened it as well

    def unfinished(self) -> list[Tracked]:
        """The placements that an earlier run sent and did not settle; each is given once, to be `finish`ed."""
        resumed = [tracked for tracked in self._sender.resumed if tracked.intent.kind in (PLACE, TAKE)]
        self._unwraps.resume(self._sender.resumed, resumed)
        for tracked in self._sender.resumed:
            if tracked.intent.kind not in (PLACE, TAKE, UNWRAP):
                self._follow(self._settle_at_its_end(tracked))
        self._sender.resumed.clear()
        return resumed

    async def _settle_at_its_end(self, tracked: Tracked) -> None:
        """Nobody asks what became of a cancel or an approval of an earlier run, or of one whose block was replaced, but until
        then its nonce must be known."""
        try:
            await tracked.wait()
        except OutcomeUnknownError as error:
            if not isinstance(error, OutcomeForgottenError):  # which no node will ever tell, however often it is asked
                return  # the next start goes on
        except StandardError as error:
            logging.getLogger(__name__).debug("A transaction of the last run failed: %s", error)
        self._sender.settle(tracked)

    def is_on_its_way(self, client_order_id: str) -> bool:
        """Whether it is still to be seen what becomes of an order: its transaction may be mined yet."""
        return client_order_id in self._in_doubt or any(client_order_id in tracked.intent.client_order_ids
                                                        for tracked in self._sender.pending)

    def _follow_again(self) -> None:
        """After a stop and another start in one process: follow what the journal has of it."""
        # Which of them are settled is known now; by the time that the others are followed it may be forgotten.
        settled = {tracked.id: tracked for tracked in self._finished}
        resumed = self.unfinished()
        self._unconfirmed = [settled[tracked.id] for tracked in resumed if tracked.id in settled]
        for tracked in resumed:
            if tracked.id in settled:
                self._follow(self._confirm(tracked, settled[tracked.id]))
        unsettled = [tracked for tracked in resumed if tracked.id not in settled]
        self._placements.unsettled = set(unsettled)
        self._follow(self._go_on(unsettled))

    async def _go_on(self, unsettled: Sequence[Tracked]) -> None:
        """Follow what is still on its way; what was not sent fails."""
        in_doubt, self._in_doubt = self._in_doubt, set()
        await self.finish_all(unsettled)
        for client_order_id in in_doubt - self._in_doubt:
            await self._updates.fail_unsent(client_order_id, "It was not sent before the network was left.")

    async def _confirm(self, tracked: Tracked, before: Tracked) -> None:
        """A placement was settled before the network was left: should its block have been replaced meanwhile, what it did is
        void."""
        try:
            await tracked.wait()
        except OutcomeForgottenError:
            self._unconfirmed.remove(before)  # what was settled stands: nobody will ever speak against it
            return
        except OutcomeUnknownError:
            return  # the next start looks again
        except StandardError as error:
            logging.getLogger(__name__).debug("A placement that was settled is not on the chain any more: %s", error)
        self._unconfirmed.remove(before)
        if before not in self._finished:
            return  # it never was in a block, and that is noted by now
        self._finished.remove(before)
        if _place(tracked.receipt) == _place(before.receipt):
            self._finished.append(tracked)
        else:
            await self._finish_anew(tracked, before.receipt)

    async def place(self, client_order_id: str, call: OrderCall, terms: OrderTerms, priced_at: float) -> list[Settled]:
        """See Placements.place."""
        try:
            return await self._placements.place(client_order_id, call, terms, priced_at)
        except OutcomeForgottenError:
            raise  # it is looked for already
        except OutcomeUnknownError:
            self._in_doubt.add(client_order_id)
            raise

    async def note_unknown(self, expected: Collection[str], saved: Collection[str]) -> set[str]:
        """Note the orders (client order ids) that no strategy knows, should the chain have them: these, and those that an earlier
        start noted and that Hummingbot has saved since, which are returned. It may be killed before it has cancelled them."""
        noted = await self._journal.get(UNKNOWN) or "[]"
        try:
            before = set(json.loads(noted)) & set(saved)
        except (RecursionError, TypeError, ValueError) as error:
            logging.getLogger(__name__).warning("Which orders no strategy knows cannot be read (%s): those that Hummingbot has "
                                                "saved are not cancelled", error)
            before = set()
        unknown = json.dumps(sorted(before.union(expected)))
        if unknown != noted:
            try:
                await self._journal.set(UNKNOWN, unknown)
            except (sqlite3.Error, OSError) as error:  # the disk refuses, as the journal said
                logging.getLogger(__name__).debug("Which orders no strategy knows is not noted: %s", error)
        return before

    async def _tell(self, settled: list[Settled]) -> None:
        """Tell what a placement did, and note that it was told: Hummingbot's records have its orders from now on, unless it has
        left the network for good and records no more."""
        await self._updates.tell(settled)
        if not self.is_recorded:
            return
        try:
            await self._journal.told([event.client_order_id for event in settled])
        except (sqlite3.Error, OSError) as error:
            # The disk refuses, as the journal said, or the network was left and the journal closed: the next start finds the
            # orders in Hummingbot's own records.
            logging.getLogger(__name__).debug("That orders were told is not noted: %s", error)

    async def finish_all(self, unfinished: Sequence[Tracked]) -> None:
        """`finish` placements of an earlier run. Orders of a batch that was refused may have been sent one by one later."""
        def later(tracked: Tracked) -> set[str]:
            return {client_order_id for other in unfinished if other.id > tracked.id
                    for client_order_id in other.intent.client_order_ids}
        await asyncio.gather(*(self.finish(tracked, later(tracked)) for tracked in unfinished))

    async def finish(self, tracked: Tracked, placed_anew: Collection[str] = ()) -> None:
        """Follow a placement of an earlier run, or one whose block was replaced, to its end, and tell it.

        `placed_anew` are orders that a later transaction is to place, so that they do not fail with this one; nor do those
        that another one on its way still may place.
        """
        self._given.discard(tracked)
        try:
            await self._placements.finish(tracked)
        except OutcomeForgottenError:
            await self._look_for(tracked, placed_anew)
        except OutcomeUnknownError:
            self._in_doubt.update(tracked.intent.client_order_ids)  # the next start goes on
        except StandardError as error:
            for client_order_id in tracked.intent.client_order_ids:
                if client_order_id not in placed_anew and not self.is_placing(client_order_id):
                    await self._updates.fail_unplaced(client_order_id, str(error))

    async def _look_for(self, tracked: Tracked, placed_anew: Collection[str]) -> None:
        """No node tells any more what became of a placement: what it left in the books is taken up, the rest is told as it is."""
        self._updates.let_stand(set(tracked.intent.client_order_ids) - set(placed_anew))
        async with self._looking:  # two that look at once might find the same order
            block, found = await self._found(tracked)
            for order in found:
                logging.getLogger(__name__).warning(
                    "The placement of order %s is forgotten by the nodes; the order is taken up as the chain holds it. Fills "
                    "from before that are not known", order.client_order_id)
                opened = Opened(order.client_order_id, order.key.exchange_order_id, order.key, order.price, order.deposit)
                await self._updates.tell([opened, *self.settlement.adopt(order, block)])
        for client_order_id in set(tracked.intent.client_order_ids) - {order.client_order_id for order in found}:
            if client_order_id not in placed_anew and not self.is_placing(client_order_id):
                await self._updates.fail_unsent(client_order_id, "No node tells any more whether it was placed and filled, and "
                                                                 "no book holds it: compare the balances.")
        self._finished.append(tracked)

    async def _found(self, tracked: Tracked) -> tuple[int, list[Resting]]:
        """A block, and what rests of a placement after it, asked until a node answers."""
        while True:
            before = set(self.settlement.resting)
            try:
                block = await self._rpc.block_number()
                return block, await found_in_books(tracked.intent, self.address, self._listing.by_pair.values(),
                                                   partial(self._known_since, before), block, self._rpc, self._clock)
            except (ApiUnavailableError, RpcError) as error:
                logging.getLogger(__name__).debug("The books cannot be read: %s", error)
                await self._clock.sleep(LOOK_PAUSE)

    async def _known_since(self, before: Collection[OrderKey]) -> Collection[OrderKey]:
        """These orders, and those that rest now or will once the receipts are there of what is on its way."""
        await asyncio.gather(*(other.wait() for other in self._placements.unsettled), return_exceptions=True)
        return {*before, *self.settlement.resting}

    async def cancel(self, key: OrderKey) -> CancelResult:
        """See Cancels.cancel."""
        return await self._cancels.cancel(key)

    def end_cancel_pauses(self) -> None:
        """See Cancels.end_pauses."""
        self._cancels.end_pauses()

    async def deposits(self, keys: Sequence[OrderKey], block: int) -> list[int]:
        """What the engine holds of these orders after a block, in one batch; 0 for one that is gone or somebody else's."""
        return [deposit for _, deposit in await self.held(keys, block)]

    async def held(self, keys: Sequence[OrderKey], block: int) -> list[tuple[int, int]]:
        """Price x 1e8 and deposit of these orders after a block, in one batch; zeros for one that is gone or somebody else's."""
        orders = chain_orders(keys, await self._rpc.call_many(order_calls(keys), block=block), self._listing)
        return [(order.price, order.deposit) if order.owner == self.address else (0, 0) for order in orders]

    def is_placing(self, client_order_id: str) -> bool:
        """Whether a transaction that places the order is on its way."""
        return any(client_order_id in tracked.intent.client_order_ids for tracked in self._sender.pending)

    def lists(self, key: OrderKey) -> bool:
        """Whether the order is in a book that the exchange lists."""
        return key.book in self._listing.by_book

    async def head(self) -> int:
        """The newest block."""
        return await self._rpc.block_number()

    def locked(self) -> Mapping[str, int]:
        """What rests of the own deposits, by token address."""
        locked: dict[str, int] = {}
        for key, order in self.settlement.resting.items():
            market = self._listing.by_book.get(key.book)
            if market is None or key in self.vanished:
                continue  # of a market that is not listed any more, what rests has no name here
            token = (market.quote if key.is_bid else market.base).address
            locked[token] = locked.get(token, 0) + order.deposit
        return locked

    def _reorganised(self, tracked: Tracked, void: Receipt | None) -> None:
        if tracked in self._sender.resumed or tracked in self._given:
            return  # nothing was settled of it, nor is it known yet of which of its orders Hummingbot knows
        if tracked in self._finished:
            self._finished.remove(tracked)
        if tracked.intent.kind in (PLACE, TAKE):
            self._follow(self._finish_anew(tracked, void))
        elif tracked.intent.kind != UNWRAP:  # the next start settles those
            self._follow(self._settle_at_its_end(tracked))

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _finish_anew(self, tracked: Tracked, void: Receipt | None) -> None:
        """The block of a placement was replaced: what it did is void, and its end is waited for again."""
        if void is not None:
            await self._updates.tell(self.settlement.retract_receipt(void.transaction_hash))
        await self.finish(tracked)

    async def remember(self, block_number: int) -> None:
        """Write down, for the next run, what is final now that the logs up to a block are processed.

        That is the resting orders with their deposits some blocks earlier; what happened since is read again by the next
        run, so that it need not be undone should those blocks be replaced. Of that, only the fills are noted, and those that
        were undone, where blocks are replaced at all: Hummingbot saves its orders when it is told an event, and of an undone
        fill there is none.
        """
        final = self._final_at(block_number)
        self._final = max(self._final, final)
        fills = self.settlement.recent_fills(final) | self._updates.doubtful if self._deep is not None else ()
        state = SavedState(final, [replace(order) for order in self.settlement.resting_at(final)], sorted(fills),
                           sorted(self._updates.taken_back), self._witness)
        self.settlement.forget_steps(final)
        settled = [tracked for tracked in self._finished if tracked.receipt is None or tracked.receipt.block_number <= final]
        now = self._clock.monotonic()
        if self._remembered is None or state[1:] != self._remembered[1:] or settled \
                or now - self._remembered_at > REMEMBER_INTERVAL:
            self._remembered, self._remembered_at = state, now
            self._finished[:] = [tracked for tracked in self._finished if tracked not in settled]
            await self._save(state, settled)

        if self._deep is not None and self._running:  # else it would look on although the network was left
            self._deep.follow(final)

    def _final_at(self, block_number: int) -> int:
        """The newest block that counts as final once the logs up to a block are processed."""
        # A young chain has no older block that could be asked for; the orders of the last run are known as of its last one.
        final = max(0, block_number - self.late_blocks, self._final)
        unsettled = [tracked.receipt.block_number
                     for tracked in (*self._unconfirmed, *self._sender.resumed, *self._placements.unsettled)
                     if tracked.receipt is not None]
        if self._sender.oldest_unsettled is not None:
            unsettled.append(self._sender.oldest_unsettled)
        if unsettled:
            # The logs may be far ahead of the receipts, and those of an order count from its placement on. Where a block was
            # replaced of which the receipts do not know yet, it may be in an older block than before.
            final = min(final, max(0, min(unsettled) - REORGANISED_BLOCKS, self._final))
        return final

    async def _save(self, state: SavedState, settled: Sequence[Tracked]) -> None:
        over = [client_order_id for tracked in settled for client_order_id in tracked.intent.client_order_ids]
        try:
            await self._journal.set(STATE, state.to_json(), [tracked.id for tracked in settled], over)
        except (sqlite3.Error, OSError) as error:
            # The disk refuses, as the journal said. Until this can be written, a next run begins at the last state that was.
            logging.getLogger(__name__).debug("The state of block %d is not noted: %s", state.block, error)
            self._remembered = None
            self._finished[:0] = settled

    async def logs_since(self, block_number: int) -> tuple[list[EngineLog], int]:
        """The account's fills and cancels after a block, and the block up to which these are all. Raises ApiUnavailableError
        when the node does not have the blocks after it yet."""
        logs: list[EngineLog] = []
        feed = PollingAccountFeed(self._rpc, self._listing.engine, self.address, ToldLogs(block_number), self._clock, lambda: 0.0,
                                  log_range=self._log_range)
        await feed.read(lambda event: logs.extend(event.logs) if isinstance(event, OrderLogs) else None)
        if feed.block_number < 0:
            raise ApiUnavailableError(f"the node is behind and does not know what happened after block {block_number}")
        return logs, feed.block_number

    async def _read_again(self, block_number: int) -> Reading:
        """The same, and what the engine holds of the account's orders after these logs."""
        logs, read = await self.logs_since(block_number)
        keys = list(self.settlement.resting)
        return Reading(logs, dict(zip(keys, await self.deposits(keys, read) if keys else [])), read)

    async def note_feeds(self, states: str) -> None:
        """Leave in the journal where the data come from now, for who looks at it from outside."""
        try:
            await self._journal.set(FEEDS, states)
        except (sqlite3.Error, OSError) as error:
            logging.getLogger(__name__).debug("Where the data come from is not noted: %s", error)

    async def noted_books(self) -> set[str]:
        """The books in which orders of the last run rested."""
        return {order.key.book for order in (await self._saved()).orders}

    async def _saved(self) -> SavedState:
        """What the last run left. What cannot be read is replaced by what a new journal begins with."""
        try:
            return SavedState.from_json(await self._journal.get(STATE) or SavedState(self._began, [], [], []).to_json())
        except ValueError as error:
            logging.getLogger(__name__).warning(
                "What the last run noted of its orders cannot be read (%s): open orders are taken up as the chain holds them; "
                "fills since then that Hummingbot did not save are not known", error)
            state = await self._beginning()
            await self._journal.set(STATE, state.to_json())
            return state

    async def recall(self) -> Recalled:
        """Take up what the last run knew. Raises ApiUnavailableError when no node answers that knows as much; then it may be
        asked again."""
        block, orders, fills, taken_back, witness = await self._saved()
        if block > self._began:
            self._began = await self._rpc.block_number()
        forgotten = is_anew = await is_begun_anew(self._rpc, self._began, block, witness)
        if not is_anew and (orders or self._sender.resumed) and not await self._is_told(block + 1, self._began):
            forgotten = True
            logging.getLogger(__name__).warning(_FORGOTTEN, block)
        if forgotten:
            block, fills, taken_back = self._began, [], []
            orders = await self._as_held(orders, block)
        self._witness = await witness_of(self._rpc, self._began) or witness
        told = await self._journal.told_orders()
        # From here on nothing may fail: what is given once must reach the caller.
        self.settlement.restore(orders)
        self._updates.doubt(fills, taken_back)
        unfinished = self.unfinished()
        self._placements.unsettled.update(unfinished)
        self._given.update(unfinished)
        self._recalled = True
        # Without orders of the last run nothing of the time between is of interest.
        self._final = cursor = block if forgotten or orders or unfinished else self._began - REORGANISED_BLOCKS
        return Recalled(cursor, self._began, orders, unfinished, told, forgotten or self._deep is None)

    async def _is_told(self, block: int, newest: int) -> bool:
        return await is_told(self._rpc, self._listing.engine, [list(TRADING_TOPICS)], block, newest)

    async def _go_past(self, block: int) -> int | None:
        """The logs after a block cannot be read. Where the nodes have forgotten them, the orders that rest are taken up as the
        chain holds them after a newer block, which is returned; None where it is something else."""
        head = await self._rpc.block_number()
        if await self._is_told(block + 1, head):
            return None
        resting = list(self.settlement.resting.values())
        held = {order.key: order for order in await self._as_held(resting, head)} if resting else {}
        for order in resting:
            self.settlement.forget(order.key)
        self.settlement.restore(held.values())
        self._final = max(self._final, head)
        if resting:
            logging.getLogger(__name__).warning(_FORGOTTEN, block)
        return head

    async def _as_held(self, orders: Sequence[Resting], block: int) -> list[Resting]:
        """What is left of these orders after a block."""
        held = await self.held([order.key for order in orders], block)
        return [replace(order, price=price, deposit=deposit, placed_at=(block, END_OF_BLOCK))
                for order, (price, deposit) in zip(orders, held) if deposit]

    def polling_feed(self, told: ToldLogs, interval: Callable[[], float], noticed: Noticed | None = None) -> PollingAccountFeed:
        """The logs of the engine beyond what was told, by polling; `noticed` is told of all that is read, anybody's."""
        return PollingAccountFeed(self._rpc, self._listing.engine, self.address, told, self._clock, interval, noticed,
                                  self._go_past, self._log_range)


def _place(receipt: Receipt | None) -> tuple[str, str] | None:
    """Where a transaction is: its hash and its block's."""
    return None if receipt is None else (receipt.transaction_hash, receipt.block_hash)
