"""Who may see an account's private channels: signatures under a login text, verified by recovery (docs/stream_protocol.md)."""
import re
from typing import Any

from coincurve import PublicKey
from eth_hash.auto import keccak

from hummingbot.connector.exchange.standard.clock import Clock

MOST_AGE_MS = 30_000
MOST_AHEAD_MS = 5_000

MISSING, WRONG_SIGNATURE, STALE, IN_FUTURE, REPLAYED = 2001, 2002, 2003, 2004, 2005

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


class AuthenticationRefused(Exception):
    """Why somebody is not let in; `code` as in the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Authenticator:
    """Verifies logins of one exchange, each of which counts once."""

    def __init__(self, chain_id: int, engine: str, clock: Clock) -> None:
        self._chain_id = chain_id
        self._engine = engine
        self._clock = clock
        self._used: dict[tuple[str, int], None] = {}

    def text(self, address: str, timestamp: int) -> str:
        """What the owner of `address` (lower case) signs to log in at `timestamp`, in milliseconds."""
        return "\n".join(("Standard stream login", f"engine: {self._engine}", f"chain: {self._chain_id}",
                          f"address: {address}", f"timestamp: {timestamp}"))

    def verify(self, params: dict[str, Any]) -> str:
        """The address, lower case, that the parameters prove. Raises AuthenticationRefused."""
        address, timestamp, signature = (params.get(name) for name in ("api_key", "timestamp", "signature"))
        if address is None or timestamp is None or signature is None:
            raise AuthenticationRefused(MISSING, "this channel needs api_key, timestamp and signature")
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address) or not isinstance(signature, str) \
                or not _SIGNATURE.fullmatch(signature) or not isinstance(timestamp, int) or isinstance(timestamp, bool):
            raise AuthenticationRefused(WRONG_SIGNATURE, "api_key, timestamp or signature is malformed")
        address = address.lower()
        now = int(self._clock.time() * 1e3)
        if timestamp < now - MOST_AGE_MS:
            raise AuthenticationRefused(STALE, f"the timestamp is older than {MOST_AGE_MS // 1000} s")
        if timestamp > now + MOST_AHEAD_MS:
            raise AuthenticationRefused(IN_FUTURE, "the timestamp is in the future")
        if signer(self.text(address, timestamp), bytes.fromhex(signature[2:])) != address:
            raise AuthenticationRefused(WRONG_SIGNATURE, "the signature is not api_key's")
        for key in [key for key in self._used if key[1] < now - MOST_AGE_MS]:
            del self._used[key]
        if (address, timestamp) in self._used:
            raise AuthenticationRefused(REPLAYED, "this timestamp was used before")
        self._used[address, timestamp] = None
        return address


def signer(text: str, signature: bytes) -> str | None:
    """The address, lower case, whose key made an EIP-191 signature of 65 bytes under a text; None when there is none."""
    message = text.encode()
    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
    recovery = signature[64] - 27 if signature[64] >= 27 else signature[64]
    if recovery not in (0, 1):
        return None
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes((recovery,)), digest, hasher=None)
    except ValueError:
        return None
    return "0x" + keccak(key.format(compressed=False)[1:])[12:].hex()
