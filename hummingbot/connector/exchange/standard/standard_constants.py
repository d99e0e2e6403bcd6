"""Networks, REST paths, channels and rate limits: facts only, no logic (docs/protocol.md, "Identity", "REST API")."""
from decimal import Decimal
from typing import NamedTuple

from hummingbot.core.api_throttler.data_types import RateLimit

EXCHANGE_NAME = "standard"
DEFAULT_DOMAIN = "standard"
TESTNET_DOMAIN = "standard_testnet"
SANDBOX_DOMAIN = "standard_sandbox"

# So many of the newest blocks may still be replaced where a chain's blocks are not final at once.
REORGANISED_BLOCKS = 20
# Half a minute on Somnia. Several nodes answer behind one URL: the one that gives the logs may be behind the one that names
# the newest block.
SOMNIA_LATE_BLOCKS = 300

# The dialects of the exchange's own WebSocket: docs/stream_protocol.md, and docs/protocol.md, "WebSocket".
CHANNELS = "channels"
SPOT_STREAMS = "spot_streams"

CLIENT_ORDER_ID_PREFIX = "HBOT"
CLIENT_ORDER_ID_MAX_LENGTH = 32


class Network(NamedTuple):
    """Where a domain's exchange lives. Several URLs are tried in order."""

    chain_id: int
    rpc_urls: tuple[str, ...]
    api_urls: tuple[str, ...]
    engine: str
    native_symbol: str
    # Which symbol belongs to which token, where an impostor could carry the same one (lower-case addresses).
    well_known_tokens: tuple[tuple[str, str], ...]
    explorer: str
    # For how many blocks a mined transaction is watched for being taken back; 0 where a block is final at once.
    watched_blocks: int = 0
    # The logs of so many of the newest blocks may be others later, or come late; what is older is final.
    late_blocks: int = REORGANISED_BLOCKS
    # Where the exchange may offer streams of its own, as (dialect, URL), and the node's WebSocket is not among them.
    ws_urls: tuple[tuple[str, str], ...] = ()
    # The nodes' WebSockets. Somnia's stand beside their JSON-RPC, at /ws, and so does the sandbox's.
    rpc_ws_urls: tuple[str, ...] = ()
    # Blocks come all the time, so that a chain without new ones stands still. A development chain may make one for each
    # transaction and no other.
    steady_blocks: bool = False


NETWORKS = {
    DEFAULT_DOMAIN: Network(
        chain_id=5031,
        rpc_urls=("https://api.infra.mainnet.somnia.network",),
        api_urls=("https://api-somi.standardweb3.com",),
        engine="0x3cb2cbb0ceb96c9456b11dbc7ab73c4848f9a14c",
        native_symbol="SOMI",
        well_known_tokens=(("SOMI", "0x046ede9564a72571df6f5e44d0405360c0f4dcab"),
                           ("USDC", "0x28bec7e30e6faee657a03e19bf1128aad7632a00")),
        explorer="https://explorer.somnia.network",
        late_blocks=SOMNIA_LATE_BLOCKS,
        steady_blocks=True,
        rpc_ws_urls=("wss://api.infra.mainnet.somnia.network/ws",),
        # Unverified: named by others, seen to answer by nobody.
        ws_urls=((SPOT_STREAMS, "wss://ws3-somnia-mainnet-ponder-release.standardweb3.com"),
                 (SPOT_STREAMS, "wss://ws1-somnia-mainnet-websocket-release.standardweb3.com")),
    ),
    TESTNET_DOMAIN: Network(
        chain_id=50312,
        rpc_urls=("https://api.infra.testnet.somnia.network", "https://dream-rpc.somnia.network"),
        api_urls=("https://new-api.standardweb3.com", "https://somnia-testnet-ponder-release.standardweb3.com"),
        engine="0xa19d92429b00da62ce1b87713dee4688f75aff2a",
        native_symbol="STT",
        well_known_tokens=(("STT", "0x4a3bc48c156384f9564fd65a53a2f3d534d8f2b7"),
                           ("USDC", "0x0ed782b8079529f7385c3eda9faf1eaa0dbc6a17"),
                           ("WBTC", "0x54597df4e4a6385b77f39d458eb75443a8f9aa9e")),
        explorer="https://shannon-explorer.somnia.network",
        late_blocks=SOMNIA_LATE_BLOCKS,
        steady_blocks=True,
        rpc_ws_urls=("wss://api.infra.testnet.somnia.network/ws", "wss://dream-rpc.somnia.network/ws"),
        # Unverified, as on mainnet.
        ws_urls=((SPOT_STREAMS, "wss://ws3-somnia-testnet-ponder-release.standardweb3.com"),
                 (SPOT_STREAMS, "wss://ws1-somnia-testnet-websocket-release.standardweb3.com"),
                 (SPOT_STREAMS, "wss://somnia-testnet-websocket-v5.standardweb3.com")),
    ),
    SANDBOX_DOMAIN: Network(
        chain_id=31337,
        rpc_urls=("http://127.0.0.1:8745",),
        api_urls=("http://127.0.0.1:8745",),
        engine="",  # the sandbox tells: /api/exchange names the factory, the factory its engine
        native_symbol="SOMI",
        well_known_tokens=(),
        explorer="",
        rpc_ws_urls=("ws://127.0.0.1:8745/ws",),
        watched_blocks=REORGANISED_BLOCKS,
        ws_urls=((CHANNELS, "ws://127.0.0.1:8745/ws/channels"), (SPOT_STREAMS, "ws://127.0.0.1:8745/ws/spot")),
    ),
}

