"""Logs from a node that is behind the one that told the head."""
import json

import pytest

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
