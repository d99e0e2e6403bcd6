"""Placements of which no node tells any more what became of them: looked for in the books.

Nodes forget receipts and logs, and keep what the contract holds. So an own order in the book of its market that nobody knows,
with the price or the whole deposit of such a placement, is it.
"""
from collections.abc import Awaitable, Callable, Collection

from hummingbot.connector.exchange.standard.chain.intents import Intent
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.feeds.book_reader import read_book
from hummingbot.connector.exchange.standard.markets import Market
from hummingbot.connector.exchange.standard.orders.called_orders import called_orders
from hummingbot.connector.exchange.standard.orders.settlement import END_OF_BLOCK, OrderKey, Resting


async def found_in_books(intent: Intent, address: str, markets: Collection[Market],
                         known: Callable[[], Awaitable[Collection[OrderKey]]], block: int, rpc: RpcClient,
                         clock: Clock) -> list[Resting]:
    """The orders of a placement that rest after a block. `known` gives the account's other orders, and is asked once the books
    are read; `markets` are those that are listed. Raises ApiUnavailableError or RpcError."""
    called = [(client_order_id, order, market)
              for client_order_id, order in zip(intent.client_order_ids, called_orders(intent.data, intent.value))
              if (market := order.market(markets)) is not None]
    own: dict[str, list[Resting]] = {}
    for _, _, market in called:
        if market.book not in own:
            book = await read_book(rpc, market, block, clock)
            # Fills up to the block are out of these deposits, whoever tells of them later.
            own[market.book] = [Resting(OrderKey(market.book, is_bid, order.id), "", order.price, order.deposit,
                                        (block, END_OF_BLOCK))
                                for is_bid, side in ((True, book.bids), (False, book.asks)) for order in side
                                if order.owner == address]
    taken = set(await known())
    found = []
    for client_order_id, (_, _, is_bid, price, deposit), market in called:
        candidates = [order for order in own[market.book] if order.key not in taken and order.key.is_bid is is_bid
                      and order.deposit <= deposit and (order.price == price or order.deposit == deposit)]
        if candidates:
            best = min(candidates, key=lambda order: (order.price != price, deposit - order.deposit, order.key.id))
            taken.add(best.key)
            best.client_order_id = client_order_id
            found.append(best)
    return found
