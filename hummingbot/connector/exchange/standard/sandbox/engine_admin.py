"""The engine's operator functions: roles, pairs, fees, spreads (docs/protocol.md, "Calls"). They are announced by the events
below only where the contract does so."""
from hummingbot.connector.exchange.standard.chain.abi import Error
from hummingbot.connector.exchange.standard.chain.engine import (
    LISTING_COST_SET,
    NEW_MARKET_PRICE,
    PAIR_ADDED,
    PAIR_UPDATED,
    ROLE_GRANTED,
    ROLE_REVOKED,
)
from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.book_core import DENOMINATOR
from hummingbot.connector.exchange.standard.sandbox.engine_state import (
    ADMIN_ROLE,
    ERROR,
    MARKET_MAKER_ROLE,
    EngineState,
    Spread,
)
from hummingbot.connector.exchange.standard.sandbox.execution import ZERO_ADDRESS, Execution, Revert, refuse
from hummingbot.connector.exchange.standard.sandbox.tokens import Token

ADD_PAIR_CHECK_GAS = 3_200
ADD_PAIR_GAS, LATER_ADD_PAIR_GAS = 125_900, 84_700
SETTING_GAS = 700
TERMINAL = "standard"
INVALID_INITIALIZATION = Error("InvalidInitialization()")
BY_SIZE, BY_TIME = 0, 1


def pair_role(pair: str) -> bytes:
    """The role of who may set the parameters of one pair: its address, left-aligned."""
    return bytes.fromhex(pair[2:]).ljust(32, b"\0")


