"""A market of two tokens of 18 decimals, of which one is worth next to nothing: orders of many billions."""
from dataclasses import replace
from decimal import Decimal

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.deployment import PairSpec, TokenSpec, default_deployment
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.trading import Trader, connected, order, quiet_sandbox, until

PAIR = "MEME-SOMI"
AMOUNT = Decimal("20000000000.123456789012345678")


async def test_an_order_of_billions_rests_is_filled_and_cancelled() -> None:
    plain = default_deployment(1)
    meme = TokenSpec("0x" + "ab" * 20, "MEME", "Meme", 18, dict.fromkeys(plain.balances, 10 ** 12 * 10 ** 18))
    pair = PairSpec(meme.address, plain.wrapped.address, 1000, plain.pairs[0].limit_spread, plain.pairs[0].market_spread)
    deployment = replace(plain, tokens=(*plain.tokens, meme), pairs=(*plain.pairs, pair))
    async with quiet_sandbox(deployment=deployment) as sandbox, connected(sandbox, trading_pairs=[PAIR]) as exchange:
        name = exchange.sell(PAIR, AMOUNT, OrderType.LIMIT, Decimal("0.00001"))
        await until(lambda: exchange._order_tracker.fetch_order(name) is not None)
        await until(lambda: order(exchange, name).current_state is OrderState.OPEN)
        assert order(exchange, name).amount == Decimal("20000000000.12345678901234567"), "the digits that Decimals have"
        market, trader = exchange.venue.market(PAIR), Trader(sandbox)
        await trader.send(sandbox.engine_address, ENGINE_FUNCTIONS["limitBuyETH"], market.base.address, 1000, False, 20,
                          trader.wallet.address, value=10 ** 23)
        await until(lambda: order(exchange, name).executed_amount_base == 10 ** 10)
        assert all(result.success for result in await exchange.cancel_all(10))
        assert order(exchange, name).current_state is OrderState.CANCELED
        await exchange._update_all_balances()
        assert exchange.get_available_balance("MEME") == 10 ** 12 - 10 ** 10
