"""I11, the memory of a connector at rest: whatever of its collections is no memory of a known size holds no more than its open
orders, transactions and pairs are worth; what has ended leaves nothing behind, in the journal neither."""
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any

from hummingbot.connector.exchange.standard.account import Account
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange

PACKAGE = "hummingbot.connector.exchange.standard."
# What remembers something on purpose, with how much it may hold, which is written down here once more: the connector may not
# move its own bar. What mirrors the exchange's book is compared with the chain.
MEMORIES = {
    "BookSide.orders": sys.maxsize, "BookSide.levels": sys.maxsize,
    "ChainStream._blocks": 257, "ChainStream._seen": 257, "DeepReorganisations._notes": 30, "Freshness._awaited": 50,
    "OrderCancels._told": 1000, "PollingMarketFeed._seen_trades": 1000, "Settlement._early": 10_000,
    "Settlement._seen_trades": 100_000, "ToldTrades._keys": 10_000, "TradeKeys._told": 10_000, "TrackerUpdates._ended": 1000,
    "TrackerUpdates._taken_back": 1000, "Unwraps._seen": 1000}
# What the rest may hold: a few entries, and some for each order that is open.
FEW, FOR_EACH_ORDER = 50, 2
_COLLECTIONS = (dict, list, set, deque)


def memory_problems(exchange: StandardExchange) -> Iterator[str]:
    """What holds more than it should."""
    orders = len(exchange.in_flight_orders)
    for name, size in collection_sizes(exchange).items():
        most = MEMORIES.get(name, FEW + FOR_EACH_ORDER * orders)
        if size > most:
            yield f"{name} holds {size}, {most} at most are right with {orders} open orders"
    if exchange._account is not None:
        yield from _journal_problems(exchange._account, orders)


def _journal_problems(account: Account, orders: int) -> Iterator[str]:
    connection = account._journal._connection
    if connection is not None:
        (unsettled,) = connection.execute("SELECT COUNT(*) FROM intents WHERE settled IS NULL").fetchone()
        (told,) = connection.execute("SELECT COUNT(*) FROM told").fetchone()
        for what, count in (("transactions in the journal are not settled", unsettled), ("orders in it are being told", told)):
            if count > FEW + FOR_EACH_ORDER * orders:
                yield f"{count} {what} with {orders} open orders"


def collection_sizes(root: object) -> dict[str, int]:
    """The largest of each collection that the connector's objects hold, by class and attribute; those within it count as it."""
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if callable(getattr(thing, "__func__", None)):
            waiting.append(thing.__self__)
        if not type(thing).__module__.startswith(PACKAGE):
            continue
        for name in _attributes(thing):
            value = getattr(thing, name, None)
            for collection in _collections(value):
                key = f"{type(thing).__name__}.{name}"
                sizes[key] = max(sizes.get(key, 0), len(collection))
                waiting += collection.values() if isinstance(collection, dict) else collection
            waiting.append(value)
    return sizes


def _attributes(thing: object) -> Iterator[str]:
    yield from getattr(thing, "__dict__", {})
    for kind in type(thing).__mro__:
        yield from getattr(kind, "__slots__", ())


def _collections(value: Any) -> Iterator[Any]:
    if isinstance(value, _COLLECTIONS):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, _COLLECTIONS):
                yield inner
