"""The matching engine contract, put together from its parts."""
from hummingbot.connector.exchange.standard.sandbox.engine_admin import EngineAdmin
from hummingbot.connector.exchange.standard.sandbox.engine_batches import EngineBatches
from hummingbot.connector.exchange.standard.sandbox.engine_views import EngineViews


class MatchingEngine(EngineBatches, EngineAdmin, EngineViews):
    """The exchange: all orders, cancels, operator calls and views go through this contract (docs/protocol.md, "Calls")."""
