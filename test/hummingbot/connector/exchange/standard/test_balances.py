"""Balances of which some cannot be read: none is told as zero, and none that is traded as it was before."""
import asyncio
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.balances import Balances
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError, StandardError
from hummingbot.connector.exchange.standard.markets import Token
from hummingbot.core.data_type.common import TradeType
from test.hummingbot.connector.exchange.standard.clocks import settle

NATIVE, USDC, FOO = (Token("0x" + digits * 20, symbol, 0) for digits, symbol in (("aa", "SOMI"), ("cc", "USDC"), ("f0", "FOO")))


class Venue:
    """An exchange of three tokens; `held` is what can be read."""

    def __init__(self) -> None:
        self.held = {USDC.address: 5, FOO.address: 7}
        self.were_all_own: list[bool] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def listing(self) -> Any:
        return SimpleNamespace(native_token=NATIVE.address, tokens={token.address: token for token in (NATIVE, USDC, FOO)})

    async def balances(self, account: str) -> tuple[int, dict[str, int], int]:
        return 9, self.held, 5

    async def locked(self, own: object, are_all_own: Callable[[], bool]) -> dict[str, int]:
        self.meanwhile()
        self.were_all_own.append(are_all_own())
        return {}


def balances(venue: Venue, trading_pairs: Sequence[str] = ("SOMI-USDC",)) -> Balances:
    return Balances(venue, "0x01", venue, Decimal(0), dict, lambda: trading_pairs)  # type: ignore[arg-type]


async def test_a_token_that_cannot_be_read_any_more_is_told_as_before_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    venue = Venue()
    reading = balances(venue)
    await reading.read(None, False)
    for held in ({USDC.address: 6}, {USDC.address: 6}, {USDC.address: 6, FOO.address: 8}, {USDC.address: 6}):
        venue.held = held
        money = await reading.read(None, False)
        assert money.total == money.available == {"SOMI": 9, "USDC": 6, "FOO": 8 if FOO.address in held else money.total["FOO"]}
        assert money.total["FOO"] in (7, 8)
    assert [record.getMessage() for record in caplog.records] == 2 * [
        "The token contracts of FOO do not tell the balance: it is shown as it was read last, or not at all"]


async def test_an_order_that_is_mined_during_a_reading_may_be_in_one_part_of_it_alone() -> None:
    def order(exchange_order_id: str | None) -> Any:
        return SimpleNamespace(exchange_order_id=exchange_order_id, trade_type=TradeType.SELL, base_asset="FOO",
                               amount=Decimal(1))

    orders = {"resting": order("1"), "mined": order(None), "waiting": order(None)}

    class Mining(Venue):
        async def balances(self, account: str) -> tuple[int, dict[str, int], int]:
            orders["mined"].exchange_order_id = "2"
            orders["new and mined"] = order("3")
            return await super().balances(account)

    venue = Mining()
    reading = Balances(venue, "0x01", venue, Decimal(0), lambda: orders, list)  # type: ignore[arg-type]
    assert (await reading.read(None, False)).available["FOO"] == 6
    assert set(reading.deducted) == {"mined", "waiting", "new and mined"}


async def test_while_orders_are_on_their_way_or_the_last_run_is_not_taken_up_other_orders_may_be_own_ones() -> None:
    orders: dict[str, Any] = {"resting": SimpleNamespace(exchange_order_id="1")}
    venue = Venue()
    reading = Balances(venue, "0x01", venue, Decimal(0), lambda: orders, list)  # type: ignore[arg-type]
    await reading.read(None, False)
    await reading.read(None, True)
    waiting = SimpleNamespace(exchange_order_id=None, trade_type=TradeType.SELL, base_asset="FOO", amount=Decimal(1))
    venue.meanwhile = lambda: orders.update(waiting=waiting)
    await reading.read(None, True)
    assert venue.were_all_own == [False, True, False], "also where it was placed while the API was asked"


