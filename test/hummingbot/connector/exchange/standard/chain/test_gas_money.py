"""Which orders a wallet can pay for, one after the other, with something left for their cancels."""
from types import SimpleNamespace
from typing import Any

from hummingbot.connector.exchange.standard.chain.gas_money import GasMoney, Lack


async def test_an_order_that_lacks_money_is_told_what_the_orders_before_it_leave() -> None:
    async def current() -> Any:
        return SimpleNamespace(max_fee=2)

    async def balance(address: str) -> int:
        return 1_000

    rpc: Any = SimpleNamespace(balance=balance)
    policy: Any = SimpleNamespace(current=current)
    money = GasMoney(rpc, "0x" + "aa" * 20, policy)
    # Each needs 2 x 100 of gas and its value, and 2 x 50 are kept for cancels.
    assert await money.lacking([(100, 500), (100, 50), (100, 0)], 50) == [None, Lack(350, 300), None]
