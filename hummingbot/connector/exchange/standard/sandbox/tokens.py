"""ERC-20 tokens and the wrapped native token (docs/protocol.md, "Tokens" and "Native token"). Amounts are in the token's
smallest unit, nothing is ever rounded."""
from collections.abc import Mapping

from hummingbot.connector.exchange.standard.chain.abi import Error, Function
from hummingbot.connector.exchange.standard.chain.tokens import (
    APPROVAL,
    DEPOSIT,
    ERC20_FUNCTIONS,
    TRANSFER,
    WETH_FUNCTIONS,
    WITHDRAWAL,
)
from hummingbot.connector.exchange.standard.sandbox.execution import (
    MAX_UINT256,
    ZERO_ADDRESS,
    Contract,
    Execution,
    Revert,
    checked,
    refuse,
)

INSUFFICIENT_BALANCE = Error("ERC20InsufficientBalance(address sender,uint256 balance,uint256 needed)")
INSUFFICIENT_ALLOWANCE = Error("ERC20InsufficientAllowance(address spender,uint256 allowance,uint256 needed)")
INVALID_RECEIVER = Error("ERC20InvalidReceiver(address receiver)")
INVALID_SPENDER = Error("ERC20InvalidSpender(address spender)")

_PADDING = "0x" + "0" * 24
TRANSFER_GAS = 1_000
APPROVE_GAS = 450
VIEW_GAS = 400


class Token(Contract):
    """An ERC-20 token with the custom errors of its common implementation; an allowance of 2**256-1 is never used up."""

    def __init__(self, address: str, symbol: str, name: str, decimals: int,
                 functions: Mapping[str, Function] = ERC20_FUNCTIONS, payable: tuple[str, ...] = ()) -> None:
        self.ticker = symbol
        self.title = name
        self.places = decimals
        self.balances: dict[str, int] = {}
        self.allowances: dict[tuple[str, str], int] = {}
        self.supply = 0
        super().__init__(address, functions, payable)

    def mint(self, execution: Execution | None, account: str, amount: int) -> None:
        """Create `amount` for `account`, without a log; `execution` None means while the world is built."""
        if execution is None:
            self.supply += amount
            self.balances[account] = self.balances.get(account, 0) + amount
            return
        self._set_supply(execution, self.supply + amount)
        self._set_balance(execution, account, self.balances.get(account, 0) + amount)

    def burn(self, execution: Execution, account: str, amount: int) -> None:
        """Destroy `amount` of `account`, without a log; raises Revert when there is less."""
        balance = self.balances.get(account, 0)
        if balance < amount:
            raise self._short_of_balance(account, balance, amount)
        self._set_supply(execution, self.supply - amount)
        self._set_balance(execution, account, balance - amount)

    def move(self, execution: Execution, sender: str, receiver: str, amount: int) -> None:
        """Transfer and log it; raises Revert when the balance is short or the receiver is the zero address."""
        execution.meter.spend(TRANSFER_GAS)
        if receiver == ZERO_ADDRESS:
            self._check_receiver(receiver)
        balance = self.balances.get(sender, 0)
        execution.meter.read((self.address, sender))
        if balance < amount:
            raise self._short_of_balance(sender, balance, amount)
        self._set_balance(execution, sender, balance - amount)
        self._set_balance(execution, receiver, self.balances.get(receiver, 0) + amount)
        self.log_transfer(execution, sender, receiver, amount)

    def move_from(self, execution: Execution, spender: str, owner: str, receiver: str, amount: int) -> None:
        """Transfer out of an allowance; raises Revert when the allowance or the balance is short."""
        allowance = self.allowances.get((owner, spender), 0)
        execution.meter.read((self.address, owner, spender))
        if allowance != MAX_UINT256:
            if allowance < amount:
                raise self._short_of_allowance(spender, allowance, amount)
            execution.meter.write((self.address, owner, spender), allowance, allowance - amount)
            execution.world.journal.put(self.allowances, (owner, spender), allowance - amount)
        self.move(execution, owner, receiver, amount)

    def log_transfer(self, execution: Execution, sender: str, receiver: str, amount: int) -> None:
        """Write the Transfer log."""
        execution.write_log(self.address, (TRANSFER.topic, _PADDING + sender[2:], _PADDING + receiver[2:]),
                            amount.to_bytes(32, "big"))

    def approve(self, execution: Execution, spender: str, amount: int) -> tuple[bool]:
        """approve(address,uint256)."""
        if spender == ZERO_ADDRESS:
            self._check_spender(spender)
        owner = execution.sender
        execution.meter.spend(APPROVE_GAS)
        execution.meter.write((self.address, owner, spender), self.allowances.get((owner, spender), 0), amount)
        execution.world.journal.put(self.allowances, (owner, spender), amount)
        execution.emit(self.address, APPROVAL, owner, spender, amount)
        return (True,)

    def transfer(self, execution: Execution, receiver: str, amount: int) -> tuple[bool]:
        """transfer(address,uint256)."""
        self.move(execution, execution.sender, receiver, amount)
        return (True,)

    def transfer_from(self, execution: Execution, owner: str, receiver: str, amount: int) -> tuple[bool]:
        """transferFrom(address,address,uint256)."""
        self.move_from(execution, execution.sender, owner, receiver, amount)
        return (True,)

    def allowance(self, execution: Execution, owner: str, spender: str) -> tuple[int]:
        """allowance(address,address)."""
        execution.meter.read((self.address, owner, spender))
        return (self.allowances.get((owner, spender), 0),)

    def balance_of(self, execution: Execution, account: str) -> tuple[int]:
        """balanceOf(address)."""
        execution.meter.read((self.address, account))
        return (self.balances.get(account, 0),)

    def total_supply(self, execution: Execution) -> tuple[int]:
        """totalSupply()."""
        execution.meter.read((self.address, "supply"))
        return (self.supply,)

    def decimals(self, execution: Execution) -> tuple[int]:
        """decimals()."""
        execution.meter.spend(VIEW_GAS)
        return (self.places,)

    def symbol(self, execution: Execution) -> tuple[str]:
        """symbol()."""
        execution.meter.read((self.address, "symbol"))
        return (self.ticker,)

    def name(self, execution: Execution) -> tuple[str]:
        """name()."""
        execution.meter.read((self.address, "name"))
        return (self.title,)

    def _set_balance(self, execution: Execution, account: str, amount: int) -> None:
        execution.meter.write((self.address, account), self.balances.get(account, 0), amount)
        execution.world.journal.put(self.balances, account, checked(amount))

    def _set_supply(self, execution: Execution, amount: int) -> None:
        execution.meter.write((self.address, "supply"), self.supply, amount)
        execution.world.journal.assign(self, "supply", amount)

    def _check_receiver(self, receiver: str) -> None:
        raise refuse(INVALID_RECEIVER, receiver)

    def _check_spender(self, spender: str) -> None:
        raise refuse(INVALID_SPENDER, spender)

    def _short_of_balance(self, account: str, balance: int, needed: int) -> Revert:
        return refuse(INSUFFICIENT_BALANCE, account, balance, needed)

    def _short_of_allowance(self, spender: str, allowance: int, needed: int) -> Revert:
        return refuse(INSUFFICIENT_ALLOWANCE, spender, allowance, needed)


