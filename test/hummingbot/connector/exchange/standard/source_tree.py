"""The connector's own source files, parsed: what the tests of its shape and of its imports look at."""
import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = "hummingbot.connector.exchange.standard"
FOLDER = Path(__file__).parents[5].joinpath(*PACKAGE.split("."))
LAYOUT_TOKENS = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of Python: its name inside the package and its text."""

    name: str
    text: str

    @property
    def module(self) -> str:
        """The module's dotted name inside the package, `` for the package itself."""
        return self.name.removesuffix(".py").replace("/", ".").removesuffix("__init__").removesuffix(".")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    @property
    def code_lines(self) -> int:
        """Lines that bear code: neither blank nor comment nor docstring."""
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in LAYOUT_TOKENS:
                lines |= set(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(self.tree):
            if isinstance(node, Documented) and ast.get_docstring(node) is not None:
                lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        return len(lines)


def sources() -> list[Source]:
    """Every file of the package, in order."""
    return [Source(path.relative_to(FOLDER).as_posix(), path.read_text(encoding="utf-8"))
            for path in sorted(FOLDER.rglob("*.py"))]