# Environment variables that override a domain's network: STANDARD_SANDBOX_RPC_URL, STANDARD_API_URL, …
ENVIRONMENT_SETTINGS = ("rpc_url", "rpc_ws_url", "api_url", "stream_url", "engine_address", "chain_id")

MARKET_SLIPPAGE = Decimal("0.01")
# In native tokens. At 6.5 gwei, as seen on Somnia, an order costs about 0.01 and its cancel 0.001 (docs/trading.md), so this pays
# for some ninety of both; while they are under way, limits bind 0.06 for an order and 0.3 for ten cancels.
GAS_RESERVE = Decimal("1")
# The most that is offered for gas, on every network. Somnia asks for 6 to 7 gwei, and others fall back on 10 to 20: where a
# node asks for more than 100, an order would cost many times what it should, so transactions wait instead.
MAX_FEE_GWEI = Decimal("100")
# Seconds between two polls while there is something to see.
POLL_INTERVAL = Decimal("1")

# Which sources of data are tried, best first, before polling, which is always there. What is not proven on a live network
# is not its default.
FEEDS: dict[str, tuple[str, ...]] = {
    "polling": (), "stream": ("stream",), "chain": ("chain",), "auto": ("chain", "stream")}
DEFAULT_FEEDS = {DEFAULT_DOMAIN: "polling", TESTNET_DOMAIN: "polling", SANDBOX_DOMAIN: "auto"}

EXCHANGE_PATH = "/api/exchange"
TOKENS_PATH = "/api/tokens/{size}/{page}"
PAIRS_PATH = "/api/pairs/{size}/{page}"
ORDER_BOOK_TICKS_PATH = "/api/orderbook/ticks/{base}/{quote}/{limit}"
PAIR_TRADES_PATHS = ("/api/trades/pair/{base}/{quote}/{size}/{page}", "/api/trades/{base}/{quote}/{size}/{page}")
ACCOUNT_ORDERS_PATH = "/api/orders/{address}/{size}/{page}"
ACCOUNT_ORDER_HISTORY_PATH = "/api/orderhistory/{address}/{size}/{page}"
ACCOUNT_TRADE_HISTORY_PATH = "/api/tradehistory/{address}/{size}/{page}"
CANDLES_PATH = "/api/ohlcv/{interval}/{base}/{quote}/{size}/{page}"
CANDLES_BEFORE_PATH = "/api/ohlcv/{interval}/{base}/{quote}/before/{before}/{size}/{page}"

ORDER_BOOK_BLOCKS_PATH = "/api/orderbook/blocks/{base}/{quote}/{step}/{depth}/{is_single}"

# The dialect `channels` (docs/stream_protocol.md).
WS_SUBSCRIBE_METHOD = "subscribe"
WS_UNSUBSCRIBE_METHOD = "unsubscribe"
WS_PING_METHOD = "ping"
WS_PONG_METHOD = "pong"
ORDERBOOK_CHANNEL = "orderbook"
TRADES_CHANNEL = "trades"
ORDERS_CHANNEL = "orders"
FILLS_CHANNEL = "fills"
BALANCES_CHANNEL = "balances"
SNAPSHOT_EVENT_TYPE = "snapshot"
DIFF_EVENT_TYPE = "diff"
TRADE_EVENT_TYPE = "trade"
ORDER_EVENT_TYPE = "order"
FILL_EVENT_TYPE = "fill"
BALANCE_EVENT_TYPE = "balance"
BLOCK_EVENT_TYPE = "block"
WS_HEARTBEAT_TIME_INTERVAL = 30.0
WS_CONNECT_TIMEOUT = 10.0
WS_REQUEST_TIMEOUT = 10.0
WS_SNAPSHOT_TIMEOUT = 2.0
WS_SNAPSHOT_RETRY = 0.5
WS_MAX_MESSAGE_BYTES = 4 * 1024 * 1024

PAGE_SIZE = 100
ORDER_BOOK_DEPTH = 100
TRADES_PAGE_SIZE = 50

# The API publishes no limit; ten requests a second is what other clients keep to. The node is separate.
API_LIMIT_ID = "standard_api"
RPC_LIMIT_ID = "standard_rpc"
RATE_LIMITS = [
    RateLimit(limit_id=API_LIMIT_ID, limit=10, time_interval=1),
    RateLimit(limit_id=RPC_LIMIT_ID, limit=400, time_interval=1),
]
RATE_LIMIT_STATUSES = (427, 429)

REQUEST_TIMEOUT = 10.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024

DENOMINATOR = 100_000_000  # prices, fees and spreads are parts of it
PRICE_DECIMALS = 8
ZERO_ADDRESS = "0x" + "00" * 20
