"""Mutants are small, run, and have names that other lines do not change."""
from typing import Any

import pytest

from mutation.__main__ import equivalents
from mutation.mutants import Mutant, compiled, mutants
from mutation.subjects import SOURCES, SUBJECTS, TESTS


def changes(source: str, function: str = "f") -> set[str]:
    return {mutant.change for mutant in mutants("x.py", source) if mutant.function == function}


def result(source: str, mutant: Mutant, *arguments: Any) -> Any:
    scope: dict[str, Any] = {}
    exec(compiled(mutant, source), scope)
    return scope["f"](*arguments)


@pytest.mark.parametrize("body, expected", [
    ("return a < b", {"`a < b` becomes `a <= b`", "`a < b` becomes `a >= b`", "`return a < b` becomes `return None`"}),
    ("return a and b", {"`a and b` becomes `a or b`", "`return a and b` becomes `return None`"}),
    ("return a // 10", {"`a // 10` becomes `a * 10`", "`10` becomes `11`", "`10` becomes `9`",
                         "`return a // 10` becomes `return None`"}),
    ("return not a", {"`not a` without its not", "`return not a` becomes `return None`"}),
    ("return -a", {"`-a` without its minus", "`return -a` becomes `return None`"}),
    ("return g(a, b)", {"`g(a, b)` becomes `g(b, a)`", "`return g(a, b)` becomes `return None`"}),
    ("return min(a, b)", {"`min` becomes `max`", "`return min(a, b)` becomes `return None`"}),
    ("a += 1", {"`a += 1` becomes `a -= 1`", "`1` becomes `2`", "`1` becomes `0`", "no `a += 1`"}),
    ("return a if b else True", {"`b` is always True", "`b` is always False", "`True` becomes `False`",
                                 "`return a if b else True` becomes `return None`"}),
    ("return [c for c in a if c]", {"no `if c`", "`return [c for c in a if c]` becomes `return None`"}),
    ("raise KeyError", {"no `raise KeyError`"}),
    ("while a: b()", {"`a` is always False", "no `b()`"}),
    ('"""Text."""', set()),
])
def test_every_kind_of_change_is_made(body: str, expected: set[str]) -> None:
    assert changes(f"def f(a: int = 0, b: int = 0) -> int:\n    {body}") - {"`0` becomes `1`", "`0` becomes `-1`"} == expected


def test_tables_lose_their_entries_one_by_one() -> None:
    assert changes('T = ("a", "b")\nD = {"c": x, "d": y}', "") == {
        "no entry `'a'`", "no entry `'b'`", "no entry `'c'`", "no entry `'d'`"}


def test_each_mutant_has_one_change_and_leaves_the_others_as_they_are() -> None:
    source = "def f(a):\n    if a > 5:\n        return 1\n    return 2"
    made = mutants("x.py", source)
    by_change = {mutant.change: mutant for mutant in made}
    assert result(source, by_change["`a > 5` becomes `a >= 5`"], 5) == 1 and result(source, by_change["`5` becomes `4`"], 5) == 1
    assert [result(source, by_change["`2` becomes `3`"], value) for value in (5, 6)] == [3, 1]
    assert len({mutant.key for mutant in made}) == len(made)


def test_a_name_stays_when_other_lines_change_and_tells_equal_lines_apart() -> None:
    one = {mutant.key for mutant in mutants("x.py", "def f(a):\n    return a + 1")}
    two = {mutant.key for mutant in mutants("x.py", "Y = 2\n\n\ndef g(a):\n    return a\n\n\ndef f(a):\n    return a + 1")}
    assert one < two
    twice = [mutant.key for mutant in mutants("x.py", "def f(a):\n    a -= 1\n    a -= 1")]
    assert len(set(twice)) == len(twice)


def test_annotations_and_imports_are_left_alone() -> None:
    assert changes("import a\nfrom b import c\nX: int | None", "") == set()


@pytest.mark.parametrize("file", SUBJECTS)
def test_subjects_and_their_tests_are_there_and_give_mutants_that_compile(file: str) -> None:
    source = (SOURCES / file).read_text()
    made = mutants(file, source)
    assert len(made) > len(source.splitlines()) / 2
    for mutant in made[::40]:
        compiled(mutant, source)
    assert all((TESTS / test).is_file() for test in SUBJECTS[file])


def test_every_test_of_orders_is_asked() -> None:
    asked = {test for tests in SUBJECTS.values() for test in tests}
    assert {f"orders/{path.name}" for path in (TESTS / "orders").glob("test_*.py")} <= asked


def test_what_is_listed_as_equivalent_exists_and_has_a_reason() -> None:
    keys = {mutant.key for file in SUBJECTS for mutant in mutants(file, (SOURCES / file).read_text())}
    listed = equivalents()
    assert not listed.keys() - keys
    assert all(len(reason) > 10 for reason in listed.values())
