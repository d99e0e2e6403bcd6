"""The exchange's own WebSocket as a source of what happens to the account, in whichever dialect it speaks."""
import asyncio
from collections.abc import Callable, Container

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.chain.engine import OrderMatched, OrderPlaced
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
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
from hummingbot.connector.exchange.standard.feeds.told_logs import Place, ToldLogs
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

# How often it is told that nothing happened, unless somebody hurries.
QUIET_INTERVAL = 1.0
_LOGS = (CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILLS_CHANNEL)


class WebsocketAccountFeed:
    """An AccountFeed over the dialect `channels`: exact events of the account's orders and fills, and its balances.

    A subscription begins with what happened since a block, so that nothing between two connections is lost; what was told
    and is not among it was taken back by a reorganisation.
    """

    name = "stream"

    def __init__(self, factory: WebAssistantsFactory, url: str, dialect: ChannelsDialect, auth: StandardAuth,
                 told: ToldLogs, tokens: Callable[[], Container[str]], clock: Clock) -> None:
        """`auth` is bound to the exchange; `told` is what was told and up to where, by this source or another: its sinks must
        be noting what passes. `tokens` gives the addresses of the tokens whose balances are of interest."""
        self._factory = factory
        self._url = url
        self._dialect = dialect
        self._auth = auth
        self._told = told
        self._tokens = tokens
        self._clock = clock
        self._sink: AccountSink | None = None
        self._session: StreamSession | None = None
        self._sequences = Sequences(clock)
        self._gaps = Burst("gaps", clock)
        self._began = asyncio.Event()
        self._hurry = False
        self._told_at = float("-inf")
        # What the newest blocks hold, and from which block on that is known of a channel.
        self._held: dict[Place, EngineLog] = {}
        self._since: dict[str, int] = {}
        self._begin: int | None = None
        self._reached = -1  # the newest block that the stream has told of, though it may have been taken back

    def hurry(self) -> None:
        """See AccountFeed.hurry: the next block is told of even if it holds nothing."""
        self._hurry = True

    async def run(self, sink: AccountSink) -> None:
        """See AccountFeed.run. Raises StreamBrokenError, and never reconnects by itself; run again to go on."""
        self._sink = sink
        self._sequences = Sequences(self._clock)
        self._gaps = Burst("gaps", self._clock)
        self._began.clear()
        self._held.clear()
        self._since.clear()
        self._begin = None
        self._reached = -1
        self._session = StreamSession(self._factory, self._url, self._dialect.decode, self._handle, self._watch, self._clock,
                                      self._dialect.ping)
        for channel in _LOGS:
            self._sequences.await_all(channel, float("inf"))
        await self._session.run(self._opened)

    async def _opened(self) -> None:
        assert self._session is not None
        self._session.spawn(self._dialect.learn_pace())
        for channel in (CONSTANTS.ORDERS_CHANNEL, CONSTANTS.FILLS_CHANNEL, CONSTANTS.BALANCES_CHANNEL):
            self._sequences.begin(channel)
            await self._subscribe(channel)
            # Where there is no cursor yet, the first channel says from which block on the others are wanted.
            await self._began.wait()

    async def _subscribe(self, channel: str) -> None:
        assert self._session is not None
        # The newest blocks are told again, should they be others by now.
        known = self._told.block_number
        first = self._begin if known is None else self._told.first_block(known)
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
        known = self._told.block_number
        if known is not None and number < known - MAX_LAG_BLOCKS:
            raise StreamBrokenError(f"the stream is at block {number}, behind block {known} that is known")

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
            if self._begin is None:
                self._begin = content.block + 1
            self._began.set()
            # Of blocks before these something may have been missed, and is not told again: nothing is known of them any more.
            self._since[channel] = content.from_block
            self._held = {place: log for place, log in self._held.items() if _channel(log) != channel}
        for log in content.logs:
            # Placements are settled from their receipts; polling does not tell of them either.
            if log.removed:
                self._held.pop(Place.of(log), None)
            elif not isinstance(log.event, OrderPlaced):
                self._held[Place.of(log)] = log
        if content.is_whole and not self._sequences.awaits(*_LOGS):
            self._hurry = True

    def _reach(self, number: int) -> None:
        """Everything up to this block was told: pass on what is new of it."""
        if self._sequences.awaits(*_LOGS) or not self._began.is_set():
            return
        self._reached = max(self._reached, number)
        # Another source may know of blocks that this one has yet to reach.
        gone = [log for log in self._told.logs(min(self._since.values()), self._reached)
                if log.block_number >= self._since[_channel(log)] and self._held.get(Place.of(log)) != log]
        event, now = self._told.difference(self._held, gone, number), self._clock.monotonic()
        if not (event.logs or self._hurry or now - self._told_at >= QUIET_INTERVAL):
            return
        self._hurry, self._told_at = False, now
        self._deliver(event)
        # What is said before this source is live counts for nothing, and is said again then.
        oldest = (self._told.block_number or 0) - 2 * REORGANISED_BLOCKS
        self._held = {place: log for place, log in self._held.items() if log.block_number > oldest}
        self._since = {channel: max(since, oldest + 1) for channel, since in self._since.items()}

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


def _channel(log: EngineLog) -> str:
    """Which channel tells of a log."""
    return CONSTANTS.FILLS_CHANNEL if isinstance(log.event, OrderMatched) else CONSTANTS.ORDERS_CHANNEL
