"""What a connector believes of its orders and its money, compared with what the chain says."""
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from hummingbot.connector.exchange.standard.markets import Market, price_to_chain
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, TradeUpdate
from hummingbot.core.event.events import OrderFilledEvent
from simulation.chain_truth import Submission, Trade, Truth, TruthReader
from simulation.replaced import Replaced, place_of

GAS_RESERVE = Decimal("1")  # what the connector keeps of the native token, as the README says
MOST_BEYOND = Decimal("0.1")  # no world's bounds let an order trade so far beyond its price


class Comparison:
    """Compares the beliefs of one wallet's connectors, one after the other, with a sandbox.

    `orders` are all that were ever seen tracked, by client order id, and `forgotten` those whose end Hummingbot had recorded
    before it was taken back, when a connector was killed: nothing can be said of them but that they are not known. `recorded`
    are all orders that Hummingbot has a record of, by client order id, with every exchange order id that each has had: after a
    reorganisation another order may have its id.
    """

    def __init__(self, sandbox: Sandbox, address: str, replaced: Replaced) -> None:
        self.sandbox = sandbox
        self.orders: dict[str, InFlightOrder] = {}
        self.forgotten: set[str] = set()
        self.recorded: Mapping[str, set[str]] = {}
        self._forgotten_places: set[str] = set()
        self._forgotten_nonces: set[int] = set()
        self._replaced = replaced
        self._address = address
        self._reader = TruthReader(sandbox, address)
        self._by_pair = {market.trading_pair: market for market in sandbox.markets}
        self._by_book = {market.book: market for market in sandbox.markets}
        self._tokens = {token.symbol: token for market in sandbox.markets for token in (market.base, market.quote)}
        self.funds = self.money()
        self._unexplained: dict[str, Decimal] | None = {}  # what forgotten orders moved, by symbol; None until it is known
        self._strangers: dict[str, set[Trade]] = {}  # what those had traded then

    def market(self, trading_pair: str) -> Market:
        """The market of a pair."""
        return self._by_pair[trading_pair]

    def truth(self) -> Truth:
        """What the chain says now."""
        return self._reader.read()

    def forget_unsaved(self, saved: Mapping[str, int]) -> None:
        """The connector was killed. `saved` are the states of its orders by id, as Hummingbot had written them down."""
        for name, order in list(self.orders.items()):
            if not _is_done(order.current_state) and (name not in saved or _is_done(OrderState(saved[name]))):
                # One that was never recorded comes back if the chain has it. One whose end was saved, and taken back afterwards
                # by a reorganisation, does not: Hummingbot has no event for that, and no order any more.
                if name in self.recorded:
                    self.forget([name])
                else:
                    del self.orders[name]

    def forget(self, names: Iterable[str]) -> None:
        """Nothing is known any more of these orders, and nobody is to blame."""
        for name in names:
            self.forgotten.add(name)
            order = self.orders.pop(name, None)
            if order is not None:
                self._forgotten_places.add(place_of(order.exchange_order_id))
                for recorded in self.recorded.get(name, ()):
                    self._forgotten_nonces |= self._replaced.nonces[place_of(recorded)]
                on_chain = self.truth().orders.get(order.exchange_order_id or "")
                if on_chain is not None:
                    self._forgotten_nonces.add(on_chain.nonce)
            self._unexplained = None

    def excuse(self, place: str) -> None:
        """The chain has had this order, and it is right that no connector knows of it; money may have moved for it."""
        self._forgotten_nonces.add(self.truth().orders[place].nonce)
        self._unexplained = None

    def sent_again(self, nonce: int, anew: int) -> None:
        """The orders of a nonce that another program's transaction got are placed with another one."""
        if nonce in self._forgotten_nonces:
            self._forgotten_nonces.add(anew)

    def _is_forgotten(self, submission: Submission) -> bool:
        """Whether an order on the chain may be one that is forgotten: mined anew it has another place, and the same nonce."""
        return submission.nonce in self._forgotten_nonces

    def done_places(self) -> set[str]:
        """Where the orders are on the chain that have ended, and those that are forgotten."""
        return self._forgotten_places | {place_of(order.exchange_order_id) for order in self.orders.values() if order.is_done}

    def settle(self) -> None:
        """Everything agrees: what moved without an explanation so far, forgotten orders moved."""
        if self._unexplained is None:
            truth = self.truth()
            self._unexplained, self._strangers = self._not_told(truth), self._stranger_trades(truth)

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
            took_nothing = order.order_type is OrderType.MARKET and order.exchange_order_id is not None
            if order.current_state is OrderState.FAILED and not took_nothing:
                if order.order_fills:
                    yield f"{name} failed and has fills"
                continue
            if order.exchange_order_id in known:
                yield f"{name} and {known[order.exchange_order_id]} are both {order.exchange_order_id}"
            known[order.exchange_order_id] = name
            yield from self._order_problems(name, order, truth)
        for place, submission in truth.orders.items():
            if place not in known and (submission.deposit or not self._is_forgotten(submission)):
                yield f"{place} is on the chain ({submission}), and no order of the connector"
        resting = {tuple(key): order.deposit for key, order in account.settlement.resting.items()}
        held = {order.key: order.deposit for order in truth.orders.values() if order.deposit}
        if resting != held:
            yield f"deposits: {resting} here, {held} on the chain"

    def _order_problems(self, name: str, order: InFlightOrder, truth: Truth) -> Iterator[str]:
        submission = truth.orders.get(order.exchange_order_id or "")
        if submission is None:
            if order.current_state is not _nothing(order) or order.exchange_order_id not in truth.successes \
                    or order.order_fills:
                yield f"{name} is {order.current_state.name} as {order.exchange_order_id}, which the chain does not have"
            return
        market = self.market(order.trading_pair)
        if order.current_state not in _states(order, submission, market):
            terms = f"{order.order_type.name} {order.amount} at {order.price}"
            yield f"{name} ({terms}) is {order.current_state.name}: {submission}"
        received = market.base if order.trade_type.name == "BUY" else market.quote
        fills = {(fill.trade_id, market.base.to_units(fill.fill_base_amount),
                  sum(received.to_units(fee.amount) for fee in fill.fee.flat_fees)) for fill in order.order_fills.values()}
        traded = {(trade.trade_id, trade.base_units, trade.fee) for trade in submission.trades}
        # Of a little quote for no base at all there is no event, after which Hummingbot would save the order.
        if not fills <= traded or any(base_units for _, base_units, _ in traded - fills):
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
        truth, problems = self.truth(), []
        # Another program's transaction may wait for ever for one before it that vanished.
        used, next_to_be = (self.sandbox.node.nonce(self._address, pending=pending) for pending in (False, True))
        if used != next_to_be or exchange._account is None:
            return ["something is on its way"]
        wallet, locked = self.money(), self._locked(truth)
        for symbol, token in self._tokens.items():
            held = token.from_units(wallet[symbol])
            if symbol == "SOMI":  # what is wrapped cannot be sold as it is
                held -= token.from_units(self.sandbox.view.balance(token.address, self._address))
            total = held + token.from_units(locked[symbol])
            available = max(Decimal(0), held - GAS_RESERVE) if symbol == "SOMI" else held
            shown = exchange.get_available_balance(symbol), exchange.get_balance(symbol)
            if shown != (available, total):
                problems.append(f"{symbol}: {shown[0]} of {shown[1]} here, {available} of {total} on the chain")
        if self._stranger_trades(truth) != self._strangers:
            self._unexplained = None  # blocks with forgotten orders were replaced
        if self._unexplained is not None:
            problems += [f"{symbol}: {amount} moved that the fills do not tell"
                         for symbol, amount in self._not_told(truth).items() if amount != self._unexplained.get(symbol, 0)]
        return problems

    def _locked(self, truth: Truth) -> dict[str, int]:
        """What rests of the account's deposits, by symbol."""
        locked = dict.fromkeys(self._tokens, 0)
        for submission in truth.orders.values():
            if submission.key is not None:
                market = self._by_book[submission.key[0]]
                locked[(market.quote if submission.key[1] else market.base).symbol] += submission.deposit
        return locked

    def _stranger_trades(self, truth: Truth) -> dict[str, set[Trade]]:
        """The trades of the orders that are forgotten, by their place on the chain."""
        if not self.forgotten:
            return {}
        known = {order.exchange_order_id for order in self.orders.values()}
        return {place: set(submission.trades) for place, submission in truth.orders.items()
                if submission.trades and place not in known and self._is_forgotten(submission)}

    def _not_told(self, truth: Truth) -> dict[str, Decimal]:
        """What the account gained (or lost, below zero) beyond what fills, fees and gas tell, by symbol: nothing."""
        wallet, locked, tokens = self.money(), self._locked(truth), self._tokens
        moved = {symbol: tokens[symbol].from_units(wallet[symbol] + locked[symbol] - self.funds[symbol]) for symbol in wallet}
        moved["SOMI"] += tokens["SOMI"].from_units(truth.gas)
        for order in self.orders.values():
            sign = 1 if order.trade_type.name == "BUY" else -1
            for fill in order.order_fills.values():
                moved[order.base_asset] -= sign * fill.fill_base_amount
                moved[order.quote_asset] += sign * fill.fill_quote_amount
                for fee in fill.fee.flat_fees:
                    moved[fee.token] += fee.amount
            submission = truth.orders.get(order.exchange_order_id or "")
            for trade in submission.trades if submission is not None else ():
                if not trade.base_units and trade.trade_id not in order.order_fills:  # Hummingbot did not save it, as above
                    received = sign * trade.quote_units + (trade.fee if sign < 0 else 0)
                    moved[order.quote_asset] += tokens[order.quote_asset].from_units(received)
        return moved


