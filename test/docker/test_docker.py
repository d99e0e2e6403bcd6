"""The files for Docker, as far as a machine without an engine can try them: what is mounted exists, and where it lands works."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from demo.bot_home import make_bot_home
from hummingbot.connector.exchange.standard.network import resolve_network

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
PLACE = "hummingbot/connector/exchange/standard"
SERVICE = yaml.safe_load((DOCKER / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["hummingbot"]
MOUNTS = [tuple(volume.split(":")) for volume in SERVICE["volumes"]]


def test_the_connector_is_mounted_read_only_where_hummingbot_looks_for_it():
    assert (f"../{PLACE}", f"/home/hummingbot/{PLACE}", "ro") in MOUNTS


def test_everything_that_is_mounted_read_only_exists_and_keeps_its_place():
    readonly = [(DOCKER / source, target) for source, target, *mode in MOUNTS if mode == ["ro"]]
    assert len(readonly) > 1
    for source, target in readonly:
        assert source.exists(), source
        below = source.resolve().relative_to(ROOT).as_posix()
        assert target in (f"/home/hummingbot/{below.removeprefix('strategies/')}", f"/home/hummingbot/ready/{below}")


def test_nothing_that_a_bot_writes_is_committed():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for source, _, *mode in MOUNTS:
        if not mode:
            assert f"docker/{source.split('/')[1]}/" in ignored, source


def test_every_variable_is_one_that_the_connector_reads(monkeypatch):
    names = [setting.partition("=")[0] for setting in SERVICE["environment"]]
    assert names
    for name in names:
        domain = re.sub("_(RPC_URL|API_URL|ENGINE_ADDRESS)$", "", name).lower()
        value = "0x" + "ab" * 20 if name.endswith("ADDRESS") else "http://127.0.0.1:1"
        assert resolve_network(domain, {}, None, {name: value}) != resolve_network(domain, {}, None, {})
        assert resolve_network(domain, {}, None, {name: ""}) == resolve_network(domain, {}, None, {})


def test_the_image_of_ones_own_is_hummingbots_with_the_folder_and_the_ready_files():
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {PLACE: PLACE, "conf": "ready/conf", "strategies": "ready/strategies"}
    assert lines == [f"FROM {SERVICE['image']}", *(f"COPY {source} /home/hummingbot/{to}" for source, to in copied.items())]
    assert all((f"../{source}", f"/home/hummingbot/{to}", "ro") in MOUNTS for source, to in copied.items())
    kept = {line.removeprefix("!") for line in (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
            if line.startswith("!")}
    assert kept == {PLACE, "strategies", *(f"conf/{folder.name}" for folder in (ROOT / "conf").iterdir())}


def test_in_a_container_the_ready_files_can_be_written_and_nothing_of_the_users(tmp_path):
    for source, target, *mode in MOUNTS:
        if mode and (DOCKER / source).is_dir():
            shutil.copytree(DOCKER / source, tmp_path / Path(target).relative_to("/home"),
                            ignore=shutil.ignore_patterns("__pycache__"))
    home = tmp_path / "hummingbot"
    (home / "conf" / "connectors").mkdir(parents=True)
    (home / "conf" / "connectors" / "standard.yml").write_text("the encrypted key")
    for folder in (home, tmp_path / "other"):
        done = subprocess.run([sys.executable, "-S", "-B", "-m", PLACE.replace("/", "."), "config", str(folder)], cwd=home,
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        written = {file.name for file in (folder / "conf").rglob("*.yml")} - {"standard.yml"}
        assert written == {file.name for file in (ROOT / "conf").rglob("*.yml")}
    assert not (tmp_path / "other" / "conf" / "connectors").exists()


def test_the_folder_alone_in_a_checkout_is_listed_and_can_be_used(tmp_path):
    """What the mount makes of the image's checkout: a plain folder, not a link, with nothing else of this repository."""
    home = make_bot_home(tmp_path / "hummingbot-image")
    (home / PLACE).unlink()
    shutil.copytree(ROOT / PLACE, home / PLACE, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    code = ("from hummingbot.client.settings import AllConnectorSettings as settings\n"
            "from hummingbot.connector.exchange.standard import standard_exchange as module\n"
            "print(module.__file__, module.StandardExchange(trading_required=False).name)\n"
            "print([name for name in sorted(settings.get_connector_settings()) if name.startswith('standard')])\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [f"{home / PLACE / 'standard_exchange.py'} standard",
                                        "['standard', 'standard_sandbox', 'standard_testnet']"], done.stderr
