"""The other participants on a virtual clock: reproducible, always there, and willing to trade with whoever quotes well."""
from collections import Counter
from dataclasses import replace

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.deployment import MOST_PAIRS, Generation
from hummingbot.connector.exchange.standard.sandbox.engine_state import Spread
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.node import Mining, NodeSettings, Reorg
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.traders import Traders, TraderSettings
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

STEP = 0.1


class Simulation:
    """A sandbox that is not served; `run` lets virtual seconds pass, with a block every tenth of one."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.clock = ManualClock()
        self.sandbox = Sandbox(settings, self.clock)
        self.outcomes: Counter[bool] = Counter()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.sandbox.traders.step()
            self.sandbox.node.mine()
            self.outcomes.update(receipt.success for receipt in self.sandbox.node.head.receipts)
            self.clock.now += STEP

    def best(self, market: int, is_bid: bool) -> int:
        """The best price of one side, 0 when it is empty."""
        pair = self.sandbox.indexer.pairs[self.sandbox.markets[market].book]
        return next((price for price, _ in pair.levels(is_bid)), 0)

    def trades(self) -> int:
        return sum(pair.trade_count for pair in self.sandbox.indexer.pairs.values())


def test_the_same_seed_makes_the_same_chain_and_another_seed_another_one() -> None:
    heads = []
    for seed in (3, 3, 4):
        simulation = Simulation(SandboxSettings(seed=seed))
        simulation.run(20)
        heads.append(simulation.sandbox.node.head.hash)
    assert heads[0] == heads[1] != heads[2]


@pytest.mark.parametrize("settings", [
    SandboxSettings(), SandboxSettings(generation=Generation.JULY_2026), SandboxSettings(gas=GasSchedule.SOMNIA),
    SandboxSettings(limit_spread=Spread(100_000, 100_000), market_spread=Spread(100_000, 100_000))],
    ids=["default", "later generation", "Somnia gas", "narrow spread"])
def test_books_are_never_empty_and_trades_go_on(settings: SandboxSettings) -> None:
    simulation = Simulation(settings)
    simulation.run(1)
    for seconds in range(5, 151, 5):
        simulation.run(5)
        for market in (0, 1):
            bid, ask = simulation.best(market, True), simulation.best(market, False)
            assert 0 < bid < ask
        assert simulation.trades() >= seconds // 4 - 4
    assert simulation.outcomes[False] < simulation.outcomes[True] / 100
    assert simulation.sandbox.traders.refused == 0


def test_every_market_of_the_most_that_there_can_be_is_quoted_and_traded() -> None:
    simulation = Simulation(SandboxSettings(pairs=MOST_PAIRS))
    simulation.run(20)
    markets = simulation.sandbox.markets
    assert len({market.trading_pair for market in markets}) == MOST_PAIRS
    for at, market in enumerate(markets):
        assert 0 < simulation.best(at, True) < simulation.best(at, False)
        assert simulation.sandbox.indexer.pairs[market.book].trade_count
    assert simulation.outcomes[False] < simulation.outcomes[True] / 100


def test_more_markets_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 8 pairs to choose from, not 9"):
        Sandbox(SandboxSettings(pairs=MOST_PAIRS + 1))


def test_prices_keep_near_a_fair_price_that_moves() -> None:
    simulation = Simulation()
    fair = set()
    book = simulation.sandbox.markets[0].book
    for _ in range(30):
        simulation.run(10)
        fair.add(simulation.sandbox.traders.fair_price(book))
        assert abs(simulation.sandbox.view.market_price(book) / simulation.sandbox.traders.fair_price(book) - 1) < 0.02
    assert len(fair) == 30 and 0.002 < max(fair) / min(fair) - 1 < 0.05


def test_a_market_maker_close_to_the_middle_is_hit_on_both_sides_several_times_a_minute() -> None:
    simulation = Simulation()
    sandbox = simulation.sandbox
    me, market = sandbox.accounts[0], sandbox.markets[0]
    base, quote = market.base.address, market.quote.address

    def send(to: str, data: bytes, value: int = 0) -> None:
        sandbox.node.submit(me.sign(chain_id=31337, nonce=sandbox.node.nonce(me.address, pending=True), to=to, value=value,
                                    gas_limit=3_000_000, gas_price=sandbox.node.gas_price, data=data))

    send(quote, ERC20_FUNCTIONS["approve"].encode(sandbox.engine_address, 2 ** 256 - 1))
    simulation.run(3)
    for _ in range(12):
        for (is_bid, order_id) in [key[1:] for key in sandbox.indexer.account(me.address).orders]:
            send(sandbox.engine_address, ENGINE_FUNCTIONS["cancelOrder"].encode(base, quote, is_bid, order_id))
        middle = (simulation.best(0, True) + simulation.best(0, False)) // 2
        for level in (1, 2):
            buy, sell = middle * (1000 - level) // 1000, middle * (1000 + level) // 1000
            send(sandbox.engine_address, ENGINE_FUNCTIONS["limitBuy"].encode(
                base, quote, buy, 20 * 650_000, True, 20, me.address))
            send(sandbox.engine_address, ENGINE_FUNCTIONS["limitSellETH"].encode(quote, sell, True, 20, me.address),
                 20 * 10 ** 18)
        simulation.run(5)
    sides = Counter(bought for bought, _ in sandbox.indexer.account(me.address).trades)
    assert sides[True] >= 5 and sides[False] >= 5


def test_traders_reach_five_hundred_transactions_a_second() -> None:
    simulation = Simulation(SandboxSettings(traders=TraderSettings().at_rate(500, 2)))
    simulation.run(2)
    before = simulation.sandbox.traders.sent
    simulation.run(4)
    assert 1800 < simulation.sandbox.traders.sent - before < 2200
    assert len(simulation.sandbox.node.pool) == 0


@pytest.mark.parametrize("mode", list(Reorg))
def test_traders_survive_a_reorganisation(mode: Reorg) -> None:
    simulation = Simulation()
    simulation.run(10)
    simulation.sandbox.node.reorganise(30, mode)
    simulation.run(30)
    for market in simulation.sandbox.markets:
        orders = simulation.sandbox.indexer.pairs[market.book].orders
        assert 40 <= len(orders) <= 52
        for (is_bid, order_id), row in orders.items():
            assert simulation.sandbox.view.deposit(market.book, is_bid, order_id) == row.placed


def test_traders_work_on_a_node_that_mines_each_transaction_at_once() -> None:
    simulation = Simulation(SandboxSettings(mining=Mining.INSTANT))
    for _ in range(300):
        simulation.sandbox.traders.step()
        simulation.clock.now += STEP
    assert simulation.trades() > 10
    for market in simulation.sandbox.markets:
        assert 46 <= len(simulation.sandbox.indexer.pairs[market.book].orders) <= 48


def test_traders_wait_while_no_blocks_come() -> None:
    simulation = Simulation(SandboxSettings(traders=replace(TraderSettings(), waiting_limit=200)))
    simulation.run(2)
    for _ in range(3000):
        simulation.sandbox.traders.step()
        simulation.clock.now += STEP
    assert len(simulation.sandbox.node.pool) <= 400
    simulation.run(5)
    assert len(simulation.sandbox.node.pool) == 0 and simulation.best(0, True) > 0


def test_traders_go_on_while_the_node_loses_other_peoples_transactions() -> None:
    simulation = Simulation()
    simulation.run(2)
    simulation.sandbox.node.faults.drop_transactions = True
    before = simulation.trades()
    simulation.run(20)
    assert simulation.trades() > before and simulation.sandbox.node.faults.drop_transactions


def test_the_indexer_agrees_with_the_chain_after_a_thousand_transactions() -> None:
    simulation = Simulation(SandboxSettings(traders=TraderSettings().at_rate(100, 2), node=NodeSettings(history_blocks=50)))
    simulation.run(15)
    view = simulation.sandbox.view
    for pair in simulation.sandbox.indexer.pairs.values():
        for is_bid in (True, False):
            for price, level in pair.levels(is_bid):
                amounts = [view.deposit(pair.info.book, is_bid, number) for number in view.queue(pair.info.book, is_bid, price)]
                assert (sum(amounts), len(amounts)) == tuple(level)


def test_disabled_traders_leave_the_book_empty() -> None:
    simulation = Simulation(SandboxSettings(traders=TraderSettings(enabled=False)))
    simulation.run(5)
    assert simulation.best(0, True) == simulation.best(0, False) == 0


def test_too_few_accounts_for_the_traders_are_refused() -> None:
    sandbox = Sandbox(SandboxSettings(), ManualClock())
    with pytest.raises(ValueError, match="there are 4"):
        Traders(sandbox.node, sandbox.view, sandbox.markets, sandbox.accounts[:4], sandbox.clock, TraderSettings())
