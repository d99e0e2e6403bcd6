"""Log lines cost time of their own, and whoever measures something else leaves them out."""
import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silence(level: int) -> Iterator[None]:
    """No log lines of this level and below, as long as it lasts."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
