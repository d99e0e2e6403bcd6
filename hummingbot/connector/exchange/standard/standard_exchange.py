"""StandardExchange: order life and balances of an on-chain order book in Hummingbot's terms.

Orders are transactions and the chain is the truth. A placement is settled from its receipt, maker fills and cancels from
the engine's logs in chain order; both go through the same settlement, and what it says goes to Hummingbot's tracker.
"""
import asyncio
import copy
import math
import os
import random
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from bidict import bidict

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
import hummingbot.connector.exchange.standard.standard_web_utils as web_utils
from hummingbot import data_path  # type: ignore[attr-defined]
from hummingbot.connector.constants import s_decimal_NaN
from hummingbot.connector.exchange.standard.account import Account, Recalled
from hummingbot.connector.exchange.standard.account_events import AccountEvents
from hummingbot.connector.exchange.standard.balances import Balances
from hummingbot.connector.exchange.standard.candles_registration import register_candles
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.supervision import Supervision
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.compatibility import warn_of_untested_hummingbot
from hummingbot.connector.exchange.standard.errors import (
    ConfigurationError,
    NotSentError,
    OrderNotFoundError,
    OrderRejectedError,
    OutcomeForgottenError,
    OutcomeUnknownError,
    RateLimitedError,
    StandardError,
)
from hummingbot.connector.exchange.standard.feed_report import FeedReport
from hummingbot.connector.exchange.standard.feeds.base import AccountFeed, BalanceChange, UpdateIds
from hummingbot.connector.exchange.standard.feeds.failover import FeedState
from hummingbot.connector.exchange.standard.feeds.freshness import STALE_SECONDS, Freshness
from hummingbot.connector.exchange.standard.feeds.polling import PollingMarketFeed
from hummingbot.connector.exchange.standard.feeds.sources import FeedContext, account_feed, market_feed
from hummingbot.connector.exchange.standard.feeds.told_trades import ToldTrades
from hummingbot.connector.exchange.standard.foreign_orders import ForeignOrders
from hummingbot.connector.exchange.standard.greeting import greet
from hummingbot.connector.exchange.standard.lost_logs import LostLogs
from hummingbot.connector.exchange.standard.network import resolve_network, resolve_preferences
from hummingbot.connector.exchange.standard.network_check import NetworkCheck
from hummingbot.connector.exchange.standard.offers import Offers
from hummingbot.connector.exchange.standard.order_calls import OrderCalls
from hummingbot.connector.exchange.standard.order_cancels import OrderCancels
from hummingbot.connector.exchange.standard.order_states import OrderStates, is_news
from hummingbot.connector.exchange.standard.order_terms import OrderTerms
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.outages import BEARABLE_SECONDS, Outages
from hummingbot.connector.exchange.standard.recorded_orders import recorded_order, recorded_orders, save_orders
from hummingbot.connector.exchange.standard.rest.client import RestClient
from hummingbot.connector.exchange.standard.resumption import Resumption, refuse_while_it_is_read, tell_how_much_is_read
from hummingbot.connector.exchange.standard.standard_api_order_book_data_source import StandardAPIOrderBookDataSource
from hummingbot.connector.exchange.standard.standard_api_user_stream_data_source import StandardAPIUserStreamDataSource
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.connector.exchange.standard.throttling import SteadyThrottler
from hummingbot.connector.exchange.standard.tracking import TrackerUpdates, forget_fills_of_nothing
from hummingbot.connector.exchange.standard.trading_rules import MarketRules, amount_step
from hummingbot.connector.exchange.standard.venue import Venue
from hummingbot.connector.exchange_py_base import ExchangePyBase
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.data_type.cancellation_result import CancellationResult
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.order_book_tracker_data_source import OrderBookTrackerDataSource
from hummingbot.core.data_type.trade_fee import AddedToCostTradeFee, TradeFeeBase
from hummingbot.core.data_type.user_stream_tracker_data_source import UserStreamTrackerDataSource
from hummingbot.core.event.events import OrderFilledEvent
from hummingbot.core.utils.async_utils import safe_ensure_future
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

