"""The distribution `hummingbot-standard`: a wheel that overlays the connector into an installed Hummingbot.

The folders above `standard` are namespace folders (no __init__.py), so the files land inside the installed `hummingbot`
package. Hummingbot itself is only an extra: in a source checkout there is no distribution of that name, and pip would
build a second one.
"""
import shutil
from pathlib import Path
from runpy import run_path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PACKAGE = "hummingbot.connector.exchange.standard"


class BuildWithReadyFiles(build_py):
    """Puts the ready configurations and what they run, which stand at the root of the repository, into the wheel.

    `python -m hummingbot.connector.exchange.standard config` writes them out from there.
    """

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            # File by file, since a folder called conf may as well be a bot's, with its keys.
            for name in run_path(str(ROOT.joinpath(*PACKAGE.split("."), "cli", "ready.py")))["FILES"]:
                target = Path(self.build_lib, *PACKAGE.split("."), "ready", name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)


setup(
    name="hummingbot-standard",
    version="0.1.0",
    description="Hummingbot connector for Standard, the on-chain order book exchange",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.12,<3.13",
    cmdclass={"build_py": BuildWithReadyFiles},
    packages=find_namespace_packages(include=[PACKAGE, PACKAGE + ".*"]),
    package_data={PACKAGE: ["py.typed", "sandbox/page/*"]},
    extras_require={"hummingbot": ["hummingbot==20260922"]},
    install_requires=["aiohttp", "pydantic>=2", "bidict", "coincurve", "rlp", "eth-hash"],
)
