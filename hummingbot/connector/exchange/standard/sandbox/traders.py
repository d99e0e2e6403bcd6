"""The other participants: a crowd that quotes around a moving fair price, and takers that trade with whatever rests.

They are accounts like any other: each act is a signed transaction handed to the node. Everything random comes from one
seed and all time from the clock that is passed in, so the same seed and the same time make the same chain.
"""
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, sqrt
from random import Random

from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.chain.abi import Function
from hummingbot.connector.exchange.standard.chain.engine import (
    ENGINE_FUNCTIONS,
    NewMarketPrice,
    OrderCanceled,
    OrderMatched,
    OrderPlaced,
    decode_event,
)
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS, WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.markets import DENOMINATOR, Market
from hummingbot.connector.exchange.standard.sandbox.blocks import MinedBlock
from hummingbot.connector.exchange.standard.sandbox.node import BlockAdded, BlockRemoved, Node, NodeEvent
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from hummingbot.connector.exchange.standard.sandbox.views import ChainView
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet

_UNLIMITED = 2 ** 256 - 1
_MATCHES = 20


@dataclass
class TraderSettings:
    """Who trades how. Offsets, steps and volatility are fractions of the price, values whole units of the quote token,
    rates per second and market. Rates and sizes may change while they run.

    With the defaults the crowd's best prices are 0.2 % from the fair price and a taker comes to each market every two
    seconds, so whoever quotes 0.1 % from the middle is met first.
    """

    enabled: bool = True
    seed: int = 1
    quoters: int = 3
    takers: int = 2
    levels: int = 8
    first_offset: float = 0.002
    level_step: float = 0.0008
    level_value: tuple[int, int] = (60, 240)
    take_value: tuple[int, int] = (5, 80)
    take_reach: float = 0.01
    quotes_per_second: float = 2.0  # each replaces one quote: a cancel and an order
    takes_per_second: float = 0.5
    volatility: float = 0.0002  # of the fair price, per square root of a second
    reversion_seconds: float = 1800.0  # how long the fair price takes to come back
    step_seconds: float = 0.1
    gas_per_order: int = 8_000_000
    waiting_limit: int = 2_000  # they pause while so many transactions wait for a block

    def at_rate(self, transactions_per_second: float, markets: int) -> "TraderSettings":
        """These settings with the rates scaled so that all traders together send so many transactions a second."""
        factor = transactions_per_second / markets / (2 * self.quotes_per_second + self.takes_per_second)
        return TraderSettings(**{**vars(self), "quotes_per_second": self.quotes_per_second * factor,
                                 "takes_per_second": self.takes_per_second * factor})


@dataclass(eq=False)
class Quote:
    """One place in a quoter's ladder and the order that fills it: resting under an id, or on its way."""

    wallet: Wallet
    is_bid: bool
    level: int
    order_id: int | None = None
    price: int = 0
    transaction: str | None = None
    sent_at_block: int = 0


@dataclass(eq=False)
class Scene:
    """One market as the traders see it. `fair` is the fair price x 1e8, `drift` its logarithmic distance from `anchor`."""

    market: Market
    anchor: int
    fair: int
    market_price: int
    quotes: list[Quote]
    spread: tuple[int, int] = (0, 0)
    drift: float = 0.0
    owed_quotes: float = 0.0
    next_take: float = 0.0
    by_order: dict[tuple[bool, int], Quote] = field(default_factory=dict)


