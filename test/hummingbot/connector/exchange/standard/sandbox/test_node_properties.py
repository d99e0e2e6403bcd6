"""Whatever is sent, mined and reorganised: money is conserved, nonces count mined transactions, the pool holds what waits."""
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hummingbot.connector.exchange.standard.sandbox.blocks import LogFilter, MinedBlock
from hummingbot.connector.exchange.standard.sandbox.node import (
    BlockAdded,
    BlockRemoved,
    Mining,
    Node,
    NodeEvent,
    NodeSettings,
    Reorg,
)
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from test.hummingbot.connector.exchange.standard.sandbox.small_world import (
    ALICE,
    BOB,
    CAROL,
    ETHER,
    GWEI,
    LOGGER,
    REFUSER,
    ManualClock,
    SmallWorld,
    sign,
)

PEOPLE = (ALICE, BOB, CAROL)
MINER = "0x" + "99" * 20


class NodeMachine(RuleBasedStateMachine):
    """A node under random use, and a listener that rebuilds the chain from events alone."""

    def __init__(self) -> None:
        super().__init__()
        world: Any = SmallWorld()
        self.node = Node(world, ManualClock(), NodeSettings(
            mining=Mining.MANUAL, reorg_depth=5, history_blocks=200, block_gas_limit=500_000, fee_receiver=MINER))
        self.chain: list[MinedBlock] = []
        self.node.subscribe(self.heard)

    def heard(self, event: NodeEvent) -> None:
        if isinstance(event, BlockAdded):
            assert event.block.number == len(self.chain) + 1
            assert not self.chain or event.block.parent_hash == self.chain[-1].hash
            self.chain.append(event.block)
        elif isinstance(event, BlockRemoved):
            assert self.chain.pop() is event.block

    @rule(sender=st.sampled_from(PEOPLE), ahead=st.integers(-1, 3), to=st.sampled_from((*PEOPLE, LOGGER, REFUSER)),
          value=st.sampled_from((0, 1, 300 * ETHER)), fee=st.integers(5, 30), tip=st.none() | st.integers(0, 5))
    def submit(self, sender: str, ahead: int, to: str, value: int, fee: int, tip: int | None) -> None:
        nonce = max(self.node.nonce(sender, pending=True) + ahead, 0)
        raw = sign(sender, nonce, to=to, value=value, fee=fee * GWEI, tip=None if tip is None else tip * GWEI)
        used, waiting = self.node.world.nonce(sender), len(self.node.pool)
        try:
            self.node.submit(raw)
        except TransactionRejected:
            assert len(self.node.pool) == waiting
        else:
            assert nonce >= used

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.node.mine(blocks)

    @rule(mode=st.sampled_from(list(Mining)))
    def change_mode(self, mode: Mining) -> None:
        self.node.set_mining(mode)

    @rule(depth=st.integers(1, 6), mode=st.sampled_from(list(Reorg)))
    def reorganise(self, depth: int, mode: Reorg) -> None:
        before = len(self.chain)
        try:
            self.node.reorganise(depth, mode)
        except ValueError:
            assert depth > min(before, 5)
        else:
            assert len(self.chain) >= before

    @rule(factor=st.sampled_from((1, 3)))
    def spike(self, factor: int) -> None:
        self.node.faults.base_fee_factor = factor

    @rule(back=st.integers(1, 4))
    def look_back(self, back: int) -> None:
        if self.node.head.number >= back and self.node.head.number:
            number = max(self.node.head.number - back, 0)
            mined = sum(receipt.transaction.sender == ALICE for block in self.chain[:number] for receipt in block.receipts)
            assert self.node.nonce(ALICE, number=number) == mined

    @invariant()
    def money_is_conserved(self) -> None:
        burnt = sum(receipt.gas_used * block.base_fee for block in self.chain for receipt in block.receipts)
        assert sum(self.node.world.balances.values()) + burnt == 3000 * ETHER  # type: ignore[attr-defined]

    @invariant()
    def nonces_count_mined_transactions(self) -> None:
        for sender in PEOPLE:
            mined = [receipt.transaction.nonce for block in self.chain for receipt in block.receipts
                     if receipt.transaction.sender == sender]
            assert mined == list(range(self.node.world.nonce(sender)))

    @invariant()
    def the_pool_holds_what_can_still_be_mined(self) -> None:
        assert all(waiting.nonce >= self.node.world.nonce(waiting.sender) for waiting in self.node.pool)
        for sender in PEOPLE:
            queue = [waiting for waiting in self.node.pool if waiting.sender == sender]
            assert len({waiting.nonce for waiting in queue}) == len(queue)
            assert self.node.pool.cost(sender) == sum(waiting.cost for waiting in queue)

    @invariant()
    def what_was_told_is_what_can_be_asked(self) -> None:
        assert self.chain[-1:] == [self.node.head][:len(self.chain)]
        logs = self.node.logs(LogFilter(), 1, len(self.chain))
        assert [(entry.receipt.block_hash, entry.position) for entry in logs] == [
            (block.hash, position) for block in self.chain for position in range(sum(len(item.logs) for item in block.receipts))]
        for block in self.chain:
            assert all(self.node.receipt(receipt.transaction.hash) is receipt for receipt in block.receipts)
            assert sum(receipt.gas_used for receipt in block.receipts) == block.gas_used <= block.gas_limit


TestNode = NodeMachine.TestCase
TestNode.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