async def test_of_two_readings_the_one_that_began_last_ends_last() -> None:
    venue, held = Venue(), iter([5, 6])
    may_answer = asyncio.Event()

    async def read(account: str) -> tuple[int, dict[str, int], int]:
        number = next(held)
        if number == 5:
            await may_answer.wait()
        return 9, {USDC.address: number, FOO.address: 7}, 5

    venue.balances = read  # type: ignore[method-assign]
    reading, ended = balances(venue), []

    async def one() -> None:
        ended.append((await reading.read(None, False)).total["USDC"])

    tasks = [asyncio.ensure_future(one()) for _ in range(2)]
    await settle()
    assert reading.is_reading and not ended
    may_answer.set()
    await asyncio.gather(*tasks)
    assert ended == [5, 6] and not reading.is_reading


async def test_a_token_that_was_never_read_is_left_out() -> None:
    venue = Venue()
    venue.held = {USDC.address: 5}
    assert (await balances(venue).read(None, False)).total == {"SOMI": 9, "USDC": 5}


async def test_a_traded_token_that_cannot_be_read_counts_as_none_from_the_second_time_on_and_others_go_on(
        caplog: pytest.LogCaptureFixture) -> None:
    venue = Venue()
    reading = balances(venue, ["FOO-USDC", "SOMI-USDC"])
    for _ in range(2):
        venue.held = {USDC.address: 5, FOO.address: 7}
        assert (await reading.read(None, False)).total == {"SOMI": 9, "USDC": 5, "FOO": 7}
        venue.held = {USDC.address: 6}
        with pytest.raises(ApiUnavailableError, match="the token contract of FOO does not tell the balance"):
            await reading.read(None, False)
        for _ in range(2):
            money = await reading.read(None, False)
            assert money.total == money.available == {"SOMI": 9, "USDC": 6}
    assert [record.getMessage() for record in caplog.records] == 2 * [
        "The token contract of FOO does not tell the balance: it counts as none until it does, and other pairs go on"]


async def test_a_pair_that_is_not_listed_is_none_that_could_go_on() -> None:
    venue = Venue()
    venue.held = {USDC.address: 5}
    reading = balances(venue, ["FOO-USDC", "NONE-USDC"])
    for _ in range(3):
        with pytest.raises(ApiUnavailableError, match="the token contract of FOO does not tell the balance"):
            await reading.read(None, False)


async def test_a_token_that_is_traded_must_be_read() -> None:
    venue = Venue()
    reading = balances(venue, ["FOO-USDC"])
    await reading.read(None, False)
    venue.held = {USDC.address: 5}
    for _ in range(3):
        with pytest.raises(ApiUnavailableError, match="the token contract of FOO does not tell the balance"):
            await reading.read(None, False)
    assert not reading.is_reading


@pytest.mark.parametrize(("blocks", "told"), [
    ([6, 6, 7], 7), ([7], 5), ([6] * 9, 10), ([6, 6, ApiUnavailableError("late")], 6),
    ([6, RpcError("eth_call", -32000, "odd")], 5)],
    ids=["soon", "at once", "not at all", "then not reachable", "then refused"])
async def test_a_node_that_lacks_the_block_of_the_last_fill_is_asked_again_for_some_seconds(
        blocks: list[int | StandardError], told: int, monkeypatch: pytest.MonkeyPatch) -> None:
    told_blocks: Iterator[int | StandardError] = iter(blocks)
    held = iter(range(5, 20))
    pauses: list[float] = []

    async def read(account: str) -> tuple[int, dict[str, int], int]:
        block = next(told_blocks)
        if isinstance(block, StandardError):
            raise block
        return 9, {USDC.address: next(held), FOO.address: 7}, block

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("hummingbot.connector.exchange.standard.balances.asyncio.sleep", sleep)
    venue = Venue()
    venue.balances = read  # type: ignore[method-assign]
    account: Any = SimpleNamespace(locked=dict, settlement=SimpleNamespace(resting={}, newest_block=lambda: 7),
                                   gas_money=SimpleNamespace(seen=lambda wei: None))
    assert (await balances(venue).read(account, True)).total["USDC"] == told
    assert len(pauses) == min(len(blocks) - 1, 5) and sum(pauses) < 4


async def test_the_first_answer_of_a_reading_is_needed() -> None:
    async def read(account: str) -> tuple[int, dict[str, int], int]:
        raise ApiUnavailableError("no answer")

    venue = Venue()
    venue.balances = read  # type: ignore[method-assign]
    with pytest.raises(ApiUnavailableError, match="no answer"):
        await balances(venue).read(None, True)
