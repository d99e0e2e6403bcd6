"""An indexer filled by hand-made logs of the engine."""
from typing import Any

from hummingbot.connector.exchange.standard.chain.engine import NEW_MARKET_PRICE, ORDER_CANCELED, ORDER_MATCHED, ORDER_PLACED
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.sandbox.indexer import EngineLog, IndexedBlock, Indexer, IndexerSettings
from hummingbot.connector.exchange.standard.sandbox.rows import PairInfo, TokenInfo
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

BOOK = "0x" + "b0" * 20
BASE = TokenInfo("0x" + "01" * 20, "SOMI", "Somi", 18)
QUOTE = TokenInfo("0x" + "02" * 20, "USDC", "USD Coin", 6)
ALICE, BOB = "0x" + "a1" * 20, "0x" + "b2" * 20
PRICE = 65_000_000
USDC, SOMI = 10 ** 6, 10 ** 18


def new_indexer(clock: ManualClock | None = None, **settings: Any) -> Indexer:
    indexer = Indexer(IndexerSettings(**settings), clock or ManualClock())
    market = Market(Token(BASE.address, "SOMI", 18), Token(QUOTE.address, "USDC", 6), BOOK)
    indexer.add_pair(PairInfo(market, BASE, QUOTE, PRICE, 1))
    return indexer


def placed(order_id: int, is_bid: bool, price: int, amount: int, rests: int | None = None, owner: str = ALICE,
           history: int = 7) -> EngineLog:
    return EngineLog("0x" + f"{order_id:064x}", *ORDER_PLACED.encode(BOOK, history, order_id, owner, is_bid, price, amount,
                                                                     amount if rests is None else rests))


def matched(order_id: int, taker_buys: bool, price: int, base: int, quote: int, clear: bool, trade_id: int = 1,
            taker: str = BOB, total: int = 0) -> EngineLog:
    return EngineLog("0x" + "ee" * 32, *ORDER_MATCHED.encode(
        BOOK, 9, order_id, taker_buys, price, total or (quote if taker_buys else base), clear,
        (taker, ALICE, base, quote, base // 1000, quote // 1000, trade_id)))


def canceled(order_id: int, is_bid: bool, amount: int) -> EngineLog:
    return EngineLog("0x" + "cc" * 32, *ORDER_CANCELED.encode(BOOK, order_id, is_bid, ALICE, amount))


def price_moved(price: int, is_bid: bool = True) -> EngineLog:
    return EngineLog("0x" + "ee" * 32, *NEW_MARKET_PRICE.encode(BOOK, price, is_bid))


def block(number: int, *logs: EngineLog, timestamp: int | None = None) -> IndexedBlock:
    return IndexedBlock(number, 1_750_000_000 + number if timestamp is None else timestamp, logs)
