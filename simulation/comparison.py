"""What a connector believes of its orders and its money, compared with what the chain says."""
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from hummingbot.connector.exchange.standard.markets import Market, Token, price_to_chain
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, TradeUpdate
from hummingbot.core.event.events import OrderFilledEvent
from simulation.chain_truth import Submission, Truth, TruthReader


class Comparison:
    """Compares the beliefs of one wallet's connectors, one after the other, with a sandbox.

    `orders` are all that were ever seen tracked, by client order id, and `forgotten` those whose end Hummingbot had recorded
    before it was taken back, when a connector was killed: nothing can be said of them but that they are not known.
    """

    def __init__(self, sandbox: Sandbox, address: str) -> None:
        self.sandbox = sandbox
        self.orders: dict[str, InFlightOrder] = {}
        self.forgotten: set[str] = set()
        self._address = address
        self._reader = TruthReader(sandbox, address)
        self._by_pair = {market.trading_pair: market for market in sandbox.markets}
        self._by_book = {market.book: market for market in sandbox.markets}
        self._tokens = {token.symbol: token for market in sandbox.markets for token in (market.base, market.quote)}
        self.funds = self.money()

    def market(self, trading_pair: str) -> Market:
        """The market of a pair."""
        return self._by_pair[trading_pair]

    def truth(self) -> Truth:
        """What the chain says now."""
        return self._reader.read()

    def forget_unsaved(self, saved: Mapping[str, int], recorded: Collection[str]) -> None:
        """The connector was killed. `saved` are the states of its orders by id, as Hummingbot had written them down, and
        `recorded` all orders that it has a record of."""
        for name, order in list(self.orders.items()):
            if not _is_done(order.current_state) and (name not in saved or _is_done(OrderState(saved[name]))):
                # One that was never recorded comes back if the chain has it. One whose end was saved, and taken back afterwards
                # by a reorganisation, does not: Hummingbot has no event for that, and no order any more.
                del self.orders[name]
                if name in recorded:
                    self.forgotten.add(name)

    def forget(self, names: Iterable[str]) -> None:
        """Nothing is known any more of these orders, and nobody is to blame."""
        for name in names:
            self.forgotten.add(name)
            self.orders.pop(name, None)

    def filled(self, event: OrderFilledEvent) -> None:
        """A fill was told of an order that no connector tracks any more."""
        order, quote = self.orders.get(event.order_id), self.market(event.trading_pair).quote
        if order is not None:
            amount = quote.from_units(quote.to_units(event.price * event.amount, ROUND_HALF_EVEN))
            order.update_with_trade_update(TradeUpdate(
                event.exchange_trade_id, event.order_id, event.exchange_order_id, event.trading_pair, event.timestamp,
                fill_price=event.price, fill_base_amount=event.amount, fill_quote_amount=amount, fee=event.trade_fee))

    # Orders

    def problems(self, exchange: StandardExchange) -> Iterator[str]:
        """Where the connector's orders differ from those on the chain."""
        account = exchange._account
        if account is None or not exchange.ready:
            yield "the connector is not ready"
            return
        if account._sender.pending:
            yield f"{len(account._sender.pending)} transactions have no end"
        if exchange._resuming is None or not exchange._resuming.done():
            yield "the connector has not taken up the last run"
        truth = self.truth()
        known: dict[str | None, str] = {}
        for name, order in self.orders.items():
            if order.current_state is OrderState.FAILED:
                if order.order_fills:
                    yield f"{name} failed and has fills"
                continue
            if order.exchange_order_id in known:
                yield f"{name} and {known[order.exchange_order_id]} are both {order.exchange_order_id}"
            known[order.exchange_order_id] = name
            yield from self._order_problems(name, order, truth)
        for place, submission in truth.orders.items():
            if place not in known and (submission.deposit or len(self.forgotten) == 0):
                yield f"{place} is on the chain ({submission}), and no order of the connector"
        resting = {tuple(key): order.deposit for key, order in account.settlement.resting.items()}
        held = {order.key: order.deposit for order in truth.orders.values() if order.deposit}
        if resting != held:
            yield f"deposits: {resting} here, {held} on the chain"

    def _order_problems(self, name: str, order: InFlightOrder, truth: Truth) -> Iterator[str]:
        submission = truth.orders.get(order.exchange_order_id or "")
        if submission is None:
            if order.current_state is not OrderState.CANCELED or order.exchange_order_id not in truth.successes \
                    or order.order_fills:
                yield f"{name} is {order.current_state.name} as {order.exchange_order_id}, which the chain does not have"
            return
        market = self.market(order.trading_pair)
        if order.current_state not in _states(order, submission, market):
            yield f"{name} is {order.current_state.name}: {submission}"
        received = market.base if order.trade_type.name == "BUY" else market.quote
        fills = {(fill.trade_id, market.base.to_units(fill.fill_base_amount),
                  sum(received.to_units(fee.amount) for fee in fill.fee.flat_fees)) for fill in order.order_fills.values()}
        if fills != {tuple(trade) for trade in submission.trades}:
            yield f"{name} has fills {fills}, the chain {submission.trades}"
        if order.executed_amount_base != sum((fill.fill_base_amount for fill in order.order_fills.values()), Decimal(0)):
            yield f"{name} sums its fills up to {order.executed_amount_base}"

    # Money

    def money(self) -> dict[str, int]:
        """What the account holds by symbol; wrapped and bare native units are the same money."""
        view, node = self.sandbox.view, self.sandbox.node
        held = {symbol: view.balance(token.address, self._address) for symbol, token in self._tokens.items()}
        held["SOMI"] += node.balance(self._address)
        return held

    async def money_problems(self, exchange: StandardExchange) -> list[str]:
        """Where the connector's balances differ from the chain's, and the fills from the money that moved."""
        await exchange._update_balances()
        truth, problems = self.truth(), []
        on_their_way = [transaction for transaction in self.sandbox.node.pool if transaction.sender == self._address]
        if on_their_way or exchange._account is None:
            return ["something is on its way"]
        wallet, locked = self.money(), dict.fromkeys(self._tokens, 0)
        for submission in truth.orders.values():
            if submission.key is not None:
                market = self._by_book[submission.key[0]]
                locked[(market.quote if submission.key[1] else market.base).symbol] += submission.deposit
        for symbol, token in self._tokens.items():
            shown, held = exchange.get_balance(symbol), wallet[symbol] + locked[symbol]
            if symbol == "SOMI":
                # What is wrapped cannot be sold as it is.
                held -= self.sandbox.view.balance(token.address, self._address)
            if shown != token.from_units(held):
                problems.append(f"{symbol}: {shown} here, {token.from_units(held)} on the chain")
        return problems + ([] if self.forgotten else self._moved_problems(self._tokens, wallet, locked, truth.gas))

    def _moved_problems(self, tokens: Mapping[str, Token], wallet: Mapping[str, int], locked: Mapping[str, int],
                        gas: int) -> list[str]:
        """The fills, fees and gas explain every unit that the account gained or lost."""
        moved = {symbol: tokens[symbol].from_units(wallet[symbol] + locked[symbol] - self.funds[symbol]) for symbol in wallet}
        told = dict.fromkeys(moved, Decimal(0))
        told["SOMI"] -= tokens["SOMI"].from_units(gas)
        for order in self.orders.values():
            sign = 1 if order.trade_type.name == "BUY" else -1
            for fill in order.order_fills.values():
                told[order.base_asset] += sign * fill.fill_base_amount
                told[order.quote_asset] -= sign * fill.fill_quote_amount
                for fee in fill.fee.flat_fees:
                    told[fee.token] -= fee.amount
        return [f"{symbol}: the fills tell {told[symbol]}, but {moved[symbol]} moved" for symbol in moved
                if told[symbol] != moved[symbol]]


def _is_done(state: OrderState) -> bool:
    return state in (OrderState.FILLED, OrderState.CANCELED, OrderState.FAILED)


def _states(order: InFlightOrder, submission: Submission, market: Market) -> tuple[OrderState, ...]:
    """The states that are true for an order."""
    if submission.deposit:
        return (OrderState.PARTIALLY_FILLED if submission.is_partly_filled else OrderState.OPEN,)
    if submission.cancelled:
        return (OrderState.FILLED,) if order.is_filled else (OrderState.CANCELED,)
    rest = market.base.to_units(order.amount - order.executed_amount_base)
    # What is too little to match is given back without an event.
    is_swept = submission.key is not None and 0 < rest < 2 * market.smallest_order(price_to_chain(order.price))
    return (OrderState.FILLED,) if submission.key is not None and not is_swept else (OrderState.FILLED, OrderState.CANCELED)
