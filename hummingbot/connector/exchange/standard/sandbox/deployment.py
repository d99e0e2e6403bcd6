"""Worlds to begin with: the exchange as a newcomer finds it in the sandbox, that of a recorded scenario, and how a
description becomes a world."""
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from coincurve import PrivateKey
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.engine_state import ADMIN_ROLE, MARKET_MAKER_ROLE, Spread
from hummingbot.connector.exchange.standard.sandbox.execution import MAX_UINT256, Block, Execution
from hummingbot.connector.exchange.standard.sandbox.factory import Factory
from hummingbot.connector.exchange.standard.sandbox.gas import GasMeter, GasSchedule
from hummingbot.connector.exchange.standard.sandbox.matching_engine import MatchingEngine
from hummingbot.connector.exchange.standard.sandbox.recording import added_pairs
from hummingbot.connector.exchange.standard.sandbox.tokens import Token, WrappedNative
from hummingbot.connector.exchange.standard.sandbox.world import World

CHAIN_ID = 31337
ACCOUNTS = 10
NEWCOMER, OPERATOR, FEE_RECEIVER = 0, 8, 9
GENESIS_TIME = 1_700_000_000
RECORDED_BALANCE = 10 ** 24
DEFAULT_PAIRS = 2
DEFAULT_LIMIT_SPREAD = Spread(3_000_000, 3_000_000)
DEFAULT_MARKET_SPREAD = Spread(100_000, 100_000)


class Generation(Enum):
    """Which contracts run: those of August 2025 (in use), or the later ones of July 2026."""

    AUGUST_2025 = "2025-08"
    JULY_2026 = "2026-07"


@dataclass(frozen=True)
class TokenSpec:
    """An ERC-20 token; `holders` are balances in its smallest unit."""

    address: str
    symbol: str
    name: str
    decimals: int
    holders: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PairSpec:
    """A pair: listing price x 1e8, spread limits in parts of 1e8 (None: the engine's defaults), priority by time."""

    base: str
    quote: str
    listing_price: int
    limit_spread: Spread | None = None
    market_spread: Spread | None = None
    listing_date: int = 0
    by_time: bool = False
    trades: int = 0
    next_ids: tuple[int, int] = (1, 1)  # bid, ask


class Erc20Market(NamedTuple):
    """A market of an ERC-20 token for USDC: its listing price in whole USDC, and how many tokens each account holds."""

    symbol: str
    name: str
    decimals: int
    price: int
    holding: int


# In the order in which the sandbox takes them. The decimals are those of the real tokens.
ERC20_MARKETS = (
    Erc20Market("WBTC", "Wrapped BTC", 8, 60_000, 1_000),
    Erc20Market("WETH", "Wrapped Ether", 18, 3_000, 20_000),
    Erc20Market("SOL", "Solana", 9, 150, 400_000),
    Erc20Market("LINK", "Chainlink", 18, 14, 4_000_000),
    Erc20Market("AVAX", "Avalanche", 18, 25, 2_000_000),
    Erc20Market("LTC", "Litecoin", 8, 80, 700_000),
    Erc20Market("XRP", "XRP", 6, 2, 30_000_000),
)
MOST_PAIRS = 1 + len(ERC20_MARKETS)


@dataclass(frozen=True)
class Deployment:
    """A world to build. Balances are native, in the smallest unit; `allowances` are (token, owner) -> amount, for the
    engine; fees and spreads in parts of 1e8. Every address is lower-case."""

    wrapped: TokenSpec
    tokens: tuple[TokenSpec, ...]
    pairs: tuple[PairSpec, ...]
    engine: str
    factory: str
    implementation: str
    operator: str
    fee_receiver: str
    balances: dict[str, int]
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    books: dict[tuple[str, str], str] = field(default_factory=dict)  # addresses that are known, by (base, quote)
    generation: Generation = Generation.AUGUST_2025
    schedule: GasSchedule = GasSchedule.ETHEREUM
    canonical_logs: bool = True
    chain_id: int = CHAIN_ID
    maker_fee: int = 100_000
    taker_fee: int = 100_000
    default_limit_spread: Spread = DEFAULT_LIMIT_SPREAD
    default_market_spread: Spread = DEFAULT_MARKET_SPREAD
    max_matches: int = 20
    history_count: int = 0


def account_key(index: int) -> bytes:
    """The private key of test account `index`, derived in public on purpose: it protects nothing."""
    return keccak(b"standard sandbox account " + str(index).encode())


def address_of(key: bytes) -> str:
    """The account address of a private key."""
    return "0x" + keccak(PrivateKey(key).public_key.format(compressed=False)[1:])[12:].hex()


def _named_address(name: str) -> str:
    return "0x" + keccak(f"standard sandbox {name}".encode())[12:].hex()


