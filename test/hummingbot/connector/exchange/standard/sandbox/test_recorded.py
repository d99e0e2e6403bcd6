"""Every recorded transaction, reproduced by the contracts of the sandbox."""
import pytest

from test.hummingbot.connector.exchange.standard.sandbox.recorded import Recorded, scenario_names
from test.vectors import FILES, load

SCENARIOS = [(name, scenario) for name in FILES for scenario in scenario_names(load(name))]


@pytest.mark.parametrize(("file", "scenario"), SCENARIOS, ids=[f"{file}-{scenario}" for file, scenario in SCENARIOS])
def test_scenario_is_reproduced(file: str, scenario: str) -> None:
    differences = list(Recorded(load(file), scenario).differences())
    assert not differences, "\n".join(differences)
