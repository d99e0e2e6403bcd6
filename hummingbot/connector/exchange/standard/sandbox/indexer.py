"""The indexer: turns the engine's logs, block by block, into the rows that the REST API serves.

It knows nothing but logs (docs/protocol.md, "REST API"): an order row is born by OrderPlaced, reduced by OrderMatched and
deleted by a clearing match or OrderCanceled. Orders that the contract deletes without an event (the dust rules) stay as
stale rows, unless `exact` is on: then the indexer follows the dust rules too and asks the book which orders takers still
reach. It may lag behind the chain, lose rows, and forget old ones.
"""
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from hummingbot.connector.exchange.standard.chain.engine import (
    NEW_MARKET_PRICE,
    PAIR_ADDED,
    NewMarketPrice,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
    decode_event,
)
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex
from hummingbot.connector.exchange.standard.sandbox.rows import (
    AccountStats,
    HistoryRow,
    OrderRow,
    PairInfo,
    TokenInfo,
    TradeRow,
)
from hummingbot.connector.exchange.standard.sandbox.undo import BlockJournal


class EngineLog(NamedTuple):
    """A log of the engine and the transaction that made it."""

    tx_hash: str
    topics: tuple[str, ...]
    data: bytes


class IndexedBlock(NamedTuple):
    """What the indexer needs of a block: the engine's logs in order."""

    number: int
    timestamp: int
    logs: tuple[EngineLog, ...]


class Reach(NamedTuple):
    """How far takers walked on one side of a book within a block, and what they left there."""

    limit: int
    queues: Mapping[int, Sequence[int]]


class BookView(Protocol):
    """The chain's own state, for an exact indexer."""

    def reachable(self, book: str, is_bid: bool, limit: int) -> Mapping[int, Sequence[int]]:
        """The ids of the orders that a taker with that limit price would meet on one side, by price."""

    def deposit(self, book: str, is_bid: bool, order_id: int) -> int:
        """What is left of an order; 0 when it is gone."""


@dataclass
class IndexerSettings:
    """How far behind, how complete and how long-remembering the indexer is. What it remembers does not change while it runs."""

    lag_seconds: float = 0.0
    lag_blocks: int = 0
    paused: bool = False
    missing_orders: float = 0.0  # the share of order rows (and their histories) that never appear
    missing_trades: float = 0.0
    exact: bool = True
    level_counts_whole_submission: bool = False  # a known flaw: a level grows by the submission, not by what rests
    history_of_taken_orders: bool = False  # whether submissions that never rested get a history row, without an order id
    trades_per_pair: int = 10_000
    rows_per_account: int = 10_000
    candles_per_interval: int = 5_000
    undo_blocks: int = 64
    seed: int = 0


class AccountIndex:
    """The rows of one account."""

    def __init__(self, rows: int) -> None:
        self.orders: dict[tuple[str, bool, int], OrderRow] = {}
        self.histories: dict[tuple[str, bool, int] | str, HistoryRow] = {}
        self.trades: deque[tuple[bool, TradeRow]] = deque(maxlen=rows)  # (whether the account bought, match)
        self.stats: dict[str, AccountStats] = {"all": AccountStats()}


