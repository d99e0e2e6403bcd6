"""Worlds to begin with: the exchange as a newcomer finds it in the sandbox, and how a description becomes a world."""
from dataclasses import dataclass, field
from enum import Enum

from coincurve import PrivateKey
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.sandbox.engine_state import ADMIN_ROLE, MARKET_MAKER_ROLE, Spread
from hummingbot.connector.exchange.standard.sandbox.execution import MAX_UINT256, Block, Execution
from hummingbot.connector.exchange.standard.sandbox.factory import Factory
from hummingbot.connector.exchange.standard.sandbox.gas import GasMeter, GasSchedule
from hummingbot.connector.exchange.standard.sandbox.matching_engine import MatchingEngine
from hummingbot.connector.exchange.standard.sandbox.tokens import Token, WrappedNative
from hummingbot.connector.exchange.standard.sandbox.world import World

CHAIN_ID = 31337
ACCOUNTS = 10
NEWCOMER, OPERATOR, FEE_RECEIVER = 0, 8, 9
GENESIS_TIME = 1_700_000_000


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
    default_limit_spread: Spread = Spread(3_000_000, 3_000_000)
    default_market_spread: Spread = Spread(100_000, 100_000)
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


def default_deployment() -> Deployment:
    """The sandbox of a newcomer: native SOMI (wrapped: WSOMI), USDC and WBTC; ten funded accounts, of which 0 is the
    user's, 8 the operator's and 9 receives the fees; SOMI/USDC at 0.65 and WBTC/USDC at 60,000."""
    accounts = [address_of(account_key(index)) for index in range(ACCOUNTS)]
    somi, usdc, wbtc = (_named_address(name) for name in ("WSOMI", "USDC", "WBTC"))
    spreads = {"limit_spread": Spread(3_000_000, 3_000_000), "market_spread": Spread(1_000_000, 1_000_000)}
    return Deployment(
        wrapped=TokenSpec(somi, "WSOMI", "Wrapped Somi", 18),
        tokens=(TokenSpec(usdc, "USDC", "USD Coin", 6, dict.fromkeys(accounts, 10_000_000 * 10 ** 6)),
                TokenSpec(wbtc, "WBTC", "Wrapped BTC", 8, dict.fromkeys(accounts, 1_000 * 10 ** 8))),
        pairs=(PairSpec(somi, usdc, 65_000_000, **spreads), PairSpec(wbtc, usdc, 60_000 * 10 ** 8, **spreads)),
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
    engine.count = deployment.history_count
