"""What a node answers, checked and turned into Python values: nothing of a wrong shape passes this module.

Hashes, topics and addresses come out as lower-case "0x…" strings, data as bytes, quantities as ints. Every function
raises BadDataError for anything else.
"""
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.errors import BadDataError

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_LONGEST_QUANTITY = 66


class Receipt(NamedTuple):
    """A mined transaction. `ok` tells whether it succeeded; `reason` says in words why it did not.

    `gas_used` in gas, `effective_gas_price` in wei per gas. `logs` are the JSON objects of the node, checked.
    """

    transaction_hash: str
    block_number: int
    block_hash: str
    ok: bool
    gas_used: int
    effective_gas_price: int
    logs: tuple[Mapping[str, Any], ...]
    reason: str = ""


class Block(NamedTuple):
    """The head of a block. `base_fee` (wei per gas) is None on a chain without EIP-1559; `timestamp` in seconds."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int | None


def quantity(answer: Any, what: str) -> int:
    """A non-negative integer in the hexadecimal form of JSON-RPC; leading zeros, which some nodes send, are accepted."""
    if isinstance(answer, str) and len(answer) <= _LONGEST_QUANTITY and (number := _integer(answer)) is not None:
        return number
    raise BadDataError(f"{what}: {_shown(answer)} is not a hexadecimal quantity")


def data(answer: Any, what: str) -> bytes:
    """A byte string in hexadecimal form."""
    if isinstance(answer, str) and (raw := _bytes(answer)) is not None:
        return raw
    raise BadDataError(f"{what}: {_shown(answer)} is not hexadecimal data")


def fixed_hex(answer: Any, length: int, what: str) -> str:
    """A hash (32 bytes) or an address (20 bytes) as lower-case hex."""
    if isinstance(answer, str) and len(answer) == 2 + 2 * length and (lower := _lower_hex(answer)) is not None:
        return lower
    raise BadDataError(f"{what}: {_shown(answer)} is not {length} bytes in hexadecimal form")


# The logs of a block say the same hashes, addresses and numbers again and again.

@lru_cache(4096)
def _integer(text: str) -> int | None:
    return int(text, 16) if _QUANTITY.fullmatch(text) else None


@lru_cache(4096)
def _lower_hex(text: str) -> str | None:
    return None if _bytes(text) is None else text.lower()


def _bytes(text: str) -> bytes | None:
    try:
        raw = bytes.fromhex(text[2:])
    except ValueError:
        return None
    return raw if text[:2] == "0x" and len(text) == 2 + 2 * len(raw) else None  # fromhex() skips blanks


def mapping(answer: Any, what: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(answer, dict):
        raise BadDataError(f"{what}: {_shown(answer)} is not an object")
    return answer


def listing(answer: Any, what: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(answer, list):
        raise BadDataError(f"{what}: {_shown(answer)} is not a list")
    return answer


def log(answer: Any) -> Mapping[str, Any]:
    """A log of a block, as the JSON object that it is, with every field in its place (`chain.logs` decodes it)."""
    fields = mapping(answer, "log")
    get = fields.get
    for topic in listing(get("topics"), "log topics"):
        fixed_hex(topic, 32, "log topic")
    fixed_hex(get("address"), 20, "log address")
    fixed_hex(get("blockHash"), 32, "log blockHash")
    fixed_hex(get("transactionHash"), 32, "log transactionHash")
    quantity(get("blockNumber"), "log blockNumber")
    quantity(get("logIndex"), "log logIndex")
    data(get("data"), "log data")
    return fields


def receipt(answer: Any) -> Receipt | None:
    """A receipt, or None for a transaction that is not (yet) in a block."""
    if answer is None:
        return None
    fields = mapping(answer, "receipt")
    if fields.get("blockNumber") is None:  # some nodes describe a transaction that still waits
        return None
    status = quantity(fields.get("status"), "receipt status")
    if status > 1:
        raise BadDataError(f"receipt status: {status} is neither 0 nor 1")
    price = fields.get("effectiveGasPrice")
    return Receipt(
        transaction_hash=fixed_hex(fields.get("transactionHash"), 32, "receipt transactionHash"),
        block_number=quantity(fields["blockNumber"], "receipt blockNumber"),
        block_hash=fixed_hex(fields.get("blockHash"), 32, "receipt blockHash"),
        ok=status == 1,
        gas_used=quantity(fields.get("gasUsed"), "receipt gasUsed"),
        effective_gas_price=0 if price is None else quantity(price, "receipt effectiveGasPrice"),
        logs=tuple([log(item) for item in listing(fields.get("logs"), "receipt logs")]),
    )


def block(answer: Any) -> Block | None:
    """The head of a block, or None when the node does not have it."""
    if answer is None:
        return None
    fields = mapping(answer, "block")
    base_fee = fields.get("baseFeePerGas")
    return Block(
        number=quantity(fields.get("number"), "block number"),
        hash=fixed_hex(fields.get("hash"), 32, "block hash"),
        parent_hash=fixed_hex(fields.get("parentHash"), 32, "block parentHash"),
        timestamp=quantity(fields.get("timestamp"), "block timestamp"),
        base_fee=None if base_fee is None else quantity(base_fee, "block baseFeePerGas"),
    )


def transaction_hashes(answer: Any) -> list[str]:
    """The hashes of the transactions in a block that was asked for without them in full."""
    fields = mapping(answer, "block")
    return [fixed_hex(name, 32, "transaction of a block") for name in listing(fields.get("transactions"), "block transactions")]


def _shown(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 60 else text[:57] + "..."
