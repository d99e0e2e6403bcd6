"""Which Hummingbot is found, the one warning for another, and packages that are missing: told, and never a silent gap."""
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hummingbot.connector.exchange.standard import compatibility
from hummingbot.connector.exchange.standard.chain import signing
from hummingbot.connector.exchange.standard.compatibility import Hummingbot, find_hummingbot, missing_dependencies, version_of
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

ROOT = Path(__file__).parents[5]

# Makes one package impossible to import, as if it were not installed.
_WITHOUT = "import sys\nsys.modules[{package!r}] = None\n"


@pytest.fixture(autouse=True)
async def told_anew():
    compatibility.warn_of_untested_hummingbot.cache_clear()
    yield
    compatibility.warn_of_untested_hummingbot.cache_clear()
    await ConnectionsFactory().close()


def package(folder: Path, version: str) -> Path:
    """A Hummingbot checkout with nothing in it but its version."""
    (folder / "hummingbot").mkdir()
    (folder / "hummingbot" / "__init__.py").touch()
    (folder / "hummingbot" / "VERSION").write_text(version + "\n")
    return folder / "hummingbot"


def test_the_installed_hummingbot_is_found_and_is_the_tested_one():
    found = find_hummingbot()
    assert found is not None and found.tested and (found.package / "client" / "settings.py").is_file()
    assert missing_dependencies() == []


def test_a_checkout_is_told_by_its_version_file(tmp_path):
    assert version_of(package(tmp_path, "dev-2.18.0")) == "dev-2.18.0"
    assert Hummingbot(tmp_path / "hummingbot", "dev-2.18.0").tested
    assert not Hummingbot(tmp_path / "hummingbot", "dev-2.99.0").tested
    assert version_of(tmp_path / "elsewhere") == ""


async def test_another_version_is_one_warning_however_many_connectors_are_made(monkeypatch, caplog, tmp_path):
    other = Hummingbot(package(tmp_path, "dev-2.99.0"), "dev-2.99.0")
    monkeypatch.setattr(compatibility, "find_hummingbot", lambda: other)
    with caplog.at_level(logging.WARNING):
        for domain in ("standard", "standard_testnet", "standard_sandbox"):
            StandardExchange(domain=domain, trading_required=False)
    told = [record for record in caplog.records if "was tested with Hummingbot" in record.getMessage()]
    assert len(told) == 1 and told[0].levelno == logging.WARNING and "dev-2.99.0" in told[0].getMessage()


async def test_the_tested_version_is_no_warning(caplog):
    with caplog.at_level(logging.WARNING):
        StandardExchange(trading_required=False)
    assert "was tested with Hummingbot" not in caplog.text


def run(package: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", _WITHOUT.format(package=package) + code], capture_output=True, text=True,
                          timeout=60, cwd=ROOT, env=os.environ)


def test_without_a_package_the_connector_is_still_listed_and_says_what_to_install():
    done = run("eth_hash", "import hummingbot.connector.exchange.standard.standard_utils as utils\n"
                           "print(utils.OTHER_DOMAINS, flush=True)\n"
                           "import hummingbot.connector.exchange.standard.standard_exchange")
    assert "standard_sandbox" in done.stdout, done.stderr
    assert done.returncode != 0 and "pip install 'eth-hash[pycryptodome]'" in done.stderr.strip().splitlines()[-1]


def test_without_the_package_that_signs_a_key_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(signing, "coincurve", None)
    with pytest.raises(ConfigurationError, match="pip install coincurve"):
        StandardExchange(standard_private_key=f"{1:064x}")


def test_the_command_line_says_what_is_missing_instead_of_breaking():
    command = "from hummingbot.connector.exchange.standard.cli import main\nsys.exit(main({arguments}))"
    doctor = run("eth_hash", command.format(arguments=["doctor"]))
    assert doctor.returncode == 1 and "pip install 'eth-hash[pycryptodome]'" in doctor.stdout, doctor.stderr
    orders = run("eth_hash", command.format(arguments=["orders"]))
    assert orders.returncode == 1 and "pip install 'eth-hash[pycryptodome]'" in orders.stderr
    assert "Traceback" not in doctor.stderr + orders.stderr


def test_the_connectors_own_folder_is_no_hummingbot(monkeypatch):
    """Where Hummingbot is missing, the folders above the connector are a package without a file."""
    for spec in (None, SimpleNamespace(origin=None)):
        monkeypatch.setattr(compatibility.importlib.util, "find_spec", lambda name, spec=spec: spec)
        assert compatibility.find_hummingbot() is None
