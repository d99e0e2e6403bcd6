"""JSON-RPC over HTTP to the chain's nodes: one call, many calls in one request, typed answers, typed errors.

A request goes to the first good one of several URLs (see `endpoints`); a question that one endpoint cannot answer is put
to the next, a transaction never is, since its sender must know what became of every single attempt; it decides when all of
them are to have it. Whatever arrives is checked before it is returned (`rpc_values`), and the block number that this client
reports never goes back.
"""
import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Union

from hummingbot.connector.exchange.standard.chain import rpc_values as values
from hummingbot.connector.exchange.standard.chain.endpoints import Endpoint, EndpointPool
from hummingbot.connector.exchange.standard.chain.head_comparison import HeadComparison
from hummingbot.connector.exchange.standard.chain.heads import MAX_LAG_BLOCKS, STALL_SECONDS, HeadWatch
from hummingbot.connector.exchange.standard.chain.riders import Request, Riders
from hummingbot.connector.exchange.standard.chain.rpc_errors import is_log_range, is_rate_limit, revert_of
from hummingbot.connector.exchange.standard.chain.rpc_values import Block, Receipt
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    BadDataError,
    ConfigurationError,
    OrderRejectedError,
    RateLimitedError,
    RpcError,
)
from hummingbot.connector.exchange.standard.transport import HttpAnswer, HttpTransport

BlockTag = Union[int, str]

BATCH_LIMIT = 100
MOST_POSTS = 8  # at once, for the parts of one batch
MAX_JUMP_BLOCKS = 10_000
# Nodes that keep no history keep at least so many blocks.
KEPT_BLOCKS = 128
_NO_NODE_STATUSES = (401, 403, 404, 405)
_RATE_LIMIT_STATUSES = (427, 429)
_LONG_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{80,}")


def _block_questions(numbers: Sequence[int]) -> list[Request]:
    return [("eth_getBlockByNumber", [block_tag(number), False]) for number in numbers]


def _blocks(numbers: Sequence[int], answers: Sequence[Any]) -> dict[int, Block]:
    blocks = {}
    for number, answer in zip(numbers, answers):
        if isinstance(answer, RpcError):
            raise answer
        block = values.block(answer)
        if block is not None:
            blocks[number] = block
    return blocks


