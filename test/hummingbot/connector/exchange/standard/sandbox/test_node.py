"""The node's rules: admission, fees, mining modes, reorganisations, faults, events."""
from typing import Any

import pytest
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.sandbox import chain_state
from hummingbot.connector.exchange.standard.sandbox.blocks import LogFilter
from hummingbot.connector.exchange.standard.sandbox.chain_state import StateUnavailable
from hummingbot.connector.exchange.standard.sandbox.node import (
    BlockAdded,
    BlockRemoved,
    Mining,
    Node,
    NodeEvent,
    NodeSettings,
    Reorg,
    TransactionPending,
)
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from hummingbot.connector.exchange.standard.sandbox.world import Message, Outcome
from test.hummingbot.connector.exchange.standard.sandbox.small_world import (
    ALICE,
    BOB,
    CAROL,
    ETHER,
    GWEI,
    LOGGER,
    REFUSER,
    TOPIC,
    WATCH,
    ManualClock,
    SmallWorld,
    StopSleeping,
    sign,
)

MINER = "0x" + "99" * 20


def node(**settings: Any) -> Node:
    world: Any = SmallWorld()
    return Node(world, ManualClock(), NodeSettings(**{"mining": Mining.INSTANT, "fee_receiver": MINER, **settings}))


def refusal(of: Node, raw: bytes) -> str:
    with pytest.raises(TransactionRejected) as refused:
        of.submit(raw)
    return str(refused.value)


# Admission


def test_a_used_nonce_is_too_low() -> None:
    chain = node()
    chain.submit(sign(ALICE, 0))
    assert refusal(chain, sign(ALICE, 0, value=1)) == "nonce too low: next nonce 1, tx nonce 0"


def test_a_waiting_transaction_is_already_known() -> None:
    chain = node(mining=Mining.MANUAL)
    chain.submit(sign(ALICE, 0))
    assert refusal(chain, sign(ALICE, 0)) == "already known"


@pytest.mark.parametrize(("fee", "tip", "taken"), [(11 * GWEI, 2_200_000_000, True), (11 * GWEI, 2_199_999_999, False),
                                                   (11 * GWEI - 1, 3 * GWEI, False), (10 * GWEI, 2 * GWEI, False)])
def test_a_replacement_pays_a_tenth_more_of_both_fees(fee: int, tip: int, taken: bool) -> None:
    chain = node(mining=Mining.MANUAL)
    old = chain.submit(sign(ALICE, 0, fee=10 * GWEI, tip=2 * GWEI))
    new = sign(ALICE, 0, fee=fee, tip=tip, value=1)
    if taken:
        assert chain.submit(new) in chain.pool and old not in chain.pool
    else:
        assert refusal(chain, new) == "replacement transaction underpriced"
        assert old in chain.pool


def test_the_balance_must_cover_value_and_the_whole_limit() -> None:
    chain = node()
    cost = 999 * ETHER + 100_000 * 20_000 * GWEI
    assert refusal(chain, sign(ALICE, 0, value=999 * ETHER, fee=20_000 * GWEI)) == (
        f"insufficient funds for gas * price + value: balance {1000 * ETHER}, tx cost {cost}, overshot {cost - 1000 * ETHER}")


def test_what_waits_already_counts_against_the_balance() -> None:
    chain = node(mining=Mining.MANUAL)
    first, second = 600 * ETHER + 100_000 * 10 * GWEI, 500 * ETHER + 100_000 * 10 * GWEI
    chain.submit(sign(ALICE, 0, value=600 * ETHER))
    assert refusal(chain, sign(ALICE, 1, value=500 * ETHER)) == (
        f"insufficient funds for gas * price + value: balance {1000 * ETHER}, queued cost {first}, tx cost {second}, "
        f"overshot {first + second - 1000 * ETHER}")
    chain.submit(sign(ALICE, 0, value=500 * ETHER, fee=11 * GWEI))  # the replaced one does not count
    assert len(chain.pool) == 1


