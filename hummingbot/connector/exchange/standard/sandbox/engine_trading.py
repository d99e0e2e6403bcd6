"""The engine's order functions: checks and deposit first, then `matching.process` (docs/protocol.md, "Placing an order step
by step", "Minimum size", "Native token")."""
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.book_core import pull_token
from hummingbot.connector.exchange.standard.sandbox.engine_state import ERROR, EngineState
from hummingbot.connector.exchange.standard.sandbox.execution import Execution, Revert, refuse
from hummingbot.connector.exchange.standard.sandbox.matching import Result, Submission, process

LIMIT_SELL_HISTORY_ID = 1
SUBMIT_GAS = 1_700


class EngineTrading(EngineState):
    """limit and market orders, and what is common to them."""

    def limit_buy(self, execution: Execution, base: str, quote: str, price: int, amount: int, is_maker: bool, limit: int,
                  recipient: str) -> tuple[Result]:
        """limitBuy: `amount` quote units."""
        with self.locked(execution):
            return (self.submit(execution, base, quote, True, price, amount, is_maker, limit, recipient),)

    def limit_sell(self, execution: Execution, base: str, quote: str, price: int, amount: int, is_maker: bool, limit: int,
                   recipient: str) -> tuple[Result]:
        """limitSell: `amount` base units. The contract reports history id 1 for all of them."""
        with self.locked(execution):
            return (self.submit(execution, base, quote, False, price, amount, is_maker, limit, recipient,
                                history_id=LIMIT_SELL_HISTORY_ID),)

    def market_buy(self, execution: Execution, base: str, quote: str, amount: int, is_maker: bool, limit: int, recipient: str,
                   slippage: int) -> tuple[Result]:
        """marketBuy: `amount` quote units, slippage in parts of 1e8."""
        with self.locked(execution):
            return (self.submit(execution, base, quote, True, 0, amount, is_maker, limit, recipient, slippage),)

    def market_sell(self, execution: Execution, base: str, quote: str, amount: int, is_maker: bool, limit: int, recipient: str,
                    slippage: int) -> tuple[Result]:
        """marketSell: `amount` base units, slippage in parts of 1e8."""
        with self.locked(execution):
            return (self.submit(execution, base, quote, False, 0, amount, is_maker, limit, recipient, slippage),)

    def limit_buy_eth(self, execution: Execution, base: str, price: int, is_maker: bool, limit: int,
                      recipient: str) -> tuple[Result]:
        """limitBuyETH: the message's value is the quote amount."""
        return (self._submit_value(execution, base, self.wrapped.address, True, price, is_maker, limit, recipient, None),)

    def limit_sell_eth(self, execution: Execution, quote: str, price: int, is_maker: bool, limit: int,
                       recipient: str) -> tuple[Result]:
        """limitSellETH: the message's value is the base amount."""
        return (self._submit_value(execution, self.wrapped.address, quote, False, price, is_maker, limit, recipient, None),)

    def market_buy_eth(self, execution: Execution, base: str, is_maker: bool, limit: int, recipient: str,
                       slippage: int) -> tuple[Result]:
        """marketBuyETH: the message's value is the quote amount."""
        return (self._submit_value(execution, base, self.wrapped.address, True, 0, is_maker, limit, recipient, slippage),)

    def market_sell_eth(self, execution: Execution, quote: str, is_maker: bool, limit: int, recipient: str,
                        slippage: int) -> tuple[Result]:
        """marketSellETH: the message's value is the base amount."""
        return (self._submit_value(execution, self.wrapped.address, quote, False, 0, is_maker, limit, recipient, slippage),)

    def _submit_value(self, execution: Execution, base: str, quote: str, is_bid: bool, price: int, is_maker: bool, limit: int,
                      recipient: str, slippage: int | None) -> Result:
        amount = execution.value
        self.wrap(execution, amount)
        return self.submit(execution, base, quote, is_bid, price, amount, is_maker, limit, recipient, slippage)

    def submit(self, execution: Execution, base: str, quote: str, is_bid: bool, price: int, amount: int, is_maker: bool,
               limit: int, recipient: str, slippage: int | None = None, history_id: int | None = None) -> Result:
        """Check an order, take its deposit and process it. Raises Revert AmountIsZero, InvalidPair, PairNotListedYet,
        OrderSizeTooSmall, "TFF", and what `process` raises."""
        execution.meter.spend(SUBMIT_GAS)
        counted = self.next_history_id(execution)
        book = self._checked_book(execution, base, quote, is_bid, 0 if slippage is not None else price, amount)
        self._take_deposit(execution, book, is_bid, amount)
        return process(execution, self, Submission(book, is_bid, price, amount, is_maker, limit, recipient,
                                                   history_id or counted, slippage))

    def _checked_book(self, execution: Execution, base: str, quote: str, is_bid: bool, price: int, amount: int) -> Book:
        """The pair's book, when it is listed and the amount converts to more than one unit of the own token does (at the
        market price when `price` is 0)."""
        if not amount:
            raise refuse(ERROR["AmountIsZero"])
        book = self.listed_book(execution, base, quote)
        listing_date = self.listing.get(book.address, 0)
        execution.meter.read((self.address, "listing", book.address))
        if listing_date > execution.block.timestamp:
            raise refuse(ERROR["PairNotListedYet"], base, quote, listing_date, execution.block.timestamp)
        if not price:
            price = book.ask_market_price(execution)
        for _ in range(2):
            book.called(execution)
        converted, smallest = book.converted(price, amount, not is_bid), book.converted(price, 1, not is_bid)
        if converted <= smallest:
            raise refuse(ERROR["OrderSizeTooSmall"], converted, smallest)
        return book

    def _take_deposit(self, execution: Execution, book: Book, is_bid: bool, amount: int) -> None:
        """Pull the deposit, unless it came as native value. For a sell of the wrapped native token without value the
        contract pulls the quote token by mistake; such an order never succeeds."""
        token = book.quote if is_bid else book.base
        execution.meter.read((self.address, "WETH"))
        if token is self.wrapped:
            if execution.value:
                return
            token = book.quote
        pull_token(execution, token, execution.sender, self.address, amount)

    def wrap(self, execution: Execution, amount: int) -> None:
        """Wrap native value that the engine holds; raises Revert without data when there is less."""
        world, meter = execution.world, execution.meter
        meter.account(self.wrapped.address)
        meter.spend(meter.prices.transfer if amount else 0)
        if world.balance(self.address) < amount:
            raise Revert
        world.transfer(self.address, self.wrapped.address, amount)
        self.wrapped.wrap(execution, self.address, amount)
