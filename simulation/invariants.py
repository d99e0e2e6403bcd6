"""What must hold in every simulated world, after each step and at each quiet point (docs/simulation.md).

I1 an order's fills are what the chain matched; I2 no order is failed or cancelled that the chain holds; I3 none is open that
the chain has dropped; I4 trade ids are unique and the same from every source and in every life; I5 fees are the chain's;
I6 available and locked money is the chain's; I7 nonces leave no gap and none is used twice but for a replacement; I8 at most
one transaction of a nonce lives; I9 requests are bounded; I10 no key and no signed payload is logged; I11 memory is bounded;
I12 leaving the network takes bounded time.
"""
import asyncio
import json
import logging
import re
from collections import Counter, deque
from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, Any

from hummingbot.connector.exchange.standard import errors
from hummingbot.connector.exchange.standard.errors import StandardError
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction, TransactionRejected, decode_transaction
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.event.events import MarketOrderFailureEvent, OrderCancelledEvent, OrderFilledEvent
from simulation.life import Life
from simulation.loop import current_process
from simulation.memory import memory_problems
from simulation.replaced import UNHEARD_SECONDS
from simulation.trace import Trace

if TYPE_CHECKING:
    from simulation.world import World

AGREEMENTS = 3
# The constants here are what the README and docs promise, and not the connector's own: it may not move its own bar.
STOP_SECONDS = 70.0  # a minute for what is on its way, and some for the rest
FOLLOWER_REQUESTS = 400  # a minute, while a transaction is looked for
CONNECTS = 40  # of streams within a minute and since a start: two sources of books and two of orders, every few seconds
LOOK_SECONDS = 1.0
QUIET_SECONDS = 180.0
# Requests within a minute, beside polls: for balances, network checks and comparisons of a stream with the chain; to find
# out everything at a start; and for each order or cancel, which wants fees, a nonce, to be sent, and to be sent again.
OTHER_REQUESTS, REQUESTS_OF_A_START, REQUESTS_OF_AN_ORDER = 60, 60, 4
# While nothing moves a book is asked for so often, and so much is asked for besides (README, "Settings": 24 for one pair with
# nothing open, and 60 / poll_interval more for the wallet's events while something is).
IDLE_POLLS, IDLE_REQUESTS = 12, 12
# A batch asks a node for so many orders at most, and open ones are read so often a minute.
ORDERS_OF_A_BATCH, READS_OF_ORDERS = 100, 6
# A stream is asked about beside that, which is no polling: whether the API is there (6 a minute); the chain's for head and
# logs every two seconds, for the books and for the wallet; a book of spot_streams every one and a half seconds.
STREAM_CHECKS, CHAIN_AUDITS, SPOT_AUDITS = 6, 120, 40
TASKS_AT_REST = 80
TIMERS_AT_REST = 60
# Why an order may fail: refused with a reason of ours, too small for Hummingbot, or never mined, which no error tells.
_REASONS = {None, "ValueError", *(name for name, kind in vars(errors).items()
                                  if isinstance(kind, type) and issubclass(kind, StandardError))}
_FORMATTER = logging.Formatter()
_PAYLOAD = re.compile(r"(?:0x)?[0-9a-fA-F]{200,}")


class Violation(AssertionError):
    """Something does not hold that must. `invariant` is its number, or what else is wrong."""

    def __init__(self, invariant: str, message: str) -> None:
        super().__init__(invariant, message)
        self.invariant = invariant
        self.message = message

    def __str__(self) -> str:
        return f"{self.invariant}: {self.message}"


class LogWatch(logging.Handler):
    """Reads everything that is logged, at every level: unexpected errors, and secrets that nobody may see. `lines` are those that
    a user sees."""

    def __init__(self, private_key: str, api_key: str, trace: Trace) -> None:
        super().__init__(logging.DEBUG)
        self._trace = trace
        self.problems: list[Violation] = []
        self.lines = 0
        self._secrets = private_key.removeprefix("0x").lower(), api_key.lower()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        process = current_process()
        if process is not None and process.dead:
            return
        self.lines += record.levelno >= logging.INFO
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            text += f" {error!r}"
        self._trace.note("log", record.name.rpartition(".")[2], text)
        written = text if error is None else _FORMATTER.format(record)  # with every cause of an error, as a log file has it
        if self.tells(written):
            self.problems.append(Violation("I10", f"a secret or a signed payload is logged: {record.name}: {text[:100]}"))
        # Hummingbot's `cancel_all` says so when the time that it was given has passed.
        is_expected = isinstance(error, StandardError) or (isinstance(error, TimeoutError) and record.levelno < logging.INFO)
        if error is not None and not is_expected:
            self.problems.append(Violation("error", f"{record.name}: {text}"))

    def tells(self, text: str) -> bool:
        """Whether somebody who reads this knows what nobody may know."""
        written = text.lower()
        return any(secret in written for secret in self._secrets) or _PAYLOAD.search(text) is not None