@pytest.mark.parametrize(("raw", "words"), [
    (sign(ALICE, 0, gas=20_999), "intrinsic gas too low: gas 20999, minimum needed 21000"),
    (sign(ALICE, 0, gas=21_031, data=b"ab"), "intrinsic gas too low: gas 21031, minimum needed 21032"),
    (sign(ALICE, 0, gas=30_000_001), "exceeds block gas limit"),
    (sign(ALICE, 0, fee=6 * GWEI - 1, tip=0), "max fee per gas less than block base fee: "
     f"address {ALICE}, maxFeePerGas: {6 * GWEI - 1}, baseFee: {6 * GWEI}"),
    (sign(ALICE, 0, fee=6 * GWEI - 1), f"transaction underpriced: gas price {6 * GWEI - 1}, minimum needed {6 * GWEI}"),
    (sign(ALICE, 0, fee=7 * GWEI, tip=8 * GWEI), "max priority fee per gas higher than max fee per gas: "
     f"address {ALICE}, maxPriorityFeePerGas: {8 * GWEI}, maxFeePerGas: {7 * GWEI}"),
    (sign(ALICE, 0, chain_id=1), "invalid sender: invalid chain id for signer: have 1 want 31337"),
    (b"", "typed transaction too short"),
])
def test_a_bad_transaction_is_refused_in_a_nodes_words(raw: bytes, words: str) -> None:
    chain = node(block_gas_limit=30_000_000)
    assert refusal(chain, raw) == words
    assert len(chain.pool) == 0 and chain.head.number == 0


def test_a_full_pool_refuses_all_but_replacements() -> None:
    chain = node(mining=Mining.MANUAL, pool_limit=1)
    chain.submit(sign(ALICE, 0))
    assert refusal(chain, sign(BOB, 0)) == "txpool is full"
    chain.submit(sign(ALICE, 0, fee=11 * GWEI))


# Fees and execution


def test_gas_is_bought_at_the_effective_price_and_the_rest_comes_back() -> None:
    chain = node()
    chain.submit(sign(ALICE, 0, value=5, fee=10 * GWEI, tip=GWEI))
    assert chain.balance(ALICE) == 1000 * ETHER - 5 - 21_000 * 7 * GWEI
    assert chain.balance(BOB) == 1000 * ETHER + 5
    assert chain.balance(MINER) == 21_000 * GWEI


def test_a_reverted_transaction_pays_its_gas_and_uses_its_nonce() -> None:
    chain = node()
    receipt = chain.receipt(chain.submit(sign(ALICE, 0, to=REFUSER, value=5, data=b"no")))
    assert receipt is not None and (receipt.success, receipt.return_data, receipt.logs) == (False, b"no", ())
    assert chain.balance(ALICE) == 1000 * ETHER - receipt.gas_used * 10 * GWEI
    assert chain.nonce(ALICE) == 1


def test_a_replay_node_without_fees_charges_nothing() -> None:
    chain = node(base_fee=0, priority_fee=0, first_block=92, timestamp=lambda number: 1_750_000_000 + number)
    receipt = chain.receipt(chain.submit(sign(ALICE, 0, fee=0, value=1)))
    assert receipt is not None and (receipt.block_number, receipt.timestamp) == (92, 1_750_000_092)
    assert chain.balance(ALICE) == 1000 * ETHER - 1


# Mining


def test_instant_mining_makes_one_block_per_transaction() -> None:
    chain = node()
    hashes = [chain.submit(sign(ALICE, nonce)) for nonce in range(3)]
    assert [chain.receipt(item).block_number for item in hashes if chain.receipt(item)] == [1, 2, 3]


def test_a_gap_waits_and_then_everything_is_mined() -> None:
    chain = node()
    later = [chain.submit(sign(ALICE, nonce)) for nonce in (2, 1)]
    assert chain.head.number == 0 and chain.nonce(ALICE, pending=True) == 0
    chain.submit(sign(ALICE, 0))
    assert [chain.mined(item).block_number for item in later if chain.mined(item)] == [3, 2]


