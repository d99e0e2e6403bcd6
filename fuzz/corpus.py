"""Real answers of the sandbox, as `fuzz.record` wrote them down, and the logs of recorded transactions of the real contracts."""
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.markets import Market, Token
from test import vectors

FILE = Path(__file__).parent / "corpus" / "answers.json.gz"


class Sample(NamedTuple):
    """A real answer. `kind` says what was asked, where the decoder has to know it."""

    kind: str
    body: bytes


@cache
def _recorded() -> dict[str, Any]:
    with gzip.open(FILE) as file:
        recorded: dict[str, Any] = json.load(file)
    return recorded


def samples(name: str) -> list[Sample]:
    """What was recorded for a target."""
    return [Sample(kind, text.encode()) for kind, text in _recorded()["answers"][name]]


def engine() -> str:
    """The engine's address on the sandbox."""
    return str(_recorded()["engine"])


def account() -> str:
    """The account whose private streams were recorded."""
    return str(_recorded()["account"])


def markets() -> list[Market]:
    """The sandbox's markets."""
    return [Market(Token(*base), Token(*quote), book) for base, quote, book in _recorded()["markets"]]


def recorded_logs() -> list[Sample]:
    """The logs of each recorded transaction, as a node returns them; `kind` is the engine of that recording."""
    found = []
    for name in vectors.FILES:
        recorded_engine = vectors.load(name)["meta"]["contracts"]["engine"].lower()
        for _, step in vectors.steps(name, "tx"):
            logs = [{"address": log["address"], "topics": log["topics"], "data": log["data"],
                     "blockNumber": hex(step["blockNumber"]), "transactionHash": step["hash"], "transactionIndex": "0x0",
                     "blockHash": "0x" + 64 * "b", "logIndex": hex(index), "removed": False}
                    for index, log in enumerate(step["logs"])]
            if logs:
                found.append(Sample(recorded_engine, json.dumps(logs, separators=(",", ":")).encode()))
    return found


def write(engine_address: str, account_address: str, listed: list[Market], answers: dict[str, list[tuple[str, str]]]) -> None:
    """Keep a recording."""
    document = {
        "engine": engine_address, "account": account_address, "answers": answers,
        "markets": [[[token.address, token.symbol, token.decimals] for token in (market.base, market.quote)] + [market.book]
                    for market in listed]}
    text = json.dumps(document, indent=0, sort_keys=True).encode()
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(gzip.compress(text, 9, mtime=0))
