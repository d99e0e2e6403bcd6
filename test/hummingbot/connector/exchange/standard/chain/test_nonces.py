"""The rules of nonces: on the book alone, and on a whole sender under random faults."""
import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hummingbot.connector.exchange.standard.chain.nonces import NonceBook, Slot
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, NotSentError, OutcomeUnknownError
from test.hummingbot.connector.exchange.standard.chain.fake_node import FakeNode, Fault, Sent, decode
from test.hummingbot.connector.exchange.standard.chain.sender_bench import ENGINE, Bench, intent


class BookMachine(RuleBasedStateMachine):
    """A nonce is given out again only when it was released, and never while it is live."""

    def __init__(self) -> None:
        super().__init__()
        self.book = NonceBook(3)
        self.book.chain_is_at(3)
        self.doubtful: set[int] = set()

    @rule()
    def take(self) -> None:
        missing = self.book.missing()
        nonce = self.book.take()
        assert nonce not in self.book.slots and nonce >= self.book.chain and nonce not in self.doubtful | {missing}
        self.book.open(Slot(nonce, [], 0.0))

    @precondition(lambda self: self.book.slots)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.book.release(data.draw(st.sampled_from(sorted(self.book.slots))))

    @precondition(lambda self: self.book.slots)
    @rule()
    def mine(self) -> None:
        lowest = min(self.book.slots)
        self.book.used(self.book.slots[lowest])
        self.doubtful.discard(lowest)
        self.book.chain_is_at(max(self.book.chain, lowest + 1))

    @rule(ahead=st.integers(0, 3))
    def foreign(self, ahead: int) -> None:
        self.book.chain_is_at(self.book.chain + ahead)

    @rule(back=st.integers(1, 3))
    def behind(self, back: int) -> None:
        self.book.chain_is_at(max(0, self.book.chain - back))

    @precondition(lambda self: self.book.missing() is not None)
    @rule()
    def doubt(self) -> None:
        missing = self.book.missing()
        assert missing is not None
        self.book.doubt(missing)
        self.doubtful.add(missing)
        assert missing in self.book.gaps() and self.book.missing() is None

    @precondition(lambda self: self.book.gaps())
    @rule()
    def fill(self) -> None:
        nonce = self.book.gaps()[0]
        self.book.fill(nonce)
        assert nonce not in self.book.slots
        self.book.open(Slot(nonce, [], 0.0))

    @invariant()
    def nothing_is_skipped(self) -> None:
        """Between the chain's nonce and the next one, every nonce is live, or free and known as a gap, or used."""
        book = self.book
        assert book.next >= book.chain
        assert all(nonce < book.next for nonce in book.slots)
        gaps = set(book.gaps())
        assert not gaps & book.slots.keys()
        if book.slots:
            unknown = set(range(book.chain, max(book.slots))) - book.slots.keys() - gaps
            assert not unknown or book.missing() in unknown | {None}


def test_a_nonce_stays_doubtful_when_the_chain_falls_back_behind_it() -> None:
    book = NonceBook(1)
    book.chain_is_at(1)
    book.open(Slot(3, [], 0.0))
    book.doubt(1)
    book.open(Slot(1, [], 0.0))  # what fills it
    book.chain_is_at(2)
    book.chain_is_at(1)
    book.release(1)
    assert book.gaps() == [1] and book.take() == 4


TestNonceBook = BookMachine.TestCase
TestNonceBook.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

ACTIONS = st.sampled_from(["submit", "submit", "burst", "wait", "wait", "long wait", "foreign", "foreign waits", "drop", "crash",
                           "lose", "down", "refuse", "busy", "poor", "rich", "fee jump", "fee fall", "halt", "go on", "old"])


