"""Orders of the wallet that this bot did not place: shown once, counted as part of the money."""
import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.venue import Venue

REFRESH_INTERVAL = 300.0
RETRY_INTERVAL = 15.0


class ForeignOrders:
    """What else rests for an account, by the indexer's word and the chain's confirmation."""

    def __init__(self, venue: Venue, account: str, clock: Clock) -> None:
        self._venue = venue
        self._account = account
        self._clock = clock
        self._next_refresh = float("-inf")
        self._pause = RETRY_INTERVAL
        self._told: set[str] = set()
        self._deposits: Mapping[OrderKey, int] = {}

    async def locked(self, own: Collection[OrderKey], are_all_own: Callable[[], bool]) -> Mapping[str, int]:
        """The deposits of orders that are not among `own`, by token address.

        Which orders there are is looked up every few minutes, what is left of them each time. New ones are told once, when
        `own` are all that the bot placed, as `are_all_own` tells: after a start, or with an order on its way, others may turn out
        to be its own.
        """
        now = self._clock.monotonic()
        if now >= self._next_refresh:
            self._next_refresh = now + self._pause
            self._pause = min(2 * self._pause, REFRESH_INTERVAL)  # an API that hangs holds the balances up
            try:
                await self._refresh(own)
                self._next_refresh, self._pause = now + REFRESH_INTERVAL, RETRY_INTERVAL
            except (ApiUnavailableError, RpcError) as error:
                # The indexer is only a hint where to look; without it the last look counts.
                logging.getLogger(__name__).debug("The wallet's other orders could not be looked up: %s", error)
        await self._read(key for key in self._deposits if key not in own)
        by_book = (await self._venue.listing()).by_book
        if are_all_own():
            self._tell({f"{by_book[key.book].trading_pair} {'bid' if key.is_bid else 'ask'} {key.id}"
                        for key in self._deposits if key not in own})
        locked: dict[str, int] = {}
        for key, deposit in self._deposits.items():
            if key not in own:
                market = by_book[key.book]
                token = (market.quote if key.is_bid else market.base).address
                locked[token] = locked.get(token, 0) + deposit
        return locked

    async def _read(self, candidates: Iterable[OrderKey]) -> None:
        keys = list(candidates)
        self._deposits = {key: order.deposit for key, order in zip(keys, await self._venue.orders(keys) if keys else ())
                          if order.owner == self._account and order.deposit}

    async def _refresh(self, own: Collection[OrderKey]) -> None:
        rows = [OrderKey(row.book, row.is_bid, row.order_id) for row in await self._venue.rest.open_orders(self._account)]
        await self._venue.recover(key.book for key in rows)
        by_book = (await self._venue.listing()).by_book
        await self._read(key for key in rows if key.book in by_book and key not in own)

    def _tell(self, orders: set[str]) -> None:
        new, self._told = orders - self._told, orders
        if new:
            logging.getLogger(__name__).info("The wallet has %d open orders that this bot did not place: %s", len(new),
                                             ", ".join(sorted(new)))
