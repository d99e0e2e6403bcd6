"""Old states of the real exchange: looking at them shows what was there, and leaves everything as it is."""
from random import Random
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import BOOK_FUNCTIONS, ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.sandbox.deployment import account_key, build, default_deployment
from hummingbot.connector.exchange.standard.sandbox.node import GWEI, Mining, Node, NodeSettings, Reorg
from hummingbot.connector.exchange.standard.sandbox.rpc import JsonRpc
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet
from hummingbot.connector.exchange.standard.sandbox.world import Message

PRICE = 60_000 * 10 ** 8


def test_the_exchange_is_seen_as_it_was_and_goes_on_as_it_is() -> None:
    deployment, source = default_deployment(), Random(4)
    usdc, wbtc = (token.address for token in deployment.tokens)
    node = Node(build(deployment), SystemClock(), NodeSettings(mining=Mining.INSTANT))
    wallets = [Wallet(account_key(index)) for index in range(3)]

    def send(wallet: Wallet, to: str, data: bytes) -> None:
        raw = wallet.sign(chain_id=31337, nonce=node.nonce(wallet.address), to=to, gas_limit=3_000_000, gas_price=7 * GWEI,
                          data=data)
        receipt = node.receipt(node.submit(raw))
        assert receipt is not None and receipt.success

    def ask(to: str, data: bytes, number: int | None = None) -> bytes:
        outcome = node.call(Message("0x" + "00" * 20, to, 0, data, 50_000_000), number=number)
        assert outcome.success
        return outcome.return_data

    pair = ENGINE_FUNCTIONS["getPair"].encode(wbtc, usdc)
    (book,) = ENGINE_FUNCTIONS["getPair"].decode_result(ask(deployment.engine, pair))

    def seen(number: int | None = None) -> list[Any]:
        calls = [(book, BOOK_FUNCTIONS[name].encode(side, 30)) for name in ("getPrices",) for side in (True, False)]
        calls += [(book, BOOK_FUNCTIONS[name].encode()) for name in ("lmp", "tradeCount", "heads")]
        calls += [(book, BOOK_FUNCTIONS["getOrder"].encode(side, order)) for side in (True, False) for order in range(1, 30)]
        calls += [(token, ERC20_FUNCTIONS["balanceOf"].encode(wallet.address)) for token in (usdc, wbtc) for wallet in wallets]
        return [*(ask(*call, number) for call in calls), *(node.balance(wallet.address, number=number) for wallet in wallets)]

    for wallet in wallets:
        for token in (usdc, wbtc):
            send(wallet, token, ERC20_FUNCTIONS["approve"].encode(deployment.engine, 2 ** 256 - 1))
    states = {node.head.number: seen()}
    for _ in range(50):
        wallet, price = source.choice(wallets), PRICE + source.randint(-20, 20) * 10 ** 9
        amount, buy = source.randint(1, 50) * 10 ** 5, source.random() < 0.5
        if source.random() < 0.2:
            send(wallet, deployment.engine, ENGINE_FUNCTIONS["cancelOrder"].encode(wbtc, usdc, buy, source.randint(1, 20)))
        elif buy:
            send(wallet, deployment.engine, ENGINE_FUNCTIONS["limitBuy"].encode(
                wbtc, usdc, price, amount * price // 10 ** 10, True, 20, wallet.address))
        else:
            send(wallet, deployment.engine, ENGINE_FUNCTIONS["limitSell"].encode(
                wbtc, usdc, price, amount, True, 20, wallet.address))
        states[node.head.number] = seen()
    checkpoint = node.world.checkpoint()
    for number in source.sample(sorted(states), 25):
        assert seen(number) == states[number]
        assert node.world.checkpoint() == checkpoint
    assert seen() == states[node.head.number]
    node.reorganise(20, Reorg.VANISH)
    assert seen() == states[node.head.number - 20]


def test_a_batch_as_of_one_block_says_what_its_calls_say_alone() -> None:
    deployment = default_deployment()
    usdc = deployment.tokens[0].address
    node = Node(build(deployment), SystemClock(), NodeSettings(mining=Mining.MANUAL))
    rpc, wallet, other = JsonRpc(node, SystemClock()), Wallet(account_key(0)), Wallet(account_key(1))
    for nonce in range(5):
        node.submit(wallet.sign(chain_id=31337, nonce=nonce, to=usdc, gas_limit=100_000, gas_price=7 * GWEI,
                                data=ERC20_FUNCTIONS["transfer"].encode(other.address, 1_000)))
        node.mine()

    def call(account: Wallet, block: str) -> dict[str, Any]:
        data = "0x" + ERC20_FUNCTIONS["balanceOf"].encode(account.address).hex()
        return {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": usdc, "data": data}, block]}

    for block in ("0x0", "0x2", "0x5", "latest", "0x9"):
        batch = [call(wallet, block), call(other, block)]
        assert rpc.answer(batch) == [rpc.answer(request) for request in batch]
    mixed = [call(wallet, "0x1"), call(wallet, "0x4"), {"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber"}]
    assert rpc.answer(mixed) == [rpc.answer(request) for request in mixed]
    results = [rpc.answer(call(other, hex(number)))["result"] for number in range(6)]  # type: ignore[index,call-overload]
    assert [int(result, 16) - int(results[0], 16) for result in results] == [1_000 * number for number in range(6)]
    assert node.block(5) is node.head
