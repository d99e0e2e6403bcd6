"""Single checks of `doctor`, each with an exchange in which one thing is not as it should be."""
import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hummingbot.connector.exchange.standard.chain.allowances import UNLIMITED
from hummingbot.connector.exchange.standard.chain.engine import OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.rpc_values import Block
from hummingbot.connector.exchange.standard.cli.checks import endpoints, examination, indexer, machine
from hummingbot.connector.exchange.standard.cli.checks import exchange as exchange_checks
from hummingbot.connector.exchange.standard.cli.checks import wallet as wallet_checks
from hummingbot.connector.exchange.standard.cli.checks.bot import _span, bots, forgotten
from hummingbot.connector.exchange.standard.cli.checks.exchange import BestOffers, Gas
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, Verdict, passed
from hummingbot.connector.exchange.standard.cli.exchange import Exchange, opened
from hummingbot.connector.exchange.standard.cli.journals import BotJournal, FeedNote, Placement
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, ConfigurationError, RpcError
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.rest.models import TradeRow
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.venue import MarketFacts
from hummingbot.core.web_assistant.ws_assistant import WSAssistant

from .exchange_at_work import answering, sell

AWAY = ApiUnavailableError("it is away")
NOBODY = "0x" + "5b" * 20


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Exchange]:
    async with opened("standard_sandbox", None) as exchange:
        yield exchange


# Nodes and APIs

