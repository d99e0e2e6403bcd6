"""The account's transactions between wish and end, without a node."""
import logging
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.chain import ledger as ledger_module
from hummingbot.connector.exchange.standard.chain.intents import Tracked
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.ledger import Ledger
from hummingbot.connector.exchange.standard.chain.nonces import Slot
from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.connector.exchange.standard.errors import NotSentError
from test.hummingbot.connector.exchange.standard.chain.fake_clock import FakeClock
from test.hummingbot.connector.exchange.standard.chain.fake_node import CHAIN_ID, InlineExecutor
from test.hummingbot.connector.exchange.standard.chain.sender_bench import KEY, intent


@pytest.fixture
async def ledger(tmp_path: Path):
    clock = FakeClock()
    journal = Journal(tmp_path / "journal.sqlite", clock, executor=InlineExecutor())
    await journal.open()
    yield Ledger(Wallet(KEY), journal, clock, CHAIN_ID, 21_000)
    await journal.close()


def signed(ledger: Ledger, number: int) -> tuple[Slot, Tracked]:
    tracked = ledger.new(intent(number))
    slot, _ = ledger.sign(tracked, ledger.book.take(), Fees(10, 1))
    return slot, tracked


def test_a_replacement_is_wanted_once_however_often_it_is_asked_for(ledger: Ledger) -> None:
    (first, one), (second, two) = signed(ledger, 1), signed(ledger, 2)
    for _ in range(2):
        ledger.replace(first, one)
        ledger.replace(second, two)
    assert ledger.replacements == [(first, one), (second, two)]


async def test_an_intent_whose_end_is_known_is_not_sent_anew_when_its_nonce_is_lost(ledger: Ledger) -> None:
    slot, tracked = signed(ledger, 1)
    other, waiting = signed(ledger, 2)
    end = NotSentError("It was not in a block in time and was taken back.")
    tracked.end(end)
    await ledger.lost([slot, other], "Another program's transaction has the nonce")
    assert ledger.queue == [waiting] and ledger.book.slots == {}
    with pytest.raises(NotSentError, match="taken back"):
        await tracked.wait()


async def test_what_was_offered_for_lost_nonces_is_remembered_for_the_newest(
        ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_LOST_OFFERS", 2)
    slots = [signed(ledger, number)[0] for number in (1, 2, 3)]
    await ledger.lost(slots, "Another program's transaction has the nonce")
    assert list(ledger.lost_offers) == [slot.nonce for slot in slots[1:]]
    assert set(ledger.lost_offers.values()) == {Fees(10, 1)}


async def test_an_intent_with_an_attempt_at_another_nonce_is_left_to_it(ledger: Ledger) -> None:
    slot, tracked = signed(ledger, 1)
    second, _ = ledger.sign(tracked, ledger.book.take(), Fees(10, 1))
    await ledger.lost([slot], "Another program's transaction has the nonce")
    assert ledger.queue == [] and ledger.book.slots == {second.nonce: second}
    assert [attempt.nonce for attempt in tracked.attempts] == [second.nonce] and not tracked.done


@pytest.mark.parametrize("is_replacement", [False, True])
def test_a_nonce_whose_signature_fails_is_free_again_unless_an_attempt_has_it(
        ledger: Ledger, is_replacement: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OverflowError("no such fee")

    slot, tracked = signed(ledger, 1)
    nonce = slot.nonce if is_replacement else ledger.book.take()
    monkeypatch.setattr(Wallet, "sign_transaction", fails)
    with pytest.raises(OverflowError):
        ledger.sign(tracked, nonce, Fees(20, 2))
    assert ledger.book.slots == {slot.nonce: slot} and len(slot.attempts) == len(tracked.attempts) == 1
    assert ledger.book.take() == slot.nonce + 1


async def test_a_loss_is_told_in_one_line(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    slots = [signed(ledger, number)[0] for number in range(3)]
    await ledger.lost(slots, "Another program has used nonces of this wallet")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "Another program has used nonces of this wallet: 3 transactions are signed again, 0 are given up"]


def test_a_number_that_was_given_out_and_never_recorded_is_not_given_out_again_after_a_restart(ledger: Ledger) -> None:
    """Whoever got it may settle it later."""
    ledger.restart(0, 0, 56, 0)
    assert ledger.new(intent(1)).id == 57
    ledger.restart(0, 0, 56, 0)
    assert ledger.new(intent(2)).id == 58
