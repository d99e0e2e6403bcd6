"""What streams are fed with: the node's blocks, once the indexer has them, with the engine's events decoded."""
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import EngineEvent, decode_event
from hummingbot.connector.exchange.standard.sandbox.blocks import MinedBlock
from hummingbot.connector.exchange.standard.sandbox.indexer import Indexer
from hummingbot.connector.exchange.standard.sandbox.node import BlockAdded, BlockRemoved, Node, NodeEvent


class Happening(NamedTuple):
    """An event of the engine in its place; `removed` when its block is no longer part of the chain."""

    event: EngineEvent
    transaction_hash: str
    log_index: int
    block: MinedBlock
    removed: bool


class News(NamedTuple):
    """A block that the indexer has taken in, or has just taken back; the happenings of one taken back come last first."""

    block: MinedBlock
    removed: bool
    happenings: tuple[Happening, ...]


class StreamSource:
    """Tells its listeners every block in the indexer's order. `heard` must be called after the indexer's own listener."""

    def __init__(self, node: Node, indexer: Indexer, engine: str) -> None:
        self.node = node
        self.indexer = indexer
        self.engine = engine
        self.listeners: list[Callable[[News], None]] = []
        self._waiting: deque[MinedBlock] = deque()

    @property
    def indexed(self) -> int:
        """The newest block that has been told."""
        return min(self.indexer.head["number"], self.node.head.number)

    def heard(self, event: NodeEvent) -> None:
        """Take in what the node says."""
        if isinstance(event, BlockAdded):
            self._waiting.append(event.block)
        elif isinstance(event, BlockRemoved):
            if self._waiting and self._waiting[-1] is event.block:
                self._waiting.pop()
            else:
                self._tell(event.block, True)
        while self._waiting and self._waiting[0].number <= self.indexer.head["number"]:
            self._tell(self._waiting.popleft(), False)

    def happenings(self, block: MinedBlock, removed: bool = False) -> Iterator[Happening]:
        """The engine's trading events in a block, in order."""
        if self.engine not in block.addresses:
            return
        for receipt, position, log in block.logs():
            if log.address == self.engine:
                event = decode_event(log.topics, log.data)
                if event is not None:
                    yield Happening(event, receipt.transaction.hash, position, block, removed)

    def since(self, first: int) -> Iterator[Happening]:
        """The events from a block on, up to the newest that has been told."""
        for block in self.node.history.range(first, self.indexed):
            yield from self.happenings(block)

    def _tell(self, block: MinedBlock, removed: bool) -> None:
        happenings = tuple(self.happenings(block, removed))
        news = News(block, removed, happenings[::-1] if removed else happenings)
        for listener in tuple(self.listeners):
            listener(news)
