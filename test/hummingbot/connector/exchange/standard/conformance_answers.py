"""What Hummingbot's conformance suite has to know of this exchange: REST answers, and what happens on the chain behind it."""
import asyncio
import logging
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aioresponses import aioresponses

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard import account_events, standard_exchange, trading_rules
from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.engine import ORDER_CANCELED, ORDER_MATCHED, OrderCanceled, OrderMatched
from hummingbot.connector.exchange.standard.chain.logs import EngineLog
from hummingbot.connector.exchange.standard.feeds.base import BalanceChange, OrderLogs
from hummingbot.connector.exchange.standard.markets import Market, Token, price_to_chain
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey, Resting
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TokenAmount
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from test.hummingbot.connector.exchange.standard.clocks import QuickClock, until
from test.hummingbot.connector.exchange.standard.fake_node import FUNCTIONS_BY_NAME, STRANGER, Asked, FakeNode

NETWORK = CONSTANTS.NETWORKS[CONSTANTS.DEFAULT_DOMAIN]
API_URL = NETWORK.api_urls[0]
WRAPPED_NATIVE = "0x046ede9564a72571df6f5e44d0405360c0f4dcab"
PRIVATE_KEY = "0x" + "11" * 32
BASE = Token("0x" + "ba" * 20, "COINALPHA", 18)
QUOTE = Token("0x" + "9c" * 20, "HBOT", 6)
MARKET = Market(BASE, QUOTE, "0x" + "b0" * 20)
UNLISTED = "0x" + "ee" * 20


def token_row(token: Token) -> dict[str, Any]:
    return {"id": to_checksum(token.address), "name": token.symbol, "symbol": token.symbol, "decimals": token.decimals,
            "totalSupply": 1e22, "logoURI": "", "priceUSD": 1.0, "creator": None}


def pair_row(base: Token, quote: Token, book: str) -> dict[str, Any]:
    return {"id": to_checksum(book), "symbol": f"{base.symbol}/{quote.symbol}", "type": "spot", "exchange": "Standard",
            "base": token_row(base), "quote": token_row(quote), "bDecimal": base.decimals, "qDecimal": quote.decimals,
            "price": 9999.9, "listingDate": 1750000000, "tradesCount": None}


def pairs_answer(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"pairs": list(rows), "totalCount": len(rows), "totalPages": 1, "pageSize": "100"}


