"""Logs from a node that is behind the one that told the head."""
import json

import pytest

from hummingbot.connector.exchange.standard.feeds.polling import LATE_INTERVAL
from hummingbot.connector.exchange.standard.standard_constants import REORGANISED_BLOCKS
from test.hummingbot.connector.exchange.standard.fake_node import STRANGER
from test.hummingbot.connector.exchange.standard.feeds.test_polling import Account, settle


@pytest.mark.parametrize("lag", [15, 25])
async def test_a_fill_is_told_though_the_logs_came_from_a_node_behind_the_one_that_told_the_head(lag, monkeypatch):
    account = Account(cursor=100)  # where the last run ended
    account.node.head = 176
    account.node.fill(account.order(), 10, 100, 1)  # in block 177
    account.node.head = 200
    request, behind = account.node.request, []

    async def balanced(method, url, *, body=None, timeout):
        """Several nodes behind one URL: the first request for logs is answered whole by one that is some blocks behind."""
        if b"eth_getLogs" not in body or behind:
            return await request(method, url, body=body, timeout=timeout)
        behind.append(json.loads(body))
        head, logs = account.node.head, account.node.logs
        account.node.head = head - lag
        account.node.logs = [log for log in logs if int(log["blockNumber"], 16) <= head - lag]
        try:
            return await request(method, url, body=body, timeout=timeout)
        finally:
            account.node.head, account.node.logs = head, logs

    monkeypatch.setattr(account.node, "request", balanced)
    await account.run()
    for _ in range(3):
        account.node.head += 10
        await account.next()
    assert behind and [log.block_number for event in account.told for log in event.logs] == [177]
    account.task.cancel()
    await settle()


async def test_a_fill_is_told_though_its_log_comes_twenty_seconds_late():
    account = await Account(late_blocks=300).run()
    account.node.fill(account.order(), 10, 100, 1)  # in block 101
    late, account.node.logs = account.node.logs, []
    for _ in range(20):
        account.node.head += 10
        assert await account.next() == []
    account.node.logs = late
    told = [log.block_number for _ in range(int(LATE_INTERVAL)) for log in await account.next()]
    assert told == [101] and await account.next(LATE_INTERVAL) == []
    account.task.cancel()
    await settle()


async def test_all_blocks_whose_logs_may_come_late_are_read_again_now_and_then_and_others_trades_are_told_as_long_as_new():
    noticed = []
    account = await Account(late_blocks=300, noticed=lambda logs, begin, end: noticed.append((len(logs), begin, end))).run()
    account.node.head = 1_000
    for _ in range(12):
        await account.next()
    last = account.node.head
    again = [last + 1 - int(query["fromBlock"], 16) for (query,) in
             (asked.arguments for asked in account.node.received("eth_getLogs")[-10:])]
    assert sorted(again) == [REORGANISED_BLOCKS] * 8 + [300] * 2
    account.node.fill(account.order(STRANGER), 10, 100, 1)
    account.node.head += REORGANISED_BLOCKS - 1
    await account.next()
    assert noticed[-1][0] == 1
    account.node.head += 1
    await account.next()
    noticed.clear()
    for _ in range(12):
        await account.next()
    assert {(count, end + 1 - begin) for count, begin, end in noticed} == {(0, REORGANISED_BLOCKS)}
    account.task.cancel()
    await settle()


async def test_no_more_is_read_again_than_the_node_gives_at_once(monkeypatch):
    account = Account(cursor=0, late_blocks=300)
    account.node.head = 2_000
    answer = account.node._answer

    def limited(method, params):
        if method == "eth_getLogs":
            last = account.node.head if params[0]["toBlock"] == "latest" else int(params[0]["toBlock"], 16)
            if last - int(params[0]["fromBlock"], 16) >= 200:
                return {"error": {"code": -32000, "message": "block range is too wide, maximum 200"}}
        return answer(method, params)

    monkeypatch.setattr(account.node, "_answer", limited)
    await account.run()
    requests = account.rpc.answers
    for _ in range(12):
        account.node.head += 10
        await account.next()
    assert account.rpc.answers == requests + 12
    account.task.cancel()
    await settle()
