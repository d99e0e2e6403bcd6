"""The exchange's own WebSocket as a source of what happens to the account, in whichever dialect it speaks."""
import asyncio
from collections.abc import Callable, Container

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.engine import OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.rpc import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.base import AccountFeed, AccountSink, BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.messages import (
    BalancesContent,
    BlockReached,
    LogsContent,
    Told,
)
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotAccountDialect
from hummingbot.connector.exchange.standard.feeds.session import Burst, Sequences, StreamSession
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

# How often it is told that nothing happened, unless somebody hurries.
QUIET_INTERVAL = 1.0
_LOGS = (CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILLS_CHANNEL)
_Place = tuple[str, int]


class WebsocketAccountFeed:
    """An AccountFeed over the dialect `channels`: exact events of the account's orders and fills, and its balances.

    A subscription begins with what happened since a block, so that nothing between two connections is lost; what was
    delivered and is not among it was taken back by a reorganisation.
    """

    name = "stream"

    def __init__(self, factory: WebAssistantsFactory, url: str, dialect: ChannelsDialect, auth: StandardAuth,
                 cursor: int | None, tokens: Callable[[], Container[str]], clock: Clock) -> None:
        """`auth` is bound to the exchange; `cursor` is the last block whose events are not wanted any more, or None to begin
        at the head; `tokens` gives the addresses of the tokens whose balances are of interest."""
        self._factory = factory
        self._url = url
        self._dialect = dialect
        self._auth = auth
        self._cursor = cursor
        self._tokens = tokens
        self._clock = clock
        self._sink: AccountSink | None = None
        self._session: StreamSession | None = None
        self._sequences = Sequences(clock)
        self._gaps = Burst("gaps", clock)
        self._began = asyncio.Event()
        self._hurry = False
        self._told_at = float("-inf")
        self._delivered: dict[_Place, EngineLog] = {}
        self._pending: dict[_Place, EngineLog] = {}
        self._removed: list[EngineLog] = []

    @property
    def cursor(self) -> int | None:
        """The block up to which everything was delivered."""
        return self._cursor

    def hurry(self) -> None:
        """See AccountFeed.hurry: the next block is told of even if it holds nothing."""
        self._hurry = True

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run. Raises StreamBrokenError, and never reconnects by itself; run again to go on."""
        self._sink = sink
        self._sequences = Sequences(self._clock)
        self._gaps = Burst("gaps", self._clock)
        self._began.clear()
        self._pending.clear()
        self._removed.clear()
        self._session = StreamSession(self._factory, self._url, self._dialect.decode, self._handle, self._watch, self._clock,
                                      self._dialect.ping)
        for channel in _LOGS:
            self._sequences.await_all(channel, float("inf"))
        await self._session.run(self._opened)

    async def _opened(self) -> None:
        for channel in (CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILLS_CHANNEL, CONSTANTS.BALANCES_CHANNEL):
            self._sequences.begin(channel)
            await self._subscribe(channel)
            # Where there is no cursor yet, the first channel says from which block on the others are wanted.
            await self._began.wait()

    async def _subscribe(self, channel: str) -> None:
        assert self._session is not None
        # The newest blocks are told again, should they be others by now.
        first = None if self._cursor is None else max(self._cursor + 1 - (REORGANISED_BLOCKS if self._delivered else 0), 0)
        login = await self._auth.get_ws_auth_params()
        await self._session.request(self._dialect.account_subscription(channel, login, first))

    def _watch(self, quiet: float) -> None:
        for stream in self._sequences.late():
            self._ask_again(stream)
        if quiet > self._dialect.max_silence:
            raise StreamBrokenError(f"the stream was silent for {quiet:.1f} s")

    # News

    def _handle(self, message: BlockReached | Told) -> None:
        if isinstance(message, BlockReached):
            self._check_lag(message.number)
            for stream in self._sequences.missing(message):
                self._recover(stream)
            self._reach(message.number)
            return
        content = message.content
        if not isinstance(content, (LogsContent, BalancesContent)):
            return
        follows = self._sequences.follows(message, content.is_whole)
        if follows is None:
            self._recover(message.stream)
        elif follows and isinstance(content, BalancesContent):
            self._take_balances(content)
        elif follows and isinstance(content, LogsContent):
            self._take_logs(message.stream, content)

    def _check_lag(self, number: int) -> None:
        if self._cursor is not None and number < self._cursor - MAX_LAG_BLOCKS:
            raise StreamBrokenError(f"the stream is at block {number}, behind block {self._cursor} that is known")

    def _recover(self, stream: str) -> None:
        """Something is missing: ask for it again, from the last block that was complete."""
        self._gaps.add()
        self._ask_again(stream)

    def _ask_again(self, stream: str) -> None:
        assert self._session is not None
        self._sequences.await_all(stream)
        self._session.spawn(self._subscribe(stream))

    def _take_logs(self, channel: str, content: LogsContent) -> None:
        if content.is_whole:
            self._check_lag(content.block)
            if self._cursor is None:
                self._cursor = content.block
            self._began.set()
            self._compare(channel, content)
        for log in content.logs:
            # Placements are settled from their receipts; polling does not tell of them either.
            if not isinstance(log.event, OrderPlaced):
                self._take(log)
        if content.is_whole and not self._sequences.awaits(*_LOGS):
            self._hurry = True

    def _compare(self, channel: str, content: LogsContent) -> None:
        """What was known of these blocks and is not told again was taken back."""
        told = {(log.transaction_hash, log.log_index): log.block_hash for log in content.logs}
        known = [log for log in (*self._delivered.values(), *self._pending.values())
                 if log.block_number >= content.from_block and isinstance(log.event, OrderMatched) == (
                     channel == CONSTANTS.FILLS_CHANNEL)]
        for log in sorted(known, key=lambda log: (log.block_number, log.log_index), reverse=True):
            if told.get(_place(log)) != log.block_hash:
                self._take(log._replace(removed=True))

    def _take(self, log: EngineLog) -> None:
        place = _place(log)
        known = self._pending.get(place) or self._delivered.get(place)
        if log.removed:
            if self._pending.pop(place, None) is None and self._delivered.pop(place, None) is not None:
                self._removed.append(log)
        elif known is None:
            self._pending[place] = log
        elif known.block_hash != log.block_hash:
            self._take(known._replace(removed=True))
            self._pending[place] = log

    def _reach(self, number: int) -> None:
        """Everything up to this block was told: pass it on."""
        if self._sequences.awaits(*_LOGS) or not self._began.is_set():
            return
        now = self._clock.monotonic()
        if not (self._pending or self._removed or self._hurry or now - self._told_at >= QUIET_INTERVAL):
            return
        removed = sorted(self._removed, key=lambda log: (log.block_number, log.log_index), reverse=True)
        new = sorted(self._pending.values(), key=lambda log: (log.block_number, log.log_index))
        self._cursor = number if self._cursor is None else max(self._cursor, number)
        self._delivered = {place: log for place, log in (self._delivered | self._pending).items()
                           if log.block_number > self._cursor - 2 * REORGANISED_BLOCKS}
        self._pending, self._removed, self._hurry, self._told_at = {}, [], False, now
        self._deliver(OrderLogs([*removed, *new], self._cursor))

    def _take_balances(self, content: BalancesContent) -> None:
        wanted = self._tokens()
        for change in content.balances:
            if change.token in wanted:
                self._deliver(change)

    def _deliver(self, event: OrderLogs | BalanceChange) -> None:
        assert self._sink is not None
        self._sink(event)


class HintedAccountFeed:
    """An AccountFeed over the dialect `spot_streams`: its rounded frames only tell when to look, and another feed looks."""

    name = "stream"

    def __init__(self, factory: WebAssistantsFactory, url: str, dialect: SpotAccountDialect, looking: AccountFeed,
                 clock: Clock) -> None:
        """`looking` delivers; it hurries whenever the stream says that something happened."""
        self._factory = factory
        self._url = url
        self._dialect = dialect
        self._looking = looking
        self._clock = clock
        self.hints = 0

    def hurry(self) -> None:
        """See AccountFeed.hurry."""
        self._looking.hurry()

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run. Raises StreamBrokenError when the stream breaks, and what the looking feed raises."""
        session = StreamSession(self._factory, self._url, self._dialect.decode, self._hinted, lambda quiet: None, self._clock)

        async def opened() -> None:
            session.spawn(self._looking.run(sink))
            refused: list[StreamBrokenError] = []
            requests = self._dialect.subscriptions()
            for body in requests:
                try:
                    await session.request(body)
                except StreamBrokenError as error:
                    refused.append(error)
            if len(refused) == len(requests):
                raise refused[0]

        await session.run(opened)

    def _hinted(self, message: BlockReached | Told) -> None:
        self.hints += 1
        self._looking.hurry()


def _place(log: EngineLog) -> _Place:
    return log.transaction_hash, log.log_index
