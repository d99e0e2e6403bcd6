"""A campaign finds what is wrong, says how to see it again, and goes on where it stopped."""
import dataclasses
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fuzz import campaign
from fuzz.campaign import Progress, payload_of, run_input
from fuzz.corpus import Sample
from fuzz.judge import BadValue, check, examine, watch_time
from fuzz.targets import Target
from hummingbot.connector.exchange.standard.errors import BadDataError
from hummingbot.connector.exchange.standard.rest.models import TradeRow


def _decode(kind: str, payload: bytes, chance: Random) -> None:
    if b"-" in payload:
        raise KeyError("a minus")
    if len(payload) < 5:
        raise BadDataError("too short")


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"toy": Target([Sample("", b'{"amount": 12, "rows": [1, 2]}')], _decode, (BadDataError,))}
    monkeypatch.setattr(campaign, "known", lambda: made)


def test_an_input_is_the_same_whenever_it_is_asked_for(target: None) -> None:
    first = [payload_of("toy", 1, number)[1] for number in range(300)]
    assert first == [payload_of("toy", 1, number)[1] for number in range(300)]
    assert first != [payload_of("toy", 2, number)[1] for number in range(300)] and len(set(first)) > 150


def test_an_undocumented_error_is_found_and_can_be_seen_again(target: None) -> None:
    with watch_time():
        failures = [failure for number in range(300) if (failure := run_input("toy", 1, number)) is not None]
        assert failures and all(failure.finding.headline.startswith("KeyError") for failure in failures)
        assert f"make fuzz TARGET=toy SEED=1 AT={failures[0].number}" in str(failures[0])
        again = run_input("toy", 1, failures[0].number)
    assert again is not None and again.finding == failures[0].finding


def test_a_campaign_stops_after_so_many_failures_and_goes_on_where_it_stopped(
        target: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(campaign, "PIECE", 100)
    assert campaign.campaign("toy", 1_000, 1, 1, 1, Progress(tmp_path, "toy", 1))
    reached = Progress(tmp_path, "toy", 1).done
    assert 0 < reached < 1_000
    campaign.campaign("toy", 1_000, 1, 1, 10_000, Progress(tmp_path, "toy", 1))
    assert Progress(tmp_path, "toy", 1).done == 1_000
    assert "toy: 1,000 of 1,000 inputs" in capfd.readouterr().out


def test_what_failed_is_fed_again_first_until_it_is_borne(target: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = campaign.campaign("toy", 300, 1, 1, 10_000, Progress(tmp_path, "toy", 1))
    failed = Progress(tmp_path, "toy", 1).failed
    assert first and first[0].number in failed and Progress(tmp_path, "toy", 1).done == 300
    assert campaign.campaign("toy", 300, 1, 1, 10_000, Progress(tmp_path, "toy", 1)), "nothing was mended"
    assert Progress(tmp_path, "toy", 1).failed == failed

    repaired = {"toy": dataclasses.replace(campaign.known()["toy"], decode=lambda *_: None)}
    monkeypatch.setattr(campaign, "known", lambda: repaired)
    mended = Progress(tmp_path, "toy", 1, code="of the mended decoder")
    assert next(mended.pieces(300)).numbers == tuple(sorted(failed))
    assert campaign.campaign("toy", 300, 1, 1, 10_000, mended) == []
    assert list(Progress(tmp_path, "toy", 1, code="of the mended decoder").pieces(300)) == []


def test_other_code_has_everything_to_do_again(tmp_path: Path) -> None:
    Progress(tmp_path, "toy", 1, code="old").fed(range(0, 300), [])
    assert Progress(tmp_path, "toy", 1, code="old").done == 300
    assert Progress(tmp_path, "toy", 1, code="new").done == 0


def test_the_digest_is_of_the_package_and_of_what_makes_the_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "SOURCES", (tmp_path,))
    digest = campaign.code_digest.__wrapped__
    seen = {digest()}
    for name in ("mutate.py", "answers.json.gz"):
        (tmp_path / name).write_bytes(b"1")
        seen.add(digest())
    (tmp_path / "mutate.py").write_bytes(b"2")
    seen.add(digest())
    monkeypatch.setattr(campaign, "simulated_code_digest", lambda: "of another package")
    seen.add(digest())
    assert len(seen) == 5 and digest() in seen


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, [1, {"a": (2, -0.5)}], TradeRow("", True, -1.0, 1.0, 1.0)])
def test_an_impossible_number_is_found_wherever_it_is(value: Any) -> None:
    with pytest.raises(BadValue):
        check(value)


@pytest.mark.parametrize("value", [0, 1.5, True, None, "-1", b"-", [], {"a": [0.0]}, TradeRow("", True, 1.0, 1.0, 1.0)])
def test_sensible_values_pass(value: Any) -> None:
    check(value)


def test_a_decoder_that_takes_too_much_memory_is_found() -> None:
    finding = examine(lambda payload: bytearray(b"x") * 2 ** 28, b"", ())
    assert finding is not None and finding.headline == "too much memory"


def test_a_decoder_that_takes_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.judge.SECONDS_PER_INPUT", 0.05)

    def endless(payload: bytes) -> None:
        while True:
            pass

    def slow(payload: bytes) -> None:
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass

    with watch_time():
        for decode, headline in ((endless, "TooSlow"), (slow, "too slow")):
            finding = examine(decode, b"", ())
            assert finding is not None and finding.headline.startswith(headline)
