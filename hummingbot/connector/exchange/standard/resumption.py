"""After a restart: what the last run left and what Hummingbot remembers, brought into agreement.

Hummingbot saves its orders on events only, so after a crash it may know less or more than the chain holds. The rule:

* an order that Hummingbot knows gets the state and the fills that the chain holds, each fill once;
* an order that the chain got and that Hummingbot never saved is brought back: its creation and all its fills are told, and
  what rests of it is cancelled, since no strategy knows it; so it ends filled or cancelled in Hummingbot's records;
* an order that Hummingbot never saved and that never reached the chain leaves no record;
* any other order that rests and that Hummingbot does not know (it has the records of another configuration) is cancelled;
* should an order that no strategy knows rest again later, after a reorganisation of the chain, it is cancelled again;
* an order that Hummingbot saved before it was sent, and that was never sent, fails;
* an order that Hummingbot saved as placed, and that lost its block and was not placed again, fails and has no fills;
* an order that Hummingbot saved and the journal does not know, because its file was lost, is taken up as the chain holds it;
* an order that Hummingbot recorded as filled, and whose rest was taken before it was off the book, gets that fill, too;
* a fill that Hummingbot recorded and a reorganisation took back meanwhile is taken out of its order; of an order that is done
  a warning says so.
"""
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.exchange.standard.account import Account, Recalled
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, OrderRejectedError, RpcError
from hummingbot.connector.exchange.standard.feeds.polling import MAX_BLOCK_RANGE
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.settlement import END_OF_BLOCK, Opened, OrderKey, Resting
from hummingbot.connector.exchange.standard.placements import terms_of
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates

RETRY_PAUSE = 2.0


