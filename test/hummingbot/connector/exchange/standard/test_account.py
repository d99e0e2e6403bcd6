"""One wallet's account when its journal, its node or its orders are not as they should be."""
import asyncio
import json
import logging
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard import account as account_module
from hummingbot.connector.exchange.standard.account import UNKNOWN, Account
from hummingbot.connector.exchange.standard.cancels import CANCEL
from hummingbot.connector.exchange.standard.chain.intents import Intent, Tracked
from hummingbot.connector.exchange.standard.chain.journal import STATE
from hummingbot.connector.exchange.standard.chain.rpc_values import Block, Receipt
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    NotSentError,
    OrderRejectedError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import Closed, Ending, Opened, OrderKey, Resting, Settled
from hummingbot.connector.exchange.standard.placements import PLACE, TAKE
from hummingbot.connector.exchange.standard.saved_state import SavedState
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from hummingbot.connector.exchange.standard.unwraps import UNWRAP
from hummingbot.connector.exchange.standard.witnesses import Witness
from test.hummingbot.connector.exchange.standard.clocks import ManualClock, settle

ENGINE = "0x" + "e0" * 20
QUOTE = Token("0x" + "cc" * 20, "USDC", 6)
WBTC = Market(Token("0x" + "bb" * 20, "WBTC", 8), QUOTE, "0x" + "b2" * 20)
BID, ASK = OrderKey(WBTC.book, True, 7), OrderKey(WBTC.book, False, 8)
UNLISTED = OrderKey("0x" + "b9" * 20, True, 1)
CLOSED = Closed("a", "0xaa:0", Ending.CANCELED, 5, 10)


class Node:
    """Answers to batches of calls and to questions for logs, each an exception or what the node gives."""

    rate_limit = None

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.logs_of: list[Any] = []
        self.asked_blocks: list[int] = []

    async def call_many(self, calls: Any, block: Any = "latest") -> list[Any]:
        return self.answers

    async def block_number(self) -> int:
        return 901

    async def get_block(self, number: int) -> None:
        return None

    async def logs(self, address: str, topics: Any, first: int, last: int) -> list[Any]:
        self.asked_blocks.append(first)
        answer = self.logs_of.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


class Heard:
    """The updates of Hummingbot's tracker, kept."""

    def __init__(self) -> None:
        self.told: list[Settled] = []
        self.failed: list[tuple[str, str]] = []
        self.standing: set[str] = set()

    @property
    def doubtful(self) -> set[tuple[str, str]]:
        return set()

    taken_back = doubtful

    def follow(self, resting: Mapping[OrderKey, Resting]) -> None:
        return None

    def doubt(self, fills: Collection[tuple[str, str]], taken_back: Collection[tuple[str, str]]) -> None:
        return None

    async def tell(self, settled: list[Settled]) -> None:
        self.told += settled

    async def fail_unsent(self, client_order_id: str, why: str) -> None:
        self.failed.append((client_order_id, why))

    fail_unplaced = fail_unsent

    def let_stand(self, client_order_ids: Collection[str]) -> None:
        self.standing |= set(client_order_ids)


class Scene:
    """An account with a node, a tracker and placements that do what the test says."""

    def __init__(self, folder: Path) -> None:
        self.node, self.heard, self.clock = Node(), Heard(), ManualClock()
        listing = Listing(ENGINE, "0x" + "aa" * 20)
        listing.add([WBTC])
        self.end: StandardError | None = None
        self.finished: list[Tracked] = []
        self.account = Account(Wallet("0x" + "01" * 32), self.node, listing,  # type: ignore[arg-type]
                               CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN], folder, "standard", self.clock,
                               self.heard)  # type: ignore[arg-type]
        self.placements = self.account._placements
        self.account._placements = SimpleNamespace(finish=self._finish, unsettled=set())  # type: ignore[assignment]

    async def _finish(self, tracked: Tracked) -> None:
        self.finished.append(tracked)
        if self.end is not None:
            raise self.end