class Chaos:
    """A node whose faults are switched on and off, and the checks that hold whatever happens."""

    def __init__(self, path: Path) -> None:
        self.node = FakeNode()
        self.path = path
        self.bench = Bench(path, self.node)
        self.mode = ""
        self.fault_until = 0.0
        self.submitted = 0
        self.ends: dict[str, Any] = {}
        self.node.before = self.before
        self.node.lose = lambda methods: self.mode == "lose" and self.bench.clock.now < self.fault_until

    def before(self, method: str, params: list[Any]) -> Any:
        faulty = self.bench.clock.now < self.fault_until
        if faulty and self.mode == "down":
            raise ApiUnavailableError("connection refused")
        if faulty and self.mode == "old" and method in ("eth_blockNumber", "eth_getTransactionCount"):
            return "0x0"
        if method == "eth_sendRawTransaction" and params != ["0x"]:
            sent = decode(bytes.fromhex(params[0][2:]))
            if faulty and self.mode in ("refuse", "busy"):
                raise Fault("exceeds block gas limit" if self.mode == "refuse" else "txpool is full")
            self.check_replacement(sent)
        return None

    def check_replacement(self, sent: Sent) -> None:
        waiting = self.node.pool.get(sent.nonce)
        if waiting is not None and waiting.hash != sent.hash and sent.max_fee * 10 >= waiting.max_fee * 11:
            assert ENGINE not in (sent.to,) or sent.data == waiting.data, "another order replaces one that is live"

    async def act(self, action: str) -> None:
        node, bench = self.node, self.bench
        if action in ("submit", "burst"):
            count = 1 if action == "submit" else 7
            bench.submit(*[intent(self.submitted + number, patience=25.0) for number in range(count)])
            self.submitted += count
        elif action in ("wait", "long wait"):
            await bench.run(0.5 if action == "wait" else 15.0)
        elif action == "foreign":
            node.use_nonce()
        elif action == "foreign waits" and node.nonce not in node.pool:
            node.pool[node.nonce] = Sent("0x" + f"{node.block:064x}", node.nonce, "0x" + "99" * 20, 0, b"", 21_000, 10**12)
        elif action == "drop":
            node.pool.clear()
        elif action == "crash":
            await self.restart()
        elif action in ("poor", "rich"):
            node.funds = action == "rich"
        elif action in ("fee jump", "fee fall"):
            node.base_fee = node.base_fee * 2 if action == "fee jump" else max(10**9, node.base_fee // 2)
        elif action in ("halt", "go on"):
            node.mining = action == "go on"
        else:
            self.mode, self.fault_until = action, bench.clock.now + 3.0

    async def restart(self) -> None:
        self.fault_until = 0.0
        await self.bench.clock.settle()
        await self.bench.close()
        self.collect()
        self.bench = Bench(self.path, self.node, self.bench.clock)
        await self.bench.start()
        self.bench.watch(self.bench.sender.resumed)

    def collect(self) -> None:
        for name, end in self.bench.ends.items():
            if isinstance(end, OutcomeUnknownError):
                continue
            # Why it was not sent, in particular that the wallet lacks the funds, is not told once more after a restart.
            before = self.ends.get(name, end)
            assert type(before) is type(end) or {isinstance(before, NotSentError), isinstance(end, NotSentError)} == {True}, \
                f"{name} had two different ends"
            self.ends[name] = end

    async def finish(self) -> None:
        self.node.funds = self.node.mining = True
        self.fault_until = 0.0
        self.node.base_fee = 6 * 10**9
        await self.bench.clock.run(400.0, then=self.node.mine, until=lambda: not self.bench.sender.pending)
        assert not self.bench.sender.pending
        await self.restart()
        await self.bench.run(5.0)
        self.collect()
        await self.bench.close()
        mined = Counter(sent.data for sent in self.node.executed if sent.to == ENGINE)
        assert not mined or max(mined.values()) == 1, "an order was placed twice"
        for number in range(self.submitted):
            name, data = f"order-{number}", intent(number).data
            end = self.ends.get(name)
            assert isinstance(end, (Receipt, NotSentError)), f"{name} has no end"
            assert mined[data] == isinstance(end, Receipt), f"{name}: {end!r}, mined {mined[data]} times"


@given(st.lists(ACTIONS, min_size=3, max_size=14))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_under_any_faults_an_order_is_mined_once_or_told_as_not_sent(actions: list[str]) -> None:
    async def story() -> None:
        with tempfile.TemporaryDirectory() as folder:
            chaos = Chaos(Path(folder))
            await chaos.bench.start()
            for action in actions:
                await chaos.act(action)
                await chaos.bench.clock.settle()
            await chaos.finish()

    asyncio.run(story())
