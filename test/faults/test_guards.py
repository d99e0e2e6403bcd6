"""The table of guards belongs to the code and the tests as they are, and only what fails without a guard proves it."""
import re
from pathlib import Path

import pytest

from test.faults import __main__ as command
from test.faults.guards import GUARDS, Guard, guard

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hummingbot/connector/exchange/standard"
ROWS = range(1, 50)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"F{guard.row} {guard.what}")
def test_what_a_guard_is_can_be_taken_away(guard: Guard) -> None:
    for edit in guard.edits:
        assert (PACKAGE / edit.file).read_text(encoding="utf-8").count(edit.find) == 1, edit.file
        assert edit.find != edit.replace


def test_every_fault_has_a_test_a_guard_and_a_line_in_the_documentation() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"def test_f(\d\d)_", code)}
    table = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    documented = {int(number) for number in re.findall(r"^\| F(\d+) \|", table, re.MULTILINE)}
    assert tested == documented == {guard.row for guard in GUARDS} == set(ROWS)


def test_the_documentation_names_the_files_in_which_the_guards_stand() -> None:
    table = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    named = {int(row): set(re.findall(r"`(\S+\.py)`", column))
             for row, column in re.findall(r"^\| F(\d+) \|.*\|([^|]*)\|$", table, re.MULTILINE)}
    assert named == {row: {edit.file for guard in GUARDS if guard.row == row for edit in guard.edits} for row in ROWS}


TOY = """
import time
from pathlib import Path

import pytest

def guarded():
    return "GUARDED = True" in Path("hummingbot/connector/exchange/standard/toy.py").read_text()

def test_f01_misses_it():
    assert guarded()

def test_f02_never_misses_it():
    pass

def test_f03_fails_anyway():
    assert False

def test_f04_waits_in_vain():
    if not guarded():
        raise TimeoutError

def test_f05_waits_in_vain_once():
    if not guarded() and not Path("waited").exists():
        Path("waited").touch()
        raise TimeoutError

@pytest.mark.timeout(3)
def test_f06_never_ends():
    if not guarded():
        time.sleep(60)
"""


def test_only_a_failure_that_comes_of_the_guard_proves_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / command.PACKAGE
    package.mkdir(parents=True)
    (package / "toy.py").write_text("GUARDED = True")
    (tmp_path / "test/faults").mkdir(parents=True)
    (tmp_path / "test/faults/test_toy.py").write_text(TOY)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    there = [guard(row, f"toy {row}", "toy.py", "True", "False") for row in range(1, 8)]
    monkeypatch.setattr(command, "GUARDS", (*there, guard(1, "toy 8", "toy.py", "nowhere", "")))
    assert command.main([]) == 6
    told = dict(re.findall(r"^F\d +toy (\d) +(\S.*?)(?: \(\d+ s\)|:)?$", capsys.readouterr().out, re.MULTILINE))
    assert told == {
        "1": "a test fails without it", "2": "NO TEST FAILS without it", "3": "CANNOT BE JUDGED: its tests do not pass with it",
        "4": "a test fails without it, twice waiting in vain",
        "5": "CANNOT BE JUDGED: a test waited in vain without it, and did not do so again",
        "6": "CANNOT BE JUDGED: a test was stopped after 45 s", "7": "CANNOT BE JUDGED: its tests do not pass with it",
        "8": "the guard is not where the table has it"}
