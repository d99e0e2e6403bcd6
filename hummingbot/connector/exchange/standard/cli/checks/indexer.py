"""How late the REST API is: the engine's newest trades in the chain's logs, looked for in the API."""
from collections.abc import Sequence

from hummingbot.connector.exchange.standard.chain.engine import ORDER_MATCHED
from hummingbot.connector.exchange.standard.chain.logs import EngineLog, decode_engine_logs
from hummingbot.connector.exchange.standard.chain.rpc_errors import is_log_range
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, passed, skipped, warned
from hummingbot.connector.exchange.standard.cli.exchange import Exchange
from hummingbot.connector.exchange.standard.errors import RpcError
from hummingbot.connector.exchange.standard.listing import Listing

FIRST_RANGE = 1000
LAST_RANGE = 50
# The API tells so many trades at once; fewer are looked for, since new ones come while it is asked.
TRADES_ASKED = 50
TRADES_LOOKED_FOR = 25
LATE_SECONDS = 10.0


async def indexer_lag(exchange: Exchange, listing: Listing) -> Finding:
    """The age of the oldest of the newest trades that the API does not tell, in the market that traded last."""
    rpc, check = exchange.venue.rpc, "indexer lag"
    head = await rpc.block_number()
    logs, span = await _recent_matches(exchange, listing, head)
    book, trades = _newest_market(logs, listing)
    if not trades:
        return skipped(check, f"no trade in the last {span} blocks, so there is nothing to compare")
    market = listing.by_book[book]
    rows = await exchange.venue.rest.trades(market.base.address, market.quote.address, TRADES_ASKED)
    told = {row.key.partition(":")[0] for row in rows}
    unknown = []
    for trade in reversed(trades[-TRADES_LOOKED_FOR:]):
        if trade.transaction_hash in told:
            break
        unknown.append(trade)
    if not unknown:
        return passed(check, f"the API has the newest trade of {market.trading_pair}, of block {trades[-1].block_number}")
    oldest, newest = await rpc.get_block(unknown[-1].block_number), await rpc.get_block()
    lag = max(0, newest.timestamp - oldest.timestamp) if oldest is not None and newest is not None else 0
    at_least = "at least " if len(unknown) == min(len(trades), TRADES_LOOKED_FOR) else ""
    detail = f"{at_least}{lag} s: of {market.trading_pair} it misses the trades since block {unknown[-1].block_number}"
    if lag <= LATE_SECONDS:
        return passed(check, detail)
    return warned(check, detail, "Order books and public trades are late by that much; own orders and fills are not, since they "
                                 "are read from the chain. Try another API URL.")


async def _recent_matches(exchange: Exchange, listing: Listing, head: int) -> tuple[list[EngineLog], int]:
    """The engine's trades in the newest blocks, as many blocks as the node lets one ask for."""
    span = FIRST_RANGE
    while True:
        try:
            logs = await exchange.venue.rpc.logs(listing.engine, [ORDER_MATCHED.topic], max(0, head - span), head)
            return decode_engine_logs(logs, listing.engine), span
        except RpcError as error:
            if not is_log_range(error) or span <= LAST_RANGE:
                raise
            span //= 2


def _newest_market(logs: Sequence[EngineLog], listing: Listing) -> tuple[str, list[EngineLog]]:
    """The listed book that traded last, and its trades, oldest first."""
    listed = [log for log in logs if log.event.pair in listing.by_book]
    last = listed[-1].event.pair if listed else ""
    return last, [log for log in listed if log.event.pair == last]
