"""Own logs at nodes that do not give all blocks at once: for good, or while they are in trouble."""
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError
from hummingbot.connector.exchange.standard.feeds.polling import LATE_INTERVAL, MAX_BLOCK_RANGE, NARROW_SECONDS
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.clocks import until
from test.hummingbot.connector.exchange.standard.feeds.test_polling import Account

LATE_BLOCKS = 300
TIMEOUT = "query timeout exceeded"
Refusal = str | ApiUnavailableError


class Node:
    """The account's node, which gives the logs of `most` blocks at once. Of more it says `refusal`, and each time it takes
    `seconds`; `refused` and `given` count the requests."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.most, self.refusal, self.seconds = 1_000_000, TIMEOUT, 0.0  # type: tuple[int, Refusal, float]
        self.refused = self.given = 0
        self._answer, self._request = account.node._answer, account.node.request
        account.node._answer, account.node.request = self.answer, self.request

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        if method != "eth_getLogs":
            return self._answer(method, params)
        last = params[0]["toBlock"]
        last = self.account.node.head if last == "latest" else int(last, 16)
        if last - int(params[0]["fromBlock"], 16) >= self.most:
            self.refused += 1
            if isinstance(self.refusal, ApiUnavailableError):
                raise self.refusal
            return {"error": {"code": -32000, "message": self.refusal}}
        self.given += 1
        return self._answer(method, params)

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float) -> HttpAnswer:
        if self.seconds and b"eth_getLogs" in (body or b""):
            await self.account.clock.sleep(self.seconds)
        return await self._request(method, url, body=body, timeout=timeout)

    @property
    def oldest_asked(self) -> int:
        """From which block on logs were given last."""
        return int(self.account.node.received("eth_getLogs")[-1].arguments[0]["fromBlock"], 16)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    noticed: list[tuple[int, int]] = []
    account = Account(cursor=100, late_blocks=LATE_BLOCKS, noticed=lambda logs, begin, end: noticed.append((begin, end)))
    yield Node(account)
    assert all(begin <= end for begin, end in noticed), "what was read once more in parts is no news, nor a chain begun anew"
    account.task.cancel()
    await asyncio.gather(account.task, return_exceptions=True)


@pytest.mark.parametrize("refusal", [TIMEOUT, ApiUnavailableError("no answer in time")], ids=["refused", "no answer"])
async def test_after_a_spell_of_trouble_logs_are_read_as_before(node: Node, refusal: Refusal) -> None:
    account, node.most, node.refusal = node.account, 1, refusal
    account.node.head += 40
    await account.run()
    await until(lambda: account.told and account.told[-1].block_number == account.node.head)
    assert node.given == 40 and not account.task.done()
    node.most = MAX_BLOCK_RANGE
    for _ in range(15):
        await account.next(NARROW_SECONDS / 5)
    node.given = 0
    account.node.head += 3 * MAX_BLOCK_RANGE
    await account.next(1.0)
    if account.task.done():  # it broke, and is begun anew
        await account.run()
    assert account.told[-1].block_number == account.node.head and node.given == 4
    await account.next(LATE_INTERVAL)
    assert node.oldest_asked == account.node.head - LATE_BLOCKS + 1, "and late logs are looked for as far back"


async def test_a_node_in_trouble_is_not_read_block_by_block_to_the_end_of_an_absence(node: Node) -> None:
    """That end would never come where the chain is as fast."""
    account, node.most, node.seconds = node.account, 1, 1.0
    account.node.head += 100 * MAX_BLOCK_RANGE
    await account.run()
    for _ in range(20):
        await account.clock.advance(1.0)
    assert account.told[-1].block_number < 120
    node.most = MAX_BLOCK_RANGE
    for _ in range(round(NARROW_SECONDS) + 120):
        await account.clock.advance(1.0)
    assert account.told[-1].block_number == account.node.head


async def test_a_node_with_a_limit_is_asked_for_more_only_now_and_then(node: Node) -> None:
    account, node.most, node.refusal = node.account, 300, "block range is too wide, maximum 300"
    await account.run()
    for second in range(1_200):
        account.node.head += 10
        await account.next(1.0)
        assert account.told[-1].block_number == account.node.head, second
    assert node.refused <= 2 * 1_200 / NARROW_SECONDS + 2


async def test_nor_during_a_long_absence(node: Node) -> None:
    account, node.most, node.refusal, node.seconds = node.account, 300, "block range is too wide, maximum 300", 1.0
    account.node.head += 50_000
    await account.run()
    for _ in range(220):
        await account.clock.advance(1.0)
    assert account.told[-1].block_number == account.node.head and node.refused <= 4


@pytest.mark.parametrize("error", [ApiUnavailableError("no answer in time"), BadDataError("the answer is too big")])
async def test_what_is_new_after_an_outage_is_read_in_parts_where_it_is_too_much_at_once(
        node: Node, error: ApiUnavailableError) -> None:
    account, node.refusal = node.account, error
    await account.run()
    await account.next(1.0)
    account.node.head += 3 * MAX_BLOCK_RANGE
    account.node.fill(account.order(), 10, 100, 1)
    node.most = MAX_BLOCK_RANGE
    await account.next(1.0)
    assert account.task.exception() is error
    await account.run()
    assert [log.block_number for log in account.told[-1].logs] == [account.node.head] and not account.task.done()
