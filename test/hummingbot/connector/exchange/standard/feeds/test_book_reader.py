"""Reading a book from the contract's views: ghosts, long queues, deep books, and nodes that are behind or talk nonsense."""
import json

import pytest

from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, BadDataError
from hummingbot.connector.exchange.standard.feeds import book_reader
from hummingbot.connector.exchange.standard.feeds.book_reader import read_book
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.sandbox.deployment import Generation, account_key
from hummingbot.connector.exchange.standard.sandbox.node import Mining, Node, NodeSettings
from hummingbot.connector.exchange.standard.sandbox.rpc import JsonRpc
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet
from hummingbot.connector.exchange.standard.transport import HttpAnswer
from test.hummingbot.connector.exchange.standard.clocks import QuickClock
from test.hummingbot.connector.exchange.standard.feeds.test_book import market_of, state_of
from test.hummingbot.connector.exchange.standard.sandbox.exchange import BASE_UNIT, PRICE_UNIT, QUOTE_UNIT, Exchange

PRICE = 1000 * PRICE_UNIT
ALICE, BOB = (Wallet(account_key(index)).address for index in range(2))


class InProcess:
    """HTTP to a node in this process; `spoil` may change its answers."""

    def __init__(self, node):
        self.rpc = JsonRpc(node, SystemClock())
        self.requests = 0
        self.spoil = lambda answer: answer

    async def request(self, method, url, *, body=None, timeout):
        self.requests += 1
        answers = json.loads(self.rpc.answer_bytes(body))
        spoilt = [self.spoil(answer) for answer in answers] if isinstance(answers, list) else self.spoil(answers)
        return HttpAnswer(200, {}, json.dumps(spoilt).encode())


class World:
    """A small exchange behind a node."""

    def __init__(self, generation=Generation.AUGUST_2025):
        self.exchange = Exchange(generation=generation)
        self.node = Node(self.exchange.world, SystemClock(), NodeSettings(mining=Mining.MANUAL))
        self.http = InProcess(self.node)
        self.book = self.exchange.world.contract(self.exchange.book())
        self.market = market_of(self.book)

    async def read(self, block=0, market=None):
        rpc = RpcClient(self.http, ["http://node"], SystemClock())
        return await read_book(rpc, market or self.market, block, QuickClock())


@pytest.mark.parametrize("generation", list(Generation))
async def test_a_book_is_read_order_by_order_with_ghosts_left_out(generation):
    world = World(generation)
    exchange = world.exchange
    for number in range(4):
        exchange.sell(ALICE, PRICE + number * 100, BASE_UNIT * (1 + number))
        exchange.sell(BOB, PRICE + number * 100, 2 * BASE_UNIT)
        exchange.buy(BOB, PRICE - 100 - number * 100, 5 * QUOTE_UNIT + number)
    for number in (3, 4):
        exchange.call((ALICE, BOB)[number % 2 == 0], "cancelOrder", exchange.base, exchange.quote, False, number)
    assert await world.read() == state_of(world.book)
    assert len(world.book.asks.prices(9)) == (4 if generation is Generation.AUGUST_2025 else 3)


async def test_an_empty_book_is_read():
    world = World()
    assert await world.read() == state_of(world.book)


async def test_deep_books_and_long_queues_are_read_to_their_ends(monkeypatch):
    monkeypatch.setattr(book_reader, "FIRST_LEVELS", 4)
    monkeypatch.setattr(book_reader, "FIRST_ORDERS", 2)
    world = World()
    for number in range(40):
        world.exchange.sell(ALICE, PRICE + number % 20 // 2 * 100, BASE_UNIT + number)
    assert await world.read() == state_of(world.book)


@pytest.mark.parametrize(("limit", "value"), [("MAX_LEVELS", 4), ("MAX_ORDERS", 2)])
async def test_a_book_beyond_all_measure_is_not_read(monkeypatch, limit, value):
    monkeypatch.setattr(book_reader, "FIRST_LEVELS", 2)
    monkeypatch.setattr(book_reader, "FIRST_ORDERS", 2)
    monkeypatch.setattr(book_reader, limit, value)
    world = World()
    for number in range(12):
        world.exchange.sell(ALICE, PRICE + number // 2 * 100, BASE_UNIT + number)
        world.exchange.sell(BOB, PRICE + number // 2 * 100, BASE_UNIT)
    with pytest.raises(ApiUnavailableError, match="has more than"):
        await world.read()


async def test_a_block_that_the_node_does_not_know_yet_is_asked_for_again():
    world = World()
    asked = []

    def spoil(answer):
        asked.append(answer)
        if len(asked) == 3:
            world.node.mine(5)
        return answer

    world.http.spoil = spoil
    state = await world.read(block=5)
    assert state.block_number == 5 and any("error" in answer for answer in asked)


async def test_a_block_that_the_node_never_knows_is_an_error():
    with pytest.raises(ApiUnavailableError, match="header not found"):
        await World().read(block=5)


async def test_a_node_that_fails_at_the_last_question_has_told_no_book():
    world = World()
    failure = {"code": -32000, "message": "the state is pruned"}
    world.http.spoil = lambda answer: answer if world.http.requests < 2 else {
        "jsonrpc": "2.0", "id": answer["id"], "error": failure}
    with pytest.raises(ApiUnavailableError, match=r"matching mode of the book .* cannot be read: .*pruned"):
        await world.read()


async def test_what_is_no_book_cannot_be_read():
    world = World()
    nothing = Market(Token("0x" + "01" * 20, "A", 18), Token("0x" + "02" * 20, "B", 6), "0x" + "03" * 20)
    with pytest.raises((ApiUnavailableError, BadDataError)):
        await world.read(market=nothing)


@pytest.mark.parametrize("nonsense", ["0x", "0x01", "0x" + "ff" * 64])
async def test_nonsense_is_told_as_such(nonsense):
    world = World()
    world.exchange.sell(ALICE, PRICE, BASE_UNIT)
    world.http.spoil = lambda answer: {**answer, "result": nonsense}
    with pytest.raises(BadDataError):
        await world.read()


async def test_ids_and_orders_that_do_not_belong_together_are_bad_data():
    world = World()
    world.exchange.sell(ALICE, PRICE, BASE_UNIT)

    def spoil(answer):
        # The owners and deposits of a level, gone.
        return {**answer, "result": "0x" + answer["result"][2:130] + "0" * (len(answer["result"]) - 130)} \
            if len(answer["result"]) == 2 + 64 * (2 + 3 * book_reader.FIRST_ORDERS) else answer

    world.http.spoil = spoil
    with pytest.raises(BadDataError, match="do not belong together"):
        await world.read()


async def test_three_requests_are_enough_for_an_ordinary_book():
    world = World()
    for number in range(20):
        world.exchange.sell(ALICE, PRICE + number * 100, BASE_UNIT)
    await world.read()
    assert world.http.requests == 3
