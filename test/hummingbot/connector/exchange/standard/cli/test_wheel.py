"""The wheel, built from this working copy: what is in it, and that its commands find their files."""
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[6]
PACKAGE = "hummingbot/connector/exchange/standard/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy, since a build leaves files beside the sources."""
    source = tmp_path_factory.mktemp("source")
    for name in ("hummingbot", "conf", "strategies"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    keys = source / "conf" / "connectors" / "standard.yml"
    keys.parent.mkdir()
    keys.write_text("standard_private_key: what nobody else may have\n")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(source / "dist")], cwd=source,
                   check=True, capture_output=True, timeout=100)
    return next((source / "dist").glob("*.whl"))


def test_it_has_every_module_and_every_ready_file_and_nothing_above_the_connector(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert all(name.startswith(PACKAGE) for name in names)
    modules = {file.relative_to(ROOT).as_posix() for file in (ROOT / PACKAGE).rglob("*.py")}
    assert modules <= names
    for kind in ("conf", "strategies"):
        ready = {f"{PACKAGE}ready/{file.relative_to(ROOT).as_posix()}" for suffix in ("yml", "py")
                 for file in (ROOT / kind).rglob(f"*.{suffix}")}
        assert ready and ready <= names
    assert not any("connectors" in name for name in names if "/ready/" in name), "a bot's own files are not ready ones"


def test_unpacked_over_a_checkout_its_config_command_writes_the_same_files(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "checkout")
    done = subprocess.run([sys.executable, "-S", "-m", "hummingbot.connector.exchange.standard", "config", str(tmp_path / "bot")],
                          cwd=tmp_path / "checkout", capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    written = {file.relative_to(tmp_path / "bot" / "conf") for file in (tmp_path / "bot" / "conf").rglob("*.yml")}
    assert written == {file.relative_to(ROOT / "conf") for file in (ROOT / "conf").rglob("*.yml")}