def test_a_block_takes_the_best_tips_first_but_each_sender_in_order() -> None:
    chain = node(mining=Mining.MANUAL)
    low = [chain.submit(sign(ALICE, 0, fee=7 * GWEI)), chain.submit(sign(ALICE, 1, fee=20 * GWEI))]
    high = [chain.submit(sign(BOB, 0, fee=9 * GWEI)), chain.submit(sign(CAROL, 0, fee=9 * GWEI))]
    assert chain.nonce(ALICE) == 0 and chain.nonce(ALICE, pending=True) == 2
    chain.mine()
    assert [receipt.transaction.hash for receipt in chain.head.receipts] == [*high, *low]
    assert [receipt.cumulative_gas_used for receipt in chain.head.receipts] == [21_000, 42_000, 63_000, 84_000]


def test_a_full_block_leaves_the_rest_for_the_next() -> None:
    chain = node(mining=Mining.MANUAL, block_gas_limit=130_000)
    for nonce in range(3):
        chain.submit(sign(ALICE, nonce))
    chain.mine()
    assert len(chain.head.receipts) == 2  # 130,000 - 2 x 21,000 is less than the third one's limit
    chain.mine(2)
    assert [len(block.receipts) for block in chain.history.range(1, 3)] == [2, 1, 0]


def test_who_can_no_longer_pay_is_thrown_out_of_the_pool() -> None:
    chain = node(mining=Mining.MANUAL)
    chain.submit(sign(ALICE, 0))
    chain.world.add_balance(ALICE, -chain.world.balance(ALICE))
    chain.mine()
    assert len(chain.pool) == 0 and chain.head.number == 1 and not chain.head.receipts
    chain.set_mining(Mining.INSTANT)
    assert chain.head.number == 1


async def test_interval_mining_mines_every_interval_and_lets_go_what_was_held() -> None:
    chain = node(mining=Mining.INTERVAL, interval=0.25)
    chain.faults.hold_transactions = True
    held = chain.submit(sign(ALICE, 0))
    chain.faults.hold_transactions = False
    with pytest.raises(StopSleeping):
        await chain.run()
    assert chain.head.number == 10
    receipt = chain.receipt(held)
    assert receipt is not None and receipt.block_number == 1


def test_pausing_stops_blocks_until_resumed() -> None:
    chain = node()
    chain.pause()
    waiting = chain.submit(sign(ALICE, 0))
    assert chain.head.number == 0 and chain.receipt(waiting) is None
    chain.resume()
    assert chain.receipt(waiting) is not None


def test_timestamps_follow_the_clock_and_never_decrease() -> None:
    world: Any = SmallWorld()
    clock = ManualClock(100.9)
    chain = Node(world, clock, NodeSettings(mining=Mining.MANUAL))
    times = []
    for now in (105.5, 50.0, 106.0):
        clock.now = now
        chain.mine()
        times.append(chain.head.timestamp)
    assert times == [105, 105, 106]


def test_history_is_bounded_and_old_undo_information_forgotten() -> None:
    chain = node(history_blocks=5, reorg_depth=3)
    hashes = [chain.submit(sign(ALICE, nonce, to=LOGGER, data=b"x")) for nonce in range(20)]
    assert chain.receipt(hashes[14]) is None and chain.receipt(hashes[15]) is not None
    assert (chain.history.oldest_number, chain.block(15), len(chain.logs(LogFilter(), 0, 99))) == (16, None, 5)
    assert len(chain.world.journal) < 40
    with pytest.raises(ValueError, match="4 blocks cannot be replaced"):
        chain.reorganise(4)
    assert len(chain.reorganise(3)) == 3


# Calls


def block_seen(outcome: Outcome) -> tuple[int, int]:
    return int.from_bytes(outcome.return_data[:32], "big"), int.from_bytes(outcome.return_data[32:], "big")


