"""The distribution `hummingbot-standard`: a wheel that overlays the connector into an installed Hummingbot.

The folders above `standard` are namespace folders (no __init__.py), so the files land inside the installed `hummingbot`
package. Hummingbot itself is only an extra: in a source checkout there is no distribution of that name, and pip would
build a second one.
"""
from pathlib import Path

from setuptools import find_namespace_packages, setup

ROOT = Path(__file__).parent
PACKAGE = "hummingbot.connector.exchange.standard"

setup(
    name="hummingbot-standard",
    version="0.1.0",
    description="Hummingbot connector for Standard, the on-chain order book exchange",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.12,<3.13",
    packages=find_namespace_packages(include=[PACKAGE, PACKAGE + ".*"]),
    package_data={PACKAGE: ["py.typed", "conf/**/*.yml", "sandbox/page/*"]},
    extras_require={"hummingbot": ["hummingbot==20260922"]},
    install_requires=["aiohttp", "pydantic>=2", "bidict", "coincurve", "rlp", "eth-hash"],
)
