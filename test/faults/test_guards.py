"""The table of guards belongs to the code and the tests as they are."""
import re
from pathlib import Path

import pytest

from test.faults.guards import GUARDS, Guard

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hummingbot/connector/exchange/standard"
ROWS = range(1, 49)


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
