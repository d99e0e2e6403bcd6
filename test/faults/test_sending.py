"""Faults on the way of a transaction to a node (docs/faults.md, F1 to F5, F9 to F12 and F49)."""
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard import account, network
from hummingbot.connector.exchange.standard.cancels import CANCEL
from hummingbot.connector.exchange.standard.chain.gas import SOMNIA
from hummingbot.connector.exchange.standard.chain.intents import FOREVER
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.network_iterator import NetworkStatus
from test.faults.orders import end_of, rests
from test.hummingbot.connector.exchange.standard.chain.fake_node import Fault
from test.hummingbot.connector.exchange.standard.chain.test_transactions import Bench, intent, successes
from test.hummingbot.connector.exchange.standard.model import SPEED, FastClock
from test.hummingbot.connector.exchange.standard.trading import TOKEN_PAIR, connected, order, quiet_sandbox, until

SEND = "eth_sendRawTransaction"
ONCE = Counter({intent(1).data: 1})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = await Bench(tmp_path).start()
    yield bench
    await bench.close()


def sends(bench: Bench) -> int:
    return sum(SEND in post for post in bench.node.posts)


async def test_f01_the_node_dies_after_it_took_the_transaction_and_before_it_answers(bench: Bench) -> None:
    bench.node.mining = False
    bench.node.lose = lambda methods: SEND in methods
    (tracked,) = bench.submit(intent(1))
    await bench.run(4.0)
    assert not bench.ends and tracked.hashes == (bench.node.accepted[0].hash,), "unknown, and known by its own bytes"
    bench.node.lose, bench.node.mining = None, True
    await bench.run(4.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and end.ok and end.transaction_hash == tracked.hashes[0]
    await bench.run(30.0)
    assert bench.mined_orders() == ONCE and len({sent.hash for sent in bench.node.accepted}) == 1


async def test_f02_the_node_dies_before_it_takes_the_transaction(bench: Bench) -> None:
    down = {"until": bench.clock.now + 5.0}
    tried: list[str] = []

    def before(method: str, params: list[Any]) -> Any:
        if method == SEND:
            tried.append(params[0])
            if bench.clock.now < down["until"]:
                raise ApiUnavailableError("connection refused")
            if not bench.node.accepted:
                bench.node.eth_sendRawTransaction(params[0])
                raise Fault("already known")

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(20.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == ONCE
    assert 3 <= len(tried) <= 8 and len(set(tried)) == 1, "the same bytes, a few times"


@pytest.mark.parametrize("message", ["already known", "ALREADY_EXISTS: already known", "known transaction: 0x12",
                                     "request timed out", "502 Bad Gateway", "internal error"])
async def test_f03_the_node_answers_an_error_for_a_transaction_that_it_took(bench: Bench, message: str) -> None:
    def before(method: str, params: list[Any]) -> Any:
        if method == SEND and not bench.node.accepted:
            bench.node.eth_sendRawTransaction(params[0])
            raise Fault(message)

    bench.node.before = before
    bench.submit(intent(1))
    await bench.run(10.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == ONCE and sends(bench) <= 3


async def test_f04_a_transaction_is_dropped_from_the_mempool(bench: Bench) -> None:
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(1.0)
    for _ in range(3):
        bench.node.pool.clear()
        await bench.run(8.0)
    first, *later = bench.node.accepted
    assert later[0].hash == first.hash, "first the same bytes again"
    assert later[-1].nonce == first.nonce and later[-1].max_fee > first.max_fee, "then with a higher fee"
    assert not bench.ends, "nothing is known of its end"
    bench.node.mining = True
    await bench.run(25.0, 1)
    assert successes(bench) == 1 and bench.mined_orders() == ONCE


@pytest.mark.parametrize("winner", [0, -1])
async def test_f05_the_own_replacement_and_the_first_attempt_race(bench: Bench, winner: int) -> None:
    bench.node.mining = False
    bench.submit(intent(1))
    await bench.run(16.0)
    assert len({sent.hash for sent in bench.node.accepted}) >= 2
    mined = bench.node.accepted[winner]
    bench.node.pool, bench.node.mining = {0: mined}, True
    await bench.run(5.0, 1)
    end = bench.ends["order-1"]
    assert isinstance(end, Receipt) and end.ok and end.transaction_hash == mined.hash
    await bench.run(30.0)
    assert bench.mined_orders() == ONCE


async def test_f09_fees_are_too_low_up_to_the_users_cap(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = await Bench(tmp_path, cap=20 * 10 ** 9).start()
    bench.submit(intent(0))
    await bench.run(1.0, 1)
    bench.node.base_fee = 15 * 10 ** 9
    bench.submit(intent(1))
    await bench.run(15.0, 2)
    assert successes(bench) == 2
    bench.node.base_fee = 30 * 10 ** 9
    bench.submit(intent(2, patience=FOREVER))
    await bench.run(60.0)
    offered = [sent.max_fee for sent in bench.node.accepted]
    assert max(offered, default=0) <= 20 * 10 ** 9 and "order-2" not in bench.ends, "it waits"
    assert caplog.text.count("more than max_fee_gwei allows (20)") == 1, "and says so"
    bench.node.base_fee = 10 * 10 ** 9
    await bench.run(30.0, 3)
    assert successes(bench) == 3 and len(bench.node.executed) == 3
    await bench.close()


async def test_f09_a_replacement_offers_at_least_a_tenth_more(bench: Bench) -> None:
    bench.node.mining = False
    bench.submit(intent(1, patience=FOREVER))
    await bench.run(40.0)
    fees = [sent.max_fee for sent in bench.node.accepted]
    raised = [fee for at, fee in enumerate(fees) if at == 0 or fee != fees[at - 1]]
    assert len(raised) >= 3 and all(10 * later >= 11 * earlier for earlier, later in itertools.pairwise(raised))


async def test_f10_no_native_tokens_for_the_gas(caplog: pytest.LogCaptureFixture) -> None:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        name = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61000))
        await rests(exchange, name)
        address, node = sandbox.accounts[0].address, sandbox.node
        price = exchange._account._sender._fee_policy.last.max_fee
        gas = exchange._account._gas
        # It could pay for the order, or for the cancels, also when fees fall a little.
        left = price * (gas.order() + gas.cancels(2)) * 3 // 4
        node.world.add_balance(address, left - node.balance(address))
        await exchange._update_balances()  # after a reading that is under way
        nonce = node.nonce(address, pending=True)
        refused = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61001))
        assert await end_of(exchange, refused) is OrderState.FAILED
        assert node.nonce(address, pending=True) == nonce, "nothing was sent"
        assert any("not enough SOMI" in record.message and "Fund the wallet" in record.message
                   for record in caplog.records)
        results = await exchange.cancel_all(10)
        assert [result.success for result in results] == [True], "a cancel can still be paid"
        assert order(exchange, name).current_state is OrderState.CANCELED


