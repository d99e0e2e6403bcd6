"""Checks of this machine: Python, Hummingbot, packages, whether Hummingbot lists the connector, and signing.

Nothing but the standard library is imported at the top: these checks must work where everything else is missing.
"""
import importlib.metadata
import platform
import sys
from pathlib import Path

from hummingbot.connector.exchange.standard.compatibility import (
    TESTED_RELEASE,
    find_hummingbot,
    missing_dependencies,
    untested_version,
)

CONNECTOR = Path(__file__).resolve().parents[2]
_PLACE = Path("hummingbot", "connector", "exchange", "standard")
_SIGNATURES = 50
# The first key there is, and the address that every implementation gives it.
_KEY, _ADDRESS = f"{1:064x}", "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
Line = tuple[str, str, str, str]


def machine(home: Path | None) -> list[Line]:
    """Lines of (check, verdict, detail, advice). `home` is the bot's folder that the user named, if any."""
    lines = [_python(), _hummingbot()]
    missing = missing_dependencies()
    lines.append(("dependencies", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(map(repr, missing))}")
                 if missing else ("dependencies", "pass", "all packages are there", ""))
    return [*lines, _listed(home)]


def _python() -> Line:
    found = f"Python {platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] == (3, 12):
        return "python", "pass", found, ""
    return "python", "warn", found, "Hummingbot installs cleanly with Python 3.12; use that."


def _hummingbot() -> Line:
    hummingbot = find_hummingbot()
    if hummingbot is None:
        return ("hummingbot", "fail", f"Hummingbot is not installed for {sys.executable}",
                f"pip install hummingbot=={TESTED_RELEASE}, or run this with the Python of your Hummingbot.")
    found = f"{hummingbot.version or 'of unknown version'} in {hummingbot.root}"
    return (("hummingbot", "pass", found, "") if hummingbot.tested
            else ("hummingbot", "warn", found, untested_version(hummingbot.version)))


def _listed(home: Path | None) -> Line:
    """Hummingbot lists what is in one directory of its package; being importable is not enough."""
    hummingbot = find_hummingbot()
    own = home is not None and (home / "hummingbot" / "__init__.py").is_file()
    root = home if own else hummingbot.root if hummingbot is not None else None
    if root is None:
        return "connector listed", "skip", "there is no Hummingbot to list it", ""
    place = root / _PLACE
    install = ("Install the wheel with pip into a Hummingbot from PyPI; for a source checkout use the command `link`; for Docker "
               "mount the folder.")
    if (place / "standard_utils.py").is_file() and (place / "__init__.py").is_file():
        if place.is_symlink() and "site-packages" in place.parts:
            return ("connector listed", "warn", f"{place} is a link inside an installed Hummingbot",
                    "pip deletes such a link without a word when it upgrades Hummingbot: install the wheel instead.")
        return "connector listed", "pass", f"{place}{' (a link)' if place.is_symlink() else ''}", ""
    if not own and not CONNECTOR.is_relative_to(root):
        return ("connector listed", "warn", f"the Hummingbot in {root} does not list the connector; this runs from {CONNECTOR}",
                f"{install} If your bot has a folder of its own, name it: --key-from-bot-home DIR.")
    return "connector listed", "fail", f"Hummingbot finds no connector at {place}", install


def signing() -> Line:
    """Whether keys can be used here, and how fast; only where no package is missing."""
    from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
    from hummingbot.connector.exchange.standard.clock import SystemClock
    wallet, clock = Wallet(_KEY), SystemClock()
    if wallet.address != _ADDRESS:
        return ("signing", "fail", f"the first key there is belongs to {_ADDRESS}, and here to {wallet.address}",
                "Reinstall coincurve and eth-hash[pycryptodome].")
    began = clock.monotonic()
    for nonce in range(_SIGNATURES):
        wallet.sign_transaction(chain_id=1, nonce=nonce, to=_ADDRESS, value=0, data=b"", gas_limit=21_000, fees=Fees(1, 1))
    each = (clock.monotonic() - began) / _SIGNATURES * 1e3
    version = importlib.metadata.version("coincurve")
    return "signing", "pass", f"libsecp256k1 by coincurve {version}, {each:.2f} ms a transaction", ""
