"""A quiet sandbox in which the newcomer's wallet has orders, and the command line run beside it."""
import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.connector.exchange.standard.cli import main
from hummingbot.connector.exchange.standard.orders.sizing import limit_order
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings

FEES = Fees(30 * 10 ** 9, 10 ** 9)


def quiet_sandbox() -> Sandbox:
    """A sandbox without other traders, on a free port."""
    return Sandbox(SandboxSettings(port=0, block_interval=0.05, traders=TraderSettings(enabled=False)))


def environment(sandbox: Sandbox) -> dict[str, str]:
    """What a user sets to reach it."""
    return {"STANDARD_SANDBOX_RPC_URL": sandbox.url, "STANDARD_SANDBOX_API_URL": sandbox.url}


def key_of(sandbox: Sandbox, account: int = 0) -> str:
    """The published key of one of the test accounts."""
    return str(sandbox.accounts[account].private_key)


async def sell(sandbox: Sandbox, prices: Sequence[str], account: int = 0) -> None:
    """Rest asks of 10 SOMI."""
    market = next(market for market in sandbox.markets if market.trading_pair == "SOMI-USDC")
    wallet = Wallet(key_of(sandbox, account))
    nonce = sandbox.node.nonce(wallet.address)
    for number, price in enumerate(prices):
        call = limit_order(market, False, Decimal(10), Decimal(price), wallet.address)
        sandbox.node.submit(wallet.sign_transaction(
            chain_id=31337, nonce=nonce + number, to=sandbox.engine_address, value=call.value, data=call.data,
            gas_limit=3_000_000, fees=FEES).raw)
    while sandbox.node.nonce(wallet.address) < nonce + len(prices):  # noqa: ASYNC110 - the node has no event for it
        await asyncio.sleep(0.02)


def answering(value: Any) -> Callable[..., Any]:
    """A coroutine function that returns this, or raises it."""
    async def answer(*_: Any, **__: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value
    return answer


async def run(*arguments: str) -> int:
    """The exit code of a command, run in a thread as it has an event loop of its own."""
    return await asyncio.to_thread(main, list(arguments))