def default_deployment(pairs: int = DEFAULT_PAIRS) -> Deployment:
    """The sandbox of a newcomer: ten funded accounts, of which 0 is the user's, 8 the operator's and 9 receives the fees;
    SOMI/USDC at 0.65 (the native token, wrapped: WSOMI), then as many of ERC20_MARKETS as make up `pairs`. Raises ValueError
    when there are not so many."""
    if not 1 <= pairs <= MOST_PAIRS:
        raise ValueError(f"there are from 1 to {MOST_PAIRS} pairs to choose from, not {pairs}")
    accounts = [address_of(account_key(index)) for index in range(ACCOUNTS)]
    somi, usdc = _named_address("WSOMI"), _named_address("USDC")
    spreads = Spread(3_000_000, 3_000_000), Spread(1_000_000, 1_000_000)
    markets = ERC20_MARKETS[:pairs - 1]
    bases = tuple(TokenSpec(_named_address(market.symbol), market.symbol, market.name, market.decimals,
                            dict.fromkeys(accounts, market.holding * 10 ** market.decimals)) for market in markets)
    return Deployment(
        wrapped=TokenSpec(somi, "WSOMI", "Wrapped Somi", 18),
        tokens=(TokenSpec(usdc, "USDC", "USD Coin", 6, dict.fromkeys(accounts, 10_000_000 * 10 ** 6)), *bases),
        pairs=(PairSpec(somi, usdc, 65_000_000, *spreads),
               *(PairSpec(base.address, usdc, market.price * 10 ** 8, *spreads) for base, market in zip(bases, markets))),
        engine=_named_address("engine"), factory=_named_address("factory"), implementation=_named_address("book"),
        operator=accounts[OPERATOR], fee_receiver=accounts[FEE_RECEIVER],
        balances=dict.fromkeys(accounts, 10_000_000 * 10 ** 18))


def build(deployment: Deployment) -> World:
    """The world described; nothing in it can be undone any more."""
    world = World(deployment.schedule)
    wrapped = WrappedNative(deployment.wrapped.address, deployment.wrapped.symbol, deployment.wrapped.name,
                            deployment.canonical_logs)
    tokens = [wrapped] + [Token(spec.address, spec.symbol, spec.name, spec.decimals) for spec in deployment.tokens]
    for token, spec in zip(tokens, (deployment.wrapped, *deployment.tokens)):
        world.add_contract(token)
        for account, amount in spec.holders.items():
            token.mint(None, account, amount)
    for (address, owner), amount in deployment.allowances.items():
        token = next(token for token in tokens if token.address == address)
        token.allowances[owner, deployment.engine] = amount
    world.add_balance(wrapped.address, wrapped.supply)
    for account, amount in deployment.balances.items():
        world.add_balance(account, amount)
    for account, nonce in deployment.nonces.items():
        world.set_nonce(account, nonce)
    _deploy_exchange(world, deployment, wrapped)
    world.forget(world.checkpoint())
    return world


def _deploy_exchange(world: World, deployment: Deployment, wrapped: WrappedNative) -> None:
    factory = Factory(deployment.factory, deployment.implementation, deployment.books)
    engine = MatchingEngine(deployment.engine, factory, wrapped, deployment.fee_receiver,
                            deployment.generation is Generation.JULY_2026)
    factory.engine_contract = engine
    world.add_contract(factory)
    world.add_contract(engine)
    engine.fees = {True: deployment.maker_fee, False: deployment.taker_fee}
    engine.default_spreads = {True: deployment.default_market_spread, False: deployment.default_limit_spread}
    engine.max_matches = deployment.max_matches
    engine.roles.update({(ADMIN_ROLE, deployment.operator), (MARKET_MAKER_ROLE, deployment.operator)})
    meter = GasMeter(deployment.schedule.value, MAX_UINT256)
    execution = Execution(world, Block(0, GENESIS_TIME), meter, deployment.operator, 0)
    for pair in deployment.pairs:
        (book,) = engine.add_pair(execution, pair.base, pair.quote, pair.listing_price, pair.listing_date, pair.quote,
                                  int(pair.by_time))
        engine.spreads[book, False] = pair.limit_spread or deployment.default_limit_spread
        engine.spreads[book, True] = pair.market_spread or deployment.default_market_spread
        _preset_book(factory.books[pair.base, pair.quote], pair)
    engine.count = deployment.history_count


def _preset_book(book: Book, pair: PairSpec) -> None:
    book.trades = pair.trades
    book.bids.next_id, book.asks.next_id = pair.next_ids


