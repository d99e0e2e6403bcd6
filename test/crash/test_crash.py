"""A few of the kills of `make crash-test`, in the default run."""
from pathlib import Path

import pytest

from test.crash.killer import kill_often


@pytest.mark.parametrize("kills, seed", [(4, 3)])
async def test_nothing_is_lost_doubled_or_left_behind_by_kills(tmp_path: Path, kills: int, seed: int) -> None:
    report = await kill_often(kills, seed, tmp_path)
    assert report.problems == []
    assert report.kills == kills and report.checks > 1 and report.orders > 0
