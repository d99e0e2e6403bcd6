"""Recorded transactions as a file gives them: scenarios, names for addresses, and what each step is expected to do."""
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.abi import AbiError
from hummingbot.connector.exchange.standard.chain.engine import ERRORS

Json = dict[str, Any]
Revert = tuple[str, tuple[Any, ...]]  # signature of the error and its arguments; ("", ()) for empty revert data

_TX_KEYS = ("label", "from", "raw_tx", "to", "value", "nonce", "gasLimit", "data", "hash", "blockNumber", "status", "gasUsed",
            "revert", "return_data", "logs", "balance_delta", "after")
_TEXT_REVERT = re.compile(r"Error\(string\): (['\"])(.*)\1", re.DOTALL)
_PANIC_REVERT = re.compile(r"Panic\((0x[0-9a-fA-F]+)\)")


class RecordingError(Exception):
    """The file is not a recording; the message is one sentence."""


class Scenario(NamedTuple):
    """One scenario: `raw` as the file has it, its steps in segments that each start from the scenario's initial state."""

    name: str
    raw: Json
    segments: tuple[tuple[tuple[int, Json], ...], ...]

    def transactions(self) -> Iterator[Json]:
        """All transaction steps, in order."""
        return (step for step in self.raw["steps"] if step["kind"] == "tx")

    def first_block(self) -> int:
        """The number of the block that the first transaction was in."""
        return next((int(step["blockNumber"]) for step in self.transactions()), 1)

    def first_nonces(self) -> dict[str, int]:
        """The nonce with which each sender starts."""
        nonces: dict[str, int] = {}
        for step in self.transactions():
            nonces.setdefault(step["from"].lower(), step["nonce"])
        return nonces


class Recording:
    """A file of recorded scenarios. `addresses` gives the lower-case address of every name (accounts, contracts, books
    as "book:PAIR"), `pairs` those listed at the start and by the scenarios; `is_later` tells generation B from A."""

    def __init__(self, contents: Json) -> None:
        meta = contents["meta"]
        self.contents = contents
        self.addresses: dict[str, str] = {name: value.lower() for group in (meta["accounts"], meta["contracts"])
                                          for name, value in group.items()}
        self.is_later: bool = meta.get("version") == "B"
        self.pairs: Mapping[str, Json] = {**_listed_later(contents), **meta["pairs"]}
        for address, name in meta.get("labels", {}).items():
            self.addresses.setdefault(name, address.lower())
        for name, pair in self.pairs.items():
            self.addresses[f"book:{name}"] = pair["orderbook"].lower()
        self.scenarios = [Scenario(raw["name"], raw, _segments(raw["steps"])) for raw in contents["scenarios"]]

    def balance_names(self, scenario: Scenario) -> dict[str, set[str]]:
        """Whose balance of what is recorded in a scenario: tokens by name, "native" for the native one and
        "allowance:TOKEN" for what the engine may spend."""
        names: dict[str, set[str]] = {}
        for recorded in (scenario.raw["initial_balances"], *(step["balance_delta"] for step in scenario.transactions())):
            for name, tokens in recorded.items():
                names.setdefault(name, set()).update(tokens)
        return names


def added_pairs(contents: Mapping[str, Any]) -> Iterator[Json]:
    """The arguments of every PairAdded event in a file."""
    for scenario in contents["scenarios"]:
        for step in scenario["steps"]:
            for log in step.get("logs") or ():
                if log.get("event") == "PairAdded":
                    yield log["args"]


def _listed_later(contents: Json) -> dict[str, Json]:
    """The pairs that scenarios list, by name, as `meta` gives those of the start."""
    names = {address.lower(): name for name, address in contents["meta"]["contracts"].items()}
    pairs = {}
    for pair in added_pairs(contents):
        base, quote = (names.get(pair[side]["token"].lower(), pair[side]["symbol"]) for side in ("base", "quote"))
        pairs[f"{base}/{quote}"] = {"base_address": pair["base"]["token"], "quote_address": pair["quote"]["token"],
                                    "orderbook": pair["pair"]}
    return pairs


def _segments(steps: Sequence[Json]) -> tuple[tuple[tuple[int, Json], ...], ...]:
    segments: list[list[tuple[int, Json]]] = [[]]
    for index, step in enumerate(steps):
        if step.get("reset_before"):
            segments.append([])
        segments[-1].append((index, step))
    return tuple(tuple(segment) for segment in segments if segment)


def load_recording(path: str | Path) -> Recording:
    """The recording in a JSON file, gzipped or not. Raises RecordingError in one sentence."""
    try:
        contents = Path(path).read_bytes()
        if contents[:2] == b"\x1f\x8b":
            contents = gzip.decompress(contents)
        parsed = json.loads(contents)
    except (OSError, EOFError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read as JSON or gzipped JSON: {error}") from None
    try:
        recording = Recording(parsed)
        for scenario in recording.scenarios:
            for name in ("initial_balances", "initial_pairs", "pairs"):
                scenario.raw[name]
            for step in scenario.transactions():
                missing = [name for name in _TX_KEYS if name not in step]
                if missing:
                    raise RecordingError(f"{path} is not a recording: a transaction of scenario {scenario.name} "
                                         f"lacks {', '.join(missing)}")
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise RecordingError(f"{path} is not a recording: {type(error).__name__} {error}") from None
    return recording


def expected_revert(recorded: Any) -> Revert:
    """A recorded revert reason, in whichever form it was written down."""
    if isinstance(recorded, dict):
        return recorded["error"], tuple(plain(value) for value in recorded["args"].values())
    text = _TEXT_REVERT.match(recorded)
    if text:
        return "Error(string)", (text[2],)
    code = _PANIC_REVERT.match(recorded)
    if code:
        return "Panic(uint256)", (int(code[1], 16),)
    return ("", ()) if recorded == "EMPTY REVERT DATA" else (str(recorded), ())


def revert_of(data: bytes) -> Revert:
    """The same of actual revert data; unknown data are given as hex in the place of the signature."""
    if not data:
        return "", ()
    error = ERRORS.get(data[:4])
    try:
        return (error.signature, tuple(plain(value) for value in error.decode(data))) if error else ("0x" + data.hex(), ())
    except AbiError:
        return "0x" + data.hex(), ()


def plain(value: Any) -> Any:
    """A value in the form in which values are compared: lower-case hex strings, lists, dicts of such."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return value.lower() if value.startswith("0x") else value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
