"""The wallet that trades: sends its orders and cancels, and knows what became of them."""
import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hummingbot.connector.exchange.standard.cancels import CancelResult, Cancels
from hummingbot.connector.exchange.standard.chain.allowances import Allowances
from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.gas import GasLimits, gas_profile
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.polling import PollingAccountFeed
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting, Settled, Settlement
from hummingbot.connector.exchange.standard.orders.sizing import OrderCall
from hummingbot.connector.exchange.standard.placements import PLACE, TAKE, Placements
from hummingbot.connector.exchange.standard.standard_constants import Network

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
        self._placements = Placements(wallet.address, listing, rpc, self._sender, self._allowances, self._gas, self.settlement,
                                      clock, self._finished)
        self._cancels = Cancels(listing, self._sender, self._gas, clock, self.deposits)

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
        resumed = [tracked for tracked in self._sender.resumed if tracked.intent.kind in (PLACE, TAKE)]
        self._sender.settle(*(tracked for tracked in self._sender.resumed if tracked.intent.kind not in (PLACE, TAKE)))
        self._sender.resumed.clear()
        return resumed

    async def place(self, client_order_id: str, call: OrderCall) -> list[Settled]:
        """See Placements.place."""
        return await self._placements.place(client_order_id, call)

    async def finish(self, tracked: Tracked) -> list[Settled]:
        """See Placements.finish."""
        return await self._placements.finish(tracked)

    async def cancel(self, key: OrderKey) -> CancelResult:
        """See Cancels.cancel."""
        return await self._cancels.cancel(key)

    async def deposits(self, keys: Sequence[OrderKey]) -> list[int]:
        """What the engine holds of these orders, in one batch; 0 for one that is gone or somebody else's."""
        function, held = BOOK_FUNCTIONS["getOrder"], []
        for answer in await self._rpc.call_many([(key.book, function.encode(key.is_bid, key.id)) for key in keys]):
            if not isinstance(answer, bytes):
                raise answer
            owner, _, deposit = function.decode_result(answer)[0]
            held.append(int(deposit) if owner == self.address else 0)
        return held

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
            finished = list(self._finished)
            self._finished.clear()
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
