"""One use of every call of the JSON-RPC client: what is recorded, and what the damaged answers are given to."""
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hummingbot.connector.exchange.standard.chain.abi import AbiError
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, TRADING_TOPICS
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.markets import Market

Call = Callable[[RpcClient, str, Market, str, str, int], Awaitable[Any]]

_TOPICS = [list(TRADING_TOPICS)]


def _price(market: Market) -> bytes:
    return ENGINE_FUNCTIONS["mktPrice"].encode(market.base.address, market.quote.address)


def _order(market: Market) -> bytes:
    return ENGINE_FUNCTIONS["getOrder"].encode(market.base.address, market.quote.address, True, 1)


def _too_small(market: Market, account: str) -> bytes:
    return ENGINE_FUNCTIONS["limitBuy"].encode(market.base.address, market.quote.address, 10 ** 8, 0, True, 20, account)


async def _decoded(client: RpcClient, engine: str, market: Market) -> Any:
    answer = await client.eth_call(engine, _order(market))
    try:
        return ENGINE_FUNCTIONS["getOrder"].decode_result(answer)
    except AbiError:
        return None


# The arguments: client, engine, a market, an account, the hash of a mined transaction, a block.
RPC_CALLS: Mapping[str, Call] = {
    "chain_id": lambda client, engine, market, account, mined, block: client.chain_id(),
    "block_number": lambda client, engine, market, account, mined, block: client.block_number(),
    "balance": lambda client, engine, market, account, mined, block: client.balance(account),
    "nonce": lambda client, engine, market, account, mined, block: client.nonce(account, "pending"),
    "code": lambda client, engine, market, account, mined, block: client.code(account),
    "gas_price": lambda client, engine, market, account, mined, block: client.gas_price(),
    "get_block": lambda client, engine, market, account, mined, block: client.get_block(block),
    "base_fee": lambda client, engine, market, account, mined, block: client.base_fee(),
    "eth_call": lambda client, engine, market, account, mined, block: client.eth_call(engine, _price(market)),
    "eth_call reverted": lambda client, engine, market, account, mined, block: client.eth_call(
        engine, _too_small(market, account), account),
    "eth_call decoded": lambda client, engine, market, account, mined, block: _decoded(client, engine, market),
    "call_many": lambda client, engine, market, account, mined, block: client.call_many(
        [(engine, _price(market)), (engine, _order(market)), (engine, _too_small(market, account))]),
    "calls_and_head": lambda client, engine, market, account, mined, block: client.calls_and_head([(engine, _price(market))]),
    "head_and_wallet": lambda client, engine, market, account, mined, block: client.head_and_wallet(
        account, [(engine, _price(market))]),
    "estimate_gas": lambda client, engine, market, account, mined, block: client.estimate_gas(engine, _price(market), account),
    "estimate_gas reverted": lambda client, engine, market, account, mined, block: client.estimate_gas(
        engine, _too_small(market, account), account),
    "receipt": lambda client, engine, market, account, mined, block: client.receipt(mined),
    "receipt unknown": lambda client, engine, market, account, mined, block: client.receipt("0x" + 64 * "5"),
    "receipts": lambda client, engine, market, account, mined, block: client.receipts([mined, "0x" + 64 * "5"]),
    "logs": lambda client, engine, market, account, mined, block: client.logs(engine, _TOPICS, max(0, block - 3), block),
    "newest_logs": lambda client, engine, market, account, mined, block: client.newest_logs(engine, _TOPICS, max(0, block - 3)),
    "send_raw_transaction": lambda client, engine, market, account, mined, block: client.send_raw_transaction(b"\1\2\3"),
    "send_raw_transactions": lambda client, engine, market, account, mined, block: client.send_raw_transactions([b"\1", b"\2"]),
}
