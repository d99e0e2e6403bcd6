"""The sandbox's own accounts: keys that anybody may know, and transactions signed with them."""
from coincurve import PrivateKey
from eth_hash.auto import keccak
from rlp import encode


class Wallet:
    """An account of the sandbox. Its key is public by design: it guards play money on a private chain."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._signer = PrivateKey(key)
        self.address = "0x" + keccak(self._signer.public_key.format(compressed=False)[1:])[12:].hex()

    def __repr__(self) -> str:
        return f"<Wallet {self.address}>"

    @property
    def private_key(self) -> str:
        """The key as people enter it: 0x and 64 hexadecimal digits."""
        return "0x" + self.key.hex()

    def sign(self, *, chain_id: int, nonce: int, to: str, gas_limit: int, gas_price: int, data: bytes = b"",
             value: int = 0) -> bytes:
        """The raw bytes of a legacy transaction; `value` and `gas_price` are in wei."""
        fields = [nonce, gas_price, gas_limit, bytes.fromhex(to[2:]), value, data]
        signature = self._signer.sign_recoverable(keccak(encode([*fields, chain_id, 0, 0])), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        raw: bytes = encode([*fields, 35 + 2 * chain_id + signature[64], r, s])
        return raw
