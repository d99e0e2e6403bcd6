"""The package keeps the shape in which somebody else can carry it on."""
import ast
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from .source_tree import PACKAGE, Source, sources

LONGEST_FUNCTION = 60
LONGEST_FILE = 500
SWALLOWED_PER_1000 = 1
LOGGED_PER_1000 = 10
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log", "network"}

SOURCES = sources()
CONNECTOR = [source for source in SOURCES if not source.name.startswith("sandbox/")]
SANDBOX = [source for source in SOURCES if source.name.startswith("sandbox/")]
PARTS = pytest.mark.parametrize("part", [CONNECTOR, SANDBOX], ids=["connector", "sandbox"])

EXAMPLE = '''
"""What the file is for."""
# a comment

try:
    logging.getLogger(__name__).info("begun")
except Exception:
    pass
try:
    math.log(1)
except (OSError, BaseException):
    raise
try:
    """a text that is no docstring"""
except:
    self.logger().error("failed")
'''


def swallowing(source: Source) -> list[ast.ExceptHandler]:
    """The handlers that catch whatever comes and let none of it through."""
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler) and catches_all(node.type)
            and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))]


def catches_all(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or (isinstance(name, ast.Name) and name.id in ("Exception", "BaseException")) for name in names)


def log_calls(source: Source) -> list[ast.Call]:
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and node.func.attr in LOG_METHODS and "logger" in ast.unparse(node.func.value).lower()]


def thousands(part: list[Source]) -> float:
    return sum(source.code_lines for source in part) / 1000


def undocumented(module: Any) -> Iterator[str]:
    """The public functions, classes and methods of a module that nothing describes.

    A method that fulfils what a base class asks for is described there, be it ours or Hummingbot's.
    """
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and not (thing.__doc__ or "").strip():
            yield f"{module.__name__}.{name}"
        for method, member in vars(thing).items() if inspect.isclass(thing) else ():
            function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
            inherited = any(hasattr(base, method) for base in thing.__mro__[1:])
            if inspect.isfunction(function) and not method.startswith("_") and not inherited and not function.__doc__:
                yield f"{module.__name__}.{name}.{method}"


def test_no_function_is_too_long_to_be_read_at_once() -> None:
    long = {f"{source.name}: {function.name}": length for source in SOURCES for function in source.functions
            if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION}
    assert long == {}


def test_no_file_holds_too_much() -> None:
    assert {source.name: source.code_lines for source in SOURCES if source.code_lines > LONGEST_FILE} == {}


@PARTS
def test_hardly_anything_swallows_whatever_comes(part: list[Source]) -> None:
    found = [f"{source.name}:{handler.lineno}" for source in part for handler in swallowing(source)]
    assert len(found) <= SWALLOWED_PER_1000 * thousands(part), found


@PARTS
def test_the_log_is_used_sparingly(part: list[Source]) -> None:
    assert sum(len(log_calls(source)) for source in part) <= LOGGED_PER_1000 * thousands(part)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_what_is_public_is_described(source: Source) -> None:
    if source.name == "__main__.py":  # importing it runs the command line
        return
    assert list(undocumented(importlib.import_module(f"{PACKAGE}.{source.module}".removesuffix(".")))) == []


def test_the_measures_see_what_they_are_for() -> None:
    source = Source("example.py", EXAMPLE)
    assert source.code_lines == 12
    assert [handler.lineno for handler in swallowing(source)] == [7, 15]
    assert [call.lineno for call in log_calls(source)] == [6, 16]
