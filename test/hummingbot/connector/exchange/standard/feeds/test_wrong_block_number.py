"""A node that names, once, a block number that is not the chain's: of another chain behind the same balancer, for one."""
import pytest

from test.hummingbot.connector.exchange.standard.feeds.test_polling import account  # noqa: F401


@pytest.mark.parametrize("far", [10 ** 6, 10 ** 12])
async def test_one_wrong_block_number_loses_no_own_fill(account, monkeypatch, far):  # noqa: F811
    await account.run()
    assert await account.next() == []
    answer = account.node._answer

    def elsewhere(method, params):
        return {"result": hex(far)} if method == "eth_blockNumber" else answer(method, params)

    with monkeypatch.context() as patch:
        patch.setattr(account.node, "_answer", elsewhere)
        await account.next()
    before = len(account.told)
    for _ in range(10):  # all is well again, and an own order is filled
        account.node.fill(account.order(), 10, 100, 1)
        for _ in range(5):
            if account.task.done():  # the data source runs it again
                account.task.exception()
                await account.run()
            await account.next()
    told = [log for event in account.told[before:] for log in event.logs]
    assert len(told) == 10, (account.feed.block_number, account.node.head)
