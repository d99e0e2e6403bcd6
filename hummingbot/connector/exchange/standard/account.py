"""The wallet that trades: sends its orders and cancels, and knows what became of them."""
import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.chain.allowances import Allowances
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, OrderCanceled
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.gas import GasLimits, gas_profile
from hummingbot.connector.exchange.standard.chain.intents import FOREVER, Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import NotSentError, OrderRejectedError
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting, Settled, Settlement
from hummingbot.connector.exchange.standard.orders.sizing import OrderCall, cancel_order
from hummingbot.connector.exchange.standard.standard_constants import Network

PLACE, CANCEL = "place", "cancel"
CANCEL_ATTEMPTS = 3
# A quote that is older than this when it could be sent is not worth sending any more.
PLACE_PATIENCE = 60.0
REMEMBER_INTERVAL = 10.0
_STATE = "account"


class Account:
    """One wallet on one engine: placing, cancelling, and what is known of its resting orders."""

    def __init__(self, wallet: Wallet, rpc: RpcClient, listing: Listing, network: Network, folder: Path, domain: str,
                 clock: Clock) -> None:
        """`folder` is where the journal of this wallet and engine is kept."""
        self._rpc = rpc
        self._listing = listing
        self._clock = clock
        self._gas = GasLimits(gas_profile(network.chain_id))
        self._journal = Journal(folder / f"{domain}_{wallet.address[2:10]}_{listing.engine[2:10]}.sqlite", clock)
        self._sender = TransactionSender(rpc, wallet, self._journal, clock, FeePolicy(rpc, clock), network.chain_id,
                                         transfer_gas=self._gas.profile.transfer)
        self._allowances = Allowances(rpc, self._sender, wallet.address, listing.engine, self._gas.approve())
        self._remembered: list[list[Any]] | None = None
        self._remembered_at = 0.0
        self._changing = asyncio.Lock()
        self._finished: list[Tracked] = []
        self._running = False
        self.address = wallet.address
        self.settlement = Settlement(wallet.address, listing.by_book)

    async def start(self) -> None:
        """Be ready to send, and follow what an earlier run left unfinished. Calling it again does nothing."""
        async with self._changing:
            if not self._running:
                await self._sender.start()
                self._running = True

    async def stop(self) -> None:
        """Stop sending once everything on its way has come to its end; the journal has what the process does not outlive."""
        async with self._changing:
            if self._running:
                await asyncio.gather(*(tracked.wait() for tracked in self._sender.pending), return_exceptions=True)
                self._running = False
                await self._sender.stop()
                await self._journal.close()

    def unfinished(self) -> list[Tracked]:
        """The placements that an earlier run sent and did not settle; each is given once, to be `finish`ed."""
        resumed = [tracked for tracked in self._sender.resumed if tracked.intent.kind == PLACE]
        self._sender.settle(*(tracked for tracked in self._sender.resumed if tracked.intent.kind != PLACE))
        self._sender.resumed.clear()
        return resumed

    async def place(self, client_order_id: str, call: OrderCall) -> list[Settled]:
        """Send one order and wait for its receipt; what it did, fills first.

        Raises OrderRejectedError when the engine refuses it, NotSentError when it provably never reached a node, and
        OutcomeUnknownError when the process ends before that is known.
        """
        if call.needs_allowance:
            await self._allowances.ensure(call.spends, call.deposit)
        tracked = self._sender.submit(self._intent(
            call.data, call.value, self._gas.order(matches=call.expected_matches, native=call.value > 0), PLACE,
            (client_order_id,), str(call.deposit)))
        return await self.finish(tracked)

    async def finish(self, tracked: Tracked) -> list[Settled]:
        """Wait for the end of a placement and settle it."""
        try:
            receipt = await tracked.wait()
        except NotSentError:
            self._finished.append(tracked)
            raise
        self._finished.append(tracked)
        if not receipt.ok:
            self._allowances.forget()
            raise OrderRejectedError(f"The exchange refused the order: {receipt.reason}", receipt.reason)
        settled = self.settlement.settle_receipt(tracked.intent.client_order_ids, self._engine_logs(receipt),
                                                 decode_outflows(receipt.logs), [int(tracked.intent.tag)])
        if not settled:
            raise OrderRejectedError(f"The transaction {receipt.transaction_hash} was mined and placed no order.")
        return settled

    async def cancel(self, market: Market, key: OrderKey) -> tuple[bool, int]:
        """Cancel a resting order: whether its cancel event is on the chain, and the block where the chain said so.

        Status 1 without the event means that nothing was cancelled: the order is gone, or the gas did not suffice and
        the cancel is sent again with more (docs/protocol.md, "Cancel and update").
        """
        data = cancel_order(market, key.is_bid, key.id)
        for attempt in range(CANCEL_ATTEMPTS):
            tracked = self._sender.submit(self._intent(data, 0, self._gas.cancel() << attempt, CANCEL, (), ""))
            receipt = await tracked.wait()
            self._sender.settle(tracked)
            if any(_is_cancel_of(log, key) for log in self._engine_logs(receipt)):
                return True, receipt.block_number
            if await self._deposit(key) == 0:
                return False, receipt.block_number
            if not receipt.ok:
                raise OrderRejectedError(f"The exchange refused the cancel: {receipt.reason}", receipt.reason)
        raise OrderRejectedError(f"The order {key.exchange_order_id} is still there after {CANCEL_ATTEMPTS} cancels.")

    def _intent(self, data: bytes, value: int, gas_limit: int, kind: str, client_order_ids: tuple[str, ...],
                tag: str) -> Intent:
        return Intent(to=self._listing.engine, data=data, value=value, gas_limit=gas_limit, kind=kind,
                      client_order_ids=client_order_ids, tag=tag, patience=FOREVER if kind == CANCEL else PLACE_PATIENCE)

    def _engine_logs(self, receipt: Receipt) -> list[EngineLog]:
        return decode_engine_logs(receipt.logs, self._listing.engine)

    async def _deposit(self, key: OrderKey) -> int:
        order = BOOK_FUNCTIONS["getOrder"]
        owner, _, deposit = order.decode_result(await self._rpc.eth_call(key.book, order.encode(key.is_bid, key.id)))[0]
        return int(deposit) if owner == self.address else 0

    def locked(self) -> Mapping[str, int]:
        """What rests of the own deposits, by token address."""
        locked: dict[str, int] = {}
        for key, order in self.settlement.resting.items():
            market = self._listing.by_book[key.book]
            token = (market.quote if key.is_bid else market.base).address
            locked[token] = locked.get(token, 0) + order.deposit
        return locked


    async def remember(self, block_number: int) -> None:
        """Write down the resting orders with their deposits, as of the logs up to a block, for the next run."""
        orders = [[*key, order.client_order_id, order.price, str(order.deposit)]
                  for key, order in self.settlement.resting.items()]
        now = self._clock.monotonic()
        if orders != self._remembered or self._finished or now - self._remembered_at > REMEMBER_INTERVAL:
            self._remembered, self._remembered_at = orders, now
            finished, self._finished = self._finished, []
            await self._journal.set(_STATE, json.dumps({"block": block_number, "orders": orders}))
            self._sender.settle(*finished)

    async def recall(self) -> int | None:
        """Take up the resting orders of the last run; the block up to which its logs were processed, if that matters."""
        state = json.loads(await self._journal.get(_STATE) or "{}")
        self.settlement.restore([Resting(OrderKey(book, is_bid, number), client_order_id, price, int(deposit))
                                 for book, is_bid, number, client_order_id, price, deposit in state.get("orders", ())])
        # Without orders of the last run nothing of the time between is of interest.
        return int(state["block"]) if state.get("orders") else None

    def polling_feed(self, cursor: int | None, interval: Callable[[], float]) -> PollingAccountFeed:
        """The logs of the engine from a block on, by polling."""
        return PollingAccountFeed(self._rpc, self._listing.engine, self.address, cursor, self._clock, interval)


def _is_cancel_of(log: EngineLog, key: OrderKey) -> bool:
    event = log.event
    return isinstance(event, OrderCanceled) and (event.pair, event.is_bid, event.id) == key