def _sendings(raws: Sequence[bytes]) -> list[Request]:
    return [("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raws]


class _BatchRefused(Exception):
    """The endpoint does not take this many requests at once."""


class _Kept:
    """The best answers that leave something to be desired: those of an endpoint that is behind rather than of one that lacks what
    was asked for, and else those of the newest head."""

    def __init__(self) -> None:
        self.answers: list[Any | RpcError] | None = None
        self.lacks = False
        self._head = -1

    def offer(self, answers: list[Any | RpcError], lacks: bool, head: int) -> None:
        """Keep these if they are better."""
        if self.answers is None or (not lacks, head) > (not self.lacks, self._head):
            self.answers, self.lacks, self._head = answers, lacks, head


class RpcClient:
    """A client for one chain behind one or several URLs.

    `timeout` is the deadline of each HTTP request in seconds. With `chain_id` every URL is asked for its chain before it
    is used: one that belongs to another chain is left for the next, and when there is no other ConfigurationError is raised.
    `steady_blocks` is whether the chain makes blocks all the time, so that one that stands still is noticed.

    Every method raises ApiUnavailableError (RateLimitedError, BadDataError) when no endpoint gave a usable answer, and
    RpcError when the node answered with an error. While all endpoints want fewer requests, transactions alone are sent.
    """

    def __init__(self, transport: HttpTransport, urls: Sequence[str], clock: Clock, timeout: float = 10.0, *,
                 chain_id: int | None = None, batch_limit: int = BATCH_LIMIT, steady_blocks: bool = False) -> None:
        if not urls:
            raise ConfigurationError("No RPC URL is given.")
        self._transport = transport
        self._clock = clock
        self._timeout = timeout
        self._chain_id = chain_id
        self._pool = EndpointPool(urls, clock, batch_limit)
        self._last_id = 0
        self.answers = 0  # how many HTTP requests were answered with JSON-RPC
        self._head = -1
        self._ahead: float | None = None  # of the clock's seconds, by which the chain's time is
        self._heads = HeadWatch(clock, steady_blocks)
        self._riders = Riders(self._ask_any, clock)
        self._comparison = HeadComparison(self._pool, self._ask, clock, chain_id)

    @property
    def rate_limit(self) -> RateLimitedError | None:
        """Why every question fails now, as all endpoints asked for fewer requests; None where one may be asked."""
        return self._pool.rate_limit

    @property
    def has_others(self) -> bool:
        """Whether there is another node than the one that answers."""
        return bool(self._pool.others)

    @property
    def standstill(self) -> float:
        """For how many seconds the newest block had been the same when a node told it last; 0 where that is nothing unusual."""
        return self._heads.standstill

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        (answer,) = await self._ask_any([(method, params)])
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, requests: Sequence[Request]) -> list[Any | RpcError]:
        """The results of many calls in one HTTP request (several for a long batch), in the order of the questions.

        A call that the node answered with an error has its RpcError in the place of the result.
        """
        return await self._riders.send(requests) if requests else []

    async def send_raw_transactions(self, raws: Sequence[bytes]) -> list[Any | RpcError]:
        """Hand signed transactions to one node, in one attempt: the hash that it tells or its RpcError for each.

        An exception leaves open which of them arrived.
        """
        return await self._ask_any(_sendings(raws), once=True)

    async def spread_raw_transactions(self, raws: Sequence[bytes]) -> None:
        """Hand signed transactions to all nodes but the one that gave the last answer, which was asked to take them. Nothing
        is told of the outcome: each of the nodes may have them."""
        await asyncio.gather(*[self._hand(endpoint, _sendings(raws)) for endpoint in self._pool.others])

    async def _hand(self, endpoint: Endpoint, requests: Sequence[Request]) -> None:
        with suppress(ApiUnavailableError, ConfigurationError):
            await self._check_chain(endpoint)
            await self._ask(endpoint, requests)

    async def compare_heads(self) -> None:
        """See HeadComparison.compare."""
        await self._comparison.compare()

    async def send_raw_transaction(self, raw: bytes) -> str:
        """Hand one signed transaction to one node, in one attempt; an ApiUnavailableError leaves open whether it arrived."""
        (answer,) = await self.send_raw_transactions([raw])
        if isinstance(answer, RpcError):
            raise answer
        return values.fixed_hex(answer, 32, "eth_sendRawTransaction")

    async def chain_id(self) -> int:
        """The chain that the node belongs to."""
        return values.quantity(await self.call("eth_chainId"), "eth_chainId")

    async def block_number(self) -> int:
        """The number of the newest block that any endpoint has told of."""
        values.quantity(await self.call("eth_blockNumber"), "eth_blockNumber")
        return self._head

    @property
    def head(self) -> int:
        """The newest block that any endpoint has told of; -1 before the first."""
        return self._head

    @property
    def chain_time(self) -> float | None:
        """The chain's time in seconds since the epoch, whatever the machine's clock says: that of the newest block when a node
        told its head for the first time, and what has passed since; None before that."""
        return None if self._ahead is None else self._clock.monotonic() + self._ahead

    async def balance(self, address: str, block: BlockTag = "latest") -> int:
        """The native tokens of an account, in wei."""
        return values.quantity(await self.call("eth_getBalance", address, block_tag(block)), "eth_getBalance")

    async def nonce(self, address: str, block: BlockTag = "latest") -> int:
        """How many transactions of the account are in blocks up to `block`; with "pending", in the node's pool too."""
        return values.quantity(await self.call("eth_getTransactionCount", address, block_tag(block)), "eth_getTransactionCount")

    async def code(self, address: str) -> bytes:
        """The code of a contract; empty for any other address."""
        return values.data(await self.call("eth_getCode", address, "latest"), "eth_getCode")

    async def gas_price(self) -> int:
        """What a legacy transaction should pay, in wei per gas."""
        return values.quantity(await self.call("eth_gasPrice"), "eth_gasPrice")

    async def get_block(self, block: BlockTag = "latest") -> Block | None:
        """The head of a block, or None when the node does not have it."""
        return values.block(await self.call("eth_getBlockByNumber", block_tag(block), False))

    async def get_blocks(self, numbers: Sequence[int]) -> dict[int, Block]:
        """The heads of many blocks in one batch, without those that the node does not have."""
        return _blocks(numbers, await self.batch(_block_questions(numbers)))

    async def get_blocks_in_passing(self, numbers: Callable[[], Sequence[int]], patience: float) -> dict[int, Block]:
        """The same of a few blocks that are named when the question leaves: with the next batch that is sent anyhow, or by
        itself after `patience` seconds."""
        asked: list[int] = []

        def questions() -> list[Request]:
            asked[:] = numbers()
            return _block_questions(asked)

        answers = await self._riders.ride(questions, patience)
        return _blocks(asked, answers)

    async def base_fee(self) -> int | None:
        """The base fee of the newest block in wei per gas; None on a chain without EIP-1559."""
        block = await self.get_block()
        return block.base_fee if block else None

    async def eth_call(self, to: str, data: bytes, from_: str | None = None, value: int = 0, *,
                       gas: int | None = None, block: BlockTag = "latest") -> bytes:
        """What a contract would return. Raises OrderRejectedError with the decoded reason when it would revert."""
        (answer,) = await self.call_many([(to, data)], from_, value=value, gas=gas, block=block)
        if isinstance(answer, bytes):
            return answer
        raise answer

    async def call_many(self, calls: Sequence[tuple[str, bytes]], from_: str | None = None, *, value: int = 0,
                        gas: int | None = None, block: BlockTag = "latest") -> list[bytes | OrderRejectedError | RpcError]:
        """Many (contract, calldata) in one batch; in the place of a result its revert or the node's error."""
        answers = await self.batch([("eth_call", [call_object(to, data, from_, value, gas), block_tag(block)])
                                    for to, data in calls])
        return [self._call_result(answer) for answer in answers]

    async def calls_and_head(self, calls: Sequence[tuple[str, bytes]]) -> tuple[list[bytes | OrderRejectedError | RpcError], int]:
        """Many (contract, calldata) as `call_many` has them, and the number of a block that is not older than what they say, in
        one batch."""
        *answers, head = await self.batch([*_latest(calls), ("eth_blockNumber", [])])
        if isinstance(head, RpcError):
            raise head
        return [self._call_result(answer) for answer in answers], values.quantity(head, "eth_blockNumber")

    async def head_and_wallet(self, account: str,
                              calls: Sequence[tuple[str, bytes]]) -> tuple[int, int, list[bytes | OrderRejectedError | RpcError]]:
        """The number of a block that is not newer than what follows, the wei of an account, and many (contract, calldata) as
        `call_many` has them, in one batch. Where there are more than a node takes at once, the number is of those of the first
        part: behind one URL, another node may answer the others."""
        head, native, *answers = await self.batch([("eth_blockNumber", []), ("eth_getBalance", [account, "latest"]),
                                                   *_latest(calls)])
        for answer in (head, native):
            if isinstance(answer, RpcError):
                raise answer
        return (values.quantity(head, "eth_blockNumber"), values.quantity(native, "eth_getBalance"),
                [self._call_result(answer) for answer in answers])

    async def estimate_gas(self, to: str, data: bytes, from_: str, value: int = 0) -> int:
        """The node's estimate; raises OrderRejectedError when the call would revert.

        It is no guide for cancels (docs/protocol.md, "Chain behaviour and gas").
        """
        (answer,) = await self.batch([("eth_estimateGas", [call_object(to, data, from_, value, None)])])
        if isinstance(answer, RpcError):
            raise _rejection(answer) or answer
        return values.quantity(answer, "eth_estimateGas")

    async def receipt(self, transaction_hash: str) -> Receipt | None:
        """What became of a transaction; None while it is not in a block that this node knows."""
        return values.receipt(await self.call("eth_getTransactionReceipt", transaction_hash))

    async def receipts(self, hashes: Sequence[str]) -> list[Receipt | None]:
        """What became of many transactions, asked in one batch."""
        receipts = []
        for answer in await self.batch([("eth_getTransactionReceipt", [item]) for item in hashes]):
            if isinstance(answer, RpcError):
                raise answer
            receipts.append(values.receipt(answer))
        return receipts

    async def logs(self, address: str | Sequence[str], topics: Sequence[Any], from_block: int,
                   to_block: int) -> list[Mapping[str, Any]]:
        """The JSON logs of contracts in a range of blocks, both ends included; `topics` as in eth_getLogs.

        A range that the node finds too long raises RpcError (`rpc_errors.is_log_range` tells it).
        """
        query = _log_query(address, topics, from_block, to_block)
        return [values.log(item) for item in values.listing(await self.call("eth_getLogs", query), "eth_getLogs")]

    async def logs_and_head(self, address: str | Sequence[str], topics: Sequence[Any], from_block: int,
                            to_block: int) -> tuple[int, list[Mapping[str, Any]]]:
        """Logs, and the newest block of the node that gave them, in one batch."""
        head, found = await self.batch([("eth_blockNumber", []),
                                        ("eth_getLogs", [_log_query(address, topics, from_block, to_block)])])
        for answer in (head, found):
            if isinstance(answer, RpcError):
                raise answer
        return values.quantity(head, "eth_blockNumber"), [values.log(item) for item in values.listing(found, "eth_getLogs")]

    async def newest_logs(self, address: str | Sequence[str], topics: Sequence[Any],
                          from_block: int) -> tuple[int, list[Mapping[str, Any]]]:
        """The newest block of the node that answers, and the logs from a block up to that one, in one batch.

        Raises RpcError as `logs` does.
        """
        head, found = await self.batch([("eth_blockNumber", []),
                                        ("eth_getLogs", [_log_query(address, topics, from_block, "latest")])])
        for answer in (head, found):
            if isinstance(answer, RpcError):
                raise answer
        number = values.quantity(head, "eth_blockNumber")
        logs = [values.log(item) for item in values.listing(found, "eth_getLogs")]
        return number, [log for log in logs if values.quantity(log["blockNumber"], "eth_getLogs") <= number]

    @staticmethod
    def _call_result(answer: Any) -> bytes | OrderRejectedError | RpcError:
        if isinstance(answer, RpcError):
            return _rejection(answer) or answer
        return values.data(answer, "eth_call")

    async def _ask_any(self, requests: Sequence[Request], once: bool = False) -> list[Any | RpcError]:
        limit = None if once else self._pool.rate_limit
        if limit is not None:
            raise limit
        failure: ApiUnavailableError | None = None
        wrong_chain: ConfigurationError | None = None
        kept = _Kept()
        for endpoint in self._pool.choices(urgent=once):
            asked, asked_at = False, self._clock.monotonic()
            try:
                lag = await self._check_chain(endpoint)
                asked = True
                answers = await self._ask(endpoint, requests)
                if not once:
                    _raise_rate_limit(endpoint, answers)
                await self._check_head(endpoint, requests, answers)
                trouble = self._observe(endpoint, requests, answers) or lag
            except ConfigurationError as error:
                wrong_chain = error
                self._pool.failed(endpoint, str(error), 60.0)
                continue
            except ApiUnavailableError as error:
                # That one is there and may refuse what was asked for says more than that another one is not.
                failure = failure if isinstance(failure, RateLimitedError) else error
                if isinstance(error, RateLimitedError):
                    self._pool.wants_fewer(endpoint, error)
                else:
                    self._pool.failed(endpoint, str(error))
                if once and asked:
                    raise
                continue
            lack = None if once else _lack(requests, answers)
            if (trouble or lack) and len(self._pool.endpoints) > 1:
                self._pool.left(endpoint, trouble, lack)
                if once:  # what it has been given is not to be given to another one
                    self.answers += 1
                    return answers
                kept.offer(answers, bool(lack), endpoint.head)
                continue
            self._pool.worked(endpoint, lack == "", asked_at)
            self.answers += 1
            return answers
        if kept.answers is None:
            raise failure or wrong_chain or ApiUnavailableError("no RPC URL is given")
        # What logs this one lacks another one may have, which wants to be asked again in a moment: nothing is forgotten yet.
        asks_logs = any(method == "eth_getLogs" for method, _ in requests)
        if kept.lacks and asks_logs and (limit := self._pool.passing_limit) is not None:
            raise limit
        return kept.answers

    async def _check_chain(self, endpoint: Endpoint) -> str:
        """Why the endpoint should be left although it is of the right chain, "" when it is good: one that comes back from an
        outage may have to catch up, and would be the only one to tell how far the chain is."""
        if self._chain_id is None or endpoint.chain_checked:
            return ""
        asks_head = self._head >= 0 and len(self._pool.endpoints) > 1
        answer, *heads = await self._ask(endpoint, [("eth_chainId", []), *([("eth_blockNumber", [])] if asks_head else [])])
        _raise_rate_limit(endpoint, [answer, *heads])
        if isinstance(answer, RpcError):
            raise ApiUnavailableError(f"{endpoint.host} does not tell its chain: {answer}") from answer
        chain_id = values.quantity(answer, "eth_chainId")
        if chain_id != self._chain_id:
            raise ConfigurationError(f"The RPC URL at {endpoint.host} leads to chain {chain_id}, but this network is chain "
                                     f"{self._chain_id}: check the RPC URL.")
        behind = max([self._head - values.quantity(head, "eth_blockNumber") for head in heads if not isinstance(head, RpcError)],
                     default=0)
        endpoint.chain_checked = behind <= MAX_LAG_BLOCKS
        return "" if endpoint.chain_checked else f"it is {behind} blocks behind"

    async def _check_head(self, endpoint: Endpoint, requests: Sequence[Request], answers: Sequence[Any]) -> None:
        """A first block number, or one far above all others, counts only if the endpoint has the blocks up to there, but for
        those that another node behind the same URL may not have yet. Raises BadDataError otherwise."""
        told = max([values.quantity(answer, method) for (method, _), answer in zip(requests, answers)
                    if method == "eth_blockNumber" and not isinstance(answer, RpcError)], default=0)
        if told and (self._head < 0 or told - self._head > MAX_JUMP_BLOCKS):
            block, newest = await self._ask(endpoint, [*_block_questions([max(0, told - MAX_LAG_BLOCKS)]),
                                                       ("eth_getBlockByNumber", ["latest", False])])
            _raise_rate_limit(endpoint, [block, newest])
            if not isinstance(block, dict):
                raise BadDataError(f"{endpoint.host} says that it is at block {told}, and does not have that block")
            if self._head < 0 and isinstance(newest, dict) and (read := values.block(newest)) is not None:
                self._ahead = read.timestamp - self._clock.monotonic()

    def _observe(self, endpoint: Endpoint, requests: Sequence[Request], answers: Sequence[Any]) -> str:
        """Note the block number among the answers. Returns why the endpoint should be left, "" when it is good. Raises
        BadDataError for what is no number, and for one so far above all others that it is to be said once more."""
        for (method, _), answer in zip(requests, answers):
            if method != "eth_blockNumber" or isinstance(answer, RpcError):
                continue
            number, now = values.quantity(answer, method), self._clock.monotonic()
            # Believed when it is said again: one answer of another chain would move whoever counts on it for good.
            if self._head >= 0 and number - max(self._head, endpoint.head) > MAX_JUMP_BLOCKS:
                endpoint.head, endpoint.head_since = number, now
                raise BadDataError(f"{endpoint.host} names block {number}, far above {self._head}")
            if number != endpoint.head:
                endpoint.head, endpoint.head_since = number, now
            self._head = max(self._head, number)
            self._heads.told(number, endpoint.host)
            if self._head - number > MAX_LAG_BLOCKS:
                return f"it is {self._head - number} blocks behind"
            if now - endpoint.head_since > STALL_SECONDS:
                endpoint.head_since = now
                return f"it has had no new block for {STALL_SECONDS:.0f} s"
        return ""

    async def _ask(self, endpoint: Endpoint, requests: Sequence[Request]) -> list[Any | RpcError]:
        limit = self._pool.batch_limit(endpoint)
        chunks = [requests[start:start + limit] for start in range(0, len(requests), limit)]
        parts: list[list[Any | RpcError] | BaseException] = []
        for start in range(0, len(chunks), MOST_POSTS):
            parts += await asyncio.gather(*[self._post(endpoint, chunk) for chunk in chunks[start:start + MOST_POSTS]],
                                          return_exceptions=True)
            if any(isinstance(part, BaseException) and not isinstance(part, _BatchRefused) for part in parts):
                break  # the others would only wait as long for nothing
        answers: list[Any | RpcError] = []
        for chunk, part in zip(chunks, parts):
            if isinstance(part, _BatchRefused):
                self._pool.batch_refused(endpoint, len(chunk))
                part = await self._ask(endpoint, chunk)
            if isinstance(part, BaseException):
                raise part
            answers += part
        return answers

    async def _post(self, endpoint: Endpoint, requests: Sequence[Request]) -> list[Any | RpcError]:
        first = self._last_id + 1
        self._last_id += len(requests)
        bodies = [{"jsonrpc": "2.0", "id": first + index, "method": method, "params": list(params)}
                  for index, (method, params) in enumerate(requests)]
        body = json.dumps(bodies if len(bodies) > 1 else bodies[0], separators=(",", ":")).encode()
        answer = await self._transport.request("POST", endpoint.url, body=body, timeout=self._timeout)
        document = _document(answer, endpoint, requests)
        if len(requests) == 1:
            return [_result(document, first, requests[0][0], endpoint)]
        if isinstance(document, list) and len(document) == 1 and isinstance(document[0], dict) and document[0].get("error"):
            document = document[0]  # geth refuses a whole batch by an answer to its first call alone
        if isinstance(document, dict) and "error" in document:
            _raise_trouble(answer.status, document["error"], endpoint)
            raise _BatchRefused
        by_id = {item["id"]: item for item in values.listing(document, f"the batch answer of {endpoint.host}")
                 if isinstance(item, dict) and isinstance(item.get("id"), int)}
        return [_result(by_id.get(first + index), first + index, method, endpoint) for index, (method, _) in enumerate(requests)]


async def call_each(rpc: RpcClient, calls: Sequence[tuple[str, bytes]]) -> list[bytes | OrderRejectedError | RpcError]:
    """As `call_many`; what the node failed to answer is asked again while that helps. In a large batch it may run out of time,
    or one contract may be slow."""
    answers = await rpc.call_many(calls)
    failed, before = _failed(answers), len(calls) + 1
    while failed and len(failed) < before:
        before = len(failed)
        for at, answer in zip(failed, await rpc.call_many([calls[at] for at in failed])):
            answers[at] = answer
        failed = _failed(answers)
    return answers


def _failed(answers: Sequence[bytes | OrderRejectedError | RpcError]) -> list[int]:
    return [at for at, answer in enumerate(answers) if isinstance(answer, RpcError)]


def raise_failure(answers: Sequence[bytes | OrderRejectedError | RpcError], is_strict: bool = False) -> None:
    """Raise the node's error when it failed to answer all of these, or, if this `is_strict`, one of them: a single contract can
    make any node fail, but not at every other one."""
    errors = [answer for answer in answers if isinstance(answer, RpcError)]
    if errors and (is_strict or len(errors) == len(answers)):
        raise errors[0]


def _latest(calls: Sequence[tuple[str, bytes]]) -> list[Request]:
    return [("eth_call", [call_object(to, data, None, 0, None), "latest"]) for to, data in calls]


def _log_query(address: str | Sequence[str], topics: Sequence[Any], from_block: int, to_block: BlockTag) -> dict[str, Any]:
    return {"address": address if isinstance(address, str) else list(address), "topics": list(topics),
            "fromBlock": hex(from_block), "toBlock": block_tag(to_block)}


def block_tag(block: BlockTag) -> str:
    """A block as JSON-RPC wants it: a number in hexadecimal form, or a name such as "latest"."""
    return hex(block) if isinstance(block, int) else block


def call_object(to: str, data: bytes, from_: str | None, value: int, gas: int | None) -> dict[str, str]:
    """The transaction object of eth_call and eth_estimateGas."""
    fields = {"to": to, "data": "0x" + data.hex()}
    if from_ is not None:
        fields["from"] = from_
    if value:
        fields["value"] = hex(value)
    if gas is not None:
        fields["gas"] = hex(gas)
    return fields


def _rejection(error: RpcError) -> OrderRejectedError | None:
    revert = revert_of(error)
    return None if revert is None else OrderRejectedError(f"the contract refuses the call: {revert}", str(revert))


def _raise_rate_limit(endpoint: Endpoint, answers: Sequence[Any]) -> None:
    for answer in answers:
        if isinstance(answer, RpcError) and is_rate_limit(answer):
            raise RateLimitedError(f"{endpoint.host} asks for fewer requests: {answer}")


def _lack(requests: Sequence[Request], answers: Sequence[Any]) -> str | None:
    """What the endpoint does not tell that every node should: logs and receipts, and its newest state; "" where it tells all,
    None where it was asked for no logs or receipts. Other errors may be the right answer, as that to a call which reverts."""
    lacks, is_asked = [], False
    for (method, parameters), answer in zip(requests, answers):
        is_history = method in ("eth_getLogs", "eth_getTransactionReceipt")
        is_asked = is_asked or is_history
        is_newest = method == "eth_blockNumber" or (
            method in ("eth_getTransactionCount", "eth_getBalance") and parameters[-1] == "latest")
        if isinstance(answer, RpcError) and (is_newest or (is_history and not is_log_range(answer))):
            lacks.append(str(answer))
        elif method == "eth_getLogs" and answer is None:
            lacks.append("eth_getLogs: null instead of logs")
    return lacks[0] if lacks else "" if is_asked else None


def _document(answer: HttpAnswer, endpoint: Endpoint, requests: Sequence[Request]) -> Any:
    what = requests[0][0] if len(requests) == 1 else f"{len(requests)} calls"
    if answer.status in _RATE_LIMIT_STATUSES:
        raise RateLimitedError(f"{endpoint.host} asks for fewer requests (HTTP {answer.status})", answer.retry_after)
    if answer.status == 413 and len(requests) > 1:
        raise _BatchRefused
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if answer.status != 200 and not (isinstance(document, list) or _is_rpc_error(document, answer.status)):
        advice = ": check the RPC URL" if answer.status in _NO_NODE_STATUSES else ""
        raise ApiUnavailableError(f"{endpoint.host} answered HTTP {answer.status} to {what}{advice}")
    if not isinstance(document, (dict, list)):
        raise BadDataError(f"{endpoint.host} did not answer {what} with JSON-RPC: check the RPC URL")
    return document


def _is_rpc_error(document: Any, status: int) -> bool:
    """Whether a node says what is wrong with the question, rather than a gateway that there is no answer."""
    error = document.get("error") if isinstance(document, dict) else None
    return isinstance(error, dict) if status >= 500 else error is not None


def _result(item: Any, request_id: int, method: str, endpoint: Endpoint) -> Any | RpcError:
    if not isinstance(item, dict):
        raise BadDataError(f"{endpoint.host} gave no answer to {method}")
    error = item.get("error")
    if item.get("id") != request_id and not (error is not None and item.get("id") is None):
        raise BadDataError(f"{endpoint.host} answered another request instead of {method}")
    if error is None:
        if "result" not in item:
            raise BadDataError(f"{endpoint.host} answered {method} with neither a result nor an error")
        return item["result"]
    return _rpc_error(method, error)


def _rpc_error(method: str, error: Any) -> RpcError:
    if not isinstance(error, dict):
        return RpcError(method, 0, _loggable(str(error)))
    code = error.get("code")
    return RpcError(method, code if isinstance(code, int) else 0, _loggable(str(error.get("message", ""))), error.get("data"))


def _raise_trouble(status: int, error: Any, endpoint: Endpoint) -> None:
    """Raise what one error for a whole batch means, unless it means that the batch is too large."""
    told = _rpc_error("a batch", error)
    if "batch" in told.reason.lower():
        return
    if is_rate_limit(told):
        raise RateLimitedError(f"{endpoint.host} asks for fewer requests: {told}")
    if status >= 500:
        raise ApiUnavailableError(f"{endpoint.host} answered HTTP {status}: {told}")


def _loggable(text: str) -> str:
    """A node's words without control characters, and without a transaction that it may quote."""
    printable = "".join([character if character.isprintable() else " " for character in text[:2_000]])
    return _LONG_HEX.sub(lambda match: match[0][:10] + "…", printable)[:300]