def placement(*client_order_ids: str, kind: str = PLACE) -> Tracked:
    return Tracked(1, Intent(ENGINE, b"", 0, 100_000, kind, client_order_ids), 0.0, 0.0)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("fault", [sqlite3.OperationalError("disk I/O error"), OSError("no space left")])
async def test_what_a_placement_did_is_told_even_if_the_journal_cannot_be_written(
        scene: Scene, fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def told(client_order_ids: Collection[str]) -> None:
        raise fault

    monkeypatch.setattr(scene.account._journal, "told", told)
    with caplog.at_level(logging.DEBUG, "hummingbot"):
        await scene.account._tell([CLOSED])
    assert scene.heard.told == [CLOSED] and [record.getMessage() for record in caplog.records] == [
        f"That orders were told is not noted: {fault}"]


@pytest.mark.parametrize("fault", [sqlite3.OperationalError("disk I/O error"), OSError("no space left")])
async def test_where_the_data_come_from_is_left_out_of_a_journal_that_cannot_be_written(
        scene: Scene, fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def refuses(key: str, value: str) -> None:
        raise fault

    monkeypatch.setattr(scene.account._journal, "set", refuses)
    with caplog.at_level(logging.DEBUG, "hummingbot"):
        await scene.account.note_feeds("{}")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.DEBUG, f"Where the data come from is not noted: {fault}")]


