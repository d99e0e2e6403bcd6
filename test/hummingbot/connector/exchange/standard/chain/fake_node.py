"""A node for one account, in the process: mempool, nonces, blocks and receipts, with faults where a test wants them."""
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

import rlp
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.connector.exchange.standard.transport import HttpAnswer

CHAIN_ID = 50312
BASE_FEE = 6_000_000_000


class InlineExecutor(Executor):
    """Runs the journal's statements at once, so that a test has no threads."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


class Sent(NamedTuple):
    """A decoded raw transaction."""

    hash: str
    nonce: int
    to: str
    value: int
    data: bytes
    gas: int
    max_fee: int


def decode(raw: bytes) -> Sent:
    """The fields of a raw transaction, EIP-1559 or legacy."""
    name = "0x" + keccak(raw).hex()
    number = int.from_bytes
    if raw[0] == 2:
        _, nonce, _, fee, gas, to, value, data, *_ = rlp.decode(raw[1:])
    else:
        nonce, fee, gas, to, value, data, *_ = rlp.decode(raw)
    return Sent(name, number(nonce, "big"), "0x" + to.hex(), number(value, "big"), data, number(gas, "big"), number(fee, "big"))


class Fault(Exception):
    """An error answer of the node."""

    def __init__(self, message: str, code: int = -32000, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class FakeNode:
    """The node behind http://node. `before` may raise or answer instead of it, `lose` drops answers after the work is done.

    `executed` lists what was mined, in order; `posts` the methods of each HTTP request; `live` all raw transactions that
    were ever accepted, by nonce.
    """

    def __init__(self) -> None:
        self.chain_id = CHAIN_ID
        self.block = 100
        self.branches = {0: 0}
        self.nonce = 0
        self.counts = {0: 0}
        self.base_fee = BASE_FEE
        self.legacy = False
        self.mining = True
        self.funds = True
        self.pool: dict[int, Sent] = {}
        self.executed: list[Sent] = []
        self.accepted: list[Sent] = []
        self.receipts: dict[str, dict[str, Any]] = {}
        self.posts: list[list[str]] = []
        self.failing: Callable[[Sent], tuple[int, int]] = lambda sent: (1, 50_000)
        self.emitting: Callable[[Sent], tuple[str, tuple[tuple[str, ...], bytes]] | None] = lambda sent: None
        self.call: Callable[[dict[str, str]], str] = lambda fields: "0x"
        self.before: Callable[[str, list[Any]], Any] | None = None
        self.lose: Callable[[list[str]], bool] | None = None
        self.on_request: Callable[[], Awaitable[None]] | None = None
        self.batches = True

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        """HttpTransport."""
        if self.on_request is not None:
            await self.on_request()
        document = json.loads(body or b"")
        questions = document if isinstance(document, list) else [document]
        methods = [question["method"] for question in questions]
        self.posts.append(methods)
        if isinstance(document, list) and not self.batches:
            return self._answer({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch not supported"}})
        answers = [self._handle(question) for question in questions]
        if self.lose is not None and self.lose(methods):
            raise ApiUnavailableError("the connection was lost")
        return self._answer(answers[::-1] if isinstance(document, list) else answers[0])

    @staticmethod
    def _answer(document: Any) -> HttpAnswer:
        return HttpAnswer(200, {}, json.dumps(document).encode())

    def _handle(self, question: dict[str, Any]) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": question["id"]}
        try:
            result = self.before(question["method"], question["params"]) if self.before else None
            if result is None:
                result = getattr(self, question["method"])(*question["params"])
            return {**head, "result": None if result == "null" else result}
        except Fault as fault:
            return {**head, "error": {"code": fault.code, "message": str(fault), "data": fault.data}}

    def mine(self) -> None:
        """One block with all transactions whose turn it is and whose fee suffices."""
        self.block += 1
        while self.mining and self.nonce in self.pool and self.pool[self.nonce].max_fee >= self.base_fee:
            self._execute(self.pool.pop(self.nonce))
        self.counts[self.block] = self.nonce

    def _execute(self, sent: Sent) -> None:
        status, gas = self.failing(sent)
        self.executed.append(sent)
        self.nonce += 1
        place = {"transactionHash": sent.hash, "blockNumber": hex(self.block), "blockHash": self._block_hash(self.block)}
        log = self.emitting(sent) if status else None
        logs = [] if log is None else [{"address": log[0], "topics": log[1][0], "data": "0x" + log[1][1].hex(), "logIndex": "0x0",
                                        **place}]
        self.receipts[sent.hash] = {**place, "status": hex(status), "gasUsed": hex(gas),
                                    "effectiveGasPrice": hex(self.base_fee), "logs": logs}

    def _block_hash(self, number: int) -> str:
        return f"0x{max(branch for first, branch in self.branches.items() if first <= number):032x}{number:032x}"

    def reorganise(self, depth: int, keep: bool = True) -> None:
        """Replace the newest blocks by empty ones; their transactions wait again, or are forgotten."""
        first = self.block - depth + 1
        self.branches[first] = len(self.branches)
        for sent in reversed(list(self.executed)):
            if sent.hash in self.receipts and int(self.receipts[sent.hash]["blockNumber"], 16) >= first:
                del self.receipts[sent.hash]
                self.executed.remove(sent)
                self.nonce = sent.nonce
                if keep:
                    self.pool[sent.nonce] = sent

    def use_nonce(self) -> None:
        """Another program's transaction is mined with the account's next nonce."""
        self.pool.pop(self.nonce, None)
        self.nonce += 1

    def eth_chainId(self) -> str:
        return hex(self.chain_id)

    def eth_blockNumber(self) -> str:
        return hex(self.block)

    def eth_getBlockByNumber(self, tag: str, full: bool) -> Any:
        number = self.block if tag == "latest" else int(tag, 16)
        if number > self.block:
            return "null"
        return {"number": hex(number), "hash": self._block_hash(number), "parentHash": self._block_hash(max(0, number - 1)),
                "timestamp": hex(1_699_999_900 + number), "baseFeePerGas": hex(self.base_fee),
                "transactions": [name for name, receipt in self.receipts.items() if receipt["blockNumber"] == hex(number)]}

    def eth_getTransactionCount(self, address: str, tag: str) -> str:
        if tag.startswith("0x"):
            return hex(self.counts[max(block for block in self.counts if block <= int(tag, 16))])
        count = self.nonce
        while tag == "pending" and count in self.pool:
            count += 1
        return hex(count)

    def eth_gasPrice(self) -> str:
        return hex(self.base_fee)

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(0)

    def eth_feeHistory(self, *_: Any) -> Any:
        if self.legacy:
            raise Fault("the method eth_feeHistory does not exist", -32601)
        return {"oldestBlock": hex(self.block), "baseFeePerGas": [hex(self.base_fee)] * 2, "reward": [[hex(0)]]}

    def eth_getCode(self, address: str, tag: str) -> str:
        return "0x60" if address.endswith("ee") else "0x"

    def eth_getTransactionReceipt(self, name: str) -> Any:
        return self.receipts.get(name, "null")

    def eth_getTransactionByHash(self, name: str) -> Any:
        if name in self.receipts:
            return {"hash": name, "blockNumber": self.receipts[name]["blockNumber"]}
        return {"hash": name, "blockNumber": None} if any(sent.hash == name for sent in self.pool.values()) else "null"

    def eth_getLogs(self, query: dict[str, Any]) -> list[Any]:
        return []

    def eth_call(self, fields: dict[str, str], block: str) -> str:
        return self.call(fields)

    def eth_sendRawTransaction(self, text: str) -> str:
        if text == "0x":
            raise Fault("rlp: value size exceeds available input length")
        sent = decode(bytes.fromhex(text[2:]))
        waiting = self.pool.get(sent.nonce)
        if waiting is not None and waiting.hash == sent.hash:
            raise Fault("already known")
        if sent.nonce < self.nonce:
            raise Fault(f"nonce too low: next nonce {self.nonce}, tx nonce {sent.nonce}")
        if not self.funds:
            raise Fault("insufficient funds for gas * price + value: address 0x00 have 0 want 1")
        if sent.max_fee < self.base_fee:
            raise Fault("max fee per gas less than block base fee: address 0x00")
        if waiting is not None and sent.max_fee * 10 < waiting.max_fee * 11:
            raise Fault("replacement transaction underpriced")
        self.pool[sent.nonce] = sent
        self.accepted.append(sent)
        return sent.hash
