"""The connector when its node names, once, a block number that is not the chain's."""
import asyncio
import json
from contextlib import suppress

from hummingbot.connector.exchange.standard.transport import HttpAnswer
from hummingbot.core.data_type.in_flight_order import OrderState
from test.hummingbot.connector.exchange.standard.test_standard_exchange_feeds import rest_a_sell, take
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, Trader, connected, order, quiet_sandbox, until


async def test_a_fill_is_told_after_one_wrong_block_number() -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox, standard_feed="polling", trading_pairs=[TOKEN_PAIR]) as exchange:
        market, trader = exchange.venue.market(TOKEN_PAIR), Trader(sandbox)
        await trader.approve(market)
        client_order_id = await rest_a_sell(exchange)
        transport = exchange.venue.rpc._transport
        ask, wrong = transport.request, []

        async def request(method, url, *, body=None, timeout):
            answer = await ask(method, url, body=body, timeout=timeout)
            asked = json.loads(body)
            methods = [item["method"] for item in asked][:2] if isinstance(asked, list) else []
            if not wrong and methods == ["eth_blockNumber", "eth_getLogs"]:
                told = json.loads(answer.body)
                for item in told:
                    if item["id"] == asked[0]["id"]:
                        item["result"] = hex(5_000_000)
                wrong.append(answer)
                return HttpAnswer(answer.status, answer.headers, json.dumps(told).encode())
            return answer

        transport.request = request
        await until(lambda: wrong)
        await asyncio.sleep(0.5)
        await take(trader, market, 1)  # the whole order is bought
        with suppress(TimeoutError):
            await until(lambda: order(exchange, client_order_id).is_done, 5)
        for _ in range(8):  # Hummingbot's polls of open orders
            await exchange._update_order_status()
            await asyncio.sleep(0.3)
        found = order(exchange, client_order_id)
        assert (found.current_state, len(found.order_fills)) == (OrderState.FILLED, 1), exchange._events.settled_block
