"""The money paths, and the tests that have to notice a wrong one: the quickest first."""
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "hummingbot.connector.exchange.standard"
SOURCES = Path("hummingbot/connector/exchange/standard")
TESTS = Path("test/hummingbot/connector/exchange/standard")

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "markets.py": ("test_markets.py", "orders/test_sizing.py", "orders/test_settlement.py", "orders/test_dust.py"),
    "orders/sizing.py": ("orders/test_sizing.py",),
    "orders/called_orders.py": ("orders/test_called_orders.py",),
    "orders/settlement.py": ("orders/test_resting_orders.py", "orders/test_settlement.py", "orders/test_reorganisations.py",
                             "orders/test_evictions.py", "orders/test_dust.py"),
    "chain/engine.py": ("chain/test_engine.py", "chain/test_logs.py", "orders/test_settlement.py"),
}


def module_of(file: str) -> str:
    """The name of a subject as a module."""
    return f"{PACKAGE}.{file.removesuffix('.py').replace('/', '.')}"
