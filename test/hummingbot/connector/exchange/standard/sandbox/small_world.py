"""A world of plain accounts and three little contracts, so that tests of the node do not depend on the exchange."""
from eth_account import Account
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.chain.engine import ERRORS
from hummingbot.connector.exchange.standard.sandbox.state import Journal
from hummingbot.connector.exchange.standard.sandbox.world import Block, Log, Message, Outcome

CHAIN = 31337
GWEI = 10 ** 9
ETHER = 10 ** 18
LOGGER = "0x" + "10" * 20  # logs its calldata, the caller as an indexed topic
REFUSER = "0x" + "20" * 20  # reverts with its calldata
WATCH = "0x" + "30" * 20  # returns the number and time of the block
TOPIC = "0x" + keccak(b"Said(address,bytes)").hex()
OTHER_TOPIC = "0x" + keccak(b"Heard()").hex()

KEYS = [bytes([index]) * 32 for index in (1, 2, 3)]
ALICE, BOB, CAROL = (Account.from_key(key).address.lower() for key in KEYS)
_KEYS = dict(zip((ALICE, BOB, CAROL), KEYS))


def text_revert(reason: str) -> bytes:
    """Revert data with a text."""
    return next(error for error in ERRORS.values() if error.name == "Error").encode(reason)


def topic_of(address: str) -> str:
    """An address as an indexed topic."""
    return "0x" + "00" * 12 + address[2:]


def sign(sender: str, nonce: int, *, to: str = BOB, value: int = 0, data: bytes = b"", gas: int = 100_000,
         fee: int = 10 * GWEI, tip: int | None = None, chain_id: int = CHAIN) -> bytes:
    """A signed transaction: legacy with gas price `fee`, or with a `tip` one that caps its fee at `fee`."""
    fields = {"nonce": nonce, "to": bytes.fromhex(to[2:]), "value": value,
              "data": data, "gas": gas, "chainId": chain_id}
    fees = {"gasPrice": fee} if tip is None else {"maxFeePerGas": fee, "maxPriorityFeePerGas": tip, "type": 2}
    return bytes(Account.sign_transaction({**fields, **fees}, _KEYS[sender]).raw_transaction)


class SmallWorld:
    """Native balances, nonces and the contracts above, with the journal of the real world."""

    def __init__(self) -> None:
        self.balances = {ALICE: 1000 * ETHER, BOB: 1000 * ETHER, CAROL: 1000 * ETHER}
        self.nonces: dict[str, int] = {}
        self.said = 0
        self.journal = Journal()
        self.checkpoint, self.rollback, self.forget = self.journal.checkpoint, self.journal.rollback, self.journal.forget

    def balance(self, address: str) -> int:
        return self.balances.get(address, 0)

    def nonce(self, address: str) -> int:
        return self.nonces.get(address, 0)

    def code(self, address: str) -> bytes:
        return b"\xfe" if address in (LOGGER, REFUSER, WATCH) else b""

    def add_balance(self, address: str, amount: int) -> None:
        if self.balance(address) + amount < 0:
            raise ValueError(address)
        self.journal.put(self.balances, address, self.balance(address) + amount)

    def set_nonce(self, address: str, nonce: int) -> None:
        self.journal.put(self.nonces, address, nonce)

    def intrinsic_gas(self, message: Message) -> int:
        return 21_000 + 16 * len(message.data)

    def execute(self, message: Message, block: Block) -> Outcome:
        gas = self.intrinsic_gas(message)
        if message.to == REFUSER:
            return Outcome(False, gas, message.data, ())
        self.add_balance(message.sender, -message.value)
        self.add_balance(message.to, message.value)
        if message.to == LOGGER:
            self.journal.assign(self, "said", self.said + 1)
            topics = (TOPIC, topic_of(message.sender)) if message.data else (OTHER_TOPIC,)
            return Outcome(True, gas, message.data, (Log(LOGGER, topics, message.data),))
        if message.to == WATCH:
            return Outcome(True, gas, block.number.to_bytes(32, "big") + block.timestamp.to_bytes(32, "big"), ())
        return Outcome(True, gas, b"", ())

    def call(self, message: Message, block: Block) -> Outcome:
        checkpoint = self.checkpoint()
        outcome = self.execute(message, block)
        self.rollback(checkpoint)
        return outcome

    def estimate_gas(self, message: Message, block: Block) -> int | Outcome:
        outcome = self.call(message, block)
        return outcome.gas_used if outcome.success else outcome


class ManualClock:
    """A clock that a test moves; sleeping moves it too."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if len(self.slept) > 10:
            raise StopSleeping


class StopSleeping(Exception):
    """The test has seen enough sleeps."""