def test_a_pending_call_runs_in_the_next_block_after_what_waits() -> None:
    chain = node(mining=Mining.MANUAL, timestamp=lambda number: 1000 + number)
    chain.submit(sign(ALICE, 0, value=7 * ETHER))
    message = Message(ALICE, WATCH, 0, b"", 100_000)
    assert block_seen(chain.call(message)) == (0, 1000)
    assert block_seen(chain.call(message, pending=True)) == (1, 1001)
    assert chain.balance(BOB) == 1000 * ETHER and chain.balance(BOB, pending=True) == 1007 * ETHER
    assert chain.nonce(ALICE) == 0 and len(chain.pool) == 1
    assert chain.estimate_gas(message, pending=True) == 21_000


def test_an_older_state_can_be_looked_at_and_changes_nothing() -> None:
    chain = node(timestamp=lambda number: 1000 + number)
    for nonce in range(5):
        chain.submit(sign(ALICE, nonce, value=ETHER))
    message = Message(ALICE, WATCH, 0, b"", 100_000)
    now = (chain.world.checkpoint(), chain.balance(ALICE), chain.balance(BOB))
    assert [chain.balance(BOB, number=number) for number in range(6)] == [(1000 + number) * ETHER for number in range(6)]
    assert [chain.nonce(ALICE, number=number) for number in range(6)] == list(range(6))
    assert block_seen(chain.call(message, number=2)) == (2, 1002)
    assert chain.estimate_gas(message, number=3) == 21_000
    assert (chain.world.checkpoint(), chain.balance(ALICE), chain.balance(BOB)) == now
    chain.reorganise(3, Reorg.VANISH)
    assert chain.balance(BOB) == 1002 * ETHER


def test_a_state_that_is_too_old_is_not_available() -> None:
    chain = node(reorg_depth=3)
    for nonce in range(5):
        chain.submit(sign(ALICE, nonce, value=ETHER))
    assert chain.balance(BOB, number=2) == 1002 * ETHER
    with pytest.raises(StateUnavailable, match="historical state of block 1 is not available, the head is block 5"):
        chain.balance(BOB, number=1)


def test_a_state_before_a_change_from_outside_is_not_available() -> None:
    chain = node()
    chain.submit(sign(ALICE, 0))
    chain.world.add_balance(CAROL, 5)
    chain.submit(sign(ALICE, 1))
    assert chain.balance(CAROL) == 1000 * ETHER + 5
    with pytest.raises(StateUnavailable):
        chain.balance(BOB, number=1)


def test_a_state_before_too_many_transactions_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_state, "MAX_REPEATED", 2)
    chain = node()
    three_said(chain)
    assert chain.nonce(ALICE, number=1) == 1
    with pytest.raises(StateUnavailable):
        chain.nonce(ALICE, number=0)


# Reorganisations


def three_said(chain: Node) -> list[str]:
    return [chain.submit(sign(ALICE, nonce, to=LOGGER, data=bytes([nonce]))) for nonce in range(3)]


def test_transactions_of_removed_blocks_return_to_the_pool() -> None:
    chain = node(mining=Mining.INSTANT)
    hashes = three_said(chain)
    chain.mining = Mining.MANUAL
    old = [block.hash for block in chain.history.range(1, 3)]
    removed = chain.reorganise(2)
    assert [block.hash for block in removed] == old[1:]
    assert chain.head.number == 3 and chain.nonce(ALICE) == 1
    assert chain.head.hash not in old and chain.history.by_number(1).hash == old[0]  # type: ignore[union-attr]
    assert all(item in chain.pool for item in hashes[1:]) and chain.receipt(hashes[2]) is None
    assert chain.world.said == 1  # type: ignore[attr-defined]
    chain.mine()
    assert [receipt.transaction.hash for receipt in chain.head.receipts] == hashes[1:]


