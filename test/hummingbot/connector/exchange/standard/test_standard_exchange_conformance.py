"""Hummingbot's own conformance suite for exchange connectors, run over StandardExchange.

REST answers are mocked at the HTTP client; the chain is the fake node at the transport seam. A test of the suite is
redefined only where an order is a transaction instead of a POST, where the end of an order is told by the log of its last
fill, or where the suite demands a known fault (to count any request error as "order not found").
"""
import asyncio
from decimal import Decimal
from typing import Any
from unittest.mock import AsyncMock

from hummingbot.connector.exchange.standard.markets import price_to_chain
from hummingbot.connector.test_support.exchange_connector_test import AbstractExchangeConnectorTests
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from test.hummingbot.connector.exchange.standard.clocks import until
from test.hummingbot.connector.exchange.standard.conformance_answers import BASE, MARKET, NETWORK, QUOTE, StandardAnswers


class StandardExchangeTests(StandardAnswers, AbstractExchangeConnectorTests.ExchangeConnectorTests):
    # Redefined: an order is a transaction, not a POST

    def check_created(self, order_id: str, trade_type: TradeType, create_event: Any, exchange_order_id: str) -> None:
        name = "limitBuy" if trade_type is TradeType.BUY else "limitSell"
        spent = QUOTE if trade_type is TradeType.BUY else BASE
        (order_request,) = self.node.received(name)
        self.validate_auth_credentials_present(order_request)
        self.assertIn(order_id, self.exchange.in_flight_orders)
        self.validate_order_creation_request(self.exchange.in_flight_orders[order_id], order_request)
        (approval,) = self.node.received("approve")
        self.assertEqual((spent.address, NETWORK.engine), (approval.to, approval.arguments[0]))
        self.assertEqual(self.exchange.current_timestamp, create_event.timestamp)
        self.assertEqual(self.trading_pair, create_event.trading_pair)
        self.assertEqual(OrderType.LIMIT, create_event.type)
        self.assertEqual(Decimal("100"), create_event.amount)
        self.assertEqual(Decimal("10000"), create_event.price)
        self.assertEqual(order_id, create_event.order_id)
        self.assertEqual(exchange_order_id, create_event.exchange_order_id)
        self.assertTrue(self.is_logged("INFO", self.exchange.in_flight_orders[order_id].build_order_created_message()))

    async def test_create_buy_limit_order_successfully(self):
        """Redefined: the order is a transaction, and its receipt is what says that it was created."""
        self._simulate_trading_rules_initialized()
        self.exchange._set_current_timestamp(1640780000)
        order_id = self.place_buy_order()
        await until(lambda: self.buy_order_created_logger.event_log)
        self.check_created(order_id, TradeType.BUY, self.buy_order_created_logger.event_log[0], f"{MARKET.book}:bid:1")

    async def test_create_sell_limit_order_successfully(self):
        """Redefined: the order is a transaction, and its receipt is what says that it was created."""
        self._simulate_trading_rules_initialized()
        self.exchange._set_current_timestamp(1640780000)
        order_id = self.place_sell_order()
        await until(lambda: self.sell_order_created_logger.event_log)
        self.check_created(order_id, TradeType.SELL, self.sell_order_created_logger.event_log[0], f"{MARKET.book}:ask:1")

    async def test_create_order_fails_and_raises_failure_event(self):
        """Redefined: a refusal is a reverted transaction, and the log gives its reason instead of a traceback."""
        self._simulate_trading_rules_initialized()
        self.exchange._set_current_timestamp(1640780000)
        self.node.refuse("limitBuy", "OrderSizeTooSmall", 1, 2)
        order_id = self.place_buy_order()
        await until(lambda: self.order_failure_logger.event_log)

        self.assertNotIn(order_id, self.exchange.in_flight_orders)
        self.assertEqual(0, len(self.buy_order_created_logger.event_log))
        (failure_event,) = self.order_failure_logger.event_log
        self.assertEqual(self.exchange.current_timestamp, failure_event.timestamp)
        self.assertEqual(OrderType.LIMIT, failure_event.order_type)
        self.assertEqual(order_id, failure_event.order_id)
        self.assertEqual("The exchange refused the order: OrderSizeTooSmall(1, 2)", failure_event.error_message)
        self.assertTrue(self.is_logged(
            "WARNING", f"The buy order {order_id} of 100.000000 {self.trading_pair} at 10000.0000 failed: "
                       "The exchange refused the order: OrderSizeTooSmall(1, 2)"))

    async def test_create_order_fails_when_trading_rule_error_and_raises_failure_event(self):
        """Redefined: the second order, which only marks the end, is a transaction."""
        self._simulate_trading_rules_initialized()
        self.exchange._set_current_timestamp(1640780000)
        invalid_order_id = self.place_buy_order(amount=Decimal("0.0001"), price=Decimal("0.0001"))
        self.place_buy_order()
        await until(lambda: self.node.received("limitBuy"))

        self.assertEqual(1, len(self.node.received("limitBuy")))
        self.assertNotIn(invalid_order_id, self.exchange.in_flight_orders)
        (failure_event,) = self.order_failure_logger.event_log
        self.assertEqual(self.exchange.current_timestamp, failure_event.timestamp)
        self.assertEqual(OrderType.LIMIT, failure_event.order_type)
        self.assertEqual(invalid_order_id, failure_event.order_id)
        self.assertEqual(f"Order amount 0.0001 is lower than minimum order size 0.01 for the pair {self.trading_pair}. "
                         "The order will not be created.", failure_event.error_message)

    async def test_update_balances(self):
        """Redefined: a listed token that is not held is 0 instead of missing, so that an empty wallet is ready too."""
        await until(lambda: self.exchange._resuming is not None and self.exchange._resuming.done())
        self._configure_balance_response(self.balance_request_mock_response_for_base_and_quote, None)
        await self.exchange._update_balances()
        self.assertEqual(Decimal("10"), self.exchange.available_balances[BASE.symbol])
        self.assertEqual(Decimal("2000"), self.exchange.available_balances[QUOTE.symbol])
        self.assertEqual(Decimal("15"), self.exchange.get_all_balances()[BASE.symbol])
        self.assertEqual(Decimal("2000"), self.exchange.get_all_balances()[QUOTE.symbol])

        self._configure_balance_response(self.balance_request_mock_response_only_base, None)
        await self.exchange._update_balances()
        self.assertEqual(Decimal("10"), self.exchange.available_balances[BASE.symbol])
        self.assertEqual(Decimal("15"), self.exchange.get_all_balances()[BASE.symbol])
        self.assertEqual(Decimal(0), self.exchange.available_balances[QUOTE.symbol])
        self.assertEqual(Decimal(0), self.exchange.get_all_balances()[QUOTE.symbol])

    async def test_user_stream_update_for_new_order(self):
        """Redefined: an order is opened by the receipt of its own transaction, before any fill that the receipt tells."""
        self._simulate_trading_rules_initialized()
        self.exchange._set_current_timestamp(1640780000)
        self.node.cross_next(price_to_chain(Decimal(10000)), BASE.to_units(Decimal(40)), QUOTE.to_units(Decimal(400_000)),
                             BASE.to_units(Decimal("0.001")))
        order_id = self.place_buy_order()
        await until(lambda: self.order_filled_logger.event_log)

        order = self.exchange.in_flight_orders[order_id]
        (created,) = self.buy_order_created_logger.event_log
        (filled,) = self.order_filled_logger.event_log
        self.assertEqual((order_id, f"{MARKET.book}:bid:1", Decimal(100)),
                         (created.order_id, created.exchange_order_id, created.amount))
        self.assertEqual((order_id, Decimal(40), Decimal(10000), self.expected_fill_fee),
                         (filled.order_id, filled.amount, filled.price, filled.trade_fee))
        messages = [record.getMessage() for record in self.log_records]
        self.assertLess(messages.index(order.build_order_created_message()),
                        next(index for index, message in enumerate(messages) if "has been filled at" in message))
        await until(lambda: order.current_state is OrderState.PARTIALLY_FILLED)

    async def test_user_stream_balance_update(self):
        """Redefined: the suite tests nothing when balances are polled, but balance events are understood all the same."""
        self.exchange._set_current_timestamp(1640780000)
        queue = AsyncMock()
        queue.get.side_effect = [self.balance_event_websocket_update, asyncio.CancelledError]
        self.exchange._user_stream_tracker._user_stream = queue
        with self.assertRaises(asyncio.CancelledError):
            await self.exchange._user_stream_event_listener()
        self.assertEqual(Decimal("10"), self.exchange.available_balances[BASE.symbol])

    # Redefined: what the suite demands is the fault that loses live orders

    def track_order(self) -> InFlightOrder:
        self.exchange._set_current_timestamp(1640780000)
        self.exchange.start_tracking_order(
            order_id="11", exchange_order_id=self.expected_exchange_order_id, trading_pair=self.trading_pair,
            order_type=OrderType.LIMIT, trade_type=TradeType.BUY, price=Decimal("10000"), amount=Decimal("1"))
        return self.exchange.in_flight_orders["11"]

    async def test_update_order_status_when_request_fails_marks_order_as_not_found(self):
        """Redefined: a request that fails says nothing about an order, so nothing is counted however often it fails."""
        order = self.track_order()
        self.configure_http_error_order_status_response(order, None)
        for _ in range(self.exchange._order_tracker._lost_order_count_limit + 2):
            await self.exchange._update_order_status()
        self.assertIn(order.client_order_id, self.exchange.in_flight_orders)
        self.assertTrue(order.is_open)
        self.assertNotIn(order.client_order_id, self.exchange._order_tracker._order_not_found_records)

        self.node.down.clear()
        await self.exchange._update_order_status()
        await until(lambda: order.current_state is OrderState.OPEN)

    async def test_update_order_status_when_filled_correctly_processed_even_when_trade_fill_update_fails(self):
        """Redefined: an order without its fills is not completed; it stays as it is until the fills can be read."""
        order = self.track_order()
        self.configure_erroneous_http_fill_trade_response(order, None)
        await self.exchange._update_order_status()
        self.assertIn(order.client_order_id, self.exchange.in_flight_orders)
        self.assertFalse(order.is_done)
        self.assertNotIn(order.client_order_id, self.exchange._order_tracker._order_not_found_records)
        self.assertEqual(0, len(self.buy_order_completed_logger.event_log))

        self.node.down.clear()
        await self.exchange._update_order_status()
        await until(lambda: self.buy_order_completed_logger.event_log)
        self.assertEqual(Decimal(1), self.order_filled_logger.event_log[0].amount)
        self.assertEqual(Decimal(1), self.buy_order_completed_logger.event_log[0].base_asset_amount)
        self.assertEqual(Decimal(10000), self.buy_order_completed_logger.event_log[0].quote_asset_amount)
        self.assertTrue(order.is_filled)

    # Redefined: the log of the last fill is the end of the order

    async def test_lost_order_included_in_order_fills_update_and_not_in_order_status_update(self):
        """Redefined: the fill of a lost order is told, and the same log ends it, so no second look is needed."""
        order = self.track_order()
        for _ in range(self.exchange._order_tracker._lost_order_count_limit + 1):
            await self.exchange._order_tracker.process_order_not_found(client_order_id=order.client_order_id)
        self.assertIn(order.client_order_id, self.exchange._order_tracker.lost_orders)
        self.configure_full_fill_trade_response(order, None)

        await self.exchange._update_order_status()
        await until(lambda: self.order_filled_logger.event_log)
        (fill_event,) = self.order_filled_logger.event_log
        self.assertEqual((order.client_order_id, order.price, order.amount, self.expected_fill_fee),
                         (fill_event.order_id, fill_event.price, fill_event.amount, fill_event.trade_fee))
        await until(lambda: not self.exchange._order_tracker.lost_orders)
        self.assertTrue(order.is_failure)
        self.assertNotIn(order.client_order_id, self.exchange._order_tracker.all_fillable_orders)
        self.assertEqual(0, len(self.buy_order_completed_logger.event_log))
        self.assertEqual([], self.node.received("getOrder"))
