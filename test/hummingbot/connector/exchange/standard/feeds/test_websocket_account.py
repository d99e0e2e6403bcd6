"""Own orders, fills and balances by the exchange's WebSocket: the same events as the chain's logs, whatever goes wrong."""
import asyncio
from collections.abc import AsyncIterator

import pytest

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS, OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.errors import ConfigurationError, StreamBrokenError
from hummingbot.connector.exchange.standard.feeds.base import OrderLogs
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.protocols.spot_streams import SpotAccountDialect
from hummingbot.connector.exchange.standard.feeds.websocket_account import HintedAccountFeed
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from test.hummingbot.connector.exchange.standard.feeds.streams import (
    LAYOUTS,
    WBTC,
    Listener,
    StreamWorld,
    eventually,
    stream_world,
    traded,
)
from test.hummingbot.connector.exchange.standard.trading import Trader

PRICE = 60_000 * 10 ** 8
LOT = 10 ** 6
USDC = 10 ** 6


@pytest.fixture
async def world() -> AsyncIterator[StreamWorld]:
    async with stream_world() as world:
        yield world


class Life:
    """Account 0 makes, account 1 takes, in one market."""

    def __init__(self, world: StreamWorld, maker: Trader, taker: Trader) -> None:
        self.world, self.maker, self.taker = world, maker, taker
        self.market = world.markets[WBTC]
        self.asks = 0

    @classmethod
    async def begin(cls, world: StreamWorld) -> "Life":
        market = world.markets[WBTC]
        return cls(world, await traded(world, market, 0), await traded(world, market, 1))

    async def rest(self, count: int = 1) -> None:
        for _ in range(count):
            await self.maker.sell(self.market, PRICE, LOT)
            self.asks += 1

    async def take(self) -> None:
        await self.taker.buy(self.market, PRICE, 200 * USDC, rests=False)

    async def cancel(self, number: int) -> None:
        await self.maker.send(self.world.sandbox.engine_address, ENGINE_FUNCTIONS["cancelOrder"], self.market.base.address,
                              self.market.quote.address, False, number)

    async def truth(self, account: int = 0) -> list[object]:
        """What polling the chain's logs from the first block on tells."""
        async with Listener(self.world.polling_account_feed(0, account)) as polled:
            await eventually(lambda: polled.of(OrderLogs))
            return list(polled.logs)


async def test_own_fills_and_cancels_are_the_chains_events_to_the_unit(world: StreamWorld) -> None:
    life = await Life.begin(world)
    async with Listener(world.account_feed()) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        await life.rest(2)
        await life.take()
        await life.cancel(2)
        await life.take()
        await eventually(lambda: len(listener.logs) == 3)
        assert [type(log.event) for log in listener.logs] == [OrderMatched, OrderCanceled, OrderMatched]
        assert listener.logs == await life.truth()
        assert listener.of(OrderLogs)[-1].block_number >= listener.logs[-1].block_number


async def test_takers_hear_of_their_own_matches(world: StreamWorld) -> None:
    life = await Life.begin(world)
    await life.rest()
    async with Listener(world.account_feed(account=1)) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        await life.take()
        await eventually(lambda: listener.logs)
        assert listener.logs == await life.truth(1)


async def test_what_happened_between_two_runs_is_told_by_the_second(world: StreamWorld) -> None:
    life = await Life.begin(world)
    await life.rest(2)
    feed = world.account_feed()
    async with Listener(feed) as first:
        await eventually(lambda: first.of(OrderLogs))
        await life.take()
        await eventually(lambda: first.logs)
    await life.take()
    await life.cancel(2)
    async with Listener(feed) as second:
        await eventually(lambda: len(second.logs) == 2)
        assert first.logs + second.logs == await life.truth()


async def test_a_cursor_from_an_earlier_process_is_caught_up_with(world: StreamWorld) -> None:
    life = await Life.begin(world)
    await life.rest()
    await life.take()
    async with Listener(world.account_feed(cursor=0)) as listener:
        await eventually(lambda: listener.logs)
        assert listener.logs == await life.truth()


