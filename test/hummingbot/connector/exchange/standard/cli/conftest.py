"""A quiet sandbox, and a bot's folder with the newcomer's key in it."""
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox

from .exchange_at_work import environment, key_of, quiet_sandbox


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """The exchange that standard_sandbox means during the test."""
    async with quiet_sandbox() as sandbox:
        for name, value in environment(sandbox).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("STANDARD_SANDBOX_PRIVATE_KEY", raising=False)
        yield sandbox


@pytest.fixture
def home(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bot's folder with the newcomer's encrypted key."""
    encrypted = ETHKeyFileSecretManger("secret").encrypt_secret_value("key", key_of(sandbox))
    (tmp_path / "conf" / "connectors").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "conf" / "connectors" / "standard_sandbox.yml").write_text(
        f"connector: standard_sandbox\n\nstandard_sandbox_private_key: {encrypted}\n\nstandard_sandbox_rpc_url: ''\n")
    monkeypatch.setenv("HBOT_PASSWORD", "secret")
    return tmp_path