class Resumption:
    """Carries the rule out, once at each start."""

    def __init__(self, account: Account, tracker: ClientOrderTracker, updates: TrackerUpdates,
                 caught_up: Callable[[int], Awaitable[bool]], clock: Clock,
                 recorded: Callable[[Collection[str]], Awaitable[set[str]]], take_off: Callable[[OrderKey], None]) -> None:
        """`caught_up` waits a while for the logs up to a block to be processed, and tells whether they are; `recorded` gives
        those of some orders (client order ids) that Hummingbot's database holds; `take_off` cancels an order, and tries again
        until it has."""
        self._recorded = recorded
        self._take_off = take_off
        self._account = account
        self._tracker = tracker
        self._updates = updates
        self._caught_up = caught_up
        self._clock = clock
        self._has_questioned = False
        self._has_followed = False

    async def run(self, recalled: Recalled, restored: Collection[str]) -> None:
        """`restored` are the orders (by client order id) that Hummingbot brought from its last run, as long as it lasts. When
        it is cancelled or fails, running it again goes on."""
        if not self._has_questioned:  # once: what the first receipts prove is not in question again
            await self._question_and_expect(recalled)
            self._has_questioned = True
        if not self._has_followed:
            await self._updates.tell([Opened(order.client_order_id, order.key.exchange_order_id, order.key, order.price,
                                             order.deposit) for order in recalled.orders])
            await self._account.finish_all(recalled.unfinished)
            self._has_followed = True
        while not await self._caught_up(recalled.head):
            logging.getLogger(__name__).debug("Waiting for what happened since the last run")
        await self._adopt(restored)
        self._updates.take_back_doubtful()
        for client_order_id in restored:
            if not self._account.is_on_its_way(client_order_id):  # the network may have been left meanwhile
                await self._updates.fail_unsent(client_order_id, "It was never sent by the last run.")
        self._updates.take_off_unknown()
        await self._cancel_unknown()

    async def _question_and_expect(self, recalled: Recalled) -> None:
        """Find the orders that are to be brought back, should the chain have them, and those that Hummingbot knows from blocks
        that may have been replaced."""
        known = self._tracker.all_fillable_orders
        unsaved = {client_order_id: terms for tracked in recalled.unfinished
                   for client_order_id, terms in _terms(tracked).items()
                   if client_order_id not in known and client_order_id not in recalled.told}
        recorded = await self._recorded(unsaved) if unsaved else ()
        expected = {client_order_id: terms for client_order_id, terms in unsaved.items() if client_order_id not in recorded}
        self._updates.expect(expected, await self._account.note_unknown(expected.keys(), known.keys()))
        resting = {order.client_order_id for order in recalled.orders}  # another transaction placed those
        self._updates.question([client_order_id for tracked in recalled.unfinished
                                for client_order_id in tracked.intent.client_order_ids
                                if client_order_id in known and client_order_id not in resting], not recalled.fills_stand)

    async def _adopt(self, restored: Collection[str]) -> None:
        """Take up what the chain alone knows of the orders that Hummingbot saved."""
        resting = self._account.settlement.resting
        orders = {key: order for order in self._tracker.active_orders.values() if order.client_order_id in restored
                  and (key := OrderKey.parse(order.exchange_order_id)) is not None and key not in resting
                  and self._account.lists(key)}
        if not orders:
            return
        block, held = await self._asked(lambda: self._held_now(list(orders)))
        for (key, order), (price, deposit) in zip(orders.items(), held):
            if key in self._account.settlement.resting:
                continue  # a block was replaced meanwhile, and its receipt has told more than was asked
            if deposit:
                logging.getLogger(__name__).warning(
                    "The journal does not know the order %s any more; it is taken up as the chain holds it. Fills from before "
                    "that Hummingbot did not save are not known", order.client_order_id)
                found = Resting(key, order.client_order_id, price, deposit, (block, END_OF_BLOCK))
                await self._updates.tell(self._account.settlement.adopt(found, block))
            elif not order.is_done:
                logging.getLogger(__name__).warning(
                    "The journal does not know the order %s any more, and it is not on the exchange: whether it was filled or "
                    "cancelled is not known", order.client_order_id)

    async def _held_now(self, keys: Sequence[OrderKey]) -> tuple[int, list[tuple[int, int]]]:
        """A block up to which the logs are processed, and price and deposit of these orders after it."""
        block = await self._account.head()
        while not await self._caught_up(block):
            logging.getLogger(__name__).debug("Waiting for what happened up to block %d", block)
        return block, await self._account.held(keys, block)

    async def _cancel_unknown(self) -> None:
        """Cancel what rests and no strategy knows."""
        known = self._tracker.all_fillable_orders.keys() - self._updates.brought_back
        settlement = self._account.settlement
        unknown = [order for order in settlement.resting.values() if order.client_order_id not in known]
        keys = [order.key for order in unknown]
        held = [deposit for _, deposit in (await self._asked(lambda: self._held_now(keys)))[1]] if keys else []
        for order, deposit in zip(unknown, held):
            if deposit == 0 and order.client_order_id not in self._updates.brought_back:
                settlement.forget(order.key)
            elif deposit and order.key in settlement.resting:
                logging.getLogger(__name__).warning("The order %s of the last run rests, and no strategy knows it any more: "
                                                    "cancelling it", order.client_order_id)
                self._take_off(order.key)

    async def _asked[Answer](self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to a question to the chain, asked until a node answers."""
        while True:
            try:
                return await question()
            except (ApiUnavailableError, RpcError):
                await self._clock.sleep(RETRY_PAUSE)


def _terms(placement: Tracked) -> Mapping[str, OrderTerms]:
    """The terms of a placement's orders; none, with a warning, where the journal's note of them is damaged."""
    try:
        return terms_of(placement.intent)
    except ValueError as error:
        logging.getLogger(__name__).warning(
            "What the journal notes of the orders %s is damaged (%s): their transaction is followed to its end, and what "
            "Hummingbot saved of them is told it. Any that it did not save is not recorded, and cancelled if it rests",
            ", ".join(placement.intent.client_order_ids), error)
        return {}


def tell_how_much_is_read(recalled: Recalled) -> None:
    """Say so where it may take a while."""
    if (blocks := recalled.head - recalled.cursor) > MAX_BLOCK_RANGE:
        logging.getLogger(__name__).info("What happened in the %d blocks since the last run is read now; no order is placed "
                                         "before that is known", blocks)


def refuse_while_it_is_read(recalled: Recalled, read_block: int, late_blocks: int) -> None:
    """After days away it takes minutes to read what happened since the last run, up to `read_block` so far, in which no fill of
    a new order would be told. Raises OrderRejectedError."""
    head, read = recalled.head, max(recalled.cursor, read_block)
    if read < head - max(late_blocks, MAX_BLOCK_RANGE):
        raise OrderRejectedError(f"What happened since the last run is read up to block {read} of {head}: no order is placed "
                                 f"before all is.")