class WrappedNative(Token):
    """The wrapped native token, one native unit for one token unit.

    With `canonical_logs` it is the usual contract: Deposit and Withdrawal logs, failures without a reason, and it does
    not mind the zero address. Otherwise it is a common token that logs wrapping and unwrapping as a Transfer from and to
    the zero address, as the one of the recordings does.
    """

    def __init__(self, address: str, symbol: str, name: str, canonical_logs: bool) -> None:
        self.canonical_logs = canonical_logs
        super().__init__(address, symbol, name, 18, WETH_FUNCTIONS, payable=("deposit",))

    def wrap(self, execution: Execution, account: str, amount: int) -> None:
        """Credit `account` for native value that has arrived."""
        self.mint(execution, account, amount)
        if self.canonical_logs:
            execution.emit(self.address, DEPOSIT, account, amount)
        else:
            self.log_transfer(execution, ZERO_ADDRESS, account, amount)

    def unwrap(self, execution: Execution, account: str, amount: int) -> None:
        """Burn and pay native value to `account`."""
        self.burn(execution, account, amount)
        if not self.canonical_logs:
            self.log_transfer(execution, account, ZERO_ADDRESS, amount)
        execution.world.pay(execution, self.address, account, amount)
        if self.canonical_logs:
            execution.emit(self.address, WITHDRAWAL, account, amount)

    def deposit(self, execution: Execution) -> None:
        """deposit(): the message's value becomes tokens."""
        self.wrap(execution, execution.sender, execution.value)

    def withdraw(self, execution: Execution, amount: int) -> None:
        """withdraw(uint256)."""
        self.unwrap(execution, execution.sender, amount)

    def receive(self, execution: Execution, sender: str, value: int) -> None:
        """Native value sent directly is wrapped, too."""
        self.wrap(execution, sender, value)

    def _check_receiver(self, receiver: str) -> None:
        if not self.canonical_logs:
            super()._check_receiver(receiver)

    def _check_spender(self, spender: str) -> None:
        if not self.canonical_logs:
            super()._check_spender(spender)

    def _short_of_balance(self, account: str, balance: int, needed: int) -> Revert:
        return Revert() if self.canonical_logs else super()._short_of_balance(account, balance, needed)

    def _short_of_allowance(self, spender: str, allowance: int, needed: int) -> Revert:
        return Revert() if self.canonical_logs else super()._short_of_allowance(spender, allowance, needed)