async def test_balances_follow_the_chain(world: StreamWorld) -> None:
    life = await Life.begin(world)
    quote, address = life.market.quote.address, life.maker.wallet.address
    async with Listener(world.account_feed()) as listener:
        await eventually(lambda: listener.balances.get(quote) == world.sandbox.view.balance(quote, address))
        await life.rest()
        await life.take()
        await eventually(lambda: listener.balances[quote] == world.sandbox.view.balance(quote, address))
        assert set(listener.balances) == {quote}, "tokens of no interest are left out"


@pytest.mark.parametrize("mode", [Reorg.VANISH, Reorg.REMINE])
async def test_a_reorganisation_takes_events_back_and_tells_the_new_ones(mode: Reorg) -> None:
    async with stream_world(block_interval=0.05) as world:
        life = await Life.begin(world)
        await life.rest()
        async with Listener(world.account_feed()) as listener:
            await eventually(lambda: listener.of(OrderLogs))
            await life.take()
            await eventually(lambda: listener.logs)
            filled = listener.logs[0]
            world.sandbox.node.reorganise(world.sandbox.node.head.number - filled.block_number + 1, mode)
            await eventually(lambda: len(listener.logs) == (2 if mode is Reorg.VANISH else 3))
            assert listener.logs[1] == filled._replace(removed=True)
            assert [log for log in listener.logs[2:]] == (await life.truth())[-1:] * (mode is Reorg.REMINE)


async def test_a_reorganisation_while_not_listening_is_found_out_at_the_next_run() -> None:
    async with stream_world(block_interval=0.05) as world:
        life = await Life.begin(world)
        await life.rest()
        feed = world.account_feed()
        async with Listener(feed) as first:
            await eventually(lambda: first.of(OrderLogs))
            await life.take()
            await eventually(lambda: first.logs)
        filled = first.logs[0]
        world.sandbox.node.reorganise(world.sandbox.node.head.number - filled.block_number + 1, Reorg.VANISH)
        async with Listener(feed) as second:
            await eventually(lambda: second.logs)
            assert second.logs == [filled._replace(removed=True)]


@pytest.mark.parametrize("damage", ["drop", "duplicate", "reorder", "wrong_sequence", "malformed"])
async def test_a_damaged_message_costs_no_fill_and_doubles_none(world: StreamWorld, damage: str) -> None:
    life = await Life.begin(world)
    await life.rest(4)
    async with Listener(world.account_feed()) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        for number in (2, 3, 4):
            setattr(world.faults, f"{damage}_next", 1)
            await life.take()
            setattr(world.faults, f"{damage}_next", 2)
            await life.cancel(number)
        world.faults.clear()
        truth = await life.truth()
        await eventually(lambda: listener.logs == truth)
        assert not listener.task.done()


async def test_after_a_storm_of_damages_no_fill_is_lost_or_doubled() -> None:
    async with stream_world(block_interval=0.05, traders=TraderSettings(takes_per_second=6)) as world:
        for share in ("drop", "duplicate", "reorder", "wrong_sequence", "malformed"):
            setattr(world.faults, share, 0.03)
        async with Listener(world.account_feed(cursor=0, account=1), again=True) as listener:
            await asyncio.sleep(1.5)
            world.faults.clear()
            world.sandbox.traders.settings.enabled = False
            await asyncio.sleep(0.3)
            async with Listener(world.polling_account_feed(0, 1)) as polled:
                await eventually(lambda: polled.of(OrderLogs))
                await eventually(lambda: listener.logs == polled.logs)
                assert len(polled.logs) > 3


async def test_somebody_in_a_hurry_hears_of_the_next_block(world: StreamWorld) -> None:
    async with Listener(world.account_feed()) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        before = listener.of(OrderLogs)[-1].block_number
        await asyncio.sleep(0.1)
        assert listener.of(OrderLogs)[-1].block_number == before, "quiet blocks are not told one by one"
        listener.feed.hurry()
        await eventually(lambda: listener.of(OrderLogs)[-1].block_number > before, 0.3)


