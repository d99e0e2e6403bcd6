"""The exchange's contracts as tables: calls, events and errors of the matching engine, its books and its factory.

Encode and decode, nothing else. Signatures, argument meanings and units are in docs/protocol.md, "Calls", "Events" and
"Errors". Amounts are integers in the smallest unit of the token meant, prices integers x 1e8, addresses lower-case
"0x…" strings.
"""
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Union

from hummingbot.connector.exchange.standard.chain.abi import AbiError, Error, Event, Function

_CREATE = "(address base,address quote,bool isBid,bool isLimit,uint32 orderId,uint256 price,uint256 amount,uint32 n," \
          "address recipient)"
_CANCEL = "(address base,address quote,bool isBid,uint32 orderId)"
_RESULT = "(uint256 makePrice,uint256 placed,uint32 id)"
_ORDER = "(address owner,uint256 price,uint256 depositAmount)"

_TRADING = (
    f"limitBuy(address base,address quote,uint256 price,uint256 quoteAmount,bool isMaker,uint32 n,address recipient)({_RESULT})",
    f"limitSell(address base,address quote,uint256 price,uint256 baseAmount,bool isMaker,uint32 n,address recipient)({_RESULT})",
    f"marketBuy(address base,address quote,uint256 quoteAmount,bool isMaker,uint32 n,address recipient,uint32 slippageLimit)"
    f"({_RESULT})",
    f"marketSell(address base,address quote,uint256 baseAmount,bool isMaker,uint32 n,address recipient,uint32 slippageLimit)"
    f"({_RESULT})",
    f"limitBuyETH(address base,uint256 price,bool isMaker,uint32 n,address recipient)({_RESULT})",
    f"limitSellETH(address quote,uint256 price,bool isMaker,uint32 n,address recipient)({_RESULT})",
    f"marketBuyETH(address base,bool isMaker,uint32 n,address recipient,uint32 slippageLimit)({_RESULT})",
    f"marketSellETH(address quote,bool isMaker,uint32 n,address recipient,uint32 slippageLimit)({_RESULT})",
    f"createOrder({_CREATE} input)({_RESULT})",
    f"createOrders({_CREATE}[] inputs)({_RESULT}[])",
    f"updateOrder({_CREATE} input)({_RESULT})",
    f"updateOrders({_CREATE}[] inputs)({_RESULT}[])",
    "cancelOrder(address base,address quote,bool isBid,uint32 orderId)(uint256 refunded)",
    f"cancelOrders({_CANCEL}[] inputs)(uint256[] refunded)",
)
_VIEWS = (
    "getPair(address base,address quote)(address)",
    f"getOrder(address base,address quote,bool isBid,uint32 orderId)({_ORDER})",
    "heads(address base,address quote)(uint256 bidHead,uint256 askHead)",
    "mktPrice(address base,address quote)(uint256)",
    "convert(address base,address quote,uint256 amount,bool isBid)(uint256)",
    "feeOf(address base,address quote,address account,bool isMaker)(uint32)",
    "getSpread(address pair,bool isBuy,bool isMkt)(uint32)",
    "lmtSpreadLimits(address pair)(uint32 buy,uint32 sell)",
    "mktSpreadLimits(address pair)(uint32 buy,uint32 sell)",
    "listingDates(address pair)(uint256)",
    "WETH()(address)",
    "feeTo()(address)",
    "incentive()(address)",
    "orderbookFactory()(address)",
    "DENOM()(uint32)",
)
_ROLES = (
    "DEFAULT_ADMIN_ROLE()(bytes32)",
    "getRoleAdmin(bytes32 role)(bytes32)",
    "hasRole(bytes32 role,address account)(bool)",
    "grantRole(bytes32 role,address account)",
    "revokeRole(bytes32 role,address account)",
    "renounceRole(bytes32 role,address account)",
    "supportsInterface(bytes4 interfaceId)(bool)",
)
_OPERATOR = (
    "initialize(address factory,address feeTo,address WETH)",
    "addPair(address base,address quote,uint256 listingPrice,uint256 listingDate,address payment)(address)",
    "addPairETH(address base,address quote,uint256 listingPrice,uint256 listingDate)(address)",
    "updatePair(address base,address quote,uint256 listingPrice,uint256 listingDate)(address)",
    "setSpread(address base,address quote,uint32 buy,uint32 sell,bool isMkt)(bool)",
    "setDefaultSpread(uint32 buy,uint32 sell,bool isMkt)(bool)",
    "setDefaultFee(bool isMaker,uint32 fee)(bool)",
    "setMaxMatches(uint32 n)(bool)",
    "setFeeTo(address feeTo)(bool)",
    "setIncentive(address incentive)(bool)",
    "setListingCost(string terminal,address payment,uint256 amount)(uint256)",
)
_OPERATOR_2026_07 = (
    "poolFeeShare()(uint32)",
    "poolFactory()(address)",
    "setPoolFeeShare(uint32 share)(bool)",
    "setPoolFactory(address factory)(bool)",
    "addPair(address base,address quote,uint256 listingPrice,uint256 listingDate,address payment,uint8 mode)(address)",
    "addPairETH(address base,address quote,uint256 listingPrice,uint256 listingDate,uint8 mode)(address)",
)
_BOOK = (
    "lmp()(uint256)",
    "mktPrice()(uint256)",
    "heads()(uint256 bidHead,uint256 askHead)",
    "bidHead()(uint256)",
    "askHead()(uint256)",
    "getPrices(bool isBid,uint32 n)(uint256[])",
    "getPricesPaginated(bool isBid,uint32 start,uint32 end)(uint256[])",
    "getOrderIds(bool isBid,uint256 price,uint32 n)(uint32[])",
    f"getOrders(bool isBid,uint256 price,uint32 n)({_ORDER}[])",
    f"getOrdersPaginated(bool isBid,uint256 price,uint32 start,uint32 end)({_ORDER}[])",
    f"getOrder(bool isBid,uint32 id)({_ORDER})",
    "orderHead(bool isBid,uint256 price)(uint32)",
    "nextOrder(bool isBid,uint256 price,uint32 id)(uint32)",
    "nextPrice(bool isBid,uint256 price)(uint256)",
    "nextMakeId(bool isBid)(uint32)",
    "tradeCount()(uint64)",
    "convert(uint256 price,uint256 amount,bool isBid)(uint256)",
    "assetValue(uint256 amount,bool isBid)(uint256)",
    "convertMarket(uint256 amount,bool isBid)(uint256)",
    "getRequired(bool isBid,uint256 price,uint32 id)(uint256)",
    "isEmpty(bool isBid,uint256 price)(bool)",
    "getBaseQuote()(address base,address quote)",
    "clearEmptyHead(bool isBid)(uint256)",
)
_BOOK_2026_07 = (
    "getMatchingMode()(uint8)",
    "getPool()(address)",
    "twap(uint32 minSeconds)(uint256 price,uint256 window)",
)
_FACTORY = (
    "allPairsLength()(uint256)",
    "allPairs(uint256 index)(address)",
    "getPair(address base,address quote)(address)",
    "getPairs(uint256 start,uint256 end)((address base,address quote)[])",
    "getPairNames(uint256 start,uint256 end)(string[])",
    "getBaseQuote(address pair)(address base,address quote)",
    "engine()(address)",
    "impl()(address)",
    "version()(uint32)",
    "isClone(address pair)(bool)",
    "getByteCode()(bytes)",
    "getListingCost(string terminal,address payment)(uint256)",
)


