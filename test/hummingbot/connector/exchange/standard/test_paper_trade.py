"""Hummingbot's paper trading on the sandbox: its orders fill by the exchange's trades and by prices that cross them."""
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.paper_trade import create_paper_trade_market
from hummingbot.connector.exchange.paper_trade.paper_trade_exchange import PaperTradeExchange
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.event.event_logger import EventLogger
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from test.hummingbot.connector.exchange.standard.trading import Trader, quiet_sandbox, until

PRICE = 60_000 * 10 ** 8
LOT = 10 ** 6  # 0.01 WBTC


@asynccontextmanager
async def paper_market(domain: str, pair: str) -> AsyncIterator[PaperTradeExchange]:
    """A paper market that ticks once a second, as in a bot; ready."""
    market = create_paper_trade_market(domain, [pair])
    market.set_balance("WBTC", 1)
    market.set_balance(pair.split("-")[1], 100_000)
    clock = Clock(ClockMode.REALTIME, 0.2)
    clock.add_iterator(market)
    with clock:
        running = asyncio.ensure_future(clock.run_til(time.time() + 60))
        try:
            await until(lambda: market.ready)
            yield market
        finally:
            running.cancel()
            await market.stop_network()
            await ConnectionsFactory().close()


def market_of(sandbox) -> Market:
    info = sandbox.indexer.pair_by_symbols("WBTC", "USDC").info
    return Market(Token(info.base.address, "WBTC", 8), Token(info.quote.address, "USDC", 6), info.book)


@pytest.mark.parametrize("domain", ["standard_sandbox", "standard"])
async def test_paper_orders_fill_by_trades_and_by_crossing_prices(domain, monkeypatch):
    async with quiet_sandbox() as sandbox:
        for name, value in (("RPC_URL", sandbox.rpc_url), ("API_URL", sandbox.api_url), ("CHAIN_ID", "31337"),
                            ("ENGINE_ADDRESS", sandbox.engine_address)):
            monkeypatch.setenv(f"{domain.upper()}_{name}", value)
        market, maker, taker = market_of(sandbox), Trader(sandbox, 1), Trader(sandbox, 2)
        # On mainnet the token at another address than the well-known one is told apart from it.
        pair = f"WBTC-USDC.{market.quote.address[2:8].upper()}" if domain == "standard" else "WBTC-USDC"
        for trader in (maker, taker):
            await trader.approve(market)
        await maker.sell(market, PRICE + PRICE // 1000, 5 * LOT)
        await maker.buy(market, PRICE - PRICE // 1000, 3000 * 10 ** 6)
        async with paper_market(domain, pair) as paper:
            filled = EventLogger()
            paper.add_listener(MarketEvent.OrderFilled, filled)
            paper.buy(pair, Decimal("0.01"), OrderType.LIMIT, Decimal("59950"))
            paper.sell(pair, Decimal("0.01"), OrderType.LIMIT, Decimal("60500"))
            await until(lambda: len(paper.limit_orders) == 2)
            assert filled.event_log == []

            # Somebody sells down to the resting bid: a trade below the paper order's price.
            await taker.sell(market, PRICE - PRICE // 1000, LOT, rests=False)
            await until(lambda: len(filled.event_log) == 1)
            (fill,) = filled.event_log
            assert (fill.trade_type.name, fill.amount, fill.price) == ("BUY", Decimal("0.01"), Decimal("59950"))
            assert paper.get_balance("WBTC") == Decimal("1.00999")  # less the fee, which is taken from the proceeds

            # The bid rises above the paper order's price; nobody trades.
            await maker.buy(market, PRICE + PRICE // 2000, 3000 * 10 ** 6)
            paper.sell(pair, Decimal("0.01"), OrderType.LIMIT, Decimal("60010"))
            await until(lambda: len(filled.event_log) == 2)
            assert filled.event_log[1].trade_type.name == "SELL"
            assert len(paper.limit_orders) == 1