async def test_a_stalled_stream_that_answers_pings_ends_the_feed(world: StreamWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChannelsDialect, "max_silence", 0.6)
    async with Listener(world.account_feed()) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        world.faults.stall_with_pongs = True
        error = await listener.broken()
        assert isinstance(error, StreamBrokenError) and "silent" in str(error)


async def test_a_refused_login_ends_the_feed(world: StreamWorld) -> None:
    world.faults.refuse_authentication = True
    async with Listener(world.account_feed()) as listener:
        assert "code 2002" in str(await listener.broken())


async def test_a_login_to_another_exchange_is_worth_nothing(world: StreamWorld) -> None:
    feed = world.account_feed()
    feed._auth.bind(1, world.sandbox.engine_address)
    async with Listener(feed) as listener:
        assert "code 2002" in str(await listener.broken())


async def test_history_beyond_what_the_server_keeps_ends_the_feed(world: StreamWorld) -> None:
    world.sandbox.node.mine(5_200)
    async with Listener(world.account_feed(cursor=1)) as listener:
        assert "code 4001" in str(await listener.broken())


async def test_a_stream_behind_what_is_known_ends_the_feed(world: StreamWorld) -> None:
    async with Listener(world.account_feed(cursor=world.sandbox.node.head.number + 1_000)) as listener:
        assert "behind" in str(await listener.broken())


# Hints

@pytest.mark.parametrize("layout", LAYOUTS)
async def test_frames_of_the_documented_dialect_only_tell_when_to_look(world: StreamWorld, layout: str) -> None:
    life = await Life.begin(world)
    await life.rest()
    async with Listener(world.hinted_feed(0, layout, interval=60.0)) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        await life.take()
        await eventually(lambda: listener.logs)
        assert listener.logs == await life.truth() and listener.feed.hints > 0


async def test_a_broken_hinting_stream_ends_the_feed(world: StreamWorld) -> None:
    async with Listener(world.hinted_feed(0, "sdk", interval=60.0)) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        world.faults.close_code = 1011
        assert "1011" in str(await listener.broken())


async def test_who_cannot_wait_for_a_hint_makes_the_chain_be_looked_at(world: StreamWorld) -> None:
    life = await Life.begin(world)
    world.faults.drop = 1.0
    async with Listener(world.hinted_feed(0, "sdk", interval=60.0)) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        await life.rest()
        await life.take()
        listener.feed.hurry()
        await eventually(lambda: listener.logs)


async def test_a_hinting_stream_without_account_topics_is_none(world: StreamWorld) -> None:
    class Unknown(SpotAccountDialect):
        def subscriptions(self):  # type: ignore[no-untyped-def]
            return [{"method": "spot.nothing.subscribe.accounts", "params": {}}]

    feed = HintedAccountFeed(world.factory, world.sandbox.spot_streams_url, Unknown(world.sandbox.accounts[0].address),
                             world.polling_account_feed(0), world.clock)
    async with Listener(feed) as listener:
        assert "unknown method" in str(await listener.broken())


async def test_a_hinting_stream_that_knows_some_of_the_topics_goes_on(world: StreamWorld) -> None:
    class Later(SpotAccountDialect):
        def subscriptions(self):  # type: ignore[no-untyped-def]
            return [{"method": "spot.nothing.subscribe.accounts", "params": {}}, *super().subscriptions()]

    life = await Life.begin(world)
    await life.rest()
    feed = HintedAccountFeed(world.factory, f"{world.sandbox.spot_streams_url}?layout=docs",
                             Later(world.sandbox.accounts[0].address), world.polling_account_feed(0, interval=60.0), world.clock)
    async with Listener(feed) as listener:
        await eventually(lambda: listener.of(OrderLogs))
        await life.take()
        await eventually(lambda: listener.logs)
        assert listener.logs == await life.truth() and not listener.task.done()


async def test_a_login_before_the_exchange_is_known_is_an_error(world: StreamWorld) -> None:
    feed = world.account_feed()
    feed._auth = StandardAuth("", world.sandbox.accounts[0].private_key)
    async with Listener(feed) as listener:
        assert isinstance(await listener.broken(), ConfigurationError)