def _table(*groups: Iterable[str]) -> Mapping[str, Function]:
    return MappingProxyType({function.name: function for group in groups for function in map(Function, group)})


ENGINE_FUNCTIONS = _table(_TRADING, _VIEWS, _ROLES, _OPERATOR)
ENGINE_FUNCTIONS_2026_07 = _table(_TRADING, _VIEWS, _ROLES, _OPERATOR, _OPERATOR_2026_07)
BOOK_FUNCTIONS = _table(_BOOK)
BOOK_FUNCTIONS_2026_07 = _table(_BOOK, _BOOK_2026_07)
FACTORY_FUNCTIONS = _table(_FACTORY)

ERRORS = MappingProxyType({error.selector: error for error in map(Error, (
    "AmountIsZero()",
    "InvalidPair(address base,address quote,address pair)",
    "PairNotListedYet(address base,address quote,uint256 listingDate,uint256 timeNow)",
    "OrderSizeTooSmall(uint256 amount,uint256 minRequired)",
    "TooManyMatches(uint256 n)",
    "PriceIsZero(uint256 price)",
    "NoMatchPrice(uint256 bidHead,uint256 askHead,uint256 lmp)",
    "ReentrancyGuardReentrantCall()",
    "PairDoesNotExist(address base,address quote,address pair)",
    "InvalidRole(bytes32 role,address sender)",
    "AccessControlUnauthorizedAccount(address account,bytes32 neededRole)",
    "AccessControlBadConfirmation()",
    "InvalidAccess(address sender,address allowed)",
    "InvalidDecimals(uint8 base,uint8 quote)",
    "InvalidTerminal(address terminal)",
    "AlreadyInitialized(bool init)",
    "FactoryNotInitialized(address factory)",
    "PairAlreadyExists(address base,address quote,address pair)",
    "SameBaseQuote(address base,address quote)",
    "OrderCancelFailed(address pair,uint32 orderId,bool isBid,address sender,bytes reason)",
    "PoolFeeShareExceedsDenom(uint32 share,uint256 denom)",
    "Error(string reason)",
    "Panic(uint256 code)",
))})

