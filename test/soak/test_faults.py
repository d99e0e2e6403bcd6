"""Every fault that the soak throws is one that the sandbox knows, and none is left when it mends."""
import asyncio
import json
import random
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from soak.faults import FAULTS, Chaos
from test.hummingbot.connector.exchange.standard.trading import until


class Chosen(random.Random):
    """Chooses what it is told to where kinds are chosen, and at random otherwise."""

    def __init__(self, kind: str) -> None:
        super().__init__(1)
        self.kind = kind

    def sample(self, population, k):
        return [self.kind] if self.kind in population else super().sample(population, k)


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(port=0, mining=Mining.INSTANT, traders=TraderSettings(enabled=False))) as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_changes_something_and_is_mended_and_noted(sandbox: Sandbox, kind: str, tmp_path: Path) -> None:
    chaos = Chaos(sandbox.url, 1, tmp_path / "faults.jsonl")
    chaos._random = Chosen(kind)
    whole = sandbox.faults.state()
    assert await asyncio.to_thread(chaos.break_something) == [kind]
    assert sandbox.faults.state() != whole and chaos.thrown[kind] == 1
    await asyncio.to_thread(chaos.mend)
    ((began, mended),) = chaos.rounds
    assert began <= mended and chaos.explains(began) and not chaos.explains(began - 1)
    assert sandbox.faults.state() == whole
    notes = [json.loads(line) for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert notes[1]["faults"]["clear"] and len(notes) == 4


async def test_the_traders_pause_and_go_on(sandbox: Sandbox) -> None:
    chaos = Chaos(sandbox.url, 1)
    for on in (True, False):
        await asyncio.to_thread(chaos.trade, on)
        assert sandbox.traders.settings.enabled is on


async def test_connections_are_refused_for_a_while_and_then_all_is_mended(sandbox: Sandbox) -> None:
    chaos = Chaos(sandbox.url, 1)
    chaos._random = Chosen("connections refused")
    await asyncio.to_thread(chaos.break_something)
    await until(lambda: sandbox._site is None)
    await asyncio.to_thread(chaos.mend)
    assert sandbox._site is not None


def test_several_faults_of_one_part_are_thrown_together(monkeypatch: pytest.MonkeyPatch) -> None:
    chaos, sent = Chaos("http://nowhere", 1), {}
    monkeypatch.setattr(chaos, "_post", sent.__setitem__)
    kinds = ["rate limits", "answers lost", "no blocks", "node behind"]
    monkeypatch.setattr(chaos._random, "sample", lambda population, k: kinds)
    chaos.break_something()
    assert [rule["kind"] for rule in sent["faults"]["http"]] == ["status", "lost"]
    assert sent["faults"]["node"]["mining_paused"] and sent["faults"]["node"]["blocks_behind"] > 0
