"""The ready strategy configurations, and the controllers and scripts that they need: which files they are, where they stand.

They are named one by one, because a folder called conf may as well be a bot's, with its keys.
"""
from pathlib import Path

FILES = (
    "conf/controllers/inventory_quotes_sandbox.yml",
    "conf/controllers/layered_quotes_sandbox.yml",
    "conf/controllers/range_quotes_sandbox.yml",
    "conf/scripts/quote_ladder_sandbox.yml",
    "conf/strategies/avellaneda_sandbox.yml",
    "conf/strategies/avellaneda_standard.yml",
    "conf/strategies/pmm_sandbox.yml",
    "conf/strategies/pmm_sandbox_paper_trade.yml",
    "conf/strategies/pmm_standard.yml",
    "conf/strategies/pmm_standard_testnet.yml",
    "conf/strategies/xemm_sandbox.yml",
    "conf/strategies/xemm_standard.yml",
    "strategies/controllers/generic/inventory_quotes.py",
    "strategies/controllers/market_making/layered_quotes.py",
    "strategies/controllers/market_making/range_quotes.py",
    "strategies/scripts/quote_ladder.py",
    "strategies/scripts/v2_with_controllers.py",
)


def ready_root(package: Path) -> Path | None:
    """The folder with all of FILES that belongs to the connector's folder `package`; None where that is alone.

    In a wheel, a copy or an image it is part of the package; in a clone it is the root; Docker mounts it beside Hummingbot.
    """
    top = package.parents[3]
    roots = (package / "ready", top, top / "ready")
    return next((root for root in roots if all((root / name).is_file() for name in FILES)), None)