async def test_a_node_far_behind_the_others_is_to_be_taken_out(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    heads = {"http://a.test": 1_000, "http://b.test": 990, "http://c.test": 100}

    async def node(exchange: Exchange, url: str) -> tuple[Finding, Block]:
        return passed(f"node {url[7:]}", "5 ms"), Block(heads[url], "0x", "0x", 1, None)

    monkeypatch.setattr(endpoints, "_node", node)
    three = exchange._replace(network=exchange.network._replace(rpc_urls=tuple(heads)))
    findings, usable = await endpoints.nodes(three)
    assert usable and [finding.verdict for finding in findings] == [Verdict.PASS, Verdict.PASS, Verdict.WARN]
    assert "900 blocks behind the others" in findings[2].detail and "take c.test out" in findings[2].advice


async def test_a_node_without_a_block_fails(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RpcClient, "get_block", answering(None))
    (finding,), usable = await endpoints.nodes(exchange)
    assert not usable and finding.detail == "it has no newest block"
    (finding,) = await endpoints.heartbeat(exchange)
    assert finding.check == "block age" and finding.verdict is Verdict.FAIL


async def test_a_slow_endpoint_is_a_warning(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "SLOW_SECONDS", 0.0)
    (finding,), usable = await endpoints.apis(exchange)
    assert usable and finding.verdict is Verdict.WARN and "It is slow" in finding.advice


async def test_a_stream_that_breaks_just_after_its_handshake_is_told_in_words(
        exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise AssertionError  # as aiohttp does

    monkeypatch.setattr(WSAssistant, "connect", breaks)
    findings = await endpoints.streams(exchange._replace(network=exchange.network._replace(
        ws_urls=(("channels", "ws://127.0.0.1:1/"),), rpc_ws_urls=())))
    assert [finding.detail for finding in findings] == ["the connection broke just after the handshake"]


async def test_what_is_no_stream_is_told_by_its_answer(exchange: Exchange, sandbox: Sandbox,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(endpoints, "TIMEOUT", 0.3)
    urls = (("channels", f"{sandbox.url.replace('http', 'ws')}/api/exchange"), ("channels", f"ws://127.0.0.1:{port}/"))
    findings = await endpoints.streams(exchange._replace(network=exchange.network._replace(ws_urls=urls, rpc_ws_urls=())))
    assert [finding.detail for finding in findings] == ["HTTP 400 instead of a WebSocket", "no answer within 0.3 s"] or [
        finding.detail for finding in findings] == ["HTTP 200 instead of a WebSocket", "no answer within 0.3 s"]
    assert all(finding.verdict is Verdict.WARN for finding in findings)
    server.close()


# The examination as a whole

async def examined(exchange: Exchange, address: str = "") -> dict[str, Finding]:
    return {finding.check: finding for finding in await examination._exchange(exchange, address, Path("nowhere"))}


async def test_a_check_that_cannot_be_made_is_a_warning_and_the_others_go_on(exchange: Exchange, sandbox: Sandbox,
                                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "markets", answering(AWAY))
    monkeypatch.setattr(examination, "gas", answering(AWAY))
    found = await examined(exchange, sandbox.accounts[0].address)
    assert found["markets"].detail == "could not be looked at: it is away" and found["engine"].verdict is Verdict.PASS
    assert found["gas price"].verdict is Verdict.FAIL and "wallet" not in found


async def test_an_api_that_was_no_good_is_not_asked_how_late_it_is(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "apis", answering(([], False)))
    found = await examined(exchange)
    assert "indexer lag" not in found and "market SOMI-USDC" in found


async def test_an_engine_that_cannot_be_asked_fails(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "engine", answering(AWAY))
    found = await examined(exchange)
    assert found["engine"].verdict is Verdict.FAIL and "markets" not in found


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "conf" / "connectors").mkdir(parents=True)
    (tmp_path / "conf" / "connectors" / "standard_sandbox.yml").write_text("a: [")
    arguments = SimpleNamespace(bot_home=tmp_path, network="standard_sandbox", address=None)
    (finding,) = examination.examine(arguments, {})  # type: ignore[arg-type]
    assert finding.check == "settings" and "cannot be read" in finding.detail and "conf/" in finding.advice


# The engine and its markets

async def test_without_an_api_no_market_is_known(exchange: Exchange, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    named = exchange.network._replace(engine=sandbox.engine_address)
    monkeypatch.setattr(exchange.venue, "network", named, raising=False)
    monkeypatch.setattr(exchange.venue.rest, "factory_address", answering(AWAY))
    findings, listing = await exchange_checks.engine(exchange._replace(network=named))
    assert listing is None and findings[-1].check == "markets" and findings[-1].verdict is Verdict.FAIL


async def test_an_api_about_another_engine_fails(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = await exchange.venue.listing()
    monkeypatch.setattr(exchange.venue.rpc, "eth_call", answering(word(int(NOBODY, 16))))
    monkeypatch.setattr(exchange_checks, "engine_address", answering(listing.engine))
    findings, _ = await exchange_checks.engine(exchange)
    assert {finding.check: finding.verdict for finding in findings}["api's engine"] is Verdict.FAIL


async def test_an_api_with_the_books_of_another_engine_fails(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange.venue, "listing", answering(ConfigurationError("it names other books")))
    findings, listing = await exchange_checks.engine(exchange)
    assert listing is None and findings[-1].detail == "it names other books" and "belong together" in findings[-1].advice


async def test_an_engine_without_a_market_fails(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = await exchange.venue.listing()
    monkeypatch.setattr(exchange.venue, "listing", answering(Listing(listing.engine, listing.native_token)))
    findings, _ = await exchange_checks.engine(exchange)
    assert findings[-1].detail == "the engine lists none that the chain confirms"


async def test_of_tokens_that_are_known_by_their_addresses_nothing_is_to_be_compared(exchange: Exchange) -> None:
    listing = await exchange.venue.listing()
    known = tuple((token.symbol, token.address) for token in listing.tokens.values())
    findings, _ = await exchange_checks.engine(exchange._replace(network=exchange.network._replace(well_known_tokens=known)))
    tokens = next(finding for finding in findings if finding.check == "tokens")
    assert "the API" not in tokens.detail and tokens.advice == ""


@pytest.mark.parametrize(("answers", "words"), [
    ([word(1), word(1), word(10 ** 8), word(0), word(500)], "later generation than this connector knows"),
    ([word(1), word(1), word(10 ** 6), b"", b""], "does not answer as a Standard matching engine"),
    ([b"", b"", b"", b"", b""], "does not answer as a Standard matching engine"),
    ([AWAY] * 5, "does not answer as a Standard matching engine")])
async def test_what_is_no_known_engine_fails(exchange: Exchange, monkeypatch: pytest.MonkeyPatch, answers: list[Any],
                                             words: str) -> None:
    monkeypatch.setattr(exchange.venue.rpc, "call_many", answering(answers))
    finding = await exchange_checks._generation(exchange, NOBODY, 100)
    assert finding.verdict is Verdict.FAIL and words in finding.detail


MARKET = Market(Token("0x" + "aa" * 20, "SOMI", 18), Token("0x" + "cc" * 20, "USDC", 6), "0x" + "b1" * 20)
FACTS = MarketFacts(65_000_000, 100_000, 100_000, 3_000_000, 3_000_000, 1_000_000, 1_000_000, 1)


@pytest.mark.parametrize(("facts", "words"), [
    (None, "its contracts do not answer"), (FACTS._replace(market_price=0), "it has no market price yet"),
    (FACTS._replace(listing_date=2 ** 40), "not open yet")])
async def test_a_market_that_cannot_be_traded_yet_is_a_warning(exchange: Exchange, facts: MarketFacts | None, words: str) -> None:
    finding = exchange_checks._market(exchange, MARKET, facts, BestOffers(None, None))
    assert finding.verdict is Verdict.WARN and words in finding.detail and finding.advice


@pytest.mark.parametrize(("best", "words"), [
    ((Decimal("0.63"), Decimal("0.66")), "beyond that: best bid 0.63"),
    ((Decimal("0.64"), Decimal("0.67")), "beyond that: best ask 0.67"),
    ((Decimal("0.63"), Decimal("0.67")), "beyond that: best bid 0.63, best ask 0.67")])
async def test_a_book_wider_than_the_band_is_a_warning(exchange: Exchange, best: tuple[Decimal, Decimal], words: str) -> None:
    finding = exchange_checks._market(exchange, MARKET, FACTS, BestOffers(*best))
    assert finding.verdict is Verdict.WARN and words in finding.detail and "stop-loss" in finding.advice


async def test_a_book_within_the_band_is_none(exchange: Exchange) -> None:
    finding = exchange_checks._market(exchange, MARKET, FACTS, BestOffers(Decimal("0.6305"), Decimal("0.6695")))
    assert finding.verdict is Verdict.PASS


async def test_the_best_offers_are_those_of_the_api(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"mktPrice": 1, "bids": [{"price": 0.9, "amount": 9, "count": 1}], "asks": []}'
    for answer, expected in ((body, BestOffers(Decimal("0.9"), None)), (AWAY, BestOffers(None, None))):
        monkeypatch.setattr(exchange.venue.rest, "order_book", answering(answer))
        assert await exchange_checks._best_offers(exchange, MARKET) == expected


# The indexer

class Chain:
    """A node that gives logs of some blocks at once only."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, list[int]()

    async def logs(self, engine: str, topics: Any, first: int, last: int) -> list[Any]:
        self.asked.append(last - first)
        if last - first > self.most:
            raise RpcError("eth_getLogs", -32000, "block range too large")
        return []


async def test_a_node_that_gives_few_blocks_at_once_is_asked_for_fewer() -> None:
    chain = Chain(300)
    exchange: Any = SimpleNamespace(venue=SimpleNamespace(rpc=chain))
    assert await indexer._recent_matches(exchange, Listing("0x", "0x"), 10_000) == ([], 250)
    assert chain.asked == [1000, 500, 250]


async def test_a_node_that_gives_hardly_any_block_or_fails_otherwise_is_an_error() -> None:
    chain = Chain(1)
    exchange: Any = SimpleNamespace(venue=SimpleNamespace(rpc=chain))
    with pytest.raises(RpcError, match="too large"):
        await indexer._recent_matches(exchange, Listing("0x", "0x"), 10_000)
    exchange.venue.rpc = SimpleNamespace(logs=answering(RpcError("eth_getLogs", -32000, "internal error")))
    with pytest.raises(RpcError, match="internal error"):
        await indexer._recent_matches(exchange, Listing("0x", "0x"), 10_000)


@pytest.mark.parametrize(("newest_told", "verdict", "detail"), [
    (3, Verdict.PASS, "the API has the newest trade of WBTC-USDC, of block 103"),
    (2, Verdict.PASS, "5 s: of WBTC-USDC it misses the trades since block 103"),
    (1, Verdict.WARN, "15 s: of WBTC-USDC it misses the trades since block 102"),
    (None, Verdict.WARN, "at least 25 s: of WBTC-USDC it misses the trades since block 101")])
async def test_the_lag_is_the_age_of_the_oldest_trade_that_the_api_does_not_tell(
        newest_told: int | None, verdict: Verdict, detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market = Market(Token("0x" + "bb" * 20, "WBTC", 8), Token("0x" + "cc" * 20, "USDC", 6), "0x" + "b2" * 20)
    listing = Listing("0x" + "e0" * 20, "0x" + "aa" * 20)
    listing.add([market])
    matches = [EngineLog(OrderMatched(market.book, number, 1, True, 1, 1, False, NOBODY, NOBODY, 1, 1, 0, 0, number),
                         f"0x{number}", 100 + number, 0) for number in (1, 2, 3)]
    monkeypatch.setattr(indexer, "_recent_matches", answering((matches, 1000)))

    timestamps = {101: 1_000, 102: 1_010, 103: 1_020, 105: 1_025}

    async def get_block(number: int = 105) -> Block:
        return Block(number, "0x", "0x", timestamps[number], None)

    told = [TradeRow(f"0x{newest_told}:0", True, 1.0, 1.0, 1.0)] if newest_told is not None else []
    exchange: Any = SimpleNamespace(venue=SimpleNamespace(
        rpc=SimpleNamespace(block_number=answering(105), get_block=get_block), rest=SimpleNamespace(trades=answering(told))))
    finding = await indexer.indexer_lag(exchange, listing)
    assert (finding.verdict, finding.detail) == (verdict, detail)


# This machine

def test_another_python_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "sys", SimpleNamespace(version_info=(3, 13, 0), executable="/usr/bin/python3"))
    assert machine._python()[1] == "warn"


def test_a_library_that_gives_wrong_addresses_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_ADDRESS", NOBODY)
    _, verdict, detail, advice = machine.signing()
    assert verdict == "fail" and NOBODY in detail and "Reinstall coincurve" in advice


# The wallet

@pytest.mark.parametrize(("nonces", "code", "bot_runs", "verdict", "words"), [
    ((3, 3), b"", False, Verdict.PASS, "3 transactions so far"), ((3, 5), b"", False, Verdict.WARN, "2 wait to be mined"),
    ((3, 5), b"", True, Verdict.PASS, "3 transactions so far"), ((3, 3), b"\x60", False, Verdict.WARN, "code of its own")])
async def test_a_wallet_that_waits_or_is_a_contract_is_a_warning(
        exchange: Exchange, monkeypatch: pytest.MonkeyPatch, nonces: tuple[int, int], code: bytes, bot_runs: bool,
        verdict: Verdict, words: str) -> None:
    async def nonce(address: str, tag: str = "latest") -> int:
        return nonces[tag == "pending"]

    monkeypatch.setattr(exchange.venue.rpc, "nonce", nonce)
    monkeypatch.setattr(exchange.venue.rpc, "code", answering(code))
    finding = await wallet_checks._account(exchange, NOBODY, bot_runs)
    assert finding.verdict is verdict and words in finding.detail


@pytest.mark.parametrize(("answer", "approval", "words"), [
    (AWAY, "exact", "the allowance cannot be read"), (word(UNLIMITED), "exact", "allowance unlimited"),
    (word(7_000_000), "manual", "allowance 7"),
    (word(1_000_000), "unlimited", "the allowance is 1, the first order that needs it asks for a limitless one"),
    (word(0), "exact", "is not given yet, the first order that needs it asks for what it needs"),
    (word(0), "manual", "is not given yet, and is to be given by hand")])
def test_an_allowance_is_told_by_what_it_allows(answer: Any, approval: str, words: str) -> None:
    assert words in wallet_checks._token(MARKET.quote, 5_000_000, answer, approval).detail


def test_a_wallet_with_no_more_than_the_reserve_sells_none_of_it(exchange: Exchange) -> None:
    finding = wallet_checks._gas_money(exchange, 10 ** 15, Gas(10 ** 9, 10 ** 12))
    assert finding.verdict is Verdict.WARN and "there is no more than it" in finding.detail


def test_where_gas_costs_nothing_any_money_pays_for_it(exchange: Exchange) -> None:
    finding = wallet_checks._gas_money(exchange, 10 ** 20, Gas(0, 0))
    assert finding.verdict is Verdict.PASS and finding.detail.endswith("; gas costs nothing")


async def test_wrapped_tokens_are_told(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = await exchange.venue.listing()
    assert await wallet_checks._wrapped(exchange, listing, NOBODY) == []
    monkeypatch.setattr(exchange.venue.rpc, "eth_call", answering(word(3 * 10 ** 18)))
    (finding,) = await wallet_checks._wrapped(exchange, listing, NOBODY)
    assert finding.check == "wrapped SOMI" and finding.detail.startswith("3 are wrapped")


async def test_orders_of_nobody_are_no_reason_to_worry_while_a_bot_runs(exchange: Exchange, sandbox: Sandbox) -> None:
    await sell(sandbox, ["0.7"])
    address = sandbox.accounts[0].address
    running = BotJournal(Path("bot.sqlite"), True, frozenset(), ())
    (finding,) = await wallet_checks._orders(exchange, address, [running], Path())
    assert finding.verdict is Verdict.PASS and "1 are a bot's newest, or nobody's: SOMI-USDC:ask:1" in finding.detail


async def test_a_list_of_orders_that_may_not_be_complete_says_so(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    await exchange.venue.listing()
    monkeypatch.setattr(exchange.venue.rest, "open_orders", answering(AWAY))
    running = BotJournal(Path("bot.sqlite"), True, frozenset(), ())
    none, note = await wallet_checks._orders(exchange, NOBODY, [running], Path())
    assert none.detail == "none found" and note.verdict is Verdict.WARN and "only orders of known bots" in note.detail
    monkeypatch.setattr(wallet_checks, "open_orders", answering(ConfigurationError("another engine")))
    (finding,) = await wallet_checks._orders(exchange, NOBODY, [], Path())
    assert finding.detail == "another engine"


def test_a_bot_that_never_changed_its_source_says_no_more_than_it() -> None:
    note = FeedNote("order books", 1_000.0, "chain", 400.0, 998.0, 0, "")
    (bot, feed) = bots([BotJournal(Path("bot.sqlite"), True, frozenset(), (note,))], 1_001.0)
    assert bot.check == "bot" and feed.detail == "from chain for 10 min, last news 3 s ago"


async def test_a_journal_that_is_older_than_the_nodes_history_is_told(exchange: Exchange, sandbox: Sandbox) -> None:
    sandbox.node.mine(sandbox.node.settings.history_blocks + 10)
    key, head = OrderKey(sandbox.markets[0].book, True, 1), sandbox.node.head.number
    known = [BotJournal(Path(name), in_use, frozenset(orders), (), block) for name, in_use, orders, block in (
        ("running", True, [key], 0), ("without orders", False, [], 0), ("silent", False, [key], None), ("old", False, [key], 0),
        ("new", False, [key], head - 1_000))]
    known.append(BotJournal(Path("young"), False, frozenset(), (), 0, (Placement(sandbox.engine_address, ("0x01",)),)))
    old, new, young = await forgotten(exchange, known, sandbox.engine_address)
    assert old.verdict is Verdict.WARN and "ends at block 0, " in old.detail and "(old), which is older" in old.detail
    assert "fills since then" in old.advice and new.verdict is Verdict.PASS
    assert young.verdict is Verdict.WARN and "(young), which is older" in young.detail


def test_a_span_is_told_in_the_unit_that_fits() -> None:
    assert [_span(seconds) for seconds in (-1, 5, 600, 9_000)] == ["0 s", "5 s", "10 min", "2.5 h"]
