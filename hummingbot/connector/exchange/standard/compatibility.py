"""Which Hummingbot this is, whether the connector was tested with it, and which packages the connector needs of it.

Nothing but the standard library is imported here, so that a tool can tell what is missing. Hummingbot skips a connector
without a word when the import of its `standard_utils` finds a package missing; so that file imports none of these.
"""
import functools
import importlib.metadata
import importlib.util
import logging
from pathlib import Path
from typing import NamedTuple

# The release on PyPI, and what its VERSION file says, which is all that a checkout has.
TESTED_RELEASE = "20260922"
_TESTED_VERSION_FILE = "dev-2.18.0"

# Module and what to install for it. All of them come with Hummingbot itself.
DEPENDENCIES = (("aiohttp", "aiohttp"), ("pydantic", "pydantic"), ("bidict", "bidict"), ("coincurve", "coincurve"),
                ("eth_hash", "eth-hash[pycryptodome]"), ("Crypto", "pycryptodome"))


class Hummingbot(NamedTuple):
    """The Hummingbot that `import hummingbot` finds: its package folder and its version."""

    package: Path
    version: str

    @property
    def root(self) -> Path:
        """Where it keeps conf, data and logs, and what it scans for connectors."""
        return self.package.parent

    @property
    def tested(self) -> bool:
        """Whether the connector was tested with this version."""
        return self.version in (TESTED_RELEASE, _TESTED_VERSION_FILE)


def find_hummingbot() -> Hummingbot | None:
    """The Hummingbot that is imported here; None when there is only the connector's own part of the package."""
    spec = importlib.util.find_spec("hummingbot")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).resolve().parent
    return Hummingbot(package, version_of(package))


def version_of(package: Path) -> str:
    """The version of the Hummingbot in a package folder: of its distribution, else what its VERSION file says, else ""."""
    for distribution in importlib.metadata.distributions(name="hummingbot"):
        if Path(str(distribution.locate_file("hummingbot"))).resolve() == package.resolve():
            return distribution.version
    version = package / "VERSION"
    return version.read_text(encoding="utf-8").strip() if version.is_file() else ""


def untested_version(version: str) -> str:
    """One sentence for a user whose Hummingbot is not the tested one."""
    return (f"The Standard connector was tested with Hummingbot {TESTED_RELEASE}, and this is {version or 'of unknown version'}: "
            "try it on the sandbox before it trades.")


def missing_dependencies() -> list[str]:
    """What to install with pip, as far as packages that the connector needs cannot be found."""
    return [install for module, install in DEPENDENCIES if importlib.util.find_spec(module) is None]


@functools.cache
def warn_of_untested_hummingbot() -> None:
    """Log one warning in the life of the process when this Hummingbot is not the tested one."""
    hummingbot = find_hummingbot()
    if hummingbot is not None and not hummingbot.tested:
        logging.getLogger(__name__).warning(untested_version(hummingbot.version))
