"""The sandbox's page in a real browser: what a connector does appears on it, and it survives whatever is thrown at it."""
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.standard.sandbox.deployment import default_deployment
from hummingbot.connector.exchange.standard.sandbox.server import Sandbox
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.common import OrderType
from test.hummingbot.connector.exchange.standard.trading import NATIVE_PAIR, Trader, connected, quiet_sandbox
from test.page.browser import Browser, browser

pytestmark = pytest.mark.browser

LIVE = "document.body?.dataset.state === 'live'"
HOSTILE = "<img src=x onerror=\"document.title='broken in'\">"


def cells(table: str) -> str:
    """An expression for the texts of a table body, row by row."""
    return f"[...document.querySelectorAll('#{table} tr')].map(row => [...row.cells].map(cell => cell.textContent))"


async def visit(page: Browser, sandbox: Sandbox, choice: str = "") -> None:
    await page.look(1360, 1000)
    await page.open(f"{sandbox.url}/{choice}")
    await page.until(LIVE)


@asynccontextmanager
async def visited() -> AsyncIterator[tuple[Sandbox, StandardExchange, Browser]]:
    async with quiet_sandbox() as sandbox, connected(sandbox) as exchange, browser() as page:
        await visit(page, sandbox)
        yield sandbox, exchange, page
        assert page.complaints == []


async def test_an_order_appears_is_filled_and_disappears_and_the_balance_changes() -> None:
    async with visited() as (sandbox, exchange, page):
        assert await page.run(cells("orders")) == [["No open orders"]]
        before = await page.run(cells("balances"))
        order = exchange.sell(NATIVE_PAIR, Decimal(10), OrderType.LIMIT, Decimal("0.66"))
        assert await page.until(f"{cells('orders')}.find(row => row[1] === 'Sell')?.slice(0, 5)") == [
            NATIVE_PAIR, "Sell", "0.660000", "10.00", "0.0 %"]
        assert await page.run(cells("asks")) == [["0.660000", "10.00", "10.00"]]
        assert await page.run("document.querySelector('#asks tr').className") == "own"
        await page.until(f"{cells('balances')}.some(row => row[0] === 'SOMI' && row[2] === '10.000000')")

        market = sandbox.markets[0]
        taker = Trader(sandbox)
        await taker.approve(market)
        await taker.buy(market, 66_000_000, 2_640_000, rests=False)
        assert (await page.until(f"{cells('fills')}.find(row => row[0] === '{NATIVE_PAIR}')"))[:6] == [
            NATIVE_PAIR, "Sell", "maker", "0.660000", "4.00", "0.002640 USDC"]
        await page.until(f"{cells('orders')}[0][3] === '6.00' && {cells('orders')}[0][4] === '40.0 %'")
        assert (await page.run(cells("trades")))[0][:2] == ["0.660000", "4.00"]

        exchange.cancel(NATIVE_PAIR, order)
        await page.until(f"{cells('orders')}[0][0] === 'No open orders' && !{cells('asks')}.length")
        usdc = next(row for row in before if row[0] == "USDC")[1]
        expected = Decimal(usdc.replace(",", "")) + Decimal("2.63736")
        await page.until(f"{cells('balances')}.some(row => row[0] === 'USDC' && row[1] === '{expected:,.6f}')")


async def test_it_says_who_is_connected_what_is_switched_on_and_when_it_is_cut_off_itself() -> None:
    async with visited() as (sandbox, _, page):
        feeds = await page.until(f"{cells('feeds')}.length === 4 && {cells('feeds')}")
        assert [row[:2] for row in feeds[:2]] == [["Node WebSocket", "newHeads; logs"]] * 2
        assert not await page.run("document.getElementById('faults').checkVisibility()")
        sandbox.faults.add("status", status=500, target="rest", path="/api/nothing/*", count=3)
        sandbox.faults.node_stream.refuse = True
        sandbox.rpc_stream.close()
        await page.until("document.getElementById('faults').textContent.includes('status 500')")
        assert await page.run("[...document.querySelectorAll('#faults li')].map(line => line.textContent)") == [
            "rest: status 500 /api/nothing/* 3 more, applied 0 times", "node's stream: refuse"]
        for what in ("orderbook SOMI-USDC, WBTC-USDC; trades SOMI-USDC, WBTC-USDC",
                     "orders account 0; fills account 0; balances account 0"):
            await page.until(f"{cells('feeds')}.some(row => row[0] === 'Exchange WebSocket' && row[1] === '{what}')")
        sandbox.faults.clear()
        await page.until("!document.getElementById('faults').checkVisibility()")

        await sandbox.refuse_connections(1.0)
        await page.until("document.body.dataset.state === 'lost'")
        await page.until(LIVE)
        page.complaints = [text for text in page.complaints if "ERR_CONNECTION_REFUSED" not in text]