class StandardAnswers:
    """The suite's abstract members for StandardExchange, to be mixed into its test case."""

    exchange: StandardExchange
    # The suite makes exchange order ids by appending a digit to this.
    exchange_order_id_prefix = f"{MARKET.book}:bid:"

    def setUp(self) -> None:
        self.log_callbacks: list[tuple[str, Any]] = []
        super().setUp()
        logging.getLogger(trading_rules.__name__).addHandler(self)
        self.addCleanup(logging.getLogger(trading_rules.__name__).removeHandler, self)
        for module, name, seconds in ((account_events, "CATCH_UP_TIMEOUT", 0.3),
                                      (standard_exchange, "IDLE_ACCOUNT_INTERVAL", 1.0)):
            patcher = patch.object(module, name, seconds)
            patcher.start()
            self.addCleanup(patcher.stop)

    async def asyncSetUp(self) -> None:
        """The connector as after start_network: markets known, account ready, own orders followed.

        The tests of the pair list, of the first status and of the network check begin without any of it. Those that put their
        own queue in the place of the user stream's run the listener themselves.
        """
        await super().asyncSetUp()
        if any(what in self._testMethodName for what in ("trading_pair", "initial_status", "check_network")):
            return
        with aioresponses() as api:
            api.get(self.all_symbols_url, payload=self.all_symbols_request_mock_response)
            await self.exchange._trading_account()
        if "user_" not in self._testMethodName:
            self.async_tasks += [asyncio.create_task(self.exchange._user_stream_tracker.start()),
                                 asyncio.create_task(self.exchange._user_stream_event_listener())]
            await until(lambda: self.node.received("eth_getLogs"))
            # What rests of an earlier run is looked up once; a test may put something there only afterwards.
            await until(lambda: self.exchange._resuming is not None and self.exchange._resuming.done())

    async def asyncTearDown(self) -> None:
        for task in self.async_tasks:
            task.cancel()
        await self.exchange.stop_network()
        await asyncio.gather(*self.async_tasks, return_exceptions=True)
        await ConnectionsFactory().close()
        await super().asyncTearDown()

    # What the suite has to know of the API

    @property
    def all_symbols_url(self):
        return f"{API_URL}/api/pairs/100/1"

    @property
    def trading_rules_url(self):
        return self.all_symbols_url

    @property
    def latest_prices_url(self):
        return re.compile(re.escape(f"{API_URL}/api/trades/pair/{to_checksum(BASE.address)}/{to_checksum(QUOTE.address)}/"))

    @property
    def network_status_url(self):
        return f"{API_URL}/api/exchange"

    @property
    def order_creation_url(self):
        return "limitBuy"

    @property
    def balance_url(self):
        return "balanceOf"

    @property
    def all_symbols_request_mock_response(self):
        return pairs_answer(pair_row(BASE, QUOTE, MARKET.book))

    @property
    def all_symbols_including_invalid_pair_mock_response(self):
        fake = Token(UNLISTED, "FAKE", 18)
        return "FAKE-HBOT", pairs_answer(pair_row(BASE, QUOTE, MARKET.book), pair_row(fake, QUOTE, UNLISTED))

    @property
    def latest_prices_request_mock_response(self):
        return {"trades": [{
            "id": "1", "orderId": 7, "base": to_checksum(BASE.address), "quote": to_checksum(QUOTE.address),
            "pair": to_checksum(MARKET.book), "isBid": True, "price": self.expected_latest_price, "baseAmount": 1.5,
            "quoteAmount": 14999.85, "timestamp": 1758000000, "taker": to_checksum(STRANGER), "maker": to_checksum(STRANGER),
            "txHash": "0x" + "12" * 32}], "totalCount": 1, "totalPages": 1, "pageSize": 1}

    @property
    def network_status_request_successful_mock_response(self):
        return {"id": "standard-exchange", "deployer": to_checksum("0x" + "fa" * 20), "bytecode": "0x", "totalDayBuckets": 1,
                "totalWeekBuckets": 1, "totalMonthBuckets": 1}

    @property
    def trading_rules_request_mock_response(self):
        return self.all_symbols_request_mock_response

    @property
    def trading_rules_request_erroneous_mock_response(self):
        return self.all_symbols_request_mock_response

    @property
    def order_creation_request_successful_mock_response(self):
        return {}

    @property
    def balance_request_mock_response_for_base_and_quote(self):
        return {BASE.symbol: (Decimal(10), Decimal(5)), QUOTE.symbol: (Decimal(2000), Decimal(0))}

    @property
    def balance_request_mock_response_only_base(self):
        return {BASE.symbol: (Decimal(10), Decimal(5)), QUOTE.symbol: (Decimal(0), Decimal(0))}

    @property
    def balance_event_websocket_update(self):
        return BalanceChange(BASE.address, BASE.to_units(Decimal(10)), 101)

    @property
    def expected_latest_price(self):
        return 9999.9

    @property
    def expected_supported_order_types(self):
        return [OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET]

    @property
    def expected_trading_rule(self):
        # At a price of 10,000 the smallest buy spends 0.01 HBOT, which brings the smallest step of a buy.
        step = Decimal("0.000001").quantize(Decimal("1E-18"))
        return TradingRule(trading_pair=self.trading_pair, min_order_size=step, min_price_increment=Decimal("1E-8"),
                           min_base_amount_increment=step, min_notional_size=Decimal(0))

    @property
    def expected_exchange_order_id(self):
        return f"{MARKET.book}:bid:1"

    @property
    def is_order_fill_http_update_included_in_status_update(self):
        return True

    @property
    def is_order_fill_http_update_executed_during_websocket_order_event_processing(self):
        return False

    @property
    def expected_partial_fill_price(self):
        return Decimal("10000")

    @property
    def expected_partial_fill_amount(self):
        return Decimal("0.5")

    @property
    def expected_fill_fee(self):
        return DeductedFromReturnsTradeFee(flat_fees=[TokenAmount(BASE.symbol, Decimal("0.001"))])

    @property
    def expected_fill_trade_id(self):
        return f"{MARKET.book}:1"

    def exchange_symbol_for_tokens(self, base_token: str, quote_token: str) -> str:
        return MARKET.book

    def create_exchange_instance(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        exchange = StandardExchange(standard_private_key=PRIVATE_KEY, trading_pairs=[self.trading_pair], clock=QuickClock(),
                                    data_path=Path(folder.name))
        self.account = exchange.authenticator.wallet.address
        self.node = FakeNode(NETWORK.chain_id, NETWORK.engine, WRAPPED_NATIVE, (MARKET,))
        self.node.market_prices[MARKET.book] = price_to_chain(Decimal(10000))
        exchange.venue.rpc._transport = self.node
        return exchange

    # What the suite has to know of the chain: requests are named by the function that they call

    def _all_executed_requests(self, api_mock, url):
        return self.node.received(url) if url in FUNCTIONS_BY_NAME or url == "eth_getLogs" else \
            super()._all_executed_requests(api_mock, url)

    def validate_auth_credentials_present(self, request_call: Asked):
        # Only what changes something is signed.
        signed = request_call.name in ("limitBuy", "limitSell", "cancelOrder")
        self.assertEqual(self.account if signed else "", request_call.sender)

    def validate_order_creation_request(self, order: InFlightOrder, request_call: Asked):
        is_buy = order.trade_type is TradeType.BUY
        deposit = QUOTE.to_units(order.amount * order.price) if is_buy else BASE.to_units(order.amount)
        self.assertEqual("limitBuy" if is_buy else "limitSell", request_call.name)
        self.assertEqual(NETWORK.engine, request_call.to)
        self.assertEqual((BASE.address, QUOTE.address, price_to_chain(order.price), deposit, True, 20, self.account),
                         request_call.arguments)

    def validate_order_cancelation_request(self, order: InFlightOrder, request_call: Asked):
        key = OrderKey.parse(order.exchange_order_id)
        self.assertEqual(NETWORK.engine, request_call.to)
        self.assertEqual((BASE.address, QUOTE.address, key.is_bid, key.id), request_call.arguments)

    def validate_order_status_request(self, order: InFlightOrder, request_call: Asked):
        key = OrderKey.parse(order.exchange_order_id)
        self.assertEqual((key.book, (key.is_bid, key.id)), (request_call.to, request_call.arguments))

    def validate_trades_request(self, order: InFlightOrder, request_call: Asked):
        (query,) = request_call.arguments
        self.assertEqual(NETWORK.engine, query["address"])
        self.assertLessEqual({ORDER_MATCHED.topic, ORDER_CANCELED.topic}, set(query["topics"][0]))

    def rest(self, order: InFlightOrder, exchange_order_id: str = "") -> OrderKey:
        """The order rests on the chain and the connector knows that it is its own, as after placing it."""
        if exchange_order_id:
            order.update_exchange_order_id(exchange_order_id)
        key = OrderKey.parse(order.exchange_order_id)
        price = price_to_chain(order.price)
        deposit = QUOTE.to_units(order.amount * order.price) if key.is_bid else BASE.to_units(order.amount)
        self.node.rest(key, self.account, price, deposit)
        self.exchange._account.settlement.restore([Resting(key, order.client_order_id, price, deposit)])
        return key

    def fill(self, order: InFlightOrder, part: Decimal = Decimal(1)) -> None:
        key = self.rest(order)
        amount = order.amount * part
        self.node.fill(key, BASE.to_units(amount), QUOTE.to_units(amount * order.price), BASE.to_units(Decimal("0.001")),
                       clear=part == 1)

    def handle(self, record) -> None:
        super().handle(record)
        for beginning, callback in self.log_callbacks:
            if record.getMessage().startswith(beginning):
                callback()

    def configure_successful_cancelation_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.rest(order)
        # The suite looks a tenth of a second after this callback; for a lost order it has waited for the cancel before.
        if order.client_order_id in self.exchange.in_flight_orders:
            self.log_callbacks.append((f"Successfully canceled order {order.client_order_id}", callback))
        else:
            self.node.on("cancelOrder", callback)
        return "cancelOrder"

    def configure_erroneous_cancelation_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.rest(order)
        self.node.refuse("cancelOrder", "Error", "Pausable: paused")
        self.log_callbacks.append((f"Failed to cancel order {order.client_order_id}", callback))
        return "cancelOrder"

    def configure_order_not_found_error_cancelation_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        # The chain needs several questions to tell that an order is gone; the suite looks right after this callback.
        count = self.exchange._order_tracker.process_order_not_found

        async def counted(client_order_id: str) -> None:
            await count(client_order_id)
            callback()

        self.exchange._order_tracker.process_order_not_found = counted
        return "cancelOrder"

    def configure_one_successful_one_erroneous_cancel_all_response(self, successful_order, erroneous_order, mock_api):
        self.rest(successful_order)
        self.rest(erroneous_order, f"{MARKET.book}:ask:5")
        self.node.ignore("cancelOrder", when=lambda *arguments: arguments[-1] == 5)
        return ["cancelOrder"]

    def configure_completely_filled_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.node.on("getOrder", callback)
        return ["getOrder"]

    def configure_canceled_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.node.cancel(self.rest(order, f"{MARKET.book}:bid:100234"))
        return ["getOrder"]

    def configure_open_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.rest(order)
        return ["getOrder"]

    def configure_http_error_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.rest(order)
        self.node.down.add("eth_call")
        return ""

    def configure_partially_filled_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.node.on("getOrder", callback)
        return "getOrder"

    def configure_order_not_found_error_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.node.down.clear()
        self.node.logs.clear()
        if (key := OrderKey.parse(order.exchange_order_id)) is not None:
            self.exchange._account.settlement.forget(key)  # as the chain, the logs know nothing of it
        self.node.on("getOrder", callback)
        return ["getOrder"]

    def configure_partial_fill_trade_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.fill(order, self.expected_partial_fill_amount)
        self.node.on("eth_getLogs", callback)
        return "eth_getLogs"

    def configure_erroneous_http_fill_trade_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.fill(order)
        self.node.down.add("eth_getLogs")
        return "eth_getLogs"

    def configure_full_fill_trade_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self.fill(order)
        self.node.on("eth_getLogs", callback or (lambda: None))
        return "eth_getLogs"

    def _configure_balance_response(self, response, mock_api, callback=lambda *args, **kwargs: None):
        for token in (BASE, QUOTE):
            held, resting = response[token.symbol]
            self.node.balances[token.address, self.account] = token.to_units(held)
            if resting:
                key = OrderKey(MARKET.book, False, 99)
                self.exchange._account.settlement.restore([Resting(key, "other", 10 ** 12, token.to_units(resting))])
        return self.balance_url

    # Events of the user stream: logs of the engine

    def order_event_for_new_order_websocket_update(self, order):
        return None

    def order_event_for_canceled_order_websocket_update(self, order):
        key = self.rest(order)
        deposit = self.node.orders[key].deposit
        return self.logs(OrderCanceled(key.book, key.id, key.is_bid, self.account, deposit))

    def order_event_for_full_fill_websocket_update(self, order):
        return None  # the log of the last fill says that the order is done

    def trade_event_for_full_fill_websocket_update(self, order):
        key = self.rest(order)
        return self.logs(OrderMatched(
            key.book, 1, key.id, not key.is_bid, price_to_chain(order.price), BASE.to_units(order.amount), True, STRANGER,
            self.account, BASE.to_units(order.amount), QUOTE.to_units(order.amount * order.price),
            BASE.to_units(Decimal("0.001")), 0, 1))

    @staticmethod
    def logs(event: OrderCanceled | OrderMatched) -> OrderLogs:
        return OrderLogs([EngineLog(event, "0x" + "34" * 32, 101, 0)], 101)

    @property
    def expected_logged_error_for_erroneous_trading_rule(self):
        return f"The chain does not tell the rules of {self.trading_pair}; it cannot be traded until it does."

    def configure_erroneous_trading_rules_response(self, mock_api, callback=lambda *args, **kwargs: None):
        # Trading rules are read from the chain; the API only lists.
        self.node.refuse("lmp", "Error", "broken book")
        return super().configure_erroneous_trading_rules_response(mock_api, callback)
