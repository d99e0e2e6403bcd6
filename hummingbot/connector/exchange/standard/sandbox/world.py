"""The simulated chain state: accounts and contracts, and how a message changes them.

Every mutation is journaled, so that a message, a block or more can be undone. Nonces and gas payments are the node's
business; a message here moves value and runs a contract. Amounts of native value are in its smallest unit.
"""
from typing import NamedTuple

from hummingbot.connector.exchange.standard.sandbox.execution import Block, Contract, Execution, Log, Revert
from hummingbot.connector.exchange.standard.sandbox.gas import GasMeter, GasSchedule, OutOfGas, intrinsic_gas
from hummingbot.connector.exchange.standard.sandbox.state import Journal

__all__ = ["Block", "Log", "Message", "Outcome", "World"]

TRANSACTION_GAS = 21_000


class Message(NamedTuple):
    """What a transaction or a call asks for; `to` None would create a contract, which always fails here."""

    sender: str
    to: str | None
    value: int
    data: bytes
    gas_limit: int


class Outcome(NamedTuple):
    """What came of a message; `return_data` is the revert data when it failed."""

    success: bool
    gas_used: int
    return_data: bytes
    logs: tuple[Log, ...]


class World:
    """All accounts and contracts. Addresses are lower-case."""

    def __init__(self, schedule: GasSchedule = GasSchedule.ETHEREUM) -> None:
        self.journal = Journal()
        self.schedule = schedule
        self._balances: dict[str, int] = {}
        self._nonces: dict[str, int] = {}
        self._contracts: dict[str, Contract] = {}

    # --- accounts ---

    def balance(self, address: str) -> int:
        """Native balance."""
        return self._balances.get(address, 0)

    def nonce(self, address: str) -> int:
        """The nonce of the next transaction of an account."""
        return self._nonces.get(address, 0)

    def code(self, address: str) -> bytes:
        """Empty for an account without a contract, a marker otherwise."""
        contract = self._contracts.get(address)
        return contract.code() if contract is not None else b""

    def contract(self, address: str) -> Contract | None:
        """The contract at an address."""
        return self._contracts.get(address)

    def add_contract(self, contract: Contract) -> None:
        """Put a contract at its address."""
        self.journal.put(self._contracts, contract.address, contract)

    def add_balance(self, address: str, amount: int) -> None:
        """Change a native balance, also downwards; raises ValueError below zero."""
        balance = self._balances.get(address, 0) + amount
        if balance < 0:
            raise ValueError(f"{address} holds {balance - amount}, less than the {-amount} to be taken")
        self.journal.put(self._balances, address, balance)

    def set_nonce(self, address: str, nonce: int) -> None:
        """Set the nonce of an account."""
        self.journal.put(self._nonces, address, nonce)

    def transfer(self, sender: str, receiver: str, amount: int) -> None:
        """Move native value, without running anything; raises ValueError when the sender has less."""
        self.add_balance(sender, -amount)
        self.add_balance(receiver, amount)

    def pay(self, execution: Execution, sender: str, receiver: str, amount: int) -> None:
        """A contract pays native value, with no more gas than a plain payment brings. Raises Revert when there is too
        little of it or the receiver is a contract that does not take it."""
        if self.balance(sender) < amount:
            raise Revert
        meter = execution.meter
        meter.account(receiver)
        if amount:
            meter.spend(meter.prices.transfer)
            if not self.balance(receiver) and not self.nonce(receiver) and receiver not in self._contracts:
                meter.new_account()
        self.transfer(sender, receiver, amount)
        contract = self._contracts.get(receiver)
        if contract is not None:
            if not contract.receives_by_stipend:
                raise Revert
            contract.receive(execution, sender, amount)

    # --- messages ---

    def execute(self, message: Message, block: Block) -> Outcome:
        """Run a message. A failed one leaves no trace; one that lacks gas has used all of it and returns nothing."""
        return self._run(message, block)[0]

    def call(self, message: Message, block: Block) -> Outcome:
        """Run a message and undo it."""
        checkpoint = self.journal.checkpoint()
        outcome = self.execute(message, block)
        self.journal.rollback(checkpoint)
        return outcome

    def intrinsic_gas(self, message: Message) -> int:
        """The gas that a message costs before anything runs."""
        return intrinsic_gas(self.schedule.value, message.data)

    def estimate_gas(self, message: Message, block: Block) -> int | Outcome:
        """The smallest sufficient gas limit up to the message's own, found by bisection as nodes do; the failing outcome
        when even that does not do.

        As with nodes, "sufficient" means that the transaction succeeds: one whose inner calls are guarded may succeed
        without doing anything, and the bisection falls for it (docs/protocol.md, "Cancel and update").
        """
        checkpoint = self.journal.checkpoint()
        outcome, meter = self._run(message, block)
        self.journal.rollback(checkpoint)
        if not outcome.success:
            return outcome
        if not meter.guards:
            return meter.required()
        low, high = TRANSACTION_GAS, message.gas_limit
        middle = min(outcome.gas_used * 3, (high + low) // 2)
        while high - low > 1:
            if self.call(message._replace(gas_limit=middle), block).success:
                high = middle
            else:
                low = middle
            middle = (high + low) // 2
        return high

    def _run(self, message: Message, block: Block) -> tuple[Outcome, GasMeter]:
        prices = self.schedule.value
        meter = GasMeter(prices, message.gas_limit)
        meter.spend(intrinsic_gas(prices, message.data))
        execution = Execution(self, block, meter, message.sender, message.value)
        checkpoint = self.journal.checkpoint()
        try:
            return_data = self._deliver(execution, message)
            if meter.required() > message.gas_limit:
                raise OutOfGas
        except Revert as revert:
            self.journal.rollback(checkpoint)
            if meter.required() <= message.gas_limit:
                return Outcome(False, meter.used, revert.data, ()), meter
            return Outcome(False, message.gas_limit, b"", ()), meter
        except OutOfGas:
            self.journal.rollback(checkpoint)
            return Outcome(False, message.gas_limit, b"", ()), meter
        return Outcome(True, meter.charged(), return_data, tuple(execution.logs)), meter

    def _deliver(self, execution: Execution, message: Message) -> bytes:
        if message.to is None or self.balance(message.sender) < message.value:
            raise OutOfGas
        contract = self._contracts.get(message.to)
        execution.meter.warm(message.sender, message.to)
        if message.value:
            self.transfer(message.sender, message.to, message.value)
        if contract is None:
            return b""
        return contract.run(execution, message.data)

    # --- undoing ---

    def checkpoint(self) -> int:
        """The present state, to come back to."""
        return self.journal.checkpoint()

    def rollback(self, checkpoint: int) -> None:
        """Come back to a checkpoint; raises ValueError when it was forgotten."""
        self.journal.rollback(checkpoint)

    def forget(self, checkpoint: int) -> None:
        """Never come back to anything before `checkpoint`; this is what keeps memory bounded."""
        self.journal.forget(checkpoint)