def _is_done(state: OrderState) -> bool:
    return state in (OrderState.FILLED, OrderState.CANCELED, OrderState.FAILED)


def _nothing(order: InFlightOrder) -> OrderState:
    """How an order ends of which nothing was traded."""
    return OrderState.FAILED if order.order_type is OrderType.MARKET else OrderState.CANCELED


def _states(order: InFlightOrder, submission: Submission, market: Market) -> tuple[OrderState, ...]:
    """The states that are true for an order."""
    if submission.deposit:
        return (OrderState.PARTIALLY_FILLED if submission.is_partly_filled else OrderState.OPEN,)
    if order.order_type is OrderType.MARKET and submission.is_partly_filled:
        return (OrderState.FILLED,)  # whatever part it took
    rest = market.base.to_units(order.amount - order.executed_amount_base)
    # What is too little to match is given back without an event; each trade may have cost such a trifle, too.
    dust = (2 + len(submission.trades)) * market.smallest_order(price_to_chain(order.price))
    if submission.cancelled and not 0 < rest < dust:
        return (OrderState.FILLED,) if rest <= 0 else (_nothing(order),)
    if order.trade_type is TradeType.BUY:
        # It ends when its quote is spent, at prices to which the exchange's bounds or the slippage lifted it: for less base.
        dust = max(dust, market.base.to_units(order.amount * MOST_BEYOND))
    if 0 < rest < dust:
        return OrderState.FILLED, _nothing(order)
    # What neither rests nor was cancelled is gone because it was taken whole; what never rested took what it could.
    return (OrderState.FILLED,) if submission.key is not None or rest <= 0 else (_nothing(order),)