class Invariants:
    """Watches one world."""

    def __init__(self, world: "World", private_key: str, api_key: str) -> None:
        self.log = LogWatch(private_key, api_key, world.trace)
        self.compared = 0
        self.most_requests = self.most_connects = 0
        self.most_tasks = 0
        self.longest_quiet = 0.0
        self._world = world
        self._problem: Violation | None = None
        self._by_nonce: dict[int, dict[str, Transaction]] = {}
        self._all_sent: dict[int, dict[str, Transaction]] = {}
        self._taken: set[str] = set()
        self._followed = -inf  # when there was a transaction to look for
        self._trades: dict[tuple[str, TradeType], str] = {}
        self._removed_trades: set[str] = set()
        self._deeds: deque[tuple[float, int]] = deque()
        self._begins: deque[float] = deque()
        world.network.sent = self._sent
        world.network.answered = self._answered
        world.network.took = self._took

    def trade_removed(self, trade_id: str) -> None:
        """The block of a trade is no longer on the chain, and another trade may get its id."""
        self._removed_trades.add(trade_id)

    def vanished(self, transactions: Iterable[Transaction]) -> None:
        """No block has these any more: another one with such a nonce replaces only what waits."""
        waiting = {transaction.hash for transaction in self._world.sandbox.node.pool}
        for transaction in transactions:
            if transaction.sender == self._world.address:
                known = self._by_nonce.get(transaction.nonce, {})
                self._by_nonce[transaction.nonce] = {name: sent for name, sent in known.items() if name in waiting}

    def begun(self) -> None:
        """A process begins, and finds out everything."""
        self._begins.append(self._world.loop.time())
        self.asked_for(REQUESTS_OF_A_START)

    # After each step

    def after_step(self) -> None:
        """What can be looked at all the time. Raises Violation."""
        if self._problem is not None:
            raise self._problem
        if self.log.problems:
            raise self.log.problems[0]
        if self._world.loop.complaints:
            raise Violation("error", self._world.loop.complaints[0])
        now, life = self._world.loop.time(), self._world.life
        if life is not None and life.exchange._account is not None and life.exchange._account._sender.pending:
            self._followed = now
        self._check_requests(self._busy_requests())
        connects, most = _within_a_minute(self._world.network.connects, now), CONNECTS * (1 + _within_a_minute(self._begins, now))
        self.most_connects = max(self.most_connects, connects)
        if connects > most:
            raise Violation("I9", f"{connects} connections of streams within a minute, {most} at most are right")

    def after_idling(self) -> None:
        """I9 as the README promises it, and I11 of all that ended: nobody has done anything for minutes."""
        setup, life = self._world.scenario.setup, self._world.life
        most: float = IDLE_POLLS * len(setup.pairs) + IDLE_REQUESTS + (len(setup.pairs) - 1)  # each pair's trades, once
        is_hinted = setup.feed in ("stream", "auto") and setup.stream not in ("", "channels")
        orders = len(life.exchange.in_flight_orders) if life is not None else 0
        if is_hinted or orders:
            most += 60 / setup.poll_interval
        most += READS_OF_ORDERS * (max(0, orders - 1) // ORDERS_OF_A_BATCH)
        if setup.feed != "polling":
            most += STREAM_CHECKS
        if setup.feed in ("chain", "auto"):
            most += CHAIN_AUDITS
        if is_hinted:
            most += SPOT_AUDITS * len(setup.pairs)
        self._check_requests(most)
        for problem in memory_problems(life.exchange) if life is not None else ():
            raise Violation("I11", problem)

    def asked_for(self, requests: int) -> None:
        """Somebody did something that is worth so many requests."""
        self._deeds.append((self._world.loop.time(), requests))

    def _busy_requests(self) -> float:
        """The most requests within a minute: the book, the trades and the wallet's own events are read with every poll, a
        transaction is looked for as often as the follower ever does; faults make nothing be asked more often than that."""
        setup, now = self._world.scenario.setup, self._world.loop.time()
        while self._deeds and self._deeds[0][0] < now - 120:  # what was done then may have been waiting for a minute
            self._deeds.popleft()
        polls = (2 * len(setup.pairs) + 1) * 60 / setup.poll_interval
        follower = FOLLOWER_REQUESTS if now - self._followed < 120 else 0
        return polls + follower + OTHER_REQUESTS + sum(requests for _, requests in self._deeds)

    def after_event(self, event: Any) -> None:
        """Hummingbot was told something of an order."""
        if self.log.tells(repr(event)):
            self._fail("I10", f"an event tells a secret or a signed payload: {event.order_id}")
        if isinstance(event, MarketOrderFailureEvent) and event.error_type not in _REASONS:
            self._fail("I2", f"{event.order_id} failed by {event.error_type}: {event.error_message}")
        if isinstance(event, (OrderCancelledEvent, MarketOrderFailureEvent)):
            self._check_ended(event.order_id)
        if isinstance(event, OrderFilledEvent) and event.exchange_trade_id not in self._removed_trades \
                and self._world.loop.time() - self._world.replaced.newest > UNHEARD_SECONDS:
            # After own placements were replaced another order may have an order's id, and no receipt has told so yet. The same
            # trade is told of both orders when two of the account traded with each other (I4).
            order = self._trades.setdefault((event.exchange_trade_id, event.trade_type), event.order_id)
            if order != event.order_id:
                self._fail("I4", f"the trade {event.exchange_trade_id} is told of {order} and of {event.order_id}")

    def _check_ended(self, name: str) -> None:
        """I2, the moment that an order is told to have ended: no block says so before the connector does, but for one that was
        replaced lately."""
        order = self._world.comparison.orders.get(name)
        key = OrderKey.parse(order.exchange_order_id) if order is not None else None
        if order is not None and key is not None and not self.is_replaced(name, order.exchange_order_id) \
                and self._world.deposit(key) > 0:
            self._fail("I2", f"{name} has ended, and the chain holds {key}")

    def is_replaced(self, name: str, exchange_order_id: str | None) -> bool:
        """Whether a block with this order in it was replaced so lately that the connector may not have heard of it."""
        return self._world.loop.time() - self._world.replaced.when(name, exchange_order_id) < UNHEARD_SECONDS

    def _fail(self, invariant: str, message: str) -> None:
        self._problem = self._problem or Violation(invariant, message)

    def _check_requests(self, most: float) -> None:
        requests = _within_a_minute(self._world.network.requests, self._world.loop.time())
        self.most_requests = max(self.most_requests, requests)
        if requests > most:
            raise Violation("I9", f"{requests} requests within a minute, {most:.0f} at most are right")

    # Transactions

    def _sent(self, body: bytes) -> None:
        for _, raw in _raw_transactions(body):
            self._followed = self._world.loop.time()
            self._check_sent(raw)

    def _took(self, body: bytes) -> None:
        """The node took the transactions of a request, and nobody will hear that it did."""
        transactions = [self._decoded(raw) for _, raw in _raw_transactions(body)]
        self._taken.update(transaction.hash for transaction in transactions if transaction is not None)

    def _answered(self, body: bytes, answer: bytes) -> None:
        """What the node refused and never had is nothing that another transaction of its nonce would have to replace."""
        for number, raw in _raw_transactions(body):
            transaction = self._decoded(raw)
            if transaction is None:
                continue
            own = [told for told in _listed(json.loads(answer)) if isinstance(told, dict) and told.get("id") == number]
            if any("error" not in told for told in own):
                self._taken.add(transaction.hash)
            elif own and transaction.hash not in self._taken:
                self._by_nonce.get(transaction.nonce, {}).pop(transaction.hash, None)

    def _check_sent(self, raw: bytes) -> None:
        """I7 and I8: another transaction of a nonce replaces the one before it, by a higher fee, or it is never sent."""
        transaction = self._decoded(raw)
        if transaction is None:
            return
        self._check_sent_again(transaction)
        siblings = self._by_nonce.setdefault(transaction.nonce, {})
        if transaction.hash in siblings:
            return
        for other in siblings.values():
            if not transaction.data and self._world.sandbox.node.history.receipt(other.hash) is not None:
                continue  # a gap is filled that a node behind has; every other one refuses it
            if transaction.max_fee <= other.max_fee:
                self._fail("I8", f"nonce {transaction.nonce} is used for two transactions that do not replace each other")
            if transaction.data and (transaction.to, transaction.value, transaction.data) != (other.to, other.value, other.data):
                self._fail("I7", f"nonce {transaction.nonce} is used for two things")
        siblings[transaction.hash] = transaction
        if len(self._by_nonce) > 500:
            self._taken -= self._by_nonce.pop(min(self._by_nonce)).keys()

    def _check_sent_again(self, transaction: Transaction) -> None:
        """What lost its nonce to another program's transaction is sent with another one, and forgotten still if it was before."""
        sent = self._all_sent.setdefault(transaction.nonce, {})
        if transaction.hash in sent:
            return
        sent[transaction.hash] = transaction
        node, wish = self._world.sandbox.node, (transaction.to, transaction.value, transaction.data)
        used = node.nonce(transaction.sender)
        for nonce, known in self._all_sent.items():
            if nonce != transaction.nonce and nonce < used and wish in [(old.to, old.value, old.data) for old in known.values()] \
                    and all(node.history.receipt(name) is None for name in known):
                self._world.comparison.sent_again(nonce, transaction.nonce)
        if len(self._all_sent) > 500:
            del self._all_sent[min(self._all_sent)]

    def _decoded(self, raw: bytes) -> Transaction | None:
        try:
            return decode_transaction(raw, self._world.sandbox.node.settings.chain_id)
        except TransactionRejected:
            return None  # a probe that no node takes

    # At a quiet point

    async def at_quiet_point(self) -> None:
        """Everything, once nothing is wrong any more. Raises Violation if the connector never agrees with the chain."""
        world = self._world
        began, head = world.loop.time(), world.sandbox.node.head.number
        agreed = 0
        while agreed < AGREEMENTS:
            await asyncio.sleep(LOOK_SECONDS)
            self.after_step()
            problems = await self._disagreements()
            if not problems and agreed == AGREEMENTS - 1:  # this looks at every event of every order, and costs something
                problems = self._events_problems()
            agreed = 0 if problems or world.sandbox.node.head.number < head + 3 else agreed + 1
            if agreed == 0 and world.loop.time() - began > QUIET_SECONDS:
                raise Violation(_kind(problems), "\n".join(problems) or "no blocks come")
        self.compared += 1
        world.comparison.settle()
        world.market_view.begin()
        self.longest_quiet = max(self.longest_quiet, world.loop.time() - began)
        self._check_memory()
        if world.sandbox.failure is not None:
            raise Violation("sandbox", repr(world.sandbox.failure))

    async def _disagreements(self) -> list[str]:
        world, life = self._world, self._world.life
        if life is None:
            return ["the process has ended"]
        world.notice()
        problems = list(world.comparison.problems(life.exchange)) or list(world.market_view.problems(life.exchange))
        if problems:
            return problems
        asking = life.spawn(world.comparison.money_problems(life.exchange))
        try:
            found: list[str] = await asyncio.wait_for(asyncio.shield(asking), 30.0)
        except (TimeoutError, StandardError) as error:
            return [f"the balances cannot be read: {error!r}"]
        return found

    def _events_problems(self) -> list[str]:
        """Where Hummingbot was told other things than what happened."""
        world = self._world
        return [*(f"{name} was placed, and nothing was ever heard of it" for name in world.unheard_of()),
                *world.told.problems(world.comparison.orders, world.comparison.truth())]

    def _check_memory(self) -> None:
        """I11, by what grows with time where something leaks."""
        world = self._world
        assert world.life is not None
        tasks = len(world.life.tasks)
        self.most_tasks = max(self.most_tasks, tasks)
        timers = self._world.loop.timers_of(world.life.process)
        if timers > TIMERS_AT_REST:
            raise Violation("I11", f"{timers} timers while nothing happens")
        if tasks > TASKS_AT_REST:
            names = Counter(task.get_coro().__qualname__ for task in world.life.tasks)  # type: ignore[union-attr]
            raise Violation("I11", f"{tasks} tasks while nothing happens: {names.most_common(5)}")

    # Leaving

    def after_stop(self, life: Life) -> None:
        """I12: the network was left a while ago, and since then the process had its time."""
        patience = self._world.loop.time() - max(life.left_at or 0.0, life.process.held_until)
        if patience > STOP_SECONDS and life.tasks:
            names = [task.get_coro().__qualname__ for task in life.tasks]  # type: ignore[union-attr]
            raise Violation("I12", f"{patience:.0f} s after leaving the network these tasks go on: {names[:10]}")


def _kind(problems: list[str]) -> str:
    """Which invariants a disagreement is about."""
    text = " ".join(problems)
    if "has fills" in text or "sums its fills" in text or "the trade" in text:
        return "I1/I4/I5"
    if any(word in text for word in ("deposits", "was created", "is FILLED", "ended", "ever heard", "CANCELED", "FAILED")):
        return "I2"
    if "OPEN" in text or "PARTIALLY_FILLED" in text:
        return "I3"
    return "I6" if "on the chain" in text or "moved" in text else "rest"


def _within_a_minute(times: deque[float], now: float) -> int:
    """How many of these were in the last minute; older ones are dropped."""
    while times and times[0] < now - 60:
        times.popleft()
    return len(times)


def _raw_transactions(body: bytes) -> list[tuple[int, bytes]]:
    """The signed transactions that a request hands to the node, by the id of the call."""
    if b"eth_sendRawTransaction" not in body:
        return []
    return [(call["id"], bytes.fromhex(call["params"][0][2:])) for call in _listed(json.loads(body))
            if call["method"] == "eth_sendRawTransaction"]


def _listed(message: Any) -> list[Any]:
    """A batch, or a single message as one of its own."""
    return message if isinstance(message, list) else [message]
