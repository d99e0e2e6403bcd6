"""Building, signing, decoding and settling, without a network: rows 3 and 4 of `make bench`.

An order goes from Hummingbot's Decimals to signed bytes; the same bytes come from eth-account (its floor here is the field's
own good way: eth_abi and eth_account). A receipt with five fills goes from the node's logs to what happened to the order; the
check of its JSON, which comes before, is told beside it, and so is the sum, which has to keep within the same bar.
"""
import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from eth_abi import encode as encode_abi
from eth_account import Account

from bench.figures import MICROSECONDS, Bar, Figure, best
from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, ORDER_MATCHED
from hummingbot.connector.exchange.standard.chain.logs import decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt, receipt
from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.markets import DENOMINATOR, Market
from hummingbot.connector.exchange.standard.orders.settlement import Filled, Settlement
from hummingbot.connector.exchange.standard.orders.sizing import limit_order
from hummingbot.connector.exchange.standard.sandbox.node import Mining
from hummingbot.connector.exchange.standard.sandbox.rpc import JsonRpc
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet as Trader

SIGN_BAR, DECODE_BAR, SETTLE_BAR = Bar(100.0), Bar(5.0), Bar(100.0)
FILLS = 5
_CHAIN_ID, _GAS = 31337, 500_000
_FEES = Fees(12 * 10 ** 9, 10 ** 9)
_KEY = "0x" + "4b" * 32


class Mined(NamedTuple):
    """The receipt of an order that took five others, as the node tells it, and what belongs to it."""

    answer: Mapping[str, Any]
    market: Market
    engine: str
    account: str
    deposit: int


@functools.cache
def mined() -> Mined:
    """A receipt of the sandbox's node."""
    sandbox = Sandbox(SandboxSettings(mining=Mining.MANUAL, traders=TraderSettings(enabled=False)))
    market = next(market for market in sandbox.markets if market.trading_pair == "WBTC-USDC")
    maker, taker = sandbox.accounts[1:3]
    base, quote = market.base.address, market.quote.address

    def send(trader: Trader, to: str, data: bytes) -> str:
        return sandbox.node.submit(trader.sign(
            chain_id=_CHAIN_ID, nonce=sandbox.node.nonce(trader.address, pending=True), to=to, gas_limit=8_000_000,
            gas_price=sandbox.node.gas_price, data=data))

    approval = ERC20_FUNCTIONS["approve"].encode(sandbox.engine_address, 2 ** 256 - 1)
    send(maker, base, approval)
    send(taker, quote, approval)
    price, amount = 60_000 * DENOMINATOR, 10 ** 6
    for level in range(FILLS):
        data = ENGINE_FUNCTIONS["limitSell"].encode(base, quote, price + level * DENOMINATOR, amount, True, 20, maker.address)
        send(maker, sandbox.engine_address, data)
    sandbox.node.mine()
    deposit = market.deposit_for(price + FILLS * DENOMINATOR, FILLS * amount)
    order = send(taker, sandbox.engine_address, ENGINE_FUNCTIONS["limitBuy"].encode(
        base, quote, price + FILLS * DENOMINATOR, deposit, False, 20, taker.address))
    sandbox.node.mine()
    answer = JsonRpc(sandbox.node, sandbox.clock).answer(
        {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": [order]})
    assert isinstance(answer, dict)
    return Mined(answer["result"], market, sandbox.engine_address, taker.address, deposit)


def place(market: Market, engine: str) -> Callable[[], bytes]:
    """Build and sign a limit order."""
    wallet = Wallet(_KEY)
    amount, price = Decimal("0.01"), Decimal("60000.5")

    def work() -> bytes:
        call = limit_order(market, True, amount, price, wallet.address)
        return wallet.sign_transaction(chain_id=_CHAIN_ID, nonce=7, to=engine, value=call.value, data=call.data, gas_limit=_GAS,
                                       fees=_FEES).raw
    return work


def place_by_libraries(market: Market, engine: str) -> Callable[[], bytes]:
    """The same order by eth_abi and eth_account."""
    account, target = Account.from_key(_KEY), to_checksum(engine)
    function = ENGINE_FUNCTIONS["limitBuy"]
    types = [parameter.type.name for parameter in function.inputs]
    amount, price = 10 ** 6, 60_000 * DENOMINATOR + DENOMINATOR // 2

    def work() -> bytes:
        data = function.selector + encode_abi(types, [market.base.address, market.quote.address, price,
                                                      market.deposit_for(price, amount), True, 20, account.address])
        return bytes(account.sign_transaction({
            "type": 2, "chainId": _CHAIN_ID, "nonce": 7, "to": target, "value": 0, "data": data, "gas": _GAS,
            "maxFeePerGas": _FEES.max_fee, "maxPriorityFeePerGas": _FEES.priority_fee}).raw_transaction)
    return work


def checked(of: Mined) -> Receipt:
    """The receipt, once every field of it was looked at."""
    found = receipt(of.answer)
    assert found is not None
    return found


def settle(of: Mined) -> Callable[[], list[Any]]:
    """From the logs of a receipt to what it did."""
    markets, logs = {of.market.book: of.market}, checked(of).logs

    def work() -> list[Any]:
        settlement = Settlement(of.account, markets)
        return list(settlement.settle_receipt(["order"], decode_engine_logs(logs, of.engine), decode_outflows(logs),
                                              [of.deposit]))
    return work


def figures(scale: float = 1.0) -> list[Figure]:
    """Rows 3 and 4; `scale` shortens the measurement."""
    of = mined()
    ours, libraries = place(of.market, of.engine), place_by_libraries(of.market, of.engine)
    if ours() != libraries():
        raise AssertionError("the signed bytes are not those of eth-account")
    told = settle(of)()
    if sum(isinstance(event, Filled) for event in told) != FILLS:
        raise AssertionError(f"{FILLS} fills were expected: {told}")
    match = [next(log for log in of.answer["logs"] if log["topics"][0] == ORDER_MATCHED.topic)]
    signing, peers = best(ours, libraries, seconds=4.0 * scale)
    decoding, settling, checking = best(lambda: decode_engine_logs(match, of.engine), settle(of), lambda: checked(of),
                                        seconds=3.0 * scale)
    return [
        Figure(3, "build and sign one order (floor: eth_abi, eth_account)", signing * MICROSECONDS, "µs", SIGN_BAR,
               peers * MICROSECONDS),
        Figure(4, "decode one OrderMatched log, from the node's JSON", decoding * MICROSECONDS, "µs", DECODE_BAR),
        Figure(4, f"settle one receipt with {FILLS} fills, decoding its logs", settling * MICROSECONDS, "µs", SETTLE_BAR),
        Figure(4, f"check the JSON of that receipt, {len(of.answer['logs'])} logs", checking * MICROSECONDS, "µs"),
        Figure(4, "both, from the node's JSON to what happened", (checking + settling) * MICROSECONDS, "µs", SETTLE_BAR),
    ]
