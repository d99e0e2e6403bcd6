"""The sandbox: world, node, JSON-RPC, indexer, REST API, faults and traders as one server on loopback."""
import asyncio
import ipaddress
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from aiohttp import web

from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.sandbox.admin import Admin
from hummingbot.connector.exchange.standard.sandbox.api import Api, ExchangeInfo
from hummingbot.connector.exchange.standard.sandbox.api_rows import ApiSettings, Rows
from hummingbot.connector.exchange.standard.sandbox.deployment import (
    ACCOUNTS,
    DEFAULT_PAIRS,
    GENESIS_TIME,
    NEWCOMER,
    OPERATOR,
    Deployment,
    Generation,
    account_key,
    build,
    default_deployment,
)
from hummingbot.connector.exchange.standard.sandbox.engine_state import EngineState, Spread
from hummingbot.connector.exchange.standard.sandbox.faults import Faults
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.indexer import EngineLog, IndexedBlock, Indexer, IndexerSettings
from hummingbot.connector.exchange.standard.sandbox.node import (
    BlockAdded,
    BlockRemoved,
    Mining,
    Node,
    NodeEvent,
    NodeSettings,
)
from hummingbot.connector.exchange.standard.sandbox.page_server import Page
from hummingbot.connector.exchange.standard.sandbox.rows import PairInfo, TokenInfo
from hummingbot.connector.exchange.standard.sandbox.rpc import BODY_LIMIT, JsonRpc
from hummingbot.connector.exchange.standard.sandbox.rpc_stream import RPC_STREAM_PATH, RpcStream
from hummingbot.connector.exchange.standard.sandbox.stream import CHANNELS_PATH, SPOT_PATH, Streams
from hummingbot.connector.exchange.standard.sandbox.stream_auth import Authenticator
from hummingbot.connector.exchange.standard.sandbox.stream_channels import Channels
from hummingbot.connector.exchange.standard.sandbox.stream_connection import StreamSettings
from hummingbot.connector.exchange.standard.sandbox.stream_source import StreamSource
from hummingbot.connector.exchange.standard.sandbox.stream_spot import SpotStreams
from hummingbot.connector.exchange.standard.sandbox.traders import Traders, TraderSettings
from hummingbot.connector.exchange.standard.sandbox.traffic import Traffic
from hummingbot.connector.exchange.standard.sandbox.views import ChainView
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8745
NATIVE_SYMBOL = "SOMI"
_NEVER = 2 ** 63
_TRADER_ACCOUNTS = range(NEWCOMER + 1, OPERATOR)


