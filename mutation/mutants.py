"""All small wrong changes of a module: another comparison, operator or number, a condition that always or never holds, two
arguments in each other's place, a statement or an entry of a table that is missing, a result that is None."""
import ast
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,)}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any", "ROUND_FLOOR": "ROUND_CEILING",
              "ROUND_CEILING": "ROUND_FLOOR"}
_STATEMENTS = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Delete, ast.Continue, ast.Break)
_UNTOUCHED = (ast.Import, ast.ImportFrom)

_Ways = tuple[Callable[[], None], Callable[[], None]]  # to make a change, and to undo it


class _Change(NamedTuple):
    """What it is, in which line, how it is made and how it is undone. `function` is the innermost one around it."""

    what: str
    line: int
    function: str
    make: Callable[[], None]
    undo: Callable[[], None]


class Mutant(NamedTuple):
    """One change.

    `function` is the qualified name of the innermost function or class around it, "" for a module's own statements, and
    `line` the text of its line. `number` tells equal changes of equal lines of one function apart; `at` is the mutant's place
    among those of its file.
    """

    file: str
    function: str
    line: str
    change: str
    number: int
    at: int

    @property
    def key(self) -> str:
        """A name that stays when other lines change."""
        again = f" ({self.number})" if self.number else ""
        return f"{self.file}: {self.function or 'module'}: {self.line}: {self.change}{again}"


def mutants(file: str, source: str) -> list[Mutant]:
    """Every mutant of a module."""
    lines = source.splitlines()
    found: list[Mutant] = []
    seen: dict[tuple[str, str, str], int] = {}
    for index, change in enumerate(_changes_of(ast.parse(source))):
        line = lines[change.line - 1].strip()
        same = change.function, line, change.what
        seen[same] = seen.get(same, -1) + 1
        found.append(Mutant(file, change.function, line, change.what, seen[same], index))
    return found


def compiled(mutant: Mutant, source: str) -> CodeType:
    """The code of the module with the change."""
    tree = ast.parse(source)
    for index, change in enumerate(_changes_of(tree)):
        if index == mutant.at:
            change.make()
            return compile(ast.fix_missing_locations(tree), mutant.file, "exec")
    raise ValueError(f"the source has no mutant {mutant.key}")


def _changes_of(tree: ast.Module) -> Iterator[_Change]:
    yield from _removals(tree, "")
    for node, function in _places(tree, ""):
        yield from _changes(node, function)


def _places(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that may be changed, with the function that they are in."""
    for name, value in list(ast.iter_fields(node)):
        if name in ("annotation", "returns", "type_params", "bases") or (isinstance(node, ast.Subscript) and name == "slice"
                                                              and not function):
            continue
        inner = _inner(node, function) if name == "body" else function
        for child in list(value) if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, _UNTOUCHED) and not _is_text(child):
                yield child, inner
                yield from _places(child, inner)


def _inner(node: ast.AST, function: str) -> str:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return f"{function}.{node.name}" if function else node.name
    return function


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _set(node: Any, name: str, value: Any) -> _Ways:
    before = getattr(node, name)
    return lambda: setattr(node, name, value), lambda: setattr(node, name, before)


def _changes(node: Any, function: str) -> Iterator[_Change]:
    before = ast.unparse(node) if isinstance(node, (ast.expr, ast.stmt)) else ""
    line = getattr(node, "lineno", 1)
    for name, value in _expressions(node):
        make, undo = _set(node, name, value)
        make()
        after = ast.unparse(node)
        undo()
        yield _Change(f"`{_short(before)}` becomes `{_short(after)}`", line, function, make, undo)
    for what, (make, undo) in _conditions(node):
        place = getattr(node, "test", None) or getattr(node, "target", None) or node
        yield _Change(what, place.lineno, function, make, undo)
    yield from _removals(node, _inner(node, function))
    if not function:
        for what, (make, undo) in _entries(node):
            yield _Change(what, line, function, make, undo)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:60]} … {text[-37:]}"


def _expressions(node: Any) -> Iterator[tuple[str, Any]]:
    """Fields and their new values."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                yield "ops", [*node.ops[:at], other(), *node.ops[at + 1:]]
    elif isinstance(node, (ast.BinOp, ast.AugAssign)):
        other_operator = _OPERATORS.get(type(node.op))
        if other_operator is not None:
            yield "op", other_operator()
    elif isinstance(node, ast.BoolOp):
        yield "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Constant):
        yield from [("value", value) for value in _other_values(node.value)]
    elif isinstance(node, ast.Name) and node.id in _OPPOSITES:
        yield "id", _OPPOSITES[node.id]
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield "value", ast.Constant(None)
    elif isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in ("min", "max")):
        yield from [("args", arguments) for arguments in _swapped(node.args)]


def _other_values(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    return [value + 1, value - 1] if isinstance(value, int) else []


def _swapped(arguments: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """Two neighbours in each other's place."""
    for at in range(len(arguments) - 1):
        one, other = arguments[at:at + 2]
        if not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred) and ast.unparse(one) != ast.unparse(other):
            yield [*arguments[:at], other, one, *arguments[at + 2:]]


def _conditions(node: Any) -> Iterator[tuple[str, _Ways]]:
    """A condition that always or never holds."""
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        for value in (True, False):
            if not (isinstance(node, ast.While) and value):
                yield f"`{_short(ast.unparse(node.test))}` is always {value}", _set(node, "test", ast.Constant(value))
    elif isinstance(node, ast.comprehension):
        for at, test in enumerate(node.ifs):
            yield f"no `if {_short(ast.unparse(test))}`", _set(node, "ifs", [*node.ifs[:at], *node.ifs[at + 1:]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield f"`{_short(ast.unparse(node))}` without its minus", _set(node, "op", ast.UAdd())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"`{_short(ast.unparse(node))}` without its not", _set(node, "operand", ast.UnaryOp(ast.Not(), node.operand))


def _removals(node: Any, function: str) -> Iterator[_Change]:
    """A statement that is missing; those that a module or a class needs to be one at all are left."""
    if isinstance(node, (ast.Module, ast.ClassDef)):
        return
    for name in ("body", "orelse"):
        body = getattr(node, name, None)
        if isinstance(body, list):
            for at, statement in enumerate(body):
                if isinstance(statement, _STATEMENTS) and not _is_text(statement):
                    make, undo = _set(node, name, [*body[:at], ast.Pass(), *body[at + 1:]])
                    yield _Change(f"no `{_short(ast.unparse(statement))}`", statement.lineno, function, make, undo)


def _entries(node: Any) -> Iterator[tuple[str, _Ways]]:
    """A table without one of its entries."""
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for at, element in enumerate(node.elts):
            yield f"no entry `{_short(ast.unparse(element))}`", _set(node, "elts", [*node.elts[:at], *node.elts[at + 1:]])
    elif isinstance(node, ast.Dict) and len(node.keys) > 1:
        before = node.keys, node.values
        for at, key in enumerate(node.keys):
            after = [*node.keys[:at], *node.keys[at + 1:]], [*node.values[:at], *node.values[at + 1:]]
            yield f"no entry `{_short(ast.unparse(key) if key else '**')}`", (
                lambda after=after: _fill(node, after), lambda: _fill(node, before))  # type: ignore[misc]


def _fill(node: ast.Dict, content: tuple[list[Any], list[Any]]) -> None:
    node.keys, node.values = content
