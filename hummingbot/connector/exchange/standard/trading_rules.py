"""Hummingbot's trading rule of a market, from what the chain says (docs/protocol.md, "Minimum size", "Units and prices")."""
from decimal import Decimal

from hummingbot.connector.exchange.standard.markets import PRICE_STEP, Market
from hummingbot.connector.exchange.standard.venue import MarketFacts
from hummingbot.connector.trading_rule import TradingRule


def trading_rule(market: Market, facts: MarketFacts) -> TradingRule:
    """Steps by the tokens' decimals; the minimum at the current market price. There is no economic minimum."""
    step = market.base.from_units(market.base_step)
    smallest = market.base.from_units(market.smallest_order(facts.market_price)) if facts.market_price else step
    return TradingRule(trading_pair=market.trading_pair, min_order_size=smallest, min_price_increment=PRICE_STEP,
                       min_base_amount_increment=step, min_notional_size=Decimal(0))
