"""What is told at start and would only show later: pairs that are not listed, a wallet without gas money."""
import logging
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.errors import ConfigurationError, StandardError
from hummingbot.connector.exchange.standard.venue import Venue


async def greet(venue: Venue, trading_pairs: Sequence[str], address: str) -> None:
    """Look once and tell what is not as it should be. `address` is the wallet's, "" for none."""
    logger = logging.getLogger(__name__)
    try:
        listing = await venue.listing()
        for trading_pair in trading_pairs:
            if trading_pair not in listing.by_pair:
                logger.error(str(listing.unknown(trading_pair)))
        if address and await venue.rpc.balance(address) == 0:
            logger.warning("The wallet %s has no %s: it cannot pay for transactions. Send it some before trading.", address,
                           venue.network.native_symbol)
    except ConfigurationError as error:
        logger.error("The exchange cannot be used: %s", error)
    except StandardError as error:
        logger.warning("The exchange cannot be used yet: %s", error)