def from_vectors(vectors: Mapping[str, Any], scenario: Mapping[str, Any] | str) -> Deployment:
    """The state in which a recorded scenario (itself, or its name) starts, before its `preset` (presets.set_presets).

    The recordings tell neither the address of the book implementation nor the names of all tokens: addresses of books
    and names are taken from the pairs that are listed in the file, others are made up.
    """
    start: Mapping[str, Any] = scenario if not isinstance(scenario, str) else next(
        item for item in vectors["scenarios"] if item["name"] == scenario)
    meta = vectors["meta"]
    addresses = {name: address.lower() for name, address in {**meta["contracts"], **meta["accounts"]}.items()}
    decimals = {pair[side]: pair[f"{side}_decimals"] for pair in meta["pairs"].values() for side in ("base", "quote")}
    holdings = _holdings(vectors, addresses, decimals)
    added = list(added_pairs(vectors))
    books = {(pair["base_address"].lower(), pair["quote_address"].lower()): pair["orderbook"].lower()
             for pair in meta["pairs"].values()}
    books.update({(pair["base"]["token"].lower(), pair["quote"]["token"].lower()): pair["pair"].lower() for pair in added})
    names = {token["symbol"]: token["name"] for pair in added for token in (pair["base"], pair["quote"])}
    tokens = {symbol: TokenSpec(addresses[symbol], symbol, names.get(symbol, f"Mock {symbol}"), places,
                                holdings.get(symbol, {})) for symbol, places in decimals.items()}
    limit, market = (_usual_spread(meta, kind) for kind in ("lmt", "mkt"))
    return Deployment(
        wrapped=tokens.pop("WETH"), tokens=tuple(tokens.values()),
        pairs=tuple(_recorded_pair(name, meta, start) for name in meta["pairs"]),
        engine=addresses["engine"], factory=addresses["factory"], implementation=_named_address("recorded book"),
        operator=addresses["deployer"], fee_receiver=meta["fees"]["feeTo"].lower(),
        # What the wrapper holds follows from the wrapped balances.
        balances={**{addresses[name]: RECORDED_BALANCE for name in meta["accounts"]},
                  **{holder: amount for holder, amount in holdings["native"].items() if holder != addresses["WETH"]}},
        allowances={(addresses[token], owner): amount for token in decimals
                    for owner, amount in holdings.get(f"allowance:{token}", {}).items() if amount},
        nonces=_first_nonces(vectors), books=books,
        generation=Generation.AUGUST_2025 if meta["version"] == "A" else Generation.JULY_2026, canonical_logs=False,
        chain_id=meta["chain_id"], maker_fee=meta["fees"]["maker"], taker_fee=meta["fees"]["taker"],
        default_limit_spread=limit, default_market_spread=market)


def _holdings(vectors: Mapping[str, Any], addresses: Mapping[str, str],
              decimals: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """By "native", token or "allowance:token", what each account has: all scenarios start alike, each tells a part. A token
    that none tells about is held as the others are, in whole units."""
    holdings: dict[str, dict[str, int]] = {}
    for scenario in vectors["scenarios"]:
        for name, amounts in scenario["initial_balances"].items():
            for key, amount in amounts.items():
                if name in addresses and amount:
                    holdings.setdefault(key, {})[addresses[name]] = amount
    known = next((token for token in decimals if token in holdings and token != "WETH"), None)
    for token, places in decimals.items():
        if known and token not in holdings and token != "WETH":
            holdings[token] = {account: amount * 10 ** places // 10 ** decimals[known]
                               for account, amount in holdings[known].items()}
            holdings[f"allowance:{token}"] = holdings.get(f"allowance:{known}", {})
    return holdings


def _first_nonces(vectors: Mapping[str, Any]) -> dict[str, int]:
    nonces: dict[str, int] = {}
    for scenario in vectors["scenarios"]:
        for step in scenario["steps"]:
            if step["kind"] == "tx":
                sender = step["from"].lower()
                nonces[sender] = min(step["nonce"], nonces.get(sender, step["nonce"]))
    return nonces


def _usual_spread(meta: Mapping[str, Any], kind: str) -> Spread:
    spreads = Counter(Spread(spread[f"{kind}_buy"], spread[f"{kind}_sell"]) for spread in meta["spreads"].values())
    return spreads.most_common(1)[0][0]


def _recorded_pair(name: str, meta: Mapping[str, Any], scenario: Mapping[str, Any]) -> PairSpec:
    pair, spread = meta["pairs"][name], meta["spreads"][name]
    state = scenario["initial_pairs"].get(name, {})
    return PairSpec(
        base=pair["base_address"].lower(), quote=pair["quote_address"].lower(),
        listing_price=state.get("book.lmp", pair["listing_price"]),
        limit_spread=Spread(spread["lmt_buy"], spread["lmt_sell"]), market_spread=Spread(spread["mkt_buy"], spread["mkt_sell"]),
        by_time=bool(pair["matching_mode"]), trades=state.get("book.tradeCount", 0),
        next_ids=(state.get("book.nextMakeId(bid)", 1), state.get("book.nextMakeId(ask)", 1)))
