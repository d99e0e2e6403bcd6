"""The files for Docker, as far as a machine without an engine can try them: what is mounted exists, and where it lands works."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from demo.bot_home import make_bot_home
from hummingbot.connector.exchange.standard.network import resolve_network, resolve_preferences
from hummingbot.connector.exchange.standard.standard_utils import KEYS, OTHER_DOMAINS_KEYS

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
PLACE = "hummingbot/connector/exchange/standard"
SERVICE = yaml.safe_load((DOCKER / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["hummingbot"]
CONFIGURATIONS = [type(keys) for keys in (KEYS, *OTHER_DOMAINS_KEYS.values())]
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


# A value of each setting that is no domain's default.
VALUES = {"rpc_url": "http://127.0.0.1:1", "rpc_ws_url": "ws://127.0.0.1:1", "api_url": "http://127.0.0.1:1",
          "stream_url": "channels+ws://127.0.0.1:1", "engine_address": "0x" + "ab" * 20, "chain_id": "1", "feed": "stream",
          "market_slippage": "0.5", "gas_reserve": "7", "max_fee_gwei": "7", "poll_interval": "7",
          "approval": "exact"}


@pytest.mark.parametrize("settings", CONFIGURATIONS, ids=lambda settings: settings.model_fields["connector"].default)
def test_every_setting_but_the_key_comes_from_the_environment_and_is_read_there(settings):
    domain = settings.model_fields["connector"].default
    names = {name.removeprefix(f"{domain}_") for name in settings.model_fields if name.startswith(f"{domain}_")} - {"private_key"}
    assert names == set(VALUES)
    for name, value in VALUES.items():
        variable = f"{domain}_{name}".upper()
        (given,) = [setting for setting in SERVICE["environment"] if setting.startswith(f"{variable}=")]
        default = re.fullmatch(rf"{variable}=\$\{{{variable}:-(.*)}}", given)[1]
        assert resolved(domain, {variable: value}) != resolved(domain, {})
        assert resolved(domain, {variable: default}) == resolved(domain, {})


def test_no_variable_is_one_that_the_connector_does_not_read():
    assert len(SERVICE["environment"]) == len(CONFIGURATIONS) * len(VALUES)


def resolved(domain, environment):
    return resolve_network(domain, {}, None, environment), resolve_preferences(domain, {}, None, environment)


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
