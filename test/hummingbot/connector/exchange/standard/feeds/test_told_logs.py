"""What is told of own logs whose blocks are replaced again and again, whoever looks."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.engine import OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.feeds.told_logs import Place, ToldLogs
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS

BOOK, OWNER = "0x" + "b0" * 20, "0x" + "a1" * 20
HEAD = 100


def log(number: int, block: int, branch: int = 0) -> EngineLog:
    return EngineLog(OrderCanceled(BOOK, number, True, OWNER, 1), f"0x{number}", block, number, False, f"0x{branch}{block}")


def held(*logs: EngineLog) -> dict[Place, EngineLog]:
    return {Place.of(one): one for one in logs}


class Chain:
    """A chain whose newest blocks are replaced, and what a sink made of everything that passed."""

    def __init__(self) -> None:
        self.blocks: dict[int, list[EngineLog]] = {}
        self.head = HEAD
        self.told = ToldLogs(HEAD)
        self.known: dict[Place, EngineLog] = {}
        self.sink = self.told.noting(self.take)
        self._branch = self._transactions = 0

    def mine(self, count: int) -> None:
        self.head += 1
        for _ in range(count):
            self._transactions += 1
            self.blocks.setdefault(self.head, []).append(log(self._transactions, self.head, self._branch))

    def reorganise(self, depth: int, keeps: bool) -> None:
        """Replace the newest blocks; what was in them is mined again one block later, or vanishes."""
        self._branch += 1
        first = max(HEAD + 1, self.head - depth + 1)
        void = [one for number in range(first, self.head + 1) for one in self.blocks.pop(number, [])]
        if keeps and void:
            self.blocks[self.head + 1] = [one._replace(block_number=self.head + 1, block_hash=f"0x{self._branch}{self.head + 1}")
                                          for one in void]
        self.head += 1

    def read(self) -> OrderLogs:
        """What a source proposes that looks now."""
        first = self.told.first_block(self.head)
        now = held(*(one for number, logs in self.blocks.items() if number >= first for one in logs))
        gone = [one for one in self.told.logs(first) if now.get(Place.of(one)) != one]
        return self.told.difference(now, gone, self.head)

    def take(self, event: object) -> None:
        assert isinstance(event, OrderLogs)
        removed = [one for one in event.logs if one.removed]
        assert list(event.logs[:len(removed)]) == removed, "what was taken back comes first"
        assert removed == sorted(removed, key=lambda one: (one.block_number, one.log_index), reverse=True)
        for one in event.logs:
            if one.removed:
                assert self.known.pop(Place.of(one)) == one._replace(removed=False)
            else:
                assert Place.of(one) not in self.known
                self.known[Place.of(one)] = one


@given(st.lists(st.one_of(st.tuples(st.just("mine"), st.integers(0, 2)),
                          st.tuples(st.just("reorganise"), st.integers(1, REORGANISED_BLOCKS - 1), st.booleans()),
                          st.tuples(st.just("look")), st.tuples(st.just("look long")), st.tuples(st.just("say")))))
def test_after_each_look_what_passed_is_what_the_chain_holds(steps: list[tuple[object, ...]]) -> None:
    """Some sources say late what they saw, as one does that takes over: that passes without harm, and the next look heals it."""
    chain, late = Chain(), []
    for name, *arguments in steps:
        if name == "mine":
            chain.mine(*arguments)  # type: ignore[arg-type]
        elif name == "reorganise":
            chain.reorganise(*arguments)  # type: ignore[arg-type]
        elif name == "look long":
            late.append(chain.read())
        elif name == "say" and late:
            chain.sink(late.pop())
        elif name == "look":
            chain.sink(chain.read())
    chain.sink(chain.read())
    assert chain.known == held(*(one for logs in chain.blocks.values() for one in logs))
    assert chain.read().logs == []


@pytest.mark.parametrize(("cursor", "told", "first"), [
    (None, None, 81), (None, 60, 41), (-1, None, 0), (7, None, 8), (99, None, 100), (7, 60, 41), (50, 60, 51)])
def test_the_newest_blocks_are_read_again_but_none_that_is_not_wanted(cursor: int | None, told: int | None, first: int) -> None:
    logs = ToldLogs(cursor)
    if told is not None:
        logs.noting(lambda event: None)(OrderLogs([], told))
    assert logs.first_block(100) == first


def test_what_no_reorganisation_reaches_any_more_is_forgotten() -> None:
    told = ToldLogs(None)
    sink = told.noting(lambda event: None)
    sink(OrderLogs([log(1, 10), log(2, 11)], 11))
    sink(OrderLogs([], 10 + 2 * REORGANISED_BLOCKS))
    assert told.logs(0) == [log(2, 11)] and told.logs(12) == [] and told.logs(0, 10) == []


def test_the_block_never_goes_back_and_what_is_not_wanted_is_gone_past() -> None:
    told, events = ToldLogs(None), []
    sink = told.noting(events.append)
    sink(OrderLogs([log(1, 50)], 50))
    sink(told.difference({}, [], 40))
    sink(OrderLogs([], 45))
    assert [event.block_number for event in events] == [50, 50, 50]
    told.begin_anew(70)
    assert told.block_number == 70 and told.logs(0) == [] and told.first_block(90) == 71


def test_balances_pass_as_they_are() -> None:
    events: list[object] = []
    ToldLogs(None).noting(events.append)(BalanceChange("0x1", 5, 10))
    assert events == [BalanceChange("0x1", 5, 10)]


def test_a_transaction_is_in_one_block_so_what_was_told_of_another_is_void_before_the_new_logs_count() -> None:
    """A node that is behind tells of the older of the two blocks, and nothing of the newer one."""
    told, passed = ToldLogs(HEAD), list[OrderLogs]()
    sink = told.noting(passed.append)  # type: ignore[arg-type]
    before = [log(1, HEAD + 9), log(1, HEAD + 9)._replace(log_index=2), log(5, HEAD + 9)]
    after = [log(1, HEAD + 3)._replace(log_index=36), log(1, HEAD + 3)._replace(log_index=37)]
    sink(OrderLogs(before, HEAD + 10))
    sink(OrderLogs(after, HEAD + 10))
    assert passed[-1].logs == [before[1]._replace(removed=True), before[0]._replace(removed=True), *after]
    assert told.logs(0) == [before[2], *after]


def test_a_number_is_one_trades_so_what_was_told_of_another_is_void_before_the_new_logs_count() -> None:
    """The part of a look that lacks it may come after the part that has the new one."""
    def trade(transaction: int, block: int, number: int, branch: int) -> EngineLog:
        event = OrderMatched("0xb", 1, 1, False, 1, 1, True, "0xc", "0xd", 1, 1, 0, 0, number)
        return log(transaction, block, branch)._replace(event=event)

    told, passed = ToldLogs(HEAD), list[OrderLogs]()
    sink = told.noting(passed.append)  # type: ignore[arg-type]
    before, also, after = trade(1, HEAD + 9, 7, 0), log(1, HEAD + 9)._replace(log_index=9), trade(2, HEAD + 3, 7, 1)
    sink(OrderLogs([before, also], HEAD + 9))
    sink(OrderLogs([after], HEAD + 9))
    sink(OrderLogs([before._replace(removed=True)], HEAD + 9))
    assert passed[1].logs == [also._replace(removed=True), before._replace(removed=True), after] and passed[2].logs == []
    assert told.logs(0) == [after]
    sink(OrderLogs([trade(3, HEAD + 10, 8, 1)], HEAD + 10))
    assert len(passed[3].logs) == 1, "another number is another trade"


def test_what_begins_beyond_what_was_told_is_not_told_before_what_lies_between() -> None:
    """A source read the older blocks before it was live, so nobody was told of them."""
    told, passed = ToldLogs(HEAD), list[OrderLogs]()
    sink = told.noting(passed.append)  # type: ignore[arg-type]
    sink(OrderLogs([log(2, HEAD + 7)], HEAD + 8, from_block=HEAD + 6))
    assert passed == [OrderLogs([], HEAD)] and told.block_number == HEAD
    sink(OrderLogs([log(1, HEAD + 3), log(2, HEAD + 7)], HEAD + 8, from_block=HEAD + 1))
    assert [one.block_number for one in passed[-1].logs] == [HEAD + 3, HEAD + 7] and told.block_number == HEAD + 8


def test_blocks_before_those_that_are_wanted_leave_no_gap() -> None:
    told, passed = ToldLogs(-15), list[OrderLogs]()
    told.noting(passed.append)(OrderLogs([log(1, 3)], 5, from_block=0))  # type: ignore[arg-type]
    assert len(passed[0].logs) == 1 and told.block_number == 5


def test_a_log_in_another_block_at_the_same_height_replaces_the_one_that_was_told() -> None:
    told, passed = ToldLogs(HEAD), list[OrderLogs]()
    sink = told.noting(passed.append)  # type: ignore[arg-type]
    before, after = log(1, HEAD + 3), log(1, HEAD + 3, branch=1)
    sink(OrderLogs([before], HEAD + 3))
    sink(OrderLogs([after], HEAD + 3))
    assert passed[-1].logs == [before._replace(removed=True), after] and told.logs(0) == [after]
