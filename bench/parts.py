"""The parts of `make bench`, each a module of this package with its rows."""
import importlib
from collections.abc import Mapping, Sequence

from bench.figures import Figure

PARTS: Mapping[str, Sequence[int]] = {"order_books": (1,), "streams": (2,), "transactions": (3, 4), "placing": (5,),
                                      "request_budget": (6,), "stalls": (7,), "imports": (8,), "feeds": (9,), "quoting": (10,)}


def measured(part: str, scale: float) -> list[Figure]:
    """What a part measures; a longer or shorter measurement by `scale`."""
    return list(importlib.import_module(f"bench.{part}").figures(scale))
