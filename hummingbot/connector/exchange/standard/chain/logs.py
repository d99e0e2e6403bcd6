"""Logs as a node returns them, decoded once: trading events of the engine and token transfers, with their place."""
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.abi import AbiError
from hummingbot.connector.exchange.standard.chain.engine import KNOWN_TOPICS, EngineEvent, decode_event
from hummingbot.connector.exchange.standard.chain.rpc_values import quantity
from hummingbot.connector.exchange.standard.chain.tokens import TRANSFER, WITHDRAWAL
from hummingbot.connector.exchange.standard.errors import BadDataError

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
_OUTFLOWS = {TRANSFER.topic: 3, WITHDRAWAL.topic: 2}  # how many topics each has


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


def _removed(log: Mapping[str, Any]) -> bool:
    removed = log.get("removed") or False
    if not isinstance(removed, bool):
        raise BadDataError(f"the node returned a malformed log: removed is {str(removed)[:60]}")
    return removed


def decode_engine_logs(logs: Iterable[Mapping[str, Any]], engine: str) -> list[EngineLog]:
    """The trading events among JSON logs, in chain order; logs of other contracts and of other kinds are left out.

    Raises BadDataError for a log of the engine that is malformed or whose data do not fit its topic.
    """
    decoded = []
    for log in logs:
        try:
            if log["address"].lower() != engine:
                continue
            event = decode_event([topic.lower() for topic in log["topics"]], bytes.fromhex(log["data"][2:]))
            if event is not None:
                decoded.append(EngineLog(event, log["transactionHash"].lower(), quantity(log["blockNumber"], "log blockNumber"),
                                         quantity(log["logIndex"], "log logIndex"), _removed(log),
                                         str(log.get("blockHash", "")).lower()))
        except AbiError as error:
            raise BadDataError(f"the node returned a log that is not an event of the engine: {error}") from error
        except _MALFORMED as error:
            raise BadDataError(f"the node returned a malformed log: {error!r}") from error
    decoded.sort(key=attrgetter("block_number", "log_index"))
    return decoded


def unknown_topics(logs: Iterable[Mapping[str, Any]], engine: str) -> list[str]:
    """The topics of what the engine logged and nobody here knows, among logs that `decode_engine_logs` takes."""
    topics = [log["topics"][0].lower() for log in logs if log["address"].lower() == engine and log["topics"]]
    return [topic for topic in topics if topic not in KNOWN_TOPICS]


def _first_word(data: str) -> int:
    word = bytes.fromhex(data[2:66])
    if not data.startswith("0x") or len(word) != 32:
        raise ValueError(data[:80])
    return int.from_bytes(word)


def decode_outflows(logs: Iterable[Mapping[str, Any]]) -> list[TokenOut]:
    """Token movements among the JSON logs of one receipt, in order; other logs are left out.

    Raises BadDataError for one that is malformed.
    """
    outflows = []
    for log in logs:
        try:
            topics = log["topics"]
            if topics and _OUTFLOWS.get(topics[0].lower()) == len(topics):
                quantity(log["blockNumber"], "log blockNumber")
                outflows.append(TokenOut(log["address"].lower(), "0x" + topics[1][26:].lower(), _first_word(log["data"]),
                                         quantity(log["logIndex"], "log logIndex")))
        except _MALFORMED as error:
            raise BadDataError(f"the node returned a malformed log: {error!r}") from error
    outflows.sort(key=attrgetter("log_index"))
    return outflows
