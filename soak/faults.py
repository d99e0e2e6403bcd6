"""Random faults of a sandbox in another process, thrown through its /admin interface.

Reorganisations are left out: Hummingbot has no event that takes a fill back, so its records would differ by design. Answers
with wrong contents are left to the REST API, which is only a hint; a node that lies is not survivable.
"""
import json
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.chain_view import DIRECT
from hummingbot.connector.exchange.standard.sandbox.stream_faults import DAMAGES
from hummingbot.connector.exchange.standard.standard_constants import REQUEST_TIMEOUT

Body = dict[str, Any]
ADMIN_SECONDS = 120.0  # a sandbox on a busy machine may be busy itself
# What is asked during a fault may be given up this much later: after a request's deadline and Hummingbot's next tick.
AFTERMATH = REQUEST_TIMEOUT + 2.0


def _streams(chance: random.Random, switches: Body) -> Body:
    """The same for one of the two streams, or for both."""
    return dict.fromkeys(chance.sample(["stream", "node_stream"], chance.choice([1, 2])), switches)


def _http(chance: random.Random, kind: str, target: str = "all", **options: Any) -> Body:
    return {"http": [{"kind": kind, "target": target, "probability": round(chance.uniform(0.05, 0.5), 2), **options}]}


FAULTS: dict[str, Callable[[random.Random], Body]] = {
    "slow answers": lambda chance: _http(chance, "latency", seconds=chance.uniform(0.1, 2)),
    "dripping answers": lambda chance: _http(chance, "drip", seconds=chance.uniform(0.5, 3)),
    "no answers": lambda chance: _http(chance, "timeout", seconds=12),
    "HTTP errors": lambda chance: _http(chance, "status", status=chance.choice([500, 502, 503])),
    "rate limits": lambda chance: _http(chance, "status", status=429, retry_after=chance.choice([0, 1, 2])),
    "requests refused": lambda chance: _http(chance, "refused"),
    "answers lost": lambda chance: _http(chance, "lost"),
    "answers broken off": lambda chance: _http(chance, chance.choice(["reset", "truncated"])),
    "API: wrong contents": lambda chance: _http(
        chance, chance.choice(["wrong_types", "nan", "null", "empty_lists", "stale"]), "rest"),
    "API: huge answers": lambda chance: _http(chance, "huge", "rest", size=8_000_000),
    "API: behind": lambda chance: {"indexer": {"lag_seconds": chance.uniform(1, 8)}},
    "API: stands still": lambda chance: {"indexer": {"paused": True}},
    "API: rows missing": lambda chance: {"indexer": {"missing_orders": 0.3, "missing_trades": 0.3}},
    "transactions dropped": lambda chance: {"node": {"drop_transactions": True}},
    "transactions held": lambda chance: {"node": {"hold_transactions": True}},
    "send answers lost": lambda chance: {"node": {"lose_send_answers": True}},
    "receipts late": lambda chance: {"node": {"receipt_delay_blocks": chance.randint(1, 20)}},
    "node behind": lambda chance: {"node": {"blocks_behind": chance.randint(2, 30)}},
    "logs twice, shuffled": lambda chance: {"node": {"duplicate_logs": True, "shuffle_logs": True}},
    "gas dearer": lambda chance: {"node": {"base_fee_factor": chance.randint(2, 5)}},
    "no blocks": lambda chance: {"node": {"mining_paused": True}},
    "streams stalled": lambda chance: _streams(chance, {chance.choice(["stall", "stall_with_pongs", "ignore_requests"]): True}),
    "streams closed": lambda chance: _streams(chance, {"close_code": chance.choice([1000, 1001, 1011, 4000])}),
    "streams refused": lambda chance: _streams(chance, {"close_code": 1001, "refuse": True}),
    "streams late": lambda chance: _streams(chance, {"late_seconds": 0.2}),
    "streams damaged": lambda chance: _streams(chance, {chance.choice(DAMAGES): 0.3}),
}


class Chaos:
    """Breaks and mends one sandbox; `thrown` counts what was thrown by kind, `rounds` has the times from which and until which
    something was broken, and `journal` gets a line for each change. Raises OSError when /admin does not answer."""

    def __init__(self, url: str, seed: int, journal: Path | None = None) -> None:
        self.thrown: Counter[str] = Counter()
        self.rounds: list[tuple[float, float]] = []
        self._broken_since: float | None = None
        self._url = url
        self._random = random.Random(seed)
        self._journal = journal

    def break_something(self) -> list[str]:
        """One to three faults at once instead of those before; which ones."""
        self._broken_since = self._broken_since or time.time()
        kinds = self._random.sample([*FAULTS, "connections refused"], self._random.choice([1, 1, 2, 3]))
        body: Body = {"clear": True, "http": []}
        for kind in kinds:
            self.thrown[kind] += 1
            for part, switches in (FAULTS[kind](self._random) if kind in FAULTS else {}).items():
                body[part] = body.get(part, []) + switches if part == "http" else {**body.get(part, {}), **switches}
        self._post("release", {})  # what an earlier fault held back
        self._post("faults", body)
        if "connections refused" in kinds:
            self._post("refuse", {"seconds": self._random.uniform(1, 6)})
        return kinds

    def mend(self) -> None:
        """Nothing is broken any more."""
        self._post("faults", {"clear": True, "node": {"mining_paused": False}})
        self._post("release", {})
        if self._broken_since is not None:
            self.rounds.append((self._broken_since, time.time()))
            self._broken_since = None

    def explains(self, at: float) -> bool:
        """Whether what was reported in the second of this time may come of something that was broken, and is whole again."""
        return any(int(began) <= at <= mended + AFTERMATH for began, mended in self.rounds)

    def trade(self, on: bool) -> None:
        """The other traders go on or pause."""
        self._post("traders", {"enabled": on})

    def pause(self, shortest: float, longest: float) -> float:
        """A random time within these bounds."""
        return self._random.uniform(shortest, longest)

    def _post(self, name: str, body: Body) -> None:
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"time": time.time(), name: body}) + "\n")
        request = urllib.request.Request(f"{self._url}/admin/{name}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        end = time.monotonic() + ADMIN_SECONDS
        while True:
            try:
                return DIRECT.open(request, timeout=ADMIN_SECONDS).close()
            except OSError:  # among others while it refuses connections
                if time.monotonic() > end:
                    raise
            time.sleep(0.5)