def test_an_instant_node_mines_returned_transactions_again_at_once() -> None:
    chain = node()
    hashes = three_said(chain)
    chain.reorganise(2)
    assert [chain.mined(item).block_number for item in hashes if chain.mined(item)] == [1, 4, 5]


def test_transactions_of_removed_blocks_may_vanish() -> None:
    chain = node()
    hashes = three_said(chain)
    chain.reorganise(2, Reorg.VANISH)
    assert len(chain.pool) == 0 and chain.nonce(ALICE) == 1 and chain.transaction(hashes[1]) is None
    assert chain.head.number == 3


def test_transactions_of_removed_blocks_may_be_in_the_new_ones() -> None:
    chain = node()
    hashes = three_said(chain)
    chain.reorganise(2, Reorg.REMINE)
    assert [len(block.receipts) for block in chain.history.range(1, 3)] == [1, 2, 0]
    receipt = chain.receipt(hashes[2])
    assert receipt is not None and (receipt.block_number, receipt.index) == (2, 1)


@pytest.mark.parametrize("depth", [0, -1, 4])
def test_a_reorganisation_needs_that_many_mined_blocks(depth: int) -> None:
    chain = node()
    three_said(chain)
    with pytest.raises(ValueError, match="cannot be replaced"):
        chain.reorganise(depth)


def test_blocks_of_two_branches_with_equal_contents_have_different_hashes() -> None:
    chain = node(timestamp=lambda number: number)
    three_said(chain)
    before = {block.hash for block in chain.history.range(1, 3)}
    chain.reorganise(3, Reorg.VANISH)
    for _ in range(3):
        chain.reorganise(1, Reorg.VANISH)
    assert before.isdisjoint(block.hash for block in chain.history.range(1, 3))


# Events


def test_listeners_hear_pending_new_and_removed_in_order() -> None:
    chain = node()
    heard: list[NodeEvent] = []
    unsubscribe = chain.subscribe(heard.append)
    hashes = three_said(chain)
    chain.reorganise(2)
    kinds = [(type(event), event.transaction.hash if isinstance(event, TransactionPending) else event.block.number)
             for event in heard]
    assert kinds == [*((kind, what) for index, item in enumerate(hashes)
                       for kind, what in ((TransactionPending, item), (BlockAdded, index + 1))),
                     (BlockRemoved, 3), (BlockRemoved, 2), (BlockAdded, 2), (BlockAdded, 3), (BlockAdded, 4), (BlockAdded, 5)]
    removed = next(event.block for event in heard if isinstance(event, BlockRemoved))
    assert [entry.log.data for entry in removed.logs()] == [b"\x02"]
    unsubscribe()
    chain.mine()
    assert len(heard) == len(kinds)


def test_a_listener_that_submits_does_not_disturb_the_order_of_the_others() -> None:
    chain = node()
    heard: list[int] = []

    def answer(event: NodeEvent) -> None:
        if isinstance(event, BlockAdded) and event.block.number == 1:
            chain.submit(sign(BOB, 0))

    chain.subscribe(answer)
    chain.subscribe(lambda event: heard.append(event.block.number) if isinstance(event, BlockAdded) else None)
    chain.submit(sign(ALICE, 0))
    assert heard == [1, 2]


# Faults


def test_a_dropped_transaction_is_accepted_and_lost() -> None:
    chain = node()
    chain.faults.drop_transactions = True
    raw = sign(ALICE, 0)
    assert chain.submit(raw) == "0x" + keccak(raw).hex()
    assert (chain.head.number, len(chain.pool), chain.nonce(ALICE, pending=True)) == (0, 0, 0)
    chain.faults.drop_transactions = False
    chain.submit(raw)
    assert chain.head.number == 1


def test_a_held_transaction_waits_until_released() -> None:
    chain = node()
    chain.faults.hold_transactions = True
    held = chain.submit(sign(ALICE, 0))
    assert refusal(chain, sign(ALICE, 0)) == "already known"
    chain.faults.hold_transactions = False
    assert chain.transaction(held) is None
    chain.release_held()
    assert chain.receipt(held) is not None


