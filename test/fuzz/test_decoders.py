"""Every decoder bears damaged copies of real answers; `make fuzz` feeds it with many more."""
from collections.abc import Iterator
from random import Random

import pytest

from fuzz.campaign import known, run_input
from fuzz.judge import watch_time

FEWER = {"node": 200, "journal": 100, "rpc": 600}


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    with watch_time():
        yield


@pytest.mark.parametrize("name", known())
def test_decoder_raises_what_it_documents_and_lets_no_impossible_number_through(name: str) -> None:
    failures = [failure for number in range(FEWER.get(name, 1_500)) if (failure := run_input(name, 5, number)) is not None]
    assert not failures, "\n".join(map(str, failures[:3]))


@pytest.mark.parametrize("name", known())
def test_real_answers_are_borne(name: str) -> None:
    target = known()[name]
    for sample in target.samples:
        try:
            target.decode(sample.kind, sample.body, Random(0))
        except target.allowed as error:
            assert name in ("rpc", "channels", "spot-market", "spot-account"), error
