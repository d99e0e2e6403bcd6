"""The summary: what the connector reported beside what the chain says, compared unit by unit."""
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from demo.chain_view import Balances, Fill, FillKey, Ledger, Venue
from demo.event_log import EventLog, ReportedFill

_EXACT = Context(prec=100)


def in_units(amount: Decimal, decimals: int) -> Decimal:
    """A human amount in smallest units; not a whole number when the amount is finer than the token."""
    return _EXACT.scaleb(amount, decimals)


@dataclass
class Views:
    """What both sides say: the connector's balances in human amounts by symbol, the chain's in units."""

    base_symbol: str
    quote_symbol: str
    connector_before: Mapping[str, Mapping[str, Decimal]]
    connector_after: Mapping[str, Mapping[str, Decimal]]
    chain_before: Balances
    chain_after: Balances


class Summary:
    """Compares the views once, when it is made; `problems` is empty when everything agrees."""

    def __init__(self, venue: Venue, views: Views, log: EventLog, ledger: Ledger) -> None:
        self.problems: list[str] = []
        self._venue = venue
        self._views = views
        self.log = log
        self._ledger = ledger
        self._fills = ledger.fills()
        self._open = ledger.open_orders()
        self._check_balances()
        self._check_fills()
        self._check_orders()
        self._check_money()

    def text(self) -> str:
        """The summary for people."""
        views, log, ledger = self._views, self.log, self._ledger
        bought = [fill for key, fill in self._fills.items() if key.is_buy]
        sold = [fill for key, fill in self._fills.items() if not key.is_buy]
        rows = [
            "                         connector             chain",
            f"Orders placed      {len(log.orders.created):>15} {ledger.placed:>17}",
            f"Orders cancelled   {len(log.orders.cancelled):>15} {ledger.refunded:>17}",
            f"Fills              {len(log.fills):>15} {len(self._fills):>17}   ({len(bought)} buys, {len(sold)} sells)",
            f"Left open                          {len(self._open):>17}",
            f"Traded volume      {self._quote(sum(fill.quote for fill in self._fills.values()))}",
            f"Fees paid          {self._base(sum(fill.fee for fill in bought))} and "
            f"{self._quote(sum(fill.fee for fill in sold))}",
            f"Gas paid           {self._base(ledger.gas_paid)} in {ledger.transactions} transactions, "
            f"{ledger.failed_transactions} of them failed",
            "",
        ]
        for title, reported, units in (("Before", views.connector_before, views.chain_before),
                                       ("After", views.connector_after, views.chain_after)):
            for symbol, shown in ((views.base_symbol, self._base(units.base)), (views.quote_symbol, self._quote(units.quote))):
                rows.append(f"{title:7} connector {_plain(_total(reported, symbol)):>29} {symbol}")
                rows.append(f"{'':7} chain     {shown.rsplit(' ', 1)[0]:>29} {symbol}")
        rows += ["", *(f"PROBLEM: {problem}" for problem in self.problems)]
        if not self.problems:
            rows.append("Both views agree to the last unit: balances, fills, fees, and before + fills - fees - gas = after.")
        return "\n".join(rows)

    def _check_balances(self) -> None:
        views = self._views
        for when, reported, units in (("before", views.connector_before, views.chain_before),
                                      ("after", views.connector_after, views.chain_after)):
            for symbol, decimals, chain in ((views.base_symbol, self._venue.base_decimals, units.base),
                                            (views.quote_symbol, self._venue.quote_decimals, units.quote)):
                connector = in_units(_total(reported, symbol), decimals)
                if connector != chain:
                    self.problems.append(f"{symbol} {when}: the connector says {connector} units, the chain {chain}")

    def _check_fills(self) -> None:
        reported = self.log.fills
        if not self._fills:
            self.problems.append("nothing was filled")
        for key in sorted(reported.keys() | self._fills.keys()):
            trade = f"{'buy' if key.is_buy else 'sell'} trade {key.trade_id}"
            if key not in reported:
                self.problems.append(f"{trade} is on the chain and was not reported")
            elif key not in self._fills:
                self.problems.append(f"{trade} was reported and is not on the chain")
            else:
                self._check_fill(trade, key, reported[key], self._fills[key])
        self.problems += [f"trade {key.trade_id} was reported twice" for key in self.log.double_fills]

    def _check_fill(self, trade: str, key: FillKey, reported: ReportedFill, chain: Fill) -> None:
        venue, views = self._venue, self._views
        fee_token, fee_decimals = ((views.base_symbol, venue.base_decimals) if key.is_buy
                                   else (views.quote_symbol, venue.quote_decimals))
        # A price is a quotient: what counts is that price x amount is the quote that moved, to the unit.
        quote = in_units(_EXACT.multiply(reported.price, reported.amount), venue.quote_decimals).to_integral_value()
        for what, connector, units in (("base", in_units(reported.amount, venue.base_decimals), chain.base),
                                       ("quote", quote, chain.quote),
                                       ("fee", in_units(reported.fee, fee_decimals), chain.fee)):
            if connector != units:
                self.problems.append(f"{trade}: the connector says {connector} units of {what}, the chain {units}")
        if reported.fee_token != fee_token:
            self.problems.append(f"{trade}: the fee was reported in {reported.fee_token} and paid in {fee_token}")

    def _check_orders(self) -> None:
        orders, ledger = self.log.orders, self._ledger
        if len(orders.created) != ledger.placed:
            self.problems.append(f"{len(orders.created)} orders were reported as created, {ledger.placed} are on the chain")
        # What rounding leaves of a filled order's deposit is taken back too, and that order is reported as filled.
        if len(orders.cancelled) > ledger.refunded:
            self.problems.append(f"{len(orders.cancelled)} orders were reported as cancelled, {ledger.refunded} on the chain")
        for client_id in sorted(orders.created ^ (orders.cancelled | orders.completed)):
            self.problems.append(f"the order {client_id} was not reported as both created and ended")
        for is_bid, order_id in self._open:
            self.problems.append(f"the {'bid' if is_bid else 'ask'} {order_id} was left open")

    def _check_money(self) -> None:
        """Before, plus what the fills that the connector reported brought, minus fees and gas, must be what is there."""
        base, quote = Decimal(-self._ledger.gas_paid), Decimal(0)
        for key, fill in self.log.fills.items():
            sign = 1 if key.is_buy else -1
            base += sign * in_units(fill.amount, self._venue.base_decimals)
            value = _EXACT.multiply(fill.price, fill.amount)
            quote -= sign * in_units(value, self._venue.quote_decimals).to_integral_value()
            if key.is_buy:
                base -= in_units(fill.fee, self._venue.base_decimals)
            else:
                quote -= in_units(fill.fee, self._venue.quote_decimals)
        views = self._views
        for symbol, before, change, after in ((views.base_symbol, views.chain_before.base, base, views.chain_after.base),
                                              (views.quote_symbol, views.chain_before.quote, quote, views.chain_after.quote)):
            if before + change != after:
                self.problems.append(f"{symbol}: {before} units before and {change} by reported fills, fees and gas, "
                                     f"but {after} after ({after - before - change} unexplained)")

    def _base(self, units: int) -> str:
        return f"{_plain(in_units(Decimal(units), -self._venue.base_decimals))} {self._views.base_symbol}"

    def _quote(self, units: int) -> str:
        return f"{_plain(in_units(Decimal(units), -self._venue.quote_decimals))} {self._views.quote_symbol}"


def _total(balances: Mapping[str, Mapping[str, Decimal]], symbol: str) -> Decimal:
    return balances[symbol]["total"] if symbol in balances else Decimal(0)


def _plain(number: Decimal) -> str:
    return format(number, "f")
