"""A Hummingbot working directory of its own, made out of the installed Hummingbot, with a live link to this connector.

Hummingbot keeps conf, logs and data beside its own package and finds connectors by listing one of its directories. So
the home gets a package directory that holds links to the installed one, level by level down to the exchanges, where the
link to this working copy is added. Nothing is written into the installed package and nothing of it is changed.
"""
import importlib.util
import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CONNECTOR = Path("connector", "exchange", "standard")
WORKING_DIRECTORIES = ("conf/connectors", "conf/strategies", "conf/scripts", "conf/controllers", "logs", "data", "certs",
                       "scripts", "controllers")
# Paper trading would start four foreign connectors with every bot; a demonstration reports to nobody.
CLIENT_SETTINGS = """paper_trade:
  paper_trade_exchanges: []
anonymized_metrics_mode: {}
"""


def make_bot_home(home: Path) -> Path:
    """Makes `home`, replacing what stands there, and returns it with links resolved.

    Raises RuntimeError when Hummingbot is not installed in this Python.
    """
    installed = _installed_hummingbot()
    if home.exists():
        shutil.rmtree(home)
    for name in WORKING_DIRECTORIES:
        (home / name).mkdir(parents=True)
    shutil.copytree(REPOSITORY / "strategies", home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "controllers" / "__init__.py").touch()
    _mirror(installed, home / "hummingbot", CONNECTOR.parent.parts)
    (home / "hummingbot" / CONNECTOR).symlink_to(REPOSITORY / "hummingbot" / CONNECTOR)
    for kind in ("strategies", "controllers", "scripts"):
        for strategy in (REPOSITORY / "conf" / kind).glob("*.yml"):
            shutil.copy(strategy, home / "conf" / kind)
    (home / "conf" / "conf_client.yml").write_text(CLIENT_SETTINGS)
    return home.resolve()


def _installed_hummingbot() -> Path:
    spec = importlib.util.find_spec("hummingbot")
    if spec is None or spec.origin is None:
        raise RuntimeError(f"Hummingbot is not installed for {sys.executable}: run `make env`.")
    return Path(spec.origin).parent


def _mirror(source: Path, target: Path, real: tuple[str, ...]) -> None:
    """Fills the new directory `target` with links to what is in `source`; the path `real` becomes directories.

    Package files are copied: Hummingbot takes the real place of its own as the place of conf, logs and data.
    """
    target.mkdir()
    for entry in source.iterdir():
        link = target / entry.name
        if real and entry.name == real[0]:
            _mirror(entry, link, real[1:])
        elif entry.name == "__init__.py":
            shutil.copy(entry, link)
        elif entry.name not in ("__pycache__", CONNECTOR.name):
            link.symlink_to(entry)
