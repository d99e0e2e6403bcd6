"""Who may import whom (README.md, "How it works"): each part of the package knows only what it is built on."""
import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from .source_tree import PACKAGE, Source, sources

SOURCES = sources()
MODULES = {source.module: source for source in SOURCES}

# What a part may use of the package: whole folders, or single modules of them.
BASIS = {"clock", "errors", "markets", "shared_work"}
READING = {"chain", "rest", "listing", "venue", "standard_constants"}
MAY_USE = {
    "chain": BASIS | {"chain", "transport"},
    "rest": BASIS | {"rest", "transport", "standard_constants", "chain.addresses", "chain.endpoints"},
    "orders": BASIS | {"orders", "chain.engine", "chain.logs"},
    "feeds": BASIS | READING | {"feeds", "outages", "standard_auth"},
    "sandbox": BASIS | {"sandbox", "chain.abi", "chain.engine", "chain.tokens"},
    "clock": set(),
    "errors": set(),
    "markets": set(),
    "shared_work": set(),
    "transport": set(),
    "outages": {"clock", "errors"},
    "listing": BASIS | {"chain", "rest", "standard_constants"},
    "unlisted": BASIS | {"chain", "rest", "listing", "orders", "standard_constants"},
    "venue": BASIS | {"chain", "rest", "listing", "orders", "standard_constants", "unlisted"},
}
# What of Hummingbot may be used there: its HTTP and WebSocket layer, and no class of an order or of a strategy.
NETWORKING = "hummingbot.core.web_assistant"


def imported(source: Source, run: bool = False) -> Iterator[str]:
    """The dotted names that a file imports; with `run`, only those that importing the file imports."""
    skipped = {id(inner) for node in ast.walk(source.tree) if run and is_deferred(node) for inner in ast.walk(node)}
    for node in ast.walk(source.tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names)


def is_deferred(node: ast.AST) -> bool:
    """Whether the node's inside does not run when the file is imported."""
    return (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"))


def own(names: Iterator[str]) -> set[str]:
    """The modules of this package among the names, as they are called inside it."""
    inside = {name.removeprefix(f"{PACKAGE}.") for name in names if name.startswith(f"{PACKAGE}.")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in inside}


def within(module: str, parts: set[str]) -> bool:
    return any(module == part or module.startswith(f"{part}.") for part in parts)


@pytest.mark.parametrize("part", MAY_USE)
def test_a_part_uses_only_what_it_is_built_on(part: str) -> None:
    files = [source for source in SOURCES if within(source.module, {part})]
    assert files
    wrong = {(source.name, name) for source in files for name in own(imported(source)) if not within(name, MAY_USE[part])}
    assert wrong == set()


@pytest.mark.parametrize("part", MAY_USE)
def test_a_part_knows_no_order_class_of_hummingbot(part: str) -> None:
    wrong = {(source.name, name) for source in SOURCES if within(source.module, {part}) for name in imported(source)
             if name.startswith("hummingbot.") and not name.startswith(f"{PACKAGE}.") and not name.startswith(NETWORKING)}
    assert wrong == set()


def test_nothing_but_the_command_line_uses_the_sandbox() -> None:
    users = {source.name for source in SOURCES if any(within(name, {"sandbox"}) for name in own(imported(source)))}
    assert users
    assert {name for name in users if not name.startswith(("cli/", "sandbox/"))} == set()


def test_nothing_uses_the_command_line() -> None:
    users = {source.name for source in SOURCES if any(within(name, {"cli"}) for name in own(imported(source)))}
    assert {name for name in users if not name.startswith("cli/")} == {"__main__.py"}


def test_no_import_is_relative() -> None:
    assert {(source.name, name) for source in SOURCES for name in imported(source) if name.startswith(".")} == set()


def test_no_module_needs_itself_to_be_imported() -> None:
    TopologicalSorter({source.module: own(imported(source, run=True)) - {source.module} for source in SOURCES}).prepare()


def test_every_kind_of_import_is_seen() -> None:
    source = Source("orders/example.py", f"""
import json
from {PACKAGE}.chain import abi
from . import sizing
if TYPE_CHECKING:
    from {PACKAGE}.venue import Venue
def late():
    from {PACKAGE}.sandbox.node import Node
""")
    assert own(imported(source)) == {"chain.abi", "venue", "sandbox.node"}
    assert own(imported(source, run=True)) == {"chain.abi"}
    assert {"json", ".None.sizing"} <= set(imported(source))