ORDER_PLACED = Event("OrderPlaced(address pair,uint16 orderHistoryId,uint256 id,address owner,bool isBid,uint256 price,"
                     "uint256 withoutFee,uint256 placed)")
ORDER_MATCHED = Event("OrderMatched(address pair,uint16 orderHistoryId,uint256 id,bool isBid,uint256 price,uint256 total,"
                      "bool clear,(address sender,address owner,uint256 baseAmount,uint256 quoteAmount,uint256 baseFee,"
                      "uint256 quoteFee,uint64 tradeId) orderMatch)")
ORDER_CANCELED = Event("OrderCanceled(address pair,uint256 id,bool isBid,address indexed owner,uint256 amount)")
NEW_MARKET_PRICE = Event("NewMarketPrice(address pair,uint256 price,bool isBid)")
ORDER_CANCEL_SKIPPED = Event("OrderCancelSkipped(address pair,uint256 id,bool isBid,address indexed owner,bytes reason)")
PAIR_ADDED = Event("PairAdded(address pair,(address token,uint8 decimals,string name,string symbol,uint256 totalSupply) base,"
                   "(address token,uint8 decimals,string name,string symbol,uint256 totalSupply) quote,uint256 listingPrice,"
                   "uint256 listingDate,string supportedTerminals)")
PAIR_UPDATED = Event("PairUpdated(address pair,address base,address quote,uint256 listingPrice,uint256 listingDate)")
PAIR_CREATE2 = Event("PairCreate2(address deployer,bytes bytecode)")
LISTING_COST_SET = Event("ListingCostSet(address payment,uint256 amount)")
ROLE_GRANTED = Event("RoleGranted(bytes32 indexed role,address indexed account,address indexed sender)")
ROLE_REVOKED = Event("RoleRevoked(bytes32 indexed role,address indexed account,address indexed sender)")
ROLE_ADMIN_CHANGED = Event("RoleAdminChanged(bytes32 indexed role,bytes32 indexed previous,bytes32 indexed current)")


class OrderPlaced(NamedTuple):
    """An order rests. Amounts in quote units for a bid, base units for an ask; `price` is where it really rests and
    `without_fee` the whole deposit of the submission (docs/protocol.md, "Events")."""

    pair: str
    order_history_id: int
    id: int
    owner: str
    is_bid: bool
    price: int
    without_fee: int
    placed: int