class EngineAdmin(EngineState):
    """Operator functions."""

    def initialize(self, execution: Execution, factory: str, fee_receiver: str, wrapped: str) -> None:
        """initialize(address,address,address): done already."""
        raise refuse(INVALID_INITIALIZATION)

    def grant_role(self, execution: Execution, role: bytes, account: str) -> None:
        """grantRole(bytes32,address)."""
        self._require_role(execution, ADMIN_ROLE)
        if (role, account) not in self.roles:
            self._set_role(execution, role, account, True)

    def revoke_role(self, execution: Execution, role: bytes, account: str) -> None:
        """revokeRole(bytes32,address)."""
        self._require_role(execution, ADMIN_ROLE)
        if (role, account) in self.roles:
            self._set_role(execution, role, account, False)

    def renounce_role(self, execution: Execution, role: bytes, account: str) -> None:
        """renounceRole(bytes32,address)."""
        if account != execution.sender:
            raise refuse(ERROR["AccessControlBadConfirmation"])
        if (role, account) in self.roles:
            self._set_role(execution, role, account, False)

    def _set_role(self, execution: Execution, role: bytes, account: str, member: bool) -> None:
        execution.meter.write((self.address, role, account), not member, member)
        change, inverse = (self.roles.add, self.roles.discard) if member else (self.roles.discard, self.roles.add)
        change((role, account))
        execution.world.journal.note(inverse, (role, account))
        execution.emit(self.address, ROLE_GRANTED if member else ROLE_REVOKED, role, account, execution.sender)

    def _require_role(self, execution: Execution, role: bytes) -> None:
        """Raise Revert AccessControlUnauthorizedAccount unless the sender holds `role`."""
        execution.meter.spend(SETTING_GAS)
        execution.meter.read((self.address, role, execution.sender))
        if (role, execution.sender) not in self.roles:
            raise refuse(ERROR["AccessControlUnauthorizedAccount"], execution.sender, role)

    def _require_pair_role(self, execution: Execution, pair: str) -> None:
        """Raise Revert InvalidRole unless the sender is a market maker or holds the role of the pair."""
        for role in (MARKET_MAKER_ROLE, pair_role(pair)):
            execution.meter.read((self.address, role, execution.sender))
            if (role, execution.sender) in self.roles:
                return
        raise refuse(ERROR["InvalidRole"], pair_role(pair), execution.sender)

    def add_pair(self, execution: Execution, base: str, quote: str, price: int, date: int, payment: str,
                 mode: int = BY_SIZE) -> tuple[str]:
        """addPair: `price` x 1e8, `date` in seconds; only for market makers (no terminal contracts exist here)."""
        return (self._add_pair(execution, base, quote, price, date, mode).address,)

    def add_pair_eth(self, execution: Execution, base: str, quote: str, price: int, date: int,
                     mode: int = BY_SIZE) -> tuple[str]:
        """addPairETH: value stays in the engine."""
        return (self._add_pair(execution, base, quote, price, date, mode).address,)

    def _add_pair(self, execution: Execution, base: str, quote: str, price: int, date: int, mode: int) -> Book:
        meter = execution.meter
        meter.spend(ADD_PAIR_CHECK_GAS)
        meter.read((self.address, MARKET_MAKER_ROLE, execution.sender))
        if (MARKET_MAKER_ROLE, execution.sender) not in self.roles or mode not in (BY_SIZE, BY_TIME):
            raise Revert
        meter.spend(LATER_ADD_PAIR_GAS if self.later else ADD_PAIR_GAS)
        book = self.factory_contract.create(execution, base, quote, mode == BY_TIME)
        book.set_last_price(execution, price)
        meter.write((self.address, "listing", book.address), 0, date)
        execution.world.journal.put(self.listing, book.address, date)
        for is_market, spread in self.default_spreads.items():
            meter.write((self.address, "spread", book.address, is_market), 0, 1)
            execution.world.journal.put(self.spreads, (book.address, is_market), spread)
        execution.emit(self.address, PAIR_ADDED, book.address, _described(book.base), _described(book.quote), price, date,
                       TERMINAL)
        execution.emit(self.address, NEW_MARKET_PRICE, book.address, price, True)
        return book

    def update_pair(self, execution: Execution, base: str, quote: str, price: int, date: int) -> tuple[str]:
        """updatePair: sets the market price; the date is only repeated in the event."""
        book = self.factory_contract.books.get((base, quote))
        self._require_pair_role(execution, book.address if book else ZERO_ADDRESS)
        if book is None:
            raise Revert
        book.set_last_price(execution, price)
        execution.emit(self.address, PAIR_UPDATED, book.address, base, quote, price, date)
        execution.emit(self.address, NEW_MARKET_PRICE, book.address, price, True)
        return (book.address,)

    def set_spread(self, execution: Execution, base: str, quote: str, buy: int, sell: int, is_market: bool) -> tuple[bool]:
        """setSpread, in parts of 1e8."""
        book = self.factory_contract.books.get((base, quote))
        if book is None:
            raise refuse(ERROR["PairDoesNotExist"], base, quote, ZERO_ADDRESS)
        self._require_pair_role(execution, book.address)
        execution.meter.write((self.address, "spread", book.address, is_market), 1, 2)
        execution.world.journal.put(self.spreads, (book.address, is_market), Spread(buy, sell))
        return (True,)

    def set_default_spread(self, execution: Execution, buy: int, sell: int, is_market: bool) -> tuple[bool]:
        """setDefaultSpread, in parts of 1e8: for pairs added later."""
        self._require_role(execution, ADMIN_ROLE)
        execution.meter.write((self.address, "default spread", is_market), 1, 2)
        execution.world.journal.put(self.default_spreads, is_market, Spread(buy, sell))
        return (True,)

    def set_default_fee(self, execution: Execution, is_maker: bool, fee: int) -> tuple[bool]:
        """setDefaultFee, in parts of 1e8."""
        self._require_role(execution, ADMIN_ROLE)
        before = self._packed_fees()
        execution.world.journal.put(self.fees, is_maker, fee)
        execution.meter.write((self.address, "fees"), before, self._packed_fees())
        return (True,)

    def _packed_fees(self) -> int:
        return self.fees[True] << 32 | self.fees[False]

    def set_max_matches(self, execution: Execution, limit: int) -> tuple[bool]:
        """setMaxMatches."""
        return self._set(execution, "max_matches", limit)

    def set_fee_to(self, execution: Execution, account: str) -> tuple[bool]:
        """setFeeTo."""
        return self._set(execution, "fee_receiver", account)

    def set_incentive(self, execution: Execution, account: str) -> tuple[bool]:
        """setIncentive."""
        return self._set(execution, "incentive_address", account)

    def set_pool_fee_share(self, execution: Execution, share: int) -> tuple[bool]:
        """setPoolFeeShare, later generation, in parts of 1e8."""
        if share > DENOMINATOR:
            raise refuse(ERROR["PoolFeeShareExceedsDenom"], share, DENOMINATOR)
        return self._set(execution, "pool_share", share)

    def set_pool_factory(self, execution: Execution, factory: str) -> tuple[bool]:
        """setPoolFactory, later generation."""
        return self._set(execution, "pool_factory_address", factory)

    def _set(self, execution: Execution, name: str, value: object) -> tuple[bool]:
        self._require_role(execution, ADMIN_ROLE)
        execution.meter.write((self.address, name), 1, 2)
        execution.world.journal.assign(self, name, value)
        return (True,)

    def set_listing_cost(self, execution: Execution, terminal: str, payment: str, amount: int) -> tuple[int]:
        """setListingCost, in the smallest unit of `payment`."""
        self._require_role(execution, MARKET_MAKER_ROLE)
        execution.meter.write((self.factory_contract.address, terminal, payment), 0, amount)
        execution.world.journal.put(self.factory_contract.listing_costs, (terminal, payment), amount)
        execution.emit(self.address, LISTING_COST_SET, payment, amount)
        return (amount,)


def _described(token: Token) -> tuple[str, int, str, str, int]:
    return token.address, token.places, token.title, token.ticker, token.supply
