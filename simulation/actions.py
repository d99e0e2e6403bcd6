"""What can be done in a simulated world: by the connector's user, by other traders, by the chain, and by bad luck.

Each function is one kind of action of a scenario; its keyword arguments are the action's.
"""
import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.sandbox.node import Reorg
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from simulation.invariants import Violation
from simulation.network import Weather

if TYPE_CHECKING:
    from simulation.world import World

MIDDLE = {"SOMI-USDC": Decimal("0.65"), "WBTC-USDC": Decimal("60000")}
LOT = {"SOMI-USDC": Decimal("3.21"), "WBTC-USDC": Decimal("0.0001234")}
OPERATOR = 8


def price_at(pair: str, step: int) -> Decimal:
    """A price so many thousandths from the middle."""
    return MIDDLE[pair] * (1000 + step) / 1000


# The user of the connector


def place(world: "World", is_buy: bool, pair: str, kind: str, step: int, lots: int) -> None:
    """Place a limit order."""
    world.order(is_buy, pair, OrderType[kind], price_at(pair, step), LOT[pair] * lots)


def quote(world: "World", pair: str, levels: int, step: int) -> None:
    """Several orders in one moment, as a market maker does."""
    for level in range(levels):
        is_buy = level % 2 == 0
        world.order(is_buy, pair, OrderType.LIMIT, price_at(pair, step + (-1 - level if is_buy else 1 + level)),
                    LOT[pair] * (level + 1))


def requote(world: "World", pair: str, levels: int, step: int) -> None:
    """Cancel what rests on one pair, and quote anew in the same moment."""
    for order in world.open_orders():
        if order.trading_pair == pair:
            world.cancel(order)
    quote(world, pair, levels, step)


def take(world: "World", is_buy: bool, pair: str, lots: int) -> None:
    """A market order, where Hummingbot sees a price to convert it with."""
    book = world.exchange.order_books.get(pair) if world.life is not None else None
    if book is not None and len(book.snapshot[0]) and len(book.snapshot[1]):
        world.order(is_buy, pair, OrderType.MARKET, Decimal("NaN"), LOT[pair] * lots)


def cancel(world: "World", which: int, count: int) -> None:
    """Cancel some of the orders that are open, or one of them twice."""
    orders = world.open_orders()
    for number in range(count if orders else 0):
        world.cancel(orders[(which + number) % len(orders)])


def cancel_all(world: "World", timeout: float) -> None:
    """As Hummingbot's stop command does."""
    if world.life is not None:
        world.life.spawn(world.exchange.cancel_all(timeout))


def kill(world: "World", callbacks: int, down: float) -> None:
    """End the connector's process after so many more callbacks; it is started again `down` seconds later."""
    world.begin_again_after(down)
    if world.life is not None:
        world.life.process.lives_for = callbacks


async def stop(world: "World", cancel: bool, patience: float, down: float, outage: float = 0.0) -> None:
    """Leave the network, and end the process after a while, whether it has come to its end or not. For the first `outage`
    seconds no node answers."""
    life = world.life
    if life is None:
        return
    if outage:
        network(world, "rpc", {"lost": 1.0}, 1, outage)
    if cancel:
        await asyncio.wait({life.spawn(life.exchange.cancel_all(20.0))}, timeout=120.0)  # unless it is killed meanwhile
    if world.life is life:
        life.leave()
        await asyncio.sleep(patience)
    if world.life is life:
        world.invariants.after_stop(life)
        world.end(life)
        world.begin_again_after(down)


# The others


def trade(world: "World", number: int, is_buy: bool, pair: str, step: int, lots: int, rests: bool) -> None:
    """Another account's limit order."""
    market, wallet = world.comparison.market(pair), world.sandbox.accounts[number]
    price, units = round(price_at(pair, step) * 10 ** 8), market.base.to_units(LOT[pair] * lots)
    tokens = (market.base.address, market.quote.address)
    value = 0
    if is_buy:
        data = ENGINE_FUNCTIONS["limitBuy"].encode(*tokens, price, market.deposit_for(price, units), rests, 20, wallet.address)
    elif market.base_is_native:
        data, value = ENGINE_FUNCTIONS["limitSellETH"].encode(tokens[1], price, rests, 20, wallet.address), units
    else:
        data = ENGINE_FUNCTIONS["limitSell"].encode(*tokens, price, units, rests, 20, wallet.address)
    act(world, number, world.sandbox.engine_address, data, value)


def liquidity(world: "World", levels: int, step: int, lots: int) -> None:
    """Another account quotes both sides of every pair."""
    for pair in world.scenario.setup.pairs:
        for level in range(levels):
            for is_buy in (True, False):
                trade(world, 2, is_buy, pair, (-1 if is_buy else 1) * (step + 2 * level), lots, True)


def withdraw(world: "World", number: int, which: int) -> None:
    """Another account cancels one of its orders, if there is one."""
    orders = world.others_orders(number)
    if orders:
        book, is_bid, order_id = orders[which % len(orders)]
        market = next(market for market in world.sandbox.markets if market.book == book)
        act(world, number, world.sandbox.engine_address,
            ENGINE_FUNCTIONS["cancelOrder"].encode(market.base.address, market.quote.address, is_bid, order_id))


def spend(world: "World", factor: int, waiting: bool) -> None:
    """Another program sends with the connector's key, after or instead of what waits."""
    node, address = world.sandbox.node, world.address
    act(world, 0, address, b"", 0, factor * node.gas_price, node.nonce(address, pending=waiting))


def fees(world: "World", maker: int, taker: int) -> None:
    """The exchange changes its fees."""
    for is_maker, fee in ((True, maker), (False, taker)):
        act(world, OPERATOR, world.sandbox.engine_address, ENGINE_FUNCTIONS["setDefaultFee"].encode(is_maker, fee))


