"""Where a command finds the wallet and the settings: a bot's folder, the environment, or a hidden prompt.

A private key is never an argument, since arguments are seen by everybody on the machine and stay in the shell's history.
"""
import argparse
import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml  # type: ignore[import-untyped]

from hummingbot.connector.exchange.standard.chain.addresses import is_address
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.compatibility import find_hummingbot
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.standard_constants import DEFAULT_DOMAIN, NETWORKS

PASSWORD_VARIABLES = ("HBOT_PASSWORD", "CONFIG_PASSWORD")
_HOME_OPTION = "--key-from-bot-home"


class BotHome:
    """The folder where a Hummingbot keeps conf, logs and data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def data(self) -> Path:
        """Where its bots keep their journals."""
        return self.folder / "data"

    def settings(self, domain: str) -> SimpleNamespace | None:
        """The connector's stored settings, the key still encrypted; None before the first `connect`.

        Raises ConfigurationError when the file cannot be read.
        """
        file = self.folder / "conf" / "connectors" / f"{domain}.yml"
        try:
            stored = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # every value as the text that it is
        except FileNotFoundError:
            return None
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{file} cannot be read: {type(error).__name__}.") from None
        return SimpleNamespace(**{str(name): value for name, value in (stored if isinstance(stored, dict) else {}).items()})

    def private_key(self, domain: str, password: str) -> str:
        """The stored key. Raises ConfigurationError when there is none or the password is wrong."""
        encrypted = getattr(self.settings(domain), f"{domain}_private_key", None)
        if not encrypted:
            raise ConfigurationError(f"No key of {domain} is stored in {self.folder}: run `connect {domain}` in that Hummingbot.")
        from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger
        try:
            return str(ETHKeyFileSecretManger(password).decrypt_secret_value("private_key", str(encrypted)))
        except ValueError:
            raise ConfigurationError(f"The password does not open the key of {domain} in {self.folder}.") from None


def add_arguments(parser: argparse.ArgumentParser, default: Any = None, *, address: bool = True) -> None:
    """Add the options that name the network and the wallet."""
    parser.add_argument("--network", choices=tuple(NETWORKS), default=DEFAULT_DOMAIN if default is None else default,
                        help=f"which network (default: {DEFAULT_DOMAIN})")
    parser.add_argument(_HOME_OPTION, type=Path, metavar="DIR", dest="bot_home", default=default,
                        help="take the settings and the encrypted key of the Hummingbot whose conf/ is in DIR; the password "
                             f"comes from {' or '.join(PASSWORD_VARIABLES)} or is asked for")
    if address:
        parser.add_argument("--address", metavar="0x…", default=default, help="the wallet to look at; no key is needed")


def bot_home(arguments: argparse.Namespace) -> BotHome:
    """The bot's folder that is named, else the one of the Hummingbot that runs this."""
    if arguments.bot_home is not None:
        folder = arguments.bot_home.expanduser().resolve()
        if not folder.is_dir():
            raise ConfigurationError(f"There is no folder {folder}.")
        return BotHome(folder)
    hummingbot = find_hummingbot()
    return BotHome(hummingbot.root if hummingbot is not None else Path.cwd())


def key_variable(domain: str) -> str:
    """The environment variable for a network's private key."""
    return f"{domain}_private_key".upper()


def find_address(arguments: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """The address of the wallet that is named, lower case, "" when none is. Raises ConfigurationError for a bad one."""
    named: str | None = arguments.address
    if named is not None:
        if not is_address(named):
            # It is not repeated: somebody may have entered a key.
            raise ConfigurationError("--address must be an address: 0x and 40 hexadecimal digits.")
        return named.lower()
    key = _stored_key(arguments, environment)
    return Wallet(key).address if key else ""


def find_wallet(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Wallet:
    """The wallet that is to sign, asking for what is needed. Raises ConfigurationError when there is no key."""
    domain = arguments.network
    key = _stored_key(arguments, environment) or _hidden(f"Private key of the {domain} wallet: ", key_variable(domain))
    return Wallet(key)


def _stored_key(arguments: argparse.Namespace, environment: Mapping[str, str]) -> str:
    if arguments.bot_home is not None:
        password = next((environment[name] for name in PASSWORD_VARIABLES if environment.get(name)), None)
        home = bot_home(arguments)
        return home.private_key(arguments.network, password or _hidden("Hummingbot password: ", PASSWORD_VARIABLES[0]))
    return environment.get(key_variable(arguments.network), "").strip()


def _hidden(prompt: str, variable: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(f"There is no terminal to ask at: set {variable}" + (
            f", or use {_HOME_OPTION}." if "KEY" in variable else "."))
    try:
        return getpass.getpass(prompt)
    except EOFError:  # Ctrl-D
        raise ConfigurationError("Nothing was entered.") from None