class OrderMatched(NamedTuple):
    """A taker consumed (a part of) one maker order. `id` is the maker's, living on side `not is_bid`; `is_bid` is the
    taker's side; `sender` the taker's recipient, `owner` the maker; amounts are gross, `base_fee` is paid by whoever
    received base and `quote_fee` by whoever received quote (docs/protocol.md, "Events")."""

    pair: str
    order_history_id: int
    id: int
    is_bid: bool
    price: int
    total: int
    clear: bool
    sender: str
    owner: str
    base_amount: int
    quote_amount: int
    base_fee: int
    quote_fee: int
    trade_id: int


class OrderCanceled(NamedTuple):
    """An order left the book and `amount`, the rest of its deposit, went back to its owner."""

    pair: str
    id: int
    is_bid: bool
    owner: str
    amount: int


class NewMarketPrice(NamedTuple):
    """The book's last market price (lmp) is `price`; not always a trade (docs/protocol.md, "Market price")."""

    pair: str
    price: int
    is_bid: bool


class OrderCancelSkipped(NamedTuple):
    """Later generation only: one item of cancelOrders or updateOrders could not be cancelled."""

    pair: str
    id: int
    is_bid: bool
    owner: str
    reason: bytes


EngineEvent = Union[OrderPlaced, OrderMatched, OrderCanceled, NewMarketPrice, OrderCancelSkipped]


_MADE_OF: Sequence[tuple[Event, Callable[[Iterable[Any]], EngineEvent]]] = (
    (ORDER_PLACED, OrderPlaced._make), (ORDER_MATCHED, OrderMatched._make), (ORDER_CANCELED, OrderCanceled._make),
    (NEW_MARKET_PRICE, NewMarketPrice._make), (ORDER_CANCEL_SKIPPED, OrderCancelSkipped._make))
_DECODERS = MappingProxyType({event.topic: (event, make) for event, make in _MADE_OF})

TRADING_TOPICS = tuple(_DECODERS)
# All that an engine of the known generations and its operators log (docs/protocol.md, "Events").
KNOWN_TOPICS = frozenset((*TRADING_TOPICS, *(event.topic for event in (
    PAIR_ADDED, PAIR_UPDATED, PAIR_CREATE2, LISTING_COST_SET, ROLE_GRANTED, ROLE_REVOKED, ROLE_ADMIN_CHANGED))))


def decode_event(topics: Sequence[str], data: bytes) -> EngineEvent | None:
    """The trading event in a log of the engine, or None for any other log. Topics are lower-case hex strings.

    Raises AbiError when the topic is known but the data are not an encoding of the event.
    """
    known = _DECODERS.get(topics[0]) if topics else None
    if known is None:
        return None
    event, make = known
    return make(event.values(topics, data))


# What the contracts' short texts mean (docs/protocol.md, "Errors").
_MEANINGS = {"TFF": ": the transfer failed, so the wallet's balance or allowance is too small"}


class Revert(NamedTuple):
    """Why the engine refused: the error's name and its arguments. Name "" means revert data of an unknown kind."""

    name: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        if self.name == "Error":
            return f'"{self.arguments[0]}"{_MEANINGS.get(self.arguments[0], "")}'
        return f"{self.name}({', '.join(map(_shown, self.arguments))})" if self.name else "no reason given"


def _shown(argument: Any) -> str:
    """An argument in words; `bytes` are a reason inside a reason where they can be."""
    if not isinstance(argument, bytes):
        return str(argument)
    inner = decode_revert(argument)
    return str(inner) if inner.name else "0x" + argument.hex()


def decode_revert(data: bytes) -> Revert:
    """The reason in revert data (docs/protocol.md, "Errors"); never raises, since a node may send anything."""
    error = ERRORS.get(data[:4])
    if error is None:
        return Revert("", (data,) if data else ())
    try:
        return Revert(error.name, error.decode(data))
    except AbiError:
        return Revert("", (data,))