class Traders:
    """All simulated participants of all markets. `run` acts until it is cancelled; `step` is one turn of it."""

    def __init__(self, node: Node, view: ChainView, markets: list[Market], wallets: list[Wallet], clock: Clock,
                 settings: TraderSettings, submit: Callable[[bytes], str] | None = None) -> None:
        """`wallets` are the quoters', then the takers'. `submit` takes a raw transaction, by default to the node.

        Raises ValueError when there are fewer wallets than traders.
        """
        if len(wallets) < settings.quoters + settings.takers:
            raise ValueError(f"{settings.quoters} quoters and {settings.takers} takers need as many accounts, "
                             f"there are {len(wallets)}")
        self.settings = settings
        self.sent = 0
        self.refused = 0
        self._node = node
        self._view = view
        self._clock = clock
        self._submit = submit or node.submit
        self._random = Random(settings.seed)
        self._quoters = wallets[:settings.quoters]
        self._takers = wallets[settings.quoters:settings.quoters + settings.takers]
        self._weth = view.wrapped_native()
        self._scenes = {market.book: self._scene(market) for market in markets}
        self._pending: dict[str, tuple[Scene, Quote]] = {}
        self._strays: list[tuple[Scene, Wallet, bool, int]] = []
        self._last_step = clock.monotonic()
        self._refreshed = float("-inf")
        self._approved = False
        self._unsubscribe = node.subscribe(self._heard)

    def fair_price(self, book: str) -> int:
        """The price x 1e8 that the crowd quotes around at the moment."""
        return self._scenes[book].fair

    def close(self) -> None:
        """Stop listening to the node."""
        self._unsubscribe()

    async def run(self) -> None:
        """Trade until cancelled."""
        while True:
            self.step()
            await self._clock.sleep(self.settings.step_seconds)

    def step(self) -> None:
        """Do what is due now."""
        now = self._clock.monotonic()
        elapsed, self._last_step = now - self._last_step, now
        if now - self._refreshed >= 1.0:
            self._refreshed = now
            self._refresh()
        for scene in self._scenes.values():
            self._move_fair_price(scene, elapsed)
        if not self.settings.enabled or len(self._node.pool) > self.settings.waiting_limit:
            return
        if not self._approved:
            self._approved = True
            self._approve_all()
        for scene in self._scenes.values():
            self._quote_what_is_due(scene, elapsed)
            self._take_what_is_due(scene, now)
        self._cancel_strays()

    # The market

    def _scene(self, market: Market) -> Scene:
        price = self._view.market_price(market.book)
        quotes = [Quote(wallet, is_bid, level) for level in range(self.settings.levels) for wallet in self._quoters
                  for is_bid in (True, False)]
        return Scene(market, price, price, price, quotes)

    def _refresh(self) -> None:
        """What may change without an event: the spread limits; and wrapped refunds pile up, which sellers need unwrapped."""
        for scene in self._scenes.values():
            scene.spread = self._view.limit_spread(scene.market.book)
        for wallet in (*self._takers, *self._quoters):
            wrapped = self._view.balance(self._weth, wallet.address)
            if wrapped > 10 ** 20:
                self._send(wallet, self._weth, WETH_FUNCTIONS["withdraw"], wrapped)

    def _move_fair_price(self, scene: Scene, elapsed: float) -> None:
        settings = self.settings
        scene.drift -= scene.drift * min(elapsed / settings.reversion_seconds, 1.0)
        scene.drift += settings.volatility * sqrt(elapsed) * self._random.gauss(0.0, 1.0)
        scene.fair = max(1, int(scene.anchor * exp(scene.drift)))

    # The crowd

    def _quote_what_is_due(self, scene: Scene, elapsed: float) -> None:
        free = [quote for quote in scene.quotes if quote.order_id is None and quote.transaction is None]
        if len(free) > len(scene.quotes) // 2:
            # An empty book (at the start, or after a sweep) is filled at once, the best levels first.
            for quote in free:
                self._replace(scene, quote)
            return
        self._withdraw_overrun(scene)
        scene.owed_quotes = min(scene.owed_quotes + self.settings.quotes_per_second * elapsed, 1000.0)
        while scene.owed_quotes >= 1.0:
            scene.owed_quotes -= 1.0
            worst = self._worst(scene)
            if worst is not None:
                self._replace(scene, worst)

    def _withdraw_overrun(self, scene: Scene) -> None:
        """Renew at once what the fair price has come too close to."""
        first, step = self._offsets(scene)
        nearest = first - step / 2
        lowest_ask, highest_bid = scene.fair * (1 + nearest), scene.fair * (1 - nearest)
        for quote in scene.quotes:
            if quote.order_id is not None and (quote.price > highest_bid if quote.is_bid else quote.price < lowest_ask):
                self._replace(scene, quote)

    def _worst(self, scene: Scene) -> Quote | None:
        """The next quote to renew: mostly a missing one or the one farthest from where it should be."""
        self._give_up_lost(scene)
        idle = [quote for quote in scene.quotes if quote.transaction is None]
        if not idle:
            return None
        if self._random.random() < 0.3:
            return self._random.choice(idle)
        return max(idle, key=lambda quote: abs(quote.price - self._aim(scene, quote.is_bid, quote.level)))

    def _give_up_lost(self, scene: Scene) -> None:
        """An order whose transaction no block has taken for long was lost; were it mined later, it would be a stray."""
        oldest = self._node.head.number - 100
        for quote in scene.quotes:
            if quote.transaction is not None and quote.sent_at_block < oldest and quote.transaction not in self._node.pool:
                self._pending.pop(quote.transaction, None)
                quote.transaction = None

    def _offsets(self, scene: Scene) -> tuple[float, float]:
        """The first level's distance from the fair price and that between levels: smaller than set where the spread limits
        are so narrow that takers could not reach the first level."""
        first = max(min(self.settings.first_offset, 0.4 * min(scene.spread) / DENOMINATOR), 1e-6)
        return first, min(self.settings.level_step, first / 2)

    def _aim(self, scene: Scene, is_bid: bool, level: int) -> int:
        first, step = self._offsets(scene)
        offset = first + level * step
        return int(scene.fair * (1 - offset if is_bid else 1 + offset))

    def _price(self, scene: Scene, is_bid: bool, level: int) -> int:
        """Where a quote should rest: near its aim, within the band that the engine allows, rounded to a readable price."""
        aim = int(self._aim(scene, is_bid, level) * (1 + self._random.uniform(-0.3, 0.3) * self._offsets(scene)[1]))
        buy, sell = scene.spread
        step = 10 ** max(len(str(scene.fair)) - 5, 0)
        if is_bid:
            limit = min(aim, scene.market_price * (DENOMINATOR + buy) // DENOMINATOR)
            return int(max(limit // step * step, 1))
        limit = max(aim, scene.market_price * (DENOMINATOR - sell) // DENOMINATOR)
        return int(-(-limit // step) * step)

    def _replace(self, scene: Scene, quote: Quote) -> None:
        if quote.order_id is not None:
            self._cancel(scene, quote.wallet, quote.is_bid, quote.order_id)
            scene.by_order.pop((quote.is_bid, quote.order_id), None)
            quote.order_id = None
        price = self._price(scene, quote.is_bid, quote.level)
        value = self._random.randint(*self.settings.level_value) * 10 ** scene.market.quote.decimals
        units = value if quote.is_bid else scene.market.quote_to_base(price, value)
        self._order(scene, quote.wallet, quote.is_bid, price, units, quote)

    # The takers

    def _take_what_is_due(self, scene: Scene, now: float) -> None:
        rate = self.settings.takes_per_second
        if rate <= 0 or not self._takers:
            return
        if scene.next_take == 0.0:
            scene.next_take = now + self._random.expovariate(rate)
        while scene.next_take <= now:
            scene.next_take += self._random.expovariate(rate)
            self._take(scene)
        # A rate that was raised meanwhile takes effect at once.
        scene.next_take = min(scene.next_take, now + 10.0 / rate)

    def _take(self, scene: Scene) -> None:
        wallet = self._random.choice(self._takers)
        buys = self._random.random() < self._appetite(scene, wallet)
        reach = self.settings.take_reach
        price = int(scene.fair * (1 + reach if buys else 1 - reach))
        value = self._random.randint(*self.settings.take_value) * 10 ** scene.market.quote.decimals
        units = value if buys else scene.market.quote_to_base(scene.fair, value)
        self._order(scene, wallet, buys, price, units, None)

    def _appetite(self, scene: Scene, wallet: Wallet) -> float:
        """The probability that a taker buys: a half, more when he holds little base and less when he holds little quote."""
        base = scene.market.base_to_quote(scene.fair, self._holding(scene.market.base.address, wallet))
        quote = self._holding(scene.market.quote.address, wallet)
        share = base / (base + quote) if base + quote else 0.5
        return 0.9 if share < 0.1 else 0.1 if share > 0.9 else 0.5

    def _holding(self, token: str, wallet: Wallet) -> int:
        return self._node.balance(wallet.address) if token == self._weth else self._view.balance(token, wallet.address)

    # Transactions out

    def _order(self, scene: Scene, wallet: Wallet, is_bid: bool, price: int, units: int, place: Quote | None) -> None:
        """An order whose rest fills `place`, or goes back when there is no place for it."""
        base, quote = scene.market.base.address, scene.market.quote.address
        engine, value = self._view.engine, 0
        common = (price, units, place is not None, _MATCHES, wallet.address)
        if is_bid:
            data = ENGINE_FUNCTIONS["limitBuy"].encode(base, quote, *common)
        elif base == self._weth:
            data = ENGINE_FUNCTIONS["limitSellETH"].encode(quote, price, *common[2:])
            value = units
        else:
            data = ENGINE_FUNCTIONS["limitSell"].encode(base, quote, *common)
        raw = self._signed(wallet, engine, data, value)
        if place is None:
            self._hand_in(raw)
            return
        # Noted before it is handed in: a node that mines at once tells of the block before it returns.
        sent = "0x" + keccak(raw).hex()
        place.transaction, place.price, place.sent_at_block = sent, price, self._node.head.number
        self._pending[sent] = (scene, place)
        if not self._hand_in(raw):
            del self._pending[sent]
            place.transaction, place.price = None, 0

    def _cancel(self, scene: Scene, wallet: Wallet, is_bid: bool, order_id: int) -> None:
        market = scene.market
        self._send(wallet, self._view.engine, ENGINE_FUNCTIONS["cancelOrder"], market.base.address, market.quote.address,
                   is_bid, order_id)

    def _send(self, wallet: Wallet, to: str, function: Function, *arguments: object) -> None:
        self._hand_in(self._signed(wallet, to, function.encode(*arguments), 0))

    def _signed(self, wallet: Wallet, to: str, data: bytes, value: int) -> bytes:
        return wallet.sign(chain_id=self._node.settings.chain_id, nonce=self._node.nonce(wallet.address, pending=True), to=to,
                           gas_limit=self.settings.gas_per_order, gas_price=self._node.gas_price, data=data, value=value)

    def _hand_in(self, raw: bytes) -> bool:
        """Submit; False when the node refuses."""
        try:
            self._submit(raw)
        except TransactionRejected:
            self.refused += 1
            return False
        self.sent += 1
        return True

    def _approve_all(self) -> None:
        tokens = {token.address for scene in self._scenes.values() for token in (scene.market.base, scene.market.quote)}
        for wallet in (*self._quoters, *self._takers):
            for token in sorted(tokens - {self._weth}):
                if self._view.allowance(token, wallet.address, self._view.engine) < _UNLIMITED // 2:
                    self._send(wallet, token, ERC20_FUNCTIONS["approve"], self._view.engine, _UNLIMITED)

    # Blocks in

    def _heard(self, event: NodeEvent) -> None:
        if isinstance(event, BlockAdded):
            self._follow(event.block)
        elif isinstance(event, BlockRemoved):
            self._check_all(event.block)

    def _follow(self, block: MinedBlock) -> None:
        for receipt in block.receipts:
            expected = self._pending.pop(receipt.transaction.hash, None)
            if expected is not None:
                expected[1].transaction, expected[1].price = None, 0
            for log in receipt.logs:
                if log.address != self._view.engine:
                    continue
                event = decode_event(log.topics, log.data)
                scene = self._scenes.get(event.pair) if event is not None else None
                if event is None or scene is None:
                    continue
                if isinstance(event, OrderPlaced):
                    self._placed(scene, event, expected[1] if expected is not None else None)
                elif isinstance(event, OrderMatched):
                    self._matched(scene, event)
                elif isinstance(event, NewMarketPrice):
                    scene.market_price = event.price

    def _placed(self, scene: Scene, event: OrderPlaced, quote: Quote | None) -> None:
        if quote is not None and quote.order_id is None:
            quote.order_id, quote.price = event.id, event.price
            scene.by_order[event.is_bid, event.id] = quote
            return
        self._suspect(scene, event.owner, event.is_bid, event.id)

    def _suspect(self, scene: Scene, owner: str, is_bid: bool, order_id: int) -> None:
        """Note an order that may rest although no quote stands for it."""
        wallet = next((wallet for wallet in (*self._quoters, *self._takers) if wallet.address == owner), None)
        if wallet is not None:
            self._strays.append((scene, wallet, is_bid, order_id))

    def _matched(self, scene: Scene, event: OrderMatched) -> None:
        key = (not event.is_bid, event.id)
        quote = scene.by_order.get(key)
        if quote is not None and (event.clear or not self._view.deposit(scene.market.book, *key)):
            quote.order_id, quote.price = None, 0
            del scene.by_order[key]

    def _check_all(self, removed: MinedBlock) -> None:
        """A block was taken back: keep only the quotes that rest in the state as it is now, and remember the orders whose
        end was in that block, since they may be back without a quote that stands for them."""
        for scene in self._scenes.values():
            book = scene.market.book
            scene.market_price = self._view.market_price(book)
            for key, quote in list(scene.by_order.items()):
                if self._view.order(book, *key)[:2] != (quote.wallet.address, quote.price):
                    quote.order_id, quote.price = None, 0
                    del scene.by_order[key]
        for entry in removed.logs():
            event = decode_event(entry.log.topics, entry.log.data) if entry.log.address == self._view.engine else None
            if isinstance(event, (OrderCanceled, OrderMatched)) and event.pair in self._scenes:
                side = event.is_bid if isinstance(event, OrderCanceled) else not event.is_bid
                self._suspect(self._scenes[event.pair], event.owner, side, event.id)

    def _cancel_strays(self) -> None:
        strays, self._strays = self._strays, []
        for scene, wallet, is_bid, order_id in strays:
            known = (is_bid, order_id) in scene.by_order
            owner, _, deposit = self._view.order(scene.market.book, is_bid, order_id)
            if not known and deposit and owner == wallet.address:
                self._cancel(scene, wallet, is_bid, order_id)
