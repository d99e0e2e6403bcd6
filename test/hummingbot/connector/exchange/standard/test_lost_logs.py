"""Logs that no look of the feed sees: what the engine holds of an order betrays them."""
from collections.abc import Awaitable, Callable

import pytest

from hummingbot.connector.exchange.standard import lost_logs
from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError
from hummingbot.connector.exchange.standard.lost_logs import LostLogs
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import Filled, OrderKey, Resting, Settled, Settlement
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

ACCOUNT, STRANGER, BOOK = "0x" + "a1" * 20, "0x" + "51" * 20, "0x" + "b0" * 20
ASK, OTHER = OrderKey(BOOK, False, 1), OrderKey(BOOK, False, 2)
MARKET = Market(Token("0x" + "bb" * 20, "WBTC", 8), Token("0x" + "cc" * 20, "USDC", 6), BOOK)


def match(trade_id: int, block: int, key: OrderKey = ASK) -> EngineLog:
    """A fill of ten units of an ask."""
    event = OrderMatched(BOOK, 1, key.id, True, 10 ** 8, 10, False, STRANGER, ACCOUNT, 10, 10, 0, 0, trade_id)
    return EngineLog(event, f"0x{trade_id}", block, 0)


class Scene:
    """An account with an ask of 100 units that was placed in block 500, and what its node gives, in one."""

    late_blocks = 30

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.settlement = Settlement(ACCOUNT, {BOOK: MARKET})
        self.settlement.restore([Resting(ASK, "a", 10 ** 8, 100, (500, 3))])
        self.answers: list[tuple[list[EngineLog], int] | Exception] = []
        self.asked: list[int] = []
        self.told: list[Settled] = []
        self.is_behind = False
        self.meanwhile: list[Callable[[], Awaitable[None]]] = []
        self.lost = LostLogs(lambda: self, self, self.caught_up, self.clock)  # type: ignore[arg-type, return-value]

    async def caught_up(self, block_number: int) -> bool:
        for step in self.meanwhile:
            await step()
        return not self.is_behind

    async def tell(self, settled: list[Settled]) -> None:
        self.told += settled

    async def logs_since(self, block_number: int) -> tuple[list[EngineLog], int]:
        self.asked.append(block_number)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def compare(self, held: int, head: int, key: OrderKey = ASK) -> None:
        """A look, as long after the last as a difference must last."""
        await self.lost.compare({key: held}, head)
        await self.clock.advance(lost_logs.LASTING_SECONDS)


async def test_the_logs_are_read_again_from_when_both_were_the_same_and_each_counts_once() -> None:
    scene = Scene()
    await scene.compare(100, 900)
    await scene.compare(80, 1_000)
    assert scene.asked == [], "it may be on its way"
    scene.settlement.apply(match(2, 1_050))
    await scene.compare(80, 1_100)  # something came
    scene.answers = [([match(1, 950), match(2, 1_050), match(3, 990, OTHER)], 1_200)]
    await scene.compare(80, 1_200)
    assert scene.asked == [900 - 30] and [event.trade_id for event in scene.told if isinstance(event, Filled)] == [f"{BOOK}:1"]
    assert scene.settlement.resting[ASK].deposit == 80
    await scene.compare(80, 1_300)
    assert len(scene.asked) == 1


async def test_an_order_that_was_never_compared_is_read_from_its_placement_on_or_from_now_on() -> None:
    scene = Scene()
    scene.settlement.restore([Resting(OTHER, "b", 10 ** 8, 100)])  # where that was placed nobody knows
    scene.answers = [([], 1_000), ([], 1_010)]
    for key in (ASK, OTHER):
        for _ in range(2):
            await scene.compare(90, 1_000, key)
    assert scene.asked == [470, 970] and scene.told == []


async def test_a_difference_that_no_log_explains_is_looked_at_again_after_a_while_without_reading_all_again() -> None:
    scene = Scene()
    scene.answers = [([], 1_010), ([match(1, 1_012)], 1_110)]
    for head in (1_000, 1_010, 1_100):
        await scene.compare(90, head)
    assert scene.asked == [470]
    await scene.compare(90, 1_110)
    assert scene.asked == [470, 980] and len(scene.told) == 1 and not scene.answers


async def test_a_node_that_is_behind_and_holds_more_says_nothing() -> None:
    scene = Scene()
    await scene.compare(90, 1_000)
    await scene.compare(110, 1_010)
    await scene.compare(90, 1_020)
    assert scene.asked == []


async def test_logs_that_are_not_processed_yet_are_waited_for() -> None:
    scene = Scene()
    scene.is_behind = True
    for head in (1_000, 1_010):
        await scene.compare(90, head)
    assert scene.asked == []


async def test_the_newest_blocks_are_left_to_who_can_undo_what_they_did() -> None:
    scene = Scene()
    scene.answers = [([match(1, 1_010 - REORGANISED_BLOCKS), match(2, 1_011 - REORGANISED_BLOCKS)], 1_010)]
    for head in (1_000, 1_010):
        await scene.compare(80, head)
    assert scene.settlement.resting[ASK].deposit == 90


@pytest.mark.parametrize("fault", [ApiUnavailableError("away"), RpcError("eth_getLogs", -32000, "not now")])
async def test_logs_that_cannot_be_read_are_read_with_the_next_look(fault: Exception) -> None:
    scene = Scene()
    scene.answers = [fault, ([match(1, 950)], 1_020)]
    for head in (1_000, 1_010, 1_020):
        await scene.compare(90, head)
    assert scene.asked == [470, 470] and len(scene.told) == 1


async def test_what_rests_no_longer_is_not_remembered() -> None:
    scene = Scene()
    await scene.compare(90, 1_000)
    scene.settlement.forget(ASK)
    await scene.compare(0, 1_010)
    assert scene.asked == [] and not scene.lost._sure and not scene.lost._doubts


@pytest.mark.parametrize("is_looked_at", [True, False])
async def test_an_order_that_ends_while_the_logs_are_waited_for_is_not_looked_for(is_looked_at: bool) -> None:
    scene = Scene()
    await scene.compare(90, 1_000)

    async def ends() -> None:
        scene.settlement.forget(ASK)
        if is_looked_at:
            await scene.lost.compare({}, 1_010)

    scene.meanwhile = [ends]
    await scene.compare(90, 1_010)
    assert scene.asked == [] and scene.told == []


async def test_before_there_is_an_account_nothing_is_compared() -> None:
    scene = Scene()
    await LostLogs(lambda: None, scene, scene.caught_up, scene.clock).compare({ASK: 1}, 5)  # type: ignore[arg-type]
    assert scene.asked == []