async def test_the_choice_of_market_and_account_is_kept_in_the_address() -> None:
    async with quiet_sandbox() as sandbox, browser() as page:
        await Trader(sandbox, account=3).sell(sandbox.markets[0], 67_000_000, 5 * 10 ** 18)
        await visit(page, sandbox, "#market=WBTC-USDC&account=3")
        await page.until("document.title.startsWith('60,000.00 WBTC-USDC')")
        assert (await page.run(cells("orders")))[0][:4] == [NATIVE_PAIR, "Sell", "0.670000", "5.00"]
        await page.run("market.focus(); market.selectedIndex = 0; market.dispatchEvent(new Event('change')); market.blur()")
        await page.until(f"document.title.includes('{NATIVE_PAIR}')")
        assert await page.run("location.hash") == f"#market={NATIVE_PAIR}&account=3"
        assert page.complaints == []


async def test_a_hostile_token_symbol_is_a_text_like_any_other() -> None:
    world = default_deployment()
    tokens = tuple(replace(token, symbol=HOSTILE) if token.symbol == "WBTC" else token for token in world.tokens)
    async with quiet_sandbox(deployment=replace(world, tokens=tokens)) as sandbox, browser() as page:
        await visit(page, sandbox, "#" + "market=" + HOSTILE.replace("=", "%3D") + "-USDC")
        await page.until(f"{cells('balances')}.some(row => row[0].startsWith('<img'))")
        assert await page.run("document.querySelectorAll('img[src=x]').length") == 0
        assert "broken in" not in (await page.run("document.title")).split("Standard")[1]
        assert page.complaints == []


async def test_scripts_from_elsewhere_do_not_run() -> None:
    async with quiet_sandbox() as sandbox, browser() as page:
        await visit(page, sandbox)
        await page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = true\">')")
        await page.run("{ const script = document.createElement('script'); script.textContent = 'window.ran = true';"
                       " document.body.append(script) }")
        await asyncio.sleep(0.3)
        assert await page.run("window.ran") is None
        assert any("Content Security Policy" in text for text in page.complaints)


@pytest.fixture(params=[(390, False), (390, True), (820, False), (1360, True)], ids=str)
def screen(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    yield request.param


async def test_nothing_sticks_out_on_any_screen_and_text_can_be_read(screen: tuple[int, bool]) -> None:
    width, dark = screen
    async with quiet_sandbox() as sandbox, browser() as page:
        await Trader(sandbox, account=0).sell(sandbox.markets[0], 67_000_000, 5 * 10 ** 18)
        await visit(page, sandbox)
        await page.look(width, 844, dark)
        await page.until(f"{cells('orders')}[0].length > 1")
        assert await page.run("document.documentElement.scrollWidth") <= width
        lightness = ("(name => getComputedStyle(document.body)[name].match(/\\d+/g).map(Number)"
                     ".reduce((sum, part) => sum + part))('{}')")
        text, ground = [await page.run(lightness.replace("{}", name)) for name in ("color", "backgroundColor")]
        assert (text - ground if dark else ground - text) > 450


async def test_everything_is_reached_by_the_keyboard() -> None:
    async with quiet_sandbox() as sandbox, browser() as page:
        await visit(page, sandbox)
        reached = []
        for _ in range(8):
            for kind in ("keyDown", "keyUp"):
                await page.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            reached.append(await page.run("document.activeElement.getAttribute('aria-labelledby') || document.activeElement.id"))
        assert reached[:7] == ["market", "account", *(f"{name}-title" for name in (
            "trades", "balances", "orders", "fills", "feeds"))]
