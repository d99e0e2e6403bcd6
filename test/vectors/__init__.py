"""Transactions recorded from the real contracts, one file per generation; README.md beside this file has the facts."""
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
FILES = {name: FOLDER / f"{name}.json.gz" for name in ("engine_2025_08", "engine_2026_07")}


@cache
def load(name: str) -> dict[str, Any]:
    """The whole vector file of a generation, parsed."""
    with gzip.open(FILES[name]) as file:
        vectors: dict[str, Any] = json.load(file)
    return vectors


def steps(name: str, kind: str | None = None) -> list[tuple[str, dict[str, Any]]]:
    """(scenario name, step) of all scenarios in order; `kind` "tx" or "view" keeps only those."""
    return [(scenario["name"], step) for scenario in load(name)["scenarios"] for step in scenario["steps"]
            if kind is None or step["kind"] == kind]
