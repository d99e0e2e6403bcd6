"""The engine's views (docs/protocol.md, "Calls")."""
from hummingbot.connector.exchange.standard.sandbox.book_core import DENOMINATOR
from hummingbot.connector.exchange.standard.sandbox.engine_state import ADMIN_ROLE, ERROR, EngineState
from hummingbot.connector.exchange.standard.sandbox.execution import ZERO_ADDRESS, Execution, refuse
from hummingbot.connector.exchange.standard.sandbox.levels import Order

INTERFACES = (bytes.fromhex("01ffc9a7"), bytes.fromhex("7965db0b"))


class EngineViews(EngineState):
    """Views; an unknown pair makes them revert without data unless they say otherwise."""

    def get_pair(self, execution: Execution, base: str, quote: str) -> tuple[str]:
        """getPair: the zero address for an unknown pair."""
        return self.factory_contract.get_pair(execution, base, quote)

    def get_order(self, execution: Execution, base: str, quote: str, is_bid: bool, number: int) -> tuple[Order]:
        """getOrder: zeros for an unknown id."""
        return self.book(base, quote).get_order(execution, is_bid, number)

    def heads(self, execution: Execution, base: str, quote: str) -> tuple[int, int]:
        """heads: bid, ask; ghosts count."""
        return self.book(base, quote).heads(execution)

    def mkt_price(self, execution: Execution, base: str, quote: str) -> tuple[int]:
        """mktPrice."""
        return self.book(base, quote).mkt_price(execution)

    def convert(self, execution: Execution, base: str, quote: str, amount: int, is_bid: bool) -> tuple[int]:
        """convert, at the market price: 0 for an unknown pair (the later generation reverts PairDoesNotExist)."""
        if base == quote:
            return (amount,)
        book = self.factory_contract.books.get((base, quote))
        if book is not None:
            return book.asset_value(execution, amount, is_bid)
        if self.later:
            raise refuse(ERROR["PairDoesNotExist"], base, quote, ZERO_ADDRESS)
        return (0,)

    def fee_of(self, execution: Execution, base: str, quote: str, account: str, is_maker: bool) -> tuple[int]:
        """feeOf, in parts of 1e8."""
        return (self.fee_rate(execution, is_maker),)

    def get_spread(self, execution: Execution, pair: str, is_buy: bool, is_market: bool) -> tuple[int]:
        """getSpread, in parts of 1e8: 0 for an unknown pair."""
        return (self.spread(pair, is_buy, is_market),)

    def lmt_spread_limits(self, execution: Execution, pair: str) -> tuple[int, int]:
        """lmtSpreadLimits: buy, sell; 0 for an unknown pair."""
        return self.spread(pair, True, False), self.spread(pair, False, False)

    def mkt_spread_limits(self, execution: Execution, pair: str) -> tuple[int, int]:
        """mktSpreadLimits: buy, sell; 0 for an unknown pair."""
        return self.spread(pair, True, True), self.spread(pair, False, True)

    def listing_dates(self, execution: Execution, pair: str) -> tuple[int]:
        """listingDates: seconds, 0 for an unknown pair."""
        return (self.listing.get(pair, 0),)

    def weth(self, execution: Execution) -> tuple[str]:
        """WETH()."""
        return (self.wrapped.address,)

    def fee_to(self, execution: Execution) -> tuple[str]:
        """feeTo()."""
        return (self.fee_receiver,)

    def incentive(self, execution: Execution) -> tuple[str]:
        """incentive()."""
        return (self.incentive_address,)

    def orderbook_factory(self, execution: Execution) -> tuple[str]:
        """orderbookFactory()."""
        return (self.factory_contract.address,)

    def denom(self, execution: Execution) -> tuple[int]:
        """DENOM()."""
        return (DENOMINATOR,)

    def pool_fee_share(self, execution: Execution) -> tuple[int]:
        """poolFeeShare(), later generation: in parts of 1e8; without pools it has no effect."""
        return (self.pool_share,)

    def pool_factory(self, execution: Execution) -> tuple[str]:
        """poolFactory(), later generation."""
        return (self.pool_factory_address,)

    def default_admin_role(self, execution: Execution) -> tuple[bytes]:
        """DEFAULT_ADMIN_ROLE()."""
        return (ADMIN_ROLE,)

    def get_role_admin(self, execution: Execution, role: bytes) -> tuple[bytes]:
        """getRoleAdmin: the same for all roles."""
        return (ADMIN_ROLE,)

    def has_role(self, execution: Execution, role: bytes, account: str) -> tuple[bool]:
        """hasRole."""
        return ((role, account) in self.roles,)

    def supports_interface(self, execution: Execution, interface: bytes) -> tuple[bool]:
        """supportsInterface: access control and interface detection itself."""
        return (interface in INTERFACES,)
