"""Public trades that no source may lose or tell twice, whoever is at work."""
import asyncio

from hummingbot.connector.exchange.standard.feeds import told_trades
from hummingbot.connector.exchange.standard.feeds.base import PublicTrade, UpdateIds
from hummingbot.connector.exchange.standard.feeds.failover import Source
from hummingbot.connector.exchange.standard.feeds.protocols.channels import ChannelsDialect
from hummingbot.connector.exchange.standard.feeds.switching import SwitchingMarketFeed
from hummingbot.connector.exchange.standard.rest.models import trade_key
from test.hummingbot.connector.exchange.standard.clocks import settle
from test.hummingbot.connector.exchange.standard.feeds.commanded import Never, Stream
from test.hummingbot.connector.exchange.standard.feeds.scripted import SOMI, trades
from test.hummingbot.connector.exchange.standard.feeds.test_polling import AAA, BBB, Books, book_of, trade_row
from test.hummingbot.connector.exchange.standard.feeds.test_websocket_scripted import running


def row_key(number: int) -> str:
    row = trade_row(number)
    return trade_key(row["txHash"], row["orderId"], row["isBid"])


async def test_trades_of_a_quiet_market_are_not_told_again_when_a_busy_one_filled_the_memory(monkeypatch) -> None:
    """MAX_REMEMBERED_TRADES is 10,000 over all markets; 10 here to be short."""
    monkeypatch.setattr(told_trades, "MAX_REMEMBERED_TRADES", 10)
    books = Books()
    books.trades(AAA, trade_row(1))
    stream, events = Stream(), []
    ids = UpdateIds(books.clock)
    feed = SwitchingMarketFeed([Source("stream", lambda: stream)], books.feed, ids, books.told, books.clock, Never())
    task = asyncio.ensure_future(feed.run([AAA, BBB], events.append))
    await settle()
    await books.clock.advance(1.0)
    assert feed.state.source == "stream"
    stream.sink(PublicTrade(AAA, row_key(2), True, 12.0, 2.0, 102.0))  # the quiet market's only trade of the day
    for number in range(100, 120):
        stream.sink(PublicTrade(BBB, row_key(number), True, 12.0, 2.0, 102.0))
    books.trades(AAA, trade_row(2), trade_row(1))
    books.trades(BBB, *[trade_row(number) for number in range(119, 109, -1)])
    stream.end.set_exception(ConnectionError("gone"))
    await settle()
    for _ in range(3):
        await books.clock.advance(1.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told = [event.trade_id for event in events if isinstance(event, PublicTrade) and event.trading_pair == AAA]
    assert told == [row_key(2)]


async def test_polling_tells_another_trade_of_a_transaction_that_was_mined_anew() -> None:
    books = Books()
    books.trades(AAA, trade_row(1))
    await books.run(AAA)
    books.book(AAA, book_of(11))
    books.trades(AAA, trade_row(2), trade_row(1))
    assert [event.amount for event in await books.next() if isinstance(event, PublicTrade)] == [2.0]
    books.book(AAA, book_of(12))  # its block was replaced, and it trades more now
    books.trades(AAA, trade_row(2) | {"baseAmount": 108.4}, trade_row(1))
    told = [event.amount for event in await books.next() if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [108.4]


async def test_channels_tell_another_trade_of_a_transaction_that_was_mined_anew_at_the_same_height() -> None:
    dialect = ChannelsDialect(None, None, {SOMI.book: SOMI}.get)  # type: ignore[arg-type]

    def message(sequence: int, block_hash: str, amount: int, **more: bool):
        return dialect.decode({
            "type": "trade", "channel": "trades", "pair": SOMI.book, "previous": sequence - 1, "sequence": sequence,
            "block": 1201, "block_hash": block_hash, "log_index": 4, "transaction": "0x" + "11" * 32, "timestamp": 1_000,
            "trade_id": "9", "order_id": 31, "side": "buy", "price": "65100000", "base_amount": str(amount),
            "quote_amount": "651000", **more})

    async with running(has_snapshots=True) as scene:
        scene.line.tell(trades(is_whole=True, sequence=8))
        old, new = "0x" + "aa" * 32, "0x" + "bb" * 32
        for sequence, block_hash, amount, more in ((9, old, 10 ** 18, {}), (10, old, 10 ** 18, {"removed": True}),
                                                   (11, new, 5 * 10 ** 18, {})):
            scene.line.tell(*message(sequence, block_hash, amount, **more))
        await settle()
        assert [event.amount for event in scene.listener.trades] == [1.0, 5.0]


async def test_what_was_traded_before_the_first_look_stays_history_when_it_is_shown_later() -> None:
    books = Books()
    books.trades(AAA, trade_row(4), trade_row(3))
    await books.run(AAA)
    books.book(AAA, book_of(11))
    books.trades(AAA, trade_row(3), trade_row(2), trade_row(1))  # the second page: nothing of the first one could be read
    assert not [event for event in await books.next() if isinstance(event, PublicTrade)]
    books.book(AAA, book_of(12))
    books.trades(AAA, trade_row(5), trade_row(4), trade_row(3), trade_row(2), trade_row(1))
    told = [event.trade_id for event in await books.next() if isinstance(event, PublicTrade)]
    books.task.cancel()
    await asyncio.gather(books.task, return_exceptions=True)
    assert told == [row_key(5)]
