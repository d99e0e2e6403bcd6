"""A scenario: how a world is set up and what is done in it, as plain values that can be written down, cut and run again."""
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from simulation.network import ACCIDENTS

PAIRS = ("SOMI-USDC", "WBTC-USDC")
QUIET_ESTIMATE = 15.0
IDLE_SECONDS, IDLE_SEEDS = 150.0, 4
MINUTE = 60.0


@dataclass(frozen=True)
class Setup:
    """What is chosen before a world begins. Times are in seconds, spreads and fees in parts of 1e8.

    `stream` is what the exchange's own WebSocket speaks: "channels", a layout of spot_streams, or nothing where there is none.
    """

    seed: int
    generation: str = "2025-08"
    gas: str = "ETHEREUM"
    block_interval: float = 0.5
    feed: str = "polling"
    poll_interval: float = 1.0
    latency: tuple[float, float] = (0.01, 0.05)
    pairs: tuple[str, ...] = PAIRS
    limit_spread: int = 3_000_000
    market_spread: int = 1_000_000
    maker_fee: int = 100_000
    taker_fee: int = 100_000
    indexer_lag: float = 0.0
    heads_first: bool = False
    stream: str = ""


@dataclass(frozen=True)
class Action:
    """Something that is done `pause` seconds after the action before it; `name` is a function of actions.py."""

    pause: float
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A setup and its actions."""

    setup: Setup
    actions: tuple[Action, ...]

    def with_actions(self, actions: Sequence[Action]) -> "Scenario":
        """The same world with other things done in it."""
        return replace(self, actions=tuple(actions))

    def save(self, path: Path) -> None:
        """Write it down."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(asdict(self.setup)), *(json.dumps(asdict(action)) for action in self.actions)]
        path.write_text("\n".join(lines) + "\n")

    @staticmethod
    def load(path: Path) -> "Scenario":
        """Read one that was written down."""
        setup, *actions = [json.loads(line) for line in path.read_text().splitlines()]
        for name in ("latency", "pairs"):
            setup[name] = tuple(setup[name])
        return Scenario(Setup(**setup), tuple(Action(**action) for action in actions))


def generate(seed: int, hours: float = 1 / 6) -> Scenario:
    """The scenario of a seed, for about so many hours of simulated time."""
    random = Random(seed)
    setup = _setup(seed, random)
    author = _Author(random, setup)
    return Scenario(setup, tuple(author.write(hours * 60 * MINUTE)))


def _setup(seed: int, random: Random) -> Setup:
    feed = random.choice(("polling", "polling", "chain", "auto"))
    fastest = random.choice((0.002, 0.02, 0.1))
    setup = Setup(
        seed=seed, generation=random.choice(("2025-08", "2026-07")), gas=random.choice(("ETHEREUM", "SOMNIA")),
        block_interval=random.choice((0.1, 0.4, 1.0, 2.0) if feed == "polling" else (0.4, 1.0, 1.0, 2.0)),
        feed=feed, poll_interval=random.choice((0.5, 1.0, 2.0, 5.0)), latency=(fastest, fastest * random.choice((1.5, 4, 10))),
        pairs=random.choice((PAIRS, PAIRS, PAIRS[:1], PAIRS[1:])),
        limit_spread=random.choice((3_000_000, 3_000_000, 500_000)), market_spread=random.choice((1_000_000, 100_000)),
        maker_fee=random.choice((0, 100_000, 250_000)), taker_fee=random.choice((0, 100_000, 300_000)),
        indexer_lag=random.choice((0.0, 0.0, 1.0, 5.0)), heads_first=random.random() < 0.3)
    streams = Random(f"streams of {seed}")  # with a generator of its own, the worlds without them stay what they were
    if streams.random() < 0.6:
        return setup
    return replace(setup, feed=streams.choice(("stream", "stream", "auto")), block_interval=max(0.4, setup.block_interval),
                   stream=streams.choice(("channels", "channels", "docs", "sdk", "iter")))


