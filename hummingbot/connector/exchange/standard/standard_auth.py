"""The wallet as identity: the address, and signatures for what a private stream wants to know of it."""
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.core.web_assistant.auth import AuthBase
from hummingbot.core.web_assistant.connections.data_types import RESTRequest, WSRequest


class StandardAuth(AuthBase):
    """`api_key` is the wallet's address and `api_secret` its private key, which never leaves the process.

    REST requests and JSON-RPC carry no authentication: reading needs none, and a transaction is its own proof.
    """

    def __init__(self, api_key: str, api_secret: str) -> None:
        self._wallet = Wallet(api_secret)
        self._api_key = api_key or self._wallet.address

    @property
    def wallet(self) -> Wallet:
        """The account that trades."""
        return self._wallet

    async def rest_authenticate(self, request: RESTRequest) -> RESTRequest:
        """The request as it is."""
        return request

    async def ws_authenticate(self, request: WSRequest) -> WSRequest:
        """The request as it is."""
        return request
