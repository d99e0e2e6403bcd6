"""The book of one pair, a contract of its own, with what anybody may call (docs/protocol.md, "Book views"). Prices are x 1e8,
deposits in quote units for bids and in base units for asks."""
from typing import Any

from hummingbot.connector.exchange.standard.sandbox.book_core import BookCore
from hummingbot.connector.exchange.standard.sandbox.execution import (
    LARGEST_VIEW,
    PANIC_INDEX,
    PANIC_OVERFLOW,
    ZERO_ADDRESS,
    Execution,
    panic,
    zero_padded,
)
from hummingbot.connector.exchange.standard.sandbox.gas import OutOfGas
from hummingbot.connector.exchange.standard.sandbox.levels import NO_ORDER, Order


class Book(BookCore):
    """The order book contract of one pair."""

    def lmp(self, execution: Execution) -> tuple[int]:
        """lmp()."""
        return (self.last_price,)

    def mkt_price(self, execution: Execution) -> tuple[int]:
        """mktPrice()."""
        return (self.market_price(),)

    def heads(self, execution: Execution) -> tuple[int, int]:
        """heads(): bid, ask."""
        return self.bids.head(), self.asks.head()

    def bid_head(self, execution: Execution) -> tuple[int]:
        """bidHead()."""
        return (self.bids.head(),)

    def ask_head(self, execution: Execution) -> tuple[int]:
        """askHead()."""
        return (self.asks.head(),)

    def get_prices(self, execution: Execution, is_bid: bool, count: int) -> tuple[list[int]]:
        """getPrices(bool,uint32): exactly `count` entries."""
        return (zero_padded(self.side(is_bid).prices(min(count, LARGEST_VIEW)), count, 0),)

    def get_prices_paginated(self, execution: Execution, is_bid: bool, start: int, end: int) -> tuple[list[int]]:
        """getPricesPaginated(bool,uint32,uint32)."""
        return (self._page(self.side(is_bid).prices(min(end, LARGEST_VIEW)), start, end, 0),)

    def get_order_ids(self, execution: Execution, is_bid: bool, price: int, count: int) -> tuple[list[int]]:
        """getOrderIds(bool,uint256,uint32): exactly `count` entries."""
        return (zero_padded(self.side(is_bid).queues.get(price, []), count, 0),)

    def get_orders(self, execution: Execution, is_bid: bool, price: int, count: int) -> tuple[list[Order]]:
        """getOrders(bool,uint256,uint32): exactly `count` entries."""
        return (zero_padded(self._queued(is_bid, price), count, NO_ORDER),)

    def get_orders_paginated(self, execution: Execution, is_bid: bool, price: int, start: int, end: int) -> tuple[list[Order]]:
        """getOrdersPaginated(bool,uint256,uint32,uint32)."""
        return (self._page(self._queued(is_bid, price), start, end, NO_ORDER),)

    def _queued(self, is_bid: bool, price: int) -> list[Order]:
        side = self.side(is_bid)
        return [side.orders[number] for number in side.queues.get(price, [])]

    @staticmethod
    def _page(items: list[Any], start: int, end: int, empty: Any) -> list[Any]:
        """The contract's own slip: a page of end - start entries, filled at the indices start to end."""
        if end < start:
            raise panic(PANIC_OVERFLOW)
        if end - start > LARGEST_VIEW:
            raise OutOfGas
        page = [empty] * (end - start)
        for index in range(start, min(end, len(items))):
            if index >= len(page):
                raise panic(PANIC_INDEX)
            page[index] = items[index]
        return page

    def get_order(self, execution: Execution, is_bid: bool, number: int) -> tuple[Order]:
        """getOrder(bool,uint32): zeros for an unknown id."""
        return (self.side(is_bid).orders.get(number, NO_ORDER),)

    def order_head(self, execution: Execution, is_bid: bool, price: int) -> tuple[int]:
        """orderHead(bool,uint256): the first id of a level."""
        return (next(iter(self.side(is_bid).queues.get(price, [])), 0),)

    def next_order(self, execution: Execution, is_bid: bool, price: int, number: int) -> tuple[int]:
        """nextOrder(bool,uint256,uint32): the id behind another one."""
        queue = self.side(is_bid).queues.get(price, [])
        index = queue.index(number) + 1 if number in queue else len(queue)
        return (queue[index] if index < len(queue) else 0,)

    def next_price(self, execution: Execution, is_bid: bool, price: int) -> tuple[int]:
        """nextPrice(bool,uint256): the level behind another one."""
        return (self.side(is_bid).price_after(price),)

    def next_make_id(self, execution: Execution, is_bid: bool) -> tuple[int]:
        """nextMakeId(bool)."""
        return (self.side(is_bid).next_id,)

    def trade_count(self, execution: Execution) -> tuple[int]:
        """tradeCount()."""
        return (self.trades,)

    def convert(self, execution: Execution, price: int, amount: int, is_bid: bool) -> tuple[int]:
        """convert(uint256,uint256,bool)."""
        return (self.converted(price, amount, is_bid),)

    def asset_value(self, execution: Execution, amount: int, is_bid: bool) -> tuple[int]:
        """assetValue(uint256,bool), at the market price."""
        return (self.converted(self.market_price(), amount, is_bid),)

    def convert_market(self, execution: Execution, amount: int, is_bid: bool) -> tuple[int]:
        """convertMarket(uint256,bool), at lmp."""
        return (self.converted(self.last_price, amount, is_bid),)

    def get_required(self, execution: Execution, is_bid: bool, price: int, number: int) -> tuple[int]:
        """getRequired(bool,uint256,uint32): the contract converts the deposit in the wrong direction."""
        return (self.converted(price, self.side(is_bid).orders.get(number, NO_ORDER).deposit, is_bid),)

    def is_empty(self, execution: Execution, is_bid: bool, price: int) -> tuple[bool]:
        """isEmpty(bool,uint256)."""
        return (not self.side(is_bid).queues.get(price),)

    def get_base_quote(self, execution: Execution) -> tuple[str, str]:
        """getBaseQuote()."""
        return self.base.address, self.quote.address

    def clear_empty_head(self, execution: Execution, is_bid: bool) -> tuple[int]:
        """clearEmptyHead(bool): open to everybody."""
        return (self.side(is_bid).clear_empty_head(execution),)

    def get_matching_mode(self, execution: Execution) -> tuple[int]:
        """getMatchingMode(), later generation: 0 by size, 1 by time."""
        return (int(self.by_time),)

    def get_pool(self, execution: Execution) -> tuple[str]:
        """getPool(), later generation: no pair of the sandbox has a liquidity pool."""
        return (ZERO_ADDRESS,)
