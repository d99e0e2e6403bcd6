"""The errors of the connector: one small tree, one child for each thing that a caller would treat differently.

Messages say what was attempted and what the user can do. A private key appears in no message and no repr.
"""
from typing import Any


class StandardError(Exception):
    """Any failure that the connector itself reports."""


class ConfigurationError(StandardError, ValueError):
    """What the user entered cannot work: a malformed key, a wrong chain behind the RPC URL, an engine without code."""


class UnknownMarketError(ConfigurationError):
    """A trading pair or token that the exchange does not list (or that the connector left out, and said so)."""


class OrderRejectedError(StandardError):
    """The order can never rest or trade as asked: refused locally, or reverted by the engine for `reason`."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class OrderNotFoundError(StandardError):
    """The chain does not hold the order (any more). Never raised for a request that failed."""


class NotSentError(StandardError):
    """The transaction provably never reached a node; nothing happened on the chain."""


class InsufficientFundsError(NotSentError):
    """A node refused the transaction since the wallet cannot pay for it besides those that are on their way: one that asks for
    less, or comes after them, may be taken."""


class PostponedError(NotSentError):
    """What failed before is not sent again yet; the message tells why, and when it is sent."""


class OutcomeUnknownError(StandardError):
    """The transaction may have reached a node; only the chain can tell (docs/protocol.md, "Following a transaction")."""


class OutcomeForgottenError(OutcomeUnknownError):
    """A block may have held the transaction, and the nodes have forgotten that time: it is never sent again."""


class ApiUnavailableError(StandardError):
    """No usable answer from an endpoint: not reachable, timed out, or an HTTP error. Says nothing about orders."""


class StreamBrokenError(ApiUnavailableError):
    """A stream ended, went silent, or contradicts itself; what it told up to then holds."""


class RateLimitedError(ApiUnavailableError):
    """HTTP 427 or 429. `retry_after` is the pause in seconds that the server asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadDataError(ApiUnavailableError):
    """An answer that is not what the endpoint promises: not JSON, a wrong shape, NaN, a negative size."""


class RpcError(StandardError):
    """The node answered a JSON-RPC request with an error object."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.reason = message
        self.data = data
