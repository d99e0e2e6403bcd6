"""The values of JSON-RPC: parameters in, with a node's complaints about bad ones, and blocks, receipts and logs out."""
import json
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.chain.abi import AbiError
from hummingbot.connector.exchange.standard.chain.engine import ERRORS
from hummingbot.connector.exchange.standard.sandbox.blocks import ZERO_HASH, BlockLog, LogFilter, MinedBlock, Receipt
from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction
from hummingbot.connector.exchange.standard.sandbox.world import Log

Json = dict[str, Any]

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, SERVER_ERROR = -32700, -32600, -32601, -32602, -32000
REVERTED = 3

_HEX = re.compile(r"0x[0-9a-fA-F]*")
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)")
_PANICS = {0x00: "generic panic", 0x01: "assert(false)", 0x11: "arithmetic underflow or overflow",
           0x12: "division or modulo by zero", 0x21: "enum overflow", 0x22: "invalid encoded storage byte array accessed",
           0x31: "out-of-bounds array access; popping on an empty array", 0x32: "out-of-bounds access of an array or bytesN",
           0x41: "out of memory", 0x51: "uninitialized function"}
_ADDRESS_ZERO = "0x" + "00" * 20
_EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
_EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


class RpcFailure(Exception):
    """An error object as the answer to a request."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_json(self) -> Json:
        """The error object."""
        answer: Json = {"code": self.code, "message": self.message}
        if self.data is not None:
            answer["data"] = self.data
        return answer


def invalid(position: int, why: str) -> RpcFailure:
    """The complaint about an argument."""
    return RpcFailure(INVALID_PARAMS, f"invalid argument {position}: {why}")


def reverted(data: bytes) -> RpcFailure:
    """The answer to a call that reverted: code 3, the reason when it is a string or a panic, and the revert data."""
    reason = ""
    error = ERRORS.get(data[:4])
    if error is not None and error.name in ("Error", "Panic"):
        try:
            (value,) = error.decode(data)
        except AbiError:
            value = None
        if error.name == "Error":
            reason = "" if value is None else f": {value}"
        elif value is not None:
            reason = f": {_PANICS.get(value, f'unknown panic code: {value:#x}')}"
    return RpcFailure(REVERTED, f"execution reverted{reason}", "0x" + data.hex())


# Parameters in


def hex_bytes(value: Any, position: int, length: int | None = None) -> bytes:
    """Bytes from a "0x…" string, of exactly `length` bytes when that is given."""
    if not isinstance(value, str):
        raise invalid(position, "json: cannot unmarshal non-string into Go value of type hexutil.Bytes")
    if not value.startswith("0x"):
        raise invalid(position, "json: cannot unmarshal hex string without 0x prefix into Go value of type hexutil.Bytes")
    if not _HEX.fullmatch(value):
        raise invalid(position, "json: cannot unmarshal invalid hex string into Go value of type hexutil.Bytes")
    if len(value) % 2:
        raise invalid(position, "json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes")
    if length is not None and len(value) != 2 + 2 * length:
        raise invalid(position, f"hex string has length {len(value) - 2}, want {2 * length}")
    return bytes.fromhex(value[2:])


def quantity(value: Any, position: int) -> int:
    """An integer from a "0x…" string without leading zeros."""
    if not isinstance(value, str):
        raise invalid(position, "json: cannot unmarshal non-string into Go value of type hexutil.Big")
    if not _QUANTITY.fullmatch(value):
        problem = "invalid hex string" if value.startswith("0x") else "hex string without 0x prefix"
        raise invalid(position, f"json: cannot unmarshal {problem} into Go value of type hexutil.Big")
    return int(value, 16)


def address(value: Any, position: int) -> str:
    """A lower-case address."""
    return "0x" + hex_bytes(value, position, 20).hex()


def hash32(value: Any, position: int) -> str:
    """A lower-case 32-byte hash or topic."""
    return "0x" + hex_bytes(value, position, 32).hex()


def log_filter(criteria: Json) -> LogFilter:
    """What the `address` and `topics` of a log query ask for."""
    wanted = criteria.get("address")
    addresses = wanted if isinstance(wanted, list) else [] if wanted is None else [wanted]
    topics = criteria.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise invalid(0, "invalid topics")
    positions = []
    for topic in topics:
        options = topic if isinstance(topic, list) else [] if topic is None else [topic]
        anything = any(option is None for option in options)
        positions.append(frozenset() if anything else frozenset(hash32(option, 0) for option in options))
    return LogFilter(frozenset(address(item, 0) for item in addresses), tuple(positions))


# Answers out


encode = json.JSONEncoder(separators=(",", ":")).encode


class Lasting(dict[str, Any]):
    """A JSON object that is asked for again and again and never changes, with its text."""

    @cached_property
    def text(self) -> str:
        """The object as JSON."""
        return encode(self)


@lru_cache(maxsize=65536)
def _bloom_bits(value: str) -> int:
    digest = keccak(bytes.fromhex(value[2:]))
    return (1 << (int.from_bytes(digest[0:2], "big") & 2047) | 1 << (int.from_bytes(digest[2:4], "big") & 2047)
            | 1 << (int.from_bytes(digest[4:6], "big") & 2047))


def _bloom(logs: Sequence[Log]) -> int:
    bits = 0
    for log in logs:
        bits |= _bloom_bits(log.address)
        for topic in log.topics:
            bits |= _bloom_bits(topic)
    return bits


def _bloom_hex(bits: int) -> str:
    return f"0x{bits:0512x}"


def log_json(entry: BlockLog, *, removed: bool = False) -> Json:
    """A log as nodes show it."""
    log: Lasting = receipt_json(entry.receipt)["logs"][entry.position - entry.receipt.first_log_index]
    return log | {"removed": True} if removed else log


def _log_json(receipt: Receipt, offset: int, log: Log) -> Lasting:
    return Lasting({
        "address": log.address, "topics": list(log.topics), "data": "0x" + log.data.hex(),
        "blockNumber": hex(receipt.block_number), "transactionHash": receipt.transaction.hash,
        "transactionIndex": hex(receipt.index), "blockHash": receipt.block_hash,
        "logIndex": hex(receipt.first_log_index + offset), "removed": False})


@lru_cache(maxsize=1024)
def receipt_json(receipt: Receipt) -> Lasting:
    """A receipt as nodes show it."""
    transaction = receipt.transaction
    logs = [_log_json(receipt, offset, log) for offset, log in enumerate(receipt.logs)]
    return Lasting({"type": hex(transaction.type), "status": hex(receipt.success), "transactionHash": transaction.hash,
            "transactionIndex": hex(receipt.index), "blockHash": receipt.block_hash, "blockNumber": hex(receipt.block_number),
            "from": transaction.sender, "to": transaction.to, "contractAddress": None,
            "gasUsed": hex(receipt.gas_used), "cumulativeGasUsed": hex(receipt.cumulative_gas_used),
            "effectiveGasPrice": hex(receipt.gas_price), "logs": logs, "logsBloom": _bloom_hex(_bloom(receipt.logs))})


def transaction_json(transaction: Transaction, receipt: Receipt | None, base_fee: int) -> Json:
    """A transaction as nodes show it, mined or waiting."""
    answer: Json = {
        "type": hex(transaction.type), "hash": transaction.hash, "nonce": hex(transaction.nonce), "from": transaction.sender,
        "to": transaction.to, "value": hex(transaction.value), "gas": hex(transaction.gas_limit),
        "gasPrice": hex(receipt.gas_price if receipt else transaction.max_fee), "input": "0x" + transaction.data.hex(),
        "blockHash": receipt.block_hash if receipt else None, "blockNumber": hex(receipt.block_number) if receipt else None,
        "transactionIndex": hex(receipt.index) if receipt else None,
        "v": hex(transaction.v), "r": hex(transaction.r), "s": hex(transaction.s)}
    if transaction.chain_id is not None:
        answer["chainId"] = hex(transaction.chain_id)
    if transaction.type:
        answer["yParity"] = hex(transaction.v)
        answer["accessList"] = [{"address": item, "storageKeys": list(keys)} for item, keys in transaction.access_list]
    if transaction.type == 2:
        answer["maxFeePerGas"] = hex(transaction.max_fee)
        answer["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee)
    return answer


def block_json(block: MinedBlock, *, full: bool, miner: str = _ADDRESS_ZERO) -> Json:
    """A block as nodes show it, with whole transactions or their hashes.

    There is no state trie: the roots are those of an empty one.
    """
    bloom = 0
    for receipt in block.receipts:
        bloom |= _bloom(receipt.logs)
    transactions: list[Any] = [
        transaction_json(receipt.transaction, receipt, block.base_fee) if full else receipt.transaction.hash
        for receipt in block.receipts]
    return {"number": hex(block.number), "hash": block.hash, "parentHash": block.parent_hash, "timestamp": hex(block.timestamp),
            "baseFeePerGas": hex(block.base_fee), "gasLimit": hex(block.gas_limit), "gasUsed": hex(block.gas_used),
            "miner": miner, "transactions": transactions, "logsBloom": _bloom_hex(bloom), "difficulty": "0x0",
            "totalDifficulty": "0x0", "extraData": "0x", "mixHash": ZERO_HASH, "nonce": "0x0000000000000000",
            "size": hex(600 + sum(len(receipt.transaction.raw) for receipt in block.receipts)), "uncles": [],
            "sha3Uncles": _EMPTY_UNCLES, "stateRoot": _EMPTY_ROOT, "receiptsRoot": _EMPTY_ROOT, "transactionsRoot": _EMPTY_ROOT}


@lru_cache(maxsize=256)
def mined_block_json(block: MinedBlock, full: bool, miner: str) -> Lasting:
    """A block of the chain as nodes show it."""
    return Lasting(block_json(block, full=full, miner=miner))
