"""Orders of the wallet that the bot did not place: their deposits are in the wallet's total, and they are told once."""
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError, StandardError
from hummingbot.connector.exchange.standard.foreign_orders import REFRESH_INTERVAL, RETRY_INTERVAL, ForeignOrders
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.venue import ChainOrder
from test.hummingbot.connector.exchange.standard.clocks import ManualClock
from test.hummingbot.connector.exchange.standard.feeds.scripted import MARKETS, SOMI

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b2" * 20
BID, ASK = OrderKey(SOMI.book, True, 1), OrderKey(SOMI.book, False, 2)


class Venue:
    """An exchange with these orders, all of which the API tells."""

    def __init__(self, **_: Any) -> None:
        self.rest = self
        self.stored = {BID: ChainOrder(ALICE, 1, 500), ASK: ChainOrder(ALICE, 1, 70)}
        self.away: StandardError | None = None
        self.asked = 0
        self.recovered: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def listing(self) -> Any:
        return SimpleNamespace(by_book={market.book: market for market in MARKETS.values()})

    async def recover(self, books: Iterable[str]) -> None:
        self.recovered += books

    async def open_orders(self, account: str) -> list[Any]:
        self.asked += 1
        if self.away is not None:
            raise self.away
        unlisted = OrderKey("0x" + "99" * 20, True, 7)
        return [SimpleNamespace(book=key.book, is_bid=key.is_bid, order_id=key.id) for key in (*self.stored, unlisted)]

    async def orders(self, keys: Sequence[OrderKey]) -> list[ChainOrder]:
        self.meanwhile()
        return [self.stored[key] for key in keys]


def all_own() -> bool:
    return True


def not_all() -> bool:
    return False


@pytest.fixture
def venue() -> Venue:
    return Venue()


def orders_of(venue: Venue, clock: ManualClock | None = None) -> ForeignOrders:
    return ForeignOrders(venue, ALICE, clock or ManualClock())  # type: ignore[arg-type]


async def test_deposits_count_by_the_token_that_they_hold(venue: Venue, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    foreign = orders_of(venue)
    for _ in range(2):
        assert await foreign.locked((), all_own) == {SOMI.quote.address: 500, SOMI.base.address: 70}
    assert venue.asked == 1 and set(venue.recovered) == {SOMI.book, "0x" + "99" * 20}
    assert [record.getMessage() for record in caplog.records] == [
        "The wallet has 2 open orders that this bot did not place: SOMI-USDC ask 2, SOMI-USDC bid 1"]


async def test_the_bots_own_orders_and_those_of_others_do_not_count(venue: Venue) -> None:
    venue.stored[ASK] = ChainOrder(BOB, 1, 70)
    assert await orders_of(venue).locked({BID}, all_own) == {}


async def test_an_order_that_turns_out_to_be_the_bots_while_it_is_read_does_not_count(venue: Venue) -> None:
    foreign, own = orders_of(venue), set[OrderKey]()
    await foreign.locked(own, all_own)
    venue.meanwhile = lambda: own.add(BID)
    assert await foreign.locked(own, all_own) == {SOMI.base.address: 70}
    assert await foreign.locked(own, all_own) == {SOMI.base.address: 70}


@pytest.mark.parametrize("error", [ApiUnavailableError("the API is away"), RpcError("eth_call", -32000, "execution aborted")])
async def test_what_is_left_of_them_is_read_each_time_and_which_there_are_now_and_then(
        venue: Venue, error: StandardError) -> None:
    clock = ManualClock()
    foreign = orders_of(venue, clock)
    await foreign.locked((), all_own)
    venue.stored[BID] = ChainOrder(ALICE, 1, 300)
    venue.away = error
    clock.now += REFRESH_INTERVAL
    assert await foreign.locked((), all_own) == {SOMI.quote.address: 300, SOMI.base.address: 70}
    assert venue.asked == 2, "without the API the last look counts"


async def test_a_first_look_that_fails_is_soon_made_again(venue: Venue) -> None:
    clock = ManualClock()
    foreign = orders_of(venue, clock)
    venue.away = ApiUnavailableError("the API is away")
    assert await foreign.locked((), all_own) == {} == await foreign.locked((), all_own)
    assert venue.asked == 1, "not at each reading"
    clock.now += RETRY_INTERVAL
    await foreign.locked((), all_own)
    clock.now += RETRY_INTERVAL
    await foreign.locked((), all_own)
    assert venue.asked == 2, "and ever less often"
    venue.away = None
    clock.now += RETRY_INTERVAL
    assert await foreign.locked((), all_own) == {SOMI.quote.address: 500, SOMI.base.address: 70}


async def test_an_order_is_told_once_as_long_as_it_rests_and_nothing_is_kept_of_one_that_is_gone(
        venue: Venue, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = ManualClock()
    foreign, bid = orders_of(venue, clock), venue.stored[BID]
    for orders in ({ASK: bid, BID: bid}, {ASK: bid, BID: bid}, {ASK: bid}, {ASK: bid, BID: bid}):
        venue.stored = dict(orders)
        await foreign.locked((), all_own)
        clock.now += REFRESH_INTERVAL
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["SOMI-USDC ask 2, SOMI-USDC bid 1",
                                                                                      "SOMI-USDC bid 1"]


async def test_an_order_is_told_only_when_all_own_ones_are_known(venue: Venue, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    foreign = orders_of(venue)
    assert await foreign.locked((), not_all) == {SOMI.quote.address: 500, SOMI.base.address: 70}, "it counts at once"
    assert caplog.records == []
    assert await foreign.locked({BID}, all_own) == {SOMI.base.address: 70}
    assert [record.getMessage() for record in caplog.records] == [
        "The wallet has 1 open orders that this bot did not place: SOMI-USDC ask 2"]