class _Author:
    """Writes the actions of a scenario. Every action stands for itself, so that any of them can be left out."""

    # Each kind of action with its weight.
    KINDS = {"place": 22, "quote": 8, "take": 5, "cancel": 12, "cancel_all": 2, "requote": 5, "trade": 24, "withdraw": 6,
             "kill": 1.2, "stop": 0.8, "reorganise": 2.5, "spend": 0.6, "network": 3, "node": 3, "backends": 2,
             "node_stream": 1.5, "indexer": 1, "hold_up": 1, "set_clock": 0.4, "liquidity": 2, "fees": 0.3}

    def __init__(self, random: Random, setup: Setup) -> None:
        self._random = random
        self._setup = setup
        # Every scenario has moods of its own: some things happen often in it, others hardly ever.
        self._weights = [weight * random.choice((0.0, 0.5, 1.0, 1.0, 3.0)) if kind not in ("place", "trade") else weight
                         for kind, weight in self.KINDS.items()]
        self._pace = random.choice((1.0, 2.0, 4.0, 8.0))

    def write(self, seconds: float) -> list[Action]:
        """Actions for about so many seconds."""
        actions = [Action(0.5, "liquidity", {"levels": 4, "step": 2, "lots": 6}), Action(1.0, "quiet", {})]
        passed = 1.5 + QUIET_ESTIMATE
        until_quiet = self._random.uniform(20, 120)
        while passed < seconds:
            action = self._action()
            actions.append(action)
            passed += action.pause
            until_quiet -= action.pause
            if until_quiet < 0:
                actions.append(Action(0.0, "quiet", {}))
                passed += QUIET_ESTIMATE
                until_quiet = self._random.uniform(20, 120)
        actions.append(Action(0.0, "quiet", {}))
        if self._setup.seed % IDLE_SEEDS == 0:
            actions.append(Action(0.0, "idle", {"seconds": IDLE_SECONDS}))
        return [*actions, Action(0.0, "finish", {})]

    def _action(self) -> Action:
        random = self._random
        (kind,) = random.choices(list(self.KINDS), self._weights)
        if kind == "node_stream" and self._setup.stream and random.random() < 0.7:
            kind = "stream"
        burst = random.random() < 0.4
        pause = random.uniform(0, 0.2) if burst else random.expovariate(1 / (2 * self._pace))
        return Action(round(min(pause, 30.0), 4), kind, getattr(self, f"_{kind}")())

    def _pair(self) -> str:
        return self._random.choice(self._setup.pairs)

    def _place(self) -> dict[str, Any]:
        return {"is_buy": self._random.random() < 0.5, "pair": self._pair(),
                "kind": self._random.choice(("LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER")),
                "step": self._random.randint(-20, 20), "lots": self._random.randint(1, 9)}

    def _quote(self) -> dict[str, Any]:
        return {"pair": self._pair(), "levels": self._random.randint(2, 8), "step": self._random.randint(-10, 10)}

    _requote = _quote

    def _take(self) -> dict[str, Any]:
        return {"is_buy": self._random.random() < 0.5, "pair": self._pair(), "lots": self._random.randint(1, 9)}

    def _cancel(self) -> dict[str, Any]:
        return {"which": self._random.randrange(1000), "count": self._random.choice((1, 1, 1, 3))}

    def _cancel_all(self) -> dict[str, Any]:
        return {"timeout": self._random.choice((2.0, 10.0, 20.0))}

    def _trade(self) -> dict[str, Any]:
        return {"number": self._random.choice((1, 2)), "is_buy": self._random.random() < 0.5, "pair": self._pair(),
                "step": self._random.randint(-20, 20), "lots": self._random.randint(1, 9), "rests": self._random.random() < 0.5}

    def _withdraw(self) -> dict[str, Any]:
        return {"number": self._random.choice((1, 2)), "which": self._random.randrange(1000)}

    def _liquidity(self) -> dict[str, Any]:
        return {"levels": self._random.randint(1, 4), "step": self._random.randint(1, 6), "lots": self._random.randint(2, 9)}

    def _kill(self) -> dict[str, Any]:
        return {"callbacks": self._random.choice((0, self._random.randrange(30), self._random.randrange(400))),
                "down": round(self._random.choice((0.0, 0.3, self._random.uniform(0, 20))), 3)}

    def _stop(self) -> dict[str, Any]:
        patience = self._random.choice((0.1, 5.0, 80.0))
        return {"cancel": self._random.random() < 0.5, "patience": patience, "down": round(self._random.uniform(0, 10), 3),
                "outage": self._random.choice((0.0, 120.0)) if patience == 80.0 else 0.0}

    def _reorganise(self) -> dict[str, Any]:
        return {"depth": self._random.choice((1, 1, 2, 3, 5, 12, 20)),
                "mode": self._random.choice(("return", "remine", "vanish"))}

    def _spend(self) -> dict[str, Any]:
        return {"factor": self._random.choice((2, 20)), "waiting": self._random.random() < 0.5}

    def _seconds(self) -> float:
        return self._random.choice((1.0, 3.0, 10.0, 30.0))

    def _network(self) -> dict[str, Any]:
        accidents = self._random.sample(ACCIDENTS, self._random.choice((1, 1, 2, 3)))
        share = self._random.choice((0.1, 0.3, 1.0)) / len(accidents)
        return {"where": self._random.choice(("rpc", "rpc", "rest", "stream", "all")), "seconds": self._seconds(),
                "accidents": dict.fromkeys(accidents, share), "slower": self._random.choice((1, 1, 10, 100))}

    def _node(self) -> dict[str, Any]:
        switches: dict[str, Any] = self._random.choice((
            {"drop_transactions": True}, {"hold_transactions": True}, {"lose_send_answers": True}, {"receipt_delay_blocks": 5},
            {"receipt_delay_seconds": 4.0}, {"blocks_behind": 2}, {"blocks_behind": 12}, {"duplicate_logs": True},
            {"shuffle_logs": True}, {"mining_paused": True}, {"base_fee_factor": 3}))
        return {"switches": switches, "seconds": self._seconds()}

    def _backends(self) -> dict[str, Any]:
        return {"behind": self._random.choice((1, 2, 5, 12)), "share": self._random.choice((0.1, 0.5)),
                "seconds": self._seconds()}

    def _node_stream(self) -> dict[str, Any]:
        switches: dict[str, Any] = self._random.choice((
            {"stall": True}, {"stall_with_pongs": True}, {"close_code": 1011}, {"refuse": True}, {"ignore_requests": True},
            {"drop": 0.2}, {"duplicate": 0.3}, {"reorder": 0.3}, {"malformed": 0.1}, {"drop_next": 1}, {"reorder_next": 2}))
        return {"switches": switches, "seconds": self._seconds()}

    def _stream(self) -> dict[str, Any]:
        switches: dict[str, Any] = self._random.choice((
            {"stall": True}, {"stall_with_pongs": True}, {"close_code": 1011}, {"refuse": True}, {"ignore_requests": True},
            {"refuse_authentication": True}, {"ignore_unsubscribe": True}, {"drop": 0.2}, {"duplicate": 0.3}, {"reorder": 0.3},
            {"wrong_sequence": 0.1}, {"malformed": 0.1}, {"drop_next": 1}, {"reorder_next": 2}, {"wrong_sequence_next": 1}))
        return {"switches": switches, "seconds": self._seconds()}

    def _indexer(self) -> dict[str, Any]:
        return {"switches": self._random.choice(({"paused": True}, {"lag_seconds": 8.0})), "seconds": self._seconds()}

    def _hold_up(self) -> dict[str, Any]:
        return {"seconds": self._random.choice((0.1, 0.5, 3.0, 60.0))}

    def _set_clock(self) -> dict[str, Any]:
        return {"shift": self._random.choice((-3600.0, -5.0, 5.0, 3600.0))}

    def _fees(self) -> dict[str, Any]:
        return {"maker": self._random.choice((0, 100_000, 500_000)), "taker": self._random.choice((0, 100_000, 500_000))}