def test_a_held_transaction_whose_nonce_was_used_is_lost() -> None:
    chain = node()
    chain.faults.hold_transactions = True
    held = chain.submit(sign(ALICE, 0))
    chain.faults.hold_transactions = False
    chain.submit(sign(ALICE, 0, value=1))
    chain.release_held()
    assert chain.transaction(held) is None and len(chain.pool) == 0


def test_receipts_may_be_delayed_by_blocks_and_by_seconds() -> None:
    world: Any = SmallWorld()
    clock = ManualClock()
    chain = Node(world, clock, NodeSettings(mining=Mining.INSTANT))
    mined = chain.submit(sign(ALICE, 0))
    chain.faults.receipt_delay_blocks = 2
    chain.mine()
    assert chain.receipt(mined) is None and chain.mined(mined) is not None
    chain.mine()
    assert chain.receipt(mined) is not None
    chain.faults.receipt_delay_seconds = 3
    assert chain.receipt(mined) is None
    clock.now += 3
    assert chain.receipt(mined) is not None


def test_a_node_that_is_behind_answers_as_of_an_older_head() -> None:
    chain = node()
    hashes = three_said(chain)
    chain.faults.blocks_behind = 2
    assert chain.visible_head.number == 1 and chain.nonce(ALICE) == 1 and chain.nonce(ALICE, pending=True) == 3
    assert [chain.receipt(item) is None for item in hashes] == [False, True, True]
    assert chain.transaction(hashes[2]) is not None and chain.mined(hashes[2]) is None
    assert (chain.block(2), chain.block_by_hash(chain.head.hash)) == (None, None)
    assert len(chain.logs(LogFilter(), 0, 99)) == 1
    assert chain.balance(ALICE) == chain.balance(ALICE, number=1) > chain.balance(ALICE, number=3)
    chain.faults.blocks_behind = 99
    assert chain.visible_head.number == 0 and chain.nonce(ALICE) == 0


def test_logs_may_come_twice_and_out_of_order() -> None:
    chain = node()
    for nonce in range(20):
        chain.submit(sign(ALICE, nonce, to=LOGGER, data=bytes([nonce])))
    chain.faults.duplicate_logs = chain.faults.shuffle_logs = True
    numbers = [entry.receipt.block_number for entry in chain.logs(LogFilter(), 1, 20)]
    assert sorted(numbers) == sorted(2 * list(range(1, 21))) and numbers != sorted(numbers)


def test_a_base_fee_spike_keeps_what_was_accepted_waiting() -> None:
    chain = node(mining=Mining.MANUAL)
    waiting = chain.submit(sign(ALICE, 0, fee=10 * GWEI))
    chain.faults.base_fee_factor = 10
    chain.mine()
    assert chain.gas_price == 61 * GWEI and waiting in chain.pool
    replaced = chain.submit(sign(ALICE, 0, fee=100 * GWEI))
    chain.mine()
    receipt = chain.receipt(replaced)
    assert receipt is not None and receipt.gas_price == 100 * GWEI


# Log filters


@pytest.mark.parametrize(("wanted", "found"), [
    (LogFilter(), 2), (LogFilter(frozenset((LOGGER,))), 2), (LogFilter(frozenset((BOB,))), 0),
    (LogFilter(frozenset((BOB, LOGGER)), (frozenset((TOPIC,)),)), 1), (LogFilter(topics=(frozenset(),)), 2),
    (LogFilter(topics=(frozenset(), frozenset())), 1), (LogFilter(topics=(frozenset((TOPIC, BOB)), frozenset((BOB,)))), 0)])
def test_logs_are_chosen_by_address_and_topic_positions(wanted: LogFilter, found: int) -> None:
    chain = node()
    chain.submit(sign(ALICE, 0, to=LOGGER, data=b"said"))
    chain.submit(sign(ALICE, 1, to=LOGGER))
    assert len(chain.logs(wanted, 1, 2)) == found
