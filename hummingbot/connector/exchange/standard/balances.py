"""What the wallet has, in Hummingbot's terms: chain units turned into what is available and what is there in total."""
import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from hummingbot.connector.exchange.standard.account import Account
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.foreign_orders import ForeignOrders
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder

# Seconds before a node that does not have the block of the wallet's last fill or cancel yet is asked again.
BEHIND_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)


class Money(NamedTuple):
    """Balances by symbol. Available is the wallet, less what is on its way out and, of the native token, the gas reserve;
    total is the wallet with the deposits of all resting orders."""

    available: Mapping[str, Decimal]
    total: Mapping[str, Decimal]


class Balances:
    """Reads the balances of one address."""

    def __init__(self, venue: Venue, address: str, foreign_orders: ForeignOrders, gas_reserve: Decimal,
                 in_flight_orders: Callable[[], Mapping[str, InFlightOrder]],
                 trading_pairs: Callable[[], Collection[str]]) -> None:
        """`gas_reserve` is in native tokens; `in_flight_orders` are Hummingbot's, by client order id; `trading_pairs` are those
        that are traded."""
        self._venue = venue
        self._address = address
        self._foreign_orders = foreign_orders
        self._gas_reserve = gas_reserve
        self._in_flight_orders = in_flight_orders
        self._trading_pairs = trading_pairs
        self._units: dict[str, int] = {}  # what was read last, by token
        self._unreadable: set[str] = set()
        self._left_out: set[str] = set()
        self._deducted: Collection[str] = ()
        self._reading = asyncio.Lock()

    @property
    def deducted(self) -> Collection[str]:
        """The orders (by client order id) that were on their way at some time of the last reading: once they are mined, what was
        read may show them twice or not at all."""
        return self._deducted

    @property
    def is_reading(self) -> bool:
        """Whether balances are being read: an order that is mined meanwhile may be in one part of them and not in the other."""
        return self._reading.locked()

    async def read(self, account: Account | None, is_taken_up: bool) -> Money:
        """The balances now; `account` is the wallet that trades, once it does, and `is_taken_up` whether it knows all that the
        last run left. A token that cannot be read is told as it was read last, or left out if it is traded: nothing old or
        wrong will do. Since Hummingbot takes that for zero, ApiUnavailableError is raised instead at the first failure, and while
        no pair is left of which both tokens are read. Raises RpcError, too.

        Of several nodes behind one URL one may not have the block yet that moved the money. It is asked again for some seconds:
        what it tells lacks what came back to the wallet, or holds a second time what went into an order.
        """
        async with self._reading:  # one after the other, or the older ones might come last
            newest = _newest_block(account)
            money, block = await self._read(account, is_taken_up)
            for pause in BEHIND_PAUSES:
                if block >= newest:
                    break
                await asyncio.sleep(pause)
                newest = _newest_block(account)
                try:
                    money, block = await self._read(account, is_taken_up)
                except (ApiUnavailableError, RpcError) as error:  # the last answer is newer than that of the last poll
                    logging.getLogger(__name__).debug("The balances are those of block %d: %s", block, error)
                    break
            return money

    async def _read(self, account: Account | None, is_taken_up: bool) -> tuple[Money, int]:
        placed = {name for name, order in self._in_flight_orders().items() if order.exchange_order_id is not None}
        locked = Counter(account.locked() if account is not None else {})
        # First, since it may find orders in books that were not known.
        own = account.settlement.resting.keys() if account is not None else ()
        locked.update(await self._foreign_orders.locked(own, lambda: is_taken_up and all(
            order.exchange_order_id is not None for order in self._in_flight_orders().values())))
        listing = await self._venue.listing()
        native, told, block = await self._venue.balances(self._address)
        self._tell_unreadable({token.symbol for token in listing.tokens.values()},
                              {token.symbol for address, token in listing.tokens.items()
                               if address in told or address == listing.native_token})
        self._units |= told
        if account is not None:
            account.gas_money.seen(native)
        available: dict[str, Decimal] = {}
        total: dict[str, Decimal] = {}
        for address, token in listing.tokens.items():
            held = native if address == listing.native_token else self._units.get(address)
            if held is None or token.symbol in self._left_out:
                continue
            available[token.symbol] = token.from_units(held)
            total[token.symbol] = token.from_units(held + locked[address])
            if address == listing.native_token:
                available[token.symbol] = max(Decimal(0), available[token.symbol] - self._gas_reserve)
        # Hummingbot takes what is on its way for gone from the wallet already.
        self._deducted = self._in_flight_orders().keys() - placed
        for symbol, amount in self._on_their_way().items():
            available[symbol] = max(Decimal(0), available.get(symbol, Decimal(0)) - amount)
        return Money(available, total), block

    def _tell_unreadable(self, symbols: set[str], read: set[str]) -> None:
        """Say once which tokens were not read. Raises ApiUnavailableError at the first failure of one that is traded,
        and where no pair is left to trade."""
        pairs = [set(pair.split("-")) for pair in self._trading_pairs()]
        unreadable = symbols - read
        traded = {symbol for pair in pairs for symbol in pair & unreadable}
        new = unreadable - self._unreadable
        self._unreadable = unreadable
        if new - traded:
            logging.getLogger(__name__).warning(
                "The token contracts of %s do not tell the balance: it is shown as it was read last, or not at all",
                ", ".join(sorted(new - traded)))
        names = ", ".join(sorted(traded))
        if traded & new or (traded and not any(pair <= read for pair in pairs)):
            raise ApiUnavailableError(f"the token contract of {names} does not tell the balance")
        if traded - self._left_out:
            logging.getLogger(__name__).warning("The token contract of %s does not tell the balance: it counts as none until it "
                                                "does, and other pairs go on", names)
        self._left_out = traded

    def _on_their_way(self) -> Mapping[str, Decimal]:
        """What orders that no block is known to hold will take from the wallet, by symbol."""
        amounts: dict[str, Decimal] = {}
        for order in self._in_flight_orders().values():
            if order.exchange_order_id is not None:
                continue
            symbol, amount = order.base_asset, order.amount
            if order.trade_type is TradeType.BUY:
                symbol, amount = order.quote_asset, amount * order.price
            amounts[symbol] = amounts.get(symbol, Decimal(0)) + amount
        return amounts


def _newest_block(account: Account | None) -> int:
    """The block of the last own event, before which no balance is to be believed; -1 where none is known."""
    return account.settlement.newest_block() if account is not None else -1
