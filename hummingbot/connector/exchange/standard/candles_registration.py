"""Tells Hummingbot's factory of candles feeds that there are some for Standard; it has no place where a plugin could."""
import logging


def register_candles() -> None:
    """Add the feeds of all domains, on paper too. A Hummingbot whose factory is another one trades on without them."""
    try:
        from hummingbot.connector.exchange.standard.candles import FEEDS
        from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory

        feeds = {feed.domain: feed for feed in FEEDS}
        CandlesFactory._candles_map.update(feeds | {f"{domain}_paper_trade": feed for domain, feed in feeds.items()})
    except (ImportError, AttributeError, TypeError) as error:
        logging.getLogger(__name__).warning("This Hummingbot gets no candles of Standard: %s", error)