async def test_a_journal_that_was_closed_when_the_network_was_left_is_no_error(
        scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await scene.account._tell([CLOSED])  # it was never opened here
    assert scene.heard.told == [CLOSED] and not caplog.records


async def test_orders_whose_outcome_is_not_known_are_left_to_the_next_start(scene: Scene) -> None:
    scene.end = OutcomeUnknownError("the sender was stopped")
    await scene.account.finish(placement("a", "b"))
    assert scene.account._in_doubt == {"a", "b"} and scene.heard.failed == []


async def test_of_a_placement_that_failed_only_the_orders_that_are_not_placed_anew_fail(scene: Scene) -> None:
    scene.end = NotSentError("It waited too long.")
    await scene.account.finish(placement("a", "b"), placed_anew={"a"})
    assert scene.heard.failed == [("b", "It waited too long.")]


async def test_of_a_batch_that_failed_the_orders_that_were_sent_again_one_by_one_do_not_fail_when_all_are_followed(
        scene: Scene) -> None:
    scene.end = NotSentError("It was refused.")
    batch, single = placement("a", "b", "c"), placement("b")
    single.id = batch.id + 1
    scene.account._in_doubt = {"d"}
    await scene.account._go_on([batch, single])
    assert sorted(scene.heard.failed) == [("a", "It was refused."), ("b", "It was refused."), ("c", "It was refused."),
                                          ("d", "It was not sent before the network was left.")]


async def test_after_the_network_was_left_nothing_is_looked_after_any_more(scene: Scene,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """The last logs may be processed after the network was left."""
    followed: list[int] = []

    async def saved(*_: Any) -> None:
        return None
    monkeypatch.setattr(scene.account, "_deep", SimpleNamespace(follow=followed.append))
    monkeypatch.setattr(scene.account._journal, "set", saved)
    for running in (True, False):
        scene.account._running = running
        await scene.account.remember(100)
    assert len(followed) == 1


@pytest.mark.parametrize("fault", [ApiUnavailableError("no node answers"), RpcError("eth_call", -32000, "not now")])
async def test_books_that_cannot_be_read_are_read_later_and_only_what_no_one_places_anew_fails(
        scene: Scene, fault: StandardError, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Resting(ASK, "a", 3, 7)
    answers: list[Any] = [fault, [found]]

    async def found_in_books(*_: Any) -> list[Resting]:
        answer = answers.pop(0)
        if isinstance(answer, StandardError):
            raise answer
        return list(answer)

    monkeypatch.setattr(account_module, "found_in_books", found_in_books)
    scene.end, tracked = OutcomeForgottenError("no receipt"), placement("a", "b", "c")
    finishing = asyncio.ensure_future(scene.account.finish(tracked, placed_anew={"b"}))
    await settle()
    assert scene.heard.told == scene.heard.failed == [] and not finishing.done()
    await scene.clock.advance(account_module.LOOK_PAUSE)
    await finishing
    assert scene.heard.told == [Opened("a", ASK.exchange_order_id, ASK, 3, 7)]
    assert scene.account.settlement.resting == {ASK: found}
    assert [(name, "compare the balances" in why) for name, why in scene.heard.failed] == [("c", True)]
    assert scene.account._finished == [tracked] and scene.heard.standing == {"a", "c"}


async def test_an_order_of_this_run_that_the_nodes_have_forgotten_is_taken_up_from_its_book(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the machine slept between the sending and the receipt."""
    async def found_in_books(*_: Any) -> list[Resting]:
        return [Resting(ASK, "a", 3, 7)]

    tracked, account = placement("a", "b"), scene.account
    monkeypatch.setattr(account_module, "found_in_books", found_in_books)
    monkeypatch.setattr(account, "_placements", scene.placements)
    monkeypatch.setattr(account._sender, "submit", lambda intent: tracked)
    tracked.end(OutcomeForgottenError("no receipt"))

    async def place(*_: Any) -> list[Settled]:
        return await scene.placements._end_of(tracked)

    monkeypatch.setattr(scene.placements, "place", place)
    for name in ("a", "b"):
        with pytest.raises(OutcomeForgottenError):
            await account.place(name, None, None, 0.0)  # type: ignore[arg-type]
    await settle()
    assert scene.heard.told[:1] == [Opened("a", ASK.exchange_order_id, ASK, 3, 7)]
    assert list(account.settlement.resting) == [ASK] and scene.heard.failed[0][0] == "b"
    assert not account.is_on_its_way("a"), "no start after a break calls it unsent"


async def test_an_order_of_another_placement_is_not_taken_for_a_forgotten_one(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two look at once, an order is cancelled meanwhile, and the receipt of another one is not there yet."""
    account, second, third = scene.account, OrderKey(WBTC.book, False, 9), OrderKey(WBTC.book, False, 10)
    on_its_way, resting = placement("d"), account.settlement.resting

    async def found_in_books(intent: Intent, address: str, markets: Any, known: Any, *_: Any) -> list[Resting]:
        books = [key for key in (BID, third, ASK, second) if key != BID or key in resting]
        taken = await known()
        return [Resting(key, name, 3, 7)
                for name, key in zip(intent.client_order_ids, [key for key in books if key not in taken])]

    async def tell(settled: list[Settled]) -> None:
        await asyncio.sleep(0)
        scene.heard.told += settled

    monkeypatch.setattr(account_module, "found_in_books", found_in_books)
    monkeypatch.setattr(scene.heard, "tell", tell)
    scene.end = OutcomeForgottenError("no receipt")
    account._placements.unsettled.add(on_its_way)
    account.settlement.restore([Resting(BID, "e", 3, 7)])
    looks = [asyncio.ensure_future(account.finish(placement(*names))) for names in (("a", "b"), ("c",))]
    await settle()
    account.settlement.forget(BID)
    assert scene.heard.told == []
    account.settlement.restore([Resting(third, "d", 3, 7)])
    on_its_way.end(mined("0x30"))
    await asyncio.gather(*looks)
    assert [(event.client_order_id, event.exchange_order_id) for event in scene.heard.told] == [
        ("a", ASK.exchange_order_id), ("b", second.exchange_order_id)]
    assert [name for name, _ in scene.heard.failed] == ["c"]


def mined(block_hash: str) -> Receipt:
    return Receipt("0xaa", 30, block_hash, True, 0, 0, ())


@pytest.mark.parametrize(("end", "is_noted", "follows", "stays"), [
    (mined("0x30"), False, [], None), (mined("0x31"), False, ["a"], None), (NotSentError("too late"), False, ["a"], None),
    (NotSentError("too late"), True, [], None), (OutcomeForgottenError("no receipt"), False, [], "settled"),
    (OutcomeUnknownError("the sender was stopped"), False, [], "unconfirmed")],
    ids=["where it was", "in another block", "in no block", "in none, and noted", "forgotten", "left again"])
async def test_a_settled_placement_is_seen_again_after_a_break(
        scene: Scene, end: Receipt | StandardError, is_noted: bool, follows: list[str], stays: str | None) -> None:
    before, again = placement("a"), placement("a")
    before.end(mined("0x30"))
    again.end(end)
    account, finished = scene.account, []
    scene.account._placements.finish = lambda tracked: finished.append(tracked) or scene._finish(tracked)
    account._finished[:], account._unconfirmed = [] if is_noted else [before], [before]
    assert account._final_at(1000) == 10, "nothing after it is final yet, nor where it may be put instead"
    await account._confirm(again, before)
    assert [tracked.intent.client_order_ids[0] for tracked in finished] == follows
    assert account._unconfirmed == ([before] if stays == "unconfirmed" else [])
    assert account._final_at(1000) == (10 if stays == "unconfirmed" else 700)
    assert account._finished == ([before] if stays else [] if follows or is_noted else [again])


async def test_nothing_is_final_after_the_block_of_a_placement_of_the_last_run_that_is_not_settled_yet(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its receipt is there at once, while the database of Hummingbot is being asked for its orders."""
    resumed, account = placement("a"), scene.account
    await account._journal.open()
    monkeypatch.setattr(account._sender, "resumed", [resumed])
    scene.node.logs_of = [[]]
    resumed.end(mined("0x30"))
    assert account._final_at(1000) == 10
    await account.recall()
    assert account._sender.resumed == [] and account._final_at(1000) == 10
    account._placements.unsettled.discard(resumed)
    assert account._final_at(1000) == 700
    await account._journal.close()


async def test_nor_after_a_break_that_of_one_which_was_not_settled_before(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before, again = placement("a"), placement("a")
    before.end(mined("0x30"))
    scene.account._placements.unsettled.add(before)
    monkeypatch.setattr(scene.account._sender, "resumed", [again])
    scene.account._follow_again()
    assert scene.account._placements.unsettled == {again} and scene.account._final_at(1000) == 700
    again.end(mined("0x30"))
    assert scene.account._final_at(1000) == 10
    await settle()


@pytest.mark.parametrize(("end", "is_settled"), [(mined("0x30"), True), (NotSentError("too late"), True),
                                                 (OutcomeForgottenError("no receipt"), True),
                                                 (OutcomeUnknownError("the sender was stopped"), False)])
async def test_the_journal_keeps_a_cancel_of_the_last_run_until_its_end(
        scene: Scene, end: Receipt | StandardError, is_settled: bool) -> None:
    cancel, settled = placement(kind="cancel"), []
    scene.account._sender = SimpleNamespace(resumed=[cancel], settle=settled.append)  # type: ignore[assignment]
    scene.account._unwraps = SimpleNamespace(resume=lambda *resumed: None)  # type: ignore[assignment]
    assert scene.account.unfinished() == []
    await settle()
    assert settled == [], "its nonce would be forgotten"
    cancel.end(end)
    await settle()
    assert settled == ([cancel] if is_settled else []) and not scene.account._following


async def test_a_node_below_the_blocks_that_are_read_again_tells_nothing_of_them(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another node of the same URL told the head."""
    async def logs_and_head(*_: Any) -> tuple[int, list[Any]]:
        return 699, []

    monkeypatch.setattr(scene.node, "logs_and_head", logs_and_head, raising=False)
    scene.account.settlement.restore([Resting(BID, "a", 1, 5)])
    scene.node.answers = [RpcError("eth_call", -32602, "invalid block number -0x1")]
    with pytest.raises(ApiUnavailableError, match="the node is behind and does not know what happened after block 720"):
        await scene.account._read_again(720)


async def test_a_node_that_fails_says_nothing_of_what_the_engine_holds(scene: Scene) -> None:
    scene.node.answers = [RpcError("eth_call", -32000, "the state is pruned")]
    with pytest.raises(RpcError, match="pruned"):
        await scene.account.deposits([BID], 900)


def test_what_rests_is_locked_in_what_it_spends_and_in_no_token_where_the_book_is_not_listed(scene: Scene) -> None:
    scene.account.settlement.restore([Resting(BID, "a", 1, 5), Resting(ASK, "b", 2, 7), Resting(UNLISTED, "c", 1, 9)])
    assert scene.account.locked() == {QUOTE.address: 5, WBTC.base.address: 7}


@pytest.mark.parametrize("kind", [PLACE, TAKE])
async def test_a_placement_that_failed_in_a_block_that_was_replaced_has_nothing_to_take_back(scene: Scene, kind: str) -> None:
    tracked = placement("a", kind=kind)
    scene.end = NotSentError("It was taken back.")
    scene.account._reorganised(tracked, None)
    await settle()
    assert scene.heard.told == [] and scene.heard.failed == [("a", "It was taken back.")]


async def test_nothing_is_told_of_a_placement_of_the_last_run_before_it_is_to_be_finished(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its block is replaced while it is not known yet which of its orders Hummingbot knows."""
    resumed, account = placement("a"), scene.account
    await account._journal.open()
    monkeypatch.setattr(account._sender, "resumed", [resumed])
    scene.node.logs_of = [[]]
    account._reorganised(resumed, mined("0x30"))
    await settle()
    (given,) = (await account.recall()).unfinished
    account._reorganised(given, mined("0x30"))
    await settle()
    assert scene.heard.told == [] and scene.heard.failed == [] and scene.finished == []
    await account.finish(given)
    account._reorganised(given, None)
    await settle()
    assert scene.finished == [given, given], "from then on it is followed anew"


async def test_an_order_does_not_fail_with_a_batch_while_another_transaction_may_place_it(scene: Scene) -> None:
    """A batch was refused and its orders were placed one by one; then all of these lost their block."""
    single = placement("a")
    scene.end = OrderRejectedError("refused again")
    scene.account._sender = SimpleNamespace(pending=[single], resumed=[])  # type: ignore[assignment]
    scene.account._reorganised(placement("a", "b"), None)
    await settle()
    assert scene.heard.failed == [("b", "refused again")]


async def test_nor_does_it_fail_with_a_batch_that_is_forgotten(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found_in_books(*_: Any) -> list[Resting]:
        return []

    monkeypatch.setattr(account_module, "found_in_books", found_in_books)
    scene.end = OutcomeForgottenError("no receipt")
    scene.account._sender = SimpleNamespace(pending=[placement("a")], resumed=[])  # type: ignore[assignment]
    await scene.account.finish(placement("a", "b"))
    assert [name for name, _ in scene.heard.failed] == ["b"]


@pytest.mark.parametrize("kind, settles", [(CANCEL, True), ("approve", True), (UNWRAP, False)])
async def test_what_places_nothing_is_settled_at_its_new_end_but_for_an_unwrap_that_must_not_be_made_twice(
        scene: Scene, kind: str, settles: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[Tracked] = []
    monkeypatch.setattr(scene.account._sender, "settle", settled.append)
    tracked = placement(kind=kind)
    scene.account._reorganised(tracked, Receipt("0xaa", 10, "0xb", True, 1, 1, (), ""))
    await settle()
    assert settled == []
    tracked.end(Receipt("0xaa", 12, "0xc", True, 1, 1, (), ""))
    await settle()
    assert settled == ([tracked] if settles else [])


async def test_what_a_placement_did_in_a_block_that_was_replaced_is_taken_back_before_it_is_followed(scene: Scene) -> None:
    (closed,) = scene.account.settlement.settle_nothing("a", 5, "0xaa", 10)
    scene.account._reorganised(placement("a", kind=TAKE), Receipt("0xaa", 10, "0xb", True, 1, 1, (), ""))
    await settle()
    (retracted,) = scene.heard.told
    assert getattr(retracted, "event", None) == closed and scene.heard.failed == []


async def test_the_head_is_the_nodes_and_only_books_of_the_listing_are_its(scene: Scene) -> None:
    assert await scene.account.head() == 901
    assert scene.account.lists(ASK) and not scene.account.lists(UNLISTED)


async def test_on_a_chain_younger_than_its_reorganisations_the_first_block_is_the_last_that_is_final(scene: Scene) -> None:
    """No node tells the logs of a block before it, so that the next start would believe that they are forgotten."""
    await scene.account._journal.open()
    await scene.account.remember(5)
    assert json.loads(await scene.account._journal.get(STATE) or "")["block"] == 0
    await scene.account._journal.close()


async def test_what_is_written_is_never_older_than_what_it_began_with(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deposits are known as of the last run's block: with an older one the next run would take the same fills out again."""
    async def yes(*_: Any) -> bool:
        return True

    monkeypatch.setattr("hummingbot.connector.exchange.standard.account.is_told", yes)
    monkeypatch.setattr(scene.account, "_is_told", yes)
    monkeypatch.setattr(scene.account, "late_blocks", 300)
    await scene.account._journal.open()
    saved = SavedState(700, [Resting(ASK, "a", 10 ** 8, 40)], [], [])
    await scene.account._journal.set(STATE, saved.to_json())
    scene.account._sender.resumed = []
    assert (await scene.account.recall()).cursor == 700
    for block, final in ((701, 700), (1000, 700), (1001, 701)):
        await scene.account.remember(block)
        assert scene.account._final == final
        written = SavedState.from_json(await scene.account._journal.get(STATE) or "")
        assert written.block == 700 and written.orders[0].deposit == 40
    await scene.account._journal.close()


async def test_orders_that_no_strategy_knows_are_noted_until_hummingbot_knows_them_no_more(
        scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.account._journal.open()
    assert await scene.account.note_unknown(["a", "b"], []) == set()
    assert await scene.account.note_unknown(["b", "c"], ["a", "x"]) == {"a"}

    async def refuse(*_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(scene.account._journal, "set", refuse)
        assert await scene.account.note_unknown([], ["a", "c"]) == {"a", "c"}, "the start goes on"
    assert await scene.account.note_unknown([], ["b", "x"]) == {"b"}
    assert await scene.account.note_unknown([], ["a", "b", "c"]) == {"b"}
    for damaged in ("[", "[[]]", "5"):
        await scene.account._journal.set(UNKNOWN, damaged)
        assert await scene.account.note_unknown(["d"], ["b"]) == set()
        assert await scene.account.note_unknown([], ["d"]) == {"d"}
    await scene.account._journal.close()


async def test_the_journal_of_an_account_whose_start_failed_is_free_for_the_next_one(scene: Scene, tmp_path: Path) -> None:
    await scene.account._journal.open()
    await scene.account.stop()
    after = Scene(tmp_path)
    await after.account._journal.open()
    await after.account.stop()
    await after.account.stop()


@pytest.mark.parametrize("noted", [None, "{"], ids=["a new journal", "one that cannot be read"])
async def test_a_block_that_the_node_cannot_show_is_not_what_later_starts_must_come_up_to(
        scene: Scene, noted: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin() -> Any:
        await scene.account._note_beginning()
        return await scene.account._saved()

    journal = scene.account._journal
    await journal.open()
    if noted is not None:
        await journal.set(STATE, noted)
    with pytest.raises(ApiUnavailableError, match="at block 901, and does not have that block"):
        await begin()
    assert await journal.get(STATE) == noted

    async def get_block(number: int) -> Block:
        return Block(number, f"0x{number}", "0x", 2_000, None)

    monkeypatch.setattr(scene.node, "get_block", get_block)
    state = await begin()
    assert state == SavedState.from_json(await journal.get(STATE) or "")
    assert (state.block, state.witness) == (901, Witness(901 - REORGANISED_BLOCKS, f"0x{901 - REORGANISED_BLOCKS}", 2_000))
    await journal.close()


async def test_logs_that_nodes_still_tell_are_not_gone_past(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """They could not be read for another reason, and what rests stays as it is known."""
    order = Resting(ASK, "a", 3, 7)
    scene.account.settlement.restore([order])
    scene.node.logs_of = [[]]
    assert await scene.account._go_past(700) is None
    assert scene.node.asked_blocks == [701] and scene.account.settlement.resting == {ASK: order} and not caplog.records
