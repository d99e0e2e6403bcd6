"""Placing orders: one transaction each, or one for all that a strategy places in the same moment.

createOrders is all or nothing, so when it reverts each of its orders is simulated: the ones that the engine would refuse
fail with their own reason, the others are sent on their own. Nothing was placed before, so nothing is placed twice.
An order that reverts costs gas, and strategies repeat what fails. So for a minute after one, orders that spend the same token
are simulated before they are sent, each on its own.
"""
import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.cancels import MAX_BATCH as MAX_CANCELS
from hummingbot.connector.exchange.standard.chain.allowances import REFUSAL_PAUSE, Allowances
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.gas import Call, GasLimits
from hummingbot.connector.exchange.standard.chain.gas_money import GasMoney
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs, decode_outflows, unknown_topics
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    NotSentError,
    OrderRejectedError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Token
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.called_orders import called_orders
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Settled, Settlement
from hummingbot.connector.exchange.standard.orders.sizing import OrderCall
from hummingbot.connector.exchange.standard.unwraps import Unwraps
from hummingbot.connector.exchange.standard.window import Window

# What may rest, and what takes or comes back (docs/protocol.md, "Matching limits").
PLACE, TAKE = "place", "take"
# A quote that is older than this, in seconds, when it could be sent is not worth sending any more.
PATIENCE = 60.0
WINDOW_SECONDS = 0.005
MAX_BATCH = 20


class _Order(NamedTuple):
    """An order as it was priced; `deadline` is the monotonic time until which it may be sent, whatever it waited for."""

    client_order_id: str
    call: OrderCall
    terms: OrderTerms
    deadline: float

    @property
    def note(self) -> dict[str, Any]:
        """What the journal keeps of it beside the call, which tells the rest."""
        return {"terms": self.terms.to_json()}


_Waiting = tuple[_Order, "asyncio.Future[list[Settled]]"]