@pytest.mark.parametrize(("count", "tokens"), [(40, "1.1"), (3, "0.05")], ids=["a few batches at once", "one cancel at a time"])
async def test_f10_what_the_wallet_cannot_pay_for_at_once_is_cancelled_in_parts(
        count: int, tokens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a stop, Hummingbot asks once and goes."""
    monkeypatch.setattr(account, "gas_profile", lambda chain_id: SOMNIA)
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        names = [exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000 + step)) for step in range(count)]
        keys = [await rests(exchange, name) for name in names]
        address, node = sandbox.accounts[0].address, sandbox.node
        node.world.add_balance(address, int(Decimal(tokens).scaleb(18)) - node.balance(address))
        results = await exchange.cancel_all(20)
        assert Counter(result.success for result in results) == {True: count}
        assert not any(sandbox.view.deposit(key.book, key.is_bid, key.id) for key in keys)
        sender = exchange._account._sender
        assert not [item for item in await sender._journal.unfinished(sender._ledger.account)
                    if item.intent.kind == CANCEL], "the next start follows none of what was refused"


async def test_f10_a_wallet_that_is_topped_up_trades_on_at_once() -> None:
    """Native tokens for gas, and tokens to sell: nothing of the refusals before is kept."""
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange:
        address, node = sandbox.accounts[0].address, sandbox.node
        tokens = node.world.contract(exchange._venue.market(TOKEN_PAIR).base.address)
        native, held = node.balance(address), tokens.balances[address]
        node.world.add_balance(address, 1 - native)
        (await exchange._trading_account()).gas_money.seen(1)
        assert await end_of(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61000))) \
            is OrderState.FAILED
        node.world.add_balance(address, native)
        tokens.balances[address] = 1
        assert await end_of(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61000))) \
            is OrderState.FAILED
        tokens.balances[address] = held
        await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61000)))
        await until(lambda: exchange.get_available_balance("WBTC") == Decimal(held - 10 ** 6).scaleb(-8))


async def test_f49_what_answers_for_the_node_stands_still(monkeypatch: pytest.MonkeyPatch,
                                                          caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monkeypatch.setitem(CONSTANTS.NETWORKS, "standard_sandbox",
                        CONSTANTS.NETWORKS["standard_sandbox"]._replace(steady_blocks=True))
    monkeypatch.setattr(network, "LOOPBACK", ())
    async with quiet_sandbox() as sandbox, connected(sandbox, clock=FastClock(), standard_feed="polling") as exchange:
        for limit in exchange._throttler._rate_limits:
            limit.limit *= 10 * SPEED
        name = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(61_000))
        key = await rests(exchange, name)
        with monkeypatch.context() as frozen:
            head = sandbox.node.visible_head
            frozen.setattr(type(sandbox.node), "visible_head", property(lambda node: head))
            await until(lambda: "no order is placed and no fill is told" in caplog.text)
            late = exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(62_000))
            assert await end_of(exchange, late) is OrderState.FAILED and "s: no order is placed until it does." in caplog.text
            assert await exchange.check_network() is NetworkStatus.CONNECTED, "else nothing at all would be sent"
            exchange.cancel(TOKEN_PAIR, name)
            await until(lambda: not sandbox.view.deposit(key.book, key.is_bid, key.id))
        await until(lambda: order(exchange, name).is_cancelled)
        await until(lambda: "tells new blocks again" in caplog.text)
        assert caplog.text.count("no order is placed and no fill is told") == 1
        assert await rests(exchange, exchange.sell(TOKEN_PAIR, Decimal("0.01"), OrderType.LIMIT, Decimal(62_000)))
