"""Logs as a node returns them, decoded once: trading events of the engine and token transfers, with their place."""
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.engine import EngineEvent, decode_event
from hummingbot.connector.exchange.standard.chain.tokens import TRANSFER, WITHDRAWAL
from hummingbot.connector.exchange.standard.errors import BadDataError


class EngineLog(NamedTuple):
    """A trading event and where it stands in the chain. `removed` marks one that a reorganisation took back."""

    event: EngineEvent
    transaction_hash: str
    block_number: int
    log_index: int
    removed: bool = False
    block_hash: str = ""


class TokenOut(NamedTuple):
    """`amount` units of `token` left `source`: an ERC-20 transfer, or a withdrawal of wrapped native tokens."""

    token: str
    source: str
    amount: int
    log_index: int


def _fields(log: Mapping[str, Any]) -> tuple[str, list[str], bytes, str, int, int]:
    try:
        block_number, log_index = int(log["blockNumber"], 16), int(log["logIndex"], 16)
        if block_number < 0 or log_index < 0:
            raise ValueError("a negative place")
        return (log["address"].lower(), [topic.lower() for topic in log["topics"]], bytes.fromhex(log["data"][2:]),
                log["transactionHash"].lower(), block_number, log_index)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadDataError(f"the node returned a malformed log: {error!r}") from error


def _removed(log: Mapping[str, Any]) -> bool:
    removed = log.get("removed") or False
    if not isinstance(removed, bool):
        raise BadDataError(f"the node returned a malformed log: removed is {str(removed)[:60]}")
    return removed


def decode_engine_logs(logs: Iterable[Mapping[str, Any]], engine: str) -> list[EngineLog]:
    """The trading events among JSON logs, in chain order; logs of other contracts and of other kinds are left out.

    Raises BadDataError for a log that is malformed or whose data do not fit its topic.
    """
    decoded = []
    for log in logs:
        address, topics, data, transaction_hash, block_number, log_index = _fields(log)
        if address != engine:
            continue
        try:
            event = decode_event(topics, data)
        except ValueError as error:
            raise BadDataError(f"the node returned a log that is not an event of the engine: {error}") from error
        if event is not None:
            decoded.append(EngineLog(event, transaction_hash, block_number, log_index, _removed(log),
                                     str(log.get("blockHash", "")).lower()))
    decoded.sort(key=lambda log: (log.block_number, log.log_index))
    return decoded


def decode_outflows(logs: Iterable[Mapping[str, Any]]) -> list[TokenOut]:
    """Token movements among the JSON logs of one receipt, in order; other logs are left out."""
    outflows = []
    for log in logs:
        token, topics, data, _, _, log_index = _fields(log)
        if (topics[:1], len(topics)) in (([TRANSFER.topic], 3), ([WITHDRAWAL.topic], 2)):
            outflows.append(TokenOut(token, "0x" + topics[1][26:], int.from_bytes(data[:32], "big"), log_index))
    outflows.sort(key=lambda outflow: outflow.log_index)
    return outflows
