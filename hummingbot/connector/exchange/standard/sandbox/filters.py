"""The filters that a client installs in a node and asks for what is new."""
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.blocks import LogFilter
from hummingbot.connector.exchange.standard.sandbox.node import BlockAdded, BlockRemoved, Node, NodeEvent, TransactionPending
from hummingbot.connector.exchange.standard.sandbox.rpc_values import Json, log_json

LIFETIME = 300.0  # seconds after the last poll
MAX_FILTERS = 1_000
MAX_CHANGES = 100_000


@dataclass
class _Filter:
    collect: Callable[[NodeEvent], list[Any]]
    used_at: float
    criteria: Json | None
    changes: list[Any] = field(default_factory=list)


class Filters:
    """All installed filters of one node. One that is not polled for five minutes, or not able to keep up, is gone."""

    def __init__(self, node: Node, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._filters: dict[str, _Filter] = {}
        self._random = Random(seed)
        node.subscribe(self._on_event)

    def install_logs(self, wanted: LogFilter, criteria: Json) -> str:
        """A filter for logs; those of removed blocks come again, marked as removed. Returns its id."""
        def collect(event: NodeEvent) -> list[Any]:
            if isinstance(event, TransactionPending):
                return []
            return [log_json(entry, removed=isinstance(event, BlockRemoved)) for entry in wanted.select(event.block)]

        return self._install(collect, criteria)

    def install_blocks(self) -> str:
        """A filter for the hashes of new blocks. Returns its id."""
        return self._install(lambda event: [event.block.hash] if isinstance(event, BlockAdded) else [], None)

    def install_pending(self) -> str:
        """A filter for the hashes of transactions that join the pool. Returns its id."""
        return self._install(lambda event: [event.transaction.hash] if isinstance(event, TransactionPending) else [], None)

    def _install(self, collect: Callable[[NodeEvent], list[Any]], criteria: Json | None) -> str:
        if len(self._filters) >= MAX_FILTERS:
            del self._filters[min(self._filters, key=lambda name: self._filters[name].used_at)]
        name = hex(self._random.getrandbits(128) | 1 << 127)
        self._filters[name] = _Filter(collect, self._clock.monotonic(), criteria)
        return name

    def changes(self, name: str) -> list[Any] | None:
        """What happened since the last poll; None when there is no such filter."""
        installed = self._filters.get(name)
        if installed is None:
            return None
        installed.used_at = self._clock.monotonic()
        changes, installed.changes = installed.changes, []
        return changes

    def criteria(self, name: str) -> Json | None:
        """The query of a log filter; None when there is no such log filter."""
        installed = self._filters.get(name)
        return installed.criteria if installed else None

    def uninstall(self, name: str) -> bool:
        """Remove the filter; tells whether there was one."""
        return self._filters.pop(name, None) is not None

    def _on_event(self, event: NodeEvent) -> None:
        now = self._clock.monotonic()
        for name, installed in tuple(self._filters.items()):
            installed.changes.extend(installed.collect(event))
            if now - installed.used_at > LIFETIME or len(installed.changes) > MAX_CHANGES:
                del self._filters[name]
