"""A sender whose disk refuses, or that has a fault of its own: nothing is lost, nothing is sent twice, and it goes on."""
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.intents import FOREVER
from hummingbot.connector.exchange.standard.errors import NotSentError, OutcomeUnknownError
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault, decode
from test.hummingbot.connector.exchange.standard.chain.sender_bench import Bench, intent, successes

SEND = "eth_sendRawTransaction"


def refuse_to_write(bench: Bench, refuse: bool = True) -> None:
    bench.journal._connection.execute(f"PRAGMA query_only = {int(refuse)}")


def cancel(number: int) -> Any:
    return intent(number, kind="cancel", patience=FOREVER, repeatable=True)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_orders_are_refused_while_the_journal_cannot_be_written(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refuse_to_write(bench)
    for number in range(1, 6):
        bench.submit(intent(number))
        await bench.run(1.0, number)
    assert all(isinstance(end, NotSentError) and "journal cannot be written" in str(end) for end in bench.ends.values())
    assert not bench.node.accepted and len(errors(caplog)) == 1
    refuse_to_write(bench, False)
    bench.submit(intent(6))
    await bench.run(1.0, 6)
    assert [sent.nonce for sent in bench.node.executed] == [0] and caplog.text.count("can be written again") == 1


async def test_cancels_are_sent_while_the_journal_cannot_be_written(bench: Bench) -> None:
    refuse_to_write(bench)
    bench.submit(intent(1), cancel(2), intent(3), cancel(4))
    await bench.run(3.0)
    assert sorted(bench.ends) == ["order-1", "order-2", "order-3", "order-4"] and successes(bench) == 2
    assert bench.mined_orders() == Counter({cancel(2).data: 1, cancel(4).data: 1})
    refuse_to_write(bench, False)
    bench.submit(intent(5))
    await bench.run(2.0, 5)
    assert successes(bench) == 3 and not bench.sender.pending


async def test_the_end_of_what_left_before_is_told_though_it_cannot_be_noted(tmp_path: Path) -> None:
    first = await Bench(tmp_path).start()
    first.node.mining = False
    first.submit(intent(1))
    await first.run(1.0)
    refuse_to_write(first)
    first.node.mining = True
    await first.run(2.0, 1)
    first.sender.settle(*first.sender.pending)
    assert successes(first) == 1
    await first.close()
    second = await Bench(tmp_path, first.node, first.clock).start()
    second.watch(second.sender.resumed)
    await second.run(2.0, 1)
    assert successes(second) == 1 and second.mined_orders() == Counter({intent(1).data: 1})
    await second.close()


async def test_a_fault_while_following_is_told_once_and_every_order_comes_to_its_end(bench: Bench,
                                                                                     caplog: pytest.LogCaptureFixture) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionReceipt":
            raise ZeroDivisionError("a fault")

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(20.0)
    bench.submit(intent(2))
    await bench.run(20.0)
    assert not bench.ends and len(errors(caplog)) == 1 and "ZeroDivisionError" in caplog.text
    bench.node.before = lambda method, params: None
    await bench.run(40.0, 2)
    assert successes(bench) == 2 and bench.mined_orders() == Counter({intent(1).data: 1, intent(2).data: 1})


@pytest.mark.parametrize("arrives", [False, True], ids=["before it arrived", "after it arrived"])
async def test_a_fault_while_sending_loses_no_order_and_places_none_twice(bench: Bench, arrives: bool,
                                                                          caplog: pytest.LogCaptureFixture) -> None:
    request, faults = bench.rpc.send_raw_transactions, iter([ZeroDivisionError("a fault"), ZeroDivisionError("a fault")])

    async def send(raws: list[bytes]) -> Any:
        answers = await request(raws) if arrives else None
        for fault in faults:
            raise fault
        return answers if arrives else await request(raws)

    bench.rpc.send_raw_transactions = send  # type: ignore[method-assign]
    bench.submit(intent(1), intent(2))
    await bench.run(20.0, 2)
    assert successes(bench) == 2 and bench.mined_orders() == Counter({intent(1).data: 1, intent(2).data: 1})
    assert len(errors(caplog)) == 1
    bench.submit(intent(3))
    await bench.run(2.0, 3)
    assert successes(bench) == 3


async def test_a_fault_while_sending_after_a_quiet_time_is_followed_too(bench: Bench) -> None:
    request, faults = bench.rpc.send_raw_transactions, iter([RuntimeError("Session is closed")])

    async def send(raws: list[bytes]) -> Any:
        for fault in faults:
            raise fault
        return await request(raws)

    bench.rpc.send_raw_transactions = send  # type: ignore[method-assign]
    await bench.run(5.0)  # nobody has anything to follow
    bench.submit(intent(1))
    await bench.run(20.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_a_late_order_whose_sending_had_a_fault_is_not_taken_for_one_that_no_node_has(bench: Bench) -> None:
    request = bench.rpc.send_raw_transactions

    async def send(raws: list[bytes]) -> Any:
        await request(raws)
        raise ZeroDivisionError("a fault")

    bench.node.mining = False
    bench.rpc.send_raw_transactions = send  # type: ignore[method-assign]
    bench.submit(intent(1, patience=5.0))
    await bench.run(4.0)
    bench.node.mining = True  # a block holds it, and the node of which it is asked shows no receipt yet
    bench.node.before = _no_receipts
    await bench.run(3.0)
    assert not bench.ends
    bench.node.before = lambda method, params: None
    await bench.run(10.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == Counter({intent(1).data: 1})


async def test_a_stop_while_the_end_of_a_late_order_is_written_down_leaves_no_other_without_an_end(bench: Bench) -> None:
    write = bench.journal.failed

    async def hangs(failures: Any) -> None:
        bench.journal.failed = write  # type: ignore[method-assign]
        await bench.clock.sleep(3_600.0)

    await bench.clock.settle()
    bench.journal.failed = hangs  # type: ignore[method-assign]
    bench.submit(intent(1, patience=-1.0), intent(2))
    await bench.clock.settle()
    await bench.sender.stop()
    await bench.clock.settle()
    assert bench.ends.keys() == {"order-1", "order-2"} and not bench.node.accepted
    assert all(isinstance(end, NotSentError) for end in bench.ends.values())


async def test_a_stop_in_the_moment_of_a_receipt_leaves_no_order_without_an_end(bench: Bench) -> None:
    mined = bench.sender._follower._on_mined

    def and_stop(slot: Any, receipt: Any) -> None:
        mined(slot, receipt)
        for task in bench.sender._tasks:
            task.cancel()

    bench.sender._follower._on_mined = and_stop
    (tracked,) = bench.submit(intent(1))
    await bench.run(2.0)
    assert bench.mined_orders() == Counter({intent(1).data: 1}) and not tracked.done
    await bench.sender.stop()
    await bench.clock.settle()
    assert isinstance(bench.ends["order-1"], OutcomeUnknownError)
    assert [item.id for item in await bench.journal.unfinished(bench.sender._ledger.account)] == [tracked.id]


def _no_receipts(method: str, params: list[Any]) -> Any:
    if method == "eth_getTransactionReceipt":
        raise Fault("try later")


async def test_an_order_that_cannot_be_signed_fails_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.submit(intent(1))
    await bench.run(1.0, 1)
    bench.submit(intent(2, value=-1))
    await bench.run(1.0, 2)
    bench.submit(intent(3))
    await bench.run(3.0, 3)
    assert isinstance(bench.ends["order-2"], NotSentError) and "fault" in str(bench.ends["order-2"])
    assert successes(bench) == 2 and [sent.nonce for sent in bench.node.executed] == [0, 1]
    assert len(errors(caplog)) == 1


async def test_what_was_signed_beside_an_order_that_cannot_be_is_not_sent_by_the_next_run(tmp_path: Path) -> None:
    first = await Bench(tmp_path).start()
    first.submit(intent(1), intent(2, value=-1), intent(3))
    await first.run(1.0, 3)
    assert all(isinstance(end, NotSentError) for end in first.ends.values())
    await first.close()
    second = await Bench(tmp_path, first.node, first.clock).start()
    await second.run(5.0)
    assert not second.sender.resumed and not second.node.accepted
    await second.close()


async def test_orders_wait_while_the_fees_have_a_fault(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    current = bench.sender._fee_policy.current

    async def broken() -> Any:
        raise ZeroDivisionError("a fault")

    bench.sender._fee_policy.current = broken  # type: ignore[method-assign]
    bench.submit(intent(1))
    await bench.run(2.5)
    bench.sender._fee_policy.current = current  # type: ignore[method-assign]
    await bench.run(5.0, 1)
    assert successes(bench) == 1 and len(errors(caplog)) == 1


async def test_a_cancel_that_the_wallet_cannot_pay_any_more_lets_those_behind_it_go(bench: Bench) -> None:
    """A node had it, and lost it; at a higher fee it would cost still more."""
    node, send = bench.node, bench.node.eth_sendRawTransaction
    node.mining = False
    bench.submit(intent(1, kind="cancel", patience=FOREVER, repeatable=True, gas_limit=31_000_000))
    await bench.run(1.0)

    def poor(raw: str) -> Any:
        if decode(bytes.fromhex(raw[2:])).gas > 4_000_000:
            raise Fault("insufficient funds for gas * price + value: balance 1")
        return send(raw)

    node.eth_sendRawTransaction = poor  # type: ignore[method-assign]
    node.pool.clear()
    node.mining = True
    await bench.run(5.0)
    small = intent(2, kind="cancel", patience=FOREVER, repeatable=True, gas_limit=3_000_000)
    bench.submit(small)
    await bench.run(60.0)
    assert isinstance(bench.ends["order-1"], NotSentError) and not bench.sender.pending
    assert bench.mined_orders() == Counter({small.data: 1})


async def test_a_cancel_that_the_wallet_could_not_pay_before_its_turn_is_asked_again(bench: Bench) -> None:
    """The one before it gave a deposit back, or the node counted both."""
    node, send, is_away = bench.node, bench.node.eth_sendRawTransaction, [True]
    first, second = cancel(1), cancel(2)

    def tight(raw: str) -> Any:
        if is_away[0]:
            raise Fault("upstream connection reset")
        if decode(bytes.fromhex(raw[2:])).data == second.data and not any(sent.data == first.data for sent in node.executed):
            raise Fault("insufficient funds for gas * price + value: balance 1, queued cost 1")
        return send(raw)

    node.eth_sendRawTransaction = tight  # type: ignore[method-assign]
    bench.submit(first, second)
    await bench.run(14.0)
    node.mining, is_away[0] = False, False
    await bench.run(8.0)
    node.mining = True
    await bench.run(30.0)
    assert successes(bench) == 2 and bench.mined_orders() == Counter({first.data: 1, second.data: 1})
