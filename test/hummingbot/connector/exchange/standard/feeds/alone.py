"""A feed without the switching feed around it."""
from typing import Any

from hummingbot.connector.exchange.standard.feeds.base import AccountSink
from hummingbot.connector.exchange.standard.feeds.told_logs import ToldLogs


def noting(feed: Any, sink: AccountSink) -> AccountSink:
    """The sink for a feed that runs alone: an account feed has what passes noted, as the switching feed does for it."""
    reader = getattr(feed, "_looking", getattr(feed, "_reader", feed))
    told = getattr(reader, "_told", None)
    return told.noting(sink) if isinstance(told, ToldLogs) else sink
