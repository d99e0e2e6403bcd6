"""The wallet: one private key, the address that belongs to it, and its signatures under transactions and messages.

Everything is put together by hand: a transaction is a short list of byte strings, and building it here takes a tenth of
the time that a general library needs. The signature itself is made by libsecp256k1 (the package `coincurve`).
"""
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.hashing import keccak
from hummingbot.connector.exchange.standard.errors import ConfigurationError

try:
    import coincurve
except ImportError:  # named when a wallet is made, where the user can be told
    coincurve = None  # type: ignore[assignment]

_GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_KEY_DIGITS = 64
_ADDRESS_DIGITS = 40


class Fees(NamedTuple):
    """What a transaction offers for one unit of gas, in wei.

    `max_fee` is the most it ever pays and `priority_fee` the part of it meant for the block's producer; a `legacy`
    transaction pays exactly `max_fee`.
    """

    max_fee: int
    priority_fee: int
    legacy: bool = False


class SignedTransaction(NamedTuple):
    """The bytes for eth_sendRawTransaction and the hash (lower-case hex) under which the chain will know them."""

    raw: bytes
    hash: str


def _rlp_bytes(item: bytes) -> bytes:
    size = len(item)
    if size == 1 and item[0] < 0x80:
        return item
    return _rlp_head(size, 0x80) + item


def _rlp_head(size: int, offset: int) -> bytes:
    if size < 56:
        return bytes((offset + size,))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(length),)) + length


def _rlp_list(encoded: Sequence[bytes]) -> bytes:
    body = b"".join(encoded)
    return _rlp_head(len(body), 0xC0) + body


def _rlp_int(value: int) -> bytes:
    return _rlp_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


_EMPTY_LIST = _rlp_list([])


def _secret(private_key: str) -> bytes:
    """The 32 bytes of the key. Every sentence here is shown to a person, and none contains a part of the key."""
    digits = private_key.strip().removeprefix("0x").removeprefix("0X")
    if not digits:
        raise ConfigurationError("The private key is empty: enter the 64 hexadecimal digits that your wallet shows "
                                 "when it exports the private key of an account.")
    if not re.fullmatch("[0-9a-fA-F]*", digits):
        raise ConfigurationError("The private key contains characters that are not hexadecimal digits (0-9, a-f): "
                                 "enter the exported key of an account, not a password or a seed phrase.")
    if len(digits) == _ADDRESS_DIGITS:
        raise ConfigurationError("This is an address, not a private key: enter the 64 hexadecimal digits that your "
                                 "wallet shows when it exports the private key of that account.")
    if len(digits) != _KEY_DIGITS:
        raise ConfigurationError(f"A private key has 64 hexadecimal digits, but {len(digits)} were entered: "
                                 f"export the key again and copy all of it.")
    secret = bytes.fromhex(digits)
    if not 0 < int.from_bytes(secret, "big") < _GROUP_ORDER:
        raise ConfigurationError("These 64 digits cannot be a private key (zero, or above the largest possible key): "
                                 "export the key again and copy all of it.")
    return secret


class Wallet:
    """An account that can sign. The key is kept inside and appears in no text; `address` is lower case.

    Accepts the key with or without "0x" and with spaces around it. Raises ConfigurationError, with one sentence for the
    user, when it cannot be a key or when `coincurve` is not installed.
    """

    __slots__ = ("_key", "address")

    def __init__(self, private_key: str) -> None:
        secret = _secret(private_key)
        if coincurve is None:
            raise ConfigurationError("Signing needs the Python package coincurve, which is missing in this environment: "
                                     "install it with `pip install coincurve`.")
        self._key: Any = coincurve.PrivateKey(secret)
        self.address = "0x" + keccak(self._key.public_key.format(compressed=False)[1:])[12:].hex()

    def __repr__(self) -> str:
        return f"<Wallet {self.address}>"

    def __reduce__(self) -> str:
        raise TypeError("a wallet is not written to disk")

    def sign_transaction(self, *, chain_id: int, nonce: int, to: str, value: int, data: bytes, gas_limit: int,
                         fees: Fees) -> SignedTransaction:
        """A signed transaction: EIP-1559, or with EIP-155 replay protection when `fees` are legacy. `value` in wei."""
        target = bytes.fromhex(to[2:])
        if fees.legacy:
            fields = [_rlp_int(nonce), _rlp_int(fees.max_fee), _rlp_int(gas_limit), _rlp_bytes(target), _rlp_int(value),
                      _rlp_bytes(data)]
            r, s, parity = self._sign(keccak(_rlp_list([*fields, _rlp_int(chain_id), b"\x80", b"\x80"])))
            raw = _rlp_list([*fields, _rlp_int(35 + 2 * chain_id + parity), r, s])
        else:
            fields = [_rlp_int(chain_id), _rlp_int(nonce), _rlp_int(fees.priority_fee), _rlp_int(fees.max_fee),
                      _rlp_int(gas_limit), _rlp_bytes(target), _rlp_int(value), _rlp_bytes(data), _EMPTY_LIST]
            r, s, parity = self._sign(keccak(b"\x02" + _rlp_list(fields)))
            raw = b"\x02" + _rlp_list([*fields, _rlp_int(parity), r, s])
        return SignedTransaction(raw, "0x" + keccak(raw).hex())

    def sign_message(self, text: str) -> str:
        """The signature under a text (EIP-191, "personal sign") as 65 bytes in lower-case hex, the last one 27 or 28."""
        message = text.encode()
        digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
        signature: bytes = self._key.sign_recoverable(digest, hasher=None)
        return "0x" + (signature[:64] + bytes((27 + signature[64],))).hex()

    def _sign(self, digest: bytes) -> tuple[bytes, bytes, int]:
        signature: bytes = self._key.sign_recoverable(digest, hasher=None)
        r, s = signature[:32].lstrip(b"\0"), signature[32:64].lstrip(b"\0")
        return _rlp_bytes(r), _rlp_bytes(s), signature[64]