IDLE_ACCOUNT_INTERVAL = 12.0
LEFT = "The network was left; nothing is sent until it is started again."

register_candles()


class StandardExchange(ExchangePyBase):
    """The connector for Standard. Every field of the config map is accepted; empty means the domain's default."""

    # Balances and order checks are one batched request each, so they need no long pause while logs keep arriving.
    LONG_POLL_INTERVAL = 12.0
    web_utils = web_utils
    _is_poll_wanted = _has_begun = False
    _resuming: asyncio.Task[None] | None = None

    def __init__(self,
                 standard_private_key: str = "",
                 standard_rpc_url: str = "",
                 standard_rpc_ws_url: str = "",
                 standard_api_url: str = "",
                 standard_stream_url: str = "",
                 standard_engine_address: str = "",
                 standard_chain_id: str = "",
                 standard_market_slippage: str = "",
                 standard_gas_reserve: str = "",
                 standard_max_fee_gwei: str = "",
                 standard_approval: str = "",
                 standard_feed: str = "",
                 standard_poll_interval: str = "",
                 receive_connector_configuration: bool | str = True,
                 connector_configuration: Any = None,
                 balance_asset_limit: dict[str, dict[str, Decimal]] | None = None,
                 rate_limits_share_pct: Decimal = Decimal("100"),
                 trading_pairs: list[str] | None = None,
                 trading_required: bool = True,
                 domain: str = CONSTANTS.DEFAULT_DOMAIN,
                 clock: Clock | None = None,
                 data_path: Path | None = None) -> None:
        """Raises ConfigurationError for a key, a URL or an address that is none."""
        warn_of_untested_hummingbot()
        self._domain = domain
        self._trading_pairs = trading_pairs or []
        self._trading_required = trading_required
        self._time_source: Clock = clock or SystemClock()
        self._data_path = data_path
        self._limits_share = rate_limits_share_pct
        given = {"rpc_url": standard_rpc_url, "rpc_ws_url": standard_rpc_ws_url, "api_url": standard_api_url,
                 "stream_url": standard_stream_url, "engine_address": standard_engine_address, "chain_id": standard_chain_id,
                 "market_slippage": standard_market_slippage, "gas_reserve": standard_gas_reserve,
                 "max_fee_gwei": standard_max_fee_gwei, "approval": standard_approval, "feed": standard_feed,
                 "poll_interval": standard_poll_interval}
        self._network = resolve_network(domain, given, connector_configuration, os.environ)
        self._preferences = resolve_preferences(domain, given, connector_configuration, os.environ)
        self._wallet_auth = StandardAuth("", standard_private_key, self._time_source) if standard_private_key else None
        self._account: Account | None = None
        self._returned = asyncio.Event()  # not set from when the network is left until it is back
        self._returned.set()
        self._restored: set[str] = set()
        self._recalled: Recalled | None = None
        self._resume: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._outages = Outages(self._time_source, BEARABLE_SECONDS, RateLimitedError)
        super().__init__(balance_asset_limit, rate_limits_share_pct)
        self._rules = MarketRules(self._venue, self._address, self._time_source, self._outages)
        self._offers = Offers(lambda: self.order_book_tracker.order_books, self._orderbook_ds, self._venue.market, self._rules)
        self._order_calls = OrderCalls(self._address, self._preferences.market_slippage, self._time_source, self._offers)
        self._updates = TrackerUpdates(self._order_tracker, self._venue.market_of, self._time_source, self._take_off,
                                       recorded_order, partial(save_orders, self))
        self._events = AccountEvents(self._trading_account, self._updates, self._user_stream_tracker.data_source.hurry,
                                     self._money_moved, FeedReport(lambda: self.feed_states, self._time_source))
        self._order_cancels = OrderCancels(self._trading_account, self._events.caught_up, self._events.left)
        lost = LostLogs(lambda: self._account, self._updates, self._events.caught_up, self._time_source)
        self._states = OrderStates(self._venue, self._address, self._time_source, self._events, lost.compare)
        self._balances = Balances(self._venue, self._address, ForeignOrders(self._venue, self._address, self._time_source),
                                  self._preferences.gas_reserve, lambda: self.in_flight_orders, lambda: self._trading_pairs)
        self.real_time_balance_update = False

    # What Hummingbot asks of every connector

    @property
    def name(self) -> str:
        return self._domain

    @property
    def domain(self) -> str:
        return self._domain

    @property
    def current_timestamp(self) -> float:
        """Seconds since the epoch; the machine's own once Hummingbot's clock has ended, when Hummingbot has none: a fill that is
        told while the network is being left could not be recorded without."""
        timestamp: float = super().current_timestamp
        return self._time_source.time() if math.isnan(timestamp) else timestamp

    @property
    def _address(self) -> str:
        """The wallet's address, empty without one."""
        return self._wallet_auth.wallet.address if self._wallet_auth is not None else ""

    @property
    def authenticator(self) -> StandardAuth | None:
        return self._wallet_auth

    @property
    def rate_limits_rules(self) -> list[RateLimit]:
        return CONSTANTS.RATE_LIMITS

    @property
    def client_order_id_max_length(self) -> int:
        return CONSTANTS.CLIENT_ORDER_ID_MAX_LENGTH

    @property
    def client_order_id_prefix(self) -> str:
        return CONSTANTS.CLIENT_ORDER_ID_PREFIX

    @property
    def trading_rules_request_path(self) -> str:
        return CONSTANTS.PAIRS_PATH.format(size=CONSTANTS.PAGE_SIZE, page=1)

    @property
    def trading_pairs_request_path(self) -> str:
        return CONSTANTS.PAIRS_PATH.format(size=CONSTANTS.PAGE_SIZE, page=1)

    @property
    def check_network_request_path(self) -> str:
        return CONSTANTS.EXCHANGE_PATH

    @property
    def trading_pairs(self) -> list[str]:
        return self._trading_pairs

    @property
    def is_cancel_request_in_exchange_synchronous(self) -> bool:
        return True

    @property
    def is_trading_required(self) -> bool:
        return self._trading_required

    @property
    def venue(self) -> Venue:
        """The exchange as it is read."""
        return self._venue

    @property
    def feed_states(self) -> dict[str, FeedState]:
        """Where order books and own orders come from now, since when, and how often that changed."""
        feeds = {"order books": self._orderbook_ds.feed, "own orders": self._user_stream_tracker.data_source.feed}
        return {what: feed.state for what, feed in feeds.items() if feed is not None}

    @property
    def book_ages(self) -> dict[str, float]:
        """How many seconds old the order book of each pair is; 0 while a source tells each block, which would break instead, and
        infinity for one from before the network was left, until Hummingbot has begun it anew, or before this machine slept,
        until it was read again."""
        state = self.feed_states.get("order books")
        by_api = state is not None and state.source in ("polling", "stream")
        tracker = self.order_book_tracker
        left = tracker.order_books.keys() - {pair for pair in tracker._tracking_tasks if self._orderbook_ds.has_told(pair)}
        return {pair: math.inf if pair in left else self._freshness.age(pair) if by_api else 0.0 for pair in self._trading_pairs}

    @property
    def status_dict(self) -> dict[str, bool]:
        """See ExchangePyBase.status_dict. At the beginning, and again after the network was left, a book that is too old counts
        as none, unless the API does not list its pair any more. Later on it only keeps orders from being placed: strategies
        that look at this all the time also cancel nothing while it is not well, whatever the pair."""
        status: dict[str, bool] = super().status_dict
        self._has_begun |= status["order_books_initialized"] and all(
            age <= STALE_SECONDS for pair, age in self.book_ages.items() if pair not in self._venue.unlisted)
        status["order_books_initialized"] = self._has_begun
        return status

    def supported_order_types(self) -> list[OrderType]:
        return [OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET]

    def lists(self, trading_pair: str) -> bool:
        """Whether the exchange lists the pair, as far as is known."""
        listing = self._venue.known_listing
        return listing is not None and trading_pair in listing.by_pair

    # Construction

    def _create_web_assistants_factory(self) -> WebAssistantsFactory:
        self._throttler: AsyncThrottler = SteadyThrottler(self._time_source, self.rate_limits_rules, self._limits_share)
        factory = web_utils.build_api_factory(throttler=self._throttler, auth=self._auth)
        rest = RestClient(web_utils.WebAssistantTransport(factory, CONSTANTS.API_LIMIT_ID), self._network.api_urls,
                          clock=self._time_source)
        rpc = RpcClient(web_utils.WebAssistantTransport(factory, CONSTANTS.RPC_LIMIT_ID), self._network.rpc_urls,
                        self._time_source, CONSTANTS.REQUEST_TIMEOUT, chain_id=self._network.chain_id,
                        steady_blocks=self._network.steady_blocks)
        self._venue = Venue(self._network, rest, rpc, self._time_source)
        # Own orders, fills and cancels are the chain's business: what trades already goes on while the API is away.
        self._network_check = NetworkCheck(self._venue, self._time_source, lambda: self._account is None, self._outages)
        return factory

    def _create_order_book_data_source(self) -> OrderBookTrackerDataSource:
        self._freshness = Freshness(self._venue.market_of, self._time_source, self._venue.rest.leave)
        told = ToldTrades(self._time_source, lambda: self._venue.rpc.chain_time)
        self._feed_context = FeedContext(self._venue, self._web_assistants_factory, self._wallet_auth, self._venue.market,
                                         UpdateIds(self._time_source), told, self._freshness, self._time_source,
                                         random.Random())
        polling = PollingMarketFeed(self._venue.rest, self._venue.market, self._time_source, self._preferences.poll_interval,
                                    self._feed_context.update_ids, told, self._freshness)
        feed = market_feed(self._preferences.feed, self._feed_context, polling)
        return StandardAPIOrderBookDataSource(self._trading_pairs, self, feed, self._time_source)

    def _create_user_stream_data_source(self) -> UserStreamTrackerDataSource:
        return StandardAPIUserStreamDataSource(self._create_account_feed, self._time_source)

    async def _trading_account(self) -> Account:
        """The wallet that trades, ready to send; built when it is first needed.

        Raises NotSentError after the network was left: what still waited then, a cancel for example, must not begin anew.
        """
        if not self._returned.is_set():
            raise NotSentError(LEFT)
        if self._account is None:
            if self._wallet_auth is None:
                raise ConfigurationError("Trading needs a private key: run `connect` for this exchange.")
            listing = await self._venue.listing()
            if not self._returned.is_set():
                raise NotSentError(LEFT)
            if self._account is None:  # several may have waited for the listing
                self._account = Account(self._wallet_auth.wallet, self._venue.rpc, listing, self._network,
                                        self._data_path or Path(data_path()), self._domain, self._time_source, self._updates,
                                        self._preferences.max_fee, int(self._preferences.gas_reserve.scaleb(18)),
                                        self._preferences.approval)
        await self._account.start()
        return self._account

    # Network and symbols

    async def start_network(self) -> None:
        await super().start_network()
        self._returned.set()
        if self._account is not None:
            self._account.is_recorded = True
            self._account.take_orders(True)
        if self._resume is not None and self._resuming is not None and self._resuming.cancelling():
            self._resuming = safe_ensure_future(self._resume())
        if self._trading_required:
            safe_ensure_future(greet(self._venue, self._trading_pairs, self._address))

    async def stop_network(self) -> None:
        if self._returned.is_set():  # it is told to leave once more before it begins again
            self._returned = asyncio.Event()
        self._has_begun = False
        self._network_check.end()
        if self._account is not None:
            self._account.is_recorded = False  # where it is left for good, Hummingbot has taken its recorder off by now
        await super().stop_network()
        self._orderbook_ds.leave()
        # Hummingbot keeps the queues whose readers it ended; what comes before a pair is begun anew would be lost in them.
        self.order_book_tracker._tracking_message_queues.clear()
        self.order_book_tracker._saved_message_queues.clear()
        if self._account is not None:
            # Orders on their way are followed to their end even while the network is said to be down.
            safe_ensure_future(self._leave(self._account, self._returned))

    async def _leave(self, account: Account, returned: asyncio.Event) -> None:
        await self._order_cancels.settle_down(account, returned, is_left=True)
        if returned.is_set():
            return
        await account.stop()
        if not returned.is_set() and self._resuming is not None:
            self._resuming.cancel()  # nothing more is read that it could wait for; the next start goes on with it

    async def _make_network_check_request(self) -> None:
        await self._network_check.passed()

    async def _initialize_trading_pair_symbol_map(self) -> None:
        try:
            self._initialize_trading_pair_symbols_from_exchange_info(await self._venue.listing())
        except Exception as error:
            self.logger().error(f"The markets of the exchange could not be read: {error}",
                                exc_info=not isinstance(error, StandardError))

    def _initialize_trading_pair_symbols_from_exchange_info(self, exchange_info: Any) -> None:
        self._set_trading_pair_symbol_map(bidict({market.book: market.trading_pair for market in exchange_info.by_pair.values()}))

    async def _get_last_traded_price(self, trading_pair: str) -> float:
        return await self._venue.last_price(trading_pair)

    # Rules and fees

    async def read_rules(self) -> None:
        """Read rules and fees of the pairs now, where orders can be placed. Raises ApiUnavailableError or RpcError."""
        if self._trading_required:
            await self._read_rules()

    async def _read_rules(self) -> None:
        listing = await self._rules.listing(self._trading_pairs)
        self._initialize_trading_pair_symbols_from_exchange_info(listing)
        for rule in await self._format_trading_rules({}):
            self._trading_rules[rule.trading_pair] = rule

    async def _update_trading_rules(self) -> None:
        await self._rules.until_told(self._read_rules, self._trading_rules)

    async def _format_trading_rules(self, exchange_info_dict: dict[str, Any]) -> list[TradingRule]:
        return await self._rules.refresh(self._trading_pairs)

    async def _update_trading_fees(self) -> None:
        await self._rules.until_told(lambda: self._rules.refresh(self._trading_pairs), self._rules.facts)

    def get_order_size_quantum(self, trading_pair: str, order_size: Decimal) -> Decimal:
        return amount_step(super().get_order_size_quantum(trading_pair, order_size), order_size)

    def _get_fee(self, base_currency: str, quote_currency: str, order_type: OrderType, order_side: TradeType, amount: Decimal,
                 price: Decimal = s_decimal_NaN, is_maker: bool | None = None) -> AddedToCostTradeFee:
        is_maker = order_type is OrderType.LIMIT_MAKER if is_maker is None else is_maker
        rate, schema = self._rules.fee(f"{base_currency}-{quote_currency}", is_maker), self.trade_fee_schema()
        if rate is None:
            rate = schema.maker_percent_fee_decimal if is_maker else schema.taker_percent_fee_decimal
        return TradeFeeBase.new_spot_fee(fee_schema=schema, trade_type=order_side, percent=rate)

    # Orders out

    async def _place_order_and_process_update(self, order: InFlightOrder, **kwargs: Any) -> str:
        exchange_order_id, _ = await self._place_order(order.client_order_id, order.trading_pair, order.amount, order.trade_type,
                                                       order.order_type, order.price, **kwargs)
        return exchange_order_id

    async def _place_order(self, order_id: str, trading_pair: str, amount: Decimal, trade_type: TradeType, order_type: OrderType,
                           price: Decimal, **kwargs: Any) -> tuple[str, float]:
        """Send the order, wait for its receipt and tell the tracker all that the receipt says."""
        priced_at = self._time_source.monotonic()
        account = await self._trading_account()
        market = self._venue.market(trading_pair)
        await self._offers.refuse_wrong_market_price(trading_pair, self._trading_pairs)
        if order_type is OrderType.MARKET:
            await self._order_calls.refuse_beyond_band(market, trade_type is TradeType.BUY)
        await self._venue.refuse_another_exchange(trading_pair)
        if (age := self.book_ages.get(trading_pair, 0.0)) > STALE_SECONDS:
            old = f"is {age:.0f} s old" if math.isfinite(age) else "is from before the network was left or this machine slept"
            raise OrderRejectedError(f"The order book of {trading_pair} {old}: no order is placed by it.")
        await self._venue.refuse_standstill()
        if (lag := self._user_stream_tracker.data_source.backlog_seconds) > STALE_SECONDS:
            # A machine that does not keep up would be buried under orders whose fills and ends it has yet to tell.
            raise OrderRejectedError(f"What became of orders {lag:.0f} s ago is not told yet: no order is placed before it is.")
        if self._recalled is not None:
            refuse_while_it_is_read(self._recalled, self._user_stream_tracker.data_source.read_block,
                                    self._venue.network.late_blocks)
        terms = OrderTerms(trading_pair, trade_type, order_type, amount, price, self.current_timestamp)
        while True:
            matches = self._order_calls.max_matches
            call = self._order_calls.build(market, trade_type is TradeType.BUY, order_type, amount, price)
            try:
                settled = await account.place(order_id, call, terms, priced_at)
                break
            except OrderRejectedError as error:
                if not self._order_calls.is_to_meet_fewer(error.reason, matches):
                    raise
        if self._order_calls.is_moved(market, call, settled):
            safe_ensure_future(self._rules.refresh(self._trading_pairs))
        if self._balances.is_reading or order_id in self._balances.deducted:
            self._poll_soon()  # the balances were read while it was on its way, and may show it twice or not at all
        # The feed may be in the long pause that it makes while nothing is open.
        self._user_stream_tracker.data_source.hurry()
        if not settled:
            # The later generation gives back, without an event, what is too little to rest.
            raise OrderRejectedError(f"The order {order_id} was mined and left nothing on the exchange.")
        return settled[-1].exchange_order_id, self._time_source.time()

    async def _create_order(self, trade_type: TradeType, order_id: str, trading_pair: str, amount: Decimal,
                            order_type: OrderType, price: Decimal | None = None, **kwargs: Any) -> None:
        # With a market order's NaN the balances would be NaN while it is on its way, and in a book without bids the base
        # class would stop here and leave it pending for ever. Without an offer it is refused, whatever its price.
        if order_type is OrderType.MARKET and (price is None or not price.is_finite()):
            price = self._offers.best_price(trading_pair, trade_type is TradeType.BUY)
        await super()._create_order(trade_type, order_id, trading_pair, amount, order_type, price, **kwargs)

    def _on_order_failure(self, order_id: str, trading_pair: str, amount: Decimal, trade_type: TradeType, order_type: OrderType,
                          price: Decimal | None, exception: Exception, **kwargs: Any) -> None:
        if isinstance(exception, OutcomeForgottenError):
            return  # the account looks for it in its book, and tells what it finds
        if isinstance(exception, OutcomeUnknownError):
            self.logger().info(f"The order {order_id} is on its way; the next start follows it to its end.")
            return
        if not isinstance(exception, StandardError):
            super()._on_order_failure(order_id, trading_pair, amount, trade_type, order_type, price, exception, **kwargs)
            return
        # A refusal with a known reason needs that reason, not a traceback.
        side = trade_type.name.lower()
        self.logger().warning(f"The {side} order {order_id} of {amount} {trading_pair} at {price} failed: {exception}")
        self._update_order_after_failure(order_id=order_id, trading_pair=trading_pair, exception=exception)

    async def _place_cancel(self, order_id: str, tracked_order: InFlightOrder) -> bool:
        return await self._order_cancels.cancel(tracked_order)

    async def cancel_all(self, timeout_seconds: float) -> list[CancellationResult]:
        """Cancel all open orders, also those whose cancels are postponed, and wait also for what is taken off the book of orders
        that are filled; and up to a minute more for orders that are not in a block yet, and cancels: `hbot` ends the program as
        soon as Hummingbot has told the connector to leave the network."""
        if self._account is not None:
            self._account.end_cancel_pauses()
            self._order_cancels.take_off_again(self._account)
        results: list[CancellationResult] = await super().cancel_all(timeout_seconds)
        await self._order_cancels.leftovers_gone(timeout_seconds)
        left = [self.in_flight_orders[result.order_id] for result in results
                if not result.success and result.order_id in self.in_flight_orders]
        # Not at the start, where Hummingbot cancels as well.
        if left and self._account is not None and self.status_dict["order_books_initialized"]:
            await self._order_cancels.cancel_late(self._account, left)
        cancelled = {order.client_order_id for order in left if order.is_cancelled or order.is_failure}
        self._order_cancels.remain([order for order in left if not order.is_done])
        return [CancellationResult(result.order_id, result.success or result.order_id in cancelled) for result in results]

    def _take_off(self, key: OrderKey) -> None:
        if self._account is not None:
            self._order_cancels.take_off(self._account, key)

    def _is_order_not_found_during_cancelation_error(self, cancelation_exception: Exception) -> bool:
        return isinstance(cancelation_exception, OrderNotFoundError)

    def _is_order_not_found_during_status_update_error(self, status_update_exception: Exception) -> bool:
        return isinstance(status_update_exception, OrderNotFoundError)

    def _is_request_exception_related_to_time_synchronizer(self, request_exception: Exception) -> bool:
        return False

    # Account feed

    async def _create_account_feed(self) -> AccountFeed:
        account = self._events.account = await self._trading_account()
        await self._venue.recover(await account.noted_books() | self._restored_books())
        recalled = await account.recall()
        self._recalled = recalled
        tell_how_much_is_read(recalled)
        self._poll_soon()  # balances that are being read may have missed the deposits of orders that are known just now
        resumption = Resumption(account, self._order_tracker, self._updates, self._events.caught_up,
                                self._time_source, partial(recorded_orders, self), self._take_off)
        self._resume = partial(Supervision("taking up of what the last run left", self._time_source).keep,
                               partial(self._take_up, resumption, recalled))
        self._resuming = safe_ensure_future(self._resume())
        return account_feed(self._preferences.feed, self._feed_context,
                            lambda told: account.polling_feed(told, self._account_interval, self._freshness.on_chain),
                            recalled.cursor)

    async def _take_up(self, resumption: Resumption, recalled: Recalled) -> None:
        await resumption.run(recalled, self._restored)
        self._restored.clear()

    def _restored_books(self) -> set[str]:
        keys = [OrderKey.parse(order.exchange_order_id) for order in self._order_tracker.all_updatable_orders.values()]
        return {key.book for key in keys if key is not None}

    def _account_interval(self) -> float:
        """The pause between two looks at the engine's logs, in seconds."""
        lively = self._preferences.poll_interval
        return lively if self.in_flight_orders else max(lively, IDLE_ACCOUNT_INTERVAL)

    def restore_tracking_states(self, saved_states: dict[str, Any]) -> None:
        """See ConnectorBase; which orders are of an earlier run is remembered until they are looked up on the chain."""
        super().restore_tracking_states(saved_states)
        forget_fills_of_nothing(self.in_flight_orders[name] for name in saved_states if name in self.in_flight_orders)
        self._restored.update(saved_states)

    async def _user_stream_event_listener(self) -> None:
        async for event in self._iter_user_event_queue():
            try:
                await self._events.process(event)
            except asyncio.CancelledError:
                raise
            except NotSentError as error:  # it is settled; how far the logs were read is noted when the network is back
                self.logger().debug("The network was left while an event was processed: %s", error)
            except Exception:
                self.logger().exception("Unexpected error in user stream listener loop.")
            finally:
                self._user_stream_tracker.data_source.processed()

    async def _money_moved(self, change: BalanceChange | None) -> None:
        if change is not None:
            token = (await self._venue.listing()).tokens[change.token]
            self._account_available_balances[token.symbol] = token.from_units(change.units)
        self._poll_soon()  # Hummingbot takes off once more what its last snapshot of the orders does not hold

    # Order state and balances

    async def _all_trade_updates_for_order(self, order: InFlightOrder) -> list[TradeUpdate]:
        # Fills come from receipts and logs, from a cursor that loses none; there is nothing to ask for a second time.
        return []

    async def _request_order_status(self, tracked_order: InFlightOrder) -> OrderUpdate:
        (update,) = await self._states.read([tracked_order])
        if isinstance(update, Exception):
            raise update
        return update

    def _poll_soon(self) -> None:
        """Read balances and orders, once more if they are being read now."""
        self._is_poll_wanted = True
        self._poll_notifier.set()

    async def _status_polling_loop_fetch_updates(self) -> None:
        # The base class forgets a wish that comes while it polls.
        self._is_poll_wanted = True
        while self._is_poll_wanted:
            self._is_poll_wanted = False
            await super()._status_polling_loop_fetch_updates()
            if self._account is not None:  # within, since events of the account may follow each other for long
                self._order_cancels.take_off_again(self._account)

    async def _update_all_balances(self) -> None:
        # The base class logs a traceback at every poll of an outage.
        try:
            await self._update_balances()
        except StandardError as error:
            self._outages.tell("Balances", error)
            return
        self._outages.tell("Balances", None)
        if not self._order_tracker.all_updatable_orders:
            self._outages.tell("Open orders", None)  # the node answers, and nothing else would end their outage
        self._in_flight_orders_snapshot = {order_id: copy.copy(order) for order_id, order in self.in_flight_orders.items()}
        # Hummingbot adds the fills after this time to the balances. Those told so far are in them, whatever the clock said.
        told = [event.timestamp for event in self.event_logs if isinstance(event, OrderFilledEvent)]
        self._in_flight_orders_snapshot_timestamp = max([self.current_timestamp, *told])

    async def _update_orders_with_error_handler(self, orders: list[InFlightOrder], error_handler: Any) -> None:
        # The base class asks for one order after the other; one batched request is enough for all. One that fails says
        # nothing about any order.
        try:
            states = await self._states.read(orders)
        except StandardError as error:
            self._outages.tell("Open orders", error)
            return
        if orders:  # for none nothing was asked: an outage may go on
            self._outages.tell("Open orders", None)
        for order, update in zip(orders, states):
            # The tracker looks through all orders of the last while for each update, so what says nothing new is left out.
            if is_news(order, update):
                # At once and not in a task of its own, which would undo the state that a fill in between brings.
                await self._order_tracker._process_order_update(update)
        for order, missing in zip(orders, states):
            if isinstance(missing, OrderNotFoundError):
                await error_handler(order, missing)

    async def _update_balances(self) -> None:
        if self._wallet_auth is None:
            raise ConfigurationError("Reading balances needs a private key: run `connect` for this exchange.")
        is_taken_up = self._resuming is not None and self._resuming.done() and not self._resuming.cancelled()
        money = await self._balances.read(self._account, is_taken_up)
        self._account_available_balances.clear()
        self._account_available_balances.update(money.available)
        self._account_balances.clear()
        self._account_balances.update(money.total)
