"""The summary: what the connector reported beside what the chain says, compared unit by unit."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from demo.chain_view import Asset, Fill, FillKey, Ledger, Venue
from demo.event_log import EventLog, ReportedFill

_EXACT = Context(prec=100)


def in_units(amount: Decimal, decimals: int) -> Decimal:
    """A human amount in smallest units; not a whole number when the amount is finer than the token."""
    return _EXACT.scaleb(amount, decimals)


@dataclass
class Views:
    """What both sides say of the balances: the connector in human amounts, the chain in units, each by symbol."""

    connector_before: Mapping[str, Mapping[str, Decimal]]
    connector_after: Mapping[str, Mapping[str, Decimal]]
    chain_before: Mapping[str, int]
    chain_after: Mapping[str, int]


class Summary:
    """Compares the views once, when it is made; `problems` is empty when everything agrees."""

    def __init__(self, views: Views, log: EventLog, ledger: Ledger) -> None:
        self.problems: list[str] = []
        self._views = views
        self.log = log
        self.ledger = ledger
        self._venues = {venue.book: venue for venue in ledger.venues}
        self._assets = ledger.assets
        every = ledger.fills()
        # What a taker has left may buy nothing and pays the maker all the same; Hummingbot has no event for such a fill.
        self._of_nothing = {key: fill for key, fill in every.items() if not fill.base}
        self._fills = {key: fill for key, fill in every.items() if fill.base}
        self._open = ledger.open_orders()
        self._check_balances()
        self._check_fills()
        self._check_orders()
        self._check_money()

    def text(self) -> str:
        """The summary for people."""
        log, ledger = self.log, self.ledger
        buys = sum(key.is_buy for key in self._fills)
        rows = [
            "                         connector             chain",
            f"Orders placed      {len(log.orders.created):>15} {ledger.placed:>17}",
            f"Orders cancelled   {len(log.orders.cancelled):>15} {ledger.refunded:>17}",
            f"Fills              {len(log.fills):>15} {len(self._fills):>17}   ({buys} buys, {len(self._fills) - buys} sells)",
            *([f"Fills of nothing                   {len(self._of_nothing):>17}   (quote for no base, which nobody is told of)"]
              if self._of_nothing else []),
            f"Left open                          {len(self._open):>17}",
            *(f"Traded volume      {self._volume(venue)}" for venue in ledger.venues),
            f"Fees paid          {self._fees()}",
            f"Gas paid           {self._shown(ledger.gas_paid, self._native())} in {ledger.transactions} transactions, "
            f"{ledger.failed_transactions} of them failed",
            "",
            *self._balance_rows(),
            "", *(f"PROBLEM: {problem}" for problem in self.problems)]
        if not self.problems:
            rows.append("Both views agree to the last unit: balances, fills, fees, and before + fills - fees - gas = after.")
        return "\n".join(rows)

    def _volume(self, venue: Venue) -> str:
        units = sum(fill.quote for key, fill in self._fills.items() if key.book == venue.book)
        return f"{self._shown(units, venue.quote)} of {venue.base.symbol}"

    def _fees(self) -> str:
        paid = dict.fromkeys(self._assets, 0)
        for key, fill in self._fills.items():
            paid[self._received(key).symbol] += fill.fee
        return " and ".join(self._shown(units, self._assets[symbol]) for symbol, units in paid.items())

    def _balance_rows(self) -> Iterator[str]:
        views = self._views
        for title, reported, units in (("Before", views.connector_before, views.chain_before),
                                       ("After", views.connector_after, views.chain_after)):
            for symbol, asset in self._assets.items():
                yield f"{title:7} connector {_plain(_total(reported, symbol)):>29} {symbol}"
                yield f"{'':7} chain     {self._shown(units[symbol], asset).rsplit(' ', 1)[0]:>29} {symbol}"

    def _received(self, key: FillKey) -> Asset:
        """The token that a fill brought, in which its fee was paid."""
        venue = self._venues[key.book]
        return venue.base if key.is_buy else venue.quote

    def _native(self) -> Asset:
        return next(asset for asset in self._assets.values() if asset.is_native)

    def _check_balances(self) -> None:
        views = self._views
        for when, reported, units in (("before", views.connector_before, views.chain_before),
                                      ("after", views.connector_after, views.chain_after)):
            for symbol, asset in self._assets.items():
                connector = in_units(_total(reported, symbol), asset.decimals)
                if connector != units[symbol]:
                    self.problems.append(f"{symbol} {when}: the connector says {connector} units, the chain {units[symbol]}")

    def _check_fills(self) -> None:
        reported = self.log.fills
        if not self._fills:
            self.problems.append("nothing was filled")
        for key in sorted(reported.keys() | self._fills.keys()):
            trade = f"{self._venues[key.book].base.symbol} {'buy' if key.is_buy else 'sell'} trade {key.trade_id}"
            if key not in reported:
                self.problems.append(f"{trade} is on the chain and was not reported: {self._fills[key]}")
            elif key not in self._fills:
                self.problems.append(f"{trade} was reported and is not on the chain: {reported[key]}")
            else:
                self._check_fill(trade, key, reported[key], self._fills[key])
        self.problems += [f"trade {key.trade_id} was reported twice" for key in self.log.double_fills]

    def _check_fill(self, trade: str, key: FillKey, reported: ReportedFill, chain: Fill) -> None:
        venue, received = self._venues[key.book], self._received(key)
        for what, connector, units in (("base", in_units(reported.amount, venue.base.decimals), chain.base),
                                       ("quote", _quote_units(reported, venue), chain.quote),
                                       ("fee", in_units(reported.fee, received.decimals), chain.fee)):
            if connector != units:
                self.problems.append(f"{trade}: the connector says {connector} units of {what}, the chain {units}")
        if reported.fee_token != received.symbol:
            self.problems.append(f"{trade}: the fee was reported in {reported.fee_token} and paid in {received.symbol}")

    def _check_orders(self) -> None:
        orders, ledger = self.log.orders, self.ledger
        if len(orders.created) != ledger.placed:
            self.problems.append(f"{len(orders.created)} orders were reported as created, {ledger.placed} are on the chain")
        # What rounding leaves of a filled order's deposit is taken back too, and that order is reported as filled.
        if len(orders.cancelled) > ledger.refunded:
            self.problems.append(f"{len(orders.cancelled)} orders were reported as cancelled, {ledger.refunded} on the chain")
        for client_id in sorted(orders.created ^ (orders.cancelled | orders.completed)):
            self.problems.append(f"the order {client_id} was not reported as both created and ended")
        for key in self._open:
            self.problems.append(f"the {self._venues[key.book].base.symbol} {'bid' if key.is_bid else 'ask'} {key.order_id} "
                                 "was left open")

    def _check_money(self) -> None:
        """Before, plus what the fills that the connector reported brought, minus fees and gas, must be what is there."""
        changes = dict.fromkeys(self._assets, Decimal(0))
        changes[self._native().symbol] -= self.ledger.gas_paid
        for key, fill in self.log.fills.items():
            venue, received, sign = self._venues[key.book], self._received(key), 1 if key.is_buy else -1
            changes[venue.base.symbol] += sign * in_units(fill.amount, venue.base.decimals)
            changes[venue.quote.symbol] -= sign * _quote_units(fill, venue)
            changes[received.symbol] -= in_units(fill.fee, received.decimals)
        for key, gift in self._of_nothing.items():
            changes[self._venues[key.book].quote.symbol] += gift.quote - gift.fee if not key.is_buy else -gift.quote
        for symbol, change in changes.items():
            before, after = self._views.chain_before[symbol], self._views.chain_after[symbol]
            if before + change != after:
                self.problems.append(f"{symbol}: {before} units before and {change} by reported fills, fees and gas, "
                                     f"but {after} after ({after - before - change} unexplained)")

    def _shown(self, units: int, asset: Asset) -> str:
        return f"{_plain(in_units(Decimal(units), -asset.decimals))} {asset.symbol}"


def _quote_units(fill: ReportedFill, venue: Venue) -> Decimal:
    """What a reported fill moved. A price is a quotient: price x amount is the quote that moved, to the unit."""
    return in_units(_EXACT.multiply(fill.price, fill.amount), venue.quote.decimals).to_integral_value()


def _total(balances: Mapping[str, Mapping[str, Decimal]], symbol: str) -> Decimal:
    return balances[symbol]["total"] if symbol in balances else Decimal(0)


def _plain(number: Decimal) -> str:
    return format(number, "f")