def act(world: "World", number: int, to: str, data: bytes, value: int = 0, gas_price: int | None = None,
        nonce: int | None = None) -> None:
    """An account's transaction; one that the node refuses is left out."""
    node, wallet = world.sandbox.node, world.sandbox.accounts[number]
    raw = wallet.sign(chain_id=node.settings.chain_id, to=to, gas_limit=8_000_000, gas_price=gas_price or 2 * node.gas_price,
                      nonce=node.nonce(wallet.address, pending=True) if nonce is None else nonce, data=data, value=value)
    with suppress(TransactionRejected):
        world.sandbox.submit_past_faults(raw)


# The world


def reorganise(world: "World", depth: int, mode: str) -> None:
    """Replace the newest blocks, as many of them as there is somebody to hear of it."""
    node = world.sandbox.node
    depth = world.replaceable(depth)
    if depth > 0:
        world.market_view.reorganised()
        removed = node.reorganise(depth, Reorg(mode))
        if Reorg(mode) is Reorg.VANISH:
            world.invariants.vanished([receipt.transaction for block in removed for receipt in block.receipts])


def network(world: "World", where: str, accidents: dict[str, float], slower: float, seconds: float) -> None:
    """Bad weather on the way to some servers."""
    fastest, slowest = (slower * seconds for seconds in world.scenario.setup.latency)
    for kind in ("rpc", "rest", "stream") if where == "all" else (where,):
        _for_a_while(world, seconds, kind, partial(world.network.weather.__setitem__, kind, Weather(fastest, slowest, accidents)),
                     partial(world.good_weather, kind))


def node(world: "World", switches: dict[str, Any], seconds: float) -> None:
    """Something is wrong with the node for a while."""
    _switch(world, world.sandbox.node.faults, switches, seconds)
    world.later(seconds, world.sandbox.node.release_held)


def backends(world: "World", behind: int, share: float, seconds: float) -> None:
    """Behind the node's URL are several, and some requests come to one that is behind."""
    def put(behind: int, share: float) -> None:
        world.network.behind, world.network.share = behind, share
    _for_a_while(world, seconds, "backends", partial(put, behind, share), partial(put, 0, 0.0))


def node_stream(world: "World", switches: dict[str, Any], seconds: float) -> None:
    """Something is wrong with the node's stream for a while."""
    _switch(world, world.sandbox.faults.node_stream, switches, seconds)


def stream(world: "World", switches: dict[str, Any], seconds: float) -> None:
    """Something is wrong with the exchange's own streams for a while."""
    _switch(world, world.sandbox.faults.stream, switches, seconds)


def indexer(world: "World", switches: dict[str, Any], seconds: float) -> None:
    """The API's indexer stands still for a while, or falls behind."""
    settings = world.sandbox.indexer.settings
    usual = {"paused": False, "lag_seconds": world.scenario.setup.indexer_lag}
    for name, value in switches.items():
        _for_a_while(world, seconds, f"indexer.{name}", partial(setattr, settings, name, value),
                     partial(setattr, settings, name, usual[name]))


def _switch(world: "World", faults: Any, switches: dict[str, Any], seconds: float) -> None:
    usual = type(faults)()
    for name, value in switches.items():
        _for_a_while(world, seconds, f"{type(faults).__name__}.{name}", partial(setattr, faults, name, value),
                     partial(setattr, faults, name, getattr(usual, name)))


def _for_a_while(world: "World", seconds: float, trouble: str, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Trouble that comes over the same again lasts as long as it says, although the first would have ended."""
    begin()
    world.troubles[trouble] = end
    world.later(seconds, lambda: end() if world.troubles.get(trouble) is end else None)


def hold_up(world: "World", seconds: float) -> None:
    """The connector's process gets no time from the machine."""
    if world.life is not None:
        world.loop.hold(world.life.process, seconds)


def set_clock(world: "World", shift: float) -> None:
    """Somebody sets the machine's wall clock."""
    world.clock.shift = shift


async def quiet(world: "World") -> None:
    """All trouble ends, and soon the connector believes what is true."""
    await world.quiet()


async def finish(world: "World") -> None:
    """Nothing is wrong any more: what is ordered now is placed, and what is cancelled now ends."""
    await world.quiet()
    wanted = [(is_buy, pair) for pair in world.scenario.setup.pairs for is_buy in (True, False)]
    for _ in range(2):  # one that meets more makers than gas was offered for fails, and the next one is offered more
        names = {side: world.order(*side, OrderType.LIMIT, price_at(side[1], -10 if side[0] else 10), LOT[side[1]])
                 for side in wanted}
        await world.quiet()
        wanted = [side for side, name in names.items()
                  if name is None or world.comparison.orders[name].current_state is OrderState.FAILED]
        if not wanted:
            break
    else:
        raise Violation("I2", f"nothing is wrong, and these orders fail: {wanted}")
    assert world.life is not None
    await asyncio.wait({world.life.spawn(world.exchange.cancel_all(20.0))})
    await world.quiet()
    if world.open_orders():
        raise Violation("I3", f"these were cancelled and rest: {[order.client_order_id for order in world.open_orders()]}")


async def idle(world: "World", seconds: float) -> None:
    """Nobody does anything for a while, and little is asked."""
    await asyncio.sleep(seconds)
    world.invariants.after_idling()


ACTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (
        place, quote, requote, take, cancel, cancel_all, kill, stop, trade, liquidity, withdraw, spend, fees, reorganise,
        network, node, backends, node_stream, stream, indexer, hold_up, set_clock, quiet, finish, idle)}