class Placements:
    """The placements of one account.

    `finished` collects transactions whose consequences the account has yet to save; `tell` is told what they did, at once,
    so that the order in which things are told is that in which they were settled. `forgotten` is given each one of this run
    of which no node tells any more what became. `gas_reserve` is how much of the native token, in wei, no order may spend;
    `gas_money` tells whether orders and the cancels after them can be paid.
    """

    def __init__(self, address: str, listing: Listing, rpc: RpcClient, sender: TransactionSender, allowances: Allowances,
                 gas: GasLimits, gas_money: GasMoney, settlement: Settlement, clock: Clock, finished: list[Tracked],
                 tell: Callable[[list[Settled]], Awaitable[None]], unwraps: Unwraps, native: Token,
                 forgotten: Callable[[Tracked], None], gas_reserve: int = 0) -> None:
        self._address = address
        self._listing = listing
        self._rpc = rpc
        self._sender = sender
        self._allowances = allowances
        self._gas = gas
        self._gas_money = gas_money
        self._settlement = settlement
        self._clock = clock
        self._finished = finished
        self._tell = tell
        self._unwraps = unwraps
        self._native = native
        self._forgotten = forgotten
        # Those whose receipts have yet to be settled: until then what happens to their orders must not count as final.
        self.unsettled: set[Tracked] = set()
        self._gas_reserve = gas_reserve
        self._simulated_until: dict[str, float] = {}  # monotonic, by the address of the token that orders spend
        self._promised: dict[asyncio.Future[list[Settled]], int] = {}
        self._counting = asyncio.Lock()
        self._unknown_topics: set[str] = set()
        self.are_sent = True
        self._window: Window[_Order, list[Settled]] = Window(self._send_all, clock, WINDOW_SECONDS)

    async def place(self, client_order_id: str, call: OrderCall, terms: OrderTerms, priced_at: float) -> list[Settled]:
        """Send one order and wait for its receipt; what it did, fills first. The journal keeps its terms; `priced_at` is the
        monotonic time since which its price grows old.

        Raises OrderRejectedError when the engine refuses it, NotSentError when it provably never reached a node or was too old
        to be sent, OutcomeForgottenError when no node tells it any more (as after the machine slept), and OutcomeUnknownError
        when the process ends before that is known.
        """
        order = _Order(client_order_id, call, terms, priced_at + PATIENCE)
        if not call.needs_allowance:
            return await self._window.add(order)
        await self._allowances.ensure(call.spends, call.deposit)
        try:
            return await self._window.add(order)
        finally:
            self._allowances.release(call.spends, call.deposit)

    async def _send_all(self, waiting: list[_Waiting]) -> None:
        waiting = await self._with_gas_money(waiting)
        if any(order.call.value for order, _ in waiting):
            waiting = await self._within_reserve(waiting)
        waiting = self._worth_sending(waiting)
        together = [entry for entry in waiting
                    if entry[0].call.item is not None and not self._is_simulated(entry[0].call.spends)]
        groups = self._batches(together) + [[entry] for entry in waiting if entry not in together]
        results = await asyncio.gather(*(self._send(group) for group in groups), return_exceptions=True)
        for group, result in zip(groups, results):
            if isinstance(result, Exception):  # one transaction's fault is not the others'
                for _, future in group:
                    _fail(future, result)

    async def _with_gas_money(self, waiting: list[_Waiting]) -> list[_Waiting]:
        """Refuse the orders after which nothing would be left to pay for cancels; the others, in their order."""
        cancels = self._gas.cancels(min(MAX_CANCELS, len(self._settlement.resting) + len(waiting)))
        try:
            lacking = await self._gas_money.lacking([(self._order_gas(order.call), order.call.value) for order, _ in waiting],
                                                    cancels)
        except (ApiUnavailableError, RpcError):
            return waiting  # the sender says what is wrong with the node
        native = self._native
        for (_, future), lack in zip(waiting, lacking):
            if lack is not None:
                _fail(future, OrderRejectedError(
                    f"The wallet {self._address} has not enough {native.symbol} for this order with its gas and for cancelling "
                    f"what rests: up to {native.from_units(lack.needed):.6g} are needed, and {native.from_units(lack.left):.6g} "
                    "are left besides the orders before it. Fund the wallet."))
        return [entry for entry in waiting if not entry[1].done()]

    def _order_gas(self, call: OrderCall) -> int:
        return self._gas.order(matches=call.expected_matches)

    def _batches(self, waiting: Sequence[_Waiting]) -> list[list[_Waiting]]:
        """As many together, in their order, as one transaction may ask for gas for."""
        batches: list[list[_Waiting]] = []
        for entry in waiting:
            if not batches or len(batches[-1]) == MAX_BATCH or \
                    not self._gas.fit(len(batches[-1]) + 1, matches=_matches([*batches[-1], entry])):
                batches.append([])
            batches[-1].append(entry)
        return batches

    async def _within_reserve(self, waiting: list[_Waiting]) -> list[_Waiting]:
        """Refuse the orders that would spend native tokens which are kept for gas; the others, in their order."""
        async with self._counting:
            # Summed up before the balance is read: what is mined in between counts twice, and never not at all.
            promised = sum(self._promised.values())
            try:
                left = await self._rpc.balance(self._address) - promised - self._gas_reserve
            except StandardError as error:
                for order, future in waiting:
                    if order.call.value:
                        _fail(future, error)
                return [entry for entry in waiting if not entry[1].done()]
            for order, future in waiting:
                value, native = order.call.value, order.call.spends
                if value > max(0, left):
                    _fail(future, OrderRejectedError(
                        f"The order needs {native.from_units(value)} {native.symbol}, and the wallet can spend "
                        f"{native.from_units(max(0, left))} besides the gas reserve of {native.from_units(self._gas_reserve)}."))
                elif value:
                    left -= value
                    self._promised[future] = value
                    future.add_done_callback(self._promised.pop)
        return [entry for entry in waiting if not entry[1].done()]

    def _worth_sending(self, waiting: list[_Waiting]) -> list[_Waiting]:
        """Fail the orders whose prices are too old by now, as after the wait for an approval, and all while no node may be asked
        what becomes of them, or once the network is left; the others, in their order."""
        now, why = self._clock.monotonic(), str(self._rpc.rate_limit or "") if self.are_sent else "the network was left."
        old = f"its price is more than {PATIENCE:.0f} seconds old."
        good = []
        for entry in waiting:
            if why or now > entry[0].deadline:
                _fail(entry[1], NotSentError(f"The order is not sent: {why or old}"))
            else:
                good.append(entry)
        return good

    async def _send(self, group: Sequence[_Waiting]) -> None:
        if len(group) > 1:
            await self._send_batch(group)
        elif self._is_simulated(group[0][0].call.spends):
            await self._split(group)
        else:
            await self._send_one(group[0])

    async def _send_one(self, entry: _Waiting) -> None:
        order, future = entry
        kind = PLACE if order.call.item is not None else TAKE
        tracked = self._submit(order.call.data, order.call.value, self._order_gas(order.call), kind, [order])
        try:
            settled = await self._end_of(tracked)
        except StandardError as error:
            if isinstance(error, OrderRejectedError):
                self._note_refusal(order.call.spends)
            _fail(future, error)
        else:
            _resolve(future, settled)

    async def _send_batch(self, entries: Sequence[_Waiting]) -> None:
        calls = [order.call for order, _ in entries]
        data = ENGINE_FUNCTIONS["createOrders"].encode([call.item for call in calls])
        gas = self._gas.orders(len(calls), matches=_matches(entries))
        tracked = self._submit(data, sum(call.value for call in calls), gas, PLACE, [order for order, _ in entries])
        try:
            settled = await self._end_of(tracked)
        except OrderRejectedError:
            await self._split(entries)
        except StandardError as error:
            for _, future in entries:
                _fail(future, error)
        else:
            for order, future in entries:
                _resolve(future, [event for event in settled if event.client_order_id == order.client_order_id])

    async def _split(self, entries: Sequence[_Waiting]) -> None:
        """A batch reverted, or an order of the same token did lately: refuse what the engine would refuse, send the rest one by
        one."""
        answers = await asyncio.gather(*(
            self._rpc.eth_call(self._listing.engine, order.call.data, self._address, order.call.value)
            for order, _ in entries), return_exceptions=True)
        good = []
        for entry, answer in zip(entries, answers):
            if isinstance(answer, OrderRejectedError):
                self._note_refusal(entry[0].call.spends)
                _fail(entry[1], answer)
            else:
                good.append(entry)
        await asyncio.gather(*(self._send_one(entry) for entry in self._worth_sending(good)))

    def _note_refusal(self, token: Token) -> None:
        """An order that spends the token reverted: for a while such orders are simulated. What that refuses makes the time no
        longer, since it does not know what is on its way, as a cancel is that frees what the order spends."""
        if not self._is_simulated(token):
            self._simulated_until[token.address] = self._clock.monotonic() + REFUSAL_PAUSE

    def _is_simulated(self, token: Token) -> bool:
        return self._clock.monotonic() < self._simulated_until.get(token.address, 0.0)

    def _submit(self, data: bytes, value: int, gas_limit: int, kind: str, orders: Sequence[_Order]) -> Tracked:
        patience = min(order.deadline for order in orders) - self._clock.monotonic()
        return self._sender.submit(Intent(
            to=self._listing.engine, data=data, value=value, gas_limit=gas_limit, kind=kind,
            client_order_ids=tuple([order.client_order_id for order in orders]),
            tag=json.dumps([order.note for order in orders]), patience=patience))

    async def _end_of(self, tracked: Tracked) -> list[Settled]:
        """`finish` a placement that was just sent."""
        try:
            return await self.finish(tracked)
        except OutcomeForgottenError:
            self._forgotten(tracked)
            raise

    async def finish(self, tracked: Tracked) -> list[Settled]:
        """Wait for the end of a placement, of this run or an earlier one, settle it and tell what it did."""
        self.unsettled.add(tracked)
        try:
            receipt = await tracked.wait()
            settled = self._settle(tracked, receipt)
            await self._tell(settled)
        except (NotSentError, OrderRejectedError, OutcomeUnknownError):
            self._note_end(tracked)
            raise
        except Exception as error:  # a fault of ours, or a receipt that makes no sense, says nothing about orders that may rest
            logging.getLogger(__name__).error("A fault kept the receipt of orders %s from being read: %s",
                                              ", ".join(tracked.intent.client_order_ids), error,
                                              exc_info=not isinstance(error, BadDataError))
            raise OutcomeUnknownError("The transaction was mined, but what it did could not be read; the next start reads it "
                                      "again.") from error
        self._note_end(tracked)
        if tracked.intent.kind == TAKE and tracked.intent.value and isinstance(settled[-1], Closed) and settled[-1].refund > 0:
            self._unwraps.unwrap(tracked, settled[-1].refund)
        return settled

    def _note_end(self, tracked: Tracked) -> None:
        self.unsettled.discard(tracked)
        if tracked.proven:  # else the journal keeps it for the next start
            self._finished.append(tracked)

    def _settle(self, tracked: Tracked, receipt: Receipt) -> list[Settled]:
        self._gas.ended(Call.ORDER, tracked.intent.gas_limit, receipt, tracked.submitted)
        if not receipt.ok:
            self._allowances.forget()
            raise OrderRejectedError(f"The exchange refused the order: {receipt.reason}", receipt.reason)
        if not receipt.logs:  # each order moves its deposit, if only there and back
            raise BadDataError("the receipt of a placement that succeeded has no logs at all")
        deposits = [order.deposit for order in called_orders(tracked.intent.data, tracked.intent.value)]
        logs = decode_engine_logs(receipt.logs, self._listing.engine)
        self._look_for_unknown(receipt, logs, len(tracked.intent.client_order_ids))
        settled = self._settlement.settle_receipt(tracked.intent.client_order_ids, logs, decode_outflows(receipt.logs), deposits)
        if tracked.intent.kind == TAKE:
            # Only what may not rest can leave no event at all; of another nothing new means that it is settled already.
            settled = settled or self._settlement.settle_nothing(tracked.intent.client_order_ids[0], deposits[0],
                                                                 receipt.transaction_hash, receipt.block_number)
        return settled

    def _look_for_unknown(self, receipt: Receipt, logs: Sequence[EngineLog], orders: int) -> None:
        """Raise BadDataError where no log that is known tells of one of the orders and one that is not may: that of a match, if
        the engine is of another generation. Where all are told of, it is told once."""
        told = {log.event.order_history_id for log in logs if isinstance(log.event, (OrderPlaced, OrderMatched))}
        for topic in unknown_topics(receipt.logs, self._listing.engine):
            if len(told) < orders:
                raise BadDataError(f"the engine logs an event that is not known here: {topic}")
            if topic not in self._unknown_topics:
                self._unknown_topics.add(topic)
                logging.getLogger(__name__).warning("The engine logs an event that is not known here: %s", topic)


def _matches(entries: Sequence[_Waiting]) -> int:
    return sum(order.call.expected_matches for order, _ in entries)


def terms_of(intent: Intent) -> dict[str, OrderTerms]:
    """The terms of a placement's orders, by client order id; those that an earlier version noted without are left out.
    Raises ValueError where the journal's note of them is damaged."""
    try:
        notes = zip(intent.client_order_ids, json.loads(intent.tag), strict=True)
        return {client_order_id: OrderTerms.from_json(note["terms"]) for client_order_id, note in notes if "terms" in note}
    except (ArithmeticError, LookupError, RecursionError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _resolve(future: "asyncio.Future[list[Settled]]", settled: list[Settled]) -> None:
    if not future.done():
        future.set_result(settled)


def _fail(future: "asyncio.Future[list[Settled]]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