class Indexer:
    """Consumes blocks, serves rows. `add` and `remove` come from the node; reading begins with `advance`."""

    def __init__(self, settings: IndexerSettings, clock: Clock, native_symbols: dict[str, str] | None = None,
                 view: BookView | None = None) -> None:
        """`native_symbols` gives the API's symbol for token addresses whose own symbol is another one."""
        self.settings = settings
        self.pairs: dict[str, PairIndex] = {}
        self.tokens: dict[str, TokenInfo] = {}
        self.accounts: dict[str, AccountIndex] = {}
        self.hidden: set[str] = set()  # books that the API no longer lists
        self.head: dict[str, int] = {"number": 0, "timestamp": 0}
        self._clock = clock
        self._symbols = native_symbols or {}
        self._view = view
        self._journal = BlockJournal(settings.undo_blocks)
        self._waiting: deque[tuple[float, IndexedBlock, dict[tuple[str, bool], Reach]]] = deque()
        self._newest = 0
        self._sequence = 0
        self._taken: dict[tuple[str, int], HistoryRow] = {}

    # Blocks in, blocks out

    def add(self, block: IndexedBlock) -> None:
        """A new block on top of the chain; indexed now, or later when the settings say so."""
        self._newest = block.number
        self._waiting.append((self._clock.monotonic(), block, self._reaches(block)))
        self.advance()

    def remove(self, number: int) -> None:
        """The newest block is no longer part of the chain. Raises ValueError when it is too old to be taken back."""
        self._newest = number - 1
        if self._waiting and self._waiting[-1][1].number == number:
            self._waiting.pop()
            return
        if self.head["number"] != number:
            return
        self._journal.undo(number)
        for pair in self.pairs.values():
            pair.forget_order_of_levels()

    def advance(self) -> None:
        """Index the blocks whose time has come."""
        now = self._clock.monotonic()
        while self._waiting and not self.settings.paused:
            arrived, block, reaches = self._waiting[0]
            if now - arrived < self.settings.lag_seconds or self._newest - block.number < self.settings.lag_blocks:
                return
            self._waiting.popleft()
            self._index(block)
            for (book, is_bid), reach in reaches.items():
                if book in self.pairs:
                    self._drop_unreachable(self.pairs[book], is_bid, reach)

    def _reaches(self, block: IndexedBlock) -> dict[tuple[str, bool], Reach]:
        """What takers left where they walked, asked while the chain stands at this block."""
        if not self.settings.exact or self._view is None:
            return {}
        limits: dict[tuple[str, bool], int] = {}
        for log in block.logs:
            if log.topics[0] == NEW_MARKET_PRICE.topic:
                book, price, is_bid = NEW_MARKET_PRICE.decode(log.topics, log.data)
                walked = (book, not is_bid)
                limits[walked] = (max if is_bid else min)(price, limits.get(walked, price))
        return {walked: Reach(limit, self._view.reachable(*walked, limit)) for walked, limit in limits.items()}

    def add_pair(self, info: PairInfo) -> None:
        """List a pair that existed before the first indexed block."""
        for token in (info.base, info.quote):
            self.tokens.setdefault(token.address, token)
        self.pairs[info.book] = self._pair_index(info)

    # Questions

    def listed_pairs(self) -> list[PairIndex]:
        """The pairs that the API shows, in the order of their listing."""
        return [pair for book, pair in self.pairs.items() if book not in self.hidden]

    def pair_of(self, base: str, quote: str) -> PairIndex | None:
        """A listed pair by the addresses of its tokens (lower case)."""
        return next((pair for pair in self.listed_pairs()
                     if pair.info.base.address == base and pair.info.quote.address == quote), None)

    def pair_by_symbols(self, base: str, quote: str) -> PairIndex | None:
        """A listed pair by the API's symbols, any case."""
        return next((pair for pair in self.listed_pairs()
                     if pair.info.base.symbol.upper() == base.upper() and pair.info.quote.symbol.upper() == quote.upper()), None)

    def account(self, address: str) -> AccountIndex:
        """The rows of an account; empty ones for an account never seen."""
        return self.accounts.get(address) or AccountIndex(self.settings.rows_per_account)

    def usd(self, token: str) -> float:
        """A token's price in dollars: 1 for a token with USD in its symbol, else by a pair against such a token, else 0."""
        info = self.tokens.get(token)
        if info is None:
            return 0.0
        if "USD" in info.symbol.upper():
            return 1.0
        pair = next((pair for pair in self.listed_pairs()
                     if pair.info.base.address == token and "USD" in pair.info.quote.symbol.upper()), None)
        return pair.price / 1e8 if pair is not None else 0.0

    # Logs into rows

    def _pair_index(self, info: PairInfo) -> PairIndex:
        settings = self.settings
        self._sequence += 1
        return PairIndex(info, self._journal, settings.trades_per_pair, settings.candles_per_interval, self._sequence)

    def _index(self, block: IndexedBlock) -> None:
        self._journal.begin(block.number)
        self._journal.put(self.head, "number", block.number)
        self._journal.put(self.head, "timestamp", block.timestamp)
        self._taken.clear()
        for log in block.logs:
            if log.topics and log.topics[0] == PAIR_ADDED.topic:
                self._pair_added(log)
                continue
            event = decode_event(log.topics, log.data)
            pair = self.pairs.get(event.pair) if event is not None else None
            if pair is None:
                continue
            self._sequence += 1
            if isinstance(event, OrderPlaced):
                self._placed(pair, event, block, log.tx_hash)
            elif isinstance(event, OrderMatched):
                self._matched(pair, event, block, log.tx_hash)
            elif isinstance(event, OrderCanceled):
                self._canceled(pair, event)
            elif isinstance(event, NewMarketPrice):
                pair.set_price(event.price, block.timestamp)
        if self.settings.history_of_taken_orders:
            for row in self._taken.values():
                account = self._account(row.account)
                self._keep_history(account, f"{row.tx_hash}-{row.sequence}", row)

    def _pair_added(self, log: EngineLog) -> None:
        book, base, quote, price, date, _ = PAIR_ADDED.decode(log.topics, log.data)
        infos = []
        for address, decimals, name, symbol, supply in (base, quote):
            info = self.tokens.get(address)
            if info is None:
                info = TokenInfo(address, self._symbols.get(address, symbol), name, decimals, supply, date)
                self._journal.put(self.tokens, address, info)
            infos.append(info)
        tokens = [Token(info.address, info.symbol, info.decimals) for info in infos]
        market = Market(tokens[0], tokens[1], book)
        self._journal.put(self.pairs, book, self._pair_index(PairInfo(market, infos[0], infos[1], price, date)))

    def _account(self, address: str) -> AccountIndex:
        account = self.accounts.get(address)
        if account is None:
            account = AccountIndex(self.settings.rows_per_account)
            self._journal.put(self.accounts, address, account)
        return account

    def _missed(self, share: float, *key: object) -> bool:
        """Whether a row is one of those that the indexer loses: the same answer for the same row, always."""
        return share > 0 and Random(repr((self.settings.seed, key))).random() < share

    def _placed(self, pair: PairIndex, event: OrderPlaced, block: IndexedBlock, tx_hash: str) -> None:
        self._taken.pop((tx_hash, event.order_history_id), None)
        if self._missed(self.settings.missing_orders, event.pair, event.is_bid, event.id):
            return
        row = OrderRow(event.owner, event.pair, event.is_bid, event.id, event.price, event.without_fee, event.placed,
                       event.order_history_id, block.timestamp, block.number, tx_hash, self._sequence)
        whole = self.settings.level_counts_whole_submission
        pair.add_order(row, event.without_fee if whole else event.placed)
        account = self._account(event.owner)
        key = (event.pair, event.is_bid, event.id)
        self._journal.put(account.orders, key, row)
        self._keep_history(account, key, HistoryRow(
            row.account, row.book, row.is_bid, row.order_id, row.price, row.amount, event.without_fee - event.placed, "open",
            row.history_id, row.timestamp, row.block, tx_hash, self._sequence))

    def _keep_history(self, account: AccountIndex, key: tuple[str, bool, int] | str, row: HistoryRow) -> None:
        stats = account.stats["all"]
        self._journal.put(account.stats, "all", stats._replace(histories=stats.histories + 1))
        self._journal.put(account.histories, key, row)
        if len(account.histories) > self.settings.rows_per_account:
            self._journal.remove(account.histories, next(iter(account.histories)))

    def _matched(self, pair: PairIndex, event: OrderMatched, block: IndexedBlock, tx_hash: str) -> None:
        trade = TradeRow(event.pair, event.trade_id, event.id, event.is_bid, event.price, event.base_amount, event.quote_amount,
                         event.base_fee, event.quote_fee, event.sender, event.owner, event.order_history_id, block.timestamp,
                         block.number, tx_hash, self._sequence)
        kept = not self._missed(self.settings.missing_trades, event.pair, event.trade_id)
        pair.add_trade(trade, kept)
        for address, bought in ((event.owner, not event.is_bid), (event.sender, event.is_bid)):
            account = self._account(address)
            if kept:
                self._journal.append(account.trades, (bought, trade))
            self._journal.put(account.stats, "all",
                              account.stats["all"].traded(event.pair, event.quote_amount, block.timestamp))
        self._note_taker(event, block, tx_hash)
        row = pair.orders.get((not event.is_bid, event.id))
        if row is not None:
            self._reduce(pair, row, event)

    def _note_taker(self, event: OrderMatched, block: IndexedBlock, tx_hash: str) -> None:
        key = (tx_hash, event.order_history_id)
        before = self._taken.get(key)
        spent = (event.quote_amount if event.is_bid else event.base_amount) + (before.executed if before else 0)
        self._taken[key] = HistoryRow(event.sender, event.pair, event.is_bid, None, event.price, event.total, spent, "filled",
                                      event.order_history_id, block.timestamp, block.number, tx_hash, self._sequence)

    def _reduce(self, pair: PairIndex, row: OrderRow, event: OrderMatched) -> None:
        market = pair.info.market
        left = row.placed - (event.quote_amount if row.is_bid else event.base_amount)
        gone = event.clear
        if self.settings.exact and not gone:
            dust = market.base_to_quote(row.price, 1) if row.is_bid else market.quote_to_base(row.price, 1)
            gone = left <= dust
        self._change_order(pair, row, None if gone else row._replace(placed=left), "filled")

    def _canceled(self, pair: PairIndex, event: OrderCanceled) -> None:
        row = pair.orders.get((event.is_bid, event.id))
        if row is not None:
            self._change_order(pair, row, None, "canceled")

    def _change_order(self, pair: PairIndex, row: OrderRow, changed: OrderRow | None, status: str) -> None:
        pair.change_order(row, changed)
        account = self._account(row.account)
        key = (row.book, row.is_bid, row.order_id)
        history = account.histories.get(key)
        if changed is None:
            self._journal.remove(account.orders, key)
            executed = row.placed if status == "filled" else 0
        else:
            self._journal.put(account.orders, key, changed)
            executed, status = row.placed - changed.placed, "open"
        if history is not None:
            self._journal.put(account.histories, key,
                              history._replace(status=status, executed=history.executed + executed))

    def _drop_unreachable(self, pair: PairIndex, is_bid: bool, reach: Reach) -> None:
        """Takers unlink the dust orders on their way without an event: drop what rests where they walked and is not queued."""
        assert self._view is not None
        for price in pair.reached(is_bid, reach.limit):
            queue = set(reach.queues.get(price, ()))
            if len(queue) == pair.level(is_bid, price).orders:
                continue
            rows = [row for row in pair.orders.values() if row.is_bid == is_bid and row.price == price and row.queued]
            for row in rows:
                if row.order_id not in queue:
                    left = self._view.deposit(pair.info.book, is_bid, row.order_id)
                    self._change_order(pair, row, row._replace(queued=False) if left else None, "filled")
