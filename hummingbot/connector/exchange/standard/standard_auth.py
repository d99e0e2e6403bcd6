"""The wallet as identity: the address, and signatures for what a private stream wants to know of it."""
from typing import Any

from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.core.web_assistant.auth import AuthBase
from hummingbot.core.web_assistant.connections.data_types import RESTRequest, WSRequest


class StandardAuth(AuthBase):
    """`api_key` is the wallet's address and `api_secret` its private key, which never leaves the process.

    REST requests and JSON-RPC carry no authentication: reading needs none, and a transaction is its own proof. A private
    stream gets a signature of its own for each subscription (docs/stream_protocol.md, "Authentication"). Raises
    ConfigurationError for a key that is none, or that belongs to another address.
    """

    def __init__(self, api_key: str, api_secret: str, clock: Clock | None = None) -> None:
        self._wallet = Wallet(api_secret)
        self._api_key = self._wallet.address
        if api_key and api_key.lower() != self._wallet.address:
            raise ConfigurationError(f"The private key does not belong to {api_key} but to {self._wallet.address}.")
        self._clock = clock or SystemClock()
        self._exchange: tuple[int, str] | None = None
        self._last_timestamp = 0

    @property
    def wallet(self) -> Wallet:
        """The account that trades."""
        return self._wallet

    def bind(self, chain_id: int, engine: str) -> None:
        """Name the exchange that signatures are for: a login to one is worth nothing at another."""
        self._exchange = chain_id, engine.lower()

    async def get_ws_auth_params(self) -> dict[str, Any]:
        """What proves, once, to a stream that the caller owns the account: `api_key`, `timestamp` in ms and `signature`.

        Timestamps only grow, so that no two logins are the same. Raises ConfigurationError before `bind`.
        """
        timestamp = max(int(self._clock.time() * 1e3), self._last_timestamp + 1)
        signature = self._generate_signature(timestamp)
        self._last_timestamp = timestamp
        return {"api_key": self._api_key, "timestamp": timestamp, "signature": signature}

    def _generate_signature(self, timestamp: int) -> str:
        if self._exchange is None:
            raise ConfigurationError("A stream login needs to know its exchange first.")
        chain_id, engine = self._exchange
        return self._wallet.sign_message(f"Standard stream login\nengine: {engine}\nchain: {chain_id}\n"
                                         f"address: {self._api_key}\ntimestamp: {timestamp}")

    async def rest_authenticate(self, request: RESTRequest) -> RESTRequest:
        """The request as it is."""
        return request

    async def ws_authenticate(self, request: WSRequest) -> WSRequest:
        """The request as it is."""
        return request