@dataclass
class SandboxSettings:
    """Everything that can be chosen before a sandbox starts.

    Fees and spreads are in parts of 1e8; None keeps what the deployment says. `pairs` is how many markets there are unless a
    deployment is given. `port` 0 takes a free one. Only a loopback `host` is accepted unless `allow_remote` is set, since the
    keys are public and /admin has no password.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    allow_remote: bool = False
    seed: int = 1
    mining: Mining = Mining.INTERVAL
    block_interval: float = 0.1
    pairs: int = DEFAULT_PAIRS
    generation: Generation = Generation.AUGUST_2025
    gas: GasSchedule = GasSchedule.ETHEREUM
    limit_spread: Spread | None = None
    market_spread: Spread | None = None
    maker_fee: int | None = None
    taker_fee: int | None = None
    hex_net_version: bool = False
    traders: TraderSettings = field(default_factory=TraderSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    indexer: IndexerSettings = field(default_factory=IndexerSettings)
    node: NodeSettings = field(default_factory=NodeSettings)
    streams: StreamSettings = field(default_factory=StreamSettings)
    deployment: Deployment | None = None

    def check(self) -> None:
        """Raises ValueError, with what to do, for settings that cannot work."""
        loopback = self.host == "localhost" or _is_loopback(self.host)
        if not loopback and not self.allow_remote:
            raise ValueError(f"{self.host} is not a loopback address: anybody who reaches the sandbox controls it; "
                             "allow remote access explicitly if that is meant")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"{self.port} is not a port: choose one from 1 to 65535, or 0 for a free one")
        if self.block_interval <= 0:
            raise ValueError(f"a block interval of {self.block_interval} s is not possible: choose one above 0")

    def described_deployment(self) -> Deployment:
        """The world to build: the given deployment, or the newcomer's, with these settings' fees and spreads."""
        base = self.deployment or default_deployment(self.pairs)
        changes: dict[str, Any] = {"maker_fee": self.maker_fee, "taker_fee": self.taker_fee,
                                   "default_limit_spread": self.limit_spread, "default_market_spread": self.market_spread}
        if self.deployment is None:
            changes |= {"generation": self.generation, "schedule": self.gas}
        pairs = tuple(replace(pair, limit_spread=self.limit_spread or pair.limit_spread,
                              market_spread=self.market_spread or pair.market_spread) for pair in base.pairs)
        return replace(base, pairs=pairs, **{name: value for name, value in changes.items() if value is not None})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Sandbox:
    """A running exchange. `async with Sandbox(settings) as sandbox` starts it and stops it; it may be used once.

    `accounts` are ten funded test accounts with their keys: 0 is for whoever connects, 1 to 7 trade, 8 operates the
    exchange, 9 receives the fees.
    """

    def __init__(self, settings: SandboxSettings | None = None, clock: Clock | None = None) -> None:
        """Builds the exchange without serving it. Raises ValueError for settings that cannot work."""
        self.settings = settings or SandboxSettings()
        self.settings.check()
        self.clock = clock or SystemClock()
        self.accounts = [Wallet(account_key(index)) for index in range(ACCOUNTS)]
        deployment = self.settings.described_deployment()
        self.engine_address = deployment.engine
        self.world = build(deployment)
        self.node = Node(self.world, self.clock, replace(
            self.settings.node, mining=self.settings.mining, interval=self.settings.block_interval,
            chain_id=deployment.chain_id, seed=self.settings.seed))
        self.view = ChainView(self.node, deployment.engine)
        self.indexer = Indexer(self.settings.indexer, self.clock, {deployment.wrapped.address: NATIVE_SYMBOL}, self.view)
        self.faults = Faults(self.clock, self.node.faults, self.indexer.settings, self.settings.seed)
        self.traffic = Traffic(self.clock)
        self.markets = [self._list(*pair) for pair in self.view.books()]
        self.traders = Traders(self.node, self.view, self.markets, [self.accounts[at] for at in _TRADER_ACCOUNTS], self.clock,
                               replace(self.settings.traders, seed=self.settings.traders.seed + self.settings.seed),
                               self.submit_past_faults)
        self.failure: BaseException | None = None
        self.stopped = asyncio.Event()
        self._unsubscribe = self.node.subscribe(self._heard)
        self.streams = self._streams(deployment.chain_id)
        self.json_rpc = JsonRpc(self.node, self.clock, hex_net_version=self.settings.hex_net_version)
        self.rpc_stream = RpcStream(self.json_rpc, self.faults.node_stream, self.clock, self.settings.seed)
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._port = self.settings.port

    # Where it is

    @property
    def url(self) -> str:
        """The root of everything that it serves."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self._port}"

    @property
    def rpc_url(self) -> str:
        """Where JSON-RPC is answered (POST)."""
        return self.url

    @property
    def rpc_ws_url(self) -> str:
        """Where JSON-RPC is spoken over a WebSocket."""
        return self.url.replace("http", "ws", 1) + RPC_STREAM_PATH

    @property
    def api_url(self) -> str:
        """The base of the REST API; its paths begin with /api."""
        return self.url

    @property
    def channels_url(self) -> str:
        """Where the stream dialect `channels` is spoken."""
        return self.url.replace("http", "ws", 1) + CHANNELS_PATH

    @property
    def spot_streams_url(self) -> str:
        """Where the stream dialect `spot_streams` is spoken; ?layout=docs, sdk or iter chooses its frames."""
        return self.url.replace("http", "ws", 1) + SPOT_PATH

    @property
    def operator(self) -> Wallet:
        """The account that may change fees and spreads."""
        return self.accounts[OPERATOR]

    # Life

    async def __aenter__(self) -> "Sandbox":
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Serve, mine and trade. Raises OSError when the port is taken."""
        app = web.Application(middlewares=[self.traffic.middleware(), self.faults.middleware()], client_max_size=BODY_LIMIT)
        self.json_rpc.add_routes(app)
        self.rpc_stream.mount(app)
        info = ExchangeInfo(self.view.factory())
        Api(self.indexer, self.settings.api, info).mount(app)
        self.streams.mount(app)
        Admin(self).mount(app)
        Page(self).mount(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await self._listen()
        except OSError:
            await self._runner.cleanup()
            raise
        self._run(self.node.run(), "mining")
        self._run(self.traders.run(), "traders")

    async def stop(self) -> None:
        """Stop everything; returns when the port is free again."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.traders.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.stopped.set()

    async def refuse_connections(self, seconds: float | None = None) -> None:
        """Close the listening socket, so that connections are refused, until `accept_connections` or for so long."""
        if self._site is not None:
            site, self._site = self._site, None
            await site.stop()
            for connection in list(self._runner.server.connections) if self._runner and self._runner.server else ():
                connection.force_close()
                if connection.transport is not None:
                    connection.transport.abort()
        if seconds is not None:
            self._run(self._accept_after(seconds), "listening again")

    async def accept_connections(self) -> None:
        """Listen again, on the same port."""
        if self._site is None:
            await self._listen()

    async def _accept_after(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        await self.accept_connections()

    async def _listen(self) -> None:
        assert self._runner is not None
        site = web.TCPSite(self._runner, self.settings.host, self._port, reuse_address=True)
        await site.start()
        self._site = site
        if self._port == 0:
            self._port = self._runner.addresses[0][1]

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"sandbox {name}")
        self.keep(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task in self._tasks:
            self._tasks.remove(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()
            logging.getLogger(__name__).error("the sandbox stops: its task %r failed", task.get_name(), exc_info=self.failure)
            self.stopped.set()

    # Inside

    def keep(self, task: asyncio.Task[None]) -> None:
        """End a task with the sandbox, and the sandbox with a task that fails."""
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def set_listed(self, book: str, listed: bool) -> None:
        """Delist a pair, or list it again: the API shows it or not, and the engine refuses its orders as not listed yet."""
        hidden = self.indexer.hidden
        hidden.discard(book) if listed else hidden.add(book)
        engine = self.world.contract(self.engine_address)
        assert isinstance(engine, EngineState)
        self.world.journal.put(engine.listing, book, GENESIS_TIME if listed else _NEVER)

    def submit_past_faults(self, raw: bytes) -> str:
        """Hand a transaction to the node as if its switches for losing transactions were off: the exchange's own traders
        and operator go on whatever happens to the client under test. Raises TransactionRejected."""
        faults = self.node.faults
        switches = faults.drop_transactions, faults.hold_transactions
        faults.drop_transactions = faults.hold_transactions = False
        try:
            return self.node.submit(raw)
        finally:
            faults.drop_transactions, faults.hold_transactions = switches

    def _streams(self, chain_id: int) -> Streams:
        source = StreamSource(self.node, self.indexer, self.engine_address)
        self.node.subscribe(source.heard)
        channels = Channels(source, self.view, Authenticator(chain_id, self.engine_address, self.clock), self.faults.stream,
                            self.clock)
        spot = SpotStreams(source, Rows(self.indexer, self.settings.api), self.faults.stream)
        return Streams(channels, spot, self.settings.streams, self.faults.stream, self.clock, self.settings.seed)

    def _list(self, book: str, base: str, quote: str) -> Market:
        infos = [self._token(address) for address in (base, quote)]
        tokens = [Token(info.address, info.symbol, info.decimals) for info in infos]
        wrapped = self.view.wrapped_native()
        market = Market(tokens[0], tokens[1], book, base == wrapped, quote == wrapped)
        self.indexer.add_pair(PairInfo(market, infos[0], infos[1], self.view.market_price(book), GENESIS_TIME))
        return market

    def _token(self, address: str) -> TokenInfo:
        symbol, name, decimals, supply = (self.view.call(address, ERC20_FUNCTIONS[function])[0]
                                          for function in ("symbol", "name", "decimals", "totalSupply"))
        symbol = NATIVE_SYMBOL if address == self.view.wrapped_native() else symbol
        return TokenInfo(address, symbol, name, decimals, supply, GENESIS_TIME)

    def _heard(self, event: NodeEvent) -> None:
        if isinstance(event, BlockAdded):
            block = event.block
            logs = tuple(EngineLog(receipt.transaction.hash, log.topics, log.data)
                         for receipt in block.receipts for log in receipt.logs if log.address == self.engine_address)
            self.indexer.add(IndexedBlock(block.number, block.timestamp, logs))
        elif isinstance(event, BlockRemoved):
            self.indexer.remove(event.block.number)
